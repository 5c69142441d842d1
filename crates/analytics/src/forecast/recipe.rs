//! Which methods are tried on a series, and how each is fitted.

use super::autoregression::{Autoregression, Shape, Sums};
use super::decomposed::Decomposed;
use super::ets::Ets;
use super::intermittent::Intermittent;
use super::model::Model;
use super::pool::Pool;
use super::seasonal::{Seasonal, usable_seasons};
use super::simple::{Drift, Linear, MovingAverage, Naive, SeasonalNaive};
use super::theta::{Kind, Theta};
use super::{Method, Options};

/// A method with what is fixed before a series is seen; the same one on every series of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Recipe {
    Naive,
    SeasonalNaive {
        season: usize,
    },
    Drift,
    MovingAverage {
        window: usize,
    },
    Linear {
        window: usize,
    },
    Smoothing {
        period: usize,
    },
    Theta(Kind),
    Decomposed,
    /// A series' own autoregression, `strength` rows' worth of ridge around zero.
    Own {
        shape: Shape,
        strength: u16,
    },
    /// The autoregression of all series.
    Shared {
        shape: Shape,
    },
    /// A series' own autoregression, drawn toward that of all.
    Drawn {
        shape: Shape,
        strength: u16,
    },
    Intermittent,
}

impl Recipe {
    pub(super) fn method(self) -> Method {
        match self {
            Self::Naive => Method::Naive,
            Self::SeasonalNaive { .. } => Method::SeasonalNaive,
            Self::Drift => Method::Drift,
            Self::MovingAverage { .. } => Method::MovingAverage,
            Self::Linear { .. } => Method::Linear,
            Self::Smoothing { .. } => Method::ExponentialSmoothing,
            Self::Theta(Kind::Standard) => Method::Theta,
            Self::Theta(Kind::Optimised) => Method::OptimisedTheta,
            Self::Theta(Kind::Dynamic) => Method::DynamicTheta,
            Self::Decomposed => Method::Decomposition,
            Self::Own { .. } => Method::Autoregression,
            Self::Shared { .. } | Self::Drawn { .. } => Method::PooledAutoregression,
            Self::Intermittent => Method::Intermittent,
        }
    }
}

impl Recipe {
    /// Whether the recipe sees the series with its spikes cut. With a season, all that learn from
    /// squared errors do; without, a spike is not as easily told from a step that stays, and only
    /// the steadier regressions do.
    pub(super) fn wants_clipped(self, seasonal: bool) -> bool {
        match self {
            Self::Drawn { .. } => true,
            Self::Own { strength, .. } => seasonal || strength > 1,
            Self::Smoothing { .. } | Self::Theta(_) | Self::Decomposed | Self::Shared { .. } => {
                seasonal
            }
            _ => false,
        }
    }
}

/// A stretch of a series, as it is and with its spikes cut.
pub(super) struct Stretch<'a> {
    values: &'a [f64],
    clipped: Vec<f64>,
    seasonal: bool,
}

/// Robust deviations beyond which a value is a spike.
const SPIKE: f64 = 4.0;

impl<'a> Stretch<'a> {
    pub(super) fn of(values: &'a [f64], options: &Options) -> Self {
        // Among zeros, what is not zero would all be spikes.
        let clipped = if is_intermittent(values, &options.seasons) {
            values.to_vec()
        } else {
            Seasonal::of(values, &options.seasons).clipped(SPIKE)
        };
        Self {
            values,
            clipped,
            seasonal: !usable_seasons(values.len(), &options.seasons).is_empty(),
        }
    }

    /// The forecast of a fitted model from the end of the stretch, held within what its range can
    /// reach: once more the whole range, and what that grows in so many steps.
    pub(super) fn ask(&self, recipe: Recipe, model: &dyn Model, horizon: usize) -> Vec<f64> {
        let low = self.values.iter().copied().fold(f64::INFINITY, f64::min);
        let high = self.values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let mut forecast = model.forecast(self.seen_by(recipe), horizon);
        for (step, value) in forecast.iter_mut().enumerate() {
            let grown = 1.0 + (step + 1) as f64 / self.values.len() as f64;
            let reach = (high - low) * grown;
            *value = value.clamp(low - reach, high + reach);
        }
        forecast
    }

    pub(super) fn seen_by(&self, recipe: Recipe) -> &[f64] {
        if recipe.wants_clipped(self.seasonal) { &self.clipped } else { self.values }
    }
}

/// Exponential smoothing with longer seasons has more states than the data can tell.
const SMOOTHED_SEASON_MAX: usize = 24;
/// From this share of zeros on, a series is treated as intermittent as well.
const ZEROS_MIN: f64 = 0.2;
/// A phase with this share of zeros is zero by the calendar, not by chance.
const ALWAYS_ZERO: f64 = 0.9;
/// Longer memories than this cost more time than they save error.
const MEMORY_MAX: usize = 200;

/// What `options.method` asks for, of what makes sense on this series.
pub(super) fn recipes(series: &[f64], options: &Options, pool: &Pool) -> Vec<Recipe> {
    let mut recipes = plain(series, options);
    recipes.extend(autoregressions(series, options, pool));
    match options.method {
        Method::Ensemble => {
            // Their better relatives are there.
            let spared = [Method::Theta, Method::OptimisedTheta, Method::Drift];
            recipes.retain(|recipe| !spared.contains(&recipe.method()));
            if is_intermittent(series, &options.seasons) {
                // One value, zero or not, says nothing of the mean.
                recipes.retain(|r| ![Method::Naive, Method::SeasonalNaive].contains(&r.method()));
            }
        }
        method => recipes.retain(|recipe| recipe.method() == method),
    }
    recipes
}

fn plain(series: &[f64], options: &Options) -> Vec<Recipe> {
    let seasons = usable_seasons(series.len(), &options.seasons);
    let longest = seasons.last().copied().unwrap_or(1);
    let smoothed = seasons.iter().copied().rfind(|season| *season <= SMOOTHED_SEASON_MAX);
    let mut recipes = vec![
        Recipe::Naive,
        Recipe::Drift,
        Recipe::MovingAverage { window: longest.max(7) },
        Recipe::Linear { window: (2 * longest).max(2 * options.horizon).max(14) },
        Recipe::Smoothing { period: smoothed.unwrap_or(1) },
        Recipe::Theta(Kind::Standard),
        Recipe::Theta(Kind::Optimised),
        Recipe::Theta(Kind::Dynamic),
        Recipe::Decomposed,
    ];
    if options.method == Method::SeasonalNaive {
        // Who asks for it by name means the season that was given.
        let given = options.seasons.iter().copied().filter(|season| *season <= series.len()).max();
        recipes.push(Recipe::SeasonalNaive { season: given.unwrap_or(1).max(1) });
    } else {
        recipes.extend(seasons.iter().map(|&season| Recipe::SeasonalNaive { season }));
    }
    if is_intermittent(series, &options.seasons) || options.method == Method::Intermittent {
        recipes.push(Recipe::Intermittent);
    }
    if seasons.is_empty() && options.method == Method::Ensemble {
        // Without a season it is exponential smoothing once more.
        recipes.retain(|recipe| *recipe != Recipe::Decomposed);
    }
    recipes
}

/// Whether so many values are zero that the middle of the outcomes says little of their mean. Zeros
/// that a season explains, such as those of weekends, do not count.
pub(super) fn is_intermittent(series: &[f64], seasons: &[usize]) -> bool {
    let season = usable_seasons(series.len(), seasons).first().copied().unwrap_or(1);
    let (mut zeros, mut points) = (0, 0);
    for phase in 0..season {
        let of_phase = series.iter().skip(phase).step_by(season);
        let (count, none) = (of_phase.clone().count(), of_phase.filter(|y| **y == 0.0).count());
        let always = season > 1 && none as f64 >= ALWAYS_ZERO * count as f64;
        if !always {
            zeros += none;
            points += count;
        }
    }
    zeros > 0 && zeros as f64 >= ZEROS_MIN * points as f64
}

fn autoregressions(series: &[f64], options: &Options, pool: &Pool) -> Vec<Recipe> {
    let positive = series.iter().all(|y| *y > 0.0);
    let mut recipes = Vec::new();
    for shape in shapes(series.len(), &options.seasons) {
        if shape.logarithmic && !positive {
            continue;
        }
        recipes.push(Recipe::Own { shape, strength: 1 });
        recipes.push(Recipe::Own { shape, strength: 10 });
        if pool.of(shape).is_some() {
            recipes.push(Recipe::Shared { shape });
            recipes.push(Recipe::Drawn { shape, strength: 30 });
        }
    }
    recipes
}

/// The memories tried, each with and without logarithms and anchor.
pub(super) fn shapes(points: usize, seasons: &[usize]) -> Vec<Shape> {
    let mut shapes = Vec::new();
    for memory in memories(points, seasons) {
        for logarithmic in [false, true] {
            for anchored in [false, true] {
                shapes.push(Shape { logarithmic, anchored, memory });
            }
        }
    }
    shapes
}

/// Some cycles of the longest season and a point more, or up to two years of weeks; as long as the
/// series is twice that.
fn memories(points: usize, seasons: &[usize]) -> Vec<usize> {
    let season = usable_seasons(points, seasons)
        .into_iter()
        .rfind(|season| *season < MEMORY_MAX)
        .unwrap_or(1);
    let wanted: &[usize] = match season {
        0 | 1 => &[3, 13, 54, 105],
        2..=6 => &[13, 54, 105],
        7..=12 => &[2 * season + 1, 8 * season + 1],
        13..=30 => &[2 * season + 1, 7 * season + 1],
        31..=60 => &[13, season + 2, 2 * season + 1],
        _ => &[season.div_ceil(4), season + 1],
    };
    let useful = |memory: &usize| *memory <= MEMORY_MAX && memory * 2 < points;
    wanted.iter().copied().filter(useful).collect()
}

/// Fits recipes to one stretch of a series, sharing the sums that several of them need.
pub(super) struct Workshop<'a> {
    stretch: &'a Stretch<'a>,
    options: &'a Options,
    pool: &'a Pool,
    /// Whether the stretch ends where the backtests begin.
    before: bool,
    sums: Vec<((Shape, bool), Option<Sums>)>,
}

impl<'a> Workshop<'a> {
    pub(super) fn new(
        stretch: &'a Stretch<'a>,
        options: &'a Options,
        pool: &'a Pool,
        before: bool,
    ) -> Self {
        Self { stretch, options, pool, before, sums: Vec::new() }
    }

    /// `None` when the stretch does not suffice.
    pub(super) fn fit(&mut self, recipe: Recipe) -> Option<Box<dyn Model>> {
        let (series, seasons) = (self.stretch.seen_by(recipe), &self.options.seasons);
        Some(match recipe {
            Recipe::Naive => Box::new(Naive),
            Recipe::Drift => Box::new(Drift),
            Recipe::SeasonalNaive { season } => Box::new(SeasonalNaive { season }),
            Recipe::MovingAverage { window } => {
                Box::new(MovingAverage { window, seasons: seasons.clone() })
            }
            Recipe::Linear { window } => {
                Box::new(Linear { window, damping: 0.9, seasons: seasons.clone() })
            }
            Recipe::Smoothing { period } => Box::new(Ets::choose(series, period)),
            Recipe::Theta(kind) => Box::new(Theta::fit(series, seasons, kind)),
            Recipe::Decomposed => Box::new(Decomposed::fit(series, seasons)),
            Recipe::Intermittent => Box::new(Intermittent::fit(series)),
            Recipe::Own { shape, strength } => {
                Box::new(self.sums(shape, recipe)?.solve(f64::from(strength), None, "")?)
            }
            Recipe::Shared { shape } => Box::new(self.shared(shape)?.clone()),
            Recipe::Drawn { shape, strength } => {
                let prior = Some(self.shared(shape)?.coefficients.as_slice());
                let sums = self.sums(shape, recipe)?;
                Box::new(sums.solve(f64::from(strength), prior, ", drawn to all")?)
            }
        })
    }

    fn shared(&self, shape: Shape) -> Option<&'a Autoregression> {
        if self.stretch.values.len() <= shape.memory {
            return None;
        }
        let pooled = self.pool.of(shape)?;
        Some(if self.before { &pooled.before } else { &pooled.whole })
    }

    fn sums(&mut self, shape: Shape, recipe: Recipe) -> Option<&Sums> {
        let key = (shape, recipe.wants_clipped(self.stretch.seasonal));
        let known = self.sums.iter().position(|(of, _)| *of == key);
        let place = known.unwrap_or_else(|| {
            // Recipes of one shape follow each other: those of the last one are done.
            self.sums.retain(|((of, _), _)| *of == shape);
            self.sums.push((key, Sums::of(self.stretch.seen_by(recipe), shape)));
            self.sums.len() - 1
        });
        self.sums[place].1.as_ref()
    }
}
