//! Whether the server is up, and whether it takes writes.

use axum::Json;
use axum::extract::State;
use outlay_engine::health::NotReady;
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
#[utoipa::path(get, path = "/healthz", operation_id = "show_health",
    tag = "operations", security(()),
    responses((status = 200, body = HealthBody)))]
async fn health() -> Json<HealthBody> {
    Json(HEALTHY)
}

/// Whether the server would take events in: its data folder takes writes, and the work in the
/// background goes on. Needs no caller.
#[utoipa::path(get, path = "/readyz", operation_id = "check_readiness",
    tag = "operations", security(()),
    responses((status = 200, body = HealthBody), (status = 503, body = ApiError)))]
async fn ready(State(state): State<AppState>) -> Result<Json<HealthBody>, ApiError> {
    state.outlay.readiness()?;
    Ok(Json(HEALTHY))
}

impl From<NotReady> for ApiError {
    fn from(why: NotReady) -> Self {
        match &why {
            // What failed may name paths, which are not everybody's.
            NotReady::Writes(_) => {
                Self::unavailable(5, "the server cannot write to its data folder")
            }
            NotReady::Task(_) => Self::unavailable(5, why.to_string()),
        }
        .mend("GET /api/v1/system and the server's log say more")
    }
}
