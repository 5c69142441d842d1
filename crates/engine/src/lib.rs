//! What the product does: the use cases, free of HTTP and of SQL.

pub use outlay_store::pace;
pub mod alerts;
pub mod annotations;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod architecture;
mod asker;
pub mod budgets;
pub mod import;
pub mod insights;
pub mod journal;
pub mod ledger;
pub mod people;
pub mod plans;
pub mod prices;
pub mod revenue;
pub mod usage;
pub mod views;

pub mod backup;
pub mod check;
pub mod clock;
pub mod demo;
pub mod exports;
pub mod figure_text;
pub mod figures;
pub mod health;
mod keeper;
pub mod known_time;
pub mod latency;
pub mod parted;
pub mod tasks;
pub mod writes;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
pub use asker::Asker;
use chrono::TimeDelta;
use chrono_tz::Tz;
pub use clock::{Clock, FrozenClock, SystemClock};
use outlay_domain::prices::PriceBook;
use outlay_store::dedup::{Dedup, DedupOptions};
use outlay_store::history::{History, HistoryOptions};
use outlay_store::sqlite::BOOKS_FILE;
use outlay_store::{Books, StoreError};

use budgets::HardBudgets;
use exports::schedules::{ExportDesk, ExportLimits};
use journal::{Counters, Journal, Kept, Weight};
use keeper::{Keeper, KeeperOptions};
use known_time::KnownTime;
use ledger::LedgerTime;
use prices::Prices;
use tasks::Tasks;
use usage::sql::{SqlDesk, SqlOptions};
use usage::{QuestionDesk, QuestionOptions};
use writes::Writes;

/// The file in the data folder that a process holds while it works there.
const LOCK_FILE: &str = "lock";

/// How a data folder is worked on.
#[derive(Debug, Clone)]
pub struct Options {
    /// Events in memory before they are written to a segment.
    pub tail_events: usize,
    /// Bytes of events in memory, about, before they are written to a segment.
    pub tail_bytes: usize,
    /// Events that may wait to be committed.
    pub queue_events: usize,
    /// Bytes of events that may wait to be committed.
    pub queue_bytes: usize,
    /// Days that events are kept; 0 keeps them for ever.
    pub retention_days: u32,
    /// Days in which a repeat is known for one.
    pub dedup_days: u32,
    /// Whether our prices decide even where an event states its cost.
    pub rate_stated: bool,
    /// Whether to flush, compact and clean up meanwhile.
    pub background: bool,
    /// Whose days alerts look at.
    pub time_zone: Tz,
    /// How much questions may use.
    pub questions: QuestionOptions,
    /// How queries in SQL are worked on.
    pub sql: SqlOptions,
    /// How much room files of exports may take.
    pub exports: ExportLimits,
    /// Files in the data folder that the settings name, which belong into a backup.
    pub named_files: Vec<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            tail_events: 131_072,
            tail_bytes: 256 << 20,
            queue_events: 200_000,
            queue_bytes: 128 * 1024 * 1024,
            retention_days: 0,
            dedup_days: 40,
            rate_stated: false,
            background: true,
            time_zone: Tz::UTC,
            questions: QuestionOptions::default(),
            sql: SqlOptions::default(),
            exports: ExportLimits::default(),
            named_files: Vec::new(),
        }
    }
}

/// An open data folder: all that the product knows, and all that it can do.
pub struct Outlay {
    /// Where the folder is.
    pub data_dir: PathBuf,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The time by which what is old is removed.
    pub known_time: Arc<KnownTime>,
    /// The time by which holds and grants expire.
    pub ledger_time: Arc<LedgerTime>,
    /// What goes on in the background.
    pub tasks: Arc<Tasks>,
    /// Whose days alerts look at.
    pub time_zone: Tz,
    /// The books.
    pub books: Arc<Books>,
    /// Every fact, in columns.
    pub history: Arc<History>,
    /// Which events came before.
    pub dedup: Arc<Dedup>,
    /// Where prices are read and changed, and the book that events are rated by.
    pub prices: Arc<Prices>,
    /// The one writer of usage, and of what stands or falls with it.
    pub journal: Arc<Journal>,
    /// The budgets that refuse what would overspend them.
    hard_budgets: Arc<HardBudgets>,
    /// Where usage is asked about.
    pub questions: Arc<QuestionDesk>,
    /// Where it is asked about in SQL.
    pub sql: SqlDesk,
    /// The files of exports that are made by themselves.
    pub exports: Arc<ExportDesk>,
    /// Files in the data folder that the settings name.
    named_files: Vec<PathBuf>,
    /// Whether the folder takes writes.
    pub writes: Arc<Writes>,
    /// Held while kept events are read and then amended.
    amending: tokio::sync::Mutex<()>,
    keeper: Option<Keeper>,
    /// Held as long as the folder is open.
    _lock: File,
}

impl Outlay {
    /// Opens `data_dir`, making it where there is none.
    ///
    /// Commits that stand in the usage log and not in the history, because the last process ended
    /// in between, are taken up again.
    pub fn open(
        data_dir: &Path,
        options: Options,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StoreError> {
        std::fs::create_dir_all(data_dir).map_err(StoreError::file(data_dir))?;
        let lock = lock(data_dir)?;
        backup::remove_leftovers(data_dir);
        let books = Arc::new(Books::open(data_dir)?);
        let dedup_options = DedupOptions {
            window: TimeDelta::days(i64::from(options.dedup_days)),
            ..DedupOptions::default()
        };
        let dedup = Arc::new(Dedup::open(data_dir, books.clone(), dedup_options)?);
        let mut history_options =
            HistoryOptions { flush_bytes: options.tail_bytes, ..HistoryOptions::default() };
        // Where nobody flushes meanwhile, waiting for it would not help.
        if options.background {
            history_options.tail_rows_max = options.tail_events * 2;
            history_options.tail_bytes_max = options.tail_bytes * 2;
        } else {
            history_options.tail_rows_max = usize::MAX;
            history_options.tail_bytes_max = usize::MAX;
        }
        let history = Arc::new(History::open(data_dir, books.clone(), history_options)?);
        let tail_bytes_max = if options.background { options.tail_bytes } else { usize::MAX };
        replay(&books, &history, &dedup, tail_bytes_max)?;
        let book = Arc::new(ArcSwap::from_pointee(PriceBook::default()));
        let known_time = Arc::new(KnownTime::open(
            books.clone(),
            clock.clone(),
            known_time::ahead_max(options.retention_days, dedup.window()),
        )?);
        let ledger_time = Arc::new(LedgerTime::open(&books, clock.clone(), known_time.clone())?);
        let tasks = Tasks::new(clock.clone());
        let writes = Arc::new(Writes::new(data_dir, books.clone()));
        let journal = Arc::new(Journal::start(
            &tasks,
            writes.clone(),
            Kept { books: books.clone(), history: history.clone(), dedup: dedup.clone() },
            book.clone(),
            clock.clone(),
            ledger_time.clone(),
            Weight { events: options.queue_events, bytes: options.queue_bytes },
        ));
        let (now, own) = (clock.now(), options.rate_stated);
        let prices = Prices::open(books.clone(), journal.clone(), book, now, own)?;
        let prices = Arc::new(prices);
        let questions =
            Arc::new(QuestionDesk::new(history.clone(), clock.clone(), options.questions));
        let sql = SqlDesk::new(history.clone(), options.sql);
        let keeper = options.background.then(|| {
            let options = KeeperOptions {
                tail_events: options.tail_events,
                tail_bytes: options.tail_bytes,
                retention_days: options.retention_days,
            };
            let (history, dedup) = (history.clone(), dedup.clone());
            let (clock, time) = (clock.clone(), known_time.clone());
            Keeper::start(&tasks, writes.clone(), history, dedup, clock, time, options)
        });
        Ok(Self {
            data_dir: data_dir.to_path_buf(),
            clock,
            known_time,
            ledger_time,
            tasks,
            time_zone: options.time_zone,
            books,
            history,
            dedup,
            prices,
            hard_budgets: Arc::new(HardBudgets::new(&journal)),
            journal,
            questions,
            sql,
            exports: ExportDesk::new(data_dir, options.exports),
            named_files: options.named_files,
            writes,
            amending: tokio::sync::Mutex::default(),
            keeper,
            _lock: lock,
        })
    }

    /// Takes in nothing more, and writes what waits.
    pub fn stop(&self) {
        self.tasks.stop();
        self.journal.stop();
        if let Some(keeper) = &self.keeper {
            keeper.stop();
        }
    }
}

impl Drop for Outlay {
    /// Others may still hold the journal; from here on it takes nothing more.
    fn drop(&mut self) {
        self.journal.stop();
    }
}

/// Whether `folder` is one that Outlay has made.
pub fn is_data_folder(folder: &Path) -> bool {
    folder.join(BOOKS_FILE).is_file()
}

/// Takes the folder for this process.
fn lock(data_dir: &Path) -> Result<File, StoreError> {
    let path = data_dir.join(LOCK_FILE);
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(StoreError::file(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(StoreError::InUse(data_dir.to_path_buf())),
        Err(std::fs::TryLockError::Error(error)) => Err(StoreError::file(path)(error)),
    }
}

/// Takes up what the usage log has and the history has not. Where that is more than `tail_bytes_max`
/// it is flushed meanwhile, so that a start takes no more memory than the work before it did.
fn replay(
    books: &Books,
    history: &History,
    dedup: &Dedup,
    tail_bytes_max: usize,
) -> Result<(), StoreError> {
    let mut events = 0;
    let mut counters = Counters::default();
    books.read_blocking(|view| {
        view.usage_log().for_each_after(0, |seq, facts| {
            events += facts.len();
            books.moved(seq, counters.moves(view, seq, &facts)?);
            journal::take_up(history, dedup, seq, facts);
            if history.tail_bytes() > tail_bytes_max {
                history.flush(dedup)?;
            }
            Ok(())
        })
    })?;
    if events > 0 {
        tracing::info!(events, "took up what the last run had not written to the history yet");
    }
    Ok(())
}
