//! Databases for tests: LeadFactory's own, and some that are worse.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::time::Duration;

use outlay_domain::usage::{EventDraft, Refusal};
use rusqlite::Connection;
use tempfile::TempDir;

use super::database::{Database, Patience, Reader};
use super::feed::{CallsRule, Feed, Options};
use crate::import::{Place, Zone};

/// Unpacks `name` of `fixtures/leadfactory` into `folder`.
pub fn unpack(name: &str, folder: &Path) -> Database {
    let packed = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fixtures/leadfactory")
        .join(format!("{name}.zst"));
    let path = folder.join(name);
    let bytes = zstd::decode_all(std::fs::File::open(packed).unwrap()).unwrap();
    std::fs::write(&path, bytes).unwrap();
    at(path)
}

/// What each hour of each day cost, by LeadFactory's own records.
pub fn spend_by_hour() -> Vec<[f64; 24]> {
    let folder = tempfile::tempdir().unwrap();
    let costs = unpack("cost_tracking.db", folder.path());
    let file = Connection::open(&costs.path).unwrap();
    let mut days = std::collections::BTreeMap::<String, [f64; 24]>::new();
    let mut statement = file
        .prepare(
            "SELECT date(timestamp), CAST(strftime('%H', timestamp) AS INTEGER), sum(amount)
             FROM costs GROUP BY 1, 2",
        )
        .unwrap();
    let mut rows = statement.query([]).unwrap();
    while let Some(row) = rows.next().unwrap() {
        let hour: i64 = row.get(1).unwrap();
        let day = days.entry(row.get(0).unwrap()).or_insert([0.0; 24]);
        day[usize::try_from(hour).unwrap()] = row.get(2).unwrap();
    }
    days.into_values().collect()
}

/// The database at `path`.
pub fn at(path: PathBuf) -> Database {
    let kind = Reader::open(&path).unwrap().kind().unwrap();
    Database { path, kind }
}

/// `costs` as the package makes it.
pub const PACKAGE: &str = "
    CREATE TABLE costs (
        id INTEGER PRIMARY KEY AUTOINCREMENT, timestamp TEXT NOT NULL, service TEXT NOT NULL,
        operation TEXT, amount REAL NOT NULL, details TEXT, batch_id TEXT);
    CREATE TABLE monthly_budgets (
        year INTEGER NOT NULL, month INTEGER NOT NULL, budget REAL NOT NULL,
        spent REAL NOT NULL DEFAULT 0, PRIMARY KEY (year, month));";

/// `costs` as the script in `bin/` makes it.
pub const SCRIPT: &str = "
    CREATE TABLE costs (
        id INTEGER PRIMARY KEY AUTOINCREMENT, timestamp TEXT NOT NULL, batch_id TEXT,
        service TEXT NOT NULL, operation TEXT, amount REAL NOT NULL, details TEXT);
    CREATE TABLE monthly_budget (
        year INTEGER, month INTEGER, budget REAL DEFAULT 0, spent REAL DEFAULT 0,
        PRIMARY KEY (year, month));";

/// A database of costs that a test writes to.
pub struct Costs {
    /// Keeps the folder.
    pub folder: TempDir,
    /// The file.
    pub path: PathBuf,
}

impl Costs {
    /// An empty database with that schema.
    pub fn new(schema: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cost_tracking.db");
        Connection::open(&path).unwrap().execute_batch(schema).unwrap();
        Self { folder, path }
    }

    /// Adds a row of `service` at the local `time`; `amount` is SQL.
    pub fn add(&self, time: &str, service: &str, operation: Option<&str>, amount: &str) -> &Self {
        let sql = format!(
            "INSERT INTO costs (timestamp, service, operation, amount) VALUES (?1, ?2, ?3, {amount})"
        );
        Connection::open(&self.path).unwrap().execute(&sql, (time, service, operation)).unwrap();
        self
    }

    /// Runs any statements.
    pub fn run(&self, sql: &str) -> &Self {
        Connection::open(&self.path).unwrap().execute_batch(sql).unwrap();
        self
    }

    /// The file as a database.
    pub fn database(&self) -> Database {
        at(self.path.clone())
    }
}

/// Little patience: tests wait for nobody.
pub fn patience() -> Patience {
    Patience::of(Duration::from_secs(5))
}

/// The zone of most tests.
pub fn berlin() -> Zone {
    Zone::named("Europe/Berlin").unwrap()
}

/// How most tests read.
pub fn options() -> Options {
    Options {
        zone: berlin(),
        account: "leadfactory".into(),
        keep_gpu_stops: false,
        calls: CallsRule::NotInCosts,
        again: false,
    }
}

/// Everything that a feed gives.
#[derive(Debug, Default)]
pub struct Everything {
    /// The events.
    pub drafts: Vec<EventDraft>,
    /// The rows that are none.
    pub refused: Vec<(Place, Refusal)>,
    /// How many rows were left out.
    pub left_out: u64,
}

/// Reads `feed` to its end.
pub fn drain(feed: &mut Feed) -> Everything {
    let mut all = Everything::default();
    while let Some(parcel) = feed.next_parcel().unwrap() {
        all.left_out += parcel.left_out.values().sum::<u64>();
        for row in parcel.rows {
            match row.outcome {
                Ok(draft) => all.drafts.push(draft),
                Err(refusal) => all.refused.push((row.place, refusal)),
            }
        }
    }
    all
}
