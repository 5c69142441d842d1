//! Callers with the least rights and the worst intent, beside a sender who does as they should.
//!
//! Each attack took the server down once, or away from everybody. What is measured of it, and how
//! much slower the sender becomes, is in `make bench`.

#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::http::{Method, StatusCode};
use bytes::Bytes;
use common::load::Load;
use common::{Launch, Running, assert_in_order, get, run};
use flate2::Compression;
use flate2::write::GzEncoder;
use outlay_server::cli::client::Client;
use serde_json::{Value, json};

/// A server, and how to reach it from outside.
struct Target {
    server: Running,
    address: String,
    folder: tempfile::TempDir,
}

impl Target {
    async fn start(settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let launch = settings.iter().fold(Launch::on(&data), |launch, (name, value)| {
            launch.with(&format!("OUTLAY_{name}"), value)
        });
        let server = launch.start().await.unwrap();
        let address = server.address().await;
        Self { server, address, folder }
    }

    async fn caller(&self, user: &str, role: &str) -> Caller {
        let data = self.folder.path().join("data");
        let made = run(&data, &["token", "--user", user, "--role", role]).await;
        let token = String::from_utf8(made.stdout).unwrap().trim().to_owned();
        assert!(!token.is_empty(), "{}", String::from_utf8_lossy(&made.stderr));
        outlay_server::tls::install();
        Caller { url: format!("http://{}", self.address), token, http: reqwest::Client::new() }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        stream
    }

    /// What is answered to these bytes, until the server ends the connection.
    fn say(&self, bytes: &[u8]) -> String {
        let mut stream = self.connect();
        stream.write_all(bytes).unwrap();
        let mut answer = String::new();
        // A connection that is reset has said what it said.
        let _ = stream.read_to_string(&mut answer);
        answer
    }

    /// The most memory that the server ever had, in bytes.
    fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.server.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    }
}

/// Somebody with a token.
struct Caller {
    url: String,
    token: String,
    http: reqwest::Client,
}

impl Caller {
    async fn send(&self, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> (u16, Value) {
        let mut request = self.http.post(format!("{}{path}", self.url)).bearer_auth(&self.token);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.body(body).send().await.unwrap();
        let status = response.status().as_u16();
        (status, serde_json::from_slice(&response.bytes().await.unwrap()).unwrap_or_default())
    }

    async fn post(&self, path: &str, body: impl Into<Vec<u8>>) -> (u16, Value) {
        self.send(path, &[("content-type", "application/json")], body.into()).await
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        let request = self.http.get(format!("{}{path}", self.url)).bearer_auth(&self.token);
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        (status, serde_json::from_slice(&response.bytes().await.unwrap()).unwrap_or_default())
    }
}

fn packed(text: &str) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::best());
    packer.write_all(text.as_bytes()).unwrap();
    packer.finish().unwrap()
}

/// So many fields of an object, each with the same value.
fn fields(count: usize, value: &str) -> String {
    let fields: Vec<_> = (0..count).map(|at| format!("\"k{at}\":{value}")).collect();
    fields.join(",")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_is_answered_whatever_others_send() {
    let target = Target::start(&[]).await;
    let (load, stop) = (Load::new(7), Arc::new(AtomicBool::new(false)));
    let alice = target.caller("alice", "admin").await;
    let own = Client::remote(&alice.url, Some(alice.token.clone())).unwrap();
    let sending = tokio::spawn(load.clone().send_until(own, stop.clone()));
    let mallory = target.caller("mallory", "member").await;
    let before = target.memory();

    nothings(&mallory).await;
    oversized_events(&mallory).await;
    oversized_quotes(&mallory).await;
    questions_with_too_much_in_them(&mallory).await;

    // Thirty-two megabytes of one body, unpacked, and what everything else takes meanwhile.
    let grown = target.memory().saturating_sub(before);
    assert!(grown < 200 << 20, "{} MB", grown >> 20);
    stop.store(true, Ordering::Relaxed);
    sending.await.unwrap();
    let client = target.server.client();
    assert!(load.events() > 0);
    assert!(load.send_open(&client).await);
    load.assert_kept(&client).await;
    let Target { server, folder, .. } = target;
    server.stop().await;
    assert_in_order(&folder.path().join("data")).await;
}

/// Millions of empty objects in a few bytes.
async fn nothings(mallory: &Caller) {
    let json = [("content-type", "application/json"), ("content-encoding", "gzip")];
    let bomb = packed(&format!("[{}{{}}]", "{},".repeat(11_000_000)));
    assert!(bomb.len() < 64 * 1024);
    let (status, answer) = mallory.send("/api/v1/events", &json, bomb).await;
    assert_eq!((status, &answer["code"]), (413, &json!("too_large")), "{answer}");

    let lines = [("content-type", "application/x-ndjson"), ("content-encoding", "gzip")];
    let bomb = packed(&"{}\n".repeat(10_000_000));
    assert_eq!(mallory.send("/api/v1/events", &lines, bomb).await.0, 413);

    let clouds = [("content-type", "application/cloudevents-batch+json"), json[1]];
    let bomb = packed(&format!("[{}{{}}]", "{},".repeat(10_000_000)));
    assert_eq!(mallory.send("/api/v1/events", &clouds, bomb).await.0, 413);

    let larger = packed(&" ".repeat(64 << 20));
    assert_eq!(mallory.send("/api/v1/events", &json, larger).await.0, 413);
    let odd = [("content-type", "application/json"), ("content-encoding", "br")];
    let (status, answer) = mallory.send("/api/v1/events", &odd, Vec::new()).await;
    assert_eq!((status, &answer["field"]), (415, &json!("Content-Encoding")), "{answer}");
}

/// Events with more in them than an event has.
async fn oversized_events(mallory: &Caller) {
    let whole = |extra: &str| format!(r#"{{"id":"x","service":"s","cost":"1",{extra}}}"#);
    for (field, value) in [("tags", "\"v\""), ("quantities", "1")] {
        let event = whole(&format!("\"{field}\":{{{}}}", fields(500_000, value)));
        let (status, answer) = mallory.post("/api/v1/events", event).await;
        let item = &answer["items"][0];
        assert_eq!((status, &item["code"]), (422, &json!("too_large")), "{field}");
        assert_eq!(item["field"], json!(field));
    }
    let deep = whole(&format!("\"metadata\":{{\"a\":{}{}}}", "[".repeat(9_000), "]".repeat(9_000)));
    assert_eq!(mallory.post("/api/v1/events", deep).await.0, 422);
}

/// Quotes whose work grew with the square of what was sent.
async fn oversized_quotes(mallory: &Caller) {
    let meters = format!(r#"{{"provider":"openai","quantities":{{{}}}}}"#, fields(100_000, "1"));
    let (status, answer) = mallory.post("/api/v1/prices/quote", meters).await;
    assert_eq!((status, &answer["field"]), (413, &json!("quantities")), "{answer}");

    let stream = json!({"provider": "openai", "sse": "data:[\ndata:1,\n".repeat(100_000)});
    assert_eq!(mallory.post("/api/v1/prices/quote", stream.to_string()).await.0, 400);

    let objects =
        format!(r#"{{"provider":"openai","response":[{}0]}}"#, r#"{"":0},"#.repeat(200_000));
    assert_eq!(mallory.post("/api/v1/prices/quote", objects).await.0, 413);
    let deep = format!(r#"{{"usage":{}{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(mallory.post("/api/v1/prices/quote", deep).await.0, 413);
}

async fn questions_with_too_much_in_them(mallory: &Caller) {
    let filters: String = (0..4_000).map(|at| format!("tag.k{at}=v&")).collect();
    assert_eq!(mallory.get(&format!("/api/v1/usage/total?{filters}")).await.0, 400);
    let by: String = (0..5_000).map(|at| format!("tag.k{at},")).collect();
    assert_eq!(mallory.get(&format!("/api/v1/usage/breakdown?by={by}")).await.0, 400);

    for date in ["%2B262142-12-31", "-262143-01-01", "%2B262142-12-31T23:59:59Z"] {
        let path = format!("/api/v1/usage/total?from={date}&tz=Pacific/Kiritimati");
        assert_eq!(mallory.get(&path).await.0, 400, "{date}");
        let path = format!("/api/v1/prices/unpriced?from={date}");
        assert_eq!(mallory.get(&path).await.0, 400, "{date}");
    }
    let cursor = r#"[-9223372036854775808,9223372036854775807,"s","i","usage",4294967295]"#;
    let cursor = base64(cursor.as_bytes());
    let (status, answer) = mallory.get(&format!("/api/v1/usage/events?cursor={cursor}")).await;
    assert_eq!((status, &answer["field"]), (400, &json!("cursor")), "{answer}");
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_door_that_falls_shut_is_told_of_and_opened_again() {
    const QUESTION: &[u8] =
        b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";
    let target = Target::start(&[("FAILPOINT", "serving.accepted:3:panic")]).await;
    let owner = target.server.client();
    let ready_with = async |wanted: StatusCode| {
        loop {
            let (status, answer) = get(&owner, "/readyz").await.unwrap();
            if status == wanted {
                return answer;
            }
            tokio::task::yield_now().await;
        }
    };
    ready_with(StatusCode::OK).await;

    for _ in 0..3 {
        assert_eq!(target.say(QUESTION), "", "whoever comes in then is not answered");
    }
    // The owner's door is another, and still open.
    let unready = ready_with(StatusCode::SERVICE_UNAVAILABLE).await;
    assert!(unready.contains("doors.http"), "{unready}");

    let answer = target.say(QUESTION);
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    ready_with(StatusCode::OK).await;
    let (_, system) = get(&owner, "/api/v1/system").await.unwrap();
    let system: Value = serde_json::from_str(&system).unwrap();
    let tasks = system["tasks"].as_array().unwrap();
    let door = tasks.iter().find(|task| task["name"] == "doors.http").unwrap();
    assert_eq!((&door["state"], &door["panics_total"]), (&json!("ok"), &json!(3)));
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_nobody_uses_give_way_to_those_who_ask() {
    let target = Target::start(&[("LIMITS_CONNECTIONS", "64")]).await;
    let idle: Vec<TcpStream> = (0..300).map(|_| target.connect()).collect();

    let alice = target.caller("alice", "admin").await;
    for number in 0..20 {
        let event = json!({"id": number.to_string(), "service": "s", "cost": "1"});
        assert_eq!(alice.post("/api/v1/events", event.to_string()).await.0, 200);
    }
    let answer =
        target.say(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    drop(idle);
    target.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_slow_on_purpose_is_not_waited_for() {
    let settings =
        [("LIMITS_HEAD_SECONDS", "1"), ("LIMITS_BODY_SECONDS", "1"), ("LIMITS_IDLE_SECONDS", "1")];
    let target = Target::start(&settings).await;
    let begun = "Host: localhost\r\nContent-Type: application/json\r\n";

    // Each ends, because the server ends it.
    assert_eq!(target.say(b""), "");
    assert_eq!(target.say(b"GET / HTTP/1.1\r\nHost: loc"), "");
    let slow = format!("POST /api/v1/session HTTP/1.1\r\n{begun}Content-Length: 99\r\n\r\n{{");
    let answer = target.say(slow.as_bytes());
    assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("too_slow"), "{answer}");
    let idle = target.say(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert!(idle.starts_with("HTTP/1.1 200"), "{idle}");
    target.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_means_this_server_is_answered() {
    let target = Target::start(&[("SERVER_HOSTS", "outlay.example")]).await;
    let ask = |path: &str, host: &str| {
        let head = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        target.say(head.as_bytes()).split(' ').nth(1).unwrap_or("none").to_owned()
    };

    assert_eq!(ask("/api/v1/openapi.json", "evil.example"), "421");
    assert_eq!(ask("/", "127.0.0.1.evil.example:80"), "421");
    assert_eq!(ask("/healthz", "evil.example"), "200");
    for ours in ["localhost", "127.0.0.1:8440", "[::1]:1", "outlay.example:443"] {
        assert_eq!(ask("/api/v1/openapi.json", ours), "200", "{ours}");
    }
    target.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_refusal_is_json_that_says_what_to_do() {
    let target = Target::start(&[]).await;
    let client = target.server.client();
    let told = async |method: Method, path: &str, kind: Option<&str>, body: &'static str| {
        let body = Bytes::from_static(body.as_bytes());
        let (status, answer) = client.send(method, path, kind, body).await.unwrap();
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        assert!(answer["detail"].is_string() && answer["code"].is_string(), "{path}: {answer}");
        (status, answer)
    };

    for path in ["/api/v1/events/corrections", "/api/v1/events/deletions", "/api/v1/erasures"] {
        let json = Some("application/json");
        assert_eq!(told(Method::POST, path, json, "nonsense").await.0, StatusCode::BAD_REQUEST);
        assert_eq!(told(Method::POST, path, json, "[1]").await.0, StatusCode::BAD_REQUEST);
        let (status, _) = told(Method::POST, path, Some("text/csv"), "a,b").await;
        assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
        let (status, answer) = told(Method::PUT, path, None, "").await;
        assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(answer["remedy"], "use POST");
    }
    let check = "/api/v1/budgets/check";
    let (status, answer) = told(Method::POST, check, Some("application/json"), "[1]").await;
    assert_eq!((status, &answer["field"]), (StatusCode::BAD_REQUEST, &json!("body")));
    assert_eq!(told(Method::GET, "/api/v1/nowhere", None, "").await.0, StatusCode::NOT_FOUND);

    let lines = Some("application/x-ndjson");
    let sent = client.send(Method::POST, "/api/v1/events", lines, Bytes::from_static(b"nonsense"));
    let answer: Value = serde_json::from_slice(&sent.await.unwrap().1).unwrap();
    let detail = answer["items"][0]["detail"].as_str().unwrap();
    assert!(detail.starts_with("is no JSON"), "{detail}");
    target.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_cannot_be_read_are_refused_as_all_others_are() {
    let target = Target::start(&[]).await;
    let host = "Host: localhost\r\n";
    let many = "X-More: 1\r\n".repeat(101);
    let long = "x".repeat(70_000);
    let huge = format!("X-More: {}\r\n", "x".repeat(1_000_000));
    for (request, status, code) in [
        (format!("GET /healthz HTTP/1.1\r\n{host}{many}\r\n"), 431, "too_large"),
        (format!("GET /healthz HTTP/1.1\r\n{host}{huge}\r\n"), 431, "too_large"),
        (format!("GET /{long} HTTP/1.1\r\n{host}\r\n"), 414, "too_long"),
        ("GET /healthz HTTP/1.1\r\nno header\r\n\r\n".to_owned(), 400, "malformed"),
        ("{}\r\n\r\n".to_owned(), 400, "malformed"),
    ] {
        let answer = target.say(request.as_bytes());
        let begins = request.get(..30).unwrap_or(&request);
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{begins}"));
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{begins}: {head}");
        assert!(head.contains(&format!("\r\ncontent-length: {}", body.len())), "{head}");
        let body: Value = serde_json::from_str(body).unwrap();
        assert_eq!((&body["status"], &body["code"]), (&json!(status), &json!(code)), "{begins}");
    }
    // One that follows upon a good one is refused no less.
    let good = format!("GET /healthz HTTP/1.1\r\n{host}\r\n");
    let answer = target.say(format!("{good}{{}}\r\n\r\n").as_bytes());
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with('}'), "{answer}");
}
