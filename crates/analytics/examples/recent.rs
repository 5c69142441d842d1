//! What a forecast of daily spend makes of what happened just before it: a wild last day, or a level
//! that is some days old. `cargo run -p outlay-analytics --example recent [seeds]`. Beside each other
//! stand the forecast of the series as it is and of the settled one: the error of thirty days in per
//! cent of what they truly cost, and the share of outcomes that the 80 % ranges hold.

#[path = "../src/noise.rs"]
mod noise;

use noise::Noise;
use outlay_analytics::forecast::{Options, forecast};

const WEEK: [f64; 7] = [1.0, 1.1, 1.15, 1.1, 0.95, 0.45, 0.4];
const AHEAD: usize = 30;

/// What happened: the last day times `spike`, and the last `days` days times `factor`.
struct Recent {
    name: &'static str,
    spike: f64,
    factor: f64,
    days: usize,
}

const ALL: [Recent; 9] = [
    Recent { name: "nothing", spike: 1.0, factor: 1.0, days: 0 },
    Recent { name: "last day tripled", spike: 3.0, factor: 1.0, days: 0 },
    Recent { name: "last day × 15", spike: 15.0, factor: 1.0, days: 0 },
    Recent { name: "last day a tenth", spike: 0.1, factor: 1.0, days: 0 },
    Recent { name: "doubled 3 days ago", spike: 1.0, factor: 2.0, days: 3 },
    Recent { name: "doubled 7 days ago", spike: 1.0, factor: 2.0, days: 7 },
    Recent { name: "doubled 13 days ago", spike: 1.0, factor: 2.0, days: 13 },
    Recent { name: "halved 7 days ago", spike: 1.0, factor: 0.5, days: 7 },
    Recent { name: "halved 10 days ago", spike: 1.0, factor: 0.5, days: 10 },
];

fn main() {
    let seeds: u64 = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(40);
    println!("{:>4} days  {:<20} error of the sum of days, 80 % range", "", "");
    for count in [60, 120, 180] {
        for recent in &ALL {
            let plain = measured(count, recent, seeds, &Options::ahead(AHEAD).with_seasons(&[7]));
            let options = Options::ahead(AHEAD).with_seasons(&[7]).settled();
            let settled = measured(count, recent, seeds, &options);
            println!(
                "{count:>4} days  {:<20} {:>5.1} % -> {:>5.1} %   {:>3.0} % -> {:>3.0} %",
                recent.name, plain.0, settled.0, plain.1, settled.1
            );
        }
    }
}

/// Error and coverage, in per cent.
fn measured(count: usize, recent: &Recent, seeds: u64, options: &Options) -> (f64, f64) {
    let (mut off, mut held) = (0.0, 0);
    for seed in 0..seeds {
        let mut noise = Noise::new(seed * 7 + count as u64);
        let mut wobble = || (0.12 * noise.student(4.0)).exp();
        let level = |day: usize| {
            let factor = if day + recent.days >= count { recent.factor } else { 1.0 };
            40.0 * WEEK[day % 7] * factor
        };
        let mut days: Vec<f64> = (0..count).map(|day| level(day) * wobble()).collect();
        days[count - 1] *= recent.spike;
        let truth: Vec<f64> = (count..count + AHEAD).map(level).collect();
        let Ok(forecast) = forecast(&days, options) else { continue };
        let errors = forecast.expected.iter().zip(&truth).map(|(ours, true_)| (ours - true_).abs());
        off += errors.sum::<f64>() / truth.iter().sum::<f64>();
        let range = &forecast.intervals[0];
        held += (0..AHEAD)
            .filter(|day| (range.low[*day]..=range.high[*day]).contains(&(truth[*day] * wobble())))
            .count();
    }
    (100.0 * off / seeds as f64, 100.0 * held as f64 / (seeds as usize * AHEAD) as f64)
}
