//! Which budgets somebody sees.

use outlay_domain::budgets::Budget;
use outlay_domain::people;

/// Whether the caller may see what a budget's scope spends: all of it belongs to their account.
pub fn may_see(caller: &people::Caller, budget: &Budget) -> bool {
    let Some(own) = caller.scope() else { return true };
    budget.draft.scope.account() == Some(own.as_str())
}
