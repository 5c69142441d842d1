//! Sums by the hour and the day, kept beside each segment so that dashboards need not read facts.
//!
//! A roll-up has several *levels*: sums of the same facts by an hour or a day and a set of names.
//! Small sets answer most questions from few rows; the full set answers the rest. A level that
//! would hardly be smaller than the facts is left out, and its questions read the facts instead.
//! Every sum is an integer that fits its column: where one would not, the row is split in two, so
//! sums over rows are always exact.

use std::hash::BuildHasher;
use std::io::Write;
use std::sync::{Arc, LazyLock};

use compact_str::CompactString;
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
use datafusion::parquet::file::metadata::KeyValue;
use datafusion::parquet::file::properties::{EnabledStatistics, WriterProperties};
use datafusion::parquet::schema::types::ColumnPath;
use hashbrown::{DefaultHashBuilder, HashTable};
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

const EVENTS: usize = 1;
const ERRORS: usize = 2;
const UNPRICED: usize = 3;
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
/// Bytes of names that a builder keeps. A segment with more of them, as somebody makes who names
/// everything anew, has no roll-up, and its questions read the facts.
const NAMES_BYTES_MAX: usize = 64 << 20;
/// Facts that a row of a larger level must stand for on average.
const FACTS_PER_ROW: u64 = 32;

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
const SERVICE: u16 = 0b1000;
const OPERATION: u16 = 0b1_0000;
const TEAM: u16 = 0b10_0000;
const PROJECT: u16 = 0b100_0000;
const PLATFORM: u16 = 0b11_1000_0000;

/// How many sets of names there are; each has a level by the hour and one by the day.
const SETS: usize = 14;

/// A level by the hour. Its own days, and `coarser` levels, are summed from it.
const fn hours(id: i8, dimensions: u16, coarser: &'static [usize]) -> Level {
    Level { id, span: Span::Hour, dimensions, coarser }
}

/// A level by the day.
const fn days(id: i8, dimensions: u16) -> Level {
    Level { id, span: Span::Day, dimensions, coarser: &[] }
}

/// Every level that a roll-up may have, at the place of its id; a coarser one stands after the one
/// from which it is summed.
pub const LEVELS: [Level; 2 * SETS] = [
    hours(0, ALL, &[1, 2, 3, 4, 14]),
    hours(1, ALL - ACCOUNT, &[6, 7, 8, 9, 15]),
    // What somebody sees of their own account.
    hours(2, ACCOUNT | MODEL, &[5, 16]),
    hours(3, ACCOUNT | SERVICE | OPERATION, &[17]),
    hours(4, ACCOUNT | TEAM | PROJECT, &[18]),
    hours(5, ACCOUNT, &[19]),
    hours(6, MODEL, &[20]),
    hours(7, SERVICE | OPERATION, &[10, 11, 21]),
    hours(8, TEAM | PROJECT, &[12, 13, 22]),
    hours(9, PLATFORM, &[23]),
    hours(10, SERVICE, &[24]),
    hours(11, OPERATION, &[25]),
    hours(12, TEAM, &[26]),
    hours(13, PROJECT, &[27]),
    days(14, ALL),
    days(15, ALL - ACCOUNT),
    days(16, ACCOUNT | MODEL),
    days(17, ACCOUNT | SERVICE | OPERATION),
    days(18, ACCOUNT | TEAM | PROJECT),
    days(19, ACCOUNT),
    days(20, MODEL),
    days(21, SERVICE | OPERATION),
    days(22, TEAM | PROJECT),
    days(23, PLATFORM),
    days(24, SERVICE),
    days(25, OPERATION),
    days(26, TEAM),
    days(27, PROJECT),
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
    let rows = facts.iter().map(|batch| batch.num_rows() as u64).sum();
    let mut builder = RollupBuilder::of(rows);
    for batch in facts {
        builder.add(batch)?;
    }
    builder.finish()
}

/// Rows that small levels share a row group up to.
const SHARED_ROWS: usize = 8_192;
/// The entry of the file's metadata that lists the levels: `ID:ROWS`, joined by commas.
pub const LEVELS_KEY: &str = "outlay.levels";

/// Writes a roll-up as Parquet.
///
/// Large levels have row groups of their own and small ones share some, so that a reader finds a
/// level by the statistics of the column `level`. Which levels there are is in the metadata.
pub fn write<W: Write + Send>(rollup: &RecordBatch, to: W) -> Result<W, StoreError> {
    let levels = rollup.column(0).as_primitive::<Int8Type>().values();
    let levels: Vec<&[i8]> = levels.chunk_by(|one, two| one == two).collect();
    let list: Vec<String> =
        levels.iter().map(|level| format!("{}:{}", level[0], level.len())).collect();

    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
        .set_max_row_group_row_count(Some(LEVEL_ROWS_MAX))
        .set_key_value_metadata(Some(vec![KeyValue::new(LEVELS_KEY.into(), list.join(","))]))
        .set_statistics_enabled(EnabledStatistics::None)
        .set_offset_index_disabled(true);
    for column in ["level", "starts_at"].iter().chain(&DIMENSIONS) {
        properties = properties
            .set_column_statistics_enabled(ColumnPath::from(*column), EnabledStatistics::Chunk);
    }
    let mut writer = ArrowWriter::try_new(to, SCHEMA.clone(), Some(properties.build()))?;
    let (mut start, mut length) = (0, 0);
    for level in levels {
        if length > 0 && length + level.len() > SHARED_ROWS {
            writer.write(&rollup.slice(start, length))?;
            writer.flush()?;
            (start, length) = (start + length, 0);
        }
        length += level.len();
    }
    writer.write(&rollup.slice(start, length))?;
    Ok(writer.into_inner()?)
}

/// Sums facts batch by batch.
#[derive(Debug)]
pub struct RollupBuilder {
    names: [Names; DIMENSIONS.len()],
    levels: [Cells; LEVELS.len()],
    rows_max: usize,
    /// The sums to which anything was added yet: most roll-ups need few, and have many rows.
    used: Vec<usize>,
    facts: u64,
    names_bytes_max: usize,
    /// The level to which facts are added: the full one, as long as its rows or several of the levels
    /// below it may be worth keeping.
    top: usize,
    /// Whether there were too many names, or no level is worth keeping.
    is_given_up: bool,
}

impl RollupBuilder {
    /// A builder for as many as `facts`. It keeps no more rows of a level than could be worth it.
    pub fn of(facts: u64) -> Self {
        // One more, because a level is known to be too large when there is no room for the next row.
        Self::limited((level_rows_max(facts) + 1).min(LEVEL_ROWS_MAX))
    }

    /// A builder whose levels have no more than `rows_max` rows.
    pub(super) fn limited(rows_max: usize) -> Self {
        Self {
            rows_max,
            names: std::array::from_fn(|_| Names::default()),
            levels: std::array::from_fn(|_| Cells::default()),
            used: Vec::new(),
            facts: 0,
            names_bytes_max: NAMES_BYTES_MAX,
            top: 0,
            is_given_up: false,
        }
    }

    /// Adds facts, which have the history's schema.
    pub fn add(&mut self, facts: &RecordBatch) -> Result<(), StoreError> {
        if self.is_given_up {
            return Ok(());
        }
        let rows = facts.num_rows();
        let times = times(facts)?;
        let mut codes: Vec<(&Int32Array, Vec<u32>)> = Vec::with_capacity(DIMENSIONS.len());
        for (names, column) in self.names.iter_mut().zip(DIMENSIONS) {
            let (keys, values) = dictionary(facts, column)?;
            codes.push((keys, values.iter().map(|name| names.id(name)).collect()));
        }
        if self.names.iter().map(Names::bytes).sum::<usize>() > self.names_bytes_max {
            *self = Self { is_given_up: true, ..Self::limited(0) };
            return Ok(());
        }
        let sums = SumColumns::new(facts)?;
        self.use_sums(&sums.sums());
        let places = self.places();

        for row in 0..rows {
            let mut key = Key { starts_us: floor(times[row], HOUR_US), names: NO_NAMES };
            for (code, (keys, codes)) in key.names.iter_mut().zip(&codes) {
                if keys.is_valid(row) {
                    *code = codes[keys.value(row) as usize];
                }
            }
            if self.levels[self.top].len() >= self.rows_max {
                self.pour(self.top, Keep::No);
                match self.next_top() {
                    Some(top) => self.top = top,
                    None => {
                        self.is_given_up = true;
                        return Ok(());
                    }
                }
            }
            let level = &mut self.levels[self.top];
            let cell = level.cell(key.within(&LEVELS[self.top]));
            sums.each(row, |sum, value| level.add(cell, places[sum], value));
        }
        self.facts += rows as u64;
        Ok(())
    }

    /// The level from which all that may be worth keeping is summed, below the one that was poured
    /// just now; none where nothing is.
    fn next_top(&self) -> Option<usize> {
        let mut top = self.top;
        while self.levels[top].is_incomplete {
            let mut wanted = LEVELS[top].coarser.iter().filter(|level| !self.is_lost(**level));
            match (wanted.next(), wanted.next()) {
                (None, _) => return None,
                // What it still has is poured at the end.
                (Some(&only), None) => top = only,
                (Some(_), Some(_)) => break,
            }
        }
        Some(top)
    }

    /// Whether neither a level nor any that is summed from it will be kept.
    fn is_lost(&self, level: usize) -> bool {
        self.levels[level].is_incomplete
            && LEVELS[level].coarser.iter().all(|coarser| self.is_lost(*coarser))
    }

    /// Makes room for sums that were not needed yet.
    fn use_sums(&mut self, sums: &[usize]) {
        let new: Vec<usize> = sums.iter().copied().filter(|sum| !self.used.contains(sum)).collect();
        if !new.is_empty() {
            self.used.extend(&new);
            self.levels.iter_mut().for_each(|level| level.widen(self.used.len()));
        }
    }

    /// Where each sum stands among those that are used.
    fn places(&self) -> [usize; SUMS.len()] {
        let mut places = [0; SUMS.len()];
        for (place, sum) in self.used.iter().enumerate() {
            places[*sum] = place;
        }
        places
    }

    /// Adds the sums of a level to those that are summed from it.
    fn pour(&mut self, level: usize, keep: Keep) {
        let empty = Cells { width: self.used.len(), ..Cells::default() };
        let mut cells = std::mem::replace(&mut self.levels[level], empty);
        for &coarser in LEVELS[level].coarser {
            if self.is_lost(coarser) {
                continue;
            }
            for (key, sums) in cells.rows() {
                if self.levels[coarser].len() >= self.rows_max {
                    self.pour(coarser, Keep::No);
                    if self.is_lost(coarser) {
                        break;
                    }
                }
                let cell = self.levels[coarser].cell(key.within(&LEVELS[coarser]));
                for (sum, value) in sums.iter().enumerate() {
                    self.levels[coarser].add(cell, sum, *value);
                }
            }
        }
        match keep {
            Keep::Yes => self.levels[level] = cells,
            Keep::No => {
                cells.empty();
                self.levels[level] = Cells { is_incomplete: true, ..cells };
            }
        }
    }

    /// The roll-up, by level and time.
    pub fn finish(mut self) -> Result<RecordBatch, StoreError> {
        for level in 0..LEVELS.len() {
            let keep = if self.levels[level].is_incomplete { Keep::No } else { Keep::Yes };
            self.pour(level, keep);
        }
        let Self { names, levels, used, facts, .. } = self;
        let rows = kept_rows(&levels, facts);

        let level = Int8Array::from_iter_values(rows.iter().map(|(level, ..)| *level));
        let starts = rows.iter().map(|(_, key, _)| key.starts_us);
        let starts = TimestampMicrosecondArray::from_iter_values(starts).with_timezone("UTC");
        let mut columns: Vec<ArrayRef> = vec![Arc::new(level), Arc::new(starts)];
        for (index, names) in names.into_iter().enumerate() {
            columns.push(Arc::new(name_column(&rows, index, &names.into_texts())?));
        }
        // Most sums are of nothing, and share their zeros.
        let zeros: ArrayRef = Arc::new(Int64Array::from(vec![0; rows.len()]));
        for sum in 0..SUMS.len() {
            let place = used.iter().position(|used| *used == sum);
            columns.push(place.map_or_else(
                || zeros.clone(),
                |place| {
                    let values = rows.iter().map(|(.., sums)| sums[place]);
                    Arc::new(Int64Array::from_iter_values(values))
                },
            ));
        }
        Ok(RecordBatch::try_new(SCHEMA.clone(), columns)?)
    }
}

/// One dimension of the rows, with the names that stand in them and no others: of all that were
/// met there may be more than Arrow's offsets can count.
fn name_column(
    rows: &[(i8, Key, &[i64])],
    dimension: usize,
    texts: &[CompactString],
) -> Result<DictionaryArray<Int32Type>, StoreError> {
    let mut places: Vec<Option<i32>> = vec![None; texts.len()];
    let mut kept: Vec<&str> = Vec::new();
    let mut keys = Vec::with_capacity(rows.len());
    for (_, key, _) in rows {
        let id = key.names[dimension].checked_sub(1).map(|id| id as usize);
        keys.push(id.map(|id| {
            *places[id].get_or_insert_with(|| {
                kept.push(&texts[id]);
                kept.len() as i32 - 1
            })
        }));
    }
    let kept = StringArray::from_iter_values(kept);
    Ok(DictionaryArray::try_new(Int32Array::from(keys), Arc::new(kept))?)
}

/// Rows that a level of so many facts may have to be worth keeping.
fn level_rows_max(facts: u64) -> usize {
    LEVEL_ROWS_MIN.max((facts / FACTS_PER_ROW) as usize)
}

/// The rows of the levels that are worth keeping, in order.
fn kept_rows(levels: &[Cells], facts: u64) -> Vec<(i8, Key, &[i64])> {
    let max = level_rows_max(facts);
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
    hasher: DefaultHashBuilder,
    index: HashTable<u32>,
    keys: Vec<Key>,
    /// How many sums a row has.
    width: usize,
    sums: Vec<i64>,
    /// Whether some of the sums went on and are no longer here.
    is_incomplete: bool,
}

impl Cells {
    fn len(&self) -> usize {
        self.keys.len()
    }

    fn rows(&self) -> impl Iterator<Item = (Key, &[i64])> {
        self.keys.iter().copied().zip(self.sums.chunks_exact(self.width.max(1)))
    }

    /// Forgets all rows, and keeps their memory for the next.
    fn empty(&mut self) {
        self.index.clear();
        self.keys.clear();
        self.sums.clear();
    }

    /// The row of `key`.
    fn cell(&mut self, key: Key) -> usize {
        let Self { hasher, index, keys, sums, .. } = self;
        let is_same = |row: &u32| keys[*row as usize] == key;
        let hash = |row: &u32| hasher.hash_one(keys[*row as usize]);
        let entry = index.entry(hasher.hash_one(key), is_same, hash);
        let row = *entry.or_insert_with(|| keys.len() as u32).get() as usize;
        if row == keys.len() {
            keys.push(key);
            sums.resize(sums.len() + self.width, 0);
        }
        row
    }

    fn add(&mut self, cell: usize, place: usize, value: i64) {
        let at = cell * self.width + place;
        match self.sums[at].checked_add(value) {
            Some(total) => self.sums[at] = total,
            // Two rows with the same key hold what one cannot.
            None => {
                let full = std::mem::replace(&mut self.sums[at], value);
                self.keys.push(self.keys[cell]);
                self.sums.resize(self.sums.len() + self.width, 0);
                let last = self.sums.len() - self.width;
                self.sums[last + place] = full;
            }
        }
    }

    /// Makes room for more sums in every row.
    fn widen(&mut self, width: usize) {
        let mut wider = vec![0; self.keys.len() * width];
        let old = self.sums.chunks_exact(self.width.max(1));
        for (new, old) in wider.chunks_exact_mut(width.max(1)).zip(old) {
            new[..old.len()].copy_from_slice(old);
        }
        self.sums = wider;
        self.width = width;
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

    /// The sums to which any row may add something.
    fn sums(&self) -> Vec<usize> {
        let is_any = |is_any: bool, sum: usize| is_any.then_some(sum);
        let errors = self.errors.iter().any(|is_error| *is_error);
        let unpriced = self.unpriced.iter().any(|unpriced| *unpriced != 0);
        let latency = self.duration.null_count() < self.duration.len();
        let plain = self.plain.iter().map(|(sum, _)| *sum);
        plain
            .chain([EVENTS])
            .chain(is_any(errors, ERRORS))
            .chain(is_any(unpriced, UNPRICED))
            .chain(is_any(latency, LATENCY))
            .chain(is_any(latency, LATENCY + 1))
            .collect()
    }

    /// Calls `add` with every sum to which `row` adds something, and what it adds.
    fn each(&self, row: usize, mut add: impl FnMut(usize, i64)) {
        for (sum, column) in &self.plain {
            if column.is_valid(row) {
                add(*sum, column.value(row));
            }
        }
        let (events, is_usage) = self.kinds[self.kind.value(row) as usize];
        add(EVENTS, events);
        if self.status.is_valid(row) && self.errors[self.status.value(row) as usize] {
            add(ERRORS, events);
        }
        if self.unpriced[row] != 0 {
            add(UNPRICED, i64::from(self.unpriced[row]));
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::schema::to_columns;
    use super::super::tests::facts;
    use super::*;

    #[test]
    fn a_segment_with_too_many_names_has_a_roll_up_without_rows() {
        let columns = to_columns(&facts(0..50)).unwrap();
        let rows = |names_bytes_max| {
            let mut builder = RollupBuilder { names_bytes_max, ..RollupBuilder::of(50) };
            builder.add(&columns).unwrap();
            builder.add(&columns).unwrap();
            let rollup = builder.finish().unwrap();
            assert!(!write(&rollup, Vec::new()).unwrap().is_empty(), "it is a file all the same");
            rollup.num_rows()
        };

        assert!(rows(NAMES_BYTES_MAX) > 0);
        assert_eq!(rows(10), 0);
    }
}
