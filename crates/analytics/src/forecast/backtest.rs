//! Forecasts made in the past: from which points, how far, and how wrong they were.

use super::Options;
use super::pool::Pool;
use super::recipe::{Recipe, Stretch, Workshop, is_intermittent, recipes};

/// The origins of the backtests of one series.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) origins: Vec<usize>,
    pub(super) horizon: usize,
}

const ORIGINS_MAX: usize = 8;
const POINTS_MIN: usize = 8;
const REFIT_MIN: usize = 100;

impl Plan {
    /// Equally spaced origins whose whole horizon is known, the last ones of the series, in the
    /// half of it that is newest; none when it is too short.
    pub(super) fn of(points: usize, options: &Options) -> Self {
        let horizon = options.horizon.min(points / 4).max(1);
        let step = (horizon / 2).max(1);
        let earliest = (points / 2).max(POINTS_MIN);
        let mut origins: Vec<usize> = (0..ORIGINS_MAX)
            .map_while(|back| points.checked_sub(horizon + back * step))
            .take_while(|origin| *origin >= earliest)
            .collect();
        origins.reverse();
        Self { origins, horizon }
    }

    pub(super) fn first(&self) -> Option<usize> {
        self.origins.first().copied()
    }
}

/// One recipe on one series.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub(super) recipe: Recipe,
    pub(super) form: String,
    /// By origin and step.
    pub(super) tests: Vec<Vec<f64>>,
    /// The error of each test: mean absolute, or root mean square.
    pub(super) errors: Vec<f64>,
    pub(super) forecast: Vec<f64>,
}

impl Candidate {
    /// The mean of those errors; infinite without origins.
    pub(super) fn error(&self) -> f64 {
        if self.errors.is_empty() {
            return f64::INFINITY;
        }
        self.errors.iter().sum::<f64>() / self.errors.len() as f64
    }
}

/// All recipes on one series: their backtests and their forecasts.
#[derive(Clone, Debug)]
pub(super) struct Trials {
    pub(super) plan: Plan,
    /// What happened after each origin.
    pub(super) actual: Vec<Vec<f64>>,
    pub(super) candidates: Vec<Candidate>,
    /// How candidates are judged and combined.
    pub(super) aim: Aim,
}

/// What a forecast is to hit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Aim {
    /// The middle of the outcomes: judged by absolute errors, combined by median.
    Middle,
    /// Their mean, where most may be zero and the rest still adds up to the bill: judged by squared
    /// errors, combined by mean.
    Mean,
}

impl Aim {
    fn error(self, forecast: &[f64], actual: &[f64]) -> f64 {
        let count = actual.len().max(1) as f64;
        let errors = forecast.iter().zip(actual).map(|(f, y)| (f - y).abs());
        match self {
            Self::Middle => errors.sum::<f64>() / count,
            Self::Mean => (errors.map(|error| error * error).sum::<f64>() / count).sqrt(),
        }
    }
}

impl Trials {
    /// Fits every recipe on what lies before the first origin and tests it from all of them, then
    /// fits it on everything.
    pub(super) fn run(series: &[f64], options: &Options, pool: &Pool) -> Self {
        let plan = Plan::of(series.len(), options);
        let actual: Vec<Vec<f64>> =
            plan.origins.iter().map(|o| series[*o..o + plan.horizon].to_vec()).collect();
        let aim = if is_intermittent(series, &options.seasons) { Aim::Mean } else { Aim::Middle };
        let whole = Stretch::of(series, options);
        let pasts: Vec<Stretch<'_>> =
            plan.origins.iter().map(|origin| Stretch::of(&series[..*origin], options)).collect();
        let before = pasts.first().unwrap_or(&whole);
        let mut early = Workshop::new(before, options, pool, true);
        let mut late = Workshop::new(&whole, options, pool, false);
        let mut candidates = Vec::new();
        for recipe in recipes(series, options, pool) {
            let Some(model) = early.fit(recipe) else { continue };
            let tests: Vec<Vec<f64>> =
                pasts.iter().map(|past| past.ask(recipe, model.as_ref(), plan.horizon)).collect();
            let errors: Vec<f64> =
                tests.iter().zip(&actual).map(|(f, y)| aim.error(f, y)).collect();
            // A form chosen on few points deserves a second thought.
            let settled = plan.first().is_some_and(|first| first >= REFIT_MIN);
            let again = if settled { model.refit(whole.seen_by(recipe)) } else { None };
            let Some(model) = again.or_else(|| late.fit(recipe)) else { continue };
            let forecast = whole.ask(recipe, model.as_ref(), options.horizon);
            let finite = errors.iter().chain(&forecast).all(|value| value.is_finite());
            if finite {
                let form = model.describe();
                candidates.push(Candidate { recipe, form, tests, errors, forecast });
            }
        }
        Self { plan, actual, candidates, aim }
    }

    /// Leaves the forecasts, as if nothing had been tested.
    pub(super) fn forget_tests(&mut self) {
        self.plan.origins.clear();
        self.actual.clear();
        for candidate in &mut self.candidates {
            candidate.tests.clear();
            candidate.errors.clear();
        }
    }
}
