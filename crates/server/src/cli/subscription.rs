//! `outlay subscription`: which account has which plan.

use std::process::ExitCode;

use axum::http::Method;
use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::Globals;
use super::client::{CliError, Client};
use super::output::{self, Output};
use super::text::{path_part, shown, when};
use super::user::without_nulls;

/// Flags of `outlay subscription`.
#[derive(Debug, Args)]
pub struct SubscriptionArgs {
    #[command(subcommand)]
    command: SubscriptionCommand,
}

#[derive(Debug, Subcommand)]
enum SubscriptionCommand {
    /// Let an account have a plan
    #[command(after_help = "Examples:
  outlay subscription begin acme pro
  outlay subscription begin acme pro --cycle yearly --tz Europe/Berlin --trial false")]
    Begin(BeginArgs),
    /// Show the plan that an account has
    Show(AccountName),
    /// Let an account have another plan, another version of it, or pay by another time
    #[command(after_help = "Examples:
  outlay subscription change acme enterprise
  outlay subscription change acme basic --when period-end")]
    Change(ChangeArgs),
    /// Let a subscription end
    Cancel(CancelArgs),
    /// Let it go on as it is, where it would end or change
    Resume(AccountName),
    /// Note that a payment is due
    Due(AccountName),
    /// Note that what was due was paid
    Paid(AccountName),
    /// List what happened, the newest first
    History(HistoryArgs),
}

#[derive(Debug, Args)]
struct AccountName {
    /// The account
    account: String,
}

#[derive(Debug, Args)]
struct BeginArgs {
    /// The account
    account: String,
    /// The plan's id
    plan: String,
    /// Which version of it [default: the newest]
    #[arg(long, value_name = "VERSION")]
    plan_version: Option<u32>,
    /// For how long is paid at a time
    #[arg(long, default_value = "monthly")]
    cycle: CycleWord,
    /// Whose days and months
    #[arg(long, default_value = "UTC")]
    tz: String,
    /// Whether the plan is tried first [default: for whoever never had a plan]
    #[arg(long, value_name = "true|false")]
    trial: Option<bool>,
}

#[derive(Debug, Args)]
struct ChangeArgs {
    /// The account
    account: String,
    /// The plan's id
    plan: String,
    /// Which version of it [default: the newest]
    #[arg(long, value_name = "VERSION")]
    plan_version: Option<u32>,
    /// For how long is paid at a time [default: as before]
    #[arg(long)]
    cycle: Option<CycleWord>,
    /// When
    #[arg(long, default_value = "now")]
    when: WhenWord,
}

#[derive(Debug, Args)]
struct CancelArgs {
    /// The account
    account: String,
    /// When
    #[arg(long, default_value = "period-end")]
    when: WhenWord,
}

#[derive(Debug, Args)]
struct HistoryArgs {
    /// The account
    account: String,
    /// How many steps
    #[arg(long, default_value_t = 20)]
    limit: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum CycleWord {
    /// By the month
    Monthly,
    /// By the year
    Yearly,
}

impl CycleWord {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Monthly => "monthly",
            Self::Yearly => "yearly",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum WhenWord {
    /// Now; what was paid and is not used is given back
    Now,
    /// When what is paid for is over
    PeriodEnd,
}

impl WhenWord {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Now => "now",
            Self::PeriodEnd => "period_end",
        }
    }
}

/// Runs `outlay subscription …`.
pub async fn run(globals: &Globals, args: SubscriptionArgs) -> Result<ExitCode, CliError> {
    let client = globals.client().await?;
    let done = act(&client, globals.output(), args.command).await;
    client.close().await;
    done.map(|()| ExitCode::SUCCESS)
}

async fn act(
    client: &Client,
    output: Output,
    command: SubscriptionCommand,
) -> Result<(), CliError> {
    let had: Value = match command {
        SubscriptionCommand::Begin(args) => {
            let body = json!({
                "plan": args.plan, "version": args.plan_version, "cycle": args.cycle.as_str(),
                "tz": args.tz, "trial": args.trial,
            });
            let path = path_of(&args.account, "");
            client.put(&path, &without_nulls(body)).await?
        }
        SubscriptionCommand::Show(args) => client.get(&path_of(&args.account, "")).await?,
        SubscriptionCommand::Change(args) => {
            let body = json!({
                "plan": args.plan, "version": args.plan_version, "when": args.when.as_str(),
                "cycle": args.cycle.map(CycleWord::as_str),
            });
            client.post(&path_of(&args.account, "/change"), &without_nulls(body)).await?
        }
        SubscriptionCommand::Cancel(args) => {
            let body = json!({ "when": args.when.as_str() });
            client.post(&path_of(&args.account, "/cancel"), &body).await?
        }
        SubscriptionCommand::Resume(args) => note(client, &args.account, "/resume").await?,
        SubscriptionCommand::Due(args) => note(client, &args.account, "/due").await?,
        SubscriptionCommand::Paid(args) => note(client, &args.account, "/paid").await?,
        SubscriptionCommand::History(args) => {
            let path = path_of(&args.account, &format!("/history?limit={}", args.limit));
            let page: Value = client.get(&path).await?;
            return output.show(&page, history);
        }
    };
    output.show(&had, told)
}

async fn note(client: &Client, account: &str, what: &str) -> Result<Value, CliError> {
    client.empty(Method::POST, &path_of(account, what)).await
}

fn path_of(account: &str, what: &str) -> String {
    format!("/api/v1/accounts/{}/subscription{what}", path_part(account))
}

fn told(had: &Value) -> String {
    let (plan, period) = (&had["plan"], &had["period"]);
    let mut told = format!(
        "{} has {} version {}: {}, {}, until {}.",
        shown(had, "account"),
        shown(plan, "id"),
        shown(plan, "version"),
        shown(had, "state").replace('_', " "),
        shown(had, "cycle"),
        when(period, "to")
    );
    if had["cancels"] == true {
        told.push_str(" Then it ends.");
    }
    if let Some(next) = had["next"].as_object() {
        told.push_str(&format!(" Then it is {}.", shown(&next["plan"], "id")));
    }
    if !had["ended_at"].is_null() {
        told.push_str(&format!(" It ended at {}.", when(had, "ended_at")));
    }
    told
}

fn history(page: &Value) -> String {
    let rows = page["items"].as_array().into_iter().flatten().map(|step| {
        vec![
            when(step, "at"),
            shown(step, "kind").replace('_', " "),
            format!("{} {}", shown(&step["plan"], "id"), shown(&step["plan"], "version")),
            when(step, "from"),
            when(step, "to"),
            shown(step, "charged"),
            shown(step, "credited"),
        ]
    });
    let heads = ["AT", "WHAT", "PLAN", "FROM", "TO", "CHARGED", "CREDITED"];
    output::table(&heads, rows.collect(), &[5, 6])
}
