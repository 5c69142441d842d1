//! Prices, as people set them and programs ask for them: the real binary on a folder of its own.
#![allow(clippy::unwrap_used)]

mod common;

use std::path::Path;

use axum::http::StatusCode;
use common::{Launch, Running, get, post, run};
use serde_json::{Value, json};

/// Runs `outlay --json prices …`, which must succeed, and reads what it prints.
async fn prices(data: &Path, arguments: &[&str]) -> Value {
    let arguments = [&["--json", "prices"], arguments].concat();
    let output = run(data, &arguments).await;
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {said}");
    serde_json::from_slice(&output.stdout).unwrap()
}

async fn serve(data: &Path) -> Running {
    Launch::on(data).start().await.unwrap()
}

async fn quote(server: &Running, body: Value) -> Value {
    let (status, answer) = post(&server.client(), "/api/v1/prices/quote", &body).await.unwrap();
    assert_eq!(status, StatusCode::OK, "{answer}");
    answer
}

#[tokio::test]
async fn a_file_of_prices_is_compared_imported_listed_and_closed() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let file = folder.path().join("prices.json");
    let listing = json!({
        "house-model": {
            "litellm_provider": "mistral",
            "mode": "chat",
            "input_cost_per_token": 2e-06,
            "output_cost_per_token": 8e-06,
        },
    });
    std::fs::write(&file, listing.to_string()).unwrap();
    let file = file.to_str().unwrap();
    let from = ["--valid-from", "2026-01-01T00:00:00Z"];
    serve(&data).await.stop().await;

    let diff = prices(&data, &[&["diff", "litellm", file], &from[..]].concat()).await;
    assert_eq!((&diff["applied"], &diff["opened"]), (&json!(false), &json!(2)));
    let none = prices(&data, &["list", "--model", "house-model", "--all"]).await;
    assert_eq!(none["items"], json!([]));

    let done = prices(&data, &[&["import", "litellm", file], &from[..]].concat()).await;
    assert_eq!((&done["applied"], &done["opened"]), (&json!(true), &json!(2)));
    let again = prices(&data, &[&["import", "litellm", file], &from[..]].concat()).await;
    assert_eq!((&again["opened"], &again["unchanged"]), (&json!(0), &json!(2)));

    let listed = prices(&data, &["list", "--model", "house-model"]).await;
    let rows: Vec<_> = listed["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| format!("{} {}", row["meter"].as_str().unwrap(), row["price"].as_str().unwrap()))
        .collect();
    assert_eq!(rows, ["input_tokens 0.000002", "output_tokens 0.000008"]);

    let id = listed["items"][0]["id"].as_str().unwrap();
    prices(&data, &["close", id, "--at", "2026-02-01T00:00:00Z"]).await;
    let open = prices(&data, &["list", "--model", "house-model"]).await;
    assert_eq!(open["items"].as_array().unwrap().len(), 1);
    let twice = run(&data, &["prices", "close", id]).await;
    let said = String::from_utf8_lossy(&twice.stderr);
    assert!(!twice.status.success() && said.contains("closed already"), "{said}");
}

#[tokio::test]
async fn usage_without_a_price_is_listed_and_charged_once_there_is_one() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let server = serve(&data).await;
    let event = json!({
        "id": "1", "source": "test", "account": "acme", "provider": "acme-ai", "model": "vision-2",
        "occurred_at": "2026-11-01T12:00:00Z", "quantities": { "images": 3 },
    });
    let (_, kept) = post(&server.client(), "/api/v1/events", &json!([event])).await.unwrap();
    assert_eq!(kept["items"][0]["cost"], Value::Null, "{kept}");

    let (_, unpriced) = get(&server.client(), "/api/v1/prices/unpriced").await.unwrap();
    let unpriced: Value = serde_json::from_str(&unpriced).unwrap();
    assert_eq!(unpriced["items"][0]["model"], "vision-2", "{unpriced}");

    let set = ["set", "acme-ai", "vision-*", "images", "0.04"];
    prices(&data, &[&set[..], &["--valid-from", "2026-10-01T00:00:00Z"]].concat()).await;
    let would = prices(&data, &["rerate"]).await;
    assert_eq!(
        (&would["applied"], &would["changed"], &would["difference"]),
        (&json!(false), &json!(1), &json!("0.12"))
    );
    let done = prices(&data, &["rerate", "--apply"]).await;
    assert_eq!((&done["applied"], &done["difference"]), (&json!(true), &json!("0.12")));
    let again = prices(&data, &["rerate", "--apply"]).await;
    assert_eq!(again["changed"], 0);

    let total = "/api/v1/usage/total?from=2026-11-01&to=2026-11-02&measures=spend,unpriced";
    let (_, total) = get(&server.client(), total).await.unwrap();
    let total: Value = serde_json::from_str(&total).unwrap();
    assert_eq!(total["total"], json!({ "spend": "0.12", "unpriced": 0 }));
    server.stop().await;
    common::assert_in_order(&data).await;
}

#[tokio::test]
async fn a_quote_reads_counts_raw_usage_answers_and_streams_alike() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let server = serve(&data).await;
    let usage = json!({
        "prompt_tokens": 1_000_000,
        "completion_tokens": 100_000,
        "total_tokens": 1_100_000,
        "prompt_tokens_details": { "cached_tokens": 400_000 },
    });
    let asked = |what: Value| {
        let mut body =
            json!({ "provider": "openai", "model": "gpt-4o", "at": "2026-11-01T00:00:00Z" });
        body.as_object_mut().unwrap().extend(what.as_object().unwrap().clone());
        body
    };
    let chunk = json!({ "id": "c", "object": "chat.completion.chunk", "model": "gpt-4o",
        "choices": [], "usage": usage });
    let forms = [
        json!({ "quantities": {
            "input_tokens": 600_000, "cache_read_tokens": 400_000, "output_tokens": 100_000 } }),
        json!({ "usage": usage }),
        json!({ "response": { "id": "c", "object": "chat.completion", "model": "gpt-4o",
            "choices": [], "usage": usage } }),
        json!({ "sse": format!("data: {chunk}\n\ndata: [DONE]\n\n") }),
    ];

    for form in forms {
        // 0.6 × $2.5 + 0.4 × $1.25 + 0.1 × $10
        let answer = quote(&server, asked(form)).await;
        assert_eq!(answer["amount"], "3", "{answer}");
        assert_eq!(answer["lines"].as_array().unwrap().len(), 3, "{answer}");
    }
    let unknown = json!({ "provider": "nobody", "model": "x", "quantities": { "images": 1 } });
    let answer = quote(&server, unknown).await;
    assert_eq!(answer["amount"], Value::Null);
    assert!(answer["unpriced"]["reason"].is_string(), "{answer}");
}

#[tokio::test]
async fn what_is_wrong_with_a_price_or_a_quote_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let server = serve(&data).await;
    let price = json!({ "provider": "a", "model": "b", "meter": "images", "price": "0.1" });
    let refused = [
        ("/api/v1/prices", merged(&price, json!({ "price": "-1" })), "price"),
        ("/api/v1/prices", merged(&price, json!({ "unit": 0 })), "unit"),
        ("/api/v1/prices", merged(&price, json!({ "currency": "XYZ" })), "currency"),
        ("/api/v1/prices", merged(&price, json!({ "model": "" })), "model"),
        ("/api/v1/prices/quote", json!({ "provider": "openai", "model": "gpt-4o" }), "quantities"),
        ("/api/v1/prices/close", json!({ "id": "nobody" }), "nobody"),
    ];
    for (path, body, named) in refused {
        let (status, answer) = post(&server.client(), path, &body).await.unwrap();
        assert!(status.is_client_error(), "{path} {body}: {status} {answer}");
        assert!(answer.to_string().contains(named), "{path} {body}: {answer}");
    }
}

fn merged(one: &Value, other: Value) -> Value {
    let mut both = one.clone();
    both.as_object_mut().unwrap().extend(other.as_object().unwrap().clone());
    both
}
