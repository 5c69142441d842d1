//! `budget_limits`, their thresholds, and the budget of each month.

use compact_str::CompactString;
use outlay_domain::imports::{ImportedBudgets, ImportedLimit, ImportedPeriod, ImportedThreshold};
use outlay_domain::usage::{Refusal, RefusalCode};

use super::costs::{dollars, name, source};
use super::database::{Cell, Database, DatabaseError, Kind, Patience, Reader, Row, Table};
use crate::import::Place;

static LIMITS: Table = Table {
    name: "budget_limits",
    columns: &["id", "amount", "period", "model", "endpoint", "description"],
    required: &["id", "amount", "period"],
};
static THRESHOLDS: Table = Table {
    name: "alert_thresholds",
    columns: &["level", "percentage", "enabled"],
    required: &["level", "percentage"],
};
static SETTINGS: Table =
    Table { name: "config_settings", columns: &["key", "value"], required: &["key", "value"] };
/// The package's table; every month with a cost has a row there.
static MONTHS: Table = Table {
    name: "monthly_budgets",
    columns: &["year", "month", "budget"],
    required: &["year", "month", "budget"],
};
/// The script's table of the same.
static SCRIPT_MONTHS: Table = Table {
    name: "monthly_budget",
    columns: &["year", "month", "budget"],
    required: &["year", "month", "budget"],
};

/// Budgets, and the rows that are none.
pub type Budgets = (ImportedBudgets, Vec<(Place, Refusal)>);

/// The budgets of `database`, whose costs are of `costs`. `None` where it has no such tables.
pub fn read(
    database: &Database,
    patience: &Patience,
    costs: Option<&CompactString>,
) -> Result<Option<Budgets>, DatabaseError> {
    patience.retry(|| {
        let reader = Reader::open(&database.path)?;
        match database.kind {
            Kind::Budgets => read_limits(&reader).map(Some),
            Kind::CostTracking(_) => read_months(&reader, source(database.kind, costs)),
            _ => Ok(None),
        }
    })
}

fn read_limits(reader: &Reader) -> Result<Budgets, DatabaseError> {
    let tables = reader.tables()?;
    let has = |table: &Table| tables.iter().any(|known| known == table.name);
    let mut refused = Vec::new();
    let limits = keep_good(&reader.all(&LIMITS)?, limit, &mut refused);
    let thresholds = match has(&THRESHOLDS) {
        true => keep_good(&reader.all(&THRESHOLDS)?, threshold, &mut refused),
        false => Vec::new(),
    };
    let settings = if has(&SETTINGS) { reader.all(&SETTINGS)? } else { Vec::new() };
    let off = |row: &Row| {
        let is =
            |column, word| row.text(column).is_some_and(|text| text.eq_ignore_ascii_case(word));
        is("key", "global_enabled") && is("value", "false")
    };
    let enabled = !settings.iter().any(off);
    // The rows are replaced whenever somebody changes one: there is no first row to know the
    // database by, and one is all that LeadFactory has.
    let source = CompactString::const_new("leadfactory:budget_config");
    Ok((ImportedBudgets { source, enabled, limits, thresholds }, refused))
}

fn read_months(reader: &Reader, source: CompactString) -> Result<Option<Budgets>, DatabaseError> {
    let tables = reader.tables()?;
    let has = |table: &Table| tables.iter().any(|known| known == table.name);
    let Some(table) = [&MONTHS, &SCRIPT_MONTHS].into_iter().find(|table| has(table)) else {
        return Ok(None);
    };
    let mut refused = Vec::new();
    let limits = keep_good(&reader.all(table)?, month, &mut refused);
    Ok(Some((ImportedBudgets { source, enabled: true, limits, thresholds: Vec::new() }, refused)))
}

/// What `read` makes of the rows; those of which it makes nothing are added to `refused`.
pub(super) fn keep_good<T>(
    rows: &[Row],
    read: impl Fn(&Row) -> Result<T, Refusal>,
    refused: &mut Vec<(Place, Refusal)>,
) -> Vec<T> {
    let place = |row: &Row| Place::Row { table: row.table(), id: row.id };
    rows.iter()
        .filter_map(|row| read(row).map_err(|refusal| refused.push((place(row), refusal))).ok())
        .collect()
}

fn limit(row: &Row) -> Result<ImportedLimit, Refusal> {
    let word = row.text("period").unwrap_or_default();
    let period = match ImportedPeriod::parse(&word) {
        Some(period) if !matches!(period, ImportedPeriod::Month { .. }) => period,
        _ => {
            let detail = format!("`{word}` is not daily, weekly or monthly");
            return Err(Refusal::new(RefusalCode::Malformed, "period", detail));
        }
    };
    Ok(ImportedLimit {
        id: row.text("id").unwrap_or_default(),
        amount: dollars(row, "amount")?,
        period,
        model: name(row, "model")?,
        endpoint: name(row, "endpoint")?,
        description: name(row, "description")?,
    })
}

fn threshold(row: &Row) -> Result<ImportedThreshold, Refusal> {
    Ok(ImportedThreshold {
        level: row.text("level").unwrap_or_default(),
        part: dollars(row, "percentage")?,
        enabled: !matches!(row.get("enabled"), Cell::Integer(0)),
    })
}

fn month(row: &Row) -> Result<ImportedLimit, Refusal> {
    let number = |column| match row.get(column) {
        Cell::Integer(number) => Some(*number),
        _ => None,
    };
    let period = number("year")
        .and_then(|year| i32::try_from(year).ok())
        .zip(number("month").and_then(|month| u32::try_from(month).ok()))
        .and_then(|(year, month)| ImportedPeriod::month(year, month))
        .ok_or_else(|| {
            Refusal::new(RefusalCode::OutOfRange, "month", "is not a month of the calendar")
        })?;
    Ok(ImportedLimit {
        id: period.word(),
        amount: dollars(row, "budget")?,
        period,
        model: None,
        endpoint: None,
        description: None,
    })
}
