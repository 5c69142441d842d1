//! What is watched, and whether commits touched it.

use std::sync::atomic::{AtomicBool, Ordering};

use outlay_domain::budgets::{Scope, Scopes};
use outlay_domain::usage::Fact;

/// Scopes that somebody watches, each with a mark that commits set and whoever looks takes off.
///
/// A mark is set after the facts can be read, so that whoever takes it off and asks then has seen
/// them.
pub struct Watchlist {
    scopes: Scopes,
    touched: Vec<AtomicBool>,
    /// Whether a fact told of a price that an event lacks, or no longer does.
    lacking: AtomicBool,
}

impl Watchlist {
    /// Watches `scopes`, which are told apart by their places. Until somebody looked, all are taken
    /// for touched.
    pub fn new(scopes: Vec<Scope>) -> Self {
        let touched = scopes.iter().map(|_| AtomicBool::new(true)).collect();
        Self { scopes: Scopes::new(scopes), touched, lacking: AtomicBool::new(true) }
    }

    /// Whether the scope at `place` was touched since this was asked last.
    pub fn take(&self, place: usize) -> bool {
        self.touched.get(place).is_some_and(|mark| mark.swap(false, Ordering::AcqRel))
    }

    /// Whether a fact told of a price that an event lacks, since this was asked last.
    pub fn take_lacking(&self) -> bool {
        self.lacking.swap(false, Ordering::AcqRel)
    }

    /// Marks what `facts` touch.
    pub(super) fn mark(&self, facts: &[Fact]) {
        if facts.iter().any(|fact| fact.charge.unpriced != 0) {
            self.lacking.store(true, Ordering::Release);
        }
        let mut left = self.touched.iter().filter(|mark| !is_set(mark)).count();
        for fact in facts {
            // Under load all that is watched was touched long before it is looked at.
            if left == 0 {
                return;
            }
            self.scopes.each_of(&fact.event, |place| {
                let mark = &self.touched[place];
                if !is_set(mark) {
                    mark.store(true, Ordering::Release);
                    left = left.saturating_sub(1);
                }
            });
        }
    }
}

fn is_set(mark: &AtomicBool) -> bool {
    mark.load(Ordering::Relaxed)
}
