//! How the server does, from the requests that it really answered.

use std::cmp::Reverse;

use axum::extract::State;
use serde_json::{Value, json};

use super::access::Person;
use super::error::Refused;
use super::params::Params;
use super::wire::{Monitored, naive};
use crate::metrics::recent::{MINUTES, RecentUse, RouteUse};
use crate::state::AppState;

/// Minutes that are looked at, where nobody says how many.
const RECENT: usize = 5;
/// Routes and failures that are listed.
const LISTED: usize = 10;

/// `GET /api/content-planning/monitoring/health`.
pub async fn health(State(state): State<AppState>, _: Person) -> Monitored {
    let recent = recent(&state, RECENT);
    let (word, icon) = condition(&state, &recent);
    let body = json!({
        "system_health": word,
        "icon": icon,
        "api_performance": {
            "recent_requests": recent.all.requests,
            "recent_errors": recent.all.failed,
            "error_rate": error_rate(&recent.all),
        },
        "cache_performance": cache(),
        "timestamp": naive(state.outlay.clock.now()),
    });
    Monitored(body, "System health retrieved successfully")
}

/// `GET /api/content-planning/monitoring/api-stats`.
pub async fn api_stats(
    State(state): State<AppState>,
    _: Person,
    params: Params,
) -> Result<Monitored, Refused> {
    let minutes = params.whole("minutes", RECENT, 1..=MINUTES)?;
    let recent = recent(&state, minutes);
    let hour = self::recent(&state, MINUTES);
    let (word, _) = condition(&state, &recent);
    let mut routes: Vec<_> = recent.by.iter().collect();
    routes.sort_by_key(|(_, of_route)| Reverse(of_route.requests));
    let routes = routes.into_iter().take(LISTED).map(|((route, method), of_route)| {
        json!({
            "endpoint": format!("{method} {route}"),
            "count": of_route.requests,
            "avg_time": mean_seconds(of_route),
            "errors": of_route.failed,
            "last_called": of_route.last_at.map(naive),
            "cache_hit_rate": 0.0,
        })
    });
    let failed = recent.failed.iter().take(LISTED).map(|request| {
        json!({
            "timestamp": naive(request.at),
            "path": request.route,
            "method": request.method,
            "status_code": request.status,
            "duration": request.took.as_secs_f64(),
        })
    });
    let body = json!({
        "timestamp": naive(state.outlay.clock.now()),
        "overview": {
            "total_requests": hour.all.requests,
            "total_errors": hour.all.failed,
            "recent_requests": recent.all.requests,
            "recent_errors": recent.all.failed,
        },
        "cache_performance": cache(),
        "top_endpoints": routes.collect::<Vec<_>>(),
        "recent_errors": failed.collect::<Vec<_>>(),
        "system_health": { "status": word, "error_rate": error_rate(&recent.all) },
    });
    Ok(Monitored(body, "API statistics retrieved successfully"))
}

/// `GET /api/content-planning/monitoring/lightweight-stats`.
pub async fn lightweight(State(state): State<AppState>, _: Person) -> Monitored {
    let recent = recent(&state, RECENT);
    let (word, icon) = condition(&state, &recent);
    let body = json!({
        "status": word,
        "icon": icon,
        "recent_requests": recent.all.requests,
        "recent_errors": recent.all.failed,
        "error_rate": error_rate(&recent.all),
        "timestamp": naive(state.outlay.clock.now()),
    });
    Monitored(body, "Lightweight monitoring statistics retrieved successfully")
}

/// `GET /api/content-planning/monitoring/cache-stats`.
pub async fn cache_stats(_: Person) -> Monitored {
    Monitored(cache(), "Cache statistics retrieved successfully")
}

/// Answers are computed anew: there is no cache that could be missed.
fn cache() -> Value {
    json!({ "hits": 0, "misses": 0, "hit_rate": 0.0, "total_requests": 0 })
}

fn recent(state: &AppState, minutes: usize) -> RecentUse {
    // Requests are counted by this machine's clock, which no test sets.
    state.metrics.http.recent.of_last(minutes, chrono::Utc::now())
}

/// How the server is: by its own checks, and by at how many requests of the last minutes it failed.
fn condition(state: &AppState, recent: &RecentUse) -> (&'static str, &'static str) {
    let is_whole = state.outlay.readiness().is_ok();
    match error_rate(&recent.all) {
        _ if !is_whole => ("critical", "\u{1f534}"),
        rate if rate > 10.0 => ("critical", "\u{1f534}"),
        rate if rate > 5.0 => ("warning", "\u{1f7e1}"),
        _ => ("healthy", "\u{1f7e2}"),
    }
}

#[allow(clippy::cast_precision_loss)]
fn error_rate(of: &RouteUse) -> f64 {
    if of.requests == 0 { 0.0 } else { 100.0 * of.failed as f64 / of.requests as f64 }
}

#[allow(clippy::cast_precision_loss)]
fn mean_seconds(of: &RouteUse) -> f64 {
    if of.requests == 0 { 0.0 } else { of.took.as_secs_f64() / of.requests as f64 }
}
