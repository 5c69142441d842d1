//! SQL over the history, for admins.

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use outlay_domain::people::Act;
use outlay_engine::usage::sql::SqlDeskError;
use outlay_store::history::sql::{SqlColumn, SqlError, TABLE, columns};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::Caller;
use crate::error::ApiError;
use crate::extract::Json;
use crate::state::AppState;

/// Bytes of a query, at most.
const QUERY_BYTES_MAX: usize = 64 * 1024;

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(run)).routes(routes!(schema))
}

/// A query.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SqlQuery {
    /// One `SELECT`, in DataFusion's dialect, over the table `events`.
    #[schema(
        max_length = 65536,
        example = "SELECT model, sum(spend) AS spend FROM events GROUP BY model ORDER BY spend DESC"
    )]
    query: String,
}

/// What a query came to.
#[derive(ToSchema)]
#[allow(dead_code, reason = "describes what the process of a query writes")]
struct SqlBody {
    /// The columns, in order.
    columns: Vec<ColumnBody>,
    /// The rows, each an object by the names of the columns. Decimals are texts, times RFC 3339.
    #[schema(value_type = Vec<std::collections::BTreeMap<String, serde_json::Value>>)]
    rows: Vec<serde_json::Map<String, serde_json::Value>>,
    /// Whether there were more rows than an answer may have.
    truncated: bool,
}

/// A column.
#[derive(Debug, Serialize, ToSchema)]
struct ColumnBody {
    /// Its name.
    #[schema(example = "model")]
    name: String,
    /// Its type, as Arrow calls it.
    #[serde(rename = "type")]
    #[schema(example = "Utf8")]
    data_type: String,
    /// What stands in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    description: Option<&'static str>,
}

/// The tables that can be queried.
#[derive(Debug, Serialize, ToSchema)]
struct SqlSchema {
    /// The tables.
    tables: Vec<TableBody>,
}

/// A table.
#[derive(Debug, Serialize, ToSchema)]
struct TableBody {
    /// Its name.
    #[schema(example = "events")]
    name: &'static str,
    /// Its columns.
    columns: Vec<ColumnBody>,
}

impl From<SqlColumn> for ColumnBody {
    fn from(SqlColumn { name, data_type }: SqlColumn) -> Self {
        Self { name, data_type, description: None }
    }
}

/// Answers one SQL query over every fact. Admins only; read only; bounded in time, memory and rows.
///
/// Each query runs in a process of its own. Whole numbers do not wrap around: a sum that its type
/// does not hold is refused.
#[utoipa::path(post, path = "/api/v1/sql", operation_id = "run_query",
    tag = "sql", request_body = SqlQuery,
    responses((status = 200, body = SqlBody),
        (status = 400, body = ApiError, description = "the query is not understood or not allowed"),
        (status = 401, body = ApiError), (status = 403, body = ApiError),
        (status = 415, body = ApiError),
        (status = 422, body = ApiError,
            description = "the query takes too long or too much memory, or is nested too deeply"),
        (status = 429, body = ApiError),
        (status = 503, body = ApiError, description = "no process can be started for the query")))]
async fn run(
    State(state): State<AppState>,
    caller: Caller,
    Json(body): Json<SqlQuery>,
) -> Result<Response, ApiError> {
    caller.may(Act::Administer)?;
    if body.query.len() > QUERY_BYTES_MAX {
        let detail = format!("{} bytes, {QUERY_BYTES_MAX} at most", body.query.len());
        return Err(ApiError::bad_request("too_large", "query", detail));
    }
    let answer = state.outlay.sql.run(caller.user.as_str(), body.query).await?;
    Ok(([(header::CONTENT_TYPE, "application/json")], answer).into_response())
}

/// Describes the table that can be queried. Admins only.
#[utoipa::path(get, path = "/api/v1/sql/schema", operation_id = "describe_tables", tag = "sql",
    responses((status = 200, body = SqlSchema), (status = 401, body = ApiError),
        (status = 403, body = ApiError)))]
async fn schema(caller: Caller) -> Result<Json<SqlSchema>, ApiError> {
    caller.may(Act::Administer)?;
    let columns = columns()
        .into_iter()
        .map(|(column, description)| ColumnBody {
            description: Some(description),
            ..ColumnBody::from(column)
        })
        .collect();
    Ok(Json(SqlSchema { tables: vec![TableBody { name: TABLE, columns }] }))
}

impl From<SqlDeskError> for ApiError {
    fn from(error: SqlDeskError) -> Self {
        let detail = error.to_string();
        match error {
            SqlDeskError::Sql(SqlError::Refused(message)) => {
                Self::bad_request("sql", "query", message)
                    .mend("GET /api/v1/sql/schema lists the columns; one SELECT a request")
            }
            SqlDeskError::Sql(SqlError::TooSlow(_)) => Self::unprocessable("too_slow", detail)
                .mend("narrow it down, e.g. by `occurred_at`"),
            SqlDeskError::Sql(SqlError::TooMuchMemory(_)) => {
                Self::unprocessable("too_much_memory", detail)
                    .mend("narrow it down, or raise `questions.sql_memory_mb`")
            }
            SqlDeskError::Sql(SqlError::TooDeep) => Self::unprocessable("too_deep", detail)
                .mend("write lists as `IN (…)`, and fewer queries in one another"),
            SqlDeskError::Sql(SqlError::Store(error)) => error.into(),
            SqlDeskError::Busy => Self::too_many(5, detail).mend("ask again in a moment"),
            SqlDeskError::NotStarted(cause) => {
                tracing::error!(error = %cause, "no process can be started for a query");
                Self::unavailable(5, detail).mend("the server's log says why")
            }
        }
    }
}
