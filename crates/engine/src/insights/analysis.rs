//! What the days of a course have in them: level, season, changes, oddities, and what comes next.

use chrono::{Datelike, NaiveDate};
use outlay_analytics::anomalies::{self, Anomaly};
use outlay_analytics::change_points::{self, ChangePoint};
use outlay_analytics::decompose::{self, Decomposition};
use outlay_analytics::forecast::{self, Forecast};
use outlay_analytics::season::{self, Season};
use outlay_analytics::trend::{self, Direction, Trend};
use outlay_analytics::{distributions, robust};

use super::Course;

/// Days before those that are told of from which is learned what is usual, where there are as many.
pub const DAYS_BEFORE: u32 = 180;
/// Below this many days nothing is said.
pub const DAYS_MIN: usize = 7;
/// From this many days on, days are taken apart into level, season and rest.
pub const PARTS_DAYS_MIN: usize = 14;
/// From this many days on, months are compared.
const MONTHLY_DAYS_MIN: usize = 60;
/// Days in a week.
const WEEK: usize = 7;
/// Chance of finding a monthly pattern where there is none.
const MONTHLY_ALPHA: f64 = 0.01;
/// Days ahead, at most.
pub const HORIZON_MAX: usize = 365;

/// The days of a course, analysed from all sides. Values are in units.
#[derive(Debug, Clone)]
pub struct Analysis {
    /// The date of the first day.
    pub first: NaiveDate,
    /// The days that are over.
    pub values: Vec<f64>,
    /// Level, season and rest, where there are days enough.
    pub parts: Option<Parts>,
    /// The weekly pattern, where it stands out of the noise.
    pub weekly: Option<Season>,
    /// Whether days of the month differ, where there are days enough to tell.
    pub monthly: Option<bool>,
    /// Where spend goes.
    pub trend: Option<Trend>,
    /// When the level changed and stayed changed.
    pub changes: Vec<ChangePoint>,
    /// What was usual for each day.
    pub usual: Vec<Usual>,
    /// Days that were not as expected.
    pub anomalies: Vec<Anomaly>,
    /// What comes after those days: the day that runs first, where one does.
    pub forecast: Option<Forecast>,
    /// How many days of the forecast run already: one or none.
    pub running: usize,
    /// The size of the noise, in shares of the level.
    pub volatility: f64,
}

/// What was usual for a day, in units.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Usual {
    /// What was expected.
    pub expected: f64,
    /// The lower edge of the range around it.
    pub low: f64,
    /// The upper edge.
    pub high: f64,
}

/// Level, season and rest, which add up to the values.
#[derive(Debug, Clone, PartialEq)]
pub struct Parts {
    /// The slowly moving level.
    pub level: Vec<f64>,
    /// What the season adds to it.
    pub season: Vec<f64>,
    /// What neither explains.
    pub rest: Vec<f64>,
    /// Share of the variance that each explains; the three add up to one.
    pub shares: [f64; 3],
}

impl Analysis {
    /// Looks at the days of `course` that are over, and at `horizon` days to come. `None` where
    /// there are fewer than [`DAYS_MIN`] days, the one that runs included.
    ///
    /// What is usual is learned from the days before as well, where the course knows any.
    pub fn of(course: &Course, horizon: usize) -> Option<Self> {
        if course.len() < DAYS_MIN {
            return None;
        }
        let values = course.known_values();
        let seasons = season::detect_seasons(&values, &season::Options::daily());
        let lengths: Vec<usize> = seasons.iter().map(|season| season.length).collect();
        let decomposition = decompose::decompose(&values, &decompose::Options::new(&lengths));
        let steps =
            change_points::Options { bends: false, ..change_points::Options::new(&lengths) };
        let segmentation = change_points::segment(&values, &steps);
        let odd = anomalies::Options {
            levels: Some(segmentation.clone()),
            ..anomalies::Options::new(&lengths)
        };
        let mut report = anomalies::detect(&values, &odd);
        let running = course.len() - course.whole_days();
        let ahead = forecast::Options::ahead(running + horizon.clamp(1, HORIZON_MAX));
        let ahead = ahead.with_seasons(&[WEEK]).settled();
        let monthly = (values.len() >= MONTHLY_DAYS_MIN).then(|| {
            let dates = course.date(0) - chrono::Days::new(course.days_before() as u64);
            differ_by_day_of_month(&decomposition.remainder, dates.iter_days().take(values.len()))
        });
        let forecast = forecast::forecast(&values, &ahead).ok();
        // From here on it is about the days that are told of.
        let before = course.days_before();
        let parts = values.len() >= PARTS_DAYS_MIN;
        let decomposition = since(decomposition, before);
        let values = values[before..].to_vec();
        report.anomalies.retain(|odd| odd.index >= before);
        report.anomalies.iter_mut().for_each(|odd| odd.index -= before);
        Some(Self {
            first: course.date(0),
            weekly: seasons.iter().find(|season| season.length == WEEK).copied(),
            monthly,
            trend: trend::trend(&values, &trend::Options::new(&lengths)),
            changes: segmentation
                .changes
                .iter()
                .filter_map(|at| since_change(at, before))
                .collect(),
            usual: Usual::each(&report).skip(before).collect(),
            anomalies: report.anomalies,
            forecast,
            volatility: decomposition.volatility(),
            running,
            parts: parts.then(|| Parts::of(&values, &decomposition)),
            values,
        })
    }

    /// The date of the day at `place`, which may lie ahead.
    pub fn date(&self, place: usize) -> NaiveDate {
        self.first + chrono::Days::new(place as u64)
    }

    /// The date of the day to come at `place`, the first of which follows the one that runs.
    pub fn coming(&self, place: usize) -> NaiveDate {
        self.date(self.values.len() + self.running + place)
    }

    /// What of a forecast is about the days to come, at most `count` of them.
    pub fn to_come<'a>(&self, forecast: &'a [f64], count: usize) -> &'a [f64] {
        let first = self.running.min(forecast.len());
        &forecast[first..(first + count).min(forecast.len())]
    }

    /// The mean of a day.
    pub fn mean(&self) -> f64 {
        zero_unless_finite(robust::mean(&self.values))
    }

    /// Where spend goes: up, down, or neither can be told from noise.
    pub fn direction(&self) -> Direction {
        self.trend.as_ref().map_or(Direction::Steady, |trend| trend.direction)
    }

    /// How much the trend's line rises from the first day to the last, in shares of its start.
    /// Nothing where there is no trend.
    pub fn growth(&self) -> f64 {
        let Some(trend) = self.trend.as_ref().filter(|t| t.direction != Direction::Steady) else {
            return 0.0;
        };
        let steps = self.values.len().saturating_sub(1) as f64;
        let start = trend.intercept.max(self.mean() * 0.1);
        if start > 0.0 { trend.slope * steps / start } else { 0.0 }
    }

    /// The last whole week over the one before, less one: weekends stand against weekends.
    pub fn weekly_growth(&self) -> Option<f64> {
        let count = self.values.len();
        let before = self.values.get(count.checked_sub(2 * WEEK)?..count - WEEK)?;
        let (before, last) = (sum(before), sum(&self.values[count - WEEK..]));
        (before > 0.0).then(|| last / before - 1.0)
    }

    /// The mean of each weekday from Monday on, where it was seen.
    pub fn weekdays(&self) -> [Option<f64>; WEEK] {
        let mut days: [Vec<f64>; WEEK] = Default::default();
        for (place, value) in self.values.iter().enumerate() {
            days[self.date(place).weekday().num_days_from_monday() as usize].push(*value);
        }
        days.map(|values| (!values.is_empty()).then(|| robust::mean(&values)))
    }

    /// The standard deviation of what level and season leave, in units.
    pub fn noise(&self) -> f64 {
        self.volatility * self.level()
    }

    /// The median level, in units.
    pub fn level(&self) -> f64 {
        let level = match &self.parts {
            Some(parts) => robust::median(&parts.level),
            None => robust::median(&self.values),
        };
        zero_unless_finite(level)
    }

    /// How narrow the forecast is: one less the half width of its 80 % range over what is expected,
    /// on average over the days ahead; from 0 to 1.
    pub fn confidence(&self) -> f64 {
        let Some(forecast) = &self.forecast else { return 0.0 };
        let Some(interval) = forecast.intervals.first() else { return 0.0 };
        let half = (sum(&interval.high) - sum(&interval.low)) / 2.0;
        let expected = sum(&forecast.expected);
        if expected > 0.0 { (1.0 - half / expected).clamp(0.0, 1.0) } else { 0.0 }
    }
}

impl Usual {
    fn each(report: &anomalies::Report) -> impl Iterator<Item = Self> {
        let edges = report.lo.iter().zip(&report.hi);
        report.expected.iter().zip(edges).map(|(expected, (low, high))| Self {
            expected: zero_unless_finite(*expected),
            low: zero_unless_finite(low.max(0.0)),
            high: zero_unless_finite(*high),
        })
    }
}

impl Parts {
    fn of(values: &[f64], decomposition: &Decomposition) -> Self {
        let level = decomposition.level();
        let expected = decomposition.expected();
        let season: Vec<f64> = expected.iter().zip(&level).map(|(e, l)| e - l).collect();
        let rest: Vec<f64> = values.iter().zip(&expected).map(|(y, e)| y - e).collect();
        // By its covariance with the whole, each part has a share, and the shares add up.
        let whole = robust::variance(values);
        let share = |part: &[f64]| if whole > 0.0 { covariance(part, values) / whole } else { 0.0 };
        let shares = [share(&level), share(&season), share(&rest)];
        Self { level, season, rest, shares }
    }

    /// How much of the variance level and season explain together, up to one.
    pub fn quality(&self, values: &[f64]) -> f64 {
        let whole = robust::variance(values);
        if whole > 0.0 { 1.0 - robust::variance(&self.rest) / whole } else { 1.0 }
    }
}

/// The parts from the point `first` on.
fn since(mut parts: Decomposition, first: usize) -> Decomposition {
    let all = [&mut parts.trend, &mut parts.remainder, &mut parts.weights];
    for series in all.into_iter().chain(&mut parts.seasonal) {
        series.drain(..first.min(series.len()));
    }
    parts
}

/// A change as places count from the point `first` on; `None` where it was before.
fn since_change(change: &ChangePoint, first: usize) -> Option<ChangePoint> {
    let index = change.index.checked_sub(first)?;
    Some(ChangePoint {
        index,
        lo: change.lo.saturating_sub(first),
        hi: change.hi - first,
        ..*change
    })
}

fn covariance(one: &[f64], two: &[f64]) -> f64 {
    let (mean_one, mean_two) = (robust::mean(one), robust::mean(two));
    let products = one.iter().zip(two).map(|(a, b)| (a - mean_one) * (b - mean_two));
    products.sum::<f64>() / (one.len().max(2) - 1) as f64
}

fn sum(values: &[f64]) -> f64 {
    values.iter().sum()
}

fn zero_unless_finite(value: f64) -> f64 {
    if value.is_finite() { value } else { 0.0 }
}

/// Whether `values` differ by the day of the month: the test of Kruskal and Wallis (1952), with its
/// correction for ties, over the days that were seen at least twice.
fn differ_by_day_of_month(values: &[f64], dates: impl Iterator<Item = NaiveDate>) -> bool {
    let mut order: Vec<(f64, usize)> =
        values.iter().copied().zip(dates.map(|date| date.day0() as usize)).collect();
    let mut seen = [0_usize; 31];
    order.iter().for_each(|(_, day)| seen[*day] += 1);
    order.retain(|(value, day)| value.is_finite() && seen[*day] >= 2);
    order.sort_by(|(one, _), (two, _)| one.total_cmp(two));
    let count = order.len() as f64;
    let (mut rank_sums, mut ties, mut place) = ([0.0; 31], 0.0, 0.0);
    for equal in order.chunk_by(|(one, _), (two, _)| one.total_cmp(two).is_eq()) {
        let size = equal.len() as f64;
        let rank = place + f64::midpoint(1.0, size);
        equal.iter().for_each(|(_, day)| rank_sums[*day] += rank);
        ties += size.powi(3) - size;
        place += size;
    }
    let groups = seen.iter().filter(|count| **count >= 2).count();
    let correction = 1.0 - ties / (count.powi(3) - count);
    if groups < 2 || correction <= 0.0 {
        return false;
    }
    let spread: f64 = rank_sums
        .iter()
        .zip(seen)
        .filter(|(_, seen)| *seen >= 2)
        .map(|(sum, seen)| sum * sum / seen as f64)
        .sum();
    let statistic = (12.0 / (count * (count + 1.0)) * spread - 3.0 * (count + 1.0)) / correction;
    distributions::chi_squared_upper(statistic, (groups - 1) as f64) < MONTHLY_ALPHA
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use chrono_tz::Tz;
    use outlay_domain::usage::question::day_start;

    use super::*;
    use crate::insights::{SpendRow, SpendTable};

    fn course(values: &[f64]) -> Course {
        let first = NaiveDate::from_ymd_opt(2026, 1, 5).unwrap();
        let row = |(place, value): (usize, &f64)| SpendRow {
            starts_at: Some(day_start(first + chrono::Days::new(place as u64), Tz::UTC)),
            nanos: (value * 1e9) as i128,
            events: 1,
            ..SpendRow::default()
        };
        let rows = values.iter().enumerate().map(row).collect();
        let table = SpendTable { tz: Tz::UTC, rows, total: SpendRow::default() };
        let last = first + chrono::Days::new(values.len() as u64 - 1);
        Course::of(&table, last, last + chrono::Days::new(1))
    }

    /// Weekdays at `level`, weekends at half of it, and a little noise.
    fn weeks(days: usize, level: impl Fn(usize) -> f64) -> Vec<f64> {
        let noise = |day: usize| 1.0 + 0.03 * ((day * 7_919 % 101) as f64 / 50.0 - 1.0);
        let week = |day: usize| if day % 7 >= 5 { 0.5 } else { 1.0 };
        (0..days).map(|day| level(day) * week(day) * noise(day)).collect()
    }

    #[test]
    fn a_weekly_pattern_is_no_volatility_and_the_parts_add_up() {
        let analysis = Analysis::of(&course(&weeks(91, |_| 100.0)), 14).unwrap();

        assert!(analysis.weekly.is_some());
        assert!(analysis.volatility < 0.05, "{}", analysis.volatility);
        assert!(analysis.changes.is_empty() && analysis.anomalies.is_empty());
        assert_eq!(analysis.direction(), Direction::Steady);
        let parts = analysis.parts.as_ref().unwrap();
        for (place, value) in analysis.values.iter().enumerate() {
            let together = parts.level[place] + parts.season[place] + parts.rest[place];
            assert!((together - value).abs() < 1e-9);
        }
        assert!((parts.shares.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        let expected = &analysis.forecast.as_ref().unwrap().expected;
        assert!(expected[5] < 0.7 * expected[0], "weekends stay weekends: {expected:?}");
        assert!(analysis.confidence() > 0.8);
    }

    #[test]
    fn a_step_is_a_change_and_a_spike_an_anomaly() {
        let mut values = weeks(98, |day| if day < 50 { 100.0 } else { 180.0 });
        values[23] *= 3.0;

        let analysis = Analysis::of(&course(&values), 7).unwrap();

        let places: Vec<_> = analysis.changes.iter().map(|change| change.index).collect();
        assert!(matches!(places[..], [48..=52]), "{places:?}");
        let odd: Vec<_> = analysis.anomalies.iter().map(|anomaly| anomaly.index).collect();
        assert_eq!(odd, [23]);
    }

    #[test]
    fn few_days_say_little_and_fewer_nothing() {
        assert!(Analysis::of(&course(&[1.0; 6]), 7).is_none());
        let analysis = Analysis::of(&course(&[1.0; 8]), 7).unwrap();
        assert!(analysis.parts.is_none() && analysis.monthly.is_none());
        assert_eq!(analysis.weekly_growth(), None);
        let nothing = Analysis::of(&course(&[0.0; 40]), 7).unwrap();
        assert!(nothing.confidence().abs() < 1e-9 && nothing.growth().abs() < 1e-9);
    }

    #[test]
    fn a_first_of_the_month_is_found_and_noise_is_not() {
        let dates = |count: u64| {
            let first = NaiveDate::from_ymd_opt(2026, 1, 1).unwrap();
            (0..count).map(move |place| first + chrono::Days::new(place))
        };
        let noise = |place: usize| (place * 7_919 % 101) as f64 / 101.0;
        let plain: Vec<f64> = (0..180).map(noise).collect();
        let monthly: Vec<f64> =
            dates(180).map(|date| f64::from(date.day())).zip(&plain).map(|(a, b)| a + b).collect();

        assert!(!differ_by_day_of_month(&plain, dates(180)));
        assert!(differ_by_day_of_month(&monthly, dates(180)));
        assert!(!differ_by_day_of_month(&[1.0; 180], dates(180)));
    }
}
