//! The rows of an answer as JSON, as many as fit.

use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, RecordBatch, RecordBatchOptions};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{
    DataType, Decimal128Type, Field, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, Schema, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::error::{DataFusionError, Result};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{SqlColumn, SqlLimits, plain};

/// An answer that is being written: `{"columns": […], "rows": […], "truncated": …}`.
pub struct AnswerText {
    json: Vec<u8>,
    rows: usize,
    rows_max: usize,
    bytes_max: usize,
}

/// Whether an answer takes more rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Room {
    /// It does.
    More,
    /// It is full, and there were more.
    Full,
}

impl AnswerText {
    /// An answer with these columns and no rows yet.
    pub fn new(schema: &Schema, limits: &SqlLimits) -> Result<Self> {
        let columns: Vec<_> = schema
            .fields()
            .iter()
            .map(|field| SqlColumn {
                name: field.name().clone(),
                data_type: plain(field.data_type()).to_string(),
            })
            .collect();
        let mut json = b"{\"columns\":".to_vec();
        write(&mut json, &columns)?;
        json.extend_from_slice(b",\"rows\":[");
        Ok(Self { json, rows: 0, rows_max: limits.rows, bytes_max: limits.bytes })
    }

    /// Adds rows until the answer is full.
    pub fn add(&mut self, batch: &RecordBatch) -> Result<Room> {
        // One more than there is room for, which tells that there were more.
        let wanted = batch.num_rows().min(self.rows_max - self.rows + 1);
        let batch = decoded(&batch.slice(0, wanted))?;
        for row in 0..batch.num_rows() {
            let before = self.json.len();
            if self.rows > 0 {
                self.json.push(b',');
            }
            write(&mut self.json, &row_values(&batch, row)?)?;
            if self.rows == self.rows_max || self.json.len() > self.bytes_max {
                self.json.truncate(before);
                return Ok(Room::Full);
            }
            self.rows += 1;
        }
        Ok(Room::More)
    }

    /// The whole answer.
    pub fn finish(mut self, room: Room) -> Vec<u8> {
        let end: &[u8] = match room {
            Room::More => b"],\"truncated\":false}",
            Room::Full => b"],\"truncated\":true}",
        };
        self.json.extend_from_slice(end);
        self.json
    }
}

/// The same rows without dictionaries.
fn decoded(batch: &RecordBatch) -> Result<RecordBatch> {
    let columns = batch.columns().iter().map(|column| cast(column, plain(column.data_type())));
    let columns = columns.collect::<Result<Vec<_>, _>>()?;
    let fields = batch.schema_ref().fields().iter().zip(&columns);
    let fields: Vec<_> = fields
        .map(|(field, column)| Field::new(field.name(), column.data_type().clone(), true))
        .collect();
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options)?)
}

fn write(to: &mut Vec<u8>, value: &impl Serialize) -> Result<()> {
    serde_json::to_writer(to, value).map_err(|error| DataFusionError::External(error.into()))
}

fn row_values(batch: &RecordBatch, row: usize) -> Result<Map<String, Value>> {
    let fields = batch.schema_ref().fields().iter();
    fields
        .zip(batch.columns())
        .map(|(field, column)| Ok((field.name().clone(), value(column, row)?)))
        .collect()
}

/// A value as JSON: whole numbers as they are, decimals as texts, so that none loses a digit.
fn value(column: &dyn Array, row: usize) -> Result<Value> {
    if column.is_null(row) {
        return Ok(Value::Null);
    }
    Ok(match column.data_type() {
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
            json!(ArrayFormatter::try_new(column, &options)?.value(row).to_string())
        }
    })
}
