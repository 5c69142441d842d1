/** Sends one event for an account; a member's key is refused for any but their own. */
export function firstEventCommand(origin: string, account: string, key = 'KEY'): string {
  return `curl ${origin}/api/v1/events \\
  -H 'Authorization: Bearer ${key}' -H 'Content-Type: application/json' \\
  -d '{"id": "first", "source": "curl", "account": ${inQuotes(JSON.stringify(account))},
       "provider": "openai", "model": "gpt-4o-mini",
       "quantities": {"input_tokens": 1200, "output_tokens": 300}}'`
}

/**
 * What a program with OpenTelemetry's instrumentation is run with, and a span by hand, so that somebody who
 * has none at hand sees one come in. Its id is always the same: sent twice, it is counted once.
 */
export function firstSpanCommand(origin: string, account: string, key = 'KEY'): string {
  const attribute = (name: string, value: object) =>
    `{"key": "${name}", "value": ${JSON.stringify(value)}}`
  const attributes = [
    attribute('gen_ai.operation.name', { stringValue: 'chat' }),
    attribute('gen_ai.provider.name', { stringValue: 'openai' }),
    attribute('gen_ai.request.model', { stringValue: 'gpt-4o-mini' }),
    attribute('gen_ai.usage.input_tokens', { intValue: 1200 }),
    attribute('gen_ai.usage.output_tokens', { intValue: 300 }),
    attribute('outlay.account', { stringValue: account }),
  ]
  return `export OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=${origin}/v1/traces
export OTEL_EXPORTER_OTLP_TRACES_HEADERS='Authorization=Bearer%20${key}'

# A program that is instrumented needs no more than that. A span by hand:
curl "$OTEL_EXPORTER_OTLP_TRACES_ENDPOINT" \\
  -H 'Authorization: Bearer ${key}' -H 'Content-Type: application/json' \\
  -d '{"resourceSpans": [{"scopeSpans": [{"spans": [{
       "traceId": "${'0'.repeat(31)}1", "spanId": "${'0'.repeat(15)}1", "name": "chat gpt-4o-mini",
       "attributes": [
         ${inQuotes(attributes.join(',\n         '))}]}]}]}]}'`
}

/** Asks a question by an address, with a key in the place of KEY. */
export function questionCommand(address: string): string {
  return `curl '${inQuotes(address)}' \\\n  -H 'Authorization: Bearer KEY'`
}

/** A text between a shell's single quotes. */
function inQuotes(text: string): string {
  return text.replaceAll("'", "'\\''")
}
