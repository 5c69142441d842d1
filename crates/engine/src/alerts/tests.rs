//! Stories about alerts.

use std::path::Path;

use outlay_domain::Quantity;
use outlay_domain::usage::{EventDraft, Meter};

use super::*;
use crate::usage::Incoming;
use crate::{FrozenClock, Options};

fn now() -> DateTime<Utc> {
    "2026-11-11T12:30:00Z".parse().unwrap()
}

struct Desk {
    outlay: Arc<Outlay>,
    alerts: Arc<Alerts>,
    clock: Arc<FrozenClock>,
    _folder: tempfile::TempDir,
}

impl Desk {
    /// A folder in which only the rules of these kinds are watched.
    fn watching(kept: &[&str]) -> Self {
        Self::of_a_team_in(Tz::UTC, kept)
    }

    /// The same where the days are those of `tz`.
    fn of_a_team_in(tz: Tz, kept: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(FrozenClock::at(now()));
        let outlay = open(folder.path(), tz, clock.clone());
        let alerts = Alerts::new(&outlay);
        for rule in alerts.rules().unwrap() {
            if !kept.contains(&rule.id.as_str()) {
                alerts.remove_rule(&rule.id, "ada").unwrap();
            }
        }
        Self { outlay, alerts, clock, _folder: folder }
    }

    fn rule(&self, id: &str, condition: serde_json::Value) {
        let draft = serde_json::json!({
            "name": id, "severity": "warning", "condition": condition,
        });
        let draft = serde_json::from_value(draft).unwrap();
        self.alerts.put_rule(id.into(), draft, "ada").unwrap();
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
        self.outlay.commits.accept(vec![Incoming { event, time_stated: true }]).await.unwrap();
    }

    /// Judges, and tells every alert that is not resolved.
    async fn judged(&self) -> Vec<String> {
        self.alerts.judge_all().await.unwrap();
        let page = self.alerts.page(&["open", "acknowledged"], None, 100).unwrap();
        page.into_iter()
            .map(|alert| {
                format!("{} {}: {}", alert.state.as_str(), alert.severity.as_str(), alert.title)
            })
            .collect()
    }
}

fn open(folder: &Path, time_zone: Tz, clock: Arc<FrozenClock>) -> Arc<Outlay> {
    let options = Options { background: false, time_zone, ..Options::default() };
    Arc::new(Outlay::open(folder, options, clock).unwrap())
}

#[tokio::test]
async fn a_limit_opens_once_stays_while_it_nearly_holds_and_resolves_below() {
    let desk = Desk::watching(&[]);
    let day =
        serde_json::json!({ "kind": "above", "measure": "spend", "hours": 24, "limit": "10" });
    desk.rule("day", day);
    desk.spend("a", now() - TimeDelta::hours(20), Some("1.5")).await;
    desk.spend("b", now() - TimeDelta::hours(1), Some("8.5")).await;
    let open = ["open warning: spend of the last 24 h is $10.00, the limit is $10.00"];
    assert_eq!(desk.judged().await, open);
    assert_eq!(desk.judged().await, open);

    // The first event leaves the 24 hours: 8.5 is below nine tenths of the limit.
    desk.clock.advance(TimeDelta::hours(5));
    desk.spend("c", now(), Some("0.7")).await;
    assert_eq!(desk.judged().await, open, "9.2 is nearly 10");
    desk.clock.advance(TimeDelta::hours(20));
    assert!(desk.judged().await.is_empty());
    assert_eq!(desk.alerts.page(&["resolved"], None, 10).unwrap().len(), 1);
}

#[tokio::test]
async fn an_alert_is_acknowledged_snoozed_and_closed_and_does_not_come_back_at_once() {
    let desk = Desk::watching(&["unpriced"]);
    desk.spend("a", now() - TimeDelta::hours(1), None).await;
    assert_eq!(desk.judged().await, ["open warning: vision-2 of acme-ai has no price"]);
    let id = desk.alerts.page(&["open"], None, 1).unwrap()[0].id;
    assert_eq!(desk.alerts.count_open().unwrap(), 1);

    desk.alerts.see_to(id, Deed::Snooze(now() + TimeDelta::hours(2)), "ada").unwrap();
    assert_eq!(desk.alerts.count_open().unwrap(), 0);
    desk.alerts.see_to(id, Deed::Acknowledge, "ada").unwrap();
    assert_eq!(desk.judged().await, ["acknowledged warning: vision-2 of acme-ai has no price"]);
    desk.alerts.see_to(id, Deed::Resolve, "ada").unwrap();
    assert!(desk.judged().await.is_empty());
    let twice = desk.alerts.see_to(id, Deed::Resolve, "ada");
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
    let desk = Desk::watching(&["unpriced"]);
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

    assert_eq!(desk.alerts.page(&["open"], None, 10).unwrap().len(), 1);
}

#[tokio::test]
async fn a_budget_tells_of_its_highest_threshold_once_a_window() {
    let desk = Desk::watching(&["budgets"]);
    let draft = serde_json::json!({
        "name": "Day", "amount": "10", "period": { "every": "day" },
        "thresholds": [{ "percent": 80 }, { "percent": 100 }],
    });
    let draft = serde_json::from_value(draft).unwrap();
    desk.outlay.budgets().create("day".into(), draft, "ada").unwrap();
    desk.spend("a", now() - TimeDelta::hours(1), Some("9")).await;
    assert_eq!(desk.judged().await, ["open warning: Day: 90 % of the budget is spent"]);
    desk.spend("b", now() - TimeDelta::hours(1), Some("2")).await;
    let told = desk.judged().await;
    assert_eq!(told, ["open critical: Day: 110 % of the budget is spent"], "the higher one only");

    desk.clock.advance(TimeDelta::days(1));
    assert!(desk.judged().await.is_empty(), "a new day is a new window");
}

#[tokio::test]
async fn a_day_out_of_the_usual_and_a_silence_are_told() {
    let desk = Desk::watching(&["anomalies"]);
    desk.rule("silence", serde_json::json!({ "kind": "silence", "hours": 30 }));
    for back in 1..60 {
        let cost = if back == 1 { "80".to_owned() } else { format!("{}", 10 + back % 3) };
        desk.spend(&format!("{back}"), now() - TimeDelta::days(back), Some(&cost)).await;
    }

    let told = desk.judged().await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("$80.00 on 2026-11-10"), "{told:?}");

    desk.clock.advance(TimeDelta::days(4));
    let told = desk.judged().await;
    assert_eq!(told, ["open warning: Nothing came in for 30 h"], "the spike is no news any more");
}

#[tokio::test]
async fn a_day_is_that_of_the_team() {
    let desk = Desk::of_a_team_in(Tz::Asia__Tokyo, &["anomalies"]);
    // Half past one at night in Tokyo, which is still the day before in UTC.
    let night = "2026-11-10T16:30:00Z".parse::<DateTime<Utc>>().unwrap();
    desk.clock.advance(TimeDelta::days(1));
    for back in 0..60 {
        let cost = if back == 0 { "80".to_owned() } else { format!("{}", 10 + back % 3) };
        desk.spend(&format!("{back}"), night - TimeDelta::days(back), Some(&cost)).await;
    }

    let told = desk.judged().await;

    let of_the_day = told.iter().filter(|alert| alert.contains("$80.00 on 2026-11-11"));
    assert_eq!(of_the_day.count(), 1, "{told:?}");
}

#[tokio::test]
async fn alerts_of_a_rule_that_is_gone_resolve() {
    let desk = Desk::watching(&["unpriced"]);
    desk.spend("a", now() - TimeDelta::hours(1), None).await;
    assert_eq!(desk.judged().await.len(), 1);

    desk.alerts.remove_rule("unpriced", "ada").unwrap();

    assert!(desk.judged().await.is_empty());
}
