//! What days, services and budgets say, in the words of `advice`.

use super::super::advice::{self, ServiceShare, Thresholds};
use super::super::analysis::Analysis;
use super::super::course::units;
use super::claims::{Claim, share};
use super::found::{Found, Used};
use super::{Confidence, Evidence, Kind, Proof, Recommendation, Scope};
use crate::budgets::BudgetStatus;
use crate::figure_text::{amount_text, count_text};
use crate::insights::SpendTable;

/// Noise in shares of the level from which on spend is to be smoothed.
const VOLATILITY: f64 = 0.3;

/// What `advice` says of the days, its savings without what is not spent yet.
pub fn find(analysis: Option<&Analysis>, table: &SpendTable, used: &[Used]) -> Vec<Found> {
    let Some(analysis) = analysis else { return Vec::new() };
    let services = services(table);
    let thresholds = Thresholds { volatility: VOLATILITY };
    let said = advice::recommend(analysis, &services, None, thresholds);
    said.into_iter().filter_map(|own| found(own, analysis, &services, used)).collect()
}

fn services(table: &SpendTable) -> Vec<ServiceShare> {
    let mut shares: Vec<ServiceShare> = Vec::new();
    for row in &table.rows {
        let Some(service) = row.group.first().cloned().flatten() else { continue };
        match shares.iter_mut().find(|share| share.service == service) {
            Some(share) => {
                share.nanos += row.nanos;
                share.events += row.events;
            }
            None => shares.push(ServiceShare { service, nanos: row.nanos, events: row.events }),
        }
    }
    shares
}

fn found(
    own: advice::Recommendation,
    analysis: &Analysis,
    services: &[ServiceShare],
    used: &[Used],
) -> Option<Found> {
    let kind = match own.kind {
        advice::Kind::Volatility => Kind::Volatility,
        advice::Kind::Growth => Kind::Growth,
        advice::Kind::Anomalies => Kind::Anomalies,
        advice::Kind::Service => Kind::Service,
        advice::Kind::Budget => return None,
    };
    let service = own.service.as_deref();
    let names: Vec<&str> = service.into_iter().collect();
    let scope: Scope =
        service.iter().map(|name| ("service".to_owned(), vec![(*name).to_owned()])).collect();
    let (evidence, proof) = match kind {
        Kind::Anomalies => (Vec::new(), dear_days(analysis)),
        Kind::Service => (Vec::new(), of_services(services)),
        _ => (
            vec![
                Evidence::new("Days", count_text(analysis.values.len() as i128)),
                Evidence::new("A day's mean", format!("${:.2}", analysis.mean())),
                Evidence::new("Noise", format!("{:.0}%", 100.0 * analysis.volatility)),
            ],
            Proof::default(),
        ),
    };
    let claims = if kind == Kind::Anomalies { excess(analysis, used) } else { Vec::new() };
    Some(Found {
        measured: scope.clone(),
        claims,
        parts: (0, 100),
        recommendation: Recommendation {
            title: title(kind, service).unwrap_or(own.title),
            description: own.description,
            actions: own.actions,
            confidence: if kind == Kind::Service { Confidence::High } else { Confidence::Medium },
            assumption: own.impact,
            scope,
            evidence,
            proof,
            ..Recommendation::named(kind, &names)
        },
    })
}

/// The title on our pages; LeadFactory's are those of its own.
fn title(kind: Kind, service: Option<&str>) -> Option<String> {
    Some(match (kind, service) {
        (Kind::Volatility, _) => "Smooth out spend that jumps about".into(),
        (Kind::Growth, _) => "Hold spend where it is".into(),
        (Kind::Anomalies, _) => "Prevent days that cost too much".into(),
        (Kind::Service, Some(service)) => format!("Look closely at {service}"),
        _ => return None,
    })
}

/// What dear days cost beyond what is usual, spread over what was spent.
#[allow(clippy::cast_possible_truncation, reason = "an estimate, in nanos")]
fn excess(analysis: &Analysis, used: &[Used]) -> Vec<Claim> {
    let days = advice::dear_days(analysis);
    let nanos = (days.map(|day| day.excess).sum::<f64>() * 1e9) as i128;
    let whole: i128 = used.iter().map(|used| used.nanos.max(0)).sum();
    let claim = |(pair, used): (usize, &Used)| Claim {
        pair,
        nanos: share(nanos.min(whole), used.nanos.max(0), whole),
    };
    used.iter().enumerate().map(claim).collect()
}

fn dear_days(analysis: &Analysis) -> Proof {
    let row = |day: advice::DearDay| vec![day.date.to_string(), format!("${:.2}", day.excess)];
    Proof {
        columns: super::found::words(["Day", "Beyond what was expected"]),
        rows: advice::dear_days(analysis).map(row).collect(),
    }
}

fn of_services(services: &[ServiceShare]) -> Proof {
    let row = |share: &ServiceShare| {
        vec![share.service.to_string(), count_text(share.events), amount_text(share.nanos)]
    };
    let mut services = services.to_vec();
    services.sort_by_key(|share| std::cmp::Reverse(share.nanos));
    Proof {
        columns: super::found::words(["Service", "Requests", "Spent"]),
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
                title: format!("Plan the budget `{}`", budget.draft.name),
                description: format!(
                    "As things go its window comes to ${expected:.2}, and {} may be spent",
                    amount_text(status.available)
                ),
                assumption: "spend goes on as forecast".into(),
                scope,
                evidence: vec![
                    Evidence::new("May be spent", amount_text(status.available)),
                    Evidence::new("Spent", amount_text(status.spent)),
                    Evidence::new("Expected", format!("${expected:.2}")),
                ],
                actions: super::found::words([
                    "Decide which usage gives way, by the spend within the budget",
                    "Or raise the budget for what is really needed",
                ]),
                ..Recommendation::named(Kind::Budget, &[&budget.id])
            },
        }
    });
    found.collect()
}
