//! The parameters after `?`, judged one by one.

use std::fmt::Display;
use std::ops::RangeInclusive;

use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use chrono::{Datelike, NaiveDate};
use outlay_engine::insights::Days;

use super::error::Refused;

/// Days back that can be asked for, at most: as many as ten years have.
pub const DAYS_BACK_MAX: u32 = 3_660;
/// Days ahead, at most.
pub const FORECAST_DAYS_MAX: u32 = 365;

/// The years in which days can be.
const YEARS: RangeInclusive<i32> = 1971..=2198;

/// The parameters of a request. Those that nobody knows are let be, as LeadFactory does.
#[derive(Debug, Clone)]
pub struct Params(Vec<(String, String)>);

impl<S: Send + Sync> FromRequestParts<S> for Params {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refused> {
        match Query::from_request_parts(parts, state).await {
            Ok(Query(pairs)) => Ok(Self(pairs)),
            Err(rejection) => Err(Refused::bad(rejection.body_text())),
        }
    }
}

impl Params {
    /// The value of `name`; an empty one is none.
    pub fn one(&self, name: &str) -> Result<Option<&str>, Refused> {
        let mut values = self.0.iter().filter(|(known, value)| known == name && !value.is_empty());
        let Some((_, first)) = values.next() else { return Ok(None) };
        match values.find(|(_, other)| other != first) {
            Some((_, other)) => Err(Refused::bad(format!(
                "{name} is given twice, as '{first}' and as '{other}'; give it once"
            ))),
            None => Ok(Some(first)),
        }
    }

    /// All values of `name`, which may be repeated, written `name[]`, or stand between commas.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0
            .iter()
            .filter(move |(known, _)| known.strip_suffix("[]").unwrap_or(known) == name)
            .flat_map(|(_, value)| value.split(','))
            .map(str::trim)
            .filter(|value| !value.is_empty())
    }

    /// A whole number in `range`.
    pub fn whole(
        &self,
        name: &str,
        default: u32,
        range: RangeInclusive<u32>,
    ) -> Result<u32, Refused> {
        let Some(text) = self.one(name)? else { return Ok(default) };
        text.trim().parse().ok().filter(|number| range.contains(number)).ok_or_else(|| {
            let (from, to) = range.into_inner();
            Refused::bad(format!(
                "{name} must be a whole number from {from} to {to}, and not '{}'",
                shown(text)
            ))
        })
    }

    /// A number.
    pub fn number(&self, name: &str) -> Result<Option<f64>, Refused> {
        let Some(text) = self.one(name)? else { return Ok(None) };
        let number = text.trim().parse().ok().filter(|number: &f64| number.is_finite());
        let wrong = || Refused::bad(format!("{name} must be a number, and not '{}'", shown(text)));
        number.map(Some).ok_or_else(wrong)
    }

    /// Yes or no.
    pub fn flag(&self, name: &str, default: bool) -> Result<bool, Refused> {
        let Some(text) = self.one(name)? else { return Ok(default) };
        match text.to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => Ok(true),
            "false" | "0" | "no" | "off" => Ok(false),
            _ => Err(Refused::bad(format!(
                "{name} must be true or false, and not '{}'",
                shown(text)
            ))),
        }
    }

    /// A day.
    pub fn date(&self, name: &str) -> Result<Option<NaiveDate>, Refused> {
        let Some(text) = self.one(name)? else { return Ok(None) };
        let is_plain = text.len() == 10 && text.is_ascii();
        let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok();
        let date = date.filter(|date| is_plain && YEARS.contains(&date.year()));
        let wrong = || {
            Refused::bad(format!(
                "{name} must be a date as YYYY-MM-DD from {} to {}, and not '{}'",
                YEARS.start(),
                YEARS.end(),
                shown(text)
            ))
        };
        date.map(Some).ok_or_else(wrong)
    }

    /// One of some words.
    pub fn choice<'a, T: Copy>(
        &self,
        name: &str,
        words: &'a [(&'a str, T)],
        default: T,
    ) -> Result<T, Refused> {
        let Some(text) = self.one(name)? else { return Ok(default) };
        match words.iter().find(|(word, _)| *word == text) {
            Some((_, choice)) => Ok(*choice),
            None => Err(invalid(name, words.iter().map(|(word, _)| word))),
        }
    }

    /// The days from `start_date` to `end_date`, of which each may be left out: they end with
    /// `last` then, and begin `back` days before their end, or where that is not said with all
    /// that is.
    pub fn days(&self, back: Option<u32>, last: NaiveDate) -> Result<Option<Days>, Refused> {
        let (from, to) = (self.date("start_date")?, self.date("end_date")?);
        if from.is_none() && to.is_none() && back.is_none() {
            return Ok(None);
        }
        let to = to.unwrap_or(last);
        let usual = || Days::ending(to, back?).map(Days::first);
        let Some(from) = from.or_else(usual) else { return Ok(Some(Days::until(to))) };
        Days::new(from, to)
            .map(Some)
            .ok_or_else(|| Refused::bad(format!("start_date {from} is after end_date {to}")))
    }
}

/// The refusal of a word that is none of `allowed`, in LeadFactory's own words.
pub fn invalid<T: Display>(name: &str, allowed: impl Iterator<Item = T>) -> Refused {
    let allowed: Vec<String> = allowed.map(|word| format!("'{word}'")).collect();
    Refused::bad(format!("Invalid {name}. Must be one of: [{}]", allowed.join(", ")))
}

/// The start of what somebody sent.
fn shown(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn params(pairs: &[(&str, &str)]) -> Params {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Params(pairs.iter().map(own).collect())
    }

    #[test]
    fn what_cannot_be_is_told_with_what_can() {
        let asked = params(&[
            ("days_back", "-1"),
            ("n", "abc"),
            ("time_period", "yearly"),
            ("start_date", "2026-02-30"),
            ("twice", "a"),
            ("twice", "b"),
            ("same", "a"),
            ("same", "a"),
            ("min_cost", "NaN"),
            ("empty", ""),
        ]);
        let text = |refused: Refused| refused.text().to_owned();

        let back = asked.whole("days_back", 90, 0..=DAYS_BACK_MAX).unwrap_err();
        assert_eq!(text(back), "days_back must be a whole number from 0 to 3660, and not '-1'");
        assert!(asked.whole("n", 1, 0..=9).is_err());
        let period = asked.choice("time_period", &[("hourly", 1), ("daily", 2)], 2).unwrap_err();
        assert_eq!(text(period), "Invalid time_period. Must be one of: ['hourly', 'daily']");
        assert!(asked.date("start_date").is_err());
        assert!(asked.one("twice").is_err());
        assert_eq!(asked.one("same").unwrap(), Some("a"));
        assert!(asked.number("min_cost").is_err());
        assert_eq!(asked.one("empty").unwrap(), None);
    }

    #[test]
    fn lists_come_in_three_spellings() {
        let asked =
            params(&[("group_by", "service"), ("group_by[]", "date"), ("group_by", "a, b")]);
        assert_eq!(asked.all("group_by").collect::<Vec<_>>(), ["service", "date", "a", "b"]);
    }

    #[test]
    fn ranges_have_an_order() {
        let day = |day| NaiveDate::from_ymd_opt(2026, 5, day).unwrap();
        let range = |pairs: &[(&str, &str)]| params(pairs).days(None, day(20));
        let month = |pairs: &[(&str, &str)]| params(pairs).days(Some(5), day(20)).unwrap().unwrap();

        assert_eq!(range(&[]).unwrap(), None);
        let from = range(&[("start_date", "2026-05-02")]).unwrap().unwrap();
        assert_eq!((from.first(), from.last()), (day(2), day(20)));
        let until = range(&[("end_date", "2026-05-02")]).unwrap().unwrap();
        assert_eq!((until.start(), until.last()), (None, day(2)));
        let usual = month(&[("end_date", "2026-05-10")]);
        assert_eq!((usual.first(), usual.last()), (day(5), day(10)));
        assert_eq!(month(&[]).first(), day(15));
        assert!(range(&[("start_date", "0001-01-01")]).is_err());
        assert!(range(&[("end_date", "9999-12-31")]).is_err());
        assert!(range(&[("start_date", "2026-05-03"), ("end_date", "2026-05-02")]).is_err());
    }
}
