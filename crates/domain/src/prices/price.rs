//! Prices and the sums they lead to: exact until the one rounding at the end.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use thiserror::Error;

use crate::{Amount, Quantity};

/// Digits behind the point of a price.
pub const PRICE_PLACES: u32 = 18;
/// Digits behind the point of a quantity times a price.
const COST_PLACES: u32 = PRICE_PLACES + 6;
/// Significant digits of a decimal that went through a binary float; what follows is noise.
const FLOAT_DIGITS: usize = 15;

/// Money for one unit of something, in 10⁻¹⁸ of the currency's unit. Never negative.
///
/// The wire form is a plain decimal string, e.g. `"0.0000025"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Price(i128);

/// Why a text is not a price.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PriceError {
    /// Not a decimal number, with or without an exponent.
    #[error("`{0}` is not a decimal number such as 0.0000025 or 2.5e-06")]
    NotADecimal(String),
    /// Less than nothing.
    #[error("`{0}` is negative")]
    Negative(String),
    /// More than eighteen digits after the point.
    #[error("`{0}` has more than eighteen decimal places")]
    TooPrecise(String),
    /// A billion units or more for one unit of something.
    #[error("`{0}` is too much for a price")]
    OutOfRange(String),
}

/// The largest price: a billion of the currency's unit.
const PRICE_MAX: i128 = 10_i128.pow(PRICE_PLACES + 9);

impl Price {
    /// Free.
    pub const ZERO: Self = Self(0);
    /// One of the currency's unit; as a factor, the one that changes nothing.
    pub const ONE: Self = Self(10_i128.pow(PRICE_PLACES));

    /// A price of `attos` 10⁻¹⁸; `None` when it is negative or too large.
    pub const fn from_attos(attos: i128) -> Option<Self> {
        if attos < 0 || attos > PRICE_MAX { None } else { Some(Self(attos)) }
    }

    /// The price in 10⁻¹⁸.
    pub const fn attos(self) -> i128 {
        self.0
    }

    /// Whether it is free.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// Reads a decimal that a float may have passed through, as price files hold them.
    ///
    /// It is rounded half away from zero to fifteen significant digits, which removes what the
    /// float added, and to eighteen places: `5.0000000000000004e-08` is `0.00000005`.
    pub fn from_foreign(text: &str) -> Result<Self, PriceError> {
        let decimal = Digits::parse(text)?;
        decimal.into_significant(FLOAT_DIGITS).into_price(text, Precision::Rounded)
    }

    /// The price divided by `divisor`, when that leaves nothing behind the eighteenth place.
    pub fn divided_exactly(self, divisor: i64) -> Option<Self> {
        let divisor = i128::from(divisor);
        (divisor > 0 && self.0 % divisor == 0).then(|| Self(self.0 / divisor))
    }

    /// The price times `factor`, or `None` when it is too large.
    pub fn checked_mul(self, factor: i64) -> Option<Self> {
        self.0.checked_mul(i128::from(factor)).and_then(Self::from_attos)
    }
}

impl fmt::Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_decimal(f, self.0, PRICE_PLACES)
    }
}

impl FromStr for Price {
    type Err = PriceError;

    /// Reads a decimal of at most eighteen places, with or without an exponent.
    fn from_str(text: &str) -> Result<Self, PriceError> {
        Digits::parse(text)?.into_price(text, Precision::Exact)
    }
}

impl Serialize for Price {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Price {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = crate::quantity::decimal_text(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Precision {
    Exact,
    Rounded,
}

/// A decimal as its digits and the power of ten of the last one.
struct Digits {
    digits: Vec<u8>,
    exponent: i32,
}

impl Digits {
    /// Longer texts are nobody's price.
    const TEXT_BYTES_MAX: usize = 64;

    fn parse(text: &str) -> Result<Self, PriceError> {
        let bad = || PriceError::NotADecimal(text.chars().take(Self::TEXT_BYTES_MAX).collect());
        let trimmed = text.trim();
        if trimmed.len() > Self::TEXT_BYTES_MAX {
            return Err(bad());
        }
        let (negative, unsigned) = match trimmed.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, trimmed.strip_prefix('+').unwrap_or(trimmed)),
        };
        let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => {
                (mantissa, exponent.parse::<i16>().map_err(|_| bad())?.into())
            }
            None => (unsigned, 0_i32),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        if whole.is_empty() && fraction.is_empty() {
            return Err(bad());
        }
        let digits: Vec<u8> = whole.bytes().chain(fraction.bytes()).collect();
        if !digits.iter().all(u8::is_ascii_digit) {
            return Err(bad());
        }
        let digits: Vec<u8> =
            digits.into_iter().map(|digit| digit - b'0').skip_while(|digit| *digit == 0).collect();
        if negative && !digits.is_empty() {
            return Err(PriceError::Negative(trimmed.to_owned()));
        }
        let fraction_len = i32::try_from(fraction.len()).map_err(|_| bad())?;
        Ok(Self { digits, exponent: exponent - fraction_len })
    }

    /// Rounds half up to `count` significant digits.
    fn into_significant(mut self, count: usize) -> Self {
        if self.digits.len() > count {
            let dropped = self.digits.len() - count;
            self.round_off(dropped);
        }
        self
    }

    /// Drops the last `count` digits and rounds half up.
    fn round_off(&mut self, count: usize) {
        self.exponent += i32::try_from(count).unwrap_or(i32::MAX / 2);
        if count > self.digits.len() {
            self.digits.clear();
            return;
        }
        let kept = self.digits.len() - count;
        let up = self.digits.get(kept).is_some_and(|digit| *digit >= 5);
        self.digits.truncate(kept);
        if up {
            for digit in self.digits.iter_mut().rev() {
                if *digit < 9 {
                    *digit += 1;
                    return;
                }
                *digit = 0;
            }
            self.digits.insert(0, 1);
        }
    }

    fn into_price(mut self, text: &str, precision: Precision) -> Result<Price, PriceError> {
        while self.digits.last() == Some(&0) {
            self.digits.pop();
            self.exponent += 1;
        }
        if self.digits.is_empty() {
            return Ok(Price::ZERO);
        }
        let places = i32::try_from(PRICE_PLACES).unwrap_or(i32::MAX);
        let excess = -(self.exponent + places);
        if let Ok(excess @ 1..) = usize::try_from(excess) {
            if precision == Precision::Exact {
                return Err(PriceError::TooPrecise(text.to_owned()));
            }
            self.round_off(excess);
        }
        let too_large = || PriceError::OutOfRange(text.to_owned());
        let power = u32::try_from(self.exponent + places).unwrap_or(0);
        let mut attos: i128 = 0;
        for digit in &self.digits {
            attos = attos
                .checked_mul(10)
                .and_then(|attos| attos.checked_add(i128::from(*digit)))
                .ok_or_else(too_large)?;
        }
        10_i128
            .checked_pow(power)
            .and_then(|scale| attos.checked_mul(scale))
            .and_then(Price::from_attos)
            .ok_or_else(too_large)
    }
}

/// What one unit costs, as a fraction: `numerator / denominator` × 10⁻¹⁸ of the currency's unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rate {
    pub numerator: i128,
    pub denominator: i128,
}

impl Rate {
    /// `price` for every `per` units.
    pub fn new(price: Price, per: i64) -> Self {
        Self { numerator: price.0, denominator: i128::from(per.max(1)) }
    }

    pub fn half(self) -> Self {
        if self.numerator % 2 == 0 {
            Self { numerator: self.numerator / 2, ..self }
        } else {
            Self { denominator: self.denominator * 2, ..self }
        }
    }

    /// The rate times a factor, kept in lowest terms; `None` when it is too large.
    pub fn times(self, factor: Price) -> Option<Self> {
        let shared = gcd(factor.0, Price::ONE.0);
        Some(Self {
            numerator: self.numerator.checked_mul(factor.0 / shared)?,
            denominator: self.denominator.checked_mul(Price::ONE.0 / shared)?,
        })
    }

    /// What `quantity` costs.
    pub fn of(self, quantity: Quantity) -> Option<Cost> {
        let numerator = self.numerator.checked_mul(i128::from(quantity.micros()))?;
        Some(Cost { numerator, denominator: self.denominator })
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_fraction(f, self.numerator, self.denominator, PRICE_PLACES)
    }
}

/// An exact cost, not yet rounded: `numerator / denominator` × 10⁻²⁴ of the currency's unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    numerator: i128,
    denominator: i128,
}

impl Cost {
    /// Nothing.
    pub const ZERO: Self = Self { numerator: 0, denominator: 1 };

    /// The sum, or `None` when it is out of range.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        if self.denominator == other.denominator {
            let numerator = self.numerator.checked_add(other.numerator)?;
            return Some(Self { numerator, denominator: self.denominator });
        }
        let shared = gcd(self.denominator, other.denominator);
        let denominator = self.denominator.checked_mul(other.denominator / shared)?;
        let left = self.numerator.checked_mul(denominator / self.denominator)?;
        let right = other.numerator.checked_mul(denominator / other.denominator)?;
        Some(Self { numerator: left.checked_add(right)?, denominator })
    }

    /// The cost as an amount, rounded half away from zero; `None` when it is out of range.
    pub fn rounded(self) -> Option<Amount> {
        const SCALE: i128 = 10_i128.pow(COST_PLACES - 9);
        let divisor = self.denominator.checked_mul(SCALE)?;
        let quotient = self.numerator / divisor;
        let rest = self.numerator % divisor;
        let nanos = quotient + i128::from(rest >= divisor - rest);
        i64::try_from(nanos).ok().map(Amount::from_nanos)
    }
}

impl fmt::Display for Cost {
    /// Writes every digit; a fraction without an end is cut after thirty places.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_fraction(f, self.numerator, self.denominator, COST_PLACES)
    }
}

fn gcd(mut a: i128, mut b: i128) -> i128 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a.max(1)
}

/// Writes `value` × 10^-places, without trailing zeros.
fn write_decimal(f: &mut fmt::Formatter<'_>, value: i128, places: u32) -> fmt::Result {
    write_fraction(f, value, 1, places)
}

/// Writes `numerator / denominator` × 10^-places by long division, without trailing zeros.
fn write_fraction(
    f: &mut fmt::Formatter<'_>,
    numerator: i128,
    denominator: i128,
    places: u32,
) -> fmt::Result {
    const PLACES_MAX: usize = 30;
    let shared = gcd(numerator, denominator);
    let (numerator, denominator) = (numerator / shared, denominator / shared);
    let mut text = format!("{:0>width$}", numerator / denominator, width = places as usize + 1);
    let point = text.len() - places as usize;
    let mut rest = numerator % denominator;
    while rest != 0 && text.len() - point < PLACES_MAX {
        // The denominator is far below 10³⁷, so ten times a rest fits.
        rest *= 10;
        text.push(char::from(b'0' + u8::try_from(rest / denominator).unwrap_or(9)));
        rest %= denominator;
    }
    let (whole, fraction) = text.split_at(point);
    match fraction.trim_end_matches('0') {
        "" => f.write_str(whole),
        fraction => write!(f, "{whole}.{fraction}"),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_price_file_s_float_becomes_the_decimal_it_stood_for() {
        let read = |text: &str| Price::from_foreign(text).unwrap().to_string();

        assert_eq!(read("2.5e-06"), "0.0000025");
        assert_eq!(read("5.0000000000000004e-08"), "0.00000005");
        assert_eq!(read("1.0000000000000001e-07"), "0.0000001");
        assert_eq!(read("0.30000000000000004"), "0.3");
        assert_eq!(read("9.9999999999999995e-08"), "0.0000001");
        assert_eq!(read("2.0751953125e-09"), "0.000000002075195313");
        assert_eq!(read("0.0"), "0");
        assert_eq!(read("7"), "7");
        assert_eq!(read("1e-30"), "0");
        assert_eq!(read("5e-19"), "0.000000000000000001");
    }

    #[test]
    fn a_price_that_people_write_is_exact_or_refused() {
        let read = |text: &str| text.parse::<Price>();

        assert_eq!(read("2.5e-6"), read("0.0000025"));
        assert_eq!(read("0.000000000000000001").unwrap().attos(), 1);
        assert_eq!(read("1.50").unwrap().to_string(), "1.5");
        assert!(matches!(read("0.0000000000000000001"), Err(PriceError::TooPrecise(_))));
        assert!(matches!(read("-1"), Err(PriceError::Negative(_))));
        assert!(matches!(read("1e12"), Err(PriceError::OutOfRange(_))));
        for text in ["", ".", "1,5", "1e", "1e99999", "abc", "--1", "0x1"] {
            assert!(matches!(read(text), Err(PriceError::NotADecimal(_))), "{text}");
        }
    }

    #[test]
    fn a_cost_rounds_once_and_half_away_from_zero() {
        let cost = |price: &str, per, micros| {
            Rate::new(price.parse().unwrap(), per).of(Quantity::from_micros(micros)).unwrap()
        };

        assert_eq!(cost("0.0000000005", 1, 1_000_000).rounded().unwrap().nanos(), 1);
        assert_eq!(cost("0.0000000004999", 1, 1_000_000).rounded().unwrap().nanos(), 0);
        let third = cost("0.111", 3600, 1_000_000);
        assert_eq!(third.to_string(), "0.000030833333333333333333333333");
        let sum = third.checked_add(third).unwrap().checked_add(third).unwrap();
        assert_eq!(sum.to_string(), "0.0000925");
    }

    #[test]
    fn a_factor_keeps_every_digit() {
        let rate = Rate::new("0.000003".parse().unwrap(), 1).times("1.1".parse().unwrap()).unwrap();

        assert_eq!(rate.to_string(), "0.0000033");
        assert_eq!(rate.half().to_string(), "0.00000165");
        assert_eq!(Rate::new(Price(1), 1).half().to_string(), "0.0000000000000000005");
    }
}
