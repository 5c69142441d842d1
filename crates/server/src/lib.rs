//! Every door of Outlay: HTTP, live updates, the command line, settings and start-up.

pub mod cli;
pub mod config;
pub mod startup;

pub mod api;
pub mod auth;
pub mod dialects;
pub mod error;
pub mod extract;
pub mod fuzz;
pub mod live;
mod malformed;
pub mod metrics;
pub mod state;

mod log;
mod web;
mod welcome;
