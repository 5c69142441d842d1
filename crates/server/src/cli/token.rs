//! `outlay token`: a token for a program, or for trying things out.

use std::process::ExitCode;

use chrono::Duration;
use clap::Args;
use outlay_domain::people::Role;
use serde_json::{Value, json};

use super::Globals;
use super::client::CliError;
use super::text::{duration, shown};
use super::user::without_nulls;

/// Flags of `outlay token`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  outlay token --user alice
  outlay token --user ci --role member --ttl 12h
  curl -H \"Authorization: Bearer $(outlay token --user admin --role admin)\" \\
       http://localhost:8440/api/v1/usage/total

Revoke all tokens of a user: outlay user set USER --revoke-tokens")]
pub struct TokenArgs {
    /// Whom it names; made where there is no such user
    #[arg(long, value_name = "ID")]
    user: String,
    /// The role it is for, which the user must have; a new user gets it [default: the user's own]
    #[arg(long, value_name = "ROLE")]
    role: Option<Role>,
    /// How long it counts: 90s, 45m, 12h, 30d
    #[arg(long, value_name = "TIME", default_value = "30d", value_parser = duration)]
    ttl: Duration,
}

/// Runs `outlay token`.
pub async fn run(globals: &Globals, args: TokenArgs) -> Result<ExitCode, CliError> {
    let client = globals.client().await?;
    let body = json!({
        "user": args.user, "role": args.role, "ttl_seconds": args.ttl.num_seconds(),
    });
    let minted: Result<Value, CliError> = client.post("/api/v1/tokens", &without_nulls(body)).await;
    client.close().await;
    // The token alone, so that it can stand in `$(…)`.
    globals.output().show(&minted?, |token| shown(token, "token"))?;
    Ok(ExitCode::SUCCESS)
}
