//! Opens a data folder, and puts the parts together.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use outlay_engine::alerts::Alerts;
use outlay_engine::budgets;
use outlay_engine::exports::schedules::{self, FileMaker};
use outlay_engine::known_time::KnownTime;
use outlay_engine::ledger;
use outlay_engine::people::People;
use outlay_engine::plans;
use outlay_engine::tasks::Task;
use outlay_engine::{Clock, Options, Outlay, SystemClock};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::config::Config;
use crate::dialect::Dialect;
use crate::shares::Shares;
use crate::state::{AppState, Parts};
use crate::{api, auth, dialects, live, tls};

/// The socket in the data folder on which commands reach the running server.
pub const SOCKET_FILE: &str = "outlay.sock";

/// How long alert rules are left alone when nothing comes in.
const JUDGE_ROUND: Duration = Duration::from_secs(60);
/// How long commits are gathered before rules are judged.
const JUDGE_PAUSE: Duration = Duration::from_millis(400);
/// How many times as long as the last round took nothing is judged for a commit: however much is watched,
/// judging takes a small part of the processor.
const JUDGE_PART: u32 = 15;

/// What a data folder is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To serve until told to stop, with all background work.
    Serve,
    /// To run one command.
    Command,
}

/// How a data folder is opened.
#[derive(Debug, Clone)]
pub struct Opening {
    purpose: Purpose,
    program: Option<PathBuf>,
}

impl From<Purpose> for Opening {
    fn from(purpose: Purpose) -> Self {
        Self { purpose, program: None }
    }
}

impl Opening {
    /// With the program `outlay` at this place, where the process that opens is another.
    #[must_use]
    pub fn with_program(self, program: impl Into<PathBuf>) -> Self {
        Self { program: Some(program.into()), ..self }
    }
}

/// An open data folder and all that works on it.
pub struct Server {
    state: AppState,
    dialects: Arc<[Dialect]>,
    data: PathBuf,
}

impl Server {
    /// Opens `data`, with the settings that stand in it and in the environment.
    pub async fn open(data: &Path, purpose: Purpose) -> anyhow::Result<Self> {
        let config = Config::load(None, data, std::env::vars())?;
        Self::open_with(data, config, purpose).await
    }

    /// Opens `data` with `config`.
    pub async fn open_with(
        data: &Path,
        config: Config,
        opening: impl Into<Opening>,
    ) -> anyhow::Result<Self> {
        let Opening { purpose, program } = opening.into();
        tls::install();
        let mut sql = config.questions.sql_options();
        sql.program = program.unwrap_or(sql.program);
        let options = Options {
            tail_events: config.history.tail_events,
            queue_events: config.ingest.queue_events,
            queue_bytes: config.ingest.queue_bytes,
            retention_days: config.history.retention_days,
            dedup_days: config.history.dedup_days,
            rate_stated: config.prices.rate_stated,
            background: purpose == Purpose::Serve,
            time_zone: config.server.time_zone,
            questions: config.questions.question_options(),
            sql,
            exports: config.exports.limits(),
            named_files: auth::named_files(&config),
            ..Options::default()
        };
        let folder = data.to_path_buf();
        let outlay = tokio::task::spawn_blocking(move || Outlay::open(&folder, options, clock()))
            .await?
            .with_context(|| format!("`{}` cannot be opened", data.display()))?;
        let people = auth::open_people(&outlay, &config)?;
        let outlay = Arc::new(outlay);
        let alerts = Alerts::new(&outlay);
        let dialects = dialects::switched_on(&config).into();
        let state = AppState::new(Parts {
            outlay,
            alerts,
            people,
            guard: Arc::new(auth::Guard::new(&config)),
            shares: Arc::new(Shares::new(&config)),
            config: Arc::new(config),
            metrics: Arc::default(),
            kept: Arc::default(),
        });
        if purpose == Purpose::Serve {
            start_tasks(&state);
        }
        Ok(Self { state, dialects, data: data.to_path_buf() })
    }

    /// All routes.
    pub fn router(&self) -> Router {
        api::router(self.state.clone(), &self.dialects, None)
    }

    /// All routes, with the live updates.
    pub fn live_router(&self) -> Router {
        let live = live::start(&self.state);
        api::router(self.state.clone(), &self.dialects, Some(live))
    }

    /// What the handlers share.
    pub fn state(&self) -> &AppState {
        &self.state
    }

    /// The dialects that are switched on.
    pub fn dialects(&self) -> &[Dialect] {
        &self.dialects
    }

    /// The data folder.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// A link for the first admin to sign in with, while no admin has a password.
    ///
    /// From here on links and cookies go by `public_url`, where people find the server.
    pub async fn first_sign_in_link(&self, public_url: &str) -> anyhow::Result<Option<String>> {
        self.state.guard.set_public_url(public_url);
        let link = self.state.people.first_sign_in_link(public_url).await?;
        Ok(link.map(|link| link.url))
    }

    /// Takes in nothing more, writes what waits, and lets go of the folder.
    pub async fn stop(self) {
        let (outlay, people) = (self.state.outlay.clone(), self.state.people.clone());
        let stop = move || {
            if let Err(error) = people.tidy(outlay.known_time.now().safe) {
                tracing::warn!(%error, "last uses of keys and sessions could not be written");
            }
            outlay.stop();
        };
        if let Err(error) = tokio::task::spawn_blocking(stop).await {
            tracing::error!(%error, "stopping was interrupted");
        }
    }
}

/// Starts what goes on as long as the folder is open.
fn start_tasks(state: &AppState) {
    let tasks = &state.outlay.tasks;
    let alerts = Arc::downgrade(&state.alerts);
    let occasions = Occasions {
        commits: state.outlay.journal.last_seq(),
        to_judge: state.alerts.to_judge(),
        panics: tasks.changes(),
    };
    tasks.spawn("alerts", move |task| judge_alerts(alerts.clone(), occasions.clone(), task));
    let outlay = Arc::downgrade(&state.outlay);
    tasks.spawn("counters", move |task| budgets::tend_counters(outlay.clone(), task));
    let outlay = Arc::downgrade(&state.outlay);
    tasks.spawn("ledger", move |task| ledger::sweep(outlay.clone(), task));
    let outlay = Arc::downgrade(&state.outlay);
    tasks.spawn("subscriptions", move |task| plans::turn(outlay.clone(), task));
    let outlay = Arc::downgrade(&state.outlay);
    let maker: Arc<dyn FileMaker> =
        Arc::new(api::exports::Maker::new(&state.outlay, state.config.clone()));
    tasks.spawn("exports", move |task| schedules::tend(outlay.clone(), maker.clone(), task));
    let people = Arc::downgrade(&state.people);
    let guard = Arc::downgrade(&state.guard);
    let time = Arc::downgrade(&state.outlay.known_time);
    tasks.spawn("people", move |task| {
        tidy_people(people.clone(), guard.clone(), time.clone(), task)
    });
}

/// What alert rules are judged for, besides the time.
#[derive(Clone)]
struct Occasions {
    commits: watch::Receiver<i64>,
    to_judge: watch::Receiver<u64>,
    panics: watch::Receiver<u64>,
}

/// Judges alert rules soon after every commit and every change of a rule, when an hour ends, and every
/// minute, as long as the folder is open.
async fn judge_alerts(alerts: Weak<Alerts>, occasions: Occasions, task: Arc<Task>) {
    let Occasions { mut commits, mut to_judge, mut panics } = occasions;
    task.beat();
    let mut rested_at = Instant::now();
    loop {
        let until_next = match alerts.upgrade() {
            Some(alerts) => alerts.until_hours_end().min(JUDGE_ROUND),
            None => return,
        };
        tokio::select! {
            committed = commits.changed() => match committed {
                // A moment, so that a busy hour is not judged at every commit.
                Ok(()) => tokio::select! {
                    () = tokio::time::sleep_until(rested_at.max(Instant::now() + JUDGE_PAUSE)) => {}
                    Ok(()) = to_judge.changed() => {}
                    Ok(()) = panics.changed() => {}
                },
                Err(_) => return,
            },
            Ok(()) = to_judge.changed() => {}
            Ok(()) = panics.changed() => {}
            () = tokio::time::sleep(until_next) => {}
        }
        commits.mark_unchanged();
        let Some(alerts) = alerts.upgrade() else { return };
        let begun = Instant::now();
        if let Err(error) = alerts.judge_all().await {
            tracing::warn!(%error, "alert rules could not be judged");
        }
        drop(alerts);
        rested_at = Instant::now() + (begun.elapsed() * JUDGE_PART).min(JUDGE_ROUND);
        task.done();
    }
}

/// Writes last uses and forgets what is over, every minute, as long as the folder is open.
async fn tidy_people(
    people: Weak<People>,
    guard: Weak<auth::Guard>,
    time: Weak<KnownTime>,
    task: Arc<Task>,
) {
    let mut minutes = tokio::time::interval(Duration::from_secs(60));
    loop {
        minutes.tick().await;
        let (Some(people), Some(guard), Some(time)) =
            (people.upgrade(), guard.upgrade(), time.upgrade())
        else {
            return;
        };
        guard.tidy();
        let known_time = time.now().safe;
        match tokio::task::spawn_blocking(move || people.tidy(known_time)).await {
            Ok(Ok(())) => task.done(),
            Ok(Err(error)) => task.failed(&error),
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // The runtime ends.
                Err(_) => return,
            },
        }
    }
}

/// The clock of this process, where it is not the machine's.
static CLOCK: OnceLock<Arc<dyn Clock>> = OnceLock::new();

/// Lets everything that this process opens go by `clock`, unless another was chosen before.
pub fn go_by(clock: Arc<dyn Clock>) {
    // The first one stands: two times in one process would contradict each other.
    let _ = CLOCK.set(clock);
}

fn clock() -> Arc<dyn Clock> {
    CLOCK.get().cloned().unwrap_or_else(|| Arc::new(SystemClock))
}
