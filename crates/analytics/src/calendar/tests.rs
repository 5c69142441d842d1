#![allow(clippy::float_cmp)] // What is moved about stays what it was.

use std::num::NonZeroU32;

use chrono::Duration;

use super::*;

fn date(text: &str) -> Stamp {
    Stamp::Date(text.parse().unwrap())
}

fn time(text: &str) -> Stamp {
    Stamp::Time(text.parse().unwrap())
}

fn dates(texts: &[&str]) -> Vec<Stamp> {
    texts.iter().map(|text| date(text)).collect()
}

fn integers(numbers: impl IntoIterator<Item = i64>) -> Vec<Stamp> {
    numbers.into_iter().map(Stamp::Integer).collect()
}

/// `count` times from a Friday's 21:00 on.
fn times(count: i32, step: Duration) -> Vec<Stamp> {
    let first: NaiveDateTime = "2026-01-30T21:00:00".parse().unwrap();
    (0..count).map(|at| Stamp::Time(first + step * at)).collect()
}

fn monthly(count: u32, day: u32) -> Option<Step> {
    Some(Step::Months { count: NonZeroU32::new(count).unwrap(), day })
}

fn regular(stamps: &[Stamp], values: &[f64], rules: Rules) -> Regular {
    regularize(stamps, values, &rules).unwrap()
}

#[test]
fn the_step_is_found_between_stamps_of_every_kind() {
    assert_eq!(guess_step(&integers(1..=5)), Some(Step::count(1)));
    assert_eq!(guess_step(&integers([10, 20, 40, 50])), Some(Step::count(10)));
    assert_eq!(guess_step(&times(30, Duration::hours(1))), Some(Step::HOURLY));
    assert_eq!(guess_step(&times(30, Duration::minutes(5))), Some(Step::seconds(300)));
    assert_eq!(guess_step(&times(30, Duration::days(1))), Some(Step::DAILY));
    assert_eq!(guess_step(&times(30, Duration::days(7))), Some(Step::WEEKLY));
    assert_eq!(guess_step(&dates(&["2026-01-01", "2026-01-02"])), Some(Step::DAILY));
    assert_eq!(guess_step(&dates(&["2026-01-01", "2026-02-01"])), monthly(1, 1));
    assert_eq!(guess_step(&dates(&["2026-01-15", "2026-04-15", "2026-07-15"])), monthly(3, 15));
    assert_eq!(guess_step(&dates(&["2024-02-29", "2024-03-31", "2024-04-30"])), monthly(1, 31));
    assert_eq!(guess_step(&dates(&["2025-01-30", "2025-02-28", "2025-03-30"])), monthly(1, 30));
    assert_eq!(guess_step(&dates(&["2023-02-28", "2024-02-28", "2025-02-28"])), monthly(12, 28));
    assert_eq!(
        guess_step(&[time("2026-01-01T00:00:00"), time("2027-01-01T00:00:00")]),
        monthly(12, 1)
    );
}

#[test]
fn days_without_weekends_are_weekdays_when_two_weekends_say_so() {
    let weekdays = |count: usize| -> Vec<Stamp> {
        let first: NaiveDate = "2026-01-05".parse().unwrap();
        let days = first.iter_days().filter(|day| step::is_weekday(step::days_of(*day)));
        days.take(count).map(Stamp::Date).collect()
    };

    assert_eq!(guess_step(&weekdays(5)), Some(Step::DAILY));
    assert_eq!(guess_step(&weekdays(12)), Some(Step::Weekdays));

    let series = regular(&weekdays(12), &[1.0; 12], Rules::default());
    assert_eq!(series.values.len(), 12);
    assert_eq!(series.stamp_at(11), Some(date("2026-01-20")));
    assert_eq!(series.stamp_at(14), Some(date("2026-01-23")));
    assert_eq!(series.stamp_at(15), Some(date("2026-01-26")));
}

#[test]
fn a_few_late_rows_and_gaps_do_not_hide_the_step() {
    let mut stamps = times(200, Duration::minutes(5));
    stamps.drain(50..60);
    let Stamp::Time(late) = stamps[100] else { panic!() };
    stamps[100] = Stamp::Time(late + Duration::seconds(7));

    let series = regular(&stamps, &vec![2.0; stamps.len()], Rules::default());

    assert_eq!(series.step(), Some(Step::seconds(300)));
    assert_eq!(series.values.len(), 200);
    assert_eq!(series.filled.iter().filter(|&&filled| filled).count(), 10);
    assert_eq!(series.place_of[100], 110);
}

#[test]
fn a_clock_that_jitters_means_the_usual_length() {
    let jitter = [0, 3, -4, 1, 2, -2, 4, -1, -3, 0, 2, -1, 3];
    let first: NaiveDateTime = "2026-01-30T21:00:00".parse().unwrap();
    let stamps: Vec<Stamp> = (0..260_i32)
        .map(|at| {
            let late = Duration::milliseconds(700 * jitter[at as usize % 13] + i64::from(at % 7));
            Stamp::Time(first + Duration::minutes(1) * at + late)
        })
        .collect();

    let series = regular(&stamps, &vec![2.0; 260], Rules::default());

    assert_eq!(series.step(), Some(Step::seconds(60)));
    assert_eq!(series.place_of, (0..260).collect::<Vec<_>>());
}

#[test]
fn irregular_stamps_keep_their_order_and_go_on_at_the_median_distance() {
    let stamps = integers([1, 5, 7, 16, 30, 31, 50]);

    let series = regular(&stamps, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0], Rules::default());

    assert_eq!(series.step(), None);
    assert_eq!(series.values, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]);
    assert_eq!(series.stamp_at(6), Some(Stamp::Integer(50)));
    assert_eq!(series.stamp_at(8), Some(Stamp::Integer(50 + 2 * 9)));
}

#[test]
fn unsorted_values_find_their_places() {
    let stamps = dates(&["2026-01-03", "2026-01-01", "2026-01-02"]);

    let series = regular(&stamps, &[3.0, 1.0, 2.0], Rules::default());

    assert_eq!(series.values, [1.0, 2.0, 3.0]);
    assert_eq!(series.place_of, [2, 0, 1]);
}

#[test]
fn each_rule_fills_gaps_in_its_way() {
    let stamps = integers([1, 2, 4, 5, 6]);
    let values = [f64::NAN, 4.0, 6.0, f64::INFINITY, f64::NAN];
    let filled = |gaps| regular(&stamps, &values, Rules { gaps, ..Rules::default() }).values;

    assert_eq!(filled(Gaps::Zero), [0.0, 4.0, 0.0, 6.0, 0.0, 0.0]);
    assert_eq!(filled(Gaps::Interpolate), [4.0, 4.0, 5.0, 6.0, 6.0, 6.0]);
    assert_eq!(filled(Gaps::Carry), [4.0, 4.0, 4.0, 6.0, 6.0, 6.0]);
    let missing: Vec<bool> = filled(Gaps::Missing).iter().map(|value| value.is_nan()).collect();
    assert_eq!(missing, [true, false, true, false, true, true]);
}

#[test]
fn nothing_but_missing_values_stays_missing() {
    let mut values = [f64::NAN; 3];

    fill(&mut values, Gaps::Interpolate);

    assert!(values.iter().all(|value| value.is_nan()));
}

#[test]
fn huge_neighbours_are_joined_without_overflow() {
    let mut values = [f64::MAX, f64::NAN, f64::MIN];

    fill(&mut values, Gaps::Interpolate);

    assert_eq!(values, [f64::MAX, 0.0, f64::MIN]);
}

#[test]
fn each_rule_treats_repeats_in_its_way() {
    let stamps = integers([1, 2, 2, 3, 3]);
    let values = [1.0, 2.0, 4.0, f64::NAN, 5.0];
    let made = |repeats| regular(&stamps, &values, Rules { repeats, ..Rules::default() });

    assert_eq!(made(Repeats::Sum).values, [1.0, 6.0, 5.0]);
    assert_eq!(made(Repeats::Mean).values, [1.0, 3.0, 5.0]);
    assert_eq!(made(Repeats::Last).values, [1.0, 4.0, 5.0]);
    assert_eq!(made(Repeats::Mean).place_of, [0, 1, 1, 2, 2]);
    let kept = made(Repeats::Keep);
    assert_eq!(kept.values, [1.0, 2.0, 4.0, 4.5, 5.0]);
    assert_eq!(kept.step(), None);
    assert_eq!(kept.place_of, [0, 1, 2, 3, 4]);
}

#[test]
fn a_wider_step_gathers_what_lies_in_it() {
    let sum = |step| Rules { step: Some(step), gaps: Gaps::Zero, repeats: Repeats::Sum };
    let hours = times(30, Duration::hours(1));

    let days = regular(&hours, &[1.0; 30], sum(Step::DAILY));

    assert_eq!(days.values, [3.0, 24.0, 3.0]);
    assert_eq!(days.stamp_at(1), Some(time("2026-01-31T00:00:00")));

    let days = dates(&["2026-01-30", "2026-01-31", "2026-02-01", "2026-03-05"]);

    let months = regular(&days, &[1.0, 2.0, 3.0, 4.0], sum(Step::MONTHLY));

    assert_eq!(months.values, [3.0, 3.0, 4.0]);
    assert_eq!(months.stamp_at(3), Some(date("2026-04-01")));

    let weeks = regular(&days, &[1.0, 2.0, 3.0, 4.0], sum(Step::WEEKLY));

    assert_eq!(weeks.stamp_at(0), Some(date("2026-01-26")));
    assert_eq!(weeks.values, [6.0, 0.0, 0.0, 0.0, 0.0, 4.0]);
}

#[test]
fn a_step_that_the_stamps_already_keep_does_not_move_them() {
    let sundays = dates(&["2026-01-04", "2026-01-11", "2026-01-25"]);
    let ends = dates(&["2026-01-31", "2026-02-28"]);
    let given = |step| Rules { step: Some(step), ..Rules::default() };

    let weeks = regular(&sundays, &[1.0; 3], given(Step::WEEKLY));
    let months = regular(&ends, &[1.0; 2], given(Step::MONTHLY));

    assert_eq!(weeks.stamp_at(4), Some(date("2026-02-01")));
    assert_eq!(months.stamp_at(2), Some(date("2026-03-31")));
}

#[test]
fn months_end_where_the_calendar_ends_them() {
    let ends = regular(&dates(&["2023-12-31", "2024-01-31"]), &[1.0; 2], Rules::default());
    let thirtieths = regular(&dates(&["2023-12-30", "2024-01-30"]), &[1.0; 2], Rules::default());

    let stamps = |series: &Regular| [2, 3, 4].map(|place| series.stamp_at(place).unwrap());
    assert_eq!(stamps(&ends), [date("2024-02-29"), date("2024-03-31"), date("2024-04-30")]);
    assert_eq!(stamps(&thirtieths), [date("2024-02-29"), date("2024-03-30"), date("2024-04-30")]);
}

#[test]
fn what_cannot_be_made_regular_says_why() {
    let rules = |step| Rules { step: Some(step), ..Rules::default() };
    let refused = |stamps: &[Stamp], rules: Rules| {
        regularize(stamps, &vec![1.0; stamps.len()], &rules).unwrap_err()
    };
    let far = dates(&["1000-01-01", "2026-01-01"]);

    assert_eq!(refused(&[], Rules::default()), CalendarError::Empty);
    assert_eq!(
        refused(&[Stamp::Integer(1), date("2026-01-01")], Rules::default()),
        CalendarError::MixedKinds
    );
    assert_eq!(
        refused(&integers(1..=3), rules(Step::MONTHLY)).to_string(),
        "a step of 1 month does not lead from stamp to stamp of this kind"
    );
    assert_eq!(
        refused(&far, rules(Step::DAILY)).to_string(),
        "2 values would be spread over 374740 steps of 1 day"
    );
    assert_eq!(
        regularize(&far, &[1.0], &Rules::default()),
        Err(CalendarError::Unequal { stamps: 2, values: 1 })
    );
}

#[test]
fn one_stamp_goes_on_somehow() {
    let series = regular(&[date("2026-01-31")], &[1.0], Rules::default());

    assert_eq!(series.values, [1.0]);
    assert_eq!(series.stamp_at(1), Some(date("2026-02-01")));
}

#[test]
fn usual_seasons_follow_from_the_step_and_the_length() {
    assert_eq!(Step::HOURLY.seasons(1_000), [24, 168]);
    assert_eq!(Step::HOURLY.seasons(100), [24]);
    assert_eq!(Step::seconds(300).seasons(10_000), [12, 288, 2_016]);
    assert_eq!(Step::DAILY.seasons(100), [7]);
    assert_eq!(Step::DAILY.seasons(730), [7, 365]);
    assert_eq!(Step::Weekdays.seasons(100), [5]);
    assert_eq!(Step::WEEKLY.seasons(200), [52]);
    assert_eq!(Step::MONTHLY.seasons(48), [12]);
    assert_eq!(Step::QUARTERLY.seasons(48), [4]);
    assert!(Step::YEARLY.seasons(48).is_empty());
    assert!(Step::count(1).seasons(48).is_empty());
}

#[test]
fn steps_read_as_people_say_them() {
    let said = [
        (Step::count(5), "5"),
        (Step::HOURLY, "1 hour"),
        (Step::seconds(300), "5 minutes"),
        (Step::seconds(1), "1 second"),
        (Step::DAILY, "1 day"),
        (Step::days(14), "2 weeks"),
        (Step::Weekdays, "weekday"),
        (Step::MONTHLY, "1 month"),
        (Step::QUARTERLY, "1 quarter"),
        (Step::YEARLY, "1 year"),
    ];
    for (step, text) in said {
        assert_eq!(step.to_string(), text);
    }
}

proptest::proptest! {
    #[test]
    fn any_stamps_become_a_series_with_every_value_in_a_place(
        numbers in proptest::collection::vec(proptest::num::i64::ANY, 1..40),
        kind in 0..3_u8,
        spread in 0..60_u32,
        keep in proptest::bool::ANY,
    ) {
        let stamp = |number: &i64| {
            let number = number >> spread;
            match kind {
                0 => Some(Stamp::Integer(number)),
                1 => Stamp::Date(NaiveDate::default()).at_axis(number),
                _ => Stamp::Time(NaiveDateTime::default()).at_axis(number),
            }
        };
        let stamps: Vec<Stamp> = numbers.iter().filter_map(stamp).collect();
        proptest::prop_assume!(!stamps.is_empty());
        let values: Vec<f64> = (0..stamps.len()).map(|at| at as f64).collect();
        let repeats = if keep { Repeats::Keep } else { Repeats::Mean };

        let series = regular(&stamps, &values, Rules { repeats, ..Rules::default() });

        proptest::prop_assert_eq!(series.values.len(), series.filled.len());
        proptest::prop_assert!(series.values.iter().all(|value| value.is_finite()));
        for (at, &place) in series.place_of.iter().enumerate() {
            proptest::prop_assert!(!series.filled[place]);
            if keep {
                proptest::prop_assert_eq!(series.values[place], values[at]);
            }
        }
        let mut sorted: Vec<(Stamp, usize)> =
            stamps.iter().copied().zip(series.place_of.iter().copied()).collect();
        sorted.sort();
        proptest::prop_assert!(sorted.windows(2).all(|pair| pair[0].1 <= pair[1].1));
        let _ = series.stamp_at(series.values.len());
        let _ = series.stamp_at(usize::MAX);
    }

    #[test]
    fn a_grid_leads_there_and_back(
        day in -200_000..200_000_i64,
        place in -5_000..5_000_i64,
        step in 0..6_usize,
    ) {
        let origin = Stamp::Date(NaiveDate::default()).at_axis(day).unwrap();
        let month = |count| Step::Months { count: NonZeroU32::new(count).unwrap(), day: 31 };
        let steps = [Step::DAILY, Step::WEEKLY, Step::Weekdays, month(1), month(3), month(12)];
        let step = steps[step];
        let origin = Grid::new(origin, step).unwrap().stamp_at(0).unwrap();
        let grid = Grid::new(origin, step).unwrap();

        let stamp = grid.stamp_at(place).unwrap();

        proptest::prop_assert_eq!(grid.place_of(stamp), Some(place));
        proptest::prop_assert!(grid.is_on(stamp));
    }

    #[test]
    fn any_step_on_any_stamps_neither_panics_nor_loses_values(
        numbers in proptest::collection::vec(-100_000_000_000_000..100_000_000_000_000_i64, 1..30),
        step in 0..8_usize,
        is_date in proptest::bool::ANY,
    ) {
        let zero = match is_date {
            true => Stamp::Date(NaiveDate::default()),
            false => Stamp::Time(NaiveDateTime::default()),
        };
        let scale = if is_date { 10_000_000_000 } else { 1 };
        let stamps: Vec<Stamp> =
            numbers.iter().map(|number| zero.at_axis(number / scale).unwrap()).collect();
        let steps = [
            Step::DAILY, Step::WEEKLY, Step::Weekdays, Step::MONTHLY, Step::QUARTERLY,
            Step::YEARLY, Step::HOURLY, Step::count(3),
        ];
        let rules =
            Rules { step: Some(steps[step]), gaps: Gaps::Zero, repeats: Repeats::Sum };

        if let Ok(series) = regularize(&stamps, &vec![1.0; stamps.len()], &rules) {
            let total: f64 = series.values.iter().sum();
            proptest::prop_assert!((total - stamps.len() as f64).abs() < 1e-9);
        }
    }
}
