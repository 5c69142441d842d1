//! Rating events again, after a price arrived or was put right.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use compact_str::CompactString;
use hashbrown::HashSet;
use outlay_domain::Amount;
use outlay_domain::prices::PriceBook;
use outlay_domain::usage::amendment::{self, AmendError};
use outlay_domain::usage::question::{Attribute, Filter};
use outlay_domain::usage::{Charge, EventName, Fact, FactKind};
use outlay_store::sqlite::amendments::AmendmentKind;
use thiserror::Error;

use super::amend::{AMENDED_EVENTS_MAX, Amender, AmendmentError};
use super::{AcceptError, By, UnansweredError, UsageEvents};
use crate::Outlay;

/// Events that one re-rating looks at, at most.
pub const RERATED_EVENTS_MAX: usize = 1_000_000;

/// Which events are rated again.
#[derive(Debug, Clone)]
pub struct Rerating {
    /// Events from then on.
    pub from: Option<DateTime<Utc>>,
    /// Events before then.
    pub to: Option<DateTime<Utc>>,
    /// Only of this provider, as the events name it.
    pub provider: Option<CompactString>,
    /// Only of this model, as the events name it.
    pub model: Option<CompactString>,
    /// Only of this service, as the events name it.
    pub service: Option<CompactString>,
    /// Only those without a price, or with one for a part only.
    pub only_unpriced: bool,
}

/// What a re-rating changes, or would change.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rerated {
    /// Events examined.
    pub events: usize,
    /// Events whose charge changes.
    pub changed: usize,
    /// Whose they are.
    pub accounts: HashSet<CompactString>,
    /// Events that had no price, or one for a part only, and get a whole one.
    pub priced: usize,
    /// Events that still have no price, or one for a part only.
    pub unpriced: usize,
    /// Those among them of which a part is charged.
    pub partly_priced: usize,
    /// What the changes add up to.
    pub difference: Amount,
    /// Accounts of which events stay as they are charged, because what they would be charged cannot be
    /// held, each with why.
    pub refused: BTreeMap<CompactString, String>,
}

/// Why events were not rated again.
#[derive(Debug, Error)]
pub enum RerateError {
    /// The events could not be looked up.
    #[error(transparent)]
    Unanswered(#[from] UnansweredError),
    /// The adjustments could not be committed.
    #[error(transparent)]
    Amendment(#[from] AmendmentError),
}

impl Outlay {
    /// Rates events again by `book`, whose prices are those of the events' own times. Without an
    /// `amender` nothing is written, and the answer says what would change.
    ///
    /// The difference is charged by adjustments, a thousand events at a time; what is interrupted
    /// can be done again.
    pub async fn rerate(
        self: &Arc<Self>,
        rerating: &Rerating,
        book: &Arc<PriceBook>,
        amender: Option<&Amender>,
    ) -> Result<Rerated, RerateError> {
        let mut rerated = Rerated::default();
        let questions = self.questions.by(By::Server("rerate"));
        let mut after = None;
        loop {
            let only = |attribute, value: &Option<CompactString>| {
                value.as_deref().map(|value| Filter::only(attribute, value))
            };
            let asked = UsageEvents {
                from: rerating.from,
                to: rerating.to,
                filters: [
                    only(Attribute::Provider, &rerating.provider),
                    only(Attribute::Model, &rerating.model),
                    only(Attribute::Service, &rerating.service),
                ]
                .into_iter()
                .flatten()
                .collect(),
                id: None,
                above: None,
                about_lacking: rerating.only_unpriced,
                limit: AMENDED_EVENTS_MAX,
                after,
            };
            let page = questions.events(asked, None).await?;
            let names: Vec<EventName> = page
                .facts
                .iter()
                .filter(|fact| is_meant(fact, rerating))
                .map(|fact| fact.event.name())
                .collect();
            let only_unpriced = rerating.only_unpriced;
            self.rerate_page(names, only_unpriced, book, amender, &mut rerated).await?;
            after = page.next;
            if after.is_none() || rerated.events >= RERATED_EVENTS_MAX {
                return Ok(rerated);
            }
        }
    }

    /// Rates some events again; where one account cannot hold what it would be charged, that account's are
    /// left as they are, and all others are rated.
    async fn rerate_page(
        self: &Arc<Self>,
        names: Vec<EventName>,
        only_unpriced: bool,
        book: &Arc<PriceBook>,
        amender: Option<&Amender>,
        rerated: &mut Rerated,
    ) -> Result<(), RerateError> {
        let all = self.rerate_some(names.clone(), only_unpriced, book, amender, rerated).await;
        let Err(RerateError::Amendment(AmendmentError::Accept(AcceptError::Refused(_)))) = all
        else {
            return all;
        };
        let mut by_account: BTreeMap<CompactString, Vec<EventName>> = BTreeMap::new();
        for name in names {
            by_account.entry(name.account.clone()).or_default().push(name);
        }
        for (account, names) in by_account {
            match self.rerate_some(names, only_unpriced, book, amender, rerated).await {
                Err(RerateError::Amendment(AmendmentError::Accept(AcceptError::Refused(why)))) => {
                    rerated.refused.insert(account, why.detail);
                }
                done => done?,
            }
        }
        Ok(())
    }

    async fn rerate_some(
        self: &Arc<Self>,
        names: Vec<EventName>,
        only_unpriced: bool,
        book: &Arc<PriceBook>,
        amender: Option<&Amender>,
        rerated: &mut Rerated,
    ) -> Result<(), RerateError> {
        if names.is_empty() {
            return Ok(());
        }
        let book = book.clone();
        let work_out = move |_: usize, facts: &[Fact], received_at: DateTime<Utc>| {
            let standing = amendment::standing(facts)?;
            let charge = book.rate(&standing.event);
            let was_unpriced =
                facts.iter().map(|fact| i64::from(fact.charge.unpriced)).sum::<i64>();
            // A whole charge is not made a part, so that it stays priced.
            if was_unpriced == 0 && (only_unpriced || charge.unpriced > 0) {
                return Ok((
                    Vec::new(),
                    Charge { amount: Some(Amount::ZERO), unpriced: 0, ..charge },
                ));
            }
            let adjustment = amendment::adjustment(facts, charge.clone(), received_at)?;
            Ok::<_, AmendError>((adjustment.into_iter().collect(), charge))
        };
        let outcomes = match amender {
            Some(amender) => self.amend(names, AmendmentKind::Rerate, amender, work_out).await?,
            None => self.work_out(&names, work_out).await?,
        };
        for (facts, charge) in outcomes.into_iter().flatten() {
            rerated.events += 1;
            rerated.unpriced += usize::from(charge.unpriced > 0);
            rerated.partly_priced += usize::from(charge.unpriced > 0 && charge.amount.is_some());
            for fact in &facts {
                rerated.changed += 1;
                if !rerated.accounts.contains(&fact.event.account) {
                    rerated.accounts.insert(fact.event.account.clone());
                }
                rerated.priced += usize::from(fact.charge.unpriced < 0);
                let difference = fact.charge.amount.unwrap_or(Amount::ZERO);
                rerated.difference =
                    rerated.difference.checked_add(difference).unwrap_or(rerated.difference);
            }
        }
        Ok(())
    }
}

fn is_meant(fact: &Fact, rerating: &Rerating) -> bool {
    let states = matches!(fact.kind, FactKind::Usage | FactKind::Correction);
    states && (!rerating.only_unpriced || fact.charge.unpriced > 0)
}
