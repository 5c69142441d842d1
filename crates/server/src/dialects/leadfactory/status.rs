//! What the reader of LeadFactory's databases is at.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use chrono::{DateTime, Utc};
use compact_str::CompactString;
use moka::sync::Cache;
use outlay_engine::insights::{Analysis, Course};
use parking_lot::Mutex;

use crate::live::Live;
use crate::state::AppState;

/// What the reader of LeadFactory's databases is at; written by it, and read by the dialect.
#[derive(Default)]
pub struct Status {
    following: Mutex<Following>,
    live: OnceLock<Live>,
    analyses: OnceLock<Analyses>,
}

/// Analyses by the course and the days ahead.
type Analyses = Cache<(Course, usize), Option<Arc<Analysis>>>;

/// Analyses that are kept, at most.
const ANALYSES_MAX: u64 = 64;

/// The reader's state.
#[derive(Debug, Clone, Default)]
pub struct Following {
    /// Whether databases are to be followed at all.
    pub wanted: bool,
    /// The databases that were found, also those that cannot be read or hold no usage.
    pub databases: Vec<Seen>,
    /// Why there are none to follow.
    pub missing: Option<String>,
    /// When they were last read to their ends.
    pub last_sync: Option<DateTime<Utc>>,
    /// Why they were not, since then.
    pub trouble: Option<String>,
}

/// A database that was found.
#[derive(Debug, Clone)]
pub struct Seen {
    /// What LeadFactory calls it, e.g. `cost_tracking`.
    pub name: CompactString,
    /// Where it stands.
    pub path: PathBuf,
    /// Whether something is to be imported from it.
    pub is_imported: bool,
}

impl Following {
    /// Whether they are read.
    pub fn is_active(&self) -> bool {
        self.wanted && self.last_sync.is_some() && self.problem().is_none()
    }

    /// Why they are not read.
    pub fn problem(&self) -> Option<&str> {
        self.missing.as_deref().or(self.trouble.as_deref())
    }
}

impl Status {
    /// The one of this server.
    pub fn of(state: &AppState) -> Arc<Self> {
        state.kept.of()
    }

    /// What is in `course`, analysed once for as long as nothing is added to it.
    ///
    /// It is kept under all of the course, so it is never out of date; `ttl_seconds` only says how
    /// long the memory is held.
    pub fn analysis(
        &self,
        course: Course,
        horizon: usize,
        ttl_seconds: u32,
    ) -> Option<Arc<Analysis>> {
        let look = |course: &Course| Analysis::of(course, horizon).map(Arc::new);
        if ttl_seconds == 0 {
            return look(&course);
        }
        let kept = self.analyses.get_or_init(|| {
            Cache::builder()
                .max_capacity(ANALYSES_MAX)
                .time_to_live(Duration::from_secs(ttl_seconds.into()))
                .build()
        });
        kept.get_with((course.clone(), horizon), || look(&course))
    }

    /// The live updates, which all addresses share; made when they are first asked for.
    pub fn live(&self, make: impl FnOnce() -> Live) -> Live {
        self.live.get_or_init(make).clone()
    }

    /// The state now.
    pub fn read(&self) -> Following {
        self.following.lock().clone()
    }

    /// Databases are to be followed.
    pub fn want(&self) {
        self.following.lock().wanted = true;
    }

    /// These were found.
    pub fn found(&self, databases: Vec<Seen>) {
        let mut following = self.following.lock();
        following.databases = databases;
        following.missing = None;
    }

    /// None were found that could be followed.
    pub fn found_none(&self, why: String) {
        self.following.lock().missing = Some(why);
    }

    /// They were read to their ends.
    pub fn synced(&self, at: DateTime<Utc>) {
        let mut following = self.following.lock();
        following.last_sync = Some(at);
        following.trouble = None;
    }

    /// They could not be read.
    pub fn failed(&self, why: String) {
        self.following.lock().trouble = Some(why);
    }
}
