//! Who has which plan: begun, changed, ended, and turned when a month is over.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use chrono::{DateTime, Utc};
use compact_str::CompactString;
use outlay_domain::budgets::Window;
use outlay_domain::people::{Act, AuditRecord, Denied};
use outlay_domain::plans::{Feature, Limit, Most, PlanId, PlanVersion, Step, Subscription};
use outlay_store::sqlite::subscriptions::KeptSubscription;
use outlay_store::{Books, StoreError, View};
use serde_json::json;
use thiserror::Error;

use super::acts::trail;
use crate::asker::Asker;
use crate::journal::{AcceptError, Journal};
use crate::ledger::{Command, Done, LedgerError, LedgerTime, Subscribed, Wanted};
use crate::tasks::Task;
use crate::{Clock, Outlay};

/// How often what is due is looked for.
const ROUND: Duration = Duration::from_secs(1);
/// Accounts that are seen to in one round, at most.
const ACCOUNTS_MAX: usize = 500;

/// Where subscriptions are; cheap to clone.
#[derive(Clone)]
pub struct Subscriptions {
    pub(super) books: Arc<Books>,
    journal: Arc<Journal>,
    time: Arc<LedgerTime>,
    clock: Arc<dyn Clock>,
}

/// Why something was not done with a subscription.
#[derive(Debug, Error)]
pub enum SubscriptionsError {
    /// The caller may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// There is no such account that the caller sees.
    #[error("there is no such account")]
    NoAccount,
    /// The account never had a plan.
    #[error("the account has no plan")]
    None,
    /// It cannot be.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The books could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What an account has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Had {
    /// Its subscription.
    pub subscription: Subscription,
    /// What its plan says.
    pub plan: PlanVersion,
}

impl Outlay {
    /// Where subscriptions are.
    pub fn subscriptions(&self) -> Subscriptions {
        Subscriptions {
            books: self.books.clone(),
            journal: self.journal.clone(),
            time: self.ledger_time.clone(),
            clock: self.clock.clone(),
        }
    }
}

impl Subscriptions {
    /// What an account has, after all that happened by itself up to now.
    pub async fn of(
        &self,
        account: CompactString,
        asker: &Asker,
    ) -> Result<Had, SubscriptionsError> {
        sees(asker, &account)?;
        let name = account.clone();
        let found = self.books.read(move |books| had(books, &name)).await?;
        let (_, had) = found.ok_or(SubscriptionsError::None)?;
        if had.subscription.due_at().is_none_or(|due| due > self.time.believed()) {
            return Ok(had);
        }
        let turned = self.submit(account, Wanted::Turn, None).await?;
        Ok(Had { subscription: turned.subscription, plan: (*turned.plan).clone() })
    }

    /// How far each limit of its plan is used.
    pub async fn limits(
        &self,
        account: CompactString,
        asker: &Asker,
    ) -> Result<Limits, SubscriptionsError> {
        // Whatever is due is done first.
        self.of(account.clone(), asker).await?;
        let at = self.time.believed();
        let found = self.books.read(move |books| match had(books, &account)? {
            Some((number, had)) => Ok(Some(Limits::read(books, number, had, at)?)),
            None => Ok(None),
        });
        found.await?.ok_or(SubscriptionsError::None)
    }

    /// What happened to it, of smaller numbers than `before`, the newest first.
    pub async fn history(
        &self,
        account: CompactString,
        before: i64,
        limit: u32,
        asker: &Asker,
    ) -> Result<Vec<(i64, Step)>, SubscriptionsError> {
        sees(asker, &account)?;
        let found = self.books.read(move |books| {
            let known = books.ledger().account(&account)?;
            known.map(|known| books.subscriptions().steps(known.number, before, limit)).transpose()
        });
        Ok(found.await?.unwrap_or_default())
    }

    /// Accounts that have some version of a plan, by name after `after`, with the version. For those who
    /// see every account.
    pub async fn of_plan(
        &self,
        plan: PlanId,
        after: String,
        limit: u32,
        asker: &Asker,
    ) -> Result<Vec<(CompactString, u32)>, SubscriptionsError> {
        asker.may(Act::SeeUsage)?;
        if asker.scope().is_some() {
            return Err(SubscriptionsError::NoAccount);
        }
        let found =
            self.books.read(move |books| books.subscriptions().of_plan(&plan, &after, limit));
        Ok(found.await?)
    }

    /// Begins, changes or ends the subscription of an account. For whoever may give it credit. What is so
    /// already is left as it is.
    pub async fn make(
        &self,
        account: CompactString,
        wanted: Wanted,
        asker: &Asker,
    ) -> Result<Subscribed, SubscriptionsError> {
        sees(asker, &account)?;
        asker.may(Act::GrantCredit)?;
        let (action, detail) = told(&wanted);
        let record = trail(asker, self.clock.now(), action, &account, detail);
        Ok(self.submit(account, wanted, Some(record)).await?)
    }

    async fn submit(
        &self,
        account: CompactString,
        wanted: Wanted,
        trail: Option<AuditRecord>,
    ) -> Result<Subscribed, LedgerError> {
        let command = Command::Subscription { account, wanted, trail };
        match self.journal.ledger(command).await? {
            Done::Subscribed(subscribed) => Ok(*subscribed),
            _ => Err(LedgerError::NotTaken(AcceptError::Interrupted)),
        }
    }

    /// Turns what is due; answers for how many accounts.
    pub async fn turn_due(&self) -> Result<usize, LedgerError> {
        let at = self.time.believed();
        let due = self.books.read(move |books| books.subscriptions().due(at, ACCOUNTS_MAX)).await?;
        let count = due.len();
        // All at once, so that they share a commit.
        let waiting: Vec<_> = due
            .into_iter()
            .map(|account| {
                let all = self.clone();
                tokio::spawn(async move { all.submit(account, Wanted::Turn, None).await })
            })
            .collect();
        let mut outcome = Ok(count);
        for turned in waiting {
            // One that cannot be turned keeps no other from it.
            match turned.await {
                Ok(Ok(_)) => {}
                Ok(Err(error)) => outcome = Err(error),
                Err(_) => outcome = Err(LedgerError::NotTaken(AcceptError::Stopping)),
            }
        }
        outcome
    }
}

/// What an account has, by its number, as it is kept.
pub(super) fn had(books: &View<'_>, account: &str) -> Result<Option<(i64, Had)>, StoreError> {
    let Some(account) = books.ledger().account(account)? else { return Ok(None) };
    let Some(KeptSubscription { subscription, .. }) = books.subscriptions().of(account.number)?
    else {
        return Ok(None);
    };
    let plan = books.plans().version(&subscription.plan)?;
    let plan = plan.ok_or_else(|| StoreError::Damaged {
        what: format!("the subscription of `{}`", account.account),
        how: format!("there is no {}", subscription.plan),
    })?;
    Ok(Some((account.number, Had { subscription, plan })))
}

/// Hides accounts that are not theirs.
pub(super) fn sees(asker: &Asker, account: &str) -> Result<(), SubscriptionsError> {
    asker.may(Act::SeeUsage).or_else(|_| asker.may(Act::GrantCredit))?;
    asker.may_see(account).map_err(|_| SubscriptionsError::NoAccount)
}

/// What the trail says of it.
fn told(wanted: &Wanted) -> (&'static str, serde_json::Value) {
    match wanted {
        Wanted::Begin { plan, version, cycle, tz, tried } => (
            "subscriptions.begin",
            json!({ "plan": plan, "version": version, "cycle": cycle, "tz": tz.name(), "trial": tried }),
        ),
        Wanted::Change { plan, version, cycle, when } => (
            "subscriptions.change",
            json!({ "plan": plan, "version": version, "cycle": cycle, "when": when }),
        ),
        Wanted::Cancel(when) => ("subscriptions.cancel", json!({ "when": when })),
        Wanted::Resume => ("subscriptions.resume", json!({})),
        Wanted::FallDue => ("subscriptions.fall_due", json!({})),
        Wanted::Pay => ("subscriptions.pay", json!({})),
        Wanted::Turn => ("subscriptions.turn", json!({})),
    }
}

/// How far a limit is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitStanding {
    /// The limit.
    pub limit: Limit,
    /// The window that runs.
    pub window: Window,
    /// What was used in it, captures without events included, in billionths.
    pub used: i128,
    /// What is set aside for work in flight, in billionths.
    pub held: i128,
}

impl LimitStanding {
    /// What is left, in billionths; `None` where there is no end to it.
    pub fn available(&self) -> Option<i128> {
        match self.limit.most {
            Most::Nanos(most) => Some(most - self.used - self.held),
            Most::Unlimited => None,
        }
    }

    /// Whether nothing more may be used.
    pub fn is_used_up(&self) -> bool {
        self.limit.is_hard() && self.available().is_some_and(|left| left <= 0)
    }
}

/// What an account has of the limits of its plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Its subscription and its plan.
    pub had: Had,
    /// When it was looked at.
    pub at: DateTime<Utc>,
    /// Each limit of the plan.
    pub standings: Vec<LimitStanding>,
}

impl Limits {
    fn read(
        books: &View<'_>,
        number: i64,
        had: Had,
        at: DateTime<Utc>,
    ) -> Result<Self, StoreError> {
        let at = at.max(had.subscription.month_window().from);
        let counters: BTreeMap<_, _> = books.limits().counters(number)?.into_iter().collect();
        let mut standings = Vec::with_capacity(had.plan.draft.limits.len());
        for limit in &had.plan.draft.limits {
            let subscription = &had.subscription;
            let window = limit.every.of(at, subscription.months.tz, |at| subscription.month_of(at));
            let counting = books.limits().counting(&limit.counting())?;
            let key = counting.map(|counting| (counting, window.from.timestamp_micros()));
            let counter = key.and_then(|key| counters.get(&key));
            standings.push(LimitStanding {
                limit: limit.clone(),
                window,
                used: counter.map_or(0, |counter| counter.used + counter.captured),
                held: counter.map_or(0, |counter| counter.held),
            });
        }
        Ok(Self { had, at, standings })
    }

    /// How far the limit of that id is used.
    pub fn standing(&self, id: &str) -> Option<&LimitStanding> {
        self.standings.iter().find(|standing| standing.limit.id == id)
    }
}

/// What a plan has of a feature.
pub fn is_there(feature: &Feature) -> bool {
    !matches!(feature, Feature::Boolean { enabled: false })
}

/// Turns subscriptions each second, as long as the folder is open.
pub async fn turn(outlay: Weak<Outlay>, task: Arc<Task>) {
    loop {
        let Some(open) = outlay.upgrade() else { return };
        let subscriptions = open.subscriptions();
        drop(open);
        let turned = subscriptions.turn_due().await;
        let is_more = matches!(turned, Ok(ACCOUNTS_MAX));
        match turned {
            Ok(_) => task.done(),
            Err(error) => task.failed(&error),
        }
        if !is_more {
            tokio::time::sleep(ROUND).await;
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
#[path = "subscription_tests.rs"]
mod tests;
