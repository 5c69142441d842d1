//! What is known of one connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::Notify;

/// What is known of one connection, shared by all who deal with it.
#[derive(Debug)]
pub struct Line {
    is_known: AtomicBool,
    is_upgraded: AtomicBool,
    answering: AtomicUsize,
    answered: AtomicU64,
    since: Mutex<Instant>,
    end: Notify,
    strangers: Arc<AtomicUsize>,
}

impl Line {
    /// A connection of somebody who has not said who they are, counted among the `strangers`.
    pub fn of_stranger(strangers: &Arc<AtomicUsize>) -> Arc<Self> {
        strangers.fetch_add(1, Ordering::Relaxed);
        Arc::new(Self {
            is_known: AtomicBool::new(false),
            is_upgraded: AtomicBool::new(false),
            answering: AtomicUsize::new(0),
            answered: AtomicU64::new(0),
            since: Mutex::new(Instant::now()),
            end: Notify::new(),
            strangers: strangers.clone(),
        })
    }

    /// Notes that whoever is there showed a credential that counts.
    pub fn is_known_now(&self) {
        if !self.is_known.swap(true, Ordering::Relaxed) {
            self.strangers.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Notes that this is no HTTP any more.
    pub fn is_upgraded_now(&self) {
        self.is_upgraded.store(true, Ordering::Relaxed);
    }

    /// Notes a request, which lasts as long as what is answered.
    pub fn begin(self: &Arc<Self>) -> Answering {
        self.answering.fetch_add(1, Ordering::Relaxed);
        *self.since.lock() = Instant::now();
        Answering(self.clone())
    }

    /// Whether whoever is there has said who they are.
    pub fn is_known(&self) -> bool {
        self.is_known.load(Ordering::Relaxed)
    }

    /// Whether it waits for a request.
    pub fn is_waiting(&self) -> bool {
        self.answering.load(Ordering::Relaxed) == 0 && !self.is_upgraded.load(Ordering::Relaxed)
    }

    /// Whether it is no HTTP any more.
    pub fn is_upgraded(&self) -> bool {
        self.is_upgraded.load(Ordering::Relaxed)
    }

    /// How many requests were answered.
    pub fn answered(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }

    /// Since when it is as it is: waiting, or answering.
    pub fn since(&self) -> Instant {
        *self.since.lock()
    }

    /// For how long it is as it is.
    pub fn unchanged_for(&self) -> Duration {
        self.since().elapsed()
    }

    /// Ends it.
    pub fn end(&self) {
        self.end.notify_one();
    }

    /// Waits until it is ended.
    pub async fn ended(&self) {
        self.end.notified().await;
    }
}

/// A request that is being answered.
#[derive(Debug)]
pub struct Answering(Arc<Line>);

impl Drop for Answering {
    fn drop(&mut self) {
        let line = &self.0;
        *line.since.lock() = Instant::now();
        line.answered.fetch_add(1, Ordering::Relaxed);
        line.answering.fetch_sub(1, Ordering::Relaxed);
    }
}
