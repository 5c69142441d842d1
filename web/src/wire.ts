import type { components } from '@outlay/client'

/** A shape of the API, by its name in the description. */
export type Shape<Name extends keyof components['schemas']> = components['schemas'][Name]

export type AlertState = Shape<'AlertState'>

export type AlertSeverity = Shape<'AlertSeverity'>

/** What a text points at. */
export type Link = Shape<'Link'>

/** One time that a condition held. */
export type Alert = Shape<'AlertBody'>

export type AlertPage = Shape<'AlertPage'>

export type SpikeSeverity = Shape<'AnomalySeverity'>

/** What is watched. */
export type Condition = Shape<'AlertCondition'>

export type RuleDraft = Omit<AlertRule, 'id'>

/** A condition that somebody watches. */
export type AlertRule = Shape<'RuleBody'>

/** In which time a budget may be spent. */
export type BudgetPeriod = Shape<'BudgetPeriod'>

export type Enforcement = Shape<'Enforcement'>

/** A share of a budget at which people want to know: of what is spent, or of the forecast. */
export type Threshold = Shape<'BudgetThresholdBody'>

export type BudgetState = Shape<'BudgetState'>

/** Where a budget stands in its present window. */
export type BudgetStatus = Shape<'StatusBody'>

export type AnyBudget = Shape<'BudgetBody'>

/** What a budget says. */
export type BudgetDraft = Omit<AnyBudget, 'id' | 'imported' | 'status' | 'error'>

/** A budget that was held against spend. */
export interface Budget extends AnyBudget {
  status: BudgetStatus
}

/** A day of the past, and what was to be expected of it. Estimates are in units of money. */
export type SpendDay = Shape<'DayBody'>

export type Anomaly = Shape<'AnomalyBody'>

/** A day from which on spend has another level. */
export type ChangePoint = Shape<'ChangeBody'>

/** A day to come. Four of five end between low and high, nineteen of twenty between the others. */
export type ForecastDay = Shape<'AheadBody'>

/** What to know first, in sentences whose nouns lead on, and the month that runs. */
export type Brief = Shape<'BriefBody'>

/** The month that runs, up to its end. */
export type BriefMonth = Shape<'MonthBody'>

export type SpendInsight = Shape<'SpendInsights'>

/** What one group did to the change, in parts that sum to it. */
export type Driver = Shape<'DriverBody'>

export type Drivers = Shape<'DriversBody'>

/** Somebody who can sign in or send usage. */
export type User = Shape<'UserBody'>

export type NewUser = Shape<'CreateUser'>

export type UserChange = Pick<Shape<'ChangeUser'>, 'name' | 'account' | 'role' | 'disabled'>

/** A link that signs a user in, once. */
export type SignInLink = Shape<'LinkBody'>

export type Scope = Shape<'Scope'>

export type ApiKey = Shape<'KeyBody'>

export type NewKey = Shape<'CreateKey'>

/** A key with its secret, which is told this once. */
export type CreatedKey = Shape<'CreatedKey'>

/** Money per so many units of a meter, for a period of validity. */
export type Price = Shape<'ListedPriceBody'>

/** What rating usage again changed, or would change. */
export type Rerated = Shape<'RerateAnswer'>

/** What usage would cost, line by line. */
export type Quote = Shape<'QuoteAnswer'>

export type RecommendationKind = Shape<'RecommendationKind'>

export type RecommendationState = Shape<'RecommendationState'>

/** What a month would cost less, and between what. */
export type Saving = Shape<'SavingBody'>

/** What was saved since somebody did it. */
export type Measured = Shape<'MeasuredBody'>

/** Something to do, what it saves, and what proves it. */
export type Recommendation = Shape<'RecommendationBody'>

export type Recommendations = Shape<'RecommendationList'>

/** How revenue that is nobody's own is shared out: not at all, by spend, or evenly. */
export type RoiRule = Shape<'SharingRule'>

/** What came in, what went out, and what is left. Shares are of one: `0.42`. */
export type RoiFigures = Shape<'ReturnBody'>

export type RoiRow = Shape<'RoiRow'>

export type RoiBucket = Shape<'RoiBucket'>

export type Roi = Shape<'RoiBody'>

export type Role = Shape<'Role'>

/** Who is signed in, and what the deployment counts in. */
export type Session = Shape<'SessionBody'>

export type Credentials = Shape<'SignIn'>

export type CheckStatus = Shape<'CheckStatus'>

/** Something that was looked at, with its figures in a line. */
export type Check = Shape<'SystemCheckBody'>

/** Something that goes on in the background, and is started again when it ends in a panic. */
export type Task = Shape<'TaskBody'>

/** How the server does: what must work, and what it takes. */
export type System = Shape<'SystemBody'>

/** A view that somebody keeps. */
export type SavedView = Shape<'ViewBody'>

/** What a view says. */
export type SavedViewDraft = Shape<'ViewDraftBody'>

/** A view on somebody's overview. */
export type Pin = Shape<'PinBody'>

/** Something that happened, as somebody wrote it or the server knows it. */
export type Annotation = Shape<'AnnotationBody'>

/** What an annotation says. */
export type AnnotationDraft = Shape<'AnnotationDraftBody'>

/** A usage event as the API shows it. */
export type UsageEvent = Shape<'EventRow'>

export type EventPage = Shape<'EventsBody'>

/** One line of the trail of what was done. */
export type AuditLine = Shape<'AuditBody'>

/** What a query came to. */
export type SqlAnswer = Shape<'SqlBody'>

export type SqlColumn = Shape<'ColumnBody'>

export type SqlTable = Shape<'TableBody'>

/** A source that was imported, and what became of its rows. */
export type ImportedSource = Shape<'ImportBody'>

/** When files are made by themselves, and how the last one went. */
export type ExportSchedule = Shape<'ExportScheduleBody'>

export type ExportScheduleDraft = Shape<'ExportScheduleDraft'>

/** The file of a period: that it is to be made, and what became of it. */
export type ExportRun = Shape<'ExportRunBody'>

export type ExportFile = Shape<'ExportFileBody'>

/** What an account has, by unit, and what it agreed to. */
export type AccountBalance = Shape<'AccountBalance'>

/** What there is in one unit: settled, held, and what can be spent. */
export type Balance = Shape<'LedgerBalance'>

/** How usage is charged that nobody authorised. */
export type LedgerTerms = Shape<'LedgerTerms'>

/** Credit that was given. */
export type Grant = Shape<'GrantAnswer'>

export type GrantPage = Shape<'GrantPage'>

export type GrantDraft = Shape<'GrantBody'>

export type GrantSource = Shape<'GrantSource'>

/** What is set aside for work in flight. */
export type Hold = Shape<'HoldRow'>

export type HoldPage = Shape<'HoldPage'>

export type HoldState = Shape<'HoldState'>

/** A line of an account's ledger. */
export type Posting = Shape<'PostingRow'>

export type PostingPage = Shape<'PostingPage'>

export type PostingKind = Shape<'PostingKind'>

export type AdjustDraft = Shape<'AdjustBody'>

export type RefundDraft = Shape<'RefundBody'>

/** What happened to an account in a month. */
export type Statement = Shape<'StatementAnswer'>

export type UnitStatement = Shape<'UnitStatement'>
