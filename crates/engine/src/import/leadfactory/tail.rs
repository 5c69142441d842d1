//! Reads a table of a growing database from its beginning to its end, and on from there.

use std::path::{Path, PathBuf};

use compact_str::CompactString;

use super::database::{Database, DatabaseError, Patience, Reader, Row, Table};
pub use super::identity::Known;
use super::identity::{Anchors, file_id, is_same};

/// The last row that was sent and kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// Its id.
    pub id: i64,
    /// Its fingerprint: an id can be given again after a database was put back from a copy.
    pub fingerprint: CompactString,
}

impl Cursor {
    /// The cursor that stands on `row`.
    pub fn of(row: &Row) -> Self {
        Self { id: row.id, fingerprint: row.fingerprint() }
    }
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
    from_the_beginning: bool,
    identity: Option<CompactString>,
    duplicates: Vec<CompactString>,
    file: Option<CompactString>,
    first_row: Option<CompactString>,
    cursor: Option<Cursor>,
    anchors: Anchors,
    changes: Vec<Change>,
}

impl Tail {
    /// Reads `table` of `database`. What is `known` is recognised and read on; of several that
    /// are this one, the first in the list stays.
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
            from_the_beginning: false,
            identity: None,
            duplicates: Vec::new(),
            file: None,
            first_row: None,
            cursor: None,
            anchors: Anchors::default(),
            changes: Vec::new(),
        }
    }

    /// Reads all rows again. Which database it is, is told as before.
    pub fn from_the_beginning(mut self) -> Self {
        self.from_the_beginning = true;
        self
    }

    /// The file, under whatever name.
    pub fn file(&self) -> Option<&CompactString> {
        self.file.as_ref()
    }

    /// The identities under which the same database was read as well, by an older version.
    pub fn duplicates(&self) -> &[CompactString] {
        &self.duplicates
    }

    /// The rows by which it is known again that nobody was told of yet.
    pub fn take_anchors(&mut self) -> Vec<Cursor> {
        self.anchors.take_fresh()
    }

    /// Where the database is.
    pub fn path(&self) -> &Path {
        &self.path
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
            self.cursor = Some(Cursor::of(row));
            self.anchors.add_page(&rows);
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
        let mark = first.fingerprint();
        if self.first_row.as_ref() == Some(&mark) {
            return self.check_cursor(reader);
        }
        let file = file_id(&self.path);
        if let Some(own) = self.own() {
            if is_same(reader, self.table, &first, file.as_ref(), &own)? {
                self.changes.push(Change::BeginningGone);
                self.first_row = Some(mark);
                self.file = file;
                return self.check_cursor(reader);
            }
            self.changes.push(Change::Replaced);
        }
        self.settle(reader, &first, file)
    }

    /// The database that is being read, as it would be known again.
    fn own(&self) -> Option<Known> {
        Some(Known {
            identity: self.identity.clone()?,
            cursor: self.cursor.clone(),
            anchors: self.anchors.kept().to_vec(),
            file: self.file.clone(),
        })
    }

    fn settle(
        &mut self,
        reader: &Reader,
        first: &Row,
        file: Option<CompactString>,
    ) -> Result<(), DatabaseError> {
        let mut same = Vec::new();
        for known in &self.known {
            if is_same(reader, self.table, first, file.as_ref(), known)? {
                same.push(known.clone());
            }
        }
        let mut same = same.into_iter();
        let mark = first.fingerprint();
        let known =
            same.next().unwrap_or_else(|| Known { identity: mark.clone(), ..Known::default() });
        if known.identity != mark {
            self.changes.push(Change::BeginningGone);
        }
        self.first_row = Some(mark);
        self.file = file;
        self.duplicates = same.map(|known| known.identity).collect();
        self.identity = Some(known.identity);
        self.anchors = Anchors::remembered(known.anchors);
        self.cursor = known.cursor.filter(|_| !self.from_the_beginning);
        self.check_cursor(reader)?;
        match &self.cursor {
            Some(cursor) if self.anchors.kept().is_empty() => {
                self.anchors.add_afterwards(reader, self.table, cursor.id)
            }
            _ => Ok(()),
        }
    }

    /// Goes back to where the table is as it was read. What comes behind is read again, and is
    /// known for a repeat where it is one.
    fn check_cursor(&mut self, reader: &Reader) -> Result<(), DatabaseError> {
        let Some(cursor) = self.cursor.clone() else { return Ok(()) };
        if self.holds(reader, &cursor)? {
            return Ok(());
        }
        self.changes.push(Change::PutBack { id: cursor.id });
        self.cursor = None;
        for anchor in self.anchors.kept().iter().rev().filter(|anchor| anchor.id < cursor.id) {
            if self.holds(reader, anchor)? {
                self.cursor = Some(anchor.clone());
                break;
            }
        }
        Ok(())
    }

    fn holds(&self, reader: &Reader, cursor: &Cursor) -> Result<bool, DatabaseError> {
        let row = reader.row(self.table, cursor.id)?;
        Ok(row.is_some_and(|row| row.fingerprint() == cursor.fingerprint))
    }
}
