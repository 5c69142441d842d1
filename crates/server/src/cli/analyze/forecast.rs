//! `outlay analyze forecast`.

use std::collections::BTreeMap;

use clap::Args;
use clap::builder::PossibleValuesParser;
use outlay_analytics::calendar::{Gaps, Regular, Repeats, Rules, Step, fill, regularize};
use outlay_analytics::forecast::{Footing, Forecast, Method, Options, Pool, Runner, forecast_with};

use super::prepare::{meaning, seasons, step};
use super::sheet::{Cell, Sheet};
use super::table::Series;
use super::threads::Threads;
use super::{AnalyzeError, Common, any_answered, columns, warn_about};
use crate::cli::output;

/// Series whose forecasts are in memory before they are written.
const SERIES_AT_ONCE: usize = 1_024;
/// Fewer series are no witnesses for each other's seasons.
const WITNESSES_MIN: usize = 5;

/// Flags of `outlay analyze forecast`.
#[derive(Debug, Args)]
pub struct ForecastArgs {
    #[command(flatten)]
    common: Common,
    /// Steps ahead [default: 48 hours, 28 days, 13 weeks, 12 months, 8 quarters, else 14]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    horizon: Option<u32>,
    /// How it is forecast
    #[arg(long, value_name = "METHOD", default_value = "ensemble", value_parser = method_names())]
    method: String,
    /// Per cent of outcomes that the ranges shall hold
    #[arg(
        long,
        value_name = "PERCENT",
        value_delimiter = ',',
        default_value = "80,90,95",
        value_parser = level
    )]
    level: Vec<f64>,
    /// What becomes of several values of one step
    #[arg(long, value_name = "RULE", value_enum, default_value_t = Repeated::Mean)]
    repeats: Repeated,
    /// Let forecasts of series that never were below zero go below it
    #[arg(long)]
    no_floor: bool,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Repeated {
    /// Their mean.
    Mean,
    /// Their sum.
    Sum,
    /// The last one in the file.
    Last,
}

fn method_names() -> PossibleValuesParser {
    PossibleValuesParser::new(Method::ALL.map(Method::name))
}

fn level(text: &str) -> Result<f64, String> {
    let level: Option<f64> = text.trim().parse().ok();
    level
        .filter(|level| *level > 0.0 && *level < 100.0)
        .ok_or_else(|| "is a number of per cent between 0 and 100, such as 95".to_owned())
}

/// A series up to its last value, without gaps.
struct Past {
    values: Vec<f64>,
    /// Tells the stamps, of which that of the first forecast is at `next`.
    calendar: Regular,
    next: usize,
    /// What a step is, if that is known.
    step: Option<Step>,
    seasons: Vec<usize>,
}

/// Runs it.
pub fn run(args: &ForecastArgs, json: bool) -> Result<(), AnalyzeError> {
    let mut levels = args.level.clone();
    levels.sort_by(f64::total_cmp);
    levels.dedup();
    let table = args.common.table()?;
    let count = table.series.len();
    let threads = args.common.threads(count);
    let mut pasts: Vec<Result<Past, String>> =
        threads.run(count, |at| past(&table.series[at], args));
    if args.common.season.is_empty() {
        agree_on_seasons(&mut pasts);
    }
    let pools = Pools::learn(&pasts, args, &levels, &threads);
    let mut heads = columns(&["unique_id", "ds", "forecast"]);
    heads.extend(levels.iter().flat_map(|level| [format!("lo-{level}"), format!("hi-{level}")]));
    let mut told = Told::default();
    // Nothing is written before it is known that there is something to write.
    let mut sheet = None;
    for block in (0..count.max(1)).step_by(SERIES_AT_ONCE) {
        let jobs = SERIES_AT_ONCE.min(count - block);
        let forecasts = threads.run_shown(jobs, |at| {
            let past = pasts[block + at].as_ref().map_err(Clone::clone)?;
            pools.forecast(past, args, &levels)
        });
        if block + jobs == count && told.forecast == 0 {
            any_answered(&forecasts)?;
        }
        let sheet = match &mut sheet {
            Some(sheet) => sheet,
            None => sheet.insert(args.common.sheet(json, heads.clone())?),
        };
        for (at, forecast) in forecasts.into_iter().enumerate() {
            let series = &table.series[block + at];
            told.note(&series.id, &forecast);
            if let (Ok(forecast), Ok(past)) = (forecast, &pasts[block + at]) {
                write(sheet, series, past, &forecast)?;
            }
        }
    }
    warn_about("is not forecast", &told.refused);
    warn_about("has too few values for more than a guess", &told.short);
    sheet.map_or(Ok(()), |sheet| Ok(sheet.finish()?))
}

/// What people are to be told at the end.
#[derive(Debug, Default)]
struct Told {
    forecast: usize,
    refused: Vec<(String, String)>,
    short: Vec<(String, String)>,
}

impl Told {
    fn note(&mut self, id: &str, forecast: &Result<Forecast, String>) {
        match forecast {
            Err(why) => self.refused.push((id.to_owned(), why.clone())),
            Ok(forecast) => {
                self.forecast += 1;
                if let Footing::TooShort { points } = forecast.footing {
                    self.short.push((id.to_owned(), format!("it has {points}")));
                }
            }
        }
    }
}

fn past(series: &Series, args: &ForecastArgs) -> Result<Past, String> {
    let repeats = match args.repeats {
        Repeated::Mean => Repeats::Mean,
        Repeated::Sum => Repeats::Sum,
        Repeated::Last => Repeats::Last,
    };
    let step = step(series, &args.common);
    let rules = Rules { step, gaps: Gaps::Missing, repeats };
    let calendar =
        regularize(&series.stamps, &series.values, &rules).map_err(|error| error.to_string())?;
    // Rows without a value at the end ask to be forecast, and those at the beginning say nothing.
    let known = |value: &f64| value.is_finite();
    let first = calendar.values.iter().position(known).ok_or("it has no values")?;
    let next = calendar.values.iter().rposition(known).map_or(0, |last| last + 1);
    let mut values = calendar.values[first..next].to_vec();
    fill(&mut values, args.common.fill.into());
    let step = meaning(&calendar, &args.common);
    let seasons = seasons(&values, step, &args.common);
    Ok(Past { values, calendar, next, step, seasons })
}

/// Lets series of the same step agree on their seasons: what a third of them has is looked for in
/// all, because one series alone often hides it in noise. A series that has others keeps them.
fn agree_on_seasons(pasts: &mut [Result<Past, String>]) {
    let mut votes: BTreeMap<String, (usize, BTreeMap<usize, usize>)> = BTreeMap::new();
    for past in pasts.iter().flatten() {
        let (voters, seasons) = votes.entry(past.step_name()).or_default();
        *voters += 1;
        for &season in &past.seasons {
            *seasons.entry(season).or_default() += 1;
        }
    }
    for past in pasts.iter_mut().flatten() {
        let Some((voters, seasons)) = votes.get(&past.step_name()) else { continue };
        if *voters < WITNESSES_MIN {
            continue;
        }
        let agreed: Vec<usize> = seasons
            .iter()
            .filter(|(_, votes)| **votes * 3 >= *voters)
            .map(|(&season, _)| season)
            .collect();
        if past.seasons.iter().all(|season| agreed.contains(season)) {
            past.seasons = agreed;
        }
    }
}

impl Past {
    fn step_name(&self) -> String {
        self.step.map(|step| step.to_string()).unwrap_or_default()
    }

    fn horizon(&self, args: &ForecastArgs) -> usize {
        if let Some(horizon) = args.horizon {
            return horizon as usize;
        }
        match self.step {
            Some(Step::HOURLY) => 48,
            Some(Step::DAILY) => 28,
            Some(Step::WEEKLY) => 13,
            Some(Step::Months { count, .. }) if count.get() == 1 => 12,
            Some(Step::Months { count, .. }) if count.get() == 3 => 8,
            _ => 14,
        }
    }

    fn options(&self, args: &ForecastArgs, levels: &[f64]) -> Options {
        Options {
            seasons: self.seasons.clone(),
            levels: levels.iter().map(|level| level / 100.0).collect(),
            floor_at_zero: !args.no_floor,
            method: Method::named(&args.method).unwrap_or(Method::Ensemble),
            ..Options::ahead(self.horizon(args))
        }
    }
}

/// What series of the same seasons and the same horizon learn from each other.
struct Pools(BTreeMap<(Vec<usize>, usize), Pool>);

impl Pools {
    fn learn(
        pasts: &[Result<Past, String>],
        args: &ForecastArgs,
        levels: &[f64],
        threads: &Threads,
    ) -> Self {
        let mut groups: BTreeMap<(Vec<usize>, usize), Vec<&Past>> = BTreeMap::new();
        for past in pasts.iter().flatten() {
            groups.entry((past.seasons.clone(), past.horizon(args))).or_default().push(past);
        }
        let learn = |pasts: Vec<&Past>| {
            let series: Vec<&[f64]> = pasts.iter().map(|past| past.values.as_slice()).collect();
            Pool::learn(&series, &pasts[0].options(args, levels), threads)
        };
        Self(groups.into_iter().map(|(key, pasts)| (key, learn(pasts))).collect())
    }

    fn forecast(
        &self,
        past: &Past,
        args: &ForecastArgs,
        levels: &[f64],
    ) -> Result<Forecast, String> {
        let alone = Pool::default();
        let pool = self.0.get(&(past.seasons.clone(), past.horizon(args))).unwrap_or(&alone);
        let mut forecast = forecast_with(pool, &past.values, &past.options(args, levels))
            .map_err(|error| error.to_string())?;
        // What each method said is not shown, and would fill the memory.
        forecast.methods = Vec::new();
        Ok(forecast)
    }
}

fn write(
    sheet: &mut Sheet,
    series: &Series,
    past: &Past,
    forecast: &Forecast,
) -> Result<(), AnalyzeError> {
    for (ahead, expected) in forecast.expected.iter().enumerate() {
        let Some(stamp) = past.calendar.stamp_at(past.next + ahead) else {
            output::warn(&format!("series `{}` reaches the end of the calendar", series.id));
            break;
        };
        let ds = series.style.written(stamp);
        let head =
            [Cell::Text(&series.id), Cell::Stamp(&ds, &series.style), Cell::Number(*expected)];
        let ranges = forecast.intervals.iter().flat_map(|interval| {
            [Cell::Number(interval.low[ahead]), Cell::Number(interval.high[ahead])]
        });
        sheet.row(head.into_iter().chain(ranges))?;
    }
    Ok(())
}
