//! SQL over the history, for admins.
//!
//! Each query runs in a process of its own, which cannot take more than it may, and which is ended
//! when its time is over or nobody waits for it any more.

use std::fs::File;
use std::io::{self, BufWriter};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use outlay_store::StoreError;
use outlay_store::history::sql::{SqlError, SqlLimits, job, worker};
use outlay_store::history::{History, Snapshot};
use rustix::process::Signal;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use tokio::task::{JoinHandle, spawn_blocking};

use crate::parted::Parted;

/// Queries that may wait for each one that is worked on.
const WAITING_FOR_EACH: usize = 4;
/// How long a query may wait for its turn.
const WAIT_LIMIT: Duration = Duration::from_secs(10);
/// Of what a process says on its standard error, as much as tells why it ended.
const LAST_WORDS_BYTES: u64 = 4096;
/// What an answer has around it.
const ENVELOPE_BYTES: u64 = 64 * 1024;
/// What runs is this very program, also when its file has been replaced by a newer one.
const OWN_PROGRAM: &str = "/proc/self/exe";

/// How queries are worked on.
#[derive(Debug, Clone)]
pub struct SqlOptions {
    /// How much each may use.
    pub limits: SqlLimits,
    /// How many are worked on at the same time.
    pub turns: usize,
    /// The program `outlay`.
    pub program: PathBuf,
}

impl Default for SqlOptions {
    fn default() -> Self {
        Self { limits: SqlLimits::default(), turns: 2, program: OWN_PROGRAM.into() }
    }
}

/// Answers SQL queries.
pub struct SqlDesk {
    history: Arc<History>,
    options: SqlOptions,
    /// Half of them for one caller at most, so that others are answered too; where there is one
    /// only, they wait for it.
    turns: Parted,
    /// Queries that are worked on or wait.
    places: Parted,
}

/// Why a query was not answered.
#[derive(Debug, Error)]
pub enum SqlDeskError {
    /// The query is at fault, or needs too much.
    #[error(transparent)]
    Sql(#[from] SqlError),
    /// Others were asked at the same time, or too many by the same caller.
    #[error("other queries are being worked on")]
    Busy,
    /// No process could be started.
    #[error("no process can be started for the query")]
    NotStarted(#[source] io::Error),
}

impl SqlDesk {
    /// Answers from `history`.
    pub fn new(history: Arc<History>, options: SqlOptions) -> Self {
        let turns = options.turns.max(1);
        Self {
            history,
            options,
            turns: Parted::new(turns, WAIT_LIMIT),
            places: Parted::new(turns * (1 + WAITING_FOR_EACH), WAIT_LIMIT),
        }
    }

    /// Answers the `query` of somebody with JSON: an object of `columns`, `rows` and `truncated`.
    ///
    /// The process that works on it is gone when this is answered, and ended when nobody waits for
    /// the answer any more.
    pub async fn run(&self, who: &str, query: String) -> Result<Vec<u8>, SqlDeskError> {
        let _place = self.places.take_free(who, 1).ok_or(SqlDeskError::Busy)?;
        let _turn = self.turns.take(who, 1).await.ok_or(SqlDeskError::Busy)?;
        let history = self.history.clone();
        // Held until the end, so that no file is removed while it is read.
        let snapshot =
            spawn_blocking(move || history.snapshot()).await.map_err(|error| failed(&error))?;
        self.ask(query, &snapshot).await
    }

    async fn ask(&self, query: String, snapshot: &Snapshot) -> Result<Vec<u8>, SqlDeskError> {
        let limits = self.options.limits;
        let mut worker = self.start().map_err(SqlDeskError::NotStarted)?;
        let sent =
            send(&mut worker, query, snapshot.clone(), limits).map_err(SqlDeskError::NotStarted)?;
        let heard = tokio::time::timeout(limits.time, listen(&mut worker, &limits)).await;
        let Ok(heard) = heard else {
            end(&mut worker).await;
            return Err(SqlError::TooSlow(limits.time).into());
        };
        let Heard { answer, last_words, status } = match heard {
            Ok(heard) => heard,
            Err(error) => {
                end(&mut worker).await;
                return Err(failed(&error).into());
            }
        };
        // Until here the pipe stayed open, which tells the process that somebody waits.
        drop(sent);
        match job::read_answer(&answer, &limits) {
            Some(answer) if status.success() => Ok(answer?),
            _ => Err(ended(status, &last_words, &limits).into()),
        }
    }

    fn start(&self) -> io::Result<Child> {
        let (name, value) = worker::ALLOCATOR_SETTINGS;
        Command::new(&self.options.program)
            .arg(job::COMMAND)
            .env_clear()
            .env(name, value)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
    }
}

/// Sends the query on a thread that may wait; answers what keeps the pipe open meanwhile.
fn send(
    worker: &mut Child,
    query: String,
    snapshot: Snapshot,
    limits: SqlLimits,
) -> io::Result<JoinHandle<Option<File>>> {
    let pipe = worker.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
    let mut pipe = BufWriter::new(File::from(pipe.into_owned_fd()?));
    Ok(spawn_blocking(move || {
        // A process that ends before it has read everything says why itself.
        job::send(query, &snapshot, limits, &mut pipe).ok()?;
        pipe.into_inner().ok()
    }))
}

/// What a process said until it ended.
struct Heard {
    answer: Vec<u8>,
    last_words: Vec<u8>,
    status: ExitStatus,
}

async fn listen(worker: &mut Child, limits: &SqlLimits) -> io::Result<Heard> {
    let output = worker.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
    let errors = worker.stderr.take().ok_or(io::ErrorKind::BrokenPipe)?;
    let (answer, last_words) = tokio::try_join!(
        read(output, limits.bytes as u64 + ENVELOPE_BYTES),
        read(errors, LAST_WORDS_BYTES)
    )?;
    Ok(Heard { answer, last_words, status: worker.wait().await? })
}

/// Reads to the end, and keeps the beginning.
async fn read(mut from: impl AsyncRead + Unpin, bytes_max: u64) -> io::Result<Vec<u8>> {
    let mut kept = Vec::new();
    (&mut from).take(bytes_max).read_to_end(&mut kept).await?;
    tokio::io::copy(&mut from, &mut tokio::io::sink()).await?;
    Ok(kept)
}

async fn end(worker: &mut Child) {
    if let Err(error) = worker.kill().await {
        tracing::warn!(%error, "the process of a query could not be ended");
    }
}

/// Why a process ended without an answer.
fn ended(status: ExitStatus, last_words: &[u8], limits: &SqlLimits) -> SqlError {
    let last_words = String::from_utf8_lossy(last_words);
    let signal = status.signal();
    let by = |wanted: Signal| signal == Some(wanted.as_raw());
    if last_words.contains("overflowed its stack") || by(Signal::SEGV) {
        return SqlError::TooDeep;
    }
    if by(Signal::XCPU) {
        return SqlError::TooSlow(limits.time);
    }
    // The allocator's way to say no, and the system's.
    if by(Signal::ABORT) || by(Signal::KILL) || last_words.contains("capacity overflow") {
        return SqlError::TooMuchMemory(limits.memory_bytes);
    }
    tracing::warn!(%status, "the process of a query ended without an answer");
    SqlError::Refused("the query cannot be computed".into())
}

fn failed(error: &dyn std::error::Error) -> SqlError {
    let (what, how) = ("the answer of a query".into(), error.to_string());
    SqlError::Store(StoreError::Damaged { what, how })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    use futures::FutureExt;

    use super::*;
    use crate::{FrozenClock, Options, Outlay};

    /// A program that says into a pipe that it has begun, holds the pipe open, and never ends.
    ///
    /// The pipe ends when all of them have.
    fn endless(folder: &Path) -> (PathBuf, PathBuf) {
        let (program, pipe) = (folder.join("endless"), folder.join("pipe"));
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(made.success());
        let script =
            format!("#!/bin/sh\nexec 9> '{}'\necho begun >&9\nkill -STOP $$\n", pipe.display());
        std::fs::write(&program, script).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        (program, pipe)
    }

    fn desk(folder: &Path, program: PathBuf) -> (Arc<Outlay>, Arc<SqlDesk>) {
        let options = Options { background: false, ..Options::default() };
        let clock = Arc::new(FrozenClock::at(chrono::DateTime::UNIX_EPOCH));
        let outlay = Arc::new(Outlay::open(&folder.join("data"), options, clock).unwrap());
        let limits = SqlLimits { time: Duration::from_secs(600), ..SqlLimits::default() };
        let options = SqlOptions { limits, turns: 2, program };
        let desk = Arc::new(SqlDesk::new(outlay.history.clone(), options));
        (outlay, desk)
    }

    /// Asks something that takes for ever.
    fn ask(desk: &Arc<SqlDesk>, who: &'static str) -> JoinHandle<()> {
        let desk = desk.clone();
        tokio::spawn(async move { drop(desk.run(who, "SELECT 1".into()).await) })
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn one_admin_leaves_a_turn_to_others_and_a_query_that_nobody_waits_for_is_ended() {
        let folder = tempfile::tempdir().unwrap();
        let (program, pipe) = endless(folder.path());
        let (_outlay, desk) = desk(folder.path(), program);

        let first = ask(&desk, "mallory");
        let said = spawn_blocking(move || {
            let mut said = BufReader::new(File::open(pipe).unwrap());
            let mut line = String::new();
            said.read_line(&mut line).unwrap();
            (said, line)
        });
        let (mut said, line) = said.await.unwrap();
        assert_eq!(line, "begun\n");
        {
            let mut second = std::pin::pin!(desk.run("mallory", "SELECT 2".into()));
            assert!(second.as_mut().now_or_never().is_none(), "it waits for the first");
            let other = ask(&desk, "alice");
            let told = spawn_blocking(move || {
                let mut line = String::new();
                said.read_line(&mut line).unwrap();
                (said, line)
            });
            let (rest, line) = told.await.unwrap();
            assert_eq!(line, "begun\n", "alice's has begun");
            said = rest;
            other.abort();
        }

        first.abort();

        // It ends once both processes are gone.
        let rest = spawn_blocking(move || said.lines().count()).await.unwrap();
        assert_eq!(rest, 0);
        assert_eq!(desk.turns.free(), 2);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn one_admin_who_asks_much_leaves_places_to_wait_in_to_others() {
        let folder = tempfile::tempdir().unwrap();
        let (_outlay, desk) = desk(folder.path(), OWN_PROGRAM.into());
        let places = desk.places.free();

        let of_mallory: Vec<_> =
            (0..places).filter_map(|_| desk.places.take_free("mallory", 1)).collect();

        assert_eq!(of_mallory.len(), places / 2);
        assert!(matches!(desk.run("mallory", "SELECT 1".into()).await, Err(SqlDeskError::Busy)));
        assert!(desk.places.take_free("alice", 1).is_some());
    }
}
