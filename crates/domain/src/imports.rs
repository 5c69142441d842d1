//! What is remembered of imports: how far a source was read, and the budgets and runs that came
//! with it.

use chrono::{DateTime, Utc};
use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use crate::Amount;

/// Refusals that are remembered of one source, at most; the newest stay.
pub const REFUSALS_MAX: usize = 100;

/// Rows by which a source is known again, at most; some of all that was read stay.
pub const ANCHORS_MAX: usize = 64;

/// How far a source was read, and what became of its rows in all imports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportRecord {
    /// The source of its events.
    pub source: CompactString,
    /// What kind of source it is, e.g. `cost_tracking`.
    pub kind: CompactString,
    /// The name of the file when it was last read, for people.
    pub name: CompactString,
    /// The last row that was read.
    pub cursor: Option<RowCursor>,
    /// Some of the rows that were read, by which the source is known again.
    pub anchors: Vec<RowCursor>,
    /// Which file it was when it was last read.
    pub file: Option<CompactString>,
    /// The source of the same database that counts in place of this one.
    pub merged_into: Option<CompactString>,
    /// Up to which row the calls were counted with what they cost.
    pub counted_to: Option<i64>,
    /// What became of the rows.
    pub rows: RowCounts,
    /// The newest refusals.
    pub refusals: Vec<RefusedRow>,
    /// When it was first read.
    pub first_at: DateTime<Utc>,
    /// When it was last read.
    pub last_at: DateTime<Utc>,
}

/// A row, and a hash of what stands in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowCursor {
    /// The row's id.
    pub id: i64,
    /// The hash, by which another row under the same id is known for one.
    pub fingerprint: CompactString,
}

/// How many rows became what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RowCounts {
    /// New usage.
    pub accepted: u64,
    /// Imported before.
    pub repeated: u64,
    /// Not taken.
    pub refused: u64,
    /// Left out by a rule.
    pub left_out: u64,
}

/// A row that was not taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedRow {
    /// Where it stands.
    pub row: String,
    /// The field at fault.
    pub field: String,
    /// What is wrong.
    pub detail: String,
}

/// The budgets of an older system, as they stood when they were last imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedBudgets {
    /// Where they are from.
    pub source: CompactString,
    /// Whether the older system watched them at all.
    pub enabled: bool,
    /// The budgets.
    pub limits: Vec<ImportedLimit>,
    /// When the older system warned.
    pub thresholds: Vec<ImportedThreshold>,
}

/// One budget of an older system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedLimit {
    /// Its id there.
    pub id: CompactString,
    /// How much may be spent.
    pub amount: Amount,
    /// In which time.
    pub period: ImportedPeriod,
    /// For one model.
    pub model: Option<CompactString>,
    /// For one endpoint.
    pub endpoint: Option<CompactString>,
    /// What people wrote about it.
    pub description: Option<CompactString>,
}

/// The time that a budget is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportedPeriod {
    /// Each day.
    Daily,
    /// Each week.
    Weekly,
    /// Each month.
    Monthly,
    /// One month.
    Month {
        /// Its year.
        year: i32,
        /// Its month, from 1.
        month: u32,
    },
}

impl ImportedPeriod {
    /// The word in the books and on the wire: `daily`, `weekly`, `monthly` or `2026-07`.
    pub fn word(self) -> CompactString {
        match self {
            Self::Daily => "daily".into(),
            Self::Weekly => "weekly".into(),
            Self::Monthly => "monthly".into(),
            Self::Month { year, month } => compact_str::format_compact!("{year:04}-{month:02}"),
        }
    }

    /// The period of that word.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "daily" => Some(Self::Daily),
            "weekly" => Some(Self::Weekly),
            "monthly" => Some(Self::Monthly),
            month => {
                let (year, month) = month.split_once('-')?;
                let (year, month) = (year.parse().ok()?, month.parse().ok()?);
                Self::month(year, month)
            }
        }
    }

    /// One month, if the calendar has it.
    pub fn month(year: i32, month: u32) -> Option<Self> {
        let exists = (1..=9999).contains(&year) && (1..=12).contains(&month);
        exists.then_some(Self::Month { year, month })
    }
}

/// The part of a budget at which the older system warned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedThreshold {
    /// Its name there, e.g. `warning`.
    pub level: CompactString,
    /// The part, one being the whole budget.
    pub part: Amount,
    /// Whether it was watched.
    pub enabled: bool,
}

/// The runs of an older system, as they stood when they were last imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedRuns {
    /// Where they are from.
    pub source: CompactString,
    /// The runs, in the order in which they began.
    pub runs: Vec<ImportedRun>,
}

/// A run of an older system over some leads. What it cost is the spend of the tag `batch_id`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedRun {
    /// Its id there, which is the tag's value.
    pub id: CompactString,
    /// How thoroughly its leads were worked on, e.g. `1`.
    pub tier: Option<CompactString>,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it was done, if it is.
    pub ended_at: Option<DateTime<Utc>>,
    /// How many leads it worked on.
    pub leads: u64,
}
