import { ActionIcon, Tooltip, useComputedColorScheme, useMantineColorScheme } from '@mantine/core'
import { IconArrowsDiff, IconBell, IconMoon, IconSearch, IconSun } from '@tabler/icons-react'
import { Link } from 'wouter'
import { previousLabel } from '@/lib/period'
import { useLiveState } from '@/live/live'
import { useScene, useView } from '@/view/useView'
import { AddFilter } from '@/widgets/FilterBar'
import { OpenAlerts } from './OpenAlerts'
import { PeriodPicker } from './PeriodPicker'
import { ScopePicker } from './ScopePicker'
import classes from './TopBar.module.css'

interface TopBarProps {
  hasPeriod: boolean
  /** Whether the page can be about one account. */
  hasScope: boolean
  /** Whether the page can leave the period before out. */
  compares: boolean
  openPalette: () => void
}

export function TopBar({ hasPeriod, hasScope, compares, openPalette }: TopBarProps) {
  return (
    <header className={classes.bar}>
      <ScopePicker disabled={!hasScope} />
      <button
        type="button"
        className={classes.search}
        onClick={openPalette}
        aria-label="Search and act"
      >
        <IconSearch size={15} aria-hidden="true" />
        <span>Search</span>
        <kbd>/</kbd>
      </button>
      {hasPeriod && <AddFilter />}
      <div className={classes.right}>
        <div className={classes.period} data-unused={hasPeriod ? undefined : true}>
          <PeriodPicker disabled={!hasPeriod} />
          {compares && <CompareToggle />}
        </div>
        <LiveDot />
        <Bell />
        <ThemeToggle />
      </div>
    </header>
  )
}

function CompareToggle() {
  const [view, changeView] = useView()
  const { now, tz } = useScene()
  return (
    <button
      type="button"
      className={classes.compare}
      aria-pressed={view.compare}
      onClick={() => changeView({ compare: !view.compare }, { replace: true })}
      title={`Compare with ${previousLabel(view.period, now, tz)} (c)`}
    >
      <IconArrowsDiff size={15} aria-hidden="true" />
      <span>Compare</span>
    </button>
  )
}

/** Leads to the alerts, and says how many wait. */
function Bell() {
  return (
    <Link href="/alerts" className={classes.bell} title="Alerts">
      <IconBell size={18} stroke={1.7} aria-hidden="true" />
      <span className="visually-hidden">Waiting alerts </span>
      <OpenAlerts />
    </Link>
  )
}

const LIVE_WORDS = {
  connecting: { word: 'Connecting', why: 'Connecting to the server for live figures' },
  live: { word: 'Live', why: 'New events are shown as they come in' },
  reconnecting: {
    word: 'Reconnecting',
    why: 'The live connection is lost and is tried again. The figures are from before.',
  },
}

function LiveDot() {
  const state = useLiveState()
  const { word, why } = LIVE_WORDS[state]
  return (
    <Tooltip label={why} multiline maw={240}>
      <span className={classes.live} data-state={state} role="status">
        <span className={classes.dot} aria-hidden="true" />
        <span className={classes.liveWord}>{word}</span>
      </span>
    </Tooltip>
  )
}

function ThemeToggle() {
  const { setColorScheme } = useMantineColorScheme()
  const isDark = useComputedColorScheme('light') === 'dark'
  const label = isDark ? 'To the light theme' : 'To the dark theme'
  return (
    <ActionIcon
      variant="subtle"
      color="gray"
      size="lg"
      aria-label={label}
      title={`${label} (t)`}
      onClick={() => setColorScheme(isDark ? 'light' : 'dark')}
    >
      {isDark ? <IconSun size={18} stroke={1.7} /> : <IconMoon size={18} stroke={1.7} />}
    </ActionIcon>
  )
}
