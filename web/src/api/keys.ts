/**
 * What every answer is cached under. A key begins with what it is about, so that everything about it
 * can be asked again at once.
 */
export const keys = {
  session: () => ['session'] as const,
  users: () => ['users'] as const,
  apiKeys: () => ['keys'] as const,
  system: () => ['system'] as const,

  alerts: () => ['alerts'] as const,
  alertList: (...asked: unknown[]) => [...keys.alerts(), 'list', ...asked] as const,
  openAlerts: () => [...keys.alerts(), 'open'] as const,
  alertRules: () => ['alert-rules'] as const,
  budgets: () => ['budgets'] as const,

  views: () => ['views'] as const,
  pins: () => ['pins'] as const,
  annotations: () => ['annotations'] as const,
  annotationList: (asked: unknown) => [...keys.annotations(), asked] as const,

  schedules: () => ['export-schedules'] as const,
  scheduleList: () => [...keys.schedules(), 'list'] as const,
  scheduleRuns: (id: string, seenAt: number) => [...keys.schedules(), 'runs', id, seenAt] as const,

  insights: () => ['insights'] as const,
  spendInsights: () => [...keys.insights(), 'spend'] as const,
  spendInsight: (asked: unknown) => [...keys.spendInsights(), asked] as const,
  briefs: () => [...keys.insights(), 'brief'] as const,
  brief: (asked: unknown) => [...keys.briefs(), asked] as const,
  drivers: (asked: unknown) => [...keys.insights(), 'drivers', asked] as const,
  roi: (asked: unknown) => [...keys.insights(), 'roi', asked] as const,
  recommendations: () => [...keys.insights(), 'recommendations'] as const,
  recommendationList: (asked: unknown) => [...keys.recommendations(), asked] as const,

  credit: () => ['credit'] as const,
  creditOf: (account: string, part: string, ...asked: unknown[]) =>
    [...keys.credit(), account, part, ...asked] as const,

  prices: () => ['prices'] as const,
  unpriced: () => ['unpriced'] as const,
  unpricedIn: (asked: unknown) => [...keys.unpriced(), asked] as const,
  quote: (asked: unknown) => ['quote', asked] as const,
  chargeLines: (asked: unknown, at: string) => ['lines', asked, at] as const,

  /** Answers about usage that new events change are `running`: only they are asked again. */
  runningUsage: () => ['usage', 'running'] as const,
  usage: (freshness: Freshness, kind: string, asked: unknown) =>
    ['usage', freshness, kind, asked] as const,
  wasUsed: (asked: unknown) => [...keys.runningUsage(), 'ever', asked] as const,
  runningEvents: () => ['events', 'running'] as const,
  events: (freshness: Freshness, asked: unknown) => ['events', freshness, asked] as const,
  eventStory: (source: string, id: string) => ['events', 'story', source, id] as const,
  audit: (asked: unknown) => ['audit', asked] as const,
  sqlSchema: () => ['sql', 'schema'] as const,
  imports: () => ['imports'] as const,
  anyEvent: () => [...keys.runningEvents(), 'any'] as const,
  tagKeys: () => ['events', 'tags'] as const,
}

export type Freshness = 'running' | 'settled'
