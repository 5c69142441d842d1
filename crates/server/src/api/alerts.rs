//! Alerts, and the rules that open them.

#![allow(unused_qualifications, reason = "what utoipa writes for `params(…)`")]

use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use compact_str::CompactString;
use outlay_domain::alerts::{
    Alert, AlertRule, AlertState, Condition, RuleDraft, RuleError, Severity,
};
use outlay_domain::links::Link;
use outlay_engine::Asker;
use outlay_engine::alerts::{AlertAction, AlertsError, AlertsPage, WantedAlerts};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::auth::{Caller, Scoped};
use crate::error::ApiError;
use crate::extract::{Json, Params, Path};
use crate::forms::ids::{known_id, same_as_path};
use crate::forms::paging::{page, page_size};
use crate::forms::words;
use crate::state::AppState;

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(acknowledge))
        .routes(routes!(snooze))
        .routes(routes!(resolve))
        .routes(routes!(rules, create_rule))
        .routes(routes!(change_rule, remove_rule))
}

/// One time that a condition held.
#[derive(Debug, Serialize, ToSchema)]
struct AlertBody {
    /// Its id.
    id: Uuid,
    /// The rule that opened it.
    rule: RuleName,
    /// Where it is between open and resolved.
    state: words::AlertState,
    /// How much it matters.
    severity: Severity,
    /// What held, in a line.
    title: String,
    /// The figures behind it, as they were when it opened.
    detail: String,
    /// What is behind it.
    #[schema(required = true)]
    link: Option<Link>,
    /// When it opened.
    opened_at: DateTime<Utc>,
    /// When it changed last.
    updated_at: DateTime<Utc>,
    /// Who saw it first; kept when it is over.
    #[schema(required = true)]
    acknowledged_by: Option<String>,
    /// When they did.
    #[schema(required = true)]
    acknowledged_at: Option<DateTime<Utc>>,
    /// When it was over.
    #[schema(required = true)]
    resolved_at: Option<DateTime<Utc>>,
    /// Who closed it; nobody where the condition went away by itself.
    #[schema(required = true)]
    resolved_by: Option<String>,
    /// Until when it is silent.
    #[schema(required = true)]
    snoozed_until: Option<DateTime<Utc>>,
}

/// A rule, by name.
#[derive(Debug, Serialize, ToSchema)]
struct RuleName {
    /// Its id.
    id: String,
    /// What people call it; the id, where it is gone.
    name: String,
}

impl AlertBody {
    fn new(alert: Alert, rules: &[AlertRule]) -> Self {
        let rule = rules.iter().find(|rule| rule.id == alert.rule_id);
        let name = rule.map_or(&alert.rule_id, |rule| &rule.draft.name).to_string();
        let state = words::AlertState::from(&alert.state);
        let seen = alert.state.acknowledgement().map(|seen| (seen.by.to_string(), seen.at));
        let (acknowledged_by, acknowledged_at) = seen.unzip();
        let (resolved_by, resolved_at) = match alert.state {
            AlertState::Resolved { by, at, .. } => (by.map(String::from), Some(at)),
            AlertState::Open | AlertState::Acknowledged(_) => (None, None),
        };
        let updated_at = resolved_at.or(acknowledged_at).unwrap_or(alert.opened_at);
        Self {
            id: alert.id,
            rule: RuleName { id: alert.rule_id.into(), name },
            state,
            severity: alert.severity,
            title: alert.title,
            detail: alert.detail,
            link: alert.link,
            opened_at: alert.opened_at,
            updated_at,
            acknowledged_by,
            acknowledged_at,
            resolved_at,
            resolved_by,
            snoozed_until: alert.snoozed_until,
        }
    }
}

/// Which alerts are asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct AlertQuery {
    /// Only in these states, joined by commas: `open`, `acknowledged`, `resolved`.
    #[param(example = "open,acknowledged")]
    state: Option<String>,
    /// Only of these severities, joined by commas: `info`, `warning`, `critical`.
    #[param(example = "critical")]
    severity: Option<String>,
    /// Only of the rules of these ids, joined by commas.
    #[param(example = "budgets")]
    rule: Option<String>,
    /// Alerts on a page: 1 to 1,000.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
    /// The `next_cursor` of an earlier answer.
    cursor: Option<String>,
}

/// A page of alerts.
#[derive(Debug, Serialize, ToSchema)]
struct AlertPage {
    /// The alerts, the newest first.
    items: Vec<AlertBody>,
    /// How many are open and not silent, on this page or not.
    open: i64,
    /// Where the next page begins.
    #[schema(required = true)]
    next_cursor: Option<String>,
}

/// Lists alerts, the newest first. Members see those that are about their own account alone.
#[utoipa::path(get, path = "/api/v1/alerts", operation_id = "list_alerts",
    tag = "alerts", params(AlertQuery),
    responses((status = 200, body = AlertPage), (status = 400, body = ApiError),
        (status = 401, body = ApiError), (status = 403, body = ApiError)))]
async fn list(
    State(state): State<AppState>,
    caller: Scoped,
    Params(query): Params<AlertQuery>,
) -> Result<Json<AlertPage>, ApiError> {
    let limit = page_size(query.limit)?;
    let wanted = query.wanted()?;
    let before = query.cursor.as_deref().map(read_cursor).transpose()?;
    let asker = Asker::from(&*caller);
    let found = state.alerts.page(wanted, before, limit + 1, &asker).await?;
    let AlertsPage { alerts, rules, open } = found;
    let (alerts, next_cursor) =
        page(alerts, limit, |alert| format!("{}.{}", alert.opened_at.timestamp_micros(), alert.id));
    let items = alerts.into_iter().map(|alert| AlertBody::new(alert, &rules)).collect();
    Ok(Json(AlertPage { items, open, next_cursor }))
}

impl AlertQuery {
    fn wanted(&self) -> Result<WantedAlerts, ApiError> {
        let states = words(self.state.as_deref(), "state", &AlertState::WORDS)?;
        let severities = Severity::ALL.map(Severity::as_str);
        let rules = self.rule.as_deref().filter(|rules| !rules.is_empty());
        Ok(WantedAlerts {
            states: if states.is_empty() {
                AlertState::WORDS.map(CompactString::from).to_vec()
            } else {
                states
            },
            severities: words(self.severity.as_deref(), "severity", &severities)?,
            rules: rules
                .map_or_else(Vec::new, |rules| rules.split(',').map(CompactString::from).collect()),
            account: None,
        })
    }
}

/// The words of the parameter `name`, each of which is one of `known`.
fn words(asked: Option<&str>, name: &str, known: &[&str]) -> Result<Vec<CompactString>, ApiError> {
    let asked = asked.filter(|asked| !asked.is_empty());
    let words: Vec<&str> = asked.map_or_else(Vec::new, |asked| asked.split(',').collect());
    match words.iter().find(|word| !known.contains(word)) {
        Some(word) => Err(ApiError::bad_request(
            "malformed",
            name,
            format!("`{}` is no {name} of an alert", word.chars().take(100).collect::<String>()),
        )
        .mend(format!("use {}", known.join(", ")))),
        None => Ok(words.into_iter().map(CompactString::from).collect()),
    }
}

fn read_cursor(cursor: &str) -> Result<(DateTime<Utc>, Uuid), ApiError> {
    cursor
        .split_once('.')
        .and_then(|(micros, id)| {
            Some((DateTime::from_timestamp_micros(micros.parse().ok()?)?, id.parse().ok()?))
        })
        .ok_or_else(|| {
            ApiError::bad_request("malformed", "cursor", "is not the `next_cursor` of an answer")
        })
}

/// Says that somebody saw an alert. Admins only.
#[utoipa::path(post, path = "/api/v1/alerts/{id}/acknowledge", operation_id = "acknowledge_alert",
    tag = "alerts",
    params(("id" = Uuid, Path, description = "the alert's id")),
    responses((status = 200, body = AlertBody), (status = 400, body = ApiError),
        (status = 401, body = ApiError), (status = 403, body = ApiError),
        (status = 404, body = ApiError),
        (status = 409, body = ApiError, description = "it is resolved already")))]
async fn acknowledge(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<AlertBody>, ApiError> {
    act_on(&state, &caller, id, AlertAction::Acknowledge).await
}

/// Until when an alert is silent.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SnoozeBody {
    /// A moment in the future, a year ahead at most, RFC 3339.
    #[serde(deserialize_with = "crate::moment::required")]
    until: DateTime<Utc>,
}

/// Silences an alert for a time; it stays open. Admins only.
#[utoipa::path(post, path = "/api/v1/alerts/{id}/snooze", operation_id = "snooze_alert",
    tag = "alerts",
    request_body = SnoozeBody,
    params(("id" = Uuid, Path, description = "the alert's id")),
    responses((status = 200, body = AlertBody), (status = 400, body = ApiError),
        (status = 401, body = ApiError), (status = 403, body = ApiError),
        (status = 404, body = ApiError),
        (status = 409, body = ApiError, description = "it is resolved already"),
        (status = 415, body = ApiError)))]
async fn snooze(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Json(body): Json<SnoozeBody>,
) -> Result<Json<AlertBody>, ApiError> {
    act_on(&state, &caller, id, AlertAction::Snooze(body.until)).await
}

/// Closes an alert; it comes back only after its condition went away. Admins only.
#[utoipa::path(post, path = "/api/v1/alerts/{id}/resolve", operation_id = "resolve_alert",
    tag = "alerts",
    params(("id" = Uuid, Path, description = "the alert's id")),
    responses((status = 200, body = AlertBody), (status = 400, body = ApiError),
        (status = 401, body = ApiError), (status = 403, body = ApiError),
        (status = 404, body = ApiError),
        (status = 409, body = ApiError, description = "it is resolved already")))]
async fn resolve(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<AlertBody>, ApiError> {
    act_on(&state, &caller, id, AlertAction::Resolve).await
}

async fn act_on(
    state: &AppState,
    caller: &Caller,
    id: Uuid,
    action: AlertAction,
) -> Result<Json<AlertBody>, ApiError> {
    let (alert, rules) = state.alerts.act_on(id, action, &Asker::from(&**caller)).await?;
    Ok(Json(AlertBody::new(alert, &rules)))
}

/// What a rule says.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RuleDraftBody {
    /// Its id, for whoever wants to choose it.
    #[schema(max_length = 100, example = "openai-day")]
    id: Option<String>,
    /// What people call it.
    #[schema(max_length = 200, example = "OpenAI above $100 a day")]
    name: String,
    /// How much it matters.
    severity: Severity,
    /// Whether it is watched.
    #[serde(default = "yes")]
    enabled: bool,
    /// What is watched.
    condition: Condition,
}

const fn yes() -> bool {
    true
}

/// A condition that somebody watches.
#[derive(Debug, Serialize, ToSchema)]
struct RuleBody {
    /// Its id.
    id: String,
    /// What people call it.
    name: String,
    /// How much it matters.
    severity: Severity,
    /// Whether it is watched.
    enabled: bool,
    /// What is watched.
    condition: Condition,
}

impl From<AlertRule> for RuleBody {
    fn from(AlertRule { id, draft, .. }: AlertRule) -> Self {
        let RuleDraft { name, severity, enabled, condition } = draft;
        Self { id: id.into(), name: name.into(), severity, enabled, condition }
    }
}

impl RuleDraftBody {
    fn judged(self) -> Result<(Option<CompactString>, RuleDraft), ApiError> {
        let id = self.id.map(|id| known_id(&id)).transpose()?;
        let Self { name, severity, enabled, condition, .. } = self;
        Ok((id, RuleDraft { name: name.trim().into(), severity, enabled, condition }))
    }
}

/// The rules.
#[derive(Debug, Serialize, ToSchema)]
struct RuleList {
    /// They, by id.
    items: Vec<RuleBody>,
}

/// Lists alert rules.
#[utoipa::path(get, path = "/api/v1/alert-rules", operation_id = "list_alert_rules", tag = "alerts",
    responses((status = 200, body = RuleList), (status = 401, body = ApiError),
        (status = 403, body = ApiError)))]
async fn rules(
    State(state): State<AppState>,
    _sees_all: Caller,
) -> Result<Json<RuleList>, ApiError> {
    let rules = state.alerts.rules().await?;
    Ok(Json(RuleList { items: rules.into_iter().map(RuleBody::from).collect() }))
}

/// Makes an alert rule. Admins only.
#[utoipa::path(post, path = "/api/v1/alert-rules", operation_id = "create_alert_rule",
    tag = "alerts", request_body = RuleDraftBody,
    responses((status = 201, body = RuleBody), (status = 400, body = ApiError),
        (status = 401, body = ApiError), (status = 403, body = ApiError),
        (status = 409, body = ApiError, description = "the id is taken, or there are too many"),
        (status = 415, body = ApiError)))]
async fn create_rule(
    State(state): State<AppState>,
    caller: Caller,
    Json(body): Json<RuleDraftBody>,
) -> Result<(StatusCode, Json<RuleBody>), ApiError> {
    let (id, draft) = body.judged()?;
    let rule = state.alerts.create_rule(id, draft, &Asker::from(&*caller)).await?;
    Ok((StatusCode::CREATED, Json(rule.into())))
}

/// Changes an alert rule to what is sent. Admins only.
#[utoipa::path(put, path = "/api/v1/alert-rules/{id}", operation_id = "change_alert_rule",
    tag = "alerts",
    request_body = RuleDraftBody,
    params(("id" = String, Path, description = "the rule's id")),
    responses((status = 200, body = RuleBody), (status = 400, body = ApiError),
        (status = 401, body = ApiError), (status = 403, body = ApiError),
        (status = 404, body = ApiError), (status = 415, body = ApiError)))]
async fn change_rule(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
    Json(body): Json<RuleDraftBody>,
) -> Result<Json<RuleBody>, ApiError> {
    let (asked, draft) = body.judged()?;
    same_as_path(asked.as_ref(), &id)?;
    let rule = state.alerts.change_rule(&id, draft, &Asker::from(&*caller)).await?;
    Ok(Json(rule.into()))
}

/// Removes an alert rule; its alerts resolve. Admins only.
#[utoipa::path(delete, path = "/api/v1/alert-rules/{id}", operation_id = "remove_alert_rule",
    tag = "alerts",
    params(("id" = String, Path, description = "the rule's id")),
    responses((status = 204, description = "it is gone"), (status = 401, body = ApiError),
        (status = 403, body = ApiError), (status = 404, body = ApiError)))]
async fn remove_rule(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    state.alerts.remove_rule(&id, &Asker::from(&*caller)).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl From<RuleError> for ApiError {
    fn from(error: RuleError) -> Self {
        Self::bad_request("out_of_range", error.field(), error.to_string())
    }
}

impl From<AlertsError> for ApiError {
    fn from(error: AlertsError) -> Self {
        let detail = error.to_string();
        match error {
            AlertsError::Rule(error) => error.into(),
            AlertsError::UnknownRule(_) | AlertsError::UnknownAlert(_) => Self::not_found(detail),
            AlertsError::Taken(_) => {
                Self::conflict(detail).at("id").mend("change it with PUT, or choose another id")
            }
            AlertsError::Resolved => Self::conflict(detail),
            AlertsError::Denied(error) => error.into(),
            AlertsError::Until => Self::bad_request("out_of_range", "until", detail)
                .mend("snooze for a year at most, or resolve the alert"),
            AlertsError::TooMany => Self::conflict(detail).mend("remove one that nobody needs"),
            AlertsError::Unanswered(error) => error.into(),
            AlertsError::Store(error) => error.into(),
            AlertsError::NotTaken(error) => error.into(),
        }
    }
}
