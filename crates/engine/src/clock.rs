//! Where the time comes from.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};

/// Says what time it is.
pub trait Clock: Send + Sync {
    /// The time now.
    fn now(&self) -> DateTime<Utc>;

    /// How long the process has been running, about, by a clock that nobody sets.
    fn elapsed(&self) -> Duration {
        static BEGUN: LazyLock<Instant> = LazyLock::new(Instant::now);
        BEGUN.elapsed()
    }
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}

/// The machine's clock, set to another time.
#[derive(Debug, Clone, Copy)]
pub struct ShiftedClock(TimeDelta);

impl ShiftedClock {
    /// A clock that shows `now` now, and goes on from there.
    pub fn starting_at(now: DateTime<Utc>) -> Self {
        Self(now - Utc::now())
    }
}

impl Clock for ShiftedClock {
    fn now(&self) -> DateTime<Utc> {
        Utc::now() + self.0
    }
}

/// A clock that stands until somebody moves it.
#[derive(Debug)]
pub struct FrozenClock {
    now_us: AtomicI64,
    elapsed_us: AtomicU64,
}

impl FrozenClock {
    /// A clock that stands at `now`.
    pub fn at(now: DateTime<Utc>) -> Self {
        let now_us = AtomicI64::new(now.timestamp_micros());
        Self { now_us, elapsed_us: AtomicU64::new(0) }
    }

    /// Sets the clock to `now`, as somebody does whose clock was wrong: no time passes.
    pub fn set(&self, now: DateTime<Utc>) {
        self.now_us.store(now.timestamp_micros(), Ordering::SeqCst);
    }

    /// Lets time pass.
    pub fn advance(&self, by: TimeDelta) {
        self.set(self.now() + by);
        let passed = u64::try_from(by.num_microseconds().unwrap_or_default()).unwrap_or_default();
        self.elapsed_us.fetch_add(passed, Ordering::SeqCst);
    }
}

impl Clock for FrozenClock {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.now_us.load(Ordering::SeqCst)).unwrap_or_default()
    }

    fn elapsed(&self) -> Duration {
        Duration::from_micros(self.elapsed_us.load(Ordering::SeqCst))
    }
}
