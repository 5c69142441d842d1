//! How answers about usage are written, as JSON and as CSV.

use std::borrow::Cow;

use outlay_domain::usage::question::{
    Attribute, Group, Measure, Question, Row, Value, Values, local_text, millis,
};
use outlay_engine::usage::Answered;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

use super::words::Every;

/// An answer about usage.
#[derive(Serialize, ToSchema)]
pub struct UsageAnswer<'a> {
    /// The first instant asked about, in `tz`.
    #[schema(example = "2026-01-01T00:00:00Z")]
    from: String,
    /// The first instant after.
    #[schema(example = "2026-02-01T00:00:00Z")]
    to: String,
    /// Where days begin.
    #[schema(example = "UTC")]
    tz: &'static str,
    /// The width of the buckets of a series.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    every: Option<Every>,
    /// What is set beside it, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    previous: Option<PeriodBody>,
    /// A row for each group; in a series, for each group of each bucket.
    ///
    /// A row has `time`, the local start of its bucket, in a series; each attribute that was grouped
    /// by, `null` where events had none; `"other": true` where it is everything beyond `top`; each
    /// measure; `previous` with the measures of the period before; and `"partial": true` while
    /// its bucket is not over. Amounts and credits are decimal texts, counts are numbers,
    /// divisible quantities are numbers where they are whole and decimal texts elsewhere, times in
    /// milliseconds are numbers, or `null` where nothing was measured.
    #[schema(value_type = Vec<std::collections::BTreeMap<String, serde_json::Value>>)]
    rows: Vec<RowBody<'a>>,
    /// The measures of everything that passes, whatever was folded or left out.
    #[schema(value_type = std::collections::BTreeMap<String, serde_json::Value>)]
    total: ValuesBody<'a>,
    /// Whether some of it is not over yet.
    partial: bool,
}

/// A range of time.
#[derive(Serialize, ToSchema)]
pub struct PeriodBody {
    /// The first instant.
    from: String,
    /// The first instant after.
    to: String,
}

impl<'a> From<&'a Answered> for UsageAnswer<'a> {
    fn from(answered: &'a Answered) -> Self {
        let question = &answered.question;
        let text = |at| local_text(at, question.tz());
        Self {
            from: text(question.period().from),
            to: text(question.period().to),
            tz: question.tz().name(),
            every: question.every().map(Every::from),
            previous: question
                .previous()
                .map(|period| PeriodBody { from: text(period.from), to: text(period.to) }),
            rows: answered.answer.rows.iter().map(|row| RowBody { answered, row }).collect(),
            total: ValuesBody { question, values: &answered.answer.total },
            partial: answered.is_partial(),
        }
    }
}

struct RowBody<'a> {
    answered: &'a Answered,
    row: &'a Row,
}

impl RowBody<'_> {
    fn time(&self) -> Option<String> {
        let buckets = self.answered.question.period().buckets.as_ref()?;
        Some(buckets.label(self.row.bucket?))
    }

    fn is_other(&self) -> bool {
        self.row.group == Group::Other
    }

    fn is_running(&self) -> bool {
        self.row.bucket.is_some_and(|bucket| self.answered.is_running(bucket))
    }

    /// The attributes and their values.
    fn names(&self) -> impl Iterator<Item = (Cow<'static, str>, Option<&str>)> {
        let by = self.answered.question.by();
        by.iter().enumerate().map(|(index, attribute)| {
            let name = match &self.row.group {
                Group::Of(key) => key[index].as_deref(),
                Group::Other => None,
            };
            (attribute.name(), name)
        })
    }
}

impl Serialize for RowBody<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if let Some(time) = self.time() {
            map.serialize_entry("time", &time)?;
        }
        for (attribute, name) in self.names() {
            map.serialize_entry(&attribute, &name)?;
        }
        if self.is_other() {
            map.serialize_entry("other", &true)?;
        }
        serialize_values(&mut map, &self.answered.question, &self.row.values)?;
        if self.is_running() {
            map.serialize_entry("partial", &true)?;
        }
        map.end()
    }
}

struct ValuesBody<'a> {
    question: &'a Question,
    values: &'a Values,
}

impl Serialize for ValuesBody<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        serialize_values(&mut map, self.question, self.values)?;
        map.end()
    }
}

fn serialize_values<M: SerializeMap>(
    map: &mut M,
    question: &Question,
    values: &Values,
) -> Result<(), M::Error> {
    for (measure, value) in question.measures().iter().zip(&values.now) {
        map.serialize_entry(&measure.name(), &ValueBody(*value))?;
    }
    if question.previous().is_some() {
        let before = values.before.as_deref();
        map.serialize_entry("previous", &before.map(|values| Measures { question, values }))?;
    }
    Ok(())
}

struct Measures<'a> {
    question: &'a Question,
    values: &'a [Value],
}

impl Serialize for Measures<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let named = self.question.measures().iter().map(Measure::name);
        serializer.collect_map(named.zip(self.values.iter().copied().map(ValueBody)))
    }
}

struct ValueBody(Value);

impl Serialize for ValueBody {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        const MICROS: i128 = 1_000_000;
        match self.0 {
            Value::Latency { micros } => micros.map(millis).serialize(serializer),
            Value::Count(count) => match i64::try_from(count) {
                Ok(count) => serializer.serialize_i64(count),
                Err(_) => serializer.serialize_str(&self.0.text()),
            },
            Value::Quantity { micros } => match i64::try_from(micros / MICROS) {
                Ok(whole) if micros % MICROS == 0 => serializer.serialize_i64(whole),
                _ => serializer.serialize_str(&self.0.text()),
            },
            Value::Amount { .. } | Value::Credits { .. } => {
                serializer.serialize_str(&self.0.text())
            }
        }
    }
}

/// The rows as CSV with a line of names.
pub fn csv(answered: &Answered) -> Result<Vec<u8>, csv::Error> {
    let question = &answered.question;
    let rows: Vec<_> = answered.answer.rows.iter().map(|row| RowBody { answered, row }).collect();
    let mut writer = csv::Writer::from_writer(Vec::new());

    let mut names: Vec<String> = Vec::new();
    names.extend(question.every().map(|_| "time".to_owned()));
    names.extend(question.by().iter().map(Attribute::name).map(|name| safe(&name).into_owned()));
    names.extend(question.top().map(|_| "other".to_owned()));
    let measures = || question.measures().iter().map(|measure| safe(&measure.name()).into_owned());
    names.extend(measures());
    if question.previous().is_some() {
        names.extend(measures().map(|measure| format!("previous_{measure}")));
    }
    writer.write_record(&names)?;

    for row in &rows {
        let mut cells: Vec<String> = Vec::with_capacity(names.len());
        cells.extend(row.time());
        cells.extend(row.names().map(|(_, name)| safe(name.unwrap_or_default()).into_owned()));
        cells.extend(question.top().map(|_| row.is_other().to_string()));
        cells.extend(row.row.values.now.iter().map(|value| value.text().to_string()));
        if question.previous().is_some() {
            match &row.row.values.before {
                Some(before) => cells.extend(before.iter().map(|value| value.text().to_string())),
                None => cells.extend(question.measures().iter().map(|_| String::new())),
            }
        }
        writer.write_record(&cells)?;
    }
    writer.into_inner().map_err(|error| error.into_error().into())
}

/// A text that no spreadsheet takes for a formula.
pub fn safe(text: &str) -> Cow<'_, str> {
    match text.chars().next() {
        Some('=' | '+' | '-' | '@' | '\t' | '\r' | '\n') => Cow::Owned(format!("'{text}")),
        _ => Cow::Borrowed(text),
    }
}
