//! Views that people keep, and what stands on their overviews.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use outlay_domain::budgets::Scope;
use outlay_domain::once::each_once;
use outlay_domain::usage::question;
use outlay_domain::views::{
    Audience, Column, Form, Pin, PinSize, SavedView, Sort, Span, ViewDraft, ViewError, ViewPeriod,
};
use outlay_engine::views::{PINS_MAX, VIEWS_PER_PERSON_MAX, ViewsError};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::auth::Scoped;
use crate::error::ApiError;
use crate::extract::{Json, Path};
use crate::forms::ids::same_as_path;
use crate::forms::usage_params::{known_attribute, known_every, known_measure, read_tz};
use crate::forms::words::Every;
use crate::state::AppState;

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show, change, remove))
        .routes(routes!(pins, lay_out))
}

/// What a view says: a question about usage with a name, and how its answer is drawn.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ViewDraftBody {
    /// Its id, for whoever wants to choose it: sent again, it is made once.
    id: Option<Uuid>,
    /// What people call it.
    #[schema(min_length = 1, max_length = 100, example = "Chat by model")]
    name: String,
    /// Who sees that it is there, by its name and filters: whoever made it, or everybody, which
    /// admins decide. What somebody sees in it is what they may see anyway.
    #[serde(default)]
    audience: Audience,
    /// What counts, as filters: `provider`, `model`, `team`, `tag.KEY` and so on; with `!` for all
    /// but these, with `^` for what begins so. Nothing for everything.
    #[serde(default, deserialize_with = "each_once")]
    #[schema(example = json!({"provider": ["openai"], "model^": ["gpt-4"]}))]
    filters: BTreeMap<String, Vec<String>>,
    /// What is measured, as questions about usage name it.
    #[serde(default = "spend")]
    #[schema(example = "spend")]
    measure: String,
    /// What it is grouped by: up to three of the filters' names.
    #[serde(default)]
    #[schema(max_items = 3, example = json!(["model"]))]
    by: Vec<String>,
    /// When it is of: `{"kind": "relative", "span": "30d"}`, or
    /// `{"kind": "fixed", "from": "2026-01-01", "to": "2026-01-31"}`, whose last day is part of it.
    #[serde(default = "thirty_days")]
    period: ViewPeriod,
    /// Whose days; the deployment's where nothing is said.
    #[schema(example = "Europe/Berlin")]
    tz: Option<String>,
    /// How wide its buckets are; as fits the time where nothing is said.
    #[schema(value_type = Option<Every>)]
    every: Option<String>,
    /// Whether the time before stands beside it.
    #[serde(default = "yes")]
    compare: bool,
    /// How it is drawn.
    #[serde(default)]
    form: Form,
    /// The columns of its table: what it is grouped by, measures, `share` and `change`; the usual ones
    /// where there are none.
    #[serde(default)]
    #[schema(max_items = 40, example = json!(["model", "share", "spend"]))]
    columns: Vec<String>,
    /// What its table is ordered by; by the measure, the most first, where nothing is said.
    sort: Option<SortBody>,
}

fn spend() -> String {
    question::Measure::Spend.name().into_owned()
}

const fn thirty_days() -> ViewPeriod {
    ViewPeriod::Relative { span: Span::Days30 }
}

const fn yes() -> bool {
    true
}

/// What a table is ordered by.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ViewSort)]
struct SortBody {
    /// One of the columns.
    #[schema(example = "spend")]
    column: String,
    /// Whether the usual order, figures the most first and words from A on, is turned around.
    #[serde(default)]
    reversed: bool,
}

/// A view that somebody keeps.
#[derive(Debug, Serialize, ToSchema)]
struct ViewBody {
    /// Its id.
    id: Uuid,
    /// Who made it.
    owner: String,
    /// Whether that is the caller.
    mine: bool,
    /// Whether the caller may change and remove it.
    changeable: bool,
    /// When it was made.
    created_at: DateTime<Utc>,
    /// When it was changed last.
    changed_at: DateTime<Utc>,
    /// What people call it.
    name: String,
    /// Who sees that it is there.
    audience: Audience,
    /// What counts, as filters; nothing for everything.
    filters: BTreeMap<String, Vec<String>>,
    /// What is measured.
    #[schema(example = "spend")]
    measure: String,
    /// What it is grouped by.
    by: Vec<String>,
    /// When it is of.
    period: ViewPeriod,
    /// Whose days; `null` for the deployment's.
    #[schema(required = true)]
    tz: Option<&'static str>,
    /// How wide its buckets are; `null` for as fits the time.
    #[schema(required = true)]
    every: Option<Every>,
    /// Whether the time before stands beside it.
    compare: bool,
    /// How it is drawn.
    form: Form,
    /// The columns of its table; none for the usual ones.
    columns: Vec<String>,
    /// What its table is ordered by.
    #[schema(required = true)]
    sort: Option<SortBody>,
}

impl ViewBody {
    fn new(view: SavedView, caller: &Scoped) -> Self {
        let SavedView { id, owner, created_at, changed_at, draft } = view;
        let mine = owner == caller.user.as_str();
        Self {
            id,
            owner: owner.into(),
            mine,
            changeable: mine || caller.require_admin().is_ok(),
            created_at,
            changed_at,
            name: draft.name.into(),
            audience: draft.audience,
            filters: draft.filters.names().clone(),
            measure: draft.measure.name().into_owned(),
            by: draft.by.iter().map(|one| one.name().into_owned()).collect(),
            period: draft.period,
            tz: draft.tz.map(|tz| tz.name()),
            every: draft.every.map(Every::from),
            compare: draft.compare,
            form: draft.form,
            columns: draft.columns.iter().map(Column::name).collect(),
            sort: draft
                .sort
                .map(|sort| SortBody { column: sort.column.name(), reversed: sort.reversed }),
        }
    }
}

impl ViewDraftBody {
    /// The id that was asked for, and the draft.
    fn judged(self) -> Result<(Option<Uuid>, ViewDraft), ApiError> {
        let filters = Scope::new(self.filters).map_err(|error| {
            ApiError::bad_request("malformed", "filters", error.to_string())
                .mend("use attributes such as provider, model, team or tag.KEY, each with values")
        })?;
        let measure = known_measure("measure", &self.measure)?;
        let by = each(&self.by, "by", known_attribute)?;
        let columns = each(&self.columns, "columns", known_column)?;
        let sort = self.sort.map(|SortBody { column, reversed }| {
            Ok::<_, ApiError>(Sort { column: known_column("sort.column", &column)?, reversed })
        });
        let tz = self.tz.as_deref().filter(|tz| !tz.is_empty());
        let draft = ViewDraft {
            name: self.name.trim().into(),
            audience: self.audience,
            filters,
            measure,
            by,
            period: self.period,
            tz: tz.map(|tz| read_tz(Some(tz))).transpose()?,
            every: self.every.as_deref().map(known_every).transpose()?,
            compare: self.compare,
            form: self.form,
            columns,
            sort: sort.transpose()?,
        };
        draft.check()?;
        Ok((self.id, draft))
    }
}

/// Reads each of the names in the list `field`.
fn each<T>(
    names: &[String],
    field: &str,
    read: impl Fn(&str, &str) -> Result<T, ApiError>,
) -> Result<Vec<T>, ApiError> {
    let read = |(place, name): (usize, &String)| read(&format!("{field}[{place}]"), name);
    names.iter().enumerate().map(read).collect()
}

fn known_column(field: &str, name: &str) -> Result<Column, ApiError> {
    Column::from_name(name).ok_or_else(|| {
        let name: String = name.chars().take(100).collect();
        ApiError::bad_request("unknown", field, format!("there is no column `{name}`"))
            .mend("use what it is grouped by, a measure such as spend, `share` or `change`")
    })
}

/// Views.
#[derive(Debug, Serialize, ToSchema)]
struct ViewList {
    /// They, by name.
    items: Vec<ViewBody>,
    /// How many one person may keep.
    most: usize,
}

/// Lists the views that the caller sees: their own, and those for all. Whoever sees one account is not
/// told of views for all that name others.
#[utoipa::path(get, path = "/api/v1/views", operation_id = "list_views", tag = "views",
    responses((status = 200, body = ViewList), (status = 401, body = ApiError),
        (status = 403, body = ApiError)))]
async fn list(State(state): State<AppState>, caller: Scoped) -> Result<Json<ViewList>, ApiError> {
    let views = state.outlay.views().all(&caller).await?;
    let items = views.into_iter().map(|view| ViewBody::new(view, &caller)).collect();
    Ok(Json(ViewList { items, most: VIEWS_PER_PERSON_MAX }))
}

/// Keeps a view of the caller. Only admins keep one for all.
#[utoipa::path(post, path = "/api/v1/views", operation_id = "create_view", tag = "views",
    request_body = ViewDraftBody,
    responses((status = 201, body = ViewBody), (status = 400, body = ApiError),
        (status = 401, body = ApiError), (status = 403, body = ApiError),
        (status = 409, body = ApiError,
            description = "the id or the name is taken, or there are too many"),
        (status = 413, body = ApiError), (status = 415, body = ApiError),
        (status = 429, body = ApiError)))]
async fn create(
    State(state): State<AppState>,
    caller: Scoped,
    Json(body): Json<ViewDraftBody>,
) -> Result<(StatusCode, Json<ViewBody>), ApiError> {
    let (id, draft) = body.judged()?;
    let id = id.unwrap_or_else(Uuid::now_v7);
    let view = state.outlay.views().create(id, draft, &caller).await?;
    Ok((StatusCode::CREATED, Json(ViewBody::new(view, &caller))))
}

/// Shows a view.
#[utoipa::path(get, path = "/api/v1/views/{id}", operation_id = "show_view", tag = "views",
    params(("id" = Uuid, Path, description = "the view's id")),
    responses((status = 200, body = ViewBody), (status = 400, body = ApiError),
        (status = 401, body = ApiError), (status = 403, body = ApiError),
        (status = 404, body = ApiError)))]
async fn show(
    State(state): State<AppState>,
    caller: Scoped,
    Path(id): Path<Uuid>,
) -> Result<Json<ViewBody>, ApiError> {
    let view = state.outlay.views().one(id, &caller).await?;
    Ok(Json(ViewBody::new(view, &caller)))
}

/// Changes a view to what is sent. Its owner does; one for all, an admin does.
#[utoipa::path(put, path = "/api/v1/views/{id}", operation_id = "change_view", tag = "views",
    request_body = ViewDraftBody,
    params(("id" = Uuid, Path, description = "the view's id")),
    responses((status = 200, body = ViewBody), (status = 400, body = ApiError),
        (status = 401, body = ApiError), (status = 403, body = ApiError),
        (status = 404, body = ApiError),
        (status = 409, body = ApiError, description = "the name is taken, or there are too many"),
        (status = 413, body = ApiError), (status = 415, body = ApiError),
        (status = 429, body = ApiError)))]
async fn change(
    State(state): State<AppState>,
    caller: Scoped,
    Path(id): Path<Uuid>,
    Json(body): Json<ViewDraftBody>,
) -> Result<Json<ViewBody>, ApiError> {
    let (asked, draft) = body.judged()?;
    same_as_path(asked.as_ref(), &id)?;
    let view = state.outlay.views().change(id, draft, &caller).await?;
    Ok(Json(ViewBody::new(view, &caller)))
}

/// Removes a view, also from overviews. Its owner does; one for all, an admin does.
#[utoipa::path(delete, path = "/api/v1/views/{id}", operation_id = "remove_view", tag = "views",
    params(("id" = Uuid, Path, description = "the view's id")),
    responses((status = 204, description = "it is gone"), (status = 400, body = ApiError),
        (status = 401, body = ApiError), (status = 403, body = ApiError),
        (status = 404, body = ApiError), (status = 429, body = ApiError)))]
async fn remove(
    State(state): State<AppState>,
    caller: Scoped,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, ApiError> {
    state.outlay.views().remove(id, &caller).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A view on the caller's overview.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PinBody {
    /// Which view.
    view: Uuid,
    /// How much room it takes.
    #[serde(default)]
    size: PinSize,
}

/// What stands on the caller's overview.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PinList {
    /// Views, in their order.
    #[schema(max_items = 24)]
    items: Vec<PinBody>,
}

impl From<Vec<Pin>> for PinList {
    fn from(pins: Vec<Pin>) -> Self {
        let body = |Pin { view, size }| PinBody { view, size };
        Self { items: pins.into_iter().map(body).collect() }
    }
}

/// Lists the views on the caller's overview.
#[utoipa::path(get, path = "/api/v1/pins", operation_id = "list_pins", tag = "views",
    responses((status = 200, body = PinList), (status = 401, body = ApiError),
        (status = 403, body = ApiError)))]
async fn pins(State(state): State<AppState>, caller: Scoped) -> Result<Json<PinList>, ApiError> {
    Ok(Json(state.outlay.views().pins(&caller).await?.into()))
}

/// Lays out the caller's overview: these views in this order, and no others.
#[utoipa::path(put, path = "/api/v1/pins", operation_id = "set_pins", tag = "views",
    request_body = PinList,
    responses((status = 200, body = PinList), (status = 400, body = ApiError),
        (status = 401, body = ApiError), (status = 403, body = ApiError),
        (status = 413, body = ApiError), (status = 415, body = ApiError),
        (status = 429, body = ApiError)))]
async fn lay_out(
    State(state): State<AppState>,
    caller: Scoped,
    Json(body): Json<PinList>,
) -> Result<Json<PinList>, ApiError> {
    let pin = |PinBody { view, size }| Pin { view, size };
    let pins = body.items.into_iter().map(pin).collect();
    Ok(Json(state.outlay.views().pin(pins, &caller).await?.into()))
}

impl From<ViewError> for ApiError {
    fn from(error: ViewError) -> Self {
        let code = match error {
            ViewError::Name | ViewError::Period(_) => "out_of_range",
            ViewError::SameBy(_) => "malformed",
            ViewError::TooManyBy(_)
            | ViewError::TooManyFilters(_)
            | ViewError::TooManyColumns(_)
            | ViewError::TooLong(_) => "too_large",
        };
        Self::bad_request(code, error.field(), error.to_string()).mend(error.remedy())
    }
}

impl From<ViewsError> for ApiError {
    fn from(error: ViewsError) -> Self {
        let detail = error.to_string();
        match error {
            ViewsError::View(error) => error.into(),
            ViewsError::Denied(error) => {
                Self::from(error).at("audience").mend("keep it for yourself, or ask an admin")
            }
            ViewsError::Unknown(_) => Self::not_found(detail),
            ViewsError::NotTheirs(_) => {
                Self::forbidden(detail).mend("keep a view of your own that says the same")
            }
            ViewsError::Taken(_) => {
                Self::conflict(detail).at("id").mend("change it with PUT, or leave the id out")
            }
            ViewsError::SameName(_) => {
                Self::conflict(detail).at("name").mend("choose another name, or change that one")
            }
            ViewsError::TooMany | ViewsError::TooManyForAll => {
                Self::conflict(detail).mend("remove one that nobody needs")
            }
            ViewsError::TooManyPins(_) => {
                let remedy = format!("leave {PINS_MAX} of them");
                Self::bad_request("too_large", "items", detail).mend(remedy)
            }
            ViewsError::Pin { place, .. } => {
                Self::bad_request("unknown", format!("items[{place}].view"), detail)
                    .mend("name views that you see, each once")
            }
            ViewsError::Store(error) => error.into(),
            ViewsError::NotTaken(error) => error.into(),
        }
    }
}
