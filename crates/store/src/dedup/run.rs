//! One immutable file of sorted keys.
//!
//! ```text
//! buckets   the keys whose id begins with the same bits, sorted; after each bucket a checksum
//! index     how many keys stand before each bucket, 32 bits each
//! filter    a blocked Bloom filter of all ids
//! footer    lengths and checksums, 80 bytes
//! ```
//!
//! A key is the rest of its id and 40 bits of its body's hash, 11 or 12 bytes. All numbers are
//! little endian. Index and filter are kept in memory; a bucket is read when the filter says that
//! an id may be there.

use std::fs::File;
use std::io::{BufReader, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::xxh3_64;

use super::filter::{BLOCK_BYTES, Filter};
use super::key::{BODY_BITS, EventKey};
use crate::StoreError;
use crate::disk::{NewFile, SyncedFile};

const MAGIC: &[u8; 8] = b"OUTLKEYS";
const VERSION: u32 = 1;
const FOOTER_BYTES: usize = 80;
const BODY_BYTES: usize = BODY_BITS as usize / 8;
const CHECKSUM_BYTES: usize = 4;
/// Keys in a bucket: at least half of this and at most this, on average.
const BUCKET_KEYS: u64 = 64;
/// Keys in a run at most, because the index counts in 32 bits.
pub(super) const RUN_KEYS_MAX: u64 = u32::MAX as u64;

/// How keys are laid out in a run, which follows from how many there are at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Layout {
    /// How many leading bits of an id choose its bucket.
    bucket_bits: u32,
}

impl Layout {
    fn for_keys(keys: u64) -> Self {
        let buckets = (keys / BUCKET_KEYS).max(1);
        Self { bucket_bits: buckets.ilog2() + u32::from(!buckets.is_power_of_two()) }
    }

    const fn bucket_count(self) -> usize {
        1 << self.bucket_bits
    }

    const fn bucket_of(self, id: u64) -> usize {
        // Two shifts, because one by 64 is not allowed.
        (id >> 1 >> (63 - self.bucket_bits)) as usize
    }

    /// Bytes for what of an id its bucket does not say.
    const fn id_bytes(self) -> usize {
        (64 - self.bucket_bits).div_ceil(8) as usize
    }

    const fn key_bytes(self) -> usize {
        self.id_bytes() + BODY_BYTES
    }

    fn write(self, key: EventKey, to: &mut Vec<u8>) {
        to.extend_from_slice(&key.id.to_le_bytes()[..self.id_bytes()]);
        to.extend_from_slice(&key.body.to_le_bytes()[..BODY_BYTES]);
    }

    fn read(self, bucket: usize, bytes: &[u8]) -> EventKey {
        let (id, body) = bytes.split_at(self.id_bytes());
        let low_bits = 64 - self.bucket_bits;
        let high = (bucket as u64) << 1 << (low_bits - 1);
        let low = number(id) & (u64::MAX >> self.bucket_bits);
        EventKey { id: high | low, body: number(body) }
    }

    /// The keys of a bucket.
    fn keys(self, bucket: usize, bytes: &[u8]) -> impl Iterator<Item = EventKey> {
        bytes.chunks_exact(self.key_bytes()).map(move |bytes| self.read(bucket, bytes))
    }
}

/// A number of up to eight bytes.
fn number(bytes: &[u8]) -> u64 {
    let mut all = [0; 8];
    all[..bytes.len()].copy_from_slice(bytes);
    u64::from_le_bytes(all)
}

fn bucket_checksum(bytes: &[u8]) -> [u8; CHECKSUM_BYTES] {
    (xxh3_64(bytes) as u32).to_le_bytes()
}

/// Writes a run from keys that come sorted.
pub(super) struct RunWriter {
    file: NewFile,
    layout: Layout,
    /// The bucket that is being filled, and its bytes so far.
    bucket: usize,
    bytes: Vec<u8>,
    index: Vec<u32>,
    filter: Filter,
    keys: u64,
    last: Option<EventKey>,
}

/// What of a run is kept in memory.
pub(super) struct Parts {
    layout: Layout,
    keys: u64,
    index: Vec<u32>,
    filter: Filter,
}

impl RunWriter {
    /// Begins a run at `path` of as many as `keys`.
    pub fn create(path: impl Into<PathBuf>, keys: u64) -> Result<Self, StoreError> {
        let layout = Layout::for_keys(keys);
        let mut index = Vec::with_capacity(layout.bucket_count() + 1);
        index.push(0);
        Ok(Self {
            file: NewFile::create(path)?,
            layout,
            bucket: 0,
            bytes: Vec::new(),
            index,
            filter: Filter::with_capacity(keys),
            keys: 0,
            last: None,
        })
    }

    /// Adds the next key. One that was just added is left out.
    pub fn push(&mut self, key: EventKey) -> Result<(), StoreError> {
        if self.last == Some(key) {
            return Ok(());
        }
        debug_assert!(self.last < Some(key), "keys come sorted");
        self.last = Some(key);
        let bucket = self.layout.bucket_of(key.id);
        while self.bucket < bucket {
            self.end_bucket()?;
        }
        self.layout.write(key, &mut self.bytes);
        self.filter.insert(key.id);
        self.keys += 1;
        Ok(())
    }

    fn end_bucket(&mut self) -> Result<(), StoreError> {
        self.bytes.extend_from_slice(&bucket_checksum(&self.bytes));
        self.file.write_all(&self.bytes).map_err(StoreError::file(self.file.path()))?;
        self.bytes.clear();
        self.index.push(self.keys as u32);
        self.bucket += 1;
        Ok(())
    }

    /// Ends the run and brings it to the disk.
    pub fn finish(mut self) -> Result<(SyncedFile, Parts), StoreError> {
        while self.bucket < self.layout.bucket_count() {
            self.end_bucket()?;
        }
        let path = self.file.path().to_owned();
        self.write_rest().map_err(StoreError::file(path))?;
        let Self { file, layout, index, filter, keys, .. } = self;
        Ok((file.sync()?, Parts { layout, keys, index, filter }))
    }

    fn write_rest(&mut self) -> std::io::Result<()> {
        let index: Vec<u8> = self.index.iter().flat_map(|count| count.to_le_bytes()).collect();
        self.file.write_all(&index)?;
        let filter_checksum = self.filter.write(&mut self.file)?;
        let footer = Footer {
            layout: self.layout,
            keys: self.keys,
            index_checksum: xxh3_64(&index),
            filter_blocks: self.filter.block_count(),
            filter_checksum,
        };
        self.file.write_all(&footer.to_bytes())
    }
}

#[derive(Debug, PartialEq)]
struct Footer {
    layout: Layout,
    keys: u64,
    index_checksum: u64,
    filter_blocks: u64,
    filter_checksum: u64,
}

impl Footer {
    fn to_bytes(&self) -> [u8; FOOTER_BYTES] {
        let mut bytes = Vec::with_capacity(FOOTER_BYTES);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&self.layout.bucket_bits.to_le_bytes());
        for number in
            [self.keys, self.index_checksum, self.filter_blocks, self.filter_checksum, 0, 0, 0]
        {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes.extend_from_slice(&xxh3_64(&bytes).to_le_bytes());
        bytes.try_into().expect("a footer has 80 bytes")
    }

    fn from_bytes(bytes: &[u8; FOOTER_BYTES]) -> Result<Self, String> {
        let (body, checksum) = bytes.split_at(FOOTER_BYTES - 8);
        if &body[..8] != MAGIC {
            return Err("it does not end like a file of keys".into());
        }
        if number(checksum) != xxh3_64(body) {
            return Err("its footer has changed".into());
        }
        let version = number(&body[8..12]);
        if version != u64::from(VERSION) {
            return Err(format!("it has version {version}, this program reads {VERSION}"));
        }
        let bucket_bits = number(&body[12..16]) as u32;
        let field = |at: usize| number(&body[16 + 8 * at..24 + 8 * at]);
        Ok(Self {
            layout: Layout { bucket_bits },
            keys: field(0),
            index_checksum: field(1),
            filter_blocks: field(2),
            filter_checksum: field(3),
        })
    }

    fn index_offset(&self) -> u64 {
        self.keys * self.layout.key_bytes() as u64
            + (self.layout.bucket_count() * CHECKSUM_BYTES) as u64
    }

    fn file_bytes(&self) -> u64 {
        self.index_offset()
            + 4 * (self.layout.bucket_count() as u64 + 1)
            + self.filter_blocks * BLOCK_BYTES as u64
            + FOOTER_BYTES as u64
    }
}

/// A run that is asked.
pub(super) struct Run {
    pub run_id: i64,
    pub keys: u64,
    file: File,
    path: PathBuf,
    parts: Parts,
}

impl Run {
    /// The name of a run's file.
    pub fn file_name(run_id: i64) -> String {
        format!("{run_id:010}.keys")
    }

    /// A run that has just been written and published.
    pub fn opened(run_id: i64, path: PathBuf, parts: Parts) -> Result<Self, StoreError> {
        let file = File::open(&path).map_err(StoreError::file(&path))?;
        Ok(Self { run_id, keys: parts.keys, file, path, parts })
    }

    /// Opens a run and reads its index and filter.
    pub fn open(run_id: i64, path: impl Into<PathBuf>) -> Result<Self, StoreError> {
        let path = path.into();
        let mut file = File::open(&path).map_err(StoreError::file(&path))?;
        let size = file.metadata().map_err(StoreError::file(&path))?.len();
        let footer = read_footer(&file, size).map_err(StoreError::file(&path))?;
        let damaged = |how: String| damaged_run(&path, how);
        let footer = footer.map_err(damaged)?;
        if footer.file_bytes() != size {
            let how = format!("it has {size} bytes instead of {}", footer.file_bytes());
            return Err(damaged(how));
        }
        let read = |file: &mut File| {
            std::io::Seek::seek(file, std::io::SeekFrom::Start(footer.index_offset()))?;
            let mut index = vec![0; 4 * (footer.layout.bucket_count() + 1)];
            file.read_exact(&mut index)?;
            let (filter, filter_checksum) = Filter::read(footer.filter_blocks, file)?;
            Ok((index, filter, filter_checksum))
        };
        let (index, filter, filter_checksum) = read(&mut file).map_err(StoreError::file(&path))?;
        if xxh3_64(&index) != footer.index_checksum {
            return Err(damaged("its index has changed".into()));
        }
        if filter_checksum != footer.filter_checksum {
            return Err(damaged("its filter has changed".into()));
        }
        let index = index.chunks_exact(4).map(|count| number(count) as u32).collect();
        let parts = Parts { layout: footer.layout, keys: footer.keys, index, filter };
        Ok(Self { run_id, keys: footer.keys, file, path, parts })
    }

    /// Whether the id may be in the run.
    #[inline]
    pub fn may_hold(&self, id: u64) -> bool {
        self.parts.filter.may_hold(id)
    }

    /// Calls `found` with the body of each key of that id; `buffer` is reused between calls.
    pub fn find(
        &self,
        id: u64,
        buffer: &mut Vec<u8>,
        mut found: impl FnMut(u64),
    ) -> Result<(), StoreError> {
        let Parts { layout, index, .. } = &self.parts;
        let bucket = layout.bucket_of(id);
        let (start, end) = (index[bucket] as usize, index[bucket + 1] as usize);
        let offset = start * layout.key_bytes() + bucket * CHECKSUM_BYTES;
        buffer.resize((end - start) * layout.key_bytes() + CHECKSUM_BYTES, 0);
        self.file.read_exact_at(buffer, offset as u64).map_err(StoreError::file(&self.path))?;
        let keys = checked_bucket(&self.path, bucket, buffer)?;
        layout.keys(bucket, keys).filter(|key| key.id == id).for_each(|key| found(key.body));
        Ok(())
    }

    /// Reads all keys in order, without keeping them.
    pub fn keys(&self) -> Result<Keys<'_>, StoreError> {
        let file = File::open(&self.path).map_err(StoreError::file(&self.path))?;
        Ok(Keys {
            run: self,
            from: BufReader::with_capacity(256 * 1024, file),
            next_bucket: 0,
            buffer: Vec::new(),
            at: 0,
        })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn memory_bytes(&self) -> usize {
        self.parts.filter.memory_bytes() + 4 * self.parts.index.capacity()
    }

    pub fn disk_bytes(&self) -> u64 {
        self.file.metadata().map_or(0, |metadata| metadata.len())
    }
}

fn read_footer(file: &File, size: u64) -> std::io::Result<Result<Footer, String>> {
    let mut bytes = [0; FOOTER_BYTES];
    let Some(offset) = size.checked_sub(FOOTER_BYTES as u64) else {
        return Ok(Err(format!("it has only {size} bytes")));
    };
    file.read_exact_at(&mut bytes, offset)?;
    Ok(Footer::from_bytes(&bytes))
}

/// The keys of a bucket as they stand in the file, if they are what was written.
fn checked_bucket<'a>(path: &Path, bucket: usize, bytes: &'a [u8]) -> Result<&'a [u8], StoreError> {
    let (keys, checksum) = bytes.split_at(bytes.len() - CHECKSUM_BYTES);
    if bucket_checksum(keys) != *checksum {
        return Err(damaged_run(path, format!("bucket {bucket} has changed")));
    }
    Ok(keys)
}

fn damaged_run(path: &Path, how: String) -> StoreError {
    StoreError::Damaged { what: format!("the file of keys `{}`", path.display()), how }
}

/// All keys of a run, in order.
pub(super) struct Keys<'a> {
    run: &'a Run,
    from: BufReader<File>,
    next_bucket: usize,
    buffer: Vec<u8>,
    at: usize,
}

impl Keys<'_> {
    /// The next key, or `None` at the end.
    pub fn next(&mut self) -> Result<Option<EventKey>, StoreError> {
        let layout = self.run.parts.layout;
        while self.at + CHECKSUM_BYTES >= self.buffer.len() {
            if self.next_bucket == layout.bucket_count() {
                return Ok(None);
            }
            self.read_bucket()?;
        }
        let bytes = &self.buffer[self.at..self.at + layout.key_bytes()];
        self.at += layout.key_bytes();
        Ok(Some(layout.read(self.next_bucket - 1, bytes)))
    }

    fn read_bucket(&mut self) -> Result<(), StoreError> {
        let Parts { layout, index, .. } = &self.run.parts;
        let bucket = self.next_bucket;
        let keys = (index[bucket + 1] - index[bucket]) as usize;
        self.buffer.resize(keys * layout.key_bytes() + CHECKSUM_BYTES, 0);
        self.from.read_exact(&mut self.buffer).map_err(StoreError::file(&self.run.path))?;
        checked_bucket(&self.run.path, bucket, &self.buffer)?;
        self.next_bucket += 1;
        self.at = 0;
        Ok(())
    }
}
