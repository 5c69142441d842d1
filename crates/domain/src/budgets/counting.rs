//! What a counter of spend counts.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use super::{BudgetDraft, Period, Scope, Window};
use crate::usage::question::Attribute;

/// The edition of the time zones that windows are told by.
pub const CALENDAR: &str = chrono_tz::IANA_TZDB_VERSION;

/// What a counter counts: the spend of a scope, in each window of a period by itself.
///
/// Budgets that count the same share it, whatever may be spent of each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counting {
    /// What counts.
    pub scope: Scope,
    /// In which windows. The last days are counted day by day.
    pub period: Period,
    /// Whose days.
    pub tz: Tz,
}

impl Counting {
    /// What is counted for a budget that says `draft`.
    pub fn of(draft: &BudgetDraft) -> Self {
        let period = match draft.period {
            Period::Rolling { .. } => Period::Day {},
            period => period,
        };
        Self { scope: draft.scope.clone(), period, tz: draft.tz }
    }

    /// Its words, by which it is told from others.
    pub fn key(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// What `key` stands for.
    pub fn from_key(key: &str) -> Option<Self> {
        serde_json::from_str(key).ok()
    }

    /// The window in which spend at `at` is counted, if it is.
    pub fn window(&self, at: DateTime<Utc>) -> Option<Window> {
        let window = self.period.window(at, self.tz);
        window.contains(at).then_some(window)
    }

    /// Whether the erasure of a person may change which usage is in its scope.
    pub fn is_personal(&self) -> bool {
        let mut attributes = self.scope.filters().iter().map(|filter| filter.attribute());
        attributes.any(|attribute| matches!(attribute, Attribute::Subject | Attribute::Tag(_)))
    }
}

impl BudgetDraft {
    /// Since when spend must be counted to say where the budget stands at `at`: since its window
    /// began, or the one before, from which something may be carried over.
    pub fn counts_since(&self, at: DateTime<Utc>) -> DateTime<Utc> {
        let window = self.period.window(at, self.tz);
        self.period.before(window, self.tz).unwrap_or(window).from
    }
}
