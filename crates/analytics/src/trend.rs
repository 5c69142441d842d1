//! Whether a series rises or falls, and how fast.
//!
//! Mann–Kendall says whether, from ranks alone; Theil–Sen says how fast, by the median of all
//! pairwise slopes. Noise that follows itself makes plain Mann–Kendall see trends where there are
//! none; the correction of Hamed & Rao takes that into account.

use crate::decompose::{Options as Parts, decompose, seasons_with_two_cycles};
use crate::{distributions, robust, spectrum};

/// What [`trend`] is told.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Lengths of the seasons to take out first.
    pub seasons: Vec<usize>,
    /// Chance of calling a direction where there is none.
    pub alpha: f64,
    /// Coverage of the range of the slope.
    pub level: f64,
}

impl Options {
    /// Errs once in twenty series; gives a 95 % range.
    pub fn new(seasons: &[usize]) -> Self {
        Self { seasons: seasons.to_vec(), alpha: 0.05, level: 0.95 }
    }
}

/// Where a series goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Significantly up.
    Rising,
    /// Significantly down.
    Falling,
    /// Neither can be told from noise.
    Steady,
}

/// The trend of a series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trend {
    /// Where it goes, at the asked significance.
    pub direction: Direction,
    /// Two-sided chance of such an order without a trend.
    pub p_value: f64,
    /// Kendall's rank correlation with time, from -1 to 1.
    pub tau: f64,
    /// Units per point (Theil–Sen).
    pub slope: f64,
    /// Lower end of the range of the slope.
    pub slope_lo: f64,
    /// Upper end of the range of the slope.
    pub slope_hi: f64,
    /// Value of the line at the first point.
    pub intercept: f64,
}

/// Mann–Kendall and Theil–Sen on the deseasonalised `values`. `None` below four finite values.
///
/// The variance is corrected by Hamed & Rao's factor or by that of first-order autocorrelation,
/// `(1 + φ)/(1 - φ)` with `φ` freed of its bias, whichever is larger: the former alone still calls
/// a trend in one of five short series whose noise follows itself.
pub fn trend(values: &[f64], options: &Options) -> Option<Trend> {
    let deseasonalised = without_seasons(values, &options.seasons);
    let test = mann_kendall(&deseasonalised, None)?;
    let correction = test.correction.max(first_order_factor(&deseasonalised));
    let line = theil_sen(&deseasonalised, options.level, correction)?;
    let z = test.z * (test.correction / correction).sqrt();
    let p_value = distributions::normal_two_sided(z);
    let direction = match p_value <= options.alpha {
        true if test.s > 0.0 => Direction::Rising,
        true if test.s < 0.0 => Direction::Falling,
        _ => Direction::Steady,
    };
    Some(Trend {
        direction,
        p_value,
        tau: test.tau,
        slope: line.slope,
        slope_lo: line.lo,
        slope_hi: line.hi,
        intercept: line.intercept,
    })
}

fn without_seasons(values: &[f64], seasons: &[usize]) -> Vec<f64> {
    if seasons_with_two_cycles(seasons, values.len()).is_empty() {
        return values.to_vec();
    }
    let parts = decompose(values, &Parts::new(seasons));
    let mut rest = parts.deseasonalised();
    for (slot, value) in rest.iter_mut().zip(values) {
        if !value.is_finite() {
            *slot = f64::NAN;
        }
    }
    rest
}

/// The Mann–Kendall test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MannKendall {
    /// Pairs in rising order less pairs in falling order.
    pub s: f64,
    /// Variance of `s` without a trend, ties and autocorrelation taken into account.
    pub variance: f64,
    /// The factor by which autocorrelation raised the variance; 1 for independent noise.
    pub correction: f64,
    /// `(s ∓ 1) / √variance`.
    pub z: f64,
    /// Two-sided, by the normal distribution.
    pub p_value: f64,
    /// Kendall's rank correlation with time, `2 s / (n (n - 1))`.
    pub tau: f64,
}

/// Mann (1945) and Kendall's test with the variance correction of Hamed & Rao (1998), *A modified
/// Mann-Kendall trend test for autocorrelated data*: `Var(S) · (1 + 2/(n(n-1)(n-2)) Σ (n-i)(n-i-1)
/// (n-i-2) ρᵢ)` over the significant (5 %) autocorrelations `ρᵢ` of the ranks of the detrended
/// series, up to `lags_max` (all of them by default). Values that are not finite are left out.
/// `None` below four values.
pub fn mann_kendall(values: &[f64], lags_max: Option<usize>) -> Option<MannKendall> {
    let kept = robust::finite(values);
    let count = kept.len();
    if count < 4 {
        return None;
    }
    let (s, ties) = concordance(&kept);
    let n = count as f64;
    let plain = (n * (n - 1.0) * (2.0 * n + 5.0) - ties) / 18.0;
    let correction = autocorrelation_factor(&kept, lags_max.unwrap_or(count - 1).min(count - 1));
    let variance = plain * correction;
    let z =
        if variance > 0.0 { (s - s.signum() * s.abs().min(1.0)) / variance.sqrt() } else { 0.0 };
    let tau = s / (0.5 * n * (n - 1.0));
    let p_value = distributions::normal_two_sided(z);
    Some(MannKendall { s, variance, correction, z, p_value, tau })
}

/// Kendall's S, and `Σ t (t-1) (2t+5)` over groups of `t` equal values.
fn concordance(values: &[f64]) -> (f64, f64) {
    let mut sorted = values.to_vec();
    // Walking in time order: falling pairs are the exchanges that a merge sort makes.
    let falling = exchanges(&mut sorted, &mut Vec::with_capacity(values.len()));
    let (mut tied_pairs, mut ties) = (0.0, 0.0);
    for group in sorted.chunk_by(|a, b| same(*a, *b)) {
        let t = group.len() as f64;
        tied_pairs += 0.5 * t * (t - 1.0);
        ties += t * (t - 1.0) * (2.0 * t + 5.0);
    }
    let n = values.len() as f64;
    let rising = 0.5 * n * (n - 1.0) - tied_pairs - falling as f64;
    (rising - falling as f64, if tied_pairs > 0.0 { ties } else { 0.0 })
}

/// Zero and minus zero are a tie too.
fn same(a: f64, b: f64) -> bool {
    a.partial_cmp(&b).is_some_and(std::cmp::Ordering::is_eq)
}

/// Sorts, and counts the pairs that stood in falling order.
fn exchanges(values: &mut [f64], room: &mut Vec<f64>) -> u64 {
    if values.len() < 2 {
        return 0;
    }
    let middle = values.len() / 2;
    let mut count = exchanges(&mut values[..middle], room) + exchanges(&mut values[middle..], room);
    room.clear();
    let (mut left, mut right) = (0, middle);
    while left < middle && right < values.len() {
        if values[right] < values[left] {
            count += (middle - left) as u64;
            room.push(values[right]);
            right += 1;
        } else {
            room.push(values[left]);
            left += 1;
        }
    }
    room.extend_from_slice(&values[left..middle]);
    let merged = room.len();
    values[..merged].copy_from_slice(room);
    count
}

fn autocorrelation_factor(values: &[f64], lags_max: usize) -> f64 {
    let Some(line) = theil_sen(values, 0.95, 1.0) else { return 1.0 };
    // Counted from one as in the reference, so that rounding makes the same ties.
    let detrended: Vec<f64> =
        values.iter().enumerate().map(|(i, value)| value - line.slope * (i + 1) as f64).collect();
    let n = values.len() as f64;
    let significant = distributions::normal_quantile(0.975) / n.sqrt();
    let sum: f64 = spectrum::autocorrelations(&ranks(&detrended), lags_max + 1)
        .iter()
        .enumerate()
        .skip(1)
        .filter(|(_, rho)| rho.abs() > significant)
        .map(|(lag, rho)| {
            let left = n - lag as f64;
            left * (left - 1.0) * (left - 2.0) * rho
        })
        .sum();
    let factor = 1.0 + 2.0 / (n * (n - 1.0) * (n - 2.0)) * sum;
    // Sums of noisy autocorrelations can come out at or below zero, which no variance is.
    if factor > 0.05 { factor } else { 1.0 }
}

/// The factor by which first-order autocorrelation raises the variance of a mean, at least 1.
fn first_order_factor(values: &[f64]) -> f64 {
    let kept = robust::finite(values);
    let Some(line) = theil_sen(&kept, 0.95, 1.0) else { return 1.0 };
    let detrended: Vec<f64> =
        kept.iter().enumerate().map(|(i, value)| value - line.slope * i as f64).collect();
    let measured = spectrum::autocorrelations(&ranks(&detrended), 2).get(1).copied().unwrap_or(0.0);
    // The estimate comes out too low by about (2 + 4φ)/n after a line was taken out.
    let phi = (measured + (2.0 + 4.0 * measured) / kept.len() as f64).clamp(0.0, 0.95);
    (1.0 + phi) / (1.0 - phi)
}

/// Ranks from 1; equal values share the mean of theirs.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let mut ranks = vec![0.0; values.len()];
    let mut before = 0;
    for group in order.chunk_by(|a, b| same(values[*a], values[*b])) {
        let rank = before as f64 + (group.len() + 1) as f64 / 2.0;
        group.iter().for_each(|index| ranks[*index] = rank);
        before += group.len();
    }
    ranks
}

/// A line through a series by Theil and Sen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Line {
    /// Units per point.
    pub slope: f64,
    /// Lower end of the range of the slope.
    pub lo: f64,
    /// Upper end of the range of the slope.
    pub hi: f64,
    /// Value at the first point.
    pub intercept: f64,
}

/// Beyond this many points the slopes of an even part of the pairs stand for all.
const POINTS_OF_ALL_PAIRS: usize = 300;

/// The median slope of all pairs of points (Theil 1950), with the range of Sen (1968) at coverage
/// `level`, whose variance is multiplied by `correction` for noise that follows itself. Points
/// that are not finite are left out. `None` below two points.
pub fn theil_sen(values: &[f64], level: f64, correction: f64) -> Option<Line> {
    let points: Vec<(f64, f64)> = values
        .iter()
        .enumerate()
        .filter(|(_, y)| y.is_finite())
        .map(|(i, y)| (i as f64, *y))
        .collect();
    let mut slopes = pairwise_slopes(&points);
    if slopes.is_empty() {
        return None;
    }
    let slope = robust::median_in_place(&mut slopes);
    let (lo, hi) = slope_range(&mut slopes, &points, level, correction);
    let mut offsets: Vec<f64> = points.iter().map(|(x, y)| y - slope * x).collect();
    Some(Line { slope, lo, hi, intercept: robust::median_in_place(&mut offsets) })
}

fn pairwise_slopes(points: &[(f64, f64)]) -> Vec<f64> {
    let stride = points.len().div_ceil(POINTS_OF_ALL_PAIRS).pow(2).max(1);
    let mut slopes = Vec::with_capacity(points.len() * points.len() / 2 / stride + points.len());
    for (i, (x, y)) in points.iter().enumerate() {
        // Starting elsewhere each time covers all distances evenly.
        let later = points[i + 1..].iter().skip(if stride > 1 { i % stride } else { 0 });
        slopes
            .extend(later.step_by(stride).map(|(later_x, later_y)| (later_y - y) / (later_x - x)));
    }
    slopes.retain(|slope| slope.is_finite());
    slopes
}

fn slope_range(
    slopes: &mut [f64],
    points: &[(f64, f64)],
    level: f64,
    correction: f64,
) -> (f64, f64) {
    let n = points.len() as f64;
    let ys: Vec<f64> = points.iter().map(|(_, y)| *y).collect();
    let (_, ties) = concordance(&ys);
    let variance = (n * (n - 1.0) * (2.0 * n + 5.0) - ties) / 18.0 * correction;
    let z = distributions::normal_quantile(0.5 + level.clamp(0.0, 0.999_999) / 2.0);
    let share = z * variance.max(0.0).sqrt() / (0.5 * n * (n - 1.0));
    let count = slopes.len() as f64;
    let last = slopes.len() - 1;
    let low = ((count * (1.0 - share) / 2.0).round() - 1.0).max(0.0) as usize;
    let high = ((count * (1.0 + share) / 2.0).round().max(0.0) as usize).min(last);
    let mut at = |index: usize| *slopes.select_nth_unstable_by(index, f64::total_cmp).1;
    (at(low.min(last)), at(high))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::noise::Noise;

    fn golden(series: &str) -> Vec<f64> {
        include_str!("../tests/golden/trend.csv")
            .lines()
            .filter_map(|line| line.split_once(','))
            .filter(|(name, _)| *name == series)
            .map(|(_, y)| y.parse().unwrap())
            .collect()
    }

    fn near(ours: f64, theirs: f64) {
        assert!((ours - theirs).abs() <= 1e-9 * theirs.abs().max(1e-3), "{ours} is not {theirs}");
    }

    #[test]
    fn mann_kendall_is_that_of_pymannkendall() {
        let expected = [
            ("0", None, 499.0, 24531.0, 0.001474813490830451),
            ("1", None, 714.0, 38763.57761420509, 0.00029300261563713903),
            ("1", Some(3), 714.0, 36412.051329572925, 0.00018658687676298413),
            ("2", None, 60.0, 87861.59828073118, 0.8422271174580986),
            ("2", Some(3), 60.0, 99685.87173046911, 0.8517640388733494),
        ];
        for (series, lags, s, variance, p_value) in expected {
            let test = mann_kendall(&golden(series), lags).unwrap();

            near(test.s, s);
            near(test.variance, variance);
            near(test.p_value, p_value);
        }
    }

    #[test]
    fn theil_sen_is_that_of_scipy() {
        let expected = [
            ("0", 0.025962962962962965, -0.2620555555555556, 0.011428571428571429, 0.04),
            (
                "1",
                0.047058823529411764,
                -0.761764705882353,
                0.029166666666666664,
                0.06666666666666667,
            ),
            (
                "2",
                0.004653679653679655,
                0.36617965367965366,
                -0.024999999999999998,
                0.02857142857142857,
            ),
        ];
        for (series, slope, intercept, lo, hi) in expected {
            let line = theil_sen(&golden(series), 0.95, 1.0).unwrap();

            near(line.slope, slope);
            near(line.intercept, intercept);
            near(line.lo, lo);
            near(line.hi, hi);
        }
    }

    #[test]
    fn a_part_of_the_pairs_gives_nearly_the_slope_of_all() {
        let mut noise = Noise::new(4);
        let values: Vec<f64> = (0..730).map(|i| 0.01 * i as f64 + noise.normal()).collect();

        let line = theil_sen(&values, 0.95, 1.0).unwrap();

        assert!((line.slope - 0.01).abs() < 0.001, "{}", line.slope);
        assert!(line.lo < 0.01 && line.hi > 0.01 && line.hi - line.lo < 0.002);
    }

    #[test]
    fn growth_is_seen_through_the_week() {
        let mut noise = Noise::new(5);
        let week = [1.0, 1.1, 1.15, 1.1, 0.95, 0.45, 0.4];
        let values: Vec<f64> = (0..70)
            .map(|i| 100.0 * week[i % 7] * (1.0 + 0.002 * i as f64) * (1.0 + 0.03 * noise.normal()))
            .collect();

        let found = trend(&values, &Options::new(&[7])).unwrap();

        assert_eq!(found.direction, Direction::Rising);
        assert!(found.slope_lo > 0.0);
    }

    #[test]
    fn noise_that_follows_itself_seldom_passes_for_a_trend() {
        let mut called = 0;
        for seed in 0..200 {
            let mut noise = Noise::new(seed);
            let mut level = 0.0;
            let values: Vec<f64> = (0..120)
                .map(|_| {
                    level = 0.6 * level + noise.normal();
                    level
                })
                .collect();
            let found = trend(&values, &Options::new(&[])).unwrap();
            called += usize::from(found.direction != Direction::Steady);
        }

        assert!(called <= 34, "{called} of 200");
    }

    #[test]
    fn any_input_is_judged() {
        let odd: [&[f64]; 5] =
            [&[0.0; 40], &[f64::NAN; 9], &[f64::MAX, f64::MIN, 1.0, f64::MAX, 0.0], &[1.0], &[]];
        for values in odd {
            let found = trend(values, &Options::new(&[7, 2]));
            assert!(found.is_none_or(|found| found.direction == Direction::Steady));
        }
    }
}
