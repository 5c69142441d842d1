//! Ollama's own interface: two counts beside the answer.

use serde_json::Value;

use super::call::{CallReading, MeasureError, Source};
use super::counts::Object;
use crate::usage::Meter;

pub(super) fn read(source: &Source<'_>) -> Result<CallReading, MeasureError> {
    let model = source.answer("model").and_then(Value::as_str).map(Into::into);
    let mut reading = CallReading { model, ..CallReading::default() };
    let document = Object::new(source.document, "");
    reading.tally.add(Meter::InputTokens, document.count("prompt_eval_count")?);
    reading.tally.add(Meter::OutputTokens, document.count("eval_count")?);
    Ok(reading)
}
