//! What every handler asks with: somebody's account, and usage as it stands at one moment.

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike, Months, NaiveDate, Utc};
use chrono_tz::Tz;
use compact_str::CompactString;
use outlay_domain::usage::question::{Attribute, Every, Group, Measure, Value, Values, day_start};
use outlay_engine::usage::{Answered, Questions, UsageQuestion};

use super::access::Person;
use super::error::Refused;
use super::providers::key_of;
use crate::state::AppState;

/// ALwrity's months are those of UTC.
const TZ: Tz = Tz::UTC;

/// Pairs of a provider and an operation that are told apart, those of the most calls; the others are
/// counted as `other`, so that whoever sends many names makes no answer long.
const NAMES_MAX: usize = 200;

/// A month of the calendar, which is what ALwrity's pages mean by a billing period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Month(NaiveDate);

impl Month {
    /// The month of that moment.
    pub fn of(at: DateTime<Utc>) -> Self {
        let day = at.date_naive();
        Self(day.with_day(1).unwrap_or(day))
    }

    /// The month called so, e.g. `2026-11`.
    pub fn named(name: &str) -> Result<Self, Refused> {
        let day = NaiveDate::parse_from_str(&format!("{name}-01"), "%Y-%m-%d").ok();
        let day = day.filter(|day| name.len() == 7 && (1971..2200).contains(&day.year()));
        day.map(Self).ok_or_else(|| {
            let why = "String should be a month as YYYY-MM";
            Refused::invalid("string_pattern_mismatch", "query", "billing_period", why, name)
        })
    }

    /// The month so many months before.
    pub fn before(self, months: u32) -> Self {
        Self(self.0.checked_sub_months(Months::new(months)).unwrap_or(self.0))
    }

    /// The month after.
    fn next(self) -> Self {
        Self(self.0.checked_add_months(Months::new(1)).unwrap_or(self.0))
    }

    /// When it begins.
    pub fn from(self) -> DateTime<Utc> {
        day_start(self.0, TZ)
    }

    /// When it is over.
    pub fn to(self) -> DateTime<Utc> {
        self.next().from()
    }

    /// Its name, e.g. `2026-11`.
    pub fn name(self) -> String {
        self.0.format("%Y-%m").to_string()
    }

    /// How many days it has.
    pub fn days(self) -> i64 {
        (self.next().0 - self.0).num_days()
    }
}

/// What was used of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Used {
    /// Calls, those too that failed.
    pub calls: i128,
    /// Tokens of every kind.
    pub tokens: i128,
    /// What they cost, in billionths of a dollar.
    pub nanos: i128,
}

impl Used {
    const MEASURES: [Measure; 3] = [Measure::Events, Measure::Tokens, Measure::Spend];

    fn of(values: &Values) -> Self {
        let at = |place: usize| values.now.get(place).copied().map_or(0, whole);
        Self { calls: at(0), tokens: at(1), nanos: at(2) }
    }

    fn add(&mut self, other: Self) {
        self.calls += other.calls;
        self.tokens += other.tokens;
        self.nanos += other.nanos;
    }
}

/// What was used in a month, or in all months.
#[derive(Debug, Clone)]
pub struct Usage {
    /// All of it.
    pub total: Used,
    /// Under each of ALwrity's names, which sum to the total.
    pub by: BTreeMap<CompactString, Used>,
    /// Of the calls, how many failed.
    pub failed: i128,
    /// How long a call took, in milliseconds.
    pub latency_ms: f64,
    /// When it was asked for.
    pub asked_at: DateTime<Utc>,
}

/// What was used month by month.
#[derive(Debug, Clone)]
pub struct Course {
    /// The months, the oldest first, without a gap.
    pub months: Vec<Month>,
    /// What was used in each.
    pub total: Vec<Used>,
    /// What was used in each, under each of ALwrity's names.
    pub by: BTreeMap<CompactString, Vec<Used>>,
}

/// What a handler asks with about one account.
pub struct Desk {
    /// The account.
    pub account: CompactString,
    questions: Questions,
    now: DateTime<Utc>,
}

impl Desk {
    /// A desk for `person` about `account`; all that is asked there is about one moment.
    pub fn new(state: &AppState, person: &Person, account: CompactString) -> Self {
        let questions = state.outlay.questions.by(person.by()).of_one_moment();
        Self { account, questions, now: state.outlay.clock.now() }
    }

    /// The time now.
    pub const fn now(&self) -> DateTime<Utc> {
        self.now
    }

    /// The month that runs.
    pub fn month(&self) -> Month {
        Month::of(self.now)
    }

    /// Where events are asked for.
    pub const fn questions(&self) -> &Questions {
        &self.questions
    }

    /// What was used in `month`, or in all months.
    pub async fn usage(&self, month: Option<Month>) -> Result<Usage, Refused> {
        let [events, tokens, spend] = Used::MEASURES;
        let measures = vec![events, tokens, spend, Measure::Errors, Measure::LatencyMean];
        let scope = Some(self.account.as_str());
        let all = UsageQuestion { measures, ..asked(month, month) };
        let parts = UsageQuestion { by: names(), top: Some(NAMES_MAX), ..asked(month, month) };
        let all = self.questions.total(all, scope).await?;
        let parts = self.questions.breakdown(parts, scope).await?;
        let values = all.answer.rows.first().map_or(&all.answer.total, |row| &row.values);
        let mut by = BTreeMap::<CompactString, Used>::new();
        for (key, used) in keyed(&parts) {
            by.entry(key).or_default().add(used);
        }
        let at = |place: usize| values.now.get(place).copied();
        Ok(Usage {
            total: Used::of(values),
            by,
            failed: at(3).map_or(0, whole),
            latency_ms: match at(4) {
                Some(Value::Latency { micros: Some(micros) }) => micros / 1e3,
                _ => 0.0,
            },
            asked_at: self.now,
        })
    }

    /// What was used in each month from `first` to the one that runs, by ALwrity's names.
    pub async fn course(&self, first: Month) -> Result<Course, Refused> {
        let question = UsageQuestion {
            by: names(),
            top: Some(NAMES_MAX),
            every: Some(Every::Month),
            ..asked(Some(first), Some(self.month()))
        };
        let answered = self.questions.series(question, Some(&self.account)).await?;
        let mut months = vec![first];
        while let Some(last) = months.last().copied().filter(|last| *last < self.month()) {
            months.push(last.next());
        }
        let mut total = vec![Used::default(); months.len()];
        let mut by = BTreeMap::<CompactString, Vec<Used>>::new();
        for row in &answered.answer.rows {
            let Some(place) = row.bucket.filter(|place| *place < months.len()) else { continue };
            let used = Used::of(&row.values);
            total[place].add(used);
            let of_key =
                by.entry(key(&row.group)).or_insert_with(|| vec![Used::default(); months.len()]);
            of_key[place].add(used);
        }
        Ok(Course { months, total, by })
    }

    /// What was used in each month in which anything was, the newest first.
    pub async fn history(&self) -> Result<Vec<(Month, Used)>, Refused> {
        let question = UsageQuestion { every: Some(Every::Month), ..asked(None, None) };
        let answered = self.questions.series(question, Some(&self.account)).await?;
        let Some(buckets) = &answered.question.period().buckets else { return Ok(vec![]) };
        let month = |place: usize| Month::of(buckets.start(place));
        let rows = answered.answer.rows.iter();
        let used = rows.filter_map(|row| Some((month(row.bucket?), Used::of(&row.values))));
        let mut used: Vec<_> =
            used.filter(|(_, used)| used.calls != 0 || used.nanos != 0).collect();
        used.reverse();
        Ok(used)
    }
}

/// What ALwrity's names are made of.
fn names() -> Vec<Attribute> {
    vec![Attribute::Provider, Attribute::Operation]
}

/// A question about all that was used from one month to the other.
pub fn asked(first: Option<Month>, last: Option<Month>) -> UsageQuestion {
    UsageQuestion {
        from: first.map(Month::from),
        to: last.map(Month::to),
        tz: TZ,
        every: None,
        by: vec![],
        filters: vec![],
        measures: Used::MEASURES.to_vec(),
        top: None,
        compare: false,
    }
}

fn keyed(answered: &Answered) -> impl Iterator<Item = (CompactString, Used)> {
    answered.answer.rows.iter().map(|row| (key(&row.group), Used::of(&row.values)))
}

fn key(group: &Group) -> CompactString {
    match group {
        Group::Of(names) => {
            let name = |place: usize| names.get(place)?.as_deref();
            key_of(name(0), name(1))
        }
        Group::Other => CompactString::const_new("other"),
    }
}

const fn whole(value: Value) -> i128 {
    match value {
        Value::Amount { nanos } => nanos,
        Value::Count(count) => count,
        _ => 0,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn months_are_those_of_the_calendar() {
        let march = Month::of("2026-03-31T23:59:59Z".parse().unwrap());
        let back: Vec<String> = (0..6).rev().map(|back| march.before(back).name()).collect();

        assert_eq!(back, ["2025-10", "2025-11", "2025-12", "2026-01", "2026-02", "2026-03"]);
        assert_eq!(Month::named("2028-02").unwrap().days(), 29);
        assert_eq!(Month::named("2026-12").unwrap().to().to_string(), "2027-01-01 00:00:00 UTC");
        for wrong in ["2026-13", "2026-1", "26-11", "", "all", "2026-11-01", "9999-01"] {
            assert!(Month::named(wrong).is_err(), "{wrong}");
        }
    }
}
