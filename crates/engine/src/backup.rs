//! Backups: a data folder as it stands at one moment, as a folder or as one compressed file, and
//! the way back.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Component, Path, PathBuf};

use chrono::{DateTime, Utc};
use outlay_store::backup::{self, copy_synced};
use outlay_store::{StoreError, disk};
use outlay_store::{dedup, history, sqlite};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use uuid::Uuid;

use crate::people::TOKEN_SECRET_FILE;
use crate::{LOCK_FILE, Outlay};

/// What the name of a compressed backup ends with.
pub const ARCHIVE_ENDING: &str = ".tar.zst";
/// The file that makes a folder a backup.
const NOTE_FILE: &str = "outlay-backup.json";
/// Settings that stand in the data folder go with it.
const CONFIG_FILE: &str = "outlay.toml";
/// How the backup is laid out.
const FORMAT: u32 = 1;
/// Segments are compressed already; this is for the books.
const COMPRESSION_LEVEL: i32 = 3;
const STAGING_PREFIX: &str = "backup-";
const BUFFER_BYTES: usize = 1024 * 1024;
/// A note names every file, and there are thousands at most.
const NOTE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// What a backup holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupNote {
    /// How it is laid out.
    pub format: u32,
    /// The program that made it.
    pub program: String,
    /// When it was made.
    pub made_at: DateTime<Utc>,
    /// Events on all accounts.
    pub events: i64,
    /// Bytes of its files.
    pub size_bytes: u64,
    /// Its files.
    files: Vec<String>,
}

/// Why a backup was not made or not restored.
#[derive(Debug, Error)]
pub enum BackupError {
    /// A folder that should hold nothing holds something.
    #[error("`{0}` is there already and not empty")]
    NotEmpty(PathBuf),
    /// It is no backup.
    #[error("`{path}` is not a backup: {why}")]
    NotABackup {
        /// What was taken for one.
        path: PathBuf,
        /// What it lacks.
        why: String,
    },
    /// A file could not be read or written.
    #[error("`{path}` could not be read or written: {source}")]
    File {
        /// The path of the file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn at(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> BackupError {
    let path = path.into();
    move |source| BackupError::File { path, source }
}

/// A backup within the data folder, made of links; gone when it is dropped.
pub struct Staged {
    folder: PathBuf,
    note: BackupNote,
}

impl Outlay {
    /// Takes hold of everything as it stands now. Writing goes on meanwhile.
    pub fn stage_backup(&self) -> Result<Staged, BackupError> {
        // What a compaction replaces stays as long as somebody holds it.
        let _kept = self.history.snapshot();
        let name = format!("{STAGING_PREFIX}{}.tmp", Uuid::now_v7());
        let staged = Folder::new(self.data_dir.join(name))?;
        let copied = backup::copy(&self.books, &self.data_dir, &staged.path)?;
        let mut names = copied.files;
        names.extend(self.copy_companions(&staged.path)?);
        let note = note(&staged.path, &names, copied.events, self.clock.now())?;
        write_note(&staged.path, &note)?;
        Ok(Staged { folder: staged.keep(), note })
    }

    /// Copies the settings, the secret that signs tokens and the files that the settings name, so
    /// far as they stand in the data folder.
    fn copy_companions(&self, staged: &Path) -> Result<BTreeSet<PathBuf>, BackupError> {
        let own = [CONFIG_FILE, TOKEN_SECRET_FILE].map(PathBuf::from);
        let mut names: BTreeSet<_> = own.into_iter().chain(self.named_files.clone()).collect();
        names.retain(|name| is_companion(name) && self.data_dir.join(name).is_file());
        for name in &names {
            let (from, to) = (self.data_dir.join(name), staged.join(name));
            if let Some(folder) = to.parent() {
                disk::create_folder(folder)?;
            }
            copy_synced(&from, &to).map_err(at(from))?;
        }
        Ok(names)
    }
}

impl Staged {
    /// What is in it.
    pub fn note(&self) -> &BackupNote {
        &self.note
    }

    /// Moves it to `target`, which must be empty or not there; copies it when that is elsewhere.
    pub fn move_to(self, target: &Path) -> Result<BackupNote, BackupError> {
        require_empty(target)?;
        match fs::rename(&self.folder, target) {
            Ok(()) => sync_parent(target)?,
            Err(_) => {
                let made = Folder::new(target.to_path_buf())?;
                copy_files(&self.folder, &self.note, target)?;
                write_note(target, &self.note)?;
                made.keep();
            }
        }
        Ok(self.note.clone())
    }

    /// Writes it as a compressed tar.
    pub fn write_archive(&self, to: impl Write) -> io::Result<()> {
        let mut compressed = zstd::Encoder::new(to, COMPRESSION_LEVEL)?;
        compressed.include_checksum(true)?;
        let mut archive = tar::Builder::new(compressed);
        // The note first, so that a reader knows at once whether it is one.
        for name in std::iter::once(NOTE_FILE).chain(self.note.files.iter().map(String::as_str)) {
            let file = File::open(self.folder.join(name))?;
            let mut header = tar::Header::new_gnu();
            header.set_size(file.metadata()?.len());
            // There are secrets among them.
            header.set_mode(0o600);
            archive.append_data(&mut header, name, file)?;
        }
        archive.into_inner()?.finish()?.flush()
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        remove_folder(&self.folder);
    }
}

/// Removes what backups that were cut off have left in the data folder.
pub fn remove_leftovers(data_dir: &Path) {
    let Ok(entries) = fs::read_dir(data_dir) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with(STAGING_PREFIX) && name.ends_with(disk::UNFINISHED) {
            remove_folder(&entry.path());
        }
    }
}

/// Puts a backup, a folder or a file, into the folder `data`, which must be empty or not there.
///
/// Where it fails, nothing is left of it.
pub fn restore(source: &Path, data: &Path) -> Result<BackupNote, BackupError> {
    require_empty(data)?;
    let made = Folder::new(data.to_path_buf())?;
    let note = if source.is_dir() {
        let note = read_note(source, &source.join(NOTE_FILE))?;
        copy_files(source, &note, data)?;
        note
    } else {
        unpack(source, data)?
    };
    for folder in note.folders() {
        disk::sync_folder(&data.join(folder))?;
    }
    disk::sync_folder(data)?;
    made.keep();
    sync_parent(data)?;
    Ok(note)
}

fn note(
    folder: &Path,
    names: &[PathBuf],
    events: i64,
    now: DateTime<Utc>,
) -> Result<BackupNote, BackupError> {
    let mut size_bytes = 0;
    for name in names {
        let path = folder.join(name);
        size_bytes += fs::metadata(&path).map_err(at(&path))?.len();
    }
    Ok(BackupNote {
        format: FORMAT,
        program: env!("CARGO_PKG_VERSION").into(),
        made_at: now,
        events,
        size_bytes,
        files: names.iter().map(|name| name.to_string_lossy().into_owned()).collect(),
    })
}

impl BackupNote {
    /// The folders that its files are in.
    fn folders(&self) -> BTreeSet<&Path> {
        self.files.iter().filter_map(|name| Path::new(name).parent()).collect()
    }

    /// Says why a note that was read cannot be followed.
    fn judge(&self) -> Result<(), String> {
        if self.format != FORMAT {
            return Err(format!("its format is {}, this program knows {FORMAT}", self.format));
        }
        match self.files.iter().find(|name| !belongs(Path::new(name))) {
            Some(stranger) => Err(format!("it names a file `{stranger}`")),
            None => Ok(()),
        }
    }
}

/// Whether a backup may have a file of this name. Nothing else is ever written by a restore.
fn belongs(name: &Path) -> bool {
    backup::is_known(name) || is_companion(name)
}

/// Whether this can be the name of a file beside those that Outlay keeps its data in: in the data
/// folder or in a folder of it, and in none of Outlay's own.
fn is_companion(name: &Path) -> bool {
    let mut parts = Vec::new();
    for part in name.components() {
        match part {
            Component::Normal(part) => parts.push(part.to_str().unwrap_or_default()),
            _ => return false,
        }
    }
    let own = [history::FOLDER, dedup::FOLDER, LOCK_FILE, NOTE_FILE, "outlay.sock", ""];
    let begins_as_own =
        |part: &&str| part.starts_with(sqlite::BOOKS_FILE) || part.starts_with(STAGING_PREFIX);
    // Written otherwise than its parts are joined, two names could be one file.
    let is_plain = name.as_os_str().to_str() == Some(&parts.join("/"));
    is_plain
        && (1..=2).contains(&parts.len())
        && !own.contains(&parts[0])
        && !parts.iter().any(begins_as_own)
}

fn write_note(folder: &Path, note: &BackupNote) -> Result<(), BackupError> {
    let path = folder.join(NOTE_FILE);
    let text = serde_json::to_vec_pretty(note).unwrap_or_default();
    let write = || {
        let mut file = File::create(&path)?;
        file.write_all(&text)?;
        file.sync_all()
    };
    write().map_err(at(&path))
}

fn read_note(backup: &Path, path: &Path) -> Result<BackupNote, BackupError> {
    let not_one = |why: String| BackupError::NotABackup { path: backup.to_path_buf(), why };
    let text = fs::read(path)
        .map_err(|error| not_one(format!("`{NOTE_FILE}` in it cannot be read: {error}")))?;
    let note: BackupNote = serde_json::from_slice(&text)
        .map_err(|error| not_one(format!("`{NOTE_FILE}` in it is malformed: {error}")))?;
    note.judge().map_err(not_one)?;
    Ok(note)
}

/// Copies the files that a note names from one folder to another.
fn copy_files(from: &Path, note: &BackupNote, to: &Path) -> Result<(), BackupError> {
    for folder in note.folders() {
        disk::create_folder(&to.join(folder))?;
    }
    for name in &note.files {
        let path = from.join(name);
        copy_synced(&path, &to.join(name)).map_err(at(path))?;
    }
    Ok(())
}

/// Unpacks a compressed backup into the folder `to`.
fn unpack(archive: &Path, to: &Path) -> Result<BackupNote, BackupError> {
    let file = File::open(archive).map_err(at(archive))?;
    let not_one = |why: String| BackupError::NotABackup { path: archive.to_path_buf(), why };
    let broken = |error: io::Error| not_one(error.to_string());
    let plain = zstd::Decoder::new(file).map_err(broken)?;
    let mut tar = tar::Archive::new(BufReader::with_capacity(BUFFER_BYTES, plain));
    let mut note: Option<BackupNote> = None;
    let mut named = BTreeSet::new();
    let mut unpacked = BTreeSet::new();
    for entry in tar.entries().map_err(broken)? {
        let mut entry = entry.map_err(broken)?;
        let name = entry.path().map_err(broken)?.into_owned();
        if note.is_none() {
            if name != Path::new(NOTE_FILE) {
                return Err(not_one(format!("it does not begin with `{NOTE_FILE}`")));
            }
            let mut text = Vec::new();
            (&mut entry).take(NOTE_BYTES_MAX).read_to_end(&mut text).map_err(broken)?;
            let read: BackupNote =
                serde_json::from_slice(&text).map_err(|error| not_one(error.to_string()))?;
            read.judge().map_err(not_one)?;
            named.extend(read.files.iter().map(PathBuf::from));
            note = Some(read);
            continue;
        }
        if !named.contains(&name) || !belongs(&name) || !entry.header().entry_type().is_file() {
            return Err(not_one(format!("it has a file `{}`", name.display())));
        }
        let path = to.join(&name);
        if let Some(folder) = path.parent() {
            disk::create_folder(folder)?;
        }
        // The disk's errors have a number of the system's; the archive's own have none.
        write_synced(&mut entry, &path).map_err(|error| match error.raw_os_error() {
            Some(_) => at(&path)(error),
            None => broken(error),
        })?;
        unpacked.insert(name.to_string_lossy().into_owned());
    }
    let note = note.ok_or_else(|| not_one("it is empty".into()))?;
    match note.files.iter().find(|name| !unpacked.contains(*name)) {
        Some(missing) => Err(not_one(format!("`{missing}` is missing in it"))),
        None => Ok(note),
    }
}

fn write_synced(from: &mut impl Read, to: &Path) -> io::Result<()> {
    let file = File::options().write(true).create_new(true).mode(0o600).open(to)?;
    let mut writer = BufWriter::with_capacity(BUFFER_BYTES, file);
    io::copy(from, &mut writer)?;
    writer.into_inner()?.sync_all()
}

fn require_empty(folder: &Path) -> Result<(), BackupError> {
    match fs::read_dir(folder) {
        Ok(mut entries) => match entries.next() {
            Some(_) => Err(BackupError::NotEmpty(folder.to_path_buf())),
            None => Ok(()),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(at(folder)(error)),
    }
}

fn sync_parent(path: &Path) -> Result<(), BackupError> {
    // A relative name of one part stands in the current folder.
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    Ok(disk::sync_folder(parent.unwrap_or(Path::new(".")))?)
}

fn remove_folder(folder: &Path) {
    if let Err(error) = fs::remove_dir_all(folder)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(folder = %folder.display(), %error, "a folder that is no longer needed could not be removed");
    }
}

/// A folder in the making, readable by its owner only; what was made is removed unless it is kept.
struct Folder {
    path: PathBuf,
    was_there: bool,
    kept: bool,
}

impl Folder {
    fn new(path: PathBuf) -> Result<Self, BackupError> {
        let was_there = path.is_dir();
        if !was_there {
            DirBuilder::new().recursive(true).mode(0o700).create(&path).map_err(at(&path))?;
        }
        Ok(Self { path, was_there, kept: false })
    }

    fn keep(mut self) -> PathBuf {
        self.kept = true;
        std::mem::take(&mut self.path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.kept {
            return;
        }
        remove_folder(&self.path);
        if self.was_there {
            // As it was: there, and empty.
            let _ = fs::create_dir(&self.path);
        }
    }
}
