//! Whether the data folder takes writes, as far as is known: asked often, found out seldom.
//!
//! Every commit tells. Where none came for a while, a task writes something small. So whoever asks
//! whether the server is ready costs nothing, and hears what a sender of events would.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use outlay_store::{Books, StoreError};
use parking_lot::Mutex;

/// Space that must be free, at least, for a commit and what the books write for it.
const ROOM_BYTES: u64 = 1 << 20;
/// The file that is made to see whether there is room, and removed at once.
const PROBE_FILE: &str = "room.tmp";

/// What is known of the data folder's taking writes.
pub struct Writes {
    folder: PathBuf,
    books: Arc<Books>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Why the last write failed, while none succeeded since.
    failure: Option<String>,
    /// Whether a commit was written since the last look.
    is_fresh: bool,
}

impl Writes {
    /// Nothing is known yet; until then a folder that was just opened counts as one that takes
    /// writes.
    pub fn new(folder: &Path, books: Arc<Books>) -> Self {
        Self { folder: folder.to_owned(), books, state: Mutex::default() }
    }

    /// Notes that a commit is on the disk.
    pub fn succeeded(&self) {
        let mut state = self.state.lock();
        state.is_fresh = true;
        if state.failure.take().is_some() {
            tracing::info!("the data folder takes writes again");
        }
    }

    /// Notes that something could not be written, where the disk is the reason.
    pub fn failed(&self, error: &StoreError) {
        if !error.is_of_disk() {
            return;
        }
        let told = told(error);
        let mut state = self.state.lock();
        if state.failure.is_none() {
            tracing::error!(error = %told, "the data folder takes no writes");
        }
        state.failure = Some(told);
    }

    /// Why the last write failed; `None` while writes succeed.
    pub fn failure(&self) -> Option<String> {
        self.state.lock().failure.clone()
    }

    /// Writes something small, unless a commit was written since the last time.
    pub fn look(&self) {
        if std::mem::take(&mut self.state.lock().is_fresh) {
            return;
        }
        match self.check_room().and_then(|()| self.books.check_writable()) {
            Ok(()) => {
                self.succeeded();
                self.state.lock().is_fresh = false;
            }
            Err(error) => self.failed(&error),
        }
    }

    /// Whether there is room for a commit. What is small may still fit where no commit does.
    fn check_room(&self) -> Result<(), StoreError> {
        let path = self.folder.join(PROBE_FILE);
        let made = File::create(&path).and_then(|file| {
            let flags = rustix::fs::FallocateFlags::empty();
            match rustix::fs::fallocate(&file, flags, 0, ROOM_BYTES) {
                // Some file systems cannot tell.
                Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => Ok(()),
                outcome => Ok(outcome?),
            }
        });
        let removed = std::fs::remove_file(&path);
        made.and(removed).map_err(StoreError::file(&path))
    }
}

/// An error with its causes in one line.
fn told(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    let all = std::iter::once(error.to_string()).chain(causes.map(ToString::to_string));
    all.collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn beats(books: &Books) -> i64 {
        books.read_blocking(|books| books.heartbeats()).unwrap()
    }

    #[test]
    fn nothing_is_written_where_a_commit_was() {
        let folder = tempfile::tempdir().unwrap();
        let books = Arc::new(Books::open(folder.path()).unwrap());
        let writes = Writes::new(folder.path(), books.clone());

        writes.succeeded();
        writes.look();
        assert_eq!(beats(&books), 0);
        writes.look();
        writes.look();

        assert_eq!(beats(&books), 2);
        assert!(!folder.path().join(PROBE_FILE).exists());
    }

    #[test]
    fn a_failure_stands_until_something_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let books = Arc::new(Books::open(folder.path()).unwrap());
        let writes = Writes::new(folder.path(), books);
        let full = std::io::Error::from(std::io::ErrorKind::StorageFull);

        writes.failed(&StoreError::file("here")(full));
        assert!(writes.failure().unwrap().contains("`here` could not be read or written"));

        writes.look();
        assert_eq!(writes.failure(), None);
    }

    #[test]
    fn a_folder_that_is_gone_takes_no_writes() {
        let folder = tempfile::tempdir().unwrap();
        let books = Arc::new(Books::open(folder.path()).unwrap());
        let writes = Writes::new(&folder.path().join("gone"), books);

        writes.look();

        assert!(writes.failure().unwrap().contains("No such file"));
    }
}
