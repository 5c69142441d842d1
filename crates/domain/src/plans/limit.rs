//! How much of something may be used in a time.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use compact_str::CompactString;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use thiserror::Error;
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::budgets::{Enforcement, Period, Scope, Window};
use crate::quantity::{decimal_text, parse_scaled};
use crate::usage::question::{Attribute, Every, Measure, Value};
use crate::usage::{Charge, FactKind, Quantities, UsageEvent};

/// Shares of a limit at which people want to know, at most.
pub const ALERTS_MAX: usize = 10;
/// The largest of these shares, in percent.
pub const PERCENT_MAX: u16 = 1_000;
/// Characters in the id of a limit or a feature, at most.
pub(super) const NAME_CHARS_MAX: usize = 64;

const UNLIMITED: &str = "unlimited";
/// Billionths in a millionth, which quantities are counted in.
const NANOS_PER_MICRO: i128 = 1_000;
const NANOS_PER_UNIT: i128 = 1_000_000_000;

/// How much may be used: a number, of which 0 is nothing at all, or as much as one likes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Most {
    /// There is no end to it.
    Unlimited,
    /// So many billionths.
    Nanos(i128),
}

impl fmt::Display for Most {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unlimited => f.write_str(UNLIMITED),
            Self::Nanos(nanos) => f.write_str(&Value::Amount { nanos: *nanos }.text()),
        }
    }
}

impl FromStr for Most {
    type Err = LimitError;

    fn from_str(text: &str) -> Result<Self, LimitError> {
        if text == UNLIMITED {
            return Ok(Self::Unlimited);
        }
        // Tokens of a year are more than amounts reach, and have no billionths.
        let nanos = parse_scaled(text, 9).map(i128::from);
        let nanos = nanos.or_else(|_| Ok(i128::from(parse_scaled(text, 6)?) * NANOS_PER_MICRO));
        match nanos {
            Ok(nanos) if nanos >= 0 => Ok(Self::Nanos(nanos)),
            Ok(_) => Err(LimitError::Negative),
            Err::<_, crate::quantity::ScaledError>(_) => Err(LimitError::Most),
        }
    }
}

impl Serialize for Most {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Most {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        decimal_text(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl PartialSchema for Most {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(SchemaType::from_iter([Type::Number, Type::String]))
            .description(Some(
                "How much: a number or a decimal text, of which 0 is nothing at all, or the word \
                 `unlimited`. It is answered as a text.",
            ))
            .examples(["5000"])
            .into()
    }
}

impl ToSchema for Most {
    fn name() -> Cow<'static, str> {
        "LimitMost".into()
    }
}

/// What a limit measures: `spend`, `events` (each is a call), `tokens`, or a meter such as `images` or
/// `meter.gpu_hours`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitMeasure(Measure);

impl LimitMeasure {
    /// The measure, as questions ask for it.
    pub const fn measure(&self) -> &Measure {
        &self.0
    }

    /// Whether it is what is charged.
    pub const fn is_spend(&self) -> bool {
        matches!(self.0, Measure::Spend)
    }

    /// What a fact changes about it, in billionths: of one that takes usage back, less than nothing.
    pub fn of(&self, kind: FactKind, event: &UsageEvent, charge: &Charge) -> i128 {
        match &self.0 {
            Measure::Spend => charge.amount.map_or(0, |amount| i128::from(amount.nanos())),
            Measure::Events => i128::from(kind.event_count()) * NANOS_PER_UNIT,
            _ => self.of_quantities(&event.quantities),
        }
    }

    /// How much of it such quantities are, in billionths; nothing where it does not measure quantities.
    pub fn of_quantities(&self, quantities: &Quantities) -> i128 {
        let micros: i128 = match &self.0 {
            Measure::Tokens => {
                let tokens = quantities.iter().filter(|(meter, _)| meter.is_tokens());
                tokens.map(|(_, used)| i128::from(used.micros())).sum()
            }
            Measure::Meter(meter) => quantities.get(meter).micros().into(),
            _ => 0,
        };
        micros * NANOS_PER_MICRO
    }
}

impl FromStr for LimitMeasure {
    type Err = LimitError;

    fn from_str(name: &str) -> Result<Self, LimitError> {
        let known = Measure::from_name(name).filter(|measure| {
            use Measure::{Events, Meter, Spend, Tokens};
            matches!(measure, Spend | Events | Tokens | Meter(_))
        });
        known.map(Self).ok_or_else(|| LimitError::Measure(name.chars().take(100).collect()))
    }
}

impl fmt::Display for LimitMeasure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.name())
    }
}

impl Serialize for LimitMeasure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for LimitMeasure {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        CompactString::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// In which windows of time something is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LimitWindow {
    /// Each minute.
    Minute,
    /// Each hour.
    Hour,
    /// Each day.
    Day,
    /// Each week, from Monday.
    Week,
    /// Each month of the calendar.
    Month,
    /// Each quarter, from January.
    Quarter,
    /// Each year.
    Year,
    /// Each month of the subscription, counted from the day on which it began.
    Period,
}

impl LimitWindow {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Quarter => "quarter",
            Self::Year => "year",
            Self::Period => "period",
        }
    }

    /// The window in which `at` lies, where the months of the subscription are told by `month_of`.
    pub fn of(
        self,
        at: DateTime<Utc>,
        tz: Tz,
        month_of: impl FnOnce(DateTime<Utc>) -> Window,
    ) -> Window {
        let by_calendar = |period: Period| period.window(at, tz);
        match self {
            Self::Minute => {
                let from = at.timestamp().div_euclid(60) * 60;
                let from = DateTime::from_timestamp(from, 0).unwrap_or(at);
                Window { from, to: from + TimeDelta::minutes(1) }
            }
            Self::Hour => {
                let from = Every::Hour.start(at, tz);
                Window { from, to: Every::Hour.next(from, tz) }
            }
            Self::Day => by_calendar(Period::Day {}),
            Self::Week => by_calendar(Period::Week {}),
            Self::Month => by_calendar(Period::Month {}),
            Self::Quarter => by_calendar(Period::Quarter {}),
            Self::Year => by_calendar(Period::Year {}),
            Self::Period => month_of(at),
        }
    }
}

/// How much of one measure may be used in each window of time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PlanLimit)]
pub struct Limit {
    /// Its id, unique in the plan.
    #[schema(value_type = String, min_length = 1, max_length = 64, example = "image_calls")]
    pub id: CompactString,
    /// What is measured: `spend`, `events` (each is a call), `tokens`, or a meter such as `images`,
    /// `seconds` or `meter.gpu_hours`.
    #[schema(value_type = String, example = "events")]
    pub measure: LimitMeasure,
    /// How much may be used.
    pub most: Most,
    /// In which windows.
    pub every: LimitWindow,
    /// Of which usage, as filters: `provider`, `model`, `operation`, `team`, `tag.KEY` and so on; of all of
    /// the account's where nothing is said.
    #[serde(default, skip_serializing_if = "Scope::is_everything")]
    pub scope: Scope,
    /// What happens at the end of it: a hard limit refuses, a soft one is told about.
    #[serde(default = "hard")]
    pub enforcement: Enforcement,
    /// At which shares of it people want to know, in percent.
    #[serde(default = "usual_alerts")]
    #[schema(max_items = 10, example = json!([80, 90, 100]))]
    pub alerts_at: Vec<u16>,
}

const fn hard() -> Enforcement {
    Enforcement::Hard
}

/// At which shares people want to know where nothing is said.
pub fn usual_alerts() -> Vec<u16> {
    vec![80, 90, 100]
}

/// Why a limit cannot be.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LimitError {
    /// Its id is not of its form.
    #[error("an id has 1 to {NAME_CHARS_MAX} small letters, digits, `_`, `-` and `.`")]
    Id,
    /// How much is no number and no word.
    #[error("is neither a decimal number, 9 trillion at most, nor the word `unlimited`")]
    Most,
    /// Less than nothing cannot be used.
    #[error("must not be negative; 0 is nothing at all, and `unlimited` has no end")]
    Negative,
    /// There is nothing of that name to measure.
    #[error(
        "`{0}` is nothing that a limit measures: it is spend, events, tokens, or a meter such as images or \
         meter.NAME"
    )]
    Measure(CompactString),
    /// It would be of other accounts.
    #[error("a limit is of the account that has the plan, and does not filter by account")]
    OtherAccounts,
    /// Nobody knows how something will end before it has begun.
    #[error("a limit does not filter by status: what is asked for has none yet")]
    ByStatus,
    /// A share is out of range.
    #[error("a share is from 1 to {PERCENT_MAX} percent, not {0}")]
    Percent(u16),
    /// A share is there twice.
    #[error("{0} percent is there twice")]
    SamePercent(u16),
    /// There are too many shares.
    #[error("{0} shares, {ALERTS_MAX} at most")]
    TooManyAlerts(usize),
}

impl LimitError {
    /// The field at fault.
    pub const fn field(&self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Most | Self::Negative => "most",
            Self::Measure(_) => "measure",
            Self::OtherAccounts | Self::ByStatus => "scope",
            Self::Percent(_) | Self::SamePercent(_) | Self::TooManyAlerts(_) => "alerts_at",
        }
    }
}

impl Limit {
    /// Whether it can be, or why not.
    pub fn check(&self) -> Result<(), LimitError> {
        if !is_plain_id(&self.id) {
            return Err(LimitError::Id);
        }
        for filter in self.scope.filters() {
            match filter.attribute() {
                Attribute::Account => return Err(LimitError::OtherAccounts),
                Attribute::Status => return Err(LimitError::ByStatus),
                _ => {}
            }
        }
        if self.alerts_at.len() > ALERTS_MAX {
            return Err(LimitError::TooManyAlerts(self.alerts_at.len()));
        }
        for (place, percent) in self.alerts_at.iter().enumerate() {
            if !(1..=PERCENT_MAX).contains(percent) {
                return Err(LimitError::Percent(*percent));
            }
            if self.alerts_at[..place].contains(percent) {
                return Err(LimitError::SamePercent(*percent));
            }
        }
        Ok(())
    }

    /// Whether it refuses.
    pub fn is_hard(&self) -> bool {
        self.enforcement == Enforcement::Hard
    }

    /// What is counted for it, in words that tell it from all else that is.
    pub fn counting(&self) -> String {
        let scope: &BTreeMap<String, Vec<String>> = self.scope.names();
        let scope = serde_json::to_string(scope).unwrap_or_default();
        format!("{}/{}/{scope}", self.every.as_str(), self.measure)
    }

    /// The shares that are reached by `after` and were not by `before`, both in billionths.
    pub fn passed(&self, before: i128, after: i128) -> impl Iterator<Item = u16> {
        let most = match self.most {
            Most::Nanos(most) => Some(most),
            Most::Unlimited => None,
        };
        // Nothing is a share of nothing.
        let reaches = move |used: i128, percent: u16| {
            most.is_some_and(|most| used > 0 && used * 100 >= most * i128::from(percent))
        };
        let passed = move |percent: &u16| reaches(after, *percent) && !reaches(before, *percent);
        self.alerts_at.iter().copied().filter(passed)
    }
}

/// Whether an id is of the form that plans, limits and features have.
pub(super) fn is_plain_id(id: &str) -> bool {
    let is_plain = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-' | b'.')
    };
    !id.is_empty() && id.len() <= NAME_CHARS_MAX && id.bytes().all(is_plain)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn limit(json: &str) -> Result<Limit, serde_json::Error> {
        serde_json::from_str(json)
    }

    #[test]
    fn nothing_at_all_and_no_end_are_different_words() {
        let most = |text: &str| text.parse::<Most>();

        assert_eq!(most("0"), Ok(Most::Nanos(0)));
        assert_eq!(most("unlimited"), Ok(Most::Unlimited));
        assert_eq!(most("0.000000001"), Ok(Most::Nanos(1)));
        assert_eq!(most("9000000000000"), Ok(Most::Nanos(9_000_000_000_000_000_000_000)));
        assert_eq!(most("-1"), Err(LimitError::Negative));
        for wrong in ["", "null", "Unlimited", "1e3", "10000000000000", "none"] {
            assert_eq!(most(wrong), Err(LimitError::Most), "{wrong}");
        }
    }

    #[test]
    fn a_limit_reads_back_as_it_is_written() {
        let json = r#"{"id": "images", "measure": "images", "most": 25, "every": "month",
                       "scope": {"provider": ["stability"]}}"#;
        let read = limit(json).unwrap();

        assert_eq!((read.is_hard(), read.alerts_at.clone()), (true, vec![80, 90, 100]));
        let written = serde_json::to_string(&read).unwrap();
        assert_eq!(limit(&written).unwrap(), read);
        assert!(written.contains(r#""most":"25""#), "{written}");
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_field() {
        let good = r#"{"id": "a", "measure": "tokens", "most": "5", "every": "day"}"#;
        let refused = |change: &dyn Fn(&mut Limit)| {
            let mut limit = limit(good).unwrap();
            change(&mut limit);
            limit.check().map_err(|error| error.field()).err()
        };

        assert_eq!(refused(&|_| {}), None);
        assert_eq!(refused(&|limit| limit.id = "A b".into()), Some("id"));
        assert_eq!(refused(&|limit| limit.alerts_at = vec![0]), Some("alerts_at"));
        assert_eq!(refused(&|limit| limit.alerts_at = vec![80, 80]), Some("alerts_at"));
        let scope = |name| move |limit: &mut Limit| limit.scope = Scope::only(name, "ok").unwrap();
        assert_eq!(refused(&scope("account")), Some("scope"));
        assert_eq!(refused(&scope("status")), Some("scope"));
        assert!(limit(&good.replace("tokens", "latency_mean_ms")).is_err());
        assert!(limit(&good.replace("day", "fortnight")).is_err());
        assert!(limit(&good.replace("most", "least")).is_err());
    }

    #[test]
    fn windows_are_those_of_the_calendar_and_of_the_subscription() {
        let at: DateTime<Utc> = "2026-03-29T00:59:30Z".parse().unwrap();
        let month = Window { from: at - TimeDelta::days(3), to: at + TimeDelta::days(9) };
        let window = |every: LimitWindow| {
            let window = every.of(at, Tz::Europe__Berlin, |_| month);
            assert!(window.contains(at), "{every:?}");
            (window.to - window.from).num_minutes()
        };

        assert_eq!(window(LimitWindow::Minute), 1);
        assert_eq!(window(LimitWindow::Hour), 60);
        assert_eq!(window(LimitWindow::Day), 23 * 60);
        assert_eq!(window(LimitWindow::Period), 12 * 24 * 60);
        assert_eq!(window(LimitWindow::Year), 365 * 24 * 60);
    }

    proptest! {
        #[test]
        fn each_share_is_passed_once_however_usage_grows(
            most in 1..1_000_i64,
            steps in prop::collection::vec(0..400_i64, 1..40),
        ) {
            let json = format!(
                r#"{{"id": "a", "measure": "events", "most": {most}, "every": "day"}}"#
            );
            let limit = limit(&json).unwrap();
            let (mut used, mut passed) = (0, Vec::new());
            for step in steps {
                let before = used;
                used += i128::from(step) * NANOS_PER_UNIT;
                passed.extend(limit.passed(before, used));
            }

            let share = used * 100 / (i128::from(most) * NANOS_PER_UNIT);
            let expected: Vec<u16> =
                [80, 90, 100].into_iter().filter(|at| i128::from(*at) <= share).collect();
            prop_assert_eq!(passed, expected);
        }
    }
}
