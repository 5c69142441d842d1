//! What a month came to, as a page to print.

#![allow(unused_qualifications, reason = "what utoipa writes for `params(…)`")]

use std::sync::LazyLock;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::header;
use axum::response::{Html, IntoResponse, Response};
use chrono::{DateTime, Datelike, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use outlay_domain::people::Act;
use outlay_domain::usage::question::{Attribute, Every, Measure};
use outlay_engine::budgets::BudgetStatus;
use outlay_engine::insights::budgets::Month;
use outlay_engine::insights::{Analysis, Course, Days, SpendQuestion};
use outlay_engine::usage::{Answered, UsageQuestion};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::Scoped;
use crate::error::ApiError;
use crate::forms::usage_params::{Known, Parameters};
use crate::report::{BudgetLine, MonthReport, OpenedAlerts, POLICY};
use crate::state::AppState;

/// Rows of a table of groups.
const TOP: usize = 8;
/// Days that the analysis looks at, the month's own included.
const DAYS_BEFORE: u32 = 179;
/// Days of the forecast: the longest month.
const AHEAD: usize = 31;
/// Budgets that are listed, at most.
const BUDGETS_MAX: usize = 50;
/// Alerts that are listed, at most.
const ALERTS_SHOWN: u32 = 8;
/// The attributes whose groups have a table, and its title.
const GROUPS: [(&str, Attribute); 5] = [
    ("Providers", Attribute::Provider),
    ("Models", Attribute::Model),
    ("Services", Attribute::Service),
    ("Accounts", Attribute::Account),
    ("Teams", Attribute::Team),
];

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
    caller.may(Act::SeeUsage)?;
    let Query(pairs) = pairs?;
    let parameters = Parameters::new(pairs, &KNOWN)?;
    let tz = parameters.tz()?;
    let today = state.outlay.insights(&*caller).today(tz);
    let asked = Asked { state: &state, caller: &caller, parameters: &parameters, tz, today };
    let report = asked.report(read_month(&parameters, today)?).await?;
    Ok(([(header::CONTENT_SECURITY_POLICY, POLICY)], Html(report.page())).into_response())
}

fn read_month(parameters: &Parameters, today: NaiveDate) -> Result<Month, ApiError> {
    let Some(text) = parameters.one("month")? else {
        let last = today.with_day(1).and_then(|first| first.pred_opt());
        return last
            .and_then(Month::of)
            .ok_or_else(|| ApiError::bad_request("missing", "month", "must be given"));
    };
    let parts = text.split_once('-').filter(|(year, month)| year.len() == 4 && month.len() == 2);
    let month = parts.and_then(|(year, month)| {
        let year = year.parse().ok().filter(|year| (1970..2200).contains(year))?;
        Month::new(year, month.parse().ok()?)
    });
    month.ok_or_else(|| {
        ApiError::bad_request("malformed", "month", format!("`{text}` is no month"))
            .mend("write e.g. 2026-10")
    })
}

/// What is asked, and by whom.
struct Asked<'a> {
    state: &'a AppState,
    caller: &'a Scoped,
    parameters: &'a Parameters,
    tz: Tz,
    today: NaiveDate,
}

impl Asked<'_> {
    async fn report(&self, month: Month) -> Result<MonthReport, ApiError> {
        let days = month.days();
        let totals = self.usage(month, vec![]).await?;
        let course = self.course(month).await?;
        let on = |day: NaiveDate| course.days().find(|(date, ..)| *date == day);
        let spent =
            days.iter().map(|day| (day, on(day).map_or(0, |(_, nanos, _)| nanos))).collect();
        let analysis = tokio::task::spawn_blocking(move || Analysis::of(&course, AHEAD));
        let analysis = analysis.await.map_err(|error| ApiError::internal(&error))?;
        let mut groups = Vec::with_capacity(GROUPS.len());
        for (title, by) in GROUPS {
            groups.push((title, self.usage(month, vec![by]).await?));
        }
        let watched = match self.caller.scope() {
            None => Some((self.budgets(month).await?, self.alerts(month).await?)),
            Some(_) => None,
        };
        let (tz, today) = (self.tz, self.today);
        Ok(MonthReport { days, tz, today, totals, spent, groups, analysis, watched })
    }

    /// Spend of the month beside the month before, by group where there are any.
    async fn usage(&self, month: Month, by: Vec<Attribute>) -> Result<Answered, ApiError> {
        let (from, to) = month.days().instants(self.tz);
        let top = (!by.is_empty()).then_some(TOP);
        let question = UsageQuestion {
            from,
            to: Some(to),
            tz: self.tz,
            every: None,
            filters: self.parameters.filters()?,
            measures: vec![Measure::Spend, Measure::Events, Measure::Unpriced],
            top,
            compare: true,
            by,
        };
        let (questions, scope) =
            (self.state.outlay.questions.by(&**self.caller), self.caller.scope());
        Ok(match top {
            Some(_) => questions.breakdown(question, scope.as_deref()).await?,
            None => questions.total(question, scope.as_deref()).await?,
        })
    }

    /// The days up to the end of the month, or up to today where that is sooner.
    async fn course(&self, month: Month) -> Result<Course, ApiError> {
        let last = month.days().last().min(self.today);
        let question = SpendQuestion {
            days: Days::ending(last, DAYS_BEFORE),
            since: None,
            tz: self.tz,
            every: Some(Every::Day),
            by: Vec::new(),
            filters: self.parameters.filters()?,
            extremes: false,
        };
        let scope = self.caller.scope();
        let insights = self.state.outlay.insights(&**self.caller);
        let table = insights.spend(question, scope.as_deref()).await?;
        Ok(Course::of(&table, last, self.today))
    }

    /// The budgets whose window ran when the month ended, and what was spent in it.
    async fn budgets(&self, month: Month) -> Result<Vec<BudgetLine>, ApiError> {
        let (_, end) = month.days().instants(self.tz);
        let moment = (end - TimeDelta::seconds(1)).min(self.state.outlay.clock.now());
        let budgets = self.state.outlay.budgets(&**self.caller);
        let mut lines = Vec::new();
        for budget in budgets.all().await?.into_iter().take(BUDGETS_MAX) {
            match budgets.judge_at(budget, moment).await? {
                Ok(status) => lines.extend(line(&status, moment)),
                Err(unjudged) => lines.push(BudgetLine::Unjudged {
                    name: unjudged.budget.draft.name.to_string(),
                    why: unjudged.error.to_string(),
                }),
            }
        }
        Ok(lines)
    }

    async fn alerts(&self, month: Month) -> Result<OpenedAlerts, ApiError> {
        let (from, to) = month.days().instants(self.tz);
        let from = from.unwrap_or(DateTime::<Utc>::MIN_UTC);
        let (count, newest) = self.state.alerts.opened(from, to, ALERTS_SHOWN).await?;
        Ok(OpenedAlerts { count, newest })
    }
}

/// A budget, if its window ran at that moment.
fn line(status: &BudgetStatus, moment: DateTime<Utc>) -> Option<BudgetLine> {
    let (window, draft) = (status.window, &status.budget.draft);
    let day = |at: DateTime<Utc>| at.with_timezone(&draft.tz).date_naive();
    (window.from <= moment && window.to > moment).then(|| BudgetLine::Judged {
        name: draft.name.to_string(),
        window: (day(window.from), day(window.to - TimeDelta::seconds(1))),
        spent: status.spent,
        available: status.available,
        is_over: status.remaining < 0,
    })
}
