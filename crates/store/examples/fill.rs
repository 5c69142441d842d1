//! Fills a data folder with millions of events, the same for the same seed, and says what they
//! take: time, memory and bytes on disk.
//!
//! ```sh
//! cargo run -p outlay-store --example fill -- DIR 10000000
//! ```
//!
//! The folder can be served afterwards: the books, the history and the keys agree.

mod sample;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use compact_str::CompactString;
use outlay_domain::usage::{EventName, Fact};
use outlay_store::dedup::{Dedup, DedupOptions, EventKey, Seen};
use outlay_store::history::{History, HistoryOptions, Segment};
use outlay_store::sqlite::totals::AccountMove;
use outlay_store::{Books, StoreError};
use sample::{BATCH_EVENTS, Ids, Sample};

/// As the server has it, so that figures of memory compare.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// What to do, from the command line.
struct Arguments {
    dir: PathBuf,
    events: u64,
    /// Events between two flushes.
    flush_events: usize,
    ids: Ids,
    days: u64,
}

impl Arguments {
    fn parse() -> Result<Self, String> {
        let mut arguments = Self {
            dir: PathBuf::new(),
            events: 10_000_000,
            flush_events: 262_144,
            ids: Ids::V4,
            days: 90,
        };
        let mut places = 0;
        for argument in std::env::args().skip(1) {
            match argument.split_once('=') {
                Some(("--flush", events)) => {
                    arguments.flush_events = events.parse().map_err(|_| "--flush=EVENTS")?;
                }
                Some(("--days", days)) => {
                    arguments.days = days.parse().map_err(|_| "--days=DAYS")?;
                }
                Some(("--ids", "v4")) => arguments.ids = Ids::V4,
                Some(("--ids", "v7")) => arguments.ids = Ids::V7,
                _ if places == 0 => {
                    arguments.dir = argument.into();
                    places += 1;
                }
                _ => {
                    arguments.events =
                        argument.parse().map_err(|_| format!("`{argument}` is not a number"))?;
                }
            }
        }
        if places == 0 {
            return Err("fill DIR [EVENTS] [--flush=262144] [--days=90] [--ids=v4|v7]".into());
        }
        Ok(arguments)
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments = Arguments::parse()?;
    let now: DateTime<Utc> = "2026-03-31T12:00:00Z".parse()?;
    let sample = Sample {
        seed: 1,
        facts: arguments.events,
        days: arguments.days,
        starts_at: now - TimeDelta::days(arguments.days as i64),
        ids: arguments.ids,
    };
    std::fs::create_dir_all(&arguments.dir)?;
    fill(&arguments, sample)?;
    reopen(&arguments, sample)?;
    Ok(())
}

fn fill(arguments: &Arguments, sample: Sample) -> Result<(), StoreError> {
    let books = Arc::new(Books::open(&arguments.dir)?);
    let dedup = Dedup::open(&arguments.dir, books.clone(), DedupOptions::default())?;
    let history = History::open(&arguments.dir, books.clone(), HistoryOptions::default())?;
    let mut spent = Spent::default();
    let mut charges = Charges::default();
    let mut last = 0;
    let started = Instant::now();

    std::thread::scope(|scope| {
        let (sender, batches) = sync_channel::<Vec<Fact>>(2);
        scope.spawn(move || {
            let mut next = 0;
            while next < sample.facts {
                let end = sample.facts.min(next + 8 * BATCH_EVENTS);
                if sender.send(sample.facts(next..end)).is_err() {
                    return;
                }
                next = end;
            }
        });
        for (seq, facts) in (1..).zip(batches) {
            charges.add(&facts);
            last = seq;
            let keys: Vec<EventKey> = facts.iter().map(|fact| dedup.key_of(&fact.event)).collect();
            spent.check.time(|| Ok(dedup.check(&keys)?.len() as u64))?;
            dedup.insert(&keys);
            spent.append.time(|| {
                let rows = facts.len() as u64;
                history.append(seq, facts.into());
                Ok(rows)
            })?;
            if history.tail_rows() >= arguments.flush_events {
                charges.post(&books, last)?;
                spent.flush.time(|| Ok(history.flush(&dedup)? as u64))?;
                keep_tidy(&history, &dedup, &mut spent)?;
            }
        }
        charges.post(&books, last)?;
        spent.flush.time(|| Ok(history.flush(&dedup)? as u64))?;
        keep_tidy(&history, &dedup, &mut spent)
    })?;

    println!("{} events in {:.1} s", arguments.events, started.elapsed().as_secs_f64());
    spent.print();
    Ok(())
}

fn keep_tidy(history: &History, dedup: &Dedup, spent: &mut Spent) -> Result<(), StoreError> {
    let compact = || {
        let before = history.snapshot().segments;
        if !history.compact()? {
            return Ok(0);
        }
        let after = history.snapshot().segments;
        let is_new = |segment: &&Arc<Segment>| !before.iter().any(|old| Arc::ptr_eq(old, segment));
        Ok(after.iter().filter(is_new).map(|segment| segment.rows).sum())
    };
    while spent.compact.time(compact)? > 0 {}
    while spent.merge.time(|| dedup.merge().map(u64::from))? > 0 {}
    Ok(())
}

/// Charges that are not posted yet.
#[derive(Default)]
struct Charges(BTreeMap<CompactString, AccountMove>);

impl Charges {
    fn add(&mut self, facts: &[Fact]) {
        for fact in facts {
            *self.0.entry(fact.event.account.clone()).or_default() += AccountMove::of(fact);
        }
    }

    /// Posts them as a flush does, so that the books agree with the history.
    fn post(&mut self, books: &Books, seq: i64) -> Result<(), StoreError> {
        books.write_blocking(|tx| {
            for (account, charged) in std::mem::take(&mut self.0) {
                tx.totals().post(&account, charged)?;
            }
            tx.usage_log().skip_to(seq)
        })
    }
}

/// Opens the folder again, as a server would, and asks for what came and what did not.
fn reopen(arguments: &Arguments, sample: Sample) -> Result<(), StoreError> {
    let started = Instant::now();
    let books = Arc::new(Books::open(&arguments.dir)?);
    let opened_books = started.elapsed();
    let dedup = Dedup::open(&arguments.dir, books.clone(), DedupOptions::default())?;
    let opened_dedup = started.elapsed() - opened_books;
    let history = History::open(&arguments.dir, books, HistoryOptions::default())?;
    let opened = started.elapsed();
    println!(
        "open: {:.0} ms (books {:.0}, keys {:.0}, history {:.0})",
        millis(opened),
        millis(opened_books),
        millis(opened_dedup),
        millis(opened - opened_books - opened_dedup)
    );

    let count = 200_000.min(sample.facts);
    let step = sample.facts / count;
    let old: Vec<EventKey> = (0..count)
        .flat_map(|at| sample.facts(at * step..at * step + 1))
        .map(|fact| dedup.key_of(&fact.event))
        .collect();
    let other = Sample { seed: sample.seed + 1, ..sample };
    let new: Vec<EventKey> =
        other.facts(0..count).iter().map(|fact| dedup.key_of(&fact.event)).collect();
    for (name, keys, expected) in [("new", new, Seen::New), ("repeated", old, Seen::Same)] {
        for round in ["first", "again"] {
            let started = Instant::now();
            let mut wrong = 0;
            for keys in keys.chunks(BATCH_EVENTS as usize) {
                wrong += dedup.check(keys)?.into_iter().filter(|seen| *seen != expected).count();
            }
            let nanos = started.elapsed().as_nanos() / keys.len() as u128;
            println!("check of {name} ids, {round}: {nanos} ns each, {wrong} wrong");
        }
    }

    let wanted: Vec<_> = (0..10)
        .flat_map(|at| sample.facts(at * (sample.facts / 10)..at * (sample.facts / 10) + 1))
        .map(|fact| fact.event.name())
        .collect();
    for wanted in [&wanted[..1], &wanted[..1], &wanted[..]] {
        let started = Instant::now();
        let found = history.find(wanted)?;
        println!("find {} of {}: {:.1} ms", found.len(), wanted.len(), millis(started.elapsed()));
    }
    let missing = [EventName {
        account: "account-001".into(),
        source: "gateway-1".into(),
        id: "not there".into(),
    }];
    let started = Instant::now();
    let found = history.find(&missing)?;
    println!("find {} of 1 unknown: {:.1} ms", found.len(), millis(started.elapsed()));

    let keys = dedup.figures();
    let events = sample.facts as f64;
    println!(
        "keys: {} in {} runs, {:.2} bytes of memory and {:.2} on disk each",
        keys.keys,
        keys.runs,
        keys.memory_bytes as f64 / events,
        keys.disk_bytes as f64 / events
    );
    let figures = history.figures();
    println!(
        "history: {} segments, {:.2} bytes each, of which roll-ups {:.2}",
        figures.segments,
        figures.disk_bytes as f64 / events,
        figures.rollup_bytes as f64 / events
    );
    println!("on disk, all in: {:.2} bytes an event", folder_bytes(&arguments.dir) as f64 / events);
    if let Ok(status) = std::fs::read_to_string("/proc/self/status") {
        for line in
            status.lines().filter(|line| line.starts_with("VmHWM") || line.starts_with("VmRSS"))
        {
            println!("{line}");
        }
    }
    Ok(())
}

fn folder_bytes(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => folder_bytes(&entry.path()),
            Ok(metadata) => metadata.len(),
            Err(_) => 0,
        })
        .sum()
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// Where the time went.
#[derive(Default)]
struct Spent {
    check: Clock,
    append: Clock,
    flush: Clock,
    compact: Clock,
    merge: Clock,
}

/// The time of this thread: as it passed, and as far as it had a processor.
#[derive(Default)]
struct Clock {
    rows: u64,
    passed: Duration,
    worked: Duration,
}

impl Clock {
    /// Times `work`, which says how many rows it was about.
    fn time(&mut self, work: impl FnOnce() -> Result<u64, StoreError>) -> Result<u64, StoreError> {
        let (started, worked) = (Instant::now(), processor_time());
        let rows = work()?;
        self.rows += rows;
        self.passed += started.elapsed();
        self.worked += processor_time() - worked;
        Ok(rows)
    }
}

/// For how long this thread had a processor; zero where the system does not say.
fn processor_time() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = text.split_whitespace().next().and_then(|nanos| nanos.parse().ok());
    Duration::from_nanos(nanos.unwrap_or_default())
}

impl Spent {
    fn print(&self) {
        println!("                   rows    seconds    ns/row  ns/row on a processor");
        let clocks = [
            ("check", &self.check),
            ("append", &self.append),
            ("flush", &self.flush),
            ("compact", &self.compact),
            ("merge", &self.merge),
        ];
        for (name, clock) in clocks {
            let each = |time: Duration| time.as_nanos() / u128::from(clock.rows.max(1));
            let seconds = clock.passed.as_secs_f64();
            let (passed, worked) = (each(clock.passed), each(clock.worked));
            println!("{name:8} {:>14} {seconds:10.1} {passed:9} {worked:9}", clock.rows);
        }
    }
}
