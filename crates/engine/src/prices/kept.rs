//! The price book of one data folder: loaded, asked, and changed.

use std::sync::Arc;

use arc_swap::ArcSwap;
use chrono::{DateTime, Utc};
use compact_str::CompactString;
use outlay_domain::people::{Act as Permission, Caller, Denied};
use outlay_domain::prices::{
    Charged, Conditions, MANUAL_SOURCE, ModelPattern, Price, PriceBook, PriceBookBuilder, PriceRow,
    Priced, provider_name,
};
use outlay_store::sqlite::prices::{PriceFilter, PriceSource, StoredPrice};
use outlay_store::{Books, StoreError, View};
use parking_lot::Mutex;
use thiserror::Error;
use tokio::task::spawn_blocking;

use super::acts;
use super::listing::{ListedRow, Listing, Start};
use super::snapshot::{Snapshot, SnapshotError};
use super::weigh::{Changes, weigh};
use crate::journal::{AcceptError, Act, Journal};

/// The price book of one data folder.
pub struct Prices {
    books: Arc<Books>,
    journal: Arc<Journal>,
    book: Arc<ArcSwap<PriceBook>>,
    /// Whether our prices decide even where a cost is stated.
    rate_stated: bool,
    /// Held while a book is read from the books and put in place, so that an older one never replaces
    /// a newer one.
    loading: Mutex<()>,
}

/// Why prices could not be changed.
#[derive(Debug, Error)]
pub enum PriceChangeError {
    /// Whoever asks may set no prices.
    #[error(transparent)]
    Denied(#[from] Denied),
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
    /// The books could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What was to be written was not taken into a commit.
    #[error(transparent)]
    NotTaken(#[from] AcceptError),
    /// The work was broken off.
    #[error("the change of prices was broken off")]
    Failed(#[source] tokio::task::JoinError),
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

impl Prices {
    /// The book of `books`, with the shipped prices where there are none yet. `book` is where
    /// everybody finds it.
    pub fn open(
        books: Arc<Books>,
        journal: Arc<Journal>,
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
        let prices = Self { books, journal, book, rate_stated, loading: Mutex::new(()) };
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

    /// Takes in a listing that holds from `moment` on, or from now on where that is not said. Its
    /// source is the first to decide from then on, for usage of any time.
    pub async fn import(
        self: &Arc<Self>,
        caller: &Caller,
        listing: Listing,
        moment: Option<DateTime<Utc>>,
    ) -> Result<Changes, PriceChangeError> {
        let actor = may_set(caller)?;
        self.change(acts::Import { listing, moment, actor }).await
    }

    /// Sets prices by hand, all of them or none. Each replaces every imported price of its meter for
    /// its models while it is valid; rows that were set before for the same thing are closed.
    /// Answers what each changed.
    pub async fn set(
        self: &Arc<Self>,
        caller: &Caller,
        new: Vec<NewPrice>,
    ) -> Result<Vec<Changes>, PriceChangeError> {
        let actor = may_set(caller)?;
        self.change(acts::Set { new, actor }).await
    }

    /// The book to rate by with `new` prices: once they are set, or as if they were for a `dry_run`.
    pub async fn to_rate_by(
        self: &Arc<Self>,
        caller: &Caller,
        new: Vec<NewPrice>,
        now: DateTime<Utc>,
        dry_run: bool,
    ) -> Result<Arc<PriceBook>, PriceChangeError> {
        may_set(caller)?;
        match (new.is_empty(), dry_run) {
            (true, _) => Ok(self.book()),
            (false, true) => {
                let own = self.clone();
                let book = spawn_blocking(move || own.book_with(&new, now)).await;
                Ok(Arc::new(book.map_err(PriceChangeError::Failed)??))
            }
            (false, false) => {
                self.set(caller, new).await?;
                Ok(self.book())
            }
        }
    }

    /// The book as it would be if these prices were set.
    fn book_with(&self, new: &[NewPrice], now: DateTime<Utc>) -> Result<PriceBook, StoreError> {
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

    /// Ends a row's validity at `at`, or now, and answers the row as it is then.
    pub async fn close(
        self: &Arc<Self>,
        caller: &Caller,
        id: CompactString,
        at: Option<DateTime<Utc>>,
    ) -> Result<StoredPrice, PriceChangeError> {
        let actor = may_set(caller)?;
        self.change(acts::Close { id, at, actor }).await
    }

    /// Has a change committed, and puts the book that has it in place before it is answered: what
    /// comes in from then on is rated by it.
    async fn change<A: Act<Refused = PriceChangeError>>(
        self: &Arc<Self>,
        act: A,
    ) -> Result<A::Done, PriceChangeError> {
        let own = self.clone();
        // On a task of its own: whoever asked may go away, and what was committed counts all the same.
        let changed = tokio::spawn(async move {
            let done = own.journal.act(act).await?;
            let loaded = spawn_blocking(move || own.reload()).await;
            loaded.map_err(PriceChangeError::Failed)??;
            Ok(done)
        });
        changed.await.map_err(PriceChangeError::Failed)?
    }

    fn reload(&self) -> Result<(), StoreError> {
        let _one_at_a_time = self.loading.lock();
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

/// What the audit trail calls whoever sets prices, where they may.
fn may_set(caller: &Caller) -> Result<CompactString, Denied> {
    caller.may(Permission::SetPrices)?;
    Ok(caller.user.as_str().into())
}

/// Writes the shipped prices into books that have none.
fn write_shipped(books: &Books, now: DateTime<Utc>) -> Result<(), StoreError> {
    let snapshot = Snapshot::shipped().map_err(damaged)?;
    books.write_blocking(|tx| {
        for listing in snapshot.listings {
            // The snapshot's prices have held since always, as far as it knows: usage of last
            // month must not be unpriced because the program was installed today.
            acts::write_changes(tx, &weigh(&listing, &[], None), now)?;
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
pub(super) fn weigh_by_hand(new: &NewPrice, known: &[StoredPrice], now: DateTime<Utc>) -> Changes {
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::time::Duration;

    use outlay_domain::people::Role;
    use outlay_domain::prices::Rateable;
    use outlay_domain::usage::{Meter, Quantities, Tags};
    use outlay_domain::{Amount, Quantity};

    use super::super::import::{litellm, sets};
    use super::*;
    use crate::{FrozenClock, Options, Outlay};

    fn day(text: &str) -> DateTime<Utc> {
        format!("{text}T00:00:00Z").parse().unwrap()
    }

    struct Folder {
        prices: Arc<Prices>,
        _outlay: Outlay,
        _folder: tempfile::TempDir,
    }

    fn open() -> Folder {
        let folder = tempfile::tempdir().unwrap();
        let options = Options { background: false, ..Options::default() };
        let clock = Arc::new(FrozenClock::at(day("2026-11-20")));
        let outlay = Outlay::open(folder.path(), options, clock).unwrap();
        Folder { prices: outlay.prices.clone(), _outlay: outlay, _folder: folder }
    }

    impl Folder {
        async fn import(&self, listing: Listing, moment: &str) -> Changes {
            let moment = Some(day(moment));
            self.prices.import(&Caller::operator(), listing, moment).await.unwrap()
        }

        async fn close(&self, id: &str, at: &str) -> Result<StoredPrice, PriceChangeError> {
            self.prices.close(&Caller::operator(), id.into(), Some(day(at))).await
        }
    }

    /// A million tokens of input for a dime, since the first of November.
    fn cheaper(provider: &str, model: &str) -> NewPrice {
        NewPrice {
            provider: provider.into(),
            model: model.parse().unwrap(),
            priced: Priced::Meter(Meter::InputTokens),
            per: 1_000_000,
            price: "0.1".parse().unwrap(),
            charged: Charged::Each,
            conditions: Conditions::default(),
            valid_from: Some(day("2026-11-01")),
            valid_to: None,
        }
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

    #[tokio::test]
    async fn what_is_set_counts_also_where_whoever_set_it_went_away() {
        let folder = open();
        let new = cheaper("openai", "gpt-4o-mini");
        let amount = || million(&folder.prices, "openai", "gpt-4o-mini", "2026-11-20").unwrap();

        let admin = Caller::operator();
        let went_away = tokio::select! {
            biased;
            _ = folder.prices.set(&admin, vec![new]) => false,
            () = std::future::ready(()) => true,
        };

        assert!(went_away);
        let counts = async {
            while amount().to_string() != "0.1" {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), counts).await.expect("the price counts");
    }

    #[tokio::test]
    async fn an_import_changes_what_changed_from_its_moment_on() {
        let folder = open();
        let file = r#"{"gpt-4o-mini": {"litellm_provider": "openai", "mode": "chat",
            "input_cost_per_token": 2e-07, "output_cost_per_token": 6e-07}}"#;

        let would = folder.prices.weigh(&listing(file), day("2026-12-01")).unwrap();
        let changes = folder.import(listing(file), "2026-12-01").await;

        assert_eq!((changes.opened.len(), changes.closed.len(), changes.unchanged), (1, 1, 2));
        assert_eq!(would.opened, changes.opened);
        assert!(changes.missing.len() > 10_000, "everything else is gone from the file");
        let at =
            |at: &str| million(&folder.prices, "openai", "gpt-4o-mini", at).unwrap().to_string();
        assert_eq!((at("2026-11-30").as_str(), at("2026-12-01").as_str()), ("0.15", "0.2"));
        assert!(million(&folder.prices, "openai", "gpt-4o", "2026-12-02").is_some());
        let again = folder.import(listing(file), "2026-12-02").await;
        assert_eq!((again.opened.len(), again.closed.len(), again.missing.len()), (0, 0, 0));
    }

    #[tokio::test]
    async fn the_source_that_is_imported_decides_from_then_on() {
        let folder = open();
        let set = sets::set("smartspec").unwrap();
        assert_eq!(
            million(&folder.prices, "openai", "gpt-4-turbo", "2026-11-20").unwrap().to_string(),
            "10"
        );

        folder.import(set, "2026-01-01").await;

        let at = |model: &str| million(&folder.prices, "anthropic", model, "2026-11-20");
        assert_eq!(at("claude-3.5-sonnet"), Some("3".parse().unwrap()));
        assert_eq!(at("claude-of-the-future"), Some("1".parse().unwrap()));
    }

    #[tokio::test]
    async fn a_price_set_by_hand_holds_until_it_is_closed() {
        let folder = open();
        let new = cheaper("OpenAI", "gpt-4o-mini");
        let at =
            |at: &str| million(&folder.prices, "openai", "gpt-4o-mini", at).unwrap().to_string();

        let set = folder.prices.set(&Caller::operator(), vec![new.clone()]).await.unwrap();
        let id = set[0].opened[0].id.clone();
        assert_eq!(id, "manual:openai/gpt-4o-mini:input_tokens@2026-11-01");
        assert_eq!((at("2026-10-31"), at("2026-11-01")), ("0.15".into(), "0.1".into()));

        let closed = folder.close(&id, "2026-11-10").await.unwrap();
        assert_eq!(closed.row.valid_to, Some(day("2026-11-10")));
        assert_eq!((at("2026-11-09"), at("2026-11-10")), ("0.1".into(), "0.15".into()));
        let twice = folder.close(&id, "2026-11-12").await;
        assert!(matches!(twice, Err(PriceChangeError::Closed { .. })));
        let nobody = folder.close("nobody", "2026-11-12").await;
        assert!(matches!(nobody, Err(PriceChangeError::UnknownPrice(_))));
    }

    #[tokio::test]
    async fn prices_that_are_set_together_are_set_all_or_none() {
        let folder = open();
        let new = |model: &str, to: Option<DateTime<Utc>>| NewPrice {
            valid_to: to,
            ..cheaper("openai", model)
        };
        let admin = Caller::operator();
        let viewer = Caller::operator().narrowed_to(Role::Viewer).unwrap();
        let at = |model: &str| million(&folder.prices, "openai", model, "2026-11-05");
        let before = (at("gpt-4o-mini"), at("gpt-4o"));

        let refused = folder.prices.set(&viewer, vec![new("gpt-4o", None)]).await;
        assert!(matches!(refused, Err(PriceChangeError::Denied(_))));
        assert_eq!((at("gpt-4o-mini"), at("gpt-4o")), before);
        let both = vec![new("gpt-4o-mini", None), new("gpt-4o", None)];
        let wanted = folder.prices.to_rate_by(&admin, both.clone(), day("2026-11-20"), true);
        let wanted = wanted.await.unwrap();
        assert_eq!((at("gpt-4o-mini"), at("gpt-4o")), before, "nothing is set by looking");
        assert_eq!(folder.prices.set(&admin, both).await.unwrap().len(), 2);
        assert_eq!(wanted.len(), folder.prices.book().len());
        let tenth = Some("0.1".parse().unwrap());
        assert_eq!((at("gpt-4o-mini"), at("gpt-4o")), (tenth, tenth));
    }
}
