//! The audit trail: who did what that changes who may do what, or what was said before.

#![allow(unused_qualifications, reason = "what utoipa writes for `params(…)`")]

use axum::extract::State;
use chrono::{DateTime, Utc};
use outlay_domain::people::AuditEntry;
use outlay_engine::people::AuditQuestion;
use outlay_store::sqlite::audit::AuditFilter;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::Caller;
use crate::error::ApiError;
use crate::extract::{Json, Params};
use crate::forms::paging::{page, page_size};
use crate::state::AppState;

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list))
}

/// One line of the trail.
#[derive(Debug, Serialize, ToSchema)]
struct AuditBody {
    /// Its place; later lines have greater ones.
    seq: i64,
    /// When it was done.
    at: DateTime<Utc>,
    /// Who did it; `operator` is whoever holds the data folder, `outlay` the server itself.
    #[schema(example = "admin")]
    actor: String,
    /// What was done.
    #[schema(example = "user.changed")]
    action: String,
    /// To whom or what.
    #[schema(example = "alice")]
    target: String,
    /// Anything else, e.g. what was before and after.
    #[schema(value_type = Object)]
    detail: serde_json::Value,
}

impl From<AuditEntry> for AuditBody {
    fn from(AuditEntry { seq, record }: AuditEntry) -> Self {
        Self {
            seq,
            at: record.at,
            actor: record.actor.into(),
            action: record.action.into(),
            target: record.target.into(),
            detail: record.detail,
        }
    }
}

/// A page of the trail.
#[derive(Debug, Serialize, ToSchema)]
struct AuditPage {
    /// The lines, the newest first.
    items: Vec<AuditBody>,
    /// What to send as `cursor` for the next page; `null` where this is the last.
    #[schema(required = true)]
    next_cursor: Option<String>,
}

/// Which lines, and which page of them.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct AuditQuery {
    /// Only what this user did.
    actor: Option<String>,
    /// Only what was done to this.
    target: Option<String>,
    /// Only this kind of act, e.g. `key.revoked`.
    action: Option<String>,
    /// Lines on a page: 1 to 1,000.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<i64>,
}

/// Reads the audit trail, the newest lines first. Admins only.
#[utoipa::path(get, path = "/api/v1/audit", operation_id = "list_audit_entries",
    tag = "audit", params(AuditQuery),
    responses((status = 200, body = AuditPage), (status = 400, body = ApiError),
        (status = 401, body = ApiError), (status = 403, body = ApiError)))]
async fn list(
    State(state): State<AppState>,
    caller: Caller,
    Params(query): Params<AuditQuery>,
) -> Result<Json<AuditPage>, ApiError> {
    let limit = page_size(query.limit)?;
    let filter = AuditFilter {
        actor: query.actor,
        target: query.target,
        action: query.action,
        before: query.cursor,
    };
    let lines = state.people.audit(&caller, AuditQuestion { filter, limit: limit + 1 }).await?;
    let (lines, next_cursor) = page(lines, limit, |line| line.seq.to_string());
    Ok(Json(AuditPage { items: lines.into_iter().map(AuditBody::from).collect(), next_cursor }))
}
