//! Exact money.

use std::fmt;
use std::iter::Sum;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use thiserror::Error;

/// Nanos in one unit of the currency.
pub const NANOS_PER_UNIT: i64 = 1_000_000_000;

/// An exact amount of the deployment's currency, in billionths (10⁻⁹) of its unit.
///
/// The wire form is a decimal string without trailing zeros, e.g. `"-12.5"`.
/// The range is about ± 9.2 billion units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Amount(i64);

/// Why a text is not an amount.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AmountError {
    /// Not a plain decimal number.
    #[error("`{0}` is not a decimal number such as 12.5")]
    NotADecimal(String),
    /// More than nine digits after the point.
    #[error("`{0}` has more than nine decimal places")]
    TooPrecise(String),
    /// Outside ± 9.2 billion units.
    #[error("`{0}` is outside the range of amounts, about 9.2 billion either way")]
    OutOfRange(String),
}

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// An amount of `nanos` billionths.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// An amount of whole units.
    pub const fn from_units(units: i32) -> Self {
        Self(units as i64 * NANOS_PER_UNIT)
    }

    /// The amount in billionths.
    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// The sum, or `None` when it is out of range.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// The difference, or `None` when it is out of range.
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }

    /// The same amount with the other sign, or `None` when it is out of range.
    pub fn checked_neg(self) -> Option<Self> {
        self.0.checked_neg().map(Self)
    }

    /// Whether this is less than nothing.
    pub const fn is_negative(self) -> bool {
        self.0 < 0
    }

    /// Reads a float that another system stored for a decimal amount.
    ///
    /// The shortest decimal that the float stands for is taken, and rounded half away from zero
    /// to nine places: `1.4680171499999997` is `1.46801715`.
    pub fn from_foreign_float(value: f64) -> Result<Self, AmountError> {
        if !value.is_finite() {
            return Err(AmountError::NotADecimal(value.to_string()));
        }
        let nanos = crate::quantity::scale_float(value, 9)
            .ok_or_else(|| AmountError::OutOfRange(format!("{value:e}")))?;
        Ok(Self(nanos))
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::quantity::format_scaled(self.0, 9))
    }
}

impl FromStr for Amount {
    type Err = AmountError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        use crate::quantity::ScaledError as E;
        crate::quantity::parse_scaled(text, 9).map(Self).map_err(|error| match error {
            E::NotADecimal => AmountError::NotADecimal(crate::quantity::shown(text)),
            E::TooPrecise => AmountError::TooPrecise(crate::quantity::shown(text)),
            E::OutOfRange => AmountError::OutOfRange(crate::quantity::shown(text)),
        })
    }
}

impl Sum for Amount {
    /// Adds amounts.
    ///
    /// # Panics
    /// When the sum leaves the range; use [`Amount::checked_add`] on amounts from outside.
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        Self(iter.map(|amount| amount.0).sum())
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            self.0.serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let text = crate::quantity::decimal_text(deserializer)?;
            text.parse().map_err(de::Error::custom)
        } else {
            i64::deserialize(deserializer).map(Self)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_written_as_people_write_it() {
        let written = |nanos| Amount::from_nanos(nanos).to_string();

        assert_eq!(written(0), "0");
        assert_eq!(written(12_500_000_000), "12.5");
        assert_eq!(written(-1), "-0.000000001");
        assert_eq!(written(i64::MIN), "-9223372036.854775808");
    }

    #[test]
    fn an_amount_reads_back_as_it_was_written() {
        for nanos in [0, 1, -1, 999_999_999, 1_000_000_000, i64::MAX, i64::MIN] {
            let amount = Amount::from_nanos(nanos);
            assert_eq!(amount.to_string().parse(), Ok(amount));
        }
    }

    #[test]
    fn what_is_not_an_amount_says_why() {
        assert!(matches!("1,5".parse::<Amount>(), Err(AmountError::NotADecimal(_))));
        assert!(matches!("".parse::<Amount>(), Err(AmountError::NotADecimal(_))));
        assert!(matches!("1.0000000001".parse::<Amount>(), Err(AmountError::TooPrecise(_))));
        assert!(matches!("9223372037".parse::<Amount>(), Err(AmountError::OutOfRange(_))));
    }

    #[test]
    fn a_float_of_an_older_system_becomes_the_decimal_it_stood_for() {
        let read = |value| Amount::from_foreign_float(value).map(Amount::nanos);

        assert_eq!(read(1.468_017_149_999_999_7), Ok(1_468_017_150));
        assert_eq!(read(0.1 + 0.2), Ok(300_000_000));
        assert_eq!(read(2.5e-10), Ok(0));
        assert_eq!(read(5e-324), Ok(0));
        assert_eq!(read(-0.0), Ok(0));
        assert!(read(f64::INFINITY).is_err());
        assert!(read(1e300).is_err());
    }
}
