//! One usage event and its bounds.

use std::fmt;

use chrono::{DateTime, Duration, Utc};
use compact_str::CompactString;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use utoipa::ToSchema;

use super::meter::{Meter, MeterNameFault, Quantities};
use super::question::Attribute;
use crate::{Amount, Quantity};

/// Bytes in an id or a source, at most.
pub const ID_BYTES_MAX: usize = 256;
/// Bytes in any name (account, model, team, …), at most.
pub const NAME_BYTES_MAX: usize = 256;
/// Quantities in one event, at most.
pub const QUANTITIES_MAX: usize = 32;
/// Tags on one event, at most.
pub const EVENT_TAGS_MAX: usize = 32;
/// Bytes in the key of a tag, at most.
pub const TAG_KEY_BYTES_MAX: usize = 64;
/// Bytes in the value of a tag, at most.
pub const TAG_VALUE_BYTES_MAX: usize = 256;
/// Bytes of metadata, as JSON, at most.
pub const METADATA_BYTES_MAX: usize = 8 * 1024;
/// What one event may cost, at most, in units of the currency: no single call costs as much in any
/// currency, and an account holds the sum of many of them.
pub const EVENT_AMOUNT_MAX: Amount = Amount::from_units(100_000_000);
/// How much of anything one event may have used, at most: a trillion tokens, bytes or seconds.
pub const EVENT_QUANTITY_MAX: Quantity = Quantity::from_micros(1_000_000_000_000_000_000);
/// How long an event may have taken, at most: a hundred years.
pub const EVENT_DURATION_US_MAX: i64 = 100 * 366 * 86_400_000_000;
/// How far ahead of the server an event may be, because clocks differ.
pub const FUTURE_TOLERANCE_HOURS: i64 = 24;
/// Events before this year are refused: a date there is a mistake of units.
pub const OLDEST_YEAR: i32 = 2000;

/// A fact: this much of that was used, by whom, when. Never edited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageEvent {
    /// The sender's name for the event, unique within its account and source.
    pub id: CompactString,
    /// Who sends; with the account and the id it is the key by which a repeat is known.
    pub source: CompactString,
    /// When it was used, to the microsecond.
    #[serde(with = "chrono::serde::ts_microseconds")]
    pub occurred_at: DateTime<Utc>,
    /// Who pays.
    pub account: CompactString,
    /// Who or what used it, where that is known.
    pub subject: Option<CompactString>,
    /// Who was paid, e.g. `openai`.
    pub provider: Option<CompactString>,
    /// Which model or product, as the provider names it.
    pub model: Option<CompactString>,
    /// What was done, e.g. `chat`.
    pub operation: Option<CompactString>,
    /// Which service of ours, or which outside service, e.g. `search-api`.
    pub service: Option<CompactString>,
    /// How it ended.
    pub status: Status,
    /// How long it took, in microseconds.
    pub duration_us: Option<i64>,
    /// How much was used.
    pub quantities: Quantities,
    /// The named attributes to group by.
    pub dimensions: Dimensions,
    /// Free attributes to group by.
    pub tags: Tags,
    /// What the provider or the sender says it cost.
    pub stated_cost: Option<Amount>,
    /// Anything else, a JSON object as text; kept, not searched.
    pub metadata: Option<CompactString>,
}

/// What names an event: one account's ids are nothing to another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventName {
    /// Who pays.
    pub account: CompactString,
    /// Who sends.
    pub source: CompactString,
    /// The sender's name for it.
    pub id: CompactString,
}

impl UsageEvent {
    /// What names the event.
    pub fn name(&self) -> EventName {
        EventName {
            account: self.account.clone(),
            source: self.source.clone(),
            id: self.id.clone(),
        }
    }

    /// Its value of an attribute; what is empty is none.
    pub fn value_of(&self, attribute: &Attribute) -> Option<&str> {
        let value = match attribute {
            Attribute::Account => Some(self.account.as_str()),
            Attribute::Subject => self.subject.as_deref(),
            Attribute::Provider => self.provider.as_deref(),
            Attribute::Model => self.model.as_deref(),
            Attribute::Operation => self.operation.as_deref(),
            Attribute::Service => self.service.as_deref(),
            Attribute::Status => Some(self.status.as_str()),
            Attribute::Team => self.dimensions.team.as_deref(),
            Attribute::Project => self.dimensions.project.as_deref(),
            Attribute::Platform => self.dimensions.platform.as_deref(),
            Attribute::Environment => self.dimensions.environment.as_deref(),
            Attribute::Source => Some(self.source.as_str()),
            Attribute::Tag(key) => self.tags.get(key),
        };
        value.filter(|value| !value.is_empty())
    }

    /// What the event takes in memory, about: itself, and the texts that do not fit into it.
    pub fn size_bytes(&self) -> usize {
        let some = |text: &Option<CompactString>| text.as_ref().map_or(0, heap_bytes);
        let names = [
            &self.subject,
            &self.provider,
            &self.model,
            &self.operation,
            &self.service,
            &self.dimensions.team,
            &self.dimensions.project,
            &self.dimensions.platform,
            &self.dimensions.environment,
            &self.metadata,
        ];
        let texts: usize = names.into_iter().map(some).sum();
        let tags = self
            .tags
            .0
            .iter()
            .map(|tag| size_of_val(tag) + heap_bytes(&tag.0) + heap_bytes(&tag.1));
        let ids = heap_bytes(&self.id) + heap_bytes(&self.source) + heap_bytes(&self.account);
        let quantities = self.quantities.len() * size_of::<(Meter, Quantity)>();
        size_of::<Self>() + texts + tags.sum::<usize>() + ids + quantities
    }
}

fn heap_bytes(text: &CompactString) -> usize {
    if text.is_heap_allocated() { text.capacity() } else { 0 }
}

/// The named attributes of an event that are not about the provider.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Dimensions {
    /// A team.
    pub team: Option<CompactString>,
    /// A project.
    pub project: Option<CompactString>,
    /// A platform, e.g. `web`.
    pub platform: Option<CompactString>,
    /// An environment, e.g. `production`.
    pub environment: Option<CompactString>,
}

/// Free attributes, sorted by key, each key once.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Tags(Vec<(CompactString, CompactString)>);

impl Tags {
    /// No tags.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// The value under `key`.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.binary_search_by(|(known, _)| known.as_str().cmp(key)).ok().map(|at| &*self.0[at].1)
    }

    /// Keys and values, by key.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// How many tags there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no tag.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<(CompactString, CompactString)> for Tags {
    /// Sorts the tags; of two values under one key the later stays.
    fn from_iter<I: IntoIterator<Item = (CompactString, CompactString)>>(iter: I) -> Self {
        let mut tags: Vec<_> = iter.into_iter().collect();
        tags.reverse();
        tags.sort_by(|(a, _), (b, _)| a.cmp(b));
        tags.dedup_by(|(later, _), (earlier, _)| later == earlier);
        Self(tags)
    }
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = EventStatus)]
pub enum Status {
    /// It did what was asked.
    #[default]
    Ok,
    /// It failed.
    Error,
    /// The caller went away before the end.
    Cancelled,
    /// A limit stopped it before it reached the provider.
    Blocked,
}

impl Status {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Ok, Self::Error, Self::Cancelled, Self::Blocked];

    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Error => "error",
            Self::Cancelled => "cancelled",
            Self::Blocked => "blocked",
        }
    }

    /// Reads our own words, their common synonyms, and HTTP status codes.
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "ok" | "success" | "succeeded" | "completed" => Self::Ok,
            "error" | "failed" | "failure" | "timeout" => Self::Error,
            "cancelled" | "canceled" => Self::Cancelled,
            "blocked" => Self::Blocked,
            code => match code.parse::<u16>().ok()? {
                100..=399 => Self::Ok,
                400..=599 => Self::Error,
                _ => return None,
            },
        })
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why one event was refused, for the person who sent it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{field}: {detail}")]
pub struct Refusal {
    /// Which kind of mistake.
    pub code: RefusalCode,
    /// The field at fault, e.g. `quantities.input_tokens`.
    pub field: CompactString,
    /// What is wrong and what would be right.
    pub detail: String,
}

impl Refusal {
    /// A refusal of `field`.
    pub fn new(
        code: RefusalCode,
        field: impl Into<CompactString>,
        detail: impl Into<String>,
    ) -> Self {
        Self { code, field: field.into(), detail: detail.into() }
    }
}

/// The kinds of mistakes in an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RefusalCode {
    /// A field that must be there is not.
    Missing,
    /// A value is not of the field's form.
    Malformed,
    /// A value is too long, or there are too many.
    TooLarge,
    /// A number is negative, infinite or out of range.
    OutOfRange,
    /// The event is from the far future.
    InFuture,
    /// The event is from before anything was measured, or older than what is kept.
    TooOld,
    /// A field that nobody knows.
    Unknown,
    /// The caller may not charge that account.
    Forbidden,
    /// The id was used before for an event with another body.
    Conflict,
    /// The balance of the account has too little, and its terms let it owe no more.
    Insufficient,
    /// A hard limit of the account's plan would be passed.
    LimitReached,
}

impl RefusalCode {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Malformed => "malformed",
            Self::TooLarge => "too_large",
            Self::OutOfRange => "out_of_range",
            Self::InFuture => "in_future",
            Self::TooOld => "too_old",
            Self::Unknown => "unknown",
            Self::Forbidden => "forbidden",
            Self::Conflict => "conflict",
            Self::Insufficient => "insufficient",
            Self::LimitReached => "limit_reached",
        }
    }
}

/// An event as a door decoded it, not yet judged. [`EventDraft::accept`] makes it a [`UsageEvent`].
///
/// Empty names count as absent, so that a sender may leave a column of a table empty.
#[derive(Debug, Clone, Default)]
pub struct EventDraft {
    /// See [`UsageEvent::id`].
    pub id: CompactString,
    /// See [`UsageEvent::source`].
    pub source: CompactString,
    /// When; the time of receipt where the sender said none.
    pub occurred_at: Option<DateTime<Utc>>,
    /// See [`UsageEvent::account`].
    pub account: CompactString,
    /// See [`UsageEvent::subject`].
    pub subject: Option<CompactString>,
    /// See [`UsageEvent::provider`].
    pub provider: Option<CompactString>,
    /// See [`UsageEvent::model`].
    pub model: Option<CompactString>,
    /// See [`UsageEvent::operation`].
    pub operation: Option<CompactString>,
    /// See [`UsageEvent::service`].
    pub service: Option<CompactString>,
    /// See [`UsageEvent::status`].
    pub status: Status,
    /// See [`UsageEvent::duration_us`].
    pub duration_us: Option<i64>,
    /// See [`UsageEvent::quantities`].
    pub quantities: Vec<(Meter, Quantity)>,
    /// See [`UsageEvent::dimensions`].
    pub dimensions: Dimensions,
    /// See [`UsageEvent::tags`].
    pub tags: Vec<(CompactString, CompactString)>,
    /// See [`UsageEvent::stated_cost`].
    pub stated_cost: Option<Amount>,
    /// See [`UsageEvent::metadata`].
    pub metadata: Option<CompactString>,
}

impl EventDraft {
    /// Judges the draft against the bounds; `received_at` is the server's time.
    pub fn accept(self, received_at: DateTime<Utc>) -> Result<UsageEvent, Refusal> {
        use RefusalCode::{Missing, OutOfRange, TooLarge};

        let id = named("id", self.id)?;
        let source = named("source", self.source)?;
        let account = required("account", self.account, NAME_BYTES_MAX)?;
        let occurred_at = self.occurred_at.unwrap_or(received_at);
        check_time(occurred_at, received_at)?;

        if self.duration_us.is_some_and(|duration| duration < 0) {
            return Err(Refusal::new(OutOfRange, "duration_ms", "must not be negative"));
        }
        if self.duration_us.is_some_and(|duration| duration > EVENT_DURATION_US_MAX) {
            let detail = "is more than a hundred years; give milliseconds";
            return Err(Refusal::new(OutOfRange, "duration_ms", detail));
        }
        if self.quantities.len() > QUANTITIES_MAX {
            let detail = format!("{} given, {QUANTITIES_MAX} at most", self.quantities.len());
            return Err(Refusal::new(TooLarge, "quantities", detail));
        }
        for (meter, quantity) in &self.quantities {
            check_quantity(meter, *quantity)?;
        }
        let mut quantities: Quantities = self.quantities.into_iter().collect();
        if !quantities.contains(&Meter::Requests) {
            // An event is a call unless it says otherwise.
            quantities.set(Meter::Requests, Quantity::ONE);
        }

        if self.tags.len() > EVENT_TAGS_MAX {
            let detail = format!("{} given, {EVENT_TAGS_MAX} at most", self.tags.len());
            return Err(Refusal::new(TooLarge, "tags", detail));
        }
        for (key, value) in &self.tags {
            check_tag(key, value)?;
        }
        if self.stated_cost.is_some_and(Amount::is_negative) {
            return Err(Refusal::new(OutOfRange, "cost", "must not be negative"));
        }
        if let Some(cost) = self.stated_cost.filter(|cost| *cost > EVENT_AMOUNT_MAX) {
            let detail = format!(
                "{cost} is more than the {EVENT_AMOUNT_MAX} that one event may cost; check its unit"
            );
            return Err(Refusal::new(OutOfRange, "cost", detail));
        }
        if let Some(metadata) = &self.metadata
            && metadata.len() > METADATA_BYTES_MAX
        {
            let detail = format!("{} bytes given, {METADATA_BYTES_MAX} at most", metadata.len());
            return Err(Refusal::new(TooLarge, "metadata", detail));
        }
        if self.provider.is_none() && self.service.is_none() && self.stated_cost.is_none() {
            return Err(Refusal::new(
                Missing,
                "provider",
                "say a provider or a service, so that the event can be priced and found",
            ));
        }

        Ok(UsageEvent {
            id,
            source,
            occurred_at,
            account,
            subject: optional("subject", self.subject)?,
            provider: optional("provider", self.provider)?,
            model: optional("model", self.model)?,
            operation: optional("operation", self.operation)?,
            service: optional("service", self.service)?,
            status: self.status,
            duration_us: self.duration_us,
            quantities,
            dimensions: Dimensions {
                team: optional("dimensions.team", self.dimensions.team)?,
                project: optional("dimensions.project", self.dimensions.project)?,
                platform: optional("dimensions.platform", self.dimensions.platform)?,
                environment: optional("dimensions.environment", self.dimensions.environment)?,
            },
            tags: self.tags.into_iter().collect(),
            stated_cost: self.stated_cost,
            metadata: self.metadata.filter(|metadata| !metadata.is_empty()),
        })
    }
}

/// A part of an event's name. One of blanks only says nothing, and would be the same for all who say so.
fn named(field: &str, text: CompactString) -> Result<CompactString, Refusal> {
    let said = if text.trim().is_empty() { CompactString::default() } else { text };
    required(field, said, ID_BYTES_MAX)
}

fn required(field: &str, text: CompactString, max: usize) -> Result<CompactString, Refusal> {
    if text.is_empty() {
        return Err(Refusal::new(RefusalCode::Missing, field, "must be given and not empty"));
    }
    bounded(field, text, max)
}

fn optional(field: &str, text: Option<CompactString>) -> Result<Option<CompactString>, Refusal> {
    text.filter(|text| !text.is_empty())
        .map(|text| bounded(field, text, NAME_BYTES_MAX))
        .transpose()
}

fn bounded(field: &str, text: CompactString, max: usize) -> Result<CompactString, Refusal> {
    check_text(&field, &text, max)?;
    Ok(text)
}

fn check_text(field: &dyn fmt::Display, text: &str, max: usize) -> Result<(), Refusal> {
    let refuse = |code, detail: String| Err(Refusal::new(code, field.to_string(), detail));
    if text.len() > max {
        return refuse(RefusalCode::TooLarge, format!("{} bytes given, {max} at most", text.len()));
    }
    if text.bytes().any(|byte| byte.is_ascii_control()) {
        return refuse(RefusalCode::Malformed, "must not hold control characters".into());
    }
    Ok(())
}

fn check_time(occurred_at: DateTime<Utc>, received_at: DateTime<Utc>) -> Result<(), Refusal> {
    use chrono::Datelike;
    if occurred_at.year() < OLDEST_YEAR {
        let detail =
            format!("{occurred_at} is before {OLDEST_YEAR}; send seconds as RFC 3339 text");
        return Err(Refusal::new(RefusalCode::TooOld, "occurred_at", detail));
    }
    if occurred_at > received_at + Duration::hours(FUTURE_TOLERANCE_HOURS) {
        let detail = format!(
            "{occurred_at} is more than {FUTURE_TOLERANCE_HOURS} hours ahead of the server's {received_at}"
        );
        return Err(Refusal::new(RefusalCode::InFuture, "occurred_at", detail));
    }
    Ok(())
}

fn check_quantity(meter: &Meter, quantity: Quantity) -> Result<(), Refusal> {
    let refuse = |code, detail: String| {
        Err(Refusal::new(code, format!("quantities.{}", meter.name()), detail))
    };
    if let Some(fault) = Meter::fault_of_name(meter.name()) {
        let code = match fault {
            MeterNameFault::Length => RefusalCode::TooLarge,
            MeterNameFault::Letters => RefusalCode::Malformed,
        };
        return Err(Refusal::new(code, "quantities", fault.to_string()));
    }
    if quantity.is_negative() {
        return refuse(RefusalCode::OutOfRange, format!("{quantity} is negative"));
    }
    if quantity > EVENT_QUANTITY_MAX {
        let detail = format!(
            "{quantity} is more than the {EVENT_QUANTITY_MAX} that one event may have used; check \
             its unit"
        );
        return refuse(RefusalCode::OutOfRange, detail);
    }
    if !meter.is_divisible() && !quantity.is_whole() {
        return refuse(RefusalCode::Malformed, format!("{quantity} is not a whole number"));
    }
    Ok(())
}

fn check_tag(key: &str, value: &str) -> Result<(), Refusal> {
    if key.is_empty() {
        return Err(Refusal::new(RefusalCode::Malformed, "tags", "a tag's key must not be empty"));
    }
    check_text(&"tags", key, TAG_KEY_BYTES_MAX)?;
    check_text(&format_args!("tags.{key}"), value, TAG_VALUE_BYTES_MAX)
}
