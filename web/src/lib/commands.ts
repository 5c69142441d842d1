/** Sends one event for an account; a member's key is refused for any but their own. */
export function firstEventCommand(origin: string, account: string, key = 'KEY'): string {
  return `curl ${origin}/api/v1/events \\
  -H 'Authorization: Bearer ${key}' -H 'Content-Type: application/json' \\
  -d '{"id": "first", "source": "curl", "account": ${inQuotes(JSON.stringify(account))},
       "provider": "openai", "model": "gpt-4o-mini",
       "quantities": {"input_tokens": 1200, "output_tokens": 300}}'`
}

/** Asks a question by an address, with a key in the place of KEY. */
export function questionCommand(address: string): string {
  return `curl '${inQuotes(address)}' \\\n  -H 'Authorization: Bearer KEY'`
}

/** A text between a shell's single quotes. */
function inQuotes(text: string): string {
  return text.replaceAll("'", "'\\''")
}
