//! `outlay analyze anomalies --online`: each row from the ones before it.
//!
//! One thread reads. What it has read by the time the judges are free is judged together, on all
//! threads where there are several series in it, and written at once: a lone row does not wait for
//! a second one, and a long file is not judged row by row.

use std::collections::HashMap;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};

use outlay_analytics::anomalies::{OnlineDetector, OnlineOptions, Verdict};
use outlay_analytics::calendar::Stamp;
use outlay_analytics::forecast::Runner;

use super::anomalies::{AnomaliesArgs, begin, word};
use super::rows::{Rows, RowsError};
use super::sheet::{Cell, Sheet};
use super::stamps::Style;
use super::threads::Threads;
use super::{AnalyzeError, bar};

/// Rows that are judged together at most.
const GATHERED_ROWS: usize = 16_384;
/// Fewer rows are judged sooner by one thread than threads are started.
const PARALLEL_ROWS_MIN: usize = 1_024;

/// A row on its way to its judge.
struct Read {
    series: usize,
    ds: String,
    style: Style,
    y: f64,
}

/// A series and its judge.
struct Judge {
    id: String,
    detector: Mutex<OnlineDetector>,
}

/// What the reading thread sends: a row, with the name of its series when that is new.
type Sent = Result<(Read, Option<String>), RowsError>;

/// Runs it.
pub fn run(args: &AnomaliesArgs, json: bool) -> Result<(), AnalyzeError> {
    let rows = args.common.rows()?;
    let mut sheet = begin(args, json)?;
    sheet.flush()?;
    let bar = bar(rows.size, "{bar:30.cyan/dim} {bytes}/{total_bytes}  {eta} left");
    let threads = Threads::new(args.common.threads.map(usize::from), bar.clone());
    let read = rows.read.clone();
    let (sender, received) = sync_channel(GATHERED_ROWS);
    // Reading may wait for a row that never comes, when writing has failed long ago; so it is not
    // waited for.
    std::thread::spawn(move || send_rows(rows, &sender));
    let mut judges: Vec<Judge> = Vec::new();
    let mut failed = None;
    while failed.is_none() {
        let gathered = receive(&received, args, &mut judges, &mut failed);
        if gathered.is_empty() {
            break;
        }
        let verdicts = judge(&gathered, &judges, &threads);
        for (row, verdict) in gathered.iter().zip(verdicts) {
            write(&mut sheet, &judges[row.series].id, row, &verdict)?;
        }
        sheet.flush()?;
        bar.set_position(read.get());
    }
    bar.finish_and_clear();
    match failed {
        Some(error) => Err(args.common.read_error(error)),
        None => Ok(sheet.finish()?),
    }
}

fn send_rows(mut rows: Rows, sender: &SyncSender<Sent>) {
    let mut known: HashMap<String, usize> = HashMap::new();
    loop {
        let sent = match rows.next() {
            Ok(None) => return,
            Err(error) => Err(error),
            Ok(Some(row)) => {
                let next = known.len();
                let (series, new) = match known.get(row.id) {
                    Some(&series) => (series, None),
                    None => {
                        known.insert(row.id.to_owned(), next);
                        (next, Some(row.id.to_owned()))
                    }
                };
                let (stamp, style) = row.stamp;
                // Only whether it is a number matters for writing it.
                let style = if matches!(stamp, Stamp::Integer(_)) { Style::Integer } else { style };
                Ok((Read { series, ds: row.ds.to_owned(), style, y: row.y }, new))
            }
        };
        let is_last = sent.is_err();
        if sender.send(sent).is_err() || is_last {
            return;
        }
    }
}

/// Waits for a row, and takes what else is there. Nothing at the end.
fn receive(
    received: &Receiver<Sent>,
    args: &AnomaliesArgs,
    judges: &mut Vec<Judge>,
    failed: &mut Option<RowsError>,
) -> Vec<Read> {
    let mut gathered = Vec::new();
    let mut next = received.recv().ok();
    while let Some(sent) = next {
        match sent {
            Err(error) => {
                *failed = Some(error);
                break;
            }
            Ok((row, new)) => {
                judges.extend(new.map(|id| Judge::new(id, args)));
                gathered.push(row);
            }
        }
        next = if gathered.len() < GATHERED_ROWS { received.try_recv().ok() } else { None };
    }
    gathered
}

impl Judge {
    fn new(id: String, args: &AnomaliesArgs) -> Self {
        let usual = OnlineOptions::default();
        let options = OnlineOptions {
            seasons: args.common.season.iter().copied().filter(|&season| season > 1).collect(),
            probation: args.probation.unwrap_or(usual.probation),
            alarm_rate: args.alarm_rate.unwrap_or(usual.alarm_rate),
        };
        Self { id, detector: Mutex::new(OnlineDetector::new(options)) }
    }
}

/// A verdict for each row, those of a series in the order they came.
fn judge(gathered: &[Read], judges: &[Judge], threads: &Threads) -> Vec<Verdict> {
    let mut rows_of: HashMap<usize, Vec<usize>> = HashMap::new();
    for (at, row) in gathered.iter().enumerate() {
        rows_of.entry(row.series).or_default().push(at);
    }
    let jobs: Vec<(usize, Vec<usize>)> = rows_of.into_iter().collect();
    let judged = |at: usize| -> Vec<(usize, Verdict)> {
        let (series, rows) = &jobs[at];
        // A judge that panicked has ended the program.
        let mut detector = judges[*series].detector.lock().unwrap_or_else(PoisonError::into_inner);
        rows.iter().map(|&row| (row, detector.push(gathered[row].y))).collect()
    };
    let verdicts: Vec<Vec<(usize, Verdict)>> = if gathered.len() < PARALLEL_ROWS_MIN {
        (0..jobs.len()).map(judged).collect()
    } else {
        threads.run(jobs.len(), judged)
    };
    let mut verdicts: Vec<(usize, Verdict)> = verdicts.into_iter().flatten().collect();
    verdicts.sort_unstable_by_key(|(row, _)| *row);
    verdicts.into_iter().map(|(_, verdict)| verdict).collect()
}

fn write(sheet: &mut Sheet, id: &str, row: &Read, verdict: &Verdict) -> std::io::Result<()> {
    sheet.row([
        Cell::Text(id),
        Cell::Stamp(&row.ds, &row.style),
        Cell::Number(row.y),
        Cell::Number(verdict.expected),
        Cell::Number(verdict.lo),
        Cell::Number(verdict.hi),
        Cell::Number(verdict.score),
        Cell::Text(word(verdict.severity)),
        Cell::Flag(verdict.anomaly),
    ])
}
