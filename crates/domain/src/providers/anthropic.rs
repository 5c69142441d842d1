//! Anthropic's Messages: cached and written tokens stand beside the input, not inside of it.

use serde_json::Value;

use super::call::{CallReading, MeasureError, Source};
use super::counts::{Answer, Modalities, Object, Prompt};
use crate::prices::parameter;
use crate::usage::Meter;

pub(super) fn read(source: &Source<'_>) -> Result<CallReading, MeasureError> {
    let model = source.answer("model").and_then(Value::as_str).map(Into::into);
    let mut reading = CallReading { model, ..CallReading::default() };
    let Some(usage) = source.usage("usage") else { return Ok(reading) };
    let usage = Object::new(usage, "usage");
    // Where the server thinks in several turns, the turns say everything and the total does not.
    let turns = usage.get("iterations").and_then(Value::as_array).filter(|turns| !turns.is_empty());
    match turns {
        Some(turns) => {
            for turn in turns {
                read_turn(Object::new(turn, "usage.iterations"), &mut reading)?;
            }
        }
        None => read_turn(usage, &mut reading)?,
    }
    if let Some(tools) = usage.get("server_tool_use") {
        let tools = Object::new(tools, "usage.server_tool_use");
        reading.tally.add(Meter::Searches, tools.count("web_search_requests")?);
    }
    reading.term(parameter::SERVICE_TIER, usage.get("service_tier"));
    reading.term(parameter::INFERENCE_GEO, usage.get("inference_geo"));
    reading.term(parameter::SPEED, usage.get("speed"));
    Ok(reading)
}

fn read_turn(usage: Object<'_>, reading: &mut CallReading) -> Result<(), MeasureError> {
    let written = usage.count("cache_creation_input_tokens")?;
    let lifetimes = usage.object(&["cache_creation"]);
    let five_minutes = lifetimes.count("ephemeral_5m_input_tokens")?;
    let hour = lifetimes.count("ephemeral_1h_input_tokens")?;
    // The last piece of a stream may know of more than the first, which alone has the lifetimes:
    // the rest is written for five minutes.
    let rest = written.saturating_sub(five_minutes.saturating_add(hour));
    let cached = usage.count("cache_read_input_tokens")?;
    let fresh = usage.count("input_tokens")?;
    let all = [fresh, cached, five_minutes, hour, rest];
    reading.tally.add_prompt(&Prompt {
        total: all.into_iter().fold(0, u64::saturating_add),
        cached: Modalities { total: cached, ..Modalities::default() },
        written_5m: five_minutes.saturating_add(rest),
        written_1h: hour,
        ..Prompt::default()
    });
    let details = usage.object(&["output_tokens_details"]);
    let reasoning = details.first_count(&["thinking_tokens", "reasoning_tokens"])?.unwrap_or(0);
    reading.tally.add_answer(&Answer {
        total: usage.count("output_tokens")?,
        reasoning,
        ..Answer::default()
    });
    Ok(())
}
