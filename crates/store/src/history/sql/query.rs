//! One query, from its text to its answer, in the process that it is run in.

use std::path::PathBuf;
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::catalog::TableProvider;
use datafusion::common::ScalarValue;
use datafusion::config::ConfigOptions;
use datafusion::datasource::MemTable;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::{
    ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl,
};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::context::SQLOptions;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::logical_expr::{cast, col, lit};
use datafusion::prelude::{DataFrame, SessionConfig, SessionContext};
use datafusion::sql::sqlparser::parser::ParserError;
use futures::StreamExt;

use super::super::schema::SCHEMA;
use super::answer::{AnswerText, Room};
use super::{SPEND, SqlError, SqlLimits, TABLE, WHOLE, exact, size};
use crate::StoreError;

/// The facts that a query reads.
#[derive(Debug, Default)]
pub struct Table {
    /// What is in no segment, with the history's schema.
    pub tail: Vec<RecordBatch>,
    /// The Parquet files of the segments.
    pub files: Vec<PathBuf>,
}

/// Answers `query` in JSON, in the runtime of the caller.
pub async fn answer(query: &str, table: Table, limits: &SqlLimits) -> Result<Vec<u8>, SqlError> {
    let refused = |error| refusal(&error, limits);
    let context = context(limits).map_err(refused)?;
    let state = context.state();
    let dialect = state.config().options().sql_parser.dialect;
    let statement = state.sql_to_statement(query, &dialect).map_err(refused)?;
    size::check(&statement)?;
    let answered = async {
        let table = provide(&context, table)?;
        context.register_table(TABLE, table)?;
        // The table was registered in what both share.
        let plan = state.statement_to_plan(statement).await?;
        SQLOptions::new()
            .with_allow_ddl(false)
            .with_allow_dml(false)
            .with_allow_statements(false)
            .verify_plan(&plan)?;
        collect(context.execute_logical_plan(plan).await?, limits).await
    };
    answered.await.map_err(refused)
}

fn context(limits: &SqlLimits) -> Result<SessionContext> {
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
    let mut context = SessionContext::new_with_config_rt(SessionConfig::from(options), runtime);
    exact::install(&mut context)?;
    Ok(context)
}

/// The tail and the segments as one table, with amounts in units as one more column.
fn provide(context: &SessionContext, table: Table) -> Result<Arc<dyn TableProvider>> {
    let tail = MemTable::try_new(SCHEMA.clone(), vec![table.tail])?;
    let mut facts = context.read_table(Arc::new(tail))?;
    if !table.files.is_empty() {
        let paths = table
            .files
            .iter()
            .map(|path| ListingTableUrl::parse(path.to_string_lossy()))
            .collect::<Result<_>>()?;
        let options =
            ListingOptions::new(Arc::new(ParquetFormat::default())).with_file_extension(".parquet");
        let config = ListingTableConfig::new_with_multi_paths(paths)
            .with_listing_options(options)
            .with_schema(SCHEMA.clone());
        let segments = ListingTable::try_new(config)?;
        facts = context.read_table(Arc::new(segments))?.union(facts)?;
    }
    let nano = lit(ScalarValue::Decimal128(Some(1), 10, 9));
    let spend = cast(cast(col("amount_nanos"), WHOLE) * nano, SPEND);
    Ok(facts.with_column("spend", spend)?.into_view())
}

async fn collect(frame: DataFrame, limits: &SqlLimits) -> Result<Vec<u8>> {
    let mut answer = AnswerText::new(frame.schema().as_arrow(), limits)?;
    let mut batches = frame.execute_stream().await?;
    while let Some(batch) = batches.next().await {
        if answer.add(&batch?)? == Room::Full {
            return Ok(answer.finish(Room::Full));
        }
    }
    Ok(answer.finish(Room::More))
}

/// What DataFusion's error means for whoever asked.
fn refusal(error: &DataFusionError, limits: &SqlLimits) -> SqlError {
    match error.find_root() {
        DataFusionError::ParquetError(_)
        | DataFusionError::ObjectStore(_)
        | DataFusionError::IoError(_) => SqlError::Store(StoreError::Damaged {
            what: "the history".into(),
            how: error.strip_backtrace(),
        }),
        DataFusionError::ResourcesExhausted(_) => SqlError::TooMuchMemory(limits.memory_bytes),
        DataFusionError::SQL(parser, _)
            if matches!(**parser, ParserError::RecursionLimitExceeded) =>
        {
            SqlError::TooDeep
        }
        DataFusionError::ExecutionJoin(join) => panicked(&join.to_string(), limits),
        _ => SqlError::Refused(error.strip_backtrace()),
    }
}

/// What a panic of DataFusion's means: sizes that no memory holds are found by panicking.
pub fn panicked(how: &str, limits: &SqlLimits) -> SqlError {
    match how.contains("capacity overflow") || how.contains("offset overflow") {
        true => SqlError::TooMuchMemory(limits.memory_bytes),
        false => SqlError::Refused("the query cannot be computed".into()),
    }
}
