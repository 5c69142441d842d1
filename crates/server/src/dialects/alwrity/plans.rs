//! Plans, and which one an account has.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use chrono_tz::Tz;
use compact_str::CompactString;
use outlay_domain::Amount;
use outlay_domain::budgets::Window;
use outlay_domain::plans::{
    Cycle, PlanRef, PlanVersion, Step, StepKind, Subscription, SubscriptionState, When,
};
use outlay_engine::Asker;
use outlay_engine::insights::course::units;
use outlay_engine::ledger::Wanted;
use outlay_engine::plans::{Had, PlansError, SubscriptionsError};
use outlay_engine::usage::By;
use serde::Deserialize;
use serde_json::{Value, json};

use super::access::Person;
use super::desk::Month;
use super::error::Refused;
use super::limits::Limits;
use super::params::{Params, Sent};
use super::wire::{Data, naive, number_of};
use crate::error::ApiError;
use crate::state::AppState;

/// The plan of accounts that have none, where there is one of that id.
const FREE: &str = "free";
/// ALwrity's own plans, by the numbers that they have in its database.
const NUMBERED: [(&str, u32); 4] = [(FREE, 1), ("basic", 2), ("pro", 3), ("enterprise", 4)];
/// Steps of a subscription that are looked at, the newest first.
const STEPS_MAX: u32 = 1_000;
/// Renewals of an answer, where nobody says how many.
const LIMIT: usize = 50;

/// What an account may do, and by what.
pub struct Standing {
    /// Its subscription, where it ever had one.
    pub had: Option<Had>,
    /// The plan by which it is judged now; none where it has none and there is none for nothing.
    pub plan: Option<PlanVersion>,
    /// What that lets it use.
    pub limits: Limits,
}

impl Standing {
    /// The subscription, where it has not ended.
    fn running(&self) -> Option<&Had> {
        running(self.had.as_ref())
    }

    /// Whether it may use anything now.
    pub fn is_active(&self) -> bool {
        self.running().is_none_or(|had| had.subscription.state.allows_use())
    }
}

fn running(had: Option<&Had>) -> Option<&Had> {
    had.filter(|had| had.subscription.state != SubscriptionState::Ended)
}

/// What an account has: its subscription, or what is for nothing.
pub async fn had(
    state: &AppState,
    account: &CompactString,
    asker: &Asker,
) -> Result<Standing, Refused> {
    let had = match state.outlay.subscriptions().of(account.clone(), asker).await {
        Ok(had) => Some(had),
        Err(SubscriptionsError::None) => None,
        Err(error) => return Err(ApiError::from(error).into()),
    };
    let plan = match running(had.as_ref()) {
        Some(had) => Some(had.plan.clone()),
        None => all(state).await?.into_iter().find(|plan| plan.plan.id.as_str() == FREE),
    };
    let limits = plan.as_ref().map_or_else(Limits::none, Limits::of);
    Ok(Standing { had, plan, limits })
}

/// `GET /api/subscription/plans`. Everybody's, but for those that are hidden.
pub async fn list(State(state): State<AppState>) -> Result<Data, Refused> {
    let plans: Vec<Value> = all(&state).await?.iter().map(body).collect();
    Ok(Data(json!({ "total": plans.len(), "plans": plans })))
}

/// `GET /api/subscription/status/{user_id}`.
pub async fn status(
    State(state): State<AppState>,
    person: Person,
    Path(user): Path<String>,
) -> Result<Data, Refused> {
    let account = person.account_of(&user)?;
    Ok(Data(status_body(&had(&state, &account, &person.asker()).await?)))
}

/// `GET /api/subscription/verify-checkout/{user_id}`: the same, and where it is known from.
pub async fn verify_checkout(
    State(state): State<AppState>,
    person: Person,
    Path(user): Path<String>,
) -> Result<Data, Refused> {
    let account = person.account_of(&user)?;
    let standing = had(&state, &account, &person.asker()).await?;
    let mut body = status_body(&standing);
    let is_known = standing.running().is_some();
    body["source"] = if is_known { "local_db" } else { "free_tier" }.into();
    Ok(Data(body))
}

/// `GET /api/subscription/user/{user_id}/subscription`.
pub async fn subscription(
    State(state): State<AppState>,
    person: Person,
    Path(user): Path<String>,
) -> Result<Data, Refused> {
    let account = person.account_of(&user)?;
    let standing = had(&state, &account, &person.asker()).await?;
    let mut plan = match &standing.plan {
        Some(plan) => body(plan),
        None => json!({
            "id": 0, "name": "Free", "tier": "free", "price_monthly": 0.0, "price_yearly": 0.0,
            "description": "",
        }),
    };
    plan["is_free"] = standing.running().is_none().into();
    let limits = standing.limits.told();
    Ok(Data(match standing.running() {
        Some(Had { subscription, .. }) => {
            let period = subscription.period();
            json!({
                "subscription": {
                    "id": subscription_number(&account, subscription),
                    "billing_cycle": subscription.cycle.as_str(),
                    "current_period_start": naive(period.from),
                    "current_period_end": naive(period.to),
                    "status": state_word(subscription.state),
                    "auto_renew": !subscription.cancels,
                    "created_at": naive(subscription.began_at),
                },
                "plan": plan,
                "limits": limits,
            })
        }
        None => json!({ "subscription": null, "plan": plan, "status": "free", "limits": limits }),
    }))
}

/// What `POST /api/subscription/subscribe/{user_id}` takes.
#[derive(Debug, Deserialize)]
pub struct SubscribeBody {
    plan_id: Option<u64>,
    #[serde(default)]
    billing_cycle: Cycle,
}

/// `POST /api/subscription/subscribe/{user_id}`. Plans are let to accounts by whoever may give them credit;
/// whoever has none has the free one already, and is told so.
pub async fn subscribe(
    State(state): State<AppState>,
    person: Person,
    Path(user): Path<String>,
    Sent(SubscribeBody { plan_id, billing_cycle: cycle }): Sent<SubscribeBody>,
) -> Result<Json<Value>, Refused> {
    let account = person.account_of(&user)?;
    let missing = || Refused::new(StatusCode::BAD_REQUEST, "plan_id is required");
    let number = plan_id.ok_or_else(missing)?;
    let plans = all(&state).await?;
    let plan = plans.into_iter().find(|plan| plan_number(&plan.plan) == number);
    let plan = plan.ok_or_else(|| Refused::new(StatusCode::NOT_FOUND, "Plan not found"))?;
    let standing = had(&state, &account, &person.asker()).await?;
    if !person.sells() {
        let is_there = standing.running().is_none() && plan.plan.id.as_str() == FREE;
        if !is_there {
            let why = "a plan is begun and changed by an admin: checkout is not configured";
            return Err(Refused::new(StatusCode::FORBIDDEN, why));
        }
        let month = Month::of(state.outlay.clock.now());
        let period = Window { from: month.from(), to: month.to() };
        return Ok(Json(subscribed(0, &plan, Cycle::Monthly, period, "active")));
    }
    let (id, version) = (plan.plan.id.clone(), Some(plan.plan.version));
    let wanted = match standing.running() {
        Some(_) => Wanted::Change { plan: id, version, cycle: Some(cycle), when: When::Now },
        None => Wanted::Begin { plan: id, version, cycle, tz: Tz::UTC, tried: Some(false) },
    };
    let made = state.outlay.subscriptions().make(account.clone(), wanted, &person.asker()).await;
    let subscription = made.map_err(ApiError::from)?.subscription;
    let number = subscription_number(&account, &subscription);
    let state = state_word(subscription.state);
    Ok(Json(subscribed(number, &plan, subscription.cycle, subscription.period(), state)))
}

fn subscribed(number: u64, plan: &PlanVersion, cycle: Cycle, period: Window, state: &str) -> Value {
    json!({
        "success": true,
        "message": format!("Successfully subscribed to {}", plan.draft.name),
        "data": {
            "subscription_id": number,
            "plan_name": plan.draft.name,
            "billing_cycle": cycle.as_str(),
            "current_period_start": naive(period.from),
            "current_period_end": naive(period.to),
            "status": state,
            "limits": Limits::of(plan).told(),
        },
    })
}

/// `GET /api/subscription/renewal-history/{user_id}`.
pub async fn renewals(
    State(state): State<AppState>,
    person: Person,
    Path(user): Path<String>,
    params: Params,
) -> Result<Data, Refused> {
    let account = person.account_of(&user)?;
    let limit = params.whole("limit", LIMIT, 1..=100)?;
    let offset = params.whole("offset", 0, 0..=STEPS_MAX as usize)?;
    let renewals = renewals_of(&state, &person, account).await?;
    let total = renewals.len();
    let page: Vec<Value> = renewals.into_iter().skip(offset).take(limit).collect();
    Ok(Data(json!({
        "renewals": page,
        "total_count": total,
        "limit": limit,
        "offset": offset,
        "has_more": offset + limit < total,
    })))
}

/// `GET /api/subscription/renewal-history/{user_id}/retention-stats`: all of it is kept.
pub async fn retention(
    State(state): State<AppState>,
    person: Person,
    Path(user): Path<String>,
) -> Result<Data, Refused> {
    let account = person.account_of(&user)?;
    let total = renewals_of(&state, &person, account).await?.len();
    Ok(Data(json!({
        "total_records": total,
        "recent_records": total,
        "records_to_compress": 0,
        "records_to_summarize": 0,
        "records_to_archive": 0,
        "retention_policy": {
            "compress_after_days": 365, "summarize_after_days": 730, "archive_after_days": 2555,
        },
    })))
}

/// `POST /api/subscription/create-checkout-session`.
pub async fn checkout(_: Person) -> Refused {
    Refused::new(StatusCode::BAD_REQUEST, "Payment plan is not configured")
}

/// `POST /api/subscription/create-portal-session`.
pub async fn portal(_: Person) -> Refused {
    Refused::new(StatusCode::BAD_REQUEST, "No billing profile found for this user")
}

/// The plans that everybody may see, the cheapest first.
async fn all(state: &AppState) -> Result<Vec<PlanVersion>, Refused> {
    let all = state.outlay.plans().all(&By::Server(super::NAME).into()).await;
    let open = all.map_err(|error: PlansError| Refused::from(ApiError::from(error)))?;
    let seen = open.into_iter().filter(|kept| !kept.is_closed && !kept.version.draft.hidden);
    Ok(seen.map(|kept| kept.version).collect())
}

fn body(plan: &PlanVersion) -> Value {
    let (limits, price) = (Limits::of(plan), &plan.draft.price);
    json!({
        "id": plan_number(&plan.plan),
        "name": plan.draft.name,
        "tier": limits.tier(),
        "price_monthly": dollars(price.monthly),
        "price_yearly": price.yearly.map_or(0.0, dollars),
        "description": plan.draft.description,
        "features": limits.features(),
        "limits": limits.told(),
    })
}

fn status_body(standing: &Standing) -> Value {
    let is_active = standing.is_active();
    let tier = standing.limits.tier();
    let mut body = json!({
        "active": is_active,
        "plan": tier,
        "tier": tier,
        "can_use_api": is_active,
        "limits": standing.limits.told(),
    });
    if !is_active {
        body["reason"] = "Subscription expired".into();
    }
    body
}

/// What ALwrity calls it. Whoever may pay later is still active.
const fn state_word(state: SubscriptionState) -> &'static str {
    match state {
        SubscriptionState::Trialing | SubscriptionState::Active => "active",
        SubscriptionState::PastDue => "past_due",
        SubscriptionState::Suspended => "suspended",
        SubscriptionState::Ended => "cancelled",
    }
}

/// What was begun, went on or was changed, the newest first.
async fn renewals_of(
    state: &AppState,
    person: &Person,
    account: CompactString,
) -> Result<Vec<Value>, Refused> {
    let subscriptions = state.outlay.subscriptions();
    let steps = subscriptions.history(account, i64::MAX, STEPS_MAX, &person.asker()).await;
    let mut steps = steps.map_err(ApiError::from)?;
    steps.retain(|(_, step)| {
        matches!(step.kind, StepKind::Started | StepKind::Renewed | StepKind::Changed)
    });
    steps.reverse();
    let mut plans = BTreeMap::<PlanRef, PlanVersion>::new();
    for (_, step) in &steps {
        for plan in std::iter::once(&step.plan).chain(&step.before) {
            if !plans.contains_key(plan) {
                let asker = By::Server(super::NAME).into();
                let kept =
                    state.outlay.plans().one(plan.id.clone(), Some(plan.version), &asker).await;
                plans.insert(plan.clone(), kept.map_err(ApiError::from)?.version);
            }
        }
    }
    let mut rows = Vec::new();
    for (count, (number, step)) in steps.iter().enumerate() {
        let before = count.checked_sub(1).map(|before| &steps[before].1);
        rows.push(renewal(*number, step, before, count, &plans));
    }
    rows.reverse();
    Ok(rows)
}

fn renewal(
    number: i64,
    step: &Step,
    before: Option<&Step>,
    count: usize,
    plans: &BTreeMap<PlanRef, PlanVersion>,
) -> Value {
    let name = |plan: &PlanRef| plans.get(plan).map(|plan| plan.draft.name.clone());
    let tier = |plan: &PlanRef| plans.get(plan).map(|plan| Limits::of(plan).tier());
    let price = |plan: &PlanRef| plans.get(plan).map(|plan| plan.draft.price.monthly);
    let other = step.before.as_ref().filter(|other| other.id != step.plan.id);
    let kind = match (step.kind, other) {
        (StepKind::Started, _) if before.is_none() => "new",
        (StepKind::Changed, Some(other)) if price(other) < price(&step.plan) => "upgrade",
        (StepKind::Changed, Some(other)) if price(other) > price(&step.plan) => "downgrade",
        _ => "renewal",
    };
    json!({
        "id": number,
        "plan_name": name(&step.plan),
        "plan_tier": tier(&step.plan),
        "previous_period_start": before.map(|before| naive(before.from)),
        "previous_period_end": before.map(|before| naive(before.to)),
        "new_period_start": naive(step.from),
        "new_period_end": naive(step.to),
        "billing_cycle": step.cycle.as_str(),
        "renewal_type": kind,
        "renewal_count": count,
        "previous_plan_name": step.before.as_ref().and_then(name),
        "previous_plan_tier": step.before.as_ref().and_then(tier),
        "usage_before_renewal": null,
        "payment_amount": dollars(step.charged),
        // Nobody told that it was paid.
        "payment_status": if step.charged == Amount::ZERO { "paid" } else { "pending" },
        "payment_date": null,
        "created_at": naive(step.at),
    })
}

fn dollars(amount: Amount) -> f64 {
    units(amount.nanos().into())
}

/// The number that ALwrity's pages know a plan by.
fn plan_number(plan: &PlanRef) -> u64 {
    let known = NUMBERED.iter().find(|(id, _)| *id == plan.id.as_str());
    known.map_or_else(|| other_number(&[plan.id.as_str()]), |(_, number)| u64::from(*number))
}

/// The number that ALwrity's pages know a subscription by.
fn subscription_number(account: &str, subscription: &Subscription) -> u64 {
    other_number(&[account, &subscription.generation.to_string()])
}

/// A number for these names that is none of the four.
fn other_number(names: &[&str]) -> u64 {
    number_of(names) | 1 << 51
}
