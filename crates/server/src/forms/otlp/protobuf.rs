//! Traces in protobuf.

use outlay_domain::usage::{Refusal, RefusalCode};

use super::attributes::{Attributes, Value, is_read};
use super::wire::{Fields, Wire};
use super::{Span, Traces, malformed};
use crate::error::ApiError;

/// Reads `ExportTraceServiceRequest`.
pub fn read(body: &[u8], traces: &mut Traces<'_>) -> Result<(), ApiError> {
    for field in Fields::of(body) {
        if let (1, group) = field.map_err(broken)? {
            read_group(group.bytes("resource_spans").map_err(broken)?, traces)?;
        }
    }
    Ok(())
}

/// Reads `ResourceSpans`: what is said of the resource first, wherever it stands.
fn read_group(group: &[u8], traces: &mut Traces<'_>) -> Result<(), ApiError> {
    let mut resource = Attributes::default();
    for field in Fields::of(group) {
        if let (1, said) = field.map_err(broken)? {
            read_resource(said, &mut resource).map_err(broken)?;
        }
    }
    for field in Fields::of(group) {
        if let (2, scope) = field.map_err(broken)? {
            for field in Fields::of(scope.bytes("scope_spans").map_err(broken)?) {
                if let (2, span) = field.map_err(broken)? {
                    let span = span.bytes("spans").map_err(broken)?;
                    traces.take(&resource, read_span(span))?;
                }
            }
        }
    }
    Ok(())
}

fn read_resource<'a>(said: Wire<'a>, resource: &mut Attributes<'a>) -> Result<(), String> {
    for field in Fields::of(said.bytes("resource")?) {
        if let (1, attribute) = field? {
            read_attribute(attribute.bytes("attributes")?, resource)?;
        }
    }
    Ok(())
}

/// Reads `Span`. What is wrong with one is no other's fault: where it ends was said before it.
fn read_span(bytes: &[u8]) -> Result<Span<'_>, Refusal> {
    let mut span = Span::default();
    let bad = |error: String| Refusal::new(RefusalCode::Malformed, "", error);
    for field in Fields::of(bytes) {
        match field.map_err(bad)? {
            (1, id) => span.trace_id = hex(id.bytes("trace_id").map_err(bad)?),
            (2, id) => span.span_id = hex(id.bytes("span_id").map_err(bad)?),
            (5, name) => span.name = text(name.bytes("name").map_err(bad)?),
            (7, time) => span.start_nanos = time.fixed64("start_time_unix_nano").map_err(bad)?,
            (8, time) => span.end_nanos = time.fixed64("end_time_unix_nano").map_err(bad)?,
            (9, attribute) => {
                let attribute = attribute.bytes("attributes").map_err(bad)?;
                read_attribute(attribute, &mut span.attributes).map_err(bad)?;
            }
            (15, status) => {
                for field in Fields::of(status.bytes("status").map_err(bad)?) {
                    if let (3, code) = field.map_err(bad)? {
                        span.has_failed = code.varint("status.code").map_err(bad)? == 2;
                    }
                }
            }
            _ => {}
        }
    }
    Ok(span)
}

/// Reads `KeyValue`.
fn read_attribute<'a>(bytes: &'a [u8], attributes: &mut Attributes<'a>) -> Result<(), String> {
    let (mut key, mut value): (&[u8], Option<&[u8]>) = (&[], None);
    for field in Fields::of(bytes) {
        match field? {
            (1, said) => key = said.bytes("key")?,
            (2, said) => value = Some(said.bytes("value")?),
            _ => {}
        }
    }
    let Ok(key) = std::str::from_utf8(key) else { return Ok(()) };
    if let Some(value) = value.filter(|_| is_read(key)) {
        let value = read_value(value).map_err(|error| format!("`{key}`: {error}"))?;
        attributes.put(key, value);
    }
    Ok(())
}

/// Reads `AnyValue`; lists and maps within are not looked into.
fn read_value(bytes: &[u8]) -> Result<Value<'_>, String> {
    let mut value = Value::Other;
    for field in Fields::of(bytes) {
        value = match field? {
            (1, said) => match std::str::from_utf8(said.bytes("string_value")?) {
                Ok(text) => Value::Text(text.into()),
                Err(error) => return Err(format!("is not UTF-8: {error}")),
            },
            (2, said) => Value::Bool(said.varint("bool_value")? != 0),
            (3, said) => Value::Int(said.varint("int_value")?.cast_signed()),
            (4, said) => Value::Double(f64::from_bits(said.fixed64("double_value")?)),
            (5..=7, _) => Value::Other,
            _ => value,
        };
    }
    Ok(value)
}

/// The text of a name, as far as it is one.
fn text(bytes: &[u8]) -> std::borrow::Cow<'_, str> {
    std::str::from_utf8(bytes).unwrap_or_default().into()
}

/// An id in the digits that it is written with everywhere else. One of another length is no id, and
/// need not be written out to say so.
fn hex(id: &[u8]) -> String {
    use std::fmt::Write;
    const ID_BYTES_MAX: usize = 32;
    let mut digits = String::with_capacity(32);
    for byte in id.iter().take(ID_BYTES_MAX) {
        let _ = write!(digits, "{byte:02x}");
    }
    digits
}

fn broken(error: String) -> ApiError {
    malformed(format!("the body is no ExportTraceServiceRequest: {error}"))
}
