//! Files that are made by themselves, when a day, a week or a month has ended.
//!
//! A schedule says what is written and when; of each period that ended there is one run, and of each run
//! one file at most, which lies in the folder `exports` of the data folder. What was due while the server
//! was down is made when it is up again, the newest periods first to be kept. How a file is made is the
//! business of a [`FileMaker`]; that it is whole, recorded once, bounded and removed in time is that of the
//! task in `keeper`.

mod acts;
mod keeper;
mod plan;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, NaiveDate, Utc};
use compact_str::CompactString;
use outlay_domain::exports::{ExportRun, ExportSchedule, Period, ScheduleDraft, ScheduleError};
use outlay_domain::people::{Act, Caller, Denied};
use outlay_store::{Books, StoreError};
use parking_lot::Mutex;
use thiserror::Error;
use tokio::sync::{Notify, mpsc};
use uuid::Uuid;

use crate::journal::{AcceptError, Journal};
use crate::known_time::KnownTime;
use crate::{Clock, Outlay};

pub use keeper::tend;

/// Where the files are, in the data folder.
pub const EXPORTS_FOLDER: &str = "exports";
/// Schedules that there may be.
pub const SCHEDULES_MAX: usize = 100;
/// Periods of a schedule that are told of, at most.
pub const RUNS_SHOWN_MAX: u32 = 400;

/// How much room kept files may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExportLimits {
    /// Bytes of all of them together.
    pub kept_bytes: u64,
    /// Bytes that they leave free on the disk, which are for events.
    pub free_bytes: u64,
}

impl Default for ExportLimits {
    fn default() -> Self {
        Self { kept_bytes: 10 << 30, free_bytes: 1 << 30 }
    }
}

/// What is to be written into a file.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// What the schedule says.
    pub draft: ScheduleDraft,
    /// Of which time.
    pub period: Period,
}

/// A part of a file, in order.
#[derive(Debug)]
pub enum Piece {
    /// Some of its bytes.
    Bytes(Bytes),
    /// There are no more; it has so many rows, where it is a table. Without this it is not whole.
    End {
        /// How many.
        rows: Option<u64>,
    },
}

/// What comes of a file while it is made; dropped, it is made no further.
pub type Pieces = mpsc::Receiver<io::Result<Piece>>;

/// Whoever knows how files are written.
#[async_trait]
pub trait FileMaker: Send + Sync + 'static {
    /// Begins to make a file; says in words why not.
    async fn make(&self, wanted: Wanted) -> Result<Pieces, String>;
}

/// What the data folder's process knows of files besides the books.
pub struct ExportDesk {
    folder: PathBuf,
    limits: ExportLimits,
    /// Held by whoever gives files their names or takes them away.
    files: tokio::sync::Mutex<()>,
    /// Told when there may be something to make.
    wake: Notify,
    /// What is being made.
    making: Mutex<Option<Uuid>>,
    /// Erasures that go on: nothing is made meanwhile.
    erasures: AtomicUsize,
    /// Why some file could not be made.
    trouble: Mutex<Option<ExportTrouble>>,
}

/// A file that could not be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportTrouble {
    /// Whose file it is.
    pub schedule: Uuid,
    /// Which file, and why.
    pub why: String,
}

/// Nothing is made while somebody holds this.
pub struct Held(Arc<ExportDesk>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.erasures.fetch_sub(1, Ordering::SeqCst);
        self.0.wake.notify_one();
    }
}

impl ExportDesk {
    /// The desk of a data folder.
    pub fn new(data_dir: &Path, limits: ExportLimits) -> Arc<Self> {
        Arc::new(Self {
            folder: data_dir.join(EXPORTS_FOLDER),
            limits,
            files: tokio::sync::Mutex::default(),
            wake: Notify::new(),
            making: Mutex::default(),
            erasures: AtomicUsize::new(0),
            trouble: Mutex::default(),
        })
    }

    /// Has nothing made for a while, also what is being made now.
    pub(crate) fn hold(self: &Arc<Self>) -> Held {
        self.erasures.fetch_add(1, Ordering::SeqCst);
        Held(self.clone())
    }

    fn is_held(&self) -> bool {
        self.erasures.load(Ordering::SeqCst) > 0
    }

    /// Why some file could not be made, while that is so.
    pub fn trouble(&self) -> Option<ExportTrouble> {
        self.trouble.lock().clone()
    }

    /// Removes files that no run names any more. One that stays behind goes at the next start.
    pub(crate) fn remove_files(&self, names: &[String]) {
        for name in names {
            let path = self.folder.join(name);
            match std::fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    tracing::warn!(file = name, %error, "an export could not be removed; the next start tries again");
                }
                _ => {}
            }
        }
    }
}

/// Where schedules and their files are; cheap to clone.
#[derive(Clone)]
pub struct Schedules {
    books: Arc<Books>,
    journal: Arc<Journal>,
    clock: Arc<dyn Clock>,
    known_time: Arc<KnownTime>,
    desk: Arc<ExportDesk>,
}

/// A schedule, and how it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The schedule.
    pub schedule: ExportSchedule,
    /// When a file is due next, and of which period; nothing while it is switched off.
    pub next: Option<Period>,
    /// Its newest period of which something is known.
    pub last: Option<Told>,
    /// How many files are kept.
    pub files: usize,
    /// How many bytes they have.
    pub size_bytes: u64,
}

/// A run, and whether its file is being made at this moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The run.
    pub run: ExportRun,
    /// Whether it is.
    pub is_running: bool,
}

/// A file that is kept, opened.
#[derive(Debug)]
pub struct OpenFile {
    /// Its bytes.
    pub file: File,
    /// How many.
    pub size_bytes: u64,
    /// What it is called where people save it.
    pub name: String,
    /// What its name ends with.
    pub ending: &'static str,
    /// SHA-256 of its bytes.
    pub sha256: String,
}

/// Why something was not done with schedules.
#[derive(Debug, Error)]
pub enum SchedulesError {
    /// It cannot be.
    #[error(transparent)]
    Schedule(#[from] ScheduleError),
    /// The caller may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// There is none of that id.
    #[error("there is no export schedule `{0}`")]
    Unknown(Uuid),
    /// It has no run of that id.
    #[error("the schedule has no run `{0}`")]
    UnknownRun(Uuid),
    /// There is no file of it.
    #[error("there is no file of {0}")]
    NoFile(NaiveDate),
    /// The file is not in its folder.
    #[error("the file of {0} is not in the data folder; a backup holds no exports")]
    Missing(NaiveDate),
    /// Another one has that id.
    #[error("there is another export schedule `{0}`")]
    Taken(Uuid),
    /// There is another one of that name.
    #[error("there is another export schedule called `{0}`")]
    SameName(CompactString),
    /// There are as many as there may be.
    #[error("there are {SCHEDULES_MAX} export schedules, the most there may be")]
    TooMany,
    /// No period of it begins on that day and is over.
    #[error("no period of the schedule begins on {0} and is over")]
    NoPeriod(NaiveDate),
    /// The books could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What was to be written was not taken into a commit.
    #[error(transparent)]
    NotTaken(#[from] AcceptError),
}

impl Outlay {
    /// Where export schedules are.
    pub fn export_schedules(&self) -> Schedules {
        Schedules {
            books: self.books.clone(),
            journal: self.journal.clone(),
            clock: self.clock.clone(),
            known_time: self.known_time.clone(),
            desk: self.exports.clone(),
        }
    }
}

impl Schedules {
    /// Every schedule by name, with how it stands. For admins.
    pub async fn all(&self, caller: &Caller) -> Result<Vec<Standing>, SchedulesError> {
        caller.may(Act::Administer)?;
        let (now, making) = (self.clock.now(), *self.desk.making.lock());
        let standings = self.books.read(move |books| {
            let mut schedules = books.exports().schedules()?;
            schedules.sort_by(|a, b| (&a.draft.name, a.id).cmp(&(&b.draft.name, b.id)));
            let runs = books.exports().all_runs()?;
            let standing = |schedule| Standing::new(schedule, &runs, now, making);
            Ok(schedules.into_iter().map(standing).collect())
        });
        Ok(standings.await?)
    }

    /// The schedule of that id, with how it stands. For admins.
    pub async fn one(&self, id: Uuid, caller: &Caller) -> Result<Standing, SchedulesError> {
        caller.may(Act::Administer)?;
        let (now, making) = (self.clock.now(), *self.desk.making.lock());
        let found = self.books.read(move |books| {
            let Some(schedule) = books.exports().schedule(id)? else { return Ok(None) };
            let runs = books.exports().runs(id, u32::MAX)?;
            Ok(Some(Standing::new(schedule, &runs, now, making)))
        });
        found.await?.ok_or(SchedulesError::Unknown(id))
    }

    /// Keeps a new schedule under `id`. The same one sent again is kept once.
    pub async fn create(
        &self,
        id: Uuid,
        draft: ScheduleDraft,
        caller: &Caller,
    ) -> Result<Standing, SchedulesError> {
        caller.may(Act::Administer)?;
        self.journal.act(acts::Create { id, draft, caller: caller.clone() }).await?;
        self.one(id, caller).await
    }

    /// Lets the schedule of that id say `draft` from now on. What came due before is not made up for by
    /// a calendar that it did not have then.
    pub async fn replace(
        &self,
        id: Uuid,
        draft: ScheduleDraft,
        caller: &Caller,
    ) -> Result<Standing, SchedulesError> {
        caller.may(Act::Administer)?;
        self.journal.act(acts::Replace { id, draft, caller: caller.clone() }).await?;
        self.desk.wake.notify_one();
        self.one(id, caller).await
    }

    /// Removes the schedule of that id and its files.
    pub async fn remove(&self, id: Uuid, caller: &Caller) -> Result<(), SchedulesError> {
        caller.may(Act::Administer)?;
        let files = self.journal.act(acts::Remove { id, caller: caller.clone() }).await?;
        self.desk.remove_files(&files);
        Ok(())
    }

    /// The newest periods of a schedule, the newest first.
    pub async fn runs(
        &self,
        id: Uuid,
        limit: u32,
        caller: &Caller,
    ) -> Result<Vec<Told>, SchedulesError> {
        caller.may(Act::Administer)?;
        let making = *self.desk.making.lock();
        let found = self.books.read(move |books| {
            let known = books.exports().schedule(id)?;
            known.map(|_| books.exports().runs(id, limit)).transpose()
        });
        let runs = found.await?.ok_or(SchedulesError::Unknown(id))?;
        Ok(runs.into_iter().map(|run| Told::new(run, making)).collect())
    }

    /// Has the file of a period made now: of the one that begins with `first`, or of the last that is
    /// over. One that is there already stays until the new one is; one that is being made is made once.
    pub async fn run_now(
        &self,
        id: Uuid,
        first: Option<NaiveDate>,
        caller: &Caller,
    ) -> Result<Told, SchedulesError> {
        caller.may(Act::Administer)?;
        let ask = acts::Ask { schedule: id, first, run: Uuid::now_v7(), caller: caller.clone() };
        let run = self.journal.act(ask).await?;
        self.desk.wake.notify_one();
        Ok(Told::new(run, *self.desk.making.lock()))
    }

    /// Removes the file of a run, or gives up making it.
    pub async fn let_go(
        &self,
        schedule: Uuid,
        run: Uuid,
        caller: &Caller,
    ) -> Result<(), SchedulesError> {
        caller.may(Act::Administer)?;
        let file = self.journal.act(acts::LetGo { schedule, run, caller: caller.clone() }).await?;
        self.desk.remove_files(file.as_slice());
        Ok(())
    }

    /// Opens the file of a run, to be read.
    pub async fn open(
        &self,
        schedule: Uuid,
        run: Uuid,
        caller: &Caller,
    ) -> Result<OpenFile, SchedulesError> {
        caller.may(Act::Administer)?;
        let folder = self.desk.folder.clone();
        let opened = self.books.read(move |books| {
            let found = books.exports().run(run)?.filter(|run| run.schedule == schedule);
            let Some(run) = found else { return Ok(Err(SchedulesError::UnknownRun(run))) };
            let first = run.period.first;
            let Some(kept) = run.file else { return Ok(Err(SchedulesError::NoFile(first))) };
            let path = folder.join(&kept.name);
            match File::open(&path) {
                Ok(file) => Ok(Ok(OpenFile {
                    file,
                    size_bytes: kept.size_bytes,
                    name: outlay_domain::exports::file_name(&kept.made_by, first),
                    ending: kept.made_by.export.ending(),
                    sha256: kept.sha256,
                })),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    Ok(Err(SchedulesError::Missing(first)))
                }
                Err(error) => Err(StoreError::file(path)(error)),
            }
        });
        opened.await?
    }
}

impl Standing {
    fn new(
        schedule: ExportSchedule,
        runs: &[ExportRun],
        now: DateTime<Utc>,
        making: Option<Uuid>,
    ) -> Self {
        let own = || runs.iter().filter(|run| run.schedule == schedule.id);
        let last = own().max_by_key(|run| (run.period.to, run.id)).cloned();
        let files = own().filter_map(|run| run.file.as_ref());
        let (files, size_bytes) =
            files.fold((0, 0), |(count, bytes), file| (count + 1, bytes + file.size_bytes));
        let next = schedule.draft.enabled.then(|| schedule.draft.calendar.next(now)).flatten();
        Self { schedule, next, last: last.map(|run| Told::new(run, making)), files, size_bytes }
    }
}

impl Told {
    fn new(run: ExportRun, making: Option<Uuid>) -> Self {
        Self { is_running: making == Some(run.id), run }
    }
}
