//! Stories about budgets.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use outlay_domain::budgets::BudgetDraft;
use outlay_domain::imports::{ImportedBudgets, ImportedLimit, ImportedPeriod};
use outlay_domain::people::{Caller, Role};
use outlay_domain::usage::EventDraft;

use super::*;
use crate::usage::{By, Incoming};
use crate::{FrozenClock, Options};

fn now() -> DateTime<Utc> {
    "2026-11-11T12:00:00Z".parse().unwrap()
}

fn open(folder: &Path) -> Outlay {
    let options = Options { background: false, ..Options::default() };
    Outlay::open(folder, options, Arc::new(FrozenClock::at(now()))).unwrap()
}

fn draft(json: serde_json::Value) -> BudgetDraft {
    serde_json::from_value(json).unwrap()
}

/// Spends `cost` just before noon of each of the days before today, the last one yesterday, and
/// today.
async fn spend(outlay: &Outlay, provider: &str, days: i64, cost: &str) {
    let events = (0..=days).map(|back| {
        let draft = EventDraft {
            id: format!("{provider}-{back}").into(),
            source: "tests".into(),
            account: "acme".into(),
            occurred_at: Some(now() - TimeDelta::days(back) - TimeDelta::minutes(1)),
            provider: Some(provider.into()),
            stated_cost: Some(cost.parse().unwrap()),
            ..EventDraft::default()
        };
        Incoming { event: draft.accept(now()).unwrap(), time_stated: true }
    });
    outlay.journal.accept(events.collect()).await.unwrap();
}

#[tokio::test]
async fn a_budget_counts_what_its_scope_spends_in_its_window_and_looks_ahead() {
    let folder = tempfile::tempdir().unwrap();
    let outlay = open(folder.path());
    spend(&outlay, "openai", 40, "10").await;
    spend(&outlay, "other", 40, "99").await;
    let month = draft(serde_json::json!({
        "name": "OpenAI", "amount": "249", "period": { "every": "month" },
        "scope": { "provider": ["openai"] },
    }));
    let budget = outlay.budgets(By::Server("tests")).create("b".into(), month).await.unwrap();

    let status = outlay.budgets(By::Server("tests")).status(budget).await.unwrap();

    // Ten whole days of November and today.
    assert_eq!((status.spent, status.remaining), (110_000_000_000, 139_000_000_000));
    assert!((status.percent - 100.0 * 110.0 / 249.0).abs() < 1e-9);
    let outlook = status.outlook.unwrap();
    // What a day costs is spent by noon; 19 days are to come.
    assert!((outlook.expected - 300.0).abs() < 3.0, "{outlook:?}");
    assert_eq!(status.crossed_on, NaiveDate::from_ymd_opt(2026, 11, 25));
    assert_eq!(status.reached.len(), 1, "only the forecast is above 100 %: {:?}", status.reached);
}

#[tokio::test]
async fn what_was_left_of_last_month_is_carried_over_once() {
    let folder = tempfile::tempdir().unwrap();
    let outlay = open(folder.path());
    // Eleven days of October, and of November up to today.
    spend(&outlay, "openai", 21, "10").await;
    let mut month = draft(serde_json::json!({
        "name": "All", "amount": "150", "period": { "every": "month" }, "carries_over": true,
    }));
    let budgets = outlay.budgets(By::Server("tests"));
    let status = budgets.status(budgets.create("b".into(), month.clone()).await.unwrap()).await;
    let status = status.unwrap();
    assert_eq!((status.carried, status.available), (40_000_000_000, 190_000_000_000));

    month.carries_over = false;
    let status = budgets.status(budgets.change("b", month).await.unwrap()).await.unwrap();
    assert_eq!((status.carried, status.available), (0, 150_000_000_000));
}

#[tokio::test]
async fn a_hard_budget_refuses_what_would_overspend_it_and_a_soft_one_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let outlay = open(folder.path());
    spend(&outlay, "openai", 0, "9").await;
    let budgets = outlay.budgets(By::Server("tests"));
    for (id, enforcement) in [("hard", "hard"), ("soft", "soft")] {
        let day = draft(serde_json::json!({
            "name": id, "amount": "10", "period": { "every": "day" }, "enforcement": enforcement,
        }));
        budgets.create(id.into(), day).await.unwrap();
    }
    let ids = async |amount: &str| -> Vec<_> {
        let asked = budgets.refusals(amount.parse().unwrap(), BTreeMap::new());
        told(asked.await.unwrap())
    };

    assert!(ids("1").await.is_empty());
    assert_eq!(ids("1.000000001").await, ["hard"]);
}

/// The ids of the budgets that a refusal tells of.
fn told(refusals: Vec<BudgetRefusal>) -> Vec<String> {
    let id = |refusal| match refusal {
        BudgetRefusal::Told { budget, .. } => budget.id.to_string(),
        BudgetRefusal::Hidden => "hidden".to_owned(),
    };
    refusals.into_iter().map(id).collect()
}

fn hard(name: &str, scope: &serde_json::Value) -> BudgetDraft {
    draft(serde_json::json!({
        "name": name, "amount": "10", "period": { "every": "day" }, "enforcement": "hard",
        "scope": scope,
    }))
}

#[tokio::test]
async fn who_asks_before_they_spend_costs_no_look_at_budgets_of_others() {
    let folder = tempfile::tempdir().unwrap();
    let outlay = open(folder.path());
    let budgets = outlay.budgets(By::Server("tests"));
    let on = |provider: &str| serde_json::json!({ "provider": [provider] });
    budgets.create("openai".into(), hard("openai", &on("openai"))).await.unwrap();
    let ask = async |provider: &str| {
        let attributes = BTreeMap::from([("provider".to_owned(), provider.to_owned())]);
        told(budgets.refusals("11".parse().unwrap(), attributes).await.unwrap())
    };
    assert_eq!(ask("openai").await, ["openai"]);

    // One that nobody was told of, as no commit leaves it: it is not even read.
    let unread = Budget::new("groq".into(), now(), hard("groq", &on("groq"))).unwrap();
    outlay.books.write_blocking(|tx| tx.budgets().put(&unread)).unwrap();
    assert!(ask("groq").await.is_empty());
    assert_eq!(ask("openai").await, ["openai"]);

    // What is made or removed counts for the very next who ask.
    budgets.create("all".into(), hard("all", &serde_json::json!({}))).await.unwrap();
    assert_eq!(ask("openai").await, ["all", "openai"]);
    assert_eq!(ask("groq").await, ["all", "groq"]);
    budgets.remove("all").await.unwrap();
    assert_eq!(ask("openai").await, ["openai"]);
}

#[tokio::test]
async fn a_member_sees_budgets_of_their_account_and_changes_none() {
    let folder = tempfile::tempdir().unwrap();
    let outlay = open(folder.path());
    let server = outlay.budgets(By::Server("tests"));
    let on = |account: &str| serde_json::json!({ "account": [account] });
    server.create("acme".into(), hard("acme", &on("acme"))).await.unwrap();
    server.create("all".into(), hard("all", &serde_json::json!({}))).await.unwrap();
    let mut member = Caller::operator().narrowed_to(Role::Member).unwrap();
    member.account = "acme".into();

    let own = outlay.budgets(&member);

    let ids: Vec<_> = own.all().await.unwrap().into_iter().map(|one| one.id).collect();
    assert_eq!(ids, ["acme"]);
    assert_eq!(own.statuses().await.unwrap().len(), 1);
    assert!(matches!(own.one("all").await, Err(BudgetsError::Unknown(_))));
    let refused = own.refusals("11".parse().unwrap(), BTreeMap::new()).await.unwrap();
    assert_eq!(told(refused), ["acme", "hidden"]);
    let other = BTreeMap::from([("account".to_owned(), "globex".to_owned())]);
    let other = own.refusals("11".parse().unwrap(), other).await;
    assert!(matches!(other, Err(BudgetsError::OtherAccount(_))));
    assert!(matches!(own.remove("acme").await, Err(BudgetsError::Denied(_))));
    let change = own.change("acme", hard("acme", &on("acme"))).await;
    assert!(matches!(change, Err(BudgetsError::Denied(_))));
    let create = own.create("mine".into(), hard("mine", &on("acme"))).await;
    assert!(matches!(create, Err(BudgetsError::Denied(_))));
}

#[tokio::test]
async fn budgets_are_kept_changed_and_removed_with_a_trail() {
    let folder = tempfile::tempdir().unwrap();
    let outlay = open(folder.path());
    let budgets = outlay.budgets(By::Server("tests"));
    let day = draft(serde_json::json!({
        "name": "Day", "amount": "10", "period": { "every": "day" },
    }));
    let made = budgets.create("b".into(), day.clone()).await.unwrap();
    assert_eq!(budgets.create("b".into(), day.clone()).await.unwrap(), made);
    drop(outlay);

    let outlay = open(folder.path());
    let budgets = outlay.budgets(By::Server("tests"));
    assert_eq!(budgets.all().await.unwrap(), [made]);
    budgets.remove("b").await.unwrap();
    assert!(budgets.all().await.unwrap().is_empty());
    assert!(matches!(budgets.one("b").await, Err(BudgetsError::Unknown(_))));
    assert!(matches!(budgets.change("b", day).await, Err(BudgetsError::Unknown(_))));
}

#[tokio::test]
async fn a_month_has_the_budget_that_somebody_made_for_it_before_an_imported_one() {
    let folder = tempfile::tempdir().unwrap();
    let outlay = open(folder.path());
    let budgets = outlay.budgets(By::Server("tests"));
    let day = |month, day| NaiveDate::from_ymd_opt(2026, month, day).unwrap();
    let of_november = async || {
        let amount = budgets.of_month(day(11, 1), day(11, 30)).await.unwrap();
        amount.map(|amount| amount.to_string())
    };
    let limit = |id: &str, amount: &str, period| ImportedLimit {
        id: id.into(),
        amount: amount.parse().unwrap(),
        period,
        model: None,
        endpoint: None,
        description: None,
    };
    let november = ImportedPeriod::Month { year: 2026, month: 11 };
    let imported = ImportedBudgets {
        source: "old".into(),
        enabled: true,
        limits: vec![limit("each", "400", ImportedPeriod::Monthly), limit("this", "500", november)],
        thresholds: Vec::new(),
    };
    assert_eq!(of_november().await, None);

    outlay.books.write_blocking(|tx| tx.imports().put_budgets(&imported, now())).unwrap();
    assert_eq!(of_november().await.as_deref(), Some("500"));
    assert_eq!(budgets.of_month(day(12, 1), day(12, 31)).await.unwrap(), None);

    let of = |amount: &str, more: serde_json::Value| {
        let mut one = serde_json::json!({
            "name": amount, "amount": amount, "period": { "every": "month" },
        });
        one.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        draft(one)
    };
    let openai = of("1", serde_json::json!({ "scope": { "provider": ["openai"] } }));
    budgets.create("openai".into(), openai).await.unwrap();
    assert_eq!(
        of_november().await.as_deref(),
        Some("500"),
        "a budget of a part is not the month's"
    );
    let each = of("600", serde_json::json!({}));
    budgets.create("each".into(), each).await.unwrap();
    assert_eq!(of_november().await.as_deref(), Some("600"));

    budgets.remove("each").await.unwrap();
    let changed = of("700", serde_json::json!({}));
    let old = budgets.change("imported:old:each", changed).await.unwrap();
    assert!(!is_imported(&old));
    assert_eq!(of_november().await.as_deref(), Some("700"));
}
