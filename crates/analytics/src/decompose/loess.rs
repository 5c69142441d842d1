//! Local regression on evenly spaced points, the smoother inside STL.
//!
//! At a place `x`, the points nearest to it get tricube weights `(1 - (d/h)³)³`, times their
//! robustness weights, and a constant or a line is fitted to them (Cleveland 1979).

/// How a loess smooths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Smoother {
    /// Points in the neighbourhood; odd. More than there are widens the neighbourhood beyond the
    /// data.
    pub window: usize,
    /// 0 fits a constant, 1 a line.
    pub degree: usize,
    /// The fit is computed at every `jump`-th point and interpolated between.
    pub jump: usize,
}

impl Smoother {
    /// A local line over `window` points, computed everywhere.
    pub fn line(window: usize) -> Self {
        Self { window, degree: 1, jump: 1 }
    }
}

/// Smooths `y` into `out` (same length). `robustness`, if given, multiplies the weights.
pub fn smooth(y: &[f64], smoother: Smoother, robustness: Option<&[f64]>, out: &mut [f64]) {
    let count = y.len();
    if count < 2 {
        out[..count].copy_from_slice(y);
        return;
    }
    let mut local = Local::new(y, smoother, robustness);
    let jump = smoother.jump.max(1).min(count - 1);
    let mut at = 0;
    while at < count {
        out[at] = local.fit_at(at);
        at += jump;
    }
    if jump > 1 {
        fill_between(&mut local, jump, out);
    }
}

fn fill_between(local: &mut Local<'_>, jump: usize, out: &mut [f64]) {
    let last = out.len() - 1;
    let mut from = 0;
    while from + jump <= last {
        line_between(&mut out[from..=from + jump]);
        from += jump;
    }
    if from != last {
        out[last] = local.fit_at(last);
        line_between(&mut out[from..=last]);
    }
}

fn line_between(part: &mut [f64]) {
    let last = part.len() - 1;
    let step = (part[last] - part[0]) / last as f64;
    let start = part[0];
    for (i, slot) in part.iter_mut().enumerate().take(last).skip(1) {
        *slot = start + step * i as f64;
    }
}

/// One smoothing under way: the data, and room for the weights of a neighbourhood.
pub(super) struct Local<'a> {
    y: &'a [f64],
    robustness: Option<&'a [f64]>,
    window: usize,
    degree: usize,
    weights: Vec<f64>,
    /// Tricube weights by whole distances, for the reach that they were computed for.
    table: Vec<f64>,
    table_reach: f64,
}

impl<'a> Local<'a> {
    pub(super) fn new(y: &'a [f64], smoother: Smoother, robustness: Option<&'a [f64]>) -> Self {
        Self {
            y,
            robustness,
            window: smoother.window.max(1),
            degree: smoother.degree,
            weights: vec![0.0; y.len()],
            table: Vec::new(),
            table_reach: f64::NAN,
        }
    }

    /// The fit at the point `at`, or its own value where all weights vanish.
    pub(super) fn fit_at(&mut self, at: usize) -> f64 {
        let (left, right) = self.neighbourhood(at);
        self.fit(at as f64, left, right).unwrap_or(self.y[at])
    }

    /// The points `left..=right` that serve the point `at`: `window` of them around it, moved
    /// inwards at the ends.
    pub(super) fn neighbourhood(&self, at: usize) -> (usize, usize) {
        let count = self.y.len();
        if self.window >= count {
            return (0, count - 1);
        }
        let left = at.saturating_sub(self.window.div_ceil(2) - 1).min(count - self.window);
        (left, left + self.window - 1)
    }

    /// The fit at `x`, which may lie outside the points; `None` where all weights vanish.
    pub(super) fn fit(&mut self, x: f64, left: usize, right: usize) -> Option<f64> {
        let reach = self.reach(x, left, right);
        let total = self.weigh(x, left, right, reach);
        if !(total > 0.0) {
            return None;
        }
        let weights = &mut self.weights[left..=right];
        let y = &self.y[left..=right];
        if reach > 0.0 && self.degree > 0 {
            let range = (self.y.len() - 1) as f64;
            tilt(weights, total, x - left as f64, range);
        } else {
            weights.iter_mut().for_each(|weight| *weight /= total);
        }
        Some(weights.iter().zip(y).map(|(weight, y)| weight * y).sum())
    }

    fn reach(&self, x: f64, left: usize, right: usize) -> f64 {
        let reach = (x - left as f64).max(right as f64 - x);
        let beyond = self.window.saturating_sub(self.y.len()) / 2;
        reach + beyond as f64
    }

    fn weigh(&mut self, x: f64, left: usize, right: usize, reach: f64) -> f64 {
        self.prepare(reach);
        let mut total = 0.0;
        for (i, slot) in self.weights[left..=right].iter_mut().enumerate() {
            let distance = ((left + i) as f64 - x).abs();
            let mut weight = self.table.get(distance as usize).copied().unwrap_or(0.0);
            if let Some(robustness) = self.robustness {
                weight *= robustness[left + i];
            }
            *slot = weight;
            total += weight;
        }
        total
    }

    fn prepare(&mut self, reach: f64) {
        if (self.table_reach - reach).abs() < 0.25 {
            return;
        }
        self.table_reach = reach;
        self.table.clear();
        let mut distance = 0.0;
        while distance <= 0.999 * reach {
            self.table.push(tricube(distance, reach));
            distance += 1.0;
        }
        if self.table.is_empty() {
            self.table.push(1.0);
        }
    }
}

fn tricube(distance: f64, reach: f64) -> f64 {
    if distance <= 0.001 * reach {
        return 1.0;
    }
    let part = distance / reach;
    let inside = 1.0 - part * part * part;
    inside * inside * inside
}

/// Turns the weights of a mean into those of a line through the same points, evaluated at `x`
/// (counted from the first of them). Stays with the mean where the points hardly spread.
fn tilt(weights: &mut [f64], total: f64, x: f64, range: f64) {
    let mut center = 0.0;
    for (i, weight) in weights.iter_mut().enumerate() {
        *weight /= total;
        center += *weight * i as f64;
    }
    let spread: f64 = weights
        .iter()
        .enumerate()
        .map(|(i, weight)| weight * (i as f64 - center) * (i as f64 - center))
        .sum();
    if spread.sqrt() > 0.001 * range {
        let slope = (x - center) / spread;
        for (i, weight) in weights.iter_mut().enumerate() {
            *weight *= slope * (i as f64 - center) + 1.0;
        }
    }
}
