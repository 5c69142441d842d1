//! Numbers that are read digit by digit.
//!
//! A number of JSON becomes a float on its way, which keeps fifteen digits. Amounts of money may
//! have more, and their text is at hand.

use std::str::FromStr;

use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// A number, as a text or as a number of JSON, exactly as it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Exact<T>(pub T);

impl<'de, T> Deserialize<'de> for Exact<T>
where
    T: DeserializeOwned + FromStr<Err: std::fmt::Display>,
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?;
        let text = raw.get();
        let is_plain = text.bytes().all(|byte| byte.is_ascii_digit() || b"-.".contains(&byte));
        let read = match is_plain {
            true => text.parse().map_err(D::Error::custom),
            false if text.starts_with('"') => serde_json::from_str(text).map_err(D::Error::custom),
            false => match written_out(text) {
                Some(plain) => plain.parse().map_err(D::Error::custom),
                None => serde_json::from_str(text).map_err(D::Error::custom),
            },
        };
        read.map(Self)
    }
}

/// An exponent that makes any number of its digits too large or too small, beside their count.
const EXPONENT_MAX: usize = 100;

/// A number with an exponent as one without, digit by digit: `1.5e-3` is `0.0015`. `None` where it
/// is no such number.
///
/// An exponent beyond all bounds is written out to a bound, where the number is still far too large
/// or too small whatever its digits are.
fn written_out(text: &str) -> Option<String> {
    let (number, exponent) = text.split_once(['e', 'E'])?;
    let (sign, number) = match number.strip_prefix('-') {
        Some(number) => ("-", number),
        None => ("", number),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = format!("{whole}{fraction}");
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    if digits.bytes().all(|byte| byte == b'0') {
        return Some("0".into());
    }
    let (is_small, size) = match exponent.strip_prefix('-') {
        Some(size) => (true, size),
        None => (false, exponent.strip_prefix('+').unwrap_or(exponent)),
    };
    let bound = EXPONENT_MAX + digits.len();
    let size = size.parse::<usize>().map_or(bound, |size| size.min(bound));
    if is_small {
        let padded = format!("{}{digits}", "0".repeat(size + 1));
        let (whole, fraction) = padded.split_at(padded.len() - fraction.len() - size);
        let whole = whole.trim_start_matches('0');
        let whole = if whole.is_empty() { "0" } else { whole };
        return Some(format!("{sign}{whole}.{fraction}"));
    }
    let padded = format!("{digits}{}", "0".repeat(size));
    let (whole, fraction) = padded.split_at(whole.len() + size);
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    let point = if fraction.is_empty() { "" } else { "." };
    Some(format!("{sign}{whole}{point}{fraction}"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use outlay_domain::Amount;

    use super::*;

    fn read(json: &str) -> Result<String, String> {
        let read = serde_json::from_str::<Exact<Amount>>(json);
        read.map(|Exact(amount)| amount.to_string()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_number_is_the_same_in_both_notations() {
        for (short, plain) in [
            ("1e-7", "0.0000001"),
            ("1.5E-3", "0.0015"),
            ("-12.34e1", "-123.4"),
            ("12.345e+2", "1234.5"),
            ("1.20e1", "12"),
            ("0.00e-999", "0"),
            ("1E0", "1"),
            ("120e-1", "12"),
            ("12345678123456789e-9", "12345678.123456789"),
        ] {
            assert_eq!(read(short).unwrap(), plain, "{short}");
            assert_eq!(read(plain), read(short));
        }
    }

    #[test]
    fn what_an_amount_does_not_hold_is_refused_in_both_notations() {
        for small in ["0.0000000001", "1e-10", "1E-400", "1e-99999999999999999999", "-1e-10"] {
            assert!(read(small).unwrap_err().contains("more than nine decimal places"), "{small}");
        }
        for large in ["99999999999", "1e10", "1e400", "1e99999999999999999999"] {
            assert!(read(large).unwrap_err().contains("outside the range"), "{large}");
        }
    }
}
