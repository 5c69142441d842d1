//! What each account was charged.
//!
//! The rows have what commits charged up to one of them ([`AccountTotals::written`]); what came since is
//! in memory and in the usage log ([`moves`](super::moves)). Who reads gets the sum.

use std::collections::BTreeMap;

use compact_str::CompactString;
use outlay_domain::Amount;
use outlay_domain::usage::Fact;
use rusqlite::{OptionalExtension, params};

use super::moves::Moved;
use super::tx::{AccountTotals, Writes};
use crate::StoreError;

const SET: &str = "
    INSERT INTO account_totals (account, charged_nanos, events, unpriced)
    VALUES (?1, ?2, ?3, ?4)
    ON CONFLICT (account) DO UPDATE SET
        charged_nanos = excluded.charged_nanos,
        events = excluded.events,
        unpriced = excluded.unpriced";
const WRITTEN: &str = "SELECT last_counted_seq FROM history_ids";
const SET_WRITTEN: &str = "
    UPDATE history_ids SET last_counted_seq = ?1 WHERE last_counted_seq < ?1";
const NEWEST_LOGGED: &str = "SELECT coalesce(max(seq), 0) FROM usage_log";
const ACCOUNT: &str =
    "SELECT charged_nanos, events, unpriced FROM account_totals WHERE account = ?1";
const LARGEST: &str = "
    SELECT coalesce(min(charged_nanos), 0), coalesce(max(charged_nanos), 0) FROM account_totals";
const ACCOUNTS: &str = "SELECT account, charged_nanos, events, unpriced FROM account_totals";

/// What stands on an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AccountTotal {
    /// Charges.
    pub amount: Amount,
    /// Events.
    pub events: i64,
    /// Events without a known price.
    pub unpriced: i64,
}

/// By how much what stands on an account moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AccountMove {
    /// Charges, in billionths; on their own they may be more than an account can have.
    pub nanos: i128,
    /// Events.
    pub events: i64,
    /// Events without a known price.
    pub unpriced: i64,
}

impl AccountMove {
    /// What a fact brings.
    pub fn of(fact: &Fact) -> Self {
        Self {
            nanos: fact.charge.amount.map_or(0, Amount::nanos).into(),
            events: fact.kind.event_count(),
            unpriced: fact.charge.unpriced.into(),
        }
    }
}

impl std::ops::AddAssign for AccountMove {
    fn add_assign(&mut self, more: Self) {
        self.nanos += more.nanos;
        self.events += more.events;
        self.unpriced += more.unpriced;
    }
}

impl From<AccountTotal> for AccountMove {
    fn from(total: AccountTotal) -> Self {
        let AccountTotal { amount, events, unpriced } = total;
        Self { nanos: amount.nanos().into(), events, unpriced }
    }
}

impl AccountTotal {
    /// What stands on `account` after a move, which no commit makes where that cannot be held.
    fn after(self, account: &str, moved: AccountMove) -> Result<Self, StoreError> {
        let mut sum = AccountMove::from(self);
        sum += moved;
        let nanos = i64::try_from(sum.nanos).map_err(|_| StoreError::Damaged {
            what: format!("what account `{account}` was charged"),
            how: "it is more than an account can have".into(),
        })?;
        Ok(Self { amount: Amount::from_nanos(nanos), events: sum.events, unpriced: sum.unpriced })
    }
}

impl<A> AccountTotals<'_, A> {
    /// What stands on one account; nothing where it was never charged.
    pub fn charged(&self, account: &str) -> Result<AccountTotal, StoreError> {
        let written = self.written()?;
        let moved = self.moved.after(written).filter_map(|moves| moves.account(account));
        let moved = moved.fold(AccountMove::default(), |mut sum, moved| {
            sum += moved;
            sum
        });
        self.row(account)?.after(account, moved)
    }

    /// What the row of an account says.
    fn row(&self, account: &str) -> Result<AccountTotal, StoreError> {
        let found = self.conn.prepare_cached(ACCOUNT)?.query_row([account], |row| {
            Ok(AccountTotal {
                amount: Amount::from_nanos(row.get(0)?),
                events: row.get(1)?,
                unpriced: row.get(2)?,
            })
        });
        Ok(found.optional()?.unwrap_or_default())
    }

    /// No account has charges, or a debt, of more billionths than that.
    pub fn largest(&self) -> Result<u64, StoreError> {
        let (least, most): (i64, i64) =
            self.conn.query_row(LARGEST, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let rows = least.unsigned_abs().max(most.unsigned_abs());
        let moves = self.moved.sum_after(self.written()?);
        let moved = moves.accounts().map(|(_, moved)| moved.nanos.unsigned_abs()).max();
        let moved = u64::try_from(moved.unwrap_or_default()).unwrap_or(u64::MAX);
        Ok(rows.saturating_add(moved))
    }

    /// What stands on every account.
    pub fn accounts(&self) -> Result<BTreeMap<CompactString, AccountTotal>, StoreError> {
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
        let mut accounts: BTreeMap<CompactString, AccountTotal> = rows.collect::<Result<_, _>>()?;
        let moves = self.moved.sum_after(self.written()?);
        for (account, moved) in moves.accounts() {
            let total = accounts.entry(account.into()).or_default();
            *total = total.after(account, moved)?;
        }
        Ok(accounts)
    }

    /// The newest commit whose moves are in the rows, of accounts and of counters.
    pub(crate) fn written(&self) -> Result<i64, StoreError> {
        Ok(self.conn.prepare_cached(WRITTEN)?.query_row([], |row| row.get(0))?)
    }

    /// Whether every commit that stands in the usage log at this moment is in the sums, of accounts and
    /// of counters. One that was written just now may not be noted yet; nobody was told of it either.
    pub fn have_all(&self) -> Result<bool, StoreError> {
        let newest: i64 =
            self.conn.prepare_cached(NEWEST_LOGGED)?.query_row([], |row| row.get(0))?;
        Ok(newest <= self.moved.last.max(self.written()?))
    }
}

impl AccountTotals<'_, Writes> {
    /// Adds to what the row of `account` says.
    pub fn post(&self, account: &str, moved: AccountMove) -> Result<(), StoreError> {
        let AccountTotal { amount, events, unpriced } = self.row(account)?.after(account, moved)?;
        let row = params![account, amount.nanos(), events, unpriced];
        self.conn.prepare_cached(SET)?.execute(row)?;
        Ok(())
    }

    /// Says that the rows, of accounts and of counters, have what was moved up to the commit `seq`.
    pub(super) fn set_written(&self, seq: i64) -> Result<(), StoreError> {
        self.conn.prepare_cached(SET_WRITTEN)?.execute([seq])?;
        Ok(())
    }
}

impl super::Tx<'_> {
    /// Writes to the rows what was moved and they do not have.
    pub(super) fn write_moved(&self, moved: &Moved) -> Result<(), StoreError> {
        let moves = moved.sum_after(self.totals().written()?);
        for (account, moved) in moves.accounts() {
            self.totals().post(account, moved)?;
        }
        self.counters().add(moves.windows())?;
        self.totals().set_written(moved.last)
    }
}
