//! Our own HTTP API: one file a noun.

pub mod health;

use axum::Router;
use axum::middleware::from_fn;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::auth::authenticate;
use crate::error::ApiError;
use crate::state::AppState;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Outlay",
        description = "What a team's AI and API usage costs: usage in, exact spend out.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    components(schemas(ApiError))
)]
struct Document;

/// All routes of the API with their description.
fn documented() -> OpenApiRouter<AppState> {
    OpenApiRouter::with_openapi(Document::openapi()).merge(health::routes())
}

/// The OpenAPI document.
pub fn document() -> utoipa::openapi::OpenApi {
    documented().into_openapi()
}

/// All routes of the API.
pub fn router(state: AppState) -> Router {
    let (router, _document) = documented().split_for_parts();
    router.fallback(not_found).layer(from_fn(authenticate)).with_state(state)
}

async fn not_found(uri: axum::http::Uri) -> ApiError {
    ApiError::not_found(format!("nothing is at {}", uri.path()))
        .mend("the API is described at /api/docs")
}
