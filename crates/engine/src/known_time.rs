//! The time by which what is old is removed: one that cannot jump.
//!
//! The wall clock may be set wrongly, by a battery that died or a mistyped year, and what was
//! removed then is gone. So what is known to have been the time is kept in the books, and grows as
//! the process runs, by a clock that nobody sets. The wall clock is believed while it is only a
//! little ahead of that. Where it is further ahead, nothing is removed for its age beyond what is
//! known, until somebody confirms that the wall clock is right.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use outlay_domain::people::AuditRecord;
use outlay_store::{Books, StoreError};
use parking_lot::Mutex;

use crate::Clock;

/// How far the wall clock may be ahead of what is known, and still be believed, where events are
/// removed for their age.
const AHEAD_MAX: TimeDelta = TimeDelta::days(1);
/// The same where only the keys of events are, as a part of the time for which they are kept.
const AHEAD_PART: i32 = 10;
/// And at most.
const AHEAD_OF_KEYS_MAX: TimeDelta = TimeDelta::days(30);
/// How often what is known is written to the books.
const WRITE_ROUND: TimeDelta = TimeDelta::minutes(10);

/// What is known of the time.
pub struct KnownTime {
    clock: Arc<dyn Clock>,
    books: Arc<Books>,
    ahead_max: TimeDelta,
    state: Mutex<State>,
}

struct State {
    /// What is known to have been the time; `None` in a folder that never knew one.
    known: Option<DateTime<Utc>>,
    /// When it was, by the clock that nobody sets.
    at: Duration,
    written: Option<DateTime<Utc>>,
    is_ahead: bool,
}

/// What the time is held to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeReading {
    /// The time by which what is old may be removed.
    pub safe: DateTime<Utc>,
    /// What the wall clock says.
    pub wall: DateTime<Utc>,
    /// How far the wall clock is ahead, where that is too far to be believed.
    pub ahead: Option<TimeDelta>,
}

impl KnownTime {
    /// Takes up what the last run knew; in a folder of before, when it received its newest event.
    pub fn open(
        books: Arc<Books>,
        clock: Arc<dyn Clock>,
        ahead_max: TimeDelta,
    ) -> Result<Self, StoreError> {
        let known = books.read_blocking(|books| {
            Ok(match books.manifest().known_time()? {
                Some(known) => Some(known),
                None => books.manifest().last_received()?,
            })
        })?;
        let state = State { known, at: clock.elapsed(), written: None, is_ahead: false };
        Ok(Self { clock, books, ahead_max, state: Mutex::new(state) })
    }

    /// What the time is held to be.
    pub fn now(&self) -> TimeReading {
        let wall = self.clock.now();
        let mut state = self.state.lock();
        let grown = self.clock.elapsed().saturating_sub(state.at);
        let grown = TimeDelta::from_std(grown).unwrap_or(TimeDelta::MAX);
        let known = state.known.map(|known| known.checked_add_signed(grown).unwrap_or(known));
        let ahead = known.map(|known| wall - known).filter(|ahead| *ahead > self.ahead_max);
        if ahead.is_some() && !state.is_ahead {
            tracing::error!(
                %wall,
                known = ?known,
                "the clock is too far ahead of what is known; nothing more is removed for its age until `outlay clock confirm`"
            );
        }
        state.is_ahead = ahead.is_some();
        let safe = match (known, ahead) {
            (Some(known), Some(_)) => known,
            // A clock that was set back makes nothing older than it says.
            _ => wall,
        };
        state.at = self.clock.elapsed();
        state.known = Some(known.map_or(safe, |known| known.max(safe)));
        TimeReading { safe, wall, ahead }
    }

    /// As [`now`](Self::now), and has the books remember it.
    pub fn keep(&self) -> Result<TimeReading, StoreError> {
        let reading = self.now();
        let known = {
            let state = self.state.lock();
            let is_due = state.written.is_none_or(|written| {
                state.known.is_some_and(|known| known - written >= WRITE_ROUND)
            });
            if is_due { state.known } else { None }
        };
        if let Some(known) = known {
            self.books.write_blocking(|tx| tx.manifest().set_known_time(known))?;
            self.state.lock().written = Some(known);
        }
        Ok(reading)
    }

    /// Believes the wall clock from now on, because `actor` says that it is right. Answers what the
    /// time was held to be before.
    pub fn confirm(&self, actor: &str) -> Result<TimeReading, StoreError> {
        let before = self.now();
        let record = AuditRecord {
            at: before.wall,
            actor: actor.into(),
            action: "clock.confirm".into(),
            target: "clock".into(),
            detail: serde_json::json!({ "was": before.safe, "is": before.wall }),
        };
        self.books.write_blocking(|tx| {
            tx.manifest().set_known_time(before.wall)?;
            tx.audit().append(&record)
        })?;
        let mut state = self.state.lock();
        state.known = Some(before.wall);
        state.written = Some(before.wall);
        state.at = self.clock.elapsed();
        state.is_ahead = false;
        Ok(before)
    }
}

/// How far the wall clock may be ahead and still be believed: a day where events are removed for
/// their age, more where only keys are, which are kept for long.
pub fn ahead_max(retention_days: u32, dedup_window: TimeDelta) -> TimeDelta {
    match retention_days {
        0 => (dedup_window / AHEAD_PART).clamp(AHEAD_MAX, AHEAD_OF_KEYS_MAX),
        _ => AHEAD_MAX,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::FrozenClock;

    fn noon() -> DateTime<Utc> {
        DateTime::from_timestamp(1_790_078_400, 0).unwrap()
    }

    fn open(folder: &std::path::Path, clock: &Arc<FrozenClock>) -> KnownTime {
        let books = Arc::new(Books::open(folder).unwrap());
        KnownTime::open(books, clock.clone(), ahead_max(90, TimeDelta::days(400))).unwrap()
    }

    #[test]
    fn a_clock_that_goes_is_believed_and_one_that_jumps_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(FrozenClock::at(noon()));
        let time = open(folder.path(), &clock);
        assert_eq!(time.keep().unwrap().safe, noon(), "a new folder knows nothing else");

        clock.advance(TimeDelta::days(400));
        assert_eq!(time.now().ahead, None);
        let before = clock.now();
        clock.set(before + TimeDelta::days(1_000));

        let reading = time.now();
        assert_eq!((reading.safe, reading.ahead), (before, Some(TimeDelta::days(1_000))));
        clock.advance(TimeDelta::hours(5));
        assert_eq!(time.now().safe, before + TimeDelta::hours(5), "what is known grows");
    }

    #[test]
    fn a_start_with_a_wrong_year_is_not_believed_however_often_it_is_tried() {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(FrozenClock::at(noon()));
        open(folder.path(), &clock).keep().unwrap();

        for _ in 0..5 {
            let wrong = Arc::new(FrozenClock::at(noon() + TimeDelta::days(1_500)));
            let time = open(folder.path(), &wrong);
            assert_eq!(time.keep().unwrap().safe, noon());
        }
        let next_day = Arc::new(FrozenClock::at(noon() + TimeDelta::hours(20)));
        assert_eq!(open(folder.path(), &next_day).now().safe, next_day.now());
    }

    #[test]
    fn a_clock_that_was_confirmed_is_believed() {
        let folder = tempfile::tempdir().unwrap();
        open(folder.path(), &Arc::new(FrozenClock::at(noon()))).keep().unwrap();
        let clock = Arc::new(FrozenClock::at(noon() + TimeDelta::days(100)));
        let time = open(folder.path(), &clock);

        let before = time.confirm("ada").unwrap();

        assert_eq!(before.ahead, Some(TimeDelta::days(100)));
        assert_eq!((time.now().safe, time.now().ahead), (clock.now(), None));
        drop(time);
        assert_eq!(open(folder.path(), &clock).now().ahead, None, "after a restart, too");
    }

    #[test]
    fn where_no_event_is_removed_a_short_pause_needs_nobody() {
        let days = |retention, window| ahead_max(retention, TimeDelta::days(window)).num_days();
        assert_eq!([days(90, 400), days(0, 400), days(0, 40), days(0, 5)], [1, 30, 4, 1]);
    }

    #[test]
    fn a_clock_set_back_makes_nothing_older() {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(FrozenClock::at(noon()));
        let time = open(folder.path(), &clock);
        time.keep().unwrap();

        clock.set(noon() - TimeDelta::days(30));

        let reading = time.now();
        assert_eq!((reading.safe, reading.ahead), (clock.now(), None));
        clock.set(noon());
        assert_eq!(time.now().safe, noon());
    }
}
