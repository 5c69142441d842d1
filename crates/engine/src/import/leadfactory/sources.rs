//! Which sources count what: calls stand beside their costs, or alone.

use std::sync::Arc;

use compact_str::CompactString;
use outlay_domain::imports::ImportRecord;
use outlay_store::{Books, StoreError};

use super::Kind;
use crate::import::books::records;

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
    let is_of_calls =
        |record: &ImportRecord| record.kind == Kind::Calls.word() && is_meant(record.counted_to);
    let records = records(books).await?;
    Ok(records.into_iter().filter(is_of_calls).map(|record| record.source).collect())
}
