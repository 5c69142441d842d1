//! Moments as senders may name them.
//!
//! A date of the year 262142 is one as well, but an hour later there is none: in another time zone
//! it cannot be written. So years have four digits, as RFC 3339 has them.

use chrono::{DateTime, Datelike, Utc};
use serde::de::Error;
use serde::{Deserialize, Deserializer};

/// Years that a sender may name.
pub const YEARS: std::ops::RangeInclusive<i32> = 1..=9998;

/// Reads a moment that must be given.
pub fn required<'de, D: Deserializer<'de>>(from: D) -> Result<DateTime<Utc>, D::Error> {
    let at = DateTime::<Utc>::deserialize(from)?;
    match YEARS.contains(&at.year()) {
        true => Ok(at),
        false => Err(D::Error::custom("input is out of range")),
    }
}

/// Reads a moment that need not be given.
pub fn optional<'de, D: Deserializer<'de>>(from: D) -> Result<Option<DateTime<Utc>>, D::Error> {
    match Option::<DateTime<Utc>>::deserialize(from)? {
        Some(at) if !YEARS.contains(&at.year()) => Err(D::Error::custom("input is out of range")),
        at => Ok(at),
    }
}
