//! Just enough Python to read a module of data: calls with keywords, lists, dictionaries, texts
//! and numbers. Nothing is run.

use serde_json::{Map, Number, Value};

/// How deep values may nest.
const DEPTH_MAX: usize = 64;

/// Why a text is not a module of data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PythonError {
    /// The line at which it fails, from one.
    pub line: usize,
    /// What was expected there.
    pub detail: &'static str,
}

/// Reads the value that `name` is given in the module `text`.
///
/// `Decimal('1.5')` becomes a text, `datetime.date(2026, 3, 1)` and `datetime.time(0, 30)` become
/// texts as JSON would have them, and every other call becomes an object of its keywords, a
/// trailing underscore taken off: `ClauseOr(or_=[…])` is `{"or": […]}`.
pub fn assigned(text: &str, name: &str) -> Result<Value, PythonError> {
    let mut at = 0;
    loop {
        let line_end = text[at..].find('\n').map_or(text.len(), |end| at + end);
        let line = &text[at..line_end];
        if let Some(rest) = line.strip_prefix(name)
            && rest.trim_start().starts_with([':', '='])
            && let Some(equals) = line.find('=')
        {
            let mut reader = Reader { text, at: at + equals + 1 };
            return reader.value(0);
        }
        if line_end == text.len() {
            return Err(PythonError { line: 1, detail: "nothing is assigned to that name" });
        }
        at = line_end + 1;
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn fail<T>(&self, detail: &'static str) -> Result<T, PythonError> {
        let line = self.text[..self.at].bytes().filter(|byte| *byte == b'\n').count() + 1;
        Err(PythonError { line, detail })
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Goes over blanks and comments.
    fn skip(&mut self) {
        while let Some(byte) = self.peek() {
            match byte {
                b' ' | b'\t' | b'\r' | b'\n' => self.at += 1,
                b'#' => {
                    self.at =
                        self.text[self.at..].find('\n').map_or(self.text.len(), |end| self.at + end)
                }
                _ => return,
            }
        }
    }

    fn take(&mut self, byte: u8) -> bool {
        self.skip();
        let taken = self.peek() == Some(byte);
        self.at += usize::from(taken);
        taken
    }

    fn expect(&mut self, byte: u8, detail: &'static str) -> Result<(), PythonError> {
        if self.take(byte) { Ok(()) } else { self.fail(detail) }
    }

    fn value(&mut self, depth: usize) -> Result<Value, PythonError> {
        if depth > DEPTH_MAX {
            return self.fail("fewer levels");
        }
        self.skip();
        match self.peek() {
            Some(b'[') => self.sequence(b'[', b']', depth).map(Value::Array),
            Some(b'(') => self.parenthesis(depth),
            Some(b'{') => self.dictionary(depth),
            Some(b'\'' | b'"') => self.string().map(Value::String),
            Some(b'-' | b'+' | b'0'..=b'9' | b'.') => self.number(),
            Some(byte) if byte.is_ascii_alphabetic() || byte == b'_' => self.named(depth),
            _ => self.fail("a value"),
        }
    }

    fn sequence(&mut self, open: u8, close: u8, depth: usize) -> Result<Vec<Value>, PythonError> {
        self.expect(open, "an opening bracket")?;
        let mut items = Vec::new();
        while !self.take(close) {
            items.push(self.value(depth + 1)?);
            if !self.take(b',') {
                self.expect(close, "a comma or a closing bracket")?;
                break;
            }
        }
        Ok(items)
    }

    /// One value in parentheses is that value; several are a tuple.
    fn parenthesis(&mut self, depth: usize) -> Result<Value, PythonError> {
        let mut items = self.sequence(b'(', b')', depth)?;
        Ok(if items.len() == 1 { items.swap_remove(0) } else { Value::Array(items) })
    }

    fn dictionary(&mut self, depth: usize) -> Result<Value, PythonError> {
        self.expect(b'{', "an opening brace")?;
        let mut entries = Map::new();
        while !self.take(b'}') {
            self.skip();
            let key = self.string()?;
            self.expect(b':', "a colon")?;
            entries.insert(key, self.value(depth + 1)?);
            if !self.take(b',') {
                self.expect(b'}', "a comma or a closing brace")?;
                break;
            }
        }
        Ok(Value::Object(entries))
    }

    /// One or several texts beside each other, which Python joins.
    fn string(&mut self) -> Result<String, PythonError> {
        let mut joined = String::new();
        loop {
            match self.peek() {
                Some(quote @ (b'\'' | b'"')) => self.one_string(quote, &mut joined)?,
                _ => return self.fail("a text in quotes"),
            }
            let end = self.at;
            self.skip();
            if !matches!(self.peek(), Some(b'\'' | b'"')) {
                self.at = end;
                return Ok(joined);
            }
        }
    }

    fn one_string(&mut self, quote: u8, joined: &mut String) -> Result<(), PythonError> {
        let quotes = if quote == b'\'' { "'''" } else { "\"\"\"" };
        let is_long = self.text[self.at..].starts_with(quotes);
        let end = if is_long { quotes } else { &quotes[..1] };
        self.at += end.len();
        loop {
            let rest = &self.text[self.at..];
            if rest.starts_with(end) {
                self.at += end.len();
                return Ok(());
            }
            let Some(char) = rest.chars().next() else { return self.fail("the end of the text") };
            self.at += char.len_utf8();
            match char {
                '\\' => self.escape(joined)?,
                '\n' if !is_long => return self.fail("the end of the text"),
                char => joined.push(char),
            }
        }
    }

    fn escape(&mut self, joined: &mut String) -> Result<(), PythonError> {
        let Some(char) = self.text[self.at..].chars().next() else {
            return self.fail("an escape");
        };
        self.at += char.len_utf8();
        match char {
            'n' => joined.push('\n'),
            't' => joined.push('\t'),
            'r' => joined.push('\r'),
            '0' => joined.push('\0'),
            '\n' => {}
            '\\' | '\'' | '"' => joined.push(char),
            'x' => self.code_point(2, joined)?,
            'u' => self.code_point(4, joined)?,
            'U' => self.code_point(8, joined)?,
            // Python keeps an escape that it does not know.
            other => joined.extend(['\\', other]),
        }
        Ok(())
    }

    fn code_point(&mut self, digits: usize, joined: &mut String) -> Result<(), PythonError> {
        let text = self.text.get(self.at..self.at + digits);
        let point =
            text.and_then(|text| u32::from_str_radix(text, 16).ok()).and_then(char::from_u32);
        match point {
            Some(char) => {
                joined.push(char);
                self.at += digits;
                Ok(())
            }
            None => self.fail("the number of a character"),
        }
    }

    fn number(&mut self) -> Result<Value, PythonError> {
        let rest = &self.text[self.at..];
        let len = rest
            .find(|char: char| {
                !char.is_ascii_alphanumeric() && !matches!(char, '.' | '-' | '+' | '_')
            })
            .unwrap_or(rest.len());
        let plain = rest[..len].replace('_', "");
        self.at += len;
        let number = plain
            .parse::<i64>()
            .map(Number::from)
            .ok()
            .or_else(|| plain.parse::<f64>().ok().and_then(Number::from_f64));
        match number {
            Some(number) => Ok(Value::Number(number)),
            None => self.fail("a number"),
        }
    }

    /// A constant, or a call.
    fn named(&mut self, depth: usize) -> Result<Value, PythonError> {
        let rest = &self.text[self.at..];
        let len = rest
            .find(|char: char| !char.is_ascii_alphanumeric() && !matches!(char, '.' | '_'))
            .unwrap_or(rest.len());
        let name = &rest[..len];
        self.at += len;
        if !self.take(b'(') {
            return match name {
                "None" | "datetime.UTC" | "datetime.timezone.utc" => Ok(Value::Null),
                "True" => Ok(Value::Bool(true)),
                "False" => Ok(Value::Bool(false)),
                _ => self.fail("a constant or a call"),
            };
        }
        let (arguments, keywords) = self.arguments(depth)?;
        match (name, arguments.as_slice()) {
            ("Decimal", [Value::String(text)]) => Ok(Value::String(text.clone())),
            ("Decimal", [Value::Number(number)]) => Ok(Value::String(number.to_string())),
            ("datetime.date", [year, month, day]) => {
                match (year.as_u64(), month.as_u64(), day.as_u64()) {
                    (Some(year), Some(month), Some(day)) => {
                        Ok(Value::String(format!("{year:04}-{month:02}-{day:02}")))
                    }
                    _ => self.fail("a date of three numbers"),
                }
            }
            ("datetime.time", parts) => {
                let part = |at: usize| parts.get(at).and_then(Value::as_u64).unwrap_or(0);
                Ok(Value::String(format!("{:02}:{:02}:{:02}Z", part(0), part(1), part(2))))
            }
            (_, []) => Ok(Value::Object(keywords)),
            _ => self.fail("keywords only"),
        }
    }

    fn arguments(&mut self, depth: usize) -> Result<(Vec<Value>, Map<String, Value>), PythonError> {
        let mut arguments = Vec::new();
        let mut keywords = Map::new();
        while !self.take(b')') {
            match self.keyword() {
                Some(keyword) => {
                    let value = self.value(depth + 1)?;
                    keywords.insert(keyword, value);
                }
                None => arguments.push(self.value(depth + 1)?),
            }
            if !self.take(b',') {
                self.expect(b')', "a comma or a closing parenthesis")?;
                break;
            }
        }
        Ok((arguments, keywords))
    }

    /// `name=`, if that is what comes next.
    fn keyword(&mut self) -> Option<String> {
        self.skip();
        let rest = &self.text[self.at..];
        let len = rest.find(|char: char| !char.is_ascii_alphanumeric() && char != '_')?;
        let behind = rest[len..].trim_start_matches(' ');
        let is_keyword = len > 0 && behind.starts_with('=') && !behind.starts_with("==");
        if !is_keyword {
            return None;
        }
        let name = rest[..len].trim_end_matches('_').to_owned();
        self.at += rest.len() - behind.len() + 1;
        Some(name)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_module_of_data_becomes_json() {
        let module = r#"
"""A comment."""
import datetime

providers: list[Provider] = [
    # The first one.
    Provider(
        id='a',
        pattern='https://api\\.a\\.io',
        text='one '
        "two\n\x41",
        match=ClauseOr(or_=[ClauseEquals(equals='b')]),
        prices=[
            ConditionalPrice(
                constraint=StartDateConstraint(start_date=datetime.date(2026, 3, 1)),
                prices=ModelPrice(input_mtok=Decimal('0.10')),
            ),
            TimeOfDateConstraint(start_time=datetime.time(0, 30, tzinfo=datetime.UTC)),
        ],
        when={'processing': 'batch'},
        window=1_000,
        deprecated=True,
        nothing=None,
    ),
]
"#;

        assert_eq!(
            assigned(module, "providers").unwrap(),
            json!([{
                "id": "a",
                "pattern": "https://api\\.a\\.io",
                "text": "one two\nA",
                "match": {"or": [{"equals": "b"}]},
                "prices": [
                    {"constraint": {"start_date": "2026-03-01"}, "prices": {"input_mtok": "0.10"}},
                    {"start_time": "00:30:00Z"},
                ],
                "when": {"processing": "batch"},
                "window": 1000,
                "deprecated": true,
                "nothing": null,
            }])
        );
    }

    #[test]
    fn what_is_not_data_says_where() {
        let error = |text| assigned(text, "x").unwrap_err();

        assert_eq!(error("y = 1").detail, "nothing is assigned to that name");
        assert_eq!(error("x = [\n1,\nfoo]").line, 3);
        assert_eq!(error("x = 'open").detail, "the end of the text");
        assert_eq!(error("x = f(1)").detail, "keywords only");
        assert_eq!(error(&format!("x = {}", "[".repeat(100))).detail, "fewer levels");
    }
}
