//! That an account has a plan, from when to when, and what happens to that.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use compact_str::{CompactString, format_compact};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use utoipa::ToSchema;

use super::months::{Months, days_after};
use super::plan::{PlanCredit, PlanDraft, PlanRef};
use crate::Amount;
use crate::budgets::Window;
use crate::ledger::{GrantDraft, Rollover, Source, Unit};

/// Steps that are taken at once, at most: what is left is due at once again.
const STEPS_MAX: usize = 240;
/// The number of the time in which a plan is tried.
const TRIAL: i32 = -1;

/// For how long is paid at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = BillingCycle)]
pub enum Cycle {
    /// By the month.
    #[default]
    Monthly,
    /// By the year.
    Yearly,
}

impl Cycle {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Monthly => "monthly",
            Self::Yearly => "yearly",
        }
    }

    const fn months(self) -> i32 {
        match self {
            Self::Monthly => 1,
            Self::Yearly => 12,
        }
    }
}

/// When something is to come about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// Now.
    Now,
    /// When what is paid for is over.
    PeriodEnd,
}

/// How a subscription stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SubscriptionState {
    /// It is tried, and nothing is paid yet.
    Trialing,
    /// It goes on.
    Active,
    /// A payment is due, and it goes on for some days.
    PastDue,
    /// A payment is due for so long that nothing is allowed any more.
    Suspended,
    /// It is over.
    Ended,
}

impl SubscriptionState {
    /// The word on the wire and in the books.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Trialing => "trialing",
            Self::Active => "active",
            Self::PastDue => "past_due",
            Self::Suspended => "suspended",
            Self::Ended => "ended",
        }
    }

    /// Whether the account may use what its plan has.
    pub const fn allows_use(self) -> bool {
        matches!(self, Self::Trialing | Self::Active | Self::PastDue)
    }
}

/// Which plan comes when what is paid for is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NextPlan {
    /// Which version of which.
    pub plan: PlanRef,
    /// For how long is paid then.
    pub cycle: Cycle,
}

/// That an account has a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    /// Counts how often the account's months began anew, from 1.
    pub generation: u32,
    /// Which version of which plan.
    pub plan: PlanRef,
    /// Since when it has that.
    pub plan_since: DateTime<Utc>,
    /// For how long is paid at a time.
    pub cycle: Cycle,
    /// When it began.
    pub began_at: DateTime<Utc>,
    /// Its months; the first begins when a trial is over.
    pub months: Months,
    /// The number of the month that runs, and -1 in a trial.
    pub month: i32,
    /// The number of a month with which something begins that is paid for.
    pub paid_from: i32,
    /// How it stands.
    pub state: SubscriptionState,
    /// Up to when it goes on although a payment is due.
    pub grace_ends_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// What comes next.
    pub next: Option<NextPlan>,
    /// Whether it ends when what is paid for is over.
    pub cancels: bool,
    /// How often it was changed at once.
    pub changes: u32,
}

/// What happened to a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = SubscriptionStepKind)]
pub enum StepKind {
    /// It began.
    Started,
    /// What was paid for was over, and the next began.
    Renewed,
    /// A month began within what is paid for.
    Month,
    /// It has another plan, or is paid for another time.
    Changed,
    /// It will have another plan.
    ChangeScheduled,
    /// It will end.
    CancelScheduled,
    /// It goes on after all.
    Resumed,
    /// A payment is due.
    PastDue,
    /// It was paid.
    Paid,
    /// Nothing is allowed any more until it is paid.
    Suspended,
    /// It is over.
    Ended,
}

/// One thing that happened to a subscription.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// When.
    pub at: DateTime<Utc>,
    /// What.
    pub kind: StepKind,
    /// The plan from then on, or that will be.
    pub plan: PlanRef,
    /// The plan before, where it is another.
    pub before: Option<PlanRef>,
    /// For how long is paid at a time.
    pub cycle: Cycle,
    /// From when on, of what it is about.
    pub from: DateTime<Utc>,
    /// Up to when.
    pub to: DateTime<Utc>,
    /// The currency of the plan.
    pub currency: Unit,
    /// What is to be paid for it.
    pub charged: Amount,
    /// What was paid for before and was not used.
    pub credited: Amount,
    /// The credit that comes with it.
    #[serde(skip)]
    pub credits: Vec<PlanGrant>,
    /// Units of which it could not be given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_given: Vec<Unit>,
}

/// Credit that a plan gives for a month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanGrant {
    /// Its id, which says for what it is, so that it is given once.
    pub id: CompactString,
    /// In which unit.
    pub unit: Unit,
    amount: Amount,
    priority: i16,
    ends_at: DateTime<Utc>,
    /// How much of the rest goes on, and up to when.
    rolls: Option<(Amount, DateTime<Utc>)>,
}

impl PlanGrant {
    /// What is to be granted at `now`. Where the month is over by then it is what would have gone on of
    /// it, because nobody could use any; nothing where that is over, too.
    pub fn draft(&self, now: DateTime<Utc>) -> Option<GrantDraft> {
        let draft = |amount, ends_at, rollover| GrantDraft {
            id: self.id.clone(),
            amount,
            source: Source::Plan,
            priority: self.priority,
            effective_at: None,
            expires_at: Some(ends_at),
            rollover,
        };
        if self.ends_at > now {
            let rollover =
                self.rolls.map(|(max, until)| Rollover { max, lasts: until - self.ends_at });
            return Some(draft(self.amount, self.ends_at, rollover));
        }
        let (max, until) = self.rolls.filter(|(_, until)| *until > now)?;
        Some(draft(self.amount.min(max), until, None))
    }
}

/// Why something is not done to a subscription.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SubscriptionRefusal {
    /// The account has one.
    #[error("the account has the plan {0} already")]
    There(PlanRef),
    /// The account has none that goes on.
    #[error("the account has no subscription that goes on")]
    None,
    /// The plan is not paid by the year.
    #[error("{0} is not paid by the year")]
    NotYearly(PlanRef),
    /// It ends.
    #[error("the subscription was cancelled and ends soon")]
    Cancelled,
    /// Nothing is paid yet.
    #[error("the plan is still tried, and no payment can be due")]
    Tried,
    /// The plan is not there.
    #[error("there is no {0}")]
    NoPlan(PlanRef),
}

/// Looks up what a version of a plan says.
pub type PlanBook<'a> = &'a dyn Fn(&PlanRef) -> Option<&'a PlanDraft>;

impl Subscription {
    /// An account begins to have a plan at `now`, as the `generation`th time; first on trial, where it is
    /// `tried` and the plan has one.
    pub fn begin(
        plan: PlanRef,
        says: &PlanDraft,
        cycle: Cycle,
        tz: Tz,
        tried: bool,
        generation: u32,
        now: DateTime<Utc>,
    ) -> Result<(Self, Step), SubscriptionRefusal> {
        let price = price_of(&plan, says, cycle)?;
        let is_tried = tried && says.trial_days > 0;
        let from = if is_tried { days_after(now, says.trial_days, tz) } else { now };
        let subscription = Self {
            generation,
            plan,
            plan_since: now,
            cycle,
            began_at: now,
            months: Months { from, tz },
            month: if is_tried { TRIAL } else { 0 },
            paid_from: 0,
            state: match is_tried {
                true => SubscriptionState::Trialing,
                false => SubscriptionState::Active,
            },
            grace_ends_at: None,
            ended_at: None,
            next: None,
            cancels: false,
            changes: 0,
        };
        let step = Step {
            charged: if is_tried { Amount::ZERO } else { price },
            credits: subscription.credits_of(says),
            ..subscription.step(StepKind::Started, says, now)
        };
        Ok((subscription, step))
    }

    /// The month that runs, or the trial.
    pub fn month_window(&self) -> Window {
        match self.month {
            TRIAL => Window { from: self.began_at, to: self.months.from },
            month => self.months.window(month),
        }
    }

    /// The month in which `at` lies, also one that is over or to come.
    pub fn month_of(&self, at: DateTime<Utc>) -> Window {
        match at < self.months.from {
            true => Window { from: self.began_at, to: self.months.from },
            false => self.months.window(self.months.number_at(at)),
        }
    }

    /// What is paid for now: a month, a year, or the trial.
    pub fn period(&self) -> Window {
        if self.month == TRIAL {
            return self.month_window();
        }
        let length = self.cycle.months();
        let first = self.month - (self.month - self.paid_from).rem_euclid(length);
        Window { from: self.months.start(first), to: self.months.start(first + length) }
    }

    /// When something happens to it by itself.
    pub fn due_at(&self) -> Option<DateTime<Utc>> {
        if self.state == SubscriptionState::Ended {
            return None;
        }
        let grace = self.grace_ends_at.filter(|_| self.state == SubscriptionState::PastDue);
        let month = self.month_window().to;
        Some(grace.map_or(month, |grace| grace.min(month)))
    }

    /// Lets happen what happens by itself up to `now`, in order. However often it is asked, and after
    /// however long, the same happens, and each thing once.
    pub fn turn(&mut self, now: DateTime<Utc>, plans: PlanBook<'_>) -> Vec<Step> {
        let mut steps = Vec::new();
        while steps.len() < STEPS_MAX
            && let Some(at) = self.due_at().filter(|at| *at <= now)
            && let Some(step) = self.next_step(at, plans)
        {
            steps.push(step);
        }
        steps
    }

    fn next_step(&mut self, at: DateTime<Utc>, plans: PlanBook<'_>) -> Option<Step> {
        let says = plans(&self.plan)?;
        if self.state == SubscriptionState::PastDue && self.grace_ends_at == Some(at) {
            self.state = SubscriptionState::Suspended;
            return Some(self.step(StepKind::Suspended, says, at));
        }
        let is_paid_up = self.month == TRIAL
            || (self.month + 1 - self.paid_from).rem_euclid(self.cycle.months()) == 0;
        if !is_paid_up {
            self.month += 1;
            let credits = self.credits_of(says);
            let Window { from, to } = self.month_window();
            return Some(Step { from, to, credits, ..self.step(StepKind::Month, says, at) });
        }
        if self.cancels {
            self.end(at);
            return Some(self.step(StepKind::Ended, says, at));
        }
        let before = match self.next.clone() {
            Some(next) => {
                // What is not there cannot begin.
                plans(&next.plan)?;
                if next.cycle != self.cycle {
                    self.paid_from = self.month + 1;
                }
                self.cycle = next.cycle;
                self.next = None;
                self.plan_since = at;
                Some(std::mem::replace(&mut self.plan, next.plan))
            }
            None => None,
        };
        let says = plans(&self.plan)?;
        self.month += 1;
        if self.state == SubscriptionState::Trialing {
            self.state = SubscriptionState::Active;
        }
        let kind = if before.is_some() { StepKind::Changed } else { StepKind::Renewed };
        let charged = price_of(&self.plan, says, self.cycle).unwrap_or(says.price.monthly);
        let credits = self.credits_of(says);
        Some(Step { before, charged, credits, ..self.step(kind, says, at) })
    }

    /// Lets the account have another version or plan, or be paid for another time: now, with what was
    /// paid and is not used given back, or when what is paid for is over. The same again changes nothing.
    pub fn change(
        &mut self,
        to: NextPlan,
        when: When,
        plans: PlanBook<'_>,
        now: DateTime<Utc>,
    ) -> Result<Option<Step>, SubscriptionRefusal> {
        self.goes_on()?;
        let found =
            |plan: &PlanRef| plans(plan).ok_or_else(|| SubscriptionRefusal::NoPlan(plan.clone()));
        let (old, new) = (found(&self.plan)?, found(&to.plan)?);
        let price = price_of(&to.plan, new, to.cycle)?;
        if self.cancels {
            return Err(SubscriptionRefusal::Cancelled);
        }
        let is_same = to.plan == self.plan && to.cycle == self.cycle;
        if is_same || when == When::PeriodEnd && self.next.as_ref() == Some(&to) {
            // Whoever wants what there is wants nothing else any more.
            let undone = if is_same { self.next.take() } else { None };
            return Ok(undone.map(|_| self.step(StepKind::Resumed, old, now)));
        }
        if when == When::PeriodEnd {
            let before = Some(self.plan.clone());
            let Window { to: from, .. } = self.period();
            let step = Step {
                plan: to.plan.clone(),
                cycle: to.cycle,
                before,
                from,
                to: from,
                ..self.step(StepKind::ChangeScheduled, new, now)
            };
            self.next = Some(to);
            return Ok(Some(step));
        }
        Ok(Some(self.change_now(to, price, old, new, now)))
    }

    fn change_now(
        &mut self,
        to: NextPlan,
        price: Amount,
        old: &PlanDraft,
        new: &PlanDraft,
        now: DateTime<Utc>,
    ) -> Step {
        let period = self.period();
        let is_tried = self.month == TRIAL;
        let paid = price_of(&self.plan, old, self.cycle).unwrap_or(old.price.monthly);
        let credited = if is_tried { Amount::ZERO } else { rest_of(paid, period, now) };
        let charged = match is_tried {
            true => Amount::ZERO,
            false if to.cycle == self.cycle => rest_of(price, period, now),
            false => price,
        };
        self.changes += 1;
        self.next = None;
        self.plan_since = now;
        let begins_anew = to.cycle != self.cycle && !is_tried;
        self.cycle = to.cycle;
        let before = std::mem::replace(&mut self.plan, to.plan);
        let credits = if begins_anew {
            self.generation += 1;
            self.months.from = now;
            (self.month, self.paid_from) = (0, 0);
            self.credits_of(new)
        } else {
            self.credits_between(old, new, now)
        };
        let step = self.step(StepKind::Changed, new, now);
        Step { before: Some(before), charged, credited, credits, ..step }
    }

    /// Lets it end: now, with what was paid and is not used given back, or when what is paid for is over.
    pub fn cancel(
        &mut self,
        when: When,
        says: &PlanDraft,
        now: DateTime<Utc>,
    ) -> Result<Option<Step>, SubscriptionRefusal> {
        self.goes_on()?;
        if when == When::PeriodEnd {
            self.next = None;
            let is_new = !std::mem::replace(&mut self.cancels, true);
            return Ok(is_new.then(|| self.step(StepKind::CancelScheduled, says, now)));
        }
        let paid = price_of(&self.plan, says, self.cycle).unwrap_or(says.price.monthly);
        let was_paid = self.state == SubscriptionState::Active;
        let credited = if was_paid { rest_of(paid, self.period(), now) } else { Amount::ZERO };
        let step = Step { credited, ..self.step(StepKind::Ended, says, now) };
        self.end(now);
        Ok(Some(step))
    }

    /// Lets it go on as it is, where it would end or change.
    pub fn resume(
        &mut self,
        says: &PlanDraft,
        now: DateTime<Utc>,
    ) -> Result<Option<Step>, SubscriptionRefusal> {
        self.goes_on()?;
        let cancelled = std::mem::replace(&mut self.cancels, false);
        let is_any = self.next.take().is_some() || cancelled;
        Ok(is_any.then(|| self.step(StepKind::Resumed, says, now)))
    }

    /// Notes that a payment is due: it goes on for the plan's days of grace.
    pub fn fall_due(
        &mut self,
        says: &PlanDraft,
        now: DateTime<Utc>,
    ) -> Result<Option<Step>, SubscriptionRefusal> {
        self.goes_on()?;
        match self.state {
            SubscriptionState::Active => {}
            SubscriptionState::Trialing => return Err(SubscriptionRefusal::Tried),
            _ => return Ok(None),
        }
        self.state = SubscriptionState::PastDue;
        let ends_at = days_after(now, says.grace_days, self.months.tz);
        self.grace_ends_at = Some(ends_at);
        Ok(Some(Step { from: now, to: ends_at, ..self.step(StepKind::PastDue, says, now) }))
    }

    /// Notes that it was paid. The credit of the month comes then, where it did not before.
    pub fn pay(
        &mut self,
        says: &PlanDraft,
        now: DateTime<Utc>,
    ) -> Result<Option<Step>, SubscriptionRefusal> {
        self.goes_on()?;
        if !matches!(self.state, SubscriptionState::PastDue | SubscriptionState::Suspended) {
            return Ok(None);
        }
        self.state = SubscriptionState::Active;
        self.grace_ends_at = None;
        let credits = self.credits_of(says);
        Ok(Some(Step { credits, ..self.step(StepKind::Paid, says, now) }))
    }

    fn end(&mut self, at: DateTime<Utc>) {
        self.state = SubscriptionState::Ended;
        self.ended_at = Some(at);
        self.next = None;
        self.cancels = false;
        self.grace_ends_at = None;
    }

    fn goes_on(&self) -> Result<(), SubscriptionRefusal> {
        match self.state {
            SubscriptionState::Ended => Err(SubscriptionRefusal::None),
            _ => Ok(()),
        }
    }

    fn step(&self, kind: StepKind, says: &PlanDraft, at: DateTime<Utc>) -> Step {
        let Window { from, to } = self.period();
        Step {
            at,
            kind,
            plan: self.plan.clone(),
            before: None,
            cycle: self.cycle,
            from,
            to,
            currency: says.price.currency.clone(),
            charged: Amount::ZERO,
            credited: Amount::ZERO,
            credits: Vec::new(),
            not_given: Vec::new(),
        }
    }

    /// The credit of the month that runs; nothing while nothing is allowed.
    fn credits_of(&self, says: &PlanDraft) -> Vec<PlanGrant> {
        if !self.state.allows_use() {
            return Vec::new();
        }
        let grant = |credit: &PlanCredit| self.grant(credit, credit.amount, "");
        says.credits.iter().map(grant).collect()
    }

    /// What a plan gives more than another, for the part of the month that is left.
    fn credits_between(
        &self,
        old: &PlanDraft,
        new: &PlanDraft,
        now: DateTime<Utc>,
    ) -> Vec<PlanGrant> {
        if !self.state.allows_use() {
            return Vec::new();
        }
        let month = self.month_window();
        let more = |credit: &PlanCredit| {
            let more = credit.amount.checked_sub(old.credit(&credit.unit))?;
            let amount = rest_of(more, month, now);
            let mark = format_compact!("/{}", self.changes);
            (amount > Amount::ZERO).then(|| self.grant(credit, amount, &mark))
        };
        new.credits.iter().filter_map(more).collect()
    }

    fn grant(&self, credit: &PlanCredit, amount: Amount, mark: &str) -> PlanGrant {
        let until = |months: u16| self.months.start(self.month + 1 + i32::from(months));
        PlanGrant {
            id: format_compact!("{}/{}/{}{mark}", self.generation, self.month, credit.unit),
            unit: credit.unit.clone(),
            amount,
            priority: credit.priority,
            ends_at: self.month_window().to,
            rolls: credit.rollover.map(|rollover| (rollover.max, until(rollover.months))),
        }
    }
}

fn price_of(plan: &PlanRef, says: &PlanDraft, cycle: Cycle) -> Result<Amount, SubscriptionRefusal> {
    match cycle {
        Cycle::Monthly => Ok(says.price.monthly),
        Cycle::Yearly => {
            says.price.yearly.ok_or_else(|| SubscriptionRefusal::NotYearly(plan.clone()))
        }
    }
}

/// The part of `amount` for what is left of `whole` at `now`, to the microsecond, rounded half up to a
/// billionth.
fn rest_of(amount: Amount, whole: Window, now: DateTime<Utc>) -> Amount {
    let micros = |span: chrono::TimeDelta| i128::from(span.num_microseconds().unwrap_or(i64::MAX));
    let (all, rest) = (micros(whole.to - whole.from), micros(whole.to - now.max(whole.from)));
    if all <= 0 || rest <= 0 || amount <= Amount::ZERO {
        return Amount::ZERO;
    }
    let part = (i128::from(amount.nanos()) * rest * 2 + all) / (all * 2);
    Amount::from_nanos(i64::try_from(part).unwrap_or(amount.nanos()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
#[path = "subscription_tests.rs"]
mod tests;
