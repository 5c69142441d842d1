//! Maps whose keys are given once.
//!
//! A map that keeps the last of two values for one key makes of a mistake something that looks meant:
//! a scope of two models that counts only one, or a parameter that nobody asked for.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt::{self, Display};
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};

/// Characters of a key that a refusal shows, at most.
const SHOWN_MAX: usize = 100;

/// Reads a map, and refuses one with a key that is given twice.
///
/// # Errors
/// When it is no map, or a key stands in it a second time.
pub fn each_once<'de, D, K, V>(deserializer: D) -> Result<BTreeMap<K, V>, D::Error>
where
    D: Deserializer<'de>,
    K: Deserialize<'de> + Ord + Display,
    V: Deserialize<'de>,
{
    struct Once<K, V>(PhantomData<(K, V)>);
    impl<'de, K, V> Visitor<'de> for Once<K, V>
    where
        K: Deserialize<'de> + Ord + Display,
        V: Deserialize<'de>,
    {
        type Value = BTreeMap<K, V>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a map")
        }
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut read = BTreeMap::new();
            while let Some(key) = map.next_key::<K>()? {
                match read.entry(key) {
                    Entry::Occupied(known) => return Err(given_twice(known.key())),
                    Entry::Vacant(free) => {
                        free.insert(map.next_value()?);
                    }
                }
            }
            Ok(read)
        }
    }
    deserializer.deserialize_map(Once(PhantomData))
}

/// The refusal of a key that stands in a map already, in the words for a field of an object.
pub fn given_twice<E: Error>(key: &impl Display) -> E {
    let shown: String = key.to_string().chars().take(SHOWN_MAX).collect();
    E::custom(format_args!("duplicate field `{shown}`"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<BTreeMap<String, u8>, serde_json::Error> {
        each_once(&mut serde_json::Deserializer::from_str(json))
    }

    #[test]
    fn a_key_that_is_given_twice_is_refused_even_with_the_same_value() {
        assert_eq!(read(r#"{"b": 2, "a": 1}"#).unwrap().len(), 2);
        for json in [r#"{"a": 1, "a": 2}"#, r#"{"a": 1, "b": 1, "a": 1}"#] {
            let refused = read(json).unwrap_err().to_string();
            assert!(refused.starts_with("duplicate field `a`"), "{refused}");
        }
        let long = "k".repeat(5_000);
        let refused = read(&format!(r#"{{"{long}": 1, "{long}": 2}}"#)).unwrap_err();
        assert!(refused.to_string().len() < 200);
    }
}
