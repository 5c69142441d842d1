//! How an event is written in JSON, and how it becomes a draft.

use std::borrow::Cow;
use std::fmt;

use chrono::{DateTime, Utc};
use compact_str::{CompactString, format_compact};
use outlay_domain::once::given_twice;
use outlay_domain::usage::{
    Dimensions, EVENT_TAGS_MAX, EventDraft, Meter, QUANTITIES_MAX, Refusal, RefusalCode, Status,
};
use outlay_domain::{Amount, Quantity};
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::bounded::{as_too_many, too_many};
use crate::by_name::ByName;
use crate::exact::Exact;
use crate::malformed::{expected, syntax_from};
use crate::metadata::readable;

/// Text that is borrowed from the body where it can be.
#[derive(Debug, Default)]
pub struct Text<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;
        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }
            fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(text)))
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(TextVisitor)
    }
}

impl Text<'_> {
    fn compact(&self) -> CompactString {
        CompactString::from(&*self.0)
    }
}

/// One event on the wire. Unknown fields are refused, so that a misspelt one is not lost.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EventBody<'a> {
    #[serde(borrow)]
    id: Text<'a>,
    #[serde(borrow)]
    source: Text<'a>,
    #[serde(alias = "timestamp", alias = "time")]
    occurred_at: Option<Moment>,
    #[serde(borrow)]
    account: Text<'a>,
    #[serde(borrow)]
    subject: Option<Text<'a>>,
    #[serde(borrow)]
    provider: Option<Text<'a>>,
    #[serde(borrow)]
    model: Option<Text<'a>>,
    #[serde(borrow)]
    operation: Option<Text<'a>>,
    #[serde(borrow)]
    service: Option<Text<'a>>,
    status: Option<StatusBody>,
    duration_ms: Option<Milliseconds>,
    quantities: QuantitiesBody,
    #[serde(borrow)]
    dimensions: DimensionsBody<'a>,
    #[serde(borrow)]
    team: Option<Text<'a>>,
    #[serde(borrow)]
    project: Option<Text<'a>>,
    #[serde(borrow)]
    platform: Option<Text<'a>>,
    #[serde(borrow)]
    environment: Option<Text<'a>>,
    tags: TagsBody,
    #[serde(alias = "stated_cost", alias = "cost_usd")]
    cost: Option<Exact<Amount>>,
    #[serde(borrow)]
    metadata: Option<&'a RawValue>,
    #[serde(borrow)]
    hold: Option<Text<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct DimensionsBody<'a> {
    #[serde(borrow)]
    team: Option<Text<'a>>,
    #[serde(borrow)]
    project: Option<Text<'a>>,
    #[serde(borrow)]
    platform: Option<Text<'a>>,
    #[serde(borrow)]
    environment: Option<Text<'a>>,
}

impl EventBody<'_> {
    /// Reads one event from JSON; on failure says which field is at fault.
    pub fn parse(json: &str) -> Result<EventBody<'_>, Refusal> {
        Self::parse_line(json, 1)
    }

    /// The same of an event that stands in that line of what was sent.
    pub fn parse_line(json: &str, line: usize) -> Result<EventBody<'_>, Refusal> {
        let deserializer = &mut serde_json::Deserializer::from_str(json);
        let read = EventBody::deserialize(ByName(&mut *deserializer));
        read.and_then(|body| deserializer.end().map(|()| body)).map_err(|_| {
            // Read again, slower, to learn the path to the mistake.
            let deserializer = &mut serde_json::Deserializer::from_str(json);
            match serde_path_to_error::deserialize::<_, EventBody<'_>>(ByName(deserializer)) {
                Ok(_) => Refusal::new(
                    RefusalCode::Malformed,
                    "",
                    "something follows the event; send one JSON object",
                ),
                Err(error) => refusal(&error, line),
            }
        })
    }

    /// The id that the sender gave.
    pub fn id(&self) -> CompactString {
        self.id.compact()
    }

    /// What was held for it, as the sender says.
    pub fn hold(&self) -> Option<CompactString> {
        self.hold.as_ref().map(Text::compact).filter(|hold| !hold.is_empty())
    }

    /// The account that the sender gave; `None` where they gave none.
    pub fn account(&self) -> Option<CompactString> {
        Some(self.account.compact()).filter(|account| !account.is_empty())
    }

    /// The draft of the event, charged to `account` where it names none itself.
    pub fn draft(self, account: &CompactString) -> Result<EventDraft, Refusal> {
        let some = |text: Option<Text<'_>>| text.map(|text| text.compact());
        // An account that a credential was given before this was asked for stays its own.
        if &*self.account.0 != account.as_str() {
            without_blanks("account", &self.account.0)?;
        }
        without_blanks("subject", self.subject.as_ref().map_or("", |subject| &*subject.0))?;
        let metadata = match self.metadata {
            Some(raw) if raw.get() == "null" => None,
            Some(raw) => {
                let refused = |detail| Refusal::new(RefusalCode::Malformed, "metadata", detail);
                readable(raw.get()).map_err(refused)?;
                Some(raw.get().into())
            }
            None => None,
        };
        let nested = self.dimensions;
        Ok(EventDraft {
            id: self.id.compact(),
            source: match self.source.0.as_ref() {
                "" => DEFAULT_SOURCE,
                source => source.into(),
            },
            occurred_at: self.occurred_at.map(|moment| moment.0),
            account: match self.account.0.as_ref() {
                "" => account.clone(),
                account => account.into(),
            },
            subject: some(self.subject),
            provider: some(self.provider),
            model: some(self.model),
            operation: some(self.operation),
            service: some(self.service),
            status: self.status.map_or(Status::Ok, |status| status.0),
            duration_us: self.duration_ms.map(|duration| duration.0),
            quantities: self.quantities.0,
            dimensions: Dimensions {
                team: one_of("team", nested.team, self.team)?,
                project: one_of("project", nested.project, self.project)?,
                platform: one_of("platform", nested.platform, self.platform)?,
                environment: one_of("environment", nested.environment, self.environment)?,
            },
            tags: self.tags.0,
            stated_cost: self.cost.map(|Exact(cost)| cost),
            metadata,
        })
    }
}

/// A dimension that may be given in two places, and is one. Nothing in one of them is not said.
fn one_of(
    name: &str,
    nested: Option<Text<'_>>,
    plain: Option<Text<'_>>,
) -> Result<Option<CompactString>, Refusal> {
    let is_said = |text: &Text<'_>| !text.0.is_empty();
    match (nested.filter(is_said), plain.filter(is_said)) {
        (Some(nested), Some(plain)) if nested.0 != plain.0 => {
            let detail = format!("differs from `dimensions.{name}`; give one of them");
            Err(Refusal::new(RefusalCode::Malformed, name, detail))
        }
        (nested, plain) => Ok(nested.or(plain).map(|text| text.compact())),
    }
}

/// Refuses a name with blanks around it: two that differ by them alone are nearly always one, and
/// which of them is meant is not for us to say.
pub fn without_blanks(field: &str, name: &str) -> Result<(), Refusal> {
    if name.trim() == name {
        return Ok(());
    }
    let detail = format!("`{name}` begins or ends with a blank; send it without");
    Err(Refusal::new(RefusalCode::Malformed, field, detail))
}

/// The source of events whose sender names none.
pub const DEFAULT_SOURCE: CompactString = CompactString::const_new("api");

fn refusal(error: &serde_path_to_error::Error<serde_json::Error>, line: usize) -> Refusal {
    let message = error.inner().to_string();
    if let Some(detail) = syntax_from(&message, line) {
        let detail = format!("{detail}; send one JSON object for each event");
        return Refusal::new(RefusalCode::Malformed, "", detail);
    }
    if let Some(detail) = as_too_many(&message) {
        return Refusal::new(RefusalCode::TooLarge, error.path().to_string(), detail);
    }
    let (message, _) = message.split_once(" at line ").unwrap_or((&message, ""));
    let path = match error.path().to_string() {
        path if path == "." => String::new(),
        path => path,
    };
    if let Some(rest) = message.strip_prefix("unknown field `")
        && let Some((field, _)) = rest.split_once('`')
    {
        let at = if path.is_empty() || path.ends_with(field) {
            if path.is_empty() { field.to_owned() } else { path }
        } else {
            format!("{path}.{field}")
        };
        return Refusal::new(
            RefusalCode::Unknown,
            at,
            "no such field; attributes of your own go into `tags`, anything else into `metadata`",
        );
    }
    if let Some(rest) = message.strip_prefix("duplicate field `")
        && let Some((field, _)) = rest.split_once('`')
    {
        let at = if path.is_empty() { field.to_owned() } else { format!("{path}.{field}") };
        return Refusal::new(RefusalCode::Malformed, at, "is given twice; give it once");
    }
    let detail = expected(message).unwrap_or_else(|| message.to_owned());
    Refusal::new(RefusalCode::Malformed, path, detail)
}

/// A time: RFC 3339 text, or seconds since 1970.
#[derive(Debug)]
struct Moment(DateTime<Utc>);

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MomentVisitor;
        impl Visitor<'_> for MomentVisitor {
            type Value = Moment;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a time such as \"2026-11-20T12:00:00Z\", or seconds since 1970")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Moment, E> {
                parse_time(text)
                    .map(Moment)
                    .ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
            }
            fn visit_i64<E: de::Error>(self, seconds: i64) -> Result<Moment, E> {
                DateTime::from_timestamp(seconds, 0)
                    .map(Moment)
                    .ok_or_else(|| E::invalid_value(de::Unexpected::Signed(seconds), &self))
            }
            fn visit_u64<E: de::Error>(self, seconds: u64) -> Result<Moment, E> {
                i64::try_from(seconds)
                    .ok()
                    .and_then(|seconds| DateTime::from_timestamp(seconds, 0))
                    .map(Moment)
                    .ok_or_else(|| E::invalid_value(de::Unexpected::Unsigned(seconds), &self))
            }
            fn visit_f64<E: de::Error>(self, seconds: f64) -> Result<Moment, E> {
                let invalid = || E::invalid_value(de::Unexpected::Float(seconds), &self);
                if !seconds.is_finite() || seconds.abs() > 1e11 {
                    return Err(invalid());
                }
                #[allow(clippy::cast_possible_truncation)]
                let micros = (seconds * 1e6).round() as i64;
                DateTime::from_timestamp_micros(micros).map(Moment).ok_or_else(invalid)
            }
        }
        deserializer.deserialize_any(MomentVisitor)
    }
}

/// Reads an RFC 3339 time to the microsecond.
///
/// The form that nearly everybody sends, `2026-11-20T12:00:00[.fraction]Z`, is read by hand,
/// because it stands in every event.
pub fn parse_time(text: &str) -> Option<DateTime<Utc>> {
    parse_plain_utc(text.as_bytes()).or_else(|| {
        let time = DateTime::parse_from_rfc3339(text).ok()?;
        DateTime::from_timestamp_micros(time.timestamp_micros())
    })
}

fn parse_plain_utc(text: &[u8]) -> Option<DateTime<Utc>> {
    let [date @ .., b'Z'] = text else { return None };
    if date.len() < 19
        || date[4] != b'-'
        || date[7] != b'-'
        || date[10] != b'T'
        || date[13] != b':'
        || date[16] != b':'
    {
        return None;
    }
    let number = |from: usize, to: usize| {
        date[from..to].iter().try_fold(0_u32, |number, byte| {
            byte.is_ascii_digit().then(|| number * 10 + u32::from(byte - b'0'))
        })
    };
    let micros = match &date[19..] {
        [] => 0,
        [b'.', fraction @ ..] if (1..=9).contains(&fraction.len()) => {
            let mut micros = 0;
            for place in 0..6 {
                let digit = fraction.get(place).copied().unwrap_or(b'0');
                if !digit.is_ascii_digit() {
                    return None;
                }
                micros = micros * 10 + u32::from(digit - b'0');
            }
            if !fraction.iter().all(u8::is_ascii_digit) {
                return None;
            }
            micros
        }
        _ => return None,
    };
    let year = i32::try_from(number(0, 4)?).ok()?;
    chrono::NaiveDate::from_ymd_opt(year, number(5, 7)?, number(8, 10)?)?
        .and_hms_micro_opt(number(11, 13)?, number(14, 16)?, number(17, 19)?, micros)
        .map(|time| time.and_utc())
}

/// A status: one of our words, a synonym, or an HTTP status code.
#[derive(Debug)]
struct StatusBody(Status);

impl<'de> Deserialize<'de> for StatusBody {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct StatusVisitor;
        impl Visitor<'_> for StatusVisitor {
            type Value = StatusBody;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`ok`, `error`, `cancelled`, `blocked` or an HTTP status code")
            }
            fn visit_str<E: de::Error>(self, word: &str) -> Result<StatusBody, E> {
                Status::parse(word)
                    .map(StatusBody)
                    .ok_or_else(|| E::invalid_value(de::Unexpected::Str(word), &self))
            }
            fn visit_u64<E: de::Error>(self, code: u64) -> Result<StatusBody, E> {
                Status::parse(&code.to_string())
                    .map(StatusBody)
                    .ok_or_else(|| E::invalid_value(de::Unexpected::Unsigned(code), &self))
            }
        }
        deserializer.deserialize_any(StatusVisitor)
    }
}

/// A duration in milliseconds, kept to the microsecond.
#[derive(Debug)]
struct Milliseconds(i64);

impl<'de> Deserialize<'de> for Milliseconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MillisecondsVisitor;
        impl Visitor<'_> for MillisecondsVisitor {
            type Value = Milliseconds;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("milliseconds, from 0 to a year's")
            }
            fn visit_u64<E: de::Error>(self, millis: u64) -> Result<Milliseconds, E> {
                match i64::try_from(millis) {
                    Ok(millis) if millis <= MILLISECONDS_MAX => Ok(Milliseconds(millis * 1000)),
                    _ => Err(E::invalid_value(de::Unexpected::Unsigned(millis), &self)),
                }
            }
            fn visit_i64<E: de::Error>(self, millis: i64) -> Result<Milliseconds, E> {
                Err(E::invalid_value(de::Unexpected::Signed(millis), &self))
            }
            fn visit_f64<E: de::Error>(self, millis: f64) -> Result<Milliseconds, E> {
                #[allow(clippy::cast_precision_loss)]
                let bound = MILLISECONDS_MAX as f64;
                if !(0.0..=bound).contains(&millis) {
                    return Err(E::invalid_value(de::Unexpected::Float(millis), &self));
                }
                #[allow(clippy::cast_possible_truncation)]
                Ok(Milliseconds((millis * 1000.0).round() as i64))
            }
        }
        deserializer.deserialize_any(MillisecondsVisitor)
    }
}

const MILLISECONDS_MAX: i64 = 366 * 24 * 3_600_000;

/// Quantities by the names of their meters.
#[derive(Debug, Default)]
pub struct QuantitiesBody(pub Vec<(Meter, Quantity)>);

impl<'de> Deserialize<'de> for QuantitiesBody {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct QuantitiesVisitor;
        impl<'de> Visitor<'de> for QuantitiesVisitor {
            type Value = QuantitiesBody;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of numbers by the names of meters")
            }
            fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
                Ok(QuantitiesBody::default())
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut quantities: Vec<(Meter, Quantity)> = Vec::with_capacity(6);
                let mut given = 0;
                while let Some(name) = map.next_key::<Text<'de>>()? {
                    given += 1;
                    if given > QUANTITIES_MAX {
                        return Err(too_many(QUANTITIES_MAX));
                    }
                    let meter = Meter::from_name(&name.0);
                    let Some(quantity) = map.next_value::<Option<Quantity>>()? else { continue };
                    if quantities.iter().any(|(known, _)| *known == meter) {
                        return Err(de::Error::custom(format!(
                            "`{}` is given twice, as `{}` too",
                            meter.name(),
                            name.0
                        )));
                    }
                    quantities.push((meter, quantity));
                }
                Ok(QuantitiesBody(quantities))
            }
        }
        deserializer.deserialize_any(QuantitiesVisitor)
    }
}

/// The value of a tag: a text, or a number or truth value as one.
struct TagText(CompactString);

impl<'de> Deserialize<'de> for TagText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TagTextVisitor;
        impl Visitor<'_> for TagTextVisitor {
            type Value = TagText;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text, a number or a truth value")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<TagText, E> {
                Ok(TagText(text.into()))
            }
            fn visit_bool<E: de::Error>(self, truth: bool) -> Result<TagText, E> {
                Ok(TagText(format_compact!("{truth}")))
            }
            fn visit_i64<E: de::Error>(self, number: i64) -> Result<TagText, E> {
                Ok(TagText(format_compact!("{number}")))
            }
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<TagText, E> {
                Ok(TagText(format_compact!("{number}")))
            }
            fn visit_f64<E: de::Error>(self, number: f64) -> Result<TagText, E> {
                Ok(TagText(format_compact!("{number}")))
            }
        }
        deserializer.deserialize_any(TagTextVisitor)
    }
}

/// Tags; numbers and truth values become texts.
#[derive(Debug, Default)]
struct TagsBody(Vec<(CompactString, CompactString)>);

impl<'de> Deserialize<'de> for TagsBody {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TagsVisitor;
        impl<'de> Visitor<'de> for TagsVisitor {
            type Value = TagsBody;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of texts, numbers or truth values")
            }
            fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
                Ok(TagsBody::default())
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut tags: Vec<(CompactString, CompactString)> = Vec::new();
                let mut given = 0;
                while let Some(key) = map.next_key::<Text<'de>>()? {
                    given += 1;
                    if given > EVENT_TAGS_MAX {
                        return Err(too_many(EVENT_TAGS_MAX));
                    }
                    let Some(TagText(value)) = map.next_value()? else { continue };
                    if tags.iter().any(|(known, _)| *known == *key.0) {
                        return Err(given_twice(&key.0));
                    }
                    tags.push((key.compact(), value));
                }
                Ok(TagsBody(tags))
            }
        }
        deserializer.deserialize_any(TagsVisitor)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn refused(json: &str) -> Refusal {
        let account = CompactString::from("acme");
        EventBody::parse(json)
            .and_then(|body| body.draft(&account))
            .and_then(|draft| draft.accept(DateTime::from_timestamp(1_790_000_000, 0).unwrap()))
            .unwrap_err()
    }

    #[test]
    fn a_mistake_names_its_field() {
        let field = |json| refused(json).field.to_string();

        assert_eq!(
            field(r#"{"id":"a","provider":"x","quantities":{"input_tokens":"many"}}"#),
            "quantities.input_tokens"
        );
        assert_eq!(
            field(r#"{"id":"a","provider":"x","quantities":{"input_tokens":-1}}"#),
            "quantities.input_tokens"
        );
        assert_eq!(
            field(r#"{"id":"a","provider":"x","quantities":{"input_tokens":1.5}}"#),
            "quantities.input_tokens"
        );
        assert_eq!(field(r#"{"id":"a","provder":"x"}"#), "provder");
        assert_eq!(field(r#"{"id":"a","provider":7}"#), "provider");
        assert_eq!(field(r#"{"provider":"x"}"#), "id");
        assert_eq!(field(r#"{"id":"a"}"#), "provider");
        assert_eq!(field(r#"{"id":"a","provider":"x","occurred_at":"yesterday"}"#), "occurred_at");
        assert_eq!(
            field(r#"{"id":"a","provider":"x","occurred_at":"2999-01-01T00:00:00Z"}"#),
            "occurred_at"
        );
        assert_eq!(field(r#"{"id":"a","provider":"x","cost":"1.0000000001"}"#), "cost");
        assert_eq!(field(r#"{"id":"a","provider":"x","metadata":[1]}"#), "metadata");
        assert_eq!(
            field(r#"{"id":"a","provider":"x","dimensions":{"teem":"x"}}"#),
            "dimensions.teem"
        );
    }

    #[test]
    fn what_is_given_twice_is_refused_by_its_field() {
        for (fields, field) in [
            (r#""id":"b""#, "id"),
            (r#""time":"2026-01-05T10:00:00Z","timestamp":"2026-01-05T10:00:00Z""#, "occurred_at"),
            (r#""tags":{"a":"x","b":1,"a":"x"}"#, "tags.a"),
            (r#""dimensions":{"team":"x","team":"y"}"#, "dimensions.team"),
        ] {
            let refusal = refused(&format!(r#"{{"id":"a","provider":"x",{fields}}}"#));
            assert_eq!(
                (&*refusal.field, &*refusal.detail),
                (field, "is given twice; give it once")
            );
        }
    }

    #[test]
    fn a_dimension_in_both_places_is_one_that_says_the_same() {
        let draft = |fields: &str| {
            let json = format!(r#"{{"id":"a","provider":"x",{fields}}}"#);
            EventBody::parse(&json).unwrap().draft(&"acme".into())
        };
        for name in ["team", "project", "platform", "environment"] {
            let both = format!(r#""{name}":"x","dimensions":{{"{name}":"y"}}"#);
            assert_eq!(draft(&both).unwrap_err().field, name);
        }
        for same in [
            r#""team":"x","dimensions":{"team":"x"}"#,
            r#""team":"","dimensions":{"team":"x"}"#,
            r#""team":"x","dimensions":{"team":""}"#,
        ] {
            assert_eq!(draft(same).unwrap().dimensions.team.as_deref(), Some("x"), "{same}");
        }
    }

    #[test]
    fn an_id_of_blanks_is_none() {
        for blank in [" ", "\\u00a0 ", "\\t"] {
            let refusal = refused(&format!(r#"{{"id":"{blank}","provider":"x"}}"#));
            assert_eq!((refusal.code, &*refusal.field), (RefusalCode::Missing, "id"));
            let refusal = refused(&format!(r#"{{"id":"a","provider":"x","source":"{blank}"}}"#));
            assert_eq!((refusal.code, &*refusal.field), (RefusalCode::Missing, "source"));
        }
    }

    #[test]
    fn metadata_that_some_cannot_read_is_refused() {
        let deep = format!(r#"{{"a":{}{}}}"#, "[".repeat(200), "]".repeat(200));
        for metadata in [r#"{"a":1e999}"#, r#"{"a":"\ud800"}"#, &deep, "[1]"] {
            let refusal = refused(&format!(r#"{{"id":"a","provider":"x","metadata":{metadata}}}"#));
            assert_eq!(refusal.field, "metadata", "{metadata}");
        }
    }

    #[test]
    fn tags_and_quantities_are_counted_while_they_are_read() {
        let many = |count: usize, value: &str| {
            let pairs: Vec<_> = (0..count).map(|at| format!("\"k{at}\":{value}")).collect();
            pairs.join(",")
        };
        let refused_for = |field: &str, pairs: String| {
            // What follows the first one too many is not even looked at.
            let refusal =
                refused(&format!(r#"{{"id":"a","provider":"x","{field}":{{{pairs},nothing"#));
            (refusal.code, refusal.field.to_string())
        };

        let tags = many(33, "\"v\"");
        assert_eq!(refused_for("tags", tags), (RefusalCode::TooLarge, "tags".into()));
        let meters = many(33, "1");
        assert_eq!(refused_for("quantities", meters), (RefusalCode::TooLarge, "quantities".into()));
    }

    #[test]
    fn what_is_no_json_is_told_in_plain_words() {
        let refusal = refused("nonsense");

        assert!(refusal.detail.starts_with("is no JSON: a word stands there"), "{refusal}");
    }

    #[test]
    fn what_is_no_object_is_told_without_words_of_the_program() {
        for (json, detail) in [
            ("[1]", "must be an object with fields, not a list"),
            ("1", "must be an object with fields, not 1"),
            ("null", "must be an object with fields, not null"),
        ] {
            assert_eq!((refused(json).field.as_str(), refused(json).detail.as_str()), ("", detail));
        }
        let refusal = refused(r#"{"id":"a","provider":"x","dimensions":["search"]}"#);
        assert_eq!(refusal.field, "dimensions");
        assert_eq!(refusal.detail, "must be an object with fields, not a list");
        let refusal = refused(r#"{"id":"a","provider":7}"#);
        assert_eq!(refusal.detail, "must be a text, not 7");
    }

    #[test]
    fn blanks_around_whoever_pays_or_uses_are_refused_and_case_tells_them_apart() {
        let said = |fields: &str| format!(r#"{{"id":"a","provider":"x",{fields}}}"#);
        for blank in ["al ", " al", "\u{a0}al", "al\u{2003}"] {
            assert_eq!(refused(&said(&format!(r#""account":"{blank}""#))).field, "account");
            assert_eq!(refused(&said(&format!(r#""subject":"{blank}""#))).field, "subject");
        }
        let account = |own: &str, said: &str| {
            let json = format!(r#"{{"id":"a","provider":"x","account":"{said}"}}"#);
            EventBody::parse(&json).unwrap().draft(&own.into()).map(|draft| draft.account)
        };
        assert_eq!(account("acme", "AL").unwrap(), "AL");
        assert_eq!(account("acme", "al b").unwrap(), "al b");
        assert_eq!(account("al ", "").unwrap(), "al ", "an account that was there before");
        assert_eq!(account("al ", "al ").unwrap(), "al ");
    }

    #[test]
    fn a_cost_is_read_digit_by_digit() {
        let cost = |text: &str| {
            let json = format!(r#"{{"id":"a","provider":"x","cost":{text}}}"#);
            let account = CompactString::from("acme");
            let draft = EventBody::parse(&json).unwrap().draft(&account).unwrap();
            draft.stated_cost.unwrap().to_string()
        };

        assert_eq!(cost("12345678.123456789"), "12345678.123456789");
        assert_eq!(cost("\"12345678.123456789\""), "12345678.123456789");
        assert_eq!(cost("0.1"), "0.1");
        assert_eq!(cost("1e-7"), "0.0000001");
        assert_eq!(cost("7"), "7");
    }

    #[test]
    fn the_quick_reader_of_times_agrees_with_the_thorough_one() {
        for text in [
            "2026-11-20T12:00:00Z",
            "2026-11-20T12:00:00.5Z",
            "2026-11-20T12:00:00.123456789Z",
            "2024-02-29T23:59:59.999999Z",
            "2026-11-20T12:00:00+01:00",
            "2026-13-20T12:00:00Z",
            "2026-02-29T12:00:00Z",
            "2026-11-20T12:00:00.Z",
            "2026-11-20T12:00:0xZ",
            "",
        ] {
            let thorough = DateTime::parse_from_rfc3339(text)
                .ok()
                .and_then(|time| DateTime::from_timestamp_micros(time.timestamp_micros()));
            assert_eq!(parse_time(text), thorough, "{text}");
        }
    }
}
