//! A copy of a data folder as it stands at one moment, while it is being written to.
//!
//! The books are copied first. What they name is immutable and then linked; where a file is gone,
//! because a compaction came in between, the copy is begun anew.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

use crate::sqlite::{BOOKS_FILE, View};
use crate::{Books, StoreError, dedup, disk, history};

/// How often a copy is begun. Compactions are minutes apart, and linking takes milliseconds.
const ATTEMPTS: usize = 10;

/// What was copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// The files, by their names in the folder.
    pub files: Vec<PathBuf>,
    /// Events on all accounts.
    pub events: i64,
}

/// Copies the books of `data_dir` to the empty folder `target`, and links what they name.
pub fn copy(books: &Books, data_dir: &Path, target: &Path) -> Result<Copied, StoreError> {
    for folder in [history::FOLDER, dedup::FOLDER] {
        disk::create_folder(&target.join(folder))?;
    }
    for _ in 1..ATTEMPTS {
        if let Some(copied) = attempt(books, data_dir, target)? {
            return Ok(copied);
        }
    }
    Err(StoreError::Damaged {
        what: "the data folder".into(),
        how: "files that the books name are not there; `outlay check` says which".into(),
    })
}

/// Copies and links; `None` when a file was gone, and nothing is left of the attempt.
fn attempt(books: &Books, data_dir: &Path, target: &Path) -> Result<Option<Copied>, StoreError> {
    let copy = target.join(BOOKS_FILE);
    books.copy_to(&copy)?;
    let (named, events) = named_by(&copy)?;
    for (place, name) in named.iter().enumerate() {
        match link(&data_dir.join(name), &target.join(name)) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                for name in named[..place].iter().chain([&PathBuf::from(BOOKS_FILE)]) {
                    let path = target.join(name);
                    fs::remove_file(&path).map_err(StoreError::file(&path))?;
                }
                return Ok(None);
            }
            Err(error) => return Err(StoreError::file(target.join(name))(error)),
        }
    }
    let synced = |path: &Path| File::open(path).and_then(|file| file.sync_all());
    synced(&copy).map_err(StoreError::file(&copy))?;
    for folder in [history::FOLDER, dedup::FOLDER, ""] {
        disk::sync_folder(&target.join(folder))?;
    }
    let files = [PathBuf::from(BOOKS_FILE)].into_iter().chain(named).collect();
    Ok(Some(Copied { files, events }))
}

/// The files of the history and of the keys that these books name, and the events that they count.
fn named_by(books_file: &Path) -> Result<(Vec<PathBuf>, i64), StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let copy = Connection::open_with_flags(books_file, flags)?;
    let books = View::of(&copy);
    let segments = books.manifest().segments()?;
    let segments = segments.iter().flat_map(|row| history::file_names(row.segment_id));
    let runs = books.manifest().runs()?;
    let runs = runs.iter().map(|row| dedup::file_name(row.run_id));
    let files = segments
        .map(|name| Path::new(history::FOLDER).join(name))
        .chain(runs.map(|name| Path::new(dedup::FOLDER).join(name)))
        .collect();
    let mut events: i64 = books.totals().accounts()?.values().map(|charged| charged.events).sum();
    books.usage_log().for_each_after(books.totals().written()?, |_, facts| {
        events += facts.iter().map(|fact| fact.kind.event_count()).sum::<i64>();
        Ok(())
    })?;
    Ok((files, events))
}

/// Whether a data folder may have a file of this name that belongs into a backup.
pub fn is_known(name: &Path) -> bool {
    let mut parts = name.iter().map(|part| part.to_str().unwrap_or_default());
    match (parts.next(), parts.next(), parts.next()) {
        (Some(file), None, None) => file == BOOKS_FILE,
        (Some(history::FOLDER), Some(file), None) => is_plain(file, ".parquet"),
        (Some(dedup::FOLDER), Some(file), None) => is_plain(file, ".keys"),
        _ => false,
    }
}

fn is_plain(file: &str, ending: &str) -> bool {
    file.ends_with(ending) && file.starts_with(|first: char| first.is_ascii_digit())
}

/// Makes `to` the same file as `from`, or a copy where the system does not link.
fn link(from: &Path, to: &Path) -> io::Result<()> {
    match fs::hard_link(from, to) {
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::CrossesDevices
                    | io::ErrorKind::Unsupported
                    | io::ErrorKind::PermissionDenied
            ) =>
        {
            copy_synced(from, to)
        }
        linked => linked,
    }
}

/// Copies a file for its owner alone, and brings the copy to the disk.
pub fn copy_synced(from: &Path, to: &Path) -> io::Result<()> {
    let mut copy = File::options().write(true).create_new(true).mode(0o600).open(to)?;
    io::copy(&mut File::open(from)?, &mut copy)?;
    copy.sync_all()
}
