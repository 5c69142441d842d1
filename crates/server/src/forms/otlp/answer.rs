//! What exporters are answered, in the encoding in which they asked.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::wire::Message;
use super::{Encoding, Rejected};
use crate::error::ApiError;

/// What became of a request's spans.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ExportTraceAnswer)]
pub struct Answer {
    /// There where spans were rejected, or where there is something to say.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    partial_success: Option<PartialSuccess>,
}

/// The spans that were not kept. Those that are no calls to a model are none of them.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PartialSuccess {
    /// How many, in digits.
    #[serde(serialize_with = "digits")]
    #[schema(value_type = String)]
    rejected_spans: u64,
    /// Why.
    error_message: String,
}

fn digits<S: serde::Serializer>(number: &u64, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(number)
}

impl Answer {
    /// An answer that says which spans were not kept.
    pub fn of(rejected: &Rejected) -> Self {
        let is_said = rejected.count > 0 || !rejected.text().is_empty();
        Self {
            partial_success: is_said.then(|| PartialSuccess {
                rejected_spans: rejected.count,
                error_message: rejected.text().to_owned(),
            }),
        }
    }

    /// The answer, as it is sent.
    pub fn send(&self, encoding: Encoding) -> Response {
        let body = match encoding {
            Encoding::Json => json!(self).to_string().into_bytes(),
            Encoding::Protobuf => match &self.partial_success {
                None => Vec::new(),
                Some(partial) => {
                    let inner = Message::default()
                        .number(1, partial.rejected_spans)
                        .bytes(2, partial.error_message.as_bytes());
                    Message::default().bytes(1, &inner.done()).done()
                }
            },
        };
        in_kind(body, encoding)
    }
}

/// A refusal, as OTLP has it: `google.rpc.Status`.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = OtlpStatus)]
pub struct RpcStatus {
    /// A code of gRPC.
    #[schema(example = 3)]
    code: u8,
    /// What is wrong and what to do, for people.
    message: String,
}

impl RpcStatus {
    /// The same refusal in OTLP's words.
    pub fn of(error: &ApiError) -> Self {
        let field = error.field.as_deref().filter(|field| *field != "body");
        let field = field.map(|field| format!("{field}: ")).unwrap_or_default();
        let remedy = error.remedy.as_deref();
        let remedy = remedy.map(|remedy| format!("; {remedy}")).unwrap_or_default();
        Self { code: code(error.status), message: format!("{field}{}{remedy}", error.detail) }
    }

    /// The refusal, as it is sent.
    pub fn send(&self, status: StatusCode, encoding: Encoding) -> Response {
        let body = match encoding {
            Encoding::Json => json!(self).to_string().into_bytes(),
            Encoding::Protobuf => Message::default()
                .number(1, self.code.into())
                .bytes(2, self.message.as_bytes())
                .done(),
        };
        (status, in_kind(body, encoding)).into_response()
    }
}

fn in_kind(body: Vec<u8>, encoding: Encoding) -> Response {
    let kind = HeaderValue::from_static(encoding.content_type());
    ([(header::CONTENT_TYPE, kind)], body).into_response()
}

/// gRPC's code for a status of HTTP.
const fn code(status: StatusCode) -> u8 {
    match status.as_u16() {
        401 => 16,
        403 => 7,
        404 => 5,
        405 => 12,
        408 | 504 => 4,
        409 => 10,
        413 | 429 => 8,
        503 => 14,
        500..=599 => 13,
        _ => 3,
    }
}
