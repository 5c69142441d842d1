//! The other dashboard's paths: every body stands in `data`.

use chrono::Datelike;
use outlay_domain::usage::question::{Attribute, Every};
use outlay_engine::insights::course::units;
use outlay_engine::insights::month::{Month, MonthUse};
use outlay_engine::insights::{Days, SpendQuestion, SpendTable};
use serde_json::{Map, Value, json};

use super::breakdown::count_of;
use super::desk::{Desk, Selection, shares};
use super::error::Refused;
use super::params::{DAYS_BACK_MAX, Params};
use super::wire::{Json, day, dollars, mean, name, percent};

/// Seconds after which its page asks again.
const REFRESH_SECONDS: u32 = 30;

fn wrapped(desk: &Desk, data: Value, more: Value) -> Json<Value> {
    let mut metadata =
        json!({ "generated_at": super::wire::local(desk.now(), chrono_tz::Tz::UTC) });
    if let (Some(metadata), Value::Object(more)) = (metadata.as_object_mut(), more) {
        metadata.extend(more);
    }
    Json(json!({ "success": true, "data": data, "metadata": metadata }))
}

/// `GET /api/cost/detailed-breakdown`.
pub async fn detailed_breakdown(desk: Desk, params: Params) -> Result<Json<Value>, Refused> {
    #[derive(Clone, Copy)]
    enum By {
        Service,
        Day,
        Operation,
    }
    let words = [("service", By::Service), ("daily", By::Day), ("operation", By::Operation)];
    let by = params.choice("group_by", &words, By::Service)?;
    let service = params.one("service_type")?;
    let back = params.whole("days_back", 30, 1..=DAYS_BACK_MAX)?;
    let today = desk.today();
    // Thirty days back are thirty days: today and the twenty-nine before it.
    let days = Days::ending(today, back - 1).unwrap_or(Days::only(today));
    let selection = Selection::service(service);
    let question = desk.question(&selection, Some(days)).await?;
    let (every, attribute) = match by {
        By::Service => (None, Some(Attribute::Service)),
        By::Day => (Some(Every::Day), None),
        By::Operation => (None, Some(Attribute::Operation)),
    };
    let running_month = Month::of(today).ok_or_else(|| Refused::bad("the clock is wrong"))?;
    let (used, _) = desk.utilisation(running_month).await?;
    let first = running_month.days().first();
    let of_month = desk.question(&selection, Days::new(first, today)).await?;
    let by_operation = || vec![Attribute::Service, Attribute::Operation];
    let of_month = SpendQuestion { by: by_operation(), ..of_month };
    let of_day = desk.question(&selection, Some(Days::only(today))).await?;
    let of_day = SpendQuestion { by: by_operation(), ..of_day };
    let grouped = SpendQuestion { every, by: attribute.into_iter().collect(), ..question };
    let (table, month, running) =
        tokio::try_join!(desk.spend(grouped), desk.spend(of_month), desk.spend(of_day))?;
    let key = match by {
        By::Service => "service",
        By::Day => "date",
        By::Operation => "operation",
    };
    let mut rows: Vec<Value> = table
        .rows
        .iter()
        .map(|row| {
            let label = match table.day(row) {
                Some(date) => day(date),
                None => name(row.group.first().and_then(|own| own.as_deref())).to_owned(),
            };
            let mut line = json!({
                "cost": dollars(row.nanos),
                "transactions": count_of(row.events),
                "average_cost": mean(row.nanos, row.events),
                "percentage": percent(row.nanos, table.total.nanos),
            });
            if let Some(line) = line.as_object_mut() {
                line.insert(key.into(), label.into());
            }
            line
        })
        .collect();
    rows.sort_by(|one, two| {
        two["cost"]
            .as_f64()
            .unwrap_or_default()
            .total_cmp(&one["cost"].as_f64().unwrap_or_default())
    });
    let data = json!({
        "breakdown": rows,
        "summary": {
            "total_cost": dollars(table.total.nanos),
            "average_daily_cost": units(table.total.nanos) / f64::from(back),
            "period_days": back,
            "total_transactions": count_of(table.total.events),
        },
        "aggregated_data": {
            "monthly": by_operations(&month),
            "daily": by_operations(&running),
            "reports": {
                "monthly": monthly_report(&desk, &used, &month),
                "daily": {
                    "date": day(today),
                    "total_cost": dollars(running.total.nanos),
                    "breakdown": by_operations(&running),
                },
            },
        },
    });
    let group = params.one("group_by")?.unwrap_or("service");
    let said = json!({ "service_type": service, "days_back": back, "group_by": group });
    Ok(wrapped(&desk, data, said))
}

/// What each operation of each service cost, as LeadFactory's reports nest it.
fn by_operations(table: &SpendTable) -> Value {
    let mut services: Map<String, Value> = Map::new();
    for row in &table.rows {
        let word = |place: usize| name(row.group.get(place).and_then(|name| name.as_deref()));
        let service = services.entry(word(0)).or_insert_with(|| json!({}));
        service[word(1)] = dollars(row.nanos);
    }
    Value::Object(services)
}

/// LeadFactory's report of a month: of all services, whatever `table` is of.
fn monthly_report(desk: &Desk, used: &MonthUse, table: &SpendTable) -> Value {
    let today = desk.today();
    let mut services = Map::new();
    for share in shares(table, |_| true) {
        services.insert(share.service.to_string(), dollars(share.nanos));
    }
    json!({
        "year": today.year(),
        "month": today.month(),
        "date": day(today),
        "budget": dollars(used.budget),
        "spent": dollars(used.spent),
        "remaining": dollars(used.remaining()),
        "services": services,
        "operations": by_operations(table),
        "days_in_month": used.days,
        "days_elapsed": used.days_elapsed,
        "projected_total": dollars(used.projected),
        "total_cost": dollars(table.total.nanos),
    })
}

/// `GET /api/cost/optimization-insights`.
pub async fn optimization_insights(desk: Desk) -> Result<Json<Value>, Refused> {
    let overview = desk.overview(&Selection::default()).await?;
    let nanos: i128 = overview.services.iter().map(|share| share.nanos).sum();
    let mut services = Map::new();
    for share in &overview.services {
        let body = json!({
            "total_cost": dollars(share.nanos),
            "cost_percentage": percent(share.nanos, nanos),
            "transaction_count": count_of(share.events),
            "avg_cost_per_transaction": mean(share.nanos, share.events),
        });
        services.insert(share.service.to_string(), body);
    }
    let rows: Vec<Value> = overview
        .findings
        .iter()
        .map(|own| {
            json!({
                "priority": own.priority.as_str(),
                "service": own.service.as_deref().unwrap_or("all"),
                "message": format!("{}: {}", own.title, own.description),
                "potential_savings": own.savings,
            })
        })
        .collect();
    let data = json!({
        "service_analysis": services,
        "recommendations": rows,
        "optimization_score": overview.score,
        "total_monthly_cost": dollars(nanos),
        "potential_monthly_savings":
            overview.findings.iter().map(|own| own.savings).sum::<f64>(),
    });
    Ok(wrapped(&desk, data, json!({})))
}

/// `GET /api/cost/budget-status`.
pub async fn budget_status(desk: Desk) -> Result<Json<Value>, Refused> {
    let month = Month::of(desk.today()).ok_or_else(|| Refused::bad("the clock is wrong"))?;
    let (used, _) = desk.utilisation(month).await?;
    let expected = used.budget * i128::from(used.days_elapsed) / i128::from(used.days.max(1));
    let status = match 100.0 * used.share() {
        percent if percent > 90.0 => "critical",
        percent if percent > 75.0 => "warning",
        percent if percent > 50.0 => "good",
        _ => "excellent",
    };
    let data = json!({
        "monthly_budget": dollars(used.budget),
        "monthly_spent": dollars(used.spent),
        "monthly_remaining": dollars(used.remaining()),
        "utilization_percent": 100.0 * used.share(),
        "days_into_month": used.days_elapsed,
        "daily_average": dollars(used.daily_nanos),
        "expected_spend": dollars(expected),
        "variance": dollars(used.spent - expected),
        "status": status,
    });
    Ok(wrapped(&desk, data, json!({})))
}

/// `GET /api/cost/realtime-summary`.
pub async fn realtime_summary(desk: Desk) -> Result<Json<Value>, Refused> {
    let today = desk.today();
    let days = Days::ending(today, 1).unwrap_or(Days::only(today));
    let question = desk.question(&Selection::default(), Some(days)).await?;
    let by = vec![Attribute::Service];
    let table = desk.spend(SpendQuestion { every: Some(Every::Day), by, ..question }).await?;
    let of = |wanted: chrono::NaiveDate| -> i128 {
        table.rows.iter().filter(|row| table.day(row) == Some(wanted)).map(|row| row.nanos).sum()
    };
    let (now, before) = (of(today), of(days.first()));
    let mut services = Map::new();
    let mut count = 0;
    for share in shares(&table, |day| day == today) {
        count += share.events;
        services.insert(share.service.to_string(), dollars(share.nanos));
    }
    let so_far = so_far_yesterday(&desk, before).await?;
    let change = if so_far > 0 { 100.0 * (units(now) / units(so_far) - 1.0) } else { 0.0 };
    let data = json!({
        "today_total": dollars(now),
        "yesterday_total": dollars(before),
        "daily_change_percent": zero_unless_finite(change),
        "transaction_count": count_of(count),
        "service_breakdown": services,
        "last_updated": desk.stamp(),
    });
    Ok(wrapped(&desk, data, json!({ "refresh_interval": REFRESH_SECONDS })))
}

/// What of `whole`, which yesterday cost, was spent by this time of the day: a day that runs is not
/// held against a whole one.
async fn so_far_yesterday(desk: &Desk, whole: i128) -> Result<i128, Refused> {
    let (today, now) = (desk.today(), desk.now());
    let Some(yesterday) = today.pred_opt().map(Days::only) else { return Ok(0) };
    let (Some(began), midnight) = yesterday.instants(desk.tz) else { return Ok(0) };
    // By the time that has passed: a clock may have been put on or back in between.
    let by_now = (began + (now - midnight)).min(midnight);
    if by_now == midnight {
        return Ok(whole);
    }
    let question = desk.question(&Selection::default(), Some(yesterday)).await?;
    let rest = desk.spend(SpendQuestion { since: Some(by_now), ..question }).await?;
    Ok(whole - rest.total.nanos)
}

fn zero_unless_finite(value: f64) -> f64 {
    if value.is_finite() { value } else { 0.0 }
}
