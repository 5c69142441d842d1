//! Exports that are made by themselves, as those who fetch their files see them.

#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use chrono::{TimeDelta, Utc};
use common::{Launch, Running, get, post, run};
use outlay_server::cli::client::Client;
use serde_json::{Value, json};

/// How long a file is waited for; a small one is made within milliseconds.
const PATIENCE: Duration = Duration::from_secs(30);

const SCHEDULES: &str = "/api/v1/export-schedules";
/// Whose files stand in the tests.
const PERSON: &str = "ada.lovelace@example.com";

/// Usage of yesterday, by UTC.
async fn fill(client: &Client) {
    let yesterday = (Utc::now() - TimeDelta::days(1)).format("%Y-%m-%dT12:00:00Z").to_string();
    let event = |id: u32| {
        json!({
            "id": id.to_string(), "source": "shop", "occurred_at": yesterday, "cost": "0.25",
            "subject": PERSON, "provider": "openai", "model": "gpt-4o",
        })
    };
    let events = json!((0..3).map(event).collect::<Vec<_>>());
    let (status, answer) = post(client, "/api/v1/events", &events).await.unwrap();
    assert!(status.is_success(), "{answer}");
}

fn daily(name: &str, export: Value) -> Value {
    json!({ "name": name, "export": export, "cadence": { "every": "day" }, "keep": 5 })
}

async fn create(client: &Client, draft: &Value) -> String {
    let (status, made) = post(client, SCHEDULES, draft).await.unwrap();
    assert_eq!(status, StatusCode::CREATED, "{made}");
    made["id"].as_str().unwrap().to_owned()
}

async fn run_now(client: &Client, id: &str) {
    let (status, run) = post(client, &format!("{SCHEDULES}/{id}/runs"), &json!({})).await.unwrap();
    assert_eq!(status, StatusCode::ACCEPTED, "{run}");
}

/// The newest run of a schedule, once its file is there.
async fn made(client: &Client, id: &str) -> Value {
    let begun = Instant::now();
    loop {
        let (_, text) = get(client, &format!("{SCHEDULES}/{id}/runs")).await.unwrap();
        let runs: Value = serde_json::from_str(&text).unwrap();
        if runs["items"][0]["state"] == "done" {
            return runs["items"][0].clone();
        }
        assert!(begun.elapsed() < PATIENCE, "{runs}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn start(data: &Path) -> Running {
    Launch::on(data).start().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_file_is_made_and_is_what_the_export_itself_says() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(folder.path()).await;
    let client = server.client();
    fill(&client).await;
    let today = Utc::now().date_naive();
    let range = format!("from={}&to={today}", today.pred_opt().unwrap());

    for (export, asked) in [
        (json!({"kind": "events", "format": "csv"}), "events?format=csv"),
        (json!({"kind": "events", "format": "ndjson"}), "events?format=ndjson"),
        (json!({"kind": "events", "format": "parquet"}), "events?format=parquet"),
        (json!({"kind": "focus", "format": "csv"}), "focus?format=csv"),
        (
            json!({"kind": "focus", "format": "csv", "version": "1.2", "granularity": "hour"}),
            "focus?format=csv&version=1.2&granularity=hour",
        ),
    ] {
        let id = create(&client, &daily(asked, export)).await;
        run_now(&client, &id).await;
        let run = made(&client, &id).await;

        let path = format!("{SCHEDULES}/{id}/runs/{}/file", run["id"].as_str().unwrap());
        let (_, file) = fetch(&client, &path).await;
        let (_, export) = fetch(&client, &format!("/api/v1/exports/{asked}&{range}")).await;
        assert!(file == export, "{asked} differs");
        assert_eq!(run["file"]["size_bytes"], file.len());
        let rows = if asked.starts_with("events") { 3 } else { 1 };
        assert_eq!(run["file"]["rows"], rows, "{asked}");
        assert_eq!(run["file"]["sha256"], sha256(&file));
    }
    let report = json!({
        "name": "report", "export": {"kind": "report"}, "cadence": {"every": "month", "on": 1},
    });
    let id = create(&client, &report).await;
    run_now(&client, &id).await;
    let run = made(&client, &id).await;
    let path = format!("{SCHEDULES}/{id}/runs/{}/file", run["id"].as_str().unwrap());
    let (_, page) = fetch(&client, &path).await;
    assert!(page.starts_with(b"<!doctype html>"));
    assert_eq!(run["file"]["rows"], Value::Null);
    server.stop().await;
}

async fn fetch(client: &Client, path: &str) -> (u64, Vec<u8>) {
    let mut bytes = Vec::new();
    let count = client.download(axum::http::Method::GET, path, &mut bytes).await.unwrap();
    (count, bytes)
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_is_refused_with_its_field_and_a_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(folder.path()).await;
    let client = server.client();
    let csv = json!({"kind": "events", "format": "csv"});
    let with = |field: &str, value: Value| {
        let mut draft = daily("nightly", csv.clone());
        draft[field] = value;
        draft
    };

    for (draft, field) in [
        (with("name", json!("")), "name"),
        (with("hour", json!(24)), "hour"),
        (with("tz", json!("Atlantis/City")), "tz"),
        (with("keep", json!(0)), "keep"),
        (with("cadence", json!({"every": "month", "on": 31})), "cadence.on"),
        (with("filters", json!({"colour": ["red"]})), "filters"),
        (with("export", json!({"kind": "report"})), "cadence.every"),
    ] {
        let (status, answer) = post(&client, SCHEDULES, &draft).await.unwrap();
        assert_eq!(status, StatusCode::BAD_REQUEST, "{draft}: {answer}");
        assert_eq!(answer["field"], field, "{answer}");
        assert!(answer["remedy"].is_string(), "{answer}");
    }
    for draft in [
        with("cadence", json!({"every": "fortnight"})),
        with("cadence", json!({"every": "week", "on": "someday"})),
        with("export", json!({"kind": "events", "format": "xlsx"})),
        with("export", json!({"kind": "focus", "format": "ndjson"})),
        with("surprise", json!(1)),
    ] {
        let (status, answer) = post(&client, SCHEDULES, &draft).await.unwrap();
        assert_eq!(status, StatusCode::BAD_REQUEST, "{draft}: {answer}");
        assert!(answer["field"].is_string(), "{answer}");
    }
    let id = create(&client, &daily("nightly", csv.clone())).await;
    let (status, answer) = post(&client, SCHEDULES, &daily("nightly", csv)).await.unwrap();
    assert_eq!((status, &answer["field"]), (StatusCode::CONFLICT, &json!("name")), "{answer}");
    let runs = format!("{SCHEDULES}/{id}/runs");
    let tomorrow = json!({ "first_day": Utc::now().date_naive().succ_opt().unwrap() });
    let (status, answer) = post(&client, &runs, &tomorrow).await.unwrap();
    assert_eq!((status, &answer["field"]), (StatusCode::BAD_REQUEST, &json!("first_day")));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_cut_off_while_a_file_is_made_makes_it_once() {
    for point in ["exports.written", "exports.renamed", "exports.recorded"] {
        let folder = tempfile::tempdir().unwrap();
        let armed = Launch::on(folder.path()).with("OUTLAY_FAILPOINT", format!("{point}:1"));
        let mut server = armed.start().await.unwrap();
        let client = server.client();
        fill(&client).await;
        let id = create(&client, &daily("a", json!({"kind": "events", "format": "csv"}))).await;
        // The server may end before it answers.
        let _ = post(&client, &format!("{SCHEDULES}/{id}/runs"), &json!({})).await;
        let ended = server.ends_within(PATIENCE).await;
        assert_eq!(ended.and_then(|ended| ended.signal()), Some(6), "{point}: {}", server.said());

        let server = start(folder.path()).await;
        let client = server.client();
        let run = made(&client, &id).await;

        let left: Vec<_> = std::fs::read_dir(folder.path().join("exports")).unwrap().collect();
        assert_eq!(left.len(), 1, "{point}: {left:?}");
        let path = format!("{SCHEDULES}/{id}/runs/{}/file", run["id"].as_str().unwrap());
        assert_eq!(run["file"]["sha256"], sha256(&fetch(&client, &path).await.1), "{point}");
        server.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_make_and_change_schedules_and_fetch_their_files() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let server = start(&data).await;
    fill(&server.client()).await;
    let said = async |arguments: &[&str]| {
        let mut all = vec!["export", "schedule"];
        all.extend(arguments);
        let output = run(&data, &all).await;
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.success(), String::from_utf8(output.stdout).unwrap(), error)
    };

    let (_, empty, _) = said(&["list"]).await;
    assert!(empty.contains("outlay export schedule create NAME"), "{empty}");
    let made_it = said(&["create", "lake", "--export", "events", "--every", "day"]).await;
    assert!(made_it.1.starts_with("Made the schedule `lake`."), "{made_it:?}");
    let changed = said(&[
        "change", "lake", "--every", "week", "--on", "friday", "--format", "ndjson", "--json",
    ])
    .await;
    let changed: Value = serde_json::from_str(&changed.1).unwrap();
    assert_eq!(changed["cadence"], json!({"every": "week", "on": "friday"}));
    assert_eq!(changed["export"], json!({"kind": "events", "format": "ndjson"}));
    let changed = said(&["change", "lake", "--every", "day"]).await;
    assert!(changed.1.contains("Its next file is due"), "{changed:?}");
    let (is_ok, _, error) = said(&["fetch", "lake", "--out", "-"]).await;
    assert!(!is_ok && error.contains("`run lake` has one made"), "{error}");
    assert!(said(&["run", "lake"]).await.0);
    let id = changed_id(&server.client()).await;
    made(&server.client(), &id).await;
    let (_, files, _) = said(&["files", "lake"]).await;
    assert!(files.contains("events_") && files.contains(".ndjson"), "{files}");
    let out = folder.path().join("lake.ndjson");
    assert!(said(&["fetch", "lake", "--out", out.to_str().unwrap()]).await.0);
    assert_eq!(std::fs::read_to_string(&out).unwrap().lines().count(), 3);
    let (_, gone, _) = said(&["remove", "lake"]).await;
    assert_eq!(gone, "Removed `lake` and its files.\n");
    let (is_ok, _, error) = said(&["files", "lake"]).await;
    assert!(!is_ok && error.contains("there is no export schedule `lake`"), "{error}");
    assert_eq!(std::fs::read_dir(data.join("exports")).unwrap().count(), 0);
    let help = run(&data, &["export", "events"]).await;
    assert!(String::from_utf8_lossy(&help.stderr).contains("--out <FILE>"), "is still asked for");
    server.stop().await;
}

async fn changed_id(client: &Client) -> String {
    let (_, text) = get(client, SCHEDULES).await.unwrap();
    let all: Value = serde_json::from_str(&text).unwrap();
    all["items"][0]["id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_kept_file_names_a_person_who_was_erased() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(folder.path()).await;
    let client = server.client();
    fill(&client).await;
    let id = create(&client, &daily(PERSON, json!({"kind": "events", "format": "csv"}))).await;
    run_now(&client, &id).await;
    let before = made(&client, &id).await;
    let file = format!("{SCHEDULES}/{id}/runs/{}/file", before["id"].as_str().unwrap());
    assert!(String::from_utf8(fetch(&client, &file).await.1).unwrap().contains(PERSON));

    let erasure = json!({ "subject": PERSON, "reason": "asked by letter" });
    let (status, answer) = post(&client, "/api/v1/erasures", &erasure).await.unwrap();
    assert_eq!(status, StatusCode::OK, "{answer}");

    let after = made(&client, &id).await;
    assert_ne!(before["file"]["sha256"], after["file"]["sha256"]);
    assert_eq!(before["file"]["rows"], after["file"]["rows"], "what was used stays");
    assert!(!String::from_utf8(fetch(&client, &file).await.1).unwrap().contains(PERSON));
    let (_, text) = get(&client, SCHEDULES).await.unwrap();
    assert!(!text.contains(PERSON), "{text}");
    server.stop().await;
}
