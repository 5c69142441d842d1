//! Building columns: from facts, and from rows of other columns.
//!
//! Names get one dictionary for the whole of what is built, whatever dictionaries they had before.
//! Columns in which nothing stands cost hardly any work or memory: most events use few meters.

use std::hash::BuildHasher;
use std::sync::{Arc, LazyLock};

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, DictionaryArray, Int8Array, Int32Array, Int64Array,
    NullBufferBuilder, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use datafusion::arrow::buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use datafusion::arrow::datatypes::{
    ArrowNativeType, DataType, Int8Type, Int32Type, Int64Type, TimestampMicrosecondType,
};
use hashbrown::{DefaultHashBuilder, HashTable};

use super::schema::SCHEMA;
use crate::StoreError;

/// A row of one of several batches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pick {
    /// Which batch.
    pub source: u32,
    /// Which of its rows.
    pub row: u32,
}

/// A batch from which rows are taken.
pub(super) struct Source {
    batch: RecordBatch,
    /// For each column of names, the key here of each key there; negative where not known yet.
    keys: Vec<Vec<i32>>,
    /// Whose keys they are.
    builder: u64,
}

impl Source {
    /// A batch of the whole [`SCHEMA`].
    pub fn new(batch: RecordBatch) -> Self {
        Self { batch, keys: Vec::new(), builder: 0 }
    }

    /// Goes on to the next batch of the same origin. Keys stay known where the dictionary stays.
    pub fn advance(&mut self, next: RecordBatch) {
        for (column, keys) in self.keys.iter_mut().enumerate() {
            if !keys.is_empty() && !same_dictionary(self.batch.column(column), next.column(column))
            {
                keys.clear();
            }
        }
        self.batch = next;
    }

    fn enter(&mut self, builder: u64) {
        if self.builder != builder {
            self.builder = builder;
            self.keys = vec![Vec::new(); self.batch.num_columns()];
        }
    }
}

fn same_dictionary(a: &ArrayRef, b: &ArrayRef) -> bool {
    match (a.as_dictionary_opt::<Int32Type>(), b.as_dictionary_opt::<Int32Type>()) {
        (Some(a), Some(b)) => Arc::ptr_eq(a.values(), b.values()),
        _ => false,
    }
}

/// Columns of the [`SCHEMA`] in the making.
pub(super) struct ColumnsBuilder {
    columns: Vec<Column>,
    rows: usize,
    /// Tells this builder from others.
    id: u64,
}

/// One row in the making.
pub(super) struct RowBuilder<'a> {
    columns: std::slice::IterMut<'a, Column>,
}

enum Column {
    Times(Numbers<i64>),
    Integers(Numbers<i64>),
    Bytes(Numbers<i8>),
    Texts(Texts),
    Names(Names),
}

/// Numbers, of which some may be absent.
struct Numbers<T> {
    values: Vec<T>,
    /// Rows so far; there are no values until one of them has one.
    rows: usize,
    nulls: Nulls,
}

/// Texts that hardly repeat.
struct Texts {
    texts: TextBuffer,
    nulls: Nulls,
}

/// Texts that repeat.
struct Names {
    keys: Numbers<i32>,
    dictionary: Dictionary,
}

/// Which rows are present; free while all are, or none.
struct Nulls(NullBufferBuilder);

#[derive(Default)]
struct TextBuffer {
    bytes: Vec<u8>,
    /// Where each text ends.
    ends: Vec<i32>,
    /// Whether a text was left out, because there is no room for it.
    is_over: bool,
}

/// Bytes of text in one column: Arrow counts them in 31 bits. Tests have less memory.
const TEXT_BYTES_MAX: usize = if cfg!(test) { 128 << 20 } else { i32::MAX as usize };

#[derive(Default)]
struct Dictionary {
    texts: TextBuffer,
    keys: HashTable<i32>,
    /// Seeded anew for each dictionary, because senders choose the names.
    hasher: DefaultHashBuilder,
    /// The last one asked for, because sorted rows ask for one name again and again.
    last: i32,
}

impl ColumnsBuilder {
    /// No rows yet.
    pub fn with_capacity(rows: usize) -> Self {
        static IDS: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1);
        let columns = SCHEMA
            .fields()
            .iter()
            .map(|field| match field.data_type() {
                DataType::Timestamp(..) => Column::Times(Numbers::with_capacity(rows)),
                DataType::Int64 => Column::Integers(Numbers::with_capacity(rows)),
                DataType::Int8 => Column::Bytes(Numbers::with_capacity(rows)),
                DataType::Dictionary(..) => Column::Names(Names::with_capacity(rows)),
                _ => Column::Texts(Texts::new(rows)),
            })
            .collect();
        let id = IDS.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Self { columns, rows: 0, id }
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Bytes of its texts, each name counted once. Whoever fills the columns ends them in time.
    pub fn text_bytes(&self) -> usize {
        let bytes = |column: &Column| match column {
            Column::Texts(texts) => texts.texts.bytes.len(),
            Column::Names(names) => names.dictionary.texts.bytes.len(),
            Column::Times(_) | Column::Integers(_) | Column::Bytes(_) => 0,
        };
        self.columns.iter().map(bytes).sum()
    }

    /// Begins a row, which must get a value for each column in order.
    pub fn row(&mut self) -> RowBuilder<'_> {
        self.rows += 1;
        RowBuilder { columns: self.columns.iter_mut() }
    }

    /// Adds rows of `sources` in the order of `picks`.
    pub fn append(&mut self, sources: &mut [Source], picks: &[Pick]) -> Result<(), StoreError> {
        sources.iter_mut().for_each(|source| source.enter(self.id));
        for (at, column) in self.columns.iter_mut().enumerate() {
            column.append(at, sources, picks)?;
        }
        self.rows += picks.len();
        Ok(())
    }

    /// Ends the columns.
    pub fn finish(self) -> Result<RecordBatch, StoreError> {
        let columns = self.columns.into_iter().map(Column::finish).collect::<Result<_, _>>()?;
        Ok(RecordBatch::try_new(SCHEMA.clone(), columns)?)
    }
}

impl Column {
    fn append(
        &mut self,
        at: usize,
        sources: &mut [Source],
        picks: &[Pick],
    ) -> Result<(), StoreError> {
        match self {
            Self::Times(numbers) => {
                let parts = views(sources, at, |column| {
                    let numbers = column.as_primitive_opt::<TimestampMicrosecondType>()?;
                    Some((&numbers.values()[..], numbers.nulls()))
                })?;
                numbers.append(&parts, picks);
            }
            Self::Integers(numbers) => {
                let parts = views(sources, at, |column| {
                    let numbers = column.as_primitive_opt::<Int64Type>()?;
                    Some((&numbers.values()[..], numbers.nulls()))
                })?;
                numbers.append(&parts, picks);
            }
            Self::Bytes(numbers) => {
                let parts = views(sources, at, |column| {
                    let numbers = column.as_primitive_opt::<Int8Type>()?;
                    Some((&numbers.values()[..], numbers.nulls()))
                })?;
                numbers.append(&parts, picks);
            }
            Self::Texts(texts) => {
                let parts = views(sources, at, |column| {
                    let texts = column.as_string_opt::<i32>()?;
                    Some((texts, texts.nulls()))
                })?;
                texts.append(&parts, picks);
            }
            Self::Names(names) => names.append(at, sources, picks)?,
        }
        Ok(())
    }

    fn finish(self) -> Result<ArrayRef, StoreError> {
        Ok(match self {
            Self::Times(numbers) => {
                let (values, nulls) = numbers.finish();
                let times = TimestampMicrosecondArray::try_new(values, nulls)?;
                Arc::new(times.with_timezone("UTC"))
            }
            Self::Integers(numbers) => {
                let (values, nulls) = numbers.finish();
                Arc::new(Int64Array::try_new(values, nulls)?)
            }
            Self::Bytes(numbers) => {
                let (values, nulls) = numbers.finish();
                Arc::new(Int8Array::try_new(values, nulls)?)
            }
            Self::Texts(Texts { texts, nulls }) => Arc::new(texts.finish(nulls.finish())?),
            Self::Names(Names { keys, dictionary }) => {
                let (keys, nulls) = keys.finish();
                let keys = Int32Array::try_new(keys, nulls)?;
                let texts = Arc::new(dictionary.texts.finish(None)?);
                Arc::new(DictionaryArray::<Int32Type>::try_new(keys, texts)?)
            }
        })
    }
}

impl RowBuilder<'_> {
    /// The next column is of numbers or times.
    pub fn number(&mut self, number: Option<i64>) {
        match self.columns.next() {
            Some(Column::Times(numbers) | Column::Integers(numbers)) => numbers.push(number),
            _ => unreachable!("not a column of numbers"),
        }
    }

    /// The next column is of small numbers.
    pub fn byte(&mut self, number: i8) {
        match self.columns.next() {
            Some(Column::Bytes(numbers)) => numbers.push(Some(number)),
            _ => unreachable!("not a column of small numbers"),
        }
    }

    /// The next column is of texts or names.
    pub fn text(&mut self, text: Option<&str>) {
        match self.columns.next() {
            Some(Column::Texts(texts)) => texts.push(text),
            Some(Column::Names(names)) => names.push(text),
            _ => unreachable!("not a column of texts"),
        }
    }
}

/// A column of each source as `view` sees it, with what says which rows are present.
type Views<'a, T> = Vec<(T, Option<&'a NullBuffer>)>;

fn views<'a, T>(
    sources: &'a [Source],
    at: usize,
    view: impl Fn(&'a ArrayRef) -> Option<(T, Option<&'a NullBuffer>)>,
) -> Result<Views<'a, T>, StoreError> {
    sources.iter().map(|source| view(source.batch.column(at)).ok_or_else(|| unlike(at))).collect()
}

fn unlike(at: usize) -> StoreError {
    StoreError::Damaged {
        what: format!("the column `{}`", SCHEMA.field(at).name()),
        how: "it is of another type".into(),
    }
}

fn none_is_null<T>(views: &Views<'_, T>) -> bool {
    views.iter().all(|(_, nulls)| nulls.is_none_or(|nulls| nulls.null_count() == 0))
}

fn all_are_null<T>(views: &Views<'_, T>) -> bool {
    views.iter().all(|(_, nulls)| nulls.is_some_and(|nulls| nulls.null_count() == nulls.len()))
}

/// What stands where nothing is present, shared by all columns in which nothing is.
static ZEROS: LazyLock<Buffer> = LazyLock::new(|| Buffer::from_vec(vec![0_u8; 4 << 20]));

impl<T: ArrowNativeType> Numbers<T> {
    fn with_capacity(rows: usize) -> Self {
        Self { values: Vec::new(), rows: 0, nulls: Nulls::new(rows) }
    }

    fn push(&mut self, number: Option<T>) {
        if let Some(number) = number {
            self.fill();
            self.values.push(number);
        }
        self.rows += 1;
        self.nulls.push(number.is_some());
    }

    fn append(&mut self, parts: &Views<'_, &[T]>, picks: &[Pick]) {
        if all_are_null(parts) {
            self.push_nulls(picks.len());
            return;
        }
        self.fill();
        let value = |pick: &Pick| parts[pick.source as usize].0[pick.row as usize];
        self.values.extend(picks.iter().map(value));
        self.rows += picks.len();
        self.nulls.append(parts, picks);
    }

    fn push_nulls(&mut self, rows: usize) {
        self.rows += rows;
        self.nulls.push_nulls(rows);
    }

    /// Makes up for the rows in which nothing was present.
    fn fill(&mut self) {
        self.values.resize(self.rows, T::default());
    }

    fn finish(mut self) -> (ScalarBuffer<T>, Option<NullBuffer>) {
        let bytes = self.rows * size_of::<T>();
        let values = if self.values.is_empty() && bytes <= ZEROS.len() {
            ScalarBuffer::new(ZEROS.clone(), 0, self.rows)
        } else {
            self.fill();
            ScalarBuffer::from(self.values)
        };
        (values, self.nulls.finish())
    }
}

impl Texts {
    fn new(rows: usize) -> Self {
        Self { texts: TextBuffer::default(), nulls: Nulls::new(rows) }
    }

    fn push(&mut self, text: Option<&str>) {
        self.texts.push(text.unwrap_or_default());
        self.nulls.push(text.is_some());
    }

    fn append(&mut self, parts: &Views<'_, &StringArray>, picks: &[Pick]) {
        for pick in picks {
            let (texts, nulls) = &parts[pick.source as usize];
            let row = pick.row as usize;
            let text = if is_valid(*nulls, row) { texts.value(row) } else { "" };
            self.texts.push(text);
        }
        self.nulls.append(parts, picks);
    }
}

impl Names {
    fn with_capacity(rows: usize) -> Self {
        Self { keys: Numbers::with_capacity(rows), dictionary: Dictionary::default() }
    }

    fn push(&mut self, name: Option<&str>) {
        self.keys.push(name.map(|name| self.dictionary.key(name)));
    }

    fn append(
        &mut self,
        at: usize,
        sources: &mut [Source],
        picks: &[Pick],
    ) -> Result<(), StoreError> {
        let mut known: Vec<Vec<i32>> =
            sources.iter_mut().map(|source| std::mem::take(&mut source.keys[at])).collect();
        let parts = views(sources, at, |column| {
            let names = column.as_dictionary_opt::<Int32Type>()?;
            let texts = names.values().as_string_opt::<i32>()?;
            Some(((&names.keys().values()[..], texts), names.nulls()))
        })?;
        if all_are_null(&parts) {
            self.keys.push_nulls(picks.len());
        } else {
            for (known, ((_, texts), _)) in known.iter_mut().zip(&parts) {
                if known.is_empty() {
                    known.resize(texts.len(), -1);
                }
            }
            self.keys.fill();
            for pick in picks {
                let ((keys, texts), nulls) = parts[pick.source as usize];
                let row = pick.row as usize;
                let key = if is_valid(nulls, row) {
                    let there = keys[row] as usize;
                    let here = &mut known[pick.source as usize][there];
                    if *here < 0 {
                        *here = self.dictionary.key(texts.value(there));
                    }
                    *here
                } else {
                    0
                };
                self.keys.values.push(key);
            }
            self.keys.rows += picks.len();
            self.keys.nulls.append(&parts, picks);
        }
        for (source, known) in sources.iter_mut().zip(known) {
            source.keys[at] = known;
        }
        Ok(())
    }
}

fn is_valid(nulls: Option<&NullBuffer>, row: usize) -> bool {
    nulls.is_none_or(|nulls| nulls.is_valid(row))
}

impl Nulls {
    fn new(rows: usize) -> Self {
        Self(NullBufferBuilder::new(rows))
    }

    fn push(&mut self, is_valid: bool) {
        self.0.append(is_valid);
    }

    fn push_nulls(&mut self, rows: usize) {
        self.0.append_n_nulls(rows);
    }

    fn append<T>(&mut self, parts: &Views<'_, T>, picks: &[Pick]) {
        if none_is_null(parts) {
            self.0.append_n_non_nulls(picks.len());
            return;
        }
        for pick in picks {
            self.0.append(is_valid(parts[pick.source as usize].1, pick.row as usize));
        }
    }

    fn finish(mut self) -> Option<NullBuffer> {
        self.0.finish()
    }
}

impl TextBuffer {
    fn push(&mut self, text: &str) {
        let end = self.bytes.len() + text.len();
        match i32::try_from(end) {
            Ok(end_i32) if end <= TEXT_BYTES_MAX => {
                self.bytes.extend_from_slice(text.as_bytes());
                self.ends.push(end_i32);
            }
            _ => {
                self.is_over = true;
                self.ends.push(self.ends.last().copied().unwrap_or_default());
            }
        }
    }

    fn get(&self, at: i32) -> &[u8] {
        let at = at as usize;
        let start = if at == 0 { 0 } else { self.ends[at - 1] as usize };
        &self.bytes[start..self.ends[at] as usize]
    }

    fn finish(self, nulls: Option<NullBuffer>) -> Result<StringArray, StoreError> {
        if self.is_over {
            return Err(StoreError::Damaged {
                what: "a batch of facts".into(),
                how: "a column has more than 2 GiB of text".into(),
            });
        }
        let mut offsets = Vec::with_capacity(self.ends.len() + 1);
        offsets.push(0);
        offsets.extend(self.ends);
        let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
        Ok(StringArray::try_new(offsets, Buffer::from_vec(self.bytes), nulls)?)
    }
}

impl Dictionary {
    fn key(&mut self, text: &str) -> i32 {
        let Self { texts, keys, hasher, last } = self;
        if (*last as usize) < texts.ends.len() && texts.get(*last) == text.as_bytes() {
            return *last;
        }
        let hash = |text: &[u8]| hasher.hash_one(text);
        let entry = keys.entry(
            hash(text.as_bytes()),
            |key| texts.get(*key) == text.as_bytes(),
            |key| hash(texts.get(*key)),
        );
        *last = match entry {
            hashbrown::hash_table::Entry::Occupied(known) => *known.get(),
            hashbrown::hash_table::Entry::Vacant(free) => {
                // There are no more names than rows, which a row group counts in 31 bits as well.
                let key = i32::try_from(texts.ends.len()).unwrap_or(i32::MAX);
                free.insert(key);
                texts.push(text);
                key
            }
        };
        *last
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn text_beyond_what_arrow_can_count_is_an_error_and_no_wrapped_offset() {
        let mut texts = TextBuffer::default();
        let half = "x".repeat(TEXT_BYTES_MAX / 2);
        texts.push(&half);
        texts.push(&half);
        texts.push("more");

        let refused = texts.finish(None).unwrap_err();

        assert!(refused.to_string().contains("more than 2 GiB of text"), "{refused}");
    }
}
