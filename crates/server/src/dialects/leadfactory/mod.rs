#![doc = include_str!("README.md")]

mod access;
mod breakdown;
mod budget;
pub mod command;
mod dashboard;
mod desk;
mod details;
mod error;
mod export;
mod health;
mod home;
mod import;
mod live;
mod metrics;
mod optimization;
mod other;
mod params;
mod refusals;
mod roi;
pub mod settings;
mod status;
mod summary;
mod trends;
mod wire;

use std::net::SocketAddr;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, Uri, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use futures::FutureExt;
use tower::ServiceExt;

use crate::config::Config;
use crate::dialect::{Dialect, Port};
use crate::log;
use crate::problems;
use crate::state::AppState;
use settings::Settings;

pub use error::Refused;

/// What this dialect gives, where it is switched on.
pub fn dialect(config: &Config) -> Option<Dialect> {
    let settings = &config.dialects.leadfactory;
    settings.enabled.then(|| Dialect {
        of: "LeadFactory",
        routes: with,
        ports: ports(settings),
        warning: opening_hint(settings),
        metrics: settings.prometheus_metrics.then_some(|state| {
            async move { metrics::text(&state).await.map_err(|refused| refused.text().to_owned()) }
                .boxed()
        }),
    })
}

/// The ports of its own, of which there may be none.
fn ports(settings: &Settings) -> Vec<Port> {
    let ports = [
        ("doors.leadfactory", settings.port),
        ("doors.leadfactory.breakdown", settings.breakdown_port),
    ];
    let port = |(name, port)| Port {
        name,
        address: SocketAddr::from((settings.host, port)),
        remedy: "choose another port in [dialects.leadfactory], or with `outlay leadfactory --port`",
        router: own_router,
    };
    ports.into_iter().filter(|(_, port)| *port != 0).map(port).collect()
}

/// The dialect's routes, with their own rules of who may come in.
fn routes() -> Router<AppState> {
    Router::new()
        .route("/api/enhanced/dashboard-data", get(dashboard::enhanced))
        .route("/api/enhanced/cost-trends", get(trends::enhanced))
        .route("/api/enhanced/optimization-recommendations", get(optimization::enhanced))
        .route("/api/enhanced/cost-efficiency", get(dashboard::efficiency))
        .route("/api/enhanced/detailed-breakdown", get(breakdown::enhanced))
        .route("/api/enhanced/cost-alerts", get(dashboard::alerts))
        .route("/api/enhanced/export/{format}", get(export::enhanced))
        .route("/api/enhanced/health", get(health::enhanced))
        .route("/api/cost/breakdown", get(breakdown::plain))
        .route("/api/cost/trends", get(trends::plain))
        .route("/api/cost/optimization", get(optimization::plain))
        .route("/api/cost/budget-utilization", get(budget::utilisation))
        .route("/api/cost/roi-analysis", get(roi::roi))
        .route("/api/cost/summary", get(summary::summary))
        .route("/api/cost/integrated/dashboard", get(dashboard::integrated))
        .route("/api/cost/integrated/efficiency", get(dashboard::efficiency))
        .route("/api/cost/integrated/health", get(health::integrated))
        .route("/api/cost/integrated/export/{format}", get(export::integrated))
        .route("/api/cost/detailed-breakdown", get(other::detailed_breakdown))
        .route("/api/cost/optimization-insights", get(other::optimization_insights))
        .route("/api/cost/budget-status", get(other::budget_status))
        .route("/api/cost/realtime-summary", get(other::realtime_summary))
        .route("/api/enhanced", any(nowhere))
        .route("/api/enhanced/{*rest}", any(nowhere))
        .route("/api/cost", any(nowhere))
        .route("/api/cost/{*rest}", any(nowhere))
        .method_not_allowed_fallback(wrong_method)
}

/// Adds the dialect to the server's own routes, and its live updates, where there are any.
fn with(router: Router<AppState>, state: &AppState, has_live: bool) -> Router<AppState> {
    let router = router.merge(access::guard(routes(), state));
    if !has_live {
        return router;
    }
    let live = live::live(state).before(Router::new().fallback(nowhere));
    let live = access::guard(live, state).with_state(state.clone());
    let ways = (state.clone(), live);
    router.layer(from_fn_with_state(ways, live_or_not))
}

/// Hands a request to the dialect's live updates, if it is for those.
async fn live_or_not(
    State((state, live)): State<(AppState, Router)>,
    request: Request,
    next: Next,
) -> Response {
    if access::is_for_live(&state, &request) {
        live.oneshot(request).await.unwrap_or_else(|never| match never {})
    } else {
        next.run(request).await
    }
}

/// All that is answered on a port of the dialect's own.
fn own_router(state: AppState) -> Router {
    let answered = routes().route("/metrics", get(metrics::page)).fallback(nowhere);
    let router = access::guard(live::live(&state).before(answered), &state)
        .route("/", get(home::home))
        .route("/healthz", get(|| async { "ok" }));
    problems::check_host(problems::catch(router), &state)
        .layer(from_fn(log::request))
        .with_state(state)
}

/// What to do where others than this machine are listened to, and nobody else is let in.
fn opening_hint(settings: &Settings) -> Option<String> {
    let listens = settings.port != 0 || settings.breakdown_port != 0;
    let is_closed = settings.networks.is_empty() && settings.key.reveal().is_empty();
    (listens && is_closed && !settings.host.is_loopback()).then(|| {
        format!(
            "the dialect listens on {}, and lets in callers of this machine only: set \
             dialects.leadfactory.networks or .key (OUTLAY_DIALECTS_LEADFACTORY_NETWORKS, …_KEY) \
             to let in others",
            settings.host
        )
    })
}

async fn nowhere(uri: Uri) -> Refused {
    Refused::not_found(format!("nothing is at {}", uri.path()))
}

/// `OPTIONS` is told what there is, as Flask does, and any other method that it is none.
async fn wrong_method(method: Method, uri: Uri) -> Response {
    let allowed = [(header::ALLOW, "GET, HEAD, OPTIONS")];
    if method == Method::OPTIONS {
        return (StatusCode::OK, allowed).into_response();
    }
    let refused = Refused::new(
        StatusCode::METHOD_NOT_ALLOWED,
        format!("{} does not take {method}, only GET", uri.path()),
    );
    (allowed, refused).into_response()
}
