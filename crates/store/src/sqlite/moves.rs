//! What commits moved sums by and the books have not written to their rows yet.
//!
//! A commit that touches a thousand accounts and a thousand windows of counters would write as many
//! rows, and the next one the same. So a commit leaves its moves in memory, whoever reads a sum gets
//! both, and the rows are written by the transaction that lets go of the commits, which are in the
//! usage log until then: whatever ends the process, what is missing from the rows is what the log
//! has, and is moved again from it.

use std::sync::Arc;

use compact_str::CompactString;
use outlay_domain::usage::Fact;
use parking_lot::Mutex;

use super::totals::AccountMove;

/// A window of a counter: the counter's number, and where the window begins, in microseconds since
/// 1970.
pub type CounterWindow = (i64, i64);

/// By how much sums move: what each account was charged, and what was spent in windows of counters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Moves {
    accounts: Sums<CompactString, AccountMove>,
    windows: Sums<CounterWindow, i128>,
}

impl Moves {
    /// Moves of those accounts and windows.
    pub fn new(
        accounts: impl IntoIterator<Item = (CompactString, AccountMove)>,
        windows: impl IntoIterator<Item = (CounterWindow, i128)>,
    ) -> Self {
        Self { accounts: accounts.into_iter().collect(), windows: windows.into_iter().collect() }
    }

    /// What these facts bring to their accounts, and moves of those windows.
    pub fn of(facts: &[Fact], windows: impl IntoIterator<Item = (CounterWindow, i128)>) -> Self {
        let of = |fact: &Fact| (fact.event.account.clone(), AccountMove::of(fact));
        Self::new(facts.iter().map(of), windows)
    }

    /// By how much which account moves, by name.
    pub(super) fn accounts(&self) -> impl Iterator<Item = (&str, AccountMove)> {
        self.accounts.0.iter().map(|(account, moved)| (account.as_str(), *moved))
    }

    /// By how much that account moves.
    pub(super) fn account(&self, account: &str) -> Option<AccountMove> {
        let accounts = &self.accounts.0;
        let found = accounts.binary_search_by(|(known, _)| known.as_str().cmp(account));
        found.ok().map(|place| accounts[place].1)
    }

    /// By how much which window moves.
    pub(super) fn windows(&self) -> impl Iterator<Item = (CounterWindow, i128)> {
        self.windows.0.iter().copied()
    }

    /// The windows of a counter that begin in `[from_us, to_us)`, and by how much they move.
    pub(super) fn windows_within(
        &self,
        id: i64,
        from_us: i64,
        to_us: i64,
    ) -> impl Iterator<Item = (i64, i128)> {
        let windows = &self.windows.0;
        let from = windows.partition_point(|(window, _)| *window < (id, from_us));
        let is_within =
            move |((of, window_us), _): &(CounterWindow, i128)| *of == id && *window_us < to_us;
        let within = windows[from..].iter().copied().take_while(is_within);
        within.map(|((_, window_us), nanos)| (window_us, nanos))
    }

    /// Both together.
    fn and(&self, other: &Self) -> Self {
        Self {
            accounts: self.accounts.and(&other.accounts),
            windows: self.windows.and(&other.windows),
        }
    }

    /// How many sums move.
    fn len(&self) -> usize {
        self.accounts.0.len() + self.windows.0.len()
    }
}

/// Numbers under keys, each key told once and in order.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Sums<K, V>(Vec<(K, V)>);

impl<K, V> Default for Sums<K, V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<K: Ord, V: std::ops::AddAssign> FromIterator<(K, V)> for Sums<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(numbers: I) -> Self {
        let mut numbers: Vec<_> = numbers.into_iter().collect();
        numbers.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        Self::added_up(numbers)
    }
}

impl<K: Ord + Clone, V: std::ops::AddAssign + Copy> Sums<K, V> {
    fn and(&self, other: &Self) -> Self {
        let mut both = Vec::with_capacity(self.0.len() + other.0.len());
        both.extend_from_slice(&self.0);
        both.extend_from_slice(&other.0);
        // Two runs that are in order already are merged, and not sorted.
        both.sort_by(|(one, _), (other, _)| one.cmp(other));
        Self::added_up(both)
    }
}

impl<K: Ord, V: std::ops::AddAssign> Sums<K, V> {
    /// One entry for each key, of several that stand side by side.
    fn added_up(numbers: Vec<(K, V)>) -> Self {
        let mut sums: Vec<(K, V)> = Vec::with_capacity(numbers.len());
        for (key, number) in numbers {
            match sums.last_mut() {
                Some((known, sum)) if *known == key => *sum += number,
                _ => sums.push((key, number)),
            }
        }
        Self(sums)
    }
}

/// The moves of some commits that came one after the other.
#[derive(Debug, Clone)]
struct Part {
    /// The newest of them.
    through: i64,
    moves: Arc<Moves>,
}

/// What was moved up to some commit, as it stood at one moment.
#[derive(Debug, Clone, Default)]
pub struct Moved {
    /// Oldest first, each longer than all after it together, about, so that there are few.
    parts: Arc<Vec<Part>>,
    /// The newest commit whose moves are here or in the rows of the books.
    pub(super) last: i64,
}

impl Moved {
    /// What was moved by commits after `seq`, up to which the rows of the books have it.
    ///
    /// The rows were written up to the end of a part, or of one that it has become part of since.
    pub(super) fn after(&self, seq: i64) -> impl Iterator<Item = &Moves> {
        let newer = self.parts.iter().filter(move |part| part.through > seq);
        newer.map(|part| &*part.moves)
    }

    /// The same, in one.
    pub(super) fn sum_after(&self, seq: i64) -> Moves {
        // The newest first, which are the shortest.
        let newer = self.parts.iter().rev().take_while(|part| part.through > seq);
        newer.fold(Moves::default(), |sum, part| part.moves.and(&sum))
    }
}

/// Where commits leave their moves until the rows are written.
#[derive(Default)]
pub(super) struct Unwritten {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    moved: Moved,
    /// How many of the oldest parts are about to be written, and do not grow any more.
    closed: usize,
}

impl Unwritten {
    /// Nothing, where the rows have what was moved up to the commit `written`.
    pub fn after(written: i64) -> Self {
        let moved = Moved { last: written, ..Moved::default() };
        Self { state: Mutex::new(State { moved, closed: 0 }) }
    }

    /// As it stands.
    pub fn moved(&self) -> Moved {
        self.state.lock().moved.clone()
    }

    /// Adds what the commit `seq` moved, unless it was added before.
    pub fn add(&self, seq: i64, moves: Moves) {
        let mut state = self.state.lock();
        let State { moved, closed } = &mut *state;
        if seq <= moved.last {
            return;
        }
        moved.last = seq;
        let parts = Arc::make_mut(&mut moved.parts);
        let mut newest = Part { through: seq, moves: Arc::new(moves) };
        while parts.len() > *closed
            && let Some(part) = parts.pop_if(|part| part.moves.len() <= 2 * newest.moves.len())
        {
            newest.moves = Arc::new(part.moves.and(&newest.moves));
        }
        parts.push(newest);
    }

    /// All that was moved so far, to be written. What is moved from now on stays apart from it.
    pub fn close(&self) -> Moved {
        let mut state = self.state.lock();
        state.closed = state.moved.parts.len();
        state.moved.clone()
    }

    /// Forgets what is in the rows now: all up to the commit `seq`.
    pub fn forget(&self, seq: i64) {
        let mut state = self.state.lock();
        state.closed = 0;
        Arc::make_mut(&mut state.moved.parts).retain(|part| part.through > seq);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Moves of windows, and of the accounts of the same names.
    fn moves(windows: impl IntoIterator<Item = (CounterWindow, i128)>) -> Moves {
        let windows: Vec<_> = windows.into_iter().collect();
        let accounts = windows.iter().map(|((id, _), nanos)| {
            let moved = AccountMove { nanos: *nanos, events: 1, unpriced: 0 };
            (id.to_string().into(), moved)
        });
        Moves::new(accounts.collect::<Vec<_>>(), windows)
    }

    fn some() -> impl Strategy<Value = Vec<(CounterWindow, i128)>> {
        prop::collection::vec(((0..4_i64, 0..4_i64), -3..4_i128), 0..12)
    }

    proptest! {
        #[test]
        fn rows_and_what_was_moved_since_are_all_that_was_moved(
            steps in prop::collection::vec((some(), any::<bool>(), any::<bool>()), 1..40),
        ) {
            let unwritten = Unwritten::after(10);
            let (mut all, mut rows) = (Moves::default(), Moves::default());
            let mut written = 10;
            for (seq, (some, is_written, fails)) in (11..).zip(steps) {
                let before = unwritten.moved();
                unwritten.add(seq, moves(some.clone()));
                unwritten.add(seq, moves(some.clone()));
                if is_written {
                    let closed = unwritten.close();
                    if !fails {
                        rows = rows.and(&closed.sum_after(written));
                        written = closed.last;
                        // Who took a look before the rows were written, and reads them only now.
                        prop_assert_eq!(before.sum_after(written), Moves::default());
                        prop_assert_eq!(closed.sum_after(written), Moves::default());
                        unwritten.forget(written);
                    }
                }
                all = all.and(&moves(some));
                prop_assert_eq!(rows.and(&unwritten.moved().sum_after(written)), all.clone());
            }
        }
    }

    #[test]
    fn many_commits_that_move_the_same_are_few_parts() {
        let unwritten = Unwritten::default();
        for seq in 1..=1_000 {
            unwritten.add(seq, moves((0..50).map(|window| ((1, window), 1))));
        }

        let moved = unwritten.moved();
        assert_eq!(moved.parts.len(), 1);
        let all = moved.sum_after(0);
        assert_eq!(all.windows_within(1, 10, 12).collect::<Vec<_>>(), [(10, 1_000), (11, 1_000)]);
        let charged = AccountMove { nanos: 50_000, events: 50_000, unpriced: 0 };
        assert_eq!(all.account("1"), Some(charged));
        assert_eq!(all.account("2"), None);
    }

    #[test]
    fn what_is_moved_while_rows_are_written_is_written_later() {
        let unwritten = Unwritten::default();
        unwritten.add(1, moves([((1, 0), 5)]));

        let closed = unwritten.close();
        unwritten.add(2, moves([((1, 0), 7)]));
        assert_eq!(unwritten.moved().sum_after(1), moves([((1, 0), 7)]));
        assert_eq!(unwritten.moved().sum_after(0), moves([((1, 0), 5), ((1, 0), 7)]));
        unwritten.forget(closed.last);

        assert_eq!(closed.sum_after(0), moves([((1, 0), 5)]));
        assert_eq!(unwritten.close().sum_after(0), moves([((1, 0), 7)]));
    }
}
