//! Answers and times as ALwrity writes them.

use std::hash::{DefaultHasher, Hash, Hasher};

use axum::Json;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Timelike, Utc};
use serde_json::{Value, json};

/// `{"success": true, "data": …}`.
#[derive(Debug)]
pub struct Data(pub Value);

impl IntoResponse for Data {
    fn into_response(self) -> Response {
        Json(json!({ "success": true, "data": self.0 })).into_response()
    }
}

/// The monitoring's answer: some of ALwrity's pages look at `status`, others at `success`.
#[derive(Debug)]
pub struct Monitored(pub Value, pub &'static str);

impl IntoResponse for Monitored {
    fn into_response(self) -> Response {
        let body =
            json!({ "status": "success", "success": true, "data": self.0, "message": self.1 });
        Json(body).into_response()
    }
}

/// A moment in UTC without its zone, as Python writes one.
pub fn naive(at: DateTime<Utc>) -> String {
    let format =
        if at.nanosecond() / 1_000 == 0 { "%Y-%m-%dT%H:%M:%S" } else { "%Y-%m-%dT%H:%M:%S%.6f" };
    at.naive_utc().format(format).to_string()
}

/// A count.
pub fn number(count: i128) -> Value {
    i64::try_from(count).map_or_else(|_| json!(i64::MAX), Value::from)
}

/// A number that every browser holds exactly, the same for the same names: 52 bits.
pub fn number_of(names: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    names.hash(&mut hasher);
    hasher.finish() >> 12
}
