//! A quick seasonal decomposition for the methods that want a series without its seasons.
//!
//! Season after season, shortest first: the level is a centred moving average over one cycle
//! (Persons' classical decomposition), and the figure of a phase is a mean of its distances from
//! that level which forgets old cycles, clipped against spikes. It takes a fraction of the time of
//! a loess-based one, and the figures it forecasts with are those of the last cycles.

/// The seasonal figures of a series, on a logarithmic scale where every value is positive.
pub(super) struct Seasonal {
    length: usize,
    logarithmic: bool,
    adjusted: Vec<f64>,
    figures: Vec<Vec<f64>>,
}

/// Cycles that one needs before their common shape can be told from noise.
const CYCLES_MIN: usize = 2;

impl Seasonal {
    /// Decomposes; seasons with fewer than two full cycles are left out.
    pub(super) fn of(series: &[f64], seasons: &[usize]) -> Self {
        let usable: Vec<usize> = usable_seasons(series.len(), seasons);
        let logarithmic = !usable.is_empty() && series.iter().all(|y| *y > 0.0);
        let mut rest: Vec<f64> =
            series.iter().map(|y| if logarithmic { y.ln() } else { *y }).collect();
        let mut figures = Vec::with_capacity(usable.len());
        for &season in &usable {
            let figure = figure(&rest, season);
            for (t, value) in rest.iter_mut().enumerate() {
                *value -= figure[t % season];
            }
            figures.push(figure);
        }
        if logarithmic {
            rest.iter_mut().for_each(|value| *value = value.exp());
        }
        Self { length: series.len(), logarithmic, adjusted: rest, figures }
    }

    /// The series without its seasons, in its own unit.
    pub(super) fn adjusted(&self) -> &[f64] {
        &self.adjusted
    }

    /// The series with its spikes cut: what stands more than `bound` robust deviations from the
    /// median of its neighbours, both without their seasons, is moved to that distance.
    pub(super) fn clipped(&self, bound: f64) -> Vec<f64> {
        let flat: Vec<f64> =
            self.adjusted.iter().map(|y| if self.logarithmic { y.ln() } else { *y }).collect();
        let around: Vec<f64> = (0..flat.len()).map(|t| median_near(&flat, t)).collect();
        let distances: Vec<f64> = flat.iter().zip(&around).map(|(y, m)| (y - m).abs()).collect();
        let limit = bound * 1.4826 * super::simple::median(&distances);
        let kept: Vec<f64> = flat
            .iter()
            .zip(&around)
            .map(|(y, m)| {
                let value = if limit > 0.0 { y.clamp(m - limit, m + limit) } else { *y };
                if self.logarithmic { value.exp() } else { value }
            })
            .collect();
        self.give(&kept, 0)
    }

    /// Gives a forecast of the adjusted series its seasons back.
    pub(super) fn restore(&self, forecast: &[f64]) -> Vec<f64> {
        self.give(forecast, self.length)
    }

    fn give(&self, values: &[f64], start: usize) -> Vec<f64> {
        let add = |(step, value): (usize, &f64)| {
            let shift: f64 =
                self.figures.iter().map(|figure| figure[(start + step) % figure.len()]).sum();
            if self.logarithmic { value * shift.exp() } else { value + shift }
        };
        values.iter().enumerate().map(add).collect()
    }
}

/// Days by the hour, half hour and quarter: their weeks are seasons too, named or not.
const DAYS: [usize; 3] = [24, 48, 96];

/// The seasons of at least two points that a series of `length` holds often enough, shortest first.
pub(super) fn usable_seasons(length: usize, seasons: &[usize]) -> Vec<usize> {
    let weeks = seasons.iter().filter(|season| DAYS.contains(season)).map(|day| 7 * day);
    let mut usable: Vec<usize> = seasons
        .iter()
        .copied()
        .chain(weeks)
        .filter(|season| *season >= 2 && season.saturating_mul(CYCLES_MIN) <= length)
        .collect();
    usable.sort_unstable();
    usable.dedup();
    usable
}

/// The median of a value and up to four on each side.
fn median_near(series: &[f64], place: usize) -> f64 {
    let near = &series[place.saturating_sub(4)..(place + 5).min(series.len())];
    let mut sorted = [0.0; 9];
    for (count, value) in near.iter().enumerate() {
        let mut slot = count;
        while slot > 0 && sorted[slot - 1] > *value {
            sorted[slot] = sorted[slot - 1];
            slot -= 1;
        }
        sorted[slot] = *value;
    }
    0.5 * (sorted[(near.len() - 1) / 2] + sorted[near.len() / 2])
}

/// The figure of each phase `t mod season`, summing to zero.
fn figure(series: &[f64], season: usize) -> Vec<f64> {
    let level = cycle_means(series, season);
    let distances: Vec<f64> = series.iter().zip(&level).map(|(y, l)| y - l).collect();
    let mut figure: Vec<f64> = (0..season)
        .map(|phase| {
            let of_phase: Vec<f64> =
                distances.iter().skip(phase).step_by(season).copied().collect();
            fading_mean(&of_phase)
        })
        .collect();
    let mean = figure.iter().sum::<f64>() / season as f64;
    figure.iter_mut().for_each(|value| *value -= mean);
    figure
}

/// A mean in which a value weighs 0.8 of its successor, each held to three robust deviations.
fn fading_mean(values: &[f64]) -> f64 {
    const FORGETTING: f64 = 0.8;
    let centre = super::simple::median(values);
    let distances: Vec<f64> = values.iter().map(|value| (value - centre).abs()).collect();
    let bound = 3.0 * 1.4826 * super::simple::median(&distances);
    let (mut sum, mut total, mut weight) = (0.0, 0.0, 1.0);
    for value in values.iter().rev() {
        sum += weight * value.clamp(centre - bound, centre + bound);
        total += weight;
        weight *= FORGETTING;
    }
    if total > 0.0 { sum / total } else { 0.0 }
}

/// Centred means over one cycle, the ends repeated; half weights at both ends of an even cycle.
fn cycle_means(series: &[f64], season: usize) -> Vec<f64> {
    let n = series.len();
    let half = season / 2;
    let mut running = Vec::with_capacity(n + 1);
    let mut sum = 0.0;
    running.push(0.0);
    for value in series {
        sum += value;
        running.push(sum);
    }
    let mean_from = |start: usize| {
        let start = start.min(n - season);
        (running[start + season] - running[start]) / season as f64
    };
    (0..n)
        .map(|t| {
            let start = t.saturating_sub(half);
            if season.is_multiple_of(2) && t >= half {
                0.5 * (mean_from(start) + mean_from(start + 1))
            } else {
                mean_from(start)
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weekly_shape_is_taken_out_and_given_back() {
        let shape = [0.0, 1.0, 2.0, 3.0, 2.0, -4.0, -4.0];
        let series: Vec<f64> = (0..70).map(|t| shape[t % 7] - 3.0).collect();

        let seasonal = Seasonal::of(&series, &[7]);
        let forecast = seasonal.restore(&[-3.0; 7]);

        assert!(seasonal.adjusted().iter().all(|y| (y + 3.0).abs() < 1e-9));
        assert!(forecast.iter().zip(&series).all(|(f, y)| (f - y).abs() < 1e-9));
    }

    #[test]
    fn a_spike_is_cut_and_the_rest_is_kept() {
        let mut series: Vec<f64> = (0..70).map(|t| 50.0 + f64::from((t * 31) % 7)).collect();
        series[33] = 500.0;

        let clipped = Seasonal::of(&series, &[]).clipped(4.0);

        assert!(clipped[33] < 80.0, "{}", clipped[33]);
        let kept = clipped.iter().zip(&series).enumerate().filter(|(t, _)| *t != 33);
        assert!(kept.into_iter().all(|(_, (c, y))| (c - y).abs() < 1e-9));
    }

    #[test]
    fn a_season_that_was_not_seen_twice_is_left_alone() {
        let series: Vec<f64> = (0..13).map(f64::from).collect();

        let seasonal = Seasonal::of(&series, &[7]);

        assert_eq!(seasonal.adjusted(), series);
    }
}
