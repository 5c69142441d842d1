//! What became of the rows of an import.

use std::fmt;

use outlay_domain::usage::Refusal;
use serde::Serialize;

/// Refusals kept with their reasons; further ones are only counted.
pub const REFUSALS_KEPT_MAX: usize = 1_000;

/// Where a row stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// A line of a file, from one.
    Line(u64),
    /// A row of a table, by its id.
    Row {
        /// The table.
        table: &'static str,
        /// The id.
        id: i64,
    },
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => write!(f, "line {line}"),
            Self::Row { table, id } => write!(f, "{table} row {id}"),
        }
    }
}

impl Serialize for Place {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A row that was not taken, for the person who imports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RowRefusal {
    /// Where it stands.
    pub row: Place,
    /// Which kind of mistake.
    pub code: String,
    /// The field at fault.
    pub field: String,
    /// What is wrong.
    pub detail: String,
}

impl fmt::Display for RowRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.row, self.field, self.detail)
    }
}

/// What became of the rows of an import.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Rows that are new usage.
    pub accepted: u64,
    /// Rows that were imported before.
    pub repeated: u64,
    /// Rows that were not taken.
    pub refused: u64,
    /// Rows that a rule leaves out, e.g. because another row counts the same usage.
    pub left_out: u64,
    /// Accepted rows for which no price is known.
    pub unpriced: u64,
    /// What the accepted rows cost, in nanos.
    pub spend_nanos: i128,
    /// The first refusals.
    pub refusals: Vec<RowRefusal>,
}

impl Report {
    /// Counts a refusal, and keeps it while there is room.
    pub fn refuse(&mut self, row: Place, refusal: &Refusal) {
        self.refuse_because(row, refusal.code.as_str(), &refusal.field, &refusal.detail);
    }

    /// Counts a refusal that the server worded.
    pub fn refuse_because(&mut self, row: Place, code: &str, field: &str, detail: &str) {
        self.refused += 1;
        if self.refusals.len() < REFUSALS_KEPT_MAX {
            let (code, field, detail) = (code.to_owned(), field.to_owned(), detail.to_owned());
            self.refusals.push(RowRefusal { row, code, field, detail });
        }
    }

    /// Rows that were read.
    pub fn rows(&self) -> u64 {
        self.accepted + self.repeated + self.refused + self.left_out
    }

    /// Adds what another report counted.
    pub fn add(&mut self, other: Self) {
        self.accepted += other.accepted;
        self.repeated += other.repeated;
        self.refused += other.refused;
        self.left_out += other.left_out;
        self.unpriced += other.unpriced;
        self.spend_nanos += other.spend_nanos;
        let room = REFUSALS_KEPT_MAX.saturating_sub(self.refusals.len());
        self.refusals.extend(other.refusals.into_iter().take(room));
    }
}
