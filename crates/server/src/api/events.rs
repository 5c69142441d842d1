//! The door for usage events: JSON, NDJSON and CloudEvents, one or many.

use std::sync::atomic::Ordering;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use compact_str::CompactString;
use outlay_domain::usage::{EventDraft, Refusal, RefusalCode};
use outlay_engine::ledger::HoldName;
use outlay_engine::pace::Pace;
use outlay_engine::usage::{AcceptError, Charged, Incoming, Outcome, Prepared, UsageDoor};
use outlay_store::FailureKind;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::Scoped;
use crate::bounded::{self, UpTo};
use crate::by_name::ByName;
use crate::error::ApiError;
use crate::forms::cloud_events::{self, CloudEvent};
use crate::forms::event_body::EventBody;
use crate::forms::event_schema::EventSchema;
use crate::forms::words::SentOutcome;
use crate::malformed::Fault;
use crate::shares::{Packing, Shares};
use crate::state::AppState;

/// Events in one request, at most.
pub const EVENTS_MAX: usize = 10_000;

/// An answer about more items is written away from the threads that answer everybody.
const ITEMS_AT_ONCE: usize = 500;

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(post_events))
}

/// What became of the events of one request.
#[derive(Debug, Serialize, ToSchema)]
pub struct EventsAnswer {
    /// Kept now.
    accepted: usize,
    /// Kept before, by the same source and id.
    repeated: usize,
    /// Not kept.
    refused: usize,
    /// One for each event, in the order of the request.
    items: Vec<Item>,
}

/// What became of one event.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EventOutcome)]
pub struct Item {
    /// Its place in the request, from 0.
    index: usize,
    /// Its id, where it had one.
    #[serde(skip_serializing_if = "CompactString::is_empty")]
    #[schema(value_type = String)]
    id: CompactString,
    /// What became of it.
    outcome: SentOutcome,
    /// What it costs, where it was accepted and priced; what is known, where a part is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "0.00125")]
    amount: Option<String>,
    /// Whether no price is known for it; beside an amount, for a part of it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    unpriced: bool,
    /// Why it was refused, as a word.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    code: Option<RefusalCode>,
    /// The field at fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    field: Option<String>,
    /// What is wrong and what would be right.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    detail: Option<String>,
}

impl Item {
    fn new(index: usize, id: CompactString, outcome: Outcome) -> Self {
        let item = |word| Self {
            index,
            id,
            outcome: word,
            amount: None,
            unpriced: false,
            code: None,
            field: None,
            detail: None,
        };
        match outcome {
            Outcome::Accepted(Charged { amount, is_unpriced }) => Self {
                amount: amount.map(|amount| amount.to_string()),
                unpriced: is_unpriced,
                ..item(SentOutcome::Accepted)
            },
            Outcome::Repeated => item(SentOutcome::Repeated),
            Outcome::Refused(Refusal { code, field, detail }) => Self {
                code: Some(code),
                field: Some(field.into()).filter(|field: &String| !field.is_empty()),
                detail: Some(detail),
                ..item(SentOutcome::Refused)
            },
        }
    }
}

/// Takes usage events in.
///
/// The body is one event or an array of up to 10,000 (`application/json`), lines of events
/// (`application/x-ndjson`), or CloudEvents 1.0: structured (`application/cloudevents+json`),
/// batched (`application/cloudevents-batch+json`) or binary (`ce-` headers). It may be compressed
/// (`Content-Encoding: gzip` or `zstd`) and has at most 32 MiB when it is not.
///
/// When the answer comes, the accepted events are on disk, priced, charged to their accounts and
/// in the next question's answer. An event with the source and id of an earlier one is `repeated`
/// when it is equal, and refused with `conflict` when it is not. A bad event does not touch its
/// neighbours. The status is 200 when at least one event was accepted or repeated; when all were
/// refused it is 409 for conflicts and 422 for anything else.
#[utoipa::path(post, path = "/api/v1/events", operation_id = "send_events", tag = "usage",
    request_body(content((EventSchema = "application/json"), (String = "application/x-ndjson"))),
    responses(
        (status = 200, body = EventsAnswer),
        (status = 400, description = "The body is not what its type says", body = ApiError),
        (status = 401, body = ApiError), (status = 403, body = ApiError),
        (status = 408, description = "The body came too slowly", body = ApiError),
        (status = 409, description = "Every event is in conflict with an earlier one", body = EventsAnswer),
        (status = 413, description = "Too many bytes or events", body = ApiError),
        (status = 415, body = ApiError),
        (status = 422, description = "Every event was refused", body = EventsAnswer),
        (status = 429, description = "Too much waits to be written", body = ApiError),
        (status = 503, description = "The disk takes no writes", body = ApiError),
    ))]
async fn post_events(
    State(state): State<AppState>,
    caller: Scoped,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let door = state.outlay.usage_door(&*caller)?;
    let packing = Packing::of(&headers)?;
    let max = state.config.ingest.body_bytes;
    let body = state.shares.read(caller.user.as_str(), body, max).await?;
    let body = state.shares.unpack(caller.user.as_str(), body, packing, max).await?;
    let (own, who) = (state.clone(), caller.clone());
    let judged = state.shares.work(caller.user.as_str(), body.len(), move || {
        let received_at = own.outlay.clock.now();
        let judge = Judge { account: &who.account, door, received_at };
        let judged = decode(&headers, &body, &judge)?;
        Ok::<_, ApiError>(Judgement::of(judged, &own))
    });
    let Judgement { ids, events } = judged.await??;
    let refused = ids.iter().filter(|(_, judged)| judged.is_err()).count();
    state.outlay.journal.counters().refused.fetch_add(refused as u64, Ordering::Relaxed);
    let count = ids.len();
    let outcomes = state.outlay.journal.accept_prepared(events).await?;
    let answered = move || {
        let answer = answer(ids, outcomes);
        (status(&answer), axum::Json(answer)).into_response()
    };
    // No turn is asked for: the events are kept, and whoever sent them must hear of it.
    Shares::aside(count > ITEMS_AT_ONCE, answered).await
}

fn status(answer: &EventsAnswer) -> StatusCode {
    if answer.accepted + answer.repeated > 0 || answer.items.is_empty() {
        StatusCode::OK
    } else if answer.items.iter().all(|item| item.code == Some(RefusalCode::Conflict)) {
        StatusCode::CONFLICT
    } else {
        StatusCode::UNPROCESSABLE_ENTITY
    }
}

/// An event that may go in, or why not, with its id.
struct Judged {
    id: CompactString,
    event: Result<Incoming, Refusal>,
    hold: Option<HoldName>,
}

/// What was said of each event of a request, with its id, and those that may go in.
struct Judgement {
    ids: Vec<(CompactString, Result<(), Refusal>)>,
    events: Vec<Prepared>,
}

impl Judgement {
    fn of(judged: Vec<Judged>, state: &AppState) -> Self {
        let mut ids = Vec::with_capacity(judged.len());
        let mut events = Vec::with_capacity(judged.len());
        let mut holds = Vec::new();
        for Judged { id, event, hold } in judged {
            if hold.is_some() && event.is_ok() {
                holds.resize(events.len(), None);
                holds.push(hold);
            }
            ids.push((id, event.map(|event| events.push(event))));
        }
        let holds = holds.into_iter().chain(std::iter::repeat(None));
        let prepared = state.outlay.journal.prepare(events).into_iter();
        let events = prepared.zip(holds).map(|(event, hold)| event.for_hold(hold));
        Self { ids, events: events.collect() }
    }
}

fn decode(headers: &HeaderMap, body: &[u8], judge: &Judge<'_>) -> Result<Vec<Judged>, ApiError> {
    let content_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .map(|value| value.trim().to_ascii_lowercase())
        .unwrap_or_default();
    let is_binary = headers.contains_key("ce-id") || headers.contains_key("ce-specversion");
    if !is_binary && LINES.contains(&content_type.as_str()) {
        return judge.lines(body);
    }
    let body = std::str::from_utf8(body).map_err(|error| {
        ApiError::bad_request("malformed", "body", format!("the body is not UTF-8: {error}"))
    })?;
    if is_binary {
        let event = cloud_events::binary(headers, body)
            .map_err(|refusal| (CompactString::default(), refusal));
        return Ok(vec![judge.cloud_event(event)]);
    }
    match content_type.as_str() {
        ""
        | "application/json"
        | "text/json"
        | "text/plain"
        | "application/x-www-form-urlencoded" => judge.json(body),
        "application/cloudevents+json" => {
            Ok(vec![judge.cloud_event(cloud_events::structured(body))])
        }
        "application/cloudevents-batch+json" => {
            let items = split_array(body)?;
            Ok(items
                .into_iter()
                .map(|item| judge.cloud_event(cloud_events::structured(item.get())))
                .collect())
        }
        other => Err(ApiError::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported",
            format!("`{other}` is not a type of events"),
        )
        .at("Content-Type")
        .mend("send application/json, application/x-ndjson or a CloudEvents type")),
    }
}

/// The types of bodies with an event on each line.
const LINES: [&str; 5] = [
    "application/x-ndjson",
    "application/ndjson",
    "application/jsonl",
    "application/x-jsonlines",
    "application/json-lines",
];

/// What one request's events are judged by.
struct Judge<'a> {
    /// The account of events that name none.
    account: &'a CompactString,
    door: UsageDoor,
    received_at: chrono::DateTime<chrono::Utc>,
}

impl Judge<'_> {
    /// One event, or an array.
    fn json(&self, body: &str) -> Result<Vec<Judged>, ApiError> {
        match body.trim_start().as_bytes().first() {
            Some(b'{') => Ok(vec![self.event(body, 1)]),
            Some(b'[') => {
                // All at once where every event is well formed, one by one to find the bad ones:
                // too many tags are the fault of their event, and not of its neighbours.
                if let Some(UpTo(events)) = well_formed(body) {
                    return Ok(events.into_iter().map(|event| self.body(event)).collect());
                }
                let items = split_array(body)?;
                Ok(items.into_iter().map(|item| self.event(item.get(), 1)).collect())
            }
            None => Err(ApiError::bad_request("missing", "body", "the body is empty")
                .mend("send an event as a JSON object, or an array of them")),
            Some(_) => Err(ApiError::bad_request(
                "malformed",
                "body",
                "the body is neither a JSON object nor an array",
            )
            .mend("send an event as a JSON object, or an array of them")),
        }
    }

    /// One event a line; empty lines do not count.
    ///
    /// A line that is no text is the fault of its event, as one that is no JSON is.
    fn lines(&self, body: &[u8]) -> Result<Vec<Judged>, ApiError> {
        let lines = (1..)
            .zip(body.split(|byte| *byte == b'\n'))
            .map(|(number, line)| (number, std::str::from_utf8(line).map(str::trim)))
            .filter(|(_, line)| line.as_ref().map_or(true, |line| !line.is_empty()));
        let lines: Vec<_> = lines.take(EVENTS_MAX + 1).collect();
        if lines.len() > EVENTS_MAX {
            return Err(too_many());
        }
        let mut pace = Pace::default();
        let judged = lines.into_iter().map(|(number, line)| match line {
            Ok(line) => {
                pace.step();
                self.event(line, number)
            }
            Err(error) => Judged {
                id: CompactString::default(),
                event: Err(Refusal::new(
                    RefusalCode::Malformed,
                    "",
                    format!(
                        "is not UTF-8 (line {number}, column {}); send texts in UTF-8",
                        error.valid_up_to() + 1
                    ),
                )),
                hold: None,
            },
        });
        Ok(judged.collect())
    }

    /// An event that stands in that line of the body.
    fn event(&self, json: &str, line: usize) -> Judged {
        match EventBody::parse_line(json, line) {
            Ok(body) => self.body(body),
            Err(refusal) => Judged { id: id_of(json), event: Err(refusal), hold: None },
        }
    }

    fn body(&self, body: EventBody<'_>) -> Judged {
        let (id, hold) = (body.id(), body.hold());
        self.held(id, hold, body.draft(self.account))
    }

    /// The event of a draft, which captures a hold where one is named.
    fn held(
        &self,
        id: CompactString,
        hold: Option<CompactString>,
        draft: Result<EventDraft, Refusal>,
    ) -> Judged {
        let event = draft.and_then(|draft| self.accept(draft));
        match hold.map(|hold| hold.parse()).transpose() {
            Ok(hold) => Judged { id, event, hold },
            Err(_) => {
                let detail = "is no hold; send it as `authorize` told it, or leave it out";
                let refusal = Refusal::new(RefusalCode::Malformed, "hold", detail);
                Judged { id, event: event.and(Err(refusal)), hold: None }
            }
        }
    }

    fn cloud_event(&self, event: Result<CloudEvent<'_>, (CompactString, Refusal)>) -> Judged {
        match event {
            Ok(event) => {
                let (id, hold) = (event.id(), event.hold());
                self.held(id, hold, event.draft(self.account))
            }
            Err((id, refusal)) => Judged { id, event: Err(refusal), hold: None },
        }
    }

    fn accept(&self, draft: EventDraft) -> Result<Incoming, Refusal> {
        self.door.judged(draft, self.received_at)
    }
}

/// The events of an array, where all of them are well formed.
fn well_formed(body: &str) -> Option<UpTo<EVENTS_MAX, EventBody<'_>>> {
    let deserializer = &mut serde_json::Deserializer::from_str(body);
    let events = UpTo::deserialize(ByName(&mut *deserializer)).ok()?;
    deserializer.end().ok()?;
    Some(events)
}

/// The id of an event that is not well formed, where it can be made out.
fn id_of(json: &str) -> CompactString {
    #[derive(Deserialize)]
    struct OnlyId {
        id: CompactString,
    }
    serde_json::from_str::<OnlyId>(json).map(|event| event.id).unwrap_or_default()
}

fn split_array(body: &str) -> Result<Vec<&RawValue>, ApiError> {
    match serde_json::from_str::<UpTo<EVENTS_MAX, &RawValue>>(body) {
        Ok(UpTo(items)) => Ok(items),
        Err(error) if is_too_many(&error) => Err(too_many()),
        Err(error) => Err(Fault::new("", &error.to_string()).into()),
    }
}

fn is_too_many(error: &serde_json::Error) -> bool {
    bounded::as_too_many(&error.to_string()).is_some()
}

fn too_many() -> ApiError {
    let detail = format!("the request has more than {EVENTS_MAX} events");
    ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", detail)
        .at("body")
        .mend("split it into smaller requests")
}

/// Says what became of each event.
fn answer(ids: Vec<(CompactString, Result<(), Refusal>)>, outcomes: Vec<Outcome>) -> EventsAnswer {
    let mut outcomes = outcomes.into_iter();
    let mut answer =
        EventsAnswer { accepted: 0, repeated: 0, refused: 0, items: Vec::with_capacity(ids.len()) };
    for (index, (id, judged)) in ids.into_iter().enumerate() {
        let outcome = match judged {
            Ok(()) => outcomes.next().unwrap_or(Outcome::Repeated),
            Err(refusal) => Outcome::Refused(refusal),
        };
        match &outcome {
            Outcome::Accepted(_) => answer.accepted += 1,
            Outcome::Repeated => answer.repeated += 1,
            Outcome::Refused(_) => answer.refused += 1,
        }
        answer.items.push(Item::new(index, id, outcome));
    }
    answer
}

impl From<AcceptError> for ApiError {
    fn from(error: AcceptError) -> Self {
        match error {
            AcceptError::QueueFull => Self::too_many(1, error.to_string())
                .mend("send the same events again after Retry-After; none was kept"),
            AcceptError::Stopping => Self::unavailable(2, error.to_string())
                .mend("send the same events again; repeats are not counted"),
            AcceptError::Interrupted => Self::unavailable(
                2,
                "the commit was interrupted by a mistake of ours, before or after it was kept",
            )
            .mend("send the same again; what was kept is known by its id and not counted twice"),
            AcceptError::Refused(refusal) => {
                Self::unprocessable(refusal.code.as_str(), refusal.detail).at(refusal.field)
            }
            AcceptError::Behind => Self::unavailable(
                5,
                "the server cannot write its history; nothing of this request was kept",
            )
            .mend("send the same events again; the server's log says what is wrong"),
            AcceptError::Store(error) if error.kind() == FailureKind::Full => Self::unavailable(
                30,
                "the disk of the server's data folder is full; nothing of this request was kept",
            )
            .mend("send the same again when somebody has made room"),
            AcceptError::Store(_) => Self::unavailable(
                5,
                "the server cannot write to its data folder; nothing of this request was kept",
            )
            .mend("send the same events again; the server's log says what is wrong"),
        }
    }
}
