import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { ApiError, Outlay, type UsageEvent } from '../src/index.js'
import { Server } from './server.js'

let server: Server
let outlay: Outlay

before(async () => {
  server = await Server.started()
  outlay = new Outlay({ url: server.url, token: server.token })
})

after(() => server.end())

function calls(count: number, source: string): UsageEvent[] {
  return Array.from({ length: count }, () => ({
    source,
    provider: 'openai',
    model: 'gpt-4o',
    quantities: { input_tokens: 1200, output_tokens: 300 },
  }))
}

async function counted(source: string): Promise<unknown> {
  const query = { measures: 'events', source }
  return (await outlay.get('/api/v1/usage/total', { query })).total.events
}

test('what was sent is kept, priced and told event by event', async () => {
  const quantities = { input_tokens: 1200, output_tokens: 300 }
  const asked = { provider: 'openai', model: 'gpt-4o', quantities }
  const quote = await outlay.post('/api/v1/prices/quote', { body: asked })

  const outcomes = await outlay.send(calls(25, 'plain'))

  assert.deepEqual(new Set(outcomes.map((one) => one.outcome)), new Set(['accepted']))
  assert.deepEqual(outcomes.map((one) => one.index), [...Array(25).keys()])
  assert.equal(outcomes[0]?.amount, quote.amount)
  assert.equal(await counted('plain'), 25)
})

test('a refused event names its field and harms no other', async () => {
  const events = calls(3, 'refusals')
  events[1] = { ...events[1], quantities: { input_tokens: -1 } }

  const outcomes = await outlay.send(events)

  assert.deepEqual(outcomes.map((one) => one.outcome), ['accepted', 'refused', 'accepted'])
  assert.equal(outcomes[1]?.field, 'quantities.input_tokens')
  assert.ok(outcomes[1]?.detail)
})

test('when all are refused, that is told in the same way', async () => {
  const [outcome] = await outlay.send([{ provider: 'openai', quantities: { input_tokens: -1 } }])

  assert.equal(outcome?.outcome, 'refused')
  assert.equal(outcome?.code, 'out_of_range')
})

test('events whose answers are lost are sent again with the same ids and counted once', async () => {
  const sent: string[] = []
  let lost = 2
  const losing: typeof fetch = async (input, init) => {
    const answer = await fetch(input, init)
    if (init?.method === 'POST') {
      sent.push(String(init.body))
      if (lost-- > 0) throw new TypeError('the connection was closed')
    }
    return answer
  }
  const client = new Outlay({ url: server.url, token: server.token, fetch: losing })

  const outcomes = await client.send(calls(10, 'lost'))

  assert.equal(sent.length, 3)
  assert.equal(new Set(sent).size, 1)
  assert.deepEqual(new Set(outcomes.map((one) => one.outcome)), new Set(['repeated']))
  assert.equal(await counted('lost'), 10)
})

test('a server that is killed between two batches takes the rest when it is back', async () => {
  const own = await Server.started()
  try {
    let posts = 0
    const killing: typeof fetch = async (input, init) => {
      if (init?.method === 'POST' && ++posts === 2) {
        await own.kill()
        const failed = fetch(input, init)
        await failed.catch(() => own.start())
        return failed
      }
      return fetch(input, init)
    }
    const client = new Outlay({ url: own.url, token: own.token, batchEvents: 10, fetch: killing })

    const outcomes = await client.send(calls(30, 'killed'))

    assert.equal(outcomes.filter((one) => one.outcome === 'accepted').length, 30)
    const query = { measures: 'events' }
    assert.equal((await client.get('/api/v1/usage/total', { query })).total.events, 30)
  } finally {
    await own.end()
  }
})

test('a batch that is too large is sent in halves', async () => {
  const sizes: number[] = []
  const narrow: typeof fetch = (input, init) => {
    const size = init?.method === 'POST' ? JSON.parse(String(init.body)).length : 0
    sizes.push(size)
    const refusal = { status: 413, code: 'too_large', detail: 'too many', field: 'body' }
    return size > 4 ? Promise.resolve(Response.json(refusal, { status: 413 })) : fetch(input, init)
  }
  const client = new Outlay({ url: server.url, token: server.token, fetch: narrow })

  const outcomes = await client.send(calls(8, 'halves'))

  assert.deepEqual(sizes, [8, 4, 4])
  assert.equal(outcomes.length, 8)
  assert.equal(await counted('halves'), 8)
})

test('a busy server is waited for, and asked again', async () => {
  let busy = 2
  const hurried: typeof fetch = (input, init) =>
    busy-- > 0
      ? Promise.resolve(new Response('busy', { status: 429, headers: { 'retry-after': '0' } }))
      : fetch(input, init)
  const client = new Outlay({ url: server.url, token: server.token, fetch: hurried })

  const { items } = await client.get('/api/v1/budgets')

  assert.deepEqual(items, [])
  assert.equal(busy, -1)
})

test('what changes something and names no id is not sent twice', async () => {
  let asked = 0
  const away: typeof fetch = () => {
    asked += 1
    return Promise.resolve(new Response('', { status: 503 }))
  }
  const client = new Outlay({ url: server.url, token: server.token, fetch: away })

  await assert.rejects(client.post('/api/v1/keys', { body: { name: 'x', scopes: ['usage:read'] } }))

  assert.equal(asked, 1)
})

test('a list is read page by page, each item once', async () => {
  await outlay.send(calls(7, 'paged'))
  const found = []

  for await (const event of outlay.list('/api/v1/usage/events', {
    query: { limit: 3 },
    filters: [['source', 'paged']],
  })) {
    found.push(event.id)
  }

  assert.equal(found.length, 7)
  assert.equal(new Set(found).size, 7)
})

test('a refusal is an error with its field and its remedy', async () => {
  const refused = await outlay.get('/api/v1/usage/total', { query: { tz: 'Europe/Nowhere' } }).then(
    () => undefined,
    (error: unknown) => error,
  )

  assert.ok(refused instanceof ApiError)
  assert.equal(refused.status, 400)
  assert.equal(refused.field, 'tz')
  assert.match(refused.remedy ?? '', /IANA/)
  assert.equal(refused.isPassing, false)
})

test('a wrong token is told at once', async () => {
  const stranger = new Outlay({ url: server.url, token: 'olk_nobody' })

  await assert.rejects(stranger.send(calls(1, 'stranger')), { status: 401 })
})

test('a caller who gives up is not waited for', async () => {
  const away: typeof fetch = () => Promise.resolve(new Response('', { status: 503 }))
  const client = new Outlay({ url: server.url, fetch: away, tries: 1_000 })
  const signal = AbortSignal.timeout(50)

  await assert.rejects(client.send(calls(1, 'given-up'), signal), { name: 'TimeoutError' })
})

test('names in paths are written so that they stay one part', async () => {
  assert.equal(
    outlay.address('/api/v1/users/{id}', { path: { id: 'a/b?c' }, filters: [['model^', 'x y']] }),
    `${server.url}/api/v1/users/a%2Fb%3Fc?model%5E=x+y`,
  )
})
