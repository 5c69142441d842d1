//! Budgets, and where they stand.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::StatusCode;
use chrono::NaiveDate;
use compact_str::CompactString;
use outlay_domain::Amount;
use outlay_domain::budgets::{
    Basis, Budget, BudgetDraft, BudgetError, Enforcement, Period, Scope, Threshold,
};
use outlay_domain::once::each_once;
use outlay_domain::people;
use outlay_domain::usage::question::{Attribute, Value, local_text};
use outlay_engine::budgets::{
    BudgetRefusal, BudgetStatus, BudgetsError, Judged, Outlook, UnjudgedBudget, is_imported,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::auth::{Caller, Scoped};
use crate::error::ApiError;
use crate::extract::{Json, Path};
use crate::forms::ids::{known_id, same_as_path};
use crate::forms::words::BudgetState;
use crate::state::AppState;

/// What stands where an id would, in the path of [`check`].
const CHECK: &str = "check";
/// What a budget is called for those who may not see it.
const OTHERS_BUDGET: &str = "a budget of your organisation";
/// How ids of older systems' budgets begin.
const IMPORTED: &str = "imported:";

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(check))
        .routes(routes!(show, change, remove))
}

/// What a budget says.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct DraftBody {
    /// Its id, for whoever wants to choose it: sent again, it is made once.
    #[schema(max_length = 100, example = "research-2026")]
    id: Option<String>,
    /// What people call it.
    #[schema(max_length = 200, example = "Research")]
    name: String,
    /// What counts, as filters: `provider`, `model`, `team`, `tag.KEY` and so on; with `!` for all
    /// but these, with `^` for what begins so. Nothing for everything.
    #[serde(default, deserialize_with = "each_once")]
    #[schema(example = json!({"provider": ["openai"], "model^": ["gpt-4"]}))]
    scope: BTreeMap<String, Vec<String>>,
    /// How much may be spent, in USD.
    #[schema(value_type = String, example = "250")]
    amount: Amount,
    /// In which time: `{"every": "day"}`, `week`, `month`, `quarter` or `year`;
    /// `{"every": "rolling", "days": 7}`; `{"every": "once", "first": "2026-05-01", "last": "2026-05-31"}`.
    period: Period,
    /// Whose days.
    #[serde(default = "utc")]
    #[schema(example = "Europe/Berlin")]
    tz: String,
    /// Whether people are told only, or whoever asks before they spend is refused, too.
    #[serde(default)]
    enforcement: Enforcement,
    /// When people want to know; 80 and 100 % of what is spent and 100 % of the forecast, where
    /// nothing is said.
    #[schema(max_items = 20)]
    thresholds: Option<Vec<BudgetThresholdBody>>,
    /// Whether what was left of the window before may be spent too.
    #[serde(default)]
    carries_over: bool,
}

fn utc() -> String {
    "UTC".into()
}

/// A share of a budget at which people want to know.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct BudgetThresholdBody {
    /// The share, in percent.
    #[schema(minimum = 1, maximum = 1000, example = 80)]
    percent: u16,
    /// Of what is spent, or of what will be.
    #[serde(default)]
    basis: Basis,
}

/// A budget, held against what is spent and what will be.
#[derive(Debug, Serialize, ToSchema)]
struct BudgetBody {
    /// Its id.
    id: String,
    /// What people call it.
    name: String,
    /// What counts, as filters; nothing for everything.
    scope: BTreeMap<String, Vec<String>>,
    /// How much may be spent.
    #[schema(value_type = String, example = "250")]
    amount: Amount,
    /// In which time.
    period: Period,
    /// Whose days.
    tz: &'static str,
    /// What happens when it is spent.
    enforcement: Enforcement,
    /// When people want to know.
    thresholds: Vec<BudgetThresholdBody>,
    /// Whether what was left of the window before may be spent too.
    carries_over: bool,
    /// Whether an older system's budget stands behind it that nobody changed here.
    imported: bool,
    /// Where it stands; `null` where that cannot be said.
    #[schema(required = true)]
    status: Option<StatusBody>,
    /// Why that cannot be said.
    #[schema(required = true, example = "the first day, 1960-01-01, is before 1970-01-02")]
    error: Option<String>,
}

/// Where a budget stands.
#[derive(Debug, Serialize, ToSchema)]
struct StatusBody {
    /// The start of the window.
    from: String,
    /// The end of the window.
    to: String,
    /// Left of the window before, where that is carried over.
    carried: String,
    /// What may be spent: the amount and what was carried over.
    available: String,
    /// What was spent.
    #[schema(example = "110.25")]
    spent: String,
    /// What was captured from holds without an event, which `spent` has not.
    #[schema(example = "0.5")]
    captured: String,
    /// What is set aside for work in flight.
    #[schema(example = "2.25")]
    held: String,
    /// What is left, beside all of these; with a minus where more was spent.
    remaining: String,
    /// The share that was spent, captured or not, in percent.
    percent: f64,
    /// What was spent in a day of the window so far, from the first one with usage on.
    daily: f64,
    /// What will be spent by the end of the window. Nothing once it is over, and while there are
    /// fewer than two whole days of usage to go by.
    #[schema(required = true)]
    projected: Option<f64>,
    /// In four of five cases it will be more than this. Nothing where there are too few days.
    #[schema(required = true)]
    projected_low: Option<f64>,
    /// In four of five cases it will be less than this.
    #[schema(required = true)]
    projected_high: Option<f64>,
    /// The day on which it was spent, or will be as things go.
    #[schema(required = true)]
    crossed_on: Option<NaiveDate>,
    /// How far it is spent.
    state: BudgetState,
    /// The thresholds that are reached.
    reached: Vec<BudgetThresholdBody>,
}

impl BudgetBody {
    /// A budget that was just written. That it cannot be told where it stands, e.g. because too
    /// many questions are asked, is said beside it: an error would read as if nothing was written,
    /// and whoever sent the budget again would have two.
    fn written(budget: Budget, told: Result<Self, ApiError>) -> Self {
        told.unwrap_or_else(|error| Self { error: Some(error.detail), ..Self::from(budget) })
    }
}

impl From<Judged> for BudgetBody {
    fn from(judged: Judged) -> Self {
        match judged {
            Ok(status) => {
                let body = StatusBody::from(&status);
                Self { status: Some(body), ..Self::from(status.budget) }
            }
            Err(UnjudgedBudget { budget, error }) => {
                Self { error: Some(error.to_string()), ..Self::from(budget) }
            }
        }
    }
}

impl From<Budget> for BudgetBody {
    fn from(budget: Budget) -> Self {
        let imported = is_imported(&budget);
        let Budget { id, draft, .. } = budget;
        Self {
            imported,
            id: id.into(),
            name: draft.name.into(),
            scope: draft.scope.names().clone(),
            amount: draft.amount,
            period: draft.period,
            tz: draft.tz.name(),
            enforcement: draft.enforcement,
            thresholds: draft.thresholds.iter().copied().map(BudgetThresholdBody::from).collect(),
            carries_over: draft.carries_over,
            status: None,
            error: None,
        }
    }
}

impl From<&BudgetStatus> for StatusBody {
    fn from(status: &BudgetStatus) -> Self {
        let BudgetStatus { window, carried, available, spent, captured, held, remaining, .. } =
            *status;
        let tz = status.budget.draft.tz;
        let text = |nanos| Value::Amount { nanos }.text().to_string();
        let range = status.outlook.as_ref().and_then(|Outlook { range, .. }| *range);
        Self {
            from: local_text(window.from, tz),
            to: local_text(window.to, tz),
            carried: text(carried),
            available: text(available),
            spent: text(spent),
            captured: text(captured),
            held: text(held),
            remaining: text(remaining),
            percent: status.percent,
            daily: status.daily,
            projected: status.outlook.as_ref().map(|outlook| outlook.expected),
            projected_low: range.map(|(low, _)| low),
            projected_high: range.map(|(_, high)| high),
            crossed_on: status.crossed_on,
            state: state(status),
            reached: status.reached.iter().map(|one| one.threshold.into()).collect(),
        }
    }
}

fn state(status: &BudgetStatus) -> BudgetState {
    match () {
        () if status.unspent() <= 0 => BudgetState::Spent,
        () if status.crossed_on.is_some() => BudgetState::Overrunning,
        () if !status.reached.is_empty() => BudgetState::Warned,
        () => BudgetState::Within,
    }
}

impl From<Threshold> for BudgetThresholdBody {
    fn from(Threshold { percent, basis }: Threshold) -> Self {
        Self { percent, basis }
    }
}

impl DraftBody {
    /// The id that was asked for, and the draft.
    fn judged(self) -> Result<(Option<CompactString>, BudgetDraft), ApiError> {
        let id = self.id.map(|id| known_id(&id)).transpose()?;
        let tz = self.tz.parse().map_err(|_| {
            ApiError::bad_request("malformed", "tz", format!("`{}` is no time zone", self.tz))
                .mend("use a name of the IANA list, e.g. Europe/Berlin or UTC")
        })?;
        let scope = Scope::new(self.scope).map_err(|error| {
            ApiError::bad_request("malformed", "scope", error.to_string())
                .mend("use attributes such as provider, model, team or tag.KEY, each with values")
        })?;
        let threshold = |BudgetThresholdBody { percent, basis }| Threshold { percent, basis };
        let thresholds = self.thresholds.map_or_else(Threshold::usual, |thresholds| {
            thresholds.into_iter().map(threshold).collect()
        });
        let draft = BudgetDraft {
            name: self.name.trim().into(),
            scope,
            amount: self.amount,
            period: self.period,
            tz,
            enforcement: self.enforcement,
            thresholds,
            carries_over: self.carries_over,
        };
        Ok((id, draft))
    }
}

/// An id that a new budget may have: a path of our own is none, and neither is what stands for a
/// budget of an older system.
fn free_id(id: CompactString) -> Result<CompactString, ApiError> {
    if id == CHECK || id.starts_with(IMPORTED) {
        return Err(ApiError::bad_request("malformed", "id", format!("`{id}` is a reserved id"))
            .mend(format!("choose another than `{CHECK}`, one that does not begin `{IMPORTED}`")));
    }
    Ok(id)
}

impl From<BudgetError> for ApiError {
    fn from(error: BudgetError) -> Self {
        let refusal = Self::bad_request("out_of_range", error.field(), error.to_string());
        match error.remedy() {
            Some(remedy) => refusal.mend(remedy),
            None => refusal,
        }
    }
}

impl From<BudgetsError> for ApiError {
    fn from(error: BudgetsError) -> Self {
        let detail = error.to_string();
        match error {
            BudgetsError::Denied(error) => error.into(),
            BudgetsError::OtherAccount(_) => Self::forbidden(detail).at("attributes.account"),
            BudgetsError::Budget(error) => error.into(),
            BudgetsError::Unknown(_) => Self::not_found(detail),
            BudgetsError::Taken(_) => {
                Self::conflict(detail).at("id").mend("change it with PUT, or choose another id")
            }
            BudgetsError::TooMany => Self::conflict(detail).mend("remove one that nobody needs"),
            BudgetsError::Unanswered(error) => error.into(),
            BudgetsError::Store(error) => error.into(),
            BudgetsError::NotTaken(error) => error.into(),
        }
    }
}

/// Budgets.
#[derive(Debug, Serialize, ToSchema)]
struct BudgetList {
    /// They, by name.
    items: Vec<BudgetBody>,
}

/// Lists budgets and where they stand. A member sees those of their own account.
#[utoipa::path(get, path = "/api/v1/budgets", operation_id = "list_budgets", tag = "budgets",
    responses((status = 200, body = BudgetList), (status = 401, body = ApiError),
        (status = 403, body = ApiError), (status = 422, body = ApiError),
        (status = 429, body = ApiError)))]
async fn list(State(state): State<AppState>, caller: Scoped) -> Result<Json<BudgetList>, ApiError> {
    let statuses = state.outlay.budgets(&*caller).statuses().await?;
    Ok(Json(BudgetList { items: statuses.into_iter().map(BudgetBody::from).collect() }))
}

/// Makes a budget. Admins only.
#[utoipa::path(post, path = "/api/v1/budgets", operation_id = "create_budget",
    tag = "budgets", request_body = DraftBody,
    responses((status = 201, body = BudgetBody), (status = 400, body = ApiError),
        (status = 401, body = ApiError), (status = 403, body = ApiError),
        (status = 409, body = ApiError, description = "the id is taken, or there are too many"),
        (status = 415, body = ApiError), (status = 422, body = ApiError),
        (status = 429, body = ApiError)))]
async fn create(
    State(state): State<AppState>,
    caller: Caller,
    Json(body): Json<DraftBody>,
) -> Result<(StatusCode, Json<BudgetBody>), ApiError> {
    let (id, draft) = body.judged()?;
    let id = id.map(free_id).transpose()?;
    let id = id.unwrap_or_else(|| Uuid::now_v7().to_string().into());
    let budgets = state.outlay.budgets(&*caller);
    let budget = budgets.create(id, draft).await?;
    let told = told(&state, &caller, budget.clone()).await;
    Ok((StatusCode::CREATED, Json(BudgetBody::written(budget, told))))
}

/// Shows a budget and where it stands.
#[utoipa::path(get, path = "/api/v1/budgets/{id}", operation_id = "show_budget", tag = "budgets",
    params(("id" = String, Path, description = "the budget's id")),
    responses((status = 200, body = BudgetBody), (status = 401, body = ApiError),
        (status = 403, body = ApiError), (status = 404, body = ApiError),
        (status = 422, body = ApiError), (status = 429, body = ApiError)))]
async fn show(
    State(state): State<AppState>,
    caller: Scoped,
    Path(id): Path<String>,
) -> Result<Json<BudgetBody>, ApiError> {
    let budgets = state.outlay.budgets(&*caller);
    let budget = budgets.one(&id).await?;
    Ok(Json(told(&state, &caller, budget).await?))
}

/// Changes a budget to what is sent. Admins only.
#[utoipa::path(put, path = "/api/v1/budgets/{id}", operation_id = "change_budget",
    tag = "budgets", request_body = DraftBody,
    params(("id" = String, Path, description = "the budget's id")),
    responses((status = 200, body = BudgetBody), (status = 400, body = ApiError),
        (status = 401, body = ApiError), (status = 403, body = ApiError),
        (status = 404, body = ApiError), (status = 415, body = ApiError),
        (status = 422, body = ApiError), (status = 429, body = ApiError)))]
async fn change(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
    Json(body): Json<DraftBody>,
) -> Result<Json<BudgetBody>, ApiError> {
    let (asked, draft) = body.judged()?;
    same_as_path(asked.as_ref(), &id)?;
    let budgets = state.outlay.budgets(&*caller);
    let budget = budgets.change(&id, draft).await?;
    let told = told(&state, &caller, budget.clone()).await;
    Ok(Json(BudgetBody::written(budget, told)))
}

/// Removes a budget. Admins only.
#[utoipa::path(delete, path = "/api/v1/budgets/{id}", operation_id = "remove_budget",
    tag = "budgets",
    params(("id" = String, Path, description = "the budget's id")),
    responses((status = 204, description = "it is gone"), (status = 401, body = ApiError),
        (status = 403, body = ApiError), (status = 404, body = ApiError)))]
async fn remove(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    state.outlay.budgets(&*caller).remove(&id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Something that is about to be spent.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct IntentBody {
    /// How much, in USD.
    #[schema(value_type = String, example = "0.05")]
    amount: Amount,
    /// On what: the attributes that the usage event will have.
    #[serde(default, deserialize_with = "each_once")]
    #[schema(example = json!({"provider": "openai", "model": "gpt-4o", "team": "research"}))]
    attributes: BTreeMap<String, String>,
}

/// Whether something may be spent.
#[derive(Debug, Serialize, ToSchema)]
struct IntentAnswer {
    /// Whether every hard budget that it counts for has enough left.
    allowed: bool,
    /// The hard budgets that have not.
    refused_by: Vec<RefusingBudget>,
}

/// A hard budget that has too little left.
#[derive(Debug, Serialize, ToSchema)]
struct RefusingBudget {
    /// Its id; `null` where it is not the caller's to see.
    #[schema(required = true)]
    id: Option<String>,
    /// Its name, or that it is one of the organisation's.
    name: String,
    /// What is left of it; `null` where it is not the caller's to see.
    #[schema(required = true, example = "0.01")]
    remaining: Option<String>,
}

impl From<BudgetRefusal> for RefusingBudget {
    fn from(refusal: BudgetRefusal) -> Self {
        match refusal {
            BudgetRefusal::Told { budget, remaining } => Self {
                id: Some(budget.id.into()),
                name: budget.draft.name.into(),
                remaining: Some(Value::Amount { nanos: remaining }.text().to_string()),
            },
            BudgetRefusal::Hidden => {
                Self { id: None, name: OTHERS_BUDGET.to_owned(), remaining: None }
            }
        }
    }
}

/// Says whether something may be spent, as far as hard budgets go. Nothing is held for it.
///
/// Who sees one account is told that a budget of the organisation refuses it, and not which one or
/// what is left.
#[utoipa::path(post, path = "/api/v1/budgets/check", operation_id = "check_budgets",
    tag = "budgets", request_body = IntentBody,
    responses((status = 200, body = IntentAnswer), (status = 400, body = ApiError),
        (status = 401, body = ApiError), (status = 403, body = ApiError),
        (status = 415, body = ApiError), (status = 422, body = ApiError),
        (status = 429, body = ApiError)))]
async fn check(
    State(state): State<AppState>,
    caller: Scoped,
    Json(body): Json<IntentBody>,
) -> Result<Json<IntentAnswer>, ApiError> {
    if body.amount.is_negative() {
        return Err(ApiError::bad_request("out_of_range", "amount", "must not be negative"));
    }
    let attributes = body.attributes;
    if let Some(name) = attributes.keys().find(|name| Attribute::from_name(name).is_none()) {
        let known = Attribute::NAMED.map(|known| known.name().into_owned()).join(", ");
        let shown: String = name.chars().take(100).collect();
        let detail = format!("there is no attribute `{shown}`");
        return Err(ApiError::bad_request("unknown", format!("attributes.{shown}"), detail)
            .mend(format!("use {known} or tag.KEY")));
    }
    let refusals = state.outlay.budgets(&*caller).refusals(body.amount, attributes).await?;
    let refused_by: Vec<_> = refusals.into_iter().map(RefusingBudget::from).collect();
    Ok(Json(IntentAnswer { allowed: refused_by.is_empty(), refused_by }))
}

/// The budget, and where it stands now.
async fn told(
    state: &AppState,
    caller: &people::Caller,
    budget: Budget,
) -> Result<BudgetBody, ApiError> {
    let budgets = state.outlay.budgets(caller);
    Ok(budgets.judge(budget).await?.into())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use chrono::DateTime;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_budget_that_is_written_is_answered_although_nobody_can_tell_where_it_stands() {
        let said = json!({"name": "Research", "amount": "250", "period": {"every": "month"}});
        let body: DraftBody = serde_json::from_value(said).unwrap();
        let (_, draft) = body.judged().unwrap();
        let budget = Budget { id: "research".into(), created_at: DateTime::UNIX_EPOCH, draft };
        let busy = ApiError::new(StatusCode::TOO_MANY_REQUESTS, "busy", "too many questions");

        let answer = BudgetBody::written(budget, Err(busy));

        assert_eq!((answer.id.as_str(), answer.status.is_none()), ("research", true));
        assert_eq!(answer.error.as_deref(), Some("too many questions"));
    }
}
