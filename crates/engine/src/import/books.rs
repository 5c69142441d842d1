//! What imports leave in the books beside usage: how far they came, and the budgets and runs that
//! they found.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use compact_str::CompactString;
use outlay_domain::imports::{ImportRecord, ImportedBudgets, ImportedRuns};
use outlay_domain::people::Denied;
pub use outlay_store::sqlite::imports::ImportProgress;
use outlay_store::{Books, StoreError, Tx};
use thiserror::Error;

use super::merge::{MergeError, Merged};
use crate::budgets::{Budgets, BudgetsError};
use crate::journal::{AcceptError, Act, Journal, Stop, Topic};
use crate::usage::amend::Amender;
use crate::{Asker, Outlay};

/// Where it is kept what imports leave in the books, for somebody who imports.
pub struct Imports {
    outlay: Arc<Outlay>,
    journal: Arc<Journal>,
    budgets: Budgets,
    asker: Asker,
}

/// Why something of imports was not read or kept.
#[derive(Debug, Error)]
pub enum ImportsError {
    /// Whoever asks may not import.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// Their budgets were not kept.
    #[error(transparent)]
    Budgets(#[from] BudgetsError),
    /// Sources of one database did not become one.
    #[error(transparent)]
    Merge(#[from] MergeError),
    /// The books could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What was to be written was not taken into a commit.
    #[error(transparent)]
    NotTaken(#[from] AcceptError),
}

impl Outlay {
    /// Where it is kept what imports leave, for somebody who imports.
    pub fn imports(self: &Arc<Self>, asker: impl Into<Asker>) -> Imports {
        let asker = asker.into();
        Imports {
            outlay: self.clone(),
            journal: self.journal.clone(),
            budgets: self.budgets(asker.clone()),
            asker,
        }
    }
}

impl Imports {
    /// All sources that were ever imported, by name.
    pub async fn records(&self) -> Result<Vec<ImportRecord>, ImportsError> {
        self.asker.require_import()?;
        Ok(records(&self.outlay.books).await?)
    }

    /// Remembers what became of some more rows of a source.
    pub async fn record(&self, progress: ImportProgress) -> Result<(), ImportsError> {
        self.asker.require_import()?;
        self.journal.act(Record(progress)).await
    }

    /// The budgets of older systems, by their source.
    pub async fn budgets(&self) -> Result<Vec<ImportedBudgets>, ImportsError> {
        self.asker.require_import()?;
        Ok(self.outlay.books.read(|books| books.imports().budgets()).await?)
    }

    /// Keeps the budgets of an older system in place of those that it had before.
    pub async fn put_budgets(&self, budgets: ImportedBudgets) -> Result<(), ImportsError> {
        self.asker.require_import()?;
        Ok(self.budgets.take_over(budgets).await?)
    }

    /// The runs of older systems, by their source.
    pub async fn runs(&self) -> Result<Vec<ImportedRuns>, ImportsError> {
        self.asker.require_import()?;
        Ok(runs(&self.outlay.books).await?)
    }

    /// Keeps `runs` in place of what that source had before.
    pub async fn put_runs(&self, runs: ImportedRuns) -> Result<(), ImportsError> {
        self.asker.require_import()?;
        self.journal.act(PutRuns(runs)).await
    }

    /// Lets `source` count alone for a database whose rows came under `duplicates` too.
    pub async fn merge(
        &self,
        source: &CompactString,
        duplicates: &[CompactString],
    ) -> Result<Merged, ImportsError> {
        self.asker.require_import()?;
        let amender = Amender {
            actor: self.asker.name(),
            reason: format!("the same row of the same database is counted under {source}"),
        };
        Ok(self.outlay.merge_imports(source, duplicates, &amender).await?)
    }
}

/// All sources that were ever imported, by name.
pub async fn records(books: &Arc<Books>) -> Result<Vec<ImportRecord>, StoreError> {
    books.read(|books| books.imports().records()).await
}

/// The runs of older systems, by their source.
pub async fn runs(books: &Arc<Books>) -> Result<Vec<ImportedRuns>, StoreError> {
    books.read(|books| books.imports().runs()).await
}

/// Moves the cursor of a source, and adds to what became of its rows.
struct Record(ImportProgress);

impl Act for Record {
    type Done = ();
    type Refused = ImportsError;
    const TELLS: &'static [Topic] = &[];

    fn act(self, tx: &Tx<'_>, at: DateTime<Utc>) -> Result<(), Stop<ImportsError>> {
        Ok(tx.imports().record(&self.0, at)?)
    }
}

/// Keeps the runs of an older system in place of what it had before.
struct PutRuns(ImportedRuns);

impl Act for PutRuns {
    type Done = ();
    type Refused = ImportsError;
    const TELLS: &'static [Topic] = &[];

    fn act(self, tx: &Tx<'_>, _at: DateTime<Utc>) -> Result<(), Stop<ImportsError>> {
        Ok(tx.imports().put_runs(&self.0)?)
    }
}
