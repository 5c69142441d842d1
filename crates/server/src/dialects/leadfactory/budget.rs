//! How a month's budget is used.

use chrono::Datelike;
use outlay_engine::insights::course::units;
use outlay_engine::insights::month::{Month, MonthUse};
use serde_json::{Map, Value, json};

use super::desk::{Desk, shares};
use super::error::Refused;
use super::params::Params;
use super::wire::{Json, dollars};

/// Shares of the budget at which it is warned of.
const WARNING: f64 = 0.75;
const CRITICAL: f64 = 0.9;

/// `GET /api/cost/budget-utilization`.
pub async fn utilisation(desk: Desk, params: Params) -> Result<Json<Value>, Refused> {
    let today = desk.today();
    let year = params.whole("year", today.year().unsigned_abs(), 1970..=2199)?;
    let number = params.whole("month", today.month(), 1..=12)?;
    let month = Month::new(year.cast_signed(), number);
    let month = month.ok_or_else(|| Refused::bad("month must be in 1..12"))?;
    let (used, table) = desk.utilisation(month).await?;
    let mut services = Map::new();
    for share in shares(&table, |_| true) {
        services.insert(share.service.to_string(), dollars(share.nanos));
    }
    Ok(Json(json!({
        "year": month.year(),
        "month": month.number(),
        "budget": dollars(used.budget),
        "spent": dollars(used.spent),
        "remaining": dollars(used.remaining()),
        "utilization_percentage": 100.0 * used.share(),
        "days_in_month": used.days,
        "days_elapsed": used.days_elapsed,
        "days_remaining": used.days_remaining(),
        "daily_average_spend": dollars(used.daily_nanos),
        "projected_monthly_spend": dollars(used.projected),
        "projected_overage": dollars(used.overage()),
        "burn_rate": dollars(used.daily_nanos),
        "days_until_budget_exhausted": used.days_left,
        "alerts": alerts(&used),
        "service_breakdown": services,
        "generated_at": desk.stamp(),
    })))
}

/// What is to be said about a budget.
pub fn alerts(used: &MonthUse) -> Vec<Value> {
    let mut alerts = Vec::new();
    let mut say =
        |kind: &str, message: String| alerts.push(json!({ "type": kind, "message": message }));
    if used.budget <= 0 {
        return alerts;
    }
    let percent = 100.0 * used.share();
    if used.share() > 1.0 {
        say("critical", format!("Budget utilization is {percent:.1}% - over the limit"));
    } else if used.share() > CRITICAL {
        say("critical", format!("Budget utilization is {percent:.1}% - approaching limit"));
    } else if used.share() > WARNING {
        say("warning", format!("Budget utilization is {percent:.1}% - monitor closely"));
    }
    if used.overage() > 0 && used.days_remaining() > 0 {
        let overage = units(used.overage());
        say(
            "warning",
            format!("Projected overage of ${overage:.2} based on current spending rate"),
        );
    }
    if let Some(days) = used
        .days_left
        .filter(|days| *days <= f64::from(used.days_remaining()) && used.share() <= 1.0)
    {
        say("critical", format!("Budget may be exhausted in {days:.1} days at current rate"));
    }
    alerts
}
