//! `outlay analyze anomalies`: whole series at once.

use clap::{Args, ValueEnum};
use outlay_analytics::anomalies::{self, AnomalySeverity, Method, Options, Report};

use super::prepare::for_rows;
use super::sheet::{Cell, Sheet};
use super::table::Series;
use super::{AnalyzeError, Common, any_answered, columns, online, warn_about, write_rows};

/// Flags of `outlay analyze anomalies`.
#[derive(Debug, Args)]
pub struct AnomaliesArgs {
    #[command(flatten)]
    pub(super) common: Common,
    /// Judge each row from the ones before it alone, and answer it at once
    #[arg(long, conflicts_with_all = ["method", "freq", "fill"])]
    online: bool,
    /// What judges
    #[arg(long, value_enum, default_value_t = Judge::Combined)]
    method: Judge,
    /// Chance of an alarm at a value that is noise [default: 0.0055; with --online 0.0001]
    #[arg(long, value_name = "SHARE", value_parser = share)]
    pub(super) alarm_rate: Option<f64>,
    /// Rows of a series before the first alarm [default: 150]
    #[arg(long, value_name = "N", requires = "online")]
    pub(super) probation: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Judge {
    /// What level, trend and seasons leave unexplained.
    Combined,
    /// Distance from the median.
    ZScore,
    /// Tukey's fences around the quartiles.
    Iqr,
    /// Distance from the median of the neighbours.
    MovingAverage,
    /// Distance from the same phase of other cycles.
    Seasonal,
}

fn share(text: &str) -> Result<f64, String> {
    let share: Option<f64> = text.parse().ok();
    share
        .filter(|share| *share > 0.0 && *share < 1.0)
        .ok_or_else(|| "is a share between 0 and 1, such as 0.001".to_owned())
}

/// Runs it.
pub fn run(args: &AnomaliesArgs, json: bool) -> Result<(), AnalyzeError> {
    if args.online {
        return online::run(args, json);
    }
    let table = args.common.table()?;
    let threads = args.common.threads(table.series.len());
    let judged = threads.run_shown(table.series.len(), |at| judged(&table.series[at], args));
    any_answered(&judged)?;
    let refused: Vec<(&str, String)> = table
        .series
        .iter()
        .zip(&judged)
        .filter_map(|(series, judged)| Some((series.id.as_str(), judged.as_ref().err()?.clone())))
        .collect();
    warn_about("is not judged", &refused);
    let mut sheet = begin(args, json)?;
    write_rows(&mut sheet, &table, &judged, |judged, series, row| {
        cells(judged.as_ref().ok(), series.values[row], row)
    })?;
    Ok(sheet.finish()?)
}

/// The table that both ways of judging write.
pub fn begin(args: &AnomaliesArgs, json: bool) -> Result<Sheet, AnalyzeError> {
    let heads = ["unique_id", "ds", "y", "expected", "lo", "hi", "score", "severity", "anomaly"];
    args.common.sheet(json, columns(&heads))
}

/// The severity in a word.
pub const fn word(severity: AnomalySeverity) -> &'static str {
    match severity {
        AnomalySeverity::None => "none",
        AnomalySeverity::Low => "low",
        AnomalySeverity::Medium => "medium",
        AnomalySeverity::High => "high",
        AnomalySeverity::Critical => "critical",
    }
}

/// What is thought of the values of a series.
struct Judged {
    report: Report,
    /// For each row whether an episode begins with it.
    begins: Vec<bool>,
    place_of: Vec<usize>,
}

fn judged(series: &Series, args: &AnomaliesArgs) -> Result<Judged, String> {
    let prepared = for_rows(series, &args.common).map_err(|error| error.to_string())?;
    let mut options = Options::new(&prepared.seasons);
    options.method = match args.method {
        Judge::Combined => Method::Combined,
        Judge::ZScore => Method::ZScore,
        Judge::Iqr => Method::Iqr,
        Judge::MovingAverage => Method::MovingAverage,
        Judge::Seasonal => Method::Seasonal,
    };
    options.alarm_rate = args.alarm_rate.unwrap_or(options.alarm_rate);
    let report = anomalies::detect(&prepared.regular.values, &options);
    let place_of = prepared.regular.place_of;
    let mut awaited = vec![false; prepared.regular.values.len()];
    report.episodes().for_each(|anomaly| awaited[anomaly.index] = true);
    let begins = place_of.iter().zip(&series.values).map(|(place, y)| {
        // A row without a value is not to blame for what was filled in.
        y.is_finite() && std::mem::take(&mut awaited[*place])
    });
    let begins = begins.collect();
    Ok(Judged { report, begins, place_of })
}

fn cells<'a>(judged: Option<&Judged>, y: f64, row: usize) -> [Cell<'a>; 7] {
    let Some(Judged { report, begins, place_of }) = judged else {
        let unknown = Cell::Number(f64::NAN);
        let [none, no] = [Cell::Text(word(AnomalySeverity::None)), Cell::Flag(false)];
        return [Cell::Number(y), unknown, unknown, unknown, Cell::Number(0.0), none, no];
    };
    let place = place_of[row];
    let score = if y.is_finite() { report.score[place] } else { 0.0 };
    [
        Cell::Number(y),
        Cell::Number(report.expected[place]),
        Cell::Number(report.lo[place]),
        Cell::Number(report.hi[place]),
        Cell::Number(score),
        Cell::Text(word(AnomalySeverity::of(score))),
        Cell::Flag(begins[row]),
    ]
}
