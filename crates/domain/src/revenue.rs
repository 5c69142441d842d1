//! What customers paid: the value that spend is held against.

use std::fmt;

use chrono::{DateTime, Utc};
use compact_str::{CompactString, format_compact};
use serde::{Deserialize, Serialize};

use crate::Amount;

/// One payment, or what was taken back of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevenueFact {
    /// The row it was read from, e.g. `purchase_metrics_raw:17`.
    pub id: CompactString,
    /// The database or program it is from.
    pub source: CompactString,
    /// What happened.
    pub kind: RevenueKind,
    /// When.
    pub occurred_at: DateTime<Utc>,
    /// The payment's id at the payment provider.
    pub payment: Option<CompactString>,
    /// The transaction's own id, where it has one.
    pub transaction: Option<CompactString>,
    /// What the customer paid; negative where money went back.
    pub gross: Amount,
    /// What is left after the fee.
    pub net: Amount,
    /// What the payment provider kept.
    pub fee: Amount,
    /// The tax in it.
    pub tax: Amount,
    /// The currency, e.g. `usd`.
    pub currency: CompactString,
    /// What was bought.
    pub product: Option<CompactString>,
    /// Anything else, a JSON object as text.
    pub metadata: Option<CompactString>,
}

/// What happened to money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RevenueKind {
    /// It came in.
    Payment,
    /// It was given back.
    Refund,
    /// It was taken back by a bank.
    Chargeback,
    /// It was put right.
    Adjustment,
}

impl RevenueKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Payment, Self::Refund, Self::Chargeback, Self::Adjustment];

    /// The word on the wire and in the books.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Payment => "payment",
            Self::Refund => "refund",
            Self::Chargeback => "chargeback",
            Self::Adjustment => "adjustment",
        }
    }

    /// The kind of that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

impl fmt::Display for RevenueKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl RevenueFact {
    /// The key by which the same money is known in every database that tells of it.
    ///
    /// A payment is paid once, so its id at the payment provider is the key. Money can go back in
    /// several parts, so there the transaction's own id is.
    pub fn key(&self) -> CompactString {
        let kind = self.kind;
        match (kind, &self.payment, &self.transaction) {
            (RevenueKind::Payment, Some(payment), _) => format_compact!("{kind}:{payment}"),
            (_, _, Some(transaction)) => format_compact!("{kind}:{transaction}"),
            _ => format_compact!("{kind}:{}:{}", self.source, self.id),
        }
    }
}
