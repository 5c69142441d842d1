//! From a span to the draft of an event.

use chrono::{DateTime, Utc};
use compact_str::{CompactString, format_compact};
use outlay_domain::providers::{self, Flag, Step};
use outlay_domain::usage::{
    Dimensions, EventDraft, METADATA_BYTES_MAX, Refusal, RefusalCode, Status,
};
use serde_json::{Map, Value};

use super::Span;
use super::attributes::{Attributes, Field};
use crate::forms::event_body::without_blanks;

/// The source of events that were spans.
const SOURCE: CompactString = CompactString::const_new("otlp");

/// What became of a span.
pub enum Drafted {
    /// It is a call.
    Call(Box<EventDraft>),
    /// It is none.
    Nothing,
    /// It has tokens, and an operation that nobody knows.
    Unknown(CompactString),
}

/// The draft of the event of a span, where it is a call to a model.
pub fn of(
    span: &Span<'_>,
    resource: &Attributes<'_>,
    account: &CompactString,
) -> Result<Drafted, Refusal> {
    let said = &span.attributes;
    let operation = match operation(said)? {
        Said::Call(operation) => operation,
        Said::Nothing => return Ok(Drafted::Nothing),
        Said::Unknown(word) => return Ok(Drafted::Unknown(word)),
    };
    let (quantities, flags) =
        said.counts()?.quantities(operation.is_some_and(providers::takes_input_only));
    let either = |field: Field, name: &str| {
        said.name(field, name).and_then(|own| match own {
            Some(own) => Ok(Some(own)),
            None => resource.name(field, name),
        })
    };
    let (provider, model) = who(said)?;
    let paying = either(Field::Account, "outlay.account")?;
    let subject = either(Field::Subject, "user.id")?;
    if let Some(paying) = &paying {
        without_blanks("outlay.account", paying)?;
    }
    without_blanks("user.id", subject.as_deref().unwrap_or_default())?;
    Ok(Drafted::Call(Box::new(EventDraft {
        id: id(span)?,
        source: SOURCE,
        occurred_at: moment(span.end_nanos).or_else(|| moment(span.start_nanos)),
        account: paying.unwrap_or_else(|| account.clone()),
        subject,
        provider,
        model,
        operation: operation.map(CompactString::const_new),
        service: either(Field::Service, "service.name")?,
        status: status(span),
        duration_us: duration_us(span),
        quantities: quantities.iter().map(|(meter, quantity)| (meter.clone(), quantity)).collect(),
        dimensions: Dimensions {
            team: either(Field::Team, "outlay.team")?,
            project: either(Field::Project, "outlay.project")?,
            platform: either(Field::Platform, "outlay.platform")?,
            environment: either(Field::Environment, "deployment.environment.name")?,
        },
        tags: tags(said, resource),
        stated_cost: None,
        metadata: metadata(span, &flags),
    })))
}

/// What a span says that it is.
enum Said {
    Call(Option<&'static str>),
    Nothing,
    Unknown(CompactString),
}

/// Whether a span is a call, and of what: by the operation that it names, by the kind that its
/// framework gives it, or else by what it says of a model and tokens.
fn operation(said: &Attributes<'_>) -> Result<Said, Refusal> {
    let has_tokens = || said.counts().is_ok_and(|counts| !counts.is_empty());
    let word = |field| match said.name(field, "gen_ai.operation.name") {
        Ok(word) => Ok(word.filter(|word| word != "unknown")),
        Err(refusal) => Err(refusal),
    };
    if let Some(word) = word(Field::Operation)? {
        return Ok(match providers::step(&word) {
            Step::Call(operation) => Said::Call(Some(operation)),
            Step::Unknown if has_tokens() => Said::Unknown(word),
            Step::Around | Step::Unknown => Said::Nothing,
        });
    }
    if let Some(kind) = word(Field::Kind)? {
        return Ok(match providers::step(&kind) {
            Step::Call(operation) => Said::Call(Some(operation)),
            Step::Around => Said::Nothing,
            Step::Unknown => of_sdk(&kind),
        });
    }
    let names_model =
        said.tag(Field::RequestModel).or_else(|| said.tag(Field::ResponseModel)).is_some();
    // A count that is none is told of, rather than passed over.
    let counts = || said.counts().map_or(true, |counts| !counts.is_empty());
    Ok(if names_model && counts() { Said::Call(None) } else { Said::Nothing })
}

/// What Vercel's AI SDK calls its steps: `ai.generateText` stands around `ai.generateText.doGenerate`.
fn of_sdk(kind: &str) -> Said {
    match kind.rsplit_once('.') {
        Some((_, "doGenerate" | "doStream")) => Said::Call(Some("chat")),
        Some((_, "doEmbed")) => Said::Call(Some("embeddings")),
        _ => Said::Nothing,
    }
}

/// Who was called, for which model: the one that answered, where it says so. What Bedrock hosts goes
/// by the id that was asked for, which the answer does not know.
fn who(said: &Attributes<'_>) -> Result<(Option<CompactString>, Option<CompactString>), Refusal> {
    let named = said.name(Field::Provider, "gen_ai.provider.name")?;
    let host = said.tag(Field::Server);
    let asked = said.name(Field::RequestModel, "gen_ai.request.model")?;
    let answered = said.name(Field::ResponseModel, "gen_ai.response.model")?;
    let of_names = answered.as_deref().or(asked.as_deref());
    let provider = providers::provider(named.as_deref(), host.as_deref(), of_names);
    let model = match provider.as_deref() {
        Some("bedrock") => asked.or(answered),
        _ => answered.or(asked),
    };
    Ok((provider, model))
}

/// The name of the event: a span that is sent again has the same.
fn id(span: &Span<'_>) -> Result<CompactString, Refusal> {
    for (name, id, digits) in [("traceId", &span.trace_id, 32), ("spanId", &span.span_id, 16)] {
        let is_hex = id.len() == digits && id.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !is_hex || id.bytes().all(|byte| byte == b'0') {
            let detail = format!("must be {digits} hexadecimal digits, not all of them 0");
            return Err(Refusal::new(RefusalCode::Malformed, name, detail));
        }
    }
    Ok(format_compact!("{}-{}", span.trace_id, span.span_id))
}

fn moment(nanos: u64) -> Option<DateTime<Utc>> {
    let micros = i64::try_from(nanos / 1000).ok().filter(|micros| *micros > 0)?;
    DateTime::from_timestamp_micros(micros)
}

/// How long it took. A clock that was set back in between tells nothing.
fn duration_us(span: &Span<'_>) -> Option<i64> {
    if span.start_nanos == 0 {
        return None;
    }
    let nanos = span.end_nanos.checked_sub(span.start_nanos)?;
    i64::try_from(nanos / 1000).ok()
}

fn status(span: &Span<'_>) -> Status {
    match span.attributes.tag(Field::Error) {
        Some(error) if error.to_ascii_lowercase().contains("cancel") => Status::Cancelled,
        Some(_) => Status::Error,
        None if span.has_failed => Status::Error,
        None => Status::Ok,
    }
}

/// The span's own tags first: of two under one key the later stays.
fn tags(said: &Attributes<'_>, resource: &Attributes<'_>) -> Vec<(CompactString, CompactString)> {
    const OF_FIELDS: [(Field, &str); 4] = [
        (Field::Conversation, "conversation"),
        (Field::Agent, "agent"),
        (Field::Tenant, "tenant"),
        (Field::Error, "error"),
    ];
    let of_field = |(field, key): (Field, &'static str)| {
        let value = said.tag(field).or_else(|| resource.tag(field))?;
        Some((CompactString::const_new(key), value))
    };
    let tier = said.tag(Field::ServiceTier).filter(|tier| !tier.eq_ignore_ascii_case("auto"));
    let tier = tier.map(|tier| (CompactString::const_new("service_tier"), tier));
    let mut tags: Vec<_> = OF_FIELDS.into_iter().filter_map(of_field).chain(tier).collect();
    for (key, value) in resource.tags.iter().chain(&said.tags) {
        tags.retain(|(known, _)| known != key);
        tags.push((key.clone(), value.clone()));
    }
    tags
}

/// What helps to find the call elsewhere, and what was odd about it.
fn metadata(span: &Span<'_>, flags: &[Flag]) -> Option<CompactString> {
    let mut object = Map::new();
    let mut put = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            object.insert(key.to_owned(), value);
        }
    };
    let name = Some(&*span.name).filter(|name| (1..=256).contains(&name.len()));
    put("span", name.map(Value::from));
    put("response_id", span.attributes.tag(Field::ResponseId).map(|id| Value::from(id.as_str())));
    let odd: Vec<String> = flags.iter().map(Flag::describe).collect();
    put("odd", (!odd.is_empty()).then(|| odd.into()));
    let text = CompactString::from(Value::Object(object).to_string());
    (text.len() > 2 && text.len() <= METADATA_BYTES_MAX).then_some(text)
}

/// What a draft takes in memory, about.
pub fn size_bytes(draft: &EventDraft) -> usize {
    let names = [
        &draft.subject,
        &draft.provider,
        &draft.model,
        &draft.service,
        &draft.dimensions.team,
        &draft.dimensions.project,
        &draft.dimensions.platform,
        &draft.dimensions.environment,
        &draft.metadata,
    ];
    let names: usize = names.into_iter().flatten().map(CompactString::len).sum();
    let tag = |(key, value): &(CompactString, CompactString)| {
        key.len() + value.len() + 2 * size_of::<CompactString>()
    };
    let tags: usize = draft.tags.iter().map(tag).sum();
    size_of::<EventDraft>() + draft.id.len() + draft.account.len() + names + tags
}
