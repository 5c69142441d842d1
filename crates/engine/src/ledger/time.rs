//! The time by which holds and grants expire.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use outlay_store::{Books, StoreError};
use parking_lot::Mutex;

use crate::Clock;
use crate::known_time::KnownTime;

/// A time that neither jumps nor goes back.
///
/// It grows with the time that the process runs. Where the clock was set, it goes on at half its
/// speed, or at twice, until both agree: a hold for ten minutes lasts five at the least.
pub struct LedgerTime {
    clock: Arc<dyn Clock>,
    known: Arc<KnownTime>,
    state: Mutex<(DateTime<Utc>, Duration)>,
}

impl LedgerTime {
    /// Goes on from what the last run knew, or from what the time is known to be.
    pub fn open(
        books: &Books,
        clock: Arc<dyn Clock>,
        known: Arc<KnownTime>,
    ) -> Result<Self, StoreError> {
        let last = books.read_blocking(|books| books.ledger().time())?;
        let now = known.now().safe;
        let at = last.map_or(now, |last| last.max(now));
        let elapsed = clock.elapsed();
        Ok(Self { clock, known, state: Mutex::new((at, elapsed)) })
    }

    /// What the machine's clock says, where nothing speaks against it: it may jump.
    pub fn believed(&self) -> DateTime<Utc> {
        self.known.now().safe
    }

    /// What the time is.
    pub fn now(&self) -> DateTime<Utc> {
        let wanted = self.known.now().safe;
        let mut state = self.state.lock();
        let elapsed = self.clock.elapsed();
        let grown = TimeDelta::from_std(elapsed.saturating_sub(state.1)).unwrap_or_default();
        let at = state.0.checked_add_signed(grown).unwrap_or(state.0);
        let ahead = wanted - at;
        let at = match ahead > TimeDelta::zero() {
            true => at + ahead.min(grown),
            false => at - (-ahead).min(grown / 2),
        };
        *state = (at, elapsed);
        at
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::FrozenClock;

    #[test]
    fn a_clock_that_is_set_makes_it_go_faster_or_slower_and_never_jump() {
        let folder = tempfile::tempdir().unwrap();
        let books = Arc::new(Books::open(folder.path()).unwrap());
        let noon: DateTime<Utc> = "2026-11-21T12:00:00Z".parse().unwrap();
        let clock = Arc::new(FrozenClock::at(noon));
        let known = KnownTime::open(books.clone(), clock.clone(), TimeDelta::days(1)).unwrap();
        let time = LedgerTime::open(&books, clock.clone(), Arc::new(known)).unwrap();
        let minutes = TimeDelta::minutes;
        assert_eq!(time.now(), noon);

        clock.set(noon + minutes(60));
        assert_eq!(time.now(), noon, "no time has passed");
        clock.advance(minutes(10));
        assert_eq!(time.now(), noon + minutes(20));
        clock.advance(minutes(60));
        assert_eq!(time.now(), noon + minutes(130), "it agrees");

        clock.set(noon - minutes(600));
        assert_eq!(time.now(), noon + minutes(130));
        clock.advance(minutes(10));
        assert_eq!(time.now(), noon + minutes(135));
    }
}
