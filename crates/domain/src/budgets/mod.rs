#![doc = include_str!("README.md")]

mod budget;
mod counting;
mod period;
mod scope;
mod scopes;

pub use budget::{
    Basis, Budget, BudgetDraft, BudgetError, Enforcement, NAME_CHARS_MAX, PERCENT_MAX,
    THRESHOLDS_MAX, Threshold,
};
pub use counting::{CALENDAR, Counting};
pub use period::{DATE_MAX, DATE_MIN, ONCE_DAYS_MAX, Period, ROLLING_DAYS_MAX, Window};
pub use scope::{Scope, ScopeError};
pub use scopes::Scopes;
