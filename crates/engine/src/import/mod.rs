#![doc = include_str!("README.md")]

pub mod books;
pub mod leadfactory;
pub mod lines;
pub mod merge;
pub mod money;
pub mod record;
pub mod report;
pub mod row_ids;
pub mod table;
pub mod unpack;
pub mod zone;

pub use report::{Place, Report, RowRefusal};
pub use zone::Zone;

use outlay_domain::usage::{EventDraft, Refusal};

/// An older system whose databases are read.
#[derive(Debug, Clone, Copy)]
pub struct System {
    /// What the sources of its events, budgets and runs begin with, before a colon.
    pub word: &'static str,
    /// What it calls itself.
    pub title: &'static str,
}

/// The older systems whose databases are read; each has a folder here.
const SYSTEMS: [System; 1] = [leadfactory::SYSTEM];

/// The system that `source` is of, and what else the source says.
pub fn system_of(source: &str) -> Option<(System, &str)> {
    SYSTEMS
        .into_iter()
        .find_map(|system| Some((system, source.strip_prefix(system.word)?.strip_prefix(':')?)))
}

/// Runs of one source that are kept, at most; the newest stay.
pub const RUNS_MAX: usize = 10_000;

/// Rows that are read, sent and remembered together.
pub const PARCEL_ROWS: usize = 5_000;

/// One row as it was read.
#[derive(Debug, Clone)]
pub struct ImportRow {
    /// Where it stands.
    pub place: Place,
    /// The event it describes, or why it describes none.
    pub outcome: Result<EventDraft, Refusal>,
}
