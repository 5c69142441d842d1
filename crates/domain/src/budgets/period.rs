//! The time that a budget is for.

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::usage::question::{Every, day_start};

/// Days that a rolling budget may look back, at most.
pub const ROLLING_DAYS_MAX: u16 = 366;
/// Days between two dates, at most: ten years.
pub const ONCE_DAYS_MAX: i64 = 3_660;
/// The first date that a budget may begin on: usage is from 1970 on, in every time zone.
pub const DATE_MIN: NaiveDate = date(1970, 1, 2);
/// The last date that a budget may end on.
pub const DATE_MAX: NaiveDate = date(2199, 12, 31);

const fn date(year: i32, month: u32, day: u32) -> NaiveDate {
    match NaiveDate::from_ymd_opt(year, month, day) {
        Some(date) => date,
        None => NaiveDate::MIN,
    }
}

/// The time that a budget is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case", tag = "every", deny_unknown_fields)]
#[schema(as = BudgetPeriod)]
pub enum Period {
    /// Each day.
    Day {},
    /// Each week, from Monday.
    Week {},
    /// Each month.
    Month {},
    /// Each quarter, from January.
    Quarter {},
    /// Each year.
    Year {},
    /// The last days, today included.
    Rolling {
        /// How many.
        #[schema(minimum = 1, maximum = 366, example = 7)]
        days: u16,
    },
    /// From one date to another, once.
    Once {
        /// The first day.
        first: NaiveDate,
        /// The last day.
        last: NaiveDate,
    },
}

/// A range of instants, `[from, to)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Where it begins.
    pub from: DateTime<Utc>,
    /// Where it ends.
    pub to: DateTime<Utc>,
}

impl Window {
    /// Whether `at` lies in it.
    pub fn contains(self, at: DateTime<Utc>) -> bool {
        self.from <= at && at < self.to
    }

    /// How many days it has, a running one included; parts count as parts.
    pub fn days(self) -> f64 {
        (self.to - self.from).as_seconds_f64() / 86_400.0
    }
}

impl Period {
    /// The window in which `at` lies, or for dates the only one there is.
    pub fn window(self, at: DateTime<Utc>, tz: Tz) -> Window {
        let today = at.with_timezone(&tz).date_naive();
        let dates = |first: NaiveDate, end: NaiveDate| Window {
            from: day_start(first, tz),
            to: day_start(end, tz),
        };
        let calendar = |every: Every| {
            let from = every.start(at, tz);
            Window { from, to: every.next(from, tz) }
        };
        match self {
            Self::Day {} => calendar(Every::Day),
            Self::Week {} => calendar(Every::Week),
            Self::Month {} => calendar(Every::Month),
            Self::Quarter {} => {
                let first = month_start(today.year(), today.month0() / 3 * 3);
                dates(first, first + Months::new(3))
            }
            Self::Year {} => {
                let first = month_start(today.year(), 0);
                dates(first, first + Months::new(12))
            }
            Self::Rolling { days } => {
                dates(today - Days::new(u64::from(days) - 1), today + Days::new(1))
            }
            Self::Once { first, last } => {
                dates(first, last.checked_add_days(Days::new(1)).unwrap_or(last))
            }
        }
    }

    /// The window before `window`, from which something may be carried over.
    pub fn before(self, window: Window, tz: Tz) -> Option<Window> {
        match self {
            Self::Rolling { .. } | Self::Once { .. } => None,
            _ => Some(self.window(window.from - chrono::TimeDelta::seconds(1), tz)),
        }
    }
}

fn month_start(year: i32, month0: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month0 + 1, 1).unwrap_or_default()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn window(period: Period, at: &str) -> String {
        let window = period.window(at.parse().unwrap(), Tz::Europe__Berlin);
        let text =
            |at: DateTime<Utc>| at.with_timezone(&Tz::Europe__Berlin).format("%F").to_string();
        format!("{} to {}", text(window.from), text(window.to))
    }

    #[test]
    fn windows_are_those_of_the_calendar_in_the_time_zone() {
        // Half past midnight in Berlin.
        let at = "2026-11-21T23:30:00Z";
        let date = |text: &str| text.parse().unwrap();

        assert_eq!(window(Period::Day {}, at), "2026-11-22 to 2026-11-23");
        assert_eq!(window(Period::Week {}, at), "2026-11-16 to 2026-11-23");
        assert_eq!(window(Period::Month {}, at), "2026-11-01 to 2026-12-01");
        assert_eq!(window(Period::Quarter {}, at), "2026-10-01 to 2027-01-01");
        assert_eq!(window(Period::Year {}, at), "2026-01-01 to 2027-01-01");
        assert_eq!(window(Period::Rolling { days: 7 }, at), "2026-11-16 to 2026-11-23");
        let once = Period::Once { first: date("2026-05-04"), last: date("2026-05-06") };
        assert_eq!(window(once, at), "2026-05-04 to 2026-05-07");
    }

    #[test]
    fn a_day_may_have_23_or_25_hours() {
        let day = |at: &str| Period::Day {}.window(at.parse().unwrap(), Tz::Europe__Berlin).days();

        assert!((day("2026-03-29T12:00:00Z") - 23.0 / 24.0).abs() < 1e-9);
        assert!((day("2026-10-25T12:00:00Z") - 25.0 / 24.0).abs() < 1e-9);
    }

    #[test]
    fn only_what_repeats_has_a_window_before() {
        let at = "2026-01-10T12:00:00Z".parse().unwrap();
        let before = |period: Period| {
            let before = period.before(period.window(at, Tz::UTC), Tz::UTC)?;
            Some(before.from.to_rfc3339())
        };

        assert_eq!(before(Period::Month {}).unwrap(), "2025-12-01T00:00:00+00:00");
        assert_eq!(before(Period::Quarter {}).unwrap(), "2025-10-01T00:00:00+00:00");
        assert_eq!(before(Period::Rolling { days: 7 }), None);
    }
}
