//! `outlay analyze decompose`.

use std::collections::BTreeSet;

use clap::{Args, ValueEnum};
use outlay_analytics::decompose::{self, Decomposition, Options};

use super::prepare::for_rows;
use super::sheet::Cell;
use super::table::Series;
use super::{AnalyzeError, Common, any_answered, columns, warn_about, write_rows};

/// Flags of `outlay analyze decompose`.
#[derive(Debug, Args)]
pub struct DecomposeArgs {
    #[command(flatten)]
    common: Common,
    /// How the parts make the value; where one is not above zero, they are added
    #[arg(long, value_enum, default_value_t = Scale::Additive)]
    scale: Scale,
    /// Let single wild values move trend and seasons
    #[arg(long)]
    not_robust: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Scale {
    /// y = trend + seasons + remainder.
    Additive,
    /// y = trend · seasons · remainder.
    Log,
}

struct Parts {
    decomposition: Decomposition,
    place_of: Vec<usize>,
}

/// Runs it.
pub fn run(args: &DecomposeArgs, json: bool) -> Result<(), AnalyzeError> {
    let table = args.common.table()?;
    let threads = args.common.threads(table.series.len());
    let parts = threads.run_shown(table.series.len(), |at| decomposed(&table.series[at], args));
    any_answered(&parts)?;
    let refused: Vec<(&str, String)> = table
        .series
        .iter()
        .zip(&parts)
        .filter_map(|(series, parts)| Some((series.id.as_str(), parts.as_ref().err()?.clone())))
        .collect();
    warn_about("is not decomposed", &refused);
    let seasons: BTreeSet<usize> = parts
        .iter()
        .flatten()
        .flat_map(|parts| parts.decomposition.seasons.iter().copied())
        .collect();
    let mut heads = columns(&["unique_id", "ds", "y", "trend"]);
    heads.extend(seasons.iter().map(|season| format!("season-{season}")));
    heads.push("remainder".to_owned());
    let mut sheet = args.common.sheet(json, heads)?;
    write_rows(&mut sheet, &table, &parts, |parts, series, row| {
        cells(parts.as_ref().ok(), series, row, &seasons)
    })?;
    Ok(sheet.finish()?)
}

fn decomposed(series: &Series, args: &DecomposeArgs) -> Result<Parts, String> {
    let prepared = for_rows(series, &args.common).map_err(|error| error.to_string())?;
    let options = Options {
        seasons: prepared.seasons,
        scale: match args.scale {
            Scale::Additive => decompose::Scale::Additive,
            Scale::Log => decompose::Scale::Log,
        },
        robust: !args.not_robust,
    };
    let decomposition = decompose::decompose(&prepared.regular.values, &options);
    Ok(Parts { decomposition, place_of: prepared.regular.place_of })
}

fn cells<'a>(
    parts: Option<&Parts>,
    series: &Series,
    row: usize,
    seasons: &BTreeSet<usize>,
) -> Vec<Cell<'a>> {
    let y = series.values[row];
    let mut cells = vec![Cell::Number(y)];
    let Some(Parts { decomposition, place_of }) = parts else {
        cells.extend(std::iter::repeat_n(Cell::Number(f64::NAN), seasons.len() + 2));
        return cells;
    };
    let place = place_of[row];
    let unscaled = |part: f64| if decomposition.log { part.exp() } else { part };
    let trend = unscaled(decomposition.trend[place]);
    cells.push(Cell::Number(trend));
    let mut expected = trend;
    for length in seasons {
        let found = decomposition.seasons.iter().position(|season| season == length);
        // A series without this season has the part that changes nothing.
        let part = unscaled(found.map_or(0.0, |at| decomposition.seasonal[at][place]));
        expected = if decomposition.log { expected * part } else { expected + part };
        cells.push(Cell::Number(part));
    }
    let remainder = if decomposition.log { y / expected } else { y - expected };
    cells.push(Cell::Number(remainder));
    cells
}
