//! What will be spent by the end of a window.

use outlay_analytics::decompose;
use outlay_analytics::forecast::{self, Footing, Forecast};
use outlay_analytics::remainder::{self, Rest, Running, rest_of_day};
use outlay_analytics::season;

/// The share of cases in which the outcome lies between `low` and `high`.
pub const LEVEL: f64 = 0.8;
/// Whole days below which nothing but the rate so far is told.
const DAYS_MIN: usize = 3;
/// Days after today up to which the past was asked often enough for its answers to be enough.
const MEASURED_DAYS: usize = 7;

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

/// What is known when a window's end is asked for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Known<'a> {
    /// The spend of whole days, the last one yesterday.
    pub history: &'a [f64],
    /// What of the last of those days came after the time of day that it is now; as many as there
    /// are, the last one yesterday's.
    pub rests: &'a [f64],
    /// What was spent today so far.
    pub today: f64,
    /// How much of today is over, from 0 to 1.
    pub today_part: f64,
    /// What was spent in the window so far.
    pub spent: f64,
    /// How many days of the window follow today.
    pub days_after: usize,
}

impl Known<'_> {
    /// The days of which is known how they went.
    fn running(&self) -> Running<'_> {
        let count = self.history.len().min(self.rests.len());
        Running {
            days: &self.history[self.history.len() - count..],
            rests: &self.rests[self.rests.len() - count..],
            today: self.today,
            days_after: self.days_after,
        }
    }

    /// How the rest of today follows from today.
    fn rest(&self) -> Rest {
        let running = self.running();
        match running.days.len() {
            // Nothing tells more than the clock.
            0..DAYS_MIN => Rest { share: (1.0 - self.today_part).clamp(0.0, 1.0), goes_on: 0.0 },
            _ => rest_of_day(&running),
        }
    }
}

impl Outlook {
    /// Looks ahead from what is known.
    pub fn ahead(known: &Known<'_>) -> Self {
        let Known { history, today, spent, days_after, .. } = *known;
        let forecast = forecast_days(history, days_after + 1);
        let (mut days, widths) = match &forecast {
            Some(forecast) => (forecast.expected.clone(), half_widths(forecast)),
            None => {
                // Days that are over tell the rate; without any, what came today does.
                let days = history.len() as f64 + known.today_part;
                let all = history.iter().sum::<f64>() + today;
                let rate = if days > 0.0 { all / days } else { 0.0 };
                (vec![rate; days_after + 1], None)
            }
        };
        // What today still brings: as much as days bring from this time on, and a day that already
        // went beyond what was expected goes on.
        let rest = known.rest();
        days[0] = rest.of(days[0], today);
        let ahead: f64 = days.iter().sum();
        let derived = widths.map(|(mut below, mut above)| {
            // Many small amounts: half of them are uncertain by the root of a half.
            below[0] *= rest.share.sqrt();
            above[0] *= rest.share.sqrt();
            let follows = autocorrelation(history);
            let low = (ahead - combined(&below, follows)).max(0.0);
            (low, ahead + combined(&above, follows))
        });
        // What is expected was said by a better rule than the one that was tried, and lies within.
        let measured = remainder::range(&known.running(), LEVEL)
            .map(|(low, high)| (low.min(ahead), high.max(ahead)));
        let range = match (measured, derived) {
            // There are too few months to measure: the wider of the two is the honest one.
            (Some(one), Some(other)) if days_after > MEASURED_DAYS => {
                Some((one.0.min(other.0), one.1.max(other.1)))
            }
            (measured, derived) => measured.or(derived),
        };
        let range = range.map(|(low, high)| (spent + low, spent + high));
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
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::import::leadfactory::fixtures::spend_by_hour;

    #[test]
    fn a_steady_spend_goes_on() {
        let outlook = Outlook::ahead(&Known {
            history: &[10.0; 60],
            rests: &[5.0; 60],
            today: 5.0,
            today_part: 0.5,
            spent: 105.0,
            days_after: 19,
        });

        assert!((outlook.expected - 300.0).abs() < 1.0, "{outlook:?}");
        assert_eq!(outlook.days.len(), 20);
        let (low, high) = outlook.range.unwrap_or_default();
        assert!(low <= outlook.expected && outlook.expected <= high, "{outlook:?}");
    }

    #[test]
    fn weekends_are_told_from_weekdays() {
        let week = [100.0, 104.0, 98.0, 101.0, 99.0, 10.0, 12.0];
        let history: Vec<f64> = (0..70).map(|day| week[day % 7]).collect();
        let known = Known { history: &history, rests: &history, ..Known::default() };

        // From Monday morning to the end of Friday, and to the end of Sunday.
        let workdays = Outlook::ahead(&Known { days_after: 4, ..known }).expected;
        let whole = Outlook::ahead(&Known { days_after: 6, ..known }).expected;

        assert!((workdays - 502.0).abs() < 15.0, "{workdays}");
        assert!((whole - 524.0).abs() < 20.0, "{whole}");
    }

    #[test]
    fn what_is_left_of_a_day_goes_by_its_hours_and_not_by_the_clock() {
        // At noon nine tenths of each day are spent.
        let (history, rests) = ([100.0; 60], [10.0; 60]);
        let known = Known {
            history: &history,
            rests: &rests,
            today: 90.0,
            today_part: 0.5,
            spent: 90.0,
            days_after: 0,
        };

        let outlook = Outlook::ahead(&known);

        assert!((outlook.expected - 100.0).abs() < 0.5, "{outlook:?}");
    }

    #[test]
    fn a_new_deployment_goes_by_its_rate_and_promises_no_range() {
        let first =
            Known { today: 6.0, today_part: 0.25, spent: 6.0, days_after: 1, ..Known::default() };
        let first_day = Outlook::ahead(&first);
        assert!((first_day.expected - (6.0 + 24.0 * 0.75 + 24.0)).abs() < 1e-9, "{first_day:?}");
        assert_eq!(first_day.range, None);

        let nothing = Outlook::ahead(&Known { days_after: 5, ..Known::default() });
        assert!(nothing.expected.abs() < f64::EPSILON);
    }

    #[test]
    fn ranges_of_days_that_follow_one_another_add_up_to_more() {
        assert!((combined(&[3.0, 4.0], 0.0) - 5.0).abs() < 1e-12);
        assert!(combined(&[3.0, 4.0], 0.5) > 5.0);
        assert!((combined(&[3.0, 4.0], 1.0) - 7.0).abs() < 1e-12);
    }

    #[test]
    fn leadfactorys_days_and_weeks_end_within_their_ranges_as_often_as_said() {
        let days = spend_by_hour();
        let whole: Vec<f64> = days.iter().map(|hours| hours.iter().sum()).collect();
        for days_after in [0, 6] {
            let (mut held, mut asked) = (0_u32, 0_u32);
            let noon = 12;
            let rests: Vec<f64> = days.iter().map(|hours| hours[noon..].iter().sum()).collect();
            // From the first day on of which there are cases enough to be asked.
            for day in 32..whole.len() - days_after {
                let today = whole[day] - rests[day];
                let outlook = Outlook::ahead(&Known {
                    history: &whole[..day],
                    rests: &rests[..day],
                    today,
                    today_part: 0.5,
                    spent: today,
                    days_after,
                });
                let (low, high) = outlook.range.unwrap();
                let came: f64 = whole[day..=day + days_after].iter().sum();
                asked += 1;
                held += u32::from((low..=high).contains(&came));
            }
            let share = f64::from(held) / f64::from(asked);
            println!("{held} of {asked}, {days_after} days after");
            assert!((share - LEVEL).abs() <= 0.05, "{held} of {asked}, {days_after} days after");
        }
    }
}
