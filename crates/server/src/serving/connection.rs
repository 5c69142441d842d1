//! One connection, from its first byte to its last.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{HeaderValue, Request, Response, StatusCode, header};
use bytes::Bytes;
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tower::ServiceExt;

use super::line::{Answering, Line};
use super::places::Place;
use super::watched::{Patience, Watched};

/// Bytes of a request's head, at most, and of what is read ahead of a body.
const BUFFER_BYTES: usize = 128 * 1024;
/// Headers of a request, at most.
const HEADERS_MAX: usize = 100;

/// Who is on the other side.
#[derive(Debug, Clone, Copy)]
pub enum Peer {
    /// Somebody over the network.
    Address(SocketAddr),
    /// The owner of the data folder.
    Owner,
}

/// Answers what comes over `stream`, until it ends or the server stops.
pub async fn attend<S>(
    stream: S,
    peer: Peer,
    router: Router,
    (place, patience): (Place, Patience),
    mut stopped: watch::Receiver<bool>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let line = place.line().clone();
    let own = line.clone();
    let answering = service_fn(move |request| answer(router.clone(), peer, own.clone(), request));
    let connection = http1::Builder::new()
        // The stream watches the time itself: it knows a head from an idle hour.
        .header_read_timeout(None)
        .max_headers(HEADERS_MAX)
        .max_buf_size(BUFFER_BYTES)
        .serve_connection(TokioIo::new(Watched::new(stream, place, patience)), answering)
        .with_upgrades();
    let mut connection = pin!(connection);
    let mut is_stopping = false;
    loop {
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::trace!(%error, "a connection broke off");
                }
                return;
            }
            () = line.ended() => return,
            _ = stopped.wait_for(|stop| *stop), if !is_stopping => {
                is_stopping = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}

async fn answer(
    router: Router,
    peer: Peer,
    line: Arc<Line>,
    request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    let answering = line.begin();
    let mut request = request.map(Body::new);
    if let Peer::Address(address) = peer {
        request.extensions_mut().insert(ConnectInfo(address));
    }
    request.extensions_mut().insert(line.clone());
    let mut response = router.oneshot(request).await?;
    // Every answer of ours has it, and so is told from what the library answers by itself.
    let nosniff = HeaderValue::from_static("nosniff");
    response.headers_mut().entry(header::X_CONTENT_TYPE_OPTIONS).or_insert(nosniff);
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        line.is_upgraded_now();
    }
    Ok(response.map(|body| Body::new(Answer { body, _answering: answering })))
}

/// A body, while which the request is being answered.
struct Answer {
    body: Body,
    _answering: Answering,
}

impl hyper::body::Body for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.get_mut().body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
