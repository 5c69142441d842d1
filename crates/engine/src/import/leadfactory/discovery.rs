//! Finds LeadFactory's databases by file, by folder, or by its environment variables.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::database::{Database, DatabaseError, Kind, Patience, Reader};

/// Folders below LeadFactory's own in which its programs keep databases.
const FOLDERS: [&str; 3] = ["", "data", "leadfactory/data"];
/// Names of the databases that are imported.
const NAMES: [&str; 5] = [
    "cost_tracking.db",
    "gpt_usage.db",
    "purchase_metrics.db",
    "financial_tracking.db",
    "budget_config.db",
];
/// Names of the databases beside them that hold no usage.
const OTHER_NAMES: [&str; 6] = [
    "ab_tests.db",
    "conversion_tracking.db",
    "cost_aggregation.db",
    "payments.db",
    "test_metrics.db",
    "warmup_scheduler.db",
];
/// Variables that name a database.
pub const VARIABLES: [&str; 5] = [
    "COST_TRACKING_DB_PATH",
    "GPT_USAGE_DB_PATH",
    "PURCHASE_METRICS_DB_PATH",
    "FINANCIAL_TRACKING_DB_PATH",
    "BUDGET_DB_PATH",
];
/// Where the tracker of calls keeps its database, below the home folder.
const CALLS_AT_HOME: &str = ".leadfactory/gpt_usage.db";

/// The surroundings in which databases are looked for.
pub struct Surroundings<'a> {
    /// Environment variables.
    pub variable: &'a dyn Fn(&str) -> Option<OsString>,
    /// The home folder.
    pub home: Option<PathBuf>,
    /// The folder that is searched where nothing is named.
    pub here: PathBuf,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Found {
    /// The databases, each once.
    pub databases: Vec<Database>,
    /// Files that bear the right name and cannot be imported, with the reason.
    pub skipped: Vec<(PathBuf, DatabaseError)>,
    /// Databases of LeadFactory's that hold no usage, and are not imported.
    pub others: Vec<PathBuf>,
}

/// Why nothing can be imported.
#[derive(Debug, Error)]
pub enum DiscoveryError {
    /// A named file cannot be read.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// There is no database.
    #[error(
        "no LeadFactory database found in {}; looked for {} there, in data/ and in \
         leadfactory/data/, and none of {} is set",
        looked_in.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", "),
        NAMES.join(", "),
        VARIABLES.join(", "),
    )]
    Nothing {
        /// The folders.
        looked_in: Vec<PathBuf>,
    },
    /// Two files hold calls, and a call could not be told to belong to one.
    #[error("{} and {} both hold calls: import them one after the other", .0.display(), .1.display())]
    TwoOfCalls(PathBuf, PathBuf),
}

/// Finds the databases at `paths`; where none is given, those of the variables, or else those
/// below the folder we are in.
pub fn discover(
    paths: &[PathBuf],
    surroundings: &Surroundings<'_>,
    patience: &Patience,
) -> Result<Found, DiscoveryError> {
    let mut found = Found::default();
    let mut looked_in = Vec::new();
    let named: Vec<PathBuf> = match paths {
        [] => VARIABLES
            .iter()
            .filter_map(|name| (surroundings.variable)(name))
            .filter(|path| !path.is_empty())
            .map(PathBuf::from)
            .collect(),
        paths => paths.to_vec(),
    };
    let named = if named.is_empty() { vec![surroundings.here.clone()] } else { named };
    let mut searched_folder = paths.is_empty();
    for path in named {
        if path.is_dir() {
            searched_folder = true;
            found.search(&path, patience);
            looked_in.push(path);
        } else {
            found.add(Database { kind: kind(&path, patience)?, path });
        }
    }
    if searched_folder
        && !found.databases.is_empty()
        && found.calls().next().is_none()
        && let Some(home) = &surroundings.home
    {
        found.try_file(home.join(CALLS_AT_HOME), patience);
    }
    if found.databases.is_empty() {
        return match found.skipped.into_iter().next() {
            Some((_, error)) => Err(error.into()),
            None => Err(DiscoveryError::Nothing { looked_in }),
        };
    }
    let calls: Vec<_> = found.calls().map(|database| database.path.clone()).collect();
    if let [first, second, ..] = calls.as_slice() {
        return Err(DiscoveryError::TwoOfCalls(first.clone(), second.clone()));
    }
    Ok(found)
}

impl Found {
    fn calls(&self) -> impl Iterator<Item = &Database> {
        self.databases.iter().filter(|database| database.kind == Kind::Calls)
    }

    fn search(&mut self, folder: &Path, patience: &Patience) {
        for below in FOLDERS {
            for name in NAMES {
                self.try_file(folder.join(below).join(name), patience);
            }
            let others = OTHER_NAMES.iter().map(|name| folder.join(below).join(name));
            self.others.extend(others.filter(|path| path.is_file()));
        }
    }

    fn try_file(&mut self, path: PathBuf, patience: &Patience) {
        if !path.is_file() {
            return;
        }
        match kind(&path, patience) {
            Ok(kind) => self.add(Database { path, kind }),
            Err(error) => self.skipped.push((path, error)),
        }
    }

    fn add(&mut self, database: Database) {
        let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
        let is_known = self.databases.iter().any(|known| real(&known.path) == real(&database.path));
        if !is_known {
            self.databases.push(database);
        }
    }
}

fn kind(path: &Path, patience: &Patience) -> Result<Kind, DatabaseError> {
    patience.retry(|| Reader::open(path)?.kind())
}
