//! What the rest of a day, and some days after it, will bring: where the sum will be in a given
//! share of cases.
//!
//! A day that is half over has noise of its own: what is left of it is not half as uncertain as the
//! whole, and mornings are no evenings. So the range is not derived from that of whole days. It is
//! measured: on each of the last days the same question is asked at the same time of day, answered
//! by a rule that knows only what came before, and held against what came. The range is where the
//! outcomes lay (a split conformal interval), in the unit in which they are alike: in amounts, in
//! shares of what was expected, or in between. Sums of several days are asked for as sums, so that
//! days which follow one another count as what they are.

use crate::robust::quantile_in_place;

/// Days that a rule learns from before it is asked.
const LEARNED: usize = 14;
/// Days that a rule looks back, at most.
const LOOKED_BACK: usize = 56;
/// Cases below which nothing is said.
const CASES_MIN: usize = 12;
/// Newest cases that are looked at, at most.
const CASES_MAX: usize = 91;
/// In how many days a day counts half as much for the level.
const HALF_LIFE: f64 = 6.0;
/// How many usual days a weekday's own are held against.
const WEEKDAY_PRIOR: f64 = 2.0;
/// How many usual cases the cases of a weekday are held against.
const SPREAD_PRIOR: f64 = 6.0;
const WEEK: usize = 7;

/// A window that runs.
#[derive(Debug, Clone, Copy)]
pub struct Running<'a> {
    /// Whole days, the oldest first and the last one yesterday.
    pub days: &'a [f64],
    /// What of each of those days came after the time of day that it is now.
    pub rests: &'a [f64],
    /// What came today so far.
    pub today: f64,
    /// How many days follow today.
    pub days_after: usize,
}

/// How the rest of a day was seen to follow from the day.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rest {
    /// The share of a day like today that is still to come, where it goes as expected.
    pub share: f64,
    /// How much of a surprise so far goes on in what is left: nothing at 0, all of it at 1.
    pub goes_on: f64,
}

impl Rest {
    /// What is still to come of a day of which `expected` was expected and `so_far` came.
    pub fn of(&self, expected: f64, so_far: f64) -> f64 {
        let usual = expected * self.share;
        let by_now = expected * (1.0 - self.share);
        // What a few cents in the first minutes say about a day is next to nothing.
        let surprise =
            if by_now > 0.0 { ((so_far - by_now) / by_now).clamp(-1.0, 2.0) } else { 0.0 };
        (usual * (1.0 + self.goes_on * surprise)).max(0.0)
    }
}

/// One asking of the past.
struct Case {
    /// What the rule said.
    expected: f64,
    /// What came less what the rule said.
    off: f64,
    /// The place of the day in its week.
    weekday: usize,
}

/// How what is left of today follows from what came of it.
pub fn rest_of_day(running: &Running<'_>) -> Rest {
    let count = running.days.len().min(running.rests.len());
    let share = share_left(running, count);
    let cases = (LEARNED.min(count)..count).filter_map(|day| {
        let expected = day_expected(&running.days[..day]).first().copied()?;
        let by_now = expected * (1.0 - share);
        let so_far = running.days[day] - running.rests[day];
        let usual = expected * share;
        (by_now > 0.0 && usual > 0.0).then(|| {
            let ratio = |value: f64, expected: f64| (value / expected - 1.0).clamp(-1.0, 2.0);
            (ratio(so_far, by_now), ratio(running.rests[day], usual))
        })
    });
    let cases: Vec<(f64, f64)> = cases.collect();
    let square: f64 = cases.iter().map(|(so_far, _)| so_far * so_far).sum();
    let product: f64 = cases.iter().map(|(so_far, rest)| so_far * rest).sum();
    // Few cases are drawn to "it goes on as usual".
    let drawn = cases.len() as f64 / (cases.len() as f64 + 14.0);
    let goes_on = if square > 0.0 { (drawn * product / square).clamp(0.0, 1.0) } else { 0.0 };
    Rest { share, goes_on }
}

/// Where what is still to come, today and on the days after, lies in `level` of cases: `None` where
/// too few days were seen to say.
pub fn range(running: &Running<'_>, level: f64) -> Option<(f64, f64)> {
    let cases = cases(running);
    if cases.len() < CASES_MIN {
        return None;
    }
    let power = unit_power(&cases);
    let unit = |expected: f64| expected.max(f64::MIN_POSITIVE).powf(power);
    let mut offs: Vec<(f64, usize)> =
        cases.iter().map(|case| (case.off / unit(case.expected), case.weekday)).collect();
    let today = running.days.len() % WEEK;
    let spreads = weekday_spreads(&offs);
    for (off, weekday) in &mut offs {
        *off /= spreads[*weekday];
    }
    let mut offs: Vec<f64> = offs.into_iter().map(|(off, _)| off).collect();
    // Sums of several days overlap, so that there is less to learn from them than there are.
    let apart = 1.0 + running.days_after as f64 / 3.0;
    let count = (offs.len() as f64 / apart).max(2.0);
    let tail = (1.0 - level) / 2.0;
    let beyond = ((1.0 - tail) * (count + 1.0) / count).min(1.0);
    let low = quantile_in_place(&mut offs, 1.0 - beyond);
    let high = quantile_in_place(&mut offs, beyond);
    let said = said(running.days, running);
    let scale = unit(said) * spreads[today];
    Some(((said + low * scale).max(0.0), (said + high * scale).max(0.0)))
}

/// The question of now, asked on the days before.
fn cases(running: &Running<'_>) -> Vec<Case> {
    let count = running.days.len().min(running.rests.len());
    let last = count.saturating_sub(running.days_after);
    let first = LEARNED.max(last.saturating_sub(CASES_MAX));
    (first..last)
        .map(|day| {
            let expected = said(&running.days[..day], running);
            let after = &running.days[day + 1..=day + running.days_after];
            let came = running.rests[day] + after.iter().sum::<f64>();
            Case { expected, off: came - expected, weekday: day % WEEK }
        })
        .collect()
}

/// What the rule says that is still to come on the day after `before` and on those that follow.
fn said(before: &[f64], running: &Running<'_>) -> f64 {
    let known = running.rests.len().min(before.len());
    let past = Running { days: before, rests: &running.rests[..known], ..*running };
    let share = share_left(&past, known);
    let expected = day_expected(before);
    let after: f64 = (1..=running.days_after).map(|ahead| expected[ahead % WEEK]).sum();
    expected[0] * share + after
}

/// The share of a day that comes after the time it is: that of days of the same place in the week,
/// drawn to that of all.
fn share_left(running: &Running<'_>, count: usize) -> f64 {
    let first = count.saturating_sub(LOOKED_BACK);
    let today = running.days.len() % WEEK;
    let sums = |of_weekday: bool| {
        let mut sums = (0.0, 0.0, 0.0);
        for day in (first..count).filter(|day| !of_weekday || day % WEEK == today) {
            sums.0 += running.rests[day];
            sums.1 += running.days[day];
            sums.2 += 1.0;
        }
        sums
    };
    let (rest, whole, days) = sums(false);
    if !(whole > 0.0) {
        return 0.0;
    }
    let (all, usual) = (rest / whole, whole / days);
    let (rest, whole, _) = sums(true);
    let prior = WEEKDAY_PRIOR * usual;
    ((rest + prior * all) / (whole + prior)).clamp(0.0, 1.0)
}

/// What is expected of the next seven days: the level of the last ones, times what each day of the
/// week is of it.
fn day_expected(before: &[f64]) -> [f64; WEEK] {
    let first = before.len().saturating_sub(LOOKED_BACK);
    let mut sums = [(0.0, 0.0); WEEK];
    for (day, value) in before.iter().enumerate().skip(first) {
        sums[day % WEEK].0 += value;
        sums[day % WEEK].1 += 1.0;
    }
    let count = (before.len() - first) as f64;
    let mean = before[first..].iter().sum::<f64>() / count.max(1.0);
    if !(mean > 0.0) {
        return [0.0; WEEK];
    }
    let factors = sums.map(|(sum, days)| (sum / mean + WEEKDAY_PRIOR) / (days + WEEKDAY_PRIOR));
    let (mut level, mut weights) = (0.0, 0.0);
    for (day, value) in before.iter().enumerate().skip(first) {
        let age = (before.len() - 1 - day) as f64;
        // A weekday on which next to nothing is spent tells nothing of the level.
        let weight = 0.5_f64.powf(age / HALF_LIFE) * factors[day % WEEK];
        level += weight * value / factors[day % WEEK].max(f64::MIN_POSITIVE);
        weights += weight;
    }
    let level = if weights > 0.0 { level / weights } else { 0.0 };
    std::array::from_fn(|ahead| level * factors[(before.len() + ahead) % WEEK])
}

/// The power of what was expected in which errors are alike: 0 where they are amounts, 1 where they
/// are shares, ½ where many small ones add up.
fn unit_power(cases: &[Case]) -> f64 {
    let power = |power: f64| {
        let scaled = |case: &Case| {
            let unit = case.expected.max(f64::MIN_POSITIVE).powf(power);
            (case.off / unit).abs()
        };
        let mean = cases.iter().map(scaled).sum::<f64>() / cases.len() as f64;
        let at = cases.iter().map(|case| case.expected).sum::<f64>() / cases.len() as f64;
        let (mut along, mut one, mut other) = (0.0, 0.0, 0.0);
        for case in cases {
            let (size, place) = (scaled(case) - mean, case.expected - at);
            along += size * place;
            one += size * size;
            other += place * place;
        }
        if one * other > 0.0 { (along / (one * other).sqrt()).abs() } else { 1.0 }
    };
    let is_positive = cases.iter().all(|case| case.expected > 0.0);
    let powers: &[f64] = if is_positive { &[0.5, 0.0, 1.0] } else { &[0.0] };
    let best = powers.iter().copied().min_by(|one, two| power(*one).total_cmp(&power(*two)));
    best.unwrap_or(0.0)
}

/// How much wider the errors of each day of the week are than those of all.
fn weekday_spreads(offs: &[(f64, usize)]) -> [f64; WEEK] {
    let mean = offs.iter().map(|(off, _)| off.abs()).sum::<f64>() / offs.len() as f64;
    if !(mean > 0.0) {
        return [1.0; WEEK];
    }
    std::array::from_fn(|weekday| {
        let own = offs.iter().filter(|(_, own)| *own == weekday);
        let (sum, count) =
            own.fold((0.0, 0.0), |(sum, count), (off, _)| (sum + off.abs(), count + 1.0));
        (sum / mean + SPREAD_PRIOR) / (count + SPREAD_PRIOR)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::noise::Noise;

    const HOURS: usize = 24;
    const LEVEL: f64 = 0.8;
    const KINDS: [Kind; 6] = [
        Kind::Weekdays,
        Kind::Bursts,
        Kind::Trend,
        Kind::QuietNights,
        Kind::HeavyTails,
        Kind::Flat,
    ];

    #[derive(Debug, Clone, Copy, PartialEq)]
    enum Kind {
        Weekdays,
        Bursts,
        Trend,
        QuietNights,
        HeavyTails,
        Flat,
    }

    /// How usual an hour is: next to nothing at night.
    fn office(hour: usize) -> f64 {
        let from_noon = (hour as f64 - 13.0) / 4.0;
        0.1 + 2.1 * (-from_noon * from_noon / 2.0).exp()
    }

    /// Many small amounts a day, by the hour.
    fn hours(kind: Kind, seed: u64, days: usize) -> Vec<[f64; HOURS]> {
        const WEEK_SHAPE: [f64; WEEK] = [1.0, 1.1, 1.15, 1.1, 0.95, 0.45, 0.4];
        let mut noise = Noise::new(seed * 31 + 7);
        let mut day = |day: usize| {
            let busy = (0.15 * noise.normal()).exp();
            let burst = (noise.uniform() < 0.12).then(|| (noise.uniform() * 24.0) as usize);
            std::array::from_fn(|hour| {
                let mean = match kind {
                    Kind::Weekdays => 40.0 * WEEK_SHAPE[day % WEEK] * office(hour) * busy,
                    Kind::Trend => 30.0 * 1.004_f64.powi(day as i32) * busy,
                    Kind::QuietNights => 40.0 * office(hour) * busy,
                    Kind::Bursts | Kind::HeavyTails | Kind::Flat => 40.0,
                };
                let mut amount = || match kind {
                    Kind::HeavyTails => (0.3 / noise.uniform().powf(1.0 / 1.8)).min(200.0),
                    _ => (0.5 * noise.normal()).exp(),
                };
                let each = amount();
                let count = noise.poisson(mean / HOURS as f64);
                let small: f64 = (0..count).map(|_| each * 0.5 + 0.5).sum();
                let has_burst = kind == Kind::Bursts && burst == Some(hour);
                small + if has_burst { 60.0 * (0.5 + noise.uniform()) } else { 0.0 }
            })
        };
        (0..days).map(&mut day).collect()
    }

    /// How many outcomes lay within the range, and of how many.
    fn covered(days: &[[f64; HOURS]], hour: usize, days_after: usize) -> (usize, usize) {
        let whole: Vec<f64> = days.iter().map(|hours| hours.iter().sum()).collect();
        let rests: Vec<f64> = days.iter().map(|hours| hours[hour..].iter().sum()).collect();
        let (mut held, mut asked) = (0, 0);
        for day in (60..whole.len() - days_after).step_by(3) {
            let running = Running {
                days: &whole[..day],
                rests: &rests[..day],
                today: whole[day] - rests[day],
                days_after,
            };
            let Some((low, high)) = range(&running, LEVEL) else { continue };
            let came = rests[day] + whole[day + 1..=day + days_after].iter().sum::<f64>();
            asked += 1;
            held += usize::from((low - 1e-9..=high + 1e-9).contains(&came));
        }
        (held, asked)
    }

    fn share(parts: impl Iterator<Item = (usize, usize)>) -> (f64, usize) {
        let (held, asked) = parts.fold((0, 0), |sum, part| (sum.0 + part.0, sum.1 + part.1));
        (held as f64 / asked as f64, asked)
    }

    #[test]
    fn four_of_five_days_end_within_their_range_whatever_they_are_like_and_whenever_one_asks() {
        for kind in KINDS {
            let series: Vec<_> = (0..6).map(|seed| hours(kind, seed, 150)).collect();
            let parts = series
                .iter()
                .flat_map(|days| [0, 6, 12, 18, 22].map(|hour| covered(days, hour, 0)));

            let (share, asked) = share(parts);

            assert!(asked >= 200, "{kind:?}: {asked}");
            assert!((share - LEVEL).abs() <= 0.05, "{kind:?}: {share:.3} of {asked}");
        }
    }

    #[test]
    fn four_of_five_weeks_end_within_their_range() {
        let series: Vec<_> =
            KINDS.iter().flat_map(|kind| (0..6).map(|seed| hours(*kind, seed, 150))).collect();
        for hour in [6, 12, 18] {
            let (share, asked) = share(series.iter().map(|days| covered(days, hour, 6)));

            assert!(asked >= 200, "{asked}");
            assert!((share - LEVEL).abs() <= 0.05, "from {hour}:00 on: {share:.3} of {asked}");
        }
    }

    #[test]
    fn a_busy_morning_goes_on_where_mornings_tell_of_evenings() {
        let mut noise = Noise::new(5);
        let busy: Vec<f64> = (0..90).map(|_| (0.4 * noise.normal()).exp()).collect();
        let whole: Vec<f64> = busy.iter().map(|busy| 100.0 * busy).collect();
        let rests: Vec<f64> = whole.iter().map(|day| 0.5 * day).collect();
        let running = Running { days: &whole, rests: &rests, today: 100.0, days_after: 0 };

        let rest = rest_of_day(&running);

        assert!((rest.share - 0.5).abs() < 1e-9, "{rest:?}");
        assert!(rest.goes_on > 0.5, "{rest:?}");
        assert!(rest.of(100.0, 100.0) > 70.0, "twice as much as usual came by now");
        assert!((rest.of(100.0, 50.0) - 50.0).abs() < 1e-9);
    }

    #[test]
    fn few_days_say_nothing_and_nothing_spent_is_nothing() {
        let few = Running { days: &[1.0; 20], rests: &[0.5; 20], today: 0.5, days_after: 0 };
        assert_eq!(range(&few, LEVEL), None);
        let none = Running { days: &[0.0; 60], rests: &[0.0; 60], today: 0.0, days_after: 6 };
        assert_eq!(range(&none, LEVEL), Some((0.0, 0.0)));
    }
}
