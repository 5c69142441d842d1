//! Which files the history and its keys consist of.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use compact_str::CompactString;
use rusqlite::{OptionalExtension, Row, params};

use super::tx::{Manifest, Writes};
use crate::StoreError;
use crate::dedup::{KeyForm, KeySecret, SECRET_BYTES};
use crate::disk::Contents;

const LAST_SEGMENT_ID: &str = "SELECT last_segment_id FROM history_ids";
const LAST_RUN_ID: &str = "SELECT last_run_id FROM history_ids";
const SET_LAST_SEGMENT_ID: &str = "
    UPDATE history_ids SET last_segment_id = ?1 WHERE last_segment_id < ?1";
const SET_LAST_RUN_ID: &str = "UPDATE history_ids SET last_run_id = ?1 WHERE last_run_id < ?1";
const LAST_LOG_SEQ: &str = "SELECT last_log_seq FROM history_ids";
const SET_LAST_LOG_SEQ: &str = "UPDATE history_ids SET last_log_seq = ?1 WHERE last_log_seq < ?1";

const KNOWN_TIME: &str = "SELECT at_us FROM known_time";
const SET_KNOWN_TIME: &str = "
    INSERT INTO known_time (only_row, at_us) VALUES (1, ?1)
    ON CONFLICT (only_row) DO UPDATE SET at_us = excluded.at_us";
const LAST_RECEIVED: &str = "
    SELECT max(us) FROM (
        SELECT max(last_received_us) AS us FROM history_segments
        UNION ALL SELECT max(received_us) FROM usage_log) AS newest";

const SEGMENTS: &str = "
    SELECT segment_id, rows, events, requests, unpriced, amount_nanos,
           first_occurred_us, last_occurred_us, first_received_us, last_received_us,
           first_log_seq, last_log_seq, size_bytes, checksum, rollup_bytes, rollup_checksum
    FROM history_segments ORDER BY first_occurred_us, segment_id";
const ADD_SEGMENT: &str = "
    INSERT INTO history_segments (
        segment_id, rows, events, requests, unpriced, amount_nanos,
        first_occurred_us, last_occurred_us, first_received_us, last_received_us,
        first_log_seq, last_log_seq, size_bytes, checksum, rollup_bytes, rollup_checksum)
    VALUES (
        ?1, ?2, ?3, ?4, ?5, ?6,
        ?7, ?8, ?9, ?10,
        ?11, ?12, ?13, ?14, ?15, ?16)";
const REMOVE_SEGMENT: &str = "DELETE FROM history_segments WHERE segment_id = ?1";

const RUNS: &str = "
    SELECT run_id, keys, first_received_us, last_received_us, size_bytes, checksum, form
    FROM dedup_runs ORDER BY run_id";
const KEY_SECRET: &str = "SELECT secret FROM dedup_secret";
const ADD_RUN: &str = "
    INSERT INTO dedup_runs (
        run_id, keys, first_received_us, last_received_us, size_bytes, checksum, form)
    VALUES (
        ?1, ?2, ?3, ?4, ?5, ?6, ?7)";
const REMOVE_RUN: &str = "DELETE FROM dedup_runs WHERE run_id = ?1";

const ADD_REMOVAL: &str = "
    INSERT INTO history_removals (
        cutoff_us, account, rows, events, requests, unpriced, amount_nanos)
    VALUES (
        ?1, ?2, ?3, ?4, ?5, ?6, ?7)";
const REMOVED_BEFORE: &str = "SELECT max(cutoff_us) FROM history_removals";
const REMOVALS: &str = "
    SELECT account, rows, events, requests, unpriced, amount_nanos FROM history_removals";

/// Sums over facts, which must come out the same however the facts are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Facts of every kind.
    pub rows: u64,
    /// Events: usage and corrections, less reversals.
    pub events: i64,
    /// The meter `requests`.
    pub requests: i128,
    /// Events without a price.
    pub unpriced: i64,
    /// What was charged.
    pub amount_nanos: i128,
}

impl Totals {
    /// Adds the sums of other facts.
    pub fn add(&mut self, other: &Self) {
        self.rows += other.rows;
        self.events += other.events;
        self.requests += other.requests;
        self.unpriced += other.unpriced;
        self.amount_nanos += other.amount_nanos;
    }
}

/// From when to when, both included, in microseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The earliest.
    pub first_us: i64,
    /// The latest.
    pub last_us: i64,
}

impl Span {
    /// Nothing yet.
    pub const EMPTY: Self = Self { first_us: i64::MAX, last_us: i64::MIN };

    /// Widens the span to a moment.
    pub fn include(&mut self, us: i64) {
        self.first_us = self.first_us.min(us);
        self.last_us = self.last_us.max(us);
    }

    /// The span of both.
    pub fn union(self, other: Self) -> Self {
        Self {
            first_us: self.first_us.min(other.first_us),
            last_us: self.last_us.max(other.last_us),
        }
    }
}

/// What the books say of one segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentRow {
    /// Names the files.
    pub segment_id: i64,
    /// Sums over its rows.
    pub totals: Totals,
    /// When its events occurred.
    pub occurred: Span,
    /// When its events were received.
    pub received: Span,
    /// The first and last commit of the usage log that its rows came in.
    pub log_seqs: (i64, i64),
    /// What the Parquet file holds.
    pub contents: Contents,
    /// What the roll-up's file holds.
    pub rollup_contents: Contents,
}

/// What the books say of one run of keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunRow {
    /// Names the file.
    pub run_id: i64,
    /// How many keys are in it.
    pub keys: u64,
    /// When the events of the keys were received.
    pub received: Span,
    /// How its keys were made.
    pub form: KeyForm,
    /// What the file holds.
    pub contents: Contents,
}

impl<A> Manifest<'_, A> {
    /// What was known to be the time when it was last written.
    pub fn known_time(&self) -> Result<Option<DateTime<Utc>>, StoreError> {
        let known = self.conn.query_row(KNOWN_TIME, [], |row| row.get(0)).optional()?;
        Ok(known.and_then(DateTime::from_timestamp_micros))
    }

    /// When the newest event in the segments and in the usage log was received.
    pub fn last_received(&self) -> Result<Option<DateTime<Utc>>, StoreError> {
        let last: Option<i64> = self.conn.query_row(LAST_RECEIVED, [], |row| row.get(0))?;
        Ok(last.and_then(DateTime::from_timestamp_micros))
    }

    /// The highest number that a segment ever had.
    pub fn last_segment_id(&self) -> Result<i64, StoreError> {
        Ok(self.conn.prepare_cached(LAST_SEGMENT_ID)?.query_row([], |row| row.get(0))?)
    }

    /// The highest number that a run of keys ever had.
    pub fn last_run_id(&self) -> Result<i64, StoreError> {
        Ok(self.conn.prepare_cached(LAST_RUN_ID)?.query_row([], |row| row.get(0))?)
    }

    /// The newest commit of the usage log that is in segments.
    pub fn last_log_seq(&self) -> Result<i64, StoreError> {
        Ok(self.conn.prepare_cached(LAST_LOG_SEQ)?.query_row([], |row| row.get(0))?)
    }

    /// All segments, by the time of their first event.
    pub fn segments(&self) -> Result<Vec<SegmentRow>, StoreError> {
        let mut statement = self.conn.prepare_cached(SEGMENTS)?;
        let rows = statement.query_map([], segment_row)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// All runs of keys, oldest first.
    pub fn runs(&self) -> Result<Vec<RunRow>, StoreError> {
        let mut statement = self.conn.prepare_cached(RUNS)?;
        let rows = statement.query_map([], |row| {
            Ok(RunRow {
                run_id: row.get(0)?,
                keys: row.get::<_, i64>(1)? as u64,
                received: Span { first_us: row.get(2)?, last_us: row.get(3)? },
                contents: contents(row, 4)?,
                form: KeyForm::from_number(row.get(6)?)
                    .ok_or_else(|| rusqlite::Error::IntegralValueOutOfRange(6, 0))?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The secret that the keys of this folder are made with.
    pub fn key_secret(&self) -> Result<KeySecret, StoreError> {
        let bytes: Vec<u8> =
            self.conn.prepare_cached(KEY_SECRET)?.query_row([], |row| row.get(0))?;
        KeySecret::from_bytes(&bytes).ok_or_else(|| StoreError::Damaged {
            what: "the secret of the keys in the books".into(),
            how: format!("it has {} bytes instead of {SECRET_BYTES}", bytes.len()),
        })
    }

    /// Facts of days that ended before then may have left the history for good, in microseconds since
    /// 1970; `None` where none did.
    pub fn removed_before_us(&self) -> Result<Option<i64>, StoreError> {
        Ok(self.conn.prepare_cached(REMOVED_BEFORE)?.query_row([], |row| row.get(0))?)
    }

    /// All that ever left the history for good, by account.
    pub fn removals(&self) -> Result<BTreeMap<CompactString, Totals>, StoreError> {
        let mut statement = self.conn.prepare_cached(REMOVALS)?;
        let rows = statement.query_map([], |row| {
            let totals = Totals {
                rows: row.get::<_, i64>(1)? as u64,
                events: row.get(2)?,
                requests: big_number(row, 3)?,
                unpriced: row.get(4)?,
                amount_nanos: big_number(row, 5)?,
            };
            Ok((CompactString::from(row.get_ref(0)?.as_str()?), totals))
        })?;
        let mut removed: BTreeMap<CompactString, Totals> = BTreeMap::new();
        for row in rows {
            let (account, totals) = row?;
            removed.entry(account).or_default().add(&totals);
        }
        Ok(removed)
    }
}

impl Manifest<'_, Writes> {
    /// Says that it is `now`.
    pub fn set_known_time(&self, now: DateTime<Utc>) -> Result<(), StoreError> {
        self.conn.execute(SET_KNOWN_TIME, [now.timestamp_micros()])?;
        Ok(())
    }

    /// Says that every commit up to `seq` is in segments.
    pub fn set_last_log_seq(&self, seq: i64) -> Result<(), StoreError> {
        self.conn.prepare_cached(SET_LAST_LOG_SEQ)?.execute([seq])?;
        Ok(())
    }

    /// Adds a segment whose files are on the disk.
    pub fn add_segment(&self, segment: &SegmentRow) -> Result<(), StoreError> {
        self.conn.prepare_cached(ADD_SEGMENT)?.execute(params![
            segment.segment_id,
            segment.totals.rows as i64,
            segment.totals.events,
            segment.totals.requests.to_string(),
            segment.totals.unpriced,
            segment.totals.amount_nanos.to_string(),
            segment.occurred.first_us,
            segment.occurred.last_us,
            segment.received.first_us,
            segment.received.last_us,
            segment.log_seqs.0,
            segment.log_seqs.1,
            segment.contents.size_bytes as i64,
            segment.contents.checksum as i64,
            segment.rollup_contents.size_bytes as i64,
            segment.rollup_contents.checksum as i64,
        ])?;
        self.conn.prepare_cached(SET_LAST_SEGMENT_ID)?.execute([segment.segment_id])?;
        Ok(())
    }

    /// Takes a segment out of the history; its files are removed afterwards.
    pub fn remove_segment(&self, segment_id: i64) -> Result<(), StoreError> {
        self.conn.prepare_cached(REMOVE_SEGMENT)?.execute([segment_id])?;
        Ok(())
    }

    /// Adds a run whose file is on the disk.
    pub fn add_run(&self, run: &RunRow) -> Result<(), StoreError> {
        self.conn.prepare_cached(ADD_RUN)?.execute(params![
            run.run_id,
            run.keys as i64,
            run.received.first_us,
            run.received.last_us,
            run.contents.size_bytes as i64,
            run.contents.checksum as i64,
            run.form.number(),
        ])?;
        self.conn.prepare_cached(SET_LAST_RUN_ID)?.execute([run.run_id])?;
        Ok(())
    }

    /// Forgets a run; its file is removed afterwards.
    pub fn remove_run(&self, run_id: i64) -> Result<(), StoreError> {
        self.conn.prepare_cached(REMOVE_RUN)?.execute([run_id])?;
        Ok(())
    }

    /// Notes what left the history for good, by account.
    pub fn add_removals(
        &self,
        cutoff_us: i64,
        removed: &BTreeMap<CompactString, Totals>,
    ) -> Result<(), StoreError> {
        let mut statement = self.conn.prepare_cached(ADD_REMOVAL)?;
        for (account, totals) in removed {
            statement.execute(params![
                cutoff_us,
                account.as_str(),
                totals.rows as i64,
                totals.events,
                totals.requests.to_string(),
                totals.unpriced,
                totals.amount_nanos.to_string(),
            ])?;
        }
        Ok(())
    }
}

fn segment_row(row: &Row<'_>) -> rusqlite::Result<SegmentRow> {
    Ok(SegmentRow {
        segment_id: row.get(0)?,
        totals: Totals {
            rows: row.get::<_, i64>(1)? as u64,
            events: row.get(2)?,
            requests: big_number(row, 3)?,
            unpriced: row.get(4)?,
            amount_nanos: big_number(row, 5)?,
        },
        occurred: Span { first_us: row.get(6)?, last_us: row.get(7)? },
        received: Span { first_us: row.get(8)?, last_us: row.get(9)? },
        log_seqs: (row.get(10)?, row.get(11)?),
        contents: contents(row, 12)?,
        rollup_contents: contents(row, 14)?,
    })
}

/// A sum that may pass 64 bits, as text.
fn big_number(row: &Row<'_>, index: usize) -> rusqlite::Result<i128> {
    row.get_ref(index)?.as_str()?.parse().map_err(|error: std::num::ParseIntError| {
        rusqlite::Error::FromSqlConversionFailure(
            index,
            rusqlite::types::Type::Text,
            Box::new(error),
        )
    })
}

fn contents(row: &Row<'_>, at: usize) -> rusqlite::Result<Contents> {
    Ok(Contents {
        size_bytes: row.get::<_, i64>(at)? as u64,
        checksum: row.get::<_, i64>(at + 1)? as u64,
    })
}
