import { Popover, Select } from '@mantine/core'
import { IconCalendar, IconChevronDown } from '@tabler/icons-react'
import { Suspense, useState } from 'react'
import { useSession } from '@/api/session'
import { type Period, PRESETS, type Preset, periodLabel, rangeLabel } from '@/lib/period'
import { addDays, dayOf, formatOffset, isDay } from '@/lib/time'
import bar from '@/ui/bar.module.css'
import { ErrorBoundary } from '@/ui/ErrorBoundary'
import { lazyPart } from '@/ui/lazyPart'
import { useScene, useView } from '@/view/useView'
import classes from './PeriodPicker.module.css'

/** Why the period is greyed. */
const UNUSED = 'This page has no period'

// The calendar is a third of a megabyte of code that few people open.
const Calendar = lazyPart(() => import('./Calendar'))

/** When: a preset or picked days, and the zone whose calendar they are on. */
export function PeriodPicker({ disabled }: { disabled: boolean }) {
  const [opened, setOpened] = useState(false)
  const [view, changeView] = useView()
  const { range, tz, now } = useScene()
  const pick = (period: Period) => {
    changeView({ period, every: null })
    setOpened(false)
  }
  const isPreset = view.period.kind === 'preset'
  return (
    <Popover
      opened={opened}
      onChange={setOpened}
      position="bottom-end"
      trapFocus
      returnFocus
      withinPortal
    >
      <Popover.Target>
        <button
          type="button"
          className={bar.pick}
          disabled={disabled}
          title={disabled ? UNUSED : undefined}
          onClick={() => setOpened((was) => !was)}
        >
          <IconCalendar size={15} aria-hidden="true" />
          <span className="visually-hidden">Period: </span>
          <span>{periodLabel(view.period, now, tz)}</span>
          {isPreset && (
            <span className={`${bar.pickMuted} ${classes.dates}`}>
              {rangeLabel(range, now, tz)}
            </span>
          )}
          <span className={bar.pickMuted}>{zoneLabel(tz)}</span>
          <IconChevronDown size={14} aria-hidden="true" />
        </button>
      </Popover.Target>
      <Popover.Dropdown p={0}>
        <div className={classes.panel}>
          <ul className={classes.presets}>
            {(Object.entries(PRESETS) as [Preset, string][]).map(([preset, label]) => (
              <li key={preset}>
                <button
                  type="button"
                  className={classes.preset}
                  aria-pressed={view.period.kind === 'preset' && view.period.preset === preset}
                  onClick={() => pick({ kind: 'preset', preset })}
                >
                  {label}
                </button>
              </li>
            ))}
          </ul>
          <div className={classes.custom}>
            <div className={classes.calendarSpace}>
              <ErrorBoundary what="The calendar">
                <Suspense fallback={null}>
                  <Calendar
                    from={dayOf(range.from, tz)}
                    to={lastDay(view.period, range.to, tz)}
                    today={dayOf(now, tz)}
                    onPick={(from, to) => pick({ kind: 'custom', from, to })}
                  />
                </Suspense>
              </ErrorBoundary>
            </div>
            <ZoneSelect tz={tz} now={now} />
          </div>
        </div>
      </Popover.Dropdown>
    </Popover>
  )
}

/** The last day that the range includes. */
function lastDay(period: Period, to: Date, tz: string) {
  if (period.kind === 'custom' && isDay(period.to)) return period.to
  return addDays(dayOf(new Date(to.getTime() - 1), tz), 0)
}

function ZoneSelect({ tz, now }: { tz: string; now: Date }) {
  const { time_zone } = useSession()
  const [, changeView] = useView()
  const here = Intl.DateTimeFormat().resolvedOptions().timeZone
  const usual = [...new Set([time_zone || 'UTC', here, 'UTC'])]
  const all = Intl.supportedValuesOf('timeZone').filter((zone) => !usual.includes(zone))
  return (
    <Select
      label="Time zone"
      size="xs"
      searchable
      allowDeselect={false}
      value={tz}
      data={[...new Set([...usual, tz, ...all])]}
      limit={80}
      description={`Days begin at midnight ${tz === 'UTC' ? 'UTC' : `there (${formatOffset(now, tz)})`}.`}
      comboboxProps={{ withinPortal: false }}
      onChange={(zone) => zone && changeView({ tz: zone === time_zone ? null : zone })}
    />
  )
}

/** `Europe/Berlin` as `Berlin`: the continent does not fit a bar. */
export function zoneLabel(tz: string): string {
  return tz.split('/').at(-1)?.replaceAll('_', ' ') ?? tz
}
