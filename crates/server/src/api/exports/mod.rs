//! Usage in the forms of others: every event, and charges as FOCUS has them.

#![allow(unused_qualifications, reason = "what utoipa writes for `params(…)`")]

mod events;
mod focus;
mod maker;
mod schedules;
mod sink;

use std::io;
use std::ops::Range;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::stream;
use outlay_domain::usage::Fact;
use outlay_engine::exports::schedules::{Piece, Pieces};
use outlay_engine::parted::Share;
use outlay_engine::usage::questions::EXPORT_EVENTS;
use outlay_engine::usage::{Questions, UnansweredError, UsageEvents};
use tokio::sync::mpsc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::error::ApiError;
use crate::forms::usage_params::Parameters;
use crate::state::AppState;
pub use maker::Maker;
use sink::{Format, Rows};

/// Chunks that are made ahead of a slow reader.
const CHUNKS_AHEAD: usize = 1;
/// Bytes of facts that become one chunk.
const CHUNK_FACT_BYTES: usize = 512 * 1024;
/// Bytes that are sent at a time, at most.
const CHUNK_BYTES: usize = 1 << 20;

type Pairs = Result<Query<Vec<(String, String)>>, QueryRejection>;

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(events::export))
        .routes(routes!(focus::export))
        .routes(routes!(focus::metadata))
        .merge(schedules::routes())
}

/// The events that the parameters name, up to now where no end is given.
fn asked(parameters: &Parameters) -> Result<UsageEvents, ApiError> {
    let tz = parameters.tz()?;
    let (from, to) = (parameters.time("from", tz)?, parameters.time("to", tz)?);
    if let Some((from, to)) = from.zip(to)
        && from >= to
    {
        let detail = format!("from {from} is not before to {to}");
        return Err(ApiError::bad_request("malformed", "from", detail)
            .mend("ranges are half-open: give a `to` after `from`"));
    }
    let filters = parameters.filters()?;
    Ok(UsageEvents {
        from,
        to,
        filters,
        id: None,
        above: None,
        about_lacking: false,
        limit: EXPORT_EVENTS,
        after: None,
    })
}

/// Sends the rows of all events, page by page, while they are read.
///
/// However wide the rows and however slow the reader, a few megabytes are held for it: a page, and
/// the chunks of it that are on their way. The turn is given back with them, when all is sent or
/// the connection of a reader ends who took nothing for too long.
///
/// What is wrong with the question is told before the first byte; a failure after that ends the
/// answer before its end.
async fn send(
    questions: Questions,
    asked: UsageEvents,
    scope: Option<String>,
    rows: impl Rows + 'static,
    (name, format): (&str, Format),
    turn: Share,
) -> Result<Response, ApiError> {
    let pieces = begin(questions, asked, scope, rows, Some(turn)).await?;
    let disposition = format!("attachment; filename=\"{name}.{}\"", format.ending());
    let headers = [
        (header::CONTENT_TYPE, format.content_type().to_owned()),
        (header::CONTENT_DISPOSITION, disposition),
    ];
    Ok((headers, body_of(pieces)).into_response())
}

/// An answer of what comes; one that does not come to its end is broken off, and not taken for whole.
fn body_of(pieces: Pieces) -> Body {
    Body::from_stream(stream::unfold(Some(pieces), |pieces| async {
        let mut pieces = pieces?;
        match pieces.recv().await {
            Some(Ok(Piece::Bytes(bytes))) => Some((Ok(bytes), Some(pieces))),
            Some(Ok(Piece::End { .. })) => None,
            Some(Err(error)) => Some((Err(error), None)),
            None => Some((Err(io::ErrorKind::UnexpectedEof.into()), None)),
        }
    }))
}

/// Begins to make rows of all events, page by page; the first page is read already.
async fn begin(
    questions: Questions,
    asked: UsageEvents,
    scope: Option<String>,
    mut rows: impl Rows + 'static,
    turn: Option<Share>,
) -> Result<Pieces, UnansweredError> {
    let mut page = questions.events(asked.clone(), scope.as_deref()).await?;
    let (sender, pieces) = mpsc::channel::<io::Result<Piece>>(CHUNKS_AHEAD);
    tokio::spawn(async move {
        let _turn = turn;
        let mut asked = asked;
        loop {
            let next = page.next.take();
            let facts = std::mem::take(&mut page.facts);
            let oldest = facts.last().map(|fact| fact.event.occurred_at);
            rows = match send_page(rows, facts, &sender).await {
                Ok(rows) => rows,
                Err(error) => return fail(&sender, error).await,
            };
            let Some(after) = next else { break };
            // What is newer was sent, so that later pages look at older segments only.
            asked.to = oldest.map(|oldest| oldest + chrono::TimeDelta::microseconds(1));
            asked.after = Some(after);
            let answered = tokio::select! {
                answered = again(&questions, &asked, scope.as_deref()) => answered,
                () = sender.closed() => return,
            };
            page = match answered {
                Ok(page) => page,
                Err(error) => return fail(&sender, io::Error::other(error)).await,
            };
        }
        if let Err(error) = end(rows, &sender).await {
            fail(&sender, error).await;
        }
    });
    Ok(pieces)
}

/// Sends the last bytes, and that there are no more.
async fn end(
    rows: impl Rows + 'static,
    sender: &mpsc::Sender<io::Result<Piece>>,
) -> io::Result<()> {
    let ended = tokio::task::spawn_blocking(move || rows.finish()).await;
    let (bytes, rows) = ended.map_err(io::Error::other).flatten()?;
    send_bytes(bytes, sender).await?;
    let end = Piece::End { rows: Some(rows) };
    sender.send(Ok(end)).await.map_err(|_| io::ErrorKind::BrokenPipe.into())
}

/// Sends the rows of a page, some of its facts at a time; gives back what makes them.
async fn send_page<R: Rows + 'static>(
    mut rows: R,
    facts: Vec<Fact>,
    sender: &mpsc::Sender<io::Result<Piece>>,
) -> io::Result<R> {
    let facts: Arc<[Fact]> = facts.into();
    for part in parts(&facts) {
        let facts = facts.clone();
        let worked = tokio::task::spawn_blocking(move || {
            let bytes = rows.page(&facts[part]);
            (rows, bytes)
        });
        let (given_back, bytes) = worked.await.map_err(io::Error::other)?;
        rows = given_back;
        send_bytes(bytes?, sender).await?;
    }
    Ok(rows)
}

/// Parts of facts that become a chunk each.
fn parts(facts: &[Fact]) -> Vec<Range<usize>> {
    let mut parts = Vec::new();
    let (mut start, mut bytes) = (0, 0);
    for (index, fact) in facts.iter().enumerate() {
        bytes += fact.size_bytes();
        if bytes >= CHUNK_FACT_BYTES || index + 1 == facts.len() {
            parts.push(start..index + 1);
            (start, bytes) = (index + 1, 0);
        }
    }
    parts
}

/// Sends bytes, so many at a time. It is a broken pipe when nobody reads any more.
async fn send_bytes(bytes: Vec<u8>, sender: &mpsc::Sender<io::Result<Piece>>) -> io::Result<()> {
    let mut bytes = Bytes::from(bytes);
    while !bytes.is_empty() {
        let chunk = bytes.split_to(bytes.len().min(CHUNK_BYTES));
        sender.send(Ok(Piece::Bytes(chunk))).await.map_err(|_| io::ErrorKind::BrokenPipe)?;
    }
    Ok(())
}

/// The next page; busy times are waited out, because half an export is of no use.
async fn again(
    questions: &Questions,
    asked: &UsageEvents,
    scope: Option<&str>,
) -> Result<outlay_store::history::question::EventPage, UnansweredError> {
    const ATTEMPTS: usize = 5;
    let mut attempt = 1;
    loop {
        match questions.events(asked.clone(), scope).await {
            Err(UnansweredError::Busy) if attempt < ATTEMPTS => attempt += 1,
            answered => return answered,
        }
    }
}

async fn fail(sender: &mpsc::Sender<io::Result<Piece>>, error: io::Error) {
    if sender.is_closed() {
        return;
    }
    tracing::error!(%error, "an export could not be sent to its end");
    // Nobody is left to be told when the reader went away.
    let _ = sender.send(Err(error)).await;
}
