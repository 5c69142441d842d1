//! How far the work on one question may go.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use outlay_domain::usage::question::{Question, ROWS_MAX};

use super::{AskError, AskOptions};

/// Values or rows of work between two looks at the limit, where each takes long.
pub(super) const STEP: usize = 256;

/// A sign that everyone sees who works on a question: once it is raised they stop.
#[derive(Debug, Clone, Default)]
pub struct StopSign(Arc<AtomicBool>);

impl StopSign {
    /// Has everyone stop.
    pub fn raise(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether everyone is to stop.
    pub fn is_raised(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// What one question may take.
#[derive(Debug, Clone, Default)]
pub struct Effort {
    /// Bytes that may be read for it, unpacked; any where nothing is said.
    ///
    /// A question that needs more is not begun, or left, with [`AskError::TooMuchToRead`].
    pub bytes_max: Option<u64>,
    /// Raised when nobody waits for the answer any more.
    pub stop: StopSign,
}

/// How far the work on one question may go: until when, and how much it may hold.
#[derive(Debug)]
pub(super) struct Limit<'a> {
    options: &'a AskOptions,
    until: Instant,
    effort: &'a Effort,
    bytes_left: AtomicU64,
    /// Groups of which none may be left out.
    groups_max: usize,
}

/// What one pass over the facts may hold.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// Sums of buckets and groups.
    pub(super) cells: usize,
    /// Groups, over all buckets.
    pub(super) groups: usize,
    /// Bytes of the names of groups.
    pub(super) names_bytes: usize,
}

impl<'a> Limit<'a> {
    pub(super) fn new(options: &'a AskOptions, effort: &'a Effort) -> Self {
        Self {
            options,
            until: Instant::now() + options.time_limit,
            effort,
            bytes_left: AtomicU64::new(effort.bytes_max.unwrap_or(u64::MAX)),
            groups_max: usize::MAX,
        }
    }

    /// The limit of a question, which may not have more groups than its answer has room for.
    pub(super) fn of(options: &'a AskOptions, effort: &'a Effort, question: &Question) -> Self {
        let groups_max = match question.top() {
            // All but those at the top are folded.
            Some(_) => usize::MAX,
            None => ROWS_MAX / question.period().bucket_count().max(1),
        };
        Self { groups_max, ..Self::new(options, effort) }
    }

    /// Goes on, unless the time is over or nobody waits any more.
    pub(super) fn check(&self) -> Result<(), AskError> {
        if self.effort.stop.is_raised() {
            return Err(AskError::Stopped);
        }
        if Instant::now() >= self.until {
            return Err(AskError::TooSlow(self.time()));
        }
        Ok(())
    }

    fn time(&self) -> Duration {
        self.options.time_limit
    }

    /// Whether it matters how many bytes are read.
    pub(super) const fn counts_bytes(&self) -> bool {
        self.effort.bytes_max.is_some()
    }

    /// Goes on to read so many bytes, unless that is too much.
    pub(super) fn take(&self, bytes: u64) -> Result<(), AskError> {
        if !self.counts_bytes() {
            return Ok(());
        }
        let less = |left: u64| left.checked_sub(bytes);
        let taken = self.bytes_left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        taken.map(|_| ()).map_err(|_| AskError::TooMuchToRead)
    }

    /// What a pass may hold that has so many buckets.
    ///
    /// More cells than there is room for in all buckets of all groups are more groups than there
    /// may be.
    pub(super) fn bounds(&self, buckets: usize) -> Bounds {
        Bounds {
            cells: self.options.cells_max.min(self.groups_max.saturating_mul(buckets)),
            groups: self.groups_max,
            names_bytes: self.options.names_bytes_max,
        }
    }
}
