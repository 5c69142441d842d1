//! Calls of many providers, rated as LiteLLM's own calculator rates them.
//!
//! `litellm/README.md` says where the figures are from.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use chrono::{DateTime, Utc};
use outlay_domain::prices::{MANUAL_SOURCE, PriceBook, PriceRow};
use outlay_domain::usage::ChargeBasis;
use outlay_engine::prices::import::litellm;
use outlay_engine::prices::quote::{QuoteRequest, Quoted, Used, quote};
use outlay_engine::prices::weigh::weigh;
use serde_json::Value;

fn read(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/litellm");
    std::fs::read_to_string(folder.join(name)).unwrap()
}

/// LiteLLM's prices.
fn book() -> PriceBook {
    let rows = weigh(&litellm::read(&read("prices.json")).unwrap(), &[], None).opened;
    PriceBook::new(rows, &[MANUAL_SOURCE.into(), "litellm".into()])
}

fn request(case: &Value) -> QuoteRequest {
    let text = |key: &str| case[key].as_str().map(Into::into);
    let used = match case.get("response") {
        Some(response) => Used::Response(response.clone()),
        None => Used::Usage(case["usage"].clone()),
    };
    let parameters = case["parameters"].as_object().into_iter().flatten();
    QuoteRequest {
        provider: text("provider"),
        model: text("model"),
        used,
        request: None,
        path: None,
        parameters: parameters
            .map(|(name, value)| (name.as_str().into(), value.as_str().unwrap().into()))
            .collect(),
        at: at(),
    }
}

/// When LiteLLM was asked.
fn at() -> DateTime<Utc> {
    "2026-11-21T18:05:00Z".parse().unwrap()
}

fn told(quoted: &Quoted) -> String {
    let amount = quoted.quote.amount.map_or("none".to_owned(), |amount| amount.to_string());
    match quoted.quote.basis {
        ChargeBasis::Rated => amount,
        basis => format!("{amount}, {}: {:?}", basis.as_str(), quoted.quote.unpriced),
    }
}

#[test]
fn every_call_costs_what_litellm_says() {
    let book = book();
    let cases: Vec<Value> = serde_json::from_str(&read("cases.json")).unwrap();
    let mut wrong = Vec::new();
    for case in &cases {
        let said = match quote(&book, &request(case)) {
            Ok(quoted) => told(&quoted),
            Err(error) => error.to_string(),
        };
        if said != case["amount"].as_str().unwrap() {
            wrong.push(format!("{}\n  is  {said}\n  not {}", case["name"], case["amount"]));
        }
    }

    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
    assert!(cases.len() >= 150, "{} cases", cases.len());
}

#[test]
fn a_tier_counts_at_its_own_price_where_another_source_decides_without_one() {
    let plain = |row: &PriceRow| row.conditions.is_empty();
    let rows = weigh(&litellm::read(&read("prices.json")).unwrap(), &[], None).opened;
    let first = rows.iter().filter(|row| plain(row)).cloned().map(|row| PriceRow {
        id: format!("first:{}", row.id).into(),
        source: "first".into(),
        ..row
    });
    let book = PriceBook::new(
        first.chain(rows.iter().cloned()).collect::<Vec<_>>(),
        &["first".into(), "litellm".into()],
    );
    let cases: Vec<Value> = serde_json::from_str(&read("cases.json")).unwrap();
    let tiered = cases.iter().filter(|case| case["response"]["serviceTier"].is_object());

    let mut looked_at = 0;
    for case in tiered {
        let quoted = quote(&book, &request(case)).unwrap();
        assert_eq!(told(&quoted), case["amount"].as_str().unwrap(), "{}", case["name"]);
        looked_at += 1;
    }
    assert!(looked_at >= 4, "{looked_at} cases with a tier");
}
