//! Files that are made by themselves: when, what became of them, and the files.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use chrono::{DateTime, Days, NaiveDate, Utc};
use futures::stream;
use outlay_domain::budgets::Scope;
use outlay_domain::exports::{
    Cadence, Calendar, Export, ExportRun, Period, RunState, ScheduleDraft, ScheduleError,
};
use outlay_domain::once::each_once;
use outlay_engine::exports::schedules::{
    OpenFile, RUNS_SHOWN_MAX, SCHEDULES_MAX, SchedulesError, Standing, Told,
};
use outlay_engine::parted::Share;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::CHUNK_BYTES;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::extract::{Json, Params, Path};
use crate::forms::ids::same_as_path;
use crate::forms::usage_params::read_tz;
use crate::report::POLICY;
use crate::state::AppState;

/// Periods that are told of where nothing is said.
const RUNS_SHOWN: u32 = 100;

/// The routes of schedules.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show, replace, remove))
        .routes(routes!(runs, run_now))
        .routes(routes!(remove_file))
        .routes(routes!(download))
}

/// What an export schedule says.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ExportScheduleDraft {
    /// Its id, for whoever wants to choose it: sent again, it is made once.
    id: Option<Uuid>,
    /// What people call it.
    #[schema(min_length = 1, max_length = 100, example = "Charges for finance")]
    name: String,
    /// What is written: `{"kind": "events", "format": "parquet"}`,
    /// `{"kind": "focus", "format": "csv", "version": "1.4"}` or `{"kind": "report"}`, which is of a
    /// month.
    export: Export,
    /// What counts, as filters by the names that exports take; nothing for everything.
    #[serde(default, deserialize_with = "each_once")]
    #[schema(example = json!({"provider": ["openai"]}))]
    filters: BTreeMap<String, Vec<String>>,
    /// How often, and so of how long a time: of the day, the week from Monday to Sunday or the month
    /// that ended.
    cadence: Cadence,
    /// At which hour of the day; 6 where it is not said.
    #[serde(default = "early")]
    #[schema(maximum = 23)]
    hour: u32,
    /// Whose days and hours; UTC where it is not said.
    #[schema(example = "Europe/Berlin")]
    tz: Option<String>,
    /// How many files are kept; 30 where it is not said.
    #[serde(default = "thirty")]
    #[schema(minimum = 1, maximum = 400)]
    keep: u32,
    /// Whether files are made when they are due. What comes due meanwhile is not made up for.
    #[serde(default = "yes")]
    enabled: bool,
}

const fn early() -> u32 {
    6
}

const fn thirty() -> u32 {
    30
}

const fn yes() -> bool {
    true
}

impl ExportScheduleDraft {
    /// The id that was asked for, and the draft.
    fn judged(self) -> Result<(Option<Uuid>, ScheduleDraft), ApiError> {
        let filters = Scope::new(self.filters).map_err(|error| {
            ApiError::bad_request("malformed", "filters", error.to_string())
                .mend("use attributes such as provider, model, team or tag.KEY, each with values")
        })?;
        let tz = read_tz(self.tz.as_deref())?;
        let draft = ScheduleDraft {
            name: self.name.trim().into(),
            export: self.export,
            filters,
            calendar: Calendar { cadence: self.cadence, hour: self.hour, tz },
            keep: self.keep,
            enabled: self.enabled,
        };
        draft.check()?;
        Ok((self.id, draft))
    }
}

/// An export schedule, and how it stands.
#[derive(Debug, Serialize, ToSchema)]
struct ExportScheduleBody {
    /// Its id.
    id: Uuid,
    /// Who made it.
    created_by: String,
    /// When it was made.
    created_at: DateTime<Utc>,
    /// When its calendar was changed last, or when it was switched on.
    changed_at: DateTime<Utc>,
    /// What people call it.
    name: String,
    /// What is written.
    export: Export,
    /// What counts, as filters; nothing for everything.
    filters: BTreeMap<String, Vec<String>>,
    /// How often, and of how long a time.
    cadence: Cadence,
    /// At which hour of the day.
    hour: u32,
    /// Whose days and hours.
    tz: String,
    /// How many files are kept.
    keep: u32,
    /// Whether files are made when they are due.
    enabled: bool,
    /// The file that is due next; `null` while it is switched off.
    #[schema(required = true)]
    next: Option<ExportPeriodBody>,
    /// Its newest period of which something is known; `null` before the first.
    #[schema(required = true)]
    last: Option<ExportRunBody>,
    /// How many files are kept now.
    files: usize,
    /// How many bytes they have.
    size_bytes: u64,
}

impl From<Standing> for ExportScheduleBody {
    fn from(standing: Standing) -> Self {
        let Standing { schedule, next, last, files, size_bytes } = standing;
        let draft = schedule.draft;
        Self {
            id: schedule.id,
            created_by: schedule.created_by.into(),
            created_at: schedule.created_at,
            changed_at: schedule.changed_at,
            name: draft.name.into(),
            export: draft.export,
            filters: draft.filters.names().clone(),
            cadence: draft.calendar.cadence,
            hour: draft.calendar.hour,
            tz: draft.calendar.tz.name().to_owned(),
            keep: draft.keep,
            enabled: draft.enabled,
            next: next.map(|period| ExportPeriodBody::new(&period, draft.calendar.tz)),
            last: last.map(|told| ExportRunBody::new(told, draft.calendar.tz)),
            files,
            size_bytes,
        }
    }
}

/// A time of which there is one file.
#[derive(Debug, Serialize, ToSchema)]
struct ExportPeriodBody {
    /// Its first day, which names it.
    first_day: NaiveDate,
    /// Its last day.
    last_day: NaiveDate,
    /// Its first instant.
    from: DateTime<Utc>,
    /// The first instant after it.
    to: DateTime<Utc>,
    /// When its file is due.
    due_at: DateTime<Utc>,
}

impl ExportPeriodBody {
    fn new(period: &Period, tz: chrono_tz::Tz) -> Self {
        let after = period.to.with_timezone(&tz).date_naive();
        Self {
            first_day: period.first,
            last_day: after.checked_sub_days(Days::new(1)).unwrap_or(after).max(period.first),
            from: period.from,
            to: period.to,
            due_at: period.due_at,
        }
    }
}

/// The file of a period: that it is to be made, and what became of it.
#[derive(Debug, Serialize, ToSchema)]
struct ExportRunBody {
    /// Its id.
    id: Uuid,
    /// Of which time.
    period: ExportPeriodBody,
    /// Who asked for it; `null` where it came due.
    #[schema(required = true)]
    asked_by: Option<String>,
    /// How far it is.
    state: RunState,
    /// Whether it is being made at this moment.
    running: bool,
    /// How often it was tried since it was asked for.
    attempts: u32,
    /// From when on it is tried; `null` where nothing is left to be done.
    #[schema(required = true)]
    next_try_at: Option<DateTime<Utc>>,
    /// When the last attempt ended.
    #[schema(required = true)]
    ended_at: Option<DateTime<Utc>>,
    /// Why the last attempt failed, or why the file was removed.
    #[schema(required = true)]
    reason: Option<String>,
    /// The file, while it is kept. While it is made again the one before stays.
    #[schema(required = true)]
    file: Option<ExportFileBody>,
}

/// A file that is kept.
#[derive(Debug, Serialize, ToSchema)]
struct ExportFileBody {
    /// What it is called where it is saved.
    #[schema(example = "focus_2026-11-21.csv")]
    name: String,
    /// How long it is.
    size_bytes: u64,
    /// How many rows it has; `null` where it is no table.
    #[schema(required = true)]
    rows: Option<u64>,
    /// SHA-256 of all of it, in hexadecimal digits.
    sha256: String,
    /// When it was made.
    made_at: DateTime<Utc>,
}

impl ExportRunBody {
    fn new(told: Told, tz: chrono_tz::Tz) -> Self {
        let Told { run, is_running } = told;
        let first = run.period.first;
        let is_open = run.is_open();
        let ExportRun { id, period, asked_by, state, attempts, next_try_at, .. } = run;
        let file = run.file.map(|file| ExportFileBody {
            name: outlay_domain::exports::file_name(&file.made_by, first),
            size_bytes: file.size_bytes,
            rows: file.rows,
            sha256: file.sha256,
            made_at: file.made_at,
        });
        Self {
            id,
            period: ExportPeriodBody::new(&period, tz),
            asked_by: asked_by.map(String::from),
            state,
            running: is_running,
            attempts,
            next_try_at: is_open.then_some(next_try_at),
            ended_at: run.ended_at,
            reason: run.reason,
            file,
        }
    }
}

/// Every export schedule.
#[derive(Debug, Serialize, ToSchema)]
struct ExportScheduleList {
    /// They, by name.
    items: Vec<ExportScheduleBody>,
}

/// Lists export schedules, each with its next and its last file. For admins.
#[utoipa::path(get, path = "/api/v1/export-schedules", operation_id = "list_export_schedules",
    tag = "exports",
    responses((status = 200, body = ExportScheduleList), (status = 401, body = ApiError),
        (status = 403, body = ApiError)))]
async fn list(
    State(state): State<AppState>,
    caller: Caller,
) -> Result<Json<ExportScheduleList>, ApiError> {
    let standings = state.outlay.export_schedules().all(&caller).await?;
    Ok(Json(ExportScheduleList { items: standings.into_iter().map(Into::into).collect() }))
}

/// Makes an export schedule: from now on a file is written whenever a day, a week or a month has ended,
/// and kept on the server. For admins.
#[utoipa::path(post, path = "/api/v1/export-schedules", operation_id = "create_export_schedule",
    tag = "exports", request_body = ExportScheduleDraft,
    responses((status = 201, body = ExportScheduleBody), (status = 400, body = ApiError),
        (status = 401, body = ApiError), (status = 403, body = ApiError),
        (status = 409, body = ApiError, description = "the id or the name is taken, or there are too many"),
        (status = 413, body = ApiError), (status = 415, body = ApiError),
        (status = 429, body = ApiError)))]
async fn create(
    State(state): State<AppState>,
    caller: Caller,
    Json(body): Json<ExportScheduleDraft>,
) -> Result<(StatusCode, Json<ExportScheduleBody>), ApiError> {
    let (id, draft) = body.judged()?;
    let id = id.unwrap_or_else(Uuid::now_v7);
    let standing = state.outlay.export_schedules().create(id, draft, &caller).await?;
    Ok((StatusCode::CREATED, Json(standing.into())))
}

/// Shows an export schedule. For admins.
#[utoipa::path(get, path = "/api/v1/export-schedules/{id}", operation_id = "show_export_schedule",
    tag = "exports", params(("id" = Uuid, Path, description = "the schedule's id")),
    responses((status = 200, body = ExportScheduleBody), (status = 400, body = ApiError),
        (status = 401, body = ApiError), (status = 403, body = ApiError),
        (status = 404, body = ApiError)))]
async fn show(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<ExportScheduleBody>, ApiError> {
    Ok(Json(state.outlay.export_schedules().one(id, &caller).await?.into()))
}

/// Changes an export schedule to what is sent; files that are kept stay as they are. With another
/// calendar it begins anew: what came due before is not made up for. For admins.
#[utoipa::path(put, path = "/api/v1/export-schedules/{id}",
    operation_id = "replace_export_schedule", tag = "exports", request_body = ExportScheduleDraft,
    params(("id" = Uuid, Path, description = "the schedule's id")),
    responses((status = 200, body = ExportScheduleBody), (status = 400, body = ApiError),
        (status = 401, body = ApiError), (status = 403, body = ApiError),
        (status = 404, body = ApiError),
        (status = 409, body = ApiError, description = "the name is taken"),
        (status = 413, body = ApiError), (status = 415, body = ApiError),
        (status = 429, body = ApiError)))]
async fn replace(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Json(body): Json<ExportScheduleDraft>,
) -> Result<Json<ExportScheduleBody>, ApiError> {
    let (asked, draft) = body.judged()?;
    same_as_path(asked.as_ref(), &id)?;
    Ok(Json(state.outlay.export_schedules().replace(id, draft, &caller).await?.into()))
}

/// Removes an export schedule, with all of its files. For admins.
#[utoipa::path(delete, path = "/api/v1/export-schedules/{id}",
    operation_id = "remove_export_schedule", tag = "exports",
    params(("id" = Uuid, Path, description = "the schedule's id")),
    responses((status = 204, description = "it is gone"), (status = 400, body = ApiError),
        (status = 401, body = ApiError), (status = 403, body = ApiError),
        (status = 404, body = ApiError), (status = 429, body = ApiError)))]
async fn remove(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, ApiError> {
    state.outlay.export_schedules().remove(id, &caller).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// How many periods are told of.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct RunsQuery {
    /// How many of the newest; 100 where it is not said, 400 at most.
    limit: Option<u32>,
}

/// What became of the files of a schedule.
#[derive(Debug, Serialize, ToSchema)]
struct ExportRunList {
    /// Periods, the newest first.
    items: Vec<ExportRunBody>,
}

/// Lists the periods of an export schedule, the newest first, with their files. For admins.
#[utoipa::path(get, path = "/api/v1/export-schedules/{id}/runs", operation_id = "list_export_runs",
    tag = "exports", params(("id" = Uuid, Path, description = "the schedule's id"), RunsQuery),
    responses((status = 200, body = ExportRunList), (status = 400, body = ApiError),
        (status = 401, body = ApiError), (status = 403, body = ApiError),
        (status = 404, body = ApiError)))]
async fn runs(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Params(query): Params<RunsQuery>,
) -> Result<Json<ExportRunList>, ApiError> {
    let limit = query.limit.unwrap_or(RUNS_SHOWN);
    if !(1..=RUNS_SHOWN_MAX).contains(&limit) {
        let detail = format!("{limit} is not from 1 to {RUNS_SHOWN_MAX}");
        return Err(ApiError::bad_request("out_of_range", "limit", detail));
    }
    let schedules = state.outlay.export_schedules();
    let tz = schedules.one(id, &caller).await?.schedule.draft.calendar.tz;
    let runs = schedules.runs(id, limit, &caller).await?;
    Ok(Json(ExportRunList {
        items: runs.into_iter().map(|run| ExportRunBody::new(run, tz)).collect(),
    }))
}

/// Of which period a file is to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ExportRunDraft {
    /// The first day of a period that is over; the last one where it is not said.
    first_day: Option<NaiveDate>,
}

/// Has a file of an export schedule made now. One of the same period stays until the new one is there;
/// asked for again meanwhile, it is made once. For admins.
#[utoipa::path(post, path = "/api/v1/export-schedules/{id}/runs",
    operation_id = "run_export_schedule", tag = "exports", request_body = ExportRunDraft,
    params(("id" = Uuid, Path, description = "the schedule's id")),
    responses((status = 202, body = ExportRunBody), (status = 400, body = ApiError),
        (status = 401, body = ApiError), (status = 403, body = ApiError),
        (status = 404, body = ApiError), (status = 413, body = ApiError),
        (status = 415, body = ApiError), (status = 429, body = ApiError)))]
async fn run_now(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Json(body): Json<ExportRunDraft>,
) -> Result<(StatusCode, Json<ExportRunBody>), ApiError> {
    let schedules = state.outlay.export_schedules();
    let run = schedules.run_now(id, body.first_day, &caller).await?;
    let tz = schedules.one(id, &caller).await?.schedule.draft.calendar.tz;
    Ok((StatusCode::ACCEPTED, Json(ExportRunBody::new(run, tz))))
}

/// Removes a file of an export schedule, or gives up making it. For admins.
#[utoipa::path(delete, path = "/api/v1/export-schedules/{id}/runs/{run}",
    operation_id = "remove_export_file", tag = "exports",
    params(("id" = Uuid, Path, description = "the schedule's id"),
        ("run" = Uuid, Path, description = "the run's id")),
    responses((status = 204, description = "it is gone"), (status = 400, body = ApiError),
        (status = 401, body = ApiError), (status = 403, body = ApiError),
        (status = 404, body = ApiError), (status = 429, body = ApiError)))]
async fn remove_file(
    State(state): State<AppState>,
    caller: Caller,
    Path((id, run)): Path<(Uuid, Uuid)>,
) -> Result<StatusCode, ApiError> {
    state.outlay.export_schedules().let_go(id, run, &caller).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Sends a file of an export schedule. Its `ETag` is the SHA-256 that lists tell of it. For admins.
#[utoipa::path(get, path = "/api/v1/export-schedules/{id}/runs/{run}/file",
    operation_id = "download_export_file", tag = "exports",
    params(("id" = Uuid, Path, description = "the schedule's id"),
        ("run" = Uuid, Path, description = "the run's id")),
    responses((status = 200, description = "The file", content(
            (String = "text/csv"), (String = "application/x-ndjson"),
            (String = "application/vnd.apache.parquet"), (String = "text/html"))),
        (status = 400, body = ApiError), (status = 401, body = ApiError),
        (status = 403, body = ApiError), (status = 404, body = ApiError),
        (status = 429, body = ApiError)))]
async fn download(
    State(state): State<AppState>,
    caller: Caller,
    Path((id, run)): Path<(Uuid, Uuid)>,
) -> Result<Response, ApiError> {
    let opened = state.outlay.export_schedules().open(id, run, &caller).await?;
    let turn = state.shares.download(caller.user.as_str()).await?;
    let OpenFile { file, size_bytes, name, ending, sha256 } = opened;
    let headers = [
        (header::CONTENT_TYPE, content_type(ending).to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
        (header::CONTENT_LENGTH, size_bytes.to_string()),
        (header::ETAG, format!("\"{sha256}\"")),
    ];
    let mut response = (headers, body_of(file, turn)).into_response();
    // Some are pages, which may show their own styles and nothing else.
    response
        .headers_mut()
        .insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    Ok(response)
}

const fn content_type(ending: &str) -> &'static str {
    match ending.as_bytes() {
        b"csv" => "text/csv; charset=utf-8; header=present",
        b"ndjson" => "application/x-ndjson",
        b"parquet" => "application/vnd.apache.parquet",
        _ => "text/html; charset=utf-8",
    }
}

/// The bytes of a file, read as they are sent. The turn lasts as long.
fn body_of(file: File, turn: Share) -> Body {
    Body::from_stream(stream::unfold(Some((file, turn)), |left| async {
        let (mut file, turn) = left?;
        let read = tokio::task::spawn_blocking(move || {
            let mut bytes = Vec::with_capacity(CHUNK_BYTES);
            let read = file.by_ref().take(CHUNK_BYTES as u64).read_to_end(&mut bytes);
            read.map(|_| (Bytes::from(bytes), file))
        });
        match read.await.map_err(io::Error::other).flatten() {
            Ok((bytes, _)) if bytes.is_empty() => None,
            Ok((bytes, file)) => Some((Ok(bytes), Some((file, turn)))),
            Err(error) => Some((Err(error), None)),
        }
    }))
}

impl From<ScheduleError> for ApiError {
    fn from(error: ScheduleError) -> Self {
        let code = match error {
            ScheduleError::ReportOfNoMonth => "malformed",
            ScheduleError::TooManyFilters(_) | ScheduleError::TooLong(_) => "too_large",
            _ => "out_of_range",
        };
        Self::bad_request(code, error.field(), error.to_string()).mend(error.remedy())
    }
}

impl From<SchedulesError> for ApiError {
    fn from(error: SchedulesError) -> Self {
        let detail = error.to_string();
        match error {
            SchedulesError::Schedule(error) => error.into(),
            SchedulesError::Denied(error) => error.into(),
            SchedulesError::Unknown(_) => {
                Self::not_found(detail).mend("use an id as GET /api/v1/export-schedules tells it")
            }
            SchedulesError::UnknownRun(_) => Self::not_found(detail)
                .mend("use an id as GET /api/v1/export-schedules/{id}/runs tells it"),
            SchedulesError::NoFile(_) | SchedulesError::Missing(_) => Self::not_found(detail)
                .mend("have it made with POST /api/v1/export-schedules/{id}/runs"),
            SchedulesError::Taken(_) => {
                Self::conflict(detail).at("id").mend("change it with PUT, or leave the id out")
            }
            SchedulesError::SameName(_) => {
                Self::conflict(detail).at("name").mend("choose another name, or change that one")
            }
            SchedulesError::TooMany => Self::conflict(detail)
                .mend(format!("remove one that nobody needs, there may be {SCHEDULES_MAX}")),
            SchedulesError::NoPeriod(_) => Self::bad_request("out_of_range", "first_day", detail)
                .mend("name the first day of a day, a week or a month that has ended"),
            SchedulesError::Store(error) => error.into(),
            SchedulesError::NotTaken(error) => error.into(),
        }
    }
}
