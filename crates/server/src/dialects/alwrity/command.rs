//! The commands of this dialect: there are none, it is switched on by its settings.

use std::process::ExitCode;

use clap::Subcommand;

use crate::cli::client::CliError;
use crate::cli::globals::Globals;

/// What stands beside `outlay serve`.
#[derive(Debug, Subcommand)]
pub enum Command {}

impl Command {
    /// Runs it.
    pub async fn run(self, _globals: &Globals) -> Result<ExitCode, CliError> {
        match self {}
    }
}

/// What stands beside `outlay import csv`.
#[derive(Debug, Subcommand)]
pub enum Import {}

impl Import {
    /// Runs it.
    pub async fn run(self, _globals: &Globals) -> Result<ExitCode, CliError> {
        match self {}
    }
}
