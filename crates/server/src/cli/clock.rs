//! `outlay clock`: what is held of the time by which old data is removed.

use std::process::ExitCode;

use clap::Subcommand;
use serde_json::{Value, json};

use super::Globals;
use super::client::CliError;

/// Commands about the clock.
#[derive(Debug, Subcommand)]
pub enum ClockCommand {
    /// Say that the clock is right although it is more than a day ahead of what was known
    Confirm,
}

/// Runs `outlay clock`.
pub async fn run(globals: &Globals, command: ClockCommand) -> Result<ExitCode, CliError> {
    match command {
        ClockCommand::Confirm => confirm(globals).await,
    }
}

async fn confirm(globals: &Globals) -> Result<ExitCode, CliError> {
    let client = globals.client().await?;
    let confirmed = client.post("/api/v1/system/clock", &json!({})).await;
    client.close().await;
    let body: Value = confirmed?;
    globals.output().show(&body, |body| {
        let text = |field: &str| body[field].as_str().unwrap_or_default().to_owned();
        match body["was_ahead_seconds"].as_i64() {
            Some(0) | None => format!("the clock was believed already: {}", text("now")),
            Some(_) => {
                format!(
                    "old data is removed by {} from now on, not by {}",
                    text("now"),
                    text("was")
                )
            }
        }
    })?;
    Ok(ExitCode::SUCCESS)
}
