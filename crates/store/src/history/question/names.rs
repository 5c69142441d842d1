//! Texts that were given a number.

use std::hash::BuildHasher;

use compact_str::CompactString;
use hashbrown::hash_table::Entry;
use hashbrown::{DefaultHashBuilder, HashTable};

/// Texts and their numbers, which count from 1; 0 stands for no text.
#[derive(Debug, Default)]
pub(in crate::history) struct Names {
    /// The places of the texts, by their hashes.
    places: HashTable<u32>,
    /// Seeded anew each time, because senders choose the names.
    hasher: DefaultHashBuilder,
    texts: Vec<CompactString>,
    /// Bytes that they take.
    bytes: usize,
}

impl Names {
    /// The number of a text. No text and an empty one are the same.
    pub(in crate::history) fn id(&mut self, text: Option<&str>) -> u32 {
        let Some(text) = text.filter(|text| !text.is_empty()) else { return 0 };
        let Self { places, hasher, texts, bytes } = self;
        let hash = |text: &str| hasher.hash_one(text);
        let is_it = |place: &u32| texts[*place as usize] == text;
        match places.entry(hash(text), is_it, |place| hash(&texts[*place as usize])) {
            Entry::Occupied(known) => *known.get() + 1,
            Entry::Vacant(free) => {
                let place = texts.len() as u32;
                free.insert(place);
                *bytes += size_of::<CompactString>() + size_of::<u32>() + text.len();
                texts.push(text.into());
                place + 1
            }
        }
    }

    /// The text of a number.
    pub(in crate::history) fn text(&self, id: u32) -> Option<&CompactString> {
        self.texts.get((id as usize).checked_sub(1)?)
    }

    /// One more than the largest number.
    pub(in crate::history) fn ids(&self) -> usize {
        self.texts.len() + 1
    }

    /// Bytes that the texts take, about.
    pub(in crate::history) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The texts, in the order of their numbers.
    pub(in crate::history) fn into_texts(self) -> Vec<CompactString> {
        self.texts
    }
}
