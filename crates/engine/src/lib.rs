//! What the product does: the use cases, free of HTTP and of SQL.

pub mod clock;
pub mod import;
pub mod latency;
pub mod people;
pub mod revenue;

use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use clock::{Clock, FrozenClock, SystemClock};
use outlay_store::{Books, StoreError};

/// How a data folder is worked on.
#[derive(Debug, Clone)]
pub struct Options {
    /// Events in memory before they are written to a segment.
    pub tail_events: usize,
    /// Events that may wait to be committed.
    pub queue_events: usize,
    /// Days that events are kept; 0 keeps them for ever.
    pub retention_days: u32,
    /// Days in which a repeat is known for one.
    pub dedup_days: u32,
    /// Whether to flush, compact and clean up meanwhile.
    pub background: bool,
}

/// An open data folder: all that the product knows, and all that it can do.
pub struct Outlay {
    /// Where the folder is.
    pub data_dir: PathBuf,
    /// The books.
    pub books: Arc<Books>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

impl Outlay {
    /// Opens `data_dir`, making it where there is none.
    pub fn open(
        data_dir: &Path,
        _options: Options,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StoreError> {
        std::fs::create_dir_all(data_dir).map_err(StoreError::file(data_dir))?;
        let books = Arc::new(Books::open(data_dir)?);
        Ok(Self { data_dir: data_dir.to_path_buf(), books, clock })
    }

    /// Whether a transaction can be written to the disk now.
    pub fn check_writable(&self) -> Result<(), StoreError> {
        self.books.check_writable()
    }

    /// Takes in nothing more, and writes what waits.
    pub fn stop(&self) {}
}
