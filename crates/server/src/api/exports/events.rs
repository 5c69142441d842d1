//! Every event, as it is kept.

#![allow(unused_qualifications, reason = "what utoipa writes for `params(…)`")]

use std::io;
use std::sync::LazyLock;

use axum::extract::{Query, State};
use axum::response::Response;
use chrono::{DateTime, SecondsFormat, Utc};
use outlay_domain::people::Act;
use outlay_domain::usage::Fact;
use outlay_store::sheet::Kind;
use serde::Serialize;
use utoipa::IntoParams;

use super::sink::{Format, Rows, Table};
use super::{Pairs, asked, send};
use crate::auth::Scoped;
use crate::error::ApiError;
use crate::forms::event_row::EventRow;
use crate::forms::usage_params::{Known, Parameters};
use crate::state::AppState;

const COLUMNS: [(&str, Kind); 26] = [
    ("id", Kind::Text),
    ("source", Kind::Text),
    ("kind", Kind::Text),
    ("occurred_at", Kind::Time),
    ("received_at", Kind::Time),
    ("account", Kind::Text),
    ("subject", Kind::Text),
    ("provider", Kind::Text),
    ("model", Kind::Text),
    ("operation", Kind::Text),
    ("service", Kind::Text),
    ("status", Kind::Text),
    ("duration_ms", Kind::Decimal),
    ("team", Kind::Text),
    ("project", Kind::Text),
    ("platform", Kind::Text),
    ("environment", Kind::Text),
    ("amount", Kind::Decimal),
    ("basis", Kind::Text),
    ("prices", Kind::Text),
    ("stated_cost", Kind::Decimal),
    ("quantities", Kind::Text),
    ("tags", Kind::Text),
    ("metadata", Kind::Text),
    ("unpriced", Kind::Text),
    ("unpriced_events", Kind::Decimal),
];

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "its fields name the parameters, whose values are read by hand")]
struct EventsParams {
    /// The form; CSV where it is not said.
    #[param(inline)]
    format: Option<Format>,
    /// From this moment or day on.
    from: Option<String>,
    /// Before this moment or day.
    to: Option<String>,
    /// Whose days; UTC where it is not said.
    tz: Option<String>,
    /// Only events of these providers; any other attribute filters in the same way.
    provider: Option<String>,
}

/// Sends every event and what changed it, the newest first, while it is read.
///
/// Any attribute filters, as for usage. In tables, quantities, tags, metadata and what is unpriced are
/// JSON texts.
#[utoipa::path(get, path = "/api/v1/exports/events", operation_id = "export_events",
    tag = "exports", params(EventsParams),
    responses((status = 200, description = "The events", content(
            (String = "text/csv"), (String = "application/x-ndjson"),
            (String = "application/vnd.apache.parquet"))),
        (status = 400, body = ApiError), (status = 401, body = ApiError),
        (status = 403, body = ApiError), (status = 422, body = ApiError),
        (status = 429, body = ApiError)))]
pub async fn export(
    State(state): State<AppState>,
    caller: Scoped,
    pairs: Pairs,
) -> Result<Response, ApiError> {
    static KNOWN: LazyLock<Known> = LazyLock::new(Known::of::<EventsParams>);
    caller.may(Act::SeeUsage)?;
    let Query(pairs) = pairs?;
    let parameters = Parameters::new(pairs, &KNOWN)?;
    let format = parameters.word("format")?.unwrap_or(Format::Csv);
    let asked = asked(&parameters)?;
    let rows = EventRows::new(format).map_err(|error| ApiError::internal(&error))?;
    let scope = caller.scope().map(String::from);
    let questions = state.outlay.questions.by(&*caller);
    let turn = state.shares.download(caller.user.as_str()).await?;
    send(questions, asked, scope, rows, ("events", format), turn).await
}

/// Events in some form.
pub(super) enum EventRows {
    /// So many lines of JSON.
    Lines(u64),
    /// A table.
    Table(Box<Table>),
}

impl EventRows {
    /// None yet.
    pub(super) fn new(format: Format) -> io::Result<Self> {
        Ok(match format {
            Format::Ndjson => Self::Lines(0),
            _ => Self::Table(Box::new(Table::new(format, &COLUMNS)?)),
        })
    }
}

impl Rows for EventRows {
    fn page(&mut self, facts: &[Fact]) -> io::Result<Vec<u8>> {
        match self {
            Self::Lines(count) => {
                *count += facts.len() as u64;
                let mut lines = Vec::new();
                for fact in facts {
                    serde_json::to_writer(&mut lines, &EventRow::from(fact))?;
                    lines.push(b'\n');
                }
                Ok(lines)
            }
            Self::Table(table) => {
                for fact in facts {
                    table.row(&cells(fact)?)?;
                }
                table.take()
            }
        }
    }

    fn finish(self) -> io::Result<(Vec<u8>, u64)> {
        match self {
            Self::Lines(count) => Ok((Vec::new(), count)),
            Self::Table(table) => table.finish(),
        }
    }
}

fn cells(fact: &Fact) -> io::Result<Vec<Option<String>>> {
    let row = EventRow::from(fact);
    let dimensions = &fact.event.dimensions;
    let name = |name: &Option<compact_str::CompactString>| name.as_ref().map(ToString::to_string);
    let millis = |micros: i64| format!("{}.{:03}", micros / 1_000, micros.unsigned_abs() % 1_000);
    Ok(vec![
        Some(row.id),
        Some(row.source),
        Some(row.kind.as_str().to_owned()),
        Some(time(row.occurred_at)),
        Some(time(row.received_at)),
        Some(row.account),
        row.subject,
        row.provider,
        row.model,
        row.operation,
        row.service,
        Some(row.status.as_str().to_owned()),
        fact.event.duration_us.map(millis),
        name(&dimensions.team),
        name(&dimensions.project),
        name(&dimensions.platform),
        name(&dimensions.environment),
        row.amount.map(|amount| amount.to_string()),
        Some(row.basis.as_str().to_owned()),
        (!row.prices.is_empty()).then(|| row.prices.join(",")),
        row.stated_cost.map(|cost| cost.to_string()),
        json(&row.quantities, row.quantities.is_empty())?,
        json(&row.tags, row.tags.is_empty())?,
        row.metadata.map(|metadata| metadata.get().to_owned()),
        json(&row.unpriced, row.unpriced.is_empty())?,
        Some(row.unpriced_events.to_string()),
    ])
}

fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

fn json(value: &impl Serialize, is_empty: bool) -> io::Result<Option<String>> {
    Ok(if is_empty { None } else { Some(serde_json::to_string(value)?) })
}
