//! Corrections, deletions and erasures of kept events.

use axum::extract::State;
use axum::http::StatusCode;
use compact_str::CompactString;
use outlay_domain::usage::{EventName, ID_BYTES_MAX, Refusal, RefusalCode};
use outlay_engine::usage::Incoming;
use outlay_engine::usage::amend::{AMENDED_EVENTS_MAX, Amended, AmendmentError, AskedEvent};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::{Caller, Scoped};
use crate::bounded::UpTo;
use crate::error::ApiError;
use crate::extract::Json;
use crate::forms::event_body::EventBody;
use crate::forms::event_schema::EventSchema;
use crate::forms::words::AmendedOutcome;
use crate::state::AppState;

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(correct)).routes(routes!(delete)).routes(routes!(erase))
}

/// Events that are right now, under the ids of those that were wrong.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CorrectionsBody {
    /// Why; it stands in the trail.
    #[schema(min_length = 1, max_length = 1000, example = "the model was misread")]
    reason: String,
    /// The events as they should have been, whole, at most 1,000. `account`, `source` and `id` name
    /// the ones that they replace. Who sees every account may leave the account out, which then
    /// stays, or say another, where the event is to go, as long as one account has such an event.
    #[schema(value_type = Vec<EventSchema>, max_items = 1000)]
    events: UpTo<AMENDED_EVENTS_MAX, Box<RawValue>>,
}

/// Events to take back.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct DeletionsBody {
    /// Why; it stands in the trail.
    #[schema(min_length = 1, max_length = 1000, example = "sent by a test")]
    reason: String,
    /// The events, at most 1,000.
    #[schema(value_type = Vec<EventNameBody>, max_items = 1000)]
    events: UpTo<AMENDED_EVENTS_MAX, EventNameBody>,
}

/// What names an event.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct EventNameBody {
    /// Whose it is; needed where several accounts have an event of that source and id.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    account: Option<CompactString>,
    /// Who sent it.
    #[serde(default = "default_source")]
    #[schema(value_type = String, default = "api")]
    source: CompactString,
    /// Their id for it.
    #[schema(value_type = String, min_length = 1)]
    id: CompactString,
}

fn default_source() -> CompactString {
    crate::forms::event_body::DEFAULT_SOURCE
}

/// What became of each event.
#[derive(Debug, Serialize, ToSchema)]
struct AmendmentsAnswer {
    /// How many were amended.
    amended: usize,
    /// How many were not.
    refused: usize,
    /// One for each event, in the order of the request.
    items: Vec<AmendedItem>,
}

/// What became of one event.
#[derive(Debug, Serialize, ToSchema)]
struct AmendedItem {
    /// Who sent the event.
    source: String,
    /// Their id for it.
    id: String,
    /// What became of it.
    outcome: AmendedOutcome,
    /// What it is charged from now on, or what was given back, with a minus.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    amount: Option<String>,
    /// Why it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    detail: Option<String>,
}

/// Puts right what was sent wrong.
///
/// The kept event is taken back by a reversal and the new one stands in its place; both are facts
/// of their own, dated now, and the trail says who did it and why. Sums and balances change at
/// once. The event is rated by the prices of its own time.
#[utoipa::path(post, path = "/api/v1/events/corrections", operation_id = "correct_events",
    tag = "usage",
    request_body = CorrectionsBody,
    responses((status = 200, body = AmendmentsAnswer), (status = 400, body = ApiError),
        (status = 401, body = ApiError), (status = 403, body = ApiError),
        (status = 409, body = ApiError, description = "several accounts have such an event"),
        (status = 422, body = ApiError)))]
async fn correct(
    State(state): State<AppState>,
    caller: Scoped,
    Json(body): Json<CorrectionsBody>,
) -> Result<Json<AmendmentsAnswer>, ApiError> {
    let amendments = state.outlay.amendments(&*caller, &body.reason)?;
    check_count(body.events.0.len())?;
    let received_at = state.outlay.clock.now();
    let mut events: Vec<Incoming> = Vec::with_capacity(body.events.0.len());
    let mut asked = Vec::with_capacity(body.events.0.len());
    for (index, json) in body.events.0.iter().enumerate() {
        let (account, incoming) = EventBody::parse(json.get())
            .and_then(without_hold)
            .and_then(|event| Ok((event.account(), event.draft(&caller.account)?)))
            .and_then(|(account, draft)| {
                let time_stated = draft.occurred_at.is_some();
                Ok((account, Incoming { event: draft.accept(received_at)?, time_stated }))
            })
            .map_err(|refusal| refused(index, &refusal))?;
        let (source, id) = (incoming.event.source.clone(), incoming.event.id.clone());
        asked.push(AskedEvent { account, source, id });
        events.push(incoming);
    }
    Ok(Json(answer(amendments.correct(asked, events).await?)))
}

/// Takes back what should not have been sent.
///
/// A reversal is written for each event; the event itself stays in the history, so that it can be
/// seen what was taken back, by whom and why. To remove a person's data, see erasures.
#[utoipa::path(post, path = "/api/v1/events/deletions", operation_id = "delete_events",
    tag = "usage",
    request_body = DeletionsBody,
    responses((status = 200, body = AmendmentsAnswer), (status = 400, body = ApiError),
        (status = 401, body = ApiError), (status = 403, body = ApiError),
        (status = 409, body = ApiError, description = "several accounts have such an event"),
        (status = 422, body = ApiError)))]
async fn delete(
    State(state): State<AppState>,
    caller: Scoped,
    Json(body): Json<DeletionsBody>,
) -> Result<Json<AmendmentsAnswer>, ApiError> {
    let amendments = state.outlay.amendments(&*caller, &body.reason)?;
    check_count(body.events.0.len())?;
    let asked = body.events.0.into_iter().map(|EventNameBody { account, source, id }| AskedEvent {
        account: account.filter(|account| !account.is_empty()),
        source,
        id,
    });
    let asked: Vec<AskedEvent> = asked.collect();
    if let Some(index) = asked
        .iter()
        .position(|name| name.id.is_empty() || name.source.len().max(name.id.len()) > ID_BYTES_MAX)
    {
        return Err(ApiError::bad_request(
            "malformed",
            format!("events[{index}]"),
            format!("a source and an id have 1 to {ID_BYTES_MAX} bytes"),
        ));
    }
    Ok(Json(answer(amendments.delete(asked).await?)))
}

/// A person to take out of the history.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ErasureBody {
    /// Why; it stands in the trail.
    #[schema(min_length = 1, max_length = 1000, example = "asked to be forgotten")]
    reason: String,
    /// The subject of the events.
    #[schema(value_type = String, min_length = 1, max_length = 256)]
    subject: CompactString,
}

/// What an erasure did.
#[derive(Debug, Serialize, ToSchema)]
struct ErasureAnswer {
    /// How many kept facts named the subject.
    facts: u64,
}

/// Takes a person out of the history.
///
/// In every fact of the subject the subject, the tags and the metadata are removed from the files
/// themselves; amounts and counts stay, so that books and bills still agree. The trail keeps a
/// hash of the subject, not the name.
#[utoipa::path(post, path = "/api/v1/erasures", operation_id = "erase_subject", tag = "usage",
    request_body = ErasureBody,
    responses((status = 200, body = ErasureAnswer), (status = 400, body = ApiError),
        (status = 401, body = ApiError), (status = 403, body = ApiError)))]
async fn erase(
    State(state): State<AppState>,
    caller: Caller,
    Json(body): Json<ErasureBody>,
) -> Result<Json<ErasureAnswer>, ApiError> {
    let amendments = state.outlay.amendments(&*caller, &body.reason)?;
    if body.subject.is_empty() {
        return Err(ApiError::bad_request("missing", "subject", "must not be empty"));
    }
    let facts = amendments.erase(body.subject).await.map_err(|error| not_finished(error.into()))?;
    Ok(Json(ErasureAnswer { facts }))
}

/// An erasure is many writes, so where one fails those before it stand.
fn not_finished(mut error: ApiError) -> ApiError {
    if error.status == StatusCode::SERVICE_UNAVAILABLE {
        error.detail = format!("the erasure is not finished: {}", error.detail);
        error.detail = error.detail.replace("; nothing of this request was kept", "");
        return error.mend("send the same again: it goes on where it stopped");
    }
    error
}

/// Refuses a hold: it ended with the event that is corrected, or was never its own.
fn without_hold(event: EventBody<'_>) -> Result<EventBody<'_>, Refusal> {
    match event.hold() {
        None => Ok(event),
        Some(_) => {
            let detail = "belongs to an event when it is sent; leave it out of a correction, which \
                          charges or gives back the difference";
            Err(Refusal::new(RefusalCode::Unknown, "hold", detail))
        }
    }
}

fn check_count(events: usize) -> Result<(), ApiError> {
    match events {
        1..=AMENDED_EVENTS_MAX => Ok(()),
        _ => Err(ApiError::bad_request(
            "out_of_range",
            "events",
            format!("{events} events given, 1 to {AMENDED_EVENTS_MAX} are taken"),
        )),
    }
}

fn refused(index: usize, refusal: &Refusal) -> ApiError {
    let field = match refusal.field.as_str() {
        "" => format!("events[{index}]"),
        field => format!("events[{index}].{field}"),
    };
    ApiError::unprocessable(refusal.code.as_str(), refusal.detail.clone()).at(field)
}

fn answer(amended: Vec<(EventName, Amended)>) -> AmendmentsAnswer {
    let items: Vec<_> = amended
        .into_iter()
        .map(|(EventName { source, id, .. }, outcome)| {
            let (outcome, amount, detail) = match outcome {
                Ok(charge) => {
                    (AmendedOutcome::Amended, charge.amount.map(|amount| amount.to_string()), None)
                }
                Err(error) => (AmendedOutcome::Refused, None, Some(error.to_string())),
            };
            AmendedItem { source: source.into(), id: id.into(), outcome, amount, detail }
        })
        .collect();
    let amended = items.iter().filter(|item| item.outcome == AmendedOutcome::Amended).count();
    AmendmentsAnswer { amended, refused: items.len() - amended, items }
}

impl From<AmendmentError> for ApiError {
    fn from(error: AmendmentError) -> Self {
        let detail = error.to_string();
        match error {
            AmendmentError::Ambiguous { index, .. } => Self::conflict(detail)
                .at(format!("events[{index}].account"))
                .mend("say whose event is meant with `account`"),
            AmendmentError::Denied(error) => error.into(),
            AmendmentError::Reason => Self::bad_request("missing", "reason", detail),
            AmendmentError::Accept(error) => error.into(),
            AmendmentError::Store(error) => error.into(),
        }
    }
}
