//! CloudEvents 1.0: an envelope around an event.
//!
//! `id`, `source`, `time` and `subject` of the envelope are those of the event; `data` holds the
//! rest of it.

use axum::http::HeaderMap;
use chrono::{DateTime, Utc};
use compact_str::CompactString;
use outlay_domain::usage::{EventDraft, Refusal, RefusalCode};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;

use super::event_body::{EventBody, parse_time, without_blanks};
use crate::by_name::ByName;
use crate::malformed::Fault;

/// An opened envelope.
#[derive(Debug)]
pub struct CloudEvent<'a> {
    id: CompactString,
    source: CompactString,
    subject: Option<CompactString>,
    time: Option<DateTime<Utc>>,
    data: EventBody<'a>,
}

impl CloudEvent<'_> {
    /// The id of the envelope.
    pub fn id(&self) -> CompactString {
        self.id.clone()
    }

    /// The hold that the event captures, as its data says.
    pub fn hold(&self) -> Option<CompactString> {
        self.data.hold()
    }

    /// The draft of the event; what the envelope says wins over the data.
    pub fn draft(self, account: &CompactString) -> Result<EventDraft, Refusal> {
        let mut draft = self.data.draft(account)?;
        without_blanks("subject", self.subject.as_deref().unwrap_or_default())?;
        draft.id = self.id;
        draft.source = self.source;
        draft.subject = self.subject.or(draft.subject);
        draft.occurred_at = self.time.or(draft.occurred_at);
        Ok(draft)
    }
}

/// The JSON form of an envelope; extension attributes are allowed and not kept.
#[derive(Debug, Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, default)]
    id: Cow<'a, str>,
    #[serde(borrow, default)]
    source: Cow<'a, str>,
    #[serde(borrow, default)]
    specversion: Cow<'a, str>,
    #[serde(borrow, default, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    subject: Option<Cow<'a, str>>,
    #[serde(borrow)]
    time: Option<Cow<'a, str>>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    #[serde(borrow)]
    data_base64: Option<Cow<'a, str>>,
}

/// Opens an envelope in JSON. A refusal comes with the id, where there is one.
pub fn structured(json: &str) -> Result<CloudEvent<'_>, (CompactString, Refusal)> {
    let envelope = envelope(json).map_err(|refusal| (CompactString::default(), refusal))?;
    let id = CompactString::from(&*envelope.id);
    let open = || {
        check(&envelope.id, &envelope.source, &envelope.specversion, &envelope.kind)?;
        if envelope.data_base64.is_some() {
            return Err(malformed("data_base64", "send the event as JSON in `data`"));
        }
        let data = envelope.data.ok_or_else(|| missing("data"))?;
        Ok(CloudEvent {
            id: id.clone(),
            source: envelope.source.as_ref().into(),
            subject: envelope.subject.as_deref().map(Into::into),
            time: envelope.time.as_deref().map(time).transpose()?,
            data: EventBody::parse(data.get()).map_err(in_data)?,
        })
    };
    open().map_err(|refusal| (id.clone(), refusal))
}

fn envelope(json: &str) -> Result<Envelope<'_>, Refusal> {
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let read = serde_path_to_error::deserialize(ByName(&mut deserializer))
        .map_err(|error| Fault::new(&error.path().to_string(), &error.inner().to_string()));
    let read = read.and_then(|envelope| {
        deserializer.end().map(|()| envelope).map_err(|error| Fault::new("", &error.to_string()))
    });
    read.map_err(|fault| malformed(&fault.field, format!("{}; send a CloudEvent", fault.detail)))
}

/// Opens an envelope in `ce-` headers around a JSON body.
pub fn binary<'a>(headers: &HeaderMap, body: &'a str) -> Result<CloudEvent<'a>, Refusal> {
    let said = |name: &str| {
        let value = headers.get(format!("ce-{name}"))?.to_str().ok()?;
        Some(percent_decoded(value))
    };
    let id = said("id").unwrap_or_default();
    let source = said("source").unwrap_or_default();
    check(
        &id,
        &source,
        &said("specversion").unwrap_or_default(),
        &said("type").unwrap_or_default(),
    )
    .map_err(|mut refusal| {
        refusal.field = format!("ce-{}", refusal.field).into();
        refusal
    })?;
    Ok(CloudEvent {
        id: id.into(),
        source: source.into(),
        subject: said("subject").map(Into::into),
        time: said("time").as_deref().map(time).transpose()?,
        data: EventBody::parse(body)?,
    })
}

fn check(id: &str, source: &str, specversion: &str, kind: &str) -> Result<(), Refusal> {
    for (field, text) in [("id", id), ("source", source), ("type", kind)] {
        if text.is_empty() {
            return Err(missing(field));
        }
    }
    match specversion {
        "1.0" => Ok(()),
        "" => Err(missing("specversion")),
        other => Err(malformed("specversion", format!("`{other}` is not 1.0"))),
    }
}

fn time(text: &str) -> Result<DateTime<Utc>, Refusal> {
    parse_time(text).ok_or_else(|| malformed("time", format!("`{text}` is not an RFC 3339 time")))
}

fn in_data(mut refusal: Refusal) -> Refusal {
    refusal.field = match refusal.field.as_str() {
        "" => "data".into(),
        field => format!("data.{field}").into(),
    };
    refusal
}

fn missing(field: &str) -> Refusal {
    Refusal::new(RefusalCode::Missing, field, "a CloudEvent must have it")
}

fn malformed(field: &str, detail: impl Into<String>) -> Refusal {
    Refusal::new(RefusalCode::Malformed, field, detail)
}

/// Header values of CloudEvents are percent-encoded where they leave ASCII.
fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let hex = |byte: u8| char::from(byte).to_digit(16);
        match (first, tail) {
            (b'%', [high, low, after @ ..]) if hex(*high).is_some() && hex(*low).is_some() => {
                let value = hex(*high).unwrap_or(0) * 16 + hex(*low).unwrap_or(0);
                bytes.push(u8::try_from(value).unwrap_or(b'?'));
                rest = after;
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_envelope_says_who_and_when() {
        let event = structured(
            r#"{"specversion":"1.0","id":"e-1","source":"/apps/search","type":"llm.call","subject":"key-7",
                "time":"2026-11-20T12:00:00Z","traceparent":"00-1","data":{"provider":"openai","model":"gpt-4o"}}"#,
        )
        .unwrap();

        let draft = event.draft(&"acme".into()).unwrap();

        assert_eq!((draft.id.as_str(), draft.source.as_str()), ("e-1", "/apps/search"));
        assert_eq!(draft.subject.as_deref(), Some("key-7"));
        assert_eq!(draft.account, "acme");
        assert!(draft.occurred_at.is_some());
    }

    #[test]
    fn an_envelope_without_what_it_needs_is_refused_with_its_id() {
        let refused = |json| {
            let (id, refusal) = structured(json).unwrap_err();
            (id.to_string(), refusal.field.to_string())
        };

        assert_eq!(
            refused(r#"{"id":"a","source":"s","type":"t","data":{}}"#),
            ("a".into(), "specversion".into())
        );
        assert_eq!(
            refused(r#"{"id":"a","source":"s","type":"t","specversion":"1.0"}"#),
            ("a".into(), "data".into())
        );
        assert_eq!(
            refused(r#"{"id":"a","source":"s","type":"t","specversion":"1.0","data":{"model":1}}"#),
            ("a".into(), "data.model".into())
        );
        for json in ["[1]", "[\"a\"]", "7"] {
            let (_, refusal) = structured(json).unwrap_err();
            assert!(refusal.detail.starts_with("must be an object with fields, not"), "{refusal}");
        }
        assert_eq!(refused(r#"{"id":7}"#), (String::new(), "id".into()));
    }

    #[test]
    fn header_values_may_be_percent_encoded() {
        assert_eq!(percent_decoded("Euro%20%E2%82%AC%zz%"), "Euro €%zz%");
    }
}
