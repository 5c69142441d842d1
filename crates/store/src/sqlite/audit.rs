//! The audit trail: what was done by whom. It only grows, and triggers see to that.

use outlay_domain::people::{AuditEntry, AuditRecord};
use rusqlite::types::Type;
use rusqlite::{OptionalExtension, Row, params};

use super::time::{from_us, to_us};
use super::tx::{Audit, Writes};
use crate::StoreError;

const APPEND: &str = "
    INSERT INTO audit (at_us, actor, action, target, detail)
    VALUES (?1, ?2, ?3, ?4, ?5)";

const PAGE: &str = "
    SELECT seq, at_us, actor, action, target, detail
    FROM audit
    WHERE seq < ?1
      AND (CAST(?2 AS TEXT) IS NULL OR actor = ?2)
      AND (CAST(?3 AS TEXT) IS NULL OR target = ?3)
      AND (CAST(?4 AS TEXT) IS NULL OR action = ?4)
    ORDER BY seq DESC
    LIMIT ?5";

const LATEST: &str = "SELECT max(seq) FROM audit";

/// Which lines of the trail are asked for.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    /// Only what this user did.
    pub actor: Option<String>,
    /// Only what was done to this.
    pub target: Option<String>,
    /// Only this kind of act.
    pub action: Option<String>,
    /// Only lines before this one.
    pub before: Option<i64>,
}

impl<A> Audit<'_, A> {
    /// The newest `limit` lines that `filter` asks for, the newest first.
    pub fn page(&self, filter: &AuditFilter, limit: u32) -> Result<Vec<AuditEntry>, StoreError> {
        let mut statement = self.conn.prepare_cached(PAGE)?;
        let rows = statement.query_map(
            params![
                filter.before.unwrap_or(i64::MAX),
                filter.actor,
                filter.target,
                filter.action,
                limit,
            ],
            entry,
        )?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The place of the newest line; `None` while nothing was done.
    pub fn latest(&self) -> Result<Option<i64>, StoreError> {
        Ok(self.conn.prepare_cached(LATEST)?.query_row([], |row| row.get(0)).optional()?.flatten())
    }
}

impl Audit<'_, Writes> {
    /// Adds a line, in the transaction of what it tells about.
    pub fn append(&self, record: &AuditRecord) -> Result<(), StoreError> {
        let detail = record.detail.to_string();
        self.conn.prepare_cached(APPEND)?.execute(params![
            to_us(record.at),
            record.actor.as_str(),
            record.action.as_str(),
            record.target.as_str(),
            detail,
        ])?;
        Ok(())
    }
}

fn entry(row: &Row<'_>) -> rusqlite::Result<AuditEntry> {
    Ok(AuditEntry {
        seq: row.get(0)?,
        record: AuditRecord {
            at: from_us(row.get(1)?),
            actor: row.get::<_, String>(2)?.into(),
            action: row.get::<_, String>(3)?.into(),
            target: row.get::<_, String>(4)?.into(),
            detail: detail(row)?,
        },
    })
}

fn detail(row: &Row<'_>) -> rusqlite::Result<serde_json::Value> {
    serde_json::from_str(row.get_ref(5)?.as_str()?)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(5, Type::Text, Box::new(error)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use chrono::{DateTime, Duration};
    use rusqlite::Connection;
    use serde_json::json;

    use super::*;
    use crate::sqlite::Tx;

    fn audit(conn: &Connection) -> Audit<'_, Writes> {
        Tx::of(conn).audit()
    }

    fn books() -> Connection {
        let conn = Connection::open_in_memory().unwrap();
        conn.execute_batch(include_str!("migrations/0004_people.sql")).unwrap();
        conn
    }

    fn line(minute: i64, actor: &str, action: &str, target: &str) -> AuditRecord {
        AuditRecord {
            at: DateTime::UNIX_EPOCH + Duration::minutes(minute),
            actor: actor.into(),
            action: action.into(),
            target: target.into(),
            detail: json!({ "minute": minute }),
        }
    }

    #[test]
    fn the_trail_is_read_from_its_end_page_by_page() {
        let mut conn = books();
        let tx = conn.transaction().unwrap();
        for minute in 0..5 {
            audit(&tx).append(&line(minute, "admin", "user.added", "alice")).unwrap();
        }
        audit(&tx).append(&line(5, "bob", "key.revoked", "k1")).unwrap();
        tx.commit().unwrap();

        let first = audit(&conn).page(&AuditFilter::default(), 4).unwrap();
        let before = Some(first.last().unwrap().seq);
        let rest = audit(&conn).page(&AuditFilter { before, ..Default::default() }, 4).unwrap();
        let bobs = audit(&conn)
            .page(&AuditFilter { actor: Some("bob".into()), ..Default::default() }, 4)
            .unwrap();

        let minutes = |lines: &[AuditEntry]| -> Vec<_> {
            lines.iter().map(|line| line.record.detail["minute"].as_i64().unwrap()).collect()
        };
        assert_eq!(minutes(&first), [5, 4, 3, 2]);
        assert_eq!(minutes(&rest), [1, 0]);
        assert_eq!(bobs.len(), 1);
        assert_eq!(bobs[0].record, line(5, "bob", "key.revoked", "k1"));
        assert_eq!(audit(&conn).latest().unwrap(), Some(6));
    }

    #[test]
    fn nobody_changes_or_deletes_a_line() {
        let mut conn = books();
        let tx = conn.transaction().unwrap();
        audit(&tx).append(&line(0, "admin", "user.added", "alice")).unwrap();
        tx.commit().unwrap();

        let refused = |sql| conn.execute(sql, []).unwrap_err().to_string();

        assert_eq!(refused("UPDATE audit SET actor = 'mallory'"), "the audit trail only grows");
        assert_eq!(refused("DELETE FROM audit"), "the audit trail only grows");
        assert_eq!(
            refused("INSERT OR REPLACE INTO audit VALUES (1, 0, 'm', 'm', 'm', '{}')"),
            "the audit trail only grows"
        );
    }
}
