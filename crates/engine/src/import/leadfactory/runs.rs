//! `batches`: the runs over leads, whose costs carry their id.

use chrono::{DateTime, Utc};
use compact_str::CompactString;
use outlay_domain::imports::{ImportedRun, ImportedRuns};
use outlay_domain::usage::{Refusal, RefusalCode};

use super::super::zone::{Zone, parse_time};
use super::budgets::keep_good;
use super::costs::{name, source};
use super::database::{Cell, Database, DatabaseError, Kind, Patience, Reader, Row, Table};
use crate::import::{Place, RUNS_MAX};

static RUNS: Table = Table {
    name: "batches",
    columns: &["id", "start_time", "end_time", "tier", "leads_processed"],
    required: &["id", "start_time"],
};

/// Runs, and the rows that are none.
pub type Runs = (ImportedRuns, Vec<(Place, Refusal)>);

/// The runs of `database`, whose clock is in `zone` and whose costs are of `costs`. `None` where
/// it has no such table.
pub fn read(
    database: &Database,
    patience: &Patience,
    zone: Zone,
    costs: Option<&CompactString>,
) -> Result<Option<Runs>, DatabaseError> {
    if !matches!(database.kind, Kind::CostTracking(_)) {
        return Ok(None);
    }
    patience.retry(|| {
        let reader = Reader::open(&database.path)?;
        if !reader.tables()?.iter().any(|known| known == RUNS.name) {
            return Ok(None);
        }
        let mut refused = Vec::new();
        let read = |row: &Row| run(row, zone);
        let mut runs = keep_good(&reader.all(&RUNS)?, read, &mut refused);
        runs.sort_by(|one, two| (one.started_at, &one.id).cmp(&(two.started_at, &two.id)));
        runs.drain(..runs.len().saturating_sub(RUNS_MAX));
        let source = source(database.kind, costs);
        Ok(Some((ImportedRuns { source, runs }, refused)))
    })
}

fn run(row: &Row, zone: Zone) -> Result<ImportedRun, Refusal> {
    let missing = |field| Refusal::new(RefusalCode::Missing, field, "a run must have one");
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
    Ok(ImportedRun {
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
