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

/// How often the keeper looks, when nobody wakes it.
const ROUND: Duration = Duration::from_secs(1);
/// How long events stay in the tail before they are written to a segment, however few they are.
const TAIL_AGE_MAX: TimeDelta = TimeDelta::hours(1);
/// How often what is too old is looked for.
const RETENTION_ROUND: TimeDelta = TimeDelta::hours(1);
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

/// A thread that does the background work of one data folder.
pub struct Keeper {
    signal: Arc<Signal>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Default)]
struct Signal {
    stop: Mutex<bool>,
    changed: Condvar,
}

struct Work {
    history: Arc<History>,
    dedup: Arc<Dedup>,
    clock: Arc<dyn Clock>,
    options: KeeperOptions,
    tail_since: Option<DateTime<Utc>>,
    retained_at: Option<DateTime<Utc>>,
}

impl Keeper {
    /// Starts the thread.
    pub fn start(
        history: Arc<History>,
        dedup: Arc<Dedup>,
        clock: Arc<dyn Clock>,
        options: KeeperOptions,
    ) -> Self {
        let signal = Arc::new(Signal::default());
        let mut work = Work { history, dedup, clock, options, tail_since: None, retained_at: None };
        let heard = signal.clone();
        let thread = std::thread::Builder::new()
            .name("keeper".into())
            .spawn(move || {
                let mut pause = ROUND;
                while !heard.wait(pause) {
                    pause = match work.round() {
                        Ok(()) => ROUND,
                        Err(error) => {
                            tracing::error!(
                                error = &error as &dyn std::error::Error,
                                "background work failed and will be tried again"
                            );
                            AFTER_FAILURE
                        }
                    };
                }
            })
            .unwrap_or_else(|error| panic!("a thread cannot be started: {error}"));
        Self { signal, thread: Mutex::new(Some(thread)) }
    }

    /// Lets the current piece of work end, and ends the thread.
    pub fn stop(&self) {
        *self.signal.stop.lock() = true;
        self.signal.changed.notify_all();
        if let Some(thread) = self.thread.lock().take()
            && thread.join().is_err()
        {
            tracing::error!("the keeper ended in a panic");
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.stop();
    }
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

impl Work {
    fn round(&mut self) -> Result<(), StoreError> {
        let now = self.clock.now();
        if self.tail_is_due(now) {
            self.history.flush(&self.dedup)?;
            self.tail_since = None;
        }
        self.history.compact()?;
        self.dedup.merge()?;
        if self.retained_at.is_none_or(|at| now - at >= RETENTION_ROUND || now < at) {
            self.retain(now)?;
            self.retained_at = Some(now);
        }
        Ok(())
    }

    fn tail_is_due(&mut self, now: DateTime<Utc>) -> bool {
        let rows = self.history.tail_rows();
        if rows == 0 {
            self.tail_since = None;
            return false;
        }
        let since = *self.tail_since.get_or_insert(now);
        rows >= self.options.tail_events || now - since >= TAIL_AGE_MAX
    }

    fn retain(&self, now: DateTime<Utc>) -> Result<(), StoreError> {
        self.dedup.retain(now)?;
        if self.options.retention_days > 0 {
            let cutoff = now - TimeDelta::days(i64::from(self.options.retention_days));
            self.history.retain(cutoff)?;
        }
        Ok(())
    }
}
