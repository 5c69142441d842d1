//! The columns of the history, and the way between them and facts.
//!
//! The same schema stands in the tail and in the Parquet segments; `docs/reference/history.md`
//! describes it for people who open the files with other tools. Names that repeat are dictionary
//! coded. Tags and free-form meters are JSON texts with sorted keys, because whole sets repeat:
//! grouping by a tag then reads each distinct set once.

use std::borrow::Cow;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, LazyLock};

use chrono::{DateTime, Utc};
use compact_str::CompactString;
use datafusion::arrow::array::{
    Array, AsArray, DictionaryArray, Int8Array, Int64Array, RecordBatch, StringArray,
};
use datafusion::arrow::datatypes::{
    DataType, Field, Int8Type, Int32Type, Int64Type, Schema, SchemaRef, TimeUnit,
    TimestampMicrosecondType,
};
use outlay_domain::usage::{
    Charge, ChargeBasis, Dimensions, Fact, FactKind, Meter, Quantities, Status, Tags, UsageEvent,
};
use outlay_domain::{Amount, Quantity};
use serde::de::{DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde::{Serialize, Serializer};

use super::columns::{ColumnsBuilder, RowBuilder};
use crate::StoreError;
use crate::pace::Pace;

/// The name of the column of a known meter, in the order of [`Meter::KNOWN`].
///
/// Whole units, except `seconds_micros`, which are millionths.
pub const METER_COLUMNS: [&str; Meter::KNOWN.len()] = [
    "requests",
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_5m_tokens",
    "cache_write_1h_tokens",
    "reasoning_tokens",
    "input_audio_tokens",
    "output_audio_tokens",
    "cache_read_audio_tokens",
    "input_image_tokens",
    "output_image_tokens",
    "images",
    "seconds_micros",
    "characters",
    "pages",
    "searches",
];

/// Columns of names that repeat, dictionary coded, in the order of the schema.
pub const NAME_COLUMNS: [&str; 13] = [
    "source",
    "account",
    "subject",
    "provider",
    "model",
    "operation",
    "service",
    "status",
    "team",
    "project",
    "platform",
    "environment",
    "kind",
];

/// The columns of the history.
pub static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    let time = || DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let name = || DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    let mut fields = vec![
        Field::new("occurred_at", time(), false),
        Field::new("received_at", time(), false),
        Field::new("id", DataType::Utf8, false),
    ];
    fields.extend(NAME_COLUMNS.map(|column| Field::new(column, name(), true)));
    fields.push(Field::new("duration_us", DataType::Int64, true));
    fields.extend(METER_COLUMNS.map(|column| Field::new(column, DataType::Int64, true)));
    fields.extend([
        Field::new("other_meters", name(), true),
        Field::new("tags", name(), true),
        Field::new("metadata", DataType::Utf8, true),
        Field::new("stated_nanos", DataType::Int64, true),
        Field::new("amount_nanos", DataType::Int64, true),
        Field::new("unpriced", DataType::Int8, false),
        Field::new("basis", name(), false),
        Field::new("prices", name(), true),
    ]);
    Arc::new(Schema::new(fields))
});

/// Writes facts as columns.
pub fn to_columns(facts: &[Fact]) -> Result<RecordBatch, StoreError> {
    facts_to_columns(facts, facts.len())
}

/// Whether facts can become columns, a few thousand at a time, as they do on their way to a segment.
pub fn check_columns(facts: &[Fact]) -> Result<(), StoreError> {
    const ROWS: usize = 8_192;
    for facts in facts.chunks(ROWS) {
        let built = catch_unwind(AssertUnwindSafe(|| to_columns(facts)));
        built.map_err(|_| StoreError::Damaged {
            what: "a batch of facts".into(),
            how: "it cannot become columns".into(),
        })??;
    }
    Ok(())
}

/// Writes facts as columns, of which there will be as many as `rows`.
pub(super) fn facts_to_columns<'a>(
    facts: impl IntoIterator<Item = &'a Fact>,
    rows: usize,
) -> Result<RecordBatch, StoreError> {
    let mut columns = ColumnsBuilder::with_capacity(rows);
    let mut pace = Pace::default();
    for fact in facts {
        pace.step();
        push_fact(&mut columns, fact);
    }
    columns.finish()
}

/// Adds a row, column by column in the order of the [`SCHEMA`].
fn push_fact(columns: &mut ColumnsBuilder, fact: &Fact) {
    let event = &fact.event;
    let mut row = columns.row();
    row.number(Some(event.occurred_at.timestamp_micros()));
    row.number(Some(fact.received_at.timestamp_micros()));
    row.text(Some(&event.id));
    event_names(fact).into_iter().for_each(|name| row.text(name));
    row.number(event.duration_us);
    push_meters(&mut row, &event.quantities);
    match event.tags.is_empty() {
        true => row.text(None),
        false => row.text(Some(&tags_text(&event.tags))),
    }
    row.text(event.metadata.as_deref());
    row.number(event.stated_cost.map(Amount::nanos));
    row.number(fact.charge.amount.map(Amount::nanos));
    row.byte(fact.charge.unpriced);
    row.text(Some(fact.charge.basis.as_str()));
    row.text(Some(&*fact.charge.prices).filter(|prices| !prices.is_empty()));
}

/// The texts of [`NAME_COLUMNS`].
fn event_names(fact: &Fact) -> [Option<&str>; NAME_COLUMNS.len()] {
    let event = &fact.event;
    [
        Some(&event.source),
        Some(&event.account),
        event.subject.as_deref(),
        event.provider.as_deref(),
        event.model.as_deref(),
        event.operation.as_deref(),
        event.service.as_deref(),
        Some(event.status.as_str()),
        event.dimensions.team.as_deref(),
        event.dimensions.project.as_deref(),
        event.dimensions.platform.as_deref(),
        event.dimensions.environment.as_deref(),
        Some(fact.kind.as_str()),
    ]
}

fn push_meters(row: &mut RowBuilder<'_>, quantities: &Quantities) {
    let mut rest = quantities.iter().peekable();
    for known in &Meter::KNOWN {
        row.number(match rest.next_if(|(meter, _)| *meter == known) {
            Some((Meter::Seconds, quantity)) => Some(quantity.micros()),
            Some((_, quantity)) => Some(quantity.whole()),
            None => None,
        });
    }
    if rest.peek().is_none() {
        row.text(None);
    } else {
        let texts: serde_json::Map<_, _> = rest
            .map(|(meter, quantity)| (meter.name().to_owned(), quantity.to_string().into()))
            .collect();
        row.text(Some(&serde_json::Value::from(texts).to_string()));
    }
}

/// Tags as a JSON object with sorted keys.
pub fn tags_text(tags: &Tags) -> String {
    serde_json::to_string(&Object(tags))
        .unwrap_or_else(|error| panic!("texts are always JSON: {error}"))
}

/// Tags, which have an order, as an object. They stand in most events, so that nothing is built first.
struct Object<'a>(&'a Tags);

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter())
    }
}

/// Reads facts back from columns.
pub fn to_facts(columns: &RecordBatch) -> Result<Vec<Fact>, StoreError> {
    let reader = FactReader::new(columns)?;
    (0..columns.num_rows()).map(|row| reader.fact(row)).collect()
}

/// Reads single facts from columns.
pub struct FactReader<'a> {
    occurred_at: &'a datafusion::arrow::array::TimestampMicrosecondArray,
    received_at: &'a datafusion::arrow::array::TimestampMicrosecondArray,
    id: &'a StringArray,
    names: [Names<'a>; NAME_COLUMNS.len()],
    duration: &'a Int64Array,
    meters: [&'a Int64Array; METER_COLUMNS.len()],
    other_meters: Names<'a>,
    tags: Names<'a>,
    metadata: &'a StringArray,
    stated: &'a Int64Array,
    amount: &'a Int64Array,
    unpriced: &'a Int8Array,
    basis: Names<'a>,
    prices: Names<'a>,
}

/// A dictionary-coded column of texts.
struct Names<'a> {
    column: &'a DictionaryArray<Int32Type>,
    values: &'a StringArray,
}

impl<'a> Names<'a> {
    fn get(&self, row: usize) -> Option<&'a str> {
        self.column.key(row).map(|key| self.values.value(key))
    }
}

impl<'a> FactReader<'a> {
    /// A reader of `columns`, which must have the whole [`SCHEMA`].
    pub fn new(columns: &'a RecordBatch) -> Result<Self, StoreError> {
        let damaged = |how: &str| StoreError::Damaged { what: "a segment".into(), how: how.into() };
        let column = |name: &str| {
            columns.column_by_name(name).ok_or_else(|| damaged(&format!("no column `{name}`")))
        };
        let int64 = |name: &str| {
            column(name)?
                .as_primitive_opt::<Int64Type>()
                .ok_or_else(|| damaged(&format!("`{name}` is not of 64-bit integers")))
        };
        let time = |name: &str| {
            column(name)?
                .as_primitive_opt::<TimestampMicrosecondType>()
                .ok_or_else(|| damaged(&format!("`{name}` is not of times")))
        };
        let text = |name: &str| {
            column(name)?
                .as_string_opt::<i32>()
                .ok_or_else(|| damaged(&format!("`{name}` is not of texts")))
        };
        let names = |name: &str| {
            let column = column(name)?
                .as_dictionary_opt::<Int32Type>()
                .ok_or_else(|| damaged(&format!("`{name}` is not of names")))?;
            let values = column
                .values()
                .as_string_opt::<i32>()
                .ok_or_else(|| damaged(&format!("`{name}` is not of texts")))?;
            Ok::<_, StoreError>(Names { column, values })
        };
        let mut name_columns = Vec::with_capacity(NAME_COLUMNS.len());
        for name in NAME_COLUMNS {
            name_columns.push(names(name)?);
        }
        let mut meters = Vec::with_capacity(METER_COLUMNS.len());
        for name in METER_COLUMNS {
            meters.push(int64(name)?);
        }
        Ok(Self {
            occurred_at: time("occurred_at")?,
            received_at: time("received_at")?,
            id: text("id")?,
            names: name_columns.try_into().map_err(|_| damaged("names are missing"))?,
            duration: int64("duration_us")?,
            meters: meters.try_into().map_err(|_| damaged("meters are missing"))?,
            other_meters: names("other_meters")?,
            tags: names("tags")?,
            metadata: text("metadata")?,
            stated: int64("stated_nanos")?,
            amount: int64("amount_nanos")?,
            unpriced: column("unpriced")?
                .as_primitive_opt::<Int8Type>()
                .ok_or_else(|| damaged("`unpriced` is not of 8-bit integers"))?,
            basis: names("basis")?,
            prices: names("prices")?,
        })
    }

    /// The id at `row`, without reading the rest.
    pub fn id(&self, row: usize) -> &'a str {
        self.id.value(row)
    }

    /// The source at `row`, without reading the rest.
    pub fn source(&self, row: usize) -> &'a str {
        self.names[0].get(row).unwrap_or_default()
    }

    /// The account at `row`, without reading the rest.
    pub fn account(&self, row: usize) -> &'a str {
        self.names[1].get(row).unwrap_or_default()
    }

    /// The whole fact at `row`.
    pub fn fact(&self, row: usize) -> Result<Fact, StoreError> {
        let damaged = |how: String| StoreError::Damaged { what: format!("row {row}"), how };
        let name = |index: usize| self.names[index].get(row).map(CompactString::from);
        let time = |micros: i64| {
            DateTime::<Utc>::from_timestamp_micros(micros)
                .ok_or_else(|| damaged(format!("{micros} is not a time")))
        };
        let number = |column: &Int64Array| column.is_valid(row).then(|| column.value(row));
        let status = self.names[7].get(row).unwrap_or("ok");
        let kind = self.names[12].get(row).unwrap_or("usage");
        let basis = self.basis.get(row).unwrap_or_default();
        Ok(Fact {
            kind: FactKind::parse(kind).ok_or_else(|| damaged(format!("unknown kind `{kind}`")))?,
            received_at: time(self.received_at.value(row))?,
            event: UsageEvent {
                id: self.id.value(row).into(),
                source: name(0).unwrap_or_default(),
                occurred_at: time(self.occurred_at.value(row))?,
                account: name(1).unwrap_or_default(),
                subject: name(2),
                provider: name(3),
                model: name(4),
                operation: name(5),
                service: name(6),
                status: Status::parse(status)
                    .ok_or_else(|| damaged(format!("unknown status `{status}`")))?,
                duration_us: number(self.duration),
                quantities: self.quantities(row)?,
                dimensions: Dimensions {
                    team: name(8),
                    project: name(9),
                    platform: name(10),
                    environment: name(11),
                },
                tags: match self.tags.get(row) {
                    Some(text) => parse_pairs(text)
                        .map_err(|error| damaged(error.to_string()))?
                        .into_iter()
                        .collect(),
                    None => Tags::new(),
                },
                stated_cost: number(self.stated).map(Amount::from_nanos),
                metadata: self
                    .metadata
                    .is_valid(row)
                    .then(|| CompactString::from(self.metadata.value(row))),
            },
            charge: Charge {
                basis: ChargeBasis::parse(basis)
                    .ok_or_else(|| damaged(format!("unknown basis `{basis}`")))?,
                amount: number(self.amount).map(Amount::from_nanos),
                unpriced: self.unpriced.value(row),
                prices: self.prices.get(row).unwrap_or_default().into(),
            },
        })
    }

    fn quantities(&self, row: usize) -> Result<Quantities, StoreError> {
        let damaged = |how: String| StoreError::Damaged { what: format!("row {row}"), how };
        let mut quantities = Quantities::new();
        for (column, meter) in self.meters.iter().zip(&Meter::KNOWN) {
            if column.is_valid(row) {
                let value = column.value(row);
                let quantity = match meter {
                    Meter::Seconds => Quantity::from_micros(value),
                    _ => Quantity::from_units(value)
                        .ok_or_else(|| damaged(format!("{value} is too many")))?,
                };
                quantities.set(meter.clone(), quantity);
            }
        }
        if let Some(text) = self.other_meters.get(row) {
            for (name, quantity) in parse_pairs(text).map_err(|error| damaged(error.to_string()))? {
                let quantity = quantity.parse().map_err(|_| damaged(format!("`{quantity}`")))?;
                quantities.set(Meter::Other(name), quantity);
            }
        }
        Ok(quantities)
    }
}

/// The text under `key` in a JSON object of texts, without a copy of what nobody asked for.
pub fn text_under<'a>(text: &'a str, key: &str) -> Result<Option<Cow<'a, str>>, serde_json::Error> {
    let mut json = serde_json::Deserializer::from_str(text);
    let found = Under(key).deserialize(&mut json)?;
    json.end()?;
    Ok(found)
}

/// Finds the text under a key.
struct Under<'k>(&'k str);

impl<'de> DeserializeSeed<'de> for Under<'_> {
    type Value = Option<Cow<'de, str>>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Under<'_> {
    type Value = Option<Cow<'de, str>>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object of texts")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut pairs: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(key) = pairs.next_key_seed(Borrowed)? {
            let value = pairs.next_value_seed(Borrowed)?;
            if key == self.0 {
                found = Some(value);
            }
        }
        Ok(found)
    }
}

/// Reads a text, as it stands there where nothing of it is escaped.
struct Borrowed;

impl<'de> DeserializeSeed<'de> for Borrowed {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Borrowed {
    type Value = Cow<'de, str>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a text")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }
}

/// The pairs of a JSON object of texts.
pub fn parse_pairs(text: &str) -> Result<Vec<(CompactString, CompactString)>, serde_json::Error> {
    let pairs: std::collections::BTreeMap<CompactString, CompactString> =
        serde_json::from_str(text)?;
    Ok(pairs.into_iter().collect())
}
