//! Moments as senders may name them.
//!
//! A date of the year 262142 is one as well, but an hour later there is none: in another time zone
//! it cannot be written. So years have four digits, as RFC 3339 has them. And a minute has sixty
//! seconds, of which the last is the 59th: whoever writes a 60th has miscounted.

use chrono::{DateTime, Datelike, Timelike, Utc};
use serde::de::Error;
use serde::{Deserialize, Deserializer};

/// Years that a sender may name.
pub const YEARS: std::ops::RangeInclusive<i32> = 1..=9998;

/// Whether it is a moment of a clock on the wall.
pub fn is_on_the_clock(at: &DateTime<Utc>) -> bool {
    // A 60th second is the 59th with more than a billion nanoseconds.
    at.nanosecond() < 1_000_000_000
}

/// Reads a moment that must be given.
pub fn required<'de, D: Deserializer<'de>>(from: D) -> Result<DateTime<Utc>, D::Error> {
    judged(DateTime::<Utc>::deserialize(from)?)
}

/// Reads a moment that need not be given.
pub fn optional<'de, D: Deserializer<'de>>(from: D) -> Result<Option<DateTime<Utc>>, D::Error> {
    Option::<DateTime<Utc>>::deserialize(from)?.map(judged).transpose()
}

fn judged<E: Error>(at: DateTime<Utc>) -> Result<DateTime<Utc>, E> {
    match YEARS.contains(&at.year()) && is_on_the_clock(&at) {
        true => Ok(at),
        false => Err(E::custom("input is out of range")),
    }
}
