//! The scale on which a series is judged.

use crate::robust;

/// A scale on which noise is about as large at night as by day.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Scale {
    /// The values as they are.
    Plain,
    /// Square roots, for noise that grows as counts' does.
    Root,
    /// Logarithms, for noise in proportion to the level.
    Log {
        /// What is added before, so that there is a logarithm of nothing, and so that next to
        /// nothing is as good as nothing.
        least: f64,
    },
}

/// Share of the high values that is added to all.
const LEAST_SHARE: f64 = 1e-3;
/// The spread is that power of the level from which on roots, and logarithms, are taken.
const ROOT_FROM: f64 = 0.35;
const LOG_FROM: f64 = 0.75;

impl Scale {
    /// The scale that suits these values with seasons of these lengths.
    pub fn suiting(values: &[f64], seasons: &[usize]) -> Self {
        if values.iter().any(|value| *value < 0.0) {
            return Self::Plain;
        }
        let lag = seasons.first().copied().unwrap_or(1);
        match growth_of_spread(values, lag) {
            Some(power) if power >= LOG_FROM => {
                Self::Log { least: LEAST_SHARE * robust::quantile(values, 0.95) }
            }
            Some(power) if power >= ROOT_FROM => Self::Root,
            _ => Self::Plain,
        }
    }

    /// Whether it makes noise even that would not be.
    pub fn is_even(self) -> bool {
        self != Self::Plain
    }

    /// Whether there is a place for `value` on this scale.
    pub fn holds(self, value: f64) -> bool {
        self == Self::Plain || value >= 0.0
    }

    /// `value` on this scale.
    pub fn place(self, value: f64) -> f64 {
        match self {
            Self::Plain => value,
            Self::Root => value.max(0.0).sqrt(),
            Self::Log { least } => (value.max(0.0) + least).ln(),
        }
    }

    /// The value at `place` of this scale.
    pub fn value(self, place: f64) -> f64 {
        match self {
            Self::Plain => place,
            Self::Root => place.max(0.0).powi(2),
            Self::Log { least } => (place.min(LOG_MAX).exp() - least).max(0.0),
        }
    }

    /// What differences at `place` are small or large beside.
    pub fn magnitude(self, place: f64) -> f64 {
        match self {
            Self::Plain | Self::Root => place.abs(),
            Self::Log { .. } => 1.0,
        }
    }
}

/// The power of the level that the spread grows as: steps over `lag` points in the upper half of
/// the levels against those in the lower half. The level of a step is that of the points before and
/// after it, so that a wild point does not count as a high level. `None` where levels hardly differ.
fn growth_of_spread(values: &[f64], lag: usize) -> Option<f64> {
    let mut steps: Vec<(f64, f64)> = (lag..values.len().saturating_sub(2 * lag))
        .map(|i| {
            let level = values[i - lag] / 2.0 + values[i + 2 * lag] / 2.0;
            (level, (values[i + lag] - values[i]).abs())
        })
        .collect();
    if steps.len() < STEPS_MIN {
        return None;
    }
    steps.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let (lower, upper) = steps.split_at(steps.len() / 2);
    let level = |half: &[(f64, f64)]| robust::median(&half.iter().map(|s| s.0).collect::<Vec<_>>());
    let spread = |half: &[(f64, f64)]| {
        robust::trimmed_mean(&half.iter().map(|s| s.1).collect::<Vec<_>>(), WILD_SHARE)
    };
    let levels = level(upper) / level(lower);
    let power = (spread(upper) / spread(lower)).ln() / levels.ln();
    (levels > LEVELS_APART && power.is_finite()).then_some(power)
}

/// Steps that it takes to tell how spread grows.
const STEPS_MIN: usize = 100;
/// Share of the steps, at either end, that say nothing about noise.
const WILD_SHARE: f64 = 0.15;
/// How many times the level of the lower half the level of the upper half must be.
const LEVELS_APART: f64 = 1.4;
/// The logarithm of about the largest float.
const LOG_MAX: f64 = 700.0;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::noise::Noise;

    fn by_day(mut noise: impl FnMut(f64) -> f64) -> Vec<f64> {
        (0..480).map(|hour| noise(if hour % 24 < 12 { 100.0 } else { 5.0 })).collect()
    }

    #[test]
    fn noise_in_proportion_to_the_level_takes_logarithms() {
        let mut noise = Noise::new(1);
        let values = by_day(|level| level * (0.2 * noise.normal()).exp());

        assert!(matches!(Scale::suiting(&values, &[24]), Scale::Log { .. }));
    }

    #[test]
    fn counts_take_roots() {
        let mut noise = Noise::new(2);
        let values = by_day(|level| noise.poisson(level) as f64);

        assert_eq!(Scale::suiting(&values, &[24]), Scale::Root);
    }

    #[test]
    fn noise_of_one_size_is_left_alone_and_so_are_wild_points_and_credits() {
        let mut noise = Noise::new(3);
        let steady = by_day(|level| level + noise.normal());
        let wild: Vec<f64> = (0..480).map(|_| (1.5 * noise.normal()).exp()).collect();
        let mut credited = by_day(|level| level * (0.2 * noise.normal()).exp());
        credited[100] = -1.0;

        for values in [steady, wild, credited] {
            assert_eq!(Scale::suiting(&values, &[24]), Scale::Plain);
        }
    }

    #[test]
    fn a_place_leads_back_to_its_value() {
        for scale in [Scale::Plain, Scale::Root, Scale::Log { least: 0.1 }] {
            for value in [0.0, 0.5, 7.0, 1e100] {
                let back = scale.value(scale.place(value));
                assert!((back - value).abs() <= 1e-9 * value.max(1.0), "{scale:?} {value}");
            }
        }
    }
}
