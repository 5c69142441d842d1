//! What the command writes: one table, as CSV or as a JSON array of objects.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use super::stamps::Style;

/// Bytes gathered before they are written.
const BUFFER_BYTES: usize = 256 * 1024;

/// How the table is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Comma-separated values, with a header.
    Csv,
    /// An array of objects.
    Json,
}

/// One value of a row.
#[derive(Debug, Clone, Copy)]
pub enum Cell<'a> {
    /// A text.
    Text(&'a str),
    /// A stamp, and how the series writes its stamps.
    Stamp(&'a str, &'a Style),
    /// A number; nothing where it is not finite.
    Number(f64),
    /// A whole number.
    Count(usize),
    /// True or false.
    Flag(bool),
}

/// A table that is being written.
pub struct Sheet {
    out: BufWriter<Box<dyn Write + Send>>,
    format: Format,
    columns: Vec<String>,
    rows: u64,
    line: Vec<u8>,
    /// Where the file is to stand in the end, and where it is written until then.
    place: Option<(PathBuf, PathBuf)>,
}

impl std::fmt::Debug for Sheet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sheet").field("columns", &self.columns).finish_non_exhaustive()
    }
}

impl Sheet {
    /// Begins a table in `file`, or on standard output.
    ///
    /// A file appears when it is complete, and leaves an older one untouched until then; so the
    /// output may have the name of the input.
    pub fn begin(file: Option<&Path>, format: Format, columns: Vec<String>) -> io::Result<Self> {
        let (out, place) = match file {
            None => (Box::new(io::stdout()) as Box<dyn Write + Send>, None),
            Some(path) => open(path)?,
        };
        let out = BufWriter::with_capacity(BUFFER_BYTES, out);
        let mut sheet = Self { out, format, columns, rows: 0, line: Vec::new(), place };
        match format {
            Format::Csv => {
                for at in 0..sheet.columns.len() {
                    comma(&mut sheet.line, at);
                    write_csv_text(&mut sheet.line, &sheet.columns[at]);
                }
                sheet.line.push(b'\n');
                sheet.out.write_all(&sheet.line)?;
            }
            Format::Json => sheet.out.write_all(b"[")?,
        }
        Ok(sheet)
    }

    /// Writes a row, a value for each column.
    pub fn row<'a>(&mut self, cells: impl IntoIterator<Item = Cell<'a>>) -> io::Result<()> {
        self.line.clear();
        match self.format {
            Format::Csv => {
                for (at, cell) in cells.into_iter().enumerate() {
                    comma(&mut self.line, at);
                    write_csv(&mut self.line, cell)?;
                }
                self.line.push(b'\n');
            }
            Format::Json => {
                self.line.extend_from_slice(if self.rows == 0 { b"\n{" } else { b",\n{" });
                for (at, cell) in cells.into_iter().enumerate() {
                    comma(&mut self.line, at);
                    serde_json::to_writer(&mut self.line, &self.columns[at])?;
                    self.line.push(b':');
                    write_json(&mut self.line, cell)?;
                }
                self.line.push(b'}');
            }
        }
        self.rows += 1;
        self.out.write_all(&self.line)
    }

    /// Lets a reader see what was written.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// Ends the table.
    pub fn finish(mut self) -> io::Result<()> {
        if self.format == Format::Json {
            self.out.write_all(if self.rows == 0 { b"]\n" } else { b"\n]\n" })?;
        }
        self.out.flush()?;
        match self.place.take() {
            Some((from, to)) => std::fs::rename(from, to),
            None => Ok(()),
        }
    }
}

impl Drop for Sheet {
    fn drop(&mut self) {
        if let Some((unfinished, _)) = &self.place {
            // It is of no use to anybody; where it cannot be removed, it stays.
            let _ = std::fs::remove_file(unfinished);
        }
    }
}

type Opened = (Box<dyn Write + Send>, Option<(PathBuf, PathBuf)>);

fn open(path: &Path) -> io::Result<Opened> {
    let is_other = std::fs::metadata(path).is_ok_and(|found| !found.is_file());
    if is_other {
        // A pipe or a device is written to, not replaced.
        return Ok((Box::new(File::options().write(true).open(path)?), None));
    }
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    let unfinished = path.with_file_name(name);
    let file = File::create(&unfinished)?;
    Ok((Box::new(file), Some((unfinished, path.to_owned()))))
}

fn comma(line: &mut Vec<u8>, at: usize) {
    if at > 0 {
        line.push(b',');
    }
}

fn write_csv(line: &mut Vec<u8>, cell: Cell<'_>) -> io::Result<()> {
    match cell {
        Cell::Text(text) | Cell::Stamp(text, _) => write_csv_text(line, text),
        Cell::Number(number) if !number.is_finite() => {}
        other => write_plain(line, other)?,
    }
    Ok(())
}

fn write_csv_text(line: &mut Vec<u8>, text: &str) {
    let needs_quotes = text.bytes().any(|byte| matches!(byte, b',' | b'"' | b'\n' | b'\r'));
    if !needs_quotes {
        line.extend_from_slice(text.as_bytes());
        return;
    }
    line.push(b'"');
    for byte in text.bytes() {
        if byte == b'"' {
            line.push(b'"');
        }
        line.push(byte);
    }
    line.push(b'"');
}

fn write_json(line: &mut Vec<u8>, cell: Cell<'_>) -> io::Result<()> {
    match cell {
        Cell::Stamp(text, Style::Integer | Style::Epoch(_)) if text.parse::<i64>().is_ok() => {
            line.extend_from_slice(text.trim_start_matches('+').as_bytes());
        }
        Cell::Text(text) | Cell::Stamp(text, _) => serde_json::to_writer(line, text)?,
        Cell::Number(number) if !number.is_finite() => line.extend_from_slice(b"null"),
        other => write_plain(line, other)?,
    }
    Ok(())
}

/// What looks alike in both formats.
fn write_plain(line: &mut Vec<u8>, cell: Cell<'_>) -> io::Result<()> {
    match cell {
        Cell::Number(number) => write_number(line, number),
        Cell::Count(count) => write!(line, "{count}"),
        Cell::Flag(flag) => write!(line, "{flag}"),
        Cell::Text(_) | Cell::Stamp(..) => Ok(()),
    }
}

/// The shortest decimal that reads back the same, without an exponent where that is short.
fn write_number(line: &mut Vec<u8>, number: f64) -> io::Result<()> {
    let size = number.abs();
    if size > 0.0 && !(1e-5..1e16).contains(&size) {
        write!(line, "{number:e}")
    } else {
        // Zero has no sign for people.
        write!(line, "{}", if size > 0.0 { number } else { 0.0 })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn written(format: Format) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        let columns = ["unique_id", "ds", "y", "n", "anomaly"].map(str::to_owned).to_vec();
        let mut sheet = Sheet::begin(Some(&path), format, columns).unwrap();
        for (id, y) in [("a", 1.5), ("b, \"c\"", f64::NAN), ("d", 1e300), ("e", -0.0)] {
            sheet
                .row([
                    Cell::Text(id),
                    Cell::Stamp("7", &Style::Integer),
                    Cell::Number(y),
                    Cell::Count(3),
                    Cell::Flag(true),
                ])
                .unwrap();
        }
        assert!(!path.exists(), "it is not complete yet");
        sheet.finish().unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        std::fs::read_to_string(path).unwrap()
    }

    #[test]
    fn tables_have_a_header_and_quotes_where_needed() {
        assert_eq!(
            written(Format::Csv),
            "unique_id,ds,y,n,anomaly\n\
             a,7,1.5,3,true\n\
             \"b, \"\"c\"\"\",7,,3,true\n\
             d,7,1e300,3,true\n\
             e,7,0,3,true\n"
        );
    }

    #[test]
    fn json_is_an_array_of_objects() {
        let rows: serde_json::Value = serde_json::from_str(&written(Format::Json)).unwrap();

        let first = serde_json::json!(
            {"unique_id": "a", "ds": 7, "y": 1.5, "n": 3, "anomaly": true}
        );
        assert_eq!(rows[0], first);
        assert_eq!(rows[1]["y"], serde_json::Value::Null);
        assert_eq!(rows.as_array().unwrap().len(), 4);
    }

    #[test]
    fn what_was_not_finished_leaves_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        std::fs::write(&path, "before").unwrap();

        drop(Sheet::begin(Some(&path), Format::Csv, vec!["y".to_owned()]).unwrap());

        assert_eq!(std::fs::read_to_string(&path).unwrap(), "before");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
