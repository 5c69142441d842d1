//! Which step lies between stamps.

use std::collections::HashMap;
use std::num::{NonZeroU32, NonZeroU64};

use super::Stamp;
use super::step::{
    DAY, HOUR, MINUTE, SECOND, Step, date_of, days_of, is_weekday, month_day, month_of, time_of,
    weekdays_before,
};

/// The share of distances that must be whole multiples of a step.
const REGULAR_SHARE: f64 = 0.9;
/// How far from a multiple a distance may be, in steps: clocks are late, schedulers too.
const SLACK: f64 = 0.1;
/// Two weekends without values tell weekdays from a short gap.
const WEEKENDS_MIN: usize = 2;

/// The step between `stamps`, which are sorted, distinct and of one kind; `None` where there is no
/// regularity, or fewer than two stamps.
///
/// In this order: calendar months, where all stamps are on one day of the month (or all at its
/// end); weekdays, where weekends never have a value; else the distance seen most often, where nine
/// of ten distances are whole multiples of it, give or take a tenth of a step. Where clocks jitter
/// so that no distance comes often, the usual length nearest to the median takes its place.
pub fn guess_step(stamps: &[Stamp]) -> Option<Step> {
    if stamps.len() < 2 {
        return None;
    }
    months(stamps).or_else(|| weekdays(stamps)).or_else(|| even(stamps))
}

/// The median distance between neighbours that differ, on the axis; 1 where there is none.
pub(super) fn median_distance(stamps: &[Stamp]) -> i64 {
    let mut distances: Vec<u64> = distances(stamps).filter(|&distance| distance > 0).collect();
    distances.sort_unstable();
    let median = distances.get(distances.len() / 2).copied().unwrap_or(1);
    i64::try_from(median).unwrap_or(i64::MAX)
}

fn distances(stamps: &[Stamp]) -> impl Iterator<Item = u64> {
    stamps.windows(2).map(|pair| pair[1].axis().abs_diff(pair[0].axis()))
}

/// The distance seen most often, the shorter of two.
fn mode(distances: impl Iterator<Item = u64>) -> Option<u64> {
    let mut counts: HashMap<u64, usize> = HashMap::new();
    for distance in distances {
        *counts.entry(distance).or_default() += 1;
    }
    counts
        .into_iter()
        .max_by_key(|&(distance, count)| (count, std::cmp::Reverse(distance)))
        .map(|(distance, _)| distance)
}

fn is_regular(distances: impl Iterator<Item = u64>, step: u64, slack: f64) -> bool {
    let (mut fitting, mut all) = (0.0, 0.0);
    for distance in distances {
        #[allow(clippy::cast_precision_loss)] // A share of a step need not be exact.
        let steps = distance as f64 / step as f64;
        all += 1.0;
        if distance > 0 && steps > 0.5 && (steps - steps.round()).abs() <= slack {
            fitting += 1.0;
        }
    }
    fitting >= all * REGULAR_SHARE
}

fn months(stamps: &[Stamp]) -> Option<Step> {
    let day = month_day(stamps)?;
    let month = |stamp: &Stamp| date_of(*stamp).map(month_of);
    let months: Vec<i64> = stamps.iter().map(month).collect::<Option<_>>()?;
    let distances = || months.windows(2).map(|pair| pair[1].abs_diff(pair[0]));
    let step = mode(distances()).filter(|&step| step > 0)?;
    let count = NonZeroU32::new(u32::try_from(step).ok()?)?;
    is_regular(distances(), step, 0.0).then_some(Step::Months { count, day })
}

fn weekdays(stamps: &[Stamp]) -> Option<Step> {
    let clock = time_of(*stamps.first()?)?.time();
    let mut days = Vec::with_capacity(stamps.len());
    for &stamp in stamps {
        let time = time_of(stamp).filter(|time| time.time() == clock)?;
        days.push(days_of(time.date()));
    }
    if !days.iter().all(|&day| is_weekday(day)) {
        return None;
    }
    let gaps = || days.windows(2).map(|pair| (pair[1] - pair[0], pair));
    let weekends = gaps().filter(|&(gap, _)| gap == 3).count();
    let next = gaps().filter(|(_, pair)| weekdays_before(pair[1]) - weekdays_before(pair[0]) == 1);
    #[allow(clippy::cast_precision_loss)] // Far fewer than 2⁵² stamps.
    let mostly_next = next.count() as f64 >= 0.8 * (days.len() - 1) as f64;
    (weekends >= WEEKENDS_MIN && mostly_next).then_some(Step::Weekdays)
}

fn even(stamps: &[Stamp]) -> Option<Step> {
    let most_often = mode(distances(stamps))?;
    let is_exact = !matches!(stamps.first()?, Stamp::Time(_));
    let slack = if is_exact { 0.0 } else { SLACK };
    // A clock that jitters has no distance that most others repeat, and its usual length is the
    // one that it means.
    let repeats = distances(stamps).filter(|&distance| distance == most_often).count();
    let usual = usual_length(stamps).filter(|_| repeats * 2 < stamps.len());
    let found = [usual, Some(most_often)]
        .into_iter()
        .flatten()
        .find(|&step| step > 0 && is_regular(distances(stamps), step, slack))?;
    let length = NonZeroU64::new(found)?;
    Some(match stamps.first()? {
        Stamp::Integer(_) => Step::Count(length),
        Stamp::Date(_) => Step::Days(NonZeroU32::new(u32::try_from(found).ok()?)?),
        Stamp::Time(_) => match u32::try_from(found / DAY).ok().and_then(NonZeroU32::new) {
            Some(days) if found.is_multiple_of(DAY) => Step::Days(days),
            _ => Step::Micros(length),
        },
    })
}

/// The usual length nearest to the median distance of times, at most a twentieth away.
fn usual_length(stamps: &[Stamp]) -> Option<u64> {
    if !matches!(stamps.first()?, Stamp::Time(_)) {
        return None;
    }
    let median = median_distance(stamps).unsigned_abs();
    let sixtieths = [1, 2, 3, 5, 6, 10, 12, 15, 20, 30];
    let lengths = sixtieths
        .into_iter()
        .flat_map(|part| [part * SECOND, part * MINUTE])
        .chain([1, 2, 3, 4, 6, 8, 12].map(|hours| hours * HOUR))
        .chain([1, 7, 14].map(|days| days * DAY));
    lengths
        .min_by_key(|length| length.abs_diff(median))
        .filter(|length| length.abs_diff(median) <= length / 20)
}
