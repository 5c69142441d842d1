//! What will be spent by the end of a window.

use outlay_analytics::decompose;
use outlay_analytics::forecast::{self, Footing, Forecast};
use outlay_analytics::season;

/// The share of cases in which the outcome lies between `low` and `high`.
pub const LEVEL: f64 = 0.8;
/// Whole days below which nothing but the rate so far is told.
const DAYS_MIN: usize = 3;

/// What will be spent by the end of a window, in units of the currency.
#[derive(Debug, Clone, PartialEq)]
pub struct Outlook {
    /// What is expected.
    pub expected: f64,
    /// The lower and the upper end of where it will be in four of five cases; `None` where there
    /// are too few days to say.
    pub range: Option<(f64, f64)>,
    /// What is expected on each day from today on, today's rest first.
    pub days: Vec<f64>,
}

impl Outlook {
    /// Looks ahead from what was spent.
    ///
    /// `history` is the spend of whole days, the last one yesterday; `today` what was spent today so
    /// far, `spent` what was spent in the window so far, and `days_after` how many days of the
    /// window follow today. `today_part` is how much of today is over, from 0 to 1.
    pub fn ahead(
        history: &[f64],
        today: f64,
        today_part: f64,
        spent: f64,
        days_after: usize,
    ) -> Self {
        let forecast = forecast_days(history, days_after + 1);
        let (expected, widths) = match &forecast {
            Some(forecast) => (forecast.expected.clone(), half_widths(forecast)),
            None => {
                // Days that are over tell the rate; without any, what came today does.
                let days = history.len() as f64 + today_part;
                let all = history.iter().sum::<f64>() + today;
                let rate = if days > 0.0 { all / days } else { 0.0 };
                (vec![rate; days_after + 1], None)
            }
        };
        // What today still brings: the part of its expectation for the hours that are left, because
        // a day that already went beyond it goes on.
        let mut days = expected;
        days[0] *= (1.0 - today_part).clamp(0.0, 1.0);
        let ahead: f64 = days.iter().sum();
        let range = widths.map(|(mut below, mut above)| {
            below[0] *= 1.0 - today_part;
            above[0] *= 1.0 - today_part;
            let follows = autocorrelation(history);
            let low = spent + (ahead - combined(&below, follows)).max(0.0);
            (low, spent + ahead + combined(&above, follows))
        });
        Self { expected: spent + ahead, range, days }
    }
}

/// Where all days of `forecast` together lie in four of five cases; `None` where there are too few
/// days to say. `history` is what it was made from.
pub fn range_of_sum(history: &[f64], forecast: &Forecast) -> Option<(f64, f64)> {
    let (below, above) = half_widths(forecast)?;
    let follows = autocorrelation(history);
    let sum: f64 = forecast.expected.iter().sum();
    let low = (sum - combined(&below, follows)).max(0.0);
    Some((low, sum + combined(&above, follows)))
}

fn forecast_days(history: &[f64], horizon: usize) -> Option<Forecast> {
    if history.len() < DAYS_MIN {
        return None;
    }
    let seasons = season::season_lengths(history, &season::Options::daily());
    let mut options = forecast::Options::ahead(horizon).with_seasons(&seasons).settled();
    options.levels = vec![LEVEL];
    forecast::forecast(history, &options).ok()
}

/// How far the interval of each day reaches below and above its expectation.
fn half_widths(forecast: &Forecast) -> Option<(Vec<f64>, Vec<f64>)> {
    if matches!(forecast.footing, Footing::TooShort { .. }) {
        return None;
    }
    let interval = forecast.intervals.iter().find(|one| (one.level - LEVEL).abs() < 1e-9)?;
    let below = forecast.expected.iter().zip(&interval.low).map(|(mid, low)| (mid - low).max(0.0));
    let above =
        forecast.expected.iter().zip(&interval.high).map(|(mid, high)| (high - mid).max(0.0));
    Some((below.collect(), above.collect()))
}

/// The half width of a sum of days whose errors follow one another with the correlation `follows`
/// from a day to the next, `follows²` to the one after it, and so on:
/// `√(Σᵢ Σⱼ wᵢ wⱼ ρ^|i−j|)`, the standard deviation of a sum of an AR(1) process.
fn combined(widths: &[f64], follows: f64) -> f64 {
    let mut carried = 0.0;
    let mut variance = 0.0;
    for width in widths {
        carried *= follows;
        variance += width * width + 2.0 * width * carried;
        carried += width;
    }
    variance.max(0.0).sqrt()
}

/// How much of a day's surprise is still there on the next day: the first autocorrelation of what
/// trend and season leave, from 0 to 0.95.
fn autocorrelation(history: &[f64]) -> f64 {
    let seasons = season::season_lengths(history, &season::Options::daily());
    let parts = decompose::decompose(history, &decompose::Options::new(&seasons));
    let rest = &parts.remainder;
    let mean = rest.iter().sum::<f64>() / rest.len().max(1) as f64;
    let square: f64 = rest.iter().map(|value| (value - mean).powi(2)).sum();
    let product: f64 = rest.windows(2).map(|pair| (pair[0] - mean) * (pair[1] - mean)).sum();
    if square > 0.0 { (product / square).clamp(0.0, 0.95) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_spend_goes_on() {
        let outlook = Outlook::ahead(&[10.0; 60], 5.0, 0.5, 105.0, 19);

        assert!((outlook.expected - 300.0).abs() < 1.0, "{outlook:?}");
        assert_eq!(outlook.days.len(), 20);
        let (low, high) = outlook.range.unwrap_or_default();
        assert!(low <= outlook.expected && outlook.expected <= high, "{outlook:?}");
    }

    #[test]
    fn weekends_are_told_from_weekdays() {
        let week = [100.0, 104.0, 98.0, 101.0, 99.0, 10.0, 12.0];
        let history: Vec<f64> = (0..70).map(|day| week[day % 7]).collect();

        // From Monday morning to the end of Friday, and to the end of Sunday.
        let workdays = Outlook::ahead(&history, 0.0, 0.0, 0.0, 4).expected;
        let whole = Outlook::ahead(&history, 0.0, 0.0, 0.0, 6).expected;

        assert!((workdays - 502.0).abs() < 15.0, "{workdays}");
        assert!((whole - 524.0).abs() < 20.0, "{whole}");
    }

    #[test]
    fn a_new_deployment_goes_by_its_rate_and_promises_no_range() {
        let first_day = Outlook::ahead(&[], 6.0, 0.25, 6.0, 1);
        assert!((first_day.expected - (6.0 + 24.0 * 0.75 + 24.0)).abs() < 1e-9, "{first_day:?}");
        assert_eq!(first_day.range, None);

        let nothing = Outlook::ahead(&[], 0.0, 0.0, 0.0, 5);
        assert!(nothing.expected.abs() < f64::EPSILON);
    }

    #[test]
    fn ranges_of_days_that_follow_one_another_add_up_to_more() {
        assert!((combined(&[3.0, 4.0], 0.0) - 5.0).abs() < 1e-12);
        assert!(combined(&[3.0, 4.0], 0.5) > 5.0);
        assert!((combined(&[3.0, 4.0], 1.0) - 7.0).abs() < 1e-12);
    }
}
