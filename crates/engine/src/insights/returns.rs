//! What came in for what was spent.

use outlay_store::StoreError;

use super::{Days, Insights};
use crate::revenue::{self, RevenueTotal};

impl Insights {
    /// Revenue in `currency` on `days` of `tz`; on all days where none are named.
    pub fn revenue(
        &self,
        days: Option<Days>,
        tz: chrono_tz::Tz,
        currency: &str,
    ) -> Result<Option<RevenueTotal>, StoreError> {
        use chrono::{DateTime, Utc};
        let (from, to) = match days {
            Some(days) => days.instants(tz),
            None => (DateTime::UNIX_EPOCH, DateTime::<Utc>::MAX_UTC),
        };
        let totals = revenue::totals(&self.books, from, to)?;
        Ok(totals.into_iter().find(|total| total.currency.eq_ignore_ascii_case(currency)))
    }
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
