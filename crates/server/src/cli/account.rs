//! `outlay account`: credit of accounts.

use std::process::ExitCode;

use chrono::Utc;
use clap::{Args, Subcommand};
use outlay_domain::Amount;
use serde_json::{Value, json};
use uuid::Uuid;

use super::Globals;
use super::client::{CliError, Client};
use super::output::{self, Output};
use super::text::{moment, path_part, shown, when};
use super::user::without_nulls;

/// Flags of `outlay account`.
#[derive(Debug, Args)]
pub struct AccountArgs {
    #[command(subcommand)]
    command: AccountCommand,
}

#[derive(Debug, Subcommand)]
enum AccountCommand {
    /// Give an account credit
    #[command(after_help = "Examples:
  outlay account grant acme 10 --id invoice-2026-11
  outlay account grant acme 500 --unit CREDIT --source promotion --expires-at 2027-01-31T00:00:00Z")]
    Grant(GrantArgs),
    /// Show what an account has
    Balance(AccountName),
    /// List what was posted on an account, the newest first
    Ledger(LedgerArgs),
    /// Show how far each limit of an account's plan is used, and when it begins anew
    Limits(AccountName),
    /// Show what an account had before a month, what was posted in it, and what it had then
    #[command(after_help = "Examples:
  outlay account statement acme
  outlay account statement acme --period 2026-10 --tz Europe/Berlin")]
    Statement(StatementArgs),
}

#[derive(Debug, Args)]
struct AccountName {
    /// The account
    account: String,
}

#[derive(Debug, Args)]
struct GrantArgs {
    /// The account
    account: String,
    /// How much
    amount: Amount,
    /// In which unit
    #[arg(long, default_value = "USD")]
    unit: String,
    /// An id of your own: sent again, it is given once [default: a new one]
    #[arg(long)]
    id: Option<String>,
    /// Where it is from: purchase, plan, bonus, refund, promotion
    #[arg(long, default_value = "bonus")]
    source: String,
    /// What burns first: the lower number
    #[arg(long, default_value_t = 100)]
    priority: i16,
    /// Up to when it can be spent [default: for ever]
    #[arg(long, value_name = "WHEN")]
    expires_at: Option<String>,
}

#[derive(Debug, Args)]
struct LedgerArgs {
    /// The account
    account: String,
    /// How many postings
    #[arg(long, default_value_t = 20)]
    limit: u32,
}

#[derive(Debug, Args)]
struct StatementArgs {
    /// The account
    account: String,
    /// Which month, e.g. 2026-10 [default: the one that runs, in UTC]
    #[arg(long, value_name = "MONTH")]
    period: Option<String>,
    /// Whose months, e.g. Europe/Berlin
    #[arg(long, default_value = "UTC")]
    tz: String,
}

/// Runs `outlay account …`.
pub async fn run(globals: &Globals, args: AccountArgs) -> Result<ExitCode, CliError> {
    let client = globals.client().await?;
    let done = act(&client, globals.output(), args.command).await;
    client.close().await;
    done.map(|()| ExitCode::SUCCESS)
}

async fn act(client: &Client, output: Output, command: AccountCommand) -> Result<(), CliError> {
    match command {
        AccountCommand::Grant(args) => {
            let ends = args.expires_at.as_deref().map(|text| moment(text, Utc::now())).transpose();
            let body = json!({
                "id": args.id.unwrap_or_else(|| Uuid::now_v7().to_string()),
                "amount": args.amount,
                "unit": args.unit,
                "source": args.source,
                "priority": args.priority,
                "expires_at": ends.map_err(CliError::Failed)?,
            });
            let path = format!("/api/v1/accounts/{}/grants", path_part(&args.account));
            let given: Value = client.post(&path, &without_nulls(body)).await?;
            output.show(&given, |given| {
                let (grant, balance) = (&given["grant"], &given["balance"]);
                let done = match given["repeated"].as_bool() {
                    Some(true) => "Was given before:",
                    _ => "Gave",
                };
                format!(
                    "{done} {} {} to {}, which then had {} available.",
                    shown(grant, "amount"),
                    shown(grant, "unit"),
                    args.account,
                    shown(balance, "available")
                )
            })
        }
        AccountCommand::Balance(args) => {
            let path = format!("/api/v1/accounts/{}/balance", path_part(&args.account));
            let balance: Value = client.get(&path).await?;
            output.show(&balance, balances)
        }
        AccountCommand::Limits(args) => {
            let path = format!("/api/v1/accounts/{}/limits", path_part(&args.account));
            let limits: Value = client.get(&path).await?;
            output.show(&limits, limit_table)
        }
        AccountCommand::Ledger(args) => {
            let account = path_part(&args.account);
            let path = format!("/api/v1/accounts/{account}/ledger?limit={}", args.limit);
            let page: Value = client.get(&path).await?;
            output.show(&page, postings)
        }
        AccountCommand::Statement(args) => {
            let period = args.period.unwrap_or_else(|| Utc::now().format("%Y-%m").to_string());
            let path = format!(
                "/api/v1/accounts/{}/statement?period={}&tz={}",
                path_part(&args.account),
                path_part(&period),
                path_part(&args.tz)
            );
            let statement: Value = client.get(&path).await?;
            output.show(&statement, statements)
        }
    }
}

fn balances(balance: &Value) -> String {
    let units = balance["units"].as_object().filter(|units| !units.is_empty());
    let Some(units) = units else {
        return "The account has no credit yet. Give it some: outlay account grant ACCOUNT AMOUNT"
            .to_owned();
    };
    let rows = units.iter().map(|(unit, has)| {
        vec![unit.clone(), shown(has, "settled"), shown(has, "held"), shown(has, "available")]
    });
    output::table(&["UNIT", "SETTLED", "HELD", "AVAILABLE"], rows.collect(), &[1, 2, 3])
}

fn limit_table(limits: &Value) -> String {
    let rows = limits["items"].as_array().into_iter().flatten().map(|limit| {
        vec![
            shown(limit, "id"),
            shown(limit, "used"),
            shown(limit, "held"),
            shown(limit, "most"),
            shown(limit, "measure"),
            shown(limit, "every"),
            shown(limit, "enforcement"),
            when(limit, "resets_at"),
        ]
    });
    let heads = ["LIMIT", "USED", "HELD", "MOST", "OF", "EVERY", "", "BEGINS ANEW"];
    output::table(&heads, rows.collect(), &[1, 2, 3])
}

fn statements(statement: &Value) -> String {
    let units = statement["units"].as_object().filter(|units| !units.is_empty());
    let Some(units) = units else {
        return "The account has no ledger.".to_owned();
    };
    let mut rows = Vec::new();
    for (unit, of_unit) in units {
        let row = |what: &str, count: String, sums: &Value| {
            let sums = ["settled", "held", "available"].map(|name| shown(sums, name));
            let [settled, held, available] = sums;
            vec![unit.clone(), what.to_owned(), count, settled, held, available]
        };
        rows.push(row("before", String::new(), &of_unit["opening"]));
        for (kind, moved) in of_unit["posted"].as_object().into_iter().flatten() {
            rows.push(row(kind, shown(moved, "postings"), moved));
        }
        rows.push(row("at the end", String::new(), &of_unit["closing"]));
    }
    let heads = ["UNIT", "", "POSTINGS", "SETTLED", "HELD", "AVAILABLE"];
    output::table(&heads, rows, &[2, 3, 4, 5])
}

fn postings(page: &Value) -> String {
    let rows = page["items"].as_array().into_iter().flatten().map(|posting| {
        let named = if posting["event"].is_null() { "id" } else { "event" };
        vec![
            shown(posting, "number"),
            when(posting, "at"),
            shown(posting, "kind"),
            shown(posting, "amount"),
            shown(posting, "unit"),
            shown(&posting["balance"], "available"),
            shown(posting, named),
        ]
    });
    let heads = ["NUMBER", "AT", "KIND", "AMOUNT", "UNIT", "AVAILABLE THEN", "FOR"];
    output::table(&heads, rows.collect(), &[0, 3, 5])
}
