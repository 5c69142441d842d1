//! Opens a file or a stream, packed or not, and says how far it was read.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Chain, Cursor, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::read::MultiGzDecoder;

/// Unpacked bytes read at once.
const BUFFER_BYTES: usize = 256 * 1024;
/// The longest row; beyond it a quote was never closed, or the file is no table.
pub const ROW_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// How many packed bytes were read so far; shared with whoever shows it.
#[derive(Debug, Clone, Default)]
pub struct BytesRead(Arc<AtomicU64>);

impl BytesRead {
    /// The count.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Text to be read.
pub struct Input {
    /// The unpacked bytes, without a byte order mark.
    pub reader: Box<dyn BufRead + Send>,
    /// How far the packed bytes were read.
    pub read: BytesRead,
    /// How many packed bytes there are, where that is known.
    pub size: Option<u64>,
}

impl std::fmt::Debug for Input {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Input").field("read", &self.read).field("size", &self.size).finish()
    }
}

/// Opens the file at `path`.
pub fn open(path: &Path) -> io::Result<Input> {
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_dir() {
        return Err(io::Error::new(io::ErrorKind::IsADirectory, "is a folder, not a file"));
    }
    let size = metadata.is_file().then_some(metadata.len());
    Ok(Input { size, ..unpack(file)? })
}

/// Reads `stream`, which may be packed with gzip or zstd: its first bytes say so.
pub fn unpack(stream: impl Read + Send + 'static) -> io::Result<Input> {
    let read = BytesRead::default();
    let counted = Counted { inner: stream, read: read.clone() };
    let (head, stream) = peek(counted, 4)?;
    let unpacked: Box<dyn Read + Send> = match head.as_slice() {
        [0x1f, 0x8b, ..] => Box::new(MultiGzDecoder::new(stream)),
        [0x28, 0xb5, 0x2f, 0xfd] => Box::new(zstd::Decoder::new(stream)?),
        _ => Box::new(stream),
    };
    let reader = without_byte_order_mark(unpacked)?;
    Ok(Input { reader, read, size: None })
}

fn without_byte_order_mark(stream: Box<dyn Read + Send>) -> io::Result<Box<dyn BufRead + Send>> {
    let (head, stream) = peek(stream, 3)?;
    match head.as_slice() {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "is written in UTF-16; save it as UTF-8",
        )),
        [0xef, 0xbb, 0xbf] => {
            let mut stream = BufReader::with_capacity(BUFFER_BYTES, stream);
            stream.read_exact(&mut [0; 3])?;
            Ok(Box::new(stream))
        }
        _ => Ok(Box::new(BufReader::with_capacity(BUFFER_BYTES, stream))),
    }
}

/// A stream whose first bytes were looked at.
type Peeked<R> = Chain<Cursor<Vec<u8>>, R>;

/// The first bytes of `stream`, at most `count`, and the whole stream again.
fn peek<R: Read>(mut stream: R, count: u64) -> io::Result<(Vec<u8>, Peeked<R>)> {
    let mut head = Vec::new();
    stream.by_ref().take(count).read_to_end(&mut head)?;
    Ok((head.clone(), Cursor::new(head).chain(stream)))
}

struct Counted<R> {
    inner: R,
    read: BytesRead,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.read.0.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

/// Refuses to read more than [`ROW_BYTES_MAX`] without a row having ended.
#[derive(Debug)]
pub struct RowBounded<R> {
    inner: R,
    since_row: Arc<AtomicU64>,
}

/// Tells a [`RowBounded`] that a row has ended.
#[derive(Debug, Clone)]
pub struct RowEnd(Arc<AtomicU64>);

impl RowEnd {
    /// A row has ended.
    pub fn reached(&self) {
        self.0.store(0, Ordering::Relaxed);
    }
}

impl<R: Read> RowBounded<R> {
    /// Bounds the rows of `inner`.
    pub fn new(inner: R) -> (Self, RowEnd) {
        let since_row = Arc::new(AtomicU64::new(0));
        (Self { inner, since_row: Arc::clone(&since_row) }, RowEnd(since_row))
    }
}

impl<R: Read> Read for RowBounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        let since = self.since_row.fetch_add(count as u64, Ordering::Relaxed);
        if since > ROW_BYTES_MAX {
            let detail =
                format!("a row is longer than {ROW_BYTES_MAX} bytes: is a quote unclosed?");
            return Err(io::Error::new(io::ErrorKind::InvalidData, detail));
        }
        Ok(count)
    }
}

/// Ends lines with a line feed alone, so that they are counted alike in every file.
#[derive(Debug)]
pub struct PlainLines<R> {
    inner: R,
    /// A carriage return was read, and what follows it was not.
    held: bool,
}

impl<R: Read> PlainLines<R> {
    /// Drops the carriage returns before line feeds of `inner`.
    pub const fn new(inner: R) -> Self {
        Self { inner, held: false }
    }
}

impl<R: Read> Read for PlainLines<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // A held byte and the one behind it need two places.
        if buffer.len() < 2 {
            return Err(io::Error::other("lines are read into a buffer of two bytes or more"));
        }
        loop {
            let held = usize::from(std::mem::take(&mut self.held));
            buffer[..held].fill(b'\r');
            let count = self.inner.read(&mut buffer[held..])?;
            let filled = held + count;
            if count == 0 || !buffer[..filled].contains(&b'\r') {
                return Ok(filled);
            }
            self.held = buffer[filled - 1] == b'\r';
            let kept = drop_returns(&mut buffer[..filled - usize::from(self.held)]);
            if kept > 0 {
                return Ok(kept);
            }
        }
    }
}

/// Moves the bytes together, without carriage returns before line feeds; answers how many stay.
fn drop_returns(bytes: &mut [u8]) -> usize {
    let mut kept = 0;
    for at in 0..bytes.len() {
        if !(bytes[at] == b'\r' && bytes.get(at + 1) == Some(&b'\n')) {
            bytes[kept] = bytes[at];
            kept += 1;
        }
    }
    kept
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::io::Write;

    use super::*;

    fn text(bytes: Vec<u8>) -> String {
        let mut text = String::new();
        unpack(Cursor::new(bytes)).unwrap().reader.read_to_string(&mut text).unwrap();
        text
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packer.write_all(bytes).unwrap();
        packer.finish().unwrap()
    }

    #[test]
    fn packed_and_plain_streams_read_the_same() {
        assert_eq!(text(b"a,b\n".to_vec()), "a,b\n");
        assert_eq!(text(gzip(b"a,b\n")), "a,b\n");
        assert_eq!(text([gzip(b"a,"), gzip(b"b\n")].concat()), "a,b\n", "members follow members");
        assert_eq!(text(zstd::encode_all(&b"a,b\n"[..], 1).unwrap()), "a,b\n");
        assert_eq!(text(b"".to_vec()), "");
    }

    #[test]
    fn a_byte_order_mark_is_not_text() {
        assert_eq!(text(b"\xef\xbb\xbfid".to_vec()), "id");
        assert_eq!(text(gzip(b"\xef\xbb\xbfid")), "id");
        let error = unpack(Cursor::new(b"\xff\xfei\0".to_vec())).unwrap_err();
        assert!(error.to_string().contains("UTF-8"));
    }

    proptest::proptest! {
        #[test]
        fn lines_end_alike_however_they_are_read(text in "[a\r\n]{0,40}", step in 1_usize..5) {
            struct Steps<'a>(&'a [u8], usize);
            impl Read for Steps<'_> {
                fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                    let most = buffer.len().min(self.1);
                    self.0.read(&mut buffer[..most])
                }
            }
            let mut read = Vec::new();
            let mut buffer = [0; 7];
            let mut lines = PlainLines::new(Steps(text.as_bytes(), step));
            loop {
                let count = lines.read(&mut buffer).unwrap();
                if count == 0 {
                    break;
                }
                read.extend_from_slice(&buffer[..count]);
            }
            proptest::prop_assert_eq!(String::from_utf8(read).unwrap(), text.replace("\r\n", "\n"));
        }
    }

    #[test]
    fn the_packed_bytes_are_counted() {
        let packed = gzip(&[b'x'; 100_000]);
        let mut input = unpack(Cursor::new(packed.clone())).unwrap();

        io::copy(&mut input.reader, &mut io::sink()).unwrap();

        assert_eq!(input.read.get(), packed.len() as u64);
    }
}
