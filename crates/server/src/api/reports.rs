//! What a month came to, as a page to print.

#![allow(unused_qualifications, reason = "what utoipa writes for `params(…)`")]

use std::sync::LazyLock;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::header;
use axum::response::{Html, IntoResponse, Response};
use chrono::{Datelike, NaiveDate};
use outlay_engine::insights::month::Month;
use outlay_engine::insights::month_report::{MonthQuestion, MonthReportError};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::Scoped;
use crate::error::ApiError;
use crate::forms::months::month_of;
use crate::forms::usage_params::{Known, Parameters};
use crate::report::{self, POLICY};
use crate::state::AppState;

type Pairs = Result<Query<Vec<(String, String)>>, QueryRejection>;

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(month))
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "its fields name the parameters, whose values are read by hand")]
struct MonthParams {
    /// Which month; the last one that is over where it is not said.
    #[param(example = "2026-10")]
    month: Option<String>,
    /// Whose days; UTC where it is not said.
    tz: Option<String>,
    /// Only usage of these providers; any other attribute filters in the same way.
    provider: Option<String>,
}

/// Answers what a month came to, as one page of HTML to print: it needs nothing else, and runs nothing.
///
/// Members are told of their own account; budgets and alerts are for those who see all accounts.
#[utoipa::path(get, path = "/api/v1/reports/month", operation_id = "report_month",
    tag = "reports", params(MonthParams),
    responses((status = 200, body = String, content_type = "text/html"),
        (status = 400, body = ApiError), (status = 401, body = ApiError),
        (status = 403, body = ApiError), (status = 422, body = ApiError),
        (status = 429, body = ApiError)))]
async fn month(
    State(state): State<AppState>,
    caller: Scoped,
    pairs: Pairs,
) -> Result<Response, ApiError> {
    static KNOWN: LazyLock<Known> = LazyLock::new(Known::of::<MonthParams>);
    let Query(pairs) = pairs?;
    let parameters = Parameters::new(pairs, &KNOWN)?;
    let tz = parameters.tz()?;
    let reports = state.outlay.month_reports(&*caller);
    let month = read_month(&parameters, reports.today(tz))?;
    let asked = MonthQuestion { month, tz, filters: parameters.filters()? };
    let told = reports.about(&asked).await?;
    Ok(([(header::CONTENT_SECURITY_POLICY, POLICY)], Html(report::page(&told))).into_response())
}

fn read_month(parameters: &Parameters, today: NaiveDate) -> Result<Month, ApiError> {
    let Some(text) = parameters.one("month")? else {
        let last = today.with_day(1).and_then(|first| first.pred_opt());
        return last
            .and_then(Month::of)
            .ok_or_else(|| ApiError::bad_request("missing", "month", "must be given"));
    };
    month_of("month", text)
}

impl From<MonthReportError> for ApiError {
    fn from(error: MonthReportError) -> Self {
        match error {
            MonthReportError::Denied(error) => error.into(),
            MonthReportError::Unanswered(error) => error.into(),
            MonthReportError::Budgets(error) => error.into(),
            MonthReportError::Store(error) => error.into(),
            MonthReportError::Failed(error) => Self::internal(&error),
        }
    }
}
