import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { askEarly, earlyFetch } from './early'

const fetched = vi.fn<typeof fetch>()

beforeEach(() => {
  fetched.mockReset()
  fetched.mockImplementation(async () => new Response(`${fetched.mock.calls.length}`))
  vi.stubGlobal('fetch', fetched)
})

afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

const GET = { method: 'GET' }

async function text(answer: Promise<Response>): Promise<string> {
  return (await answer).text()
}

test('what was asked early is not asked again, and is used once', async () => {
  const early = askEarly('/a')

  expect(await text(early)).toBe('1')
  expect(await text(earlyFetch('/a', GET))).toBe('1')
  expect(await text(earlyFetch('/a', GET))).toBe('2')
})

test('an answer from before something was written is not used', async () => {
  askEarly('/b')

  await earlyFetch('/written', { method: 'POST' })

  expect(await text(earlyFetch('/b', GET))).toBe('3')
})

test('what failed early is asked again', async () => {
  fetched.mockImplementationOnce(async () => {
    throw new TypeError('no network yet')
  })
  askEarly('/c').catch(() => undefined)

  expect(await text(earlyFetch('/c', GET))).toBe('2')
})

test('an answer that waited for long is asked for anew', async () => {
  vi.useFakeTimers({ toFake: ['performance'] })
  askEarly('/d')

  vi.advanceTimersByTime(60_000)

  expect(await text(earlyFetch('/d', GET))).toBe('2')
})
