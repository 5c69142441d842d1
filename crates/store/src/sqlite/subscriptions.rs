//! Which account has which plan, and what happened to that.

use chrono::{DateTime, Utc};
use compact_str::CompactString;
use outlay_domain::plans::{PlanId, Step, Subscription};
use rusqlite::{OptionalExtension, Row, params};

use super::time::to_us;
use super::tx::{Subscriptions, Writes};
use crate::StoreError;

const ONE: &str = "SELECT subscription, steps FROM subscriptions WHERE account_no = ?1";
const AFTER: &str = "
    SELECT account_no, subscription, steps FROM subscriptions
    WHERE account_no > ?1 ORDER BY account_no LIMIT ?2";
const DUE: &str = "
    SELECT ledger_accounts.account
    FROM subscriptions JOIN ledger_accounts ON ledger_accounts.account_no = subscriptions.account_no
    WHERE subscriptions.due_us <= ?1 ORDER BY subscriptions.due_us LIMIT ?2";
const OF_PLAN: &str = "
    SELECT ledger_accounts.account, subscriptions.version
    FROM subscriptions JOIN ledger_accounts ON ledger_accounts.account_no = subscriptions.account_no
    WHERE plan_id = ?1 AND state <> 'ended' AND account > ?2 ORDER BY account LIMIT ?3";
const PUT: &str = "
    INSERT INTO subscriptions (account_no, plan_id, version, state, due_us, steps, subscription)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
    ON CONFLICT (account_no) DO UPDATE SET
        plan_id = excluded.plan_id, version = excluded.version, state = excluded.state,
        due_us = excluded.due_us, steps = excluded.steps, subscription = excluded.subscription";
const STEPS: &str = "
    SELECT number, step FROM subscription_steps
    WHERE account_no = ?1 AND number < ?2 ORDER BY number DESC LIMIT ?3";
const ADD_STEP: &str = "
    INSERT INTO subscription_steps (account_no, number, at_us, kind, step)
    VALUES (?1, ?2, ?3, ?4, ?5)";
const COUNT_STEPS: &str = "SELECT count(*) FROM subscription_steps WHERE account_no = ?1";

/// A subscription, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptSubscription {
    /// It.
    pub subscription: Subscription,
    /// How many things happened to it.
    pub steps: i64,
}

impl<A> Subscriptions<'_, A> {
    /// That of an account.
    pub fn of(&self, account: i64) -> Result<Option<KeptSubscription>, StoreError> {
        let mut statement = self.conn.prepare_cached(ONE)?;
        Ok(statement.query_row([account], |row| kept(row, 0)).optional()?)
    }

    /// Those of some accounts with greater numbers than `after`.
    pub fn after(
        &self,
        after: i64,
        limit: usize,
    ) -> Result<Vec<(i64, KeptSubscription)>, StoreError> {
        let mut statement = self.conn.prepare_cached(AFTER)?;
        let rows = statement
            .query_map(params![after, limit as i64], |row| Ok((row.get(0)?, kept(row, 1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Accounts to whose subscription something happens by itself up to `at`, the most urgent first.
    pub fn due(&self, at: DateTime<Utc>, limit: usize) -> Result<Vec<CompactString>, StoreError> {
        let mut statement = self.conn.prepare_cached(DUE)?;
        let rows = statement.query_map(params![to_us(at), limit as i64], name)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Accounts that have some version of a plan, by name after `after`, with the version.
    pub fn of_plan(
        &self,
        plan: &PlanId,
        after: &str,
        limit: u32,
    ) -> Result<Vec<(CompactString, u32)>, StoreError> {
        let mut statement = self.conn.prepare_cached(OF_PLAN)?;
        let rows = statement
            .query_map(params![plan.as_str(), after, limit], |row| Ok((name(row)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// What happened, of smaller numbers than `before`, the newest first.
    pub fn steps(
        &self,
        account: i64,
        before: i64,
        limit: u32,
    ) -> Result<Vec<(i64, Step)>, StoreError> {
        let mut statement = self.conn.prepare_cached(STEPS)?;
        let rows = statement
            .query_map(params![account, before, limit], |row| Ok((row.get(0)?, read(row, 1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// How many things happened to that of an account, by what is kept of them.
    pub fn count_steps(&self, account: i64) -> Result<i64, StoreError> {
        let mut statement = self.conn.prepare_cached(COUNT_STEPS)?;
        Ok(statement.query_row([account], |row| row.get(0))?)
    }
}

impl Subscriptions<'_, Writes> {
    /// Keeps that of an account as it is now.
    pub fn put(&self, account: i64, kept: &KeptSubscription) -> Result<(), StoreError> {
        let KeptSubscription { subscription, steps } = kept;
        self.conn.prepare_cached(PUT)?.execute(params![
            account,
            subscription.plan.id.as_str(),
            subscription.plan.version,
            subscription.state.as_str(),
            subscription.due_at().map(to_us),
            steps,
            written(subscription)?,
        ])?;
        Ok(())
    }

    /// Keeps one thing that happened, for ever.
    pub fn add_step(&self, account: i64, number: i64, step: &Step) -> Result<(), StoreError> {
        let kind = serde_json::to_value(step.kind).unwrap_or_default();
        self.conn.prepare_cached(ADD_STEP)?.execute(params![
            account,
            number,
            to_us(step.at),
            kind.as_str(),
            written(step)?,
        ])?;
        Ok(())
    }
}

fn written(value: &impl serde::Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Damaged {
        what: "a subscription".into(),
        how: error.to_string(),
    })
}

fn name(row: &Row<'_>) -> rusqlite::Result<CompactString> {
    Ok(row.get::<_, String>(0)?.into())
}

fn kept(row: &Row<'_>, at: usize) -> rusqlite::Result<KeptSubscription> {
    Ok(KeptSubscription { subscription: read(row, at)?, steps: row.get(at + 1)? })
}

fn read<T: serde::de::DeserializeOwned>(row: &Row<'_>, at: usize) -> rusqlite::Result<T> {
    let text: String = row.get(at)?;
    serde_json::from_str(&text).map_err(|error| {
        let kind = rusqlite::types::Type::Text;
        rusqlite::Error::FromSqlConversionFailure(at, kind, error.to_string().into())
    })
}
