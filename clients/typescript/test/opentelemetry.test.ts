import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { SpanStatusCode, trace, context, type Attributes } from '@opentelemetry/api'
import { OTLPTraceExporter as JsonExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { OTLPTraceExporter as ProtobufExporter } from '@opentelemetry/exporter-trace-otlp-proto'
import { resourceFromAttributes } from '@opentelemetry/resources'
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
  type ReadableSpan,
  type SpanExporter,
} from '@opentelemetry/sdk-trace-base'
import { Outlay } from '../src/index.js'
import { Server } from './server.js'

const USED = { input_tokens: 600, cache_read_tokens: 600, output_tokens: 300 }

let server: Server
let outlay: Outlay

before(async () => {
  server = await Server.started()
  outlay = new Outlay({ url: server.url, token: server.token })
  configure(server.token)
})

after(() => server.end())

/** What somebody sets who sends traces here. */
function configure(key: string): void {
  process.env.OTEL_EXPORTER_OTLP_ENDPOINT = server.url
  process.env.OTEL_EXPORTER_OTLP_HEADERS = `Authorization=Bearer%20${key}`
  process.env.OTEL_EXPORTER_OTLP_COMPRESSION = 'gzip'
}

/** The spans of a program of that name: an agent that calls a model twice and a tool once, and fails once. */
function spansOf(service: string): ReadableSpan[] {
  const memory = new InMemorySpanExporter()
  const provider = new BasicTracerProvider({
    resource: resourceFromAttributes({ 'service.name': service }),
    spanProcessors: [new SimpleSpanProcessor(memory)],
  })
  const tracer = provider.getTracer('test')
  const tokens: Attributes = {
    'gen_ai.provider.name': 'openai',
    'gen_ai.request.model': 'gpt-4o',
    'gen_ai.usage.input_tokens': 1200,
    'gen_ai.usage.output_tokens': 300,
  }
  const agent = tracer.startSpan('invoke_agent planner', {
    attributes: { ...tokens, 'gen_ai.operation.name': 'invoke_agent' },
  })
  const inside = trace.setSpan(context.active(), agent)
  const child = (name: string, attributes: Attributes) =>
    tracer.startSpan(name, { attributes }, inside)
  for (const id of ['c-1', 'c-2']) {
    child('chat gpt-4o', {
      ...tokens,
      'gen_ai.operation.name': 'chat',
      'gen_ai.usage.cache_read.input_tokens': 600,
      'gen_ai.conversation.id': id,
      'gen_ai.response.finish_reasons': ['stop'],
    }).end()
  }
  child('execute_tool search', { 'gen_ai.operation.name': 'execute_tool' }).end()
  const failed = child('chat gpt-4o', {
    'gen_ai.operation.name': 'chat',
    'gen_ai.provider.name': 'openai',
    'gen_ai.request.model': 'gpt-4o',
    'error.type': 'timeout',
  })
  failed.recordException(new Error('no answer'))
  failed.setStatus({ code: SpanStatusCode.ERROR, message: 'no answer' })
  failed.end()
  child('GET', { 'http.request.method': 'GET' }).end()
  agent.end()
  return memory.getFinishedSpans()
}

/** Exports spans, and waits for the word of whom they are sent to. */
function exported(exporter: SpanExporter, spans: ReadableSpan[]): Promise<Error | undefined> {
  return new Promise((resolve) => {
    exporter.export(spans, ({ code, error }) => {
      resolve(code === 0 ? undefined : (error ?? new Error('failed')))
    })
  })
}

for (const [kind, Exporter] of [
  ['protobuf', ProtobufExporter],
  ['json', JsonExporter],
] as const) {
  test(`what the exporter over http/${kind} sends is priced, and counted once however often`, async () => {
    const service = `traced-${kind}`
    const spans = spansOf(service)
    const exporter = new Exporter()

    assert.equal(await exported(exporter, spans), undefined)
    assert.equal(await exported(exporter, spans), undefined)
    await exporter.shutdown()

    const query = { service, by: 'model,operation,status', measures: 'events,spend,tokens' }
    const { rows } = await outlay.get('/api/v1/usage/breakdown', { query })
    const told = rows as Record<string, unknown>[]
    const quote = await outlay.post('/api/v1/prices/quote', {
      body: { provider: 'openai', model: 'gpt-4o', quantities: USED },
    })
    const ok = told.find((row) => row.status === 'ok')
    const failed = told.find((row) => row.status === 'error')
    assert.equal(told.length, 2, JSON.stringify(told))
    assert.deepEqual([ok?.events, ok?.tokens], [2, 3000])
    assert.equal(Number(ok?.spend), 2 * Number(quote.amount))
    assert.ok(Number(quote.amount) > 0)
    assert.equal(failed?.events, 1)
  })
}

test('a key that is none is told to whoever exports, and nothing is kept', async () => {
  const spans = spansOf('unknown-key')
  configure('olk_nobody')
  const exporter = new ProtobufExporter()

  const error = await exported(exporter, spans)
  await exporter.shutdown()
  configure(server.token)

  assert.ok(error && 'code' in error && error.code === 401, String(error))
  const query = { service: 'unknown-key', measures: 'events' }
  assert.equal((await outlay.get('/api/v1/usage/total', { query })).total.events, 0)
})
