//! Numbers that are read digit by digit.
//!
//! A number of JSON becomes a float on its way, which keeps fifteen digits. Amounts of money may
//! have more, and their text is at hand.

use std::str::FromStr;

use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// A number, as a text or as a number of JSON, exactly as it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Exact<T>(pub T);

impl<'de, T> Deserialize<'de> for Exact<T>
where
    T: DeserializeOwned + FromStr<Err: std::fmt::Display>,
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?;
        let text = raw.get();
        let is_plain = text.bytes().all(|byte| byte.is_ascii_digit() || b"-.".contains(&byte));
        let read = match is_plain {
            true => text.parse().map_err(D::Error::custom),
            false => serde_json::from_str(text).map_err(D::Error::custom),
        };
        read.map(Self)
    }
}
