//! What would cost less, what proves it, and what people decided about it.

#![allow(unused_qualifications, reason = "what utoipa writes for `params(…)`")]

use std::collections::BTreeMap;
use std::sync::LazyLock;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use chrono::{DateTime, NaiveDate, Utc};
use outlay_domain::links::Link;
use outlay_domain::recommendations::State as Decided;
use outlay_domain::usage::question::{Value, local_text};
use outlay_engine::insights::recommendations::{
    Evidence, Item, Measured, NewDecision, Proof, RecommendationsError, Saving, Slice,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::{Caller, Scoped};
use crate::error::ApiError;
use crate::extract::{Json, Path};
use crate::forms::usage_params::{Known, Parameters};
use crate::forms::words::{Confidence, Priority, RecommendationKind};
use crate::state::AppState;

/// Days that are analysed where none are named, and within which bounds.
const DAYS: usize = 30;
const DAYS_MIN: usize = 7;
const DAYS_MAX: usize = 366;

type Pairs = Result<Query<Vec<(String, String)>>, QueryRejection>;

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(change))
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "its fields name the parameters, whose values are read by hand")]
struct ListParams {
    /// How many days to look at, today included: 7 to 366; 30 where it is not said.
    #[param(minimum = 7, maximum = 366)]
    days: Option<u32>,
    /// Whose days.
    tz: Option<String>,
    /// Which to list: `open`, `snoozed`, `done`, `dismissed`, with commas between; `open` where
    /// it is not said.
    state: Option<String>,
    /// Only usage of these providers; any other attribute filters in the same way.
    provider: Option<String>,
}

/// Recommendations about some days.
#[derive(Debug, Serialize, ToSchema)]
struct RecommendationList {
    /// The start of the days.
    from: String,
    /// The end of the days.
    to: String,
    /// Whose days.
    tz: &'static str,
    /// How many were asked for.
    days: usize,
    /// What was spent.
    spend: String,
    /// What the open ones save together; their savings do not overlap.
    saving: SavingBody,
    /// They: the open ones first, and then by their saving.
    items: Vec<RecommendationBody>,
}

/// What a month of thirty days would cost less.
#[derive(Debug, Serialize, ToSchema)]
struct SavingBody {
    /// What is expected.
    monthly: String,
    /// The low end.
    low: String,
    /// The high end.
    high: String,
}

/// Something to do.
#[derive(Debug, Serialize, ToSchema)]
struct RecommendationBody {
    /// Its id: the same for the same kind and scope.
    #[schema(example = "model-openai-gpt-4o")]
    id: String,
    /// What kind of thing to do.
    kind: RecommendationKind,
    /// How soon.
    priority: Priority,
    /// In a few words.
    title: String,
    /// In a sentence.
    description: String,
    /// What it saves; nothing where it is about risk and not about a sum.
    #[schema(required = true)]
    saving: Option<SavingBody>,
    /// How sure that is.
    confidence: Confidence,
    /// What has to hold for the saving.
    assumption: String,
    /// Which usage it is about, as filters.
    scope: BTreeMap<String, Vec<String>>,
    /// Figures behind it.
    evidence: Vec<EvidenceBody>,
    /// The rows that prove it.
    proof: ProofBody,
    /// The usage behind it.
    link: Link,
    /// What to do, one by one.
    actions: Vec<String>,
    /// What was decided.
    state: Decided,
    /// Who decided that, where anybody did.
    #[schema(required = true)]
    changed_by: Option<String>,
    /// When it was decided.
    #[schema(required = true)]
    changed_at: Option<DateTime<Utc>>,
    /// Until when it is snoozed.
    #[schema(required = true)]
    snoozed_until: Option<DateTime<Utc>>,
    /// What was written about it.
    #[schema(required = true)]
    note: Option<String>,
    /// What it saved since the day after it was done.
    #[schema(required = true)]
    measured: Option<MeasuredBody>,
}

/// A figure.
#[derive(Debug, Serialize, ToSchema)]
struct EvidenceBody {
    /// What it is of.
    label: String,
    /// As people read it.
    value: String,
}

/// A table.
#[derive(Debug, Serialize, ToSchema)]
struct ProofBody {
    /// The heads.
    columns: Vec<String>,
    /// The rows, each as wide as the heads.
    rows: Vec<Vec<String>>,
}

/// What was saved.
#[derive(Debug, Serialize, ToSchema)]
struct MeasuredBody {
    /// The first day.
    since: NaiveDate,
    /// Whole days since then.
    days: u32,
    /// What they would have cost, as the days before did.
    expected: String,
    /// What they cost.
    actual: String,
    /// The difference.
    saved: String,
    /// In four of five cases it is more than this
    low: String,
    /// and less than this.
    high: String,
}

impl From<Saving> for SavingBody {
    fn from(Saving { monthly, low, high }: Saving) -> Self {
        Self { monthly: text(monthly), low: text(low), high: text(high) }
    }
}

impl From<Measured> for MeasuredBody {
    fn from(measured: Measured) -> Self {
        Self {
            since: measured.since,
            days: measured.days,
            expected: text(measured.expected),
            actual: text(measured.actual),
            saved: text(measured.saved),
            low: text(measured.low),
            high: text(measured.high),
        }
    }
}

impl RecommendationBody {
    fn new(item: Item) -> Self {
        let Item { recommendation: own, link, state, decision, measured, .. } = item;
        let priority = own.priority();
        let (changed_by, changed_at, snoozed_until, note) = decision.map_or_else(
            || (None, None, None, None),
            |own| (Some(own.actor.into()), Some(own.at), own.snoozed_until, own.note),
        );
        let Proof { columns, rows } = own.proof;
        Self {
            link,
            id: own.id.into(),
            kind: own.kind.into(),
            priority: priority.into(),
            title: own.title,
            description: own.description,
            saving: own.saving.map(SavingBody::from),
            confidence: own.confidence.into(),
            assumption: own.assumption,
            scope: own.scope,
            evidence: own
                .evidence
                .into_iter()
                .map(|Evidence { label, value }| EvidenceBody { label, value })
                .collect(),
            proof: ProofBody { columns, rows },
            actions: own.actions,
            state,
            changed_by,
            changed_at,
            snoozed_until: snoozed_until.filter(|_| state == Decided::Snoozed),
            note,
            measured: measured.map(MeasuredBody::from),
        }
    }
}

fn text(nanos: i128) -> String {
    Value::Amount { nanos }.text().to_string()
}

/// Lists what would cost less, with what proves it. Savings of open ones do not overlap. A member
/// sees what their own account's usage says.
#[utoipa::path(get, path = "/api/v1/insights/recommendations",
    operation_id = "list_recommendations", tag = "insights",
    params(ListParams),
    responses((status = 200, body = RecommendationList), (status = 400, body = ApiError),
        (status = 401, body = ApiError), (status = 403, body = ApiError),
        (status = 422, body = ApiError), (status = 429, body = ApiError)))]
async fn list(
    State(state): State<AppState>,
    caller: Scoped,
    pairs: Pairs,
) -> Result<Json<RecommendationList>, ApiError> {
    static KNOWN: LazyLock<Known> = LazyLock::new(Known::of::<ListParams>);
    let Query(pairs) = pairs?;
    let parameters = Parameters::new(pairs, &KNOWN)?;
    let tz = parameters.tz()?;
    let days = days(&parameters)?;
    let states = states(parameters.one("state")?)?;
    let slice =
        Slice { days: u32::try_from(days).unwrap_or(u32::MAX), tz, filters: parameters.filters()? };
    let all = state.outlay.recommendations(&*caller).about(&slice).await?;
    let items = all.items.into_iter().filter(|item| states.contains(&item.state));
    Ok(Json(RecommendationList {
        from: local_text(all.from, tz),
        to: local_text(all.to, tz),
        tz: tz.name(),
        days,
        spend: text(all.spend),
        saving: all.saving.into(),
        items: items.map(RecommendationBody::new).collect(),
    }))
}

fn days(parameters: &Parameters) -> Result<usize, ApiError> {
    let Some(text) = parameters.one("days")? else { return Ok(DAYS) };
    let days = text.parse().ok().filter(|days| (DAYS_MIN..=DAYS_MAX).contains(days));
    days.ok_or_else(|| {
        let text: String = text.chars().take(100).collect();
        let detail = format!("`{text}` is not a whole number from {DAYS_MIN} to {DAYS_MAX}");
        ApiError::bad_request("out_of_range", "days", detail)
            .mend("give a number in that range, or leave the parameter out")
    })
}

fn states(words: Option<&str>) -> Result<Vec<Decided>, ApiError> {
    let Some(words) = words else { return Ok(vec![Decided::Open]) };
    words.split(',').map(|word| known_state(word.trim())).collect()
}

fn known_state(word: &str) -> Result<Decided, ApiError> {
    Decided::parse(word).ok_or_else(|| {
        let word: String = word.chars().take(100).collect();
        ApiError::bad_request("malformed", "state", format!("`{word}` is no state"))
            .mend("use open, snoozed, done or dismissed")
    })
}

/// What is decided.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct DecisionBody {
    /// What is decided.
    state: Decided,
    /// Until when, for `snoozed` only.
    #[serde(default, deserialize_with = "crate::moment::optional")]
    until: Option<DateTime<Utc>>,
    /// What was written about it.
    #[schema(max_length = 500)]
    note: Option<String>,
}

/// Decides about a recommendation. Admins only.
#[utoipa::path(put, path = "/api/v1/insights/recommendations/{id}",
    operation_id = "decide_recommendation", tag = "insights",
    request_body = DecisionBody,
    params(("id" = String, Path, description = "the recommendation's id")),
    responses((status = 200, body = RecommendationBody), (status = 400, body = ApiError),
        (status = 401, body = ApiError), (status = 403, body = ApiError),
        (status = 404, body = ApiError), (status = 415, body = ApiError),
        (status = 422, body = ApiError), (status = 429, body = ApiError)))]
async fn change(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
    Json(body): Json<DecisionBody>,
) -> Result<Json<RecommendationBody>, ApiError> {
    let new = NewDecision { state: body.state, until: body.until, note: body.note };
    let item = state.outlay.recommendations(&*caller).decide(&id, new).await?;
    Ok(Json(RecommendationBody::new(item)))
}

impl From<RecommendationsError> for ApiError {
    fn from(error: RecommendationsError) -> Self {
        let detail = error.to_string();
        match error {
            RecommendationsError::Denied(error) => error.into(),
            RecommendationsError::Unknown(_) => Self::not_found(detail),
            RecommendationsError::Until(_) => Self::bad_request("out_of_range", "until", detail),
            RecommendationsError::Note => Self::bad_request("out_of_range", "note", detail),
            RecommendationsError::Unanswered(error) => error.into(),
            RecommendationsError::Budgets(error) => error.into(),
            RecommendationsError::Store(error) => error.into(),
            RecommendationsError::NotTaken(error) => error.into(),
            RecommendationsError::Failed(error) => Self::internal(&error),
        }
    }
}
