//! One call to a provider, and what it used.

use compact_str::CompactString;
use serde_json::{Map, Value};
use thiserror::Error;

use super::counts::Tally;
use super::detect::{self, Spoken};
use super::{anthropic, bedrock, cohere, gemini, ollama, openai, stream};
use crate::Amount;
use crate::prices::{parameter, provider_name};
use crate::usage::{Quantities, Tags};

/// What is known of a call beside its answer.
#[derive(Debug, Clone, Copy, Default)]
pub struct Call<'a> {
    /// Who was called, by any of their names; told from the path where absent.
    pub provider: Option<&'a str>,
    /// The model, where the caller knows better than answer, request and path.
    pub model: Option<&'a str>,
    /// The request's body.
    pub request: Option<&'a Value>,
    /// The request's path, or its whole address.
    pub path: Option<&'a str>,
    /// Headers of the answer, names in lower case.
    pub headers: &'a [(CompactString, CompactString)],
}

/// Where a call says what it used.
#[derive(Debug, Clone, Copy)]
pub enum Evidence<'a> {
    /// The provider's usage object.
    Usage(&'a Value),
    /// The whole answer.
    Response(&'a Value),
    /// The text of a stream: server-sent events, lines of JSON, or an array.
    Stream(&'a str),
}

/// What a call used, on which terms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measured {
    /// Who was called, by our name.
    pub provider: CompactString,
    /// The names by which the model may be known, the most telling first.
    pub models: Vec<CompactString>,
    /// How much was used; token classes are disjoint.
    pub quantities: Quantities,
    /// The terms: tier, batch, region and other parameters that prices depend on.
    pub parameters: Tags,
    /// What the provider says it cost.
    pub stated: Option<Amount>,
    /// What was odd about the answer.
    pub flags: Vec<Flag>,
}

/// What was odd about an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Flag {
    /// The parts of a count were more than the whole, and were cut to it.
    Clamped(CompactString),
    /// A stated cost was not a number that can be a cost.
    BadStatedCost,
}

impl Flag {
    /// The words on the wire.
    pub fn describe(&self) -> String {
        match self {
            Self::Clamped(count) => format!("the parts of {count} were more than the whole"),
            Self::BadStatedCost => "the stated cost is not a usable number".to_owned(),
        }
    }
}

/// Why nothing could be read from a call.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MeasureError {
    /// Nothing says who was called.
    #[error("say the provider: neither the path nor the answer tells it")]
    UnknownProvider,
    /// The answer holds no usage.
    #[error("{0} says nothing of what was used")]
    NoUsage(&'static str),
    /// Something is said of what was used, in words that nobody knows.
    #[error("{what} says what was used in a way that is not known: {fields}")]
    Unread {
        /// Where it is said.
        what: &'static str,
        /// The names of the fields that stand there.
        fields: String,
    },
    /// A count is negative, has a fraction, or is no number at all.
    #[error("{field} is {value}, not a count")]
    NotACount {
        /// Which one.
        field: CompactString,
        /// What stands there.
        value: String,
    },
    /// The stream's text cannot be read.
    #[error("the stream cannot be read: {0}")]
    BadStream(String),
}

/// What one dialect read.
#[derive(Debug, Default)]
pub(super) struct CallReading {
    pub tally: Tally,
    pub model: Option<CompactString>,
    pub terms: Vec<(&'static str, CompactString)>,
    pub stated: Option<Amount>,
}

impl CallReading {
    pub fn term(&mut self, name: &'static str, value: Option<&Value>) {
        if let Some(text) = value.and_then(Value::as_str).filter(|text| !text.is_empty()) {
            self.terms.push((name, text.into()));
        }
    }
}

/// Reads what a call used from its answer.
pub fn measure(call: &Call<'_>, evidence: Evidence<'_>) -> Result<Measured, MeasureError> {
    let spoken = Spoken::of(call);
    let merged;
    let (document, what) = match evidence {
        Evidence::Usage(usage) => (usage, "usage"),
        Evidence::Response(response) => (response, "the response"),
        Evidence::Stream(text) => {
            merged = stream::merged(text)?;
            (&merged, "the stream")
        }
    };
    let mut spoken = spoken;
    let document = detect::unwrapped(document, &mut spoken);
    let is_usage = matches!(evidence, Evidence::Usage(_));
    let reading = read(call, &spoken, document, is_usage)?;
    // A speech that was asked for is known by its request alone.
    if reading.tally.is_empty() && reading.stated.is_none() {
        check_zero(document, what)?;
    }
    let of_model = || call.model.and_then(detect::provider_of_model);
    let of_body = || detect::provider_of_body(document).or_else(of_model);
    let provider = spoken.provider.clone().or_else(of_body);
    let provider = provider.ok_or(MeasureError::UnknownProvider)?;
    Ok(finish(call, spoken, provider, reading))
}

/// Who was called, for which model and on which terms, by what is known beside the answer: as
/// [`measure`] says it, without quantities.
pub fn identify(call: &Call<'_>) -> Result<Measured, MeasureError> {
    let spoken = Spoken::of(call);
    let of_model = || call.model.and_then(detect::provider_of_model);
    let provider = spoken.provider.clone().or_else(of_model);
    let provider = provider.ok_or(MeasureError::UnknownProvider)?;
    Ok(finish(call, spoken, provider, CallReading::default()))
}

fn read(
    call: &Call<'_>,
    spoken: &Spoken,
    document: &Value,
    is_usage: bool,
) -> Result<CallReading, MeasureError> {
    use detect::Dialect;
    let source = Source { call, spoken, document, is_usage };
    match detect::dialect(&source) {
        Dialect::OpenAi => openai::read(&source),
        Dialect::Anthropic => anthropic::read(&source),
        Dialect::Gemini => gemini::read(&source),
        Dialect::Converse => bedrock::read_converse(&source),
        Dialect::Invoked => bedrock::read_invoked(&source),
        Dialect::Cohere => cohere::read(&source),
        Dialect::Ollama => ollama::read(&source),
    }
}

/// What a dialect reads from.
pub(super) struct Source<'a> {
    pub call: &'a Call<'a>,
    pub spoken: &'a Spoken,
    /// The usage object or the whole answer.
    pub document: &'a Value,
    pub is_usage: bool,
}

impl<'a> Source<'a> {
    /// The usage object, under `key` of an answer.
    pub fn usage(&self, key: &str) -> Option<&'a Value> {
        match self.document.get(key).filter(|usage| usage.is_object()) {
            Some(usage) => Some(usage),
            None => (self.is_usage && self.document.is_object()).then_some(self.document),
        }
    }

    /// A field of the answer, never of a bare usage object.
    pub fn answer(&self, key: &str) -> Option<&'a Value> {
        if self.is_usage { None } else { self.document.get(key).filter(|value| !value.is_null()) }
    }

    pub fn request(&self, key: &str) -> Option<&'a Value> {
        self.call.request.and_then(|request| request.get(key)).filter(|value| !value.is_null())
    }

    pub fn is_provider(&self, name: &str) -> bool {
        self.spoken.provider.as_deref() == Some(name)
    }

    /// Whether nothing is generated, so that every token went in: embeddings and rankings.
    pub fn takes_input_only(&self) -> bool {
        const MARKS: [&str; 3] = ["embed", "rerank", "voyage-"];
        let is_marked = |name: &str| {
            let name = name.to_ascii_lowercase();
            MARKS.iter().any(|mark| name.contains(mark))
        };
        let names = [
            self.call.model,
            self.spoken.model.as_deref(),
            self.request("model").and_then(Value::as_str),
            self.answer("model").and_then(Value::as_str),
        ];
        let first = self.answer("data").and_then(|data| data.get(0));
        self.is_provider("voyage")
            || is_marked(&self.spoken.path)
            || names.into_iter().flatten().any(is_marked)
            || first.is_some_and(|one| one.get("embedding").is_some())
            || first.is_some_and(|one| one.get("relevance_score").is_some())
            || self.answer("embeddings").is_some()
    }

    pub fn path_contains(&self, part: &str) -> bool {
        self.spoken.path.contains(part)
    }
}

/// Nothing was counted: that is an answer only where counts are there and are zero. What is said in
/// other words, or not at all, would pass for free.
fn check_zero(document: &Value, what: &'static str) -> Result<(), MeasureError> {
    const HOLDERS: [&str; 6] = [
        "usage",
        "usageMetadata",
        "usage_info",
        "meta",
        "billed_units",
        "amazon-bedrock-invocationMetrics",
    ];
    const FIELDS_MAX: usize = 8;
    let held = HOLDERS.iter().filter_map(|key| document.get(*key));
    let within = held.clone().filter_map(|holder| holder.get("billed_units"));
    let holders: Vec<&Value> = held.chain(within).filter(|holder| holder.is_object()).collect();
    let mut counts = holders.iter().chain([&document]).flat_map(|holder| counts(holder)).peekable();
    if counts.peek().is_some() && counts.all(is_zero) {
        return Ok(());
    }
    let fields = holders.iter().filter_map(|holder| holder.as_object()).flat_map(Map::keys);
    let fields: Vec<&str> = fields.map(String::as_str).take(FIELDS_MAX).collect();
    match fields.is_empty() {
        true => Err(MeasureError::NoUsage(what)),
        false => Err(MeasureError::Unread { what, fields: fields.join(", ") }),
    }
}

/// The counts in `holder` that dialects read.
fn counts(holder: &Value) -> impl Iterator<Item = &Value> {
    const COUNTS: [&str; 27] = [
        "prompt_tokens",
        "completion_tokens",
        "input_tokens",
        "output_tokens",
        "total_tokens",
        "promptTokenCount",
        "candidatesTokenCount",
        "responseTokenCount",
        "totalTokenCount",
        "inputTokens",
        "outputTokens",
        "totalTokens",
        "inputTokenCount",
        "outputTokenCount",
        "inputTextTokenCount",
        "totalOutputTextTokenCount",
        "prompt_token_count",
        "generation_token_count",
        "prompt_eval_count",
        "eval_count",
        "seconds",
        "duration",
        "prompt_audio_seconds",
        "pages_processed",
        "search_units",
        "classifications",
        "images",
    ];
    COUNTS.iter().filter_map(|key| holder.get(*key)).filter(|count| !count.is_null())
}

fn is_zero(count: &Value) -> bool {
    count.as_f64().or_else(|| count.as_str()?.parse().ok()) == Some(0.0)
}

fn finish(
    call: &Call<'_>,
    spoken: Spoken,
    provider: CompactString,
    reading: CallReading,
) -> Measured {
    let (quantities, flags) = reading.tally.into_quantities();
    let mut models: Vec<CompactString> = Vec::new();
    let mut push = |name: Option<&str>| {
        if let Some(name) = name.filter(|name| !name.is_empty())
            && !models.iter().any(|known| known == name)
        {
            models.push(name.into());
        }
    };
    let of_request = call.request.and_then(|request| {
        ["model", "modelId", "model_id"].iter().find_map(|key| request.get(key)?.as_str())
    });
    match call.model.filter(|model| !model.is_empty()) {
        Some(model) => push(Some(model)),
        // Bedrock prices go by the id in the path, which the hosted model's answer does not know.
        None if provider == "bedrock" => {
            push(spoken.model.as_deref());
            push(of_request);
            push(reading.model.as_deref());
        }
        None => {
            push(reading.model.as_deref());
            push(of_request);
            push(spoken.model.as_deref());
        }
    }
    let parameters = terms(call, &spoken, reading.terms);
    Measured { provider, models, quantities, parameters, stated: reading.stated, flags }
}

/// The terms of a call: what the answer says was served wins over what was asked for.
fn terms(call: &Call<'_>, spoken: &Spoken, served: Vec<(&'static str, CompactString)>) -> Tags {
    let mut terms: Vec<(CompactString, CompactString)> = Vec::new();
    if let Some(region) = &spoken.region {
        terms.push((parameter::REGION.into(), region.clone()));
    }
    if let Some(Value::Object(request)) = call.request {
        terms.extend(request.iter().filter_map(asked_term));
        let nested = ["web_search_options", "extra_body", "parameters"];
        let nested = nested.iter().filter_map(|key| request.get(*key)?.as_object()).flatten();
        terms.extend(nested.filter_map(asked_term));
    }
    if spoken.is_batch {
        terms.push((parameter::BATCH.into(), "true".into()));
    }
    for (name, value) in served {
        let is_undecided = name == parameter::SERVICE_TIER && value.eq_ignore_ascii_case("auto");
        if !is_undecided {
            terms.push((name.into(), value));
        }
    }
    terms.into_iter().collect()
}

/// A parameter of the request that a price may depend on: a short word or a number.
fn asked_term((name, value): (&String, &Value)) -> Option<(CompactString, CompactString)> {
    const TEXT_BYTES_MAX: usize = 64;
    const NOT_TERMS: [&str; 6] = ["model", "input", "prompt", "stream", "user", "instructions"];
    if NOT_TERMS.contains(&name.as_str()) || name.len() > TEXT_BYTES_MAX {
        return None;
    }
    let name: CompactString = match name.as_str() {
        "serviceTier" => parameter::SERVICE_TIER.into(),
        name => name.into(),
    };
    let value: CompactString = match value {
        Value::String(text) if text.len() <= TEXT_BYTES_MAX && !text.is_empty() => match &*name {
            "size" => text.to_ascii_lowercase().into(),
            _ => text.as_str().into(),
        },
        Value::Bool(flag) => if *flag { "true" } else { "false" }.into(),
        Value::Number(number) => number.to_string().into(),
        Value::Object(inner) if name == parameter::SERVICE_TIER => {
            inner.get("type")?.as_str()?.into()
        }
        _ => return None,
    };
    Some((name, value))
}

/// Our name for the provider of a call, if it says one or its path tells it.
pub(super) fn named_provider(call: &Call<'_>) -> Option<CompactString> {
    call.provider.filter(|name| !name.is_empty()).map(provider_name)
}
