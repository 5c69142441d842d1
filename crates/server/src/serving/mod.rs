//! Takes connections, and lets none of them hurt the others.
//!
//! HTTP/1.1 with WebSockets. Heads and bodies that come too slowly, clients that read too slowly
//! and connections that nobody uses are ended; how many there are has bounds, in all, of one
//! address, and of those who have not said who they are. Over a bound the one that was idle for
//! the longest gives way, and where all are in use the new one is told so at once.

mod bare;
mod connection;
mod line;
mod open_files;
mod places;
mod watched;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::{Extension, Router};
use outlay_engine::tasks::{Task, Tasks};
use outlay_store::failpoint;
use tokio::net::{TcpListener, TcpStream, UnixListener};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::config::{Config, LimitsConfig};

pub use line::Line;
pub use places::{Place, Places};

use connection::{Peer, attend};
use watched::Patience;

/// How long nothing is taken after a failure of ours, such as too many open files.
const PAUSE: Duration = Duration::from_millis(100);
/// How often such a failure is logged, at most.
const LOG_ROUND: Duration = Duration::from_secs(60);

/// What is said where all places are taken, without asking what was wanted.
const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\n\
    content-type: application/json\r\n\
    retry-after: 1\r\n\
    connection: close\r\n\
    content-length: 92\r\n\r\n\
    {\"status\":503,\"code\":\"unavailable\",\"detail\":\"too many connections are open, try again soon\"}";

/// Which address a connection came in at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listening(pub SocketAddr);

/// Takes connections, for all listeners of a process.
#[derive(Clone)]
pub struct Desk {
    places: Arc<Places>,
    patience: Patience,
    stopped: watch::Receiver<bool>,
    /// Heard by every connection as long as it is open.
    open: Arc<watch::Sender<()>>,
}

/// Marks a request that came over the data folder's own socket, or from this very process.
#[derive(Debug, Clone, Copy)]
pub struct LocalTrust;

impl Desk {
    /// A desk by the settings, which raises the limit of open files first. It closes when
    /// `stopped` says so.
    pub fn open(config: &Config, stopped: watch::Receiver<bool>) -> Self {
        let files = open_files::raise();
        let places = Places::new(&config.limits, &config.server.trusted_proxies, files);
        tracing::info!(connections = places.max(), files, "connections are bounded");
        let patience = Patience::of(&config.limits);
        let open = Arc::new(watch::channel(()).0);
        Self { places: Arc::new(places), patience, stopped, open }
    }

    /// Answers what comes over TCP, until the desk closes, as a task of that name.
    pub fn tcp(
        self,
        tasks: &Tasks,
        name: &'static str,
        listener: TcpListener,
        router: Router,
    ) -> JoinHandle<()> {
        let listening = listener.local_addr().ok();
        let router = router.layer(Extension(listening.map(Listening)));
        let listener = Arc::new(listener);
        tasks.spawn(name, move |task| {
            self.clone().accept_tcp(listener.clone(), router.clone(), task)
        })
    }

    async fn accept_tcp(self, listener: Arc<TcpListener>, router: Router, task: Arc<Task>) {
        task.beat();
        let mut failures = Failures::default();
        while let Some(accepted) = self.next(listener.accept()).await {
            let (stream, peer) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    failures.pause(&error, &self.places).await;
                    continue;
                }
            };
            failpoint::hit("serving.accepted");
            task.done();
            let Some(place) = self.places.take(peer.ip()) else {
                refuse(&stream);
                continue;
            };
            let attending = attend(
                stream,
                Peer::Address(peer),
                router.clone(),
                (place, self.patience),
                self.stopped.clone(),
            );
            self.spawn(attending);
        }
        drop(listener);
        self.open.closed().await;
    }

    /// Answers what comes over the data folder's own socket, until the desk closes, as a task of
    /// that name. Its owner is trusted, and hurried by nothing.
    pub fn unix(
        self,
        tasks: &Tasks,
        name: &'static str,
        socket: UnixListener,
        router: Router,
    ) -> JoinHandle<()> {
        let router = router.layer(Extension(LocalTrust));
        let socket = Arc::new(socket);
        tasks
            .spawn(name, move |task| self.clone().accept_unix(socket.clone(), router.clone(), task))
    }

    async fn accept_unix(self, socket: Arc<UnixListener>, router: Router, task: Arc<Task>) {
        task.beat();
        let mut failures = Failures::default();
        while let Some(accepted) = self.next(socket.accept()).await {
            let stream = match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    failures.pause(&error, &self.places).await;
                    continue;
                }
            };
            task.done();
            let own = (Place::of_the_owner(), Patience::endless());
            let attending = attend(stream, Peer::Owner, router.clone(), own, self.stopped.clone());
            self.spawn(attending);
        }
        drop(socket);
        self.open.closed().await;
    }

    /// Attends to a connection, and lets nobody go home before it is closed.
    fn spawn(&self, attending: impl Future<Output = ()> + Send + 'static) {
        let until_closed = self.open.subscribe();
        tokio::spawn(async move {
            attending.await;
            drop(until_closed);
        });
    }

    /// The next connection; `None` once the desk is closed.
    async fn next<T>(&self, accepting: impl Future<Output = T>) -> Option<T> {
        let mut stopped = self.stopped.clone();
        tokio::select! {
            accepted = accepting => Some(accepted),
            _ = stopped.wait_for(|stop| *stop) => None,
        }
    }
}

/// Failures to take a connection.
#[derive(Default)]
struct Failures {
    logged_at: Option<Instant>,
}

impl Failures {
    /// Waits where trying again at once would only fail again.
    async fn pause(&mut self, error: &io::Error, places: &Places) {
        use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
        let is_theirs = [ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted];
        if is_theirs.contains(&error.kind()) {
            return;
        }
        if self.logged_at.is_none_or(|at| at.elapsed() > LOG_ROUND) {
            self.logged_at = Some(Instant::now());
            tracing::error!(%error, open = places.open(), "connections cannot be taken; trying on");
        }
        // Most often there is no file left to open: an idle connection gives its own.
        places.end_an_idle_one();
        tokio::time::sleep(PAUSE).await;
    }
}

/// Tells a client that there is no place, if that goes without waiting.
fn refuse(stream: &TcpStream) {
    // A client who is gone needs no answer.
    let _ = stream.try_write(FULL);
}

impl Patience {
    fn of(limits: &LimitsConfig) -> Self {
        let seconds = |count: u32| Some(Duration::from_secs(count.into()));
        Self {
            head: seconds(limits.head_seconds),
            idle: seconds(limits.idle_seconds),
            write: seconds(limits.write_seconds),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_client_without_a_place_gets_an_answer_of_the_length_it_says() {
        let text = std::str::from_utf8(FULL).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();

        assert!(head.contains(&format!("content-length: {}", body.len())), "{}", body.len());
        assert!(serde_json::from_str::<serde_json::Value>(body).is_ok());
    }
}
