//! Each point judged from its past alone.
//!
//! Several simple predictors run side by side and are trusted by how well they did lately (the
//! last value, two running levels, level and seasons, which are learnt on the way). Four questions
//! are asked of each point, upwards and downwards: is it far from what was predicted; is the
//! recent level far from the long one; is the recent spread unlike the long one; is the value
//! itself far out. What "far" means is learnt from the answers so far: beyond the quantile that a
//! generalised Pareto tail (Pickands 1975; in the manner of Siffer et al. 2017) puts at the
//! alarm rate. An alarm opens an episode, and there is no other until values are as before, or have
//! become usual, or get much worse. Where noise grows with the level, all of this is about the
//! logarithms or roots of the values: else the noise of days would hide what happens at night.

mod pulses;
mod scale;
mod tail;

use std::collections::VecDeque;

use pulses::cycle_of_pulses;
use scale::Scale;
use tail::Tail;

use super::{AnomalySeverity, score};
use crate::season;

/// What an [`OnlineDetector`] is told.
#[derive(Clone, Debug, PartialEq)]
pub struct OnlineOptions {
    /// Lengths of the seasons, where known; learnt from the points otherwise.
    pub seasons: Vec<usize>,
    /// Points before the first alarm may be raised.
    pub probation: usize,
    /// Chance of an alarm at a point of noise, for each of the questions asked.
    pub alarm_rate: f64,
}

impl Default for OnlineOptions {
    /// Seasons learnt, 150 points of probation, one alarm in about 10,000 points for each question.
    fn default() -> Self {
        Self { seasons: Vec::new(), probation: 150, alarm_rate: 1e-4 }
    }
}

/// The judgement of one point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Verdict {
    /// What was expected of it.
    pub expected: f64,
    /// Lower edge of the range.
    pub lo: f64,
    /// Upper edge of the range.
    pub hi: f64,
    /// Distance from the expected value over the distance of the edge on that side.
    pub score: f64,
    /// The score in words.
    pub severity: AnomalySeverity,
    /// Whether this point raises an alarm. It may lie inside the range, where it is the level or
    /// the spread of the last points that is unusual; and points outside may raise none, while an
    /// episode lasts.
    pub anomaly: bool,
}

/// Judges a series point by point, in bounded memory.
#[derive(Clone, Debug)]
pub struct OnlineDetector {
    options: OnlineOptions,
    count: usize,
    history: VecDeque<f64>,
    /// What everything below is measured on.
    scale: Scale,
    season: Vec<Profile>,
    /// Mean size of the errors in each phase of the shortest season.
    loudness: Vec<f64>,
    next_learning: usize,
    next_pulses: usize,
    forecasters: [Forecaster; 4],
    /// Level over the long run, without seasons.
    slow: f64,
    /// Level over some tens of points, without seasons.
    medium: f64,
    /// Recent mean distance from level and seasons.
    drift: f64,
    /// Mean size of recent, and of all, errors.
    spread_fast: f64,
    spread_slow: f64,
    magnitude: f64,
    /// The count of points at which all seasons had been seen twice.
    settled_at: usize,
    tails: [Tail; 8],
    episode: Option<Episode>,
    /// How many episodes there were lately.
    crowd: f64,
}

/// Points kept to learn seasons and scale from.
const HISTORY: usize = 8192;
/// The first count of points at which they are looked for.
const FIRST_LEARNING: usize = 256;

#[derive(Clone, Debug)]
struct Profile {
    values: Vec<f64>,
    seen: usize,
}

/// A predictor and how far off it has been lately.
#[derive(Clone, Copy, Debug, Default)]
struct Forecaster {
    prediction: f64,
    error: f64,
}

/// A [`Verdict`] on the scale.
#[derive(Clone, Copy, Debug)]
struct Judgement {
    expected: f64,
    lo: f64,
    hi: f64,
    anomaly: bool,
}

#[derive(Clone, Copy, Debug)]
struct Episode {
    /// The largest error so far, in units of its limit.
    peak: f64,
    quiet: usize,
    age: usize,
}

impl OnlineDetector {
    /// A detector that has seen nothing yet.
    pub fn new(options: OnlineOptions) -> Self {
        let season: Vec<Profile> = options
            .seasons
            .iter()
            .filter(|length| (2..=HISTORY).contains(*length))
            .map(|length| Profile { values: vec![0.0; *length], seen: 0 })
            .collect();
        let shortest = season.iter().map(|profile| profile.values.len()).min().unwrap_or(0);
        Self {
            options,
            count: 0,
            history: VecDeque::new(),
            scale: Scale::Plain,
            season,
            loudness: vec![0.0; shortest],
            next_learning: FIRST_LEARNING,
            next_pulses: 0,
            forecasters: Default::default(),
            slow: 0.0,
            medium: 0.0,
            drift: 0.0,
            spread_fast: 0.0,
            spread_slow: 0.0,
            magnitude: 0.0,
            settled_at: 0,
            tails: std::array::from_fn(|_| Tail::default()),
            episode: None,
            crowd: 0.0,
        }
    }

    /// Judges `value`, then learns from it. A value that is not finite is neither an anomaly nor
    /// learnt from.
    pub fn push(&mut self, value: f64) -> Verdict {
        if !value.is_finite() {
            let expected = self.scale.value(self.expected());
            return Verdict {
                expected,
                lo: expected,
                hi: expected,
                score: 0.0,
                severity: AnomalySeverity::None,
                anomaly: false,
            };
        }
        // Keeps squares and differences of the largest floats finite.
        let value = value.clamp(-1e150, 1e150);
        if !self.scale.holds(value) {
            self.learn_again(self.lengths(), Scale::Plain);
        }
        let judgement = self.judge(self.scale.place(value));
        let [expected, lo, hi] =
            [judgement.expected, judgement.lo, judgement.hi].map(|place| self.scale.value(place));
        let score = score(value, expected, lo, hi);
        self.remember(value);
        if judgement.anomaly {
            self.look_for_pulses();
        }
        let severity = AnomalySeverity::of(score);
        Verdict { expected, lo, hi, score, severity, anomaly: judgement.anomaly }
    }

    /// Judges what stands at `place` of the scale, then learns from it.
    fn judge(&mut self, place: f64) -> Judgement {
        if self.count == 0 {
            self.start(place);
        }
        let expected = self.expected();
        let answers = self.answers(place, expected);
        let factor = self.loudness_factor();
        let (mut lo, mut hi) =
            (expected - factor * self.limit(1), expected + factor * self.limit(0));
        if !self.knows_limits() {
            // There is no telling yet what is outside.
            (lo, hi) = (lo.min(place), hi.max(place));
        }
        let strongest = self.strongest(&self.unexplained(place, answers));
        let anomaly = self.alarm(strongest, score(place, expected, lo, hi));
        self.learn(place, expected, &answers);
        Judgement { expected, lo, hi, anomaly }
    }

    /// The answer that lies furthest out, in units of its limit.
    fn strongest(&self, answers: &[f64; 8]) -> f64 {
        (0..8).map(|question| answers[question] / self.limit(question)).fold(0.0, f64::max)
    }

    fn start(&mut self, value: f64) {
        self.slow = value;
        self.medium = value;
        for forecaster in &mut self.forecasters {
            forecaster.prediction = value;
        }
    }

    /// The predictions, each weighed by the sixth power of its recent precision.
    fn expected(&self) -> f64 {
        let least = self.forecasters.iter().map(|f| f.error).fold(f64::INFINITY, f64::min);
        let (mut top, mut bottom) = (0.0, 0.0);
        for forecaster in &self.forecasters {
            let weight = ((least + 1e-300) / (forecaster.error + 1e-300)).powi(6);
            top += weight * forecaster.prediction;
            bottom += weight;
        }
        top / bottom
    }

    /// How far out the point is: error, drift of the level, change of spread, value; each up and
    /// down.
    fn answers(&self, value: f64, expected: f64) -> [f64; 8] {
        let error = (value - expected) / self.loudness_factor();
        let drift = self.next_drift(value);
        let fast = self.spread_fast + (error.abs() - self.spread_fast) / FAST;
        let least = self.floor();
        let spread = ((fast + least) / (self.spread_slow + least)).ln();
        let far = value - self.slow;
        let up = |x: f64| x.max(0.0);
        [up(error), up(-error), up(drift), up(-drift), up(spread), up(-spread), up(far), up(-far)]
    }

    /// The answers without that of a value which is far out as it is at this phase of the seasons.
    fn unexplained(&self, value: f64, mut answers: [f64; 8]) -> [f64; 8] {
        let bare = value - self.slow - self.season_at(self.count);
        for (question, side) in [(6, 1.0), (7, -1.0)] {
            if side * bare < UNEXPLAINED * answers[question] {
                answers[question] = 0.0;
            }
        }
        answers
    }

    fn next_drift(&self, value: f64) -> f64 {
        let off = value - self.slow - self.season_at(self.count);
        self.drift + (off - self.drift) / DRIFT
    }

    fn season_at(&self, index: usize) -> f64 {
        self.season.iter().map(|profile| profile.values[index % profile.values.len()]).sum()
    }

    /// How much louder the noise of this phase is than all of it: nights are quieter than days.
    fn loudness_factor(&self) -> f64 {
        let cycles = self.count / self.loudness.len().max(1);
        if self.loudness.is_empty() || cycles < LOUDNESS_CYCLES {
            return 1.0;
        }
        let mean = self.loudness.iter().sum::<f64>() / self.loudness.len() as f64;
        let own = self.loudness[self.count % self.loudness.len()];
        let weight = cycles.min(20) as f64;
        // Logarithms make phases alike, roots of what spreads wider than counts do not quite.
        let is_even = matches!(self.scale, Scale::Log { .. });
        let prior = if is_even { EVEN_PRIOR } else { LOUDNESS_PRIOR };
        let factor = (weight * own + prior * mean) / ((weight + prior) * mean);
        if factor.is_finite() { factor.clamp(0.1, 10.0) } else { 1.0 }
    }

    fn learn_loudness(&mut self, size: f64) {
        let length = self.loudness.len();
        if length == 0 {
            return;
        }
        let cycles = (self.count / length) as f64;
        let own = &mut self.loudness[self.count % length];
        *own += (size - *own) / (cycles + 1.0).min(30.0);
    }

    /// Differences that are never worth an alarm.
    fn floor(&self) -> f64 {
        1e-3 * self.magnitude + 1e-12
    }

    fn limit(&self, question: usize) -> f64 {
        let least = if question == 4 || question == 5 { 0.7 } else { 3.0 * self.floor() };
        self.tails[question].limit.max(least)
    }

    /// Answers before limits are believed: a cycle of the longest season at least, since all of its
    /// phases must have had their say.
    fn knows_limits(&self) -> bool {
        let longest = self.season.iter().map(|profile| profile.values.len()).max().unwrap_or(0);
        self.tails[0].whole >= longest.max(LEARNT_MIN) as f64
    }

    fn alarm(&mut self, strongest: f64, sudden: f64) -> bool {
        if self.count < self.options.probation || !self.knows_limits() {
            return false;
        }
        self.crowd *= 1.0 - 1.0 / CROWD;
        let patience = (self.count / PATIENCE).clamp(PATIENCE_MIN, PATIENCE_MAX);
        match &mut self.episode {
            None if strongest > 1.0 => {
                self.crowd += 1.0;
                self.episode = Some(Episode { peak: sudden.max(1.0), quiet: 0, age: 0 });
                true
            }
            None => false,
            Some(episode) => {
                episode.age += 1;
                episode.quiet = if strongest > 0.8 { 0 } else { episode.quiet + 1 };
                if sudden > WORSE * episode.peak {
                    episode.peak = sudden;
                    return true;
                }
                let (over, stays) = (episode.quiet >= patience, episode.age >= STAY * patience);
                if over || stays {
                    self.episode = None;
                }
                if stays && !over {
                    self.absorb();
                }
                false
            }
        }
    }

    /// Takes what has lasted for the new usual.
    fn absorb(&mut self) {
        self.slow += self.drift;
        self.medium = self.slow;
        self.spread_slow = self.spread_fast;
        self.drift = 0.0;
        // Limits have yet to learn what the new usual is, from the alarms that it raises.
        self.crowd = self.crowd.max(CROWD_USUAL);
    }

    /// Whether the seasons, if any, have been seen twice, so that errors are as they will be.
    fn settles(&self) -> bool {
        self.season.iter().all(|profile| profile.seen >= 2 * profile.values.len())
    }

    fn learn(&mut self, value: f64, expected: f64, answers: &[f64; 8]) {
        if !self.settles() {
            self.settled_at = self.count + 1;
        }
        let since = self.count.saturating_sub(self.settled_at);
        let factor = self.loudness_factor();
        let mut unit = (value - expected) / factor;
        if since >= SETTLED_MIN {
            unit = unit.clamp(-self.limit(1), self.limit(0));
        }
        let error = factor * unit;
        let calm = if since < SETTLED_MIN { value } else { expected + error };

        let limits: [f64; 8] = std::array::from_fn(|i| self.limit(i));
        self.learn_limits(answers, &limits, since);
        let share = |horizon: f64, points: usize| 1.0 / horizon.min((points + 1) as f64);
        self.spread_fast += (unit.abs() - self.spread_fast) * share(FAST, since);
        self.spread_slow += (unit.abs() - self.spread_slow) * share(LONG, since);
        self.learn_loudness(error.abs());
        self.drift = self.next_drift(calm);
        self.magnitude = (self.magnitude * (1.0 - 1.0 / LONG)).max(self.scale.magnitude(calm));

        // Precision from before the seasons were known counts for little.
        let trusted = self.count.min(since + UNSETTLED_WORTH);
        for forecaster in &mut self.forecasters {
            let off = (value - forecaster.prediction).abs();
            let most =
                if trusted < SETTLED_MIN { f64::INFINITY } else { 6.0 * forecaster.error + 1e-300 };
            forecaster.error +=
                (off.min(most.max(1e-12)) - forecaster.error) * share(TRUST, trusted);
        }
        let bare = calm - self.season_at(self.count);
        let away = [2, 3, 6, 7].into_iter().any(|question| answers[question] > limits[question]);
        if !(away && self.episode.is_some()) {
            self.slow += (bare - self.slow) * share(LONG, self.count);
        }
        self.medium += (bare - self.medium) * share(MEDIUM, self.count);
        self.learn_season(calm);
        self.count += 1;

        let quick = self.forecasters[1].prediction;
        self.forecasters[0].prediction = value;
        self.forecasters[1].prediction = quick + 0.25 * (value - quick);
        self.forecasters[2].prediction = self.medium + self.season_at(self.count);
        self.forecasters[3].prediction = self.slow + self.season_at(self.count);
    }

    /// Remembers the answers, as far as they are about what is usual. An episode is not, before it
    /// has been quiet for some points.
    fn learn_limits(&mut self, answers: &[f64; 8], limits: &[f64; 8], since: usize) {
        // In the cycle after the seasons have settled, the predictors still find out which of them
        // is right.
        if !self.settles() || since < self.loudness.len() {
            return;
        }
        let settled = since >= SETTLED_TAILS;
        let is_wild = |episode: Episode| episode.age > 0 && episode.quiet < QUIET_MIN;
        if settled && self.episode.is_some_and(is_wild) {
            return;
        }
        let far = self.worth_of_far();
        for (question, (answer, limit)) in answers.iter().zip(limits).enumerate() {
            let most = match settled {
                true if *answer > NEARLY_USUAL * limit => far * limit,
                _ => f64::INFINITY,
            };
            self.tails[question].add(answer.min(most), self.options.alarm_rate);
        }
    }

    /// As how many limits an answer far out is remembered. One that begins an episode says little
    /// about what is usual, unless there are many such, or the same alarm would be raised for ever.
    fn worth_of_far(&self) -> f64 {
        let most = if self.scale.is_even() { EVEN_OPENING } else { OPENING };
        if self.episode.is_none() {
            return most;
        }
        let usual = ((self.crowd - CROWD_RARE) / (CROWD_USUAL - CROWD_RARE)).clamp(0.0, 1.0);
        RARE_OPENING + (most - RARE_OPENING) * usual
    }

    /// Moves the profiles towards what the level leaves.
    fn learn_season(&mut self, value: f64) {
        let mut off = value - self.slow - self.season_at(self.count);
        let at = self.count;
        for profile in &mut self.season {
            let length = profile.values.len();
            let cycles = (profile.seen / length) as f64;
            let part = off / (cycles + 1.0).min(8.0);
            profile.values[at % length] += part;
            profile.seen += 1;
            off -= part;
        }
    }

    /// Keeps the value, and looks for seasons and scale each time the number of points has doubled.
    fn remember(&mut self, value: f64) {
        self.history.push_back(value);
        if self.history.len() > HISTORY {
            self.history.pop_front();
        }
        if self.count < self.next_learning {
            return;
        }
        self.next_learning += self.next_learning.min(HISTORY / 2);
        let values: Vec<f64> = self.history.iter().copied().collect();
        let known = self.lengths();
        let mut lengths = known.clone();
        if self.options.seasons.is_empty() {
            let options = season::Options { strength_min: 0.2, ..season::Options::new(&[]) };
            let found = season::season_lengths(&values, &options);
            if !found.is_empty() {
                lengths = found;
            }
            if let Some(length) = cycle_of_pulses(&values) {
                add_season(&mut lengths, length);
            }
        }
        let scale = Scale::suiting(&values, &lengths);
        if lengths != known || scale != self.scale {
            self.learn_again(lengths, scale);
        }
    }

    /// Asks at an alarm whether it is one that comes again and again, without waiting for the number
    /// of points to double.
    fn look_for_pulses(&mut self) {
        if !self.options.seasons.is_empty() || self.count < self.next_pulses {
            return;
        }
        self.next_pulses = self.count + self.count / PULSES_PATIENCE;
        let values: Vec<f64> = self.history.iter().copied().collect();
        let mut lengths = self.lengths();
        if let Some(length) = cycle_of_pulses(&values)
            && add_season(&mut lengths, length)
        {
            self.learn_again(lengths, self.scale);
        }
    }

    /// Lengths of the seasons that are known.
    fn lengths(&self) -> Vec<usize> {
        self.season.iter().map(|profile| profile.values.len()).collect()
    }

    /// Goes through the kept points again with these seasons and on this scale.
    fn learn_again(&mut self, seasons: Vec<usize>, scale: Scale) {
        let options = OnlineOptions { seasons, ..self.options.clone() };
        let mut again = Self { scale, ..Self::new(options) };
        for value in &self.history {
            again.judge(scale.place(*value));
        }
        // Points count from the first kept one from here on.
        again.options = self.options.clone();
        again.options.probation = self.options.probation.saturating_sub(self.count - again.count);
        again.history = std::mem::take(&mut self.history);
        again.next_learning = self.next_learning.saturating_sub(self.count - again.count);
        again.next_pulses = self.next_pulses.saturating_sub(self.count - again.count);
        again.episode = self.episode;
        again.crowd = self.crowd;
        *self = again;
    }
}

/// Adds a season, unless one of about that length is there. Returns whether it was added.
fn add_season(lengths: &mut Vec<usize>, length: usize) -> bool {
    let is_new = lengths.iter().all(|known| known.abs_diff(length) > length / 10);
    if is_new {
        lengths.push(length);
        lengths.sort_unstable();
    }
    is_new
}

/// Points between two looks for pulses, as a part of those seen.
const PULSES_PATIENCE: usize = 20;
/// The part of a far value that no season explains, from which on it is far.
const UNEXPLAINED: f64 = 0.5;
/// Cycles before phases are told apart by their noise, and what the assumption that they are alike
/// is worth in cycles.
const LOUDNESS_CYCLES: usize = 4;
const LOUDNESS_PRIOR: f64 = 1.5;
/// What it is worth on the scale that makes them alike.
const EVEN_PRIOR: f64 = 40.0;
/// Horizons in points.
const FAST: f64 = 20.0;
const DRIFT: f64 = 10.0;
const MEDIUM: f64 = 50.0;
const TRUST: f64 = 200.0;
const LONG: f64 = 2000.0;
/// Answers before any limit is believed; or more, see there.
const LEARNT_MIN: usize = 40;
/// Points after the seasons were seen twice from which on wild values are pulled in.
const SETTLED_MIN: usize = 20;
/// Points that the precision of the predictors before that is worth.
const UNSETTLED_WORTH: usize = 8;
/// An episode ends after a quiet stretch of this part of the points seen.
const PATIENCE: usize = 40;
const PATIENCE_MIN: usize = 12;
const PATIENCE_MAX: usize = 200;
/// An episode that lasts for so many of these stretches is the new usual.
const STAY: usize = 4;
/// Quiet points of an episode after which answers are remembered again.
const QUIET_MIN: usize = 5;
/// Points after the seasons were seen twice from which on limits are known well enough to pull answers in.
const SETTLED_TAILS: usize = 100;
/// Up to how many limits an answer is remembered as it is.
const NEARLY_USUAL: f64 = 1.2;
/// As how many limits the answer that begins an episode is remembered, where episodes are usual.
const OPENING: f64 = 1.5;
/// The same on a scale that makes noise even, where tails are light.
const EVEN_OPENING: f64 = 1.2;
/// The same where episodes are rare.
const RARE_OPENING: f64 = 0.6;
/// An episode is forgotten after about so many points.
const CROWD: f64 = 4000.0;
/// How many of them at a time are rare still, and from how many on they are usual.
const CROWD_RARE: f64 = 3.0;
const CROWD_USUAL: f64 = 9.0;
/// How many times worse an episode must get to be worth another alarm.
const WORSE: f64 = 2.0;
