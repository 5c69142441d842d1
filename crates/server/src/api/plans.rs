//! Plans: what accounts may subscribe to.

#![allow(unused_qualifications, reason = "what utoipa writes for `params(…)`")]

use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use outlay_domain::plans::{PlanDraft, PlanError, PlanId, PlanVersion, PlansFile};
use outlay_engine::Asker;
use outlay_engine::plans::{Kept, PlansError};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::Scoped;
use crate::error::ApiError;
use crate::extract::{Json, Params, Path};
use crate::forms::paging::{page, page_size};
use crate::state::AppState;

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(import))
        .routes(routes!(show, set, close))
        .routes(routes!(versions))
}

/// A plan.
#[derive(Debug, Serialize, ToSchema)]
struct PlanAnswer {
    /// Its id.
    #[schema(example = "pro")]
    id: String,
    /// Which version of it this is, from 1.
    version: u32,
    /// When that was made.
    created_at: DateTime<Utc>,
    /// Whether nobody can subscribe to it any more.
    closed: bool,
    /// What it says.
    plan: PlanDraft,
}

impl From<Kept> for PlanAnswer {
    fn from(Kept { version, is_closed, .. }: Kept) -> Self {
        Self {
            id: version.plan.id.to_string(),
            version: version.plan.version,
            created_at: version.created_at,
            closed: is_closed,
            plan: version.draft,
        }
    }
}

/// Plans.
#[derive(Debug, Serialize, ToSchema)]
struct PlanList {
    /// They, by their newest versions, the cheapest first.
    items: Vec<PlanAnswer>,
}

/// A version of a plan.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PlanVersion)]
struct VersionAnswer {
    /// Its number, from 1.
    version: u32,
    /// When it was made.
    created_at: DateTime<Utc>,
    /// What it says.
    plan: PlanDraft,
}

impl From<PlanVersion> for VersionAnswer {
    fn from(PlanVersion { plan, created_at, draft, .. }: PlanVersion) -> Self {
        Self { version: plan.version, created_at, plan: draft }
    }
}

/// A page of versions.
#[derive(Debug, Serialize, ToSchema)]
struct VersionPage {
    /// They, the newest first.
    items: Vec<VersionAnswer>,
    /// What to send as `cursor` for the next page; `null` where this is the last.
    #[schema(required = true)]
    next_cursor: Option<String>,
}

/// What became of the plans of a file.
#[derive(Debug, Serialize, ToSchema)]
struct ImportedPlans {
    /// The ids of plans that have a new version.
    changed: Vec<String>,
    /// The ids of those that said the same already.
    unchanged: Vec<String>,
}

/// Which version.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct VersionQuery {
    /// Which one; the newest where nothing is said.
    #[param(minimum = 1)]
    version: Option<u32>,
}

/// Which page.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct VersionsQuery {
    /// Items on a page: 1 to 1,000.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<u32>,
}

impl From<PlansError> for ApiError {
    fn from(error: PlansError) -> Self {
        let detail = error.to_string();
        match error {
            PlansError::Plan { why, .. } => why.into(),
            PlansError::Id(id) => Self::bad_request("malformed", format!("plans.{id}"), detail),
            PlansError::Denied(denied) => denied.into(),
            // Who may not be told of it is not told its name either.
            PlansError::Unknown(_) => Self::not_found("there is no such plan"),
            PlansError::NoVersion(_) => Self::not_found(detail).at("version"),
            PlansError::TooMany => Self::conflict(detail).mend("change one that there is"),
            PlansError::Store(error) => error.into(),
            PlansError::NotTaken(error) => error.into(),
        }
    }
}

impl From<PlanError> for ApiError {
    fn from(why: PlanError) -> Self {
        let code = match why {
            PlanError::TooMany { .. } => "too_large",
            PlanError::Price(_) | PlanError::Trial(_) | PlanError::Grace(_) => "out_of_range",
            _ => "malformed",
        };
        Self::bad_request(code, why.field(), why.to_string())
    }
}

/// The plan of a path. What cannot be an id is none.
pub(super) fn named(id: &str) -> Result<PlanId, ApiError> {
    id.parse().map_err(|_| ApiError::not_found("there is no such plan"))
}

/// Lists plans by their newest versions, the cheapest first. Hidden ones are told to those who see every
/// account.
#[utoipa::path(get, path = "/api/v1/plans", operation_id = "list_plans", tag = "plans",
    responses((status = 200, body = PlanList), (status = 401, body = ApiError),
        (status = 403, body = ApiError)))]
async fn list(State(state): State<AppState>, caller: Scoped) -> Result<Json<PlanList>, ApiError> {
    let all = state.outlay.plans().all(&Asker::from(&*caller)).await?;
    Ok(Json(PlanList { items: all.into_iter().map(PlanAnswer::from).collect() }))
}

/// Lets all plans of a file say what stands there, or none of them. Admins only.
///
/// A plan that says something else gets a new version; accounts that have the plan stay on theirs.
#[utoipa::path(post, path = "/api/v1/plans/import", operation_id = "import_plans", tag = "plans",
    request_body = PlansFile,
    responses((status = 200, body = ImportedPlans), (status = 400, body = ApiError),
        (status = 401, body = ApiError), (status = 403, body = ApiError),
        (status = 409, body = ApiError, description = "there would be too many"),
        (status = 413, body = ApiError), (status = 415, body = ApiError)))]
async fn import(
    State(state): State<AppState>,
    caller: Scoped,
    Json(file): Json<PlansFile>,
) -> Result<Json<ImportedPlans>, ApiError> {
    let kept = state.outlay.plans().import(file, &Asker::from(&*caller)).await;
    let kept = kept.map_err(|error| match &error {
        PlansError::Plan { id, .. } => {
            let part = format!("plans.{id}");
            ApiError::from(error).below(&part)
        }
        _ => error.into(),
    })?;
    let (changed, unchanged): (Vec<_>, Vec<_>) = kept.into_iter().partition(|kept| kept.is_new);
    let ids = |kept: Vec<Kept>| kept.into_iter().map(|kept| kept.version.plan.id.to_string());
    Ok(Json(ImportedPlans { changed: ids(changed).collect(), unchanged: ids(unchanged).collect() }))
}

/// Shows a plan: its newest version, or another.
#[utoipa::path(get, path = "/api/v1/plans/{id}", operation_id = "show_plan", tag = "plans",
    params(("id" = String, Path, description = "the plan's id"), VersionQuery),
    responses((status = 200, body = PlanAnswer), (status = 400, body = ApiError),
        (status = 401, body = ApiError), (status = 403, body = ApiError),
        (status = 404, body = ApiError)))]
async fn show(
    State(state): State<AppState>,
    caller: Scoped,
    Path(id): Path<String>,
    Params(query): Params<VersionQuery>,
) -> Result<Json<PlanAnswer>, ApiError> {
    let asker = Asker::from(&*caller);
    let kept = state.outlay.plans().one(named(&id)?, query.version, &asker).await?;
    Ok(Json(kept.into()))
}

/// Lets a plan say this from now on, and makes it where there is none. Admins only.
///
/// What it said before stays as an older version, which accounts that have the plan stay on until
/// somebody moves them. The same again changes nothing.
#[utoipa::path(put, path = "/api/v1/plans/{id}", operation_id = "set_plan", tag = "plans",
    request_body = PlanDraft, params(("id" = String, Path, description = "the plan's id")),
    responses((status = 200, body = PlanAnswer), (status = 201, body = PlanAnswer),
        (status = 400, body = ApiError), (status = 401, body = ApiError),
        (status = 403, body = ApiError),
        (status = 409, body = ApiError, description = "there would be too many"),
        (status = 413, body = ApiError), (status = 415, body = ApiError)))]
async fn set(
    State(state): State<AppState>,
    caller: Scoped,
    Path(id): Path<String>,
    Json(draft): Json<PlanDraft>,
) -> Result<(StatusCode, Json<PlanAnswer>), ApiError> {
    let id: PlanId = id.parse().map_err(|why: PlanError| ApiError::from(why))?;
    let kept = state.outlay.plans().set(id, draft, &Asker::from(&*caller)).await?;
    let status = if kept.is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(kept.into())))
}

/// Lets nobody subscribe to a plan any more. Accounts that have it keep it. Admins only.
#[utoipa::path(delete, path = "/api/v1/plans/{id}", operation_id = "close_plan", tag = "plans",
    params(("id" = String, Path, description = "the plan's id")),
    responses((status = 204, description = "it is closed"), (status = 401, body = ApiError),
        (status = 403, body = ApiError), (status = 404, body = ApiError)))]
async fn close(
    State(state): State<AppState>,
    caller: Scoped,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    state.outlay.plans().close(named(&id)?, &Asker::from(&*caller)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lists the versions of a plan, the newest first.
#[utoipa::path(get, path = "/api/v1/plans/{id}/versions", operation_id = "list_plan_versions",
    tag = "plans", params(("id" = String, Path, description = "the plan's id"), VersionsQuery),
    responses((status = 200, body = VersionPage), (status = 400, body = ApiError),
        (status = 401, body = ApiError), (status = 403, body = ApiError),
        (status = 404, body = ApiError)))]
async fn versions(
    State(state): State<AppState>,
    caller: Scoped,
    Path(id): Path<String>,
    Params(query): Params<VersionsQuery>,
) -> Result<Json<VersionPage>, ApiError> {
    let limit = page_size(query.limit)?;
    let before = query.cursor.unwrap_or(u32::MAX);
    let asker = Asker::from(&*caller);
    let found = state.outlay.plans().versions(named(&id)?, before, limit + 1, &asker).await?;
    let (found, next_cursor) = page(found, limit, |version| version.plan.version.to_string());
    let items = found.into_iter().map(VersionAnswer::from).collect();
    Ok(Json(VersionPage { items, next_cursor }))
}
