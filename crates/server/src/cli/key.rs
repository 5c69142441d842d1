//! `outlay key`: keys for programs.

use std::process::ExitCode;

use chrono::Utc;
use clap::{Args, Subcommand};
use outlay_domain::people::Scope;
use serde_json::{Value, json};

use super::client::{CliError, Client};
use super::output::{self, Output};
use super::text::{moment, path_part, shown, when};
use super::user::without_nulls;
use super::{Globals, pages};

/// Flags of `outlay key`.
#[derive(Debug, Args)]
pub struct KeyArgs {
    #[command(subcommand)]
    command: KeyCommand,
}

#[derive(Debug, Subcommand)]
enum KeyCommand {
    /// Make a key, and show its secret this once
    #[command(after_help = "Scopes:
  events:write  send usage events            prices:read   look at prices, ask for quotes
  events:amend  correct and delete events    prices:write  change prices
  usage:read    ask questions about usage    metrics:read  read the server's metrics
  credit:write  give accounts credit         annotations:write  write onto charts
  admin         everything its user may do

Examples:
  outlay key create shop --user alice --scope events:write
  outlay key create grafana --user eve --scope usage:read --expires 90d
  outlay key create ingest --user admin --scope events:write --account team-a --json")]
    Create(CreateArgs),
    /// List keys, the newest first
    #[command(visible_alias = "ls")]
    List(ListArgs),
    /// End a key
    #[command(after_help = "Examples:
  outlay key revoke 0195a3c2-6d0e-7cc1-9b0f-3c9f0d6a2b11")]
    Revoke(RevokeArgs),
}

#[derive(Debug, Args)]
struct CreateArgs {
    /// What people call it
    name: String,
    /// Whose key it is [with --url: your own]
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    /// What it is for; repeat for more
    #[arg(long = "scope", value_name = "SCOPE", required = true, value_delimiter = ',')]
    scopes: Vec<Scope>,
    /// The only account it is to see and charge
    #[arg(long, value_name = "ACCOUNT")]
    account: Option<String>,
    /// Until when it counts: 90d, 12h, 2027-01-31 [default: for ever]
    #[arg(long, value_name = "WHEN")]
    expires: Option<String>,
}

#[derive(Debug, Args)]
struct ListArgs {
    /// Only keys of this user
    #[arg(long, value_name = "USER")]
    user: Option<String>,
}

#[derive(Debug, Args)]
struct RevokeArgs {
    /// The key's id, as `outlay key list` shows it
    id: String,
}

/// Runs `outlay key …`.
pub async fn run(globals: &Globals, args: KeyArgs) -> Result<ExitCode, CliError> {
    let client = globals.client().await?;
    let done = act(&client, globals.output(), args.command).await;
    client.close().await;
    done.map(|()| ExitCode::SUCCESS)
}

async fn act(client: &Client, output: Output, command: KeyCommand) -> Result<(), CliError> {
    match command {
        KeyCommand::Create(args) => {
            let now = Utc::now();
            let expires_at = args.expires.as_deref().map(|text| moment(text, now)).transpose();
            let body = json!({
                "name": args.name, "user": args.user, "scopes": args.scopes,
                "account": args.account,
                "expires_at": expires_at.map_err(CliError::Failed)?,
            });
            let key: Value = client.post("/api/v1/keys", &without_nulls(body)).await?;
            output.show(&key, |key| {
                format!(
                    "{}\nThis is shown once. It is {}'s key `{}`, for {}.",
                    shown(key, "secret"),
                    shown(key, "user"),
                    shown(key, "name"),
                    shown(key, "scopes")
                )
            })
        }
        KeyCommand::List(args) => {
            let of_user = args.user.as_deref().map(|user| ("user", user));
            let query: Vec<_> = of_user.into_iter().collect();
            let keys = pages::all(client, "/api/v1/keys", &query).await?;
            output.show(&keys, |keys| table(keys))
        }
        KeyCommand::Revoke(args) => {
            let path = format!("/api/v1/keys/{}", path_part(&args.id));
            let key: Value = client.delete(&path).await?;
            output.show(&key, |key| {
                format!("Revoked {}'s key `{}`.", shown(key, "user"), shown(key, "name"))
            })
        }
    }
}

fn table(keys: &[Value]) -> String {
    if keys.is_empty() {
        return "There are no keys yet. Make one: outlay key create NAME --user USER --scope SCOPE"
            .to_owned();
    }
    let rows = keys.iter().map(|key| {
        vec![
            shown(key, "id"),
            shown(key, "name"),
            shown(key, "user"),
            format!("{}…", shown(key, "prefix")),
            shown(key, "scopes"),
            shown(key, "account"),
            when(key, "last_used_at"),
            when(key, "expires_at"),
            shown(key, "state"),
        ]
    });
    let heads = ["ID", "NAME", "USER", "KEY", "SCOPES", "ACCOUNT", "LAST USED", "EXPIRES", "STATE"];
    output::table(&heads, rows.collect(), &[])
}
