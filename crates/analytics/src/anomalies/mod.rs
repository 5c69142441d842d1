//! Values outside what was expected, and gone again.
//!
//! [`detect`] looks at a whole series, [`OnlineDetector`] judges each point from its past alone.
//! Both say what they expected, the range around it, and a score on one scale: the distance from
//! the expected value in units of the distance to the edge of the range on that side. A score
//! above 1 is an anomaly; see [`AnomalySeverity`].

mod classic;
mod combined;
mod online;

pub use online::{OnlineDetector, OnlineOptions, Verdict};

use crate::change_points::Segmentation;
use crate::decompose::Scale;

/// What looks for anomalies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Distance from the median of the series, in MADs.
    ZScore,
    /// Tukey's fences around the quartiles, widened for the length of the series.
    Iqr,
    /// Distance from the median of the neighbours, the point itself left out.
    MovingAverage,
    /// Distance from the median of the same phase in other cycles, the point itself left out.
    Seasonal,
    /// What level, trend and seasons leave unexplained, against noise with the tails that the
    /// series shows. The default.
    Combined,
}

/// The methods that [`Method::Combined`] asks for agreement.
pub const CLASSIC: [Method; 4] =
    [Method::ZScore, Method::Iqr, Method::MovingAverage, Method::Seasonal];

/// How far outside the range a value lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AnomalySeverity {
    /// Score up to 1: within the range.
    None,
    /// Score above 1.
    Low,
    /// Score from 1.5.
    Medium,
    /// Score from 2.5.
    High,
    /// Score from 4.
    Critical,
}

impl AnomalySeverity {
    /// The severity of a score.
    pub fn of(score: f64) -> Self {
        match score {
            score if score >= 4.0 => Self::Critical,
            score if score >= 2.5 => Self::High,
            score if score >= 1.5 => Self::Medium,
            score if score > 1.0 => Self::Low,
            _ => Self::None,
        }
    }
}

/// The side of the expected value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// More than expected.
    Above,
    /// Less than expected.
    Below,
}

/// What [`detect`] is told.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Which method judges.
    pub method: Method,
    /// Lengths of the seasons.
    pub seasons: Vec<usize>,
    /// Whether deviations add or multiply.
    pub scale: Scale,
    /// Chance of an alarm at a point that is noise. 0.006 makes half a false alarm in a quarter of
    /// days.
    pub alarm_rate: f64,
    /// Share of the level that a deviation must exceed to matter at all.
    pub effect_min: f64,
    /// The levels of the series, where the caller has them already.
    pub levels: Option<Segmentation>,
}

impl Options {
    /// The combined method, about half a false alarm in a quarter of days.
    pub fn new(seasons: &[usize]) -> Self {
        Self {
            method: Method::Combined,
            seasons: seasons.to_vec(),
            scale: Scale::Auto,
            alarm_rate: 0.0055,
            effect_min: 0.02,
            levels: None,
        }
    }
}

/// A value outside its range.
#[derive(Clone, Debug, PartialEq)]
pub struct Anomaly {
    /// Place in the series.
    pub index: usize,
    /// The value there.
    pub value: f64,
    /// What was expected.
    pub expected: f64,
    /// Lower edge of the range.
    pub lo: f64,
    /// Upper edge of the range.
    pub hi: f64,
    /// Distance from the expected value over the distance of the edge; above 1.
    pub score: f64,
    /// The score in words.
    pub severity: AnomalySeverity,
    /// Side of the expected value.
    pub direction: Direction,
    /// The methods that see it.
    pub methods: Vec<Method>,
}

/// What [`detect`] found: the anomalies, and the judgement of every point.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// The anomalies, in order of time.
    pub anomalies: Vec<Anomaly>,
    /// What was expected of each point.
    pub expected: Vec<f64>,
    /// Lower edges of the ranges.
    pub lo: Vec<f64>,
    /// Upper edges of the ranges.
    pub hi: Vec<f64>,
    /// Scores; 0 for values that are not finite.
    pub score: Vec<f64>,
}

impl Report {
    /// The anomalies that begin an episode: of those that follow one another without a point in
    /// between, on the same side, the first.
    pub fn episodes(&self) -> impl Iterator<Item = &Anomaly> {
        let before = std::iter::once(None).chain(self.anomalies.iter().map(Some));
        let goes_on = |before: Option<&Anomaly>, anomaly: &Anomaly| {
            before.is_some_and(|before| {
                before.index + 1 == anomaly.index && before.direction == anomaly.direction
            })
        };
        let pairs = before.zip(&self.anomalies);
        pairs
            .filter(move |(before, anomaly)| !goes_on(*before, anomaly))
            .map(|(_, anomaly)| anomaly)
    }
}

/// Fewest points that anything is said about.
const POINTS_MIN: usize = 8;

/// Looks for anomalies in `values`. Values that are not finite are no anomalies. Below 8 points
/// nothing is one.
pub fn detect(values: &[f64], options: &Options) -> Report {
    let ranges = match options.method {
        Method::Combined => combined::ranges(values, options),
        method => classic::ranges(values, method, options),
    };
    let mut report = ranges.within_sign(values).judge(values);
    if values.len() < POINTS_MIN {
        report.anomalies.clear();
        report.score.fill(0.0);
    }
    for anomaly in &mut report.anomalies {
        anomaly.methods.push(options.method);
    }
    if options.method == Method::Combined && !report.anomalies.is_empty() {
        for method in CLASSIC {
            let other = classic::ranges(values, method, options).judge(values);
            for anomaly in &mut report.anomalies {
                if other.score[anomaly.index] > 1.0 {
                    anomaly.methods.push(method);
                }
            }
        }
    }
    report
}

/// What is expected of each point.
#[derive(Clone, Debug, Default)]
struct Ranges {
    expected: Vec<f64>,
    lo: Vec<f64>,
    hi: Vec<f64>,
}

impl Ranges {
    /// Expects nothing below zero where nothing is: spend, counts and times have no such values.
    fn within_sign(mut self, values: &[f64]) -> Self {
        if !values.iter().any(|value| *value < 0.0) {
            for slot in self.expected.iter_mut().chain(&mut self.lo).chain(&mut self.hi) {
                *slot = slot.max(0.0);
            }
        }
        self
    }

    fn judge(self, values: &[f64]) -> Report {
        let score: Vec<f64> = (0..values.len())
            .map(|i| score(values[i], self.expected[i], self.lo[i], self.hi[i]))
            .collect();
        let anomalies = (0..values.len())
            .filter(|i| score[*i] > 1.0)
            .map(|index| Anomaly {
                index,
                value: values[index],
                expected: self.expected[index],
                lo: self.lo[index],
                hi: self.hi[index],
                score: score[index],
                severity: AnomalySeverity::of(score[index]),
                direction: match values[index] > self.expected[index] {
                    true => Direction::Above,
                    false => Direction::Below,
                },
                methods: Vec::new(),
            })
            .collect();
        Report { anomalies, expected: self.expected, lo: self.lo, hi: self.hi, score }
    }
}

/// Distance from the expected value over the distance of the edge on that side.
fn score(value: f64, expected: f64, lo: f64, hi: f64) -> f64 {
    let off = value - expected;
    let reach = if off > 0.0 { hi - expected } else { expected - lo };
    match off.abs() / reach {
        score if score.is_finite() => score,
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests;
