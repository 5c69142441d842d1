//! Every door of Outlay: HTTP, live updates, the command line, settings and start-up.

pub mod cli;
pub mod config;
pub mod startup;

pub mod api;
pub mod auth;
mod bounded;
mod by_name;
mod compressed;
pub mod dialect;
pub mod dialects;
pub mod error;
mod exact;
pub mod extract;
mod forms;
pub mod fuzz;
mod guard;
mod kept;
pub mod live;
mod malformed;
mod metadata;
pub mod metrics;
mod moment;
mod problems;
mod report;
mod serving;
pub mod shares;
pub mod state;
pub mod tls;
mod values;

#[cfg(test)]
mod architecture;

mod log;
mod web;
