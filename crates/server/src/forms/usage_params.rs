//! What may stand behind the `?` of a question about usage.
//!
//! Filters bear the names of attributes, tags among them, so the parameters are no fixed list; they
//! are read here by hand, and whatever is not understood is refused with its name and a remedy.

use chrono::{DateTime, Datelike, NaiveDate, Utc};
use chrono_tz::Tz;
use outlay_domain::usage::question::{
    Attribute, Every, Filter, Measure, QuestionError, TOP_MAX, day_start,
};
use outlay_engine::usage::UsageQuestion;
use serde::Deserialize;
use serde::de::value::Error as ValueError;
use serde::de::{DeserializeOwned, IntoDeserializer};
use utoipa::{IntoParams, ToSchema};

use crate::error::ApiError;
use crate::malformed::Fault;
use crate::moment::{YEARS, is_on_the_clock};

/// What is answered when no measure is named.
const DEFAULT_MEASURES: [&str; 2] = ["spend", "requests"];

/// Parameters of a request, at most.
const PARAMETERS_MAX: usize = 256;

/// Names in a list of what to group by or to answer, at most.
const LIST_MAX: usize = 256;

/// What an answer may be held against.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Compare {
    /// The period before.
    Previous,
}

/// The parameters of a request, in their order.
pub struct Parameters(Vec<(String, String)>);

/// Which parameters a path takes, apart from filters: those that the API's document names, so that
/// what is described is what is taken.
#[derive(Debug, Default)]
pub struct Known(Vec<String>);

impl Known {
    /// The parameters that `P` describes.
    pub fn of<P: IntoParams>() -> Self {
        Self::default().and::<P>()
    }

    /// And those that `P` describes.
    #[must_use]
    pub fn and<P: IntoParams>(mut self) -> Self {
        let described = P::into_params(|| None).into_iter().map(|parameter| parameter.name);
        self.0.extend(described.filter(|name| !Filter::is_name(name)));
        self
    }

    fn has(&self, name: &str) -> bool {
        self.0.iter().any(|known| known == name)
    }
}

impl Parameters {
    /// Takes the parameters of a request, of which all must be filters or in `known`.
    pub fn new(pairs: Vec<(String, String)>, known: &Known) -> Result<Self, ApiError> {
        if pairs.len() > PARAMETERS_MAX {
            let detail = format!("{} parameters given, {PARAMETERS_MAX} at most", pairs.len());
            return Err(ApiError::bad_request("too_large", "query", detail)
                .mend("give several values of one parameter with commas between them"));
        }
        for (name, _) in &pairs {
            if !known.has(name) && !Filter::is_name(name) {
                return Err(unknown(name, known));
            }
        }
        Ok(Self(pairs))
    }

    /// The value of a parameter that is given once at most. Empty is not given.
    pub fn one(&self, name: &str) -> Result<Option<&str>, ApiError> {
        let mut values = self.0.iter().filter(|(known, _)| known == name);
        match (values.next(), values.next()) {
            (Some(_), Some(_)) => {
                Err(ApiError::bad_request("malformed", name, format!("`{name}` is given twice"))
                    .mend("give it once"))
            }
            (first, _) => {
                Ok(first.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty()))
            }
        }
    }

    /// The value of a parameter that is one word of an enum.
    pub fn word<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, ApiError> {
        let Some(word) = self.one(name)? else { return Ok(None) };
        let word = IntoDeserializer::<ValueError>::into_deserializer(word);
        T::deserialize(word).map(Some).map_err(|error| Fault::new(name, &error.to_string()).into())
    }

    /// The values of a parameter that is a list, given once with commas or several times.
    fn list(&self, name: &str) -> Result<Vec<String>, ApiError> {
        let values = self.0.iter().filter(|(known, _)| known == name);
        let values = values.flat_map(|(_, value)| split(value)).filter(|value| !value.is_empty());
        let values: Vec<String> = values.collect();
        if values.len() > LIST_MAX {
            let detail = format!("{} names given, {LIST_MAX} at most", values.len());
            return Err(ApiError::bad_request("too_large", name, detail).mend("give fewer"));
        }
        Ok(values)
    }

    /// The time zone.
    pub fn tz(&self) -> Result<Tz, ApiError> {
        read_tz(self.one("tz")?)
    }

    /// A point in time: RFC 3339, or a day, which begins in `tz`.
    pub fn time(&self, name: &str, tz: Tz) -> Result<Option<DateTime<Utc>>, ApiError> {
        self.one(name)?.map(|text| read_time(name, text, tz)).transpose()
    }

    /// A whole number.
    pub fn number(&self, name: &str, max: usize) -> Result<Option<usize>, ApiError> {
        let Some(text) = self.one(name)? else { return Ok(None) };
        match text.parse() {
            Ok(number) if (1..=max).contains(&number) => Ok(Some(number)),
            _ => {
                let detail = format!("`{text}` is not a whole number from 1 to {max}");
                Err(ApiError::bad_request("out_of_range", name, detail)
                    .mend("give a number in that range, or leave the parameter out"))
            }
        }
    }

    /// The filters.
    pub fn filters(&self) -> Result<Vec<Filter>, ApiError> {
        let mut filters = Vec::new();
        let mut seen: Vec<&str> = Vec::new();
        for (name, _) in &self.0 {
            if !Filter::is_name(name) || seen.contains(&name.as_str()) {
                continue;
            }
            seen.push(name);
            let given = self.0.iter().filter(|(known, _)| known == name);
            let values: Vec<String> = given.flat_map(|(_, value)| split(value)).collect();
            if let Some(filter) = Filter::named(name, values.iter().map(String::as_str)) {
                filters.push(filter.map_err(|error| refused(&error).at(name))?);
            }
        }
        Ok(filters)
    }

    /// All that a question about usage takes.
    pub fn question(&self) -> Result<UsageQuestion, ApiError> {
        let tz = self.tz()?;
        Ok(UsageQuestion {
            from: self.time("from", tz)?,
            to: self.time("to", tz)?,
            tz,
            every: self.every()?,
            by: self.by()?,
            filters: self.filters()?,
            measures: self.measures()?,
            top: self.number("top", TOP_MAX)?,
            compare: self.compare()?,
        })
    }

    /// The width of buckets.
    pub fn every(&self) -> Result<Option<Every>, ApiError> {
        self.one("every")?.map(known_every).transpose()
    }

    /// What to group by.
    pub fn by(&self) -> Result<Vec<Attribute>, ApiError> {
        self.list("by")?.iter().map(|name| known_attribute("by", name)).collect()
    }

    fn measures(&self) -> Result<Vec<Measure>, ApiError> {
        let mut names = self.list("measures")?;
        if names.is_empty() {
            names = DEFAULT_MEASURES.map(ToOwned::to_owned).to_vec();
        }
        names.iter().map(|name| known_measure("measures", name)).collect()
    }

    fn compare(&self) -> Result<bool, ApiError> {
        Ok(self.word::<Compare>("compare")?.is_some())
    }
}

/// The width of buckets of that name.
pub fn known_every(word: &str) -> Result<Every, ApiError> {
    Every::parse(word).ok_or_else(|| {
        let (word, words) = (shown(word), Every::ALL.map(Every::as_str).join(", "));
        ApiError::bad_request("malformed", "every", format!("`{word}` is no width of buckets"))
            .mend(format!("use one of {words}"))
    })
}

/// What is called `name` and can be grouped by, where `field` names it.
pub fn known_attribute(field: &str, name: &str) -> Result<Attribute, ApiError> {
    Attribute::from_name(name).ok_or_else(|| {
        let names = Attribute::NAMED.map(|known| known.name().into_owned()).join(", ");
        let detail = format!("`{}` is nothing to group by", shown(name));
        ApiError::bad_request("unknown", field, detail).mend(format!("use {names} or tag.KEY"))
    })
}

/// The measure called `name`, where `field` names it.
pub fn known_measure(field: &str, name: &str) -> Result<Measure, ApiError> {
    Measure::from_name(name).ok_or_else(|| {
        let names: Vec<_> = Measure::named().map(|known| known.name().into_owned()).collect();
        let detail = format!("`{}` is no measure", shown(name));
        ApiError::bad_request("unknown", field, detail)
            .mend(format!("use {} or meter.NAME", names.join(", ")))
    })
}

/// As much of a word as a refusal shows.
fn shown(word: &str) -> String {
    word.chars().take(100).collect()
}

/// The time zone of that name; UTC where none is given.
pub fn read_tz(name: Option<&str>) -> Result<Tz, ApiError> {
    let Some(name) = name.filter(|name| !name.is_empty()) else { return Ok(Tz::UTC) };
    name.parse().map_err(|_| {
        ApiError::bad_request("malformed", "tz", format!("`{name}` is no time zone"))
            .mend("use a name of the IANA list, e.g. Europe/Berlin or UTC")
    })
}

/// A point in time: RFC 3339, or a day, which begins in `tz`.
pub fn read_time(name: &str, text: &str, tz: Tz) -> Result<DateTime<Utc>, ApiError> {
    if let Ok(date) = text.parse::<NaiveDate>() {
        return match YEARS.contains(&date.year()) {
            true => Ok(day_start(date, tz)),
            false => Err(no_year(name)),
        };
    }
    // A plus that was not encoded came as a space.
    let text = text.replace(' ', "+");
    match DateTime::parse_from_rfc3339(&text) {
        Ok(at) if !YEARS.contains(&at.naive_utc().year()) => Err(no_year(name)),
        Ok(at) if is_on_the_clock(&at.to_utc()) => Ok(at.to_utc()),
        Ok(_) | Err(_) => {
            Err(ApiError::bad_request("malformed", name, format!("`{text}` is no point in time"))
                .mend("write 2026-01-31, or 2026-01-31T12:00:00Z"))
        }
    }
}

fn no_year(name: &str) -> ApiError {
    let detail = format!("a year is one from {} to {}", YEARS.start(), YEARS.end());
    ApiError::bad_request("out_of_range", name, detail)
        .mend("write 2026-01-31, or 2026-01-31T12:00:00Z")
}

/// A refusal in the API's shape.
pub fn refused(error: &QuestionError) -> ApiError {
    let code = match error {
        QuestionError::TooManyBuckets(_)
        | QuestionError::TooManyBy(_)
        | QuestionError::TooManyFilters(_)
        | QuestionError::TooManyValues { .. }
        | QuestionError::ValueTooLong { .. }
        | QuestionError::TooManyMeasures(_)
        | QuestionError::TooManyRows => "too_large",
        QuestionError::TooEarly(_)
        | QuestionError::TooLate(_)
        | QuestionError::TopOutOfRange(_) => "out_of_range",
        QuestionError::EmptyRange { .. }
        | QuestionError::NoValues(_)
        | QuestionError::EmptyPrefix(_)
        | QuestionError::UnknownStatus(_)
        | QuestionError::NoMeasures
        | QuestionError::TopOfNothing => "malformed",
    };
    ApiError::bad_request(code, error.field(), error.to_string()).mend(error.remedy())
}

fn unknown(name: &str, known: &Known) -> ApiError {
    let elsewhere = ["every", "by", "top", "compare", "measures", "limit", "cursor"];
    let attributes = Attribute::NAMED.map(|attribute| attribute.name().into_owned()).join(", ");
    let detail = if elsewhere.contains(&name) {
        format!("`{name}` means nothing here; other paths under /api/v1/usage take it")
    } else {
        format!("`{name}` is no parameter")
    };
    ApiError::bad_request("unknown", name, detail).mend(format!(
        "use {}, or filter by {attributes} or tag.KEY, each also with `!` or `^` before the `=`",
        known.0.join(", ")
    ))
}

/// The parts of a list between commas. A backslash before a comma keeps it.
fn split(list: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut letters = list.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' if matches!(letters.peek(), Some(',' | '\\')) => {
                let kept = letters.next().unwrap_or_default();
                parts.last_mut().iter_mut().for_each(|part| part.push(kept));
            }
            ',' => parts.push(String::new()),
            letter => parts.last_mut().iter_mut().for_each(|part| part.push(letter)),
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_year_that_some_zone_cannot_write_is_refused() {
        let tz = Tz::Europe__Berlin;
        for text in ["+262142-12-31", "-262143-01-01", "9999-12-31", "0000-01-01T00:00:00Z"] {
            let refused = read_time("from", text, tz).map_err(|error| error.code);
            assert_eq!(refused, Err("out_of_range"), "{text}");
        }
        assert!(read_time("from", "2026-01-31", tz).is_ok());
        assert!(read_time("from", "2026-01-31T12:00:59Z", tz).is_ok());
        let refused = read_time("from", "2026-01-31T12:00:60Z", tz).map_err(|error| error.code);
        assert_eq!(refused, Err("malformed"));
        assert!(read_time("from", "9998-12-31T23:59:59-23:00", tz).is_err());
    }

    #[test]
    fn parameters_are_counted_before_they_are_compared() {
        let pairs = (0..300).map(|at| (format!("tag.k{at}"), "v".into())).collect();

        let refused =
            Parameters::new(pairs, &Known::default()).map(|_| ()).map_err(|error| error.code);

        assert_eq!(refused, Err("too_large"));
    }

    #[test]
    fn a_list_is_parted_at_commas_that_are_not_kept() {
        assert_eq!(split("a,b"), ["a", "b"]);
        assert_eq!(split(""), [""]);
        assert_eq!(split("a,"), ["a", ""]);
        assert_eq!(split(r"a\,b,c\\,d\e"), ["a,b", r"c\", r"d\e"]);
    }
}
