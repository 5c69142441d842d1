//! `outlay restore`: a backup becomes a data folder.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use outlay_engine::backup;

use super::client::CliError;
use super::{Globals, check};

/// Flags of `outlay restore`.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  outlay restore /backups/outlay-2026-01-31.tar.zst --data /var/lib/outlay-new")]
pub struct RestoreArgs {
    /// The backup: a folder, or a file that ends with .tar.zst
    #[arg(value_name = "BACKUP")]
    backup: PathBuf,
}

/// Runs `outlay restore`. The folder that `--data` names must be empty or not there.
pub async fn run(globals: &Globals, args: RestoreArgs) -> Result<ExitCode, CliError> {
    if globals.url.is_some() {
        return Err(CliError::Failed(
            "a backup is restored where it will be served; there is no --url for it".into(),
        ));
    }
    let data = globals.data.clone();
    let restored = tokio::task::spawn_blocking(move || backup::restore(&args.backup, &data));
    let note = restored
        .await
        .map_err(|error| CliError::Failed(error.to_string()))?
        .map_err(|error| CliError::Failed(error.to_string()))?;
    if !globals.json {
        println!(
            "restored {} events of {} into {}; checking them",
            note.events,
            note.made_at.format("%Y-%m-%d %H:%M:%S UTC"),
            globals.data.display()
        );
    }
    check::run(globals).await
}
