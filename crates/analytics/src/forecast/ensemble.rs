//! Many forecasts made one, by how well each did in the backtests of the series.
//!
//! A candidate weighs `(lowest error / its error)⁴`, so that what is twice as wrong hardly counts,
//! over the square root of how many candidates its method has, so that a method with many variants
//! does not outvote the others for being varied. The forecast of a step is the weighted median of the candidates: one that runs away moves
//! it little, which a mean does not promise. Series of many zeros are
//! the exception: their mean is wanted, see [`Aim`].

use std::collections::BTreeMap;

use super::Method;
use super::backtest::{Aim, Candidate, Trials};

const POWER: i32 = 4;

/// The weights of the candidates, summing to one, by their errors at all origins but `without`.
pub(super) fn weights(trials: &Trials, without: Option<usize>) -> Vec<f64> {
    let errors: Vec<f64> =
        trials.candidates.iter().map(|candidate| error(candidate, without)).collect();
    let lowest = errors.iter().copied().fold(f64::INFINITY, f64::min);
    if !lowest.is_finite() {
        return vec![1.0 / errors.len().max(1) as f64; errors.len()];
    }
    let crowding = crowding(trials);
    let raw: Vec<f64> = errors
        .iter()
        .zip(&crowding)
        .map(|(error, crowding)| (lowest / error).powi(POWER) / crowding)
        .collect();
    let total: f64 = raw.iter().sum();
    raw.iter().map(|weight| weight / total).collect()
}

fn crowding(trials: &Trials) -> Vec<f64> {
    let mut variants: BTreeMap<Method, f64> = BTreeMap::new();
    for candidate in &trials.candidates {
        *variants.entry(candidate.recipe.method()).or_default() += 1.0;
    }
    trials.candidates.iter().map(|c| variants[&c.recipe.method()].sqrt()).collect()
}

fn error(candidate: &Candidate, without: Option<usize>) -> f64 {
    let kept = candidate.errors.iter().enumerate().filter(|(origin, _)| Some(*origin) != without);
    let (sum, count) = kept.fold((0.0, 0), |(sum, count), (_, error)| (sum + error, count + 1));
    // Errors below the rounding of the series are all the same.
    if count == 0 { 1.0 } else { (sum / f64::from(count)).max(1e-12) }
}

/// The forecast of each step.
pub(super) fn combine(forecasts: &[&[f64]], weights: &[f64], aim: Aim) -> Vec<f64> {
    let horizon = forecasts.first().map_or(0, |forecast| forecast.len());
    let mut column = Vec::with_capacity(forecasts.len());
    (0..horizon)
        .map(|step| {
            column.clear();
            column.extend(forecasts.iter().zip(weights).map(|(f, weight)| (f[step], *weight)));
            match aim {
                Aim::Middle => weighted_median(&mut column),
                Aim::Mean => column.iter().map(|(value, weight)| value * weight).sum(),
            }
        })
        .collect()
}

/// The value at which half of the weight lies below, between the two nearest when it falls between.
fn weighted_median(column: &mut [(f64, f64)]) -> f64 {
    column.sort_by(|a, b| a.0.total_cmp(&b.0));
    let half = 0.5 * column.iter().map(|(_, weight)| weight).sum::<f64>();
    // Each value stands in the middle of its weight.
    let mut below: Option<(f64, f64)> = None;
    let mut reached = 0.0;
    for (value, weight) in column.iter() {
        let middle = reached + 0.5 * weight;
        if middle >= half {
            return match below {
                Some((place, lower)) if middle > place => {
                    lower + (value - lower) * (half - place) / (middle - place)
                }
                _ => *value,
            };
        }
        below = Some((middle, *value));
        reached += weight;
    }
    below.map_or(0.0, |(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_weights_give_the_plain_median() {
        let mut column = [(9.0, 0.25), (1.0, 0.25), (2.0, 0.25), (4.0, 0.25)];

        assert!((weighted_median(&mut column) - 3.0).abs() < 1e-12);
    }

    #[test]
    fn a_forecast_that_runs_away_moves_little() {
        let (low, high, wild) = ([1.0, 1.0], [2.0, 2.0], [1e9, -1e9]);

        let combined = combine(&[&low, &high, &wild], &[0.4, 0.4, 0.2], Aim::Middle);

        assert!(combined.iter().all(|value| (1.0..=2.0).contains(value)), "{combined:?}");
    }
}
