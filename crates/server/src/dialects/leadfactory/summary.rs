//! Costs of a period in a few figures.

use outlay_domain::usage::question::{Attribute, Every};
use outlay_engine::insights::course::units;
use outlay_engine::insights::month::Month;
use outlay_engine::insights::{Days, SpendQuestion};
use serde_json::{Value, json};

use super::breakdown::count_of;
use super::budget;
use super::desk::{Desk, Selection, shares};
use super::error::Refused;
use super::optimization::opportunities;
use super::params::Params;
use super::trends::{direction, plain_anomalies};
use super::wire::{Json, day, dollars, mean, percent};

/// Services, anomalies and opportunities that are listed, at most.
const LISTED: (usize, usize, usize) = (5, 3, 3);

/// `GET /api/cost/summary`.
pub async fn summary(desk: Desk, params: Params) -> Result<Json<Value>, Refused> {
    const WORDS: [(&str, Every); 3] =
        [("daily", Every::Day), ("weekly", Every::Week), ("monthly", Every::Month)];
    let period = params.choice("time_period", &WORDS, Every::Day)?;
    let today = desk.today();
    let month = Month::of(today).ok_or_else(|| Refused::bad("the clock is wrong"))?;
    let days = match period {
        Every::Week => Days::ending(today, 6),
        Every::Month => Days::new(month.days().first(), today),
        _ => None,
    };
    let days = days.unwrap_or(Days::only(today));
    let everything = Selection::default();
    let question = desk.question(&everything, Some(days)).await?;
    let question = SpendQuestion { by: vec![Attribute::Service], ..question };
    let (table, overview, rows) =
        tokio::try_join!(desk.spend(question), desk.overview(&everything), opportunities(&desk),)?;
    let total = &table.total;
    let expensive = desk.expensive_sum(Some(days), total.nanos / total.events.max(1)).await?;
    let analysis = overview.analysis.as_deref();
    let services: Vec<Value> = shares(&table, |_| true)
        .iter()
        .take(LISTED.0)
        .map(|share| {
            json!({
                "service": share.service,
                "total_cost": dollars(share.nanos),
                "transaction_count": count_of(share.events),
                "avg_cost": mean(share.nanos, share.events),
                "percentage": percent(share.nanos, total.nanos),
            })
        })
        .collect();
    let savings: f64 = rows.iter().filter_map(|row| row["potential_savings"].as_f64()).sum();
    let used = &overview.month;
    Ok(Json(json!({
        "time_period": params.one("time_period")?.unwrap_or("daily"),
        "date_range": { "start_date": day(days.first()), "end_date": day(days.last()) },
        "overview": {
            "total_cost": dollars(total.nanos),
            "total_transactions": count_of(total.events),
            "avg_transaction_cost": mean(total.nanos, total.events),
            "growth_rate":
                100.0 * analysis.and_then(|own| own.weekly_growth()).unwrap_or_default(),
            "trend_direction": analysis.map_or("stable", direction),
        },
        "budget_status": {
            "utilization_percentage": 100.0 * used.share(),
            "remaining_budget": dollars(used.remaining()),
            "projected_overage": units(used.overage()),
            "alerts_count": budget::alerts(used).len(),
        },
        "top_services": services,
        "recent_anomalies": analysis.map_or_else(Vec::new, |own| {
            let mut odd = plain_anomalies(own);
            odd.reverse();
            odd.truncate(LISTED.1);
            odd
        }),
        "optimization_opportunities": rows.iter().take(LISTED.2).collect::<Vec<_>>(),
        "key_metrics": {
            "cost_volatility": analysis.map_or(0.0, |own| own.volatility),
            "high_cost_transactions": expensive.count,
            "potential_savings": savings,
        },
        "generated_at": desk.stamp(),
    })))
}
