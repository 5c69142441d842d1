//! The theta method and its optimised and dynamic relatives.
//!
//! Assimakopoulos & Nikolopoulos (International Journal of Forecasting 16, 2000) split a series into
//! lines of changed curvature; Fiorucci, Pellegrini, Louzada, Petropoulos & Koehler (IJF 32, 2016)
//! gave it the state space used here. With a smoothed level `l`, and the least squares line
//! `A + B·t` of the points so far (dynamic) or of all points (otherwise), one step ahead is
//! `μ = l + (1 − 1/θ)·((1−α)^t·A + (1 − (1−α)^(t+1))/α·B)` and each further step adds
//! `(1 − 1/θ)·B`.

use super::model::Model;
use super::search::minimise;
use super::seasonal::Seasonal;

/// Which parameters are searched, and whether the line moves with the series.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// `θ = 2`, one line.
    Standard,
    /// `θ` is searched, one line.
    Optimised,
    /// `θ` is searched, the line is that of the points so far.
    Dynamic,
}

/// A theta model of the deseasonalised series.
#[derive(Clone, Debug)]
pub(super) struct Theta {
    kind: Kind,
    alpha: f64,
    theta: f64,
    seasons: Vec<usize>,
}

/// What one search pays.
const EVALUATIONS: usize = 100;

impl Theta {
    /// Minimises the squared errors one step ahead.
    pub(super) fn fit(series: &[f64], seasons: &[usize], kind: Kind) -> Self {
        let seasonal = Seasonal::of(series, seasons);
        let adjusted = seasonal.adjusted();
        let start: &[f64] = if kind == Kind::Standard { &[0.5] } else { &[0.5, 0.5] };
        let mut model = Self { kind, alpha: 0.5, theta: 2.0, seasons: seasons.to_vec() };
        let lines = Lines::of(adjusted, kind);
        let (point, _) = minimise(start, 0.25, EVALUATIONS, |point| {
            model.take(point);
            model.walk(adjusted, &lines).1
        });
        model.take(&point);
        model
    }

    fn take(&mut self, point: &[f64]) {
        self.alpha = 0.01 + 0.98 * point[0];
        self.theta = match point.get(1) {
            // From 1 (no slope) to nearly the whole slope of the line.
            Some(bend) => 1.0 / (1.0 - 0.999 * bend),
            None => 2.0,
        };
    }

    /// The level after the last point, and the sum of squared errors from the third point on.
    fn walk(&self, series: &[f64], lines: &Lines) -> (f64, f64) {
        let pull = 1.0 - 1.0 / self.theta;
        let keep = 1.0 - self.alpha;
        // What the line does not carry of the first value.
        let mut level = lines.at(0).0 / self.theta;
        let mut power = 1.0;
        let mut squares = 0.0;
        for (t, y) in series.iter().enumerate() {
            let (a, b) = lines.at(t);
            let expected = level + pull * (power * a + (1.0 - power * keep) / self.alpha * b);
            if t > 2 {
                squares += (y - expected).powi(2);
            }
            level = self.alpha * y + keep * level;
            power *= keep;
        }
        (level, squares)
    }
}

impl Model for Theta {
    fn forecast(&self, history: &[f64], horizon: usize) -> Vec<f64> {
        let seasonal = Seasonal::of(history, &self.seasons);
        let adjusted = seasonal.adjusted();
        let lines = Lines::of(adjusted, self.kind);
        let (level, _) = self.walk(adjusted, &lines);
        let (a, b) = lines.at(adjusted.len());
        let pull = 1.0 - 1.0 / self.theta;
        let power = (1.0 - self.alpha).powi(adjusted.len() as i32);
        let first = power * a + (1.0 - power * (1.0 - self.alpha)) / self.alpha * b;
        let line: Vec<f64> =
            (0..horizon).map(|step| level + pull * (first + step as f64 * b)).collect();
        seasonal.restore(&line)
    }

    fn describe(&self) -> String {
        format!("{:?}, α {:.3}, θ {:.2}", self.kind, self.alpha, self.theta)
    }
}

/// The least squares lines `A + B·t`, `t` counted from 1, after each number of points seen.
enum Lines {
    One(f64, f64),
    Each(Vec<(f64, f64)>),
}

impl Lines {
    fn of(series: &[f64], kind: Kind) -> Self {
        let mut lines = vec![(series.first().copied().unwrap_or(0.0), 0.0)];
        let (mut mean, mut slope) = (0.0, 0.0);
        for (index, y) in series.iter().enumerate() {
            let t = (index + 1) as f64;
            slope = ((t - 2.0) * slope + 6.0 * (y - mean) / t) / (t + 1.0);
            if index == 0 {
                slope = 0.0;
            }
            mean += (y - mean) / t;
            lines.push((mean - slope * (t + 1.0) / 2.0, slope));
        }
        match kind {
            Kind::Dynamic => Self::Each(lines),
            Kind::Standard | Kind::Optimised => {
                let (a, b) = lines[lines.len() - 1];
                Self::One(a, b)
            }
        }
    }

    /// The line known when `seen` points are.
    fn at(&self, seen: usize) -> (f64, f64) {
        match self {
            Self::One(a, b) => (*a, *b),
            Self::Each(lines) => lines[seen],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_of_all_points_is_the_least_squares_line() {
        let series: Vec<f64> = (1..=20).map(|t| 3.0 + 0.7 * t as f64).collect();

        let (a, b) = Lines::of(&series, Kind::Standard).at(20);

        assert!((a - 3.0).abs() < 1e-9 && (b - 0.7).abs() < 1e-9);
    }

    #[test]
    fn the_standard_method_drifts_by_half_the_slope() {
        let series: Vec<f64> =
            (1..=60).map(|t| 3.0 + 0.8 * t as f64 + [0.3, -0.2, -0.1][t % 3]).collect();

        let forecast = Theta::fit(&series, &[], Kind::Standard).forecast(&series, 5);

        let drift = forecast[4] - forecast[3];
        assert!((drift - 0.4).abs() < 0.01, "{drift}");
    }
}
