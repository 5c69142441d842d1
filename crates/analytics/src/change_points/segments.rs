//! The cost of explaining a stretch of a series by one level, or one line, and autocorrelated
//! noise; and the cheapest way to cut the series.

use super::{Effort, Least};

/// What a segment follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// A level.
    Level,
    /// A line of its own.
    Line,
}

/// Sums from which the cost of any segment is had in constant time.
///
/// Within a segment `y = shape + u`, `u[t] = φ u[t-1] + e[t]`, started from its stationary law, so
/// that a segment's cost does not depend on its neighbours: the sum of squared innovations `e`,
/// where the first is `√(1 - φ²) u`.
pub(super) struct Costs {
    y: Vec<f64>,
    shape: Shape,
    phi: f64,
    /// Running sums over `t >= 1` of `z`, `z²`, `w`, `w²`, `w z`, with `z[t] = y[t] - φ y[t-1]` and
    /// `w[t]` the same of the time.
    sums: Vec<[f64; 5]>,
    center: f64,
}

impl Costs {
    pub(super) fn new(y: &[f64], shape: Shape, phi: f64) -> Self {
        let center = y.len() as f64 / 2.0;
        let mut sums = Vec::with_capacity(y.len() + 1);
        let mut sum = [0.0; 5];
        sums.push(sum);
        for t in 0..y.len() {
            if t > 0 {
                let time = t as f64 - center;
                let z = y[t] - phi * y[t - 1];
                let w = time - phi * (time - 1.0);
                for (slot, term) in sum.iter_mut().zip([z, z * z, w, w * w, w * z]) {
                    *slot += term;
                }
            }
            sums.push(sum);
        }
        Self { y: y.to_vec(), shape, phi, sums, center }
    }

    /// Sum of squared innovations of `[from, to)` around its best level or line.
    pub(super) fn of(&self, from: usize, to: usize) -> f64 {
        let (head, tail) = (&self.sums[from + 1], &self.sums[to]);
        let [z, zz, w, ww, wz] = std::array::from_fn(|i| tail[i] - head[i]);
        let a = 1.0 - self.phi;
        let v = 1.0 - self.phi * self.phi;
        let first = self.y[from];
        let start = from as f64 - self.center;
        let inner = (to - from - 1) as f64;
        // Normal equations of level and slope.
        let s11 = inner * a * a + v;
        let b1 = a * z + v * first;
        let yy = zz + v * first * first;
        let level = yy - b1 * b1 / s11;
        if self.shape == Shape::Level || to - from < 3 {
            return level.max(0.0);
        }
        let s12 = a * w + v * start;
        let s22 = ww + v * start * start - s12 * s12 / s11;
        let b2 = wz + v * start * first - s12 * b1 / s11;
        let line = if s22 > 1e-9 * (to - from) as f64 { level - b2 * b2 / s22 } else { level };
        line.max(0.0)
    }
}

/// The cuts with the least `criterion(cost, number of changes)`, and that criterion. Numbers of
/// changes are tried from none upwards, until several in a row have not made it smaller.
pub(super) fn best_cuts(
    costs: &Costs,
    candidates: &[usize],
    least: Least,
    effort: Effort,
    criterion: impl Fn(f64, usize) -> f64,
) -> (f64, Vec<usize>) {
    let count = costs.y.len();
    let mut stops: Vec<usize> = vec![0];
    stops.extend(candidates.iter().copied().filter(|c| *c > 0 && *c < count));
    stops.push(count);
    let last = stops.len() - 1;
    // Through a few points a line goes anywhere.
    let level = costs.shape == Shape::Level;
    let shortest = |j: usize| if j == last && level { least.last } else { least.segment };
    let pair: Vec<Vec<f64>> = (0..=last)
        .map(|j| {
            (0..j)
                .map(|i| match stops[j] - stops[i] {
                    length if length < shortest(j) => f64::INFINITY,
                    _ => costs.of(stops[i], stops[j]),
                })
                .collect()
        })
        .collect();
    let mut best: Vec<f64> = (0..=last).map(|j| if j == 0 { 0.0 } else { pair[j][0] }).collect();
    let mut parents: Vec<Vec<usize>> = Vec::new();
    let (mut lowest, mut chosen) = (criterion(best[last], 0), 0);
    for k in 1..=effort.changes_max.min(last.saturating_sub(1)) {
        let mut next = vec![f64::INFINITY; last + 1];
        let mut parent = vec![0usize; last + 1];
        for j in k + 1..=last {
            for i in k..j {
                let cost = best[i] + pair[j][i];
                if cost < next[j] {
                    next[j] = cost;
                    parent[j] = i;
                }
            }
        }
        parents.push(parent);
        if !next[last].is_finite() {
            break;
        }
        let value = criterion(next[last], k);
        if value < lowest {
            (lowest, chosen) = (value, k);
        } else if k >= chosen + effort.patience {
            break;
        }
        best = next;
    }
    let mut places = Vec::with_capacity(chosen);
    let mut at = last;
    for parent in parents[..chosen].iter().rev() {
        at = parent[at];
        places.push(stops[at]);
    }
    places.reverse();
    (lowest, places)
}

/// Moves each cut to the best place near it, the others held.
pub(super) fn refine(costs: &Costs, places: &mut [usize], segment_min: usize, reach: usize) {
    let count = costs.y.len();
    for _ in 0..2 {
        for k in 0..places.len() {
            let left = if k == 0 { 0 } else { places[k - 1] };
            let right = places.get(k + 1).copied().unwrap_or(count);
            let from = (left + segment_min).max(places[k].saturating_sub(reach));
            let to = right.saturating_sub(segment_min).min(places[k] + reach);
            let mut least = costs.of(left, places[k]) + costs.of(places[k], right);
            for place in from..=to.max(from) {
                if place <= left || place >= right {
                    continue;
                }
                let cost = costs.of(left, place) + costs.of(place, right);
                if cost < least {
                    least = cost;
                    places[k] = place;
                }
            }
        }
    }
}

/// Places where the series may change: all of them in a short series, else the points at which
/// the means, or the slopes, of the stretches before and after differ most, over several lengths.
pub(super) fn candidates(y: &[f64], least: Least) -> Vec<usize> {
    let count = y.len();
    let segment_min = least.segment;
    if count <= SHORT {
        return (segment_min..=count.saturating_sub(least.last)).collect();
    }
    let mut sums = Vec::with_capacity(count + 1);
    sums.push(0.0);
    let mut sum = 0.0;
    for value in y {
        sum += value;
        sums.push(sum);
    }
    let mean = |from: usize, to: usize| (sums[to] - sums[from]) / (to - from) as f64;
    let mut places = Vec::new();
    let mut span = segment_min.max(3);
    while span * 2 <= count {
        let step = |t: usize| (mean(t, t + span) - mean(t - span, t)).abs();
        places.extend(peaks(span..count - span + 1, span, step));
        if span * 4 <= count {
            let kink = |t: usize| {
                let right = mean(t + span, t + 2 * span) - mean(t, t + span);
                let left = mean(t - span, t) - mean(t - 2 * span, t - span);
                (right - left).abs()
            };
            places.extend(peaks(2 * span..count - 2 * span + 1, span, kink));
        }
        span *= 2;
    }
    places.extend(count - segment_min..=count - least.last);
    places.sort_unstable();
    places.dedup();
    places
}

/// Up to this many points every place is tried.
const SHORT: usize = 120;
/// Peaks kept of each length and kind.
const PEAKS: usize = 8;

/// The highest places of `height`, at least `apart` from each other.
fn peaks(range: std::ops::Range<usize>, apart: usize, height: impl Fn(usize) -> f64) -> Vec<usize> {
    let mut order: Vec<(f64, usize)> = range.map(|t| (height(t), t)).collect();
    let maxima: Vec<(f64, usize)> = (0..order.len())
        .filter(|i| {
            let own = order[*i].0;
            (*i == 0 || order[i - 1].0 <= own) && (i + 1 == order.len() || order[i + 1].0 <= own)
        })
        .map(|i| order[i])
        .collect();
    order = maxima;
    order.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut kept: Vec<usize> = Vec::new();
    for (_, place) in order {
        if kept.iter().all(|other| other.abs_diff(place) >= apart) {
            kept.push(place);
            if kept.len() == PEAKS {
                break;
            }
        }
    }
    kept
}
