//! What the server measures about itself.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Extension;
use axum::extract::{ConnectInfo, FromRequestParts, State};
use axum::http::header;
use axum::http::request::Parts;
use axum::response::IntoResponse;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::{Caller, Role};
use crate::dialect::Dialect;
use crate::error::ApiError;
use crate::metrics;
use crate::state::AppState;

const PROMETHEUS_TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(read))
}

/// Whoever may read the metrics: by who they are, or by where they call from.
struct Reader;

impl FromRequestParts<AppState> for Reader {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let from = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
        let networks = &state.config.metrics.networks;
        if from.is_some_and(|from| networks.iter().any(|network| network.contains(from))) {
            return Ok(Self);
        }
        match Caller::from_request_parts(parts, state).await?.role {
            Role::Admin | Role::Viewer => Ok(Self),
            Role::Member => Err(ApiError::forbidden("a member may not read the server's metrics")),
        }
    }
}

/// What the server measures about itself, in the text format of Prometheus.
///
/// For admins, viewers, keys with the scope `metrics:read`, and anyone in `metrics.networks`.
#[utoipa::path(get, path = "/metrics", operation_id = "show_metrics", tag = "operations",
    responses((status = 200, body = String, content_type = "text/plain"),
        (status = 401, body = ApiError), (status = 403, body = ApiError)))]
async fn read(
    State(state): State<AppState>,
    _reader: Reader,
    Extension(dialects): Extension<Arc<[Dialect]>>,
) -> Result<impl IntoResponse, ApiError> {
    let own = state.clone();
    let mut text = tokio::task::spawn_blocking(move || metrics::render(&own.outlay, &own.metrics))
        .await
        .map_err(|error| ApiError::internal(&error))??;
    for more in dialects.iter().filter_map(|dialect| dialect.metrics) {
        match more(state.clone()).await {
            Ok(more) => text.push_str(&more),
            // Our own metrics are wanted most when something else is wrong.
            Err(error) => tracing::warn!(error, "a dialect has no metrics now"),
        }
    }
    Ok(([(header::CONTENT_TYPE, PROMETHEUS_TEXT)], text))
}
