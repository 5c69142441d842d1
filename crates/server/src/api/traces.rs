//! The door for OpenTelemetry: traces over OTLP/HTTP, whose calls to models become usage events.

use std::sync::atomic::Ordering;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use chrono::{DateTime, Utc};
use compact_str::CompactString;
use outlay_domain::usage::{EventDraft, Refusal, RefusalCode};
use outlay_engine::usage::{Incoming, Outcome, Prepared, UsageDoor};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::Scoped;
use crate::error::ApiError;
use crate::forms::otlp::{Answer, Encoding, Rejected, RpcStatus, Traces, TracesSchema};
use crate::shares::Packing;
use crate::state::AppState;

/// Where exporters send traces, whose endpoint is the server's address.
const TRACES: &str = "/v1/traces";
/// Where they send what is not read here.
const OTHERS: [&str; 2] = ["/v1/metrics", "/v1/logs"];

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(export_traces))
}

/// Takes traces in, as OpenTelemetry's exporters send them.
///
/// The body is an `ExportTraceServiceRequest` in protobuf (`application/x-protobuf`) or in OTLP's JSON
/// (`application/json`). It may be compressed (`Content-Encoding: gzip` or `zstd`) and has at most
/// 32 MiB when it is not.
///
/// Spans that are calls to a model (`gen_ai.operation.name` is `chat`, `text_completion`,
/// `generate_content` or `embeddings`) become usage events, priced as any other. Others are accepted
/// and passed over: agents, chains and tools, too, because they repeat what the calls within used. A
/// span that is sent again is counted once. When the answer comes, the events are on disk.
///
/// Spans that cannot be kept are counted in `partialSuccess`, and harm no other. The status is 200
/// then, too.
#[utoipa::path(post, path = "/v1/traces", operation_id = "send_traces", tag = "usage",
    request_body(content(
        (TracesSchema = "application/json"),
        (Vec<u8> = "application/x-protobuf"),
    )),
    responses(
        (status = 200, content((Answer = "application/json"), (Vec<u8> = "application/x-protobuf"))),
        (status = 400, description = "The body is not what its type says", body = RpcStatus),
        (status = 401, body = RpcStatus), (status = 403, body = RpcStatus),
        (status = 413, description = "Too many bytes or calls", body = RpcStatus),
        (status = 415, body = RpcStatus),
        (status = 429, description = "Too much waits to be written", body = RpcStatus),
        (status = 503, description = "The disk takes no writes, or the body came too slowly", body = RpcStatus),
    ))]
async fn export_traces(
    State(state): State<AppState>,
    caller: Scoped,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let door = state.outlay.usage_door(&*caller)?;
    let encoding = Encoding::of(&headers)?;
    let packing = Packing::of(&headers)?;
    let max = state.config.ingest.body_bytes;
    let body = state.shares.read(caller.user.as_str(), body, max).await?;
    let body = state.shares.unpack(caller.user.as_str(), body, packing, max).await?;
    let (own, who) = (state.clone(), caller.clone());
    let judged = state.shares.work(caller.user.as_str(), body.len(), move || {
        let traces = Traces::read(&body, encoding, &who.account, max)?;
        Ok::<_, ApiError>(Judgement::of(traces, &door, &own))
    });
    let Judgement { ids, events, mut rejected } = judged.await??;
    let counters = state.outlay.journal.counters();
    counters.refused.fetch_add(rejected.count, Ordering::Relaxed);
    let outcomes = state.outlay.journal.accept_prepared(events).await?;
    for (id, outcome) in ids.iter().zip(outcomes) {
        if let Outcome::Refused(refusal) = outcome {
            rejected.add(span_of(id), &refusal);
        }
    }
    Ok(Answer::of(&rejected).send(encoding))
}

/// The events that may go in, with their ids, and what may not.
struct Judgement {
    ids: Vec<CompactString>,
    events: Vec<Prepared>,
    rejected: Rejected,
}

impl Judgement {
    fn of(traces: Traces<'_>, door: &UsageDoor, state: &AppState) -> Self {
        let received_at = state.outlay.clock.now();
        let mut rejected = traces.rejected;
        let mut ids = Vec::with_capacity(traces.drafts.len());
        let mut events = Vec::with_capacity(traces.drafts.len());
        for draft in traces.drafts {
            let id = draft.id.clone();
            match judge(draft, door, received_at) {
                Ok(event) => {
                    events.push(event);
                    ids.push(id);
                }
                Err(refusal) => rejected.add(span_of(&id), &refusal),
            }
        }
        Self { ids, events: state.outlay.journal.prepare(events), rejected }
    }
}

/// The event of a draft; a refusal of its account names the attribute that says it.
fn judge(
    draft: EventDraft,
    door: &UsageDoor,
    received_at: DateTime<Utc>,
) -> Result<Incoming, Refusal> {
    door.judged(draft, received_at).map_err(|refusal| match refusal.code {
        RefusalCode::Forbidden => Refusal { field: "outlay.account".into(), ..refusal },
        _ => refusal,
    })
}

/// The span of an event's id.
fn span_of(id: &str) -> &str {
    id.rsplit_once('-').map_or(id, |(_, span)| span)
}

/// Answers exporters in their own words, whoever refuses them: the guard and the router do not know
/// what they speak.
pub fn speak(router: Router) -> Router {
    Router::new().fallback_service(router).layer(from_fn(translate))
}

async fn translate(request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let is_other = OTHERS.contains(&path);
    if path != TRACES && !is_other {
        return next.run(request).await;
    }
    let encoding = Encoding::of(request.headers()).unwrap_or(Encoding::Json);
    let mut response = next.run(request).await;
    let Some(mut error) = response.extensions_mut().remove::<ApiError>() else { return response };
    if is_other && error.status == StatusCode::NOT_FOUND {
        error.detail = "usage is read from traces only".into();
        error.remedy = Some(
            "set OTEL_METRICS_EXPORTER and OTEL_LOGS_EXPORTER to none, or send traces alone here \
             by OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
                .into(),
        );
    }
    // Exporters let go of what is refused so, although it could come through another time.
    if error.status == StatusCode::REQUEST_TIMEOUT {
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    let told = RpcStatus::of(&error).send(response.status(), encoding);
    let (mut parts, _) = response.into_parts();
    for name in [header::CONTENT_TYPE, header::CONTENT_LENGTH, header::TRANSFER_ENCODING] {
        parts.headers.remove(name);
    }
    let (shape, body) = told.into_parts();
    parts.headers.extend(shape.headers);
    Response::from_parts(parts, body)
}
