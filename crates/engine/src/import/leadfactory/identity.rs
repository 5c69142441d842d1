//! Which of the databases that were read before a file is.
//!
//! It is decided here and nowhere else: an import, a follower, the budgets and the runs of one
//! file must not answer it differently, or what they leave behind stands twice.

use std::path::Path;

use compact_str::CompactString;
use outlay_domain::imports::ANCHORS_MAX;

use super::database::{DatabaseError, Reader, Row, Table};
use super::tail::Cursor;

/// Rows of one page that may become anchors.
const ANCHORS_PER_PAGE: usize = 8;
/// Rows that are taken for anchors where an older version left none.
const ANCHORS_AFTERWARDS: usize = 16;

/// A database that was read before.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Known {
    /// Its identity.
    pub identity: CompactString,
    /// How far it was read.
    pub cursor: Option<Cursor>,
    /// Some of the rows that were read, spread over all of them.
    pub anchors: Vec<Cursor>,
    /// Which file it was, as [`file_id`] says.
    pub file: Option<CompactString>,
}

/// Which file stands at `path`, whatever it is called: it is the same until it is copied.
#[cfg(unix)]
pub fn file_id(path: &Path) -> Option<CompactString> {
    use std::os::unix::fs::MetadataExt;
    let file = path.metadata().ok()?;
    Some(compact_str::format_compact!("{:x}:{:x}", file.dev(), file.ino()))
}

/// Which file stands at `path`: this system does not say.
#[cfg(not(unix))]
pub fn file_id(_path: &Path) -> Option<CompactString> {
    None
}

/// Whether the table that begins with the row `first`, in the file `file`, is that of `known`.
///
/// One row that was read is enough: its hash holds its time to the microsecond. Where none of
/// those that are remembered is left, it is the same table if nothing speaks against it: it is the
/// same file, no remembered id was given to another row, and all ids are higher than what was read.
pub fn is_same(
    reader: &Reader,
    table: &'static Table,
    first: &Row,
    file: Option<&CompactString>,
    known: &Known,
) -> Result<bool, DatabaseError> {
    if first.fingerprint() == known.identity {
        return Ok(true);
    }
    let mut contradicted = false;
    for anchor in known.cursor.iter().chain(&known.anchors) {
        match reader.row(table, anchor.id)? {
            Some(row) if row.fingerprint() == anchor.fingerprint => return Ok(true),
            Some(_) => contradicted = true,
            None => {}
        }
    }
    let read_to = known.cursor.iter().chain(&known.anchors).map(|anchor| anchor.id).max();
    Ok(!contradicted
        && file.is_some()
        && file == known.file.as_ref()
        && read_to.is_some_and(|read_to| first.id > read_to))
}

/// Rows by which a table is known again, a bounded number of them over its whole length.
#[derive(Debug, Default)]
pub struct Anchors {
    kept: Vec<Cursor>,
    fresh: Vec<Cursor>,
}

impl Anchors {
    /// Those that were remembered before.
    pub fn remembered(kept: Vec<Cursor>) -> Self {
        let mut anchors = Self { kept, fresh: Vec::new() };
        anchors.kept.sort_unstable_by_key(|anchor| anchor.id);
        anchors
    }

    /// All of them, by id.
    pub fn kept(&self) -> &[Cursor] {
        &self.kept
    }

    /// Those that nobody was told of yet.
    pub fn take_fresh(&mut self) -> Vec<Cursor> {
        std::mem::take(&mut self.fresh)
    }

    /// Takes some of a page's rows.
    pub fn add_page(&mut self, rows: &[Row]) {
        let step = rows.len().div_ceil(ANCHORS_PER_PAGE).max(1);
        let some = rows.iter().step_by(step).chain(rows.last());
        self.add(some.map(Cursor::of).collect());
    }

    /// Takes rows up to `id`, of a table that was read when none were taken.
    pub fn add_afterwards(
        &mut self,
        reader: &Reader,
        table: &'static Table,
        id: i64,
    ) -> Result<(), DatabaseError> {
        let mut rows = Vec::new();
        let Some(first) = reader.page(table, i64::MIN, 1)?.pop() else { return Ok(()) };
        let step = (id.saturating_sub(first.id) / ANCHORS_AFTERWARDS as i64).max(1);
        let mut after = first.id.saturating_sub(1);
        while after < id && rows.len() < ANCHORS_AFTERWARDS {
            let Some(row) = reader.page(table, after, 1)?.pop() else { break };
            if row.id > id {
                break;
            }
            after = row.id.max(after.saturating_add(step));
            rows.push(Cursor::of(&row));
        }
        self.add(rows);
        Ok(())
    }

    fn add(&mut self, mut rows: Vec<Cursor>) {
        rows.retain(|row| !self.kept.contains(row));
        rows.dedup();
        self.fresh.extend(rows.iter().cloned());
        self.kept.extend(rows);
        self.kept.sort_unstable_by_key(|anchor| anchor.id);
        self.kept = thinned(std::mem::take(&mut self.kept));
        self.fresh = thinned(std::mem::take(&mut self.fresh));
    }
}

/// At most [`ANCHORS_MAX`] of `anchors`, which are in order: every other one gives way, and the
/// first and the last stay.
pub fn thinned<T>(mut anchors: Vec<T>) -> Vec<T> {
    while anchors.len() > ANCHORS_MAX {
        let last = anchors.len() - 1;
        let mut at = 0;
        anchors.retain(|_| {
            let stays = at % 2 == 0 || at == last;
            at += 1;
            stays
        });
    }
    anchors
}
