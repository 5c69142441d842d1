//! The keys that are not in a run yet, in memory.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

use super::Seen;
use super::key::EventKey;

/// An exact set of keys.
#[derive(Default)]
pub(super) struct Table {
    keys: HashTable<EventKey>,
    /// An id is a hash already, but of what its sender chose: without a seed they could choose ids
    /// that lie in one place of the table.
    hasher: DefaultHashBuilder,
}

impl Table {
    pub fn insert(&mut self, key: EventKey) {
        let Self { keys, hasher } = self;
        let hash = |key: &EventKey| hasher.hash_one(key.id);
        keys.entry(hash(&key), |known| *known == key, hash).or_insert(key);
    }

    #[inline]
    pub fn check(&self, key: EventKey) -> Seen {
        let mut seen = Seen::New;
        let hash = self.hasher.hash_one(key.id);
        for known in self.keys.iter_hash(hash).filter(|known| known.id == key.id) {
            seen = seen.max(Seen::of(known.body == key.body));
        }
        seen
    }

    pub fn iter(&self) -> impl Iterator<Item = EventKey> {
        self.keys.iter().copied()
    }

    pub fn len(&self) -> usize {
        self.keys.len()
    }

    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    pub fn memory_bytes(&self) -> usize {
        // One byte of control beside each place; an eighth of the places stays free.
        (self.keys.capacity() * 8 / 7) * (size_of::<EventKey>() + 1)
    }
}
