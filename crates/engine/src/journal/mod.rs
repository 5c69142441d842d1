#![doc = include_str!("README.md")]

mod act;
mod commit;
mod counters;
mod events;
mod ledgers;
mod queue;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
mod watchlist;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;

use arc_swap::ArcSwap;
use outlay_domain::prices::PriceBook;
use outlay_domain::usage::{Fact, FactKind, Refusal};
use outlay_store::dedup::Dedup;
use outlay_store::history::History;
use outlay_store::pace::Pace;
use outlay_store::sqlite::amendments::Amendment;
use outlay_store::sqlite::usage_log;
use outlay_store::{Books, StoreError, failpoint};
use parking_lot::Mutex;
use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, broadcast, oneshot, watch};

use crate::latency::Latency;
use crate::ledger::{Command, Done, LedgerError, LedgerTime};
use crate::tasks::{Task, Tasks};
use crate::writes::Writes;

pub use act::{Act, Stop};
use act::{Queued, Waiting};
use commit::{Broken, Commit, moved};
pub(crate) use counters::Counters;
pub use events::{Charged, Incoming, Outcome, Prepared};
use ledgers::Ledgers;
pub(crate) use ledgers::load_ledger;
pub use queue::Weight;
use queue::{PushError, Queue};
pub use watchlist::Watchlist;

/// What is in one commit, at most, unless one request alone has more.
const COMMIT_MAX: Weight = Weight { events: 32_768, bytes: 64 << 20 };
/// What of heavy requests is in one commit while light ones come, so that those wait some
/// milliseconds at most.
const COMMIT_BESIDE_LIGHT: Weight = Weight { events: 2_048, bytes: 256 << 10 };
/// What of one request is committed at a time, about, where more than that waits.
const PIECE_MAX: Weight = Weight { events: 1_024, bytes: 128 << 10 };
/// How many commits after a panic take one request each.
const CAREFUL_COMMITS: usize = 64;
/// Acts other than usage that may wait. They have places of their own, so that a flood of events
/// does not keep anybody from changing a budget.
const ACTS_WAITING_MAX: usize = 1_000;
/// Commands on the ledger that may wait; they have places of their own, too.
const LEDGER_WAITING_MAX: usize = 20_000;
/// What such an act weighs.
const ACT_WEIGHT: Weight = Weight { events: 1, bytes: 0 };

/// Commits that a watcher may be behind before it misses some. Their facts stay in memory.
const COMMITS_WATCHED_MAX: usize = 64;

/// How long a commit waits for a flush when the tail has grown too long. A disk that takes commits
/// and no segments slows the senders down, and does not stop them.
const FLUSH_PATIENCE: std::time::Duration = std::time::Duration::from_secs(1);

/// Why something was not taken into a commit, or the commit failed; nothing of it was kept.
#[derive(Debug, Error)]
pub enum AcceptError {
    /// More waits than the queue holds.
    #[error("too many events, or too many bytes of them, wait to be committed")]
    QueueFull,
    /// The server is stopping.
    #[error("the server is stopping")]
    Stopping,
    /// A mistake of ours ended the commit, or lately ended one and the next is about to be tried.
    #[error("the commit was interrupted")]
    Interrupted,
    /// What was to be written for kept events cannot be held; nothing of it was kept.
    #[error(transparent)]
    Refused(Refusal),
    /// The history is not written, and there is no more memory for what waits for it.
    #[error("too much waits to be written to the history")]
    Behind,
    /// The commit could not be written; nothing of it was kept.
    #[error(transparent)]
    Store(#[from] Arc<StoreError>),
}

/// What those who listen are told of when it is committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topic {
    /// An alert or a rule, for those who look at them.
    Alerts,
    /// What is watched: an alert rule or a budget, so that rules are judged anew.
    Watched,
    /// A counter of spend that was begun, for the commits that move it from then on.
    Counters,
    /// A schedule of exports, or one of its files.
    Exports,
    /// A view, or what stands on an overview.
    Views,
    /// What somebody wrote onto charts.
    Annotations,
}

/// How many topics there are.
const TOPICS: usize = 6;

/// What was committed together, for those who watch.
#[derive(Debug, Clone)]
pub struct Committed {
    /// Its number in the usage log.
    pub seq: i64,
    /// What was committed.
    pub facts: Arc<[Fact]>,
}

/// How the sender of events gets their answer.
type EventsReply = oneshot::Sender<Result<Vec<Outcome>, AcceptError>>;

/// One piece of work in the queue.
enum Piece {
    /// Events from a door.
    Events { events: Vec<Prepared>, reply: EventsReply },
    /// Facts about kept events, which were worked out already, and the trail of them.
    Amendment {
        facts: Vec<Fact>,
        trail: Vec<Amendment>,
        reply: oneshot::Sender<Result<(), AcceptError>>,
    },
    /// A command on the ledger, which needs no savepoint.
    Ledger { command: Box<Command>, reply: LedgerReply },
    /// Anything else.
    Act(Box<dyn Queued>),
}

/// How whoever asks the ledger gets their answer, and the place in which they waited.
struct LedgerReply {
    reply: oneshot::Sender<Result<Done, LedgerError>>,
    _place: OwnedSemaphorePermit,
}

impl LedgerReply {
    /// Who went away needs no answer.
    fn send(self, outcome: Result<Done, LedgerError>) {
        drop(self.reply.send(outcome));
    }
}

impl Piece {
    /// Tells whoever waits that nothing was done. Who went away needs no answer.
    fn fail(self, error: AcceptError) {
        match self {
            Self::Events { reply, .. } => drop(reply.send(Err(error))),
            Self::Amendment { reply, .. } => drop(reply.send(Err(error))),
            Self::Ledger { reply, .. } => reply.send(Err(error.into())),
            Self::Act(act) => act.fail(error),
        }
    }
}

/// Counters since the start, for the metrics.
#[derive(Debug, Default)]
pub struct CommitCounters {
    /// Events kept.
    pub accepted: AtomicU64,
    /// Events that were kept before.
    pub repeated: AtomicU64,
    /// Events with an id that another event has.
    pub conflicts: AtomicU64,
    /// Events that a door did not let in.
    pub refused: AtomicU64,
    /// Commits that could not be written; their senders were told.
    pub failures: AtomicU64,
    /// From the start of a commit to its end on disk.
    pub took: Latency,
}

/// The journal: the queue of acts, and the thread that commits them.
pub struct Journal {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    /// Set from a panic until the thread is started again.
    is_resting: AtomicBool,
    /// No account has a sum that is further from nothing, in billionths.
    largest_sum: AtomicU64,
    writes: Arc<Writes>,
    queue: Queue<Piece>,
    act_places: Arc<Semaphore>,
    ledger_places: Arc<Semaphore>,
    ledger_time: Arc<LedgerTime>,
    books: Arc<Books>,
    history: Arc<History>,
    dedup: Arc<Dedup>,
    prices: Arc<ArcSwap<PriceBook>>,
    counters: CommitCounters,
    watchers: broadcast::Sender<Committed>,
    last_seq: watch::Sender<i64>,
    /// What somebody watches.
    watchlists: Mutex<Vec<Weak<Watchlist>>>,
    topics: [watch::Sender<u64>; TOPICS],
    clock: Arc<dyn crate::Clock>,
}

/// What the thread that commits keeps from one commit to the next.
#[derive(Default)]
struct State {
    encoder: usage_log::Encoder,
    counters: Counters,
    ledgers: Ledgers,
}

/// What a commit changes.
pub struct Kept {
    /// The books.
    pub books: Arc<Books>,
    /// Every fact, in columns.
    pub history: Arc<History>,
    /// Which events came before.
    pub dedup: Arc<Dedup>,
}

impl Journal {
    /// Starts the thread that commits.
    pub fn start(
        tasks: &Tasks,
        writes: Arc<Writes>,
        Kept { books, history, dedup }: Kept,
        prices: Arc<ArcSwap<PriceBook>>,
        clock: Arc<dyn crate::Clock>,
        ledger_time: Arc<LedgerTime>,
        queue_max: Weight,
    ) -> Self {
        let shared = Arc::new(Shared {
            is_resting: AtomicBool::new(false),
            largest_sum: AtomicU64::new(u64::MAX),
            writes,
            queue: Queue::new(queue_max),
            act_places: Arc::new(Semaphore::new(ACTS_WAITING_MAX)),
            ledger_places: Arc::new(Semaphore::new(LEDGER_WAITING_MAX)),
            ledger_time,
            books,
            history,
            dedup,
            prices,
            counters: CommitCounters::default(),
            watchers: broadcast::channel(COMMITS_WATCHED_MAX).0,
            last_seq: watch::channel(0).0,
            watchlists: Mutex::default(),
            topics: std::array::from_fn(|_| watch::channel(0).0),
            clock,
        });
        let worker = shared.clone();
        let mut starts = 0;
        let thread = tasks.thread("commits", move |task| {
            starts += 1;
            worker.run(task, starts > 1);
        });
        Self { shared, thread: Mutex::new(Some(thread)) }
    }

    /// Takes events in. The answer, one outcome for each in order, comes once they are on disk.
    pub async fn accept(&self, events: Vec<Incoming>) -> Result<Vec<Outcome>, AcceptError> {
        self.accept_prepared(self.prepare(events)).await
    }

    /// Hashes and rates events, which takes a while where they are many.
    pub fn prepare(&self, events: Vec<Incoming>) -> Vec<Prepared> {
        let prices = self.shared.prices.load_full();
        let mut pace = Pace::default();
        let prepared = events.into_iter().map(|event| {
            pace.step();
            Prepared::new(event, &self.shared.dedup, &prices)
        });
        prepared.collect()
    }

    /// Takes events in that are prepared.
    pub async fn accept_prepared(
        &self,
        events: Vec<Prepared>,
    ) -> Result<Vec<Outcome>, AcceptError> {
        if events.is_empty() {
            return Ok(Vec::new());
        }
        let pieces = in_pieces(events).into_iter().map(|events| {
            let (reply, answer) = oneshot::channel();
            ((weight_of(&events), Piece::Events { events, reply }), answer)
        });
        let (pieces, answers): (Vec<_>, Vec<_>) = pieces.unzip();
        self.push(pieces)?;
        let mut outcomes = Vec::new();
        for answer in answers {
            let some = answer.await.map_err(|_| AcceptError::Interrupted)??;
            match outcomes.is_empty() {
                true => outcomes = some,
                false => outcomes.extend(some),
            }
        }
        Ok(outcomes)
    }

    /// Commits facts about kept events, which were worked out elsewhere, with the trail of them.
    /// All of them are kept or, where a sum could not be held then, none.
    pub async fn amend(&self, facts: Vec<Fact>, trail: Vec<Amendment>) -> Result<(), AcceptError> {
        let bytes = facts.iter().map(Fact::size_bytes).sum();
        let weight = Weight { events: facts.len().max(1), bytes };
        let (reply, answer) = oneshot::channel();
        self.push(vec![(weight, Piece::Amendment { facts, trail, reply })])?;
        answer.await.map_err(|_| AcceptError::Interrupted)?
    }

    /// Does `act` in a commit, after all that waits already. The answer comes once it is on disk.
    pub async fn act<A: Act>(&self, act: A) -> Result<A::Done, A::Refused> {
        let place = self.shared.act_places.clone().try_acquire_owned();
        let place = place.map_err(|_| AcceptError::QueueFull)?;
        let (reply, answer) = oneshot::channel();
        let waiting = Waiting { act: Some(act), outcome: None, reply, _place: place };
        self.push_anyway(ACT_WEIGHT, Piece::Act(Box::new(waiting)))?;
        answer.await.map_err(|_| AcceptError::Interrupted)?
    }

    /// Has the ledger do what `command` asks for, in a commit. The answer comes once it is on disk.
    pub(crate) async fn ledger(&self, command: Command) -> Result<Done, LedgerError> {
        let place = self.shared.ledger_places.clone().try_acquire_owned();
        let _place = place.map_err(|_| AcceptError::QueueFull)?;
        let (reply, answer) = oneshot::channel();
        let reply = LedgerReply { reply, _place };
        self.push_anyway(ACT_WEIGHT, Piece::Ledger { command: Box::new(command), reply })?;
        answer.await.map_err(|_| AcceptError::Interrupted)?
    }

    /// Every commit from now on, as it is done. A slow watcher misses some, and is told; until
    /// then it keeps the facts in memory, so whoever only wants to know that something was committed
    /// takes [`last_seq`](Self::last_seq).
    pub fn watch(&self) -> broadcast::Receiver<Committed> {
        self.shared.watchers.subscribe()
    }

    /// The number of the newest commit since the start, as it changes; 0 before the first.
    pub fn last_seq(&self) -> watch::Receiver<i64> {
        self.shared.last_seq.subscribe()
    }

    /// Has commits mark what they touch of `watchlist`, as long as somebody holds it.
    pub fn mark(&self, watchlist: &Arc<Watchlist>) {
        let mut watchlists = self.shared.watchlists.lock();
        watchlists.retain(|known| known.strong_count() > 0);
        watchlists.push(Arc::downgrade(watchlist));
    }

    /// Hears whenever something of `topic` was committed.
    pub fn changes(&self, topic: Topic) -> watch::Receiver<u64> {
        self.shared.topics[topic as usize].subscribe()
    }

    /// Tells of something that came about beside the commits.
    pub(crate) fn tell_of(&self, topic: Topic) {
        tell(&self.shared.topics[topic as usize]);
    }

    /// Counters since the start.
    pub fn counters(&self) -> &CommitCounters {
        &self.shared.counters
    }

    /// Events that wait.
    pub fn waiting(&self) -> usize {
        self.shared.queue.weight().events
    }

    /// Events that may wait.
    pub fn waiting_max(&self) -> usize {
        self.shared.queue.weight_max().events
    }

    /// Takes in nothing more, commits what waits, and ends the thread.
    pub fn stop(&self) {
        self.shared.queue.close();
        if let Some(thread) = self.thread.lock().take()
            && thread.join().is_err()
        {
            tracing::error!("the journal ended in a panic");
        }
        // Only what a thread left that could not go on.
        refuse_all(self.shared.queue.drain(), || AcceptError::Stopping);
    }

    fn push(&self, pieces: Vec<(Weight, Piece)>) -> Result<(), AcceptError> {
        self.is_awake()?;
        self.shared.queue.push(pieces).map_err(AcceptError::from)
    }

    fn push_anyway(&self, weight: Weight, piece: Piece) -> Result<(), AcceptError> {
        self.is_awake()?;
        self.shared.queue.push_anyway(weight, piece).map_err(AcceptError::from)
    }

    fn is_awake(&self) -> Result<(), AcceptError> {
        if self.shared.is_resting.load(Ordering::Relaxed) {
            return Err(AcceptError::Interrupted);
        }
        Ok(())
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.stop();
    }
}

impl From<PushError> for AcceptError {
    fn from(error: PushError) -> Self {
        match error {
            PushError::Full => Self::QueueFull,
            PushError::Closed => Self::Stopping,
        }
    }
}

impl Shared {
    /// Commits what comes until the queue is closed; `again` after a panic.
    fn run(&self, task: &Task, again: bool) {
        let _rest = RestOnPanic(&self.is_resting);
        self.is_resting.store(false, Ordering::Relaxed);
        if task.is_hopeless() {
            // Whoever waits has waited long, and each attempt takes longer than the one before.
            refuse_all(self.queue.drain(), || AcceptError::Interrupted);
        }
        let mut is_behind = again;
        if again {
            is_behind = self.catch_up().inspect_err(|error| task.failed(error)).is_err();
        }
        if !is_behind {
            task.beat();
        }
        // Where it cannot be read, the sums of accounts are looked up one by one.
        let largest = self.books.read_blocking(|books| books.totals().largest());
        self.largest_sum.store(largest.unwrap_or(u64::MAX), Ordering::Relaxed);
        let mut careful = if again { CAREFUL_COMMITS } else { 0 };
        let mut state = State::default();
        loop {
            let (most, beside) = match careful {
                0 => (COMMIT_MAX, COMMIT_BESIDE_LIGHT),
                _ => (Weight::default(), Weight::default()),
            };
            careful = careful.saturating_sub(1);
            let Some(pieces) = self.queue.take(most, beside) else { return };
            if is_behind && let Err(error) = self.catch_up() {
                task.failed(&error);
                self.note_failure(&error, pieces.len());
                let error = Arc::new(error);
                refuse_all(pieces, || error.clone().into());
                continue;
            }
            is_behind = false;
            if !self.history.wait_for_room(FLUSH_PATIENCE) {
                refuse_all(pieces, || AcceptError::Behind);
                continue;
            }
            self.commit(pieces, &mut state);
            task.done();
        }
    }

    /// Takes up what stands in the usage log and did not reach the keys and the tail, because the
    /// commit ended in between.
    fn catch_up(&self) -> Result<(), StoreError> {
        let last = self.history.last_appended();
        let mut counters = Counters::default();
        let mut newest = None;
        self.books.read_blocking(|books| {
            let after = match last {
                Some(seq) => seq,
                None => books.manifest().last_log_seq()?,
            };
            books.usage_log().for_each_after(after, |seq, facts| {
                tracing::warn!(
                    seq,
                    facts = facts.len(),
                    "took up what an interrupted commit had written"
                );
                self.books.moved(seq, counters.moves(books, seq, &facts)?);
                take_up(&self.history, &self.dedup, seq, facts);
                newest = Some(seq);
                Ok(())
            })
        })?;
        if let Some(seq) = newest {
            self.last_seq.send_replace(seq);
        }
        // What else the commit did is not known, so whoever listens looks again.
        self.topics.iter().for_each(tell);
        Ok(())
    }

    fn note_failure(&self, error: &StoreError, pieces: usize) {
        self.counters.failures.fetch_add(1, Ordering::Relaxed);
        tracing::error!(%error, pieces, "a commit failed; its senders were told");
    }

    /// Judges and commits all pieces in one transaction, and answers each.
    fn commit(&self, pieces: Vec<Piece>, state: &mut State) {
        failpoint::hit("commit.begun");
        let started = std::time::Instant::now();
        let largest_before = self.largest_sum.load(Ordering::Relaxed);
        let mut commit = Commit::new(pieces, self.clock.now(), largest_before);
        let believed = self.ledger_time.believed();
        state.ledgers.begin(self.ledger_time.now(), self.clock.now(), believed);
        let written =
            self.books.write_blocking(|tx| commit.write(tx, &self.dedup, &self.history, state));
        match written {
            Ok(written) => {
                if written.anything {
                    failpoint::hit("commit.written");
                    self.writes.succeeded();
                }
                self.largest_sum.fetch_max(commit.largest_sum(), Ordering::Relaxed);
                if let Some((seq, moves)) = written.logged {
                    let facts = commit.take_facts();
                    self.books.moved(seq, moves);
                    self.dedup.insert(commit.keys());
                    self.history.append(seq, facts.clone());
                    let watchlists = self.watchlists.lock().clone();
                    let watchlists = watchlists.iter().filter_map(Weak::upgrade);
                    watchlists.for_each(|watchlist| watchlist.mark(&facts));
                    self.counters.took.observe(started.elapsed());
                    // Nobody watching is no failure.
                    let _ = self.watchers.send(Committed { seq, facts });
                    self.last_seq.send_replace(seq);
                }
                for topic in commit.tells() {
                    tell(&self.topics[topic as usize]);
                }
                commit.answer(&self.counters);
            }
            Err(broken) => {
                // Those that it began are not there.
                state.counters.forget();
                state.ledgers.forget();
                let error = match broken {
                    Broken::Unjudged(error) => error,
                    Broken::Unwritten(error) => {
                        self.writes.failed(&error);
                        error
                    }
                };
                self.note_failure(&error, commit.pieces());
                commit.fail(&Arc::new(error));
            }
        }
    }
}

fn weight_of(events: &[Prepared]) -> Weight {
    events.iter().fold(Weight::default(), |sum, prepared| sum.with(prepared.weight()))
}

/// The events of one request, parted so that others need not wait until all are committed.
fn in_pieces(mut events: Vec<Prepared>) -> Vec<Vec<Prepared>> {
    let mut ends = Vec::new();
    let mut weight = Weight::default();
    for (at, prepared) in events.iter().enumerate() {
        if weight.events > 0 && !weight.with(prepared.weight()).fits(PIECE_MAX) {
            ends.push(at);
            weight = Weight::default();
        }
        weight = weight.with(prepared.weight());
    }
    let mut pieces: Vec<_> = ends.into_iter().rev().map(|end| events.split_off(end)).collect();
    pieces.push(events);
    pieces.reverse();
    pieces
}

fn tell(topic: &watch::Sender<u64>) {
    topic.send_modify(|version| *version += 1);
}

/// Has the doors refuse everything from a panic on until the thread is started again.
struct RestOnPanic<'a>(&'a AtomicBool);

impl Drop for RestOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.store(true, Ordering::Relaxed);
        }
    }
}

/// Takes a row of the usage log up in memory, once it is noted by how much it moves sums.
pub(crate) fn take_up(history: &History, dedup: &Dedup, seq: i64, facts: Vec<Fact>) {
    let usage = facts.iter().filter(|fact| fact.kind == FactKind::Usage).map(|fact| &fact.event);
    let keys: Vec<_> = usage.chain(moved(&facts)).map(|event| dedup.key_of(event)).collect();
    dedup.insert(&keys);
    history.append(seq, facts.into());
}

fn refuse_all(pieces: Vec<Piece>, error: impl Fn() -> AcceptError) {
    pieces.into_iter().for_each(|piece| piece.fail(error()));
}
