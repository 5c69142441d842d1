//! A series taken apart: trend, seasons, remainder, and how strong each of them is.
//!
//! [`decompose`] is the one to call; [`stl`] and [`mstl`] are the plain procedures beneath it.

mod loess;
mod mstl;
mod stl;

pub use loess::{Smoother, smooth};
pub(crate) use mstl::seasons_with_two_cycles;
pub use mstl::{MstlFit, MstlOptions, mstl};
pub use stl::{StlFit, StlOptions, stl};

use crate::robust;

/// Whether components add up or multiply.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scale {
    /// `y = trend + season + remainder`.
    Additive,
    /// `y = trend · season · remainder`: the logarithm is decomposed. Additive where a value is
    /// not above zero.
    Log,
    /// Logarithmic where all values are above zero and their spread grows with their level.
    #[default]
    Auto,
}

/// What [`decompose`] is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Lengths of the seasons in points, such as 7, or 24 and 168. See
    /// [`detect_seasons`](crate::season::detect_seasons).
    pub seasons: Vec<usize>,
    /// Whether components add up or multiply.
    pub scale: Scale,
    /// Lets single wild values move neither trend nor season. On by default.
    pub robust: bool,
}

impl Options {
    /// Robust, with the scale chosen by the data.
    pub fn new(seasons: &[usize]) -> Self {
        Self { seasons: seasons.to_vec(), scale: Scale::Auto, robust: true }
    }
}

/// The parts of a series. All series are as long as the input, and on the scale that was
/// decomposed: logarithms where `log` says so.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Decomposition {
    /// Whether logarithms were decomposed.
    pub log: bool,
    /// The seasons that had two cycles, shortest first.
    pub seasons: Vec<usize>,
    /// One series per entry of `seasons`.
    pub seasonal: Vec<Vec<f64>>,
    /// The slowly moving level.
    pub trend: Vec<f64>,
    /// What the others do not explain.
    pub remainder: Vec<f64>,
    /// 1 for points that follow the fit, down to 0 for those that were set aside.
    pub weights: Vec<f64>,
}

/// Takes `values` apart by robust MSTL. Values that are not finite are filled from their
/// neighbours first. Works from the first point on, in that short series have a trend only.
pub fn decompose(values: &[f64], options: &Options) -> Decomposition {
    let filled = robust::fill_gaps(values);
    let seasons = seasons_with_two_cycles(&options.seasons, filled.len());
    let log = uses_log(&filled, &seasons, options.scale);
    let y: Vec<f64> = if log { filled.iter().map(|y| y.ln()).collect() } else { filled };
    let plan = MstlOptions {
        periods: seasons,
        rounds: 2,
        robust: options.robust,
        quick: true,
        stiffness: 1,
    };
    let fit = mstl(&y, &plan);
    Decomposition {
        log,
        seasons: fit.periods,
        seasonal: fit.seasonal,
        trend: fit.trend,
        remainder: fit.remainder,
        weights: fit.weights,
    }
}

impl Decomposition {
    /// What trend and seasons say the values should be, in the units of the input.
    pub fn expected(&self) -> Vec<f64> {
        (0..self.trend.len()).map(|i| self.unscaled(self.trend[i] + self.season_at(i))).collect()
    }

    /// The trend in the units of the input.
    pub fn level(&self) -> Vec<f64> {
        self.trend.iter().map(|trend| self.unscaled(*trend)).collect()
    }

    /// Trend and remainder without the seasons, in the units of the input.
    pub fn deseasonalised(&self) -> Vec<f64> {
        self.trend.iter().zip(&self.remainder).map(|(t, r)| self.unscaled(t + r)).collect()
    }

    /// All seasons together at one point, on the scale of the decomposition.
    pub fn season_at(&self, index: usize) -> f64 {
        self.seasonal.iter().map(|season| season[index]).sum()
    }

    /// `max(0, 1 - Var(remainder) / Var(trend + remainder))`, from 0 (no trend) to 1
    /// (Wang, Smith & Hyndman 2006).
    pub fn trend_strength(&self) -> f64 {
        strength(&self.trend, &self.remainder)
    }

    /// `max(0, 1 - Var(remainder) / Var(season + remainder))` for each season, from 0 to 1
    /// (Wang, Smith & Hyndman 2006). From about 0.64 Hyndman calls a series seasonal.
    pub fn season_strengths(&self) -> Vec<f64> {
        self.seasonal.iter().map(|season| strength(season, &self.remainder)).collect()
    }

    /// Noise relative to the level: the robust standard deviation of the remainder
    /// ([`robust::mad`]) over the median size of the level; for logarithms `exp(mad) - 1`. Weekly
    /// patterns and growth do not count as volatility. 0 for a series at zero.
    pub fn volatility(&self) -> f64 {
        let noise = robust::mad(&self.remainder);
        if self.log {
            return if noise.is_finite() { noise.exp_m1() } else { 0.0 };
        }
        let sizes: Vec<f64> = self.trend.iter().map(|trend| trend.abs()).collect();
        let level = robust::median(&sizes);
        if level > 0.0 && noise.is_finite() { noise / level } else { 0.0 }
    }

    fn unscaled(&self, value: f64) -> f64 {
        if self.log { value.exp() } else { value }
    }
}

fn strength(part: &[f64], remainder: &[f64]) -> f64 {
    let together: Vec<f64> = part.iter().zip(remainder).map(|(p, r)| p + r).collect();
    let share = 1.0 - robust::variance(remainder) / robust::variance(&together);
    // Not a number for a constant, or where squares overflow.
    if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 }
}

fn uses_log(values: &[f64], seasons: &[usize], scale: Scale) -> bool {
    let positive = !values.is_empty() && values.iter().all(|value| *value > 0.0);
    match scale {
        Scale::Additive => false,
        Scale::Log => positive,
        Scale::Auto => positive && spread_grows_with_level(values, seasons),
    }
}

/// Whether steps from one cycle to the next are larger where the level is higher: their mean size
/// (the largest sixth left out) in the upper half of the levels against that in the lower half
/// should exceed the same ratio of the levels to the power of 0.4. Where levels hardly differ, the likelihoods of constant spread and
/// of spread in proportion to the level are compared (Box & Cox 1964, λ = 1 against λ = 0):
/// `ln s(log y) + mean(ln y) < ln s(y)`. Expects positive values.
pub(crate) fn spread_grows_with_level(values: &[f64], seasons: &[usize]) -> bool {
    let lag = seasons.first().copied().unwrap_or(1);
    if values.len() < lag + 8 {
        return false;
    }
    let mut steps: Vec<(f64, f64)> = values
        .iter()
        .zip(&values[lag..])
        .map(|(from, to)| (from / 2.0 + to / 2.0, (to - from).abs()))
        .collect();
    steps.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let (lower, upper) = steps.split_at(steps.len() / 2);
    let column =
        |half: &[(f64, f64)], of: fn(&(f64, f64)) -> f64| half.iter().map(of).collect::<Vec<_>>();
    let level = |half| robust::median(&column(half, |step| step.0));
    let spread = |half| {
        let mut sizes = column(half, |step| step.1);
        sizes.sort_unstable_by(f64::total_cmp);
        sizes.truncate(sizes.len() - sizes.len() / 6);
        robust::mean(&sizes)
    };
    let (levels, spreads) = (level(upper) / level(lower), spread(upper) / spread(lower));
    if levels > 1.4 && spreads.is_finite() {
        return spreads > levels.powf(0.4);
    }
    let logs: Vec<f64> = values.iter().map(|value| value.ln()).collect();
    let (plain, logarithmic) = (typical_step(values, lag), typical_step(&logs, lag));
    plain > 0.0
        && logarithmic > 0.0
        && logarithmic.ln() + robust::median(&logs) < plain.ln() + LOG_PREFERRED
}

/// Advantage that logarithms get, since spend grows by factors rather than by sums.
const LOG_PREFERRED: f64 = 0.05;

/// Root mean square of the steps over `lag`, the largest of them (one in five) left out.
fn typical_step(values: &[f64], lag: usize) -> f64 {
    let mut squares: Vec<f64> =
        (lag..values.len()).map(|i| (values[i] - values[i - lag]).powi(2)).collect();
    squares.sort_unstable_by(f64::total_cmp);
    let kept = (squares.len() * 4).div_ceil(5);
    robust::mean(&squares[..kept]).sqrt()
}

#[cfg(test)]
mod tests;
