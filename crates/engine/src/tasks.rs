//! The one place where work that goes on in the background is started, watched and started again.
//!
//! A panic ends a turn of a task and never the task: it is logged, counted and shown, the server
//! is not ready while it lasts, and the task is started again after a pause that grows from one
//! panic to the next. What each task holds is made so that a turn that ended in the middle leaves
//! nothing half done: transactions roll back, files without a name are removed, and locks are not
//! poisoned.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use chrono::{DateTime, Utc};
use parking_lot::{Condvar, Mutex};
use tokio::sync::watch;

use crate::Clock;

/// The pause after the first panic; it doubles with each further one in a row.
const PAUSE_MIN: Duration = Duration::from_millis(100);
/// The longest pause.
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// From so many panics in a row on, being started again is no sign of health: only work that was
/// done is.
const PANICS_IN_ROW_MAX: u32 = 3;
/// Bytes of an error that are shown.
const ERROR_BYTES_MAX: usize = 500;

/// All tasks of one open data folder.
pub struct Tasks {
    clock: Arc<dyn Clock>,
    tasks: Mutex<Vec<Arc<Task>>>,
    stop: Arc<Stop>,
    changed: watch::Sender<u64>,
}

/// Told when everything is to end.
#[derive(Default)]
struct Stop {
    asked: Mutex<bool>,
    changed: Condvar,
}

/// One task, as it tells of itself.
pub struct Task {
    name: &'static str,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

struct State {
    condition: TaskCondition,
    panics: u64,
    panics_in_row: u32,
    last_error: Option<String>,
    beat_at: DateTime<Utc>,
}

/// How a task does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskCondition {
    /// It works, or waits for work.
    Ok,
    /// Its last turn failed, and will be tried again.
    Failing,
    /// Its last turn ended in a panic, and none was done since.
    Down,
    /// There is nothing more for it to do.
    Ended,
}

impl TaskCondition {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failing => "failing",
            Self::Down => "down",
            Self::Ended => "ended",
        }
    }
}

/// A task at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskReading {
    /// Its name.
    pub name: &'static str,
    /// How it does.
    pub condition: TaskCondition,
    /// Turns that ended in a panic, since the start.
    pub panics: u64,
    /// Why its last turn failed, where one ever did.
    pub last_error: Option<String>,
    /// When it was last seen to work.
    pub beat_at: DateTime<Utc>,
}

impl Tasks {
    /// No tasks yet.
    pub fn new(clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self {
            clock,
            tasks: Mutex::default(),
            stop: Arc::default(),
            changed: watch::channel(0).0,
        })
    }

    /// Starts a task on a thread of its own. It ends when `work` returns; `work` is called again
    /// when it ended in a panic.
    ///
    /// # Panics
    /// When the system has no thread for it.
    pub fn thread(
        &self,
        name: &'static str,
        mut work: impl FnMut(&Task) + Send + 'static,
    ) -> JoinHandle<()> {
        let task = self.add(name);
        let stop = self.stop.clone();
        let changed = self.changed.clone();
        let supervise = move || {
            loop {
                let Err(panic) = catch_unwind(AssertUnwindSafe(|| work(&task))) else { break };
                // Whoever is told to stop gets one more turn, to end what is open in order.
                let is_last = *stop.asked.lock();
                let pause = task.panicked(&*panic);
                changed.send_modify(|version| *version += 1);
                if is_last {
                    break;
                }
                stop.wait(pause);
            }
            task.end();
        };
        std::thread::Builder::new()
            .name(name.into())
            .spawn(supervise)
            .unwrap_or_else(|error| panic!("a thread cannot be started: {error}"))
    }

    /// Starts a task on the runtime's threads. It ends when what `make` makes ends; another one is
    /// made when it ended in a panic.
    pub fn spawn<F>(
        &self,
        name: &'static str,
        make: impl Fn(Arc<Task>) -> F + Send + 'static,
    ) -> tokio::task::JoinHandle<()>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let task = self.add(name);
        let changed = self.changed.clone();
        tokio::spawn(async move {
            loop {
                // A task of its own, which takes its panic with it.
                let ended = match catch_unwind(AssertUnwindSafe(|| make(task.clone()))) {
                    Ok(future) => tokio::spawn(future).await.map_err(|error| {
                        error.try_into_panic().unwrap_or_else(|_| Box::new("it was cancelled"))
                    }),
                    Err(panic) => Err(panic),
                };
                let Err(panic) = ended else { break };
                let pause = task.panicked(&*panic);
                changed.send_modify(|version| *version += 1);
                tokio::time::sleep(pause).await;
            }
            task.end();
        })
    }

    fn add(&self, name: &'static str) -> Arc<Task> {
        let state = State {
            condition: TaskCondition::Ok,
            panics: 0,
            panics_in_row: 0,
            last_error: None,
            beat_at: self.clock.now(),
        };
        let task = Arc::new(Task { name, clock: self.clock.clone(), state: Mutex::new(state) });
        let mut tasks = self.tasks.lock();
        // What is started anew, as the live updates of another router, takes the place of what ended.
        tasks.retain(|known| {
            known.name != name || known.state.lock().condition != TaskCondition::Ended
        });
        tasks.push(task.clone());
        task
    }

    /// Every task, in the order in which they were started.
    pub fn readings(&self) -> Vec<TaskReading> {
        self.tasks.lock().iter().map(|task| task.reading()).collect()
    }

    /// Those whose last turn ended in a panic, and that did nothing since.
    pub fn down(&self) -> Vec<TaskReading> {
        let mut readings = self.readings();
        readings.retain(|reading| reading.condition == TaskCondition::Down);
        readings
    }

    /// Hears of every panic.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Has what waits to be started again started now, for the last time.
    pub fn stop(&self) {
        *self.stop.asked.lock() = true;
        self.stop.changed.notify_all();
    }
}

impl Stop {
    fn wait(&self, pause: Duration) {
        let mut asked = self.asked.lock();
        if !*asked {
            self.changed.wait_for(&mut asked, pause);
        }
    }
}

impl Task {
    /// Says that the task goes on: it was started, or begins a turn.
    pub fn beat(&self) {
        let mut state = self.state.lock();
        state.beat_at = self.clock.now();
        if state.condition == TaskCondition::Down && state.panics_in_row < PANICS_IN_ROW_MAX {
            state.condition = TaskCondition::Ok;
        }
    }

    /// Says that a turn was done.
    pub fn done(&self) {
        let mut state = self.state.lock();
        state.beat_at = self.clock.now();
        state.panics_in_row = 0;
        state.condition = TaskCondition::Ok;
    }

    /// Says that a turn failed and will be tried again. Logs why.
    pub fn failed(&self, error: &(dyn std::error::Error + 'static)) {
        let causes = std::iter::successors(error.source(), |cause| cause.source());
        let told = std::iter::once(error.to_string()).chain(causes.map(ToString::to_string));
        let told = told.collect::<Vec<_>>().join(": ");
        tracing::error!(task = self.name, error = %told, "background work failed and will be tried again");
        let mut state = self.state.lock();
        state.beat_at = self.clock.now();
        state.panics_in_row = 0;
        state.condition = TaskCondition::Failing;
        state.last_error = Some(shortened(told));
    }

    /// Whether it panicked so often in a row that being started again is no sign of health.
    pub fn is_hopeless(&self) -> bool {
        let state = self.state.lock();
        state.condition == TaskCondition::Down && state.panics_in_row >= PANICS_IN_ROW_MAX
    }

    /// Notes a panic; answers how long to wait until the task is started again.
    fn panicked(&self, panic: &(dyn Any + Send)) -> Duration {
        let told = panic
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "a panic without words".to_owned());
        let mut state = self.state.lock();
        state.panics += 1;
        state.panics_in_row = state.panics_in_row.saturating_add(1);
        state.condition = TaskCondition::Down;
        let doublings = (state.panics_in_row - 1).min(16);
        let pause = PAUSE_MIN.saturating_mul(1 << doublings).min(PAUSE_MAX);
        tracing::error!(
            task = self.name,
            panic = told,
            panics = state.panics,
            again_in = ?pause,
            "background work ended in a panic and will be started again"
        );
        state.last_error = Some(shortened(told));
        pause
    }

    fn end(&self) {
        self.state.lock().condition = TaskCondition::Ended;
    }

    fn reading(&self) -> TaskReading {
        let state = self.state.lock();
        TaskReading {
            name: self.name,
            condition: state.condition,
            panics: state.panics,
            last_error: state.last_error.clone(),
            beat_at: state.beat_at,
        }
    }
}

fn shortened(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(ERROR_BYTES_MAX));
    text
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::SystemClock;

    fn tasks() -> Arc<Tasks> {
        Tasks::new(Arc::new(SystemClock))
    }

    #[test]
    fn a_thread_that_panics_is_counted_and_started_again() {
        let tasks = tasks();
        let mut turns = 0;
        let (seen, sees) = std::sync::mpsc::channel();
        let watched = tasks.clone();

        let thread = tasks.thread("digging", move |task| {
            turns += 1;
            seen.send(watched.readings()).unwrap();
            assert!(turns > 2, "turn {turns} hits a stone");
            task.done();
            seen.send(watched.readings()).unwrap();
        });
        thread.join().unwrap();

        let seen: Vec<_> = sees.iter().map(|mut readings| readings.remove(0)).collect();
        let states: Vec<_> =
            seen.iter().map(|task| (task.condition.as_str(), task.panics)).collect();
        assert_eq!(states, [("ok", 0), ("down", 1), ("down", 2), ("ok", 2)]);
        assert_eq!(seen[2].last_error.as_deref(), Some("turn 2 hits a stone"));
        assert_eq!(tasks.readings()[0].condition, TaskCondition::Ended);
    }

    #[test]
    fn being_started_again_is_health_at_first_and_only_work_is_later() {
        let tasks = tasks();
        let task = tasks.add("digging");
        let panic = || {
            task.panicked(&"a stone");
            task.beat();
            tasks.down().len()
        };

        assert_eq!([panic(), panic(), panic(), panic()], [0, 0, 1, 1]);
        assert!(task.is_hopeless());
        task.done();
        assert_eq!(tasks.down().len(), 0);
        assert_eq!(panic(), 0, "and it counts from the beginning");
    }

    #[test]
    fn pauses_double_up_to_a_bound() {
        let tasks = tasks();
        let task = tasks.add("digging");
        let pauses: Vec<u64> =
            (0..12).map(|_| task.panicked(&"a stone").as_millis() as u64).collect();

        assert_eq!(pauses[..4], [100, 200, 400, 800]);
        assert_eq!(pauses[9..], [30_000; 3]);
    }

    #[tokio::test]
    async fn a_future_that_panics_is_made_anew() {
        let tasks = tasks();
        let turns = Arc::new(AtomicU32::new(0));
        let mut changes = tasks.changes();

        let counted = turns.clone();
        let task = tasks.spawn("thinking", move |task| {
            let turn = counted.fetch_add(1, Ordering::SeqCst);
            async move {
                assert!(turn > 0, "the first thought is wrong");
                task.done();
            }
        });
        task.await.unwrap();

        assert!(changes.has_changed().unwrap());
        changes.mark_unchanged();
        assert_eq!(turns.load(Ordering::SeqCst), 2);
        let reading = tasks.readings().remove(0);
        assert_eq!((reading.condition, reading.panics), (TaskCondition::Ended, 1));
    }
}
