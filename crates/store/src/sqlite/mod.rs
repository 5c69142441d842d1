//! The books: the small, transactional truth about money and people, in SQLite.
//!
//! One writer connection (WAL, `synchronous=FULL`: a committed transaction is on disk), a few
//! readers. Each noun's SQL stands in the file of its name, and is reached by a [`View`] or a
//! [`Tx`], which is all that anybody outside sees of the database.

pub mod alerts;
pub mod amendments;
pub mod annotations;
pub mod audit;
pub mod budgets;
pub mod counters;
pub mod exports;
pub mod imports;
pub mod ledger;
pub mod limits;
pub mod manifest;
mod moves;
pub mod people;
pub mod plans;
pub mod prices;
pub mod recommendations;
pub mod revenue;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod statements;
pub mod subscriptions;
mod time;
pub mod totals;
mod tx;
pub mod usage_log;
pub mod views;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use crate::StoreError;
use moves::Unwritten;

pub use moves::{CounterWindow, Moves};
pub use tx::{
    AccountTotals, Alerts, Amendments, Annotations, Audit, Budgets, Counters, Exports, Imports,
    Ledgers, Limits, Manifest, People, Plans, Prices, Reads, Recommendations, Revenue,
    Subscriptions, Tx, UsageLog, View, Views, Writes,
};

/// The file in the data folder.
pub const BOOKS_FILE: &str = "books.db";

const READERS: usize = 4;
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the log of changes may be needed by readers before emptying it is given up.
const CHECKPOINT_PATIENCE: Duration = Duration::from_secs(30);
/// How long one attempt at it may hold up whoever writes.
const CHECKPOINT_ATTEMPT: Duration = Duration::from_millis(100);

/// Schema changes, in order. A change is never edited once it has shipped; a new one follows it.
const MIGRATIONS: &[(u32, &str)] = &[
    (1, include_str!("migrations/0001_usage_log.sql")),
    (2, include_str!("migrations/0002_prices.sql")),
    (3, include_str!("migrations/0003_history.sql")),
    (4, include_str!("migrations/0004_people.sql")),
    (5, include_str!("migrations/0005_imports.sql")),
    (6, include_str!("migrations/0006_amendments.sql")),
    (7, include_str!("migrations/0007_budgets.sql")),
    (8, include_str!("migrations/0008_alerts.sql")),
    (9, include_str!("migrations/0009_revenue_attributes.sql")),
    (10, include_str!("migrations/0010_recommendations.sql")),
    (11, include_str!("migrations/0011_imported_batches.sql")),
    (12, include_str!("migrations/0012_alerts_seen.sql")),
    (13, include_str!("migrations/0013_known_time.sql")),
    (14, include_str!("migrations/0014_token_generations.sql")),
    (15, include_str!("migrations/0015_keys_by_account.sql")),
    (16, include_str!("migrations/0016_revenue_of_accounts.sql")),
    (17, include_str!("migrations/0017_import_anchors.sql")),
    (18, include_str!("migrations/0018_account_totals.sql")),
    (19, include_str!("migrations/0019_folded_ids.sql")),
    (20, include_str!("migrations/0020_counters.sql")),
    (21, include_str!("migrations/0021_views.sql")),
    (22, include_str!("migrations/0022_alerts_of_accounts.sql")),
    (23, include_str!("migrations/0023_annotations.sql")),
    (24, include_str!("migrations/0024_ledger.sql")),
    (25, include_str!("migrations/0025_links_of_alerts.sql")),
    (26, include_str!("migrations/0026_export_schedules.sql")),
    (27, include_str!("migrations/0027_captured.sql")),
    (28, include_str!("migrations/0028_revenue_of_one_account.sql")),
    (29, include_str!("migrations/0029_plans.sql")),
    (30, include_str!("migrations/0030_subscriptions.sql")),
    (31, include_str!("migrations/0031_limits.sql")),
    (32, include_str!("migrations/0032_counted_commits.sql")),
];

/// The open books of one data folder.
pub struct Books {
    path: PathBuf,
    writer: Mutex<Connection>,
    readers: Mutex<Vec<Connection>>,
    reader_returned: Condvar,
    /// What the rows of sums do not have yet.
    unwritten: Unwritten,
}

impl Books {
    /// Opens the books in `data_dir`, and brings their schema up to date.
    pub fn open(data_dir: &Path) -> Result<Self, StoreError> {
        let path = data_dir.join(BOOKS_FILE);
        let mut writer = Connection::open(&path)?;
        writer.execute_batch(
            "PRAGMA page_size = 8192;
             PRAGMA journal_mode = WAL;
             PRAGMA synchronous = FULL;
             PRAGMA foreign_keys = ON;
             PRAGMA secure_delete = FAST;
             PRAGMA cache_size = -8192;
             PRAGMA wal_autocheckpoint = 2000;
             PRAGMA journal_size_limit = 67108864;",
        )?;
        writer.busy_timeout(BUSY_TIMEOUT)?;
        writer.set_prepared_statement_cache_capacity(128);
        migrate(&mut writer)?;
        let written = View::of(&writer).totals().written()?;
        let readers = (0..READERS).map(|_| open_reader(&path)).collect::<Result<_, _>>()?;
        Ok(Self {
            path,
            writer: Mutex::new(writer),
            readers: Mutex::new(readers),
            reader_returned: Condvar::new(),
            unwritten: Unwritten::after(written),
        })
    }

    /// Reads everything as it stands at one moment, on a thread that may wait.
    pub async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        read: impl FnOnce(&View<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let books = self.clone();
        hop(move || books.read_blocking(read)).await
    }

    /// Writes in one transaction, on a thread that may wait. It is on disk when this returns `Ok`,
    /// and without trace when it returns `Err`.
    pub async fn write<T, E>(
        self: &Arc<Self>,
        write: impl FnOnce(&Tx<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.write_then(write, || ()).await
    }

    /// As [`write`](Self::write), and does `after` once the transaction is over, however it ended:
    /// also when whoever waits for it has gone away meanwhile.
    pub async fn write_then<T, E>(
        self: &Arc<Self>,
        write: impl FnOnce(&Tx<'_>) -> Result<T, E> + Send + 'static,
        after: impl FnOnce() + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let books = self.clone();
        hop(move || {
            let written = books.write_blocking(write);
            after();
            written
        })
        .await
    }

    /// As [`read`](Self::read), on this thread. Waits for a free connection when all are in use.
    pub fn read_blocking<T>(
        &self,
        read: impl FnOnce(&View<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.lend(|connection| {
            let transaction = connection.unchecked_transaction()?;
            // Before the moment begins, which is when something is read first: what was moved is in
            // here then, or in the rows, or in both, which can be told; and never in neither.
            read(&View::with(&transaction, self.unwritten.moved()))
        })
    }

    /// As [`write`](Self::write), on this thread.
    pub fn write_blocking<T, E: From<StoreError>>(
        &self,
        write: impl FnOnce(&Tx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut writer = self.writer.lock();
        let transaction = writer
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(StoreError::from)?;
        let value = write(&Tx::with(&transaction, self.unwritten.moved()))?;
        transaction.commit().map_err(StoreError::from)?;
        Ok(value)
    }

    /// Notes by how much a commit moved sums, which everybody sees from now on. It must be in the usage
    /// log, and be noted before it can be written to the history.
    pub fn moved(&self, seq: i64, moves: Moves) {
        self.unwritten.add(seq, moves);
    }

    /// As [`write_blocking`](Self::write_blocking), and writes the rows of sums in the same transaction,
    /// so that it may let go of any commit that was noted.
    pub(crate) fn write_moved<T, E: From<StoreError>>(
        &self,
        write: impl FnOnce(&Tx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let moved = self.unwritten.close();
        let value = self.write_blocking(|tx| {
            tx.write_moved(&moved)?;
            write(tx)
        })?;
        self.unwritten.forget(moved.last);
        Ok(value)
    }

    fn lend<T>(&self, read: impl FnOnce(&Connection) -> T) -> T {
        let connection = {
            let mut readers = self.readers.lock();
            loop {
                match readers.pop() {
                    Some(connection) => break connection,
                    None => self.reader_returned.wait(&mut readers),
                }
            }
        };
        let lent = Lent { books: self, connection: Some(connection) };
        read(lent.connection.as_ref().unwrap_or_else(|| unreachable!("lent until dropped")))
    }

    /// Gives back what is kept of pages, after more was read or written than will be again. A
    /// connection that somebody reads with keeps its own.
    pub fn shrink(&self) -> Result<(), StoreError> {
        const SHRINK: &str = "PRAGMA shrink_memory";
        self.writer.lock().execute_batch(SHRINK)?;
        Ok(self.readers.lock().iter().try_for_each(|reader| reader.execute_batch(SHRINK))?)
    }

    /// Leaves nothing on the disk of what was removed or changed.
    ///
    /// SQLite leaves removed rows in pages that are free and in its log of changes. Overwriting
    /// them at every removal would slow down every flush; so the books are written anew when it
    /// matters, and the log is emptied.
    pub fn scrub(&self) -> Result<(), StoreError> {
        self.writer.lock().execute_batch("VACUUM")?;
        self.merge_log()
    }

    /// Merges the log of changes into the file, and empties it. Waits for who reads from it.
    pub fn merge_log(&self) -> Result<(), StoreError> {
        let begun = Instant::now();
        while !self.try_merge_log()? {
            if begun.elapsed() > CHECKPOINT_PATIENCE {
                return Err(StoreError::StillRead("the books are being read, e.g. for a backup"));
            }
            std::thread::sleep(CHECKPOINT_ATTEMPT);
        }
        Ok(())
    }

    /// One attempt, which others do not notice; says whether it succeeded.
    fn try_merge_log(&self) -> Result<bool, StoreError> {
        let writer = self.writer.lock();
        writer.busy_timeout(CHECKPOINT_ATTEMPT)?;
        let is_busy = writer.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0));
        writer.busy_timeout(BUSY_TIMEOUT)?;
        Ok(!is_busy?)
    }

    /// Copies the books, as they stand at one moment, to a new file.
    pub fn copy_to(&self, target: &Path) -> Result<(), StoreError> {
        self.lend(|connection| {
            let target = target.to_string_lossy();
            connection.execute("VACUUM INTO ?1", [target.as_ref()])?;
            Ok(())
        })
    }

    /// Whether a transaction can be written to the disk now.
    pub fn check_writable(&self) -> Result<(), StoreError> {
        self.write_blocking(|tx| tx.beat())
    }

    /// SQLite's own check of the file; one line for each thing that is wrong.
    pub fn integrity(&self) -> Result<Vec<String>, StoreError> {
        self.lend(|connection| {
            let mut statement = connection.prepare("PRAGMA integrity_check(100)")?;
            let lines =
                statement.query_map([], |row| row.get(0))?.collect::<Result<Vec<String>, _>>()?;
            Ok(lines.into_iter().filter(|line| line != "ok").collect())
        })
    }

    /// Bytes on the disk, with what is not merged into the file yet.
    pub fn size_bytes(&self) -> u64 {
        let wal = self.path.with_extension("db-wal");
        [&self.path, &wal]
            .into_iter()
            .filter_map(|path| std::fs::metadata(path).ok())
            .map(|file| file.len())
            .sum()
    }

    /// Where the books are.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// A reader that goes back to the pool when it is dropped, a panic included.
struct Lent<'a> {
    books: &'a Books,
    connection: Option<Connection>,
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        self.books.readers.lock().extend(self.connection.take());
        self.books.reader_returned.notify_one();
    }
}

/// Works on a thread that may wait. A panic there goes on here.
async fn hop<T, E>(work: impl FnOnce() -> Result<T, E> + Send + 'static) -> Result<T, E>
where
    T: Send + 'static,
    E: From<StoreError> + Send + 'static,
{
    match tokio::task::spawn_blocking(work).await {
        Ok(outcome) => outcome,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(StoreError::Stopping.into()),
        },
    }
}

fn open_reader(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let reader = Connection::open_with_flags(path, flags)?;
    reader.busy_timeout(BUSY_TIMEOUT)?;
    reader.execute_batch("PRAGMA cache_size = -2048;")?;
    Ok(reader)
}

fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    let version: u32 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let newest = MIGRATIONS.last().map_or(0, |(number, _)| *number);
    if version > newest {
        return Err(StoreError::Damaged {
            what: BOOKS_FILE.into(),
            how: format!(
                "its schema is of version {version}, this program knows {newest}; use a newer one"
            ),
        });
    }
    for (number, sql) in MIGRATIONS.iter().filter(|(number, _)| *number > version) {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute_batch(sql)?;
        transaction.pragma_update(None, "user_version", number)?;
        transaction.commit()?;
    }
    Ok(())
}

/// Changes the books of a folder to what an older version might have left there, for tests.
///
/// # Panics
///
/// Panics where there are no books, or the statements fail.
#[doc(hidden)]
pub fn alter_books(data_dir: &Path, sql: &str) {
    let altered =
        Connection::open(data_dir.join(BOOKS_FILE)).and_then(|books| books.execute_batch(sql));
    altered.expect("the books are altered");
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use outlay_domain::links::Link;

    use super::*;

    #[test]
    fn a_failed_write_leaves_no_trace() {
        let folder = tempfile::tempdir().unwrap();
        let books = Books::open(folder.path()).unwrap();

        let failed: Result<(), StoreError> = books.write_blocking(|tx| {
            tx.beat()?;
            Err(StoreError::Damaged { what: "it".into(), how: "so".into() })
        });

        assert!(failed.is_err());
        assert_eq!(books.read_blocking(|books| books.heartbeats()).unwrap(), 0);
    }

    #[test]
    fn what_is_refused_within_a_transaction_harms_no_neighbour() {
        let folder = tempfile::tempdir().unwrap();
        let books = Books::open(folder.path()).unwrap();

        let refused = books
            .write_blocking(|tx| {
                tx.beat()?;
                let refused: Result<(), StoreError> = tx.attempt(|| {
                    tx.beat()?;
                    tx.attempt(|| tx.beat())?;
                    Err(StoreError::Damaged { what: "it".into(), how: "so".into() })
                });
                tx.attempt(|| tx.beat())?;
                Ok::<_, StoreError>(refused)
            })
            .unwrap();

        assert!(refused.is_err());
        assert_eq!(books.read_blocking(|books| books.heartbeats()).unwrap(), 2);
    }

    #[test]
    fn a_view_shows_one_moment() {
        let folder = tempfile::tempdir().unwrap();
        let books = Books::open(folder.path()).unwrap();

        let seen = books.read_blocking(|view| {
            let before = view.heartbeats()?;
            books.check_writable()?;
            Ok::<_, StoreError>((before, view.heartbeats()?))
        });

        assert_eq!(seen.unwrap(), (0, 0));
        assert_eq!(books.read_blocking(|books| books.heartbeats()).unwrap(), 1);
    }

    #[test]
    fn what_older_alerts_point_at_is_kept_as_a_thing() {
        let folder = tempfile::tempdir().unwrap();
        let connection = Connection::open(folder.path().join(BOOKS_FILE)).unwrap();
        for (number, sql) in MIGRATIONS.iter().filter(|(number, _)| *number < 25) {
            connection.execute_batch(sql).unwrap();
            connection.pragma_update(None, "user_version", number).unwrap();
        }
        let older = [
            "'/prices?view=unpriced'",
            "'/budgets?budget=all-ai'",
            "'/explore?from=2026-11-11&to=2026-11-11'",
            "NULL",
        ];
        for (number, path) in older.iter().enumerate() {
            let alert = format!(
                "INSERT INTO alerts (alert_id, rule_id, key, severity, title, detail, path, \
                 opened_at_us, state, changed_at_us, holds) VALUES \
                 ('00000000-0000-0000-0000-00000000000{number}', 'r', 'k', 'info', 't', 'd', \
                 {path}, {number}, 'resolved', 0, 0)"
            );
            connection.execute_batch(&alert).unwrap();
        }
        drop(connection);

        let books = Books::open(folder.path()).unwrap();

        let wanted = alerts::WantedAlerts { states: vec!["resolved".into()], ..Default::default() };
        let alerts = books.read_blocking(|books| books.alerts().page(&wanted, None, 10)).unwrap();
        let links: Vec<Option<Link>> = alerts.into_iter().map(|alert| alert.link).collect();
        let budget = Link::Budget { id: "all-ai".into() };
        assert_eq!(links, [None, None, Some(budget), Some(Link::Unpriced)]);
    }

    #[test]
    fn what_an_older_version_held_and_captured_stays_on_its_budget() {
        let folder = tempfile::tempdir().unwrap();
        let connection = Connection::open(folder.path().join(BOOKS_FILE)).unwrap();
        for (number, sql) in MIGRATIONS.iter().filter(|(number, _)| *number < 27) {
            connection.execute_batch(sql).unwrap();
            connection.pragma_update(None, "user_version", number).unwrap();
        }
        let at = |text: &str| text.parse::<chrono::DateTime<chrono::Utc>>().unwrap();
        // A month of Kolkata's, and one of UTC's.
        let (kolkata, utc) = (at("2026-10-31T18:30:00Z"), at("2026-11-01T00:00:00Z"));
        for (window_us, nanos) in
            [(0, 7), (kolkata.timestamp_micros(), 30), (utc.timestamp_micros(), 500)]
        {
            connection
                .execute("INSERT INTO ledger_budgets VALUES ('b', ?1, ?2)", [window_us, nanos])
                .unwrap();
        }
        drop(connection);

        let books = Books::open(folder.path()).unwrap();

        let (held, captured, both) = books
            .read_blocking(|books| {
                let ledger = books.ledger();
                let december = at("2026-12-01T00:00:00Z");
                Ok::<_, StoreError>((
                    ledger.held("b")?,
                    ledger.captured("b", utc, december)?,
                    ledger.captured("b", kolkata, december)?,
                ))
            })
            .unwrap();
        assert_eq!((held, captured, both), (7, 500, 530));
    }

    #[test]
    fn books_of_a_newer_program_are_refused_in_words() {
        let folder = tempfile::tempdir().unwrap();
        drop(Books::open(folder.path()).unwrap());
        let connection = Connection::open(folder.path().join(BOOKS_FILE)).unwrap();
        connection.pragma_update(None, "user_version", 9999).unwrap();
        drop(connection);

        let refused = Books::open(folder.path()).err().unwrap();

        assert!(refused.to_string().contains("version 9999"), "{refused}");
    }
}
