//! Reading columns of Parquet files, a row group at a time.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::{Buf, Bytes};
use datafusion::arrow::array::{RecordBatch, RecordBatchReader};
use datafusion::arrow::compute::concat_batches;
use datafusion::parquet::arrow::ProjectionMask;
use datafusion::parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder, RowSelection,
};
use datafusion::parquet::errors::{ParquetError, Result as ParquetResult};
use datafusion::parquet::file::metadata::{ColumnChunkMetaData, PageIndexPolicy, RowGroupMetaData};
use datafusion::parquet::file::reader::{ChunkReader, Length};
use datafusion::parquet::file::statistics::Statistics;
use hashbrown::HashMap;
use outlay_domain::usage::question::{Filter, Test};
use parking_lot::Mutex;

use super::columns::{Rows, attribute_column};
use crate::StoreError;
use crate::history::rollup::LEVELS_KEY;

/// Rows that are decoded together: enough to share the effort, few enough to stay in the cache.
const PARCEL_ROWS: usize = 8_192;
/// Column chunks whose descriptions are kept, at most.
const CHUNKS_KEPT_MAX: usize = 40_000;

/// A Parquet file that is never changed, and what is known of it.
#[derive(Debug)]
pub(super) struct SegmentFile {
    path: PathBuf,
    metadata: ArrowReaderMetadata,
    /// The levels of a roll-up and their rows.
    levels: Vec<(i8, u64)>,
}

impl SegmentFile {
    fn open(path: &Path) -> Result<Self, StoreError> {
        let file = File::open(path).map_err(StoreError::file(path))?;
        let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Skip);
        let metadata =
            ArrowReaderMetadata::load(&file, options).map_err(|error| damaged(path, &error))?;
        let levels = levels(&metadata);
        Ok(Self { path: path.to_owned(), metadata, levels })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn row_groups(&self) -> usize {
        self.metadata.metadata().num_row_groups()
    }

    fn row_group(&self, index: usize) -> &RowGroupMetaData {
        self.metadata.metadata().row_group(index)
    }

    pub(super) fn rows(&self, row_group: usize) -> u64 {
        self.row_group(row_group).num_rows().unsigned_abs()
    }

    fn column(&self, row_group: usize, name: &str) -> Option<&ColumnChunkMetaData> {
        let columns = self.row_group(row_group).columns();
        columns.iter().find(|column| column.column_path().string() == name)
    }

    /// The earliest and latest instant in a row group; everything where it is not known.
    pub(super) fn span(&self, row_group: usize, rows: Rows) -> (i64, i64) {
        let statistics =
            self.column(row_group, rows.time_column()).and_then(ColumnChunkMetaData::statistics);
        match statistics {
            Some(Statistics::Int64(times)) => (
                times.min_opt().copied().unwrap_or(i64::MIN),
                times.max_opt().copied().unwrap_or(i64::MAX),
            ),
            _ => (i64::MIN, i64::MAX),
        }
    }

    /// How many rows a level of a roll-up has; `None` where it was left out.
    pub(super) fn level_rows(&self, level: i8) -> Option<u64> {
        self.levels.iter().find(|(known, _)| *known == level).map(|(_, rows)| *rows)
    }

    /// The first and the last level in a row group of a roll-up.
    pub(super) fn row_group_levels(&self, row_group: usize) -> (i8, i8) {
        let statistics = self.column(row_group, "level").and_then(ColumnChunkMetaData::statistics);
        let bound = |level: Option<&i32>| level.and_then(|level| i8::try_from(*level).ok());
        match statistics {
            Some(Statistics::Int32(levels)) => (
                bound(levels.min_opt()).unwrap_or(i8::MIN),
                bound(levels.max_opt()).unwrap_or(i8::MAX),
            ),
            _ => (i8::MIN, i8::MAX),
        }
    }

    /// Whether no row of a row group can pass `filter`, as far as its description tells.
    pub(super) fn rules_out(&self, row_group: usize, filter: &Filter) -> bool {
        let Some(column) = self.column(row_group, attribute_column(filter.attribute())) else {
            return false;
        };
        let Some(Statistics::ByteArray(texts)) = column.statistics() else { return false };
        let (Some(min), Some(max)) = (texts.min_opt(), texts.max_opt()) else { return false };
        if attribute_column(filter.attribute()) == "tags" {
            return false;
        }
        // Long bounds are cut short, but never so that a value would lie outside of them.
        let (min, max) = (min.data(), max.data());
        match filter.test() {
            Test::In(values) => values.iter().all(|value| match value {
                Some(value) => value.as_bytes() < min || value.as_bytes() > max,
                None => texts.null_count_opt() == Some(0),
            }),
            Test::Prefix(prefixes) => prefixes.iter().all(|prefix| {
                let prefix = prefix.as_bytes();
                prefix > max || (prefix < min && !min.starts_with(prefix))
            }),
            Test::NotIn(_) => false,
        }
    }

    /// Bytes of columns of a row group, unpacked.
    pub(super) fn bytes(&self, row_group: usize, columns: &[&'static str]) -> u64 {
        let wanted = self.leaves(Some(columns));
        let row_group = self.row_group(row_group);
        wanted.iter().map(|leaf| row_group.column(*leaf).uncompressed_size().unsigned_abs()).sum()
    }

    /// Reads columns of a row group, batch by batch.
    pub(super) fn read(
        &self,
        row_group: usize,
        columns: &[&'static str],
    ) -> Result<impl Iterator<Item = Result<RecordBatch, StoreError>> + use<>, StoreError> {
        let wanted = self.leaves(Some(columns));
        let chunks = Chunks::load(&self.path, self.row_group(row_group), &wanted)?;
        let mask = ProjectionMask::leaves(self.metadata.parquet_schema(), wanted);
        let reader =
            ParquetRecordBatchReaderBuilder::new_with_metadata(chunks, self.metadata.clone())
                .with_row_groups(vec![row_group])
                .with_projection(mask)
                .with_batch_size(PARCEL_ROWS)
                .build()
                .map_err(|error| damaged(&self.path, &error))?;
        let path = self.path.clone();
        Ok(reader.map(move |batch| batch.map_err(|error| damaged(&path, &error))))
    }

    /// Reads a few rows of a row group, which are given in ascending order, as one batch.
    pub(super) fn read_rows(
        &self,
        row_group: usize,
        columns: Option<&[&'static str]>,
        rows: &[usize],
    ) -> Result<RecordBatch, StoreError> {
        let file = File::open(&self.path).map_err(StoreError::file(&self.path))?;
        // With the index of its pages, only those are read in which the rows are.
        let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Optional);
        let metadata = ArrowReaderMetadata::load(&file, options)
            .map_err(|error| damaged(&self.path, &error))?;
        let all = self.row_group(row_group).num_rows() as usize;
        let ranges = rows.chunk_by(|one, two| one + 1 == *two);
        let ranges = ranges.map(|run| run[0]..run[0] + run.len());
        let selection = RowSelection::from_consecutive_ranges(ranges, all);
        let mask = ProjectionMask::leaves(metadata.parquet_schema(), self.leaves(columns));
        let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata)
            .with_row_groups(vec![row_group])
            .with_projection(mask)
            .with_row_selection(selection)
            .with_batch_size(rows.len().max(1))
            .build()
            .map_err(|error| damaged(&self.path, &error))?;
        let schema = reader.schema();
        let batches =
            reader.collect::<Result<Vec<_>, _>>().map_err(|error| damaged(&self.path, &error))?;
        Ok(concat_batches(&schema, &batches)?)
    }

    /// The places of columns in the file; of all where none are named.
    fn leaves(&self, columns: Option<&[&'static str]>) -> Vec<usize> {
        let schema = self.metadata.parquet_schema();
        let is_wanted = |index: &usize| {
            columns.is_none_or(|columns| columns.contains(&schema.column(*index).name()))
        };
        (0..schema.num_columns()).filter(is_wanted).collect()
    }
}

/// The levels that the file of a roll-up lists.
fn levels(metadata: &ArrowReaderMetadata) -> Vec<(i8, u64)> {
    let entries = metadata.metadata().file_metadata().key_value_metadata();
    let entry = entries.and_then(|entries| entries.iter().find(|entry| entry.key == LEVELS_KEY));
    let list = entry.and_then(|entry| entry.value.as_deref()).unwrap_or_default();
    let level = |text: &str| {
        let (id, rows) = text.split_once(':')?;
        Some((id.parse().ok()?, rows.parse().ok()?))
    };
    list.split(',').filter_map(level).collect()
}

/// An error that names the file.
fn damaged(path: &Path, how: &dyn std::fmt::Display) -> StoreError {
    StoreError::Damaged { what: format!("`{}`", path.display()), how: how.to_string() }
}

/// The column chunks of one row group, in memory: one read each instead of one for every page.
struct Chunks {
    end: u64,
    chunks: Vec<(u64, Bytes)>,
}

impl Chunks {
    fn load(
        path: &Path,
        row_group: &RowGroupMetaData,
        columns: &[usize],
    ) -> Result<Self, StoreError> {
        let failed = || StoreError::file(path);
        let file = File::open(path).map_err(failed())?;
        let size = file.metadata().map_err(failed())?.len();
        let mut chunks = Vec::with_capacity(columns.len());
        for column in columns {
            let (start, length) = row_group.column(*column).byte_range();
            if start.checked_add(length).is_none_or(|end| end > size) {
                return Err(damaged(path, &format!("{length} bytes at byte {start} are missing")));
            }
            let mut bytes = vec![0; length as usize];
            file.read_exact_at(&mut bytes, start).map_err(failed())?;
            chunks.push((start, Bytes::from(bytes)));
        }
        let end = chunks.iter().map(|(start, bytes)| start + bytes.len() as u64).max().unwrap_or(0);
        Ok(Self { end, chunks })
    }

    /// What was loaded from `start` on.
    fn from(&self, start: u64) -> ParquetResult<Bytes> {
        self.chunks
            .iter()
            .find_map(|(at, bytes)| {
                let skipped = usize::try_from(start.checked_sub(*at)?).ok()?;
                (skipped < bytes.len()).then(|| bytes.slice(skipped..))
            })
            .ok_or_else(|| ParquetError::EOF(format!("nothing was loaded at byte {start}")))
    }
}

impl Length for Chunks {
    fn len(&self) -> u64 {
        self.end
    }
}

impl ChunkReader for Chunks {
    type T = bytes::buf::Reader<Bytes>;

    fn get_read(&self, start: u64) -> ParquetResult<Self::T> {
        Ok(self.from(start)?.reader())
    }

    fn get_bytes(&self, start: u64, length: usize) -> ParquetResult<Bytes> {
        let bytes = self.from(start)?;
        if bytes.len() < length {
            return Err(ParquetError::EOF(format!("{length} bytes at byte {start} go too far")));
        }
        Ok(bytes.slice(..length))
    }
}

/// Keeps the descriptions of files, so that they are read once.
#[derive(Debug, Default)]
pub(super) struct Files {
    open: Mutex<HashMap<PathBuf, Arc<SegmentFile>>>,
}

impl Files {
    pub(super) fn get(&self, path: &Path) -> Result<Arc<SegmentFile>, StoreError> {
        if let Some(file) = self.open.lock().get(path) {
            return Ok(file.clone());
        }
        let file = Arc::new(SegmentFile::open(path)?);
        let chunks =
            |file: &SegmentFile| file.row_groups() * file.metadata.parquet_schema().num_columns();
        let mut open = self.open.lock();
        let kept: usize = open.values().map(|file| chunks(file)).sum();
        if kept + chunks(&file) > CHUNKS_KEPT_MAX {
            open.clear();
        }
        open.insert(path.to_owned(), file.clone());
        Ok(file)
    }

    /// Forgets files that are not in use any more.
    pub(super) fn keep_only(&self, is_used: impl Fn(&Path) -> bool) {
        self.open.lock().retain(|path, _| is_used(path));
    }
}
