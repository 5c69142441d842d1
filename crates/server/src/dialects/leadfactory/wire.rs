//! Numbers and times as LeadFactory writes them.

use chrono::{DateTime, Datelike, NaiveDate, Timelike, Utc};
use chrono_tz::Tz;
use outlay_engine::insights::course::units;
use serde_json::{Value, json};

/// An amount in dollars.
pub fn dollars(nanos: i128) -> Value {
    json!(units(nanos))
}

/// The mean of an amount over a count.
#[allow(clippy::cast_precision_loss)]
pub fn mean(nanos: i128, count: i128) -> f64 {
    if count > 0 { units(nanos) / count as f64 } else { 0.0 }
}

/// A part of a whole, in per cent.
pub fn percent(part: i128, whole: i128) -> f64 {
    if whole == 0 { 0.0 } else { 100.0 * units(part) / units(whole) }
}

/// A moment as the clock of `tz` shows it, without its zone.
pub fn local(at: DateTime<Utc>, tz: Tz) -> String {
    let at = at.with_timezone(&tz).naive_local();
    let format =
        if at.nanosecond() / 1_000 == 0 { "%Y-%m-%dT%H:%M:%S" } else { "%Y-%m-%dT%H:%M:%S%.6f" };
    at.format(format).to_string()
}

/// A day.
pub fn day(date: NaiveDate) -> String {
    format!("{:04}-{:02}-{:02}", date.year(), date.month(), date.day())
}

/// A name, or the word for none.
pub fn name(text: Option<&str>) -> &str {
    text.unwrap_or("unknown")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn times_are_local_and_have_six_decimals_or_none() {
        let at = |text: &str| local(text.parse().unwrap(), Tz::Europe__Berlin);
        assert_eq!(at("2026-07-01T10:00:00Z"), "2026-07-01T12:00:00");
        assert_eq!(at("2026-01-01T10:00:00.5Z"), "2026-01-01T11:00:00.500000");
    }
}
