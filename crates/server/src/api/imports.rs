//! What importers leave behind: how far each source was read, and the budgets and runs they found.

use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use compact_str::CompactString;
use outlay_domain::Amount;
use outlay_domain::imports::{
    ANCHORS_MAX, ImportRecord, ImportedBudgets, ImportedLimit, ImportedPeriod, ImportedRun,
    ImportedRuns, ImportedThreshold, RefusedRow, RowCounts, RowCursor,
};
use outlay_domain::usage::ID_BYTES_MAX;
use outlay_engine::import::RUNS_MAX;
use outlay_engine::import::books::{ImportProgress, ImportsError};
use outlay_engine::import::merge::{MergeError, Merged};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::Caller;
use crate::error::ApiError;
use crate::extract::Json;
use crate::state::AppState;

/// Refusals in one report, at most.
const REFUSALS_MAX: usize = 1_000;
/// Sources that are merged at once, at most.
const MERGED_MAX: usize = 100;
/// Budgets in one set, at most.
const LIMITS_MAX: usize = 10_000;

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(get_imports, post_import))
        .routes(routes!(get_budgets, post_budgets))
        .routes(routes!(get_runs, post_runs))
        .routes(routes!(post_merge))
}

/// A row of a source, and a hash of what stands in it.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct CursorBody {
    /// The row's id.
    pub id: i64,
    /// The hash.
    #[schema(value_type = String)]
    pub fingerprint: CompactString,
}

/// How many rows became what.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct RowsBody {
    /// New usage.
    pub accepted: u64,
    /// Imported before.
    pub repeated: u64,
    /// Not taken.
    pub refused: u64,
    /// Left out by a rule of the importer.
    pub left_out: u64,
}

/// Rows in one report, at most.
const ROWS_MAX: u64 = 1_000_000_000_000;

impl RowsBody {
    fn check(&self) -> Result<(), ApiError> {
        let counts = [
            ("accepted", self.accepted),
            ("repeated", self.repeated),
            ("refused", self.refused),
            ("left_out", self.left_out),
        ];
        match counts.into_iter().find(|(_, count)| *count > ROWS_MAX) {
            Some((name, count)) => Err(ApiError::bad_request(
                "out_of_range",
                format!("rows.{name}"),
                format!("{count} is more than {ROWS_MAX}"),
            )),
            None => Ok(()),
        }
    }
}

/// A row that was not taken.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct RefusalBody {
    /// Where it stands.
    pub row: String,
    /// The field at fault.
    pub field: String,
    /// What is wrong.
    pub detail: String,
}

/// What became of some more rows of a source.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ProgressBody {
    /// The source of the events.
    #[schema(value_type = String, example = "erp:cost_tracking:5f0e9d1c2b3a4958")]
    pub source: CompactString,
    /// What kind of source it is.
    #[schema(value_type = String, example = "cost_tracking")]
    pub kind: CompactString,
    /// The file's name.
    #[schema(value_type = String, example = "cost_tracking.db")]
    pub name: CompactString,
    /// How far it is read now.
    #[serde(default)]
    pub cursor: Option<CursorBody>,
    /// More of the rows that were read, by which the source is known again; 64 at most.
    #[serde(default)]
    #[schema(max_items = 64)]
    pub anchors: Vec<CursorBody>,
    /// Which file it is, however it is called.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "fe01:1a2b3c")]
    pub file: Option<CompactString>,
    /// Up to which row calls were counted with what they cost.
    #[serde(default)]
    pub counted_to: Option<i64>,
    /// What became of these rows.
    #[serde(default)]
    pub rows: RowsBody,
    /// Those that were not taken.
    #[serde(default)]
    pub refusals: Vec<RefusalBody>,
}

/// A source that was imported.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ImportBody {
    /// The source of the events.
    #[schema(value_type = String)]
    pub source: CompactString,
    /// What kind of source it is.
    #[schema(value_type = String)]
    pub kind: CompactString,
    /// The name of the file when it was last read.
    #[schema(value_type = String)]
    pub name: CompactString,
    /// How far it was read.
    pub cursor: Option<CursorBody>,
    /// Some of the rows that were read, by which the source is known again.
    #[serde(default)]
    pub anchors: Vec<CursorBody>,
    /// Which file it was when it was last read.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub file: Option<CompactString>,
    /// The source of the same database that counts in place of this one.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub merged_into: Option<CompactString>,
    /// Up to which row calls were counted with what they cost.
    pub counted_to: Option<i64>,
    /// What became of its rows in all imports.
    pub rows: RowsBody,
    /// The newest refusals.
    pub refusals: Vec<RefusalBody>,
    /// When it was first imported.
    pub first_at: DateTime<Utc>,
    /// When it was last imported.
    pub last_at: DateTime<Utc>,
}

/// All sources that were imported.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ImportsBody {
    /// The sources, by name.
    pub items: Vec<ImportBody>,
    /// Always absent: there are few.
    pub next_cursor: Option<String>,
}

/// Lists the sources that were imported, and how far each was read.
#[utoipa::path(get, path = "/api/v1/imports", operation_id = "list_imports", tag = "imports",
    responses((status = 200, body = ImportsBody), (status = 401, body = ApiError),
        (status = 403, body = ApiError)))]
async fn get_imports(
    State(state): State<AppState>,
    caller: Caller,
) -> Result<Json<ImportsBody>, ApiError> {
    let records = state.outlay.imports(&*caller).records().await?;
    let items = records.into_iter().map(ImportBody::from).collect();
    Ok(Json(ImportsBody { items, next_cursor: None }))
}

/// Remembers how far a source was read, and adds to what became of its rows.
///
/// An importer says so after the events of those rows were accepted, and asks for it before it
/// reads the source again.
#[utoipa::path(post, path = "/api/v1/imports", operation_id = "record_import",
    tag = "imports", request_body = ProgressBody,
    responses(
        (status = 204), (status = 400, body = ApiError), (status = 401, body = ApiError),
        (status = 403, body = ApiError),
    ))]
async fn post_import(
    State(state): State<AppState>,
    caller: Caller,
    Json(body): Json<ProgressBody>,
) -> Result<StatusCode, ApiError> {
    body.rows.check()?;
    check_name("source", &body.source)?;
    check_name("kind", &body.kind)?;
    if let Some(file) = &body.file {
        check_name("file", file)?;
    }
    if body.anchors.len() > ANCHORS_MAX {
        let detail = format!("{} given, {ANCHORS_MAX} at most", body.anchors.len());
        return Err(ApiError::bad_request("too_large", "anchors", detail));
    }
    for (index, anchor) in body.anchors.iter().chain(&body.cursor).enumerate() {
        check_name(format!("anchors[{index}].fingerprint"), &anchor.fingerprint)?;
    }
    if body.refusals.len() > REFUSALS_MAX {
        let detail = format!("{} given, {REFUSALS_MAX} at most", body.refusals.len());
        return Err(ApiError::bad_request("too_large", "refusals", detail));
    }
    let progress = ImportProgress::from(body);
    state.outlay.imports(&*caller).record(progress).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Budgets as an older system has them.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct BudgetsBody {
    /// Where they are from.
    #[schema(value_type = String, example = "erp:budget_config")]
    pub source: CompactString,
    /// Whether the older system watches them.
    pub enabled: bool,
    /// The budgets.
    pub limits: Vec<LimitBody>,
    /// When the older system warns.
    pub thresholds: Vec<ImportedThresholdBody>,
}

/// One budget of an older system.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct LimitBody {
    /// Its id there.
    #[schema(value_type = String)]
    pub id: CompactString,
    /// How much may be spent.
    #[schema(value_type = String, example = "100")]
    pub amount: Amount,
    /// `daily`, `weekly`, `monthly`, or one month such as `2026-07`.
    #[schema(value_type = String, example = "daily")]
    pub period: CompactString,
    /// For one model.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub model: Option<CompactString>,
    /// For one endpoint.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub endpoint: Option<CompactString>,
    /// What people wrote about it.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub description: Option<CompactString>,
}

/// The part of a budget at which an older system warns.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ImportedThresholdBody {
    /// Its name there.
    #[schema(value_type = String, example = "warning")]
    pub level: CompactString,
    /// The part, `1` being the whole budget.
    #[schema(value_type = String, example = "0.75")]
    pub part: Amount,
    /// Whether it is watched.
    pub enabled: bool,
}

/// Budgets of older systems.
#[derive(Debug, Serialize, ToSchema)]
struct BudgetsList {
    /// The sets, by their source.
    items: Vec<BudgetsBody>,
    /// Always absent: there are few.
    #[schema(required = true)]
    next_cursor: Option<String>,
}

/// Lists the budgets that were imported from older systems.
#[utoipa::path(get, path = "/api/v1/imports/budgets", operation_id = "list_imported_budgets",
    tag = "imports",
    responses((status = 200, body = BudgetsList), (status = 401, body = ApiError),
        (status = 403, body = ApiError)))]
async fn get_budgets(
    State(state): State<AppState>,
    caller: Caller,
) -> Result<Json<BudgetsList>, ApiError> {
    let sets = state.outlay.imports(&*caller).budgets().await?;
    let items = sets.into_iter().map(BudgetsBody::from).collect();
    Ok(Json(BudgetsList { items, next_cursor: None }))
}

/// Keeps the budgets of an older system in place of those that it had before.
#[utoipa::path(post, path = "/api/v1/imports/budgets", operation_id = "replace_imported_budgets",
    tag = "imports", request_body = BudgetsBody,
    responses(
        (status = 204), (status = 400, body = ApiError), (status = 401, body = ApiError),
        (status = 403, body = ApiError),
    ))]
async fn post_budgets(
    State(state): State<AppState>,
    caller: Caller,
    Json(body): Json<BudgetsBody>,
) -> Result<StatusCode, ApiError> {
    check_name("source", &body.source)?;
    let budgets = body.budgets()?;
    state.outlay.imports(&*caller).put_budgets(budgets).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Runs of one source of an older system, over leads: what it calls batches.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct RunsBody {
    /// Where they are from.
    #[schema(value_type = String, example = "erp:cost_tracking:6f1e")]
    pub source: CompactString,
    /// The runs.
    pub batches: Vec<RunBody>,
}

/// A run of an older system over some leads. What it cost is the spend of its tag `batch_id`.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct RunBody {
    /// Its id there, which is the tag's value.
    #[schema(value_type = String, example = "batch_20250101_013000")]
    pub id: CompactString,
    /// How thoroughly its leads were worked on.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "1")]
    pub tier: Option<CompactString>,
    /// When it began.
    #[serde(deserialize_with = "crate::moment::required")]
    pub started_at: DateTime<Utc>,
    /// When it was done, if it is.
    #[serde(default, deserialize_with = "crate::moment::optional")]
    pub ended_at: Option<DateTime<Utc>>,
    /// How many leads it worked on.
    pub leads: u64,
}

/// Runs of older systems.
#[derive(Debug, Serialize, ToSchema)]
struct RunsList {
    /// The sets, by their source.
    items: Vec<RunsBody>,
    /// Always absent: sets are few.
    #[schema(required = true)]
    next_cursor: Option<String>,
}

/// Lists the runs that were imported from older systems.
#[utoipa::path(get, path = "/api/v1/imports/batches", operation_id = "list_imported_batches",
    tag = "imports",
    responses((status = 200, body = RunsList), (status = 401, body = ApiError),
        (status = 403, body = ApiError)))]
async fn get_runs(
    State(state): State<AppState>,
    caller: Caller,
) -> Result<Json<RunsList>, ApiError> {
    let sets = state.outlay.imports(&*caller).runs().await?;
    let items = sets.into_iter().map(RunsBody::from).collect();
    Ok(Json(RunsList { items, next_cursor: None }))
}

/// Keeps the runs of an older system in place of those that it had before.
#[utoipa::path(post, path = "/api/v1/imports/batches", operation_id = "replace_imported_batches",
    tag = "imports", request_body = RunsBody,
    responses(
        (status = 204), (status = 400, body = ApiError), (status = 401, body = ApiError),
        (status = 403, body = ApiError),
    ))]
async fn post_runs(
    State(state): State<AppState>,
    caller: Caller,
    Json(body): Json<RunsBody>,
) -> Result<StatusCode, ApiError> {
    check_name("source", &body.source)?;
    let runs = body.runs()?;
    state.outlay.imports(&*caller).put_runs(runs).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A database, and the other sources under which its rows came.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct MergeBody {
    /// The source that counts.
    #[schema(value_type = String, example = "erp:cost_tracking:5f0e9d1c2b3a4958")]
    pub source: CompactString,
    /// The sources that are of the same database, 100 at most.
    #[serde(default)]
    #[schema(value_type = Vec<String>, max_items = 100)]
    pub duplicates: Vec<CompactString>,
}

/// What went because it stood twice.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct MergeAnswer {
    /// The sources that count no more.
    #[schema(value_type = Vec<String>)]
    pub sources: Vec<CompactString>,
    /// Events that were taken back.
    pub events: u64,
    /// Budgets that went.
    pub budgets: u64,
    /// Runs that went.
    pub batches: u64,
}

/// Lets one source count for a database of an older system that was read under several names.
///
/// Events that stand under `source` too are taken back, and leave a trail; budgets and runs go,
/// also those under names that no row ever came under. Asked again it does nothing.
#[utoipa::path(post, path = "/api/v1/imports/merges", operation_id = "merge_imports",
    tag = "imports", request_body = MergeBody,
    responses(
        (status = 200, body = MergeAnswer), (status = 400, body = ApiError),
        (status = 401, body = ApiError), (status = 403, body = ApiError),
    ))]
async fn post_merge(
    State(state): State<AppState>,
    caller: Caller,
    Json(body): Json<MergeBody>,
) -> Result<Json<MergeAnswer>, ApiError> {
    check_name("source", &body.source)?;
    if body.duplicates.len() > MERGED_MAX {
        let detail = format!("{} given, {MERGED_MAX} at most", body.duplicates.len());
        return Err(ApiError::bad_request("too_large", "duplicates", detail));
    }
    for (index, duplicate) in body.duplicates.iter().enumerate() {
        check_name(format!("duplicates[{index}]"), duplicate)?;
    }
    let merged = state.outlay.imports(&*caller).merge(&body.source, &body.duplicates).await?;
    let Merged { sources, events, budgets, runs } = merged;
    Ok(Json(MergeAnswer { sources, events, budgets, batches: runs }))
}

impl From<ImportsError> for ApiError {
    fn from(error: ImportsError) -> Self {
        match error {
            ImportsError::Denied(error) => error.into(),
            ImportsError::Budgets(error) => error.into(),
            ImportsError::Merge(error) => error.into(),
            ImportsError::Store(error) => error.into(),
            ImportsError::NotTaken(error) => error.into(),
        }
    }
}

impl From<MergeError> for ApiError {
    fn from(error: MergeError) -> Self {
        match error {
            MergeError::OtherKind(..) => {
                Self::bad_request("malformed", "duplicates", error.to_string())
            }
            MergeError::Unanswered(error) => error.into(),
            MergeError::Amendment(error) => error.into(),
            MergeError::Store(error) => error.into(),
            MergeError::Stopping => Self::internal(&error),
        }
    }
}

fn check_name(field: impl Into<String>, name: &str) -> Result<(), ApiError> {
    match name.len() {
        0 => Err(ApiError::bad_request("missing", field, "must be given and not empty")),
        bytes if bytes > ID_BYTES_MAX => {
            let detail = format!("{bytes} bytes given, {ID_BYTES_MAX} at most");
            Err(ApiError::bad_request("too_large", field, detail))
        }
        _ => Ok(()),
    }
}

impl BudgetsBody {
    fn budgets(self) -> Result<ImportedBudgets, ApiError> {
        if self.limits.len().max(self.thresholds.len()) > LIMITS_MAX {
            let detail = format!("{LIMITS_MAX} budgets and thresholds at most");
            return Err(ApiError::bad_request("too_large", "limits", detail));
        }
        let limit = |(index, limit): (usize, LimitBody)| {
            let period = ImportedPeriod::parse(&limit.period).ok_or_else(|| {
                let detail = format!("`{}` is not daily, weekly, monthly or a month", limit.period);
                ApiError::bad_request("malformed", format!("limits[{index}].period"), detail)
            })?;
            let LimitBody { id, amount, model, endpoint, description, .. } = limit;
            Ok::<_, ApiError>(ImportedLimit { id, amount, period, model, endpoint, description })
        };
        let threshold = |ImportedThresholdBody { level, part, enabled }: ImportedThresholdBody| {
            ImportedThreshold { level, part, enabled }
        };
        Ok(ImportedBudgets {
            source: self.source,
            enabled: self.enabled,
            limits: self.limits.into_iter().enumerate().map(limit).collect::<Result<_, _>>()?,
            thresholds: self.thresholds.into_iter().map(threshold).collect(),
        })
    }
}

impl From<ImportedBudgets> for BudgetsBody {
    fn from(budgets: ImportedBudgets) -> Self {
        let limit = |limit: ImportedLimit| LimitBody {
            id: limit.id,
            amount: limit.amount,
            period: limit.period.word(),
            model: limit.model,
            endpoint: limit.endpoint,
            description: limit.description,
        };
        let threshold = |ImportedThreshold { level, part, enabled }: ImportedThreshold| {
            ImportedThresholdBody { level, part, enabled }
        };
        Self {
            source: budgets.source,
            enabled: budgets.enabled,
            limits: budgets.limits.into_iter().map(limit).collect(),
            thresholds: budgets.thresholds.into_iter().map(threshold).collect(),
        }
    }
}

impl RunsBody {
    fn runs(self) -> Result<ImportedRuns, ApiError> {
        if self.batches.len() > RUNS_MAX {
            let detail = format!("{RUNS_MAX} batches at most");
            return Err(ApiError::bad_request("too_large", "batches", detail));
        }
        let run = |(index, run): (usize, RunBody)| {
            let RunBody { id, tier, started_at, ended_at, leads } = run;
            check_name(format!("batches[{index}].id"), &id)?;
            if let Some(tier) = &tier {
                check_name(format!("batches[{index}].tier"), tier)?;
            }
            if i64::try_from(leads).is_err() {
                let field = format!("batches[{index}].leads");
                let detail = format!("{} at most", i64::MAX);
                return Err(ApiError::bad_request("out_of_range", field, detail));
            }
            Ok::<_, ApiError>(ImportedRun { id, tier, started_at, ended_at, leads })
        };
        let runs = self.batches.into_iter().enumerate().map(run).collect::<Result<_, _>>()?;
        Ok(ImportedRuns { source: self.source, runs })
    }
}

impl From<ImportedRuns> for RunsBody {
    fn from(set: ImportedRuns) -> Self {
        let run = |run: ImportedRun| {
            let ImportedRun { id, tier, started_at, ended_at, leads } = run;
            RunBody { id, tier, started_at, ended_at, leads }
        };
        Self { source: set.source, batches: set.runs.into_iter().map(run).collect() }
    }
}

impl From<ProgressBody> for ImportProgress {
    fn from(body: ProgressBody) -> Self {
        let cursor = |CursorBody { id, fingerprint }: CursorBody| RowCursor { id, fingerprint };
        let refusal =
            |RefusalBody { row, field, detail }: RefusalBody| RefusedRow { row, field, detail };
        let RowsBody { accepted, repeated, refused, left_out } = body.rows;
        Self {
            source: body.source,
            kind: body.kind,
            name: body.name,
            cursor: body.cursor.map(cursor),
            anchors: body.anchors.into_iter().map(cursor).collect(),
            file: body.file,
            counted_to: body.counted_to,
            rows: RowCounts { accepted, repeated, refused, left_out },
            refusals: body.refusals.into_iter().map(refusal).collect(),
        }
    }
}

impl From<ImportRecord> for ImportBody {
    fn from(record: ImportRecord) -> Self {
        let cursor = |RowCursor { id, fingerprint }: RowCursor| CursorBody { id, fingerprint };
        let refusal =
            |RefusedRow { row, field, detail }: RefusedRow| RefusalBody { row, field, detail };
        let RowCounts { accepted, repeated, refused, left_out } = record.rows;
        Self {
            source: record.source,
            kind: record.kind,
            name: record.name,
            cursor: record.cursor.map(cursor),
            anchors: record.anchors.into_iter().map(cursor).collect(),
            file: record.file,
            merged_into: record.merged_into,
            counted_to: record.counted_to,
            rows: RowsBody { accepted, repeated, refused, left_out },
            refusals: record.refusals.into_iter().map(refusal).collect(),
            first_at: record.first_at,
            last_at: record.last_at,
        }
    }
}
