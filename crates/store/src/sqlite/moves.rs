//! What commits moved counters by and the books have not written to their rows yet.
//!
//! A commit that touches a thousand windows would write a thousand rows, and the next one the same.
//! So a commit leaves its moves in memory, whoever reads a counter gets both, and the rows are written
//! by the transaction that lets go of the commits, which are in the usage log until then: whatever
//! ends the process, what is missing from the rows is what the log has, and is moved again from it.

use std::sync::Arc;

use parking_lot::Mutex;

/// A window of a counter: the counter's number, and where the window begins, in microseconds since
/// 1970.
pub type CounterWindow = (i64, i64);

/// By how much windows move, each told once and in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Moves(Vec<(CounterWindow, i128)>);

impl FromIterator<(CounterWindow, i128)> for Moves {
    fn from_iter<I: IntoIterator<Item = (CounterWindow, i128)>>(moves: I) -> Self {
        let mut moves: Vec<_> = moves.into_iter().collect();
        moves.sort_unstable_by_key(|(window, _)| *window);
        Self::added_up(moves)
    }
}

impl Moves {
    /// By how much which window moves.
    pub fn iter(&self) -> impl Iterator<Item = (CounterWindow, i128)> {
        self.0.iter().copied()
    }

    /// The windows of a counter that begin in `[from_us, to_us)`, and by how much they move.
    pub fn within(&self, id: i64, from_us: i64, to_us: i64) -> impl Iterator<Item = (i64, i128)> {
        let from = self.0.partition_point(|(window, _)| *window < (id, from_us));
        let is_within =
            move |((of, window_us), _): &(CounterWindow, i128)| *of == id && *window_us < to_us;
        let within = self.0[from..].iter().copied().take_while(is_within);
        within.map(|((_, window_us), nanos)| (window_us, nanos))
    }

    /// Both together.
    fn and(&self, other: &Self) -> Self {
        let mut both = Vec::with_capacity(self.0.len() + other.0.len());
        both.extend_from_slice(&self.0);
        both.extend_from_slice(&other.0);
        // Two runs that are in order already are merged, and not sorted.
        both.sort_by_key(|(window, _)| *window);
        Self::added_up(both)
    }

    /// One entry for each window, of several that stand side by side; none where nothing moves.
    fn added_up(mut moves: Vec<(CounterWindow, i128)>) -> Self {
        moves.dedup_by(|(next, more), (window, nanos)| {
            let is_same = next == window;
            if is_same {
                *nanos += *more;
            }
            is_same
        });
        moves.retain(|(_, nanos)| *nanos != 0);
        Self(moves)
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
    /// The newest commit that is counted, here or in the rows of the books.
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
        if moves.0.is_empty() {
            return;
        }
        let parts = Arc::make_mut(&mut moved.parts);
        let mut newest = Part { through: seq, moves: Arc::new(moves) };
        while parts.len() > *closed
            && let Some(part) = parts.pop_if(|part| part.moves.0.len() <= 2 * newest.moves.0.len())
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

    fn moves() -> impl Strategy<Value = Vec<(CounterWindow, i128)>> {
        prop::collection::vec(((0..4_i64, 0..4_i64), -3..4_i128), 0..12)
    }

    proptest! {
        #[test]
        fn rows_and_what_was_moved_since_are_all_that_was_moved(
            steps in prop::collection::vec((moves(), any::<bool>(), any::<bool>()), 1..40),
        ) {
            let unwritten = Unwritten::after(10);
            let (mut all, mut rows) = (Moves::default(), Moves::default());
            let mut written = 10;
            for (seq, (moves, is_written, fails)) in (11..).zip(steps) {
                let moves: Moves = moves.into_iter().collect();
                let before = unwritten.moved();
                unwritten.add(seq, moves.clone());
                unwritten.add(seq, moves.clone());
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
                all = all.and(&moves);
                prop_assert_eq!(rows.and(&unwritten.moved().sum_after(written)), all.clone());
            }
        }
    }

    #[test]
    fn many_commits_that_move_the_same_are_few_parts() {
        let unwritten = Unwritten::default();
        for seq in 1..=1_000 {
            unwritten.add(seq, (0..50).map(|window| ((1, window), 1)).collect());
        }

        let moved = unwritten.moved();
        assert_eq!(moved.parts.len(), 1);
        assert_eq!(
            moved.sum_after(0).within(1, 10, 12).collect::<Vec<_>>(),
            [(10, 1_000), (11, 1_000)]
        );
    }

    #[test]
    fn what_is_moved_while_rows_are_written_is_written_later() {
        let unwritten = Unwritten::default();
        unwritten.add(1, [((1, 0), 5)].into_iter().collect());

        let closed = unwritten.close();
        unwritten.add(2, [((1, 0), 7)].into_iter().collect());
        assert_eq!(unwritten.moved().sum_after(0), [((1, 0), 12)].into_iter().collect());
        assert_eq!(unwritten.moved().sum_after(1), [((1, 0), 7)].into_iter().collect());
        unwritten.forget(closed.last);

        assert_eq!(closed.sum_after(0), [((1, 0), 5)].into_iter().collect());
        assert_eq!(unwritten.close().sum_after(0), [((1, 0), 7)].into_iter().collect());
    }
}
