#![doc = include_str!("README.md")]

mod account;
mod grant;
mod hold;
mod posting;
mod purse;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod simulation;
mod statement;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;

use std::fmt;
use std::str::FromStr;

use compact_str::CompactString;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::Amount;

pub use account::{Captured, Changes, Ledger, Overdraft, Terms};
pub use grant::{Grant, GrantDraft, GrantState, PRIORITY_USUAL, Rollover, Source};
pub use hold::{Hold, HoldDraft, HoldState, Share, parted};
pub use posting::{Entry, Place, Posting, PostingKind, read_entries, write_entries};
pub use purse::{Balance, PLACE_MAX, Places, Purse};
pub use statement::{Moved, Statement, UnitStatement};

/// Grants of one purse that have something left or are still to come, at most.
pub const LIVE_GRANTS_MAX: usize = 1_000;

/// A unit in which credit is counted: a currency's code, or a name of one's own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Unit(CompactString);

impl Unit {
    /// The unit that usage is rated in.
    pub const USD: Self = Self(CompactString::const_new("USD"));

    /// The code.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Unit {
    type Err = LedgerRefusal;

    fn from_str(code: &str) -> Result<Self, LedgerRefusal> {
        let is_known = |letter: u8| letter.is_ascii_uppercase() || letter.is_ascii_digit();
        let begins = code.bytes().next().is_some_and(|letter| letter.is_ascii_uppercase());
        if !begins || code.len() > 16 || !code.bytes().all(is_known) {
            return Err(LedgerRefusal::Unit);
        }
        Ok(Self(code.into()))
    }
}

impl<'de> Deserialize<'de> for Unit {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let code = CompactString::deserialize(deserializer)?;
        code.parse().map_err(serde::de::Error::custom)
    }
}

/// Why the ledger does not do something; nothing of it was done.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LedgerRefusal {
    /// A unit is not of its form.
    #[error(
        "a unit is a code of up to 16 capital letters and digits that begins with a letter, such as USD or CREDIT"
    )]
    Unit,
    /// An amount must be more than nothing.
    #[error("the amount must be more than zero, and is {0}")]
    NotPositive(Amount),
    /// An amount must not be less than nothing.
    #[error("the amount must not be negative, and is {0}")]
    Negative(Amount),
    /// A sum would be more than is kept.
    #[error(
        "the account would have more than {PLACE_MAX} {0} in one place, which is the most that is kept"
    )]
    OutOfRange(Unit),
    /// There is too little.
    #[error("{needed} {unit} are needed, and {available} are available")]
    Insufficient {
        /// In which unit.
        unit: Unit,
        /// What is available.
        available: Amount,
        /// What is asked for.
        needed: Amount,
    },
    /// The id was used for something else.
    #[error("the id `{id}` was used before, and its `{field}` is another")]
    Differs {
        /// The id.
        id: CompactString,
        /// The first field that differs.
        field: &'static str,
    },
    /// There is no such hold of the account.
    #[error("there is no such hold")]
    NoHold,
    /// The hold is over.
    #[error("the hold was {} before", .state.as_str())]
    HoldOver {
        /// How it ended.
        state: HoldState,
    },
    /// More would be captured than is held.
    #[error(
        "{asked} would be captured and {held} are held; the account's terms allow no more than that"
    )]
    Beyond {
        /// What is held.
        held: Amount,
        /// What was asked for.
        asked: Amount,
    },
    /// There is nothing that could be given back.
    #[error("there is no charge or capture of that number")]
    NoCharge,
    /// More would be given back than was taken.
    #[error("{asked} would be given back, and {left} are left of what was taken")]
    MoreThanTaken {
        /// What can be given back yet.
        left: Amount,
        /// What was asked for.
        asked: Amount,
    },
    /// All of what was taken was given back before.
    #[error("nothing is left of what was taken: all of it was given back before")]
    AllGivenBack,
    /// A hold without credit behind it would last too long.
    #[error(
        "without credit of the account behind it something is set aside for {0} seconds at most"
    )]
    TooLong(u32),
    /// A grant ends before it begins, or in the past.
    #[error("a grant expires after it takes effect, and in the future")]
    Backwards,
    /// There are as many live grants as there may be.
    #[error("the account has {LIVE_GRANTS_MAX} grants in this unit that are not used up")]
    TooManyGrants,
    /// What is kept contradicts itself.
    #[error("the ledger of this account contradicts itself: {0}")]
    Inconsistent(&'static str),
}
