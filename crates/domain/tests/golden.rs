//! Answers of every provider, in the shapes that they really have, with what they used and cost.
//!
//! Each file under `golden/` is a list of cases. `prices.json` is the small book that they are
//! rated by.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use outlay_domain::prices::{Charged, Conditions, PriceBook, PriceRow, Priced, Rateable};
use outlay_domain::providers::{Call, Evidence, Flag, Measured, measure};
use serde_json::Value;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

fn read(path: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn book() -> PriceBook {
    let rows = read(&folder().join("prices.json"));
    let row = |(at, row): (usize, &Value)| PriceRow {
        id: format!("p{at}").into(),
        source: "golden".into(),
        provider: row["provider"].as_str().unwrap().into(),
        model: row["model"].as_str().unwrap().parse().unwrap(),
        rank: 0,
        priced: Priced::parse(row["meter"].as_str().unwrap()),
        per: 1,
        price: row["price"].as_str().unwrap().parse().unwrap(),
        currency: "USD".into(),
        charged: match row["charged"].as_str() {
            Some("once") => Charged::Once,
            _ => Charged::Each,
        },
        conditions: match row.get("conditions") {
            Some(conditions) => serde_json::from_value(conditions.clone()).unwrap(),
            None => Conditions::default(),
        },
        valid_from: None,
        valid_to: None,
        version: "1".into(),
    };
    PriceBook::new(rows.as_array().unwrap().iter().enumerate().map(row), &[])
}

fn evidence(case: &Value) -> Evidence<'_> {
    if let Some(usage) = case.get("usage") {
        Evidence::Usage(usage)
    } else if let Some(response) = case.get("response") {
        Evidence::Response(response)
    } else {
        Evidence::Stream(case["sse"].as_str().expect("usage, response or sse"))
    }
}

/// What a case came to, in the form in which it is expected, and no more than is expected.
fn outcome(book: &PriceBook, case: &Value) -> Value {
    let call = Call {
        provider: case["provider"].as_str(),
        model: case["model"].as_str(),
        request: case.get("request"),
        path: case["path"].as_str(),
        headers: &[],
    };
    let measured = match measure(&call, evidence(case)) {
        Ok(measured) => measured,
        Err(error) => return serde_json::json!({ "error": error.to_string() }),
    };
    let all = described(book, case, &measured);
    let Value::Object(expected) = &case["expect"] else { panic!("an expect in every case") };
    let always = ["quantities", "flags", "amount", "unpriced", "stated"];
    let wanted = all.into_iter().filter(|(key, value)| {
        expected.contains_key(key) || always.contains(&key.as_str()) && !is_nothing(value)
    });
    Value::Object(wanted.collect())
}

fn is_nothing(value: &Value) -> bool {
    value.is_null() || value.as_array().is_some_and(Vec::is_empty)
}

fn described(
    book: &PriceBook,
    case: &Value,
    measured: &Measured,
) -> serde_json::Map<String, Value> {
    let at: DateTime<Utc> = case["at"].as_str().unwrap_or("2026-11-20T12:00:00Z").parse().unwrap();
    let quotes = measured.models.iter().map(|model| {
        book.quote(&Rateable {
            provider: Some(&measured.provider),
            model: Some(model),
            quantities: &measured.quantities,
            parameters: &measured.parameters,
            at,
            stated: measured.stated,
        })
    });
    let quotes: Vec<_> = quotes.collect();
    let quote = quotes.iter().find(|quote| quote.amount.is_some()).or(quotes.first()).unwrap();
    let quantities: BTreeMap<_, _> =
        measured.quantities.iter().map(|(meter, n)| (meter.name().to_owned(), n)).collect();
    let json = serde_json::json!({
        "provider": measured.provider,
        "models": measured.models,
        "quantities": quantities,
        "flags": measured.flags.iter().map(Flag::describe).collect::<Vec<_>>(),
        "stated": measured.stated,
        "amount": quote.amount,
        "unpriced": quote.unpriced.as_ref().map(outlay_domain::prices::Unpriced::code),
    });
    match json {
        Value::Object(fields) => fields,
        _ => unreachable!("an object was made"),
    }
}

#[test]
fn every_provider_s_answers_are_read_and_priced_exactly() {
    let book = book();
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.file_name().is_some_and(|name| name != "prices.json"));
    files.sort();
    let mut wrong = Vec::new();
    let mut right = 0;
    for file in &files {
        for case in read(file).as_array().unwrap() {
            let outcome = outcome(&book, case);
            if outcome == case["expect"] {
                right += 1;
            } else {
                let name = file.file_stem().unwrap().to_string_lossy().into_owned();
                wrong.push(format!(
                    "{name}: {}\n  is   {outcome}\n  not  {}",
                    case["name"], case["expect"]
                ));
            }
        }
    }

    assert!(wrong.is_empty(), "{right} right, {} wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(files.len() >= 15 && right >= 70, "{right} cases in {} files", files.len());
}
