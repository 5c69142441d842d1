//! What stands behind the question mark, and what is sent along.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use super::error::Refused;
use crate::extract::Json;
use crate::state::AppState;

/// A body of JSON.
#[derive(Debug)]
pub struct Sent<T>(pub T);

impl<T: DeserializeOwned + Send + 'static> FromRequest<AppState> for Sent<T> {
    type Rejection = Refused;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, Refused> {
        match Json::from_request(request, state).await {
            Ok(Json(body)) => Ok(Self(body)),
            Err(error) if error.status == StatusCode::BAD_REQUEST => {
                let field = error.field.as_deref().unwrap_or("body");
                Err(Refused::invalid("value_error", "body", field, error.detail, ""))
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// The parameters of a request, in their order. Those that nobody reads are let pass: ALwrity's pages
/// send `user_id` along.
#[derive(Debug, Clone, Default)]
pub struct Params(Vec<(String, String)>);

impl<S: Sync> FromRequestParts<S> for Params {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refused> {
        let pairs = Query::try_from_uri(&parts.uri).map(|Query(pairs)| Self(pairs));
        let query = parts.uri.query().unwrap_or_default();
        let why = "Input should be pairs of a name and a value in UTF-8";
        pairs.map_err(|_| Refused::invalid("query_parsing", "query", "query", why, query))
    }
}

impl Params {
    /// The value of `name`, of which the last counts, as in FastAPI; an empty one is none.
    pub fn one(&self, name: &str) -> Option<&str> {
        let value = self.0.iter().rfind(|(known, _)| known == name).map(|(_, value)| value);
        value.map(String::as_str).filter(|value| !value.is_empty())
    }

    /// A whole number in `range`.
    pub fn whole<T>(&self, name: &str, usual: T, range: RangeInclusive<T>) -> Result<T, Refused>
    where
        T: FromStr + PartialOrd + Display,
    {
        let Some(text) = self.one(name) else { return Ok(usual) };
        let refused = |kind: &str, why: String| Refused::invalid(kind, "query", name, why, text);
        let number: T = text.trim().parse().map_err(|_| {
            let why = "Input should be a valid integer, unable to parse string as an integer";
            refused("int_parsing", why.to_owned())
        })?;
        if number < *range.start() {
            let why = format!("Input should be greater than or equal to {}", range.start());
            return Err(refused("greater_than_equal", why));
        }
        if number > *range.end() {
            let why = format!("Input should be less than or equal to {}", range.end());
            return Err(refused("less_than_equal", why));
        }
        Ok(number)
    }

    /// Yes or no.
    pub fn flag(&self, name: &str) -> Result<bool, Refused> {
        let Some(text) = self.one(name) else { return Ok(false) };
        match text.to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" | "t" | "y" => Ok(true),
            "false" | "0" | "no" | "off" | "f" | "n" => Ok(false),
            _ => {
                let why = "Input should be a valid boolean, unable to interpret input";
                Err(Refused::invalid("bool_parsing", "query", name, why, text))
            }
        }
    }
}
