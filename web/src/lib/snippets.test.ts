import { expect, test } from 'vitest'
import { LANGUAGES, type Language, snippet } from './snippets'

const call = { origin: 'http://here:8440', account: `o'hara "& co"\\`, key: 'olk_1' }
const languages = Object.keys(LANGUAGES) as Language[]

test('every language sends to this server, with the key', () => {
  for (const language of languages) {
    const text = snippet(language, call)

    expect(text, language).toMatch(/http:\/\/here:8440\/(api\/v1\/events|v1\/traces)/)
    expect(text, language).toContain('Bearer olk_1')
  }
})

test('a name that somebody gave is a text, whatever stands in it', () => {
  const sent = {
    python: JSON.parse(/json\.loads\((.*)\)$/m.exec(snippet('python', call))?.[1] ?? ''),
    go: JSON.parse(/event := (.*)$/m.exec(snippet('go', call))?.[1] ?? ''),
    node: /JSON\.stringify\((\{.*\})\)/.exec(snippet('node', call))?.[1],
  }

  for (const text of Object.values(sent)) {
    expect(JSON.parse(text)).toMatchObject({ account: call.account, model: 'gpt-4o-mini' })
  }
})

test('a span by hand is JSON, in which a name is a text too', () => {
  const quoted = /-d '(.*)'$/s.exec(snippet('opentelemetry', call))?.[1] ?? ''
  const sent = JSON.parse(quoted.replaceAll(`'\\''`, "'"))

  const { attributes } = sent.resourceSpans[0].scopeSpans[0].spans[0]
  expect(attributes).toContainEqual({
    key: 'outlay.account',
    value: { stringValue: call.account },
  })
})

test('each language has an event of its own, so that one does not hide another', () => {
  const named = /first(-\w+)?|"spanId": "\w+"/
  const ids = languages.map((language) => named.exec(snippet(language, call))?.[0])

  expect(new Set(ids).size).toBe(languages.length)
})
