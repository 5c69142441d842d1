import { expect, test } from 'vitest'
import { sqlOf } from './viewSql'

const RANGE = { from: new Date('2026-11-01T00:00:00Z'), to: new Date('2026-12-01T00:00:00Z') }

test('a view is a query over columns, its names quoted', () => {
  const sql = sqlOf({
    measure: 'spend',
    by: ['provider', 'model'],
    filters: [
      { attribute: 'account', op: 'in', values: ["o'hara", ''] },
      { attribute: 'team', op: 'not', values: ['ops'] },
      { attribute: 'model', op: 'prefix', values: ['gpt', 'o1'] },
      { attribute: 'project', op: 'not', values: ['', 'x'] },
    ],
    range: RANGE,
  })

  expect(sql).toBe(`SELECT provider, model, sum(spend) AS spend
FROM events
WHERE occurred_at >= TIMESTAMP '2026-11-01T00:00:00.000Z'
  AND occurred_at < TIMESTAMP '2026-12-01T00:00:00.000Z'
  AND (account IN ('o''hara') OR account IS NULL)
  AND (team NOT IN ('ops') OR team IS NULL)
  AND (starts_with(model, 'gpt') OR starts_with(model, 'o1'))
  AND project NOT IN ('x')
GROUP BY provider, model
ORDER BY spend DESC`)
})

test('what is no sum of a column has none', () => {
  const asked = { by: [], filters: [], range: RANGE }

  expect(sqlOf({ ...asked, measure: 'latency_p95_ms' })).toBeNull()
  expect(sqlOf({ ...asked, measure: 'spend', by: ['tag.feature'] })).toBeNull()
  expect(sqlOf({ ...asked, measure: 'requests' })).toContain('sum(requests) AS requests')
})
