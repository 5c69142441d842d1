//! How far forecasts were off, by the measures of the M4 competition.
//!
//! Source: Makridakis, Spiliotis & Assimakopoulos, *The M4 Competition: 100,000 time series and 61
//! forecasting methods*, International Journal of Forecasting 36 (2020).

/// Symmetric mean absolute percentage error, in percent from 0 to 200:
/// `mean(200·|y − f| / (|y| + |f|))`, a step with `y = f = 0` counting 0. Zero without steps.
pub fn smape(actual: &[f64], forecast: &[f64]) -> f64 {
    mean(actual.iter().zip(forecast).map(|(y, f)| {
        let size = y.abs() + f.abs();
        if size > 0.0 { 200.0 * (y - f).abs() / size } else { 0.0 }
    }))
}

/// Mean absolute scaled error: the mean absolute error relative to that of the seasonal naive
/// method one season ahead within `past`, `mean|y[t] − y[t−season]|` (Hyndman & Koehler, IJF 22,
/// 2006). `None` when that scale is zero or the past is no longer than a season.
pub fn mase(past: &[f64], actual: &[f64], forecast: &[f64], season: usize) -> Option<f64> {
    let season = season.max(1);
    let scale = mean(past.iter().zip(past.get(season..)?).map(|(before, y)| (y - before).abs()));
    let error = mean(actual.iter().zip(forecast).map(|(y, f)| (y - f).abs()));
    (scale > 0.0).then(|| error / scale)
}

/// Overall weighted average: the mean of sMAPE and MASE, each relative to that of a reference (in
/// M4, the naive method on seasonally adjusted data).
pub fn owa(smape: f64, mase: f64, reference_smape: f64, reference_mase: f64) -> f64 {
    0.5 * (smape / reference_smape + mase / reference_mase)
}

/// The share of outcomes within their intervals, ends included. Zero without steps.
pub fn coverage(actual: &[f64], low: &[f64], high: &[f64]) -> f64 {
    let held = actual.iter().zip(low.iter().zip(high));
    mean(held.map(|(y, (low, high))| f64::from(u8::from(low <= y && y <= high))))
}

/// Mean scaled interval score of intervals that shall hold `level` of the outcomes: their width,
/// plus `2/(1−level)` times what an outcome lies outside, relative to the same scale as [`mase`]
/// (Gneiting & Raftery 2007). Lower is better; it punishes needless width and missed outcomes.
pub fn interval_score(
    past: &[f64],
    actual: &[f64],
    interval: (&[f64], &[f64]),
    level: f64,
    season: usize,
) -> Option<f64> {
    let season = season.max(1);
    let scale = mean(past.iter().zip(past.get(season..)?).map(|(before, y)| (y - before).abs()));
    let fine = 2.0 / (1.0 - level);
    let score =
        mean(actual.iter().zip(interval.0.iter().zip(interval.1)).map(|(y, (low, high))| {
            high - low + fine * ((low - y).max(0.0) + (y - high).max(0.0))
        }));
    (scale > 0.0).then(|| score / scale)
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    if count > 0.0 { sum / count } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forecast_of_half_the_value_is_off_by_two_thirds() {
        assert!((smape(&[2.0, 0.0], &[1.0, 0.0]) - 100.0 / 3.0).abs() < 1e-12);
    }

    #[test]
    fn the_seasonal_naive_error_of_the_past_is_the_unit() {
        let past = [1.0, 5.0, 3.0, 5.0, 5.0, 5.0];

        assert_eq!(mase(&past, &[4.0], &[5.0], 2), Some(1.0));
        assert_eq!(mase(&[1.0, 1.0], &[4.0], &[5.0], 1), None);
        assert_eq!(mase(&[1.0], &[4.0], &[5.0], 2), None);
    }

    #[test]
    fn the_ends_of_an_interval_belong_to_it() {
        let covered = coverage(&[1.0, 2.0, 3.5, 0.5], &[1.0; 4], &[3.0; 4]);

        assert!((covered - 0.5).abs() < 1e-12);
    }

    #[test]
    fn a_missed_outcome_costs_more_the_surer_the_interval_was() {
        let past = [0.0, 1.0, 0.0, 1.0];
        let score = |level| interval_score(&past, &[4.0], (&[1.0], &[3.0]), level, 1);

        assert!((score(0.8).unwrap_or(0.0) - 12.0).abs() < 1e-9);
        assert!(score(0.95) > score(0.8));
    }
}
