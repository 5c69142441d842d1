//! Live updates: what is committed reaches the open pages, over Socket.IO.
//!
//! A socket is authenticated like any request. Admins and viewers hear of everything, members of
//! their own account. Commits are gathered for a moment, so that a page hears ten times a second
//! at most, however much comes in.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use outlay_domain::people::{self, Act};
use outlay_domain::usage::Fact;
use outlay_engine::Outlay;
use outlay_engine::people::{IdentifyError, People};
use outlay_engine::tasks::Task;
use serde::Serialize;
use socketioxide::SocketIo;
use socketioxide::extract::SocketRef;
use socketioxide::layer::SocketIoLayer;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};

use crate::api::event_row::EventRow;
use crate::auth::Entered;
use crate::metrics::Metrics;
use crate::state::AppState;

/// The least time between two updates.
const PERIOD: Duration = Duration::from_millis(100);
/// Events in one update, at most; a page asks for more if it wants more.
const EVENTS_MAX: usize = 20;
/// How often sockets are looked at for what ends by itself, such as a token's time.
const RECHECK_PERIOD: Duration = Duration::from_secs(60);
/// The room of those who hear of everything.
const EVERYTHING: &str = "everything";

/// Something was committed.
#[derive(Debug, Serialize)]
struct UsageUpdate<'a> {
    /// The number of the newest batch in it.
    version: i64,
    /// How many facts were committed since the last update.
    accepted: usize,
    /// The newest of them, newest first.
    events: &'a [EventRow],
}

/// The layer that answers under `/socket.io/`, and the task that feeds it.
pub fn start(state: &AppState) -> SocketIoLayer {
    let (layer, io) = SocketIo::builder().max_payload(64 * 1024).build_layer();
    let metrics = state.metrics.clone();
    io.ns("/", async move |socket: SocketRef| welcome(&socket, &metrics));
    start_tasks(&io, state);
    layer
}

/// Starts what feeds the sockets.
fn start_tasks(io: &SocketIo, state: &AppState) {
    let tasks = &state.outlay.tasks;
    let (own, people, changes) =
        (io.clone(), Arc::downgrade(&state.people), state.people.changes());
    tasks.spawn("live.people", move |task| {
        recheck_all(own.clone(), people.clone(), changes.clone(), task)
    });
    let (own, changes) = (io.clone(), state.alerts.changes());
    tasks.spawn("live.alerts", move |task| tell_of_alerts(own.clone(), changes.clone(), task));
    let (own, outlay) = (io.clone(), Arc::downgrade(&state.outlay));
    tasks.spawn("live.usage", move |task| feed(own.clone(), outlay.clone(), task));
}

/// Lets a socket hear what its caller may see; one without a caller hears nothing.
fn welcome(socket: &SocketRef, metrics: &Arc<Metrics>) {
    let Some(Entered { caller, .. }) = socket.req_parts().extensions.get() else {
        // A socket that is gone already needs no good-bye.
        let _ = socket.clone().disconnect();
        return;
    };
    socket.join(room(caller));
    metrics.socket_opened();
    let metrics = metrics.clone();
    socket.on_disconnect(async move || metrics.socket_closed());
}

/// Where what the caller may see is told.
fn room(caller: &people::Caller) -> String {
    match caller.scope() {
        None => EVERYTHING.to_owned(),
        Some(account) => format!("account:{account}"),
    }
}

/// Looks at every socket's caller again when anything about people changes, and every minute for
/// what ends by itself. Who may hear of something else now, hears of that; who may not come in any
/// more is sent away.
async fn recheck_all(
    io: SocketIo,
    people: Weak<People>,
    mut changes: watch::Receiver<u64>,
    task: Arc<Task>,
) {
    task.beat();
    loop {
        // Nobody is left to change anything when this ends in an error.
        if let Ok(Err(_)) = timeout(RECHECK_PERIOD, changes.changed()).await {
            return;
        }
        let Some(people) = people.upgrade() else { return };
        for socket in io.sockets() {
            recheck(&socket, &people).await;
        }
        task.done();
    }
}

async fn recheck(socket: &SocketRef, people: &People) {
    let Some(Entered { caller, .. }) = socket.req_parts().extensions.get() else { return };
    let now = people.recheck(caller).await;
    match now.map(|caller| caller.may(Act::SeeUsage).map(|()| room(&caller))) {
        Ok(Ok(room)) if socket.rooms().iter().any(|joined| *joined == room) => {}
        Ok(Ok(room)) => {
            socket.leave_all();
            socket.join(room);
        }
        // The books cannot be read: a failure of ours is no reason to send anybody away.
        Err(IdentifyError::Store(_)) => {}
        Ok(Err(_)) | Err(_) => {
            // A socket that is gone already needs no good-bye.
            let _ = socket.clone().disconnect();
        }
    }
}

/// Tells those who hear of everything that alerts or their rules changed; they ask for them again.
async fn tell_of_alerts(io: SocketIo, mut changes: watch::Receiver<u64>, task: Arc<Task>) {
    task.beat();
    while changes.changed().await.is_ok() {
        let version = *changes.borrow_and_update();
        if let Err(error) = io.to(EVERYTHING).emit("alerts", &version).await {
            tracing::debug!(%error, "news of alerts did not reach everybody");
        }
        task.done();
    }
}

/// What gathered for one room.
#[derive(Default)]
struct Gathered {
    accepted: usize,
    events: Vec<EventRow>,
}

impl Gathered {
    /// Adds facts, which are newer than those that are there.
    fn add<'a>(&mut self, facts: impl DoubleEndedIterator<Item = &'a Fact> + Clone) {
        self.accepted += facts.clone().count();
        let newest = facts.rev().take(EVENTS_MAX).map(EventRow::from);
        self.events.splice(0..0, newest);
        self.events.truncate(EVENTS_MAX);
    }
}

/// Tells of what is committed, until the folder is closed.
async fn feed(io: SocketIo, outlay: Weak<Outlay>, task: Arc<Task>) {
    let Some(mut commits) = outlay.upgrade().map(|outlay| outlay.commits.watch()) else { return };
    task.beat();
    let mut last = Instant::now() - PERIOD;
    loop {
        let mut rooms: BTreeMap<String, Gathered> = BTreeMap::new();
        let mut version = 0;
        // Waits for the first batch, then takes what else comes until the period is over.
        let mut next = Some(commits.recv().await);
        while let Some(received) = next.take() {
            match received {
                Ok(committed) => {
                    version = committed.seq;
                    gather(&io, &mut rooms, &committed.facts).await;
                }
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            }
            tokio::select! {
                biased;
                () = sleep_until(last + PERIOD) => {}
                received = commits.recv() => next = Some(received),
            }
        }
        last = Instant::now();
        for (room, gathered) in rooms {
            let update =
                UsageUpdate { version, accepted: gathered.accepted, events: &gathered.events };
            if let Err(error) = io.to(room.clone()).emit("usage", &update).await {
                tracing::debug!(%error, %room, "a live update did not reach everybody");
            }
        }
        task.done();
    }
}

/// Sorts facts into the rooms that somebody is in.
async fn gather(io: &SocketIo, rooms: &mut BTreeMap<String, Gathered>, facts: &[Fact]) {
    let Ok(open) = io.rooms().await;
    for room in open {
        if room == EVERYTHING {
            rooms.entry(room.into_owned()).or_default().add(facts.iter());
        } else if let Some(account) = room.strip_prefix("account:") {
            let own = facts.iter().filter(|fact| fact.event.account == account);
            if own.clone().next().is_some() {
                rooms.entry(room.to_string()).or_default().add(own);
            }
        }
    }
}
