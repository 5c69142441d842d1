//! Several sources of one database become one.
//!
//! Older versions named a database by whatever row was its first, and so gave it another name when
//! that row was deleted. Its budgets and runs then stood twice, and its usage could.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use compact_str::{CompactString, format_compact};
use outlay_domain::people::AuditRecord;
use outlay_domain::usage::question::{Attribute, Filter};
use outlay_domain::usage::{EventName, Fact, FactKind, UsageEvent};
use outlay_store::{StoreError, Tx};
use thiserror::Error;

use super::system_of;
use crate::Outlay;
use crate::journal::{AcceptError, Act, Stop, Topic};
use crate::usage::amend::{AMENDED_EVENTS_MAX, Amender, AmendmentError};
use crate::usage::{By, UnansweredError, UsageEvents};

/// What went because it stood twice.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Merged {
    /// The sources that count no more.
    pub sources: Vec<CompactString>,
    /// Events that were taken back.
    pub events: u64,
    /// Budgets.
    pub budgets: u64,
    /// Runs.
    pub runs: u64,
}

/// Why sources were not merged.
#[derive(Debug, Error)]
pub enum MergeError {
    /// They are not of the same kind, or the same.
    #[error("`{0}` is not another source of the same kind of database as `{1}`")]
    OtherKind(CompactString, CompactString),
    /// The events could not be looked up.
    #[error(transparent)]
    Unanswered(#[from] UnansweredError),
    /// The events could not be taken back.
    #[error(transparent)]
    Amendment(#[from] AmendmentError),
    /// The books could not be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The server is stopping.
    #[error("the server is stopping")]
    Stopping,
}

impl From<AcceptError> for MergeError {
    fn from(error: AcceptError) -> Self {
        Self::Amendment(error.into())
    }
}

/// Lets one source stand for others, whose budgets and runs go.
struct MergeSets {
    source: CompactString,
    kind: CompactString,
    duplicates: Vec<CompactString>,
    actor: CompactString,
    /// What went before, to be added to.
    merged: Merged,
}

impl Act for MergeSets {
    type Done = Merged;
    type Refused = MergeError;
    const TELLS: &'static [Topic] = &[Topic::Watched];

    fn act(self, tx: &Tx<'_>, at: DateTime<Utc>) -> Result<Merged, Stop<MergeError>> {
        let Self { source, kind, duplicates, actor, mut merged } = self;
        let orphans = tx.imports().orphans(&source, &kind)?;
        for duplicate in duplicates.into_iter().chain(orphans) {
            let sets = tx.imports().merge(&source, &duplicate)?;
            if sets.was_there {
                merged.budgets += sets.budgets;
                merged.runs += sets.runs;
                merged.sources.push(duplicate);
            }
        }
        if !merged.sources.is_empty() {
            let detail = serde_json::json!({
                "sources": merged.sources, "events": merged.events,
                "budgets": merged.budgets, "batches": merged.runs,
            });
            let action = "imports.merge".into();
            tx.audit().append(&AuditRecord { at, actor, action, target: source, detail })?;
        }
        Ok(merged)
    }
}

impl Outlay {
    /// Lets `source` count alone for a database whose rows came under `duplicates` too, and for
    /// whose budgets and runs other names were made up.
    ///
    /// An event is taken back where `source` has the same row; what only a duplicate has stays.
    /// The books are told last, so that what is interrupted is done again and nothing is done twice.
    pub(super) async fn merge_imports(
        self: &Arc<Self>,
        source: &CompactString,
        duplicates: &[CompactString],
        amender: &Amender,
    ) -> Result<Merged, MergeError> {
        let kind = kind_of(source).ok_or_else(|| other_kind(source, source))?;
        if let Some(odd) = duplicates
            .iter()
            .find(|other| *other == source || kind_of(other).as_ref() != Some(&kind))
        {
            return Err(other_kind(odd, source));
        }
        let mut merged = Merged::default();
        for duplicate in duplicates {
            merged.events += self.take_back_repeats(source, duplicate, amender).await?;
        }
        let sets = MergeSets {
            source: source.clone(),
            kind,
            duplicates: duplicates.to_vec(),
            actor: amender.actor.clone(),
            merged,
        };
        self.journal.act(sets).await
    }

    /// Takes back the events of `duplicate` that are rows of which `source` has an event too.
    async fn take_back_repeats(
        self: &Arc<Self>,
        source: &CompactString,
        duplicate: &CompactString,
        amender: &Amender,
    ) -> Result<u64, MergeError> {
        let mut taken_back = 0;
        let questions = self.questions.by(By::Server("imports"));
        let mut after = None;
        loop {
            let asked = UsageEvents {
                from: None,
                to: None,
                filters: vec![Filter::only(Attribute::Source, duplicate)],
                id: None,
                above: None,
                about_lacking: false,
                limit: AMENDED_EVENTS_MAX,
                after,
            };
            let page = questions.events(asked, None).await?;
            let told = page.facts.into_iter().filter(states).map(|fact| fact.event);
            let events: Vec<UsageEvent> = told.collect();
            let known = self.of_the_same_ids(source, &events).await?;
            let names: Vec<EventName> = events
                .iter()
                .filter(|event| {
                    let twin = known.get(&named(source, event));
                    twin.is_some_and(|twin| is_same_row(twin, event))
                })
                .map(UsageEvent::name)
                .collect();
            if !names.is_empty() {
                let outcomes = self.delete_events(names, amender).await?;
                taken_back += outcomes.iter().filter(|outcome| outcome.is_ok()).count() as u64;
            }
            after = page.next;
            if after.is_none() {
                return Ok(taken_back);
            }
        }
    }

    /// The events of `source` that have the ids of `events`, those that were taken back included.
    async fn of_the_same_ids(
        self: &Arc<Self>,
        source: &CompactString,
        events: &[UsageEvent],
    ) -> Result<HashMap<EventName, UsageEvent>, MergeError> {
        let names: Vec<EventName> = events.iter().map(|event| named(source, event)).collect();
        let outlay = self.clone();
        let found = tokio::task::spawn_blocking(move || outlay.history.find(&names));
        let found = found.await.map_err(|_| MergeError::Stopping)??;
        let first_told = found.into_iter().filter(|fact| fact.kind == FactKind::Usage);
        Ok(first_told.map(|fact| (fact.event.name(), fact.event)).collect())
    }
}

/// What `event` would be called, had it come from `source`.
fn named(source: &CompactString, event: &UsageEvent) -> EventName {
    EventName { source: source.clone(), ..event.name() }
}

fn states(fact: &Fact) -> bool {
    matches!(fact.kind, FactKind::Usage | FactKind::Correction)
}

/// Whether two events of one id tell of one row: the zone of their times may have been another.
fn is_same_row(one: &UsageEvent, other: &UsageEvent) -> bool {
    one.stated_cost == other.stated_cost
        && one.service == other.service
        && one.operation == other.operation
}

/// The older system and the kind of its databases, which a source begins with.
fn kind_of(source: &str) -> Option<CompactString> {
    let (system, rest) = system_of(source)?;
    let kind = rest.split(':').next()?;
    (!kind.is_empty()).then(|| format_compact!("{}:{kind}", system.word))
}

fn other_kind(odd: &CompactString, source: &CompactString) -> MergeError {
    MergeError::OtherKind(odd.clone(), source.clone())
}
