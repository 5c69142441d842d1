import { IconAlertTriangle, IconInfoCircle, IconUrgent } from '@tabler/icons-react'
import type { AlertSeverity } from '@/api/alerts'
import { SEVERITY_WORDS } from '@/lib/alerts'
import classes from './Alerts.module.css'

const ICONS: Record<AlertSeverity, typeof IconUrgent> = {
  critical: IconUrgent,
  warning: IconAlertTriangle,
  info: IconInfoCircle,
}

/** The severities from the one that matters most on. */
export const SEVERITIES: AlertSeverity[] = ['info', 'warning', 'critical']

export function SeverityWord({ severity }: { severity: AlertSeverity }) {
  const Icon = ICONS[severity]
  return (
    <span className={classes.severity} data-severity={severity} title={SEVERITY_WORDS[severity]}>
      <Icon size={17} aria-hidden="true" />
      <span>{SEVERITY_WORDS[severity]}</span>
    </span>
  )
}
