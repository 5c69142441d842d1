//! The history: every fact in columns, as an in-memory tail and Parquet segments.

pub mod question;
pub mod rollup;
pub mod schema;
