use super::*;

/// The columns of a golden file, in its order.
fn golden() -> Vec<Vec<f64>> {
    let text = include_str!("../../tests/golden/stl.csv");
    let rows = text.lines().filter(|line| !line.starts_with(['#', 'y']));
    let mut columns = vec![Vec::new(); 9];
    for row in rows {
        for (column, cell) in columns.iter_mut().zip(row.split(',')) {
            column.push(cell.parse().unwrap());
        }
    }
    columns
}

fn assert_near(ours: &[f64], theirs: &[f64]) {
    assert_eq!(ours.len(), theirs.len());
    for (i, (our, their)) in ours.iter().zip(theirs).enumerate() {
        assert!((our - their).abs() < 1e-6, "point {i}: {our} is not {their}");
    }
}

fn weekly(count: usize) -> Vec<f64> {
    let profile = [1.0, 1.1, 1.15, 1.1, 0.95, 0.45, 0.4];
    (0..count).map(|i| 100.0 * profile[i % 7] * (1.0 + i as f64 / 100.0)).collect()
}

#[test]
fn stl_is_that_of_statsmodels() {
    let columns = golden();

    let fit = stl(&columns[0], &StlOptions::new(7));

    assert_near(&fit.trend, &columns[1]);
    assert_near(&fit.seasonal, &columns[2]);
}

#[test]
fn robust_stl_is_that_of_statsmodels() {
    let columns = golden();

    let fit = stl(&columns[0], &StlOptions::new(7).robust());

    assert_near(&fit.trend, &columns[3]);
    assert_near(&fit.seasonal, &columns[4]);
    assert_near(&fit.weights, &columns[5]);
}

#[test]
fn mstl_is_that_of_statsmodels() {
    let columns = golden();

    let fit = mstl(&columns[0], &MstlOptions::new(&[30, 7]));

    assert_near(&fit.trend, &columns[6]);
    assert_near(&fit.seasonal[0], &columns[7]);
    assert_near(&fit.seasonal[1], &columns[8]);
}

#[test]
fn the_quick_form_differs_by_less_than_the_noise() {
    let columns = golden();

    let exact = stl(&columns[0], &StlOptions::new(30).robust());
    let quick = stl(&columns[0], &StlOptions::new(30).robust().quick());

    let noise = robust::mad(&exact.remainder);
    for (exact, quick) in exact.remainder.iter().zip(&quick.remainder) {
        assert!((exact - quick).abs() < noise / 2.0, "{exact} is far from {quick}");
    }
}

#[test]
fn the_parts_make_the_whole() {
    let values = weekly(60);

    let parts = decompose(&values, &Options::new(&[7]));

    assert!(parts.log);
    for (i, value) in values.iter().enumerate() {
        let sum = parts.trend[i] + parts.season_at(i) + parts.remainder[i];
        assert!((sum.exp() - value).abs() < 1e-9 * value);
    }
    assert!(parts.season_strengths()[0] > 0.95);
    assert!(parts.trend_strength() > 0.95);
    assert!(parts.volatility() < 0.05);
}

#[test]
fn one_spike_moves_neither_trend_nor_season() {
    let clean = weekly(84);
    let mut spiked = clean.clone();
    spiked[40] *= 6.0;

    let parts = decompose(&spiked, &Options::new(&[7]));

    let expected = parts.expected()[40];
    assert!((expected / clean[40] - 1.0).abs() < 0.05, "{expected} for {}", clean[40]);
    assert!(parts.weights[40] < 0.01);
}

#[test]
fn any_input_is_taken_apart() {
    let odd: [&[f64]; 8] = [
        &[],
        &[1.0],
        &[0.0; 40],
        &[5.0; 30],
        &[f64::NAN; 20],
        &[f64::MAX, f64::MIN, f64::MAX, f64::MIN, f64::INFINITY, 1.0, 2.0, 3.0, 4.0, 5.0],
        &[1e-300; 30],
        &[1.0, f64::NAN, 3.0, f64::NEG_INFINITY, 5.0, 6.0, 7.0],
    ];
    for values in odd {
        for seasons in [&[][..], &[2], &[7, 3], &[0, 1, 1000]] {
            for scale in [Scale::Additive, Scale::Log, Scale::Auto] {
                let options = Options { scale, ..Options::new(seasons) };
                let parts = decompose(values, &options);
                assert_eq!(parts.trend.len(), values.len());
                assert_eq!(parts.remainder.len(), values.len());
            }
        }
    }
}

#[test]
fn without_a_season_the_trend_follows_the_level() {
    let line: Vec<f64> = (0..50).map(|i| 3.0 + 2.0 * i as f64).collect();

    let parts = decompose(&line, &Options { scale: Scale::Additive, ..Options::new(&[]) });

    assert!(parts.seasonal.is_empty());
    assert!(parts.remainder.iter().all(|r| r.abs() < 1e-6));
}
