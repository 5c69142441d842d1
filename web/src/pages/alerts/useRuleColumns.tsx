import { Checkbox } from '@mantine/core'
import { useMemo } from 'react'
import type { AlertRule } from '@/api/alerts'
import { useSession } from '@/api/session'
import { conditionWords, SEVERITY_WORDS } from '@/lib/alerts'
import { editColumn, TwoLines } from '@/widgets/Cells'
import type { Column } from '@/widgets/DataTable'
import classes from './Alerts.module.css'
import { SEVERITIES, SeverityWord } from './SeverityWord'

interface RuleActs {
  /** The rule that is being saved. */
  busyId: string | null
  /** Only for those who may. */
  toggle?: (rule: AlertRule) => void
  edit?: (id: string) => void
}

/** The columns of a table of alert rules. */
export function useRuleColumns({ busyId, toggle, edit }: RuleActs): Column<AlertRule>[] {
  const { currency } = useSession()
  return useMemo(() => {
    const columns: Column<AlertRule>[] = [
      {
        id: 'watched',
        title: 'Watched',
        className: classes.watched,
        order: ({ enabled }) => Number(enabled),
        text: ({ enabled }) => (enabled ? 'yes' : 'no'),
        cell: (rule) => (
          <Checkbox
            size="sm"
            data-row
            aria-label={`Watch ${rule.name}`}
            checked={rule.enabled}
            disabled={!toggle || busyId === rule.id}
            onChange={() => toggle?.(rule)}
          />
        ),
      },
      {
        id: 'rule',
        title: 'Rule',
        isHeading: true,
        className: classes.words,
        order: ({ name }) => name,
        text: ({ name }) => name,
        cell: ({ name, enabled, condition }) => (
          <TwoLines>
            <span className={classes.title}>
              {name} {!enabled && <span className="muted small">off</span>}
            </span>
            <span>{conditionWords(condition, currency)}</span>
          </TwoLines>
        ),
      },
      {
        id: 'severity',
        title: 'Severity',
        className: classes.severityCell,
        order: ({ severity }) => SEVERITIES.indexOf(severity),
        text: ({ severity }) => SEVERITY_WORDS[severity],
        cell: ({ severity }) => <SeverityWord severity={severity} />,
      },
    ]
    return edit ? [...columns, editColumn(edit)] : columns
  }, [busyId, toggle, edit, currency])
}
