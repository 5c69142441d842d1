//! SQL over the facts, read only and within limits.
//!
//! DataFusion reads the same columns as everything else. A query is a program that somebody else
//! wrote, so it runs in a process of its own (see [`worker`]), which the system holds to its memory
//! and its time, and which can be ended at any point. What it reaches is the segments and the tail
//! that it was given ([`job`]); it writes nothing, and its numbers do not wrap ([`exact`]).

mod answer;
mod exact;
pub mod job;
mod query;
mod size;
pub mod worker;

use std::time::Duration;

use datafusion::arrow::datatypes::DataType;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::schema::{METER_COLUMNS, SCHEMA};
use crate::StoreError;

/// The name of the table.
pub const TABLE: &str = "events";

/// A whole number of 64 bits as a decimal.
const WHOLE: DataType = DataType::Decimal128(20, 0);
/// Digits of an amount in units, and how many of them stand behind the point.
const SPEND: DataType = DataType::Decimal128(20, 9);

/// How much one query may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SqlLimits {
    /// How long it may take.
    pub time: Duration,
    /// Memory beside the newest facts.
    pub memory_bytes: usize,
    /// Rows of the answer.
    pub rows: usize,
    /// Bytes of the answer.
    pub bytes: usize,
    /// Threads.
    pub threads: usize,
}

impl Default for SqlLimits {
    fn default() -> Self {
        Self {
            time: Duration::from_secs(10),
            memory_bytes: 256 << 20,
            rows: 10_000,
            bytes: 8 << 20,
            threads: 2,
        }
    }
}

/// A column of the table or of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SqlColumn {
    /// Its name.
    pub name: String,
    /// Arrow's name for its type.
    #[serde(rename = "type")]
    pub data_type: String,
}

/// Why a query has no answer.
#[derive(Debug, Error)]
pub enum SqlError {
    /// It is not understood, not allowed, or cannot be computed; in DataFusion's words.
    #[error("{0}")]
    Refused(String),
    /// Its parts stand in too many others.
    #[error("the query is nested too deeply or has too many parts")]
    TooDeep,
    /// It took too long.
    #[error("the query took more than {} s", .0.as_secs_f64())]
    TooSlow(Duration),
    /// It needs more memory than this many bytes.
    #[error("the query needs more memory than {} MB", .0 >> 20)]
    TooMuchMemory(usize),
    /// The history could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The type of a column's values, however they are coded.
fn plain(data_type: &DataType) -> &DataType {
    match data_type {
        DataType::Dictionary(_, values) => values,
        other => other,
    }
}

/// The columns of the table: name, type, and what stands in it.
pub fn columns() -> Vec<(SqlColumn, &'static str)> {
    let described = |name: &str, data_type: &DataType| {
        let column = SqlColumn { name: name.to_owned(), data_type: plain(data_type).to_string() };
        (column, describe(name))
    };
    let fields = SCHEMA.fields().iter();
    fields
        .map(|field| described(field.name(), field.data_type()))
        .chain([described("spend", &SPEND)])
        .collect()
}

fn describe(column: &str) -> &'static str {
    match column {
        "occurred_at" => "when it was used",
        "received_at" => "when the server took it in",
        "id" => "the sender's name for the event",
        "source" => "who sent it",
        "account" => "who pays",
        "subject" => "who or what used it",
        "provider" => "who was paid",
        "model" => "which model or product",
        "operation" => "what was done",
        "service" => "which service",
        "status" => "how it ended: ok, error, cancelled or blocked",
        "team" => "a team",
        "project" => "a project",
        "platform" => "a platform",
        "environment" => "an environment",
        "kind" => "why the fact was written: usage, adjustment, reversal or correction",
        "duration_us" => "how long it took, in microseconds",
        "requests" => "calls; reversals take them back",
        "seconds_micros" => "time of sound, video or a machine, in millionths of a second",
        "other_meters" => "meters of the sender's, a JSON object of decimal texts",
        "tags" => "tags, a JSON object of texts",
        "metadata" => "anything else, a JSON object",
        "stated_nanos" => "what the sender said it cost, in billionths",
        "amount_nanos" => "what it costs, in billionths; null while no price is known",
        "unpriced" => "what the fact adds to the events that lack a price: 1, 0 or -1",
        "basis" => "how the amount came about: rated, stated, partly_priced or unpriced",
        "prices" => "the ids of the prices that it was rated with, and `?METER` for what lacks one",
        "spend" => "what it costs, in units",
        meter if METER_COLUMNS.contains(&meter) => "how much of that was used",
        _ => "",
    }
}
