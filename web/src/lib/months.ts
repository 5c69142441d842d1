import { dayOf } from './time'

/** The month that runs and those before it, as `2026-11`, each with its name. */
export function lastMonths(
  now: Date,
  tz: string,
  count: number,
): { value: string; label: string }[] {
  const [year = 0, month = 1] = dayOf(now, tz).split('-').map(Number)
  return Array.from({ length: count }, (_, ago) => {
    const first = new Date(Date.UTC(year, month - 1 - ago, 1))
    const name = first.toLocaleDateString('en-GB', {
      month: 'long',
      year: 'numeric',
      timeZone: 'UTC',
    })
    return {
      value: first.toISOString().slice(0, 7),
      label: ago === 0 ? `${name}, so far` : name,
    }
  })
}
