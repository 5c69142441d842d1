//! What is written: entries that sum to zero.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use compact_str::CompactString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Balance, Unit};
use crate::Amount;

/// Where credit of a purse is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// Where grants come from; what it has is what was given, below zero.
    Issued,
    /// A grant, by its number.
    Grant(i64),
    /// A hold, by its number.
    Hold(i64),
    /// What the account owes, below zero.
    Debt,
    /// What was taken for good.
    Spent,
    /// What nobody used in time.
    Expired,
    /// The other side of corrections.
    Adjusted,
}

/// One signed change of a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Which place.
    pub place: Place,
    /// By how much it changes.
    pub amount: Amount,
}

/// Why something was posted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PostingKind {
    /// Credit was given. A grant that is to come has entries only once it takes effect.
    Grant,
    /// A grant that was given before takes effect.
    Effect,
    /// Credit was set aside.
    Hold,
    /// What was set aside was taken.
    Capture,
    /// What was set aside was given back.
    Release,
    /// What was set aside went back, because nobody came for it.
    HoldExpired,
    /// What was left of a grant expired.
    GrantExpired,
    /// Usage was charged that nobody had authorised.
    Charge,
    /// What was taken was given back.
    Refund,
    /// Somebody put the balance right.
    Adjust,
}

impl PostingKind {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Grant,
        Self::Effect,
        Self::Hold,
        Self::Capture,
        Self::Release,
        Self::HoldExpired,
        Self::GrantExpired,
        Self::Charge,
        Self::Refund,
        Self::Adjust,
    ];

    /// The word on the wire and in the books.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Grant => "grant",
            Self::Effect => "effect",
            Self::Hold => "hold",
            Self::Capture => "capture",
            Self::Release => "release",
            Self::HoldExpired => "hold_expired",
            Self::GrantExpired => "grant_expired",
            Self::Charge => "charge",
            Self::Refund => "refund",
            Self::Adjust => "adjust",
        }
    }

    /// The kind of that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// Entries that sum to zero, and what they were written for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posting {
    /// Its number on the account, from 1.
    pub number: i64,
    /// When.
    pub at: DateTime<Utc>,
    /// Why.
    pub kind: PostingKind,
    /// In which unit.
    pub unit: Unit,
    /// How much it is about.
    pub amount: Amount,
    /// The posting that it is about: of a capture the hold, of a refund the charge.
    pub of: Option<i64>,
    /// What was written.
    pub entries: Vec<Entry>,
    /// What the purse had afterwards.
    pub balance: Balance,
    /// Its id, where whoever asked for it gave one.
    pub id: Option<CompactString>,
    /// What was asked for under that id, so that it is known again.
    pub asked: Option<CompactString>,
}

/// Entries as they are kept: `g12:-5 h14:5`.
pub fn write_entries(entries: &[Entry]) -> String {
    let mut text = String::with_capacity(entries.len() * 16);
    for Entry { place, amount } in entries {
        if !text.is_empty() {
            text.push(' ');
        }
        let nanos = amount.nanos();
        // Writing to a text does not fail.
        let _ = match place {
            Place::Issued => write!(text, "i:{nanos}"),
            Place::Grant(number) => write!(text, "g{number}:{nanos}"),
            Place::Hold(number) => write!(text, "h{number}:{nanos}"),
            Place::Debt => write!(text, "d:{nanos}"),
            Place::Spent => write!(text, "s:{nanos}"),
            Place::Expired => write!(text, "x:{nanos}"),
            Place::Adjusted => write!(text, "a:{nanos}"),
        };
    }
    text
}

/// Reads what [`write_entries`] wrote; `None` of anything else.
pub fn read_entries(text: &str) -> Option<Vec<Entry>> {
    let read = |part: &str| {
        let (place, nanos) = part.split_once(':')?;
        let number = |from: &str| from.parse().ok();
        let place = match place {
            "i" => Place::Issued,
            "d" => Place::Debt,
            "s" => Place::Spent,
            "x" => Place::Expired,
            "a" => Place::Adjusted,
            grant if grant.starts_with('g') => Place::Grant(number(&grant[1..])?),
            hold if hold.starts_with('h') => Place::Hold(number(&hold[1..])?),
            _ => return None,
        };
        Some(Entry { place, amount: Amount::from_nanos(nanos.parse().ok()?) })
    };
    text.split(' ').filter(|part| !part.is_empty()).map(read).collect()
}
