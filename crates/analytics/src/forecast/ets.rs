//! Exponential smoothing in state space form, its form chosen by information criterion.
//!
//! Source: Hyndman, Koehler, Ord & Snyder, *Forecasting with Exponential Smoothing* (2008). With a
//! level `l`, a trend `b` damped by `φ` and a season `s` of `m` phases, each step expects
//! `μ = (l + φb) ⊕ s[t−m]` and corrects the states by the error `e = y − μ`:
//!
//! - `l ← l + φb + αe/c`, `b ← φb + βe/c`, `s[t] ← s[t−m] + γe/d`,
//!
//! where for an additive season `⊕` is `+` and `c = d = 1`, and for a multiplicative one `⊕` is `·`,
//! `c = s[t−m]` and `d = l + φb`. Multiplicative errors have the same corrections and another
//! likelihood. The criterion is `AICc = L + 2k + 2k(k+1)/(n−k−1)`, `L = n·ln(Σe²)` (with
//! `e/μ` and `+ 2·Σ ln|μ|` for multiplicative errors).

use super::model::Model;
use super::search::minimise;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Errors {
    Additive,
    Multiplicative,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trend {
    None,
    Additive,
    Damped,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Season {
    None,
    Additive,
    Multiplicative,
}

/// One of the forms of exponential smoothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Form {
    pub(super) errors: Errors,
    pub(super) trend: Trend,
    pub(super) season: Season,
}

/// A form with its parameters.
#[derive(Clone, Debug)]
pub(super) struct Ets {
    pub(super) form: Form,
    pub(super) period: usize,
    pub(super) alpha: f64,
    pub(super) beta: f64,
    pub(super) gamma: f64,
    pub(super) phi: f64,
    start: States,
    point: Vec<f64>,
}

#[derive(Clone, Debug)]
pub(super) struct States {
    pub(super) level: f64,
    pub(super) trend: f64,
    /// By phase `t mod period`; empty without a season.
    pub(super) season: Vec<f64>,
}

/// What a search pays for one form.
const EVALUATIONS: usize = 120;
/// States before this many points are forgotten; fitting on more buys time, not accuracy.
const POINTS_MAX: usize = 1_000;

impl Ets {
    /// The form with the lowest criterion, and its parameters. `period` below 2 means no season.
    pub(super) fn choose(series: &[f64], period: usize) -> Self {
        let series = recent(series, period);
        let positive = series.iter().all(|y| *y > 0.0);
        let seasonal = period >= 2 && series.len() >= 2 * period + 3;
        let mut best: Option<(Self, f64)> = None;
        let mut consider = |form: Form| -> f64 {
            let (model, criterion) = Self::fit(series, period, form, None);
            if best.as_ref().is_none_or(|(_, lowest)| criterion < *lowest) {
                best = Some((model, criterion));
            }
            criterion
        };
        // The season and the errors are settled without a trend, then the trend for the winner.
        let mut winner = (Form::of(Errors::Additive, Trend::None, Season::None), f64::INFINITY);
        for form in level_forms(seasonal, positive) {
            let criterion = consider(form);
            if criterion < winner.1 {
                winner = (form, criterion);
            }
        }
        for trend in [Trend::Additive, Trend::Damped] {
            consider(Form { trend, ..winner.0 });
        }
        match best {
            Some((model, _)) => model,
            None => Self::fit(series, period, winner.0, None).0,
        }
    }

    /// The same form on more data, searched from the parameters known.
    pub(super) fn again(&self, series: &[f64]) -> Self {
        let series = recent(series, self.period);
        Self::fit(series, self.period, self.form, Some(&self.point)).0
    }

    /// The parameters of one form with the highest likelihood, and the criterion.
    pub(super) fn fit(
        series: &[f64],
        period: usize,
        form: Form,
        known: Option<&[f64]>,
    ) -> (Self, f64) {
        let start = first_states(series, period, form);
        let defaults = Self::defaults(form);
        let (from, step, evaluations) = match known {
            Some(point) => (point, 0.1, EVALUATIONS / 2),
            None => (defaults.as_slice(), 0.25, EVALUATIONS),
        };
        let mut model = Self {
            form,
            period: if form.season == Season::None { 1 } else { period },
            alpha: 0.0,
            beta: 0.0,
            gamma: 0.0,
            phi: 1.0,
            start,
            point: Vec::new(),
        };
        let mut scratch = model.start.clone();
        let (point, mean_square) = minimise(from, step, evaluations, |point| {
            model.take(point);
            model.mean_square(series, &mut scratch)
        });
        model.take(&point);
        model.point = point;
        let likelihood = series.len() as f64 * mean_square.ln();
        let criterion = criterion(likelihood, model.parameters(), series.len());
        (model, criterion)
    }

    /// A model with given parameters and first states.
    #[cfg(test)]
    pub(super) fn given(form: Form, period: usize, parameters: [f64; 4], start: States) -> Self {
        let [alpha, beta, gamma, phi] = parameters;
        Self { form, period, alpha, beta, gamma, phi, start, point: Vec::new() }
    }

    fn defaults(form: Form) -> Vec<f64> {
        let mut point = vec![0.3];
        if form.trend != Trend::None {
            point.push(0.1);
        }
        if form.trend == Trend::Damped {
            point.push(0.7);
        }
        if form.season != Season::None {
            point.push(0.1);
        }
        point
    }

    /// Reads the parameters off a point of the unit box, which keeps them where the states are
    /// stable: `β ≤ α`, `γ ≤ 1 − α`, `0.8 ≤ φ ≤ 0.98`.
    fn take(&mut self, point: &[f64]) {
        let mut coordinates = point.iter().copied();
        let mut next = || coordinates.next().unwrap_or(0.0);
        self.alpha = 1e-4 + 0.9998 * next();
        self.beta = if self.form.trend == Trend::None {
            0.0
        } else {
            self.alpha * (1e-4 + 0.9998 * next())
        };
        self.phi = match self.form.trend {
            Trend::Damped => 0.8 + 0.18 * next(),
            Trend::Additive | Trend::None => 1.0,
        };
        self.gamma = if self.form.season == Season::None {
            0.0
        } else {
            (1.0 - self.alpha) * (1e-4 + 0.9998 * next())
        };
    }

    /// Smoothing parameters, first states and the variance.
    fn parameters(&self) -> usize {
        let season = if self.form.season == Season::None { 0 } else { self.period };
        let trend = usize::from(self.form.trend != Trend::None);
        self.point.len() + 1 + trend + season + 1
    }

    /// The mean square that the likelihood comes from: `exp(L/n)`, which keeps its shape when the
    /// series changes its unit.
    fn mean_square(&self, series: &[f64], states: &mut States) -> f64 {
        states.restart(&self.start);
        let (mut squares, mut logs) = (0.0, 0.0);
        let multiplicative = self.form.errors == Errors::Multiplicative;
        self.walk(series, states, |expected, error| {
            if multiplicative {
                squares += (error / expected).powi(2);
                logs += expected.abs().ln();
            } else {
                squares += error * error;
            }
        });
        let n = series.len() as f64;
        (squares / n).max(1e-300) * (2.0 * logs / n).exp()
    }

    /// Runs the states over the series, telling each expected value and its error.
    fn walk(&self, series: &[f64], states: &mut States, mut told: impl FnMut(f64, f64)) {
        let mut phase = 0;
        for &y in series {
            let base = states.level + self.phi * states.trend;
            match self.form.season {
                Season::None => {
                    let error = y - base;
                    told(base, error);
                    states.level = base + self.alpha * error;
                    states.trend = self.phi * states.trend + self.beta * error;
                }
                Season::Additive => {
                    let error = y - base - states.season[phase];
                    told(base + states.season[phase], error);
                    states.level = base + self.alpha * error;
                    states.trend = self.phi * states.trend + self.beta * error;
                    states.season[phase] += self.gamma * error;
                }
                Season::Multiplicative => {
                    let season = states.season[phase];
                    let error = y - base * season;
                    told(base * season, error);
                    states.level = base + self.alpha * error / season;
                    states.trend = self.phi * states.trend + self.beta * error / season;
                    states.season[phase] = season + self.gamma * error / base;
                }
            }
            phase += 1;
            if phase >= self.period {
                phase = 0;
            }
        }
    }

    fn ahead(&self, states: &States, seen: usize, horizon: usize) -> Vec<f64> {
        let mut fading = 1.0;
        let mut risen = 0.0;
        (0..horizon)
            .map(|step| {
                fading *= self.phi;
                risen += fading * states.trend;
                let base = states.level + risen;
                match self.form.season {
                    Season::None => base,
                    Season::Additive => base + states.season[(seen + step) % self.period],
                    Season::Multiplicative => base * states.season[(seen + step) % self.period],
                }
            })
            .collect()
    }
}

impl Model for Ets {
    fn forecast(&self, history: &[f64], horizon: usize) -> Vec<f64> {
        let history = recent(history, self.period);
        let mut states = first_states(history, self.period, self.form);
        self.walk(history, &mut states, |_, _| {});
        self.ahead(&states, history.len(), horizon)
    }

    fn refit(&self, series: &[f64]) -> Option<Box<dyn Model>> {
        Some(Box::new(self.again(series)))
    }

    fn describe(&self) -> String {
        let mut text = format!("{}, α {:.3}", self.form.name(), self.alpha);
        if self.form.trend != Trend::None {
            text += &format!(", β {:.3}", self.beta);
        }
        if self.form.trend == Trend::Damped {
            text += &format!(", φ {:.3}", self.phi);
        }
        if self.form.season != Season::None {
            text += &format!(", γ {:.3}, season {}", self.gamma, self.period);
        }
        text
    }
}

impl Form {
    pub(super) const fn of(errors: Errors, trend: Trend, season: Season) -> Self {
        Self { errors, trend, season }
    }

    /// The usual short name, such as `ETS(A,Ad,N)`.
    pub(super) fn name(self) -> String {
        let errors = match self.errors {
            Errors::Additive => "A",
            Errors::Multiplicative => "M",
        };
        let trend = match self.trend {
            Trend::None => "N",
            Trend::Additive => "A",
            Trend::Damped => "Ad",
        };
        let season = match self.season {
            Season::None => "N",
            Season::Additive => "A",
            Season::Multiplicative => "M",
        };
        format!("ETS({errors},{trend},{season})")
    }
}

impl States {
    fn restart(&mut self, start: &Self) {
        self.level = start.level;
        self.trend = start.trend;
        self.season.copy_from_slice(&start.season);
    }
}

/// The last points, from the start of a cycle, so that phases keep their places.
fn recent(series: &[f64], period: usize) -> &[f64] {
    let period = period.max(1);
    let surplus = series.len().saturating_sub(POINTS_MAX.max(4 * period));
    &series[surplus..]
}

fn criterion(likelihood: f64, parameters: usize, points: usize) -> f64 {
    let (k, n) = (parameters as f64, points as f64);
    let correction =
        if n - k - 1.0 > 0.0 { 2.0 * k * (k + 1.0) / (n - k - 1.0) } else { f64::INFINITY };
    let found = likelihood + 2.0 * k + correction;
    if found.is_nan() { f64::INFINITY } else { found }
}

fn level_forms(seasonal: bool, positive: bool) -> Vec<Form> {
    let mut forms = vec![Form::of(Errors::Additive, Trend::None, Season::None)];
    if positive {
        forms.push(Form::of(Errors::Multiplicative, Trend::None, Season::None));
    }
    if seasonal {
        forms.push(Form::of(Errors::Additive, Trend::None, Season::Additive));
    }
    if seasonal && positive {
        forms.push(Form::of(Errors::Multiplicative, Trend::None, Season::Additive));
        forms.push(Form::of(Errors::Multiplicative, Trend::None, Season::Multiplicative));
    }
    forms
}

/// The states before the first point: the figures of the first cycles, and a line through the
/// first ten points (or two cycles) of what is left.
fn first_states(series: &[f64], period: usize, form: Form) -> States {
    let season = match form.season {
        Season::None => Vec::new(),
        _ => first_season(series, period, form.season == Season::Multiplicative),
    };
    let adjust = |t: usize| match form.season {
        Season::None => series[t],
        Season::Additive => series[t] - season[t % period],
        Season::Multiplicative => series[t] / season[t % period],
    };
    let points = if season.is_empty() { 10 } else { (2 * period).max(10) }.min(series.len());
    let first: Vec<f64> = (0..points).map(adjust).collect();
    let (level, trend) = first_line(&first, form.trend != Trend::None);
    States { level, trend, season }
}

fn first_line(points: &[f64], trending: bool) -> (f64, f64) {
    let n = points.len() as f64;
    let mean = points.iter().sum::<f64>() / n.max(1.0);
    if !trending || points.len() < 2 {
        return (mean, 0.0);
    }
    let middle = (n + 1.0) / 2.0;
    let (mut cross, mut spread) = (0.0, 0.0);
    for (index, y) in points.iter().enumerate() {
        let x = (index + 1) as f64 - middle;
        cross += x * (y - mean);
        spread += x * x;
    }
    let slope = cross / spread;
    (mean - slope * middle, slope)
}

fn first_season(series: &[f64], period: usize, multiplicative: bool) -> Vec<f64> {
    let cycles = (series.len() / period).clamp(1, 3);
    let mut season = vec![0.0; period];
    for cycle in series.chunks_exact(period).take(cycles) {
        let mean = cycle.iter().sum::<f64>() / period as f64;
        for (figure, y) in season.iter_mut().zip(cycle) {
            let distance = if multiplicative { y / mean } else { y - mean };
            *figure += distance / cycles as f64;
        }
    }
    if multiplicative {
        // A figure of nearly nothing would be divided by.
        season.iter_mut().for_each(|figure| *figure = figure.max(0.01));
    }
    season
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The forecasts and how they were made.
    const GOLDEN: &str = include_str!("../../tests/golden/ets_statsmodels.csv");

    #[test]
    fn forms_forecast_what_statsmodels_does() {
        let mut rows = GOLDEN.lines().filter(|line| !line.starts_with('#')).map(row);
        let (_, series) = rows.next().expect("the series");
        let mut forms = 0;
        for (name, expected) in rows {
            let form = form_named(&name);
            let (trend, damping) = match form.trend {
                Trend::None => (0.0, 1.0),
                Trend::Additive => (0.5, 1.0),
                Trend::Damped => (0.5, 0.9),
            };
            let beta = if form.trend == Trend::None { 0.0 } else { 0.05 };
            let season = match form.season {
                Season::None => vec![],
                Season::Additive => vec![3.0, 5.0, 6.0, 4.0, 2.0, -9.0, -11.0],
                Season::Multiplicative => panic!("not among the golden forms"),
            };
            let mut states = States { level: 100.0, trend, season };
            let model = Ets::given(form, 7, [0.3, beta, 0.1, damping], states.clone());

            model.walk(&series, &mut states, |_, _| {});
            let forecast = model.ahead(&states, series.len(), expected.len());

            for (ours, theirs) in forecast.iter().zip(&expected) {
                assert!((ours - theirs).abs() < 1e-6, "{name}: {ours} {theirs}");
            }
            forms += 1;
        }
        assert_eq!(forms, 12);
    }

    /// A line as its name and its numbers; the name of a form has commas itself.
    fn row(line: &str) -> (String, Vec<f64>) {
        let name_end = line.find(')').map_or_else(|| line.find(','), |end| Some(end + 1));
        let (name, numbers) = line.split_at(name_end.expect("a name"));
        let numbers = numbers[1..].split(',').map(|number| number.parse().expect("a number"));
        (name.to_owned(), numbers.collect())
    }

    fn form_named(name: &str) -> Form {
        let parts: Vec<&str> = name.trim_matches(|c| "ETS()".contains(c)).split(',').collect();
        let errors = if parts[0] == "A" { Errors::Additive } else { Errors::Multiplicative };
        let trend = match parts[1] {
            "N" => Trend::None,
            "A" => Trend::Additive,
            _ => Trend::Damped,
        };
        let season = match parts[2] {
            "N" => Season::None,
            "A" => Season::Additive,
            _ => Season::Multiplicative,
        };
        Form::of(errors, trend, season)
    }

    #[test]
    fn a_straight_line_is_continued() {
        let series: Vec<f64> = (0..40).map(|t| 5.0 + 2.0 * t as f64).collect();

        let forecast = Ets::choose(&series, 1).forecast(&series, 3);

        for (step, value) in forecast.iter().enumerate() {
            assert!((value - (85.0 + 2.0 * step as f64)).abs() < 0.1, "{forecast:?}");
        }
    }

    #[test]
    fn a_season_that_grows_with_the_level_is_multiplicative() {
        let shape = [1.0, 1.2, 1.4, 1.1, 0.9, 0.5, 0.9];
        let series: Vec<f64> = (0..140).map(|t| (50.0 + t as f64) * shape[t % 7]).collect();

        let model = Ets::choose(&series, 7);

        assert_eq!(model.form.season, Season::Multiplicative);
        assert!((model.forecast(&series, 1)[0] - 190.0).abs() < 4.0);
    }
}
