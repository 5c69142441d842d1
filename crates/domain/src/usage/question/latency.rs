//! How call times are spread, in a form that can be added up.

/// Bits of a time that a bucket keeps: buckets are at most 1/128 of their value wide, so that
/// their middle is never more than 0.4 % off.
const KEPT_BITS: u32 = 7;
const LINEAR: i64 = 1 << KEPT_BITS;

/// One more than the largest bucket.
pub const LATENCY_BUCKETS: usize = bucket_of(i64::MAX) as usize + 1;

/// The bucket of a time in microseconds. Longer times never lie in lower buckets.
pub const fn bucket_of(micros: i64) -> u16 {
    if micros < LINEAR {
        return if micros < 0 { 0 } else { micros as u16 };
    }
    let shift = micros.ilog2() - KEPT_BITS;
    (shift as u16) * (LINEAR as u16) + (micros >> shift) as u16
}

/// The middle of a bucket, in microseconds.
const fn middle_of(bucket: u16) -> i64 {
    let bucket = bucket as i64;
    if bucket < 2 * LINEAR {
        return bucket;
    }
    let shift = bucket / LINEAR - 1;
    let low = (bucket % LINEAR + LINEAR) << shift;
    low + ((1 << shift) / 2)
}

/// How many calls took how long: a count for each bucket that has any, by bucket.
///
/// Counts add up exactly, so the spread of a whole does not depend on how it was divided.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Latencies(Vec<(u16, u64)>);

impl Latencies {
    /// A spread of `counts`, which are of ascending buckets.
    pub fn from_counts(counts: impl IntoIterator<Item = (u16, u64)>) -> Self {
        Self(counts.into_iter().filter(|(_, count)| *count > 0).collect())
    }

    /// The buckets and their counts.
    pub fn counts(&self) -> &[(u16, u64)] {
        &self.0
    }

    /// Adds the calls of `other`.
    pub fn add(&mut self, other: &Self) {
        self.merge(other, |one, two| one.saturating_add(two));
    }

    /// Takes the calls of `other` away, which are among these.
    pub fn take(&mut self, other: &Self) {
        self.merge(other, |one, two| one.saturating_sub(two));
    }

    fn merge(&mut self, other: &Self, join: impl Fn(u64, u64) -> u64) {
        if other.0.is_empty() {
            return;
        }
        let mut mine = std::mem::take(&mut self.0).into_iter().peekable();
        let mut theirs = other.0.iter().copied().peekable();
        loop {
            let bucket = match (mine.peek(), theirs.peek()) {
                (Some((one, _)), Some((two, _))) => (*one).min(*two),
                (Some((one, _)), None) => *one,
                (None, Some((two, _))) => *two,
                (None, None) => return,
            };
            let count = |next: Option<(u16, u64)>| next.map_or(0, |(_, count)| count);
            let joined = join(
                count(mine.next_if(|(one, _)| *one == bucket)),
                count(theirs.next_if(|(two, _)| *two == bucket)),
            );
            if joined > 0 {
                self.0.push((bucket, joined));
            }
        }
    }

    /// The time in microseconds that `percent` of the calls took at most: the nearest rank.
    pub fn percentile(&self, percent: u8) -> Option<i64> {
        let calls: u128 = self.0.iter().map(|(_, count)| u128::from(*count)).sum();
        let rank = (calls * u128::from(percent)).div_ceil(100).max(1);
        let mut passed = 0;
        self.0.iter().find_map(|(bucket, count)| {
            passed += u128::from(*count);
            (passed >= rank).then(|| middle_of(*bucket))
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn spread(times: impl IntoIterator<Item = i64>) -> Latencies {
        let mut counts = std::collections::BTreeMap::new();
        for time in times {
            *counts.entry(bucket_of(time)).or_default() += 1;
        }
        Latencies::from_counts(counts)
    }

    #[test]
    fn a_bucket_is_at_most_one_per_cent_off() {
        let mut micros = 0_i64;
        while micros < i64::MAX / 2 {
            let error = (middle_of(bucket_of(micros)) - micros).abs();
            assert!(error * 100 <= micros, "{micros} is off by {error}");
            assert!(bucket_of(micros) <= bucket_of(micros + 1));
            micros += micros / 300 + 1;
        }
        assert_eq!(usize::from(bucket_of(i64::MAX)) + 1, LATENCY_BUCKETS);
    }

    #[test]
    fn percentiles_are_the_nearest_rank() {
        let spread = spread(1..=100);

        assert_eq!(spread.percentile(50), Some(50));
        assert_eq!(spread.percentile(99), Some(99));
        assert_eq!(Latencies::default().percentile(50), None);
    }

    #[test]
    fn what_was_added_can_be_taken_away() {
        let one = spread([5, 5, 900, 1_000_000]);
        let two = spread([5, 70, 1_000_000]);

        let mut both = one.clone();
        both.add(&two);
        assert_eq!(both, spread([5, 5, 5, 70, 900, 1_000_000, 1_000_000]));

        both.take(&two);
        assert_eq!(both, one);
    }
}
