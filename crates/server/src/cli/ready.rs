//! `outlay ready`: whether the server takes writes, for those who start and watch it.

use std::process::ExitCode;

use serde_json::Value;

use super::Globals;
use super::client::{CliError, Client};
use crate::startup::SOCKET_FILE;

/// Exits with 0 when the server is ready, 1 when it is not, and 3 when there is none.
pub async fn run(globals: &Globals) -> Result<ExitCode, CliError> {
    let client = match &globals.url {
        Some(url) => Client::remote(url, globals.token.clone())?,
        // Not the folder itself: a folder that could be opened is no server.
        None => Client::Socket(globals.data.join(SOCKET_FILE)),
    };
    let body: Value = client.get("/readyz").await?;
    globals.output().show(&body, |_| "ready".to_owned())?;
    Ok(ExitCode::SUCCESS)
}
