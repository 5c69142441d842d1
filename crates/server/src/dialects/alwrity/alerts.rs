//! Alerts about an account, with the numbers that ALwrity's pages know them by.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use compact_str::CompactString;
use outlay_domain::alerts::{Alert, AlertState, Severity};
use outlay_domain::links::Link;
use outlay_engine::alerts::AlertAction;
use outlay_store::sqlite::alerts::WantedAlerts;
use serde_json::{Value, json};
use uuid::Uuid;

use super::access::Person;
use super::desk::Month;
use super::error::Refused;
use super::params::Params;
use super::wire::{Data, naive};
use crate::error::ApiError;
use crate::state::AppState;

/// Alerts of an account that are looked at, the newest first.
const ALERTS_MAX: u32 = 1_000;
/// Alerts of an answer, where nobody says how many.
const LIMIT: usize = 50;

/// `GET /api/subscription/alerts/{user_id}`.
pub async fn list(
    State(state): State<AppState>,
    person: Person,
    Path(user): Path<String>,
    params: Params,
) -> Result<Data, Refused> {
    let account = person.account_of(&user)?;
    let limit = params.whole("limit", LIMIT, 1..=100)?;
    let mut alerts = of(&state, &person, &account, params.flag("unread_only")?).await?;
    let unread = alerts.iter().filter(|alert| alert["is_read"] == false).count();
    let total = alerts.len();
    alerts.truncate(limit);
    Ok(Data(json!({ "alerts": alerts, "total": total, "unread_count": unread })))
}

/// `POST /api/subscription/alerts/{alert_id}/mark-read`.
pub async fn mark_read(
    State(state): State<AppState>,
    person: Person,
    Path(number): Path<String>,
) -> Result<Json<Value>, Refused> {
    let missing = || Refused::new(StatusCode::NOT_FOUND, "Alert not found");
    let number: u64 = number.parse().map_err(|_| {
        let why = "Input should be a valid integer, unable to parse string as an integer";
        Refused::invalid("int_parsing", "path", "alert_id", why, &number)
    })?;
    let account = person.asker().scope();
    let known = newest(&state, &person, account).await?;
    let alert = known.iter().find(|alert| number_of(alert.id) == number).ok_or_else(missing)?;
    if !is_read(alert) {
        let acted = state.alerts.act_on(alert.id, AlertAction::Acknowledge, &person.asker()).await;
        acted.map_err(ApiError::from)?;
    }
    Ok(Json(json!({ "success": true, "message": "Alert marked as read" })))
}

/// The alerts about `account`, the newest first.
pub async fn of(
    state: &AppState,
    person: &Person,
    account: &CompactString,
    unread_only: bool,
) -> Result<Vec<Value>, Refused> {
    let alerts = newest(state, person, Some(account.clone())).await?;
    let wanted = alerts.iter().filter(|alert| !unread_only || !is_read(alert));
    Ok(wanted.map(body).collect())
}

async fn newest(
    state: &AppState,
    person: &Person,
    account: Option<CompactString>,
) -> Result<Vec<Alert>, Refused> {
    let states = ["open", "acknowledged", "resolved"].map(CompactString::from).to_vec();
    let wanted = WantedAlerts { states, severities: vec![], rules: vec![], account };
    Ok(state.alerts.page(wanted, None, ALERTS_MAX, &person.asker()).await?.alerts)
}

/// An id as a number that every browser holds exactly: 52 of the bits at its end, which are random; at
/// its start is the time.
fn number_of(id: Uuid) -> u64 {
    id.as_u64_pair().1 & ((1 << 52) - 1)
}

const fn is_read(alert: &Alert) -> bool {
    !matches!(alert.state, AlertState::Open)
}

/// What is not known is left out: ALwrity's pages refuse `null`.
fn body(alert: &Alert) -> Value {
    let severity = match alert.severity {
        Severity::Info => "info",
        Severity::Warning => "warning",
        Severity::Critical => "error",
    };
    let mut body = json!({
        "id": number_of(alert.id),
        "type": kind(alert),
        "threshold_percentage": threshold(alert),
        "title": alert.title,
        "message": alert.detail,
        "severity": severity,
        "is_sent": true,
        "sent_at": naive(alert.opened_at),
        "is_read": is_read(alert),
        "billing_period": Month::of(alert.opened_at).name(),
        "created_at": naive(alert.opened_at),
    });
    let read_at = match &alert.state {
        AlertState::Acknowledged(seen) => Some(seen.at),
        AlertState::Resolved { at, .. } => Some(*at),
        AlertState::Open => None,
    };
    if let Some(at) = read_at {
        body["read_at"] = naive(at).into();
    }
    body
}

/// One of ALwrity's words for it.
fn kind(alert: &Alert) -> &'static str {
    match threshold(alert) {
        0 => "usage_notice",
        share if share >= 100 => "limit_reached",
        _ => "usage_warning",
    }
}

/// The share of a budget or of a plan's limit that an alert is about, which stands at the end of its key; 0
/// where it is about something else.
fn threshold(alert: &Alert) -> u64 {
    let of_account = || alert.key.strip_prefix(alert.account.as_deref()?)?.strip_prefix(':');
    let is_of_limit = alert.link.is_none() && of_account().is_some_and(|rest| rest.contains('@'));
    let is_meant = is_of_limit || matches!(alert.link, Some(Link::Budget { .. }));
    let share = || alert.key.rsplit(':').next()?.parse().ok();
    is_meant.then(share).flatten().unwrap_or(0)
}
