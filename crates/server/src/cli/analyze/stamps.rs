//! `ds`, between the text of a file and the calendar.

use std::fmt::Write as _;

use chrono::{Datelike, Duration, NaiveDate, NaiveDateTime, NaiveTime, Timelike};
use outlay_analytics::calendar::Stamp;

/// How stamps are written in a file, so that new ones look like those that were there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Style {
    /// `17`.
    Integer,
    /// Seconds or milliseconds since 1970: how many of them are a second.
    Epoch(i64),
    /// `20260131`.
    CompactDate,
    /// `2026-01`, with the sign in it.
    Month(char),
    /// `2026-01-31`, with the sign in it.
    Date(char),
    /// `2026-01-31T12:00:00.000+01:00`.
    Time(TimeStyle),
}

/// How moments are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeStyle {
    sign: char,
    between: char,
    seconds: bool,
    fraction_digits: usize,
    /// As it was written: nothing, `Z`, `+01:00`.
    zone: String,
    /// What the clock of the stamps is ahead of UTC.
    offset_seconds: Option<i32>,
}

/// A stamp that was read, and how it was written.
pub type Read = (Stamp, Style);

/// Reads an integer, a date or a time.
pub fn read(text: &str) -> Option<Read> {
    let text = text.trim();
    read_number(text).or_else(|| read_calendar(text))
}

fn read_number(text: &str) -> Option<Read> {
    // Other programs write whole numbers as 17.0.
    let whole = match text.split_once('.') {
        Some((whole, zeros)) if !zeros.is_empty() && zeros.bytes().all(|byte| byte == b'0') => {
            whole
        }
        Some(_) => return None,
        None => text,
    };
    whole.parse().ok().map(|number| (Stamp::Integer(number), Style::Integer))
}

fn read_calendar(text: &str) -> Option<Read> {
    let year = text.get(..4)?.parse().ok()?;
    let sign = text[4..].chars().next().filter(|sign| "-/.".contains(*sign))?;
    let month = text.get(5..7)?.parse().ok()?;
    if text.len() == 7 {
        let date = NaiveDate::from_ymd_opt(year, month, 1)?;
        return Some((Stamp::Date(date), Style::Month(sign)));
    }
    let date = NaiveDate::from_ymd_opt(year, month, text.get(8..10)?.parse().ok()?)?;
    if !text[7..].starts_with(sign) {
        return None;
    }
    match text.get(10..)? {
        "" => Some((Stamp::Date(date), Style::Date(sign))),
        clock => read_clock(date, sign, clock),
    }
}

/// Reads ` 12:00`, `T12:00:00Z`, `T12:00:00.000+01:00`.
fn read_clock(date: NaiveDate, sign: char, text: &str) -> Option<Read> {
    let between = text.chars().next().filter(|between| "Tt ".contains(*between))?;
    let text = &text[1..];
    let zone_at = text.find(|char: char| !(char.is_ascii_digit() || ":.,".contains(char)));
    let (clock, zone) = text.split_at(zone_at.unwrap_or(text.len()));
    let (clock, fraction) = clock.split_once(['.', ',']).unwrap_or((clock, ""));
    let mut parts = clock.split(':');
    let hour = two_digits(parts.next()?)?;
    let minute = two_digits(parts.next()?)?;
    let second = parts.next().map(two_digits);
    if parts.next().is_some() || second == Some(None) || (!fraction.is_empty() && second.is_none())
    {
        return None;
    }
    let micros: u32 = format!("{fraction:0<6}").get(..6)?.parse().ok()?;
    let time = NaiveTime::from_hms_micro_opt(hour, minute, second.flatten().unwrap_or(0), micros)?;
    let style = TimeStyle {
        sign,
        between,
        seconds: second.is_some(),
        fraction_digits: fraction.len().min(6),
        zone: zone.to_owned(),
        offset_seconds: offset_seconds(zone.trim_start())?,
    };
    Some((Stamp::Time(date.and_time(time)), Style::Time(style)))
}

fn two_digits(text: &str) -> Option<u32> {
    if text.len() == 2 { text.parse().ok() } else { None }
}

/// Of nothing: no offset. `None` for what is none.
fn offset_seconds(zone: &str) -> Option<Option<i32>> {
    if zone.is_empty() {
        return Some(None);
    }
    if matches!(zone, "Z" | "z" | "UTC") {
        return Some(Some(0));
    }
    let sign = match zone.as_bytes()[0] {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let digits: String = zone[1..].chars().filter(|char| *char != ':').collect();
    let number: i32 = digits.parse().ok()?;
    let (hours, minutes) = match digits.len() {
        2 => (number, 0),
        4 => (number / 100, number % 100),
        _ => return None,
    };
    (hours < 24 && minutes < 60).then_some(Some(sign * (hours * 3_600 + minutes * 60)))
}

/// Makes stamps of one series comparable, as they come.
#[derive(Debug, Clone, Default)]
pub struct Clock {
    style: Option<Style>,
    /// Whether all integers could be seconds or milliseconds since 1970.
    epoch: Option<i64>,
    compact: bool,
    /// The zones' offsets of times, where they differ.
    moves: Option<Moves>,
}

/// What became of times that were written with several offsets.
#[derive(Debug, Clone)]
struct Moves {
    /// The time of day that all of them show, if they do.
    shown: Option<NaiveTime>,
    /// How the last one was written.
    last: TimeStyle,
    /// Whether any was moved to the clock of the first.
    any: bool,
}

/// Why a stamp does not fit those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OtherKind;

impl Clock {
    /// The stamp on the clock of the first one.
    pub fn take(&mut self, (stamp, style): Read) -> Result<Stamp, OtherKind> {
        let Some(first) = &mut self.style else {
            if let Stamp::Integer(number) = stamp {
                self.epoch = epoch(number);
                self.compact = compact_date(number).is_some();
            }
            if let (Stamp::Time(time), Style::Time(style)) = (stamp, &style) {
                let shown = Some(time.time());
                self.moves = Some(Moves { shown, last: style.clone(), any: false });
            }
            self.style = Some(style);
            return Ok(stamp);
        };
        match (first, style, stamp) {
            (Style::Integer, Style::Integer, Stamp::Integer(number)) => {
                self.epoch = self.epoch.filter(|per_second| epoch(number) == Some(*per_second));
                self.compact = self.compact && compact_date(number).is_some();
                Ok(stamp)
            }
            (Style::Time(first), Style::Time(style), Stamp::Time(time)) => {
                let moved = first.moved(time, &style);
                if let Some(moves) = &mut self.moves {
                    moves.shown = moves.shown.filter(|shown| *shown == time.time());
                    moves.any |= moved != time;
                    moves.last = style;
                }
                Ok(Stamp::Time(moved))
            }
            (Style::Time(_), Style::Date(_), Stamp::Date(date)) => {
                Ok(Stamp::Time(date.and_time(NaiveTime::MIN)))
            }
            (first @ Style::Date(_), style @ Style::Time(_), _) => {
                *first = style;
                Ok(stamp)
            }
            (Style::Date(_) | Style::Month(_), Style::Date(_) | Style::Month(_), _) => Ok(stamp),
            _ => Err(OtherKind),
        }
    }

    /// Brings all stamps of a series to one kind, and tells how to write new ones.
    pub fn settle(self, stamps: &mut [Stamp]) -> Style {
        let as_dates = |stamp: &Stamp| match stamp {
            Stamp::Integer(number) => compact_date(*number).map(Stamp::Date),
            _ => None,
        };
        match self.style.unwrap_or(Style::Integer) {
            Style::Integer if self.compact && stamps.len() > 1 => {
                replace(stamps, as_dates);
                Style::CompactDate
            }
            Style::Integer => match self.epoch {
                Some(per_second) if stamps.len() > 1 => {
                    replace(stamps, |stamp| epoch_time(*stamp, per_second));
                    Style::Epoch(per_second)
                }
                _ => Style::Integer,
            },
            style @ Style::Time(_) => {
                // Midnights may have been written as days.
                replace(stamps, |stamp| match stamp {
                    Stamp::Date(date) => Some(Stamp::Time(date.and_time(NaiveTime::MIN))),
                    _ => None,
                });
                match self.moves {
                    Some(Moves { shown: Some(shown), last, any: true }) => {
                        replace(stamps, |stamp| as_shown(*stamp, shown));
                        Style::Time(last)
                    }
                    _ => style,
                }
            }
            style => style,
        }
    }
}

/// Days begin by the clock on the wall, whatever its offset: the nearest time that shows `shown`.
fn as_shown(stamp: Stamp, shown: NaiveTime) -> Option<Stamp> {
    let Stamp::Time(time) = stamp else { return None };
    let half_a_day = Duration::hours(12);
    let since_shown = shown.signed_duration_since(NaiveTime::MIN);
    let date = time.checked_sub_signed(since_shown)?.checked_add_signed(half_a_day)?.date();
    Some(Stamp::Time(date.and_time(shown)))
}

fn replace(stamps: &mut [Stamp], by: impl Fn(&Stamp) -> Option<Stamp>) {
    for stamp in stamps {
        if let Some(other) = by(stamp) {
            *stamp = other;
        }
    }
}

/// How many of it are a second, where `number` is a full minute of the years 1990 to 2099.
fn epoch(number: i64) -> Option<i64> {
    const YEARS: std::ops::Range<i64> = 631_152_000..4_102_444_800;
    [1, 1_000].into_iter().find(|per_second| {
        YEARS.contains(&(number / per_second)) && number % (60 * per_second) == 0
    })
}

fn epoch_time(stamp: Stamp, per_second: i64) -> Option<Stamp> {
    let Stamp::Integer(number) = stamp else { return None };
    Stamp::Time(NaiveDateTime::default()).at_axis(number.checked_mul(1_000_000 / per_second)?)
}

/// The day of `20260131`, in the years 1900 to 2099.
fn compact_date(number: i64) -> Option<NaiveDate> {
    let number = u32::try_from(number).ok().filter(|n| (19_000_101..21_000_101).contains(n))?;
    let year = i32::try_from(number / 10_000).ok()?;
    NaiveDate::from_ymd_opt(year, number / 100 % 100, number % 100)
}

impl TimeStyle {
    /// `time`, which was written in another style, on the clock of this one.
    fn moved(&self, time: NaiveDateTime, other: &Self) -> NaiveDateTime {
        match (self.offset_seconds, other.offset_seconds) {
            (Some(ours), Some(theirs)) if ours != theirs => {
                let ahead = Duration::seconds(i64::from(ours) - i64::from(theirs));
                time.checked_add_signed(ahead).unwrap_or(time)
            }
            _ => time,
        }
    }

    fn write(&self, time: NaiveDateTime, text: &mut String) {
        write_date(time.date(), self.sign, text);
        let _ = write!(text, "{}{:02}:{:02}", self.between, time.hour(), time.minute());
        let micros = time.nanosecond() / 1_000;
        if self.seconds || time.second() > 0 || micros > 0 {
            let _ = write!(text, ":{:02}", time.second());
        }
        let digits = match micros {
            0 => self.fraction_digits,
            _ if micros.is_multiple_of(1_000) => self.fraction_digits.max(3),
            _ => 6,
        };
        if digits > 0 {
            let _ = write!(text, ".{}", &format!("{micros:06}")[..digits]);
        }
        text.push_str(&self.zone);
    }
}

fn write_date(date: NaiveDate, sign: char, text: &mut String) {
    // Writing to a text cannot fail.
    let _ = write!(text, "{:04}{sign}{:02}{sign}{:02}", date.year(), date.month(), date.day());
}

impl Style {
    /// `stamp` as the file would have it.
    pub fn written(&self, stamp: Stamp) -> String {
        let mut text = String::new();
        match (self, stamp) {
            (Self::Time(style), Stamp::Time(time)) => style.write(time, &mut text),
            (Self::Date(sign), Stamp::Date(date)) => write_date(date, *sign, &mut text),
            (Self::Month(sign), Stamp::Date(date)) if date.day() == 1 => {
                let _ = write!(text, "{:04}{sign}{:02}", date.year(), date.month());
            }
            (Self::CompactDate, Stamp::Date(date)) => {
                let _ = write!(text, "{}", date.format("%Y%m%d"));
            }
            (Self::Epoch(per_second), Stamp::Time(time)) => {
                let micros = time.and_utc().timestamp_micros();
                let _ = write!(text, "{}", micros / (1_000_000 / per_second));
            }
            (_, Stamp::Integer(number)) => {
                let _ = write!(text, "{number}");
            }
            (_, Stamp::Date(date)) => write_date(date, '-', &mut text),
            (_, Stamp::Time(time)) => {
                let _ = write!(text, "{time}");
            }
        }
        text
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn settled(texts: &[&str]) -> (Vec<Stamp>, Style) {
        let mut clock = Clock::default();
        let mut stamps: Vec<Stamp> =
            texts.iter().map(|text| clock.take(read(text).unwrap()).unwrap()).collect();
        let style = clock.settle(&mut stamps);
        (stamps, style)
    }

    #[test]
    fn stamps_are_written_as_they_were_read() {
        for text in [
            "17",
            "-3",
            "2026-01-31",
            "2026/01/31",
            "2026-01",
            "2026-01-31 12:00:00",
            "2026-01-31T12:00",
            "2026-01-31T12:00:00Z",
            "2026-01-31T12:00:00.000Z",
            "2026-01-31 12:00:00.123456+01:00",
            "2026-01-31 12:00:00+0100",
        ] {
            let (stamps, style) = settled(&[text]);

            assert_eq!(style.written(stamps[0]), text);
        }
    }

    #[test]
    fn what_is_no_stamp_is_not_read() {
        for text in [
            "",
            "x",
            "1.5",
            "2026",
            "31.01.2026",
            "2026-13-01",
            "2026-02-30",
            "2026-01/31",
            "2026-01-31T",
            "2026-01-31T25:00",
            "2026-01-31T12:00:00 Berlin",
            "2026-01-31T1:00",
            "99999999999999999999",
            "2026-01-31T12:00:00+99:00",
            "2026-ö1-01",
            "20é6-01-01",
        ]
        .into_iter()
        .filter(|text| *text != "2026")
        {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn whole_numbers_may_have_zeros_behind_the_point() {
        assert_eq!(read("701.0"), Some((Stamp::Integer(701), Style::Integer)));
    }

    #[test]
    fn offsets_are_brought_to_one_clock() {
        let (stamps, style) = settled(&["2026-03-29T01:00:00+01:00", "2026-03-29T03:00:00+02:00"]);

        assert_eq!(stamps[1].axis() - stamps[0].axis(), 3_600_000_000);
        assert_eq!(style.written(stamps[1]), "2026-03-29T02:00:00+01:00");
    }

    #[test]
    fn days_of_a_zone_stay_days_when_its_clocks_change() {
        let (stamps, style) = settled(&[
            "2026-03-28T00:00:00+01:00",
            "2026-03-29T00:00:00+01:00",
            "2026-03-30T00:00:00+02:00",
        ]);

        let day = 86_400_000_000;
        assert_eq!(stamps[1].axis() - stamps[0].axis(), day);
        assert_eq!(stamps[2].axis() - stamps[1].axis(), day);
        assert_eq!(style.written(stamps[2]), "2026-03-30T00:00:00+02:00");
    }

    #[test]
    fn days_among_times_are_midnights() {
        let (stamps, style) = settled(&["2026-01-31", "2026-01-31 06:00:00", "2026-02-01"]);

        assert!(stamps.iter().all(|stamp| matches!(stamp, Stamp::Time(_))));
        assert_eq!(style.written(stamps[2]), "2026-02-01 00:00:00");
    }

    #[test]
    fn seconds_since_1970_and_days_without_signs_are_known_by_their_range() {
        let (stamps, style) = settled(&["1767225600", "1767229200"]);

        assert_eq!(style, Style::Epoch(1));
        assert_eq!(stamps[1].axis() - stamps[0].axis(), 3_600_000_000);
        assert_eq!(style.written(stamps[1]), "1767229200");

        let (stamps, style) = settled(&["20260131", "20260201"]);

        assert_eq!(stamps[1].axis() - stamps[0].axis(), 1);
        assert_eq!(style.written(stamps[1]), "20260201");

        let (_, style) = settled(&["20260131", "20260232"]);

        assert_eq!(style, Style::Integer);
    }

    #[test]
    fn kinds_do_not_mix() {
        let mut clock = Clock::default();
        clock.take(read("2026-01-31").unwrap()).unwrap();

        assert_eq!(clock.take(read("17").unwrap()), Err(OtherKind));
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_or_not_without_panic(text in "\\PC{0,30}|[0-9TZ:+./ -]{0,30}") {
            if let Some(read) = read(&text) {
                let mut clock = Clock::default();
                let mut stamps = vec![clock.take(read).unwrap()];
                let style = clock.settle(&mut stamps);
                let _ = style.written(stamps[0]);
            }
        }
    }
}
