//! What was spent of scopes, window by window.
//!
//! The rows have what commits moved up to one of them; what was moved since is in memory and in the
//! usage log ([`moves`](super::moves)). Who reads gets the sum.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use rusqlite::{OptionalExtension, Row, params};

use super::moves::CounterWindow;
use super::time::to_us;
use super::tx::{Counters, Writes};
use crate::StoreError;

const NANOS: i128 = 1_000_000_000;

const ALL: &str = "
    SELECT counter_id, counting, calendar, since_us, begun_seq, is_counted FROM counters
    ORDER BY counter_id";
const FIND: &str = "
    SELECT counter_id, counting, calendar, since_us, begun_seq, is_counted FROM counters
    WHERE counting = ?1";
const WRITTEN: &str = "SELECT last_counted_seq FROM history_ids";
const SUM: &str = "
    SELECT coalesce(sum(units), 0), coalesce(sum(nanos), 0) FROM counter_windows
    WHERE counter_id = ?1 AND window_us >= ?2 AND window_us < ?3";
const WINDOWS: &str = "
    SELECT window_us, units, nanos FROM counter_windows
    WHERE counter_id = ?1 AND window_us >= ?2 ORDER BY window_us";
const BEGIN: &str = "
    INSERT INTO counters (counting, calendar, since_us, is_personal, begun_seq)
    VALUES (?1, ?2, ?3, ?4, (SELECT seq FROM usage_log_head))
    RETURNING counter_id";
const MOVE: &str = "
    UPDATE counter_windows SET units = units + ?3 + (nanos + ?4) / 1000000000,
                               nanos = (nanos + ?4) % 1000000000
    WHERE counter_id = ?1 AND window_us = ?2";
const ADD: &str = "
    INSERT INTO counter_windows (counter_id, window_us, units, nanos)
    SELECT counter_id, CAST(?2 AS BIGINT), CAST(?3 AS BIGINT), CAST(?4 AS BIGINT)
    FROM counters WHERE counter_id = ?1
    ON CONFLICT (counter_id, window_us) DO UPDATE SET
        units = counter_windows.units + excluded.units
              + (counter_windows.nanos + excluded.nanos) / 1000000000,
        nanos = (counter_windows.nanos + excluded.nanos) % 1000000000";
const SETTLE: &str = "UPDATE counters SET is_counted = 1 WHERE counter_id = ?1";
const REMOVE: &str = "DELETE FROM counters WHERE counter_id = ?1";
const REMOVE_PERSONAL: &str = "DELETE FROM counters WHERE is_personal = 1";
const TRIM_WINDOWS: &str = "DELETE FROM counter_windows WHERE counter_id = ?1 AND window_us < ?2";
const TRIM: &str = "UPDATE counters SET since_us = ?2 WHERE counter_id = ?1";

/// A counter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CounterRow {
    /// Its number, which no other counter ever had.
    pub id: i64,
    /// What it counts, in words that tell it from others.
    pub counting: String,
    /// The edition of the time zones that its windows are told by.
    pub calendar: String,
    /// Windows that begin before then are not counted, in microseconds since 1970.
    pub since_us: i64,
    /// Commits after this one move it.
    pub begun_seq: i64,
    /// Whether what was kept before it began was added.
    pub is_counted: bool,
}

impl<A> Counters<'_, A> {
    /// Every counter, the oldest first.
    pub fn all(&self) -> Result<Vec<CounterRow>, StoreError> {
        let mut statement = self.conn.prepare_cached(ALL)?;
        let rows = statement.query_map([], counter_row)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The counter of what is told by these words.
    pub fn find(&self, counting: &str) -> Result<Option<CounterRow>, StoreError> {
        Ok(self.conn.prepare_cached(FIND)?.query_row([counting], counter_row).optional()?)
    }

    /// What was spent in the windows that begin in `[from, to)`, in nanos.
    pub fn spent(
        &self,
        id: i64,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<i128, StoreError> {
        let (from_us, to_us) = (to_us(from), to_us(to));
        let mut statement = self.conn.prepare_cached(SUM)?;
        let rows = |row: &Row<'_>| Ok(joined(row.get(0)?, row.get(1)?));
        let spent = statement.query_row([id, from_us, to_us], rows)?;
        let written = self.written()?;
        let since =
            self.moved.after(written).flat_map(|moves| moves.windows_within(id, from_us, to_us));
        Ok(spent + since.map(|(_, nanos)| nanos).sum::<i128>())
    }

    /// What was spent in each window that begins at `since_us` or later, in nanos.
    pub fn windows(&self, id: i64, since_us: i64) -> Result<BTreeMap<i64, i128>, StoreError> {
        let mut statement = self.conn.prepare_cached(WINDOWS)?;
        let rows = statement
            .query_map([id, since_us], |row| Ok((row.get(0)?, joined(row.get(1)?, row.get(2)?))))?;
        let mut windows: BTreeMap<i64, i128> = rows.collect::<Result<_, _>>()?;
        let written = self.written()?;
        let moves = self.moved.after(written);
        for (window_us, nanos) in
            moves.flat_map(|moves| moves.windows_within(id, since_us, i64::MAX))
        {
            *windows.entry(window_us).or_default() += nanos;
        }
        Ok(windows)
    }

    /// The newest commit whose moves are in the rows.
    fn written(&self) -> Result<i64, StoreError> {
        Ok(self.conn.prepare_cached(WRITTEN)?.query_row([], |row| row.get(0))?)
    }
}

impl Counters<'_, Writes> {
    /// Begins a counter that every commit moves from now on. It says nothing until what was kept
    /// before is added and it is [settled](Self::settle).
    pub fn begin(
        &self,
        counting: &str,
        calendar: &str,
        since: DateTime<Utc>,
        is_personal: bool,
    ) -> Result<i64, StoreError> {
        let row = params![counting, calendar, to_us(since), is_personal];
        Ok(self.conn.prepare_cached(BEGIN)?.query_row(row, |row| row.get(0))?)
    }

    /// Adds to what was spent in windows, each told by its counter and where it begins, in
    /// microseconds since 1970. A counter that is gone stays away.
    pub fn add(
        &self,
        moves: impl IntoIterator<Item = (CounterWindow, i128)>,
    ) -> Result<(), StoreError> {
        let mut known = self.conn.prepare_cached(MOVE)?;
        for ((id, window_us), nanos) in moves {
            // One fact is far below what 64 bits hold of units, and so are all of a history.
            let units = i64::try_from(nanos.div_euclid(NANOS)).unwrap_or(i64::MAX);
            let rest = nanos.rem_euclid(NANOS) as i64;
            let moved = [id, window_us, units, rest];
            // A window that is known is found once; whether its counter is there need not be asked.
            if known.execute(moved)? == 0 {
                self.conn.prepare_cached(ADD)?.execute(moved)?;
            }
        }
        Ok(())
    }

    /// Says that a counter has all that was kept before it began.
    pub fn settle(&self, id: i64) -> Result<(), StoreError> {
        self.conn.prepare_cached(SETTLE)?.execute([id])?;
        Ok(())
    }

    /// Removes a counter with its windows.
    pub fn remove(&self, id: i64) -> Result<(), StoreError> {
        self.conn.prepare_cached(REMOVE)?.execute([id])?;
        Ok(())
    }

    /// Removes the counters whose scopes may name a person.
    pub fn remove_personal(&self) -> Result<(), StoreError> {
        self.conn.prepare_cached(REMOVE_PERSONAL)?.execute([])?;
        Ok(())
    }

    /// Forgets the windows that begin before `since`.
    pub fn trim(&self, id: i64, since: DateTime<Utc>) -> Result<(), StoreError> {
        self.conn.prepare_cached(TRIM_WINDOWS)?.execute([id, to_us(since)])?;
        self.conn.prepare_cached(TRIM)?.execute([id, to_us(since)])?;
        Ok(())
    }
}

fn joined(units: i64, nanos: i64) -> i128 {
    i128::from(units) * NANOS + i128::from(nanos)
}

fn counter_row(row: &Row<'_>) -> rusqlite::Result<CounterRow> {
    Ok(CounterRow {
        id: row.get(0)?,
        counting: row.get(1)?,
        calendar: row.get(2)?,
        since_us: row.get(3)?,
        begun_seq: row.get(4)?,
        is_counted: row.get(5)?,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::Books;

    #[test]
    fn a_counter_holds_more_than_64_bits_of_billionths_and_less_than_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let books = Books::open(folder.path()).unwrap();
        let most = i128::from(i64::MAX);
        let at = |us| DateTime::from_timestamp_micros(us).unwrap();

        let id = books
            .write_blocking(|tx| {
                let id = tx.counters().begin("all", "2026a", at(0), false)?;
                let moves = [(1, most), (1, most), (2, -1), (2, 3), (2, -1_500_000_000), (3, 7)];
                tx.counters().add(moves.map(|(window, nanos)| ((id, window), nanos)))?;
                tx.counters().settle(id)?;
                Ok::<_, StoreError>(id)
            })
            .unwrap();

        books
            .read_blocking(|books| {
                let counters = books.counters();
                assert!(counters.find("all")?.unwrap().is_counted);
                assert_eq!(counters.spent(id, at(0), at(3))?, 2 * most - 1_499_999_998);
                let windows = BTreeMap::from([(2, -1_499_999_998), (3, 7)]);
                assert_eq!(counters.windows(id, 2)?, windows);
                Ok(())
            })
            .unwrap();
    }

    #[test]
    fn what_is_added_to_a_counter_that_is_gone_is_nowhere() {
        let folder = tempfile::tempdir().unwrap();
        let books = Books::open(folder.path()).unwrap();
        let at = DateTime::UNIX_EPOCH;
        let (gone, next) = books
            .write_blocking(|tx| {
                let gone = tx.counters().begin("subjects", "2026a", at, true)?;
                tx.counters().add([((gone, 1), 5)])?;
                tx.counters().remove_personal()?;
                tx.counters().add([((gone, 1), 5)])?;
                Ok::<_, StoreError>((gone, tx.counters().begin("subjects", "2026a", at, true)?))
            })
            .unwrap();

        assert_ne!(gone, next, "a number is never given twice");
        for id in [gone, next] {
            let windows = books.read_blocking(|books| books.counters().windows(id, 0)).unwrap();
            assert_eq!(windows, BTreeMap::new());
        }
    }
}
