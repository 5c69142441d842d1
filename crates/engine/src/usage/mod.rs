//! Usage comes in: accepted, rated, charged and kept, in one commit.

pub mod amend;
pub mod commit;
mod queue;

pub use commit::{AcceptError, CommitCounters, Committed, Committer, Incoming, Outcome, Rider};

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
