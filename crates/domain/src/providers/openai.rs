//! OpenAI's way of saying what was used, which most providers speak with an accent.
//!
//! Cached and written tokens, sound and pictures are inside the prompt's count, thinking is inside
//! the answer's. The accents: xAI thinks outside of the answer, and so does Perplexity's deep
//! research; DeepSeek names cache hits and misses.

use serde_json::Value;

use super::call::{CallReading, Flag, MeasureError, Source};
use super::counts::{Answer, Modalities, Object, Prompt, fractional};
use crate::Amount;
use crate::prices::parameter;
use crate::usage::Meter;

pub(super) fn read(source: &Source<'_>) -> Result<CallReading, MeasureError> {
    let model = source.answer("model").and_then(Value::as_str).map(Into::into);
    let mut reading = CallReading { model, ..CallReading::default() };
    if let Some(usage) = source.usage("usage") {
        read_usage(source, Object::new(usage, "usage"), &mut reading)?;
    } else if let Some(seconds) = source.answer("duration").and_then(fractional) {
        // A verbose transcription says how long the sound was, and nothing of usage.
        reading.tally.add_quantity(Meter::Seconds, Some(seconds));
    } else if let Some(info) = source.answer("usage_info") {
        read_pages(Object::new(info, "usage_info"), &mut reading)?;
    } else if source.path_contains("/audio/speech") {
        read_spoken_text(source, &mut reading);
    }
    if source.usage("usage").is_none() {
        read_pictures(source, &mut reading);
    }
    read_tools(source, &mut reading)?;
    read_terms(source, &mut reading);
    Ok(reading)
}

fn read_usage(
    source: &Source<'_>,
    usage: Object<'_>,
    reading: &mut CallReading,
) -> Result<(), MeasureError> {
    if usage.has("pages_processed") {
        read_pages(usage, reading)?;
    }
    if let Some(seconds) = ["seconds", "prompt_audio_seconds"].iter().find_map(|key| usage.get(key))
    {
        match fractional(seconds) {
            Some(seconds) => reading.tally.add_quantity(Meter::Seconds, Some(seconds)),
            None => {
                let field = "usage.seconds".into();
                return Err(MeasureError::NotACount { field, value: seconds.to_string() });
            }
        }
    }
    reading.tally.add_prompt(&prompt(usage)?);
    reading.tally.add_answer(&answer(source, usage)?);
    read_rest_of_total(source, usage, reading)?;
    if source.is_provider("perplexity") {
        reading.tally.add_named("citation_tokens", usage.count("citation_tokens")?);
        reading.tally.add(Meter::Searches, usage.count("num_search_queries")?);
        reading.term("search_context_size", usage.get("search_context_size"));
    }
    if let Some(details) = usage.get("server_side_tool_usage_details") {
        let details = Object::new(details, "usage.server_side_tool_usage_details");
        reading.tally.add(Meter::Searches, details.count("web_search_calls")?);
    }
    read_stated_cost(usage, reading);
    Ok(())
}

/// A total may stand alone, as in Voyage's embeddings, or beside one of its two halves.
fn read_rest_of_total(
    source: &Source<'_>,
    usage: Object<'_>,
    reading: &mut CallReading,
) -> Result<(), MeasureError> {
    let total = usage.count("total_tokens")?;
    let input = usage.first_count(&["prompt_tokens", "input_tokens"])?;
    let output = usage.first_count(&["completion_tokens", "output_tokens"])?;
    let takes_input_only = source.takes_input_only();
    match (input, output) {
        (Some(input), None) if input > 0 && !takes_input_only => {
            reading.tally.add(Meter::OutputTokens, total.saturating_sub(input));
        }
        (None, Some(output)) if output > 0 => {
            reading.tally.add(Meter::InputTokens, total.saturating_sub(output));
        }
        _ => reading.tally.add_lone_total(total, takes_input_only),
    }
    Ok(())
}

fn prompt(usage: Object<'_>) -> Result<Prompt, MeasureError> {
    let details =
        usage.object(&["prompt_tokens_details", "input_tokens_details", "input_token_details"]);
    let cached_details = details.object(&["cached_tokens_details"]);
    let cached = match details.first_count(&["cached_tokens"])? {
        Some(cached) => cached,
        None => usage
            .first_count(&["prompt_cache_hit_tokens", "cached_tokens", "cache_read_input_tokens"])?
            .unwrap_or(0),
    };
    let written = match details.first_count(&["cache_write_tokens", "cache_creation_tokens"])? {
        Some(written) => written,
        None => {
            usage.first_count(&["cache_write_tokens", "cache_creation_input_tokens"])?.unwrap_or(0)
        }
    };
    let lifetimes = details.object(&["cache_creation_token_details", "cache_write_tokens_details"]);
    let written_1h = lifetimes.count("ephemeral_1h_input_tokens")?;
    let written_12h = lifetimes.count("ephemeral_12h_input_tokens")?;
    Ok(Prompt {
        total: usage.first_count(&["prompt_tokens", "input_tokens"])?.unwrap_or(0),
        cached: Modalities { total: cached, ..modalities(cached_details)? },
        written_5m: written.saturating_sub(written_1h.saturating_add(written_12h)),
        written_1h,
        written_12h,
        modalities: modalities(details)?,
    })
}

fn answer(source: &Source<'_>, usage: Object<'_>) -> Result<Answer, MeasureError> {
    let details = usage.object(&[
        "completion_tokens_details",
        "output_tokens_details",
        "output_token_details",
    ]);
    let total = usage.first_count(&["completion_tokens", "output_tokens"])?.unwrap_or(0);
    let inside = details.first_count(&["reasoning_tokens", "thinking_tokens"])?;
    let reasoning = match inside {
        Some(inside) => inside,
        None => usage.count("reasoning_tokens")?,
    };
    let mut modalities = modalities(details)?;
    if makes_pictures(source) && usage.has("output_tokens") && !details.has("image_tokens") {
        // The images interface counts nothing but pictures, unless it says otherwise.
        modalities.image = total.saturating_sub(details.count("text_tokens")?);
    }
    let is_beside = thinks_beside(source, usage, inside.is_some())?;
    let total = if is_beside { total.saturating_add(reasoning) } else { total };
    Ok(Answer { total, reasoning, modalities })
}

/// Whether thinking is not in the answer's count.
fn thinks_beside(
    source: &Source<'_>,
    usage: Object<'_>,
    in_details: bool,
) -> Result<bool, MeasureError> {
    if source.is_provider("perplexity") {
        return Ok(!in_details);
    }
    if !source.is_provider("xai") || !usage.has("prompt_tokens") {
        return Ok(false);
    }
    // Where the total is prompt and answer alone, a gateway has put the thinking in already.
    let prompt = usage.count("prompt_tokens")?;
    let completion = usage.count("completion_tokens")?;
    Ok(usage.try_count("total_tokens")? != Some(prompt.saturating_add(completion)))
}

fn modalities(details: Object<'_>) -> Result<Modalities, MeasureError> {
    Ok(Modalities {
        total: 0,
        audio: details.count("audio_tokens")?,
        image: details.count("image_tokens")?,
        video: details.count("video_tokens")?,
    })
}

fn makes_pictures(source: &Source<'_>) -> bool {
    let is_picture =
        |model: &str| model.starts_with("gpt-image") || model.starts_with("chatgpt-image");
    source.path_contains("/images/")
        || source.call.model.is_some_and(is_picture)
        || source.request("model").and_then(Value::as_str).is_some_and(is_picture)
        || source.answer("model").and_then(Value::as_str).is_some_and(is_picture)
}

/// Pictures that are counted as pieces, because nothing else is said of them.
fn read_pictures(source: &Source<'_>, reading: &mut CallReading) {
    let Some(Value::Array(data)) = source.answer("data") else { return };
    let pictures =
        data.iter().filter(|one| one.get("url").is_some() || one.get("b64_json").is_some());
    let count = u64::try_from(pictures.count()).unwrap_or(0);
    if count == 0 {
        return;
    }
    reading.tally.add(Meter::Images, count);
    if source.request("size").is_none() {
        reading.terms.push(("size", "1024x1024".into()));
    }
    if source.request("quality").is_none() {
        let named = source.answer("quality").and_then(Value::as_str).unwrap_or("standard");
        reading.terms.push(("quality", named.into()));
    }
}

fn read_pages(info: Object<'_>, reading: &mut CallReading) -> Result<(), MeasureError> {
    reading.tally.add(Meter::Pages, info.count("pages_processed")?);
    reading.tally.add_named("annotated_pages", info.count("pages_processed_annotation")?);
    Ok(())
}

/// Speech is paid by the characters of the text, which only the request has.
fn read_spoken_text(source: &Source<'_>, reading: &mut CallReading) {
    if let Some(text) = source.request("input").and_then(Value::as_str) {
        let count = u64::try_from(text.chars().count()).unwrap_or(0);
        reading.tally.add(Meter::Characters, count);
    }
}

/// The tools of the Responses interface: each call is an item of the output.
fn read_tools(source: &Source<'_>, reading: &mut CallReading) -> Result<(), MeasureError> {
    let Some(Value::Array(output)) = source.answer("output") else { return Ok(()) };
    let count = |kind: &str| {
        let items =
            output.iter().filter(|item| item.get("type").and_then(Value::as_str) == Some(kind));
        u64::try_from(items.count()).unwrap_or(0)
    };
    let reported = source
        .answer("tool_usage")
        .and_then(|usage| usage.get("web_search"))
        .map(|search| Object::new(search, "tool_usage.web_search").try_count("num_requests"))
        .transpose()?
        .flatten();
    reading.tally.add(Meter::Searches, reported.unwrap_or_else(|| count("web_search_call")));
    reading.tally.add_named("file_searches", count("file_search_call"));
    reading.tally.add(Meter::Images, count("image_generation_call"));
    let size = source.answer("tools").and_then(Value::as_array).into_iter().flatten();
    let size = size.filter_map(|tool| tool.get("search_context_size")).next();
    reading.term("search_context_size", size);
    Ok(())
}

fn read_terms(source: &Source<'_>, reading: &mut CallReading) {
    let usage = source.usage("usage");
    let of_usage = usage.and_then(|usage| usage.get("service_tier"));
    reading.term(parameter::SERVICE_TIER, of_usage);
    reading.term(parameter::SERVICE_TIER, source.answer("service_tier"));
    let speed = usage.and_then(|usage| usage.get("speed"));
    reading.term(parameter::SPEED, speed);
}

/// What the provider says it cost: OpenRouter and others in USD, Perplexity in parts, xAI in ticks.
fn read_stated_cost(usage: Object<'_>, reading: &mut CallReading) {
    let ticks = usage.get("cost_in_usd_ticks").map(|ticks| in_units(ticks, -10));
    let cost = usage.get("cost").map(|cost| {
        let own = in_units(cost.get("total_cost").unwrap_or(cost), 0)?;
        // With a key of one's own the provider's bill comes on top of the gateway's fee.
        let is_byok = usage.get("is_byok").and_then(Value::as_bool) == Some(true);
        let upstream = usage.object(&["cost_details"]).get("upstream_inference_cost");
        match upstream.filter(|_| is_byok) {
            Some(upstream) => own.checked_add(in_units(upstream, 0)?),
            None => Some(own),
        }
    });
    match ticks.or(cost) {
        Some(Some(cost)) => reading.stated = Some(cost),
        Some(None) => reading.tally.flag(Flag::BadStatedCost),
        None => {}
    }
}

/// A JSON number times a power of ten as an amount, rounded half away from zero.
fn in_units(value: &Value, power: i32) -> Option<Amount> {
    use rust_decimal::prelude::*;
    let text = match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        _ => return None,
    };
    let plain = Decimal::from_str(&text).or_else(|_| Decimal::from_scientific(&text)).ok()?;
    let scale = Decimal::from(10_i64.pow(power.unsigned_abs()));
    let units = if power < 0 { plain.checked_div(scale)? } else { plain.checked_mul(scale)? };
    let rounded = units.round_dp_with_strategy(9, RoundingStrategy::MidpointAwayFromZero);
    let nanos = rounded.checked_mul(Decimal::from(1_000_000_000_i64))?.to_i64()?;
    (nanos >= 0).then_some(Amount::from_nanos(nanos))
}
