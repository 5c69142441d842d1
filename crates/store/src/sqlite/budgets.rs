//! What people decided to spend.

use chrono::{DateTime, Utc};
use compact_str::CompactString;
use outlay_domain::budgets::Budget;
use rusqlite::params;

use super::time::to_us;
use super::tx::{Budgets, Writes};
use crate::StoreError;

const ALL: &str = "SELECT budget_id, budget, removed_at_us FROM budgets ORDER BY budget_id";
const PUT: &str = "
    INSERT INTO budgets (budget_id, budget) VALUES (?1, ?2)
    ON CONFLICT (budget_id) DO UPDATE SET budget = excluded.budget, removed_at_us = NULL";
const REMOVE: &str = "
    INSERT INTO budgets (budget_id, budget, removed_at_us) VALUES (?1, '{}', ?2)
    ON CONFLICT (budget_id) DO UPDATE SET budget = '{}', removed_at_us = excluded.removed_at_us";

const FORGET: &str = "DELETE FROM budgets WHERE budget_id = ?1";

/// A budget that was made or changed, or one that was removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptBudget {
    /// Its id.
    pub id: CompactString,
    /// The budget; `None` when it was removed.
    pub budget: Option<Budget>,
}

impl<A> Budgets<'_, A> {
    /// Every budget that anybody touched, removed ones included, by id.
    pub fn all(&self) -> Result<Vec<KeptBudget>, StoreError> {
        let mut statement = self.conn.prepare_cached(ALL)?;
        let mut rows = statement.query([])?;
        let mut kept = Vec::new();
        while let Some(row) = rows.next()? {
            let id: CompactString = row.get::<_, String>(0)?.into();
            let is_removed = row.get::<_, Option<i64>>(2)?.is_some();
            let budget = (!is_removed)
                .then(|| {
                    serde_json::from_str(&row.get::<_, String>(1)?)
                        .map_err(|error| damaged(&id, &error))
                })
                .transpose()?;
            kept.push(KeptBudget { id, budget });
        }
        Ok(kept)
    }
}

impl Budgets<'_, Writes> {
    /// Keeps `budget`, in place of the one of its id.
    pub fn put(&self, budget: &Budget) -> Result<(), StoreError> {
        let json = serde_json::to_string(budget).map_err(|error| damaged(&budget.id, &error))?;
        self.conn.prepare_cached(PUT)?.execute(params![budget.id.as_str(), json])?;
        Ok(())
    }

    /// Puts the budget of that id away, also one that an import would bring again.
    pub fn remove(&self, id: &str, at: DateTime<Utc>) -> Result<(), StoreError> {
        self.conn.prepare_cached(REMOVE)?.execute(params![id, to_us(at)])?;
        Ok(())
    }

    /// Lets what was decided about the budget `from`, which is going, be decided about `to`, which says
    /// the same: a change, unless there is one of its own; and where only `to` was put away, it was put
    /// away for the other's sake and comes back.
    pub fn pass_on(&self, from: &str, to: &str) -> Result<(), StoreError> {
        let kept = self.all()?;
        let of = |id: &str| kept.iter().find(|kept| kept.id == id);
        match (of(from), of(to)) {
            (
                Some(KeptBudget { budget: Some(changed), .. }),
                None | Some(KeptBudget { budget: None, .. }),
            ) => {
                self.put(&Budget { id: to.into(), ..changed.clone() })?;
            }
            (None, Some(KeptBudget { budget: None, .. })) => {
                self.conn.prepare_cached(FORGET)?.execute([to])?;
            }
            _ => {}
        }
        self.conn.prepare_cached(FORGET)?.execute([from])?;
        Ok(())
    }
}

fn damaged(id: &str, error: &serde_json::Error) -> StoreError {
    StoreError::Damaged { what: format!("the budget `{id}`"), how: error.to_string() }
}
