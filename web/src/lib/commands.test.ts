import { expect, test } from 'vitest'
import { firstEventCommand } from './commands'

test('the first event is of an account that its key may use', () => {
  const command = firstEventCommand('http://here', 'acme', 'olk_1')
  expect(command).toContain('curl http://here/api/v1/events')
  expect(command).toContain('Bearer olk_1')
  expect(JSON.parse(/-d '(.*)'$/s.exec(command)?.[1] ?? '')).toMatchObject({ account: 'acme' })
})

test('names that others gave are words to the shell, and nothing else', () => {
  expect(firstEventCommand('http://here', "o'hara")).toContain(`"account": "o'\\''hara"`)
})
