//! What came in for what was spent.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use outlay_store::StoreError;

use super::{Days, Insights};
use crate::revenue::{self, ProductRevenue, RevenueTotal};

impl Insights {
    /// Revenue in `currency` on `days` of `tz`; on all days where none are named.
    pub fn revenue(
        &self,
        days: Option<Days>,
        tz: Tz,
        currency: &str,
    ) -> Result<Option<RevenueTotal>, StoreError> {
        let (from, to) = range(days, tz);
        let totals = revenue::totals(&self.books, from, to)?;
        Ok(totals.into_iter().find(|total| total.currency.eq_ignore_ascii_case(currency)))
    }

    /// Revenue on `days` of `tz` by what was bought, at most `limit` rows of it.
    pub fn revenue_by_product(
        &self,
        days: Option<Days>,
        tz: Tz,
        limit: u32,
    ) -> Result<Vec<ProductRevenue>, StoreError> {
        let (from, to) = range(days, tz);
        revenue::by_product(&self.books, from, to, limit)
    }
}

fn range(days: Option<Days>, tz: Tz) -> (DateTime<Utc>, DateTime<Utc>) {
    let (from, to) = days.map(|days| days.instants(tz)).unzip();
    let first = DateTime::UNIX_EPOCH;
    (from.flatten().unwrap_or(first), to.unwrap_or(DateTime::<Utc>::MAX_UTC))
}

/// Money that came in, held against what was spent for it; in nanos.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Return {
    /// What came in.
    pub revenue: i128,
    /// What was spent.
    pub spend: i128,
    /// How often something was sold.
    pub sales: i64,
}

#[allow(clippy::cast_precision_loss)]
impl Return {
    /// What is left.
    pub const fn profit(&self) -> i128 {
        self.revenue - self.spend
    }

    /// Profit over spend; one is as much again.
    pub fn on_spend(&self) -> Option<f64> {
        (self.spend != 0).then(|| self.profit() as f64 / self.spend as f64)
    }

    /// Profit over revenue.
    pub fn margin(&self) -> Option<f64> {
        (self.revenue != 0).then(|| self.profit() as f64 / self.revenue as f64)
    }
}
