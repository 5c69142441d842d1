use super::*;
use crate::noise::Noise;

fn weekly(i: usize) -> f64 {
    [1.0, 1.1, 1.15, 1.1, 0.95, 0.45, 0.4][i % 7]
}

fn spend(seed: u64, count: usize) -> Vec<f64> {
    let mut noise = Noise::new(seed);
    (0..count).map(|i| 40.0 * weekly(i) * (0.08 * noise.normal()).exp()).collect()
}

#[test]
fn spikes_and_dips_are_told_from_the_week() {
    let mut values = spend(1, 120);
    values[31] *= 3.5;
    values[66] *= 0.05;
    values[97] *= 2.2;

    let report = detect(&values, &Options::new(&[7]));

    let found: Vec<usize> = report.anomalies.iter().map(|anomaly| anomaly.index).collect();
    assert!([31, 66, 97].iter().all(|planted| found.contains(planted)), "{found:?}");
    assert!(found.len() <= 4, "{found:?}");
    assert_eq!(report.anomalies[0].severity, AnomalySeverity::Critical);
    assert_eq!(report.anomalies[1].direction, Direction::Below);
    assert!(report.anomalies[0].methods.contains(&Method::Seasonal));
    assert!(report.lo.iter().zip(&report.hi).all(|(lo, hi)| lo <= hi));
}

#[test]
fn the_level_after_a_shift_is_no_anomaly() {
    let mut wrong = 0;
    for seed in 0..20 {
        let values: Vec<f64> = spend(seed, 120)
            .into_iter()
            .enumerate()
            .map(|(i, y)| if i < 72 { y } else { 1.8 * y })
            .collect();
        let report = detect(&values, &Options::new(&[7]));
        wrong += report.anomalies.iter().filter(|a| (70..86).contains(&a.index)).count();
    }

    assert!(wrong <= 4, "{wrong} in 20 series");
}

#[test]
fn each_classic_method_sees_a_wild_value() {
    let mut values = spend(3, 90);
    values[40] *= 9.0;

    for method in CLASSIC {
        let report = detect(&values, &Options { method, ..Options::new(&[7]) });

        assert!(report.anomalies.iter().any(|anomaly| anomaly.index == 40), "{method:?}");
        assert!(report.anomalies.len() <= 2, "{method:?}");
    }
}

#[test]
fn any_input_is_judged_in_whole() {
    let odd: [&[f64]; 7] = [
        &[],
        &[1.0],
        &[0.0; 100],
        &[f64::NAN; 50],
        &[f64::MAX; 40],
        &[1e308, -1e308, 5.0, 1e308, f64::NAN, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        &[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 7.0, 0.0, 0.0, 0.0],
    ];
    for values in odd {
        for method in CLASSIC.into_iter().chain([Method::Combined]) {
            let report = detect(values, &Options { method, ..Options::new(&[0, 2, 7]) });
            assert_eq!(report.score.len(), values.len());
        }
        let mut online = OnlineDetector::new(OnlineOptions { probation: 2, ..Default::default() });
        for value in values {
            let verdict = online.push(*value);
            assert!(verdict.expected.is_finite() && !verdict.score.is_nan());
        }
    }
}

#[test]
fn an_episode_is_one_alarm() {
    let mut noise = Noise::new(8);
    let mut online = OnlineDetector::new(OnlineOptions::default());
    let alarms: Vec<usize> = (0..2000)
        .filter(|i| {
            let level = if (1500..1560).contains(i) { 60.0 } else { 20.0 };
            online.push(level + noise.normal()).anomaly
        })
        .collect();

    assert_eq!(alarms.iter().filter(|i| (1500..1700).contains(*i)).count(), 1, "{alarms:?}");
    assert_eq!(alarms.iter().find(|i| **i >= 1500), Some(&1500));
    assert!(alarms.len() <= 3, "{alarms:?}");
}

#[test]
fn a_jump_from_a_flat_line_is_seen() {
    let mut online = OnlineDetector::new(OnlineOptions::default());
    for _ in 0..400 {
        assert!(!online.push(5.0).anomaly);
    }

    assert!(online.push(6.0).anomaly);
}

#[test]
fn rows_outside_that_follow_one_another_are_one_episode() {
    let mut values: Vec<f64> = (0..200).map(|at| 100.0 + f64::from(at * 7_919 % 13)).collect();
    values[80..84].fill(900.0);
    values[140] = 900.0;
    values[141] = -700.0;

    let report = detect(&values, &Options::new(&[]));

    let rows: Vec<usize> = report.anomalies.iter().map(|anomaly| anomaly.index).collect();
    let begins: Vec<usize> = report.episodes().map(|anomaly| anomaly.index).collect();
    assert_eq!(rows, [80, 81, 82, 83, 140, 141]);
    assert_eq!(begins, [80, 140, 141]);
}

/// Spend by the hour: much by day, little at night, and noise in proportion.
fn hourly(seed: u64, days: usize) -> Vec<f64> {
    let mut noise = Noise::new(seed);
    let level = |hour: usize| if (7..21).contains(&(hour % 24)) { 50.0 } else { 1.0 };
    (0..24 * days).map(|hour| level(hour) * (0.25 * noise.normal()).exp()).collect()
}

fn alarms(online: &mut OnlineDetector, values: &[f64]) -> Vec<usize> {
    (0..values.len()).filter(|hour| online.push(values[*hour]).anomaly).collect()
}

#[test]
fn a_burst_in_a_quiet_night_is_one_alarm_though_days_are_louder() {
    let night = 24 * 70 + 3;
    for seasons in [vec![], vec![24], vec![24, 168]] {
        let mut values = hourly(1, 80);
        values[night..night + 3].iter_mut().for_each(|value| *value *= 12.0);
        let mut online = OnlineDetector::new(OnlineOptions { seasons, ..Default::default() });

        let found = alarms(&mut online, &values);

        assert_eq!(found.iter().filter(|hour| **hour >= night - 48).count(), 1, "{found:?}");
        assert!(found.contains(&night), "{found:?}");
    }
}

#[test]
fn next_to_nothing_instead_of_nothing_is_no_alarm() {
    let night = 24 * 70 + 3;
    let mut values: Vec<f64> = hourly(2, 80);
    for value in values.iter_mut().filter(|value| **value < 5.0) {
        *value *= 1e-4;
    }
    values[night] *= 100.0;
    let mut online = OnlineDetector::new(OnlineOptions::default());

    let found = alarms(&mut online, &values);

    assert!(!found.contains(&night), "{found:?}");
}

#[test]
fn a_credit_is_seen_where_all_was_spend_before() {
    let mut online = OnlineDetector::new(OnlineOptions::default());
    let values = hourly(3, 60);
    alarms(&mut online, &values);

    let credit = online.push(-400.0);

    assert!(credit.anomaly, "{credit:?}");
    assert!(credit.lo > -400.0, "{credit:?}");
}

#[test]
fn ranges_online_are_in_the_units_of_the_series() {
    let mut online = OnlineDetector::new(OnlineOptions::default());
    for (hour, value) in hourly(4, 80).iter().enumerate() {
        let verdict = online.push(*value);

        let level = if (7..21).contains(&(hour % 24)) { 50.0 } else { 1.0 };
        if hour > 24 * 60 {
            let usual = 0.6 * level..1.6 * level;
            assert!(usual.contains(&verdict.expected), "{hour}: {verdict:?}");
            assert!(verdict.lo > 0.0 && verdict.hi < 10.0 * level, "{hour}: {verdict:?}");
        }
    }
}

/// Noise of one size, with the same anomaly put on it at some places.
fn repeated(seed: u64, places: &[usize], size: f64, length: usize) -> Vec<f64> {
    let mut noise = Noise::new(seed);
    let mut values: Vec<f64> = (0..5000).map(|_| 50.0 + noise.normal()).collect();
    for place in places {
        values[*place..place + length].iter_mut().for_each(|value| *value += size);
    }
    values
}

#[test]
fn the_last_of_equal_anomalies_is_found_like_the_first() {
    let places = [863, 1337, 1827, 2295, 2815, 3279, 3798, 4299];
    for (size, length) in [(10.0, 1), (15.0, 3), (-10.0, 20)] {
        for seed in 0..5 {
            let mut online = OnlineDetector::new(OnlineOptions::default());

            let found = alarms(&mut online, &repeated(seed, &places, size, length));

            for place in places {
                let hits = found.iter().filter(|at| (place..place + length).contains(at)).count();
                assert_eq!(hits, 1, "{size} for {length} at {place}: {found:?}");
            }
        }
    }
}

#[test]
fn an_anomaly_leaves_the_range_as_narrow_as_it_was() {
    let mut online = OnlineDetector::new(OnlineOptions::default());
    let widths: Vec<f64> = repeated(3, &[800], 40.0, 10)
        .iter()
        .map(|value| online.push(*value))
        .map(|verdict| verdict.hi - verdict.lo)
        .collect();

    for after in [850, 1500, 4000] {
        assert!(widths[after] < 1.2 * widths[799], "{} to {}", widths[799], widths[after]);
    }
}

#[test]
fn spikes_that_keep_coming_are_usual_in_the_end() {
    let mut noise = Noise::new(5);
    let values: Vec<f64> = (0..6000)
        .map(|_| {
            let spike = if noise.uniform() < 0.01 { 15.0 } else { 0.0 };
            50.0 + noise.normal() + spike
        })
        .collect();
    let mut online = OnlineDetector::new(OnlineOptions::default());

    let found = alarms(&mut online, &values);

    assert!(found.len() <= 4, "{found:?}");
}

#[test]
fn a_score_is_the_distance_over_that_of_the_edge_online_too() {
    let mut spend = hourly(6, 80);
    spend[24 * 70..24 * 70 + 6].fill(90.0);
    let noisy = repeated(6, &[900, 2000], 30.0, 40);
    for values in [spend, noisy] {
        let mut online = OnlineDetector::new(OnlineOptions::default());
        let mut outside_without_alarm = 0;
        for value in values {
            let verdict = online.push(value);

            let edge = if value > verdict.expected { verdict.hi } else { verdict.lo };
            let ratio = (value - verdict.expected).abs() / (edge - verdict.expected).abs();
            assert!((verdict.score - ratio).abs() <= 1e-9 * ratio, "{value}: {verdict:?}");
            let is_outside = value < verdict.lo || value > verdict.hi;
            assert_eq!(verdict.score > 1.0, is_outside, "{value}: {verdict:?}");
            assert_eq!(verdict.severity, AnomalySeverity::of(verdict.score));
            outside_without_alarm += usize::from(is_outside && !verdict.anomaly);
        }
        // The rest of an episode lies outside, and is no alarm of its own.
        assert!(outside_without_alarm > 0);
    }
}

#[test]
fn nothing_is_outside_before_the_range_is_known() {
    let mut online = OnlineDetector::new(OnlineOptions::default());
    let mut noise = Noise::new(7);
    for _ in 0..30 {
        let verdict = online.push(50.0 + noise.normal());

        assert_eq!(verdict.severity, AnomalySeverity::None);
    }
}

/// Five-minute points with a job of some points at midnight.
fn with_a_daily_job(seed: u64, width: usize, days: usize) -> Vec<f64> {
    let mut noise = Noise::new(seed);
    let runs = |at: usize| if at % 288 < width { 60.0 } else { 0.0 };
    (0..288 * days).map(|at| 20.0 + noise.normal() + runs(at)).collect()
}

#[test]
fn a_job_at_the_wrong_hour_is_found_and_at_the_right_one_is_not() {
    let wrong = 12 * 288 + 130;
    for width in [1, 2, 3, 6, 12, 24] {
        let mut values = with_a_daily_job(1, width, 20);
        values[wrong..wrong + width].iter_mut().for_each(|value| *value += 60.0);
        let mut online = OnlineDetector::new(OnlineOptions::default());

        let found = alarms(&mut online, &values);

        assert!(found.contains(&wrong), "{width}: {found:?}");
        let right = found.iter().filter(|at| **at % 288 < width);
        assert!(right.clone().count() <= 4, "{width}: {found:?}");
        assert!(right.clone().all(|at| *at < 6 * 288), "{width}: {found:?}");
    }
}

#[test]
fn a_job_is_expected_where_the_day_is_known() {
    for width in [1, 6] {
        let options = OnlineOptions { seasons: vec![288], ..Default::default() };
        let mut online = OnlineDetector::new(options);

        let found = alarms(&mut online, &with_a_daily_job(2, width, 20));

        assert!(found.len() <= 2, "{width}: {found:?}");
    }
}

#[test]
fn noise_that_has_grown_for_good_is_usual_in_the_end() {
    let mut found = Vec::new();
    for seed in 0..5 {
        let mut noise = Noise::new(seed);
        let width = |at: usize| if at < 2000 { 1.0 } else { 4.0 };
        let values: Vec<f64> = (0..5000).map(|at| 50.0 + width(at) * noise.normal()).collect();
        let mut online = OnlineDetector::new(OnlineOptions::default());
        found.push(alarms(&mut online, &values));
    }

    let late = found.iter().flatten().filter(|at| **at >= 3000).count();
    assert!(found.iter().flatten().count() <= 40 && late <= 10, "{found:?}");
}

#[test]
fn one_spike_of_any_size_is_one_anomaly() {
    for size in [1e2, 1e4, 1e8] {
        for noise in [0.0, 0.01] {
            let mut random = Noise::new(5);
            let mut values: Vec<f64> = (0..60).map(|_| 5.0 + noise * random.normal()).collect();
            values[30] = size;

            let report = detect(&values, &Options::new(&[]));

            let found: Vec<usize> = report.anomalies.iter().map(|anomaly| anomaly.index).collect();
            assert_eq!(found, [30], "{size} {noise}");
            assert!((report.expected[30] - 5.0).abs() < 0.1, "{size} {}", report.expected[30]);
        }
    }
}

#[test]
fn no_spend_below_nothing_is_expected() {
    let mut values = spend(2, 120);
    values[115..].fill(0.0);

    let report = detect(&values, &Options::new(&[7]));

    assert!(report.expected.iter().chain(&report.lo).all(|value| *value >= 0.0));
    let above = report.anomalies.iter().filter(|anomaly| anomaly.direction == Direction::Above);
    assert_eq!(above.filter(|anomaly| anomaly.index >= 115).count(), 0);
}
