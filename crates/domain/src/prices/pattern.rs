//! Which model names a price is for.

use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, OnceLock};

use compact_str::CompactString;
use regex::Regex;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Bytes in the text of a pattern, at most.
pub const PATTERN_BYTES_MAX: usize = 4096;
/// Bytes that a compiled regular expression may take.
const REGEX_SIZE_MAX: usize = 1 << 20;
/// How deep alternatives and conjunctions may nest.
const NESTING_MAX: usize = 8;

/// Which model names a price is for.
///
/// The text form is one name (`gpt-4o`), names with a star at either end (`claude-3-*`,
/// `*-latest`, `*embed*`), several of them joined by `|`, or, for what these cannot say, a JSON
/// object of clauses such as `{"and":[{"starts_with":"gpt-"},{"not":{"ends_with":"-mini"}}]}`.
/// Letter case does not matter, but an exact name in the right case wins over another one.
#[derive(Debug, Clone)]
pub struct ModelPattern {
    text: CompactString,
    // Shared, because a model's rows share their pattern and a compiled expression is not small.
    clause: Arc<Clause>,
}

/// Why a text is not a pattern.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PatternError {
    /// Nothing is written.
    #[error("a model pattern must not be empty")]
    Empty,
    /// More is written than any pattern needs.
    #[error("a model pattern has {PATTERN_BYTES_MAX} bytes at most")]
    TooLong,
    /// The clauses are not as they must be.
    #[error("`{0}` is not a model pattern: {1}")]
    Malformed(String, String),
}

#[derive(Debug, Clone)]
enum Clause {
    Equals(CompactString),
    StartsWith(CompactString),
    EndsWith(CompactString),
    Contains(CompactString),
    Regex(Expression),
    Any(Vec<Clause>),
    All(Vec<Clause>),
    Not(Box<Clause>),
}

/// The JSON form of a clause; genai-prices writes its own in the same way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClauseText {
    /// The name itself.
    Equals(CompactString),
    /// Names that begin so.
    StartsWith(CompactString),
    /// Names that end so.
    EndsWith(CompactString),
    /// Names with that inside.
    Contains(CompactString),
    /// Names that a regular expression finds something in.
    Regex(CompactString),
    /// Names that one of the clauses takes.
    Or(Vec<ClauseText>),
    /// Names that all of the clauses take.
    And(Vec<ClauseText>),
    /// Names that the clause does not take.
    Not(Box<ClauseText>),
}

impl ModelPattern {
    /// The pattern for the one name `model`, whatever characters are in it.
    pub fn exactly(model: &str) -> Self {
        Self { text: model.into(), clause: Arc::new(Clause::Equals(model.into())) }
    }

    /// The pattern of a clause.
    pub fn from_clause(clause: &ClauseText) -> Result<Self, PatternError> {
        let text = match star_form(clause) {
            Some(text) => text,
            None => serde_json::to_string(clause).map_err(|error| {
                PatternError::Malformed(format!("{clause:?}"), error.to_string())
            })?,
        };
        if text.len() > PATTERN_BYTES_MAX {
            return Err(PatternError::TooLong);
        }
        Ok(Self { clause: Arc::new(compile(clause, 0)?), text: text.into() })
    }

    /// The one name that the pattern is, if it is one.
    pub fn exact(&self) -> Option<&str> {
        match &*self.clause {
            Clause::Equals(name) => Some(name),
            _ => None,
        }
    }

    /// Whether every name is meant.
    pub fn is_any(&self) -> bool {
        self.text == "*"
    }

    /// Whether the pattern takes `name`, which is in lower case.
    pub fn takes(&self, name: &str) -> bool {
        self.clause.takes(name)
    }

    /// The text form.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl PartialEq for ModelPattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for ModelPattern {}

impl fmt::Display for ModelPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for ModelPattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        if text.is_empty() {
            return Err(PatternError::Empty);
        }
        if text.len() > PATTERN_BYTES_MAX {
            return Err(PatternError::TooLong);
        }
        let clause = if text.starts_with('{') {
            serde_json::from_str(text)
                .map_err(|error| PatternError::Malformed(text.to_owned(), error.to_string()))?
        } else {
            read_star_form(text)?
        };
        Ok(Self { clause: Arc::new(compile(&clause, 0)?), text: text.into() })
    }
}

impl Serialize for ModelPattern {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for ModelPattern {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = CompactString::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl Clause {
    fn takes(&self, name: &str) -> bool {
        match self {
            Self::Equals(text) => name.eq_ignore_ascii_case(text),
            Self::StartsWith(text) => name.starts_with(text.as_str()),
            Self::EndsWith(text) => name.ends_with(text.as_str()),
            Self::Contains(text) => name.contains(text.as_str()),
            Self::Regex(expression) => expression.is_match(name),
            Self::Any(clauses) => clauses.iter().any(|clause| clause.takes(name)),
            Self::All(clauses) => clauses.iter().all(|clause| clause.takes(name)),
            Self::Not(clause) => !clause.takes(name),
        }
    }
}

fn compile(clause: &ClauseText, depth: usize) -> Result<Clause, PatternError> {
    if depth > NESTING_MAX {
        let detail = format!("clauses nest more than {NESTING_MAX} deep");
        return Err(PatternError::Malformed("{…}".to_owned(), detail));
    }
    let lower = |text: &CompactString| text.to_ascii_lowercase();
    let all = |clauses: &[ClauseText]| -> Result<Vec<Clause>, PatternError> {
        clauses.iter().map(|one| compile(one, depth + 1)).collect()
    };
    Ok(match clause {
        ClauseText::Equals(text) => Clause::Equals(text.clone()),
        ClauseText::StartsWith(text) => Clause::StartsWith(lower(text)),
        ClauseText::EndsWith(text) => Clause::EndsWith(lower(text)),
        ClauseText::Contains(text) => Clause::Contains(lower(text)),
        ClauseText::Regex(text) => compile_regex(text)?,
        ClauseText::Or(clauses) => Clause::Any(all(clauses)?),
        ClauseText::And(clauses) => Clause::All(all(clauses)?),
        ClauseText::Not(clause) => Clause::Not(Box::new(compile(clause, depth + 1)?)),
    })
}

/// Compiles a regular expression; a look-ahead that forbids something at the start becomes a
/// clause of its own, because our engine, which never takes exponential time, has none.
fn compile_regex(text: &str) -> Result<Clause, PatternError> {
    if let Some(inner) = text.strip_prefix("^(?!")
        && let Some(end) = closing_parenthesis(inner)
    {
        let forbidden = compile_regex(&format!("^(?:{})", &inner[..end]))?;
        let rest = compile_regex(&format!("^{}", &inner[end + 1..]))?;
        return Ok(Clause::All(vec![Clause::Not(Box::new(forbidden)), rest]));
    }
    Expression::new(text)
        .map(Clause::Regex)
        .map_err(|error| PatternError::Malformed(text.to_owned(), error.to_string()))
}

/// A regular expression that is known to be one, and compiled when it is first needed: of the
/// shipped ones, which take three megabytes, most never are.
#[derive(Debug, Clone)]
struct Expression {
    text: Box<str>,
    compiled: OnceLock<Option<Box<Regex>>>,
}

impl Expression {
    fn new(text: &str) -> Result<Self, regex::Error> {
        build_regex(text)?;
        Ok(Self { text: text.into(), compiled: OnceLock::new() })
    }

    fn is_match(&self, name: &str) -> bool {
        let compiled = self.compiled.get_or_init(|| build_regex(&self.text).ok().map(Box::new));
        compiled.as_ref().is_some_and(|regex| regex.is_match(name))
    }
}

fn build_regex(text: &str) -> Result<Regex, regex::Error> {
    regex::RegexBuilder::new(text).case_insensitive(true).size_limit(REGEX_SIZE_MAX).build()
}

/// Where the group that is open at the start of `text` ends.
fn closing_parenthesis(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut escaped = false;
    let mut in_class = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'[' => in_class = true,
            b']' => in_class = false,
            b'(' if !in_class => depth += 1,
            b')' if !in_class && depth == 0 => return Some(at),
            b')' if !in_class => depth -= 1,
            _ => {}
        }
    }
    None
}

fn read_star_form(text: &str) -> Result<ClauseText, PatternError> {
    let malformed = |detail: &str| PatternError::Malformed(text.to_owned(), detail.to_owned());
    let mut clauses = Vec::new();
    for part in text.split('|').map(str::trim) {
        if part.is_empty() {
            return Err(malformed("nothing stands beside a `|`"));
        }
        let (leading, rest) = match part.strip_prefix('*') {
            Some(rest) => (true, rest),
            None => (false, part),
        };
        let (trailing, name) = match rest.strip_suffix('*') {
            Some(name) => (true, name),
            None => (false, rest),
        };
        if name.contains('*') {
            return Err(malformed("a star stands at the start or the end of a name"));
        }
        clauses.push(match (leading, trailing) {
            (false, false) => ClauseText::Equals(name.into()),
            (false, true) => ClauseText::StartsWith(name.into()),
            (true, false) => ClauseText::EndsWith(name.into()),
            (true, true) => ClauseText::Contains(name.into()),
        });
    }
    Ok(match <[ClauseText; 1]>::try_from(clauses) {
        Ok([clause]) => clause,
        Err(clauses) => ClauseText::Or(clauses),
    })
}

/// The short form of a clause, when it has one that reads back as the same clause.
fn star_form(clause: &ClauseText) -> Option<String> {
    let plain = |text: &CompactString| {
        let is_plain = !text.is_empty() && !text.contains(['*', '|']) && text.trim() == text;
        is_plain.then_some(text.clone())
    };
    match clause {
        ClauseText::Equals(text) => {
            plain(text).filter(|text| !text.starts_with('{')).map(Into::into)
        }
        ClauseText::StartsWith(text) => {
            plain(text).filter(|text| !text.starts_with('{')).map(|text| format!("{text}*"))
        }
        ClauseText::EndsWith(text) => plain(text).map(|text| format!("*{text}")),
        ClauseText::Contains(text) => plain(text).map(|text| format!("*{text}*")),
        ClauseText::Or(clauses) if clauses.len() > 1 => {
            let parts: Option<Vec<String>> = clauses
                .iter()
                .map(|one| if matches!(one, ClauseText::Or(_)) { None } else { star_form(one) })
                .collect();
            parts.map(|parts| parts.join("|"))
        }
        _ => None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn takes(pattern: &str, name: &str) -> bool {
        pattern.parse::<ModelPattern>().unwrap().takes(name)
    }

    #[test]
    fn stars_stand_at_the_ends_and_bars_between() {
        assert!(takes("gpt-4o", "gpt-4o"));
        assert!(!takes("gpt-4o", "gpt-4o-mini"));
        assert!(takes("gpt-4o*", "gpt-4o-mini"));
        assert!(takes("*-Latest", "grok-4-latest"));
        assert!(takes("*embed*", "text-embedding-3"));
        assert!(takes("*", ""));
        assert!(takes("claude-3*|claude-v3*", "claude-v3-opus"));
        assert!("a*b".parse::<ModelPattern>().is_err());
        assert!("a||b".parse::<ModelPattern>().is_err());
        assert_eq!("".parse::<ModelPattern>(), Err(PatternError::Empty));
    }

    #[test]
    fn clauses_say_what_stars_cannot() {
        let not_tts = r#"{"regex":"^(?!.*-[tT][tT][sS](?:$|-))"}"#;

        assert!(takes(r#"{"and":[{"starts_with":"gpt-"},{"ends_with":"-mini"}]}"#, "gpt-5-mini"));
        assert!(takes(r#"{"regex":"^gpt-5\\.4-\\d{4}$"}"#, "gpt-5.4-2025"));
        assert!(takes(not_tts, "gemini-2.5-flash"));
        assert!(!takes(not_tts, "gemini-2.5-flash-tts"));
        assert!(!takes(not_tts, "gemini-tts-preview"));
    }

    #[test]
    fn a_clause_is_written_as_shortly_as_it_reads_back() {
        let written = |clause: ClauseText| {
            let pattern = ModelPattern::from_clause(&clause).unwrap();
            assert_eq!(pattern.as_str().parse(), Ok(pattern.clone()));
            pattern.to_string()
        };

        let or = ClauseText::Or(vec![
            ClauseText::StartsWith("claude-2".into()),
            ClauseText::Contains("claude-v2".into()),
        ]);
        assert_eq!(written(or), "claude-2*|*claude-v2*");
        assert_eq!(written(ClauseText::Equals("a|b".into())), r#"{"equals":"a|b"}"#);
        assert_eq!(
            written(ClauseText::Not(Box::new(ClauseText::Equals("a".into())))),
            r#"{"not":{"equals":"a"}}"#
        );
    }
}
