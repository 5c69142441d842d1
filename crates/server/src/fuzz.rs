//! Every parser that reads what strangers write, as a function of bytes.
//!
//! Each reads anything without panicking, within a time that grows with the input. The tests run
//! them for seconds, `fuzz/` for as long as one likes.

use std::io::Cursor;

use axum::extract::Query;
use axum::http::Uri;
use chrono::DateTime;
use compact_str::CompactString;
use outlay_domain::providers::{Call, Evidence, measure};
use outlay_engine::import::lines::LineReader;
use outlay_engine::import::money::DecimalMark;
use outlay_engine::import::record::Options;
use outlay_engine::import::table::TableReader;
use outlay_engine::import::{Zone, unpack};
use serde_json::Value;

use crate::api::usage;
use crate::forms::cloud_events;
use crate::forms::event_body::EventBody;
use crate::forms::otlp::{Encoding, Traces};
use crate::forms::usage_params;

/// Reads anything, and answers nothing.
pub type Target = fn(&[u8]);

/// The parsers by name, each with its seeds in `fuzz/seeds/NAME`.
pub const TARGETS: [(&str, Target); 10] = [
    ("event", event),
    ("cloud_event", cloud_event),
    ("otlp_protobuf", otlp_protobuf),
    ("otlp_json", otlp_json),
    ("response", response),
    ("stream", stream),
    ("lines", lines),
    ("table", table),
    ("question", question),
    ("prices", prices),
];

/// Runs the target of that name; `fuzz/` calls it.
///
/// # Panics
///
/// When there is none of that name.
pub fn run(name: &str, bytes: &[u8]) {
    let (_, target) = TARGETS.iter().find(|(known, _)| *known == name).expect("a listed target");
    target(bytes);
}

/// One usage event as JSON.
fn event(bytes: &[u8]) {
    let Ok(json) = std::str::from_utf8(bytes) else { return };
    if let Ok(draft) = EventBody::parse(json).and_then(|body| body.draft(&ACCOUNT)) {
        let _ = draft.accept(DateTime::UNIX_EPOCH);
    }
}

/// One usage event in a CloudEvents envelope.
fn cloud_event(bytes: &[u8]) {
    let Ok(json) = std::str::from_utf8(bytes) else { return };
    if let Ok(event) = cloud_events::structured(json)
        && let Ok(draft) = event.draft(&ACCOUNT)
    {
        let _ = draft.accept(DateTime::UNIX_EPOCH);
    }
}

/// A request of an exporter of traces, in protobuf.
fn otlp_protobuf(bytes: &[u8]) {
    traces(bytes, Encoding::Protobuf);
}

/// The same in OTLP's JSON.
fn otlp_json(bytes: &[u8]) {
    traces(bytes, Encoding::Json);
}

fn traces(bytes: &[u8], encoding: Encoding) {
    if let Ok(traces) = Traces::read(bytes, encoding, &ACCOUNT, TRACES_BYTES_MAX) {
        for draft in traces.drafts {
            let _ = draft.accept(DateTime::UNIX_EPOCH);
        }
    }
}

/// What the calls in a request may take.
const TRACES_BYTES_MAX: usize = 1 << 20;

/// Who pays for events that name nobody.
const ACCOUNT: CompactString = CompactString::const_new("default");

/// The body of a provider's answer.
fn response(bytes: &[u8]) {
    let Ok(body) = serde_json::from_slice::<Value>(bytes) else { return };
    for provider in PROVIDERS {
        let call = Call { provider, request: Some(&body), ..Call::default() };
        let _ = measure(&call, Evidence::Response(&body));
        let _ = measure(&call, Evidence::Usage(&body));
    }
}

/// The text of a provider's stream.
fn stream(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for provider in PROVIDERS {
        let _ = measure(&Call { provider, ..Call::default() }, Evidence::Stream(&text));
    }
}

/// Whose answers are read by rules of their own, and nobody's.
const PROVIDERS: [Option<&str>; 7] = [
    None,
    Some("openai"),
    Some("anthropic"),
    Some("google"),
    Some("bedrock"),
    Some("cohere"),
    Some("ollama"),
];

/// An import of lines of JSON, packed or not.
fn lines(bytes: &[u8]) {
    let Ok(input) = unpack::unpack(Cursor::new(bytes.to_vec())) else { return };
    let Some(options) = options() else { return };
    let Ok(reader) = LineReader::new(input, options) else { return };
    let _ = reader.take_while(Result::is_ok).count();
}

/// An import of a table, packed or not.
fn table(bytes: &[u8]) {
    let Ok(input) = unpack::unpack(Cursor::new(bytes.to_vec())) else { return };
    let Some(options) = options() else { return };
    let Ok(reader) = TableReader::new(input, None, options) else { return };
    let _ = reader.take_while(Result::is_ok).count();
}

fn options() -> Option<Options> {
    Some(Options {
        source: "import".into(),
        account: None,
        zone: Zone::named("Europe/Berlin").ok()?,
        mark: DecimalMark::Comma,
        map: vec![("occurred_at".into(), "Datum".into()), ("cost".into(), "Kosten".into())],
    })
}

/// What stands behind the `?` of a question about usage.
fn question(bytes: &[u8]) {
    let path = [b"/?", bytes].concat();
    let Ok(uri) = Uri::try_from(path) else { return };
    let Ok(Query(pairs)) = Query::try_from_uri(&uri) else { return };
    if let Ok(parameters) = usage_params::Parameters::new(pairs, &usage::SERIES) {
        let _ = parameters.question();
        let _ = parameters.filters();
    }
}

/// A file of prices, in each form that is read.
fn prices(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for source in ["litellm", "genai-prices"] {
        let _ = outlay_engine::prices::import::read(source, &text);
    }
}
