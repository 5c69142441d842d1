//! The commands on one account, and what is posted for each.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use compact_str::CompactString;

use super::hold::HoldDraft;
use super::{
    Balance, Entry, Grant, GrantDraft, GrantState, Hold, HoldState, LIVE_GRANTS_MAX, LedgerRefusal,
    PLACE_MAX, Place, Places, Posting, PostingKind, Purse, Share, Source, Unit,
};
use crate::Amount;

/// How usage is charged that nobody authorised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Overdraft {
    /// What the balance does not have is refused.
    Refuse,
    /// The account may owe.
    #[default]
    Allow,
    /// The account may owe so much, and what is beyond that is refused.
    Floor(Amount),
}

impl Overdraft {
    /// Whether an account may owe `debt`, which is below zero.
    fn allows(self, debt: Amount) -> bool {
        match self {
            Self::Refuse => false,
            Self::Allow => true,
            Self::Floor(most) => i128::from(debt.nanos()) >= -i128::from(most.nanos()),
        }
    }
}

/// What an account agreed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Terms {
    /// How usage is charged that nobody authorised.
    pub overdraft: Overdraft,
    /// Whether more may be captured than is held, as far as the balance and the rule above go.
    pub captures_beyond: bool,
}

/// What a capture took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Captured {
    /// All of it.
    pub amount: Amount,
    /// What of it was more than the hold.
    pub beyond: Amount,
    /// What of the hold went back.
    pub released: Amount,
}

/// Who asks for a posting, by their own id, and for what.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Named {
    id: CompactString,
    asked: CompactString,
}

/// What is touched of one account, and what was posted since it was loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ledger {
    /// What the account agreed to.
    pub terms: Terms,
    /// The number of the newest posting.
    pub last: i64,
    purses: BTreeMap<Unit, Purse>,
    holds: BTreeMap<i64, Hold>,
    posted: Vec<Posting>,
    changed_grants: Vec<(Unit, i64)>,
    changed_holds: Vec<i64>,
    ended: Vec<i64>,
    named: Option<Named>,
    /// Before then nothing happens by itself.
    calm_until: DateTime<Utc>,
}

/// What was written since a ledger was loaded.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Changes {
    /// Postings, in order.
    pub postings: Vec<Posting>,
    /// Grants as they are now.
    pub grants: Vec<(Unit, Grant)>,
    /// Holds as they are now.
    pub holds: Vec<Hold>,
}

impl Ledger {
    /// An account of those terms that has posted `last` times.
    pub fn new(terms: Terms, last: i64) -> Self {
        Self {
            terms,
            last,
            purses: BTreeMap::new(),
            holds: BTreeMap::new(),
            posted: Vec::new(),
            changed_grants: Vec::new(),
            changed_holds: Vec::new(),
            ended: Vec::new(),
            named: None,
            calm_until: DateTime::<Utc>::MIN_UTC,
        }
    }

    /// Lets the account have a purse, as it was kept.
    pub fn open(&mut self, purse: Purse) {
        self.expect(purse.grants().iter().filter_map(Grant::due_at).min());
        self.purses.insert(purse.unit.clone(), purse);
    }

    /// Lets the account have a purse in `unit`, empty where it has none.
    pub fn begin(&mut self, unit: &Unit) -> &mut Purse {
        self.purses
            .entry(unit.clone())
            .or_insert_with(|| Purse::new(unit.clone(), Places::default(), Vec::new()))
    }

    /// The purse in `unit`.
    pub fn purse(&self, unit: &Unit) -> Option<&Purse> {
        self.purses.get(unit)
    }

    /// All purses, by unit.
    pub fn purses(&self) -> impl Iterator<Item = &Purse> {
        self.purses.values()
    }

    /// What the account has in `unit`.
    pub fn balance(&self, unit: &Unit) -> Balance {
        self.purse(unit).map(|purse| purse.places.balance()).unwrap_or_default()
    }

    /// Lets a grant be known, as it was kept.
    pub fn know_grant(&mut self, unit: &Unit, grant: Grant) {
        self.expect(grant.due_at());
        self.begin(unit).know(grant);
    }

    /// Lets a hold be known, as it was kept.
    pub fn know_hold(&mut self, hold: Hold) {
        self.expect((hold.state == HoldState::Held).then_some(hold.expires_at));
        self.holds.entry(hold.number).or_insert(hold);
    }

    /// The hold of that number, where it is known.
    pub fn hold_of(&self, number: i64) -> Option<&Hold> {
        self.holds.get(&number)
    }

    /// Has the next posting bear `id`, and what was asked for under it.
    pub fn name_next(&mut self, id: CompactString, asked: CompactString) {
        self.named = Some(Named { id, asked });
    }

    /// Takes the name back that was meant for the next posting.
    pub fn name_none(&mut self) {
        self.named = None;
    }

    /// Takes what was written since the last time. Holds, and grants that have nothing left, are let
    /// go of: whoever touches them next lets them be known again.
    pub fn take_changes(&mut self) -> Changes {
        self.named = None;
        let postings = std::mem::take(&mut self.posted);
        let mut numbers = std::mem::take(&mut self.changed_grants);
        numbers.sort();
        numbers.dedup();
        let grant = |(unit, number): (Unit, i64)| {
            let found = self.purses.get(&unit)?.grant(number)?.clone();
            Some((unit, found))
        };
        let grants = numbers.into_iter().filter_map(grant).collect();
        let mut numbers = std::mem::take(&mut self.changed_holds);
        numbers.sort_unstable();
        numbers.dedup();
        let holds = numbers.iter().filter_map(|number| self.holds.get(number).cloned()).collect();
        self.purses.values_mut().for_each(Purse::forget_spent);
        self.holds.clear();
        self.ended.clear();
        Changes { postings, grants, holds }
    }

    /// The holds that ended since this was asked.
    pub fn take_ended(&mut self) -> Vec<Hold> {
        let ended = std::mem::take(&mut self.ended);
        ended.iter().filter_map(|number| self.holds.get(number).cloned()).collect()
    }

    /// Whether anything was written that was not taken yet.
    pub fn has_changes(&self) -> bool {
        !self.posted.is_empty()
    }

    /// When something happens by itself to what is known here, if anything does.
    pub fn due_at(&self) -> Option<DateTime<Utc>> {
        let grants = self.purses.values().flat_map(|purse| purse.grants());
        let grants = grants.filter_map(Grant::due_at);
        let open = self.holds.values().filter(|hold| hold.state == HoldState::Held);
        grants.chain(open.map(|hold| hold.expires_at)).min()
    }

    /// Lets happen what happens by itself up to `now`, in the order of its times: grants take
    /// effect, holds expire, grants expire.
    pub fn ripen(&mut self, now: DateTime<Utc>) -> Result<(), LedgerRefusal> {
        if now < self.calm_until {
            return Ok(());
        }
        let named = self.named.take();
        let done = self.ripen_all(now);
        self.named = named;
        if done.is_ok() {
            self.calm_until = self.due_at().unwrap_or(DateTime::<Utc>::MAX_UTC);
        }
        done
    }

    /// Notes that something happens by itself at `due`.
    fn expect(&mut self, due: Option<DateTime<Utc>>) {
        self.calm_until = due.map_or(self.calm_until, |due| due.min(self.calm_until));
    }

    fn ripen_all(&mut self, now: DateTime<Utc>) -> Result<(), LedgerRefusal> {
        // Holds are many and only ever end here, so they are put in order once; grants are few, and what
        // happens to one may have another happen.
        let open = self.holds.values().filter(|hold| hold.state == HoldState::Held);
        let mut holds: Vec<_> = open
            .filter(|hold| hold.expires_at <= now)
            .map(|hold| (hold.expires_at, 1, hold.number, hold.unit.clone()))
            .collect();
        holds.sort_unstable();
        let mut holds = holds.into_iter().peekable();
        loop {
            let grants = self
                .purses
                .values()
                .flat_map(|purse| purse.grants().iter().map(|grant| (&purse.unit, grant)));
            let grant = grants
                .filter_map(|(unit, grant)| {
                    let kind = u8::from(grant.state == GrantState::Active) * 2;
                    Some((grant.due_at()?, kind, grant.number, unit))
                })
                .min()
                .filter(|(due, ..)| *due <= now)
                .map(|(due, kind, number, unit)| (due, kind, number, unit.clone()));
            let (due, kind, number, unit) = match (grant, holds.peek()) {
                (Some(grant), Some(hold)) if grant < *hold => grant,
                (_, Some(_)) => match holds.next() {
                    Some(hold) => hold,
                    None => break,
                },
                (Some(grant), None) => grant,
                (None, None) => break,
            };
            match kind {
                0 => self.take_effect(&unit, number, due)?,
                1 => self.give_back(number, PostingKind::HoldExpired, due)?,
                _ => self.expire_grant(&unit, number, due)?,
            }
        }
        Ok(())
    }

    /// Gives credit.
    pub fn grant(
        &mut self,
        unit: &Unit,
        draft: GrantDraft,
        now: DateTime<Utc>,
    ) -> Result<Grant, LedgerRefusal> {
        self.ripen(now)?;
        let number = self.last + 1;
        let grant = Grant::new(number, draft, now)?;
        let is_new = self.purse(unit).is_none();
        let purse = self.begin(unit);
        let live = purse
            .grants()
            .iter()
            .filter(|grant| grant.due_at().is_some() || grant.free > Amount::ZERO);
        let scheduled: i64 = purse
            .grants()
            .iter()
            .filter(|grant| grant.state == GrantState::Scheduled)
            .map(|grant| grant.amount.nanos())
            .fold(0, i64::saturating_add);
        let issued = purse.places.issued.nanos().saturating_neg().saturating_add(scheduled);
        let refused = if live.count() >= LIVE_GRANTS_MAX {
            Some(LedgerRefusal::TooManyGrants)
        } else if issued.saturating_add(grant.amount.nanos()) > PLACE_MAX.nanos() {
            Some(LedgerRefusal::OutOfRange(unit.clone()))
        } else {
            None
        };
        if let Some(refused) = refused {
            if is_new {
                self.purses.remove(unit);
            }
            return Err(refused);
        }
        self.put(unit, grant.clone());
        let amount = grant.amount;
        if grant.effective_at > now {
            self.post(PostingKind::Grant, unit, amount, None, Vec::new(), now)?;
        } else {
            self.effect(unit, number, PostingKind::Grant, None, now)?;
        }
        let given = self.purse(unit).and_then(|purse| purse.grant(number)).cloned();
        Ok(given.unwrap_or(grant))
    }

    fn take_effect(
        &mut self,
        unit: &Unit,
        number: i64,
        now: DateTime<Utc>,
    ) -> Result<(), LedgerRefusal> {
        self.effect(unit, number, PostingKind::Effect, Some(number), now)
    }

    /// Brings a scheduled grant's credit in.
    fn effect(
        &mut self,
        unit: &Unit,
        number: i64,
        kind: PostingKind,
        of: Option<i64>,
        now: DateTime<Utc>,
    ) -> Result<(), LedgerRefusal> {
        let grant = self.purses.get_mut(unit).and_then(|purse| purse.grant_mut(number));
        let grant = grant.ok_or(LedgerRefusal::Inconsistent("a grant is not known"))?;
        grant.state = GrantState::Active;
        let amount = grant.amount;
        let entries = moved(Place::Issued, Place::Grant(number), amount);
        self.post(kind, unit, amount, of, entries, now)
    }

    /// What a grant has left goes to breakage, but for what rolls over.
    fn expire_grant(
        &mut self,
        unit: &Unit,
        number: i64,
        now: DateTime<Utc>,
    ) -> Result<(), LedgerRefusal> {
        let next = self.last + 1;
        let purse = self.purses.get_mut(unit);
        let grant = purse.and_then(|purse| purse.grant_mut(number));
        let grant = grant.ok_or(LedgerRefusal::Inconsistent("a grant is not known"))?;
        grant.state = GrantState::Expired;
        let grant = grant.clone();
        let mut entries = Vec::new();
        let ends = grant.expires_at.unwrap_or(now);
        let goes_on = grant.rollover.and_then(|rollover| {
            let end = ends.checked_add_signed(rollover.lasts)?;
            let part = grant.free.min(rollover.max);
            (end > ends && part > Amount::ZERO).then_some((part, end))
        });
        if let Some((part, end)) = goes_on {
            let rolled = Grant {
                number: next,
                amount: part,
                free: Amount::ZERO,
                effective_at: ends,
                expires_at: Some(end),
                created_at: now,
                rollover: None,
                state: GrantState::Active,
                ..grant.clone()
            };
            self.put(unit, rolled);
            entries.extend(moved(Place::Grant(number), Place::Grant(next), part));
        }
        // What is left then is of a grant whose time is over, and follows.
        self.post(PostingKind::GrantExpired, unit, grant.free, Some(number), entries, now)
    }

    /// Sets credit aside, all of it or nothing. Where the account has no purse in this unit, no
    /// balance can run out, and nothing is taken for it.
    pub fn hold(&mut self, draft: HoldDraft, now: DateTime<Utc>) -> Result<Hold, LedgerRefusal> {
        let HoldDraft { unit, amount, expires_at } = draft;
        if amount.is_negative() {
            return Err(LedgerRefusal::Negative(amount));
        }
        self.ripen(now)?;
        let number = self.last + 1;
        let shares = match self.purse(&unit) {
            Some(purse) => {
                let (shares, missing) = purse.burn(amount);
                if missing > Amount::ZERO {
                    let available = purse.available();
                    return Err(LedgerRefusal::Insufficient { unit, available, needed: amount });
                }
                shares
            }
            None => Vec::new(),
        };
        let entries = shares.iter().filter_map(|share| {
            Some(moved(Place::Grant(share.grant?), Place::Hold(number), share.amount))
        });
        let entries = entries.flatten().collect();
        let hold = Hold {
            number,
            unit,
            amount,
            shares,
            created_at: now,
            expires_at,
            state: HoldState::Held,
            ended_by: None,
            captured: Amount::ZERO,
        };
        self.post(PostingKind::Hold, &hold.unit, amount, None, entries, now)?;
        self.expect(Some(expires_at));
        self.holds.insert(number, hold.clone());
        self.changed_holds.push(number);
        Ok(hold)
    }

    /// Takes what was set aside, or another amount: what is less goes back, and what is more comes
    /// from the balance as far as the terms allow, or as `overdraft` does, where the work is done
    /// and its price is known.
    pub fn capture(
        &mut self,
        number: i64,
        amount: Option<Amount>,
        overdraft: Option<Overdraft>,
        now: DateTime<Utc>,
    ) -> Result<Captured, LedgerRefusal> {
        self.ripen(now)?;
        let hold = self.open_hold(number)?.clone();
        let amount = amount.unwrap_or(hold.amount);
        if amount.is_negative() {
            return Err(LedgerRefusal::Negative(amount));
        }
        if amount > hold.amount && overdraft.is_none() && !self.terms.captures_beyond {
            return Err(LedgerRefusal::Beyond { held: hold.amount, asked: amount });
        }
        let has_purse = self.purse(&hold.unit).is_some();
        let covered = amount.min(hold.funded());
        let mut entries = moved(Place::Hold(number), Place::Spent, covered);
        let (_, back) = hold.parted(covered);
        entries.extend(returned(number, &back));
        let beyond = Amount::from_nanos(amount.nanos() - covered.nanos());
        if has_purse && beyond > Amount::ZERO {
            let rule = overdraft.unwrap_or(self.terms.overdraft);
            entries.extend(self.charged(&hold.unit, beyond, rule)?);
        }
        self.post(PostingKind::Capture, &hold.unit, amount, Some(number), entries, now)?;
        self.end(number, HoldState::Captured, amount);
        let released = Amount::from_nanos((hold.amount.nanos() - amount.nanos()).max(0));
        let beyond = Amount::from_nanos((amount.nanos() - hold.amount.nanos()).max(0));
        Ok(Captured { amount, beyond, released })
    }

    /// Gives back what was set aside.
    pub fn release(&mut self, number: i64, now: DateTime<Utc>) -> Result<(), LedgerRefusal> {
        self.ripen(now)?;
        self.open_hold(number)?;
        self.give_back(number, PostingKind::Release, now)
    }

    fn give_back(
        &mut self,
        number: i64,
        kind: PostingKind,
        now: DateTime<Utc>,
    ) -> Result<(), LedgerRefusal> {
        let hold = self.holds.get(&number).ok_or(LedgerRefusal::NoHold)?.clone();
        let entries = returned(number, &hold.shares).collect();
        self.post(kind, &hold.unit, hold.amount, Some(number), entries, now)?;
        let state = match kind {
            PostingKind::Release => HoldState::Released,
            _ => HoldState::Expired,
        };
        self.end(number, state, Amount::ZERO);
        Ok(())
    }

    /// Charges usage that nobody authorised, by the account's rule; with `must` whatever it says,
    /// because what was used is a fact already.
    pub fn charge(
        &mut self,
        unit: &Unit,
        amount: Amount,
        of: Option<i64>,
        must: bool,
        now: DateTime<Utc>,
    ) -> Result<(), LedgerRefusal> {
        if amount.is_negative() {
            return Err(LedgerRefusal::Negative(amount));
        }
        self.ripen(now)?;
        let rule = if must { Overdraft::Allow } else { self.terms.overdraft };
        let entries = self.charged(unit, amount, rule)?;
        self.post(PostingKind::Charge, unit, amount, of, entries, now)
    }

    /// Posts that what was captured without credit behind it was given back: no place changes.
    pub fn refund_uncovered(
        &mut self,
        unit: &Unit,
        amount: Amount,
        of: i64,
        now: DateTime<Utc>,
    ) -> Result<(), LedgerRefusal> {
        if amount <= Amount::ZERO {
            return Err(LedgerRefusal::NotPositive(amount));
        }
        self.ripen(now)?;
        self.post(PostingKind::Refund, unit, amount, Some(of), Vec::new(), now)
    }

    /// Gives back `amount` of what `taken` tells was taken, in reverse. What is more than that comes
    /// as a grant, as does what was owed then and has been paid since.
    pub fn refund(
        &mut self,
        unit: &Unit,
        amount: Amount,
        of: Option<i64>,
        taken: &[Share],
        now: DateTime<Utc>,
    ) -> Result<(), LedgerRefusal> {
        if amount <= Amount::ZERO {
            return Err(LedgerRefusal::NotPositive(amount));
        }
        self.ripen(now)?;
        let (number, is_new) = (self.last + 1, self.purse(unit).is_none());
        let (mut left, mut paid) = (amount.nanos(), 0);
        let mut owed = -self.begin(unit).places.debt.nanos();
        let mut entries = Vec::new();
        let mut give = |place: Place, nanos: i64, left: &mut i64| {
            *left -= nanos;
            entries.extend(moved(Place::Spent, place, Amount::from_nanos(nanos)));
        };
        for share in taken.iter().rev() {
            let part = share.amount.nanos().min(left);
            match share.grant {
                Some(grant) if part > 0 => give(Place::Grant(grant), part, &mut left),
                // What was owed then and has been paid since comes as a grant.
                None if part > 0 => {
                    let still = part.min(owed);
                    owed -= still;
                    paid += part - still;
                    give(Place::Debt, still, &mut left);
                    left -= part - still;
                }
                _ => {}
            }
        }
        left += paid;
        if left > 0 {
            self.put(unit, self.fresh(number, Source::Refund, Amount::from_nanos(left), now));
            entries.extend(moved(Place::Spent, Place::Grant(number), Amount::from_nanos(left)));
        }
        self.post_or_forget(PostingKind::Refund, unit, amount, of, entries, (number, is_new), now)
    }

    /// Puts the balance right by `amount`, which may be below zero. What is taken must be there.
    pub fn adjust(
        &mut self,
        unit: &Unit,
        amount: Amount,
        now: DateTime<Utc>,
    ) -> Result<(), LedgerRefusal> {
        if amount == Amount::ZERO || amount.nanos() == i64::MIN {
            return Err(LedgerRefusal::NotPositive(amount));
        }
        self.ripen(now)?;
        let (number, is_new) = (self.last + 1, self.purse(unit).is_none());
        let entries = if amount > Amount::ZERO {
            self.put(unit, self.fresh(number, Source::Adjustment, amount, now));
            moved(Place::Adjusted, Place::Grant(number), amount)
        } else {
            let needed = Amount::from_nanos(-amount.nanos());
            let none = || LedgerRefusal::Insufficient {
                unit: unit.clone(),
                available: Amount::ZERO,
                needed,
            };
            let purse = self.purse(unit).ok_or_else(none)?;
            let (shares, missing) = purse.burn(needed);
            if missing > Amount::ZERO {
                let available = purse.available();
                return Err(LedgerRefusal::Insufficient { unit: unit.clone(), available, needed });
            }
            let taken = shares.iter().filter_map(|share| {
                Some(moved(Place::Grant(share.grant?), Place::Adjusted, share.amount))
            });
            taken.flatten().collect()
        };
        self.post_or_forget(PostingKind::Adjust, unit, amount, None, entries, (number, is_new), now)
    }

    /// What taking `amount` from the balance writes, where `rule` allows it.
    fn charged(
        &self,
        unit: &Unit,
        amount: Amount,
        rule: Overdraft,
    ) -> Result<Vec<Entry>, LedgerRefusal> {
        let none = || LedgerRefusal::Insufficient {
            unit: unit.clone(),
            available: Amount::ZERO,
            needed: amount,
        };
        let purse = self.purse(unit).ok_or_else(none)?;
        let (shares, missing) = purse.burn(amount);
        let mut entries = Vec::new();
        for Share { grant, amount } in shares {
            entries.extend(
                grant
                    .map(|grant| moved(Place::Grant(grant), Place::Spent, amount))
                    .into_iter()
                    .flatten(),
            );
        }
        if missing > Amount::ZERO {
            let debt = purse.places.debt.checked_sub(missing);
            let debt = debt.ok_or_else(|| LedgerRefusal::OutOfRange(unit.clone()))?;
            if !rule.allows(debt) {
                let available = purse.available();
                return Err(LedgerRefusal::Insufficient {
                    unit: unit.clone(),
                    available,
                    needed: amount,
                });
            }
            entries.extend(moved(Place::Debt, Place::Spent, missing));
        }
        Ok(entries)
    }

    fn open_hold(&self, number: i64) -> Result<&Hold, LedgerRefusal> {
        let hold = self.holds.get(&number).ok_or(LedgerRefusal::NoHold)?;
        match hold.state {
            HoldState::Held => Ok(hold),
            state => Err(LedgerRefusal::HoldOver { state }),
        }
    }

    fn end(&mut self, number: i64, state: HoldState, captured: Amount) {
        let last = self.last;
        if let Some(hold) = self.holds.get_mut(&number) {
            hold.state = state;
            hold.ended_by = Some(last);
            hold.captured = captured;
            self.changed_holds.push(number);
            self.ended.push(number);
        }
    }

    fn fresh(&self, number: i64, source: Source, amount: Amount, now: DateTime<Utc>) -> Grant {
        Grant {
            number,
            id: compact_str::format_compact!("{}-{number}", source.as_str()),
            source,
            priority: super::PRIORITY_USUAL,
            amount,
            free: Amount::ZERO,
            effective_at: now,
            expires_at: None,
            created_at: now,
            rollover: None,
            state: GrantState::Active,
        }
    }

    fn put(&mut self, unit: &Unit, grant: Grant) {
        self.changed_grants.push((unit.clone(), grant.number));
        self.expect(grant.due_at());
        self.begin(unit).know(grant);
    }

    /// As [`post`](Self::post); the grant that was to come with it, and a new purse, go where it is
    /// refused.
    #[allow(clippy::too_many_arguments, reason = "the parts of a posting")]
    fn post_or_forget(
        &mut self,
        kind: PostingKind,
        unit: &Unit,
        amount: Amount,
        of: Option<i64>,
        entries: Vec<Entry>,
        (number, is_new): (i64, bool),
        now: DateTime<Utc>,
    ) -> Result<(), LedgerRefusal> {
        let posted = self.post(kind, unit, amount, of, entries, now);
        if posted.is_err() {
            self.begin(unit).forget(number);
            self.changed_grants.retain(|(_, known)| *known != number);
            if is_new {
                self.purses.remove(unit);
            }
        }
        posted
    }

    /// Writes a posting: all of its entries and what follows from them, or nothing.
    fn post(
        &mut self,
        kind: PostingKind,
        unit: &Unit,
        amount: Amount,
        of: Option<i64>,
        mut entries: Vec<Entry>,
        now: DateTime<Utc>,
    ) -> Result<(), LedgerRefusal> {
        let balance = match self.purses.get_mut(unit) {
            Some(purse) => {
                // What happens by itself at the end of a grant comes before that end, which may roll
                // over.
                let is_by_itself = matches!(
                    kind,
                    PostingKind::Effect | PostingKind::HoldExpired | PostingKind::GrantExpired
                );
                let moment = TimeDelta::microseconds(i64::from(is_by_itself));
                purse.follow_up(&mut entries, now - moment);
                purse.apply(&entries)?;
                purse.places.balance()
            }
            None => Balance::default(),
        };
        self.last += 1;
        let due = self.purse(unit).and_then(|purse| {
            let back = entries.iter().filter(|entry| entry.amount > Amount::ZERO);
            let grants = back.filter_map(|entry| match entry.place {
                Place::Grant(number) => purse.grant(number)?.due_at(),
                _ => None,
            });
            grants.min()
        });
        self.expect(due);
        let touched = entries.iter().filter_map(|entry| match entry.place {
            Place::Grant(number) => Some((unit.clone(), number)),
            _ => None,
        });
        self.changed_grants.extend(touched);
        if matches!(kind, PostingKind::GrantExpired | PostingKind::Effect) {
            self.changed_grants.extend(of.map(|number| (unit.clone(), number)));
        }
        let (id, asked) = match self.named.take() {
            Some(Named { id, asked }) => (Some(id), Some(asked)),
            None => (None, None),
        };
        self.posted.push(Posting {
            number: self.last,
            at: now,
            kind,
            unit: unit.clone(),
            amount,
            of,
            entries,
            balance,
            id,
            asked,
        });
        Ok(())
    }

    /// What was posted and not taken yet, in order.
    pub fn posted(&self) -> impl Iterator<Item = &Posting> {
        self.posted.iter()
    }

    /// The newest posting that was not taken yet.
    pub fn newest(&self) -> Option<&Posting> {
        self.posted.last()
    }
}

impl Posting {
    /// From where a charge or a capture took what it took, in order; `hold` is the one that was
    /// captured.
    pub fn taken(&self, hold: Option<&Hold>) -> Vec<Share> {
        let mut shares = Vec::new();
        for pair in self.entries.chunks(2) {
            let [from, to] = pair else { continue };
            if to.place != Place::Spent {
                continue;
            }
            match (from.place, hold) {
                (Place::Grant(number), _) => {
                    shares.push(Share { grant: Some(number), amount: to.amount });
                }
                (Place::Debt, _) => shares.push(Share { grant: None, amount: to.amount }),
                (Place::Hold(_), Some(hold)) => shares.extend(hold.parted(to.amount).0),
                _ => {}
            }
        }
        shares
    }
}

/// Credit that goes from one place to another; nothing where it is none.
fn moved(from: Place, to: Place, amount: Amount) -> Vec<Entry> {
    if amount == Amount::ZERO {
        return Vec::new();
    }
    let less = Amount::from_nanos(-amount.nanos());
    vec![Entry { place: from, amount: less }, Entry { place: to, amount }]
}

/// Shares of a hold that go back to where they are from.
fn returned(hold: i64, shares: &[Share]) -> impl Iterator<Item = Entry> + '_ {
    shares.iter().rev().flat_map(move |share| match share.grant {
        Some(grant) => moved(Place::Hold(hold), Place::Grant(grant), share.amount),
        None => Vec::new(),
    })
}
