//! Usage comes in: accepted, rated, charged and kept, in one commit. And it is asked about.

pub mod amend;
mod door;
pub mod questions;
pub mod rerate;
pub mod sql;
mod turns;

pub use crate::journal::{
    AcceptError, Charged, CommitCounters, Committed, Incoming, Outcome, Prepared, Weight,
};
pub use door::UsageDoor;
pub use turns::By;

pub use questions::{
    Answered, QuestionDesk, QuestionOptions, Questions, UnansweredError, UsageEvents, UsageQuestion,
};

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
