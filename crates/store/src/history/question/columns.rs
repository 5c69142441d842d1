//! Reading attributes and sums from the columns of facts and of roll-ups.

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, Int8Array, Int32Array, Int64Array, RecordBatch, StringArray,
};
use datafusion::arrow::buffer::NullBuffer;
use datafusion::arrow::datatypes::{Int8Type, Int32Type, Int64Type, TimestampMicrosecondType};
use outlay_domain::Quantity;
use outlay_domain::usage::question::{Attribute, Filter, Part};
use outlay_domain::usage::{ChargeBasis, FactKind, Meter, Status};

use super::AskError;
use super::limit::{Bounds, Limit, STEP};
use super::names::Names;
use super::sums::SumsOf;
use crate::StoreError;
use crate::history::schema::{METER_COLUMNS, text_under};

/// What the rows of a batch stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rows {
    /// One fact each.
    Facts,
    /// The sums of many.
    Rollup,
}

impl Rows {
    /// The column of when.
    pub(super) const fn time_column(self) -> &'static str {
        match self {
            Self::Facts => "occurred_at",
            Self::Rollup => "starts_at",
        }
    }

    /// The columns from which a part is summed.
    pub(super) fn part_columns(self, part: &Part) -> Vec<&'static str> {
        match (self, part) {
            (_, Part::Nanos) => vec!["amount_nanos"],
            (_, Part::LeastNanos | Part::MostNanos) => vec!["kind", "amount_nanos"],
            (_, Part::Unpriced) => vec!["unpriced"],
            (_, Part::Tokens) => token_columns().collect(),
            (_, Part::Meter(meter)) => vec![meter_column(meter)],
            (Self::Facts, Part::Events) => vec!["kind"],
            (Self::Facts, Part::Errors) => vec!["kind", "status"],
            (Self::Facts, Part::LatencyMicros | Part::LatencyCount) => vec!["kind", "duration_us"],
            (Self::Rollup, Part::Events) => vec!["events"],
            (Self::Rollup, Part::Errors) => vec!["errors"],
            (Self::Rollup, Part::LatencyMicros) => vec!["latency_us"],
            (Self::Rollup, Part::LatencyCount) => vec!["latency_count"],
        }
    }
}

fn token_columns() -> impl Iterator<Item = &'static str> {
    let known = Meter::KNOWN.iter().zip(METER_COLUMNS);
    known.filter(|(meter, _)| meter.is_tokens()).map(|(_, column)| column)
}

fn meter_column(meter: &Meter) -> &'static str {
    meter.known_index().map_or("other_meters", |index| METER_COLUMNS[index])
}

/// The column of an attribute.
pub(super) fn attribute_column(attribute: &Attribute) -> &'static str {
    match attribute {
        Attribute::Account => "account",
        Attribute::Subject => "subject",
        Attribute::Provider => "provider",
        Attribute::Model => "model",
        Attribute::Operation => "operation",
        Attribute::Service => "service",
        Attribute::Status => "status",
        Attribute::Team => "team",
        Attribute::Project => "project",
        Attribute::Platform => "platform",
        Attribute::Environment => "environment",
        Attribute::Source => "source",
        Attribute::Tag(_) => "tags",
    }
}

/// Calls `with` with the value of `attribute` that a text of its column stands for.
fn attribute_value<T>(
    attribute: &Attribute,
    text: Option<&str>,
    with: impl FnOnce(Option<&str>) -> T,
) -> Result<T, StoreError> {
    let (Attribute::Tag(key), Some(text)) = (attribute, text) else {
        return Ok(with(text.filter(|text| !text.is_empty())));
    };
    let value = text_under(text, key).map_err(|error| damaged("tags", &error.to_string()))?;
    Ok(with(value.as_deref().filter(|value| !value.is_empty())))
}

fn damaged(column: &str, how: &str) -> StoreError {
    StoreError::Damaged { what: format!("the column `{column}`"), how: how.into() }
}

fn column<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a ArrayRef, StoreError> {
    batch.column_by_name(name).ok_or_else(|| damaged(name, "it is missing"))
}

pub(super) fn integers<'a>(
    batch: &'a RecordBatch,
    name: &str,
) -> Result<&'a Int64Array, StoreError> {
    column(batch, name)?
        .as_primitive_opt::<Int64Type>()
        .ok_or_else(|| damaged(name, "it is not of 64-bit integers"))
}

/// When the rows of a batch happened, in microseconds since 1970.
pub(super) fn times(batch: &RecordBatch, rows: Rows) -> Result<&[i64], StoreError> {
    micros(batch, rows.time_column())
}

/// A column of instants, in microseconds since 1970.
pub(super) fn micros<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a [i64], StoreError> {
    let times = column(batch, name)?
        .as_primitive_opt::<TimestampMicrosecondType>()
        .ok_or_else(|| damaged(name, "it is not of times"))?;
    Ok(times.values())
}

/// The levels of the rows of a roll-up.
pub(super) fn levels(batch: &RecordBatch) -> Result<&[i8], StoreError> {
    let levels = column(batch, "level")?
        .as_primitive_opt::<Int8Type>()
        .ok_or_else(|| damaged("level", "it is not of 8-bit integers"))?;
    Ok(levels.values())
}

/// A column of texts that hardly repeat.
pub(super) fn texts<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a StringArray, StoreError> {
    column(batch, name)?.as_string_opt::<i32>().ok_or_else(|| damaged(name, "it is not of texts"))
}

/// A dictionary-coded column.
#[derive(Clone, Copy)]
pub(super) struct Dictionary<'a> {
    pub(super) keys: &'a Int32Array,
    pub(super) values: &'a StringArray,
}

impl<'a> Dictionary<'a> {
    pub(super) fn new(batch: &'a RecordBatch, name: &str) -> Result<Self, StoreError> {
        let column = column(batch, name)?
            .as_dictionary_opt::<Int32Type>()
            .ok_or_else(|| damaged(name, "it is not of names"))?;
        let values = column
            .values()
            .as_string_opt::<i32>()
            .ok_or_else(|| damaged(name, "its names are not texts"))?;
        Ok(Self { keys: column.keys(), values })
    }

    /// The nulls, where there are any.
    pub(super) fn nulls(&self) -> Option<&'a NullBuffer> {
        self.keys.nulls().filter(|nulls| nulls.null_count() > 0)
    }

    /// Whether every row is null.
    fn is_empty(&self) -> bool {
        self.keys.null_count() == self.keys.len()
    }
}

/// What each value of a dictionary became, for as long as batches come with the same dictionary.
#[derive(Debug)]
struct Translated<T> {
    /// Kept, so that no other dictionary can take its place in memory.
    of: Option<StringArray>,
    values: Vec<T>,
}

impl<T> Default for Translated<T> {
    fn default() -> Self {
        Self { of: None, values: Vec::new() }
    }
}

impl<T> Translated<T> {
    fn update(
        &mut self,
        dictionary: &StringArray,
        limit: &Limit<'_>,
        mut translate: impl FnMut(Option<&str>) -> Result<T, StoreError>,
    ) -> Result<(), AskError> {
        if self.of.as_ref().is_some_and(|known| is_same(known, dictionary)) {
            return Ok(());
        }
        self.of = None;
        self.values.clear();
        for (at, text) in dictionary.iter().enumerate() {
            if at % STEP == 0 {
                limit.check()?;
            }
            self.values.push(translate(text)?);
        }
        self.of = Some(dictionary.clone());
        Ok(())
    }
}

/// Whether two dictionaries are one, at the same place in memory.
fn is_same(known: &StringArray, dictionary: &StringArray) -> bool {
    known.len() == dictionary.len()
        && known.values().as_ptr() == dictionary.values().as_ptr()
        && known.offsets().as_ptr() == dictionary.offsets().as_ptr()
}

/// Says whether a name is told apart from the others.
pub(super) type Chosen = Box<dyn Fn(Option<&str>) -> bool>;

/// Numbers the values of an attribute by which is grouped.
pub(super) struct GroupColumn {
    attribute: Attribute,
    pub(super) names: Names,
    ids: Ids,
    /// Which names are told apart; all others are [`REST`].
    only: Option<Chosen>,
}

/// The id of all names that are not told apart, where some are not.
pub(super) const REST: u32 = 1;

impl GroupColumn {
    pub(super) fn new(attribute: Attribute, only: Option<Chosen>) -> Self {
        let mut names = Names::default();
        if only.is_some() {
            // No name holds control characters, so this one never meets another.
            let rest = names.id(Some("\u{0}"));
            debug_assert_eq!(rest, REST);
        }
        Self { attribute, names, ids: Ids::default(), only }
    }

    /// Takes in the names of the rows of a batch that count; all do where `keep` is not given.
    ///
    /// Names that stand in the dictionary and at no row that counts are of no group. Says whether
    /// there is room for all, and stops where there is none.
    pub(super) fn update(
        &mut self,
        batch: &RecordBatch,
        keep: Option<&[bool]>,
        bounds: &Bounds,
        limit: &Limit<'_>,
    ) -> Result<bool, AskError> {
        let dictionary = Dictionary::new(batch, attribute_column(&self.attribute))?;
        let Self { attribute, names, ids, only } = self;
        let only = only.as_deref();
        ids.renew(dictionary.values);
        let mut steps = 0;
        let mut learn = |ids: &mut Ids, at: usize| -> Result<bool, AskError> {
            if steps % STEP == 0 {
                limit.check()?;
            }
            steps += 1;
            let text = dictionary.values.is_valid(at).then(|| dictionary.values.value(at));
            let id = attribute_value(attribute, text, |value| match only {
                Some(only) if !only(value) => REST,
                _ => names.id(value),
            })?;
            ids.learn(at, id);
            Ok(names.ids() - 1 <= bounds.groups && names.bytes() <= bounds.names_bytes)
        };
        match keep {
            _ if ids.unknown == 0 => {}
            None => {
                for at in 0..dictionary.values.len() {
                    if !ids.is_known[at] && !learn(ids, at)? {
                        return Ok(false);
                    }
                }
            }
            Some(keep) => {
                for (row, _) in keep.iter().enumerate().filter(|(_, keep)| **keep) {
                    let at = dictionary.keys.values()[row] as usize;
                    if dictionary.keys.is_valid(row) && !ids.is_known[at] && !learn(ids, at)? {
                        return Ok(false);
                    }
                }
            }
        }
        Ok(true)
    }

    /// The id of rows without a name.
    fn absent(&self) -> u32 {
        self.only.as_ref().map_or(0, |only| if only(None) { 0 } else { REST })
    }

    /// Makes each place `place * stride + id` of the row's name.
    pub(super) fn place(
        &self,
        batch: &RecordBatch,
        stride: u32,
        places: &mut [u32],
    ) -> Result<(), StoreError> {
        let dictionary = Dictionary::new(batch, attribute_column(&self.attribute))?;
        let (ids, absent) = (self.ids.ids.as_slice(), self.absent());
        if dictionary.is_empty() {
            places.iter_mut().for_each(|place| *place = *place * stride + absent);
            return Ok(());
        }
        let rows = places.iter_mut().zip(dictionary.keys.values());
        match dictionary.nulls() {
            None => rows.for_each(|(place, key)| *place = *place * stride + ids[*key as usize]),
            Some(nulls) => rows.zip(nulls).for_each(|((place, key), is_named)| {
                *place = *place * stride + if is_named { ids[*key as usize] } else { absent };
            }),
        }
        Ok(())
    }

    /// The id of the name of a row.
    pub(super) fn ids<'a>(&'a self, batch: &'a RecordBatch) -> Result<IdsOfRows<'a>, StoreError> {
        let dictionary = Dictionary::new(batch, attribute_column(&self.attribute))?;
        Ok(IdsOfRows { keys: dictionary.keys, ids: &self.ids.ids, absent: self.absent() })
    }
}

/// The ids of a dictionary's values, as far as they were needed, for as long as batches come with
/// the same dictionary.
#[derive(Default)]
struct Ids {
    /// Kept, so that no other dictionary can take its place in memory.
    of: Option<StringArray>,
    /// Anything where it is not known.
    ids: Vec<u32>,
    is_known: Vec<bool>,
    unknown: usize,
}

impl Ids {
    /// Begins anew where `dictionary` is another one.
    fn renew(&mut self, dictionary: &StringArray) {
        if self.of.as_ref().is_some_and(|known| is_same(known, dictionary)) {
            return;
        }
        self.unknown = dictionary.len();
        self.ids.clear();
        self.ids.resize(self.unknown, 0);
        self.is_known.clear();
        self.is_known.resize(self.unknown, false);
        self.of = Some(dictionary.clone());
    }

    fn learn(&mut self, at: usize, id: u32) {
        self.ids[at] = id;
        self.is_known[at] = true;
        self.unknown -= 1;
    }
}

/// Looks up the ids of rows.
pub(super) struct IdsOfRows<'a> {
    keys: &'a Int32Array,
    ids: &'a [u32],
    absent: u32,
}

impl IdsOfRows<'_> {
    #[inline]
    pub(super) fn id(&self, row: usize) -> u32 {
        if self.keys.is_valid(row) {
            self.ids[self.keys.values()[row] as usize]
        } else {
            self.absent
        }
    }
}

/// Judges the values of an attribute.
#[derive(Debug)]
pub(super) struct FilterColumn {
    filter: Filter,
    passes: Translated<bool>,
}

/// Which rows of a batch pass a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Passing {
    All,
    None,
    Some,
}

impl FilterColumn {
    pub(super) fn new(filter: Filter) -> Self {
        Self { filter, passes: Translated::default() }
    }

    /// Takes in the names of a batch and says which rows pass.
    pub(super) fn update(
        &mut self,
        batch: &RecordBatch,
        limit: &Limit<'_>,
    ) -> Result<Passing, AskError> {
        let dictionary = Dictionary::new(batch, attribute_column(self.filter.attribute()))?;
        let filter = &self.filter;
        self.passes.update(dictionary.values, limit, |text| {
            attribute_value(filter.attribute(), text, |value| filter.passes(value))
        })?;
        let absent = dictionary.nulls().is_some().then(|| filter.passes(None));
        let named = if dictionary.is_empty() { &[] } else { self.passes.values.as_slice() };
        let mut all = named.iter().copied().chain(absent);
        Ok(match all.next() {
            None => Passing::All,
            Some(first) if all.all(|passes| passes == first) => {
                if first {
                    Passing::All
                } else {
                    Passing::None
                }
            }
            Some(_) => Passing::Some,
        })
    }

    /// Drops the rows that do not pass.
    pub(super) fn keep(&self, batch: &RecordBatch, keep: &mut [bool]) -> Result<(), StoreError> {
        let dictionary = Dictionary::new(batch, attribute_column(self.filter.attribute()))?;
        let passes = self.passes.values.as_slice();
        let rows = keep.iter_mut().zip(dictionary.keys.values());
        match dictionary.nulls() {
            None => rows.for_each(|(keep, key)| *keep &= passes[*key as usize]),
            Some(nulls) => {
                let absent = self.filter.passes(None);
                rows.zip(nulls).for_each(|((keep, key), is_named)| {
                    *keep &= if is_named { passes[*key as usize] } else { absent };
                });
            }
        }
        Ok(())
    }
}

/// Adds up one part.
#[derive(Debug)]
pub(super) struct PartColumn {
    part: Part,
    /// What the texts of free-form meters say of the one that is asked for, in millionths.
    others: Translated<i64>,
}

impl PartColumn {
    pub(super) fn new(part: Part) -> Self {
        Self { part, others: Translated::default() }
    }

    /// Adds each row of a batch to the sum of its cell.
    pub(super) fn add(
        &mut self,
        batch: &RecordBatch,
        rows: Rows,
        cells: Cells<'_>,
        sums: &mut SumsOf<'_>,
        limit: &Limit<'_>,
    ) -> Result<(), AskError> {
        match (&self.part, rows) {
            (Part::Meter(Meter::Other(name)), Rows::Facts) => {
                let dictionary = Dictionary::new(batch, "other_meters")?;
                if !dictionary.is_empty() {
                    self.others.update(dictionary.values, limit, |text| other_meter(text, name))?;
                    let others = self.others.values.as_slice();
                    let keys = dictionary.keys.values();
                    add_each(dictionary.nulls(), largest(others), cells, sums, |row| {
                        others[keys[row] as usize]
                    });
                }
            }
            (Part::Unpriced, Rows::Facts) => {
                let unpriced: &Int8Array = column(batch, "unpriced")?
                    .as_primitive_opt::<Int8Type>()
                    .ok_or_else(|| damaged("unpriced", "it is not of 8-bit integers"))?;
                let values = unpriced.values();
                add_each(None, 128, cells, sums, |row| i64::from(values[row]));
            }
            (Part::Events, Rows::Facts) => {
                let kinds = Kinds::new(batch)?;
                add_each(None, 1, cells, sums, |row| kinds.event_count(row));
            }
            (Part::Errors, Rows::Facts) => {
                let kinds = Kinds::new(batch)?;
                let status = Dictionary::new(batch, "status")?;
                let errors: Vec<bool> =
                    status.values.iter().map(|text| text == Some(Status::Error.as_str())).collect();
                let keys = status.keys.values();
                if !status.is_empty() {
                    add_each(status.nulls(), 1, cells, sums, |row| {
                        if errors[keys[row] as usize] { kinds.event_count(row) } else { 0 }
                    });
                }
            }
            (Part::LatencyMicros, Rows::Facts) => {
                let kinds = Kinds::new(batch)?;
                add_column(integers(batch, "duration_us")?, cells, sums, |row| kinds.is_usage(row));
            }
            (Part::LatencyCount, Rows::Facts) => {
                let kinds = Kinds::new(batch)?;
                let durations = integers(batch, "duration_us")?;
                add_each(some_nulls(durations), 1, cells, sums, |row| {
                    i64::from(kinds.is_usage(row))
                });
            }
            (Part::LeastNanos | Part::MostNanos, _) => {
                let kinds = Kinds::new(batch)?;
                let amounts = integers(batch, "amount_nanos")?;
                let values = amounts.values();
                each_valid(some_nulls(amounts), amounts.len(), |row| {
                    if kinds.event_count(row) == 1 {
                        sums.extend(cells.of(row), values[row]);
                    }
                });
            }
            (part, rows) => {
                for name in rows.part_columns(part) {
                    add_column(integers(batch, name)?, cells, sums, |_| true);
                }
            }
        }
        Ok(())
    }
}

/// The cell of every row of a batch.
#[derive(Clone, Copy)]
pub(super) enum Cells<'a> {
    /// All rows belong to one.
    One { cell: u32, rows: usize },
    /// Each row has its own.
    Each(&'a [u32]),
}

impl Cells<'_> {
    pub(super) const fn len(self) -> usize {
        match self {
            Self::One { rows, .. } => rows,
            Self::Each(cells) => cells.len(),
        }
    }

    #[inline]
    pub(super) fn of(self, row: usize) -> usize {
        match self {
            Self::One { cell, .. } => cell as usize,
            Self::Each(cells) => cells[row] as usize,
        }
    }
}

/// Adds the values of a column for the rows that count.
fn add_column(
    column: &Int64Array,
    cells: Cells<'_>,
    sums: &mut SumsOf<'_>,
    counts: impl Fn(usize) -> bool,
) {
    if column.null_count() < column.len() {
        let values = column.values();
        add_each(some_nulls(column), largest(values), cells, sums, |row| {
            if counts(row) { values[row] } else { 0 }
        });
    }
}

/// No value is further from nothing than this.
fn largest(values: &[i64]) -> u64 {
    // All the bits that any value has: quicker than a maximum, and less than twice as much.
    values.iter().fold(0, |bits, value| bits | value.unsigned_abs())
}

/// Adds the value of each row, none of which is further than `largest` from nothing.
fn add_each(
    nulls: Option<&NullBuffer>,
    largest: u64,
    cells: Cells<'_>,
    sums: &mut SumsOf<'_>,
    value: impl Fn(usize) -> i64,
) {
    let rows = cells.len();
    let Some(mut low) = sums.low(largest, rows) else {
        return each_valid(nulls, rows, |row| sums.add(cells.of(row), i128::from(value(row))));
    };
    match (cells, nulls) {
        (Cells::One { cell, .. }, None) => {
            low.add(cell as usize, (0..rows).map(&value).fold(0, i64::wrapping_add));
        }
        (Cells::Each(cells), None) => {
            for (row, cell) in cells.iter().enumerate() {
                low.add(*cell as usize, value(row));
            }
        }
        (cells, Some(nulls)) => {
            nulls.valid_indices().for_each(|row| low.add(cells.of(row), value(row)));
        }
    }
}

/// The nulls of a column, where there are any.
fn some_nulls(column: &Int64Array) -> Option<&NullBuffer> {
    column.nulls().filter(|nulls| nulls.null_count() > 0)
}

fn each_valid(nulls: Option<&NullBuffer>, rows: usize, each: impl FnMut(usize)) {
    match nulls {
        None => (0..rows).for_each(each),
        Some(nulls) => nulls.valid_indices().for_each(each),
    }
}

/// Calls `each` with every row that reports how long a call took, and how long that was.
pub(super) fn each_latency(
    batch: &RecordBatch,
    mut each: impl FnMut(usize, i64),
) -> Result<(), StoreError> {
    let kinds = Kinds::new(batch)?;
    let durations = integers(batch, "duration_us")?;
    let values = durations.values();
    each_valid(some_nulls(durations), durations.len(), |row| {
        if kinds.is_usage(row) {
            each(row, values[row]);
        }
    });
    Ok(())
}

/// Drops all rows but those of events with this id.
pub(super) fn keep_named(
    batch: &RecordBatch,
    id: &str,
    keep: &mut [bool],
) -> Result<(), StoreError> {
    let ids = texts(batch, "id")?;
    for (row, keep) in keep.iter_mut().enumerate().filter(|(_, keep)| **keep) {
        *keep = ids.value(row) == id;
    }
    Ok(())
}

/// Drops all rows but events that were charged more than `above` nanos.
pub(super) fn keep_charged_above(
    batch: &RecordBatch,
    above: i64,
    keep: &mut [bool],
) -> Result<(), StoreError> {
    let kinds = Kinds::new(batch)?;
    let amounts = integers(batch, "amount_nanos")?;
    for (row, keep) in keep.iter_mut().enumerate().filter(|(_, keep)| **keep) {
        *keep = amounts.is_valid(row) && amounts.value(row) > above && kinds.event_count(row) == 1;
    }
    Ok(())
}

/// Drops the rows that neither add to the events that lack a price, nor take from them, nor say of
/// one that a part of it is charged.
pub(super) fn keep_about_lacking(batch: &RecordBatch, keep: &mut [bool]) -> Result<(), StoreError> {
    let unpriced: &Int8Array = column(batch, "unpriced")?
        .as_primitive_opt::<Int8Type>()
        .ok_or_else(|| damaged("unpriced", "it is not of 8-bit integers"))?;
    let basis = Dictionary::new(batch, "basis")?;
    let partly = ChargeBasis::PartlyPriced.as_str();
    let is_partly: Vec<bool> = basis.values.iter().map(|text| text == Some(partly)).collect();
    for (row, keep) in keep.iter_mut().enumerate().filter(|(_, keep)| **keep) {
        *keep = unpriced.value(row) != 0
            || basis.keys.is_valid(row) && is_partly[basis.keys.value(row) as usize];
    }
    Ok(())
}

/// Why the facts of a batch were written.
struct Kinds<'a> {
    keys: &'a [i32],
    kinds: Vec<(i64, bool)>,
    /// Whether every fact is a report of usage, as nearly all are.
    all_usage: bool,
}

impl<'a> Kinds<'a> {
    fn new(batch: &'a RecordBatch) -> Result<Self, StoreError> {
        let dictionary = Dictionary::new(batch, "kind")?;
        if dictionary.nulls().is_some() {
            return Err(damaged("kind", "a fact has none"));
        }
        let kinds: Vec<_> = dictionary
            .values
            .iter()
            .map(|text| {
                let kind = text.and_then(FactKind::parse).unwrap_or(FactKind::Usage);
                (kind.event_count(), kind == FactKind::Usage)
            })
            .collect();
        let all_usage = kinds.iter().all(|(_, is_usage)| *is_usage);
        Ok(Self { keys: dictionary.keys.values(), kinds, all_usage })
    }

    #[inline]
    fn event_count(&self, row: usize) -> i64 {
        if self.all_usage { 1 } else { self.kinds[self.keys[row] as usize].0 }
    }

    #[inline]
    fn is_usage(&self, row: usize) -> bool {
        self.all_usage || self.kinds[self.keys[row] as usize].1
    }
}

/// The millionths of the free-form meter `name` in the texts of free-form meters.
fn other_meter(text: Option<&str>, name: &str) -> Result<i64, StoreError> {
    let Some(text) = text else { return Ok(0) };
    let found =
        text_under(text, name).map_err(|error| damaged("other_meters", &error.to_string()))?;
    match found {
        Some(quantity) => {
            let quantity: Result<Quantity, _> = quantity.parse();
            Ok(quantity.map_err(|error| damaged("other_meters", &error.to_string()))?.micros())
        }
        None => Ok(0),
    }
}

/// A list of columns to read, each once.
#[derive(Debug, Default, Clone)]
pub(super) struct Projection(Vec<&'static str>);

impl Projection {
    pub(super) fn add(&mut self, name: &'static str) {
        if !self.0.contains(&name) {
            self.0.push(name);
        }
    }

    pub(super) fn names(&self) -> &[&'static str] {
        &self.0
    }
}
