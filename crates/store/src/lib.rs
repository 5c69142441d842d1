//! What is remembered: the books in SQLite, the history in Parquet.

pub mod error;
pub mod history;
pub mod sqlite;

pub use error::StoreError;
pub use sqlite::Books;
