use std::collections::BTreeMap;
use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use outlay_domain::ledger::Unit;
use outlay_domain::people::{Caller, Role};
use outlay_domain::plans::{Cycle, PlanDraft, StepKind, SubscriptionState, When};

use super::*;
use crate::{FrozenClock, Options, Outlay};

const PRO: &str = r#"{
    "name": "Pro", "price": {"currency": "USD", "monthly": "79", "yearly": "790"}, "grace_days": 3,
    "credits": [{"unit": "USD", "amount": "10", "rollover": {"max": "4", "months": 1}}]
}"#;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn open(folder: &Path, clock: &Arc<FrozenClock>) -> Outlay {
    let options = Options { background: false, ..Options::default() };
    Outlay::open(folder, options, clock.clone()).unwrap()
}

fn admin() -> Asker {
    (&Caller::operator()).into()
}

fn member(account: &str) -> Asker {
    let mut caller = Caller::operator();
    caller.role = Role::Member;
    caller.account = account.into();
    (&caller).into()
}

async fn sell(outlay: &Outlay, id: &str, json: &str) {
    let draft: PlanDraft = serde_json::from_str(json).unwrap();
    outlay.plans().set(id.parse().unwrap(), draft, &admin()).await.unwrap();
}

fn begin(plan: &str) -> Wanted {
    Wanted::Begin {
        plan: plan.parse().unwrap(),
        version: None,
        cycle: Cycle::Monthly,
        tz: Tz::UTC,
        tried: None,
    }
}

fn change(plan: &str, when: When) -> Wanted {
    Wanted::Change { plan: plan.parse().unwrap(), version: None, cycle: None, when }
}

async fn make(outlay: &Outlay, wanted: Wanted) -> Subscribed {
    outlay.subscriptions().make("acme".into(), wanted, &admin()).await.unwrap()
}

async fn available(outlay: &Outlay) -> String {
    let standing = outlay.ledger().balance("acme".into()).await.unwrap().unwrap();
    standing.ledger.balance(&Unit::USD).available.to_string()
}

async fn kinds(outlay: &Outlay) -> Vec<StepKind> {
    let all = outlay.subscriptions().history("acme".into(), i64::MAX, 1_000, &admin()).await;
    all.unwrap().into_iter().rev().map(|(_, step)| step.kind).collect()
}

#[tokio::test]
async fn a_month_gives_its_credit_once_however_often_and_late_it_is_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(FrozenClock::at(at("2027-01-31T10:00:00Z")));
    let outlay = open(folder.path(), &clock);
    sell(&outlay, "pro", PRO).await;

    assert!(make(&outlay, begin("pro")).await.is_changed);
    assert!(!make(&outlay, begin("pro")).await.is_changed, "the same again");
    assert_eq!(available(&outlay).await, "10");
    for _ in 0..3 {
        outlay.subscriptions().turn_due().await.unwrap();
    }
    assert_eq!(available(&outlay).await, "10");

    clock.advance(TimeDelta::days(28));
    outlay.subscriptions().turn_due().await.unwrap();
    outlay.subscriptions().turn_due().await.unwrap();
    assert_eq!(available(&outlay).await, "14", "of the first month four go on");
    assert_eq!(kinds(&outlay).await, [StepKind::Started, StepKind::Renewed]);

    // Whoever sets the clock back gets no month twice.
    clock.set(at("2027-01-31T10:00:01Z"));
    outlay.subscriptions().turn_due().await.unwrap();
    clock.set(at("2027-02-28T10:00:01Z"));
    outlay.subscriptions().turn_due().await.unwrap();
    assert_eq!(available(&outlay).await, "14");
    assert_eq!(kinds(&outlay).await.len(), 2);
    assert_eq!(outlay.check().unwrap().findings, []);
}

#[tokio::test]
async fn after_months_without_a_server_every_month_is_there_and_the_running_one_is_given() {
    let folder = tempfile::tempdir().unwrap();
    let outlay = open(folder.path(), &Arc::new(FrozenClock::at(at("2027-01-31T10:00:00Z"))));
    sell(&outlay, "pro", PRO).await;
    make(&outlay, begin("pro")).await;
    outlay.known_time.keep().unwrap();
    outlay.stop();
    drop(outlay);

    let clock = Arc::new(FrozenClock::at(at("2027-06-30T10:00:00Z")));
    let outlay = open(folder.path(), &clock);
    outlay.subscriptions().turn_due().await.unwrap();
    assert_eq!(kinds(&outlay).await.len(), 1, "so late a clock may be wrong");
    outlay.known_time.confirm("ada").unwrap();
    outlay.stop();
    drop(outlay);
    let outlay = open(folder.path(), &clock);
    // Nobody has turned it, and yet it is as it must be.
    let had = outlay.subscriptions().of("acme".into(), &admin()).await.unwrap();

    assert_eq!(had.subscription.month, 5);
    assert_eq!(kinds(&outlay).await.len(), 6);
    assert_eq!(available(&outlay).await, "14", "and what went on of the month before");
    outlay.subscriptions().turn_due().await.unwrap();
    assert_eq!(available(&outlay).await, "14");
    assert_eq!(outlay.check().unwrap().findings, []);
}

#[tokio::test]
async fn a_version_stays_until_somebody_moves_the_account() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(FrozenClock::at(at("2027-04-01T00:00:00Z")));
    let outlay = open(folder.path(), &clock);
    sell(&outlay, "pro", PRO).await;
    make(&outlay, begin("pro")).await;
    sell(&outlay, "pro", &PRO.replace(r#""amount": "10""#, r#""amount": "30""#)).await;
    clock.advance(TimeDelta::days(15));

    let had = outlay.subscriptions().of("acme".into(), &admin()).await.unwrap();
    assert_eq!(had.plan.plan.version, 1);
    let moved = make(&outlay, change("pro", When::Now)).await;
    assert_eq!((moved.plan.plan.version, moved.is_changed), (2, true));
    assert_eq!(available(&outlay).await, "20", "half of what there is more");
    assert!(!make(&outlay, change("pro", When::Now)).await.is_changed);

    outlay.plans().close("pro".parse().unwrap(), &admin()).await.unwrap();
    let other = outlay.subscriptions().make("other".into(), begin("pro"), &admin()).await;
    assert!(matches!(other, Err(SubscriptionsError::Ledger(LedgerError::PlanClosed(_)))));
    let (subscriptions, asker) = (outlay.subscriptions(), admin());
    let of_plan = subscriptions.of_plan("pro".parse().unwrap(), String::new(), 10, &asker);
    assert_eq!(of_plan.await.unwrap(), [("acme".into(), 2)]);
}

#[tokio::test]
async fn who_was_suspended_gets_the_credit_of_the_month_with_the_payment() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(FrozenClock::at(at("2027-04-01T00:00:00Z")));
    let outlay = open(folder.path(), &clock);
    sell(&outlay, "pro", &PRO.replace(r#", "rollover": {"max": "4", "months": 1}"#, "")).await;
    make(&outlay, begin("pro")).await;
    clock.advance(TimeDelta::days(29));
    make(&outlay, Wanted::FallDue).await;
    clock.advance(TimeDelta::days(10));

    let had = outlay.subscriptions().of("acme".into(), &admin()).await.unwrap();
    assert_eq!(had.subscription.state, SubscriptionState::Suspended);
    assert_eq!(available(&outlay).await, "10", "in the days of grace it goes on");
    clock.advance(TimeDelta::days(25));
    outlay.subscriptions().turn_due().await.unwrap();
    assert_eq!(available(&outlay).await, "0");

    assert!(make(&outlay, Wanted::Pay).await.is_changed);
    assert!(!make(&outlay, Wanted::Pay).await.is_changed);
    assert_eq!(available(&outlay).await, "10");
    make(&outlay, Wanted::Cancel(When::Now)).await;
    let again = make(&outlay, begin("pro")).await;
    assert_eq!(again.subscription.generation, 2, "and it can begin again");
    assert_eq!(available(&outlay).await, "20");
}

#[tokio::test]
async fn nobody_sees_or_changes_what_is_anothers() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(FrozenClock::at(at("2027-04-01T00:00:00Z")));
    let outlay = open(folder.path(), &clock);
    sell(&outlay, "pro", PRO).await;
    make(&outlay, begin("pro")).await;
    let subscriptions = outlay.subscriptions();

    let mine = subscriptions.of("acme".into(), &member("acme")).await;
    assert_eq!(mine.unwrap().plan.plan.id.as_str(), "pro");
    let theirs = subscriptions.of("acme".into(), &member("globex")).await;
    assert!(matches!(theirs, Err(SubscriptionsError::NoAccount)));
    let history = subscriptions.history("acme".into(), 9, 9, &member("globex")).await;
    assert!(matches!(history, Err(SubscriptionsError::NoAccount)));
    for asker in [member("globex"), member("acme")] {
        let made = subscriptions.make("acme".into(), Wanted::Cancel(When::Now), &asker).await;
        assert!(matches!(made, Err(SubscriptionsError::NoAccount | SubscriptionsError::Denied(_))));
    }
    let none = subscriptions.of("globex".into(), &member("globex")).await;
    assert!(matches!(none, Err(SubscriptionsError::None)));
}

#[tokio::test]
async fn nobody_can_take_the_id_of_a_months_credit_before_it_is_given() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(FrozenClock::at(at("2027-04-01T00:00:00Z")));
    let outlay = open(folder.path(), &clock);
    sell(&outlay, "pro", PRO).await;
    make(&outlay, begin("pro")).await;
    for id in ["1/1/USD", "p:1/1/USD"] {
        let command = Command::Authorize {
            account: "acme".into(),
            unit: Unit::USD,
            amount: outlay_domain::Amount::from_nanos(1),
            attributes: BTreeMap::new(),
            lasts: TimeDelta::seconds(60),
            uses: crate::ledger::Uses::default(),
            asked: crate::ledger::Asked::new("authorize", id, &[]),
        };
        outlay.ledger().submit(command).await.unwrap();
    }

    clock.advance(TimeDelta::days(30));
    outlay.subscriptions().turn_due().await.unwrap();

    assert_eq!(available(&outlay).await, "14");
}
