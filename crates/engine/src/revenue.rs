//! What customers paid, for the pages that hold spend against it.

use chrono::{DateTime, Utc};
use outlay_domain::revenue::RevenueFact;
pub use outlay_store::sqlite::revenue::{
    KeptRevenue, ProductRevenue, Recorded, RevenueLine, RevenueTotal,
};
use outlay_store::{Books, StoreError};

use crate::Clock;

/// Keeps `facts`, all in one transaction; answers for each what became of it.
pub fn record(
    books: &Books,
    clock: &dyn Clock,
    facts: &[RevenueFact],
) -> Result<Vec<Recorded>, StoreError> {
    let now = clock.now();
    books.write_blocking(|tx| facts.iter().map(|fact| tx.revenue().record(fact, now)).collect())
}

/// The first `limit` facts before `to` that stand behind the time and key `after`.
pub fn page(
    books: &Books,
    after: (DateTime<Utc>, &str),
    to: DateTime<Utc>,
    limit: u32,
) -> Result<Vec<KeptRevenue>, StoreError> {
    books.read_blocking(|books| books.revenue().page(after, to, limit))
}

/// Revenue in `[from, to)`, a row for each currency.
pub fn totals(
    books: &Books,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Result<Vec<RevenueTotal>, StoreError> {
    books.read_blocking(|books| books.revenue().totals(from, to))
}

/// Revenue in `[from, to)`, a row for each kind, currency and product; at most `limit` rows.
pub fn by_product(
    books: &Books,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    limit: u32,
) -> Result<Vec<ProductRevenue>, StoreError> {
    books.read_blocking(|books| books.revenue().by_product(from, to, limit))
}

/// Shows `visit` every fact in `[from, to)`, one by one.
pub fn each(
    books: &Books,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    visit: impl FnMut(RevenueLine),
) -> Result<(), StoreError> {
    books.read_blocking(|books| books.revenue().each(from, to, visit))
}
