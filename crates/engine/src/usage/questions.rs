//! Usage goes out: totals, series, breakdowns, and the events behind them.
//!
//! Every surface asks here, so that every number on every surface agrees.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use outlay_domain::Amount;
use outlay_domain::usage::question::{
    Answer, Attribute, CreditRate, Every, Filter, Measure, Question, QuestionDraft, QuestionError,
};
use outlay_store::StoreError;
use outlay_store::history::question::{
    AskError, AskOptions, Asker, Effort, EventPage, EventsAfter, EventsQuestion, EventsSum, Facts,
    SegmentFiles,
};
use outlay_store::history::{History, Segment, Snapshot};
use parking_lot::Mutex;
use thiserror::Error;
use tokio::task::JoinError;

use super::turns::{By, Turns};
use crate::Clock;

/// Events on one page, at most.
pub const EVENTS_MAX: usize = 1_000;
/// Events that an export reads at once.
pub const EXPORT_EVENTS: usize = 5_000;
/// Bytes of a page for each event that it may have: most events are narrower.
const EVENT_BYTES: usize = 1_024;
/// Bytes that a page may have, however few events are asked for.
const PAGE_BYTES_LEAST: usize = 1 << 20;

/// How much questions may use.
#[derive(Debug, Clone, Copy)]
pub struct QuestionOptions {
    /// Long questions that are worked on at the same time, two at least.
    pub concurrency: usize,
    /// How long a caller's question may wait for its turn.
    pub wait_limit: Duration,
    /// What each of them may use.
    pub ask: AskOptions,
    /// How many credits a unit of the currency is.
    pub credits: CreditRate,
}

impl Default for QuestionOptions {
    fn default() -> Self {
        Self {
            concurrency: 2,
            wait_limit: Duration::from_secs(20),
            ask: AskOptions::default(),
            credits: CreditRate::ONE,
        }
    }
}

/// Where questions about usage are answered.
pub struct QuestionDesk {
    history: Arc<History>,
    clock: Arc<dyn Clock>,
    asker: Asker,
    turns: Turns,
    options: QuestionOptions,
    /// The newest segment file that was asked about, and how many there were.
    ///
    /// The segments themselves are not held: their files stay as long as anybody holds them.
    known: Mutex<(Option<PathBuf>, usize)>,
}

/// Answers the questions of somebody about usage; cheap to clone.
#[derive(Clone)]
pub struct Questions {
    desk: Arc<QuestionDesk>,
    by: By,
    /// What all of them are about, where they are about one moment.
    moment: Option<Arc<OnceLock<Moment>>>,
}

/// The history as it stood at one moment.
#[derive(Debug)]
struct Moment {
    /// When that was.
    asked_at: DateTime<Utc>,
    snapshot: Snapshot,
}

/// The turn of a question.
struct Turn<'a> {
    /// When it began.
    asked_at: DateTime<Utc>,
    /// What there is to be asked about.
    facts: Facts<'a>,
    /// What the question may take.
    effort: &'a Effort,
}

/// What is asked about usage. Without a range, all of it is.
#[derive(Debug, Clone)]
pub struct UsageQuestion {
    /// Usage from this instant on; from the first event's day where there is none.
    pub from: Option<DateTime<Utc>>,
    /// Usage before this instant; until today is over where there is none.
    pub to: Option<DateTime<Utc>>,
    /// Where days begin.
    pub tz: Tz,
    /// The buckets of a series.
    pub every: Option<Every>,
    /// What to group by.
    pub by: Vec<Attribute>,
    /// What events must be like to be counted.
    pub filters: Vec<Filter>,
    /// What to answer, the one to order by first.
    pub measures: Vec<Measure>,
    /// How many groups to keep.
    pub top: Option<usize>,
    /// Whether to set the period before beside it.
    pub compare: bool,
}

/// Which events are asked for.
#[derive(Debug, Clone)]
pub struct UsageEvents {
    /// Events from this instant on; from the first on where there is none.
    pub from: Option<DateTime<Utc>>,
    /// Events before this instant; all where there is none.
    pub to: Option<DateTime<Utc>>,
    /// What they must be like.
    pub filters: Vec<Filter>,
    /// Only what was sent under this id: an event and what changed it, of every source.
    pub id: Option<String>,
    /// Only events that were charged more than this.
    pub above: Option<Amount>,
    /// Only what says of an event that it lacks a price, or that it no longer does.
    pub about_lacking: bool,
    /// How many, [`EXPORT_EVENTS`] at most; fewer are given where they are very wide.
    pub limit: usize,
    /// Where the page before ended.
    pub after: Option<EventsAfter>,
}

impl UsageEvents {
    /// The question to the history, about the account `scope` only where there is one.
    fn within(self, scope: Option<&str>) -> EventsQuestion {
        let mut filters = self.filters;
        filters.extend(scope.map(|account| Filter::only(Attribute::Account, account)));
        let limit = self.limit.clamp(1, EXPORT_EVENTS);
        EventsQuestion {
            from_us: self.from.map_or(i64::MIN, |from| from.timestamp_micros()),
            to_us: self.to.map_or(i64::MAX, |to| to.timestamp_micros()),
            filters,
            id: self.id,
            above_nanos: self.above.map(Amount::nanos),
            about_lacking: self.about_lacking,
            limit,
            bytes_max: (limit * EVENT_BYTES).max(PAGE_BYTES_LEAST),
            after: self.after,
        }
    }
}

/// A question with its answer.
#[derive(Debug, Clone)]
pub struct Answered {
    /// What was asked, with its range.
    pub question: Question,
    /// What came out.
    pub answer: Answer,
    /// When it was asked: what lies after that is not over.
    pub asked_at: DateTime<Utc>,
}

impl Answered {
    /// Whether the bucket at `index` is not over.
    pub fn is_running(&self, index: usize) -> bool {
        let buckets = self.question.period().buckets.as_ref();
        buckets.is_some_and(|buckets| buckets.end(index) > self.asked_at)
    }

    /// Whether some of what was asked about is not over.
    pub fn is_partial(&self) -> bool {
        match &self.question.period().buckets {
            Some(buckets) => self.is_running(buckets.len() - 1),
            None => self.question.period().to > self.asked_at,
        }
    }
}

/// Why a question was not answered.
#[derive(Debug, Error)]
pub enum UnansweredError {
    /// It cannot be asked.
    #[error(transparent)]
    Question(#[from] QuestionError),
    /// There are more groups than can be counted.
    #[error("there are too many different values to count")]
    TooManyGroups,
    /// It took too long.
    #[error("there was no answer within {} seconds", .0.as_secs())]
    TooSlow(Duration),
    /// More must be read for it than is read in a turn for quick questions.
    #[error("the question takes long")]
    TooMuchToRead,
    /// Too many others were asked at the same time.
    #[error("too many questions are being asked at the same time")]
    Busy,
    /// The history could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<AskError> for UnansweredError {
    fn from(error: AskError) -> Self {
        match error {
            AskError::TooManyGroups { .. } => Self::TooManyGroups,
            AskError::TooManyRows => Self::Question(QuestionError::TooManyRows),
            AskError::TooSlow(limit) => Self::TooSlow(limit),
            AskError::TooMuchToRead => Self::TooMuchToRead,
            // Whoever asked is gone, and reads no answer.
            AskError::Stopped => Self::Busy,
            AskError::Store(error) => Self::Store(error),
        }
    }
}

impl From<JoinError> for UnansweredError {
    fn from(error: JoinError) -> Self {
        // A decoder that meets what it never expects panics.
        Self::Store(StoreError::Damaged { what: "the history".into(), how: error.to_string() })
    }
}

impl QuestionDesk {
    /// Answers from `history`.
    pub fn new(history: Arc<History>, clock: Arc<dyn Clock>, options: QuestionOptions) -> Self {
        Self {
            history,
            clock,
            asker: Asker::new(options.ask),
            turns: Turns::new(options.concurrency, options.wait_limit),
            options,
            known: Mutex::default(),
        }
    }

    /// Answers questions of `by`, in their turns.
    pub fn by(self: &Arc<Self>, by: impl Into<By>) -> Questions {
        Questions { desk: self.clone(), by: by.into(), moment: None }
    }

    /// The history as it stands.
    fn now(&self) -> Moment {
        // Before the snapshot: what came between the two is of a time that is not over.
        let asked_at = self.clock.now();
        Moment { asked_at, snapshot: self.history.snapshot() }
    }

    /// The files of the newest segments. What was kept of others is forgotten.
    fn newest_files(&self, segments: &[Arc<Segment>]) -> Vec<SegmentFiles> {
        let files = files(segments);
        let now = newest(&files);
        let has_changed = std::mem::replace(&mut *self.known.lock(), now.clone()) != now;
        if has_changed {
            self.asker.forget_others(&files);
        }
        files
    }

    /// The files of segments that others may have taken the place of. What is kept of the newest
    /// stays, and what is kept of these is forgotten with the next question about the newest.
    fn older_files(&self, segments: &[Arc<Segment>]) -> Vec<SegmentFiles> {
        let files = files(segments);
        let mut known = self.known.lock();
        if *known != newest(&files) {
            *known = (None, 0);
        }
        files
    }

    /// What `snapshot` says to `asked`, on this thread and without a turn.
    pub fn answer_now(
        &self,
        snapshot: &Snapshot,
        asked: UsageQuestion,
    ) -> Result<Answered, UnansweredError> {
        let asked_at = self.clock.now();
        let files = self.older_files(&snapshot.segments);
        let facts = Facts { tail: &snapshot.tail, segments: &files };
        let question = asked.bounded(facts, asked_at)?;
        self.answer(Turn { asked_at, facts, effort: &Effort::default() }, question)
    }

    fn answer(&self, turn: Turn<'_>, question: Question) -> Result<Answered, UnansweredError> {
        let (current, previous) = self.asker.ask(turn.facts, &question, turn.effort)?;
        let answer = Answer::new(&question, &current, previous.as_ref(), self.options.credits)?;
        Ok(Answered { question, answer, asked_at: turn.asked_at })
    }

    /// How much memory the sums take that are kept for later questions.
    pub fn kept_bytes(&self) -> usize {
        self.asker.kept_bytes()
    }
}

/// The files of `segments`.
fn files(segments: &[Arc<Segment>]) -> Vec<SegmentFiles> {
    let files = segments.iter().map(|segment| SegmentFiles {
        path: segment.path.clone(),
        rollup_path: Some(segment.rollup_path.clone()),
        first_us: segment.min_occurred_at.timestamp_micros(),
        last_us: segment.max_occurred_at.timestamp_micros(),
    });
    files.collect()
}

/// What tells files from others: they are numbered, so no change leaves both as they are.
fn newest(files: &[SegmentFiles]) -> (Option<PathBuf>, usize) {
    (files.iter().map(|file| file.path.clone()).max(), files.len())
}

impl Questions {
    /// Whoever asks several questions, whose answers must agree, asks these: all of them are about
    /// the history as it stands when the first one has its turn, however long the others wait.
    ///
    /// What they are about is kept from being removed until the last of them is dropped. Those that
    /// are of one moment already stay of that one.
    #[must_use]
    pub fn of_one_moment(&self) -> Self {
        let moment = self.moment.clone().unwrap_or_default();
        Self { moment: Some(moment), ..self.clone() }
    }

    /// Questions about the history as it stood in `snapshot`, which was taken at `asked_at`.
    #[must_use]
    pub fn about(&self, snapshot: Snapshot, asked_at: DateTime<Utc>) -> Self {
        let moment = Arc::new(OnceLock::from(Moment { asked_at, snapshot }));
        Self { moment: Some(moment), ..self.clone() }
    }

    /// One row: all that passes.
    pub async fn total(
        &self,
        question: UsageQuestion,
        scope: Option<&str>,
    ) -> Result<Answered, UnansweredError> {
        let question = UsageQuestion { every: None, by: vec![], top: None, ..question };
        self.answer(question, scope).await
    }

    /// Rows by time, and by group where there are any: by the day where nothing else is asked.
    pub async fn series(
        &self,
        question: UsageQuestion,
        scope: Option<&str>,
    ) -> Result<Answered, UnansweredError> {
        let every = question.every.or(Some(Every::Day));
        self.answer(UsageQuestion { every, ..question }, scope).await
    }

    /// Rows by group.
    pub async fn breakdown(
        &self,
        question: UsageQuestion,
        scope: Option<&str>,
    ) -> Result<Answered, UnansweredError> {
        self.answer(UsageQuestion { every: None, ..question }, scope).await
    }

    /// Answers, about the account `scope` only where there is one.
    async fn answer(
        &self,
        asked: UsageQuestion,
        scope: Option<&str>,
    ) -> Result<Answered, UnansweredError> {
        let scope = scope.map(ToOwned::to_owned);
        self.in_turn(move |desk, turn| {
            let mut question = asked.clone().bounded(turn.facts, turn.asked_at)?;
            if let Some(account) = &scope {
                question = question.within(account);
            }
            desk.answer(turn, question)
        })
        .await
    }

    /// The newest events that pass, of the account `scope` only where there is one.
    pub async fn events(
        &self,
        asked: UsageEvents,
        scope: Option<&str>,
    ) -> Result<EventPage, UnansweredError> {
        let question = asked.within(scope);
        self.in_turn(move |desk, turn| Ok(desk.asker.events(turn.facts, &question, turn.effort)?))
            .await
    }

    /// All events that pass together, without a limit and from the first on.
    pub async fn events_sum(
        &self,
        asked: UsageEvents,
        scope: Option<&str>,
    ) -> Result<EventsSum, UnansweredError> {
        let question = asked.within(scope);
        self.in_turn(move |desk, turn| {
            Ok(desk.asker.events_sum(turn.facts, &question, turn.effort)?)
        })
        .await
    }

    /// Does `work` on the facts as they stand when it is this question's turn.
    async fn in_turn<T: Send + 'static>(
        &self,
        work: impl Fn(&QuestionDesk, Turn<'_>) -> Result<T, UnansweredError> + Send + Sync + 'static,
    ) -> Result<T, UnansweredError> {
        let (desk, moment, work) = (self.desk.clone(), self.moment.clone(), Arc::new(work));
        let work = move |effort: &Effort| {
            let now;
            let (moment, files) = match &moment {
                Some(kept) => {
                    let kept = kept.get_or_init(|| desk.now());
                    (kept, desk.older_files(&kept.snapshot.segments))
                }
                None => {
                    now = desk.now();
                    (&now, desk.newest_files(&now.snapshot.segments))
                }
            };
            let facts = Facts { tail: &moment.snapshot.tail, segments: &files };
            work(&desk, Turn { asked_at: moment.asked_at, facts, effort })
        };
        self.desk.turns.work(&self.by, work).await
    }
}

impl UsageQuestion {
    /// The question with its range: whole days from the first event to the last, or to today,
    /// where no other is given.
    fn bounded(self, facts: Facts<'_>, now: DateTime<Utc>) -> Result<Question, QuestionError> {
        let Self { from, to, tz, every, by, filters, measures, top, compare } = self;
        let span = facts.span();
        let day = |at: DateTime<Utc>| Every::Day.start(at, tz);
        let first = || span.map_or(now, |(first, _)| first);
        let last = || span.map_or(now, |(_, last)| last.max(now));
        let to = to.unwrap_or_else(|| Every::Day.next(day(last()), tz));
        // Where nothing happened before `to`, the range is the day before it.
        let from = from.unwrap_or_else(|| day(first().min(to - TimeDelta::microseconds(1))));
        let compare = compare.then_some(now);
        Question::new(QuestionDraft { from, to, tz, every, by, filters, measures, top, compare })
    }
}
