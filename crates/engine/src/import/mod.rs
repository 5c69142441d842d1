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

/// Rows that are read, sent and remembered together.
pub const BATCH_ROWS: usize = 5_000;

/// One row as it was read.
#[derive(Debug, Clone)]
pub struct ImportRow {
    /// Where it stands.
    pub place: Place,
    /// The event it describes, or why it describes none.
    pub outcome: Result<EventDraft, Refusal>,
}
