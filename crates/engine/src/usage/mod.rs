//! Usage comes in: accepted, rated, charged and kept, in one commit. And it is asked about.

pub mod amend;
pub mod commit;
pub mod questions;
mod queue;
pub mod rerate;
pub mod sql;
mod turns;

pub use commit::{
    AcceptError, CommitCounters, Committed, Committer, Incoming, Kept, Outcome, Prepared, Rider,
};
pub use queue::Weight;
pub use turns::By;

pub use questions::{
    Answered, QuestionDesk, QuestionOptions, Questions, UnansweredError, UsageEvents, UsageQuestion,
};

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
