//! `outlay config`: the settings in force, and a file to begin with.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde::Serialize;

use super::client::CliError;
use super::{Globals, output};
use crate::config::{self, Draft, Key, Settings};

/// Flags of `outlay config`.
#[derive(Debug, Args)]
pub struct ConfigArgs {
    #[command(subcommand)]
    command: ConfigCommand,
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Show every setting in force and where it comes from; exit 1 at a mistake
    Check {
        /// The settings file [default: outlay.toml in the data folder]
        #[arg(value_name = "FILE", env = "OUTLAY_CONFIG")]
        file: Option<PathBuf>,
    },
    /// Write a settings file with every default, explained
    #[command(after_help = "Example:\n  outlay config example > outlay-data/outlay.toml")]
    Example,
}

/// One setting in force.
#[derive(Debug, Serialize)]
struct InForce {
    key: String,
    value: String,
    origin: String,
}

/// Runs `outlay config`. It looks at files and variables only, and needs no server.
pub fn run(globals: &Globals, args: ConfigArgs) -> Result<ExitCode, CliError> {
    match args.command {
        ConfigCommand::Check { file } => {
            let settings = Draft::read(file.as_deref(), &globals.data)
                .and_then(|draft| draft.environment(std::env::vars()))
                .and_then(Draft::settle)
                .map_err(|error| CliError::Failed(error.to_string()))?;
            crate::tls::install();
            crate::auth::trusted_issuers(&settings.config, &globals.data)
                .map_err(|error| CliError::Failed(error.to_string()))?;
            for variable in &settings.unknown_variables {
                output::warn(&format!("{variable} names no setting"));
            }
            globals.output().show(&in_force(&settings)?, |settings| as_table(settings))?;
        }
        ConfigCommand::Example => print!("{}", config::example()),
    }
    Ok(ExitCode::SUCCESS)
}

fn in_force(settings: &Settings) -> Result<Vec<InForce>, CliError> {
    let values = toml::Table::try_from(&settings.config)
        .map_err(|error| CliError::Failed(error.to_string()))?;
    let shown = |key: &Key| match config::value(&values, key) {
        Some(toml::Value::String(text)) if key.secret && !text.is_empty() => "(secret)".to_owned(),
        Some(value) => value.to_string(),
        None => String::new(),
    };
    let in_force = config::keys().into_iter().map(|key| InForce {
        value: shown(&key),
        origin: settings.origin(&key.name()).to_string(),
        key: key.name(),
    });
    Ok(in_force.collect())
}

fn as_table(settings: &[InForce]) -> String {
    let row = |one: &InForce| vec![one.key.clone(), one.value.clone(), one.origin.clone()];
    output::table(&["setting", "value", "from"], settings.iter().map(row).collect(), &[])
}
