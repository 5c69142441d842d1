//! A request in OTLP's JSON, as the API's document describes it: the fields that are read.

#![allow(dead_code, reason = "the document is made from it, and nothing else")]

use serde_json::Value;
use utoipa::ToSchema;

/// Traces, as OpenTelemetry's exporters send them. Fields that are not named here are passed over.
#[derive(ToSchema)]
#[schema(as = ExportTraceRequest, rename_all = "camelCase")]
pub struct TracesSchema {
    /// Spans by where they come from.
    resource_spans: Vec<ResourceSpans>,
}

/// Spans of one resource.
#[derive(ToSchema)]
#[schema(as = OtlpResourceSpans, rename_all = "camelCase")]
struct ResourceSpans {
    /// What is said of the program, `service.name` above all.
    resource: Option<Resource>,
    /// Spans by the library that made them.
    scope_spans: Option<Vec<ScopeSpans>>,
}

/// Where spans come from.
#[derive(ToSchema)]
#[schema(as = OtlpResource)]
struct Resource {
    /// What is said of it.
    attributes: Option<Vec<Attribute>>,
}

/// Spans of one library.
#[derive(ToSchema)]
#[schema(as = OtlpScopeSpans)]
struct ScopeSpans {
    /// The spans.
    spans: Option<Vec<Span>>,
}

/// A span.
#[derive(ToSchema)]
#[schema(as = OtlpSpan, rename_all = "camelCase")]
struct Span {
    /// 32 hexadecimal digits.
    trace_id: Option<String>,
    /// 16 hexadecimal digits.
    span_id: Option<String>,
    /// Its name.
    name: Option<String>,
    /// Nanoseconds since 1970, in digits.
    start_time_unix_nano: Option<String>,
    /// Nanoseconds since 1970, in digits.
    end_time_unix_nano: Option<String>,
    /// What is said of it.
    attributes: Option<Vec<Attribute>>,
    /// How it ended; its `code` is 2 where it failed.
    #[schema(value_type = Option<Object>)]
    status: Option<Value>,
}

/// What is said of something.
#[derive(ToSchema)]
#[schema(as = OtlpAttribute)]
struct Attribute {
    /// Its name, e.g. `gen_ai.usage.input_tokens`.
    key: String,
    /// One of `stringValue`, `intValue`, `doubleValue` and `boolValue`; others are passed over.
    #[schema(value_type = Object)]
    value: Value,
}
