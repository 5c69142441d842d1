//! Rows of LeadFactory's databases that were refused, and are not counted.

use std::collections::BTreeMap;

use compact_str::CompactString;
use outlay_engine::import::books::records;

use super::desk::Desk;
use super::error::Refused;

/// What sources of LeadFactory's begin with.
const SOURCES: &str = "leadfactory:";

impl Desk {
    /// How many rows were refused in all imports, by the name of their database; those without
    /// refusals are left out. Nobody's where not all spend is seen.
    pub async fn refused_rows(&self) -> Result<BTreeMap<CompactString, u64>, Refused> {
        if !self.sees_all() {
            return Ok(BTreeMap::new());
        }
        let records = records(&self.state.outlay.books).await?;
        let mut refused = BTreeMap::new();
        for record in records {
            if record.source.starts_with(SOURCES) && record.rows.refused > 0 {
                *refused.entry(record.kind).or_default() += record.rows.refused;
            }
        }
        Ok(refused)
    }
}
