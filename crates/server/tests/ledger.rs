//! Credit over HTTP: a thousand callers at once, and a process that is killed among them.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use axum::http::{Method, StatusCode};
use bytes::Bytes;
use common::{Launch, Running, assert_in_order, get, post};
use outlay_domain::Amount;
use outlay_server::cli::client::Client;
use parking_lot::Mutex;
use serde_json::{Value, json};

const CALLERS: usize = 1_000;

async fn start(data: &Path) -> Running {
    Launch::on(data).start().await.unwrap()
}

async fn put(client: &Client, path: &str, body: &Value) -> (StatusCode, Value) {
    let body = Bytes::from(body.to_string());
    let (status, answer) =
        client.send(Method::PUT, path, Some("application/json"), body).await.unwrap();
    (status, serde_json::from_slice(&answer).unwrap())
}

async fn grant(client: &Client, account: &str, id: &str, amount: &str) -> (StatusCode, Value) {
    let body = json!({ "id": id, "amount": amount, "unit": "USD", "source": "purchase" });
    post(client, &format!("/api/v1/accounts/{account}/grants"), &body).await.unwrap()
}

async fn balance(client: &Client, account: &str) -> Value {
    let (status, text) = get(client, &format!("/api/v1/accounts/{account}/balance")).await.unwrap();
    assert_eq!(status, StatusCode::OK, "{text}");
    serde_json::from_str::<Value>(&text).unwrap()["units"]["USD"].clone()
}

fn nanos(text: &Value) -> i64 {
    text.as_str().unwrap().parse::<Amount>().unwrap().nanos()
}

fn folder() -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    (folder, data)
}

/// One caller: asks until told, and then captures what was held. What they were told of is noted.
async fn spend(client: Client, account: &'static str, id: usize, told: Arc<Mutex<Told>>) {
    let ask = json!({ "id": format!("call-{id}"), "account": account, "amount": "0.023" });
    let held = loop {
        match post(&client, "/api/v1/authorize", &ask).await {
            Ok((StatusCode::OK, answer)) => break answer["hold"].as_str().unwrap().to_owned(),
            Ok((StatusCode::PAYMENT_REQUIRED, answer)) => {
                assert_eq!(answer["allowed"], false, "{answer}");
                told.lock().refused += 1;
                return;
            }
            Ok((StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE, _)) => {}
            Ok((status, answer)) => panic!("{status}: {answer}"),
            // The server is gone; whoever ended it starts another one, which is asked again.
            Err(_) => {
                told.lock().open.insert(id, None);
                return;
            }
        }
    };
    told.lock().open.insert(id, Some(held.clone()));
    let path = format!("/api/v1/holds/{held}/capture");
    loop {
        match post(&client, &path, &json!({ "amount": "0.02" })).await {
            Ok((StatusCode::OK, answer)) => {
                assert_eq!(answer["amount"], "0.02");
                let mut told = told.lock();
                told.open.remove(&id);
                told.captured.insert(id);
                return;
            }
            Ok((StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE, _)) => {}
            Ok((status, answer)) => panic!("{status}: {answer}"),
            Err(_) => return,
        }
    }
}

/// What callers were told.
#[derive(Default)]
struct Told {
    refused: usize,
    captured: std::collections::BTreeSet<usize>,
    /// Those who were not told the end of it.
    open: BTreeMap<usize, Option<String>>,
}

async fn spend_all(server: &Running, ids: impl Iterator<Item = usize>, told: &Arc<Mutex<Told>>) {
    let calls: Vec<_> =
        ids.map(|id| tokio::spawn(spend(server.client(), "acme", id, told.clone()))).collect();
    for call in calls {
        call.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_callers_spend_ten_dollars_and_not_a_nano_more() {
    let (_folder, data) = folder();
    let server = start(&data).await;
    assert_eq!(grant(&server.client(), "acme", "ten", "10").await.0, StatusCode::OK);
    let told = Arc::new(Mutex::new(Told::default()));

    spend_all(&server, 0..CALLERS, &told).await;

    let told_of = |told: &Told| (told.captured.len(), told.refused);
    let (captured, refused) = told_of(&told.lock());
    assert_eq!(captured + refused, CALLERS);
    let left = balance(&server.client(), "acme").await;
    let spent = 10_000_000_000 - nanos(&left["settled"]);
    assert_eq!(spent, captured as i64 * 20_000_000, "each capture is taken once");
    assert!(nanos(&left["available"]) >= 0 && left["held"] == "0", "{left}");
    // Who asks when all others are done gets what is left, to the last whole call.
    for id in CALLERS.. {
        spend(server.client(), "acme", id, told.clone()).await;
        if told.lock().refused > refused {
            break;
        }
    }
    let left = balance(&server.client(), "acme").await;
    assert!((0..23_000_000).contains(&nanos(&left["available"])), "{left}");
    let captured = told.lock().captured.len() as i64;
    assert_eq!(nanos(&left["settled"]), 10_000_000_000 - captured * 20_000_000);
    server.stop().await;
    assert_in_order(&data).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_is_killed_among_them_loses_and_doubles_nothing() {
    let (_folder, data) = folder();
    let told = Arc::new(Mutex::new(Told::default()));
    let mut next = 0;
    for round in 0..4 {
        let server = start(&data).await;
        assert_eq!(grant(&server.client(), "acme", "ten", "10").await.0, StatusCode::OK);
        // Those who were not told ask again in the same words.
        let open: Vec<usize> = std::mem::take(&mut told.lock().open).into_keys().collect();
        let ids: Vec<usize> = open.into_iter().chain(next..next + 300).collect();
        next += 300;
        let calls: Vec<_> = ids
            .into_iter()
            .map(|id| tokio::spawn(spend(server.client(), "acme", id, told.clone())))
            .collect();
        // Some are answered and some are not.
        while told.lock().captured.len() < 60 * (round + 1) {
            tokio::task::yield_now().await;
        }
        server.kill();
        for call in calls {
            call.await.unwrap();
        }
        assert_in_order(&data).await;
    }

    let server = start(&data).await;
    let open: Vec<usize> = std::mem::take(&mut told.lock().open).into_keys().collect();
    spend_all(&server, open.into_iter(), &told).await;
    assert!(told.lock().open.is_empty());
    let left = balance(&server.client(), "acme").await;
    let captured = told.lock().captured.len() as i64;
    assert_eq!(nanos(&left["settled"]), 10_000_000_000 - captured * 20_000_000, "{left}");
    assert_eq!(left["held"], "0");
    server.stop().await;
    assert_in_order(&data).await;
}

#[tokio::test]
async fn what_cannot_be_is_refused_in_words() {
    let (_folder, data) = folder();
    let server = start(&data).await;
    let client = server.client();

    for (path, body, status, field) in [
        (
            "accounts/acme/grants",
            json!({"id": "g", "amount": "0", "unit": "USD", "source": "bonus"}),
            400,
            "amount",
        ),
        (
            "accounts/acme/grants",
            json!({"id": "g", "amount": "-1", "unit": "USD", "source": "bonus"}),
            400,
            "amount",
        ),
        (
            "accounts/acme/grants",
            json!({"id": "g", "amount": "1", "unit": "usd", "source": "bonus"}),
            400,
            "unit",
        ),
        (
            "accounts/acme/grants",
            json!({"id": "", "amount": "1", "unit": "USD", "source": "bonus"}),
            400,
            "id",
        ),
        (
            "accounts/acme/grants",
            json!({"id": "g", "amount": "1", "unit": "USD", "source": "adjustment"}),
            400,
            "source",
        ),
        (
            "accounts/acme/grants",
            json!({"id": "g", "amount": "5000000000", "unit": "USD", "source": "bonus"}),
            422,
            "amount",
        ),
        (
            "accounts/acme/grants",
            json!({"id": "g", "amount": "99999999999", "unit": "USD", "source": "bonus"}),
            400,
            "amount",
        ),
        (
            "accounts/acme/grants",
            json!({"id": "g", "amount": "1", "unit": "USD", "source": "bonus", "expires_at": "2020-01-01T00:00:00Z"}),
            400,
            "expires_at",
        ),
        ("authorize", json!({"id": "a", "account": "acme", "amount": "-1"}), 400, "amount"),
        ("authorize", json!({"id": "a", "account": "acme"}), 400, "amount"),
        (
            "authorize",
            json!({"id": "a", "account": "acme", "amount": "1", "expires_in_seconds": 0}),
            400,
            "expires_in_seconds",
        ),
        (
            "authorize",
            json!({"id": "a", "account": "acme", "provider": "openai", "model": "no-such", "input_tokens": 5, "max_output_tokens": 5}),
            422,
            "model",
        ),
        ("authorize", json!({"id": "a", "account": " acme", "amount": "1"}), 400, "account"),
    ] {
        let (told, answer) = post(&client, &format!("/api/v1/{path}"), &body).await.unwrap();
        assert_eq!((told.as_u16(), &answer["field"]), (status, &json!(field)), "{body}: {answer}");
    }
    let (status, _) = post(&client, "/api/v1/holds/h9-9/capture", &json!({})).await.unwrap();
    assert_eq!(status, StatusCode::NOT_FOUND);
    let (status, answer) =
        put(&client, "/api/v1/accounts/acme/terms", &json!({"overdraft": "floor"})).await;
    assert_eq!((status, &answer["field"]), (StatusCode::BAD_REQUEST, &json!("floor")));
    assert_eq!(balance(&client, "acme").await, Value::Null, "nothing was done");
    server.stop().await;
}

#[tokio::test]
async fn an_account_is_followed_from_its_first_grant_to_its_last_event() {
    let (_folder, data) = folder();
    let server = start(&data).await;
    let client = server.client();
    grant(&client, "acme", "ten", "10").await;
    let (status, answer) = grant(&client, "acme", "ten", "11").await;
    assert_eq!((status, &answer["field"]), (StatusCode::CONFLICT, &json!("amount")), "{answer}");
    put(&client, "/api/v1/accounts/acme/terms", &json!({"overdraft": "refuse"})).await;
    let ask = json!({
        "id": "call", "account": "acme", "provider": "openai", "model": "gpt-4o-mini",
        "input_tokens": 1_000_000, "max_output_tokens": 1_000_000,
    });
    let price = |meter: &str, amount: &str| json!({"provider": "openai", "model": "gpt-4o-mini", "meter": meter, "price": amount, "unit": 1_000_000});
    for (meter, amount) in [("input_tokens", "1"), ("output_tokens", "2")] {
        let (status, answer) =
            post(&client, "/api/v1/prices", &price(meter, amount)).await.unwrap();
        assert!(status.is_success(), "{answer}");
    }

    let (status, held) = post(&client, "/api/v1/authorize", &ask).await.unwrap();
    assert_eq!(status, StatusCode::OK, "{held}");
    assert_eq!((&held["amount"], &held["available"]), (&json!("3"), &json!("7")), "{held}");
    let event = json!({
        "id": "e", "account": "acme", "provider": "openai", "model": "gpt-4o-mini", "cost": "2.5",
        "hold": held["hold"],
    });
    let (status, answer) = post(&client, "/api/v1/events", &event).await.unwrap();
    assert_eq!((status, &answer["accepted"]), (StatusCode::OK, &json!(1)), "{answer}");
    let wrong = json!({"id": "f", "account": "acme", "cost": "8", "provider": "openai"});
    let (status, answer) = post(&client, "/api/v1/events", &wrong).await.unwrap();
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(answer["items"][0]["code"], "insufficient", "{answer}");

    let left = balance(&client, "acme").await;
    assert_eq!(left, json!({"settled": "7.5", "held": "0", "available": "7.5"}));
    let (_, text) = get(&client, "/api/v1/accounts/acme/ledger?limit=2").await.unwrap();
    let ledger: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(ledger["items"][0]["kind"], "capture", "{ledger}");
    assert_eq!(ledger["items"][0]["event"], "api/e");
    assert_eq!(ledger["items"][0]["balance"]["available"], "7.5");
    assert_eq!(ledger["items"][1]["id"], "call");
    let next = ledger["next_cursor"].as_str().unwrap();
    let path = format!("/api/v1/accounts/acme/ledger?cursor={next}");
    let (_, text) = get(&client, &path).await.unwrap();
    assert!(text.contains("\"kind\":\"grant\""), "{text}");
    for list in ["grants", "holds"] {
        let (status, text) = get(&client, &format!("/api/v1/accounts/acme/{list}")).await.unwrap();
        assert!(status.is_success() && text.contains("\"items\":[{"), "{text}");
    }
    server.stop().await;
    let checked = common::run(&data, &["check", "--json"]).await;
    let report: Value = serde_json::from_slice(&checked.stdout).unwrap();
    assert_eq!((&report["ok"], &report["ledgers"]), (&json!(true), &json!(1)), "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_is_refused_by_its_field_and_with_a_remedy() {
    let (_folder, data) = folder();
    let server = start(&data).await;
    let client = server.client();
    grant(&client, "acme", "g", "10").await;
    let ask = |more: Value| {
        let mut ask = json!({ "id": "a", "account": "acme", "amount": "1" });
        ask.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        ask
    };
    let long = "x".repeat(257);
    let tags: serde_json::Map<String, Value> =
        (0..33).map(|at| (format!("tag.t{at}"), json!("v"))).collect();
    let grants = "/api/v1/accounts/acme/grants";
    let given = |more: Value| {
        let mut given = json!({ "id": "h", "amount": "1", "unit": "USD", "source": "bonus" });
        given.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        given
    };
    let refund = "/api/v1/accounts/acme/refunds";
    let call = json!({ "provider": "openai", "model": "gpt-4o-mini", "max_output_tokens": 1 });

    for (path, body, status, field) in [
        (
            "/api/v1/authorize",
            ask(json!({ "attributes": { "team": long } })),
            400,
            "attributes.team",
        ),
        (
            "/api/v1/authorize",
            ask(json!({ "attributes": { "team": "a\nb" } })),
            400,
            "attributes.team",
        ),
        (
            "/api/v1/authorize",
            ask(json!({ "attributes": { "tag.a\nb": "c" } })),
            400,
            "attributes.tag.ab",
        ),
        ("/api/v1/authorize", ask(json!({ "attributes": tags })), 400, "attributes"),
        ("/api/v1/authorize", ask(json!({ "model": long })), 400, "model"),
        (
            "/api/v1/authorize",
            ask(json!({ "input_tokens": 1, "input_characters": 1 })),
            400,
            "input_characters",
        ),
        (
            "/api/v1/authorize",
            ask(json!({ "account": "poor", "expires_in_seconds": 901 })),
            400,
            "expires_in_seconds",
        ),
        ("/api/v1/authorize", json!({ "id": "g", "account": "acme", "amount": "1" }), 409, "id"),
        (grants, given(json!({ "source": "gift" })), 400, "source"),
        (grants, given(json!({ "source": "adjustment" })), 400, "source"),
        (
            grants,
            given(json!({ "rollover": { "max": "0", "lasts_seconds": 1 } })),
            400,
            "rollover.max",
        ),
        (refund, json!({ "id": "r", "of": 99, "reason": "no" }), 404, "of"),
        (refund, json!({ "id": "r", "of": 1, "reason": "a\u{7}b" }), 400, "reason"),
    ] {
        let (told, answer) = post(&client, path, &body).await.unwrap();
        assert_eq!((told.as_u16(), answer["field"].as_str()), (status, Some(field)), "{answer}");
        assert!(answer["remedy"].is_string(), "{answer}");
    }
    let mut twice = call;
    twice.as_object_mut().unwrap().extend(
        json!({ "id": "c", "account": "acme", "input_tokens": 1, "input_characters": 2 })
            .as_object()
            .unwrap()
            .clone(),
    );
    let (told, answer) = post(&client, "/api/v1/authorize", &twice).await.unwrap();
    assert_eq!((told.as_u16(), &answer["field"]), (400, &json!("input_characters")), "{answer}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_correction_takes_no_hold() {
    let (_folder, data) = folder();
    let server = start(&data).await;
    let client = server.client();
    let event = json!({ "id": "e", "account": "acme", "provider": "openai", "cost": "1" });
    post(&client, "/api/v1/events", &event).await.unwrap();
    let mut event = event;
    event["hold"] = json!("h1-2");
    let body = json!({ "reason": "it was less", "events": [event] });

    let (status, answer) = post(&client, "/api/v1/events/corrections", &body).await.unwrap();

    assert!(status.is_client_error(), "{status}");
    assert_eq!(answer["field"], "events[0].hold", "{answer}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cloud_event_captures_the_hold_that_its_data_names() {
    let (_folder, data) = folder();
    let server = start(&data).await;
    let client = server.client();
    grant(&client, "ce", "g", "10").await;
    let ask = json!({ "id": "call", "account": "ce", "amount": "6" });
    let (_, held) = post(&client, "/api/v1/authorize", &ask).await.unwrap();
    let event = json!({
        "specversion": "1.0", "id": "ce1", "source": "s", "type": "usage",
        "data": { "provider": "x", "model": "y", "cost": "5", "account": "ce", "hold": held["hold"] },
    });

    let body = Bytes::from(event.to_string());
    let content_type = Some("application/cloudevents+json");
    let sent = client.send(Method::POST, "/api/v1/events", content_type, body).await.unwrap();

    assert_eq!(sent.0, StatusCode::OK, "{sent:?}");
    let left = balance(&client, "ce").await;
    assert_eq!((&left["settled"], &left["held"]), (&json!("5"), &json!("0")), "{left}");
    server.stop().await;
    assert_in_order(&data).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_is_taken_for_as_many_tokens_as_it_has_characters() {
    let (_folder, data) = folder();
    let server = start(&data).await;
    let client = server.client();
    grant(&client, "acme", "g", "10").await;
    let held = async |id: &str, name: &str| {
        let ask = json!({
            "id": id, "account": "acme", "provider": "openai", "model": "gpt-4o-mini",
            name: 4_800, "max_output_tokens": 800,
        });
        let (status, answer) = post(&client, "/api/v1/authorize", &ask).await.unwrap();
        assert_eq!(status, StatusCode::OK, "{answer}");
        answer["amount"].clone()
    };

    assert_eq!(held("a", "input_characters").await, held("b", "input_tokens").await);
    assert_eq!(held("a", "input_characters").await, held("b", "input_tokens").await);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_month_is_told_over_http_and_on_the_command_line() {
    let (_folder, data) = folder();
    let server = start(&data).await;
    let client = server.client();
    grant(&client, "acme", "g", "10").await;
    let ask = json!({ "id": "a", "account": "acme", "amount": "4" });
    let (_, held) = post(&client, "/api/v1/authorize", &ask).await.unwrap();
    let path = format!("/api/v1/holds/{}/capture", held["hold"].as_str().unwrap());
    post(&client, &path, &json!({ "amount": "1.5" })).await.unwrap();
    let month = chrono::Utc::now().format("%Y-%m").to_string();

    let path = format!("/api/v1/accounts/acme/statement?period={month}");
    let (status, text) = get(&client, &path).await.unwrap();
    let told: Value = serde_json::from_str(&text).unwrap();

    assert_eq!(status, StatusCode::OK, "{told}");
    let usd = &told["units"]["USD"];
    assert_eq!(usd["opening"]["settled"], "0");
    assert_eq!(usd["closing"], json!({ "settled": "8.5", "held": "0", "available": "8.5" }));
    assert_eq!(usd["posted"]["hold"]["available"], "-4");
    assert_eq!(
        usd["posted"]["capture"],
        json!({
            "postings": 1, "settled": "-1.5", "held": "-4", "available": "2.5",
        })
    );
    for (query, field) in [("period=2026-13", "period"), ("period=2026-10&tz=Mars", "tz")] {
        let path = format!("/api/v1/accounts/acme/statement?{query}");
        let (status, text) = get(&client, &path).await.unwrap();
        let told: Value = serde_json::from_str(&text).unwrap();
        assert_eq!((status.as_u16(), &told["field"]), (400, &json!(field)), "{told}");
    }
    let said = common::run(&data, &["account", "statement", "acme"]).await;
    let said = String::from_utf8(said.stdout).unwrap();
    assert!(said.contains("before") && said.contains("capture") && said.contains("8.5"), "{said}");
    server.stop().await;
}
