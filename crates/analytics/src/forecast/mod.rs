//! Forecasts of one series or of many, with intervals that were tried on the past.
//!
//! [`forecast`] fits a set of methods to the part of a series before its backtests, tests each from
//! up to eight origins, and combines their forecasts by the errors that they made there. [`Pool`]
//! learns from many series what helps each of them; [`forecast_many`] does both. Nothing depends on
//! the unit of a series: `c·y` is forecast as `c` times the forecast of `y`.

mod autoregression;
mod backtest;
mod decomposed;
mod ensemble;
mod ets;
mod intermittent;
mod interval;
mod linear_algebra;
mod model;
mod pool;
mod recipe;
mod scaled;
mod search;
mod seasonal;
mod settled;
mod simple;
mod theta;

use std::fmt;

use backtest::Trials;
use interval::{End, Spread};
pub use pool::{InTurn, Pool, Runner};
use scaled::Scaled;

/// Values at equal steps, oldest first.
pub type Series<'a> = &'a [f64];

/// Below this many points a forecast is the simplest one and says so.
pub const POINTS_MIN: usize = 14;

/// What to forecast, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Steps ahead, at least one.
    pub horizon: usize,
    /// Lengths of seasons in points, as `[7]` for daily or `[24, 168]` for hourly values; those that
    /// a series does not hold twice are ignored, and a day of 24, 48 or 96 points brings its week.
    pub seasons: Vec<usize>,
    /// Shares of the outcomes that intervals shall hold, each in (0, 1).
    pub levels: Vec<f64>,
    /// Whether forecasts and intervals end at zero where the series never went below.
    pub floor_at_zero: bool,
    /// Whether what happened just now is told from what is usual: a level that has just begun holds,
    /// and a wild value at the end does not.
    pub settle: bool,
    /// One method, or the ensemble of all.
    pub method: Method,
}

impl Options {
    /// The ensemble with intervals of 80, 90 and 95 %, floored at zero, without a season.
    pub fn ahead(horizon: usize) -> Self {
        Self {
            horizon,
            seasons: Vec::new(),
            levels: vec![0.8, 0.9, 0.95],
            floor_at_zero: true,
            settle: false,
            method: Method::Ensemble,
        }
    }

    /// The same with these seasons.
    pub fn with_seasons(self, seasons: &[usize]) -> Self {
        Self { seasons: seasons.to_vec(), ..self }
    }

    /// The same, where what happened just now is told from what is usual.
    pub fn settled(self) -> Self {
        Self { settle: true, ..self }
    }

    /// The same with this method.
    pub fn with_method(self, method: Method) -> Self {
        Self { method, ..self }
    }

    fn check(&self) -> Result<(), ForecastError> {
        if self.horizon == 0 {
            return Err(ForecastError::NoHorizon);
        }
        match self.levels.iter().find(|level| !(**level > 0.0 && **level < 1.0)) {
            Some(&level) => Err(ForecastError::Level { level }),
            None => Ok(()),
        }
    }
}

/// The ways to forecast.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Method {
    /// The weighted median of the others; their weighted mean where many values are zero.
    Ensemble,
    /// The last value.
    Naive,
    /// The last value of the same phase.
    SeasonalNaive,
    /// The line through the first and the last value.
    Drift,
    /// The mean of the last values, with their season.
    MovingAverage,
    /// A robust line whose slope fades, with its season.
    Linear,
    /// The form of exponential smoothing with the lowest criterion.
    ExponentialSmoothing,
    /// The theta method.
    Theta,
    /// The theta method with its bend searched.
    OptimisedTheta,
    /// The optimised theta method around a line that moves.
    DynamicTheta,
    /// All seasons taken off, the rest smoothed exponentially.
    Decomposition,
    /// A regression on the series' own past.
    Autoregression,
    /// A regression on the past that all series of a [`Pool`] share, or a series' own drawn to it.
    PooledAutoregression,
    /// The rate of a demand that comes now and then.
    Intermittent,
}

impl Method {
    /// Every method, the ensemble first.
    pub const ALL: [Self; 14] = [
        Self::Ensemble,
        Self::Naive,
        Self::SeasonalNaive,
        Self::Drift,
        Self::MovingAverage,
        Self::Linear,
        Self::ExponentialSmoothing,
        Self::Theta,
        Self::OptimisedTheta,
        Self::DynamicTheta,
        Self::Decomposition,
        Self::Autoregression,
        Self::PooledAutoregression,
        Self::Intermittent,
    ];

    /// The name on command lines and in answers, such as `seasonal-naive`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ensemble => "ensemble",
            Self::Naive => "naive",
            Self::SeasonalNaive => "seasonal-naive",
            Self::Drift => "drift",
            Self::MovingAverage => "moving-average",
            Self::Linear => "linear",
            Self::ExponentialSmoothing => "ets",
            Self::Theta => "theta",
            Self::OptimisedTheta => "optimised-theta",
            Self::DynamicTheta => "dynamic-theta",
            Self::Decomposition => "mstl",
            Self::Autoregression => "autoregression",
            Self::PooledAutoregression => "pooled-autoregression",
            Self::Intermittent => "intermittent",
        }
    }

    /// The method of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.name() == name)
    }
}

/// Expected values with their intervals, and how they came about.
#[derive(Clone, Debug, PartialEq)]
pub struct Forecast {
    /// One value for each step ahead, in the unit of the series.
    pub expected: Vec<f64>,
    /// In the order of [`Options::levels`].
    pub intervals: Vec<Interval>,
    /// What the forecast rests on.
    pub footing: Footing,
    /// How far each method was off in the backtests and what it weighs, heaviest first.
    pub methods: Vec<MethodReport>,
}

/// A range for each step that holds the outcome in a given share of cases.
#[derive(Clone, Debug, PartialEq)]
pub struct Interval {
    /// That share, in (0, 1).
    pub level: f64,
    /// The lower ends, one for each step.
    pub low: Vec<f64>,
    /// The upper ends, one for each step.
    pub high: Vec<f64>,
}

/// What a forecast rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Footing {
    /// Weights and widths were tried from this many origins, over this many steps.
    Tested {
        /// Points of the series from which backtests forecast.
        origins: usize,
        /// Steps of each backtest; widths beyond are extrapolated.
        steps: usize,
    },
    /// The series has fewer points than [`POINTS_MIN`]: the forecast is the simplest one, and its
    /// intervals are guesses from the size of its steps.
    TooShort {
        /// Points that there are.
        points: usize,
    },
}

/// One method's part.
#[derive(Clone, Debug, PartialEq)]
pub struct MethodReport {
    /// The method.
    pub method: Method,
    /// The form and the parameters it took.
    pub form: String,
    /// Its share of the ensemble; all shares sum to one.
    pub weight: f64,
    /// Its mean absolute error in the backtests (of a series of many zeros its root mean square
    /// error), in the unit of the series; `None` without them.
    pub error: Option<f64>,
    /// What it forecasts alone.
    pub expected: Vec<f64>,
}

/// Why there is no forecast.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ForecastError {
    /// The series has no points.
    Empty,
    /// A value is infinite or not a number.
    NotFinite {
        /// Its place in the series.
        index: usize,
    },
    /// The horizon is zero.
    NoHorizon,
    /// A level is not between zero and one.
    Level {
        /// The level.
        level: f64,
    },
    /// The method asked for cannot work on this series, such as a pooled one without a pool.
    Unsuited {
        /// The method.
        method: Method,
    },
}

impl fmt::Display for ForecastError {
    fn fmt(&self, text: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => write!(text, "the series has no points"),
            Self::NotFinite { index } => {
                write!(text, "the value at {index} is not a finite number")
            }
            Self::NoHorizon => write!(text, "the horizon is zero"),
            Self::Level { level } => write!(text, "the level {level} is not between 0 and 1"),
            Self::Unsuited { method } => {
                write!(text, "the method {} does not work on this series", method.name())
            }
        }
    }
}

impl std::error::Error for ForecastError {}

/// Forecasts one series by itself.
///
/// # Errors
///
/// When the series is empty or holds a value that is not finite, and when the options make no sense.
pub fn forecast(series: Series<'_>, options: &Options) -> Result<Forecast, ForecastError> {
    forecast_with(&Pool::default(), series, options)
}

/// Forecasts one series with what was learned from many, itself perhaps among them, with the same
/// options.
///
/// # Errors
///
/// As [`forecast`].
pub fn forecast_with(
    pool: &Pool,
    series: Series<'_>,
    options: &Options,
) -> Result<Forecast, ForecastError> {
    options.check()?;
    let settled = if options.settle { settled::settled(series, options) } else { None };
    let scaled = Scaled::of(settled.as_deref().unwrap_or(series))?;
    if series.len() < POINTS_MIN {
        return forecast_short(&scaled, options);
    }
    let trials = Trials::run(&scaled.values, options, pool);
    if trials.candidates.is_empty() {
        return Err(ForecastError::Unsuited { method: options.method });
    }
    let footing =
        Footing::Tested { origins: trials.plan.origins.len(), steps: trials.plan.horizon };
    let fallback = usual_step(&scaled.values);
    Ok(Assembly { scaled: &scaled, options, pool, trials: &trials, footing, fallback }.forecast())
}

/// Forecasts many series, each with what all of them tell.
pub fn forecast_many(
    series: &[Series<'_>],
    options: &Options,
    runner: &impl Runner,
) -> Vec<Result<Forecast, ForecastError>> {
    let pool = if options.check().is_ok() {
        Pool::learn(series, options, runner)
    } else {
        Pool::default()
    };
    runner.run(series.len(), |index| forecast_with(&pool, series[index], options))
}

fn forecast_short(scaled: &Scaled, options: &Options) -> Result<Forecast, ForecastError> {
    let simplest = match options.method {
        Method::Ensemble => Method::Naive,
        method => method,
    };
    let asked = Options { method: simplest, ..options.clone() };
    let pool = Pool::default();
    let mut trials = Trials::run(&scaled.values, &asked, &pool);
    if trials.candidates.is_empty() {
        let naive = Options { method: Method::Naive, ..options.clone() };
        trials = Trials::run(&scaled.values, &naive, &pool);
    }
    trials.forget_tests();
    let footing = Footing::TooShort { points: scaled.values.len() };
    // Twice the usual step: how sure can one be of a step seen a few times?
    let fallback = 2.0 * usual_step(&scaled.values);
    Ok(Assembly { scaled, options, pool: &pool, trials: &trials, footing, fallback }.forecast())
}

/// The mean absolute step of a series; of a single point, its size.
fn usual_step(values: &[f64]) -> f64 {
    if values.len() < 2 {
        return values.iter().map(|y| y.abs()).sum();
    }
    let steps: f64 = values.windows(2).map(|pair| (pair[1] - pair[0]).abs()).sum();
    steps / (values.len() - 1) as f64
}

/// Everything known about a series, to be put together.
struct Assembly<'a> {
    scaled: &'a Scaled,
    options: &'a Options,
    pool: &'a Pool,
    trials: &'a Trials,
    footing: Footing,
    fallback: f64,
}

impl Assembly<'_> {
    fn forecast(&self) -> Forecast {
        let weights = ensemble::weights(self.trials, None);
        let forecasts: Vec<&[f64]> =
            self.trials.candidates.iter().map(|c| c.forecast.as_slice()).collect();
        let middle = ensemble::combine(&forecasts, &weights, self.trials.aim);
        let spread = Spread::of(self.trials, self.options.horizon, self.fallback);
        let interval = |&level: &f64| {
            let low = spread.reach(level, End::Low, self.pool);
            let high = spread.reach(level, End::High, self.pool);
            Interval {
                level,
                low: middle.iter().zip(&low).map(|(m, reach)| self.leave(m - reach)).collect(),
                high: middle.iter().zip(&high).map(|(m, reach)| self.leave(m + reach)).collect(),
            }
        };
        Forecast {
            expected: middle.iter().map(|value| self.leave(*value)).collect(),
            intervals: self.options.levels.iter().map(interval).collect(),
            footing: self.footing,
            methods: self.reports(&weights),
        }
    }

    fn reports(&self, weights: &[f64]) -> Vec<MethodReport> {
        let mut reports: Vec<MethodReport> = self
            .trials
            .candidates
            .iter()
            .zip(weights)
            .map(|(candidate, &weight)| MethodReport {
                method: candidate.recipe.method(),
                form: candidate.form.clone(),
                weight,
                error: Some(candidate.error())
                    .filter(|error| error.is_finite())
                    .map(|error| self.scaled.restore(error)),
                expected: candidate.forecast.iter().map(|value| self.leave(*value)).collect(),
            })
            .collect();
        reports.sort_by(|a, b| b.weight.total_cmp(&a.weight));
        reports
    }

    /// In the unit of the series, and not below zero where it may not be.
    fn leave(&self, value: f64) -> f64 {
        let floored = self.options.floor_at_zero && self.scaled.values.iter().all(|y| *y >= 0.0);
        let value = if floored { value.max(0.0) } else { value };
        self.scaled.restore(value)
    }
}
