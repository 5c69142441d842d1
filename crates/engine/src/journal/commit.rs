//! What is committed together: judged in order within one transaction, written, and answered.

use std::collections::VecDeque;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use compact_str::CompactString;
use hashbrown::HashMap;
use outlay_domain::Amount;
use outlay_domain::usage::{
    Charge, EVENT_AMOUNT_MAX, EventName, Fact, FactKind, Refusal, RefusalCode, UsageEvent,
};
use outlay_store::dedup::{Dedup, EventKey, Seen};
use outlay_store::history::History;
use outlay_store::sqlite::Moves;
use outlay_store::sqlite::amendments::Amendment;
use outlay_store::sqlite::totals::{AccountMove, AccountTotal};
use outlay_store::{StoreError, Tx};
use tokio::sync::oneshot;

use super::act::Queued;
use super::events::{Charged, Outcome, Prepared, compare};
use super::ledgers::Ledgers;
use super::{AcceptError, CommitCounters, EventsReply, LedgerReply, Piece, State, Topic};
use crate::ledger::{Done, LedgerError};

/// Pieces of work that are committed together, and who waits for them.
pub(super) struct Commit {
    at: DateTime<Utc>,
    waiting: VecDeque<Piece>,
    sums: Sums,
    facts: Vec<Fact>,
    keys: Vec<EventKey>,
    trail: Vec<Amendment>,
    events: Vec<(Vec<Outcome>, EventsReply)>,
    amendments: Vec<oneshot::Sender<Result<(), AcceptError>>>,
    acts: Vec<Box<dyn Queued>>,
    ledger: Vec<(Result<Done, LedgerError>, LedgerReply)>,
}

/// Why a commit as a whole failed.
pub(super) enum Broken {
    /// What is known of its events could not be looked up.
    Unjudged(StoreError),
    /// It could not be written.
    Unwritten(StoreError),
}

impl From<StoreError> for Broken {
    fn from(error: StoreError) -> Self {
        Self::Unwritten(error)
    }
}

/// What a commit left in the books.
pub(super) struct Written {
    /// Its number in the usage log and by how much it moves sums, where it has facts.
    pub logged: Option<(i64, Moves)>,
    /// Whether there is anything of it.
    pub anything: bool,
}

impl Commit {
    pub fn new(pieces: Vec<Piece>, at: DateTime<Utc>, largest_sum: u64) -> Self {
        Self {
            at,
            waiting: pieces.into(),
            sums: Sums::new(largest_sum),
            facts: Vec::new(),
            keys: Vec::new(),
            trail: Vec::new(),
            events: Vec::new(),
            amendments: Vec::new(),
            acts: Vec::new(),
            ledger: Vec::new(),
        }
    }

    /// Judges all pieces in order, and writes what is kept of them.
    pub fn write(
        &mut self,
        tx: &Tx<'_>,
        dedup: &Dedup,
        history: &History,
        state: &mut State,
    ) -> Result<Written, Broken> {
        self.judge(tx, dedup, history, &mut state.ledgers)?;
        if self.tells().any(|topic| topic == Topic::Counters) {
            state.counters.forget();
        }
        let mut written = Written { logged: None, anything: !self.acts.is_empty() };
        if !self.facts.is_empty() {
            let body = state.encoder.encode(&self.facts)?;
            let seq = tx.usage_log().append(self.at, self.facts.len(), &body)?;
            let windows = state.counters.windows(tx, seq, &self.facts)?;
            written.logged = Some((seq, Moves::new(self.sums.moves(), windows)));
            written.anything = true;
        }
        written.anything |= state.ledgers.save(tx)?;
        self.trail.iter().try_for_each(|line| tx.amendments().record(line))?;
        Ok(written)
    }

    fn judge(
        &mut self,
        tx: &Tx<'_>,
        dedup: &Dedup,
        history: &History,
        ledgers: &mut Ledgers,
    ) -> Result<(), Broken> {
        let events = || self.waiting.iter().flat_map(Piece::events);
        let keys: Vec<EventKey> = events().map(|prepared| prepared.key).collect();
        let older: Option<Vec<EventKey>> = events().map(|prepared| prepared.older_key).collect();
        let seen = dedup.check_also_older(&keys, older.as_deref()).map_err(Broken::Unjudged)?;
        let known = same_ids(events(), &seen, history).map_err(Broken::Unjudged)?;

        self.facts.reserve(keys.len());
        self.keys.reserve(keys.len());
        let mut here = HashMap::with_capacity(keys.len());
        let mut seen = seen.into_iter();
        while let Some(piece) = self.waiting.pop_front() {
            match piece {
                Piece::Events { events, reply } => {
                    let outcomes = Vec::with_capacity(events.len());
                    self.events.push((outcomes, reply));
                    for prepared in events {
                        let seen = seen.next().unwrap_or(Seen::New);
                        let outcome =
                            self.judge_event(tx, prepared, seen, &known, &mut here, ledgers)?;
                        if let Some((outcomes, _)) = self.events.last_mut() {
                            outcomes.push(outcome);
                        }
                    }
                }
                Piece::Amendment { facts, trail, reply } => {
                    let before = self.sums.charged.clone();
                    let mut judged = self.sums.add_all(tx, &facts)?;
                    if judged.is_ok() {
                        judged = ledgers.amend(tx, &facts)?;
                    }
                    match judged {
                        Ok(()) => {
                            self.keys.extend(moved(&facts).map(|event| dedup.key_of(event)));
                            self.facts.extend(facts);
                            self.trail.extend(trail);
                            self.amendments.push(reply);
                        }
                        // Whoever went away needs no answer.
                        Err(refusal) => {
                            self.sums.charged = before;
                            drop(reply.send(Err(AcceptError::Refused(refusal))));
                        }
                    }
                }
                Piece::Ledger { command, reply } => {
                    let outcome = ledgers.judge(tx, &self.facts, *command)?;
                    self.ledger.push((outcome, reply));
                }
                Piece::Act(mut act) => {
                    let judged = act.judge(tx, self.at);
                    if !act.tells().is_empty() {
                        ledgers.forget_budgets();
                    }
                    self.acts.push(act);
                    judged?;
                }
            }
        }
        Ok(())
    }

    /// Says what becomes of one event, and keeps it if it is new.
    fn judge_event(
        &mut self,
        tx: &Tx<'_>,
        prepared: Prepared,
        seen: Seen,
        known: &Known,
        here: &mut HashMap<u64, (usize, u64)>,
        ledgers: &mut Ledgers,
    ) -> Result<Outcome, StoreError> {
        let Prepared { event, time_stated, key, charge, hold, .. } = prepared;
        match seen {
            Seen::Same => return Ok(Outcome::Repeated),
            Seen::Differs => {
                // Without an event under that id, two ids share a hash, and this one is new.
                if let Some(original) = known.get(&event.name()) {
                    return Ok(compare(original, &event, time_stated));
                }
            }
            Seen::New => {}
        }
        if let Some(&(at, body)) = here.get(&key.id) {
            let original = &self.facts[at].event;
            if original.name() == event.name() {
                return Ok(if body == key.body {
                    Outcome::Repeated
                } else {
                    compare(original, &event, time_stated)
                });
            }
        }
        if let Err(refusal) = self.sums.add(tx, &event.account, FactKind::Usage, &charge)? {
            return Ok(Outcome::Refused(refusal));
        }
        if let Err(refusal) = ledgers.charge_event(tx, &event, &charge, hold)? {
            self.sums.take_back(&event.account, FactKind::Usage, &charge);
            return Ok(Outcome::Refused(refusal));
        }
        here.insert(key.id, (self.facts.len(), key.body));
        self.keys.push(key);
        let charged = Charged::of(&charge);
        self.facts.push(Fact { kind: FactKind::Usage, received_at: self.at, event, charge });
        Ok(Outcome::Accepted(charged))
    }

    /// The facts, for those who take them up from here.
    pub fn take_facts(&mut self) -> Arc<[Fact]> {
        std::mem::take(&mut self.facts).into()
    }

    /// The keys of the events that are kept.
    pub fn keys(&self) -> &[EventKey] {
        &self.keys
    }

    /// How far from nothing any sum of an account may be now.
    pub fn largest_sum(&self) -> u64 {
        self.sums.largest()
    }

    /// Of what those who listen are told.
    pub fn tells(&self) -> impl Iterator<Item = Topic> {
        self.acts.iter().flat_map(|act| act.tells()).copied()
    }

    /// How many wait for it.
    pub fn pieces(&self) -> usize {
        self.waiting.len()
            + self.events.len()
            + self.amendments.len()
            + self.ledger.len()
            + self.acts.len()
    }

    /// Gives everyone who waits their answer. Who went away needs none.
    pub fn answer(self, counters: &CommitCounters) {
        for (outcomes, reply) in self.events {
            outcomes.iter().for_each(|outcome| counters.count(outcome));
            drop(reply.send(Ok(outcomes)));
        }
        for reply in self.amendments {
            drop(reply.send(Ok(())));
        }
        self.ledger.into_iter().for_each(|(outcome, reply)| reply.send(outcome));
        self.acts.into_iter().for_each(Queued::answer);
    }

    /// Tells everyone who waits that nothing of it was kept.
    pub fn fail(self, error: &Arc<StoreError>) {
        let failed = || AcceptError::from(error.clone());
        for (_, reply) in self.events {
            drop(reply.send(Err(failed())));
        }
        for reply in self.amendments {
            drop(reply.send(Err(failed())));
        }
        self.ledger.into_iter().for_each(|(_, reply)| reply.send(Err(failed().into())));
        self.acts.into_iter().for_each(|act| act.fail(failed()));
        self.waiting.into_iter().for_each(|piece| piece.fail(failed()));
    }
}

/// What a commit adds to each account, none of which leaves the range of amounts.
struct Sums {
    /// No account had a sum that is further from nothing, in billionths.
    largest_before: u64,
    charged: HashMap<CompactString, AccountTotal>,
    /// What accounts had before, where it was looked up.
    before: HashMap<CompactString, i64>,
}

impl Sums {
    fn new(largest_before: u64) -> Self {
        Self { largest_before, charged: HashMap::new(), before: HashMap::new() }
    }

    /// Adds a fact, unless the sum of its account could not be held then.
    fn add(
        &mut self,
        tx: &Tx<'_>,
        account: &str,
        kind: FactKind,
        charge: &Charge,
    ) -> Result<Result<(), Refusal>, StoreError> {
        let amount = charge.amount.unwrap_or(Amount::ZERO);
        if kind == FactKind::Usage && amount > EVENT_AMOUNT_MAX {
            let detail = format!(
                "the event would be charged {amount}, and one event {EVENT_AMOUNT_MAX} at most; \
                 check its quantities and its price"
            );
            return Ok(Err(Refusal::new(RefusalCode::OutOfRange, "quantities", detail)));
        }
        let charged = self.charged.get(account).copied().unwrap_or_default();
        let sum = match charged.amount.checked_add(amount) {
            Some(sum) if self.fits(tx, account, sum)? => sum,
            _ => {
                let detail = format!(
                    "the charges of account `{account}` would leave the range of amounts, about \
                     9.2 billion; check the costs that were sent to it, and correct or delete what \
                     is wrong"
                );
                return Ok(Err(Refusal::new(RefusalCode::OutOfRange, "account", detail)));
            }
        };
        let charged = self.charged.entry_ref(account).or_default();
        charged.amount = sum;
        charged.events += kind.event_count();
        charged.unpriced += i64::from(charge.unpriced);
        Ok(Ok(()))
    }

    /// Takes back what was added last for a fact that is refused after all.
    fn take_back(&mut self, account: &str, kind: FactKind, charge: &Charge) {
        let amount = charge.amount.unwrap_or(Amount::ZERO);
        if let Some(charged) = self.charged.get_mut(account) {
            charged.amount = charged.amount.checked_sub(amount).unwrap_or(charged.amount);
            charged.events -= kind.event_count();
            charged.unpriced -= i64::from(charge.unpriced);
            if *charged == AccountTotal::default() {
                self.charged.remove(account);
            }
        }
    }

    /// Adds facts that stand or fall together.
    fn add_all(&mut self, tx: &Tx<'_>, facts: &[Fact]) -> Result<Result<(), Refusal>, StoreError> {
        let before = self.charged.clone();
        for fact in facts {
            if let Err(refusal) = self.add(tx, &fact.event.account, fact.kind, &fact.charge)? {
                self.charged = before;
                return Ok(Err(refusal));
            }
        }
        Ok(Ok(()))
    }

    /// Whether the account can hold `sum` more. Its own sum is looked up only where the largest one
    /// of all leaves that open.
    fn fits(&mut self, tx: &Tx<'_>, account: &str, sum: Amount) -> Result<bool, StoreError> {
        let surely = self.largest_before.checked_add(sum.nanos().unsigned_abs());
        if surely.is_some_and(|surely| surely <= i64::MAX.unsigned_abs()) {
            return Ok(true);
        }
        let before = match self.before.get(account) {
            Some(before) => *before,
            None => {
                let before = tx.totals().charged(account)?.amount.nanos();
                self.before.insert(account.into(), before);
                before
            }
        };
        Ok(before.checked_add(sum.nanos()).is_some())
    }

    /// By how much accounts move.
    fn moves(&self) -> impl Iterator<Item = (CompactString, AccountMove)> {
        self.charged.iter().map(|(account, charged)| (account.clone(), (*charged).into()))
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
fn same_ids<'a>(
    events: impl Iterator<Item = &'a Prepared>,
    seen: &[Seen],
    history: &History,
) -> Result<Known, StoreError> {
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
pub(super) fn moved(facts: &[Fact]) -> impl Iterator<Item = &UsageEvent> {
    facts.windows(2).filter_map(|pair| {
        let [before, after] = pair else { return None };
        let is_pair = before.kind == FactKind::Reversal && after.kind == FactKind::Correction;
        (is_pair && before.event.account != after.event.account).then_some(&after.event)
    })
}
