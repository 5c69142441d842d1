//! A budget, and what it must be like.

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use compact_str::CompactString;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use utoipa::ToSchema;

use super::period::{DATE_MAX, DATE_MIN, ONCE_DAYS_MAX, Period, ROLLING_DAYS_MAX};
use super::scope::Scope;
use crate::Amount;

/// Characters in a name, at most.
pub const NAME_CHARS_MAX: usize = 200;
/// Thresholds of one budget, at most.
pub const THRESHOLDS_MAX: usize = 20;
/// The largest threshold, in percent.
pub const PERCENT_MAX: u16 = 1_000;

/// What people decided to spend on something in a time.
///
/// Invariant: as [`Budget::new`] checks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    /// Its id, chosen by whoever made it or by us.
    pub id: CompactString,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// What it says.
    #[serde(flatten)]
    pub draft: BudgetDraft,
}

/// What a budget says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BudgetDraft {
    /// What people call it.
    pub name: CompactString,
    /// What counts.
    #[serde(default)]
    pub scope: Scope,
    /// How much may be spent.
    pub amount: Amount,
    /// In which time.
    pub period: Period,
    /// Whose days.
    #[serde(default = "utc")]
    pub tz: Tz,
    /// What happens at the end of it.
    #[serde(default)]
    pub enforcement: Enforcement,
    /// When people want to know.
    #[serde(default = "Threshold::usual")]
    pub thresholds: Vec<Threshold>,
    /// Whether what was left of the window before may be spent too.
    #[serde(default)]
    pub carries_over: bool,
}

const fn utc() -> Tz {
    Tz::UTC
}

/// What happens when a budget is spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Enforcement {
    /// People are told.
    #[default]
    Soft,
    /// Whoever asks before they spend is refused, too.
    Hard,
}

/// A share of a budget at which people want to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Threshold {
    /// The share, in percent.
    pub percent: u16,
    /// Of which spend.
    #[serde(default)]
    pub basis: Basis,
}

impl Threshold {
    /// What people want to know of where they do not say.
    pub fn usual() -> Vec<Self> {
        [(80, Basis::Actual), (100, Basis::Actual), (100, Basis::Forecast)]
            .map(|(percent, basis)| Self { percent, basis })
            .to_vec()
    }
}

/// Which spend is held against a threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ThresholdBasis)]
pub enum Basis {
    /// What is spent.
    #[default]
    Actual,
    /// What will be spent by the end of the window.
    Forecast,
}

/// Why a budget cannot be.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BudgetError {
    /// It has no name, or too long a one.
    #[error("a name has 1 to {NAME_CHARS_MAX} characters")]
    Name,
    /// Nothing could be spent.
    #[error("a budget is for more than zero")]
    NotPositive,
    /// A rolling budget looks back not at all, or too far.
    #[error("a rolling budget has 1 to {ROLLING_DAYS_MAX} days, not {0}")]
    RollingDays(u16),
    /// The dates are the wrong way round.
    #[error("the last day, {last}, is before the first, {first}")]
    Backwards {
        /// The first day.
        first: NaiveDate,
        /// The last day.
        last: NaiveDate,
    },
    /// The first day is before usage can be.
    #[error("the first day, {0}, is before {DATE_MIN}")]
    TooEarly(NaiveDate),
    /// The last day is further ahead than anybody plans.
    #[error("the last day, {0}, is after {DATE_MAX}")]
    TooLate(NaiveDate),
    /// The dates are too far apart.
    #[error("from {first} to {last} are more than {ONCE_DAYS_MAX} days")]
    TooLong {
        /// The first day.
        first: NaiveDate,
        /// The last day.
        last: NaiveDate,
    },
    /// There are more thresholds than anybody reads.
    #[error("a budget has {THRESHOLDS_MAX} thresholds at most, not {0}")]
    TooManyThresholds(usize),
    /// A threshold is nothing, or beyond anything.
    #[error("a threshold is from 1 to {PERCENT_MAX} percent, not {0}")]
    Percent(u16),
    /// A threshold is there twice.
    #[error("there are two thresholds at {0} percent of the same spend")]
    SameThreshold(u16),
    /// What does not repeat has nothing to carry over.
    #[error("only a budget that repeats by the calendar can carry over what was left")]
    CarriesNothing,
}

impl BudgetError {
    /// The field at fault.
    pub const fn field(&self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::NotPositive => "amount",
            Self::RollingDays(_) => "period.days",
            Self::TooEarly(_) => "period.first",
            Self::Backwards { .. } | Self::TooLate(_) | Self::TooLong { .. } => "period.last",
            Self::TooManyThresholds(_) | Self::Percent(_) | Self::SameThreshold(_) => "thresholds",
            Self::CarriesNothing => "carries_over",
        }
    }

    /// What to do about it, where the error does not say.
    pub fn remedy(&self) -> Option<String> {
        Some(match self {
            Self::Backwards { .. } => "swap the two days, or pick a later last one".into(),
            Self::TooEarly(_) => format!("pick a day from {DATE_MIN} on"),
            Self::TooLate(_) => format!("pick a day up to {DATE_MAX}"),
            Self::TooLong { .. } => {
                "pick days within ten years of one another, or a budget that repeats".into()
            }
            Self::SameThreshold(_) => "leave one of them out".into(),
            _ => return None,
        })
    }
}

impl Budget {
    /// Whether somebody may see what its scope spends who sees `own`, which is one account or all:
    /// all of it belongs to that account.
    pub fn is_seen_by(&self, own: Option<&str>) -> bool {
        own.is_none_or(|own| self.draft.scope.account() == Some(own))
    }

    /// A budget that says `draft`.
    pub fn new(
        id: CompactString,
        created_at: DateTime<Utc>,
        draft: BudgetDraft,
    ) -> Result<Self, BudgetError> {
        draft.check()?;
        Ok(Self { id, created_at, draft })
    }
}

impl Period {
    /// Whether there can be a budget for that time. One that an older version kept may be for
    /// another.
    pub fn check(self) -> Result<(), BudgetError> {
        match self {
            Self::Rolling { days } if days == 0 || days > ROLLING_DAYS_MAX => {
                Err(BudgetError::RollingDays(days))
            }
            Self::Once { first, .. } if first < DATE_MIN => Err(BudgetError::TooEarly(first)),
            Self::Once { last, .. } if last > DATE_MAX => Err(BudgetError::TooLate(last)),
            Self::Once { first, last } if last < first => {
                Err(BudgetError::Backwards { first, last })
            }
            Self::Once { first, last } if (last - first).num_days() >= ONCE_DAYS_MAX => {
                Err(BudgetError::TooLong { first, last })
            }
            _ => Ok(()),
        }
    }
}

impl BudgetDraft {
    fn check(&self) -> Result<(), BudgetError> {
        if self.name.trim().is_empty() || self.name.chars().count() > NAME_CHARS_MAX {
            return Err(BudgetError::Name);
        }
        if self.amount <= Amount::ZERO {
            return Err(BudgetError::NotPositive);
        }
        self.period.check()?;
        if self.carries_over && matches!(self.period, Period::Rolling { .. } | Period::Once { .. })
        {
            return Err(BudgetError::CarriesNothing);
        }
        if self.thresholds.len() > THRESHOLDS_MAX {
            return Err(BudgetError::TooManyThresholds(self.thresholds.len()));
        }
        for (place, threshold) in self.thresholds.iter().enumerate() {
            if !(1..=PERCENT_MAX).contains(&threshold.percent) {
                return Err(BudgetError::Percent(threshold.percent));
            }
            if self.thresholds[..place].contains(threshold) {
                return Err(BudgetError::SameThreshold(threshold.percent));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn draft(json: &str) -> BudgetDraft {
        serde_json::from_str(json).unwrap()
    }

    const SMALL: &str = r#"{"name": "Research", "amount": "250", "period": {"every": "month"}}"#;

    #[test]
    fn a_budget_needs_a_name_an_amount_and_a_time() {
        let small = draft(SMALL);

        assert!(small.scope.is_everything());
        assert_eq!((small.tz, small.enforcement), (Tz::UTC, Enforcement::Soft));
        assert_eq!(small.thresholds.len(), 3);
        assert!(Budget::new("b".into(), DateTime::UNIX_EPOCH, small).is_ok());
    }

    #[test]
    fn it_reads_back_as_it_is_written() {
        let whole = draft(
            r#"{"name": "Chat", "amount": "9.5", "period": {"every": "rolling", "days": 7},
                "scope": {"provider": ["openai"], "team!": ["ops"], "model^": ["gpt-"]},
                "tz": "Europe/Berlin", "enforcement": "hard",
                "thresholds": [{"percent": 50, "basis": "forecast"}]}"#,
        );
        let budget = Budget::new("b".into(), DateTime::UNIX_EPOCH, whole).unwrap();

        let json = serde_json::to_string(&budget).unwrap();

        assert_eq!(serde_json::from_str::<Budget>(&json).unwrap(), budget);
        assert_eq!(budget.draft.scope.filters().len(), 3);
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_field() {
        let refused = |change: &dyn Fn(&mut BudgetDraft)| {
            let mut draft = draft(SMALL);
            change(&mut draft);
            Budget::new("b".into(), DateTime::UNIX_EPOCH, draft).unwrap_err().field()
        };

        assert_eq!(refused(&|draft| draft.name = " ".into()), "name");
        assert_eq!(refused(&|draft| draft.amount = Amount::ZERO), "amount");
        assert_eq!(refused(&|draft| draft.period = Period::Rolling { days: 0 }), "period.days");
        assert_eq!(
            refused(&|draft| {
                draft.period = Period::Rolling { days: 3 };
                draft.carries_over = true;
            }),
            "carries_over"
        );
        assert_eq!(refused(&|draft| draft.thresholds[0].percent = 0), "thresholds");
        assert_eq!(refused(&|draft| draft.thresholds[1] = draft.thresholds[0]), "thresholds");
        assert!(serde_json::from_str::<Period>(r#"{"every": "day", "days": 3}"#).is_err());
        assert!(serde_json::from_str::<Scope>(r#"{"colour": ["red"]}"#).is_err());
        assert!(serde_json::from_str::<Scope>(r#"{"provider": []}"#).is_err());
    }

    #[test]
    fn dates_are_those_that_usage_can_have_and_ten_years_at_most() {
        let refused = |first: &str, last: &str| {
            let period =
                Period::Once { first: first.parse().unwrap(), last: last.parse().unwrap() };
            period.check().map_err(|error| error.field()).err()
        };

        assert_eq!(refused("2026-01-01", "2026-12-31"), None);
        assert_eq!(refused("1970-01-02", "1980-01-01"), None);
        assert_eq!(refused("1970-01-01", "1970-12-31"), Some("period.first"));
        assert_eq!(refused("-99999-01-01", "2026-12-31"), Some("period.first"));
        assert_eq!(refused("2026-01-02", "2026-01-01"), Some("period.last"));
        assert_eq!(refused("1970-01-02", "9000-12-31"), Some("period.last"));
        assert_eq!(refused("2016-01-01", "2026-12-31"), Some("period.last"));
    }
}
