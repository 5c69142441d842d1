//! Rows of text become a Parquet file, bit by bit.

use std::io::{self, Write};
use std::sync::Arc;

use chrono::DateTime;
use datafusion::arrow::array::{
    ArrayRef, Decimal128Builder, RecordBatch, StringBuilder, TimestampMicrosecondBuilder,
};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::basic::{Compression, ZstdLevel};
use datafusion::parquet::errors::ParquetError;
use datafusion::parquet::file::properties::WriterProperties;
use parking_lot::Mutex;

/// Digits behind the point of decimal columns.
pub const SCALE: usize = 18;
const PRECISION: u8 = 38;
/// Rows that are gathered before they are written.
const ROWS: usize = 20_000;
/// Bytes of cells with which rows are written, however few they are. Tests have less memory.
const BYTES: usize = if cfg!(test) { 4 << 10 } else { 4 << 20 };

/// What stands in a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    Text,
    /// A decimal with up to 18 digits behind the point.
    Decimal,
    /// An instant, written as RFC 3339.
    Time,
}

/// A Parquet file in the making. What is written is taken away with [`ParquetSheet::take`].
pub struct ParquetSheet {
    writer: ArrowWriter<Shared>,
    shared: Shared,
    schema: SchemaRef,
    columns: Vec<Column>,
    rows: usize,
    bytes: usize,
}

/// Bytes that two can hold.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

enum Column {
    Text(StringBuilder),
    Decimal(Decimal128Builder),
    Time(TimestampMicrosecondBuilder),
}

fn failed(error: ParquetError) -> io::Error {
    io::Error::other(error)
}

impl ParquetSheet {
    /// An empty sheet with these columns.
    pub fn new(names: &[(&str, Kind)]) -> io::Result<Self> {
        let field = |(name, kind): &(&str, Kind)| {
            let data_type = match kind {
                Kind::Text => DataType::Utf8,
                Kind::Decimal => DataType::Decimal128(PRECISION, SCALE as i8),
                Kind::Time => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            };
            Field::new(*name, data_type, true)
        };
        let schema = Arc::new(Schema::new(names.iter().map(field).collect::<Vec<_>>()));
        let shared = Shared::default();
        let options = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .build();
        let writer = ArrowWriter::try_new(shared.clone(), schema.clone(), Some(options));
        let column = |(_, kind): &(&str, Kind)| match kind {
            Kind::Text => Column::Text(StringBuilder::new()),
            Kind::Decimal => {
                let builder = Decimal128Builder::new();
                Column::Decimal(
                    builder.with_data_type(DataType::Decimal128(PRECISION, SCALE as i8)),
                )
            }
            Kind::Time => Column::Time(TimestampMicrosecondBuilder::new().with_timezone("UTC")),
        };
        Ok(Self {
            writer: writer.map_err(failed)?,
            shared,
            schema,
            columns: names.iter().map(column).collect(),
            rows: 0,
            bytes: 0,
        })
    }

    /// Adds a row: a cell for each column, `None` where there is nothing.
    pub fn row(&mut self, cells: &[Option<String>]) -> io::Result<()> {
        for (column, cell) in self.columns.iter_mut().zip(cells) {
            let wrong = |what: &str| {
                let cell = cell.as_deref().unwrap_or_default();
                io::Error::new(io::ErrorKind::InvalidData, format!("`{cell}` is not {what}"))
            };
            match column {
                Column::Text(builder) => builder.append_option(cell.as_deref()),
                Column::Decimal(builder) => builder.append_option(match cell {
                    Some(text) => Some(decimal(text).ok_or_else(|| wrong("a decimal"))?),
                    None => None,
                }),
                Column::Time(builder) => builder.append_option(match cell {
                    Some(text) => Some(
                        DateTime::parse_from_rfc3339(text)
                            .map_err(|_| wrong("a time"))?
                            .timestamp_micros(),
                    ),
                    None => None,
                }),
            }
        }
        self.rows += 1;
        self.bytes += cells.iter().flatten().map(String::len).sum::<usize>();
        if self.rows >= ROWS || self.bytes >= BYTES { self.write() } else { Ok(()) }
    }

    fn write(&mut self) -> io::Result<()> {
        if self.rows == 0 {
            return Ok(());
        }
        (self.rows, self.bytes) = (0, 0);
        let columns = self.columns.iter_mut().map(|column| -> ArrayRef {
            match column {
                Column::Text(builder) => Arc::new(builder.finish()),
                Column::Decimal(builder) => Arc::new(builder.finish()),
                Column::Time(builder) => Arc::new(builder.finish()),
            }
        });
        let batch = RecordBatch::try_new(self.schema.clone(), columns.collect())
            .map_err(io::Error::other)?;
        self.writer.write(&batch).map_err(failed)?;
        self.writer.flush().map_err(failed)
    }

    /// What was written since the last time.
    pub fn take(&self) -> Vec<u8> {
        std::mem::take(&mut *self.shared.0.lock())
    }

    /// Ends the file; answers the rest of it.
    pub fn finish(mut self) -> io::Result<Vec<u8>> {
        self.write()?;
        let shared = self.shared.clone();
        self.writer.close().map_err(failed)?;
        let rest = std::mem::take(&mut *shared.0.lock());
        Ok(rest)
    }
}

/// A decimal text as an integer of 10⁻¹⁸; `None` when it is none, or has more digits.
fn decimal(text: &str) -> Option<i128> {
    let (digits, sign) = match text.strip_prefix('-') {
        Some(digits) => (digits, -1),
        None => (text, 1),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if fraction.len() > SCALE || whole.is_empty() {
        return None;
    }
    let joined = format!("{whole}{fraction:0<width$}", width = SCALE);
    joined.bytes().all(|byte| byte.is_ascii_digit()).then_some(())?;
    Some(sign * joined.parse::<i128>().ok()?)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_read_to_the_last_digit() {
        assert_eq!(decimal("-1.5"), Some(-1_500_000_000_000_000_000));
        assert_eq!(decimal("0.000000000000000001"), Some(1));
        assert_eq!(decimal("0.0000000000000000001"), None);
        assert_eq!(decimal("1e3"), None);
        assert_eq!(decimal(""), None);
    }

    #[test]
    fn wide_rows_are_written_before_they_fill_the_memory() {
        let mut sheet = ParquetSheet::new(&[("name", Kind::Text)]).unwrap();
        for _ in 0..3 {
            sheet.row(&[Some("a".repeat(1_000))]).unwrap();
        }
        assert!(sheet.writer.flushed_row_groups().is_empty());

        sheet.row(&[Some("b".repeat(BYTES))]).unwrap();
        assert_eq!(sheet.writer.flushed_row_groups().len(), 1);
    }

    #[test]
    fn a_sheet_is_a_parquet_file() {
        let mut sheet =
            ParquetSheet::new(&[("name", Kind::Text), ("cost", Kind::Decimal)]).unwrap();
        sheet.row(&[Some("a".into()), Some("1.25".into())]).unwrap();
        sheet.row(&[None, None]).unwrap();

        let file = sheet.finish().unwrap();

        assert_eq!((&file[..4], &file[file.len() - 4..]), (&b"PAR1"[..], &b"PAR1"[..]));
    }
}
