//! What imports leave in the books beside usage: how far they came, and the budgets and runs that
//! they found.

use std::sync::Arc;

use outlay_domain::imports::{ImportRecord, ImportedBudgets, ImportedRuns};
pub use outlay_store::sqlite::imports::ImportProgress;
use outlay_store::{Books, StoreError};

use crate::Clock;

/// All sources that were ever imported, by name.
pub async fn records(books: &Arc<Books>) -> Result<Vec<ImportRecord>, StoreError> {
    books.read(|books| books.imports().records()).await
}

/// Remembers what became of some more rows of a source.
pub async fn record(
    books: &Arc<Books>,
    clock: &dyn Clock,
    progress: ImportProgress,
) -> Result<(), StoreError> {
    let now = clock.now();
    books.write(move |tx| tx.imports().record(&progress, now)).await
}

/// The budgets of older systems, by their source.
pub async fn budgets(books: &Arc<Books>) -> Result<Vec<ImportedBudgets>, StoreError> {
    books.read(|books| books.imports().budgets()).await
}

/// The runs of older systems, by their source.
pub async fn runs(books: &Arc<Books>) -> Result<Vec<ImportedRuns>, StoreError> {
    books.read(|books| books.imports().runs()).await
}

/// Keeps `runs` in place of what that source had before.
pub async fn put_runs(books: &Arc<Books>, runs: ImportedRuns) -> Result<(), StoreError> {
    books.write(move |tx| tx.imports().put_runs(&runs)).await
}
