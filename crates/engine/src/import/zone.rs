//! Times that name no zone, and the many ways to write a time.

use chrono::offset::LocalResult;
use chrono::{DateTime, Duration, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeZone, Utc};
use chrono_tz::Tz;
use thiserror::Error;

/// The zone in which times without one are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Zone(Tz);

/// What a clock on the wall can mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WallTime {
    /// One moment. A time that the clock skipped is one too, by the offset from before the gap.
    Once(DateTime<Utc>),
    /// The clock was put back and showed the time twice.
    Twice {
        /// The first time.
        first: DateTime<Utc>,
        /// The second time.
        second: DateTime<Utc>,
    },
}

/// Why a text is not a time.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TimeError {
    /// Nobody's way to write a time.
    #[error("`{0}` is not a time such as 2026-07-19T01:48:38 or 2026-07-19T01:48:38+02:00")]
    NotATime(String),
    /// A number of seconds outside what any clock shows.
    #[error("`{0}` is outside the range of times")]
    OutOfRange(String),
}

/// Why a text is not a zone.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is not a time zone of the IANA list, such as Europe/Berlin or UTC")]
pub struct ZoneError(String);

impl Zone {
    /// Coordinated universal time.
    pub const UTC: Self = Self(Tz::UTC);

    /// The zone of that IANA name.
    pub fn named(name: &str) -> Result<Self, ZoneError> {
        name.parse().map(Self).map_err(|_| ZoneError(name.to_owned()))
    }

    /// The IANA name.
    pub fn name(self) -> &'static str {
        self.0.name()
    }

    /// What the wall clock's `local` can mean in this zone.
    pub fn read(self, local: NaiveDateTime) -> WallTime {
        match self.0.from_local_datetime(&local) {
            LocalResult::Single(at) => WallTime::Once(at.to_utc()),
            LocalResult::Ambiguous(first, second) => {
                WallTime::Twice { first: first.to_utc(), second: second.to_utc() }
            }
            LocalResult::None => WallTime::Once(self.read_in_gap(local)),
        }
    }

    /// The moment of the wall clock's `local`, the first of two.
    pub fn instant(self, local: NaiveDateTime) -> DateTime<Utc> {
        match self.read(local) {
            WallTime::Once(at) | WallTime::Twice { first: at, .. } => at,
        }
    }

    /// What the wall clock shows at `at`.
    pub fn local(self, at: DateTime<Utc>) -> NaiveDateTime {
        at.with_timezone(&self.0).naive_local()
    }

    /// The moment by the offset that was valid before the gap. The longest gap was a whole day.
    fn read_in_gap(self, local: NaiveDateTime) -> DateTime<Utc> {
        let before = (1..=200)
            .map(|quarters| local - Duration::minutes(15 * quarters))
            .find_map(|earlier| self.0.from_local_datetime(&earlier).latest());
        let offset = before.map_or(Duration::zero(), |at| {
            Duration::seconds(i64::from(at.offset().fix().local_minus_utc()))
        });
        (local - offset).and_utc()
    }
}

/// Reads a time as people and programs write it; `zone` where the text names none.
///
/// Understood are RFC 3339 with `T` or a space, the same without an offset, without seconds or
/// without a time of day, and numbers of seconds, milliseconds or microseconds since 1970.
pub fn parse_time(text: &str, zone: Zone) -> Result<DateTime<Utc>, TimeError> {
    let text = text.trim();
    if let Some(number) = epoch(text) {
        return number;
    }
    if let Some(local) = parse_local(text) {
        return Ok(zone.instant(local));
    }
    parse_with_offset(text).ok_or_else(|| TimeError::NotATime(text.to_owned()))
}

/// Reads a time of the wall clock, to the microsecond: `YYYY-MM-DD[T| ]HH:MM[:SS[.fraction]]`,
/// or a date, which is its midnight.
pub fn parse_local(text: &str) -> Option<NaiveDateTime> {
    let date = NaiveDate::parse_from_str(text.get(..10)?, "%Y-%m-%d").ok()?;
    let rest = text.get(10..)?;
    if rest.is_empty() {
        return Some(date.and_time(NaiveTime::MIN));
    }
    let clock = rest.strip_prefix(['T', 't', ' '])?;
    let time = NaiveTime::parse_from_str(clock, "%H:%M:%S%.f")
        .or_else(|_| NaiveTime::parse_from_str(clock, "%H:%M"))
        .ok()?;
    Some(to_micros(date.and_time(time)))
}

/// The moment of a number of seconds since 1970.
pub fn from_epoch_seconds(seconds: f64) -> Result<DateTime<Utc>, TimeError> {
    let micros = (seconds * 1e6).round();
    // Floats hold every whole microsecond until long after the last year of `DateTime`.
    #[allow(clippy::cast_possible_truncation)]
    let at = (micros.abs() < 9e18).then(|| DateTime::from_timestamp_micros(micros as i64));
    at.flatten().ok_or_else(|| TimeError::OutOfRange(seconds.to_string()))
}

fn parse_with_offset(text: &str) -> Option<DateTime<Utc>> {
    let split = text
        .char_indices()
        .skip(11)
        .find(|(_, letter)| matches!(letter, '+' | '-' | 'Z' | 'z'))
        .map(|(at, _)| at)?;
    let (local, offset) = text.split_at(split);
    let local = parse_local(local.trim_end())?;
    let seconds = match offset {
        "Z" | "z" => 0,
        offset => {
            let sign = if offset.starts_with('-') { -1 } else { 1 };
            let digits = offset.get(1..)?.replace(':', "");
            if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
                return None;
            }
            let (hours, minutes) = match digits.len() {
                2 => (digits.as_str(), "0"),
                4 => digits.split_at(2),
                _ => return None,
            };
            let (hours, minutes): (i64, i64) = (hours.parse().ok()?, minutes.parse().ok()?);
            (hours < 24 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))?
        }
    };
    Some((local - Duration::seconds(seconds)).and_utc())
}

/// A number of seconds, milliseconds or microseconds since 1970, told apart by its size.
///
/// Fewer than nine digits are no time of this century, and rather a date without dashes.
fn epoch(text: &str) -> Option<Result<DateTime<Utc>, TimeError>> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !is_digits(whole) || !is_digits(fraction) || whole.len() < 9 {
        return None;
    }
    let out_of_range = || TimeError::OutOfRange(text.to_owned());
    let micros = match whole.len() {
        9..=11 => {
            let fraction = format!("{fraction:0<6}");
            whole
                .parse::<i64>()
                .ok()
                .zip(fraction[..6].parse::<i64>().ok())
                .map(|(seconds, micros)| seconds * 1_000_000 + micros)
        }
        12..=14 => whole.parse::<i64>().ok().map(|millis| millis * 1_000),
        15..=17 => whole.parse::<i64>().ok(),
        _ => None,
    };
    Some(micros.and_then(DateTime::from_timestamp_micros).ok_or_else(out_of_range))
}

fn to_micros(local: NaiveDateTime) -> NaiveDateTime {
    use chrono::Timelike;
    let micros = local.nanosecond() / 1_000;
    local.with_nanosecond(micros * 1_000).unwrap_or(local)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn berlin() -> Zone {
        Zone::named("Europe/Berlin").unwrap()
    }

    fn read(text: &str) -> String {
        match parse_time(text, berlin()) {
            Ok(at) => at.format("%FT%T%.fZ").to_string(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn a_time_is_read_however_it_is_written() {
        assert_eq!(read("2026-07-19T01:48:38.116250"), "2026-07-18T23:48:38.116250Z");
        assert_eq!(read("2026-07-24T00:00:00"), "2026-07-23T22:00:00Z");
        assert_eq!(read("2026-01-24 00:00"), "2026-01-23T23:00:00Z");
        assert_eq!(read("2026-01-24"), "2026-01-23T23:00:00Z");
        assert_eq!(read(" 2026-01-24T08:00:00Z "), "2026-01-24T08:00:00Z");
        assert_eq!(read("2026-01-24 08:00:00.5+05:30"), "2026-01-24T02:30:00.500Z");
        assert_eq!(read("2026-01-24T08:00-0800"), "2026-01-24T16:00:00Z");
        assert_eq!(read("2026-01-24T08:00:00.123456789Z"), "2026-01-24T08:00:00.123456Z");
        assert_eq!(read("1784425718"), "2026-07-19T01:48:38Z");
        assert_eq!(read("1784425718.11625"), "2026-07-19T01:48:38.116250Z");
        assert_eq!(read("1784425718116"), "2026-07-19T01:48:38.116Z");
        assert_eq!(read("1784425718116250"), "2026-07-19T01:48:38.116250Z");
    }

    #[test]
    fn what_is_not_a_time_is_named() {
        for text in ["", "yesterday", "07/19/2026", "2026-13-01", "20260719", "2026-01-01T25:00"] {
            assert!(read(text).contains("is not a time"), "{text}: {}", read(text));
        }
        assert!(read("99999999999999999999").contains("outside the range"));
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_a_time_or_is_not(text in "\\PC{0,40}", date in "[0-9]{4}-[01][0-9]-[0-3][0-9].{0,24}") {
            for text in [text, date] {
                if let Ok(at) = parse_time(&text, berlin()) {
                    let again = parse_time(&at.to_rfc3339(), Zone::UTC);
                    proptest::prop_assert_eq!(again, Ok(at));
                }
            }
        }

        #[test]
        fn the_wall_clock_comes_back(minutes in 0_i64..60_000_000) {
            let at = DateTime::UNIX_EPOCH + Duration::minutes(minutes);
            let read = match berlin().read(berlin().local(at)) {
                WallTime::Once(only) => [only, only],
                WallTime::Twice { first, second } => [first, second],
            };
            proptest::prop_assert!(read.contains(&at), "{:?} is not {}", read, at);
        }
    }

    #[test]
    fn a_skipped_time_keeps_the_offset_from_before_the_gap() {
        assert_eq!(read("2026-03-29T01:59:59"), "2026-03-29T00:59:59Z");
        assert_eq!(read("2026-03-29T02:30:00"), "2026-03-29T01:30:00Z");
        assert_eq!(read("2026-03-29T03:00:00"), "2026-03-29T01:00:00Z");
        let apia = Zone::named("Pacific/Apia").unwrap();
        let skipped_day = parse_local("2011-12-30T12:00:00").unwrap();
        assert_eq!(apia.instant(skipped_day).to_rfc3339(), "2011-12-30T22:00:00+00:00");
    }

    #[test]
    fn a_repeated_time_is_the_first_and_knows_the_second() {
        assert_eq!(read("2026-10-25T02:30:00"), "2026-10-25T00:30:00Z");
        let WallTime::Twice { first, second } =
            berlin().read(parse_local("2026-10-25T02:30:00").unwrap())
        else {
            panic!("the clock showed that time twice")
        };
        assert_eq!(second - first, Duration::hours(1));
    }
}
