//! Hours, days, weeks and months as people in a time zone count them.

use chrono::{
    DateTime, Datelike, Days, Months, NaiveDate, NaiveDateTime, NaiveTime, Offset, SecondsFormat,
    TimeDelta, TimeZone, Timelike, Utc,
};
use chrono_tz::Tz;

use super::QuestionError;

/// Buckets in one answer, at most.
pub const BUCKETS_MAX: usize = 10_000;

/// The width of the buckets of a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Every {
    /// From one full hour to the next.
    Hour,
    /// From midnight to midnight: 23 or 25 hours when the clocks change.
    Day,
    /// From Monday to Monday.
    Week,
    /// From the first of a month to the first of the next.
    Month,
}

impl Every {
    /// All of them, from short to long.
    pub const ALL: [Self; 4] = [Self::Hour, Self::Day, Self::Week, Self::Month];

    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
        }
    }

    /// The width of that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|every| every.as_str() == word)
    }

    /// The start of the bucket in which `at` lies.
    pub fn start(self, at: DateTime<Utc>, tz: Tz) -> DateTime<Utc> {
        let local = at.with_timezone(&tz);
        let today = local.date_naive();
        match self {
            Self::Hour => {
                let into = i64::from(local.minute()) * 60 + i64::from(local.second());
                let start = at
                    - TimeDelta::seconds(into)
                    - TimeDelta::nanoseconds(i64::from(local.timestamp_subsec_nanos()));
                // Clocks that change by less than an hour cut one hour short.
                if offset(start, tz) == offset(at, tz) { start } else { change(start, at, tz) }
            }
            Self::Day => day_start(today, tz),
            Self::Week => {
                let into = u64::from(today.weekday().num_days_from_monday());
                day_start(today - Days::new(into), tz)
            }
            Self::Month => day_start(first_of_month(today), tz),
        }
    }

    /// The start of the bucket after the one that starts at `start`.
    pub fn next(self, start: DateTime<Utc>, tz: Tz) -> DateTime<Utc> {
        let mut date = start.with_timezone(&tz).date_naive();
        loop {
            let next = match self {
                Self::Hour => {
                    let local = start.with_timezone(&tz);
                    let into = i64::from(local.minute()) * 60 + i64::from(local.second());
                    let full = start + TimeDelta::seconds(3_600 - into);
                    let steady = offset(start, tz) == offset(full, tz);
                    return if steady { full } else { change(start, full, tz) };
                }
                Self::Day => date + Days::new(1),
                Self::Week => {
                    let into = u64::from(date.weekday().num_days_from_monday());
                    date + Days::new(7 - into)
                }
                Self::Month => first_of_month(date) + Months::new(1),
            };
            let instant = day_start(next, tz);
            // A zone that moved across the date line skipped a whole day.
            if instant > start {
                return instant;
            }
            date = next;
        }
    }
}

fn first_of_month(date: NaiveDate) -> NaiveDate {
    date.with_day(1).unwrap_or(date)
}

fn offset(at: DateTime<Utc>, tz: Tz) -> i32 {
    tz.offset_from_utc_datetime(&at.naive_utc()).fix().local_minus_utc()
}

/// The first instant after `before`, up to `after`, at which the offset is that of `after`.
fn change(before: DateTime<Utc>, after: DateTime<Utc>, tz: Tz) -> DateTime<Utc> {
    let settled = offset(after, tz);
    let (mut low, mut high) = (before.timestamp(), after.timestamp());
    while low + 1 < high {
        let middle = low + (high - low) / 2;
        let at = DateTime::from_timestamp(middle, 0).unwrap_or(after);
        if offset(at, tz) == settled {
            high = middle;
        } else {
            low = middle;
        }
    }
    DateTime::from_timestamp(high, 0).unwrap_or(after)
}

/// The first instant of `date` in `tz`.
pub fn day_start(date: NaiveDate, tz: Tz) -> DateTime<Utc> {
    first_at(date.and_time(NaiveTime::MIN), tz)
}

/// When it is `hour` o'clock on `date` in `tz`: for the first time where clocks show it twice, and when
/// they jump over it where they never do. An hour after the last of the day is the last.
pub fn hour_start(date: NaiveDate, hour: u32, tz: Tz) -> DateTime<Utc> {
    let time = NaiveTime::from_hms_opt(hour.min(23), 0, 0).unwrap_or(NaiveTime::MIN);
    first_at(date.and_time(time), tz)
}

/// The first instant at which clocks in `tz` show `local`, or a later time where they never show that.
pub fn first_at(local: NaiveDateTime, tz: Tz) -> DateTime<Utc> {
    match tz.from_local_datetime(&local).earliest() {
        Some(start) => start.with_timezone(&Utc),
        // The clocks jumped over it: it is when they did.
        None => {
            let long_before = local.and_utc() - TimeDelta::hours(36);
            let long_after = local.and_utc() + TimeDelta::hours(36);
            let shift = i64::from(offset(long_before, tz));
            let as_if_unchanged = local.and_utc() - TimeDelta::seconds(shift);
            change(long_before, as_if_unchanged.min(long_after), tz)
        }
    }
}

/// Whether a day begins at `at`.
fn is_day_start(at: DateTime<Utc>, tz: Tz) -> bool {
    day_start(at.with_timezone(&tz).date_naive(), tz) == at
}

/// The buckets of a range: consecutive, without gaps, the first and the last perhaps cut short.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Buckets {
    tz: Tz,
    /// Where each bucket starts, and where the last one ends.
    bounds: Vec<DateTime<Utc>>,
}

impl Buckets {
    /// The buckets that have a part of `[from, to)`.
    pub fn new(
        from: DateTime<Utc>,
        to: DateTime<Utc>,
        every: Every,
        tz: Tz,
    ) -> Result<Self, QuestionError> {
        let mut bounds = vec![every.start(from, tz)];
        let mut end = every.next(bounds[0], tz);
        while end < to {
            if bounds.len() >= BUCKETS_MAX {
                return Err(QuestionError::TooManyBuckets(every));
            }
            bounds.push(end);
            end = every.next(end, tz);
        }
        bounds.push(end);
        Ok(Self { tz, bounds })
    }

    /// How many buckets there are.
    pub fn len(&self) -> usize {
        self.bounds.len() - 1
    }

    /// Whether there are none, which cannot be.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Where each bucket starts, and where the last one ends.
    pub fn bounds(&self) -> &[DateTime<Utc>] {
        &self.bounds
    }

    /// Where the bucket at `index` starts, by the calendar.
    pub fn start(&self, index: usize) -> DateTime<Utc> {
        self.bounds[index]
    }

    /// Where the bucket at `index` ends, by the calendar.
    pub fn end(&self, index: usize) -> DateTime<Utc> {
        self.bounds[index + 1]
    }

    /// The local start of the bucket at `index`, e.g. `2026-03-29T00:00:00+01:00`.
    pub fn label(&self, index: usize) -> String {
        local_text(self.start(index), self.tz)
    }
}

/// A time as RFC 3339 text with the offset of `tz`, `Z` for UTC.
pub fn local_text(at: DateTime<Utc>, tz: Tz) -> String {
    if tz == Tz::UTC {
        at.to_rfc3339_opts(SecondsFormat::AutoSi, true)
    } else {
        at.with_timezone(&tz).to_rfc3339_opts(SecondsFormat::AutoSi, false)
    }
}

/// The range that `[from, to)` is compared with.
///
/// Whole months are compared with as many whole months before. Anything else is compared with the same
/// days of the week at the same time of day, as many whole weeks before as come nearest to its length and
/// one at least: thirty days with those 28 days before, a day with the one a week before. Work rests on
/// weekends, and the days before thirty days have others in other places. The two may overlap by up to
/// three days.
pub fn previous(from: DateTime<Utc>, to: DateTime<Utc>, tz: Tz) -> (DateTime<Utc>, DateTime<Utc>) {
    let local = |at: DateTime<Utc>| at.with_timezone(&tz).naive_local();
    let (first, last) = (local(from), local(to));
    let months_before = || {
        let is_month_start = |at, local: NaiveDateTime| local.day() == 1 && is_day_start(at, tz);
        if !is_month_start(from, first) || !is_month_start(to, last) {
            return None;
        }
        let months = |at: NaiveDateTime| at.year() * 12 + at.month0().cast_signed();
        let span = Months::new((months(last) - months(first)).unsigned_abs());
        Some((day_start(first.date().checked_sub_months(span)?, tz), from))
    };
    let days = whole_weeks((last - first).num_days());
    let weeks_before = || {
        let back = Days::new(days);
        Some((moment(first.checked_sub_days(back)?, tz), moment(last.checked_sub_days(back)?, tz)))
    };
    months_before().or_else(weeks_before).unwrap_or((from - (to - from), from))
}

/// The days of as many whole weeks as come nearest to `days`, and of one at least.
fn whole_weeks(days: i64) -> u64 {
    7 * ((days.unsigned_abs() + 3) / 7).max(1)
}

/// The first moment at which the clock on the wall shows `local`; what it skips is as long after the
/// last moment before it.
fn moment(local: NaiveDateTime, tz: Tz) -> DateTime<Utc> {
    tz.from_local_datetime(&local).earliest().map_or_else(
        || {
            let start = day_start(local.date(), tz);
            let shift = i64::from(offset(start - TimeDelta::hours(1), tz));
            (local.and_utc() - TimeDelta::seconds(shift)).max(start)
        },
        |at| at.with_timezone(&Utc),
    )
}

/// The same, of a range that runs at `now`: as far as the range has come, by the clock on the wall, so
/// that half a month is compared with the same half of the last one. At least a minute of it.
pub fn previous_up_to(
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    tz: Tz,
    now: DateTime<Utc>,
) -> (DateTime<Utc>, DateTime<Utc>) {
    let (first, end) = previous(from, to, tz);
    let local = |at: DateTime<Utc>| at.with_timezone(&tz).naive_local();
    let reached = moment(local(first) + (local(now) - local(from)), tz);
    (first, reached.max(first + TimeDelta::minutes(1)).min(end))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn labels(from: &str, to: &str, every: Every, tz: Tz) -> Vec<String> {
        let buckets = Buckets::new(at(from), at(to), every, tz).unwrap();
        (0..buckets.len()).map(|index| buckets.label(index)).collect()
    }

    fn hours(from: &str, to: &str, every: Every, tz: Tz) -> Vec<i64> {
        let buckets = Buckets::new(at(from), at(to), every, tz).unwrap();
        (0..buckets.len())
            .map(|index| (buckets.end(index) - buckets.start(index)).num_hours())
            .collect()
    }

    #[test]
    fn days_have_23_or_25_hours_when_the_clocks_change() {
        let spring =
            hours("2026-03-27T23:00:00Z", "2026-03-30T22:00:00Z", Every::Day, Tz::Europe__Berlin);
        let autumn =
            hours("2026-10-23T22:00:00Z", "2026-10-26T23:00:00Z", Every::Day, Tz::Europe__Berlin);

        assert_eq!(spring, [24, 23, 24]);
        assert_eq!(autumn, [24, 25, 24]);
    }

    #[test]
    fn a_label_is_the_local_start_with_its_offset() {
        assert_eq!(
            labels("2026-03-28T23:00:00Z", "2026-03-30T22:00:00Z", Every::Day, Tz::Europe__Berlin),
            ["2026-03-29T00:00:00+01:00", "2026-03-30T00:00:00+02:00"]
        );
        assert_eq!(
            labels("2026-10-24T23:30:00Z", "2026-10-25T01:30:00Z", Every::Hour, Tz::Europe__Berlin),
            ["2026-10-25T01:00:00+02:00", "2026-10-25T02:00:00+02:00", "2026-10-25T02:00:00+01:00"]
        );
        assert_eq!(
            labels("2026-01-01T00:00:00Z", "2026-01-01T01:00:00Z", Every::Hour, Tz::UTC),
            ["2026-01-01T00:00:00Z"]
        );
    }

    #[test]
    fn weeks_begin_on_monday_and_months_on_the_first() {
        assert_eq!(
            labels("2026-01-01T00:00:00Z", "2026-01-13T00:00:00Z", Every::Week, Tz::UTC),
            ["2025-12-29T00:00:00Z", "2026-01-05T00:00:00Z", "2026-01-12T00:00:00Z"]
        );
        assert_eq!(
            labels("2026-01-31T00:00:00Z", "2026-03-01T00:00:00Z", Every::Month, Tz::UTC),
            ["2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"]
        );
    }

    #[test]
    fn hours_follow_zones_of_half_hours() {
        assert_eq!(
            labels("2026-01-01T00:00:00Z", "2026-01-01T01:00:00Z", Every::Hour, Tz::Asia__Kolkata),
            ["2026-01-01T05:00:00+05:30", "2026-01-01T06:00:00+05:30"]
        );
        // Lord Howe's clocks go from 02:00 to 02:30, so that hour lasts thirty minutes.
        assert_eq!(
            labels(
                "2026-10-03T14:30:00Z",
                "2026-10-03T16:30:00Z",
                Every::Hour,
                Tz::Australia__Lord_Howe
            ),
            ["2026-10-04T01:00:00+10:30", "2026-10-04T02:30:00+11:00", "2026-10-04T03:00:00+11:00"]
        );
    }

    #[test]
    fn a_day_begins_when_the_clocks_jump_over_midnight() {
        // Cairo went from 00:00 to 01:00 on 26 April 2024.
        let date = NaiveDate::from_ymd_opt(2024, 4, 26).unwrap();
        assert_eq!(day_start(date, Tz::Africa__Cairo), at("2024-04-25T22:00:00Z"));
        assert_eq!(
            hours("2024-04-24T22:00:00Z", "2024-04-26T21:00:00Z", Every::Day, Tz::Africa__Cairo),
            [24, 23]
        );
    }

    #[test]
    fn a_day_that_a_zone_skipped_has_no_bucket() {
        // Samoa left out 30 December 2011.
        assert_eq!(
            labels("2011-12-29T10:00:00Z", "2011-12-31T10:00:00Z", Every::Day, Tz::Pacific__Apia),
            ["2011-12-29T00:00:00-10:00", "2011-12-31T00:00:00+14:00"]
        );
    }

    #[test]
    fn every_start_is_a_fixed_point_in_every_zone() {
        for tz in chrono_tz::TZ_VARIANTS {
            for every in Every::ALL {
                let mut instant = at("2026-01-01T00:17:00Z");
                while instant < at("2027-01-01T00:00:00Z") {
                    let start = every.start(instant, tz);
                    let next = every.next(start, tz);
                    assert!(start <= instant && instant < next, "{tz} {every:?} {instant}");
                    assert_eq!(every.start(start, tz), start, "{tz} {every:?} {instant}");
                    assert_eq!(every.start(next, tz), next, "{tz} {every:?} {instant}");
                    instant += TimeDelta::minutes(16_003);
                }
            }
        }
    }

    #[test]
    fn what_a_range_is_compared_with_follows_the_calendar() {
        let before = |from: &str, to: &str, tz| {
            let (from, to) = previous(at(from), at(to), tz);
            (from.to_rfc3339_opts(SecondsFormat::Secs, true), to)
        };

        let march = before("2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z", Tz::UTC);
        assert_eq!(march, ("2026-02-01T00:00:00Z".into(), at("2026-03-01T00:00:00Z")));
        let quarter = before("2026-04-01T00:00:00Z", "2026-07-01T00:00:00Z", Tz::UTC);
        assert_eq!(quarter.0, "2026-01-01T00:00:00Z");
        let week = before("2026-03-30T22:00:00Z", "2026-04-06T22:00:00Z", Tz::Europe__Berlin);
        assert_eq!(week.0, "2026-03-23T23:00:00Z");
    }

    #[test]
    fn what_is_no_whole_month_is_compared_with_the_same_weekdays() {
        let before = |from: &str, to: &str, tz| {
            let (first, last) = previous(at(from), at(to), tz);
            (first.to_rfc3339_opts(SecondsFormat::Secs, true), last)
        };

        let thirty = before("2026-10-23T00:00:00Z", "2026-11-22T00:00:00Z", Tz::UTC);
        assert_eq!(thirty, ("2026-09-25T00:00:00Z".into(), at("2026-10-25T00:00:00Z")));
        let ninety = before("2026-08-24T00:00:00Z", "2026-11-22T00:00:00Z", Tz::UTC);
        assert_eq!(ninety, ("2026-05-25T00:00:00Z".into(), at("2026-08-23T00:00:00Z")));
        let day = before("2026-11-21T00:00:00Z", "2026-11-22T00:00:00Z", Tz::UTC);
        assert_eq!(day, ("2026-11-14T00:00:00Z".into(), at("2026-11-15T00:00:00Z")));
        let hours = before("2026-03-31T06:00:00Z", "2026-03-31T08:30:00Z", Tz::Europe__Berlin);
        assert_eq!(hours, ("2026-03-24T07:00:00Z".into(), at("2026-03-24T09:30:00Z")));
        // 02:30 was skipped a week before.
        let skipped = before("2026-04-05T00:30:00Z", "2026-04-05T02:00:00Z", Tz::Europe__Berlin);
        assert_eq!(skipped, ("2026-03-29T01:30:00Z".into(), at("2026-03-29T02:00:00Z")));
    }

    #[test]
    fn a_range_of_any_length_lies_on_its_own_weekdays() {
        for tz in [Tz::UTC, Tz::Europe__Berlin, Tz::America__New_York, Tz::Asia__Kolkata] {
            for days in 1..=400_i64 {
                let first = NaiveDate::from_ymd_opt(2025, 11, 3).unwrap()
                    + Days::new(days.unsigned_abs() % 11);
                let last = first + Days::new(days.unsigned_abs());
                if first.day() == 1 && last.day() == 1 {
                    continue;
                }

                let (before, until) = previous(day_start(first, tz), day_start(last, tz), tz);

                let back = (first - before.with_timezone(&tz).date_naive()).num_days();
                assert_eq!(back % 7, 0, "{tz} {days}");
                assert!((back - days).abs() <= (7 - days).max(3), "{tz} {days}");
                assert!(is_day_start(before, tz) && is_day_start(until, tz), "{tz} {days}");
            }
        }
    }

    #[test]
    fn too_many_buckets_are_refused() {
        let refused = Buckets::new(
            at("2020-01-01T00:00:00Z"),
            at("2026-01-01T00:00:00Z"),
            Every::Hour,
            Tz::UTC,
        );
        assert_eq!(refused, Err(QuestionError::TooManyBuckets(Every::Hour)));
    }

    #[test]
    fn a_range_that_runs_is_compared_with_as_much_of_the_one_before() {
        let berlin = Tz::Europe__Berlin;
        let month = (at("2026-10-31T23:00:00Z"), at("2026-11-30T23:00:00Z"));
        let up_to = |now| previous_up_to(month.0, month.1, berlin, at(now));

        let start = at("2026-09-30T22:00:00Z");
        assert_eq!(up_to("2026-11-21T09:30:00Z"), (start, at("2026-10-21T08:30:00Z")));
        assert_eq!(up_to("2026-10-31T23:00:00Z"), (start, at("2026-09-30T22:01:00Z")));
        // A shorter month is compared as a whole.
        let march = (at("2026-02-28T23:00:00Z"), at("2026-03-31T22:00:00Z"));
        let whole = previous_up_to(march.0, march.1, berlin, at("2026-03-30T12:00:00Z"));
        assert_eq!(whole, (at("2026-01-31T23:00:00Z"), march.0));
    }
}
