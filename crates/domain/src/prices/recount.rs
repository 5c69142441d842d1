//! The lines of a charge that was made before, by the price rows that it names.
//!
//! Rows are never edited. A charge names its own, so its lines are those of the day when it was
//! made, whatever prices were set or closed since.

use std::sync::Arc;

use compact_str::CompactString;
use hashbrown::HashMap;

use super::book::{PriceBook, halves_cache_reads};
use super::rating::{Quote, Rateable};
use super::sheet::Sheet;
use crate::usage::{Meter, UNPRICED_MARK, UsageEvent};

/// Sheets that are kept, at most. Charges of one model on one day name the same few sets of rows.
const SHEETS_MAX: usize = 1_000;

/// Works out the lines of charges again, by the rows that they name and no others.
pub struct Recount {
    book: Arc<PriceBook>,
    /// By the rows, as charges join them, and whether cached input without a price is halved.
    sheets: HashMap<(CompactString, bool), Option<Arc<Sheet>>>,
}

impl Recount {
    /// One by the rows of `book`.
    pub fn new(book: Arc<PriceBook>) -> Self {
        Self { book, sheets: HashMap::new() }
    }

    /// The lines by which `event` was charged, where its charge names `prices`; `None` where rows
    /// are not known, or no longer lead to a charge that names the same.
    pub fn quote(&mut self, event: &UsageEvent, prices: &str) -> Option<Quote> {
        let rateable = Rateable { stated: None, ..Rateable::of(event) };
        let sheet = self.sheet(&rateable, prices)?;
        let quote = sheet.quote(&rateable);
        names_the_same(&quote, prices).then_some(quote)
    }

    /// The only meter for which the rows that `prices` names have a price.
    pub fn only_meter(&self, prices: &str) -> Option<Meter> {
        let mut meters = ids(prices).map(|id| self.book.meter_of(id));
        let first = meters.next()??;
        meters.all(|meter| meter == Some(first)).then(|| first.clone())
    }

    fn sheet(&mut self, rateable: &Rateable<'_>, prices: &str) -> Option<Arc<Sheet>> {
        let halves = rateable
            .provider
            .is_some_and(|name| halves_cache_reads(name, rateable.model.unwrap_or("")));
        let key = (CompactString::from(prices), halves);
        if let Some(known) = self.sheets.get(&key) {
            return known.clone();
        }
        let sheet = self.book.sheet_of(ids(prices), halves).map(Arc::new);
        if self.sheets.len() >= SHEETS_MAX {
            self.sheets.clear();
        }
        self.sheets.insert(key, sheet.clone());
        sheet
    }
}

/// The ids of rows, without the marks of what has no price.
fn ids(prices: &str) -> impl Iterator<Item = &str> {
    prices.split(',').filter(|id| !id.is_empty() && !id.starts_with(UNPRICED_MARK))
}

/// Whether a charge by this quote would name the same rows, and the same meters without a price.
fn names_the_same(quote: &Quote, prices: &str) -> bool {
    let missing = quote.unpriced.iter().flat_map(|why| why.missing()).map(Meter::name);
    let marked = prices.split(',').filter_map(|id| id.strip_prefix(UNPRICED_MARK));
    ids(prices).eq(quote.prices()) && marked.eq(missing)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use chrono::{DateTime, Utc};

    use super::*;
    use crate::prices::{Conditions, MANUAL_SOURCE, PriceRow, Priced};
    use crate::usage::EventDraft;
    use crate::{Amount, Quantity};

    fn noon() -> DateTime<Utc> {
        "2026-03-01T12:00:00Z".parse().unwrap()
    }

    fn row(id: &str, source: &str, priced: Priced, price: &str) -> PriceRow {
        PriceRow {
            id: id.into(),
            source: source.into(),
            provider: "openai".into(),
            model: "m".parse().unwrap(),
            rank: 0,
            priced,
            per: 1,
            price: price.parse().unwrap(),
            currency: "USD".into(),
            charged: Default::default(),
            conditions: Conditions::default(),
            valid_from: None,
            valid_to: None,
            version: "".into(),
        }
    }

    fn listed() -> Vec<PriceRow> {
        let batch = Conditions { batch: true, ..Conditions::default() };
        vec![
            row("in", "litellm", Priced::Meter(Meter::InputTokens), "0.0000025"),
            row("out", "litellm", Priced::Meter(Meter::OutputTokens), "0.00001"),
            PriceRow {
                conditions: batch,
                ..row("factor", "litellm", Priced::Factor, "0.3333333333")
            },
        ]
    }

    fn event(quantities: &[(Meter, i64)], tags: &[(&str, &str)]) -> UsageEvent {
        let draft = EventDraft {
            id: "1".into(),
            source: "test".into(),
            account: "acme".into(),
            provider: Some("openai".into()),
            model: Some("m".into()),
            quantities: quantities
                .iter()
                .map(|(meter, count)| (meter.clone(), Quantity::from_units(*count).unwrap()))
                .collect(),
            tags: tags.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect(),
            occurred_at: Some(noon()),
            ..EventDraft::default()
        };
        draft.accept(noon()).unwrap()
    }

    #[test]
    fn a_charge_has_the_same_lines_whatever_was_set_since() {
        let then = PriceBook::new(listed(), &[]);
        let mut rows = listed();
        rows[0].valid_to = Some(DateTime::<Utc>::MIN_UTC);
        rows.push(row("later", MANUAL_SOURCE, Priced::Meter(Meter::InputTokens), "7"));
        rows.push(row("other", "newer", Priced::Meter(Meter::OutputTokens), "8"));
        let now = PriceBook::new(rows, &["newer".into(), "litellm".into()]);
        let mut recount = Recount::new(Arc::new(now));

        let tokens = [
            (Meter::InputTokens, 333),
            (Meter::OutputTokens, 7),
            (Meter::ReasoningTokens, 11),
            (Meter::CacheReadTokens, 100),
            (Meter::Searches, 1),
        ];
        for (quantities, tags) in [
            (&tokens[..], &[][..]),
            (&tokens[..2], &[]),
            (&tokens[2..4], &[]),
            (&tokens[..4], &[("batch", "true")]),
        ] {
            let event = event(quantities, tags);
            let charge = then.rate(&event);
            let quote = recount.quote(&event, &charge.prices).unwrap();
            assert_eq!((quote.amount, quote.basis), (charge.amount, charge.basis));
            assert_eq!(quote, then.quote(&Rateable::of(&event)));
            assert_ne!(quote.lines.len(), 0);
        }
    }

    #[test]
    fn what_names_no_rows_or_unknown_ones_has_no_lines() {
        let mut recount = Recount::new(Arc::new(PriceBook::new(listed(), &[])));
        let event = event(&[(Meter::InputTokens, 1)], &[]);

        assert_eq!(recount.quote(&event, ""), None);
        assert_eq!(recount.quote(&event, "in,gone"), None);
        assert_eq!(recount.quote(&event, "in,out"), None, "out was not used");
        assert_eq!(recount.quote(&event, "in,?searches"), None, "no searches were");
        assert_eq!(
            recount.quote(&event, "in").unwrap().amount,
            Some("0.0000025".parse::<Amount>().unwrap())
        );
    }

    #[test]
    fn rows_of_one_meter_name_it() {
        let recount = Recount::new(Arc::new(PriceBook::new(listed(), &[])));

        assert_eq!(recount.only_meter("in,?searches"), Some(Meter::InputTokens));
        assert_eq!(recount.only_meter("in,out"), None);
        assert_eq!(recount.only_meter("in,factor"), None);
        assert_eq!(recount.only_meter("gone"), None);
        assert_eq!(recount.only_meter(""), None);
    }
}
