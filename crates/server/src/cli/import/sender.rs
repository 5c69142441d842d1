//! Sends rows to the server, and reports what became of each.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::http::{Method, StatusCode};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use outlay_domain::Amount;
use outlay_engine::import::{ImportRow, Place, Report};
use owo_colors::OwoColorize;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::note::write_line;
use super::wire::WireEvent;
use crate::cli::client::{CliError, Client};

/// Bytes in one request, at most; the server takes more, but bodies are kept whole in memory.
const BODY_BYTES_MAX: usize = 8 * 1024 * 1024;
/// How often a request is sent before an import gives up, waiting twice as long each time.
const ATTEMPTS_MAX: u32 = 8;

/// The way to the server, which is tried again where that may help.
///
/// Sending again is safe: the server knows events by source and id, payments by their key, and
/// takes cursors and budgets as they are.
#[derive(Clone)]
pub struct Uplink<'a> {
    /// The server.
    pub client: &'a Client,
    /// Where set, requests are tried until this is true; elsewhere some times.
    pub until: Option<Arc<AtomicBool>>,
}

impl Uplink<'_> {
    /// Posts `body` until the server has taken it or said no for good.
    pub async fn post(&self, path: &str, body: Bytes) -> Result<(StatusCode, Bytes), CliError> {
        let json = Some("application/json");
        let mut pause = Duration::from_millis(250);
        let mut attempt = 1;
        loop {
            let error = match self.client.send(Method::POST, path, json, body.clone()).await {
                // Events have an answer each, also where all of them were refused.
                Ok((status, answer))
                    if status.is_success()
                        || matches!(
                            status,
                            StatusCode::CONFLICT | StatusCode::UNPROCESSABLE_ENTITY
                        ) =>
                {
                    return Ok((status, answer));
                }
                Ok((status, answer)) => {
                    let body = serde_json::from_slice(&answer).unwrap_or(Value::Null);
                    CliError::Refused { status, body }
                }
                Err(error) => error,
            };
            let is_over = match &self.until {
                Some(stop) => stop.load(Ordering::Relaxed),
                None => attempt >= ATTEMPTS_MAX,
            };
            if is_over || !is_passing(&error) {
                return Err(error);
            }
            if attempt == 3 {
                write_line(&format!("{} {error}; trying again", "waiting:".yellow().bold()));
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(10));
            attempt += 1;
        }
    }

    /// Posts `body` as JSON and reads the answer, if there is one.
    pub async fn post_json<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, CliError> {
        let unreadable = |error: serde_json::Error| CliError::Failed(error.to_string());
        let body = serde_json::to_vec(body).map_err(unreadable)?;
        let (status, answer) = self.post(path, body.into()).await?;
        let answer = if answer.is_empty() { "null".into() } else { answer };
        if !status.is_success() {
            let body = serde_json::from_slice(&answer).map_err(unreadable)?;
            return Err(CliError::Refused { status, body });
        }
        serde_json::from_slice(&answer).map_err(unreadable)
    }
}

/// Where rows go.
pub enum Sender<'a> {
    /// To the server.
    Server(Uplink<'a>),
    /// Nowhere: they are judged as the server would at that time.
    DryRun(DateTime<Utc>),
}

/// What the server said of a request's events.
#[derive(Debug, Deserialize)]
struct Answer {
    items: Vec<Item>,
}

#[derive(Debug, Deserialize)]
struct Item {
    index: usize,
    outcome: String,
    amount: Option<Amount>,
    #[serde(default)]
    unpriced: bool,
    code: Option<String>,
    field: Option<String>,
    detail: Option<String>,
}

impl Sender<'_> {
    /// Sends `rows`; the rows that could not be read are refused here.
    pub async fn send(&self, rows: Vec<ImportRow>) -> Result<Report, CliError> {
        let mut report = Report::default();
        let mut places = Vec::new();
        let mut body = Vec::new();
        for row in rows {
            let draft = match row.outcome {
                Ok(draft) => draft,
                Err(refusal) => {
                    report.refuse(row.place, &refusal);
                    continue;
                }
            };
            match self {
                Self::DryRun(now) => judge(draft, row.place, *now, &mut report),
                Self::Server(uplink) => {
                    places.push(row.place);
                    body.push(if body.is_empty() { b'[' } else { b',' });
                    serde_json::to_writer(&mut body, &WireEvent(&draft))
                        .map_err(|error| CliError::Failed(error.to_string()))?;
                    if body.len() >= BODY_BYTES_MAX {
                        flush(uplink, &mut places, &mut body, &mut report).await?;
                    }
                }
            }
        }
        if let Self::Server(uplink) = self {
            flush(uplink, &mut places, &mut body, &mut report).await?;
        }
        Ok(report)
    }
}

fn judge(
    mut draft: outlay_domain::usage::EventDraft,
    place: Place,
    now: DateTime<Utc>,
    report: &mut Report,
) {
    if draft.account.is_empty() {
        // The server charges the sender, whom nobody asked.
        draft.account = "sender".into();
    }
    let cost = draft.stated_cost;
    match draft.accept(now) {
        Ok(_) => {
            report.accepted += 1;
            match cost {
                Some(cost) => report.spend_nanos += i128::from(cost.nanos()),
                None => report.unpriced += 1,
            }
        }
        Err(refusal) => report.refuse(place, &refusal),
    }
}

async fn flush(
    uplink: &Uplink<'_>,
    places: &mut Vec<Place>,
    body: &mut Vec<u8>,
    report: &mut Report,
) -> Result<(), CliError> {
    if places.is_empty() {
        return Ok(());
    }
    body.push(b']');
    let places = std::mem::take(places);
    let (_, answer) = uplink.post("/api/v1/events", std::mem::take(body).into()).await?;
    let answer: Answer =
        serde_json::from_slice(&answer).map_err(|error| CliError::Failed(error.to_string()))?;
    if answer.items.len() != places.len() {
        return Err(CliError::Failed(format!(
            "the server answered for {} events of {}",
            answer.items.len(),
            places.len()
        )));
    }
    for item in answer.items {
        let Some(place) = places.get(item.index) else { continue };
        count(item, *place, report);
    }
    Ok(())
}

fn count(item: Item, place: Place, report: &mut Report) {
    match item.outcome.as_str() {
        "accepted" => {
            report.accepted += 1;
            report.unpriced += u64::from(item.unpriced);
            report.spend_nanos += item.amount.map_or(0, |amount| i128::from(amount.nanos()));
        }
        "repeated" => report.repeated += 1,
        _ => report.refuse_because(
            place,
            &item.code.unwrap_or_default(),
            &item.field.unwrap_or_default(),
            &item.detail.unwrap_or_default(),
        ),
    }
}

/// Whether the same request may work a moment later.
pub fn is_passing(error: &CliError) -> bool {
    match error {
        CliError::Unreachable { .. } => true,
        CliError::Refused { status, .. } => matches!(
            *status,
            StatusCode::TOO_MANY_REQUESTS
                | StatusCode::BAD_GATEWAY
                | StatusCode::SERVICE_UNAVAILABLE
                | StatusCode::GATEWAY_TIMEOUT
        ),
        CliError::Failed(_) => false,
    }
}
