//! What every forecast promises, whatever the series.

use outlay_analytics::forecast::{
    Footing, Forecast, ForecastError, InTurn, Method, Options, forecast, forecast_many,
};

/// A daily series with a week, a slope and noise that no method was made for.
fn daily(points: usize, seed: u64) -> Vec<f64> {
    let shape = [1.0, 1.1, 1.15, 1.1, 0.95, 0.4, 0.3];
    let mut random = Random(seed);
    (0..points)
        .map(|t| {
            let noise = 1.0 + 0.15 * (random.unit() + random.unit() - 1.0);
            let spike = if random.unit() > 0.98 { 3.0 } else { 1.0 };
            (80.0 + 0.1 * t as f64) * shape[t % 7] * noise * spike
        })
        .collect()
}

/// A small generator (SplitMix64), so that tests repeat.
struct Random(u64);

impl Random {
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }
}

fn made(series: &[f64], options: &Options) -> Forecast {
    forecast(series, options).expect("a forecast")
}

fn assert_sound(forecast: &Forecast, options: &Options) {
    assert_eq!(forecast.expected.len(), options.horizon);
    assert!(forecast.expected.iter().all(|value| value.is_finite()));
    assert_eq!(forecast.intervals.len(), options.levels.len());
    for interval in &forecast.intervals {
        assert_eq!(interval.low.len(), options.horizon);
        for step in 0..options.horizon {
            let (low, high) = (interval.low[step], interval.high[step]);
            assert!(low.is_finite() && high.is_finite());
            assert!(low <= forecast.expected[step] && forecast.expected[step] <= high);
        }
    }
    let total: f64 = forecast.methods.iter().map(|report| report.weight).sum();
    assert!((total - 1.0).abs() < 1e-9, "{total}");
}

#[test]
fn every_series_of_finite_numbers_is_forecast_by_every_method() {
    let mut random = Random(1);
    let mut shapes: Vec<Vec<f64>> = Vec::new();
    for points in [1, 2, 3, 7, 8, 13, 14, 15, 28, 60, 200] {
        shapes.push(vec![0.0; points]);
        shapes.push(vec![42.5; points]);
        shapes.push((0..points).map(|t| t as f64).collect());
        shapes.push((0..points).map(|_| random.unit()).collect());
        shapes.push((0..points).map(|_| random.unit() * 1e300 - 5e299).collect());
        shapes.push((0..points).map(|_| random.unit() * 1e-300).collect());
        shapes.push((0..points).map(|_| if random.unit() > 0.8 { 1e6 } else { 0.0 }).collect());
        shapes.push((0..points).map(|t| if t % 2 == 0 { f64::MAX } else { f64::MIN }).collect());
        shapes.push((0..points).map(|t| 1.1_f64.powi(t as i32)).collect());
    }
    for method in Method::ALL {
        for seasons in [&[][..], &[0, 1], &[7], &[7, 30], &[usize::MAX]] {
            let options = Options::ahead(9).with_seasons(seasons).with_method(method);
            for series in &shapes {
                match forecast(series, &options) {
                    Ok(forecast) => assert_sound(&forecast, &options),
                    Err(error) => assert_eq!(error, ForecastError::Unsuited { method }),
                }
            }
        }
    }
}

#[test]
fn what_cannot_be_forecast_is_said() {
    let options = Options::ahead(3);

    assert_eq!(forecast(&[], &options), Err(ForecastError::Empty));
    assert_eq!(forecast(&[1.0, f64::NAN], &options), Err(ForecastError::NotFinite { index: 1 }));
    assert_eq!(forecast(&[1.0], &Options::ahead(0)), Err(ForecastError::NoHorizon));
    let sure = Options { levels: vec![1.0], ..Options::ahead(3) };
    assert_eq!(forecast(&[1.0], &sure), Err(ForecastError::Level { level: 1.0 }));
}

#[test]
fn the_unit_of_a_series_does_not_matter() {
    let options = Options::ahead(14).with_seasons(&[7]);
    let series = daily(200, 7);

    let plain = made(&series, &options);

    for factor in [1e-9, 0.37, 1000.0, 1e12] {
        let other: Vec<f64> = series.iter().map(|y| y * factor).collect();
        let scaled = made(&other, &options);
        for (value, expected) in scaled.expected.iter().zip(&plain.expected) {
            assert!((value / factor - expected).abs() < 1e-6 * expected, "{factor}");
        }
    }
}

#[test]
fn a_weekly_pattern_is_forecast_better_than_by_repeating_last_week() {
    let options = Options::ahead(14).with_seasons(&[7]);
    let (mut ours, mut repeated) = (0.0, 0.0);
    for seed in 0..20 {
        let series = daily(240, seed);
        let (past, actual) = series.split_at(226);
        let expected = made(past, &options).expected;
        for (step, y) in actual.iter().enumerate() {
            ours += (y - expected[step]).abs();
            repeated += (y - past[past.len() - 7 + step % 7]).abs();
        }
    }

    assert!(ours < 0.85 * repeated, "{ours} {repeated}");
}

#[test]
fn intervals_hold_about_what_they_say() {
    let options = Options::ahead(14).with_seasons(&[7]);
    let (mut held, mut steps) = ([0.0; 3], 0.0);
    for seed in 100..180 {
        let series = daily(180, seed);
        let (past, actual) = series.split_at(166);
        let forecast = made(past, &options);
        for (step, y) in actual.iter().enumerate() {
            steps += 1.0;
            for (count, interval) in held.iter_mut().zip(&forecast.intervals) {
                *count +=
                    f64::from(u8::from(interval.low[step] <= *y && *y <= interval.high[step]));
            }
        }
    }

    for (count, level) in held.iter().zip(&options.levels) {
        assert!((count / steps - level).abs() < 0.05, "{level}: {}", count / steps);
    }
}

#[test]
fn spend_is_not_forecast_below_zero() {
    let series: Vec<f64> = (0..60).map(|t| f64::from(59 - t)).collect();

    let floored = made(&series, &Options::ahead(20));
    let free = made(&series, &Options { floor_at_zero: false, ..Options::ahead(20) });

    assert!(floored.intervals.iter().all(|interval| interval.low.iter().all(|low| *low >= 0.0)));
    assert!(free.intervals.iter().any(|interval| interval.low.iter().any(|low| *low < 0.0)));
}

#[test]
fn a_short_series_is_forecast_with_a_warning_and_wide_intervals() {
    let series = [10.0, 12.0, 9.0, 11.0, 10.0];

    let forecast = made(&series, &Options::ahead(3));

    assert_eq!(forecast.footing, Footing::TooShort { points: 5 });
    assert_eq!(forecast.expected, [10.0; 3]);
    assert!(forecast.intervals[0].high[0] > 12.0);
}

#[test]
fn two_weeks_of_days_are_enough_for_tested_intervals() {
    let forecast = made(&daily(14, 3), &Options::ahead(7).with_seasons(&[7]));

    assert!(matches!(forecast.footing, Footing::Tested { origins: 2.., .. }));
}

#[test]
fn series_forecast_together_are_forecast_as_well_as_alone() {
    let options = Options::ahead(14).with_seasons(&[7]);
    let all: Vec<Vec<f64>> = (0..30).map(|seed| daily(160, seed)).collect();
    let pasts: Vec<&[f64]> = all.iter().map(|series| &series[..146]).collect();
    let error = |expected: &[f64], index: usize| -> f64 {
        expected.iter().zip(&all[index][146..]).map(|(f, y)| (f - y).abs()).sum()
    };

    let together = forecast_many(&pasts, &options, &InTurn);

    let (mut pooled, mut alone) = (0.0, 0.0);
    for (index, forecast) in together.into_iter().enumerate() {
        pooled += error(&forecast.expect("a forecast").expected, index);
        alone += error(&made(pasts[index], &options).expected, index);
    }
    assert!(pooled < 1.02 * alone, "{pooled} {alone}");
}

#[test]
fn the_same_series_gets_the_same_forecast() {
    let options = Options::ahead(10).with_seasons(&[7]);
    let all: Vec<Vec<f64>> = (0..8).map(|seed| daily(120, seed)).collect();
    let slices: Vec<&[f64]> = all.iter().map(Vec::as_slice).collect();

    let first = forecast_many(&slices, &options, &InTurn);

    assert_eq!(first, forecast_many(&slices, &options, &InTurn));
}

#[test]
fn one_bad_series_among_many_keeps_its_trouble_to_itself() {
    let good: Vec<Vec<f64>> = (0..8).map(|seed| daily(60, seed)).collect();
    let mut slices: Vec<&[f64]> = good.iter().map(Vec::as_slice).collect();
    slices.push(&[f64::INFINITY, 1.0]);
    slices.push(&[]);

    let forecasts = forecast_many(&slices, &Options::ahead(7), &InTurn);

    assert!(forecasts[..8].iter().all(Result::is_ok));
    assert_eq!(forecasts[8], Err(ForecastError::NotFinite { index: 0 }));
    assert_eq!(forecasts[9], Err(ForecastError::Empty));
}

#[test]
fn every_method_is_found_by_its_name() {
    for method in Method::ALL {
        assert_eq!(Method::named(method.name()), Some(method));
    }
    assert_eq!(Method::named("crystal-ball"), None);
}

/// The series and what another implementation forecasts for them.
const GOLDEN: &str = include_str!("golden/theta_statsforecast.csv");

#[test]
fn smoothing_methods_agree_with_another_implementation() {
    let mut series: Vec<f64> = Vec::new();
    for line in GOLDEN.lines().filter(|line| !line.starts_with('#')) {
        let mut fields = line.split(',');
        let (name, what) = (fields.next().expect("a name"), fields.next().expect("a method"));
        let numbers = fields.map(|number| number.parse().expect("a number")).collect();
        if what == "series" {
            series = numbers;
            continue;
        }

        let method = Method::named(what).expect("a method");
        let ours = made(&series, &Options::ahead(8).with_method(method)).expected;

        // The searches end at other points of the same flat valley, and that of exponential
        // smoothing starts from other first states.
        let share = if method == Method::ExponentialSmoothing { 0.5 } else { 0.25 };
        let spread = share * deviation(&series);
        for (value, theirs) in ours.iter().zip(&numbers) {
            assert!((value - theirs).abs() < spread, "{name} {what}: {ours:?} {numbers:?}");
        }
    }
}

/// The standard deviation around the least squares line.
fn deviation(series: &[f64]) -> f64 {
    let n = series.len() as f64;
    let middle = (n - 1.0) / 2.0;
    let mean = series.iter().sum::<f64>() / n;
    let centred = |t: usize| t as f64 - middle;
    let cross: f64 = series.iter().enumerate().map(|(t, y)| centred(t) * (y - mean)).sum();
    let spread: f64 = (0..series.len()).map(|t| centred(t).powi(2)).sum();
    let slope = cross / spread;
    let squares = series.iter().enumerate().map(|(t, y)| (y - mean - slope * centred(t)).powi(2));
    (squares.sum::<f64>() / n).sqrt()
}

#[test]
fn a_raised_series_is_forecast_higher_by_what_it_was_raised() {
    let options = Options::ahead(14).with_seasons(&[7]);
    let series = daily(200, 9);
    let raised: Vec<f64> = series.iter().map(|y| y + 500.0).collect();

    let (low, high) = (made(&series, &options), made(&raised, &options));

    // Logarithms and multiplicative seasons see a raised series with other eyes, if not far from it.
    let spread = deviation(&series);
    for (value, other) in low.expected.iter().zip(&high.expected) {
        assert!((other - 500.0 - value).abs() < 0.5 * spread, "{value} {other}");
    }
}

#[test]
fn spend_on_few_days_is_forecast_as_what_it_adds_up_to() {
    let options = Options::ahead(28).with_seasons(&[7]);
    let (mut expected, mut spent) = (0.0, 0.0);
    for seed in 0..20 {
        let mut random = Random(seed);
        let series: Vec<f64> = (0..208)
            .map(|_| if random.unit() < 0.35 { 20.0 + 10.0 * random.unit() } else { 0.0 })
            .collect();
        expected += made(&series[..180], &options).expected.iter().sum::<f64>();
        spent += series[180..].iter().sum::<f64>();
    }

    assert!((expected / spent - 1.0).abs() < 0.1, "{expected} {spent}");
}

#[test]
fn a_wild_last_day_raises_no_day_to_come() {
    let mut days = daily(120, 9);
    let usual: f64 = made(&days, &Options::ahead(30).with_seasons(&[7])).expected.iter().sum();
    days[119] *= 15.0;
    let options = Options::ahead(30).with_seasons(&[7]);

    let followed: f64 = made(&days, &options).expected.iter().sum();
    let settled: f64 = made(&days, &options.settled()).expected.iter().sum();

    assert!((settled / usual - 1.0).abs() < 0.03, "{settled} {usual}");
    assert!(settled < followed, "{settled} {followed}");
}

#[test]
fn a_level_that_lasted_a_week_holds_and_one_of_three_days_may_be_a_holiday() {
    let half = |days: usize| {
        let mut values = daily(180, 10);
        values[180 - days..].iter_mut().for_each(|value| *value *= 0.5);
        let forecast = made(&values, &Options::ahead(30).with_seasons(&[7]).settled());
        let before = made(&daily(180, 10), &Options::ahead(30).with_seasons(&[7]));
        forecast.expected.iter().sum::<f64>() / before.expected.iter().sum::<f64>()
    };

    assert!((half(8) - 0.5).abs() < 0.06, "{}", half(8));
    assert!(half(2) > 0.8, "{}", half(2));
}
