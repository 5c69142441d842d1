//! Our own HTTP API: one file a noun.

pub mod alerts;
pub mod amendments;
mod annotations;
pub mod audit;
pub mod backup;
mod brief;
mod budgets;
pub mod check;
pub mod events;
pub mod exports;
pub mod health;
pub mod imports;
pub mod insights;
pub mod keys;
mod ledger;
pub mod metrics;
mod plans;
pub mod prices;
mod recommendations;
mod reports;
pub mod revenue;
mod roi;
pub mod session;
pub mod sql;
mod subscriptions;
mod system;
pub mod tokens;
mod traces;
pub mod usage;
pub mod users;
mod views;

use std::sync::Arc;

use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, Method, Uri};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::auth::{Credentials, Routes, guard};
use crate::compressed::compressed;
use crate::dialect::Dialect;
use crate::error::ApiError;
use crate::live::Live;
use crate::log;
use crate::metrics::http::count;
use crate::problems;
use crate::state::AppState;
use crate::web;

/// Where people read the API's description.
const DOCS: &str = "/api/docs";
/// Where programs read it.
const DOCUMENT: &str = "/api/v1/openapi.json";
/// What they read: made of the code, which a test compares it with, and much smaller than that in memory.
const KEPT: &str = include_str!("../../../../docs/reference/openapi.json");

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Outlay",
        description = "What a team's AI and API usage costs: usage in, exact spend out.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    components(schemas(ApiError)),
    modifiers(&Credentials),
    security(("bearer" = []), ("key" = []), ("session" = []))
)]
struct Document;

/// All routes of the API with their description.
fn documented() -> OpenApiRouter<AppState> {
    OpenApiRouter::with_openapi(Document::openapi())
        .merge(health::routes())
        .merge(imports::routes())
        .merge(revenue::routes())
        .merge(metrics::routes())
        .merge(system::routes())
        .merge(backup::routes())
        .merge(check::routes())
        .merge(events::routes())
        .merge(traces::routes())
        .merge(compressed(prices::routes()))
        .merge(amendments::routes())
        .merge(session::routes())
        .merge(users::routes())
        .merge(keys::routes())
        .merge(tokens::routes())
        .merge(compressed(audit::routes()))
        .merge(compressed(usage::routes()))
        .merge(sql::routes())
        .merge(budgets::routes())
        .merge(ledger::routes())
        .merge(plans::routes())
        .merge(subscriptions::routes())
        .merge(alerts::routes())
        .merge(compressed(insights::routes()))
        .merge(compressed(brief::routes()))
        .merge(compressed(recommendations::routes()))
        .merge(compressed(roi::routes()))
        .merge(views::routes())
        .merge(annotations::routes())
        .merge(exports::routes())
        .merge(reports::routes())
}

/// The OpenAPI document.
pub fn document() -> utoipa::openapi::OpenApi {
    documented().into_openapi()
}

/// All routes of the API.
///
/// With `live`, the live updates are among them; the dialects' own stand beside them.
pub fn router(state: AppState, dialects: &Arc<[Dialect]>, live: Option<Live>) -> Router {
    let (router, document) = documented().split_for_parts();
    let routes = Routes::of(&document);
    let router = router
        .merge(SwaggerUi::new(DOCS).config(Config::from(DOCUMENT)))
        .route(DOCUMENT, get(([(CONTENT_TYPE, "application/json")], KEPT)))
        .fallback(page_or_not_found);
    let has_live = live.is_some();
    // Inside of the authentication, so that a socket has a caller too.
    let router = match live {
        Some(live) => live.before(router),
        None => router,
    };
    let router = guard(router, &state, routes);
    let router = dialects
        .iter()
        .fold(router, |router, dialect| (dialect.routes)(router, &state, has_live))
        .layer(Extension(dialects.clone()));
    let router = problems::check_host(problems::catch(router), &state)
        .layer(from_fn_with_state(state.metrics.http.clone(), count))
        .layer(from_fn(log::request))
        .with_state(state);
    traces::speak(problems::shape(router))
}

async fn page_or_not_found(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    web::answer(&method, &uri, &headers)
        .unwrap_or_else(|| ApiError::nowhere(uri.path()).into_response())
}

#[cfg(test)]
mod document_tests;
#[cfg(test)]
mod doors_tests;
#[cfg(test)]
mod people_tests;
#[cfg(test)]
mod traces_tests;
