//! Events as one JSON object a line.

use std::io::{self, BufRead, Read};

use hashbrown::HashSet;
use outlay_domain::usage::{EventDraft, Refusal, RefusalCode};
use serde_json::Value;
use thiserror::Error;

use super::record::{MapError, Mapper, Options};
use super::row_ids::{RowIds, TooManyRows};
use super::unpack::{Input, ROW_BYTES_MAX};
use super::{ImportRow, Place};

/// Keys that are not imported and remembered to be named, at most.
const UNUSED_KEYS_MAX: usize = 50;

/// Why lines cannot be read, or not any further.
#[derive(Debug, Error)]
pub enum LinesError {
    /// They could not be read.
    #[error("the file cannot be read")]
    Io(#[from] io::Error),
    /// The mapping is wrong.
    #[error(transparent)]
    Map(#[from] MapError),
    /// The rows cannot be told apart.
    #[error(transparent)]
    TooManyRows(#[from] TooManyRows),
}

/// Reads the objects of a file, one after the other.
pub struct LineReader {
    input: Box<dyn BufRead + Send>,
    buffer: Vec<u8>,
    line: u64,
    mapper: Mapper,
    ids: RowIds,
    unused: HashSet<String>,
    done: bool,
}

impl std::fmt::Debug for LineReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LineReader").field("line", &self.line).finish_non_exhaustive()
    }
}

impl LineReader {
    /// Reads `input`.
    pub fn new(input: Input, options: Options) -> Result<Self, LinesError> {
        Ok(Self {
            input: input.reader,
            buffer: Vec::new(),
            line: 0,
            mapper: Mapper::new(options)?,
            ids: RowIds::new(),
            unused: HashSet::new(),
            done: false,
        })
    }

    /// The keys that were met and not imported, sorted, the first fifty.
    pub fn unused(&self) -> Vec<&str> {
        let mut unused: Vec<_> = self.unused.iter().map(String::as_str).collect();
        unused.sort_unstable();
        unused
    }

    fn read(&mut self) -> Result<Option<ImportRow>, LinesError> {
        loop {
            self.buffer.clear();
            let bounded = &mut self.input.by_ref().take(ROW_BYTES_MAX);
            if bounded.read_until(b'\n', &mut self.buffer)? == 0 {
                return Ok(None);
            }
            if self.buffer.len() as u64 == ROW_BYTES_MAX && !self.buffer.ends_with(b"\n") {
                let detail = format!("line {} is longer than {ROW_BYTES_MAX} bytes", self.line + 1);
                return Err(io::Error::new(io::ErrorKind::InvalidData, detail).into());
            }
            self.line += 1;
            if !self.buffer.trim_ascii().is_empty() {
                let outcome = self.draft()?;
                return Ok(Some(ImportRow { place: Place::Line(self.line), outcome }));
            }
        }
    }

    fn draft(&mut self) -> Result<Result<EventDraft, Refusal>, TooManyRows> {
        let cells = match cells(self.buffer.trim_ascii()) {
            Ok(cells) => cells,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let (fields, unknown) = self.mapper.fields(&cells);
        for key in unknown {
            if self.unused.len() < UNUSED_KEYS_MAX && !self.unused.contains(key) {
                self.unused.insert(key.to_owned());
            }
        }
        let values = fields.iter().map(|(field, key, value)| (field, *key, *value));
        let mut draft = match self.mapper.draft(values) {
            Ok(draft) => draft,
            Err(refusal) => return Ok(Err(refusal)),
        };
        if draft.id.is_empty() {
            let cells = cells.iter().map(|(key, value)| (key.as_str(), value.as_str()));
            draft.id = self.ids.name(cells)?;
        }
        Ok(Ok(draft))
    }
}

impl Iterator for LineReader {
    type Item = Result<ImportRow, LinesError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let row = self.read().transpose();
        self.done = !matches!(row, Some(Ok(_)));
        row
    }
}

/// The values of an object by their dotted keys; `metadata` stays as it is.
fn cells(line: &[u8]) -> Result<Vec<(String, String)>, Refusal> {
    let malformed = |detail: String| Refusal::new(RefusalCode::Malformed, "row", detail);
    let value: Value =
        serde_json::from_slice(line).map_err(|error| malformed(format!("is not JSON: {error}")))?;
    let Value::Object(object) = value else {
        return Err(malformed("is not a JSON object".to_owned()));
    };
    let mut cells = Vec::with_capacity(object.len());
    for (key, value) in object {
        flatten(key, value, &mut cells);
    }
    Ok(cells)
}

fn flatten(key: String, value: Value, cells: &mut Vec<(String, String)>) {
    match value {
        Value::Null => {}
        Value::String(text) => cells.push((key, text)),
        Value::Object(object) if key != "metadata" && !key.starts_with("metadata.") => {
            for (inner, value) in object {
                flatten(format!("{key}.{inner}"), value, cells);
            }
        }
        other => cells.push((key, other.to_string())),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::io::Cursor;

    use outlay_domain::usage::Meter;
    use outlay_domain::{Amount, Quantity};

    use super::super::money::DecimalMark;
    use super::super::unpack::unpack;
    use super::super::zone::Zone;
    use super::*;

    fn options() -> Options {
        Options {
            source: "jsonl".into(),
            account: Some("acme".into()),
            zone: Zone::named("Europe/Berlin").unwrap(),
            mark: DecimalMark::Point,
            map: vec![("input_tokens".into(), "usage.prompt".into())],
        }
    }

    fn reader(text: &str) -> LineReader {
        LineReader::new(unpack(Cursor::new(text.as_bytes().to_vec())).unwrap(), options()).unwrap()
    }

    #[test]
    fn an_object_in_the_form_of_the_api_is_an_event() {
        let line = r#"{"id":"e1","occurred_at":"2026-07-19T12:00:00","provider":"openai",
            "model":"gpt-4o","quantities":{"output_tokens":7,"pages":"2"},"cost":"0.5","status":200,
            "dimensions":{"team":"core"},"tags":{"lead":12,"none":null},"metadata":{"a":{"b":[1]}},
            "usage":{"prompt":40,"other":1},"ok":true}"#
            .replace('\n', " ");
        let mut reader = reader(&line);

        let draft = reader.next().unwrap().unwrap().outcome.unwrap();

        assert_eq!(draft.id, "e1");
        assert_eq!(draft.source, "jsonl");
        assert_eq!(draft.account, "acme");
        assert_eq!(draft.occurred_at.unwrap().to_rfc3339(), "2026-07-19T10:00:00+00:00");
        assert_eq!(draft.stated_cost, Some(Amount::from_nanos(500_000_000)));
        assert_eq!(draft.dimensions.team.as_deref(), Some("core"));
        assert_eq!(draft.tags, [("lead".into(), "12".into())]);
        assert_eq!(draft.metadata.as_deref(), Some(r#"{"a":{"b":[1]}}"#));
        let quantity = |meter| {
            draft.quantities.iter().find(|(known, _)| *known == meter).map(|(_, much)| *much)
        };
        assert_eq!(quantity(Meter::InputTokens), Quantity::from_units(40));
        assert_eq!(quantity(Meter::OutputTokens), Quantity::from_units(7));
        assert_eq!(reader.unused(), ["ok", "usage.other"]);
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_break_the_reader(bytes: Vec<u8>, text in "[\\[\\]{}:,\"a-z0-9.\n]{0,60}") {
            for bytes in [bytes, text.into_bytes()] {
                let most = bytes.len() + 1;
                if let Ok(input) = unpack(Cursor::new(bytes)) {
                    let reader = LineReader::new(input, options()).unwrap();
                    proptest::prop_assert!(reader.count() <= most);
                }
            }
        }
    }

    #[test]
    fn a_bad_line_says_where_and_why_and_spoils_no_other() {
        let text = "{\"ts\":1784425718,\"service\":\"maps\",\"cost\":0.1}\n\n\
                    {\"ts\":1784425718,\n[1]\n{\"ts\":true}\n\
                    {\"ts\":1784425718,\"service\":\"maps\",\"cost\":0.1}";

        let rows: Vec<_> = reader(text).map(Result::unwrap).collect();

        let told: Vec<_> = rows
            .iter()
            .map(|row| match &row.outcome {
                Ok(draft) => draft.stated_cost.unwrap().to_string(),
                Err(refusal) => format!("{}: {refusal}", row.place),
            })
            .collect();
        assert_eq!(told[0], "0.1");
        assert!(told[1].starts_with("line 3: row: is not JSON"), "{}", told[1]);
        assert_eq!(told[2], "line 4: row: is not a JSON object");
        assert!(
            told[3].starts_with("line 5: occurred_at: column `ts`: `true` is not"),
            "{}",
            told[3]
        );
        assert_eq!(told[4], "0.1");
        let ids: Vec<_> =
            rows.iter().filter_map(|row| Some(&row.outcome.as_ref().ok()?.id)).collect();
        assert_eq!(*ids[1], format!("{}:2", ids[0]));
    }
}
