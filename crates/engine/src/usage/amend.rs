//! Corrections, deletions and erasures: new facts about kept events, with a trail.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use compact_str::CompactString;
use hashbrown::HashMap;
use outlay_domain::Amount;
use outlay_domain::people::{Act, Denied};
use outlay_domain::usage::amendment::{self, AmendError};
use outlay_domain::usage::{Charge, EventName, Fact, FactKind};
use outlay_store::StoreError;
use outlay_store::sqlite::amendments::{Amendment, AmendmentKind};
use thiserror::Error;

use super::{AcceptError, Incoming};
use crate::journal::Topic;
use crate::{Asker, Outlay};

/// Bytes in a reason, at most.
const REASON_BYTES_MAX: usize = 1_000;
/// Events in one amendment, at most.
pub const AMENDED_EVENTS_MAX: usize = 1_000;

/// What somebody names an event by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskedEvent {
    /// Whose it is, where that is said or must be.
    pub account: Option<CompactString>,
    /// Who sent it.
    pub source: CompactString,
    /// Their id for it.
    pub id: CompactString,
}

/// What became of one event, with what it was and is charged.
pub type Amended = Result<Charge, AmendError>;

/// Why an amendment as a whole was not made; nothing of it was.
#[derive(Debug, Error)]
pub enum AmendmentError {
    /// Whoever asks may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// It is not said why, or at too great length.
    #[error("say why, in 1 to {REASON_BYTES_MAX} bytes, none of them a control character")]
    Reason,
    /// The facts could not be committed.
    #[error(transparent)]
    Accept(#[from] AcceptError),
    /// Several accounts have an event of that source and id.
    #[error("{} accounts have an event `{id}` of source `{source_name}`", .accounts)]
    Ambiguous {
        /// Which of the events that were asked for, from 0.
        index: usize,
        /// Who sent them.
        source_name: CompactString,
        /// Their id.
        id: CompactString,
        /// How many accounts.
        accounts: usize,
    },
    /// The history could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Who amends, and why.
#[derive(Debug, Clone)]
pub struct Amender {
    /// The user.
    pub actor: CompactString,
    /// What they say it is for.
    pub reason: String,
}

/// Where somebody amends kept events, and says why.
pub struct Amendments {
    outlay: Arc<Outlay>,
    asker: Asker,
    amender: Amender,
}

impl Outlay {
    /// Where kept events are amended by somebody for that reason, if they may and it is one.
    pub fn amendments(
        self: &Arc<Self>,
        asker: impl Into<Asker>,
        reason: &str,
    ) -> Result<Amendments, AmendmentError> {
        let asker = asker.into();
        asker.may(Act::AmendUsage)?;
        let reason = reason.trim().to_owned();
        let is_plain = !reason.chars().any(char::is_control);
        if reason.is_empty() || reason.len() > REASON_BYTES_MAX || !is_plain {
            return Err(AmendmentError::Reason);
        }
        let amender = Amender { actor: asker.name(), reason };
        Ok(Amendments { outlay: self.clone(), asker, amender })
    }
}

impl Amendments {
    /// Takes events back. Answers one outcome for each, in order.
    pub async fn delete(
        &self,
        asked: Vec<AskedEvent>,
    ) -> Result<Vec<(EventName, Amended)>, AmendmentError> {
        let names = self.resolved(asked, false).await?;
        let amended = self.outlay.delete_events(names.clone(), &self.amender).await?;
        Ok(names.into_iter().zip(amended).collect())
    }

    /// Puts `events` in the place of those that are asked for, in the same order. One that is asked
    /// for without an account stays where it is. Answers one outcome for each.
    pub async fn correct(
        &self,
        asked: Vec<AskedEvent>,
        mut events: Vec<Incoming>,
    ) -> Result<Vec<(EventName, Amended)>, AmendmentError> {
        let is_said: Vec<bool> = asked.iter().map(|asked| asked.account.is_some()).collect();
        let names = self.resolved(asked, true).await?;
        for ((incoming, name), is_said) in events.iter_mut().zip(&names).zip(is_said) {
            if !is_said {
                incoming.event.account = name.account.clone();
            }
        }
        let amended = self.outlay.correct_events(names.clone(), events, &self.amender).await?;
        Ok(names.into_iter().zip(amended).collect())
    }

    /// Takes a person out of every kept fact and payment; answers how many facts named them.
    pub async fn erase(&self, subject: CompactString) -> Result<u64, AmendmentError> {
        self.asker.may(Act::Administer)?;
        self.outlay.erase_subject(subject, &self.amender).await
    }

    /// The events that are meant: of the account that they see, or of whom they say.
    async fn resolved(
        &self,
        mut asked: Vec<AskedEvent>,
        may_move: bool,
    ) -> Result<Vec<EventName>, AmendmentError> {
        let Some(own) = self.asker.scope() else {
            return self.outlay.resolve(asked, may_move).await;
        };
        for asked in &mut asked {
            let account = asked.account.get_or_insert_with(|| own.clone());
            self.asker.may_see(account)?;
        }
        let named = |AskedEvent { source, id, .. }| EventName { account: own.clone(), source, id };
        Ok(asked.into_iter().map(named).collect())
    }
}

impl Outlay {
    /// Takes events back. Answers one outcome for each, in order.
    pub(crate) async fn delete_events(
        self: &Arc<Self>,
        names: Vec<EventName>,
        amender: &Amender,
    ) -> Result<Vec<Amended>, AmendmentError> {
        self.amend(names, AmendmentKind::Delete, amender, |_, facts: &[Fact], received_at| {
            let reversal = amendment::reversal(facts, received_at)?;
            let charge = reversal.charge.clone();
            Ok((vec![reversal], charge))
        })
        .await
        .map(charges)
    }

    /// Puts other events in the place of kept ones, which `names` names in the same order. Answers
    /// one outcome for each.
    ///
    /// An event that stands like this already is left as it is, so that a correction that is sent
    /// again changes nothing. One without a time of its own keeps the time that it had.
    pub(crate) async fn correct_events(
        self: &Arc<Self>,
        names: Vec<EventName>,
        events: Vec<Incoming>,
        amender: &Amender,
    ) -> Result<Vec<Amended>, AmendmentError> {
        let prices = self.prices.book();
        self.amend(
            names,
            AmendmentKind::Correct,
            amender,
            move |index, facts: &[Fact], received_at| {
                let standing = amendment::standing(facts)?;
                let Incoming { mut event, time_stated } = events[index].clone();
                if !time_stated {
                    event.occurred_at = standing.event.occurred_at;
                }
                if event == standing.event {
                    return Ok((Vec::new(), charged(facts, standing)?));
                }
                let reversal = amendment::reversal(facts, received_at)?;
                let charge = prices.rate(&event);
                let correction =
                    Fact { kind: FactKind::Correction, received_at, event, charge: charge.clone() };
                Ok((vec![reversal, correction], charge))
            },
        )
        .await
        .map(charges)
    }

    /// The events that somebody means who sees every account: of the account they say, or else of
    /// the one that has such an event standing.
    ///
    /// With `may_move` the account that is said may be the one where the event is to go, and the
    /// event the only one there is.
    pub(crate) async fn resolve(
        self: &Arc<Self>,
        asked: Vec<AskedEvent>,
        may_move: bool,
    ) -> Result<Vec<EventName>, AmendmentError> {
        let open: Vec<_> = asked
            .iter()
            .filter(|asked| asked.account.is_none() || may_move)
            .map(|asked| (asked.source.clone(), asked.id.clone()))
            .collect();
        let outlay = self.clone();
        let found =
            tokio::task::spawn_blocking(move || outlay.history.find_in_every_account(&open));
        let mut by_name: BTreeMap<EventName, Vec<Fact>> = BTreeMap::new();
        for fact in found.await.map_err(|_| AcceptError::Stopping)?? {
            by_name.entry(fact.event.name()).or_default().push(fact);
        }
        asked.into_iter().enumerate().map(|(index, asked)| chosen(index, asked, &by_name)).collect()
    }

    /// Takes a person out of every kept fact and payment; answers how many facts named them.
    ///
    /// When it is answered, the name is in no file of the data folder: the books are written anew,
    /// because removed rows stay readable in SQLite's files otherwise, and replaced segments are
    /// waited for. Where that fails, it is finished when the same is asked for again.
    ///
    /// Kept files of exports that may name them are removed and made again without them; those that
    /// somebody has fetched are beyond reach.
    ///
    /// The trail keeps a hash, so that it can be proved later that a known subject was erased.
    pub(crate) async fn erase_subject(
        self: &Arc<Self>,
        subject: CompactString,
        amender: &Amender,
    ) -> Result<u64, AmendmentError> {
        let _one_at_a_time = self.amending.lock().await;
        let line = Amendment {
            at: self.clock.now(),
            actor: amender.actor.clone(),
            act: AmendmentKind::Erase.as_str().into(),
            account: None,
            source: CompactString::const_new("subject-sha256"),
            event_id: hex_sha256(&subject).into(),
            reason: amender.reason.clone(),
        };
        // Files that name them go first, so that whoever repeats what was cut off need not know of them;
        // they are made again when nothing of them is left.
        let held = self.exports.hold();
        let days = self.days_of(subject.clone()).await?;
        self.export_schedules().forget(&subject, days).await?;
        self.views().forget(&subject).await?;
        self.annotations().forget(&subject).await?;
        let outlay = self.clone();
        let erased = tokio::task::spawn_blocking(move || {
            let _held = held;
            // What came in meanwhile is to go as well.
            outlay.history.flush(&outlay.dedup)?;
            let facts = outlay.history.erase(&subject)?;
            // Counters whose scopes may have named the person are gone, and are begun anew at once.
            outlay.journal.tell_of(Topic::Watched);
            outlay.books.write_blocking(|tx| {
                tx.revenue().erase_subject(&subject)?;
                tx.amendments().record(&line)
            })?;
            outlay.history.wait_until_erased()?;
            outlay.books.scrub()?;
            Ok::<_, StoreError>(facts)
        });
        Ok(erased.await.map_err(|_| AcceptError::Stopping)??)
    }

    /// The days on which something was used for a subject. What is in the tail is in the usage log too;
    /// both are flushed to files first.
    async fn days_of(
        self: &Arc<Self>,
        subject: CompactString,
    ) -> Result<BTreeSet<i64>, AmendmentError> {
        let outlay = self.clone();
        let found = tokio::task::spawn_blocking(move || {
            outlay.history.flush(&outlay.dedup)?;
            outlay.history.days_of_subject(&subject)
        });
        Ok(found.await.map_err(|_| AcceptError::Stopping)??)
    }

    /// Works out and commits facts for events, one amendment at a time: between the reading of
    /// an event's facts and the commit no other amendment comes.
    pub(crate) async fn amend(
        self: &Arc<Self>,
        names: Vec<EventName>,
        act: AmendmentKind,
        amender: &Amender,
        work_out: impl WorkOut,
    ) -> Result<Vec<WorkedOut>, AmendmentError> {
        let _one_at_a_time = self.amending.lock().await;
        let outcomes = self.work_out(&names, work_out).await?;
        let at = self.clock.now();
        let mut facts = Vec::new();
        let mut trail = Vec::new();
        for (EventName { account, source, id }, outcome) in names.into_iter().zip(&outcomes) {
            let Ok((new, _)) = outcome else { continue };
            if new.is_empty() {
                continue;
            }
            facts.extend(new.iter().cloned());
            trail.push(Amendment {
                at,
                actor: amender.actor.clone(),
                act: act.as_str().into(),
                account: Some(account),
                source,
                event_id: id,
                reason: amender.reason.clone(),
            });
        }
        if !facts.is_empty() {
            self.journal.amend(facts, trail).await?;
        }
        Ok(outcomes)
    }

    /// Works out facts for events, and commits nothing.
    pub(crate) async fn work_out(
        self: &Arc<Self>,
        names: &[EventName],
        work_out: impl WorkOut,
    ) -> Result<Vec<WorkedOut>, AmendmentError> {
        let received_at = self.clock.now();
        let outlay = self.clone();
        let wanted = names.to_vec();
        let found = tokio::task::spawn_blocking(move || outlay.history.find(&wanted))
            .await
            .map_err(|_| AcceptError::Stopping)??;
        let mut by_name: HashMap<EventName, Vec<Fact>> = HashMap::new();
        for fact in found {
            by_name.entry(fact.event.name()).or_default().push(fact);
        }
        Ok(names
            .iter()
            .enumerate()
            .map(|(index, name)| {
                // A name that comes twice finds nothing the second time.
                let mut own = by_name.remove(name).unwrap_or_default();
                own.sort_by_key(|fact| fact.received_at);
                // Facts of one event are told apart by when they came, also when the clock was set
                // back since: what is newest must not look older.
                let newest = own.last().map(|fact| fact.received_at + TimeDelta::microseconds(1));
                work_out(index, &own, newest.map_or(received_at, |newest| newest.max(received_at)))
            })
            .collect())
    }
}

/// Whose event is meant, among the facts that bear the sources and ids.
fn chosen(
    index: usize,
    asked: AskedEvent,
    by_name: &BTreeMap<EventName, Vec<Fact>>,
) -> Result<EventName, AmendmentError> {
    let AskedEvent { account, source, id } = asked;
    let named =
        |account: CompactString| EventName { account, source: source.clone(), id: id.clone() };
    let same = || by_name.iter().filter(|(name, _)| name.source == source && name.id == id);
    let standing: Vec<&EventName> = same()
        .filter(|(_, facts)| amendment::standing(facts).is_ok())
        .map(|(name, _)| name)
        .collect();
    match (account, standing.as_slice()) {
        (Some(account), []) => Ok(named(account)),
        (Some(account), names) if names.iter().any(|name| name.account == account) => {
            Ok(named(account))
        }
        (_, [only]) => Ok((*only).clone()),
        // One that was taken back is told of as that; one that never was has no account.
        (None, []) => {
            let known = same().map(|(name, _)| name.account.clone()).next();
            Ok(named(known.unwrap_or_default()))
        }
        (_, several) => Err(AmendmentError::Ambiguous {
            index,
            accounts: several.len(),
            source_name: source.clone(),
            id: id.clone(),
        }),
    }
}

/// What is written for one event, and what it is charged from then on.
pub(crate) type WorkedOut = Result<(Vec<Fact>, Charge), AmendError>;

/// Works out the facts for the event at an index, from all facts under its name.
pub(crate) trait WorkOut: Fn(usize, &[Fact], DateTime<Utc>) -> WorkedOut {}

impl<F: Fn(usize, &[Fact], DateTime<Utc>) -> WorkedOut> WorkOut for F {}

/// What an event is charged at present, with all adjustments.
fn charged(facts: &[Fact], standing: &Fact) -> Result<Charge, AmendError> {
    let mut parts = facts.iter().filter_map(|fact| fact.charge.amount);
    let sum = parts.try_fold(Amount::ZERO, |sum, part| sum.checked_add(part));
    let unpriced: i8 = facts.iter().map(|fact| fact.charge.unpriced).sum();
    let sum = sum.ok_or(AmendError::OutOfRange)?;
    let amount = (unpriced == 0).then_some(sum);
    Ok(Charge { amount, unpriced, ..standing.charge.clone() })
}

/// Only what the events are charged.
fn charges(outcomes: Vec<WorkedOut>) -> Vec<Amended> {
    outcomes.into_iter().map(|outcome| outcome.map(|(_, charge)| charge)).collect()
}

fn hex_sha256(text: &str) -> String {
    use sha2::{Digest, Sha256};
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}
