//! The four simple methods, made robust: medians and MADs in place of means and deviations, the
//! judged point left out of what it is judged by, and limits that grow with the number of points.

use super::{Method, Options, Ranges};
use crate::{distributions, robust};

/// Chance of any false alarm in a whole series of normal noise.
const SERIES_ALARM_RATE: f64 = 0.05;

pub(super) fn ranges(values: &[f64], method: Method, options: &Options) -> Ranges {
    let filled = robust::fill_gaps(values);
    let season = options.seasons.iter().copied().filter(|s| *s >= 2).min().unwrap_or(7);
    match method {
        Method::Iqr => fences(&filled),
        Method::MovingAverage => around(&filled, neighbours(&filled, season.clamp(3, 50))),
        Method::Seasonal => around(&filled, same_phase(&filled, season)),
        Method::ZScore | Method::Combined => {
            let center = robust::median(&filled);
            around(&filled, vec![center; filled.len()])
        }
    }
}

/// The normal quantile that all of `count` points exceed with the chance of [`SERIES_ALARM_RATE`].
fn limit(count: usize) -> f64 {
    distributions::normal_quantile(1.0 - SERIES_ALARM_RATE / (2.0 * count.max(1) as f64))
}

fn around(values: &[f64], expected: Vec<f64>) -> Ranges {
    let off: Vec<f64> = values.iter().zip(&expected).map(|(y, e)| y - e).collect();
    let scale = floored(robust::mad_about_zero(&off), &off, values);
    let reach = limit(values.len()) * scale;
    Ranges {
        lo: expected.iter().map(|e| e - reach).collect(),
        hi: expected.iter().map(|e| e + reach).collect(),
        expected,
    }
}

/// A scale that is zero for most points says little about the others: then their trimmed mean
/// counts, and at least a thousandth of the typical value.
pub(super) fn floored(scale: f64, off: &[f64], values: &[f64]) -> f64 {
    let sizes = |values: &[f64]| values.iter().map(|value| value.abs()).collect::<Vec<_>>();
    let mut off = sizes(off);
    off.sort_unstable_by(f64::total_cmp);
    let kept = off.len() - off.len().div_ceil(20);
    let mean = 1.253_3 * robust::mean(&off[..kept]);
    let mut values = sizes(values);
    let level = robust::median_in_place(&mut values);
    let least = if level > 0.0 { 1e-3 * level } else { 1e-9 };
    [scale, mean, least].into_iter().filter(|s| s.is_finite()).fold(1e-12, f64::max)
}

fn fences(values: &[f64]) -> Ranges {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let [q1, q2, q3] = [0.25, 0.5, 0.75].map(|q| robust::quantile_of_sorted(&sorted, q));
    let off: Vec<f64> = values.iter().map(|value| value - q2).collect();
    let spread = floored(robust::IQR_TO_SD * (q3 - q1), &off, values);
    let beyond = spread * (limit(values.len()) - 0.674_5);
    let count = values.len();
    Ranges { expected: vec![q2; count], lo: vec![q1 - beyond; count], hi: vec![q3 + beyond; count] }
}

/// The median of the `reach` points on either side.
fn neighbours(values: &[f64], reach: usize) -> Vec<f64> {
    let mut window = Vec::with_capacity(2 * reach);
    (0..values.len())
        .map(|at| {
            window.clear();
            window.extend_from_slice(&values[at.saturating_sub(reach)..at]);
            window.extend_from_slice(&values[at + 1..(at + 1 + reach).min(values.len())]);
            if window.is_empty() { values[at] } else { robust::median_in_place(&mut window) }
        })
        .collect()
}

/// Cycles on either side whose values of the same phase count.
const CYCLES: usize = 6;

fn same_phase(values: &[f64], season: usize) -> Vec<f64> {
    let mut window = Vec::with_capacity(2 * CYCLES);
    (0..values.len())
        .map(|at| {
            window.clear();
            for cycle in 1..=CYCLES {
                window.extend(at.checked_sub(cycle * season).map(|i| values[i]));
                window.extend(values.get(at + cycle * season));
            }
            if window.is_empty() { values[at] } else { robust::median_in_place(&mut window) }
        })
        .collect()
}
