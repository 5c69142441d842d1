//! What imports leave in the books beside usage: how far they came, and the budgets and batches that
//! they found.

use compact_str::CompactString;
use outlay_domain::imports::{ImportRecord, ImportedBatches, ImportedBudgets};
pub use outlay_store::sqlite::imports::ImportProgress;
use outlay_store::{Books, StoreError};

use super::leadfactory;
use crate::Clock;

/// All sources that were ever imported, by name.
pub fn records(books: &Books) -> Result<Vec<ImportRecord>, StoreError> {
    books.read_blocking(|books| books.imports().records())
}

/// The sources that hold only what failed or was free, beside other sources with what was paid.
///
/// Sums are the same with them and without; counts of paid operations are not.
pub fn unpaid_sources(books: &Books) -> Result<Vec<CompactString>, StoreError> {
    sources_of_calls(books, |counted_to| counted_to.is_none())
}

/// The sources of calls with what they cost, and with those that failed: there were no costs beside
/// them when they came.
pub fn sources_of_all_calls(books: &Books) -> Result<Vec<CompactString>, StoreError> {
    sources_of_calls(books, |counted_to| counted_to.is_some())
}

fn sources_of_calls(
    books: &Books,
    is_meant: impl Fn(Option<i64>) -> bool,
) -> Result<Vec<CompactString>, StoreError> {
    let is_of_calls = |record: &ImportRecord| {
        record.kind == leadfactory::Kind::Calls.word() && is_meant(record.counted_to)
    };
    let records = records(books)?;
    Ok(records.into_iter().filter(is_of_calls).map(|record| record.source).collect())
}

/// Remembers what became of some more rows of a source.
pub fn record(
    books: &Books,
    clock: &dyn Clock,
    progress: &ImportProgress,
) -> Result<(), StoreError> {
    books.write_blocking(|tx| tx.imports().record(progress, clock.now()))
}

/// The budgets of older systems, by their source.
pub fn budgets(books: &Books) -> Result<Vec<ImportedBudgets>, StoreError> {
    books.read_blocking(|books| books.imports().budgets())
}

/// Keeps `budgets` in place of what that source had before.
pub fn put_budgets(
    books: &Books,
    clock: &dyn Clock,
    budgets: &ImportedBudgets,
) -> Result<(), StoreError> {
    books.write_blocking(|tx| tx.imports().put_budgets(budgets, clock.now()))
}

/// The batches of older systems, by their source.
pub fn batches(books: &Books) -> Result<Vec<ImportedBatches>, StoreError> {
    books.read_blocking(|books| books.imports().batches())
}

/// Keeps `batches` in place of what that source had before.
pub fn put_batches(books: &Books, batches: &ImportedBatches) -> Result<(), StoreError> {
    books.write_blocking(|tx| tx.imports().put_batches(batches))
}
