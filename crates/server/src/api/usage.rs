//! Questions about usage: totals, series, breakdowns, and the events behind them.

// The macro of a route names the types of its parameters by their paths.
#![allow(unused_qualifications)]

use std::sync::LazyLock;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use outlay_domain::people::Act;
use outlay_domain::usage::ID_BYTES_MAX;
use outlay_engine::usage::questions::EVENTS_MAX;
use outlay_engine::usage::{Answered, UnansweredError, UsageEvents};
use outlay_store::history::question::{EventsAfter, FactKey};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::Scoped;
use crate::error::ApiError;
use crate::forms::event_row::EventRow;
use crate::forms::usage_body::{UsageAnswer, csv};
use crate::forms::usage_params::{Compare, Known, Parameters, refused};
use crate::forms::words::Every;
use crate::shares::Shares;
use crate::state::AppState;

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(total))
        .routes(routes!(series))
        .routes(routes!(breakdown))
        .routes(routes!(events))
}

/// Events on a page where nothing is said.
const EVENTS_DEFAULT: usize = 100;

/// What a question about a series takes, which is all that any question does.
pub(crate) static SERIES: LazyLock<Known> =
    LazyLock::new(|| Known::of::<Filters>().and::<Measures>().and::<Groups>().and::<Buckets>());

type Pairs = Result<Query<Vec<(String, String)>>, QueryRejection>;

/// When, and what events must be like. Filters hold together; the values of one are alternatives,
/// joined by commas (a backslash keeps a comma) or repeated. `model=a,b` is one of these,
/// `model!=a` none of them, `model^=gpt-4` begins with that; an empty value stands for no value.
/// Every filter can be given in these three forms, and `tag.KEY` filters by any tag.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "its fields name the parameters, whose values are read by hand")]
struct Filters {
    /// The first instant: RFC 3339, or a day as YYYY-MM-DD, which begins in `tz`. Without it, the
    /// day of the first event.
    #[param(example = "2026-01-01")]
    from: Option<String>,
    /// The first instant that no longer counts, in the same forms. Without it, the end of today.
    #[param(example = "2026-02-01")]
    to: Option<String>,
    /// The time zone in which days begin, by its IANA name; UTC where it is not said.
    #[param(example = "Europe/Berlin")]
    tz: Option<String>,
    /// Filters by who pays.
    account: Option<String>,
    /// Filters by who or what used it.
    subject: Option<String>,
    /// Filters by who was paid.
    provider: Option<String>,
    /// Filters by model.
    model: Option<String>,
    /// Filters by what was done.
    operation: Option<String>,
    /// Filters by service.
    service: Option<String>,
    /// Filters by how it ended: ok, error, cancelled or blocked.
    status: Option<String>,
    /// Filters by team.
    team: Option<String>,
    /// Filters by project.
    project: Option<String>,
    /// Filters by platform.
    platform: Option<String>,
    /// Filters by environment.
    environment: Option<String>,
    /// Filters by who sent the event.
    source: Option<String>,
}

/// What is answered.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "its fields name the parameters, whose values are read by hand")]
struct Measures {
    /// A list of `spend`, `credits`, `events`, `errors`, `unpriced`, `tokens`, the names of meters
    /// (`requests`, `input_tokens`, …, `meter.NAME` for those of senders), `latency_mean_ms` and
    /// `latency_p50_ms`, `…p90…`, `…p95…`, `…p99…`. Rows are ordered by the first.
    #[param(example = "spend,requests")]
    measures: Option<String>,
    /// `previous` sets the period before beside each row: as many months before where whole months
    /// are asked about, otherwise the same days of the week as many whole weeks before as come nearest
    /// to the length that is asked about, and one at least: 28 days before for 30 days.
    #[param(inline)]
    compare: Option<Compare>,
    /// `csv` answers a table instead of JSON, as `Accept: text/csv` does.
    #[param(inline)]
    format: Option<Form>,
}

/// How rows are grouped.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "its fields name the parameters, whose values are read by hand")]
struct Groups {
    /// Up to three of the filters' names, `tag.KEY` among them.
    #[param(example = "provider,model")]
    by: Option<String>,
    /// How many groups to keep, 1 to 1,000; what is left is folded into one row with
    /// `"other": true`.
    #[param(example = 7)]
    top: Option<u32>,
}

/// How wide buckets are.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "its fields name the parameters, whose values are read by hand")]
struct Buckets {
    /// How wide, in the calendar of `tz`; days where it is not said.
    #[param(inline)]
    every: Option<Every>,
}

/// Which page.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "its fields name the parameters, whose values are read by hand")]
struct Page {
    /// Only what was sent under this id: the event and what corrected it, of every source.
    id: Option<String>,
    /// Events on a page, 1 to 1,000; 100 where it is not said.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Sums usage into one row.
#[utoipa::path(get, path = "/api/v1/usage/total", operation_id = "sum_usage",
    tag = "usage", params(Filters, Measures),
    responses(
        (status = 200, description = "The sums", content(
            (UsageAnswer = "application/json"), (String = "text/csv"))),
        (status = 400, body = ApiError), (status = 401, body = ApiError),
        (status = 403, body = ApiError), (status = 422, body = ApiError),
        (status = 429, body = ApiError),
    ))]
async fn total(
    State(state): State<AppState>,
    caller: Scoped,
    headers: HeaderMap,
    pairs: Pairs,
) -> Result<Response, ApiError> {
    static KNOWN: LazyLock<Known> = LazyLock::new(|| Known::of::<Filters>().and::<Measures>());
    let (question, form) = read(&caller, pairs, &headers, &KNOWN)?;
    let questions = state.outlay.questions.by(&*caller);
    let answered = questions.total(question, caller.scope().as_deref()).await?;
    form.write(answered).await
}

/// Sums usage by time, and by group where asked. Every bucket has a row, even where nothing was used.
#[utoipa::path(get, path = "/api/v1/usage/series", operation_id = "sum_usage_by_time",
    tag = "usage",
    params(Filters, Measures, Groups, Buckets),
    responses(
        (status = 200, description = "The sums", content(
            (UsageAnswer = "application/json"), (String = "text/csv"))),
        (status = 400, body = ApiError), (status = 401, body = ApiError),
        (status = 403, body = ApiError), (status = 422, body = ApiError),
        (status = 429, body = ApiError),
    ))]
async fn series(
    State(state): State<AppState>,
    caller: Scoped,
    headers: HeaderMap,
    pairs: Pairs,
) -> Result<Response, ApiError> {
    let (question, form) = read(&caller, pairs, &headers, &SERIES)?;
    let questions = state.outlay.questions.by(&*caller);
    let answered = questions.series(question, caller.scope().as_deref()).await?;
    form.write(answered).await
}

/// Sums usage by group, the largest first.
#[utoipa::path(get, path = "/api/v1/usage/breakdown", operation_id = "sum_usage_by_group",
    tag = "usage",
    params(Filters, Measures, Groups),
    responses(
        (status = 200, description = "The sums", content(
            (UsageAnswer = "application/json"), (String = "text/csv"))),
        (status = 400, body = ApiError), (status = 401, body = ApiError),
        (status = 403, body = ApiError), (status = 422, body = ApiError),
        (status = 429, body = ApiError),
    ))]
async fn breakdown(
    State(state): State<AppState>,
    caller: Scoped,
    headers: HeaderMap,
    pairs: Pairs,
) -> Result<Response, ApiError> {
    static KNOWN: LazyLock<Known> =
        LazyLock::new(|| Known::of::<Filters>().and::<Measures>().and::<Groups>());
    let (question, form) = read(&caller, pairs, &headers, &KNOWN)?;
    if question.by.is_empty() {
        return Err(ApiError::bad_request("missing", "by", "nothing is said to group by")
            .mend("add e.g. `by=provider`, or ask /api/v1/usage/total"));
    }
    let questions = state.outlay.questions.by(&*caller);
    let answered = questions.breakdown(question, caller.scope().as_deref()).await?;
    form.write(answered).await
}

/// A page of events.
#[derive(Serialize, ToSchema)]
struct EventsBody {
    /// The events and what changed them, the newest first.
    items: Vec<EventRow>,
    /// What to send as `cursor` for the next page; `null` where this is the last.
    #[schema(required = true)]
    next_cursor: Option<String>,
}

/// Lists the events behind the sums, the newest first.
#[utoipa::path(get, path = "/api/v1/usage/events", operation_id = "list_events",
    tag = "usage", params(Filters, Page),
    responses(
        (status = 200, body = EventsBody),
        (status = 400, body = ApiError), (status = 401, body = ApiError),
        (status = 403, body = ApiError), (status = 422, body = ApiError),
        (status = 429, body = ApiError),
    ))]
async fn events(
    State(state): State<AppState>,
    caller: Scoped,
    pairs: Pairs,
) -> Result<axum::Json<EventsBody>, ApiError> {
    static KNOWN: LazyLock<Known> = LazyLock::new(|| Known::of::<Filters>().and::<Page>());
    caller.may(Act::SeeUsage)?;
    let parameters = Parameters::new(pairs?.0, &KNOWN)?;
    let tz = parameters.tz()?;
    let asked = UsageEvents {
        from: parameters.time("from", tz)?,
        to: parameters.time("to", tz)?,
        filters: parameters.filters()?,
        id: parameters.one("id")?.map(str::to_owned),
        above: None,
        about_lacking: false,
        limit: parameters.number("limit", EVENTS_MAX)?.unwrap_or(EVENTS_DEFAULT),
        after: parameters.one("cursor")?.map(read_cursor).transpose()?,
    };
    let questions = state.outlay.questions.by(&*caller);
    let page = questions.events(asked, caller.scope().as_deref()).await?;
    Ok(axum::Json(EventsBody {
        items: page.facts.iter().map(EventRow::from).collect(),
        next_cursor: page.next.as_ref().map(write_cursor),
    }))
}

/// Moments that facts can have, in microseconds since 1970: the years 1 to 9998.
const MOMENTS_US: std::ops::Range<i64> = -62_135_596_800_000_000..253_370_764_800_000_000;
/// Facts that are alike in all that pages go by, at most.
const ALIKE_MAX: u32 = 10_000;

fn write_cursor(after: &EventsAfter) -> String {
    let EventsAfter { last, given } = after;
    let parts = (last.occurred_us.0, last.received_us.0, &last.source, &last.id, &last.kind, given);
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(&parts).unwrap_or_default())
}

fn read_cursor(cursor: &str) -> Result<EventsAfter, ApiError> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok();
    let parts = bytes.and_then(|bytes| {
        serde_json::from_slice::<(i64, i64, String, String, String, u32)>(&bytes).ok()
    });
    // A cursor can be made up: it names a moment that there is, and few facts alike.
    let parts = parts.filter(|(occurred, received, source, id, kind, given)| {
        let is_moment = |us: &i64| MOMENTS_US.contains(us);
        let is_name = |text: &String| text.len() <= ID_BYTES_MAX;
        is_moment(occurred)
            && is_moment(received)
            && [source, id, kind].into_iter().all(is_name)
            && *given <= ALIKE_MAX
    });
    let Some((occurred, received, source, id, kind, given)) = parts else {
        return Err(ApiError::bad_request(
            "malformed",
            "cursor",
            "is not the `next_cursor` of a page",
        )
        .mend("send it as it came, with the same filters, or leave it out for the first page"));
    };
    let last = FactKey {
        occurred_us: std::cmp::Reverse(occurred),
        received_us: std::cmp::Reverse(received),
        source: source.into(),
        id: id.into(),
        kind: kind.into(),
    };
    Ok(EventsAfter { last, given })
}

/// Rows that are written at once.
const ROWS_AT_ONCE: usize = 500;

/// The form of an answer.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Form {
    /// An object.
    Json,
    /// A table.
    Csv,
}

/// Reads a question, and the form in which its answer is wanted.
fn read(
    caller: &Scoped,
    pairs: Pairs,
    headers: &HeaderMap,
    known: &Known,
) -> Result<(outlay_engine::usage::UsageQuestion, Form), ApiError> {
    caller.may(Act::SeeUsage)?;
    let parameters = Parameters::new(pairs?.0, known)?;
    let form = parameters.word("format")?.unwrap_or_else(|| Form::accepted(headers));
    Ok((parameters.question()?, form))
}

impl Form {
    /// CSV where it is named and JSON is not.
    fn accepted(headers: &HeaderMap) -> Self {
        let accepted = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
        let accepts = |form| accepted.is_some_and(|accepted| accepted.contains(form));
        if accepts("text/csv") && !accepts("application/json") { Self::Csv } else { Self::Json }
    }

    /// Long answers are written away from the threads that answer everybody.
    async fn write(self, answered: Answered) -> Result<Response, ApiError> {
        let is_long = answered.answer.rows.len() > ROWS_AT_ONCE;
        Shares::aside(is_long, move || self.written(&answered)).await?
    }

    fn written(self, answered: &Answered) -> Result<Response, ApiError> {
        match self {
            Self::Json => Ok(axum::Json(UsageAnswer::from(answered)).into_response()),
            Self::Csv => {
                let headers = [
                    (header::CONTENT_TYPE, "text/csv; charset=utf-8; header=present"),
                    (header::CONTENT_DISPOSITION, "attachment; filename=\"usage.csv\""),
                ];
                let table = csv(answered).map_err(|error| ApiError::internal(&error))?;
                Ok((headers, table).into_response())
            }
        }
    }
}

impl From<UnansweredError> for ApiError {
    fn from(error: UnansweredError) -> Self {
        let detail = error.to_string();
        match error {
            UnansweredError::Question(error) => refused(&error),
            UnansweredError::TooManyGroups => Self::bad_request("too_large", "by", detail)
                .mend("filter, group by something with fewer values, or ask for a shorter range"),
            UnansweredError::TooSlow(_) => {
                Self::unprocessable("too_slow", detail).mend("ask for a shorter range, or filter")
            }
            UnansweredError::TooMuchToRead | UnansweredError::Busy => {
                Self::too_many(5, detail).mend("ask again in a moment")
            }
            UnansweredError::Store(error) => error.into(),
        }
    }
}
