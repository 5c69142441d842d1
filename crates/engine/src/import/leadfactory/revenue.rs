//! `purchase_metrics_raw` and `financial_transactions`: what LeadFactory's customers paid.
//!
//! Names and addresses of customers are not read.

use compact_str::{CompactString, format_compact};
use outlay_domain::Amount;
use outlay_domain::revenue::{RevenueFact, RevenueKind, is_within_bounds};
use outlay_domain::usage::{METADATA_BYTES_MAX, Refusal, RefusalCode};
use std::collections::BTreeMap;

use super::super::zone::{Zone, parse_time};
use super::costs::name;
use super::database::{Cell, Database, DatabaseError, Kind, Patience, Row, Table};
use super::tail::{Change, Cursor, Known, Rows, Tail};
use crate::import::{PARCEL_ROWS, Place};

/// The table of purchases. Its times are UTC: the database sets them.
pub static PURCHASES: Table = Table {
    name: "purchase_metrics_raw",
    columns: &[
        "id",
        "timestamp",
        "stripe_payment_intent_id",
        "gross_amount_cents",
        "net_amount_cents",
        "stripe_fee_cents",
        "audit_type",
        "currency",
        "metadata",
    ],
    required: &["id", "timestamp", "stripe_payment_intent_id", "gross_amount_cents"],
};

/// The table of payments and refunds. Its times are local.
pub static TRANSACTIONS: Table = Table {
    name: "financial_transactions",
    columns: &[
        "id",
        "transaction_id",
        "stripe_payment_intent_id",
        "transaction_type",
        "timestamp",
        "gross_amount_cents",
        "net_amount_cents",
        "stripe_fee_cents",
        "tax_amount_cents",
        "currency",
        "audit_type",
        "metadata",
    ],
    required: &["id", "transaction_type", "timestamp", "gross_amount_cents"],
};

/// Nanos in a cent.
const NANOS_PER_CENT: i64 = 10_000_000;

/// Payments to be sent and remembered together.
#[derive(Debug)]
pub struct RevenueParcel {
    /// Where they are from.
    pub source: CompactString,
    /// The payments, or why a row is none.
    pub rows: Vec<(Place, Result<RevenueFact, Refusal>)>,
    /// How far the table is read when they are kept.
    pub cursor: Cursor,
    /// More rows by which the database is known again.
    pub anchors: Vec<Cursor>,
    /// Which file it is.
    pub file: Option<CompactString>,
}

/// Reads payments in parcels.
#[derive(Debug)]
pub struct RevenueFeed {
    kind: Kind,
    tail: Tail,
    zone: Zone,
}

impl RevenueFeed {
    /// Reads `database`, which holds purchases or finances; `again` reads all of it again.
    pub fn new(
        database: &Database,
        known: Vec<Known>,
        patience: &Patience,
        zone: Zone,
        again: bool,
    ) -> Self {
        let (table, zone) = match database.kind {
            Kind::Purchases => (&PURCHASES, Zone::UTC),
            _ => (&TRANSACTIONS, zone),
        };
        let tail = Tail::new(database, table, known, patience.clone());
        let tail = if again { tail.from_the_beginning() } else { tail };
        Self { kind: database.kind, tail, zone }
    }

    /// Finds out which database it is, and how many of its rows were read before.
    pub fn recognise(&mut self) -> Result<Rows, DatabaseError> {
        self.tail.recognise()
    }

    /// What changed about the file since this was last asked.
    pub fn take_changes(&mut self) -> Vec<Change> {
        self.tail.take_changes()
    }

    /// The next payments; `None` when all were read, for now.
    pub fn next_parcel(&mut self) -> Result<Option<RevenueParcel>, DatabaseError> {
        let rows = self.tail.next(PARCEL_ROWS)?;
        let Some((identity, cursor)) = self.tail.identity().zip(self.tail.cursor()) else {
            return Ok(None);
        };
        if rows.is_empty() {
            return Ok(None);
        }
        let source = self.kind.source(identity);
        let read = |row: &Row| {
            let place = Place::Row { table: row.table(), id: row.id };
            (place, fact(row, self.kind, &source, self.zone))
        };
        let rows = rows.iter().map(read).collect();
        let (cursor, file) = (cursor.clone(), self.tail.file().cloned());
        let anchors = self.tail.take_anchors();
        Ok(Some(RevenueParcel { source, rows, cursor, anchors, file }))
    }
}

fn fact(row: &Row, kind: Kind, source: &str, zone: Zone) -> Result<RevenueFact, Refusal> {
    let refuse = |code, field: &str, detail: String| Refusal::new(code, field, detail);
    let timestamp = row.text("timestamp").unwrap_or_default();
    let occurred_at = parse_time(&timestamp, zone)
        .map_err(|error| refuse(RefusalCode::Malformed, "timestamp", error.to_string()))?;
    let (word, transaction, tax) = match kind {
        Kind::Purchases => (CompactString::const_new("payment"), None, Amount::ZERO),
        _ => (
            row.text("transaction_type").unwrap_or_default(),
            name(row, "transaction_id")?,
            cents(row, "tax_amount_cents")?.unwrap_or(Amount::ZERO),
        ),
    };
    let kind = RevenueKind::parse(&word).ok_or_else(|| {
        let detail = format!("`{word}` is not payment, refund, chargeback or adjustment");
        refuse(RefusalCode::Malformed, "transaction_type", detail)
    })?;
    let gross = cents(row, "gross_amount_cents")?
        .ok_or_else(|| refuse(RefusalCode::Missing, "gross_amount_cents", "is NULL".into()))?;
    let fee = cents(row, "stripe_fee_cents")?.unwrap_or(Amount::ZERO);
    let net = match cents(row, "net_amount_cents")? {
        Some(net) => net,
        None => gross.checked_sub(fee).ok_or_else(|| {
            refuse(RefusalCode::OutOfRange, "net_amount_cents", "is out of range".into())
        })?,
    };
    Ok(RevenueFact {
        id: format_compact!("{}:{}", row.table(), row.id),
        source: source.into(),
        kind,
        occurred_at,
        payment: name(row, "stripe_payment_intent_id")?,
        transaction,
        gross,
        net,
        fee,
        tax,
        currency: row
            .text("currency")
            .filter(|currency| !currency.is_empty())
            .unwrap_or(CompactString::const_new("usd"))
            .to_lowercase(),
        product: name(row, "audit_type")?,
        attributes: BTreeMap::new(),
        metadata: row.text("metadata").filter(|text| {
            text.len() <= METADATA_BYTES_MAX
                && serde_json::from_str::<serde_json::Map<_, serde_json::Value>>(text).is_ok()
        }),
    })
}

/// The cents in `column`, exactly.
fn cents(row: &Row, column: &str) -> Result<Option<Amount>, Refusal> {
    let refuse = |code, detail: String| Err(Refusal::new(code, column, detail));
    match row.get(column) {
        Cell::Null => Ok(None),
        Cell::Integer(cents) => match cents.checked_mul(NANOS_PER_CENT) {
            Some(nanos) if is_within_bounds(Amount::from_nanos(nanos)) => {
                Ok(Some(Amount::from_nanos(nanos)))
            }
            _ => refuse(RefusalCode::OutOfRange, format!("{cents} cents are out of range")),
        },
        other => {
            let detail = match other {
                Cell::Real(value) => format!("`{value}` is not a whole number of cents"),
                Cell::Text(text) => {
                    let start: String = text.chars().take(40).collect();
                    format!("`{start}` is not a whole number of cents")
                }
                _ => "is not a whole number of cents".into(),
            };
            refuse(RefusalCode::Malformed, detail)
        }
    }
}
