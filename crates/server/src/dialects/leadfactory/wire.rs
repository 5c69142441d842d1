//! Numbers and times as LeadFactory writes them.

use std::io;

use axum::http::header;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Datelike, NaiveDate, Timelike, Utc};
use chrono_tz::Tz;
use outlay_engine::insights::course::units;
use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, Serializer};
use serde_json::{Value, json};

use super::error::Refused;

/// An answer. Nothing is never less than nothing: zero has no sign, as in [`unsigned_zeros`].
pub struct Json<T>(pub T);

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        let mut text = Vec::with_capacity(1_024);
        match self.0.serialize(&mut Serializer::with_formatter(&mut text, UnsignedZeros)) {
            Ok(()) => ([(header::CONTENT_TYPE, "application/json")], text).into_response(),
            Err(error) => Refused::internal(&error).into_response(),
        }
    }
}

struct UnsignedZeros;

impl Formatter for UnsignedZeros {
    fn write_f64<W: ?Sized + io::Write>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        // A sum of no floats is minus zero, and adding zero takes its sign away.
        CompactFormatter.write_f64(writer, value + 0.0)
    }
}

/// `body` with zeros that have no sign.
pub fn unsigned_zeros(mut body: Value) -> Value {
    fn strip(body: &mut Value) {
        match body {
            Value::Number(number) if number.as_f64() == Some(0.0) && number.is_f64() => {
                *body = json!(0.0);
            }
            Value::Array(items) => items.iter_mut().for_each(strip),
            Value::Object(fields) => fields.values_mut().for_each(strip),
            _ => {}
        }
    }
    strip(&mut body);
    body
}

/// An amount in dollars.
pub fn dollars(nanos: i128) -> Value {
    json!(units(nanos))
}

/// The mean of an amount over a count.
#[allow(clippy::cast_precision_loss)]
pub fn mean(nanos: i128, count: i128) -> f64 {
    if count > 0 { units(nanos) / count as f64 } else { 0.0 }
}

/// A part of a whole, in per cent.
pub fn percent(part: i128, whole: i128) -> f64 {
    if whole == 0 { 0.0 } else { 100.0 * units(part) / units(whole) }
}

/// A moment as the clock of `tz` shows it, without its zone.
pub fn local(at: DateTime<Utc>, tz: Tz) -> String {
    let at = at.with_timezone(&tz).naive_local();
    let format =
        if at.nanosecond() / 1_000 == 0 { "%Y-%m-%dT%H:%M:%S" } else { "%Y-%m-%dT%H:%M:%S%.6f" };
    at.format(format).to_string()
}

/// A day.
pub fn day(date: NaiveDate) -> String {
    format!("{:04}-{:02}-{:02}", date.year(), date.month(), date.day())
}

/// A name, or the word for none.
pub fn name(text: Option<&str>) -> &str {
    text.unwrap_or("unknown")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn zero_has_no_sign() {
        let body = json!({ "sum": -0.0, "list": [-0.0, -2.5, 0], "text": "-0.0" });
        let plain = r#"{"list":[0.0,-2.5,0],"sum":0.0,"text":"-0.0"}"#;

        assert_eq!(unsigned_zeros(body.clone()).to_string(), plain);
        let answer = Json(body).into_response();
        let bytes = axum::body::to_bytes(answer.into_body(), 1_000).await.unwrap();
        assert_eq!(bytes, plain);
    }

    #[test]
    fn times_are_local_and_have_six_decimals_or_none() {
        let at = |text: &str| local(text.parse().unwrap(), Tz::Europe__Berlin);
        assert_eq!(at("2026-07-01T10:00:00Z"), "2026-07-01T12:00:00");
        assert_eq!(at("2026-01-01T10:00:00.5Z"), "2026-01-01T11:00:00.500000");
    }
}
