//! Subscriptions and limits over HTTP, by the real program: also where the process ends in the middle of
//! a month's turn, as by a power cut.
#![allow(clippy::unwrap_used)]

mod common;

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Months, TimeDelta, Utc};
use common::{Launch, Running, assert_in_order, get, post};
use outlay_domain::people::Caller;
use outlay_domain::plans::Cycle;
use outlay_engine::ledger::Wanted;
use outlay_engine::{Asker, FrozenClock, Options, Outlay};
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(30);
const PLAN: &str = r#"{
    "name": "Pro", "credits": [{"unit": "USD", "amount": "10", "rollover": {"max": "4", "months": 1}}],
    "limits": [{"id": "calls", "measure": "events", "most": 3, "every": "period"}]
}"#;

/// A folder in which a month of `acme` is over since yesterday, and nobody has turned it.
async fn overdue(data: &Path) {
    let now = Utc::now();
    let began = (now - TimeDelta::days(1)).checked_sub_months(Months::new(1)).unwrap();
    let clock = Arc::new(FrozenClock::at(began));
    let options = Options { background: false, ..Options::default() };
    let outlay = Outlay::open(data, options, clock.clone()).unwrap();
    let asker: Asker = (&Caller::operator()).into();
    let draft = serde_json::from_str(PLAN).unwrap();
    outlay.plans().set("pro".parse().unwrap(), draft, &asker).await.unwrap();
    let begin = Wanted::Begin {
        plan: "pro".parse().unwrap(),
        version: None,
        cycle: Cycle::Monthly,
        tz: chrono_tz::Tz::UTC,
        tried: None,
    };
    outlay.subscriptions().make("acme".into(), begin, &asker).await.unwrap();
    // Up to shortly before its end, so that the time is believed when the program starts.
    clock.advance(now - TimeDelta::days(2) - began);
    outlay.known_time.keep().unwrap();
    outlay.stop();
}

async fn read(server: &Running, of_account: &str) -> Value {
    let path = format!("/api/v1/accounts/acme/{of_account}");
    let (status, text) = get(&server.client(), &path).await.unwrap();
    assert!(status.is_success(), "{text}");
    serde_json::from_str(&text).unwrap()
}

async fn steps(server: &Running) -> Vec<Value> {
    read(server, "subscription/history").await["items"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_month_whose_turn_was_cut_off_gives_its_credit_once() {
    for point in ["commit.begun", "commit.written"] {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        std::fs::create_dir(&data).unwrap();
        overdue(&data).await;

        // The first commit of the program is the turn: nothing else waits.
        match Launch::on(&data).with("OUTLAY_FAILPOINT", format!("{point}:1")).start().await {
            Ok(mut server) => {
                let ended = server.ends_within(PATIENCE).await;
                assert!(ended.is_some(), "{point} was not met: {}", server.said());
            }
            Err(ended) => assert_eq!(ended.status.signal(), Some(6), "{ended:?}"),
        }
        let server = Launch::on(&data).start().await.unwrap();

        let begun = Instant::now();
        while steps(&server).await.len() < 2 {
            assert!(begun.elapsed() < PATIENCE, "the month was not turned");
            tokio::task::yield_now().await;
        }
        let balance = read(&server, "balance").await;
        assert_eq!(balance["units"]["USD"]["available"], "14", "{point}: {balance}");
        assert_eq!(steps(&server).await.len(), 2, "{point}");
        server.stop().await;
        assert_in_order(&data).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_hold_over_http_also_after_a_kill_and_bad_requests_say_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    overdue(&data).await;
    let server = Launch::on(&data).start().await.unwrap();
    let client = server.client();
    let ask = |id: &str| json!({ "id": id, "account": "acme", "amount": "0.5" });

    let (status, held) = post(&client, "/api/v1/authorize", &ask("a")).await.unwrap();
    assert!(status.is_success() && held["allowed"] == true, "{held}");
    let event = |id: &str| json!({ "id": id, "account": "acme", "cost": "1" });
    for id in ["1", "2"] {
        let (status, answer) = post(&client, "/api/v1/events", &event(id)).await.unwrap();
        assert!(status.is_success(), "{answer}");
    }
    let (status, refused) = post(&client, "/api/v1/authorize", &ask("b")).await.unwrap();
    assert_eq!((status.as_u16(), &refused["limit"]), (429, &json!("plan:calls")), "{refused}");
    assert_eq!((&refused["available"], &refused["unit"]), (&json!("0"), &json!("events")));
    assert!(refused["resets_at"].as_str().unwrap().parse::<DateTime<Utc>>().is_ok());
    let (status, answer) = post(&client, "/api/v1/events", &event("3")).await.unwrap();
    assert_eq!(answer["items"][0]["code"], "limit_reached", "{status}: {answer}");
    server.kill();

    let server = Launch::on(&data).start().await.unwrap();
    let client = server.client();
    let limits = read(&server, "limits").await;
    let calls = &limits["items"][0];
    assert_eq!((&calls["used"], &calls["held"]), (&json!("2"), &json!("1")), "{limits}");
    let (status, _) = post(&client, "/api/v1/authorize", &ask("c")).await.unwrap();
    assert_eq!(status.as_u16(), 429, "what is held is held");

    let many: Vec<_> = (0..101)
        .map(|number| json!({ "id": format!("l{number}"), "measure": "events", "most": 1, "every": "day" }))
        .collect();
    for (path, body, status, field) in [
        (
            "/api/v1/plans/import",
            json!({ "plans": { "x": { "name": "X", "limits": many } } }),
            400,
            "plans.x.limits",
        ),
        ("/api/v1/plans/import", json!({ "plans": { "X y": { "name": "X" } } }), 400, "plans.X y"),
        (
            "/api/v1/plans/import",
            json!({ "plans": { "x": { "name": "x".repeat(3_000_000) } } }),
            413,
            "body",
        ),
        (
            "/api/v1/accounts/acme/subscription/change",
            json!({ "plan": "none", "when": "now" }),
            404,
            "plan",
        ),
        (
            "/api/v1/accounts/acme/subscription/change",
            json!({ "plan": "pro", "version": 9, "when": "now" }),
            404,
            "version",
        ),
        (
            "/api/v1/accounts/acme/subscription/change",
            json!({ "plan": "pro", "cycle": "yearly", "when": "now" }),
            422,
            "cycle",
        ),
        (
            "/api/v1/authorize",
            json!({ "id": "q", "account": "acme", "amount": "1", "quantities": { "images": -1 } }),
            400,
            "quantities.images",
        ),
        (
            "/api/v1/authorize",
            json!({ "id": "q", "account": "acme", "amount": "1", "feature": "" }),
            400,
            "feature",
        ),
    ] {
        let (answered, refusal) = post(&client, path, &body).await.unwrap();
        assert_eq!(answered.as_u16(), status, "{path}: {refusal}");
        assert_eq!(refusal["field"].as_str().unwrap_or_default(), field, "{refusal}");
    }
    server.stop().await;
    assert_in_order(&data).await;
}
