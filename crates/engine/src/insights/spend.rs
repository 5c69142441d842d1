//! Spend by time and by attributes.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use compact_str::CompactString;
use outlay_domain::Amount;
use outlay_domain::usage::Fact;
use outlay_domain::usage::question::{Attribute, Every, Filter, Group, Measure, Value};

use super::{Days, Insights};
use crate::usage::{Answered, UnansweredError, UsageEvents, UsageQuestion};

/// What is asked about spend.
#[derive(Debug, Clone)]
pub struct SpendQuestion {
    /// Which days; all there are, where none are named.
    pub days: Option<Days>,
    /// Of those, only what was used from this instant on.
    pub since: Option<DateTime<Utc>>,
    /// Whose days.
    pub tz: Tz,
    /// The width of the buckets, where there are any.
    pub every: Option<Every>,
    /// What to group by.
    pub by: Vec<Attribute>,
    /// What events must be like.
    pub filters: Vec<Filter>,
    /// Whether the least and the largest charge are wanted, for which every event is read.
    pub extremes: bool,
}

impl SpendQuestion {
    /// The first instant, and the first after.
    fn range(&self) -> (Option<DateTime<Utc>>, Option<DateTime<Utc>>) {
        let (from, to) = self.days.map(|days| days.instants(self.tz)).unzip();
        (self.since.or(from.flatten()), to)
    }
}

/// Spend of one bucket and group.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SpendRow {
    /// Where the bucket starts, where there are buckets.
    pub starts_at: Option<DateTime<Utc>>,
    /// The values of what is grouped by.
    pub group: Vec<Option<CompactString>>,
    /// The charges, in nanos.
    pub nanos: i128,
    /// The events.
    pub events: i128,
    /// Those of them without a price.
    pub unpriced: i128,
    /// The least charge of one event, in nanos, where asked.
    pub least: i128,
    /// The largest charge of one event, in nanos, where asked.
    pub most: i128,
}

/// Where a row stands.
type Place = (Option<DateTime<Utc>>, Vec<Option<CompactString>>);

impl SpendRow {
    /// Adds what `other` has of the same bucket and group.
    fn add(&mut self, other: &Self) {
        if other.events == 0 && other.nanos == 0 {
            return;
        }
        let is_empty = self.events == 0 && self.nanos == 0;
        self.least = if is_empty { other.least } else { self.least.min(other.least) };
        self.most = if is_empty { other.most } else { self.most.max(other.most) };
        self.nanos += other.nanos;
        self.events += other.events;
        self.unpriced += other.unpriced;
    }
}

/// Spend by bucket and group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpendTable {
    /// Whose days the buckets are of.
    pub tz: Tz,
    /// Buckets and groups in which there was anything; the buckets in order of time.
    pub rows: Vec<SpendRow>,
    /// All of them together.
    pub total: SpendRow,
}

impl SpendTable {
    /// What is asked for.
    pub(super) const MEASURES: [Measure; 3] = [Measure::Spend, Measure::Events, Measure::Unpriced];

    /// The table of an answer to a question for [`Self::MEASURES`]; what is beyond the groups that
    /// are kept has no values.
    pub(super) fn of(answered: &Answered, tz: Tz) -> Self {
        let buckets = answered.question.period().buckets.as_ref();
        let rows = answered.answer.rows.iter().map(|row| SpendRow {
            starts_at: row.bucket.and_then(|bucket| Some(buckets?.start(bucket))),
            group: match &row.group {
                Group::Of(key) => key.to_vec(),
                Group::Other => Vec::new(),
            },
            ..figures(&row.values.now)
        });
        let rows = rows.filter(|row| row.events != 0 || row.nanos != 0).collect();
        Self { tz, rows, total: figures(&answered.answer.total.now) }
    }

    /// The local day on which the bucket of `row` begins.
    pub fn day(&self, row: &SpendRow) -> Option<NaiveDate> {
        Some(row.starts_at?.with_timezone(&self.tz).date_naive())
    }

    /// Both tables as one: those of two questions which differ in nothing but in which events they
    /// are about.
    pub fn and(self, other: Self) -> Self {
        let mut rows: BTreeMap<Place, SpendRow> = BTreeMap::new();
        for row in self.rows.into_iter().chain(other.rows) {
            let place = (row.starts_at, row.group.clone());
            match rows.entry(place) {
                Entry::Vacant(own) => {
                    own.insert(row);
                }
                Entry::Occupied(mut own) => own.get_mut().add(&row),
            }
        }
        let mut total = self.total;
        total.add(&other.total);
        Self { tz: self.tz, rows: rows.into_values().collect(), total }
    }

    /// The rows of the days from `first` on. The total stays that of all.
    pub fn since(&self, first: NaiveDate) -> Self {
        let is_within = |row: &&SpendRow| self.day(row).is_some_and(|day| day >= first);
        Self { rows: self.rows.iter().filter(is_within).cloned().collect(), ..self.clone() }
    }
}

impl Insights {
    /// Answers about the account `scope` only, where there is one.
    pub async fn spend(
        &self,
        question: SpendQuestion,
        scope: Option<&str>,
    ) -> Result<SpendTable, UnansweredError> {
        let (from, to) = question.range();
        let SpendQuestion { tz, every, by, filters, extremes, .. } = question;
        let mut measures = SpendTable::MEASURES.to_vec();
        if extremes {
            measures.extend([Measure::SpendLeast, Measure::SpendMost]);
        }
        let asked =
            UsageQuestion { from, to, tz, every, by, filters, measures, top: None, compare: false };
        let answered = match (every, asked.by.is_empty()) {
            (Some(_), _) => self.questions.series(asked, scope).await?,
            (None, false) => self.questions.breakdown(asked, scope).await?,
            (None, true) => self.questions.total(asked, scope).await?,
        };
        Ok(SpendTable::of(&answered, tz))
    }

    /// The newest events that were charged more than `above`.
    pub async fn expensive_events(
        &self,
        question: &SpendQuestion,
        above: Amount,
        limit: usize,
        scope: Option<&str>,
    ) -> Result<Vec<Fact>, UnansweredError> {
        self.events(question, Some(above), limit, scope).await
    }

    /// The newest events.
    pub async fn newest_events(
        &self,
        question: &SpendQuestion,
        limit: usize,
        scope: Option<&str>,
    ) -> Result<Vec<Fact>, UnansweredError> {
        self.events(question, None, limit, scope).await
    }

    async fn events(
        &self,
        question: &SpendQuestion,
        above: Option<Amount>,
        limit: usize,
        scope: Option<&str>,
    ) -> Result<Vec<Fact>, UnansweredError> {
        let (from, to) = question.range();
        let filters = question.filters.clone();
        let about_lacking = false;
        let asked =
            UsageEvents { from, to, filters, id: None, above, about_lacking, limit, after: None };
        Ok(self.questions.events(asked, scope).await?.facts)
    }
}

/// The figures of a row, in the order in which they were asked.
fn figures(values: &[Value]) -> SpendRow {
    let figure = |index: usize| match values.get(index) {
        Some(Value::Amount { nanos }) => *nanos,
        Some(Value::Count(count)) => *count,
        _ => 0,
    };
    SpendRow {
        nanos: figure(0),
        events: figure(1),
        unpriced: figure(2),
        least: figure(3),
        most: figure(4),
        ..SpendRow::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_tables_are_one_row_for_row() {
        let row = |group: &str, nanos: i128, least: i128| SpendRow {
            group: vec![Some(group.into())],
            nanos,
            events: 1,
            least,
            most: nanos,
            ..SpendRow::default()
        };
        let table = |rows: Vec<SpendRow>| {
            let mut total = SpendRow::default();
            rows.iter().for_each(|row| total.add(row));
            SpendTable { tz: Tz::UTC, rows, total }
        };

        let both = table(vec![row("a", 5, 5), row("b", 7, 7)])
            .and(table(vec![row("b", 1, 1), row("c", 2, 2)]));

        let told: Vec<_> = both.rows.iter().map(|row| (row.nanos, row.events, row.least)).collect();
        assert_eq!(told, [(5, 1, 5), (8, 2, 1), (2, 1, 2)]);
        assert_eq!((both.total.nanos, both.total.events, both.total.most), (15, 4, 7));
    }
}
