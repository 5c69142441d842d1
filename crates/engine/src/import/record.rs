//! What the columns of a table, or the keys of an object, say about an event.

use compact_str::{CompactString, ToCompactString};
use hashbrown::HashMap;
use outlay_domain::usage::{EventDraft, Meter, Refusal, RefusalCode, Status};
use thiserror::Error;

use super::money::{DecimalMark, parse_amount, parse_quantity, parse_span};
use super::zone::{Zone, parse_time};

/// How rows become events.
#[derive(Debug, Clone)]
pub struct Options {
    /// The source of rows that name none.
    pub source: CompactString,
    /// The account of rows that name none; the caller's own where this is none too.
    pub account: Option<CompactString>,
    /// The zone of times that name none.
    pub zone: Zone,
    /// Which sign stands before fractions.
    pub mark: DecimalMark,
    /// Our field, their column.
    pub map: Vec<(String, String)>,
}

/// A field of an event, as a column can fill it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Field {
    /// The event's id.
    Id,
    /// Its source.
    Source,
    /// When it was used.
    OccurredAt,
    /// Who pays.
    Account,
    /// Who or what used it.
    Subject,
    /// Who was paid.
    Provider,
    /// Which model.
    Model,
    /// What was done.
    Operation,
    /// Which service.
    Service,
    /// How it ended.
    Status,
    /// How long it took, in units of so many microseconds.
    Duration(i64),
    /// How much of a meter.
    Quantity(Meter),
    /// The team.
    Team,
    /// The project.
    Project,
    /// The platform.
    Platform,
    /// The environment.
    Environment,
    /// A tag under that key.
    Tag(CompactString),
    /// What it cost.
    Cost,
    /// All metadata, a JSON object.
    Metadata,
    /// One value of the metadata.
    MetadataKey(CompactString),
}

/// How surely a column means a field; the surest of several columns is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Claim {
    /// The person who imports says so.
    Mapped,
    /// It bears our name.
    Named,
    /// It bears a name that others use for it.
    Alias,
}

/// Why the columns cannot be read as events.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MapError {
    /// The left side of a mapping is no field.
    #[error(
        "`{0}` is not a field of an event; fields are id, source, occurred_at, account, subject, \
         provider, model, operation, service, status, duration_ms, cost, metadata, team, project, \
         platform, environment, tags.KEY, quantities.METER and metadata.KEY"
    )]
    NotAField(String),
    /// The right side of a mapping is no column.
    #[error("there is no column `{column}`; the columns are {}", known.join(", "))]
    NoSuchColumn {
        /// The column.
        column: String,
        /// All columns.
        known: Vec<String>,
    },
    /// Nothing is recognised.
    #[error(
        "no column is recognised among {}; say which is which, e.g. --map cost={}",
        known.join(", "),
        known.first().map_or("COLUMN", String::as_str)
    )]
    NothingKnown {
        /// All columns.
        known: Vec<String>,
    },
}

impl Field {
    /// The field that a column of that name fills.
    pub fn named(name: &str) -> Option<Self> {
        claim(name).map(|(field, _)| field)
    }

    /// The field's name on our wire.
    pub fn name(&self) -> String {
        match self {
            Self::Id => "id".into(),
            Self::Source => "source".into(),
            Self::OccurredAt => "occurred_at".into(),
            Self::Account => "account".into(),
            Self::Subject => "subject".into(),
            Self::Provider => "provider".into(),
            Self::Model => "model".into(),
            Self::Operation => "operation".into(),
            Self::Service => "service".into(),
            Self::Status => "status".into(),
            Self::Duration(_) => "duration_ms".into(),
            Self::Quantity(meter) => format!("quantities.{}", meter.name()),
            Self::Team => "dimensions.team".into(),
            Self::Project => "dimensions.project".into(),
            Self::Platform => "dimensions.platform".into(),
            Self::Environment => "dimensions.environment".into(),
            Self::Tag(key) => format!("tags.{key}"),
            Self::Cost => "cost".into(),
            Self::Metadata => "metadata".into(),
            Self::MetadataKey(key) => format!("metadata.{key}"),
        }
    }
}

fn claim(name: &str) -> Option<(Field, Claim)> {
    use Claim::{Alias, Named};
    let name = name.trim();
    if let Some((group, key)) = name.split_once('.')
        && !key.is_empty()
    {
        return match group {
            "tags" | "tag" => Some((Field::Tag(key.into()), Named)),
            "quantities" | "quantity" => Some((Field::Quantity(Meter::from_name(key)), Named)),
            "metadata" => Some((Field::MetadataKey(key.into()), Named)),
            "dimensions" => match claim(key)? {
                (
                    field @ (Field::Team | Field::Project | Field::Platform | Field::Environment),
                    claim,
                ) => Some((field, claim)),
                _ => None,
            },
            _ => None,
        };
    }
    let plain = name.to_lowercase().replace([' ', '-'], "_");
    Some(match plain.as_str() {
        "id" => (Field::Id, Named),
        "event_id" => (Field::Id, Alias),
        "source" => (Field::Source, Named),
        "occurred_at" => (Field::OccurredAt, Named),
        "timestamp" | "time" | "datetime" | "date" | "ts" | "created_at" => {
            (Field::OccurredAt, Alias)
        }
        "account" => (Field::Account, Named),
        "account_id" => (Field::Account, Alias),
        "subject" => (Field::Subject, Named),
        "user" | "user_id" => (Field::Subject, Alias),
        "provider" => (Field::Provider, Named),
        "vendor" => (Field::Provider, Alias),
        "model" => (Field::Model, Named),
        "operation" => (Field::Operation, Named),
        "service" => (Field::Service, Named),
        "status" => (Field::Status, Named),
        "duration_ms" => (Field::Duration(1_000), Named),
        "latency_ms" => (Field::Duration(1_000), Alias),
        "duration_us" => (Field::Duration(1), Alias),
        "duration_s" | "duration_seconds" | "latency_seconds" => {
            (Field::Duration(1_000_000), Alias)
        }
        "cost" => (Field::Cost, Named),
        "stated_cost" | "cost_usd" | "total_cost" | "amount" | "amount_usd" => (Field::Cost, Alias),
        "team" => (Field::Team, Named),
        "project" => (Field::Project, Named),
        "project_id" => (Field::Project, Alias),
        "platform" => (Field::Platform, Named),
        "environment" => (Field::Environment, Named),
        "env" => (Field::Environment, Alias),
        "metadata" => (Field::Metadata, Named),
        meter => {
            let known = Meter::from_name(meter);
            known.known_index()?;
            let claim = if known.name() == meter { Named } else { Alias };
            (Field::Quantity(known), claim)
        }
    })
}

/// Knows which column means which field.
#[derive(Debug, Clone)]
pub struct Mapper {
    options: Options,
    mapped: HashMap<String, Field>,
    cache: HashMap<String, Option<(Field, Claim)>>,
}

/// Keys whose meaning is remembered, at most: objects with keys that never repeat stay bounded.
const CACHE_KEYS_MAX: usize = 4_096;

impl Mapper {
    /// Reads the mappings of `options`.
    pub fn new(options: Options) -> Result<Self, MapError> {
        let mut mapped = HashMap::new();
        for (ours, theirs) in &options.map {
            let field = Field::named(ours).ok_or_else(|| MapError::NotAField(ours.clone()))?;
            mapped.insert(theirs.trim().to_owned(), field);
        }
        Ok(Self { options, mapped, cache: HashMap::new() })
    }

    /// The fields of a header's columns: `None` where a column is not imported.
    pub fn columns(&mut self, header: &[String]) -> Result<Vec<Option<Field>>, MapError> {
        for theirs in self.mapped.keys() {
            if !header.iter().any(|column| column.trim() == theirs) {
                let (column, known) = (theirs.clone(), header.to_vec());
                return Err(MapError::NoSuchColumn { column, known });
            }
        }
        let claims: Vec<_> = header.iter().map(|column| self.claim(column)).collect();
        let mut columns = vec![None; claims.len()];
        for at in surest(&claims) {
            columns[at] = claims[at].clone().map(|(field, _)| field);
        }
        if columns.iter().all(Option::is_none) {
            return Err(MapError::NothingKnown { known: header.to_vec() });
        }
        Ok(columns)
    }

    /// The values of an object that mean something, each with its field, and the keys that mean
    /// nothing.
    pub fn fields<'a>(
        &mut self,
        cells: &'a [(String, String)],
    ) -> (Vec<(Field, &'a str, &'a str)>, Vec<&'a str>) {
        let claims: Vec<_> = cells.iter().map(|(key, _)| self.claim(key)).collect();
        let taken = surest(&claims);
        let unknown = (0..cells.len()).filter(|at| !taken.contains(at));
        let unknown = unknown.map(|at| cells[at].0.as_str()).collect();
        let fields = taken.into_iter().filter_map(|at| {
            let (key, value) = &cells[at];
            claims[at].clone().map(|(field, _)| (field, key.as_str(), value.as_str()))
        });
        (fields.collect(), unknown)
    }

    fn claim(&mut self, column: &str) -> Option<(Field, Claim)> {
        if let Some(field) = self.mapped.get(column.trim()) {
            return Some((field.clone(), Claim::Mapped));
        }
        if let Some(known) = self.cache.get(column) {
            return known.clone();
        }
        let known = claim(column);
        if self.cache.len() < CACHE_KEYS_MAX {
            self.cache.insert(column.to_owned(), known.clone());
        }
        known
    }

    /// Makes a draft of values; the id stays empty where none is given.
    pub fn draft<'a>(
        &self,
        values: impl Iterator<Item = (&'a Field, &'a str, &'a str)>,
    ) -> Result<EventDraft, Refusal> {
        let mut draft = EventDraft {
            source: self.options.source.clone(),
            account: self.options.account.clone().unwrap_or_default(),
            ..EventDraft::default()
        };
        let mut metadata = serde_json::Map::new();
        for (field, column, value) in values {
            let value = value.trim();
            if !value.is_empty() {
                self.fill(&mut draft, &mut metadata, field, value)
                    .map_err(|(code, detail)| refusal(field, column, code, detail))?;
            }
        }
        if draft.occurred_at.is_none() {
            let detail = "a row must say when; name the column with --map occurred_at=COLUMN";
            return Err(Refusal::new(RefusalCode::Missing, "occurred_at", detail));
        }
        if !metadata.is_empty() {
            draft.metadata = Some(serde_json::Value::Object(metadata).to_compact_string());
        }
        Ok(draft)
    }

    fn fill(
        &self,
        draft: &mut EventDraft,
        metadata: &mut serde_json::Map<String, serde_json::Value>,
        field: &Field,
        value: &str,
    ) -> Result<(), (RefusalCode, String)> {
        use RefusalCode::{Malformed, OutOfRange};
        let malformed = |error: &dyn std::error::Error| (Malformed, error.to_string());
        let mark = self.options.mark;
        let text = || Some(CompactString::from(value));
        match field {
            Field::Id => draft.id = value.into(),
            Field::Source => draft.source = value.into(),
            Field::Account => draft.account = value.into(),
            Field::Subject => draft.subject = text(),
            Field::Provider => draft.provider = text(),
            Field::Model => draft.model = text(),
            Field::Operation => draft.operation = text(),
            Field::Service => draft.service = text(),
            Field::Team => draft.dimensions.team = text(),
            Field::Project => draft.dimensions.project = text(),
            Field::Platform => draft.dimensions.platform = text(),
            Field::Environment => draft.dimensions.environment = text(),
            Field::Tag(key) => draft.tags.push((key.clone(), value.into())),
            Field::OccurredAt => {
                let at = parse_time(value, self.options.zone).map_err(|error| malformed(&error))?;
                draft.occurred_at = Some(at);
            }
            Field::Status => {
                draft.status = Status::parse(&value.to_lowercase()).ok_or_else(|| {
                    (Malformed, format!("`{value}` is not ok, error, cancelled or blocked"))
                })?;
            }
            Field::Duration(micros) => {
                let span = parse_span(value, mark, *micros)
                    .ok_or_else(|| (Malformed, format!("`{value}` is not a number")))?;
                draft.duration_us = Some(span);
            }
            Field::Quantity(meter) => {
                let quantity = parse_quantity(value, mark).map_err(|error| malformed(&error))?;
                draft.quantities.push((meter.clone(), quantity));
            }
            Field::Cost => {
                use outlay_domain::amount::AmountError;
                let amount = parse_amount(value, mark).map_err(|error| match error {
                    AmountError::OutOfRange(_) => (OutOfRange, error.to_string()),
                    _ if mark == DecimalMark::Point && value.contains(',') => {
                        (Malformed, format!("{error}; for `12,5` give --decimal-comma"))
                    }
                    _ => malformed(&error),
                })?;
                draft.stated_cost = Some(amount);
            }
            Field::Metadata => {
                let object = serde_json::from_str::<serde_json::Map<_, _>>(value)
                    .map_err(|_| (Malformed, "is not a JSON object".to_owned()))?;
                metadata.extend(object);
            }
            Field::MetadataKey(key) => {
                metadata.insert(key.to_string(), value.into());
            }
        }
        Ok(())
    }
}

/// The places of the claims that win, in order: each field once, by its surest column, and by the
/// first of several that are as sure.
fn surest(claims: &[Option<(Field, Claim)>]) -> Vec<usize> {
    let loses = |at: usize, field: &Field, claim: Claim| {
        claims.iter().enumerate().any(|(other, rival)| match rival {
            Some((rival_field, rival)) => {
                same_field(rival_field, field)
                    && (*rival < claim || (*rival == claim && other < at))
            }
            None => false,
        })
    };
    let wins =
        |at: &usize| claims[*at].as_ref().is_some_and(|(field, claim)| !loses(*at, field, *claim));
    (0..claims.len()).filter(wins).collect()
}

fn same_field(a: &Field, b: &Field) -> bool {
    matches!((a, b), (Field::Duration(_), Field::Duration(_))) || a == b
}

fn refusal(field: &Field, column: &str, code: RefusalCode, detail: String) -> Refusal {
    let name = field.name();
    let bare = name.rsplit('.').next().unwrap_or_default();
    if column == name || column == bare {
        Refusal::new(code, name, detail)
    } else {
        Refusal::new(code, name, format!("column `{column}`: {detail}"))
    }
}
