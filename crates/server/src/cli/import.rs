//! `outlay import`: usage from files and from the databases of other programs.

mod file;
pub(crate) mod note;
pub(crate) mod progress;
pub(crate) mod sender;
pub(crate) mod summary;
mod wire;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use outlay_engine::import::Zone;

use super::Globals;
use super::client::CliError;
use super::dialects::DialectImport;

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
    #[command(flatten)]
    Dialect(DialectImport),
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

/// Imports what the flags name.
pub async fn run(globals: &Globals, args: ImportArgs) -> Result<ExitCode, CliError> {
    match args.what {
        What::Csv(args) => file::import_csv(globals, args).await,
        What::Jsonl(args) => file::import_lines(globals, args).await,
        What::Dialect(import) => import.run(globals).await,
    }
}

/// The zone of that name.
pub(crate) fn zone(name: &str) -> Result<Zone, String> {
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
pub(crate) fn zone_or_here(asked: Option<Zone>) -> Result<(Zone, Option<String>), CliError> {
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

/// A failure of a command.
pub(crate) fn failed(error: &dyn std::error::Error) -> CliError {
    CliError::Failed(describe(error))
}

/// An error and its causes.
pub(crate) fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
