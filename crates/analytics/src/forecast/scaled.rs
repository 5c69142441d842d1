//! Series in a unit of their own, so that no method sees which unit they came in.

use super::ForecastError;

/// A series divided by a power of two near its largest value: exactly, without rounding.
#[derive(Clone, Debug)]
pub(super) struct Scaled {
    pub(super) values: Vec<f64>,
    pub(super) unit: f64,
}

impl Scaled {
    pub(super) fn of(series: &[f64]) -> Result<Self, ForecastError> {
        if series.is_empty() {
            return Err(ForecastError::Empty);
        }
        if let Some(index) = series.iter().position(|y| !y.is_finite()) {
            return Err(ForecastError::NotFinite { index });
        }
        let largest = series.iter().fold(0.0_f64, |most, y| most.max(y.abs()));
        let unit =
            if largest > 0.0 { largest.log2().floor().clamp(-1000.0, 1000.0).exp2() } else { 1.0 };
        Ok(Self { values: series.iter().map(|y| y / unit).collect(), unit })
    }

    /// Back in the unit of the series; a forecast beyond all numbers ends at the largest.
    pub(super) fn restore(&self, value: f64) -> f64 {
        (value * self.unit).clamp(f64::MIN, f64::MAX)
    }
}
