//! Events on their way into the journal, and what becomes of each.

use std::sync::atomic::Ordering;

use outlay_domain::Amount;
use outlay_domain::prices::PriceBook;
use outlay_domain::usage::{Charge, Refusal, RefusalCode, UsageEvent};
use outlay_store::dedup::{Dedup, EventKey};

use super::queue::Weight;
use super::{CommitCounters, Piece};
use crate::ledger::HoldName;

/// What became of one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Kept, counted and charged.
    Accepted(Charged),
    /// Kept before; nothing changed.
    Repeated,
    /// Not kept.
    Refused(Refusal),
}

/// What an accepted event costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Charged {
    /// What is known of it; `None` while no price is.
    pub amount: Option<Amount>,
    /// Whether a price is missing, for all of it or for a part.
    pub is_unpriced: bool,
}

impl Charged {
    pub(super) fn of(charge: &Charge) -> Self {
        Self { amount: charge.amount, is_unpriced: charge.unpriced > 0 }
    }
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

/// An event, hashed and rated before it waits, so that the journal has less to do.
#[derive(Debug)]
pub struct Prepared {
    pub(super) event: UsageEvent,
    pub(super) time_stated: bool,
    pub(super) key: EventKey,
    /// Nothing once all runs of before are over.
    pub(super) older_key: Option<EventKey>,
    pub(super) charge: Charge,
    /// What was held for it.
    pub(super) hold: Option<HoldName>,
    bytes: usize,
}

impl Prepared {
    pub(super) fn new(mut incoming: Incoming, dedup: &Dedup, prices: &PriceBook) -> Self {
        let (key, older_key) = incoming.keys(dedup);
        Self {
            key,
            older_key,
            charge: prices.rate(&incoming.event),
            bytes: incoming.event.size_bytes(),
            event: incoming.event,
            time_stated: incoming.time_stated,
            hold: None,
        }
    }

    /// The same event, for which something is held.
    #[must_use]
    pub fn for_hold(self, hold: Option<HoldName>) -> Self {
        Self { hold, ..self }
    }

    /// What it weighs in the queue.
    pub(super) fn weight(&self) -> Weight {
        Weight { events: 1, bytes: self.bytes }
    }
}

impl Piece {
    /// Its events, where it is about any.
    pub(super) fn events(&self) -> &[Prepared] {
        match self {
            Self::Events { events, .. } => events,
            Self::Amendment { .. } | Self::Ledger { .. } | Self::Act(_) => &[],
        }
    }
}

impl CommitCounters {
    /// Counts what became of one event.
    pub(super) fn count(&self, outcome: &Outcome) {
        let counter = match outcome {
            Outcome::Accepted(_) => &self.accepted,
            Outcome::Repeated => &self.repeated,
            Outcome::Refused(refusal) if refusal.code == RefusalCode::Conflict => &self.conflicts,
            Outcome::Refused(_) => &self.refused,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

/// A repeat when the two are equal, a conflict that names the first field that differs when not.
///
/// A time that the sender did not state is not compared.
pub(super) fn compare(original: &UsageEvent, again: &UsageEvent, time_stated: bool) -> Outcome {
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
