//! The step between stamps, as people and pandas write it.

use std::num::{NonZeroU32, NonZeroU64};

use outlay_analytics::calendar::Step;

const REMEDY: &str = "is no step such as h, D, W, M, Q, Y, B, 15min or 10";

/// Reads `--freq`.
pub fn step(text: &str) -> Result<Step, String> {
    let text = text.trim();
    let unit_at = text.find(|char: char| !char.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(unit_at);
    let count: u32 = match number {
        "" => 1,
        number => number.parse().map_err(|_| format!("`{text}` {REMEDY}"))?,
    };
    let count = NonZeroU32::new(count).ok_or_else(|| format!("`{text}` {REMEDY}"))?;
    // The anchor of pandas' W-SUN or QE-DEC is read from the stamps themselves.
    let unit = match unit.split_once('-') {
        Some((unit, _)) if !unit.is_empty() => unit.trim(),
        _ => unit.trim(),
    };
    if number.is_empty() && unit.is_empty() {
        return Err(format!("`{text}` {REMEDY}"));
    }
    of_unit(unit, count).ok_or_else(|| format!("`{text}` {REMEDY}"))
}

fn of_unit(unit: &str, count: NonZeroU32) -> Option<Step> {
    let micros = |each: u64| NonZeroU64::from(count).checked_mul(each.try_into().ok()?);
    let seconds = |each: u64| micros(each * 1_000_000).map(Step::Micros);
    let months = |each: u32, day| {
        Some(Step::Months { count: count.checked_mul(each.try_into().ok()?)?, day })
    };
    match unit {
        "" => Some(Step::Count(count.into())),
        "ms" | "L" => micros(1_000).map(Step::Micros),
        "s" | "S" | "sec" | "second" | "seconds" => seconds(1),
        "min" | "T" | "m" | "minute" | "minutes" | "minutely" => seconds(60),
        "h" | "H" | "hour" | "hours" | "hourly" => seconds(3_600),
        "d" | "D" | "day" | "days" | "daily" => Some(Step::Days(count)),
        "w" | "W" | "week" | "weeks" | "weekly" => {
            count.checked_mul(7_u32.try_into().ok()?).map(Step::Days)
        }
        "b" | "B" | "weekday" | "weekdays" if count.get() == 1 => Some(Step::Weekdays),
        "M" | "ME" => months(1, if unit == "ME" { 31 } else { 1 }),
        "MS" | "month" | "months" | "monthly" => months(1, 1),
        "Q" | "QS" | "quarter" | "quarters" | "quarterly" => months(3, 1),
        "QE" => months(3, 31),
        "Y" | "y" | "A" | "YS" | "AS" | "year" | "years" | "yearly" => months(12, 1),
        "YE" => months(12, 31),
        _ => None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_read_in_letters_and_words() {
        for (texts, step) in [
            (&["h", "H", "1h", "hourly", "60min"][..], Step::HOURLY),
            (&["D", "d", "daily"], Step::DAILY),
            (&["W", "W-SUN", "7D", "weekly"], Step::WEEKLY),
            (&["M", "MS", "monthly", "1month"], Step::MONTHLY),
            (&["Q", "QS", "3M", "quarterly"], Step::QUARTERLY),
            (&["Y", "A", "12M", "yearly"], Step::YEARLY),
            (&["B", "weekdays"], Step::Weekdays),
            (&["15min", "15T", "900s"], Step::seconds(900)),
            (&["1"], Step::count(1)),
        ] {
            for text in texts {
                assert_eq!(super::step(text), Ok(step), "{text}");
            }
        }
    }

    #[test]
    fn what_is_no_step_says_what_one_is() {
        for text in ["", "0", "0D", "x", "2B", "-1", "1.5h", "99999999999h", "4294967295W"] {
            assert!(step(text).unwrap_err().contains("such as"), "{text}");
        }
    }
}
