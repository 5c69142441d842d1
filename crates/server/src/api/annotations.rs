//! What stands on charts beside the figures: what people wrote, and what is known here.

// The macro of a route names the types of its parameters by their paths.
#![allow(unused_qualifications)]

use std::collections::BTreeMap;
use std::sync::LazyLock;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use chrono::{DateTime, TimeDelta, Utc};
use outlay_domain::annotations::{Annotation, AnnotationDraft, AnnotationError};
use outlay_domain::budgets::Scope;
use outlay_domain::links::Link;
use outlay_domain::once::each_once;
use outlay_engine::annotations::{AnnotationsError, Mark, Marks, WantedMarks};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::auth::Scoped;
use crate::error::ApiError;
use crate::extract::{Json, Path};
use crate::forms::ids::same_as_path;
use crate::forms::usage_params::{Known, Parameters};
use crate::forms::words::AnnotationKind;
use crate::state::AppState;

/// How far back is looked, where nothing is said.
const USUAL_RANGE: TimeDelta = TimeDelta::days(90);

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(change, remove))
}

/// What an annotation says.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AnnotationDraftBody {
    /// Its id, for whoever wants to choose it: sent again, it is made once.
    id: Option<Uuid>,
    /// What happened, in a line.
    #[schema(min_length = 1, max_length = 300, example = "Release 7")]
    text: String,
    /// When, or when it began.
    #[serde(deserialize_with = "crate::moment::required")]
    at: DateTime<Utc>,
    /// When it was over, where it took a time.
    #[serde(default, deserialize_with = "crate::moment::optional")]
    until: Option<DateTime<Utc>>,
    /// Which usage it is about, as filters; all of it where nothing is said.
    #[serde(default, deserialize_with = "each_once")]
    #[schema(example = json!({"model": ["gpt-4o"]}))]
    scope: BTreeMap<String, Vec<String>>,
}

impl AnnotationDraftBody {
    /// The id that was asked for, and the draft.
    fn judged(self) -> Result<(Option<Uuid>, AnnotationDraft), ApiError> {
        let scope = Scope::new(self.scope).map_err(|error| {
            ApiError::bad_request("malformed", "scope", error.to_string())
                .mend("use attributes such as provider, model, team or tag.KEY, each with values")
        })?;
        let text = self.text.trim().to_owned();
        let draft = AnnotationDraft { text, at: self.at, until: self.until, scope };
        draft.check()?;
        Ok((self.id, draft))
    }
}

/// Something that happened.
#[derive(Debug, Serialize, ToSchema)]
struct AnnotationBody {
    /// Its id; `null` where nobody wrote it.
    #[schema(required = true)]
    id: Option<Uuid>,
    /// How it is known.
    kind: AnnotationKind,
    /// What happened, in a line.
    text: String,
    /// When, or when it began.
    at: DateTime<Utc>,
    /// When it was over, where it took a time.
    #[schema(required = true)]
    until: Option<DateTime<Utc>>,
    /// Which usage it is about, as filters; nothing for all of it.
    scope: BTreeMap<String, Vec<String>>,
    /// Who wrote it; `null` where nobody did.
    #[schema(required = true)]
    author: Option<String>,
    /// Whether the caller may change and remove it.
    changeable: bool,
    /// The page that says more.
    #[schema(required = true)]
    link: Option<Link>,
}

impl AnnotationBody {
    fn new(mark: Mark, caller: &Scoped) -> Self {
        let Mark { at, until, text, kind, link, note } = mark;
        let changeable = note.as_ref().is_some_and(|note| {
            note.author == caller.user.as_str() || caller.require_admin().is_ok()
        });
        Self {
            id: note.as_ref().map(|note| note.id),
            kind: kind.into(),
            text,
            at,
            until,
            scope: note
                .as_ref()
                .map_or_else(BTreeMap::new, |note| note.draft.scope.names().clone()),
            author: note.map(|note| note.author.into()),
            changeable,
            link,
        }
    }

    fn of(note: Annotation, caller: &Scoped) -> Self {
        Self::new(Mark::of(note), caller)
    }
}

/// When, and of which usage. Filters are those of questions about usage: what happened is told where it
/// can concern what passes them.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "its fields name the parameters, whose values are read by hand")]
struct AnnotationParams {
    /// The first instant: RFC 3339, or a day as YYYY-MM-DD, which begins in `tz`. Without it, 90 days
    /// before `to`.
    #[param(example = "2026-01-01")]
    from: Option<String>,
    /// The first instant that no longer counts, in the same forms. Without it, now.
    #[param(example = "2026-02-01")]
    to: Option<String>,
    /// The time zone in which days begin, by its IANA name; UTC where it is not said.
    #[param(example = "Europe/Berlin")]
    tz: Option<String>,
    /// Filters by provider.
    provider: Option<String>,
    /// Filters by model. With models named, their price changes are told.
    model: Option<String>,
    /// Filters by account.
    account: Option<String>,
}

/// What happened in a time.
#[derive(Debug, Serialize, ToSchema)]
struct AnnotationList {
    /// It, in order of time.
    items: Vec<AnnotationBody>,
    /// Whether there was more than is told: ask for a shorter time.
    cut: bool,
}

/// Lists what happened: what people wrote, other prices of the models that are asked about, alerts that
/// opened, and imports. Who sees one account is told what names no other, of the alerts about it alone,
/// and not of imports, which are the organisation's.
#[utoipa::path(get, path = "/api/v1/annotations", operation_id = "list_annotations",
    tag = "annotations", params(AnnotationParams),
    responses((status = 200, body = AnnotationList), (status = 400, body = ApiError),
        (status = 401, body = ApiError), (status = 403, body = ApiError)))]
async fn list(
    State(state): State<AppState>,
    caller: Scoped,
    pairs: Result<Query<Vec<(String, String)>>, QueryRejection>,
) -> Result<Json<AnnotationList>, ApiError> {
    static KNOWN: LazyLock<Known> = LazyLock::new(Known::of::<AnnotationParams>);
    let parameters = Parameters::new(pairs?.0, &KNOWN)?;
    let tz = parameters.tz()?;
    let to = parameters.time("to", tz)?.unwrap_or_else(|| state.outlay.clock.now());
    let from = parameters.time("from", tz)?.unwrap_or_else(|| to - USUAL_RANGE);
    if from >= to {
        return Err(ApiError::bad_request("malformed", "from", "is not before `to`")
            .mend("give a `to` after `from`"));
    }
    let wanted = WantedMarks { from, to, filters: parameters.filters()? };
    let Marks { items, is_cut } = state.outlay.annotations().marks(wanted, &caller).await?;
    let items = items.into_iter().map(|mark| AnnotationBody::new(mark, &caller)).collect();
    Ok(Json(AnnotationList { items, cut: is_cut }))
}

/// Writes onto the charts. Who sees one account writes for that one; everybody else for all who look.
#[utoipa::path(post, path = "/api/v1/annotations", operation_id = "create_annotation",
    tag = "annotations", request_body = AnnotationDraftBody,
    responses((status = 201, body = AnnotationBody), (status = 400, body = ApiError),
        (status = 401, body = ApiError), (status = 403, body = ApiError),
        (status = 409, body = ApiError, description = "the id is taken, or there are too many"),
        (status = 413, body = ApiError), (status = 415, body = ApiError),
        (status = 429, body = ApiError)))]
async fn create(
    State(state): State<AppState>,
    caller: Scoped,
    Json(body): Json<AnnotationDraftBody>,
) -> Result<(StatusCode, Json<AnnotationBody>), ApiError> {
    let (id, draft) = body.judged()?;
    let id = id.unwrap_or_else(Uuid::now_v7);
    let note = state.outlay.annotations().create(id, draft, &caller).await?;
    Ok((StatusCode::CREATED, Json(AnnotationBody::of(note, &caller))))
}

/// Changes an annotation to what is sent. Whoever wrote it does, or an admin.
#[utoipa::path(put, path = "/api/v1/annotations/{id}", operation_id = "change_annotation",
    tag = "annotations", request_body = AnnotationDraftBody,
    params(("id" = Uuid, Path, description = "the annotation's id")),
    responses((status = 200, body = AnnotationBody), (status = 400, body = ApiError),
        (status = 401, body = ApiError), (status = 403, body = ApiError),
        (status = 404, body = ApiError), (status = 413, body = ApiError),
        (status = 415, body = ApiError), (status = 429, body = ApiError)))]
async fn change(
    State(state): State<AppState>,
    caller: Scoped,
    Path(id): Path<Uuid>,
    Json(body): Json<AnnotationDraftBody>,
) -> Result<Json<AnnotationBody>, ApiError> {
    let (asked, draft) = body.judged()?;
    same_as_path(asked.as_ref(), &id)?;
    let note = state.outlay.annotations().change(id, draft, &caller).await?;
    Ok(Json(AnnotationBody::of(note, &caller)))
}

/// Removes an annotation. Whoever wrote it does, or an admin.
#[utoipa::path(delete, path = "/api/v1/annotations/{id}", operation_id = "remove_annotation",
    tag = "annotations",
    params(("id" = Uuid, Path, description = "the annotation's id")),
    responses((status = 204, description = "it is gone"), (status = 400, body = ApiError),
        (status = 401, body = ApiError), (status = 403, body = ApiError),
        (status = 404, body = ApiError), (status = 429, body = ApiError)))]
async fn remove(
    State(state): State<AppState>,
    caller: Scoped,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, ApiError> {
    state.outlay.annotations().remove(id, &caller).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl From<AnnotationError> for ApiError {
    fn from(error: AnnotationError) -> Self {
        let code = match error {
            AnnotationError::Text | AnnotationError::At | AnnotationError::Until => "out_of_range",
            AnnotationError::TooManyFilters(_) | AnnotationError::TooLong(_) => "too_large",
        };
        Self::bad_request(code, error.field(), error.to_string()).mend(error.remedy())
    }
}

impl From<AnnotationsError> for ApiError {
    fn from(error: AnnotationsError) -> Self {
        let detail = error.to_string();
        match error {
            AnnotationsError::Annotation(error) => error.into(),
            AnnotationsError::Unknown(_) => Self::not_found(detail),
            AnnotationsError::NotTheirs(_) => Self::forbidden(detail),
            AnnotationsError::OutOfReach => Self::forbidden(detail).at("scope"),
            AnnotationsError::Taken(_) => {
                Self::conflict(detail).at("id").mend("change it with PUT, or leave the id out")
            }
            AnnotationsError::TooMany => {
                Self::conflict(detail).mend("remove those that nobody needs any more")
            }
            AnnotationsError::Store(error) => error.into(),
            AnnotationsError::NotTaken(error) => error.into(),
        }
    }
}
