//! What goes between the server and the process of a query, over its standard input and output.
//!
//! In: the limits, the query with the names of the segments, the tail as an Arrow stream. The pipe
//! then stays open for as long as somebody waits. Out: one answer. Each part says how long it is.

use std::io::{self, Read, Write};
use std::path::PathBuf;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::ipc::reader::StreamReader;
use datafusion::arrow::ipc::writer::StreamWriter;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::super::schema::SCHEMA;
use super::query::Table;
use super::{SqlError, SqlLimits};
use crate::StoreError;
use crate::history::Snapshot;

/// The first argument that makes the program answer one query.
pub const COMMAND: &str = "answer-sql-query";

/// Bytes of a part that is read, at most. Names of segments are short, and there are thousands.
const PART_BYTES_MAX: u32 = 64 << 20;

/// What the process must know before it does anything.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Bounds {
    /// How much the query may use.
    pub limits: SqlLimits,
    /// What the tail takes in memory, beside that.
    pub tail_bytes: u64,
}

#[derive(Debug, Serialize, Deserialize)]
struct Work {
    query: String,
    files: Vec<PathBuf>,
}

/// Tells a process what to answer. It ends early when the process has.
pub fn send(
    query: String,
    snapshot: &Snapshot,
    limits: SqlLimits,
    to: &mut impl Write,
) -> io::Result<()> {
    let tail_bytes = snapshot.tail.iter().map(|batch| batch.get_array_memory_size() as u64).sum();
    write_part(to, &Bounds { limits, tail_bytes })?;
    let files = snapshot.segments.iter().map(|segment| segment.path.clone()).collect();
    write_part(to, &Work { query, files })?;
    write_tail(&snapshot.tail, to).map_err(io::Error::other)?;
    to.flush()
}

fn write_tail(tail: &[RecordBatch], to: &mut impl Write) -> Result<(), ArrowError> {
    let mut stream = StreamWriter::try_new(to, &SCHEMA)?;
    tail.iter().try_for_each(|batch| stream.write(batch))?;
    stream.finish()
}

/// Reads what bounds the process.
pub fn read_bounds(from: &mut impl Read) -> io::Result<Bounds> {
    read_part(from)
}

/// Reads the query and what it is about.
pub fn read_work(from: &mut impl Read) -> io::Result<(String, Table)> {
    let Work { query, files } = read_part(from)?;
    let stream = StreamReader::try_new(from, None).map_err(io::Error::other)?;
    let tail = stream.collect::<Result<_, _>>().map_err(io::Error::other)?;
    Ok((query, Table { tail, files }))
}

/// What a query came to, as it is told to the server: a letter, and what goes with it.
pub fn write_answer(answer: &Result<Vec<u8>, SqlError>, to: &mut impl Write) -> io::Result<()> {
    let text;
    let (letter, bytes): (u8, &[u8]) = match answer {
        Ok(json) => (b'A', json),
        Err(SqlError::Refused(why)) => (b'R', why.as_bytes()),
        Err(SqlError::TooDeep) => (b'D', b""),
        Err(SqlError::TooMuchMemory(_)) => (b'M', b""),
        Err(SqlError::TooSlow(_)) => (b'S', b""),
        Err(SqlError::Store(error)) => {
            text = error.to_string();
            (b'F', text.as_bytes())
        }
    };
    to.write_all(&[letter])?;
    to.write_all(&(bytes.len() as u64).to_le_bytes())?;
    to.write_all(bytes)?;
    to.flush()
}

/// What a process said that a query came to; `None` when it did not finish saying it.
pub fn read_answer(said: &[u8], limits: &SqlLimits) -> Option<Result<Vec<u8>, SqlError>> {
    let (letter, rest) = said.split_first()?;
    let (length, bytes) = rest.split_first_chunk()?;
    if u64::from_le_bytes(*length) != bytes.len() as u64 {
        return None;
    }
    let text = || String::from_utf8_lossy(bytes).into_owned();
    Some(match letter {
        b'A' => Ok(bytes.to_vec()),
        b'R' => Err(SqlError::Refused(text())),
        b'D' => Err(SqlError::TooDeep),
        b'M' => Err(SqlError::TooMuchMemory(limits.memory_bytes)),
        b'S' => Err(SqlError::TooSlow(limits.time)),
        b'F' => {
            let what = "the history".into();
            Err(SqlError::Store(StoreError::Damaged { what, how: text() }))
        }
        _ => return None,
    })
}

fn write_part(to: &mut impl Write, part: &impl Serialize) -> io::Result<()> {
    let text = serde_json::to_vec(part)?;
    let length = u32::try_from(text.len()).map_err(io::Error::other)?;
    to.write_all(&length.to_le_bytes())?;
    to.write_all(&text)
}

fn read_part<T: DeserializeOwned>(from: &mut impl Read) -> io::Result<T> {
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    let length = u32::from_le_bytes(length);
    if length > PART_BYTES_MAX {
        return Err(io::Error::other("a part is too long"));
    }
    let mut text = vec![0; length as usize];
    from.read_exact(&mut text)?;
    Ok(serde_json::from_slice(&text)?)
}
