//! Somebody else's SQLite file, opened so that its owner never notices.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use compact_str::{CompactString, format_compact};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use thiserror::Error;
use xxhash_rust::xxh3::Xxh3Default;

/// How long one statement waits for a lock before it is tried again later.
const BUSY_TIMEOUT: Duration = Duration::from_millis(250);

/// A file and what it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Database {
    /// Where it is.
    pub path: PathBuf,
    /// What it holds.
    pub kind: Kind,
}

/// What a database of LeadFactory's holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// `costs`: what was spent.
    CostTracking(Tracker),
    /// `gpt_usage`: calls of language models.
    Calls,
    /// `purchase_metrics_raw`: what customers paid.
    Purchases,
    /// `financial_transactions`: payments and refunds.
    Finances,
    /// `budget_limits` and their thresholds.
    Budgets,
}

/// Which program wrote the costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tracker {
    /// `leadfactory/cost/cost_tracking.py`.
    Package,
    /// `bin/cost_tracking.py`, which counts a GPU's cost once a minute and again at its stop.
    Script,
}

impl Kind {
    /// The word in sources and reports.
    pub const fn word(self) -> &'static str {
        match self {
            Self::CostTracking(_) => "cost_tracking",
            Self::Calls => "gpt_usage",
            Self::Purchases => "purchase_metrics",
            Self::Finances => "financial_tracking",
            Self::Budgets => "budget_config",
        }
    }

    /// The table that is read row by row, where there is one.
    const fn table(self) -> Option<&'static str> {
        match self {
            Self::CostTracking(_) => Some("costs"),
            Self::Calls => Some("gpt_usage"),
            Self::Purchases => Some("purchase_metrics_raw"),
            Self::Finances => Some("financial_transactions"),
            Self::Budgets => None,
        }
    }

    /// The source of what has that identity.
    pub fn source(self, identity: &str) -> CompactString {
        format_compact!("leadfactory:{}:{identity}", self.word())
    }
}

/// Why a database cannot be read.
#[derive(Debug, Error)]
pub enum DatabaseError {
    /// There is no file.
    #[error("{} does not exist", .0.display())]
    Missing(PathBuf),
    /// The file is something else.
    #[error("{} is not a SQLite database", .0.display())]
    NotSqlite(PathBuf),
    /// The database holds nothing we know.
    #[error("{} holds no table of LeadFactory's that is imported", .0.display())]
    NotLeadFactory(PathBuf),
    /// A table lacks a column.
    #[error("{}: the table {table} has no column {column}", path.display())]
    NoSuchColumn {
        /// The file.
        path: PathBuf,
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
    },
    /// The rows have no order that could be followed.
    #[error("{}: the ids of the table {table} are not whole numbers", path.display())]
    OddIds {
        /// The file.
        path: PathBuf,
        /// The table.
        table: &'static str,
    },
    /// Its owner has it locked.
    #[error("{} is locked by another program", .0.display())]
    Busy(PathBuf),
    /// Its owner died while writing.
    #[error(
        "{} was left in the middle of a write; LeadFactory mends it when it opens it next",
        .0.display()
    )]
    Unfinished(PathBuf),
    /// Anything else.
    #[error("{} cannot be read: {said}", path.display())]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// What SQLite says; no cause, because its own cause says the same again.
        said: rusqlite::Error,
    },
}

impl DatabaseError {
    /// Whether it may be readable a moment later.
    pub const fn is_passing(&self) -> bool {
        matches!(self, Self::Busy(_) | Self::Unfinished(_))
    }

    fn from_sqlite(path: &Path, source: rusqlite::Error) -> Self {
        let path = path.to_path_buf();
        match source.sqlite_error() {
            Some(error) => match (error.code, error.extended_code) {
                (ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked, _) => Self::Busy(path),
                // A journal or a log that only a writer could play back.
                (ErrorCode::ReadOnly, _) => Self::Unfinished(path),
                (ErrorCode::NotADatabase, _) => Self::NotSqlite(path),
                (ErrorCode::CannotOpen, _) if !path.exists() => Self::Missing(path),
                _ => Self::Sqlite { path, said: source },
            },
            None => Self::Sqlite { path, said: source },
        }
    }
}

/// How long to wait for somebody else's lock.
#[derive(Debug, Clone)]
pub struct Patience {
    /// How long in all.
    pub total: Duration,
    /// Set when the wait is to end at once.
    pub stop: Arc<AtomicBool>,
}

impl Patience {
    /// Waits no longer than `total`.
    pub fn of(total: Duration) -> Self {
        Self { total, stop: Arc::new(AtomicBool::new(false)) }
    }

    /// Runs `attempt` until it succeeds, fails for good, or patience ends; waits twice as long
    /// each time.
    pub fn retry<T>(
        &self,
        mut attempt: impl FnMut() -> Result<T, DatabaseError>,
    ) -> Result<T, DatabaseError> {
        let mut pause = Duration::from_millis(50);
        let mut waited = Duration::ZERO;
        loop {
            match attempt() {
                Err(error) if error.is_passing() && waited < self.total => {
                    if self.stop.load(Ordering::Relaxed) {
                        return Err(error);
                    }
                    std::thread::sleep(pause);
                    waited += pause + BUSY_TIMEOUT;
                    pause = (pause * 2).min(Duration::from_secs(1));
                }
                result => return result,
            }
        }
    }
}

/// A table and what we want of it.
#[derive(Debug)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// The columns that we read; the first is the id.
    pub columns: &'static [&'static str],
    /// Those of them that must be there.
    pub required: &'static [&'static str],
}

/// A value as SQLite holds it.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// Nothing.
    Null,
    /// A whole number.
    Integer(i64),
    /// A float.
    Real(f64),
    /// Text.
    Text(CompactString),
    /// Bytes, or text that is not UTF-8.
    Bytes(Vec<u8>),
}

/// One row of a [`Table`], its cells in the order of [`Table::columns`].
#[derive(Debug, Clone)]
pub struct Row {
    /// The id.
    pub id: i64,
    table: &'static Table,
    cells: Vec<Cell>,
}

impl Row {
    /// The cell of `column`.
    ///
    /// # Panics
    /// When the table was not asked for that column.
    pub fn get(&self, column: &str) -> &Cell {
        let known = self.table.columns.iter().position(|known| *known == column);
        #[allow(clippy::expect_used)]
        let at = known.expect("a reader asks for columns of its own table");
        &self.cells[at]
    }

    /// The text of `column`; numbers are written out, and nothing stays nothing.
    pub fn text(&self, column: &str) -> Option<CompactString> {
        match self.get(column) {
            Cell::Text(text) => Some(text.clone()),
            Cell::Integer(number) => Some(format_compact!("{number}")),
            Cell::Real(number) => Some(format_compact!("{number}")),
            Cell::Null | Cell::Bytes(_) => None,
        }
    }

    /// The table's name.
    pub fn table(&self) -> &'static str {
        self.table.name
    }

    /// A hash of everything we read of the row, whatever the order of its columns in the file.
    pub fn fingerprint(&self) -> CompactString {
        let mut hash = Xxh3Default::new();
        hash.update(self.table.name.as_bytes());
        let mut columns: Vec<_> = self.table.columns.iter().zip(&self.cells).collect();
        columns.sort_unstable_by_key(|(name, _)| **name);
        for (name, cell) in columns {
            let (kind, bytes) = match cell {
                // What is absent and what is empty are the same: an older file lacks the column.
                Cell::Null => continue,
                Cell::Integer(number) => (b'i', number.to_le_bytes().to_vec()),
                Cell::Real(number) => (b'r', number.to_bits().to_le_bytes().to_vec()),
                Cell::Text(text) => (b't', text.as_bytes().to_vec()),
                Cell::Bytes(bytes) => (b'b', bytes.clone()),
            };
            hash.update(&(name.len() as u64).to_le_bytes());
            hash.update(name.as_bytes());
            hash.update(&[kind]);
            hash.update(&(bytes.len() as u64).to_le_bytes());
            hash.update(&bytes);
        }
        format_compact!("{:016x}", hash.digest())
    }
}

/// Databases up to this size are gone through page by page to be checked.
const CHECKED_BYTES_MAX: u64 = 16 << 20;

/// How long a check waits for a lock.
const CHECK_PATIENCE: Duration = Duration::from_secs(2);

/// Whether the database at `path`, of which we import something, can be read: its tables are looked
/// up and its ends are read, and a small one is gone through as a whole.
pub fn check(path: &Path) -> Result<(), DatabaseError> {
    Patience::of(CHECK_PATIENCE).retry(|| {
        let reader = Reader::open(path)?;
        reader.kind()?.table().map_or(Ok(()), |table| reader.read_ends(table))?;
        reader.check_if_small()
    })
}

/// The same of a database of which we import nothing: its tables may be any.
pub fn check_other(path: &Path) -> Result<(), DatabaseError> {
    Patience::of(CHECK_PATIENCE).retry(|| {
        let reader = Reader::open(path)?;
        reader.tables()?;
        reader.check_if_small()
    })
}

/// An open database. It holds no lock between calls.
#[derive(Debug)]
pub struct Reader {
    connection: Connection,
    path: PathBuf,
}

impl Reader {
    /// Opens `path` without any right to write, and without leaving files beside it.
    pub fn open(path: &Path) -> Result<Self, DatabaseError> {
        if !path.exists() {
            return Err(DatabaseError::Missing(path.to_path_buf()));
        }
        let fail = |error| DatabaseError::from_sqlite(path, error);
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
            | OpenFlags::SQLITE_OPEN_URI
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(uri(path), flags).map_err(fail)?;
        connection.busy_timeout(BUSY_TIMEOUT).map_err(fail)?;
        Ok(Self { connection, path: path.to_path_buf() })
    }

    /// What the database holds, by its tables.
    pub fn kind(&self) -> Result<Kind, DatabaseError> {
        let tables = self.tables()?;
        let has = |table: &str| tables.iter().any(|known| known == table);
        Ok(if has("costs") {
            Kind::CostTracking(self.tracker(&tables)?)
        } else if has("gpt_usage") {
            Kind::Calls
        } else if has("purchase_metrics_raw") {
            Kind::Purchases
        } else if has("financial_transactions") {
            Kind::Finances
        } else if has("budget_limits") {
            Kind::Budgets
        } else {
            return Err(DatabaseError::NotLeadFactory(self.path.clone()));
        })
    }

    /// The script's tables differ in the name of the budgets and in the place of the batch.
    fn tracker(&self, tables: &[String]) -> Result<Tracker, DatabaseError> {
        let has = |table: &str| tables.iter().any(|known| known == table);
        let columns = self.columns("costs")?;
        let place = |name: &str| columns.iter().position(|column| column == name);
        let batch_comes_first = place("batch_id") < place("service") && place("batch_id").is_some();
        let is_script = match (has("monthly_budgets"), has("monthly_budget")) {
            (true, false) => false,
            (false, true) => true,
            _ => batch_comes_first,
        };
        Ok(if is_script { Tracker::Script } else { Tracker::Package })
    }

    /// The names of all tables.
    pub fn tables(&self) -> Result<Vec<String>, DatabaseError> {
        self.strings("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')", [])
    }

    fn columns(&self, table: &str) -> Result<Vec<String>, DatabaseError> {
        self.strings("SELECT name FROM pragma_table_info(?1)", [table])
    }

    fn strings<P: rusqlite::Params>(
        &self,
        sql: &str,
        params: P,
    ) -> Result<Vec<String>, DatabaseError> {
        let mut statement = self.connection.prepare(sql).map_err(|error| self.fail(error))?;
        let rows = statement.query_map(params, |row| row.get(0));
        rows.and_then(Iterator::collect).map_err(|error| self.fail(error))
    }

    /// The rows of `table` behind the id `after`, by id, at most `limit`.
    pub fn page(
        &self,
        table: &'static Table,
        after: i64,
        limit: usize,
    ) -> Result<Vec<Row>, DatabaseError> {
        let id = table.columns[0];
        let sql = format!(
            "SELECT * FROM {name} WHERE {id} > ?1 ORDER BY {id} LIMIT ?2",
            name = table.name,
        );
        let rows = self.rows(table, &sql, (after, i64::try_from(limit).unwrap_or(i64::MAX)))?;
        if rows.iter().any(|row| !matches!(row.cells[0], Cell::Integer(_))) {
            return Err(DatabaseError::OddIds { path: self.path.clone(), table: table.name });
        }
        Ok(rows)
    }

    /// The row of that id.
    pub fn row(&self, table: &'static Table, id: i64) -> Result<Option<Row>, DatabaseError> {
        let sql = format!("SELECT * FROM {} WHERE {} = ?1", table.name, table.columns[0]);
        Ok(self.rows(table, &sql, [id])?.pop())
    }

    /// All rows of a small table that has no id of its own; the place stands for it.
    pub fn all(&self, table: &'static Table) -> Result<Vec<Row>, DatabaseError> {
        let sql = format!("SELECT * FROM {} ORDER BY rowid", table.name);
        let mut rows = self.rows(table, &sql, [])?;
        for (place, row) in rows.iter_mut().enumerate() {
            row.id = i64::try_from(place + 1).unwrap_or(i64::MAX);
        }
        Ok(rows)
    }

    /// Reads the first row of a table and the last.
    fn read_ends(&self, table: &str) -> Result<(), DatabaseError> {
        for order in ["ASC", "DESC"] {
            let sql = format!("SELECT * FROM {table} ORDER BY rowid {order} LIMIT 1");
            let mut statement = self.connection.prepare(&sql).map_err(|error| self.fail(error))?;
            let mut rows = statement.query([]).map_err(|error| self.fail(error))?;
            rows.next().map_err(|error| self.fail(error))?;
        }
        Ok(())
    }

    fn check_if_small(&self) -> Result<(), DatabaseError> {
        let is_small = self.path.metadata().is_ok_and(|file| file.len() <= CHECKED_BYTES_MAX);
        if is_small { self.check_pages() } else { Ok(()) }
    }

    /// Goes through all pages.
    fn check_pages(&self) -> Result<(), DatabaseError> {
        let found: String = self
            .connection
            .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
            .map_err(|error| self.fail(error))?;
        if found == "ok" {
            return Ok(());
        }
        let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT);
        Err(self.fail(rusqlite::Error::SqliteFailure(code, Some(found))))
    }

    /// How many rows of `table` have an id up to `id`.
    pub fn count_to(&self, table: &'static Table, id: i64) -> Result<u64, DatabaseError> {
        let sql = format!("SELECT count(*) FROM {} WHERE {} <= ?1", table.name, table.columns[0]);
        self.connection
            .query_row(&sql, [id], |row| row.get::<_, i64>(0))
            .map(i64::unsigned_abs)
            .map_err(|error| self.fail(error))
    }

    /// The texts of `column` that lie in `[from, to)`, of rows before `id`, by id.
    pub fn texts_before(
        &self,
        table: &'static Table,
        column: &'static str,
        id: i64,
        (from, to): (&str, &str),
    ) -> Result<Vec<String>, DatabaseError> {
        let (name, by) = (table.name, table.columns[0]);
        let sql = format!(
            "SELECT {column} FROM {name}
             WHERE {by} < ?1 AND {column} >= ?2 AND {column} < ?3 ORDER BY {by}",
        );
        self.strings(&sql, (id, from, to))
    }

    fn rows<P: rusqlite::Params>(
        &self,
        table: &'static Table,
        sql: &str,
        params: P,
    ) -> Result<Vec<Row>, DatabaseError> {
        let mut statement = self.connection.prepare(sql).map_err(|error| self.fail(error))?;
        let places: Vec<Option<usize>> =
            table.columns.iter().map(|column| statement.column_index(column).ok()).collect();
        for column in table.required {
            if statement.column_index(column).is_err() {
                let path = self.path.clone();
                return Err(DatabaseError::NoSuchColumn { path, table: table.name, column });
            }
        }
        let mut found = Vec::new();
        let mut rows = statement.query(params).map_err(|error| self.fail(error))?;
        while let Some(row) = rows.next().map_err(|error| self.fail(error))? {
            let cells: Vec<Cell> = places
                .iter()
                .map(|place| match place {
                    Some(place) => row.get_ref(*place).map(Cell::from),
                    None => Ok(Cell::Null),
                })
                .collect::<Result<_, _>>()
                .map_err(|error| self.fail(error))?;
            let id = if let Cell::Integer(id) = cells[0] { id } else { 0 };
            found.push(Row { id, table, cells });
        }
        Ok(found)
    }

    fn fail(&self, error: rusqlite::Error) -> DatabaseError {
        DatabaseError::from_sqlite(&self.path, error)
    }
}

impl From<ValueRef<'_>> for Cell {
    fn from(value: ValueRef<'_>) -> Self {
        match value {
            ValueRef::Null => Self::Null,
            ValueRef::Integer(number) => Self::Integer(number),
            ValueRef::Real(number) => Self::Real(number),
            ValueRef::Text(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) => Self::Text(text.into()),
                Err(_) => Self::Bytes(bytes.to_vec()),
            },
            ValueRef::Blob(bytes) => Self::Bytes(bytes.to_vec()),
        }
    }
}

/// The path as a URI that forbids writing.
///
/// A database in WAL mode that nobody has open is read as immutable: otherwise SQLite would make
/// a `-wal` and a `-shm` file beside it.
fn uri(path: &Path) -> String {
    let mut text = String::from("file:");
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'?' | b'#' | b'%' => text.push_str(&format!("%{byte:02x}")),
            byte if byte.is_ascii() => text.push(char::from(*byte)),
            byte => text.push_str(&format!("%{byte:02x}")),
        }
    }
    text.push_str("?mode=ro");
    if in_wal_mode(path) && !beside(path, "-wal").exists() {
        text.push_str("&immutable=1");
    }
    text
}

/// Whether the file's header asks for a write-ahead log.
fn in_wal_mode(path: &Path) -> bool {
    let mut header = [0; 20];
    let read = std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut header));
    read.is_ok() && header[18] == 2
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
