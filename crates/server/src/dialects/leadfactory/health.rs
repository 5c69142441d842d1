//! Whether everything works: 503 where it does not.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use compact_str::CompactString;
use outlay_engine::import::leadfactory::database::{check, check_other};
use outlay_engine::insights::{Days, SpendQuestion};
use serde_json::{Map, Value, json};

use super::desk::{Desk, Selection};
use super::error::Refused;
use super::status::{Following, Seen, Status};
use super::wire::{Json, dollars, local};
use crate::error::ApiError;

/// Days that the check of the analysis looks at, before today.
const DAYS_BACK: u32 = 7;
/// The database without which there is nothing to tell.
const COSTS: &str = "cost_tracking";

/// `GET /api/enhanced/health`.
pub async fn enhanced(desk: Desk) -> Result<Response, Refused> {
    let (status, mut body) = checked(&desk).await;
    body["enhanced_dashboard"] = json!({
        "status": "healthy",
        "version": "1.0.0",
        "features": {
            "real_time_streaming": true,
            "advanced_analytics": true,
            "cost_optimization": true,
            "multi_format_export": true,
        },
    });
    Ok((status, Json(body)).into_response())
}

/// `GET /api/cost/integrated/health`.
pub async fn integrated(desk: Desk) -> Result<Response, Refused> {
    let (status, body) = checked(&desk).await;
    Ok((status, Json(body)).into_response())
}

/// How bad things are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Overall {
    Healthy,
    Degraded,
    Unhealthy,
}

async fn checked(desk: &Desk) -> (StatusCode, Value) {
    let following = Status::of(&desk.state).read();
    let mut overall = Overall::Healthy;
    let mut checks = Map::new();
    let mut add = |name: String, found: Result<Value, Value>, otherwise: Overall| {
        let body = found.unwrap_or_else(|body| {
            overall = overall.max(otherwise);
            body
        });
        checks.insert(name, body);
    };
    add("cost_tracker".into(), cost_tracker(desk).await, Overall::Unhealthy);
    let refused = desk.refused_rows().await.unwrap_or_default();
    for (name, mut found) in databases(&following).await {
        if let Some(rows) = refused.get(&name) {
            let (Ok(body) | Err(body)) = &mut found;
            body["rows_refused"] = (*rows).into();
        }
        let otherwise = if name == COSTS { Overall::Unhealthy } else { Overall::Degraded };
        add(format!("database_{name}"), found, otherwise);
    }
    add("analytics_engine".into(), analytics(desk).await, Overall::Unhealthy);
    let prometheus = desk.config().dialects.leadfactory.prometheus_metrics;
    let word = if prometheus { "healthy" } else { "unavailable" };
    // Switched off is no failure.
    let prometheus = json!({ "status": word, "available": prometheus });
    add("prometheus".into(), Ok(prometheus), Overall::Healthy);
    add("integration_thread".into(), integration(desk, &following), Overall::Degraded);

    let (status, word) = match overall {
        Overall::Healthy => (StatusCode::OK, "healthy"),
        Overall::Degraded => (StatusCode::SERVICE_UNAVAILABLE, "degraded"),
        Overall::Unhealthy => (StatusCode::SERVICE_UNAVAILABLE, "unhealthy"),
    };
    let body = json!({ "overall_status": word, "checks": checks, "timestamp": desk.stamp() });
    (status, body)
}

fn unhealthy(error: impl Into<String>) -> Value {
    json!({ "status": "unhealthy", "error": error.into() })
}

/// Whether costs can be read and written.
async fn cost_tracker(desk: &Desk) -> Result<Value, Value> {
    let today = async {
        desk.state.outlay.readiness().map_err(ApiError::from)?;
        let days = Some(Days::only(desk.today()));
        let question = desk.question(&Selection::default(), days).await?;
        desk.spend(SpendQuestion { ..question }).await
    };
    match today.await {
        Ok(table) => Ok(json!({ "status": "healthy", "daily_cost": dollars(table.total.nanos) })),
        Err(refused) => Err(unhealthy(refused.text())),
    }
}

/// Whether each database can be read, by its name; its rows are read for it.
///
/// Of several under one name the first that cannot be read is told of. Where none can be followed,
/// it is the costs that are missing.
async fn databases(following: &Following) -> BTreeMap<CompactString, Result<Value, Value>> {
    let seen = following.databases.clone();
    let checked = tokio::task::spawn_blocking(move || {
        let mut checked = BTreeMap::new();
        for seen in seen {
            let known = checked.entry(seen.name.clone()).or_insert_with(|| Ok(healthy()));
            if known.is_ok() {
                *known = checked_one(&seen);
            }
        }
        checked
    });
    let mut checked = checked.await.unwrap_or_default();
    if let Some(why) = &following.missing {
        checked.insert(COSTS.into(), Err(unhealthy(why)));
    }
    checked
}

fn checked_one(seen: &Seen) -> Result<Value, Value> {
    let checked = if seen.is_imported { check(&seen.path) } else { check_other(&seen.path) };
    checked.map(|()| healthy()).map_err(|error| unhealthy(error.to_string()))
}

fn healthy() -> Value {
    json!({ "status": "healthy" })
}

/// Whether there is anything to analyse, and it can be.
async fn analytics(desk: &Desk) -> Result<Value, Value> {
    match desk.course(&Selection::default(), DAYS_BACK).await {
        Ok((_, course)) => Ok(json!({ "status": "healthy", "data_points": course.len() })),
        Err(refused) => Err(unhealthy(refused.text())),
    }
}

fn integration(desk: &Desk, following: &Following) -> Result<Value, Value> {
    let last_sync = following.last_sync.map(|at| local(at, desk.tz));
    let active = following.is_active();
    let mut body = json!({ "active": active, "last_sync": last_sync });
    let word = match (following.wanted, active, following.problem()) {
        (false, ..) => "stopped",
        (true, true, _) => "healthy",
        (true, false, None) => "starting",
        (true, false, Some(trouble)) => {
            body["status"] = "unhealthy".into();
            body["error"] = trouble.into();
            return Err(body);
        }
    };
    body["status"] = word.into();
    Ok(body)
}
