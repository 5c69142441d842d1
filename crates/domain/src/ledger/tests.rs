//! Random histories, held against a model that moves one billionth at a time.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;

use super::*;

fn minute(minutes: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap() + TimeDelta::minutes(minutes)
}

fn nanos(nanos: i64) -> Amount {
    Amount::from_nanos(nanos)
}

fn draft(id: &str, amount: i64) -> GrantDraft {
    GrantDraft {
        id: id.into(),
        amount: nanos(amount),
        source: Source::Purchase,
        priority: PRIORITY_USUAL,
        effective_at: None,
        expires_at: None,
        rollover: None,
    }
}

fn hold(amount: i64, until: i64) -> HoldDraft {
    HoldDraft { unit: Unit::USD, amount: nanos(amount), expires_at: minute(until) }
}

fn open(overdraft: Overdraft) -> Ledger {
    Ledger::new(Terms { overdraft, captures_beyond: true }, 0)
}

fn read(ledger: &Ledger) -> (i64, i64, i64) {
    let Balance { settled, held, available } = ledger.balance(&Unit::USD);
    (settled.nanos(), held.nanos(), available.nanos())
}

// The model

/// A grant, of which every billionth is one step.
#[derive(Debug, Clone)]
struct Lot {
    priority: i16,
    from: i64,
    to: Option<i64>,
    made: i64,
    left: i64,
    /// What it brings once it takes effect.
    brings: i64,
    rolls: Option<(i64, i64)>,
    is_over: bool,
}

/// What one account has, in the most direct words.
#[derive(Debug, Default)]
struct Model {
    now: i64,
    lots: BTreeMap<i64, Lot>,
    /// Each billionth of a hold, by the lot that it is from.
    holds: BTreeMap<i64, (i64, Vec<i64>)>,
    owed: i64,
    spent: i64,
    expired: i64,
    /// What the newest posting has for a number.
    last: i64,
}

impl Model {
    /// The lot that burns next.
    fn next(&self) -> Option<i64> {
        let open = self.lots.iter().filter(|(_, lot)| lot.left > 0 && !lot.is_over);
        let order = |(number, lot): &(&i64, &Lot)| {
            (lot.priority, lot.to.unwrap_or(i64::MAX), lot.made, **number)
        };
        open.min_by_key(order).map(|(number, _)| *number)
    }

    fn take_one(&mut self) -> Option<i64> {
        let number = self.next()?;
        self.lots.get_mut(&number)?.left -= 1;
        Some(number)
    }

    /// A billionth goes back to its lot; where that is over, it is lost.
    fn give_one(&mut self, number: i64) {
        let lot = self.lots.get_mut(&number).unwrap();
        if lot.is_over {
            self.expired += 1;
        } else {
            lot.left += 1;
        }
    }

    fn pay_what_is_owed(&mut self) {
        while self.owed > 0 && self.take_one().is_some() {
            self.owed -= 1;
        }
    }

    fn free(&self) -> i64 {
        self.lots.values().map(|lot| lot.left).sum()
    }

    fn held(&self) -> i64 {
        self.holds.values().map(|(_, parts)| parts.len() as i64).sum()
    }

    /// Minute by minute: grants take effect, holds expire, grants expire.
    fn pass_to(&mut self, now: i64) {
        while self.now < now {
            self.now += 1;
            self.settle();
        }
    }

    fn settle(&mut self) {
        let at = self.now;
        let begin: Vec<i64> = self.numbers(|lot| lot.brings > 0 && lot.from <= at);
        for number in begin {
            let lot = self.lots.get_mut(&number).unwrap();
            lot.left = std::mem::take(&mut lot.brings);
            self.last += 1;
            self.pay_what_is_owed();
        }
        let over: Vec<i64> =
            self.holds.iter().filter(|(_, (to, _))| *to <= at).map(|(hold, _)| *hold).collect();
        for hold in over {
            self.give_back(hold);
        }
        let over: Vec<i64> =
            self.numbers(|lot| !lot.is_over && lot.left > 0 && lot.to.is_some_and(|to| to <= at));
        for number in over {
            let lot = self.lots.get_mut(&number).unwrap();
            lot.is_over = true;
            let left = std::mem::take(&mut lot.left);
            let lot = lot.clone();
            let rolled = lot.rolls.map_or(0, |(most, _)| left.min(most));
            self.last += 1;
            self.expired += left - rolled;
            if let Some((_, lasts)) = lot.rolls.filter(|_| rolled > 0) {
                let to = lot.to.map(|to| to + lasts);
                let next = Lot { left: rolled, to, made: at, rolls: None, is_over: false, ..lot };
                self.lots.insert(self.last, next);
            }
        }
        // What comes back to an empty lot whose time is over is lost, too.
        for lot in self.lots.values_mut() {
            lot.is_over |= lot.brings == 0 && lot.to.is_some_and(|to| to <= at);
        }
    }

    fn numbers(&self, which: impl Fn(&Lot) -> bool) -> Vec<i64> {
        self.lots.iter().filter(|(_, lot)| which(lot)).map(|(number, _)| *number).collect()
    }

    fn give_back(&mut self, hold: i64) {
        let (_, parts) = self.holds.remove(&hold).unwrap();
        parts.into_iter().rev().for_each(|lot| self.give_one(lot));
        self.last += 1;
        self.pay_what_is_owed();
    }

    /// Whether a rule lets the account take `amount`.
    fn may_take(&self, amount: i64, rule: Overdraft) -> bool {
        let owed = self.owed + (amount - self.free()).max(0);
        match rule {
            Overdraft::Allow => true,
            Overdraft::Refuse => amount <= self.free(),
            Overdraft::Floor(most) => amount <= self.free() || owed <= most.nanos(),
        }
    }

    /// Takes `amount`, and says from where each billionth came.
    fn take(&mut self, amount: i64) -> Vec<Option<i64>> {
        let taken = (0..amount).map(|_| self.take_one()).collect::<Vec<_>>();
        self.owed += taken.iter().filter(|lot| lot.is_none()).count() as i64;
        self.spent += amount;
        taken
    }
}

// A store

/// What would be in the books: everything as it was saved last, and all postings.
#[derive(Debug, Default)]
struct Kept {
    grants: BTreeMap<i64, Grant>,
    holds: BTreeMap<i64, Hold>,
    postings: Vec<Posting>,
}

impl Kept {
    fn save(&mut self, ledger: &mut Ledger) {
        let Changes { postings, grants, holds } = ledger.take_changes();
        self.postings.extend(postings);
        self.grants.extend(grants.into_iter().map(|(_, grant)| (grant.number, grant)));
        self.holds.extend(holds.into_iter().map(|hold| (hold.number, hold)));
    }

    /// The ledger as it is loaded, with `touched` hold.
    fn load(&self, ledger: &Ledger, touched: Option<i64>) -> Ledger {
        let mut again = Ledger::new(ledger.terms, ledger.last);
        let mut places = Places::default();
        for posting in &self.postings {
            places = places.after(&posting.entries).unwrap();
        }
        if ledger.purse(&Unit::USD).is_some() {
            let live = self
                .grants
                .values()
                .filter(|grant| grant.due_at().is_some() || grant.free > Amount::ZERO);
            again.open(Purse::new(Unit::USD, places, live.cloned().collect()));
        }
        let open = self.holds.values().filter(|hold| hold.state == HoldState::Held);
        for hold in open.chain(touched.and_then(|number| self.holds.get(&number))) {
            for grant in hold.shares.iter().filter_map(|share| share.grant) {
                again.know_grant(&Unit::USD, self.grants[&grant].clone());
            }
            again.know_hold(hold.clone());
        }
        again
    }

    /// What every invariant says.
    fn check(&self, ledger: &Ledger) {
        let mut places = Places::default();
        let mut grants: BTreeMap<i64, i64> = BTreeMap::new();
        let mut holds: BTreeMap<i64, i64> = BTreeMap::new();
        for (at, posting) in self.postings.iter().enumerate() {
            assert_eq!(posting.number, at as i64 + 1, "numbers have no gaps");
            let sum: i64 = posting.entries.iter().map(|entry| entry.amount.nanos()).sum();
            assert_eq!(sum, 0, "{posting:?}");
            let again = read_entries(&write_entries(&posting.entries)).unwrap();
            assert_eq!(again, posting.entries);
            places = places.after(&posting.entries).unwrap();
            assert!(places.are_sound(), "{places:?} after {posting:?}");
            if ledger.purse(&Unit::USD).is_some() {
                assert_eq!(
                    posting.balance,
                    places.balance(),
                    "the running balance is that of a replay"
                );
            }
            for entry in &posting.entries {
                match entry.place {
                    Place::Grant(number) => {
                        *grants.entry(number).or_default() += entry.amount.nanos()
                    }
                    Place::Hold(number) => {
                        *holds.entry(number).or_default() += entry.amount.nanos()
                    }
                    _ => {}
                }
            }
        }
        assert_eq!(ledger.balance(&Unit::USD), places.balance());
        for (number, grant) in &self.grants {
            assert_eq!(grant.free.nanos(), grants.get(number).copied().unwrap_or_default());
        }
        for (number, hold) in &self.holds {
            let left = if hold.state == HoldState::Held { hold.funded().nanos() } else { 0 };
            assert_eq!(left, holds.get(number).copied().unwrap_or_default());
        }
    }
}

#[derive(Debug, Clone)]
enum Step {
    Wait(i64),
    Grant { amount: i64, priority: i16, from: i64, to: Option<i64>, rolls: Option<(i64, i64)> },
    Hold { amount: i64, lasts: i64 },
    Capture { which: usize, amount: Option<i64> },
    Release { which: usize },
    Charge { amount: i64, must: bool },
    Refund { which: usize, amount: i64 },
    Adjust(i64),
}

fn step() -> impl Strategy<Value = Step> {
    let rolls = prop::option::weighted(0.3, (0..20_i64, 1..30_i64));
    let grant = (1..60_i64, 0..4_i16, 0..20_i64, prop::option::of(1..40_i64), rolls);
    prop_oneof![
        2 => (1..15_i64).prop_map(Step::Wait),
        3 => grant.prop_map(|(amount, priority, from, lasts, rolls)| Step::Grant {
            amount, priority, from: (from - 10).max(0), to: lasts.map(|lasts| (from - 10).max(0) + lasts), rolls
        }),
        4 => (0..40_i64, 1..20_i64).prop_map(|(amount, lasts)| Step::Hold { amount, lasts }),
        3 => (any::<usize>(), prop::option::of(0..60_i64)).prop_map(|(which, amount)| Step::Capture { which, amount }),
        2 => any::<usize>().prop_map(|which| Step::Release { which }),
        3 => (0..50_i64, prop::bool::weighted(0.2)).prop_map(|(amount, must)| Step::Charge { amount, must }),
        2 => (any::<usize>(), 1..40_i64).prop_map(|(which, amount)| Step::Refund { which, amount }),
        1 => (-20..20_i64).prop_map(Step::Adjust),
    ]
}

fn rule() -> impl Strategy<Value = Overdraft> {
    prop_oneof![
        Just(Overdraft::Refuse),
        Just(Overdraft::Allow),
        (0..50_i64).prop_map(|most| Overdraft::Floor(nanos(most))),
    ]
}

/// One history, in the ledger and in the model.
struct Story {
    ledger: Ledger,
    kept: Kept,
    model: Model,
    /// Charges and captures, with where each billionth that was not given back came from.
    taken: Vec<(i64, Vec<Option<i64>>)>,
}

impl Story {
    fn new(overdraft: Overdraft) -> Self {
        let mut ledger = open(overdraft);
        ledger.begin(&Unit::USD);
        Self { ledger, kept: Kept::default(), model: Model::default(), taken: Vec::new() }
    }

    /// Loads the ledger with what `step` touches, as a commit would.
    fn load_for(&mut self, step: &Step) {
        let touched = match step {
            Step::Capture { which, .. } | Step::Release { which } => self.some_hold(*which),
            _ => None,
        };
        self.ledger = self.kept.load(&self.ledger, touched);
    }

    fn do_and_keep(&mut self, step: &Step) {
        self.load_for(step);
        self.tell(step);
        self.kept.save(&mut self.ledger);
    }

    fn tell(&mut self, step: &Step) {
        let now = minute(self.model.now);
        match step {
            Step::Wait(minutes) => {
                self.model.pass_to(self.model.now + minutes);
                self.ripen_by_the_minute(now, *minutes);
            }
            Step::Grant { amount, priority, from, to, rolls } => {
                let (from, to) = (self.model.now + from, to.map(|to| self.model.now + to));
                let draft = GrantDraft {
                    priority: *priority,
                    effective_at: Some(minute(from)),
                    expires_at: to.map(minute),
                    rollover: rolls.map(|(max, lasts)| Rollover {
                        max: nanos(max),
                        lasts: TimeDelta::minutes(lasts),
                    }),
                    ..draft("g", *amount)
                };
                self.ledger.grant(&Unit::USD, draft, now).unwrap();
                self.model.last += 1;
                let is_now = from <= self.model.now;
                let lot = Lot {
                    priority: *priority,
                    from,
                    to,
                    made: self.model.now,
                    rolls: *rolls,
                    is_over: false,
                    left: if is_now { *amount } else { 0 },
                    brings: if is_now { 0 } else { *amount },
                };
                self.model.lots.insert(self.model.last, lot);
                self.model.pay_what_is_owed();
            }
            Step::Hold { amount, lasts } => {
                let until = self.model.now + lasts;
                let held = self.ledger.hold(hold(*amount, until), now);
                assert_eq!(held.is_ok(), *amount <= self.model.free(), "{held:?}");
                if held.is_ok() {
                    self.model.last += 1;
                    let parts = (0..*amount).filter_map(|_| self.model.take_one()).collect();
                    self.model.holds.insert(self.model.last, (until, parts));
                }
            }
            Step::Capture { which, amount } => self.capture(*which, *amount, now),
            Step::Release { which } => {
                let Some(number) = self.some_hold(*which) else { return };
                let is_open = self.model.holds.contains_key(&number);
                assert_eq!(self.ledger.release(number, now).is_ok(), is_open);
                if is_open {
                    self.model.give_back(number);
                }
            }
            Step::Charge { amount, must } => {
                let rule = if *must { Overdraft::Allow } else { self.ledger.terms.overdraft };
                let charged = self.ledger.charge(&Unit::USD, nanos(*amount), None, *must, now);
                assert_eq!(charged.is_ok(), self.model.may_take(*amount, rule), "{charged:?}");
                if charged.is_ok() {
                    self.model.last += 1;
                    let taken = self.model.take(*amount);
                    self.taken.push((self.model.last, taken));
                }
            }
            Step::Refund { which, amount } => self.refund(*which, *amount, now),
            Step::Adjust(amount) => {
                let adjusted = self.ledger.adjust(&Unit::USD, nanos(*amount), now);
                let may = *amount > 0 || (*amount < 0 && -amount <= self.model.free());
                assert_eq!(adjusted.is_ok(), may, "{adjusted:?}");
                if may {
                    self.model.last += 1;
                    (0..-amount).for_each(|_| {
                        self.model.take_one();
                    });
                    if *amount > 0 {
                        self.fresh(*amount);
                    }
                    self.model.pay_what_is_owed();
                }
            }
        }
    }

    /// The model looks at every minute, and a ledger that is looked at once must come to the same.
    fn ripen_by_the_minute(&mut self, from: DateTime<Utc>, minutes: i64) {
        let mut often = self.ledger.clone();
        (1..=minutes).for_each(|at| often.ripen(from + TimeDelta::minutes(at)).unwrap());
        self.ledger.ripen(from + TimeDelta::minutes(minutes)).unwrap();
        assert_eq!(often.balance(&Unit::USD), self.ledger.balance(&Unit::USD));
    }

    fn capture(&mut self, which: usize, amount: Option<i64>, now: DateTime<Utc>) {
        let Some(number) = self.some_hold(which) else { return };
        let captured = self.ledger.capture(number, amount.map(nanos), None, now);
        let Some((_, parts)) = self.model.holds.get(&number) else {
            assert!(captured.is_err());
            return;
        };
        let (held, asked) = (parts.len() as i64, amount.unwrap_or(parts.len() as i64));
        let beyond = (asked - held).max(0);
        assert_eq!(
            captured.is_ok(),
            beyond == 0 || self.model.may_take(beyond, self.ledger.terms.overdraft)
        );
        if captured.is_err() {
            return;
        }
        let (_, mut parts) = self.model.holds.remove(&number).unwrap();
        let back = parts.split_off(asked.min(held) as usize);
        self.model.spent += parts.len() as i64;
        back.into_iter().rev().for_each(|lot| self.model.give_one(lot));
        let more = self.model.take(beyond);
        self.model.last += 1;
        self.model.pay_what_is_owed();
        self.taken.push((self.model.last, parts.into_iter().map(Some).chain(more).collect()));
    }

    fn refund(&mut self, which: usize, amount: i64, now: DateTime<Utc>) {
        if self.taken.is_empty() {
            return;
        }
        let which = which % self.taken.len();
        let number = self.taken[which].0;
        let posting = &self.kept.postings[number as usize - 1];
        let hold = posting.of.and_then(|of| self.kept.holds.get(&of));
        let left = self.taken[which].1.len() as i64;
        let amount = amount.min(left);
        if amount == 0 {
            return;
        }
        let (taken, _) = parted(&posting.taken(hold), nanos(left));
        for grant in taken.iter().filter_map(|share| share.grant) {
            self.ledger.know_grant(&Unit::USD, self.kept.grants[&grant].clone());
        }
        self.ledger.refund(&Unit::USD, nanos(amount), Some(number), &taken, now).unwrap();
        self.model.last += 1;
        let mut paid_since = 0;
        for _ in 0..amount {
            match self.taken[which].1.pop().unwrap() {
                Some(lot) => self.model.give_one(lot),
                None if self.model.owed > 0 => self.model.owed -= 1,
                None => paid_since += 1,
            }
        }
        self.model.spent -= amount;
        if paid_since > 0 {
            self.fresh(paid_since);
        }
        self.model.pay_what_is_owed();
    }

    fn fresh(&mut self, amount: i64) {
        let lot = Lot {
            priority: PRIORITY_USUAL,
            from: self.model.now,
            to: None,
            made: self.model.now,
            left: amount,
            brings: 0,
            rolls: None,
            is_over: false,
        };
        self.model.lots.insert(self.model.last, lot);
    }

    fn some_hold(&self, which: usize) -> Option<i64> {
        let holds: Vec<i64> = self.kept.holds.keys().copied().collect();
        (!holds.is_empty()).then(|| holds[which % holds.len()])
    }

    fn compare(&self) {
        let balance = read(&self.ledger);
        let (free, held) = (self.model.free(), self.model.held());
        assert_eq!(balance, (free + held - self.model.owed, held, free - self.model.owed));
        assert_eq!(self.ledger.last, self.model.last);
        let places = self.ledger.purse(&Unit::USD).unwrap().places;
        assert_eq!(places.spent.nanos(), self.model.spent);
        assert_eq!(places.expired.nanos(), self.model.expired);
        for (number, lot) in &self.model.lots {
            assert_eq!(self.kept.grants[number].free.nanos(), lot.left, "grant {number}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 2_000, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn every_history_comes_to_what_the_model_comes_to(
        rule in rule(),
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let mut story = Story::new(rule);
        for step in &steps {
            story.load_for(step);
            let before = story.ledger.clone();

            story.tell(step);

            if !story.ledger.has_changes() {
                let (mut before, mut after) = (before, story.ledger.clone());
                before.take_changes();
                after.take_changes();
                prop_assert_eq!(before.balance(&Unit::USD), after.balance(&Unit::USD));
                prop_assert_eq!(before.last, after.last);
            }
            story.kept.save(&mut story.ledger);
            story.kept.check(&story.ledger);
            story.compare();
        }
    }
}

#[test]
fn ten_dollars_are_spent_once() {
    let mut ledger = open(Overdraft::Refuse);
    ledger.grant(&Unit::USD, draft("g", 10), minute(0)).unwrap();

    let first = ledger.hold(hold(6, 10), minute(0)).unwrap();
    let refused = ledger.hold(hold(6, 10), minute(0)).unwrap_err();
    let taken = ledger.capture(first.number, Some(nanos(4)), None, minute(1)).unwrap();

    assert_eq!(
        refused,
        LedgerRefusal::Insufficient { unit: Unit::USD, available: nanos(4), needed: nanos(6) }
    );
    assert_eq!((taken.amount, taken.released, taken.beyond), (nanos(4), nanos(2), Amount::ZERO));
    assert_eq!(read(&ledger), (6, 0, 6));
    assert_eq!(
        ledger.release(first.number, minute(1)),
        Err(LedgerRefusal::HoldOver { state: HoldState::Captured })
    );
}

#[test]
fn grants_burn_by_priority_then_expiry_then_age() {
    let mut ledger = open(Overdraft::Refuse);
    let mut give = |id: &str, priority, to: Option<i64>, at| {
        let draft = GrantDraft { priority, expires_at: to.map(minute), ..draft(id, 1) };
        ledger.grant(&Unit::USD, draft, minute(at)).unwrap();
    };
    give("last", 2, Some(50), 0);
    give("third", 1, None, 0);
    give("second", 1, Some(90), 1);
    give("first", 1, Some(60), 2);
    give("fourth", 1, None, 3);

    let order: Vec<_> = ledger
        .purse(&Unit::USD)
        .unwrap()
        .grants()
        .iter()
        .map(|grant| grant.id.to_string())
        .collect();

    assert_eq!(order, ["first", "second", "third", "fourth", "last"]);
}

#[test]
fn units_are_never_added() {
    let mut ledger = open(Overdraft::Refuse);
    let credit: Unit = "CREDIT".parse().unwrap();
    ledger.grant(&credit, draft("c", 100), minute(0)).unwrap();
    ledger.grant(&Unit::USD, draft("d", 1), minute(0)).unwrap();

    assert!(ledger.hold(hold(2, 9), minute(0)).is_err());
    assert_eq!(read(&ledger), (1, 0, 1));
    assert_eq!(ledger.balance(&credit).available, nanos(100));
    for code in ["", "usd", "1USD", "US D", "ABCDEFGHIJKLMNOPQ"] {
        assert_eq!(code.parse::<Unit>(), Err(LedgerRefusal::Unit), "{code}");
    }
}

#[test]
fn amounts_that_cannot_be_are_refused_and_change_nothing() {
    let mut ledger = open(Overdraft::Allow);
    ledger.grant(&Unit::USD, draft("g", 5), minute(0)).unwrap();
    let before = ledger.clone();
    let max = i64::MAX;

    for amount in [0, -1, i64::MIN, max] {
        assert!(ledger.grant(&Unit::USD, draft("h", amount), minute(0)).is_err(), "{amount}");
    }
    for amount in [-1, i64::MIN, max] {
        assert!(ledger.hold(hold(amount, 5), minute(0)).is_err(), "{amount}");
        assert!(
            ledger.charge(&Unit::USD, nanos(amount), None, true, minute(0)).is_err(),
            "{amount}"
        );
    }
    for amount in [0, i64::MIN, max, -max] {
        assert!(ledger.adjust(&Unit::USD, nanos(amount), minute(0)).is_err(), "{amount}");
    }
    let backwards =
        GrantDraft { effective_at: Some(minute(9)), expires_at: Some(minute(9)), ..draft("b", 1) };
    assert_eq!(ledger.grant(&Unit::USD, backwards, minute(0)), Err(LedgerRefusal::Backwards));

    assert_eq!(read(&ledger), read(&before));
    assert_eq!(ledger.last, before.last);
    assert_eq!(ledger.purse(&Unit::USD), before.purse(&Unit::USD));
}

#[test]
fn more_than_is_held_is_captured_only_where_the_terms_say_so() {
    let mut ledger = Ledger::new(Terms { overdraft: Overdraft::Allow, captures_beyond: false }, 0);
    ledger.grant(&Unit::USD, draft("g", 10), minute(0)).unwrap();
    let held = ledger.hold(hold(3, 10), minute(0)).unwrap().number;

    let refused = ledger.capture(held, Some(nanos(4)), None, minute(0)).unwrap_err();
    assert_eq!(refused, LedgerRefusal::Beyond { held: nanos(3), asked: nanos(4) });
    ledger.terms.captures_beyond = true;
    let taken = ledger.capture(held, Some(nanos(12)), None, minute(0)).unwrap();

    assert_eq!((taken.amount, taken.beyond), (nanos(12), nanos(9)));
    assert_eq!(read(&ledger), (-2, 0, -2));
    ledger.grant(&Unit::USD, draft("h", 5), minute(1)).unwrap();
    assert_eq!(read(&ledger), (3, 0, 3), "what is owed is paid first");
}

#[test]
fn an_account_without_a_purse_has_no_balance_that_runs_out() {
    let mut ledger = open(Overdraft::Refuse);

    let held = ledger.hold(hold(7, 10), minute(0)).unwrap();
    let taken = ledger.capture(held.number, None, None, minute(0)).unwrap();

    assert_eq!((held.funded(), taken.amount), (Amount::ZERO, nanos(7)));
    assert_eq!(read(&ledger), (0, 0, 0));
}

// Statements

/// What an account had before `at`, by its entries alone.
fn balance_before(postings: &[Posting], at: DateTime<Utc>) -> Balance {
    let before = postings.iter().take_while(|posting| posting.at < at);
    let places =
        before.fold(Places::default(), |places, posting| places.after(&posting.entries).unwrap());
    places.balance()
}

fn statement(postings: &[Posting], from: DateTime<Utc>, to: DateTime<Utc>) -> UnitStatement {
    let mut statement = Statement::default();
    statement.open(Unit::USD, balance_before(postings, from));
    let within = postings.iter().filter(|posting| (from..to).contains(&posting.at));
    within.for_each(|posting| statement.take_posting(posting));
    statement.0.remove(&Unit::USD).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 2_000, ..ProptestConfig::with_cases(100) })]

    #[test]
    fn what_was_posted_in_a_period_comes_from_its_opening_to_its_closing_balance(
        rule in rule(),
        steps in prop::collection::vec(step(), 1..60),
        cuts in prop::collection::vec(0..300_i64, 1..5),
    ) {
        let mut story = Story::new(rule);
        for step in &steps {
            story.do_and_keep(step);
        }
        let postings = &story.kept.postings;
        prop_assert!(postings.is_sorted_by_key(|posting| posting.at), "times grow with numbers");

        let mut cuts: Vec<_> = cuts.into_iter().map(minute).collect();
        cuts.extend([minute(-1), minute(1_000_000)]);
        cuts.sort_unstable();
        let mut opening = Balance::default();
        for period in cuts.windows(2) {
            let told = statement(postings, period[0], period[1]);

            prop_assert_eq!(told.opening, opening, "it begins where the one before ended");
            prop_assert_eq!(told.closing, balance_before(postings, period[1]));
            let sum = |of: fn(&Moved) -> i128| told.moved.values().map(of).sum::<i128>();
            let by = |of: fn(&Balance) -> Amount| {
                i128::from(of(&told.closing).nanos()) - i128::from(of(&told.opening).nanos())
            };
            prop_assert_eq!(sum(|moved| moved.settled), by(|balance| balance.settled));
            prop_assert_eq!(sum(|moved| moved.held), by(|balance| balance.held));
            prop_assert_eq!(sum(|moved| moved.available), by(|balance| balance.available));
            opening = told.closing;
        }
        prop_assert_eq!(opening, story.ledger.balance(&Unit::USD));
    }
}
