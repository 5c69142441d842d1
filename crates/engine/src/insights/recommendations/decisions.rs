//! What people decide, and what it saved.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use compact_str::CompactString;
use outlay_analytics::robust;
use outlay_domain::links::Link;
use outlay_domain::people::{AuditRecord, Denied};
use outlay_domain::recommendations::State;
use outlay_domain::usage::question::{Every, Filter};
use outlay_store::sqlite::recommendations::KeptRecommendation;
use outlay_store::{StoreError, Tx};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::super::{Course, Days, SpendQuestion, units};
use super::claims::share;
use super::{Item, Recommendation, Recommendations, Scope, Slice, Z, yesterday};
use crate::budgets::BudgetsError;
use crate::journal::{AcceptError, Act, Stop, Topic};
use crate::usage::UnansweredError;

/// Characters of a note, at most.
pub const NOTE_MAX: usize = 500;
/// Whole days whose spend is kept when something is marked as done.
const BASE_DAYS: u32 = 28;
/// Days of which recommendations are looked for by their id, one after the other.
const LOOK_BACK: [u32; 2] = [30, 366];

/// What somebody decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Who decided.
    pub actor: CompactString,
    /// When they decided.
    pub at: DateTime<Utc>,
    /// Until when it is snoozed.
    pub snoozed_until: Option<DateTime<Utc>>,
    /// What they wrote about it.
    pub note: Option<String>,
}

/// What was saved since the day after something was done, in nanos.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measured {
    /// The first day.
    pub since: NaiveDate,
    /// Whole days since then.
    pub days: u32,
    /// What they would have cost, by what events, or days, cost before.
    pub expected: i128,
    /// What they cost.
    pub actual: i128,
    /// The difference.
    pub saved: i128,
    /// In four of five cases it is more than this
    pub low: i128,
    /// and less than this.
    pub high: i128,
}

/// Why recommendations were not made or decided.
#[derive(Debug, Error)]
pub enum RecommendationsError {
    /// Whoever asks may not decide.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// There is none of that id.
    #[error("there is no recommendation `{0}`")]
    Unknown(CompactString),
    /// A snooze has an end, and nothing else has.
    #[error("{0}")]
    Until(&'static str),
    /// The note is too long.
    #[error("has more than {NOTE_MAX} characters")]
    Note,
    /// Spend could not be asked for.
    #[error(transparent)]
    Unanswered(#[from] UnansweredError),
    /// Budgets could not be held against spend.
    #[error(transparent)]
    Budgets(#[from] BudgetsError),
    /// The books could not be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What was decided was not taken into a commit.
    #[error(transparent)]
    NotTaken(#[from] AcceptError),
    /// The work was broken off.
    #[error("the look at the days was broken off")]
    Failed(#[source] tokio::task::JoinError),
}

/// What is decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDecision {
    /// The state from now on.
    pub state: State,
    /// Until when, of a snooze.
    pub until: Option<DateTime<Utc>>,
    /// What they wrote about it.
    pub note: Option<String>,
}

/// Keeps a decision.
struct Decide(KeptRecommendation);

impl Act for Decide {
    type Done = KeptRecommendation;
    type Refused = RecommendationsError;
    const TELLS: &'static [Topic] = &[];

    fn act(
        self,
        tx: &Tx<'_>,
        _at: DateTime<Utc>,
    ) -> Result<KeptRecommendation, Stop<RecommendationsError>> {
        tx.recommendations().put(&self.0)?;
        tx.audit().append(&record(&self.0))?;
        Ok(self.0)
    }
}

/// A decision as it is kept, with what was decided about.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    pub row: KeptRecommendation,
    snapshot: Snapshot,
}

/// A recommendation as it was decided about.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Snapshot {
    recommendation: Recommendation,
    measures: Scope,
    base: Option<Base>,
}

/// The whole days before something was done.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Base {
    /// Their spend, in nanos.
    nanos: i64,
    /// Their events; none where it is the days that count, because what is done is about them.
    events: Option<i64>,
    /// How many there were on which the unit, an event or a day, cost anything.
    days: u32,
    /// The standard deviation of what the unit cost on these days, over its mean.
    spread: f64,
}

impl Base {
    /// Reads the days of `course`. `by_event` is for what makes each event cheaper: then more or
    /// less of them is no saving.
    fn of(course: &Course, by_event: bool) -> Option<Self> {
        let days: Vec<_> = course.days().take(course.whole_days()).collect();
        let (nanos, events) =
            days.iter().fold((0, 0), |sum, (_, nanos, events)| (sum.0 + nanos, sum.1 + events));
        let units: Vec<f64> = days
            .into_iter()
            .filter(|(_, _, events)| !by_event || *events > 0)
            .map(|(_, nanos, events)| units(nanos) / if by_event { events as f64 } else { 1.0 })
            .collect();
        let mean = robust::mean(&units);
        (nanos > 0 && mean > 0.0).then_some(Self {
            nanos: i64::try_from(nanos).ok()?,
            events: by_event.then(|| i64::try_from(events).unwrap_or(i64::MAX)),
            days: u32::try_from(units.len()).unwrap_or(u32::MAX),
            spread: robust::variance(&units).max(0.0).sqrt() / mean,
        })
    }

    /// What `days` days with so many events would have cost, and half the width of its range, both
    /// in nanos.
    fn expects(&self, days: u32, events: i128) -> (i128, i128) {
        let (volume, base) = match self.events {
            Some(known) => (events, i128::from(known)),
            None => (days.into(), self.days.into()),
        };
        let expected = share(self.nanos.into(), volume, base.max(1));
        let over = |days: u32| 1.0 / f64::from(days.max(1));
        let width = Z * self.spread * (over(days) + over(self.days)).sqrt();
        (expected, whole(expected as f64 * width))
    }
}

impl Kept {
    /// The state at `now`: a snooze that is over is open again.
    pub fn state(&self, now: DateTime<Utc>) -> State {
        let is_over = self.row.snoozed_until.is_none_or(|until| until <= now);
        if self.row.state == State::Snoozed && is_over { State::Open } else { self.row.state }
    }

    pub fn decision(&self) -> Decision {
        Decision {
            actor: self.row.actor.clone(),
            at: self.row.changed_at,
            snoozed_until: self.row.snoozed_until,
            note: self.row.note.clone(),
        }
    }
}

/// What was decided about and is no longer found, as it was then. What is open again is over.
pub(super) fn gone(items: &[Item], kept: &[Kept], now: DateTime<Utc>) -> Vec<Item> {
    let is_found = |kept: &Kept| items.iter().any(|item| item.recommendation.id == kept.row.id);
    let gone = kept.iter().filter(|kept| kept.state(now) != State::Open && !is_found(kept));
    gone.map(|kept| Item {
        recommendation: kept.snapshot.recommendation.clone(),
        state: kept.state(now),
        decision: Some(kept.decision()),
        // What is behind it is said with the days that are asked about.
        link: Link::Insights,
        measured: None,
        measures: kept.snapshot.measures.clone(),
    })
    .collect()
}

impl Recommendations {
    pub(super) async fn decisions(&self) -> Result<Vec<Kept>, StoreError> {
        let rows = self.insights.books.read(|books| books.recommendations().all()).await?;
        let kept = rows.into_iter().map(|row| {
            let snapshot =
                serde_json::from_str(&row.item).map_err(|error| StoreError::Damaged {
                    what: format!("the recommendation `{}`", row.id),
                    how: error.to_string(),
                })?;
            Ok(Kept { row, snapshot })
        });
        kept.collect()
    }

    /// Decides about the recommendation of that id, and answers how it stands then.
    pub async fn decide(&self, id: &str, new: NewDecision) -> Result<Item, RecommendationsError> {
        self.asker.require_admin()?;
        let scope = self.asker.scope();
        let scope = scope.as_deref();
        let now = self.insights.now();
        match (new.state, new.until) {
            (State::Snoozed, None) => {
                return Err(RecommendationsError::Until("is needed to snooze"));
            }
            (State::Snoozed, Some(until)) if until <= now => {
                return Err(RecommendationsError::Until("must lie ahead"));
            }
            (State::Snoozed, Some(_)) | (_, None) => {}
            (_, Some(_)) => {
                return Err(RecommendationsError::Until("is for `snoozed` only"));
            }
        }
        if new.note.as_ref().is_some_and(|note| note.chars().count() > NOTE_MAX) {
            return Err(RecommendationsError::Note);
        }
        let known = self.find(id).await?;
        let base = match new.state {
            State::Done => self.base(&known, scope).await?,
            _ => None,
        };
        let snapshot = Snapshot {
            recommendation: known.recommendation.clone(),
            measures: known.measures.clone(),
            base,
        };
        let item = serde_json::to_string(&snapshot).map_err(|error| StoreError::Damaged {
            what: format!("the recommendation `{id}`"),
            how: error.to_string(),
        })?;
        let row = KeptRecommendation {
            id: known.recommendation.id.clone(),
            state: new.state,
            actor: self.asker.name(),
            changed_at: now,
            snoozed_until: new.until,
            note: new.note.filter(|note| !note.is_empty()),
            item,
        };
        let row = self.journal.act(Decide(row)).await?;
        let kept = Kept { row, snapshot };
        let item = Item { state: new.state, decision: Some(kept.decision()), ..known };
        let measured = self.measured(&item, &[kept], Tz::UTC, scope).await?;
        Ok(Item { measured, ..item })
    }

    async fn find(&self, id: &str) -> Result<Item, RecommendationsError> {
        for days in LOOK_BACK {
            let slice = Slice { days, tz: Tz::UTC, filters: Vec::new() };
            let all = self.about(&slice).await?.items;
            if let Some(item) = all.into_iter().find(|item| item.recommendation.id == id) {
                return Ok(item);
            }
        }
        Err(RecommendationsError::Unknown(id.chars().take(100).collect()))
    }

    /// The spend of each whole day of `days` within `measures`.
    async fn spent(
        &self,
        measures: &Scope,
        days: Days,
        tz: Tz,
        scope: Option<&str>,
    ) -> Result<Course, UnansweredError> {
        let filters = measures.iter().filter_map(|(name, values)| {
            Filter::named(name, values.iter().map(String::as_str))?.ok()
        });
        let question = SpendQuestion {
            days: Some(days),
            since: None,
            tz,
            every: Some(Every::Day),
            by: Vec::new(),
            filters: filters.collect(),
            extremes: false,
        };
        let table = self.insights.spend(question, scope).await?;
        Ok(Course::of(&table, days.last(), self.insights.today(tz)))
    }

    async fn base(
        &self,
        item: &Item,
        scope: Option<&str>,
    ) -> Result<Option<Base>, UnansweredError> {
        let last = yesterday(self.insights.today(Tz::UTC));
        let Some(days) = Days::ending(last, BASE_DAYS - 1) else { return Ok(None) };
        let course = self.spent(&item.measures, days, Tz::UTC, scope).await?;
        let by_event = item.recommendation.scope.contains_key("model");
        Ok(Base::of(&course, by_event))
    }

    /// What `item` saved: the formula stands in the README.
    pub(super) async fn measured(
        &self,
        item: &Item,
        kept: &[Kept],
        tz: Tz,
        scope: Option<&str>,
    ) -> Result<Option<Measured>, UnansweredError> {
        let own = kept.iter().find(|kept| kept.row.id == item.recommendation.id);
        let Some(kept) = own.filter(|_| item.state == State::Done) else { return Ok(None) };
        // What all accounts spent before says nothing of one of them.
        let Some(base) = kept.snapshot.base.filter(|_| scope.is_none()) else { return Ok(None) };
        let done_on = kept.row.changed_at.with_timezone(&tz).date_naive();
        let Some(since) = done_on.checked_add_signed(TimeDelta::days(1)) else { return Ok(None) };
        let Some(days) = Days::new(since, yesterday(self.insights.today(tz))) else {
            return Ok(None);
        };
        let course = self.spent(&kept.snapshot.measures, days, tz, scope).await?;
        let count = u32::try_from(days.count()).unwrap_or(u32::MAX);
        let events = course.days().map(|(_, _, events)| events).sum();
        let (expected, width) = base.expects(count, events);
        let actual = course.total();
        let saved = expected - actual;
        Ok(Some(Measured {
            since,
            days: count,
            expected,
            actual,
            saved,
            low: saved - width,
            high: saved + width,
        }))
    }
}

#[allow(clippy::cast_possible_truncation, reason = "an estimate, in nanos")]
fn whole(nanos: f64) -> i128 {
    nanos.round() as i128
}

fn record(row: &KeptRecommendation) -> AuditRecord {
    AuditRecord {
        at: row.changed_at,
        actor: row.actor.clone(),
        action: "recommendations.change".into(),
        target: row.id.clone(),
        detail: serde_json::json!({
            "state": row.state.as_str(),
            "snoozed_until": row.snoozed_until,
            "note": row.note,
        }),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::super::{SpendRow, SpendTable};
    use super::*;

    fn course(days: &[(i128, i128)]) -> Course {
        let first: DateTime<Utc> = "2026-10-01T00:00:00Z".parse().unwrap();
        let row = |(place, (nanos, events)): (usize, &(i128, i128))| SpendRow {
            starts_at: Some(first + TimeDelta::days(place as i64)),
            nanos: *nanos,
            events: *events,
            ..SpendRow::default()
        };
        let rows = days.iter().enumerate().map(row).collect();
        let table = SpendTable { tz: Tz::UTC, rows, total: SpendRow::default() };
        let last = first.date_naive() + TimeDelta::days(days.len() as i64 - 1);
        Course::of(&table, last, last + TimeDelta::days(1))
    }

    #[test]
    fn less_usage_is_no_saving_where_events_should_be_cheaper() {
        let base = Base::of(&course(&[(3_000, 30), (1_000, 10), (2_000, 20)]), true).unwrap();

        // Each event cost 100, whatever the day.
        assert_eq!(base.expects(2, 7), (700, 0));
    }

    #[test]
    fn days_are_held_against_days_where_days_should_be_cheaper() {
        let base = Base::of(&course(&[(900, 30), (1_100, 1)]), false).unwrap();

        let (expected, width) = base.expects(4, 1);

        assert_eq!(expected, 4_000);
        // 1.2816 · √20,000/1,000 · √(1/4 + 1/2) of it.
        assert_eq!(width, 628);
    }

    #[test]
    fn days_without_spend_are_held_against_nothing() {
        assert_eq!(Base::of(&course(&[(0, 3), (0, 2)]), true), None);
        assert_eq!(Base::of(&course(&[]), false), None);
    }
}
