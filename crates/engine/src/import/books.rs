//! What imports leave in the books beside usage: how far they came, and the budgets and batches that
//! they found.

use std::sync::Arc;

use compact_str::CompactString;
use outlay_domain::imports::{ImportRecord, ImportedBatches, ImportedBudgets};
pub use outlay_store::sqlite::imports::ImportProgress;
use outlay_store::{Books, StoreError};

use super::leadfactory;
use crate::Clock;

/// All sources that were ever imported, by name.
pub async fn records(books: &Arc<Books>) -> Result<Vec<ImportRecord>, StoreError> {
    books.read(|books| books.imports().records()).await
}

/// The sources that hold only what failed or was free, beside other sources with what was paid.
///
/// Sums are the same with them and without; counts of paid operations are not.
pub async fn unpaid_sources(books: &Arc<Books>) -> Result<Vec<CompactString>, StoreError> {
    sources_of_calls(books, |counted_to| counted_to.is_none()).await
}

/// The sources of calls with what they cost, and with those that failed: there were no costs beside
/// them when they came.
pub async fn sources_of_all_calls(books: &Arc<Books>) -> Result<Vec<CompactString>, StoreError> {
    sources_of_calls(books, |counted_to| counted_to.is_some()).await
}

async fn sources_of_calls(
    books: &Arc<Books>,
    is_meant: impl Fn(Option<i64>) -> bool,
) -> Result<Vec<CompactString>, StoreError> {
    let is_of_calls = |record: &ImportRecord| {
        record.kind == leadfactory::Kind::Calls.word() && is_meant(record.counted_to)
    };
    let records = records(books).await?;
    Ok(records.into_iter().filter(is_of_calls).map(|record| record.source).collect())
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
