//! When a view is of.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Datelike, NaiveDate, SecondsFormat, Timelike, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;
use utoipa::openapi::schema::Type;
use utoipa::openapi::{ObjectBuilder, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::usage::question::{FIRST_YEAR, LAST_YEAR};

/// The time that a view is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum ViewPeriod {
    /// One that goes with the calendar.
    Relative {
        /// Which one.
        span: Span,
    },
    /// One that stays as it is.
    Fixed {
        /// Its first day, or its first moment.
        from: Bound,
        /// Its last day, which is part of it, or the first moment that is not.
        to: Bound,
    },
}

/// A time that goes with the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = ViewSpan)]
pub enum Span {
    /// Today.
    Today,
    /// Yesterday.
    Yesterday,
    /// The last seven days, today among them.
    #[serde(rename = "7d")]
    Days7,
    /// The last thirty days.
    #[serde(rename = "30d")]
    Days30,
    /// The last ninety days.
    #[serde(rename = "90d")]
    Days90,
    /// This week.
    Week,
    /// This month.
    Month,
    /// The month before.
    LastMonth,
    /// This year.
    Year,
    /// The last twelve months, this one among them.
    #[serde(rename = "12m")]
    Months12,
}

/// An end of a fixed time: a day of the view's calendar, or a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// A whole day.
    Day(NaiveDate),
    /// A moment.
    Moment(DateTime<Utc>),
}

/// Why a view cannot be of a time.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PeriodError {
    /// Its ends are the wrong way round.
    #[error("the time ends before it begins")]
    Backwards,
    /// One end is a day, the other a moment.
    #[error("one end is a day and the other a moment")]
    Mixed,
    /// Its beginning is before usage can be, or later than anybody can ask for.
    #[error("the time begins before {FIRST_YEAR} or after {LAST_YEAR}")]
    From,
    /// Its end is.
    #[error("the time ends before {FIRST_YEAR} or after {LAST_YEAR}")]
    To,
}

impl PeriodError {
    /// The field at fault.
    pub const fn field(&self) -> &'static str {
        match self {
            Self::From => "period.from",
            Self::Backwards | Self::Mixed | Self::To => "period.to",
        }
    }

    /// What to do about it.
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::Backwards => "swap the two ends, or give a later `to`",
            Self::Mixed => {
                "give two days, e.g. 2026-01-31, or two moments, e.g. 2026-01-31T12:00:00Z"
            }
            Self::From | Self::To => "give a time that usage can have",
        }
    }
}

impl ViewPeriod {
    /// Whether a view can be of that time.
    pub fn check(self) -> Result<(), PeriodError> {
        let Self::Fixed { from, to } = self else { return Ok(()) };
        let fits = |bound: Bound| (FIRST_YEAR..LAST_YEAR).contains(&bound.year());
        if !fits(from) {
            return Err(PeriodError::From);
        }
        if !fits(to) {
            return Err(PeriodError::To);
        }
        match (from, to) {
            (Bound::Day(from), Bound::Day(to)) if from <= to => Ok(()),
            (Bound::Moment(from), Bound::Moment(to)) if from < to => Ok(()),
            (Bound::Day(_), Bound::Day(_)) | (Bound::Moment(_), Bound::Moment(_)) => {
                Err(PeriodError::Backwards)
            }
            _ => Err(PeriodError::Mixed),
        }
    }
}

impl Bound {
    fn year(self) -> i32 {
        match self {
            Self::Day(day) => day.year(),
            Self::Moment(moment) => moment.year(),
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Day(day) => day.fmt(f),
            Self::Moment(moment) => {
                f.write_str(&moment.to_rfc3339_opts(SecondsFormat::AutoSi, true))
            }
        }
    }
}

impl FromStr for Bound {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(day) = text.parse() {
            return Ok(Self::Day(day));
        }
        let moment = DateTime::parse_from_rfc3339(text).map(|moment| moment.to_utc());
        match moment {
            // A 60th second is the 59th with more than a billion nanoseconds.
            Ok(moment) if moment.nanosecond() < 1_000_000_000 => Ok(Self::Moment(moment)),
            Ok(_) | Err(_) => Err("is neither a day such as 2026-01-31 nor a moment such as \
                                   2026-01-31T12:00:00Z"
                .to_owned()),
        }
    }
}

impl Serialize for Bound {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Bound {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

impl PartialSchema for Bound {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(Type::String).into()
    }
}

impl ToSchema for Bound {
    fn name() -> std::borrow::Cow<'static, str> {
        "ViewBound".into()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn fixed(from: &str, to: &str) -> Result<(), PeriodError> {
        ViewPeriod::Fixed { from: from.parse().unwrap(), to: to.parse().unwrap() }.check()
    }

    #[test]
    fn a_fixed_time_is_of_days_or_of_moments_in_their_order() {
        assert_eq!(fixed("2026-01-31", "2026-01-31"), Ok(()));
        assert_eq!(fixed("2026-01-31T00:00:00Z", "2026-01-31T01:00:00+00:30"), Ok(()));
        assert_eq!(fixed("2026-02-01", "2026-01-31"), Err(PeriodError::Backwards));
        assert_eq!(
            fixed("2026-01-31T00:00:00Z", "2026-01-31T00:00:00Z"),
            Err(PeriodError::Backwards)
        );
        assert_eq!(fixed("2026-01-31", "2026-02-01T00:00:00Z"), Err(PeriodError::Mixed));
        assert_eq!(fixed("1969-12-31", "2026-02-01"), Err(PeriodError::From));
        assert_eq!(fixed("2026-01-31", "2200-01-01"), Err(PeriodError::To));
    }

    #[test]
    fn an_end_that_no_clock_shows_is_refused() {
        for text in ["", "yesterday", "2026-02-30", "2026-01-31T12:00:60Z", "2026-01-31T12:00"] {
            assert!(text.parse::<Bound>().is_err(), "{text}");
        }
    }

    #[test]
    fn spans_are_called_as_in_the_address_of_a_page() {
        let words: Vec<_> = [
            Span::Today,
            Span::Yesterday,
            Span::Days7,
            Span::Days30,
            Span::Days90,
            Span::Week,
            Span::Month,
            Span::LastMonth,
            Span::Year,
            Span::Months12,
        ]
        .map(|span| serde_json::to_value(span).unwrap().as_str().unwrap().to_owned())
        .into();

        assert_eq!(words.join(" "), "today yesterday 7d 30d 90d week month last-month year 12m");
    }
}
