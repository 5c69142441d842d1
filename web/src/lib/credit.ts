import type {
  AdjustDraft,
  Grant,
  GrantDraft,
  GrantSource,
  HoldState,
  LedgerTerms,
  Posting,
  PostingKind,
  RefundDraft,
} from '@/wire'
import { type Amount, addAmounts, formatAmountExactly, parseAmount, ZERO } from './amount'
import { fieldText, readNumber } from './number'
import type { Refusal } from './refusal'
import { addDays, DAY_MS, dayOf, formatDay, isDay, startOfDay } from './time'

/** Where credit is from, where somebody says it. */
export const GIVEN_AS: Record<Exclude<GrantSource, 'adjustment'>, string> = {
  purchase: 'Purchase',
  plan: 'Plan',
  bonus: 'Bonus',
  refund: 'Refund',
  promotion: 'Promotion',
}

export type GivenAs = keyof typeof GIVEN_AS

export const SOURCES: Record<GrantSource, string> = { ...GIVEN_AS, adjustment: 'Adjustment' }

/** Why something was posted. */
export const POSTED: Record<PostingKind, string> = {
  grant: 'Given',
  effect: 'Came into effect',
  hold: 'Set aside',
  capture: 'Taken from a hold',
  release: 'Hold released',
  hold_expired: 'Hold expired',
  grant_expired: 'Credit expired',
  charge: 'Usage',
  refund: 'Refund',
  adjust: 'Adjustment',
}

export const HOLD_STATES: Record<HoldState, string> = {
  held: 'Held',
  captured: 'Captured',
  released: 'Released',
  expired: 'Expired',
}

/** Whether somebody may give back what it took. */
export function canBeRefunded({ kind }: Posting): boolean {
  return kind === 'charge' || kind === 'capture'
}

/** What a posting changed, in its unit. */
export interface PostedChange {
  settled: Amount
  held: Amount
  available: Amount
}

/** What an account has stands in grants and holds, less what it owes; elsewhere it is somebody else's. */
export function changeOf({ entries }: Pick<Posting, 'entries'>): PostedChange {
  const sum = (isIn: (place: string) => boolean) =>
    entries
      .filter(({ place }) => isIn(place))
      .reduce((all, { amount }) => addAmounts(all, parseAmount(amount)), ZERO)
  const held = sum((place) => place.startsWith('hold:'))
  const available = sum((place) => place.startsWith('grant:') || place === 'debt')
  return { settled: addAmounts(held, available), held, available }
}

/** What is kept by unit, that of money first. */
export function unitsOf<Of>(units: Record<string, Of>, currency: string): [string, Of][] {
  const rank = (unit: string) => Number(unit !== currency)
  return Object.entries(units).sort(([a], [b]) => rank(a) - rank(b) || (a < b ? -1 : Number(a > b)))
}

/** What becomes of usage that the balance does not cover. */
export function termsWords({ overdraft, floor }: LedgerTerms): string {
  if (overdraft === 'refuse') return 'Usage that the balance does not cover is refused.'
  if (overdraft === 'allow') return 'Usage that the balance does not cover is owed.'
  const most = formatAmountExactly(parseAmount(floor ?? '0'))
  return `Usage that the balance does not cover is owed up to ${most}, and refused beyond that.`
}

/** The rules for it, as a form offers them. */
export const OVERDRAFTS: Record<LedgerTerms['overdraft'], string> = {
  allow: 'Is owed, and paid first by what comes in',
  floor: 'Is owed up to a limit, and refused beyond',
  refuse: 'Is refused',
}

export interface TermsForm {
  overdraft: LedgerTerms['overdraft']
  floor: string
  capturesBeyond: boolean
}

export function termsFormOf({ overdraft, floor, captures_beyond }: LedgerTerms): TermsForm {
  return {
    overdraft,
    floor: overdraft === 'floor' && floor !== undefined ? fieldText(floor) : '',
    capturesBeyond: captures_beyond ?? false,
  }
}

export function termsDraftOf(form: TermsForm): LedgerTerms | Refusal {
  const terms = { overdraft: form.overdraft, captures_beyond: form.capturesBeyond }
  if (form.overdraft !== 'floor') return terms
  const floor = readPositive(form.floor)
  return 'words' in floor ? { field: 'floor', words: floor.words } : { ...terms, floor: floor.text }
}

/** The last moment before an end, so that one at midnight is told as the day before. */
function lastMoment(end: string): string {
  return new Date(Date.parse(end) - 1).toISOString()
}

/** What is asked before credit is given. */
export function giveWords(draft: GrantDraft, account: string, now: Date, tz: string): string {
  const { amount, unit, expires_at } = draft
  const last = expires_at && formatDay(new Date(lastMoment(expires_at)), tz, now)
  const much = formatAmountExactly(parseAmount(amount), unit)
  return `Give ${much} to ${account}? It can be spent at once${last ? `, and up to ${last}` : ''}.`
}

/** When it can be spent: `up to 3 Dec`, `from 1 Jan 2027, without an end`, `up to 3 Nov, over`. */
export function whenWords(grant: Grant, now: Date, tz: string): string {
  const day = (at: string) => formatDay(new Date(at), tz, now)
  const from = grant.state === 'scheduled' ? `from ${day(grant.effective_at)}, ` : ''
  const until = grant.expires_at ? `up to ${day(lastMoment(grant.expires_at))}` : 'without an end'
  return `${from}${until}${grant.state === 'expired' ? ', over' : ''}`
}

/** How far back and ahead the course of grants is drawn at most; what lies beyond is cut. */
const BEFORE_DAYS = 90
const AHEAD_DAYS = 365
const AHEAD_DAYS_MIN = 30

/** The time that grants are drawn in. */
export function courseOf(grants: Grant[], now: Date): { from: number; to: number } {
  const within = (at: number, least: number, most: number) => Math.min(Math.max(at, least), most)
  const [today, begun] = [now.getTime(), grants.map((one) => Date.parse(one.effective_at))]
  const ends = grants.flatMap((one) => (one.expires_at ? Date.parse(one.expires_at) : []))
  return {
    from: within(Math.min(today - DAY_MS, ...begun), today - BEFORE_DAYS * DAY_MS, today),
    to: within(
      Math.max(today + AHEAD_DAYS_MIN * DAY_MS, ...ends, ...begun.map((at) => at + DAY_MS)),
      today,
      today + AHEAD_DAYS * DAY_MS,
    ),
  }
}

/** Where a moment stands in a time, as a share of it. */
export function placeIn({ from, to }: { from: number; to: number }, at: number): number {
  return Math.min(1, Math.max(0, (at - from) / (to - from)))
}

export interface GrantForm {
  amount: string
  unit: string
  source: GivenAs
  /** The last day that it can be spent on; empty for ever. */
  lastDay: string
}

export const EMPTY_GRANT: GrantForm = { amount: '', unit: 'USD', source: 'purchase', lastDay: '' }

interface Writing {
  /** Made once, when the form opened: what is sent again is done once. */
  id: string
  now: Date
  tz: string
}

export function grantDraftOf(form: GrantForm, { id, now, tz }: Writing): GrantDraft | Refusal {
  const amount = readPositive(form.amount)
  if ('words' in amount) return { field: 'amount', words: amount.words }
  const unit = form.unit.trim().toUpperCase()
  if (!unit) return { field: 'unit', words: 'Write USD, or a code of yours.' }
  const draft = { id, amount: amount.text, unit, source: form.source }
  if (form.lastDay === '') return draft
  if (!isDay(form.lastDay) || form.lastDay < dayOf(now, tz)) {
    return { field: 'expires_at', words: 'Pick today or a later day.' }
  }
  const end = startOfDay(addDays(form.lastDay, 1), tz)
  return { ...draft, expires_at: end.toISOString() }
}

export interface AdjustForm {
  way: 'add' | 'take'
  amount: string
  unit: string
  reason: string
}

export function adjustDraftOf(form: AdjustForm, id: string): AdjustDraft | Refusal {
  const amount = readPositive(form.amount)
  if ('words' in amount) return { field: 'amount', words: amount.words }
  const unit = form.unit.trim().toUpperCase()
  if (!unit) return { field: 'unit', words: 'Write USD, or a code of yours.' }
  const reason = form.reason.trim()
  if (!reason) return { field: 'reason', words: 'Write why, for the trail.' }
  return { id, amount: form.way === 'take' ? `-${amount.text}` : amount.text, unit, reason }
}

export interface RefundForm {
  /** Empty for all that is left. */
  amount: string
  reason: string
}

export function refundDraftOf(form: RefundForm, of: number, id: string): RefundDraft | Refusal {
  const reason = form.reason.trim()
  if (!reason) return { field: 'reason', words: 'Write why, for the trail.' }
  if (form.amount.trim() === '') return { id, of, reason }
  const amount = readPositive(form.amount)
  if ('words' in amount) return { field: 'amount', words: amount.words }
  return { id, of, amount: amount.text, reason }
}

function readPositive(written: string): { text: string } | { words: string } {
  const read = readNumber(written, '10 or 2.50')
  if ('text' in read && parseAmount(read.text) === 0n) {
    return { words: 'Write an amount above zero.' }
  }
  return read
}
