//! From the rows of a series to values at equal steps, and their seasons.

use outlay_analytics::calendar::{
    CalendarError, Gaps, Regular, Repeats, Rules, Stamp, Step, regularize,
};
use outlay_analytics::season;

use super::Common;
use super::table::Series;

/// A series, ready for the maths.
#[derive(Debug)]
pub struct Prepared {
    /// Its values at equal steps.
    pub regular: Regular,
    /// The lengths of its seasons.
    pub seasons: Vec<usize>,
}

/// For what judges each row: every row keeps a value of its own, unless a step was asked for.
/// Gaps stay gaps, unless it was said what stands there.
pub fn for_rows(series: &Series, common: &Common) -> Result<Prepared, CalendarError> {
    let gaps = match common.fill.into() {
        // The maths interpolates by itself, and then knows that nothing was there.
        Gaps::Interpolate => Gaps::Missing,
        other => other,
    };
    let step = step(series, common);
    let repeats = if step.is_some() { Repeats::Mean } else { Repeats::Keep };
    let regular = regularize(&series.stamps, &series.values, &Rules { step, gaps, repeats })?;
    let seasons = seasons(&regular.values, meaning(&regular, common), common);
    Ok(Prepared { regular, seasons })
}

/// The step between stamps that was said, where it can lie between stamps of this kind.
pub fn step(series: &Series, common: &Common) -> Option<Step> {
    let is_running = matches!(series.stamps.first(), Some(Stamp::Integer(_)));
    // Running numbers may count hours; the step between them is still to be found.
    common.freq.filter(|step| !is_running || matches!(step, Step::Count(_)))
}

/// What a step of the series means, if that is known.
pub fn meaning(regular: &Regular, common: &Common) -> Option<Step> {
    match regular.step() {
        Some(Step::Count(_)) => common.freq.or(regular.step()),
        other => other,
    }
}

/// The seasons that were said, or the ones that are found.
pub fn seasons(values: &[f64], step: Option<Step>, common: &Common) -> Vec<usize> {
    if !common.season.is_empty() {
        return common.season.iter().copied().filter(|&season| season > 1).collect();
    }
    match step {
        // Nothing is known of running numbers, so any length may be one.
        None | Some(Step::Count(_)) => detect(values, &[]),
        Some(step) => match step.seasons(values.len()).as_slice() {
            [] => Vec::new(),
            candidates => detect(values, candidates),
        },
    }
}

fn detect(values: &[f64], candidates: &[usize]) -> Vec<usize> {
    season::season_lengths(values, &season::Options::new(candidates))
}

/// The rows of a series in the order of time, each with its place; rows of one stamp as they came.
pub fn rows_by_time(regular: &Regular) -> Vec<(usize, usize)> {
    let mut rows: Vec<(usize, usize)> =
        regular.place_of.iter().enumerate().map(|(row, &place)| (place, row)).collect();
    rows.sort_unstable();
    rows
}
