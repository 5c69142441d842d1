//! The plain methods: they are hard to beat on short series, and they keep the others honest.

use super::model::Model;
use super::seasonal::Seasonal;

/// The last value goes on: `ŷ[n+h] = y[n]`.
pub(super) struct Naive;

impl Model for Naive {
    fn forecast(&self, history: &[f64], horizon: usize) -> Vec<f64> {
        vec![history.last().copied().unwrap_or(0.0); horizon]
    }
}

/// The last value of the same phase goes on: `ŷ[n+h] = y[n+h−m·⌈h/m⌉]` for a season of `m` points.
pub(super) struct SeasonalNaive {
    pub(super) season: usize,
}

impl Model for SeasonalNaive {
    fn forecast(&self, history: &[f64], horizon: usize) -> Vec<f64> {
        let season = self.season.max(1);
        if history.len() < season {
            return Naive.forecast(history, horizon);
        }
        let cycle = &history[history.len() - season..];
        (0..horizon).map(|step| cycle[step % season]).collect()
    }

    fn describe(&self) -> String {
        format!("season {}", self.season)
    }
}

/// The line through the first and the last point: `ŷ[n+h] = y[n] + h·(y[n]−y[1])/(n−1)`.
pub(super) struct Drift;

impl Model for Drift {
    fn forecast(&self, history: &[f64], horizon: usize) -> Vec<f64> {
        let (Some(first), Some(last)) = (history.first(), history.last()) else {
            return vec![0.0; horizon];
        };
        let slope = (last - first) / (history.len().max(2) - 1) as f64;
        (1..=horizon).map(|step| last + slope * step as f64).collect()
    }
}

/// The mean of the last `window` points, each phase of the season shifted by its usual distance
/// from the level.
pub(super) struct MovingAverage {
    pub(super) window: usize,
    pub(super) seasons: Vec<usize>,
}

impl Model for MovingAverage {
    fn forecast(&self, history: &[f64], horizon: usize) -> Vec<f64> {
        let seasonal = Seasonal::of(history, &self.seasons);
        let adjusted = seasonal.adjusted();
        let window = &adjusted[adjusted.len().saturating_sub(self.window.max(1))..];
        let level = window.iter().sum::<f64>() / window.len().max(1) as f64;
        seasonal.restore(&vec![level; horizon])
    }

    fn describe(&self) -> String {
        format!("last {} points", self.window)
    }
}

/// A robust straight line through the last `window` points of the deseasonalised series (Huber's
/// weights, by reweighted least squares), whose slope fades: after `h` steps it has risen by
/// `slope·(φ + φ² + … + φ^h)` (damping after Gardner & McKenzie 1985).
pub(super) struct Linear {
    pub(super) window: usize,
    pub(super) damping: f64,
    pub(super) seasons: Vec<usize>,
}

impl Model for Linear {
    fn forecast(&self, history: &[f64], horizon: usize) -> Vec<f64> {
        let seasonal = Seasonal::of(history, &self.seasons);
        let adjusted = seasonal.adjusted();
        let window = &adjusted[adjusted.len().saturating_sub(self.window.max(2))..];
        let (level, slope) = robust_line(window);
        let mut risen = 0.0;
        let mut fading = 1.0;
        let line: Vec<f64> = (0..horizon)
            .map(|_| {
                fading *= self.damping;
                risen += fading * slope;
                level + risen
            })
            .collect();
        seasonal.restore(&line)
    }

    fn describe(&self) -> String {
        format!("last {} points, slope damped by {}", self.window, self.damping)
    }
}

/// The value at the last point and the slope of the line that Huber's loss prefers.
fn robust_line(points: &[f64]) -> (f64, f64) {
    let mut weights = vec![1.0; points.len()];
    let (mut level, mut slope) = weighted_line(points, &weights);
    for _ in 0..3 {
        let last = points.len().saturating_sub(1) as f64;
        let residuals: Vec<f64> = points
            .iter()
            .enumerate()
            .map(|(t, y)| (y - (level + slope * (t as f64 - last))).abs())
            .collect();
        // 1.345 robust standard deviations keep 95 % of the efficiency under normal noise.
        let bound = 1.345 * 1.4826 * median(&residuals);
        if bound <= 0.0 {
            break;
        }
        for (weight, residual) in weights.iter_mut().zip(&residuals) {
            *weight = if *residual <= bound { 1.0 } else { bound / residual };
        }
        (level, slope) = weighted_line(points, &weights);
    }
    (level, slope)
}

fn weighted_line(points: &[f64], weights: &[f64]) -> (f64, f64) {
    let last = points.len().saturating_sub(1) as f64;
    let total: f64 = weights.iter().sum();
    if total <= 0.0 {
        return (0.0, 0.0);
    }
    let mean = |value: &dyn Fn(usize) -> f64| {
        weights.iter().enumerate().map(|(t, weight)| weight * value(t)).sum::<f64>() / total
    };
    let middle = mean(&|t| t as f64);
    let level = mean(&|t| points[t]);
    let spread = mean(&|t| (t as f64 - middle).powi(2));
    let slope = if spread > 0.0 {
        mean(&|t| (t as f64 - middle) * (points[t] - level)) / spread
    } else {
        0.0
    };
    (level + slope * (last - middle), slope)
}

/// The middle value; 0 for none.
pub(super) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    if sorted.is_empty() {
        return 0.0;
    }
    let middle = sorted.len() / 2;
    let (below, upper, _) = sorted.select_nth_unstable_by(middle, f64::total_cmp);
    let upper = *upper;
    if values.len() % 2 == 1 {
        return upper;
    }
    let lower = below.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    0.5 * (lower + upper)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_with_a_spike_is_still_that_line() {
        let mut points: Vec<f64> = (0..40).map(|t| 10.0 + 0.5 * t as f64).collect();
        points[20] = 500.0;

        let (level, slope) = robust_line(&points);

        assert!((slope - 0.5).abs() < 0.02, "{slope}");
        assert!((level - 29.5).abs() < 1.0, "{level}");
    }

    #[test]
    fn last_week_is_repeated() {
        let history: Vec<f64> = (0..16).map(f64::from).collect();

        let forecast = SeasonalNaive { season: 7 }.forecast(&history, 8);

        assert_eq!(forecast, [9.0, 10.0, 11.0, 12.0, 13.0, 14.0, 15.0, 9.0]);
    }

    #[test]
    fn the_middle_of_an_even_number_of_values_lies_between_two() {
        assert!((median(&[4.0, 1.0, 3.0, 2.0]) - 2.5).abs() < 1e-12);
    }
}
