//! The rows of a long table, one after the other.

use std::io::{self, BufRead, Read};
use std::path::Path;

use csv::{ReaderBuilder, StringRecord, Trim};
use outlay_engine::import::table::find_separator;
use outlay_engine::import::unpack::{self, BytesRead, Input, PlainLines, RowBounded, RowEnd};
use thiserror::Error;

use super::stamps;

/// The longest header that is looked at for its separator.
const HEADER_BYTES_MAX: u64 = 1024 * 1024;
/// The name of a series where no column names one.
pub const NAMELESS: &str = "series";

/// A column that is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ours {
    /// Which series.
    UniqueId,
    /// The time of each point.
    Ds,
    /// The value of each point.
    Y,
}

impl Ours {
    const ALL: [Self; 3] = [Self::UniqueId, Self::Ds, Self::Y];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::UniqueId => "unique_id",
            Self::Ds => "ds",
            Self::Y => "y",
        }
    }

    /// The column of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|ours| ours.name() == name)
    }

    /// What others call it, the likeliest first.
    const fn others(self) -> &'static [&'static str] {
        match self {
            Self::UniqueId => &["series_id", "series", "id"],
            Self::Ds => &["timestamp", "datetime", "date", "time"],
            Self::Y => &["value", "spend", "amount"],
        }
    }
}

/// Why the rows cannot be read, or not any further.
#[derive(Debug, Error)]
pub enum RowsError {
    /// It could not be read.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// There is no header.
    #[error("it is empty\n  the first line names the columns: unique_id,ds,y")]
    Empty,
    /// A column is not there.
    #[error(
        "line 1: there is no column `{name}` among {found}\n  \
         rename the column, or say which one it is: --map {name}=COLUMN"
    )]
    NoColumn {
        /// Its name.
        name: &'static str,
        /// What the header says.
        found: String,
    },
    /// A column of `--map` is not there.
    #[error(
        "line 1: there is no column `{name}` among {found}\n  --map names columns of the header"
    )]
    NoMapped {
        /// Its name.
        name: String,
        /// What the header says.
        found: String,
    },
    /// A row is no row.
    #[error("line {line}: {detail}")]
    Malformed {
        /// The line of the file.
        line: u64,
        /// What is wrong.
        detail: String,
    },
    /// A value is none.
    #[error("line {line}, column `{column}`: {detail}\n  {remedy}")]
    Value {
        /// The line of the file.
        line: u64,
        /// In which column of the file.
        column: String,
        /// What is wrong.
        detail: String,
        /// What to do about it.
        remedy: &'static str,
    },
}

/// A row.
#[derive(Debug)]
pub struct Row<'a> {
    /// The line that it begins on.
    pub line: u64,
    /// Which series.
    pub id: &'a str,
    /// When, as it is written.
    pub ds: &'a str,
    /// Its time.
    pub stamp: stamps::Read,
    /// What; `NaN` where it is missing.
    pub y: f64,
}

/// Reads rows.
pub struct Rows {
    rows: csv::Reader<Box<dyn Read + Send>>,
    row_end: RowEnd,
    record: StringRecord,
    header: Vec<String>,
    id_at: Option<usize>,
    ds_at: usize,
    y_at: usize,
    /// How far the file was read.
    pub read: BytesRead,
    /// How long it is, where that is known.
    pub size: Option<u64>,
}

impl std::fmt::Debug for Rows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rows").field("header", &self.header).finish_non_exhaustive()
    }
}

/// Opens a file, or standard input for `-`.
pub fn open(path: &Path) -> io::Result<Input> {
    if path.as_os_str() == "-" { unpack::unpack(io::stdin()) } else { unpack::open(path) }
}

impl Rows {
    /// Reads the header of `input`, and finds the columns in it. `map` names columns that are
    /// called otherwise.
    pub fn new(input: Input, map: &[(Ours, String)]) -> Result<Self, RowsError> {
        let (read, size, mut reader) = (input.read, input.size, input.reader);
        let mut header = Vec::new();
        reader.by_ref().take(HEADER_BYTES_MAX).read_until(b'\n', &mut header)?;
        let separator = find_separator(&header);
        let whole: Box<dyn Read + Send> = Box::new(io::Cursor::new(header).chain(reader));
        let (bounded, row_end) = RowBounded::new(PlainLines::new(whole));
        let bounded: Box<dyn Read + Send> = Box::new(bounded);
        let mut rows = ReaderBuilder::new()
            .delimiter(separator)
            .flexible(true)
            .has_headers(true)
            .trim(Trim::All)
            .from_reader(bounded);
        let header: Vec<String> =
            rows.headers().map_err(malformed)?.iter().map(str::to_owned).collect();
        if header.iter().all(String::is_empty) {
            return Err(RowsError::Empty);
        }
        let id_at = column(&header, Ours::UniqueId, map)?;
        let needed = |ours: Ours| {
            column(&header, ours, map)?
                .ok_or_else(|| RowsError::NoColumn { name: ours.name(), found: listed(&header) })
        };
        let (ds_at, y_at) = (needed(Ours::Ds)?, needed(Ours::Y)?);
        let record = StringRecord::new();
        Ok(Self { rows, row_end, record, header, id_at, ds_at, y_at, read, size })
    }

    /// The next row.
    pub fn next(&mut self) -> Result<Option<Row<'_>>, RowsError> {
        if !self.rows.read_record(&mut self.record).map_err(malformed)? {
            return Ok(None);
        }
        self.row_end.reached();
        let line = self.record.position().map_or(0, csv::Position::line);
        if self.record.len() != self.header.len() {
            return Err(RowsError::Malformed {
                line,
                detail: format!(
                    "there are {} columns, and the header has {}",
                    self.record.len(),
                    self.header.len()
                ),
            });
        }
        let wrong = |at: usize, detail: String, remedy: &'static str| RowsError::Value {
            line,
            column: self.header[at].clone(),
            detail,
            remedy,
        };
        let field = |at: usize| self.record.get(at).unwrap_or_default();
        let ds = field(self.ds_at);
        let Some(stamp) = stamps::read(ds) else {
            let detail = format!("`{ds}` is neither an integer nor a date nor a time");
            return Err(wrong(
                self.ds_at,
                detail,
                "write 17, 2026-01-31, 2026-01-31 12:00:00 or 2026-01-31T12:00:00Z",
            ));
        };
        let text = field(self.y_at);
        let Some(y) = number(text) else {
            return Err(wrong(
                self.y_at,
                format!("`{text}` is not a finite number"),
                "write 12.5, or nothing where the value is missing",
            ));
        };
        Ok(Some(Row { line, id: self.id_at.map_or(NAMELESS, field), ds, stamp, y }))
    }
}

/// A number; `NaN` where none is meant to be.
fn number(text: &str) -> Option<f64> {
    const MISSING: [&str; 6] = ["", "nan", "na", "n/a", "null", "none"];
    if MISSING.iter().any(|missing| text.eq_ignore_ascii_case(missing)) {
        return Some(f64::NAN);
    }
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

fn column(
    header: &[String],
    ours: Ours,
    map: &[(Ours, String)],
) -> Result<Option<usize>, RowsError> {
    let find = |name: &str| header.iter().position(|column| column.eq_ignore_ascii_case(name));
    if let Some((_, theirs)) = map.iter().rev().find(|(mapped, _)| *mapped == ours) {
        let at = find(theirs)
            .ok_or_else(|| RowsError::NoMapped { name: theirs.clone(), found: listed(header) })?;
        return Ok(Some(at));
    }
    Ok(find(ours.name()).or_else(|| ours.others().iter().find_map(|name| find(name))))
}

fn listed(header: &[String]) -> String {
    const SHOWN: usize = 20;
    let mut names: Vec<String> =
        header.iter().take(SHOWN).map(|name| format!("`{name}`")).collect();
    if header.len() > SHOWN {
        names.push(format!("{} more", header.len() - SHOWN));
    }
    names.join(", ")
}

fn malformed(error: csv::Error) -> RowsError {
    let line = error.position().map_or(1, csv::Position::line);
    match error.into_kind() {
        csv::ErrorKind::Io(error) => RowsError::Io(error),
        csv::ErrorKind::Utf8 { .. } => RowsError::Malformed {
            line,
            detail: "it is not UTF-8 text\n  save the file as UTF-8".to_owned(),
        },
        other => RowsError::Malformed { line, detail: format!("{other:?}") },
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn rows(text: &str) -> Result<Rows, RowsError> {
        Rows::new(unpack::unpack(Cursor::new(text.as_bytes().to_vec())).unwrap(), &[])
    }

    fn read(text: &str) -> Result<Vec<(String, String, f64)>, String> {
        let mut rows = rows(text).map_err(|error| error.to_string())?;
        let mut read = Vec::new();
        while let Some(row) = rows.next().map_err(|error| error.to_string())? {
            read.push((row.id.to_owned(), row.ds.to_owned(), row.y));
        }
        Ok(read)
    }

    fn row(id: &str, ds: &str, y: f64) -> (String, String, f64) {
        (id.to_owned(), ds.to_owned(), y)
    }

    #[test]
    fn columns_are_found_by_name_in_any_order_and_dress() {
        for text in [
            "unique_id,ds,y\na,1,2.5\n",
            "Y,extra,DS,Unique_ID\r\n2.5,x,1,a\r\n",
            "\u{feff}\"unique_id\";\"ds\";\"y\"\n\"a\";\"1\";\"2.5\"\n\n",
            " unique_id ,\tds , y \n a , 1 , 2.5 ",
            "id\ttimestamp\tvalue\na\t1\t2.5",
        ] {
            assert_eq!(read(text), Ok(vec![row("a", "1", 2.5)]), "{text}");
        }
    }

    #[test]
    fn one_series_needs_no_name() {
        assert_eq!(read("ds,y\n1,2\n"), Ok(vec![row(NAMELESS, "1", 2.0)]));
    }

    #[test]
    fn missing_values_are_read_as_such() {
        let rows = read("ds,y\n1,\n2,NaN\n3,null\n4,NA\n").unwrap();

        assert_eq!(rows.len(), 4);
        assert!(rows.iter().all(|(_, _, y)| y.is_nan()));
    }

    #[test]
    fn what_is_wrong_is_told_with_place_and_remedy() {
        for (text, told) in [
            ("", "is empty"),
            ("\n\n", "is empty"),
            ("ds,x\n1,2\n", "no column `y` among `ds`, `x`\n  rename the column, or"),
            ("unique_id,y\n", "--map ds=COLUMN"),
            ("ds,y\n1,2\n2,two\n", "line 3, column `y`: `two` is not a finite number\n"),
            ("ds,y\n1,inf\n", "line 2, column `y`: `inf` is not a finite number"),
            ("ds,y\n1,\"1,5\"\n", "`1,5` is not"),
            ("date,y\nsoon,2\n", "line 2, column `date`: `soon` is neither an integer nor"),
            ("ds,y\n,2\n", "line 2, column `ds`: ``"),
            ("ds,y\n1\n", "line 2: there are 1 columns, and the header has 2"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(told), "{text:?}: {error}");
        }
    }

    #[test]
    fn a_mapped_column_wins_and_must_be_there() {
        let input = || unpack::unpack(Cursor::new(b"ds,y,When\nx,5,7\n".to_vec())).unwrap();

        let mut rows = Rows::new(input(), &[(Ours::Ds, "when".to_owned())]).unwrap();
        assert_eq!(rows.next().unwrap().unwrap().ds, "7");

        let error = Rows::new(input(), &[(Ours::Y, "z".to_owned())]).unwrap_err();
        assert!(error.to_string().contains("no column `z`"), "{error}");
    }
}
