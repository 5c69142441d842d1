//! What came in for what was spent.

#![allow(unused_qualifications, reason = "what utoipa writes for `params(…)`")]

use std::collections::BTreeMap;
use std::sync::LazyLock;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use outlay_domain::people::Act;
use outlay_domain::revenue::SharingRule;
use outlay_domain::usage::question::{Attribute, Every, Value, local_text};
use outlay_engine::insights::Days;
use outlay_engine::insights::roi::{CURRENCY, Return, Roi, RoiQuestion};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::Scoped;
use crate::error::ApiError;
use crate::extract::Json;
use crate::forms::usage_params::{Known, Parameters};
use crate::forms::words;
use crate::state::AppState;

/// Days before today that are analysed where none are named.
const DAYS_BEFORE: u32 = 29;

type Pairs = Result<Query<Vec<(String, String)>>, QueryRejection>;

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(roi))
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "its fields name the parameters, whose values are read by hand")]
struct RoiParams {
    /// From this moment or day on; without it, 30 days.
    from: Option<String>,
    /// Before this moment or day; without it, the end of today.
    to: Option<String>,
    /// Whose days; UTC where it is not said.
    tz: Option<String>,
    /// One attribute to tell apart by; `service` where it is not said.
    #[param(example = "service")]
    by: Option<String>,
    /// The width of the buckets; days where it is not said.
    #[param(inline)]
    every: Option<words::Every>,
    /// Who is given revenue that names no group: `direct` (nobody), `spend` (every group, by what
    /// it cost; where it is not said) or `even` (every group that cost something, the same).
    #[param(inline)]
    rule: Option<words::SharingRule>,
    /// Only usage and revenue of these services; any other attribute filters in the same way.
    service: Option<String>,
}

/// Revenue held against spend. Amounts are exact texts; shares add up to the last digit.
#[derive(Debug, Serialize, ToSchema)]
struct RoiBody {
    /// The first instant.
    from: String,
    /// The first instant after.
    to: String,
    /// Whose days.
    tz: &'static str,
    /// The width of the buckets.
    every: words::Every,
    /// How revenue that names no group is shared.
    rule: AttributionRuleBody,
    /// The currency of all amounts but those in `other_currencies`.
    #[schema(example = "USD")]
    currency: &'static str,
    /// All of it.
    total: ReturnBody,
    /// All of the period before; `null` where there was nothing.
    #[schema(required = true)]
    previous: Option<ReturnBody>,
    /// The groups: by spend, then those that only earned, then what names none.
    rows: Vec<RoiRow>,
    /// The buckets.
    series: Vec<RoiBucket>,
    /// Where profit goes.
    trend: TrendBody,
    /// Revenue in other currencies, which is in no other figure.
    other_currencies: Vec<OtherCurrency>,
}

/// A rule of sharing.
#[derive(Debug, Serialize, ToSchema)]
struct AttributionRuleBody {
    /// Its name.
    name: words::SharingRule,
    /// What it says.
    text: String,
}

/// Spend, and what came in for it.
#[derive(Debug, Serialize, ToSchema)]
struct ReturnBody {
    /// What was spent.
    spend: String,
    /// Events without a price: what they cost is in no figure, and not nothing.
    unpriced: i128,
    /// What customers paid, less what went back to them.
    revenue: String,
    /// Revenue less spend.
    profit: String,
    /// Profit over revenue; `null` without revenue.
    #[schema(required = true)]
    margin: Option<f64>,
    /// Profit over spend; `null` without spend.
    #[schema(required = true)]
    roi: Option<f64>,
    /// How many purchases. In a row, only those that name its group: purchases are not shared, so
    /// the others are in the total and in the row without a group.
    purchases: i64,
    /// Spend over purchases, rounded to the billionth; `null` without purchases.
    #[schema(required = true)]
    spend_per_purchase: Option<String>,
}

/// What one group cost and earned.
#[derive(Debug, Serialize, ToSchema)]
struct RoiRow {
    /// The group; empty for usage and revenue that name none.
    group: BTreeMap<String, String>,
    /// What it cost and earned.
    #[serde(flatten)]
    own: ReturnBody,
    /// Where its revenue is from.
    attributed: AttributedBody,
}

/// Where revenue is from.
#[derive(Debug, Serialize, ToSchema)]
struct AttributedBody {
    /// What names the group; in the row without a group, what was not shared.
    direct: String,
    /// The group's share of what names none.
    shared: String,
}

/// A bucket.
#[derive(Debug, Serialize, ToSchema)]
struct RoiBucket {
    /// Its local start.
    start: String,
    /// What was spent.
    spend: String,
    /// Events without a price.
    unpriced: i128,
    /// What came in.
    revenue: String,
    /// What is left.
    profit: String,
}

/// Where profit goes.
#[derive(Debug, Serialize, ToSchema)]
struct TrendBody {
    /// Of the buckets that are over.
    direction: words::Direction,
    /// How profit changed from the period before, as a part of what it was then; `null` where there
    /// was none.
    #[schema(required = true)]
    change: Option<f64>,
}

/// Revenue in another currency.
#[derive(Debug, Serialize, ToSchema)]
struct OtherCurrency {
    /// The code of the currency.
    #[schema(example = "EUR")]
    currency: String,
    /// How much.
    revenue: String,
}

/// Holds revenue against spend: profit, margin, spend per purchase, and where they go.
///
/// Revenue belongs to the group that its attributes name; what names none is shared by `rule`. Any
/// attribute filters, as for usage; revenue that does not name the attribute has no value for it.
/// A member is told of their own account only.
#[utoipa::path(get, path = "/api/v1/insights/roi", operation_id = "show_returns",
    tag = "insights", params(RoiParams),
    responses((status = 200, body = RoiBody), (status = 400, body = ApiError),
        (status = 401, body = ApiError), (status = 403, body = ApiError),
        (status = 422, body = ApiError), (status = 429, body = ApiError)))]
async fn roi(
    State(state): State<AppState>,
    caller: Scoped,
    pairs: Pairs,
) -> Result<Json<RoiBody>, ApiError> {
    static KNOWN: LazyLock<Known> = LazyLock::new(Known::of::<RoiParams>);
    caller.may(Act::SeeUsage)?;
    let Query(pairs) = pairs?;
    let parameters = Parameters::new(pairs, &KNOWN)?;
    let tz = parameters.tz()?;
    let insights = state.outlay.insights(&*caller);
    let (from, to) = range(&parameters, tz, insights.today(tz))?;
    let question = RoiQuestion {
        from,
        to,
        tz,
        every: parameters.every()?.unwrap_or(Every::Day),
        by: by(&parameters)?,
        filters: parameters.filters()?,
        rule: rule(&parameters)?,
    };
    let returns = insights.roi(question.clone(), caller.scope().as_deref()).await?;
    Ok(Json(RoiBody::new(&question, &returns)))
}

/// The period: the 30 days until today is over, where no other is given.
fn range(
    parameters: &Parameters,
    tz: Tz,
    today: chrono::NaiveDate,
) -> Result<(DateTime<Utc>, DateTime<Utc>), ApiError> {
    let days = Days::ending(today, DAYS_BEFORE).unwrap_or(Days::only(today));
    let (first, end) = days.instants(tz);
    let to = parameters.time("to", tz)?;
    let from = parameters.time("from", tz)?;
    let wide = TimeDelta::days(i64::from(DAYS_BEFORE) + 1);
    let from = from
        .or_else(|| to.map_or(first, |to| to.checked_sub_signed(wide)))
        .unwrap_or(DateTime::UNIX_EPOCH);
    Ok((from, to.unwrap_or(end)))
}

fn by(parameters: &Parameters) -> Result<Attribute, ApiError> {
    let mut by = parameters.by()?;
    match by.len() {
        0 => Ok(Attribute::Service),
        1 => Ok(by.remove(0)),
        many => Err(ApiError::bad_request("too_large", "by", format!("{many} attributes given"))
            .mend("name one attribute, and filter by the others")),
    }
}

fn rule(parameters: &Parameters) -> Result<SharingRule, ApiError> {
    let Some(word) = parameters.one("rule")? else { return Ok(SharingRule::Spend) };
    SharingRule::parse(word).ok_or_else(|| {
        let words = SharingRule::ALL.map(SharingRule::as_str).join(", ");
        ApiError::bad_request("malformed", "rule", format!("`{word}` is no rule"))
            .mend(format!("use one of {words}"))
    })
}

impl RoiBody {
    fn new(question: &RoiQuestion, returns: &Roi) -> Self {
        let name = question.by.name().into_owned();
        let start = |place: usize| {
            let buckets = returns.period.buckets.as_ref();
            buckets.map_or_else(String::new, |buckets| buckets.label(place))
        };
        let series = returns.series.iter().enumerate().map(|(place, own)| RoiBucket {
            start: start(place),
            spend: text(own.spend),
            unpriced: returns.series_unpriced.get(place).copied().unwrap_or_default(),
            revenue: text(own.revenue),
            profit: text(own.profit()),
        });
        let rows = returns.rows.iter().map(|row| RoiRow {
            group: row.group.iter().map(|value| (name.clone(), value.to_string())).collect(),
            own: ReturnBody::new(&row.own, row.unpriced),
            attributed: AttributedBody {
                direct: text(row.own.revenue - row.shared),
                shared: text(row.shared),
            },
        });
        let others = returns.other_currencies.iter().map(|(currency, nanos)| OtherCurrency {
            currency: currency.to_string(),
            revenue: text(*nanos),
        });
        Self {
            from: local_text(returns.period.from, question.tz),
            to: local_text(returns.period.to, question.tz),
            tz: question.tz.name(),
            every: question.every.into(),
            rule: AttributionRuleBody { name: question.rule.into(), text: told(question) },
            currency: CURRENCY,
            total: ReturnBody::new(&returns.total, returns.unpriced),
            previous: returns
                .previous
                .as_ref()
                .map(|own| ReturnBody::new(own, returns.previous_unpriced)),
            rows: rows.collect(),
            series: series.collect(),
            trend: TrendBody { direction: returns.direction.into(), change: returns.change() },
            other_currencies: others.collect(),
        }
    }
}

/// The rule in words.
fn told(question: &RoiQuestion) -> String {
    let by = match &question.by {
        Attribute::Tag(key) => key.to_string(),
        named => named.name().into_owned(),
    };
    match question.rule {
        SharingRule::Direct => {
            format!("Revenue belongs to the {by} that it names; the rest belongs to none.")
        }
        SharingRule::Spend => {
            format!("Revenue that names no {by} is shared by what each {by} cost.")
        }
        SharingRule::Even => {
            format!("Revenue that names no {by} is shared evenly by each {by} that cost something.")
        }
    }
}

impl ReturnBody {
    fn new(own: &Return, unpriced: i128) -> Self {
        Self {
            spend: text(own.spend),
            unpriced,
            revenue: text(own.revenue),
            profit: text(own.profit()),
            margin: own.margin().filter(|_| own.revenue > 0),
            roi: own.on_spend().filter(|_| own.spend > 0),
            purchases: own.sales,
            spend_per_purchase: own.spend_per_sale().map(text),
        }
    }
}

fn text(nanos: i128) -> String {
    Value::Amount { nanos }.text().to_string()
}
