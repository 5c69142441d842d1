//! The prices that the older systems were seeded with, and a few of our own.

use compact_str::CompactString;
use outlay_domain::prices::{Conditions, ModelPattern, Price, Priced, provider_name};
use serde::Deserialize;

use super::super::listing::{ListedRow, Listing, ListingError, Start};
use super::version_of;

/// Prices that hold where nobody else says anything: what runs on one's own machine is free.
pub const OWN: &str = "outlay";

/// The sets that can be imported by name.
const SETS: [(&str, &str); 6] = [
    ("alwrity", include_str!("../../../data/prices/alwrity.json")),
    ("leadfactory", include_str!("../../../data/prices/leadfactory.json")),
    (OWN, include_str!("../../../data/prices/outlay.json")),
    ("renderiq", include_str!("../../../data/prices/renderiq.json")),
    ("smartspec", include_str!("../../../data/prices/smartspec.json")),
    ("venice", include_str!("../../../data/prices/venice.json")),
];

/// The names of the sets.
pub fn names() -> impl Iterator<Item = &'static str> {
    SETS.iter().map(|(name, _)| *name)
}

/// The set of that name.
pub fn set(name: &str) -> Result<Listing, ListingError> {
    let text = SETS.iter().find(|(known, _)| *known == name).map(|(_, text)| *text);
    let text = text.ok_or_else(|| {
        ListingError::UnknownSet(name.to_owned(), names().collect::<Vec<_>>().join(", "))
    })?;
    read(text)
}

/// A set in its file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SetFile {
    source: CompactString,
    /// What a reader of the file should know.
    #[serde(rename = "note")]
    _note: String,
    rows: Vec<SetRow>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SetRow {
    provider: CompactString,
    model: ModelPattern,
    meter: CompactString,
    price: Price,
    #[serde(default = "one")]
    per: i64,
    #[serde(default)]
    conditions: Conditions,
}

const fn one() -> i64 {
    1
}

fn read(text: &str) -> Result<Listing, ListingError> {
    let file: SetFile = serde_json::from_str(text).map_err(|error| ListingError::Malformed {
        expected: "a set of prices",
        detail: error.to_string(),
    })?;
    let rows = file.rows.into_iter().enumerate().map(|(at, row)| ListedRow {
        provider: provider_name(&row.provider),
        label: label(&row.model),
        model: row.model,
        rank: i32::try_from(at).unwrap_or(i32::MAX),
        priced: Priced::parse(&row.meter),
        per: if row.price.divided_exactly(row.per).is_some() { 1 } else { row.per },
        price: row.price.divided_exactly(row.per).unwrap_or(row.price),
        charged: Default::default(),
        conditions: row.conditions,
        start: Start::Import,
        until: None,
    });
    let rows = rows.collect();
    Ok(Listing { source: file.source, version: version_of(text), rows, left_out: Vec::new() })
}

fn label(model: &ModelPattern) -> CompactString {
    match model.exact() {
        Some(name) => name.into(),
        None if model.is_any() => "any".into(),
        None => model.as_str().into(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn every_set_is_readable_and_has_prices() {
        for name in names() {
            let listing = set(name).unwrap();
            assert_eq!(listing.source, name);
            assert!(!listing.rows.is_empty(), "{name}");
        }
        let unknown = set("nobody").unwrap_err().to_string();
        assert!(unknown.starts_with("there is no set `nobody`; there are alwrity,"), "{unknown}");
    }
}
