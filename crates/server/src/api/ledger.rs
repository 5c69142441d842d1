//! Credit: grants, holds, balances, and the ledger that they stand in.

#![allow(unused_qualifications, reason = "what utoipa writes for `params(…)`")]

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use compact_str::CompactString;
use outlay_domain::ledger::{
    self, Balance, Grant, GrantDraft, GrantState, HoldState, LedgerRefusal, Moved, Overdraft,
    PRIORITY_USUAL, Place, Posting, PostingKind, Rollover, Source, Terms, Unit, UnitStatement,
};
use outlay_domain::once::each_once;
use outlay_domain::usage::question::{Attribute, Value};
use outlay_domain::usage::{
    EVENT_QUANTITY_MAX, EVENT_TAGS_MAX, Meter, NAME_BYTES_MAX, QUANTITIES_MAX, Quantities,
};
use outlay_domain::{Amount, Quantity};
use outlay_engine::ledger::{
    Asked, Authorized, Captured, Command, Done, EVENT_PARTED, HoldName, LedgerError, Limit,
    Reached, Uses,
};
use outlay_engine::prices::quote::{QuoteRequest, Used, quote};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::Scoped;
use crate::error::ApiError;
use crate::extract::{Json, Params, Path};
use crate::forms::accounts::own_account;
use crate::forms::months::month_of;
use crate::forms::paging::{page, page_size};
use crate::state::AppState;

/// How long a hold lasts where nothing is said, in seconds.
const HOLD_SECONDS: u32 = 600;
/// How long a hold may last, in seconds: a week.
const HOLD_SECONDS_MAX: u32 = 604_800;
/// How long what rolls over may go on, in seconds: ten years.
const ROLLOVER_SECONDS_MAX: u32 = 315_360_000;
/// Characters of an id, at most.
const ID_CHARS_MAX: usize = 200;
/// Before the key of a tag among attributes.
const TAG: &str = "tag.";
/// What a budget is called for those who may not see it.
const OTHERS_BUDGET: &str = "a budget of your organisation";

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(authorize))
        .routes(routes!(capture))
        .routes(routes!(release))
        .routes(routes!(show_balance))
        .routes(routes!(list_postings))
        .routes(routes!(show_statement))
        .routes(routes!(list_grants, create_grant))
        .routes(routes!(list_holds))
        .routes(routes!(set_terms))
        .routes(routes!(adjust))
        .routes(routes!(refund))
}

/// Credit that is given.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct GrantBody {
    /// An id of your own, unique on the account: sent again, the grant is given once.
    #[schema(max_length = 200, example = "invoice-2026-11")]
    id: String,
    /// How much.
    #[schema(value_type = String, example = "10")]
    amount: Amount,
    /// In which unit: `USD`, or any code of yours.
    #[schema(value_type = String, example = "USD")]
    unit: String,
    /// Where it is from.
    #[schema(value_type = Source)]
    source: String,
    /// What burns first: the lower number.
    #[serde(default = "usual")]
    #[schema(default = 100, example = 100)]
    priority: i16,
    /// From when on it can be spent; at once where nothing is said.
    #[serde(default, deserialize_with = "crate::moment::optional")]
    effective_at: Option<DateTime<Utc>>,
    /// Up to when it can be spent; for ever where nothing is said.
    #[serde(default, deserialize_with = "crate::moment::optional")]
    expires_at: Option<DateTime<Utc>>,
    /// What of the rest goes on when it expires; nothing where nothing is said.
    rollover: Option<RolloverBody>,
}

const fn usual() -> i16 {
    PRIORITY_USUAL
}

/// What of the rest of a grant goes on when it expires.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RolloverBody {
    /// How much of it, at most.
    #[schema(value_type = String, example = "5")]
    max: Amount,
    /// For how long, in seconds.
    #[schema(minimum = 1, maximum = 315_360_000, example = 2_592_000)]
    lasts_seconds: u32,
}

/// A grant as it is.
#[derive(Debug, Serialize, ToSchema)]
struct GrantAnswer {
    /// Its number in the account's ledger.
    number: i64,
    /// Its id.
    id: String,
    /// In which unit.
    unit: String,
    /// Where it is from.
    source: Source,
    /// What burns first: the lower number.
    priority: i16,
    /// How much was given.
    #[schema(value_type = String, example = "10")]
    amount: Amount,
    /// What is left of it and not held.
    #[schema(value_type = String, example = "7.5")]
    free: Amount,
    /// How far it is.
    state: GrantState,
    /// From when on it can be spent.
    effective_at: DateTime<Utc>,
    /// Up to when it can be spent.
    #[schema(required = true)]
    expires_at: Option<DateTime<Utc>>,
    /// When it was given.
    created_at: DateTime<Utc>,
    /// What of the rest goes on when it expires.
    #[schema(required = true)]
    rollover: Option<RolloverBody>,
}

impl GrantAnswer {
    fn new(unit: &Unit, grant: Grant) -> Self {
        let rollover = grant.rollover.map(|Rollover { max, lasts }| RolloverBody {
            max,
            lasts_seconds: u32::try_from(lasts.num_seconds()).unwrap_or(u32::MAX),
        });
        Self {
            number: grant.number,
            id: grant.id.into(),
            unit: unit.to_string(),
            source: grant.source,
            priority: grant.priority,
            amount: grant.amount,
            free: grant.free,
            state: grant.state,
            effective_at: grant.effective_at,
            expires_at: grant.expires_at,
            created_at: grant.created_at,
            rollover,
        }
    }
}

/// Credit that was given, and what the account has with it.
#[derive(Debug, Serialize, ToSchema)]
struct GrantedAnswer {
    /// The grant.
    grant: GrantAnswer,
    /// What the account had in its unit once it was given.
    balance: BalanceBody,
    /// Whether the same was given before under this id, and nothing was done now.
    repeated: bool,
}

/// What an account has in one unit.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[schema(as = LedgerBalance)]
struct BalanceBody {
    /// In grants and holds, less what is owed.
    #[schema(value_type = String, example = "10")]
    settled: Amount,
    /// Set aside for work in flight.
    #[schema(value_type = String, example = "2.5")]
    held: Amount,
    /// What can be spent; below zero where the account owes.
    #[schema(value_type = String, example = "7.5")]
    available: Amount,
}

impl From<Balance> for BalanceBody {
    fn from(Balance { settled, held, available }: Balance) -> Self {
        Self { settled, held, available }
    }
}

/// What is to be done with usage that nobody authorised and the balance does not cover.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum OverdraftRule {
    /// It is refused.
    Refuse,
    /// The account owes it.
    Allow,
    /// The account owes up to `floor`, and what is beyond that is refused.
    Floor,
}

/// What an account agreed to.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = LedgerTerms)]
struct TermsBody {
    /// How usage is charged that nobody authorised.
    overdraft: OverdraftRule,
    /// With the rule `floor`: how much may be owed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, nullable = false, example = "5")]
    floor: Option<Amount>,
    /// Whether more may be captured than is held.
    #[serde(default)]
    captures_beyond: bool,
}

impl From<Terms> for TermsBody {
    fn from(Terms { overdraft, captures_beyond }: Terms) -> Self {
        let (overdraft, floor) = match overdraft {
            Overdraft::Refuse => (OverdraftRule::Refuse, None),
            Overdraft::Allow => (OverdraftRule::Allow, None),
            Overdraft::Floor(most) => (OverdraftRule::Floor, Some(most)),
        };
        Self { overdraft, floor, captures_beyond }
    }
}

impl TermsBody {
    fn judged(self) -> Result<Terms, ApiError> {
        let wrong = |detail| Err(ApiError::bad_request("malformed", "floor", detail));
        let overdraft = match (self.overdraft, self.floor) {
            (OverdraftRule::Refuse, None) => Overdraft::Refuse,
            (OverdraftRule::Allow, None) => Overdraft::Allow,
            (OverdraftRule::Floor, Some(most)) if most.is_negative() => {
                return wrong("says how much may be owed, and must not be negative");
            }
            (OverdraftRule::Floor, Some(most)) => Overdraft::Floor(most),
            (OverdraftRule::Floor, None) => return wrong("must be given with the rule `floor`"),
            _ => return wrong("belongs to the rule `floor`"),
        };
        Ok(Terms { overdraft, captures_beyond: self.captures_beyond })
    }
}

/// What an account has.
#[derive(Debug, Serialize, ToSchema)]
struct AccountBalance {
    /// The account.
    account: String,
    /// What it has, by unit; nothing of a unit that it never had credit in.
    units: BTreeMap<String, BalanceBody>,
    /// What it agreed to; `null` where it has no ledger.
    #[schema(required = true)]
    terms: Option<TermsBody>,
}

/// What somebody is about to spend.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AuthorizeBody {
    /// An id of your own, unique on the account: sent again, one hold is made.
    #[schema(max_length = 200, example = "call-8f14e45f")]
    id: String,
    /// Who pays; the caller's own account when absent.
    #[schema(max_length = 256, example = "acme")]
    account: Option<String>,
    /// How much to set aside. Give it, or the call from which it can be told.
    #[schema(value_type = Option<String>, example = "0.05")]
    amount: Option<Amount>,
    /// In which unit; `USD` when absent.
    #[schema(example = "USD")]
    unit: Option<String>,
    /// Who will be called.
    #[schema(value_type = Option<String>, max_length = 256, example = "openai")]
    provider: Option<CompactString>,
    /// Which model.
    #[schema(value_type = Option<String>, max_length = 256, example = "gpt-4o-mini")]
    model: Option<CompactString>,
    /// How many tokens are sent.
    #[schema(minimum = 0, example = 1200)]
    input_tokens: Option<u32>,
    /// How long the text is that is sent, where nobody counted its tokens: characters, or bytes of UTF-8
    /// where it is not in Latin letters. Each is taken for a token, and no text has more.
    #[schema(minimum = 0, example = 4800)]
    input_characters: Option<u32>,
    /// How many tokens come back, at most.
    #[schema(minimum = 0, example = 800)]
    max_output_tokens: Option<u32>,
    /// What else will be used, by meter, where limits of the account's plan count it: `images`, `seconds`,
    /// any meter of yours. With a call and no `amount` it is priced, too.
    #[serde(default, deserialize_with = "each_once")]
    #[schema(value_type = BTreeMap<String, Quantity>, example = json!({"images": 2}))]
    quantities: BTreeMap<String, Quantity>,
    /// A feature that the account's plan must have.
    #[schema(max_length = 64, example = "video")]
    feature: Option<String>,
    /// What else the usage event will have, by which budgets tell what counts: `team`, `project`,
    /// `tag.KEY` and so on.
    #[serde(default, deserialize_with = "each_once")]
    #[schema(example = json!({"team": "research"}))]
    attributes: BTreeMap<String, String>,
    /// For how long it is set aside, in seconds; 900 at most where the account has no credit that it is
    /// taken from.
    #[schema(minimum = 1, maximum = 604_800, default = 600)]
    expires_in_seconds: Option<u32>,
}

/// Credit is set aside.
#[derive(Debug, Serialize, ToSchema)]
struct AuthorizedAnswer {
    /// That it may be spent.
    allowed: bool,
    /// What the hold is called: send it with the usage event as `hold`, or capture or release it.
    #[schema(example = "h17-204")]
    hold: String,
    /// In which unit.
    unit: String,
    /// How much is set aside.
    #[schema(value_type = String, example = "0.00066")]
    amount: Amount,
    /// What can be spent besides; `null` where no balance limits the account.
    #[schema(value_type = Option<String>, required = true, example = "9.99934")]
    available: Option<Amount>,
    /// Up to when it is set aside.
    expires_at: DateTime<Utc>,
    /// Whether it was set aside before under this id, and nothing was done now.
    repeated: bool,
}

/// A limit would be passed, and nothing is set aside.
#[derive(Debug, Serialize, ToSchema)]
struct RefusedAnswer {
    /// That it may not be spent.
    allowed: bool,
    /// Which limit: `balance`, `subscription`, `budget:` and its id, `plan:` and the id of one of the
    /// plan's limits, or `feature:` and its name.
    #[schema(example = "budget:research-2026")]
    limit: String,
    /// What is wrong, for people.
    detail: String,
    /// In which unit.
    unit: String,
    /// What is left of it; `null` where that is not the caller's to see.
    #[schema(required = true, example = "0.01")]
    available: Option<String>,
    /// When there is more by itself; `null` where that is never.
    #[schema(required = true)]
    resets_at: Option<DateTime<Utc>>,
}

/// How much of a hold is taken.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CaptureBody {
    /// How much; all of it when absent. What is less goes back; more is taken only where the
    /// account's terms allow it.
    #[schema(value_type = Option<String>, example = "0.0004")]
    amount: Option<Amount>,
}

/// A hold that is over.
#[derive(Debug, Serialize, ToSchema)]
struct EndedAnswer {
    /// What it is called.
    #[schema(example = "h17-204")]
    hold: String,
    /// Whose it is.
    account: String,
    /// How it ended.
    state: HoldState,
    /// In which unit.
    unit: String,
    /// What was taken.
    #[schema(value_type = String, example = "0.0004")]
    amount: Amount,
    /// What of that was more than was held.
    #[schema(value_type = String, example = "0")]
    beyond: Amount,
    /// What went back.
    #[schema(value_type = String, example = "0.00026")]
    released: Amount,
    /// What the account had then.
    balance: BalanceBody,
    /// Whether it was over before, in the same way.
    repeated: bool,
}

impl EndedAnswer {
    fn new(hold: HoldName, captured: Captured) -> Self {
        Self {
            hold: hold.to_string(),
            account: captured.account.into(),
            state: captured.state,
            unit: captured.unit.to_string(),
            amount: captured.amount,
            beyond: captured.beyond,
            released: captured.released,
            balance: captured.balance.into(),
            repeated: captured.is_repeated,
        }
    }
}

/// A hold in a list.
#[derive(Debug, Serialize, ToSchema)]
struct HoldRow {
    /// What it is called.
    #[schema(example = "h17-204")]
    hold: String,
    /// In which unit.
    unit: String,
    /// How much was set aside.
    #[schema(value_type = String, example = "0.00066")]
    amount: Amount,
    /// How far it is.
    state: HoldState,
    /// What was taken.
    #[schema(value_type = String, example = "0")]
    captured: Amount,
    /// When it was made.
    created_at: DateTime<Utc>,
    /// Up to when it is set aside.
    expires_at: DateTime<Utc>,
}

/// One change of a place.
#[derive(Debug, Serialize, ToSchema)]
struct EntryRow {
    /// Which place: `issued`, `grant:NUMBER`, `hold:NUMBER`, `debt`, `spent`, `expired` or
    /// `adjusted`.
    #[schema(example = "grant:3")]
    place: String,
    /// By how much it changes.
    #[schema(value_type = String, example = "-0.0004")]
    amount: Amount,
}

/// A posting: entries that sum to zero.
#[derive(Debug, Serialize, ToSchema)]
struct PostingRow {
    /// Its number on the account.
    number: i64,
    /// When.
    at: DateTime<Utc>,
    /// Why.
    kind: PostingKind,
    /// In which unit.
    unit: String,
    /// How much it is about.
    #[schema(value_type = String, example = "0.0004")]
    amount: Amount,
    /// The posting that it is about: of a capture the hold, of a refund the charge.
    #[schema(required = true)]
    of: Option<i64>,
    /// The id that it was asked for by.
    #[schema(required = true)]
    id: Option<String>,
    /// The event that it charges, as `source/id`.
    #[schema(required = true, example = "api/req_8f14e45f")]
    event: Option<String>,
    /// What was written.
    entries: Vec<EntryRow>,
    /// What the account had in this unit afterwards.
    balance: BalanceBody,
}

impl From<Posting> for PostingRow {
    fn from(posting: Posting) -> Self {
        let named = |prefix: &str| {
            posting.id.as_deref().and_then(|id| id.strip_prefix(prefix)).map(str::to_owned)
        };
        let entries = posting.entries.iter().map(|entry| EntryRow {
            place: match entry.place {
                Place::Issued => "issued".to_owned(),
                Place::Grant(number) => format!("grant:{number}"),
                Place::Hold(number) => format!("hold:{number}"),
                Place::Debt => "debt".to_owned(),
                Place::Spent => "spent".to_owned(),
                Place::Expired => "expired".to_owned(),
                Place::Adjusted => "adjusted".to_owned(),
            },
            amount: entry.amount,
        });
        Self {
            number: posting.number,
            at: posting.at,
            kind: posting.kind,
            unit: posting.unit.to_string(),
            amount: posting.amount,
            of: posting.of,
            id: named("c:"),
            event: named("e:").map(|event| event.replace(EVENT_PARTED, "/")),
            entries: entries.collect(),
            balance: posting.balance.into(),
        }
    }
}

/// A page of postings.
#[derive(Debug, Serialize, ToSchema)]
struct PostingPage {
    /// They, the newest first.
    items: Vec<PostingRow>,
    /// What to send as `cursor` for the next page; `null` where this is the last.
    #[schema(required = true)]
    next_cursor: Option<String>,
}

/// A page of grants.
#[derive(Debug, Serialize, ToSchema)]
struct GrantPage {
    /// They, the newest first.
    items: Vec<GrantAnswer>,
    /// What to send as `cursor` for the next page; `null` where this is the last.
    #[schema(required = true)]
    next_cursor: Option<String>,
}

/// A page of holds.
#[derive(Debug, Serialize, ToSchema)]
struct HoldPage {
    /// They, the newest first.
    items: Vec<HoldRow>,
    /// What to send as `cursor` for the next page; `null` where this is the last.
    #[schema(required = true)]
    next_cursor: Option<String>,
}

/// Which page.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct LedgerQuery {
    /// Items on a page: 1 to 1,000.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<i64>,
}

/// A correction of a balance by hand.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AdjustBody {
    /// An id of your own, unique on the account: sent again, it is done once.
    #[schema(max_length = 200, example = "goodwill-7")]
    id: String,
    /// By how much; below zero to take.
    #[schema(value_type = String, example = "-1.5")]
    amount: Amount,
    /// In which unit.
    #[schema(value_type = String, example = "USD")]
    unit: String,
    /// Why, for the audit trail.
    #[schema(min_length = 1, max_length = 1000, example = "a charge that was ours")]
    reason: String,
}

/// What is given back.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RefundBody {
    /// An id of your own, unique on the account: sent again, it is done once.
    #[schema(max_length = 200, example = "refund-7")]
    id: String,
    /// The number of the charge or capture in the account's ledger.
    #[schema(example = 204)]
    of: i64,
    /// How much of it; all that is left when absent.
    #[schema(value_type = Option<String>, example = "0.0002")]
    amount: Option<Amount>,
    /// Why, for the audit trail.
    #[schema(min_length = 1, max_length = 1000, example = "the answer was cut off")]
    reason: String,
}

impl From<LedgerRefusal> for ApiError {
    fn from(refusal: LedgerRefusal) -> Self {
        use LedgerRefusal as R;
        let detail = refusal.to_string();
        let at = |field: &'static str| Self::bad_request("out_of_range", field, detail.clone());
        match refusal {
            R::Unit => Self::bad_request("malformed", "unit", detail),
            R::NotPositive(_) | R::Negative(_) => at("amount"),
            R::OutOfRange(_) => Self::unprocessable("out_of_range", detail).at("amount"),
            R::Insufficient { .. } => {
                Self::new(StatusCode::PAYMENT_REQUIRED, "insufficient", detail)
                    .at("amount")
                    .mend("grant the account more, or ask for less")
            }
            R::Differs { field, .. } => Self::conflict(detail)
                .at(field)
                .mend("send what was sent before under this id, or choose another id"),
            R::NoHold => Self::not_found(detail),
            R::NoCharge => Self::not_found(detail)
                .at("of")
                .mend("give the number of a charge or a capture in the account's ledger"),
            R::AllGivenBack => Self::conflict(detail)
                .at("of")
                .mend("look at the account's ledger for what was given back"),
            R::TooLong(most) => at("expires_in_seconds")
                .mend(format!("ask for {most} seconds at most, or give the account credit")),
            R::HoldOver { .. } => Self::conflict(detail).mend("authorize again"),
            R::Beyond { .. } => Self::conflict(detail)
                .at("amount")
                .mend("capture what is held, or let the account's terms allow more"),
            R::MoreThanTaken { left, .. } => Self::conflict(detail)
                .at("amount")
                .mend(format!("give back {left} at most, or leave `amount` out")),
            R::Backwards => at("expires_at"),
            R::TooManyGrants => Self::conflict(detail).mend("give fewer and larger grants"),
            R::Inconsistent(_) => Self::internal(&refusal),
        }
    }
}

impl From<LedgerError> for ApiError {
    fn from(error: LedgerError) -> Self {
        let detail = error.to_string();
        match error {
            LedgerError::Refused(refusal) => refusal.into(),
            LedgerError::Limit(_) => {
                Self::too_many(60, detail).mend("see the account's limits for when there is more")
            }
            LedgerError::Counting => {
                Self::unavailable(1, detail).mend("ask again in a moment; it is counted once")
            }
            LedgerError::NoAccount | LedgerError::NoPlan(_) => Self::not_found(detail),
            LedgerError::PlanClosed(_) => Self::conflict(detail),
            LedgerError::Subscription(refusal) => refusal.into(),
            LedgerError::NotTaken(error) => error.into(),
            LedgerError::Store(error) => error.into(),
        }
    }
}

/// An id that somebody chose.
fn chosen_id(id: &str) -> Result<&str, ApiError> {
    let is_wrong = id.is_empty()
        || id.chars().count() > ID_CHARS_MAX
        || id.trim() != id
        || id.chars().any(char::is_control);
    if is_wrong {
        let detail = "must have 1 to 200 characters, none of them a control character, and no blanks \
                      at either end";
        return Err(ApiError::bad_request("malformed", "id", detail));
    }
    Ok(id)
}

fn reason(reason: &str) -> Result<&str, ApiError> {
    let reason = reason.trim();
    if (1..=1_000).contains(&reason.chars().count()) && !reason.chars().any(char::is_control) {
        return Ok(reason);
    }
    let detail = "must have 1 to 1,000 characters, none of them a control character";
    Err(ApiError::bad_request("malformed", "reason", detail).mend("say why in one line"))
}

/// Where credit is from that somebody gives.
fn granted_from(word: &str) -> Result<Source, ApiError> {
    // Corrections of a balance are acts of their own.
    let known = Source::parse(word).filter(|source| *source != Source::Adjustment);
    known.ok_or_else(|| {
        let word: String = word.chars().filter(|char| !char.is_control()).take(40).collect();
        let detail = format!("`{word}` is no source of credit");
        ApiError::bad_request("malformed", "source", detail)
            .mend("say purchase, plan, bonus, refund or promotion")
    })
}

/// Refuses a name that no event may have, and so no budget could count.
fn plain_name(field: &str, name: &str) -> Result<(), ApiError> {
    let detail = match () {
        () if name.len() > NAME_BYTES_MAX => {
            format!("{} bytes given, {NAME_BYTES_MAX} at most", name.len())
        }
        () if name.chars().any(char::is_control) => "must not hold control characters".to_owned(),
        () => return Ok(()),
    };
    Err(ApiError::bad_request("malformed", field, detail).mend("say what the event will say"))
}

fn wrong_answer() -> ApiError {
    ApiError::internal(&LedgerRefusal::Inconsistent("another answer was given"))
}

fn cursor(query: &LedgerQuery) -> i64 {
    query.cursor.unwrap_or(i64::MAX)
}

/// Gives an account credit. Admins only.
///
/// The first grant gives the account a ledger: from then on its usage is charged to it.
#[utoipa::path(post, path = "/api/v1/accounts/{id}/grants", operation_id = "create_grant",
    tag = "ledger", request_body = GrantBody, params(("id" = String, Path, description = "the account")),
    responses((status = 200, body = GrantedAnswer), (status = 400, body = ApiError),
        (status = 401, body = ApiError), (status = 403, body = ApiError),
        (status = 404, body = ApiError),
        (status = 409, body = ApiError, description = "the id was used for something else"),
        (status = 415, body = ApiError), (status = 422, body = ApiError)))]
async fn create_grant(
    State(state): State<AppState>,
    caller: Scoped,
    Path(account): Path<String>,
    Json(body): Json<GrantBody>,
) -> Result<Json<GrantedAnswer>, ApiError> {
    let account = own_account(&caller, &account)?;
    let id = chosen_id(&body.id)?;
    let unit: Unit = body.unit.parse()?;
    let source = granted_from(&body.source)?;
    let rollover = body.rollover.map(|RolloverBody { max, lasts_seconds }| {
        if lasts_seconds == 0 || lasts_seconds > ROLLOVER_SECONDS_MAX {
            let detail = format!("must be 1 to {ROLLOVER_SECONDS_MAX}");
            return Err(ApiError::bad_request("out_of_range", "rollover.lasts_seconds", detail));
        }
        if max <= Amount::ZERO {
            let detail = format!("must be more than zero, and is {max}");
            return Err(ApiError::bad_request("out_of_range", "rollover.max", detail)
                .mend("say how much of the rest goes on, or leave `rollover` out"));
        }
        Ok(Rollover { max, lasts: TimeDelta::seconds(i64::from(lasts_seconds)) })
    });
    let rollover = rollover.transpose()?;
    let when = |at: Option<DateTime<Utc>>| at.map(|at| at.to_rfc3339()).unwrap_or_default();
    let rolls =
        rollover.map(|rollover| format!("{}/{}", rollover.max, rollover.lasts.num_seconds()));
    let asked = Asked::new(
        "grant",
        id,
        &[
            ("amount", body.amount.to_string()),
            ("unit", unit.to_string()),
            ("source", source.as_str().to_owned()),
            ("priority", body.priority.to_string()),
            ("effective_at", when(body.effective_at)),
            ("expires_at", when(body.expires_at)),
            ("rollover", rolls.unwrap_or_default()),
        ],
    );
    let detail = serde_json::json!({
        "id": id, "amount": body.amount, "unit": unit, "source": source,
    });
    let trail = caller.did(state.outlay.clock.now(), "ledger.grant", &account, detail);
    let draft = GrantDraft {
        id: id.into(),
        amount: body.amount,
        source,
        priority: body.priority,
        // As exact as the books are, so that what is told at once is what is told later.
        effective_at: body.effective_at.map(|at| at.trunc_subsecs(6)),
        expires_at: body.expires_at.map(|at| at.trunc_subsecs(6)),
        rollover,
    };
    let command = Command::Grant { account, unit, draft, asked, trail };
    let Done::Given(given) = state.outlay.ledger().submit(command).await? else {
        return Err(wrong_answer());
    };
    Ok(Json(GrantedAnswer {
        grant: GrantAnswer::new(&given.unit, given.grant),
        balance: given.balance.into(),
        repeated: given.is_repeated,
    }))
}

/// Sets credit aside for something that is about to be spent.
///
/// It is set aside on the balance and on every hard budget that it counts for, or on none. Where a
/// limit would be passed the answer says which, how much is left of it and when there is more. A call
/// whose price is not known is refused with `unpriced`.
#[utoipa::path(post, path = "/api/v1/authorize", operation_id = "authorize_spend", tag = "ledger",
    request_body = AuthorizeBody,
    responses((status = 200, body = AuthorizedAnswer), (status = 400, body = ApiError),
        (status = 401, body = ApiError),
        (status = 402, body = RefusedAnswer,
            description = "the balance has too little, or the plan does not have it"),
        (status = 403, body = ApiError), (status = 404, body = ApiError),
        (status = 409, body = ApiError, description = "the id was used for something else"),
        (status = 415, body = ApiError),
        (status = 422, body = ApiError, description = "the call has no price"),
        (status = 429, body = RefusedAnswer,
            description = "a hard budget or a limit of the plan has too little"),
        (status = 503, body = ApiError)))]
async fn authorize(
    State(state): State<AppState>,
    caller: Scoped,
    Json(body): Json<AuthorizeBody>,
) -> Result<Response, ApiError> {
    let account = own_account(&caller, body.account.as_deref().unwrap_or(&caller.account))?;
    let id = chosen_id(&body.id)?.to_owned();
    let unit: Unit = body.unit.as_deref().unwrap_or("USD").parse()?;
    let lasts = body.expires_in_seconds.unwrap_or(HOLD_SECONDS);
    if !(1..=HOLD_SECONDS_MAX).contains(&lasts) {
        let detail = format!("must be 1 to {HOLD_SECONDS_MAX}");
        return Err(ApiError::bad_request("out_of_range", "expires_in_seconds", detail));
    }
    let text = |value: &Option<CompactString>| value.as_deref().unwrap_or_default().to_owned();
    let count = |value: Option<u32>| value.map(|count| count.to_string()).unwrap_or_default();
    let mut said = vec![
        ("amount", body.amount.map(|amount| amount.to_string()).unwrap_or_default()),
        ("unit", unit.to_string()),
        ("provider", text(&body.provider)),
        ("model", text(&body.model)),
        ("input_tokens", count(body.input_tokens)),
        ("max_output_tokens", count(body.max_output_tokens)),
        (
            "attributes",
            Asked::without_names(&serde_json::to_string(&body.attributes).unwrap_or_default()),
        ),
        ("expires_in_seconds", lasts.to_string()),
    ];
    // Only where it is given: what was asked for before it was known is still the same.
    said.extend(body.input_characters.map(|length| ("input_characters", length.to_string())));
    if !body.quantities.is_empty() {
        said.push(("quantities", serde_json::to_string(&body.quantities).unwrap_or_default()));
    }
    said.extend(body.feature.as_ref().map(|feature| ("feature", feature.clone())));
    let asked = Asked::new("authorize", &id, &said);
    let (amount, quantities) = estimate(&state, &body, &unit)?;
    let feature = body.feature.as_deref().map(known_feature).transpose()?;
    let uses = Uses { quantities, feature };
    let attributes = attributes(body, &account)?;
    let lasts = TimeDelta::seconds(i64::from(lasts));
    let command =
        Command::Authorize { account, unit: unit.clone(), amount, attributes, lasts, uses, asked };
    match state.outlay.ledger().submit(command).await {
        Ok(Done::Authorized(held)) => Ok(Json(allowed(held)).into_response()),
        Ok(_) => Err(wrong_answer()),
        Err(error) => refused(&caller, &unit, error),
    }
}

fn allowed(held: Authorized) -> AuthorizedAnswer {
    AuthorizedAnswer {
        allowed: true,
        hold: held.hold.to_string(),
        unit: held.unit.to_string(),
        amount: held.amount,
        available: held.is_limited.then_some(held.available),
        expires_at: held.expires_at,
        repeated: held.is_repeated,
    }
}

fn refused(caller: &Scoped, unit: &Unit, error: LedgerError) -> Result<Response, ApiError> {
    let (status, answer) = match error {
        LedgerError::Refused(LedgerRefusal::Insufficient { available, needed, .. }) => {
            let detail = format!("{needed} {unit} are needed, and {available} are available");
            let answer = RefusedAnswer {
                allowed: false,
                limit: "balance".to_owned(),
                detail,
                unit: unit.to_string(),
                available: Some(available.to_string()),
                resets_at: None,
            };
            (StatusCode::PAYMENT_REQUIRED, answer)
        }
        LedgerError::Limit(limit) => {
            let (budget, available, resets_at) = match *limit {
                Limit { reached: Reached::Budget(budget), available, resets_at } => {
                    (budget, available, resets_at)
                }
                limit => return Ok(refused_by_plan(unit, &limit)),
            };
            let is_seen = budget.is_seen_by(caller.scope().as_deref());
            let left = Value::Amount { nanos: available }.text().to_string();
            let name = if is_seen { budget.draft.name.as_str() } else { OTHERS_BUDGET };
            let answer = RefusedAnswer {
                allowed: false,
                limit: if is_seen { format!("budget:{}", budget.id) } else { "budget".to_owned() },
                detail: format!("`{name}` has too little left"),
                unit: unit.to_string(),
                available: is_seen.then_some(left),
                resets_at,
            };
            (StatusCode::TOO_MANY_REQUESTS, answer)
        }
        error => return Err(error.into()),
    };
    Ok((status, axum::Json(answer)).into_response())
}

/// What is told of a limit of the plan.
fn refused_by_plan(unit: &Unit, limit: &Limit) -> Response {
    let (status, name) = match &limit.reached {
        Reached::Plan { limit, .. } => (StatusCode::TOO_MANY_REQUESTS, format!("plan:{limit}")),
        Reached::Feature(name) => (StatusCode::PAYMENT_REQUIRED, format!("feature:{name}")),
        Reached::Subscription(_) => (StatusCode::PAYMENT_REQUIRED, "subscription".to_owned()),
        Reached::Budget(budget) => (StatusCode::TOO_MANY_REQUESTS, format!("budget:{}", budget.id)),
    };
    let is_counted = matches!(limit.reached, Reached::Plan { .. });
    let available = Value::Amount { nanos: limit.available }.text().to_string();
    let measure = match &limit.reached {
        Reached::Plan { measure, .. } if !measure.is_spend() => measure.to_string(),
        _ => unit.to_string(),
    };
    let answer = RefusedAnswer {
        allowed: false,
        limit: name,
        detail: limit.to_string(),
        unit: measure,
        available: is_counted.then_some(available),
        resets_at: limit.resets_at,
    };
    (status, axum::Json(answer)).into_response()
}

/// What somebody calls a feature.
fn known_feature(name: &str) -> Result<CompactString, ApiError> {
    if name.is_empty() || name.len() > 64 || name.chars().any(char::is_control) {
        let detail = "must have 1 to 64 characters, none of them a control character";
        return Err(ApiError::bad_request("malformed", "feature", detail));
    }
    Ok(name.into())
}

/// What will be used besides tokens, where it is said.
fn said_quantities(body: &AuthorizeBody) -> Result<Quantities, ApiError> {
    if body.quantities.len() > QUANTITIES_MAX {
        let detail = format!("{} given, {QUANTITIES_MAX} at most", body.quantities.len());
        return Err(ApiError::bad_request("too_large", "quantities", detail));
    }
    let mut quantities = Quantities::default();
    for (name, quantity) in &body.quantities {
        let shown: String = name.chars().filter(|char| !char.is_control()).take(100).collect();
        let at = format!("quantities.{shown}");
        if let Some(fault) = Meter::fault_of_name(name) {
            return Err(ApiError::bad_request("malformed", at, fault.to_string()));
        }
        if quantity.is_negative() || *quantity > EVENT_QUANTITY_MAX {
            let detail = format!("must be from 0 to {EVENT_QUANTITY_MAX}");
            return Err(ApiError::bad_request("out_of_range", at, detail));
        }
        let meter = Meter::from_name(name);
        if quantities.contains(&meter) {
            let detail = "is there twice by another name";
            return Err(ApiError::bad_request("malformed", at, detail));
        }
        quantities.set(meter, *quantity);
    }
    Ok(quantities)
}

/// How much is to be set aside: what is said, or what the call costs at most; and how much of what will be
/// used, where that is said.
fn estimate(
    state: &AppState,
    body: &AuthorizeBody,
    unit: &Unit,
) -> Result<(Amount, Option<Quantities>), ApiError> {
    let mut quantities = said_quantities(body)?;
    let says_call = body.provider.is_some() || body.model.is_some();
    let says_tokens = body.input_tokens.is_some()
        || body.input_characters.is_some()
        || body.max_output_tokens.is_some();
    if body.input_tokens.is_some() && body.input_characters.is_some() {
        let detail = "how much is sent is said twice";
        return Err(ApiError::bad_request("malformed", "input_characters", detail)
            .mend("give either `input_tokens` or `input_characters`"));
    }
    if let Some(amount) = body.amount {
        if says_tokens {
            return Err(ApiError::bad_request("malformed", "amount", "how much is said twice")
                .mend("give either `amount`, or `input_tokens` and `max_output_tokens`"));
        }
        return match amount.is_negative() {
            true => Err(LedgerRefusal::Negative(amount).into()),
            false => Ok((amount, Some(quantities).filter(|known| !known.is_empty()))),
        };
    }
    if !(says_call && (says_tokens || !quantities.is_empty())) {
        return Err(ApiError::bad_request("missing", "amount", "says how much, and is not there")
            .mend(
                "give `amount`, or `provider`, `model`, `input_tokens` or `input_characters`, and \
                 `max_output_tokens`",
            ));
    }
    if *unit != Unit::USD {
        return Err(ApiError::bad_request("malformed", "unit", "calls are priced in USD"));
    }
    // A token is a byte of text at least, for whichever model it is made.
    let input = body.input_tokens.or(body.input_characters);
    for (meter, count) in
        [(Meter::InputTokens, input), (Meter::OutputTokens, body.max_output_tokens)]
    {
        let Some(count) = count.map(i64::from) else { continue };
        if quantities.contains(&meter) {
            let at = format!("quantities.{}", meter.name());
            return Err(ApiError::bad_request("malformed", at, "is said twice"));
        }
        quantities.set(meter, Quantity::from_units(count).unwrap_or(Quantity::ONE));
    }
    let request = QuoteRequest {
        provider: body.provider.clone(),
        model: body.model.clone(),
        used: Used::Quantities(quantities.clone()),
        request: None,
        path: None,
        parameters: Vec::new(),
        at: state.outlay.clock.now(),
    };
    let quoted = quote(&state.outlay.prices.book(), &request)?.quote;
    match (quoted.amount, quoted.unpriced) {
        (Some(amount), None) => Ok((amount, Some(quantities))),
        (_, why) => {
            let why = why.map_or_else(|| "it has no price".to_owned(), |why| why.to_string());
            let detail = format!("what the call costs is not known: {why}");
            Err(ApiError::unprocessable("unpriced", detail)
                .at("model")
                .mend("add the price, or say an `amount` to set aside"))
        }
    }
}

/// By what budgets tell whether it counts.
fn attributes(body: AuthorizeBody, account: &str) -> Result<BTreeMap<String, String>, ApiError> {
    let mut attributes = body.attributes;
    let is_odd =
        |name: &&String| Attribute::from_name(name).is_none() || name.chars().any(char::is_control);
    if let Some(name) = attributes.keys().find(is_odd) {
        let shown: String = name.chars().filter(|char| !char.is_control()).take(100).collect();
        let detail = format!("there is no attribute `{shown}`");
        return Err(ApiError::bad_request("unknown", format!("attributes.{shown}"), detail)
            .mend("use attributes such as team, project, subject or tag.KEY"));
    }
    let tags = attributes.keys().filter(|name| name.starts_with(TAG)).count();
    if tags > EVENT_TAGS_MAX {
        let detail = format!("{tags} tags given, and an event has {EVENT_TAGS_MAX} at most");
        return Err(ApiError::bad_request("too_large", "attributes", detail).mend("give fewer"));
    }
    for (name, value) in &attributes {
        plain_name(&format!("attributes.{name}"), value)?;
    }
    for (name, value) in [("provider", &body.provider), ("model", &body.model)] {
        plain_name(name, value.as_deref().unwrap_or_default())?;
    }
    let own = [
        ("account", Some(account.to_owned())),
        ("provider", body.provider.map(String::from)),
        ("model", body.model.map(String::from)),
    ];
    for (name, value) in own {
        let Some(value) = value else { continue };
        if attributes.get(name).is_some_and(|said| *said != value) {
            let detail = format!("differs from `{name}`");
            return Err(ApiError::bad_request("malformed", format!("attributes.{name}"), detail));
        }
        attributes.insert(name.to_owned(), value);
    }
    Ok(attributes)
}

/// Takes what was set aside.
///
/// Where a usage event is sent for the work, it is simpler to send the hold with it: then the charge
/// and the capture are one act.
#[utoipa::path(post, path = "/api/v1/holds/{id}/capture", operation_id = "capture_hold",
    tag = "ledger", request_body = CaptureBody,
    params(("id" = String, Path, description = "the hold, as `authorize` told it")),
    responses((status = 200, body = EndedAnswer), (status = 400, body = ApiError),
        (status = 401, body = ApiError), (status = 402, body = ApiError),
        (status = 403, body = ApiError), (status = 404, body = ApiError),
        (status = 409, body = ApiError, description = "the hold is over, or holds less"),
        (status = 415, body = ApiError), (status = 422, body = ApiError)))]
async fn capture(
    State(state): State<AppState>,
    caller: Scoped,
    Path(hold): Path<String>,
    Json(body): Json<CaptureBody>,
) -> Result<Json<EndedAnswer>, ApiError> {
    let hold: HoldName = hold.parse()?;
    let command = Command::Capture { hold, only: caller.scope(), amount: body.amount };
    ended(&state, hold, command).await
}

/// Gives back what was set aside.
#[utoipa::path(post, path = "/api/v1/holds/{id}/release", operation_id = "release_hold",
    tag = "ledger", params(("id" = String, Path, description = "the hold, as `authorize` told it")),
    responses((status = 200, body = EndedAnswer), (status = 401, body = ApiError),
        (status = 403, body = ApiError), (status = 404, body = ApiError),
        (status = 409, body = ApiError, description = "the hold is over")))]
async fn release(
    State(state): State<AppState>,
    caller: Scoped,
    Path(hold): Path<String>,
) -> Result<Json<EndedAnswer>, ApiError> {
    let hold: HoldName = hold.parse()?;
    ended(&state, hold, Command::Release { hold, only: caller.scope() }).await
}

async fn ended(
    state: &AppState,
    hold: HoldName,
    command: Command,
) -> Result<Json<EndedAnswer>, ApiError> {
    match state.outlay.ledger().submit(command).await? {
        Done::Captured(captured) => Ok(Json(EndedAnswer::new(hold, captured))),
        _ => Err(wrong_answer()),
    }
}

/// Shows what an account has.
#[utoipa::path(get, path = "/api/v1/accounts/{id}/balance", operation_id = "show_balance",
    tag = "ledger", params(("id" = String, Path, description = "the account")),
    responses((status = 200, body = AccountBalance), (status = 400, body = ApiError),
        (status = 401, body = ApiError), (status = 403, body = ApiError),
        (status = 404, body = ApiError)))]
async fn show_balance(
    State(state): State<AppState>,
    caller: Scoped,
    Path(account): Path<String>,
) -> Result<Json<AccountBalance>, ApiError> {
    let account = own_account(&caller, &account)?;
    let standing = state.outlay.ledger().balance(account.clone()).await?;
    let terms = standing.as_ref().map(|standing| standing.terms().into());
    let units = standing
        .iter()
        .flat_map(|standing| standing.ledger.purses())
        .map(|purse: &ledger::Purse| (purse.unit.to_string(), purse.places.balance().into()));
    Ok(Json(AccountBalance { account: account.into(), units: units.collect(), terms }))
}

/// Lists what was posted on an account, the newest first, with the balance after each.
#[utoipa::path(get, path = "/api/v1/accounts/{id}/ledger", operation_id = "list_postings",
    tag = "ledger", params(("id" = String, Path, description = "the account"), LedgerQuery),
    responses((status = 200, body = PostingPage), (status = 400, body = ApiError),
        (status = 401, body = ApiError), (status = 403, body = ApiError),
        (status = 404, body = ApiError)))]
async fn list_postings(
    State(state): State<AppState>,
    caller: Scoped,
    Path(account): Path<String>,
    Params(query): Params<LedgerQuery>,
) -> Result<Json<PostingPage>, ApiError> {
    let account = own_account(&caller, &account)?;
    let limit = page_size(query.limit)?;
    let found = state.outlay.ledger().postings(account, cursor(&query), limit + 1).await?;
    let (found, next_cursor) = page(found, limit, |posting| posting.number.to_string());
    Ok(Json(PostingPage { items: found.into_iter().map(PostingRow::from).collect(), next_cursor }))
}

/// Which period.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct StatementQuery {
    /// Which month.
    #[param(example = "2026-10")]
    period: String,
    /// Whose months; UTC where it is not said.
    #[param(example = "Europe/Berlin")]
    tz: Option<String>,
}

/// What happened to an account in a period.
#[derive(Debug, Serialize, ToSchema)]
struct StatementAnswer {
    /// The account.
    account: String,
    /// The month.
    #[schema(example = "2026-10")]
    period: String,
    /// Whose month it is.
    #[schema(example = "Europe/Berlin")]
    tz: &'static str,
    /// From when on.
    from: DateTime<Utc>,
    /// Up to when.
    to: DateTime<Utc>,
    /// Whether the period is over, so that the statement stays as it is.
    is_over: bool,
    /// What happened, by unit.
    units: BTreeMap<String, UnitStatementBody>,
}

/// A period in one unit: the opening balance and all that was posted come to the closing balance.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = UnitStatement)]
struct UnitStatementBody {
    /// What the account had before.
    opening: BalanceBody,
    /// What was posted, by why.
    posted: BTreeMap<&'static str, MovedBody>,
    /// What it had at the end.
    closing: BalanceBody,
}

/// What postings of one kind changed.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PostedSum)]
struct MovedBody {
    /// How many there were.
    postings: u64,
    /// By how much `settled` changed.
    #[schema(example = "-1.5")]
    settled: String,
    /// By how much `held` changed.
    #[schema(example = "0")]
    held: String,
    /// By how much `available` changed.
    #[schema(example = "-1.5")]
    available: String,
}

impl From<UnitStatement> for UnitStatementBody {
    fn from(UnitStatement { opening, closing, moved }: UnitStatement) -> Self {
        let text = |nanos| Value::Amount { nanos }.text().to_string();
        let one = |moved: Moved| MovedBody {
            postings: moved.postings,
            settled: text(moved.settled),
            held: text(moved.held),
            available: text(moved.available),
        };
        Self {
            opening: opening.into(),
            posted: moved.into_iter().map(|(kind, moved)| (kind, one(moved))).collect(),
            closing: closing.into(),
        }
    }
}

/// Shows what an account had before a month, what was posted in it, and what it had at its end.
///
/// Sums are exact, and the opening balance and all of them come to the closing one, which is the opening
/// balance of the month after.
#[utoipa::path(get, path = "/api/v1/accounts/{id}/statement", operation_id = "show_statement",
    tag = "ledger", params(("id" = String, Path, description = "the account"), StatementQuery),
    responses((status = 200, body = StatementAnswer), (status = 400, body = ApiError),
        (status = 401, body = ApiError), (status = 403, body = ApiError),
        (status = 404, body = ApiError), (status = 503, body = ApiError)))]
async fn show_statement(
    State(state): State<AppState>,
    caller: Scoped,
    Path(account): Path<String>,
    Params(query): Params<StatementQuery>,
) -> Result<Json<StatementAnswer>, ApiError> {
    let account = own_account(&caller, &account)?;
    let month = month_of("period", &query.period)?;
    let tz = query.tz.as_deref().unwrap_or("UTC");
    let tz: chrono_tz::Tz = tz.parse().map_err(|_| {
        let shown: String = tz.chars().take(100).collect();
        ApiError::bad_request("malformed", "tz", format!("`{shown}` is no time zone"))
            .mend("use a name such as Europe/Berlin or UTC")
    })?;
    let (Some(from), to) = month.days().instants(tz) else {
        return Err(ApiError::bad_request("out_of_range", "period", "is no month that has days"));
    };
    let ledger = state.outlay.ledger();
    let statement = ledger.statement(account.clone(), from, to).await?;
    let units = statement.0.into_iter().map(|(unit, one)| (unit.to_string(), one.into()));
    Ok(Json(StatementAnswer {
        account: account.into(),
        period: query.period,
        tz: tz.name(),
        from,
        to,
        is_over: to <= ledger.now(),
        units: units.collect(),
    }))
}

/// Lists the grants of an account, the newest first.
#[utoipa::path(get, path = "/api/v1/accounts/{id}/grants", operation_id = "list_grants",
    tag = "ledger", params(("id" = String, Path, description = "the account"), LedgerQuery),
    responses((status = 200, body = GrantPage), (status = 400, body = ApiError),
        (status = 401, body = ApiError), (status = 403, body = ApiError),
        (status = 404, body = ApiError)))]
async fn list_grants(
    State(state): State<AppState>,
    caller: Scoped,
    Path(account): Path<String>,
    Params(query): Params<LedgerQuery>,
) -> Result<Json<GrantPage>, ApiError> {
    let account = own_account(&caller, &account)?;
    let limit = page_size(query.limit)?;
    let found = state.outlay.ledger().grants(account, cursor(&query), limit + 1).await?;
    let (found, next_cursor) = page(found, limit, |(_, grant)| grant.number.to_string());
    let items = found.into_iter().map(|(unit, grant)| GrantAnswer::new(&unit, grant));
    Ok(Json(GrantPage { items: items.collect(), next_cursor }))
}

/// Lists the holds of an account, the newest first.
#[utoipa::path(get, path = "/api/v1/accounts/{id}/holds", operation_id = "list_holds",
    tag = "ledger", params(("id" = String, Path, description = "the account"), LedgerQuery),
    responses((status = 200, body = HoldPage), (status = 400, body = ApiError),
        (status = 401, body = ApiError), (status = 403, body = ApiError),
        (status = 404, body = ApiError)))]
async fn list_holds(
    State(state): State<AppState>,
    caller: Scoped,
    Path(account): Path<String>,
    Params(query): Params<LedgerQuery>,
) -> Result<Json<HoldPage>, ApiError> {
    let account = own_account(&caller, &account)?;
    let limit = page_size(query.limit)?;
    let (number, found) = state.outlay.ledger().holds(account, cursor(&query), limit + 1).await?;
    let (found, next_cursor) = page(found, limit, |kept| kept.hold.number.to_string());
    let items = found.into_iter().map(|kept| HoldRow {
        hold: HoldName { account: number, number: kept.hold.number }.to_string(),
        unit: kept.hold.unit.to_string(),
        amount: kept.hold.amount,
        state: kept.hold.state,
        captured: kept.hold.captured,
        created_at: kept.hold.created_at,
        expires_at: kept.hold.expires_at,
    });
    Ok(Json(HoldPage { items: items.collect(), next_cursor }))
}

/// Changes what an account agreed to. Admins only.
///
/// From then on the account has a ledger, and its usage is charged to it.
#[utoipa::path(put, path = "/api/v1/accounts/{id}/terms", operation_id = "set_terms",
    tag = "ledger", request_body = TermsBody, params(("id" = String, Path, description = "the account")),
    responses((status = 200, body = TermsBody), (status = 400, body = ApiError),
        (status = 401, body = ApiError), (status = 403, body = ApiError),
        (status = 404, body = ApiError), (status = 415, body = ApiError),
        (status = 422, body = ApiError)))]
async fn set_terms(
    State(state): State<AppState>,
    caller: Scoped,
    Path(account): Path<String>,
    Json(body): Json<TermsBody>,
) -> Result<Json<TermsBody>, ApiError> {
    let account = own_account(&caller, &account)?;
    let terms = body.judged()?;
    let detail = serde_json::json!({ "terms": body });
    let trail = caller.did(state.outlay.clock.now(), "ledger.terms", &account, detail);
    let command = Command::Agree { account, terms, trail };
    match state.outlay.ledger().submit(command).await? {
        Done::Agreed(terms) => Ok(Json(terms.into())),
        _ => Err(wrong_answer()),
    }
}

/// Puts a balance right by hand. Admins only.
#[utoipa::path(post, path = "/api/v1/accounts/{id}/adjustments", operation_id = "adjust_balance",
    tag = "ledger", request_body = AdjustBody, params(("id" = String, Path, description = "the account")),
    responses((status = 200, body = PostingRow), (status = 400, body = ApiError),
        (status = 401, body = ApiError), (status = 402, body = ApiError),
        (status = 403, body = ApiError), (status = 404, body = ApiError),
        (status = 409, body = ApiError), (status = 415, body = ApiError),
        (status = 422, body = ApiError)))]
async fn adjust(
    State(state): State<AppState>,
    caller: Scoped,
    Path(account): Path<String>,
    Json(body): Json<AdjustBody>,
) -> Result<Json<PostingRow>, ApiError> {
    let account = own_account(&caller, &account)?;
    let id = chosen_id(&body.id)?;
    let unit: Unit = body.unit.parse()?;
    let why = reason(&body.reason)?;
    let asked = Asked::new(
        "adjust",
        id,
        &[("amount", body.amount.to_string()), ("unit", unit.to_string()), ("reason", why.into())],
    );
    let detail =
        serde_json::json!({ "id": id, "amount": body.amount, "unit": unit, "reason": why });
    let trail = caller.did(state.outlay.clock.now(), "ledger.adjust", &account, detail);
    let command = Command::Adjust { account, unit, amount: body.amount, asked, trail };
    posted(&state, command).await
}

/// Gives back what a charge or a capture took. Admins only.
#[utoipa::path(post, path = "/api/v1/accounts/{id}/refunds", operation_id = "refund_charge",
    tag = "ledger", request_body = RefundBody, params(("id" = String, Path, description = "the account")),
    responses((status = 200, body = PostingRow), (status = 400, body = ApiError),
        (status = 401, body = ApiError), (status = 403, body = ApiError),
        (status = 404, body = ApiError), (status = 409, body = ApiError),
        (status = 415, body = ApiError), (status = 422, body = ApiError)))]
async fn refund(
    State(state): State<AppState>,
    caller: Scoped,
    Path(account): Path<String>,
    Json(body): Json<RefundBody>,
) -> Result<Json<PostingRow>, ApiError> {
    let account = own_account(&caller, &account)?;
    let id = chosen_id(&body.id)?;
    let why = reason(&body.reason)?;
    let amount = body.amount.map(|amount| amount.to_string()).unwrap_or_default();
    let asked = Asked::new(
        "refund",
        id,
        &[("of", body.of.to_string()), ("amount", amount), ("reason", why.into())],
    );
    let detail =
        serde_json::json!({ "id": id, "of": body.of, "amount": body.amount, "reason": why });
    let trail = caller.did(state.outlay.clock.now(), "ledger.refund", &account, detail);
    let command = Command::Refund { account, of: body.of, amount: body.amount, asked, trail };
    posted(&state, command).await
}

async fn posted(state: &AppState, command: Command) -> Result<Json<PostingRow>, ApiError> {
    match state.outlay.ledger().submit(command).await? {
        Done::Posted(posting) => Ok(Json(posting.into())),
        _ => Err(wrong_answer()),
    }
}
