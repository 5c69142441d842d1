//! What accounts were granted, what is set aside, and what was taken.

use chrono::{DateTime, TimeDelta, Utc};
use compact_str::CompactString;
use outlay_domain::Amount;
use outlay_domain::ledger::{
    Balance, Entry, Grant, GrantState, Hold, HoldState, Overdraft, Places, Posting, PostingKind,
    Rollover, Share, Source, Terms, Unit, read_entries, write_entries,
};
use outlay_domain::plans::LimitShare;
use rusqlite::{OptionalExtension, Params, Row, params};

use super::time::{from_us, to_us};
use super::tx::{Ledgers, Writes};
use crate::StoreError;

const ACCOUNT: &str = "
    SELECT account_no, account, overdraft, floor_nanos, captures_beyond, last_number, due_us
    FROM ledger_accounts";
const BY_NAME: &str = "WHERE account = ?1";
const BY_NUMBER: &str = "WHERE account_no = ?1";
const AFTER: &str = "WHERE account_no > ?1 ORDER BY account_no LIMIT ?2";
const DUE: &str = "SELECT account FROM ledger_accounts WHERE due_us <= ?1 ORDER BY due_us LIMIT ?2";
const ADD_ACCOUNT: &str = "
    INSERT INTO ledger_accounts
        (account, overdraft, floor_nanos, captures_beyond, last_number, due_us)
    VALUES (?1, ?2, ?3, ?4, 0, NULL) RETURNING account_no";
const SET_ACCOUNT: &str = "
    UPDATE ledger_accounts SET overdraft = ?2, floor_nanos = ?3, captures_beyond = ?4,
                               last_number = ?5, due_us = ?6
    WHERE account_no = ?1";
const PURSES: &str = "
    SELECT unit, issued, free, held, debt, spent, expired, adjusted FROM ledger_purses
    WHERE account_no = ?1 ORDER BY unit";
const PUT_PURSE: &str = "
    INSERT INTO ledger_purses
        (account_no, unit, issued, free, held, debt, spent, expired, adjusted)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
    ON CONFLICT (account_no, unit) DO UPDATE SET
        issued = excluded.issued, free = excluded.free, held = excluded.held,
        debt = excluded.debt, spent = excluded.spent, expired = excluded.expired,
        adjusted = excluded.adjusted";
const GRANT: &str = "
    SELECT unit, number, grant_id, source, priority, amount, free, effective_us, expires_us,
           created_us, rolls_max, rolls_us, state
    FROM ledger_grants";
const LIVE: &str = "WHERE account_no = ?1 AND (free > 0 OR state = 'scheduled')";
const ONE: &str = "WHERE account_no = ?1 AND number = ?2";
const BEFORE: &str = "WHERE account_no = ?1 AND number < ?2 ORDER BY number DESC LIMIT ?3";
const FROM: &str = "WHERE account_no = ?1 AND number > ?2 ORDER BY number LIMIT ?3";
const PUT_GRANT: &str = "
    INSERT INTO ledger_grants
        (account_no, unit, number, grant_id, source, priority, amount, free, effective_us,
         expires_us, created_us, rolls_max, rolls_us, state)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)
    ON CONFLICT (account_no, number) DO UPDATE SET free = excluded.free, state = excluded.state";
const HOLD: &str = "
    SELECT unit, number, amount, shares, created_us, expires_us, state, ended_by, captured, budgets,
           counted_us, limits
    FROM ledger_holds";
const OPEN_UNTIL: &str = "
    WHERE account_no = ?1 AND state = 'held' AND expires_us <= ?2 ORDER BY expires_us LIMIT ?3";
const OPEN: &str = "WHERE account_no = ?1 AND state = 'held'";
const NEXT_OPEN: &str = "
    SELECT min(expires_us) FROM ledger_holds
    WHERE account_no = ?1 AND state = 'held' AND expires_us > ?2";
const ADD_HOLD: &str = "
    INSERT INTO ledger_holds
        (account_no, unit, number, amount, shares, budgets, created_us, expires_us, state,
         ended_by, captured, counted_us, limits)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)";
const SET_HOLD: &str = "
    UPDATE ledger_holds SET state = ?3, ended_by = ?4, captured = ?5, counted_us = ?6
    WHERE account_no = ?1 AND number = ?2";
const POSTING: &str = "
    SELECT number, at_us, kind, unit, amount, of_number, entries, settled, held, available, id,
           asked
    FROM ledger_postings";
const POSTED_AT: &str = "SELECT at_us FROM ledger_postings WHERE account_no = ?1 AND number = ?2";
const LAST_OF_UNIT: &str = "
    SELECT settled, held, available FROM ledger_postings
    WHERE account_no = ?1 AND unit = ?2 AND number < ?3 ORDER BY number DESC LIMIT 1";
const CHARGES_OF: &str = "
    SELECT number FROM ledger_postings
    WHERE account_no = ?1 AND of_number = ?2 AND kind = 'charge' ORDER BY number";
const BY_ID: &str = "WHERE account_no = ?1 AND id = ?2";
const POST: &str = "
    INSERT INTO ledger_postings
        (account_no, number, at_us, kind, unit, amount, of_number, entries, settled, held,
         available, id, asked)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)";
const REFUNDED: &str = "SELECT refunded FROM ledger_refunds WHERE account_no = ?1 AND number = ?2";
const ADD_REFUND: &str = "
    INSERT INTO ledger_refunds (account_no, number, refunded) VALUES (?1, ?2, ?3)
    ON CONFLICT (account_no, number) DO UPDATE SET
        refunded = ledger_refunds.refunded + excluded.refunded";
const HELD: &str = "SELECT nanos FROM ledger_held WHERE budget_id = ?1";
const ADD_HELD: &str = "
    INSERT INTO ledger_held (budget_id, nanos) VALUES (?1, ?2)
    ON CONFLICT (budget_id) DO UPDATE SET nanos = ledger_held.nanos + excluded.nanos";
const TAKE_HELD: &str = "UPDATE ledger_held SET nanos = nanos - ?2 WHERE budget_id = ?1";
const CAPTURED: &str = "
    SELECT nanos FROM ledger_captured
    WHERE budget_id = ?1 AND span_us = ?2 AND from_us >= ?3 AND from_us < ?4";
const ADD_CAPTURED: &str = "
    INSERT INTO ledger_captured (budget_id, span_us, from_us, nanos) VALUES (?1, ?2, ?3, ?4)
    ON CONFLICT (budget_id, span_us, from_us) DO UPDATE SET
        nanos = ledger_captured.nanos + excluded.nanos";
const TAKE_CAPTURED: &str = "
    UPDATE ledger_captured SET nanos = nanos - ?4
    WHERE budget_id = ?1 AND span_us = ?2 AND from_us = ?3";
const TIME: &str = "SELECT at_us FROM ledger_time";
const SET_TIME: &str = "
    INSERT INTO ledger_time (one, at_us) VALUES (1, ?1)
    ON CONFLICT (one) DO UPDATE SET at_us = excluded.at_us";

const OWING: &str = "
    SELECT account, unit, debt FROM ledger_purses JOIN ledger_accounts USING (account_no)
    WHERE debt < 0 ORDER BY debt LIMIT ?1";

/// What was captured without an event is kept in spans of so many microseconds: every offset of a time
/// zone is some quarters of an hour, so that every window begins with one.
pub const QUARTER_US: i64 = 900_000_000;
/// And in those of whole days, so that a year is a sum of some hundreds.
const DAY_US: i64 = 86_400_000_000;

/// An account of the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerAccount {
    /// Its number, which no other account ever had.
    pub number: i64,
    /// Its name.
    pub account: CompactString,
    /// What it agreed to.
    pub terms: Terms,
    /// The number of its newest posting.
    pub last: i64,
    /// Before then nothing happens by itself.
    pub due: Option<DateTime<Utc>>,
}

/// A hold, and on which budgets it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptHold {
    /// The hold.
    pub hold: Hold,
    /// The ids of the budgets.
    pub budgets: Vec<CompactString>,
    /// What it has of limits of the account's plan.
    pub limits: Vec<LimitShare>,
    /// When it was counted on them, in microseconds since 1970, where it was captured without an event.
    pub counted_us: Option<i64>,
}

impl<A> Ledgers<'_, A> {
    /// The account of that name.
    pub fn account(&self, name: &str) -> Result<Option<LedgerAccount>, StoreError> {
        self.one(&format!("{ACCOUNT} {BY_NAME}"), [name], account_row)
    }

    /// The account of that number.
    pub fn account_of(&self, number: i64) -> Result<Option<LedgerAccount>, StoreError> {
        self.one(&format!("{ACCOUNT} {BY_NUMBER}"), [number], account_row)
    }

    /// Some accounts with greater numbers than `after`.
    pub fn accounts(&self, after: i64, limit: usize) -> Result<Vec<LedgerAccount>, StoreError> {
        self.some(&format!("{ACCOUNT} {AFTER}"), params![after, limit as i64], account_row)
    }

    /// Accounts to which something happens by itself up to `at`, the most urgent first.
    pub fn due(&self, at: DateTime<Utc>, limit: usize) -> Result<Vec<CompactString>, StoreError> {
        self.some(DUE, params![to_us(at), limit as i64], |row| Ok(row.get::<_, String>(0)?.into()))
    }

    /// What stands in each purse of an account, by unit.
    pub fn purses(&self, account: i64) -> Result<Vec<(Unit, Places)>, StoreError> {
        self.some(PURSES, [account], |row| {
            let places = Places {
                issued: nanos(row, 1)?,
                free: nanos(row, 2)?,
                held: nanos(row, 3)?,
                debt: nanos(row, 4)?,
                spent: nanos(row, 5)?,
                expired: nanos(row, 6)?,
                adjusted: nanos(row, 7)?,
            };
            Ok((parsed(row, 0, |code| code.parse().ok())?, places))
        })
    }

    /// The grants of an account that have something left, or are to come.
    pub fn live_grants(&self, account: i64) -> Result<Vec<(Unit, Grant)>, StoreError> {
        self.some(&format!("{GRANT} {LIVE}"), [account], grant_row)
    }

    /// The grant of that number.
    pub fn grant(&self, account: i64, number: i64) -> Result<Option<(Unit, Grant)>, StoreError> {
        self.one(&format!("{GRANT} {ONE}"), [account, number], grant_row)
    }

    /// Grants of smaller numbers than `before`, the newest first.
    pub fn grants(
        &self,
        account: i64,
        before: i64,
        limit: u32,
    ) -> Result<Vec<(Unit, Grant)>, StoreError> {
        self.some(&format!("{GRANT} {BEFORE}"), params![account, before, limit], grant_row)
    }

    /// The hold of that number.
    pub fn hold(&self, account: i64, number: i64) -> Result<Option<KeptHold>, StoreError> {
        self.one(&format!("{HOLD} {ONE}"), [account, number], hold_row)
    }

    /// Holds of smaller numbers than `before`, the newest first.
    pub fn holds(
        &self,
        account: i64,
        before: i64,
        limit: u32,
    ) -> Result<Vec<KeptHold>, StoreError> {
        self.some(&format!("{HOLD} {BEFORE}"), params![account, before, limit], hold_row)
    }

    /// Open holds of an account that expire up to `at`, in the order in which they do.
    pub fn open_until(
        &self,
        account: i64,
        at: DateTime<Utc>,
        limit: usize,
    ) -> Result<Vec<KeptHold>, StoreError> {
        let until = params![account, to_us(at), limit as i64];
        self.some(&format!("{HOLD} {OPEN_UNTIL}"), until, hold_row)
    }

    /// All open holds of an account.
    pub fn open_holds(&self, account: i64) -> Result<Vec<KeptHold>, StoreError> {
        self.some(&format!("{HOLD} {OPEN}"), [account], hold_row)
    }

    /// When the next open hold of an account expires after `at`.
    pub fn next_open(
        &self,
        account: i64,
        at: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>, StoreError> {
        let next: Option<Option<i64>> =
            self.one(NEXT_OPEN, [account, to_us(at)], |row| row.get(0))?;
        Ok(next.flatten().map(from_us))
    }

    /// The posting of that number.
    pub fn posting(&self, account: i64, number: i64) -> Result<Option<Posting>, StoreError> {
        self.one(&format!("{POSTING} {ONE}"), [account, number], posting_row)
    }

    /// The posting that bears an id of the account's.
    pub fn posting_by_id(&self, account: i64, id: &str) -> Result<Option<Posting>, StoreError> {
        self.one(&format!("{POSTING} {BY_ID}"), params![account, id], posting_row)
    }

    /// The numbers of the charges that followed the posting `of`, oldest first.
    pub fn charges_of(&self, account: i64, of: i64) -> Result<Vec<i64>, StoreError> {
        self.some(CHARGES_OF, [account, of], |row| row.get(0))
    }

    /// Postings of smaller numbers than `before`, the newest first.
    pub fn postings(
        &self,
        account: i64,
        before: i64,
        limit: u32,
    ) -> Result<Vec<Posting>, StoreError> {
        self.some(&format!("{POSTING} {BEFORE}"), params![account, before, limit], posting_row)
    }

    /// Postings of greater numbers than `after`, the oldest first.
    pub fn postings_after(
        &self,
        account: i64,
        after: i64,
        limit: u32,
    ) -> Result<Vec<Posting>, StoreError> {
        self.some(&format!("{POSTING} {FROM}"), params![account, after, limit], posting_row)
    }

    /// The number of the first posting of an account at or after `at`; one more than `last` where there
    /// is none. Numbers and times of postings grow together.
    pub fn first_from(
        &self,
        account: i64,
        last: i64,
        at: DateTime<Utc>,
    ) -> Result<i64, StoreError> {
        let (mut from, mut to) = (1, last + 1);
        while from < to {
            let middle = from + (to - from) / 2;
            let posted: Option<i64> = self.one(POSTED_AT, [account, middle], |row| row.get(0))?;
            match posted.is_some_and(|posted| posted >= to_us(at)) {
                true => to = middle,
                false => from = middle + 1,
            }
        }
        Ok(from)
    }

    /// What an account had in `unit` before the posting of that number.
    pub fn balance_before(
        &self,
        account: i64,
        unit: &Unit,
        number: i64,
    ) -> Result<Balance, StoreError> {
        let found = self.one(LAST_OF_UNIT, params![account, unit.as_str(), number], |row| {
            let (settled, held, available) = (nanos(row, 0)?, nanos(row, 1)?, nanos(row, 2)?);
            Ok(Balance { settled, held, available })
        })?;
        Ok(found.unwrap_or_default())
    }

    /// What was given back of the charge or capture of that number.
    pub fn refunded(&self, account: i64, number: i64) -> Result<Amount, StoreError> {
        let found = self.one(REFUNDED, [account, number], |row| nanos(row, 0))?;
        Ok(found.unwrap_or(Amount::ZERO))
    }

    /// What is held on a budget, in nanos.
    pub fn held(&self, id: &str) -> Result<i128, StoreError> {
        let held: Option<i64> = self.one(HELD, [id], |row| row.get(0))?;
        Ok(held.map_or(0, i128::from))
    }

    /// What was captured on a budget in `[from, to)` without an event that tells of it, in nanos.
    pub fn captured(
        &self,
        id: &str,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<i128, StoreError> {
        let (from, to) = (to_us(from), to_us(to));
        let (first_day, last_day) = (up(from, DAY_US), to.div_euclid(DAY_US) * DAY_US);
        if first_day >= last_day {
            return self.captured_in(id, QUARTER_US, from, to);
        }
        Ok(self.captured_in(id, QUARTER_US, from, first_day)?
            + self.captured_in(id, DAY_US, first_day, last_day)?
            + self.captured_in(id, QUARTER_US, last_day, to)?)
    }

    fn captured_in(&self, id: &str, span: i64, from: i64, to: i64) -> Result<i128, StoreError> {
        let spans: Vec<i64> = self.some(CAPTURED, params![id, span, from, to], |row| row.get(0))?;
        Ok(spans.into_iter().map(i128::from).sum())
    }

    /// Accounts that owe, in which unit, and how much below zero: what is owed most stands first.
    pub fn owing(&self, limit: usize) -> Result<Vec<(CompactString, Unit, Amount)>, StoreError> {
        self.some(OWING, [limit as i64], |row| {
            let unit = parsed(row, 1, |code| code.parse().ok())?;
            Ok((row.get::<_, String>(0)?.into(), unit, nanos(row, 2)?))
        })
    }

    /// The newest time that the ledger knew.
    pub fn time(&self) -> Result<Option<DateTime<Utc>>, StoreError> {
        Ok(self.one(TIME, [], |row| row.get(0))?.map(from_us))
    }

    fn one<T>(
        &self,
        sql: &str,
        bound: impl Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, StoreError> {
        Ok(self.conn.prepare_cached(sql)?.query_row(bound, read).optional()?)
    }

    fn some<T>(
        &self,
        sql: &str,
        bound: impl Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, StoreError> {
        let mut statement = self.conn.prepare_cached(sql)?;
        let rows = statement.query_map(bound, read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

impl Ledgers<'_, Writes> {
    /// Lets there be an account, and answers its number.
    pub fn add_account(&self, name: &str, terms: Terms) -> Result<i64, StoreError> {
        let (rule, floor) = written(terms.overdraft);
        let row = params![name, rule, floor, terms.captures_beyond];
        Ok(self.conn.prepare_cached(ADD_ACCOUNT)?.query_row(row, |row| row.get(0))?)
    }

    /// Keeps what an account agreed to, and how far it is.
    pub fn set_account(&self, account: &LedgerAccount) -> Result<(), StoreError> {
        let (rule, floor) = written(account.terms.overdraft);
        self.conn.prepare_cached(SET_ACCOUNT)?.execute(params![
            account.number,
            rule,
            floor,
            account.terms.captures_beyond,
            account.last,
            account.due.map(to_us),
        ])?;
        Ok(())
    }

    /// Keeps what stands in a purse.
    pub fn put_purse(&self, account: i64, unit: &Unit, places: &Places) -> Result<(), StoreError> {
        self.conn.prepare_cached(PUT_PURSE)?.execute(params![
            account,
            unit.as_str(),
            places.issued.nanos(),
            places.free.nanos(),
            places.held.nanos(),
            places.debt.nanos(),
            places.spent.nanos(),
            places.expired.nanos(),
            places.adjusted.nanos(),
        ])?;
        Ok(())
    }

    /// Keeps a grant as it is now.
    pub fn put_grant(&self, account: i64, unit: &Unit, grant: &Grant) -> Result<(), StoreError> {
        self.conn.prepare_cached(PUT_GRANT)?.execute(params![
            account,
            unit.as_str(),
            grant.number,
            grant.id.as_str(),
            grant.source.as_str(),
            grant.priority,
            grant.amount.nanos(),
            grant.free.nanos(),
            to_us(grant.effective_at),
            grant.expires_at.map(to_us),
            to_us(grant.created_at),
            grant.rollover.map(|rollover| rollover.max.nanos()),
            grant.rollover.and_then(|rollover| rollover.lasts.num_microseconds()),
            grant.state.as_str(),
        ])?;
        Ok(())
    }

    /// Keeps a new hold.
    pub fn add_hold(&self, account: i64, kept: &KeptHold) -> Result<(), StoreError> {
        let KeptHold { hold, budgets, limits, counted_us } = kept;
        self.conn.prepare_cached(ADD_HOLD)?.execute(params![
            account,
            hold.unit.as_str(),
            hold.number,
            hold.amount.nanos(),
            write_shares(&hold.shares),
            budgets.join("\n"),
            to_us(hold.created_at),
            to_us(hold.expires_at),
            hold.state.as_str(),
            hold.ended_by,
            hold.captured.nanos(),
            counted_us,
            write_limits(limits),
        ])?;
        Ok(())
    }

    /// Keeps how a hold ended, and when it was counted on budgets, where it was.
    pub fn set_hold(
        &self,
        account: i64,
        hold: &Hold,
        counted_us: Option<i64>,
    ) -> Result<(), StoreError> {
        self.conn.prepare_cached(SET_HOLD)?.execute(params![
            account,
            hold.number,
            hold.state.as_str(),
            hold.ended_by,
            hold.captured.nanos(),
            counted_us,
        ])?;
        Ok(())
    }

    /// Keeps a posting, for ever.
    pub fn post(&self, account: i64, posting: &Posting) -> Result<(), StoreError> {
        self.conn.prepare_cached(POST)?.execute(params![
            account,
            posting.number,
            to_us(posting.at),
            posting.kind.as_str(),
            posting.unit.as_str(),
            posting.amount.nanos(),
            posting.of,
            write_entries(&posting.entries),
            posting.balance.settled.nanos(),
            posting.balance.held.nanos(),
            posting.balance.available.nanos(),
            posting.id.as_deref(),
            posting.asked.as_deref(),
        ])?;
        Ok(())
    }

    /// Remembers that so much of a charge or capture was given back.
    pub fn add_refund(&self, account: i64, number: i64, amount: Amount) -> Result<(), StoreError> {
        self.conn.prepare_cached(ADD_REFUND)?.execute([account, number, amount.nanos()])?;
        Ok(())
    }

    /// Holds so many nanos more on a budget, or lets go of them.
    pub fn hold_on_budget(&self, id: &str, nanos: i64) -> Result<(), StoreError> {
        let (sql, nanos) = if nanos < 0 { (TAKE_HELD, -nanos) } else { (ADD_HELD, nanos) };
        self.conn.prepare_cached(sql)?.execute(params![id, nanos])?;
        Ok(())
    }

    /// Counts so many nanos more as captured on a budget at that time, or takes them back.
    pub fn count_captured(&self, id: &str, at_us: i64, nanos: i64) -> Result<(), StoreError> {
        let (sql, nanos) = if nanos < 0 { (TAKE_CAPTURED, -nanos) } else { (ADD_CAPTURED, nanos) };
        for span in [QUARTER_US, DAY_US] {
            let from_us = at_us.div_euclid(span) * span;
            self.conn.prepare_cached(sql)?.execute(params![id, span, from_us, nanos])?;
        }
        Ok(())
    }

    /// Remembers the newest time that the ledger knew.
    pub fn set_time(&self, at: DateTime<Utc>) -> Result<(), StoreError> {
        self.conn.prepare_cached(SET_TIME)?.execute([to_us(at)])?;
        Ok(())
    }
}

/// The next multiple of `span` from `at_us` on.
const fn up(at_us: i64, span: i64) -> i64 {
    (at_us + span - 1).div_euclid(span) * span
}

fn written(overdraft: Overdraft) -> (&'static str, i64) {
    match overdraft {
        Overdraft::Refuse => ("refuse", 0),
        Overdraft::Allow => ("allow", 0),
        Overdraft::Floor(most) => ("floor", most.nanos()),
    }
}

fn nanos(row: &Row<'_>, at: usize) -> rusqlite::Result<Amount> {
    Ok(Amount::from_nanos(row.get(at)?))
}

fn parsed<T>(
    row: &Row<'_>,
    at: usize,
    parse: impl FnOnce(&str) -> Option<T>,
) -> rusqlite::Result<T> {
    let text: String = row.get(at)?;
    parse(&text).ok_or_else(|| {
        let wrong =
            format!("`{}` is no word of the ledger", text.chars().take(50).collect::<String>());
        rusqlite::Error::FromSqlConversionFailure(at, rusqlite::types::Type::Text, wrong.into())
    })
}

fn account_row(row: &Row<'_>) -> rusqlite::Result<LedgerAccount> {
    let floor = nanos(row, 3)?;
    let overdraft = parsed(row, 2, |word| match word {
        "refuse" => Some(Overdraft::Refuse),
        "allow" => Some(Overdraft::Allow),
        "floor" => Some(Overdraft::Floor(floor)),
        _ => None,
    })?;
    Ok(LedgerAccount {
        number: row.get(0)?,
        account: row.get::<_, String>(1)?.into(),
        terms: Terms { overdraft, captures_beyond: row.get(4)? },
        last: row.get(5)?,
        due: row.get::<_, Option<i64>>(6)?.map(from_us),
    })
}

fn grant_row(row: &Row<'_>) -> rusqlite::Result<(Unit, Grant)> {
    let max: Option<i64> = row.get(10)?;
    let lasts: Option<i64> = row.get(11)?;
    let rollover = max.zip(lasts).map(|(max, lasts)| Rollover {
        max: Amount::from_nanos(max),
        lasts: TimeDelta::microseconds(lasts),
    });
    let grant = Grant {
        number: row.get(1)?,
        id: row.get::<_, String>(2)?.into(),
        source: parsed(row, 3, Source::parse)?,
        priority: row.get(4)?,
        amount: nanos(row, 5)?,
        free: nanos(row, 6)?,
        effective_at: from_us(row.get(7)?),
        expires_at: row.get::<_, Option<i64>>(8)?.map(from_us),
        created_at: from_us(row.get(9)?),
        rollover,
        state: parsed(row, 12, GrantState::parse)?,
    };
    Ok((parsed(row, 0, |code| code.parse().ok())?, grant))
}

fn hold_row(row: &Row<'_>) -> rusqlite::Result<KeptHold> {
    let budgets: String = row.get(9)?;
    let hold = Hold {
        unit: parsed(row, 0, |code| code.parse().ok())?,
        number: row.get(1)?,
        amount: nanos(row, 2)?,
        shares: parsed(row, 3, read_shares)?,
        created_at: from_us(row.get(4)?),
        expires_at: from_us(row.get(5)?),
        state: parsed(row, 6, HoldState::parse)?,
        ended_by: row.get(7)?,
        captured: nanos(row, 8)?,
    };
    let budgets = budgets.lines().map(CompactString::from).collect();
    let limits = parsed(row, 11, read_limits)?;
    Ok(KeptHold { hold, budgets, limits, counted_us: row.get(10)? })
}

fn posting_row(row: &Row<'_>) -> rusqlite::Result<Posting> {
    let entries: Vec<Entry> = parsed(row, 6, read_entries)?;
    Ok(Posting {
        number: row.get(0)?,
        at: from_us(row.get(1)?),
        kind: parsed(row, 2, PostingKind::parse)?,
        unit: parsed(row, 3, |code| code.parse().ok())?,
        amount: nanos(row, 4)?,
        of: row.get(5)?,
        entries,
        balance: Balance {
            settled: nanos(row, 7)?,
            held: nanos(row, 8)?,
            available: nanos(row, 9)?,
        },
        id: row.get::<_, Option<String>>(10)?.map(CompactString::from),
        asked: row.get::<_, Option<String>>(11)?.map(CompactString::from),
    })
}

fn write_shares(shares: &[Share]) -> String {
    let share = |share: &Share| format!("{}:{}", share.grant.unwrap_or(0), share.amount.nanos());
    shares.iter().map(share).collect::<Vec<_>>().join(" ")
}

fn read_shares(text: &str) -> Option<Vec<Share>> {
    let read = |part: &str| {
        let (grant, nanos) = part.split_once(':')?;
        let grant: i64 = grant.parse().ok()?;
        let amount = Amount::from_nanos(nanos.parse().ok()?);
        Some(Share { grant: (grant != 0).then_some(grant), amount })
    };
    text.split(' ').filter(|part| !part.is_empty()).map(read).collect()
}

fn write_limits(shares: &[LimitShare]) -> String {
    let share = |LimitShare { key, nanos, is_spend }: &LimitShare| {
        let mark = if *is_spend { ":spend" } else { "" };
        format!("{}:{}:{nanos}{mark}", key.0, key.1)
    };
    shares.iter().map(share).collect::<Vec<_>>().join(" ")
}

fn read_limits(text: &str) -> Option<Vec<LimitShare>> {
    let read = |part: &str| {
        let (part, is_spend) = match part.strip_suffix(":spend") {
            Some(part) => (part, true),
            None => (part, false),
        };
        let (key, nanos) = part.rsplit_once(':')?;
        let (counting, from) = key.split_once(':')?;
        let key = (counting.parse().ok()?, from.parse().ok()?);
        Some(LimitShare { key, nanos: nanos.parse().ok()?, is_spend })
    };
    text.split(' ').filter(|part| !part.is_empty()).map(read).collect()
}
