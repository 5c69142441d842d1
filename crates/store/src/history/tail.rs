//! The newest facts, in memory: those that are in the usage log and in no segment.

use std::sync::{Arc, OnceLock};

use datafusion::arrow::array::RecordBatch;
use outlay_domain::usage::Fact;
use parking_lot::Mutex;

use super::schema::facts_to_columns;

/// Rows of a chunk, at least, unless it is the last.
pub(super) const CHUNK_ROWS: usize = 8_192;

/// The tail: chunks that are full, and one that grows.
#[derive(Default)]
pub(super) struct Tail {
    /// Full chunks, oldest first. Those of a flush stay until their segment takes over.
    chunks: Vec<Arc<Chunk>>,
    open: Vec<Batch>,
    open_rows: usize,
    /// What is open, as a chunk, if nothing was appended since it was asked for.
    open_chunk: Option<Arc<Chunk>>,
    rows: usize,
}

/// One batch of the usage log.
#[derive(Clone)]
struct Batch {
    log_seq: i64,
    facts: Arc<[Fact]>,
}

/// Some batches, which become columns when somebody first needs them.
pub(super) struct Chunk {
    rows: usize,
    log_seqs: (i64, i64),
    /// Emptied once there are columns.
    batches: Mutex<Vec<Batch>>,
    columns: OnceLock<RecordBatch>,
}

impl Tail {
    /// Adds a batch. Answers a chunk that has become full.
    pub fn append(&mut self, log_seq: i64, facts: Arc<[Fact]>) -> Option<Arc<Chunk>> {
        self.open_rows += facts.len();
        self.rows += facts.len();
        self.open.push(Batch { log_seq, facts });
        self.open_chunk = None;
        if self.open_rows >= CHUNK_ROWS { self.close_chunk() } else { None }
    }

    fn close_chunk(&mut self) -> Option<Arc<Chunk>> {
        let chunk = self.open_chunk()?;
        self.open.clear();
        self.open_rows = 0;
        self.open_chunk = None;
        self.chunks.push(chunk.clone());
        Some(chunk)
    }

    fn open_chunk(&mut self) -> Option<Arc<Chunk>> {
        let (first, last) = (self.open.first()?, self.open.last()?);
        let chunk = self.open_chunk.get_or_insert_with(|| {
            Arc::new(Chunk {
                rows: self.open_rows,
                log_seqs: (first.log_seq, last.log_seq),
                batches: Mutex::new(self.open.clone()),
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

    /// All chunks, none of which grows any more.
    pub fn close(&mut self) -> Vec<Arc<Chunk>> {
        self.close_chunk();
        self.chunks.clone()
    }

    /// Lets go of chunks that are in segments now.
    pub fn remove(&mut self, flushed: &[Arc<Chunk>]) {
        self.chunks.retain(|chunk| !flushed.iter().any(|flushed| Arc::ptr_eq(flushed, chunk)));
        self.rows -= flushed.iter().map(|chunk| chunk.rows).sum::<usize>();
    }

    pub fn rows(&self) -> usize {
        self.rows
    }
}

impl Chunk {
    /// The facts in columns.
    pub fn columns(&self) -> &RecordBatch {
        let columns = self.columns.get_or_init(|| {
            let batches = self.batches.lock().clone();
            let facts = batches.iter().flat_map(|batch| &*batch.facts);
            facts_to_columns(facts, self.rows)
                .unwrap_or_else(|error| panic!("facts always fit their columns: {error}"))
        });
        // The facts take several times the memory of the columns.
        drop(std::mem::take(&mut *self.batches.lock()));
        columns
    }

    /// The first and last batch of the usage log.
    pub fn log_seqs(&self) -> (i64, i64) {
        self.log_seqs
    }
}
