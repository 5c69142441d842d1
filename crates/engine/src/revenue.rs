//! What customers paid, for the pages that hold spend against it.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use outlay_domain::revenue::RevenueFact;
pub use outlay_store::sqlite::revenue::{
    KeptRevenue, ProductRevenue, Recorded, RevenueLine, RevenueTotal,
};
use outlay_store::{Books, StoreError, Tx};

use crate::journal::{AcceptError, Act, Journal, Stop, Topic};

/// Payments that somebody tells of.
struct Record(Vec<RevenueFact>);

impl Act for Record {
    type Done = Vec<Recorded>;
    type Refused = AcceptError;
    const TELLS: &'static [Topic] = &[];

    fn act(self, tx: &Tx<'_>, at: DateTime<Utc>) -> Result<Vec<Recorded>, Stop<AcceptError>> {
        let recorded = self.0.iter().map(|fact| tx.revenue().record(fact, at));
        Ok(recorded.collect::<Result<_, StoreError>>()?)
    }
}

/// Keeps `facts`, all in one commit; answers for each what became of it.
pub async fn record(
    journal: &Journal,
    facts: Vec<RevenueFact>,
) -> Result<Vec<Recorded>, AcceptError> {
    if facts.is_empty() {
        return Ok(Vec::new());
    }
    journal.act(Record(facts)).await
}

/// Which payments are meant.
#[derive(Debug, Clone)]
pub struct RevenueQuestion {
    /// From then on.
    pub from: DateTime<Utc>,
    /// Until before then.
    pub to: DateTime<Utc>,
    /// Of a page, only those behind this time and key.
    pub after: (DateTime<Utc>, String),
    /// On a page, at most.
    pub limit: u32,
}

/// A page of payments, and the sums of all of them for each currency, of one moment.
pub async fn page(
    books: &Arc<Books>,
    question: RevenueQuestion,
) -> Result<(Vec<KeptRevenue>, Vec<RevenueTotal>), StoreError> {
    let RevenueQuestion { from, to, after: (after, key), limit } = question;
    books
        .read(move |books| {
            let page = books.revenue().page((after, &key), to, limit)?;
            Ok((page, books.revenue().totals(from, to)?))
        })
        .await
}
