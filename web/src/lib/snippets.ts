import { firstEventCommand, firstSpanCommand } from './commands'

/** What a first event is sent with. */
export interface FirstCall {
  /** Where the server is. */
  origin: string
  account: string
  key: string
}

/** Languages that a first event can be sent from, with nothing but what they come with. */
export const LANGUAGES = {
  curl: 'curl',
  python: 'Python',
  node: 'Node',
  go: 'Go',
  opentelemetry: 'OpenTelemetry',
} as const

export type Language = keyof typeof LANGUAGES

/** A program that sends one event; it runs as it is. */
export function snippet(language: Language, call: FirstCall): string {
  return SNIPPETS[language](call)
}

/** The event that a program sends; its id is the program's, so that each language has its own. */
function event(language: Language, account: string): string {
  return JSON.stringify({
    id: `first-${language}`,
    source: language,
    account,
    provider: 'openai',
    model: 'gpt-4o-mini',
    quantities: { input_tokens: 1200, output_tokens: 300 },
  })
}

const SNIPPETS: Record<Language, (call: FirstCall) => string> = {
  curl: ({ origin, account, key }) => firstEventCommand(origin, account, key),
  opentelemetry: ({ origin, account, key }) => firstSpanCommand(origin, account, key),
  python: ({ origin, account, key }) => `import json, urllib.request

event = json.loads(${JSON.stringify(event('python', account))})
request = urllib.request.Request(
    ${JSON.stringify(`${origin}/api/v1/events`)},
    data=json.dumps(event).encode(),
    headers={"Authorization": ${JSON.stringify(`Bearer ${key}`)}, "Content-Type": "application/json"},
)
print(urllib.request.urlopen(request).read().decode())`,
  node: ({
    origin,
    account,
    key,
  }) => `const answer = await fetch(${JSON.stringify(`${origin}/api/v1/events`)}, {
  method: 'POST',
  headers: { Authorization: ${JSON.stringify(`Bearer ${key}`)}, 'Content-Type': 'application/json' },
  body: JSON.stringify(${event('node', account)}),
})
console.log(answer.status, await answer.text())`,
  go: ({ origin, account, key }) => `package main

import (
	"fmt"
	"net/http"
	"strings"
)

func main() {
	event := ${JSON.stringify(event('go', account))}
	request, err := http.NewRequest("POST", ${JSON.stringify(`${origin}/api/v1/events`)}, strings.NewReader(event))
	if err != nil {
		panic(err)
	}
	request.Header.Set("Authorization", ${JSON.stringify(`Bearer ${key}`)})
	request.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		panic(err)
	}
	defer answer.Body.Close()
	fmt.Println(answer.Status)
}`,
}
