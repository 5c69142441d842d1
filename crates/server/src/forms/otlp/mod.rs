//! Traces as OpenTelemetry sends them (OTLP), in protobuf and in JSON.
//!
//! Spans that are calls to a model become usage events, by the conventions for generative AI, their
//! older names, and the words of the frameworks that have their own. Everything else is stepped over: it
//! is read where it lies, and nothing of it is kept.

mod answer;
mod attributes;
mod draft;
mod json;
mod protobuf;
mod schema;
mod wire;

use std::borrow::Cow;
use std::fmt::Write;

use axum::http::{HeaderMap, StatusCode, header};
use compact_str::CompactString;
use outlay_domain::usage::{EventDraft, Refusal};

pub use answer::{Answer, RpcStatus};
use attributes::Attributes;
use draft::Drafted;
pub use schema::TracesSchema;

use crate::error::ApiError;

/// Calls to models in one request, at most. Other spans are not counted.
pub const CALLS_MAX: usize = 10_000;

/// How a request and its answer are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// `application/x-protobuf`.
    Protobuf,
    /// `application/json`.
    Json,
}

impl Encoding {
    /// What the headers of a request say.
    pub fn of(headers: &HeaderMap) -> Result<Self, ApiError> {
        let said = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let kind = said.and_then(|said| said.split(';').next()).unwrap_or("").trim();
        match kind.to_ascii_lowercase().as_str() {
            "application/x-protobuf" | "application/protobuf" => Ok(Self::Protobuf),
            "application/json" => Ok(Self::Json),
            other => {
                let detail = format!("`{other}` is not a type of traces");
                Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported", detail)
                    .at("Content-Type")
                    .mend("send application/x-protobuf or application/json"))
            }
        }
    }

    /// The name of it.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Protobuf => "application/x-protobuf",
            Self::Json => "application/json",
        }
    }
}

/// A span, as far as it matters here.
#[derive(Debug, Default)]
struct Span<'a> {
    trace_id: String,
    span_id: String,
    name: Cow<'a, str>,
    start_nanos: u64,
    end_nanos: u64,
    has_failed: bool,
    attributes: Attributes<'a>,
}

/// What was read of a request.
#[derive(Debug)]
pub struct Traces<'c> {
    /// The calls.
    pub drafts: Vec<EventDraft>,
    /// What could not be read.
    pub rejected: Rejected,
    /// The caller's own account, which pays for calls that name none.
    account: &'c CompactString,
    /// What the drafts may take in memory yet: what a resource says is said again in each of them.
    bytes_left: usize,
}

impl<'c> Traces<'c> {
    /// Reads a request of which the drafts may take up to `bytes_max`.
    pub fn read(
        body: &[u8],
        encoding: Encoding,
        account: &'c CompactString,
        bytes_max: usize,
    ) -> Result<Self, ApiError> {
        let mut traces = Self {
            drafts: Vec::new(),
            rejected: Rejected::default(),
            account,
            bytes_left: bytes_max,
        };
        match encoding {
            Encoding::Protobuf => protobuf::read(body, &mut traces)?,
            Encoding::Json => {
                let body = std::str::from_utf8(body)
                    .map_err(|error| malformed(format!("the body is not UTF-8: {error}")))?;
                json::read(body, &mut traces)?;
            }
        }
        Ok(traces)
    }

    /// Takes a span up, where it is a call.
    fn take(
        &mut self,
        resource: &Attributes<'_>,
        span: Result<Span<'_>, Refusal>,
    ) -> Result<(), ApiError> {
        let span = match span {
            Ok(span) => span,
            Err(refusal) => {
                self.rejected.add("", &refusal);
                return Ok(());
            }
        };
        match draft::of(&span, resource, self.account) {
            Ok(Drafted::Call(draft)) => self.keep(*draft)?,
            Ok(Drafted::Nothing) => {}
            Ok(Drafted::Unknown(operation)) => self.rejected.warn(&operation),
            Err(refusal) => self.rejected.add(&span.span_id, &refusal),
        }
        Ok(())
    }

    fn keep(&mut self, draft: EventDraft) -> Result<(), ApiError> {
        if self.drafts.len() == CALLS_MAX {
            return Err(too_large(format!(
                "the request has more than {CALLS_MAX} calls to models"
            )));
        }
        let left = self.bytes_left.checked_sub(draft::size_bytes(&draft));
        self.bytes_left = left.ok_or_else(|| {
            too_large("the calls to models take too much memory, each with its resource's".into())
        })?;
        self.drafts.push(draft);
        Ok(())
    }
}

/// Spans that are not kept, and why.
#[derive(Debug, Default)]
pub struct Rejected {
    /// How many.
    pub count: u64,
    text: String,
}

/// Bytes of what is said of them together, at most.
const TEXT_BYTES_MAX: usize = 2 * 1024;

impl Rejected {
    /// One that is refused.
    pub fn add(&mut self, span_id: &str, refusal: &Refusal) {
        self.count += 1;
        let field = match refusal.field.as_str() {
            "" => String::new(),
            field => format!("{field}: "),
        };
        self.say(&format!("span {span_id}: {field}{}", refusal.detail));
    }

    /// One with tokens that is no error, and does not count: what it stands for is not known.
    fn warn(&mut self, operation: &str) {
        self.say(&format!(
            "spans of operation `{operation}` have tokens and do not count, because it is not known \
             whether they are calls to a model; calls are `chat`, `text_completion`, \
             `generate_content` and `embeddings`"
        ));
    }

    fn say(&mut self, what: &str) {
        let what = &what[..what.floor_char_boundary(TEXT_BYTES_MAX / 4)];
        if self.text.len() + what.len() <= TEXT_BYTES_MAX && !self.text.contains(what) {
            let joint = if self.text.is_empty() { "" } else { "; " };
            let _ = write!(self.text, "{joint}{what}");
        }
    }

    /// What is said of them.
    pub fn text(&self) -> &str {
        &self.text
    }
}

fn malformed(detail: impl Into<String>) -> ApiError {
    ApiError::bad_request("malformed", "body", detail)
        .mend("send what an exporter of OpenTelemetry sends over http/protobuf or http/json")
}

fn too_large(detail: String) -> ApiError {
    ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", detail)
        .at("body")
        .mend("send less at once, e.g. with OTEL_BSP_MAX_EXPORT_BATCH_SIZE or send_batch_max_size")
}

#[cfg(test)]
mod tests;
