//! What is remembered: the books in SQLite, the history in Parquet.

pub mod backup;
pub mod dedup;
pub mod disk;
pub mod error;
pub mod failpoint;
pub mod history;
pub mod pace;
pub mod sheet;
pub mod sqlite;

pub use dedup::Dedup;
pub use error::{FailureKind, StoreError};
pub use sqlite::{Books, Tx, View};
