import { SegmentedControl, Select } from '@mantine/core'
import { useMemo } from 'react'
import { useActOn, useAlertRules, useAlerts } from '@/api/alerts'
import { useSession } from '@/api/session'
import { ALERT_STATES, readAlertState, readSeverity, SEVERITY_WORDS } from '@/lib/alerts'
import { Loaded } from '@/ui/Loaded'
import { Panel } from '@/ui/Panel'
import { Empty, messageOf, sentence } from '@/ui/States'
import { useParam } from '@/view/useParam'
import { DataTable } from '@/widgets/DataTable'
import { MoreButton } from '@/widgets/MoreButton'
import { TableCsv } from '@/widgets/TableActions'
import classes from './Alerts.module.css'
import { RulesPanel } from './RulesPanel'
import { useAlertColumns } from './useAlertColumns'

/** Rows of two lines, where there are too many to draw them all. */
const ROW_HEIGHT = 54

/**
 * What holds that somebody wanted to know of, what was done about it, and what is watched; for members,
 * what is about their own account.
 */
export default function Alerts() {
  const { scope } = useSession()
  return (
    <div className={classes.page}>
      <AlertsPanel />
      {scope === null && <RulesPanel />}
    </div>
  )
}

const EMPTY_WORDS = {
  open: 'Nothing waits for you',
  acknowledged: 'No alert that somebody saw still holds',
  resolved: 'No alert was resolved yet',
}

function AlertsPanel() {
  const { scope } = useSession()
  const [asked, ask] = useParam('state')
  const state = readAlertState(asked)
  const [severityAsked, askSeverity] = useParam('severity')
  // The word `rule` of the URL opens one in the panel below.
  const [rule, askRule] = useParam('of')
  const severity = readSeverity(severityAsked)
  const rules = useAlertRules()
  const alerts = useAlerts(state, severity, rule)
  const isNarrowed = severity !== null || rule !== null
  const actOn = useActOn()
  const items = useMemo(() => alerts.data?.pages.flatMap((page) => page.items) ?? [], [alerts.data])
  const columns = useAlertColumns(actOn, state)
  const open = alerts.data?.pages[0]?.open ?? 0
  return (
    <Panel
      title="Alerts"
      note={alerts.data && (open > 0 ? `${open} open` : 'none open')}
      flush
      actions={
        <>
          <Select
            size="xs"
            w={128}
            aria-label="Severity"
            placeholder="Any severity"
            clearable
            data={Object.entries(SEVERITY_WORDS).map(([value, label]) => ({ value, label }))}
            value={severity}
            onChange={(next) => askSeverity(next, { replace: true })}
          />
          {scope === null && (
            <Select
              size="xs"
              w={168}
              aria-label="Rule"
              placeholder="Any rule"
              clearable
              data={(rules.data ?? []).map(({ id, name }) => ({ value: id, label: name }))}
              value={rule}
              onChange={(next) => askRule(next, { replace: true })}
            />
          )}
          <SegmentedControl
            size="xs"
            aria-label="Which alerts"
            data={Object.entries(ALERT_STATES).map(([value, label]) => ({ value, label }))}
            value={state}
            onChange={(next) => ask(next === 'open' ? null : next, { replace: true })}
          />
          {items.length > 0 && (
            <TableCsv
              rows={items}
              columns={columns}
              file={`outlay-alerts-${state}`}
              label="Save the alerts that are shown as CSV"
            />
          )}
        </>
      }
    >
      {actOn.isError && (
        <p role="alert" className={`bad ${classes.error}`}>
          {sentence(messageOf(actOn.error))}
        </p>
      )}
      <Loaded
        query={alerts}
        what="The alerts"
        isEmpty={() => items.length === 0}
        empty={
          <Empty title={isNarrowed ? 'No such alert' : EMPTY_WORDS[state]}>
            {state === 'open' && !isNarrowed && (
              <p>
                {scope === null
                  ? 'The rules below are watched all the time.'
                  : `What is about ${scope} alone shows up here. An admin says what is watched.`}
              </p>
            )}
          </Empty>
        }
      >
        {() => (
          <DataTable
            label={`${ALERT_STATES[state]} alerts`}
            rows={items}
            columns={columns}
            rowKey={({ id }) => id}
            rowHeight={ROW_HEIGHT}
          />
        )}
      </Loaded>
      <MoreButton query={alerts}>Older alerts</MoreButton>
    </Panel>
  )
}
