//! What somebody should know first, in a few sentences.

#![allow(unused_qualifications, reason = "what utoipa writes for `params(…)`")]

use std::sync::LazyLock;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use chrono_tz::Tz;
use outlay_domain::links::Link;
use outlay_domain::usage::question::{Attribute, Value, local_text};
use outlay_engine::insights::brief::{Brief, BriefError, Month, Part, Sentence};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::Scoped;
use crate::error::ApiError;
use crate::extract::Json;
use crate::forms::usage_params::{Known, Parameters};
use crate::forms::words::BriefTopic;
use crate::state::AppState;

type Pairs = Result<Query<Vec<(String, String)>>, QueryRejection>;

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(brief))
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "its fields name the parameters, whose values are read by hand")]
struct BriefParams {
    /// From this moment or day on.
    from: Option<String>,
    /// Before this moment or day.
    to: Option<String>,
    /// Whose days.
    tz: Option<String>,
    /// What to tell the change apart by; `provider` where it is not said.
    #[param(example = "provider")]
    by: Option<String>,
    /// Only usage of these providers; any other attribute filters in the same way.
    provider: Option<String>,
}

/// What to know first about some usage: what was spent and what moved it, what is coming, and what
/// can be done.
#[derive(Debug, Serialize, ToSchema)]
struct BriefBody {
    /// The start of the period.
    from: String,
    /// The end of the period.
    to: String,
    /// Whose days.
    tz: &'static str,
    /// What was spent in it.
    spend: String,
    /// What was spent in the period before, or in as much of it where this one runs.
    before: String,
    /// What there is to say, in order.
    sentences: Vec<SentenceBody>,
    /// The month that runs, of the same usage.
    month: MonthBody,
}

/// A sentence about one thing.
#[derive(Debug, Serialize, ToSchema)]
struct SentenceBody {
    /// About what.
    topic: BriefTopic,
    /// Its words, in order; nothing stands between them.
    parts: Vec<PartBody>,
}

/// Some words of a sentence.
#[derive(Debug, Serialize, ToSchema)]
struct PartBody {
    /// They.
    text: String,
    /// The page that is behind them.
    #[schema(required = true, example = "/provider/anthropic")]
    link: Option<Link>,
}

/// The month that runs.
#[derive(Debug, Serialize, ToSchema)]
struct MonthBody {
    /// Its start.
    from: String,
    /// Its end.
    to: String,
    /// What it comes to as things go. Nothing while there are too few days of usage to go by.
    #[schema(required = true)]
    expected: Option<f64>,
    /// In four of five cases it comes to more than this. Nothing where there are too few days.
    #[schema(required = true)]
    low: Option<f64>,
    /// In four of five cases it comes to less than this.
    #[schema(required = true)]
    high: Option<f64>,
    /// What is expected of each day from today on, today's rest first.
    days: Vec<f64>,
    /// The budget of this month and just this usage, where there is one.
    #[schema(required = true)]
    budget: Option<MonthBudgetBody>,
}

/// What may be spent in a month.
#[derive(Debug, Serialize, ToSchema)]
struct MonthBudgetBody {
    /// The budget's id.
    id: String,
    /// What people call it.
    name: String,
    /// What may be spent, with what was carried over.
    available: String,
}

/// Says in a few sentences what to know first: what was spent and what moved it, what is coming, and
/// what can be done. Any attribute filters, as for usage.
#[utoipa::path(get, path = "/api/v1/insights/brief", operation_id = "describe_spend",
    tag = "insights", params(BriefParams),
    responses((status = 200, body = BriefBody), (status = 400, body = ApiError),
        (status = 401, body = ApiError), (status = 403, body = ApiError),
        (status = 422, body = ApiError), (status = 429, body = ApiError)))]
async fn brief(
    State(state): State<AppState>,
    caller: Scoped,
    pairs: Pairs,
) -> Result<Json<BriefBody>, ApiError> {
    static KNOWN: LazyLock<Known> = LazyLock::new(Known::of::<BriefParams>);
    let Query(pairs) = pairs?;
    let parameters = Parameters::new(pairs, &KNOWN)?;
    let tz = parameters.tz()?;
    let mut usage = parameters.question()?;
    if usage.by.is_empty() {
        usage.by.push(Attribute::Provider);
    }
    usage.by.truncate(1);
    let brief = state.outlay.briefs(&*caller).about(usage).await?;
    Ok(Json(BriefBody::new(brief, tz)))
}

impl BriefBody {
    fn new(brief: Brief, tz: Tz) -> Self {
        Self {
            from: local_text(brief.period.0, tz),
            to: local_text(brief.period.1, tz),
            tz: tz.name(),
            spend: text(brief.spend),
            before: text(brief.before),
            sentences: brief.sentences.into_iter().map(SentenceBody::from).collect(),
            month: MonthBody::new(brief.month, tz),
        }
    }
}

impl From<Sentence> for SentenceBody {
    fn from(Sentence { topic, parts }: Sentence) -> Self {
        let part = |Part { text, link }| PartBody { text, link };
        Self { topic: topic.into(), parts: parts.into_iter().map(part).collect() }
    }
}

impl MonthBody {
    fn new(Month { window, outlook, budget }: Month, tz: Tz) -> Self {
        let range = outlook.as_ref().and_then(|outlook| outlook.range);
        Self {
            from: local_text(window.from, tz),
            to: local_text(window.to, tz),
            expected: outlook.as_ref().map(|outlook| outlook.expected),
            low: range.map(|(low, _)| low),
            high: range.map(|(_, high)| high),
            days: outlook.map(|outlook| outlook.days).unwrap_or_default(),
            budget: budget.map(|(id, name, available)| MonthBudgetBody {
                id,
                name,
                available: text(available),
            }),
        }
    }
}

fn text(nanos: i128) -> String {
    Value::Amount { nanos }.text().to_string()
}

impl From<BriefError> for ApiError {
    fn from(error: BriefError) -> Self {
        match error {
            BriefError::Change(error) => error.into(),
            BriefError::Budgets(error) => error.into(),
            BriefError::Unanswered(error) => error.into(),
            BriefError::Recommendations(error) => error.into(),
        }
    }
}
