//! How wide a forecast has to be, from how wrong its backtests were.
//!
//! Conformal prediction (Vovk, Gammerman & Shafer, *Algorithmic Learning in a Random World*, 2005)
//! in its form for one series and several steps: the absolute errors of the ensemble at each origin,
//! made with weights that did not see that origin, are divided by the usual error of the step. The
//! quantile of these ratios, times the usual error of a step, is half the width of its interval.
//! Few origins tell little of the tails, so their quantiles are mixed with those of other series.

use super::backtest::Trials;
use super::ensemble::{combine, weights};
use super::pool::Pool;

/// Errors relative to their usual size, ascending: outcome less forecast.
#[derive(Clone, Debug)]
pub(super) struct Ratios {
    signed: Vec<f64>,
    sizes: Vec<f64>,
}

/// Which end of an interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Low,
    High,
}

/// The usual error of each step, and the errors relative to it.
pub(super) struct Spread {
    usual: Vec<f64>,
    ratios: Ratios,
}

impl Ratios {
    /// Those of many series; `None` when they are too few to tell of tails.
    pub(super) fn of_many(trials: &[Trials]) -> Option<Self> {
        let ratios: Vec<f64> = trials.iter().flat_map(|t| held_out_ratios(&errors(t))).collect();
        (ratios.len() >= 200).then(|| Self::of(ratios))
    }

    fn of(mut signed: Vec<f64>) -> Self {
        signed.sort_by(f64::total_cmp);
        let mut sizes: Vec<f64> = signed.iter().map(|ratio| ratio.abs()).collect();
        sizes.sort_by(f64::total_cmp);
        Self { signed, sizes }
    }

    /// How many usual errors an end is away: half by the sizes alone, half by its own side, since
    /// spend has further to rise than to fall but a few origins may all lie on one side of a trend.
    fn factor(&self, level: f64, end: End) -> f64 {
        let tail = 0.5 * (1.0 - level);
        let side = match end {
            End::Low => -quantile(&self.signed, tail),
            End::High => quantile(&self.signed, 1.0 - tail),
        };
        0.5 * (quantile(&self.sizes, level) + side.max(0.0))
    }
}

/// Errors of the ensemble by origin and step.
fn errors(trials: &Trials) -> Vec<Vec<f64>> {
    (0..trials.plan.origins.len())
        .map(|origin| {
            let weights = weights(trials, Some(origin));
            let tests: Vec<&[f64]> =
                trials.candidates.iter().map(|c| c.tests[origin].as_slice()).collect();
            let made = combine(&tests, &weights, trials.aim);
            made.iter().zip(&trials.actual[origin]).map(|(f, y)| y - f).collect()
        })
        .collect()
}

/// The errors at each origin, relative to what is usual at the others.
fn held_out_ratios(errors: &[Vec<f64>]) -> Vec<f64> {
    let mut ratios = Vec::new();
    for (origin, held) in errors.iter().enumerate() {
        let others: Vec<&Vec<f64>> =
            errors.iter().enumerate().filter(|(o, _)| *o != origin).map(|(_, e)| e).collect();
        if others.is_empty() {
            continue;
        }
        let usual = usual(&others);
        ratios
            .extend(held.iter().zip(&usual).filter(|(_, usual)| **usual > 0.0).map(|(e, u)| e / u));
    }
    ratios
}

/// The mean error of each step: half its own neighbourhood's, half of a curve that grows as a power
/// of the step.
fn usual(errors: &[&Vec<f64>]) -> Vec<f64> {
    let horizon = errors.first().map_or(0, |e| e.len());
    let means: Vec<f64> = (0..horizon)
        .map(|h| errors.iter().map(|e| e[h].abs()).sum::<f64>() / errors.len() as f64)
        .collect();
    let curve = growth(&means);
    (0..horizon)
        .map(|h| {
            // Relative to the curve, the neighbours of the first step are not all wider than it.
            let near = h.saturating_sub(2)..(h + 3).min(horizon);
            let count = near.len() as f64;
            let relative = near.map(|h| means[h] / curve.at(h).max(f64::MIN_POSITIVE)).sum::<f64>();
            curve.at(h) * (0.5 + 0.5 * relative / count)
        })
        .collect()
}

/// `size · (h+1)^power`.
struct Growth {
    size: f64,
    power: f64,
}

impl Growth {
    fn at(&self, step: usize) -> f64 {
        self.size * ((step + 1) as f64).powf(self.power)
    }
}

/// The power that fits the first and the second half of the steps, from no growth to that of a
/// random walk's slope.
fn growth(means: &[f64]) -> Growth {
    let total: f64 = means.iter().sum();
    let fit = |power: f64| {
        let weights: f64 = (0..means.len()).map(|h| ((h + 1) as f64).powf(power)).sum();
        let size = if weights > 0.0 { total / weights } else { 0.0 };
        let loss: f64 = means
            .iter()
            .enumerate()
            .map(|(h, mean)| (mean - size * ((h + 1) as f64).powf(power)).powi(2))
            .sum();
        (loss, Growth { size, power })
    };
    let tried = [0.0, 0.15, 0.3, 0.4, 0.5, 0.6, 0.75, 1.0].map(fit);
    let best = tried.into_iter().min_by(|a, b| a.0.total_cmp(&b.0));
    best.map_or(Growth { size: 0.0, power: 0.5 }, |(_, growth)| growth)
}

impl Spread {
    /// The spread of the ensemble over `horizon` steps; `fallback` is the usual error of one step
    /// where there are no backtests.
    pub(super) fn of(trials: &Trials, horizon: usize, fallback: f64) -> Self {
        let errors = errors(trials);
        if errors.is_empty() {
            let usual = (0..horizon).map(|h| fallback * ((h + 1) as f64).sqrt()).collect();
            return Self { usual, ratios: Ratios::of(Vec::new()) };
        }
        let all: Vec<&Vec<f64>> = errors.iter().collect();
        let mut spread = usual(&all);
        let means: Vec<f64> = spread.clone();
        let growth = growth(&means);
        let reached = spread.len();
        let last = spread.last().copied().unwrap_or(0.0);
        for step in reached..horizon {
            let power = growth.power.max(0.3);
            spread.push(last * ((step + 1) as f64 / reached as f64).powf(power));
        }
        Self { usual: spread, ratios: Ratios::of(held_out_ratios(&errors)) }
    }

    /// How far one end of each step's interval is from the forecast.
    pub(super) fn reach(&self, level: f64, end: End, pool: &Pool) -> Vec<f64> {
        let factor = self.factor(level, end, pool);
        self.usual.iter().map(|usual| usual * factor).collect()
    }

    fn factor(&self, level: f64, end: End, pool: &Pool) -> f64 {
        let common = match &pool.calibration {
            Some(ratios) => ratios.factor(level, end),
            None => usual_factor(level),
        };
        if self.ratios.sizes.is_empty() {
            return common.max(usual_factor(level));
        }
        0.5 * self.ratios.factor(level, end) + 0.5 * common
    }
}

/// The quantile of absolute errors over their mean, for errors between normal and Laplace, as they
/// are found on series whose spread is estimated from a few origins.
fn usual_factor(level: f64) -> f64 {
    // Laplace: −ln(1 − level); normal at 0.8, 0.9, 0.95: 1.61, 2.06, 2.46.
    -(1.0 - level.clamp(0.0, 0.9999)).ln()
}

fn quantile(ascending: &[f64], level: f64) -> f64 {
    let place = level.clamp(0.0, 1.0) * (ascending.len().max(1) - 1) as f64;
    let below = place.floor() as usize;
    let (Some(low), high) = (ascending.get(below), ascending.get(below + 1)) else {
        return 0.0;
    };
    high.map_or(*low, |high| low + (high - low) * (place - below as f64))
}
