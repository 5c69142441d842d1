//! The door for usage events, as senders see it.

#![allow(clippy::unwrap_used, missing_docs)]

use std::io::Write;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use axum::{Extension, Router};
use http_body_util::BodyExt;
use outlay_server::auth::LocalTrust;
use outlay_server::startup::{Purpose, Server};
use serde_json::{Value, json};
use tower::ServiceExt;

struct Door {
    router: Router,
    _folder: tempfile::TempDir,
}

impl Door {
    async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::open(folder.path(), Purpose::Command).await.unwrap();
        Self { router: server.router().layer(Extension(LocalTrust)), _folder: folder }
    }

    async fn send(&self, headers: &[(&str, &str)], body: impl Into<Body>) -> (StatusCode, Value) {
        let mut request = Request::post("/api/v1/events");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response =
            self.router.clone().oneshot(request.body(body.into()).unwrap()).await.unwrap();
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
    }

    async fn send_json(&self, body: &Value) -> (StatusCode, Value) {
        self.send(&[("content-type", "application/json")], body.to_string()).await
    }
}

fn event(id: &str) -> Value {
    json!({"id": id, "service": "search", "cost": "0.25", "occurred_at": "2026-01-05T10:00:00Z"})
}

fn outcomes(answer: &Value) -> Vec<&str> {
    answer["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["outcome"].as_str().unwrap())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_event_does_not_touch_its_neighbours() {
    let door = Door::open().await;

    let (status, answer) = door
        .send_json(&json!([event("a"), {"id": "b"}, 7, event("a"), {"id": "c", "service": 1}]))
        .await;

    assert_eq!(status, StatusCode::OK);
    assert_eq!(outcomes(&answer), ["accepted", "refused", "refused", "repeated", "refused"]);
    assert_eq!(answer["items"][0]["amount"], "0.25");
    assert_eq!(answer["items"][1]["field"], "provider");
    assert_eq!(answer["items"][4]["field"], "service");
    assert_eq!(
        (&answer["accepted"], &answer["repeated"], &answer["refused"]),
        (&json!(1), &json!(1), &json!(3))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_tags_or_quantities_are_the_fault_of_their_event_alone() {
    let door = Door::open().await;
    let many = |value: Value| -> Value {
        (0..33).map(|at| (format!("name{at}"), value.clone())).collect()
    };
    let (mut tagged, mut metered) = (event("b"), event("c"));
    tagged["tags"] = many(json!("x"));
    metered["quantities"] = many(json!(1));

    let (status, answer) = door.send_json(&json!([event("a"), tagged, metered])).await;

    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(outcomes(&answer), ["accepted", "refused", "refused"]);
    assert_eq!(answer["items"][1]["field"], "tags");
    assert_eq!(answer["items"][2]["field"], "quantities");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_cloud_event_with_too_many_tags_is_refused_and_its_neighbours_are_kept() {
    let door = Door::open().await;
    let envelope = |id: &str, tags: usize| {
        let tags: Value = (0..tags).map(|at| (format!("name{at}"), json!("x"))).collect();
        json!({"specversion": "1.0", "id": id, "source": "/apps/search", "type": "llm.call",
               "data": {"service": "search", "cost": "0.25", "tags": tags}})
    };

    let batched = ("content-type", "application/cloudevents-batch+json");
    let batch = json!([envelope("a", 32), envelope("b", 33), ["c"], envelope("d", 0)]);
    let (status, answer) = door.send(&[batched], batch.to_string()).await;

    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(outcomes(&answer), ["accepted", "refused", "refused", "accepted"]);
    let refused = &answer["items"][1];
    assert_eq!((&refused["id"], &refused["field"]), (&json!("b"), &json!("data.tags")));
    assert_eq!(refused["code"], "too_large");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_never_passes_for_an_event() {
    let door = Door::open().await;
    // The fields of an event in the order in which the program has them.
    let list = json!(["b", "test", "2026-01-05T10:00:00Z", "acme", null, "openai"]);

    let (status, answer) = door.send_json(&json!([event("a"), list.clone()])).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(outcomes(&answer), ["accepted", "refused"]);
    assert_eq!(answer["items"][1]["detail"], "must be an object with fields, not a list");

    let (_, answer) = door.send_json(&json!([list])).await;
    assert_eq!(outcomes(&answer), ["refused"]);
    let (_, answer) = door.send_json(&json!([1])).await;
    assert_eq!(answer["items"][0]["detail"], "must be an object with fields, not 1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_line_is_told_with_its_own_number() {
    let door = Door::open().await;
    let ndjson = ("content-type", "application/x-ndjson");
    let lines = format!("{}\r\n\n  nonsense\n{}\n{{\"id\":}}", event("a"), event("b"));

    let (status, answer) = door.send(&[ndjson], lines).await;

    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(outcomes(&answer), ["accepted", "refused", "accepted", "refused"]);
    let told = |at: usize| answer["items"][at]["detail"].as_str().unwrap();
    assert!(told(1).contains("(line 3, column 2)"), "{}", told(1));
    assert!(told(3).contains("(line 5, column 7)"), "{}", told(3));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_is_no_text_does_not_touch_its_neighbours() {
    let door = Door::open().await;
    let ndjson = ("content-type", "application/x-ndjson");
    let bad = b"{\"id\":\"x\",\"service\":\"caf\xe9\"}";
    let (first, last) = (event("a").to_string(), event("b").to_string());
    let lines = [first.as_bytes(), bad, last.as_bytes()];

    let (status, answer) = door.send(&[ndjson], lines.join(&b'\n')).await;

    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(outcomes(&answer), ["accepted", "refused", "accepted"]);
    assert_eq!(answer["items"][1]["code"], "malformed");
    let detail = answer["items"][1]["detail"].as_str().unwrap();
    assert!(detail.contains("UTF-8 (line 2, column 25)"), "{detail}");
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_with_blanks_around_them_are_refused_and_never_merged() {
    let door = Door::open().await;
    let of = |id: &str, field: &str, name: &str| {
        let mut event = event(id);
        event[field] = json!(name);
        event
    };

    let events = json!([
        of("a", "account", "al"),
        of("a", "account", "AL"),
        of("a", "account", "al "),
        of("b", "subject", "\tal"),
        of("c", "subject", " al"),
    ]);
    let (status, answer) = door.send_json(&events).await;

    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(outcomes(&answer), ["accepted", "accepted", "refused", "refused", "refused"]);
    let fields: Vec<_> = (2..5).map(|at| answer["items"][at]["field"].as_str().unwrap()).collect();
    assert_eq!(fields, ["account", "subject", "subject"]);
    let (status, answer) = door.send_json(&of("a", "account", "al ")).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quantity_of_null_is_not_said_and_what_says_nothing_is_unpriced() {
    let door = Door::open().await;
    let used = |id: &str, quantities: Value| {
        json!({"id": id, "provider": "openai", "model": "gpt-4o", "quantities": quantities,
               "occurred_at": "2026-01-05T10:00:00Z"})
    };

    let events = json!([
        used("a", json!({"input_tokens": null})),
        used("b", json!({})),
        used("c", json!({"input_tokens": 0})),
        used("d", json!({"input_tokens": null, "output_tokens": 1000})),
    ]);
    let (_, answer) = door.send_json(&events).await;

    let told: Vec<_> = answer["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| (item["amount"].as_str(), item["unpriced"].as_bool()))
        .collect();
    let unpriced = (None, Some(true));
    assert_eq!(told, [unpriced, unpriced, (Some("0"), None), (Some("0.01"), None)], "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn when_nothing_was_kept_the_status_says_so() {
    let door = Door::open().await;
    door.send_json(&event("a")).await;
    let mut changed = event("a");
    changed["cost"] = json!("0.5");

    let (conflict, answer) = door.send_json(&changed).await;
    let (refused, _) = door.send_json(&json!({"id": "b"})).await;
    let (repeated, _) = door.send_json(&event("a")).await;

    assert_eq!(
        (conflict, refused, repeated),
        (StatusCode::CONFLICT, StatusCode::UNPROCESSABLE_ENTITY, StatusCode::OK)
    );
    assert_eq!(answer["items"][0]["field"], "cost");
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_and_compressed_bodies_are_taken() {
    let door = Door::open().await;
    let lines = format!("{}\n\n{}\n", event("a"), event("b"));
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(lines.as_bytes()).unwrap();
    let gzip = gzip.finish().unwrap();
    let zstd = zstd::encode_all(lines.as_bytes(), 1).unwrap();
    let ndjson = ("content-type", "application/x-ndjson");

    let (_, plain) = door.send(&[ndjson], lines).await;
    let (_, gzipped) = door.send(&[ndjson, ("content-encoding", "gzip")], gzip).await;
    let (_, zstandard) = door.send(&[ndjson, ("content-encoding", "zstd")], zstd).await;

    assert_eq!(outcomes(&plain), ["accepted", "accepted"]);
    assert_eq!(outcomes(&gzipped), ["repeated", "repeated"]);
    assert_eq!(outcomes(&zstandard), ["repeated", "repeated"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn cloud_events_come_structured_batched_and_binary() {
    let door = Door::open().await;
    let envelope = |id: &str| {
        json!({"specversion": "1.0", "id": id, "source": "/apps/search", "type": "llm.call",
               "time": "2026-01-05T10:00:00Z", "data": {"service": "search", "cost": "0.25"}})
    };

    let structured = ("content-type", "application/cloudevents+json");
    let (_, one) = door.send(&[structured], envelope("a").to_string()).await;
    let batched = ("content-type", "application/cloudevents-batch+json");
    let (_, many) =
        door.send(&[batched], json!([envelope("a"), envelope("b"), {"id": "c"}]).to_string()).await;
    let binary = [
        ("content-type", "application/json"),
        ("ce-id", "b"),
        ("ce-source", "/apps/search"),
        ("ce-specversion", "1.0"),
        ("ce-type", "llm.call"),
        ("ce-time", "2026-01-05T10:00:00Z"),
    ];
    let (_, headers) = door.send(&binary, r#"{"service":"search","cost":"0.25"}"#).await;

    assert_eq!(outcomes(&one), ["accepted"]);
    assert_eq!(outcomes(&many), ["repeated", "accepted", "refused"]);
    assert_eq!(outcomes(&headers), ["repeated"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_not_what_it_says_is_refused_in_words() {
    let door = Door::open().await;
    let json_type = ("content-type", "application/json");
    let codes = |(status, answer): (StatusCode, Value)| {
        (status.as_u16(), answer["code"].as_str().map(str::to_owned))
    };

    let many: Vec<_> = (0..10_001).map(|number| event(&number.to_string())).collect();

    assert_eq!(codes(door.send(&[json_type], "").await), (400, Some("missing".into())));
    assert_eq!(codes(door.send(&[json_type], "[{").await), (400, Some("malformed".into())));
    assert_eq!(
        codes(door.send(&[json_type], vec![b'{', 0xff]).await),
        (400, Some("malformed".into()))
    );
    assert_eq!(
        codes(door.send(&[json_type, ("content-encoding", "gzip")], "plain").await),
        (400, Some("malformed".into()))
    );
    assert_eq!(
        codes(door.send(&[("content-type", "image/png")], "x").await),
        (415, Some("unsupported".into()))
    );
    assert_eq!(codes(door.send_json(&many.into()).await), (413, Some("too_large".into())));
}
