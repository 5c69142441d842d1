//! The process of one query.
//!
//! It binds itself before it reads the query: memory, processor time, files. When it runs out of
//! memory or of stack the system ends it, and nobody else. It ends too when the server does, or no
//! longer waits: its standard input is then at its end.

use std::io::{self, Read, Write};
use std::process::ExitCode;
use std::thread;

use rustix::process::{Resource, Rlimit, Signal, getpid, kill_process, nice, setrlimit};

use super::job::{self, Bounds};
use super::query::{self, Table};
use super::{SqlError, SqlLimits};

/// What the thread that plans a query may stack up.
const PLANNING_STACK_BYTES: usize = 64 << 20;
/// What each thread that works on one may.
const WORKING_STACK_BYTES: usize = 8 << 20;
/// Threads that read files.
const READERS: usize = 2;
/// The program itself, and what reading Parquet takes that DataFusion does not count.
const PROGRAM_BYTES: u64 = 96 << 20;
/// Open files, pipes and the runtime's own.
const FILES_MAX: u64 = 256;
/// How far it steps back behind the server.
const NICENESS: i32 = 10;

/// Settings of the allocator that go with a bound on memory: what is freed goes back at once.
pub const ALLOCATOR_SETTINGS: (&str, &str) =
    ("MALLOC_CONF", "background_thread:false,narenas:2,retain:false,dirty_decay_ms:0");

/// Answers the query that comes on standard input.
pub fn work() -> ExitCode {
    match work_on(&mut io::stdin()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn work_on(input: &mut impl Read) -> io::Result<()> {
    let bounds = job::read_bounds(input)?;
    confine(&bounds)?;
    let (query, table) = job::read_work(input)?;
    end_with_the_server()?;
    let limits = bounds.limits;
    let answer = thread::Builder::new()
        .name("sql".into())
        .stack_size(PLANNING_STACK_BYTES)
        .spawn(move || run(&query, table, limits))?
        .join()
        .unwrap_or_else(|panic| Err(query::panicked(&panic_text(&*panic), &limits)));
    let mut output = io::stdout().lock();
    job::write_answer(&answer, &mut output)?;
    output.flush()
}

/// Answers `query` on this thread and a few others.
fn run(query: &str, table: Table, limits: SqlLimits) -> Result<Vec<u8>, SqlError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(limits.threads.max(1))
        .max_blocking_threads(READERS)
        .thread_stack_size(WORKING_STACK_BYTES)
        .thread_name("sql")
        .enable_time()
        .build()
        .map_err(|_| SqlError::TooMuchMemory(limits.memory_bytes))?;
    let answer = runtime.block_on(query::answer(query, table, &limits));
    // What does not stop by itself must not be waited for.
    runtime.shutdown_background();
    answer
}

/// Lets the system hold this process to what it may use.
fn confine(bounds: &Bounds) -> io::Result<()> {
    let limits = &bounds.limits;
    let threads = limits.threads.max(1);
    let stacks = PLANNING_STACK_BYTES + (threads + READERS) * WORKING_STACK_BYTES;
    // The tail is decoded into new columns, a little larger than it was.
    let tail = bounds.tail_bytes + bounds.tail_bytes / 2;
    let memory = limits.memory_bytes as u64 + tail + stacks as u64 + PROGRAM_BYTES;
    for (resource, most) in [
        (Resource::Data, memory),
        (Resource::Core, 0),
        (Resource::Fsize, 0),
        (Resource::Nofile, FILES_MAX),
    ] {
        setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })?;
    }
    // The first says why the process ends, the second ends it in any case.
    let seconds = (limits.time.as_secs() + 1) * (threads as u64 + 1);
    setrlimit(Resource::Cpu, Rlimit { current: Some(seconds), maximum: Some(seconds + 2) })?;
    // Only a courtesy to the server: without it the other bounds hold as well.
    let _ = nice(NICENESS);
    Ok(())
}

/// Ends this process when nobody holds the other end of its standard input any more.
fn end_with_the_server() -> io::Result<()> {
    let wait = || {
        // Nothing more is ever sent.
        let _ = io::stdin().read(&mut [0]);
        let _ = kill_process(getpid(), Signal::KILL);
    };
    thread::Builder::new().name("watch".into()).spawn(wait)?;
    Ok(())
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or_default().to_owned()
}
