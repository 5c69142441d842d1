//! How fast made-up daily spend is analysed: `make bench-analytics` sets it beside others' programs.
//!
//! ```text
//! cargo run -p outlay-analytics --example speed -- SERIES SAMPLE SAMPLE.csv
//! ```
//!
//! Prints a figure a line: its name, seconds, and seconds of all processors where they were counted,
//! with tabs between. The first `SAMPLE` of the `SERIES` series of a year are written to the file,
//! for others to be measured on.

#[path = "../src/noise.rs"]
mod noise;
#[path = "common/threads.rs"]
mod threads;

use std::hint::black_box;
use std::io::{BufWriter, Write};
use std::time::Instant;

use noise::Noise;
use outlay_analytics::forecast::{Method, Options, Runner, forecast, forecast_many};
use outlay_analytics::{anomalies, change_points, decompose, robust, season, trend};
use threads::Threads;

type Failure = Box<dyn std::error::Error>;

const YEAR: usize = 365;
const WEEK: usize = 7;
/// Days ahead.
const HORIZON: usize = 30;
/// Series of two years that are analysed one after another, each of them twice: the first time
/// warms.
const ALONE: u64 = 60;
/// Times that the sample is gone through.
const ROUNDS: usize = 10;

/// Weekday profiles: an office's, a machine's, and none.
const WEEKS: [[f64; WEEK]; 3] =
    [[1.0, 1.1, 1.15, 1.1, 0.95, 0.45, 0.4], [1.0, 1.02, 1.05, 1.02, 1.0, 0.9, 0.88], [1.0; WEEK]];

fn main() -> Result<(), Failure> {
    let mut words = std::env::args().skip(1);
    let mut next = || words.next().ok_or("SERIES SAMPLE SAMPLE.csv");
    let (count, sample): (u64, usize) = (next()?.parse()?, next()?.parse()?);
    let years: Vec<Vec<f64>> = (0..count).map(|seed| spend(seed, YEAR)).collect();
    let sample = &years[..sample.min(years.len())];
    write(&next()?, sample)?;

    alone();
    together(&years);
    beside_others(sample);
    Ok(())
}

/// Daily spend of a project: a week, growth, noise, a step in half of all, now and then a wild day.
/// Every eighth project spends on a few days only.
fn spend(seed: u64, days: usize) -> Vec<f64> {
    let mut noise = Noise::new(seed);
    let week = WEEKS[(seed % 3) as usize];
    let growth = [0.0, 0.001, 0.003][(seed / 3 % 3) as usize];
    let width = 0.05 + 0.25 * noise.uniform();
    let rare = seed % 8 == 7;
    let step_at = (days as f64 * (0.2 + 0.6 * noise.uniform())) as usize;
    let step = if seed.is_multiple_of(2) { 0.5 + 1.5 * noise.uniform() } else { 1.0 };
    let mut deviation = 0.0;
    (0..days)
        .map(|day| {
            deviation = 0.3 * deviation + width * noise.normal();
            let level = 30.0 * week[day % WEEK] * (growth * day as f64 + deviation).exp();
            let level = if day < step_at { level } else { step * level };
            let wild = if noise.uniform() < 0.01 { 4.0 } else { 1.0 };
            let idle = rare && noise.uniform() < 0.7;
            if idle { 0.0 } else { wild * level }
        })
        .collect()
}

fn write(file: &str, series: &[Vec<f64>]) -> Result<(), Failure> {
    let mut out = BufWriter::new(std::fs::File::create(file)?);
    writeln!(out, "unique_id,ds,y")?;
    for (id, values) in series.iter().enumerate() {
        for (day, value) in values.iter().enumerate() {
            writeln!(out, "{id},{day},{value}")?;
        }
    }
    Ok(out.flush()?)
}

/// Two years of one project at a time, as the page of a project asks for them.
fn alone() {
    const PARTS: [&str; 6] =
        ["seasons", "decomposition", "trend", "changes", "anomalies", "forecast"];
    let mut whole = Vec::new();
    let mut parts: [Vec<f64>; 6] = Default::default();
    for seed in 0..ALONE {
        let values = spend(seed, 2 * YEAR);
        analyse(&values);
        let times = analyse(&values);
        whole.push(times.iter().sum());
        for (all, time) in parts.iter_mut().zip(times) {
            all.push(time);
        }
    }
    print("two years, median", robust::quantile_in_place(&mut whole, 0.5));
    print("two years, p95", robust::quantile_in_place(&mut whole, 0.95));
    for (name, times) in PARTS.iter().zip(&mut parts) {
        print(&format!("two years, {name}, median"), robust::quantile_in_place(times, 0.5));
    }
}

/// Everything that is said about a series; how long each part of it took.
fn analyse(values: &[f64]) -> [f64; 6] {
    let (seasons, finding) = timed(|| season::season_lengths(values, &season::Options::daily()));
    let (_, parting) = timed(|| decompose::decompose(values, &decompose::Options::new(&seasons)));
    let (_, trending) = timed(|| trend::trend(values, &trend::Options::new(&seasons)));
    let (levels, levelling) =
        timed(|| change_points::segment(values, &change_points::Options::new(&seasons)));
    let plan = anomalies::Options { levels: Some(levels), ..anomalies::Options::new(&seasons) };
    let (_, looking) = timed(|| anomalies::detect(values, &plan));
    let (_, forecasting) = timed(|| forecast(values, &ahead().settled()));
    [finding, parting, trending, levelling, looking, forecasting]
}

/// A year of many projects, on all cores: forecast, then everything else said about them.
fn together(years: &[Vec<f64>]) {
    let slices: Vec<&[f64]> = years.iter().map(Vec::as_slice).collect();
    print_timed("many, forecast", 1, || drop(forecast_many(&slices, &ahead().settled(), &Threads)));
    print_timed("many, everything else", 1, || {
        Threads.run(slices.len(), |index| look(slices[index]));
    });
}

fn look(values: &[f64]) {
    let seasons = season::season_lengths(values, &season::Options::daily());
    black_box(decompose::decompose(values, &decompose::Options::new(&seasons)));
    black_box(trend::trend(values, &trend::Options::new(&seasons)));
    let levels = change_points::segment(values, &change_points::Options::new(&seasons));
    let plan = anomalies::Options { levels: Some(levels), ..anomalies::Options::new(&seasons) };
    black_box(anomalies::detect(values, &plan));
}

/// What others do too, on all cores as they do, or on one.
fn beside_others(sample: &[Vec<f64>]) {
    // Many times what others are asked once, since it takes too little time to be measured.
    let count = ROUNDS * sample.len();
    let series = |index: usize| sample[index % sample.len()].as_slice();
    let smoothing = ahead().with_method(Method::ExponentialSmoothing);
    print_timed("a series, smoothing", count, || {
        Threads.run(count, |index| drop(black_box(forecast(series(index), &smoothing))));
    });
    print_timed("a series, ensemble", count, || {
        Threads.run(count, |index| drop(black_box(forecast(series(index), &ahead()))));
    });

    let plan = change_points::Options::new(&[WEEK]);
    print_timed("a series, changes", count, || {
        for index in 0..count {
            black_box(change_points::change_points(series(index), &plan));
        }
    });
    print_timed("a series, pelt", count, || {
        for index in 0..count {
            let values = standardised(series(index));
            let penalty = 2.0 * (values.len() as f64).ln();
            black_box(change_points::pelt(&values, penalty, 2));
        }
    });
}

fn standardised(values: &[f64]) -> Vec<f64> {
    let (mean, deviation) = (robust::mean(values), robust::standard_deviation(values));
    values.iter().map(|value| (value - mean) / deviation).collect()
}

fn ahead() -> Options {
    Options::ahead(HORIZON).with_seasons(&[WEEK])
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let started = Instant::now();
    let done = black_box(work());
    (done, started.elapsed().as_secs_f64())
}

fn print(name: &str, seconds: f64) {
    println!("{name}\t{seconds:.9}");
}

/// Prints what one of `count` jobs took, by the clock and of the processors: these neighbours on a
/// busy machine cannot slow so much.
fn print_timed(name: &str, count: usize, work: impl FnOnce()) {
    let before = processor_seconds();
    let ((), seconds) = timed(work);
    let share = 1.0 / count as f64;
    print!("{name}\t{:.9}", seconds * share);
    match processor_seconds().zip(before) {
        Some((after, before)) => println!("\t{:.9}", (after - before) * share),
        None => println!(),
    }
}

/// What this process has used of all processors, where Linux tells.
fn processor_seconds() -> Option<f64> {
    const TICKS_A_SECOND: f64 = 100.0;
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    let mut times = fields.split_whitespace().skip(11);
    let mut next = || times.next()?.parse::<f64>().ok();
    Some((next()? + next()?) / TICKS_A_SECOND)
}
