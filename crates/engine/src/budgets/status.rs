//! A budget, held against what is spent and what will be.

use std::collections::BTreeMap;

use chrono::{DateTime, Days, NaiveDate, NaiveDateTime, NaiveTime, Timelike, Utc};
use chrono_tz::Tz;
use outlay_domain::Amount;
use outlay_domain::budgets::{Basis, Budget, Threshold, Window};
use outlay_domain::usage::question::{Every, Filter, Group, Measure, Value, day_start};
use outlay_store::{StoreError, View};

use super::counters::{Counted, counted};
use super::outlook::Known;
use super::{Budgets, BudgetsError, Outlook};
use crate::insights::units;
use crate::usage::{Questions, UnansweredError, UsageQuestion};

/// Days before today that a forecast is made from, where there are as many.
const HISTORY_DAYS: u64 = 180;
/// Whole days of usage below which it is too early to look ahead.
const OUTLOOK_DAYS_MIN: usize = 2;

/// A budget, held against what is spent and what will be.
#[derive(Debug, Clone, PartialEq)]
pub struct BudgetStatus {
    /// The budget.
    pub budget: Budget,
    /// Its window now.
    pub window: Window,
    /// When that was.
    pub asked_at: DateTime<Utc>,
    /// What was left of the window before, in nanos, where that is carried over.
    pub carried: i128,
    /// What may be spent in the window, in nanos: the amount and what was carried over.
    pub available: i128,
    /// What was spent, in nanos, by the events that tell of it.
    pub spent: i128,
    /// What was captured from holds without an event, in nanos.
    pub captured: i128,
    /// What is set aside for work in flight, in nanos.
    pub held: i128,
    /// What is left, in nanos, beside all of these; less than nothing where more was spent.
    pub remaining: i128,
    /// Share of what may be spent that was, captured without an event or not, in percent.
    pub percent: f64,
    /// What was spent in a day of the window so far, from the first one with usage on, in units of
    /// the currency.
    pub daily: f64,
    /// What will be spent; `None` once the window is over, and while usage is too young to say.
    pub outlook: Option<Outlook>,
    /// The day on which the budget was spent, or will be.
    pub crossed_on: Option<NaiveDate>,
    /// Thresholds that are reached, the smallest first.
    pub reached: Vec<Reached>,
}

/// A threshold that is reached.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reached {
    /// The threshold.
    pub threshold: Threshold,
    /// Where its spend stands, in percent.
    pub percent: f64,
}

/// A budget that could not be held against spend for a reason of its own, e.g. because an older
/// version kept it for dates that no usage can have.
#[derive(Debug)]
pub struct UnjudgedBudget {
    /// The budget.
    pub budget: Budget,
    /// The reason.
    pub error: BudgetsError,
}

/// Where a budget stands, or why that cannot be said.
pub type Judged = Result<BudgetStatus, UnjudgedBudget>;

/// Why somebody who asks before they spend should not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BudgetRefusal {
    /// A hard budget has too little left.
    Told {
        /// The budget.
        budget: Box<Budget>,
        /// What is left of it, in nanos.
        remaining: i128,
    },
    /// Hard budgets have too little left that are not theirs to see who asks.
    Hidden,
}

/// The name of the attribute that says who pays.
const ACCOUNT: &str = "account";

/// Days before today of which is asked how they went.
const HOURS_DAYS: u64 = 120;

/// Spend by day, and by hour where that was asked.
#[derive(Default)]
struct Spend {
    days: Vec<(NaiveDate, i128)>,
    hours: Vec<(NaiveDateTime, i128)>,
}

impl Spend {
    fn between(&self, first: NaiveDate, end: NaiveDate) -> i128 {
        let within = self.days.iter().filter(|(day, _)| first <= *day && *day < end);
        within.map(|(_, nanos)| nanos).sum()
    }

    /// What of each day from `first` on and before `end` came after `time`, in units of the
    /// currency. An hour that runs then is parted by its minutes.
    fn rests(&self, first: NaiveDate, end: NaiveDate, time: NaiveTime) -> Vec<f64> {
        const HOUR_SECONDS: f64 = 3_600.0;
        let count = usize::try_from((end - first).num_days()).unwrap_or(0);
        let mut rests = vec![0.0; count];
        let now = f64::from(time.num_seconds_from_midnight());
        for (begins, nanos) in &self.hours {
            let place = usize::try_from((begins.date() - first).num_days()).ok();
            let Some(rest) = place.and_then(|place| rests.get_mut(place)) else { continue };
            let ends = f64::from(begins.time().num_seconds_from_midnight()) + HOUR_SECONDS;
            *rest += units(*nanos) * ((ends - now) / HOUR_SECONDS).clamp(0.0, 1.0);
        }
        rests
    }

    /// The first day on which anything was spent.
    fn begun(&self) -> Option<NaiveDate> {
        self.days.iter().find(|(_, nanos)| *nanos != 0).map(|(day, _)| *day)
    }
}

impl Budgets {
    /// Where `budget` stands.
    pub async fn status(&self, budget: Budget) -> Result<BudgetStatus, BudgetsError> {
        budget.draft.period.check()?;
        let now = self.clock.now();
        let (budget, counted, aside) = self
            .books
            .read(move |books| {
                let counted = counted(books, &budget, now)?;
                let aside = Aside::read(books, &budget, now)?;
                Ok((budget, counted, aside))
            })
            .await?;
        let until = budget.draft.period.window(now, budget.draft.tz).to;
        self.status_of(budget, now, until, (counted, aside)).await
    }

    /// Where `budget`, as it is now, stood at the end of the day of `now`.
    pub async fn status_at(
        &self,
        budget: Budget,
        now: DateTime<Utc>,
    ) -> Result<BudgetStatus, BudgetsError> {
        budget.draft.period.check()?;
        let tz = budget.draft.tz;
        let until = after(now.with_timezone(&tz).date_naive(), tz);
        let (budget, aside) = self
            .books
            .read(move |books| {
                let aside = Aside::read_until(books, &budget, now, until)?;
                Ok((budget, aside))
            })
            .await?;
        self.status_of(budget, now, until, (None, aside)).await
    }

    /// Where `budget` stands at `now` by all that occurred before `until`. What its counter says of
    /// that goes before what the history says, which may have let go of old facts.
    async fn status_of(
        &self,
        budget: Budget,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
        (counted, aside): (Option<Counted>, Aside),
    ) -> Result<BudgetStatus, BudgetsError> {
        let draft = &budget.draft;
        let window = draft.period.window(now, draft.tz);
        let before = draft.carries_over.then(|| draft.period.before(window, draft.tz)).flatten();
        let today = now.with_timezone(&draft.tz).date_naive();
        let known_from = day_start(today - Days::new(HISTORY_DAYS), draft.tz);
        let from = before.map_or(window.from, |before| before.from).min(window.from);
        let from = if window.to > now { from.min(known_from) } else { from };
        let to = window.to.min(until);
        let asked = self.of_one_moment();
        let days = asked.spend(draft.scope.filters(), draft.tz, (from, to), Every::Day).await?;
        let mut spend = Spend {
            days: days.map(|(at, nanos)| (at.date(), nanos)).collect(),
            ..Spend::default()
        };
        if window.contains(now) {
            let range = hours_asked(today, draft.tz);
            let hours = asked.spend(draft.scope.filters(), draft.tz, range, Every::Hour).await?;
            spend.hours = hours.collect();
        }
        Ok(stand(budget, window, before, &spend, (counted, aside), now))
    }

    /// Where `budget` stands. What lies in the budget alone is no error here: it must not keep
    /// others from being told.
    pub async fn judge(&self, budget: Budget) -> Result<Judged, BudgetsError> {
        judged(self.status(budget.clone()).await, budget)
    }

    /// Where `budget` stood at the end of the day of `now`, as [`judge`](Self::judge) tells it.
    pub async fn judge_at(
        &self,
        budget: Budget,
        now: DateTime<Utc>,
    ) -> Result<Judged, BudgetsError> {
        judged(self.status_at(budget.clone(), now).await, budget)
    }

    /// Where all budgets stand, by name.
    pub async fn statuses(&self) -> Result<Vec<Judged>, BudgetsError> {
        let asked = self.of_one_moment();
        let mut statuses = Vec::new();
        for budget in self.all().await? {
            statuses.push(asked.judge(budget).await?);
        }
        Ok(statuses)
    }

    /// The hard budgets that `amount` more would overspend, of those that count usage with these
    /// attributes; without an account it is that of whoever asks, who is told of budgets that are
    /// not theirs to see only that there are some. Nothing is held: whoever asks at the same time
    /// gets the same answer.
    pub async fn refusals(
        &self,
        amount: Amount,
        mut attributes: BTreeMap<String, String>,
    ) -> Result<Vec<BudgetRefusal>, BudgetsError> {
        if let Some(account) = self.asker.account() {
            attributes.entry(ACCOUNT.to_owned()).or_insert_with(|| account.into());
        }
        if let Some(own) = self.asker.scope()
            && attributes.get(ACCOUNT).is_none_or(|account| *account != own)
        {
            return Err(BudgetsError::OtherAccount(own));
        }
        let counting = self.hard.of(&self.books, &attributes).await?;
        let short = self.short_of(amount, counting).await?;
        let (seen, hidden): (Vec<_>, Vec<_>) =
            short.into_iter().partition(|(budget, _)| self.is_seen(budget));
        let seen = seen
            .into_iter()
            .map(|(budget, remaining)| BudgetRefusal::Told { budget: Box::new(budget), remaining });
        Ok(seen.chain((!hidden.is_empty()).then_some(BudgetRefusal::Hidden)).collect())
    }

    /// Those of `asked` that have less than `amount` left, and how much that is.
    pub(super) async fn short_of(
        &self,
        amount: Amount,
        asked: Vec<Budget>,
    ) -> Result<Vec<(Budget, i128)>, BudgetsError> {
        let now = self.clock.now();
        let asked = self
            .books
            .read(move |books| {
                let each = asked.into_iter().map(|budget| {
                    let aside = Aside::read(books, &budget, now)?;
                    Ok((counted(books, &budget, now)?, aside, budget))
                });
                each.collect::<Result<Vec<_>, StoreError>>()
            })
            .await?;
        let mut short = Vec::new();
        for (counted, aside, budget) in asked {
            if !is_open(&budget, now) {
                continue;
            }
            let remaining = match counted {
                Some(counted) => Held::of(&budget, counted, aside).remaining(),
                // Until the counter has all that was kept before it began, the history says.
                None => match self.judge(budget.clone()).await? {
                    Ok(status) => status.remaining,
                    // One that cannot be held against spend refuses nobody; its page says why.
                    Err(_) => continue,
                },
            };
            if remaining < i128::from(amount.nanos()) {
                short.push((budget, remaining));
            }
        }
        Ok(short)
    }

    /// What will be spent by the end of `window` of what passes `filters`, of which `spent` was
    /// spent so far; `None` while usage is too young to say. It is what a budget for the same
    /// would say.
    pub async fn outlook(
        &self,
        filters: &[Filter],
        tz: Tz,
        window: Window,
    ) -> Result<Option<Outlook>, UnansweredError> {
        let now = self.clock.now();
        let today = now.with_timezone(&tz).date_naive();
        let from = day_start(today - Days::new(HISTORY_DAYS), tz).min(window.from);
        let range = (from, window.to.min(after(today, tz)));
        let asked = self.of_one_moment();
        let days = asked.spend(filters, tz, range, Every::Day).await?;
        let hours = asked.spend(filters, tz, hours_asked(today, tz), Every::Hour).await?;
        let days = days.map(|(at, nanos)| (at.date(), nanos)).collect();
        let spend = Spend { days, hours: hours.collect() };
        let date = |at: DateTime<Utc>| at.with_timezone(&tz).date_naive();
        Ok(look_ahead(&spend, date(window.from), date(window.to), today, now, tz))
    }

    /// The same, with `questions` asked, which are another's too.
    pub(crate) fn asking(self, questions: Questions) -> Self {
        Self { questions, ..self }
    }

    /// The same, with all questions about one moment.
    pub(crate) fn of_one_moment(&self) -> Self {
        Self { questions: self.questions.of_one_moment(), ..self.clone() }
    }

    /// Spend by day or hour in `[from, to)`, under the local time at which each begins.
    async fn spend(
        &self,
        filters: &[Filter],
        tz: Tz,
        (from, to): (DateTime<Utc>, DateTime<Utc>),
        every: Every,
    ) -> Result<impl Iterator<Item = (NaiveDateTime, i128)> + use<>, UnansweredError> {
        if from >= to {
            return Ok(Vec::new().into_iter());
        }
        let asked = UsageQuestion {
            from: Some(from),
            to: Some(to),
            tz,
            every: Some(every),
            by: Vec::new(),
            filters: filters.to_vec(),
            measures: vec![Measure::Spend],
            top: None,
            compare: false,
        };
        let answered = self.questions.series(asked, None).await?;
        let buckets = answered.question.period().buckets.as_ref();
        let sums = answered.answer.rows.iter().filter_map(|row| {
            let (Group::Of(_), Value::Amount { nanos }) = (&row.group, row.values.now.first()?)
            else {
                return None;
            };
            let begins = buckets?.start(row.bucket?).with_timezone(&tz).naive_local();
            Some((begins, *nanos))
        });
        Ok(sums.collect::<Vec<_>>().into_iter())
    }
}

/// The days of which is asked how they went.
fn hours_asked(today: NaiveDate, tz: Tz) -> (DateTime<Utc>, DateTime<Utc>) {
    (day_start(today - Days::new(HOURS_DAYS), tz), day_start(today, tz))
}

fn after(day: NaiveDate, tz: Tz) -> DateTime<Utc> {
    day_start(day + Days::new(1), tz)
}

/// What is told of a budget that could be held against spend, or could not.
fn judged(
    status: Result<BudgetStatus, BudgetsError>,
    budget: Budget,
) -> Result<Judged, BudgetsError> {
    match status {
        Ok(status) => Ok(Ok(status)),
        Err(error) if error.is_of_budget() => Ok(Err(UnjudgedBudget { budget, error })),
        Err(error) => Err(error),
    }
}

/// Whether the window of `budget` runs at `now`: one for two dates may be over, or to come.
fn is_open(budget: &Budget, now: DateTime<Utc>) -> bool {
    let draft = &budget.draft;
    draft.period.check().is_ok() && draft.period.window(now, draft.tz).contains(now)
}

/// What may be spent of a budget and what was, in nanos.
#[derive(Debug, Clone, Copy)]
pub(super) struct Held {
    pub carried: i128,
    pub available: i128,
    pub spent: i128,
    pub aside: Aside,
}

impl Held {
    pub fn of(budget: &Budget, Counted { spent, before }: Counted, aside: Aside) -> Self {
        let amount = i128::from(budget.draft.amount.nanos());
        let carried = before.map_or(0, |before| (amount - before - aside.captured_before).max(0));
        Self { carried, available: amount + carried, spent, aside }
    }

    pub const fn remaining(self) -> i128 {
        self.available - self.spent - self.aside.captured - self.aside.held
    }
}

/// What is set aside on a budget, and was captured without an event that tells of it, in nanos.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Aside {
    /// Held now.
    pub held: i128,
    /// Captured in the window.
    pub captured: i128,
    /// Captured in the one before, where what was left of that is carried over.
    pub captured_before: i128,
}

impl Aside {
    /// As it is at `now`.
    fn read(books: &View<'_>, budget: &Budget, now: DateTime<Utc>) -> Result<Self, StoreError> {
        let to = budget.draft.period.window(now, budget.draft.tz).to;
        let held = books.ledger().held(&budget.id)?;
        Ok(Self { held, ..Self::read_until(books, budget, now, to)? })
    }

    /// As it was by all that was captured before `until`. What was held then is not kept.
    fn read_until(
        books: &View<'_>,
        budget: &Budget,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Self, StoreError> {
        let draft = &budget.draft;
        let window = draft.period.window(now, draft.tz);
        let before = draft.carries_over.then(|| draft.period.before(window, draft.tz)).flatten();
        let captured = |from, to| books.ledger().captured(&budget.id, from, to);
        Ok(Self {
            held: 0,
            captured: captured(window.from, window.to.min(until))?,
            captured_before: before.map_or(Ok(0), |before| captured(before.from, before.to))?,
        })
    }
}

/// What is left of `budget` at `now`, in nanos, by what is counted, held and captured; `None` while
/// what was spent is not counted yet.
pub(crate) fn counted_remaining(
    books: &View<'_>,
    budget: &Budget,
    now: DateTime<Utc>,
) -> Result<Option<i128>, StoreError> {
    let Some(counted) = counted(books, budget, now)? else { return Ok(None) };
    Ok(Some(Held::of(budget, counted, Aside::read(books, budget, now)?).remaining()))
}

/// Holds `budget` against `spend`, or against what its counter says.
fn stand(
    budget: Budget,
    window: Window,
    before: Option<Window>,
    spend: &Spend,
    (counted, aside): (Option<Counted>, Aside),
    now: DateTime<Utc>,
) -> BudgetStatus {
    let tz = budget.draft.tz;
    let date = |at: DateTime<Utc>| at.with_timezone(&tz).date_naive();
    let (first, end, today) = (date(window.from), date(window.to), date(now));
    let between = |window: Window| spend.between(date(window.from), date(window.to));
    let counted =
        counted.unwrap_or_else(|| Counted { spent: between(window), before: before.map(between) });
    let held = Held::of(&budget, counted, aside);
    let Held { carried, available, spent, .. } = held;
    let begun = spend.begun().map_or(window.from, |day| day_start(day, tz).max(window.from));
    let elapsed = Window { from: begun, to: now.clamp(begun, window.to.max(begun)) }.days();
    let used = spent + aside.captured;
    let daily = if elapsed > 0.0 { units(used) / elapsed } else { 0.0 };
    let outlook =
        window.contains(now).then(|| look_ahead(spend, first, end, today, now, tz)).flatten();
    let crossed_on =
        crossing(spend, available - aside.captured, first, today.min(end), outlook.as_ref());
    let mut status = BudgetStatus {
        budget,
        window,
        asked_at: now,
        carried,
        available,
        spent,
        captured: aside.captured,
        held: aside.held,
        remaining: held.remaining(),
        percent: percent(units(used), units(available)),
        daily,
        outlook,
        crossed_on,
        reached: Vec::new(),
    };
    status.reached = reached(&status);
    status
}

fn look_ahead(
    spend: &Spend,
    first: NaiveDate,
    end: NaiveDate,
    today: NaiveDate,
    now: DateTime<Utc>,
    tz: Tz,
) -> Option<Outlook> {
    let begun = spend.begun().unwrap_or(today);
    let history: Vec<f64> = begun
        .iter_days()
        .take_while(|day| *day < today)
        .map(|day| units(spend.between(day, day + Days::new(1))))
        .collect();
    if history.len() < OUTLOOK_DAYS_MIN {
        return None;
    }
    let day = Window { from: day_start(today, tz), to: after(today, tz) };
    let time_of_day = now.with_timezone(&tz).naive_local().time();
    let rests = spend.rests(begun.max(today - Days::new(HOURS_DAYS)), today, time_of_day);
    Some(Outlook::ahead(&Known {
        history: &history,
        rests: &rests,
        today: units(spend.between(today, today + Days::new(1))),
        today_part: Window { from: day.from, to: now }.days() / day.days(),
        spent: units(spend.between(first, end)),
        days_after: usize::try_from((end - today).num_days() - 1).unwrap_or(0),
    }))
}

/// The first day after which more is spent than `available`, among those that were and those that
/// are expected.
fn crossing(
    spend: &Spend,
    available: i128,
    first: NaiveDate,
    today: NaiveDate,
    outlook: Option<&Outlook>,
) -> Option<NaiveDate> {
    let mut sum = 0;
    for (day, nanos) in spend.days.iter().filter(|(day, _)| first <= *day && *day <= today) {
        sum += nanos;
        if sum >= available {
            return Some(*day);
        }
    }
    let mut expected = units(sum);
    let mut days = outlook?.days.iter().zip(today.iter_days());
    days.find_map(|(rest, day)| {
        expected += rest;
        (expected >= units(available)).then_some(day)
    })
}

/// The thresholds of a budget that are reached, the smallest first.
fn reached(status: &BudgetStatus) -> Vec<Reached> {
    let own = status.budget.draft.thresholds.iter();
    let mut reached: Vec<Reached> = own
        .filter(|threshold| status.reaches(**threshold))
        .filter_map(|&threshold| {
            Some(Reached { threshold, percent: status.share(threshold.basis)? })
        })
        .collect();
    reached.sort_by_key(|reached| reached.threshold.percent);
    reached
}

impl BudgetStatus {
    /// What was spent, captured without an event or not, in nanos.
    pub const fn used(&self) -> i128 {
        self.spent + self.captured
    }

    /// What was not spent yet, in nanos, held or not; less than nothing where more was.
    pub const fn unspent(&self) -> i128 {
        self.available - self.used()
    }

    /// Which share of what may be spent is, or will be, in percent; `None` where it is too early to
    /// look ahead.
    pub fn share(&self, basis: Basis) -> Option<f64> {
        let available = units(self.available);
        match basis {
            Basis::Actual => Some(percent(units(self.used()), available)),
            Basis::Forecast => {
                let expected = self.outlook.as_ref()?.expected + units(self.captured);
                Some(percent(expected, available))
            }
        }
    }

    /// The same in whole percent, rounded down, so that nothing is told before it is true. What is
    /// spent is told exactly: a nano below a threshold is below it.
    #[allow(clippy::cast_possible_truncation, reason = "shares of a forecast are small numbers")]
    pub fn whole_percent(&self, basis: Basis) -> Option<i128> {
        match basis {
            Basis::Actual => Some((self.used() * 100).div_euclid(self.available.max(1))),
            Basis::Forecast => Some(self.share(basis)?.floor() as i128),
        }
    }

    /// Whether a threshold is reached, whoever asks.
    pub fn reaches(&self, threshold: Threshold) -> bool {
        let percent = self.whole_percent(threshold.basis);
        percent.is_some_and(|percent| percent >= i128::from(threshold.percent))
    }
}

fn percent(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole * 100.0 } else { 0.0 }
}
