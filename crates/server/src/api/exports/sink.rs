//! Where rows go: CSV, JSON lines or Parquet.

use std::io;

use outlay_domain::usage::Fact;
use outlay_store::sheet::{Kind, ParquetSheet};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::forms::usage_body::safe;

/// A form of exports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Comma-separated values, with a line of names.
    Csv,
    /// A JSON object a line.
    Ndjson,
    /// Columns, for programs.
    Parquet,
}

impl Format {
    /// Its word, which is how its files end.
    pub const fn ending(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Ndjson => "ndjson",
            Self::Parquet => "parquet",
        }
    }

    /// Its media type.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::Ndjson => "application/x-ndjson",
            Self::Parquet => "application/vnd.apache.parquet",
        }
    }
}

/// What facts become.
pub trait Rows: Send {
    /// The bytes of some facts more, of which there are none or many.
    fn page(&mut self, facts: &[Fact]) -> io::Result<Vec<u8>>;
    /// The last bytes, and how many rows there are in all.
    fn finish(self) -> io::Result<(Vec<u8>, u64)>;
}

/// A table in the making.
pub struct Table {
    rows: u64,
    form: Form,
}

enum Form {
    /// With the kinds of its columns.
    Csv(Vec<Kind>, Box<csv::Writer<Vec<u8>>>),
    /// Columns.
    Parquet(Box<ParquetSheet>),
}

impl Table {
    /// An empty table with these columns.
    pub fn new(format: Format, columns: &[(&str, Kind)]) -> io::Result<Self> {
        let form = if format == Format::Parquet {
            Form::Parquet(Box::new(ParquetSheet::new(columns)?))
        } else {
            let mut writer = csv::Writer::from_writer(Vec::new());
            writer.write_record(columns.iter().map(|(name, _)| name))?;
            Form::Csv(columns.iter().map(|(_, kind)| *kind).collect(), Box::new(writer))
        };
        Ok(Self { rows: 0, form })
    }

    /// Adds a row: a cell for each column, `None` where there is nothing.
    pub fn row(&mut self, cells: &[Option<String>]) -> io::Result<()> {
        self.rows += 1;
        match &mut self.form {
            Form::Parquet(sheet) => sheet.row(cells),
            Form::Csv(kinds, writer) => {
                for (kind, cell) in kinds.iter().zip(cells) {
                    let cell = cell.as_deref().unwrap_or_default();
                    // Only texts can be taken for formulas; a minus before a number is a minus.
                    match kind {
                        Kind::Text => writer.write_field(&*safe(cell))?,
                        Kind::Decimal | Kind::Time => writer.write_field(cell)?,
                    }
                }
                Ok(writer.write_record(None::<&[u8]>)?)
            }
        }
    }

    /// The bytes since the last time.
    pub fn take(&mut self) -> io::Result<Vec<u8>> {
        match &mut self.form {
            Form::Parquet(sheet) => Ok(sheet.take()),
            Form::Csv(_, writer) => {
                let full = std::mem::replace(&mut **writer, csv::Writer::from_writer(Vec::new()));
                full.into_inner().map_err(csv::IntoInnerError::into_error)
            }
        }
    }

    /// The last bytes, and how many rows there are in all.
    pub fn finish(mut self) -> io::Result<(Vec<u8>, u64)> {
        let last = match self.form {
            Form::Parquet(sheet) => sheet.finish(),
            Form::Csv(..) => self.take(),
        };
        Ok((last?, self.rows))
    }
}
