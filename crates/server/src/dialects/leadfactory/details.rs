//! One operation, as LeadFactory's costs are listed.

use chrono_tz::Tz;
use outlay_domain::usage::{Fact, Meter, UsageEvent};
use serde_json::{Map, Value, json};

use super::wire::{dollars, local, name};

/// A transaction with the details that its row had.
pub fn with_details(fact: &Fact, tz: Tz) -> Value {
    let mut row = transaction(fact, tz);
    let details = details(&fact.event);
    if let (Some(row), false) = (row.as_object_mut(), details.is_empty()) {
        row.insert("details".into(), details.into());
    }
    row
}

/// A transaction.
pub fn transaction(fact: &Fact, tz: Tz) -> Value {
    let event = &fact.event;
    json!({
        "timestamp": local(event.occurred_at, tz),
        "service": name(event.service.as_deref()),
        "operation": name(event.operation.as_deref()),
        "amount": dollars(fact.charge.amount.map_or(0, |amount| amount.nanos().into())),
    })
}

/// What a row's details said, put together again from where the importer put it.
fn details(event: &UsageEvent) -> Map<String, Value> {
    let mut details = match event.metadata.as_deref().map(serde_json::from_str) {
        Some(Ok(Value::Object(metadata))) => metadata,
        _ => Map::new(),
    };
    let mut tokens = 0;
    for (meter, quantity) in event.quantities.iter().filter(|(meter, _)| **meter != Meter::Requests)
    {
        tokens += if meter.is_tokens() { quantity.whole() } else { 0 };
        details.insert(meter.name().to_owned(), json!(quantity));
    }
    if tokens > 0 {
        details.entry("total_tokens").or_insert(tokens.into());
    }
    if let Some(model) = event.model.as_deref()
        && tokens > 0
    {
        details.insert("model".into(), model.into());
        let operation = event.operation.as_deref().unwrap_or_default();
        if let Some(rest) = operation.strip_prefix(model).and_then(|rest| rest.strip_prefix('_')) {
            details.entry("operation").or_insert(rest.into());
        }
    }
    if let Some(micros) = event.duration_us {
        // Durations are no money.
        #[allow(clippy::cast_precision_loss)]
        details.insert("request_duration".into(), json!(micros as f64 / 1e6));
    }
    for (key, value) in event.tags.iter().filter(|(key, _)| *key != "batch_id") {
        let value = value.parse::<i64>().map_or_else(|_| value.into(), Value::from);
        details.insert(key.to_owned(), value);
    }
    details
}
