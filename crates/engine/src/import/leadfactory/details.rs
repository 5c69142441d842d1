//! The `details` of a row: JSON that says tokens, model, business and whatever else.

use compact_str::{CompactString, ToCompactString};
use outlay_domain::Quantity;
use outlay_domain::usage::{EventDraft, METADATA_BYTES_MAX, Meter, Status, TAG_VALUE_BYTES_MAX};
use serde_json::{Map, Value, json};

/// Keys by which people group.
const TAGS: [&str; 2] = ["business_id", "lead_id"];

/// Moves what `details` says into the fields of `draft`, and the rest into its metadata.
pub fn absorb(draft: &mut EventDraft, details: &str) {
    match serde_json::from_str::<Value>(details) {
        Ok(Value::Object(object)) => absorb_object(draft, object),
        _ => keep(draft, Map::from_iter([("details".to_owned(), details.into())])),
    }
}

fn absorb_object(draft: &mut EventDraft, object: Map<String, Value>) {
    let mut rest = Map::new();
    for (key, value) in object {
        if !absorb_value(draft, &key, &value) {
            rest.insert(key, value);
        }
    }
    if rest.get("total_tokens").is_some_and(|total| total.as_i64() == tokens(draft)) {
        rest.remove("total_tokens");
    }
    if let (Some(model), Some(Value::String(operation))) = (&draft.model, rest.get("operation")) {
        // The tracker joins both into the row's own operation.
        if draft.operation.as_deref() == Some(&format!("{model}_{operation}")) {
            rest.remove("operation");
        }
    }
    keep(draft, rest);
}

/// Takes one value into a field; answers whether it found a place.
fn absorb_value(draft: &mut EventDraft, key: &str, value: &Value) -> bool {
    match (key, value) {
        ("model", Value::String(model)) if is_name(model) => draft.model = Some(model.into()),
        ("request_duration", Value::Number(seconds)) => {
            let micros = seconds.as_f64().map(|seconds| (seconds * 1e6).round());
            // An hour-long call has 4e9 microseconds; what is near the bound is no duration.
            #[allow(clippy::cast_possible_truncation)]
            match micros.filter(|micros| (0.0..1e15).contains(micros)) {
                Some(micros) => draft.duration_us = Some(micros as i64),
                None => return false,
            }
        }
        ("execution_failed", Value::Bool(true)) => {
            draft.status = Status::Error;
            return false;
        }
        (key, value) if TAGS.contains(&key) => return tag(draft, key, value),
        (key, Value::Number(number)) => {
            let meter = Meter::from_name(key);
            let quantity = number.as_u64().and_then(|units| i64::try_from(units).ok());
            match quantity.and_then(Quantity::from_units) {
                // A row is one request, whatever it says of others.
                Some(quantity) if meter.known_index().is_some() && meter != Meter::Requests => {
                    draft.quantities.push((meter, quantity));
                }
                _ => return false,
            }
        }
        _ => return false,
    }
    true
}

/// Adds a tag where the value can be one; answers whether it could.
pub fn tag(draft: &mut EventDraft, key: &str, value: &Value) -> bool {
    let text: CompactString = match value {
        Value::String(text) => text.into(),
        Value::Number(number) => number.to_compact_string(),
        _ => return false,
    };
    let fits = is_name(&text) && text.len() <= TAG_VALUE_BYTES_MAX;
    if fits {
        draft.tags.push((key.into(), text));
    }
    fits
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && !text.bytes().any(|byte| byte.is_ascii_control())
}

fn tokens(draft: &EventDraft) -> Option<i64> {
    draft.quantities.iter().try_fold(0_i64, |sum, (meter, quantity)| {
        if meter.is_tokens() { sum.checked_add(quantity.whole()) } else { Some(sum) }
    })
}

/// Keeps `metadata`; where it is too large for an event, only that it was there.
fn keep(draft: &mut EventDraft, metadata: Map<String, Value>) {
    if metadata.is_empty() {
        return;
    }
    let text = Value::Object(metadata).to_compact_string();
    let fits = text.len() <= METADATA_BYTES_MAX;
    draft.metadata = Some(match fits {
        true => text,
        false => json!({ "details_omitted_bytes": text.len() }).to_compact_string(),
    });
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn absorbed(operation: &str, details: &str) -> EventDraft {
        let mut draft = EventDraft { operation: Some(operation.into()), ..EventDraft::default() };
        absorb(&mut draft, details);
        draft
    }

    #[test]
    fn what_the_gpt_tracker_writes_becomes_fields() {
        let draft = absorbed(
            "gpt-4o_chat_completion",
            r#"{"input_tokens": 467247, "output_tokens": 93682, "total_tokens": 560929,
                "model": "gpt-4o", "operation": "chat_completion", "request_duration": 2.28,
                "lead_id": 7006, "business_id": "b-7", "note": "é"}"#,
        );

        assert_eq!(draft.model.as_deref(), Some("gpt-4o"));
        assert_eq!(draft.duration_us, Some(2_280_000));
        assert_eq!(draft.quantities.len(), 2);
        assert_eq!(tokens(&draft), Some(560_929));
        assert_eq!(draft.tags.len(), 2);
        assert_eq!(draft.metadata.as_deref(), Some(r#"{"note":"é"}"#));
    }

    #[test]
    fn what_fits_no_field_is_kept_as_it_is() {
        let metadata = |details| absorbed("scan", details).metadata.unwrap().to_string();

        assert_eq!(metadata("not json"), r#"{"details":"not json"}"#);
        assert_eq!(metadata("[1]"), r#"{"details":"[1]"}"#);
        assert_eq!(metadata(r#"{"total_tokens":5}"#), r#"{"total_tokens":5}"#);
        assert_eq!(metadata(r#"{"input_tokens":-5}"#), r#"{"input_tokens":-5}"#);
        assert_eq!(metadata(r#"{"input_tokens":1.5}"#), r#"{"input_tokens":1.5}"#);
        assert_eq!(metadata(r#"{"requests":9}"#), r#"{"requests":9}"#);
        assert_eq!(metadata(r#"{"lead_id":{"a":1}}"#), r#"{"lead_id":{"a":1}}"#);
        let long = format!(r#"{{"prompt":"{}"}}"#, "x".repeat(9_000));
        assert_eq!(metadata(&long), r#"{"details_omitted_bytes":9013}"#);
        assert_eq!(absorbed("scan", r#"{"execution_failed":true}"#).status, Status::Error);
    }
}
