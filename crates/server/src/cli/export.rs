//! `outlay export`: usage in the forms of others.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use axum::http::Method;
use clap::{Args, Subcommand, ValueEnum};
use indicatif::ProgressBar;
use reqwest::Url;
use serde_json::{Value, json};

use super::Globals;
use super::client::{CliError, Client};
use super::import::progress::{Measure, bar};
use super::schedule::{self, ScheduleArgs};

/// Flags of `outlay export`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
#[command(after_help = "Examples:
  outlay export events --from 2026-03-01 --to 2026-04-01 --out march.csv
  outlay export events --format ndjson --filter provider=openai --out - | jq .amount
  outlay export focus --focus 1.2 --format parquet --out focus.parquet
  outlay export schedule create lake --export events --format parquet --every day")]
pub struct ExportArgs {
    #[command(subcommand)]
    command: Option<ExportCommand>,
    /// What to write
    #[arg(required = true)]
    what: Option<What>,
    /// From this moment or day on
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Before this moment or day
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    /// Whose days; UTC where it is not said
    #[arg(long, value_name = "ZONE")]
    tz: Option<String>,
    /// csv, ndjson (events only) or parquet
    #[arg(long, default_value = "csv")]
    format: String,
    /// The version of FOCUS: 1.2 or 1.4
    #[arg(long = "focus", value_name = "VERSION")]
    focus: Option<String>,
    /// The rows of FOCUS by the hour or the day
    #[arg(long, value_name = "hour|day")]
    granularity: Option<String>,
    /// Only what passes, e.g. `provider=openai`, `model^=gpt-4`; may be repeated
    #[arg(long, value_name = "FILTER")]
    filter: Vec<String>,
    /// A file that is not there, or - for standard output
    #[arg(long, value_name = "FILE", required = true)]
    out: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum ExportCommand {
    /// Make, list and change what is exported by itself, and fetch its files
    Schedule(ScheduleArgs),
}

/// What can be exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    /// Every event, as it is kept
    Events,
    /// Charges by the FinOps Open Cost and Usage Specification
    Focus,
}

/// Runs `outlay export`.
pub async fn run(globals: &Globals, args: ExportArgs) -> Result<ExitCode, CliError> {
    if let Some(ExportCommand::Schedule(args)) = args.command {
        return schedules(globals, args).await;
    }
    let path = path(&args)?;
    let client = globals.client().await?;
    let done = export(globals, &client, &path, &args.out.unwrap_or_default()).await;
    client.close().await;
    done.map(|()| ExitCode::SUCCESS)
}

async fn schedules(globals: &Globals, args: ScheduleArgs) -> Result<ExitCode, CliError> {
    let client = globals.client().await?;
    let done = match schedule::act(&client, globals.output(), args).await {
        Ok(Some((path, out))) => export(globals, &client, &path, &out).await,
        done => done.map(|_| ()),
    };
    client.close().await;
    done.map(|()| ExitCode::SUCCESS)
}

/// Flags of `outlay report`.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  outlay report --month 2026-10 --out october.html")]
pub struct ReportArgs {
    /// Which month, e.g. 2026-10; the last one that is over where it is not said
    #[arg(long, value_name = "MONTH")]
    month: Option<String>,
    /// Whose days; UTC where it is not said
    #[arg(long, value_name = "ZONE")]
    tz: Option<String>,
    /// A file that is not there, or - for standard output
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// Runs `outlay report`.
pub async fn report(globals: &Globals, args: ReportArgs) -> Result<ExitCode, CliError> {
    let mut url = Url::parse("http://outlay/api/v1/reports/month")
        .map_err(|error| CliError::Failed(error.to_string()))?;
    for (name, value) in [("month", &args.month), ("tz", &args.tz)] {
        if let Some(value) = value {
            url.query_pairs_mut().append_pair(name, value);
        }
    }
    let path = format!("{}?{}", url.path(), url.query().unwrap_or_default());
    let client = globals.client().await?;
    let done = export(globals, &client, &path, &args.out).await;
    client.close().await;
    done.map(|()| ExitCode::SUCCESS)
}

/// The route with its parameters.
fn path(args: &ExportArgs) -> Result<String, CliError> {
    let failed = |detail: String| CliError::Failed(detail);
    let is_focus = args.what == Some(What::Focus);
    let (route, version) = match is_focus {
        false => ("http://outlay/api/v1/exports/events", None),
        true => ("http://outlay/api/v1/exports/focus", args.focus.as_deref()),
    };
    let mut url = Url::parse(route).map_err(|error| failed(error.to_string()))?;
    let mut pairs = url.query_pairs_mut();
    let known = [
        ("format", Some(args.format.as_str())),
        ("from", args.from.as_deref()),
        ("to", args.to.as_deref()),
        ("tz", args.tz.as_deref()),
        ("version", version),
        ("granularity", args.granularity.as_deref().filter(|_| is_focus)),
    ];
    for (name, value) in known {
        if let Some(value) = value {
            pairs.append_pair(name, value);
        }
    }
    for filter in &args.filter {
        let (name, value) = filter
            .split_once('=')
            .ok_or_else(|| failed(format!("`{filter}` is no filter; write NAME=VALUE")))?;
        pairs.append_pair(name, value);
    }
    drop(pairs);
    Ok(format!("{}?{}", url.path(), url.query().unwrap_or_default()))
}

async fn export(
    globals: &Globals,
    client: &Client,
    path: &str,
    out: &Path,
) -> Result<(), CliError> {
    if out == Path::new("-") {
        client.download(Method::GET, path, &mut io::stdout()).await?;
        return Ok(());
    }
    let written = to_file(client, path, out, globals.json).await?;
    globals.output().show(&written, |written| {
        format!(
            "wrote {} ({} bytes)",
            written["file"].as_str().unwrap_or_default(),
            written["size_bytes"]
        )
    })
}

/// Writes under another name first, so that half of an export is never taken for one.
async fn to_file(client: &Client, path: &str, out: &Path, quiet: bool) -> Result<Value, CliError> {
    if out.exists() {
        return Err(CliError::Failed(format!("`{}` is there already", out.display())));
    }
    let mut unfinished = out.as_os_str().to_owned();
    unfinished.push(".tmp");
    let unfinished = Path::new(&unfinished);
    let failed = |path: &Path, error: &io::Error| {
        CliError::Failed(format!("`{}` cannot be written: {error}", path.display()))
    };
    let file = File::create(unfinished).map_err(|error| failed(unfinished, &error))?;
    let mut counted = Counted { file, bar: bar(Measure::Bytes(None), quiet) };
    let downloaded = client.download(Method::GET, path, &mut counted).await;
    counted.bar.finish_and_clear();
    let finished = downloaded.and_then(|size_bytes| {
        let publish = || {
            counted.file.sync_all()?;
            std::fs::rename(unfinished, out)
        };
        publish().map_err(|error| failed(out, &error))?;
        Ok(json!({ "file": out, "size_bytes": size_bytes }))
    });
    if finished.is_err() {
        // What is left of it is of no use; the failure itself is told.
        let _ = std::fs::remove_file(unfinished);
    }
    finished
}

/// A file, and how much of it was written.
struct Counted {
    file: File,
    bar: ProgressBar,
}

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.bar.inc(written as u64);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
