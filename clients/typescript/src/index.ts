export { type Answer, Api, type Body, type Options, type Pairs, type Query, type Way } from './api.js'
export { ApiError } from './error.js'
export {
  type EventOutcome,
  Outlay,
  type OutlayOptions,
  type Shape,
  type UsageEvent,
} from './outlay.js'
export type { components, Day, operations, paths } from './schema.js'
