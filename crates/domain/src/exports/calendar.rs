//! When files are made, and of which time.
//!
//! Periods are days, weeks from Monday to Monday and months, as people in a time zone count them. They
//! are numbered, so that those between two moments can be counted without walking through them. Each is
//! due once, some time after it has ended.

use chrono::{DateTime, Datelike, Days, NaiveDate, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::usage::question::{FIRST_YEAR, LAST_YEAR, day_start, hour_start};

/// How often a file is made, and of how long a time: of the day, the week or the month that ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "every", rename_all = "snake_case", deny_unknown_fields)]
#[schema(as = ExportCadence)]
pub enum Cadence {
    /// Every day, of the day before.
    Day {},
    /// Every week, of the week before, which begins with a Monday.
    Week {
        /// On which day of the week.
        on: Weekday,
    },
    /// Every month, of the month before.
    Month {
        /// On which day of the month; each month has the first 28.
        #[schema(minimum = 1, maximum = 28)]
        on: u32,
    },
}

/// A day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Weekday {
    /// The first.
    Monday,
    /// The second.
    Tuesday,
    /// The third.
    Wednesday,
    /// The fourth.
    Thursday,
    /// The fifth.
    Friday,
    /// The sixth.
    Saturday,
    /// The last.
    Sunday,
}

/// When files are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Calendar {
    /// How often.
    pub cadence: Cadence,
    /// At which hour of the day, from 0.
    pub hour: u32,
    /// Whose days and hours.
    pub tz: Tz,
}

/// A time of which one file is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// Its first day.
    pub first: NaiveDate,
    /// Its first instant.
    pub from: DateTime<Utc>,
    /// The first instant after it.
    pub to: DateTime<Utc>,
    /// When its file is to be made.
    pub due_at: DateTime<Utc>,
}

impl Cadence {
    /// The number of the period that `day` is in.
    fn number(self, day: NaiveDate) -> i64 {
        match self {
            Self::Day {} => day.num_days_from_ce().into(),
            // The first day of the calendar is a Monday.
            Self::Week { .. } => i64::from(day.num_days_from_ce() - 1).div_euclid(7),
            Self::Month { .. } => i64::from(day.year()) * 12 + i64::from(day.month0()),
        }
    }

    /// The first day of that period, if the calendar has it.
    fn first_day(self, number: i64) -> Option<NaiveDate> {
        let of_days = |days: i64| NaiveDate::from_num_days_from_ce_opt(i32::try_from(days).ok()?);
        match self {
            Self::Day {} => of_days(number),
            Self::Week { .. } => of_days(number.checked_mul(7)?.checked_add(1)?),
            Self::Month { .. } => {
                let year = i32::try_from(number.div_euclid(12)).ok()?;
                NaiveDate::from_ymd_opt(year, u32::try_from(number.rem_euclid(12)).ok()? + 1, 1)
            }
        }
    }

    /// Days from the end of a period until its file is made.
    fn days_after(self) -> u64 {
        match self {
            Self::Day {} => 0,
            Self::Week { on } => on as u64,
            Self::Month { on } => u64::from(on.saturating_sub(1)),
        }
    }
}

impl Calendar {
    /// The period of that number. There is none beyond the calendar's ends, nor of a day that a zone
    /// skipped when it moved across the date line.
    fn period(&self, number: i64) -> Option<Period> {
        let first = self.cadence.first_day(number)?;
        let next = self.cadence.first_day(number.checked_add(1)?)?;
        if !(FIRST_YEAR..=LAST_YEAR).contains(&first.year()) {
            return None;
        }
        let (from, to) = (day_start(first, self.tz), day_start(next, self.tz));
        let due_day = next.checked_add_days(Days::new(self.cadence.days_after()))?;
        let due_at = hour_start(due_day, self.hour, self.tz).max(to);
        (from < to).then_some(Period { first, from, to, due_at })
    }

    /// The number of the newest period that is due at `now`.
    fn newest_due(&self, now: DateTime<Utc>) -> Option<i64> {
        let running = self.cadence.number(now.with_timezone(&self.tz).date_naive());
        // The one before is due a period later at most, and a day may have been skipped.
        (running - 4..=running)
            .rev()
            .find(|number| self.period(*number).is_some_and(|period| period.due_at <= now))
    }

    /// The newest period that is due at `now`.
    pub fn last(&self, now: DateTime<Utc>) -> Option<Period> {
        self.period(self.newest_due(now)?)
    }

    /// The newest period that is over at `now`, whether it is due or not.
    pub fn ended(&self, now: DateTime<Utc>) -> Option<Period> {
        let running = self.cadence.number(now.with_timezone(&self.tz).date_naive());
        let over = |period: &Period| period.to <= now;
        (running - 4..=running).rev().find_map(|number| self.period(number).filter(over))
    }

    /// The first period that is due after `now`.
    pub fn next(&self, now: DateTime<Utc>) -> Option<Period> {
        let newest = self.newest_due(now)?;
        (newest + 1..newest + 4).find_map(|number| self.period(number))
    }

    /// The periods that came due after `after` and until `now`, the newest `limit` of them, oldest
    /// first; and how many older ones there are besides.
    pub fn missed(
        &self,
        after: DateTime<Utc>,
        now: DateTime<Utc>,
        limit: usize,
    ) -> (Vec<Period>, u64) {
        let (Some(first), Some(last)) = (self.newest_due(after), self.newest_due(now)) else {
            return (Vec::new(), 0);
        };
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let begin = (first + 1).max(last.saturating_sub(limit).saturating_add(1));
        let periods = (begin..=last).filter_map(|number| self.period(number)).collect();
        (periods, (begin - (first + 1)).unsigned_abs())
    }

    /// The period that begins with `day`, where one does that has ended at `now`.
    pub fn beginning(&self, day: NaiveDate, now: DateTime<Utc>) -> Option<Period> {
        let period = self.period(self.cadence.number(day))?;
        (period.first == day && period.to <= now).then_some(period)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use chrono::TimeDelta;
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn calendar(cadence: Cadence, hour: u32, tz: &str) -> Calendar {
        Calendar { cadence, hour, tz: tz.parse().unwrap() }
    }

    /// From when to when, and when it is due, of the newest period at `now`.
    fn last(calendar: &Calendar, now: &str) -> [String; 3] {
        let Period { from, to, due_at, .. } = calendar.last(at(now)).unwrap();
        [from, to, due_at].map(|at| at.format("%Y-%m-%dT%H:%MZ").to_string())
    }

    #[test]
    fn the_days_on_which_clocks_change_have_23_and_25_hours() {
        let berlin = calendar(Cadence::Day {}, 6, "Europe/Berlin");

        assert_eq!(
            last(&berlin, "2026-03-30T04:00:00Z"),
            ["2026-03-28T23:00Z", "2026-03-29T22:00Z", "2026-03-30T04:00Z"]
        );
        assert_eq!(
            last(&berlin, "2026-10-26T05:00:00Z"),
            ["2026-10-24T22:00Z", "2026-10-25T23:00Z", "2026-10-26T05:00Z"]
        );
    }

    #[test]
    fn an_hour_that_is_skipped_is_when_it_is_skipped_and_one_that_comes_twice_the_first() {
        let berlin = calendar(Cadence::Day {}, 2, "Europe/Berlin");

        // At 1:00 UTC clocks went from 2:00 to 3:00.
        assert_eq!(last(&berlin, "2026-03-29T01:00:00Z")[2], "2026-03-29T01:00Z");
        assert_eq!(last(&berlin, "2026-03-29T00:59:59Z")[2], "2026-03-28T01:00Z");
        // At 1:00 UTC clocks went back from 3:00 to 2:00.
        assert_eq!(last(&berlin, "2026-10-25T00:00:00Z")[2], "2026-10-25T00:00Z");
    }

    #[test]
    fn a_midnight_that_is_skipped_ends_a_day_all_the_same() {
        let cairo = calendar(Cadence::Day {}, 0, "Africa/Cairo");

        // Clocks in Egypt go from midnight to 1:00 on the last Friday of April.
        assert_eq!(
            last(&cairo, "2026-04-23T22:00:00Z"),
            ["2026-04-22T22:00Z", "2026-04-23T22:00Z", "2026-04-23T22:00Z"]
        );
        assert_eq!(
            last(&cairo, "2026-04-24T21:00:00Z")[..2],
            ["2026-04-23T22:00Z", "2026-04-24T21:00Z"]
        );
    }

    #[test]
    fn a_day_that_a_zone_skipped_has_no_file() {
        let samoa = calendar(Cadence::Day {}, 0, "Pacific/Apia");

        // There was no 30 December 2011.
        let (periods, older) =
            samoa.missed(at("2011-12-29T10:00:00Z"), at("2012-01-01T09:00:00Z"), 10);

        let days: Vec<_> = periods.iter().map(|period| period.first.to_string()).collect();
        assert_eq!((days, older), (vec!["2011-12-29".into(), "2011-12-31".to_owned()], 0));
    }

    #[test]
    fn weeks_end_with_sundays_and_are_due_on_their_day() {
        let thursdays = calendar(Cadence::Week { on: Weekday::Thursday }, 8, "America/New_York");

        assert_eq!(
            last(&thursdays, "2026-11-05T13:00:00Z"),
            ["2026-10-26T04:00Z", "2026-11-02T05:00Z", "2026-11-05T13:00Z"]
        );
        assert_eq!(
            last(&thursdays, "2026-11-05T12:59:00Z")[2],
            "2026-10-29T12:00Z",
            "a week before, by summer time"
        );
        let next = thursdays.next(at("2026-11-05T13:00:00Z")).unwrap();
        assert_eq!(next.due_at, at("2026-11-12T13:00:00Z"));
    }

    #[test]
    fn months_are_of_the_calendar_and_due_on_their_day() {
        let fifths = calendar(Cadence::Month { on: 5 }, 0, "UTC");

        assert_eq!(
            last(&fifths, "2028-03-05T00:00:00Z"),
            ["2028-02-01T00:00Z", "2028-03-01T00:00Z", "2028-03-05T00:00Z"]
        );
        assert_eq!(last(&fifths, "2028-03-04T23:59:00Z")[0], "2028-01-01T00:00Z");
        assert_eq!(fifths.beginning(NaiveDate::MAX, at("2028-03-05T00:00:00Z")), None);
    }

    #[test]
    fn what_was_missed_is_counted_and_the_newest_told() {
        let daily = calendar(Cadence::Day {}, 6, "UTC");

        let (periods, older) =
            daily.missed(at("2020-01-01T06:00:00Z"), at("2026-11-22T07:00:00Z"), 3);

        let days: Vec<_> = periods.iter().map(|period| period.first.to_string()).collect();
        assert_eq!(days, ["2026-11-19", "2026-11-20", "2026-11-21"]);
        assert_eq!(older, 2_517 - 3);
        assert_eq!(daily.missed(at("2026-11-22T07:00:00Z"), at("2026-11-22T08:00:00Z"), 3).0, []);
        let back = daily.missed(at("2026-11-22T07:00:00Z"), at("2020-01-01T06:00:00Z"), 3);
        assert_eq!(back, (vec![], 0), "a clock that was set back misses nothing");
    }

    #[test]
    fn a_period_can_be_named_by_its_first_day_once_it_is_over() {
        let weekly = calendar(Cadence::Week { on: Weekday::Monday }, 6, "UTC");
        let named = |day: &str, now| {
            weekly.beginning(day.parse().unwrap(), at(now)).map(|period| period.to)
        };

        let end = at("2026-11-16T00:00:00Z");
        assert_eq!(named("2026-11-09", "2026-11-16T00:00:00Z"), Some(end), "although not yet due");
        assert_eq!(named("2026-11-09", "2026-11-15T23:59:00Z"), None);
        assert_eq!(named("2026-11-10", "2026-11-22T00:00:00Z"), None);
        let ended = weekly.ended(at("2026-11-16T00:00:00Z"));
        assert_eq!(ended.map(|period| period.to), Some(end));
    }

    fn cadences() -> impl Strategy<Value = Cadence> {
        let weekdays = prop_oneof![
            Just(Weekday::Monday),
            Just(Weekday::Wednesday),
            Just(Weekday::Saturday),
            Just(Weekday::Sunday)
        ];
        prop_oneof![
            Just(Cadence::Day {}),
            weekdays.prop_map(|on| Cadence::Week { on }),
            (1..=28_u32).prop_map(|on| Cadence::Month { on }),
        ]
    }

    proptest! {
        #[test]
        fn periods_follow_each_other_without_a_gap_and_each_is_due_once(
            cadence in cadences(),
            hour in 0..24_u32,
            zone in prop::sample::select(vec![
                "UTC", "Europe/Berlin", "America/New_York", "Africa/Cairo", "Australia/Lord_Howe",
                "Asia/Kathmandu", "America/Sao_Paulo", "Pacific/Apia", "Pacific/Kiritimati",
            ]),
            begin in 946_684_800_i64..4_000_000_000,
            steps in prop::collection::vec(1..200_i64, 1..40),
        ) {
            let calendar = calendar(cadence, hour, zone);
            let begin = DateTime::from_timestamp(begin, 0).unwrap();
            let mut now = begin;
            let mut step_by_step = Vec::new();
            for hours in steps {
                let next = now + TimeDelta::hours(hours);
                let (periods, older) = calendar.missed(now, next, 1_000);
                prop_assert_eq!(older, 0);
                step_by_step.extend(periods);
                now = next;
            }

            let (at_once, older) = calendar.missed(begin, now, 10_000);

            prop_assert_eq!(older, 0);
            prop_assert_eq!(&step_by_step, &at_once, "however often it is looked");
            for pair in at_once.windows(2) {
                prop_assert_eq!(pair[0].to, pair[1].from);
                prop_assert!(pair[0].due_at < pair[1].due_at);
            }
            for period in &at_once {
                prop_assert!(period.from < period.to && period.to <= period.due_at);
                prop_assert!(begin < period.due_at && period.due_at <= now);
                prop_assert_eq!(calendar.beginning(period.first, now), Some(*period));
            }
            let next = calendar.next(now).unwrap();
            prop_assert!(next.due_at > now);
            let last = calendar.last(now).unwrap();
            prop_assert!(last.due_at <= now);
            prop_assert_eq!(last.to, next.from);
        }
    }
}
