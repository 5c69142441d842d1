//! Whole days of a time zone.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use outlay_domain::usage::question::day_start;

/// Whole days, both ends included.
///
/// Invariant: `first <= last`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Days {
    first: NaiveDate,
    last: NaiveDate,
}

impl Days {
    /// The days from `first` to `last`; `None` where there are none.
    pub fn new(first: NaiveDate, last: NaiveDate) -> Option<Self> {
        (first <= last).then_some(Self { first, last })
    }

    /// One day.
    pub const fn only(day: NaiveDate) -> Self {
        Self { first: day, last: day }
    }

    /// All days up to `last`.
    pub fn until(last: NaiveDate) -> Self {
        Self { first: last.min(Self::OPEN), last }
    }

    /// The day before which nothing was measured.
    const OPEN: NaiveDate = NaiveDate::MIN;

    /// The first day, where there is one.
    pub fn start(self) -> Option<NaiveDate> {
        (self.first != Self::OPEN).then_some(self.first)
    }

    /// `last` and the `before` days before it; `None` beyond the calendar.
    pub fn ending(last: NaiveDate, before: u32) -> Option<Self> {
        let first = last.checked_sub_signed(TimeDelta::days(before.into()))?;
        Some(Self { first, last })
    }

    /// These days and the `before` days before them, as far as the calendar goes.
    pub fn with_before(self, before: u32) -> Self {
        let first =
            self.start().and_then(|first| first.checked_sub_signed(TimeDelta::days(before.into())));
        Self { first: first.unwrap_or(self.first), ..self }
    }

    /// The first day.
    pub const fn first(self) -> NaiveDate {
        self.first
    }

    /// The last day.
    pub const fn last(self) -> NaiveDate {
        self.last
    }

    /// Whether `day` is one of them.
    pub fn contains(self, day: NaiveDate) -> bool {
        self.first <= day && day <= self.last
    }

    /// How many there are, from the first to the last.
    pub fn count(self) -> i64 {
        (self.last - self.first).num_days() + 1
    }

    /// The first instant in `tz`, where there is one, and the first after.
    pub fn instants(self, tz: Tz) -> (Option<DateTime<Utc>>, DateTime<Utc>) {
        let after = day_start(self.last.succ_opt().unwrap_or(self.last), tz);
        (self.start().map(|first| day_start(first, tz)), after)
    }

    /// Each of them.
    pub fn iter(self) -> impl Iterator<Item = NaiveDate> {
        self.first.iter_days().take_while(move |day| *day <= self.last)
    }
}
