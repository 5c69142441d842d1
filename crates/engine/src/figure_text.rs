//! Figures as people read them.

/// Nanos as people read them: with cents, and more digits where it is less than a cent.
pub fn amount_text(nanos: i128) -> String {
    let sign = if nanos < 0 { "-" } else { "" };
    let size = nanos.unsigned_abs();
    if size < 10_000_000 && size > 0 {
        return format!("{sign}$0.{:06}", size / 1_000);
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
        assert_eq!(count_text(1_200_000), "1,200,000");
    }
}
