//! From stamped values to a regular series, and from there into the future.
//!
//! The other modules work on values that follow each other at one distance. What people have is
//! stamps with gaps, repeats and no order. [`regularize`] finds the step between the stamps, puts
//! each value into its place, fills the gaps by a rule that the caller names, and continues the
//! stamps: months are real months, weekdays have no Saturday.
//!
//! Stamps without any regularity keep their order and lose their distances; the series says so
//! ([`Regular::step`] is `None`), and goes on at the median distance.

mod guess;
mod step;

use chrono::{NaiveDate, NaiveDateTime};
use thiserror::Error;

pub use guess::guess_step;
pub use step::{Grid, Step};

/// Steps for each value, beyond which a step that was asked for is refused.
const STEPS_PER_VALUE_MAX: usize = 10;
/// Series up to this length are made however few values there are, when the step was asked for.
const STEPS_FREE: usize = 1_000;
/// Steps for each value, beyond which a guessed step is none: more would be made up than known.
const GUESSED_STEPS_PER_VALUE_MAX: u64 = 2;

/// When a value was.
///
/// The stamps of one series are of one kind. Times are wall clocks of whatever zone the caller
/// keeps, to the microsecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stamp {
    /// A running number.
    Integer(i64),
    /// A day.
    Date(NaiveDate),
    /// A moment.
    Time(NaiveDateTime),
}

impl Stamp {
    /// Its place on a straight axis: the number, days since 1970, or microseconds since 1970.
    pub fn axis(self) -> i64 {
        match self {
            Self::Integer(number) => number,
            Self::Date(date) => date.signed_duration_since(NaiveDate::default()).num_days(),
            Self::Time(time) => time.and_utc().timestamp_micros(),
        }
    }

    /// The stamp of this one's kind at a place of the axis; `None` beyond the calendar.
    pub fn at_axis(self, place: i64) -> Option<Self> {
        match self {
            Self::Integer(_) => Some(Self::Integer(place)),
            Self::Date(_) => NaiveDate::default()
                .checked_add_signed(chrono::Duration::try_days(place)?)
                .map(Self::Date),
            Self::Time(_) => chrono::DateTime::from_timestamp_micros(place)
                .map(|time| Self::Time(time.naive_utc())),
        }
    }

    fn same_kind(self, other: Self) -> bool {
        std::mem::discriminant(&self) == std::mem::discriminant(&other)
    }
}

/// What stands where no value is: at steps without a stamp, and where the value is not finite.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Gaps {
    /// Nothing was used: 0.
    Zero,
    /// The straight line between the neighbours; the nearest value at the ends.
    #[default]
    Interpolate,
    /// The value before; the first value at the beginning.
    Carry,
    /// `NaN`.
    Missing,
}

/// What becomes of several values of one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Repeats {
    /// They are added, as amounts are.
    Sum,
    /// Their mean, as of levels.
    #[default]
    Mean,
    /// The last one in the order given, as of corrections.
    Last,
    /// Each keeps a place of its own. A series in which that happens has no step.
    Keep,
}

/// How a series is made regular.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rules {
    /// The step; guessed where it is `None`.
    pub step: Option<Step>,
    /// What fills the gaps.
    pub gaps: Gaps,
    /// What becomes of repeats.
    pub repeats: Repeats,
}

/// Why no regular series came of it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CalendarError {
    /// There are no stamps.
    #[error("there are no values")]
    Empty,
    /// One of the two slices is longer.
    #[error("{stamps} stamps belong to {values} values")]
    Unequal {
        /// How many stamps there are.
        stamps: usize,
        /// How many values.
        values: usize,
    },
    /// Integers, dates and times in one series.
    #[error("the stamps are of several kinds: integers, dates, times")]
    MixedKinds,
    /// Such as months between integers.
    #[error("a step of {0} does not lead from stamp to stamp of this kind")]
    UnfitStep(Step),
    /// Hardly any step would have a value.
    #[error("{values} values would be spread over {steps} steps of {step}")]
    TooSparse {
        /// How long the series would be.
        steps: u64,
        /// How many stamps there are.
        values: usize,
        /// The step that was asked for.
        step: Step,
    },
}

/// A series without gaps.
#[derive(Debug, Clone, PartialEq)]
pub struct Regular {
    /// The values in the order of time.
    pub values: Vec<f64>,
    /// Which of them were filled in by the rule.
    pub filled: Vec<bool>,
    /// For each value that was given, in the order given, its place in `values`.
    pub place_of: Vec<usize>,
    axis: Axis,
}

#[derive(Debug, Clone, PartialEq)]
enum Axis {
    Grid(Grid),
    /// The stamps in order, and how far the next one is.
    Ordered {
        stamps: Vec<Stamp>,
        distance: i64,
    },
}

impl Regular {
    /// The step between values; `None` where they only have an order.
    pub fn step(&self) -> Option<Step> {
        match &self.axis {
            Axis::Grid(grid) => Some(grid.step()),
            Axis::Ordered { .. } => None,
        }
    }

    /// The stamp of a place, which may lie in the future: `values.len()` is the first that does.
    /// `None` beyond the calendar.
    pub fn stamp_at(&self, place: usize) -> Option<Stamp> {
        match &self.axis {
            Axis::Grid(grid) => grid.stamp_at(i64::try_from(place).ok()?),
            Axis::Ordered { stamps, distance } => stamps.get(place).copied().or_else(|| {
                let last = stamps.last()?;
                let ahead = i64::try_from(place - (stamps.len() - 1)).ok()?;
                last.at_axis(last.axis().checked_add(distance.checked_mul(ahead)?)?)
            }),
        }
    }
}

/// Makes a series regular.
///
/// The step is that of `rules`, or the one that [`guess_step`] finds. Where none is found, or where
/// more steps would be gaps than values, the values keep their order alone. Repeats are told by place: two
/// stamps that fall into one step are repeats, too, so a step of a day gathers hours.
///
/// ```
/// use chrono::NaiveDate;
/// use outlay_analytics::calendar::{Rules, Stamp, regularize};
///
/// let days = [31, 29, 28].map(|day| Stamp::Date(NaiveDate::from_ymd_opt(2026, 1, day).unwrap()));
///
/// let series = regularize(&days, &[7.0, 3.0, 1.0], &Rules::default()).unwrap();
///
/// assert_eq!(series.values, [1.0, 3.0, 5.0, 7.0]);
/// assert_eq!(series.filled, [false, false, true, false]);
/// assert_eq!(series.stamp_at(4), NaiveDate::from_ymd_opt(2026, 2, 1).map(Stamp::Date));
/// ```
pub fn regularize(
    stamps: &[Stamp],
    values: &[f64],
    rules: &Rules,
) -> Result<Regular, CalendarError> {
    check(stamps, values)?;
    let mut order: Vec<usize> = (0..stamps.len()).collect();
    order.sort_by_key(|&at| stamps[at]);
    let mut distinct: Vec<Stamp> = order.iter().map(|&at| stamps[at]).collect();
    distinct.dedup();
    let grid = match rules.step {
        Some(step) => Some(given_grid(step, &distinct)?),
        None => guessed_grid(&distinct),
    };
    let on_grid = grid.and_then(|grid| gather(grid, stamps, values, &order, rules.repeats));
    let mut series = on_grid.unwrap_or_else(|| in_order(stamps, values, &order, rules.repeats));
    fill(&mut series.values, rules.gaps);
    Ok(series)
}

fn check(stamps: &[Stamp], values: &[f64]) -> Result<(), CalendarError> {
    if stamps.len() != values.len() {
        return Err(CalendarError::Unequal { stamps: stamps.len(), values: values.len() });
    }
    let first = *stamps.first().ok_or(CalendarError::Empty)?;
    if stamps.iter().any(|stamp| !stamp.same_kind(first)) {
        return Err(CalendarError::MixedKinds);
    }
    Ok(())
}

/// The grid that was asked for: from the first stamp where all stamps stand on it, else from the
/// beginning of the hour, day, week or month in which the first one lies.
fn given_grid(step: Step, distinct: &[Stamp]) -> Result<Grid, CalendarError> {
    let first = distinct[0];
    let unfit = || CalendarError::UnfitStep(step);
    let step = step.anchored(distinct);
    let exact = Grid::new(first, step).ok_or_else(unfit)?;
    let grid = if distinct.iter().all(|&stamp| exact.is_on(stamp)) {
        exact
    } else {
        Grid::new(step.beginning(first), step).ok_or_else(unfit)?
    };
    let steps = length(&grid, distinct);
    if steps > steps_max(distinct.len()) {
        return Err(CalendarError::TooSparse { steps, values: distinct.len(), step });
    }
    Ok(grid)
}

fn guessed_grid(distinct: &[Stamp]) -> Option<Grid> {
    let grid = Grid::new(distinct[0], guess_step(distinct)?)?.nearest();
    let steps_max = GUESSED_STEPS_PER_VALUE_MAX.saturating_mul(distinct.len() as u64);
    (length(&grid, distinct) <= steps_max).then_some(grid)
}

fn length(grid: &Grid, distinct: &[Stamp]) -> u64 {
    let last = distinct.last().and_then(|&last| grid.place_of(last));
    last.map_or(u64::MAX, |last| last.unsigned_abs().saturating_add(1))
}

fn steps_max(values: usize) -> u64 {
    values.saturating_mul(STEPS_PER_VALUE_MAX).max(STEPS_FREE) as u64
}

/// Puts the values into their places; `None` where repeats are to be kept and there are some.
fn gather(
    grid: Grid,
    stamps: &[Stamp],
    values: &[f64],
    order: &[usize],
    repeats: Repeats,
) -> Option<Regular> {
    let place = |at: usize| usize::try_from(grid.place_of(stamps[at])?).ok();
    let place_of: Vec<usize> = (0..stamps.len()).map(place).collect::<Option<_>>()?;
    let len = place_of[*order.last()?] + 1;
    let mut gathered = vec![f64::NAN; len];
    let mut counts = vec![0_u32; len];
    let mut stamped = vec![false; len];
    for &at in order {
        let place = place_of[at];
        if std::mem::replace(&mut stamped[place], true) && repeats == Repeats::Keep {
            return None;
        }
        if values[at].is_finite() {
            add(&mut gathered[place], &mut counts[place], values[at], repeats);
        }
    }
    if repeats == Repeats::Mean {
        divide(&mut gathered, &counts);
    }
    let filled = counts.iter().map(|&count| count == 0).collect();
    Some(Regular { values: gathered, filled, place_of, axis: Axis::Grid(grid) })
}

fn add(place: &mut f64, count: &mut u32, value: f64, repeats: Repeats) {
    let adds = *count > 0 && matches!(repeats, Repeats::Sum | Repeats::Mean);
    *place = if adds { *place + value } else { value };
    *count = count.saturating_add(1);
}

fn divide(sums: &mut [f64], counts: &[u32]) {
    for (sum, &count) in sums.iter_mut().zip(counts) {
        *sum /= f64::from(count.max(1));
    }
}

/// The values one after the other, stamps that are equal in one place unless repeats are kept.
fn in_order(stamps: &[Stamp], values: &[f64], order: &[usize], repeats: Repeats) -> Regular {
    let mut series = Regular {
        values: Vec::new(),
        filled: Vec::new(),
        place_of: vec![0; stamps.len()],
        axis: Axis::Ordered { stamps: Vec::new(), distance: 1 },
    };
    let mut placed: Vec<Stamp> = Vec::with_capacity(order.len());
    let mut counts: Vec<u32> = Vec::with_capacity(order.len());
    for &at in order {
        if placed.last() != Some(&stamps[at]) || repeats == Repeats::Keep {
            placed.push(stamps[at]);
            series.values.push(f64::NAN);
            counts.push(0);
        }
        let place = placed.len() - 1;
        series.place_of[at] = place;
        if values[at].is_finite() {
            add(&mut series.values[place], &mut counts[place], values[at], repeats);
        }
    }
    if repeats == Repeats::Mean {
        divide(&mut series.values, &counts);
    }
    series.filled = counts.iter().map(|&count| count == 0).collect();
    let distance = guess::median_distance(&placed);
    series.axis = Axis::Ordered { stamps: placed, distance };
    series
}

/// Replaces what is not finite by `rule`. Where nothing is finite, everything stays `NaN`, except
/// under [`Gaps::Zero`].
pub fn fill(values: &mut [f64], rule: Gaps) {
    match rule {
        Gaps::Missing => replace(values, f64::NAN),
        Gaps::Zero => replace(values, 0.0),
        Gaps::Carry => between(values, |before, _, _| before),
        Gaps::Interpolate => between(values, |before, after, share| {
            // In two products, because the difference of two huge values may be infinite.
            before * (1.0 - share) + after * share
        }),
    }
}

fn replace(values: &mut [f64], by: f64) {
    values.iter_mut().filter(|value| !value.is_finite()).for_each(|value| *value = by);
}

/// Fills each gap with `value(before, after, share of the way)`, and the ends with what is nearest.
fn between(values: &mut [f64], value: impl Fn(f64, f64, f64) -> f64) {
    let mut before: Option<usize> = None;
    for at in 0..values.len() {
        if !values[at].is_finite() {
            continue;
        }
        let from = before.map_or(0, |before| before + 1);
        for gap in from..at {
            values[gap] = match before {
                None => values[at],
                #[allow(clippy::cast_precision_loss)] // Far fewer than 2⁵² values.
                Some(before) => {
                    let share = (gap - before) as f64 / (at - before) as f64;
                    value(values[before], values[at], share)
                }
            };
        }
        before = Some(at);
    }
    match before {
        Some(before) => {
            let last = values[before];
            values[before + 1..].fill(last);
        }
        None => values.fill(f64::NAN),
    }
}

#[cfg(test)]
mod tests;
