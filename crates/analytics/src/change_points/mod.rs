//! When the level of a series changed and stayed changed.
//!
//! Seasons are taken out and wild values pulled in first. Then several explanations compete: one
//! level after another, steps on a common line, one line after another; each with independent
//! noise or with noise that follows itself (φ up to 0.86). The least of
//!
//! `n ln(RSS / (n - p)) - (K + 1) ln(1 - φ²) + c K ln n + (other parameters) ln n`
//!
//! wins, where RSS sums the squared innovations over the `K + 1` segments: the likelihood of
//! segments with first-order autocorrelation, with a penalty in the manner of Zhang & Siegmund
//! (2007), who derive `3 ln n` for a level and its place. Noise that follows itself thereby pays
//! for itself: it takes a larger step to stand out of it. [`pelt`] is the plain procedure.

mod pelt;
mod segments;

pub use pelt::pelt;

use crate::decompose::{Scale, seasons_with_two_cycles, spread_grows_with_level};
use crate::robust;
use segments::{Costs, Shape, best_cuts, candidates, refine};

/// What [`change_points`] is told.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Lengths of the seasons to take out first.
    pub seasons: Vec<usize>,
    /// Whether steps add or multiply.
    pub scale: Scale,
    /// Points that a level must last; 0 chooses by the season and the length of the series, and lets
    /// the last level be shorter: it may have just begun.
    pub segment_min: usize,
    /// Least change that counts, in standard deviations of the noise.
    pub effect_min: f64,
    /// Whether a bend of the trend is a change too, or only a step.
    pub bends: bool,
    /// Multiplies the penalty: above 1 for fewer changes, below for more.
    pub penalty: f64,
}

impl Options {
    /// Steps and bends, on the scale that suits the data.
    pub fn new(seasons: &[usize]) -> Self {
        Self {
            seasons: seasons.to_vec(),
            scale: Scale::Auto,
            segment_min: 0,
            effect_min: 1.0,
            bends: true,
            penalty: 0.9,
        }
    }

    /// Steps alone, and only those that are beyond doubt: for alarms.
    pub fn steps(seasons: &[usize]) -> Self {
        Self { bends: false, penalty: 1.2, effect_min: 1.5, ..Self::new(seasons) }
    }
}

/// A place at which the level changed and stayed changed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ChangePoint {
    /// The first point of the new level.
    pub index: usize,
    /// The earliest place that the change may have, at 95 %.
    pub lo: usize,
    /// The latest place that the change may have, at 95 %.
    pub hi: usize,
    /// Level just before, without season and noise, in the units of the series.
    pub before: f64,
    /// Level from the change on.
    pub after: f64,
    /// Size of the step in standard deviations of the noise.
    pub effect: f64,
    /// By how much the criterion above falls by admitting this change.
    pub gain: f64,
}

impl ChangePoint {
    /// `after - before`.
    pub fn size(&self) -> f64 {
        self.after - self.before
    }
}

/// A series told as a few levels.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Segmentation {
    /// The changes, in order of time.
    pub changes: Vec<ChangePoint>,
    /// The level at each point, in the units of the series, without seasons.
    pub level: Vec<f64>,
    /// What the seasons add to the level (multiply it by, if `log`) at each point.
    pub season: Vec<f64>,
    /// Whether logarithms were looked at.
    pub log: bool,
    /// First-order autocorrelation of the noise.
    pub autocorrelation: f64,
}

impl Segmentation {
    /// The stretches `[from, to)` between changes in which all of `values` are zero.
    pub(crate) fn empty_stretches(&self, values: &[f64]) -> Vec<(usize, usize)> {
        let places: Vec<usize> = self.changes.iter().map(|change| change.index).collect();
        let mut stretches = stretches(&places, values.len());
        stretches.retain(|(from, to)| values[*from..*to].iter().all(|value| *value == 0.0));
        stretches
    }

    /// Puts levels at zero where nothing was: without the additive season, zeros are the season upside
    /// down.
    fn keep_nothing(&mut self, values: &[f64]) {
        for (from, to) in self.empty_stretches(values) {
            self.level[from..to].fill(0.0);
            for change in &mut self.changes {
                if change.index == from {
                    change.after = 0.0;
                } else if change.index == to {
                    change.before = 0.0;
                }
            }
        }
    }
}

/// The changes of `values`, in order of time. See [`segment`].
pub fn change_points(values: &[f64], options: &Options) -> Vec<ChangePoint> {
    segment(values, options).changes
}

/// Finds the changes, and the levels between them. Values that are not finite are filled from
/// their neighbours. Series of fewer than 8 points are one level.
pub fn segment(values: &[f64], options: &Options) -> Segmentation {
    let filled = robust::fill_gaps(values);
    let seasons = seasons_with_two_cycles(&options.seasons, filled.len());
    let log = match options.scale {
        Scale::Additive => false,
        scale => {
            filled.iter().all(|value| *value > 0.0)
                && !filled.is_empty()
                && (scale == Scale::Log || spread_grows_with_level(&filled, &seasons))
        }
    };
    let y: Vec<f64> =
        if log { filled.iter().map(|value| value.ln()).collect() } else { filled.clone() };
    let least = Least::of(options, &seasons, y.len());

    let mut season = seasonal(&y, &seasons, &rough_level(&y, &seasons));
    let mut story = tell(&without(&y, &season), least, options, &PHIS);
    if !seasons.is_empty() && !story.places.is_empty() {
        season = seasonal(&y, &seasons, &story.level);
        let near: Vec<f64> =
            PHIS.into_iter().filter(|phi| (phi - story.phi).abs() < 0.25).collect();
        story = tell(&without(&y, &season), least, options, &near);
    }
    let mut segmentation = finish(story, season, log);
    if !log {
        segmentation.keep_nothing(&filled);
    }
    segmentation
}

fn finish(story: Story, season: Vec<f64>, log: bool) -> Segmentation {
    let unscaled = |value: f64| if log { value.exp() } else { value };
    let changes = story
        .places
        .iter()
        .map(|place| ChangePoint {
            index: place.index,
            lo: place.lo,
            hi: place.hi,
            before: unscaled(place.before),
            after: unscaled(place.after),
            effect: place.effect,
            gain: place.gain,
        })
        .collect();
    Segmentation {
        changes,
        level: story.level.iter().map(|level| unscaled(*level)).collect(),
        season: season.iter().map(|season| unscaled(*season)).collect(),
        log,
        autocorrelation: story.phi,
    }
}

/// How many points a level must last.
#[derive(Clone, Copy, Debug)]
struct Least {
    /// Any but the last.
    segment: usize,
    /// The last, which may have just begun.
    last: usize,
}

impl Least {
    fn of(options: &Options, seasons: &[usize], count: usize) -> Self {
        if options.segment_min > 0 {
            let segment = options.segment_min.max(2);
            return Self { segment, last: segment };
        }
        let by_season = seasons.first().copied().unwrap_or(0).min(count / 8);
        Self { segment: by_season.max((count / 30).clamp(3, 7)), last: 3 }
    }
}

fn without(y: &[f64], season: &[f64]) -> Vec<f64> {
    y.iter().zip(season).map(|(y, season)| y - season).collect()
}

/// The median around each point over the shortest season: a level that steps survive.
fn rough_level(y: &[f64], seasons: &[usize]) -> Vec<f64> {
    let Some(shortest) = seasons.first() else { return vec![0.0; y.len()] };
    let level = robust::running_median(y, (shortest / 2).clamp(2, 200));
    let Some(next) = seasons.get(1) else { return level };
    robust::running_median(&level, (next / 2).clamp(2, 200))
}

/// Median of each phase over all cycles, of what the level leaves; each season after the other.
pub(crate) fn seasonal(y: &[f64], seasons: &[usize], level: &[f64]) -> Vec<f64> {
    let mut rest = without(y, level);
    let mut season = vec![0.0; y.len()];
    for length in seasons {
        let profile = profile(&rest, *length);
        for i in 0..y.len() {
            rest[i] -= profile[i % length];
            season[i] += profile[i % length];
        }
    }
    season
}

fn profile(rest: &[f64], length: usize) -> Vec<f64> {
    let mut phase = Vec::with_capacity(rest.len() / length + 1);
    let mut profile: Vec<f64> = (0..length)
        .map(|start| {
            phase.clear();
            phase.extend(rest.iter().skip(start).step_by(length));
            robust::median_in_place(&mut phase)
        })
        .collect();
    // Few cycles make noisy medians; neighbours steady them.
    if rest.len() < 5 * length && length > 60 {
        let reach = length / 40;
        let circle: Vec<f64> =
            (0..length + 2 * reach).map(|i| profile[(i + length - reach) % length]).collect();
        profile = circle.windows(2 * reach + 1).map(robust::mean).collect();
    }
    let center = robust::mean(&profile);
    profile.iter_mut().for_each(|value| *value -= center);
    profile
}

/// Reach of the median that spikes are held against.
const SPIKE_REACH: usize = 3;
/// Standard deviations at which a value is pulled in.
const SPIKE: f64 = 3.0;

/// A series is flat where fewer than one in so many points leave it.
const FLAT: usize = 10;

/// Values far from the median of their neighbourhood, pulled in to its edge.
fn clip_spikes(y: &[f64]) -> Vec<f64> {
    let reach = SPIKE_REACH.min(y.len() / 8).max(1);
    let middle = robust::running_median(y, reach);
    let off: Vec<f64> = y.iter().zip(&middle).map(|(y, m)| y - m).collect();
    // The points that define the median are off by nothing; they would drag the scale down.
    let own: Vec<f64> = off.iter().copied().filter(|off| off.abs() > 0.0).collect();
    // On a flat line there is no noise, and whatever leaves it for a moment is a spike.
    if own.len() * FLAT < y.len() {
        return middle;
    }
    let scale = robust::mad_about_zero(&own);
    if !(scale > 0.0) {
        return y.to_vec();
    }
    middle.iter().zip(&off).map(|(m, off)| m + off.clamp(-SPIKE * scale, SPIKE * scale)).collect()
}

/// What was found, on the scale that was looked at.
struct Story {
    places: Vec<Place>,
    level: Vec<f64>,
    phi: f64,
}

impl Story {
    /// The same, told of a series that was `center + scale` times this one.
    fn in_units(mut self, center: f64, scale: f64) -> Self {
        let original = |value: f64| center + scale * value;
        self.level.iter_mut().for_each(|level| *level = original(*level));
        for place in &mut self.places {
            place.before = original(place.before);
            place.after = original(place.after);
        }
        self
    }
}

struct Place {
    index: usize,
    lo: usize,
    hi: usize,
    before: f64,
    after: f64,
    effect: f64,
    gain: f64,
}

/// Autocorrelations that compete.
const PHIS: [f64; 6] = [0.0, 0.2, 0.4, 0.6, 0.75, 0.86];
/// From so many changes on, the plain procedure is asked where they are.
const MANY_CHANGES: usize = 4;
/// Changes that it may find; more are taken for noise that follows itself.
const MANY_CHANGES_MAX: usize = 60;
/// Points of a series of which it is asked, at most: its time may grow with their square.
const MANY_POINTS_MAX: usize = 5_000;
/// Standard deviation of the noise, in those of the whole, below which nothing is gained.
const NOISE_MIN: f64 = 0.02;

fn tell(y: &[f64], least: Least, options: &Options, phis: &[f64]) -> Story {
    let clipped = clip_spikes(y);
    let center = robust::mean(&clipped);
    let scale = robust::standard_deviation(&clipped);
    if y.len() < 8 || y.len() < 2 * least.segment || !(scale > 0.0 && scale.is_finite()) {
        let level = robust::median(y);
        return Story { places: Vec::new(), level: vec![level; y.len()], phi: 0.0 };
    }
    let unit: Vec<f64> = clipped.iter().map(|value| (value - center) / scale).collect();
    let best = best_explanation(&unit, least, options, phis);
    best.story(&unit, least.segment, options).in_units(center, scale)
}

/// One way to explain a series.
#[derive(Clone, Debug)]
struct Explanation {
    shape: Shape,
    phi: f64,
    /// Slope that all levels share.
    slope: f64,
    places: Vec<usize>,
    criterion: f64,
}

fn best_explanation(y: &[f64], least: Least, options: &Options, phis: &[f64]) -> Explanation {
    let places = candidates(y, least);
    let search = Search { places: &places, least, options, effort: Effort::USUAL };
    let mut best = search.many_levels(y);
    for phi in phis.iter().copied() {
        let flat = search.explain(y, Shape::Level, phi, 0.0, 0);
        let mut rivals = vec![search.steps_on_a_line(y, phi, &flat), flat];
        rivals.push(search.explain(y, Shape::Line, phi, 0.0, 1));
        rivals.retain(|rival| rival.criterion.is_finite());
        for rival in rivals {
            if best.as_ref().is_none_or(|best| rival.criterion < best.criterion) {
                best = Some(rival);
            }
        }
    }
    best.unwrap_or(Explanation {
        shape: Shape::Level,
        phi: 0.0,
        slope: 0.0,
        places: Vec::new(),
        criterion: 0.0,
    })
}

struct Search<'a> {
    places: &'a [usize],
    least: Least,
    options: &'a Options,
    effort: Effort,
}

/// How long a search goes on.
#[derive(Clone, Copy, Debug)]
struct Effort {
    /// Changes that are looked for, at most.
    changes_max: usize,
    /// Numbers of changes without progress before the search ends.
    patience: usize,
}

impl Effort {
    const USUAL: Self = Self { changes_max: 24, patience: 5 };
}

impl Search<'_> {
    /// Levels one after another in independent noise, where PELT says that there are many: going to
    /// and fro between two levels, each change by itself explains next to nothing, and a search from
    /// few changes upwards would give up.
    fn many_levels(&self, y: &[f64]) -> Option<Explanation> {
        if y.len() > MANY_POINTS_MAX {
            return None;
        }
        let steps: Vec<f64> = y.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let noise = (robust::mad(&steps) / std::f64::consts::SQRT_2).max(NOISE_MIN);
        let penalty = 3.0 * noise * noise * (y.len() as f64).ln();
        let rough = pelt(y, penalty, self.least.segment);
        if !(MANY_CHANGES..=MANY_CHANGES_MAX).contains(&rough.len()) {
            return None;
        }
        let mut places = [self.places, &rough].concat();
        places.sort_unstable();
        places.dedup();
        let changes_max = rough.len() + Effort::USUAL.patience;
        let effort = Effort { changes_max, patience: changes_max };
        Some(Search { places: &places, effort, ..*self }.explain(y, Shape::Level, 0.0, 0.0, 0))
    }

    /// The best number and places of changes for one shape and autocorrelation. `extra` counts
    /// parameters besides the levels.
    fn explain(&self, y: &[f64], shape: Shape, phi: f64, slope: f64, extra: usize) -> Explanation {
        let costs = Costs::new(y, shape, phi);
        let most = y.len() / self.least.segment - 1;
        let effort = Effort { changes_max: self.effort.changes_max.min(most), ..self.effort };
        let price = |rss: f64, changes: usize| {
            criterion(rss, y.len(), changes, shape, phi, extra, self.options)
        };
        let (criterion, mut places) = best_cuts(&costs, self.places, self.least, effort, price);
        if y.len() > self.places.len() * 2 {
            refine(&costs, &mut places, self.least.segment, 10);
        }
        Explanation { shape, phi, slope, places, criterion }
    }

    /// Levels on a common line, whose slope is fitted within the segments in turn with them.
    fn steps_on_a_line(&self, y: &[f64], phi: f64, flat: &Explanation) -> Explanation {
        let mut best: Option<Explanation> = None;
        let starts = if flat.places.is_empty() { 1 } else { 2 };
        for start in [Vec::new(), flat.places.clone()].into_iter().take(starts) {
            let mut places = start;
            for _ in 0..2 {
                let slope = common_slope(y, &places);
                let tilted: Vec<f64> =
                    y.iter().enumerate().map(|(i, y)| y - slope * i as f64).collect();
                let rival = self.explain(&tilted, Shape::Level, phi, slope, 1);
                let settled = rival.places == places;
                places.clone_from(&rival.places);
                if best.as_ref().is_none_or(|best| rival.criterion < best.criterion) {
                    best = Some(rival);
                }
                if settled {
                    break;
                }
            }
        }
        best.unwrap_or_else(|| flat.clone())
    }
}

fn criterion(
    rss: f64,
    count: usize,
    changes: usize,
    shape: Shape,
    phi: f64,
    extra: usize,
    options: &Options,
) -> f64 {
    let n = count as f64;
    let per_segment = if shape == Shape::Line { 2.0 } else { 1.0 };
    let parameters = per_segment * (changes as f64 + 1.0) + if phi > 0.0 { 1.0 } else { 0.0 };
    let free = (n - parameters - changes as f64).max(1.0);
    let noise = (rss / free).max(NOISE_MIN * NOISE_MIN);
    let price = options.penalty * (2.0 + per_segment) * changes as f64;
    let others = extra as f64 + if phi > 0.0 { 1.0 } else { 0.0 };
    n * noise.ln() - (changes as f64 + 1.0) * (1.0 - phi * phi).ln() + (price + others) * n.ln()
}

fn common_slope(y: &[f64], places: &[usize]) -> f64 {
    let (mut top, mut bottom) = (0.0, 0.0);
    for (from, to) in stretches(places, y.len()) {
        let middle = (from + to - 1) as f64 / 2.0;
        let level = robust::mean(&y[from..to]);
        for (i, value) in y[from..to].iter().enumerate() {
            let time = (from + i) as f64 - middle;
            top += time * (value - level);
            bottom += time * time;
        }
    }
    if bottom > 0.0 { top / bottom } else { 0.0 }
}

/// The segments `[from, to)` between the cuts.
fn stretches(places: &[usize], count: usize) -> Vec<(usize, usize)> {
    let mut edges = vec![0];
    edges.extend_from_slice(places);
    edges.push(count);
    edges.windows(2).map(|edge| (edge[0], edge[1])).collect()
}

impl Explanation {
    /// Drops changes that are too small to matter, and tells the rest.
    fn story(mut self, y: &[f64], segment_min: usize, options: &Options) -> Story {
        loop {
            let lines = self.lines(y);
            let noise = self.noise(y, &lines);
            let weakest = self
                .places
                .iter()
                .enumerate()
                .map(|(k, place)| (k, change_size(&lines, k, *place, segment_min, options) / noise))
                .min_by(|a, b| a.1.total_cmp(&b.1));
            match weakest {
                Some((k, effect)) if effect < options.effect_min => {
                    self.places.remove(k);
                }
                _ => return self.tell(y, &lines, noise, segment_min, options),
            }
        }
    }

    /// Level and slope of each segment.
    fn lines(&self, y: &[f64]) -> Vec<Fit> {
        stretches(&self.places, y.len())
            .into_iter()
            .map(|(from, to)| match self.shape {
                Shape::Line => Fit::line(y, from, to),
                Shape::Level => Fit::on_slope(y, from, to, self.slope),
            })
            .collect()
    }

    fn noise(&self, y: &[f64], lines: &[Fit]) -> f64 {
        let mut squares = 0.0;
        for fit in lines {
            squares += (fit.from..fit.to).map(|i| (y[i] - fit.at(i)).powi(2)).sum::<f64>();
        }
        (squares / y.len() as f64).sqrt().max(NOISE_MIN)
    }

    fn tell(
        &self,
        y: &[f64],
        lines: &[Fit],
        noise: f64,
        segment_min: usize,
        options: &Options,
    ) -> Story {
        let tilted: Vec<f64> =
            y.iter().enumerate().map(|(i, y)| y - self.slope * i as f64).collect();
        let costs = Costs::new(&tilted, self.shape, self.phi);
        let places = (0..self.places.len())
            .map(|k| {
                let index = self.places[k];
                let (lo, hi) = date_range(&costs, lines, k, index, segment_min);
                Place {
                    index,
                    lo,
                    hi,
                    before: lines[k].at(index - 1),
                    after: lines[k + 1].at(index),
                    effect: change_size(lines, k, index, segment_min, options) / noise,
                    gain: self.gain(&costs, lines, k, options),
                }
            })
            .collect();
        let mut level = vec![0.0; y.len()];
        for fit in lines {
            for (i, slot) in level.iter_mut().enumerate().take(fit.to).skip(fit.from) {
                *slot = fit.at(i);
            }
        }
        Story { places, level, phi: self.phi }
    }

    /// What the criterion loses without the change `k`.
    fn gain(&self, costs: &Costs, lines: &[Fit], k: usize, options: &Options) -> f64 {
        let rss: f64 = lines.iter().map(|fit| costs.of(fit.from, fit.to)).sum();
        let (left, right) = (&lines[k], &lines[k + 1]);
        let joined = rss - costs.of(left.from, left.to) - costs.of(right.from, right.to)
            + costs.of(left.from, right.to);
        let count = lines.last().map_or(0, |fit| fit.to);
        let changes = self.places.len();
        criterion(joined, count, changes - 1, self.shape, self.phi, 0, options)
            - criterion(rss, count, changes, self.shape, self.phi, 0, options)
    }
}

/// A segment and the line through it.
#[derive(Clone, Copy, Debug)]
struct Fit {
    from: usize,
    to: usize,
    middle: f64,
    level: f64,
    slope: f64,
}

impl Fit {
    fn on_slope(y: &[f64], from: usize, to: usize, slope: f64) -> Self {
        let middle = (from + to - 1) as f64 / 2.0;
        Self { from, to, middle, level: robust::mean(&y[from..to]), slope }
    }

    fn line(y: &[f64], from: usize, to: usize) -> Self {
        let flat = Self::on_slope(y, from, to, 0.0);
        let (mut top, mut bottom) = (0.0, 0.0);
        for (i, value) in y.iter().enumerate().take(to).skip(from) {
            let time = i as f64 - flat.middle;
            top += time * (value - flat.level);
            bottom += time * time;
        }
        Self { slope: if bottom > 0.0 { top / bottom } else { 0.0 }, ..flat }
    }

    fn at(&self, index: usize) -> f64 {
        self.level + self.slope * (index as f64 - self.middle)
    }
}

/// How far the old line and the new one are apart: at the change, and as far beyond it as both
/// segments reach, so that a bend counts by what it comes to; unless only steps count.
fn change_size(
    lines: &[Fit],
    k: usize,
    place: usize,
    segment_min: usize,
    options: &Options,
) -> f64 {
    let (left, right) = (&lines[k], &lines[k + 1]);
    let reach = (left.to - left.from).min(right.to - right.from).max(segment_min);
    let gap = |index: usize| (right.at(index) - left.at(index)).abs();
    if options.bends { gap(place).max(gap(place + reach)) } else { gap(place) }
}

/// Places that hold 95 % of the likelihood of the date, with an even prior between the
/// neighbouring changes: grown from the likeliest one outwards.
fn date_range(
    costs: &Costs,
    lines: &[Fit],
    k: usize,
    index: usize,
    segment_min: usize,
) -> (usize, usize) {
    let (left, right) = (lines[k].from, lines[k + 1].to);
    let least = segment_min.min(3);
    let (from, to) = (left + least, right.saturating_sub(least));
    if from >= to || index < from || index > to {
        return (index, index);
    }
    let count = lines.last().map_or(1, |fit| fit.to) as f64;
    let rss: f64 = lines.iter().map(|fit| costs.of(fit.from, fit.to)).sum();
    let variance = (rss / count).max(NOISE_MIN * NOISE_MIN);
    let cost = |place: usize| costs.of(left, place) + costs.of(place, right);
    let own = cost(index);
    let weights: Vec<f64> =
        (from..=to).map(|place| (-(cost(place) - own) / (2.0 * variance)).exp().min(1e6)).collect();
    let whole: f64 = weights.iter().sum();
    let (mut lo, mut hi) = (index - from, index - from);
    let mut held = weights[lo];
    while held < 0.95 * whole && (lo > 0 || hi + 1 < weights.len()) {
        let below = if lo > 0 { weights[lo - 1] } else { -1.0 };
        let above = weights.get(hi + 1).copied().unwrap_or(-1.0);
        if below >= above {
            lo -= 1;
            held += below;
        } else {
            hi += 1;
            held += above;
        }
    }
    (from + lo, from + hi)
}

#[cfg(test)]
mod tests;
