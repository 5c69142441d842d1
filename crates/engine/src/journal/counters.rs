//! Counters of spend, moved by each commit within its transaction.

use chrono::{DateTime, Utc};
use hashbrown::HashMap;
use outlay_domain::Amount;
use outlay_domain::budgets::{Counting, Scopes, Window};
use outlay_domain::usage::Fact;
use outlay_store::sqlite::counters::CounterRow;
use outlay_store::{StoreError, Tx};

/// The counters that there are, as far as a commit must know them.
///
/// Only an act begins one, and tells of it ([`Topic::Counters`](super::Topic)); one that was removed
/// meanwhile takes nothing more.
#[derive(Default)]
pub(super) struct Counters {
    /// `None` where they must be read from the books first.
    known: Option<Known>,
}

struct Known {
    scopes: Scopes,
    /// In the order of `scopes`.
    counters: Vec<Counter>,
}

struct Counter {
    id: i64,
    counting: Counting,
    since: DateTime<Utc>,
    /// Windows that facts fell into, by time.
    windows: Vec<Window>,
}

impl Counters {
    /// Has the counters read from the books again before the next is moved.
    pub fn forget(&mut self) {
        self.known = None;
    }

    /// Moves every counter by what `facts` change of its scope.
    pub fn post(&mut self, tx: &Tx<'_>, facts: &[Fact]) -> Result<(), StoreError> {
        if facts.is_empty() {
            return Ok(());
        }
        let known = match &mut self.known {
            Some(known) => known,
            unknown => unknown.insert(Known::read(tx)?),
        };
        // Side by side in the books, so that each is found from the one before.
        let mut moves: Vec<_> = known.moves(facts).into_iter().collect();
        moves.sort_unstable_by_key(|(window, _)| *window);
        tx.counters().add(moves)?;
        Ok(())
    }
}

impl Known {
    fn read(tx: &Tx<'_>) -> Result<Self, StoreError> {
        let counters: Vec<Counter> = tx.counters().all()?.iter().filter_map(Counter::of).collect();
        let scopes = counters.iter().map(|counter| counter.counting.scope.clone()).collect();
        Ok(Self { scopes: Scopes::new(scopes), counters })
    }

    /// By how much each window of each counter moves.
    fn moves(&mut self, facts: &[Fact]) -> HashMap<(i64, i64), i128> {
        let mut moves: HashMap<(i64, i64), i128> = HashMap::new();
        if self.scopes.is_empty() {
            return moves;
        }
        let Self { scopes, counters } = self;
        for fact in facts {
            let nanos = fact.charge.amount.map_or(0, Amount::nanos);
            if nanos == 0 {
                continue;
            }
            scopes.each_of(&fact.event, |place| {
                let counter = &mut counters[place];
                if let Some(window_us) = counter.window_us(fact.event.occurred_at) {
                    *moves.entry((counter.id, window_us)).or_default() += i128::from(nanos);
                }
            });
        }
        moves.retain(|_, nanos| *nanos != 0);
        moves
    }
}

impl Counter {
    /// A counter of the books; `None` of one that cannot be read, which is removed by whoever tends
    /// to them.
    fn of(row: &CounterRow) -> Option<Self> {
        let since = DateTime::from_timestamp_micros(row.since_us)?;
        let counting = Counting::from_key(&row.counting)?;
        Some(Self { id: row.id, counting, since, windows: Vec::new() })
    }

    /// Where the window begins in which spend at `at` is counted, if it is.
    fn window_us(&mut self, at: DateTime<Utc>) -> Option<i64> {
        if at < self.since {
            return None;
        }
        // Looking into the calendar takes longer than all the rest.
        let after = self.windows.partition_point(|window| window.from <= at);
        let known = after.checked_sub(1).map(|place| self.windows[place]);
        let window = match known.filter(|window| at < window.to) {
            Some(window) => window,
            None => {
                let window = self.counting.window(at)?;
                self.windows.insert(after, window);
                window
            }
        };
        Some(window.from.timestamp_micros())
    }
}
