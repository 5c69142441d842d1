//! Forecasts the series of a long CSV file and, given the answers, scores them as M4 does.
//!
//! ```text
//! cargo run -p outlay-analytics --example m4 -- TRAIN.csv HORIZON SEASONS [--test TEST.csv]
//!     [--scale SEASON] [--naive2 SMAPE,MASE] [--method NAME] [--hold N] [--alone] > FORECASTS.csv
//! ```
//!
//! `SEASONS` is a list such as `24,168`, or `1` for none. `--hold N` takes the last `N` points of
//! each series off and scores the first of them; `--alone` forecasts each series without the others.

#[path = "common/threads.rs"]
mod threads;

use std::collections::HashMap;
use std::io::{BufWriter, Write};
use std::time::Instant;

use outlay_analytics::accuracy;
use outlay_analytics::forecast::{
    Forecast, Method, Options, Pool, Runner, forecast_many, forecast_with,
};
use threads::Threads;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let arguments = Arguments::read()?;
    let mut series = read(&arguments.train)?;
    let answers = arguments.answers(&mut series)?;
    let slices: Vec<&[f64]> = series.iter().map(|(_, values)| values.as_slice()).collect();

    let started = Instant::now();
    let forecasts: Vec<Forecast> = if arguments.alone {
        let pool = Pool::default();
        let one = |index: usize| forecast_with(&pool, slices[index], &arguments.options);
        Threads.run(slices.len(), one).into_iter().collect::<Result<_, _>>()?
    } else {
        let many = forecast_many(&slices, &arguments.options, &Threads);
        many.into_iter().collect::<Result<_, _>>()?
    };
    let taken = started.elapsed();

    write(&series, &forecasts)?;
    eprintln!("{} series in {:.2} s", series.len(), taken.as_secs_f64());
    if let Some(answers) = answers {
        score(&arguments, &series, &answers, &forecasts);
    }
    Ok(())
}

struct Arguments {
    train: String,
    test: Option<String>,
    options: Options,
    season: usize,
    naive2: Option<(f64, f64)>,
    hold: usize,
    alone: bool,
}

impl Arguments {
    fn read() -> Result<Self, Failure> {
        let mut words = std::env::args().skip(1);
        let mut next = || words.next().ok_or("TRAIN.csv HORIZON SEASONS [options]");
        let train = next()?;
        let horizon = next()?.parse()?;
        let seasons = next()?.split(',').map(str::parse).collect::<Result<Vec<usize>, _>>()?;
        let season = seasons.iter().copied().min().unwrap_or(1);
        let mut read = Self {
            train,
            test: None,
            options: Options::ahead(horizon).with_seasons(&seasons),
            season,
            naive2: None,
            hold: 0,
            alone: false,
        };
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or(format!("{word} needs a value"));
            match word.as_str() {
                "--test" => read.test = Some(value()?),
                "--scale" => read.season = value()?.parse()?,
                "--hold" => read.hold = value()?.parse()?,
                "--alone" => read.alone = true,
                "--method" => {
                    let name = value()?;
                    read.options.method = Method::named(&name).ok_or("no such method")?;
                }
                "--naive2" => {
                    let pair = value()?;
                    let (smape, mase) = pair.split_once(',').ok_or("SMAPE,MASE")?;
                    read.naive2 = Some((smape.parse()?, mase.parse()?));
                }
                _ => return Err(format!("unknown option {word}").into()),
            }
        }
        Ok(read)
    }

    /// The outcomes of each series: from a file, or taken off its end.
    fn answers(&self, series: &mut [(String, Vec<f64>)]) -> Result<Option<Vec<Vec<f64>>>, Failure> {
        if self.hold > 0 {
            let take = |(_, values): &mut (String, Vec<f64>)| {
                let mut held = values.split_off(values.len() - self.hold.min(values.len()));
                held.truncate(self.options.horizon);
                held
            };
            return Ok(Some(series.iter_mut().map(take).collect()));
        }
        let Some(file) = &self.test else { return Ok(None) };
        let mut answers: HashMap<String, Vec<f64>> = read(file)?.into_iter().collect();
        let found = series.iter().map(|(name, _)| answers.remove(name).unwrap_or_default());
        Ok(Some(found.collect()))
    }
}

fn read(file: &str) -> Result<Vec<(String, Vec<f64>)>, Failure> {
    let text = std::fs::read_to_string(file)?;
    let mut series: Vec<(String, Vec<f64>)> = Vec::new();
    for line in text.lines().skip(1) {
        let mut fields = line.split(',');
        let name = fields.next().ok_or("a row without unique_id")?;
        let value: f64 = fields.nth(1).ok_or("a row without y")?.parse()?;
        match series.last_mut() {
            Some((last, values)) if last == name => values.push(value),
            _ => series.push((name.to_owned(), vec![value])),
        }
    }
    Ok(series)
}

fn write(series: &[(String, Vec<f64>)], forecasts: &[Forecast]) -> Result<(), Failure> {
    let mut out = BufWriter::new(std::io::stdout().lock());
    writeln!(out, "unique_id,ds,forecast,lo-80,hi-80,lo-95,hi-95")?;
    for ((name, values), forecast) in series.iter().zip(forecasts) {
        let (narrow, wide) = (&forecast.intervals[0], &forecast.intervals[2]);
        for (step, expected) in forecast.expected.iter().enumerate() {
            writeln!(
                out,
                "{name},{},{expected},{},{},{},{}",
                values.len() + step + 1,
                narrow.low[step],
                narrow.high[step],
                wide.low[step],
                wide.high[step]
            )?;
        }
    }
    Ok(())
}

fn score(
    arguments: &Arguments,
    series: &[(String, Vec<f64>)],
    answers: &[Vec<f64>],
    forecasts: &[Forecast],
) {
    let count = series.len() as f64;
    let (mut smape, mut mase) = (0.0, 0.0);
    let mut held = [0.0; 3];
    let mut scores = [0.0; 3];
    for (((_, past), actual), forecast) in series.iter().zip(answers).zip(forecasts) {
        smape += accuracy::smape(actual, &forecast.expected) / count;
        let season = arguments.season;
        mase += accuracy::mase(past, actual, &forecast.expected, season).unwrap_or(0.0) / count;
        for (index, interval) in forecast.intervals.iter().enumerate() {
            let (low, high) = (&interval.low, &interval.high);
            held[index] += 100.0 * accuracy::coverage(actual, low, high) / count;
            let ends = (low.as_slice(), high.as_slice());
            let score = accuracy::interval_score(past, actual, ends, interval.level, season);
            scores[index] += score.unwrap_or(0.0) / count;
        }
    }
    eprint!("sMAPE {smape:.3}  MASE {mase:.3}");
    if let Some((naive_smape, naive_mase)) = arguments.naive2 {
        eprint!("  OWA {:.3}", accuracy::owa(smape, mase, naive_smape, naive_mase));
    }
    eprintln!("\nwithin 80 % {:.1}  90 % {:.1}  95 % {:.1}", held[0], held[1], held[2]);
    eprintln!("interval score 80 % {:.2}  90 % {:.2}  95 % {:.2}", scores[0], scores[1], scores[2]);
}
