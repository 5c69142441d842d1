//! One immutable Parquet file of facts, and its roll-up beside it.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::{DateTime, Utc};
use datafusion::arrow::array::{ArrayRef, RecordBatch, new_null_array};
use datafusion::parquet::arrow::ProjectionMask;
use datafusion::parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader,
    ParquetRecordBatchReaderBuilder, RowSelection,
};
use datafusion::parquet::bloom_filter::Sbbf;
use datafusion::parquet::file::metadata::{PageIndexPolicy, RowGroupMetaData};
use outlay_domain::usage::Fact;
use xxhash_rust::xxh64::xxh64;

use super::schema::{self, SCHEMA};
use crate::StoreError;
use crate::sqlite::manifest::SegmentRow;
use crate::{disk, failpoint};

/// Rows that are read at once from one row group, of which few are wanted.
const ROW_GROUP_BATCH: usize = 1_024;
/// Bytes that are read at once from a segment, about, however few rows that is.
const READ_BYTES: u64 = 16 << 20;
/// Rows that are read at once however large they are.
const READ_ROWS_MIN: usize = 16;

/// A segment of the history. Its files stay until nobody holds it.
#[derive(Debug)]
pub struct Segment {
    /// The Parquet file of its facts.
    pub path: PathBuf,
    /// The Parquet file of their sums.
    pub rollup_path: PathBuf,
    /// Facts in it.
    pub rows: u64,
    /// When the first of its events occurred.
    pub min_occurred_at: DateTime<Utc>,
    /// When the last of its events occurred.
    pub max_occurred_at: DateTime<Utc>,
    row: SegmentRow,
    metadata: OnceLock<ArrowReaderMetadata>,
    /// Whether another has taken its place, so that the files go with the last who holds it.
    is_retired: AtomicBool,
}

/// The names of a segment's two files.
pub(crate) fn file_names(segment_id: i64) -> [String; 2] {
    [format!("{segment_id:010}.parquet"), format!("{segment_id:010}.rollup.parquet")]
}

impl Segment {
    /// A segment that the books know, in `folder`.
    pub(super) fn new(folder: &Path, row: SegmentRow) -> Self {
        let [name, rollup_name] = file_names(row.segment_id);
        let time = |us| DateTime::from_timestamp_micros(us).unwrap_or_default();
        Self {
            path: folder.join(name),
            rollup_path: folder.join(rollup_name),
            rows: row.totals.rows,
            min_occurred_at: time(row.occurred.first_us),
            max_occurred_at: time(row.occurred.last_us),
            row,
            metadata: OnceLock::new(),
            is_retired: AtomicBool::new(false),
        }
    }

    /// What the books say of the segment.
    pub fn row(&self) -> &SegmentRow {
        &self.row
    }

    /// The footer of the Parquet file, read once.
    pub fn metadata(&self) -> Result<&ArrowReaderMetadata, StoreError> {
        if let Some(metadata) = self.metadata.get() {
            return Ok(metadata);
        }
        let metadata = self.guarded(|| self.read_metadata())?;
        Ok(self.metadata.get_or_init(|| metadata))
    }

    fn read_metadata(&self) -> Result<ArrowReaderMetadata, StoreError> {
        let file = self.open()?;
        let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Skip);
        let metadata = ArrowReaderMetadata::load(&file, options)?;
        if metadata.schema().fields() != SCHEMA.fields() {
            return Err(self.damage("its columns are not those of the history"));
        }
        Ok(metadata)
    }

    /// Opens the Parquet file.
    pub fn open(&self) -> Result<File, StoreError> {
        File::open(&self.path).map_err(StoreError::file(&self.path))
    }

    /// Begins to read the Parquet file.
    pub fn reader(&self) -> Result<ParquetRecordBatchReaderBuilder<File>, StoreError> {
        let metadata = self.metadata()?.clone();
        Ok(ParquetRecordBatchReaderBuilder::new_with_metadata(self.open()?, metadata))
    }

    /// Reads the columns of these names, or all where there are none, of all rows.
    pub(super) fn scan(&self, columns: &[&str], batch_rows: usize) -> Result<Scan<'_>, StoreError> {
        let batch_rows = batch_rows.min(self.rows_of(READ_BYTES)?);
        self.begin(self.reader()?.with_batch_size(batch_rows), columns, batch_rows)
    }

    /// How many of its largest rows take as many `bytes`.
    fn rows_of(&self, bytes: u64) -> Result<usize, StoreError> {
        let row_groups = self.metadata()?.metadata().row_groups();
        let row_bytes = |row_group: &RowGroupMetaData| {
            let rows = row_group.num_rows().unsigned_abs().max(1);
            row_group.total_byte_size().unsigned_abs() / rows
        };
        let largest = row_groups.iter().map(row_bytes).max().unwrap_or_default().max(1);
        Ok(usize::try_from(bytes / largest).unwrap_or(usize::MAX).max(READ_ROWS_MIN))
    }

    /// Begins to read these columns, or all where there are none, in batches of `batch_rows`.
    ///
    /// Where all are read, those in which nothing stands are not decoded: they are many.
    fn begin(
        &self,
        builder: ParquetRecordBatchReaderBuilder<File>,
        columns: &[&str],
        batch_rows: usize,
    ) -> Result<Scan<'_>, StoreError> {
        let mut absent = Vec::new();
        let mask = if columns.is_empty() {
            absent = self.absent(batch_rows)?;
            let present = (0..absent.len()).filter(|column| absent[*column].is_none());
            ProjectionMask::roots(builder.parquet_schema(), present)
        } else {
            ProjectionMask::columns(builder.parquet_schema(), columns.iter().copied())
        };
        let builder = builder.with_projection(mask);
        Ok(Scan { segment: self, batches: self.guarded(|| Ok(builder.build()?))?, absent })
    }

    /// For each column in which nothing stands, as many nulls as `rows`.
    fn absent(&self, rows: usize) -> Result<Vec<Option<ArrayRef>>, StoreError> {
        let row_groups = self.metadata()?.metadata().row_groups();
        let is_absent = |column: usize| {
            row_groups.iter().all(|row_group| {
                let statistics = row_group.column(column).statistics();
                let nulls = statistics.and_then(|statistics| statistics.null_count_opt());
                nulls.is_some_and(|nulls| i64::try_from(nulls) == Ok(row_group.num_rows()))
            })
        };
        let fields = SCHEMA.fields().iter().enumerate();
        Ok(fields
            .map(|(column, field)| {
                (field.is_nullable() && is_absent(column))
                    .then(|| new_null_array(field.data_type(), rows))
            })
            .collect())
    }

    /// The first `limit` facts, in the order of the file.
    pub fn first_facts(&self, limit: usize) -> Result<Vec<Fact>, StoreError> {
        self.guarded(|| {
            let mut facts = Vec::new();
            for batch in self.reader()?.with_limit(limit).build()? {
                facts.extend(schema::to_facts(&batch?)?);
            }
            Ok(facts)
        })
    }

    /// Reads the columns of these names, or all where there are none, of one row group.
    pub(super) fn scan_row_group(
        &self,
        row_group: usize,
        columns: &[&str],
        selection: Option<RowSelection>,
    ) -> Result<Scan<'_>, StoreError> {
        let reader = self.reader()?.with_row_groups(vec![row_group]);
        let mut builder = reader.with_batch_size(ROW_GROUP_BATCH);
        if let Some(selection) = selection {
            builder = builder.with_row_selection(selection);
        }
        self.begin(builder, columns, ROW_GROUP_BATCH)
    }

    /// Names the segment in whatever goes wrong while it is read. Bytes that have changed can lead
    /// a decoder into a panic, which must not end the thread of whoever reads.
    fn guarded<T>(&self, read: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
        match catch_unwind(AssertUnwindSafe(read)) {
            Ok(read) => read.map_err(|error| self.damaged(error)),
            Err(_) => Err(self.damage("it cannot be decoded")),
        }
    }

    /// Names the segment in an error that reading it led to.
    fn damaged(&self, error: StoreError) -> StoreError {
        match error {
            // These name the file already.
            StoreError::File { .. } | StoreError::Damaged { .. } => error,
            other => {
                let cause = std::error::Error::source(&other)
                    .map_or_else(|| other.to_string(), ToString::to_string);
                self.damage(&cause)
            }
        }
    }

    /// An error that names the segment.
    pub(super) fn damage(&self, how: &str) -> StoreError {
        StoreError::Damaged {
            what: format!("the segment `{}`", self.path.display()),
            how: how.to_owned(),
        }
    }

    /// Lets the files go with the last who holds the segment.
    pub(super) fn retire(&self) {
        self.is_retired.store(true, Ordering::Release);
    }
}

impl Drop for Segment {
    fn drop(&mut self) {
        if !self.is_retired.load(Ordering::Acquire) {
            return;
        }
        // What cannot be removed now is removed as an orphan at the next start.
        for path in [&self.path, &self.rollup_path] {
            if let Err(error) = std::fs::remove_file(path) {
                tracing::warn!(path = %path.display(), %error, "a file that the history no longer needs could not be removed");
            }
        }
        failpoint::hit("history.removed");
    }
}

/// Batches of a segment, whose errors name it.
pub(super) struct Scan<'a> {
    segment: &'a Segment,
    batches: ParquetRecordBatchReader,
    /// Where all columns are read, nulls for each that was not decoded.
    absent: Vec<Option<ArrayRef>>,
}

impl Scan<'_> {
    /// Puts nulls in the place of columns that were not decoded.
    fn whole(&self, batch: RecordBatch) -> Result<RecordBatch, StoreError> {
        let mut present = batch.columns().iter().cloned();
        let columns = self.absent.iter().filter_map(|absent| match absent {
            Some(nulls) => Some(nulls.slice(0, batch.num_rows())),
            None => present.next(),
        });
        Ok(RecordBatch::try_new(SCHEMA.clone(), columns.collect())?)
    }
}

impl Iterator for Scan<'_> {
    type Item = Result<RecordBatch, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        let batches = &mut self.batches;
        let read = self.segment.guarded(|| Ok(batches.next().transpose()?));
        match read.transpose()? {
            Ok(batch) if !self.absent.is_empty() => Some(self.whole(batch)),
            read => Some(read),
        }
    }
}

/// The Bloom filters of the ids of one segment, read block by block.
pub(super) struct IdFilters<'a> {
    segment: &'a Segment,
    file: File,
}

const BLOCK_BYTES: u64 = 32;

impl<'a> IdFilters<'a> {
    pub fn open(segment: &'a Segment) -> Result<Self, StoreError> {
        Ok(Self { segment, file: segment.open()? })
    }

    /// Whether the id may be in the row group. Reads 32 bytes.
    ///
    /// The filter is Parquet's own: a header, then blocks whose number is a power of two.
    pub fn may_hold(&self, row_group: usize, id: &str) -> Result<bool, StoreError> {
        let metadata = self.segment.metadata()?.metadata();
        let column = metadata.row_group(row_group).column(ID_COLUMN);
        let place = column.bloom_filter_offset().zip(column.bloom_filter_length());
        let Some((offset, length)) = place.filter(|(_, length)| *length >= BLOCK_BYTES as i32)
        else {
            return Ok(true);
        };
        let length = length as u64;
        let blocks_bytes = 1 << length.ilog2();
        let hash = xxh64(id.as_bytes(), 0);
        let block = ((hash >> 32) * (blocks_bytes / BLOCK_BYTES)) >> 32;
        let mut bytes = [0; BLOCK_BYTES as usize];
        let at = offset as u64 + (length - blocks_bytes) + block * BLOCK_BYTES;
        self.file.read_exact_at(&mut bytes, at).map_err(StoreError::file(&self.segment.path))?;
        // A filter of this one block answers as the whole filter does.
        Ok(Sbbf::new(&bytes).check(id.as_bytes()))
    }
}

/// The place of the column `id` in the schema.
const ID_COLUMN: usize = 2;

/// Says what is wrong with the size of a file, as far as can be seen without reading it.
pub(super) fn check_size(path: &Path, contents: disk::Contents) -> Result<(), StoreError> {
    let metadata = std::fs::metadata(path).map_err(StoreError::file(path))?;
    if metadata.len() != contents.size_bytes {
        return Err(StoreError::Damaged {
            what: format!("the file `{}`", path.display()),
            how: format!("it has {} bytes instead of {}", metadata.len(), contents.size_bytes),
        });
    }
    Ok(())
}
