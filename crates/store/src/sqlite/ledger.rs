//! What each account was charged.

use chrono::{DateTime, Utc};
use compact_str::CompactString;
use outlay_domain::Amount;
use rusqlite::{Connection, Transaction};

use crate::StoreError;

const POST: &str = "
    INSERT INTO ledger_accounts (account, charged_nanos, events, unpriced, first_seen_us, last_seen_us)
    VALUES (?1, ?2, ?3, ?4, ?5, ?5)
    ON CONFLICT (account) DO UPDATE SET
        charged_nanos = charged_nanos + excluded.charged_nanos,
        events = events + excluded.events,
        unpriced = unpriced + excluded.unpriced,
        last_seen_us = max(last_seen_us, excluded.last_seen_us)";
const ACCOUNTS: &str = "SELECT account, charged_nanos, events, unpriced FROM ledger_accounts";

/// What a batch adds to one account, or what stands on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Charged {
    /// Charges.
    pub amount: Amount,
    /// Events.
    pub events: i64,
    /// Events without a known price.
    pub unpriced: i64,
}

/// Posts what a batch charges to `account`. Refused by SQLite when a sum leaves 64 bits.
pub fn post(
    tx: &Transaction<'_>,
    account: &str,
    charged: Charged,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    tx.prepare_cached(POST)?.execute((
        account,
        charged.amount.nanos(),
        charged.events,
        charged.unpriced,
        at.timestamp_micros(),
    ))?;
    Ok(())
}

/// What stands on every account.
pub fn accounts(connection: &Connection) -> Result<Vec<(CompactString, Charged)>, StoreError> {
    let mut statement = connection.prepare_cached(ACCOUNTS)?;
    let rows = statement.query_map([], |row| {
        let account: String = row.get(0)?;
        let charged = Charged {
            amount: Amount::from_nanos(row.get(1)?),
            events: row.get(2)?,
            unpriced: row.get(3)?,
        };
        Ok((account.into(), charged))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
