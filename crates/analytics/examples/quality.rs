//! How well anomalies and shifts are found in daily spend, by noise that follows no model:
//! `cargo run -p outlay-analytics --example quality [seeds]`.

#[path = "../src/noise.rs"]
mod noise;

use std::time::Instant;

use noise::Noise;
use outlay_analytics::{anomalies, change_points, decompose, season, trend};

/// How the noise of a series behaves.
#[derive(Clone, Copy, Debug)]
enum Law {
    Lognormal,
    StudentT3,
    Ar1,
    PoissonGamma,
    Heteroscedastic,
}

const LAWS: [Law; 5] =
    [Law::Lognormal, Law::StudentT3, Law::Ar1, Law::PoissonGamma, Law::Heteroscedastic];

/// Weekday profiles: an office's, a machine's, and none.
const WEEKS: [[f64; 7]; 3] =
    [[1.0, 1.1, 1.15, 1.1, 0.95, 0.45, 0.4], [1.0, 1.02, 1.05, 1.02, 1.0, 0.9, 0.88], [1.0; 7]];

struct Planted {
    values: Vec<f64>,
    spikes: Vec<usize>,
    shifts: Vec<usize>,
}

fn plant(law: Law, seed: u64, days: usize) -> Planted {
    let mut noise = Noise::new(seed * 31 + law as u64);
    let week = WEEKS[(seed % 3) as usize];
    let growth = [0.0, 0.001, 0.003][(seed / 3 % 3) as usize];
    let mut deviation = 0.0;
    let mut values: Vec<f64> = (0..days)
        .map(|day| {
            let factor = match law {
                Law::Lognormal => (0.12 * noise.normal()).exp(),
                Law::StudentT3 => (1.0 + 0.05 * noise.student(3.0)).max(0.05),
                Law::Ar1 => {
                    deviation = 0.6 * deviation + 0.06 * noise.normal();
                    f64::exp(deviation)
                }
                Law::PoissonGamma => {
                    let calls = noise.poisson(60.0);
                    (0..calls).map(|_| -noise.uniform().ln()).sum::<f64>() / 60.0
                }
                Law::Heteroscedastic => {
                    let wave = 1.0 + 0.8 * (day as f64 / 40.0).sin();
                    let weekend = if day % 7 >= 5 { 1.8 } else { 1.0 };
                    (0.06 * wave * weekend * noise.normal()).exp()
                }
            };
            30.0 * week[day % 7] * (growth * day as f64).exp() * factor
        })
        .collect();
    let mut shifts = Vec::new();
    if seed.is_multiple_of(2) {
        let at = days / 4 + (noise.uniform() * days as f64 / 2.0) as usize;
        let factor = [1.8, 0.55, 1.5, 2.2][(seed / 2 % 4) as usize];
        values[at..].iter_mut().for_each(|value| *value *= factor);
        shifts.push(at);
    }
    let spikes = spikes(&mut noise, &mut values, &shifts);
    Planted { values, spikes, shifts }
}

fn spikes(noise: &mut Noise, values: &mut [f64], shifts: &[usize]) -> Vec<usize> {
    let mut spikes: Vec<usize> = Vec::new();
    let wanted = values.len() / 40;
    while spikes.len() < wanted {
        let at = 7 + (noise.uniform() * (values.len() - 14) as f64) as usize;
        if spikes.iter().chain(shifts).all(|other| other.abs_diff(at) > 6) {
            values[at] *= [3.5, 4.0, 0.05, 2.6, 5.0][spikes.len() % 5];
            spikes.push(at);
        }
    }
    spikes
}

#[derive(Default)]
struct Tally {
    spikes: usize,
    spikes_found: usize,
    false_alarms: usize,
    worst: f64,
    quarters: f64,
    series: usize,
    shifts: usize,
    shifts_found: usize,
    false_shifts: usize,
    covered: usize,
}

impl Tally {
    fn add(&mut self, planted: &Planted) {
        let seasons = season::season_lengths(&planted.values, &season::Options::daily());
        let plan = change_points::Options::steps(&seasons);
        let levels = change_points::segment(&planted.values, &plan);
        let found = &levels.changes;
        self.shifts += planted.shifts.len();
        for shift in &planted.shifts {
            self.shifts_found +=
                usize::from(found.iter().any(|change| change.index.abs_diff(*shift) <= 3));
            self.covered +=
                usize::from(found.iter().any(|change| change.lo <= *shift && *shift <= change.hi));
        }
        let false_shifts = found
            .iter()
            .filter(|change| planted.shifts.iter().all(|at| at.abs_diff(change.index) > 3))
            .count();
        self.false_shifts += false_shifts;
        if std::env::var_os("DETAILS").is_some()
            && (false_shifts > 0 || found.len() < planted.shifts.len())
        {
            println!("  shifts {:?}, found {:?}", planted.shifts, found);
        }

        let plan = anomalies::Options { levels: Some(levels), ..anomalies::Options::new(&seasons) };
        let report = anomalies::detect(&planted.values, &plan);
        if std::env::var_os("MISSED").is_some() {
            for at in &planted.spikes {
                if report.score[*at] <= 1.0 {
                    println!(
                        "  missed {at}: {:.2} expected {:.2} [{:.2} {:.2}] score {:.2} log {} seasons {seasons:?} {:?}",
                        planted.values[*at],
                        report.expected[*at],
                        report.lo[*at],
                        report.hi[*at],
                        report.score[*at],
                        plan.levels.as_ref().is_some_and(|levels| levels.log),
                        planted.shifts
                    );
                }
            }
        }
        let is_found = |at: &usize| report.anomalies.iter().any(|anomaly| anomaly.index == *at);
        self.spikes += planted.spikes.len();
        self.spikes_found += planted.spikes.iter().filter(|at| is_found(at)).count();
        let alarms = report
            .anomalies
            .iter()
            .filter(|anomaly| !planted.spikes.contains(&anomaly.index))
            .count();
        let quarters = planted.values.len() as f64 / 91.0;
        self.false_alarms += alarms;
        self.worst = self.worst.max(alarms as f64 / quarters);
        self.quarters += quarters;
        self.series += 1;
    }

    fn print(&self, name: &str) {
        println!(
            "{name:<24} recall {:.3} ({} spikes)  false alarms/quarter {:.2} (worst {:.1})  \
             shifts {}/{} within 3 days, {} in range  false shifts {}  ({} series)",
            self.spikes_found as f64 / self.spikes as f64,
            self.spikes,
            self.false_alarms as f64 / self.quarters,
            self.worst,
            self.shifts_found,
            self.shifts,
            self.covered,
            self.false_shifts,
            self.series,
        );
    }
}

fn main() {
    let seeds: u64 = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(24);
    for days in [120, 365] {
        for law in LAWS {
            let mut tally = Tally::default();
            for seed in 0..seeds {
                tally.add(&plant(law, seed, days));
            }
            tally.print(&format!("{days} days {law:?}"));
        }
    }
    timings();
}

fn timings() {
    for days in [365, 730] {
        let series: Vec<Planted> =
            (0..20).map(|seed| plant(LAWS[seed as usize % 5], seed, days)).collect();
        let time = |name: &str, work: &dyn Fn(&[f64])| {
            let start = Instant::now();
            for planted in &series {
                work(&planted.values);
            }
            let each = start.elapsed().as_secs_f64() * 1e3 / series.len() as f64;
            println!("{days} days: {name} {each:.2} ms");
        };
        time("seasons", &|y| drop(season::detect_seasons(y, &season::Options::daily())));
        time("decomposition", &|y| drop(decompose::decompose(y, &decompose::Options::new(&[7]))));
        time("trend", &|y| {
            let _ = trend::trend(y, &trend::Options::new(&[]));
        });
        time("changes", &|y| {
            drop(change_points::change_points(y, &change_points::Options::steps(&[7])));
        });
        time("anomalies, all in", &|y| {
            drop(anomalies::detect(y, &anomalies::Options::new(&[7])));
        });
    }
}
