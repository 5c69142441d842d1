use super::*;
use crate::noise::Noise;

fn weekly(i: usize) -> f64 {
    [1.0, 1.1, 1.15, 1.1, 0.95, 0.45, 0.4][i % 7]
}

#[test]
fn a_step_in_weekly_spend_is_dated() {
    let mut noise = Noise::new(1);
    let mut values: Vec<f64> = (0..120)
        .map(|i| 40.0 * weekly(i) * if i < 72 { 1.0 } else { 1.8 } * (0.05 * noise.normal()).exp())
        .collect();
    values[31] *= 3.5;
    values[97] *= 2.6;

    let found = change_points(&values, &Options::new(&[7]));

    assert_eq!(found.len(), 1);
    assert!(found[0].index.abs_diff(72) <= 1);
    assert!(found[0].lo <= 72 && found[0].hi >= 72 && found[0].hi - found[0].lo < 5);
    assert!((found[0].after / found[0].before - 1.8).abs() < 0.1);
}

#[test]
fn noise_of_any_colour_seldom_has_a_change() {
    for (phi, allowed) in [(0.0, 6), (0.3, 6), (0.6, 8), (0.8, 20)] {
        let mut wrong = 0;
        for seed in 0..100 {
            let mut noise = Noise::new(seed);
            let mut level = 0.0;
            let values: Vec<f64> = (0..120)
                .map(|_| {
                    level = phi * level + noise.student(4.0);
                    level
                })
                .collect();
            wrong += usize::from(!change_points(&values, &Options::steps(&[])).is_empty());
        }
        assert!(wrong <= allowed, "{wrong} of 100 at {phi}");
    }
}

#[test]
fn growth_is_no_step() {
    let mut wrong = 0;
    for seed in 0..50 {
        let mut noise = Noise::new(seed);
        let values: Vec<f64> = (0..180)
            .map(|i| 50.0 * weekly(i) * (0.006 * i as f64 + 0.1 * noise.normal()).exp())
            .collect();
        wrong += change_points(&values, &Options::new(&[7])).len();
    }

    assert!(wrong <= 1, "{wrong} in 50");
}

#[test]
fn any_input_is_segmented() {
    let odd: [&[f64]; 9] = [
        &[],
        &[1.0],
        &[0.0; 100],
        &[f64::NAN; 50],
        &[f64::MAX; 40],
        &[f64::MAX, f64::MIN, f64::MAX, f64::MIN, 1.0, f64::MAX, f64::MIN, f64::MAX, f64::MIN],
        &[1e-300; 30],
        &[1e308, -1e308, 5.0, 1e308, f64::NAN, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        &[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0],
    ];
    for values in odd {
        for segment_min in [0, 1, 5, 1000] {
            let options = Options { segment_min, ..Options::new(&[0, 1, 2, 7]) };
            let told = segment(values, &options);
            assert_eq!(told.level.len(), values.len());
        }
    }
}

#[test]
fn a_series_that_goes_to_and_fro_is_not_one_level() {
    let mut noise = Noise::new(21);
    let ups = [(58, 68), (105, 115), (139, 149), (182, 192), (215, 225), (288, 298), (337, 347)];
    let up = |i: &usize| ups.iter().any(|(from, to)| (*from..*to).contains(i));
    let values: Vec<f64> =
        (0..500).map(|i| if up(&i) { 4.0 } else { 0.0 } + 0.3 * noise.normal()).collect();

    let found: Vec<usize> =
        change_points(&values, &Options::new(&[])).iter().map(|change| change.index).collect();

    let planted: Vec<usize> = ups.iter().flat_map(|(from, to)| [*from, *to]).collect();
    assert_eq!(found, planted);
}

#[test]
fn spend_that_stopped_days_ago_ended_there_and_at_nothing() {
    let mut noise = Noise::new(22);
    let week = |day: usize| if day % 7 < 5 { 50.0 } else { 25.0 };
    let mut values: Vec<f64> =
        (0..120).map(|day| week(day) * (1.0 + 0.1 * noise.normal())).collect();
    values[116..].fill(0.0);

    let found = change_points(&values, &Options::steps(&[7]));

    assert_eq!(found.iter().map(|change| change.index).collect::<Vec<_>>(), [116]);
    assert!(found[0].before > 40.0 && found[0].after == 0.0, "{found:?}");
}

#[test]
fn a_spike_on_a_flat_line_is_no_level() {
    let mut values = vec![5.0; 100];
    values[50] = 500.0;

    assert_eq!(change_points(&values, &Options::new(&[])), []);
}
