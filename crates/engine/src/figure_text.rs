//! Figures and days as people read them.

use chrono::NaiveDate;

/// A day: `3 Sep 2026`.
pub fn day_text(day: NaiveDate) -> String {
    day.format("%-d %b %Y").to_string()
}

/// Nanos in dollars, rounded half away from zero to the cent; what is less than one has six places.
pub fn amount_text(nanos: i128) -> String {
    let sign = if nanos < 0 { "−" } else { "" };
    let size = nanos.unsigned_abs();
    if size < 10_000_000 && size > 0 {
        return format!("{sign}$0.{:06}", (size + 500) / 1_000);
    }
    let cents = (size + 5_000_000) / 10_000_000;
    let units = i128::try_from(cents / 100).unwrap_or(i128::MAX);
    format!("{sign}${}.{:02}", count_text(units), cents % 100)
}

/// Units in dollars, for figures that are estimates.
#[allow(clippy::cast_possible_truncation, reason = "an estimate, in nanos")]
pub fn units_text(units: f64) -> String {
    amount_text((units * 1e9) as i128)
}

/// A decimal with commas, e.g. of `1234.5`.
pub fn decimal_text(decimal: &str) -> String {
    let (whole, rest) = decimal.split_at(decimal.find('.').unwrap_or(decimal.len()));
    whole.parse().map_or_else(|_| decimal.to_owned(), |whole| count_text(whole) + rest)
}

/// Milliseconds as people read them: `840 ms`, `59.9 s`, `5 s`.
pub fn span_text(ms: f64) -> String {
    let (figure, unit) = if ms < 1e3 { (ms, "ms") } else { (ms / 1e3, "s") };
    let digits = format!("{figure:.2}");
    let digits = digits.trim_end_matches('0').trim_end_matches('.');
    format!("{} {unit}", decimal_text(digits))
}

/// A whole number with commas.
pub fn count_text(count: i128) -> String {
    let digits = count.unsigned_abs().to_string();
    let mut text = String::from(if count < 0 { "-" } else { "" });
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Bytes as people read them: `12.3 MB`.
pub fn bytes_text(bytes: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")];
    match UNITS.iter().find(|(unit, _)| bytes >= *unit) {
        // What people read needs one digit of it.
        #[allow(clippy::cast_precision_loss)]
        Some((unit, name)) => format!("{:.1} {name}", bytes as f64 / *unit as f64),
        None => format!("{bytes} bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_and_counts_are_easy_to_read() {
        assert_eq!(amount_text(1_234_567_890_000), "$1,234.57");
        assert_eq!(amount_text(180_000), "$0.000180");
        assert_eq!(amount_text(0), "$0.00");
        assert_eq!(amount_text(1_234_567_885_000_000), "$1,234,567.89");
        assert_eq!(amount_text(1_500), "$0.000002");
        assert_eq!(amount_text(-2_000_000_000), "−$2.00");
        assert_eq!(count_text(1_200_000), "1,200,000");
        assert_eq!(count_text(0), "0");
        assert_eq!(count_text(999), "999");
        assert_eq!(count_text(1_000), "1,000");
        assert_eq!(count_text(12_345_678), "12,345,678");
        assert_eq!(units_text(1_234.5), "$1,234.50");
        assert_eq!(decimal_text("1234.50"), "1,234.50");
        assert_eq!(decimal_text("5000"), "5,000");
        assert_eq!(span_text(59_899.904), "59.9 s");
        assert_eq!(span_text(5_000.0), "5 s");
        assert_eq!(span_text(840.0), "840 ms");
    }
}
