//! Which budgets somebody sees.

use outlay_domain::budgets::Budget;
use outlay_domain::people;

/// Whether the caller may see what a budget's scope spends: all of it belongs to their account.
pub fn may_see(caller: &people::Caller, budget: &Budget) -> bool {
    let Some(own) = caller.scope() else { return true };
    let accounts = budget.draft.scope.names().get("account");
    accounts.is_some_and(|accounts| accounts.iter().all(|account| *account == own))
}
