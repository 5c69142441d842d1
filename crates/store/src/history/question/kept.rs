//! Sums over files that never change are kept for the next question of the same shape.

use std::path::PathBuf;
use std::sync::Arc;

use hashbrown::HashMap;
use parking_lot::Mutex;

use super::shape::Shape;
use super::worker::Partial;

/// Sums of a file that are worth keeping have no more cells than this.
pub(super) const CELLS_KEPT_MAX: usize = 20_000;

/// What kept sums are of.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct KeptKey {
    pub(super) path: PathBuf,
    /// Which of its row groups: which are read depends on the question's range too.
    pub(super) row_groups: Vec<usize>,
    /// The level of a roll-up.
    pub(super) level: Option<i8>,
    pub(super) shape: Arc<Shape>,
    /// The first instant that counts and the first after it that does not, where they cut.
    pub(super) cut: (Option<i64>, Option<i64>),
}

/// A bounded store of sums; what was not asked for longest goes first.
#[derive(Debug)]
pub(super) struct KeptSums {
    bytes_max: usize,
    sums: Mutex<Store>,
}

#[derive(Debug, Default)]
struct Store {
    kept: HashMap<KeptKey, Kept>,
    bytes: usize,
    uses: u64,
}

#[derive(Debug)]
struct Kept {
    partial: Arc<Partial>,
    bytes: usize,
    last_use: u64,
}

impl KeptSums {
    pub(super) fn new(bytes_max: usize) -> Self {
        Self { bytes_max, sums: Mutex::default() }
    }

    pub(super) fn get(&self, key: &KeptKey) -> Option<Arc<Partial>> {
        let mut store = self.sums.lock();
        store.uses += 1;
        let now = store.uses;
        let kept = store.kept.get_mut(key)?;
        kept.last_use = now;
        Some(kept.partial.clone())
    }

    /// Whether the sums of a file are kept.
    pub(super) fn holds(&self, key: &KeptKey) -> bool {
        self.sums.lock().kept.contains_key(key)
    }

    pub(super) fn keep(&self, key: KeptKey, partial: Arc<Partial>) {
        let bytes = partial.size_bytes() + size_of::<KeptKey>() + key.path.as_os_str().len();
        if bytes > self.bytes_max / 4 {
            return;
        }
        let mut store = self.sums.lock();
        if store.bytes + bytes > self.bytes_max {
            store.make_room(self.bytes_max / 2);
        }
        store.uses += 1;
        let kept = Kept { partial, bytes, last_use: store.uses };
        store.bytes += bytes;
        if let Some(replaced) = store.kept.insert(key, kept) {
            store.bytes -= replaced.bytes;
        }
    }

    /// Forgets sums of files that are not in use any more.
    pub(super) fn keep_only(&self, is_used: impl Fn(&std::path::Path) -> bool) {
        let mut store = self.sums.lock();
        store.kept.retain(|key, _| is_used(&key.path));
        store.bytes = store.kept.values().map(|kept| kept.bytes).sum();
    }

    /// How much memory is used.
    pub(super) fn bytes(&self) -> usize {
        self.sums.lock().bytes
    }
}

impl Store {
    /// Lets go of the oldest until no more than `bytes` are left.
    fn make_room(&mut self, bytes: usize) {
        let mut uses: Vec<(u64, usize)> =
            self.kept.values().map(|kept| (kept.last_use, kept.bytes)).collect();
        uses.sort_unstable();
        let mut left = self.bytes;
        let mut oldest_kept = 0;
        for (last_use, size) in uses {
            if left <= bytes {
                break;
            }
            left -= size;
            oldest_kept = last_use + 1;
        }
        self.kept.retain(|_, kept| kept.last_use >= oldest_kept);
        self.bytes = self.kept.values().map(|kept| kept.bytes).sum();
    }
}
