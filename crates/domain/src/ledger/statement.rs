//! What happened to an account in a period: opening balance, what was posted, closing balance.

use std::collections::BTreeMap;

use super::{Balance, Posting, PostingKind, Unit};
use crate::Amount;

/// What postings of one kind changed. Their sum may be more than one balance can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Moved {
    /// How many there were.
    pub postings: u64,
    /// By how much `settled` changed, in nanos.
    pub settled: i128,
    /// By how much `held` changed, in nanos.
    pub held: i128,
    /// By how much `available` changed, in nanos.
    pub available: i128,
}

/// A period of one unit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UnitStatement {
    /// What the account had before the period.
    pub opening: Balance,
    /// What it had at its end.
    pub closing: Balance,
    /// What was posted, by why.
    pub moved: BTreeMap<&'static str, Moved>,
}

/// A period of an account, by unit. Units stand side by side and are never added.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Statement(pub BTreeMap<Unit, UnitStatement>);

impl Statement {
    /// Begins with what the account has in `unit` before the period.
    pub fn open(&mut self, unit: Unit, opening: Balance) {
        self.0.insert(unit, UnitStatement { opening, closing: opening, moved: BTreeMap::new() });
    }

    /// Takes the next posting of the period, in the order of their numbers.
    pub fn take(&mut self, unit: &Unit, kind: PostingKind, after: Balance) {
        let own = match self.0.get_mut(unit) {
            Some(own) => own,
            None => self.0.entry(unit.clone()).or_default(),
        };
        let by =
            |after: Amount, before: Amount| i128::from(after.nanos()) - i128::from(before.nanos());
        let moved = own.moved.entry(kind.as_str()).or_default();
        moved.postings += 1;
        moved.settled += by(after.settled, own.closing.settled);
        moved.held += by(after.held, own.closing.held);
        moved.available += by(after.available, own.closing.available);
        own.closing = after;
    }

    /// Takes a whole posting.
    pub fn take_posting(&mut self, posting: &Posting) {
        self.take(&posting.unit, posting.kind, posting.balance);
    }
}
