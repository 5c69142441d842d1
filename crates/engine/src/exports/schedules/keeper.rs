//! The task that makes files when they are due, one after the other, and lets go of old ones.
//!
//! A file is written under a temporary name, brought to the disk, renamed, and then recorded in one
//! commit; a crash leaves a run that waits and at most a file that nobody names, which the next start
//! removes. What cannot be made says why, is told as trouble, and is tried again, later each time.

use std::collections::BTreeSet;
use std::error::Error;
use std::io::{self, Write};
use std::sync::{Arc, Weak};
use std::time::Duration;

use chrono::{DateTime, Utc};
use outlay_domain::exports::{ExportFile, ExportRun, ExportSchedule, RunState};
use outlay_store::disk::{self, NewFile, SyncedFile};
use outlay_store::{StoreError, failpoint};
use sha2::{Digest, Sha256};
use tokio::task::spawn_blocking;
use tokio::time::sleep;
use uuid::Uuid;

use super::acts::{Fail, Finish, Finished, Forget, Lose, Plan, Tidy};
use super::{
    ExportDesk, ExportTrouble, FileMaker, Piece, Pieces, Schedules, SchedulesError, Wanted, plan,
};
use crate::figure_text::day_text;
use crate::health::DiskSpace;
use crate::tasks::Task;
use crate::{Outlay, figure_text};

/// How often it is looked whether something is due.
const ROUND: Duration = Duration::from_secs(30);
/// Bytes after which it is looked again whether the disk has room.
const LOOK_BYTES: u64 = 16 << 20;

/// Makes files when they are due, as long as the folder is open.
pub async fn tend(outlay: Weak<Outlay>, maker: Arc<dyn FileMaker>, task: Arc<Task>) {
    task.beat();
    let mut is_settled = false;
    loop {
        let Some(schedules) = outlay.upgrade().map(|outlay| outlay.export_schedules()) else {
            return;
        };
        let turned = async {
            if !is_settled {
                schedules.settle().await?;
            }
            schedules.turn(&maker).await
        };
        let turned = turned.await;
        // What a failure left behind is tidied before the next turn.
        is_settled = turned.is_ok();
        match turned {
            Ok(()) => task.done(),
            Err(error) => task.failed(&error),
        }
        let desk = schedules.desk.clone();
        drop(schedules);
        tokio::select! {
            () = desk.wake.notified() => {}
            () = sleep(ROUND) => {}
        }
    }
}

/// A file that was written and has no name yet.
struct Written {
    file: SyncedFile,
    name: String,
    size_bytes: u64,
    rows: Option<u64>,
    sha256: String,
}

/// Why a file was not written.
enum Stopped {
    /// Somebody is being erased: it is begun again afterwards.
    Held,
    /// It could not be, and that is told.
    Failed(String),
}

impl From<StoreError> for Stopped {
    fn from(error: StoreError) -> Self {
        Self::Failed(with_causes(&error))
    }
}

impl Schedules {
    /// Sees to it that books and folder agree: removes files that no run names, and takes down which
    /// are not there.
    pub(super) async fn settle(&self) -> Result<(), SchedulesError> {
        let _alone = self.desk.files.lock().await;
        let there = self.sweep().await?;
        let is_lost = move |run: &ExportRun| {
            run.file.as_ref().is_some_and(|file| !there.contains(&file.name))
        };
        let lost = self.books.read(move |books| {
            let kept = books.exports().kept_runs()?;
            let lost = kept.into_iter().filter(is_lost);
            Ok(lost.filter_map(|run| Some(run.file?.name)).collect::<BTreeSet<_>>())
        });
        let lost = lost.await?;
        if !lost.is_empty() {
            tracing::warn!(
                files = lost.len(),
                "exports are not in the data folder; a backup holds none"
            );
            self.journal.act(Lose { files: lost }).await?;
        }
        Ok(())
    }

    /// Removes files that no run names; answers which are left.
    async fn sweep(&self) -> Result<BTreeSet<String>, StoreError> {
        let folder = self.desk.folder.clone();
        self.books
            .read(move |books| {
                let kept = books.exports().kept_runs()?.into_iter();
                let named: BTreeSet<String> = kept.filter_map(|run| Some(run.file?.name)).collect();
                disk::create_folder(&folder)?;
                disk::remove_orphans(&folder, |name| named.contains(name))?;
                Ok(named.into_iter().filter(|name| folder.join(name).is_file()).collect())
            })
            .await
    }

    /// Has no file name a person any more on whose `days` something was used for them. What may name
    /// them goes at once, and is made again when nothing is held any more.
    pub(crate) async fn forget(
        &self,
        subject: &str,
        days: BTreeSet<i64>,
    ) -> Result<(), crate::journal::AcceptError> {
        let _alone = self.desk.files.lock().await;
        let now = self.clock.now();
        self.journal.act(Forget { subject: subject.to_owned(), days, now }).await?;
        self.sweep().await.map_err(Arc::new)?;
        Ok(())
    }

    /// Does all that is to be done now.
    pub(super) async fn turn(&self, maker: &Arc<dyn FileMaker>) -> Result<(), SchedulesError> {
        let now = self.clock.now();
        self.plan(now).await?;
        self.tidy().await?;
        while let Some((run, schedule)) = self.next_open(now).await? {
            self.make(run, schedule, maker).await?;
            self.tidy().await?;
        }
        self.note_trouble().await?;
        Ok(())
    }

    async fn plan(&self, now: DateTime<Utc>) -> Result<(), SchedulesError> {
        let is_due = self.books.read(move |books| Ok(!plan::due(books, now)?.is_empty())).await?;
        if is_due {
            self.journal.act(Plan { now }).await?;
        }
        Ok(())
    }

    /// Lets go of what need not be kept. Where the clock is not to be believed nothing goes: what it
    /// has made seem due would push out what people want to keep.
    async fn tidy(&self) -> Result<(), SchedulesError> {
        if self.known_time.now().ahead.is_some() {
            return Ok(());
        }
        let kept_bytes = self.desk.limits.kept_bytes;
        let now = self.clock.now();
        let is_any =
            self.books.read(move |books| Ok(!plan::to_let_go(books, kept_bytes, now)?.is_empty()));
        if is_any.await? {
            let files = self.journal.act(Tidy { kept_bytes, now }).await?;
            self.desk.remove_files(&files);
        }
        Ok(())
    }

    /// The run that is to be tried first of those that are to be tried now.
    async fn next_open(
        &self,
        now: DateTime<Utc>,
    ) -> Result<Option<(ExportRun, ExportSchedule)>, StoreError> {
        if self.desk.is_held() {
            return Ok(None);
        }
        self.books
            .read(move |books| {
                for run in books.exports().open_runs()? {
                    let Some(schedule) = books.exports().schedule(run.schedule)? else { continue };
                    let is_wanted = schedule.draft.enabled || run.asked_by.is_some();
                    if is_wanted && run.next_try_at <= now {
                        return Ok(Some((run, schedule)));
                    }
                }
                Ok(None)
            })
            .await
    }

    async fn make(
        &self,
        run: ExportRun,
        schedule: ExportSchedule,
        maker: &Arc<dyn FileMaker>,
    ) -> Result<(), SchedulesError> {
        let _making = Making::of(&self.desk, run.id);
        let wanted = Wanted { draft: schedule.draft.clone(), period: run.period };
        let stopped = match self.write(wanted, maker).await {
            Ok(written) => match self.record(written, &run, &schedule).await? {
                Ok(()) => return Ok(()),
                Err(stopped) => stopped,
            },
            Err(stopped) => stopped,
        };
        let Stopped::Failed(reason) = stopped else { return Ok(()) };
        tracing::warn!(
            schedule = %schedule.id, period = %run.period.first, reason,
            "an export could not be made and will be tried again"
        );
        let (run, generation, now) = (run.id, run.generation, self.clock.now());
        self.journal.act(Fail { run, generation, reason, now }).await
    }

    /// Writes a file, away from the threads that answer everybody.
    async fn write(&self, wanted: Wanted, maker: &Arc<dyn FileMaker>) -> Result<Written, Stopped> {
        let desk = self.desk.clone();
        desk.has_room()?;
        let name = unique_name(&wanted);
        let pieces = maker.make(wanted).await.map_err(Stopped::Failed)?;
        match spawn_blocking(move || desk.write_file(name, pieces)).await {
            Ok(written) => written,
            Err(error) => Err(Stopped::Failed(with_causes(&error))),
        }
    }

    /// Gives the file its name, and takes it down.
    async fn record(
        &self,
        written: Written,
        run: &ExportRun,
        schedule: &ExportSchedule,
    ) -> Result<Result<(), Stopped>, SchedulesError> {
        let Written { file, name, size_bytes, rows, sha256 } = written;
        let _alone = self.desk.files.lock().await;
        if self.desk.is_held() {
            return Ok(Err(Stopped::Held));
        }
        match spawn_blocking(move || file.publish()).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => return Ok(Err(error.into())),
            Err(error) => return Ok(Err(Stopped::Failed(with_causes(&error)))),
        }
        failpoint::hit("exports.renamed");
        let file = ExportFile {
            name: name.clone(),
            size_bytes,
            rows,
            sha256,
            made_at: self.clock.now(),
            made_by: schedule.draft.clone(),
        };
        let finish = Finish { run: run.id, generation: run.generation, file };
        let unused = match self.journal.act(finish).await? {
            Finished::Kept(replaced) => replaced,
            Finished::Outdated => Some(name),
        };
        failpoint::hit("exports.recorded");
        self.desk.remove_files(unused.as_slice());
        Ok(Ok(()))
    }

    /// Keeps in mind why some file could not be made, for whoever asks how the server is.
    async fn note_trouble(&self) -> Result<(), StoreError> {
        let told = self.books.read(|books| {
            for run in books.exports().open_runs()? {
                let schedule = books.exports().schedule(run.schedule)?;
                if let (RunState::Failed, Some(schedule), Some(reason)) =
                    (run.state, schedule, &run.reason)
                {
                    let (name, first) = (&schedule.draft.name, day_text(run.period.first));
                    let why = format!("the file of {first} by “{name}”: {reason}");
                    return Ok(Some(ExportTrouble { schedule: run.schedule, why }));
                }
            }
            Ok(None)
        });
        *self.desk.trouble.lock() = told.await?;
        Ok(())
    }
}

impl ExportDesk {
    /// Whether a file may be begun, or made longer.
    fn has_room(&self) -> Result<(), Stopped> {
        let least = self.limits.free_bytes;
        match DiskSpace::of(&self.folder) {
            Some(space) if space.free < least => Err(Stopped::Failed(format!(
                "the disk has {} free, and {} of it are left to events; make room",
                figure_text::bytes_text(space.free),
                figure_text::bytes_text(least)
            ))),
            _ => Ok(()),
        }
    }

    fn write_file(&self, name: String, mut pieces: Pieces) -> Result<Written, Stopped> {
        let mut file = NewFile::create(self.folder.join(&name))?;
        let mut hash = Sha256::new();
        let (mut size_bytes, mut looked_at) = (0, 0);
        let rows = loop {
            if self.is_held() {
                return Err(Stopped::Held);
            }
            let bytes = match pieces.blocking_recv() {
                Some(Ok(Piece::Bytes(bytes))) => bytes,
                Some(Ok(Piece::End { rows })) => break rows,
                Some(Err(error)) => return Err(Stopped::Failed(with_causes(&error))),
                None => {
                    let told = "the making ended in the middle; the log says why";
                    return Err(Stopped::Failed(told.to_owned()));
                }
            };
            size_bytes += bytes.len() as u64;
            self.is_small_enough(size_bytes)?;
            if size_bytes - looked_at >= LOOK_BYTES {
                self.has_room()?;
                looked_at = size_bytes;
            }
            hash.update(&bytes);
            file.write_all(&bytes).map_err(|error| Stopped::Failed(of_writing(&error)))?;
        };
        let file = file.sync()?;
        failpoint::hit("exports.written");
        let sha256 = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Written { file, name, size_bytes, rows, sha256 })
    }

    fn is_small_enough(&self, size_bytes: u64) -> Result<(), Stopped> {
        let most = self.limits.kept_bytes;
        if size_bytes <= most {
            return Ok(());
        }
        Err(Stopped::Failed(format!(
            "the file alone is larger than all of them may be, {}; filter it, or allow more with \
             `exports.kept_bytes`",
            figure_text::bytes_text(most)
        )))
    }
}

/// What is being made, until this is dropped.
struct Making<'a>(&'a ExportDesk);

impl<'a> Making<'a> {
    fn of(desk: &'a ExportDesk, run: Uuid) -> Self {
        *desk.making.lock() = Some(run);
        Self(desk)
    }
}

impl Drop for Making<'_> {
    fn drop(&mut self) {
        *self.0.making.lock() = None;
    }
}

/// A name that no other file has, so that an old one stays until the new one is recorded.
fn unique_name(wanted: &Wanted) -> String {
    let export = wanted.draft.export;
    let unique = Uuid::now_v7().simple().to_string();
    format!("{}_{}_{unique}.{}", export.kind(), wanted.period.first, export.ending())
}

fn of_writing(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            format!("the disk is full ({error}); make room")
        }
        _ => format!("the file could not be written: {error}"),
    }
}

/// An error with all that caused it.
fn with_causes(error: &(dyn Error + 'static)) -> String {
    let mut told = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        told = format!("{told}: {error}");
        cause = error.source();
    }
    told
}
