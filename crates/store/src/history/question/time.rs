//! Finding the bucket of an instant, some hundred million times.

use outlay_domain::usage::question::Period;

/// The parts of a range of time, in microseconds since 1970.
#[derive(Debug, Clone)]
pub(super) struct Finder {
    /// The first instant that counts.
    pub(super) from_us: i64,
    /// The first instant after that no longer counts.
    pub(super) to_us: i64,
    /// Where each bucket starts, and where the last one ends.
    bounds: Vec<i64>,
    /// Slots are this many bits wide, which is no wider than any bucket.
    slot_bits: u32,
    /// The bucket at the start of each slot.
    slots: Vec<u32>,
}

impl Finder {
    pub(super) fn new(period: &Period) -> Self {
        let (from_us, to_us) = (period.from.timestamp_micros(), period.to.timestamp_micros());
        let bounds = match &period.buckets {
            Some(buckets) => buckets.bounds().iter().map(|at| at.timestamp_micros()).collect(),
            None => vec![from_us, to_us],
        };
        Self::of_bounds(from_us, to_us, bounds)
    }

    fn of_bounds(from_us: i64, to_us: i64, bounds: Vec<i64>) -> Self {
        let narrowest = bounds.windows(2).map(|bucket| bucket[1] - bucket[0]).min().unwrap_or(1);
        let slot_bits = narrowest.max(1).ilog2();
        let (first, last) = (bounds[0], bounds[bounds.len() - 1]);
        let mut bucket = 0;
        let slots = (0..=(last - first) >> slot_bits)
            .map(|slot| {
                let start = first + (slot << slot_bits);
                while bucket + 2 < bounds.len() && bounds[bucket + 1] <= start {
                    bucket += 1;
                }
                bucket as u32
            })
            .collect();
        Self { from_us, to_us, bounds, slot_bits, slots }
    }

    /// How many buckets there are.
    pub(super) fn len(&self) -> usize {
        self.bounds.len() - 1
    }

    /// Where each bucket starts, and where the last one ends.
    pub(super) fn bounds(&self) -> &[i64] {
        &self.bounds
    }

    /// The bucket of an instant that counts.
    ///
    /// A row of a roll-up bears the start of its hour, which may lie before the first bucket.
    #[inline]
    pub(super) fn bucket(&self, us: i64) -> u32 {
        let us = us.max(self.bounds[0]);
        let slot = (us - self.bounds[0]) >> self.slot_bits;
        let bucket = self.slots[slot as usize];
        // A slot is no wider than a bucket, so at most one more begins in it.
        bucket + u32::from(us >= self.bounds[bucket as usize + 1])
    }

    /// The bucket that starts at an instant, if one does.
    pub(super) fn starting(&self, us: i64) -> Option<u32> {
        self.bounds[..self.len()].binary_search(&us).ok().map(|bucket| bucket as u32)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use chrono::{DateTime, TimeDelta, Utc};
    use chrono_tz::Tz;
    use outlay_domain::usage::question::{Buckets, Every};

    use super::*;

    #[test]
    fn every_instant_is_in_the_bucket_that_begins_last_before_it() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let (from, to) = (at("2026-01-15T05:30:00Z"), at("2026-12-03T17:00:00Z"));
        let zones = [Tz::UTC, Tz::Europe__Berlin, Tz::Asia__Kolkata, Tz::Australia__Lord_Howe];
        for tz in zones {
            for every in Every::ALL {
                let buckets = Some(Buckets::new(from, to, every, tz).unwrap());
                let finder = Finder::new(&Period { from, to, buckets });
                let mut instant = from;
                while instant < to {
                    let us = instant.timestamp_micros();
                    let expected = finder.bounds.partition_point(|start| *start <= us) - 1;
                    assert_eq!(finder.bucket(us), expected as u32, "{instant} {tz} {every:?}");
                    instant += TimeDelta::seconds(613);
                }
                for (bucket, start) in finder.bounds[1..finder.len()].iter().enumerate() {
                    assert_eq!(finder.bucket(*start) as usize, bucket + 1);
                    assert_eq!(finder.bucket(*start - 1) as usize, bucket);
                }
            }
        }
    }
}
