//! How the books are reached: a [`View`] to read them, a [`Tx`] to write them, and the nouns in
//! which both are asked.
//!
//! What is behind them is no business of anybody outside this crate: another kind of books has
//! another connection in [`View`] and the same nouns.

use std::marker::PhantomData;
use std::ops::Deref;

use rusqlite::Connection;

use super::moves::Moved;
use crate::StoreError;

/// The mark of a noun that is only read.
#[derive(Debug, Clone, Copy)]
pub enum Reads {}

/// The mark of a noun that is read and written.
#[derive(Debug, Clone, Copy)]
pub enum Writes {}

/// The books as they stand at one moment.
pub struct View<'c> {
    conn: &'c Connection,
    /// What sums were moved by when the moment began, whether their rows have it or not.
    moved: Moved,
}

/// One transaction on the books: all of it is on disk in the end, or nothing.
pub struct Tx<'c> {
    view: View<'c>,
}

impl<'c> View<'c> {
    /// Books that nobody writes to meanwhile.
    pub(crate) fn of(conn: &'c Connection) -> Self {
        Self::with(conn, Moved::default())
    }

    /// Books as they stand after `moved` was looked up.
    pub(super) fn with(conn: &'c Connection, moved: Moved) -> Self {
        Self { conn, moved }
    }

    /// How often something was written for no other reason than to see whether it can be.
    pub fn heartbeats(&self) -> Result<i64, StoreError> {
        Ok(self.conn.query_row("SELECT beats FROM heartbeat", [], |row| row.get(0))?)
    }
}

impl<'c> Tx<'c> {
    /// For a part of a transaction that reads no sums.
    pub(crate) fn of(conn: &'c Connection) -> Self {
        Self { view: View::of(conn) }
    }

    pub(super) fn with(conn: &'c Connection, moved: Moved) -> Self {
        Self { view: View::with(conn, moved) }
    }

    /// Writes something that changes nothing that anybody reads.
    pub(crate) fn beat(&self) -> Result<(), StoreError> {
        self.conn.prepare_cached("UPDATE heartbeat SET beats = beats + 1")?.execute([])?;
        Ok(())
    }

    /// Does what may be refused after some of it was written: a refusal leaves no trace, and the
    /// rest of the transaction as it is.
    pub fn attempt<T, E: From<StoreError>>(
        &self,
        act: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        let say = |sql| -> Result<(), StoreError> {
            self.conn.prepare_cached(sql)?.execute([])?;
            Ok(())
        };
        say("SAVEPOINT attempt")?;
        let outcome = act();
        if outcome.is_err() {
            say("ROLLBACK TO SAVEPOINT attempt")?;
        }
        say("RELEASE SAVEPOINT attempt")?;
        outcome
    }
}

impl<'c> Deref for Tx<'c> {
    type Target = View<'c>;

    fn deref(&self) -> &View<'c> {
        &self.view
    }
}

/// Gives a noun of sums its type and places: its rows, and what commits moved since these were written.
macro_rules! sums {
    ($($(#[doc = $doc:literal])+ $noun:ident: $Noun:ident,)+) => {
        $(
            $(#[doc = $doc])+
            pub struct $Noun<'t, A = Reads> {
                pub(super) conn: &'t Connection,
                pub(super) moved: &'t Moved,
                access: PhantomData<A>,
            }
        )+

        impl View<'_> {
            $(
                $(#[doc = $doc])+
                pub fn $noun(&self) -> $Noun<'_> {
                    $Noun { conn: self.conn, moved: &self.moved, access: PhantomData }
                }
            )+
        }

        impl Tx<'_> {
            $(
                $(#[doc = $doc])+
                pub fn $noun(&self) -> $Noun<'_, Writes> {
                    $Noun { conn: self.conn, moved: &self.moved, access: PhantomData }
                }
            )+
        }
    };
}

sums! {
    /// What was spent of scopes, window by window.
    counters: Counters,
    /// What each account was charged.
    totals: AccountTotals,
}

/// Gives each noun its type, and its place in what is read and what is written.
macro_rules! nouns {
    ($($(#[doc = $doc:literal])+ $noun:ident: $Noun:ident,)+) => {
        $(
            $(#[doc = $doc])+
            pub struct $Noun<'t, A = Reads> {
                pub(super) conn: &'t Connection,
                access: PhantomData<A>,
            }
        )+

        impl<'c> View<'c> {
            $(
                $(#[doc = $doc])+
                pub fn $noun(&self) -> $Noun<'c> {
                    $Noun { conn: self.conn, access: PhantomData }
                }
            )+
        }

        impl<'c> Tx<'c> {
            $(
                $(#[doc = $doc])+
                pub fn $noun(&self) -> $Noun<'c, Writes> {
                    $Noun { conn: self.conn, access: PhantomData }
                }
            )+
        }
    };
}

nouns! {
    /// Rules that are watched, and each time that one of them held.
    alerts: Alerts,
    /// The trail of corrections, deletions, erasures and re-ratings.
    amendments: Amendments,
    /// What people write onto charts.
    annotations: Annotations,
    /// The trail of what was done by whom.
    audit: Audit,
    /// What people decided to spend.
    budgets: Budgets,
    /// Files that are made by themselves, and when.
    exports: Exports,
    /// What was imported from older systems.
    imports: Imports,
    /// What accounts were granted, what is set aside, and what was taken.
    ledger: Ledgers,
    /// What accounts used of what their plans limit.
    limits: Limits,
    /// Which files the history and its keys consist of.
    manifest: Manifest,
    /// Users, their keys, sessions and sign-in links.
    people: People,
    /// What accounts may subscribe to.
    plans: Plans,
    /// Prices and where they are from.
    prices: Prices,
    /// What people decided about recommendations.
    recommendations: Recommendations,
    /// What customers paid.
    revenue: Revenue,
    /// Which account has which plan.
    subscriptions: Subscriptions,
    /// Committed commits that stand between the books and the history.
    usage_log: UsageLog,
    /// Views that people keep, and what stands on whose overview.
    views: Views,
}
