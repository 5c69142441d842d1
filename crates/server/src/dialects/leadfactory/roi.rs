//! What came in for what was spent.

use outlay_domain::usage::question::Every;
use outlay_engine::insights::roi::Return;
use outlay_engine::insights::{Course, Days, SpendQuestion};
use outlay_engine::revenue::RevenueTotal;
use serde_json::{Value, json};

use super::breakdown::{Ask, PERIODS, count_of, whole};
use super::desk::{Desk, Selection};
use super::error::Refused;
use super::optimization::opportunities;
use super::params::Params;
use super::trends::trend_analysis;
use super::wire::{Json, day, dollars};

/// LeadFactory's costs are dollars, and only revenue in dollars is held against them.
pub const CURRENCY: &str = "usd";
/// Opportunities that are listed, at most.
const OPPORTUNITIES_MAX: usize = 5;

impl Desk {
    /// What came in; nothing where not all spend is seen, because revenue is nobody's own.
    pub async fn revenue(&self, days: Option<Days>) -> Result<Option<RevenueTotal>, Refused> {
        if !self.sees_all() {
            return Ok(None);
        }
        let tz = self.tz;
        Ok(self.insights.revenue(days, tz, CURRENCY).await?)
    }
}

/// `GET /api/cost/roi-analysis`.
pub async fn roi(desk: Desk, params: Params) -> Result<Json<Value>, Refused> {
    let period = params.choice("time_period", &PERIODS, Every::Month)?;
    let word = params.one("time_period")?.unwrap_or("monthly");
    let days = params.days(None, desk.today())?;
    let everything = Selection::default();
    let question = desk.question(&everything, days).await?;
    let table = desk.spend(SpendQuestion { every: Some(Every::Day), ..question }).await?;
    let breakdown = whole(&desk, &Ask::by_service(everything, period, days)).await?;
    let mut body = json!({
        "time_period": word,
        "start_date": days.and_then(Days::start).map(day),
        "end_date": days.map(|days| day(days.last())),
        "total_costs": dollars(table.total.nanos),
        "cost_breakdown": breakdown,
        "generated_at": desk.stamp(),
    });
    let revenue = desk.revenue(days).await?.filter(|total| total.paid_nanos > 0);
    let more = match revenue {
        Some(total) => full(&Return {
            revenue: total.paid_nanos,
            spend: table.total.nanos,
            sales: total.payments,
        }),
        None => {
            let today = desk.today();
            let last = days.map_or(today, |days| days.last().min(today));
            let course = Course::of(&table, last, today);
            let analysis = desk.analyse(course.clone(), 7).await?;
            let mut listed = opportunities(&desk).await?;
            listed.truncate(OPPORTUNITIES_MAX);
            json!({
                "analysis_type": "cost_only",
                "total_revenue": 0,
                "roi_percentage": 0,
                "cost_analysis": {
                    "description":
                        "ROI analysis limited to cost data only - revenue data not available",
                    "cost_trends": analysis.as_deref().map(|own| trend_analysis(&course, own)),
                    "optimization_opportunities": listed,
                },
            })
        }
    };
    if let (Some(body), Value::Object(more)) = (body.as_object_mut(), more) {
        body.extend(more);
    }
    Ok(Json(body))
}

fn full(own: &Return) -> Value {
    let sales = i128::from(own.sales);
    let each = |nanos: i128| nanos.checked_div(sales).map(dollars).unwrap_or_else(|| json!(0.0));
    let multiple = own.on_spend().map(|part| part + 1.0);
    json!({
        "analysis_type": "full_roi",
        "total_revenue": dollars(own.revenue),
        "profit": dollars(own.profit()),
        "roi_percentage": own.on_spend().map(|part| 100.0 * part),
        "profit_margin": own.margin().map(|part| 100.0 * part),
        "total_transactions": count_of(sales),
        "revenue_per_transaction": each(own.revenue),
        "cost_per_transaction": each(own.spend),
        "profit_per_transaction": each(own.profit()),
        "cost_efficiency": {
            "cost_to_revenue_ratio": own.margin().map(|part| 100.0 * (1.0 - part)),
            "revenue_multiple": multiple,
        },
    })
}
