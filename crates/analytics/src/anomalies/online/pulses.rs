//! Far values that come like clockwork, too few of them to make a season of their own: a job that
//! runs for minutes each day.

use crate::robust;

/// The cycle in which far values come. `None` where they do not, or before three cycles of it.
pub(super) fn cycle_of_pulses(values: &[f64]) -> Option<usize> {
    let center = robust::median(values);
    let reach = FAR * robust::mad(values);
    let mut far: Vec<bool> = values.iter().map(|value| (value - center).abs() > reach).collect();
    // A pulse that has only just begun is not whole.
    while far.last() == Some(&true) {
        far.pop();
    }
    let count = far.iter().filter(|is_far| **is_far).count();
    if count < CYCLES_MIN || count as f64 > PULSES_SHARE * far.len() as f64 {
        return None;
    }
    candidates(&far).into_iter().find(|length| explains(&far, *length, count))
}

/// Distances between the beginnings of pulses, the next and the one after it, shortest first.
fn candidates(far: &[bool]) -> Vec<usize> {
    let begins: Vec<usize> = (1..far.len()).filter(|at| far[*at] && !far[at - 1]).collect();
    let apart = |by: usize| begins.windows(by + 1).map(move |pulses| pulses[by] - pulses[0]);
    let mut lengths: Vec<usize> = apart(1)
        .chain(apart(2))
        .filter(|length| *length >= LENGTH_MIN && CYCLES_MIN * length <= far.len())
        .collect();
    lengths.sort_unstable();
    // What was seen once is chance.
    let mut repeated: Vec<usize> =
        lengths.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).collect();
    repeated.dedup();
    repeated.truncate(CANDIDATES_MAX);
    repeated
}

/// Whether most far values stand at phases at which nearly all values are far, from the first on:
/// what began later may be anomalies that happen to be as far apart.
fn explains(far: &[bool], length: usize, count: usize) -> bool {
    let mut seen = vec![0; length];
    for (at, is_far) in far.iter().enumerate() {
        seen[at % length] += usize::from(*is_far);
    }
    let is_regular = |phase: usize| {
        let all = (far.len() - phase).div_ceil(length);
        seen[phase] as f64 >= REGULAR * all as f64
    };
    let explained: usize = (0..length).filter(|phase| is_regular(*phase)).map(|at| seen[at]).sum();
    explained as f64 >= EXPLAINED * count as f64
}

/// How many robust standard deviations off a value is far.
const FAR: f64 = 6.0;
/// The largest share of values that are pulses, rather than half of a season.
const PULSES_SHARE: f64 = 0.1;
const CYCLES_MIN: usize = 3;
const LENGTH_MIN: usize = 8;
const CANDIDATES_MAX: usize = 40;
/// The share of the cycles that have a pulse, and of the far values that are part of one.
const REGULAR: f64 = 0.9;
const EXPLAINED: f64 = 0.7;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::noise::Noise;

    #[test]
    fn a_job_of_minutes_each_day_has_its_cycle_from_the_third_day_on() {
        for width in [1, 2, 6, 20] {
            for phase in [0, 40, 287] {
                let mut noise = Noise::new(1);
                let values: Vec<f64> = (0..288 * 4)
                    .map(|at| {
                        let runs = (at + 288 - phase) % 288 < width;
                        noise.normal() + if runs { 60.0 } else { 0.0 }
                    })
                    .collect();

                assert_eq!(cycle_of_pulses(&values), Some(288), "{width} {phase}");
                assert_eq!(cycle_of_pulses(&values[..600]), None, "{width} {phase}");
            }
        }
    }

    #[test]
    fn far_values_that_come_as_they_like_have_none() {
        for seed in 0..200 {
            let mut noise = Noise::new(seed);
            let share = 0.05 * noise.uniform();
            let values: Vec<f64> =
                (0..2000).map(|_| if noise.uniform() < share { 9.0 } else { 0.0 }).collect();

            assert_eq!(cycle_of_pulses(&values), None, "{seed}");
        }
    }

    #[test]
    fn anomalies_that_happen_to_be_as_far_apart_have_none() {
        let mut noise = Noise::new(2);
        let values: Vec<f64> = (0..4800)
            .map(|at| noise.normal() + if at >= 800 && (at - 800) % 512 < 20 { 15.0 } else { 0.0 })
            .collect();

        for seen in (800..4800).step_by(32) {
            assert_eq!(cycle_of_pulses(&values[..seen]), None, "{seen}");
        }
    }

    #[test]
    fn any_values_are_looked_at() {
        for values in [&[][..], &[1.0], &[0.0; 100], &[1e150; 40]] {
            assert_eq!(cycle_of_pulses(values), None);
        }
    }
}
