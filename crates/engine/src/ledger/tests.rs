//! Stories of accounts whose credit is given, held and taken, in a real data folder.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use outlay_domain::Amount;
use outlay_domain::budgets::{BudgetDraft, Enforcement, Period, Scope, Threshold};
use outlay_domain::ledger::{
    Balance, GrantDraft, HoldState, LedgerRefusal, Overdraft, PRIORITY_USUAL, Source, Terms, Unit,
};
use outlay_domain::people::{AuditRecord, Caller};
use outlay_domain::usage::{EventDraft, EventName, RefusalCode};

use super::*;
use crate::usage::amend::Amender;
use crate::usage::{By, Incoming, Outcome};
use crate::{Clock, FrozenClock, Options};

fn noon() -> DateTime<Utc> {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

fn amount(text: &str) -> Amount {
    text.parse().unwrap()
}

struct Story {
    folder: tempfile::TempDir,
    clock: Arc<FrozenClock>,
    outlay: Arc<Outlay>,
}

impl Story {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(FrozenClock::at(noon()));
        let outlay = open(&folder, &clock);
        Self { folder, clock, outlay }
    }

    fn again(self) -> Self {
        let Self { folder, clock, outlay } = self;
        outlay.stop();
        drop(outlay);
        let outlay = open(&folder, &clock);
        Self { folder, clock, outlay }
    }

    fn trail(&self) -> AuditRecord {
        Caller::operator().did(self.clock.now(), "test", "test", serde_json::json!({}))
    }

    async fn grant(&self, account: &str, id: &str, text: &str) -> Result<Given, LedgerError> {
        let draft = GrantDraft {
            id: id.into(),
            amount: amount(text),
            source: Source::Purchase,
            priority: PRIORITY_USUAL,
            effective_at: None,
            expires_at: None,
            rollover: None,
        };
        self.grant_as(account, draft).await
    }

    async fn grant_as(&self, account: &str, draft: GrantDraft) -> Result<Given, LedgerError> {
        let asked = Asked::new("grant", &draft.id, &[("amount", draft.amount.to_string())]);
        let command = Command::Grant {
            account: account.into(),
            unit: Unit::USD,
            draft,
            asked,
            trail: self.trail(),
        };
        match self.outlay.ledger().submit(command).await? {
            Done::Given(given) => Ok(given),
            other => panic!("{other:?}"),
        }
    }

    async fn hold(&self, account: &str, id: &str, text: &str) -> Result<Authorized, LedgerError> {
        let command = Command::Authorize {
            account: account.into(),
            unit: Unit::USD,
            amount: amount(text),
            attributes: BTreeMap::from([("account".to_owned(), account.to_owned())]),
            lasts: TimeDelta::minutes(10),
            uses: Uses::default(),
            asked: Asked::new("authorize", id, &[("amount", text.to_owned())]),
        };
        match self.outlay.ledger().submit(command).await? {
            Done::Authorized(held) => Ok(held),
            other => panic!("{other:?}"),
        }
    }

    async fn capture(&self, hold: HoldName, text: Option<&str>) -> Result<Captured, LedgerError> {
        let command = Command::Capture { hold, only: None, amount: text.map(amount) };
        self.over(command).await
    }

    async fn release(&self, hold: HoldName) -> Result<Captured, LedgerError> {
        self.over(Command::Release { hold, only: None }).await
    }

    async fn over(&self, command: Command) -> Result<Captured, LedgerError> {
        match self.outlay.ledger().submit(command).await? {
            Done::Captured(captured) => Ok(captured),
            other => panic!("{other:?}"),
        }
    }

    async fn agree(&self, account: &str, overdraft: Overdraft) {
        let terms = Terms { overdraft, captures_beyond: false };
        let command = Command::Agree { account: account.into(), terms, trail: self.trail() };
        self.outlay.ledger().submit(command).await.unwrap();
    }

    /// Sends an event that costs so much.
    async fn spend(&self, account: &str, id: &str, cost: &str, hold: Option<HoldName>) -> Outcome {
        let incoming = self.event(account, id, Some(cost));
        let prepared = self.outlay.journal.prepare(vec![incoming]);
        let prepared = prepared.into_iter().map(|event| event.for_hold(hold)).collect();
        self.outlay.journal.accept_prepared(prepared).await.unwrap().remove(0)
    }

    fn event(&self, account: &str, id: &str, cost: Option<&str>) -> Incoming {
        let draft = EventDraft {
            id: id.into(),
            source: "tests".into(),
            account: account.into(),
            provider: Some("openai".into()),
            stated_cost: cost.map(amount),
            occurred_at: Some(noon()),
            ..EventDraft::default()
        };
        Incoming { event: draft.accept(self.clock.now()).unwrap(), time_stated: true }
    }

    /// What the account has: settled, held and available.
    async fn has(&self, account: &str) -> [String; 3] {
        let standing = self.outlay.ledger().balance(account.into()).await.unwrap();
        let balance = standing.map(|standing| standing.ledger.balance(&Unit::USD));
        let balance = balance.unwrap_or_default();
        self.in_order();
        [balance.settled, balance.held, balance.available].map(|amount| amount.to_string())
    }

    /// Every balance is what its postings come to.
    fn in_order(&self) {
        self.outlay
            .books
            .read_blocking(|books| {
                for account in books.ledger().accounts(0, 1_000)? {
                    assert_eq!(check_account(books, &account, 7)?, [""; 0], "{account:?}");
                }
                Ok(())
            })
            .unwrap();
    }

    async fn budget(&self, text: &str) {
        self.budget_of(text, false).await;
    }

    async fn budget_of(&self, text: &str, carries_over: bool) {
        let draft = BudgetDraft {
            name: "team".into(),
            scope: Scope::default(),
            amount: amount(text),
            period: Period::Month {},
            tz: chrono_tz::Tz::UTC,
            enforcement: Enforcement::Hard,
            thresholds: Threshold::usual(),
            carries_over,
        };
        let budgets = self.outlay.budgets(By::Server("tests"));
        budgets.create("team".into(), draft).await.unwrap();
        self.outlay.tend_counters().await.unwrap();
    }

    fn amender(&self) -> Amender {
        Amender { actor: "ada".into(), reason: "it was wrong".into() }
    }
}

fn open(folder: &tempfile::TempDir, clock: &Arc<FrozenClock>) -> Arc<Outlay> {
    let options = Options { background: false, ..Options::default() };
    Arc::new(Outlay::open(folder.path(), options, clock.clone()).unwrap())
}

fn refusal<T: std::fmt::Debug>(outcome: Result<T, LedgerError>) -> LedgerRefusal {
    match outcome {
        Err(LedgerError::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn ten_dollars_are_held_captured_and_spent_once_also_after_a_restart() {
    let story = Story::new();
    story.grant("acme", "g", "10").await.unwrap();

    let first = story.hold("acme", "a", "6").await.unwrap();
    let refused = refusal(story.hold("acme", "b", "4.000000001").await);
    let second = story.hold("acme", "c", "4").await.unwrap();
    assert!(matches!(refused, LedgerRefusal::Insufficient { .. }));
    assert_eq!(story.has("acme").await, ["10", "10", "0"]);
    let taken = story.capture(first.hold, Some("1.5")).await.unwrap();
    assert_eq!((taken.released, taken.balance.available), (amount("4.5"), amount("4.5")));

    let story = story.again();
    story.release(second.hold).await.unwrap();
    assert_eq!(story.has("acme").await, ["8.5", "0", "8.5"]);
}

#[tokio::test]
async fn the_same_again_gets_the_first_answer_and_another_body_is_told_what_differs() {
    let story = Story::new();
    let given = story.grant("acme", "g", "10").await.unwrap();
    let held = story.hold("acme", "a", "6").await.unwrap();
    let taken = story.capture(held.hold, Some("2")).await.unwrap();

    for story in [&story] {
        let again = story.grant("acme", "g", "10").await.unwrap();
        assert_eq!((again.is_repeated, again.balance), (true, given.balance));
        let again = story.hold("acme", "a", "6").await.unwrap();
        assert_eq!(again, Authorized { is_repeated: true, ..held.clone() });
        let again = story.capture(held.hold, Some("2")).await.unwrap();
        assert_eq!(again, Captured { is_repeated: true, ..taken.clone() });
        for wrong in [
            refusal(story.grant("acme", "g", "11").await),
            refusal(story.hold("acme", "a", "7").await),
            refusal(story.capture(held.hold, Some("3")).await),
        ] {
            assert!(matches!(wrong, LedgerRefusal::Differs { field: "amount", .. }), "{wrong:?}");
        }
        let wrong = refusal(story.hold("acme", "g", "10").await);
        assert!(matches!(wrong, LedgerRefusal::Differs { field: "id", .. }), "{wrong:?}");
    }
    assert_eq!(story.has("acme").await, ["8", "0", "8"]);
    story.grant("other", "g", "1").await.unwrap();
    assert_eq!(story.has("other").await, ["1", "0", "1"], "an id is its account's own");
}

#[tokio::test]
async fn who_may_use_one_account_cannot_tell_anothers_hold_from_none() {
    let story = Story::new();
    story.grant("acme", "g", "10").await.unwrap();
    let held = story.hold("acme", "a", "6").await.unwrap().hold;
    let nowhere = HoldName { account: 99, number: 1 };

    for hold in [held, nowhere, HoldName { number: 99, ..held }] {
        let only = Some("other".into());
        let refused =
            refusal(story.over(Command::Capture { hold, only: only.clone(), amount: None }).await);
        assert_eq!(refused, LedgerRefusal::NoHold);
        let refused = refusal(story.over(Command::Release { hold, only }).await);
        assert_eq!(refused, LedgerRefusal::NoHold);
    }
    assert_eq!(story.has("acme").await, ["10", "6", "4"]);
    for wrong in ["h1-+2", "h-1-2", "1-2", "h1", "h0-1", "h1-2-3", ""] {
        assert!(wrong.parse::<HoldName>().is_err(), "{wrong}");
    }
}

#[tokio::test]
async fn an_event_with_a_hold_is_charged_and_captured_in_one_act() {
    let story = Story::new();
    story.grant("acme", "g", "10").await.unwrap();
    story.agree("acme", Overdraft::Refuse).await;
    let held = story.hold("acme", "a", "6").await.unwrap().hold;

    assert!(matches!(story.spend("acme", "e", "2", Some(held)).await, Outcome::Accepted(_)));
    assert_eq!(story.spend("acme", "e", "2", Some(held)).await, Outcome::Repeated);
    assert_eq!(story.has("acme").await, ["8", "0", "8"]);
    let Outcome::Refused(refused) = story.spend("acme", "f", "2", Some(held)).await else {
        panic!("a hold is captured once");
    };
    assert_eq!((refused.code, refused.field.as_str()), (RefusalCode::Conflict, "hold"));

    let held = story.hold("acme", "b", "1").await.unwrap().hold;
    let Outcome::Refused(refused) = story.spend("acme", "h", "9", Some(held)).await else {
        panic!("more than there is is refused");
    };
    assert_eq!(refused.code, RefusalCode::Insufficient);
    assert!(matches!(story.spend("acme", "h", "3", Some(held)).await, Outcome::Accepted(_)));
    assert_eq!(story.has("acme").await, ["5", "0", "5"], "what is more comes from the balance");
    let Outcome::Refused(refused) = story.spend("other", "x", "1", Some(held)).await else {
        panic!("a hold of another account is none");
    };
    assert_eq!(refused.code, RefusalCode::Unknown);
}

#[tokio::test]
async fn usage_that_nobody_authorised_is_charged_by_the_accounts_rule() {
    let story = Story::new();
    assert!(matches!(story.spend("free", "e", "5", None).await, Outcome::Accepted(_)));
    assert_eq!(story.has("free").await, ["0", "0", "0"], "an account without a ledger");

    story.grant("acme", "g", "3").await.unwrap();
    assert!(matches!(story.spend("acme", "a", "5", None).await, Outcome::Accepted(_)));
    assert_eq!(story.has("acme").await, ["-2", "0", "-2"]);
    story.agree("acme", Overdraft::Floor(amount("4"))).await;
    let Outcome::Refused(refused) = story.spend("acme", "b", "2.5", None).await else {
        panic!("it is beyond the floor");
    };
    assert_eq!(refused.code, RefusalCode::Insufficient);
    assert!(matches!(story.spend("acme", "b", "2", None).await, Outcome::Accepted(_)));
    story.agree("acme", Overdraft::Refuse).await;
    assert!(matches!(story.spend("acme", "c", "0.1", None).await, Outcome::Refused(_)));
    story.grant("acme", "h", "5").await.unwrap();
    assert_eq!(story.has("acme").await, ["1", "0", "1"], "what is owed is paid first");
    let charged = story.outlay.books.read_blocking(|books| books.totals().charged("acme")).unwrap();
    assert_eq!((charged.events, charged.amount), (2, amount("7")), "what is refused is no usage");
}

#[tokio::test]
async fn corrections_and_deletions_adjust_the_ledger_once() {
    let story = Story::new();
    story.grant("acme", "g", "10").await.unwrap();
    story.spend("acme", "e", "4", None).await;
    let name = |account: &str| EventName {
        account: account.into(),
        source: "tests".into(),
        id: "e".into(),
    };

    for (cost, left) in [("6", "4"), ("1", "9"), ("1", "9"), ("2", "8")] {
        let event = story.event("acme", "e", Some(cost));
        let amended =
            story.outlay.correct_events(vec![name("acme")], vec![event], &story.amender()).await;
        assert!(amended.unwrap()[0].is_ok());
        assert_eq!(story.has("acme").await, [left, "0", left], "after {cost}");
    }
    story.grant("other", "g", "1").await.unwrap();
    let event = story.event("other", "e", Some("2"));
    let amender = story.amender();
    let moved = story.outlay.correct_events(vec![name("acme")], vec![event], &amender);
    assert!(moved.await.unwrap()[0].is_ok());
    assert_eq!(story.has("acme").await, ["10", "0", "10"]);
    assert_eq!(story.has("other").await, ["-1", "0", "-1"]);
    let deleted = story.outlay.delete_events(vec![name("other")], &amender);
    assert!(deleted.await.unwrap()[0].is_ok());
    assert_eq!(story.has("other").await, ["1", "0", "1"]);
}

#[tokio::test]
async fn what_was_never_taken_is_not_given_back() {
    let story = Story::new();
    let amender = story.amender();
    let named = |account: &str, id: &str| EventName {
        account: account.into(),
        source: "tests".into(),
        id: id.into(),
    };
    let correct = async |account: &str, id: &str, cost: &str| {
        let event = story.event(account, id, Some(cost));
        let amended = story.outlay.correct_events(vec![named(account, id)], vec![event], &amender);
        assert!(amended.await.unwrap()[0].is_ok());
    };
    let delete = async |account: &str, id: &str| {
        let deleted = story.outlay.delete_events(vec![named(account, id)], &amender);
        assert!(deleted.await.unwrap()[0].is_ok());
    };

    // What came before there was a ledger.
    story.spend("early", "e", "5", None).await;
    story.grant("early", "g", "10").await.unwrap();
    correct("early", "e", "7").await;
    assert_eq!(story.has("early").await, ["10", "0", "10"]);
    delete("early", "e").await;
    assert_eq!(story.has("early").await, ["10", "0", "10"]);

    // What was held where no balance limits, and so was taken from none.
    let held = story.hold("free", "h", "5").await.unwrap().hold;
    story.spend("free", "e", "5", Some(held)).await;
    story.grant("free", "g", "10").await.unwrap();
    correct("free", "e", "4").await;
    delete("free", "e").await;
    assert_eq!(story.has("free").await, ["10", "0", "10"]);

    // What was given back by hand before.
    story.grant("acme", "g", "10").await.unwrap();
    story.spend("acme", "e", "4", None).await;
    let asked = Asked::new("refund", "r", &[]);
    let trail = story.trail();
    let refund = Command::Refund { account: "acme".into(), of: 2, amount: None, asked, trail };
    story.outlay.ledger().submit(refund).await.unwrap();
    delete("acme", "e").await;
    assert_eq!(story.has("acme").await, ["10", "0", "10"]);
}

#[tokio::test]
async fn what_a_correction_took_goes_back_to_the_grant_it_came_from() {
    let story = Story::new();
    story.grant("acme", "g", "10").await.unwrap();
    story.spend("acme", "e", "4", None).await;
    let name = || EventName { account: "acme".into(), source: "tests".into(), id: "e".into() };
    let event = story.event("acme", "e", Some("9"));
    let amender = story.amender();
    let amended = story.outlay.correct_events(vec![name()], vec![event], &amender).await;
    assert!(amended.unwrap()[0].is_ok());
    assert_eq!(story.has("acme").await, ["1", "0", "1"]);

    let deleted = story.outlay.delete_events(vec![name()], &amender).await;
    assert!(deleted.unwrap()[0].is_ok());

    let grants = story.outlay.ledger().grants("acme".into(), i64::MAX, 10).await.unwrap();
    let free: Vec<_> = grants.iter().map(|(_, grant)| grant.free.to_string()).collect();
    assert_eq!(free, ["10"], "no grant is made of it");
}

#[tokio::test]
async fn what_a_refused_command_began_is_not_left_behind() {
    let story = Story::new();
    let wrong = Command::Adjust {
        account: "acme".into(),
        unit: Unit::USD,
        amount: amount("2000000000"),
        asked: Asked::new("adjust", "a", &[]),
        trail: story.trail(),
    };
    let unlimited = story.hold("acme", "h", "1").await.unwrap();

    assert!(matches!(
        refusal(story.outlay.ledger().submit(wrong).await),
        LedgerRefusal::OutOfRange(_)
    ));

    assert!(!unlimited.is_limited);
    assert!(!story.hold("acme", "i", "1").await.unwrap().is_limited);
}

#[tokio::test]
async fn a_hold_that_is_over_is_not_allowed_again() {
    let story = Story::new();
    story.grant("acme", "g", "10").await.unwrap();
    let held = story.hold("acme", "h", "1").await.unwrap().hold;
    story.release(held).await.unwrap();

    let again = refusal(story.hold("acme", "h", "1").await);

    assert_eq!(again, LedgerRefusal::HoldOver { state: HoldState::Released });
}

#[tokio::test]
async fn a_budget_that_cannot_count_so_much_refuses_and_leaves_nothing_behind() {
    let story = Story::new();
    story.budget_of("9000000000", true).await;
    story.grant("rich", "g", "900000000").await.unwrap();
    story.clock.advance(TimeDelta::days(70));
    for account in 0..20 {
        let _ = story.hold(&format!("a{account}"), "h", "900000000").await;
    }

    let outcome = story.hold("rich", "h", "900000000").await;

    assert!(matches!(refusal(outcome), LedgerRefusal::OutOfRange(_)));
    assert_eq!(story.has("rich").await, ["900000000", "0", "900000000"]);
}

#[tokio::test]
async fn what_is_taken_is_given_back_to_the_grants_it_came_from() {
    let story = Story::new();
    story.grant("acme", "g", "3").await.unwrap();
    story.grant("acme", "h", "3").await.unwrap();
    let held = story.hold("acme", "a", "5").await.unwrap().hold;
    story.capture(held, None).await.unwrap();
    let postings = story.outlay.ledger().postings("acme".into(), i64::MAX, 1).await.unwrap();
    let of = postings[0].number;
    let back = |id: &str, text: Option<&str>| {
        let asked = Asked::new("refund", id, &[("amount", text.unwrap_or_default().to_owned())]);
        let (amount, trail) = (text.map(amount), story.trail());
        Command::Refund { account: "acme".into(), of, amount, asked, trail }
    };
    let ledger = story.outlay.ledger();

    ledger.submit(back("r", Some("1"))).await.unwrap();
    ledger.submit(back("r", Some("1"))).await.unwrap();
    let too_much = refusal(ledger.submit(back("s", Some("4.5"))).await);
    assert_eq!(too_much, LedgerRefusal::MoreThanTaken { left: amount("4"), asked: amount("4.5") });
    assert_eq!(story.has("acme").await, ["2", "0", "2"]);
    let grants = ledger.grants("acme".into(), i64::MAX, 10).await.unwrap();
    let free: Vec<_> = grants.iter().map(|(_, grant)| grant.free.to_string()).collect();
    assert_eq!(free, ["2", "0"], "the one that was taken from last gets it first");
    ledger.submit(back("t", None)).await.unwrap();
    assert_eq!(story.has("acme").await, ["6", "0", "6"]);
}

#[tokio::test]
async fn holds_and_grants_expire_by_time_that_does_not_jump() {
    let story = Story::new();
    let ends = noon() + TimeDelta::days(2);
    let draft = GrantDraft {
        id: "g".into(),
        amount: amount("10"),
        source: Source::Promotion,
        priority: 1,
        effective_at: None,
        expires_at: Some(ends),
        rollover: None,
    };
    story.grant_as("acme", draft).await.unwrap();
    let held = story.hold("acme", "a", "6").await.unwrap().hold;

    story.clock.set(noon() + TimeDelta::hours(20));
    assert_eq!(story.has("acme").await, ["10", "6", "4"], "a clock that is set ends no hold");
    story.clock.set(noon() - TimeDelta::days(400));
    assert_eq!(story.has("acme").await, ["10", "6", "4"]);
    story.clock.set(noon());
    story.clock.advance(TimeDelta::minutes(11));
    assert_eq!(story.has("acme").await, ["10", "0", "10"], "read before it is put away");
    let over = refusal(story.capture(held, None).await);
    assert_eq!(over, LedgerRefusal::HoldOver { state: HoldState::Expired });
    assert!(matches!(story.spend("acme", "e", "1", Some(held)).await, Outcome::Accepted(_)));
    assert_eq!(story.has("acme").await, ["9", "0", "9"], "work that took longer was done");

    story.hold("acme", "b", "3").await.unwrap();
    story.clock.advance(TimeDelta::days(3));
    assert_eq!(story.outlay.ledger().put_away().await.unwrap(), 1);
    assert_eq!(story.outlay.ledger().put_away().await.unwrap(), 0);
    assert_eq!(story.has("acme").await, ["0", "0", "0"]);
}

#[tokio::test]
async fn a_hold_is_on_the_hard_budget_too_or_on_none() {
    let story = Story::new();
    story.budget("5").await;
    story.grant("acme", "g", "100").await.unwrap();
    story.spend("acme", "e", "1", None).await;

    let first = story.hold("acme", "a", "3").await.unwrap().hold;
    let Err(LedgerError::Limit(limit)) = story.hold("other", "b", "1.5").await else {
        panic!("the budget has one left, whoever asks");
    };
    assert_eq!(limit.available, 1_000_000_000);
    assert_eq!(limit.resets_at, Some("2026-12-01T00:00:00Z".parse().unwrap()));
    assert_eq!(story.has("acme").await, ["99", "3", "96"]);

    assert!(matches!(story.spend("acme", "f", "2", Some(first)).await, Outcome::Accepted(_)));
    let second = story.hold("other", "b", "2").await.unwrap().hold;
    story.capture(second, Some("1")).await.unwrap();
    let third = story.hold("acme", "c", "1").await.unwrap().hold;
    assert!(story.hold("acme", "d", "0.000000001").await.is_err());
    story.release(third).await.unwrap();
    let poor = refusal(
        story
            .hold("acme", "d", "1")
            .await
            .and_then(|_| Err::<(), _>(LedgerError::Refused(LedgerRefusal::NoCharge))),
    );
    assert_eq!(poor, LedgerRefusal::NoCharge, "what was released can be held again");
    story.clock.advance(TimeDelta::minutes(11));
    story.outlay.ledger().put_away().await.unwrap();
    assert!(story.hold("acme", "x", "1").await.is_ok(), "what expired can be held again");
}

#[tokio::test]
async fn many_who_ask_at_once_share_what_there_is() {
    let story = Arc::new(Story::new());
    story.grant("acme", "g", "1").await.unwrap();

    let asking: Vec<_> = (0..500)
        .map(|at| {
            let story = story.clone();
            tokio::spawn(async move {
                let held = story.hold("acme", &format!("{}", at % 250), "0.01").await;
                match held {
                    Ok(held) => story.capture(held.hold, None).await.is_ok(),
                    Err(_) => false,
                }
            })
        })
        .collect();
    let mut allowed = 0;
    for asked in asking {
        allowed += usize::from(asked.await.unwrap());
    }

    assert_eq!(story.has("acme").await, ["0", "0", "0"]);
    assert!(allowed >= 100, "each of the hundred and those that asked again");
}

impl Story {
    async fn change_budget(&self, period: Period, tz: chrono_tz::Tz) {
        let budgets = self.outlay.budgets(By::Server("tests"));
        let mut draft = budgets.one("team").await.unwrap().draft;
        (draft.period, draft.tz) = (period, tz);
        budgets.change("team", draft).await.unwrap();
        self.outlay.tend_counters().await.unwrap();
    }

    /// What the budget says: spent, captured, held, remaining and available.
    async fn budget_says(&self) -> [String; 5] {
        let budgets = self.outlay.budgets(By::Server("tests"));
        let status = budgets.status(budgets.one("team").await.unwrap()).await.unwrap();
        let all = [status.spent, status.captured, status.held, status.remaining, status.available];
        all.map(|nanos| Amount::from_nanos(i64::try_from(nanos).unwrap()).to_string())
    }

    async fn give_back(
        &self,
        account: &str,
        id: &str,
        of: i64,
        text: Option<&str>,
    ) -> Result<Done, LedgerError> {
        let asked = Asked::new("refund", id, &[("amount", text.unwrap_or_default().to_owned())]);
        let (amount, trail) = (text.map(amount), self.trail());
        let command = Command::Refund { account: account.into(), of, amount, asked, trail };
        self.outlay.ledger().submit(command).await
    }

    async fn newest(&self, account: &str) -> i64 {
        self.outlay.ledger().postings(account.into(), i64::MAX, 1).await.unwrap()[0].number
    }
}

#[tokio::test]
async fn what_was_captured_without_an_event_counts_in_whatever_window_a_budget_gets() {
    let story = Story::new();
    story.budget("5").await;
    story.grant("acme", "g", "100").await.unwrap();
    for (id, account) in [("a", "acme"), ("b", "other")] {
        let held = story.hold(account, id, "2").await.unwrap().hold;
        story.capture(held, Some("1.5")).await.unwrap();
    }

    for (period, tz) in [
        (Period::Month {}, chrono_tz::UTC),
        (Period::Day {}, chrono_tz::Asia::Kathmandu),
        (Period::Week {}, chrono_tz::Asia::Kolkata),
        (Period::Year {}, chrono_tz::America::St_Johns),
        (Period::Quarter {}, chrono_tz::Pacific::Chatham),
    ] {
        story.change_budget(period, tz).await;
        assert_eq!(story.budget_says().await, ["0", "3", "0", "2", "5"], "{period:?} {tz}");
        let Err(LedgerError::Limit(limit)) = story.hold("acme", "c", "2.000000001").await else {
            panic!("{period:?} {tz} forgets what was captured");
        };
        assert_eq!(limit.available, 2_000_000_000);
    }
    let story = story.again();
    assert_eq!(story.budget_says().await, ["0", "3", "0", "2", "5"]);
}

#[tokio::test]
async fn a_budget_shows_what_is_held_and_carries_over_what_was_not_captured() {
    let story = Story::new();
    story.budget_of("5", true).await;
    let held = story.hold("other", "a", "2").await.unwrap().hold;
    story.hold("other", "b", "1").await.unwrap();
    let before = story.budget_says().await;
    story.capture(held, Some("1.5")).await.unwrap();

    assert_eq!(before[..4], ["0", "0", "3", before[3].as_str()]);
    assert_eq!(story.budget_says().await[..3], ["0", "1.5", "1"]);
    let budgets = story.outlay.budgets(By::Server("tests"));
    let status = budgets.status(budgets.one("team").await.unwrap()).await.unwrap();
    let this_month = status.available;
    assert_eq!(status.remaining, this_month - 2_500_000_000);

    story.clock.advance(TimeDelta::days(20));
    story.outlay.ledger().put_away().await.unwrap();
    let status = budgets.status(budgets.one("team").await.unwrap()).await.unwrap();
    assert_eq!(status.carried, 3_500_000_000, "what was captured is no more to carry");
    assert_eq!((status.captured, status.held), (0, 0));
}

#[tokio::test]
async fn what_is_given_back_of_a_capture_can_be_held_again() {
    for has_credit in [true, false] {
        let story = Story::new();
        story.budget("5").await;
        if has_credit {
            story.grant("acme", "g", "100").await.unwrap();
        }
        let held = story.hold("acme", "a", "4").await.unwrap().hold;
        story.capture(held, Some("3")).await.unwrap();
        let of = story.newest("acme").await;

        story.give_back("acme", "r", of, Some("1")).await.unwrap();
        story.give_back("acme", "r", of, Some("1")).await.unwrap();
        assert_eq!(story.budget_says().await[..4], ["0", "2", "0", "3"], "{has_credit}");
        story.clock.advance(TimeDelta::hours(3));
        story.give_back("acme", "s", of, None).await.unwrap();
        assert_eq!(story.budget_says().await[..4], ["0", "0", "0", "5"], "{has_credit}");
        let nothing = refusal(story.give_back("acme", "t", of, None).await);
        assert_eq!(nothing, LedgerRefusal::AllGivenBack);
        assert_eq!(refusal(story.give_back("acme", "u", of, Some("1")).await), nothing);
        let whole = if has_credit { "100" } else { "0" };
        assert_eq!(story.has("acme").await, [whole, "0", whole]);
        assert!(story.hold("acme", "b", "5").await.is_ok());
    }
}

#[tokio::test]
async fn a_capture_with_its_event_is_on_the_budget_by_its_event_alone() {
    let story = Story::new();
    story.budget("5").await;
    story.grant("acme", "g", "100").await.unwrap();
    let held = story.hold("acme", "a", "2").await.unwrap().hold;
    assert!(matches!(story.spend("acme", "e", "2", Some(held)).await, Outcome::Accepted(_)));
    let of = story.newest("acme").await;

    story.give_back("acme", "r", of, None).await.unwrap();

    assert_eq!(story.budget_says().await[..4], ["2", "0", "0", "3"], "it was spent all the same");
    assert_eq!(story.has("acme").await, ["100", "0", "100"]);
}

#[tokio::test]
async fn whoever_has_no_credit_keeps_a_budget_from_others_for_minutes_only() {
    let story = Story::new();
    story.budget("5").await;
    story.grant("acme", "g", "100").await.unwrap();
    let hold = async |account: &str, id: &str, lasts: TimeDelta| {
        let command = Command::Authorize {
            account: account.into(),
            unit: Unit::USD,
            amount: amount("1"),
            attributes: BTreeMap::new(),
            lasts,
            uses: Uses::default(),
            asked: Asked::new("authorize", id, &[]),
        };
        story.outlay.ledger().submit(command).await
    };
    let most = TimeDelta::seconds(UNCOVERED_SECONDS_MAX.into());

    assert!(hold("acme", "a", TimeDelta::days(7)).await.is_ok(), "it has its own at stake");
    assert!(hold("other", "a", most).await.is_ok());
    let refused = refusal(hold("other", "b", most + TimeDelta::seconds(1)).await);
    assert_eq!(refused, LedgerRefusal::TooLong(UNCOVERED_SECONDS_MAX));
    assert_eq!(story.budget_says().await[2], "2", "what was refused holds nothing");
}

#[tokio::test]
async fn a_statement_begins_where_the_one_before_ended() {
    let story = Story::new();
    story.grant("acme", "g", "10").await.unwrap();
    let held = story.hold("acme", "a", "4").await.unwrap().hold;
    story.hold("acme", "b", "1").await.unwrap();
    story.clock.advance(TimeDelta::days(20));
    story.outlay.ledger().put_away().await.unwrap();
    let credit = |text: &str| -> DateTime<Utc> { text.parse().unwrap() };
    let (november, december) = (credit("2026-11-01T00:00:00Z"), credit("2026-12-01T00:00:00Z"));
    let january = credit("2027-01-01T00:00:00Z");
    story.spend("acme", "e", "2.5", None).await;
    let ledger = story.outlay.ledger();
    let told = async |from, to| {
        let all = ledger.statement("acme".into(), from, to).await.unwrap();
        all.0.get(&Unit::USD).unwrap().clone()
    };

    let (first, second) = (told(november, december).await, told(december, january).await);

    assert!(
        refusal(story.capture(held, None).await)
            == LedgerRefusal::HoldOver { state: HoldState::Expired }
    );
    assert_eq!((first.opening, first.closing), (Balance::default(), second.opening));
    let kinds: Vec<_> = first.moved.iter().map(|(kind, moved)| (*kind, moved.postings)).collect();
    assert_eq!(kinds, [("grant", 1), ("hold", 2), ("hold_expired", 2)]);
    assert_eq!(first.closing.available, amount("10"));
    assert_eq!(second.moved["charge"].settled, -2_500_000_000);
    assert_eq!(second.closing.settled, amount("7.5"));
    let after = told(january, january + TimeDelta::days(31)).await;
    assert_eq!((after.opening, after.moved.len()), (second.closing, 0));
    let nobody = ledger.statement("nobody".into(), november, december).await.unwrap();
    assert!(nobody.0.is_empty());
}

#[tokio::test]
async fn what_is_due_is_in_the_statement_of_its_month_however_late_it_is_put_away() {
    let story = Story::new();
    story.grant("acme", "g", "10").await.unwrap();
    story.hold("acme", "a", "4").await.unwrap();
    story.clock.advance(TimeDelta::days(40));
    let day = |text: &str| -> DateTime<Utc> { text.parse().unwrap() };

    let told = story
        .outlay
        .ledger()
        .statement("acme".into(), day("2026-11-01T00:00:00Z"), day("2026-12-01T00:00:00Z"))
        .await
        .unwrap();

    let usd = &told.0[&Unit::USD];
    assert_eq!(usd.moved["hold_expired"].held, -4_000_000_000);
    assert_eq!(usd.closing.held, Amount::ZERO);
}
