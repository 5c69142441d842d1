//! What senders add to an event for themselves.
//!
//! It is kept as it was written and stands so in answers. What some readers of JSON refuse, such as
//! half a character, would make a whole page of events unreadable to them, so it does not get in.

use std::fmt;

use serde::de::{self, DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::bounded::DEPTH_MAX;
use crate::malformed::syntax;

/// What the text of an error is, where lists and objects stand too deep in each other.
const TOO_DEEP: &str = "too deep";

/// Says what every reader of JSON could not take in an object that was sent along, and what to do.
///
/// # Errors
/// When it is no object, or holds what a strict reader refuses.
pub fn readable(json: &str) -> Result<(), String> {
    if !json.starts_with('{') {
        return Err("must be a JSON object".into());
    }
    let deserializer = &mut serde_json::Deserializer::from_str(json);
    Level(0).deserialize(deserializer).map_err(|error| told(&error.to_string()))
}

fn told(message: &str) -> String {
    if message.starts_with(TOO_DEEP) {
        return format!(
            "has objects and lists more than {DEPTH_MAX} deep in each other; send it flatter, or \
             the inner part as a text"
        );
    }
    if message.starts_with("number out of range") {
        return "has a number that is too large for many readers of JSON; send it as a text, in \
                double quotes"
            .into();
    }
    if message.contains("surrogate") || message.contains("hex escape") {
        return "has half a character in a text, as `\\ud800` alone is; send both halves, or leave \
                it out"
            .into();
    }
    syntax(message).unwrap_or_else(|| message.to_owned())
}

/// A value, and how many objects and lists it stands in. It is looked at and not kept.
#[derive(Clone, Copy)]
struct Level(usize);

impl Level {
    fn inner<E: de::Error>(self) -> Result<Self, E> {
        if self.0 < DEPTH_MAX { Ok(Self(self.0 + 1)) } else { Err(E::custom(TOO_DEEP)) }
    }
}

impl<'de> DeserializeSeed<'de> for Level {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Level {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: de::Error>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E: de::Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let inner = self.inner()?;
        while list.next_element_seed(inner)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let inner = self.inner()?;
        while map.next_key::<Name>()?.is_some() {
            map.next_value_seed(inner)?;
        }
        Ok(())
    }
}

/// The name of a field: a text like any other.
struct Name;

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Level(0)).map(|()| Self)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn nested(depth: usize) -> String {
        format!("{{\"a\":{}{}}}", "[".repeat(depth - 1), "]".repeat(depth - 1))
    }

    #[test]
    fn what_every_reader_takes_is_taken() {
        for json in [
            "{}",
            r#"{"a": [1, -2.5, 1e308, 123456789012345678901234567890, 1e-999, true, null]}"#,
            r#"{"smile \ud83d\ude00": "\ud83d\ude00 \n \u0041"}"#,
            &nested(DEPTH_MAX),
        ] {
            assert_eq!(readable(json), Ok(()), "{json}");
        }
    }

    #[test]
    fn what_strict_readers_refuse_is_refused_with_what_to_do() {
        for (json, said) in [
            ("[1]".to_owned(), "must be a JSON object"),
            (r#"{"a":1e999}"#.into(), "has a number that is too large"),
            (r#"{"a":[{"b":-1e999}]}"#.into(), "has a number that is too large"),
            (r#"{"a":"\ud800"}"#.into(), "has half a character"),
            (r#"{"a":"\udc00 x"}"#.into(), "has half a character"),
            (r#"{"a":"\ud800A"}"#.into(), "has half a character"),
            (r#"{"\ud800":1}"#.into(), "has half a character"),
            (nested(DEPTH_MAX + 1), "has objects and lists more than 64 deep"),
            (nested(200), "has objects and lists more than 64 deep"),
        ] {
            let refused = readable(&json).unwrap_err();
            assert!(refused.starts_with(said), "{json}: {refused}");
        }
    }
}
