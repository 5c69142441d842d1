//! Writing segments: rows come in order, files come out.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::thread::yield_now;

use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::datatypes::{Int8Type, Int64Type, TimestampMicrosecondType};
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::basic::{Compression, Encoding, ZstdLevel};
use datafusion::parquet::file::properties::{
    BloomFilterPosition, EnabledStatistics, WriterProperties, WriterPropertiesBuilder,
};
use datafusion::parquet::schema::types::ColumnPath;
use outlay_domain::usage::FactKind;

use super::order::{dictionary, unlike};
use super::rollup::{self, RollupBuilder};
use super::schema::{METER_COLUMNS, SCHEMA};
use super::segment::{Segment, file_names};
use crate::StoreError;
use crate::disk::{NewFile, SyncedFile};
use crate::sqlite::manifest::{SegmentRow, Span, Totals};

/// How often a Bloom filter of ids may be wrong: 3 % takes one byte an id.
const ID_FILTER_ERRORS: f64 = 0.03;

/// Bytes of rows that are copied or written before others who want the processor are let in.
const BYTES_AT_ONCE: usize = 256 << 10;

/// How many of `rows` with `bytes` in all are worked on at once: enough of them for it to go fast.
pub(super) fn rows_at_once(bytes: usize, rows: usize) -> usize {
    let row_bytes = bytes / rows.max(1);
    (BYTES_AT_ONCE / row_bytes.max(1)).clamp(32, 1_024)
}

/// How hard a segment is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effort {
    /// For what will soon be written again.
    Fast,
    /// For what stays.
    Thorough,
}

/// Numbers the segments and knows their folder.
#[derive(Debug)]
pub(super) struct Shelf {
    folder: PathBuf,
    last_segment_id: AtomicI64,
}

impl Shelf {
    pub fn new(folder: PathBuf, last_segment_id: i64) -> Self {
        Self { folder, last_segment_id: AtomicI64::new(last_segment_id) }
    }

    fn next_id(&self) -> i64 {
        self.last_segment_id.fetch_add(1, Ordering::Relaxed) + 1
    }
}

/// Writes one segment, a row group at a time.
pub(super) struct SegmentWriter<'a> {
    shelf: &'a Shelf,
    segment_id: i64,
    writer: ArrowWriter<NewFile>,
    rollup: RollupBuilder,
    sums: Sums,
}

/// A segment whose bytes are on the disk, under temporary names.
pub(super) struct UnnamedSegment {
    folder: PathBuf,
    segment_id: i64,
    facts: SyncedFile,
    rollup: SyncedFile,
    sums: Sums,
}

/// What is summed while rows pass.
#[derive(Debug, Clone, Copy)]
struct Sums {
    totals: Totals,
    occurred: Span,
    received: Span,
}

impl<'a> SegmentWriter<'a> {
    /// Begins a segment of as many as `rows`, in row groups of as many as `row_group_rows`.
    pub fn create(
        shelf: &'a Shelf,
        effort: Effort,
        rows: u64,
        row_group_rows: u64,
    ) -> Result<Self, StoreError> {
        let segment_id = shelf.next_id();
        let [name, _] = file_names(segment_id);
        let file = NewFile::create(shelf.folder.join(name))?;
        let properties = properties(effort, row_group_rows)?;
        Ok(Self {
            shelf,
            segment_id,
            writer: ArrowWriter::try_new(file, SCHEMA.clone(), Some(properties))?,
            rollup: RollupBuilder::of(rows),
            sums: Sums { totals: Totals::default(), occurred: Span::EMPTY, received: Span::EMPTY },
        })
    }

    /// Writes `batch` as a row group of its own.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), StoreError> {
        self.sums.add(batch)?;
        self.rollup.add(batch)?;
        let rows_at_once = rows_at_once(batch.get_array_memory_size(), batch.num_rows());
        for begin in (0..batch.num_rows()).step_by(rows_at_once) {
            let rows = rows_at_once.min(batch.num_rows() - begin);
            self.writer.write(&batch.slice(begin, rows))?;
            yield_now();
        }
        self.writer.flush()?;
        Ok(())
    }

    /// Rows so far.
    pub fn rows(&self) -> u64 {
        self.sums.totals.rows
    }

    /// Bytes of its file so far.
    pub fn bytes(&self) -> u64 {
        self.writer.bytes_written() as u64
    }

    /// Ends the segment and brings its bytes to the disk.
    pub fn finish(self) -> Result<UnnamedSegment, StoreError> {
        let facts = self.writer.into_inner()?.sync()?;
        let [_, rollup_name] = file_names(self.segment_id);
        let rollup_file = NewFile::create(self.shelf.folder.join(rollup_name))?;
        let rollup = rollup::write(&self.rollup.finish()?, rollup_file)?.sync()?;
        Ok(UnnamedSegment {
            folder: self.shelf.folder.clone(),
            segment_id: self.segment_id,
            facts,
            rollup,
            sums: self.sums,
        })
    }
}

impl UnnamedSegment {
    /// Gives the files their names. They belong to the history once the books say so.
    pub fn publish(self, log_seqs: (i64, i64)) -> Result<Arc<Segment>, StoreError> {
        let Sums { totals, occurred, received } = self.sums;
        let row = SegmentRow {
            segment_id: self.segment_id,
            totals,
            occurred,
            received,
            log_seqs,
            contents: self.facts.publish()?,
            rollup_contents: self.rollup.publish()?,
        };
        Ok(Arc::new(Segment::new(&self.folder, row)))
    }
}

impl Sums {
    fn add(&mut self, batch: &RecordBatch) -> Result<(), StoreError> {
        self.totals.add(&totals(batch)?);
        self.occurred = self.occurred.union(span(batch, "occurred_at")?);
        self.received = self.received.union(span(batch, "received_at")?);
        Ok(())
    }
}

/// The columns that [`totals`] needs.
pub(super) const TOTALS_COLUMNS: [&str; 4] = ["kind", "requests", "unpriced", "amount_nanos"];

/// Sums over the rows of a batch.
pub(super) fn totals(batch: &RecordBatch) -> Result<Totals, StoreError> {
    let mut totals = Totals { rows: batch.num_rows() as u64, ..Totals::default() };
    each_total(batch, |_, row| totals.add(&Totals { rows: 0, ..row }))?;
    Ok(totals)
}

/// Calls `each` with every row and what it adds to the totals.
pub(super) fn each_total(
    batch: &RecordBatch,
    mut each: impl FnMut(usize, Totals),
) -> Result<(), StoreError> {
    let integers = |column: &str| {
        batch
            .column_by_name(column)
            .and_then(|column| column.as_primitive_opt::<Int64Type>())
            .ok_or_else(|| unlike(column))
    };
    let amount = integers("amount_nanos")?;
    let requests = integers("requests")?;
    let unpriced = batch
        .column_by_name("unpriced")
        .and_then(|column| column.as_primitive_opt::<Int8Type>())
        .ok_or_else(|| unlike("unpriced"))?;
    let (kinds, words) = dictionary(batch, "kind")?;
    let events: Vec<i64> = words
        .iter()
        .map(|word| word.and_then(FactKind::parse).map_or(0, FactKind::event_count))
        .collect();
    let value = |numbers: &datafusion::arrow::array::Int64Array, row: usize| {
        if numbers.is_valid(row) { i128::from(numbers.value(row)) } else { 0 }
    };
    for row in 0..batch.num_rows() {
        let kind = kinds.key(row).map_or(0, |key| events[key]);
        each(
            row,
            Totals {
                rows: 1,
                events: kind,
                requests: value(requests, row),
                unpriced: i64::from(unpriced.value(row)),
                amount_nanos: value(amount, row),
            },
        );
    }
    Ok(())
}

fn span(batch: &RecordBatch, column: &str) -> Result<Span, StoreError> {
    let times = batch
        .column_by_name(column)
        .and_then(|column| column.as_primitive_opt::<TimestampMicrosecondType>())
        .ok_or_else(|| unlike(column))?;
    let mut span = Span::EMPTY;
    times.values().iter().for_each(|us| span.include(*us));
    Ok(span)
}

/// How a segment is written.
fn properties(effort: Effort, row_group_rows: u64) -> Result<WriterProperties, StoreError> {
    let level = match effort {
        Effort::Fast => 1,
        Effort::Thorough => 3,
    };
    let mut properties = WriterProperties::builder()
        .set_created_by(concat!("outlay ", env!("CARGO_PKG_VERSION")).into())
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(level)?))
        // A row group ends when it is told to.
        .set_max_row_group_row_count(None)
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_bloom_filter_position(BloomFilterPosition::End)
        .set_column_bloom_filter_enabled(ColumnPath::from("id"), true)
        .set_column_bloom_filter_fpp(ColumnPath::from("id"), ID_FILTER_ERRORS)
        .set_column_bloom_filter_max_ndv(ColumnPath::from("id"), row_group_rows.max(1));
    for column in ["occurred_at", "received_at", "duration_us", "stated_nanos", "amount_nanos"] {
        properties = encoded(properties, column, Encoding::DELTA_BINARY_PACKED);
    }
    for column in METER_COLUMNS.iter().filter(|column| **column != "requests") {
        properties = encoded(properties, column, Encoding::DELTA_BINARY_PACKED);
    }
    for column in ["id", "metadata"] {
        properties = encoded(properties, column, Encoding::DELTA_LENGTH_BYTE_ARRAY);
    }
    Ok(properties.build())
}

/// Values that hardly repeat, without a dictionary.
fn encoded(
    properties: WriterPropertiesBuilder,
    column: &str,
    encoding: Encoding,
) -> WriterPropertiesBuilder {
    let column = ColumnPath::from(column);
    properties
        .set_column_dictionary_enabled(column.clone(), false)
        .set_column_encoding(column, encoding)
}
