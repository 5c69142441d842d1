//! `outlay analyze`: the maths of the insights, for anybody's series.
//!
//! It reads a long table and writes one, and needs no server, no data folder and no network.

mod anomalies;
mod change_points;
mod decompose;
mod forecast;
mod freq;
mod online;
mod prepare;
mod rows;
mod sheet;
mod stamps;
mod table;
mod threads;

use std::io::{self, IsTerminal};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use outlay_analytics::calendar::{self, Step};

use super::client::CliError;
use super::{Globals, output};
use rows::{Ours, Rows, RowsError};
use sheet::{Cell, Format, Sheet};
use table::Table;
use threads::Threads;

/// What all of them say about their input.
const INPUT_HELP: &str = "The input is a long table: a row for each value, with the columns `unique_id` (which series; \
not needed for a single one), `ds` (an integer, a date or a time) and `y` (the value, or nothing). \
Rows may be in any order, and other columns are ignored. Files may be packed with gzip or zstd.";

/// What is done with the series.
#[derive(Debug, Subcommand)]
pub enum AnalyzeCommand {
    /// Forecast each series, with ranges that hold the outcome as often as they say
    #[command(after_help = format!("Examples:
  outlay analyze forecast daily.csv --horizon 30
  outlay analyze forecast hourly.csv --horizon 48 --season 24,168 --level 80,95 -o forecast.csv
  outlay analyze forecast sales.csv --map ds=Month --map y=Revenue --map unique_id=Shop --json
  zcat daily.csv.gz | outlay analyze forecast - --method theta

{INPUT_HELP}"))]
    Forecast(forecast::ForecastArgs),
    /// Say of each value whether it is unusual, and what was expected
    #[command(after_help = format!("Examples:
  outlay analyze anomalies daily.csv
  outlay analyze anomalies hourly.csv --season 24 --json
  tail -n +1 -f readings.csv | outlay analyze anomalies - --online

With --online each row is answered as soon as it is read, in the order of the file.

{INPUT_HELP}"))]
    Anomalies(anomalies::AnomaliesArgs),
    /// Find when the level of each series changed and stayed changed
    #[command(after_help = format!("Examples:
  outlay analyze change-points daily.csv
  outlay analyze change-points readings.csv --segment-min 30

{INPUT_HELP}"))]
    ChangePoints(change_points::ChangePointsArgs),
    /// Take each series apart: trend, seasons and remainder
    #[command(after_help = format!("Examples:
  outlay analyze decompose daily.csv
  outlay analyze decompose hourly.csv --season 24,168 -o parts.csv

{INPUT_HELP}"))]
    Decompose(decompose::DecomposeArgs),
}

/// Flags of all of them.
#[derive(Debug, Args)]
struct Common {
    /// The table, or `-` for standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Lengths of the seasons in steps, such as 7 or 24,168; 1 for none [default: detected]
    #[arg(long, value_name = "N", value_delimiter = ',', value_parser = season)]
    season: Vec<usize>,
    /// The step: h, D, W, M, Q, Y, B (weekdays), 15min, or a number between integers; for integers
    /// also what they count [default: found from `ds`]
    #[arg(long, value_name = "STEP", value_parser = freq::step)]
    freq: Option<Step>,
    /// What stands at steps without a value
    #[arg(long, value_name = "RULE", value_enum, default_value_t = Fill::Interpolate)]
    fill: Fill,
    /// A column that is called otherwise, e.g. ds=Day; may be given often
    #[arg(long, value_name = "OURS=THEIRS", value_parser = mapping)]
    map: Vec<(Ours, String)>,
    /// How the answer is written [default: csv, or json with --json]
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Where the answer is written [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Threads that work [default: one for each core]
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
}

/// What stands at steps without a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Fill {
    /// The line between the neighbours.
    Interpolate,
    /// 0: nothing was used.
    Zero,
    /// The value before.
    Carry,
}

impl From<Fill> for calendar::Gaps {
    fn from(fill: Fill) -> Self {
        match fill {
            Fill::Interpolate => Self::Interpolate,
            Fill::Zero => Self::Zero,
            Fill::Carry => Self::Carry,
        }
    }
}

fn season(text: &str) -> Result<usize, String> {
    text.trim().parse().map_err(|_| "is a number of steps, such as 24".to_owned())
}

fn mapping(text: &str) -> Result<(Ours, String), String> {
    let (ours, theirs) = text
        .split_once('=')
        .and_then(|(ours, theirs)| Some((Ours::named(ours)?, theirs.trim())))
        .filter(|(_, theirs)| !theirs.is_empty())
        .ok_or("say unique_id, ds or y, then `=` and the column, e.g. ds=Day")?;
    Ok((ours, theirs.to_owned()))
}

/// Runs `outlay analyze`.
pub async fn run(globals: &Globals, command: AnalyzeCommand) -> Result<ExitCode, CliError> {
    let json = globals.json;
    let work = move || match command {
        AnalyzeCommand::Forecast(args) => forecast::run(&args, json),
        AnalyzeCommand::Anomalies(args) => anomalies::run(&args, json),
        AnalyzeCommand::ChangePoints(args) => change_points::run(&args, json),
        AnalyzeCommand::Decompose(args) => decompose::run(&args, json),
    };
    let worked = tokio::task::spawn_blocking(work).await;
    match worked.map_err(|error| CliError::Failed(error.to_string()))? {
        Ok(()) => Ok(ExitCode::SUCCESS),
        // A reader such as `head` that has seen enough is no failure.
        Err(AnalyzeError::Write(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => Err(CliError::Failed(error.to_string())),
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
enum AnalyzeError {
    /// The input is not what it should be.
    #[error("{file}: {error}")]
    Read {
        /// Where it is.
        file: String,
        /// What is wrong with it.
        error: RowsError,
    },
    /// The answer could not be written.
    #[error("the answer cannot be written: {0}")]
    Write(#[from] io::Error),
    /// Not one of the series gave an answer.
    #[error("no series could be analyzed: {0}")]
    Nothing(String),
}

impl Common {
    fn rows(&self) -> Result<Rows, AnalyzeError> {
        rows::open(&self.file)
            .map_err(RowsError::Io)
            .and_then(|input| Rows::new(input, &self.map))
            .map_err(|error| self.read_error(error))
    }

    fn read_error(&self, error: RowsError) -> AnalyzeError {
        let file = match self.file.as_os_str() {
            name if name == "-" => "standard input".to_owned(),
            name => name.to_string_lossy().into_owned(),
        };
        AnalyzeError::Read { file, error }
    }

    /// Reads everything.
    fn table(&self) -> Result<Table, AnalyzeError> {
        let mut rows = self.rows()?;
        let bar = bar(rows.size, "{bar:30.cyan/dim} {bytes}/{total_bytes} read");
        let read = rows.read.clone();
        let table = table::read(&mut rows, |_| bar.set_position(read.get()))
            .map_err(|error| self.read_error(error))?;
        bar.finish_and_clear();
        if table.series.is_empty() {
            output::warn("there are no rows below the header");
        }
        Ok(table)
    }

    /// Threads for `jobs`, shown on a bar.
    fn threads(&self, jobs: usize) -> Threads {
        let bar =
            bar(Some(jobs as u64), "{bar:30.cyan/dim} {human_pos}/{human_len} series  {eta} left");
        Threads::new(self.threads.map(NonZeroUsize::get), bar)
    }

    fn sheet(&self, json: bool, columns: Vec<String>) -> Result<Sheet, AnalyzeError> {
        let format = self.format.unwrap_or(if json { Format::Json } else { Format::Csv });
        Ok(Sheet::begin(self.output.as_deref(), format, columns)?)
    }
}

/// A bar on a terminal; nothing where programs read along.
fn bar(length: Option<u64>, template: &str) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = length.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
    bar.set_draw_target(ProgressDrawTarget::stderr());
    let template = if length.is_some() { template } else { "{spinner} {bytes} read" };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// Tells what happened to some of the series, each with its reason, the first few by name.
fn warn_about(what: &str, series: &[(impl std::fmt::Display, String)]) {
    const NAMED: usize = 5;
    for (id, why) in series.iter().take(NAMED) {
        output::warn(&format!("series `{id}` {what}: {why}"));
    }
    if series.len() > NAMED {
        output::warn(&format!("{} more series {what}", series.len() - NAMED));
    }
}

/// Refuses where there are series, and no answer for any of them.
fn any_answered<T>(results: &[Result<T, String>]) -> Result<(), AnalyzeError> {
    match results.first() {
        Some(Err(why)) if results.iter().all(Result::is_err) => {
            Err(AnalyzeError::Nothing(why.clone()))
        }
        _ => Ok(()),
    }
}

fn columns(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// Writes a row for each row of the input, in its order; `cells` gives what follows the series'
/// name and the stamp.
fn write_rows<'a, T, C: IntoIterator<Item = Cell<'a>>>(
    sheet: &mut Sheet,
    table: &'a Table,
    results: &'a [T],
    cells: impl Fn(&'a T, &'a table::Series, usize) -> C,
) -> Result<(), AnalyzeError> {
    let mut next_row = vec![0_usize; table.series.len()];
    for &at in &table.order {
        let at = at as usize;
        let (series, row) = (&table.series[at], next_row[at]);
        next_row[at] += 1;
        let head = [Cell::Text(&series.id), Cell::Stamp(series.ds(row), &series.style)];
        sheet.row(head.into_iter().chain(cells(&results[at], series, row)))?;
    }
    Ok(())
}
