//! What can be asked of usage, and the sums that answer it.

use std::borrow::Cow;

use compact_str::CompactString;

use super::latency::Latencies;
use crate::quantity::MICROS_PER_UNIT;
use crate::usage::{METER_NAME_BYTES_MAX, Meter};

/// The word before the name of a free-form meter: `meter.gpu_hours`.
const METER_PREFIX: &str = "meter.";

/// One figure of an answer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Measure {
    /// The charges.
    Spend,
    /// The charges, in credits.
    Credits,
    /// How many events there were; one that was taken back is none.
    Events,
    /// How many events ended in an error.
    Errors,
    /// For how many events no price is known.
    Unpriced,
    /// Tokens of every class.
    Tokens,
    /// What one meter counted.
    Meter(Meter),
    /// The least charge of one event, as it was first rated; nothing where there is none.
    SpendLeast,
    /// The largest charge of one event, as it was first rated; nothing where there is none.
    SpendMost,
    /// How long calls took on average, where they said.
    LatencyMean,
    /// How long that many per cent of calls took at most, where they said.
    LatencyPercentile(u8),
}

impl Measure {
    /// The percentiles that can be asked for.
    pub const PERCENTILES: [u8; 4] = [50, 90, 95, 99];

    /// The measures that have a name of their own, in the order in which they are listed.
    pub fn named() -> impl Iterator<Item = Self> {
        [Self::Spend, Self::Credits, Self::Events, Self::Errors, Self::Unpriced, Self::Tokens]
            .into_iter()
            .chain(Meter::KNOWN.map(Self::Meter))
            .chain([Self::LatencyMean])
            .chain(Self::PERCENTILES.map(Self::LatencyPercentile))
    }

    /// The name on the wire.
    pub fn name(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Spend => "spend",
            Self::Credits => "credits",
            Self::Events => "events",
            Self::Errors => "errors",
            Self::Unpriced => "unpriced",
            Self::Tokens => "tokens",
            Self::Meter(meter) => return meter_name(meter),
            Self::SpendLeast => "spend_least",
            Self::SpendMost => "spend_most",
            Self::LatencyMean => "latency_mean_ms",
            Self::LatencyPercentile(percent) => {
                return Cow::Owned(format!("latency_p{percent}_ms"));
            }
        })
    }

    /// The measure of that name. Free-form meters are `meter.NAME`.
    pub fn from_name(name: &str) -> Option<Self> {
        if let Some(meter) = name.strip_prefix(METER_PREFIX) {
            let fits = !meter.is_empty() && meter.len() <= METER_NAME_BYTES_MAX;
            return fits.then(|| Self::Meter(Meter::from_name(meter)));
        }
        Self::named().find(|measure| measure.name() == name)
    }

    /// The sums from which the measure is computed.
    pub fn parts(&self) -> Vec<Part> {
        match self {
            Self::Spend | Self::Credits => vec![Part::Nanos],
            Self::Events => vec![Part::Events],
            Self::Errors => vec![Part::Errors],
            Self::Unpriced => vec![Part::Unpriced],
            Self::Tokens => vec![Part::Tokens],
            Self::Meter(meter) => vec![Part::Meter(meter.clone())],
            Self::SpendLeast => vec![Part::LeastNanos],
            Self::SpendMost => vec![Part::MostNanos],
            Self::LatencyMean => vec![Part::LatencyMicros, Part::LatencyCount],
            Self::LatencyPercentile(_) => vec![],
        }
    }

    /// Whether the measure needs to know how calls of different lengths are spread.
    pub const fn needs_spread(&self) -> bool {
        matches!(self, Self::LatencyPercentile(_))
    }

    /// The measure's value, where `part` looks up one of its sums.
    pub fn value(
        &self,
        part: impl Fn(&Part) -> i128,
        latencies: Option<&Latencies>,
        credits: CreditRate,
    ) -> Value {
        match self {
            Self::Spend => Value::Amount { nanos: part(&Part::Nanos) },
            Self::Credits => credits.of(part(&Part::Nanos)),
            Self::Events => Value::Count(part(&Part::Events)),
            Self::Errors => Value::Count(part(&Part::Errors)),
            Self::Unpriced => Value::Count(part(&Part::Unpriced)),
            Self::Tokens => Value::Count(part(&Part::Tokens)),
            Self::Meter(meter) if meter.is_divisible() => {
                Value::Quantity { micros: part(&Part::Meter(meter.clone())) }
            }
            Self::Meter(meter) => Value::Count(part(&Part::Meter(meter.clone()))),
            Self::SpendLeast => Part::LeastNanos.found(part(&Part::LeastNanos)),
            Self::SpendMost => Part::MostNanos.found(part(&Part::MostNanos)),
            Self::LatencyMean => {
                let count = part(&Part::LatencyCount);
                let mean = (count > 0).then(|| {
                    // Latencies are no money: a double holds microseconds of years exactly.
                    part(&Part::LatencyMicros) as f64 / count as f64
                });
                Value::Latency { micros: mean }
            }
            Self::LatencyPercentile(percent) => {
                let micros = latencies.and_then(|latencies| latencies.percentile(*percent));
                Value::Latency { micros: micros.map(|micros| micros as f64) }
            }
        }
    }
}

fn meter_name(meter: &Meter) -> Cow<'static, str> {
    match meter {
        Meter::Other(name) => Cow::Owned(format!("{METER_PREFIX}{name}")),
        known => Cow::Owned(known.name().to_owned()),
    }
}

/// A sum of integers over facts, or one of their extremes. What parts of the facts come to is
/// joined to what all of them do, exactly.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// Charges, in nanos.
    Nanos,
    /// Events.
    Events,
    /// Events that ended in an error.
    Errors,
    /// Events without a price.
    Unpriced,
    /// Tokens of every class.
    Tokens,
    /// A meter's quantities: millionths where the meter is divisible, units where it is not.
    Meter(Meter),
    /// The time that reported calls took, in microseconds.
    LatencyMicros,
    /// Reported calls that said how long they took.
    LatencyCount,
    /// The least charge of an event, in nanos. What adjusts or reverses events is left out.
    LeastNanos,
    /// The largest charge of an event, in nanos. What adjusts or reverses events is left out.
    MostNanos,
}

impl Part {
    /// What no facts at all come to.
    pub const fn of_nothing(&self) -> i64 {
        match self {
            Self::LeastNanos => i64::MAX,
            Self::MostNanos => i64::MIN,
            _ => 0,
        }
    }

    /// Whether what parts come to is added up; the further one counts otherwise.
    pub const fn is_sum(&self) -> bool {
        !matches!(self, Self::LeastNanos | Self::MostNanos)
    }

    /// What two parts of the facts come to together.
    pub fn join(&self, one: i128, two: i128) -> i128 {
        match self {
            Self::LeastNanos => one.min(two),
            Self::MostNanos => one.max(two),
            _ => one + two,
        }
    }

    /// An extreme as an amount; zero where there was none.
    fn found(&self, nanos: i128) -> Value {
        let is_none = nanos == i128::from(self.of_nothing());
        Value::Amount { nanos: if is_none { 0 } else { nanos } }
    }
}

/// How many credits one unit of the currency is, exact to six decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CreditRate {
    micros: u64,
}

impl CreditRate {
    /// One credit for one unit.
    pub const ONE: Self = Self { micros: MICROS_PER_UNIT.unsigned_abs() };

    /// A rate of `micros` millionths of a credit for one unit, or `None` for nothing or for more
    /// than a billion credits.
    pub const fn from_micros(micros: u64) -> Option<Self> {
        match micros {
            1..=1_000_000_000_000_000 => Some(Self { micros }),
            _ => None,
        }
    }

    /// The credits of `nanos`: not rounded, so that credits add up as the amounts do.
    const fn of(self, nanos: i128) -> Value {
        Value::Credits { femtos: nanos.saturating_mul(self.micros as i128) }
    }
}

impl Default for CreditRate {
    fn default() -> Self {
        Self::ONE
    }
}

/// The value of a measure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value {
    /// Money.
    Amount {
        /// In billionths.
        nanos: i128,
    },
    /// Credits.
    Credits {
        /// In 10⁻¹⁵ credits.
        femtos: i128,
    },
    /// Whole things.
    Count(i128),
    /// Things that can be divided.
    Quantity {
        /// In millionths.
        micros: i128,
    },
    /// A time, if there was any to measure.
    Latency {
        /// In microseconds.
        micros: Option<f64>,
    },
}

impl Value {
    /// The exact decimal text; for a latency milliseconds, empty where there is none.
    pub fn text(self) -> CompactString {
        match self {
            Self::Amount { nanos } => decimal_text(nanos, 9),
            Self::Credits { femtos } => decimal_text(femtos, 15),
            Self::Count(count) => decimal_text(count, 0),
            Self::Quantity { micros } => decimal_text(micros, 6),
            Self::Latency { micros } => match micros {
                Some(micros) => compact_str::format_compact!("{}", millis(micros)),
                None => CompactString::const_new(""),
            },
        }
    }

    /// Orders values of one measure. No latency is less than any.
    pub fn order(&self, other: &Self) -> std::cmp::Ordering {
        match (self, other) {
            (Self::Latency { micros: one }, Self::Latency { micros: two }) => {
                one.unwrap_or(-1.0).total_cmp(&two.unwrap_or(-1.0))
            }
            _ => self.exact().cmp(&other.exact()),
        }
    }

    const fn exact(&self) -> i128 {
        match *self {
            Self::Amount { nanos } => nanos,
            Self::Credits { femtos } => femtos,
            Self::Count(count) => count,
            Self::Quantity { micros } => micros,
            Self::Latency { .. } => 0,
        }
    }
}

/// Microseconds as milliseconds, to the microsecond.
pub fn millis(micros: f64) -> f64 {
    micros.round() / 1_000.0
}

/// Writes an integer of `10^-places` as a decimal without trailing zeros.
fn decimal_text(value: i128, places: usize) -> CompactString {
    let sign = if value < 0 { "-" } else { "" };
    let digits = format!("{:0>width$}", value.unsigned_abs(), width = places + 1);
    let (whole, fraction) = digits.split_at(digits.len() - places);
    match fraction.trim_end_matches('0') {
        "" => compact_str::format_compact!("{sign}{whole}"),
        fraction => compact_str::format_compact!("{sign}{whole}.{fraction}"),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn every_measure_is_found_by_its_name() {
        for measure in Measure::named() {
            assert_eq!(Measure::from_name(&measure.name()), Some(measure));
        }
        let free = Measure::from_name("meter.gpu_hours").unwrap();
        assert_eq!(free, Measure::Meter(Meter::Other("gpu_hours".into())));
        assert_eq!(free.name(), "meter.gpu_hours");
        assert_eq!(Measure::from_name("meter."), None);
        assert_eq!(Measure::from_name("cost"), None);
    }

    #[test]
    fn values_are_written_exactly() {
        assert_eq!(Value::Amount { nanos: 12_345_678_901 }.text(), "12.345678901");
        assert_eq!(Value::Amount { nanos: -1 }.text(), "-0.000000001");
        assert_eq!(
            Value::Amount { nanos: i128::from(i64::MAX) * 4 }.text(),
            "36893488147.419103228"
        );
        assert_eq!(Value::Quantity { micros: 2_500_000 }.text(), "2.5");
        assert_eq!(Value::Count(0).text(), "0");
        assert_eq!(Value::Latency { micros: None }.text(), "");
        assert_eq!(Value::Latency { micros: Some(1_250.4) }.text(), "1.25");
    }

    #[test]
    fn credits_are_not_rounded() {
        let rate = CreditRate::from_micros(1_500_000).unwrap();
        let credits = |nanos| Measure::Credits.value(|_| nanos, None, rate).text();

        assert_eq!(credits(1), "0.0000000015");
        assert_eq!(credits(2_000_000_000), "3");
    }
}
