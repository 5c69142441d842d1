//! Which seasons a series has, tested against its own noise.
//!
//! A season of length `m` puts power at the frequencies `k/m`. Each of these is compared with its
//! neighbours in the spectrum, so that coloured noise, drift and level shifts, which raise whole
//! stretches of the spectrum, do not pass for a season. What passes must also predict: the
//! profile of the other cycles has to explain each cycle.

use crate::decompose::seasons_with_two_cycles;
use crate::{distributions, robust, spectrum};

/// What [`detect_seasons`] is told.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Lengths to test, in points. Empty: any length is looked for.
    pub candidates: Vec<usize>,
    /// How many seasons at most; they may be nested, such as 24 and 168.
    pub seasons_max: usize,
    /// Chance of finding a season in noise, over all candidates.
    pub alpha: f64,
    /// Least share of the detrended variance that the season predicts in cycles it has not seen.
    pub strength_min: f64,
}

impl Options {
    /// Tests the given lengths; looks for any when there are none.
    pub fn new(candidates: &[usize]) -> Self {
        Self { candidates: candidates.to_vec(), seasons_max: 2, alpha: 0.01, strength_min: 0.05 }
    }

    /// Weeks, and years where there are two of them.
    pub fn daily() -> Self {
        Self::new(&[7, 365])
    }

    /// Days and weeks.
    pub fn hourly() -> Self {
        Self::new(&[24, 168])
    }

    /// Years of weeks.
    pub fn weekly() -> Self {
        Self::new(&[52])
    }
}

/// A season that stands out of the noise.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Season {
    /// Points in a cycle.
    pub length: usize,
    /// Chance of such power at these frequencies without a season, after Bonferroni.
    pub p_value: f64,
    /// Share of the detrended variance that the profile of the other cycles predicts, up to 1.
    pub strength: f64,
}

/// The seasons of `values`, strongest evidence first taken out, returned shortest first.
pub fn detect_seasons(values: &[f64], options: &Options) -> Vec<Season> {
    let mut rest = robust::fill_gaps(values);
    scale_down(&mut rest);
    let mut found: Vec<Season> = Vec::new();
    while found.len() < options.seasons_max {
        let Some((season, without)) = next_season(&rest, options, &found) else { break };
        found.push(season);
        rest = without;
    }
    found.sort_by_key(|season| season.length);
    found
}

/// The lengths alone of [`detect_seasons`].
pub fn season_lengths(values: &[f64], options: &Options) -> Vec<usize> {
    detect_seasons(values, options).iter().map(|season| season.length).collect()
}

/// The test of one length: its p-value and strength. `None` for less than two cycles.
pub fn test_season(values: &[f64], length: usize) -> Option<Season> {
    if length < 2 || values.len() < 2 * length {
        return None;
    }
    let mut filled = robust::fill_gaps(values);
    scale_down(&mut filled);
    Some(judge(&Detrended::new(&filled, length), 1))
}

/// Values near the largest float would overflow in squares.
fn scale_down(values: &mut [f64]) {
    let largest = values.iter().fold(0.0, |most: f64, value| most.max(value.abs()));
    if largest > 1e100 {
        values.iter_mut().for_each(|value| *value /= largest);
    }
}

fn next_season(rest: &[f64], options: &Options, found: &[Season]) -> Option<(Season, Vec<f64>)> {
    let candidates = candidates(rest, options, found);
    let tests = if options.candidates.is_empty() { rest.len() / 3 } else { candidates.len() };
    let judged: Vec<(Season, Detrended)> = candidates
        .iter()
        .map(|length| Detrended::new(rest, *length))
        .map(|detrended| (judge(&detrended, tests), detrended))
        .filter(|(season, _)| {
            season.p_value <= options.alpha && season.strength >= options.strength_min
        })
        .collect();
    let best = judged.iter().map(|(season, _)| season.strength).fold(0.0, f64::max);
    // A multiple of the true length does about as well; the shortest that does is the season, and
    // of lengths nearly the same the strongest.
    let (shortest, _) = judged.iter().find(|(season, _)| season.strength >= 0.85 * best)?;
    let nearly = shortest.length + shortest.length / 10;
    let worth = |season: &Season| {
        // A clock's or calendar's length wins when it is as good as even.
        season.strength * if COMMON.contains(&season.length) { 1.05 } else { 1.0 }
    };
    let (season, detrended) = judged
        .into_iter()
        .filter(|(season, _)| season.length <= nearly)
        .max_by(|(one, _), (other, _)| worth(one).total_cmp(&worth(other)))?;
    let profile = detrended.profile();
    let without =
        rest.iter().enumerate().map(|(i, value)| value - profile[i % season.length]).collect();
    Some((season, without))
}

/// Lengths to test, shortest first.
fn candidates(rest: &[f64], options: &Options, found: &[Season]) -> Vec<usize> {
    let mut lengths = if options.candidates.is_empty() {
        likely_lengths(rest)
    } else {
        seasons_with_two_cycles(&options.candidates, rest.len())
    };
    lengths.retain(|length| found.iter().all(|season| season.length != *length));
    if options.candidates.is_empty() {
        // What is left of a season is not another one of nearly the same length.
        lengths.retain(|length| {
            found
                .iter()
                .all(|season| *length > season.length * 3 / 2 || *length < season.length * 2 / 3)
        });
    }
    lengths
}

/// Lengths that calendars and clocks make common.
const COMMON: [usize; 14] = [4, 5, 7, 12, 24, 48, 52, 96, 144, 168, 288, 336, 672, 2016];
/// Peaks of the autocorrelation that are looked at.
const PEAKS_MAX: usize = 12;

/// Common lengths and the highest local peaks of the autocorrelation, with three cycles each.
fn likely_lengths(values: &[f64]) -> Vec<usize> {
    let longest = values.len() / 3;
    let mut lengths: Vec<usize> =
        COMMON.iter().copied().filter(|length| *length <= longest).collect();
    let reach = (values.len() / 12).clamp(3, 300);
    let smooth = moving_mean(values, 2 * reach + 1);
    let mut swings: Vec<f64> = values.iter().zip(&smooth).map(|(y, s)| y - s).collect();
    clip(&mut swings);
    let correlations = spectrum::autocorrelations(&swings, longest + 1);
    let mut peaks: Vec<usize> = (2..correlations.len().saturating_sub(1))
        .filter(|lag| {
            correlations[*lag] > 0.05
                && correlations[*lag] >= correlations[lag - 1]
                && correlations[*lag] > correlations[lag + 1]
        })
        .collect();
    peaks.sort_by(|a, b| correlations[*b].total_cmp(&correlations[*a]));
    lengths.extend(peaks.into_iter().take(PEAKS_MAX));
    lengths.sort_unstable();
    lengths.dedup();
    lengths
}

/// A series less its own running level, by whole cycles.
struct Detrended {
    length: usize,
    /// Whole cycles, the last ones; the first value has phase `first_phase`.
    values: Vec<f64>,
    first_phase: usize,
}

impl Detrended {
    /// Less the mean over a cycle around each point, which holds no power at the season's
    /// frequencies and all of a slow trend; wild values pulled in.
    fn new(values: &[f64], length: usize) -> Self {
        let level = moving_mean(values, length);
        let mut swings: Vec<f64> = values.iter().zip(&level).map(|(y, l)| y - l).collect();
        clip(&mut swings);
        let cycles = swings.len() / length;
        let skipped = swings.len() - cycles * length;
        swings.drain(..skipped);
        Self { length, values: swings, first_phase: skipped % length }
    }

    /// Mean of each phase, by index of the whole series modulo the length, summing to zero.
    fn profile(&self) -> Vec<f64> {
        let mut profile = vec![0.0; self.length];
        let cycles = (self.values.len() / self.length).max(1) as f64;
        for (i, value) in self.values.iter().enumerate() {
            profile[(i + self.first_phase) % self.length] += value / cycles;
        }
        let center = robust::mean(&profile);
        profile.iter_mut().for_each(|value| *value -= center);
        profile
    }

    /// `1 - Σ (y - p₋)² / Σ y²`, where `p₋` is the profile of the other cycles.
    fn predicted_share(&self) -> f64 {
        let cycles = (self.values.len() / self.length) as f64;
        if cycles < 2.0 {
            return 0.0;
        }
        let profile = self.profile();
        let (mut left, mut whole) = (0.0, 0.0);
        for (i, value) in self.values.iter().enumerate() {
            let mean = profile[(i + self.first_phase) % self.length];
            let others = (mean * cycles - value) / (cycles - 1.0);
            left += (value - others).powi(2);
            whole += value * value;
        }
        if whole > 0.0 { 1.0 - left / whole } else { 0.0 }
    }
}

/// Harmonics that are tested; a season shows in its first ones.
const HARMONICS_MAX: usize = 10;
/// Frequencies on each side that a harmonic is compared with.
const NEIGHBOURS_MAX: usize = 4;

/// The power at each harmonic over the mean power of its neighbours is F-distributed with 2 and
/// `2 · neighbours` degrees of freedom without a season (Thomson 1982 for the idea). The smaller of
/// Fisher's combination over the harmonics and the Bonferroni-corrected best one counts.
fn judge(series: &Detrended, tests: usize) -> Season {
    let strength = series.predicted_share();
    let tails = harmonic_tails(series);
    let p_value = if tails.is_empty() {
        1.0
    } else {
        let fisher: f64 = tails.iter().map(|p| -2.0 * p.max(1e-300).ln()).sum();
        let together = distributions::chi_squared_upper(fisher, 2.0 * tails.len() as f64);
        let best = tails.iter().copied().fold(1.0, f64::min) * tails.len() as f64;
        (2.0 * together.min(best) * tests as f64).min(1.0)
    };
    Season { length: series.length, p_value, strength }
}

fn harmonic_tails(series: &Detrended) -> Vec<f64> {
    let count = series.values.len();
    let cycles = count / series.length;
    let sides = ((cycles - 1) / 2).clamp(1, NEIGHBOURS_MAX);
    let floor = 1e-18 * robust::mean(&series.values.iter().map(|v| v * v).collect::<Vec<_>>());
    let mut tails = Vec::new();
    for harmonic in 1..=(series.length / 2).min(HARMONICS_MAX) {
        let bin = harmonic * cycles;
        let power = |bin: usize| spectrum::power(&series.values, bin);
        let (mut around, mut neighbours) = (0.0, 0.0);
        for side in 1..=sides {
            for neighbour in [bin - side, bin + side] {
                if neighbour > 0 && neighbour < count.div_ceil(2) {
                    around += power(neighbour);
                    neighbours += 1.0;
                }
            }
        }
        if neighbours < 1.0 {
            continue;
        }
        // The frequency of alternation has one degree of freedom only, with twice the power.
        let top = if 2 * bin == count { 1.0 } else { 2.0 };
        let own = power(bin);
        let noise = around / neighbours;
        if own > floor * count as f64 {
            let ratio = own / noise.max(floor);
            tails.push(distributions::f_upper(
                ratio * if top < 2.0 { 0.5 } else { 1.0 },
                top,
                2.0 * neighbours,
            ));
        } else {
            tails.push(1.0);
        }
    }
    tails
}

/// Mean over `window` points around each; at the ends, over the first and last whole window.
fn moving_mean(values: &[f64], window: usize) -> Vec<f64> {
    let count = values.len();
    let window = window.clamp(1, count.max(1));
    let mut sums = Vec::with_capacity(count + 1);
    let center = robust::mean(values);
    let mut sum = 0.0;
    sums.push(0.0);
    for value in values {
        sum += value - center;
        sums.push(sum);
    }
    (0..count)
        .map(|at| {
            let from = at.saturating_sub(window / 2).min(count - window);
            center + (sums[from + window] - sums[from]) / window as f64
        })
        .collect()
}

/// How many robust standard deviations a value may lie off before it is pulled in.
const CLIP: f64 = 5.0;

fn clip(values: &mut [f64]) {
    let center = robust::median(values);
    let reach = CLIP * robust::mad(values);
    if reach > 0.0 {
        values.iter_mut().for_each(|value| *value = value.clamp(center - reach, center + reach));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::noise::Noise;

    fn weekly(i: usize) -> f64 {
        [1.0, 1.1, 1.15, 1.1, 0.95, 0.45, 0.4][i % 7]
    }

    #[test]
    fn a_weekly_profile_is_found_among_growth_and_noise() {
        let mut noise = Noise::new(1);
        let values: Vec<f64> = (0..90)
            .map(|i| 50.0 * weekly(i) * (1.0 + i as f64 / 200.0) * (0.1 * noise.normal()).exp())
            .collect();

        assert_eq!(season_lengths(&values, &Options::daily()), vec![7]);
        assert_eq!(season_lengths(&values, &Options::new(&[])), vec![7]);
    }

    #[test]
    fn days_and_weeks_are_both_found_in_hours() {
        let mut noise = Noise::new(2);
        let hour = |i: usize| (std::f64::consts::TAU * i as f64 / 24.0).sin();
        let values: Vec<f64> = (0..24 * 7 * 6)
            .map(|i| 20.0 + 8.0 * hour(i) + 9.0 * weekly(i / 24) + 2.0 * noise.normal())
            .collect();

        assert_eq!(season_lengths(&values, &Options::hourly()), vec![24, 168]);
        assert_eq!(season_lengths(&values, &Options::new(&[])), vec![24, 168]);
    }

    #[test]
    fn noise_of_any_colour_has_no_season() {
        let mut found = 0;
        for seed in 0..200 {
            let mut noise = Noise::new(seed);
            let phi = [0.0, 0.5, 0.9, 1.0][seed as usize % 4];
            let mut level = 0.0;
            let values: Vec<f64> = (0..150)
                .map(|_| {
                    level = phi * level + noise.student(3.0);
                    level
                })
                .collect();
            found += usize::from(!season_lengths(&values, &Options::daily()).is_empty());
            found += usize::from(!season_lengths(&values, &Options::new(&[])).is_empty());
        }

        assert!(found <= 8, "{found} of 400");
    }

    #[test]
    fn shifts_and_spikes_are_no_season() {
        let mut found = 0;
        for seed in 0..50 {
            let mut noise = Noise::new(seed);
            let mut values: Vec<f64> = (0..120)
                .map(|i| if i < 45 { 24.0 } else { 13.0 } * (1.0 + 0.07 * noise.normal()))
                .collect();
            values[108] *= 5.0;
            found += season_lengths(&values, &Options::daily()).len();
        }

        assert!(found <= 1, "{found} of 50");
    }

    #[test]
    fn any_input_is_judged() {
        let odd: [&[f64]; 6] = [
            &[],
            &[1.0],
            &[0.0; 100],
            &[f64::NAN; 50],
            &[f64::MAX; 40],
            &[1e308, -1e308, 5.0, 1e308],
        ];
        for values in odd {
            assert!(detect_seasons(values, &Options::new(&[])).is_empty());
            assert!(detect_seasons(values, &Options::new(&[0, 1, 2, 7])).is_empty());
        }
        assert!(test_season(&[1.0, 2.0], 2).is_none());
    }
}
