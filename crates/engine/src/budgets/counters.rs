//! Counters of what hard budgets count: begun, filled with what was kept before, and held against
//! the history.
//!
//! The act that begins a counter takes hold of the history as it stands between two commits. What
//! that holds is added later, at leisure, and every commit from the act's own on moves the counter,
//! so that no fact is missed and none counts twice. Until it has both, the history answers.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use outlay_domain::budgets::{Budget, CALENDAR, Counting, Enforcement, Period};
use outlay_domain::usage::question::{Every, Measure, QuestionError, Value};
use outlay_store::history::{History, Snapshot};
use outlay_store::sqlite::counters::CounterRow;
use outlay_store::{StoreError, Tx, View};

use super::{BudgetsError, kept};
use crate::Outlay;
use crate::journal::{Act, Stop, Topic};
use crate::tasks::Task;
use crate::usage::{Answered, By, UnansweredError, UsageQuestion};

/// Whose turns are taken when what was kept before is counted.
const OWN: By = By::Server("counters");
/// How long it is at most until counters are seen to again.
const ROUND: Duration = Duration::from_secs(60);
/// How much older than needed windows become before they are forgotten.
const FORGOTTEN_AFTER: TimeDelta = TimeDelta::days(32);

/// What a counter says of a budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Counted {
    /// What was spent in the window, in nanos.
    pub spent: i128,
    /// What was spent in the one before, where what was left of it is carried over.
    pub before: Option<i128>,
}

/// What the counter of `budget` says at `now`; `None` where none can.
pub(super) fn counted(
    books: &View<'_>,
    budget: &Budget,
    now: DateTime<Utc>,
) -> Result<Option<Counted>, StoreError> {
    let draft = &budget.draft;
    if draft.period.check().is_err() {
        return Ok(None);
    }
    let Some(row) = books.counters().find(&Counting::of(draft).key())? else { return Ok(None) };
    if !says(&row) || !reaches(&row, draft.counts_since(now)) {
        return Ok(None);
    }
    let window = draft.period.window(now, draft.tz);
    let before = draft.carries_over.then(|| draft.period.before(window, draft.tz)).flatten();
    let spent = |from, to| books.counters().spent(row.id, from, to);
    Ok(Some(Counted {
        spent: spent(window.from, window.to)?,
        before: before.map(|before| spent(before.from, before.to)).transpose()?,
    }))
}

/// Whether a counter has all that it counts, in windows as they are told now.
fn says(row: &CounterRow) -> bool {
    row.is_counted && row.calendar == CALENDAR
}

fn reaches(row: &CounterRow, since: DateTime<Utc>) -> bool {
    row.since_us <= since.timestamp_micros()
}

/// What is to be counted, by its words, and since when.
type Wanted = BTreeMap<String, (Counting, DateTime<Utc>)>;

/// What must be counted for hard budgets at `at`.
fn wanted(budgets: &[Budget], at: DateTime<Utc>) -> Wanted {
    let mut wanted = Wanted::new();
    for Budget { draft, .. } in budgets {
        if draft.enforcement != Enforcement::Hard || draft.period.check().is_err() {
            continue;
        }
        let (counting, since) = (Counting::of(draft), draft.counts_since(at));
        let (_, earliest) = wanted.entry(counting.key()).or_insert((counting, since));
        *earliest = since.min(*earliest);
    }
    wanted
}

/// Whether the counters are not those that hard budgets need.
fn is_to_do(books: &View<'_>, at: DateTime<Utc>) -> Result<bool, StoreError> {
    let (wanted, rows) = (wanted(&kept(books)?, at), books.counters().all()?);
    let serves = |row: &CounterRow| {
        wanted.get(&row.counting).is_some_and(|(_, since)| {
            says(row) && reaches(row, *since) && !reaches(row, *since - FORGOTTEN_AFTER)
        })
    };
    Ok(rows.len() != wanted.len() || !rows.iter().all(serves))
}

/// Begins the counters that are missing, and removes those that nobody needs. One that another turn
/// began and never settled is begun anew.
struct Begin {
    history: Arc<History>,
}

/// Counters that every commit moves, and what was kept before the first of these.
struct Begun {
    counters: Vec<Beginning>,
    /// The history as it stood then, where there are any.
    before: Option<(Snapshot, DateTime<Utc>)>,
}

struct Beginning {
    id: i64,
    counting: Counting,
    since: DateTime<Utc>,
}

impl Act for Begin {
    type Done = Begun;
    type Refused = BudgetsError;
    const TELLS: &'static [Topic] = &[Topic::Counters];

    fn act(self, tx: &Tx<'_>, at: DateTime<Utc>) -> Result<Begun, Stop<BudgetsError>> {
        let mut missing = wanted(&kept(tx)?, at);
        for row in tx.counters().all()? {
            match missing.get(&row.counting) {
                Some((_, since)) if says(&row) && reaches(&row, *since) => {
                    if row.since_us < since.timestamp_micros() {
                        tx.counters().trim(row.id, *since)?;
                    }
                    missing.remove(&row.counting);
                }
                _ => tx.counters().remove(row.id)?,
            }
        }
        let mut counters = Vec::with_capacity(missing.len());
        for (key, (counting, since)) in missing {
            let id = tx.counters().begin(&key, CALENDAR, since, counting.is_personal())?;
            counters.push(Beginning { id, counting, since });
        }
        // Whoever commits is the one who adds to the history, after each commit: between two of them
        // it has just what the commits before have brought.
        let before = (!counters.is_empty()).then(|| (self.history.snapshot(), at));
        Ok(Begun { counters, before })
    }
}

/// Adds what was kept before a counter began.
struct Settle {
    id: i64,
    before: BTreeMap<i64, i128>,
}

impl Act for Settle {
    type Done = ();
    type Refused = BudgetsError;
    const TELLS: &'static [Topic] = &[];

    fn act(self, tx: &Tx<'_>, _at: DateTime<Utc>) -> Result<(), Stop<BudgetsError>> {
        let id = self.id;
        tx.counters().add(self.before.into_iter().map(|(window, nanos)| ((id, window), nanos)))?;
        Ok(tx.counters().settle(self.id)?)
    }
}

/// The question that tells what a counter has to say.
pub(crate) fn question(counting: &Counting, since: DateTime<Utc>) -> UsageQuestion {
    let end = match counting.period {
        period @ Period::Once { .. } => Some(period.window(since, counting.tz).to),
        _ => None,
    };
    UsageQuestion {
        from: Some(since),
        to: end,
        tz: counting.tz,
        every: Some(Every::Day),
        by: Vec::new(),
        filters: counting.scope.filters().to_vec(),
        measures: vec![Measure::Spend],
        top: None,
        compare: false,
    }
}

/// What that was answered, by the beginnings of windows in microseconds since 1970.
pub(crate) fn by_window(
    counting: &Counting,
    answered: Result<Answered, UnansweredError>,
) -> Result<BTreeMap<i64, i128>, UnansweredError> {
    let answered = match answered {
        // All that there is was before the first window.
        Err(UnansweredError::Question(QuestionError::EmptyRange { .. })) => {
            return Ok(BTreeMap::new());
        }
        answered => answered?,
    };
    let mut sums = BTreeMap::new();
    let Some(days) = answered.question.period().buckets.as_ref() else { return Ok(sums) };
    for row in &answered.answer.rows {
        if let (Some(day), Some(Value::Amount { nanos })) = (row.bucket, row.values.now.first())
            && let Some(window) = counting.window(days.start(day))
        {
            *sums.entry(window.from.timestamp_micros()).or_default() += nanos;
        }
    }
    sums.retain(|_, nanos| *nanos != 0);
    Ok(sums)
}

impl Outlay {
    /// Has a counter for whatever hard budgets count, and none for anything else.
    ///
    /// One that cannot be counted now keeps no other from it; the last reason is told.
    pub async fn tend_counters(&self) -> Result<(), BudgetsError> {
        let now = self.clock.now();
        if !self.books.read(move |books| is_to_do(books, now)).await? {
            return Ok(());
        }
        let begun = self.journal.act(Begin { history: self.history.clone() }).await?;
        self.settle(begun).await
    }

    /// Adds to counters what was kept before they began.
    async fn settle(&self, begun: Begun) -> Result<(), BudgetsError> {
        let Some((snapshot, at)) = begun.before else { return Ok(()) };
        let questions = self.questions.by(OWN).about(snapshot, at);
        let mut outcome = Ok(());
        for Beginning { id, counting, since } in begun.counters {
            let answered = questions.series(question(&counting, since), None).await;
            match by_window(&counting, answered) {
                Ok(before) => self.journal.act(Settle { id, before }).await?,
                Err(error) => outcome = Err(error.into()),
            }
        }
        outcome
    }
}

/// Tends to the counters whenever a budget changes, and every minute, as long as the folder is open.
pub async fn tend(outlay: Weak<Outlay>, task: Arc<Task>) {
    let Some(mut watched) = outlay.upgrade().map(|outlay| outlay.journal.changes(Topic::Watched))
    else {
        return;
    };
    loop {
        watched.mark_unchanged();
        let Some(open) = outlay.upgrade() else { return };
        match open.tend_counters().await {
            Ok(()) => task.done(),
            Err(error) => task.failed(&error),
        }
        drop(open);
        tokio::select! {
            changed = watched.changed() => if changed.is_err() { return },
            () = tokio::time::sleep(ROUND) => {}
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
