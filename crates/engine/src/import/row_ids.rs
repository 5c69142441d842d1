//! Names for rows that have none.

use compact_str::{CompactString, format_compact};
use hashbrown::{HashMap, HashSet};
use xxhash_rust::xxh3::xxh3_64;

/// Rows without an id in one import, at most: each is remembered in some twelve to twenty bytes.
pub const ROWS_WITHOUT_ID_MAX: usize = 25_000_000;

/// Names rows by what stands in them.
///
/// The name is a hash of the row's columns and values, so that a file can be imported again,
/// longer, sorted or cut differently, and its rows keep their names. Rows that are equal to the
/// last character are usage each: the second of them is named `…:2`, and so on.
#[derive(Debug, Default)]
pub struct RowIds {
    seen: HashSet<u64>,
    more: HashMap<u64, u32>,
    scratch: Vec<u8>,
}

/// There are more rows without an id than can be remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "more than {ROWS_WITHOUT_ID_MAX} rows have no id: name a column that tells them apart, or \
     import the file in parts"
)]
pub struct TooManyRows;

impl RowIds {
    /// Nothing named yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Names a row by its columns and values. Their order does not matter, and neither do empty
    /// values.
    pub fn name<'a>(
        &mut self,
        cells: impl Iterator<Item = (&'a str, &'a str)>,
    ) -> Result<CompactString, TooManyRows> {
        let mut cells: Vec<_> = cells.filter(|(_, value)| !value.is_empty()).collect();
        cells.sort_unstable();
        self.scratch.clear();
        for (column, value) in cells {
            for part in [column, value] {
                self.scratch.extend_from_slice(&(part.len() as u64).to_le_bytes());
                self.scratch.extend_from_slice(part.as_bytes());
            }
        }
        let hash = xxh3_64(&self.scratch);
        if self.seen.insert(hash) {
            if self.seen.len() > ROWS_WITHOUT_ID_MAX {
                return Err(TooManyRows);
            }
            return Ok(format_compact!("row:{hash:016x}"));
        }
        let times = self.more.entry(hash).or_insert(1);
        *times += 1;
        Ok(format_compact!("row:{hash:016x}:{times}"))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn name(ids: &mut RowIds, row: &[(&str, &str)]) -> String {
        ids.name(row.iter().copied()).unwrap().into()
    }

    #[test]
    fn a_row_is_named_by_its_content_alone() {
        let (mut a, mut b) = (RowIds::new(), RowIds::new());

        let first = name(&mut a, &[("model", "gpt-4o"), ("cost", "1")]);
        let other = name(&mut b, &[("cost", "2"), ("model", "gpt-4o")]);
        let same = name(&mut b, &[("cost", "1"), ("note", ""), ("model", "gpt-4o")]);

        assert_eq!(first, same);
        assert_ne!(first, other);
        assert_eq!(first, "row:9100c013c30eb0bb", "names must never change between versions");
    }

    #[test]
    fn equal_rows_are_usage_each() {
        let mut ids = RowIds::new();
        let row = [("cost", "1")];

        let names = [name(&mut ids, &row), name(&mut ids, &row), name(&mut ids, &row)];

        assert_eq!(names[1], format!("{}:2", names[0]));
        assert_eq!(names[2], format!("{}:3", names[0]));
    }
}
