//! What the days of spend have in them, what moved them, and what comes next.

#![allow(unused_qualifications, reason = "what utoipa writes for `params(…)`")]

use std::collections::BTreeMap;
use std::sync::LazyLock;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use chrono::{Days as ChronoDays, NaiveDate};
use outlay_analytics::anomalies::{self, Anomaly};
use outlay_analytics::change_points::ChangePoint;
use outlay_analytics::drivers::Driver;
use outlay_analytics::forecast::{Footing, Forecast};
use outlay_domain::alerts::SpikeSeverity;
use outlay_domain::usage::question::{Every, Value, local_text};
use outlay_engine::budgets::range_of_sum;
use outlay_engine::insights::analysis::{Analysis, DAYS_BEFORE, DAYS_MIN, HORIZON_MAX};
use outlay_engine::insights::change::SpendChangeError;
use outlay_engine::insights::findings::spike_severity;
use outlay_engine::insights::{Course, Days, SpendQuestion};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::Scoped;
use crate::error::ApiError;
use crate::extract::Json;
use crate::forms::usage_params::{Known, Parameters};
use crate::forms::words::{AnomalyDirection, Direction, Presence};
use crate::state::AppState;

/// Days that are analysed where none are named, and at most.
const DAYS: usize = 90;
const DAYS_MAX: usize = 731;
/// Days ahead where nothing is said.
const HORIZON: usize = 30;
/// Groups that are kept on each level of a change, where nothing is said.
const TOP: usize = 10;

type Pairs = Result<Query<Vec<(String, String)>>, QueryRejection>;

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(spend)).routes(routes!(drivers))
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "its fields name the parameters, whose values are read by hand")]
struct SpendParams {
    /// How many days to look at, today included: 1 to 731; 90 where it is not said.
    #[param(minimum = 1, maximum = 731)]
    days: Option<u32>,
    /// How many days to look ahead: 1 to 365; 30 where it is not said.
    #[param(minimum = 1, maximum = 365)]
    horizon: Option<u32>,
    /// Whose days. Attributes filter, as for usage.
    tz: Option<String>,
    /// Only usage of these providers; any other attribute filters in the same way.
    provider: Option<String>,
}

/// The days of spend, analysed from all sides. Amounts that were spent are exact texts; what is
/// estimated is a number, in USD.
#[derive(Debug, Serialize, ToSchema)]
struct SpendInsights {
    /// Whose days.
    tz: &'static str,
    /// The days, from the first with usage on. The last one may be running.
    days: Vec<DayBody>,
    /// All of it in a few figures.
    summary: SummaryBody,
    /// The mean of each weekday, from Monday on.
    weekdays: Vec<Option<f64>>,
    /// Days that were not as expected.
    anomalies: Vec<AnomalyBody>,
    /// When the level changed, and stayed changed.
    changes: Vec<ChangeBody>,
    /// What comes next.
    #[schema(required = true)]
    forecast: Option<ForecastBody>,
    /// What cannot be said, and why.
    #[schema(required = true)]
    note: Option<String>,
}

/// A day.
#[derive(Debug, Serialize, ToSchema)]
struct DayBody {
    /// The day.
    date: NaiveDate,
    /// What was spent.
    spend: String,
    /// In how many events.
    requests: i64,
    /// Whether it is not over.
    running: bool,
    /// The slowly moving level.
    #[schema(required = true)]
    level: Option<f64>,
    /// What the weekday adds to it.
    #[schema(required = true)]
    season: Option<f64>,
    /// What neither explains.
    #[schema(required = true)]
    rest: Option<f64>,
    /// What was expected.
    #[schema(required = true)]
    expected: Option<f64>,
    /// The lower edge of what is usual.
    #[schema(required = true)]
    low: Option<f64>,
    /// The upper edge of what is usual.
    #[schema(required = true)]
    high: Option<f64>,
}

/// Spend in a few figures.
#[derive(Debug, Serialize, ToSchema)]
struct SummaryBody {
    /// What was spent on these days.
    total: String,
    /// The mean of the days that are over.
    daily: f64,
    /// Where it goes.
    direction: Direction,
    /// How far the trend rose over these days, as a share of its start; 0 without a trend.
    growth: f64,
    /// The last seven whole days over the seven before, less one.
    #[schema(required = true)]
    weekly_growth: Option<f64>,
    /// The size of the noise, as a share of the level.
    volatility: f64,
    /// Whether weekdays differ.
    weekly: bool,
}

/// A day that was not as expected.
#[derive(Debug, Serialize, ToSchema)]
struct AnomalyBody {
    /// The day.
    date: NaiveDate,
    /// What was spent.
    spend: f64,
    /// What was expected.
    expected: f64,
    /// The lower edge of what is usual.
    low: f64,
    /// The upper edge.
    high: f64,
    /// Distance from what was expected over the distance of the edge.
    score: f64,
    /// How far outside: a score above 1, 1.5, 2.5 or 4.
    severity: SpikeSeverity,
    /// On which side.
    direction: AnomalyDirection,
    /// The methods that see it.
    methods: Vec<&'static str>,
}

/// A day on which the level changed.
#[derive(Debug, Serialize, ToSchema)]
struct ChangeBody {
    /// The first day of the new level.
    date: NaiveDate,
    /// The earliest day that it may have been, at 95 %.
    first: NaiveDate,
    /// The latest.
    last: NaiveDate,
    /// The level before.
    before: f64,
    /// The level from then on.
    after: f64,
}

/// What comes next.
#[derive(Debug, Serialize, ToSchema)]
struct ForecastBody {
    /// The days that follow the last whole one.
    days: Vec<AheadBody>,
    /// What is expected of all of them.
    total: f64,
    /// In four of five cases it is more than this. Nothing where there are too few days to say.
    #[schema(required = true)]
    total_low: Option<f64>,
    /// In four of five cases it is less than this.
    #[schema(required = true)]
    total_high: Option<f64>,
    /// The methods, the heaviest first.
    methods: Vec<MethodBody>,
    /// Why it is weak, where it is.
    #[schema(required = true)]
    note: Option<String>,
}

/// A day that is to come.
#[derive(Debug, Serialize, ToSchema)]
struct AheadBody {
    /// The day.
    date: NaiveDate,
    /// What is expected.
    expected: f64,
    /// In four of five cases it is between this
    low: f64,
    /// and this.
    high: f64,
    /// In nineteen of twenty cases it is between this
    low95: f64,
    /// and this.
    high95: f64,
}

/// A method's part in the forecast.
#[derive(Debug, Serialize, ToSchema)]
struct MethodBody {
    /// Its name.
    method: &'static str,
    /// Its share.
    weight: f64,
    /// How far off it was on average when it forecast these days' past.
    #[schema(required = true)]
    error: Option<f64>,
}

/// Looks at the days of spend: their level and weekdays, what was unusual, what changed, and what
/// comes next. Any attribute filters, as for usage.
#[utoipa::path(get, path = "/api/v1/insights/spend", operation_id = "analyze_spend",
    tag = "insights", params(SpendParams),
    responses((status = 200, body = SpendInsights), (status = 400, body = ApiError),
        (status = 401, body = ApiError), (status = 403, body = ApiError),
        (status = 422, body = ApiError), (status = 429, body = ApiError)))]
async fn spend(
    State(state): State<AppState>,
    caller: Scoped,
    pairs: Pairs,
) -> Result<Json<SpendInsights>, ApiError> {
    static KNOWN: LazyLock<Known> = LazyLock::new(Known::of::<SpendParams>);
    let Query(pairs) = pairs?;
    let parameters = Parameters::new(pairs, &KNOWN)?;
    let tz = parameters.tz()?;
    let count = parameters.number("days", DAYS_MAX)?.unwrap_or(DAYS).max(1);
    let horizon = parameters.number("horizon", HORIZON_MAX)?.unwrap_or(HORIZON).max(1);
    let insights = state.outlay.insights(&*caller);
    let today = insights.today(tz);
    let before = u32::try_from(count - 1).unwrap_or(u32::MAX);
    let days = Days::ending(today, before);
    let question = SpendQuestion {
        days: days.map(|days| days.with_before(DAYS_BEFORE)),
        since: None,
        tz,
        every: Some(Every::Day),
        by: Vec::new(),
        filters: parameters.filters()?,
        extremes: false,
    };
    let table = insights.spend(question, caller.scope().as_deref()).await?;
    let course = Course::of(&table, today, today);
    let course = days.map_or(course.clone(), |days| course.since(days.first()));
    let looked = tokio::task::spawn_blocking(move || {
        let analysis = Analysis::of(&course, horizon);
        (course, analysis)
    });
    let (course, analysis) = looked.await.map_err(|error| ApiError::internal(&error))?;
    Ok(Json(SpendInsights::new(tz.name(), &course, analysis.as_ref())))
}

impl SpendInsights {
    fn new(tz: &'static str, course: &Course, analysis: Option<&Analysis>) -> Self {
        let days = course.days().enumerate().map(|(place, (date, nanos, events))| {
            let parts = analysis.and_then(|analysis| analysis.parts.as_ref());
            let of = |values: &Vec<f64>| values.get(place).copied();
            let usual = analysis.and_then(|analysis| analysis.usual.get(place));
            DayBody {
                date,
                spend: text(nanos),
                requests: i64::try_from(events).unwrap_or(i64::MAX),
                running: course.is_running(place),
                level: parts.and_then(|parts| of(&parts.level)),
                season: parts.and_then(|parts| of(&parts.season)),
                rest: parts.and_then(|parts| of(&parts.rest)),
                expected: usual.map(|usual| usual.expected),
                low: usual.map(|usual| usual.low),
                high: usual.map(|usual| usual.high),
            }
        });
        let note = analysis.is_none().then(|| {
            format!(
                "{} days with usage are too few to say more: {DAYS_MIN} are needed",
                course.len()
            )
        });
        Self {
            tz,
            days: days.collect(),
            summary: SummaryBody {
                total: text(course.total()),
                daily: analysis.map_or(0.0, Analysis::mean),
                direction: analysis
                    .map_or(Direction::Steady, |analysis| analysis.direction().into()),
                growth: analysis.map_or(0.0, Analysis::growth),
                weekly_growth: analysis.and_then(Analysis::weekly_growth),
                volatility: analysis.map_or(0.0, |analysis| analysis.volatility),
                weekly: analysis.is_some_and(|analysis| analysis.weekly.is_some()),
            },
            weekdays: analysis
                .map_or_else(|| vec![None; 7], |analysis| analysis.weekdays().to_vec()),
            anomalies: analysis.map_or_else(Vec::new, |analysis| {
                analysis
                    .anomalies
                    .iter()
                    .map(|anomaly| AnomalyBody::new(analysis, anomaly))
                    .collect()
            }),
            changes: analysis.map_or_else(Vec::new, |analysis| {
                analysis.changes.iter().map(|change| ChangeBody::new(analysis, change)).collect()
            }),
            forecast: analysis.and_then(|analysis| {
                Some(ForecastBody::new(analysis, analysis.forecast.as_ref()?))
            }),
            note,
        }
    }
}

/// JSON has no infinities.
fn finite(value: f64) -> f64 {
    if value.is_finite() { value } else { 0.0 }
}

impl AnomalyBody {
    fn new(analysis: &Analysis, anomaly: &Anomaly) -> Self {
        Self {
            date: analysis.date(anomaly.index),
            spend: anomaly.value,
            expected: anomaly.expected,
            low: anomaly.lo.max(0.0),
            high: anomaly.hi,
            score: finite(anomaly.score),
            severity: spike_severity(anomaly.severity),
            direction: anomaly.direction.into(),
            methods: anomaly.methods.iter().map(|method| word(*method)).collect(),
        }
    }
}

const fn word(method: anomalies::Method) -> &'static str {
    match method {
        anomalies::Method::ZScore => "z_score",
        anomalies::Method::Iqr => "iqr",
        anomalies::Method::MovingAverage => "moving_average",
        anomalies::Method::Seasonal => "seasonal",
        anomalies::Method::Combined => "combined",
    }
}

impl ChangeBody {
    fn new(analysis: &Analysis, change: &ChangePoint) -> Self {
        Self {
            date: analysis.date(change.index),
            first: analysis.date(change.lo),
            last: analysis.date(change.hi),
            before: finite(change.before),
            after: finite(change.after),
        }
    }
}

impl ForecastBody {
    fn new(analysis: &Analysis, forecast: &Forecast) -> Self {
        let next = analysis.date(analysis.values.len());
        let edges = |level: f64, day: usize| {
            let interval = forecast.intervals.iter().find(|one| (one.level - level).abs() < 1e-9);
            let expected = forecast.expected[day];
            interval.map_or((expected, expected), |one| (one.low[day], one.high[day]))
        };
        let days = (0..forecast.expected.len()).map(|day| {
            let ((low, high), (low95, high95)) = (edges(0.8, day), edges(0.95, day));
            let date = next + ChronoDays::new(day as u64);
            let expected = forecast.expected[day];
            AheadBody { date, expected, low, high, low95, high95 }
        });
        let note = match forecast.footing {
            Footing::Tested { .. } => None,
            Footing::TooShort { points } => Some(format!(
                "{points} whole days are too few to test a forecast; it goes on as it was, and its ranges are guesses"
            )),
        };
        let range = range_of_sum(&analysis.values, forecast);
        Self {
            days: days.collect(),
            total: forecast.expected.iter().sum(),
            total_low: range.map(|(low, _)| low),
            total_high: range.map(|(_, high)| high),
            methods: forecast
                .methods
                .iter()
                .map(|report| MethodBody {
                    method: report.method.name(),
                    weight: report.weight,
                    error: report.error,
                })
                .collect(),
            note,
        }
    }
}

fn text(nanos: i128) -> String {
    Value::Amount { nanos }.text().to_string()
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "its fields name the parameters, whose values are read by hand")]
struct DriversParams {
    /// From this moment or day on.
    from: Option<String>,
    /// Before this moment or day.
    to: Option<String>,
    /// Whose days.
    tz: Option<String>,
    /// What to tell the change apart by: up to three attributes, the widest first.
    #[param(example = "provider,model")]
    by: Option<String>,
    /// How many groups to keep on each level; 10 where it is not said.
    #[param(minimum = 1, maximum = 1000)]
    top: Option<u32>,
    /// Only usage of these providers; any other attribute filters in the same way.
    provider: Option<String>,
}

/// What moved spend. The three parts of each change add up to it, to the last digit.
#[derive(Debug, Serialize, ToSchema)]
struct DriversBody {
    /// The start of the period.
    from: String,
    /// The end of the period.
    to: String,
    /// The start of the period before.
    previous_from: String,
    /// The end of the period before.
    previous_to: String,
    /// All of it.
    #[serde(flatten)]
    effects: EffectsBody,
    /// The groups of the narrowest level, those that moved most first.
    rows: Vec<DriverBody>,
}

/// How spend moved, and why.
#[derive(Debug, Serialize, ToSchema)]
struct EffectsBody {
    /// What was spent in the period before.
    before: String,
    /// What was spent in the period.
    after: String,
    /// The difference.
    change: String,
    /// Because there were more requests or fewer, at what one cost before.
    volume: String,
    /// Because requests of the same model became more expensive or cheaper.
    price: String,
    /// Because requests moved to what is more expensive or cheaper: to other models, or to other groups.
    mix: String,
}

impl From<&Driver> for EffectsBody {
    fn from(Driver { before, after, effects, .. }: &Driver) -> Self {
        Self {
            before: text(before.amount),
            after: text(after.amount),
            change: text(effects.change()),
            volume: text(effects.volume),
            price: text(effects.price),
            mix: text(effects.mix),
        }
    }
}

/// What one group did to spend.
#[derive(Debug, Serialize, ToSchema)]
struct DriverBody {
    /// Its values, by attribute; `other: true` where smaller ones are folded.
    group: BTreeMap<String, String>,
    /// Whether it stands for smaller groups that are not listed.
    other: bool,
    /// What it did.
    #[serde(flatten)]
    effects: EffectsBody,
    /// Whether it was there all the time.
    presence: Presence,
}

/// Takes the change of spend from the period before apart: who moved it, and whether by volume, by
/// price or by what was used instead.
#[utoipa::path(get, path = "/api/v1/insights/drivers", operation_id = "explain_spend",
    tag = "insights", params(DriversParams),
    responses((status = 200, body = DriversBody), (status = 400, body = ApiError),
        (status = 401, body = ApiError), (status = 403, body = ApiError),
        (status = 422, body = ApiError), (status = 429, body = ApiError)))]
async fn drivers(
    State(state): State<AppState>,
    caller: Scoped,
    pairs: Pairs,
) -> Result<Json<DriversBody>, ApiError> {
    static KNOWN: LazyLock<Known> = LazyLock::new(Known::of::<DriversParams>);
    let Query(pairs) = pairs?;
    let parameters = Parameters::new(pairs, &KNOWN)?;
    let tz = parameters.tz()?;
    let question = parameters.question()?;
    if question.by.is_empty() {
        return Err(ApiError::bad_request("missing", "by", "nothing is said to tell apart by")
            .mend("add e.g. `by=provider,model`"));
    }
    let top = question.top.unwrap_or(TOP);
    let (insights, scope) = (state.outlay.insights(&*caller), caller.scope());
    let change = insights.spend_change(question, top, scope.as_deref()).await?;
    let names: Vec<String> = change.by.iter().map(|one| one.name().into_owned()).collect();
    let mut rows = Vec::new();
    leaves(&change.driver, &names, &mut Vec::new(), &mut rows);
    rows.sort_by_key(|(moved, _)| std::cmp::Reverse(*moved));
    Ok(Json(DriversBody {
        from: local_text(change.period.0, tz),
        to: local_text(change.period.1, tz),
        previous_from: local_text(change.before.0, tz),
        previous_to: local_text(change.before.1, tz),
        effects: (&change.driver).into(),
        rows: rows.into_iter().map(|(_, row)| row).collect(),
    }))
}

/// The narrowest groups under `driver`, each with how far it moved.
fn leaves(
    driver: &Driver,
    names: &[String],
    path: &mut Vec<Option<String>>,
    rows: &mut Vec<(u128, DriverBody)>,
) {
    for child in &driver.children {
        path.push(child.name.clone());
        if child.children.is_empty() {
            rows.push((child.effects.change().unsigned_abs(), row(child, names, path)));
        } else {
            leaves(child, names, path, rows);
        }
        path.pop();
    }
}

fn row(driver: &Driver, names: &[String], path: &[Option<String>]) -> DriverBody {
    let named = names.iter().zip(path);
    let group = named.filter_map(|(name, value)| Some((name.clone(), value.clone()?))).collect();
    DriverBody {
        group,
        other: path.iter().any(Option::is_none),
        effects: driver.into(),
        presence: driver.presence.into(),
    }
}

impl From<SpendChangeError> for ApiError {
    fn from(error: SpendChangeError) -> Self {
        match error {
            SpendChangeError::Unanswered(error) => error.into(),
            SpendChangeError::Drivers(error) => {
                Self::unprocessable("out_of_range", error.to_string())
            }
        }
    }
}
