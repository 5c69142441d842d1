//! What could be done about costs.

use outlay_domain::usage::question::Attribute;
use outlay_engine::insights::course::units;
use outlay_engine::insights::findings::{
    Finding, FindingKind, Priority, noise_word, priority_of_nearly_spent,
};
use outlay_engine::insights::{Days, SpendQuestion};
use serde_json::{Value, json};

use super::breakdown::PERIODS;
use super::desk::{Desk, Overview, Selection, shares};
use super::error::Refused;
use super::params::Params;
use super::trends::direction;
use super::wire::{Json, day, mean};

/// Recommendations that are listed, at most.
const LISTED_MAX: usize = 10;
/// Share of all costs from which on a service is a high-cost one.
const HIGH_SHARE: f64 = 0.4;
/// What an operation may cost on average, in units.
const HIGH_MEAN: f64 = 1.0;
/// Expensive operations from which on they are worth a word.
const OFTEN: u64 = 5;
/// Days that the plain recommendations rest on, today among them.
const DAYS: u32 = 30;

/// `GET /api/enhanced/optimization-recommendations`.
pub async fn enhanced(desk: Desk) -> Result<Json<Value>, Refused> {
    let overview = desk.overview(&Selection::default()).await?;
    recommendations(&desk, &overview).map(Json).ok_or_else(|| {
        Refused::bad("Cannot generate recommendations: Insufficient data for trend analysis")
    })
}

/// The whole answer about what could be done; `None` where there are too few days to say.
pub fn recommendations(desk: &Desk, overview: &Overview) -> Option<Value> {
    let analysis = overview.analysis.as_deref()?;
    let listed = listed(overview);
    let count = |priority: Priority| listed.iter().filter(|own| own.priority == priority).count();
    Some(json!({
        "total_recommendations": listed.len(),
        "total_estimated_savings": listed.iter().map(|own| own.savings).sum::<f64>(),
        "recommendations": listed.iter().copied().map(body).collect::<Vec<_>>(),
        "priority_distribution": {
            "high": count(Priority::High),
            "medium": count(Priority::Medium),
            "low": count(Priority::Low),
        },
        "analysis_summary": {
            "trend_direction": direction(analysis),
            "volatility_level": noise_word(analysis.volatility),
            "anomaly_count": analysis.anomalies.len(),
            "forecast_confidence": analysis.confidence(),
        },
        "generated_at": desk.stamp(),
    }))
}

fn listed(overview: &Overview) -> Vec<&Finding> {
    overview.findings.iter().take(LISTED_MAX).collect()
}

/// The recommendations alone.
pub fn bodies(overview: &Overview) -> Vec<Value> {
    listed(overview).into_iter().map(body).collect()
}

fn body(own: &Finding) -> Value {
    let kind = match own.kind {
        FindingKind::Volatility => "volatility_management",
        FindingKind::Growth => "growth_control",
        FindingKind::Anomalies => "anomaly_prevention",
        FindingKind::Budget => "budget_planning",
        FindingKind::Service => "service_optimization",
    };
    let mut body = json!({
        "type": kind,
        "priority": own.priority.as_str(),
        "title": own.title,
        "description": own.description,
        "actions": own.actions,
        "estimated_savings": own.savings,
        "impact": own.impact,
    });
    if let (Some(service), Some(body)) = (&own.service, body.as_object_mut()) {
        body.insert("service".into(), service.as_str().into());
    }
    body
}

/// `GET /api/cost/optimization`.
pub async fn plain(desk: Desk, params: Params) -> Result<Json<Value>, Refused> {
    params.choice("time_period", &PERIODS, PERIODS[3].1)?;
    let period = params.one("time_period")?.unwrap_or("monthly");
    let rows = opportunities(&desk).await?;
    let count = |priority: &str| rows.iter().filter(|row| row["priority"] == priority).count();
    let savings: f64 = rows.iter().filter_map(|row| row["potential_savings"].as_f64()).sum();
    Ok(Json(json!({
        "time_period": period,
        "analysis_date": day(desk.today()),
        "total_recommendations": rows.len(),
        "total_potential_savings": savings,
        "summary": {
            "high_priority": count("high"),
            "medium_priority": count("medium"),
            "low_priority": count("low"),
        },
        "recommendations": rows,
    })))
}

/// The recommendations in the shape of the breakdown API.
pub async fn opportunities(desk: &Desk) -> Result<Vec<Value>, Refused> {
    let today = desk.today();
    let days = Days::ending(today, DAYS - 1);
    let question = desk.question(&Selection::default(), days).await?;
    let question = SpendQuestion { by: vec![Attribute::Service], ..question };
    let everything = Selection::default();
    let (table, overview) = tokio::try_join!(desk.spend(question), desk.overview(&everything))?;
    let expensive = desk.expensive_sum(days, table.total.nanos / table.total.events.max(1)).await?;
    let mut rows = Vec::new();
    let mut say = |kind: &str,
                   priority: &str,
                   service: Option<&str>,
                   what: String,
                   how: &str,
                   savings: f64| {
        let mut row = json!({
            "type": kind, "priority": priority, "description": what, "recommendation": how,
            "potential_savings": savings,
        });
        if let (Some(service), Some(row)) = (service, row.as_object_mut()) {
            row.insert("service".into(), service.into());
        }
        rows.push(row);
    };
    let whole = units(table.total.nanos);
    let services = shares(&table, |_| true);
    for share in
        services.iter().filter(|share| whole > 0.0 && units(share.nanos) / whole > HIGH_SHARE)
    {
        let part = 100.0 * units(share.nanos) / whole;
        say(
            "high_cost_service",
            "high",
            Some(&share.service),
            format!(
                "{} accounts for {part:.1}% of total costs of the last {DAYS} days",
                share.service
            ),
            "Compare its operations by their average cost, and start with the most expensive",
            0.0,
        );
    }
    let month = &overview.month;
    if let Some(priority) = priority_of_nearly_spent(month) {
        say(
            "budget_utilization",
            priority.as_str(),
            None,
            format!(
                "{:.1}% of the month's budget is spent, and the month comes to ${:.2}",
                100.0 * month.share(),
                units(month.projected)
            ),
            "Decide which service gives way, or raise the budget",
            0.0,
        );
    }
    // What can be shown to be saved is the same here as in the enhanced recommendations.
    for own in overview.findings.iter().filter(|own| own.savings > 0.0) {
        let priority = own.priority.as_str();
        let kind = body(own)["type"].as_str().unwrap_or_default().to_owned();
        say(&kind, priority, None, own.description.clone(), &own.impact, own.savings);
    }
    for share in services.iter().filter(|share| share.events > 0) {
        let mean = units(share.nanos / share.events);
        if mean > HIGH_MEAN {
            say(
                "high_transaction_cost",
                "medium",
                Some(&share.service),
                format!("Average transaction cost for {} is ${mean:.2}", share.service),
                "Review API usage patterns and consider batching requests",
                0.0,
            );
        }
    }
    if expensive.count > OFTEN {
        let mean = mean(expensive.nanos, expensive.count.into());
        say(
            "frequent_high_cost",
            "medium",
            None,
            format!("Detected {} high-cost transactions averaging ${mean:.2}", expensive.count),
            "Implement cost monitoring alerts and usage quotas",
            0.0,
        );
    }
    let rank =
        |row: &Value| ["high", "medium", "low"].iter().position(|word| row["priority"] == *word);
    rows.sort_by_key(rank);
    rows.truncate(LISTED_MAX);
    Ok(rows)
}
