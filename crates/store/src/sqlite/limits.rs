//! What accounts used of what their plans limit.

use chrono::{DateTime, Utc};
use compact_str::CompactString;
use outlay_domain::budgets::Window;
use outlay_domain::plans::{Counter, CounterKey, Notice, closes_at};
use rusqlite::{OptionalExtension, Row, params};

use super::time::{from_us, to_us};
use super::tx::{Limits, Writes};
use crate::StoreError;

const NANOS: i128 = 1_000_000_000;

const COUNTING: &str = "SELECT counting_id FROM limit_countings WHERE counting = ?1";
const ADD_COUNTING: &str = "
    INSERT INTO limit_countings (counting) VALUES (?1) RETURNING counting_id";
const COUNTERS: &str = "
    SELECT counting_id, from_us, to_us, used_units, used_nanos, captured_units, captured_nanos,
           held_units, held_nanos, is_whole
    FROM limit_counters WHERE account_no = ?1 ORDER BY counting_id, from_us";
const PUT: &str = "
    INSERT INTO limit_counters
        (account_no, counting_id, from_us, to_us, closes_us, used_units, used_nanos,
         captured_units, captured_nanos, held_units, held_nanos, is_whole)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
    ON CONFLICT (account_no, counting_id, from_us) DO UPDATE SET
        used_units = excluded.used_units, used_nanos = excluded.used_nanos,
        captured_units = excluded.captured_units, captured_nanos = excluded.captured_nanos,
        held_units = excluded.held_units, held_nanos = excluded.held_nanos,
        is_whole = excluded.is_whole";
const CLOSE: &str = "DELETE FROM limit_counters WHERE account_no = ?1 AND closes_us <= ?2";
const NOTE: &str = "
    INSERT INTO limit_notices (account_no, limit_id, from_us, to_us, percent, at_us, used, most)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
    ON CONFLICT (account_no, limit_id, from_us, percent) DO NOTHING";
const FORGET_NOTICES: &str = "DELETE FROM limit_notices WHERE account_no = ?1 AND to_us <= ?2";
const NOTICES: &str = "
    SELECT ledger_accounts.account, limit_id, from_us, to_us, percent, used, most
    FROM limit_notices
    JOIN ledger_accounts ON ledger_accounts.account_no = limit_notices.account_no
    WHERE to_us > ?1 ORDER BY limit_notices.at_us DESC LIMIT ?2";

/// That a share of a limit was reached, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptNotice {
    /// Of whose.
    pub account: CompactString,
    /// Of which limit.
    pub limit: CompactString,
    /// In which window.
    pub window: Window,
    /// The share, in percent.
    pub percent: u16,
    /// What was used then.
    pub used: String,
    /// What may be.
    pub most: String,
}

impl<A> Limits<'_, A> {
    /// The number of what is counted, where it has one.
    pub fn counting(&self, counting: &str) -> Result<Option<i64>, StoreError> {
        let mut statement = self.conn.prepare_cached(COUNTING)?;
        Ok(statement.query_row([counting], |row| row.get(0)).optional()?)
    }

    /// The counters of an account.
    pub fn counters(&self, account: i64) -> Result<Vec<(CounterKey, Counter)>, StoreError> {
        let mut statement = self.conn.prepare_cached(COUNTERS)?;
        let rows = statement.query_map([account], counter_row)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Shares that were reached in windows that are not over at `at`, the newest first.
    pub fn notices(&self, at: DateTime<Utc>, limit: usize) -> Result<Vec<KeptNotice>, StoreError> {
        let mut statement = self.conn.prepare_cached(NOTICES)?;
        let rows = statement.query_map(params![to_us(at), limit as i64], |row| {
            Ok(KeptNotice {
                account: row.get::<_, String>(0)?.into(),
                limit: row.get::<_, String>(1)?.into(),
                window: Window { from: from_us(row.get(2)?), to: from_us(row.get(3)?) },
                percent: row.get(4)?,
                used: row.get(5)?,
                most: row.get(6)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

impl Limits<'_, Writes> {
    /// The number of what is counted, which it has from now on.
    pub fn number(&self, counting: &str) -> Result<i64, StoreError> {
        match self.counting(counting)? {
            Some(known) => Ok(known),
            None => {
                let mut statement = self.conn.prepare_cached(ADD_COUNTING)?;
                Ok(statement.query_row([counting], |row| row.get(0))?)
            }
        }
    }

    /// Keeps a counter as it is now.
    pub fn put(&self, account: i64, key: CounterKey, counter: &Counter) -> Result<(), StoreError> {
        let (used, captured) = (parts(counter.used), parts(counter.captured));
        let held = parts(counter.held);
        self.conn.prepare_cached(PUT)?.execute(params![
            account,
            key.0,
            key.1,
            to_us(counter.window.to),
            to_us(closes_at(counter.window)),
            used.0,
            used.1,
            captured.0,
            captured.1,
            held.0,
            held.1,
            counter.is_whole,
        ])?;
        Ok(())
    }

    /// Lets go of what is closed at `at`, and of notices of windows that are over.
    pub fn close(&self, account: i64, at: DateTime<Utc>) -> Result<(), StoreError> {
        self.conn.prepare_cached(CLOSE)?.execute([account, to_us(at)])?;
        self.conn.prepare_cached(FORGET_NOTICES)?.execute([account, to_us(at)])?;
        Ok(())
    }

    /// Keeps that a share was reached; what is known stays.
    pub fn note(&self, account: i64, notice: &Notice, at: DateTime<Utc>) -> Result<(), StoreError> {
        let used = outlay_domain::usage::question::Value::Amount { nanos: notice.used };
        self.conn.prepare_cached(NOTE)?.execute(params![
            account,
            notice.limit.as_str(),
            to_us(notice.window.from),
            to_us(notice.window.to),
            notice.percent,
            to_us(at),
            used.text().as_str(),
            notice.most.to_string(),
        ])?;
        Ok(())
    }
}

fn parts(nanos: i128) -> (i64, i64) {
    // All that an account can use is far below what 64 bits hold of units.
    (i64::try_from(nanos.div_euclid(NANOS)).unwrap_or(i64::MAX), nanos.rem_euclid(NANOS) as i64)
}

fn counter_row(row: &Row<'_>) -> rusqlite::Result<(CounterKey, Counter)> {
    let joined = |at: usize| -> rusqlite::Result<i128> {
        Ok(i128::from(row.get::<_, i64>(at)?) * NANOS + i128::from(row.get::<_, i64>(at + 1)?))
    };
    let from: i64 = row.get(1)?;
    let counter = Counter {
        window: Window { from: from_us(from), to: from_us(row.get(2)?) },
        used: joined(3)?,
        captured: joined(5)?,
        held: joined(7)?,
        is_whole: row.get(9)?,
    };
    Ok(((row.get(0)?, from), counter))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::Books;

    #[test]
    fn a_counter_reads_back_and_closes_and_a_share_is_noted_once() {
        let folder = tempfile::tempdir().unwrap();
        let books = Books::open(folder.path()).unwrap();
        let window = Window { from: from_us(60_000_000), to: from_us(120_000_000) };
        let counter = Counter {
            window,
            used: -1_500_000_001,
            captured: 7,
            held: i128::from(i64::MAX) * 2,
            is_whole: true,
        };
        let notice = |percent| Notice {
            limit: "images".into(),
            window,
            percent,
            used: 8_500_000_000,
            most: "10".parse().unwrap(),
        };

        books
            .write_blocking(|tx| {
                let number = tx.ledger().add_account("acme", Default::default())?;
                let counting = tx.limits().number("month/spend/{}")?;
                assert_eq!(tx.limits().number("month/spend/{}")?, counting);
                let key = (counting, 60_000_000);
                tx.limits().put(number, key, &Counter::new(window, true))?;
                tx.limits().put(number, key, &counter)?;
                assert_eq!(tx.limits().counters(number)?, [(key, counter)]);
                for percent in [80, 80, 90] {
                    tx.limits().note(number, &notice(percent), from_us(1))?;
                }
                let noted = tx.limits().notices(from_us(119_999_999), 10)?;
                assert_eq!(noted.len(), 2);
                assert_eq!((noted[0].used.as_str(), noted[0].most.as_str()), ("8.5", "10"));
                assert_eq!(tx.limits().notices(window.to, 10)?, []);
                tx.limits().close(number, from_us(120_000_000 + 3_599_999_999))?;
                assert_eq!(tx.limits().counters(number)?.len(), 1);
                tx.limits().close(number, from_us(120_000_000 + 3_600_000_000))?;
                assert_eq!(tx.limits().counters(number)?, []);
                Ok::<_, StoreError>(())
            })
            .unwrap();
    }
}
