//! The newest facts, in memory: those that are in the usage log and in no segment.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use datafusion::arrow::array::RecordBatch;
use outlay_domain::usage::Fact;
use parking_lot::Mutex;

use super::schema::facts_to_columns;

/// Rows of a chunk, at least, unless it is the last or has [`CHUNK_BYTES`].
pub(super) const CHUNK_ROWS: usize = 8_192;
/// Bytes of facts with which a chunk is full, however few they are. Its texts are far below the
/// 2 GiB that a column holds, even when JSON has to escape each of their bytes.
const CHUNK_BYTES: usize = 32 << 20;

/// The tail: chunks that are full, and one that grows.
#[derive(Default)]
pub(super) struct Tail {
    /// Full chunks, oldest first. Those of a flush stay until their segment takes over.
    chunks: Vec<Arc<Chunk>>,
    open: Vec<Commit>,
    open_size: Size,
    /// What is open, as a chunk, if nothing was appended since it was asked for.
    open_chunk: Option<Arc<Chunk>>,
    size: Size,
    /// When the newest fact was received, in microseconds since 1970.
    last_received_us: i64,
    last_appended: Option<i64>,
}

/// How much there is of something.
#[derive(Debug, Clone, Copy, Default)]
struct Size {
    rows: usize,
    /// Bytes of the facts as they came.
    bytes: usize,
}

impl Size {
    const fn add(&mut self, other: Self) {
        self.rows += other.rows;
        self.bytes += other.bytes;
    }

    const fn remove(&mut self, other: Self) {
        self.rows -= other.rows;
        self.bytes -= other.bytes;
    }
}

/// One commit of the usage log, or a part of one that is too large for a chunk.
#[derive(Clone)]
struct Commit {
    log_seq: i64,
    facts: Arc<[Fact]>,
    part: Range<usize>,
}

/// Some commits, which become columns when somebody first needs them.
pub(super) struct Chunk {
    size: Size,
    log_seqs: (i64, i64),
    /// How many commits begin in it.
    log_commits: usize,
    /// Emptied once there are columns.
    commits: Mutex<Vec<Commit>>,
    columns: OnceLock<RecordBatch>,
}

impl Tail {
    /// Adds a commit. Answers the chunks that have become full.
    pub fn append(&mut self, log_seq: i64, facts: &Arc<[Fact]>) -> Vec<Arc<Chunk>> {
        self.last_appended = Some(log_seq);
        let mut whole = Size::default();
        for fact in facts.iter() {
            whole.add(Size { rows: 1, bytes: fact.size_bytes() });
            self.last_received_us = self.last_received_us.max(fact.received_at.timestamp_micros());
        }
        let mut full = Vec::new();
        if self.open_size.bytes + whole.bytes > CHUNK_BYTES {
            full.extend(self.close_chunk());
        }
        if whole.bytes <= CHUNK_BYTES {
            self.open_part(log_seq, facts, 0..facts.len(), whole);
        } else {
            self.append_parts(log_seq, facts, &mut full);
        }
        if self.open_size.rows >= CHUNK_ROWS {
            full.extend(self.close_chunk());
        }
        full
    }

    /// Adds a commit that is too large for one chunk, in chunks of its own.
    fn append_parts(&mut self, log_seq: i64, facts: &Arc<[Fact]>, full: &mut Vec<Arc<Chunk>>) {
        let mut part = Size::default();
        let mut start = 0;
        for (row, fact) in facts.iter().enumerate() {
            part.add(Size { rows: 1, bytes: fact.size_bytes() });
            if part.bytes >= CHUNK_BYTES || row + 1 == facts.len() {
                self.open_part(log_seq, facts, start..row + 1, std::mem::take(&mut part));
                full.extend(self.close_chunk());
                start = row + 1;
            }
        }
    }

    fn open_part(&mut self, log_seq: i64, facts: &Arc<[Fact]>, part: Range<usize>, size: Size) {
        self.open.push(Commit { log_seq, facts: facts.clone(), part });
        self.open_size.add(size);
        self.size.add(size);
        self.open_chunk = None;
    }

    fn close_chunk(&mut self) -> Option<Arc<Chunk>> {
        let chunk = self.open_chunk()?;
        self.open.clear();
        self.open_size = Size::default();
        self.open_chunk = None;
        self.chunks.push(chunk.clone());
        Some(chunk)
    }

    fn open_chunk(&mut self) -> Option<Arc<Chunk>> {
        let (first, last) = (self.open.first()?, self.open.last()?);
        let chunk = self.open_chunk.get_or_insert_with(|| {
            Arc::new(Chunk {
                size: self.open_size,
                log_seqs: (first.log_seq, last.log_seq),
                log_commits: self.open.iter().filter(|commit| commit.part.start == 0).count(),
                commits: Mutex::new(self.open.clone()),
                columns: OnceLock::new(),
            })
        });
        Some(chunk.clone())
    }

    /// All chunks, oldest first, as they stand.
    pub fn chunks(&mut self) -> Vec<Arc<Chunk>> {
        let open = self.open_chunk();
        self.chunks.iter().cloned().chain(open).collect()
    }

    /// The oldest chunks, none of which grows any more, up to `bytes` or a little more. Every
    /// commit is in them as a whole or not at all.
    pub fn oldest(&mut self, bytes: usize) -> Vec<Arc<Chunk>> {
        self.close_chunk();
        let mut taken: Vec<Arc<Chunk>> = Vec::new();
        let mut taken_bytes = 0;
        for chunk in &self.chunks {
            let is_enough = taken_bytes >= bytes;
            if is_enough && taken.last().is_some_and(|last| last.log_seqs.1 < chunk.log_seqs.0) {
                break;
            }
            taken_bytes += chunk.size.bytes;
            taken.push(chunk.clone());
        }
        taken
    }

    /// The newest commit.
    pub fn last_seq(&self) -> Option<i64> {
        let open = self.open.last().map(|commit| commit.log_seq);
        open.or_else(|| self.chunks.last().map(|chunk| chunk.log_seqs.1))
    }

    /// The newest commit that was ever appended.
    pub fn last_appended(&self) -> Option<i64> {
        self.last_appended
    }

    /// The oldest commit.
    pub fn first_seq(&self) -> Option<i64> {
        let closed = self.chunks.first().map(|chunk| chunk.log_seqs.0);
        closed.or_else(|| self.open.first().map(|commit| commit.log_seq))
    }

    /// When the newest fact that was ever in it was received, in microseconds since 1970.
    pub fn last_received_us(&self) -> i64 {
        self.last_received_us
    }

    /// Lets go of chunks that are in segments now.
    pub fn remove(&mut self, flushed: &[Arc<Chunk>]) {
        self.chunks.retain(|chunk| !flushed.iter().any(|flushed| Arc::ptr_eq(flushed, chunk)));
        flushed.iter().for_each(|chunk| self.size.remove(chunk.size));
    }

    pub fn rows(&self) -> usize {
        self.size.rows
    }

    /// Bytes of the facts as they came.
    pub fn bytes(&self) -> usize {
        self.size.bytes
    }
}

impl Chunk {
    /// The facts in columns.
    pub fn columns(&self) -> &RecordBatch {
        let columns = self.columns.get_or_init(|| {
            let commits = self.commits.lock().clone();
            let facts = commits.iter().flat_map(|commit| &commit.facts[commit.part.clone()]);
            facts_to_columns(facts, self.size.rows)
                .unwrap_or_else(|error| panic!("facts always fit their columns: {error}"))
        });
        // The facts take several times the memory of the columns.
        drop(std::mem::take(&mut *self.commits.lock()));
        columns
    }

    /// How many commits of the usage log begin in it.
    pub fn log_commits(&self) -> usize {
        self.log_commits
    }

    /// The first and last commit of the usage log.
    pub fn log_seqs(&self) -> (i64, i64) {
        self.log_seqs
    }
}
