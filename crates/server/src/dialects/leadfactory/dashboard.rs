//! Everything at a glance.

use outlay_domain::usage::question::Every;
use outlay_engine::insights::course::units;
use outlay_engine::insights::findings::{
    Priority, priority_of_anomaly, priority_of_budget, priority_of_growth, priority_of_volatility,
    yesterdays,
};
use outlay_engine::insights::roi::Return;
use outlay_engine::insights::{Analysis, Days};
use serde_json::{Map, Value, json};

use super::breakdown::{Ask, PERIODS, count_of, whole};
use super::budget;
use super::desk::{Desk, Overview, Selection};
use super::error::Refused;
use super::optimization::bodies;
use super::params::Params;
use super::status::Status;
use super::trends::{body_if_any, direction};
use super::wire::{Json, day, dollars, local, mean};

/// Days back and ahead that the dashboard's trends look at.
const TRENDS: (u32, u32) = (30, 7);
/// Scores below which it is alarmed and warned of, and above which all is well.
const SCORES: (f64, f64, f64) = (30.0, 60.0, 80.0);

/// `GET /api/enhanced/dashboard-data`.
pub async fn enhanced(desk: Desk, params: Params) -> Result<Json<Value>, Refused> {
    let period = params.choice("time_period", &PERIODS, Every::Day)?;
    let service = params.one("service_filter")?;
    let days = params.days(None, desk.today())?;
    Ok(Json(data(&desk, service, period, days).await?))
}

/// `GET /api/cost/integrated/dashboard`.
pub async fn integrated(desk: Desk, params: Params) -> Result<Json<Value>, Refused> {
    let period = params.choice("time_period", &PERIODS, Every::Day)?;
    Ok(Json(data(&desk, None, period, None).await?))
}

/// The whole dashboard.
pub async fn data(
    desk: &Desk,
    service: Option<&str>,
    period: Every,
    days: Option<Days>,
) -> Result<Value, Refused> {
    let selection = Selection::service(service);
    let ask = Ask::by_service(selection.clone(), period, days);
    let (back, ahead) = TRENDS;
    let (breakdown, trends, overview, revenue) = tokio::try_join!(
        whole(desk, &ask),
        body_if_any(desk, service, back, ahead),
        desk.overview(&selection),
        desk.revenue(Some(days.unwrap_or(Days::only(desk.today())))),
    )?;
    let word = PERIODS.iter().find(|(_, every)| *every == period).map(|(word, _)| word);
    let revenue = revenue.as_ref();
    let revenue = json!({
        "gross_revenue": dollars(revenue.map_or(0, |total| total.paid_nanos)),
        "net_revenue": dollars(revenue.map_or(0, |total| total.net_nanos)),
        "transactions": revenue.map_or(0, |total| total.payments),
    });
    Ok(json!({
        "timestamp": desk.stamp(),
        "time_period": word,
        "cost_breakdown": breakdown,
        "revenue_data": revenue,
        "analytics": trends,
        "recommendations": bodies(&overview),
        "system_health": system_health(desk),
    }))
}

/// What the reader of databases is at.
pub fn integration_status(desk: &Desk) -> Value {
    let following = Status::of(&desk.state).read();
    json!({
        "active": following.is_active(),
        "last_sync": following.last_sync.map(|at| local(at, desk.tz)),
        "databases_connected": following.databases.len(),
    })
}

fn system_health(desk: &Desk) -> Value {
    let status = integration_status(desk);
    json!({
        "integration_active": status["active"],
        "last_sync": status["last_sync"],
        "databases_connected": status["databases_connected"],
        "prometheus_available": desk.config().dialects.leadfactory.prometheus_metrics,
    })
}

/// `GET /api/enhanced/cost-efficiency`, and the same of the integration.
pub async fn efficiency(desk: Desk) -> Result<Json<Value>, Refused> {
    let overview = desk.overview(&Selection::default()).await?;
    Ok(Json(efficiency_body(&desk, &overview).await?))
}

/// How well what is spent is spent.
pub async fn efficiency_body(desk: &Desk, overview: &Overview) -> Result<Value, Refused> {
    let mut services = Map::new();
    for share in &overview.services {
        let body = json!({
            "total_cost": dollars(share.nanos),
            "operations_count": count_of(share.events),
            "avg_cost_per_operation": mean(share.nanos, share.events),
        });
        services.insert(share.service.to_string(), body);
    }
    let month = Days::new(desk.today().with_day_one(), desk.today());
    let revenue = desk.revenue(month).await?.filter(|total| total.paid_nanos > 0);
    let returns = revenue.map_or_else(
        || json!({}),
        |total| {
            let own = Return {
                revenue: total.paid_nanos,
                spend: overview.services.iter().map(|share| share.nanos).sum(),
                sales: total.payments,
            };
            json!({
                "total_revenue": dollars(own.revenue),
                "profit": dollars(own.profit()),
                "roi_percentage": own.on_spend().map(|part| 100.0 * part),
                "profit_margin": own.margin().map(|part| 100.0 * part),
            })
        },
    );
    Ok(json!({
        "cost_per_service": services,
        "efficiency_trends": overview.analysis.as_deref().map_or_else(|| json!({}), course),
        "roi_metrics": returns,
        "optimization_score": overview.score,
    }))
}

fn course(analysis: &Analysis) -> Value {
    json!({
        "growth_rate": 100.0 * analysis.weekly_growth().unwrap_or_default(),
        "volatility": analysis.volatility,
        "trend_direction": direction(analysis),
    })
}

/// `GET /api/enhanced/cost-alerts`.
pub async fn alerts(desk: Desk) -> Result<Json<Value>, Refused> {
    let overview = desk.overview(&Selection::default()).await?;
    Ok(Json(alerts_body(&desk, &overview).await?))
}

/// What needs attention now.
pub async fn alerts_body(desk: &Desk, overview: &Overview) -> Result<Value, Refused> {
    let refused = desk.refused_rows().await?;
    let (mut alerts, mut warnings, mut info) = (Vec::new(), Vec::new(), Vec::new());
    let at = desk.stamp();
    let row = |kind: &str, severity: &str, message: String, recommendation: &str| {
        json!({
            "type": kind, "severity": severity, "message": message,
            "recommendation": recommendation, "timestamp": at,
        })
    };
    let score = overview.score;
    let message = format!("Cost optimization score is {score:.1}");
    if overview.analysis.is_none() {
        let days = overview.days;
        info.push(row(
            "system",
            "info",
            format!("{days} days of costs are too few to judge them"),
            "Seven days are enough",
        ));
    } else if score < SCORES.0 {
        let act = "Review the recommendations, the first ones first";
        alerts.push(row("optimization", "high", message, act));
    } else if score < SCORES.1 {
        warnings.push(row("optimization", "medium", message, "Review the recommendations"));
    } else if score > SCORES.2 {
        info.push(row("optimization", "info", message, "Keep it up"));
    }
    let mut tell = |kind: &str, priority: Priority, message: String, act: &str| {
        let list = if priority == Priority::High { &mut alerts } else { &mut warnings };
        list.push(row(kind, priority.as_str(), message, act));
    };
    if let Some(analysis) = overview.analysis.as_deref() {
        let threshold = desk.config().dialects.leadfactory.volatility_warning_threshold;
        if analysis.volatility > threshold {
            let message = format!("Cost volatility is {:.0}%", 100.0 * analysis.volatility);
            let act = "Find the jobs behind single expensive days";
            tell("volatility", priority_of_volatility(analysis.volatility), message, act);
        }
        let growth = analysis.weekly_growth().unwrap_or_default();
        if let Some(priority) = priority_of_growth(growth) {
            let message =
                format!("Costs changed by {:.1}% from one week to the next", 100.0 * growth);
            tell("growth", priority, message, "Find the service that changed");
        }
        if let Some(odd) = yesterdays(analysis) {
            let message = format!(
                "{} cost ${:.2}, where ${:.2} was expected",
                day(analysis.date(odd.index)),
                odd.value,
                odd.expected
            );
            let act = "Look at the most expensive operations of that day";
            tell("anomaly", priority_of_anomaly(odd.severity), message, act);
        }
    }
    // All that is to be said of the month's budget is one finding.
    if let Some(priority) = priority_of_budget(&overview.month) {
        let said = budget::alerts(&overview.month);
        let said: Vec<&str> = said.iter().filter_map(|own| own["message"].as_str()).collect();
        let budget = units(overview.month.budget);
        let act = format!("Compare with the month's budget of ${budget:.2}");
        tell("budget", priority, said.join("; "), &act);
    }
    if let Some(problem) = Status::of(&desk.state).read().problem()
        && desk.sees_all()
    {
        alerts.push(row("system", "high", problem.to_owned(), "See /api/enhanced/health"));
    }
    for (database, rows) in &refused {
        let (rows, verb) = match rows {
            1 => ("1 row".to_owned(), "is"),
            rows => (format!("{rows} rows"), "are"),
        };
        let message = format!("{rows} of {database} {verb} refused and not counted");
        warnings.push(row("system", "medium", message, "See the reasons at /api/v1/imports"));
    }
    Ok(json!({
        "total_count": alerts.len() + warnings.len() + info.len(),
        "alerts": alerts,
        "warnings": warnings,
        "info": info,
    }))
}

/// The first of a day's month.
trait DayOne {
    fn with_day_one(self) -> Self;
}

impl DayOne for chrono::NaiveDate {
    fn with_day_one(self) -> Self {
        use chrono::Datelike;
        self.with_day(1).unwrap_or(self)
    }
}
