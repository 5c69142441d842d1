//! Files that are made by themselves: by which schedules, of which periods, and what came of it.

use std::str::FromStr;

use compact_str::CompactString;
use outlay_domain::exports::{ExportFile, ExportRun, ExportSchedule, Period, RunState};
use rusqlite::types::Type;
use rusqlite::{OptionalExtension, Row, params};
use serde::Serialize;
use uuid::Uuid;

use super::time::{from_us, to_us};
use super::tx::{Exports, Writes};
use crate::StoreError;

const SCHEDULES: &str = "
    SELECT schedule_id, created_by, created_at_us, changed_at_us, planned_to_us, schedule
    FROM export_schedules";
const SCHEDULE_BY_ID: &str = "WHERE schedule_id = ?1";
const IN_ORDER: &str = "ORDER BY schedule_id";
const PUT_SCHEDULE: &str = "
    INSERT INTO export_schedules
        (schedule_id, created_by, created_at_us, changed_at_us, planned_to_us, schedule)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6)
    ON CONFLICT (schedule_id) DO UPDATE SET
        changed_at_us = excluded.changed_at_us, planned_to_us = excluded.planned_to_us,
        schedule = excluded.schedule";
const REMOVE_SCHEDULE: &str = "DELETE FROM export_schedules WHERE schedule_id = ?1";
const RUNS: &str = "
    SELECT run_id, schedule_id, period, from_us, to_us, due_at_us, asked_by, state, generation,
        attempts, next_try_at_us, ended_at_us, reason, file, size_bytes, row_count, sha256,
        made_at_us, made_by
    FROM export_runs";
const RUN_BY_ID: &str = "WHERE run_id = ?1";
const RUN_OF: &str = "WHERE schedule_id = ?1 AND from_us = ?2 AND to_us = ?3";
const NEWEST_OF: &str = "WHERE schedule_id = ?1 ORDER BY to_us DESC, run_id DESC LIMIT ?2";
const OPEN: &str = "WHERE state IN ('waiting', 'failed') ORDER BY next_try_at_us, to_us, run_id";
const KEPT: &str = "WHERE file IS NOT NULL ORDER BY to_us, run_id";
const ALL: &str = "ORDER BY to_us, run_id";
const PUT_RUN: &str = "
    INSERT INTO export_runs
        (run_id, schedule_id, period, from_us, to_us, due_at_us, asked_by, state, generation,
         attempts, next_try_at_us, ended_at_us, reason, file, size_bytes, row_count, sha256,
         made_at_us, made_by)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19)
    ON CONFLICT (run_id) DO UPDATE SET
        due_at_us = excluded.due_at_us, asked_by = excluded.asked_by, state = excluded.state,
        generation = excluded.generation, attempts = excluded.attempts,
        next_try_at_us = excluded.next_try_at_us, ended_at_us = excluded.ended_at_us,
        reason = excluded.reason, file = excluded.file, size_bytes = excluded.size_bytes,
        row_count = excluded.row_count, sha256 = excluded.sha256,
        made_at_us = excluded.made_at_us, made_by = excluded.made_by";
const FORGET_OLD: &str = "
    DELETE FROM export_runs
    WHERE schedule_id = ?1 AND state = 'removed' AND to_us <= (
        SELECT older.to_us FROM export_runs AS older
        WHERE older.schedule_id = ?1 ORDER BY older.to_us DESC LIMIT 1 OFFSET ?2)";

impl<A> Exports<'_, A> {
    /// Every schedule, by id.
    pub fn schedules(&self) -> Result<Vec<ExportSchedule>, StoreError> {
        let mut statement = self.conn.prepare_cached(&format!("{SCHEDULES} {IN_ORDER}"))?;
        let found = statement.query_map([], read_schedule)?;
        Ok(found.collect::<Result<_, _>>()?)
    }

    /// The schedule of that id.
    pub fn schedule(&self, id: Uuid) -> Result<Option<ExportSchedule>, StoreError> {
        let mut statement = self.conn.prepare_cached(&format!("{SCHEDULES} {SCHEDULE_BY_ID}"))?;
        Ok(statement.query_row([id.to_string()], read_schedule).optional()?)
    }

    /// The `limit` newest periods of a schedule, the newest first.
    pub fn runs(&self, schedule: Uuid, limit: u32) -> Result<Vec<ExportRun>, StoreError> {
        let mut statement = self.conn.prepare_cached(&format!("{RUNS} {NEWEST_OF}"))?;
        let found = statement.query_map(params![schedule.to_string(), limit], read_run)?;
        Ok(found.collect::<Result<_, _>>()?)
    }

    /// The run of that id.
    pub fn run(&self, id: Uuid) -> Result<Option<ExportRun>, StoreError> {
        let mut statement = self.conn.prepare_cached(&format!("{RUNS} {RUN_BY_ID}"))?;
        Ok(statement.query_row([id.to_string()], read_run).optional()?)
    }

    /// The run of a period.
    pub fn run_of(&self, schedule: Uuid, period: &Period) -> Result<Option<ExportRun>, StoreError> {
        let mut statement = self.conn.prepare_cached(&format!("{RUNS} {RUN_OF}"))?;
        let key = params![schedule.to_string(), to_us(period.from), to_us(period.to)];
        Ok(statement.query_row(key, read_run).optional()?)
    }

    /// Those that are still to be made, the one that is tried first before the others.
    pub fn open_runs(&self) -> Result<Vec<ExportRun>, StoreError> {
        self.listed(&format!("{RUNS} {OPEN}"))
    }

    /// Those of which there is a file, the oldest period first.
    pub fn kept_runs(&self) -> Result<Vec<ExportRun>, StoreError> {
        self.listed(&format!("{RUNS} {KEPT}"))
    }

    /// All of them, the oldest period first.
    pub fn all_runs(&self) -> Result<Vec<ExportRun>, StoreError> {
        self.listed(&format!("{RUNS} {ALL}"))
    }

    fn listed(&self, sql: &str) -> Result<Vec<ExportRun>, StoreError> {
        let mut statement = self.conn.prepare_cached(sql)?;
        let found = statement.query_map([], read_run)?;
        Ok(found.collect::<Result<_, _>>()?)
    }
}

impl Exports<'_, Writes> {
    /// Keeps a schedule, in place of the one of its id.
    pub fn put_schedule(&self, schedule: &ExportSchedule) -> Result<(), StoreError> {
        self.conn.prepare_cached(PUT_SCHEDULE)?.execute(params![
            schedule.id.to_string(),
            schedule.created_by.as_str(),
            to_us(schedule.created_at),
            to_us(schedule.changed_at),
            to_us(schedule.planned_to),
            text("the export schedule", schedule.id, &schedule.draft)?,
        ])?;
        Ok(())
    }

    /// Removes a schedule with all that is known of its periods.
    pub fn remove_schedule(&self, id: Uuid) -> Result<(), StoreError> {
        self.conn.prepare_cached(REMOVE_SCHEDULE)?.execute([id.to_string()])?;
        Ok(())
    }

    /// Keeps a run, in place of the one of its id.
    pub fn put_run(&self, run: &ExportRun) -> Result<(), StoreError> {
        let file = run.file.as_ref();
        let made_by = file.map(|file| text("the export run", run.id, &file.made_by)).transpose()?;
        self.conn.prepare_cached(PUT_RUN)?.execute(params![
            run.id.to_string(),
            run.schedule.to_string(),
            run.period.first.to_string(),
            to_us(run.period.from),
            to_us(run.period.to),
            to_us(run.period.due_at),
            run.asked_by.as_deref(),
            run.state.as_str(),
            run.generation,
            run.attempts,
            to_us(run.next_try_at),
            run.ended_at.map(to_us),
            run.reason,
            file.map(|file| file.name.as_str()),
            file.map(|file| signed(file.size_bytes)),
            file.and_then(|file| file.rows).map(signed),
            file.map(|file| file.sha256.as_str()),
            file.map(|file| to_us(file.made_at)),
            made_by,
        ])?;
        Ok(())
    }

    /// Forgets which files there were of all but the newest `kept` periods.
    pub fn forget_old(&self, schedule: Uuid, kept: u32) -> Result<(), StoreError> {
        self.conn.prepare_cached(FORGET_OLD)?.execute(params![schedule.to_string(), kept])?;
        Ok(())
    }
}

fn text(what: &str, id: Uuid, value: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Damaged {
        what: format!("{what} `{id}`"),
        how: error.to_string(),
    })
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn unsigned(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<u64>> {
    Ok(row.get::<_, Option<i64>>(column)?.map(|number| number.max(0).unsigned_abs()))
}

fn wrong(column: usize, what: String) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, what.into())
}

/// A value that is kept as its text.
fn parsed<T: FromStr<Err: ToString>>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    text.parse().map_err(|error: T::Err| wrong(column, error.to_string()))
}

fn read_schedule(row: &Row<'_>) -> rusqlite::Result<ExportSchedule> {
    let json: String = row.get(5)?;
    Ok(ExportSchedule {
        id: parsed(row, 0)?,
        created_by: CompactString::from(row.get::<_, String>(1)?),
        created_at: from_us(row.get(2)?),
        changed_at: from_us(row.get(3)?),
        planned_to: from_us(row.get(4)?),
        draft: serde_json::from_str(&json).map_err(|error| wrong(5, error.to_string()))?,
    })
}

fn read_run(row: &Row<'_>) -> rusqlite::Result<ExportRun> {
    let state: String = row.get(7)?;
    Ok(ExportRun {
        id: parsed(row, 0)?,
        schedule: parsed(row, 1)?,
        period: Period {
            first: parsed(row, 2)?,
            from: from_us(row.get(3)?),
            to: from_us(row.get(4)?),
            due_at: from_us(row.get(5)?),
        },
        asked_by: row.get::<_, Option<String>>(6)?.map(CompactString::from),
        state: RunState::parse(&state).ok_or_else(|| wrong(7, format!("`{state}` is no state")))?,
        generation: row.get(8)?,
        attempts: row.get(9)?,
        next_try_at: from_us(row.get(10)?),
        ended_at: row.get::<_, Option<i64>>(11)?.map(from_us),
        reason: row.get(12)?,
        file: read_file(row)?,
    })
}

fn read_file(row: &Row<'_>) -> rusqlite::Result<Option<ExportFile>> {
    let Some(name) = row.get::<_, Option<String>>(13)? else { return Ok(None) };
    let made_by: String = row.get(18)?;
    Ok(Some(ExportFile {
        name,
        size_bytes: unsigned(row, 14)?.unwrap_or_default(),
        rows: unsigned(row, 15)?,
        sha256: row.get(16)?,
        made_at: from_us(row.get(17)?),
        made_by: serde_json::from_str(&made_by).map_err(|error| wrong(18, error.to_string()))?,
    }))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use chrono::{DateTime, TimeDelta, Utc};
    use outlay_domain::exports::ScheduleDraft;

    use super::*;
    use crate::Books;

    fn at(day: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_790_000_000 / 86_400 * 86_400, 0).unwrap() + TimeDelta::days(day)
    }

    fn schedule(number: u128) -> ExportSchedule {
        let draft: ScheduleDraft = serde_json::from_str(
            r#"{"name": "Nightly", "export": {"kind": "events", "format": "csv"}, "filters": {},
                "calendar": {"cadence": {"every": "day"}, "hour": 6, "tz": "UTC"},
                "keep": 3, "enabled": true}"#,
        )
        .unwrap();
        ExportSchedule {
            id: Uuid::from_u128(number),
            created_by: "ada".into(),
            created_at: at(0),
            changed_at: at(0),
            planned_to: at(0),
            draft,
        }
    }

    fn run(number: u128, schedule: &ExportSchedule, day: i64) -> ExportRun {
        let period = Period {
            first: at(day).date_naive(),
            from: at(day),
            to: at(day + 1),
            due_at: at(day + 1),
        };
        ExportRun::new(Uuid::from_u128(number), schedule.id, period, at(day + 1))
    }

    fn file(name: &str) -> ExportFile {
        ExportFile {
            name: name.into(),
            size_bytes: 12,
            rows: Some(1),
            sha256: "ab".repeat(32),
            made_at: at(9),
            made_by: schedule(1).draft,
        }
    }

    #[test]
    fn a_run_is_read_as_it_was_written_and_goes_with_its_schedule() {
        let folder = tempfile::tempdir().unwrap();
        let books = Books::open(folder.path()).unwrap();
        let kept = schedule(1);
        let mut made = run(2, &kept, 1);
        made.finish(file("a.csv"));
        let mut failed = run(3, &kept, 2);
        failed.fail(at(3), "no space left".into());

        books
            .write_blocking(|tx| {
                tx.exports().put_schedule(&kept)?;
                [&made, &failed].into_iter().try_for_each(|run| tx.exports().put_run(run))
            })
            .unwrap();

        books
            .read_blocking(|books| {
                let exports = books.exports();
                assert_eq!(exports.schedules()?, std::slice::from_ref(&kept));
                assert_eq!(exports.runs(kept.id, 9)?, [failed.clone(), made.clone()]);
                assert_eq!(exports.runs(kept.id, 1)?, std::slice::from_ref(&failed));
                assert_eq!(exports.open_runs()?, std::slice::from_ref(&failed));
                assert_eq!(exports.kept_runs()?, std::slice::from_ref(&made));
                assert_eq!(exports.run_of(kept.id, &made.period)?, Some(made.clone()));
                Ok(())
            })
            .unwrap();
        books.write_blocking(|tx| tx.exports().remove_schedule(kept.id)).unwrap();
        assert_eq!(books.read_blocking(|books| books.exports().all_runs()).unwrap(), []);
    }

    #[test]
    fn a_period_of_a_schedule_is_there_once() {
        let folder = tempfile::tempdir().unwrap();
        let books = Books::open(folder.path()).unwrap();
        let kept = schedule(1);

        let twice: Result<(), StoreError> = books.write_blocking(|tx| {
            tx.exports().put_schedule(&kept)?;
            tx.exports().put_run(&run(2, &kept, 1))?;
            tx.exports().put_run(&run(3, &kept, 1))
        });

        assert!(twice.is_err());
    }

    #[test]
    fn periods_long_gone_are_forgotten_unless_their_file_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let books = Books::open(folder.path()).unwrap();
        let kept = schedule(1);
        let mut runs: Vec<_> = (0..6).map(|day| run(10 + day as u128, &kept, day)).collect();
        runs[0].finish(file("kept.csv"));
        for run in &mut runs[1..5] {
            run.let_go("too old".into());
        }

        books
            .write_blocking(|tx| {
                tx.exports().put_schedule(&kept)?;
                runs.iter().try_for_each(|run| tx.exports().put_run(run))?;
                tx.exports().forget_old(kept.id, 2)
            })
            .unwrap();

        let left = books.read_blocking(|books| books.exports().all_runs()).unwrap();
        assert_eq!(left, [runs[0].clone(), runs[4].clone(), runs[5].clone()]);
    }
}
