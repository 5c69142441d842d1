//! How an event is described in the OpenAPI document. The reader itself is in `event_body.rs`.

use std::collections::BTreeMap;

use outlay_domain::Quantity;
use serde::Serialize;
use utoipa::ToSchema;

/// One usage event.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = UsageEvent)]
pub struct EventSchema {
    /// The sender's name for the event, unique within its source. With the source it is the key
    /// by which a repeat is known.
    #[schema(min_length = 1, max_length = 256, example = "req_8f14e45f")]
    id: String,
    /// Who sends.
    #[schema(required = false, max_length = 256, default = "api", example = "search-service")]
    source: String,
    /// When it was used: RFC 3339, or seconds since 1970. The time of receipt when absent; refused
    /// before 2000 and more than 24 hours ahead.
    #[schema(example = "2026-11-20T12:00:00Z")]
    occurred_at: Option<String>,
    /// Who pays; the caller's own account when absent. Letter case tells accounts apart; blanks at
    /// either end are refused.
    #[schema(required = false, max_length = 256, example = "acme")]
    account: String,
    /// Who or what used it, without blanks at either end.
    #[schema(max_length = 256, example = "user-42")]
    subject: Option<String>,
    /// Who was paid. A provider, a service or a cost must be given.
    #[schema(max_length = 256, example = "openai")]
    provider: Option<String>,
    /// Which model or product, as the provider names it.
    #[schema(max_length = 256, example = "gpt-4o-mini")]
    model: Option<String>,
    /// What was done.
    #[schema(max_length = 256, example = "chat")]
    operation: Option<String>,
    /// Which service of yours, or which outside service.
    #[schema(max_length = 256, example = "search")]
    service: Option<String>,
    /// `ok`, `error`, `cancelled`, `blocked`, or an HTTP status code.
    #[schema(example = "ok")]
    status: Option<String>,
    /// How long it took, in milliseconds; fractions are kept to the microsecond.
    #[schema(minimum = 0.0, example = 812.5)]
    duration_ms: Option<f64>,
    /// How much was used, by meter, at most 32. Token classes are disjoint: cached input is not
    /// part of `input_tokens`, reasoning not part of `output_tokens`. Known meters: `requests` (1
    /// when absent), `input_tokens`, `output_tokens`, `cache_read_tokens`,
    /// `cache_write_5m_tokens`, `cache_write_1h_tokens`, `reasoning_tokens`,
    /// `input_audio_tokens`, `output_audio_tokens`, `cache_read_audio_tokens`,
    /// `input_image_tokens`, `output_image_tokens`, `images`, `seconds`, `characters`, `pages`,
    /// `searches`; any other name is a meter of your own. Not negative; `seconds` and your own
    /// meters may have six decimals, the others are whole. `null` is not said, as if it were left
    /// out: a call that was served, says nothing of what it used and has no price as such is unpriced.
    #[schema(required = false, example = json!({"input_tokens": 1200, "output_tokens": 310}))]
    quantities: BTreeMap<String, Quantity>,
    /// The named attributes to group by; they may also stand beside the other fields.
    #[schema(required = false)]
    dimensions: DimensionsSchema,
    /// Free attributes to group by: at most 32, keys of 64 and values of 256 bytes.
    #[schema(required = false, example = json!({"feature": "autocomplete"}))]
    tags: BTreeMap<String, String>,
    /// What the provider or you say it cost, a decimal with at most nine places. It is charged as
    /// it is.
    #[schema(example = "0.0125")]
    cost: Option<String>,
    /// Anything else: a JSON object of at most 8 KiB, kept and not searched.
    #[schema(value_type = Option<Object>)]
    metadata: Option<serde_json::Value>,
    /// What was held for it, as `authorize` told it: the charge and the capture are then one act.
    #[schema(max_length = 64, example = "h17-204")]
    hold: Option<String>,
}

/// The named attributes of an event.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Dimensions)]
pub struct DimensionsSchema {
    /// A team.
    #[schema(max_length = 256)]
    team: Option<String>,
    /// A project.
    #[schema(max_length = 256)]
    project: Option<String>,
    /// A platform.
    #[schema(max_length = 256, example = "web")]
    platform: Option<String>,
    /// An environment.
    #[schema(max_length = 256, example = "production")]
    environment: Option<String>,
}
