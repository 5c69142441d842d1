//! What customers paid, for the pages that hold spend against it.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use outlay_domain::people::{self, Denied};
use outlay_domain::revenue::{RevenueDraft, RevenueFact};
use outlay_domain::usage::Refusal;
pub use outlay_store::sqlite::revenue::{
    KeptRevenue, ProductRevenue, Recorded, RevenueLine, RevenueTotal,
};
use outlay_store::{Books, StoreError, Tx};
use thiserror::Error;

use crate::journal::{AcceptError, Act, Journal, Stop, Topic};
use crate::{Asker, Outlay};

/// Payments that somebody tells of.
struct Record {
    facts: Vec<RevenueFact>,
    /// Whether whoever tells sees one account alone.
    is_bound: bool,
}

impl Act for Record {
    type Done = Vec<Recorded>;
    type Refused = AcceptError;
    const TELLS: &'static [Topic] = &[];

    fn act(self, tx: &Tx<'_>, at: DateTime<Utc>) -> Result<Vec<Recorded>, Stop<AcceptError>> {
        let record = |fact| match self.is_bound {
            true => tx.revenue().record_bound(fact, at),
            false => tx.revenue().record(fact, at),
        };
        let recorded = self.facts.iter().map(record);
        Ok(recorded.collect::<Result<_, StoreError>>()?)
    }
}

/// Where what customers paid is told and read; cheap to clone.
#[derive(Clone)]
pub struct Revenue {
    journal: Arc<Journal>,
    books: Arc<Books>,
    asker: Asker,
}

/// Why revenue was not kept or read.
#[derive(Debug, Error)]
pub enum RevenueError {
    /// Whoever asks may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// It was not taken into a commit.
    #[error(transparent)]
    NotTaken(#[from] AcceptError),
    /// The books could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Outlay {
    /// Where revenue is, for somebody who tells or asks of it.
    pub fn revenue(&self, asker: impl Into<Asker>) -> Revenue {
        let (journal, books) = (self.journal.clone(), self.books.clone());
        Revenue { journal, books, asker: asker.into() }
    }
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

impl Revenue {
    /// Whether they may tell of revenue: keys that send usage may, and so may admins.
    pub fn may_record(&self) -> Result<(), Denied> {
        self.asker.may(people::Act::SendUsage)?;
        if self.asker.is_key() { Ok(()) } else { self.asker.require_admin() }
    }

    /// The fact that `draft` tells, coming from whoever asks.
    pub fn judged(&self, draft: RevenueDraft) -> Result<RevenueFact, Refusal> {
        draft.accept(self.asker.caller())
    }

    /// Keeps `facts`, all in one commit; answers for each what became of it.
    pub async fn record(&self, facts: Vec<RevenueFact>) -> Result<Vec<Recorded>, RevenueError> {
        self.may_record()?;
        if facts.is_empty() {
            return Ok(Vec::new());
        }
        let is_bound = self.asker.scope().is_some();
        Ok(self.journal.act(Record { facts, is_bound }).await?)
    }

    /// A page of payments, and the sums of all of them for each currency, of one moment.
    pub async fn page(
        &self,
        question: RevenueQuestion,
    ) -> Result<(Vec<KeptRevenue>, Vec<RevenueTotal>), RevenueError> {
        self.asker.may(people::Act::SeeUsage)?;
        let RevenueQuestion { from, to, after: (after, key), limit } = question;
        let read = self.books.read(move |books| {
            let page = books.revenue().page((after, &key), to, limit)?;
            Ok((page, books.revenue().totals(from, to)?))
        });
        Ok(read.await?)
    }
}
