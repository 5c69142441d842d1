//! What imports leave in the books beside usage: how far they came, and the budgets and batches that
//! they found.

use std::sync::Arc;

use outlay_domain::imports::{ImportRecord, ImportedBatches, ImportedBudgets};
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

/// The batches of older systems, by their source.
pub async fn batches(books: &Arc<Books>) -> Result<Vec<ImportedBatches>, StoreError> {
    books.read(|books| books.imports().batches()).await
}

/// Keeps `batches` in place of what that source had before.
pub async fn put_batches(books: &Arc<Books>, batches: ImportedBatches) -> Result<(), StoreError> {
    books.write(move |tx| tx.imports().put_batches(&batches)).await
}
