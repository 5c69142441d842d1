//! Linear autoregressions over many lags, by ridge regression, alone or drawn toward a pooled one.
//!
//! One model over all series of a data set needs no form chosen for each of them, and its long
//! memory carries the seasons (Montero-Manso & Hyndman, International Journal of Forecasting 37,
//! 2021). A series' own model with that one as its prior is the posterior mean under normal noise:
//! it minimises `Σ (z[t] − Σ_j β_j·z[t−j])² + λ·‖β − β_pool‖²`.

use super::linear_algebra::{Square, dot, lag_gram, solve};
use super::model::Model;

/// How the series enters the regression.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Shape {
    /// Logarithms, for positive series.
    pub(super) logarithmic: bool,
    /// Distances from the last value (the coefficients sum to one, and shifts carry over) instead
    /// of distances from the mean of the series.
    pub(super) anchored: bool,
    /// Lags `1..=memory`.
    pub(super) memory: usize,
}

/// Coefficients of the lags `1..=memory`.
#[derive(Clone, Debug)]
pub(super) struct Autoregression {
    pub(super) shape: Shape,
    pub(super) coefficients: Vec<f64>,
    note: &'static str,
}

/// The sums that a regression needs of one or more series: they add up.
#[derive(Clone, Debug)]
pub(super) struct Sums {
    pub(super) shape: Shape,
    /// Lag 0 is what is explained.
    gram: Square,
    pub(super) rows: f64,
}

impl Sums {
    pub(super) fn zeros(shape: Shape) -> Self {
        Self { shape, gram: Square::zeros(shape.memory + 1), rows: 0.0 }
    }

    /// The sums of one series in units of its own scale; `None` when it is too short for the
    /// memory, not positive for logarithms, or does not move.
    pub(super) fn of(series: &[f64], shape: Shape) -> Option<Self> {
        if series.len() < shape.memory + 2 {
            return None;
        }
        let values = Entered::of(series, shape)?;
        let mut gram = lag_gram(&values.values, shape.memory);
        if shape.anchored {
            gram = anchored(&gram);
        }
        let rows = (series.len() - shape.memory) as f64;
        let variance = scale(&values.values, shape)?;
        let mut scaled = Square::zeros(gram.size);
        scaled.add(&gram, 1.0 / variance);
        Some(Self { shape, gram: scaled, rows })
    }

    pub(super) fn add(&mut self, other: &Self, weight: f64) {
        self.gram.add(&other.gram, weight);
        self.rows += weight * other.rows;
    }

    /// The regression with a ridge of `strength` rows' worth, around `prior` or around zero.
    pub(super) fn solve(
        &self,
        strength: f64,
        prior: Option<&[f64]>,
        note: &'static str,
    ) -> Option<Autoregression> {
        let first = usize::from(self.shape.anchored) + 1;
        let size = (self.shape.memory + 1).checked_sub(first).filter(|size| *size > 0)?;
        let matrix = self.gram.from(first);
        let mut right = self.gram.row(0)[first..].to_vec();
        let mean_power = (0..size).map(|i| matrix.at(i, i)).sum::<f64>() / size as f64;
        let ridge = vec![strength * mean_power / self.rows.max(1.0); size];
        if let Some(prior) = prior {
            let prior = &prior[prior.len() - size..];
            for (value, (lambda, toward)) in right.iter_mut().zip(ridge.iter().zip(prior)) {
                *value += lambda * toward;
            }
        }
        let mut coefficients = solve(&matrix, &ridge, &right)?;
        if self.shape.anchored {
            coefficients.insert(0, 1.0 - coefficients.iter().sum::<f64>());
        }
        Some(Autoregression { shape: self.shape, coefficients, note })
    }
}

impl Model for Autoregression {
    fn forecast(&self, history: &[f64], horizon: usize) -> Vec<f64> {
        let memory = self.coefficients.len();
        let entered = Entered::of(history, self.shape);
        let Some(entered) = entered.filter(|_| history.len() >= memory) else {
            return super::simple::Naive.forecast(history, horizon);
        };
        let (low, high) = reach(&entered.values);
        let newest_last: Vec<f64> = self.coefficients.iter().rev().copied().collect();
        let mut values = entered.values[history.len() - memory..].to_vec();
        for step in 0..horizon {
            let next = dot(&newest_last, &values[step..]);
            values.push(next.clamp(low, high));
        }
        values[memory..].iter().map(|value| entered.leave(*value)).collect()
    }

    fn describe(&self) -> String {
        let scale = if self.shape.logarithmic { "logarithms" } else { "values" };
        let form = if self.shape.anchored { "differences of " } else { "" };
        format!("{} lags, {form}{scale}{}", self.coefficients.len(), self.note)
    }
}

/// A series on the scale of its regression.
struct Entered {
    values: Vec<f64>,
    centre: f64,
    logarithmic: bool,
}

impl Entered {
    fn of(series: &[f64], shape: Shape) -> Option<Self> {
        if shape.logarithmic && series.iter().any(|y| *y <= 0.0) {
            return None;
        }
        let enter = |y: &f64| if shape.logarithmic { y.ln() } else { *y };
        let mut values: Vec<f64> = series.iter().map(enter).collect();
        // Centring an anchored series changes nothing but the rounding.
        let centre = values.iter().sum::<f64>() / values.len().max(1) as f64;
        values.iter_mut().for_each(|value| *value -= centre);
        Some(Self { values, centre, logarithmic: shape.logarithmic })
    }

    fn leave(&self, value: f64) -> f64 {
        let value = value + self.centre;
        if self.logarithmic { value.exp() } else { value }
    }
}

/// A recursion that runs away is held within one range of the series beyond its extremes.
fn reach(values: &[f64]) -> (f64, f64) {
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    (low - (high - low), high + (high - low))
}

/// The Gram of distances from lag 1: `(z[t−a] − z[t−1])·(z[t−b] − z[t−1])`.
fn anchored(gram: &Square) -> Square {
    let mut moved = Square::zeros(gram.size);
    for a in 0..gram.size {
        for b in 0..gram.size {
            let value = gram.at(a, b) - gram.at(a, 1) - gram.at(1, b) + gram.at(1, 1);
            moved.set(a, b, value);
        }
    }
    moved
}

/// The mean square by which the series is divided before it is pooled: of its values, or of its
/// steps where it is anchored.
fn scale(values: &[f64], shape: Shape) -> Option<f64> {
    let squares: f64 = if shape.anchored {
        values.windows(2).map(|pair| (pair[1] - pair[0]).powi(2)).sum()
    } else {
        values.iter().map(|value| value * value).sum()
    };
    let mean = squares / values.len().max(1) as f64;
    (mean > 0.0 && mean.is_finite()).then_some(mean)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(anchored: bool, memory: usize) -> Shape {
        Shape { logarithmic: false, anchored, memory }
    }

    #[test]
    fn a_wave_is_continued() {
        let series: Vec<f64> = (0..200).map(|t| (t as f64 * 0.3).sin()).collect();

        let model = Sums::of(&series, shape(false, 4))
            .and_then(|sums| sums.solve(1e-9, None, ""))
            .expect("enough rows");
        let forecast = model.forecast(&series, 10);

        for (step, value) in forecast.iter().enumerate() {
            assert!((value - ((200 + step) as f64 * 0.3).sin()).abs() < 1e-2);
        }
    }

    #[test]
    fn an_anchored_forecast_moves_with_its_series() {
        let series: Vec<f64> = (0..80).map(|t| f64::from((t * 37) % 11)).collect();
        let raised: Vec<f64> = series.iter().map(|y| y + 1_000.0).collect();
        let of = |series: &[f64]| {
            let sums = Sums::of(series, shape(true, 5)).expect("long enough");
            sums.solve(1.0, None, "").expect("positive definite").forecast(series, 6)
        };

        let (low, high) = (of(&series), of(&raised));

        assert!(low.iter().zip(&high).all(|(a, b)| (b - a - 1_000.0).abs() < 1e-6));
    }
}
