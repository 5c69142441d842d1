//! How well anomalies are found point by point, in the manner of the Numenta Anomaly Benchmark:
//! `cargo run -p outlay-analytics --example online [seeds]`.
//!
//! Series of twenty made-up kinds, with none to four labelled windows that hold a tenth of it; in
//! the last five the level falls at night, and the noise with it. Eight more kinds have one anomaly
//! eight times, or a job that runs each day and once at a wrong hour, or far values that are usual.
//! The first alarm in a window counts
//! up to 1, the earlier the better; a window without one costs 1, an alarm elsewhere 0.11 at most
//! (Lavin & Ahmad 2015). 0 is the score of silence, 100 of perfection. A Gaussian over a window of
//! the past, at the limit that suits it best over the series compared, is measured beside ours, with
//! one alarm for each run of limits crossed.

#[path = "../src/noise.rs"]
mod noise;

use std::collections::VecDeque;
use std::f64::consts::TAU;

use noise::Noise;
use outlay_analytics::anomalies::{OnlineDetector, OnlineOptions};

struct Series {
    kind: &'static str,
    values: Vec<f64>,
    windows: Vec<(usize, usize)>,
}

impl Series {
    fn new(kind: &'static str, values: Vec<f64>, anomalies: &[usize]) -> Self {
        let width = values.len() / 10 / anomalies.len().max(1);
        let windows = anomalies
            .iter()
            .map(|at| (at.saturating_sub(width / 2), (at + width / 2).min(values.len() - 1)))
            .collect();
        Self { kind, values, windows }
    }

    fn probation(&self) -> usize {
        (self.values.len() * 15 / 100).min(750)
    }

    /// The score of these alarms, before it is put between silence and perfection.
    fn score(&self, alarms: &[usize]) -> f64 {
        let mut score = 0.0;
        for (from, to) in &self.windows {
            let width = (to - from).max(1) as f64;
            score += match alarms.iter().find(|at| (from..=to).contains(at)) {
                Some(at) => sigmoid((*at as f64 - *to as f64) / width),
                None => -1.0,
            };
        }
        for at in alarms.iter().filter(|at| **at >= self.probation()) {
            if self.windows.iter().any(|(from, to)| (from..=to).contains(&at)) {
                continue;
            }
            let before = self.windows.iter().rfind(|(_, to)| to < at);
            score += 0.11
                * before.map_or(-1.0, |(from, to)| {
                    sigmoid((at - to) as f64 / (to - from).max(1) as f64)
                });
        }
        score
    }
}

fn sigmoid(position: f64) -> f64 {
    if position > 3.0 { -1.0 } else { 2.0 / (1.0 + (5.0 * position).exp()) - 1.0 }
}

fn made(seed: u64) -> Vec<Series> {
    let noise = |kind: u64| Noise::new(seed * 97 + kind);
    vec![
        spiky_cpu(noise(0)),
        taxi(noise(1)),
        temperature(noise(2)),
        flat_with_jumps(noise(3)),
        tweets(noise(4)),
        heavy_traffic(noise(5)),
        stuck_sensor(noise(6)),
        louder(noise(7)),
        auction(noise(8)),
        daily_shape(noise(9)),
        timer(noise(10)),
        nothing_daily(noise(11)),
        nothing_square(noise(12)),
        travel_times(noise(13)),
        slow_ramp(noise(14)),
        quiet_nights(noise(15)),
        office_hours(noise(16)),
        smooth_days(noise(17)),
        few_calls(noise(18)),
        nothing_nightly(noise(19)),
        repeated("points", noise(20), 1.0, 10.0, 1),
        repeated("blocks", noise(21), 1.0, -10.0, 20),
        repeated("loud blocks", noise(22), 1.0, 6.0, 100),
        repeated_in_days(noise(23)),
        dropouts(noise(24)),
        wrong_hour(noise(25)),
        nothing_spiky(noise(26)),
        nothing_heavy(noise(27)),
    ]
}

/// Places for `count` anomalies, apart from each other and after the probation.
fn places(noise: &mut Noise, count: usize, length: usize) -> Vec<usize> {
    let room = length * 75 / 100 / count;
    (0..count)
        .map(|i| length / 5 + i * room + (noise.uniform() * 0.8 * room as f64) as usize)
        .collect()
}

fn spiky_cpu(mut noise: Noise) -> Series {
    let level = 5.0 + 40.0 * noise.uniform();
    let mut values: Vec<f64> = (0..4032)
        .map(|_| {
            let spike = if noise.uniform() < 0.02 { 10.0 * noise.uniform() } else { 0.0 };
            (level + 1.5 * noise.student(4.0) + spike).clamp(0.0, 100.0)
        })
        .collect();
    let at = places(&mut noise, 2, 4032);
    values[at[0]] = level + 35.0;
    let step = if noise.uniform() < 0.5 { 8.0 } else { -4.0 };
    values[at[1]..].iter_mut().for_each(|value| *value += step);
    Series::new("cpu", values, &at)
}

fn taxi(mut noise: Noise) -> Series {
    let mut deviation = 0.0;
    let mut values: Vec<f64> = (0..10320)
        .map(|i| {
            deviation = 0.9 * deviation + 300.0 * noise.normal();
            let day =
                (TAU * (i as f64 / 48.0 - 0.3)).sin() + 0.3 * (2.0 * TAU * i as f64 / 48.0).cos();
            let week = if (i / 48) % 7 >= 5 { 1.15 } else { 1.0 };
            (15_000.0 + 8_000.0 * day * week + deviation).max(0.0)
        })
        .collect();
    let at = places(&mut noise, 4, 10320);
    for (k, place) in at.iter().enumerate() {
        let factor = [0.5, 1.5, 0.65, 0.25][k];
        let last = (place + 48).min(values.len());
        values[*place..last].iter_mut().for_each(|value| *value *= factor);
    }
    Series::new("taxi", values, &at)
}

fn temperature(mut noise: Noise) -> Series {
    let mut level = 85.0;
    let mut values: Vec<f64> = (0..16000)
        .map(|i| {
            level += 0.02 * (85.0 - level) * 0.1 + 0.12 * noise.normal();
            level + 1.5 * (TAU * i as f64 / 288.0).sin() + 0.3 * noise.normal()
        })
        .collect();
    let at = places(&mut noise, 3, 16000);
    for place in &at {
        for step in 0..150 {
            let depth =
                if step < 20 { step as f64 / 20.0 } else { 1.0 - (step - 20) as f64 / 130.0 };
            if let Some(value) = values.get_mut(place + step) {
                *value -= 25.0 * depth;
            }
        }
    }
    Series::new("temperature", values, &at)
}

fn flat_with_jumps(mut noise: Noise) -> Series {
    let mut values: Vec<f64> = (0..4032)
        .map(|_| {
            if noise.uniform() < 0.01 { 0.15 } else { 0.1 + 0.01 * (noise.uniform() * 3.0).floor() }
        })
        .collect();
    let at = places(&mut noise, 2, 4032);
    values[at[0]..at[0] + 8].fill(1.5);
    values[at[1]..].iter_mut().for_each(|value| *value += 0.2);
    Series::new("flat", values, &at)
}

fn tweets(mut noise: Noise) -> Series {
    let mut excitement: f64 = 0.0;
    let mut values: Vec<f64> = (0..15800)
        .map(|i| {
            excitement *= 0.9;
            if noise.uniform() < 0.003 {
                excitement += 4.0 * (0.7 * noise.normal()).exp();
            }
            let rate = 1.5 + (TAU * i as f64 / 288.0).sin() + excitement;
            noise.poisson(rate.max(0.1)) as f64
        })
        .collect();
    let at = places(&mut noise, 4, 15800);
    for place in &at {
        for step in 0..60 {
            let extra = 120.0 * (-(step as f64) / 15.0).exp();
            values[place + step] += noise.poisson(extra) as f64;
        }
    }
    Series::new("tweets", values, &at)
}

fn heavy_traffic(mut noise: Noise) -> Series {
    let mut values: Vec<f64> = (0..4032).map(|_| 1e5 * (1.2 * noise.normal()).exp()).collect();
    let at = places(&mut noise, 2, 4032);
    values[at[0]] = 2e7;
    values[at[1]..at[1] + 80].iter_mut().for_each(|value| *value += 1.5e6);
    Series::new("traffic", values, &at)
}

fn stuck_sensor(mut noise: Noise) -> Series {
    let mut values: Vec<f64> = (0..5000)
        .map(|i| 50.0 + 10.0 * (TAU * i as f64 / 144.0).sin() + 2.0 * noise.normal())
        .collect();
    let at = places(&mut noise, 1, 5000);
    let stuck = values[at[0]];
    values[at[0]..at[0] + 150].fill(stuck);
    Series::new("stuck", values, &at)
}

fn louder(mut noise: Noise) -> Series {
    let at = places(&mut noise, 1, 4000);
    let values = (0..4000)
        .map(|i| {
            let loud = (at[0]..at[0] + 200).contains(&i);
            20.0 + noise.normal() * if loud { 4.0 } else { 1.0 }
        })
        .collect();
    Series::new("louder", values, &at)
}

fn auction(mut noise: Noise) -> Series {
    let mut values: Vec<f64> = (0..1600)
        .map(|i| {
            let day = 1.0 + 0.3 * (TAU * i as f64 / 24.0).sin();
            0.1 * day * (0.25 * noise.normal()).exp()
        })
        .collect();
    let at = places(&mut noise, 2, 1600);
    values[at[0]] *= 5.0;
    values[at[1]..at[1] + 10].iter_mut().for_each(|value| *value *= 2.8);
    Series::new("auction", values, &at)
}

fn daily_shape(mut noise: Noise) -> Series {
    let at = places(&mut noise, 1, 4032);
    let day = at[0] / 288;
    let kind = (noise.uniform() * 3.0) as usize;
    let values = (0..4032)
        .map(|i| {
            let high = (96..216).contains(&(i % 288));
            let level = match (i / 288 == day, kind) {
                (true, 0) if high => 120.0,
                (true, 1) => 20.0,
                (true, 2) if high => 40.0,
                _ if high => 80.0,
                _ => 20.0,
            };
            level + 4.0 * noise.normal()
        })
        .collect();
    Series::new("shape", values, &[day * 288 + 96])
}

fn timer(mut noise: Noise) -> Series {
    let mut values: Vec<f64> = (0..4032)
        .map(|i| {
            let runs = i % 36 < 2;
            2.0 + 0.3 * noise.normal().abs() + if runs { 40.0 + 5.0 * noise.normal() } else { 0.0 }
        })
        .collect();
    let at = places(&mut noise, 2, 4032);
    values[at[0]..at[0] + 30].iter_mut().for_each(|value| *value += 25.0);
    values[at[1]..at[1] + 150].iter_mut().for_each(|value| *value = value.min(2.5));
    Series::new("timer", values, &at)
}

fn nothing_daily(mut noise: Noise) -> Series {
    let values = (0..4032)
        .map(|i| 50.0 + 30.0 * (TAU * i as f64 / 288.0).sin() + 5.0 * noise.normal())
        .collect();
    Series::new("daily, calm", values, &[])
}

fn nothing_square(mut noise: Noise) -> Series {
    let width = noise.uniform();
    let values = (0..4032)
        .map(|i| if i % 288 < 144 { 80.0 } else { 20.0 } + width * noise.normal())
        .collect();
    Series::new("square, calm", values, &[])
}

fn travel_times(mut noise: Noise) -> Series {
    let mut jam: f64 = 0.0;
    let mut values: Vec<f64> = (0..2500)
        .filter_map(|i| {
            jam = 0.8 * jam + if noise.uniform() < 0.02 { 150.0 * noise.uniform() } else { 0.0 };
            let rush = 100.0 * (TAU * i as f64 / 200.0).sin().max(0.0);
            let value = (250.0 + rush + jam) * (0.1 * noise.normal()).exp();
            (noise.uniform() < 0.9).then_some(value.round())
        })
        .collect();
    let count = values.len();
    let at = places(&mut noise, 2, count);
    for place in &at {
        values[*place..place + 15].iter_mut().for_each(|value| *value += 1200.0);
    }
    Series::new("travel", values, &at)
}

fn slow_ramp(mut noise: Noise) -> Series {
    let at = places(&mut noise, 1, 8000);
    let values = (0..8000)
        .map(|i| {
            let ramp = (i as f64 - at[0] as f64).clamp(0.0, 300.0) / 10.0;
            let day = 5.0 * (TAU * i as f64 / 288.0).sin();
            40.0 + day + ramp + 4.0 * noise.normal()
        })
        .collect();
    Series::new("ramp", values, &at)
}

/// A place near each of these at which the hour of the day is one of `hours`.
fn at_hours(at: &[usize], hours: std::ops::Range<usize>) -> Vec<usize> {
    at.iter().map(|place| place / 24 * 24 + hours.start + place % hours.len()).collect()
}

/// Spend by the hour, nights at a fiftieth of the day; noise in proportion.
fn nightly(noise: &mut Noise, hours: usize, width: f64) -> Vec<f64> {
    (0..hours)
        .map(|i| {
            let level = if (7..21).contains(&(i % 24)) { 50.0 } else { 1.0 };
            level * (width * noise.normal()).exp()
        })
        .collect()
}

fn quiet_nights(mut noise: Noise) -> Series {
    let mut values = nightly(&mut noise, 4032, 0.3);
    let at = places(&mut noise, 4, 4032);
    let at = [at_hours(&at[..3], 0..5), at_hours(&at[3..], 9..18)].concat();
    values[at[0]] *= 8.0;
    values[at[1]..at[1] + 2].iter_mut().for_each(|value| *value *= 6.0);
    values[at[2]] *= 15.0;
    values[at[3]] *= 5.0;
    Series::new("nights", values, &at)
}

fn office_hours(mut noise: Noise) -> Series {
    let mut deviation = 0.0;
    let mut values: Vec<f64> = (0..4032)
        .map(|i| {
            deviation = 0.7 * deviation + 0.15 * noise.normal();
            let day = if (8..18).contains(&(i % 24)) { 12.0 } else { 0.6 };
            let week = if i / 24 % 7 >= 5 { 0.1 } else { 1.0 };
            day * week * f64::exp(deviation + 0.1 * noise.student(4.0))
        })
        .collect();
    let at = places(&mut noise, 3, 4032);
    let at = [at_hours(&at[..2], 20..24), at_hours(&at[2..], 9..12)].concat();
    values[at[0]..at[0] + 3].iter_mut().for_each(|value| *value *= 5.0);
    values[at[1]] += 4.0;
    values[at[2]..at[2] + 5].iter_mut().for_each(|value| *value *= 0.1);
    Series::new("office", values, &at)
}

fn smooth_days(mut noise: Noise) -> Series {
    let mut deviation = 0.0;
    let mut values: Vec<f64> = (0..8064)
        .map(|i| {
            deviation = 0.8 * deviation + 0.12 * noise.normal();
            let day = 1.8 * (TAU * i as f64 / 288.0).sin();
            200.0 * f64::exp(day + deviation + 0.1 * noise.normal())
        })
        .collect();
    let at = places(&mut noise, 3, 8064);
    for (place, factor) in at.iter().zip([3.5, 0.2, 2.5]) {
        values[*place..place + 12].iter_mut().for_each(|value| *value *= factor);
    }
    Series::new("smooth", values, &at)
}

/// Calls that come as they like, each at a price of its own: few at night, and some hours without.
fn few_calls(mut noise: Noise) -> Series {
    let mut calls = |count: usize| (0..count).map(|_| -0.02 * noise.uniform().ln()).sum::<f64>();
    let mut counts = Noise::new(77 + (calls(3) * 1e6) as u64);
    let mut values: Vec<f64> = (0..4032)
        .map(|i| {
            let rate = if (8..20).contains(&(i % 24)) { 80.0 } else { 1.5 };
            calls(counts.poisson(rate))
        })
        .collect();
    let at = places(&mut counts, 3, 4032);
    let at = [at_hours(&at[..2], 1..6), at_hours(&at[2..], 10..18)].concat();
    values[at[0]] += calls(25);
    values[at[1]..at[1] + 3].iter_mut().for_each(|value| *value += calls(15));
    values[at[2]] += calls(150);
    Series::new("calls", values, &at)
}

fn nothing_nightly(mut noise: Noise) -> Series {
    let width = 0.1 + 0.4 * noise.uniform();
    let values = nightly(&mut noise, 4032, width);
    Series::new("night, calm", values, &[])
}

/// The same anomaly eight times.
fn repeated(kind: &'static str, mut noise: Noise, width: f64, size: f64, length: usize) -> Series {
    let mut values: Vec<f64> = (0..5000).map(|_| 50.0 + width * noise.normal()).collect();
    let at = places(&mut noise, 8, 5000);
    for place in &at {
        values[*place..place + length].iter_mut().for_each(|value| *value += size);
    }
    Series::new(kind, values, &at)
}

fn repeated_in_days(mut noise: Noise) -> Series {
    let mut values: Vec<f64> =
        (0..5000).map(|i| 50.0 + 20.0 * (TAU * i as f64 / 288.0).sin() + noise.normal()).collect();
    let at = places(&mut noise, 8, 5000);
    for place in &at {
        values[*place..place + 5].iter_mut().for_each(|value| *value += 10.0);
    }
    Series::new("in days", values, &at)
}

fn dropouts(mut noise: Noise) -> Series {
    let mut values: Vec<f64> = (0..5000).map(|_| 50.0 + 3.0 * noise.normal()).collect();
    let at = places(&mut noise, 8, 5000);
    for place in &at {
        values[*place..place + 5].fill(0.0);
    }
    Series::new("dropouts", values, &at)
}

/// A job of some five-minute points each midnight, and twice by day.
fn wrong_hour(mut noise: Noise) -> Series {
    let width = [1, 3, 6, 12][(4.0 * noise.uniform()) as usize];
    let mut values: Vec<f64> = (0..6048)
        .map(|i| 20.0 + noise.normal() + if i % 288 < width { 60.0 } else { 0.0 })
        .collect();
    let at: Vec<usize> =
        places(&mut noise, 2, 6048).iter().map(|place| place / 288 * 288 + 130).collect();
    for place in &at {
        values[*place..place + width].iter_mut().for_each(|value| *value += 60.0);
    }
    Series::new("wrong hour", values, &at)
}

fn nothing_spiky(mut noise: Noise) -> Series {
    let values = (0..5000)
        .map(|_| {
            let spike = if noise.uniform() < 0.005 { 7.0 + 15.0 * noise.uniform() } else { 0.0 };
            50.0 + noise.normal() + spike
        })
        .collect();
    Series::new("spiky, calm", values, &[])
}

fn nothing_heavy(mut noise: Noise) -> Series {
    let values = (0..5000).map(|_| 50.0 + noise.student(2.0)).collect();
    Series::new("heavy, calm", values, &[])
}

fn our_alarms(series: &Series) -> Vec<usize> {
    let options = OnlineOptions { probation: series.probation(), ..Default::default() };
    let mut detector = OnlineDetector::new(options);
    (0..series.values.len()).filter(|i| detector.push(series.values[*i]).anomaly).collect()
}

/// Distances from the mean of the last `window` points, in their standard deviations.
fn gaussian_scores(values: &[f64], window: usize) -> Vec<f64> {
    let mut recent: VecDeque<f64> = VecDeque::new();
    let (mut sum, mut squares) = (0.0, 0.0);
    values
        .iter()
        .map(|value| {
            let count = recent.len() as f64;
            let mean = sum / count;
            let deviation = (squares / count - mean * mean).max(1e-12).sqrt();
            let score = if recent.len() > 10 { (value - mean).abs() / deviation } else { 0.0 };
            recent.push_back(*value);
            sum += value;
            squares += value * value;
            if recent.len() > window
                && let Some(old) = recent.pop_front()
            {
                sum -= old;
                squares -= old * old;
            }
            score
        })
        .collect()
}

/// One alarm for each run of scores above the limit, apart by at least `apart` points.
fn episodes(scores: &[f64], limit: f64, from: usize, apart: usize) -> Vec<usize> {
    let mut alarms = Vec::new();
    let mut last: Option<usize> = None;
    for (i, score) in scores.iter().enumerate().skip(from) {
        if *score > limit {
            if last.is_none_or(|last| i - last > apart) {
                alarms.push(i);
            }
            last = Some(i);
        }
    }
    alarms
}

fn normalised(all: &[&Series], alarms: &[&[usize]]) -> f64 {
    let (mut score, mut windows) = (0.0, 0.0);
    for (series, alarms) in all.iter().zip(alarms) {
        score += series.score(alarms);
        windows += series.windows.len() as f64;
    }
    let perfect = sigmoid(-1.0) * windows;
    100.0 * (score + windows) / (perfect + windows)
}

fn main() {
    let seeds: u64 = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(6);
    let all: Vec<Series> = (0..seeds).flat_map(made).collect();
    let start = std::time::Instant::now();
    let ours: Vec<Vec<usize>> = all.iter().map(our_alarms).collect();
    let points: usize = all.iter().map(|series| series.values.len()).sum();
    let micros = start.elapsed().as_secs_f64() * 1e6 / points as f64;

    let kinds = &all[..all.len() / seeds as usize];
    for kind in kinds.iter().map(|series| series.kind) {
        let mut found = 0;
        let (mut windows, mut alarms, mut series_count) = (0, 0, 0);
        for (series, ours) in all.iter().zip(&ours).filter(|(series, _)| series.kind == kind) {
            windows += series.windows.len();
            alarms += ours.len();
            series_count += 1;
            found += series
                .windows
                .iter()
                .filter(|(from, to)| ours.iter().any(|at| (from..=to).contains(&at)))
                .count();
        }
        println!(
            "{kind:<12} {found}/{windows} windows, {:.1} alarms a series",
            alarms as f64 / series_count as f64
        );
    }
    println!("{micros:.2} µs a point");
    let is_even = |at: usize| at % kinds.len() < EVEN_KINDS;
    let is_first = |at: usize| at % kinds.len() < FIRST_KINDS;
    compare("noise of one size", &all, &ours, is_even);
    compare("noise that grows with the level", &all, &ours, |at| is_first(at) && !is_even(at));
    compare("both", &all, &ours, is_first);
    compare("again and again", &all, &ours, |at| !is_first(at));
    println!("hours of a quiet night found at once, of {NIGHTS}:");
    for (days, seasons) in [(27, &[24, 168][..]), (60, &[]), (120, &[])] {
        let found = [5.0, 6.0, 8.0, 10.0, 15.0]
            .map(|factor| format!("{factor} times {}", nights_found(days, seasons, factor)));
        println!("after {days} days, seasons known {seasons:?}: {}", found.join(", "));
    }
}

/// Series of which each has one loud hour.
const NIGHTS: u64 = 60;

/// In how many series an hour of the last night, at that multiple of the usual, raises an alarm.
fn nights_found(days: usize, seasons: &[usize], factor: f64) -> usize {
    let is_found = |seed: &u64| {
        let values = nightly(&mut Noise::new(seed * 7 + 1), 24 * days, 0.3);
        let options = OnlineOptions { seasons: seasons.to_vec(), ..Default::default() };
        let mut detector = OnlineDetector::new(options);
        let before = &values[..24 * (days - 1) + 3];
        for value in before {
            detector.push(*value);
        }
        detector.push(factor).anomaly
    };
    (0..NIGHTS).filter(is_found).count()
}

/// Kinds of [`made`], from the first, whose noise does not follow the cycles of their level.
const EVEN_KINDS: usize = 15;
/// Kinds from the first that are without repetition.
const FIRST_KINDS: usize = 20;

/// Scores of the series that are chosen by their place, ours and the best windowed Gaussian's.
fn compare(name: &str, all: &[Series], ours: &[Vec<usize>], chosen: impl Fn(usize) -> bool) {
    let places: Vec<usize> = (0..all.len()).filter(|at| chosen(*at)).collect();
    let all: Vec<&Series> = places.iter().map(|at| &all[*at]).collect();
    let ours: Vec<&[usize]> = places.iter().map(|at| ours[*at].as_slice()).collect();
    let ours = normalised(&all, &ours);
    let mut best: (f64, usize, f64) = (f64::MIN, 0, 0.0);
    for window in [150, 1000, 6400] {
        let scores: Vec<Vec<f64>> =
            all.iter().map(|series| gaussian_scores(&series.values, window)).collect();
        for limit in (4..40).map(|limit| f64::from(limit) * 0.5) {
            let alarms: Vec<Vec<usize>> = all
                .iter()
                .zip(&scores)
                .map(|(series, scores)| episodes(scores, limit, series.probation(), 50))
                .collect();
            let alarms: Vec<&[usize]> = alarms.iter().map(Vec::as_slice).collect();
            let score = normalised(&all, &alarms);
            if score > best.0 {
                best = (score, window, limit);
            }
        }
    }
    println!(
        "{name}: ours {ours:.1}, windowed Gaussian {:.1} (window {}, limit {:.1}), ratio {:.2}",
        best.0,
        best.1,
        best.2,
        ours / best.0
    );
}
