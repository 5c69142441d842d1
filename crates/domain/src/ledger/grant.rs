//! Credit given for a time.

use chrono::{DateTime, TimeDelta, Utc};
use compact_str::CompactString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::LedgerRefusal;
use crate::Amount;

/// The priority of grants that say none.
pub const PRIORITY_USUAL: i16 = 100;

/// Where a grant is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = GrantSource)]
pub enum Source {
    /// It was paid for.
    Purchase,
    /// It belongs to a plan.
    Plan,
    /// It was given.
    Bonus,
    /// It was given back.
    Refund,
    /// It is part of a promotion.
    Promotion,
    /// Somebody put the balance right.
    Adjustment,
}

impl Source {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Purchase, Self::Plan, Self::Bonus, Self::Refund, Self::Promotion, Self::Adjustment];

    /// The word on the wire and in the books.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Purchase => "purchase",
            Self::Plan => "plan",
            Self::Bonus => "bonus",
            Self::Refund => "refund",
            Self::Promotion => "promotion",
            Self::Adjustment => "adjustment",
        }
    }

    /// The source of that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|source| source.as_str() == word)
    }
}

/// What becomes of what is left when a grant expires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rollover {
    /// How much of it goes on, at most.
    pub max: Amount,
    /// For how long it goes on.
    pub lasts: TimeDelta,
}

/// A grant as it is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantDraft {
    /// Its id, which is the account's own.
    pub id: CompactString,
    /// How much.
    pub amount: Amount,
    /// Where it is from.
    pub source: Source,
    /// What burns first: the lower number.
    pub priority: i16,
    /// From when on it can be spent; at once where nothing is said.
    pub effective_at: Option<DateTime<Utc>>,
    /// Up to when it can be spent, and for ever where nothing is said.
    pub expires_at: Option<DateTime<Utc>>,
    /// What becomes of the rest.
    pub rollover: Option<Rollover>,
}

/// How far a grant is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum GrantState {
    /// It is still to come.
    Scheduled,
    /// It can be spent.
    Active,
    /// Its time is over.
    Expired,
}

impl GrantState {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Scheduled, Self::Active, Self::Expired];

    /// The word in the books.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Active => "active",
            Self::Expired => "expired",
        }
    }

    /// The state of that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

/// Credit given for a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Its number: that of the posting by which it came.
    pub number: i64,
    /// The id that it was given.
    pub id: CompactString,
    /// Where it is from.
    pub source: Source,
    /// What burns first: the lower number.
    pub priority: i16,
    /// How much was given.
    pub amount: Amount,
    /// What is left of it and not held.
    pub free: Amount,
    /// From when on it can be spent.
    pub effective_at: DateTime<Utc>,
    /// Up to, and not at, which time.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was given.
    pub created_at: DateTime<Utc>,
    /// What becomes of the rest.
    pub rollover: Option<Rollover>,
    /// How far it is.
    pub state: GrantState,
}

impl Grant {
    /// What `draft` asks for, as the posting of that number gives it.
    pub(super) fn new(
        number: i64,
        draft: GrantDraft,
        now: DateTime<Utc>,
    ) -> Result<Self, LedgerRefusal> {
        if draft.amount <= Amount::ZERO {
            return Err(LedgerRefusal::NotPositive(draft.amount));
        }
        if draft.rollover.is_some_and(|rollover| rollover.max.is_negative()) {
            return Err(LedgerRefusal::Negative(draft.amount));
        }
        let effective_at = draft.effective_at.unwrap_or(now);
        if draft.expires_at.is_some_and(|end| end <= effective_at.max(now)) {
            return Err(LedgerRefusal::Backwards);
        }
        Ok(Self {
            number,
            id: draft.id,
            source: draft.source,
            priority: draft.priority,
            amount: draft.amount,
            free: Amount::ZERO,
            effective_at,
            expires_at: draft.expires_at,
            created_at: now,
            rollover: draft.rollover,
            state: GrantState::Scheduled,
        })
    }

    /// What burns first comes first.
    pub fn burns_before(&self) -> impl Ord + use<> {
        let end = self.expires_at.unwrap_or(DateTime::<Utc>::MAX_UTC);
        (self.priority, end, self.created_at, self.number)
    }

    /// Whether its time is over at `now`.
    pub fn is_past(&self, now: DateTime<Utc>) -> bool {
        self.expires_at.is_some_and(|end| end <= now)
    }

    /// When something happens to it by itself, if anything does.
    pub fn due_at(&self) -> Option<DateTime<Utc>> {
        match self.state {
            GrantState::Scheduled => Some(self.effective_at),
            GrantState::Active if self.free > Amount::ZERO => self.expires_at,
            GrantState::Active | GrantState::Expired => None,
        }
    }
}
