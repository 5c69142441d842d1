//! Exact quantities, and the decimal text that amounts share with them.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use thiserror::Error;
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// Micros in one unit of a quantity.
pub const MICROS_PER_UNIT: i64 = 1_000_000;

/// How much of something was used, in millionths (10⁻⁶) of the meter's unit.
///
/// Tokens and images are whole; seconds and free-form meters may have up to six decimals.
/// The wire form is a JSON number or a decimal string.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Quantity(i64);

/// Why a text is not a quantity.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum QuantityError {
    /// Not a plain decimal number.
    #[error("`{0}` is not a number")]
    NotADecimal(String),
    /// More than six digits after the point.
    #[error("`{0}` has more than six decimal places")]
    TooPrecise(String),
    /// Outside ± 9.2 trillion.
    #[error("`{0}` is outside the range of quantities, about 9.2 trillion either way")]
    OutOfRange(String),
}

impl Quantity {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// One unit.
    pub const ONE: Self = Self(MICROS_PER_UNIT);

    /// A quantity of `micros` millionths.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// A quantity of whole units, or `None` above about 9.2 trillion.
    pub const fn from_units(units: i64) -> Option<Self> {
        match units.checked_mul(MICROS_PER_UNIT) {
            Some(micros) => Some(Self(micros)),
            None => None,
        }
    }

    /// The quantity in millionths.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// The whole units, without what is left behind the point.
    pub const fn whole(self) -> i64 {
        self.0 / MICROS_PER_UNIT
    }

    /// Whether nothing stands behind the point.
    pub const fn is_whole(self) -> bool {
        self.0 % MICROS_PER_UNIT == 0
    }

    /// Whether this is less than nothing.
    pub const fn is_negative(self) -> bool {
        self.0 < 0
    }

    /// The sum, or `None` when it is out of range.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// What is left after `other`, and nothing when `other` is more.
    pub fn saturating_sub(self, other: Self) -> Self {
        Self((self.0 - other.0.min(self.0)).max(0))
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&format_scaled(self.0, 6))
    }
}

impl FromStr for Quantity {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse_scaled(text, 6).map(Self).map_err(|error| match error {
            ScaledError::NotADecimal => QuantityError::NotADecimal(shown(text)),
            ScaledError::TooPrecise => QuantityError::TooPrecise(shown(text)),
            ScaledError::OutOfRange => QuantityError::OutOfRange(shown(text)),
        })
    }
}

impl PartialSchema for Quantity {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(SchemaType::from_iter([Type::Number, Type::String]))
            .description(Some(
                "How much was used: a number where it is whole, a decimal text elsewhere.",
            ))
            .into()
    }
}

impl ToSchema for Quantity {
    fn name() -> Cow<'static, str> {
        "Quantity".into()
    }
}

impl Serialize for Quantity {
    /// Writes a JSON integer where the quantity is whole, a decimal string elsewhere.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if !serializer.is_human_readable() {
            self.0.serialize(serializer)
        } else if self.is_whole() {
            serializer.serialize_i64(self.whole())
        } else {
            serializer.collect_str(self)
        }
    }
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if !deserializer.is_human_readable() {
            return i64::deserialize(deserializer).map(Self);
        }
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Quantity;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number, or a decimal string")
            }
            fn visit_i64<E: de::Error>(self, units: i64) -> Result<Quantity, E> {
                Quantity::from_units(units)
                    .ok_or_else(|| E::custom(QuantityError::OutOfRange(units.to_string())))
            }
            fn visit_u64<E: de::Error>(self, units: u64) -> Result<Quantity, E> {
                i64::try_from(units)
                    .ok()
                    .and_then(Quantity::from_units)
                    .ok_or_else(|| E::custom(QuantityError::OutOfRange(units.to_string())))
            }
            fn visit_f64<E: de::Error>(self, value: f64) -> Result<Quantity, E> {
                float_text(value)?.parse().map_err(E::custom)
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Quantity, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

#[cfg(test)]
mod refusals {
    use super::*;

    #[test]
    fn a_refusal_shows_no_number_longer_than_people_read() {
        let told = |json: &str| serde_json::from_str::<Quantity>(json).unwrap_err().to_string();

        assert!(told("1e300").starts_with("1e300 is larger"), "{}", told("1e300"));
        let long = "1".repeat(5_000);
        assert!(told(&format!("\"{long}\"")).len() < 200);
    }
}

/// Why a text is not a decimal at some scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ScaledError {
    NotADecimal,
    TooPrecise,
    OutOfRange,
}

/// A text as a refusal shows it: whole, or its beginning where nobody would read all of it.
pub(crate) fn shown(text: &str) -> String {
    const CHARS_MAX: usize = 40;
    match text.char_indices().nth(CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Reads a decimal text as an integer of `10^-places`. Trailing zeros never make it too precise.
pub(crate) fn parse_scaled(text: &str, places: u32) -> Result<i64, ScaledError> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, fraction) = match digits.split_once('.') {
        Some((_, "")) => return Err(ScaledError::NotADecimal),
        Some((whole, fraction)) => (whole, fraction.trim_end_matches('0')),
        None => (digits, ""),
    };
    let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !is_digits(whole) || !is_digits(fraction) {
        return Err(ScaledError::NotADecimal);
    }
    if fraction.len() > places as usize {
        return Err(ScaledError::TooPrecise);
    }
    let mut value: i64 = 0;
    let mut push = |digit: u8| {
        // Downwards, because the most negative number has no positive twin.
        value = value
            .checked_mul(10)
            .and_then(|value| value.checked_sub(i64::from(digit)))
            .ok_or(ScaledError::OutOfRange)?;
        Ok(())
    };
    whole.bytes().chain(fraction.bytes()).try_for_each(|byte| push(byte - b'0'))?;
    (fraction.len()..places as usize).try_for_each(|_| push(0))?;
    if negative { Ok(value) } else { value.checked_neg().ok_or(ScaledError::OutOfRange) }
}

/// Writes an integer of `10^-places` as a decimal without trailing zeros.
pub(crate) fn format_scaled(value: i64, places: usize) -> String {
    let sign = if value < 0 { "-" } else { "" };
    let digits = format!("{:0>width$}", value.unsigned_abs(), width = places + 1);
    let (whole, fraction) = digits.split_at(digits.len() - places);
    match fraction.trim_end_matches('0') {
        "" => format!("{sign}{whole}"),
        fraction => format!("{sign}{whole}.{fraction}"),
    }
}

/// The decimal that a float stands for, rounded half away from zero to `places`.
///
/// `None` when it does not fit.
pub(crate) fn scale_float(value: f64, places: u32) -> Option<i64> {
    use rust_decimal::prelude::*;
    if value.abs() < 1e-20 {
        // The decimal type cannot hold so small a number, which rounds to nothing anyway.
        return Some(0);
    }
    // Seventeen digits carry binary noise in the last two; fifteen are what a decimal keeps.
    let decimal = Decimal::from_str(&format!("{value:.14e}"))
        .or_else(|_| Decimal::from_scientific(&format!("{value:.14e}")))
        .ok()?;
    decimal
        .round_dp_with_strategy(places, RoundingStrategy::MidpointAwayFromZero)
        .checked_mul(Decimal::from(10_i64.pow(places)))?
        .to_i64()
}

/// The decimal that a sender wrote, of a JSON number with a fraction, which reached us as a float.
///
/// The shortest decimal of a float is what was written, if that had no more than fifteen digits;
/// of more digits the last ones are anybody's guess, and none that anyone should pay by.
fn float_text<E: de::Error>(value: f64) -> Result<String, E> {
    const DIGITS_MAX: usize = 15;
    const SHOWN_MAX: f64 = 1e18;
    if value.abs() >= SHOWN_MAX {
        return Err(E::custom(format_args!("{value:e} is larger than numbers can be here")));
    }
    let text = format!("{value}");
    let digits = text.bytes().filter(u8::is_ascii_digit).skip_while(|digit| *digit == b'0').count();
    if digits > DIGITS_MAX {
        return Err(E::custom(format_args!(
            "{text} has more digits than a number of JSON holds for certain; send it as a text, \
             in double quotes"
        )));
    }
    Ok(text)
}

/// A decimal as text, from a JSON string or a JSON number.
pub(crate) fn decimal_text<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Cow<'de, str>, D::Error> {
    struct Visitor;
    impl<'de> de::Visitor<'de> for Visitor {
        type Value = Cow<'de, str>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a decimal string such as \"12.5\"")
        }
        fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Self::Value, E> {
            Ok(Cow::Borrowed(text))
        }
        fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
            Ok(Cow::Owned(text.to_owned()))
        }
        fn visit_i64<E: de::Error>(self, value: i64) -> Result<Self::Value, E> {
            Ok(Cow::Owned(value.to_string()))
        }
        fn visit_u64<E: de::Error>(self, value: u64) -> Result<Self::Value, E> {
            Ok(Cow::Owned(value.to_string()))
        }
        fn visit_f64<E: de::Error>(self, value: f64) -> Result<Self::Value, E> {
            float_text(value).map(Cow::Owned)
        }
    }
    deserializer.deserialize_any(Visitor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantity_reads_numbers_and_strings_alike() {
        let read = |json: &str| serde_json::from_str::<Quantity>(json).ok().map(Quantity::micros);

        assert_eq!(read("1200"), Some(1_200_000_000));
        assert_eq!(read("\"1200\""), Some(1_200_000_000));
        assert_eq!(read("3.25"), Some(3_250_000));
        assert_eq!(read("\"0.000001\""), Some(1));
        assert_eq!(read("0.0000001"), None);
        assert_eq!(read("1e30"), None);
        assert_eq!(read("123456789.123456"), Some(123_456_789_123_456));
        assert_eq!(read("123456789012.123456"), None, "a float has no eighteen digits");
        assert_eq!(read("\"123456789012.123456\""), Some(123_456_789_012_123_456));
        assert_eq!(read("\"many\""), None);
    }
}
