//! What an account used: of all time, of a month, month by month, and all that on one page.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use chrono::Datelike;
use outlay_engine::insights::course::units;
use serde_json::{Map, Value, json};

use super::access::Person;
use super::alerts;
use super::desk::{Course, Desk, Month, Usage, Used};
use super::error::Refused;
use super::limits::Limits;
use super::params::Params;
use super::plans;
use super::providers::KEYS;
use super::wire::{Data, naive, number};
use crate::state::AppState;

/// Months that a trend goes back at most.
const MONTHS_MAX: u32 = 24;
/// Months that it goes back where nobody says.
const MONTHS: u32 = 6;
/// Alerts on the dashboard.
const ALERTS: usize = 5;

/// `GET /api/subscription/usage/{user_id}`.
pub async fn usage(
    State(state): State<AppState>,
    person: Person,
    Path(user): Path<String>,
    params: Params,
) -> Result<Data, Refused> {
    let desk = Desk::new(&state, &person, person.account_of(&user)?);
    let month = params.one("billing_period").map(Month::named).transpose()?;
    let limits = plans::had(&state, &desk.account, &person.asker()).await?.limits;
    let running = desk.usage(Some(month.unwrap_or(desk.month()))).await?;
    Ok(Data(match month {
        Some(month) => of_month(month, &running, &limits, &[]),
        None => of_all(&desk, &running, &limits, &[]).await?,
    }))
}

/// `GET /api/subscription/usage/{user_id}/trends`.
pub async fn trends(
    State(state): State<AppState>,
    person: Person,
    Path(user): Path<String>,
    params: Params,
) -> Result<Data, Refused> {
    let desk = Desk::new(&state, &person, person.account_of(&user)?);
    let months = params.whole("months", MONTHS, 1..=MONTHS_MAX)?;
    let course = desk.course(desk.month().before(months - 1)).await?;
    Ok(Data(trend(&course)))
}

/// `GET /api/subscription/dashboard/{user_id}`.
pub async fn dashboard(
    State(state): State<AppState>,
    person: Person,
    Path(user): Path<String>,
    params: Params,
) -> Result<Data, Refused> {
    let desk = Desk::new(&state, &person, person.account_of(&user)?);
    let asked = params.one("billing_period").map(Month::named).transpose()?;
    let month = asked.unwrap_or(desk.month());
    let limits = plans::had(&state, &desk.account, &person.asker()).await?.limits;
    let mut alerts = alerts::of(&state, &person, &desk.account, false).await?;
    if asked.is_some() {
        alerts.retain(|alert| alert["billing_period"] == month.name().as_str());
    }
    let unread = alerts.iter().filter(|alert| alert["is_read"] == false);
    let (unread, shown): (usize, Vec<Value>) =
        (unread.clone().count(), unread.take(ALERTS).cloned().collect());
    let current = desk.usage(Some(month)).await?;
    let current_body = of_month(month, &current, &limits, &shown);
    let total_body = match asked {
        Some(_) => current_body.clone(),
        None => of_all(&desk, &current, &limits, &shown).await?,
    };
    let course = desk.course(desk.month().before(MONTHS - 1)).await?;
    Ok(Data(json!({
        "total_usage": total_body,
        "current_period_usage": current_body,
        // What pages that are older than the two above read.
        "current_usage": current_body,
        "trends": trend(&course),
        "limits": limits.body(),
        "alerts": shown,
        "projections": projection(&desk, month, &current, &limits),
        "summary": {
            "total_api_calls_this_month": number(current.total.calls),
            "total_cost_this_month": units(current.total.nanos),
            "usage_status": limits.status(&current),
            "unread_alerts": unread,
        },
    })))
}

/// What was used in a month, in the shape that ALwrity's pages want.
fn of_month(month: Month, usage: &Usage, limits: &Limits, alerts: &[Value]) -> Value {
    body(&month.name(), usage, usage, limits, alerts)
}

/// What was used in all months, of which `running` is the one that runs: limits are those of a month.
async fn of_all(
    desk: &Desk,
    running: &Usage,
    limits: &Limits,
    alerts: &[Value],
) -> Result<Value, Refused> {
    let usage = desk.usage(None).await?;
    let rows = desk.history().await?.into_iter().map(|(month, used)| {
        json!({
            "billing_period": month.name(),
            "total_calls": number(used.calls),
            "total_tokens": number(used.tokens),
            "total_cost": units(used.nanos),
            "usage_status": if month == desk.month() { limits.status(running) } else { "active" },
            "updated_at": naive(month.to().min(usage.asked_at)),
        })
    });
    let mut body = body("all", &usage, running, limits, alerts);
    body["historical_breakdown"] = rows.collect();
    Ok(body)
}

fn body(period: &str, usage: &Usage, running: &Usage, limits: &Limits, alerts: &[Value]) -> Value {
    json!({
        "billing_period": period,
        "usage_status": limits.status(running),
        "total_calls": number(usage.total.calls),
        "total_tokens": number(usage.total.tokens),
        "total_cost": units(usage.total.nanos),
        "avg_response_time": usage.latency_ms,
        "error_rate": percent(usage.failed, usage.total.calls),
        "limits": limits.body(),
        "provider_breakdown": breakdown(usage),
        "alerts": alerts,
        "usage_percentages": limits.percentages(running),
        "last_updated": naive(usage.asked_at),
    })
}

/// Each of ALwrity's names, those too that were not used, and whatever else was.
fn breakdown(usage: &Usage) -> Value {
    let mut by: Map<String, Value> =
        KEYS.iter().map(|key| ((*key).to_owned(), row(&Used::default()))).collect();
    by.extend(usage.by.iter().map(|(key, used)| (key.to_string(), row(used))));
    Value::Object(by)
}

fn row(used: &Used) -> Value {
    json!({
        "calls": number(used.calls),
        "tokens": number(used.tokens),
        "cost": units(used.nanos),
    })
}

fn trend(course: &Course) -> Value {
    let none = vec![Used::default(); course.months.len()];
    let series = |of: &[Used]| {
        json!({
            "calls": of.iter().map(|used| number(used.calls)).collect::<Vec<_>>(),
            "cost": of.iter().map(|used| units(used.nanos)).collect::<Vec<_>>(),
            "tokens": of.iter().map(|used| number(used.tokens)).collect::<Vec<_>>(),
        })
    };
    let mut by: Map<String, Value> =
        KEYS.iter().map(|key| ((*key).to_owned(), series(&none))).collect();
    by.extend(course.by.iter().map(|(key, of)| (key.to_string(), series(of))));
    let total = series(&course.total);
    json!({
        "periods": course.months.iter().map(|month| month.name()).collect::<Vec<_>>(),
        "total_calls": total["calls"],
        "total_cost": total["cost"],
        "total_tokens": total["tokens"],
        "provider_trends": by,
    })
}

/// What the month comes to, where its days go on as those that are over.
fn projection(desk: &Desk, month: Month, usage: &Usage, limits: &Limits) -> Value {
    let spent = units(usage.total.nanos);
    let projected = if month == desk.month() {
        let day = f64::from(desk.now().day());
        #[allow(clippy::cast_precision_loss)]
        let days = month.days() as f64;
        spent / day * days
    } else {
        spent
    };
    let limit = limits.monthly_cost();
    let share = if limit > 0.0 { 100.0 * projected / limit } else { 0.0 };
    json!({
        "projected_monthly_cost": projected,
        "cost_limit": limit,
        "projected_usage_percentage": share,
    })
}

#[allow(clippy::cast_precision_loss)]
fn percent(part: i128, whole: i128) -> f64 {
    if whole > 0 { 100.0 * part as f64 / whole as f64 } else { 0.0 }
}

/// Whatever else is asked for below the dialect's paths.
pub async fn nowhere() -> Refused {
    Refused::new(StatusCode::NOT_FOUND, "Not Found")
}
