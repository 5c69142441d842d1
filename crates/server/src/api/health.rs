//! Whether the server is up, and whether it takes writes.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::error::ApiError;
use crate::state::AppState;

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(health)).routes(routes!(ready))
}

/// The server answers.
#[derive(Debug, Serialize, ToSchema)]
struct HealthBody {
    /// Always `ok`.
    status: &'static str,
    /// The program's version.
    version: &'static str,
}

const HEALTHY: HealthBody = HealthBody { status: "ok", version: env!("CARGO_PKG_VERSION") };

/// Whether the process is up. Needs no caller.
#[utoipa::path(get, path = "/healthz", tag = "operations", security(()),
    responses((status = 200, body = HealthBody)))]
async fn health() -> Json<HealthBody> {
    Json(HEALTHY)
}

/// Whether the server can write to its data folder. Needs no caller.
#[utoipa::path(get, path = "/readyz", tag = "operations", security(()),
    responses((status = 200, body = HealthBody), (status = 503, body = ApiError)))]
async fn ready(State(state): State<AppState>) -> Result<Json<HealthBody>, ApiError> {
    tokio::task::spawn_blocking(move || state.outlay.check_writable())
        .await
        .map_err(|error| ApiError::internal(&error))??;
    Ok(Json(HEALTHY))
}
