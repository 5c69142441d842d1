//! What changes budgets, each in one commit.

use chrono::{DateTime, Utc};
use compact_str::CompactString;
use outlay_domain::budgets::{Budget, BudgetDraft, BudgetError};
use outlay_domain::imports::ImportedBudgets;
use outlay_domain::people::AuditRecord;
use outlay_store::Tx;

use super::{BUDGETS_MAX, BudgetsError, is_imported, kept, unknown};
use crate::journal::{Act, Stop, Topic};

type Judged = Result<Budget, Stop<BudgetsError>>;

/// Keeps a new budget. The same one sent again is kept once.
pub(super) struct Create {
    pub id: CompactString,
    pub draft: BudgetDraft,
    pub actor: CompactString,
}

impl Act for Create {
    type Done = Budget;
    type Refused = BudgetsError;
    const TELLS: &'static [Topic] = &[Topic::Watched];

    fn act(self, tx: &Tx<'_>, at: DateTime<Utc>) -> Judged {
        let mut all = kept(tx)?;
        if let Some(known) = all.iter().position(|budget| budget.id == self.id) {
            let known = all.swap_remove(known);
            return match known.draft == self.draft {
                true => Ok(known),
                false => Err(Stop::Refused(BudgetsError::Taken(self.id))),
            };
        }
        if all.len() >= BUDGETS_MAX {
            return Err(Stop::Refused(BudgetsError::TooMany));
        }
        put(tx, Budget::new(self.id, at, self.draft), "budgets.create", &self.actor, at)
    }
}

/// Lets a budget say something else from now on.
pub(super) struct Change {
    pub id: CompactString,
    pub draft: BudgetDraft,
    pub actor: CompactString,
}

impl Act for Change {
    type Done = Budget;
    type Refused = BudgetsError;
    const TELLS: &'static [Topic] = &[Topic::Watched];

    fn act(self, tx: &Tx<'_>, at: DateTime<Utc>) -> Judged {
        let known = known(tx, &self.id)?;
        let created_at = if is_imported(&known) { at } else { known.created_at };
        put(tx, Budget::new(known.id, created_at, self.draft), "budgets.change", &self.actor, at)
    }
}

/// Puts a budget away.
pub(super) struct Remove {
    pub id: CompactString,
    pub actor: CompactString,
}

impl Act for Remove {
    type Done = Budget;
    type Refused = BudgetsError;
    const TELLS: &'static [Topic] = &[Topic::Watched];

    fn act(self, tx: &Tx<'_>, at: DateTime<Utc>) -> Judged {
        let known = known(tx, &self.id)?;
        tx.budgets().remove(&known.id, at)?;
        tx.audit().append(&record(&known, "budgets.remove", &self.actor, at))?;
        Ok(known)
    }
}

/// Keeps the budgets of an older system in place of what it had before.
pub(super) struct TakeOver(pub ImportedBudgets);

impl Act for TakeOver {
    type Done = ();
    type Refused = BudgetsError;
    const TELLS: &'static [Topic] = &[Topic::Watched];

    fn act(self, tx: &Tx<'_>, at: DateTime<Utc>) -> Result<(), Stop<BudgetsError>> {
        Ok(tx.imports().put_budgets(&self.0, at)?)
    }
}

fn known(tx: &Tx<'_>, id: &str) -> Judged {
    let found = kept(tx)?.into_iter().find(|budget| budget.id == id);
    found.ok_or_else(|| Stop::Refused(unknown(id)))
}

fn put(
    tx: &Tx<'_>,
    budget: Result<Budget, BudgetError>,
    action: &str,
    actor: &str,
    at: DateTime<Utc>,
) -> Judged {
    let budget = budget.map_err(|error| Stop::Refused(error.into()))?;
    tx.budgets().put(&budget)?;
    tx.audit().append(&record(&budget, action, actor, at))?;
    Ok(budget)
}

fn record(budget: &Budget, action: &str, actor: &str, at: DateTime<Utc>) -> AuditRecord {
    AuditRecord {
        at,
        actor: actor.into(),
        action: action.into(),
        target: budget.id.clone(),
        detail: serde_json::json!({
            "name": budget.draft.name,
            "amount": budget.draft.amount,
            "period": budget.draft.period,
            "scope": budget.draft.scope,
        }),
    }
}
