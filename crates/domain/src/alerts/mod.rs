#![doc = include_str!("README.md")]

mod alert;
mod rule;

pub use alert::{Acknowledgement, Alert, AlertState, Hold, Reading, Turn, turn};
pub use rule::{
    AlertRule, Condition, HOURS_MAX, RULE_NAME_CHARS_MAX, RuleDraft, RuleError, Severity,
    SpikeSeverity,
};
