//! Seasons taken off, the rest smoothed exponentially, seasons put back.

use super::ets::Ets;
use super::model::Model;
use super::seasonal::Seasonal;

/// Exponential smoothing (its form chosen) of the seasonally adjusted series.
pub(super) struct Decomposed {
    seasons: Vec<usize>,
    rest: Ets,
}

impl Decomposed {
    pub(super) fn fit(series: &[f64], seasons: &[usize]) -> Self {
        let seasonal = Seasonal::of(series, seasons);
        Self { seasons: seasons.to_vec(), rest: Ets::choose(seasonal.adjusted(), 1) }
    }
}

impl Model for Decomposed {
    fn forecast(&self, history: &[f64], horizon: usize) -> Vec<f64> {
        let seasonal = Seasonal::of(history, &self.seasons);
        let rest = self.rest.forecast(seasonal.adjusted(), horizon);
        seasonal.restore(&rest)
    }

    fn refit(&self, series: &[f64]) -> Option<Box<dyn Model>> {
        let seasonal = Seasonal::of(series, &self.seasons);
        let rest = self.rest.again(seasonal.adjusted());
        Some(Box::new(Self { seasons: self.seasons.clone(), rest }))
    }

    fn describe(&self) -> String {
        format!("seasons {:?}, rest {}", self.seasons, self.rest.describe())
    }
}
