//! The attributes of spans and of resources that say something here, under all their names.

use std::borrow::Cow;

use compact_str::{CompactString, ToCompactString};
use outlay_domain::providers::SpanCounts;
use outlay_domain::usage::{
    EVENT_QUANTITY_MAX, EVENT_TAGS_MAX, NAME_BYTES_MAX, Refusal, RefusalCode, TAG_VALUE_BYTES_MAX,
};

/// The value of an attribute.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    /// A text.
    Text(Cow<'a, str>),
    /// A whole number.
    Int(i64),
    /// A number with a fraction.
    Double(f64),
    /// A truth value.
    Bool(bool),
    /// Nothing, bytes, a list or a map.
    Other,
}

/// What attributes say, whatever they are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// What was asked for.
    Operation,
    /// What a framework says that the span is.
    Kind,
    /// Who was called.
    Provider,
    /// Where.
    Server,
    /// The model that was asked for.
    RequestModel,
    /// The model that answered.
    ResponseModel,
    /// The provider's name for its answer.
    ResponseId,
    /// See [`SpanCounts::input`].
    Input,
    /// See [`SpanCounts::output`].
    Output,
    /// See [`SpanCounts::total`].
    Total,
    /// See [`SpanCounts::cache_read`].
    CacheRead,
    /// See [`SpanCounts::cache_written`].
    CacheWritten,
    /// See [`SpanCounts::reasoning`].
    Reasoning,
    /// See [`SpanCounts::input_audio`].
    InputAudio,
    /// See [`SpanCounts::output_audio`].
    OutputAudio,
    /// How urgently it was served.
    ServiceTier,
    /// What went wrong.
    Error,
    /// Which conversation it belongs to.
    Conversation,
    /// Which agent asked.
    Agent,
    /// Whose data it is about.
    Tenant,
    /// Who pays.
    Account,
    /// Who or what used it.
    Subject,
    /// Which program asked.
    Service,
    /// The event's own.
    Team,
    /// The event's own.
    Project,
    /// The event's own.
    Platform,
    /// Where the program runs.
    Environment,
}

const FIELDS: usize = Field::Environment as usize + 1;

/// Before the key of a tag.
const TAG: &str = "outlay.tag.";

/// What the attribute of that name says, and which of several names goes first: the lower one.
#[allow(clippy::too_many_lines)]
fn field(key: &str) -> Option<(Field, u8)> {
    use Field::{
        Account, Agent, CacheRead, CacheWritten, Conversation, Environment, Error, Input,
        InputAudio, Kind, Operation, Output, OutputAudio, Platform, Project, Provider, Reasoning,
        RequestModel, ResponseId, ResponseModel, Server, Service, ServiceTier, Subject, Team,
        Tenant, Total,
    };
    Some(match key {
        "gen_ai.operation.name" => (Operation, 0),
        "llm.request.type" => (Operation, 1),
        "openinference.span.kind" => (Kind, 0),
        "traceloop.span.kind" => (Kind, 1),
        "ai.operationId" => (Kind, 2),

        "gen_ai.provider.name" => (Provider, 0),
        "gen_ai.system" => (Provider, 1),
        "llm.provider" => (Provider, 2),
        "llm.system" => (Provider, 3),
        "ai.model.provider" => (Provider, 4),
        "server.address" => (Server, 0),

        "gen_ai.request.model" => (RequestModel, 0),
        "llm.request.model" => (RequestModel, 1),
        "llm.model_name" => (RequestModel, 2),
        "embedding.model_name" => (RequestModel, 3),
        "reranker.model_name" => (RequestModel, 4),
        "ai.model.id" => (RequestModel, 5),
        "gen_ai.response.model" => (ResponseModel, 0),
        "llm.response.model" => (ResponseModel, 1),
        "ai.response.model" => (ResponseModel, 2),
        "gen_ai.response.id" => (ResponseId, 0),
        "ai.response.id" => (ResponseId, 1),

        "gen_ai.usage.input_tokens" => (Input, 0),
        "gen_ai.usage.prompt_tokens" => (Input, 1),
        "llm.token_count.prompt" => (Input, 2),
        "llm.usage.prompt_tokens" => (Input, 3),
        "ai.usage.inputTokens" => (Input, 4),
        "ai.usage.promptTokens" => (Input, 5),
        "gen_ai.usage.output_tokens" => (Output, 0),
        "gen_ai.usage.completion_tokens" => (Output, 1),
        "llm.token_count.completion" => (Output, 2),
        "llm.usage.completion_tokens" => (Output, 3),
        "ai.usage.outputTokens" => (Output, 4),
        "ai.usage.completionTokens" => (Output, 5),
        "gen_ai.usage.total_tokens" => (Total, 0),
        "llm.usage.total_tokens" => (Total, 1),
        "llm.token_count.total" => (Total, 2),
        "ai.usage.totalTokens" => (Total, 3),
        "ai.usage.tokens" => (Total, 4),
        "gen_ai.usage.cache_read.input_tokens" => (CacheRead, 0),
        "gen_ai.usage.cache_read_input_tokens" => (CacheRead, 1),
        "gen_ai.usage.cache_read_tokens" => (CacheRead, 2),
        "gen_ai.usage.cached_input_tokens" => (CacheRead, 3),
        "gen_ai.usage.input_cached_tokens" => (CacheRead, 4),
        "gen_ai.usage.details.cache_read_tokens" => (CacheRead, 5),
        "gen_ai.usage.details.cached_tokens" => (CacheRead, 6),
        "llm.token_count.prompt_details.cache_read" => (CacheRead, 7),
        "llm.usage.cache_read_input_tokens" => (CacheRead, 8),
        "ai.usage.cachedInputTokens" => (CacheRead, 9),
        "gen_ai.usage.cache_creation.input_tokens" => (CacheWritten, 0),
        "gen_ai.usage.cache_write.input_tokens" => (CacheWritten, 1),
        "gen_ai.usage.cache_creation_input_tokens" => (CacheWritten, 2),
        "gen_ai.usage.cache_write_input_tokens" => (CacheWritten, 3),
        "gen_ai.usage.cache_write_tokens" => (CacheWritten, 4),
        "gen_ai.usage.details.cache_write_tokens" => (CacheWritten, 5),
        "llm.token_count.prompt_details.cache_write" => (CacheWritten, 6),
        "llm.usage.cache_creation_input_tokens" => (CacheWritten, 7),
        "gen_ai.usage.reasoning.output_tokens" => (Reasoning, 0),
        "gen_ai.usage.reasoning_tokens" => (Reasoning, 1),
        "gen_ai.usage.details.reasoning_tokens" => (Reasoning, 2),
        "llm.token_count.completion_details.reasoning" => (Reasoning, 3),
        "llm.usage.reasoning_tokens" => (Reasoning, 4),
        "ai.usage.reasoningTokens" => (Reasoning, 5),
        "gen_ai.usage.audio.input_tokens" => (InputAudio, 0),
        "gen_ai.usage.details.input_audio_tokens" => (InputAudio, 1),
        "llm.token_count.prompt_details.audio" => (InputAudio, 2),
        "gen_ai.usage.audio.output_tokens" => (OutputAudio, 0),
        "gen_ai.usage.details.output_audio_tokens" => (OutputAudio, 1),
        "llm.token_count.completion_details.audio" => (OutputAudio, 2),

        "openai.response.service_tier" => (ServiceTier, 0),
        "gen_ai.openai.response.service_tier" => (ServiceTier, 1),
        "openai.request.service_tier" => (ServiceTier, 2),
        "gen_ai.openai.request.service_tier" => (ServiceTier, 3),
        "gen_ai.request.service_tier" => (ServiceTier, 4),
        "error.type" => (Error, 0),
        "gen_ai.conversation.id" => (Conversation, 0),
        "session.id" => (Conversation, 1),
        "langfuse.session.id" => (Conversation, 2),
        "traceloop.association.properties.session_id" => (Conversation, 3),
        "gen_ai.agent.name" => (Agent, 0),
        "tenant.id" => (Tenant, 0),
        "app.tenant.id" => (Tenant, 1),

        "outlay.account" => (Account, 0),
        "outlay.subject" => (Subject, 0),
        "user.id" => (Subject, 1),
        "enduser.id" => (Subject, 2),
        "langfuse.user.id" => (Subject, 3),
        "traceloop.association.properties.user_id" => (Subject, 4),
        "outlay.service" => (Service, 0),
        "service.name" => (Service, 1),
        "outlay.team" => (Team, 0),
        "outlay.project" => (Project, 0),
        "outlay.platform" => (Platform, 0),
        "outlay.environment" => (Environment, 0),
        "deployment.environment.name" => (Environment, 1),
        "deployment.environment" => (Environment, 2),
        _ => return None,
    })
}

/// Whether the attribute of that name is read. The others, prompts among them, are not looked at.
pub fn is_read(key: &str) -> bool {
    field(key).is_some() || key.starts_with(TAG)
}

/// What the attributes of a span or of a resource say: one value a field, and tags.
#[derive(Debug, Default)]
pub struct Attributes<'a> {
    said: [Option<(u8, Value<'a>)>; FIELDS],
    /// Keys without what stands before them; one more than an event may have, at most.
    pub tags: Vec<(CompactString, CompactString)>,
}

impl<'a> Attributes<'a> {
    /// Takes an attribute up; of several names of a field the first one counts.
    pub fn put(&mut self, key: &str, value: Value<'a>) {
        if let Some(key) = key.strip_prefix(TAG) {
            self.put_tag(key, &value);
        } else if let Some((field, place)) = field(key)
            && value != Value::Other
        {
            let known = &mut self.said[field as usize];
            if known.as_ref().is_none_or(|(before, _)| place <= *before) {
                *known = Some((place, value));
            }
        }
    }

    fn put_tag(&mut self, key: &str, value: &Value<'_>) {
        /// Longer than any tag, so that it is refused as what it is.
        const CUT: usize = TAG_VALUE_BYTES_MAX + 4;
        let cut = |text: &str| CompactString::from(&text[..text.floor_char_boundary(CUT)]);
        if self.tags.len() <= EVENT_TAGS_MAX
            && let Some(value) = as_text(value)
        {
            self.tags.push((cut(key), cut(&value)));
        }
    }

    /// A name, refused where it is longer than names are: it may stand in every span.
    pub fn name(&self, field: Field, name: &str) -> Result<Option<CompactString>, Refusal> {
        let Some((_, value)) = &self.said[field as usize] else { return Ok(None) };
        let Some(text) = as_text(value).filter(|text| !text.trim().is_empty()) else {
            return Ok(None);
        };
        if text.len() > NAME_BYTES_MAX {
            let detail = format!("{} bytes given, {NAME_BYTES_MAX} at most", text.len());
            return Err(Refusal::new(RefusalCode::TooLarge, name, detail));
        }
        Ok(Some(text.as_ref().into()))
    }

    /// What an exporter adds by itself, where it can be a tag: nobody should lose a call because a
    /// session has a long name.
    pub fn tag(&self, field: Field) -> Option<CompactString> {
        let (_, value) = self.said[field as usize].as_ref()?;
        let text = as_text(value)?;
        let fits = (1..=TAG_VALUE_BYTES_MAX).contains(&text.len())
            && !text.bytes().any(|byte| byte.is_ascii_control());
        fits.then(|| text.as_ref().into())
    }

    /// What was used, as it is said.
    pub fn counts(&self) -> Result<SpanCounts, Refusal> {
        Ok(SpanCounts {
            input: self.count(Field::Input, "input_tokens")?,
            output: self.count(Field::Output, "output_tokens")?,
            total: self.count(Field::Total, "total_tokens")?,
            cache_read: self.count(Field::CacheRead, "cache_read.input_tokens")?,
            cache_written: self.count(Field::CacheWritten, "cache_creation.input_tokens")?,
            reasoning: self.count(Field::Reasoning, "reasoning.output_tokens")?,
            input_audio: self.count(Field::InputAudio, "audio.input_tokens")?,
            output_audio: self.count(Field::OutputAudio, "audio.output_tokens")?,
        })
    }

    fn count(&self, field: Field, name: &str) -> Result<Option<u64>, Refusal> {
        #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
        let whole = |number: f64| {
            let is_count =
                number.fract() == 0.0 && number.abs() <= EVENT_QUANTITY_MAX.whole() as f64;
            is_count.then_some(number as i64)
        };
        let Some((_, value)) = &self.said[field as usize] else { return Ok(None) };
        let count = match value {
            Value::Int(number) => Some(*number),
            Value::Double(number) => whole(*number),
            Value::Text(digits) => digits.trim().parse().ok(),
            Value::Bool(_) | Value::Other => None,
        };
        let count = count.filter(|count| *count <= EVENT_QUANTITY_MAX.whole());
        match count.and_then(|count| u64::try_from(count).ok()) {
            Some(count) => Ok(Some(count)),
            None => {
                let detail = format!("must be a count from 0 to {EVENT_QUANTITY_MAX}");
                let field = format!("gen_ai.usage.{name}");
                Err(Refusal::new(RefusalCode::OutOfRange, field, detail))
            }
        }
    }
}

fn as_text<'v>(value: &'v Value<'_>) -> Option<Cow<'v, str>> {
    match value {
        Value::Text(text) => Some(Cow::Borrowed(text)),
        Value::Int(number) => Some(number.to_compact_string().into_string().into()),
        Value::Double(number) => Some(number.to_string().into()),
        Value::Bool(truth) => Some(truth.to_string().into()),
        Value::Other => None,
    }
}
