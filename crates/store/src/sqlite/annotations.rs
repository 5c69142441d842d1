//! What people write onto charts.

use chrono::{DateTime, Utc};
use compact_str::CompactString;
use outlay_domain::annotations::Annotation;
use rusqlite::types::Type;
use rusqlite::{OptionalExtension, Row, params};
use uuid::Uuid;

use super::time::{from_us, to_us};
use super::tx::{Annotations, Writes};
use crate::StoreError;

const COLUMNS: &str =
    "SELECT annotation_id, author, account, created_at_us, annotation FROM annotations";
const WITHIN: &str = "
    WHERE at_us < ?2 AND until_us >= ?1
      AND (CAST(?3 AS TEXT) IS NULL OR account IS NULL OR account = ?3)
    ORDER BY at_us DESC, annotation_id DESC LIMIT ?4";
const BY_ID: &str = "WHERE annotation_id = ?1";
const COUNT: &str = "SELECT count(*) FROM annotations WHERE author = ?1";
const PUT: &str = "
    INSERT INTO annotations
        (annotation_id, author, account, created_at_us, at_us, until_us, annotation)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
    ON CONFLICT (annotation_id) DO UPDATE SET
        at_us = excluded.at_us, until_us = excluded.until_us, annotation = excluded.annotation";
const REMOVE: &str = "DELETE FROM annotations WHERE annotation_id = ?1";

impl<A> Annotations<'_, A> {
    /// The newest `limit` annotations of `[from, to)` that are of no account or of `own`; of any,
    /// where there is none.
    pub fn within(
        &self,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
        own: Option<&str>,
        limit: u32,
    ) -> Result<Vec<Annotation>, StoreError> {
        let mut statement = self.conn.prepare_cached(&format!("{COLUMNS} {WITHIN}"))?;
        let found = statement.query_map(params![to_us(from), to_us(to), own, limit], read)?;
        Ok(found.collect::<Result<_, _>>()?)
    }

    /// All of them whose text or scope has these letters somewhere.
    pub fn naming(&self, letters: &str) -> Result<Vec<Annotation>, StoreError> {
        let mut statement = self.conn.prepare_cached(COLUMNS)?;
        let mut found = Vec::new();
        for note in statement.query_map([], read)? {
            let note = note?;
            let is_in_scope =
                || note.draft.scope.names().values().flatten().any(|one| one == letters);
            if note.draft.text.contains(letters) || is_in_scope() {
                found.push(note);
            }
        }
        Ok(found)
    }

    /// The annotation of that id.
    pub fn find(&self, id: Uuid) -> Result<Option<Annotation>, StoreError> {
        let mut statement = self.conn.prepare_cached(&format!("{COLUMNS} {BY_ID}"))?;
        Ok(statement.query_row([id.to_string()], read).optional()?)
    }

    /// How many `author` has written.
    pub fn count_of(&self, author: &str) -> Result<usize, StoreError> {
        let count = self.conn.prepare_cached(COUNT)?.query_row([author], |row| row.get(0));
        Ok(usize::try_from(count.map(i64::unsigned_abs)?).unwrap_or(usize::MAX))
    }
}

impl Annotations<'_, Writes> {
    /// Keeps an annotation, in place of the one of its id.
    pub fn put(&self, note: &Annotation) -> Result<(), StoreError> {
        let json = serde_json::to_string(&note.draft).map_err(|error| StoreError::Damaged {
            what: format!("the annotation `{}`", note.id),
            how: error.to_string(),
        })?;
        self.conn.prepare_cached(PUT)?.execute(params![
            note.id.to_string(),
            note.author.as_str(),
            note.account.as_deref(),
            to_us(note.created_at),
            to_us(note.draft.at),
            to_us(note.draft.until.unwrap_or(note.draft.at)),
            json,
        ])?;
        Ok(())
    }

    /// Removes the annotation of that id.
    pub fn remove(&self, id: Uuid) -> Result<(), StoreError> {
        self.conn.prepare_cached(REMOVE)?.execute([id.to_string()])?;
        Ok(())
    }
}

fn read(row: &Row<'_>) -> Result<Annotation, rusqlite::Error> {
    let wrong = |column: usize, what: String| {
        rusqlite::Error::FromSqlConversionFailure(column, Type::Text, what.into())
    };
    let (id, json): (String, String) = (row.get(0)?, row.get(4)?);
    Ok(Annotation {
        id: id.parse().map_err(|error: uuid::Error| wrong(0, error.to_string()))?,
        author: CompactString::from(row.get::<_, String>(1)?),
        account: row.get::<_, Option<String>>(2)?.map(CompactString::from),
        created_at: from_us(row.get(3)?),
        draft: serde_json::from_str(&json).map_err(|error| wrong(4, error.to_string()))?,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::Books;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn note(number: u128, account: Option<&str>, from: &str, until: Option<&str>) -> Annotation {
        let draft = serde_json::json!({
            "text": format!("Release {number}"), "at": from, "until": until, "scope": {},
        });
        Annotation {
            id: Uuid::from_u128(number),
            author: "ada".into(),
            account: account.map(Into::into),
            created_at: at("2026-11-20T00:00:00Z"),
            draft: serde_json::from_value(draft).unwrap(),
        }
    }

    #[test]
    fn annotations_are_found_by_their_time_and_account() {
        let folder = tempfile::tempdir().unwrap();
        let books = Books::open(folder.path()).unwrap();
        let kept = [
            note(1, None, "2026-11-01T00:00:00Z", Some("2026-11-10T00:00:00Z")),
            note(2, None, "2026-11-10T00:00:00Z", None),
            note(3, Some("shop"), "2026-11-11T00:00:00Z", None),
            note(4, None, "2026-11-12T00:00:00Z", None),
        ];
        books
            .write_blocking(|tx| kept.iter().try_for_each(|note| tx.annotations().put(note)))
            .unwrap();

        let found = |own: Option<&'static str>, limit| {
            let (from, to) = (at("2026-11-10T00:00:00Z"), at("2026-11-12T00:00:00Z"));
            let found = books
                .read_blocking(move |books| books.annotations().within(from, to, own, limit))
                .unwrap();
            found.into_iter().map(|note| note.id.as_u128()).collect::<Vec<_>>()
        };
        assert_eq!(found(None, 10), [3, 2, 1]);
        assert_eq!(found(None, 1), [3]);
        assert_eq!(found(Some("acme"), 10), [2, 1]);
        assert_eq!(found(Some("shop"), 10), [3, 2, 1]);
    }
}
