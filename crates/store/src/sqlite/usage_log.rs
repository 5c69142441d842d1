//! The usage log: committed commits that stand between the books and the history.

use chrono::{DateTime, Utc};
use outlay_domain::usage::Fact;

use super::tx::{UsageLog, Writes};
use crate::StoreError;

/// The first byte of a body: how the rest is written.
const FORMAT_POSTCARD_ZSTD: u8 = 1;
/// The fastest level: a body lives for minutes.
const COMPRESSION_LEVEL: i32 = 1;
/// What an encoder keeps of each of its buffers.
const BUFFER_BYTES_MAX: usize = 16 << 20;

const SKIP_TO: &str = "UPDATE usage_log_head SET seq = ?1 WHERE seq < ?1";
const NEXT_SEQ: &str = "UPDATE usage_log_head SET seq = seq + 1 RETURNING seq";
const APPEND: &str =
    "INSERT INTO usage_log (seq, received_us, facts, body) VALUES (?1, ?2, ?3, ?4)";
const AFTER: &str = "SELECT seq, body FROM usage_log WHERE seq > ?1 ORDER BY seq";
const DROP_THROUGH: &str = "DELETE FROM usage_log WHERE seq <= ?1";
const COMMITS: &str = "SELECT count(*) FROM usage_log";
const HEAD: &str = "SELECT seq FROM usage_log_head";

/// Makes facts the log's bytes. It keeps its buffers, which are large and needed for every commit.
pub struct Encoder {
    plain: Vec<u8>,
    compressed: Vec<u8>,
    zstd: zstd::bulk::Compressor<'static>,
}

impl Default for Encoder {
    fn default() -> Self {
        let zstd = zstd::bulk::Compressor::new(COMPRESSION_LEVEL).expect("there is that level");
        Self { plain: Vec::new(), compressed: Vec::new(), zstd }
    }
}

impl Encoder {
    /// Facts as the log's bytes.
    pub fn encode(&mut self, facts: &[Fact]) -> Result<Vec<u8>, StoreError> {
        for buffer in [&mut self.plain, &mut self.compressed] {
            buffer.clear();
            buffer.shrink_to(BUFFER_BYTES_MAX);
        }
        self.plain =
            postcard::to_extend(facts, std::mem::take(&mut self.plain)).map_err(damaged)?;
        let size = u32::try_from(self.plain.len()).map_err(damaged)?;
        self.compressed.reserve(zstd::zstd_safe::compress_bound(self.plain.len()));
        self.zstd.compress_to_buffer(&self.plain, &mut self.compressed).map_err(damaged)?;
        let mut body = Vec::with_capacity(self.compressed.len() + 5);
        body.push(FORMAT_POSTCARD_ZSTD);
        body.extend(size.to_le_bytes());
        body.extend_from_slice(&self.compressed);
        Ok(body)
    }
}

fn damaged(how: impl std::fmt::Display) -> StoreError {
    StoreError::Damaged { what: "a commit of facts".into(), how: how.to_string() }
}

/// Facts from the log's bytes.
pub fn decode(seq: i64, body: &[u8]) -> Result<Vec<Fact>, StoreError> {
    let damaged =
        |how: String| StoreError::Damaged { what: format!("commit {seq} of the usage log"), how };
    let [FORMAT_POSTCARD_ZSTD, a, b, c, d, compressed @ ..] = body else {
        return Err(damaged("its format is unknown".into()));
    };
    let size = u32::from_le_bytes([*a, *b, *c, *d]) as usize;
    let plain =
        zstd::bulk::decompress(compressed, size).map_err(|error| damaged(error.to_string()))?;
    postcard::from_bytes(&plain).map_err(|error| damaged(error.to_string()))
}

impl<A> UsageLog<'_, A> {
    /// Reads the commits after `seq`, oldest first.
    pub fn for_each_after(
        &self,
        seq: i64,
        mut each: impl FnMut(i64, Vec<Fact>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut statement = self.conn.prepare_cached(AFTER)?;
        let mut rows = statement.query([seq])?;
        while let Some(row) = rows.next()? {
            let seq: i64 = row.get(0)?;
            let body = row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?;
            each(seq, decode(seq, body)?)?;
        }
        Ok(())
    }

    /// The sequence number of the newest commit, zero before the first.
    pub fn head(&self) -> Result<i64, StoreError> {
        Ok(self.conn.prepare_cached(HEAD)?.query_row([], |row| row.get(0))?)
    }

    /// How many commits there are.
    pub fn commits(&self) -> Result<u64, StoreError> {
        let commits: i64 = self.conn.prepare_cached(COMMITS)?.query_row([], |row| row.get(0))?;
        Ok(commits as u64)
    }
}

impl UsageLog<'_, Writes> {
    /// Appends an encoded commit of `facts` facts; answers its sequence number, which no other
    /// commit ever had.
    pub fn append(
        &self,
        received_at: DateTime<Utc>,
        facts: usize,
        body: &[u8],
    ) -> Result<i64, StoreError> {
        let seq: i64 = self.conn.prepare_cached(NEXT_SEQ)?.query_row([], |row| row.get(0))?;
        self.conn.prepare_cached(APPEND)?.execute((
            seq,
            received_at.timestamp_micros(),
            facts as i64,
            body,
        ))?;
        Ok(seq)
    }

    /// Takes the numbers up to `seq` for used, where a history was made without the log.
    pub fn skip_to(&self, seq: i64) -> Result<(), StoreError> {
        self.conn.prepare_cached(SKIP_TO)?.execute([seq])?;
        Ok(())
    }

    /// Drops the commits up to and with `seq`, which the history has taken over.
    pub fn drop_through(&self, seq: i64) -> Result<usize, StoreError> {
        Ok(self.conn.prepare_cached(DROP_THROUGH)?.execute([seq])?)
    }
}
