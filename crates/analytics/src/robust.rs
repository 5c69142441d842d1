//! Location and scale that a few wild values cannot move.
//!
//! All functions ignore values that are not finite, and answer NaN when nothing is left to
//! measure. Scales are multiplied so that they estimate the standard deviation of normal data.

/// MAD of the standard normal is `1 / MAD_TO_SD`.
pub const MAD_TO_SD: f64 = 1.482_602_218_505_602;
/// Interquartile range of the standard normal is `1 / IQR_TO_SD`.
pub const IQR_TO_SD: f64 = 0.741_301_109_252_801;

/// The finite values, in their order.
pub fn finite(values: &[f64]) -> Vec<f64> {
    values.iter().copied().filter(|value| value.is_finite()).collect()
}

/// Arithmetic mean of the finite values. Scaled while summing, so that huge values do not overflow.
pub fn mean(values: &[f64]) -> f64 {
    let (mut mean, mut count) = (0.0, 0.0);
    for value in values.iter().filter(|value| value.is_finite()) {
        count += 1.0;
        mean += value / count - mean / count;
    }
    if count > 0.0 { mean } else { f64::NAN }
}

/// Variance of the finite values with `n - 1` degrees of freedom (0 for a single value).
pub fn variance(values: &[f64]) -> f64 {
    let center = mean(values);
    let (mut sum, mut count) = (0.0, 0usize);
    for value in values.iter().filter(|value| value.is_finite()) {
        sum += (value - center) * (value - center);
        count += 1;
    }
    match count {
        0 => f64::NAN,
        1 => 0.0,
        _ => sum / (count - 1) as f64,
    }
}

/// Standard deviation of the finite values, the root of [`variance`].
pub fn standard_deviation(values: &[f64]) -> f64 {
    variance(values).sqrt()
}

/// Median: the middle value, or the mean of the two in the middle. Linear time (selection).
pub fn median(values: &[f64]) -> f64 {
    median_in_place(&mut finite(values))
}

/// [`median`] without a copy; reorders its argument, which must hold finite values only.
pub fn median_in_place(values: &mut [f64]) -> f64 {
    let count = values.len();
    if count == 0 {
        return f64::NAN;
    }
    let (below, &mut upper, _) = values.select_nth_unstable_by(count / 2, f64::total_cmp);
    if count % 2 == 1 {
        return upper;
    }
    let lower = below.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    lower + (upper - lower) / 2.0
}

/// Quantile by linear interpolation between order statistics: position `q (n - 1)` of the sorted
/// values (Hyndman & Fan 1996, type 7). `q` outside `[0, 1]` is clamped.
pub fn quantile(values: &[f64], q: f64) -> f64 {
    quantile_in_place(&mut finite(values), q)
}

/// [`quantile`] without a copy; reorders its argument, which must hold finite values only.
pub fn quantile_in_place(values: &mut [f64], q: f64) -> f64 {
    if values.is_empty() || q.is_nan() {
        return f64::NAN;
    }
    let position = q.clamp(0.0, 1.0) * (values.len() - 1) as f64;
    let index = position.floor() as usize;
    let part = position - index as f64;
    let (_, &mut lower, above) = values.select_nth_unstable_by(index, f64::total_cmp);
    let upper = above.iter().copied().fold(f64::INFINITY, f64::min);
    if part > 0.0 && upper.is_finite() { lower + part * (upper - lower) } else { lower }
}

/// [`quantile`] of values that are sorted already.
pub fn quantile_of_sorted(sorted: &[f64], q: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let position = q.clamp(0.0, 1.0) * last as f64;
    let index = (position.floor() as usize).min(last);
    let part = position - index as f64;
    let (lower, upper) = (sorted[index], sorted[(index + 1).min(last)]);
    if part > 0.0 { lower + part * (upper - lower) } else { lower }
}

/// Median absolute deviation from the median, times 1.4826 (Hampel 1974).
pub fn mad(values: &[f64]) -> f64 {
    let mut kept = finite(values);
    let center = median_in_place(&mut kept);
    kept.iter_mut().for_each(|value| *value = (*value - center).abs());
    MAD_TO_SD * median_in_place(&mut kept)
}

/// Median absolute value, times 1.4826: the [`mad`] of values whose centre is known to be zero.
pub fn mad_about_zero(values: &[f64]) -> f64 {
    let mut sizes: Vec<f64> =
        values.iter().filter(|value| value.is_finite()).map(|value| value.abs()).collect();
    MAD_TO_SD * median_in_place(&mut sizes)
}

/// Interquartile range, times 0.7413.
pub fn iqr_scale(values: &[f64]) -> f64 {
    let mut kept = finite(values);
    IQR_TO_SD * (quantile_in_place(&mut kept, 0.75) - quantile_in_place(&mut kept, 0.25))
}

/// Mean without the lowest and the highest `share` of the values (`0 <= share < 0.5`).
pub fn trimmed_mean(values: &[f64], share: f64) -> f64 {
    let mut sorted = finite(values);
    sorted.sort_unstable_by(f64::total_cmp);
    let cut = (share.clamp(0.0, 0.5) * sorted.len() as f64).floor() as usize;
    if 2 * cut >= sorted.len() {
        return quantile_of_sorted(&sorted, 0.5);
    }
    mean(&sorted[cut..sorted.len() - cut])
}

/// The tuning of Tukey's biweight for location: values beyond 6 MADs count for nothing.
const BIWEIGHT_LOCATION: f64 = 6.0;
/// The tuning of Tukey's biweight for scale.
const BIWEIGHT_SCALE: f64 = 9.0;

/// One-step biweight location: `M + Σ w (x - M) / Σ w`, with `w = (1 - u²)²`,
/// `u = (x - M) / (6 MAD₀)`, where `|u| < 1` (Mosteller & Tukey 1977). MAD₀ is unscaled.
pub fn biweight_location(values: &[f64]) -> f64 {
    let center = median(values);
    let reach = BIWEIGHT_LOCATION * mad(values) / MAD_TO_SD;
    if !(reach > 0.0) {
        return center;
    }
    let (mut top, mut bottom) = (0.0, 0.0);
    for value in values.iter().filter(|value| value.is_finite()) {
        let u = (value - center) / reach;
        if u.abs() < 1.0 {
            let weight = (1.0 - u * u).powi(2);
            top += weight * (value - center);
            bottom += weight;
        }
    }
    center + top / bottom
}

/// Root of the biweight midvariance:
/// `√n · √Σ (x - M)² (1 - u²)⁴ / |Σ (1 - u²)(1 - 5u²)|`, `u = (x - M) / (9 MAD₀)`
/// (Mosteller & Tukey 1977). Nearly as efficient as the standard deviation, and robust.
pub fn biweight_scale(values: &[f64]) -> f64 {
    let center = median(values);
    let spread = mad(values);
    let reach = BIWEIGHT_SCALE * spread / MAD_TO_SD;
    if !(reach > 0.0) {
        return spread;
    }
    let (mut top, mut bottom, mut count) = (0.0, 0.0, 0.0);
    for value in values.iter().filter(|value| value.is_finite()) {
        count += 1.0;
        let u = (value - center) / reach;
        let inside = 1.0 - u * u;
        if inside > 0.0 {
            top += (value - center).powi(2) * inside.powi(4);
            bottom += inside * (1.0 - 5.0 * u * u);
        }
    }
    (count * top).sqrt() / bottom.abs()
}

/// Normal consistency of the first quarter of the pairwise distances.
const QN_TO_SD: f64 = 2.219_144;
/// Beyond this many values, every k-th of the sorted values stands for its neighbours.
const QN_VALUES_MAX: usize = 600;

/// Rousseeuw & Croux's Qn (1993): the `h(h-1)/2`-th smallest distance between two values,
/// `h = n/2 + 1`, times 2.2191. Needs no centre, so it suits skewed data; 82 % efficient.
/// Quadratic up to 600 values; longer samples are thinned to 600 of their order statistics.
pub fn qn_scale(values: &[f64]) -> f64 {
    let mut sorted = finite(values);
    sorted.sort_unstable_by(f64::total_cmp);
    if sorted.len() > QN_VALUES_MAX {
        let last = (sorted.len() - 1) as f64;
        sorted = (0..QN_VALUES_MAX)
            .map(|i| sorted[(last * i as f64 / (QN_VALUES_MAX - 1) as f64).round() as usize])
            .collect();
    }
    let count = sorted.len();
    if count < 2 {
        return if count == 1 { 0.0 } else { f64::NAN };
    }
    let mut distances = Vec::with_capacity(count * (count - 1) / 2);
    for (i, low) in sorted.iter().enumerate() {
        distances.extend(sorted[i + 1..].iter().map(|high| high - low));
    }
    let half = count / 2 + 1;
    let rank = half * (half - 1) / 2;
    let (_, &mut distance, _) = distances.select_nth_unstable_by(rank - 1, f64::total_cmp);
    // Small samples: the correction of Croux & Rousseeuw (1992) tends to n/(n+1.4), n/(n+3.8).
    let shrink = if count % 2 == 1 {
        count as f64 / (count as f64 + 1.4)
    } else {
        count as f64 / (count as f64 + 3.8)
    };
    QN_TO_SD * shrink * distance
}

/// Standard deviation of the noise of a series whose level moves: from first differences,
/// `mad(y[t+1] - y[t]) / √2`. A level shift or a slow trend hardly touches it.
pub fn noise_scale(values: &[f64]) -> f64 {
    let steps: Vec<f64> = values.windows(2).map(|pair| pair[1] - pair[0]).collect();
    mad(&steps) / std::f64::consts::SQRT_2
}

/// The running median over `2 reach + 1` values, with shorter windows at the ends.
pub fn running_median(values: &[f64], reach: usize) -> Vec<f64> {
    let mut window = Vec::with_capacity(2 * reach + 1);
    (0..values.len())
        .map(|at| {
            let from = at.saturating_sub(reach);
            let to = (at + reach + 1).min(values.len());
            window.clear();
            window.extend(values[from..to].iter().copied().filter(|value| value.is_finite()));
            median_in_place(&mut window)
        })
        .collect()
}

/// Values that are not finite replaced by the line between their neighbours (level at the ends;
/// all zeros when nothing is finite).
pub fn fill_gaps(values: &[f64]) -> Vec<f64> {
    let mut filled = values.to_vec();
    let mut last: Option<usize> = None;
    for at in 0..values.len() {
        if !values[at].is_finite() {
            continue;
        }
        match last {
            None => filled[..at].fill(values[at]),
            Some(from) => {
                let span = (at - from) as f64;
                for (step, slot) in filled[from + 1..at].iter_mut().enumerate() {
                    let part = (step + 1) as f64 / span;
                    *slot = values[from] * (1.0 - part) + values[at] * part;
                }
            }
        }
        last = Some(at);
    }
    match last {
        None => filled.fill(0.0),
        Some(from) => filled[from + 1..].fill(values[from]),
    }
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(left: f64, right: f64) -> bool {
        (left - right).abs() < 1e-9
    }

    #[test]
    fn the_median_is_the_middle_of_the_finite_values() {
        assert!(near(median(&[3.0, f64::NAN, 1.0, 2.0]), 2.0));
        assert!(near(median(&[4.0, 1.0, 3.0, 2.0]), 2.5));
        assert!(median(&[]).is_nan());
        assert!(median(&[f64::INFINITY]).is_nan());
    }

    #[test]
    fn quantiles_follow_numpy() {
        let values = [7.0, 1.0, 3.0, 10.0];

        assert!(near(quantile(&values, 0.25), 2.5));
        assert!(near(quantile(&values, 0.9), 9.1));
        assert!(near(quantile(&values, 0.0), 1.0));
        assert!(near(quantile(&values, 1.0), 10.0));
    }

    #[test]
    fn scales_agree_with_the_standard_deviation_on_normal_data() {
        let normal: Vec<f64> =
            (1..4000).map(|i| crate::distributions::normal_quantile(i as f64 / 4000.0)).collect();

        for scale in [mad, iqr_scale, biweight_scale, qn_scale, standard_deviation] {
            let measured = scale(&normal);
            assert!((measured - 1.0).abs() < 0.02, "{measured}");
        }
    }

    #[test]
    fn a_fifth_of_wild_values_does_not_carry_the_scale_away() {
        let mut values: Vec<f64> =
            (1..400).map(|i| crate::distributions::normal_quantile(i as f64 / 400.0)).collect();
        values.extend([1e6; 80]);

        for scale in [mad, biweight_scale, qn_scale] {
            let measured = scale(&values);
            assert!(measured > 0.7 && measured < 2.0, "{measured}");
        }
        assert!(biweight_location(&values).abs() < 0.5);
        assert!(trimmed_mean(&values, 0.25).abs() < 1.0);
    }

    #[test]
    fn a_level_shift_does_not_touch_the_noise_scale() {
        let noise = |i: usize| ((i * 7919) % 101) as f64 / 101.0;
        let flat: Vec<f64> = (0..200).map(noise).collect();
        let shifted: Vec<f64> =
            (0..200).map(|i| noise(i) + if i > 100 { 50.0 } else { 0.0 }).collect();

        assert!((noise_scale(&flat) - noise_scale(&shifted)).abs() < 0.02);
    }

    #[test]
    fn gaps_are_filled_by_the_line_between_their_neighbours() {
        let values = [f64::NAN, 1.0, f64::NAN, 3.0, f64::INFINITY];

        assert_eq!(fill_gaps(&values), vec![1.0, 1.0, 2.0, 3.0, 3.0]);
        assert_eq!(fill_gaps(&[f64::NAN]), vec![0.0]);
    }

    #[test]
    fn nothing_in_gives_nan_out() {
        for measure in [mean, variance, median, mad, iqr_scale, biweight_location, qn_scale] {
            assert!(measure(&[]).is_nan());
            assert!(measure(&[f64::NAN, f64::INFINITY]).is_nan());
        }
    }

    #[test]
    fn a_constant_has_no_spread() {
        for scale in [mad, iqr_scale, biweight_scale, qn_scale, standard_deviation, noise_scale] {
            assert!(near(scale(&[5.0; 9]), 0.0));
        }
    }
}
