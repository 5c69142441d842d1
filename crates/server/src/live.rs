//! Live updates: what is committed reaches the open pages, over Socket.IO.
//!
//! A socket is authenticated like any request. Admins and viewers hear of everything, members of
//! their own account, as long as their credential counts. That views, budgets or other things that people
//! keep were changed is told without what they say: pages ask for it as far as they may. Commits are gathered for a moment, so that
//! a page hears ten times a second at most, however much comes in.

pub mod ties;

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use axum::Router;
use axum::http::Extensions;
use axum::middleware::from_fn_with_state;
use chrono::{DateTime, Utc};
use outlay_domain::people::{self, Act};
use outlay_domain::usage::Fact;
use outlay_engine::Outlay;
use outlay_engine::journal::Topic;
use outlay_engine::people::{IdentifyError, People};
use outlay_engine::tasks::Task;
use outlay_store::StoreError;
use serde::Serialize;
use socketioxide::SocketIo;
use socketioxide::extract::SocketRef;
use socketioxide::layer::SocketIoLayer;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, sleep_until};

use crate::auth::Entered;
use crate::forms::event_row::EventRow;
use crate::metrics::Metrics;
use crate::state::AppState;
use ties::{Owner, Ties};

/// The least time between two updates.
const PERIOD: Duration = Duration::from_millis(100);
/// Events in one update, at most; a page asks for more if it wants more.
const EVENTS_MAX: usize = 20;
/// How often all sockets are checked, whatever the clocks say.
const RECHECK_PERIOD: Duration = Duration::from_secs(60);
/// The room of those who hear of everything.
const EVERYTHING: &str = "everything";
/// The room of all who were welcomed, and not sent away since.
const EVERYBODY: &str = "everybody";

/// That something of a kind changed, without what it is: pages ask for it if it concerns them.
#[derive(Clone, Copy)]
struct News {
    task: &'static str,
    event: &'static str,
    topic: Topic,
    to: Hearers,
}

/// Who is told.
#[derive(Clone, Copy)]
enum Hearers {
    /// Those who see every account.
    OfEverything,
    /// Everybody who is welcome.
    Everybody,
}

impl News {
    const fn new(task: &'static str, event: &'static str, topic: Topic, to: Hearers) -> Self {
        Self { task, event, topic, to }
    }
}

const NEWS: [News; 5] = [
    News::new("live.alerts", "alerts", Topic::Alerts, Hearers::OfEverything),
    News::new("live.watched", "watched", Topic::Watched, Hearers::Everybody),
    News::new("live.views", "views", Topic::Views, Hearers::Everybody),
    News::new("live.annotations", "annotations", Topic::Annotations, Hearers::Everybody),
    News::new("live.exports", "exports", Topic::Exports, Hearers::OfEverything),
];

/// Something was committed.
#[derive(Debug, Serialize)]
struct UsageUpdate<'a> {
    /// The number of the newest commit in it.
    version: i64,
    /// How many facts were committed since the last update.
    accepted: usize,
    /// The newest of them, newest first.
    events: &'a [EventRow],
}

/// Live updates, as a part of a router.
#[derive(Clone)]
pub struct Live {
    layer: SocketIoLayer,
    ties: Arc<Ties>,
}

impl Live {
    /// What `layer` answers, to each `owner` of a connection alone.
    pub fn new(layer: SocketIoLayer, owner: fn(&Extensions) -> Option<Owner>) -> Self {
        Self { layer, ties: Ties::new(owner) }
    }

    /// Puts them before `router`. Whoever asks must be known already.
    pub fn before(self, router: Router<AppState>) -> Router<AppState> {
        router.layer(self.layer).layer(from_fn_with_state(self.ties, ties::hold))
    }
}

/// What answers under `/socket.io/`, and the tasks that feed it.
pub fn start(state: &AppState) -> Live {
    let (layer, io) = SocketIo::builder().max_payload(64 * 1024).build_layer();
    let watch = Watch { people: Arc::downgrade(&state.people), ends: Arc::default() };
    let (metrics, own) = (state.metrics.clone(), watch.clone());
    io.ns("/", async move |socket: SocketRef| welcome(&socket, &own, &metrics).await);
    start_tasks(&io, state, &watch);
    let owner = |extensions: &Extensions| {
        extensions.get().map(|entered: &Entered| Owner::from(&entered.caller))
    };
    Live::new(layer, owner)
}

/// Starts what feeds the sockets.
fn start_tasks(io: &SocketIo, state: &AppState, watch: &Watch) {
    let tasks = &state.outlay.tasks;
    let (own, watch, changes) = (io.clone(), watch.clone(), state.people.changes());
    tasks.spawn("live.people", move |task| {
        recheck_all(own.clone(), watch.clone(), changes.clone(), task)
    });
    for news in NEWS {
        let (own, changes) = (io.clone(), state.outlay.journal.changes(news.topic));
        tasks.spawn(news.task, move |task| tell(own.clone(), news, changes.clone(), task));
    }
    let (own, outlay) = (io.clone(), Arc::downgrade(&state.outlay));
    tasks.spawn("live.usage", move |task| feed(own.clone(), outlay.clone(), task));
}

/// What sockets are checked with.
#[derive(Clone)]
struct Watch {
    people: Weak<People>,
    /// Told when there is a socket whose caller's time ends by itself.
    ends: Arc<Notify>,
}

/// When the time of a socket's caller ends, as far as that is known.
#[derive(Debug, Clone, Copy)]
struct Until(DateTime<Utc>);

fn until(socket: &SocketRef) -> Option<DateTime<Utc>> {
    socket.extensions.get().map(|Until(until)| until)
}

/// Lets a socket hear what its caller may see; one without a caller hears nothing.
///
/// The caller is checked once more: a connection that is open can be welcomed again at any time,
/// also after it was sent away.
async fn welcome(socket: &SocketRef, watch: &Watch, metrics: &Arc<Metrics>) {
    let Some(Entered { caller, .. }) = socket.req_parts().extensions.get() else {
        part(socket);
        return;
    };
    metrics.socket_opened();
    let own = metrics.clone();
    socket.on_disconnect(async move || own.socket_closed());
    let Some(people) = watch.people.upgrade() else { return };
    let mut changes = people.changes();
    loop {
        changes.mark_unchanged();
        if recheck(socket, &people).await.is_err() {
            // They were let in a moment ago, and that the books cannot be read is a failure of ours.
            socket.join([room(caller), EVERYBODY.to_owned()]);
        }
        // What was read before a change must not be what counts after it.
        if !changes.has_changed().unwrap_or(false) {
            break;
        }
    }
    if until(socket).is_some() {
        watch.ends.notify_one();
    }
}

/// Sends a socket away.
pub fn part(socket: &SocketRef) {
    // One that does not read what it was told cannot be told this either, and hears no more of it.
    if socket.clone().disconnect().is_err() {
        socket.leave_all();
    }
}

/// Where what the caller may see is told.
fn room(caller: &people::Caller) -> String {
    match caller.scope() {
        None => EVERYTHING.to_owned(),
        Some(account) => format!("account:{account}"),
    }
}

/// Looks at every socket's caller again when anything about people changes, and every minute; and
/// at those whose time is over when it is. Who may hear of something else now, hears of that; who
/// may not come in any more is sent away.
async fn recheck_all(
    io: SocketIo,
    watch: Watch,
    mut changes: watch::Receiver<u64>,
    task: Arc<Task>,
) {
    task.beat();
    let mut next_round = Instant::now() + RECHECK_PERIOD;
    loop {
        let Some(first_end) = first_end(&io, &watch) else { return };
        let is_round = tokio::select! {
            // Nobody is left to change anything when this ends in an error.
            changed = changes.changed() => match changed {
                Ok(()) => true,
                Err(_) => return,
            },
            () = sleep_until(next_round) => true,
            () = sleep(first_end) => false,
            () = watch.ends.notified() => continue,
        };
        if is_round {
            next_round = Instant::now() + RECHECK_PERIOD;
        }
        let Some(people) = watch.people.upgrade() else { return };
        let now = people.now();
        let sockets = io.sockets().into_iter();
        for socket in
            sockets.filter(|socket| is_round || until(socket).is_some_and(|end| end <= now))
        {
            // What cannot be judged now is judged in the next round.
            let _ = recheck(&socket, &people).await;
        }
        task.done();
    }
}

/// How long it is until the first of all callers' times ends, or a round; nothing once the folder
/// is closed.
fn first_end(io: &SocketIo, watch: &Watch) -> Option<Duration> {
    let now = watch.people.upgrade()?.now();
    let first = io.sockets().iter().filter_map(until).min();
    let left = first.map(|end| (end - now).to_std().unwrap_or_default());
    Some(left.unwrap_or(RECHECK_PERIOD).min(RECHECK_PERIOD))
}

/// Looks at a socket's caller again; an error where the books cannot be read.
async fn recheck(socket: &SocketRef, people: &People) -> Result<(), StoreError> {
    let Some(Entered { caller, .. }) = socket.req_parts().extensions.get() else { return Ok(()) };
    // What is over is checked once, and not for ever.
    socket.extensions.remove::<Until>();
    let standing = match people.recheck(caller).await {
        Ok(standing) if standing.caller.may(Act::SeeUsage).is_ok() => standing,
        // A failure of ours is no reason to send anybody away.
        Err(IdentifyError::Store(error)) => return Err(error),
        Ok(_) | Err(_) => {
            part(socket);
            return Ok(());
        }
    };
    if let Some(until) = standing.until {
        socket.extensions.insert(Until(until));
    }
    let room = room(&standing.caller);
    if !socket.rooms().iter().any(|joined| *joined == room) {
        socket.leave_all();
        socket.join([room, EVERYBODY.to_owned()]);
    }
    Ok(())
}

/// Tells that something of a kind changed; whoever may see it asks for it again.
async fn tell(io: SocketIo, news: News, mut changes: watch::Receiver<u64>, task: Arc<Task>) {
    task.beat();
    while changes.changed().await.is_ok() {
        let version = *changes.borrow_and_update();
        let told = match news.to {
            Hearers::OfEverything => io.to(EVERYTHING).emit(news.event, &version).await,
            Hearers::Everybody => io.to(EVERYBODY).emit(news.event, &version).await,
        };
        if let Err(error) = told {
            tracing::debug!(%error, event = news.event, "news did not reach everybody");
        }
        task.done();
        // Many changes at once are told of once.
        sleep(PERIOD).await;
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
    let Some(mut commits) = outlay.upgrade().map(|outlay| outlay.journal.watch()) else { return };
    task.beat();
    let mut last = Instant::now() - PERIOD;
    loop {
        let mut rooms: BTreeMap<String, Gathered> = BTreeMap::new();
        let mut version = 0;
        // Waits for the first commit, then takes what else comes until the period is over.
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
