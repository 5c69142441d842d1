//! `outlay plan`: what accounts may subscribe to.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use outlay_engine::plans::EXAMPLE;
use serde_json::Value;

use super::Globals;
use super::client::{CliError, Client};
use super::output::{self, Output};
use super::text::{path_part, shown, when};

/// Flags of `outlay plan`.
#[derive(Debug, Args)]
pub struct PlanArgs {
    #[command(subcommand)]
    command: PlanCommand,
}

#[derive(Debug, Subcommand)]
enum PlanCommand {
    /// List plans, the cheapest first
    #[command(visible_alias = "ls")]
    List,
    /// Show a plan: its newest version, or another
    Show(ShowArgs),
    /// Let plans say what stands in a file
    #[command(after_help = "Examples:
  outlay plan example > plans.json
  outlay plan import plans.json")]
    Import(ImportArgs),
    /// Let nobody subscribe to a plan any more; accounts that have it keep it
    Close(NamedArgs),
    /// Print a file of four plans to begin with
    Example,
}

#[derive(Debug, Args)]
struct ShowArgs {
    /// The plan's id
    plan: String,
    /// Which version [default: the newest]
    #[arg(long, value_name = "VERSION")]
    plan_version: Option<u32>,
}

#[derive(Debug, Args)]
struct ImportArgs {
    /// The file, or - for standard input
    file: PathBuf,
}

#[derive(Debug, Args)]
struct NamedArgs {
    /// The plan's id
    plan: String,
}

const PLANS: &str = "/api/v1/plans";

/// Runs `outlay plan …`.
pub async fn run(globals: &Globals, args: PlanArgs) -> Result<ExitCode, CliError> {
    if matches!(args.command, PlanCommand::Example) {
        let file: Value =
            serde_json::from_str(EXAMPLE).map_err(|error| CliError::Failed(error.to_string()))?;
        Output::new(false).show(&file, |_| EXAMPLE.to_owned())?;
        return Ok(ExitCode::SUCCESS);
    }
    let client = globals.client().await?;
    let done = act(&client, globals.output(), args.command).await;
    client.close().await;
    done.map(|()| ExitCode::SUCCESS)
}

async fn act(client: &Client, output: Output, command: PlanCommand) -> Result<(), CliError> {
    match command {
        PlanCommand::List => {
            let all: Value = client.get(PLANS).await?;
            output.show(&all["items"], table)
        }
        PlanCommand::Show(args) => {
            let version = args.plan_version.map(|version| format!("?version={version}"));
            let path = format!("{}{}", path_of(&args.plan), version.unwrap_or_default());
            let plan: Value = client.get(&path).await?;
            output.show(&plan, page)
        }
        PlanCommand::Import(args) => {
            let file = read(&args.file)?;
            let done: Value = client.post(&format!("{PLANS}/import"), &file).await?;
            output.show(&done, |done| {
                let count = |field: &str| done[field].as_array().map_or(0, Vec::len);
                match (count("changed"), count("unchanged")) {
                    (0, _) => "All of them said that already.".to_owned(),
                    (_, 0) => format!("Set {}.", shown(done, "changed")),
                    (_, same) => {
                        format!("Set {}; {same} said that already.", shown(done, "changed"))
                    }
                }
            })
        }
        PlanCommand::Close(args) => {
            let _: Option<Value> = client.delete(&path_of(&args.plan)).await?;
            let said = format!("Nobody new gets {}; who has it keeps it.", args.plan);
            output.show(&serde_json::json!({ "closed": args.plan }), |_| said)
        }
        PlanCommand::Example => Ok(()),
    }
}

fn path_of(plan: &str) -> String {
    format!("{PLANS}/{}", path_part(plan))
}

fn read(path: &std::path::Path) -> Result<Value, CliError> {
    let read = match path.to_str() {
        Some("-") => std::io::read_to_string(std::io::stdin()),
        _ => std::fs::read_to_string(path),
    };
    let shown = path.display();
    let text =
        read.map_err(|error| CliError::Failed(format!("{shown} cannot be read: {error}")))?;
    serde_json::from_str(&text)
        .map_err(|error| CliError::Failed(format!("{shown} is no JSON: {error}")))
}

fn table(plans: &Value) -> String {
    let plans = plans.as_array().map(Vec::as_slice).unwrap_or_default();
    if plans.is_empty() {
        return "There are no plans yet. See `outlay plan example`.".to_owned();
    }
    let rows = plans.iter().map(|kept| {
        let plan = &kept["plan"];
        let count = |field: &str| plan[field].as_array().map_or(0, Vec::len).to_string();
        vec![
            shown(kept, "id"),
            shown(plan, "name"),
            shown(kept, "version"),
            shown(&plan["price"], "monthly"),
            shown(&plan["price"], "yearly"),
            shown(&plan["price"], "currency"),
            count("limits"),
            if kept["closed"] == true { "closed".to_owned() } else { String::new() },
        ]
    });
    let heads = ["ID", "NAME", "VERSION", "A MONTH", "A YEAR", "", "LIMITS", ""];
    output::table(&heads, rows.collect(), &[2, 3, 4, 6])
}

fn page(kept: &Value) -> String {
    let plan = &kept["plan"];
    let mut page = format!(
        "{} ({} version {}, of {})\n{}\n",
        shown(plan, "name"),
        shown(kept, "id"),
        shown(kept, "version"),
        when(kept, "created_at"),
        shown(plan, "description")
    );
    let limits = plan["limits"].as_array().into_iter().flatten().map(|limit| {
        vec![
            shown(limit, "id"),
            shown(limit, "most"),
            shown(limit, "measure"),
            shown(limit, "every"),
            shown(limit, "enforcement"),
        ]
    });
    let heads = ["LIMIT", "MOST", "OF", "EVERY", ""];
    page.push_str(&output::table(&heads, limits.collect(), &[1]));
    page
}
