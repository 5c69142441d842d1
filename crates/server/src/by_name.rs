//! Objects that are written as objects.
//!
//! A derived reader also takes a list for the fields of an object in their order, so that `[80]` would
//! pass for `{"percent": 80}`. Nobody who sends a list means that. Readers that go through here take
//! fields by their names alone, however deep they stand.

use std::fmt;

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, Expected, MapAccess, SeqAccess, Unexpected,
    VariantAccess, Visitor,
};

/// A deserializer, or a part of one, that reads fields by their names only.
pub struct ByName<T>(pub T);

/// A visitor of a value: of an object's fields, or of anything else.
struct Inside<V> {
    visitor: V,
    wants_fields: bool,
}

impl<V> Inside<V> {
    const fn anything(visitor: V) -> Self {
        Self { visitor, wants_fields: false }
    }
}

impl<'de, V: Visitor<'de>> Inside<V> {
    /// Whether this is of an enum whose kind stands among its fields. A derived reader of one asks
    /// for anything, and only its own words tell it from what may be a list.
    fn is_tagged(&self) -> bool {
        (self as &dyn Expected).to_string().starts_with("internally tagged enum ")
    }
}

macro_rules! forward {
    ($($name:ident($($argument:ident: $kind:ty),*);)*) => {$(
        fn $name<V: Visitor<'de>>(self, $($argument: $kind,)* visitor: V) -> Result<V::Value, D::Error> {
            self.0.$name($($argument,)* Inside::anything(visitor))
        }
    )*};
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for ByName<D> {
    type Error = D::Error;

    forward! {
        deserialize_any();
        deserialize_bool();
        deserialize_i8();
        deserialize_i16();
        deserialize_i32();
        deserialize_i64();
        deserialize_i128();
        deserialize_u8();
        deserialize_u16();
        deserialize_u32();
        deserialize_u64();
        deserialize_u128();
        deserialize_f32();
        deserialize_f64();
        deserialize_char();
        deserialize_str();
        deserialize_string();
        deserialize_bytes();
        deserialize_byte_buf();
        deserialize_option();
        deserialize_unit();
        deserialize_unit_struct(name: &'static str);
        deserialize_newtype_struct(name: &'static str);
        deserialize_seq();
        deserialize_tuple(len: usize);
        deserialize_tuple_struct(name: &'static str, len: usize);
        deserialize_map();
        deserialize_enum(name: &'static str, variants: &'static [&'static str]);
        deserialize_identifier();
        deserialize_ignored_any();
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_struct(name, fields, Inside { visitor, wants_fields: true })
    }

    fn is_human_readable(&self) -> bool {
        self.0.is_human_readable()
    }
}

macro_rules! visit {
    ($($name:ident: $kind:ty;)*) => {$(
        fn $name<E: Error>(self, value: $kind) -> Result<V::Value, E> {
            self.visitor.$name(value)
        }
    )*};
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Inside<V> {
    type Value = V::Value;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.visitor.expecting(to)
    }

    visit! {
        visit_bool: bool;
        visit_i8: i8;
        visit_i16: i16;
        visit_i32: i32;
        visit_i64: i64;
        visit_i128: i128;
        visit_u8: u8;
        visit_u16: u16;
        visit_u32: u32;
        visit_u64: u64;
        visit_u128: u128;
        visit_f32: f32;
        visit_f64: f64;
        visit_char: char;
        visit_str: &str;
        visit_borrowed_str: &'de str;
        visit_string: String;
        visit_bytes: &[u8];
        visit_borrowed_bytes: &'de [u8];
        visit_byte_buf: Vec<u8>;
    }

    fn visit_none<E: Error>(self) -> Result<V::Value, E> {
        self.visitor.visit_none()
    }

    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        self.visitor.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, inner: D) -> Result<V::Value, D::Error> {
        self.visitor.visit_some(ByName(inner))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<V::Value, D::Error> {
        self.visitor.visit_newtype_struct(ByName(inner))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<V::Value, A::Error> {
        if self.wants_fields || self.is_tagged() {
            return Err(A::Error::invalid_type(Unexpected::Seq, &self));
        }
        self.visitor.visit_seq(ByName(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<V::Value, A::Error> {
        self.visitor.visit_map(ByName(map))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, variant: A) -> Result<V::Value, A::Error> {
        self.visitor.visit_enum(ByName(variant))
    }
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for ByName<S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<S::Value, D::Error> {
        self.0.deserialize(ByName(from))
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for ByName<A> {
    type Error = A::Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, A::Error> {
        self.0.next_element_seed(ByName(seed))
    }

    fn size_hint(&self) -> Option<usize> {
        self.0.size_hint()
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for ByName<A> {
    type Error = A::Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, A::Error> {
        self.0.next_key_seed(seed)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        self.0.next_value_seed(ByName(seed))
    }

    fn size_hint(&self) -> Option<usize> {
        self.0.size_hint()
    }
}

impl<'de, A: EnumAccess<'de>> EnumAccess<'de> for ByName<A> {
    type Error = A::Error;
    type Variant = ByName<A::Variant>;

    fn variant_seed<S: DeserializeSeed<'de>>(
        self,
        seed: S,
    ) -> Result<(S::Value, Self::Variant), A::Error> {
        let (value, variant) = self.0.variant_seed(seed)?;
        Ok((value, ByName(variant)))
    }
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for ByName<A> {
    type Error = A::Error;

    fn unit_variant(self) -> Result<(), A::Error> {
        self.0.unit_variant()
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, A::Error> {
        self.0.newtype_variant_seed(ByName(seed))
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, A::Error> {
        self.0.tuple_variant(len, Inside::anything(visitor))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        self.0.struct_variant(fields, Inside { visitor, wants_fields: true })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;
    use serde_json::value::RawValue;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Level {
        percent: u16,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Kind {
        Plain,
        Of(Level),
        Named { level: Level },
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
    enum Tagged {
        Bare {},
        Full { percent: u16 },
    }

    #[test]
    fn a_list_is_no_object_that_tells_its_kind() {
        let tagged = |json: &str| {
            let mut from = serde_json::Deserializer::from_str(json);
            Vec::<Option<Tagged>>::deserialize(ByName(&mut from)).map_err(|error| error.to_string())
        };

        let read = tagged(r#"[{"kind": "bare"}, null, {"percent": 7, "kind": "full"}]"#);
        assert_eq!(read, Ok(vec![Some(Tagged::Bare {}), None, Some(Tagged::Full { percent: 7 })]));
        for list in [r#"[["bare"]]"#, r#"[["full", 7]]"#, r#"[["full"]]"#, "[[]]"] {
            let refused = tagged(list).unwrap_err();
            assert!(
                refused.starts_with("invalid type: sequence, expected internally tagged enum"),
                "{refused}"
            );
        }
    }

    #[derive(Debug, Deserialize)]
    struct Whole<'a> {
        #[serde(borrow)]
        name: &'a str,
        pair: (u8, String),
        levels: Option<Vec<Level>>,
        #[serde(default)]
        by_name: BTreeMap<String, Level>,
        kinds: Vec<Kind>,
        #[serde(borrow)]
        raw: &'a RawValue,
    }

    fn read(json: &str) -> Result<Whole<'_>, serde_json::Error> {
        Whole::deserialize(ByName(&mut serde_json::Deserializer::from_str(json)))
    }

    #[test]
    fn everything_else_is_read_as_ever() {
        let whole = read(
            r#"{"name": "x", "pair": [1, "one"], "levels": [{"percent": 80}], "raw": [ 1,{} ],
                "by_name": {"a": {"percent": 1}},
                "kinds": ["plain", {"of": {"percent": 2}}, {"named": {"level": {"percent": 3}}}]}"#,
        )
        .unwrap();

        assert_eq!((whole.name, whole.pair), ("x", (1, "one".into())));
        assert_eq!(whole.levels.unwrap(), [Level { percent: 80 }]);
        assert_eq!(whole.by_name["a"], Level { percent: 1 });
        assert_eq!(whole.kinds.len(), 3);
        assert_eq!(whole.raw.get(), "[ 1,{} ]");
        assert_eq!(whole.kinds[1], Kind::Of(Level { percent: 2 }));
    }

    #[test]
    fn a_list_is_no_object_however_deep_it_stands() {
        let whole = |levels: &str, kinds: &str, by_name: &str| {
            let json = format!(
                r#"{{"name": "x", "pair": [1, "one"], "raw": 1,
                    "levels": {levels}, "kinds": {kinds}, "by_name": {by_name}}}"#
            );
            read(&json).map(|_| ()).map_err(|error| error.to_string())
        };

        assert_eq!(whole("null", "[]", "{}"), Ok(()));
        for (levels, kinds, by_name) in [
            ("[[80]]", "[]", "{}"),
            ("null", r#"[{"of": [80]}]"#, "{}"),
            ("null", r#"[{"named": [{"percent": 80}]}]"#, "{}"),
            ("null", r#"[{"named": {"level": [80]}}]"#, "{}"),
            ("null", "[]", r#"{"a": [80]}"#),
        ] {
            let refused = whole(levels, kinds, by_name).unwrap_err();
            assert!(refused.starts_with("invalid type: sequence, expected struct"), "{refused}");
        }
    }
}
