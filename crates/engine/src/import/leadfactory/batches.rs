//! `batches`: the runs over leads, whose costs carry their id.

use chrono::{DateTime, Utc};
use compact_str::CompactString;
use outlay_domain::imports::{ImportedBatch, ImportedBatches};
use outlay_domain::usage::{Refusal, RefusalCode};

use super::super::zone::{Zone, parse_time};
use super::budgets::keep_good;
use super::costs::{name, source};
use super::database::{Cell, Database, DatabaseError, Kind, Patience, Reader, Row, Table};
use crate::import::{BATCHES_MAX, Place};

static BATCHES: Table = Table {
    name: "batches",
    columns: &["id", "start_time", "end_time", "tier", "leads_processed"],
    required: &["id", "start_time"],
};

/// Batches, and the rows that are none.
pub type Batches = (ImportedBatches, Vec<(Place, Refusal)>);

/// The batches of `database`, whose clock is in `zone` and whose costs are of `costs`. `None` where
/// it has no such table.
pub fn read(
    database: &Database,
    patience: &Patience,
    zone: Zone,
    costs: Option<&CompactString>,
) -> Result<Option<Batches>, DatabaseError> {
    if !matches!(database.kind, Kind::CostTracking(_)) {
        return Ok(None);
    }
    patience.retry(|| {
        let reader = Reader::open(&database.path)?;
        if !reader.tables()?.iter().any(|known| known == BATCHES.name) {
            return Ok(None);
        }
        let mut refused = Vec::new();
        let read = |row: &Row| batch(row, zone);
        let mut batches = keep_good(&reader.all(&BATCHES)?, read, &mut refused);
        batches.sort_by(|one, two| (one.started_at, &one.id).cmp(&(two.started_at, &two.id)));
        batches.drain(..batches.len().saturating_sub(BATCHES_MAX));
        let source = source(database.kind, costs);
        Ok(Some((ImportedBatches { source, batches }, refused)))
    })
}

fn batch(row: &Row, zone: Zone) -> Result<ImportedBatch, Refusal> {
    let missing = |field| Refusal::new(RefusalCode::Missing, field, "a batch must have one");
    let leads = match row.get("leads_processed") {
        Cell::Integer(leads) => u64::try_from(*leads).map_err(|_| {
            let detail = format!("{leads} is negative");
            Refusal::new(RefusalCode::OutOfRange, "leads_processed", detail)
        })?,
        Cell::Null => 0,
        _ => {
            let detail = "is not a whole number";
            return Err(Refusal::new(RefusalCode::Malformed, "leads_processed", detail));
        }
    };
    Ok(ImportedBatch {
        id: name(row, "id")?.ok_or_else(|| missing("id"))?,
        tier: name(row, "tier")?,
        started_at: time(row, "start_time", zone)?.ok_or_else(|| missing("start_time"))?,
        ended_at: time(row, "end_time", zone)?,
        leads,
    })
}

fn time(row: &Row, column: &'static str, zone: Zone) -> Result<Option<DateTime<Utc>>, Refusal> {
    let read = |text: CompactString| {
        parse_time(&text, zone)
            .map_err(|error| Refusal::new(RefusalCode::Malformed, column, error.to_string()))
    };
    name(row, column)?.map(read).transpose()
}
