//! Bedrock: `Converse`, which speaks one way for every model, and `InvokeModel`, which speaks as
//! the hosted model does.

use compact_str::CompactString;
use serde_json::Value;

use super::call::{CallReading, MeasureError, Source};
use super::counts::{Answer, Modalities, Object, Prompt};
use crate::prices::parameter;
use crate::usage::Meter;

/// Cached and written tokens stand beside the input.
pub(super) fn read_converse(source: &Source<'_>) -> Result<CallReading, MeasureError> {
    let mut reading = CallReading::default();
    let Some(usage) = source.usage("usage") else { return Ok(reading) };
    let usage = Object::new(usage, "usage");
    let written = usage.count("cacheWriteInputTokens")?;
    let mut hour: u64 = 0;
    for detail in usage.get("cacheDetails").and_then(Value::as_array).into_iter().flatten() {
        if detail.get("ttl").and_then(Value::as_str) == Some("1h") {
            hour = hour
                .saturating_add(Object::new(detail, "usage.cacheDetails").count("inputTokens")?);
        }
    }
    let cached = usage.count("cacheReadInputTokens")?;
    let written_5m = written.saturating_sub(hour);
    let counts = [usage.count("inputTokens")?, cached, written_5m, hour];
    reading.tally.add_prompt(&Prompt {
        total: counts.into_iter().fold(0, u64::saturating_add),
        cached: Modalities { total: cached, ..Modalities::default() },
        written_5m,
        written_1h: hour,
        ..Prompt::default()
    });
    reading.tally.add_answer(&Answer { total: usage.count("outputTokens")?, ..Answer::default() });
    reading.tally.add_lone_total(usage.count("totalTokens")?, source.takes_input_only());
    let tier = source.answer("serviceTier").or_else(|| usage.get("serviceTier"));
    let tier = tier.map(|tier| tier.get("type").unwrap_or(tier));
    reading.term(parameter::SERVICE_TIER, tier);
    Ok(reading)
}

/// The forms that the hosted models have in common with nobody else. Headers and the last piece
/// of a stream say the counts for every model.
pub(super) fn read_invoked(source: &Source<'_>) -> Result<CallReading, MeasureError> {
    let mut reading = CallReading::default();
    let document = Object::new(source.document, "");
    let metrics = document.object(&["amazon-bedrock-invocationMetrics"]);
    let counted = [
        (metrics.try_count("inputTokenCount")?, metrics.try_count("outputTokenCount")?),
        (document.try_count("inputTextTokenCount")?, titan_output(document)?),
        (document.try_count("prompt_token_count")?, document.try_count("generation_token_count")?),
        (
            header(source, "x-amzn-bedrock-input-token-count"),
            header(source, "x-amzn-bedrock-output-token-count"),
        ),
    ];
    let counts = counted.into_iter().find(|(input, output)| input.is_some() || output.is_some());
    let Some((input, output)) = counts else {
        read_pictures(source, &mut reading);
        return Ok(reading);
    };
    let cached = metrics.count("cacheReadInputTokenCount")?;
    let written = metrics.count("cacheWriteInputTokenCount")?;
    reading.tally.add_prompt(&Prompt {
        total: input.unwrap_or(0).saturating_add(cached).saturating_add(written),
        cached: Modalities { total: cached, ..Modalities::default() },
        written_5m: written,
        ..Prompt::default()
    });
    reading.tally.add_answer(&Answer { total: output.unwrap_or(0), ..Answer::default() });
    Ok(reading)
}

/// Models that make pictures answer with them, and count nothing.
fn read_pictures(source: &Source<'_>, reading: &mut CallReading) {
    let pictures = source.answer("images").or_else(|| source.answer("artifacts"));
    let count = pictures.and_then(Value::as_array).map_or(0, Vec::len);
    reading.tally.add(Meter::Images, u64::try_from(count).unwrap_or(0));
}

/// Titan counts each of its results.
fn titan_output(document: Object<'_>) -> Result<Option<u64>, MeasureError> {
    if let Some(total) = document.try_count("totalOutputTextTokenCount")? {
        return Ok(Some(total));
    }
    let Some(results) = document.get("results").and_then(Value::as_array) else { return Ok(None) };
    let mut sum: u64 = 0;
    for result in results {
        sum = sum.saturating_add(Object::new(result, "results").count("tokenCount")?);
    }
    Ok(Some(sum))
}

fn header(source: &Source<'_>, name: &str) -> Option<u64> {
    let is_it = |(known, _): &&(CompactString, CompactString)| known == name;
    source.call.headers.iter().find(is_it).and_then(|(_, value)| value.parse().ok())
}
