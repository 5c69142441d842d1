//! Figures as people read them.

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
    }
}
