//! `outlay import`: usage from files and from the databases of other programs.

mod file;
pub mod leadfactory;
mod note;
pub(super) mod progress;
mod sender;
mod summary;
mod wire;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use outlay_engine::import::Zone;

use super::Globals;
use super::client::CliError;

/// Flags of `outlay import`.
#[derive(Debug, Args)]
pub struct ImportArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Import a table of separated values
    Csv(CsvArgs),
    /// Import one JSON object a line
    Jsonl(FileArgs),
    /// Import LeadFactory's databases, and follow them
    Leadfactory(LeadfactoryArgs),
}

/// Flags of `outlay import csv`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  outlay import csv usage.csv
  outlay import csv export.csv.gz --map cost='Total (USD)' --map occurred_at=Day --timezone Europe/Berlin
  zcat *.gz | outlay import csv - --source billing-2026")]
struct CsvArgs {
    #[command(flatten)]
    file: FileArgs,
    /// The sign between columns [default: found in the header]
    #[arg(long, value_name = "SIGN", value_parser = separator)]
    separator: Option<u8>,
    /// Fractions stand behind a comma, as in 1.234,50
    #[arg(long)]
    decimal_comma: bool,
}

/// Flags of imports from files.
#[derive(Debug, Args)]
struct FileArgs {
    /// The file, packed with gzip or zstd or not; `-` is standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The zone of times that name none [default: this machine's]
    #[arg(long, value_name = "ZONE", value_parser = zone)]
    timezone: Option<Zone>,
    /// The source of events that name none; with the id it tells repeats [default: csv or jsonl]
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
    /// The account of events that name none [default: your own]
    #[arg(long, value_name = "NAME")]
    account: Option<String>,
    /// Our field and their column, e.g. cost=Price; may be given often
    #[arg(long, value_name = "OURS=THEIRS", value_parser = mapping)]
    map: Vec<(String, String)>,
    /// Read and judge everything, and send nothing
    #[arg(long)]
    dry_run: bool,
}

/// Flags of `outlay import leadfactory`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  outlay import leadfactory ~/leadfactory --timezone Europe/Berlin
  outlay import leadfactory data/cost_tracking.db ~/.leadfactory/gpt_usage.db --timezone UTC
  outlay import leadfactory ~/leadfactory --timezone Europe/Berlin --follow

Without a PATH the databases named by COST_TRACKING_DB_PATH, GPT_USAGE_DB_PATH,
PURCHASE_METRICS_DB_PATH, FINANCIAL_TRACKING_DB_PATH and BUDGET_DB_PATH are read, or else
those below the folder you are in.")]
struct LeadfactoryArgs {
    /// Databases, or folders in which to look for them
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// The zone that LeadFactory's clock shows [default: this machine's]
    #[arg(long, value_name = "ZONE", value_parser = zone)]
    timezone: Option<Zone>,
    /// Go on reading what is added, until Ctrl-C
    #[arg(long)]
    follow: bool,
    /// Who pays
    #[arg(long, value_name = "NAME", default_value = ACCOUNT)]
    account: String,
    /// Which calls of gpt_usage.db are usage of their own: `failed` are those that no row of
    /// costs counts [default: failed beside a cost_tracking.db, all without]
    #[arg(long, value_name = "WHICH")]
    calls: Option<Calls>,
    /// Take the `gpu`/`stop` rows of bin/cost_tracking.py too, which count each GPU twice
    #[arg(long)]
    keep_gpu_stop: bool,
    /// Read every row again, also those that were imported before
    #[arg(long)]
    again: bool,
    /// Read and judge everything, and send nothing
    #[arg(long, conflicts_with = "follow")]
    dry_run: bool,
}

/// Which calls are usage of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Calls {
    /// Those that no row of costs counts.
    Failed,
    /// All of them.
    All,
}

/// Imports what the flags name.
pub async fn run(globals: &Globals, args: ImportArgs) -> Result<ExitCode, CliError> {
    match args.what {
        What::Csv(args) => file::import_csv(globals, args).await,
        What::Jsonl(args) => file::import_lines(globals, args).await,
        What::Leadfactory(args) => leadfactory::import(globals, args).await,
    }
}

/// Who pays for what LeadFactory counted, where nobody else is named.
const ACCOUNT: &str = "leadfactory";

fn zone(name: &str) -> Result<Zone, String> {
    Zone::named(name).map_err(|error| error.to_string())
}

fn mapping(text: &str) -> Result<(String, String), String> {
    let (ours, theirs) = text
        .split_once('=')
        .filter(|(ours, theirs)| !ours.is_empty() && !theirs.is_empty())
        .ok_or("say our field, `=`, and their column, e.g. cost=Price")?;
    Ok((ours.to_owned(), theirs.to_owned()))
}

fn separator(text: &str) -> Result<u8, String> {
    match text.as_bytes() {
        _ if matches!(text, "tab" | "\\t") => Ok(b'\t'),
        [byte] if byte.is_ascii() => Ok(*byte),
        _ => Err("is one ASCII character, or `tab`".to_owned()),
    }
}

/// The zone that was asked for, or this machine's, which is then said.
fn zone_or_here(asked: Option<Zone>) -> Result<(Zone, Option<String>), CliError> {
    if let Some(zone) = asked {
        return Ok((zone, None));
    }
    let here = iana_time_zone::get_timezone().ok().and_then(|name| Zone::named(&name).ok());
    let zone = here.ok_or_else(|| {
        CliError::Failed("this machine does not say its time zone; give --timezone".to_owned())
    })?;
    let note = format!(
        "times without a zone are read as {}, this machine's; --timezone names another",
        zone.name()
    );
    Ok((zone, Some(note)))
}

fn failed(error: &dyn std::error::Error) -> CliError {
    CliError::Failed(describe(error))
}

/// An error and its causes.
fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
