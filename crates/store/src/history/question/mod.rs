//! Answers to questions, straight from the columns.
//!
//! Names are compared once for each entry of a dictionary and not once for each row; a row then
//! costs a look into a table and an addition for each sum. Segments are read only as far as needed:
//! files and row groups by their times and names, columns by the question, roll-ups instead of facts
//! where they can answer. Sums over a segment are kept, because segments never change.
//!
//! All sums are of integers, so the order in which rows are added and the way in which they are
//! grouped change nothing.

mod columns;
mod events;
mod file;
mod kept;
mod limit;
pub(super) mod names;
mod shape;
mod sums;
mod task;
mod time;
mod worker;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use datafusion::arrow::array::RecordBatch;
use hashbrown::HashSet;
use outlay_domain::usage::question::{Group, Key, Period, Question, Tally, Value};
use parking_lot::Mutex;
use thiserror::Error;

pub use events::{EventPage, EventsAfter, EventsQuestion, EventsSum, FactKey};
pub use limit::{Effort, StopSign};

use self::file::Files;
use self::kept::{CELLS_KEPT_MAX, KeptKey, KeptSums};
use self::limit::Limit;
use self::shape::{Only, Shape};
use self::task::{Source, Task};
use self::time::Finder;
use self::worker::{Merger, Worker};
use crate::StoreError;

/// Shares into which groups are divided when there are too many to count at once.
const SHARES: [u64; 2] = [8, 64];

/// The facts that are asked about.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// What is not in segments yet, with the history's schema.
    pub tail: &'a [RecordBatch],
    /// Files of facts, which must stay as they are while they are read.
    pub segments: &'a [SegmentFiles],
}

impl Facts<'_> {
    /// When the first and the last event occurred, if there are any.
    pub fn span(&self) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
        let tail = self.tail.iter().filter_map(|batch| {
            let times = columns::times(batch, columns::Rows::Facts).ok()?;
            Some((times.iter().copied().min()?, times.iter().copied().max()?))
        });
        let segments = self.segments.iter().map(|segment| (segment.first_us, segment.last_us));
        let (first, last) =
            tail.chain(segments).reduce(|one, two| (one.0.min(two.0), one.1.max(two.1)))?;
        DateTime::from_timestamp_micros(first).zip(DateTime::from_timestamp_micros(last))
    }
}

/// The files of one segment.
#[derive(Debug, Clone)]
pub struct SegmentFiles {
    /// The facts.
    pub path: PathBuf,
    /// Their roll-up, where there is one.
    pub rollup_path: Option<PathBuf>,
    /// When the first of its events occurred, in microseconds since 1970.
    pub first_us: i64,
    /// When the last one did.
    pub last_us: i64,
}

/// How much questions may use.
#[derive(Debug, Clone, Copy)]
pub struct AskOptions {
    /// Threads that read at the same time for one question.
    pub threads: usize,
    /// How long a question may take.
    pub time_limit: Duration,
    /// Memory for sums that are kept for later questions.
    pub kept_bytes: usize,
    /// Sums of buckets and groups, at most: it bounds the memory of a question.
    pub cells_max: usize,
    /// Bytes of the names of groups, at most, for each thread.
    pub names_bytes_max: usize,
}

impl Default for AskOptions {
    fn default() -> Self {
        let threads = std::thread::available_parallelism().map_or(2, usize::from);
        Self {
            threads: threads.clamp(1, 4),
            time_limit: Duration::from_secs(30),
            kept_bytes: 32 << 20,
            cells_max: 500_000,
            names_bytes_max: 64 << 20,
        }
    }
}

/// Why a question has no answer.
#[derive(Debug, Error)]
pub enum AskError {
    /// There are more groups than can be counted.
    #[error("there are too many groups to count")]
    TooManyGroups {
        /// Which of the attributes has the most values.
        widest: usize,
    },
    /// The answer would have more rows than one may have.
    #[error("there are too many rows")]
    TooManyRows,
    /// It took too long.
    #[error("no answer within {} s", .0.as_secs_f64())]
    TooSlow(Duration),
    /// More must be read for it than was allowed.
    #[error("more must be read than was allowed")]
    TooMuchToRead,
    /// Nobody waits for the answer any more.
    #[error("nobody waits for the answer any more")]
    Stopped,
    /// The history could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Answers questions.
#[derive(Debug)]
pub struct Asker {
    options: AskOptions,
    files: Files,
    kept: KeptSums,
}

impl Default for Asker {
    fn default() -> Self {
        Self::new(AskOptions::default())
    }
}

impl Asker {
    /// An asker with nothing kept yet.
    pub fn new(options: AskOptions) -> Self {
        Self { options, files: Files::default(), kept: KeptSums::new(options.kept_bytes) }
    }

    /// Sums the facts of a question's period, and of the one that it is compared with.
    ///
    /// Groups that are surely not at the top may already be folded into one.
    pub fn ask(
        &self,
        facts: Facts<'_>,
        question: &Question,
        effort: &Effort,
    ) -> Result<(Tally, Option<Tally>), AskError> {
        let limit = Limit::of(&self.options, effort, question);
        self.ask_within(facts, question, &limit).map_err(|error| match error {
            AskError::TooManyGroups { .. } if question.top().is_none() => AskError::TooManyRows,
            error => error,
        })
    }

    fn ask_within(
        &self,
        facts: Facts<'_>,
        question: &Question,
        limit: &Limit<'_>,
    ) -> Result<(Tally, Option<Tally>), AskError> {
        let shape = Arc::new(Shape::of(question));
        let current = self.sum(facts, &shape, None, question.period(), limit);
        let (current, only) = match (current, question.top()) {
            (Err(AskError::TooManyGroups { widest }), Some(top)) => {
                let groups = self.top(facts, question, top, widest, limit)?;
                let only = Only::Groups(Arc::new(groups));
                let tally = self.sum(facts, &shape, Some(&only), question.period(), limit)?;
                (tally, Some(only))
            }
            (current, _) => (current?, None),
        };
        let Some(period) = question.previous() else { return Ok((current, None)) };
        let previous = match self.sum(facts, &shape, only.as_ref(), period, limit) {
            Err(AskError::TooManyGroups { .. }) if question.top().is_some() => {
                let only = Only::Groups(Arc::new(largest(&current, question)));
                self.sum(facts, &shape, Some(&only), period, limit)?
            }
            previous => previous?,
        };
        Ok((current, Some(previous)))
    }

    /// The `top` groups of a question that has too many to count at once.
    fn top(
        &self,
        facts: Facts<'_>,
        question: &Question,
        top: usize,
        widest: usize,
        limit: &Limit<'_>,
    ) -> Result<HashSet<Key>, AskError> {
        let shape = Arc::new(Shape::ranking(question));
        let period = Period { buckets: None, ..question.period().clone() };
        let measure = &question.measures()[0];
        match self.sum(facts, &shape, None, &period, limit) {
            Err(AskError::TooManyGroups { .. }) => {}
            tally => {
                return Ok(tally?.top(measure, top).into_iter().map(|(_, key)| key).collect());
            }
        }
        let mut last = AskError::TooManyGroups { widest };
        'shares: for of in SHARES {
            let mut ranked: Vec<(Value, Key)> = Vec::new();
            for remainder in 0..of {
                let only = Only::Share { column: widest, of, remainder };
                match self.sum(facts, &shape, Some(&only), &period, limit) {
                    Ok(tally) => ranked.extend(tally.top(measure, top)),
                    Err(error @ AskError::TooManyGroups { .. }) => {
                        last = error;
                        continue 'shares;
                    }
                    Err(error) => return Err(error),
                }
                ranked.sort_by(|(one, a), (two, b)| two.order(one).then_with(|| a.cmp(b)));
                ranked.truncate(top);
            }
            return Ok(ranked.into_iter().map(|(_, key)| key).collect());
        }
        Err(last)
    }

    /// Sums the facts of `period` by bucket and group.
    fn sum(
        &self,
        facts: Facts<'_>,
        shape: &Arc<Shape>,
        only: Option<&Only>,
        period: &Period,
        limit: &Limit<'_>,
    ) -> Result<Tally, AskError> {
        let finder = Finder::new(period);
        let tasks = task::plan(facts, shape, &finder, &self.files)?;
        let run = Run {
            kept: &self.kept,
            shape,
            only,
            finder: &finder,
            tasks,
            next: AtomicUsize::new(0),
            stop: AtomicBool::new(false),
            limit,
            merger: Mutex::new(Merger::new(shape, &finder, limit.bounds(finder.len()))),
        };
        run.weigh()?;
        run.all(self.options.threads)?;
        Ok(run.merger.into_inner().finish())
    }

    /// Forgets what is known of files that are not among `segments` any more.
    pub fn forget_others(&self, segments: &[SegmentFiles]) {
        let used: HashSet<&Path> = segments
            .iter()
            .flat_map(|segment| [Some(&segment.path), segment.rollup_path.as_ref()])
            .flatten()
            .map(PathBuf::as_path)
            .collect();
        self.files.keep_only(|path| used.contains(path));
        self.kept.keep_only(|path| used.contains(path));
    }

    /// How much memory the sums take that are kept for later questions.
    pub fn kept_bytes(&self) -> usize {
        self.kept.bytes()
    }
}

/// The groups that a tally has at the top.
fn largest(tally: &Tally, question: &Question) -> HashSet<Key> {
    match question.top() {
        Some(top) => {
            let ranked = tally.top(&question.measures()[0], top);
            ranked.into_iter().map(|(_, key)| key).collect()
        }
        None => tally
            .groups()
            .iter()
            .filter_map(|group| match group {
                Group::Of(key) => Some(key.clone()),
                Group::Other => None,
            })
            .collect(),
    }
}

/// One pass over the facts.
struct Run<'a> {
    kept: &'a KeptSums,
    shape: &'a Arc<Shape>,
    only: Option<&'a Only>,
    finder: &'a Finder,
    tasks: Vec<Task<'a>>,
    next: AtomicUsize,
    stop: AtomicBool,
    limit: &'a Limit<'a>,
    merger: Mutex<Merger<'a>>,
}

impl Run<'_> {
    /// Goes on if no more must be read than may be. What is kept of earlier questions is not read.
    fn weigh(&self) -> Result<(), AskError> {
        if !self.limit.counts_bytes() {
            return Ok(());
        }
        self.tasks.iter().try_for_each(|task| {
            let is_kept = self.kept_key(task).is_some_and(|key| self.kept.holds(&key));
            if is_kept { Ok(()) } else { self.limit.take(task.bytes(self.shape, self.finder)) }
        })
    }

    fn all(&self, threads: usize) -> Result<(), AskError> {
        // A thread takes some 50 µs to start, in which ten thousand rows are summed.
        let rows: u64 = self.tasks.iter().map(|task| task.rows).sum();
        let threads = if rows < 50_000 { 1 } else { threads.min(self.tasks.len()) };
        if threads <= 1 {
            return self.work();
        }
        std::thread::scope(|scope| {
            let helpers: Vec<_> = (1..threads).map(|_| scope.spawn(|| self.work())).collect();
            let mut result = self.work();
            for helper in helpers {
                let other = helper.join().unwrap_or_else(|_| {
                    Err(AskError::Store(StoreError::Damaged {
                        what: "a segment".into(),
                        how: "its columns could not be decoded".into(),
                    }))
                });
                result = result.and(other);
            }
            result
        })
    }

    /// Takes tasks until there are none.
    fn work(&self) -> Result<(), AskError> {
        let bounds = self.limit.bounds(self.finder.len());
        let mut worker = Worker::new(self.shape, self.only, self.finder, bounds);
        let result = self.take_tasks(&mut worker);
        if result.is_err() {
            self.stop.store(true, Ordering::Relaxed);
        }
        result
    }

    fn take_tasks(&self, worker: &mut Worker<'_>) -> Result<(), AskError> {
        while let Some(task) = self.tasks.get(self.next.fetch_add(1, Ordering::Relaxed)) {
            let key = self.kept_key(task);
            if let Some(partial) = key.as_ref().and_then(|key| self.kept.get(key)) {
                self.merger.lock().add(&partial)?;
                continue;
            }
            let is_fresh = worker.len() == 0;
            let is_done = task.each_batch(self.shape, self.finder, |batch, range| {
                self.limit.check()?;
                worker.add(batch, range, self.limit)?;
                Ok(!self.stop.load(Ordering::Relaxed))
            })?;
            if !is_done {
                return Ok(());
            }
            // Large sums go on growing, so that they are merged once and not after every task.
            if worker.len() <= CELLS_KEPT_MAX {
                let partial = Arc::new(worker.take());
                self.merger.lock().add(&partial)?;
                if let (Some(key), true) = (key, is_fresh) {
                    self.kept.keep(key, partial);
                }
            }
        }
        let rest = worker.take();
        self.merger.lock().add(&rest)
    }

    /// Under which key the sums of a task are kept, if they may be.
    fn kept_key(&self, task: &Task<'_>) -> Option<KeptKey> {
        let Source::File { file, row_groups, .. } = &task.source else { return None };
        let cut = (
            (task.range.from_us > task.range.span.0).then_some(task.range.from_us),
            (task.range.to_us <= task.range.span.1).then_some(task.range.to_us),
        );
        self.only.is_none().then(|| KeptKey {
            path: file.path().to_owned(),
            row_groups: row_groups.clone(),
            level: task.range.level,
            shape: self.shape.clone(),
            cut,
        })
    }
}
