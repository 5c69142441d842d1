//! `outlay analyze change-points`.

use clap::Args;
use outlay_analytics::change_points::{self, ChangePoint, Options};

use super::prepare::{for_rows, rows_by_time};
use super::sheet::Cell;
use super::table::Series;
use super::{AnalyzeError, Common, any_answered, columns, warn_about};

/// Flags of `outlay analyze change-points`.
#[derive(Debug, Args)]
pub struct ChangePointsArgs {
    #[command(flatten)]
    common: Common,
    /// Steps that a level must last [default: by the season and the length of the series]
    #[arg(long, value_name = "N")]
    segment_min: Option<usize>,
    /// Finds fewer changes above 1, more below
    #[arg(long, value_name = "FACTOR", default_value = "1", value_parser = factor)]
    penalty: f64,
}

fn factor(text: &str) -> Result<f64, String> {
    let factor: Option<f64> = text.parse().ok();
    factor
        .filter(|factor| factor.is_finite() && *factor > 0.0)
        .ok_or_else(|| "is a number above zero, such as 1.5".to_owned())
}

/// A change, told in rows of the input.
struct Change {
    /// Position of the row in the order of time.
    index: usize,
    /// Rows of the file.
    row: usize,
    lo: usize,
    hi: usize,
    before: f64,
    after: f64,
}

/// Runs it.
pub fn run(args: &ChangePointsArgs, json: bool) -> Result<(), AnalyzeError> {
    let table = args.common.table()?;
    let threads = args.common.threads(table.series.len());
    let found = threads.run_shown(table.series.len(), |at| changes(&table.series[at], args));
    any_answered(&found)?;
    let heads = ["unique_id", "ds", "index", "before", "after", "lo", "hi"];
    let mut sheet = args.common.sheet(json, columns(&heads))?;
    let mut refused = Vec::new();
    for (series, found) in table.series.iter().zip(found) {
        match found {
            Err(why) => refused.push((series.id.as_str(), why)),
            Ok(changes) => {
                for change in changes {
                    sheet.row(cells(series, &change))?;
                }
            }
        }
    }
    warn_about("is not searched", &refused);
    Ok(sheet.finish()?)
}

fn cells<'a>(series: &'a Series, change: &Change) -> [Cell<'a>; 7] {
    let stamp = |row: usize| Cell::Stamp(series.ds(row), &series.style);
    [
        Cell::Text(&series.id),
        stamp(change.row),
        Cell::Count(change.index),
        Cell::Number(change.before),
        Cell::Number(change.after),
        stamp(change.lo),
        stamp(change.hi),
    ]
}

fn changes(series: &Series, args: &ChangePointsArgs) -> Result<Vec<Change>, String> {
    let prepared = for_rows(series, &args.common).map_err(|error| error.to_string())?;
    let options = Options {
        segment_min: args.segment_min.unwrap_or(0),
        penalty: args.penalty,
        ..Options::new(&prepared.seasons)
    };
    let found = change_points::change_points(&prepared.regular.values, &options);
    let rows = rows_by_time(&prepared.regular);
    // A change at a step without a row is seen in the next one.
    let position = |place: usize| {
        rows.partition_point(|&(at, _)| at < place).min(rows.len().saturating_sub(1))
    };
    let told = |change: ChangePoint| {
        let index = position(change.index);
        Change {
            index,
            row: rows[index].1,
            lo: rows[position(change.lo)].1,
            hi: rows[position(change.hi)].1,
            before: change.before,
            after: change.after,
        }
    };
    Ok(found.into_iter().map(told).collect())
}
