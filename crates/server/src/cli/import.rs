//! `outlay import`: usage from files and from the databases of other programs.

pub(crate) mod failure;
mod file;
pub(crate) mod note;
pub(crate) mod progress;
pub(crate) mod sender;
pub(crate) mod summary;
mod wire;
pub(crate) mod zones;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use outlay_engine::import::Zone;

use super::Globals;
use super::client::CliError;
use super::dialects::DialectImport;
use zones::zone;

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
