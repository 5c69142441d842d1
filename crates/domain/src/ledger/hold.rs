//! Credit set aside for work in flight.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Unit;
use crate::Amount;

/// What is taken from one grant, or owed where it is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// The grant's number.
    pub grant: Option<i64>,
    /// How much of it.
    pub amount: Amount,
}

/// How far a hold is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum HoldState {
    /// Credit is set aside.
    Held,
    /// The work was done, and paid for.
    Captured,
    /// It was given back.
    Released,
    /// Nobody came for it in time, and it went back.
    Expired,
}

impl HoldState {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Held, Self::Captured, Self::Released, Self::Expired];

    /// The word on the wire and in the books.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Captured => "captured",
            Self::Released => "released",
            Self::Expired => "expired",
        }
    }

    /// The state of that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

/// A hold as it is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoldDraft {
    /// In which unit.
    pub unit: Unit,
    /// How much.
    pub amount: Amount,
    /// Up to, and not at, which time.
    pub expires_at: DateTime<Utc>,
}

/// Credit set aside for work in flight.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// Its number: that of the posting by which it was made.
    pub number: i64,
    /// In which unit.
    pub unit: Unit,
    /// How much.
    pub amount: Amount,
    /// From which grants, what burns first standing first. Nothing where the account has no balance
    /// in this unit that could run out.
    pub shares: Vec<Share>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Up to, and not at, which time.
    pub expires_at: DateTime<Utc>,
    /// How far it is.
    pub state: HoldState,
    /// The posting that ended it.
    pub ended_by: Option<i64>,
    /// What was captured, in all.
    pub captured: Amount,
}

impl Hold {
    /// What of it is set aside in grants.
    pub fn funded(&self) -> Amount {
        let nanos = self.shares.iter().map(|share| share.amount.nanos()).sum();
        Amount::from_nanos(nanos)
    }

    /// The shares that the first `amount` of it comes from, and those of the rest.
    pub fn parted(&self, amount: Amount) -> (Vec<Share>, Vec<Share>) {
        parted(&self.shares, amount)
    }
}

/// The shares that the first `amount` comes from, and those of the rest.
pub fn parted(shares: &[Share], amount: Amount) -> (Vec<Share>, Vec<Share>) {
    let (mut first, mut rest) = (Vec::new(), Vec::new());
    let mut left = amount.nanos();
    for share in shares {
        let part = share.amount.nanos().min(left);
        left -= part;
        let of = |nanos| Share { grant: share.grant, amount: Amount::from_nanos(nanos) };
        first.extend((part > 0).then(|| of(part)));
        let more = share.amount.nanos() - part;
        rest.extend((more > 0).then(|| of(more)));
    }
    (first, rest)
}
