//! Subscriptions: which account has which plan, and what happens to that.

#![allow(unused_qualifications, reason = "what utoipa writes for `params(…)`")]

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use outlay_domain::Amount;
use outlay_domain::budgets::Enforcement;
use outlay_domain::plans::{
    Cycle, Feature, LimitWindow, Most, PlanDraft, PlanRef, Step, StepKind, Subscription,
    SubscriptionRefusal, SubscriptionState, When,
};
use outlay_domain::usage::question::Value;
use outlay_engine::Asker;
use outlay_engine::ledger::{LedgerError, Subscribed, Wanted};
use outlay_engine::plans::{Had, LimitStanding, SubscriptionsError, is_there};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::Scoped;
use crate::error::ApiError;
use crate::extract::{Json, Params, Path};
use crate::forms::accounts::own_account;
use crate::forms::paging::{page, page_size};
use crate::forms::usage_params::read_tz;
use crate::state::AppState;

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(show, begin))
        .routes(routes!(change))
        .routes(routes!(cancel))
        .routes(routes!(resume))
        .routes(routes!(fall_due))
        .routes(routes!(pay))
        .routes(routes!(history))
        .routes(routes!(subscribers))
        .routes(routes!(limits))
        .routes(routes!(entitlements))
}

/// Which plan an account is to have.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SubscriptionDraft {
    /// Which plan.
    #[schema(example = "pro")]
    plan: String,
    /// Which version of it; the newest where nothing is said.
    #[schema(minimum = 1)]
    version: Option<u32>,
    /// For how long is paid at a time.
    #[serde(default)]
    cycle: Cycle,
    /// Whose days and months; UTC where nothing is said.
    #[schema(example = "Europe/Berlin")]
    tz: Option<String>,
    /// Whether the plan is tried first, where it has a trial; whoever never had a plan does where nothing
    /// is said.
    trial: Option<bool>,
}

/// Which plan an account is to have instead.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SubscriptionChange {
    /// Which plan.
    #[schema(example = "pro")]
    plan: String,
    /// Which version of it; the newest where nothing is said.
    #[schema(minimum = 1)]
    version: Option<u32>,
    /// For how long is paid at a time; as before where nothing is said.
    cycle: Option<Cycle>,
    /// Now, with what was paid and is not used given back, or when what is paid for is over.
    when: When,
}

/// When a subscription is to end.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SubscriptionEnd {
    /// Now, with what was paid and is not used given back, or when what is paid for is over.
    when: When,
}

/// A version of a plan.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PlanName)]
struct PlanNameBody {
    /// Which plan.
    #[schema(example = "pro")]
    id: String,
    /// Which version of it.
    version: u32,
}

impl From<&PlanRef> for PlanNameBody {
    fn from(plan: &PlanRef) -> Self {
        Self { id: plan.id.to_string(), version: plan.version }
    }
}

/// What comes when what is paid for is over.
#[derive(Debug, Serialize, ToSchema)]
struct NextPlanBody {
    /// The plan.
    plan: PlanNameBody,
    /// For how long is paid at a time.
    cycle: Cycle,
}

/// A range of instants.
#[derive(Debug, Serialize, ToSchema)]
struct SubscriptionSpan {
    /// From when on.
    from: DateTime<Utc>,
    /// Up to, and not at, which instant.
    to: DateTime<Utc>,
}

/// The plan that an account has.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Subscription)]
struct SubscriptionAnswer {
    /// The account.
    account: String,
    /// Which version of which plan.
    plan: PlanNameBody,
    /// How it stands.
    state: SubscriptionState,
    /// For how long is paid at a time.
    cycle: Cycle,
    /// Whose days and months.
    #[schema(example = "Europe/Berlin")]
    tz: &'static str,
    /// When it began.
    began_at: DateTime<Utc>,
    /// What is paid for: a month or a year, or the trial.
    period: SubscriptionSpan,
    /// The month that runs: what `every: period` counts, and for what the plan's credit is given.
    month: SubscriptionSpan,
    /// What comes when the period is over; `null` where it goes on as it is.
    #[schema(required = true)]
    next: Option<NextPlanBody>,
    /// Whether it ends when the period is over.
    cancels: bool,
    /// Up to when it goes on although a payment is due.
    #[schema(required = true)]
    grace_ends_at: Option<DateTime<Utc>>,
    /// When it ended.
    #[schema(required = true)]
    ended_at: Option<DateTime<Utc>>,
    /// What the plan says.
    says: PlanDraft,
    /// Whether the request changed anything.
    changed: bool,
}

impl SubscriptionAnswer {
    fn new(account: &str, subscription: &Subscription, says: PlanDraft, changed: bool) -> Self {
        let (period, month) = (subscription.period(), subscription.month_window());
        Self {
            account: account.to_owned(),
            plan: (&subscription.plan).into(),
            state: subscription.state,
            cycle: subscription.cycle,
            tz: subscription.months.tz.name(),
            began_at: subscription.began_at,
            period: SubscriptionSpan { from: period.from, to: period.to },
            month: SubscriptionSpan { from: month.from, to: month.to },
            next: subscription
                .next
                .as_ref()
                .map(|next| NextPlanBody { plan: (&next.plan).into(), cycle: next.cycle }),
            cancels: subscription.cancels,
            grace_ends_at: subscription.grace_ends_at,
            ended_at: subscription.ended_at,
            says,
            changed,
        }
    }
}

/// One thing that happened to a subscription.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SubscriptionStep)]
struct StepRow {
    /// Its number on the account.
    number: i64,
    /// When.
    at: DateTime<Utc>,
    /// What.
    kind: StepKind,
    /// The plan from then on, or that will be.
    plan: PlanNameBody,
    /// The plan before, where it is another.
    #[schema(required = true)]
    before: Option<PlanNameBody>,
    /// For how long is paid at a time.
    cycle: Cycle,
    /// From when on, of what it is about.
    from: DateTime<Utc>,
    /// Up to when.
    to: DateTime<Utc>,
    /// The currency of the plan.
    currency: String,
    /// What is to be paid for it.
    #[schema(value_type = String, example = "39.5")]
    charged: Amount,
    /// What was paid before and was not used.
    #[schema(value_type = String, example = "14.5")]
    credited: Amount,
    /// Units of which the plan's credit could not be given.
    not_given: Vec<String>,
}

impl From<(i64, Step)> for StepRow {
    fn from((number, step): (i64, Step)) -> Self {
        Self {
            number,
            at: step.at,
            kind: step.kind,
            plan: (&step.plan).into(),
            before: step.before.as_ref().map(PlanNameBody::from),
            cycle: step.cycle,
            from: step.from,
            to: step.to,
            currency: step.currency.to_string(),
            charged: step.charged,
            credited: step.credited,
            not_given: step.not_given.iter().map(ToString::to_string).collect(),
        }
    }
}

/// A page of what happened.
#[derive(Debug, Serialize, ToSchema)]
struct StepPage {
    /// It, the newest first.
    items: Vec<StepRow>,
    /// What to send as `cursor` for the next page; `null` where this is the last.
    #[schema(required = true)]
    next_cursor: Option<String>,
}

/// Which page.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct StepsQuery {
    /// Items on a page: 1 to 1,000.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<i64>,
}

/// An account that has a plan.
#[derive(Debug, Serialize, ToSchema)]
struct Subscriber {
    /// The account.
    account: String,
    /// Which version of the plan.
    version: u32,
}

/// A page of accounts.
#[derive(Debug, Serialize, ToSchema)]
struct SubscriberPage {
    /// They, by name.
    items: Vec<Subscriber>,
    /// What to send as `cursor` for the next page; `null` where this is the last.
    #[schema(required = true)]
    next_cursor: Option<String>,
}

/// Which page.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct SubscribersQuery {
    /// Items on a page: 1 to 1,000.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

impl From<SubscriptionRefusal> for ApiError {
    fn from(refusal: SubscriptionRefusal) -> Self {
        use SubscriptionRefusal as R;
        let detail = refusal.to_string();
        match refusal {
            R::There(_) => Self::conflict(detail).mend("change it with POST …/subscription/change"),
            R::None => Self::not_found(detail).mend("begin one with PUT …/subscription"),
            R::NotYearly(_) => Self::unprocessable("unknown", detail)
                .at("cycle")
                .mend("pay by the month, or give the plan a yearly price"),
            R::Cancelled => Self::conflict(detail).mend("resume it first"),
            R::Tried => Self::conflict(detail).mend("wait for the end of the trial"),
            R::NoPlan(_) => Self::not_found(detail).at("version"),
        }
    }
}

impl From<SubscriptionsError> for ApiError {
    fn from(error: SubscriptionsError) -> Self {
        let detail = error.to_string();
        match error {
            SubscriptionsError::Denied(denied) => denied.into(),
            SubscriptionsError::NoAccount => Self::not_found(detail),
            SubscriptionsError::None => {
                Self::not_found(detail).mend("begin one with PUT …/subscription")
            }
            SubscriptionsError::Ledger(LedgerError::NoPlan(_)) => {
                Self::not_found(detail).at("plan").mend("see GET /api/v1/plans for what there is")
            }
            SubscriptionsError::Ledger(LedgerError::PlanClosed(_)) => Self::conflict(detail)
                .at("plan")
                .mend("choose another, or open it again with PUT /api/v1/plans/{id}"),
            SubscriptionsError::Ledger(error) => error.into(),
            SubscriptionsError::Store(error) => error.into(),
        }
    }
}

/// How far a limit of the plan is used.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LimitStanding)]
struct LimitRow {
    /// Its id in the plan.
    #[schema(example = "video_calls")]
    id: String,
    /// What is measured.
    #[schema(example = "events")]
    measure: String,
    /// Of which usage; nothing for all of the account's.
    scope: BTreeMap<String, Vec<String>>,
    /// In which windows.
    every: LimitWindow,
    /// What happens at the end of it.
    enforcement: Enforcement,
    /// How much may be used: a decimal, or `unlimited`.
    #[schema(example = "30")]
    most: String,
    /// What was used.
    #[schema(example = "12")]
    used: String,
    /// What is set aside for work in flight.
    #[schema(example = "1")]
    held: String,
    /// What is left; `null` where there is no end to it.
    #[schema(required = true, example = "17")]
    available: Option<String>,
    /// The share that was used, in percent; `null` where there is no end to it, or nothing at all.
    #[schema(required = true, example = 40)]
    percent: Option<f64>,
    /// When the window began.
    from: DateTime<Utc>,
    /// When it begins anew.
    resets_at: DateTime<Utc>,
}

impl From<&LimitStanding> for LimitRow {
    fn from(standing: &LimitStanding) -> Self {
        let text = |nanos| Value::Amount { nanos }.text().to_string();
        let limit = &standing.limit;
        #[allow(clippy::cast_precision_loss)]
        let percent = match limit.most {
            Most::Nanos(most) if most > 0 => Some(standing.used as f64 * 100.0 / most as f64),
            _ => None,
        };
        Self {
            id: limit.id.to_string(),
            measure: limit.measure.to_string(),
            scope: limit.scope.names().clone(),
            every: limit.every,
            enforcement: limit.enforcement,
            most: limit.most.to_string(),
            used: text(standing.used),
            held: text(standing.held),
            available: standing.available().map(text),
            percent,
            from: standing.window.from,
            resets_at: standing.window.to,
        }
    }
}

/// How far the limits of an account's plan are used.
#[derive(Debug, Serialize, ToSchema)]
struct LimitList {
    /// The account.
    account: String,
    /// Its plan.
    plan: PlanNameBody,
    /// How its subscription stands.
    state: SubscriptionState,
    /// Each limit of the plan.
    items: Vec<LimitRow>,
}

/// What an account has of a feature.
#[derive(Debug, Serialize, ToSchema)]
struct Entitlement {
    /// The feature.
    #[schema(example = "video")]
    feature: String,
    /// Whether the account may use it now.
    entitled: bool,
    /// What the plan says of it, where it is a text.
    #[schema(required = true)]
    value: Option<String>,
    /// The limit that it is measured by, where there is one.
    #[schema(required = true)]
    limit: Option<LimitRow>,
}

/// What an account has of the features of its plan.
#[derive(Debug, Serialize, ToSchema)]
struct EntitlementList {
    /// The account.
    account: String,
    /// Its plan.
    plan: PlanNameBody,
    /// How its subscription stands.
    state: SubscriptionState,
    /// Each feature of the plan, by name.
    items: Vec<Entitlement>,
}

/// Shows how far each limit of an account's plan is used, and when it begins anew.
#[utoipa::path(get, path = "/api/v1/accounts/{id}/limits", operation_id = "show_limits", tag = "plans",
    params(("id" = String, Path, description = "the account")),
    responses((status = 200, body = LimitList), (status = 400, body = ApiError),
        (status = 401, body = ApiError), (status = 403, body = ApiError),
        (status = 404, body = ApiError), (status = 503, body = ApiError)))]
async fn limits(
    State(state): State<AppState>,
    caller: Scoped,
    Path(account): Path<String>,
) -> Result<Json<LimitList>, ApiError> {
    let account = own_account(&caller, &account)?;
    let asker = Asker::from(&*caller);
    let found = state.outlay.subscriptions().limits(account.clone(), &asker).await?;
    let subscription = &found.had.subscription;
    Ok(Json(LimitList {
        account: account.into(),
        plan: (&subscription.plan).into(),
        state: subscription.state,
        items: found.standings.iter().map(LimitRow::from).collect(),
    }))
}

/// Shows what an account has of the features of its plan.
#[utoipa::path(get, path = "/api/v1/accounts/{id}/entitlements", operation_id = "list_entitlements",
    tag = "plans", params(("id" = String, Path, description = "the account")),
    responses((status = 200, body = EntitlementList), (status = 400, body = ApiError),
        (status = 401, body = ApiError), (status = 403, body = ApiError),
        (status = 404, body = ApiError), (status = 503, body = ApiError)))]
async fn entitlements(
    State(state): State<AppState>,
    caller: Scoped,
    Path(account): Path<String>,
) -> Result<Json<EntitlementList>, ApiError> {
    let account = own_account(&caller, &account)?;
    let asker = Asker::from(&*caller);
    let found = state.outlay.subscriptions().limits(account.clone(), &asker).await?;
    let subscription = &found.had.subscription;
    let entitlement = |(name, feature): (&compact_str::CompactString, &Feature)| {
        let standing = match feature {
            Feature::Metered { limit } => found.standing(limit),
            _ => None,
        };
        let is_left = standing.is_none_or(|standing| !standing.is_used_up());
        Entitlement {
            feature: name.to_string(),
            entitled: subscription.state.allows_use() && is_there(feature) && is_left,
            value: match feature {
                Feature::Static { value } => Some(value.to_string()),
                _ => None,
            },
            limit: standing.map(LimitRow::from),
        }
    };
    Ok(Json(EntitlementList {
        account: account.into(),
        plan: (&subscription.plan).into(),
        state: subscription.state,
        items: found.had.plan.draft.features.iter().map(entitlement).collect(),
    }))
}

/// Shows the plan that an account has, and how it stands.
#[utoipa::path(get, path = "/api/v1/accounts/{id}/subscription", operation_id = "show_subscription",
    tag = "plans", params(("id" = String, Path, description = "the account")),
    responses((status = 200, body = SubscriptionAnswer), (status = 400, body = ApiError),
        (status = 401, body = ApiError), (status = 403, body = ApiError),
        (status = 404, body = ApiError), (status = 503, body = ApiError)))]
async fn show(
    State(state): State<AppState>,
    caller: Scoped,
    Path(account): Path<String>,
) -> Result<Json<SubscriptionAnswer>, ApiError> {
    let account = own_account(&caller, &account)?;
    let asker = Asker::from(&*caller);
    let Had { subscription, plan } =
        state.outlay.subscriptions().of(account.clone(), &asker).await?;
    Ok(Json(SubscriptionAnswer::new(&account, &subscription, plan.draft, false)))
}

/// Lets an account have a plan from now on. Admins only.
///
/// Sent again, it is done once. The credit of the first month is given in the same commit.
#[utoipa::path(put, path = "/api/v1/accounts/{id}/subscription", operation_id = "create_subscription",
    tag = "plans", request_body = SubscriptionDraft,
    params(("id" = String, Path, description = "the account")),
    responses((status = 200, body = SubscriptionAnswer), (status = 201, body = SubscriptionAnswer),
        (status = 400, body = ApiError), (status = 401, body = ApiError),
        (status = 403, body = ApiError), (status = 404, body = ApiError),
        (status = 409, body = ApiError, description = "it has another, or the plan is closed"),
        (status = 413, body = ApiError), (status = 415, body = ApiError),
        (status = 422, body = ApiError), (status = 503, body = ApiError)))]
async fn begin(
    State(state): State<AppState>,
    caller: Scoped,
    Path(account): Path<String>,
    Json(body): Json<SubscriptionDraft>,
) -> Result<(StatusCode, Json<SubscriptionAnswer>), ApiError> {
    let tz = body.tz.as_deref().map(|tz| read_tz(Some(tz))).transpose()?;
    let wanted = Wanted::Begin {
        plan: wanted_plan(&body.plan)?,
        version: body.version,
        cycle: body.cycle,
        tz: tz.unwrap_or(Tz::UTC),
        tried: body.trial,
    };
    let answer = made(&state, &caller, &account, wanted).await?;
    let status = if answer.0.changed { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, answer))
}

/// Lets an account have another plan, another version of it, or pay by another time. Admins only.
///
/// Now, or when what is paid for is over. What was paid and is not used is told as `credited` in the history,
/// and what is to be paid for the rest as `charged`. Sent again, it is done once.
#[utoipa::path(post, path = "/api/v1/accounts/{id}/subscription/change",
    operation_id = "change_subscription", tag = "plans", request_body = SubscriptionChange,
    params(("id" = String, Path, description = "the account")),
    responses((status = 200, body = SubscriptionAnswer), (status = 400, body = ApiError),
        (status = 401, body = ApiError), (status = 403, body = ApiError),
        (status = 404, body = ApiError),
        (status = 409, body = ApiError, description = "it ends soon, or the plan is closed"),
        (status = 413, body = ApiError), (status = 415, body = ApiError),
        (status = 422, body = ApiError), (status = 503, body = ApiError)))]
async fn change(
    State(state): State<AppState>,
    caller: Scoped,
    Path(account): Path<String>,
    Json(body): Json<SubscriptionChange>,
) -> Result<Json<SubscriptionAnswer>, ApiError> {
    let SubscriptionChange { plan, version, cycle, when } = body;
    let wanted = Wanted::Change { plan: wanted_plan(&plan)?, version, cycle, when };
    made(&state, &caller, &account, wanted).await
}

/// Lets a subscription end, now or when what is paid for is over. Admins only.
#[utoipa::path(post, path = "/api/v1/accounts/{id}/subscription/cancel",
    operation_id = "cancel_subscription", tag = "plans", request_body = SubscriptionEnd,
    params(("id" = String, Path, description = "the account")),
    responses((status = 200, body = SubscriptionAnswer), (status = 400, body = ApiError),
        (status = 401, body = ApiError), (status = 403, body = ApiError),
        (status = 404, body = ApiError), (status = 413, body = ApiError),
        (status = 415, body = ApiError), (status = 503, body = ApiError)))]
async fn cancel(
    State(state): State<AppState>,
    caller: Scoped,
    Path(account): Path<String>,
    Json(body): Json<SubscriptionEnd>,
) -> Result<Json<SubscriptionAnswer>, ApiError> {
    made(&state, &caller, &account, Wanted::Cancel(body.when)).await
}

/// Lets a subscription go on as it is, where it would end or change. Admins only.
#[utoipa::path(post, path = "/api/v1/accounts/{id}/subscription/resume",
    operation_id = "resume_subscription", tag = "plans",
    params(("id" = String, Path, description = "the account")),
    responses((status = 200, body = SubscriptionAnswer), (status = 400, body = ApiError),
        (status = 401, body = ApiError), (status = 403, body = ApiError),
        (status = 404, body = ApiError), (status = 503, body = ApiError)))]
async fn resume(
    State(state): State<AppState>,
    caller: Scoped,
    Path(account): Path<String>,
) -> Result<Json<SubscriptionAnswer>, ApiError> {
    made(&state, &caller, &account, Wanted::Resume).await
}

/// Notes that a payment is due: the plan goes on for its days of grace. Admins only.
#[utoipa::path(post, path = "/api/v1/accounts/{id}/subscription/due",
    operation_id = "report_payment_due", tag = "plans",
    params(("id" = String, Path, description = "the account")),
    responses((status = 200, body = SubscriptionAnswer), (status = 400, body = ApiError),
        (status = 401, body = ApiError), (status = 403, body = ApiError),
        (status = 404, body = ApiError),
        (status = 409, body = ApiError, description = "it is still tried"),
        (status = 503, body = ApiError)))]
async fn fall_due(
    State(state): State<AppState>,
    caller: Scoped,
    Path(account): Path<String>,
) -> Result<Json<SubscriptionAnswer>, ApiError> {
    made(&state, &caller, &account, Wanted::FallDue).await
}

/// Notes that what was due was paid. Admins only.
#[utoipa::path(post, path = "/api/v1/accounts/{id}/subscription/paid",
    operation_id = "report_payment", tag = "plans",
    params(("id" = String, Path, description = "the account")),
    responses((status = 200, body = SubscriptionAnswer), (status = 400, body = ApiError),
        (status = 401, body = ApiError), (status = 403, body = ApiError),
        (status = 404, body = ApiError), (status = 503, body = ApiError)))]
async fn pay(
    State(state): State<AppState>,
    caller: Scoped,
    Path(account): Path<String>,
) -> Result<Json<SubscriptionAnswer>, ApiError> {
    made(&state, &caller, &account, Wanted::Pay).await
}

/// Lists what happened to the subscription of an account, the newest first.
#[utoipa::path(get, path = "/api/v1/accounts/{id}/subscription/history",
    operation_id = "list_subscription_steps", tag = "plans",
    params(("id" = String, Path, description = "the account"), StepsQuery),
    responses((status = 200, body = StepPage), (status = 400, body = ApiError),
        (status = 401, body = ApiError), (status = 403, body = ApiError),
        (status = 404, body = ApiError)))]
async fn history(
    State(state): State<AppState>,
    caller: Scoped,
    Path(account): Path<String>,
    Params(query): Params<StepsQuery>,
) -> Result<Json<StepPage>, ApiError> {
    let account = own_account(&caller, &account)?;
    let limit = page_size(query.limit)?;
    let before = query.cursor.unwrap_or(i64::MAX);
    let asker = Asker::from(&*caller);
    let found = state.outlay.subscriptions().history(account, before, limit + 1, &asker).await?;
    let (found, next_cursor) = page(found, limit, |(number, _)| number.to_string());
    Ok(Json(StepPage { items: found.into_iter().map(StepRow::from).collect(), next_cursor }))
}

/// Lists the accounts that have some version of a plan, by name.
#[utoipa::path(get, path = "/api/v1/plans/{id}/subscribers", operation_id = "list_subscribers",
    tag = "plans", params(("id" = String, Path, description = "the plan's id"), SubscribersQuery),
    responses((status = 200, body = SubscriberPage), (status = 400, body = ApiError),
        (status = 401, body = ApiError), (status = 403, body = ApiError),
        (status = 404, body = ApiError)))]
async fn subscribers(
    State(state): State<AppState>,
    caller: Scoped,
    Path(plan): Path<String>,
    Params(query): Params<SubscribersQuery>,
) -> Result<Json<SubscriberPage>, ApiError> {
    let plan = plan.parse().map_err(|_| ApiError::not_found("there is no such plan"))?;
    let limit = page_size(query.limit)?;
    let after = query.cursor.unwrap_or_default();
    let asker = Asker::from(&*caller);
    let found = state.outlay.subscriptions().of_plan(plan, after, limit + 1, &asker).await?;
    let (found, next_cursor) = page(found, limit, |(account, _)| account.to_string());
    let items =
        found.into_iter().map(|(account, version)| Subscriber { account: account.into(), version });
    Ok(Json(SubscriberPage { items: items.collect(), next_cursor }))
}

/// The plan of a body.
fn wanted_plan(id: &str) -> Result<outlay_domain::plans::PlanId, ApiError> {
    let shown: String = id.chars().filter(|letter| !letter.is_control()).take(100).collect();
    id.parse().map_err(|_| {
        ApiError::not_found(format!("there is no plan `{shown}`"))
            .at("plan")
            .mend("see GET /api/v1/plans for what there is")
    })
}

async fn made(
    state: &AppState,
    caller: &Scoped,
    account: &str,
    wanted: Wanted,
) -> Result<Json<SubscriptionAnswer>, ApiError> {
    let account = own_account(caller, account)?;
    let asker = Asker::from(&**caller);
    let made = state.outlay.subscriptions().make(account.clone(), wanted, &asker).await?;
    let Subscribed { subscription, plan, is_changed } = made;
    Ok(Json(SubscriptionAnswer::new(&account, &subscription, plan.draft.clone(), is_changed)))
}
