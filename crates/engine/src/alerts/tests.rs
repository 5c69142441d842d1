//! Stories about alerts.

use std::path::Path;

use outlay_domain::Quantity;
use outlay_domain::imports::{ImportedBudgets, ImportedLimit, ImportedPeriod};
use outlay_domain::usage::{EventDraft, Meter};

use super::*;
use crate::usage::{By, Incoming};
use crate::{FrozenClock, Options};

fn now() -> DateTime<Utc> {
    "2026-11-11T12:30:00Z".parse().unwrap()
}

/// Somebody who may do everything.
fn person(name: &'static str) -> Asker {
    By::Server(name).into()
}

struct Desk {
    outlay: Arc<Outlay>,
    alerts: Arc<Alerts>,
    clock: Arc<FrozenClock>,
    _folder: tempfile::TempDir,
}

impl Desk {
    /// A folder in which only the rules of these kinds are watched.
    async fn watching(kept: &[&str]) -> Self {
        Self::of_a_team_in(Tz::UTC, kept).await
    }

    /// The same where the days are those of `tz`.
    async fn of_a_team_in(tz: Tz, kept: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(FrozenClock::at(now()));
        let outlay = open(folder.path(), tz, clock.clone());
        let alerts = Alerts::new(&outlay);
        for rule in alerts.rules().await.unwrap() {
            if !kept.contains(&rule.id.as_str()) {
                alerts.remove_rule(&rule.id, &person("ada")).await.unwrap();
            }
        }
        Self { outlay, alerts, clock, _folder: folder }
    }

    async fn rule(&self, id: &str, condition: serde_json::Value) {
        let draft = serde_json::json!({
            "name": id, "severity": "warning", "condition": condition,
        });
        let draft = serde_json::from_value(draft).unwrap();
        self.alerts.create_rule(Some(id.into()), draft, &person("ada")).await.unwrap();
    }

    async fn spend(&self, id: &str, at: DateTime<Utc>, cost: Option<&str>) {
        let draft = EventDraft {
            id: id.into(),
            source: "tests".into(),
            account: "acme".into(),
            occurred_at: Some(at),
            provider: Some("acme-ai".into()),
            model: Some("vision-2".into()),
            quantities: vec![(Meter::Images, Quantity::from_units(1).unwrap())],
            stated_cost: cost.map(|cost| cost.parse().unwrap()),
            ..EventDraft::default()
        };
        let event = draft.accept(self.clock.now()).unwrap();
        self.outlay.journal.accept(vec![Incoming { event, time_stated: true }]).await.unwrap();
    }

    /// How many alerts are open and not silent.
    async fn open(&self) -> i64 {
        self.alerts.page(within(&["open"]), None, 1, &person("ada")).await.unwrap().open
    }

    /// Judges, and tells every alert that is not resolved.
    async fn judged(&self) -> Vec<String> {
        self.alerts.judge_all().await.unwrap();
        let page = self
            .alerts
            .page(within(&["open", "acknowledged"]), None, 100, &person("ada"))
            .await
            .unwrap()
            .alerts;
        page.into_iter()
            .map(|alert| {
                format!("{} {}: {}", alert.state.as_str(), alert.severity.as_str(), alert.title)
            })
            .collect()
    }
}

/// Alerts in one of `states`.
fn within(states: &[&str]) -> WantedAlerts {
    let states = states.iter().map(|state| CompactString::from(*state)).collect();
    WantedAlerts { states, ..WantedAlerts::default() }
}

fn open(folder: &Path, time_zone: Tz, clock: Arc<FrozenClock>) -> Arc<Outlay> {
    let options = Options { background: false, time_zone, ..Options::default() };
    Arc::new(Outlay::open(folder, options, clock).unwrap())
}

#[tokio::test]
async fn whoever_sees_one_account_sees_the_alerts_that_are_about_it_alone() {
    let desk = Desk::watching(&["budgets"]).await;
    let limit = |scope: serde_json::Value| {
        serde_json::json!({
            "kind": "above", "measure": "spend", "hours": 24, "limit": "1", "scope": scope,
        })
    };
    desk.rule("all", limit(serde_json::json!({}))).await;
    desk.rule("own", limit(serde_json::json!({ "account": ["acme"] }))).await;
    desk.rule("both", limit(serde_json::json!({ "account": ["acme", "globex"] }))).await;
    let budget = serde_json::json!({
        "name": "Acme", "amount": "1", "period": { "every": "day" }, "scope": { "account": ["acme"] },
    });
    let budget = serde_json::from_value(budget).unwrap();
    let budgets = desk.outlay.budgets(By::Server("tests"));
    budgets.create("acme".into(), budget).await.unwrap();
    desk.spend("a", now() - TimeDelta::minutes(1), Some("5")).await;
    assert_eq!(desk.judged().await.len(), 4);

    let of = async |account: &str| {
        let wanted = WantedAlerts { account: Some(account.into()), ..within(&["open"]) };
        let page = desk.alerts.page(wanted, None, 100, &person("ada")).await.unwrap();
        let mut rules: Vec<_> = page.alerts.iter().map(|alert| alert.rule_id.to_string()).collect();
        rules.sort();
        (rules, page.open)
    };

    assert_eq!(of("acme").await, (vec!["budgets".to_owned(), "own".to_owned()], 2));
    assert_eq!(of("globex").await, (Vec::new(), 0));
}

#[tokio::test]
async fn a_limit_opens_once_stays_while_it_nearly_holds_and_resolves_below() {
    let desk = Desk::watching(&[]).await;
    let day =
        serde_json::json!({ "kind": "above", "measure": "spend", "hours": 24, "limit": "10" });
    desk.rule("day", day).await;
    desk.spend("a", now() - TimeDelta::hours(20), Some("1.5")).await;
    desk.spend("b", now() - TimeDelta::hours(1), Some("8.5")).await;
    let open = ["open warning: Spend of the last 24 hours is $10.00, the limit is $10.00"];
    assert_eq!(desk.judged().await, open);
    assert_eq!(desk.judged().await, open);

    // The first event leaves the 24 hours: 8.5 is below nine tenths of the limit.
    desk.clock.advance(TimeDelta::hours(5));
    desk.spend("c", now(), Some("0.7")).await;
    assert_eq!(desk.judged().await, open, "9.2 is nearly 10");
    desk.clock.advance(TimeDelta::hours(20));
    assert!(desk.judged().await.is_empty());
    assert_eq!(
        desk.alerts
            .page(within(&["resolved"]), None, 10, &person("ada"))
            .await
            .unwrap()
            .alerts
            .len(),
        1
    );
}

#[tokio::test]
async fn an_alert_is_acknowledged_snoozed_and_closed_and_does_not_come_back_at_once() {
    let desk = Desk::watching(&["unpriced"]).await;
    desk.spend("a", now() - TimeDelta::hours(1), None).await;
    assert_eq!(
        desk.judged().await,
        ["open warning: vision-2 of acme-ai has usage without a price"]
    );
    let id =
        desk.alerts.page(within(&["open"]), None, 1, &person("ada")).await.unwrap().alerts[0].id;
    assert_eq!(desk.open().await, 1);

    desk.alerts
        .act_on(id, AlertAction::Snooze(now() + TimeDelta::hours(2)), &person("ada"))
        .await
        .unwrap();
    assert_eq!(desk.open().await, 0);
    desk.alerts.act_on(id, AlertAction::Acknowledge, &person("ada")).await.unwrap();
    desk.alerts.act_on(id, AlertAction::Acknowledge, &person("bob")).await.unwrap();
    assert_eq!(
        desk.judged().await,
        ["acknowledged warning: vision-2 of acme-ai has usage without a price"]
    );
    let over = desk.alerts.act_on(id, AlertAction::Resolve, &person("cleo")).await.unwrap().0;
    assert_eq!(over.state.acknowledgement().unwrap().by, "ada", "who saw it first is kept");
    assert!(desk.judged().await.is_empty());
    let twice = desk.alerts.act_on(id, AlertAction::Resolve, &person("ada")).await;
    assert!(matches!(twice, Err(AlertsError::Resolved)));

    // It went away, and came again.
    desk.clock.advance(TimeDelta::days(2));
    assert!(desk.judged().await.is_empty());
    desk.spend("b", desk.clock.now(), None).await;
    desk.clock.advance(TimeDelta::minutes(1));
    assert_eq!(desk.judged().await.len(), 1);
}

#[tokio::test]
async fn many_who_judge_at_once_open_one_alert() {
    let desk = Desk::watching(&["unpriced"]).await;
    desk.spend("a", now() - TimeDelta::hours(1), None).await;

    let judges: Vec<_> = (0..8)
        .map(|_| {
            let alerts = Alerts::new(&desk.outlay);
            tokio::spawn(async move { alerts.judge_all().await.unwrap() })
        })
        .collect();
    for judge in judges {
        judge.await.unwrap();
    }

    assert_eq!(
        desk.alerts.page(within(&["open"]), None, 10, &person("ada")).await.unwrap().alerts.len(),
        1
    );
}

#[tokio::test]
async fn a_budget_tells_of_its_highest_threshold_once_a_window() {
    let desk = Desk::watching(&["budgets"]).await;
    let draft = serde_json::json!({
        "name": "Day", "amount": "10", "period": { "every": "day" },
        "thresholds": [{ "percent": 80 }, { "percent": 100 }],
    });
    let draft = serde_json::from_value(draft).unwrap();
    desk.outlay.budgets(By::Server("tests")).create("day".into(), draft).await.unwrap();
    desk.spend("a", now() - TimeDelta::hours(1), Some("9")).await;
    assert_eq!(desk.judged().await, ["open warning: Day: 90 % of the budget is spent"]);
    desk.spend("b", now() - TimeDelta::hours(1), Some("2")).await;
    let told = desk.judged().await;
    assert_eq!(told, ["open critical: Day: 110 % of the budget is spent"], "the higher one only");

    desk.clock.advance(TimeDelta::days(1));
    assert!(desk.judged().await.is_empty(), "a new day is a new window");
}

#[tokio::test]
async fn a_budget_of_a_time_that_is_over_holds_no_alert_open() {
    let desk = Desk::watching(&["budgets"]).await;
    let limit = |month| ImportedLimit {
        id: format!("2026-{month}").into(),
        amount: "10".parse().unwrap(),
        period: ImportedPeriod::month(2026, month).unwrap(),
        model: None,
        endpoint: None,
        description: None,
    };
    let set = ImportedBudgets {
        source: "leadfactory:cost_tracking:1".into(),
        enabled: true,
        limits: vec![limit(10), limit(11)],
        thresholds: Vec::new(),
    };
    desk.outlay.books.write_blocking(|tx| tx.imports().put_budgets(&set, now())).unwrap();
    desk.spend("october", now() - TimeDelta::days(20), Some("12")).await;
    assert!(desk.judged().await.is_empty(), "October is over");

    desk.spend("november", now() - TimeDelta::hours(1), Some("12")).await;
    let told = desk.judged().await;
    assert_eq!(told, ["open critical: LeadFactory 2026-11: 120 % of the budget is spent"]);
    desk.clock.advance(TimeDelta::days(30));
    assert!(desk.judged().await.is_empty(), "and so is November");
}

#[tokio::test]
async fn spend_around_a_threshold_opens_one_alert() {
    let desk = Desk::watching(&["budgets"]).await;
    let budgets = desk.outlay.budgets(By::Server("tests"));
    let of = |amount: &str| {
        let draft = serde_json::json!({
            "name": "Day", "amount": amount, "period": { "every": "day" },
            "thresholds": [{ "percent": 80 }, { "percent": 100 }],
        });
        serde_json::from_value(draft).unwrap()
    };
    desk.spend("a", now() - TimeDelta::hours(1), Some("100")).await;

    budgets.create("day".into(), of("100.05")).await.unwrap();
    assert_eq!(desk.judged().await, ["open warning: Day: 99 % of the budget is spent"]);
    budgets.change("day", of("100")).await.unwrap();
    let spent = ["open critical: Day: 100 % of the budget is spent"];
    assert_eq!(desk.judged().await, spent);
    for amount in ["101", "99", "105", "98"] {
        budgets.change("day", of(amount)).await.unwrap();
        assert_eq!(desk.judged().await, spent, "of {amount}");
    }

    budgets.change("day", of("106")).await.unwrap();
    assert_eq!(desk.judged().await, ["open warning: Day: 94 % of the budget is spent"]);
    let all = desk
        .alerts
        .page(within(&AlertState::WORDS), None, 100, &person("ada"))
        .await
        .unwrap()
        .alerts;
    assert_eq!(all.len(), 3, "of 80 %, of all, and of 80 % again");
}

#[tokio::test]
async fn all_of_a_budget_is_critical_also_without_a_threshold_of_its_own() {
    let desk = Desk::watching(&["budgets"]).await;
    for (id, percent) in [("part", 50), ("beyond", 150)] {
        let draft = serde_json::json!({
            "name": id, "amount": "10", "period": { "every": "day" },
            "thresholds": [{ "percent": percent }],
        });
        let draft = serde_json::from_value(draft).unwrap();
        desk.outlay.budgets(By::Server("tests")).create(id.into(), draft).await.unwrap();
    }

    desk.spend("a", now() - TimeDelta::hours(1), Some("11")).await;

    assert_eq!(desk.judged().await, ["open critical: part: 110 % of the budget is spent"]);
}

#[tokio::test]
async fn a_budget_that_cannot_be_judged_keeps_its_alerts_and_others_are_judged() {
    let desk = Desk::watching(&["budgets"]).await;
    for id in ["good", "bad"] {
        let draft = serde_json::json!({
            "name": id, "amount": "10", "period": { "every": "once", "first": "2026-11-01", "last": "2026-11-30" },
        });
        let draft = serde_json::from_value(draft).unwrap();
        desk.outlay.budgets(By::Server("tests")).create(id.into(), draft).await.unwrap();
    }
    desk.spend("a", now() - TimeDelta::hours(1), Some("9")).await;
    assert_eq!(desk.judged().await.len(), 2);

    // An older version kept dates that no usage can have.
    let mut bad = desk.outlay.budgets(By::Server("tests")).one("bad").await.unwrap();
    bad.draft.period = serde_json::from_value(
        serde_json::json!({ "every": "once", "first": "1960-01-01", "last": "2026-12-31" }),
    )
    .unwrap();
    desk.outlay.books.write_blocking(|tx| tx.budgets().put(&bad)).unwrap();
    // No commit told of it, so that the next full round finds it.
    desk.clock.advance(TimeDelta::minutes(15));
    desk.spend("b", now() - TimeDelta::hours(1), Some("2")).await;

    let told = desk.judged().await;
    assert_eq!(
        told,
        [
            "open critical: good: 110 % of the budget is spent",
            "open warning: bad: 90 % of the budget is spent",
        ]
    );
    let why = desk.alerts.troubles();
    assert_eq!(
        why["budgets"],
        "of the budget “bad” the first day, 1960-01-01, is before 1970-01-02"
    );

    desk.outlay.budgets(By::Server("tests")).remove("bad").await.unwrap();
    assert_eq!(desk.judged().await.len(), 1);
    assert!(desk.alerts.troubles().is_empty());
}

#[tokio::test]
async fn a_link_shows_the_measure_and_the_event_that_opened_the_alert() {
    let desk = Desk::watching(&[]).await;
    let hour = serde_json::json!({
        "kind": "above", "measure": "images", "hours": 1, "limit": "1",
        "scope": { "provider": ["acme-ai"] },
    });
    desk.rule("hour", hour).await;
    desk.clock.advance(TimeDelta::milliseconds(300));
    desk.spend("a", desk.clock.now() - TimeDelta::milliseconds(100), Some("1")).await;

    assert_eq!(
        desk.judged().await,
        ["open warning: Images of the last hour are 1, the limit is 1"]
    );

    let alert =
        &desk.alerts.page(within(&["open"]), None, 1, &person("ada")).await.unwrap().alerts[0];
    assert_eq!(
        serde_json::to_value(alert.link.as_ref().unwrap()).unwrap(),
        serde_json::json!({
            "to": "usage_between", "scope": { "provider": ["acme-ai"] }, "measure": "images",
            "from": "2026-11-11T11:30:00Z", "until": "2026-11-11T12:30:01Z",
        })
    );
}

#[tokio::test]
async fn a_scope_with_less_than_two_whole_days_has_no_forecast() {
    let desk = Desk::watching(&["budgets"]).await;
    let draft = serde_json::json!({ "name": "x", "amount": "10", "period": { "every": "month" } });
    let draft = serde_json::from_value(draft).unwrap();
    desk.outlay.budgets(By::Server("tests")).create("x".into(), draft).await.unwrap();
    desk.spend("a", now() - TimeDelta::hours(12), Some("1")).await;
    assert!(desk.judged().await.is_empty(), "one day says nothing of a month");

    desk.spend("b", now() - TimeDelta::days(2), Some("1")).await;
    let told = desk.judged().await;
    assert_eq!(told.len(), 1);
    assert!(told[0].contains("x: will reach"), "{told:?}");
}

#[tokio::test]
async fn a_day_out_of_the_usual_and_a_silence_are_told() {
    let desk = Desk::watching(&["anomalies"]).await;
    desk.rule("silence", serde_json::json!({ "kind": "silence", "hours": 30 })).await;
    for back in 1..60 {
        let cost = if back == 1 { "80".to_owned() } else { format!("{}", 10 + back % 3) };
        desk.spend(&format!("{back}"), now() - TimeDelta::days(back), Some(&cost)).await;
    }

    let told = desk.judged().await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("$80.00 on 10 Nov 2026"), "{told:?}");

    desk.clock.advance(TimeDelta::days(4));
    let told = desk.judged().await;
    assert_eq!(
        told,
        ["open warning: Nothing came in for 30 hours"],
        "the spike is no news any more"
    );
}

#[tokio::test]
async fn a_day_is_that_of_the_team() {
    let desk = Desk::of_a_team_in(Tz::Asia__Tokyo, &["anomalies"]).await;
    // Half past one at night in Tokyo, which is still the day before in UTC.
    let night = "2026-11-10T16:30:00Z".parse::<DateTime<Utc>>().unwrap();
    desk.clock.advance(TimeDelta::days(1));
    for back in 0..60 {
        let cost = if back == 0 { "80".to_owned() } else { format!("{}", 10 + back % 3) };
        desk.spend(&format!("{back}"), night - TimeDelta::days(back), Some(&cost)).await;
    }

    let told = desk.judged().await;

    let of_the_day = told.iter().filter(|alert| alert.contains("$80.00 on 11 Nov 2026"));
    assert_eq!(of_the_day.count(), 1, "{told:?}");
}

#[tokio::test]
async fn alerts_of_a_rule_that_is_gone_resolve() {
    let desk = Desk::watching(&["unpriced"]).await;
    desk.spend("a", now() - TimeDelta::hours(1), None).await;
    assert_eq!(desk.judged().await.len(), 1);

    desk.alerts.remove_rule("unpriced", &person("ada")).await.unwrap();

    assert!(desk.judged().await.is_empty());
}

/// A hard budget of what one provider costs in a month.
fn budget_of(provider: &str) -> outlay_domain::budgets::BudgetDraft {
    let draft = serde_json::json!({
        "name": provider, "amount": "10", "period": { "every": "month" },
        "scope": { "provider": [provider] },
    });
    serde_json::from_value(draft).unwrap()
}

#[tokio::test]
async fn a_commit_has_only_those_judged_whose_scope_it_touched() {
    let desk = Desk::watching(&[]).await;
    desk.rule("budgets", serde_json::json!({ "kind": "budget" })).await;
    for provider in ["acme-ai", "other"] {
        let above = serde_json::json!({
            "kind": "above", "measure": "spend", "hours": 24, "limit": "5",
            "scope": { "provider": [provider] },
        });
        desk.rule(provider, above).await;
        let budgets = desk.outlay.budgets(By::Server("tests"));
        budgets.create(provider.into(), budget_of(provider)).await.unwrap();
    }
    let asked = async || {
        let told = desk.judged().await;
        (desk.alerts.memory.lock().asked, told.len())
    };
    assert_eq!(asked().await, (5, 0), "three rules and two budgets are new");
    assert_eq!(asked().await, (0, 0), "nothing has changed since");

    desk.spend("a", now() - TimeDelta::hours(1), Some("9")).await;
    assert_eq!(asked().await, (3, 2), "a limit, a budget, and the rule that watches budgets");
    assert_eq!(asked().await, (0, 2));

    // What time alone changes: limits of the last hours, and in a full round everything.
    desk.clock.advance(TimeDelta::minutes(1));
    assert_eq!(asked().await, (2, 2));
    desk.clock.advance(TimeDelta::minutes(15));
    assert_eq!(asked().await, (5, 2));

    let budgets = desk.outlay.budgets(By::Server("tests"));
    budgets.remove("acme-ai").await.unwrap();
    assert_eq!(asked().await, (4, 1), "what is watched has changed, and all of it is judged");
}
