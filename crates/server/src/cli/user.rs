//! `outlay user`: who may come in.

use std::io::{BufRead, IsTerminal};
use std::process::ExitCode;

use clap::{ArgGroup, Args, Subcommand};
use outlay_domain::people::Role;
use serde_json::{Map, Value, json};

use super::Globals;
use super::client::{CliError, Client};
use super::output::{self, Output};
use super::pages;
use super::text::{path_part, shown, when};

/// Flags of `outlay user`.
#[derive(Debug, Args)]
pub struct UserArgs {
    #[command(subcommand)]
    command: UserCommand,
}

#[derive(Debug, Subcommand)]
enum UserCommand {
    /// Add a user
    #[command(after_help = "Examples:
  outlay user add alice
  outlay user add alice@example.com --name 'Alice Smith' --role viewer
  outlay user add ci --account shop
  pass show outlay/alice | outlay user add alice --password-stdin

A user without a password comes in by a link: outlay user link alice")]
    Add(AddArgs),
    /// List the users
    #[command(visible_alias = "ls")]
    List,
    /// Change what a user may do, who pays for them, or their name
    #[command(after_help = "Examples:
  outlay user set alice --role admin
  outlay user set alice --account team-a --name 'Alice Smith'
  outlay user set ci --revoke-tokens")]
    Set(SetArgs),
    /// Keep a user out: ends their sessions, revokes their tokens, suspends their keys
    Disable(WhichUser),
    /// Let a disabled user in again
    Enable(WhichUser),
    /// Delete a user with their keys and sessions; what they used stays
    Delete(WhichUser),
    /// Set a user's password, which ends their sessions
    #[command(after_help = "Examples:
  outlay user password alice
  pass show outlay/alice | outlay user password alice --password-stdin")]
    Password(PasswordArgs),
    /// Make a link that signs a user in, once
    #[command(after_help = "Examples:
  outlay user link alice
  outlay user link alice --json | jq -r .url")]
    Link(WhichUser),
}

#[derive(Debug, Args)]
struct WhichUser {
    /// The user's id
    user: String,
}

#[derive(Debug, Args)]
struct AddArgs {
    /// What they sign in by: a handle or an e-mail address
    user: String,
    /// What people call them [default: the id]
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,
    /// admin does everything, member sees and charges their own account, viewer sees everything
    #[arg(long, value_name = "ROLE", default_value = "member")]
    role: Role,
    /// Who pays for them [default: an account of the id's name]
    #[arg(long, value_name = "ACCOUNT")]
    account: Option<String>,
    /// Read a password from standard input
    #[arg(long)]
    password_stdin: bool,
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("change").required(true).multiple(true)
    .args(["name", "role", "account", "revoke_tokens"]))]
struct SetArgs {
    /// The user's id
    user: String,
    /// What people call them
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,
    /// admin, member or viewer
    #[arg(long, value_name = "ROLE")]
    role: Option<Role>,
    /// Who pays for them
    #[arg(long, value_name = "ACCOUNT")]
    account: Option<String>,
    /// Revoke all tokens that were signed for them here
    #[arg(long)]
    revoke_tokens: bool,
}

#[derive(Debug, Args)]
struct PasswordArgs {
    /// The user's id
    user: String,
    /// Read the password from standard input instead of asking for it
    #[arg(long)]
    password_stdin: bool,
}

/// Runs `outlay user …`.
pub async fn run(globals: &Globals, args: UserArgs) -> Result<ExitCode, CliError> {
    let password = ask_first(&args.command)?;
    let client = globals.client().await?;
    let done = act(&client, globals.output(), args.command, password).await;
    client.close().await;
    done.map(|()| ExitCode::SUCCESS)
}

/// Asks for a password before the folder is opened, so that it is not held meanwhile.
fn ask_first(command: &UserCommand) -> Result<Option<String>, CliError> {
    match command {
        UserCommand::Add(args) if args.password_stdin => read_password().map(Some),
        UserCommand::Password(args) if args.password_stdin => read_password().map(Some),
        UserCommand::Password(args) => ask_password(&args.user).map(Some),
        _ => Ok(None),
    }
}

async fn act(
    client: &Client,
    output: Output,
    command: UserCommand,
    password: Option<String>,
) -> Result<(), CliError> {
    match command {
        UserCommand::Add(args) => {
            let body = json!({
                "id": args.user, "name": args.name, "account": args.account, "role": args.role,
                "password": password,
            });
            let user: Value = client.post("/api/v1/users", &without_nulls(body)).await?;
            output.show(&user, |user| {
                let id = shown(user, "id");
                let way_in = match user["has_password"] == true {
                    true => String::new(),
                    false => format!("\nThey come in by a link: outlay user link {id}"),
                };
                let (role, account) = (shown(user, "role"), shown(user, "account"));
                format!("Added {id}: {role}, account {account}.{way_in}")
            })
        }
        UserCommand::List => {
            let users = pages::all(client, "/api/v1/users", &[]).await?;
            output.show(&users, |users| table(users))
        }
        UserCommand::Set(args) => {
            let body = json!({
                "name": args.name, "role": args.role, "account": args.account,
                "revoke_tokens": args.revoke_tokens.then_some(true),
            });
            change(client, output, &args.user, body, "Changed").await
        }
        UserCommand::Disable(args) => {
            change(client, output, &args.user, json!({ "disabled": true }), "Disabled").await
        }
        UserCommand::Enable(args) => {
            change(client, output, &args.user, json!({ "disabled": false }), "Enabled").await
        }
        UserCommand::Password(args) => {
            let body = json!({ "password": password });
            change(client, output, &args.user, body, "Set the password of").await
        }
        UserCommand::Delete(args) => {
            let path = user_path(&args.user);
            let _nothing: Value = client.delete(&path).await?;
            let deleted = json!({ "id": args.user, "deleted": true });
            output.show(&deleted, |deleted| format!("Deleted {}.", shown(deleted, "id")))
        }
        UserCommand::Link(args) => {
            let path = format!("{}/link", user_path(&args.user));
            let link: Value = client.post(&path, &json!({})).await?;
            output.show(&link, |link| {
                format!(
                    "{}\nIt signs {} in once, until {}.",
                    shown(link, "url"),
                    shown(link, "user"),
                    when(link, "expires_at")
                )
            })
        }
    }
}

async fn change(
    client: &Client,
    output: Output,
    user: &str,
    body: Value,
    verb: &str,
) -> Result<(), CliError> {
    let user: Value = client.patch(&user_path(user), &without_nulls(body)).await?;
    output.show(&user, |user| {
        let state = if user["disabled_at"].is_null() { "" } else { ", disabled" };
        format!(
            "{verb} {}: {}, account {}{state}.",
            shown(user, "id"),
            shown(user, "role"),
            shown(user, "account")
        )
    })
}

fn user_path(user: &str) -> String {
    format!("/api/v1/users/{}", path_part(user))
}

fn table(users: &[Value]) -> String {
    if users.is_empty() {
        return "There are no users yet. Add one: outlay user add NAME".to_owned();
    }
    let rows = users.iter().map(|user| {
        let password = if user["has_password"] == true { "password" } else { "link" };
        let state = if user["disabled_at"].is_null() { "" } else { "disabled" };
        vec![
            shown(user, "id"),
            shown(user, "name"),
            shown(user, "role"),
            shown(user, "account"),
            password.to_owned(),
            state.to_owned(),
        ]
    });
    output::table(&["USER", "NAME", "ROLE", "ACCOUNT", "SIGNS IN BY", ""], rows.collect(), &[])
}

/// What was not said is not sent.
pub(super) fn without_nulls(body: Value) -> Value {
    let fields = body.as_object().cloned().unwrap_or_default();
    Value::Object(fields.into_iter().filter(|(_, value)| !value.is_null()).collect::<Map<_, _>>())
}

fn read_password() -> Result<String, CliError> {
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    match line.trim_end_matches(['\r', '\n']) {
        "" => Err(CliError::Failed("no password came from standard input".to_owned())),
        password => Ok(password.to_owned()),
    }
}

fn ask_password(user: &str) -> Result<String, CliError> {
    if !std::io::stdin().is_terminal() {
        let why = "there is no terminal to ask for a password; use --password-stdin";
        return Err(CliError::Failed(why.to_owned()));
    }
    let password = rpassword::prompt_password(format!("New password for {user}: "))?;
    let again = rpassword::prompt_password("Again: ")?;
    if password != again {
        return Err(CliError::Failed("the two passwords are not the same".to_owned()));
    }
    Ok(password)
}
