//! The default method: the remainder of levels, trend and seasons, against its own tails.

use super::classic::floored;
use super::{Options, Ranges};
use crate::change_points::{self, Segmentation, seasonal};
use crate::decompose::{self, MstlOptions, seasons_with_two_cycles};
use crate::{distributions, robust};

pub(super) fn ranges(values: &[f64], options: &Options) -> Ranges {
    let filled = robust::fill_gaps(values);
    let computed;
    let levels = match &options.levels {
        Some(levels) if levels.level.len() == filled.len() => levels,
        _ => {
            let plan = change_points::Options {
                scale: options.scale,
                ..change_points::Options::steps(&options.seasons)
            };
            computed = change_points::segment(&filled, &plan);
            &computed
        }
    };
    let log = levels.log && filled.iter().all(|value| *value > 0.0);
    let y = on_scale(&filled, log);
    let steps = on_scale(&levels.level, log);
    let mut expected = expected(&y, &steps, options);
    if !log {
        // A season ends with what it is the season of.
        for (from, to) in levels.empty_stretches(&filled) {
            expected[from..to].fill(0.0);
        }
    }
    let off = remainder(&y, &expected, &steps, levels);
    let (below, above) = reaches(&y, &off, log, options);

    let back = |value: f64| if log { value.exp() } else { value };
    Ranges {
        expected: expected.iter().map(|e| back(*e)).collect(),
        // The remainder may be that of the level next door, see there.
        lo: (0..y.len()).map(|i| back(expected[i].min(y[i] - off[i]) - below[i])).collect(),
        hi: (0..y.len()).map(|i| back(expected[i].max(y[i] - off[i]) + above[i])).collect(),
    }
}

fn on_scale(values: &[f64], log: bool) -> Vec<f64> {
    if log { values.iter().map(|value| value.ln()).collect() } else { values.to_vec() }
}

/// Levels, and the trend and seasons around them.
fn expected(y: &[f64], steps: &[f64], options: &Options) -> Vec<f64> {
    let around: Vec<f64> = y.iter().zip(steps).map(|(y, level)| y - level).collect();
    let around = without_wild(&around, &options.seasons);
    // As flexible as for people to look at, the parts would follow much of the noise.
    let plan = MstlOptions {
        periods: options.seasons.clone(),
        rounds: 2,
        robust: true,
        quick: true,
        stiffness: 3,
    };
    let parts = decompose::mstl(&around, &plan);
    (0..y.len())
        .map(|i| {
            let season: f64 = parts.seasonal.iter().map(|season| season[i]).sum();
            steps[i] + parts.trend[i] + season
        })
        .collect()
}

/// Points on either side whose median a point is held against.
const WILD_REACH: usize = 3;
/// Share of points that may be wild.
const WILD_SHARE: f64 = 0.05;
/// A point is wild so many times farther off than all but that share.
const WILD: f64 = 20.0;

/// Pulls in the few points that are so far off that not even a robust fit would leave them aside:
/// the first round of it follows everything.
fn without_wild(around: &[f64], seasons: &[usize]) -> Vec<f64> {
    let seasons = seasons_with_two_cycles(seasons, around.len());
    let season = seasonal(around, &seasons, &vec![0.0; around.len()]);
    let rest: Vec<f64> = around.iter().zip(&season).map(|(y, season)| y - season).collect();
    let middle = robust::running_median(&rest, WILD_REACH);
    let off: Vec<f64> = rest.iter().zip(&middle).map(|(rest, middle)| rest - middle).collect();
    let sizes: Vec<f64> = off.iter().map(|off| off.abs()).collect();
    let limit = WILD * robust::quantile(&sizes, 1.0 - WILD_SHARE);
    (0..around.len()).map(|i| around[i] - off[i] + off[i].clamp(-limit, limit)).collect()
}

/// What is left, where the date of a change is uncertain by the level that explains more.
fn remainder(y: &[f64], expected: &[f64], steps: &[f64], levels: &Segmentation) -> Vec<f64> {
    let mut off: Vec<f64> = y.iter().zip(expected).map(|(y, e)| y - e).collect();
    for change in &levels.changes {
        let (index, last) = (change.index, y.len() - 1);
        let step = steps[index] - steps[index - 1];
        let from = change.lo.min(index.saturating_sub(2));
        let to = change.hi.max(index + 2).min(last);
        for (i, slot) in off.iter_mut().enumerate().take(to + 1).skip(from) {
            let other = if i < index { *slot - step } else { *slot + step };
            if other.abs() < slot.abs() {
                *slot = other;
            }
        }
    }
    off
}

/// Points on either side that the scale is measured over.
const SCALE_REACH: usize = 30;

/// How far below and above the expected value the range goes, point by point: the scale of the
/// noise there, times the quantile of the tail on that side.
fn reaches(y: &[f64], off: &[f64], log: bool, options: &Options) -> (Vec<f64>, Vec<f64>) {
    let scales = local_scales(off, y, log, options);
    let phases = phase_factors(off, &scales, options);
    let scales: Vec<f64> =
        scales.iter().zip(phases).map(|(scale, factor)| scale * factor).collect();
    let unit: Vec<f64> = off.iter().zip(&scales).map(|(off, scale)| off / scale).collect();
    let below = tail(unit.iter().filter(|u| **u < 0.0).map(|u| -u).collect(), options.alarm_rate);
    let above = tail(unit.iter().filter(|u| **u > 0.0).copied().collect(), options.alarm_rate);
    (scales.iter().map(|s| s * below).collect(), scales.iter().map(|s| s * above).collect())
}

/// How much louder each phase of the shortest season is than all together, drawn towards 1 where
/// there are few cycles: weekends have noise of their own.
fn phase_factors(off: &[f64], scales: &[f64], options: &Options) -> Vec<f64> {
    let season = options.seasons.iter().copied().filter(|s| *s >= 2).min().unwrap_or(1);
    let cycles = off.len() / season;
    if season < 2 || cycles < 4 {
        return vec![1.0; off.len()];
    }
    let factors: Vec<f64> = (0..season)
        .map(|phase| {
            let sizes: Vec<f64> =
                (phase..off.len()).step_by(season).map(|i| off[i] / scales[i]).collect();
            let own = robust::mad_about_zero(&sizes);
            let (weight, prior) = (sizes.len() as f64, PHASE_PRIOR);
            ((weight * own * own + prior) / (weight + prior)).sqrt().clamp(0.5, 3.0)
        })
        .collect();
    (0..off.len()).map(|i| factors[i % season]).collect()
}

/// Cycles that the assumption of equal noise in all phases is worth.
const PHASE_PRIOR: f64 = 15.0;

/// The scale of the noise around each point: mostly from the points around, partly from all.
fn local_scales(off: &[f64], y: &[f64], log: bool, options: &Options) -> Vec<f64> {
    let whole = match log {
        true => robust::mad_about_zero(off).max(1e-4),
        false => floored(robust::mad_about_zero(off), off, y),
    };
    let sizes: Vec<f64> = off.iter().map(|off| off.abs()).collect();
    let local = robust::running_median(&sizes, SCALE_REACH);
    let level =
        if log { 1.0 } else { robust::median(&y.iter().map(|y| y.abs()).collect::<Vec<_>>()) };
    let least = options.effect_min.max(0.0) * level / LIMIT_MIN;
    local
        .iter()
        .map(|local| {
            let near = robust::MAD_TO_SD * local;
            let scale = (0.75 * near * near + 0.25 * whole * whole).sqrt();
            scale.max(least)
        })
        .collect()
}

/// Least distance of the edge of the range, in robust standard deviations.
const LIMIT_MIN: f64 = 3.0;

/// The quantile beyond which one side of the noise lies with the chance `rate / 2`: that of
/// Student's t with the degrees of freedom at which the ratio of the 90 % quantile to the median
/// is the one seen, drawn towards 6 degrees where few points say so.
fn tail(mut sizes: Vec<f64>, rate: f64) -> f64 {
    let count = sizes.len() as f64;
    let half = robust::MAD_TO_SD * robust::median_in_place(&mut sizes);
    let ninth = robust::MAD_TO_SD * robust::quantile_in_place(&mut sizes, 0.9);
    let seen = if half > 0.0 { ninth / half } else { f64::NAN };
    let prior = 1.0 / 6.0;
    let weight = count / (count + 30.0);
    let inverse = if seen.is_finite() {
        weight * inverse_degrees(seen) + (1.0 - weight) * prior
    } else {
        prior
    };
    let degrees = 1.0 / inverse.clamp(1.0 / 60.0, 0.6);
    let quantile = distributions::student_two_sided_quantile(rate.clamp(1e-9, 0.5), degrees);
    let unit = robust::MAD_TO_SD * distributions::student_two_sided_quantile(0.5, degrees);
    // This side may be wider or narrower than both together.
    let side =
        if half.is_finite() { (weight * half + (1.0 - weight)).clamp(0.5, 3.0) } else { 1.0 };
    (side * quantile / unit).max(LIMIT_MIN)
}

/// `1/ν` of Student's t, and its 90 % quantile of sizes over its median size.
const TAILS: [(f64, f64); 9] = [
    (0.0167, 2.4619),
    (0.05, 2.5107),
    (0.1, 2.5899),
    (0.2, 2.7729),
    (0.3, 2.9936),
    (0.4, 3.2588),
    (0.5, 3.5762),
    (0.6, 3.9548),
    (0.8, 4.9383),
];

/// `1/ν` of the Student's t whose 90 % quantile of sizes is `ratio` times its median size.
fn inverse_degrees(ratio: f64) -> f64 {
    let mut inverse = TAILS[0].0;
    for pair in TAILS.windows(2) {
        let ((low, at_low), (high, at_high)) = (pair[0], pair[1]);
        let part = ((ratio - at_low) / (at_high - at_low)).clamp(0.0, 1.0);
        inverse += part * (high - low);
    }
    inverse
}
