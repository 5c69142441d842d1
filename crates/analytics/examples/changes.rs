//! How well change points are found in short series of many kinds, by the measures of the Turing
//! Change Point Dataset (van den Burg & Williams 2020): F1 with a margin of 5 points, the start of
//! the series counting as a change that everyone finds, and the covering of the true segments.
//! `cargo run -p outlay-analytics --example changes [seeds]`. PELT and binary segmentation with
//! squared deviations, on the standardised series, are measured beside ours at several penalties.

#[path = "../src/noise.rs"]
mod noise;

use std::f64::consts::TAU;

use noise::Noise;
use outlay_analytics::change_points::{Options, change_points, pelt};
use outlay_analytics::{robust, season};

struct Series {
    kind: &'static str,
    values: Vec<f64>,
    changes: Vec<usize>,
}

fn made(seed: u64) -> Vec<Series> {
    let noise = |kind: u64| Noise::new(seed * 131 + kind);
    vec![
        quality(noise(0), 0),
        quality(noise(1), 1),
        river(noise(2)),
        population(noise(3)),
        product(noise(4)),
        passengers(noise(5)),
        unemployment(noise(6)),
        price(noise(7)),
        calls(noise(8)),
        well(noise(9)),
        run(noise(10)),
        outliers(noise(11)),
        quarterly(noise(12)),
        to_and_fro(noise(13)),
        pulses(noise(14)),
        lone_spike(noise(15)),
        stopped(noise(16)),
    ]
}

/// `count` places at least a tenth apart from each other and the ends.
fn places(noise: &mut Noise, count: usize, length: usize) -> Vec<usize> {
    let room = length * 8 / 10 / count.max(1);
    (0..count)
        .map(|i| length / 10 + i * room + (noise.uniform() * 0.7 * room as f64) as usize)
        .collect()
}

fn stepped(noise: &mut Noise, length: usize, changes: &[usize], sizes: (f64, f64)) -> Vec<f64> {
    let mut level = 0.0;
    (0..length)
        .map(|i| {
            if changes.contains(&i) {
                let size = sizes.0 + (sizes.1 - sizes.0) * noise.uniform();
                level += if noise.uniform() < 0.5 { size } else { -size };
            }
            level
        })
        .collect()
}

fn quality(mut noise: Noise, changes: usize) -> Series {
    let changes = places(&mut noise, changes, 300);
    let mut values = stepped(&mut noise, 300, &changes, (1.0, 2.5));
    values.iter_mut().for_each(|value| *value += noise.normal());
    Series { kind: "quality control", values, changes }
}

fn river(mut noise: Noise) -> Series {
    let changes = places(&mut noise, 1, 100);
    let mut values = stepped(&mut noise, 100, &changes, (1.5, 2.5));
    values.iter_mut().for_each(|value| *value = 900.0 + 130.0 * (*value + noise.normal()));
    Series { kind: "river", values, changes }
}

fn population(mut noise: Noise) -> Series {
    let mut level = 1000.0;
    let values = (0..200)
        .map(|_| {
            level += 5.0 + 0.4 * noise.normal();
            level
        })
        .collect();
    Series { kind: "population", values, changes: Vec::new() }
}

fn product(mut noise: Noise) -> Series {
    let changes = places(&mut noise, 2, 60);
    let (mut level, mut drift): (f64, f64) = (100.0, 2.0);
    let values = (0..60)
        .map(|i| {
            if changes.contains(&i) {
                drift = if drift > 1.0 { -2.0 } else { 3.0 };
            }
            level += drift + 1.0 * noise.normal();
            level
        })
        .collect();
    Series { kind: "product", values, changes }
}

fn passengers(mut noise: Noise) -> Series {
    let changes = places(&mut noise, 1, 240);
    let factor: f64 = if noise.uniform() < 0.5 { 0.7 } else { 1.4 };
    let values = (0..240)
        .map(|i| {
            let year = 1.0 + 0.2 * (TAU * i as f64 / 12.0).sin();
            let step = if i >= changes[0] { factor } else { 1.0 };
            1e5 * year * step * (0.003 * i as f64 + 0.04 * noise.normal()).exp()
        })
        .collect();
    Series { kind: "passengers", values, changes }
}

fn unemployment(mut noise: Noise) -> Series {
    let changes = places(&mut noise, 3, 210);
    let targets = stepped(&mut noise, 210, &changes, (2.5, 4.0));
    let mut level = targets[0];
    let values = targets
        .iter()
        .map(|target| {
            level += 0.3 * (target - level) + 0.25 * noise.normal();
            8.0 + level
        })
        .collect();
    Series { kind: "unemployment", values, changes }
}

fn price(mut noise: Noise) -> Series {
    let changes = places(&mut noise, 2, 500);
    let mut level: f64 = 50.0;
    let mut sign = 1.0;
    let values = (0..500)
        .map(|i| {
            if changes.contains(&i) {
                level += sign * 22.0;
                sign = -sign;
            }
            level += 0.7 * noise.normal();
            level
        })
        .collect();
    Series { kind: "price", values, changes }
}

fn calls(mut noise: Noise) -> Series {
    let changes = places(&mut noise, 1, 52);
    let mut values = stepped(&mut noise, 52, &changes, (2.0, 4.0));
    let mut deviation = 0.0;
    for value in &mut values {
        deviation = 0.4 * deviation + noise.normal();
        *value += deviation;
    }
    Series { kind: "calls", values, changes }
}

fn well(mut noise: Noise) -> Series {
    let changes = places(&mut noise, 8, 675);
    let mut values = stepped(&mut noise, 675, &changes, (2.0, 5.0));
    for value in &mut values {
        *value += noise.normal();
        if noise.uniform() < 0.01 {
            *value -= 15.0;
        }
    }
    Series { kind: "well", values, changes }
}

fn run(mut noise: Noise) -> Series {
    let changes = places(&mut noise, 7, 376);
    let mut fast = false;
    let values = (0..376)
        .map(|i| {
            fast ^= changes.contains(&i);
            (if fast { 3.5 } else { 6.0 }) + 0.5 * noise.student(3.0)
        })
        .collect();
    Series { kind: "run", values, changes }
}

fn outliers(mut noise: Noise) -> Series {
    let values =
        (0..325).map(|_| noise.normal() + if noise.uniform() < 0.02 { 6.0 } else { 0.0 }).collect();
    Series { kind: "outliers", values, changes: Vec::new() }
}

fn quarterly(mut noise: Noise) -> Series {
    let changes = places(&mut noise, 1, 80);
    let (mut level, mut deviation): (f64, f64) = (10.0, 0.0);
    let values = (0..80)
        .map(|i| {
            level += if i >= changes[0] { -0.15 } else { 0.15 };
            deviation = 0.5 * deviation + 0.4 * noise.normal();
            level + 0.5 * (TAU * i as f64 / 4.0).cos() + deviation
        })
        .collect();
    Series { kind: "quarterly", values, changes }
}

fn to_and_fro(mut noise: Noise) -> Series {
    let changes = places(&mut noise, 15, 300);
    let mut high = false;
    let values = (0..300)
        .map(|i| {
            high ^= changes.contains(&i);
            (if high { 6.0 } else { 0.0 }) + noise.normal()
        })
        .collect();
    Series { kind: "to and fro", values, changes }
}

fn pulses(mut noise: Noise) -> Series {
    let starts = places(&mut noise, 8, 500);
    let changes: Vec<usize> = starts.iter().flat_map(|start| [*start, start + 10]).collect();
    let values = (0..500)
        .map(|i| {
            let up = starts.iter().any(|start| (*start..start + 10).contains(&i));
            (if up { 4.0 } else { 0.0 }) + 0.3 * noise.normal()
        })
        .collect();
    Series { kind: "pulses", values, changes }
}

fn lone_spike(mut noise: Noise) -> Series {
    let mut values = vec![5.0; 100];
    values[places(&mut noise, 1, 100)[0]] = 500.0;
    Series { kind: "lone spike", values, changes: Vec::new() }
}

/// Spend with weekends that stops a few days before the series ends.
fn stopped(mut noise: Noise) -> Series {
    let stop = 120 - 3 - (noise.uniform() * 4.0) as usize;
    let values = (0..120)
        .map(|i| {
            let weekday = if i % 7 < 5 { 50.0 } else { 25.0 };
            if i < stop { weekday * (1.0 + 0.1 * noise.normal()) } else { 0.0 }
        })
        .collect();
    Series { kind: "stopped", values, changes: vec![stop] }
}

/// F1 with a margin of 5, each true change matched once.
fn f1(truth: &[usize], found: &[usize]) -> f64 {
    let with_start = |places: &[usize]| {
        let mut all = vec![0];
        all.extend_from_slice(places);
        all
    };
    let (truth, found) = (with_start(truth), with_start(found));
    let mut used = vec![false; found.len()];
    let mut hits = 0.0;
    for place in &truth {
        let near = (0..found.len())
            .filter(|i| !used[*i] && found[*i].abs_diff(*place) <= 5)
            .min_by_key(|i| found[*i].abs_diff(*place));
        if let Some(i) = near {
            used[i] = true;
            hits += 1.0;
        }
    }
    let (precision, recall) = (hits / found.len() as f64, hits / truth.len() as f64);
    if hits > 0.0 { 2.0 * precision * recall / (precision + recall) } else { 0.0 }
}

/// Mean over the true segments of the best overlap (intersection over union), by length.
fn covering(truth: &[usize], found: &[usize], count: usize) -> f64 {
    let segments = |places: &[usize]| {
        let mut edges = vec![0];
        edges.extend_from_slice(places);
        edges.push(count);
        edges.windows(2).map(|edge| (edge[0], edge[1])).collect::<Vec<_>>()
    };
    let found = segments(found);
    segments(truth)
        .iter()
        .map(|(from, to)| {
            let best = found
                .iter()
                .map(|(f, t)| {
                    let shared = (*to).min(*t).saturating_sub((*from).max(*f)) as f64;
                    shared / ((to.max(t) - from.min(f)) as f64)
                })
                .fold(0.0, f64::max);
            best * (to - from) as f64 / count as f64
        })
        .sum()
}

fn standardised(values: &[f64]) -> Vec<f64> {
    let (center, scale) = (robust::mean(values), robust::standard_deviation(values));
    values.iter().map(|value| (value - center) / scale).collect()
}

/// Binary segmentation: cuts where it gains most, as long as that is more than the penalty.
fn binary(values: &[f64], from: usize, to: usize, penalty: f64, found: &mut Vec<usize>) {
    let cost = |from: usize, to: usize| {
        let mean = robust::mean(&values[from..to]);
        values[from..to].iter().map(|value| (value - mean).powi(2)).sum::<f64>()
    };
    if to - from < 4 {
        return;
    }
    let whole = cost(from, to);
    let best = (from + 2..to - 1)
        .map(|place| (whole - cost(from, place) - cost(place, to), place))
        .max_by(|a, b| a.0.total_cmp(&b.0));
    if let Some((gain, place)) = best
        && gain > penalty
    {
        binary(values, from, place, penalty, found);
        found.push(place);
        binary(values, place, to, penalty, found);
    }
}

fn ours(values: &[f64]) -> Vec<usize> {
    let seasons = season::season_lengths(values, &season::Options::new(&[]));
    change_points(values, &Options::new(&seasons)).iter().map(|change| change.index).collect()
}

fn main() {
    let seeds: u64 = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(6);
    let all: Vec<Series> = (0..seeds).flat_map(made).collect();
    let start = std::time::Instant::now();
    report("ours", &all, true, &|y| ours(y));
    println!("{:.2} ms a series", start.elapsed().as_secs_f64() * 1e3 / all.len() as f64);
    report("no changes", &all, false, &|_| Vec::new());
    for factor in [2.0, 4.0, 8.0] {
        report(&format!("PELT {factor} ln n"), &all, factor < 3.0, &|y| {
            pelt(&standardised(y), factor * (y.len() as f64).ln(), 2)
        });
        report(&format!("binary {factor} ln n"), &all, false, &|y| {
            let mut found = Vec::new();
            let penalty = factor * (y.len() as f64).ln();
            binary(&standardised(y), 0, y.len(), penalty, &mut found);
            found
        });
    }
}

/// Kind, F1, covering, number of changes found.
type Row = (&'static str, f64, f64, usize);

fn report(name: &str, all: &[Series], kinds: bool, find: &dyn Fn(&[f64]) -> Vec<usize>) {
    let measured: Vec<Row> = all
        .iter()
        .map(|series| {
            let found = find(&series.values);
            let cover = covering(&series.changes, &found, series.values.len());
            (series.kind, f1(&series.changes, &found), cover, found.len())
        })
        .collect();
    let count = measured.len() as f64;
    let f1 = measured.iter().map(|row| row.1).sum::<f64>() / count;
    let cover = measured.iter().map(|row| row.2).sum::<f64>() / count;
    println!("{name:<16} F1 {f1:.3}  covering {cover:.3}");
    if !kinds {
        return;
    }
    let mut seen: Vec<&str> = Vec::new();
    for (kind, ..) in &measured {
        if seen.contains(kind) {
            continue;
        }
        seen.push(kind);
        let rows: Vec<_> = measured.iter().filter(|row| row.0 == *kind).collect();
        let mean =
            |of: fn(&Row) -> f64| rows.iter().map(|row| of(row)).sum::<f64>() / rows.len() as f64;
        println!(
            "   {kind:<16} F1 {:.3}  covering {:.3}  {:.1} changes",
            mean(|row| row.1),
            mean(|row| row.2),
            mean(|row| row.3 as f64)
        );
    }
}
