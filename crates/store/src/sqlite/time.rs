//! Times as SQLite keeps them: microseconds since 1970 in UTC.

use chrono::{DateTime, Utc};

/// A time as it is kept.
pub fn to_us(time: DateTime<Utc>) -> i64 {
    time.timestamp_micros()
}

/// A time that was kept. What no calendar has is the beginning of time.
pub fn from_us(us: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(us).unwrap_or(DateTime::UNIX_EPOCH)
}
