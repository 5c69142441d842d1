//! Traces in OTLP's JSON: fields in lowerCamelCase, ids as hexadecimal digits, 64-bit numbers as texts or
//! as numbers, and whatever else stands there not looked at.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use outlay_domain::usage::{Refusal, RefusalCode};
use outlay_engine::pace::Pace;
use serde::Deserialize;
use serde::de::{self, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::attributes::{Attributes, Value, is_read};
use super::{Span, Traces, malformed};
use crate::by_name::ByName;
use crate::error::ApiError;
use crate::malformed::Fault;

/// Reads `ExportTraceServiceRequest`.
pub fn read(body: &str, traces: &mut Traces<'_>) -> Result<(), ApiError> {
    let request: Request<'_> = parse("", body)?;
    if request.original_name.is_some() {
        let error = malformed("`resource_spans` is `resourceSpans` in OTLP's JSON");
        return Err(error.at("resource_spans"));
    }
    each("resourceSpans", request.resource_spans, &mut |group| {
        let group: Group<'_> = parse("resourceSpans", group.get())?;
        let resource: Resource<'_> = match group.resource {
            Some(resource) => parse("resourceSpans.resource", resource.get())?,
            None => Resource::default(),
        };
        let attributes = resource.attributes.unwrap_or_default();
        each("resourceSpans.scopeSpans", group.scope_spans, &mut |scope| {
            let scope: Scope<'_> = parse("resourceSpans.scopeSpans", scope.get())?;
            each("resourceSpans.scopeSpans.spans", scope.spans, &mut |span| {
                traces.take(&attributes, read_span(span.get()))
            })
        })
    })
}

#[derive(Deserialize)]
struct Request<'a> {
    #[serde(borrow, rename = "resourceSpans")]
    resource_spans: Option<&'a RawValue>,
    #[serde(rename = "resource_spans")]
    original_name: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Group<'a> {
    #[serde(borrow)]
    resource: Option<&'a RawValue>,
    #[serde(borrow, rename = "scopeSpans")]
    scope_spans: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
struct Resource<'a> {
    #[serde(borrow)]
    attributes: Option<Attributes<'a>>,
}

#[derive(Deserialize)]
struct Scope<'a> {
    #[serde(borrow)]
    spans: Option<&'a RawValue>,
}

/// A span as it is written.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SpanBody<'a> {
    trace_id: Option<String>,
    span_id: Option<String>,
    #[serde(borrow)]
    name: Option<Cow<'a, str>>,
    start_time_unix_nano: Option<Nanos>,
    end_time_unix_nano: Option<Nanos>,
    #[serde(borrow)]
    attributes: Option<Attributes<'a>>,
    status: Option<StatusBody>,
}

#[derive(Deserialize)]
struct StatusBody {
    code: Option<Code>,
}

fn read_span(json: &str) -> Result<Span<'_>, Refusal> {
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let body = SpanBody::deserialize(ByName(&mut deserializer)).map_err(|error| {
        let fault = Fault::new("", &error.to_string());
        Refusal::new(RefusalCode::Malformed, fault.field, fault.detail)
    })?;
    Ok(Span {
        trace_id: body.trace_id.unwrap_or_default().to_ascii_lowercase(),
        span_id: body.span_id.unwrap_or_default().to_ascii_lowercase(),
        name: body.name.unwrap_or_default(),
        start_nanos: body.start_time_unix_nano.map_or(0, |nanos| nanos.0),
        end_nanos: body.end_time_unix_nano.map_or(0, |nanos| nanos.0),
        has_failed: body.status.and_then(|status| status.code).is_some_and(|code| code.0),
        attributes: body.attributes.unwrap_or_default(),
    })
}

fn parse<'a, T: Deserialize<'a>>(path: &str, json: &'a str) -> Result<T, ApiError> {
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let read = T::deserialize(ByName(&mut deserializer));
    let read = read.and_then(|read| deserializer.end().map(|()| read));
    read.map_err(|error| Fault::new(path, &error.to_string()).into())
}

/// Hands over the items of a list one by one, so that none waits in memory for the others.
fn each<'a>(
    path: &str,
    list: Option<&'a RawValue>,
    take: &mut dyn FnMut(&'a RawValue) -> Result<(), ApiError>,
) -> Result<(), ApiError> {
    struct EachVisitor<'take, 'a> {
        take: &'take mut dyn FnMut(&'a RawValue) -> Result<(), ApiError>,
        stopped: &'take mut Option<ApiError>,
    }
    impl<'a> Visitor<'a> for EachVisitor<'_, 'a> {
        type Value = ();
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a sequence")
        }
        fn visit_unit<E: de::Error>(self) -> Result<(), E> {
            Ok(())
        }
        fn visit_seq<A: SeqAccess<'a>>(self, mut list: A) -> Result<(), A::Error> {
            let mut pace = Pace::default();
            while let Some(item) = list.next_element::<&'a RawValue>()? {
                pace.step();
                if let Err(error) = (self.take)(item) {
                    *self.stopped = Some(error);
                    return Err(de::Error::custom("stopped"));
                }
            }
            Ok(())
        }
    }
    let Some(list) = list else { return Ok(()) };
    let mut stopped = None;
    let visitor = EachVisitor { take, stopped: &mut stopped };
    let read = serde_json::Deserializer::from_str(list.get()).deserialize_any(visitor);
    match (read, stopped) {
        (_, Some(error)) => Err(error),
        (Err(error), None) => Err(Fault::new(path, &error.to_string()).into()),
        (Ok(()), None) => Ok(()),
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Attributes<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AttributesVisitor;
        impl<'de> Visitor<'de> for AttributesVisitor {
            type Value = Attributes<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a sequence")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut attributes = Attributes::default();
                while let Some(KeyValue { key, value }) = list.next_element()? {
                    let (Some(key), Some(value)) = (key, value) else { continue };
                    if is_read(&key) {
                        let Any(value) = serde_json::from_str(value.get())
                            .map_err(|error| de::Error::custom(format!("`{key}`: {error}")))?;
                        attributes.put(&key, value);
                    }
                }
                Ok(attributes)
            }
        }
        deserializer.deserialize_seq(AttributesVisitor)
    }
}

#[derive(Deserialize)]
struct KeyValue<'a> {
    #[serde(borrow)]
    key: Option<Cow<'a, str>>,
    #[serde(borrow)]
    value: Option<&'a RawValue>,
}

/// A value of any kind; lists and maps are not looked into.
struct Any<'a>(Value<'a>);

impl<'de: 'a, 'a> Deserialize<'de> for Any<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnyVisitor;
        impl<'de> Visitor<'de> for AnyVisitor {
            type Value = Any<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value such as {\"stringValue\": \"…\"} or {\"intValue\": \"1\"}")
            }
            fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
                Ok(Any(Value::Other))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut value = Value::Other;
                while let Some(kind) = map.next_key::<Cow<'de, str>>()? {
                    match &*kind {
                        "stringValue" => {
                            let Borrowed(text) = map.next_value()?;
                            value = Value::Text(text);
                        }
                        "intValue" => value = Value::Int(map.next_value::<Whole>()?.0),
                        "doubleValue" => value = Value::Double(map.next_value::<Float>()?.0),
                        "boolValue" => value = Value::Bool(map.next_value()?),
                        _ => drop(map.next_value::<IgnoredAny>()?),
                    }
                }
                Ok(Any(value))
            }
        }
        deserializer.deserialize_any(AnyVisitor)
    }
}

/// A text that is borrowed where it can be.
#[derive(Deserialize)]
struct Borrowed<'a>(#[serde(borrow)] Cow<'a, str>);

/// A number as it is written: as one, or as a text.
enum Number {
    Whole(i128),
    Fraction(f64),
    Text(String),
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NumberVisitor;
        impl Visitor<'_> for NumberVisitor {
            type Value = Number;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number, or a text of one")
            }
            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Number, E> {
                Ok(Number::Whole(number.into()))
            }
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Number, E> {
                Ok(Number::Whole(number.into()))
            }
            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Number, E> {
                Ok(Number::Fraction(number))
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Number, E> {
                Ok(Number::Text(text.to_owned()))
            }
        }
        deserializer.deserialize_any(NumberVisitor)
    }
}

impl Number {
    fn whole<T: TryFrom<i128> + FromStr>(self) -> Result<T, String> {
        match self {
            Self::Whole(number) => {
                T::try_from(number).map_err(|_| format!("{number} is out of range"))
            }
            Self::Fraction(number) => Err(format!("{number} is not a whole number")),
            Self::Text(text) => text.parse().map_err(|_| not_a("whole number", &text)),
        }
    }
}

fn not_a(kind: &str, text: &str) -> String {
    const TEXT_CHARS_MAX: usize = 40;
    let text: String = text.chars().take(TEXT_CHARS_MAX).collect();
    format!("`{text}` is not a {kind}")
}

/// Nanoseconds since 1970.
#[derive(Deserialize)]
#[serde(try_from = "Number")]
struct Nanos(u64);

impl TryFrom<Number> for Nanos {
    type Error = String;

    fn try_from(number: Number) -> Result<Self, String> {
        number.whole().map(Self)
    }
}

/// A whole number.
#[derive(Deserialize)]
#[serde(try_from = "Number")]
struct Whole(i64);

impl TryFrom<Number> for Whole {
    type Error = String;

    fn try_from(number: Number) -> Result<Self, String> {
        number.whole().map(Self)
    }
}

/// A number with a fraction.
#[derive(Deserialize)]
#[serde(try_from = "Number")]
struct Float(f64);

impl TryFrom<Number> for Float {
    type Error = String;

    fn try_from(number: Number) -> Result<Self, String> {
        Ok(Self(match number {
            #[allow(clippy::cast_precision_loss)]
            Number::Whole(number) => number as f64,
            Number::Fraction(number) => number,
            Number::Text(text) => text.parse().map_err(|_| not_a("number", &text))?,
        }))
    }
}

/// Whether a status is that of a failure. Its word is no valid JSON of OTLP's, and is sent all the same.
#[derive(Deserialize)]
#[serde(try_from = "Number")]
struct Code(bool);

impl TryFrom<Number> for Code {
    type Error = String;

    fn try_from(number: Number) -> Result<Self, String> {
        match number {
            Number::Text(word) if word == "STATUS_CODE_ERROR" => Ok(Self(true)),
            Number::Text(word) if word.starts_with("STATUS_CODE_") => Ok(Self(false)),
            number => number.whole::<i32>().map(|code| Self(code == 2)),
        }
    }
}
