//! LeadFactory's fixture against the totals that its writer knew.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Duration, NaiveDateTime};
use outlay_domain::Amount;
use outlay_domain::revenue::{RevenueFact, RevenueKind};
use outlay_domain::usage::{EventDraft, Meter, Status};
use serde_json::Value;

use super::budgets;
use super::database::Kind;
use super::feed::{CallsKnown, CallsRule, Feed, Options};
use super::fixtures::{Everything, berlin, drain, options, patience, unpack};
use super::revenue::RevenueFeed;
use crate::import::Zone;

fn truth() -> Value {
    serde_json::from_str(include_str!("../../../../../fixtures/leadfactory/truth.json")).unwrap()
}

/// A total of the truth, without the noise of floats.
fn exact(value: &Value) -> i64 {
    Amount::from_foreign_float(value.as_f64().unwrap()).unwrap().nanos()
}

fn import(with_costs: bool, with_calls: bool, zone: Zone) -> (Everything, Feed) {
    let folder = tempfile::tempdir().unwrap();
    let costs = unpack("cost_tracking.db", folder.path());
    let calls = unpack("gpt_usage.db", folder.path());
    let Kind::CostTracking(tracker) = costs.kind else { panic!("these are costs") };
    let rule = if with_costs { CallsRule::NotInCosts } else { CallsRule::All };
    let mut feed = Feed::new(
        with_costs.then_some((&costs, tracker, Vec::new())),
        with_calls.then_some((&calls, CallsKnown::default())),
        &patience(),
        Options { zone, calls: rule, ..options() },
    );
    let all = drain(&mut feed);
    assert_eq!(all.refused, []);
    (all, feed)
}

/// Spend and events under each key.
fn by<K: Ord>(drafts: &[EventDraft], key: impl Fn(&EventDraft) -> K) -> BTreeMap<K, (i64, u64)> {
    let mut totals = BTreeMap::new();
    for draft in drafts {
        let (nanos, count) = totals.entry(key(draft)).or_insert((0, 0));
        *nanos += draft.stated_cost.unwrap().nanos();
        *count += 1;
    }
    totals
}

fn service(draft: &EventDraft) -> String {
    draft.service.clone().unwrap().into()
}

fn local(draft: &EventDraft, zone: Zone) -> NaiveDateTime {
    zone.local(draft.occurred_at.unwrap())
}

fn day(draft: &EventDraft) -> String {
    local(draft, berlin()).date().to_string()
}

fn sum(drafts: &[EventDraft], keep: impl Fn(&EventDraft) -> bool) -> (i64, u64) {
    let kept: Vec<_> = drafts.iter().filter(|draft| keep(draft)).cloned().collect();
    by(&kept, |_| ()).remove(&()).unwrap_or_default()
}

#[test]
fn every_total_of_costs_is_right_to_the_last_digit() {
    let truth = truth();
    // The clock of the fixture was never put back, so any zone must give the same local days.
    let (all, _) = import(true, false, berlin());
    let drafts = all.drafts;

    assert_eq!(sum(&drafts, |_| true), (exact(&truth["grand_total"]), 3_977));
    assert_eq!(truth["transactions"], drafts.len());
    let amounts: BTreeSet<i64> =
        drafts.iter().map(|draft| draft.stated_cost.unwrap().nanos()).collect();
    assert_eq!(amounts.first(), Some(&exact(&truth["min_amount"])));
    assert_eq!(amounts.last(), Some(&exact(&truth["max_amount"])));

    let services = by(&drafts, service);
    assert_eq!(services.len(), truth["per_service"].as_object().unwrap().len());
    for (name, expected) in truth["per_service"].as_object().unwrap() {
        let (nanos, count) = services[name];
        assert_eq!(
            (nanos, count),
            (exact(&expected["total"]), expected["transactions"].as_u64().unwrap())
        );
        let days: BTreeSet<_> =
            drafts.iter().filter(|draft| service(draft) == *name).map(day).collect();
        assert_eq!(expected["days_with_data"], days.len());
    }

    let operations = by(&drafts, |draft| {
        (service(draft), draft.operation.as_deref().unwrap_or("unknown").to_owned())
    });
    let mut compared = 0;
    for (name, known) in truth["per_service_operation"].as_object().unwrap() {
        for (operation, expected) in known.as_object().unwrap() {
            let (nanos, count) = operations[&(name.clone(), operation.clone())];
            assert_eq!(nanos, exact(&expected["total"]), "{name} {operation}");
            assert_eq!(expected["transactions"], count, "{name} {operation}");
            compared += 1;
        }
    }
    assert_eq!(compared, operations.len());
}

#[test]
fn every_day_month_and_window_is_right_to_the_last_digit() {
    let truth = truth();
    let (all, _) = import(true, false, berlin());
    let drafts = all.drafts;

    let days = by(&drafts, day);
    assert_eq!(days.len(), truth["per_day"].as_object().unwrap().len());
    for (date, expected) in truth["per_day"].as_object().unwrap() {
        let expected = (exact(&expected["total"]), expected["transactions"].as_u64().unwrap());
        assert_eq!(days[date], expected, "{date}");
    }

    let service_days = by(&drafts, |draft| (service(draft), day(draft)));
    for (name, known) in truth["per_day_service"].as_object().unwrap() {
        for (date, expected) in known.as_object().unwrap() {
            let (nanos, _) =
                service_days.get(&(name.clone(), date.clone())).copied().unwrap_or_default();
            assert_eq!(nanos, exact(expected), "{name} {date}");
        }
    }

    let months = by(&drafts, |draft| day(draft)[..7].to_owned());
    assert_eq!(months.len(), truth["per_month"].as_object().unwrap().len());
    for (month, expected) in truth["per_month"].as_object().unwrap() {
        assert_eq!(months[month].0, exact(expected), "{month}");
    }

    for (days, window) in truth["window_totals"].as_object().unwrap() {
        let (from, to) = (window["from"].as_str().unwrap(), window["to"].as_str().unwrap());
        let inside = |draft: &EventDraft| (from..=to).contains(&day(draft).as_str());
        assert_eq!(
            sum(&drafts, inside),
            (exact(&window["total"]), window["transactions"].as_u64().unwrap()),
            "{days} days"
        );
        for (name, expected) in window["per_service"].as_object().unwrap() {
            let (nanos, _) = sum(&drafts, |draft| inside(draft) && service(draft) == *name);
            assert_eq!(nanos, exact(expected), "{days} days of {name}");
        }
    }

    let as_of: NaiveDateTime = truth["about"]["as_of"].as_str().unwrap().parse().unwrap();
    let since = |from: NaiveDateTime| {
        sum(&drafts, |draft| (from..=as_of).contains(&local(draft, berlin()))).0
    };
    let thirty_days = (as_of.date() - Duration::days(29)).into();
    assert_eq!(since(thirty_days), exact(&truth["last_30_days_total"]), "today is one of them");
    assert_eq!(since(as_of.date().into()), exact(&truth["today_total"]));
    assert_eq!(since(as_of - Duration::hours(1)), exact(&truth["last_hour_total"]));

    let mut weekdays: BTreeMap<String, BTreeMap<String, i64>> = BTreeMap::new();
    for (date, (nanos, _)) in &days {
        let weekday = date.parse::<chrono::NaiveDate>().unwrap().format("%A").to_string();
        weekdays.entry(weekday).or_default().insert(date.clone(), *nanos);
    }
    for (weekday, expected) in truth["per_weekday_mean_total"].as_object().unwrap() {
        let totals = &weekdays[weekday];
        #[allow(clippy::cast_precision_loss)]
        let mean = totals.values().sum::<i64>() as f64 / 1e9 / totals.len() as f64;
        assert!((mean - expected.as_f64().unwrap()).abs() < 1e-9, "{weekday}");
    }
}

#[test]
fn calls_beside_costs_add_what_failed_and_nothing_else() {
    let truth = truth();
    let (all, feed) = import(true, true, Zone::UTC);
    let (failed, spent): (Vec<_>, Vec<_>) =
        all.drafts.into_iter().partition(|draft| draft.source.contains("gpt_usage"));

    assert_eq!(sum(&spent, |_| true), (exact(&truth["grand_total"]), 3_977));
    assert_eq!(failed.len(), 24);
    for draft in &failed {
        assert_eq!((draft.status, draft.stated_cost), (Status::Error, Some(Amount::ZERO)));
        assert_eq!(draft.metadata.as_deref(), Some(r#"{"error":"timeout"}"#));
    }
    assert_eq!(all.left_out, 1_680);
    assert_eq!(feed.unmatched_calls(), (0, 0), "every call has its cost");
    assert_eq!(feed.clock_offset_minutes(), None);

    for (model, expected) in truth["gpt_usage"].as_object().unwrap() {
        let of_model = |draft: &&EventDraft| {
            draft.model.as_deref() == Some(model) && draft.status == Status::Ok
        };
        let tokens = |meter: Meter| -> i64 {
            let quantities = spent.iter().filter(of_model).flat_map(|draft| &draft.quantities);
            quantities.filter(|(known, _)| *known == meter).map(|(_, much)| much.whole()).sum()
        };
        assert_eq!(tokens(Meter::InputTokens), expected["input_tokens"].as_i64().unwrap());
        assert_eq!(tokens(Meter::OutputTokens), expected["output_tokens"].as_i64().unwrap());
        assert_eq!(expected["requests"], spent.iter().filter(of_model).count());
        let (nanos, _) = sum(&spent, |draft| draft.model.as_deref() == Some(model));
        assert_eq!(nanos, exact(&expected["cost"]), "{model}");
    }
    assert_eq!(sum(&spent, |draft| draft.status == Status::Blocked), (0, 1));
}

#[test]
fn calls_alone_count_what_they_cost() {
    let truth = truth();
    let (all, _) = import(false, true, Zone::UTC);

    assert_eq!(all.drafts.len(), 1_704);
    for (model, expected) in truth["gpt_usage"].as_object().unwrap() {
        let (nanos, count) = sum(&all.drafts, |draft| {
            draft.model.as_deref() == Some(model) && draft.status == Status::Ok
        });
        assert_eq!(nanos, exact(&expected["cost"]), "{model}");
        assert_eq!(expected["requests"], count, "{model}");
    }
    let operations = by(&all.drafts, |draft| draft.operation.clone().unwrap());
    assert_eq!(operations["gpt-4_completion"].1, 160, "named as in costs, failed calls included");
}

#[test]
fn costs_read_in_a_wrong_zone_are_told_from_their_calls() {
    let (_, feed) = import(true, true, berlin());

    assert_eq!(feed.unmatched_calls(), (0, 0));
    assert_eq!(feed.clock_offset_minutes(), Some(-120), "in summer, the most of the fixture");
}

#[test]
fn every_purchase_is_counted_once_in_exact_cents() {
    let truth = truth();
    let folder = tempfile::tempdir().unwrap();
    let mut kept: BTreeMap<String, RevenueFact> = BTreeMap::new();
    for name in ["purchase_metrics.db", "financial_tracking.db"] {
        let database = unpack(name, folder.path());
        let mut feed = RevenueFeed::new(&database, Vec::new(), &patience(), Zone::UTC, false);
        while let Some(parcel) = feed.next_parcel().unwrap() {
            for (_, fact) in parcel.rows {
                let fact = fact.unwrap();
                kept.entry(fact.key().into()).or_insert(fact);
            }
        }
    }

    let payments: Vec<_> = kept.values().filter(|fact| fact.kind == RevenueKind::Payment).collect();
    let expected = &truth["purchases"];
    let cents = |amount: fn(&RevenueFact) -> Amount| {
        payments.iter().map(|fact| amount(fact)).sum::<Amount>().nanos() / 10_000_000
    };
    assert_eq!(expected["count"], payments.len());
    assert_eq!(expected["gross_cents"], cents(|fact| fact.gross));
    assert_eq!(expected["net_cents"], cents(|fact| fact.net));
    assert_eq!(expected["fee_cents"], cents(|fact| fact.fee));
    for (product, expected) in expected["by_audit_type"].as_object().unwrap() {
        let of = payments.iter().filter(|fact| fact.product.as_deref() == Some(product));
        let gross: Amount = of.clone().map(|fact| fact.gross).sum();
        assert_eq!(expected["count"], of.count());
        assert_eq!(expected["gross_cents"], gross.nanos() / 10_000_000);
    }
    for (date, expected) in expected["by_day"].as_object().unwrap() {
        let of = payments.iter().filter(|fact| fact.occurred_at.date_naive().to_string() == *date);
        let gross: Amount = of.clone().map(|fact| fact.gross).sum();
        assert_eq!(expected["count"], of.count(), "{date}");
        assert_eq!(expected["gross_cents"], gross.nanos() / 10_000_000, "{date}");
    }
    let refunds = kept.values().filter(|fact| fact.kind == RevenueKind::Refund);
    assert_eq!(refunds.clone().count(), 10);
    assert_eq!(refunds.map(|fact| fact.gross).sum::<Amount>().to_string(), "-1590");
}

#[test]
fn every_budget_and_threshold_is_read() {
    let truth = truth();
    let folder = tempfile::tempdir().unwrap();
    let config = unpack("budget_config.db", folder.path());
    let costs = unpack("cost_tracking.db", folder.path());

    let (limits, refused) = budgets::read(&config, &patience(), None).unwrap().unwrap();
    assert!(refused.is_empty());
    assert!(limits.enabled);
    let expected = truth["budget_limits"].as_array().unwrap();
    assert_eq!(limits.limits.len(), expected.len());
    for (limit, expected) in limits.limits.iter().zip(expected) {
        assert_eq!(limit.amount.nanos(), exact(&expected["amount"]));
        assert_eq!(expected["period"], limit.period.word().as_str());
        assert_eq!(expected["model"].as_str(), limit.model.as_deref());
        assert_eq!(expected["endpoint"].as_str(), limit.endpoint.as_deref());
        assert_eq!(expected["description"].as_str(), limit.description.as_deref());
    }
    for threshold in &limits.thresholds {
        let expected = &truth["alert_thresholds"][threshold.level.as_str()];
        assert_eq!(threshold.part.nanos(), exact(expected));
    }
    assert_eq!(limits.thresholds.len(), 2);

    let (months, _) = budgets::read(&costs, &patience(), None).unwrap().unwrap();
    let expected = truth["monthly_budgets"].as_object().unwrap();
    assert_eq!(months.limits.len(), expected.len());
    for limit in &months.limits {
        assert_eq!(limit.amount.nanos(), exact(&expected[limit.period.word().as_str()]));
    }
}
