//! Budgets of older systems as ours.

use chrono::{DateTime, Datelike, Months, NaiveDate, Utc};
use chrono_tz::Tz;
use compact_str::{CompactString, format_compact};
use outlay_domain::Amount;
use outlay_domain::budgets::{
    Basis, Budget, BudgetDraft, Enforcement, PERCENT_MAX, Period, Scope, Threshold,
};
use outlay_domain::imports::{ImportedBudgets, ImportedLimit, ImportedPeriod};
use outlay_store::sqlite::imports::budget_id;

use crate::import::system_of;

/// The dimension of a limit on one model.
const MODEL: &str = "model";
/// The dimension of a limit on one endpoint, which is what older systems call an operation.
const OPERATION: &str = "operation";

/// When imported budgets were made: nobody knows, and nobody made them here.
const MADE_AT: DateTime<Utc> = DateTime::UNIX_EPOCH;

/// Whether `budget` is one of an older system that nobody changed here.
pub fn is_imported(budget: &Budget) -> bool {
    budget.created_at == MADE_AT
}

/// The budgets of one source. Those that were switched off are none, and a limit that cannot be
/// one of ours is left out.
pub fn budgets(imported: &ImportedBudgets) -> Vec<Budget> {
    if !imported.enabled {
        return Vec::new();
    }
    let mut thresholds: Vec<Threshold> = imported
        .thresholds
        .iter()
        .filter(|threshold| threshold.enabled)
        .filter_map(|threshold| percent(threshold.part))
        .map(|percent| Threshold { percent, basis: Basis::Actual })
        .collect();
    thresholds.sort_unstable_by_key(|threshold| threshold.percent);
    thresholds.dedup();
    let budget = |limit: &ImportedLimit| {
        let draft = BudgetDraft {
            name: name(&imported.source, limit),
            scope: scope(limit)?,
            amount: limit.amount,
            period: period(limit.period)?,
            tz: Tz::UTC,
            enforcement: Enforcement::Soft,
            thresholds: if thresholds.is_empty() { usual() } else { thresholds.clone() },
            carries_over: false,
        };
        let id = budget_id(&imported.source, &limit.id);
        Budget::new(id, MADE_AT, draft).ok()
    };
    imported.limits.iter().filter_map(budget).collect()
}

fn usual() -> Vec<Threshold> {
    [80, 95].map(|percent| Threshold { percent, basis: Basis::Actual }).to_vec()
}

/// A share of one in whole percent.
fn percent(part: Amount) -> Option<u16> {
    let percent = u16::try_from(part.nanos() / 10_000_000).ok()?;
    (1..=PERCENT_MAX).contains(&percent).then_some(percent)
}

fn name(source: &str, limit: &ImportedLimit) -> CompactString {
    match &limit.description {
        Some(text) if !text.trim().is_empty() => text.chars().take(200).collect(),
        _ => format_compact!("{} {}", whose(source), limit.id).chars().take(200).collect(),
    }
}

/// Which system's they are, as people know it.
fn whose(source: &str) -> &str {
    system_of(source).map_or(source, |(system, _)| system.title)
}

fn scope(limit: &ImportedLimit) -> Option<Scope> {
    let named = [(MODEL, &limit.model), (OPERATION, &limit.endpoint)];
    let names = named
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), vec![value.as_ref()?.to_string()])));
    Scope::new(names.collect()).ok()
}

fn period(period: ImportedPeriod) -> Option<Period> {
    Some(match period {
        ImportedPeriod::Daily => Period::Day {},
        ImportedPeriod::Weekly => Period::Week {},
        ImportedPeriod::Monthly => Period::Month {},
        ImportedPeriod::Month { year, month } => {
            let first = NaiveDate::from_ymd_opt(year, month, 1)?;
            let last = first.checked_add_months(Months::new(1))?.pred_opt()?;
            debug_assert_eq!(last.month(), first.month());
            Period::Once { first, last }
        }
    })
}
