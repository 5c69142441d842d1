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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use axum::extract::State;
    use axum::http::header;
    use axum::response::{IntoResponse, Response};
    use axum::routing::post;
    use axum::{Json, Router};
    use outlay_domain::usage::{EventDraft, Refusal, RefusalCode};
    use parking_lot::Mutex;
    use serde_json::json;

    use super::*;

    /// A server that gives the answers it was told to, and remembers what it was sent.
    #[derive(Clone, Default)]
    struct Scripted {
        answers: Arc<Mutex<Vec<(StatusCode, Value)>>>,
        requests: Arc<Mutex<Vec<Value>>>,
    }

    impl Scripted {
        async fn start(answers: Vec<(StatusCode, Value)>) -> (Self, Client) {
            let script = Self { answers: Arc::new(Mutex::new(answers)), ..Self::default() };
            let router = Router::new()
                .route("/api/v1/events", post(answer))
                .layer(axum::extract::DefaultBodyLimit::disable())
                .with_state(script.clone());
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let url = format!("http://{}", listener.local_addr().unwrap());
            tokio::spawn(axum::serve(listener, router).into_future());
            (script, Client::remote(&url, Some("a key".into())).unwrap())
        }
    }

    async fn answer(
        State(script): State<Scripted>,
        headers: axum::http::HeaderMap,
        Json(body): Json<Value>,
    ) -> Response {
        assert_eq!(headers[header::AUTHORIZATION], "Bearer a key");
        script.requests.lock().push(body);
        let (status, answer) = script.answers.lock().remove(0);
        (status, Json(answer)).into_response()
    }

    fn row(line: u64, bytes: usize) -> ImportRow {
        let draft = EventDraft {
            id: format!("e{line}").into(),
            metadata: Some(json!({ "note": "x".repeat(bytes) }).to_string().into()),
            ..EventDraft::default()
        };
        ImportRow { place: Place::Line(line), outcome: Ok(draft) }
    }

    fn accepted(index: usize, amount: &str) -> Value {
        json!({"index": index, "outcome": "accepted", "amount": amount})
    }

    #[tokio::test]
    async fn every_row_gets_its_own_answer() {
        let answers = json!({"items": [
            accepted(0, "1.5"),
            {"index": 1, "outcome": "repeated"},
            {"index": 2, "outcome": "refused", "code": "conflict", "field": "cost", "detail": "so"},
            {"index": 3, "outcome": "accepted", "unpriced": true},
        ]});
        let (script, client) = Scripted::start(vec![(StatusCode::OK, answers)]).await;
        let mut rows: Vec<_> = [2, 3, 5, 6].map(|line| row(line, 1)).into();
        let refusal = Refusal::new(RefusalCode::Malformed, "cost", "`x` is not a number");
        rows.insert(2, ImportRow { place: Place::Line(4), outcome: Err(refusal) });

        let sender = Sender::Server(Uplink { client: &client, until: None });
        let report = sender.send(rows).await.unwrap();

        assert_eq!((report.accepted, report.repeated, report.refused), (2, 1, 2));
        assert_eq!((report.unpriced, report.spend_nanos), (1, 1_500_000_000));
        let refused: Vec<_> = report.refusals.iter().map(ToString::to_string).collect();
        assert_eq!(refused, ["line 4: cost: `x` is not a number", "line 5: cost: so"]);
        assert_eq!(script.requests.lock()[0].as_array().unwrap().len(), 4);
    }

    #[tokio::test]
    async fn a_busy_server_is_asked_again_with_the_same_rows() {
        let busy = (StatusCode::TOO_MANY_REQUESTS, json!({"detail": "later"}));
        let done = (
            StatusCode::CONFLICT,
            json!({"items": [
                {"index": 0, "outcome": "refused", "code": "conflict", "field": "cost", "detail": "so"},
            ]}),
        );
        let (script, client) = Scripted::start(vec![busy, done]).await;

        let sender = Sender::Server(Uplink { client: &client, until: None });
        let report = sender.send(vec![row(2, 1)]).await.unwrap();

        assert_eq!(report.refused, 1, "a request of refused events is an answer, not a failure");
        let requests = script.requests.lock();
        assert_eq!(requests[0], requests[1]);
    }

    #[tokio::test]
    async fn a_no_is_final() {
        let no = (StatusCode::FORBIDDEN, json!({"detail": "a viewer may not send usage"}));
        let (script, client) = Scripted::start(vec![no]).await;

        let sender = Sender::Server(Uplink { client: &client, until: None });
        let error = sender.send(vec![row(2, 1)]).await.unwrap_err();

        assert_eq!(error.to_string(), "a viewer may not send usage");
        assert_eq!(error.exit_code(), 4);
        assert_eq!(script.requests.lock().len(), 1);
    }

    #[tokio::test]
    async fn large_rows_go_in_several_requests() {
        let one = json!({"items": [accepted(0, "1")]});
        let two = json!({"items": [accepted(0, "1"), accepted(1, "1")]});
        let answers = vec![(StatusCode::OK, two), (StatusCode::OK, one)];
        let (script, client) = Scripted::start(answers).await;
        let bytes = BODY_BYTES_MAX / 2;

        let sender = Sender::Server(Uplink { client: &client, until: None });
        let rows = vec![row(2, bytes), row(3, bytes), row(4, bytes)];
        let report = sender.send(rows).await.unwrap();

        assert_eq!((report.accepted, script.requests.lock().len()), (3, 2));
    }

    #[tokio::test]
    async fn a_dry_run_judges_as_the_server_would() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let draft = |id: &str, cost: &str| EventDraft {
            id: id.into(),
            source: "csv".into(),
            occurred_at: Some(now),
            service: Some("maps".into()),
            stated_cost: cost.parse().ok(),
            ..EventDraft::default()
        };
        let row = |line, draft| ImportRow { place: Place::Line(line), outcome: Ok(draft) };
        let rows =
            vec![row(2, draft("a", "1.5")), row(3, draft("b", "-1")), row(4, draft("c", ""))];

        let report = Sender::DryRun(now).send(rows).await.unwrap();

        assert_eq!((report.accepted, report.refused, report.unpriced), (2, 1, 1));
        assert_eq!(report.spend_nanos, 1_500_000_000);
        assert_eq!(report.refusals[0].to_string(), "line 3: cost: must not be negative");
    }
}
