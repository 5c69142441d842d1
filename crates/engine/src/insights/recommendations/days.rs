//! What days, services and budgets say, as `findings` has it.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};

use super::super::analysis::Analysis;
use super::super::course::units;
use super::super::findings::{self, Finding, FindingKind, ServiceShare, Thresholds};
use super::claims::{Claim, share};
use super::found::{Found, Used};
use super::{Confidence, DaysOf, Evidence, Kind, Proof, Recommendation, Scope};
use crate::budgets::BudgetStatus;
use crate::figure_text::{amount_text, count_text, units_text};
use crate::insights::SpendTable;

/// Noise in shares of the level from which on spend is to be smoothed.
const VOLATILITY: f64 = 0.3;

/// What is found in the days and of services. Days that cost too much are [`expensive`].
pub fn find(analysis: Option<&Analysis>, table: &SpendTable) -> Vec<Found> {
    let Some(analysis) = analysis else { return Vec::new() };
    let services = findings::services(table, |name| name, |_| true);
    let thresholds = Thresholds { volatility: VOLATILITY };
    let said = findings::find(analysis, &services, None, thresholds);
    said.into_iter()
        .filter(|own| own.kind != FindingKind::Anomalies)
        .filter_map(|own| found(own, analysis, table, Vec::new()))
        .collect()
}

/// Days that cost too much, in `busy`: spend by day, provider and model without what stood idle,
/// which `analysis` covers.
pub fn expensive(analysis: Option<&Analysis>, busy: &SpendTable, used: &[Used]) -> Vec<Found> {
    let Some(analysis) = analysis else { return Vec::new() };
    let thresholds = Thresholds { volatility: VOLATILITY };
    findings::find(analysis, &[], None, thresholds)
        .into_iter()
        .filter(|own| own.kind == FindingKind::Anomalies)
        .filter_map(|own| found(own, analysis, busy, excess(analysis, busy, used)))
        .collect()
}

fn found(
    own: Finding,
    analysis: &Analysis,
    table: &SpendTable,
    claims: Vec<Claim>,
) -> Option<Found> {
    let kind = match own.kind {
        FindingKind::Volatility => Kind::Volatility,
        FindingKind::Growth => Kind::Growth,
        FindingKind::Anomalies => Kind::Anomalies,
        FindingKind::Service => Kind::Service,
        FindingKind::Budget => return None,
    };
    let urgency = Some(own.priority);
    let service = own.service.as_deref();
    let names: Vec<&str> = service.into_iter().collect();
    let scope: Scope =
        service.iter().map(|name| ("service".to_owned(), vec![(*name).to_owned()])).collect();
    let (evidence, proof) = match kind {
        Kind::Anomalies => (Vec::new(), expensive_days(analysis)),
        Kind::Service => (Vec::new(), of_services(table)),
        _ => (
            vec![
                Evidence::new("Days", count_text(analysis.values.len() as i128)),
                Evidence::new("A day's mean", units_text(analysis.mean())),
                Evidence::new("Noise", percent_text(analysis.volatility)),
            ],
            Proof::default(),
        ),
    };
    Some(Found {
        measured: scope.clone(),
        claims,
        parts: (0, 100),
        recommendation: Recommendation {
            title: title(kind, service).unwrap_or(own.title),
            description: description(kind, service, analysis, table).unwrap_or(own.description),
            actions: own.actions,
            urgency,
            confidence: if kind == Kind::Service { Confidence::High } else { Confidence::Medium },
            assumption: own.impact,
            scope,
            evidence,
            proof,
            ..Recommendation::named(kind, &names)
        },
    })
}

/// The title on our pages; a dialect has its own.
fn title(kind: Kind, service: Option<&str>) -> Option<String> {
    Some(match (kind, service) {
        (Kind::Volatility, _) => "Smooth out spend that jumps about".into(),
        (Kind::Growth, _) => "Hold spend where it is".into(),
        (Kind::Anomalies, _) => "Prevent days that cost too much".into(),
        (Kind::Service, Some(service)) => format!("Look closely at {service}"),
        _ => return None,
    })
}

/// The sentence on our pages; a dialect has its own.
fn description(
    kind: Kind,
    service: Option<&str>,
    analysis: &Analysis,
    table: &SpendTable,
) -> Option<String> {
    let days = count_text(analysis.values.len() as i128);
    Some(match (kind, service) {
        (Kind::Volatility, _) => format!(
            "Beside its weekly pattern, what a day costs differs by {} from what is expected of it",
            percent_text(analysis.volatility)
        ),
        (Kind::Growth, _) => format!(
            "Spend rose by {} in {days} days, which is more than noise",
            percent_text(analysis.growth())
        ),
        (Kind::Anomalies, _) => {
            let expensive: Vec<_> = findings::expensive_days(analysis).collect();
            let worst = expensive.iter().max_by(|one, two| one.excess.total_cmp(&two.excess))?;
            let excess = units_text(expensive.iter().map(|day| day.excess).sum());
            match expensive.len() {
                1 => format!("{} cost {excess} more than expected of it", worst.date),
                count => format!(
                    "{count} of {days} days cost {excess} more than expected of them; the worst was {}",
                    worst.date
                ),
            }
        }
        (Kind::Service, Some(service)) => {
            let services = findings::services(table, |name| name, |_| true);
            let whole: i128 = services.iter().map(|share| share.nanos).sum();
            let share = services.iter().find(|share| share.service == service)?;
            format!(
                "{} of all spend: {} events at {} each",
                percent_text(units(share.nanos) / units(whole)),
                count_text(share.events),
                amount_text(share.nanos / share.events.max(1))
            )
        }
        _ => return None,
    })
}

/// A share in whole percent, rounded down.
fn percent_text(share: f64) -> String {
    format!("{:.0} %", (share * 100.0 + 1e-9).floor())
}

/// What expensive days cost beyond what is usual: of each, the pairs that were expensive on it.
#[allow(clippy::cast_possible_truncation, reason = "an estimate, in nanos")]
fn excess(analysis: &Analysis, busy: &SpendTable, used: &[Used]) -> Vec<Claim> {
    let expensive: Vec<findings::ExpensiveDay> = findings::expensive_days(analysis).collect();
    let by_pair = PairDays::each(busy);
    let nothing = PairDays::default();
    let pairs: Vec<(&PairDays, i128)> = used
        .iter()
        .map(|used| by_pair.get(&(used.provider.as_str(), used.model.as_str())))
        .map(|pair| pair.unwrap_or(&nothing))
        .map(|pair| (pair, pair.usual(analysis, &expensive)))
        .collect();
    let mut nanos = vec![0_i128; used.len()];
    for day in &expensive {
        let beyond = |(pair, usual): &(&PairDays, i128)| (pair.on(day.date) - usual).max(0);
        let beyond: Vec<i128> = pairs.iter().map(beyond).collect();
        let whole: i128 = beyond.iter().sum();
        let excess = ((day.excess * 1e9) as i128).clamp(0, whole);
        for (nanos, beyond) in nanos.iter_mut().zip(beyond) {
            *nanos += share(excess, beyond, whole);
        }
    }
    let claims = nanos.into_iter().enumerate().map(|(pair, nanos)| Claim { pair, nanos });
    claims.filter(|claim| claim.nanos > 0).collect()
}

/// What a pair of provider and model cost on each day.
#[derive(Default)]
struct PairDays(BTreeMap<NaiveDate, i128>);

impl PairDays {
    fn each(busy: &SpendTable) -> BTreeMap<(&str, &str), Self> {
        let mut pairs: BTreeMap<(&str, &str), Self> = BTreeMap::new();
        for row in &busy.rows {
            let [Some(provider), Some(model)] = row.group.as_slice() else { continue };
            let Some(day) = busy.day(row) else { continue };
            let pair = pairs.entry((provider.as_str(), model.as_str())).or_default();
            *pair.0.entry(day).or_default() += row.nanos;
        }
        pairs
    }

    fn on(&self, day: NaiveDate) -> i128 {
        self.0.get(&day).copied().unwrap_or_default()
    }

    /// The median of the analysed days that were not expensive.
    fn usual(&self, analysis: &Analysis, expensive: &[findings::ExpensiveDay]) -> i128 {
        let is_expensive = |date: NaiveDate| expensive.iter().any(|day| day.date == date);
        let days = (0..analysis.values.len()).map(|place| analysis.date(place));
        let mut usual: Vec<i128> =
            days.filter(|date| !is_expensive(*date)).map(|date| self.on(date)).collect();
        usual.sort_unstable();
        usual.get(usual.len() / 2).copied().unwrap_or_default()
    }
}

fn expensive_days(analysis: &Analysis) -> Proof {
    let row = |day: findings::ExpensiveDay| vec![day.date.to_string(), units_text(day.excess)];
    Proof {
        columns: super::found::words(["Day", "Beyond what was expected"]),
        rows: findings::expensive_days(analysis).map(row).collect(),
    }
}

fn of_services(table: &SpendTable) -> Proof {
    let unpriced = |service: &str| -> i128 {
        let own = table
            .rows
            .iter()
            .filter(|row| row.group.first().and_then(|name| name.as_deref()) == Some(service));
        own.map(|row| row.unpriced).sum()
    };
    let row = |share: &ServiceShare| {
        let spent = match (share.nanos, unpriced(&share.service)) {
            (nanos, 0) => amount_text(nanos),
            // Without a price it is unknown, not free.
            (0, _) => "unpriced".into(),
            (nanos, count) => format!("{}, {} unpriced", amount_text(nanos), count_text(count)),
        };
        vec![share.service.to_string(), count_text(share.events), spent]
    };
    let services = findings::services(table, |name| name, |_| true);
    Proof {
        columns: super::found::words(["Service", "Events", "Spent"]),
        rows: services.iter().take(20).map(row).collect(),
    }
}

/// Budgets that will be spent before their time is over.
pub fn budgets(statuses: &[BudgetStatus]) -> Vec<Found> {
    let short = statuses.iter().filter_map(|status| {
        let outlook = status.outlook.as_ref()?;
        (outlook.expected > units(status.available)).then_some((status, outlook.expected))
    });
    let found = short.map(|(status, expected)| {
        let budget = &status.budget;
        let scope = budget.draft.scope.names().clone();
        Found {
            measured: scope.clone(),
            claims: Vec::new(),
            parts: (0, 100),
            recommendation: Recommendation {
                title: format!("Plan the budget “{}”", budget.draft.name),
                description: format!(
                    "As things go its window comes to {}, and {} may be spent",
                    units_text(expected),
                    amount_text(status.available)
                ),
                assumption: "spend goes on as forecast".into(),
                scope,
                evidence: vec![
                    Evidence::new("May be spent", amount_text(status.available)),
                    Evidence::new("Spent", amount_text(status.used())),
                    Evidence::new("Expected", units_text(expected)),
                ],
                actions: super::found::words([
                    "Decide which usage gives way, by the spend within the budget",
                    "Or raise the budget for what is really needed",
                ]),
                window: Some(window(status)),
                ..Recommendation::named(Kind::Budget, &[&budget.id])
            },
        }
    });
    found.collect()
}

/// The days of a budget's window.
fn window(status: &BudgetStatus) -> DaysOf {
    let tz = status.budget.draft.tz;
    let day = |at: DateTime<Utc>| at.with_timezone(&tz).date_naive();
    let (first, end) = (day(status.window.from), day(status.window.to));
    DaysOf { first, last: end.pred_opt().unwrap_or(end), tz }
}
