//! Google's `generateContent`: thinking stands beside the candidates, cached tokens are inside the
//! prompt, and everything may be split by modality.

use serde_json::Value;

use super::call::{CallReading, MeasureError, Source};
use super::counts::{Answer, Modalities, Object, Prompt};
use crate::prices::parameter;
use crate::usage::Meter;

pub(super) fn read(source: &Source<'_>) -> Result<CallReading, MeasureError> {
    let mut reading = CallReading::default();
    let model = source.answer("modelVersion").or_else(|| source.answer("model"));
    reading.model = model.and_then(Value::as_str).map(Into::into);
    let searches = searches(source);
    if let Some(usage) = source.usage("usageMetadata") {
        let usage = Object::new(usage, "usageMetadata");
        read_usage(usage, searches > 0, &mut reading)?;
        read_rest_of_total(source, usage, &mut reading)?;
    }
    read_predictions(source, &mut reading)?;
    reading.tally.add(Meter::Searches, searches);
    Ok(reading)
}

fn read_usage(
    usage: Object<'_>,
    is_grounded: bool,
    reading: &mut CallReading,
) -> Result<(), MeasureError> {
    let prompt = usage.count("promptTokenCount")?;
    let tool_use = usage.count("toolUsePromptTokenCount")?;
    // What a search found is part of the search's fee.
    let billed_tool_use = if is_grounded { 0 } else { tool_use };
    let cached = modalities(usage, &["cacheTokensDetails"])?;
    reading.tally.add_prompt(&Prompt {
        total: prompt.saturating_add(billed_tool_use),
        cached: Modalities { total: usage.count("cachedContentTokenCount")?, ..cached },
        modalities: modalities(usage, &["promptTokensDetails"])?,
        ..Prompt::default()
    });

    let candidates =
        usage.first_count(&["responseTokenCount", "candidatesTokenCount"])?.unwrap_or(0);
    let thoughts = usage.count("thoughtsTokenCount")?;
    // Vertex AI once counted thinking among the candidates; then the total is the sum without it.
    let without_thoughts = prompt.saturating_add(candidates).saturating_add(tool_use);
    let is_inside = usage.try_count("totalTokenCount")? == Some(without_thoughts);
    reading.tally.add_answer(&Answer {
        total: if is_inside { candidates } else { candidates.saturating_add(thoughts) },
        reasoning: thoughts,
        modalities: modalities(usage, &["responseTokensDetails", "candidatesTokensDetails"])?,
    });

    if let Some(traffic) = usage.get("trafficType").and_then(Value::as_str) {
        let tier = match traffic {
            "ON_DEMAND_PRIORITY" => "priority",
            "ON_DEMAND_FLEX" | "FLEX" | "BATCH" => "flex",
            _ => "default",
        };
        reading.terms.push((parameter::SERVICE_TIER, tier.into()));
    }
    reading.term(parameter::SERVICE_TIER, usage.get("serviceTier"));
    Ok(())
}

/// A total may stand alone, as in embeddings, or beside the prompt.
fn read_rest_of_total(
    source: &Source<'_>,
    usage: Object<'_>,
    reading: &mut CallReading,
) -> Result<(), MeasureError> {
    let total = usage.count("totalTokenCount")?;
    let says_output = usage.has("candidatesTokenCount") || usage.has("responseTokenCount");
    if !usage.has("promptTokenCount") && !says_output {
        reading.tally.add_lone_total(total, source.takes_input_only());
    }
    Ok(())
}

/// What `predict` answers: Imagen's pictures, which are counted as pieces, and embeddings, of which
/// each says its tokens.
fn read_predictions(source: &Source<'_>, reading: &mut CallReading) -> Result<(), MeasureError> {
    let predictions = source.answer("predictions").and_then(Value::as_array);
    let mut tokens: u64 = 0;
    for prediction in predictions.into_iter().flatten() {
        let is_picture =
            ["bytesBase64Encoded", "gcsUri"].iter().any(|key| prediction.get(*key).is_some());
        // One that a filter held back says why instead, and is not paid for.
        reading.tally.add(Meter::Images, u64::from(is_picture));
        if let Some(embedded) = prediction.get("embeddings").and_then(|one| one.get("statistics")) {
            let embedded = Object::new(embedded, "predictions.embeddings.statistics");
            tokens = tokens.saturating_add(embedded.count("token_count")?);
        }
    }
    reading.tally.add(Meter::InputTokens, tokens);
    Ok(())
}

/// Counts by modality; documents are read as text.
fn modalities(usage: Object<'_>, keys: &[&'static str]) -> Result<Modalities, MeasureError> {
    let mut sums = Modalities::default();
    let details = keys.iter().find_map(|key| Some((usage.get(key)?.as_array()?, *key)));
    let Some((details, path)) = details else { return Ok(sums) };
    for detail in details {
        let detail = Object::new(detail, path);
        let count = detail.first_count(&["tokenCount", "token_count"])?.unwrap_or(0);
        match detail.get("modality").and_then(Value::as_str) {
            Some("AUDIO") => sums.audio = sums.audio.saturating_add(count),
            Some("IMAGE") => sums.image = sums.image.saturating_add(count),
            Some("VIDEO") => sums.video = sums.video.saturating_add(count),
            _ => {}
        }
    }
    Ok(sums)
}

/// How many searches grounded the answer. Some models pay for each, some for any; the price row
/// knows which.
fn searches(source: &Source<'_>) -> u64 {
    let candidates = source.answer("candidates").and_then(Value::as_array);
    let mut queries: Vec<&str> = Vec::new();
    for candidate in candidates.into_iter().flatten() {
        let asked =
            candidate.get("groundingMetadata").and_then(|found| found.get("webSearchQueries"));
        for query in asked.and_then(Value::as_array).into_iter().flatten() {
            if let Some(query) = query.as_str()
                && !queries.contains(&query)
            {
                queries.push(query);
            }
        }
    }
    u64::try_from(queries.len()).unwrap_or(0)
}
