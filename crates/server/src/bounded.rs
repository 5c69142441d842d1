//! Lists that are counted while they are read.
//!
//! A list of millions of nothings is small on the wire and large in memory, so that counting it
//! afterwards is too late: the reader stops at the first item too many.

use std::fmt;
use std::marker::PhantomData;

use outlay_engine::pace::Pace;
use serde::de::{self, IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// What the text of a refusal begins with, where it is for a list that is too long.
pub const TOO_MANY: &str = "too many items: ";

/// A list of up to `MAX` items.
#[derive(Debug, Clone, Default)]
pub struct UpTo<const MAX: usize, T>(pub Vec<T>);

impl<'de, const MAX: usize, T: Deserialize<'de>> Deserialize<'de> for UpTo<MAX, T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct UpToVisitor<const MAX: usize, T>(PhantomData<T>);
        impl<'de, const MAX: usize, T: Deserialize<'de>> Visitor<'de> for UpToVisitor<MAX, T> {
            type Value = UpTo<MAX, T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a sequence")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut items = Vec::with_capacity(list.size_hint().unwrap_or(0).min(MAX));
                let mut pace = Pace::default();
                while items.len() < MAX {
                    let Some(item) = list.next_element()? else { return Ok(UpTo(items)) };
                    items.push(item);
                    pace.step();
                }
                match list.next_element::<IgnoredAny>()? {
                    None => Ok(UpTo(items)),
                    Some(_) => Err(too_many(MAX)),
                }
            }
        }
        deserializer.deserialize_seq(UpToVisitor(PhantomData))
    }
}

/// The refusal of an item after `max`.
pub fn too_many<E: de::Error>(max: usize) -> E {
    E::custom(format_args!("{TOO_MANY}{max} are taken at most"))
}

/// What a deserializer says, where it is that there are too many items.
pub fn as_too_many(message: &str) -> Option<&str> {
    let rest = message.strip_prefix(TOO_MANY)?;
    Some(rest.split(" at line ").next().unwrap_or(rest))
}

/// What a body may have in it whose fields may hold anything.
pub const DEPTH_MAX: usize = 64;
/// Objects and lists in such a body, at most. Each takes hundreds of bytes.
const CONTAINERS_MAX: usize = 20_000;
/// Values in such a body, at most.
const VALUES_MAX: usize = 500_000;

/// Says what there is too much of in a text of JSON, without reading it as one.
pub fn excess(json: &str) -> Option<String> {
    let (mut depth, mut containers, mut values) = (0_usize, 0_usize, 0_usize);
    let mut bytes = json.bytes();
    let mut pace = Pace::default();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => skip_text(&mut bytes),
            b'{' | b'[' => {
                depth += 1;
                containers += 1;
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            b',' => {
                values += 1;
                pace.step();
            }
            _ => {}
        }
        if depth > DEPTH_MAX {
            return Some(format!("objects and lists stand {DEPTH_MAX} deep in each other at most"));
        }
        if containers > CONTAINERS_MAX {
            return Some(format!("{CONTAINERS_MAX} objects and lists are taken at most"));
        }
        if values > VALUES_MAX {
            return Some(format!("{VALUES_MAX} values are taken at most"));
        }
    }
    None
}

fn skip_text(bytes: &mut std::str::Bytes<'_>) {
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => return,
            b'\\' => drop(bytes.next()),
            _ => {}
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_up_to_its_bound_and_no_further() {
        let read = |json: &str| serde_json::from_str::<UpTo<3, u8>>(json);

        assert_eq!(read("[1,2,3]").unwrap().0, [1, 2, 3]);
        let refused = read("[1,2,3,4]").unwrap_err().to_string();
        assert_eq!(as_too_many(&refused), Some("3 are taken at most"));
        // What stands behind the first item too many is not looked at.
        let refused = read("[1,2,3,4,no json").unwrap_err().to_string();
        assert!(as_too_many(&refused).is_some(), "{refused}");
        assert!(as_too_many(&read("[300]").unwrap_err().to_string()).is_none());
    }

    #[test]
    fn a_body_of_anything_is_bounded_by_what_it_takes_in_memory() {
        assert_eq!(excess(r#"{"a": [1, 2, {"b": "[[[[,,,,\"{{{{"}]}"#), None);
        assert!(excess(&"[".repeat(65)).is_some_and(|text| text.contains("deep")));
        assert!(excess(&"{},".repeat(20_001)).is_some_and(|text| text.contains("20000")));
        assert!(excess(&"1,".repeat(500_001)).is_some_and(|text| text.contains("500000")));
        assert_eq!(excess(&format!("\"{}\"", "[,{".repeat(1_000_000))), None);
    }
}
