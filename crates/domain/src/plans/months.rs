//! The months of a subscription.

use chrono::{DateTime, Datelike, Days, Months as CalendarMonths, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::budgets::Window;
use crate::usage::question::first_at;

/// Months before and after the first that are told apart: some hundreds of years.
const NUMBER_MAX: i32 = 12 * 500;

/// Months as they are counted from some instant, in a time zone.
///
/// Each begins on the day of the month and at the time of day of the first, or on the last day of a month
/// that has no such day: from 31 January on, on the last of February and on 31 March.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Months {
    /// When number 0 begins.
    pub from: DateTime<Utc>,
    /// Whose days.
    pub tz: Tz,
}

impl Months {
    /// When the month of that number begins.
    pub fn start(&self, number: i32) -> DateTime<Utc> {
        // Exactly then, also in an hour that clocks show twice.
        if number == 0 {
            return self.from;
        }
        let first = self.from.with_timezone(&self.tz).naive_local();
        let months = CalendarMonths::new(number.unsigned_abs());
        let date = match number > 0 {
            true => first.date().checked_add_months(months),
            false => first.date().checked_sub_months(months),
        };
        first_at(date.unwrap_or(first.date()).and_time(first.time()), self.tz)
    }

    /// The month of that number.
    pub fn window(&self, number: i32) -> Window {
        Window { from: self.start(number), to: self.start(number + 1) }
    }

    /// The number of the month in which `at` lies.
    pub fn number_at(&self, at: DateTime<Utc>) -> i32 {
        let count = |at: DateTime<Utc>| {
            let local = at.with_timezone(&self.tz);
            i64::from(local.year()) * 12 + i64::from(local.month0())
        };
        let most = i64::from(NUMBER_MAX);
        let about = (count(at) - count(self.from)).clamp(-most, most);
        let about = i32::try_from(about).unwrap_or_default();
        // A month that begins on the 31st begins up to three days earlier elsewhere.
        let near = (about - 1..=about + 1).rev().find(|number| self.start(*number) <= at);
        near.unwrap_or(about - 2)
    }
}

/// The same time of day so many days later.
pub(super) fn days_after(at: DateTime<Utc>, days: u16, tz: Tz) -> DateTime<Utc> {
    let local = at.with_timezone(&tz).naive_local();
    match local.date().checked_add_days(Days::new(days.into())) {
        Some(date) if days > 0 => first_at(date.and_time(local.time()), tz),
        _ => at,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn months(from: &str, tz: &str) -> Months {
        Months { from: from.parse().unwrap(), tz: tz.parse().unwrap() }
    }

    fn starts(months: &Months, numbers: impl Iterator<Item = i32>) -> Vec<String> {
        let local = |number| months.start(number).with_timezone(&months.tz);
        numbers.map(|number| local(number).format("%F %H:%M").to_string()).collect()
    }

    #[test]
    fn what_began_on_the_31st_begins_on_the_last_day_of_shorter_months() {
        let berlin = months("2027-01-31T09:30:00Z", "Europe/Berlin");

        assert_eq!(
            starts(&berlin, 0..6),
            [
                "2027-01-31 10:30",
                "2027-02-28 10:30",
                "2027-03-31 10:30",
                "2027-04-30 10:30",
                "2027-05-31 10:30",
                "2027-06-30 10:30"
            ]
        );
        assert_eq!(berlin.start(2).to_rfc3339(), "2027-03-31T08:30:00+00:00", "by summer time");
        assert_eq!(starts(&berlin, [13, 12 * 12 + 1].into_iter())[0], "2028-02-29 10:30");
    }

    #[test]
    fn a_time_that_clocks_jump_over_is_when_they_do() {
        let berlin = months("2027-02-28T01:30:00Z", "Europe/Berlin");
        let samoa = months("2011-11-30T20:00:00Z", "Pacific/Apia");

        // At 2:00 clocks went on to 3:00.
        assert_eq!(starts(&berlin, 1..2), ["2027-03-28 03:00"]);
        // There was no 30 December.
        assert_eq!(starts(&samoa, 1..3), ["2011-12-31 00:00", "2012-01-30 10:00"]);
    }

    fn zones() -> impl Strategy<Value = &'static str> {
        prop::sample::select(vec![
            "UTC",
            "Europe/Berlin",
            "America/New_York",
            "America/Sao_Paulo",
            "Africa/Cairo",
            "Australia/Lord_Howe",
            "Asia/Kathmandu",
            "Pacific/Apia",
            "Pacific/Kiritimati",
        ])
    }

    proptest! {
        #[test]
        fn months_follow_each_other_and_every_instant_is_in_one(
            zone in zones(),
            from in 946_684_800_i64..2_500_000_000,
            at in 946_684_800_i64..4_000_000_000,
            number in -60..600_i32,
        ) {
            let instant = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
            let months = Months { from: instant(from), tz: zone.parse().unwrap() };

            let window = months.window(number);
            prop_assert!(window.from < window.to);
            prop_assert_eq!(window.to, months.window(number + 1).from);
            let days = (window.to - window.from).num_hours();
            prop_assert!((27 * 24 - 2..=31 * 24 + 26).contains(&days), "{} hours", days);
            let found = months.window(months.number_at(instant(at)));
            prop_assert!(found.contains(instant(at)), "{:?}", found);
        }
    }
}
