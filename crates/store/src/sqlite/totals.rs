//! What each account was charged.

use chrono::{DateTime, Utc};
use compact_str::CompactString;
use outlay_domain::Amount;
use rusqlite::OptionalExtension;

use super::tx::{AccountTotals, Writes};
use crate::StoreError;

const POST: &str = "
    INSERT INTO account_totals (account, charged_nanos, events, unpriced, first_seen_us, last_seen_us)
    VALUES (?1, ?2, ?3, ?4, ?5, ?5)
    ON CONFLICT (account) DO UPDATE SET
        charged_nanos = account_totals.charged_nanos + excluded.charged_nanos,
        events = account_totals.events + excluded.events,
        unpriced = account_totals.unpriced + excluded.unpriced,
        last_seen_us = CASE WHEN account_totals.last_seen_us < excluded.last_seen_us
                            THEN excluded.last_seen_us ELSE account_totals.last_seen_us END";
const ACCOUNT: &str =
    "SELECT charged_nanos, events, unpriced FROM account_totals WHERE account = ?1";
const LARGEST: &str = "
    SELECT coalesce(min(charged_nanos), 0), coalesce(max(charged_nanos), 0) FROM account_totals";
const ACCOUNTS: &str = "SELECT account, charged_nanos, events, unpriced FROM account_totals";

/// What a commit adds to one account, or what stands on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AccountTotal {
    /// Charges.
    pub amount: Amount,
    /// Events.
    pub events: i64,
    /// Events without a known price.
    pub unpriced: i64,
}

impl<A> AccountTotals<'_, A> {
    /// What stands on one account; nothing where it was never charged.
    pub fn charged(&self, account: &str) -> Result<AccountTotal, StoreError> {
        let found = self.conn.prepare_cached(ACCOUNT)?.query_row([account], |row| {
            Ok(AccountTotal {
                amount: Amount::from_nanos(row.get(0)?),
                events: row.get(1)?,
                unpriced: row.get(2)?,
            })
        });
        Ok(found.optional()?.unwrap_or_default())
    }

    /// The charges of the account that has most, or the largest debt, in billionths without a sign.
    pub fn largest(&self) -> Result<u64, StoreError> {
        let (least, most): (i64, i64) =
            self.conn.query_row(LARGEST, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(least.unsigned_abs().max(most.unsigned_abs()))
    }

    /// What stands on every account.
    pub fn accounts(&self) -> Result<Vec<(CompactString, AccountTotal)>, StoreError> {
        let mut statement = self.conn.prepare_cached(ACCOUNTS)?;
        let rows = statement.query_map([], |row| {
            let account: String = row.get(0)?;
            let charged = AccountTotal {
                amount: Amount::from_nanos(row.get(1)?),
                events: row.get(2)?,
                unpriced: row.get(3)?,
            };
            Ok((account.into(), charged))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

impl AccountTotals<'_, Writes> {
    /// Posts what a commit charges to `account`. Refused by SQLite when a sum leaves 64 bits.
    pub fn post(
        &self,
        account: &str,
        charged: AccountTotal,
        at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        self.conn.prepare_cached(POST)?.execute((
            account,
            charged.amount.nanos(),
            charged.events,
            charged.unpriced,
            at.timestamp_micros(),
        ))?;
        Ok(())
    }
}
