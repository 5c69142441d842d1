//! The usage log: committed commits that stand between the books and the history.

use chrono::{DateTime, Utc};
use compact_str::CompactString;
use outlay_domain::Amount;
use outlay_domain::usage::{
    Charge, Dimensions, Fact, FactKind, Quantities, Status, Tags, UsageEvent,
};
use serde::Deserialize;

use super::tx::{UsageLog, Writes};
use crate::StoreError;

/// The first byte of a body: how the rest is written. Both are postcard within zstd; the older has
/// times as texts, which took as long to write as all the rest of an event.
const FORMAT_OLDER: u8 = 1;
const FORMAT: u8 = 2;
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
        body.push(FORMAT);
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
    let [format @ (FORMAT | FORMAT_OLDER), a, b, c, d, compressed @ ..] = body else {
        return Err(damaged("its format is unknown".into()));
    };
    let size = u32::from_le_bytes([*a, *b, *c, *d]) as usize;
    let plain =
        zstd::bulk::decompress(compressed, size).map_err(|error| damaged(error.to_string()))?;
    let facts = match *format {
        FORMAT => postcard::from_bytes(&plain),
        _ => postcard::from_bytes(&plain).map(older::facts),
    };
    facts.map_err(|error| damaged(error.to_string()))
}

/// Facts as older versions wrote them: with times as texts.
mod older {
    use super::*;

    #[derive(Deserialize)]
    #[cfg_attr(test, derive(serde::Serialize))]
    pub struct Older(#[serde(with = "OlderFact")] pub Fact);

    pub fn facts(older: Vec<Older>) -> Vec<Fact> {
        older.into_iter().map(|Older(fact)| fact).collect()
    }

    #[derive(Deserialize)]
    #[cfg_attr(test, derive(serde::Serialize))]
    #[serde(remote = "Fact")]
    struct OlderFact {
        kind: FactKind,
        received_at: DateTime<Utc>,
        #[serde(with = "OlderEvent")]
        event: UsageEvent,
        charge: Charge,
    }

    #[derive(Deserialize)]
    #[cfg_attr(test, derive(serde::Serialize))]
    #[serde(remote = "UsageEvent")]
    struct OlderEvent {
        id: CompactString,
        source: CompactString,
        occurred_at: DateTime<Utc>,
        account: CompactString,
        subject: Option<CompactString>,
        provider: Option<CompactString>,
        model: Option<CompactString>,
        operation: Option<CompactString>,
        service: Option<CompactString>,
        status: Status,
        duration_us: Option<i64>,
        quantities: Quantities,
        dimensions: Dimensions,
        tags: Tags,
        stated_cost: Option<Amount>,
        metadata: Option<CompactString>,
    }
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use outlay_domain::usage::EventDraft;

    use super::*;

    fn fact() -> Fact {
        let received_at = "2026-11-21T12:00:00.000001Z".parse().unwrap();
        let draft = EventDraft {
            id: "e1".into(),
            source: "tests".into(),
            account: "acme".into(),
            occurred_at: "2026-11-20T23:59:59.999999Z".parse().ok(),
            model: Some("gpt-5".into()),
            tags: vec![("feature".into(), "search".into())],
            stated_cost: Some(Amount::from_units(1)),
            ..EventDraft::default()
        };
        let event = draft.accept(received_at).unwrap();
        let charge = Charge::stated(Amount::from_units(1));
        Fact { kind: FactKind::Usage, received_at, event, charge }
    }

    #[test]
    fn facts_come_back_as_they_were() {
        let body = Encoder::default().encode(&[fact(), fact()]).unwrap();

        assert_eq!(decode(1, &body).unwrap(), [fact(), fact()]);
    }

    #[test]
    fn facts_of_an_older_version_are_read() {
        let plain = postcard::to_extend(&vec![older::Older(fact())], Vec::new()).unwrap();
        // Times are texts in it.
        assert!(plain.windows(27).any(|text| text == b"2026-11-20T23:59:59.999999Z"));
        let mut body = vec![FORMAT_OLDER];
        body.extend(u32::try_from(plain.len()).unwrap().to_le_bytes());
        body.extend(zstd::bulk::compress(&plain, COMPRESSION_LEVEL).unwrap());

        assert_eq!(decode(1, &body).unwrap(), [fact()]);
    }

    #[test]
    fn a_body_of_an_unknown_form_is_refused_in_words() {
        let refused = decode(7, &[9, 0, 0, 0, 0]).unwrap_err();

        assert!(refused.to_string().contains("commit 7 of the usage log"), "{refused}");
    }
}
