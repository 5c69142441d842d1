//! The price book of one data folder: loaded, asked, and changed.

use std::sync::Arc;

use arc_swap::ArcSwap;
use chrono::{DateTime, Utc};
use compact_str::CompactString;
use outlay_domain::people::AuditRecord;
use outlay_domain::prices::{
    CURRENCY, Charged, Conditions, MANUAL_SOURCE, ModelPattern, Price, PriceBook, PriceBookBuilder,
    PriceRow, Priced, provider_name,
};
use outlay_store::sqlite::prices::{PriceFilter, PriceSource, StoredPrice};
use outlay_store::{Books, StoreError, Tx, View};
use parking_lot::Mutex;
use thiserror::Error;

use super::listing::{ListedRow, Listing, Start};
use super::snapshot::{Snapshot, SnapshotError};
use super::weigh::{Changes, weigh};

/// The price book of one data folder.
pub struct Prices {
    books: Arc<Books>,
    book: Arc<ArcSwap<PriceBook>>,
    /// Whether our prices decide even where a cost is stated.
    rate_stated: bool,
    /// Held from the writing of a change until the book that has it is in place, so that an older
    /// book never replaces a newer one.
    changing: Mutex<()>,
}

/// Why prices could not be changed.
#[derive(Debug, Error)]
pub enum PriceChangeError {
    /// There is no row of that id.
    #[error("there is no price `{0}`")]
    UnknownPrice(String),
    /// A row's validity would end before it began.
    #[error("price `{id}` is valid from {from} on and cannot end at {at}")]
    EndsBeforeItBegins {
        /// The row.
        id: CompactString,
        /// Its beginning.
        from: DateTime<Utc>,
        /// The end that was asked for.
        at: DateTime<Utc>,
    },
    /// A row was closed before, and earlier.
    #[error("price `{id}` was closed already at {at}")]
    Closed {
        /// The row.
        id: CompactString,
        /// When it was closed.
        at: DateTime<Utc>,
    },
    /// The books could not be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A price that somebody sets by hand.
#[derive(Debug, Clone)]
pub struct NewPrice {
    /// Who is paid, by any of their names.
    pub provider: CompactString,
    /// For which of their models.
    pub model: ModelPattern,
    /// What has the price.
    pub priced: Priced,
    /// For how many units.
    pub per: i64,
    /// The price.
    pub price: Price,
    /// How many units are charged for.
    pub charged: Charged,
    /// When it applies.
    pub conditions: Conditions,
    /// From when on.
    pub valid_from: Option<DateTime<Utc>>,
    /// Until when.
    pub valid_to: Option<DateTime<Utc>>,
}

/// Who changes prices, and when.
#[derive(Debug, Clone)]
pub struct Change {
    /// The user.
    pub actor: CompactString,
    /// The time.
    pub at: DateTime<Utc>,
}

impl Prices {
    /// The book of `books`, with the shipped prices where there are none yet. `book` is where
    /// everybody finds it.
    pub fn open(
        books: Arc<Books>,
        book: Arc<ArcSwap<PriceBook>>,
        now: DateTime<Utc>,
        rate_stated: bool,
    ) -> Result<Self, StoreError> {
        if books.read_blocking(|books| books.prices().sources())?.is_empty() {
            // On a thread of its own, whose scattered memory goes with it.
            let write = || write_shipped(&books, now);
            std::thread::scope(|scope| scope.spawn(write).join()).unwrap_or_else(|panic| {
                std::panic::resume_unwind(panic);
            })?;
        }
        let prices = Self { books, book, rate_stated, changing: Mutex::new(()) };
        prices.reload()?;
        Ok(prices)
    }

    /// The book as it is now.
    pub fn book(&self) -> Arc<PriceBook> {
        self.book.load_full()
    }

    /// Where prices are from, the source that decides first at the front.
    pub fn sources(&self) -> Result<Vec<PriceSource>, StoreError> {
        self.books.read_blocking(|books| books.prices().sources())
    }

    /// The rows that `filter` asks for, in the order of [`prices::page`], at most `limit`.
    pub fn page(&self, filter: &PriceFilter, limit: u32) -> Result<Vec<StoredPrice>, StoreError> {
        self.books.read_blocking(|books| books.prices().page(filter, limit))
    }

    /// The rows of these ids, in their order; those that nobody knows are left out.
    pub fn rows(&self, ids: &[CompactString]) -> Result<Vec<PriceRow>, StoreError> {
        self.books.read_blocking(|books| {
            let rows = ids.iter().filter_map(|id| books.prices().find(id).transpose());
            rows.map(|stored| stored.map(|stored| stored.row)).collect()
        })
    }

    /// What a listing would change, when it holds from `moment` on.
    pub fn weigh(&self, listing: &Listing, moment: DateTime<Utc>) -> Result<Changes, StoreError> {
        let known = self.books.read_blocking(|books| books.prices().of_source(&listing.source))?;
        Ok(weigh(listing, &known, Some(moment)))
    }

    /// Takes in a listing that holds from `moment` on. Its source is the first to decide from now
    /// on, for usage of any time.
    pub fn import(
        &self,
        listing: &Listing,
        moment: DateTime<Utc>,
        change: &Change,
    ) -> Result<Changes, StoreError> {
        self.change(|tx| {
            let known = tx.prices().of_source(&listing.source)?;
            let changes = weigh(listing, &known, Some(moment));
            write_changes(tx, &changes, change.at)?;
            tx.prices().put_source(&listing.source, &listing.version, change.at)?;
            let detail = serde_json::json!({
                "version": listing.version,
                "valid_from": moment,
                "opened": changes.opened.len(),
                "closed": changes.closed.len(),
                "missing": changes.missing.len(),
            });
            note(tx, change, "prices.import", &listing.source, detail)?;
            Ok(changes)
        })
    }

    /// Sets a price by hand. It replaces every imported price of its meter for its models while
    /// it is valid; rows that were set before for the same thing are closed.
    pub fn set(&self, new: &NewPrice, change: &Change) -> Result<Changes, StoreError> {
        self.change(|tx| set_one(tx, new, change))
    }

    /// Sets several prices by hand, all of them or none.
    pub fn set_all(&self, new: &[NewPrice], change: &Change) -> Result<(), StoreError> {
        self.change(|tx| new.iter().try_for_each(|new| set_one(tx, new, change).map(drop)))
    }

    /// The book as it would be if these prices were set.
    pub fn book_with(&self, new: &[NewPrice], now: DateTime<Utc>) -> Result<PriceBook, StoreError> {
        let book = self.books.read_blocking(|books| {
            let mut manual = books.prices().of_source(MANUAL_SOURCE)?;
            for new in new {
                let changes = weigh_by_hand(new, &manual, now);
                for closed in &changes.closed {
                    let known = manual.iter_mut().find(|price| price.row.id == closed.row.id);
                    known.into_iter().for_each(|price| price.row.valid_to = Some(closed.valid_to));
                }
                let opened = changes.opened.into_iter();
                manual.extend(opened.map(|row| StoredPrice {
                    row,
                    created_at: now,
                    missing_since: None,
                }));
            }
            let mut builder = builder(books)?;
            books.prices().each(|row| {
                if row.source != MANUAL_SOURCE {
                    builder.add(row);
                }
            })?;
            manual.into_iter().for_each(|price| builder.add(price.row));
            Ok::<_, StoreError>(builder.finish())
        })?;
        self.books.shrink()?;
        Ok(self.by_our_rule(book))
    }

    /// Ends a row's validity at `at`, and answers the row as it is then.
    pub fn close(
        &self,
        price_id: &str,
        at: DateTime<Utc>,
        change: &Change,
    ) -> Result<StoredPrice, PriceChangeError> {
        self.change(|tx| {
            let known = tx.prices().find(price_id)?;
            let mut known = known.ok_or_else(|| {
                PriceChangeError::UnknownPrice(price_id.chars().take(200).collect())
            })?;
            if let Some(closed_at) = known.row.valid_to
                && closed_at <= at
            {
                return Err(PriceChangeError::Closed { id: known.row.id, at: closed_at });
            }
            if let Some(from) = known.row.valid_from
                && at < from
            {
                return Err(PriceChangeError::EndsBeforeItBegins { id: known.row.id, from, at });
            }
            tx.prices().close(price_id, at)?;
            note(tx, change, "prices.close", price_id, serde_json::json!({ "valid_to": at }))?;
            known.row.valid_to = Some(at);
            Ok(known)
        })
    }

    /// Writes a change, and puts the book that has it in place.
    fn change<T, E: From<StoreError>>(
        &self,
        write: impl FnOnce(&Tx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let _one_at_a_time = self.changing.lock();
        let written = self.books.write_blocking(write)?;
        self.reload()?;
        Ok(written)
    }

    fn reload(&self) -> Result<(), StoreError> {
        let book = self.books.read_blocking(|books| {
            let mut builder = builder(books)?;
            books.prices().each(|row| builder.add(row))?;
            Ok::<_, StoreError>(builder.finish())
        })?;
        self.book.store(Arc::new(self.by_our_rule(book)));
        // Every price was read, which happens seldom.
        self.books.shrink()
    }

    fn by_our_rule(&self, book: PriceBook) -> PriceBook {
        if self.rate_stated { book.rating_stated_events_too() } else { book }
    }
}

/// An empty book whose sources have their order.
fn builder(books: &View<'_>) -> Result<PriceBookBuilder, StoreError> {
    let sources = books.prices().sources()?;
    let order: Vec<CompactString> = sources.into_iter().map(|source| source.name).collect();
    Ok(PriceBookBuilder::new(&order))
}

fn set_one(tx: &Tx<'_>, new: &NewPrice, change: &Change) -> Result<Changes, StoreError> {
    let known = tx.prices().of_source(MANUAL_SOURCE)?;
    let changes = weigh_by_hand(new, &known, change.at);
    write_changes(tx, &changes, change.at)?;
    for row in &changes.opened {
        let detail = serde_json::json!({ "price": row.price, "per": row.per });
        note(tx, change, "prices.set", &row.id, detail)?;
    }
    Ok(changes)
}

/// Writes the shipped prices into books that have none.
fn write_shipped(books: &Books, now: DateTime<Utc>) -> Result<(), StoreError> {
    let snapshot = Snapshot::shipped().map_err(damaged)?;
    books.write_blocking(|tx| {
        for listing in snapshot.listings {
            // The snapshot's prices have held since always, as far as it knows: usage of last
            // month must not be unpriced because the program was installed today.
            write_changes(tx, &weigh(&listing, &[], None), now)?;
            tx.prices().put_source(&listing.source, &listing.version, now)?;
        }
        Ok(())
    })
}

fn damaged(error: SnapshotError) -> StoreError {
    let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}"));
    StoreError::Damaged {
        what: "the shipped snapshot of prices".into(),
        how: format!("{error}{}", cause.unwrap_or_default()),
    }
}

/// What a price set by hand changes among those set before: it holds in its own span of time.
fn weigh_by_hand(new: &NewPrice, known: &[StoredPrice], now: DateTime<Utc>) -> Changes {
    let provider = provider_name(&new.provider);
    let row = ListedRow {
        label: match new.model.exact() {
            Some(name) => name.into(),
            None => new.model.as_str().into(),
        },
        model: new.model.clone(),
        // Names come before patterns, and a pattern set earlier before one set later.
        rank: known
            .iter()
            .find(|price| price.row.model == new.model && price.row.provider == provider)
            .map_or_else(|| i32::try_from(known.len()).unwrap_or(i32::MAX), |price| price.row.rank),
        provider,
        priced: new.priced.clone(),
        per: if new.price.divided_exactly(new.per).is_some() { 1 } else { new.per },
        price: new.price.divided_exactly(new.per).unwrap_or(new.price),
        charged: new.charged,
        conditions: new.conditions.clone(),
        start: Start::At(new.valid_from.unwrap_or(now)),
        until: new.valid_to,
    };
    let listing = Listing {
        source: MANUAL_SOURCE.into(),
        version: CompactString::const_new(""),
        rows: vec![row],
        left_out: Vec::new(),
    };
    let mut changes = weigh(&listing, known, Some(now));
    // What is not set now is not missing.
    changes.missing.clear();
    changes
}

fn write_changes(tx: &Tx<'_>, changes: &Changes, now: DateTime<Utc>) -> Result<(), StoreError> {
    for closed in &changes.closed {
        tx.prices().close(&closed.row.id, closed.valid_to)?;
    }
    for row in &changes.opened {
        debug_assert_eq!(row.currency, CURRENCY);
        tx.prices().add(row, now)?;
    }
    for (price_id, place) in &changes.moved {
        tx.prices().set_place(price_id, *place)?;
    }
    for row in &changes.missing {
        tx.prices().set_missing(&row.id, Some(now))?;
    }
    for row in &changes.returned {
        tx.prices().set_missing(&row.id, None)?;
    }
    Ok(())
}

fn note(
    tx: &Tx<'_>,
    change: &Change,
    action: &str,
    target: &str,
    detail: serde_json::Value,
) -> Result<(), StoreError> {
    tx.audit().append(&AuditRecord {
        at: change.at,
        actor: change.actor.clone(),
        action: action.into(),
        target: target.into(),
        detail,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use outlay_domain::prices::Rateable;
    use outlay_domain::usage::{Meter, Quantities, Tags};
    use outlay_domain::{Amount, Quantity};

    use super::super::import::{litellm, sets};
    use super::*;

    fn day(text: &str) -> DateTime<Utc> {
        format!("{text}T00:00:00Z").parse().unwrap()
    }

    struct Folder {
        prices: Prices,
        _folder: tempfile::TempDir,
    }

    fn open() -> Folder {
        let folder = tempfile::tempdir().unwrap();
        let books = Arc::new(Books::open(folder.path()).unwrap());
        let book = Arc::new(ArcSwap::from_pointee(PriceBook::default()));
        let prices = Prices::open(books, book, day("2026-11-20"), false).unwrap();
        Folder { prices, _folder: folder }
    }

    fn change() -> Change {
        Change { actor: "alice".into(), at: day("2026-11-20") }
    }

    /// What a million tokens of input cost.
    fn million(prices: &Prices, provider: &str, model: &str, at: &str) -> Option<Amount> {
        let tokens = Quantity::from_units(1_000_000).unwrap();
        let quantities: Quantities = [(Meter::InputTokens, tokens)].into_iter().collect();
        let none = Tags::new();
        let rateable = Rateable {
            provider: Some(provider),
            model: Some(model),
            quantities: &quantities,
            parameters: &none,
            at: day(at),
            stated: None,
        };
        prices.book().quote(&rateable).amount
    }

    fn listing(entries: &str) -> Listing {
        litellm::read(entries).unwrap()
    }

    #[test]
    fn a_new_folder_knows_the_shipped_prices_of_any_time() {
        let folder = open();

        for at in ["2024-01-01", "2026-11-20", "2027-06-01"] {
            let amount = million(&folder.prices, "openai", "gpt-4o-mini", at);
            assert_eq!(amount, Some("0.15".parse().unwrap()), "{at}");
        }
        assert_eq!(million(&folder.prices, "ollama", "anything", "2026-11-20"), Some(Amount::ZERO));
        let sources = folder.prices.sources().unwrap();
        let names: Vec<&str> = sources.iter().map(|source| source.name.as_str()).collect();
        assert_eq!(names, ["litellm", "genai-prices", "outlay"]);
    }

    #[test]
    fn an_import_changes_what_changed_from_its_moment_on() {
        let folder = open();
        let file = r#"{"gpt-4o-mini": {"litellm_provider": "openai", "mode": "chat",
            "input_cost_per_token": 2e-07, "output_cost_per_token": 6e-07}}"#;

        let would = folder.prices.weigh(&listing(file), day("2026-12-01")).unwrap();
        let changes = folder.prices.import(&listing(file), day("2026-12-01"), &change()).unwrap();

        assert_eq!((changes.opened.len(), changes.closed.len(), changes.unchanged), (1, 1, 2));
        assert_eq!(would.opened, changes.opened);
        assert!(changes.missing.len() > 10_000, "everything else is gone from the file");
        let at =
            |at: &str| million(&folder.prices, "openai", "gpt-4o-mini", at).unwrap().to_string();
        assert_eq!((at("2026-11-30").as_str(), at("2026-12-01").as_str()), ("0.15", "0.2"));
        assert!(million(&folder.prices, "openai", "gpt-4o", "2026-12-02").is_some());
        let again = folder.prices.import(&listing(file), day("2026-12-02"), &change()).unwrap();
        assert_eq!((again.opened.len(), again.closed.len(), again.missing.len()), (0, 0, 0));
    }

    #[test]
    fn the_source_that_is_imported_decides_from_then_on() {
        let folder = open();
        let set = sets::set("smartspec").unwrap();
        assert_eq!(
            million(&folder.prices, "openai", "gpt-4-turbo", "2026-11-20").unwrap().to_string(),
            "10"
        );

        folder.prices.import(&set, day("2026-01-01"), &change()).unwrap();

        let at = |model: &str| million(&folder.prices, "anthropic", model, "2026-11-20");
        assert_eq!(at("claude-3.5-sonnet"), Some("3".parse().unwrap()));
        assert_eq!(at("claude-of-the-future"), Some("1".parse().unwrap()));
    }

    #[test]
    fn a_price_set_by_hand_holds_until_it_is_closed() {
        let folder = open();
        let new = NewPrice {
            provider: "OpenAI".into(),
            model: "gpt-4o-mini".parse().unwrap(),
            priced: Priced::Meter(Meter::InputTokens),
            per: 1_000_000,
            price: "0.1".parse().unwrap(),
            charged: Charged::Each,
            conditions: Conditions::default(),
            valid_from: Some(day("2026-11-01")),
            valid_to: None,
        };
        let at =
            |at: &str| million(&folder.prices, "openai", "gpt-4o-mini", at).unwrap().to_string();

        let set = folder.prices.set(&new, &change()).unwrap();
        let id = set.opened[0].id.clone();
        assert_eq!(id, "manual:openai/gpt-4o-mini:input_tokens@2026-11-01");
        assert_eq!((at("2026-10-31"), at("2026-11-01")), ("0.15".into(), "0.1".into()));

        let closed = folder.prices.close(&id, day("2026-11-10"), &change()).unwrap();
        assert_eq!(closed.row.valid_to, Some(day("2026-11-10")));
        assert_eq!((at("2026-11-09"), at("2026-11-10")), ("0.1".into(), "0.15".into()));
        let twice = folder.prices.close(&id, day("2026-11-12"), &change());
        assert!(matches!(twice, Err(PriceChangeError::Closed { .. })));
        let nobody = folder.prices.close("nobody", day("2026-11-12"), &change());
        assert!(matches!(nobody, Err(PriceChangeError::UnknownPrice(_))));
    }
}
