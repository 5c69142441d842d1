//! Demand that comes now and then: how often, times how much.
//!
//! Croston's idea with the probability updated at every point, zero or not, so that a series that
//! dies is forecast to be dead (Teunter, Syntetos & Babai, European Journal of Operational Research
//! 214, 2011): `p ← p + β(1[y≠0] − p)`, and on demand `z ← z + α(y − z)`; the forecast is `p·z`.

use super::model::Model;
use super::search::minimise;

/// Both smoothing parameters of the method.
pub(super) struct Intermittent {
    size: f64,
    chance: f64,
}

impl Intermittent {
    /// The parameters with the smallest squared error one step ahead.
    pub(super) fn fit(series: &[f64]) -> Self {
        let read =
            |point: &[f64]| Self { size: 0.01 + 0.4 * point[0], chance: 0.01 + 0.4 * point[1] };
        let (point, _) = minimise(&[0.2, 0.2], 0.2, 60, |point| read(point).walk(series).1);
        read(&point)
    }

    /// The forecast after the last point, and the sum of squared errors on the way.
    fn walk(&self, series: &[f64]) -> (f64, f64) {
        let demands = series.iter().filter(|y| **y != 0.0).count();
        let Some(first) = series.iter().copied().find(|y| *y != 0.0) else {
            return (0.0, 0.0);
        };
        let mut size = first;
        let mut chance = demands as f64 / series.len() as f64;
        let mut squares = 0.0;
        for y in series {
            squares += (y - size * chance).powi(2);
            if *y == 0.0 {
                chance -= self.chance * chance;
            } else {
                chance += self.chance * (1.0 - chance);
                size += self.size * (y - size);
            }
        }
        (size * chance, squares)
    }
}

impl Model for Intermittent {
    fn forecast(&self, history: &[f64], horizon: usize) -> Vec<f64> {
        vec![self.walk(history).0; horizon]
    }

    fn describe(&self) -> String {
        format!("TSB, size {:.3}, chance {:.3}", self.size, self.chance)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rare_demand_is_forecast_as_its_rate() {
        let series: Vec<f64> = (0..200).map(|t| if t % 5 == 0 { 10.0 } else { 0.0 }).collect();

        let forecast = Intermittent::fit(&series).forecast(&series, 3);

        assert!((forecast[0] - 2.0).abs() < 0.6, "{forecast:?}");
    }

    #[test]
    fn a_series_that_died_is_forecast_to_stay_dead() {
        let series: Vec<f64> = (0..400).map(|t| if t < 100 { 10.0 } else { 0.0 }).collect();

        assert!(Intermittent::fit(&series).forecast(&series, 1)[0] < 0.6);
    }
}
