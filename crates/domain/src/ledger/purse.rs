//! What an account has in one unit.

use chrono::{DateTime, Utc};

use super::{Entry, Grant, GrantState, LedgerRefusal, Place, Share, Unit};
use crate::Amount;

/// What may be issued, owed, spent and adjusted in one purse, at most: a billion units, so that no
/// sum of places comes near the end of 64 bits.
pub const PLACE_MAX: Amount = Amount::from_nanos(1_000_000_000_000_000_000);

/// What stands at each place of a purse. Their sum is zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Places {
    /// What was given, below zero.
    pub issued: Amount,
    /// What is left in all grants and not held.
    pub free: Amount,
    /// What is held.
    pub held: Amount,
    /// What is owed, below zero.
    pub debt: Amount,
    /// What was taken.
    pub spent: Amount,
    /// What nobody used in time.
    pub expired: Amount,
    /// The other side of corrections.
    pub adjusted: Amount,
}

/// What an account has in one unit, as people read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Balance {
    /// In grants and holds, less what is owed.
    pub settled: Amount,
    /// Set aside for work in flight.
    pub held: Amount,
    /// What can be spent; below zero where the account owes.
    pub available: Amount,
}

impl Places {
    /// What stands there after `entries`; `None` where that leaves what a place can hold.
    pub fn after(mut self, entries: &[Entry]) -> Option<Self> {
        for Entry { place, amount } in entries {
            let changed = match place {
                Place::Issued => &mut self.issued,
                Place::Grant(_) => &mut self.free,
                Place::Hold(_) => &mut self.held,
                Place::Debt => &mut self.debt,
                Place::Spent => &mut self.spent,
                Place::Expired => &mut self.expired,
                Place::Adjusted => &mut self.adjusted,
            };
            *changed = changed.checked_add(*amount)?;
        }
        let most = PLACE_MAX.nanos();
        let bounded = [self.issued, self.debt, self.spent, self.adjusted];
        bounded.iter().all(|amount| (-most..=most).contains(&amount.nanos())).then_some(self)
    }

    /// The sum of all places, which is nothing unless something is wrong.
    pub fn sum(&self) -> i128 {
        let all =
            [self.issued, self.free, self.held, self.debt, self.spent, self.expired, self.adjusted];
        all.iter().map(|amount| i128::from(amount.nanos())).sum()
    }

    /// Whether no place has what it cannot have.
    pub fn are_sound(&self) -> bool {
        let is_there = |amount: Amount| !amount.is_negative();
        let is_owed = |amount: Amount| amount <= Amount::ZERO;
        self.sum() == 0 && is_there(self.free) && is_there(self.held) && is_owed(self.debt)
    }

    /// What can be read of them.
    pub fn balance(&self) -> Balance {
        let nanos = |amount: Amount| amount.nanos();
        let available = nanos(self.free) + nanos(self.debt);
        Balance {
            settled: Amount::from_nanos(available + nanos(self.held)),
            held: self.held,
            available: Amount::from_nanos(available),
        }
    }
}

/// What an account has in one unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purse {
    /// The unit.
    pub unit: Unit,
    /// What stands where.
    pub places: Places,
    /// The grants that have something left or are to come, and those that a command touches; what
    /// burns first stands first.
    grants: Vec<Grant>,
}

impl Purse {
    /// A purse with those grants.
    pub fn new(unit: Unit, places: Places, mut grants: Vec<Grant>) -> Self {
        grants.sort_by_cached_key(Grant::burns_before);
        Self { unit, places, grants }
    }

    /// Its grants, what burns first standing first.
    pub fn grants(&self) -> &[Grant] {
        &self.grants
    }

    /// The grant of that number, where it is known here.
    pub fn grant(&self, number: i64) -> Option<&Grant> {
        self.grants.iter().find(|grant| grant.number == number)
    }

    pub(super) fn grant_mut(&mut self, number: i64) -> Option<&mut Grant> {
        self.grants.iter_mut().find(|grant| grant.number == number)
    }

    /// Lets a grant be known here, unless it is.
    pub fn know(&mut self, grant: Grant) {
        if self.grant(grant.number).is_none() {
            let key = grant.burns_before();
            let place = self.grants.partition_point(|known| known.burns_before() < key);
            self.grants.insert(place, grant);
        }
    }

    pub(super) fn forget(&mut self, number: i64) {
        self.grants.retain(|grant| grant.number != number);
    }

    /// Lets go of grants that nothing can be taken from any more.
    pub fn forget_spent(&mut self) {
        self.grants.retain(|grant| {
            grant.state == GrantState::Scheduled
                || (grant.state == GrantState::Active && grant.free > Amount::ZERO)
        });
    }

    /// What can be spent.
    pub fn available(&self) -> Amount {
        self.places.balance().available
    }

    /// From which grants `amount` is taken, and what of it no grant has.
    pub(super) fn burn(&self, amount: Amount) -> (Vec<Share>, Amount) {
        let mut shares = Vec::new();
        let mut left = amount.nanos();
        for grant in self.grants.iter().filter(|grant| grant.state == GrantState::Active) {
            if left == 0 {
                break;
            }
            let part = grant.free.nanos().min(left);
            if part > 0 {
                left -= part;
                shares.push(Share { grant: Some(grant.number), amount: Amount::from_nanos(part) });
            }
        }
        (shares, Amount::from_nanos(left))
    }

    /// Adds what follows by itself from `entries`: what came back to a grant whose time is over
    /// expires, where that was over at `over`, and what came in pays what is owed first.
    pub(super) fn follow_up(&self, entries: &mut Vec<Entry>, over: DateTime<Utc>) {
        let change = |entries: &[Entry], place: Place| -> i64 {
            let own = entries.iter().filter(|entry| entry.place == place);
            own.map(|entry| entry.amount.nanos()).sum()
        };
        let moves = |entries: &mut Vec<Entry>, from: i64, to: Place, nanos: i64| {
            entries.push(Entry { place: Place::Grant(from), amount: Amount::from_nanos(-nanos) });
            entries.push(Entry { place: to, amount: Amount::from_nanos(nanos) });
        };
        let mut owed = -(self.places.debt.nanos() + change(entries, Place::Debt));
        for grant in &self.grants {
            let free = grant.free.nanos() + change(entries, Place::Grant(grant.number));
            if free <= 0 {
                continue;
            }
            if grant.state == GrantState::Expired
                || (grant.free == Amount::ZERO && grant.is_past(over))
            {
                moves(entries, grant.number, Place::Expired, free);
            } else if owed > 0 {
                let part = free.min(owed);
                owed -= part;
                moves(entries, grant.number, Place::Debt, part);
            }
        }
    }

    /// Writes `entries` down: all of them, or none.
    pub(super) fn apply(&mut self, entries: &[Entry]) -> Result<(), LedgerRefusal> {
        let places = self.places.after(entries);
        let places = places.ok_or_else(|| LedgerRefusal::OutOfRange(self.unit.clone()))?;
        if !places.are_sound() {
            return Err(LedgerRefusal::Inconsistent("a place would have what it cannot have"));
        }
        let mut changed: Vec<(usize, Amount)> = Vec::new();
        for Entry { place, amount } in entries {
            let Place::Grant(number) = place else { continue };
            let at = self.grants.iter().position(|grant| grant.number == *number);
            let at = at.ok_or(LedgerRefusal::Inconsistent("a grant is not known"))?;
            match changed.iter_mut().find(|(known, _)| *known == at) {
                Some((_, free)) => *free = Amount::from_nanos(free.nanos() + amount.nanos()),
                None => {
                    let free = self.grants[at].free.nanos() + amount.nanos();
                    changed.push((at, Amount::from_nanos(free)));
                }
            }
        }
        if changed.iter().any(|(_, free)| free.is_negative()) {
            return Err(LedgerRefusal::Inconsistent("a grant would be below zero"));
        }
        for (at, free) in changed {
            self.grants[at].free = free;
        }
        self.places = places;
        Ok(())
    }
}
