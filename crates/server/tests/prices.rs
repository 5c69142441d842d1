//! Prices, as people set them and programs ask for them: the real binary on a folder of its own.
#![allow(clippy::unwrap_used)]

mod common;

use std::path::{Path, PathBuf};

use axum::http::StatusCode;
use common::{Launch, Running, get, post, run};
use serde_json::{Value, json};
use tempfile::TempDir;

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

/// A server on a folder of its own, which lasts as long as the first of them is held.
async fn house() -> (TempDir, PathBuf, Running) {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let server = serve(&data).await;
    (folder, data, server)
}

async fn quote(server: &Running, body: Value) -> Value {
    let (status, answer) = post(&server.client(), "/api/v1/prices/quote", &body).await.unwrap();
    assert_eq!(status, StatusCode::OK, "{answer}");
    answer
}

/// Sends events of 1 November, each an id and what it used, of a model that has no price.
async fn use_model(server: &Running, model: &str, events: &[(&str, Value)]) -> Value {
    let event = |(id, quantities): &(&str, Value)| {
        json!({
            "id": id, "source": "test", "account": "acme", "provider": "acme-ai", "model": model,
            "occurred_at": "2026-11-01T12:00:00Z", "quantities": quantities,
        })
    };
    let events: Vec<Value> = events.iter().map(event).collect();
    post(&server.client(), "/api/v1/events", &json!(events)).await.unwrap().1
}

async fn asked(server: &Running, path: &str) -> Value {
    serde_json::from_str(&get(&server.client(), path).await.unwrap().1).unwrap()
}

async fn november(server: &Running) -> Value {
    let path = "/api/v1/usage/total?from=2026-11-01&to=2026-11-02&measures=spend,unpriced";
    asked(server, path).await["total"].take()
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
    let (_folder, data, server) = house().await;
    let kept = use_model(&server, "vision-2", &[("1", json!({ "images": 3 }))]).await;
    assert_eq!(kept["items"][0]["cost"], Value::Null, "{kept}");

    let unpriced = asked(&server, "/api/v1/prices/unpriced").await;
    assert_eq!(unpriced["items"][0]["model"], "vision-2", "{unpriced}");

    let set = ["set", "--provider", "acme-ai", "--model", "vision-*"];
    let price = ["--meter", "images", "--price", "0.04", "--from", "2026-10-01"];
    prices(&data, &[&set[..], &price[..]].concat()).await;
    let would = prices(&data, &["rerate"]).await;
    assert_eq!(
        (&would["applied"], &would["changed"], &would["difference"]),
        (&json!(false), &json!(1), &json!("0.12"))
    );
    let done = prices(&data, &["rerate", "--apply"]).await;
    assert_eq!((&done["applied"], &done["difference"]), (&json!(true), &json!("0.12")));
    let again = prices(&data, &["rerate", "--apply"]).await;
    assert_eq!(again["changed"], 0);

    assert_eq!(november(&server).await, json!({ "spend": "0.12", "unpriced": 0 }));
    server.stop().await;
    common::assert_in_order(&data).await;
}

#[tokio::test]
async fn what_is_known_of_an_event_is_charged_and_the_rest_when_it_is_known() {
    let (_folder, data, server) = house().await;
    let set = ["set", "--provider", "acme-ai", "--model", "next", "--from", "2026-10-01"];
    let tokens = ["--meter", "input_tokens", "--price", "2"];
    prices(&data, &[&set[..], &tokens[..]].concat()).await;

    let kept =
        use_model(&server, "next", &[("1", json!({ "input_tokens": 10_000, "searches": 2 }))])
            .await;
    assert_eq!(
        (&kept["items"][0]["amount"], &kept["items"][0]["unpriced"]),
        (&json!("0.02"), &json!(true))
    );
    assert_eq!(november(&server).await, json!({ "spend": "0.02", "unpriced": 1 }));
    let events = asked(&server, "/api/v1/usage/events").await;
    let row = &events["items"][0];
    assert_eq!((&row["basis"], &row["amount"]), (&json!("partly_priced"), &json!("0.02")));
    assert_eq!(row["unpriced"], json!({ "searches": 2 }), "{row}");
    assert_eq!(row["prices"], json!(["manual:acme_ai/next:input_tokens@2026-10-01"]));
    let lacking = asked(&server, "/api/v1/prices/unpriced?meters=true").await;
    let model = &lacking["items"][0];
    assert_eq!((&model["events"], &model["partly_priced"]), (&json!(1), &json!(1)), "{lacking}");
    assert_eq!((&model["meters"], &lacking["is_cut"]), (&json!({ "searches": 2 }), &json!(false)));

    let search = ["--meter", "searches", "--price", "0.01"];
    prices(&data, &[&set[..], &search[..]].concat()).await;
    let done = prices(&data, &["rerate", "--apply"]).await;
    assert_eq!((&done["difference"], &done["priced"]), (&json!("0.02"), &json!(1)), "{done}");
    assert_eq!(november(&server).await, json!({ "spend": "0.04", "unpriced": 0 }));
    let again = prices(&data, &["rerate", "--all", "--apply"]).await;
    assert_eq!((&again["changed"], &again["difference"]), (&json!(0), &json!("0")));
    let lacking = asked(&server, "/api/v1/prices/unpriced?meters=true").await;
    assert_eq!(lacking["items"], json!([]));
    server.stop().await;
    common::assert_in_order(&data).await;
}

#[tokio::test]
async fn a_remedy_is_looked_at_and_applied_by_one_call_each() {
    let (_folder, data, server) = house().await;
    let used = json!({ "input_tokens": 1_000_000, "searches": 3, "total_tokens": 1_000_000 });
    use_model(&server, "next", &[("1", used.clone()), ("2", used)]).await;
    let lacking = asked(&server, "/api/v1/prices/unpriced?meters=true").await;
    let model = &lacking["items"][0];
    assert_eq!(model["meters"], json!({ "input_tokens": 2_000_000, "searches": 6 }), "{lacking}");
    assert_eq!(model["first_at"], "2026-11-01T12:00:00Z");

    let price = |meter: &str, price: &str, unit: i64| {
        json!({
            "provider": "acme-ai", "model": "next", "meter": meter, "price": price, "unit": unit,
            "valid_from": model["first_at"],
        })
    };
    let mut remedy = json!({
        "provider": "acme-ai", "model": "next", "dry_run": true,
        "prices": [price("input_tokens", "2.5", 1_000_000), price("searches", "0.01", 1)],
    });
    let rerate = "/api/v1/prices/rerate";
    let (_, would) = post(&server.client(), rerate, &remedy).await.unwrap();
    assert_eq!(
        (&would["applied"], &would["changed"], &would["accounts"], &would["difference"]),
        (&json!(false), &json!(2), &json!(1), &json!("5.06")),
        "{would}"
    );
    assert_eq!(november(&server).await, json!({ "spend": "0", "unpriced": 2 }));
    let set = prices(&data, &["list", "--source", "manual", "--all"]).await;
    assert_eq!(set["items"], json!([]), "a look sets nothing");

    remedy["dry_run"] = json!(false);
    let (_, done) = post(&server.client(), rerate, &remedy).await.unwrap();
    assert_eq!((&done["applied"], &done["difference"]), (&json!(true), &json!("5.06")), "{done}");
    assert_eq!(november(&server).await, json!({ "spend": "5.06", "unpriced": 0 }));

    remedy["prices"][1]["unit"] = json!(0);
    let (status, refused) = post(&server.client(), rerate, &remedy).await.unwrap();
    assert_eq!(
        (status, &refused["field"]),
        (StatusCode::BAD_REQUEST, &json!("prices[1].unit")),
        "{refused}"
    );
    server.stop().await;
}

#[tokio::test]
async fn the_command_line_says_the_very_command_that_comes_next() {
    let (_folder, data, server) = house().await;
    use_model(
        &server,
        "next",
        &[("1", json!({ "input_tokens": 1_000_000, "output_tokens": 500_000 }))],
    )
    .await;
    let set = [
        "prices",
        "set",
        "--provider",
        "acme-ai",
        "--model",
        "next",
        "--from",
        "2026-11-01",
        "--meter",
        "input_tokens",
        "--price",
        "2",
        "--meter",
        "output_tokens",
        "--price",
        "8",
    ];

    let said = run(&data, &set).await;
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    let look: Vec<&str> = said.lines().filter(|line| line.contains("prices rerate")).collect();
    assert_eq!(look.len(), 2, "{said}");
    let words = |line: &str| -> Vec<String> {
        let words = line.split_whitespace().skip(1).map(ToOwned::to_owned).collect::<Vec<_>>();
        // The folder is given by `run`.
        let at = words.iter().position(|word| word == "--data");
        let is_data = |index: usize| at.is_some_and(|at| (at..at + 2).contains(&index));
        let kept = words.into_iter().enumerate().filter(|(index, _)| !is_data(*index));
        kept.map(|(_, word)| word).collect()
    };
    let output = |line: &str| {
        let words = words(line);
        let data = data.clone();
        async move {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            String::from_utf8_lossy(&run(&data, &words).await.stdout).into_owned()
        }
    };
    let dry = output(look[0]).await;
    assert!(dry.contains("dry run: nothing was charged") && dry.contains("6 USD"), "{dry}");
    assert_eq!(november(&server).await["unpriced"], 1);
    let applied = output(look[1]).await;

    assert!(applied.contains("changed") && !applied.contains("dry run"), "{applied}");
    assert_eq!(november(&server).await, json!({ "spend": "6", "unpriced": 0 }));
    server.stop().await;
}

#[tokio::test]
async fn a_quote_reads_counts_raw_usage_answers_and_streams_alike() {
    let (_folder, _, server) = house().await;
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
    let (_folder, _, server) = house().await;
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

#[tokio::test(flavor = "multi_thread")]
async fn a_name_lists_its_maker_s_prices_first_and_pages_go_on_from_there() {
    let desk = common::desk::Desk::open().await;
    let list = async |query: String| -> (StatusCode, Value) {
        let (status, answer) = desk.get_as(&format!("/api/v1/prices?{query}"), None).await;
        (status, serde_json::from_slice(&answer).unwrap())
    };
    let named = |answer: &Value| -> Vec<(String, String)> {
        let text = |row: &Value, key: &str| row[key].as_str().unwrap().to_owned();
        let rows = answer["items"].as_array().unwrap().iter();
        rows.map(|row| (text(row, "provider"), text(row, "model"))).collect()
    };

    let (status, whole) = list("model=GPT-4o&limit=500".into()).await;
    assert_eq!(status, StatusCode::OK, "{whole}");
    assert_eq!(whole["next_cursor"], Value::Null);
    let rows = named(&whole);
    assert_eq!(rows[0], ("openai".into(), "gpt-4o".into()));
    assert_eq!(whole["items"][0]["by_maker"], true);
    let exact = rows.iter().take_while(|(_, model)| model == "gpt-4o").count();
    assert!(rows[exact..].iter().all(|(_, model)| model != "gpt-4o"), "{rows:?}");
    assert!(rows[..exact].iter().any(|(provider, _)| provider != "openai"), "resellers too");

    let mut pages = Vec::new();
    let mut cursor = String::new();
    loop {
        let (_, page) = list(format!("model=gpt-4o&limit=7&cursor={cursor}")).await;
        pages.extend(page["items"].as_array().unwrap().iter().map(|row| row["id"].clone()));
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = next.replace('%', "%25").replace('+', "%2B").replace('>', "%3E");
    }
    let all: Vec<_> =
        whole["items"].as_array().unwrap().iter().map(|row| row["id"].clone()).collect();
    assert_eq!(pages, all);
    let (status, refused) = list("model=gpt-4o&cursor=never-was".into()).await;
    assert_eq!((status, &refused["field"]), (StatusCode::BAD_REQUEST, &json!("cursor")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_price_of_a_meter_that_no_event_can_name_is_refused_wherever_it_is_set() {
    let desk = common::desk::Desk::open().await;
    let price = json!({"provider": "openai", "model": "m", "meter": "bad meter!", "price": "1"});

    let (status, refused) = desk.post("/api/v1/prices", &price).await;
    assert_eq!((status, &refused["field"]), (StatusCode::BAD_REQUEST, &json!("meter")));
    let good = merged(&price, json!({"meter": "good:meter/2"}));
    let remedy = json!({"dry_run": false, "prices": [good, price]});
    let (status, refused) = desk.post("/api/v1/prices/rerate", &remedy).await;
    assert_eq!((status, &refused["field"]), (StatusCode::BAD_REQUEST, &json!("prices[1].meter")));
    let (_, none) = desk.get_as("/api/v1/prices?source=manual", None).await;
    let none: Value = serde_json::from_slice(&none).unwrap();
    assert_eq!(none["items"], json!([]), "none of the two was set");
    let counted = json!({"provider": "openai", "model": "gpt-4o", "quantities": {"bad meter!": 1}});
    let (status, refused) = desk.post("/api/v1/prices/quote", &counted).await;
    assert_eq!((status, &refused["field"]), (StatusCode::BAD_REQUEST, &json!("quantities")));
    let unsaid = json!({"provider": "openai", "model": "gpt-4o", "quantities": {"images": null}});
    let (status, refused) = desk.post("/api/v1/prices/quote", &unsaid).await;
    assert_eq!((status, &refused["code"]), (StatusCode::BAD_REQUEST, &json!("missing")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_never_passes_for_an_object_and_a_minute_has_sixty_seconds() {
    let desk = common::desk::Desk::open().await;
    let budget = json!({
        "name": "All", "amount": "20", "period": {"every": "month"}, "thresholds": [[80]],
    });
    let (status, refused) = desk.post("/api/v1/budgets", &budget).await;
    assert_eq!((status, &refused["field"]), (StatusCode::BAD_REQUEST, &json!("thresholds[0]")));
    assert_eq!(refused["detail"], "must be an object with fields, not a list");
    let remedy = json!({"prices": [["openai", "m", "images", "1"]]});
    let (status, refused) = desk.post("/api/v1/prices/rerate", &remedy).await;
    assert_eq!((status, &refused["field"]), (StatusCode::BAD_REQUEST, &json!("prices[0]")));
    let late = json!({"from": "2026-01-31T12:00:60Z"});
    let (status, refused) = desk.post("/api/v1/prices/rerate", &late).await;
    assert_eq!((status, &refused["field"]), (StatusCode::BAD_REQUEST, &json!("from")));
    for path in ["usage/total", "exports/events", "prices/unpriced"] {
        let path = format!("/api/v1/{path}?from=2026-01-31T12:00:60Z");
        assert_eq!(desk.get_as(&path, None).await.0, StatusCode::BAD_REQUEST, "{path}");
    }
}

fn merged(one: &Value, other: Value) -> Value {
    let mut both = one.clone();
    both.as_object_mut().unwrap().extend(other.as_object().unwrap().clone());
    both
}
