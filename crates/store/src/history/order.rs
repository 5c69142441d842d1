//! The order of the rows in a segment: by day, provider, model, account and time.
//!
//! What is asked for together then lies together, most columns compress to next to nothing, and
//! the statistics of a row group say much about what is in it. The order is an agreement for the
//! sake of size and speed; nothing breaks where it does not hold.

use std::collections::BTreeSet;

use compact_str::CompactString;
use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::datatypes::{Int32Type, TimestampMicrosecondType};
use hashbrown::HashMap;

use crate::StoreError;

/// The columns of names by which rows are sorted within a day.
pub(super) const ORDER_COLUMNS: [&str; 3] = ["provider", "model", "account"];
/// Bits for the rank of a name; later names than these can count share the last rank.
const RANK_BITS: [u32; 3] = [14, 20, 24];
/// Bits for a microsecond of a day.
const TIME_BITS: u32 = 37;
/// Bytes of names of one column that are ranked. Rows of further names come first, together; they
/// would take memory without bound, and hardly anything would lie better for it.
const RANKED_BYTES_MAX: usize = 32 << 20;
/// Microseconds in a day.
pub(super) const DAY_US: i64 = 86_400_000_000;

/// Where a row stands: an earlier row has a smaller number.
pub(super) type Place = u128;

/// The day of a place, for telling where one ends.
pub(super) fn day_of(place: Place) -> u64 {
    (place >> (RANK_BITS.iter().sum::<u32>() + TIME_BITS)) as u64
}

/// The names of several batches in alphabetical order.
#[derive(Default)]
pub(super) struct Ranks {
    names: [BTreeSet<CompactString>; ORDER_COLUMNS.len()],
    /// Bytes of the names, of each column.
    bytes: [usize; ORDER_COLUMNS.len()],
    ranks: [HashMap<CompactString, u32>; ORDER_COLUMNS.len()],
}

impl Ranks {
    /// Learns the names of `batch`, of which only [`ORDER_COLUMNS`] are looked at.
    pub fn learn(&mut self, batch: &RecordBatch) -> Result<(), StoreError> {
        let sizes = self.bytes.iter_mut();
        for ((names, bytes), column) in self.names.iter_mut().zip(sizes).zip(ORDER_COLUMNS) {
            let (_, texts) = dictionary(batch, column)?;
            for text in texts.iter().flatten() {
                if *bytes < RANKED_BYTES_MAX && !names.contains(text) {
                    *bytes += size_of::<CompactString>() + text.len();
                    names.insert(text.into());
                }
            }
        }
        Ok(())
    }

    /// Ranks what was learned.
    pub fn rank(mut self) -> Self {
        for (names, ranks) in self.names.iter_mut().zip(&mut self.ranks) {
            *ranks = std::mem::take(names).into_iter().zip(1..).collect();
        }
        self
    }

    /// The place of each row of `batch`.
    pub fn places(&self, batch: &RecordBatch) -> Result<Vec<Place>, StoreError> {
        let times = batch
            .column_by_name("occurred_at")
            .and_then(|column| column.as_primitive_opt::<TimestampMicrosecondType>())
            .ok_or_else(|| unlike("occurred_at"))?;
        let mut places: Vec<Place> = times
            .values()
            .iter()
            .map(|time| Place::from(time.div_euclid(DAY_US).clamp(0, i64::from(u16::MAX)) as u64))
            .collect();
        for ((column, bits), ranks) in ORDER_COLUMNS.into_iter().zip(RANK_BITS).zip(&self.ranks) {
            let (names, texts) = dictionary(batch, column)?;
            let max = (1 << bits) - 1;
            let ranks: Vec<Place> = texts
                .iter()
                .map(|text| {
                    text.and_then(|text| ranks.get(text)).map_or(0, |rank| (*rank).min(max))
                })
                .map(Place::from)
                .collect();
            let keys = names.keys();
            for (row, place) in places.iter_mut().enumerate() {
                let rank = if keys.is_valid(row) { ranks[keys.value(row) as usize] } else { 0 };
                *place = *place << bits | rank;
            }
        }
        for (place, time) in places.iter_mut().zip(times.values()) {
            *place = *place << TIME_BITS | Place::from(time.rem_euclid(DAY_US) as u64);
        }
        Ok(places)
    }
}

type Dictionary<'a> = (
    &'a datafusion::arrow::array::DictionaryArray<Int32Type>,
    &'a datafusion::arrow::array::StringArray,
);

/// The names of a column and their texts.
pub(super) fn dictionary<'a>(
    batch: &'a RecordBatch,
    column: &str,
) -> Result<Dictionary<'a>, StoreError> {
    let names = batch
        .column_by_name(column)
        .and_then(|column| column.as_dictionary_opt::<Int32Type>())
        .ok_or_else(|| unlike(column))?;
    let texts = names.values().as_string_opt::<i32>().ok_or_else(|| unlike(column))?;
    Ok((names, texts))
}

pub(super) fn unlike(column: &str) -> StoreError {
    StoreError::Damaged {
        what: format!("the column `{column}`"),
        how: "it is missing or of another type".into(),
    }
}
