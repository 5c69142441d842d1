//! Events in tables of separated values.

use std::io::{self, BufRead, Read};

use csv::{ByteRecord, Reader, ReaderBuilder, Trim};
use outlay_domain::usage::{EventDraft, Refusal, RefusalCode};
use thiserror::Error;

use super::record::{Field, MapError, Mapper, Options};
use super::row_ids::{RowIds, TooManyRows};
use super::unpack::{Input, PlainLines, RowBounded, RowEnd};
use super::{ImportRow, Place};

/// The longest header that is looked at for its separator.
const HEADER_BYTES_MAX: u64 = 1024 * 1024;

/// Why a table cannot be read, or not any further.
#[derive(Debug, Error)]
pub enum TableError {
    /// It could not be read.
    #[error("the file cannot be read")]
    Io(#[from] io::Error),
    /// There is no header.
    #[error("the file is empty: a table begins with the names of its columns")]
    Empty,
    /// The header is not text.
    #[error("the header is not UTF-8 text; save the file as UTF-8")]
    HeaderNotText,
    /// The columns mean nothing.
    #[error(transparent)]
    Columns(#[from] MapError),
    /// The rows cannot be told apart.
    #[error(transparent)]
    TooManyRows(#[from] TooManyRows),
}

/// Reads the rows of a table, one after the other.
pub struct TableReader {
    rows: Reader<RowBounded<PlainLines<Box<dyn Read + Send>>>>,
    row_end: RowEnd,
    row: ByteRecord,
    header: Vec<String>,
    columns: Vec<Option<Field>>,
    mapper: Mapper,
    ids: RowIds,
    done: bool,
}

impl std::fmt::Debug for TableReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TableReader").field("columns", &self.columns).finish_non_exhaustive()
    }
}

impl TableReader {
    /// Reads the header of `input`. The separator is found there where none is given.
    pub fn new(input: Input, separator: Option<u8>, options: Options) -> Result<Self, TableError> {
        let mut mapper = Mapper::new(options)?;
        let mut reader = input.reader;
        let mut header = Vec::new();
        reader.by_ref().take(HEADER_BYTES_MAX).read_until(b'\n', &mut header)?;
        let separator = separator.unwrap_or_else(|| find_separator(&header));
        let whole: Box<dyn Read + Send> = Box::new(io::Cursor::new(header).chain(reader));
        let (bounded, row_end) = RowBounded::new(PlainLines::new(whole));
        let mut rows = ReaderBuilder::new()
            .delimiter(separator)
            .flexible(true)
            .has_headers(true)
            .trim(Trim::Headers)
            .from_reader(bounded);
        let header = match rows.headers() {
            Ok(header) => header.iter().map(str::to_owned).collect::<Vec<_>>(),
            Err(error) => {
                return Err(match error.into_kind() {
                    csv::ErrorKind::Io(error) => error.into(),
                    _ => TableError::HeaderNotText,
                });
            }
        };
        if header.iter().all(String::is_empty) {
            return Err(TableError::Empty);
        }
        let columns = mapper.columns(&header)?;
        let row = ByteRecord::new();
        let ids = RowIds::new();
        Ok(Self { rows, row_end, row, header, columns, mapper, ids, done: false })
    }

    /// The columns that are not imported.
    pub fn unused(&self) -> impl Iterator<Item = &str> {
        let unused =
            |(column, field): (&'_ String, &Option<Field>)| field.is_none() && !column.is_empty();
        self.header
            .iter()
            .zip(&self.columns)
            .filter(move |(column, field)| unused((column, field)))
            .map(|(column, _)| column.as_str())
    }

    fn read(&mut self) -> Result<Option<ImportRow>, TableError> {
        match self.rows.read_byte_record(&mut self.row) {
            Ok(true) => {}
            Ok(false) => return Ok(None),
            Err(error) => {
                return Err(match error.into_kind() {
                    csv::ErrorKind::Io(error) => error.into(),
                    other => io::Error::other(format!("{other:?}")).into(),
                });
            }
        }
        self.row_end.reached();
        let line = self.row.position().map_or(0, csv::Position::line);
        let outcome = self.draft()?;
        Ok(Some(ImportRow { place: Place::Line(line), outcome }))
    }

    fn draft(&mut self) -> Result<Result<EventDraft, Refusal>, TooManyRows> {
        let values = match values(&self.row, &self.header) {
            Ok(values) => values,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let named = self.columns.iter().zip(&self.header).zip(&values);
        let filled = named.filter_map(|((field, column), value)| {
            Some((field.as_ref()?, column.as_str(), *value))
        });
        let mut draft = match self.mapper.draft(filled) {
            Ok(draft) => draft,
            Err(refusal) => return Ok(Err(refusal)),
        };
        if draft.id.is_empty() {
            let cells = self.header.iter().map(String::as_str).zip(values.iter().copied());
            draft.id = self.ids.name(cells)?;
        }
        Ok(Ok(draft))
    }
}

impl Iterator for TableReader {
    type Item = Result<ImportRow, TableError>;

    /// The next row. After an error there is none: what follows cannot be told from noise.
    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let row = self.read().transpose();
        self.done = !matches!(row, Some(Ok(_)));
        row
    }
}

/// The values of the row, as many as there are columns.
fn values<'a>(row: &'a ByteRecord, header: &[String]) -> Result<Vec<&'a str>, Refusal> {
    let malformed = |field, detail| Refusal::new(RefusalCode::Malformed, field, detail);
    let (given, wanted) = (row.len(), header.len());
    let surplus_is_empty = row.iter().skip(wanted).all(<[u8]>::is_empty);
    if given < wanted || !surplus_is_empty {
        let detail = format!("has {given} values, and the header has {wanted} columns");
        return Err(malformed("row", detail));
    }
    row.iter()
        .zip(header)
        .map(|(value, column)| {
            std::str::from_utf8(value)
                .map_err(|_| malformed("row", format!("column `{column}` is not UTF-8 text")))
        })
        .collect()
}

/// The separator that stands most often between the names of the columns in `header`.
pub fn find_separator(header: &[u8]) -> u8 {
    let mut quoted = false;
    let mut counts = [(b',', 0), (b';', 0), (b'\t', 0), (b'|', 0)];
    for byte in header {
        if *byte == b'"' {
            quoted = !quoted;
        } else if let Some((_, count)) =
            counts.iter_mut().find(|(separator, _)| !quoted && separator == byte)
        {
            *count += 1;
        }
    }
    // Of equals the first is taken.
    counts.iter().rev().max_by_key(|(_, count)| *count).map_or(b',', |(separator, _)| *separator)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::io::Cursor;

    use compact_str::CompactString;
    use outlay_domain::usage::{Meter, Status};
    use outlay_domain::{Amount, Quantity};

    use super::super::money::DecimalMark;
    use super::super::unpack::unpack;
    use super::super::zone::Zone;
    use super::*;

    fn options() -> Options {
        Options {
            source: "csv".into(),
            account: None,
            zone: Zone::named("Europe/Berlin").unwrap(),
            mark: DecimalMark::Point,
            map: Vec::new(),
        }
    }

    fn reader(text: &str, options: Options) -> Result<TableReader, TableError> {
        TableReader::new(unpack(Cursor::new(text.as_bytes().to_vec())).unwrap(), None, options)
    }

    fn rows(text: &str, options: Options) -> Vec<ImportRow> {
        reader(text, options).unwrap().map(Result::unwrap).collect()
    }

    fn drafts(text: &str) -> Vec<EventDraft> {
        rows(text, options()).into_iter().map(|row| row.outcome.unwrap()).collect()
    }

    fn refusal(text: &str) -> String {
        let row = rows(text, options()).pop().unwrap();
        format!("{}: {}", row.place, row.outcome.unwrap_err())
    }

    #[test]
    fn a_row_fills_every_field_of_an_event() {
        let text = "\
id,source,occurred_at,account,subject,provider,model,operation,service,status,duration_ms,\
input_tokens,quantities.pages,quantities.gpu.hours,team,dimensions.project,platform,environment,\
tags.feature,cost,metadata,metadata.note
e1,crm,2026-07-19T12:00:00Z,acme,ana,openai,gpt-4o,chat,search,error,12.5,\
1200,3,0.25,core,atlas,web,production,\
summaries,0.0125,\"{\"\"a\"\":1}\",hi
";

        let draft = drafts(text).pop().unwrap();

        assert_eq!((draft.id.as_str(), draft.source.as_str()), ("e1", "crm"));
        assert_eq!(draft.occurred_at.unwrap().to_rfc3339(), "2026-07-19T12:00:00+00:00");
        assert_eq!((draft.account.as_str(), draft.subject.as_deref()), ("acme", Some("ana")));
        assert_eq!(draft.provider.as_deref(), Some("openai"));
        assert_eq!(draft.model.as_deref(), Some("gpt-4o"));
        assert_eq!(draft.operation.as_deref(), Some("chat"));
        assert_eq!(draft.service.as_deref(), Some("search"));
        assert_eq!(draft.status, Status::Error);
        assert_eq!(draft.duration_us, Some(12_500));
        let expected = vec![
            (Meter::InputTokens, Quantity::from_units(1200).unwrap()),
            (Meter::Pages, Quantity::from_units(3).unwrap()),
            (Meter::Other("gpu.hours".into()), Quantity::from_micros(250_000)),
        ];
        assert_eq!(draft.quantities, expected);
        assert_eq!(draft.dimensions.team.as_deref(), Some("core"));
        assert_eq!(draft.dimensions.project.as_deref(), Some("atlas"));
        assert_eq!(draft.dimensions.platform.as_deref(), Some("web"));
        assert_eq!(draft.dimensions.environment.as_deref(), Some("production"));
        assert_eq!(draft.tags, [(CompactString::from("feature"), "summaries".into())]);
        assert_eq!(draft.stated_cost, Some(Amount::from_nanos(12_500_000)));
        assert_eq!(draft.metadata.as_deref(), Some(r#"{"a":1,"note":"hi"}"#));
    }

    #[test]
    fn the_separator_is_found_in_the_header() {
        for text in [
            "date,service,cost\n2026-07-19,maps,1.5\n",
            "date;service;cost\r\n2026-07-19;maps;1.5\r\n",
            "date\tservice\tcost\n2026-07-19\tmaps\t1.5",
            "\u{feff}\"date\"|\"service\"|\"cost\"\n2026-07-19|maps|1.5\n",
            "\"date\";\"service\";\"cost\"\n\"2026-07-19\";\"maps\";\"1.5\"\n\n",
        ] {
            let draft = drafts(text).pop().unwrap();
            assert_eq!(draft.service.as_deref(), Some("maps"), "{text}");
            assert_eq!(draft.stated_cost, Some(Amount::from_nanos(1_500_000_000)), "{text}");
            assert_eq!(draft.occurred_at.unwrap().to_rfc3339(), "2026-07-18T22:00:00+00:00");
        }
    }

    #[test]
    fn quotes_hold_separators_quotes_and_line_ends() {
        let text = "date,service,cost\n2026-07-19,\"a, \"\"b\"\"\nc\",1\n2026-07-19,bad,x\n";

        for text in [text.to_owned(), text.replace('\n', "\r\n")] {
            let rows = rows(&text, options());

            let service = rows[0].outcome.as_ref().unwrap().service.clone();
            assert_eq!(service.as_deref(), Some("a, \"b\"\nc"));
            assert_eq!(rows[0].place, Place::Line(2));
            assert_eq!(rows[1].place, Place::Line(4), "as an editor shows them");
        }
    }

    #[test]
    fn a_bad_row_says_where_and_why_and_spoils_no_other() {
        let text = "date,service,cost\n\
                    2026-07-19,a,1\n2026-07-19,b,free\n2026-07-19,c\n2026-07-19,d,2\n";

        let rows = rows(text, options());

        let taken: Vec<bool> = rows.iter().map(|row| row.outcome.is_ok()).collect();
        assert_eq!(taken, [true, false, false, true]);
        assert_eq!(
            refusal("date,service,Amount\n2026-07-19,b,free\n"),
            "line 2: cost: column `Amount`: `free` is not a decimal number such as 12.5"
        );
        assert_eq!(
            refusal("date,service,cost\n2026-07-19,c\n"),
            "line 2: row: has 2 values, and the header has 3 columns"
        );
        assert!(refusal("date,service,cost\n,c,1\n").contains("occurred_at: a row must say when"));
        assert!(refusal("date;service;cost\n2026-07-19;c;1,5\n").contains("--decimal-comma"));
    }

    #[test]
    fn bytes_that_are_no_text_spoil_their_row_alone() {
        let text = b"date,service,cost\n2026-07-19,caf\xe9,1\n2026-07-19,tea,1\n";
        let input = unpack(Cursor::new(text.to_vec())).unwrap();

        let rows: Vec<_> =
            TableReader::new(input, None, options()).unwrap().map(Result::unwrap).collect();

        let detail = rows[0].outcome.as_ref().unwrap_err().detail.clone();
        assert_eq!(detail, "column `service` is not UTF-8 text");
        assert!(rows[1].outcome.is_ok());
    }

    #[test]
    fn a_mapping_names_columns_that_have_other_names() {
        let text = "When,Who,Betrag,cost\n2026-07-19,ana,\"1.234,5\",7\n";
        let map = [("occurred_at", "When"), ("subject", "Who"), ("cost", "Betrag")];
        let map = map.map(|(ours, theirs)| (ours.to_owned(), theirs.to_owned())).to_vec();

        let reader = reader(text, Options { map, mark: DecimalMark::Comma, ..options() }).unwrap();

        assert_eq!(reader.unused().collect::<Vec<_>>(), ["cost"], "the mapped column is surer");
        let draft = reader.map(Result::unwrap).next().unwrap().outcome.unwrap();
        assert_eq!(draft.stated_cost, Some(Amount::from_nanos(1_234_500_000_000)));
        assert_eq!(draft.subject.as_deref(), Some("ana"));
    }

    #[test]
    fn a_mapping_that_names_nothing_says_what_there_is() {
        let with = |ours: &str, theirs: &str| {
            let map = vec![(ours.to_owned(), theirs.to_owned())];
            reader("a,b\n1,2\n", Options { map, ..options() }).unwrap_err().to_string()
        };

        assert!(with("price", "a").starts_with("`price` is not a field of an event"));
        assert_eq!(with("cost", "c"), "there is no column `c`; the columns are a, b");
        let error = reader("a,b\n1,2\n", options()).unwrap_err().to_string();
        assert!(error.contains("--map cost=a"), "{error}");
        assert!(matches!(reader("", options()), Err(TableError::Empty)));
    }

    #[test]
    fn a_file_that_grew_repeats_no_row() {
        let ids = |text| -> Vec<_> { drafts(text).into_iter().map(|draft| draft.id).collect() };

        let before = ids("date,service,cost\n2026-07-19,a,1\n2026-07-19,a,1\n");
        let after = ids("service;date;cost\na;2026-07-19;1\nb;2026-07-19;1\na;2026-07-19;1\n");

        assert_eq!(after[0], before[0]);
        assert_eq!(after[2], before[1]);
        assert_ne!(before[0], before[1], "equal rows are usage each");
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_break_the_reader(header in "[a-z.,;\"\t|]{0,40}", body: Vec<u8>) {
            let bytes = [header.as_bytes(), b"\n", &body].concat();
            if let Ok(input) = unpack(Cursor::new(bytes))
                && let Ok(reader) = TableReader::new(input, None, options())
            {
                proptest::prop_assert!(reader.count() <= body.len() + 1);
            }
        }

        #[test]
        fn every_row_that_is_written_is_read(
            rows in proptest::collection::vec(("[^\\r\0]{0,20}", 0_i64..1_000_000_000_000), 0..20),
            separator in proptest::sample::select(b",;\t|".to_vec()),
        ) {
            let mut writer = csv::WriterBuilder::new().delimiter(separator).from_writer(Vec::new());
            writer.write_record(["ts", "tags.note", "cost"]).unwrap();
            for (note, nanos) in &rows {
                let cost = Amount::from_nanos(*nanos).to_string();
                writer.write_record(["2026-07-19", note, &cost]).unwrap();
            }
            let text = String::from_utf8(writer.into_inner().unwrap()).unwrap();

            let read = drafts(&text);

            let read: Vec<_> = read
                .iter()
                .map(|draft| {
                    let note = draft.tags.first().map_or("", |(_, note)| note.as_str());
                    (note.to_owned(), draft.stated_cost.unwrap().nanos())
                })
                .collect();
            let written: Vec<_> =
                rows.into_iter().map(|(note, nanos)| (note.trim().to_owned(), nanos)).collect();
            proptest::prop_assert_eq!(read, written);
        }
    }

    #[test]
    fn an_unclosed_quote_ends_the_reading_in_bounded_memory() {
        let text = format!("date,service,cost\n2026-07-19,\"a,1\n{}", "x".repeat(20_000_000));

        let end = reader(&text, options()).unwrap().last().unwrap();

        assert!(matches!(end, Err(TableError::Io(_))));
    }
}
