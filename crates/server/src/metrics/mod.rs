//! What the server measures about itself, in the text format of Prometheus.
//!
//! Read from the state that the product has anyway, when it is asked for: so it agrees with the
//! books. `docs/guide/operations.md` lists every name.

pub mod http;
pub mod page;
pub mod process;
pub mod recent;

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use outlay_domain::amount::NANOS_PER_UNIT;
use outlay_engine::Outlay;
use outlay_engine::figures::Figures;
use outlay_engine::health::DiskSpace;
use outlay_engine::tasks::{TaskCondition, TaskReading};
use outlay_store::StoreError;

use page::{Kind, Page};

/// When the process started, and what it counts beside the books.
#[derive(Debug)]
pub struct Metrics {
    /// Counters of requests.
    pub http: std::sync::Arc<http::HttpMetrics>,
    /// When the process started.
    pub started_at: SystemTime,
    sockets: AtomicUsize,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            http: std::sync::Arc::default(),
            started_at: SystemTime::now(),
            sockets: AtomicUsize::new(0),
        }
    }
}

impl Metrics {
    /// How many sockets are open.
    pub fn sockets(&self) -> usize {
        self.sockets.load(Ordering::Relaxed)
    }

    /// Counts a socket that opened.
    pub fn socket_opened(&self) {
        self.sockets.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts one that closed.
    pub fn socket_closed(&self) {
        self.sockets.fetch_sub(1, Ordering::Relaxed);
    }
}

/// All metrics.
pub fn render(outlay: &Outlay, metrics: &Metrics) -> Result<String, StoreError> {
    let mut page = Page::default();
    page.family(Kind::Gauge, "outlay_build_info", "The program that runs.")
        .sample(&[("version", env!("CARGO_PKG_VERSION"))], 1);
    write_figures(&mut page, &outlay.figures()?);
    write_tasks(&mut page, &outlay.tasks.readings());
    metrics.http.write(&mut page);
    if let Some(space) = DiskSpace::of(&outlay.data_dir) {
        let help = "Space left on the disk of the data folder.";
        page.single(Kind::Gauge, "outlay_data_free_bytes", help, space.free);
    }
    let help = "Pages and programs that hear of what is committed.";
    page.single(Kind::Gauge, "outlay_live_sockets", help, metrics.sockets());
    process::write(&mut page);
    let started = metrics.started_at.duration_since(UNIX_EPOCH).unwrap_or_default();
    page.single(
        Kind::Gauge,
        "process_start_time_seconds",
        "When the process started, in seconds since 1970.",
        started.as_secs(),
    );
    Ok(page.into_text())
}

fn write_tasks(page: &mut Page, tasks: &[TaskReading]) {
    let help = "Turns of background work that ended in a panic, since the start.";
    let mut panics = page.family(Kind::Counter, "outlay_task_panics_total", help);
    for task in tasks {
        panics.sample(&[("task", task.name)], task.panics);
    }
    let help = "Whether background work goes on: 0 from a panic or a failure until a turn is done.";
    let mut up = page.family(Kind::Gauge, "outlay_task_up", help);
    for task in tasks {
        let is_up = !matches!(task.condition, TaskCondition::Down | TaskCondition::Failing);
        up.sample(&[("task", task.name)], u8::from(is_up));
    }
}

fn write_figures(page: &mut Page, figures: &Figures) {
    let help = "Events by what became of them, since the start.";
    page.family(Kind::Counter, "outlay_events_total", help)
        .sample(&[("outcome", "accepted")], figures.accepted)
        .sample(&[("outcome", "repeated")], figures.repeated)
        .sample(&[("outcome", "conflict")], figures.conflicts)
        .sample(&[("outcome", "refused")], figures.refused);
    let help = "From the start of a commit to its end on disk.";
    page.family(Kind::Histogram, "outlay_commit_duration_seconds", help)
        .latency(&[], &figures.commits);
    let counters = [
        ("outlay_commits_total", "Commits written, since the start.", figures.commits.count),
        (
            "outlay_commit_failures_total",
            "Commits that could not be written, since the start.",
            figures.commit_failures,
        ),
    ];
    for (name, help, value) in counters {
        page.single(Kind::Counter, name, help, value);
    }
    let gauges: [(&str, &str, u64); 14] = [
        ("outlay_queue_events", "Events that wait to be committed.", figures.queue_events as u64),
        ("outlay_queue_events_max", "Events that may wait.", figures.queue_events_max as u64),
        ("outlay_accounts", "Accounts that were ever charged.", figures.accounts as u64),
        ("outlay_tail_events", "Events that are in no segment yet.", figures.history.tail_rows),
        ("outlay_tail_bytes", "Bytes of those, as they came.", figures.history.tail_bytes),
        ("outlay_log_batches", "Commits that are in no segment yet.", figures.log_commits),
        ("outlay_segments", "Segments of the history.", figures.history.segments as u64),
        ("outlay_segment_events", "Events in segments.", figures.history.segment_rows),
        ("outlay_segment_bytes", "Space of the segments.", figures.history.disk_bytes),
        ("outlay_dedup_keys", "Keys that repeats are known by.", figures.dedup.keys),
        ("outlay_dedup_runs", "Files of those keys.", figures.dedup.runs as u64),
        ("outlay_dedup_bytes", "Space of those files.", figures.dedup.disk_bytes),
        ("outlay_dedup_memory_bytes", "Memory of keys.", figures.dedup.memory_bytes as u64),
        ("outlay_books_bytes", "Space of the books.", figures.books_bytes),
    ];
    for (name, help, value) in gauges {
        page.single(Kind::Gauge, name, help, value);
    }
    page.single(
        Kind::Gauge,
        "outlay_ledger_spend",
        "Charges on all accounts, in the currency's unit.",
        Units(figures.total_nanos),
    );
    let help = "Events on all accounts, less those that were taken back.";
    page.single(Kind::Gauge, "outlay_ledger_events", help, figures.total_events);
    let help = "Events on all accounts whose price is not known.";
    page.single(Kind::Gauge, "outlay_unpriced_events", help, figures.unpriced_events);
}

/// Billionths, written in units with every decimal.
struct Units(i128);

impl fmt::Display for Units {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, nanos) = (if self.0 < 0 { "-" } else { "" }, self.0.unsigned_abs());
        let unit = NANOS_PER_UNIT.unsigned_abs();
        write!(to, "{sign}{}.{:09}", nanos / u128::from(unit), nanos % u128::from(unit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_have_every_decimal_and_their_sign() {
        assert_eq!(Units(12_345_678_901).to_string(), "12.345678901");
        assert_eq!(Units(-5).to_string(), "-0.000000005");
        assert_eq!(Units(i128::from(i64::MAX) * 4).to_string(), "36893488147.419103228");
    }
}
