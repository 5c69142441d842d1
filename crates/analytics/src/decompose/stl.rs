//! STL: seasonal and trend decomposition by loess.
//!
//! Cleveland, Cleveland, McRae & Terpenning (1990), *STL: A Seasonal-Trend Decomposition Procedure
//! Based on Loess*, Journal of Official Statistics 6(1). With the same parameters it gives the
//! figures of their Fortran program, and so of R's `stl` and statsmodels' `STL`.

use super::loess::{Local, Smoother, smooth};
use crate::robust;

/// What STL is told. [`StlOptions::new`] gives the defaults of statsmodels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StlOptions {
    /// Points in one season, at least 2.
    pub period: usize,
    /// Over how many cycles the season may drift: window, degree and jump of each phase.
    pub seasonal: Smoother,
    /// The smoother of the trend.
    pub trend: Smoother,
    /// The smoother that takes what is left of the level out of the season.
    pub low_pass: Smoother,
    /// Passes between season and trend.
    pub inner: usize,
    /// Rounds of robustness weights; 0 for none. Stops early once the weights have settled to
    /// [`StlOptions::settled`].
    pub outer: usize,
    /// Thousandths of the largest robustness weight change at which the rounds end; 0 never ends
    /// them early.
    pub settled: u32,
}

impl StlOptions {
    /// The usual choices: the season drifts over 7 cycles, the trend's window is the smallest odd
    /// number above `1.5 period / (1 - 1.5/7)`, 5 passes without robustness.
    pub fn new(period: usize) -> Self {
        let period = period.max(2);
        Self {
            period,
            seasonal: Smoother::line(7),
            trend: Smoother::line(trend_window(period, 7)),
            low_pass: Smoother::line((period + 1) | 1),
            inner: 5,
            outer: 0,
            settled: 0,
        }
    }

    /// With another window for the season (made odd, at least 3), and the trend's to match.
    pub fn seasonal_window(mut self, window: usize) -> Self {
        let window = window.max(3) | 1;
        self.seasonal = Smoother { window, ..self.seasonal };
        self.trend = Smoother { window: trend_window(self.period, window), ..self.trend };
        self
    }

    /// With 15 rounds of robustness weights and 2 passes in each.
    pub fn robust(self) -> Self {
        Self { inner: 2, outer: 15, ..self }
    }

    /// With every smoother computed at a tenth of its window and interpolated between, and rounds
    /// that end when the weights have settled. Differs from the exact result by far less than the
    /// noise, in a fraction of the time.
    pub fn quick(mut self) -> Self {
        for smoother in [&mut self.seasonal, &mut self.trend, &mut self.low_pass] {
            smoother.jump = smoother.window.div_ceil(10);
        }
        self.settled = 30;
        self.outer = self.outer.min(6);
        self
    }
}

/// The smallest odd number above `1.5 period / (1 - 1.5 / seasonal)`, as the paper recommends.
fn trend_window(period: usize, seasonal: usize) -> usize {
    let window = (1.5 * period as f64 / (1.0 - 1.5 / seasonal as f64)).ceil() as usize;
    window.max(3) | 1
}

/// `y = trend + seasonal + remainder`, point by point.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StlFit {
    /// The slowly moving level.
    pub trend: Vec<f64>,
    /// The season, which sums to about zero over each cycle.
    pub seasonal: Vec<f64>,
    /// What neither explains.
    pub remainder: Vec<f64>,
    /// 1 for points that follow the fit, 0 for those that robustness has set aside.
    pub weights: Vec<f64>,
}

/// Decomposes `y` by its one season. Values that are not finite are filled by
/// [`robust::fill_gaps`]. With fewer than two cycles there is no season: the trend is a loess of
/// the whole.
pub fn stl(y: &[f64], options: &StlOptions) -> StlFit {
    let y = robust::fill_gaps(y);
    if options.period < 2 || y.len() < 2 * options.period {
        return without_season(&y, options);
    }
    let mut work = Work::new(y.len(), options.period);
    let mut fit = StlFit {
        trend: vec![0.0; y.len()],
        seasonal: vec![0.0; y.len()],
        remainder: Vec::new(),
        weights: vec![1.0; y.len()],
    };
    for round in 0..=options.outer {
        let robustness = (round > 0).then_some(fit.weights.as_slice());
        for _ in 0..options.inner.max(1) {
            pass(&y, options, robustness, &mut work, &mut fit.trend, &mut fit.seasonal);
        }
        if round == options.outer {
            break;
        }
        let weights = bisquare_of(&y, &fit.trend, &fit.seasonal);
        let change = largest_change(&weights, &fit.weights);
        fit.weights = weights;
        if round > 0 && change * 1000.0 < f64::from(options.settled) {
            break;
        }
    }
    fit.remainder = subtract(&subtract(&y, &fit.trend), &fit.seasonal);
    fit
}

fn without_season(y: &[f64], options: &StlOptions) -> StlFit {
    let mut trend = vec![0.0; y.len()];
    let mut weights = vec![1.0; y.len()];
    let none = vec![0.0; y.len()];
    for _ in 0..=options.outer.min(4) {
        smooth(y, options.trend, Some(&weights), &mut trend);
        if options.outer > 0 {
            weights = bisquare_of(y, &trend, &none);
        }
    }
    StlFit { remainder: subtract(y, &trend), trend, seasonal: none, weights }
}

/// Room for the intermediate series of a pass.
struct Work {
    detrended: Vec<f64>,
    /// The smoothed phases, one cycle longer at each end.
    cycles: Vec<f64>,
    low: Vec<f64>,
    averages: Vec<f64>,
    phase: Vec<f64>,
    phase_weights: Vec<f64>,
    phase_smooth: Vec<f64>,
}

impl Work {
    fn new(count: usize, period: usize) -> Self {
        Self {
            detrended: vec![0.0; count],
            cycles: vec![0.0; count + 2 * period],
            low: Vec::with_capacity(count + 2 * period),
            averages: Vec::with_capacity(count + 2 * period),
            phase: Vec::new(),
            phase_weights: Vec::new(),
            phase_smooth: Vec::new(),
        }
    }
}

/// One pass: season from the detrended series, then trend from the deseasonalised one.
fn pass(
    y: &[f64],
    options: &StlOptions,
    robustness: Option<&[f64]>,
    work: &mut Work,
    trend: &mut [f64],
    seasonal: &mut [f64],
) {
    let period = options.period;
    for (slot, (y, trend)) in work.detrended.iter_mut().zip(y.iter().zip(trend.iter())) {
        *slot = y - trend;
    }
    smooth_phases(options, robustness, work);

    moving_average(&work.cycles, period, &mut work.low);
    moving_average(&work.low, period, &mut work.averages);
    moving_average(&work.averages, 3, &mut work.low);
    work.averages.resize(y.len(), 0.0);
    smooth(&work.low, options.low_pass, None, &mut work.averages);

    for (i, slot) in seasonal.iter_mut().enumerate() {
        *slot = work.cycles[period + i] - work.averages[i];
        work.detrended[i] = y[i] - *slot;
    }
    smooth(&work.detrended, options.trend, robustness, trend);
}

/// Smooths the values of each phase over the cycles, and extends them by one cycle at each end.
fn smooth_phases(options: &StlOptions, robustness: Option<&[f64]>, work: &mut Work) {
    let period = options.period;
    for phase in 0..period {
        let every = |series: &[f64], into: &mut Vec<f64>| {
            into.clear();
            into.extend(series.iter().skip(phase).step_by(period));
        };
        every(&work.detrended, &mut work.phase);
        if let Some(weights) = robustness {
            every(weights, &mut work.phase_weights);
        }
        let weights = robustness.map(|_| work.phase_weights.as_slice());
        let count = work.phase.len();
        work.phase_smooth.resize(count, 0.0);
        smooth(&work.phase, options.seasonal, weights, &mut work.phase_smooth);

        let (before, after) = extend(&work.phase, options.seasonal, weights, &work.phase_smooth);
        work.cycles[phase] = before;
        for (cycle, value) in work.phase_smooth.iter().enumerate() {
            work.cycles[phase + (cycle + 1) * period] = *value;
        }
        work.cycles[phase + (count + 1) * period] = after;
    }
}

/// The fit one cycle before the first and one after the last value of a phase.
fn extend(
    phase: &[f64],
    smoother: Smoother,
    weights: Option<&[f64]>,
    smoothed: &[f64],
) -> (f64, f64) {
    let last = phase.len() - 1;
    let reach = smoother.window.min(phase.len()) - 1;
    let mut local = Local::new(phase, smoother, weights);
    let before = local.fit(-1.0, 0, reach).unwrap_or(smoothed[0]);
    let after = local.fit((last + 1) as f64, last - reach, last).unwrap_or(smoothed[last]);
    (before, after)
}

/// Means of `window` neighbours; the result is `window - 1` shorter.
fn moving_average(series: &[f64], window: usize, out: &mut Vec<f64>) {
    out.clear();
    let width = window as f64;
    let mut sum: f64 = series[..window].iter().sum();
    out.push(sum / width);
    for (enters, leaves) in series[window..].iter().zip(series) {
        sum += enters - leaves;
        out.push(sum / width);
    }
}

/// Bisquare weights `(1 - (|r|/h)²)²`, `h` six times the median absolute remainder. All are 1 when
/// that median is zero: a fit that is exact for most points says nothing about the others.
fn bisquare_of(y: &[f64], trend: &[f64], seasonal: &[f64]) -> Vec<f64> {
    let mut sizes: Vec<f64> =
        y.iter().zip(trend).zip(seasonal).map(|((y, t), s)| (y - (t + s)).abs()).collect();
    let reach = 6.0 * robust::median_in_place(&mut sizes.clone());
    if !(reach > 0.0) {
        return vec![1.0; y.len()];
    }
    for size in &mut sizes {
        *size = if *size <= 0.001 * reach {
            1.0
        } else if *size <= 0.999 * reach {
            (1.0 - (*size / reach).powi(2)).powi(2)
        } else {
            0.0
        };
    }
    sizes
}

fn largest_change(left: &[f64], right: &[f64]) -> f64 {
    left.iter().zip(right).map(|(l, r)| (l - r).abs()).fold(0.0, f64::max)
}

pub(super) fn subtract(left: &[f64], right: &[f64]) -> Vec<f64> {
    left.iter().zip(right).map(|(l, r)| l - r).collect()
}
