//! What accounts have of plans, within a commit: as the rest of an account it is loaded where it is
//! touched, decided by `domain::plans`, and saved once.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use compact_str::{CompactString, format_compact};
use hashbrown::HashMap;
use outlay_domain::Amount;
use outlay_domain::budgets::Window;
use outlay_domain::ledger::Hold;
use outlay_domain::people::AuditRecord;
use outlay_domain::plans::{
    Counted, CounterKey, Demand, Feature, Limit, LimitMeasure, LimitShare, LimitUsage, Most,
    NextPlan, Notice, Passed, PlanDraft, PlanGrant, PlanId, PlanRef, PlanVersion, Step,
    Subscription, SubscriptionRefusal, Taking, is_closed,
};
use outlay_domain::usage::question::Measure;
use outlay_domain::usage::{
    Charge, FUTURE_TOLERANCE_HOURS, Fact, FactKind, Quantities, UsageEvent,
};
use outlay_store::sqlite::subscriptions::KeptSubscription;
use outlay_store::{StoreError, Tx};

use super::{Ledgers, Open, Stop, unknown};
use crate::ledger::{Done, LedgerError, Reached, Subscribed, Uses, Wanted};

/// Versions of plans that are remembered, at most.
const VERSIONS_MAX: usize = 10_000;

/// Versions of plans. They never change, so what is known stays true.
#[derive(Default)]
pub(super) struct Versions(HashMap<PlanRef, Arc<Offer>>);

/// A version, with the numbers of what its limits count, in their order.
pub(super) struct Offer {
    version: Arc<PlanVersion>,
    countings: Vec<i64>,
}

impl Offer {
    fn limits(&self) -> impl Iterator<Item = Counted<'_>> + Clone {
        let limits = self.version.draft.limits.iter().zip(&self.countings);
        limits.map(|(limit, counting)| Counted { limit, counting: *counting })
    }
}

impl Deref for Offer {
    type Target = PlanVersion;

    fn deref(&self) -> &PlanVersion {
        &self.version
    }
}

impl Versions {
    fn find(&mut self, tx: &Tx<'_>, plan: &PlanRef) -> Result<Option<Arc<Offer>>, StoreError> {
        if let Some(known) = self.0.get(plan) {
            return Ok(Some(known.clone()));
        }
        let Some(version) = tx.plans().version(plan)?.map(Arc::new) else { return Ok(None) };
        let limits = version.draft.limits.iter();
        let countings = limits.map(|limit| tx.limits().number(&limit.counting()));
        let countings = countings.collect::<Result<_, StoreError>>()?;
        let found = Arc::new(Offer { version, countings });
        if self.0.len() >= VERSIONS_MAX {
            self.0.clear();
        }
        self.0.insert(plan.clone(), found.clone());
        Ok(Some(found))
    }

    /// A version that somebody has, and so is there.
    fn there(&mut self, tx: &Tx<'_>, plan: &PlanRef) -> Result<Arc<Offer>, StoreError> {
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
    plan: Arc<Offer>,
    /// What comes when what is paid for is over.
    next: Option<Arc<Offer>>,
    /// What was used of what it limits.
    pub(super) usage: LimitUsage,
    /// Shares of limits that were reached in this commit.
    notices: Vec<Notice>,
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
        let usage = LimitUsage::new(tx.limits().counters(account)?);
        let (notices, steps) = (Vec::new(), Vec::new());
        Ok(Some(Self { kept, plan, next, usage, notices, steps, is_changed: false }))
    }

    fn new(subscription: Subscription, steps: i64, plan: Arc<Offer>) -> Self {
        let kept = KeptSubscription { subscription, steps };
        Self {
            kept,
            plan,
            next: None,
            usage: LimitUsage::default(),
            notices: Vec::new(),
            steps: Vec::new(),
            is_changed: true,
        }
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
    fn know_plans<const N: usize>(&mut self, at_hand: [Option<Arc<Offer>>; N]) {
        let find = |wanted: &PlanRef| {
            at_hand.iter().flatten().find(|version| version.plan == *wanted).cloned()
        };
        if let Some(plan) = find(&self.kept.subscription.plan) {
            let before = std::mem::replace(&mut self.plan, plan);
            // What was counted all the time is still whole.
            self.usage.doubt(|counting| before.countings.contains(&counting));
        }
        self.next = self.kept.subscription.next.as_ref().and_then(|next| find(&next.plan));
    }

    pub(super) fn save(
        &mut self,
        tx: &Tx<'_>,
        account: i64,
        at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        for notice in self.notices.drain(..) {
            tx.limits().note(account, &notice, at)?;
        }
        if self.usage.closes_any(at) {
            tx.limits().close(account, at)?;
        }
        for (key, counter) in self.usage.take_changes(at) {
            tx.limits().put(account, key, &counter)?;
        }
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
    at_hand: [Option<&'a Arc<Offer>>; N],
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
                plan: plan.plan.version.clone(),
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
    ) -> Result<(Arc<Offer>, bool), Stop> {
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
        (plan, is_closed): (Arc<Offer>, bool),
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
        let mut open = OpenPlan::new(subscription, steps, plan);
        if let Some(before) = self.plan.take() {
            // Who comes back in the same month has used what they had used of it.
            open.usage = before.usage;
            open.usage.doubt(|_| false);
        }
        self.plan = Some(open);
        Ok(Some(step))
    }

    fn change_plan(
        &mut self,
        wanted: Wanted,
        offered: Option<(Arc<Offer>, bool)>,
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

/// How long ahead of its time an event may be: what came before a plan did is in no counter.
const AHEAD: TimeDelta = TimeDelta::hours(FUTURE_TOLERANCE_HOURS);

impl OpenPlan {
    /// Windows that begin then or later have everything.
    fn whole_from(&self) -> DateTime<Utc> {
        self.subscription().plan_since + AHEAD
    }

    fn window(&self, limit: &Limit, at: DateTime<Utc>) -> Window {
        let subscription = self.subscription();
        limit.every.of(at, subscription.months.tz, |at| subscription.month_of(at))
    }

    /// Counts what was taken.
    fn count(&mut self, takings: &[Taking]) -> bool {
        let (plan, whole_from) = (self.plan.clone(), self.whole_from());
        self.notices.extend(self.usage.take(takings, plan.limits(), whole_from));
        !takings.is_empty()
    }

    fn refused(&self, passed: Passed) -> Stop {
        let found = self.plan.draft.limit(&passed.limit);
        let measure = found.map(|limit| limit.measure.clone());
        let reached = match measure {
            Some(measure) => Reached::Plan { limit: passed.limit, measure },
            None => Reached::Feature(passed.limit),
        };
        Stop::Refused(LedgerError::Limit(Box::new(crate::ledger::Limit {
            reached,
            available: passed.available,
            resets_at: Some(passed.resets_at),
        })))
    }
}

impl Open {
    /// What something about to be used takes of the plan's limits, where all of them let it.
    pub(super) fn admitted(
        &self,
        attributes: &BTreeMap<String, String>,
        spend: Amount,
        uses: &Uses,
        at: DateTime<Utc>,
    ) -> Result<Vec<Taking>, Stop> {
        let refuse = |reached| {
            let limit = crate::ledger::Limit { reached, available: 0, resets_at: None };
            Err(Stop::Refused(LedgerError::Limit(Box::new(limit))))
        };
        let Some(plan) = &self.plan else {
            return match &uses.feature {
                Some(feature) => refuse(Reached::Feature(feature.clone())),
                None => Ok(Vec::new()),
            };
        };
        let state = plan.subscription().state;
        if !state.allows_use() {
            return refuse(Reached::Subscription(state));
        }
        if let Some(name) = &uses.feature {
            let feature = plan.plan.draft.features.get(name);
            if !feature.is_some_and(crate::plans::is_there) {
                return refuse(Reached::Feature(name.clone()));
            }
        }
        // Whatever the clock says, what is over does not come again.
        let at = at.max(plan.subscription().month_window().from);
        let metered =
            match uses.feature.as_ref().and_then(|name| plan.plan.draft.features.get(name)) {
                Some(Feature::Metered { limit }) => Some(limit),
                _ => None,
            };
        let wanted = |limit: &Limit| match demand(&limit.measure, spend, uses.quantities.as_ref()) {
            // Whoever asks for the feature uses some of what it is measured by.
            Demand::Of(0) if uses.quantities.is_none() && metered == Some(&limit.id) => {
                Demand::Some
            }
            wanted => wanted,
        };
        let limits = plan.plan.limits().filter(|counted| {
            counted.limit.scope.takes(attributes) || metered == Some(&counted.limit.id)
        });
        let judged = plan.usage.judge(limits, |limit| plan.window(limit, at), wanted, &[], at);
        judged.map_err(|passed| plan.refused(passed))
    }

    /// Sets aside what was taken of limits.
    pub(super) fn hold_on_limits(&mut self, takings: &[Taking]) -> Vec<LimitShare> {
        let Some(plan) = &mut self.plan else { return Vec::new() };
        let whole_from = plan.whole_from();
        plan.usage.hold(takings, whole_from)
    }

    /// What an event takes of the plan's limits, where all of them let it.
    pub(super) fn limited(
        &self,
        event: &UsageEvent,
        charge: &Charge,
        own: &[LimitShare],
        at: DateTime<Utc>,
    ) -> Result<Vec<Taking>, Stop> {
        let Some(plan) = self.plan_of(event) else { return Ok(Vec::new()) };
        let limits = plan.plan.limits().filter(|counted| counted.limit.scope.takes_event(event));
        let window = |limit: &Limit| plan.window(limit, event.occurred_at);
        let wanted = |limit: &Limit| Demand::Of(limit.measure.of(FactKind::Usage, event, charge));
        let judged = plan.usage.judge(limits, window, wanted, own, at);
        judged.map_err(|passed| plan.refused(passed))
    }

    /// Counts what an event took; says whether it took anything.
    pub(super) fn take(&mut self, takings: &[Taking]) -> bool {
        self.plan.as_mut().is_some_and(|plan| plan.count(takings))
    }

    /// Counts what an amendment changes, whatever the limits are; says whether it changed anything.
    pub(super) fn amend_limits(&mut self, fact: &Fact, at: DateTime<Utc>) -> bool {
        let Some(plan) = self.plan_of(&fact.event) else { return false };
        let window = |limit: &Limit| plan.window(limit, fact.event.occurred_at);
        let mut takings: BTreeMap<CounterKey, Taking> = BTreeMap::new();
        for Counted { limit, counting } in plan.plan.limits() {
            let window = window(limit);
            let nanos = limit.measure.of(fact.kind, &fact.event, &fact.charge);
            if nanos == 0 || is_closed(window, at) || !limit.scope.takes_event(&fact.event) {
                continue;
            }
            let is_spend = limit.measure.is_spend();
            let taking = Taking { counting, window, nanos, is_spend };
            takings.insert(taking.key(), taking);
        }
        let takings: Vec<_> = takings.into_values().collect();
        self.take(&takings)
    }

    /// Whether a hold is on limits, where they let so much be captured of it.
    pub(super) fn may_capture(
        &self,
        hold: i64,
        held: Amount,
        captured: Amount,
    ) -> Result<bool, Stop> {
        let shares = self.limits_on.get(&hold).map(Vec::as_slice).unwrap_or_default();
        let beyond = i128::from(captured.nanos()) - i128::from(held.nanos());
        let (Some(plan), true) = (&self.plan, beyond > 0) else { return Ok(!shares.is_empty()) };
        for share in shares.iter().filter(|share| share.is_spend) {
            let Some(counter) = plan.usage.get(share.key) else { continue };
            let hard = plan
                .plan
                .limits()
                .filter(|counted| counted.counting == share.key.0 && counted.limit.is_hard());
            for Counted { limit, .. } in hard {
                let Most::Nanos(most) = limit.most else { continue };
                let available = most - counter.taken();
                if available < beyond {
                    let (limit, resets_at) = (limit.id.clone(), counter.window.to);
                    return Err(plan.refused(Passed { limit, available, resets_at }));
                }
            }
        }
        Ok(!shares.is_empty())
    }

    /// Counts what was captured of a hold without an event.
    pub(super) fn capture_on_limits(&mut self, hold: &Hold) {
        let (Some(plan), Some(shares)) = (&mut self.plan, self.limits_on.get(&hold.number)) else {
            return;
        };
        let (offer, spent) = (plan.plan.clone(), i128::from(hold.captured.nanos()));
        plan.notices.extend(plan.usage.capture(shares, spent, offer.limits()));
    }

    /// The plan that counts an event: one that goes on and was there when it occurred.
    fn plan_of(&self, event: &UsageEvent) -> Option<&OpenPlan> {
        self.plan.as_ref().filter(|plan| {
            let subscription = plan.subscription();
            subscription.state.allows_use() && event.occurred_at >= subscription.began_at
        })
    }
}

/// How much somebody is about to use.
fn demand(measure: &LimitMeasure, spend: Amount, quantities: Option<&Quantities>) -> Demand {
    match (measure.measure(), quantities) {
        (Measure::Spend, _) => Demand::Of(spend.nanos().into()),
        (Measure::Events, _) => Demand::Of(NANOS_PER_CALL),
        (_, Some(quantities)) => Demand::Of(measure.of_quantities(quantities)),
        // Calls use tokens, also where nobody counted them.
        (Measure::Tokens, None) => Demand::Some,
        (_, None) => Demand::Of(0),
    }
}

/// One call, in billionths.
const NANOS_PER_CALL: i128 = 1_000_000_000;
