//! Distances between stamps, and the grids that they make.

use std::fmt;
use std::num::{NonZeroU32, NonZeroU64};

use chrono::{Datelike, Days, NaiveDate, NaiveDateTime, NaiveTime};

use super::Stamp;

pub(super) const SECOND: u64 = 1_000_000;
pub(super) const MINUTE: u64 = 60 * SECOND;
pub(super) const HOUR: u64 = 60 * MINUTE;
pub(super) const DAY: u64 = 24 * HOUR;

/// The distance from one stamp to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// So many, between integers.
    Count(NonZeroU64),
    /// So many microseconds, between times.
    Micros(NonZeroU64),
    /// So many days, between dates or times.
    Days(NonZeroU32),
    /// To the next Monday, Tuesday, … Friday, between dates or times.
    Weekdays,
    /// So many calendar months, between dates or times.
    Months {
        /// How many; 3 for quarters, 12 for years.
        count: NonZeroU32,
        /// The day of the month, or the month's last day where it has fewer; 31 is the end of
        /// each month.
        day: u32,
    },
}

impl Step {
    /// An hour.
    pub const HOURLY: Self = Self::seconds(3_600);
    /// A day.
    pub const DAILY: Self = Self::days(1);
    /// Seven days.
    pub const WEEKLY: Self = Self::days(7);
    /// A calendar month, from its first day.
    pub const MONTHLY: Self = Self::months(1);
    /// Three calendar months, from their first day.
    pub const QUARTERLY: Self = Self::months(3);
    /// Twelve calendar months, from their first day.
    pub const YEARLY: Self = Self::months(12);

    /// A step between integers; of 1 where `count` is 0.
    pub const fn count(count: u64) -> Self {
        match NonZeroU64::new(count) {
            Some(count) => Self::Count(count),
            None => Self::Count(NonZeroU64::MIN),
        }
    }

    /// A step of time; a second where `seconds` is 0.
    pub const fn seconds(seconds: u32) -> Self {
        match NonZeroU64::new(seconds as u64 * SECOND) {
            Some(micros) => Self::Micros(micros),
            None => Self::seconds(1),
        }
    }

    /// A step of days; one where `days` is 0.
    pub const fn days(days: u32) -> Self {
        match NonZeroU32::new(days) {
            Some(days) => Self::Days(days),
            None => Self::Days(NonZeroU32::MIN),
        }
    }

    /// A step of calendar months from the first of the month; one where `months` is 0.
    pub const fn months(months: u32) -> Self {
        match NonZeroU32::new(months) {
            Some(count) => Self::Months { count, day: 1 },
            None => Self::months(1),
        }
    }

    /// Season lengths, in steps, that such data often has: a day and a week of hours, the week of
    /// days, the year of days, weeks, months and quarters. Only those of which `len` values hold
    /// two full cycles, the shortest first. They are candidates, to be tested against the data.
    pub fn seasons(self, len: usize) -> Vec<usize> {
        let candidates: Vec<u64> = match self {
            Self::Count(_) => Vec::new(),
            Self::Micros(micros) => {
                [HOUR, DAY, 7 * DAY].iter().filter_map(|&cycle| whole(cycle, micros)).collect()
            }
            Self::Days(days) => match days.get() {
                1 => vec![7, 365],
                7 => vec![52],
                14 => vec![26],
                28 => vec![13],
                _ => Vec::new(),
            },
            Self::Weekdays => vec![5, 261],
            Self::Months { count, .. } => whole(12, NonZeroU64::from(count)).into_iter().collect(),
        };
        let held = |&season: &u64| season >= 2 && season.saturating_mul(2) <= len as u64;
        candidates
            .into_iter()
            .filter(held)
            .filter_map(|season| usize::try_from(season).ok())
            .collect()
    }

    /// This step with the day of the month, that `stamps` have in common.
    pub(super) fn anchored(self, stamps: &[Stamp]) -> Self {
        match self {
            Self::Months { count, day } => {
                let day = month_day(stamps).unwrap_or(day);
                Self::Months { count, day }
            }
            other => other,
        }
    }

    /// The beginning of the hour, day, week or month in which `stamp` lies, as far as this step
    /// has one. Weeks begin on Monday.
    pub(super) fn beginning(self, stamp: Stamp) -> Stamp {
        match (self, stamp) {
            (Self::Count(count), Stamp::Integer(number)) => {
                let count = i64::try_from(count.get()).unwrap_or(i64::MAX);
                Stamp::Integer(number.saturating_sub(number.rem_euclid(count)))
            }
            (Self::Micros(micros), Stamp::Time(time)) => {
                let day = time.date().and_time(NaiveTime::MIN);
                let since = time.signed_duration_since(day).num_microseconds().unwrap_or(0);
                let micros = i64::try_from(micros.get()).unwrap_or(i64::MAX);
                Stamp::Time(day + chrono::Duration::microseconds(since - since % micros))
            }
            (Self::Days(_) | Self::Months { .. } | Self::Weekdays, Stamp::Date(date)) => {
                Stamp::Date(self.beginning_day(date))
            }
            (Self::Days(_) | Self::Months { .. } | Self::Weekdays, Stamp::Time(time)) => {
                Stamp::Time(self.beginning_day(time.date()).and_time(NaiveTime::MIN))
            }
            (_, other) => other,
        }
    }

    fn beginning_day(self, date: NaiveDate) -> NaiveDate {
        match self {
            Self::Days(days) if days.get().is_multiple_of(7) => {
                let into_week = u64::from(date.weekday().num_days_from_monday());
                date.checked_sub_days(Days::new(into_week)).unwrap_or(date)
            }
            Self::Months { count, day } => {
                // Quarters and years begin where the calendar's do.
                let month = month_of(date);
                clamped(month - month.rem_euclid(i64::from(count.get())), day).unwrap_or(date)
            }
            _ => date,
        }
    }
}

/// How many steps of `micros` make `cycle`, where that is a whole number.
fn whole(cycle: u64, micros: NonZeroU64) -> Option<u64> {
    cycle.is_multiple_of(micros.get()).then(|| cycle / micros)
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (number, unit) = match *self {
            Self::Count(count) => return write!(f, "{count}"),
            Self::Weekdays => return f.write_str("weekday"),
            Self::Days(days) if days.get().is_multiple_of(7) => (u64::from(days.get()) / 7, "week"),
            Self::Days(days) => (u64::from(days.get()), "day"),
            Self::Months { count, .. } if count.get().is_multiple_of(12) => {
                (u64::from(count.get()) / 12, "year")
            }
            Self::Months { count, .. } if count.get() == 3 => (1, "quarter"),
            Self::Months { count, .. } => (u64::from(count.get()), "month"),
            Self::Micros(micros) => [(HOUR, "hour"), (MINUTE, "minute"), (SECOND, "second")]
                .into_iter()
                .find_map(|(length, unit)| {
                    whole(micros.get(), length.try_into().ok()?).map(|n| (n, unit))
                })
                .unwrap_or((micros.get(), "microsecond")),
        };
        match number {
            1 => write!(f, "1 {unit}"),
            number => write!(f, "{number} {unit}s"),
        }
    }
}

/// Stamps one step from each other, from an origin on, in both directions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grid {
    origin: Stamp,
    step: Step,
    nearest: bool,
}

impl Grid {
    /// From `origin` on; `None` where the step does not fit the kind of stamp.
    pub fn new(origin: Stamp, step: Step) -> Option<Self> {
        let fits = match step {
            Step::Count(count) => {
                matches!(origin, Stamp::Integer(_)) && i64::try_from(count.get()).is_ok()
            }
            Step::Micros(micros) => {
                matches!(origin, Stamp::Time(_)) && i64::try_from(micros.get()).is_ok()
            }
            Step::Days(_) | Step::Weekdays | Step::Months { .. } => {
                matches!(origin, Stamp::Date(_) | Stamp::Time(_))
            }
        };
        fits.then_some(Self { origin, step, nearest: false })
    }

    /// A stamp between two places belongs to the nearer one, no longer to the earlier: right for
    /// clocks that are a little off, wrong for gathering.
    #[must_use]
    pub fn nearest(self) -> Self {
        Self { nearest: true, ..self }
    }

    /// Its step.
    pub fn step(&self) -> Step {
        self.step
    }

    /// The stamp `place` steps from the origin; `None` beyond the calendar.
    pub fn stamp_at(&self, place: i64) -> Option<Stamp> {
        match self.step {
            Step::Months { count, day } => {
                let months = place.checked_mul(i64::from(count.get()))?;
                self.with_date(|date| clamped(month_of(date).checked_add(months)?, day))
            }
            Step::Weekdays => self
                .with_date(|date| weekday_at(weekdays_before(days_of(date)).checked_add(place)?)),
            Step::Count(_) | Step::Micros(_) | Step::Days(_) => {
                let ahead = place.checked_mul(self.length())?;
                self.origin.at_axis(self.origin.axis().checked_add(ahead)?)
            }
        }
    }

    /// How many steps from the origin `stamp` is; `None` where it is of another kind, or where the
    /// number is too large. What lies between two places belongs to the earlier.
    pub fn place_of(&self, stamp: Stamp) -> Option<i64> {
        if !stamp.same_kind(self.origin) {
            return None;
        }
        match self.step {
            Step::Months { count, day } => {
                let date = date_of(stamp)?;
                let begun = day == 31 || clamped(month_of(date), day).is_none_or(|at| at <= date);
                let month = month_of(date) - i64::from(!begun);
                let months = month - month_of(date_of(self.origin)?);
                Some(months.div_euclid(i64::from(count.get())))
            }
            Step::Weekdays => {
                let from = weekdays_before(days_of(date_of(self.origin)?));
                // A Saturday counts as the Friday before it.
                let date = days_of(date_of(stamp)?);
                let to = weekdays_before(date) - i64::from(!is_weekday(date));
                Some(to - from)
            }
            Step::Count(_) | Step::Micros(_) | Step::Days(_) => {
                let length = i128::from(self.length());
                let half = if self.nearest { length / 2 } else { 0 };
                let ahead = i128::from(stamp.axis()) - i128::from(self.origin.axis()) + half;
                i64::try_from(ahead.div_euclid(length)).ok()
            }
        }
    }

    /// Whether `stamp` is exactly one of the grid's.
    pub fn is_on(&self, stamp: Stamp) -> bool {
        self.place_of(stamp).and_then(|place| self.stamp_at(place)) == Some(stamp)
    }

    /// The length of a step on the origin's axis, for steps that have one.
    fn length(&self) -> i64 {
        let length = match (self.step, self.origin) {
            (Step::Count(length) | Step::Micros(length), _) => length.get(),
            (Step::Days(days), Stamp::Time(_)) => u64::from(days.get()) * DAY,
            (Step::Days(days), _) => u64::from(days.get()),
            (Step::Weekdays | Step::Months { .. }, _) => 1,
        };
        i64::try_from(length).unwrap_or(i64::MAX)
    }

    /// The origin on another day.
    fn with_date(&self, other: impl FnOnce(NaiveDate) -> Option<NaiveDate>) -> Option<Stamp> {
        match self.origin {
            Stamp::Integer(_) => None,
            Stamp::Date(date) => other(date).map(Stamp::Date),
            Stamp::Time(time) => {
                other(time.date()).map(|date| Stamp::Time(date.and_time(time.time())))
            }
        }
    }
}

/// The day of the month that all stamps have in common, 31 where all are the end of their month;
/// `None` where there is none, or where the time of day differs.
pub(super) fn month_day(stamps: &[Stamp]) -> Option<u32> {
    let times: Vec<NaiveDateTime> =
        stamps.iter().map(|&stamp| time_of(stamp)).collect::<Option<_>>()?;
    let clock = times.first()?.time();
    if times.iter().any(|time| time.time() != clock) {
        return None;
    }
    // The largest day is the one that no month cut short.
    let day = times.iter().map(NaiveDateTime::day).max()?;
    let all_on = |day: u32| {
        times.iter().all(|time| clamped(month_of(time.date()), day) == Some(time.date()))
    };
    // Only a month shorter than the day before tells an end from a day.
    let ends = day >= 28 && all_on(31);
    if ends { Some(31) } else { all_on(day).then_some(day) }
}

pub(super) fn date_of(stamp: Stamp) -> Option<NaiveDate> {
    time_of(stamp).map(|time| time.date())
}

pub(super) fn time_of(stamp: Stamp) -> Option<NaiveDateTime> {
    match stamp {
        Stamp::Integer(_) => None,
        Stamp::Date(date) => Some(date.and_time(NaiveTime::MIN)),
        Stamp::Time(time) => Some(time),
    }
}

/// Months since the beginning of the year 0.
pub(super) fn month_of(date: NaiveDate) -> i64 {
    i64::from(date.year()) * 12 + i64::from(date.month0())
}

/// `day` in the given month, or the month's last day.
fn clamped(month: i64, day: u32) -> Option<NaiveDate> {
    let year = i32::try_from(month.div_euclid(12)).ok()?;
    let month = u32::try_from(month.rem_euclid(12)).ok()? + 1;
    (28..=31)
        .rev()
        .map(|last| day.min(last))
        .find_map(|day| NaiveDate::from_ymd_opt(year, month, day))
}

pub(super) fn days_of(date: NaiveDate) -> i64 {
    Stamp::Date(date).axis()
}

/// The Monday before 1970-01-01, which was a Thursday.
const MONDAY: i64 = -3;

/// Mondays to Fridays from a fixed Monday up to `day`, which does not count.
pub(super) fn weekdays_before(day: i64) -> i64 {
    let days = day - MONDAY;
    days.div_euclid(7) * 5 + days.rem_euclid(7).min(5)
}

fn weekday_at(count: i64) -> Option<NaiveDate> {
    let days = count.div_euclid(5).checked_mul(7)?.checked_add(count.rem_euclid(5) + MONDAY)?;
    NaiveDate::default().checked_add_signed(chrono::Duration::try_days(days)?)
}

pub(super) fn is_weekday(day: i64) -> bool {
    (day - MONDAY).rem_euclid(7) < 5
}
