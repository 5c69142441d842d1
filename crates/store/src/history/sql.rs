//! SQL over the facts, read only and within limits.
//!
//! DataFusion reads the same columns as everything else. What it may use is bounded: memory, time,
//! the rows and the bytes of an answer; it writes nothing to the disk, and reaches no file but the
//! segments.

use std::sync::Arc;
use std::time::Duration;

use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::datatypes::{
    DataType, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    SchemaRef, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::catalog::TableProvider;
use datafusion::common::ScalarValue;
use datafusion::config::ConfigOptions;
use datafusion::datasource::MemTable;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::{
    ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl,
};
use datafusion::error::DataFusionError;
use datafusion::execution::context::SQLOptions;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::logical_expr::{cast, col, lit};
use datafusion::prelude::{DataFrame, SessionConfig, SessionContext};
use futures::StreamExt;
use serde_json::{Map, Value, json};
use thiserror::Error;

use super::Snapshot;
use super::schema::{METER_COLUMNS, SCHEMA};
use crate::StoreError;

/// The name of the table.
pub const TABLE: &str = "events";

/// How much one query may use.
#[derive(Debug, Clone, Copy)]
pub struct SqlLimits {
    /// How long it may take.
    pub time: Duration,
    /// Memory for sorting, grouping and joining.
    pub memory_bytes: usize,
    /// Rows of the answer.
    pub rows: usize,
    /// Bytes of the answer, about.
    pub bytes: usize,
    /// Threads.
    pub threads: usize,
}

impl Default for SqlLimits {
    fn default() -> Self {
        Self {
            time: Duration::from_secs(10),
            memory_bytes: 256 << 20,
            rows: 10_000,
            bytes: 8 << 20,
            threads: 2,
        }
    }
}

/// What a query came to.
#[derive(Debug, Clone, PartialEq)]
pub struct SqlAnswer {
    /// The columns, in order.
    pub columns: Vec<SqlColumn>,
    /// The rows, each an object by the names of the columns.
    pub rows: Vec<Map<String, Value>>,
    /// Whether there were more rows than an answer may have.
    pub is_cut: bool,
}

/// A column of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqlColumn {
    /// Its name.
    pub name: String,
    /// Arrow's name for its type.
    pub data_type: String,
}

/// Why a query has no answer.
#[derive(Debug, Error)]
pub enum SqlError {
    /// It is not understood, not allowed, or cannot be computed; in DataFusion's words.
    #[error("{0}")]
    Refused(String),
    /// It took too long.
    #[error("the query took more than {} seconds", .0.as_secs_f64())]
    TooSlow(Duration),
    /// The history could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<DataFusionError> for SqlError {
    fn from(error: DataFusionError) -> Self {
        match error.find_root() {
            DataFusionError::ParquetError(_)
            | DataFusionError::ObjectStore(_)
            | DataFusionError::IoError(_)
            | DataFusionError::ExecutionJoin(_) => Self::Store(StoreError::DataFusion(error)),
            _ => Self::Refused(error.strip_backtrace()),
        }
    }
}

/// Answers `query` from `snapshot`. Waits until it is done, so it wants a thread of its own.
pub fn run(snapshot: &Snapshot, query: &str, limits: SqlLimits) -> Result<SqlAnswer, SqlError> {
    // Threads of its own, so that a heavy query cannot hold up the others' requests.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(limits.threads.max(1))
        .thread_name("sql")
        .enable_time()
        .build()
        .map_err(|source| StoreError::File { path: "sql".into(), source })?;
    let answer = runtime.block_on(async {
        let answer = answer(snapshot, query, &limits);
        tokio::time::timeout(limits.time, answer)
            .await
            .unwrap_or(Err(SqlError::TooSlow(limits.time)))
    });
    // What does not stop by itself must not be waited for.
    runtime.shutdown_background();
    answer
}

async fn answer(
    snapshot: &Snapshot,
    query: &str,
    limits: &SqlLimits,
) -> Result<SqlAnswer, SqlError> {
    let context = context(limits)?;
    let table = table(&context, snapshot)?;
    context.register_table(TABLE, table)?;
    let options =
        SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
    let frame = context.sql_with_options(query, options).await?;
    collect(frame, limits).await
}

fn context(limits: &SqlLimits) -> Result<SessionContext, SqlError> {
    let mut options = ConfigOptions::new();
    options.execution.target_partitions = limits.threads.max(1);
    // Names stay coded, and texts are what the tail has them as.
    options.execution.parquet.schema_force_view_types = false;
    options.sql_parser.map_string_types_to_utf8view = false;
    let no_disk = DiskManagerBuilder::default().with_mode(DiskManagerMode::Disabled);
    let runtime = RuntimeEnvBuilder::new()
        .with_memory_limit(limits.memory_bytes, 1.0)
        .with_disk_manager_builder(no_disk)
        .build_arc()?;
    Ok(SessionContext::new_with_config_rt(SessionConfig::from(options), runtime))
}

/// The tail and the segments as one table, with amounts in units as one more column.
fn table(
    context: &SessionContext,
    snapshot: &Snapshot,
) -> Result<Arc<dyn TableProvider>, SqlError> {
    let tail = MemTable::try_new(SCHEMA.clone(), vec![snapshot.tail.to_vec()])?;
    let mut facts = context.read_table(Arc::new(tail))?;
    if !snapshot.segments.is_empty() {
        let paths = snapshot
            .segments
            .iter()
            .map(|segment| ListingTableUrl::parse(segment.path.to_string_lossy()))
            .collect::<Result<_, _>>()?;
        let options =
            ListingOptions::new(Arc::new(ParquetFormat::default())).with_file_extension(".parquet");
        let config = ListingTableConfig::new_with_multi_paths(paths)
            .with_listing_options(options)
            .with_schema(SCHEMA.clone());
        let segments = ListingTable::try_new(config)?;
        facts = context.read_table(Arc::new(segments))?.union(facts)?;
    }
    let nano = lit(ScalarValue::Decimal128(Some(1), 10, 9));
    let spend = cast(col("amount_nanos"), DataType::Decimal128(20, 0)) * nano;
    Ok(facts.with_column("spend", spend)?.into_view())
}

async fn collect(frame: DataFrame, limits: &SqlLimits) -> Result<SqlAnswer, SqlError> {
    let schema: SchemaRef = Arc::new(frame.schema().as_arrow().clone());
    let columns = schema
        .fields()
        .iter()
        .map(|field| SqlColumn {
            name: field.name().clone(),
            data_type: plain(field.data_type()).to_string(),
        })
        .collect();
    let mut answer = SqlAnswer { columns, rows: Vec::new(), is_cut: false };
    let mut bytes = 0;
    let mut batches = frame.execute_stream().await?;
    while let Some(batch) = batches.next().await {
        let batch = batch?;
        for row in 0..batch.num_rows() {
            let values = row_values(&batch, row)?;
            bytes += values.iter().map(|(name, value)| name.len() + size(value)).sum::<usize>();
            if answer.rows.len() == limits.rows || bytes > limits.bytes {
                answer.is_cut = true;
                return Ok(answer);
            }
            answer.rows.push(values);
        }
    }
    Ok(answer)
}

/// The type of a column's values, however they are coded.
fn plain(data_type: &DataType) -> &DataType {
    match data_type {
        DataType::Dictionary(_, values) => values,
        other => other,
    }
}

/// About how long a value is when it is written.
fn size(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len() + 6,
        _ => 12,
    }
}

fn row_values(batch: &RecordBatch, row: usize) -> Result<Map<String, Value>, SqlError> {
    let fields = batch.schema_ref().fields().iter();
    fields
        .zip(batch.columns())
        .map(|(field, column)| Ok((field.name().clone(), value(column, row)?)))
        .collect()
}

/// A value as JSON: whole numbers as they are, decimals as texts, so that none loses a digit.
fn value(column: &dyn Array, row: usize) -> Result<Value, SqlError> {
    if column.is_null(row) {
        return Ok(Value::Null);
    }
    Ok(match column.data_type() {
        DataType::Dictionary(_, _) => {
            let dictionary = column.as_any_dictionary();
            let key = dictionary.normalized_keys()[row];
            return value(dictionary.values(), key);
        }
        DataType::Boolean => json!(column.as_boolean().value(row)),
        DataType::Int8 => json!(column.as_primitive::<Int8Type>().value(row)),
        DataType::Int16 => json!(column.as_primitive::<Int16Type>().value(row)),
        DataType::Int32 => json!(column.as_primitive::<Int32Type>().value(row)),
        DataType::Int64 => json!(column.as_primitive::<Int64Type>().value(row)),
        DataType::UInt8 => json!(column.as_primitive::<UInt8Type>().value(row)),
        DataType::UInt16 => json!(column.as_primitive::<UInt16Type>().value(row)),
        DataType::UInt32 => json!(column.as_primitive::<UInt32Type>().value(row)),
        DataType::UInt64 => json!(column.as_primitive::<UInt64Type>().value(row)),
        DataType::Float32 => json!(column.as_primitive::<Float32Type>().value(row)),
        DataType::Float64 => json!(column.as_primitive::<Float64Type>().value(row)),
        DataType::Utf8 => json!(column.as_string::<i32>().value(row)),
        DataType::LargeUtf8 => json!(column.as_string::<i64>().value(row)),
        DataType::Utf8View => json!(column.as_string_view().value(row)),
        DataType::Decimal128(_, _) => {
            let text = column.as_primitive::<Decimal128Type>().value_as_string(row);
            json!(if text.contains('.') {
                text.trim_end_matches('0').trim_end_matches('.')
            } else {
                &text
            })
        }
        _ => {
            let options =
                FormatOptions::default().with_timestamp_tz_format(Some("%Y-%m-%dT%H:%M:%S%.fZ"));
            let text = ArrayFormatter::try_new(column, &options)
                .map_err(DataFusionError::from)?
                .value(row)
                .to_string();
            json!(text)
        }
    })
}

/// The columns of the table: name, type, and what stands in it.
pub fn columns() -> Vec<(SqlColumn, &'static str)> {
    let described = |name: &str, data_type: &DataType| {
        let column = SqlColumn { name: name.to_owned(), data_type: plain(data_type).to_string() };
        (column, describe(name))
    };
    let fields = SCHEMA.fields().iter();
    fields
        .map(|field| described(field.name(), field.data_type()))
        .chain([described("spend", &DataType::Decimal128(31, 9))])
        .collect()
}

fn describe(column: &str) -> &'static str {
    match column {
        "occurred_at" => "when it was used",
        "received_at" => "when the server took it in",
        "id" => "the sender's name for the event",
        "source" => "who sent it",
        "account" => "who pays",
        "subject" => "who or what used it",
        "provider" => "who was paid",
        "model" => "which model or product",
        "operation" => "what was done",
        "service" => "which service",
        "status" => "how it ended: ok, error, cancelled or blocked",
        "team" => "a team",
        "project" => "a project",
        "platform" => "a platform",
        "environment" => "an environment",
        "kind" => "why the fact was written: usage, adjustment, reversal or correction",
        "duration_us" => "how long it took, in microseconds",
        "requests" => "calls; reversals take them back",
        "seconds_micros" => "time of sound, video or a machine, in millionths of a second",
        "other_meters" => "meters of the sender's, a JSON object of decimal texts",
        "tags" => "tags, a JSON object of texts",
        "metadata" => "anything else, a JSON object",
        "stated_nanos" => "what the sender said it cost, in billionths",
        "amount_nanos" => "what it costs, in billionths; null while no price is known",
        "unpriced" => "what the fact adds to the events without a price: 1, 0 or -1",
        "basis" => "how the amount came about: rated, stated or unpriced",
        "prices" => "the ids of the prices that it was rated with",
        "spend" => "what it costs, in units",
        meter if METER_COLUMNS.contains(&meter) => "how much of that was used",
        _ => "",
    }
}
