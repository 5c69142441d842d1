//! What many series tell about each of them.

use super::autoregression::{Autoregression, Shape, Sums};
use super::backtest::{Plan, Trials};
use super::interval::Ratios;
use super::recipe::shapes;
use super::scaled::Scaled;
use super::{Options, Series};

/// What is learned from many series before each is forecast: autoregressions over all of them, and
/// how wide intervals have to be.
///
/// Learning is linear in the number of series; the widths, which need whole backtests, are learned
/// from an evenly spaced sample of at most 128.
#[derive(Clone, Debug, Default)]
pub struct Pool {
    shared: Vec<Pooled>,
    pub(super) calibration: Option<Ratios>,
}

/// One shape's autoregression over all series: learned without their backtest windows, and with.
#[derive(Clone, Debug)]
pub(super) struct Pooled {
    pub(super) before: Autoregression,
    pub(super) whole: Autoregression,
}

/// Runs independent jobs: in turn, or on the threads of the caller.
pub trait Runner {
    /// The results of `job(0)`, `job(1)`, …, `job(jobs − 1)`, in that order.
    fn run<T: Send>(&self, jobs: usize, job: impl Fn(usize) -> T + Sync) -> Vec<T>;
}

/// Runs one job after the other on the thread of the caller.
#[derive(Clone, Copy, Debug, Default)]
pub struct InTurn;

impl Runner for InTurn {
    fn run<T: Send>(&self, jobs: usize, job: impl Fn(usize) -> T + Sync) -> Vec<T> {
        (0..jobs).map(job).collect()
    }
}

const SAMPLE_MAX: usize = 128;
/// One series has nothing to learn from others, and a few tell little.
const SERIES_MIN: usize = 5;

impl Pool {
    /// Learns from all series that can be forecast; the others are left out. Few series make an
    /// empty pool, with which each is forecast on its own.
    pub fn learn(series: &[Series<'_>], options: &Options, runner: &impl Runner) -> Self {
        let scaled: Vec<Scaled> =
            series.iter().filter_map(|values| Scaled::of(values).ok()).collect();
        if scaled.len() < SERIES_MIN {
            return Self::default();
        }
        let longest = scaled.iter().map(|series| series.values.len()).max().unwrap_or(0);
        let shapes = shapes(longest, &options.seasons);
        let shared = runner.run(shapes.len(), |index| share(&scaled, options, shapes[index]));
        let mut pool = Self { shared: shared.into_iter().flatten().collect(), ..Self::default() };
        pool.judge(&scaled, options, runner);
        pool
    }

    pub(super) fn of(&self, shape: Shape) -> Option<&Pooled> {
        self.shared.iter().find(|pooled| pooled.whole.shape == shape)
    }

    fn judge(&mut self, series: &[Scaled], options: &Options, runner: &impl Runner) {
        let step = series.len().div_ceil(SAMPLE_MAX);
        let sample: Vec<&Scaled> = series.iter().step_by(step).collect();
        let trials =
            runner.run(sample.len(), |index| Trials::run(&sample[index].values, options, self));
        self.calibration = Ratios::of_many(&trials);
    }
}

fn share(series: &[Scaled], options: &Options, shape: Shape) -> Option<Pooled> {
    let (mut before, mut whole) = (Sums::zeros(shape), Sums::zeros(shape));
    for Scaled { values, .. } in series {
        if let Some(sums) = Sums::of(values, shape) {
            whole.add(&sums, 1.0);
        }
        let first = Plan::of(values.len(), options).first();
        if let Some(sums) = first.and_then(|first| Sums::of(&values[..first], shape)) {
            before.add(&sums, 1.0);
        }
    }
    if before.rows < 4.0 * shape.memory as f64 {
        return None;
    }
    Some(Pooled {
        before: before.solve(1e-3, None, ", of all")?,
        whole: whole.solve(1e-3, None, ", of all")?,
    })
}
