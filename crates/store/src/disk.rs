//! Files that are there whole or not at all.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::Xxh3;

use crate::StoreError;

/// What the name of a file that is still being written ends with.
pub const UNFINISHED: &str = ".tmp";

/// A file in the making: invisible under its name until [`SyncedFile::publish`].
///
/// Dropping it removes what was written.
pub struct NewFile {
    writer: BufWriter<Hashed>,
    path: PathBuf,
    temporary: PathBuf,
}

/// A file whose bytes are on the disk, still under a temporary name.
pub struct SyncedFile {
    path: PathBuf,
    temporary: PathBuf,
    contents: Contents,
    published: bool,
}

/// What a file must hold, to be compared with what it does hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Contents {
    /// How long it is.
    pub size_bytes: u64,
    /// XXH3 (64 bits) of all of it.
    pub checksum: u64,
}

/// Hashes and counts what passes to the file.
struct Hashed {
    file: File,
    hash: Xxh3,
    size_bytes: u64,
}

impl Write for Hashed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hash.update(&bytes[..written]);
        self.size_bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl NewFile {
    /// Begins the file that will stand at `path`.
    pub fn create(path: impl Into<PathBuf>) -> Result<Self, StoreError> {
        let path = path.into();
        let mut temporary = path.clone().into_os_string();
        temporary.push(UNFINISHED);
        let temporary = PathBuf::from(temporary);
        let file = File::create(&temporary).map_err(StoreError::file(&temporary))?;
        let hashed = Hashed { file, hash: Xxh3::new(), size_bytes: 0 };
        Ok(Self { writer: BufWriter::with_capacity(256 * 1024, hashed), path, temporary })
    }

    /// Brings every byte to the disk.
    pub fn sync(mut self) -> Result<SyncedFile, StoreError> {
        self.writer.flush().map_err(StoreError::file(&self.temporary))?;
        let hashed = self.writer.get_ref();
        hashed.file.sync_all().map_err(StoreError::file(&self.temporary))?;
        let contents = Contents { size_bytes: hashed.size_bytes, checksum: hashed.hash.digest() };
        Ok(SyncedFile {
            path: std::mem::take(&mut self.path),
            temporary: std::mem::take(&mut self.temporary),
            contents,
            published: false,
        })
    }

    /// Where the file will stand.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        remove_unfinished(&self.temporary);
    }
}

impl SyncedFile {
    /// Gives the file its name, durably.
    pub fn publish(mut self) -> Result<Contents, StoreError> {
        fs::rename(&self.temporary, &self.path).map_err(StoreError::file(&self.path))?;
        self.published = true;
        if let Some(folder) = self.path.parent() {
            sync_folder(folder)?;
        }
        Ok(self.contents)
    }
}

impl Drop for SyncedFile {
    fn drop(&mut self) {
        if !self.published {
            remove_unfinished(&self.temporary);
        }
    }
}

/// A file that stays behind is removed at the next start.
fn remove_unfinished(temporary: &Path) {
    if !temporary.as_os_str().is_empty() {
        let _ = fs::remove_file(temporary);
    }
}

/// Brings the names in `folder` to the disk.
pub fn sync_folder(folder: &Path) -> Result<(), StoreError> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(StoreError::file(folder))
}

/// Creates `folder` and those above it, where they are not there yet.
pub fn create_folder(folder: &Path) -> Result<(), StoreError> {
    fs::create_dir_all(folder).map_err(StoreError::file(folder))
}

/// Removes every file in `folder` that `is_known` does not know, and says how many.
pub fn remove_orphans(folder: &Path, is_known: impl Fn(&str) -> bool) -> Result<usize, StoreError> {
    let mut removed = 0;
    for entry in fs::read_dir(folder).map_err(StoreError::file(folder))? {
        let entry = entry.map_err(StoreError::file(folder))?;
        let name = entry.file_name();
        if name.to_str().is_some_and(&is_known) {
            continue;
        }
        let path = entry.path();
        if path.is_file() {
            fs::remove_file(&path).map_err(StoreError::file(&path))?;
            removed += 1;
        }
    }
    if removed > 0 {
        sync_folder(folder)?;
    }
    Ok(removed)
}

/// Reads all of `path` and says what it holds.
pub fn contents_of(path: &Path) -> Result<Contents, StoreError> {
    let mut file = File::open(path).map_err(StoreError::file(path))?;
    let mut hash = Xxh3::new();
    let mut size_bytes = 0;
    let mut buffer = vec![0; 1024 * 1024];
    loop {
        let read = io::Read::read(&mut file, &mut buffer).map_err(StoreError::file(path))?;
        if read == 0 {
            return Ok(Contents { size_bytes, checksum: hash.digest() });
        }
        hash.update(&buffer[..read]);
        size_bytes += read as u64;
    }
}
