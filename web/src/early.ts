// A script of its own that is there long before the page's: while that one is on its way, this asks who
// is signed in and, at the overview, for what is seen first.
import { api } from './api/client'
import { askEarly } from './api/early'
import { askedBrief, briefOf, overviewQuestions } from './lib/overview'
import { rangeOf } from './lib/period'
import { type Asking, asked, type Kind, type Question } from './lib/question'
import { MINUTE_MS } from './lib/time'
import { readView } from './lib/view'
import type { Session } from './wire'

/** What the page at the address is about; nothing where it is not the overview. */
function askingAt(session: Session, { pathname, search }: Location): Asking | null {
  if (pathname !== '/') return null
  const view = readView(new URLSearchParams(search))
  const now = new Date(Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS)
  const tz = view.tz ?? session.time_zone ?? 'UTC'
  return { view, tz, now, range: rangeOf(view.period, now, tz) }
}

/** What the page at the address asks of the usage first. */
export function firstQuestions(session: Session): [Kind, Question][] {
  const asking = askingAt(session, window.location)
  return asking ? overviewQuestions(asking) : []
}

/** Where all of that is, and what else stands in the first look. */
function firstAddresses(session: Session): string[] {
  const asking = askingAt(session, window.location)
  const waiting = api.address('/api/v1/alerts', { query: { state: 'open', limit: 1 } })
  if (!asking) return [waiting]
  return [
    ...firstQuestions(session).map(([kind, question]) =>
      api.address(`/api/v1/usage/${kind}`, asked(question)),
    ),
    api.address('/api/v1/insights/brief', askedBrief(briefOf(asking))),
    api.address('/api/v1/usage/events', { query: { limit: 1 } }),
    api.address('/api/v1/pins'),
    waiting,
  ]
}

async function askFirst() {
  const response = await askEarly('/api/v1/session')
  if (response.ok) await Promise.all(firstAddresses(await response.json()).map(askEarly))
}

// A page that is away from its server says so itself, where everybody sees it.
askFirst().catch(() => undefined)
