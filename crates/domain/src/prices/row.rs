//! One row of the price book.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Datelike, Timelike, Utc};
use compact_str::CompactString;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::pattern::ModelPattern;
use super::price::Price;
use crate::Quantity;
use crate::usage::{Meter, Tags};

/// What one unit of one meter costs, for which models, under which conditions, and when.
///
/// A row is never edited: a new price closes it and opens another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceRow {
    /// The name that charges bear.
    pub id: CompactString,
    /// Where the price is from, e.g. `litellm`; [`MANUAL_SOURCE`] for one set by hand.
    pub source: CompactString,
    /// Who is paid, by our name for them.
    pub provider: CompactString,
    /// For which of their models.
    pub model: ModelPattern,
    /// Of the patterns of a source that take a name, the one with the lowest rank counts.
    #[serde(default)]
    pub rank: i32,
    /// What has the price.
    pub priced: Priced,
    /// How many units `price` is for, e.g. 3600 seconds.
    pub per: i64,
    /// What they cost; for a factor, the factor.
    pub price: Price,
    /// The currency, ISO 4217.
    pub currency: CompactString,
    /// How many units are charged for.
    #[serde(default)]
    pub charged: Charged,
    /// When the row applies.
    #[serde(default)]
    pub conditions: Conditions,
    /// The first moment of validity; `None` means that the price has no known beginning.
    pub valid_from: Option<DateTime<Utc>>,
    /// The first moment after it; `None` while the row is open.
    pub valid_to: Option<DateTime<Utc>>,
    /// The version or the hash of what was imported.
    #[serde(default)]
    pub version: CompactString,
}

/// The source of prices that people set by hand; such a row replaces every imported price of its
/// meter for its models.
pub const MANUAL_SOURCE: &str = "manual";

/// The one currency that usage is rated in.
pub const CURRENCY: &str = "USD";

impl PriceRow {
    /// Whether the row is valid at `at`.
    pub fn is_valid_at(&self, at: DateTime<Utc>) -> bool {
        self.valid_from.is_none_or(|from| from <= at) && self.valid_to.is_none_or(|to| at < to)
    }
}

/// What a row prices.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priced {
    /// Units of a meter.
    Meter(Meter),
    /// Nothing of its own: it multiplies the price of every token class of the request.
    Factor,
}

impl Priced {
    /// The word in rows and on the wire: the meter's name, or `factor`.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Meter(meter) => meter.name(),
            Self::Factor => "factor",
        }
    }

    /// What that word means.
    pub fn parse(word: &str) -> Self {
        match word {
            "factor" => Self::Factor,
            name => Self::Meter(Meter::from_name(name)),
        }
    }
}

impl Serialize for Priced {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Priced {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        CompactString::deserialize(deserializer).map(|word| Self::parse(&word))
    }
}

/// How many units are charged for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Charged {
    /// Every one.
    #[default]
    Each,
    /// One a request, however many were used.
    Once,
    /// As many as were used, and at least so many when any were.
    AtLeast(Quantity),
}

impl Charged {
    /// What is charged of `used`.
    pub fn of(self, used: Quantity) -> Quantity {
        match self {
            Self::Once if used > Quantity::ZERO => Quantity::ONE,
            Self::AtLeast(least) if used > Quantity::ZERO => used.max(least),
            _ => used,
        }
    }
}

/// When a row applies. An empty set of conditions always holds.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conditions {
    /// The whole prompt is longer than that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<ContextThreshold>,
    /// The service tier, e.g. `priority`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<CompactString>,
    /// The request was part of a batch job.
    #[serde(default, skip_serializing_if = "is_false")]
    pub batch: bool,
    /// The region or data zone that served it; `*` is any but `global`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<CompactString>,
    /// The time of day and the day of the week.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours: Option<Hours>,
    /// Other parameters of the request that must have these values, sorted by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty", with = "pairs")]
    pub parameters: Vec<(CompactString, CompactString)>,
}

/// Names and values as an object.
mod pairs {
    use compact_str::CompactString;
    use serde::{Deserializer, Serializer};

    use crate::once::each_once;

    pub fn serialize<S: Serializer>(
        pairs: &[(CompactString, CompactString)],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_map(pairs.iter().map(|(name, value)| (name, value)))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<(CompactString, CompactString)>, D::Error> {
        Ok(each_once(deserializer)?.into_iter().collect())
    }
}

#[allow(clippy::trivially_copy_pass_by_ref)]
const fn is_false(value: &bool) -> bool {
    !*value
}

impl Conditions {
    /// Whether nothing is asked for.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// How many parameters of the request are asked for, or `None` when one has another value.
    pub(crate) fn parameters_met(&self, given: &Tags) -> Option<usize> {
        let mut met = 0;
        if let Some(wanted) = &self.region {
            let region = given.get("region")?;
            let matches = match wanted.as_str() {
                "*" => !region.eq_ignore_ascii_case("global"),
                wanted => region.eq_ignore_ascii_case(wanted),
            };
            if !matches {
                return None;
            }
            met += 1;
        }
        for (name, wanted) in &self.parameters {
            if !given.get(name)?.eq_ignore_ascii_case(wanted) {
                return None;
            }
            met += 1;
        }
        Some(met)
    }
}

impl fmt::Display for Conditions {
    /// Writes the conditions as people and price ids name them, e.g. `priority+>272000`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts: Vec<String> = Vec::new();
        if self.batch {
            parts.push("batch".to_owned());
        }
        parts.extend(self.tier.iter().map(ToString::to_string));
        parts.extend(self.context.iter().map(ToString::to_string));
        parts.extend(self.region.iter().map(|region| format!("region={region}")));
        parts.extend(self.parameters.iter().map(|(name, value)| format!("{name}={value}")));
        parts.extend(self.hours.iter().map(ToString::to_string));
        f.write_str(&parts.join("+"))
    }
}

/// How long the whole prompt must be, tokens from and to a cache included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContextThreshold {
    /// More tokens than that.
    Over(u64),
    /// So many tokens or more.
    From(u64),
}

impl ContextThreshold {
    /// Whether a prompt of `tokens` is long enough.
    pub const fn is_passed_by(self, tokens: u64) -> bool {
        tokens >= self.first()
    }

    /// The shortest prompt that is long enough.
    pub const fn first(self) -> u64 {
        match self {
            Self::Over(tokens) => tokens.saturating_add(1),
            Self::From(tokens) => tokens,
        }
    }
}

impl fmt::Display for ContextThreshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Over(tokens) => write!(f, ">{tokens}"),
            Self::From(tokens) => write!(f, ">={tokens}"),
        }
    }
}

/// Times of the day, in UTC, on days of the week.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Hours {
    /// One of the windows must be open.
    pub windows: Vec<Window>,
    /// Whose calendar says which day it is, e.g. `Asia/Shanghai`; UTC's when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calendar: Option<chrono_tz::Tz>,
}

impl Hours {
    /// Whether a window is open at `at`.
    pub fn include(&self, at: DateTime<Utc>) -> bool {
        let weekday = match self.calendar {
            Some(calendar) => at.with_timezone(&calendar).weekday(),
            None => at.weekday(),
        };
        let second = at.num_seconds_from_midnight();
        let day = u8::try_from(weekday.number_from_monday()).unwrap_or(0);
        self.windows.iter().any(|window| window.includes(second, day))
    }
}

impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, window) in self.windows.iter().enumerate() {
            let comma = if at == 0 { "" } else { "+" };
            write!(f, "{comma}{}-{}", window.from, window.to)?;
            if window.days != Days::ALL {
                write!(f, "/{}", window.days)?;
            }
        }
        match self.calendar {
            Some(calendar) => write!(f, "@{}", calendar.name()),
            None => Ok(()),
        }
    }
}

/// A time of the day, `[from, to)`, on some days. It may pass midnight; from and to alike mean
/// the whole day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Window {
    /// The first second.
    pub from: TimeOfDay,
    /// The first second after it.
    pub to: TimeOfDay,
    /// On which days; the day is that of the moment asked about.
    #[serde(default)]
    pub days: Days,
}

impl Window {
    fn includes(self, second: u32, day: u8) -> bool {
        let (from, to) = (self.from.0, self.to.0);
        let in_hours =
            if from < to { (from..to).contains(&second) } else { second >= from || second < to };
        in_hours && self.days.contain(day)
    }
}

/// Seconds after midnight, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimeOfDay(u32);

/// Why a text is not a time of the day.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is not a time of the day such as 16:30")]
pub struct TimeOfDayError(String);

impl TimeOfDay {
    /// Midnight, at either end of a day.
    pub const MIDNIGHT: Self = Self(0);
    /// Seconds in a day.
    pub const DAY_SECONDS: u32 = 86_400;

    /// So many seconds after midnight; the end of a day is its start.
    pub const fn from_seconds(seconds: u32) -> Self {
        Self(seconds % Self::DAY_SECONDS)
    }

    /// Seconds after midnight.
    pub const fn seconds(self) -> u32 {
        self.0
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (hours, minutes, seconds) = (self.0 / 3600, self.0 / 60 % 60, self.0 % 60);
        write!(f, "{hours:02}:{minutes:02}")?;
        if seconds == 0 { Ok(()) } else { write!(f, ":{seconds:02}") }
    }
}

impl FromStr for TimeOfDay {
    type Err = TimeOfDayError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = || TimeOfDayError(text.to_owned());
        let parts: Vec<u32> = text
            .trim()
            .split(':')
            .map(|part| {
                let is_number = !part.is_empty() && part.len() <= 2;
                if is_number { part.parse().map_err(|_| bad()) } else { Err(bad()) }
            })
            .collect::<Result<_, _>>()?;
        match parts[..] {
            [24, 0] | [24, 0, 0] => Ok(Self::MIDNIGHT),
            [hours @ 0..24, minutes @ 0..60] => Ok(Self(hours * 3600 + minutes * 60)),
            [hours @ 0..24, minutes @ 0..60, seconds @ 0..60] => {
                Ok(Self(hours * 3600 + minutes * 60 + seconds))
            }
            _ => Err(bad()),
        }
    }
}

impl Serialize for TimeOfDay {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TimeOfDay {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = CompactString::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Days of the week; 1 is Monday, 7 is Sunday.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Days(u8);

impl Days {
    /// Every day.
    pub const ALL: Self = Self(0b1111_1110);

    /// The days with these numbers; others than 1 to 7 are left out.
    pub fn from_numbers(days: impl IntoIterator<Item = u8>) -> Self {
        Self(
            days.into_iter().filter(|day| (1..=7).contains(day)).fold(0, |set, day| set | 1 << day),
        )
    }

    /// Whether the day with that number is among them.
    pub const fn contain(self, day: u8) -> bool {
        day <= 7 && self.0 & (1 << day) != 0
    }

    fn numbers(self) -> impl Iterator<Item = u8> {
        (1..=7).filter(move |day| self.contain(*day))
    }
}

impl Default for Days {
    fn default() -> Self {
        Self::ALL
    }
}

impl fmt::Display for Days {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const NAMES: [&str; 8] = ["", "Mo", "Tu", "We", "Th", "Fr", "Sa", "Su"];
        self.numbers().try_for_each(|day| f.write_str(NAMES[usize::from(day)]))
    }
}

impl Serialize for Days {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.numbers())
    }
}

impl<'de> Deserialize<'de> for Days {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let numbers = Vec::<u8>::deserialize(deserializer)?;
        if let Some(wrong) = numbers.iter().find(|day| !(1..=7).contains(*day)) {
            let detail = format!("a day is 1 (Monday) to 7 (Sunday), not {wrong}");
            return Err(serde::de::Error::custom(detail));
        }
        Ok(Self::from_numbers(numbers))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn a_window_includes_its_start_and_not_its_end() {
        let hours: Hours =
            serde_json::from_str(r#"{"windows":[{"from":"16:30","to":"00:30"}]}"#).unwrap();

        assert!(!hours.include(at("2026-11-20T16:29:59Z")));
        assert!(hours.include(at("2026-11-20T16:30:00Z")));
        assert!(hours.include(at("2026-11-20T00:29:59Z")));
        assert!(!hours.include(at("2026-11-20T00:30:00Z")));
    }

    #[test]
    fn a_weekday_is_read_on_the_calendar_that_is_named() {
        let text = |calendar: &str| {
            format!(r#"{{"windows":[{{"from":"00:00","to":"00:00","days":[6,7]}}]{calendar}}}"#)
        };
        let utc: Hours = serde_json::from_str(&text("")).unwrap();
        let china: Hours = serde_json::from_str(&text(r#","calendar":"Asia/Shanghai""#)).unwrap();
        let friday_evening = at("2026-11-20T16:00:00Z");

        assert!(!utc.include(friday_evening));
        assert!(china.include(friday_evening));
        assert_eq!(china.to_string(), "00:00-00:00/SaSu@Asia/Shanghai");
    }

    #[test]
    fn conditions_are_named_shortly() {
        let json = r#"{"context":{"over":272000},"tier":"priority","parameters":{"speed":"fast"}}"#;
        let conditions: Conditions = serde_json::from_str(json).unwrap();

        assert_eq!(conditions.to_string(), "priority+>272000+speed=fast");
        assert_eq!(serde_json::to_string(&conditions).unwrap(), json);
        assert!(serde_json::from_str::<Conditions>(r#"{"teir":"x"}"#).is_err());
    }

    #[test]
    fn what_is_charged_depends_on_the_row() {
        let ten = Quantity::from_units(10).unwrap();

        assert_eq!(Charged::Once.of(ten), Quantity::ONE);
        assert_eq!(Charged::Once.of(Quantity::ZERO), Quantity::ZERO);
        assert_eq!(Charged::AtLeast(ten).of(Quantity::ONE), ten);
        assert_eq!(Charged::AtLeast(ten).of(Quantity::ZERO), Quantity::ZERO);
    }
}
