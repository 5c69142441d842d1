//! A series as ordinary times would have left it, which is what a forecast is of.
//!
//! Weights and errors come from backtests, and backtests lie before what happened just now: a level
//! that is a few points old, or a wild last value, is in none of them. Methods that hold on to the
//! old level were right there, and those that follow each value were not wrong.

use super::Options;
use super::seasonal::usable_seasons;
use crate::anomalies;
use crate::change_points::{self, ChangePoint, Segmentation};

/// Points below which nothing is beyond doubt.
const POINTS_MIN: usize = 28;
/// Least step of a level that is settled on, in standard deviations of the noise.
const STEP_MIN: f64 = 4.0;
/// Points at the end that may be wild.
const END: usize = 3;
/// From this score on a value at the end is wild.
const WILD: f64 = 1.5;
/// Points that are looked at, where neither seasons nor horizon ask for more.
const LATELY: usize = 180;
/// Points for which a level is new, where neither season nor horizon are longer.
const NEW: usize = 14;
/// Points, and whole cycles of the longest season, before which a level may be a holiday: most of
/// those go back to what was before.
const AGE_MIN: usize = 7;

/// `values` with what lies before a level that has just begun moved to it, and with what the last
/// values are usually in place of wild ones. `None` where there is neither.
pub(super) fn settled(values: &[f64], options: &Options) -> Option<Vec<f64>> {
    if values.len() < POINTS_MIN || values.iter().any(|value| !value.is_finite()) {
        return None;
    }
    let seasons = usable_seasons(values.len(), &options.seasons);
    let season = seasons.last().copied().unwrap_or(1);
    let lately = LATELY.max(6 * season).max(3 * options.horizon);
    let start = values.len().saturating_sub(lately);
    let recent = &values[start..];
    let levels = change_points::segment(recent, &change_points::Options::steps(&seasons));
    let age = |change: &ChangePoint| recent.len() - change.index;
    let newest = (2 * season).max(options.horizon).max(NEW);
    let is_new = |change: &&ChangePoint| {
        (season.max(AGE_MIN)..=newest).contains(&age(change)) && change.effect >= STEP_MIN
    };
    let changes: Vec<ChangePoint> = levels.changes.iter().filter(is_new).copied().collect();
    let mut moved = values.to_vec();
    for change in &changes {
        move_to(&mut moved[..start + change.index], change, &levels);
    }
    let plan = anomalies::Options { levels: Some(levels), ..anomalies::Options::new(&seasons) };
    let report = anomalies::detect(recent, &plan);
    let is_wild = |odd: &&anomalies::Anomaly| odd.index + END >= recent.len() && odd.score >= WILD;
    let wild: Vec<_> = report.anomalies.iter().filter(is_wild).collect();
    for odd in &wild {
        moved[start + odd.index] = odd.expected;
    }
    (!changes.is_empty() || !wild.is_empty()).then_some(moved)
}

/// Moves what lies before a change to the level after it: by a factor where the series multiplies,
/// and where a fall by a sum could end below zero.
fn move_to(before: &mut [f64], change: &ChangePoint, levels: &Segmentation) {
    let signed = before.iter().any(|value| *value < 0.0);
    let falls = change.before > 0.0 && change.size() < 0.0;
    let by_factor = levels.log || (falls && !signed);
    for value in before {
        *value = match by_factor {
            true => *value * change.after / change.before,
            false => *value + change.size(),
        };
    }
}
