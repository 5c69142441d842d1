#![doc = include_str!("README.md")]

pub mod budgets;
pub mod calls;
pub mod costs;
pub mod database;
pub mod details;
pub mod discovery;
pub mod feed;
pub mod identity;
pub mod revenue;
pub mod runs;
pub mod sources;
pub mod tail;

use super::System;

/// What sources are known by as LeadFactory's.
pub const SYSTEM: System = System { word: "leadfactory", title: "LeadFactory" };

pub use database::{Database, DatabaseError, Kind, Patience, Tracker};

#[cfg(test)]
pub(crate) mod fixtures;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod truth;
