//! MSTL: several seasons, each taken out by its own STL.
//!
//! Bandara, Hyndman & Bergmeir (2021), *MSTL: A Seasonal-Trend Decomposition Algorithm for Time
//! Series with Multiple Seasonal Patterns*. Same figures as statsmodels' `MSTL`.

use super::stl::{StlOptions, stl, subtract};
use crate::robust;

/// What MSTL is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MstlOptions {
    /// Lengths of the seasons, in any order; those without two cycles are left out.
    pub periods: Vec<usize>,
    /// How often each season is taken out again without the others; 2 is usual.
    pub rounds: usize,
    /// STL with robustness weights.
    pub robust: bool,
    /// STL computed at a tenth of the points, see [`StlOptions::quick`].
    pub quick: bool,
    /// Multiplies the windows of seasons and trend; 1 is usual. Stiffer parts take less of the
    /// noise for their own.
    pub stiffness: usize,
}

impl MstlOptions {
    /// Exact, not robust, two rounds: the defaults of statsmodels.
    pub fn new(periods: &[usize]) -> Self {
        Self { periods: periods.to_vec(), rounds: 2, robust: false, quick: false, stiffness: 1 }
    }
}

/// `y = trend + Σ seasonal + remainder`, point by point.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MstlFit {
    /// The seasons that were found room for, shortest first.
    pub periods: Vec<usize>,
    /// One series per entry of `periods`.
    pub seasonal: Vec<Vec<f64>>,
    /// The slowly moving level.
    pub trend: Vec<f64>,
    /// What the others do not explain.
    pub remainder: Vec<f64>,
    /// Robustness weights of the last STL.
    pub weights: Vec<f64>,
}

/// Decomposes `y` by the given seasons. Season `i` (shortest first, from 1) drifts over `7 + 4 i`
/// cycles. Without any season the trend is a loess over about a sixth of the series.
pub fn mstl(y: &[f64], options: &MstlOptions) -> MstlFit {
    let y = robust::fill_gaps(y);
    let periods = seasons_with_two_cycles(&options.periods, y.len());
    if periods.is_empty() {
        return trend_only(&y, options);
    }
    let mut seasonal = vec![vec![0.0; y.len()]; periods.len()];
    let mut rest = y;
    let mut last = Default::default();
    let rounds = if periods.len() == 1 { 1 } else { options.rounds.max(1) };
    for _ in 0..rounds {
        for (i, period) in periods.iter().enumerate() {
            let with_this: Vec<f64> = rest.iter().zip(&seasonal[i]).map(|(r, s)| r + s).collect();
            let plan = plan(StlOptions::new(*period).seasonal_window(7 + 4 * (i + 1)), options);
            last = stl(&with_this, &plan);
            rest = subtract(&with_this, &last.seasonal);
            seasonal[i].clone_from(&last.seasonal);
        }
    }
    let remainder = subtract(&rest, &last.trend);
    MstlFit { periods, seasonal, trend: last.trend, remainder, weights: last.weights }
}

fn plan(mut stl: StlOptions, options: &MstlOptions) -> StlOptions {
    if options.stiffness > 1 {
        for smoother in [&mut stl.seasonal, &mut stl.trend] {
            smoother.window = (smoother.window * options.stiffness) | 1;
        }
    }
    if options.robust {
        stl = stl.robust();
    }
    if options.quick {
        stl = stl.quick();
    }
    stl
}

/// Lengths of at least 2 that fit twice into `count` points, sorted, each once.
pub(crate) fn seasons_with_two_cycles(periods: &[usize], count: usize) -> Vec<usize> {
    let mut kept: Vec<usize> =
        periods.iter().copied().filter(|period| *period >= 2 && *period <= count / 2).collect();
    kept.sort_unstable();
    kept.dedup();
    kept
}

fn trend_only(y: &[f64], options: &MstlOptions) -> MstlFit {
    let window = (y.len() / 6).max(7) | 1;
    let mut stl_options = plan(StlOptions::new(2), options);
    // More than half of the series as period, so that no season is looked for.
    stl_options.period = y.len() / 2 + 1;
    stl_options.trend.window = window;
    stl_options.trend.jump = if options.quick { window.div_ceil(10) } else { 1 };
    let fit = stl(y, &stl_options);
    MstlFit {
        periods: Vec::new(),
        seasonal: Vec::new(),
        trend: fit.trend,
        remainder: fit.remainder,
        weights: fit.weights,
    }
}
