//! What can go wrong with a disk or a database.

use std::path::PathBuf;

use thiserror::Error;

/// The store could not do what it promises. The cause is in `source`; callers can only try again.
#[derive(Debug, Error)]
pub enum StoreError {
    /// SQLite failed. What it says is in the text, and no cause besides: its own cause says the
    /// same again in other words.
    #[error("the books could not be read or written: {0}")]
    Books(rusqlite::Error),
    /// A file could not be read or written.
    #[error("`{path}` could not be read or written")]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Parquet failed.
    #[error("the history could not be read or written")]
    Parquet(#[from] datafusion::parquet::errors::ParquetError),
    /// Arrow failed.
    #[error("the history could not be computed with")]
    Arrow(#[from] datafusion::arrow::error::ArrowError),
    /// DataFusion failed.
    #[error("the history could not be queried")]
    DataFusion(#[from] datafusion::error::DataFusionError),
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
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Books(error)
    }
}

impl StoreError {
    /// Whether the disk or the folder is the reason, so that other writes fail for it as well.
    pub fn is_of_disk(&self) -> bool {
        use rusqlite::ErrorCode;
        match self {
            Self::File { .. } => true,
            Self::Books(rusqlite::Error::SqliteFailure(failure, _)) => matches!(
                failure.code,
                ErrorCode::DiskFull
                    | ErrorCode::ReadOnly
                    | ErrorCode::CannotOpen
                    | ErrorCode::SystemIoFailure
                    | ErrorCode::DatabaseBusy
            ),
            _ => false,
        }
    }

    /// Names the file at which an operation of the system failed.
    pub fn file(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_sqlite_says_is_told_once() {
        let failure = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_NOTADB);
        let said = Some("file is not a database".to_owned());

        let error = StoreError::from(rusqlite::Error::SqliteFailure(failure, said));

        assert!(error.to_string().ends_with("file is not a database"), "{error}");
        assert!(std::error::Error::source(&error).is_none());
    }
}
