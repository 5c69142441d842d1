//! The committer: the one writer of usage.
//!
//! Doors put events into a bounded queue. The committer takes all that has gathered, refuses
//! repeats, and in one transaction appends the batch to the usage log, posts the charges to the
//! accounts and runs whatever else must stand or fall with it. One fsync, then everyone who
//! waited gets their answer. While one batch goes to the disk the next one gathers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;

use arc_swap::ArcSwap;
use chrono::{DateTime, Utc};
use compact_str::CompactString;
use hashbrown::HashMap;
use outlay_domain::Amount;
use outlay_domain::pricing::PriceBook;
use outlay_domain::usage::{Charge, Fact, FactKind, Refusal, RefusalCode, UsageEvent};
use outlay_store::dedup::{Dedup, EventKey, Seen};
use outlay_store::history::History;
use outlay_store::sqlite::ledger::{self, Charged};
use outlay_store::sqlite::usage_log;
use outlay_store::{Books, StoreError};
use parking_lot::Mutex;
use rusqlite::Transaction;
use thiserror::Error;
use tokio::sync::{broadcast, oneshot, watch};

use super::queue::{PushError, Queue, Weight};
use crate::latency::Latency;

/// Events in one commit, at most, unless one request alone has more.
const COMMIT_EVENTS_MAX: usize = 32_768;
/// Bytes of events in one commit, at most, unless one request alone has more.
const COMMIT_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Batches that a watcher may be behind before it misses some. Their facts stay in memory.
const BATCHES_WATCHED_MAX: usize = 64;

/// How long a commit waits for a flush when the tail has grown too long. A disk that takes commits
/// and no segments slows the senders down, and does not stop them.
const FLUSH_PATIENCE: std::time::Duration = std::time::Duration::from_secs(1);

/// What became of one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Kept, counted and charged.
    Accepted(Charge),
    /// Kept before; nothing changed.
    Repeated,
    /// Not kept.
    Refused(Refusal),
}

/// Why a batch as a whole was not taken.
#[derive(Debug, Error)]
pub enum AcceptError {
    /// More waits than the queue holds.
    #[error("too many events, or too many bytes of them, wait to be committed")]
    QueueFull,
    /// The server is stopping.
    #[error("the server is stopping")]
    Stopping,
    /// The batch could not be written; nothing of it was kept.
    #[error(transparent)]
    Store(#[from] Arc<StoreError>),
}

/// A batch that was committed, for those who watch.
#[derive(Debug, Clone)]
pub struct Committed {
    /// Its number in the usage log.
    pub seq: i64,
    /// What was committed.
    pub facts: Arc<[Fact]>,
}

/// What must stand or fall with a batch of facts.
pub type Rider = Box<dyn FnOnce(&Transaction<'_>) -> Result<(), StoreError> + Send>;

/// How the sender of events gets their answer.
type EventsReply = oneshot::Sender<Result<Vec<Outcome>, AcceptError>>;

/// One piece of work in the queue.
enum Piece {
    /// Events from a door.
    Events { events: Vec<Prepared>, reply: EventsReply },
    /// Facts that were worked out already, e.g. adjustments; no repeats are looked for.
    Facts { facts: Vec<Fact>, rider: Rider, reply: oneshot::Sender<Result<(), AcceptError>> },
}

/// An event as a door hands it over.
#[derive(Debug, Clone)]
pub struct Incoming {
    /// The event.
    pub event: UsageEvent,
    /// Whether the sender said when it occurred. Where not, the time of receipt stands in for it,
    /// and the same event sent again is a repeat although it then bears another time.
    pub time_stated: bool,
}

impl Incoming {
    fn key(&mut self) -> EventKey {
        if self.time_stated {
            return EventKey::of(&self.event);
        }
        let occurred_at = std::mem::take(&mut self.event.occurred_at);
        let key = EventKey::of(&self.event);
        self.event.occurred_at = occurred_at;
        key
    }
}

/// An event, hashed and rated before it waits, so that the committer has less to do.
#[derive(Debug)]
pub struct Prepared {
    event: UsageEvent,
    time_stated: bool,
    key: EventKey,
    charge: Charge,
    bytes: usize,
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
    /// Batches that could not be written; their senders were told.
    pub failures: AtomicU64,
    /// From the start of a commit to its end on disk.
    pub took: Latency,
}

/// The committer and its queue.
pub struct Committer {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    queue: Queue<Piece>,
    books: Arc<Books>,
    history: Arc<History>,
    dedup: Arc<Dedup>,
    prices: Arc<ArcSwap<PriceBook>>,
    counters: CommitCounters,
    watchers: broadcast::Sender<Committed>,
    last_seq: watch::Sender<i64>,
    clock: Arc<dyn crate::Clock>,
}

impl Committer {
    /// Starts the thread that commits.
    pub fn start(
        books: Arc<Books>,
        history: Arc<History>,
        dedup: Arc<Dedup>,
        prices: Arc<ArcSwap<PriceBook>>,
        clock: Arc<dyn crate::Clock>,
        queue_max: Weight,
    ) -> Self {
        let shared = Arc::new(Shared {
            queue: Queue::new(queue_max),
            books,
            history,
            dedup,
            prices,
            counters: CommitCounters::default(),
            watchers: broadcast::channel(BATCHES_WATCHED_MAX).0,
            last_seq: watch::channel(0).0,
            clock,
        });
        let worker = shared.clone();
        let thread = std::thread::Builder::new()
            .name("committer".into())
            .spawn(move || worker.run())
            .unwrap_or_else(|error| panic!("a thread cannot be started: {error}"));
        Self { shared, thread: Mutex::new(Some(thread)) }
    }

    /// Takes events in. The answer, one outcome for each in order, comes once they are on disk.
    pub async fn accept(&self, events: Vec<Incoming>) -> Result<Vec<Outcome>, AcceptError> {
        self.accept_prepared(self.prepare(events)).await
    }

    /// Hashes and rates events, which takes a while where they are many.
    pub fn prepare(&self, events: Vec<Incoming>) -> Vec<Prepared> {
        let prices = self.shared.prices.load_full();
        let prepared = events.into_iter().map(|mut incoming| Prepared {
            key: incoming.key(),
            charge: prices.rate(&incoming.event),
            bytes: incoming.event.size_bytes(),
            event: incoming.event,
            time_stated: incoming.time_stated,
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
        let bytes = events.iter().map(|prepared| prepared.bytes).sum();
        let (reply, answer) = oneshot::channel();
        self.push(Weight { events: events.len(), bytes }, Piece::Events { events, reply })?;
        answer.await.map_err(|_| AcceptError::Stopping)?
    }

    /// Commits facts that were worked out elsewhere, together with what `rider` writes.
    pub async fn commit_facts(&self, facts: Vec<Fact>, rider: Rider) -> Result<(), AcceptError> {
        let (reply, answer) = oneshot::channel();
        let bytes = facts.iter().map(|fact| fact.event.size_bytes()).sum();
        let weight = Weight { events: facts.len().max(1), bytes };
        self.push(weight, Piece::Facts { facts, rider, reply })?;
        answer.await.map_err(|_| AcceptError::Stopping)?
    }

    /// Every batch from now on, as it is committed. A slow watcher misses some, and is told; until
    /// then it keeps the facts in memory, so whoever only wants to know that something was committed
    /// takes [`last_seq`](Self::last_seq).
    pub fn watch(&self) -> broadcast::Receiver<Committed> {
        self.shared.watchers.subscribe()
    }

    /// The number of the newest batch since the start, as it changes; 0 before the first.
    pub fn last_seq(&self) -> watch::Receiver<i64> {
        self.shared.last_seq.subscribe()
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
            tracing::error!("the committer ended in a panic");
        }
    }

    fn push(&self, weight: Weight, piece: Piece) -> Result<(), AcceptError> {
        self.shared.queue.push(weight, piece).map_err(|error| match error {
            PushError::Full => AcceptError::QueueFull,
            PushError::Closed => AcceptError::Stopping,
        })
    }
}

impl Drop for Committer {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Shared {
    fn run(&self) {
        let mut encoder = usage_log::Encoder::default();
        let most = Weight { events: COMMIT_EVENTS_MAX, bytes: COMMIT_BYTES_MAX };
        while let Some(pieces) = self.queue.take(most) {
            self.history.wait_for_room(FLUSH_PATIENCE);
            self.commit(pieces, &mut encoder);
        }
    }

    /// Commits all pieces in one transaction and answers each.
    fn commit(&self, pieces: Vec<Piece>, encoder: &mut usage_log::Encoder) {
        let started = std::time::Instant::now();
        let received_at = self.clock.now();
        let mut batch = match Batch::gather(pieces, received_at, &self.dedup, &self.history) {
            Ok(batch) => batch,
            Err((pieces, error)) => {
                self.counters.failures.fetch_add(1, Ordering::Relaxed);
                return refuse_all(pieces, &Arc::new(error));
            }
        };
        if batch.is_empty() {
            return batch.answer(&self.counters);
        }
        match self.write(&mut batch, received_at, encoder) {
            Ok(seq) => {
                let facts: Arc<[Fact]> = std::mem::take(&mut batch.facts).into();
                self.dedup.insert(&batch.keys);
                self.history.append(seq, facts.clone());
                self.counters.took.observe(started.elapsed());
                // Nobody watching is no failure.
                let _ = self.watchers.send(Committed { seq, facts });
                self.last_seq.send_replace(seq);
                batch.answer(&self.counters);
            }
            Err(error) => {
                self.counters.failures.fetch_add(1, Ordering::Relaxed);
                tracing::error!(%error, events = batch.facts.len(), "a batch could not be committed; its senders were told");
                batch.fail(&Arc::new(error));
            }
        }
    }

    fn write(
        &self,
        batch: &mut Batch,
        received_at: DateTime<Utc>,
        encoder: &mut usage_log::Encoder,
    ) -> Result<i64, StoreError> {
        let body = encoder.encode(&batch.facts)?;
        let charged = batch.charged()?;
        let riders = std::mem::take(&mut batch.riders);
        self.books.write(|tx| {
            let seq = usage_log::append(tx, received_at, batch.facts.len(), &body)?;
            for (account, charged) in &charged {
                ledger::post(tx, account, *charged, received_at)?;
            }
            for rider in riders {
                rider(tx)?;
            }
            Ok(seq)
        })
    }
}

fn refuse_all(pieces: Vec<Piece>, error: &Arc<StoreError>) {
    tracing::error!(%error, "a batch could not be judged; its senders were told");
    for piece in pieces {
        // A sender who went away needs no answer, here and below.
        match piece {
            Piece::Events { reply, .. } => drop(reply.send(Err(error.clone().into()))),
            Piece::Facts { reply, .. } => drop(reply.send(Err(error.clone().into()))),
        }
    }
}

/// What is committed together, and who waits for it.
struct Batch {
    facts: Vec<Fact>,
    keys: Vec<EventKey>,
    riders: Vec<Rider>,
    events: Vec<(Vec<Outcome>, EventsReply)>,
    others: Vec<oneshot::Sender<Result<(), AcceptError>>>,
}

impl Batch {
    fn gather(
        pieces: Vec<Piece>,
        received_at: DateTime<Utc>,
        dedup: &Dedup,
        history: &History,
    ) -> Result<Self, (Vec<Piece>, StoreError)> {
        let keys: Vec<EventKey> = pieces
            .iter()
            .filter_map(|piece| match piece {
                Piece::Events { events, .. } => Some(events),
                Piece::Facts { .. } => None,
            })
            .flatten()
            .map(|prepared| prepared.key)
            .collect();
        let seen = match dedup.check(&keys) {
            Ok(seen) => seen,
            Err(error) => return Err((pieces, error)),
        };
        let known = match same_ids(&pieces, &seen, history) {
            Ok(known) => known,
            Err(error) => return Err((pieces, error)),
        };

        let mut batch = Self {
            facts: Vec::with_capacity(keys.len()),
            keys: Vec::with_capacity(keys.len()),
            riders: Vec::new(),
            events: Vec::new(),
            others: Vec::new(),
        };
        let mut here: HashMap<u64, (usize, u64)> = HashMap::with_capacity(keys.len());
        let mut seen = seen.into_iter();
        for piece in pieces {
            match piece {
                Piece::Facts { facts, rider, reply } => {
                    batch.facts.extend(facts);
                    batch.riders.push(rider);
                    batch.others.push(reply);
                }
                Piece::Events { events, reply } => {
                    let mut outcomes = Vec::with_capacity(events.len());
                    for prepared in events {
                        let seen = seen.next().unwrap_or(Seen::New);
                        outcomes.push(batch.judge(prepared, seen, &known, &mut here, received_at));
                    }
                    batch.events.push((outcomes, reply));
                }
            }
        }
        Ok(batch)
    }

    /// Says what becomes of one event, and keeps it if it is new.
    fn judge(
        &mut self,
        prepared: Prepared,
        seen: Seen,
        known: &Known,
        here: &mut HashMap<u64, (usize, u64)>,
        received_at: DateTime<Utc>,
    ) -> Outcome {
        let Prepared { event, time_stated, key, charge, bytes: _ } = prepared;
        match seen {
            Seen::Same => return Outcome::Repeated,
            Seen::Differs => {
                // Without an event under that id, two ids share a hash, and this one is new.
                if let Some(original) = known.get(&(event.source.clone(), event.id.clone())) {
                    return compare(original, &event, time_stated);
                }
            }
            Seen::New => {}
        }
        if let Some(&(at, body)) = here.get(&key.id) {
            let original = &self.facts[at].event;
            if original.id == event.id && original.source == event.source {
                return if body == key.body {
                    Outcome::Repeated
                } else {
                    compare(original, &event, time_stated)
                };
            }
        }
        here.insert(key.id, (self.facts.len(), key.body));
        self.keys.push(key);
        self.facts.push(Fact { kind: FactKind::Usage, received_at, event, charge: charge.clone() });
        Outcome::Accepted(charge)
    }

    fn is_empty(&self) -> bool {
        self.facts.is_empty() && self.riders.is_empty()
    }

    /// What the batch adds to each account.
    fn charged(&self) -> Result<HashMap<CompactString, Charged>, StoreError> {
        let mut accounts: HashMap<CompactString, Charged> = HashMap::new();
        for fact in &self.facts {
            let charged = accounts.entry_ref(fact.event.account.as_str()).or_default();
            let amount = fact.charge.amount.unwrap_or(Amount::ZERO);
            charged.amount =
                charged.amount.checked_add(amount).ok_or_else(|| StoreError::Damaged {
                    what: format!("the sum of account `{}`", fact.event.account),
                    how: "it leaves the range of amounts".into(),
                })?;
            charged.events += fact.kind.event_count();
            charged.unpriced += i64::from(fact.charge.unpriced);
        }
        Ok(accounts)
    }

    fn answer(self, counters: &CommitCounters) {
        for (outcomes, reply) in self.events {
            for outcome in &outcomes {
                let counter = match outcome {
                    Outcome::Accepted(_) => &counters.accepted,
                    Outcome::Repeated => &counters.repeated,
                    Outcome::Refused(_) => &counters.conflicts,
                };
                counter.fetch_add(1, Ordering::Relaxed);
            }
            drop(reply.send(Ok(outcomes)));
        }
        for reply in self.others {
            drop(reply.send(Ok(())));
        }
    }

    fn fail(self, error: &Arc<StoreError>) {
        for (_, reply) in self.events {
            drop(reply.send(Err(error.clone().into())));
        }
        for reply in self.others {
            drop(reply.send(Err(error.clone().into())));
        }
    }
}

/// Events under ids that came again with another body.
type Known = HashMap<(CompactString, CompactString), UsageEvent>;

/// Looks up the events under the ids that the index has with another body.
fn same_ids(pieces: &[Piece], seen: &[Seen], history: &History) -> Result<Known, StoreError> {
    let events = pieces.iter().flat_map(|piece| match piece {
        Piece::Events { events, .. } => events.as_slice(),
        Piece::Facts { .. } => &[],
    });
    let wanted: Vec<(CompactString, CompactString)> = events
        .zip(seen)
        .filter(|(_, seen)| **seen == Seen::Differs)
        .map(|(prepared, _)| (prepared.event.source.clone(), prepared.event.id.clone()))
        .collect();
    if wanted.is_empty() {
        return Ok(Known::new());
    }
    let found = history.find(&wanted)?;
    let originals = found.into_iter().filter(|fact| fact.kind == FactKind::Usage);
    Ok(originals
        .map(|fact| ((fact.event.source.clone(), fact.event.id.clone()), fact.event))
        .collect())
}

/// A repeat when the two are equal, a conflict that names the first field that differs when not.
///
/// A time that the sender did not state is not compared.
fn compare(original: &UsageEvent, again: &UsageEvent, time_stated: bool) -> Outcome {
    match first_difference(original, again, time_stated) {
        None => Outcome::Repeated,
        Some(field) => Outcome::Refused(Refusal::new(
            RefusalCode::Conflict,
            field,
            format!(
                "an event with id `{}` of source `{}` was kept before, and its `{field}` is another; \
                 send a correction to change it, or another id for another event",
                again.id, again.source
            ),
        )),
    }
}

/// The first field in which two events under one id differ.
fn first_difference(a: &UsageEvent, b: &UsageEvent, time_stated: bool) -> Option<&'static str> {
    let fields = [
        ("occurred_at", !time_stated || a.occurred_at == b.occurred_at),
        ("account", a.account == b.account),
        ("subject", a.subject == b.subject),
        ("provider", a.provider == b.provider),
        ("model", a.model == b.model),
        ("operation", a.operation == b.operation),
        ("service", a.service == b.service),
        ("status", a.status == b.status),
        ("duration_ms", a.duration_us == b.duration_us),
        ("quantities", a.quantities == b.quantities),
        ("dimensions", a.dimensions == b.dimensions),
        ("tags", a.tags == b.tags),
        ("cost", a.stated_cost == b.stated_cost),
        ("metadata", a.metadata == b.metadata),
    ];
    fields.into_iter().find(|(_, same)| !same).map(|(field, _)| field)
}
