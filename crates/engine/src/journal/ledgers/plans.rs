//! What accounts have of plans, within a commit: as the rest of an account it is loaded where it is
//! touched, decided by `domain::plans`, and saved once.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use compact_str::{CompactString, format_compact};
use hashbrown::HashMap;
use outlay_domain::people::AuditRecord;
use outlay_domain::plans::{
    NextPlan, PlanDraft, PlanGrant, PlanId, PlanRef, PlanVersion, Step, Subscription,
    SubscriptionRefusal,
};
use outlay_store::sqlite::subscriptions::KeptSubscription;
use outlay_store::{StoreError, Tx};

use super::{Ledgers, Open, Stop, unknown};
use crate::ledger::{Done, LedgerError, Subscribed, Wanted};

/// Versions of plans that are remembered, at most.
const VERSIONS_MAX: usize = 10_000;

/// Versions of plans. They never change, so what is known stays true.
#[derive(Default)]
pub(super) struct Versions(HashMap<PlanRef, Arc<PlanVersion>>);

impl Versions {
    fn find(
        &mut self,
        tx: &Tx<'_>,
        plan: &PlanRef,
    ) -> Result<Option<Arc<PlanVersion>>, StoreError> {
        if let Some(known) = self.0.get(plan) {
            return Ok(Some(known.clone()));
        }
        let Some(found) = tx.plans().version(plan)?.map(Arc::new) else { return Ok(None) };
        if self.0.len() >= VERSIONS_MAX {
            self.0.clear();
        }
        self.0.insert(plan.clone(), found.clone());
        Ok(Some(found))
    }

    /// A version that somebody has, and so is there.
    fn there(&mut self, tx: &Tx<'_>, plan: &PlanRef) -> Result<Arc<PlanVersion>, StoreError> {
        self.find(tx, plan)?.ok_or_else(|| StoreError::Damaged {
            what: format!("the plan {plan}"),
            how: "an account has it, and it is not there".to_owned(),
        })
    }
}

/// The plan of one account, as it is after all that was judged so far.
#[derive(Clone)]
pub(super) struct OpenPlan {
    kept: KeptSubscription,
    plan: Arc<PlanVersion>,
    /// What comes when what is paid for is over.
    next: Option<Arc<PlanVersion>>,
    /// What happened in this commit.
    steps: Vec<Step>,
    is_changed: bool,
}

impl OpenPlan {
    pub(super) fn load(
        tx: &Tx<'_>,
        account: i64,
        versions: &mut Versions,
    ) -> Result<Option<Self>, StoreError> {
        let Some(kept) = tx.subscriptions().of(account)? else { return Ok(None) };
        let plan = versions.there(tx, &kept.subscription.plan)?;
        let next = kept.subscription.next.as_ref();
        let next = next.map(|next| versions.there(tx, &next.plan)).transpose()?;
        Ok(Some(Self { kept, plan, next, steps: Vec::new(), is_changed: false }))
    }

    fn new(subscription: Subscription, steps: i64, plan: Arc<PlanVersion>) -> Self {
        let kept = KeptSubscription { subscription, steps };
        Self { kept, plan, next: None, steps: Vec::new(), is_changed: true }
    }

    fn subscription(&self) -> &Subscription {
        &self.kept.subscription
    }

    fn is_due(&self, at: DateTime<Utc>) -> bool {
        self.subscription().due_at().is_some_and(|due| due <= at)
    }

    /// Lets happen what happens by itself up to `at`.
    fn turn(&mut self, at: DateTime<Utc>) -> Vec<Step> {
        let (plan, next) = (self.plan.clone(), self.next.clone());
        let book = |wanted: &PlanRef| says(wanted, [Some(&plan), next.as_ref()]);
        let steps = self.kept.subscription.turn(at, &book);
        self.know_plans([Some(plan.clone()), next.clone()]);
        self.is_changed |= !steps.is_empty();
        steps
    }

    /// Looks up again what the subscription names now, among versions that are at hand.
    fn know_plans<const N: usize>(&mut self, at_hand: [Option<Arc<PlanVersion>>; N]) {
        let find = |wanted: &PlanRef| {
            at_hand.iter().flatten().find(|version| version.plan == *wanted).cloned()
        };
        if let Some(plan) = find(&self.kept.subscription.plan) {
            self.plan = plan;
        }
        self.next = self.kept.subscription.next.as_ref().and_then(|next| find(&next.plan));
    }

    pub(super) fn save(&mut self, tx: &Tx<'_>, account: i64) -> Result<(), StoreError> {
        for step in self.steps.drain(..) {
            self.kept.steps += 1;
            tx.subscriptions().add_step(account, self.kept.steps, &step)?;
        }
        if std::mem::take(&mut self.is_changed) {
            tx.subscriptions().put(account, &self.kept)?;
        }
        Ok(())
    }
}

/// What a version says, where it is among those at hand.
fn says<'a, const N: usize>(
    wanted: &PlanRef,
    at_hand: [Option<&'a Arc<PlanVersion>>; N],
) -> Option<&'a PlanDraft> {
    at_hand.into_iter().flatten().find(|version| version.plan == *wanted).map(|one| &one.draft)
}

impl Open {
    /// Lets happen to the subscription what happens by itself up to `at`; says whether anything did.
    pub(super) fn turn(
        &mut self,
        tx: &Tx<'_>,
        at: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<bool, Stop> {
        let Some(plan) = self.plan.as_mut().filter(|plan| plan.is_due(at)) else {
            return Ok(false);
        };
        let steps = plan.turn(at);
        let is_any = !steps.is_empty();
        for step in steps {
            self.take_step(tx, step, at, now)?;
        }
        Ok(is_any)
    }

    /// Notes what happened to the subscription, and gives the credit that comes with it.
    fn take_step(
        &mut self,
        tx: &Tx<'_>,
        mut step: Step,
        at: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<(), Stop> {
        for grant in std::mem::take(&mut step.credits) {
            if !self.give(tx, &grant, at.max(now), now)? {
                step.not_given.push(grant.unit);
            }
        }
        if let Some(plan) = &mut self.plan {
            plan.steps.push(step);
            plan.is_changed = true;
        }
        Ok(())
    }

    /// Gives credit of a plan once; says whether the account has it.
    fn give(
        &mut self,
        tx: &Tx<'_>,
        grant: &PlanGrant,
        at: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<bool, Stop> {
        let Some(draft) = grant.draft(at) else { return Ok(true) };
        // Ids of people begin with another letter: nobody can take this one before.
        let id = format_compact!("p:{}", grant.id);
        if self.posting_by_id(tx, &id)?.is_some() {
            return Ok(true);
        }
        self.ledger.name_next(id.clone(), CompactString::default());
        let granted = self.ledger.grant(&grant.unit, draft, now);
        self.note(granted.is_ok(), &id);
        if let Err(refusal) = &granted {
            let account = self.account.number;
            tracing::error!(account, %refusal, "the credit of a plan could not be given");
        }
        Ok(granted.is_ok())
    }
}

impl Ledgers {
    /// Does something to the subscription of an account.
    pub(super) fn subscription(
        &mut self,
        tx: &Tx<'_>,
        account: CompactString,
        wanted: Wanted,
        trail: Option<AuditRecord>,
    ) -> Result<Done, Stop> {
        let (at, now) = (self.believed, self.now);
        let plan = match &wanted {
            Wanted::Begin { plan, version, .. } | Wanted::Change { plan, version, .. } => {
                Some(self.offered(tx, plan, *version)?)
            }
            _ => None,
        };
        let may_begin = matches!(wanted, Wanted::Begin { .. });
        let open = self.opened(tx, &account, may_begin)?.ok_or_else(no_subscription)?;
        let step = match (wanted, plan) {
            (Wanted::Begin { cycle, tz, tried, .. }, Some(plan)) => {
                open.begin_plan(plan, cycle, tz, tried, at)?
            }
            (wanted, plan) => open.change_plan(wanted, plan, at)?,
        };
        let is_changed = step.is_some();
        if let Some(step) = step {
            open.take_step(tx, step, at, now)?;
            if let Some(trail) = trail {
                tx.audit().append(&trail).map_err(Stop::Torn)?;
            }
        }
        let subscribed = match &open.plan {
            Some(plan) => Subscribed {
                subscription: plan.subscription().clone(),
                plan: plan.plan.clone(),
                is_changed,
            },
            None => return Err(no_subscription()),
        };
        if is_changed {
            self.touched.insert(account);
        }
        Ok(Done::Subscribed(Box::new(subscribed)))
    }

    /// A version of a plan that somebody new may have: the newest where nothing is said.
    fn offered(
        &mut self,
        tx: &Tx<'_>,
        id: &PlanId,
        version: Option<u32>,
    ) -> Result<(Arc<PlanVersion>, bool), Stop> {
        let refuse = |error| Stop::Refused(error);
        let state = tx.plans().state(id)?;
        let state = state.ok_or_else(|| refuse(LedgerError::NoPlan(id.clone())))?;
        let plan = PlanRef { id: id.clone(), version: version.unwrap_or(state.newest) };
        let found = self.versions.find(tx, &plan)?;
        let found = found.ok_or_else(|| refuse(SubscriptionRefusal::NoPlan(plan).into()))?;
        Ok((found, state.is_closed))
    }
}

impl Open {
    fn begin_plan(
        &mut self,
        (plan, is_closed): (Arc<PlanVersion>, bool),
        cycle: outlay_domain::plans::Cycle,
        tz: chrono_tz::Tz,
        tried: Option<bool>,
        at: DateTime<Utc>,
    ) -> Result<Option<Step>, Stop> {
        let before = self.plan.as_ref().map(|plan| plan.kept.clone());
        if let Some(before) = &before
            && before.subscription.ended_at.is_none()
        {
            let known = &before.subscription;
            // The same again is done once.
            if known.plan == plan.plan && known.cycle == cycle && known.months.tz == tz {
                return Ok(None);
            }
            return Err(SubscriptionRefusal::There(known.plan.clone()).into());
        }
        if is_closed {
            return Err(Stop::Refused(LedgerError::PlanClosed(plan.plan.id.clone())));
        }
        let generation = before.as_ref().map_or(0, |before| before.subscription.generation) + 1;
        // A plan is tried by whoever is new.
        let tried = tried.unwrap_or(before.is_none());
        let at = before
            .as_ref()
            .and_then(|before| before.subscription.ended_at)
            .map_or(at, |ended| ended.max(at));
        let (subscription, step) =
            Subscription::begin(plan.plan.clone(), &plan.draft, cycle, tz, tried, generation, at)
                .map_err(refused)?;
        let steps = before.map_or(0, |before| before.steps);
        self.plan = Some(OpenPlan::new(subscription, steps, plan));
        Ok(Some(step))
    }

    fn change_plan(
        &mut self,
        wanted: Wanted,
        offered: Option<(Arc<PlanVersion>, bool)>,
        at: DateTime<Utc>,
    ) -> Result<Option<Step>, Stop> {
        let open = self.plan.as_mut().ok_or_else(no_subscription)?;
        let (plan, next) = (open.plan.clone(), open.next.clone());
        let subscription = &mut open.kept.subscription;
        let (says_now, at) = (&plan.draft, at.max(subscription.plan_since));
        let step = match wanted {
            Wanted::Change { cycle, when, .. } => {
                let (to, is_closed) = offered.ok_or_else(unknown)?;
                let is_had = to.plan.id == subscription.plan.id;
                if is_closed && !is_had {
                    return Err(Stop::Refused(LedgerError::PlanClosed(to.plan.id.clone())));
                }
                let wanted =
                    NextPlan { plan: to.plan.clone(), cycle: cycle.unwrap_or(subscription.cycle) };
                let book = |wanted: &PlanRef| says(wanted, [Some(&plan), next.as_ref(), Some(&to)]);
                let step = subscription.change(wanted, when, &book, at).map_err(refused)?;
                open.know_plans([Some(plan.clone()), next.clone(), Some(to.clone())]);
                step
            }
            Wanted::Cancel(when) => subscription.cancel(when, says_now, at).map_err(refused)?,
            Wanted::Resume => subscription.resume(says_now, at).map_err(refused)?,
            Wanted::FallDue => subscription.fall_due(says_now, at).map_err(refused)?,
            Wanted::Pay => subscription.pay(says_now, at).map_err(refused)?,
            Wanted::Begin { .. } | Wanted::Turn => None,
        };
        open.know_plans([Some(open.plan.clone()), open.next.clone()]);
        Ok(step)
    }
}

fn refused(refusal: SubscriptionRefusal) -> Stop {
    refusal.into()
}

impl From<SubscriptionRefusal> for Stop {
    fn from(refusal: SubscriptionRefusal) -> Self {
        Self::Refused(LedgerError::Subscription(refusal))
    }
}

fn no_subscription() -> Stop {
    SubscriptionRefusal::None.into()
}
