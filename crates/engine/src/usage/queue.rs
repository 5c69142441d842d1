//! The bounded queue between the doors and the committer.

use std::collections::VecDeque;

use parking_lot::{Condvar, Mutex};

/// A queue that is bounded by the weight of what waits in it.
///
/// A piece heavier than the bound still goes in when nothing else waits, so that no piece is
/// refused for ever.
pub struct Queue<T> {
    inner: Mutex<Inner<T>>,
    changed: Condvar,
    weight_max: usize,
}

struct Inner<T> {
    pieces: VecDeque<(usize, T)>,
    weight: usize,
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
    /// An empty queue that takes up to `weight_max`.
    pub fn new(weight_max: usize) -> Self {
        let inner = Inner { pieces: VecDeque::new(), weight: 0, closed: false };
        Self { inner: Mutex::new(inner), changed: Condvar::new(), weight_max }
    }

    /// Puts a piece at the end.
    pub fn push(&self, weight: usize, piece: T) -> Result<(), PushError> {
        let mut inner = self.inner.lock();
        if inner.closed {
            return Err(PushError::Closed);
        }
        if inner.weight > 0 && inner.weight + weight > self.weight_max {
            return Err(PushError::Full);
        }
        inner.weight += weight;
        inner.pieces.push_back((weight, piece));
        drop(inner);
        self.changed.notify_one();
        Ok(())
    }

    /// Takes pieces from the front up to a weight of `most`, and one at least.
    ///
    /// Waits while there is none; `None` once the queue is closed and empty.
    pub fn take(&self, most: usize) -> Option<Vec<T>> {
        let mut inner = self.inner.lock();
        while inner.pieces.is_empty() {
            if inner.closed {
                return None;
            }
            self.changed.wait(&mut inner);
        }
        let mut taken = Vec::new();
        let mut weight = 0;
        while let Some((next, _)) = inner.pieces.front() {
            if !taken.is_empty() && weight + next > most {
                break;
            }
            let Some((next, piece)) = inner.pieces.pop_front() else { break };
            weight += next;
            taken.push(piece);
        }
        inner.weight -= weight;
        Some(taken)
    }

    /// Takes in nothing more; what waits can still be taken.
    pub fn close(&self) {
        self.inner.lock().closed = true;
        self.changed.notify_all();
    }

    /// What may wait.
    pub fn weight_max(&self) -> usize {
        self.weight_max
    }

    /// What waits.
    pub fn weight(&self) -> usize {
        self.inner.lock().weight
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_full_queue_refuses_and_forgets_nothing() {
        let queue = Queue::new(10);
        queue.push(6, "six").unwrap();

        assert_eq!(queue.push(6, "too much"), Err(PushError::Full));
        queue.push(4, "four").unwrap();

        assert_eq!(queue.take(100), Some(vec!["six", "four"]));
        assert_eq!(queue.weight(), 0);
    }

    #[test]
    fn a_piece_above_the_bound_passes_alone() {
        let queue = Queue::new(10);

        queue.push(50, "heavy").unwrap();
        assert_eq!(queue.push(1, "next"), Err(PushError::Full));
        assert_eq!(queue.take(1), Some(vec!["heavy"]));
    }

    #[test]
    fn a_closed_queue_gives_out_what_it_has() {
        let queue = Queue::new(10);
        queue.push(1, "last").unwrap();
        queue.close();

        assert_eq!(queue.push(1, "late"), Err(PushError::Closed));
        assert_eq!(queue.take(9), Some(vec!["last"]));
        assert_eq!(queue.take(9), None);
    }
}
