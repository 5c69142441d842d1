//! What a source says of prices, before it is weighed against what the books hold.

use chrono::{DateTime, Utc};
use compact_str::CompactString;
use outlay_domain::prices::{Charged, Conditions, ModelPattern, Price, Priced};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Rows in one listing, at most.
pub const LISTED_ROWS_MAX: usize = 200_000;

/// Everything that one source says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listing {
    /// The source's name, e.g. `litellm`.
    pub source: CompactString,
    /// Which edition of it: a version, or the first half of the content's hash.
    pub version: CompactString,
    /// The rows, in the source's own order.
    pub rows: Vec<ListedRow>,
    /// What was left out, and why, for people to read.
    #[serde(default, skip_serializing)]
    pub left_out: Vec<String>,
}

/// One price as a source lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedRow {
    /// Who is paid, by our name.
    pub provider: CompactString,
    /// For which models.
    pub model: ModelPattern,
    /// A short name of the model for the row's id.
    pub label: CompactString,
    /// The place of the model's pattern among those of its source.
    #[serde(default, skip_serializing_if = "is_default")]
    pub rank: i32,
    /// What has the price.
    pub priced: Priced,
    /// For how many units.
    pub per: i64,
    /// The price.
    pub price: Price,
    /// How many units are charged for.
    #[serde(default, skip_serializing_if = "is_default")]
    pub charged: Charged,
    /// When it applies.
    #[serde(default, skip_serializing_if = "is_default")]
    pub conditions: Conditions,
    /// From when the price holds.
    #[serde(default, skip_serializing_if = "is_default")]
    pub start: Start,
    /// Until when, if the source says so.
    #[serde(default, skip_serializing_if = "is_default")]
    pub until: Option<DateTime<Utc>>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// From when a listed price holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Start {
    /// From the moment that the import is for, because the source does not say.
    #[default]
    Import,
    /// Since always, as far as the source knows: there is a later price with a date.
    Beginning,
    /// From that moment.
    At(DateTime<Utc>),
}

/// Why a file of prices could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ListingError {
    /// The text is not of the form that the source has.
    #[error("this is not {expected}: {detail}")]
    Malformed {
        /// What it should be.
        expected: &'static str,
        /// What it is instead, or where it fails.
        detail: String,
    },
    /// No price was found in it.
    #[error("{0} has no price in it")]
    Empty(&'static str),
    /// More rows than any source has.
    #[error("more than {LISTED_ROWS_MAX} prices")]
    TooLarge,
    /// A set that is not shipped.
    #[error("there is no set `{0}`; there are {1}")]
    UnknownSet(String, String),
}
