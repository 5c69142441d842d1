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

/// How heavy a piece is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Weight {
    /// How many events it has.
    pub events: usize,
    /// What they take in memory, about.
    pub bytes: usize,
}

impl Weight {
    fn with(self, other: Self) -> Self {
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

    fn fits(self, max: Self) -> bool {
        self.events <= max.events && self.bytes <= max.bytes
    }
}

struct Inner<T> {
    pieces: VecDeque<(Weight, T)>,
    weight: Weight,
    closed: bool,
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
        let inner = Inner { pieces: VecDeque::new(), weight: Weight::default(), closed: false };
        Self { inner: Mutex::new(inner), changed: Condvar::new(), max }
    }

    /// Puts a piece at the end.
    pub fn push(&self, weight: Weight, piece: T) -> Result<(), PushError> {
        let mut inner = self.inner.lock();
        if inner.closed {
            return Err(PushError::Closed);
        }
        if !inner.pieces.is_empty() && !inner.weight.with(weight).fits(self.max) {
            return Err(PushError::Full);
        }
        inner.weight = inner.weight.with(weight);
        inner.pieces.push_back((weight, piece));
        drop(inner);
        self.changed.notify_one();
        Ok(())
    }

    /// Puts a piece at the end however much waits, for those who count them otherwise.
    pub fn push_anyway(&self, weight: Weight, piece: T) -> Result<(), PushError> {
        let mut inner = self.inner.lock();
        if inner.closed {
            return Err(PushError::Closed);
        }
        inner.weight = inner.weight.with(weight);
        inner.pieces.push_back((weight, piece));
        drop(inner);
        self.changed.notify_one();
        Ok(())
    }

    /// Takes pieces from the front up to a weight of `most`, and one at least.
    ///
    /// Waits while there is none; `None` once the queue is closed and empty.
    pub fn take(&self, most: Weight) -> Option<Vec<T>> {
        let mut inner = self.inner.lock();
        while inner.pieces.is_empty() {
            if inner.closed {
                return None;
            }
            self.changed.wait(&mut inner);
        }
        let mut taken = Vec::new();
        let mut weight = Weight::default();
        while let Some((next, _)) = inner.pieces.front() {
            if !taken.is_empty() && !weight.with(*next).fits(most) {
                break;
            }
            let Some((next, piece)) = inner.pieces.pop_front() else { break };
            weight = weight.with(next);
            taken.push(piece);
        }
        inner.weight = inner.weight.without(weight);
        Some(taken)
    }

    /// Takes all pieces that wait now.
    pub fn drain(&self) -> Vec<T> {
        let mut inner = self.inner.lock();
        inner.weight = Weight::default();
        inner.pieces.drain(..).map(|(_, piece)| piece).collect()
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

    fn of(events: usize) -> Weight {
        Weight { events, bytes: 0 }
    }

    fn bytes(bytes: usize) -> Weight {
        Weight { events: 1, bytes }
    }

    #[test]
    fn a_full_queue_refuses_and_forgets_nothing() {
        let queue = Queue::new(of(10));
        queue.push(of(6), "six").unwrap();

        assert_eq!(queue.push(of(6), "too much"), Err(PushError::Full));
        queue.push(of(4), "four").unwrap();

        assert_eq!(queue.take(ALL), Some(vec!["six", "four"]));
        assert_eq!(queue.weight(), of(0));
    }

    #[test]
    fn few_events_of_many_bytes_fill_it_too() {
        let queue = Queue::new(Weight { events: 1_000, bytes: 100 });
        queue.push(bytes(60), "large").unwrap();

        assert_eq!(queue.push(bytes(60), "large too"), Err(PushError::Full));
        queue.push(bytes(40), "small").unwrap();

        let most = Weight { events: 1_000, bytes: 70 };
        assert_eq!(queue.take(most), Some(vec!["large"]), "and one commit has so many at most");
        assert_eq!(queue.take(most), Some(vec!["small"]));
        assert_eq!(queue.weight(), Weight::default());
    }

    #[test]
    fn a_piece_above_the_bound_passes_alone() {
        let queue = Queue::new(of(10));

        queue.push(of(50), "heavy").unwrap();
        assert_eq!(queue.push(of(1), "next"), Err(PushError::Full));
        assert_eq!(queue.take(of(1)), Some(vec!["heavy"]));
    }

    #[test]
    fn a_closed_queue_gives_out_what_it_has() {
        let queue = Queue::new(of(10));
        queue.push(of(1), "last").unwrap();
        queue.close();

        assert_eq!(queue.push(of(1), "late"), Err(PushError::Closed));
        assert_eq!(queue.take(ALL), Some(vec!["last"]));
        assert_eq!(queue.take(ALL), None);
    }
}
