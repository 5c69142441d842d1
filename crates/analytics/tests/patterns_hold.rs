//! What holds for any series at all: no panic, results as long as the input, no places outside it,
//! and the same answer twice.

#[allow(dead_code, reason = "shared with the unit tests, which use more of it")]
#[path = "../src/noise.rs"]
mod noise;

use noise::Noise;
use outlay_analytics::anomalies::{self, AnomalySeverity, Method, OnlineDetector, OnlineOptions};
use outlay_analytics::{change_points, decompose, robust, season, trend};

/// A series of stretches that are each odd in their own way.
fn odd_series(noise: &mut Noise) -> Vec<f64> {
    let count = (noise.uniform() * noise.uniform() * 300.0) as usize;
    let size = [1.0, 1e-200, 1e200, 1e12, f64::MAX][(noise.uniform() * 5.0) as usize];
    let mut values = Vec::with_capacity(count);
    while values.len() < count {
        let kind = (noise.uniform() * 8.0) as usize;
        let constant = noise.normal();
        for i in 0..1 + (noise.uniform() * 40.0) as usize {
            values.push(match kind {
                0 => 0.0,
                1 => constant,
                2 => f64::NAN,
                3 => size * noise.student(1.0),
                4 => size * (i % 7) as f64,
                5 => noise.uniform().powi(9),
                6 => [f64::INFINITY, f64::NEG_INFINITY, -0.0, f64::MIN_POSITIVE][i % 4],
                _ => size * (1.0 + 0.01 * noise.normal()),
            });
        }
    }
    values.truncate(count);
    values
}

#[test]
fn any_series_is_taken_apart_and_judged() {
    let mut noise = Noise::new(2026);
    for case in 0..400 {
        let values = odd_series(&mut noise);
        let count = values.len();
        let seasons = match case % 4 {
            0 => vec![7],
            1 => vec![],
            2 => vec![2, 24, 24, 0, 1, usize::MAX],
            _ => season::season_lengths(&values, &season::Options::new(&[])),
        };

        let parts = decompose::decompose(&values, &decompose::Options::new(&seasons));
        assert_eq!(parts.expected().len(), count);
        assert!((0.0..=1.0).contains(&parts.trend_strength()), "case {case}");
        let _ = (parts.volatility(), parts.season_strengths(), parts.deseasonalised());

        for plan in [change_points::Options::new(&seasons), change_points::Options::steps(&seasons)]
        {
            let told = change_points::segment(&values, &plan);
            assert_eq!(told.level.len(), count);
            for change in &told.changes {
                assert!(change.lo <= change.index && change.index <= change.hi, "case {case}");
                assert!(change.index > 0 && change.hi < count, "case {case}");
            }
        }
        for method in anomalies::CLASSIC.into_iter().chain([Method::Combined]) {
            let plan = anomalies::Options { method, ..anomalies::Options::new(&seasons) };
            let report = anomalies::detect(&values, &plan);
            assert_eq!(report.score.len(), count);
            assert!(report.score.iter().all(|score| *score >= 0.0), "case {case}");
            let again = anomalies::detect(&values, &plan);
            assert_eq!(report.anomalies.len(), again.anomalies.len());
        }
        let _ = trend::trend(&values, &trend::Options::new(&seasons));
        for q in [-1.0, 0.0, 0.3, 1.0, 2.0, f64::NAN] {
            let _ = robust::quantile(&values, q);
        }
        let _ = (robust::qn_scale(&values), robust::biweight_scale(&values));
    }
}

#[test]
fn any_stream_is_judged() {
    let mut noise = Noise::new(7);
    for case in 0..60 {
        let options = OnlineOptions {
            seasons: if case % 3 == 0 { vec![0, 7, 24] } else { vec![] },
            probation: case,
            ..OnlineOptions::default()
        };
        let mut detector = OnlineDetector::new(options);
        for value in (0..6).flat_map(|_| odd_series(&mut noise)) {
            let verdict = detector.push(value);
            assert!(verdict.score >= 0.0 && verdict.expected.is_finite(), "case {case}");
            assert_eq!(verdict.severity, AnomalySeverity::of(verdict.score), "case {case}");
            assert!(verdict.lo <= verdict.hi, "case {case}");
        }
    }
}
