//! Traces at the real router: counted once, refused in OTLP's words.

#![allow(clippy::unwrap_used)]

use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::people_tests::House;

/// What came back: the status, the headers and the body.
type Told = (StatusCode, HeaderMap, Vec<u8>);

async fn send(house: &House, key: Option<&str>, kind: &str, body: impl Into<Body>) -> Told {
    send_to(house, "/v1/traces", key, kind, body).await
}

async fn send_to(
    house: &House,
    path: &str,
    key: Option<&str>,
    kind: &str,
    body: impl Into<Body>,
) -> Told {
    let mut request = Request::builder().method(Method::POST).uri(path).header("host", "localhost");
    request = request.header(header::CONTENT_TYPE, kind);
    if let Some(key) = key {
        request = request.header(header::AUTHORIZATION, format!("Bearer {key}"));
    }
    let request = request.body(body.into()).unwrap();
    let response = house.live_router().oneshot(request).await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    (status, headers, response.into_body().collect().await.unwrap().to_bytes().to_vec())
}

/// Calls of a model, one a span, each paid for by the account beside its id.
fn calls(accounts: &[(&str, &str)]) -> String {
    let text = |key: &str, value: &str| json!({ "key": key, "value": { "stringValue": value } });
    let count = |key: &str, value: u32| json!({ "key": key, "value": { "intValue": value } });
    let one = |(id, account): &(&str, &str)| {
        json!({
            "traceId": "5b8efff798038103d269b633813fc60c",
            "spanId": id,
            "startTimeUnixNano": "1767603600000000000",
            "endTimeUnixNano": "1767603601500000000",
            "attributes": [
                text("gen_ai.operation.name", "chat"),
                text("gen_ai.provider.name", "openai"),
                text("gen_ai.request.model", "gpt-4o"),
                count("gen_ai.usage.input_tokens", 1200),
                count("gen_ai.usage.output_tokens", 300),
                text("outlay.account", account),
            ],
        })
    };
    let spans: Vec<Value> = accounts.iter().map(one).collect();
    json!({ "resourceSpans": [{ "scopeSpans": [{ "spans": spans }] }] }).to_string()
}

async fn counted(house: &House) -> Value {
    let path =
        "/api/v1/usage/total?from=2026-01-01&to=2026-02-01&measures=events,spend&source=otlp";
    house.root(Method::GET, path, Value::Null).await.body["total"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trace_that_is_sent_again_is_counted_once_and_priced_as_any_event() {
    let house = House::with(|_| {}).await;
    house.add("ada", "admin").await;
    let key = house.key("ada", &["events:write"]).await;
    let body = calls(&[("eee19b7ec3c1b171", "acme"), ("eee19b7ec3c1b172", "acme")]);

    for _ in 0..2 {
        let (status, headers, told) =
            send(&house, Some(&key), "application/json", body.clone()).await;
        assert_eq!((status, told), (StatusCode::OK, b"{}".to_vec()));
        assert_eq!(headers[header::CONTENT_TYPE], "application/json");
    }

    let asked = json!({
        "provider": "openai", "model": "gpt-4o",
        "quantities": { "input_tokens": 2400, "output_tokens": 600 },
        "at": "2026-01-05T09:00:01Z",
    });
    let quote = house.root(Method::POST, "/api/v1/prices/quote", asked).await.body;
    let total = counted(&house).await;
    assert_eq!(total["events"], 2);
    assert_eq!(total["spend"], quote["amount"]);
    assert!(quote["amount"].is_string(), "{quote}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_span_for_somebody_elses_account_is_rejected_alone() {
    let house = House::with(|_| {}).await;
    house.add("bob", "member").await;
    let key = house.key("bob", &["events:write"]).await;
    let body = calls(&[("eee19b7ec3c1b171", "bob"), ("eee19b7ec3c1b172", "acme")]);

    let (status, _, told) = send(&house, Some(&key), "application/json", body).await;

    let told: Value = serde_json::from_slice(&told).unwrap();
    assert_eq!(status, StatusCode::OK);
    assert_eq!(told["partialSuccess"]["rejectedSpans"], "1");
    let why = told["partialSuccess"]["errorMessage"].as_str().unwrap();
    assert!(why.contains("eee19b7ec3c1b172: outlay.account"), "{why}");
    assert_eq!(counted(&house).await["events"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_refuses_speaks_as_the_exporter_does() {
    let house = House::with(|_| {}).await;
    house.add("ada", "admin").await;
    let key = house.key("ada", &["events:write"]).await;
    let reader = house.key("ada", &["usage:read"]).await;
    let (json, proto) = ("application/json", "application/x-protobuf");
    let empty = "{}";
    let broken = "{\"resourceSpans\": 7}";

    for (key, kind, body, status, code) in [
        (None, json, empty, 401, 16),
        (Some("olk_unknown"), json, empty, 401, 16),
        (Some(&*reader), json, empty, 403, 7),
        (Some(&*key), json, broken, 400, 3),
        (Some(&*key), "text/csv", empty, 415, 3),
        (None, proto, "", 401, 16),
        (Some(&*key), proto, "\n", 400, 3),
    ] {
        let (told, headers, body) = send(&house, key, kind, body).await;
        assert_eq!(told.as_u16(), status, "{kind} {body:?}");
        if kind == proto {
            assert_eq!(headers[header::CONTENT_TYPE], proto);
            assert_eq!(&body[..3], [8, code, 18], "{kind} {status}");
        } else {
            assert_eq!(headers[header::CONTENT_TYPE], json);
            let body: Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(body["code"], code, "{body}");
            assert!(body["message"].as_str().unwrap().len() > 10, "{body}");
        }
    }
    let (status, _, told) = send(&house, Some(&key), proto, "").await;
    assert_eq!((status, told), (StatusCode::OK, Vec::new()));
}

#[tokio::test(flavor = "multi_thread")]
async fn too_much_is_refused_for_good_and_a_full_house_for_a_while() {
    let house = House::with(|config| {
        config.ingest.body_bytes = 1000;
        config.limits.ingest_requests_per_second = 1;
        config.limits.ingest_burst = 2;
    })
    .await;
    house.add("ada", "admin").await;
    let key = house.key("ada", &["events:write"]).await;

    let (status, ..) = send(&house, Some(&key), "application/json", " ".repeat(1001)).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);

    for _ in 0..1000 {
        let (status, headers, told) = send(&house, Some(&key), "application/json", "{}").await;
        if status == StatusCode::TOO_MANY_REQUESTS {
            assert!(headers.contains_key(header::RETRY_AFTER));
            assert_eq!(serde_json::from_slice::<Value>(&told).unwrap()["code"], 8);
            return;
        }
    }
    panic!("nobody was ever asked to wait");
}

#[tokio::test(flavor = "multi_thread")]
async fn signals_that_are_not_read_are_told_how_to_be_turned_off() {
    let house = House::with(|_| {}).await;

    for path in ["/v1/metrics", "/v1/logs"] {
        let (status, _, told) = send_to(&house, path, None, "application/json", "{}").await;
        let told: Value = serde_json::from_slice(&told).unwrap();
        assert_eq!((status.as_u16(), &told["code"]), (404, &json!(5)));
        assert!(told["message"].as_str().unwrap().contains("OTEL_METRICS_EXPORTER"), "{told}");
    }
}
