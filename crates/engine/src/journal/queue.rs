//! The bounded queue between the doors and the journal.

use std::collections::VecDeque;

use parking_lot::{Condvar, Mutex};

/// A queue that is bounded by the weight of what waits in it, in events and in bytes.
///
/// A piece heavier than the bound still goes in when nothing else waits, so that no piece is
/// refused for ever.
pub struct Queue<T> {
    inner: Mutex<Inner<T>>,
    changed: Condvar,
    max: Weight,
}

/// The heaviest piece that is a light one: some events, or an act of another kind.
const LIGHT_MAX: Weight = Weight { events: 16, bytes: 16 << 10 };
/// For so many takes after a light piece more of them are expected.
const LATELY: u32 = 64;

/// How heavy a piece is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Weight {
    /// How many events it has.
    pub events: usize,
    /// What they take in memory, about.
    pub bytes: usize,
}

impl Weight {
    /// The weight of both.
    pub fn with(self, other: Self) -> Self {
        Self {
            events: self.events.saturating_add(other.events),
            bytes: self.bytes.saturating_add(other.bytes),
        }
    }

    fn without(self, other: Self) -> Self {
        Self {
            events: self.events.saturating_sub(other.events),
            bytes: self.bytes.saturating_sub(other.bytes),
        }
    }

    /// Whether it is no more than `max`.
    pub fn fits(self, max: Self) -> bool {
        self.events <= max.events && self.bytes <= max.bytes
    }
}

struct Inner<T> {
    /// Pieces of little weight, which wait for no heavy one that comes after them.
    light: Lane<T>,
    heavy: Lane<T>,
    weight: Weight,
    /// Whether heavy pieces waited while light ones were taken.
    passed_over: bool,
    /// How often something was taken since a light piece was.
    takes_since_light: u32,
    closed: bool,
}

/// Pieces in the order in which they came.
type Lane<T> = VecDeque<(Weight, T)>;

impl<T> Inner<T> {
    fn is_empty(&self) -> bool {
        self.light.is_empty() && self.heavy.is_empty()
    }

    fn put(&mut self, weight: Weight, piece: T) {
        self.weight = self.weight.with(weight);
        let lane = if weight.fits(LIGHT_MAX) { &mut self.light } else { &mut self.heavy };
        lane.push_back((weight, piece));
    }

    /// Light pieces first, and heavy ones every other time at the least.
    fn take(&mut self, most: Weight, beside: Weight) -> Vec<T> {
        let is_turn_of_heavy =
            !self.heavy.is_empty() && (self.light.is_empty() || self.passed_over);
        self.passed_over = !is_turn_of_heavy && !self.heavy.is_empty();
        let mut load = Load { pieces: Vec::new(), weight: Weight::default() };
        if is_turn_of_heavy {
            let is_beside = !self.light.is_empty() || self.takes_since_light < LATELY;
            load.fill(&mut self.heavy, if is_beside { beside } else { most });
        }
        let is_light = load.fill(&mut self.light, most);
        self.takes_since_light =
            if is_light { 0 } else { self.takes_since_light.saturating_add(1) };
        self.weight = self.weight.without(load.weight);
        load.pieces
    }
}

/// Pieces that are taken together.
struct Load<T> {
    pieces: Vec<T>,
    weight: Weight,
}

impl<T> Load<T> {
    /// Adds pieces from the front of `lane` up to a weight of `most`, and one where it has none.
    /// Says whether it added any.
    fn fill(&mut self, lane: &mut Lane<T>, most: Weight) -> bool {
        let before = self.pieces.len();
        while let Some((next, _)) = lane.front() {
            if !self.pieces.is_empty() && !self.weight.with(*next).fits(most) {
                break;
            }
            let Some((next, piece)) = lane.pop_front() else { break };
            self.weight = self.weight.with(next);
            self.pieces.push(piece);
        }
        self.pieces.len() > before
    }
}

/// Why a piece was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PushError {
    /// Too much waits already.
    Full,
    /// Nothing is taken any more.
    Closed,
}

impl<T> Queue<T> {
    /// An empty queue that takes up to `max`.
    pub fn new(max: Weight) -> Self {
        let inner = Inner {
            light: VecDeque::new(),
            heavy: VecDeque::new(),
            weight: Weight::default(),
            passed_over: false,
            takes_since_light: LATELY,
            closed: false,
        };
        Self { inner: Mutex::new(inner), changed: Condvar::new(), max }
    }

    /// Puts pieces at the end: all of them, or none.
    pub fn push(&self, pieces: Vec<(Weight, T)>) -> Result<(), PushError> {
        let weight = pieces.iter().fold(Weight::default(), |sum, (weight, _)| sum.with(*weight));
        self.put(pieces, |inner, max| inner.is_empty() || inner.weight.with(weight).fits(max))
    }

    /// Puts a piece at the end however much waits, for those who count them otherwise.
    pub fn push_anyway(&self, weight: Weight, piece: T) -> Result<(), PushError> {
        self.put([(weight, piece)], |_, _| true)
    }

    fn put(
        &self,
        pieces: impl IntoIterator<Item = (Weight, T)>,
        has_room: impl FnOnce(&Inner<T>, Weight) -> bool,
    ) -> Result<(), PushError> {
        let mut inner = self.inner.lock();
        if inner.closed {
            return Err(PushError::Closed);
        }
        if !has_room(&inner, self.max) {
            return Err(PushError::Full);
        }
        pieces.into_iter().for_each(|(weight, piece)| inner.put(weight, piece));
        drop(inner);
        self.changed.notify_one();
        Ok(())
    }

    /// Takes pieces up to a weight of `most`, and one at least: light ones before heavy ones, which
    /// are passed over once at most. While light ones come, no more than `beside` of the heavy ones
    /// is taken at a time, so that whoever sends little waits for little.
    ///
    /// Waits while there is none; `None` once the queue is closed and empty.
    pub fn take(&self, most: Weight, beside: Weight) -> Option<Vec<T>> {
        let mut inner = self.inner.lock();
        while inner.is_empty() {
            if inner.closed {
                return None;
            }
            self.changed.wait(&mut inner);
        }
        Some(inner.take(most, beside))
    }

    /// Takes all pieces that wait now.
    pub fn drain(&self) -> Vec<T> {
        let mut inner = self.inner.lock();
        inner.weight = Weight::default();
        let Inner { light, heavy, .. } = &mut *inner;
        light.drain(..).chain(heavy.drain(..)).map(|(_, piece)| piece).collect()
    }

    /// Takes in nothing more; what waits can still be taken.
    pub fn close(&self) {
        self.inner.lock().closed = true;
        self.changed.notify_all();
    }

    /// What may wait.
    pub fn weight_max(&self) -> Weight {
        self.max
    }

    /// What waits.
    pub fn weight(&self) -> Weight {
        self.inner.lock().weight
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const ALL: Weight = Weight { events: usize::MAX, bytes: usize::MAX };
    const HEAVY: Weight = Weight { events: 1, bytes: LIGHT_MAX.bytes + 1 };

    fn of(events: usize) -> Weight {
        Weight { events, bytes: 0 }
    }

    fn bytes(bytes: usize) -> Weight {
        Weight { events: 1, bytes }
    }

    fn take<T>(queue: &Queue<T>, most: Weight) -> Option<Vec<T>> {
        queue.take(most, most)
    }

    #[test]
    fn a_full_queue_refuses_and_forgets_nothing() {
        let queue = Queue::new(of(10));
        queue.push(vec![(of(6), "six")]).unwrap();

        assert_eq!(queue.push(vec![(of(3), "three"), (of(3), "more")]), Err(PushError::Full));
        queue.push(vec![(of(4), "four")]).unwrap();

        assert_eq!(take(&queue, ALL), Some(vec!["six", "four"]));
        assert_eq!(queue.weight(), of(0));
    }

    #[test]
    fn few_events_of_many_bytes_fill_it_too() {
        let queue = Queue::new(Weight { events: 1_000, bytes: 100 });
        queue.push(vec![(bytes(60), "large")]).unwrap();

        assert_eq!(queue.push(vec![(bytes(60), "large too")]), Err(PushError::Full));
        queue.push(vec![(bytes(40), "small")]).unwrap();

        let most = Weight { events: 1_000, bytes: 70 };
        assert_eq!(take(&queue, most), Some(vec!["large"]), "and one commit has so many at most");
        assert_eq!(take(&queue, most), Some(vec!["small"]));
        assert_eq!(queue.weight(), Weight::default());
    }

    #[test]
    fn a_piece_above_the_bound_passes_alone() {
        let queue = Queue::new(of(10));

        queue.push(vec![(of(50), "heavy")]).unwrap();
        assert_eq!(queue.push(vec![(of(1), "next")]), Err(PushError::Full));
        assert_eq!(take(&queue, of(1)), Some(vec!["heavy"]));
    }

    #[test]
    fn light_pieces_pass_heavy_ones_once() {
        let queue = Queue::new(ALL);
        let push = |weight, name| queue.push(vec![(weight, name)]).unwrap();
        push(HEAVY, "heavy");
        push(HEAVY, "heavy too");
        push(of(1), "light");

        assert_eq!(queue.take(ALL, HEAVY), Some(vec!["light"]));
        push(of(1), "late");
        assert_eq!(queue.take(ALL, HEAVY), Some(vec!["heavy", "late"]), "it was passed over");
        push(of(1), "later");
        assert_eq!(queue.take(ALL, HEAVY), Some(vec!["later"]));
        assert_eq!(queue.take(ALL, HEAVY), Some(vec!["heavy too"]));
        assert_eq!(queue.weight(), Weight::default());
    }

    #[test]
    fn heavy_pieces_are_taken_together_once_no_light_ones_come() {
        let queue = Queue::new(ALL);
        let push_two = || queue.push(vec![(HEAVY, 1), (HEAVY, 2)]).unwrap();
        push_two();
        assert_eq!(queue.take(ALL, HEAVY).map(|taken| taken.len()), Some(2), "none came yet");

        queue.push(vec![(of(1), 0)]).unwrap();
        assert_eq!(queue.take(ALL, HEAVY), Some(vec![0]));
        for _ in 0..LATELY {
            queue.push(vec![(HEAVY, 1)]).unwrap();
            assert_eq!(queue.take(ALL, HEAVY), Some(vec![1]));
        }
        push_two();
        assert_eq!(queue.take(ALL, HEAVY), Some(vec![1, 2]));
        queue.push(vec![(of(1), 0)]).unwrap();
        assert_eq!(queue.take(ALL, HEAVY), Some(vec![0]));
        push_two();
        assert_eq!(queue.take(ALL, HEAVY), Some(vec![1]), "more light ones are expected");
    }

    #[test]
    fn one_by_one_all_get_their_turn() {
        let queue = Queue::new(ALL);
        queue.push(vec![(of(1), 1), (of(1), 3), (HEAVY, 2), (HEAVY, 4)]).unwrap();

        let one_by_one: Vec<_> = (0..4).filter_map(|_| take(&queue, of(0))).flatten().collect();
        assert_eq!(one_by_one, [1, 2, 3, 4]);
    }

    #[test]
    fn a_closed_queue_gives_out_what_it_has() {
        let queue = Queue::new(of(10));
        queue.push(vec![(of(1), "last")]).unwrap();
        queue.close();

        assert_eq!(queue.push(vec![(of(1), "late")]), Err(PushError::Closed));
        assert_eq!(take(&queue, ALL), Some(vec!["last"]));
        assert_eq!(take(&queue, ALL), None);
    }
}
