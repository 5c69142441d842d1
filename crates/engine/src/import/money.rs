//! Numbers as tables of other programs write them.

use std::str::FromStr;

use outlay_domain::amount::AmountError;
use outlay_domain::quantity::QuantityError;
use outlay_domain::{Amount, Quantity};
use rust_decimal::prelude::ToPrimitive;
use rust_decimal::{Decimal, RoundingStrategy};

/// Which sign stands before the fraction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DecimalMark {
    /// `12.50`
    #[default]
    Point,
    /// `12,50`, with points between thousands.
    Comma,
}

impl DecimalMark {
    /// The number with a point, as everything here reads it.
    fn normalised(self, text: &str) -> String {
        let text = text.trim();
        match self {
            Self::Point => text.to_owned(),
            Self::Comma => text.replace('.', "").replace(',', "."),
        }
    }
}

/// Reads an amount. Digits behind the ninth, which exports of floats are full of, are rounded
/// half away from zero; exponents such as `1e-05` are understood.
pub fn parse_amount(text: &str, mark: DecimalMark) -> Result<Amount, AmountError> {
    let plain = mark.normalised(text);
    match plain.parse::<Amount>() {
        Ok(amount) => Ok(amount),
        Err(error @ AmountError::OutOfRange(_)) => Err(error),
        Err(_) => {
            let decimal =
                parse_decimal(&plain).ok_or_else(|| AmountError::NotADecimal(text.to_owned()))?;
            scaled(decimal, 9)
                .map(Amount::from_nanos)
                .ok_or_else(|| AmountError::OutOfRange(text.to_owned()))
        }
    }
}

/// Reads a quantity; `1200`, `1200.0` and `1.2e3` are the same.
pub fn parse_quantity(text: &str, mark: DecimalMark) -> Result<Quantity, QuantityError> {
    let plain = mark.normalised(text);
    plain.parse::<Quantity>().or_else(|error| match error {
        QuantityError::NotADecimal(_) => parse_decimal(&plain)
            .filter(|decimal| decimal.normalize().scale() <= 6)
            .and_then(|decimal| scaled(decimal, 6))
            .map(Quantity::from_micros)
            .ok_or_else(|| QuantityError::NotADecimal(text.to_owned())),
        error => Err(error),
    })
}

/// Reads a time span in units of `micros` microseconds as whole microseconds.
pub fn parse_span(text: &str, mark: DecimalMark, micros: i64) -> Option<i64> {
    let units = parse_decimal(&mark.normalised(text))?;
    units
        .checked_mul(Decimal::from(micros))?
        .round_dp_with_strategy(0, RoundingStrategy::MidpointAwayFromZero)
        .to_i64()
}

fn parse_decimal(text: &str) -> Option<Decimal> {
    let text = text.strip_prefix('+').unwrap_or(text);
    // The decimal reader also takes `1_000`, which no table means.
    let known = |byte: u8| byte.is_ascii_digit() || b"+-.eE".contains(&byte);
    if text.is_empty() || !text.bytes().all(known) {
        return None;
    }
    Decimal::from_str(text).or_else(|_| Decimal::from_scientific(text)).ok()
}

fn scaled(decimal: Decimal, places: u32) -> Option<i64> {
    decimal
        .round_dp_with_strategy(places, RoundingStrategy::MidpointAwayFromZero)
        .checked_mul(Decimal::from(10_i64.pow(places)))?
        .to_i64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_of_exported_floats_are_rounded_to_nanos() {
        let read = |text| parse_amount(text, DecimalMark::Point).map(Amount::nanos).ok();

        assert_eq!(read("12.5"), Some(12_500_000_000));
        assert_eq!(read(" +0.25 "), Some(250_000_000));
        assert_eq!(read("1.4680171499999997"), Some(1_468_017_150));
        assert_eq!(read("1e-05"), Some(10_000));
        assert_eq!(read("2.5E+2"), Some(250_000_000_000));
        assert_eq!(read("-3"), Some(-3_000_000_000));
        for not in ["", "free", "1,5", "inf", "NaN", "$3", "1_000", "1e40", "9223372037"] {
            assert_eq!(read(not), None, "{not}");
        }
    }

    #[test]
    fn a_comma_may_stand_before_the_fraction() {
        let read = |text| parse_amount(text, DecimalMark::Comma).map(Amount::nanos).ok();

        assert_eq!(read("12,50"), Some(12_500_000_000));
        assert_eq!(read("1.234,5"), Some(1_234_500_000_000));
    }

    #[test]
    fn quantities_are_read_whole_or_to_the_millionth() {
        let read = |text| parse_quantity(text, DecimalMark::Point).map(Quantity::micros).ok();

        assert_eq!(read("1200.0"), Some(1_200_000_000));
        assert_eq!(read("1.2e3"), Some(1_200_000_000));
        assert_eq!(read("0.000001"), Some(1));
        assert_eq!(read("0.0000001"), None);
        assert_eq!(read("1e-7"), None);
        assert_eq!(read("many"), None);
    }

    #[test]
    fn spans_are_whole_microseconds() {
        assert_eq!(parse_span("681.25", DecimalMark::Point, 1_000), Some(681_250));
        assert_eq!(parse_span("0,681", DecimalMark::Comma, 1_000_000), Some(681_000));
        assert_eq!(parse_span("soon", DecimalMark::Point, 1_000), None);
    }
}
