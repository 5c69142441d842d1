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
use crate::known_time::KnownTime;
use crate::tasks::Tasks;
use crate::writes::Writes;

/// How often the length of the tail is checked.
const FLUSH_ROUND: Duration = Duration::from_millis(100);
/// How often something to tidy is looked for.
const TIDY_ROUND: Duration = Duration::from_secs(1);
/// How long events stay in the tail before they are written to a segment, however few they are.
const TAIL_AGE_MAX: TimeDelta = TimeDelta::hours(1);
/// How often what is too old is looked for.
const RETENTION_ROUND: TimeDelta = TimeDelta::hours(1);
/// How often it is checked whether the data folder takes writes, when no commit tells.
const WRITES_ROUND: Duration = Duration::from_secs(5);
/// How far tidying steps back behind those who answer somebody. Flushing does not: it frees memory.
const TIDY_NICE: i32 = 15;
/// How long the keeper leaves a failing disk alone.
const AFTER_FAILURE: Duration = Duration::from_secs(10);

/// What is kept, and where it is written.
#[derive(Debug, Clone)]
pub struct KeeperOptions {
    /// Events in the tail that are enough for a segment.
    pub tail_events: usize,
    /// Bytes of events in the tail that are enough for a segment.
    pub tail_bytes: usize,
    /// Days that events are kept; 0 keeps them for ever.
    pub retention_days: u32,
}

/// The threads that do the background work of one data folder.
///
/// One flushes the tail, which must not wait, because memory grows meanwhile. One keeps the keys in
/// few runs, which must not wait for long either, because every commit asks all of them. One looks
/// whether the folder takes writes. The last tidies the history, which takes long and waits for
/// everything else.
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
        tasks: &Tasks,
        writes: Arc<Writes>,
        history: Arc<History>,
        dedup: Arc<Dedup>,
        clock: Arc<dyn Clock>,
        time: Arc<KnownTime>,
        options: KeeperOptions,
    ) -> Self {
        let signal = Arc::new(Signal::default());
        let mut flusher = Flusher {
            history: history.clone(),
            dedup: dedup.clone(),
            clock,
            tail_events: options.tail_events,
            tail_bytes: options.tail_bytes,
            tail_since: None,
        };
        let mut keys = KeysTidier { dedup, time: time.clone(), due: Hourly::default() };
        let mut tidier = Tidier {
            history: history.clone(),
            time,
            retention_days: options.retention_days,
            due: Hourly::default(),
        };
        let threads = vec![
            spawn(tasks, "flush", 0, signal.clone(), FLUSH_ROUND, move || flusher.round()),
            spawn(tasks, "keys", 0, signal.clone(), TIDY_ROUND, move || keys.round()),
            spawn(tasks, "writes", 0, signal.clone(), WRITES_ROUND, move || {
                writes.look();
                Ok(false)
            }),
            spawn(tasks, "tidy", TIDY_NICE, signal.clone(), TIDY_ROUND, move || tidier.round()),
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
    tasks: &Tasks,
    name: &'static str,
    nice: i32,
    signal: Arc<Signal>,
    pause: Duration,
    mut round: impl FnMut() -> Result<bool, StoreError> + Send + 'static,
) -> JoinHandle<()> {
    tasks.thread(name, move |task| {
        // On Linux this is the calling thread's own. Where it is refused, work goes on as it is.
        let _ = rustix::process::setpriority_process(None, nice);
        let mut next = pause;
        while !signal.wait(next) {
            next = match round() {
                Ok(more) => {
                    task.done();
                    if more { Duration::ZERO } else { pause }
                }
                Err(error) => {
                    task.failed(&error);
                    AFTER_FAILURE
                }
            };
        }
    })
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
    tail_bytes: usize,
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
        rows >= self.tail_events
            || self.history.tail_bytes() >= self.tail_bytes
            || now - since >= TAIL_AGE_MAX
    }
}

/// Merges small runs of keys and drops those that are too old.
struct KeysTidier {
    dedup: Arc<Dedup>,
    time: Arc<KnownTime>,
    due: Hourly,
}

impl KeysTidier {
    fn round(&mut self) -> Result<bool, StoreError> {
        let merged = self.dedup.merge()?;
        let now = self.time.keep()?.safe;
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
    time: Arc<KnownTime>,
    retention_days: u32,
    due: Hourly,
}

impl Tidier {
    fn round(&mut self) -> Result<bool, StoreError> {
        let compacted = self.history.compact()?;
        let now = self.time.now().safe;
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::path::Path;

    use outlay_domain::Amount;
    use outlay_domain::usage::EventDraft;
    use outlay_store::sqlite::alter_books;

    use super::*;
    use crate::usage::{Incoming, Outcome};
    use crate::{FrozenClock, Options, Outlay};

    fn noon() -> DateTime<Utc> {
        "2026-11-21T12:00:00Z".parse().unwrap()
    }

    fn open(folder: &Path, now: DateTime<Utc>) -> Outlay {
        let options = Options { background: false, ..Options::default() };
        Outlay::open(folder, options, Arc::new(FrozenClock::at(now))).unwrap()
    }

    /// One round of whatever removes what is old.
    fn tidy(outlay: &Outlay) {
        let (history, dedup) = (outlay.history.clone(), outlay.dedup.clone());
        let time = outlay.known_time.clone();
        KeysTidier { dedup, time: time.clone(), due: Hourly::default() }.round().unwrap();
        Tidier { history, time, retention_days: 90, due: Hourly::default() }.round().unwrap();
    }

    fn events() -> Vec<Incoming> {
        let event = |day: i64| EventDraft {
            id: format!("e-{day}").into(),
            source: "tests".into(),
            account: "acme".into(),
            occurred_at: Some(noon() - TimeDelta::days(day)),
            stated_cost: Some(Amount::from_units(1)),
            ..EventDraft::default()
        };
        let incoming =
            |day| Incoming { event: event(day).accept(noon()).unwrap(), time_stated: true };
        (0..10).map(incoming).collect()
    }

    async fn send(outlay: &Outlay) -> Vec<Outcome> {
        outlay.journal.accept(events()).await.unwrap()
    }

    #[tokio::test]
    async fn a_start_in_another_year_removes_nothing_and_counts_nothing_twice() {
        let folder = tempfile::tempdir().unwrap();
        let outlay = open(folder.path(), noon());
        send(&outlay).await;
        outlay.history.flush(&outlay.dedup).unwrap();
        tidy(&outlay);
        drop(outlay);

        let outlay = open(folder.path(), "2030-01-01T00:00:00Z".parse().unwrap());
        tidy(&outlay);

        assert_eq!(outlay.history.figures().segment_rows, 10);
        assert!(send(&outlay).await.iter().all(|outcome| *outcome == Outcome::Repeated));
        let checks = outlay.checks();
        let clock = checks.iter().find(|check| check.name == "clock").unwrap();
        assert!(clock.text.contains("outlay clock confirm"), "{}", clock.text);
        assert!(outlay.readiness().is_ok());

        outlay.known_time.confirm("ada").unwrap();
        tidy(&outlay);
        assert_eq!(outlay.history.figures().segment_rows, 0, "it was right after all");
    }

    #[tokio::test]
    async fn a_folder_of_an_older_version_is_held_to_its_newest_receipt() {
        let folder = tempfile::tempdir().unwrap();
        let outlay = open(folder.path(), noon());
        send(&outlay).await;
        outlay.history.flush(&outlay.dedup).unwrap();
        drop(outlay);
        alter_books(folder.path(), "DELETE FROM known_time");

        let outlay = open(folder.path(), "2030-01-01T00:00:00Z".parse().unwrap());
        tidy(&outlay);

        assert_eq!(outlay.known_time.now().safe, noon());
        assert_eq!(outlay.history.figures().segment_rows, 10);
    }
}
