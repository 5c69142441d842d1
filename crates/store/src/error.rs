//! What can go wrong with a disk or a database, and what can be done about it.

use std::error::Error;
use std::io::{self, ErrorKind};
use std::path::PathBuf;

use thiserror::Error;

/// What a caller can do about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// It cannot be reached now, or takes no writes: the same may succeed later.
    Unavailable,
    /// There is no room: nothing more is written until somebody makes some.
    Full,
    /// What is stored is not what was written: it must be put back from a backup.
    Damaged,
    /// None of these. To try again does not help.
    Failed,
}

/// The store could not do what it promises. [`kind`](Self::kind) says what can be done about it.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The books failed. What the database says is in the text, and no cause besides: its own
    /// cause says the same again in other words.
    #[error("the books could not be read or written: {said}")]
    Books {
        /// What can be done.
        kind: FailureKind,
        /// What the database says.
        said: String,
    },
    /// A file could not be read or written.
    #[error("`{path}` could not be read or written")]
    File {
        /// Which file.
        path: PathBuf,
        /// What caused it.
        source: io::Error,
    },
    /// The history could not be read, written or computed with.
    #[error("the history could not be {done}")]
    History {
        /// What was tried.
        done: &'static str,
        /// What caused it.
        source: Box<dyn Error + Send + Sync>,
    },
    /// Something stored is not what was written.
    #[error("{what} is damaged: {how}")]
    Damaged {
        /// Which thing, e.g. a segment's name.
        what: String,
        /// What is wrong with it.
        how: String,
    },
    /// Something that must go from the disk is still read by somebody.
    #[error("{0}")]
    StillRead(&'static str),
    /// Another process holds the data folder.
    #[error("`{0}` is in use by another server")]
    InUse(PathBuf),
    /// The process ends, and begins nothing more.
    #[error("the server is stopping")]
    Stopping,
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Books { kind: kind_of(&error), said: error.to_string() }
    }
}

impl From<datafusion::parquet::errors::ParquetError> for StoreError {
    fn from(error: datafusion::parquet::errors::ParquetError) -> Self {
        Self::History { done: "read or written", source: error.into() }
    }
}

impl From<datafusion::arrow::error::ArrowError> for StoreError {
    fn from(error: datafusion::arrow::error::ArrowError) -> Self {
        Self::History { done: "computed with", source: error.into() }
    }
}

impl From<datafusion::error::DataFusionError> for StoreError {
    fn from(error: datafusion::error::DataFusionError) -> Self {
        Self::History { done: "queried", source: error.into() }
    }
}

impl StoreError {
    /// What can be done about it.
    pub fn kind(&self) -> FailureKind {
        match self {
            Self::Books { kind, .. } => *kind,
            Self::File { source, .. } => match source.kind() {
                ErrorKind::StorageFull | ErrorKind::QuotaExceeded => FailureKind::Full,
                ErrorKind::NotFound | ErrorKind::InvalidData | ErrorKind::UnexpectedEof => {
                    FailureKind::Damaged
                }
                _ => FailureKind::Unavailable,
            },
            Self::Damaged { .. } => FailureKind::Damaged,
            Self::StillRead(_) | Self::InUse(_) | Self::Stopping => FailureKind::Unavailable,
            Self::History { .. } if self.lacks_room() => FailureKind::Full,
            Self::History { .. } => FailureKind::Failed,
        }
    }

    /// Whether the disk or the folder is the reason, so that other writes fail for it as well.
    pub fn is_of_disk(&self) -> bool {
        match self {
            Self::File { .. } => true,
            Self::Books { kind, .. } => {
                matches!(kind, FailureKind::Unavailable | FailureKind::Full)
            }
            _ => self.kind() == FailureKind::Full,
        }
    }

    /// Whether there is no room on the disk, however deep that is told.
    fn lacks_room(&self) -> bool {
        let is_full = |cause: &(dyn Error + 'static)| {
            let error = cause.downcast_ref::<io::Error>().map(io::Error::kind);
            matches!(error, Some(ErrorKind::StorageFull | ErrorKind::QuotaExceeded))
        };
        let mut cause = self.source();
        while let Some(known) = cause {
            if is_full(known) {
                return true;
            }
            cause = known.source();
        }
        false
    }

    /// Names the file at which an operation of the system failed.
    pub fn file(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, source }
    }
}

/// What can be done about what SQLite says.
fn kind_of(error: &rusqlite::Error) -> FailureKind {
    use rusqlite::ErrorCode;
    match error {
        rusqlite::Error::SqliteFailure(failure, _) => match failure.code {
            ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::ReadOnly
            | ErrorCode::CannotOpen
            | ErrorCode::SystemIoFailure => FailureKind::Unavailable,
            ErrorCode::DiskFull => FailureKind::Full,
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => FailureKind::Damaged,
            _ => FailureKind::Failed,
        },
        rusqlite::Error::FromSqlConversionFailure(..)
        | rusqlite::Error::IntegralValueOutOfRange(..)
        | rusqlite::Error::Utf8Error(..)
        | rusqlite::Error::InvalidColumnType(..) => FailureKind::Damaged,
        _ => FailureKind::Failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_sqlite(code: i32) -> StoreError {
        let failure = rusqlite::ffi::Error::new(code);
        StoreError::from(rusqlite::Error::SqliteFailure(failure, Some("so".to_owned())))
    }

    fn of_file(kind: ErrorKind) -> StoreError {
        StoreError::file("here")(kind.into())
    }

    #[test]
    fn what_sqlite_says_is_told_once() {
        let error = of_sqlite(rusqlite::ffi::SQLITE_NOTADB);

        assert!(error.to_string().ends_with("written: so"), "{error}");
        assert!(Error::source(&error).is_none());
    }

    #[test]
    fn a_failure_says_what_can_be_done_about_it() {
        use rusqlite::ffi;
        let kinds = |codes: &[i32]| -> Vec<FailureKind> {
            codes.iter().map(|code| of_sqlite(*code).kind()).collect()
        };

        let passing = [ffi::SQLITE_BUSY, ffi::SQLITE_LOCKED, ffi::SQLITE_IOERR];
        assert_eq!(kinds(&passing), [FailureKind::Unavailable; 3]);
        assert_eq!(of_sqlite(ffi::SQLITE_FULL).kind(), FailureKind::Full);
        assert_eq!(of_file(ErrorKind::StorageFull).kind(), FailureKind::Full);
        assert_eq!(of_file(ErrorKind::PermissionDenied).kind(), FailureKind::Unavailable);
        assert_eq!(of_file(ErrorKind::NotFound).kind(), FailureKind::Damaged);
        let damaged = [ffi::SQLITE_CORRUPT, ffi::SQLITE_NOTADB];
        assert_eq!(kinds(&damaged), [FailureKind::Damaged; 2]);
        assert_eq!(of_sqlite(ffi::SQLITE_CONSTRAINT).kind(), FailureKind::Failed);
    }

    #[test]
    fn only_a_disk_that_takes_no_writes_is_told_of_to_all() {
        assert!(of_sqlite(rusqlite::ffi::SQLITE_FULL).is_of_disk());
        assert!(of_file(ErrorKind::NotFound).is_of_disk());
        assert!(!of_sqlite(rusqlite::ffi::SQLITE_CONSTRAINT).is_of_disk());
        assert!(!StoreError::StillRead("a reader").is_of_disk());
    }

    #[test]
    fn a_full_disk_is_known_however_deep_it_is_told() {
        let parquet = |kind: ErrorKind| {
            let source = io::Error::from(kind);
            StoreError::from(datafusion::parquet::errors::ParquetError::from(source))
        };

        assert_eq!(parquet(ErrorKind::StorageFull).kind(), FailureKind::Full);
        assert!(parquet(ErrorKind::StorageFull).is_of_disk());
        assert_eq!(parquet(ErrorKind::NotFound).kind(), FailureKind::Failed);
        assert!(!parquet(ErrorKind::NotFound).is_of_disk());
    }
}
