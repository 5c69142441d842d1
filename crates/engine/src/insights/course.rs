//! Spend day by day, without gaps.

use std::collections::BTreeMap;

use chrono::{NaiveDate, TimeDelta};
use compact_str::CompactString;

use super::SpendTable;

/// Spend of consecutive days, from the first with usage on. Days before those that it tells of may
/// be known as well, see [`Course::since`].
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Course {
    first: Option<NaiveDate>,
    /// How many days are known before those that are told of.
    before: usize,
    nanos: Vec<i128>,
    events: Vec<i128>,
    /// Whether the last day is not over.
    runs: bool,
}

impl Course {
    /// The course of `table`, whose buckets are days, up to `last`; whatever it is grouped by is
    /// added up. The day `today` is not over.
    pub fn of(table: &SpendTable, last: NaiveDate, today: NaiveDate) -> Self {
        let days = table.rows.iter().filter_map(|row| Some((table.day(row)?, row)));
        let first = days.clone().map(|(day, _)| day).min();
        let Some(first) = first.filter(|first| *first <= last) else { return Self::default() };
        let count = (last - first).num_days().unsigned_abs() as usize + 1;
        let mut course = Self {
            first: Some(first),
            before: 0,
            nanos: vec![0; count],
            events: vec![0; count],
            runs: last >= today,
        };
        for (day, row) in days {
            let place = (day - first).num_days().unsigned_abs() as usize;
            if place < count {
                course.nanos[place] += row.nanos;
                course.events[place] += row.events;
            }
        }
        course
    }

    /// A course for each value of the first attribute that `table` is grouped by.
    pub fn by_group(
        table: &SpendTable,
        last: NaiveDate,
        today: NaiveDate,
    ) -> BTreeMap<Option<CompactString>, Self> {
        let mut tables: BTreeMap<Option<CompactString>, SpendTable> = BTreeMap::new();
        for row in &table.rows {
            let group = row.group.first().cloned().flatten();
            let own = tables.entry(group).or_insert_with(|| SpendTable {
                tz: table.tz,
                rows: Vec::new(),
                total: Default::default(),
            });
            own.rows.push(row.clone());
        }
        let course = |table: SpendTable| Self::of(&table, last, today);
        tables.into_iter().map(|(group, table)| (group, course(table))).collect()
    }

    /// Tells of the days from `first` on. What was before stays known to an analysis: what a weekday
    /// or a level usually is cannot be seen in a few weeks.
    pub fn since(self, first: NaiveDate) -> Self {
        let before = self.first.map_or(0, |known| (first - known).num_days().max(0));
        Self { before: usize::try_from(before).unwrap_or(0).min(self.nanos.len()), ..self }
    }

    /// How many days there are, the one that runs among them.
    pub fn len(&self) -> usize {
        self.nanos.len() - self.before
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many days before them are known.
    pub const fn days_before(&self) -> usize {
        self.before
    }

    /// How many days are over.
    pub fn whole_days(&self) -> usize {
        self.len() - usize::from(self.runs && !self.is_empty())
    }

    /// Whether the day at `place` is not over.
    pub fn is_running(&self, place: usize) -> bool {
        place >= self.whole_days()
    }

    /// The date of the day at `place`, which may lie ahead.
    pub fn date(&self, place: usize) -> NaiveDate {
        let place = i64::try_from(self.before + place).unwrap_or(i64::MAX / 200_000_000_000);
        let ahead = TimeDelta::days(place);
        self.first.and_then(|first| first.checked_add_signed(ahead)).unwrap_or_default()
    }

    /// Date, spend in nanos and events of each day.
    pub fn days(&self) -> impl Iterator<Item = (NaiveDate, i128, i128)> {
        let figures = self.nanos.iter().zip(&self.events).skip(self.before).enumerate();
        figures.map(|(place, (nanos, events))| (self.date(place), *nanos, *events))
    }

    /// All spend, in nanos.
    pub fn total(&self) -> i128 {
        self.nanos[self.before..].iter().sum()
    }

    /// Spend of the days that are over, in units.
    pub fn whole_values(&self) -> Vec<f64> {
        self.known_values().split_off(self.before)
    }

    /// The same, with the days before that are known.
    pub fn known_values(&self) -> Vec<f64> {
        let over = &self.nanos[..self.before + self.whole_days()];
        over.iter().map(|nanos| units(*nanos)).collect()
    }
}

/// Nanos in units: the float nearest to them.
#[allow(clippy::cast_precision_loss)]
pub fn units(nanos: i128) -> f64 {
    const EXACT: i128 = 1 << 53;
    if nanos.abs() <= EXACT {
        return nanos as f64 / 1e9;
    }
    // Beyond, both the nanos and the quotient would be rounded.
    let (whole, rest) = (nanos / 1_000_000_000, nanos % 1_000_000_000);
    format!("{}{}.{:09}", if nanos < 0 { "-" } else { "" }, whole.abs(), rest.abs())
        .parse()
        .unwrap_or(f64::NAN)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use chrono_tz::Tz;

    use super::*;
    use crate::insights::SpendRow;

    #[test]
    fn gaps_are_zeros_and_the_running_day_is_none_of_the_maths() {
        let row = |at: &str, nanos| SpendRow {
            starts_at: Some(at.parse().unwrap()),
            nanos,
            events: 1,
            ..SpendRow::default()
        };
        let table = SpendTable {
            tz: Tz::Europe__Berlin,
            rows: vec![row("2026-03-27T23:00:00Z", 5), row("2026-03-29T22:00:00Z", 7)],
            total: SpendRow::default(),
        };
        let day = |day| NaiveDate::from_ymd_opt(2026, 3, day).unwrap();

        let course = Course::of(&table, day(31), day(31));

        let days: Vec<_> = course.days().map(|(date, nanos, _)| (date, nanos)).collect();
        assert_eq!(days, [(day(28), 5), (day(29), 0), (day(30), 7), (day(31), 0)]);
        assert_eq!((course.whole_days(), course.total()), (3, 12));
        assert!(course.is_running(3) && !course.is_running(2));
        assert_eq!(course.date(4), NaiveDate::from_ymd_opt(2026, 4, 1).unwrap());
        assert!(Course::of(&table, day(1), day(31)).is_empty());
    }

    #[test]
    fn units_are_the_nearest_floats() {
        for (nanos, expected) in [
            (9_633_419_063_100, 9_633.419_063_1),
            (-1, -1e-9),
            (123_456_789_012_345_678_901, 123_456_789_012.345_67),
        ] {
            assert!((units(nanos) - expected).abs() < f64::EPSILON * expected.abs(), "{nanos}");
        }
    }
}
