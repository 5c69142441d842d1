//! The work that goes on meanwhile: flushing the tail, compacting, forgetting what is too old.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use outlay_store::StoreError;
use outlay_store::dedup::Dedup;
use outlay_store::history::History;
use parking_lot::{Condvar, Mutex};

use crate::Clock;

/// How often the length of the tail is looked at.
const FLUSH_ROUND: Duration = Duration::from_millis(100);
/// How often something to tidy is looked for.
const TIDY_ROUND: Duration = Duration::from_secs(1);
/// How long events stay in the tail before they are written to a segment, however few they are.
const TAIL_AGE_MAX: TimeDelta = TimeDelta::hours(1);
/// How often what is too old is looked for.
const RETENTION_ROUND: TimeDelta = TimeDelta::hours(1);
/// How far tidying steps back behind those who answer somebody. Flushing does not: it frees memory.
const TIDY_NICE: i32 = 15;
/// How long the keeper leaves a failing disk alone.
const AFTER_FAILURE: Duration = Duration::from_secs(10);

/// What is kept, and where it is written.
#[derive(Debug, Clone)]
pub struct KeeperOptions {
    /// Events in the tail that are enough for a segment.
    pub tail_events: usize,
    /// Days that events are kept; 0 keeps them for ever.
    pub retention_days: u32,
}

/// The threads that do the background work of one data folder.
///
/// One flushes the tail, which must not wait, because memory grows meanwhile. One keeps the keys in
/// few runs, which must not wait for long either, because every commit asks all of them. The last
/// tidies the history, which takes long and waits for everything else.
pub struct Keeper {
    history: Arc<History>,
    signal: Arc<Signal>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

#[derive(Default)]
struct Signal {
    stop: Mutex<bool>,
    changed: Condvar,
}

impl Keeper {
    /// Starts the threads.
    pub fn start(
        history: Arc<History>,
        dedup: Arc<Dedup>,
        clock: Arc<dyn Clock>,
        options: KeeperOptions,
    ) -> Self {
        let signal = Arc::new(Signal::default());
        let mut flusher = Flusher {
            history: history.clone(),
            dedup: dedup.clone(),
            clock: clock.clone(),
            tail_events: options.tail_events,
            tail_since: None,
        };
        let mut keys = KeysTidier { dedup, clock: clock.clone(), due: Hourly::default() };
        let mut tidier = Tidier {
            history: history.clone(),
            clock,
            retention_days: options.retention_days,
            due: Hourly::default(),
        };
        let threads = vec![
            spawn("flush", 0, signal.clone(), FLUSH_ROUND, move || flusher.round()),
            spawn("keys", 0, signal.clone(), TIDY_ROUND, move || keys.round()),
            spawn("tidy", TIDY_NICE, signal.clone(), TIDY_ROUND, move || tidier.round()),
        ];
        Self { history, signal, threads: Mutex::new(threads) }
    }

    /// Lets a flush end, gives up what takes longer, and ends the threads.
    pub fn stop(&self) {
        self.history.stop();
        *self.signal.stop.lock() = true;
        self.signal.changed.notify_all();
        for thread in self.threads.lock().drain(..) {
            if thread.join().is_err() {
                tracing::error!("background work ended in a panic");
            }
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Works in rounds on a thread of its own until told to stop. A round says whether more is due
/// already.
fn spawn(
    name: &str,
    nice: i32,
    signal: Arc<Signal>,
    pause: Duration,
    mut round: impl FnMut() -> Result<bool, StoreError> + Send + 'static,
) -> JoinHandle<()> {
    let work = move || {
        // On Linux this is the calling thread's own. Where it is refused, work goes on as it is.
        let _ = rustix::process::setpriority_process(None, nice);
        let mut next = pause;
        while !signal.wait(next) {
            next = match round() {
                Ok(true) => Duration::ZERO,
                Ok(false) => pause,
                Err(error) => {
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        "background work failed and will be tried again"
                    );
                    AFTER_FAILURE
                }
            };
        }
    };
    std::thread::Builder::new()
        .name(name.into())
        .spawn(work)
        .unwrap_or_else(|error| panic!("a thread cannot be started: {error}"))
}

impl Signal {
    /// Waits for `pause`, or until told to stop; says whether to stop.
    fn wait(&self, pause: Duration) -> bool {
        let mut stop = self.stop.lock();
        if !*stop {
            self.changed.wait_for(&mut stop, pause);
        }
        *stop
    }
}

/// Writes the tail to segments.
struct Flusher {
    history: Arc<History>,
    dedup: Arc<Dedup>,
    clock: Arc<dyn Clock>,
    tail_events: usize,
    tail_since: Option<DateTime<Utc>>,
}

impl Flusher {
    fn round(&mut self) -> Result<bool, StoreError> {
        let now = self.clock.now();
        if self.tail_is_due(now) {
            self.history.flush(&self.dedup)?;
            self.tail_since = None;
        }
        Ok(self.tail_is_due(now))
    }

    fn tail_is_due(&mut self, now: DateTime<Utc>) -> bool {
        let rows = self.history.tail_rows();
        if rows == 0 {
            self.tail_since = None;
            return false;
        }
        let since = *self.tail_since.get_or_insert(now);
        rows >= self.tail_events || now - since >= TAIL_AGE_MAX
    }
}

/// Merges small runs of keys and drops those that are too old.
struct KeysTidier {
    dedup: Arc<Dedup>,
    clock: Arc<dyn Clock>,
    due: Hourly,
}

impl KeysTidier {
    fn round(&mut self) -> Result<bool, StoreError> {
        let merged = self.dedup.merge()?;
        let now = self.clock.now();
        if self.due.is_due(now) {
            self.dedup.retain(now)?;
            self.due.done(now);
        }
        Ok(merged)
    }
}

/// Merges small segments and drops facts that are too old.
struct Tidier {
    history: Arc<History>,
    clock: Arc<dyn Clock>,
    retention_days: u32,
    due: Hourly,
}

impl Tidier {
    fn round(&mut self) -> Result<bool, StoreError> {
        let compacted = self.history.compact()?;
        let now = self.clock.now();
        if self.retention_days > 0 && self.due.is_due(now) {
            self.history.retain(now - TimeDelta::days(i64::from(self.retention_days)))?;
            self.due.done(now);
        }
        Ok(compacted)
    }
}

/// What is done at the start and then every [`RETENTION_ROUND`], also when the clock jumps back.
#[derive(Default)]
struct Hourly {
    done_at: Option<DateTime<Utc>>,
}

impl Hourly {
    fn is_due(&self, now: DateTime<Utc>) -> bool {
        self.done_at.is_none_or(|at| now - at >= RETENTION_ROUND || now < at)
    }

    const fn done(&mut self, now: DateTime<Utc>) {
        self.done_at = Some(now);
    }
}
