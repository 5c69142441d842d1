//! The committer: the one writer of usage.
//!
//! Doors put events into a bounded queue. The committer takes all that has gathered, refuses
//! repeats, and in one transaction appends the batch to the usage log, posts the charges to the
//! accounts and runs whatever else must stand or fall with it. One fsync, then everyone who
//! waited gets their answer. While one batch goes to the disk the next one gathers.
//!
//! An event is judged by itself: one that cannot be kept is refused and its neighbours are not.
//! Where a commit ends in a panic, those who waited for it are answered, the next commits take one
//! request each, so that the one with the panic in it stands alone, and what had reached the log
//! before the panic is taken up from there.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;

use arc_swap::ArcSwap;
use chrono::{DateTime, Utc};
use compact_str::CompactString;
use hashbrown::HashMap;
use outlay_domain::Amount;
use outlay_domain::pricing::PriceBook;
use outlay_domain::usage::{
    Charge, EVENT_AMOUNT_MAX, EventName, Fact, FactKind, Refusal, RefusalCode, UsageEvent,
};
use outlay_store::dedup::{Dedup, EventKey, Seen};
use outlay_store::history::History;
use outlay_store::sqlite::totals::Charged;
use outlay_store::sqlite::usage_log;
use outlay_store::{Books, StoreError, Tx, failpoint};
use parking_lot::Mutex;
use thiserror::Error;
use tokio::sync::{broadcast, oneshot, watch};

use super::queue::{PushError, Queue, Weight};
use crate::latency::Latency;
use crate::tasks::{Task, Tasks};
use crate::writes::Writes;

/// What is in one commit, at most, unless one request alone has more.
const COMMIT_MAX: Weight = Weight { events: 32_768, bytes: 64 << 20 };
/// How many commits after a panic take one request each.
const CAREFUL_COMMITS: usize = 64;

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
    /// A mistake of ours ended the commit, or lately ended one and the next is about to be tried.
    #[error("the commit was interrupted")]
    Interrupted,
    /// What was to be written for kept events cannot be held; nothing of it was kept.
    #[error(transparent)]
    Refused(Refusal),
    /// The history is not written, and there is no more memory for what waits for it.
    #[error("too much waits to be written to the history")]
    Behind,
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
pub type Rider = Box<dyn FnOnce(&Tx<'_>) -> Result<(), StoreError> + Send>;

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
    /// The key by which it is remembered, and the one by which runs of before know it.
    fn keys(&mut self, dedup: &Dedup) -> (EventKey, Option<EventKey>) {
        if self.time_stated {
            return (dedup.key_of(&self.event), dedup.older_key_of(&self.event));
        }
        let occurred_at = std::mem::take(&mut self.event.occurred_at);
        let keys = (dedup.key_of(&self.event), dedup.older_key_of(&self.event));
        self.event.occurred_at = occurred_at;
        keys
    }
}

/// An event, hashed and rated before it waits, so that the committer has less to do.
#[derive(Debug)]
pub struct Prepared {
    event: UsageEvent,
    time_stated: bool,
    key: EventKey,
    /// Nothing once all runs of before are over.
    older_key: Option<EventKey>,
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
    /// Set from a panic until the committer is started again.
    is_resting: AtomicBool,
    /// No account has a sum that is further from nothing, in billionths.
    largest_sum: AtomicU64,
    writes: Arc<Writes>,
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

/// What a commit changes.
pub struct Kept {
    /// The books.
    pub books: Arc<Books>,
    /// Every fact, in columns.
    pub history: Arc<History>,
    /// Which events came before.
    pub dedup: Arc<Dedup>,
}

impl Committer {
    /// Starts the thread that commits.
    pub fn start(
        tasks: &Tasks,
        writes: Arc<Writes>,
        Kept { books, history, dedup }: Kept,
        prices: Arc<ArcSwap<PriceBook>>,
        clock: Arc<dyn crate::Clock>,
        queue_max: Weight,
    ) -> Self {
        let shared = Arc::new(Shared {
            is_resting: AtomicBool::new(false),
            largest_sum: AtomicU64::new(u64::MAX),
            writes,
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
        let prepared = events.into_iter().map(|mut incoming| {
            let (key, older_key) = incoming.keys(&self.shared.dedup);
            Prepared {
                key,
                older_key,
                charge: prices.rate(&incoming.event),
                bytes: incoming.event.size_bytes(),
                event: incoming.event,
                time_stated: incoming.time_stated,
            }
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
        answer.await.map_err(|_| AcceptError::Interrupted)?
    }

    /// Commits facts that were worked out elsewhere, together with what `rider` writes.
    pub async fn commit_facts(&self, facts: Vec<Fact>, rider: Rider) -> Result<(), AcceptError> {
        let bytes = facts.iter().map(Fact::size_bytes).sum();
        let weight = Weight { events: facts.len().max(1), bytes };
        let (reply, answer) = oneshot::channel();
        self.push(weight, Piece::Facts { facts, rider, reply })?;
        answer.await.map_err(|_| AcceptError::Interrupted)?
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
        // Only what a committer left that could not go on.
        refuse_all(self.shared.queue.drain(), || AcceptError::Stopping);
    }

    fn push(&self, weight: Weight, piece: Piece) -> Result<(), AcceptError> {
        if self.shared.is_resting.load(Ordering::Relaxed) {
            return Err(AcceptError::Interrupted);
        }
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
        let largest =
            self.books.read_blocking(|books| books.totals().largest()).unwrap_or(u64::MAX);
        self.largest_sum.store(largest, Ordering::Relaxed);
        let mut careful = if again { CAREFUL_COMMITS } else { 0 };
        let mut encoder = usage_log::Encoder::default();
        loop {
            let most = if careful > 0 { Weight::default() } else { COMMIT_MAX };
            careful = careful.saturating_sub(1);
            let Some(pieces) = self.queue.take(most) else { return };
            if is_behind && let Err(error) = self.catch_up() {
                task.failed(&error);
                self.fail_all(pieces, error);
                continue;
            }
            is_behind = false;
            if !self.history.wait_for_room(FLUSH_PATIENCE) {
                refuse_all(pieces, || AcceptError::Behind);
                continue;
            }
            self.commit(pieces, &mut encoder);
            task.done();
        }
    }

    /// Takes up what stands in the usage log and did not reach the keys and the tail, because the
    /// commit ended in between.
    fn catch_up(&self) -> Result<(), StoreError> {
        let last = self.history.last_appended();
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
                    "took up a batch that an interrupted commit had written"
                );
                take_up(&self.history, &self.dedup, seq, facts);
                newest = Some(seq);
                Ok(())
            })
        })?;
        if let Some(seq) = newest {
            self.last_seq.send_replace(seq);
        }
        Ok(())
    }

    fn fail_all(&self, pieces: Vec<Piece>, error: StoreError) {
        self.counters.failures.fetch_add(1, Ordering::Relaxed);
        tracing::error!(%error, "a batch could not be judged; its senders were told");
        let error = Arc::new(error);
        refuse_all(pieces, || error.clone().into());
    }

    /// Commits all pieces in one transaction and answers each.
    fn commit(&self, pieces: Vec<Piece>, encoder: &mut usage_log::Encoder) {
        failpoint::hit("commit.begun");
        let started = std::time::Instant::now();
        let received_at = self.clock.now();
        let sums = Sums::new(&self.books, self.largest_sum.load(Ordering::Relaxed));
        let mut batch = match Batch::gather(pieces, received_at, &self.dedup, &self.history, sums) {
            Ok(batch) => batch,
            Err((pieces, error)) => return self.fail_all(pieces, error),
        };
        if batch.is_empty() {
            return batch.answer(&self.counters);
        }
        match self.write(&mut batch, received_at, encoder) {
            Ok(seq) => {
                failpoint::hit("commit.written");
                self.writes.succeeded();
                self.largest_sum.fetch_max(batch.sums.largest(), Ordering::Relaxed);
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
                self.writes.failed(&error);
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
        let riders = std::mem::take(&mut batch.riders);
        self.books.write_blocking(|tx| {
            let seq = tx.usage_log().append(received_at, batch.facts.len(), &body)?;
            for (account, charged) in &batch.sums.charged {
                tx.totals().post(account, *charged, received_at)?;
            }
            for rider in riders {
                rider(tx)?;
            }
            Ok(seq)
        })
    }
}

/// Has the doors refuse events from a panic on until the committer is started again.
struct RestOnPanic<'a>(&'a AtomicBool);

impl Drop for RestOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.store(true, Ordering::Relaxed);
        }
    }
}

/// Takes a batch of the usage log up in memory.
pub(crate) fn take_up(history: &History, dedup: &Dedup, seq: i64, facts: Vec<Fact>) {
    let usage = facts.iter().filter(|fact| fact.kind == FactKind::Usage).map(|fact| &fact.event);
    let keys: Vec<_> = usage.chain(moved(&facts)).map(|event| dedup.key_of(event)).collect();
    dedup.insert(&keys);
    history.append(seq, facts.into());
}

fn refuse_all(pieces: Vec<Piece>, error: impl Fn() -> AcceptError) {
    for piece in pieces {
        // A sender who went away needs no answer, here and below.
        match piece {
            Piece::Events { reply, .. } => drop(reply.send(Err(error()))),
            Piece::Facts { reply, .. } => drop(reply.send(Err(error()))),
        }
    }
}

/// What is committed together, and who waits for it.
struct Batch<'a> {
    sums: Sums<'a>,
    facts: Vec<Fact>,
    keys: Vec<EventKey>,
    riders: Vec<Rider>,
    events: Vec<(Vec<Outcome>, EventsReply)>,
    others: Vec<oneshot::Sender<Result<(), AcceptError>>>,
}

impl<'a> Batch<'a> {
    fn gather(
        pieces: Vec<Piece>,
        received_at: DateTime<Utc>,
        dedup: &Dedup,
        history: &History,
        sums: Sums<'a>,
    ) -> Result<Self, (Vec<Piece>, StoreError)> {
        let prepared = || {
            pieces.iter().flat_map(|piece| match piece {
                Piece::Events { events, .. } => events.as_slice(),
                Piece::Facts { .. } => &[],
            })
        };
        let keys: Vec<EventKey> = prepared().map(|prepared| prepared.key).collect();
        let older: Option<Vec<EventKey>> = prepared().map(|prepared| prepared.older_key).collect();
        let seen = match dedup.check_also_older(&keys, older.as_deref()) {
            Ok(seen) => seen,
            Err(error) => return Err((pieces, error)),
        };
        let known = match same_ids(&pieces, &seen, history) {
            Ok(known) => known,
            Err(error) => return Err((pieces, error)),
        };

        let mut batch = Self {
            sums,
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
                Piece::Facts { facts, rider, reply } => match batch.sums.add_all(&facts) {
                    Ok(()) => {
                        batch.keys.extend(moved(&facts).map(|event| dedup.key_of(event)));
                        batch.facts.extend(facts);
                        batch.riders.push(rider);
                        batch.others.push(reply);
                    }
                    // A sender who went away needs no answer.
                    Err(error) => drop(reply.send(Err(error))),
                },
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
        let Prepared { event, time_stated, key, charge, .. } = prepared;
        match seen {
            Seen::Same => return Outcome::Repeated,
            Seen::Differs => {
                // Without an event under that id, two ids share a hash, and this one is new.
                if let Some(original) = known.get(&event.name()) {
                    return compare(original, &event, time_stated);
                }
            }
            Seen::New => {}
        }
        if let Some(&(at, body)) = here.get(&key.id) {
            let original = &self.facts[at].event;
            if original.name() == event.name() {
                return if body == key.body {
                    Outcome::Repeated
                } else {
                    compare(original, &event, time_stated)
                };
            }
        }
        if let Err(refusal) = self.sums.add(&event.account, FactKind::Usage, &charge) {
            return Outcome::Refused(refusal);
        }
        here.insert(key.id, (self.facts.len(), key.body));
        self.keys.push(key);
        self.facts.push(Fact { kind: FactKind::Usage, received_at, event, charge: charge.clone() });
        Outcome::Accepted(charge)
    }

    fn is_empty(&self) -> bool {
        self.facts.is_empty() && self.riders.is_empty()
    }

    fn answer(self, counters: &CommitCounters) {
        for (outcomes, reply) in self.events {
            for outcome in &outcomes {
                let counter = match outcome {
                    Outcome::Accepted(_) => &counters.accepted,
                    Outcome::Repeated => &counters.repeated,
                    Outcome::Refused(refusal) if refusal.code == RefusalCode::Conflict => {
                        &counters.conflicts
                    }
                    Outcome::Refused(_) => &counters.refused,
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

/// What a batch adds to each account, none of which leaves the range of amounts.
struct Sums<'a> {
    books: &'a Books,
    /// No account had a sum that is further from nothing, in billionths.
    largest_before: u64,
    charged: HashMap<CompactString, Charged>,
    /// What accounts had before, where it was looked up.
    before: HashMap<CompactString, i64>,
}

impl<'a> Sums<'a> {
    fn new(books: &'a Books, largest_before: u64) -> Self {
        Self { books, largest_before, charged: HashMap::new(), before: HashMap::new() }
    }

    /// Adds a fact, unless the sum of its account could not be held then.
    fn add(&mut self, account: &str, kind: FactKind, charge: &Charge) -> Result<(), Refusal> {
        let amount = charge.amount.unwrap_or(Amount::ZERO);
        if kind == FactKind::Usage && amount > EVENT_AMOUNT_MAX {
            let detail = format!(
                "the event would be charged {amount}, and one event {EVENT_AMOUNT_MAX} at most; \
                 check its quantities and its price"
            );
            return Err(Refusal::new(RefusalCode::OutOfRange, "quantities", detail));
        }
        let charged = self.charged.get(account).copied().unwrap_or_default();
        let sum = charged.amount.checked_add(amount).filter(|sum| self.fits(account, *sum));
        let Some(sum) = sum else {
            let detail = format!(
                "the charges of account `{account}` would leave the range of amounts, about 9.2 \
                 billion; check the costs that were sent to it, and correct or delete what is wrong"
            );
            return Err(Refusal::new(RefusalCode::OutOfRange, "account", detail));
        };
        let charged = self.charged.entry_ref(account).or_default();
        charged.amount = sum;
        charged.events += kind.event_count();
        charged.unpriced += i64::from(charge.unpriced);
        Ok(())
    }

    /// Adds facts that stand or fall together.
    fn add_all(&mut self, facts: &[Fact]) -> Result<(), AcceptError> {
        let before = self.charged.clone();
        for fact in facts {
            if let Err(refusal) = self.add(&fact.event.account, fact.kind, &fact.charge) {
                self.charged = before;
                return Err(AcceptError::Refused(refusal));
            }
        }
        Ok(())
    }

    /// Whether the account can hold `sum` more. Its own sum is looked up only where the largest one
    /// of all leaves that open.
    fn fits(&mut self, account: &str, sum: Amount) -> bool {
        let surely = self.largest_before.checked_add(sum.nanos().unsigned_abs());
        if surely.is_some_and(|surely| surely <= i64::MAX.unsigned_abs()) {
            return true;
        }
        let before = match self.before.get(account) {
            Some(before) => *before,
            None => {
                let found = self.books.read_blocking(|books| books.totals().charged(account));
                // Where it cannot be read, the commit will fail for that and say so.
                let before = found.map_or(0, |found| found.amount.nanos());
                self.before.insert(account.into(), before);
                before
            }
        };
        before.checked_add(sum.nanos()).is_some()
    }

    /// How far from nothing any sum of an account may be now.
    fn largest(&self) -> u64 {
        let sums = self.charged.values().map(|charged| charged.amount.nanos().unsigned_abs());
        self.largest_before.saturating_add(sums.max().unwrap_or_default())
    }
}

/// Events under names that came again with another body.
type Known = HashMap<EventName, UsageEvent>;

/// Looks up the events under the ids that the index has with another body.
fn same_ids(pieces: &[Piece], seen: &[Seen], history: &History) -> Result<Known, StoreError> {
    let events = pieces.iter().flat_map(|piece| match piece {
        Piece::Events { events, .. } => events.as_slice(),
        Piece::Facts { .. } => &[],
    });
    let wanted: Vec<EventName> = events
        .zip(seen)
        .filter(|(_, seen)| **seen == Seen::Differs)
        .map(|(prepared, _)| prepared.event.name())
        .collect();
    if wanted.is_empty() {
        return Ok(Known::new());
    }
    let mut known = Known::new();
    for fact in history.find(&wanted)? {
        match fact.kind {
            FactKind::Usage => {
                known.insert(fact.event.name(), fact.event);
            }
            // An event that a correction brought from another account has no other beginning here.
            FactKind::Correction => {
                known.entry(fact.event.name()).or_insert(fact.event);
            }
            FactKind::Reversal | FactKind::Adjustment => {}
        }
    }
    Ok(known)
}

/// Events that corrections brought to another account, where their ids are taken from then on.
fn moved(facts: &[Fact]) -> impl Iterator<Item = &UsageEvent> {
    facts.windows(2).filter_map(|pair| {
        let [before, after] = pair else { return None };
        let is_pair = before.kind == FactKind::Reversal && after.kind == FactKind::Correction;
        (is_pair && before.event.account != after.event.account).then_some(&after.event)
    })
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
