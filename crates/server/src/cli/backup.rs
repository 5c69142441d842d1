//! `outlay backup`: everything, as it stands now.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use axum::http::Method;
use clap::Args;
use outlay_engine::backup::ARCHIVE_ENDING;
use serde_json::{Value, json};

use super::Globals;
use super::client::{CliError, Client};

/// Flags of `outlay backup`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  outlay backup /backups/outlay-2026-01-31.tar.zst
  outlay backup /backups/outlay-2026-01-31
  outlay backup out.tar.zst --url https://outlay.example.com --token …
  outlay backup - | ssh elsewhere 'cat > outlay.tar.zst'")]
pub struct BackupArgs {
    /// A file that ends with .tar.zst, a folder that is empty or not there, or - for standard output
    #[arg(value_name = "TARGET")]
    target: PathBuf,
}

/// Runs `outlay backup`.
pub async fn run(globals: &Globals, args: BackupArgs) -> Result<ExitCode, CliError> {
    let client = globals.client().await?;
    let done = back_up(globals, &client, &args.target).await;
    client.close().await;
    done.map(|()| ExitCode::SUCCESS)
}

async fn back_up(globals: &Globals, client: &Client, target: &Path) -> Result<(), CliError> {
    if target == Path::new("-") {
        client.download(Method::POST, "/api/v1/backup", &mut io::stdout()).await?;
        return Ok(());
    }
    let made = if target.to_string_lossy().ends_with(ARCHIVE_ENDING) {
        to_file(client, target).await?
    } else {
        to_folder(client, target).await?
    };
    globals.output().show(&made, |made| {
        format!(
            "backed up to {} ({} bytes)",
            made["target"].as_str().unwrap_or_default(),
            made["size_bytes"]
        )
    })
}

/// Downloads under another name first, so that half of a backup is never taken for one.
async fn to_file(client: &Client, target: &Path) -> Result<Value, CliError> {
    if target.exists() {
        return Err(CliError::Failed(format!("`{}` is there already", target.display())));
    }
    let mut unfinished = target.as_os_str().to_owned();
    unfinished.push(".tmp");
    let unfinished = Path::new(&unfinished);
    let failed = |path: &Path, error: &io::Error| {
        CliError::Failed(format!("`{}` cannot be written: {error}", path.display()))
    };
    let mut file = File::create(unfinished).map_err(|error| failed(unfinished, &error))?;
    let downloaded = client.download(Method::POST, "/api/v1/backup", &mut file).await;
    let finished = downloaded.and_then(|size_bytes| {
        let mut publish = || {
            file.flush()?;
            file.sync_all()?;
            std::fs::rename(unfinished, target)
        };
        publish().map_err(|error| failed(target, &error))?;
        Ok(json!({ "target": target, "size_bytes": size_bytes }))
    });
    if finished.is_err() {
        // What is left of it is of no use; the failure itself is told.
        let _ = std::fs::remove_file(unfinished);
    }
    finished
}

async fn to_folder(client: &Client, target: &Path) -> Result<Value, CliError> {
    if matches!(client, Client::Remote { .. }) {
        return Err(CliError::Failed(format!(
            "a server elsewhere cannot write the folder `{}`; name a file that ends with {ARCHIVE_ENDING}",
            target.display()
        )));
    }
    let folder = std::path::absolute(target)?;
    let answer: Value = client.post("/api/v1/backup/folder", &json!({ "folder": folder })).await?;
    Ok(json!({ "target": target, "size_bytes": answer["size_bytes"] }))
}
