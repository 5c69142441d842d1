//! Values of the API as text for people, and text for people as values.

use chrono::{DateTime, Duration, NaiveDate, NaiveTime, Utc};
use serde_json::Value;

/// A field as text; nothing for what is not there.
pub fn shown(value: &Value, field: &str) -> String {
    match &value[field] {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            items.iter().map(|item| item.as_str().unwrap_or_default()).collect::<Vec<_>>().join(" ")
        }
        other => other.to_string(),
    }
}

/// A time as people read it, to the minute.
pub fn when(value: &Value, field: &str) -> String {
    let text = shown(value, field);
    match DateTime::parse_from_rfc3339(&text) {
        Ok(time) => time.with_timezone(&Utc).format("%Y-%m-%d %H:%M UTC").to_string(),
        Err(_) => text,
    }
}

/// Text as one part of a path.
pub fn path_part(text: &str) -> String {
    let mut part = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~@".contains(&byte) {
            part.push(char::from(byte));
        } else {
            part.push_str(&format!("%{byte:02X}"));
        }
    }
    part
}

/// Reads a length of time: `30d`, `12h`, `45m`, `90s`, or seconds.
pub fn duration(text: &str) -> Result<Duration, String> {
    let unit_at = text.find(|char: char| !char.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(unit_at);
    let seconds_per_unit = match unit {
        "" | "s" => 1,
        "m" => 60,
        "h" => 60 * 60,
        "d" => 24 * 60 * 60,
        "w" => 7 * 24 * 60 * 60,
        _ => 0,
    };
    let number = number.parse::<i64>().ok().filter(|number| *number > 0);
    number
        .filter(|_| seconds_per_unit > 0)
        .and_then(|number| number.checked_mul(seconds_per_unit))
        .and_then(Duration::try_seconds)
        .ok_or_else(|| format!("`{text}` is not a length of time such as 90s, 45m, 12h, 30d or 2w"))
}

/// Reads a moment: a length of time from now, a date (its beginning, in UTC), or RFC 3339.
pub fn moment(text: &str, now: DateTime<Utc>) -> Result<DateTime<Utc>, String> {
    if let Ok(length) = duration(text) {
        return now.checked_add_signed(length).ok_or_else(|| format!("`{text}` is too far away"));
    }
    if let Ok(date) = text.parse::<NaiveDate>() {
        return Ok(date.and_time(NaiveTime::MIN).and_utc());
    }
    DateTime::parse_from_rfc3339(text).map(|time| time.to_utc()).map_err(|_| {
        format!("`{text}` is neither a length of time such as 30d nor a date such as 2027-01-31")
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lengths_of_time_are_read_with_their_units() {
        assert_eq!(duration("90"), Ok(Duration::seconds(90)));
        assert_eq!(duration("90s"), Ok(Duration::seconds(90)));
        assert_eq!(duration("45m"), Ok(Duration::minutes(45)));
        assert_eq!(duration("12h"), Ok(Duration::hours(12)));
        assert_eq!(duration("30d"), Ok(Duration::days(30)));
        assert_eq!(duration("2w"), Ok(Duration::weeks(2)));
        for wrong in
            ["", "0", "d", "-1h", "1.5h", "1y", "99999999999999999999", "9999999999999999w"]
        {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_moment_is_a_length_from_now_a_date_or_a_time() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();

        assert_eq!(moment("1h", now), Ok(now + Duration::hours(1)));
        assert_eq!(moment("2027-01-31", now).unwrap().to_rfc3339(), "2027-01-31T00:00:00+00:00");
        assert_eq!(
            moment("2027-01-31T12:00:00+02:00", now).unwrap().to_rfc3339(),
            "2027-01-31T10:00:00+00:00"
        );
        assert!(moment("tomorrow", now).is_err());
    }

    #[test]
    fn a_name_is_one_part_of_a_path_whatever_is_in_it() {
        assert_eq!(path_part("alice@example.com"), "alice@example.com");
        assert_eq!(path_part("auth0|5f/../x?y#z"), "auth0%7C5f%2F..%2Fx%3Fy%23z");
        assert_eq!(path_part("ü"), "%C3%BC");
    }

    #[test]
    fn values_are_shown_as_people_read_them() {
        let value = json!({
            "at": "2027-01-31T12:34:56.789Z", "list": ["a", "b"], "none": null, "number": 3
        });

        assert_eq!(when(&value, "at"), "2027-01-31 12:34 UTC");
        assert_eq!(shown(&value, "list"), "a b");
        assert_eq!(shown(&value, "none"), "");
        assert_eq!(shown(&value, "number"), "3");
        assert_eq!(when(&value, "none"), "");
    }
}
