use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use outlay_domain::Amount;
use outlay_domain::Quantity;
use outlay_domain::alerts::AlertState;
use outlay_domain::ledger::{GrantDraft, HoldState, Source, Unit};
use outlay_domain::people::{AuditRecord, Caller};
use outlay_domain::plans::{Cycle, PlanDraft, When};
use outlay_domain::usage::{EventDraft, EventName, Meter, RefusalCode};

use super::*;
use crate::asker::Asker;
use crate::ledger::{
    Asked, Authorized, Command, Done, HoldName, LedgerError, Reached, Uses, Wanted,
};
use crate::usage::amend::Amender;
use crate::usage::{Incoming, Outcome};
use crate::{Clock, FrozenClock, Options};

const PLAN: &str = r#"{
    "name": "Pro", "price": {"currency": "USD", "monthly": "79", "yearly": "790"},
    "features": {
        "video": {"kind": "metered", "limit": "video"}, "beta": {"kind": "boolean", "enabled": false}
    },
    "limits": [
        {"id": "spend", "measure": "spend", "most": "100", "every": "month"},
        {"id": "calls", "measure": "events", "most": 100, "every": "period"},
        {"id": "tokens", "measure": "tokens", "most": 1000, "every": "day", "scope": {"provider": ["openai"]}},
        {"id": "video", "measure": "seconds", "most": "2.5", "every": "month", "scope": {"operation": ["video"]}},
        {"id": "images", "measure": "images", "most": 0, "every": "month"},
        {"id": "warned", "measure": "events", "most": 10, "every": "period", "enforcement": "soft"},
        {"id": "free", "measure": "meter.pings", "most": "unlimited", "every": "hour"}
    ]
}"#;

struct Shop {
    folder: tempfile::TempDir,
    clock: Arc<FrozenClock>,
    outlay: Arc<Outlay>,
}

fn noon() -> DateTime<Utc> {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

fn open(folder: &Path, clock: &Arc<FrozenClock>) -> Arc<Outlay> {
    let options = Options { background: false, ..Options::default() };
    Arc::new(Outlay::open(folder, options, clock.clone()).unwrap())
}

fn admin() -> Asker {
    (&Caller::operator()).into()
}

fn amount(text: &str) -> Amount {
    text.parse().unwrap()
}

impl Shop {
    async fn new() -> Self {
        Self::selling(PLAN).await
    }

    async fn selling(plan: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(FrozenClock::at(noon()));
        let outlay = open(folder.path(), &clock);
        let shop = Self { folder, clock, outlay };
        shop.sell("pro", plan).await;
        let begin = Wanted::Begin {
            plan: "pro".parse().unwrap(),
            version: None,
            cycle: Cycle::Monthly,
            tz: Tz::UTC,
            tried: None,
        };
        shop.make(begin).await;
        shop
    }

    fn again(self) -> Self {
        let Self { folder, clock, outlay } = self;
        outlay.stop();
        drop(outlay);
        let outlay = open(folder.path(), &clock);
        Self { folder, clock, outlay }
    }

    async fn sell(&self, id: &str, plan: &str) {
        let draft: PlanDraft = serde_json::from_str(plan).unwrap();
        self.outlay.plans().set(id.parse().unwrap(), draft, &admin()).await.unwrap();
    }

    async fn make(&self, wanted: Wanted) {
        self.outlay.subscriptions().make("acme".into(), wanted, &admin()).await.unwrap();
    }

    async fn asks(
        &self,
        id: &str,
        spend: &str,
        provider: &str,
        uses: Uses,
    ) -> Result<Authorized, LedgerError> {
        let command = Command::Authorize {
            account: "acme".into(),
            unit: Unit::USD,
            amount: amount(spend),
            attributes: BTreeMap::from([
                ("account".to_owned(), "acme".to_owned()),
                ("provider".to_owned(), provider.to_owned()),
            ]),
            lasts: TimeDelta::minutes(10),
            uses,
            asked: Asked::new("authorize", id, &[("amount", spend.to_owned())]),
        };
        match self.outlay.ledger().submit(command).await? {
            Done::Authorized(held) => Ok(held),
            other => panic!("{other:?}"),
        }
    }

    async fn ask(&self, id: &str, spend: &str) -> Result<Authorized, LedgerError> {
        self.asks(id, spend, "anthropic", Uses::default()).await
    }

    fn event(&self, id: &str, cost: &str, used: &[(Meter, i64)]) -> Incoming {
        let mut draft = EventDraft {
            id: id.into(),
            source: "tests".into(),
            account: "acme".into(),
            provider: Some("openai".into()),
            stated_cost: Some(amount(cost)),
            occurred_at: Some(self.clock.now()),
            ..EventDraft::default()
        };
        let micros =
            |(meter, units): &(Meter, i64)| (meter.clone(), Quantity::from_units(*units).unwrap());
        draft.quantities = used.iter().map(micros).collect();
        Incoming { event: draft.accept(self.clock.now()).unwrap(), time_stated: true }
    }

    async fn send(&self, event: Incoming, hold: Option<HoldName>) -> Outcome {
        let prepared = self.outlay.journal.prepare(vec![event]);
        let prepared = prepared.into_iter().map(|event| event.for_hold(hold)).collect();
        self.outlay.journal.accept_prepared(prepared).await.unwrap().remove(0)
    }

    /// What is used, held and left of a limit.
    async fn stands(&self, limit: &str) -> [String; 3] {
        let limits = self.outlay.subscriptions().limits("acme".into(), &admin()).await.unwrap();
        let standing = limits.standing(limit).unwrap();
        let text = |nanos| Amount::from_nanos(i64::try_from(nanos).unwrap()).to_string();
        let left = standing.available().map_or("-".to_owned(), text);
        [text(standing.used), text(standing.held), left]
    }

    fn in_order(&self) {
        assert_eq!(self.outlay.check().unwrap().findings, []);
    }
}

fn reached(outcome: Result<Authorized, LedgerError>) -> (String, String, Option<DateTime<Utc>>) {
    match outcome {
        Err(LedgerError::Limit(limit)) => {
            let left = Amount::from_nanos(i64::try_from(limit.available).unwrap()).to_string();
            let name = match &limit.reached {
                Reached::Plan { limit, .. } => limit.to_string(),
                Reached::Feature(name) => format!("feature {name}"),
                Reached::Subscription(state) => state.as_str().to_owned(),
                Reached::Budget(budget) => budget.id.to_string(),
            };
            (name, left, limit.resets_at)
        }
        other => panic!("{other:?}"),
    }
}

fn code(outcome: &Outcome) -> Option<RefusalCode> {
    match outcome {
        Outcome::Refused(refusal) => Some(refusal.code),
        _ => None,
    }
}

#[tokio::test]
async fn what_is_asked_for_stands_on_every_limit_or_on_none() {
    let shop = Shop::new().await;
    let tokens = |count| Uses {
        quantities: Some(
            [(Meter::InputTokens, Quantity::from_units(count).unwrap())].into_iter().collect(),
        ),
        feature: None,
    };

    let first = shop.asks("a", "60", "openai", tokens(900)).await.unwrap();
    assert_eq!(shop.stands("spend").await, ["0", "60", "40"]);
    assert_eq!(shop.stands("calls").await, ["0", "1", "99"]);
    assert_eq!(shop.stands("tokens").await, ["0", "900", "100"]);
    let midnight = "2026-11-22T00:00:00Z".parse().ok();
    let refused = reached(shop.asks("b", "1", "openai", tokens(101)).await);
    assert_eq!(refused, ("tokens".into(), "100".into(), midnight));
    assert_eq!(shop.stands("calls").await, ["0", "1", "99"], "nothing of it is held");
    let december = "2026-12-01T00:00:00Z".parse().ok();
    assert_eq!(
        reached(shop.ask("c", "40.000000001").await),
        ("spend".into(), "40".into(), december)
    );
    shop.asks("d", "1", "anthropic", tokens(5_000)).await.unwrap();

    let shop = shop.again();
    shop.outlay.ledger().submit(Command::Release { hold: first.hold, only: None }).await.unwrap();
    assert_eq!(shop.stands("spend").await, ["0", "1", "99"]);
    assert_eq!(shop.stands("tokens").await, ["0", "0", "1000"]);
    shop.in_order();
}

#[tokio::test]
async fn an_event_takes_from_every_limit_that_it_is_in_and_frees_what_was_held_for_it() {
    let shop = Shop::new().await;
    let held = shop.ask("a", "50").await.unwrap();

    let sent =
        shop.send(shop.event("1", "30", &[(Meter::OutputTokens, 400)]), Some(held.hold)).await;
    assert_eq!(code(&sent), None);
    assert_eq!(shop.stands("spend").await, ["30", "0", "70"]);
    assert_eq!(shop.stands("calls").await, ["1", "0", "99"]);
    assert_eq!(shop.stands("tokens").await, ["400", "0", "600"]);
    let again = shop.send(shop.event("1", "30", &[(Meter::OutputTokens, 400)]), None).await;
    assert!(matches!(again, Outcome::Repeated));
    let large = shop.send(shop.event("2", "1", &[(Meter::OutputTokens, 601)]), None).await;
    assert_eq!(code(&large), Some(RefusalCode::LimitReached));
    assert_eq!(shop.stands("spend").await, ["30", "0", "70"], "what is refused takes nothing");
    let image = shop.send(shop.event("3", "0", &[(Meter::Images, 1)]), None).await;
    assert_eq!(code(&image), Some(RefusalCode::LimitReached), "0 is nothing at all");
    let ping = shop.send(shop.event("4", "0", &[(Meter::Other("pings".into()), 7)]), None).await;
    assert_eq!(code(&ping), None);
    assert_eq!(shop.stands("free").await, ["7", "0", "-"]);
    shop.in_order();
}

#[tokio::test]
async fn a_thousand_who_ask_and_send_at_once_do_not_pass_a_hard_limit_by_one() {
    let shop = Shop::new().await;
    let mut waiting = Vec::new();
    for number in 0..500 {
        let (outlay, event) = (shop.outlay.clone(), shop.event(&format!("e{number}"), "0.1", &[]));
        waiting.push(tokio::spawn(async move {
            let outcome = outlay.journal.accept(vec![event]).await.unwrap().remove(0);
            matches!(outcome, Outcome::Accepted(_))
        }));
        let command = Command::Authorize {
            account: "acme".into(),
            unit: Unit::USD,
            amount: amount("0.1"),
            attributes: BTreeMap::new(),
            lasts: TimeDelta::minutes(10),
            uses: Uses::default(),
            asked: Asked::new("authorize", &number.to_string(), &[]),
        };
        let ledger = shop.outlay.ledger();
        waiting.push(tokio::spawn(async move {
            match ledger.submit(command).await {
                Ok(_) => true,
                Err(LedgerError::Limit(_)) => false,
                Err(error) => panic!("{error}"),
            }
        }));
    }
    let mut allowed = 0;
    for one in waiting {
        allowed += usize::from(one.await.unwrap());
    }

    assert_eq!(allowed, 100, "as many as there are, and not one more or less");
    let [used, held, left] = shop.stands("calls").await;
    assert_eq!(amount(&used).nanos() + amount(&held).nanos(), amount("100").nanos());
    assert_eq!(left, "0");
    shop.in_order();
}

#[tokio::test]
async fn a_capture_without_an_event_counts_and_what_is_given_back_of_it_does_not() {
    let shop = Shop::new().await;
    let trail = || AuditRecord {
        at: noon(),
        actor: "ada".into(),
        action: "test".into(),
        target: "acme".into(),
        detail: serde_json::json!({}),
    };
    let draft = GrantDraft {
        id: "g".into(),
        amount: amount("500"),
        source: Source::Purchase,
        priority: 100,
        effective_at: None,
        expires_at: None,
        rollover: None,
    };
    let grant = Command::Grant {
        account: "acme".into(),
        unit: Unit::USD,
        draft,
        asked: Asked::new("grant", "g", &[]),
        trail: trail(),
    };
    shop.outlay.ledger().submit(grant).await.unwrap();
    let held = shop.ask("a", "60").await.unwrap().hold;

    let capture = Command::Capture { hold: held, only: None, amount: Some(amount("45")) };
    let Done::Captured(captured) = shop.outlay.ledger().submit(capture).await.unwrap() else {
        panic!("another answer");
    };
    assert_eq!(captured.state, HoldState::Captured);
    assert_eq!(shop.stands("spend").await, ["45", "0", "55"]);
    assert_eq!(shop.stands("calls").await, ["1", "0", "99"]);
    let shop = shop.again();
    let newest = shop.outlay.ledger().postings("acme".into(), i64::MAX, 1).await.unwrap()[0].number;
    let refund = Command::Refund {
        account: "acme".into(),
        of: newest,
        amount: Some(amount("5")),
        asked: Asked::new("refund", "r", &[]),
        trail: trail(),
    };
    shop.outlay.ledger().submit(refund).await.unwrap();
    assert_eq!(shop.stands("spend").await, ["40", "0", "60"]);

    let late = shop.ask("b", "10").await.unwrap().hold;
    shop.clock.advance(TimeDelta::minutes(11));
    shop.outlay.ledger().put_away().await.unwrap();
    assert_eq!(shop.stands("spend").await, ["40", "0", "60"], "{late} expired");
    shop.in_order();
}

#[tokio::test]
async fn corrections_count_whatever_the_limit_is_and_each_window_begins_anew_once() {
    let shop = Shop::new().await;
    for number in 0..100 {
        let sent = shop.send(shop.event(&number.to_string(), "0.5", &[]), None).await;
        assert_eq!(code(&sent), None);
    }
    let over = shop.send(shop.event("over", "0", &[]), None).await;
    assert_eq!(code(&over), Some(RefusalCode::LimitReached));
    let name =
        |id: &str| EventName { account: "acme".into(), source: "tests".into(), id: id.into() };
    let amender = Amender { actor: "ada".into(), reason: "it was wrong".into() };

    shop.outlay.delete_events(vec![name("7")], &amender).await.unwrap();
    assert_eq!(shop.stands("calls").await, ["99", "0", "1"]);
    assert_eq!(shop.stands("spend").await, ["49.5", "0", "50.5"]);
    let dearer = shop.event("8", "90", &[]);
    shop.outlay.correct_events(vec![name("8")], vec![dearer], &amender).await.unwrap();
    assert_eq!(shop.stands("spend").await, ["139", "0", "-39"], "what was used was used");
    shop.in_order();

    shop.clock.set("2026-12-21T11:59:59Z".parse().unwrap());
    shop.clock.advance(TimeDelta::zero());
    shop.outlay.known_time.confirm("ada").unwrap();
    assert_eq!(shop.stands("calls").await[0], "99", "its month runs still");
    assert_eq!(shop.stands("spend").await[0], "0", "and that of the calendar is over");
    shop.clock.advance(TimeDelta::seconds(1));
    assert_eq!(shop.stands("calls").await, ["0", "0", "100"]);
    // A clock that is set back gives nothing twice, and takes nothing away.
    shop.ask("new", "1").await.unwrap();
    shop.send(shop.event("later", "1", &[]), None).await;
    shop.clock.set("2026-12-21T11:00:00Z".parse().unwrap());
    assert_eq!(shop.stands("calls").await, ["1", "1", "98"]);
    assert_eq!(shop.outlay.check().unwrap().limits, 2, "they have all of their windows");
    shop.in_order();
}

#[tokio::test]
async fn a_feature_is_there_while_its_limit_is_and_a_suspended_account_is_refused() {
    let shop = Shop::new().await;
    let uses = |feature: &str, seconds: Option<i64>| Uses {
        quantities: seconds.map(|seconds| {
            [(Meter::Seconds, Quantity::from_units(seconds).unwrap())].into_iter().collect()
        }),
        feature: Some(feature.into()),
    };

    shop.asks("a", "1", "x", uses("video", Some(2))).await.unwrap();
    assert_eq!(shop.stands("video").await, ["0", "2", "0.5"]);
    shop.asks("b", "1", "x", uses("video", None)).await.unwrap();
    assert_eq!(reached(shop.asks("c", "1", "x", uses("video", Some(1))).await).0, "video");
    assert_eq!(reached(shop.asks("d", "1", "x", uses("beta", None)).await).0, "feature beta");
    assert_eq!(reached(shop.asks("e", "1", "x", uses("none", None)).await).0, "feature none");

    shop.make(Wanted::FallDue).await;
    shop.clock.advance(TimeDelta::seconds(1));
    assert_eq!(reached(shop.ask("f", "1").await).0, "suspended");
    let sent = shop.send(shop.event("1", "1", &[]), None).await;
    assert_eq!(code(&sent), None, "what was used is kept and charged");
    shop.make(Wanted::Pay).await;
    shop.ask("g", "1").await.unwrap();
    shop.make(Wanted::Cancel(When::Now)).await;
    assert_eq!(reached(shop.ask("h", "1").await), ("ended".into(), "0".into(), None));
}

#[tokio::test]
async fn another_plan_counts_on_and_a_limit_that_is_new_begins_with_it() {
    let shop = Shop::new().await;
    for number in 0..30 {
        shop.send(shop.event(&number.to_string(), "1", &[]), None).await;
    }
    let small = r#"{"name": "Small", "limits": [
        {"id": "less", "measure": "events", "most": 20, "every": "period"},
        {"id": "new", "measure": "events", "most": 5, "every": "day"}
    ]}"#;
    shop.sell("small", small).await;
    let change = Wanted::Change {
        plan: "small".parse().unwrap(),
        version: None,
        cycle: None,
        when: When::Now,
    };

    shop.make(change).await;

    assert_eq!(shop.stands("less").await, ["30", "0", "-10"], "what was used was used");
    assert_eq!(shop.stands("new").await, ["0", "0", "5"]);
    assert_eq!(reached(shop.ask("a", "1").await).0, "less");
    shop.in_order();
}

#[tokio::test]
async fn people_are_told_once_of_each_share_of_each_limit_in_each_window() {
    let shop = Shop::new().await;
    let at = |percent: i64| {
        let noted = shop.outlay.books.read_blocking(|books| books.limits().notices(noon(), 100));
        let noted = noted.unwrap().into_iter().filter(|notice| notice.limit == "warned");
        noted.filter(|notice| i64::from(notice.percent) == percent).count()
    };
    for number in 0..12 {
        shop.send(shop.event(&number.to_string(), "0.1", &[]), None).await;
    }

    assert_eq!([80, 90, 100].map(at), [1, 1, 1], "also beyond a soft limit");
    let alerts = crate::alerts::Alerts::new(&shop.outlay);
    alerts.judge_all().await.unwrap();
    alerts.judge_all().await.unwrap();
    let open = shop.outlay.books.read_blocking(|books| books.alerts().holding("limits")).unwrap();
    let told: Vec<_> =
        open.iter().map(|alert| (alert.account.clone(), alert.state.clone())).collect();
    assert_eq!(told, [(Some("acme".into()), AlertState::Open)]);
    assert_eq!(open[0].title, "`acme` reached 100 % of its limit `warned`");
}
