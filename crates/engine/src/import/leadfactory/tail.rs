//! Reads a table of a growing database from its beginning to its end, and on from there.

use std::path::PathBuf;

use compact_str::CompactString;

use super::database::{Database, DatabaseError, Patience, Reader, Row, Table};

/// The last row that was sent and kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// Its id.
    pub id: i64,
    /// Its fingerprint: an id can be given again after a database was put back from a copy.
    pub fingerprint: CompactString,
}

/// A database that was read before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Its identity.
    pub identity: CompactString,
    /// How far it was read.
    pub cursor: Option<Cursor>,
}

/// How many rows there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rows {
    /// Those that were read before.
    pub before: u64,
    /// Those that are still to be read.
    pub left: u64,
}

impl std::ops::AddAssign for Rows {
    fn add_assign(&mut self, other: Self) {
        self.before += other.before;
        self.left += other.left;
    }
}

/// What a look at the table found out about the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Another database stands where one was read.
    Replaced,
    /// The row of the cursor is gone or is another one: the database was put back from a copy.
    PutBack {
        /// The row.
        id: i64,
    },
    /// The first rows were deleted; the database is the same.
    BeginningGone,
}

/// A table that is read to its end, again and again.
///
/// The file is opened anew for each page: it may be replaced, moved away or locked in between,
/// and no lock is held while a page is sent on.
#[derive(Debug)]
pub struct Tail {
    path: PathBuf,
    table: &'static Table,
    patience: Patience,
    known: Vec<Known>,
    identity: Option<CompactString>,
    first_row: Option<CompactString>,
    cursor: Option<Cursor>,
    changes: Vec<Change>,
}

impl Tail {
    /// Reads `table` of `database`. What is `known` is recognised and read on.
    pub fn new(
        database: &Database,
        table: &'static Table,
        known: Vec<Known>,
        patience: Patience,
    ) -> Self {
        Self {
            path: database.path.clone(),
            table,
            patience,
            known,
            identity: None,
            first_row: None,
            cursor: None,
            changes: Vec::new(),
        }
    }

    /// The identity, once there is a row.
    pub fn identity(&self) -> Option<&CompactString> {
        self.identity.as_ref()
    }

    /// How far the table was read.
    pub fn cursor(&self) -> Option<&Cursor> {
        self.cursor.as_ref()
    }

    /// What changed about the file since this was last asked.
    pub fn take_changes(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changes)
    }

    /// Finds out which database it is, and how many of its rows were read before.
    pub fn recognise(&mut self) -> Result<Rows, DatabaseError> {
        let patience = self.patience.clone();
        patience.retry(|| {
            let reader = Reader::open(&self.path)?;
            self.look(&reader)?;
            let all = reader.count_to(self.table, i64::MAX)?;
            let before = match &self.cursor {
                Some(cursor) => reader.count_to(self.table, cursor.id)?,
                None => 0,
            };
            Ok(Rows { before, left: all.saturating_sub(before) })
        })
    }

    /// The next rows, at most `limit`; none when all were read.
    pub fn next(&mut self, limit: usize) -> Result<Vec<Row>, DatabaseError> {
        let patience = self.patience.clone();
        let rows = patience.retry(|| {
            let reader = Reader::open(&self.path)?;
            self.look(&reader)?;
            let after = self.cursor.as_ref().map_or(i64::MIN, |cursor| cursor.id);
            reader.page(self.table, after, limit)
        })?;
        if let Some(row) = rows.last() {
            self.cursor = Some(Cursor { id: row.id, fingerprint: row.fingerprint() });
        }
        Ok(rows)
    }

    /// Opens the file once more, for a question beside the pages.
    pub fn ask<T>(
        &self,
        question: impl Fn(&Reader) -> Result<T, DatabaseError>,
    ) -> Result<T, DatabaseError> {
        self.patience.retry(|| question(&Reader::open(&self.path)?))
    }

    /// Makes sure that it is still the same database, and that the cursor's row is.
    fn look(&mut self, reader: &Reader) -> Result<(), DatabaseError> {
        let Some(first) = reader.page(self.table, i64::MIN, 1)?.pop() else { return Ok(()) };
        let first = first.fingerprint();
        if self.first_row.as_ref() == Some(&first) {
            return self.check_cursor(reader);
        }
        if self.identity.is_some() {
            if self.holds(reader, self.cursor.as_ref())? {
                self.changes.push(Change::BeginningGone);
                self.first_row = Some(first);
                return Ok(());
            }
            self.changes.push(Change::Replaced);
        }
        self.settle(reader, first)
    }

    fn settle(&mut self, reader: &Reader, first: CompactString) -> Result<(), DatabaseError> {
        let mut found = self.known.iter().find(|known| known.identity == first).cloned();
        if found.is_none() {
            for known in &self.known {
                if known.cursor.is_some() && self.holds(reader, known.cursor.as_ref())? {
                    self.changes.push(Change::BeginningGone);
                    found = Some(known.clone());
                    break;
                }
            }
        }
        self.first_row = Some(first.clone());
        let known = found.unwrap_or(Known { identity: first, cursor: None });
        self.identity = Some(known.identity);
        self.cursor = known.cursor;
        self.check_cursor(reader)
    }

    fn check_cursor(&mut self, reader: &Reader) -> Result<(), DatabaseError> {
        if let Some(cursor) = &self.cursor
            && !self.holds(reader, Some(cursor))?
        {
            self.changes.push(Change::PutBack { id: cursor.id });
            self.cursor = None;
        }
        Ok(())
    }

    fn holds(&self, reader: &Reader, cursor: Option<&Cursor>) -> Result<bool, DatabaseError> {
        let Some(cursor) = cursor else { return Ok(false) };
        let row = reader.row(self.table, cursor.id)?;
        Ok(row.is_some_and(|row| row.fingerprint() == cursor.fingerprint))
    }
}
