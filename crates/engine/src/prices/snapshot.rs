//! The prices that the program is shipped with, so that usage is priced without anybody's help.
//!
//! `data/prices/snapshot.json.zst` is made from the two files that people keep for everyone; how,
//! stands in `docs/guide/prices.md`.

use std::io::Read;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::listing::Listing;

const PACKED: &[u8] = include_bytes!("../../data/prices/snapshot.json.zst");

/// Bytes that an unpacked snapshot may have.
const UNPACKED_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Hard packing: it is done once, and shipped often.
const ZSTD_LEVEL: i32 = 22;

/// Prices of one day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The day on which the files were read.
    pub date: NaiveDate,
    /// The listings; of two that know a model the later one decides.
    pub listings: Vec<Listing>,
}

/// Why a snapshot cannot be read or made.
#[derive(Debug, Error)]
pub enum SnapshotError {
    /// It cannot be packed or unpacked.
    #[error("the snapshot of prices cannot be packed or unpacked")]
    Pack(#[from] std::io::Error),
    /// It is not what a snapshot is.
    #[error("the snapshot of prices is damaged")]
    Form(#[from] serde_json::Error),
}

impl Snapshot {
    /// The one that is shipped.
    pub fn shipped() -> Result<Self, SnapshotError> {
        Self::unpack(PACKED)
    }

    /// Reads a packed snapshot.
    pub fn unpack(packed: &[u8]) -> Result<Self, SnapshotError> {
        let mut json = Vec::new();
        zstd::Decoder::new(packed)?.take(UNPACKED_BYTES_MAX).read_to_end(&mut json)?;
        Ok(serde_json::from_slice(&json)?)
    }

    /// Packs the snapshot as small as it gets.
    pub fn pack(&self) -> Result<Vec<u8>, SnapshotError> {
        let json = serde_json::to_vec(self)?;
        Ok(zstd::encode_all(json.as_slice(), ZSTD_LEVEL)?)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_snapshot_is_small_and_knows_both_sources() {
        let snapshot = Snapshot::shipped().unwrap();

        assert!(PACKED.len() < 500 * 1024, "{} bytes", PACKED.len());
        let rows: Vec<(&str, usize)> =
            snapshot.listings.iter().map(|one| (one.source.as_str(), one.rows.len())).collect();
        assert_eq!(
            rows.iter().map(|(name, _)| *name).collect::<Vec<_>>(),
            ["outlay", "genai-prices", "litellm"]
        );
        assert!(rows[1].1 > 5_000 && rows[2].1 > 10_000, "{rows:?}");
        assert_eq!(Snapshot::unpack(&snapshot.pack().unwrap()).unwrap(), snapshot);
    }
}
