//! What the days, the services and a month's budget say by themselves.
//!
//! A finding is no recommendation: which of them are told beside others, what of their saving is left by
//! those and what people decided about them is said in [`recommendations`](super::recommendations). An older
//! system's clients know findings only.
//!
//! No saving is claimed that cannot be shown: each rests on days or events of the past, on spend
//! that no other one rests on, and is of one month of thirty days.

use chrono::NaiveDate;
use compact_str::CompactString;
use outlay_analytics::anomalies::{self, AnomalySeverity};
use outlay_analytics::trend::Direction;
use outlay_domain::Amount;
use outlay_domain::alerts::SpikeSeverity;
use serde::{Deserialize, Serialize};

use super::SpendTable;
use super::analysis::Analysis;
use super::course::units;
use super::month::MonthUse;

/// Days of the month that savings are of.
const MONTH_DAYS: f64 = 30.0;
/// Growth in the analysed days from which on it is to be controlled.
const GROWTH_MIN: f64 = 0.2;
/// Share of a service from which on it is worth a look of its own.
const LARGE_SHARE: f64 = 0.2;

/// Share of a month's budget from which on it is nearly spent.
const NEARLY_SPENT: f64 = 0.8;
/// What is expensive whatever others cost.
const SURELY_EXPENSIVE: Amount = Amount::from_units(10);

/// From where on something is said.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Thresholds {
    /// Noise in shares of the level.
    pub volatility: f64,
}

/// Something to do about spend.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// Which kind of thing to do.
    pub kind: FindingKind,
    /// How soon.
    pub priority: Priority,
    /// For which service, where it is about one.
    pub service: Option<CompactString>,
    /// In a few words.
    pub title: String,
    /// The evidence.
    pub description: String,
    /// What to do, one by one.
    pub actions: Vec<String>,
    /// What it saves in a month, in units.
    pub savings: f64,
    /// What it is good for.
    pub impact: String,
}

/// Kinds of findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FindingKind {
    /// Spend jumps about.
    Volatility,
    /// Spend grows.
    Growth,
    /// Single days were far too expensive.
    Anomalies,
    /// The month's budget will not do.
    Budget,
    /// One service is much of the whole.
    Service,
}

/// How soon something should be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// To be done first.
    High,
    /// To be done next.
    Medium,
    /// When there is time.
    Low,
}

/// Noise in shares of the level from which on it is more than a nuisance.
const VOLATILITY_HIGH: f64 = 0.5;
/// Changes from one week to the next that are worth a word, and those that cannot wait.
const GROWTH_WORTH: f64 = 0.25;
const GROWTH_HIGH: f64 = 0.5;

/// How soon something is to be done about noise of that share of the level. It is one rule for
/// whoever tells of it, as are those for the other findings.
pub fn priority_of_volatility(volatility: f64) -> Priority {
    if volatility > VOLATILITY_HIGH { Priority::High } else { Priority::Medium }
}

/// How soon something is to be done about a change from one week to the next; `None` where it is not
/// worth a word.
pub fn priority_of_growth(weekly: f64) -> Option<Priority> {
    match weekly.abs() {
        growth if growth > GROWTH_HIGH => Some(Priority::High),
        growth if growth > GROWTH_WORTH => Some(Priority::Medium),
        _ => None,
    }
}

/// How soon something is to be done about an odd day.
pub fn priority_of_anomaly(severity: AnomalySeverity) -> Priority {
    if severity >= AnomalySeverity::High { Priority::High } else { Priority::Medium }
}

/// How soon something is to be done about a month's budget; `None` where it does.
pub fn priority_of_budget(month: &MonthUse) -> Option<Priority> {
    let is_short = month.overage() > 0;
    let is_nearly_spent = month.share() > 0.9;
    if month.budget <= 0 {
        None
    } else if is_short || is_nearly_spent {
        Some(Priority::High)
    } else {
        (month.share() > 0.75).then_some(Priority::Medium)
    }
}

/// How soon something is to be done about a month's budget of which much is spent already.
pub fn priority_of_nearly_spent(month: &MonthUse) -> Option<Priority> {
    priority_of_budget(month).filter(|_| month.share() > NEARLY_SPENT)
}

/// From what amount on an operation is expensive, where operations cost `mean_nanos`: from twice that on,
/// and from ten units on in any case; or from what somebody `said`.
pub fn expensive_above(mean_nanos: i128, said: Option<Amount>) -> Amount {
    said.unwrap_or_else(|| {
        let twice = i64::try_from(2 * mean_nanos).map_or(SURELY_EXPENSIVE, Amount::from_nanos);
        twice.min(SURELY_EXPENSIVE)
    })
}

/// The words for noise in shares of the level.
pub const fn noise_word(volatility: f64) -> &'static str {
    match volatility {
        noise if noise < 0.1 => "low",
        noise if noise < 0.3 => "moderate",
        noise if noise < VOLATILITY_HIGH => "high",
        _ => "very_high",
    }
}

/// How far out of what is usual somebody is told that a value lies.
pub const fn spike_severity(found: AnomalySeverity) -> SpikeSeverity {
    match found {
        AnomalySeverity::None | AnomalySeverity::Low => SpikeSeverity::Low,
        AnomalySeverity::Medium => SpikeSeverity::Medium,
        AnomalySeverity::High => SpikeSeverity::High,
        AnomalySeverity::Critical => SpikeSeverity::Critical,
    }
}

impl Priority {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::High => "high",
            Self::Medium => "medium",
            Self::Low => "low",
        }
    }
}

/// A service's part in spend.
#[derive(Debug, Clone, PartialEq)]
pub struct ServiceShare {
    /// Its name.
    pub service: CompactString,
    /// What it cost, in nanos.
    pub nanos: i128,
    /// How many operations that were.
    pub events: i128,
}

/// The services of the days that count, the largest first, called what `name` makes of their names;
/// those of no name are left out.
pub fn services<'a>(
    table: &'a SpendTable,
    name: impl Fn(Option<&'a str>) -> Option<&'a str>,
    counts: impl Fn(NaiveDate) -> bool,
) -> Vec<ServiceShare> {
    let mut shares: Vec<ServiceShare> = Vec::new();
    for row in table.rows.iter().filter(|row| table.day(row).is_none_or(&counts)) {
        let Some(service) = name(row.group.first().and_then(|own| own.as_deref())) else {
            continue;
        };
        match shares.iter_mut().find(|share| share.service == service) {
            Some(share) => {
                share.nanos += row.nanos;
                share.events += row.events;
            }
            None => shares.push(ServiceShare {
                service: service.into(),
                nanos: row.nanos,
                events: row.events,
            }),
        }
    }
    shares
        .sort_by(|one, two| two.nanos.cmp(&one.nanos).then_with(|| one.service.cmp(&two.service)));
    shares
}

/// What there is to do about the spend that `analysis` covers, first things first.
pub fn find(
    analysis: &Analysis,
    services: &[ServiceShare],
    month: Option<&MonthUse>,
    thresholds: Thresholds,
) -> Vec<Finding> {
    let mut all: Vec<Finding> = [
        volatility(analysis, thresholds),
        growth(analysis),
        anomalies(analysis),
        month.and_then(budget),
    ]
    .into_iter()
    .flatten()
    .chain(large_services(services))
    .collect();
    all.sort_by_key(|finding| finding.priority);
    all
}

fn volatility(analysis: &Analysis, thresholds: Thresholds) -> Option<Finding> {
    (analysis.volatility > thresholds.volatility).then(|| Finding {
        kind: FindingKind::Volatility,
        priority: priority_of_volatility(analysis.volatility),
        service: None,
        title: "Implement Cost Smoothing Strategies".into(),
        description: format!(
            "Beside its weekly pattern, a day's cost differs by {:.0}% from what is expected of it",
            100.0 * analysis.volatility
        ),
        actions: texts([
            "Find the jobs behind single expensive days in the detailed breakdown",
            "Spread large jobs over several days",
            "Set a budget that warns on the day itself",
        ]),
        savings: 0.0,
        impact: "Reduce cost unpredictability and enable better budgeting".into(),
    })
}

fn growth(analysis: &Analysis) -> Option<Finding> {
    let growth = analysis.growth();
    if analysis.direction() != Direction::Rising || growth < GROWTH_MIN {
        return None;
    }
    let week = analysis.values.len().saturating_sub(7);
    let last = &analysis.values[week..];
    let now = last.iter().sum::<f64>() / last.len().max(1) as f64;
    let expected = &analysis.forecast.as_ref()?.expected;
    let ahead = expected.iter().sum::<f64>() / expected.len().max(1) as f64;
    Some(Finding {
        kind: FindingKind::Growth,
        priority: analysis.weekly_growth().and_then(priority_of_growth).unwrap_or(Priority::Medium),
        service: None,
        title: "Control Cost Growth".into(),
        description: format!(
            "Costs rose by {:.0}% in {} days, which is more than noise",
            100.0 * growth,
            analysis.values.len()
        ),
        actions: texts([
            "Find the service and operation that grew in the cost trends",
            "Check whether the growth brings revenue in the ROI analysis",
            "Hold the level of the last week with a budget",
        ]),
        savings: ((ahead - now) * MONTH_DAYS).max(0.0),
        impact: "Hold costs at the level of the last week".into(),
    })
}

fn anomalies(analysis: &Analysis) -> Option<Finding> {
    let expensive: Vec<_> = expensive_days(analysis).collect();
    let worst = expensive.iter().max_by(|one, two| one.excess.total_cmp(&two.excess))?;
    let excess: f64 = expensive.iter().map(|day| day.excess).sum();
    Some(Finding {
        kind: FindingKind::Anomalies,
        priority: yesterdays(analysis)
            .map_or(Priority::Medium, |odd| priority_of_anomaly(odd.severity)),
        service: None,
        title: "Prevent Cost Anomalies".into(),
        description: format!(
            "{} of {} days cost ${excess:.2} more than expected; the worst was {}",
            expensive.len(),
            analysis.values.len(),
            worst.date,
        ),
        actions: texts([
            "Look at the most expensive operations of those days",
            "Cap retries and batch sizes of the jobs behind them",
            "Set an alert on the hourly cost",
        ]),
        savings: excess * MONTH_DAYS / analysis.values.len().max(1) as f64,
        impact: "Avoid what single days cost beyond what is usual".into(),
    })
}

/// The last whole day, where it was odd.
pub fn yesterdays(analysis: &Analysis) -> Option<&anomalies::Anomaly> {
    let yesterday = analysis.values.len().checked_sub(1);
    analysis.anomalies.iter().find(|odd| Some(odd.index) == yesterday)
}

/// A day that cost clearly more than expected.
pub(super) struct ExpensiveDay {
    pub date: NaiveDate,
    pub excess: f64,
}

pub(super) fn expensive_days(analysis: &Analysis) -> impl Iterator<Item = ExpensiveDay> + '_ {
    let is_expensive = |anomaly: &&anomalies::Anomaly| {
        anomaly.direction == anomalies::Direction::Above
            && anomaly.severity >= AnomalySeverity::Medium
    };
    analysis.anomalies.iter().filter(is_expensive).map(|anomaly| ExpensiveDay {
        date: analysis.date(anomaly.index),
        excess: anomaly.value - anomaly.expected,
    })
}

fn budget(month: &MonthUse) -> Option<Finding> {
    (month.budget > 0 && month.overage() > 0).then(|| Finding {
        kind: FindingKind::Budget,
        priority: priority_of_budget(month).unwrap_or(Priority::Medium),
        service: None,
        title: "Plan The Month's Budget".into(),
        description: format!(
            "The month comes to ${:.2}, ${:.2} more than its budget of ${:.2}",
            units(month.projected),
            units(month.overage()),
            units(month.budget),
        ),
        actions: texts([
            "Decide which service gives way, by the detailed breakdown",
            "Or raise the budget for what the month really needs",
        ]),
        savings: 0.0,
        impact: "Keep the month within what was decided".into(),
    })
}

fn large_services(services: &[ServiceShare]) -> impl Iterator<Item = Finding> + '_ {
    let whole = units(services.iter().map(|share| share.nanos).sum());
    let mut large: Vec<(&ServiceShare, f64)> = services
        .iter()
        .filter(|_| whole > 0.0)
        .map(|share| (share, units(share.nanos) / whole))
        .filter(|(_, part)| *part >= LARGE_SHARE)
        .collect();
    large.sort_by(|(_, one), (_, two)| two.total_cmp(one));
    large.into_iter().map(|(share, part)| {
        let each = units(share.nanos / share.events.max(1));
        Finding {
            kind: FindingKind::Service,
            priority: Priority::Low,
            service: Some(share.service.clone()),
            title: format!("Optimize {} Usage", capitalised(&share.service)),
            description: format!(
                "{:.0}% of the costs looked at: {} operations at ${each:.4} each",
                100.0 * part,
                share.events
            ),
            actions: texts([
                "Compare its operations by their average cost",
                "Cache what is asked for often, and ask in batches",
                "Try whether a cheaper model or plan does",
            ]),
            savings: 0.0,
            impact: "Where most is spent, most can be saved".into(),
        }
    })
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn texts<const N: usize>(texts: [&str; N]) -> Vec<String> {
    texts.into_iter().map(ToOwned::to_owned).collect()
}

/// How well spend is under control, from 0 to 100: the mean of how steady it is, how little it
/// grows, and how evenly it is spread over services.
pub fn score(analysis: Option<&Analysis>, services: &[ServiceShare]) -> f64 {
    let steadiness = analysis.map(|analysis| (100.0 - 200.0 * analysis.volatility).max(0.0));
    let growth = analysis.and_then(Analysis::weekly_growth).map(|growth| match growth.abs() {
        growth if growth < 0.1 => 100.0,
        growth if growth < 0.25 => 70.0,
        _ => 30.0,
    });
    let whole: i128 = services.iter().map(|share| share.nanos).sum();
    let largest = services.iter().map(|share| share.nanos).max().filter(|_| whole > 0);
    let spread = largest.map(|largest| match units(largest) / units(whole) {
        share if share < 0.4 => 100.0,
        share if share < 0.6 => 70.0,
        _ => 40.0,
    });
    let factors: Vec<f64> = [steadiness, growth, spread].into_iter().flatten().collect();
    match factors.len() {
        0 => 50.0,
        count => factors.iter().sum::<f64>() / count as f64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(service: &str, units: i128) -> ServiceShare {
        ServiceShare { service: service.into(), nanos: units * 1_000_000_000, events: 10 }
    }

    #[test]
    fn only_large_services_are_worth_a_word() {
        let services = [share("gpu", 15), share("openai", 80), share("mail", 5)];

        let said: Vec<_> = large_services(&services).collect();

        assert_eq!(said.len(), 1);
        assert_eq!(said[0].title, "Optimize Openai Usage");
        assert_eq!(
            said[0].description,
            "80% of the costs looked at: 10 operations at $8.0000 each"
        );
        assert_eq!(large_services(&[]).count(), 0);
    }

    #[test]
    fn one_finding_has_one_priority() {
        let month = super::super::month::Month::new(2026, 11).unwrap_or_else(|| unreachable!());
        let used = |spent: i128| {
            let today = NaiveDate::from_ymd_opt(2026, 11, 30).unwrap_or_default();
            let unit = 1_000_000_000;
            MonthUse::new(month, today, 100 * unit, spent * unit, 0, None)
        };

        assert_eq!(priority_of_budget(&used(50)), None);
        assert_eq!(priority_of_budget(&used(80)), Some(Priority::Medium));
        assert_eq!(priority_of_budget(&used(120)), Some(Priority::High));
        let said = budget(&used(120)).map(|said| said.priority);
        assert_eq!(said, Some(Priority::High));
        assert_eq!(priority_of_growth(-0.6), Some(Priority::High));
        assert_eq!(priority_of_growth(0.1), None);
        assert_eq!(priority_of_volatility(0.4), Priority::Medium);
        assert_eq!(priority_of_anomaly(AnomalySeverity::Critical), Priority::High);
    }

    #[test]
    fn what_is_expensive_goes_by_what_others_cost_and_by_what_was_said() {
        let text = |mean: i128, said: Option<i32>| {
            expensive_above(mean, said.map(Amount::from_units)).to_string()
        };

        assert_eq!(text(1_500_000_000, None), "3");
        assert_eq!(text(80_000_000_000, None), "10");
        assert_eq!(text(i128::from(i64::MAX), None), "10");
        assert_eq!(text(80_000_000_000, Some(25)), "25");
    }

    #[test]
    fn the_score_is_about_what_is_known() {
        assert!((score(None, &[]) - 50.0).abs() < 1e-9);
        let spread = [share("a", 1), share("b", 1), share("c", 1)];
        assert!((score(None, &spread) - 100.0).abs() < 1e-9);
    }
}
