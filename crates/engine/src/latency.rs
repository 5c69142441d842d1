//! How long things take: counts by duration, which threads add to without waiting.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The upper bounds of the counts, in microseconds; above the last is one more.
const BOUNDS_US: [u64; 14] = [
    500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
    2_500_000, 5_000_000, 10_000_000,
];

/// Durations, counted.
#[derive(Debug, Default)]
pub struct Latency {
    counts: [AtomicU64; BOUNDS_US.len() + 1],
    sum_us: AtomicU64,
}

/// What was counted up to one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LatencyReading {
    /// An upper bound in microseconds, and how many took no longer; each has those before in it.
    pub up_to: Vec<(u64, u64)>,
    /// How many there were.
    pub count: u64,
    /// How long they took together, in microseconds.
    pub sum_us: u64,
}

impl Latency {
    /// Counts something that took `duration`.
    pub fn observe(&self, duration: Duration) {
        let us = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        let place = BOUNDS_US.partition_point(|&bound| bound < us);
        self.counts[place].fetch_add(1, Ordering::Relaxed);
        self.sum_us.fetch_add(us, Ordering::Relaxed);
    }

    /// What was counted so far.
    pub fn read(&self) -> LatencyReading {
        let mut count = 0;
        let mut up_to = Vec::with_capacity(BOUNDS_US.len());
        for (place, counted) in self.counts.iter().enumerate() {
            count += counted.load(Ordering::Relaxed);
            if let Some(&bound) = BOUNDS_US.get(place) {
                up_to.push((bound, count));
            }
        }
        LatencyReading { up_to, count, sum_us: self.sum_us.load(Ordering::Relaxed) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_counts_up_to_every_bound_that_it_does_not_pass() {
        let latency = Latency::default();

        latency.observe(Duration::from_micros(500));
        latency.observe(Duration::from_micros(501));
        latency.observe(Duration::from_secs(60));

        let reading = latency.read();
        assert_eq!(reading.up_to[..2], [(500, 1), (1_000, 2)]);
        assert_eq!(reading.up_to.last(), Some(&(10_000_000, 2)));
        assert_eq!(reading.count, 3);
        assert_eq!(reading.sum_us, 60_001_001);
    }
}
