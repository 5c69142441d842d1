//! Cohere: what is billed stands under `billed_units`, and what was counted elsewhere is not.

use serde_json::Value;

use super::call::{CallReading, MeasureError, Source};
use super::counts::{Answer, Modalities, Object, Prompt};
use crate::usage::Meter;

pub(super) fn read(source: &Source<'_>) -> Result<CallReading, MeasureError> {
    let model = source.answer("model").and_then(Value::as_str).map(Into::into);
    let mut reading = CallReading { model, ..CallReading::default() };
    let usage = source.usage("usage").filter(|usage| usage.get("billed_units").is_some());
    let holder = usage.or_else(|| source.answer("meta")).unwrap_or(source.document);
    let holder = Object::new(holder, "usage");
    let billed = match holder.get("billed_units") {
        Some(billed) => Object::new(billed, "billed_units"),
        None => return Ok(reading),
    };
    reading.tally.add_prompt(&Prompt {
        total: billed.count("input_tokens")?,
        cached: Modalities { total: holder.count("cached_tokens")?, ..Modalities::default() },
        ..Prompt::default()
    });
    reading
        .tally
        .add_answer(&Answer { total: billed.count("output_tokens")?, ..Answer::default() });
    reading.tally.add(Meter::Searches, billed.count("search_units")?);
    reading.tally.add_named("classifications", billed.count("classifications")?);
    reading.tally.add_named("input_images", billed.count("images")?);
    Ok(reading)
}
