//! What is wrong with a body, in words for whoever sent it.
//!
//! Deserializers tell of it in the terms of the program ("expected internally tagged enum"). Here
//! their texts become a field, what is wrong with it, and what to do.

use axum::http::StatusCode;
use serde::de::{DeserializeOwned, IgnoredAny};

use crate::bounded;
use crate::by_name::ByName;
use crate::error::ApiError;

/// Reads a value of JSON; on failure says which field is at fault.
pub fn read_json<T: DeserializeOwned>(json: &str) -> Result<T, Fault> {
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let read = serde_path_to_error::deserialize(ByName(&mut deserializer)).map_err(|error| {
        let (path, message) = (error.path().to_string(), error.inner().to_string());
        match message.starts_with(NO_VALUE) && is_json(json) {
            true => Fault::no_choice(&path),
            false => Fault::new(&path, &message),
        }
    })?;
    deserializer.end().map_err(|error| Fault::new("", &error.to_string()))?;
    Ok(read)
}

/// What the parser says where no value stands, and where one stands that is neither the name of a
/// choice nor an object of one.
const NO_VALUE: &str = "expected value at line ";

/// Whether it is JSON at all.
fn is_json(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

/// What is wrong with a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The path of the field; empty where it is all of it.
    pub field: String,
    /// Which kind of mistake it is.
    pub kind: FaultKind,
    /// What is wrong.
    pub detail: String,
    /// What to do about it, where that is known.
    pub remedy: Option<String>,
}

/// The kinds of mistakes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// It should have been given.
    Missing,
    /// There is too much of it.
    TooLarge,
    /// It is not what it should be.
    Malformed,
}

impl Fault {
    /// What is neither of the forms in which one of several can be chosen.
    fn no_choice(path: &str) -> Self {
        Self {
            field: if path == "." { String::new() } else { path.to_owned() },
            kind: FaultKind::Malformed,
            detail: "must be an object with one field, or one of its words as a text".into(),
            remedy: Some("see the API's document for the names that it takes".into()),
        }
    }

    /// Reads what a deserializer says of the field at `path`.
    pub fn new(path: &str, message: &str) -> Self {
        if let Some(detail) = syntax(message) {
            let remedy = Some("send JSON, with names and texts in double quotes".into());
            let kind = FaultKind::Malformed;
            return Self { field: String::new(), kind, detail, remedy };
        }
        let message = message.split(" at line ").next().unwrap_or(message);
        let path = if path == "." { "" } else { path };
        let fault = |field: String, detail: String, remedy: Option<String>| Self {
            field,
            kind: FaultKind::Malformed,
            detail,
            remedy,
        };
        if let Some(name) = quoted(message, "missing field `") {
            let remedy = Some(format!("give `{name}`"));
            let field = fault(joined(path, name), "must be given".into(), remedy);
            return Self { kind: FaultKind::Missing, ..field };
        }
        if let Some(detail) = bounded::as_too_many(message) {
            let fault = fault(path.to_owned(), detail.to_owned(), Some("send less of it".into()));
            return Self { kind: FaultKind::TooLarge, ..fault };
        }
        if let Some(name) = quoted(message, "unknown field `") {
            let detail = format!("there is no field `{name}` here");
            let field = if path.ends_with(name) { path.to_owned() } else { joined(path, name) };
            return fault(field, detail, one_of(message));
        }
        if let Some(word) = quoted(message, "unknown variant `") {
            let detail = format!("`{word}` is none of the words that it can be");
            return fault(path.to_owned(), detail, one_of(message));
        }
        if let Some(name) = quoted(message, "duplicate field `") {
            return fault(joined(path, name), "is given twice".into(), Some("give it once".into()));
        }
        if is_of_time(message) {
            let days = ["period", "first", "last", "day", "date"];
            let remedy = match days.iter().any(|name| path.ends_with(name)) {
                true => "write a day as 2026-01-31".into(),
                false => "write a moment as 2026-01-31T12:00:00Z".into(),
            };
            let detail = "is no point in time of the calendar".into();
            return fault(path.to_owned(), detail, Some(remedy));
        }
        match expected(message) {
            Some(detail) => fault(path.to_owned(), detail, None),
            None => fault(path.to_owned(), message.to_owned(), None),
        }
    }
}

impl From<Fault> for ApiError {
    fn from(Fault { field, kind, detail, remedy }: Fault) -> Self {
        let field = if field.is_empty() { "body".to_owned() } else { field };
        let refusal = match kind {
            FaultKind::Missing => Self::bad_request("missing", field, detail),
            FaultKind::Malformed => Self::bad_request("malformed", field, detail),
            FaultKind::TooLarge => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", detail).at(field)
            }
        };
        match remedy {
            Some(remedy) => refusal.mend(remedy),
            None => refusal,
        }
    }
}

/// What a parser of JSON says of a text that is none, with where that is.
pub fn syntax(message: &str) -> Option<String> {
    syntax_from(message, 1)
}

/// The same of a text that begins in that line of what was sent.
pub fn syntax_from(message: &str, first_line: usize) -> Option<String> {
    let (said, place) = message.split_once(" at line ")?;
    let what = match said {
        "expected ident" => "a word stands there that is none of true, false and null",
        "expected value" => "there is no value where one should be",
        "key must be a string" => "the name of a field is not in double quotes",
        "trailing comma" => "a comma stands before the end of an object or a list",
        "trailing characters" => "something follows behind its end",
        "expected `:`" => "no colon stands behind the name of a field",
        "expected `,` or `}`" | "expected `,` or `]`" => "a comma is missing",
        "invalid number" => "a number is not written as one",
        "number out of range" => "a number is larger than numbers can be",
        "invalid escape" => "a text has a backslash that means nothing",
        "recursion limit exceeded" => "objects and lists stand too deep in each other",
        said if said.starts_with("EOF while parsing") => "it ends in the middle",
        said if said.starts_with("control character") => {
            "a text has a line break or another control character in it, instead of `\\n`"
        }
        said if said.contains("surrogate") || said.contains("unicode code point") => {
            "a text has half a character in it"
        }
        _ => return None,
    };
    let (line, column) = place.split_once(" column ")?;
    let line = line.parse::<usize>().ok()?.saturating_add(first_line).saturating_sub(1);
    Some(format!("is no JSON: {what} (line {line}, column {column})"))
}

fn joined(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// The word between `start` and the next mark.
fn quoted<'a>(message: &'a str, start: &str) -> Option<&'a str> {
    message.strip_prefix(start)?.split_once('`').map(|(word, _)| word)
}

/// The words that are known, where a message lists them.
fn one_of(message: &str) -> Option<String> {
    let (_, known) = message.split_once(", expected ")?;
    let words: Vec<&str> = known.split('`').skip(1).step_by(2).collect();
    (!words.is_empty()).then(|| format!("use {}", words.join(", ")))
}

/// What the parser of dates says.
fn is_of_time(message: &str) -> bool {
    const SAID: [&str; 5] = [
        "input contains invalid characters",
        "premature end of input",
        "trailing input",
        "input is out of range",
        "no possible date and time matching input",
    ];
    SAID.contains(&message)
}

/// `invalid type: A, expected B` and `invalid value: A, expected B`, in plain words.
pub fn expected(message: &str) -> Option<String> {
    let rest = message
        .strip_prefix("invalid type: ")
        .or_else(|| message.strip_prefix("invalid value: "))?;
    let (found, expected) = rest.rsplit_once(", expected ")?;
    Some(format!("must be {}, not {}", wanted(expected), given(found)))
}

/// What should have been there.
fn wanted(expected: &str) -> String {
    let words = match expected {
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number from 0 to 65535",
        "u32" | "u64" | "usize" => "a whole number from 0 on",
        "i8" | "i16" | "i32" | "i64" => "a whole number",
        "f32" | "f64" => "a number",
        "a string" | "string" | "str" | "a borrowed string" => "a text",
        "a boolean" => "true or false",
        "a sequence" => "a list",
        "a map" => "an object",
        // A type of the program.
        named
            if ["struct ", "enum ", "tagged", "variant"]
                .iter()
                .any(|word| named.contains(word)) =>
        {
            "an object with fields"
        }
        own => own,
    };
    words.to_owned()
}

/// What was there.
fn given(found: &str) -> String {
    if found == "unit variant" {
        return "a word alone".into();
    }
    let (kind, value) = found.split_once(' ').unwrap_or((found, ""));
    match kind {
        "integer" | "boolean" => value.trim_matches('`').to_owned(),
        "floating" => value.trim_start_matches("point ").trim_matches('`').to_owned(),
        "string" => format!("the text {value}"),
        "sequence" => "a list".into(),
        "map" => "an object".into(),
        "unit" => "nothing".into(),
        _ => found.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use outlay_domain::alerts::Condition;
    use outlay_domain::budgets::{Period, Scope};
    use outlay_domain::prices::Conditions;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code, reason = "only read")]
    struct Draft {
        name: String,
        period: Option<Period>,
        #[serde(default)]
        levels: Vec<Level>,
        #[serde(default, deserialize_with = "crate::moment::optional")]
        at: Option<chrono::DateTime<chrono::Utc>>,
        #[serde(default)]
        scope: BTreeMap<String, Vec<String>>,
    }

    #[derive(Debug, Deserialize)]
    #[allow(dead_code, reason = "only read")]
    struct Level {
        percent: u16,
    }

    fn told(json: &str) -> String {
        told_of::<Draft>(json)
    }

    fn told_of<T: DeserializeOwned>(json: &str) -> String {
        match read_json::<T>(json) {
            Ok(_) => "read".into(),
            Err(Fault { field, detail, remedy, .. }) => {
                format!(
                    "{field}: {detail}{}",
                    remedy.map_or_else(String::new, |text| format!("; {text}"))
                )
            }
        }
    }

    #[derive(Debug, Deserialize)]
    #[allow(dead_code, reason = "only read")]
    struct Watched {
        #[serde(default)]
        condition: Option<Condition>,
        #[serde(default)]
        scope: Scope,
        #[serde(default)]
        conditions: Conditions,
        #[serde(default, deserialize_with = "outlay_domain::once::each_once")]
        attributes: BTreeMap<String, String>,
    }

    #[test]
    fn what_tells_its_kind_is_no_list() {
        let no_list = ": must be an object with fields, not a list";
        for list in [r#"["month"]"#, r#"["rolling", 7]"#, r#"["once", "2026-05-01", "2026-05-31"]"#]
        {
            let json = format!(r#"{{"name": "x", "period": {list}}}"#);
            assert_eq!(told(&json), format!("period{no_list}"));
        }
        for list in [r#"["unpriced"]"#, r#"["above", "1"]"#, "[]"] {
            let json = format!(r#"{{"condition": {list}}}"#);
            assert_eq!(told_of::<Watched>(&json), format!("condition{no_list}"));
        }
        assert_eq!(told_of::<Watched>(r#"{"condition": {"kind": "unpriced"}}"#), "read");
    }

    #[test]
    fn a_choice_of_another_form_is_told_by_its_field_and_is_json_all_the_same() {
        for wrong in ["[1,2]", "5", "true"] {
            let said = told_of::<Watched>(&format!(r#"{{"conditions": {{"context": {wrong}}}}}"#));
            assert!(said.starts_with("conditions.context: must be an object with one"), "{said}");
        }
        let said = told_of::<Watched>(r#"{"conditions": {"context": "over"}}"#);
        assert_eq!(
            said,
            "conditions.context.over: must be an object with fields, not a word alone"
        );
        let said = told_of::<Watched>(r#"{"conditions": {"context": }}"#);
        assert!(said.starts_with(": is no JSON: there is no value"), "{said}");
        let said = told_of::<Watched>(r#"{"conditions": {"context": [1}}"#);
        assert!(said.starts_with(": is no JSON"), "{said}");
    }

    #[test]
    fn a_name_in_a_map_that_is_given_twice_is_told_by_its_field() {
        let twice = ": is given twice; give it once";
        for (json, field) in [
            (r#"{"scope": {"model": ["a"], "model": ["b"]}}"#, "scope.model"),
            (r#"{"attributes": {"team": "a", "team": "a"}}"#, "attributes.team"),
            (
                r#"{"conditions": {"parameters": {"speed": "a", "speed": "b"}}}"#,
                "conditions.parameters.speed",
            ),
            (r#"{"conditions": {"tier": "a", "tier": "b"}}"#, "conditions.tier"),
        ] {
            assert_eq!(told_of::<Watched>(json), format!("{field}{twice}"));
        }
        let said = told_of::<Watched>(
            r#"{"condition": {"kind": "change", "scope": {"model": ["a"], "model": ["b"]}}}"#,
        );
        assert!(said.starts_with("condition") && said.ends_with(twice), "{said}");
    }

    #[test]
    fn what_is_wrong_is_told_by_field_and_in_plain_words() {
        assert_eq!(told("{}"), "name: must be given; give `name`");
        assert_eq!(told(r#"{"name": 7}"#), "name: must be a text, not 7");
        assert_eq!(
            told(r#"{"name": "x", "colour": 1}"#),
            "colour: there is no field `colour` here; use name, period, levels, at, scope"
        );
        assert_eq!(
            told(r#"{"name": "x", "levels": [{}]}"#),
            "levels[0].percent: must be given; give `percent`"
        );
        assert_eq!(
            told(r#"{"name": "x", "levels": [{"percent": -1}]}"#),
            "levels[0].percent: must be a whole number from 0 to 65535, not -1"
        );
        assert_eq!(
            told(r#"{"name": "x", "levels": ["a"]}"#),
            "levels[0]: must be an object with fields, not the text \"a\""
        );
        assert_eq!(
            told(r#"{"name": "x", "levels": [[80]]}"#),
            "levels[0]: must be an object with fields, not a list"
        );
        assert_eq!(
            told(r#"{"name": "x", "period": "month"}"#),
            "period: must be an object with fields, not the text \"month\""
        );
        assert_eq!(
            told(r#"{"name": "x", "period": {}}"#),
            "period.every: must be given; give `every`"
        );
        assert_eq!(
            told(r#"{"name": "x", "period": {"every": "month", "days": 3}}"#),
            "period.days: there is no field `days` here"
        );
        assert_eq!(
            told(r#"{"name": "x", "at": "yesterday"}"#),
            "at: is no point in time of the calendar; write a moment as 2026-01-31T12:00:00Z"
        );
        assert_eq!(
            told("{name: 1}"),
            ": is no JSON: the name of a field is not in double quotes (line 1, column 2); send \
             JSON, with names and texts in double quotes"
        );
        assert!(told("").contains("ends in the middle"));
        assert!(told(r#"{"name": nope}"#).contains("none of true, false and null"));
        assert_eq!(told("[]"), ": must be an object with fields, not a list");
        assert!(told(r#"{"name": "x"} {}"#).contains("something follows behind its end"));
        assert!(
            told(r#"{"name": "x", "at": "2026-01-31T12:00:60Z"}"#).contains("no point in time")
        );
    }
}
