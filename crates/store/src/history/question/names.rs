//! Texts that were given a number.

use compact_str::CompactString;
use hashbrown::HashMap;

/// Texts and their numbers, which count from 1; 0 stands for no text.
#[derive(Debug, Default)]
pub(in crate::history) struct Names {
    ids: HashMap<CompactString, u32>,
    texts: Vec<CompactString>,
    /// Bytes that they take.
    bytes: usize,
}

impl Names {
    /// The number of a text. No text and an empty one are the same.
    pub(in crate::history) fn id(&mut self, text: Option<&str>) -> u32 {
        let Some(text) = text.filter(|text| !text.is_empty()) else { return 0 };
        if let Some(id) = self.ids.get(text) {
            return *id;
        }
        self.bytes += 2 * (size_of::<CompactString>() + text.len());
        self.texts.push(text.into());
        let id = self.texts.len() as u32;
        self.ids.insert(text.into(), id);
        id
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
