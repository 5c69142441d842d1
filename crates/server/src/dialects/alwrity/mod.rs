#![doc = include_str!("README.md")]

mod access;
mod alerts;
pub mod command;
mod desk;
mod error;
mod limits;
mod logs;
mod monitoring;
mod params;
mod plans;
mod preflight;
mod pricing;
mod providers;
pub mod settings;
mod usage;
mod wire;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::{any, get, post};

use crate::config::Config;
use crate::dialect::Dialect;
use crate::state::AppState;
use error::Refused;

/// What the server calls the dialect where it asks for itself.
const NAME: &str = "alwrity";

/// What this dialect gives, where it is switched on.
pub fn dialect(config: &Config) -> Option<Dialect> {
    config.dialects.alwrity.enabled.then(|| Dialect {
        of: "ALwrity",
        routes: with,
        ports: Vec::new(),
        warning: None,
        metrics: None,
    })
}

/// Adds the dialect to the server's own routes. It has no live updates: ALwrity's pages ask again.
fn with(router: Router<AppState>, state: &AppState, _has_live: bool) -> Router<AppState> {
    router.merge(access::guard(routes(), state))
}

fn routes() -> Router<AppState> {
    const SUBSCRIPTION: &str = "/api/subscription";
    const MONITORING: &str = "/api/content-planning/monitoring";
    let subscription = Router::new()
        .route("/plans", get(plans::list))
        .route("/pricing", get(pricing::list))
        .route("/status/{user}", get(plans::status))
        .route("/user/{user}/subscription", get(plans::subscription))
        .route("/subscribe/{user}", post(plans::subscribe))
        .route("/renewal-history/{user}", get(plans::renewals))
        .route("/renewal-history/{user}/retention-stats", get(plans::retention))
        .route("/verify-checkout/{user}", get(plans::verify_checkout))
        .route("/create-checkout-session", post(plans::checkout))
        .route("/create-portal-session", post(plans::portal))
        .route("/preflight-check", post(preflight::check))
        .route("/usage/{user}", get(usage::usage))
        .route("/usage/{user}/trends", get(usage::trends))
        .route("/dashboard/{user}", get(usage::dashboard))
        .route("/alerts/{user}", get(alerts::list))
        .route("/alerts/{alert}/mark-read", post(alerts::mark_read))
        .route("/usage-logs", get(logs::list))
        .route("/{*rest}", any(usage::nowhere))
        .method_not_allowed_fallback(wrong_method);
    let monitoring = Router::new()
        .route("/health", get(monitoring::health))
        .route("/api-stats", get(monitoring::api_stats))
        .route("/lightweight-stats", get(monitoring::lightweight))
        .route("/cache-stats", get(monitoring::cache_stats))
        .route("/{*rest}", any(usage::nowhere))
        .method_not_allowed_fallback(wrong_method);
    Router::new().nest(SUBSCRIPTION, subscription).nest(MONITORING, monitoring)
}

async fn wrong_method() -> Refused {
    Refused::new(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed")
}
