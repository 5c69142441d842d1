//! What the product measures about itself.

use std::sync::atomic::{AtomicU64, Ordering};

use outlay_store::StoreError;
use outlay_store::dedup::DedupFigures;
use outlay_store::history::HistoryFigures;

use crate::Outlay;
use crate::latency::LatencyReading;

/// Figures of one moment.
#[derive(Debug, Clone)]
pub struct Figures {
    /// Events kept since the start.
    pub accepted: u64,
    /// Events that were kept before, since the start.
    pub repeated: u64,
    /// Events with an id that another event has, since the start.
    pub conflicts: u64,
    /// Events that a door did not let in, since the start.
    pub refused: u64,
    /// Commits that could not be written, since the start.
    pub commit_failures: u64,
    /// How long commits took, since the start.
    pub commits: LatencyReading,
    /// Events that wait to be committed.
    pub queue_events: usize,
    /// Events that may wait.
    pub queue_events_max: usize,
    /// Charges on all accounts, in billionths; the sum may pass what one account can have.
    pub total_nanos: i128,
    /// Events on all accounts.
    pub total_events: i64,
    /// Events without a price on all accounts.
    pub unpriced_events: i64,
    /// Accounts.
    pub accounts: usize,
    /// Commits that are in no segment yet.
    pub log_commits: u64,
    /// The history.
    pub history: HistoryFigures,
    /// The keys that repeats are known by.
    pub dedup: DedupFigures,
    /// Bytes of the books, with what is not merged into their file yet.
    pub books_bytes: u64,
}

impl Outlay {
    /// Reads all figures.
    pub fn figures(&self) -> Result<Figures, StoreError> {
        let counters = self.journal.counters();
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let (totals, log_commits) = self.books.read_blocking(|books| {
            Ok((books.totals().accounts()?, books.usage_log().commits()?))
        })?;
        Ok(Figures {
            accepted: count(&counters.accepted),
            repeated: count(&counters.repeated),
            conflicts: count(&counters.conflicts),
            refused: count(&counters.refused),
            commit_failures: count(&counters.failures),
            commits: counters.took.read(),
            queue_events: self.journal.waiting(),
            queue_events_max: self.journal.waiting_max(),
            total_nanos: totals.values().map(|sum| i128::from(sum.amount.nanos())).sum(),
            total_events: totals.values().map(|sum| sum.events).sum(),
            unpriced_events: totals.values().map(|sum| sum.unpriced).sum(),
            accounts: totals.len(),
            log_commits,
            history: self.history.figures(),
            dedup: self.dedup.figures(),
            books_bytes: self.books.size_bytes(),
        })
    }
}
