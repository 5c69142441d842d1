//! Streams: many pieces, of which the last word counts.

use serde_json::{Map, Value};

use super::call::MeasureError;

/// Pieces of a stream, at most.
const EVENTS_MAX: usize = 1_000_000;

/// What a stream says in the end, as one document of the shape that the answer would have had
/// without streaming.
///
/// Counts are merged by replacing, never by adding: providers restate totals. A later `null`
/// takes nothing back.
pub(super) fn merged(text: &str) -> Result<Value, MeasureError> {
    let mut answer = Map::new();
    for event in events(text)? {
        absorb(&mut answer, event);
    }
    Ok(Value::Object(answer))
}

/// The JSON pieces of a stream, whether it is server-sent events, lines or an array.
fn events(text: &str) -> Result<Vec<Value>, MeasureError> {
    let trimmed = text.trim_start_matches('\u{feff}').trim();
    if trimmed.starts_with('[') {
        return match serde_json::from_str(trimmed) {
            Ok(Value::Array(events)) => Ok(events),
            // A client that went away leaves an array without an end.
            _ => Ok(unfinished_array(trimmed)),
        };
    }
    let mut events = Vec::new();
    let mut data = String::new();
    // How long the data was when it was last tried as a piece.
    let mut tried = 0;
    for line in trimmed.lines().map(|line| line.trim_end_matches('\r')).chain([""]) {
        if let Some(piece) = line.strip_prefix("data:") {
            if !data.is_empty() {
                data.push('\n');
            }
            data.push_str(piece.strip_prefix(' ').unwrap_or(piece));
            // Pieces are one line each with every provider, and some leave out the empty line. What
            // is more than a line is tried again when it has doubled, so that no stream takes a
            // time that grows with its square.
            if data.len() >= tried * 2 {
                tried = data.len();
                take_event(&mut data, &mut events);
            }
            if data.is_empty() {
                tried = 0;
            }
        } else if line.is_empty() {
            take_event(&mut data, &mut events);
            data.clear();
            tried = 0;
        } else if line.starts_with('{')
            && let Ok(event) = serde_json::from_str(line)
        {
            events.push(event);
        }
        if is_done(&data) {
            data.clear();
            tried = 0;
        }
        if events.len() > EVENTS_MAX {
            return Err(MeasureError::BadStream(format!("it has more than {EVENTS_MAX} pieces")));
        }
    }
    if events.is_empty() {
        // One object over many lines.
        if let Ok(event @ Value::Object(_)) = serde_json::from_str(trimmed) {
            return Ok(vec![event]);
        }
        return Err(MeasureError::BadStream("no piece of it is JSON".to_owned()));
    }
    Ok(events)
}

/// Takes the data for a piece, where it is one.
fn take_event(data: &mut String, events: &mut Vec<Value>) {
    if !data.is_empty()
        && let Ok(event) = serde_json::from_str(data)
    {
        events.push(event);
        data.clear();
    }
}

/// Whether the data says that no more comes.
fn is_done(data: &str) -> bool {
    const MARK: &str = "[DONE]";
    data.len() <= 2 * MARK.len() && data.trim() == MARK
}

/// The whole objects of an array that was cut off.
fn unfinished_array(text: &str) -> Vec<Value> {
    let mut rest = text.trim_start_matches('[');
    let mut events = Vec::new();
    loop {
        rest = rest.trim_start_matches([',', ' ', '\n', '\r', '\t']);
        let mut pieces = serde_json::Deserializer::from_str(rest).into_iter::<Value>();
        match pieces.next() {
            Some(Ok(event)) => {
                let read = pieces.byte_offset();
                events.push(event);
                rest = &rest[read..];
            }
            _ => return events,
        }
    }
}

/// Takes one piece into the answer.
fn absorb(answer: &mut Map<String, Value>, event: Value) {
    let Value::Object(mut event) = event else { return };
    // The envelopes: Anthropic's first piece, OpenAI's last one, Bedrock's, Groq's, Cohere's.
    for envelope in ["message", "response", "metadata", "x_groq", "delta"] {
        let is_inside = |inner: &Map<String, Value>| {
            ["usage", "model", "service_tier", "output", "tool_usage", "meta", "serviceTier"]
                .iter()
                .any(|key| inner.get(*key).is_some_and(|value| !value.is_null()))
        };
        if matches!(event.get(envelope), Some(Value::Object(inner)) if is_inside(inner))
            && let Some(Value::Object(inner)) = event.remove(envelope)
        {
            absorb_fields(answer, inner);
        }
    }
    absorb_fields(answer, event);
}

fn absorb_fields(answer: &mut Map<String, Value>, fields: Map<String, Value>) {
    for (key, value) in fields {
        match (key.as_str(), value) {
            (_, Value::Null) => {}
            (
                "usage" | "usageMetadata" | "amazon-bedrock-invocationMetrics",
                Value::Object(counts),
            ) => {
                let known = answer.entry(key).or_insert_with(|| Value::Object(Map::new()));
                if let Value::Object(known) = known {
                    known.extend(counts.into_iter().filter(|(_, count)| !count.is_null()));
                }
            }
            ("candidates", Value::Array(candidates)) => absorb_candidates(answer, candidates),
            (
                "model"
                | "modelVersion"
                | "service_tier"
                | "serviceTier"
                | "output"
                | "tools"
                | "tool_usage"
                | "meta"
                | "usage_info"
                | "billed_units"
                | "prompt_eval_count"
                | "eval_count"
                | "done"
                | "provider"
                | "type"
                | "inputTextTokenCount"
                | "totalOutputTextTokenCount"
                | "prompt_token_count"
                | "generation_token_count"
                | "object",
                value,
            ) => {
                answer.insert(key, value);
            }
            _ => {}
        }
    }
}

/// Keeps what Gemini's candidates say of searches; every piece may name other ones.
fn absorb_candidates(answer: &mut Map<String, Value>, candidates: Vec<Value>) {
    let grounded = candidates.into_iter().filter(|one| one.get("groundingMetadata").is_some());
    let known = answer.entry("candidates").or_insert_with(|| Value::Array(Vec::new()));
    if let Value::Array(known) = known {
        for mut candidate in grounded {
            let mut kept = Map::new();
            kept.insert("groundingMetadata".to_owned(), candidate["groundingMetadata"].take());
            known.push(Value::Object(kept));
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn comments_and_nulls_take_nothing_back() {
        let text = ": OPENROUTER PROCESSING\n\n\
            data: {\"model\":\"m\",\"usage\":{\"prompt_tokens\":3}}\r\n\r\n\
            data: {\"choices\":[],\"usage\":null}\n\ndata: [DONE]\n";

        assert_eq!(merged(text).unwrap(), json!({"model": "m", "usage": {"prompt_tokens": 3}}));
    }

    #[test]
    fn restated_counts_replace_and_never_add() {
        let text = "event: message_start\n\
            data: {\"type\":\"message_start\",\"message\":{\"model\":\"c\",\"usage\":{\"input_tokens\":9,\"output_tokens\":1}}}\n\n\
            event: message_delta\n\
            data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end\"},\"usage\":{\"output_tokens\":40}}\n\n\
            data: {\"type\":\"message_delta\",\"delta\":{},\"usage\":{\"output_tokens\":55}}\n\n";

        assert_eq!(merged(text).unwrap()["usage"], json!({"input_tokens": 9, "output_tokens": 55}));
    }

    #[test]
    fn a_piece_of_many_lines_is_read_where_it_ends() {
        let piece = "data: {\"usage\":\ndata: {\"prompt_tokens\":\ndata: 3}}\n";

        let read = |text: &str| merged(text).map(|answer| answer["usage"]["prompt_tokens"].clone());
        assert_eq!(read(piece), Ok(json!(3)));
        assert_eq!(read(&format!("{piece}\ndata: [DONE]\n\n")), Ok(json!(3)));
        assert!(merged(&"data:[\ndata:1,\n".repeat(50_000)).is_err());
    }

    #[test]
    fn an_array_that_was_cut_off_still_counts() {
        let text = r#"[{"usageMetadata":{"promptTokenCount":5}},
            {"usageMetadata":{"promptTokenCount":5,"candidatesTokenCount":7}}, {"usageMeta"#;

        let usage = &merged(text).unwrap()["usageMetadata"];
        assert_eq!(*usage, json!({"promptTokenCount": 5, "candidatesTokenCount": 7}));
    }

    #[test]
    fn text_without_json_is_refused() {
        assert!(merged("hello").is_err());
        assert!(merged("").is_err());
    }
}
