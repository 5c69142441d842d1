//! Exports, as those who read them see them.

#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::collections::BTreeMap;
use std::ops::Deref;
use std::path::Path;

use axum::http::StatusCode;
use outlay_domain::Amount;
use serde_json::{Value, json};

/// A desk that files are fetched from.
struct Desk(common::desk::Desk);

impl Deref for Desk {
    type Target = common::desk::Desk;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl Desk {
    /// A desk with priced, stated and unpriced usage of two days.
    async fn open() -> Self {
        let desk = Self(common::desk::Desk::open().await);
        for (meter, amount) in [("input_tokens", "2.5"), ("output_tokens", "10")] {
            let price = json!({
                "provider": "openai", "model": "gpt-4-next", "meter": meter, "price": amount,
                "unit": 1_000_000, "valid_from": "2026-01-01T00:00:00Z",
            });
            let (status, answer) = desk.post("/api/v1/prices", &price).await;
            assert!(status.is_success(), "{answer}");
        }
        let event = |id: u32, day: u32, more: Value| {
            let mut event = json!({
                "id": id.to_string(), "occurred_at": format!("2026-03-0{day}T12:00:00Z"),
                "account": "acme", "provider": "openai", "model": "gpt-4-next",
                "quantities": {"input_tokens": 333, "output_tokens": 7},
            });
            event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            event
        };
        let other = json!({
            "provider": "maps", "model": "=SUM(A1)", "cost": "0.5", "quantities": {},
            "team": "search", "account": "globex",
        });
        let events = json!([
            event(1, 1, json!({})),
            event(2, 1, json!({"project": "chat"})),
            event(3, 2, json!({})),
            event(4, 2, other),
            event(5, 2, json!({"provider": "nobody", "model": "unheard-of"})),
        ]);
        desk.take_in(&events).await;
        desk
    }

    async fn bytes(&self, path: &str) -> (StatusCode, Vec<u8>) {
        self.get_as(&format!("/api/v1/{path}"), None).await
    }

    async fn get(&self, path: &str) -> (StatusCode, String) {
        let (status, body) = self.bytes(path).await;
        (status, String::from_utf8(body).unwrap())
    }

    async fn rows(&self, path: &str) -> Vec<BTreeMap<String, String>> {
        let (status, table) = self.get(path).await;
        assert_eq!(status, StatusCode::OK, "{table}");
        let mut reader = csv::Reader::from_reader(table.as_bytes());
        reader.deserialize().map(Result::unwrap).collect()
    }

    async fn spend(&self, query: &str) -> String {
        let (_, answer) = self.get(&format!("usage/total?{query}")).await;
        let answer: Value = serde_json::from_str(&answer).unwrap();
        answer["total"]["spend"].as_str().unwrap().to_owned()
    }
}

fn sum(rows: &[BTreeMap<String, String>], column: &str) -> String {
    rows.iter().map(|row| row[column].parse::<Amount>().unwrap()).sum::<Amount>().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_event_is_exported_in_every_form() {
    let desk = Desk::open().await;

    let rows = desk.rows("exports/events").await;
    assert_eq!(rows.iter().map(|row| row["id"].as_str()).collect::<String>(), "34512");
    assert_eq!(rows[1]["model"], "'=SUM(A1)", "no formula");
    assert_eq!(rows[1]["amount"], "0.5");
    assert_eq!(rows[2]["amount"], "", "unknown is not zero");
    assert_eq!(rows[2]["unpriced"], r#"{"input_tokens":333,"output_tokens":7}"#);
    let lacking: Vec<_> = rows.iter().map(|row| row["unpriced_events"].as_str()).collect();
    assert_eq!(lacking, ["0", "0", "1", "0", "0"]);
    let (_, table) = desk.get("exports/events").await;
    assert!(table.lines().next().unwrap().ends_with(",metadata,unpriced,unpriced_events"));
    let (_, lines) = desk.get("exports/events?format=ndjson&model^=gpt-4").await;
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 3);
    assert_eq!(lines[2]["amount"], "0.0009025");
    assert_eq!(lines[2]["unpriced_events"], 0);
    let (_, parquet) = desk.bytes("exports/events?format=parquet").await;
    assert_eq!((&parquet[..4], &parquet[parquet.len() - 4..]), (&b"PAR1"[..], &b"PAR1"[..]));
    let nothing = desk.rows("exports/events?from=2020-01-01&to=2020-01-02").await;
    assert!(nothing.is_empty());
    for (query, field) in
        [("format=xml", "format"), ("x=1", "x"), ("from=2026-02-01&to=2026-01-01", "from")]
    {
        let (status, refused) = desk.get(&format!("exports/events?{query}")).await;
        let refused: Value = serde_json::from_str(&refused).unwrap();
        assert_eq!((status, &refused["field"]), (StatusCode::BAD_REQUEST, &json!(field)));
        assert!(refused["remedy"].is_string(), "{refused}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn focus_costs_add_up_to_spend_and_part_it_by_token_class() {
    let desk = Desk::open().await;

    let rows = desk.rows("exports/focus").await;
    assert_eq!(sum(&rows, "BilledCost"), desk.spend("").await);
    let march_first = "from=2026-03-01&to=2026-03-02";
    let first = desk.rows(&format!("exports/focus?{march_first}")).await;
    assert_eq!(sum(&first, "BilledCost"), desk.spend(march_first).await);
    assert_eq!(first.len(), 4, "two meters, with a project and without");
    let input = first.iter().find(|row| row["SkuMeter"] == "Input Tokens").unwrap();
    for (column, expected) in [
        ("BilledCost", "0.0008325"),
        ("ListCost", "0.0008325"),
        ("BillingCurrency", "USD"),
        ("BillingPeriodStart", "2026-03-01T00:00:00Z"),
        ("BillingPeriodEnd", "2026-04-01T00:00:00Z"),
        ("ChargePeriodStart", "2026-03-01T00:00:00Z"),
        ("ChargePeriodEnd", "2026-03-02T00:00:00Z"),
        ("ChargeCategory", "Usage"),
        ("ChargeClass", ""),
        ("ConsumedQuantity", "333"),
        ("ConsumedUnit", "Tokens"),
        ("ListUnitPrice", "2.5"),
        ("PricingQuantity", "0.000333"),
        ("PricingUnit", "1000000 Tokens"),
        ("ServiceProviderName", "openai"),
        ("HostProviderName", "openai"),
        ("ServiceCategory", "AI and Machine Learning"),
        ("SkuId", "openai/gpt-4-next/Input Tokens"),
    ] {
        assert_eq!(input[column], expected, "{column}");
    }
    assert!(!input["SkuPriceId"].is_empty());
    let stated = rows.iter().find(|row| row["x_ChargeBasis"] == "stated").unwrap();
    assert_eq!((&*stated["BilledCost"], &*stated["ListUnitPrice"]), ("0.5", ""));
    assert_eq!((&*stated["SubAccountId"], &*stated["SubAccountType"]), ("search", "Team"));
    assert!(rows.iter().all(|row| row["ServiceProviderName"] != "nobody"), "no price, no row");

    let older = desk.rows("exports/focus?version=1.2&granularity=hour").await;
    assert!(
        older
            .iter()
            .all(|row| row.contains_key("ProviderName") && row.contains_key("PublisherName"))
    );
    assert!(older[0]["ChargePeriodStart"].ends_with("T12:00:00Z"));
    let (_, parquet) = desk.bytes("exports/focus?format=parquet").await;
    assert_eq!(&parquet[..4], b"PAR1");

    let (_, metadata) = desk.get("exports/focus/metadata?version=1.2").await;
    let metadata: Value = serde_json::from_str(&metadata).unwrap();
    assert_eq!(
        (&metadata["FocusVersion"], &metadata["x_UnpricedEvents"]),
        (&json!("1.2"), &json!(1))
    );
    let (status, refused) = desk.get("exports/focus?version=1.3").await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_taken_back_is_taken_back_line_by_line() {
    let desk = Desk::open().await;
    let taken_back = json!({"reason": "sent twice", "events": [{"id": "1"}]});
    let (status, answer) = desk.post("/api/v1/events/deletions", &taken_back).await;
    assert_eq!((status, &answer["amended"]), (StatusCode::OK, &json!(1)), "{answer}");

    let rows = desk.rows("exports/focus?account=acme").await;

    assert_eq!(sum(&rows, "BilledCost"), desk.spend("account=acme").await);
    assert_eq!(rows.len(), 4, "what was taken back is in no row");
    let events = desk.rows("exports/events?from=2026-03-01&to=2026-03-02").await;
    let reversal = events.iter().find(|row| row["kind"] == "reversal").unwrap();
    assert_eq!(reversal["amount"], "-0.0009025", "a number is no formula");
}

/// A price of `gpt-4-next` since the beginning of the year.
fn price(meter: &str, amount: &str) -> Value {
    json!({
        "provider": "openai", "model": "gpt-4-next", "meter": meter, "price": amount,
        "unit": 1_000_000, "valid_from": "2026-01-01T00:00:00Z",
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_charged_is_exported_as_it_was_whatever_is_set_later() {
    let desk = Desk::open().await;
    let paths = [
        "exports/focus",
        "exports/focus?version=1.2&granularity=hour",
        "exports/focus?format=parquet",
    ];
    let mut before = Vec::new();
    for path in paths {
        before.push(desk.bytes(path).await);
    }

    // Each is valid at the time of the usage, and would be charged for it today.
    for later in [price("input_tokens", "7"), price("requests", "1000000"), price("factor", "2")] {
        let (status, answer) = desk.post("/api/v1/prices", &later).await;
        assert!(status.is_success(), "{answer}");
    }
    let closed = json!({
        "id": "manual:openai/gpt-4-next:output_tokens@2026-01-01", "at": "2026-01-02T00:00:00Z",
    });
    let (status, answer) = desk.post("/api/v1/prices/close", &closed).await;
    assert_eq!(status, StatusCode::OK, "{answer}");

    for (path, before) in paths.into_iter().zip(before) {
        assert!(desk.bytes(path).await == before, "{path} changed");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_adjustment_says_what_it_changes_for_each_meter() {
    let desk = Desk::open().await;
    let usage = |rows: Vec<BTreeMap<String, String>>| -> Vec<_> {
        rows.into_iter().filter(|row| row["ChargeCategory"] == "Usage").collect()
    };
    let before = usage(desk.rows("exports/focus").await);
    // 333 tokens cost 0.0008325 of 0.0009025, and now 0.002331.
    desk.post("/api/v1/prices", &price("input_tokens", "7")).await;
    let unheard = json!({
        "provider": "nobody", "model": "unheard-of", "meter": "input_tokens", "price": "0.001",
        "valid_from": "2026-01-01T00:00:00Z",
    });
    desk.post("/api/v1/prices", &unheard).await;

    let again = json!({"all": true, "dry_run": false});
    let (status, answer) = desk.post("/api/v1/prices/rerate", &again).await;
    assert_eq!((status, &answer["changed"]), (StatusCode::OK, &json!(4)), "{answer}");

    let rows = desk.rows("exports/focus").await;
    assert_eq!(sum(&rows, "BilledCost"), desk.spend("").await);
    assert_eq!(usage(rows.clone()), before, "usage stays as it was charged");
    let adjustments: Vec<_> =
        rows.iter().filter(|row| row["ChargeCategory"] == "Adjustment").collect();
    let told = |provider: &str, project: &str, day: &str| -> Vec<(&str, &str, &str)> {
        adjustments
            .iter()
            .filter(|row| row["ServiceProviderName"] == provider && row["x_Project"] == project)
            .filter(|row| row["ChargePeriodStart"].starts_with(day))
            .map(|row| (&*row["SkuMeter"], &*row["BilledCost"], &*row["SkuPriceId"]))
            .collect()
    };
    let raised =
        [("Input Tokens", "0.0014985", "manual:openai/gpt-4-next:input_tokens@2026-01-01~2")];
    assert_eq!(told("openai", "", "2026-03-01"), raised);
    assert_eq!(told("openai", "chat", "2026-03-01"), raised);
    assert_eq!(told("openai", "", "2026-03-02"), raised);
    let priced = told("nobody", "", "2026-03-02");
    assert_eq!(priced.len(), 1, "{priced:?}");
    assert_eq!((priced[0].0, priced[0].1), ("Input Tokens", "0.333"));
    assert_eq!(adjustments.len(), 4, "no meter whose charge stays");
    assert!(adjustments.iter().all(|row| row["PricingQuantity"].is_empty()));

    let taken_back = json!({"reason": "never was", "events": [{"id": "1"}, {"id": "5"}]});
    let (status, answer) = desk.post("/api/v1/events/deletions", &taken_back).await;
    assert_eq!((status, &answer["amended"]), (StatusCode::OK, &json!(2)), "{answer}");
    let rows = desk.rows("exports/focus").await;
    assert_eq!(sum(&rows, "BilledCost"), desk.spend("").await);
    assert!(rows.iter().all(|row| row["ServiceProviderName"] != "nobody"), "{rows:?}");
    let first = rows.iter().filter(|row| row["ChargePeriodStart"].starts_with("2026-03-01"));
    assert!(first.into_iter().all(|row| row["x_Project"] == "chat"), "{rows:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn members_export_their_own_account_only() {
    let desk = Desk::open().await;
    desk.post("/api/v1/users", &json!({"id": "globex", "role": "member"})).await;
    let token = desk.token("globex", "member").await;
    for path in ["exports/events?account=acme", "exports/events", "exports/focus"] {
        let (status, table) = desk.get_as(&format!("/api/v1/{path}"), Some(&token)).await;
        let table = String::from_utf8(table).unwrap();
        assert_eq!(status, StatusCode::OK, "{table}");
        assert!(!table.contains("acme"), "{table}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_month_is_told_on_a_page_that_runs_nothing() {
    let desk = Desk::open().await;
    let nasty = json!({
        "id": "9", "occurred_at": "2026-03-05T12:00:00Z", "provider": "<script>alert(1)</script>",
        "model": "a&b", "cost": "12.345", "account": "acme",
    });
    desk.post("/api/v1/events", &nasty).await;
    let budget = json!({
        "name": "All", "amount": "20", "period": {"every": "month"}, "carries_over": true,
    });
    desk.post("/api/v1/budgets", &budget).await;

    let (status, page) = desk.get("reports/month?month=2026-03").await;

    assert_eq!(status, StatusCode::OK, "{page}");
    for text in [
        "Spend in March 2026",
        "$12.85",
        "&lt;script&gt;alert(1)&lt;/script&gt;",
        "a&amp;b",
        "One event has no known price",
        // February's 20 dollars were left, and may be spent in March.
        "<th>All</th><td>1 Mar – 31 Mar</td><td>$12.85</td><td>$40.00</td><td>32 %</td>",
        "No alert opened in this month.",
        "<svg",
    ] {
        assert!(page.contains(text), "no {text} in {page}");
    }
    assert!(!page.contains("<script"), "{page}");
    let (status, refused) = desk.get("reports/month?month=March").await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(refused.contains("2026-10"), "{refused}");
}

#[tokio::test]
async fn the_commands_write_files_and_never_over_one() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let ok = async |arguments: &[&str]| {
        let output = common::run(&data, arguments).await;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    let lines: Vec<String> = [("a", "0.5"), ("b", "1.25")]
        .map(|(id, cost)| {
            json!({
                "id": id, "occurred_at": "2026-03-05T12:00:00Z", "account": "acme",
                "provider": "maps", "model": "routes", "cost": cost,
            })
            .to_string()
        })
        .to_vec();
    std::fs::write(file("usage.jsonl"), lines.join("\n")).unwrap();
    ok(&["import", "jsonl", &file("usage.jsonl")]).await;

    let events = file("events.csv");
    ok(&["export", "events", "--filter", "provider=maps", "--out", &events]).await;
    let written = std::fs::read_to_string(&events).unwrap();
    assert_eq!(written.lines().count(), 3, "{written}");
    let again = common::run(&data, &["export", "events", "--out", &events]).await;
    assert!(!again.status.success());
    assert_eq!(std::fs::read_to_string(&events).unwrap(), written);

    ok(&["export", "focus", "--focus", "1.2", "--out", &file("focus.csv")]).await;
    let focus = std::fs::read_to_string(file("focus.csv")).unwrap();
    let mut rows = focus.lines().map(|line| line.split(',').next().unwrap());
    assert_eq!(rows.next(), Some("BilledCost"));
    let billed: Amount = rows
        .map(|cost| cost.parse::<Amount>().unwrap())
        .fold(Amount::default(), |sum, cost| sum.checked_add(cost).unwrap());
    assert_eq!(billed.to_string(), "1.75");

    ok(&["report", "--month", "2026-03", "--out", &file("march.html")]).await;
    let page = std::fs::read_to_string(file("march.html")).unwrap();
    assert!(page.contains("$1.75") && page.contains("March 2026"), "{page}");
    let none = file("none.html");
    let never = common::run(&data, &["report", "--month", "2026-13", "--out", &none]).await;
    assert!(!never.status.success());
    assert!(!Path::new(&none).exists());
}
