//! Both files of prices are published inside of Python packages; this finds them there.

use std::io::Read;

use flate2::read::DeflateDecoder;
use thiserror::Error;

use super::{genai_prices, litellm};

/// Bytes that an unpacked file may have.
const UNPACKED_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// How far from the end of a package its table of contents may begin to be told.
const COMMENT_BYTES_MAX: usize = 65_536 + 22;

/// Why a package could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PackageError {
    /// It is no package, or it is damaged.
    #[error("the package is damaged")]
    Damaged,
    /// It is a package of something else.
    #[error("no file of prices is in the package")]
    NoPrices,
}

/// Where a source's file stands in its package.
pub fn file_in_package(source: &str) -> Option<&'static str> {
    match source {
        litellm::SOURCE => Some("litellm/model_prices_and_context_window_backup.json"),
        genai_prices::SOURCE => Some("genai_prices/data.py"),
        _ => None,
    }
}

/// Whether the bytes are those of a package (a wheel, which is a zip file).
pub fn is_package(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PK\x03\x04")
}

/// The file named `name` in a package.
pub fn unpacked(package: &[u8], name: &str) -> Result<Vec<u8>, PackageError> {
    let (mut at, entries) = table_of_contents(package).ok_or(PackageError::Damaged)?;
    for _ in 0..entries {
        let entry = Entry::read(package, at).ok_or(PackageError::Damaged)?;
        if entry.name == name.as_bytes() {
            return entry.unpack(package).ok_or(PackageError::Damaged);
        }
        at = entry.next;
    }
    Err(PackageError::NoPrices)
}

/// Where the table of contents begins, and how many entries it has.
fn table_of_contents(package: &[u8]) -> Option<(usize, usize)> {
    let from = package.len().saturating_sub(COMMENT_BYTES_MAX);
    let end = package[from..].windows(4).rposition(|four| four == b"PK\x05\x06")? + from;
    let entries = number(package, end + 10, 2)?;
    Some((number(package, end + 16, 4)?, entries))
}

struct Entry<'a> {
    name: &'a [u8],
    method: usize,
    packed_len: usize,
    header: usize,
    next: usize,
}

impl<'a> Entry<'a> {
    fn read(package: &'a [u8], at: usize) -> Option<Self> {
        if package.get(at..at.checked_add(4)?)? != b"PK\x01\x02" {
            return None;
        }
        let name_len = number(package, at + 28, 2)?;
        let rest_len = number(package, at + 30, 2)? + number(package, at + 32, 2)?;
        Some(Self {
            name: package.get(at + 46..at + 46 + name_len)?,
            method: number(package, at + 10, 2)?,
            packed_len: number(package, at + 20, 4)?,
            header: number(package, at + 42, 4)?,
            next: at + 46 + name_len + rest_len,
        })
    }

    fn unpack(&self, package: &[u8]) -> Option<Vec<u8>> {
        let header = self.header;
        let name_and_extra = number(package, header + 26, 2)? + number(package, header + 28, 2)?;
        let from = header + 30 + name_and_extra;
        let packed = package.get(from..from.checked_add(self.packed_len)?)?;
        let mut unpacked = Vec::new();
        match self.method {
            0 => unpacked.extend_from_slice(packed),
            8 => {
                let limited = DeflateDecoder::new(packed).take(UNPACKED_BYTES_MAX);
                { limited }.read_to_end(&mut unpacked).ok()?;
            }
            _ => return None,
        }
        Some(unpacked)
    }
}

/// A little-endian number of `len` bytes.
fn number(bytes: &[u8], at: usize, len: usize) -> Option<usize> {
    let bytes = bytes.get(at..at.checked_add(len)?)?;
    Some(bytes.iter().rev().fold(0, |number, byte| number << 8 | usize::from(*byte)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::DeflateEncoder;

    use super::*;

    /// A zip file with one packed file in it.
    fn package(name: &str, text: &[u8]) -> Vec<u8> {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text).unwrap();
        let packed = encoder.finish().unwrap();
        let two = |number: usize| u16::try_from(number).unwrap().to_le_bytes();
        let four = |number: usize| u32::try_from(number).unwrap().to_le_bytes();
        let mut zip = Vec::new();
        zip.extend(b"PK\x03\x04");
        zip.extend([20, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        zip.extend(four(packed.len()));
        zip.extend(four(text.len()));
        zip.extend(two(name.len()));
        zip.extend(two(0));
        zip.extend(name.as_bytes());
        zip.extend(&packed);
        let table = zip.len();
        zip.extend(b"PK\x01\x02");
        zip.extend([20, 0, 20, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        zip.extend(four(packed.len()));
        zip.extend(four(text.len()));
        zip.extend(two(name.len()));
        zip.extend([0; 12]);
        zip.extend(four(0));
        zip.extend(name.as_bytes());
        let table_len = zip.len() - table;
        zip.extend(b"PK\x05\x06");
        zip.extend([0, 0, 0, 0, 1, 0, 1, 0]);
        zip.extend(four(table_len));
        zip.extend(four(table));
        zip.extend(two(0));
        zip
    }

    #[test]
    fn a_file_is_found_in_its_package() {
        let zip = package("genai_prices/data.py", b"providers = []");

        assert!(is_package(&zip));
        assert_eq!(unpacked(&zip, "genai_prices/data.py").unwrap(), b"providers = []");
        assert_eq!(unpacked(&zip, "litellm/x.json"), Err(PackageError::NoPrices));
    }

    #[test]
    fn a_damaged_package_is_refused_and_never_read_beyond_its_end() {
        let zip = package("genai_prices/data.py", b"providers = []");
        for len in 0..zip.len() {
            assert!(unpacked(&zip[..len], "genai_prices/data.py").is_err());
        }
        for at in 0..zip.len() {
            let mut damaged = zip.clone();
            damaged[at] = !damaged[at];
            // Whatever comes, it is an answer.
            let _ = unpacked(&damaged, "genai_prices/data.py");
        }
    }
}
