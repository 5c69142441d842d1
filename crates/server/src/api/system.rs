//! How the server itself does.

use std::collections::BTreeMap;
use std::time::SystemTime;

use axum::extract::State;
use chrono::{DateTime, Utc};
use compact_str::CompactString;
use outlay_domain::people::Act;
use outlay_engine::figures::Figures;
use outlay_engine::health::{Check, CheckState, DiskSpace};
use outlay_engine::known_time::TimeReading;
use outlay_engine::latency::LatencyReading;
use outlay_engine::tasks::TaskReading;
use outlay_store::StoreError;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::Caller;
use crate::error::ApiError;
use crate::extract::Json;
use crate::forms::words::{CheckStatus, SystemStatus, TaskState};
use crate::metrics::process;
use crate::state::AppState;

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(system)).routes(routes!(confirm_clock))
}

/// How the server does: what must work, and what it takes.
#[derive(Debug, Serialize, ToSchema)]
struct SystemBody {
    /// The program's version.
    version: &'static str,
    /// When it started.
    started_at: DateTime<Utc>,
    /// Seconds since then.
    uptime_seconds: u64,
    /// As its worst check.
    status: SystemStatus,
    /// What was checked just now.
    checks: Vec<SystemCheckBody>,
    /// What goes on in the background.
    tasks: Vec<TaskBody>,
    /// What comes in.
    ingest: IngestBody,
    /// Every fact, in columns.
    history: HistoryBody,
    /// The keys that repeats are known by.
    keys: KeysBody,
    /// Memory in use, in bytes; `null` where the system does not tell.
    #[schema(required = true)]
    memory_bytes: Option<u64>,
    /// The disk of the data folder; `null` where the system does not tell.
    #[schema(required = true)]
    disk: Option<DiskBody>,
    /// Space of the books, in bytes.
    books_bytes: u64,
    /// Who hears of what is committed.
    live: LiveBody,
    /// What usage is rated by.
    prices: PricesBody,
}

/// Something that was checked.
#[derive(Debug, Serialize, ToSchema)]
struct SystemCheckBody {
    /// What: `writes`, `tasks`, `clock`, `disk`, `commits`, `queue`, `prices` or `alerts`.
    #[schema(example = "disk")]
    name: &'static str,
    /// How it is.
    status: CheckStatus,
    /// The figures, in a line.
    #[schema(example = "43.0 GB free of 252.0 GB")]
    text: String,
}

/// Something that goes on in the background. It is started again when it ends in a panic.
#[derive(Debug, Serialize, ToSchema)]
struct TaskBody {
    /// Its name.
    #[schema(example = "flush")]
    name: &'static str,
    /// How it does.
    state: TaskState,
    /// Turns that ended in a panic, since the start.
    panics_total: u64,
    /// Why a turn failed last; `null` where none did.
    #[schema(required = true)]
    last_error: Option<String>,
    /// When it was last seen to work.
    beat_at: DateTime<Utc>,
}

/// What comes in, counted since the start.
#[derive(Debug, Serialize, ToSchema)]
struct IngestBody {
    /// Events that were kept.
    events_total: u64,
    /// Events that were kept before.
    repeated_total: u64,
    /// Events that were not let in.
    refused_total: u64,
    /// Commits that were written, each with one fsync.
    commits_total: u64,
    /// How long a commit took until it was on the disk; `null` before the first one.
    #[schema(required = true)]
    commit_ms: Option<QuantilesBody>,
    /// Events that wait to be written.
    queued: usize,
    /// Events that may wait.
    queue_max: usize,
}

/// Milliseconds that a share of all did not pass, from counts by duration: an upper bound.
#[derive(Debug, Serialize, ToSchema)]
struct QuantilesBody {
    /// The median.
    p50: f64,
    /// 99 of 100 were quicker.
    p99: f64,
}

/// Every fact, in columns.
#[derive(Debug, Serialize, ToSchema)]
struct HistoryBody {
    /// Events and what changed them.
    events: u64,
    /// Those of them that are in memory and in the log only.
    tail_events: u64,
    /// How many files it is in.
    segments: usize,
    /// Bytes of those files.
    bytes: u64,
    /// When the oldest event in a segment occurred.
    #[schema(required = true)]
    oldest: Option<DateTime<Utc>>,
    /// When the newest event in a segment occurred.
    #[schema(required = true)]
    newest: Option<DateTime<Utc>>,
}

/// The keys that repeats are known by.
#[derive(Debug, Serialize, ToSchema)]
struct KeysBody {
    /// How many.
    count: u64,
    /// How many files they are in.
    runs: usize,
    /// Bytes of memory.
    memory_bytes: usize,
    /// Bytes of those files.
    disk_bytes: u64,
}

/// A disk.
#[derive(Debug, Serialize, ToSchema)]
struct DiskBody {
    /// Bytes that can still be written.
    free_bytes: u64,
    /// Bytes in all.
    total_bytes: u64,
}

/// Who hears of what is committed.
#[derive(Debug, Serialize, ToSchema)]
struct LiveBody {
    /// Open sockets.
    sockets: usize,
}

/// What usage is rated by.
#[derive(Debug, Serialize, ToSchema)]
struct PricesBody {
    /// Prices that are known.
    rows: usize,
    /// Events without one, on all accounts.
    unpriced_events: i64,
}

/// Shows how the server does: what must work, and what it takes. For admins, viewers, and keys with
/// the scope `metrics:read`.
#[utoipa::path(get, path = "/api/v1/system", operation_id = "show_system", tag = "operations",
    responses((status = 200, body = SystemBody), (status = 401, body = ApiError),
        (status = 403, body = ApiError)))]
async fn system(
    State(state): State<AppState>,
    caller: Caller,
) -> Result<Json<SystemBody>, ApiError> {
    caller.may(Act::SeeMetrics)?;
    let body = tokio::task::spawn_blocking(move || SystemBody::read(&state)).await;
    Ok(Json(body.map_err(|error| ApiError::internal(&error))??))
}

/// What was held of the time until now.
#[derive(Debug, Serialize, ToSchema)]
struct ClockBody {
    /// What the machine's clock says, which is believed from now on.
    now: DateTime<Utc>,
    /// By what time old data was removed until now.
    was: DateTime<Utc>,
    /// How many seconds the clock was too far ahead to be believed; 0 where it was believed.
    was_ahead_seconds: i64,
}

/// Says that the machine's clock is right although it is more than a day ahead of what was known.
///
/// Until then nothing is removed for its age beyond what was known, because a clock that is set
/// wrongly would remove what is not old. For admins; it stands in the audit.
#[utoipa::path(post, path = "/api/v1/system/clock", operation_id = "confirm_clock",
    tag = "operations",
    responses((status = 200, body = ClockBody), (status = 401, body = ApiError),
        (status = 403, body = ApiError)))]
async fn confirm_clock(
    State(state): State<AppState>,
    caller: Caller,
) -> Result<Json<ClockBody>, ApiError> {
    caller.may(Act::Administer)?;
    let actor = caller.user.to_string();
    let known_time = state.outlay.known_time.clone();
    let before = tokio::task::spawn_blocking(move || known_time.confirm(&actor)).await;
    let TimeReading { safe, wall, ahead } =
        before.map_err(|error| ApiError::internal(&error))??;
    let was_ahead_seconds = ahead.map_or(0, |ahead| ahead.num_seconds());
    Ok(Json(ClockBody { now: wall, was: safe, was_ahead_seconds }))
}

impl SystemBody {
    fn read(state: &AppState) -> Result<Self, StoreError> {
        let figures = state.outlay.figures()?;
        let mut checks = state.outlay.checks();
        checks.push(prices(figures.unpriced_events));
        checks.push(rules(&state.alerts.troubles()));
        let worst = checks.iter().map(|check| check.condition).max();
        let Figures { history, dedup, .. } = &figures;
        let (oldest, newest) = history.occurred_us.unzip();
        let started = state.metrics.started_at;
        Ok(Self {
            version: env!("CARGO_PKG_VERSION"),
            started_at: started.into(),
            uptime_seconds: SystemTime::now().duration_since(started).unwrap_or_default().as_secs(),
            status: worst.unwrap_or(CheckState::Ok).into(),
            checks: checks.into_iter().map(SystemCheckBody::from).collect(),
            tasks: state.outlay.tasks.readings().into_iter().map(TaskBody::from).collect(),
            ingest: IngestBody {
                events_total: figures.accepted,
                repeated_total: figures.repeated,
                refused_total: figures.refused,
                commits_total: figures.commits.count,
                commit_ms: quantiles(&figures.commits),
                queued: figures.queue_events,
                queue_max: figures.queue_events_max,
            },
            history: HistoryBody {
                events: history.segment_rows + history.tail_rows,
                tail_events: history.tail_rows,
                segments: history.segments,
                bytes: history.disk_bytes,
                oldest: oldest.and_then(DateTime::from_timestamp_micros),
                newest: newest.and_then(DateTime::from_timestamp_micros),
            },
            keys: KeysBody {
                count: dedup.keys,
                runs: dedup.runs,
                memory_bytes: dedup.memory_bytes,
                disk_bytes: dedup.disk_bytes,
            },
            memory_bytes: process::resident_bytes(),
            disk: DiskSpace::of(&state.outlay.data_dir)
                .map(|DiskSpace { free, total }| DiskBody { free_bytes: free, total_bytes: total }),
            books_bytes: figures.books_bytes,
            live: LiveBody { sockets: state.metrics.sockets() },
            prices: PricesBody {
                rows: state.outlay.prices.book().len(),
                unpriced_events: figures.unpriced_events,
            },
        })
    }
}

/// Usage without a price is in no sum, so somebody should see to it.
fn prices(unpriced: i64) -> Check {
    let (condition, text) = match unpriced {
        0 => (CheckState::Ok, "every event has a price".to_owned()),
        1 => (CheckState::Warning, "one event has no price".to_owned()),
        count => (CheckState::Warning, format!("{count} events have no price")),
    };
    Check { name: "prices", condition, text }
}

/// What cannot be judged opens no alert, so somebody should see to it.
fn rules(troubles: &BTreeMap<CompactString, String>) -> Check {
    let (condition, text) = match troubles.first_key_value() {
        None => (CheckState::Ok, "every alert rule can be judged".to_owned()),
        Some((rule, why)) if troubles.len() == 1 => {
            (CheckState::Warning, format!("the rule “{rule}” cannot be judged as it should: {why}"))
        }
        Some((rule, why)) => {
            let others = troubles.len() - 1;
            let text = format!(
                "the rule “{rule}” and {others} more cannot be judged as they should: {why}"
            );
            (CheckState::Warning, text)
        }
    };
    Check { name: "alerts", condition, text }
}

impl From<Check> for SystemCheckBody {
    fn from(Check { name, condition, text }: Check) -> Self {
        Self { name, status: condition.into(), text }
    }
}

impl From<TaskReading> for TaskBody {
    fn from(reading: TaskReading) -> Self {
        Self {
            name: reading.name,
            state: reading.condition.into(),
            panics_total: reading.panics,
            last_error: reading.last_error,
            beat_at: reading.beat_at,
        }
    }
}

fn quantiles(reading: &LatencyReading) -> Option<QuantilesBody> {
    Some(QuantilesBody { p50: milliseconds(reading, 50)?, p99: milliseconds(reading, 99)? })
}

/// The smallest bound that `percent` of all did not pass; the largest one where more did.
fn milliseconds(reading: &LatencyReading, percent: u64) -> Option<f64> {
    let wanted = (reading.count * percent).div_ceil(100);
    let bound = reading.up_to.iter().find(|(_, count)| *count >= wanted.max(1));
    let (us, _) = bound.or_else(|| reading.up_to.last())?;
    (reading.count > 0).then(|| *us as f64 / 1e3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_bounds_that_are_not_passed() {
        let reading = |count, up_to: &[(u64, u64)]| LatencyReading {
            up_to: up_to.to_vec(),
            count,
            sum_us: 0,
        };
        assert!(quantiles(&reading(0, &[(500, 0)])).is_none());
        let some = reading(100, &[(500, 49), (1_000, 50), (2_500, 99), (5_000, 99)]);
        let quantiles = quantiles(&some).map(|all| (all.p50, all.p99));
        assert_eq!(quantiles, Some((1.0, 2.5)));
    }
}
