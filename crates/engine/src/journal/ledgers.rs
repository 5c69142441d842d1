//! The ledgers of accounts within a commit: loaded where they are touched, decided by
//! `domain::ledger`, and saved once when all of the commit is judged.
//!
//! What is refused changes nothing in memory and so needs no savepoint. Accounts are remembered from
//! commit to commit, because nobody else writes them; a commit that fails has all of them forgotten.

mod plans;

use chrono::{DateTime, SubsecRound, Utc};
use compact_str::{CompactString, format_compact};
use hashbrown::{HashMap, HashSet};
use outlay_domain::Amount;
use outlay_domain::ledger::{
    Balance, Changes, Grant, Hold, HoldDraft, HoldState, Ledger, LedgerRefusal, Posting,
    PostingKind, Purse, Share, Terms, Unit, parted,
};
use outlay_domain::plans::LimitShare;
use outlay_domain::usage::{Charge, Fact, FactKind, Refusal, RefusalCode, UsageEvent};
use outlay_store::sqlite::ledger::{KeptHold, LedgerAccount, QUARTER_US};
use outlay_store::{StoreError, Tx};

use crate::budgets::{HardList, counted_remaining};
use crate::ledger::{
    Asked, Authorized, Captured, Command, Done, EVENT_PARTED, Given, HoldName, LedgerError, Limit,
    Reached, UNCOVERED_SECONDS_MAX, Uses,
};
use plans::{OpenPlan, Versions};

/// Accounts that are remembered from commit to commit, at most.
const REMEMBERED_MAX: usize = 10_000;
/// Holds of one account that expire in one commit, at most.
const EXPIRING_MAX: usize = 10_000;

/// The ledgers that a commit touches, and some that it may touch again.
#[derive(Default)]
pub(super) struct Ledgers {
    /// `None` for an account that has none.
    known: HashMap<CompactString, Option<Open>>,
    names: HashMap<i64, CompactString>,
    touched: HashSet<CompactString>,
    /// Accounts that this commit opened without a ledger.
    begun: Vec<CompactString>,
    budgets: Option<HardBudgets>,
    versions: Versions,
    now: DateTime<Utc>,
    wall: DateTime<Utc>,
    /// The time by which subscriptions turn.
    believed: DateTime<Utc>,
}

/// One account, as it is after all that was judged so far.
#[derive(Clone)]
struct Open {
    account: LedgerAccount,
    ledger: Ledger,
    plan: Option<OpenPlan>,
    /// Postings of this commit that bear an id.
    posted: HashMap<CompactString, Posting>,
    /// On which budgets the holds are that are known.
    on: HashMap<i64, Vec<CompactString>>,
    /// What they have of limits of the plan.
    limits_on: HashMap<i64, Vec<LimitShare>>,
    /// When holds that were captured without an event were counted on those.
    counted: HashMap<i64, i64>,
    /// Holds of this commit.
    fresh: HashSet<i64>,
    refunds: HashMap<i64, Amount>,
}

/// The hard budgets, and what this commit brought so far in the scope of each.
struct HardBudgets {
    list: HardList,
    /// By the places of the list.
    brought: Vec<Vec<(DateTime<Utc>, i64)>>,
    seen: usize,
}

/// What an amendment changes about what one event costs an account.
struct Change {
    account: CompactString,
    /// Under which the event is charged.
    id: CompactString,
    nanos: i64,
    /// Whether the event was another account's before.
    is_moved_here: bool,
}

/// What a charge or capture took, and was not given back yet.
struct Takings {
    charge: Posting,
    /// From where.
    taken: Vec<Share>,
    left: Amount,
    /// Whether there was credit of the account behind it.
    is_covered: bool,
}

/// Why a command ends without being done.
enum Stop {
    Refused(LedgerError),
    Failed(StoreError),
    /// What was written of it cannot be told from the rest, so that the commit fails.
    Torn(StoreError),
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Failed(error)
    }
}

impl From<LedgerRefusal> for Stop {
    fn from(refusal: LedgerRefusal) -> Self {
        Self::Refused(refusal.into())
    }
}

impl Ledgers {
    /// Begins a commit at `now`, by the time of the ledger, at `wall`, by that of the machine, and at
    /// `believed`, which is that of the machine where nothing speaks against it.
    pub fn begin(&mut self, now: DateTime<Utc>, wall: DateTime<Utc>, believed: DateTime<Utc>) {
        // As exact as the books are, so that what is told at once is what is told later.
        (self.now, self.wall) = (now.trunc_subsecs(6), wall);
        self.believed = believed.trunc_subsecs(6);
        if self.known.len() > REMEMBERED_MAX {
            self.known.clear();
            self.names.clear();
        }
        if let Some(budgets) = &mut self.budgets {
            budgets.brought.iter_mut().for_each(Vec::clear);
            budgets.seen = 0;
        }
    }

    /// Forgets everything that was not saved.
    pub fn forget(&mut self) {
        *self = Self::default();
    }

    /// Has the budgets read from the books again.
    pub fn forget_budgets(&mut self) {
        self.budgets = None;
    }

    /// Does what `command` asks for, or says why not; fails only where the disk does.
    pub fn judge(
        &mut self,
        tx: &Tx<'_>,
        facts: &[Fact],
        command: Command,
    ) -> Result<Result<Done, LedgerError>, StoreError> {
        match self.done(tx, facts, command) {
            Ok(done) => Ok(Ok(done)),
            Err(Stop::Refused(refused)) => Ok(Err(refused)),
            // What is damaged fails only the command that came upon it.
            Err(Stop::Failed(error)) if !error.is_of_disk() => Ok(Err(LedgerError::Store(error))),
            Err(Stop::Failed(error) | Stop::Torn(error)) => Err(error),
        }
    }

    fn done(&mut self, tx: &Tx<'_>, facts: &[Fact], command: Command) -> Result<Done, Stop> {
        match command {
            Command::Grant { account, unit, draft, asked, trail } => {
                let now = self.now;
                let open = self.opened(tx, &account, true)?.ok_or_else(unknown)?;
                if let Some(posting) = open.known_as(tx, &asked)? {
                    return open.given(tx, &unit, &posting).map(Done::Given);
                }
                let named = asked.clone();
                open.ledger.name_next(asked.id, asked.body);
                let granted = open.ledger.grant(&unit, draft, now);
                open.note(granted.is_ok(), &named.id);
                let grant = granted?;
                tx.audit().append(&trail).map_err(Stop::Torn)?;
                let balance = open.ledger.balance(&unit);
                self.touched.insert(account);
                Ok(Done::Given(Given { unit, grant, balance, is_repeated: false }))
            }
            Command::Authorize { account, unit, amount, attributes, lasts, uses, asked } => {
                self.authorize(tx, facts, account, unit, amount, &attributes, lasts, &uses, asked)
            }
            Command::Capture { hold, only, amount } => self.capture(tx, hold, only, amount),
            Command::Release { hold, only } => self.release(tx, hold, only),
            Command::Refund { account, of, amount, asked, trail } => {
                let now = self.now;
                let open = self.opened(tx, &account, false)?.ok_or_else(unknown)?;
                if let Some(posting) = open.known_as(tx, &asked)? {
                    return Ok(Done::Posted(posting));
                }
                let takings = open.takings(tx, of)?;
                let left = takings.left;
                let amount = amount.unwrap_or(left);
                if left == Amount::ZERO {
                    return Err(LedgerRefusal::AllGivenBack.into());
                }
                if amount > left {
                    return Err(LedgerRefusal::MoreThanTaken { left, asked: amount }.into());
                }
                open.refund(tx, &takings, amount, Some(&asked), now)?;
                open.free_budgets(tx, &takings.charge, amount).map_err(Stop::Torn)?;
                tx.audit().append(&trail).map_err(Stop::Torn)?;
                let posting = open.newest()?;
                self.touched.insert(account);
                Ok(Done::Posted(posting))
            }
            Command::Adjust { account, unit, amount, asked, trail } => {
                let now = self.now;
                let open = self.opened(tx, &account, true)?.ok_or_else(unknown)?;
                if let Some(posting) = open.known_as(tx, &asked)? {
                    return Ok(Done::Posted(posting));
                }
                let named = asked.clone();
                open.ledger.name_next(asked.id, asked.body);
                let adjusted = open.ledger.adjust(&unit, amount, now);
                open.note(adjusted.is_ok(), &named.id);
                adjusted?;
                tx.audit().append(&trail).map_err(Stop::Torn)?;
                let posting = open.newest()?;
                self.touched.insert(account);
                Ok(Done::Posted(posting))
            }
            Command::Agree { account, terms, trail } => {
                let open = self.opened(tx, &account, true)?.ok_or_else(unknown)?;
                open.ledger.terms = terms;
                open.ledger.begin(&Unit::USD);
                tx.audit().append(&trail).map_err(Stop::Torn)?;
                self.touched.insert(account);
                Ok(Done::Agreed(terms))
            }
            Command::Ripen { account } => {
                self.opened(tx, &account, false)?;
                Ok(Done::Ripened)
            }
            Command::Subscription { account, wanted, trail } => {
                self.subscription(tx, account, wanted, trail)
            }
        }
    }

    #[allow(clippy::too_many_arguments, reason = "the parts of one command")]
    fn authorize(
        &mut self,
        tx: &Tx<'_>,
        facts: &[Fact],
        account: CompactString,
        unit: Unit,
        amount: Amount,
        attributes: &std::collections::BTreeMap<String, String>,
        lasts: chrono::TimeDelta,
        uses: &Uses,
        asked: Asked,
    ) -> Result<Done, Stop> {
        let (now, wall, believed) = (self.now, self.wall, self.believed);
        let open = self.opened(tx, &account, true)?.ok_or_else(unknown)?;
        if let Some(posting) = open.known_as(tx, &asked)? {
            let hold = open.hold(tx, posting.number)?;
            // Whoever asks again would spend what nothing holds any more. What was captured was this very
            // call: whoever did not hear of it hears the first answer, and captures it again as once.
            if matches!(hold.state, HoldState::Released | HoldState::Expired) {
                return Err(LedgerRefusal::HoldOver { state: hold.state }.into());
            }
            return Ok(Done::Authorized(Authorized {
                hold: HoldName { account: open.account.number, number: posting.number },
                unit: posting.unit,
                amount: posting.amount,
                available: posting.balance.available,
                expires_at: hold.expires_at,
                is_limited: open.ledger.purse(&hold.unit).is_some(),
                is_repeated: true,
            }));
        }
        let is_limited = open.ledger.purse(&unit).is_some();
        if !is_limited && unit != Unit::USD {
            let refused =
                LedgerRefusal::Insufficient { unit, available: Amount::ZERO, needed: amount };
            return Err(refused.into());
        }
        if amount.is_negative() {
            return Err(LedgerRefusal::Negative(amount).into());
        }
        // Nothing of one's own is at stake, and everybody's budget waits.
        if !is_limited && lasts > chrono::TimeDelta::seconds(UNCOVERED_SECONDS_MAX.into()) {
            return Err(LedgerRefusal::TooLong(UNCOVERED_SECONDS_MAX).into());
        }
        let spend = if unit == Unit::USD { amount } else { Amount::ZERO };
        let takings = open.admitted(attributes, spend, uses, believed)?;
        let on = match unit == Unit::USD {
            true => self.limits(tx, facts, amount, attributes, wall)?,
            false => Vec::new(),
        };
        let open = self.opened(tx, &account, true)?.ok_or_else(unknown)?;
        let draft = HoldDraft { unit: unit.clone(), amount, expires_at: now + lasts };
        let named = asked.clone();
        open.ledger.name_next(asked.id, asked.body);
        let held = open.ledger.hold(draft, now);
        open.note(held.is_ok(), &named.id);
        let hold = held?;
        open.expect(hold.expires_at);
        if open.account.number == 0 {
            let added = tx.ledger().add_account(&account, open.ledger.terms);
            open.account.number = added.map_err(Stop::Torn)?;
        }
        for id in &on {
            tx.ledger().hold_on_budget(id, amount.nanos()).map_err(Stop::Torn)?;
        }
        open.on.insert(hold.number, on);
        let shares = open.hold_on_limits(&takings);
        open.limits_on.insert(hold.number, shares);
        open.fresh.insert(hold.number);
        let number = open.account.number;
        let available = open.ledger.balance(&unit).available;
        self.names.insert(number, account.clone());
        self.touched.insert(account);
        Ok(Done::Authorized(Authorized {
            hold: HoldName { account: number, number: hold.number },
            unit,
            amount,
            available,
            expires_at: hold.expires_at,
            is_limited,
            is_repeated: false,
        }))
    }

    /// The hard budgets that something with these attributes counts for, all of which have `amount`
    /// left; or the first that has not.
    fn limits(
        &mut self,
        tx: &Tx<'_>,
        facts: &[Fact],
        amount: Amount,
        attributes: &std::collections::BTreeMap<String, String>,
        wall: DateTime<Utc>,
    ) -> Result<Vec<CompactString>, Stop> {
        let budgets = match &mut self.budgets {
            Some(known) => known,
            unknown => unknown.insert(HardBudgets::read(tx)?),
        };
        budgets.note(facts);
        let mut on = Vec::new();
        for place in budgets.list.places_of(attributes) {
            let budget = &budgets.list.budgets()[place];
            let window = budget.draft.period.window(wall, budget.draft.tz);
            if !window.contains(wall) {
                continue;
            }
            let Some(remaining) = counted_remaining(tx, budget, wall)? else {
                return Err(Stop::Refused(LedgerError::Counting));
            };
            let brought = budgets.brought[place].iter().filter(|(at, _)| window.contains(*at));
            let remaining = remaining - brought.map(|(_, nanos)| i128::from(*nanos)).sum::<i128>();
            if remaining < i128::from(amount.nanos()) {
                return Err(Stop::Refused(LedgerError::Limit(Box::new(Limit {
                    reached: Reached::Budget(budget.clone()),
                    available: remaining,
                    resets_at: Some(window.to),
                }))));
            }
            fitting(tx.ledger().held(&budget.id)?, amount)?;
            on.push(budget.id.clone());
        }
        Ok(on)
    }

    fn capture(
        &mut self,
        tx: &Tx<'_>,
        name: HoldName,
        only: Option<CompactString>,
        amount: Option<Amount>,
    ) -> Result<Done, Stop> {
        let (now, wall) = (self.now, self.wall);
        let account = self.owner(tx, name, only)?;
        let open = self.opened(tx, &account, false)?.ok_or(LedgerRefusal::NoHold)?;
        let hold = open.hold(tx, name.number)?;
        if hold.state == HoldState::Captured {
            if amount.unwrap_or(hold.amount) != hold.captured {
                let id = format_compact!("{name}");
                return Err(LedgerRefusal::Differs { id, field: "amount" }.into());
            }
            let balance = open.balance_at(tx, hold.ended_by)?;
            return Ok(Done::Captured(Captured::of(&account, &hold, balance, true)));
        }
        open.know_shares(tx, &hold.unit, &hold.shares)?;
        let on = open.on.get(&name.number).cloned().unwrap_or_default();
        let taken = amount.unwrap_or(hold.amount);
        for id in &on {
            let (from, to) = day_of(wall);
            fitting(tx.ledger().captured(id, from, to)?, taken)?;
        }
        let is_limited = open.may_capture(name.number, hold.amount, taken)?;
        open.ledger.capture(name.number, amount, None, now)?;
        let hold = open.hold(tx, name.number)?;
        let balance = open.ledger.balance(&hold.unit);
        open.let_go_of_budgets(tx).map_err(Stop::Torn)?;
        // No event tells of it, so it is counted here.
        open.capture_on_limits(&hold);
        if hold.captured > Amount::ZERO && (is_limited || !on.is_empty()) {
            let at_us = wall.timestamp_micros().div_euclid(QUARTER_US) * QUARTER_US;
            open.counted.insert(name.number, at_us);
            for id in &on {
                let nanos = hold.captured.nanos();
                tx.ledger().count_captured(id, at_us, nanos).map_err(Stop::Torn)?;
            }
        }
        let captured = Captured::of(&account, &hold, balance, false);
        self.touched.insert(account);
        Ok(Done::Captured(captured))
    }

    fn release(
        &mut self,
        tx: &Tx<'_>,
        name: HoldName,
        only: Option<CompactString>,
    ) -> Result<Done, Stop> {
        let now = self.now;
        let account = self.owner(tx, name, only)?;
        let open = self.opened(tx, &account, false)?.ok_or(LedgerRefusal::NoHold)?;
        let hold = open.hold(tx, name.number)?;
        if hold.state == HoldState::Released {
            let balance = open.balance_at(tx, hold.ended_by)?;
            return Ok(Done::Captured(Captured::of(&account, &hold, balance, true)));
        }
        open.know_shares(tx, &hold.unit, &hold.shares)?;
        open.ledger.release(name.number, now)?;
        let hold = open.hold(tx, name.number)?;
        let balance = open.ledger.balance(&hold.unit);
        open.let_go_of_budgets(tx).map_err(Stop::Torn)?;
        let released = Captured::of(&account, &hold, balance, false);
        self.touched.insert(account);
        Ok(Done::Captured(released))
    }

    /// Charges an event to its account, where that has a ledger: what is held for it, and the rest by
    /// the account's rule.
    pub fn charge_event(
        &mut self,
        tx: &Tx<'_>,
        event: &UsageEvent,
        charge: &Charge,
        hold: Option<HoldName>,
    ) -> Result<Result<(), Refusal>, StoreError> {
        match self.charged(tx, event, charge, hold) {
            Ok(()) => Ok(Ok(())),
            Err(Stop::Failed(error) | Stop::Torn(error)) => Err(error),
            Err(Stop::Refused(refused)) => Ok(Err(told(&refused, hold.is_some()))),
        }
    }

    fn charged(
        &mut self,
        tx: &Tx<'_>,
        event: &UsageEvent,
        charge: &Charge,
        name: Option<HoldName>,
    ) -> Result<(), Stop> {
        let (now, believed) = (self.now, self.believed);
        let amount = charge.amount.unwrap_or(Amount::ZERO);
        let opened = self.opened(tx, &event.account, false)?;
        let Some(open) = opened else {
            return if name.is_some() { Err(LedgerRefusal::NoHold.into()) } else { Ok(()) };
        };
        let mut is_held = false;
        let mut own: Vec<LimitShare> = Vec::new();
        if let Some(name) = name {
            if name.account != open.account.number {
                return Err(LedgerRefusal::NoHold.into());
            }
            let hold = open.hold(tx, name.number)?;
            if hold.unit != Unit::USD {
                return Err(LedgerRefusal::NoHold.into());
            }
            open.know_shares(tx, &hold.unit, &hold.shares)?;
            // Work that took longer than its hold was done all the same.
            is_held = hold.state != HoldState::Expired;
            if hold.state == HoldState::Held {
                own = open.limits_on.get(&name.number).cloned().unwrap_or_default();
            }
        }
        let takings = open.limited(event, charge, &own, believed)?;
        if !is_held && open.ledger.purse(&Unit::USD).is_none() {
            if open.take(&takings) {
                self.touched.insert(event.account.clone());
            }
            return Ok(());
        }
        let id = event_id(event);
        // An event that was taken back may come again under its id.
        let first = open.posting_by_id(tx, &id)?.map(|posting| posting.number);
        if first.is_none() {
            open.ledger.name_next(id.clone(), CompactString::default());
        }
        let rule = open.ledger.terms.overdraft;
        let charged = match name.filter(|_| is_held) {
            Some(name) if amount >= Amount::ZERO => {
                open.ledger.capture(name.number, Some(amount), Some(rule), now).map(drop)
            }
            _ if amount.is_negative() => {
                let back = Amount::from_nanos(amount.nanos().saturating_neg());
                open.ledger.refund(&Unit::USD, back, None, &[], now)
            }
            _ => open.ledger.charge(&Unit::USD, amount, first, false, now),
        };
        open.note(charged.is_ok() && first.is_none(), &id);
        charged?;
        open.let_go_of_budgets(tx).map_err(Stop::Torn)?;
        open.take(&takings);
        self.touched.insert(event.account.clone());
        Ok(())
    }

    /// Puts accounts right by what `facts` change about kept events: what is more is charged, and
    /// what is less is given back. Events that were never charged to a ledger stay so.
    pub fn amend(
        &mut self,
        tx: &Tx<'_>,
        facts: &[Fact],
    ) -> Result<Result<(), Refusal>, StoreError> {
        let mut changes: Vec<Change> = Vec::new();
        let mut places: HashMap<(CompactString, CompactString), usize> = HashMap::new();
        for fact in facts {
            let key = (fact.event.account.clone(), event_id(&fact.event));
            let nanos = fact.charge.amount.map_or(0, Amount::nanos);
            let place = *places.entry(key.clone()).or_insert_with(|| {
                let (account, id) = key;
                changes.push(Change { account, id, nanos: 0, is_moved_here: true });
                changes.len() - 1
            });
            let change = &mut changes[place];
            change.nanos = change.nanos.saturating_add(nanos);
            // What was the account's before does not come to it now.
            change.is_moved_here &= fact.kind == FactKind::Correction;
        }
        // All that happens by itself is done before, so that what is put back below is whole.
        for Change { account, .. } in &changes {
            match self.opened(tx, account, false) {
                Ok(_) => {}
                Err(Stop::Failed(error) | Stop::Torn(error)) => return Err(error),
                Err(Stop::Refused(refused)) => return Ok(Err(told(&refused, false))),
            }
        }
        let before: Vec<_> = changes
            .iter()
            .filter_map(|Change { account, .. }| {
                Some((account.clone(), self.known.get(account)?.clone()))
            })
            .collect();
        for change in changes {
            match self.amended(tx, change) {
                Ok(()) => {}
                Err(Stop::Failed(error) | Stop::Torn(error)) => return Err(error),
                Err(Stop::Refused(refused)) => {
                    self.known.extend(before);
                    return Ok(Err(told(&refused, false)));
                }
            }
        }
        for fact in facts {
            // Corrections tell of what was used, and so are counted whatever the limit is.
            if let Some(Some(open)) = self.known.get_mut(&fact.event.account)
                && open.amend_limits(fact, self.believed)
            {
                self.touched.insert(fact.event.account.clone());
            }
        }
        Ok(Ok(()))
    }

    fn amended(&mut self, tx: &Tx<'_>, change: Change) -> Result<(), Stop> {
        let Change { account, id, nanos, is_moved_here } = change;
        let now = self.now;
        if nanos == 0 {
            return Ok(());
        }
        let Some(open) = self.opened(tx, &account, false)? else { return Ok(()) };
        if open.ledger.purse(&Unit::USD).is_none() {
            return Ok(());
        }
        let first = open.posting_by_id(tx, &id)?;
        match first {
            Some(first) if nanos < 0 => {
                let back = Amount::from_nanos(nanos.saturating_neg());
                open.give_back(tx, &first, back, now)?;
            }
            Some(first) => {
                let amount = Amount::from_nanos(nanos);
                open.ledger.charge(&Unit::USD, amount, Some(first.number), true, now)?;
            }
            // It came from another account by a correction.
            None if nanos > 0 && is_moved_here => {
                open.ledger.name_next(id.clone(), CompactString::default());
                let charged =
                    open.ledger.charge(&Unit::USD, Amount::from_nanos(nanos), None, true, now);
                open.note(charged.is_ok(), &id);
                charged?;
            }
            None => return Ok(()),
        }
        self.touched.insert(account);
        Ok(())
    }

    /// Whose a hold is; for who may use one account only, as if there were no others.
    fn owner(
        &mut self,
        tx: &Tx<'_>,
        name: HoldName,
        only: Option<CompactString>,
    ) -> Result<CompactString, Stop> {
        let known = self.names.get(&name.account).cloned();
        let account = match known {
            Some(known) => known,
            None => {
                let found = tx.ledger().account_of(name.account)?.ok_or(LedgerRefusal::NoHold)?;
                self.names.insert(name.account, found.account.clone());
                found.account
            }
        };
        match only {
            Some(only) if only != account => Err(LedgerRefusal::NoHold.into()),
            _ => Ok(account),
        }
    }

    /// The account of that name, in which all has happened that does by itself up to now.
    fn opened(
        &mut self,
        tx: &Tx<'_>,
        name: &CompactString,
        may_begin: bool,
    ) -> Result<Option<&mut Open>, Stop> {
        if !self.known.contains_key(name) {
            let versions = &mut self.versions;
            let open = tx.ledger().account(name)?.map(|account| Open::load(tx, account, versions));
            self.known.insert(name.clone(), open.transpose()?);
        }
        let Some(known) = self.known.get_mut(name) else { return Ok(None) };
        if known.is_none() && may_begin {
            *known = Some(Open::new(name.clone()));
            self.begun.push(name.clone());
        }
        let Some(open) = known else { return Ok(None) };
        // First what is over, so that what begins is not taken for a part of it.
        let has_ripened = open.ripen(tx, self.now)?;
        if open.turn(tx, self.believed, self.now)? || has_ripened {
            self.touched.insert(name.clone());
        }
        Ok(Some(open))
    }

    /// Writes what all of the commit changed, and answers whether there was anything.
    pub fn save(&mut self, tx: &Tx<'_>) -> Result<bool, StoreError> {
        let mut is_any = false;
        for name in self.touched.drain() {
            if let Some(Some(open)) = self.known.get_mut(&name) {
                open.save(tx, self.believed)?;
                self.names.insert(open.account.number, name);
                is_any = true;
            }
        }
        // Accounts that were opened and refused everything are in no book.
        for name in self.begun.drain(..) {
            let known = self.known.get(&name).and_then(Option::as_ref);
            if known.is_some_and(|open| open.account.number == 0) {
                self.known.remove(&name);
            }
        }
        if is_any {
            tx.ledger().set_time(self.now)?;
        }
        Ok(is_any)
    }
}

impl Open {
    fn new(account: CompactString) -> Self {
        let terms = Terms::default();
        let account = LedgerAccount { number: 0, account, terms, last: 0, due: None };
        Self::of(account, Ledger::new(terms, 0), None)
    }

    fn of(account: LedgerAccount, ledger: Ledger, plan: Option<OpenPlan>) -> Self {
        Self {
            account,
            ledger,
            plan,
            posted: HashMap::new(),
            on: HashMap::new(),
            limits_on: HashMap::new(),
            counted: HashMap::new(),
            fresh: HashSet::new(),
            refunds: HashMap::new(),
        }
    }

    fn load(
        tx: &Tx<'_>,
        account: LedgerAccount,
        versions: &mut Versions,
    ) -> Result<Self, StoreError> {
        let ledger = load_ledger(tx, &account)?;
        let plan = OpenPlan::load(tx, account.number, versions)?;
        Ok(Self::of(account, ledger, plan))
    }

    /// Lets happen what happens by itself up to `now`; says whether anything did.
    fn ripen(&mut self, tx: &Tx<'_>, now: DateTime<Utc>) -> Result<bool, Stop> {
        let is_due = self.account.due.is_some_and(|due| due <= now);
        let mut is_cut = false;
        if is_due && self.account.number != 0 {
            let expiring = tx.ledger().open_until(self.account.number, now, EXPIRING_MAX)?;
            is_cut = expiring.len() == EXPIRING_MAX;
            for kept in expiring {
                self.know(tx, kept)?;
            }
        }
        let before = self.ledger.last;
        self.ledger.ripen(now)?;
        self.let_go_of_budgets(tx)?;
        if is_due {
            let next = match self.account.number {
                0 => None,
                _ if is_cut => Some(now),
                number => tx.ledger().next_open(number, now)?,
            };
            let due = self.ledger.due_at().into_iter().chain(next).min();
            self.account.due = due;
        }
        Ok(is_due || self.ledger.last != before)
    }

    fn expect(&mut self, due: DateTime<Utc>) {
        self.account.due = Some(self.account.due.map_or(due, |known| known.min(due)));
    }

    /// Lets a kept hold be known with the grants that it is from.
    fn know(&mut self, tx: &Tx<'_>, kept: KeptHold) -> Result<(), StoreError> {
        if self.ledger.hold_of(kept.hold.number).is_some() {
            return Ok(());
        }
        let KeptHold { hold, budgets, limits, counted_us } = kept;
        self.know_shares(tx, &hold.unit, &hold.shares)?;
        self.on.insert(hold.number, budgets);
        self.limits_on.insert(hold.number, limits);
        self.counted.extend(counted_us.map(|at_us| (hold.number, at_us)));
        self.ledger.know_hold(hold);
        Ok(())
    }

    fn know_shares(
        &mut self,
        tx: &Tx<'_>,
        unit: &Unit,
        shares: &[Share],
    ) -> Result<(), StoreError> {
        for number in shares.iter().filter_map(|share| share.grant) {
            let is_known =
                self.ledger.purse(unit).is_some_and(|purse| purse.grant(number).is_some());
            if !is_known
                && let Some((unit, grant)) = tx.ledger().grant(self.account.number, number)?
            {
                self.ledger.know_grant(&unit, grant);
            }
        }
        Ok(())
    }

    /// The hold of that number, as it is now.
    fn hold(&mut self, tx: &Tx<'_>, number: i64) -> Result<Hold, Stop> {
        if self.ledger.hold_of(number).is_none()
            && let Some(kept) = tx.ledger().hold(self.account.number, number)?
        {
            self.know(tx, kept)?;
        }
        Ok(self.ledger.hold_of(number).cloned().ok_or(LedgerRefusal::NoHold)?)
    }

    /// What was posted under the id that is asked for, if the same was asked for.
    fn known_as(&mut self, tx: &Tx<'_>, asked: &Asked) -> Result<Option<Posting>, Stop> {
        let Some(posting) = self.posting_by_id(tx, &asked.id)? else { return Ok(None) };
        match asked.difference(posting.asked.as_deref().unwrap_or_default()) {
            None => Ok(Some(posting)),
            Some(field) => {
                Err(LedgerRefusal::Differs { id: asked.shown_id().into(), field }.into())
            }
        }
    }

    fn posting_by_id(&self, tx: &Tx<'_>, id: &str) -> Result<Option<Posting>, StoreError> {
        match self.posted.get(id) {
            Some(posting) => Ok(Some(posting.clone())),
            None if self.account.number == 0 => Ok(None),
            None => tx.ledger().posting_by_id(self.account.number, id),
        }
    }

    fn posting(&self, tx: &Tx<'_>, number: i64) -> Result<Option<Posting>, StoreError> {
        match self.ledger.posted().find(|posting| posting.number == number) {
            Some(posting) => Ok(Some(posting.clone())),
            None => tx.ledger().posting(self.account.number, number),
        }
    }

    /// Remembers the newest posting by its id, where it was made.
    fn note(&mut self, is_posted: bool, id: &CompactString) {
        if let Some(posting) = self.ledger.newest()
            && is_posted
            && posting.id.as_ref() == Some(id)
        {
            self.posted.insert(id.clone(), posting.clone());
        }
        if !is_posted {
            self.ledger.name_none();
        }
        let due = self.ledger.due_at();
        if let Some(due) = due {
            self.expect(due);
        }
    }

    fn newest(&self) -> Result<Posting, Stop> {
        let posting = self.ledger.newest().cloned();
        Ok(posting.ok_or(LedgerRefusal::Inconsistent("nothing was posted"))?)
    }

    fn given(&mut self, tx: &Tx<'_>, unit: &Unit, posting: &Posting) -> Result<Given, Stop> {
        let known = self.ledger.purse(unit).and_then(|purse| purse.grant(posting.number)).cloned();
        let grant: Grant = match known {
            Some(grant) => grant,
            None => {
                let kept = tx.ledger().grant(self.account.number, posting.number)?;
                kept.ok_or(LedgerRefusal::Inconsistent("a grant is not there"))?.1
            }
        };
        Ok(Given { unit: posting.unit.clone(), grant, balance: posting.balance, is_repeated: true })
    }

    fn balance_at(&self, tx: &Tx<'_>, number: Option<i64>) -> Result<Balance, Stop> {
        let posting = match number {
            Some(number) => self.posting(tx, number)?,
            None => None,
        };
        Ok(posting.map(|posting| posting.balance).unwrap_or_default())
    }

    /// A charge or capture, from where it took what was not given back yet, and how much that is.
    fn takings(&mut self, tx: &Tx<'_>, number: i64) -> Result<Takings, Stop> {
        let charge = self.posting(tx, number)?.ok_or(LedgerRefusal::NoCharge)?;
        let hold = match (charge.kind, charge.of) {
            (PostingKind::Capture, Some(hold)) => Some(self.hold(tx, hold)?),
            (PostingKind::Charge, _) => None,
            _ => return Err(LedgerRefusal::NoCharge.into()),
        };
        let taken = charge.taken(hold.as_ref());
        let before = match self.refunds.get(&number) {
            Some(here) => here.nanos(),
            None => 0,
        } + tx.ledger().refunded(self.account.number, number)?.nanos();
        let is_covered = charge.kind != PostingKind::Capture || !charge.entries.is_empty();
        let all: i64 = match is_covered {
            true => taken.iter().map(|share| share.amount.nanos()).sum(),
            false => charge.amount.nanos(),
        };
        let left = Amount::from_nanos((all - before).max(0));
        let (taken, _) = parted(&taken, left);
        self.know_shares(tx, &charge.unit, &taken)?;
        Ok(Takings { charge, taken, left, is_covered })
    }

    fn refund(
        &mut self,
        tx: &Tx<'_>,
        takings: &Takings,
        amount: Amount,
        asked: Option<&Asked>,
        now: DateTime<Utc>,
    ) -> Result<(), Stop> {
        let Takings { charge, taken, is_covered, .. } = takings;
        let (unit, of) = (&charge.unit, charge.number);
        self.know_shares(tx, unit, taken)?;
        if let Some(asked) = asked {
            self.ledger.name_next(asked.id.clone(), asked.body.clone());
        }
        let refunded = match is_covered {
            true => self.ledger.refund(unit, amount, Some(of), taken, now),
            false => self.ledger.refund_uncovered(unit, amount, of, now),
        };
        if let Some(asked) = asked {
            self.note(refunded.is_ok(), &asked.id);
        }
        refunded?;
        let part = match is_covered {
            true => taken.iter().map(|share| share.amount.nanos()).sum::<i64>(),
            false => amount.nanos(),
        };
        let part = part.min(amount.nanos());
        let before = self.refunds.entry(of).or_insert(Amount::ZERO);
        *before = Amount::from_nanos(before.nanos() + part);
        Ok(())
    }

    /// Gives back `amount` of what an event's postings took, the newest first; never more than they
    /// took and was not given back before.
    fn give_back(
        &mut self,
        tx: &Tx<'_>,
        first: &Posting,
        amount: Amount,
        now: DateTime<Utc>,
    ) -> Result<(), Stop> {
        let mut numbers = tx.ledger().charges_of(self.account.number, first.number)?;
        numbers.push(first.number);
        numbers.extend(self.ledger.posted().filter_map(|posting| {
            let is_more = posting.kind == PostingKind::Charge && posting.of == Some(first.number);
            is_more.then_some(posting.number)
        }));
        numbers.sort_unstable_by_key(|number| std::cmp::Reverse(*number));
        numbers.dedup();
        let mut still = amount;
        for number in numbers {
            let takings = match self.takings(tx, number) {
                // An event of less than nothing was given, and took nothing.
                Err(Stop::Refused(LedgerError::Refused(LedgerRefusal::NoCharge))) => continue,
                taken => taken?,
            };
            let part = takings.left.min(still);
            if part > Amount::ZERO {
                self.refund(tx, &takings, part, None, now)?;
                still = Amount::from_nanos(still.nanos() - part.nanos());
            }
        }
        Ok(())
    }

    /// Takes holds that ended from the budgets that they were on.
    fn let_go_of_budgets(&mut self, tx: &Tx<'_>) -> Result<(), StoreError> {
        for hold in self.ledger.take_ended() {
            for id in self.on.get(&hold.number).into_iter().flatten() {
                tx.ledger().hold_on_budget(id, -hold.amount.nanos())?;
            }
            if let (Some(plan), Some(shares)) = (&mut self.plan, self.limits_on.get(&hold.number)) {
                plan.usage.release(shares);
            }
        }
        Ok(())
    }

    /// Takes what was given back of a capture from the budgets that counted it, because no event of it
    /// tells them.
    fn free_budgets(
        &mut self,
        tx: &Tx<'_>,
        capture: &Posting,
        amount: Amount,
    ) -> Result<(), StoreError> {
        let hold = capture.of.filter(|_| capture.kind == PostingKind::Capture);
        let Some(hold) = hold else { return Ok(()) };
        let Some(at_us) = self.counted.get(&hold).copied() else { return Ok(()) };
        if let (Some(plan), Some(shares)) = (&mut self.plan, self.limits_on.get(&hold)) {
            plan.usage.give_back(shares, i128::from(amount.nanos()));
        }
        let Some(on) = self.on.get(&hold) else { return Ok(()) };
        on.iter().try_for_each(|id| tx.ledger().count_captured(id, at_us, -amount.nanos()))
    }

    fn save(&mut self, tx: &Tx<'_>, believed: DateTime<Utc>) -> Result<(), StoreError> {
        if self.account.number == 0 {
            let name = self.account.account.clone();
            self.account.number = tx.ledger().add_account(&name, self.ledger.terms)?;
        }
        let number = self.account.number;
        if let Some(due) = self.ledger.due_at() {
            self.expect(due);
        }
        let Changes { postings, grants, holds } = self.ledger.take_changes();
        for purse in self.ledger.purses() {
            tx.ledger().put_purse(number, &purse.unit, &purse.places)?;
        }
        grants.iter().try_for_each(|(unit, grant)| tx.ledger().put_grant(number, unit, grant))?;
        for hold in holds {
            if self.fresh.contains(&hold.number) {
                let budgets = self.on.get(&hold.number).cloned().unwrap_or_default();
                let limits = self.limits_on.get(&hold.number).cloned().unwrap_or_default();
                let counted_us = self.counted.get(&hold.number).copied();
                let kept = KeptHold { hold, budgets, limits, counted_us };
                tx.ledger().add_hold(number, &kept)?;
            } else {
                tx.ledger().set_hold(number, &hold, self.counted.get(&hold.number).copied())?;
            }
        }
        postings.iter().try_for_each(|posting| tx.ledger().post(number, posting))?;
        for (of, amount) in self.refunds.drain() {
            if amount > Amount::ZERO {
                tx.ledger().add_refund(number, of, amount)?;
            }
        }
        if let Some(plan) = &mut self.plan {
            plan.save(tx, number, believed)?;
        }
        self.account.last = self.ledger.last;
        self.account.terms = self.ledger.terms;
        tx.ledger().set_account(&self.account)?;
        self.posted.clear();
        self.on.clear();
        self.limits_on.clear();
        self.counted.clear();
        self.fresh.clear();
        Ok(())
    }
}

impl HardBudgets {
    fn read(tx: &Tx<'_>) -> Result<Self, StoreError> {
        let list = HardList::read(tx)?;
        let brought = list.budgets().iter().map(|_| Vec::new()).collect();
        Ok(Self { list, brought, seen: 0 })
    }

    /// Notes what came since the last time, which the counters do not have yet.
    fn note(&mut self, facts: &[Fact]) {
        let Self { list, brought, seen } = self;
        for fact in facts.get(*seen..).unwrap_or_default() {
            let nanos = fact.charge.amount.map_or(0, Amount::nanos);
            if nanos != 0 {
                let at = fact.event.occurred_at;
                list.scopes().each_of(&fact.event, |place| brought[place].push((at, nanos)));
            }
        }
        *seen = facts.len();
    }
}

/// What is touched of an account whenever it is: its purses, and the grants that are not used up.
pub(crate) fn load_ledger(
    books: &outlay_store::View<'_>,
    account: &LedgerAccount,
) -> Result<Ledger, StoreError> {
    let mut ledger = Ledger::new(account.terms, account.last);
    let mut grants = books.ledger().live_grants(account.number)?;
    for (unit, places) in books.ledger().purses(account.number)? {
        let own = grants.extract_if(.., |(of, _)| *of == unit).map(|(_, grant)| grant);
        ledger.open(Purse::new(unit.clone(), places, own.collect()));
    }
    Ok(ledger)
}

/// The id under which an event is charged. What stands between its source and its id can be in neither.
fn event_id(event: &UsageEvent) -> CompactString {
    format_compact!("e:{}{EVENT_PARTED}{}", event.source, event.id)
}

/// Refuses what would make the sum on a budget more than is kept.
fn fitting(sum: i128, more: Amount) -> Result<(), Stop> {
    match i64::try_from(sum + i128::from(more.nanos())) {
        Ok(_) => Ok(()),
        Err(_) => Err(LedgerRefusal::OutOfRange(Unit::USD).into()),
    }
}

/// The day of UTC that it is.
fn day_of(at: DateTime<Utc>) -> (DateTime<Utc>, DateTime<Utc>) {
    let from = at.date_naive().and_time(chrono::NaiveTime::MIN).and_utc();
    (from, from + chrono::TimeDelta::days(1))
}

fn unknown() -> Stop {
    Stop::Refused(LedgerError::NoAccount)
}

/// Why an event is not taken, for its sender.
fn told(refused: &LedgerError, is_held: bool) -> Refusal {
    let (code, field) = match refused {
        LedgerError::Refused(LedgerRefusal::Insufficient { .. }) => {
            (RefusalCode::Insufficient, "account")
        }
        LedgerError::Limit(_) => (RefusalCode::LimitReached, "account"),
        LedgerError::Refused(LedgerRefusal::HoldOver { .. }) => (RefusalCode::Conflict, "hold"),
        LedgerError::Refused(LedgerRefusal::NoHold) => (RefusalCode::Unknown, "hold"),
        _ if is_held => (RefusalCode::OutOfRange, "hold"),
        _ => (RefusalCode::OutOfRange, "account"),
    };
    Refusal::new(code, field, refused.to_string())
}
