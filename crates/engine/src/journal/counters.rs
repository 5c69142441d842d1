//! By how much a commit moves counters of spend.

use chrono::{DateTime, Utc};
use hashbrown::HashMap;
use outlay_domain::Amount;
use outlay_domain::budgets::{Counting, Scopes, Window};
use outlay_domain::usage::Fact;
use outlay_store::sqlite::counters::CounterRow;
use outlay_store::sqlite::{CounterWindow, Moves};
use outlay_store::{StoreError, View};

/// The counters that there are, as far as a commit must know them.
///
/// Only an act begins one, and tells of it ([`Topic::Counters`](super::Topic)); one that was removed
/// meanwhile takes nothing more.
#[derive(Default)]
pub(crate) struct Counters {
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
    begun_seq: i64,
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

    /// By how much sums move with a commit that stands in the usage log.
    pub fn moves(
        &mut self,
        books: &View<'_>,
        seq: i64,
        facts: &[Fact],
    ) -> Result<Moves, StoreError> {
        Ok(Moves::of(facts, self.windows(books, seq, facts)?))
    }

    /// By how much each window of each counter moves with the facts of the commit `seq`.
    pub fn windows(
        &mut self,
        books: &View<'_>,
        seq: i64,
        facts: &[Fact],
    ) -> Result<HashMap<CounterWindow, i128>, StoreError> {
        let known = match &mut self.known {
            Some(known) => known,
            unknown => unknown.insert(Known::read(books)?),
        };
        Ok(known.windows(seq, facts))
    }
}

impl Known {
    fn read(books: &View<'_>) -> Result<Self, StoreError> {
        let rows = books.counters().all()?;
        let counters: Vec<Counter> = rows.iter().filter_map(Counter::of).collect();
        let scopes = counters.iter().map(|counter| counter.counting.scope.clone()).collect();
        Ok(Self { scopes: Scopes::new(scopes), counters })
    }

    /// By how much each window of each counter moves.
    fn windows(&mut self, seq: i64, facts: &[Fact]) -> HashMap<CounterWindow, i128> {
        let mut moves: HashMap<CounterWindow, i128> = HashMap::new();
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
                // What was committed before it began was in the history, and is counted from there.
                if seq > counter.begun_seq
                    && let Some(window_us) = counter.window_us(fact.event.occurred_at)
                {
                    *moves.entry((counter.id, window_us)).or_default() += i128::from(nanos);
                }
            });
        }
        moves
    }
}

impl Counter {
    /// A counter of the books; `None` of one that cannot be read, which is removed by whoever tends
    /// to them.
    fn of(row: &CounterRow) -> Option<Self> {
        let since = DateTime::from_timestamp_micros(row.since_us)?;
        let counting = Counting::from_key(&row.counting)?;
        Some(Self { id: row.id, begun_seq: row.begun_seq, counting, since, windows: Vec::new() })
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
