//! What was used and has no price: by model, with everything that a price is needed for.

use std::cmp::Reverse;

use chrono::{DateTime, Utc};
use compact_str::CompactString;
use hashbrown::HashMap;
use outlay_domain::Quantity;
use outlay_domain::usage::{Charge, ChargeBasis, Fact, FactKind, Meter, UsageEvent};

use crate::usage::questions::EXPORT_EVENTS;
use crate::usage::{Questions, UnansweredError, UsageEvents};

/// Facts that are read, the newest first, at most.
pub const LOOKED_AT_MAX: usize = 100_000;

/// The usage of one model that has no price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnpricedModel {
    /// Who was paid, as the events name them.
    pub provider: Option<CompactString>,
    /// The model, as the events name it.
    pub model: Option<CompactString>,
    /// The service, where no provider is named and all events have the same.
    pub service: Option<CompactString>,
    /// How many events lack a price.
    pub events: u64,
    /// Of how many of them a part is charged.
    pub partly_priced: u64,
    /// What was used without a price, and how much of it.
    pub meters: Vec<(Meter, Quantity)>,
    /// When the first of the events occurred.
    pub first_at: DateTime<Utc>,
    /// When the last of them did.
    pub last_at: DateTime<Utc>,
}

/// Usage that has no price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnpricedUsage {
    /// By model, the one with the most events first.
    pub models: Vec<UnpricedModel>,
    /// Whether there was more than is read, of which the newest is here.
    pub is_cut: bool,
}

/// What the facts of one event come to.
#[derive(Default)]
struct Lacking {
    /// Whether it still lacks a price: the sum of what its facts say.
    unpriced: i32,
    /// What it used, as it was told last.
    told: Option<(DateTime<Utc>, UsageEvent)>,
    /// Its newest charge that is not a whole one.
    charge: Option<(DateTime<Utc>, Charge)>,
}

impl Questions {
    /// The usage of a range that has no price, of the account `scope` only where there is one.
    pub async fn unpriced(
        &self,
        (from, to): (Option<DateTime<Utc>>, Option<DateTime<Utc>>),
        scope: Option<&str>,
    ) -> Result<UnpricedUsage, UnansweredError> {
        let mut events: HashMap<(CompactString, CompactString), Lacking> = HashMap::new();
        let mut after = None;
        let mut looked_at = 0;
        loop {
            let asked = UsageEvents {
                from,
                to,
                filters: Vec::new(),
                id: None,
                above: None,
                about_lacking: true,
                limit: EXPORT_EVENTS,
                after,
            };
            let page = self.events(asked, scope).await?;
            looked_at += page.facts.len();
            for fact in page.facts {
                let name = (fact.event.source.clone(), fact.event.id.clone());
                events.entry(name).or_default().take(fact);
            }
            after = page.next;
            if after.is_none() || looked_at >= LOOKED_AT_MAX {
                return Ok(UnpricedUsage { models: by_model(events), is_cut: after.is_some() });
            }
        }
    }
}

impl Lacking {
    fn take(&mut self, fact: Fact) {
        let Fact { kind, received_at, event, charge } = fact;
        self.unpriced += i32::from(charge.unpriced);
        let is_newer = |known: Option<DateTime<Utc>>| known.is_none_or(|at| at < received_at);
        let is_told = matches!(kind, FactKind::Usage | FactKind::Correction);
        let is_charged = is_told || kind == FactKind::Adjustment;
        let lacks = matches!(charge.basis, ChargeBasis::Unpriced | ChargeBasis::PartlyPriced);
        if is_charged && lacks && is_newer(self.charge.as_ref().map(|(at, _)| *at)) {
            self.charge = Some((received_at, charge));
        }
        if is_told && is_newer(self.told.as_ref().map(|(at, _)| *at)) {
            self.told = Some((received_at, event));
        }
    }
}

fn by_model(events: HashMap<(CompactString, CompactString), Lacking>) -> Vec<UnpricedModel> {
    type Name = (Option<CompactString>, Option<CompactString>);
    let mut models: HashMap<Name, UnpricedModel> = HashMap::new();
    for lacking in events.into_values().filter(|lacking| lacking.unpriced > 0) {
        let (Some((_, event)), Some((_, charge))) = (lacking.told, lacking.charge) else {
            continue;
        };
        let name = (event.provider.clone(), event.model.clone());
        let model = models.entry(name).or_insert_with(|| UnpricedModel {
            provider: event.provider.clone(),
            model: event.model.clone(),
            service: event.service.clone().filter(|_| event.provider.is_none()),
            events: 0,
            partly_priced: 0,
            meters: Vec::new(),
            first_at: event.occurred_at,
            last_at: event.occurred_at,
        });
        model.add(&event, &charge);
    }
    let mut models: Vec<UnpricedModel> = models.into_values().collect();
    models.sort_by(|a, b| {
        let key =
            |one: &UnpricedModel| (Reverse(one.events), one.provider.clone(), one.model.clone());
        key(a).cmp(&key(b))
    });
    models
}

impl UnpricedModel {
    fn add(&mut self, event: &UsageEvent, charge: &Charge) {
        self.events += 1;
        self.partly_priced += u64::from(charge.basis == ChargeBasis::PartlyPriced);
        self.first_at = self.first_at.min(event.occurred_at);
        self.last_at = self.last_at.max(event.occurred_at);
        if self.service != event.service {
            self.service = None;
        }
        for (meter, used) in charge.unpriced_meters(event) {
            match self.meters.binary_search_by(|(known, _)| known.cmp(meter)) {
                Ok(at) => {
                    let sum = &mut self.meters[at].1;
                    // A sum that no longer fits says that it is as large as can be.
                    *sum = sum.checked_add(used).unwrap_or(Quantity::from_micros(i64::MAX));
                }
                Err(at) => self.meters.insert(at, (meter.clone(), used)),
            }
        }
    }
}
