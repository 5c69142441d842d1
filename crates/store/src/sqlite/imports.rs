//! How far imports came, and the budgets and runs that came with them.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use compact_str::{CompactString, format_compact};
use outlay_domain::Amount;
use outlay_domain::imports::{
    ANCHORS_MAX, ImportRecord, ImportedBudgets, ImportedLimit, ImportedPeriod, ImportedRun,
    ImportedRuns, ImportedThreshold, REFUSALS_MAX, RefusedRow, RowCounts, RowCursor,
};
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::time::{from_us, to_us};
use super::tx::{Imports, Tx, Writes};
use crate::StoreError;

const RECORDS: &str = "
    SELECT source, kind, name, cursor_id, cursor_fingerprint, counted_to, accepted, repeated,
           refused, left_out, refusals, first_at_us, last_at_us, file, merged_into
    FROM imports ORDER BY source";
const REFUSALS: &str = "SELECT refusals FROM imports WHERE source = ?1";
const RECORD: &str = "
    INSERT INTO imports (source, kind, name, cursor_id, cursor_fingerprint, counted_to, accepted,
                         repeated, refused, left_out, refusals, first_at_us, last_at_us, file)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?12, ?13)
    ON CONFLICT (source) DO UPDATE SET
        name = excluded.name,
        cursor_id = coalesce(excluded.cursor_id, imports.cursor_id),
        cursor_fingerprint = coalesce(excluded.cursor_fingerprint, imports.cursor_fingerprint),
        counted_to = coalesce(excluded.counted_to, imports.counted_to),
        accepted = imports.accepted + excluded.accepted,
        repeated = imports.repeated + excluded.repeated,
        refused = imports.refused + excluded.refused,
        left_out = imports.left_out + excluded.left_out,
        refusals = excluded.refusals,
        file = coalesce(excluded.file, imports.file),
        last_at_us = excluded.last_at_us";

const ANCHORS: &str =
    "SELECT row_id, fingerprint FROM import_anchors WHERE source = ?1 ORDER BY row_id";
const ADD_ANCHOR: &str = "
    INSERT INTO import_anchors (source, row_id, fingerprint) VALUES (?1, ?2, ?3)
    ON CONFLICT (source, row_id) DO UPDATE SET fingerprint = excluded.fingerprint";
const CLEAR_ANCHORS: &str = "DELETE FROM import_anchors WHERE source = ?1";

/// What counts for the source that stays; rows that one of the two was told to leave out stay out.
const TAKE_COUNTED_TO: &str = "
    UPDATE imports SET counted_to =
        (SELECT max(pair.counted_to) FROM imports AS pair WHERE pair.source IN (?1, ?2))
    WHERE source = ?1";
const MERGE: &str = "
    UPDATE imports SET merged_into = ?1, cursor_id = NULL, cursor_fingerprint = NULL
    WHERE source = ?2 AND merged_into IS NULL";
const ORPHANS: &str = "
    SELECT source FROM (SELECT source FROM imported_budgets UNION
                        SELECT source FROM imported_batches) AS sets
    WHERE (source = ?2 OR substr(source, 1, length(?2) + 1) = ?2 || ':') AND source <> ?1
      AND source NOT IN (SELECT source FROM imports)
      AND (EXISTS (SELECT 1 FROM imported_limits AS own JOIN imported_limits AS other
                   ON other.id = own.id AND other.source = ?1
                   WHERE own.source = sets.source)
        OR EXISTS (SELECT 1 FROM imported_batches AS own JOIN imported_batches AS other
                   ON other.id = own.id AND other.source = ?1
                   WHERE own.source = sets.source))
    ORDER BY source";
const COUNT_LIMITS: &str = "SELECT count(*) FROM imported_limits WHERE source = ?1";
const COUNT_RUNS: &str = "SELECT count(*) FROM imported_batches WHERE source = ?1";
const CLEAR_BUDGETS: &str = "DELETE FROM imported_budgets WHERE source = ?1";

const SETS: &str = "SELECT source, enabled FROM imported_budgets ORDER BY source";
const LIMITS: &str = "
    SELECT id, amount_nanos, period, model, endpoint, description
    FROM imported_limits WHERE source = ?1 ORDER BY id";
const THRESHOLDS: &str = "
    SELECT level, part_nanos, enabled FROM imported_thresholds WHERE source = ?1 ORDER BY level";
const PUT_SET: &str = "
    INSERT INTO imported_budgets (source, enabled, imported_at_us) VALUES (?1, ?2, ?3)
    ON CONFLICT (source) DO UPDATE
    SET enabled = excluded.enabled, imported_at_us = excluded.imported_at_us";
const CLEAR_SET: [&str; 2] = [
    "DELETE FROM imported_limits WHERE source = ?1",
    "DELETE FROM imported_thresholds WHERE source = ?1",
];
const ADD_LIMIT: &str = "
    INSERT INTO imported_limits
        (source, id, amount_nanos, period, model, endpoint, description)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
    ON CONFLICT (source, id) DO UPDATE SET
        amount_nanos = excluded.amount_nanos, period = excluded.period, model = excluded.model,
        endpoint = excluded.endpoint, description = excluded.description";
const ADD_THRESHOLD: &str = "
    INSERT INTO imported_thresholds (source, level, part_nanos, enabled)
    VALUES (?1, ?2, ?3, ?4)
    ON CONFLICT (source, level) DO UPDATE SET
        part_nanos = excluded.part_nanos, enabled = excluded.enabled";

const RUNS: &str = "
    SELECT source, id, tier, started_us, ended_us, leads
    FROM imported_batches ORDER BY source, started_us, id";
const CLEAR_RUNS: &str = "DELETE FROM imported_batches WHERE source = ?1";
const ADD_RUN: &str = "
    INSERT INTO imported_batches (source, id, tier, started_us, ended_us, leads)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6)
    ON CONFLICT (source, id) DO UPDATE SET
        tier = excluded.tier, started_us = excluded.started_us, ended_us = excluded.ended_us,
        leads = excluded.leads";

/// What became of some more rows of a source.
#[derive(Debug, Clone)]
pub struct ImportProgress {
    /// The source of the events.
    pub source: CompactString,
    /// What kind of source it is.
    pub kind: CompactString,
    /// The file's name.
    pub name: CompactString,
    /// How far it is read now.
    pub cursor: Option<RowCursor>,
    /// More rows by which it is known again.
    pub anchors: Vec<RowCursor>,
    /// Which file it is.
    pub file: Option<CompactString>,
    /// Up to which row calls were counted with their cost.
    pub counted_to: Option<i64>,
    /// What became of these rows.
    pub rows: RowCounts,
    /// Those that were not taken.
    pub refusals: Vec<RefusedRow>,
}

impl<A> Imports<'_, A> {
    /// All sources that were ever read, by name.
    pub fn records(&self) -> Result<Vec<ImportRecord>, StoreError> {
        let mut statement = self.conn.prepare_cached(RECORDS)?;
        let rows = statement.query_map([], read_record)?;
        let mut records = rows.collect::<Result<Vec<ImportRecord>, _>>()?;
        for record in &mut records {
            record.anchors = anchors(self.conn, &record.source)?;
        }
        Ok(records)
    }

    /// The sources of budgets and runs that are of the same database as `source`, whose kind is
    /// `kind`, although no rows came under them: an older version named them by the row that happened
    /// to be the first, or as long as there was none by its kind. Each has a month or a run in common
    /// with what came under `source`.
    pub fn orphans(&self, source: &str, kind: &str) -> Result<Vec<CompactString>, StoreError> {
        let mut statement = self.conn.prepare_cached(ORPHANS)?;
        let rows = statement.query_map([source, kind], |row| text(row, 0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The budgets of older systems, by their source.
    pub fn budgets(&self) -> Result<Vec<ImportedBudgets>, StoreError> {
        let sets = self
            .conn
            .prepare_cached(SETS)?
            .query_map([], |row| Ok((row.get::<_, String>(0)?, row.get(1)?)))?
            .collect::<Result<Vec<(String, bool)>, _>>()?;
        sets.into_iter()
            .map(|(source, enabled)| {
                let limits = limits(self.conn, &source)?;
                let thresholds = self
                    .conn
                    .prepare_cached(THRESHOLDS)?
                    .query_map([&source], read_threshold)?
                    .collect::<Result<_, _>>()?;
                Ok(ImportedBudgets { source: source.into(), enabled, limits, thresholds })
            })
            .collect()
    }

    /// The runs of older systems, by their source.
    pub fn runs(&self) -> Result<Vec<ImportedRuns>, StoreError> {
        let rows = self
            .conn
            .prepare_cached(RUNS)?
            .query_map([], |row| Ok((text(row, 0)?, read_run(row)?)))?
            .collect::<Result<Vec<(CompactString, ImportedRun)>, _>>()?;
        let mut sets: Vec<ImportedRuns> = Vec::new();
        for (source, run) in rows {
            match sets.last_mut() {
                Some(set) if set.source == source => set.runs.push(run),
                _ => sets.push(ImportedRuns { source, runs: vec![run] }),
            }
        }
        Ok(sets)
    }
}

impl Imports<'_, Writes> {
    /// Adds `progress` to what is remembered of its source.
    pub fn record(&self, progress: &ImportProgress, at: DateTime<Utc>) -> Result<(), StoreError> {
        let mut refusals: Vec<RefusedRow> = self
            .conn
            .prepare_cached(REFUSALS)?
            .query_row([progress.source.as_str()], |row| read_json(row, 0))
            .optional()?
            .unwrap_or_default();
        refusals.extend(progress.refusals.iter().cloned());
        refusals.drain(..refusals.len().saturating_sub(REFUSALS_MAX));
        let refusals = serde_json::to_string(&refusals)
            .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
        let cursor = progress.cursor.as_ref();
        let count = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        self.conn.prepare_cached(RECORD)?.execute(params![
            progress.source.as_str(),
            progress.kind.as_str(),
            progress.name.as_str(),
            cursor.map(|cursor| cursor.id),
            cursor.map(|cursor| cursor.fingerprint.as_str()),
            progress.counted_to,
            count(progress.rows.accepted),
            count(progress.rows.repeated),
            count(progress.rows.refused),
            count(progress.rows.left_out),
            refusals,
            to_us(at),
            progress.file.as_deref(),
        ])?;
        add_anchors(self.conn, &progress.source, &progress.anchors)
    }

    /// Lets `source` stand for `duplicate`, whose budgets and runs go. What people decided about
    /// those budgets is theirs, and passes to the ones that stay.
    pub fn merge(&self, source: &str, duplicate: &str) -> Result<MergedSets, StoreError> {
        let count = |sql| -> Result<u64, StoreError> {
            let count = self
                .conn
                .prepare_cached(sql)?
                .query_row([duplicate], |row| row.get::<_, i64>(0))?;
            Ok(count.unsigned_abs())
        };
        let (budgets, runs) = (count(COUNT_LIMITS)?, count(COUNT_RUNS)?);
        for limit in limits(self.conn, duplicate)? {
            let (from, to) = (budget_id(duplicate, &limit.id), budget_id(source, &limit.id));
            Tx::of(self.conn).budgets().pass_on(&from, &to)?;
        }
        for statement in CLEAR_SET.into_iter().chain([CLEAR_BUDGETS, CLEAR_RUNS]) {
            self.conn.prepare_cached(statement)?.execute([duplicate])?;
        }
        self.conn.prepare_cached(TAKE_COUNTED_TO)?.execute([source, duplicate])?;
        let merged = self.conn.prepare_cached(MERGE)?.execute([source, duplicate])?;
        Ok(MergedSets { was_there: merged > 0 || budgets + runs > 0, budgets, runs })
    }

    /// Keeps `budgets` in place of what that source had before.
    pub fn put_budgets(
        &self,
        budgets: &ImportedBudgets,
        at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let source = budgets.source.as_str();
        self.conn.prepare_cached(PUT_SET)?.execute(params![source, budgets.enabled, to_us(at)])?;
        for statement in CLEAR_SET {
            self.conn.prepare_cached(statement)?.execute([source])?;
        }
        for limit in &budgets.limits {
            self.conn.prepare_cached(ADD_LIMIT)?.execute(params![
                source,
                limit.id.as_str(),
                limit.amount.nanos(),
                limit.period.word().as_str(),
                limit.model.as_deref(),
                limit.endpoint.as_deref(),
                limit.description.as_deref(),
            ])?;
        }
        for threshold in &budgets.thresholds {
            self.conn.prepare_cached(ADD_THRESHOLD)?.execute(params![
                source,
                threshold.level.as_str(),
                threshold.part.nanos(),
                threshold.enabled,
            ])?;
        }
        Ok(())
    }

    /// Keeps `set` in place of the runs that its source had before.
    pub fn put_runs(&self, set: &ImportedRuns) -> Result<(), StoreError> {
        let source = set.source.as_str();
        self.conn.prepare_cached(CLEAR_RUNS)?.execute([source])?;
        for run in &set.runs {
            self.conn.prepare_cached(ADD_RUN)?.execute(params![
                source,
                run.id.as_str(),
                run.tier.as_deref(),
                to_us(run.started_at),
                run.ended_at.map(to_us),
                i64::try_from(run.leads).unwrap_or(i64::MAX),
            ])?;
        }
        Ok(())
    }
}

fn anchors(conn: &Connection, source: &str) -> Result<Vec<RowCursor>, StoreError> {
    let mut statement = conn.prepare_cached(ANCHORS)?;
    let rows = statement
        .query_map([source], |row| Ok(RowCursor { id: row.get(0)?, fingerprint: text(row, 1)? }))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Adds `new` to the anchors of `source`; where they become too many, every other one gives way.
fn add_anchors(tx: &Connection, source: &str, new: &[RowCursor]) -> Result<(), StoreError> {
    if new.is_empty() {
        return Ok(());
    }
    let mut all: BTreeMap<i64, CompactString> =
        anchors(tx, source)?.into_iter().map(|row| (row.id, row.fingerprint)).collect();
    all.extend(new.iter().map(|row| (row.id, row.fingerprint.clone())));
    while all.len() > ANCHORS_MAX {
        let last = all.len() - 1;
        let mut at = 0;
        all.retain(|_, _| {
            let stays = at % 2 == 0 || at == last;
            at += 1;
            stays
        });
    }
    tx.prepare_cached(CLEAR_ANCHORS)?.execute([source])?;
    for (id, fingerprint) in all {
        tx.prepare_cached(ADD_ANCHOR)?.execute(params![source, id, fingerprint.as_str()])?;
    }
    Ok(())
}

/// What went when a source was merged into another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MergedSets {
    /// Whether there was anything to merge.
    pub was_there: bool,
    /// Budgets.
    pub budgets: u64,
    /// Runs.
    pub runs: u64,
}

/// The id under which the budget `limit` of `source` stands among ours.
pub fn budget_id(source: &str, limit: &str) -> CompactString {
    format_compact!("imported:{source}:{limit}")
}

fn limits(conn: &Connection, source: &str) -> Result<Vec<ImportedLimit>, StoreError> {
    let mut statement = conn.prepare_cached(LIMITS)?;
    let rows = statement.query_map([source], read_limit)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn read_record(row: &Row<'_>) -> rusqlite::Result<ImportRecord> {
    let count = |at: usize| row.get::<_, i64>(at).map(i64::unsigned_abs);
    let cursor = match (row.get(3)?, row.get::<_, Option<String>>(4)?) {
        (Some(id), Some(fingerprint)) => Some(RowCursor { id, fingerprint: fingerprint.into() }),
        _ => None,
    };
    Ok(ImportRecord {
        source: text(row, 0)?,
        kind: text(row, 1)?,
        name: text(row, 2)?,
        cursor,
        anchors: Vec::new(),
        file: optional(row, 13)?,
        merged_into: optional(row, 14)?,
        counted_to: row.get(5)?,
        rows: RowCounts {
            accepted: count(6)?,
            repeated: count(7)?,
            refused: count(8)?,
            left_out: count(9)?,
        },
        refusals: read_json(row, 10)?,
        first_at: from_us(row.get(11)?),
        last_at: from_us(row.get(12)?),
    })
}

fn read_limit(row: &Row<'_>) -> rusqlite::Result<ImportedLimit> {
    let word = text(row, 2)?;
    let period = ImportedPeriod::parse(&word).ok_or_else(|| {
        rusqlite::Error::FromSqlConversionFailure(2, Type::Text, format!("`{word}`").into())
    })?;
    Ok(ImportedLimit {
        id: text(row, 0)?,
        amount: Amount::from_nanos(row.get(1)?),
        period,
        model: optional(row, 3)?,
        endpoint: optional(row, 4)?,
        description: optional(row, 5)?,
    })
}

fn read_threshold(row: &Row<'_>) -> rusqlite::Result<ImportedThreshold> {
    Ok(ImportedThreshold {
        level: text(row, 0)?,
        part: Amount::from_nanos(row.get(1)?),
        enabled: row.get(2)?,
    })
}

fn read_run(row: &Row<'_>) -> rusqlite::Result<ImportedRun> {
    Ok(ImportedRun {
        id: text(row, 1)?,
        tier: optional(row, 2)?,
        started_at: from_us(row.get(3)?),
        ended_at: row.get::<_, Option<i64>>(4)?.map(from_us),
        leads: row.get::<_, i64>(5)?.unsigned_abs(),
    })
}

fn text(row: &Row<'_>, at: usize) -> rusqlite::Result<CompactString> {
    Ok(row.get_ref(at)?.as_str()?.into())
}

fn optional(row: &Row<'_>, at: usize) -> rusqlite::Result<Option<CompactString>> {
    Ok(row.get_ref(at)?.as_str_or_null()?.map(CompactString::from))
}

fn read_json<T: serde::de::DeserializeOwned>(row: &Row<'_>, at: usize) -> rusqlite::Result<T> {
    serde_json::from_str(row.get_ref(at)?.as_str()?)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(at, Type::Text, Box::new(error)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use chrono::Duration;
    use rusqlite::Transaction;

    use super::*;

    fn imports(conn: &Connection) -> Imports<'_, Writes> {
        Tx::of(conn).imports()
    }

    fn books() -> Connection {
        let conn = Connection::open_in_memory().unwrap();
        for schema in [
            include_str!("migrations/0005_imports.sql"),
            include_str!("migrations/0007_budgets.sql"),
            include_str!("migrations/0011_imported_batches.sql"),
            include_str!("migrations/0017_import_anchors.sql"),
        ] {
            conn.execute_batch(schema).unwrap();
        }
        conn
    }

    fn write<T>(conn: &mut Connection, write: impl FnOnce(&Transaction<'_>) -> T) -> T {
        let tx = conn.transaction().unwrap();
        let value = write(&tx);
        tx.commit().unwrap();
        value
    }

    fn progress(id: i64, refused: usize) -> ImportProgress {
        ImportProgress {
            source: "leadfactory:gpt_usage:1".into(),
            kind: "gpt_usage".into(),
            name: "gpt_usage.db".into(),
            cursor: Some(RowCursor { id, fingerprint: format!("f{id}").into() }),
            anchors: vec![RowCursor { id, fingerprint: format!("f{id}").into() }],
            file: None,
            counted_to: None,
            rows: RowCounts { accepted: 10, repeated: 1, refused: refused as u64, left_out: 2 },
            refusals: (0..refused)
                .map(|at| RefusedRow {
                    row: format!("gpt_usage row {}", id * 1_000 + at as i64),
                    field: "amount".into(),
                    detail: "is NULL".into(),
                })
                .collect(),
        }
    }

    #[test]
    fn progress_adds_up_and_the_newest_refusals_stay() {
        let mut conn = books();
        let first_at = DateTime::UNIX_EPOCH + Duration::days(1);
        let last_at = first_at + Duration::days(1);

        write(&mut conn, |tx| {
            imports(tx).record(&ImportProgress { counted_to: Some(3), ..progress(7, 60) }, first_at)
        })
        .unwrap();
        write(&mut conn, |tx| imports(tx).record(&progress(9, 60), last_at)).unwrap();

        let record = imports(&conn).records().unwrap().pop().unwrap();
        assert_eq!(record.cursor, Some(RowCursor { id: 9, fingerprint: "f9".into() }));
        assert_eq!(record.counted_to, Some(3), "what was counted stays counted");
        let rows = RowCounts { accepted: 20, repeated: 2, refused: 120, left_out: 4 };
        assert_eq!(record.rows, rows);
        assert_eq!(record.refusals.len(), REFUSALS_MAX);
        assert_eq!(record.refusals.last().unwrap().row, "gpt_usage row 9059");
        assert_eq!((record.first_at, record.last_at), (first_at, last_at));
    }

    #[test]
    fn a_second_import_replaces_the_budgets_of_its_source() {
        let mut conn = books();
        let limit = |id: &str, period| ImportedLimit {
            id: id.into(),
            amount: "12.5".parse().unwrap(),
            period,
            model: Some("gpt-4o".into()),
            endpoint: None,
            description: Some("so".into()),
        };
        let month = ImportedPeriod::month(2026, 7).unwrap();
        let threshold = ImportedThreshold {
            level: "warning".into(),
            part: "0.75".parse().unwrap(),
            enabled: true,
        };
        let set = |limits, thresholds| ImportedBudgets {
            source: "leadfactory:budget_config".into(),
            enabled: true,
            limits,
            thresholds,
        };
        let first = set(vec![limit("daily", ImportedPeriod::Daily)], vec![threshold.clone()]);
        let second = set(vec![limit("2026-07", month)], vec![threshold]);

        write(&mut conn, |tx| imports(tx).put_budgets(&first, DateTime::UNIX_EPOCH)).unwrap();
        assert_eq!(imports(&conn).budgets().unwrap(), [first]);
        write(&mut conn, |tx| imports(tx).put_budgets(&second, DateTime::UNIX_EPOCH)).unwrap();

        assert_eq!(imports(&conn).budgets().unwrap(), [second]);
    }

    #[test]
    fn anchors_stay_spread_over_all_that_was_read() {
        let mut conn = books();
        for id in 1..=500 {
            write(&mut conn, |tx| imports(tx).record(&progress(id, 0), DateTime::UNIX_EPOCH))
                .unwrap();
        }

        let anchors = imports(&conn).records().unwrap().pop().unwrap().anchors;

        assert!((32..=ANCHORS_MAX).contains(&anchors.len()), "{}", anchors.len());
        assert_eq!((anchors[0].id, anchors.last().unwrap().id), (1, 500));
        assert!(anchors.iter().any(|anchor| (100..400).contains(&anchor.id)));
    }

    #[test]
    fn a_source_that_is_merged_leaves_its_usage_and_takes_its_budgets_along() {
        let mut conn = books();
        let (real, twin) = ("leadfactory:cost_tracking:1", "leadfactory:cost_tracking:2");
        let set = |source: &str| ImportedBudgets {
            source: source.into(),
            enabled: true,
            limits: vec![ImportedLimit {
                id: "2026-07".into(),
                amount: "10".parse().unwrap(),
                period: ImportedPeriod::month(2026, 7).unwrap(),
                model: None,
                endpoint: None,
                description: None,
            }],
            thresholds: Vec::new(),
        };
        let runs = |source: &str| ImportedRuns {
            source: source.into(),
            runs: vec![ImportedRun {
                id: "b".into(),
                tier: None,
                started_at: DateTime::UNIX_EPOCH,
                ended_at: None,
                leads: 3,
            }],
        };
        write(&mut conn, |tx| {
            for source in [real, twin] {
                imports(tx).put_budgets(&set(source), DateTime::UNIX_EPOCH).unwrap();
                imports(tx).put_runs(&runs(source)).unwrap();
            }
            let own = ImportProgress { source: real.into(), ..progress(7, 0) };
            imports(tx).record(&own, DateTime::UNIX_EPOCH).unwrap();
        });
        let kind = "leadfactory:cost_tracking";
        assert_eq!(imports(&conn).orphans(real, kind).unwrap(), [twin]);
        assert_eq!(imports(&conn).orphans(real, "leadfactory:gpt_usage").unwrap(), [""; 0]);

        let first = write(&mut conn, |tx| imports(tx).merge(real, twin)).unwrap();
        let second = write(&mut conn, |tx| imports(tx).merge(real, twin)).unwrap();

        assert_eq!(first, MergedSets { was_there: true, budgets: 1, runs: 1 });
        assert_eq!(second, MergedSets::default(), "exactly once");
        assert_eq!(imports(&conn).budgets().unwrap(), [set(real)]);
        assert_eq!(imports(&conn).runs().unwrap(), [runs(real)]);
        assert_eq!(imports(&conn).orphans(real, kind).unwrap(), [""; 0]);
    }
}
