//! A condition that somebody watches.

use chrono::{DateTime, Utc};
use compact_str::CompactString;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use utoipa::ToSchema;

use crate::Amount;
use crate::budgets::Scope;
use crate::usage::question::Measure;

/// Characters in a name, at most.
pub const RULE_NAME_CHARS_MAX: usize = 200;
/// Hours that a condition may look back, at most.
pub const HOURS_MAX: u16 = 24 * 31;

/// A condition that somebody watches.
///
/// Invariant: as [`AlertRule::new`] checks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertRule {
    /// Its id.
    pub id: CompactString,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// What it says.
    #[serde(flatten)]
    pub draft: RuleDraft,
}

/// What a rule says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleDraft {
    /// What people call it.
    pub name: CompactString,
    /// How much it matters.
    pub severity: Severity,
    /// Whether it is watched.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// What is watched.
    pub condition: Condition,
}

const fn yes() -> bool {
    true
}

/// How much something matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = AlertSeverity)]
pub enum Severity {
    /// Good to know.
    Info,
    /// Somebody should look.
    Warning,
    /// Somebody should look now.
    Critical,
}

impl Severity {
    /// All of them, the least first.
    pub const ALL: [Self; 3] = [Self::Info, Self::Warning, Self::Critical];

    /// The word on the wire and in the books.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }

    /// The severity of that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|severity| severity.as_str() == word)
    }
}

/// How far outside its range spend must lie to be told of.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[schema(as = AnomalySeverity)]
pub enum SpikeSeverity {
    /// Just outside of it.
    Low,
    /// Half as far again.
    #[default]
    Medium,
    /// Two and a half times as far.
    High,
    /// Four times as far.
    Critical,
}

/// What is watched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
#[schema(as = AlertCondition)]
pub enum Condition {
    /// A budget reaches one of its thresholds, of what is spent or of what will be.
    Budget {},
    /// Usage of the last day has no price.
    Unpriced {},
    /// A measure of the last hours reaches a limit.
    Above {
        /// What is measured, e.g. `spend` or `errors`.
        #[schema(value_type = String, example = "spend")]
        measure: CompactString,
        /// How many hours, the running one included.
        #[schema(minimum = 1, maximum = 744, example = 24)]
        hours: u16,
        /// From which value on.
        #[schema(value_type = String, example = "100")]
        limit: Amount,
        /// Of which usage, as filters.
        #[serde(default)]
        scope: Scope,
    },
    /// An hour or a day is not as expected.
    Anomaly {
        /// Of which usage, as filters.
        #[serde(default)]
        scope: Scope,
        /// How far from it at least.
        #[serde(default)]
        severity: SpikeSeverity,
    },
    /// The level of daily spend changed, and stayed changed.
    Change {
        /// Of which usage, as filters.
        #[serde(default)]
        scope: Scope,
    },
    /// Nothing came in for some hours.
    Silence {
        /// Of which usage, as filters.
        #[serde(default)]
        scope: Scope,
        /// For how many hours.
        #[schema(minimum = 1, maximum = 744, example = 24)]
        hours: u16,
    },
    /// An account owes: usage that nobody authorised took more than its balance had.
    Owing {},
    /// An account reaches a share of a limit of its plan at which people want to know.
    Limits {},
    /// The server cannot do its work: the disk is nearly full, or commits failed.
    Health {},
}

impl Condition {
    /// Of which usage it is; none where it is about the server, or about each budget's own.
    pub const fn scope(&self) -> Option<&Scope> {
        match self {
            Self::Above { scope, .. }
            | Self::Anomaly { scope, .. }
            | Self::Change { scope }
            | Self::Silence { scope, .. } => Some(scope),
            Self::Budget {}
            | Self::Unpriced {}
            | Self::Owing {}
            | Self::Limits {}
            | Self::Health {} => None,
        }
    }
}

/// Why a rule cannot be.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RuleError {
    /// It has no name, or too long a one.
    #[error("a name has 1 to {RULE_NAME_CHARS_MAX} characters")]
    Name,
    /// It looks back not at all, or too far.
    #[error("hours are from 1 to {HOURS_MAX}, not {0}")]
    Hours(u16),
    /// There is nothing of that name to measure.
    #[error("`{0}` is no measure")]
    Measure(CompactString),
    /// Everything would reach the limit.
    #[error("a limit is more than zero")]
    Limit,
}

impl RuleError {
    /// The field at fault.
    pub const fn field(&self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Hours(_) => "condition.hours",
            Self::Measure(_) => "condition.measure",
            Self::Limit => "condition.limit",
        }
    }
}

impl AlertRule {
    /// A rule that says `draft`.
    pub fn new(
        id: CompactString,
        created_at: DateTime<Utc>,
        draft: RuleDraft,
    ) -> Result<Self, RuleError> {
        if draft.name.trim().is_empty() || draft.name.chars().count() > RULE_NAME_CHARS_MAX {
            return Err(RuleError::Name);
        }
        match &draft.condition {
            Condition::Above { hours, .. } | Condition::Silence { hours, .. }
                if !(1..=HOURS_MAX).contains(hours) =>
            {
                return Err(RuleError::Hours(*hours));
            }
            Condition::Above { measure, .. } if Measure::from_name(measure).is_none() => {
                return Err(RuleError::Measure(measure.chars().take(100).collect()));
            }
            Condition::Above { limit, .. } if *limit <= Amount::ZERO => {
                return Err(RuleError::Limit);
            }
            _ => {}
        }
        Ok(Self { id, created_at, draft })
    }
}
