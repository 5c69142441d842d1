#![doc = include_str!("README.md")]

mod columns;
mod compact;
mod find;
mod flush;
mod order;
mod output;
pub mod question;
mod rewrite;
pub mod rollup;
pub mod schema;
mod segment;
pub mod sql;
mod tail;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
mod verify;
mod write;

use std::collections::{BTreeSet, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use datafusion::arrow::array::RecordBatch;
use outlay_domain::usage::Fact;
use parking_lot::{Condvar, Mutex};

pub use schema::check_columns as check_facts;
pub use segment::Segment;
use segment::check_size;
pub(crate) use segment::file_names;
use tail::{CHUNK_ROWS, Chunk, Tail};
pub use verify::Verified;
use write::Shelf;

use crate::sqlite::manifest::SegmentRow;
use crate::{Books, StoreError, View, disk};

/// The folder of the segments, in the data folder.
pub const FOLDER: &str = "history";

/// How the history is laid out.
#[derive(Debug, Clone)]
pub struct HistoryOptions {
    /// Rows of a segment that is full. At least half of it when it ends with a day.
    pub segment_rows: u64,
    /// Rows of a row group, or up to half as many more where the rest would be a crumb.
    pub row_group_rows: usize,
    /// Bytes of text with which a row group ends, however few its rows are. It bounds the memory of
    /// whoever writes or reads one.
    pub row_group_bytes: usize,
    /// Bytes on the disk with which a segment is full, however few its rows are.
    pub segment_bytes: u64,
    /// How many segments of about one size are merged.
    pub fan_out: usize,
    /// Bytes of facts that one flush writes to a segment, about.
    pub flush_bytes: usize,
    /// Rows of the tail beyond which there is no room; see [`History::wait_for_room`].
    pub tail_rows_max: usize,
    /// Bytes of the tail's facts beyond which there is no room.
    pub tail_bytes_max: usize,
}

impl Default for HistoryOptions {
    fn default() -> Self {
        Self {
            segment_rows: 8 << 20,
            row_group_rows: 1 << 18,
            row_group_bytes: 64 << 20,
            segment_bytes: 4 << 30,
            fan_out: 8,
            flush_bytes: 256 << 20,
            tail_rows_max: 1 << 19,
            tail_bytes_max: 1 << 29,
        }
    }
}

/// Every fact, as a tail in memory and segments on disk.
pub struct History {
    books: Arc<Books>,
    options: HistoryOptions,
    shelf: Shelf,
    state: Mutex<State>,
    /// Held by the one flush.
    flushing: Mutex<()>,
    /// Told when a flush has shortened the tail.
    flushed: Condvar,
    /// Held while segments are replaced by others.
    replacing: Mutex<()>,
    /// Segments with the names of people who were erased, until nobody holds them.
    erased: Mutex<Vec<PathBuf>>,
    /// Whether long work is to be given up.
    is_stopping: AtomicBool,
    /// Takes full chunks to the thread that makes columns of them.
    full_chunks: SyncSender<Arc<Chunk>>,
}

struct State {
    tail: Tail,
    segments: Arc<[Arc<Segment>]>,
    /// What [`History::snapshot`] answers until something changes.
    snapshot: Option<Snapshot>,
}

/// The history at one moment. Holding it keeps its files.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The facts that are in no segment, in columns.
    pub tail: Arc<[RecordBatch]>,
    /// The segments, by the time of their first event.
    pub segments: Arc<[Arc<Segment>]>,
}

impl Snapshot {
    /// No tail, and these segments.
    pub fn of(segments: Arc<[Arc<Segment>]>) -> Self {
        Self { tail: Arc::default(), segments }
    }

    /// Adds facts that are in none of its segments.
    pub fn add(&mut self, facts: &[Fact]) -> Result<(), StoreError> {
        let more: Vec<_> =
            facts.chunks(CHUNK_ROWS).map(schema::to_columns).collect::<Result<_, _>>()?;
        self.tail = self.tail.iter().cloned().chain(more).collect();
        Ok(())
    }
}

/// What the history takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HistoryFigures {
    /// Facts in the tail.
    pub tail_rows: u64,
    /// Bytes of those, as they came.
    pub tail_bytes: u64,
    /// Facts in segments.
    pub segment_rows: u64,
    /// Segments.
    pub segments: usize,
    /// Bytes of the segments' files, roll-ups included.
    pub disk_bytes: u64,
    /// Bytes of the roll-ups alone.
    pub rollup_bytes: u64,
    /// When the oldest and the newest fact in a segment occurred, in microseconds since 1970.
    pub occurred_us: Option<(i64, i64)>,
}

impl History {
    /// Opens the history in `data_dir`, as `books` list it, and removes files that they do not.
    ///
    /// Commits that are in the usage log only must be appended again by the caller. No segment is
    /// read: one that is missing or has another size is an error of whoever reads it, and of
    /// [`Verified::of`].
    pub fn open(
        data_dir: &Path,
        books: Arc<Books>,
        options: HistoryOptions,
    ) -> Result<Self, StoreError> {
        let folder = data_dir.join(FOLDER);
        disk::create_folder(&folder)?;
        let (rows, last_segment_id) = books.read_blocking(|books| {
            Ok((books.manifest().segments()?, books.manifest().last_segment_id()?))
        })?;
        let known: HashSet<String> =
            rows.iter().flat_map(|row| file_names(row.segment_id)).collect();
        let orphans = disk::remove_orphans(&folder, |name| known.contains(name))?;
        if orphans > 0 {
            tracing::info!(
                files = orphans,
                "removed files that the last run had not finished or not removed"
            );
        }
        let segments: Arc<[_]> =
            rows.into_iter().map(|row| Arc::new(Segment::new(&folder, row))).collect();
        for segment in &*segments {
            warn_of_wrong_size(segment);
        }
        Ok(Self {
            books,
            options,
            shelf: Shelf::new(folder, last_segment_id),
            state: Mutex::new(State { tail: Tail::default(), segments, snapshot: None }),
            flushing: Mutex::new(()),
            flushed: Condvar::new(),
            replacing: Mutex::new(()),
            erased: Mutex::default(),
            is_stopping: AtomicBool::new(false),
            full_chunks: start_columns_thread(),
        })
    }

    /// Adds a committed commit of the usage log. The next snapshot has it.
    ///
    /// Commits come in order. The keys of their events must have been inserted before.
    pub fn append(&self, log_seq: i64, facts: Arc<[Fact]>) {
        if facts.is_empty() {
            return;
        }
        let full = {
            let mut state = self.state.lock();
            state.snapshot = None;
            state.tail.append(log_seq, &facts)
        };
        for chunk in full {
            if let Err(TrySendError::Full(chunk) | TrySendError::Disconnected(chunk)) =
                self.full_chunks.try_send(chunk)
            {
                // The thread cannot keep up: whoever appends is slowed down, which bounds the
                // memory.
                chunk.columns();
            }
        }
    }

    /// Waits for a flush while the tail is longer than it may be, for as long as `patience` at most.
    ///
    /// It bounds the memory when events come faster than they can be written to segments. Says
    /// whether there is room for more bytes: up to twice as many as there should be are taken in
    /// meanwhile, so that senders are slowed down before they are stopped.
    #[must_use]
    pub fn wait_for_room(&self, patience: Duration) -> bool {
        let mut state = self.state.lock();
        let is_full = |state: &mut State| {
            state.tail.rows() > self.options.tail_rows_max
                || state.tail.bytes() > self.options.tail_bytes_max
        };
        self.flushed.wait_while_for(&mut state, is_full, patience);
        state.tail.bytes() / 2 <= self.options.tail_bytes_max
    }

    /// The history as it stands.
    pub fn snapshot(&self) -> Snapshot {
        let (chunks, segments) = {
            let mut state = self.state.lock();
            if let Some(snapshot) = &state.snapshot {
                return snapshot.clone();
            }
            (state.tail.chunks(), state.segments.clone())
        };
        let tail = chunks.iter().map(|chunk| chunk.columns().clone()).collect();
        let snapshot = Snapshot { tail, segments };
        let mut state = self.state.lock();
        if is_current(&mut state, &chunks, &snapshot.segments) {
            state.snapshot = Some(snapshot.clone());
        }
        snapshot
    }

    /// Gives up merging and rewriting, now and from now on, so that the process can end.
    ///
    /// What was not finished leaves no trace.
    pub fn stop(&self) {
        self.is_stopping.store(true, Ordering::Relaxed);
    }

    fn is_stopping(&self) -> bool {
        self.is_stopping.load(Ordering::Relaxed)
    }

    /// The newest commit of the usage log that was ever appended, since the history was opened.
    pub fn last_appended(&self) -> Option<i64> {
        self.state.lock().tail.last_appended()
    }

    /// Facts that are in memory only.
    pub fn tail_rows(&self) -> usize {
        self.state.lock().tail.rows()
    }

    /// Bytes of the facts that are in memory only, as they came.
    pub fn tail_bytes(&self) -> usize {
        self.state.lock().tail.bytes()
    }

    /// What the history takes.
    pub fn figures(&self) -> HistoryFigures {
        let state = self.state.lock();
        let mut figures = HistoryFigures {
            tail_rows: state.tail.rows() as u64,
            tail_bytes: state.tail.bytes() as u64,
            segments: state.segments.len(),
            ..HistoryFigures::default()
        };
        for segment in &*state.segments {
            let row = segment.row();
            let (first, last) = (row.occurred.first_us, row.occurred.last_us);
            let known = figures.occurred_us.unwrap_or((first, last));
            figures.occurred_us = Some((known.0.min(first), known.1.max(last)));
            figures.segment_rows += row.totals.rows;
            figures.rollup_bytes += row.rollup_contents.size_bytes;
            figures.disk_bytes += row.contents.size_bytes + row.rollup_contents.size_bytes;
        }
        figures
    }

    /// Reads the books together with the segments that they name at that moment, which are kept from
    /// being removed as long as somebody holds them. Waits for whoever is about to change which they
    /// are, and holds up nobody while the books are read.
    pub fn with_books<T>(
        &self,
        read: impl FnOnce(&View<'_>, Arc<[Arc<Segment>]>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let replacing = self.replacing.lock();
        let flushing = self.flushing.lock();
        let segments = self.segments();
        self.books.read_blocking(|books| {
            // The moment begins with what is read first.
            let named = books.manifest().segments()?;
            drop((replacing, flushing));
            check_named(&named, &segments)?;
            read(books, segments)
        })
    }

    fn segments(&self) -> Arc<[Arc<Segment>]> {
        self.state.lock().segments.clone()
    }

    /// Puts segments that the books know in the place of others that they no longer know.
    fn replace(&self, old: &[Arc<Segment>], new: &[Arc<Segment>]) {
        let mut state = self.state.lock();
        state.replace(old, new);
        old.iter().for_each(|segment| segment.retire());
    }
}

impl State {
    fn replace(&mut self, old: &[Arc<Segment>], new: &[Arc<Segment>]) {
        let stays = |segment: &&Arc<Segment>| !old.iter().any(|old| Arc::ptr_eq(old, segment));
        let mut segments: Vec<_> = self.segments.iter().filter(stays).chain(new).cloned().collect();
        segments.sort_by_key(|segment| (segment.row().occurred.first_us, segment.row().segment_id));
        self.segments = segments.into();
        self.snapshot = None;
    }
}

/// Whether the books name exactly these segments.
fn check_named(named: &[SegmentRow], held: &[Arc<Segment>]) -> Result<(), StoreError> {
    let named: BTreeSet<i64> = named.iter().map(|row| row.segment_id).collect();
    let held: BTreeSet<i64> = held.iter().map(|segment| segment.row().segment_id).collect();
    if named == held {
        return Ok(());
    }
    Err(StoreError::Damaged {
        what: "the history".into(),
        how: "the running server holds other segments than its books name; restart it".into(),
    })
}

fn is_current(state: &mut State, chunks: &[Arc<Chunk>], segments: &Arc<[Arc<Segment>]>) -> bool {
    let now = state.tail.chunks();
    Arc::ptr_eq(&state.segments, segments)
        && now.len() == chunks.len()
        && now.iter().zip(chunks).all(|(now, then)| Arc::ptr_eq(now, then))
}

fn warn_of_wrong_size(segment: &Segment) {
    let row = segment.row();
    let files = [(&segment.path, row.contents), (&segment.rollup_path, row.rollup_contents)];
    for (path, contents) in files {
        if let Err(error) = check_size(path, contents) {
            tracing::error!(%error, "a segment is damaged: what it holds cannot be shown until it is restored from a backup; `outlay check` says more");
        }
    }
}

/// Full chunks become columns beside the journal, which has no time for it.
fn start_columns_thread() -> SyncSender<Arc<Chunk>> {
    let (sender, receiver) = sync_channel::<Arc<Chunk>>(4);
    std::thread::Builder::new()
        .name("columns".into())
        .spawn(move || {
            for chunk in receiver {
                // What cannot become columns ends in a panic again where the columns are needed,
                // and is told of there; this thread goes on with what can.
                let _ = catch_unwind(AssertUnwindSafe(|| chunk.columns()));
            }
        })
        .unwrap_or_else(|error| panic!("a thread cannot be started: {error}"));
    sender
}
