//! Sums by the hour and the day, kept beside each segment so that dashboards need not read facts.
//!
//! A roll-up has several *levels*: sums of the same facts by an hour or a day and a set of names.
//! Small sets answer most questions from few rows; the full set answers the rest. A level that
//! would hardly be smaller than the facts is left out, and its questions read the facts instead.
//! Every sum is an integer that fits its column: where one would not, the row is split in two, so
//! sums over rows are always exact.

use std::io::Write;
use std::sync::{Arc, LazyLock};

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, DictionaryArray, Int8Array, Int32Array, Int64Array, RecordBatch,
    StringArray, TimestampMicrosecondArray,
};
use datafusion::arrow::datatypes::{
    DataType, Field, Int8Type, Int32Type, Int64Type, Schema, SchemaRef, TimeUnit,
    TimestampMicrosecondType,
};
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::basic::{Compression, ZstdLevel};
use datafusion::parquet::file::properties::WriterProperties;
use hashbrown::HashMap;
use outlay_domain::usage::{FactKind, Status};

use super::question::names::Names;
use super::schema::METER_COLUMNS;
use crate::StoreError;

/// The names by which a roll-up can tell facts apart, as columns of the history.
pub const DIMENSIONS: [&str; 10] = [
    "account",
    "provider",
    "model",
    "service",
    "operation",
    "team",
    "project",
    "platform",
    "environment",
    "status",
];

/// The sums of a roll-up, as columns. The meters stand between `unpriced` and `latency_us`.
pub const SUMS: [&str; 6 + METER_COLUMNS.len()] = {
    let mut sums = [""; 6 + METER_COLUMNS.len()];
    sums[0] = "amount_nanos";
    sums[1] = "events";
    sums[2] = "errors";
    sums[3] = "unpriced";
    let mut meter = 0;
    while meter < METER_COLUMNS.len() {
        sums[4 + meter] = METER_COLUMNS[meter];
        meter += 1;
    }
    sums[4 + METER_COLUMNS.len()] = "latency_us";
    sums[5 + METER_COLUMNS.len()] = "latency_count";
    sums
};

const FIRST_METER: usize = 4;
const LATENCY: usize = FIRST_METER + METER_COLUMNS.len();

/// Microseconds in an hour.
pub const HOUR_US: i64 = 3_600_000_000;
/// Microseconds in a day.
pub const DAY_US: i64 = 24 * HOUR_US;

/// Rows of one level, at most, however large its segment.
const LEVEL_ROWS_MAX: usize = 65_536;
/// Rows of one level that are kept however small its segment.
const LEVEL_ROWS_MIN: usize = 1_024;
/// Facts that a row of a larger level must stand for on average.
const FACTS_PER_ROW: u64 = 16;

/// The span of time of a level's rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Span {
    /// Hours of UTC.
    Hour,
    /// Days of UTC.
    Day,
}

impl Span {
    /// How long it is, in microseconds.
    pub const fn micros(self) -> i64 {
        match self {
            Self::Hour => HOUR_US,
            Self::Day => DAY_US,
        }
    }
}

/// Sums by a span of time and a set of names.
#[derive(Debug)]
pub struct Level {
    /// The value of the column `level`.
    pub id: i8,
    /// The span of time of each row.
    pub span: Span,
    /// The names that are told apart, as bits in the order of [`DIMENSIONS`].
    pub dimensions: u16,
    /// Which levels are summed from this one.
    coarser: &'static [usize],
}

const ALL: u16 = (1 << DIMENSIONS.len()) - 1;
const ACCOUNT: u16 = 0b1;
const MODEL: u16 = 0b110;
const SERVICE: u16 = 0b1_1000;
const TEAM: u16 = 0b110_0000;
const PLATFORM: u16 = 0b11_1000_0000;

/// Every level that a roll-up may have; a coarser one stands after what it is summed from.
pub const LEVELS: [Level; 14] = [
    Level { id: 0, span: Span::Hour, dimensions: ALL, coarser: &[1, 2, 7] },
    Level { id: 1, span: Span::Hour, dimensions: ALL - ACCOUNT, coarser: &[3, 4, 5, 6, 8] },
    Level { id: 2, span: Span::Hour, dimensions: ACCOUNT, coarser: &[9] },
    Level { id: 3, span: Span::Hour, dimensions: MODEL, coarser: &[10] },
    Level { id: 4, span: Span::Hour, dimensions: SERVICE, coarser: &[11] },
    Level { id: 5, span: Span::Hour, dimensions: TEAM, coarser: &[12] },
    Level { id: 6, span: Span::Hour, dimensions: PLATFORM, coarser: &[13] },
    Level { id: 7, span: Span::Day, dimensions: ALL, coarser: &[] },
    Level { id: 8, span: Span::Day, dimensions: ALL - ACCOUNT, coarser: &[] },
    Level { id: 9, span: Span::Day, dimensions: ACCOUNT, coarser: &[] },
    Level { id: 10, span: Span::Day, dimensions: MODEL, coarser: &[] },
    Level { id: 11, span: Span::Day, dimensions: SERVICE, coarser: &[] },
    Level { id: 12, span: Span::Day, dimensions: TEAM, coarser: &[] },
    Level { id: 13, span: Span::Day, dimensions: PLATFORM, coarser: &[] },
];

/// The columns of a roll-up.
pub static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    let name = || DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    let mut fields = vec![
        Field::new("level", DataType::Int8, false),
        Field::new(
            "starts_at",
            DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            false,
        ),
    ];
    fields.extend(DIMENSIONS.map(|column| Field::new(column, name(), true)));
    fields.extend(SUMS.map(|column| Field::new(column, DataType::Int64, false)));
    Arc::new(Schema::new(fields))
});

/// Sums facts, which have the history's schema, into a roll-up.
pub fn build(facts: &[RecordBatch]) -> Result<RecordBatch, StoreError> {
    let mut builder = RollupBuilder::new();
    for batch in facts {
        builder.add(batch)?;
    }
    builder.finish()
}

/// Writes a roll-up as Parquet: each level in row groups of its own, so that a reader finds it by
/// the statistics of the column `level` and reads nothing else.
pub fn write<W: Write + Send>(rollup: &RecordBatch, to: W) -> Result<W, StoreError> {
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
        .set_max_row_group_row_count(Some(LEVEL_ROWS_MAX))
        .build();
    let mut writer = ArrowWriter::try_new(to, SCHEMA.clone(), Some(properties))?;
    let levels = rollup.column(0).as_primitive::<Int8Type>().values();
    let mut start = 0;
    while start < levels.len() {
        let length = levels[start..].partition_point(|level| *level == levels[start]);
        writer.write(&rollup.slice(start, length))?;
        writer.flush()?;
        start += length;
    }
    Ok(writer.into_inner()?)
}

/// Sums facts batch by batch.
#[derive(Debug)]
pub struct RollupBuilder {
    names: [Names; DIMENSIONS.len()],
    levels: [Cells; LEVELS.len()],
    facts: u64,
}

impl Default for RollupBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl RollupBuilder {
    /// A builder without facts.
    pub fn new() -> Self {
        Self {
            names: std::array::from_fn(|_| Names::default()),
            levels: std::array::from_fn(|_| Cells::default()),
            facts: 0,
        }
    }

    /// Adds facts, which have the history's schema.
    pub fn add(&mut self, facts: &RecordBatch) -> Result<(), StoreError> {
        let rows = facts.num_rows();
        let times = times(facts)?;
        let mut codes: Vec<(&Int32Array, Vec<u32>)> = Vec::with_capacity(DIMENSIONS.len());
        for (names, column) in self.names.iter_mut().zip(DIMENSIONS) {
            let (keys, values) = dictionary(facts, column)?;
            codes.push((keys, values.iter().map(|name| names.id(name)).collect()));
        }
        let sums = SumColumns::new(facts)?;

        for row in 0..rows {
            let mut key = Key { starts_us: floor(times[row], HOUR_US), names: NO_NAMES };
            for (code, (keys, codes)) in key.names.iter_mut().zip(&codes) {
                if keys.is_valid(row) {
                    *code = codes[keys.value(row) as usize];
                }
            }
            if self.levels[0].is_full() {
                self.pour(0, Keep::No);
            }
            let cell = self.levels[0].cell(key);
            sums.each(row, |sum, value| self.levels[0].add(cell, sum, value));
        }
        self.facts += rows as u64;
        Ok(())
    }

    /// Adds the sums of a level to those that are summed from it.
    fn pour(&mut self, level: usize, keep: Keep) {
        let cells = std::mem::take(&mut self.levels[level]);
        for &coarser in LEVELS[level].coarser {
            for (key, sums) in cells.rows() {
                if self.levels[coarser].is_full() {
                    self.pour(coarser, Keep::No);
                }
                let cell = self.levels[coarser].cell(key.within(&LEVELS[coarser]));
                for (sum, value) in sums.iter().enumerate() {
                    self.levels[coarser].add(cell, sum, *value);
                }
            }
        }
        match keep {
            Keep::Yes => self.levels[level] = cells,
            Keep::No => self.levels[level].is_incomplete = true,
        }
    }

    /// The roll-up, by level and time.
    pub fn finish(mut self) -> Result<RecordBatch, StoreError> {
        for level in 0..LEVELS.len() {
            let keep = if self.levels[level].is_incomplete { Keep::No } else { Keep::Yes };
            self.pour(level, keep);
        }
        let Self { names, levels, facts } = self;
        let rows = kept_rows(&levels, facts);

        let level = Int8Array::from_iter_values(rows.iter().map(|(level, ..)| *level));
        let starts = rows.iter().map(|(_, key, _)| key.starts_us);
        let starts = TimestampMicrosecondArray::from_iter_values(starts).with_timezone("UTC");
        let mut columns: Vec<ArrayRef> = vec![Arc::new(level), Arc::new(starts)];
        for (index, names) in names.into_iter().enumerate() {
            let keys: Int32Array = rows
                .iter()
                .map(|(_, key, _)| key.names[index].checked_sub(1).map(u32::cast_signed))
                .collect();
            columns.push(Arc::new(DictionaryArray::try_new(
                keys,
                Arc::new(StringArray::from_iter_values(names.into_texts())),
            )?));
        }
        for sum in 0..SUMS.len() {
            let values = rows.iter().map(|(.., sums)| sums[sum]);
            columns.push(Arc::new(Int64Array::from_iter_values(values)));
        }
        Ok(RecordBatch::try_new(SCHEMA.clone(), columns)?)
    }
}

/// The rows of the levels that are worth keeping, in order.
fn kept_rows(levels: &[Cells], facts: u64) -> Vec<(i8, Key, &[i64; SUMS.len()])> {
    let max = LEVEL_ROWS_MIN.max((facts / FACTS_PER_ROW) as usize);
    let mut kept = Vec::new();
    for (level, cells) in LEVELS.iter().zip(levels) {
        if cells.is_incomplete || cells.len() > max {
            continue;
        }
        let mut rows: Vec<_> = cells.rows().map(|(key, sums)| (level.id, key, sums)).collect();
        rows.sort_unstable_by_key(|(_, key, _)| *key);
        kept.append(&mut rows);
    }
    kept
}

/// Whether a level stays as it is once its sums went on to others.
#[derive(Clone, Copy)]
enum Keep {
    Yes,
    No,
}

/// What a row of a level is about. A name's code is 0 where it is absent or not told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Key {
    starts_us: i64,
    names: [u32; DIMENSIONS.len()],
}

const NO_NAMES: [u32; DIMENSIONS.len()] = [0; DIMENSIONS.len()];

impl Key {
    /// The key of the row of `level` into which a row with this key goes.
    fn within(self, level: &Level) -> Self {
        let mut names = self.names;
        for (index, name) in names.iter_mut().enumerate() {
            if level.dimensions & (1 << index) == 0 {
                *name = 0;
            }
        }
        Self { starts_us: floor(self.starts_us, level.span.micros()), names }
    }
}

const fn floor(micros: i64, width: i64) -> i64 {
    micros - micros.rem_euclid(width)
}

/// The rows of one level while it is built.
#[derive(Debug, Default)]
struct Cells {
    index: HashMap<Key, usize>,
    keys: Vec<Key>,
    sums: Vec<[i64; SUMS.len()]>,
    /// Whether some of the sums went on and are no longer here.
    is_incomplete: bool,
}

impl Cells {
    fn len(&self) -> usize {
        self.keys.len()
    }

    fn is_full(&self) -> bool {
        self.len() >= LEVEL_ROWS_MAX
    }

    fn rows(&self) -> impl Iterator<Item = (Key, &[i64; SUMS.len()])> {
        self.keys.iter().copied().zip(&self.sums)
    }

    /// The row of `key`.
    fn cell(&mut self, key: Key) -> usize {
        *self.index.entry(key).or_insert_with(|| {
            self.keys.push(key);
            self.sums.push([0; SUMS.len()]);
            self.keys.len() - 1
        })
    }

    fn add(&mut self, cell: usize, sum: usize, value: i64) {
        match self.sums[cell][sum].checked_add(value) {
            Some(total) => self.sums[cell][sum] = total,
            // Two rows with the same key hold what one cannot.
            None => {
                let full = std::mem::replace(&mut self.sums[cell], [0; SUMS.len()]);
                self.sums[cell][sum] = value;
                self.keys.push(self.keys[cell]);
                self.sums.push(full);
            }
        }
    }
}

/// Where the sums of a batch of facts come from.
struct SumColumns<'a> {
    /// Columns that are added as they are, with the place of their sum.
    plain: Vec<(usize, &'a Int64Array)>,
    unpriced: &'a [i8],
    kind: &'a Int32Array,
    /// By the code of the kind: what a fact adds to the events, and whether its time counts.
    kinds: Vec<(i64, bool)>,
    status: &'a Int32Array,
    /// By the code of the status: whether it is an error.
    errors: Vec<bool>,
    duration: &'a Int64Array,
}

impl<'a> SumColumns<'a> {
    fn new(facts: &'a RecordBatch) -> Result<Self, StoreError> {
        let mut plain = Vec::new();
        let meters = METER_COLUMNS.iter().enumerate().map(|(at, name)| (FIRST_METER + at, *name));
        for (sum, name) in std::iter::once((0, "amount_nanos")).chain(meters) {
            let column = integers(facts, name)?;
            if column.null_count() < column.len() {
                plain.push((sum, column));
            }
        }
        let (kind, kinds) = dictionary(facts, "kind")?;
        let (status, statuses) = dictionary(facts, "status")?;
        let kinds = kinds.iter().map(|kind| {
            let kind = kind.and_then(FactKind::parse).unwrap_or(FactKind::Usage);
            (kind.event_count(), kind == FactKind::Usage)
        });
        Ok(Self {
            plain,
            unpriced: facts
                .column_by_name("unpriced")
                .and_then(|column| column.as_primitive_opt::<Int8Type>())
                .ok_or_else(|| damaged("unpriced"))?
                .values(),
            kind,
            kinds: kinds.collect(),
            status,
            errors: statuses.iter().map(|text| text == Some(Status::Error.as_str())).collect(),
            duration: integers(facts, "duration_us")?,
        })
    }

    /// Calls `add` with every sum to which `row` adds something, and what it adds.
    fn each(&self, row: usize, mut add: impl FnMut(usize, i64)) {
        for (sum, column) in &self.plain {
            if column.is_valid(row) {
                add(*sum, column.value(row));
            }
        }
        let (events, is_usage) = self.kinds[self.kind.value(row) as usize];
        add(1, events);
        if self.status.is_valid(row) && self.errors[self.status.value(row) as usize] {
            add(2, events);
        }
        if self.unpriced[row] != 0 {
            add(3, i64::from(self.unpriced[row]));
        }
        if is_usage && self.duration.is_valid(row) {
            add(LATENCY, self.duration.value(row));
            add(LATENCY + 1, 1);
        }
    }
}

fn damaged(column: &str) -> StoreError {
    StoreError::Damaged {
        what: "a batch of facts".into(),
        how: format!("`{column}` is missing or of another type"),
    }
}

fn times(facts: &RecordBatch) -> Result<&[i64], StoreError> {
    let column = facts
        .column_by_name("occurred_at")
        .and_then(|column| column.as_primitive_opt::<TimestampMicrosecondType>())
        .ok_or_else(|| damaged("occurred_at"))?;
    Ok(column.values())
}

fn integers<'a>(facts: &'a RecordBatch, name: &str) -> Result<&'a Int64Array, StoreError> {
    facts
        .column_by_name(name)
        .and_then(|column| column.as_primitive_opt::<Int64Type>())
        .ok_or_else(|| damaged(name))
}

fn dictionary<'a>(
    facts: &'a RecordBatch,
    name: &str,
) -> Result<(&'a Int32Array, &'a StringArray), StoreError> {
    let column = facts
        .column_by_name(name)
        .and_then(|column| column.as_dictionary_opt::<Int32Type>())
        .ok_or_else(|| damaged(name))?;
    let values = column.values().as_string_opt::<i32>().ok_or_else(|| damaged(name))?;
    Ok((column.keys(), values))
}
