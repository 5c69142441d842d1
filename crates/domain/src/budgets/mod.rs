#![doc = include_str!("README.md")]

mod budget;
mod period;
mod scope;

pub use budget::{
    Basis, Budget, BudgetDraft, BudgetError, Enforcement, NAME_CHARS_MAX, PERCENT_MAX,
    THRESHOLDS_MAX, Threshold,
};
pub use period::{DATE_MAX, DATE_MIN, ONCE_DAYS_MAX, Period, ROLLING_DAYS_MAX, Window};
pub use scope::{Scope, ScopeError};
