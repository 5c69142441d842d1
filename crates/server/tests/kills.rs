//! The process is ended at a hundred points under load, as by a power cut. Nothing that was answered
//! is lost, and nothing is counted twice.
//!
//! `OUTLAY_KILLS` is how often, and `OUTLAY_SEED` what it is repeated from.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeSet;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use chrono::{SecondsFormat, TimeDelta, Utc};
use common::load::Load;
use common::{Launch, Running, assert_in_order, get, post};
use outlay_store::failpoint;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};

const KILLS: usize = 100;
const SEED: u64 = 8_440;
const SENDERS: usize = 3;
/// How long a failpoint is waited for; not every round has the work in which it stands.
const FAILPOINT_PATIENCE: Duration = Duration::from_millis(2_500);

#[tokio::test(flavor = "multi_thread")]
async fn nothing_answered_is_lost_or_counted_twice_however_often_the_process_is_killed() {
    let kills = number("OUTLAY_KILLS").map_or(KILLS, |kills| kills as usize);
    let seed = number("OUTLAY_SEED").unwrap_or(SEED);
    println!("{kills} kills, OUTLAY_SEED={seed}");
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let mut random = StdRng::seed_from_u64(seed);
    let load = Load::new(seed);
    let mut points = BTreeSet::new();

    for kill in 0..kills {
        // Every second process ends itself at a failpoint, the others are killed at any time.
        let point = (kill % 2 == 0).then(|| failpoint::ALL[kill / 2 % failpoint::ALL.len()]);
        let count = random.random_range(1..3);
        let server = match start(&data, point.map(|point| (point, count))).await {
            Ok(server) => server,
            // The failpoint was met while the server started.
            Err(met) => {
                points.extend(met);
                continue;
            }
        };
        // What hard budgets count stands or falls with what they count. The same is made each time: the
        // process may have ended before the first one was kept.
        for budget in budgets() {
            drop(post(&server.client(), "/api/v1/budgets", &budget).await);
        }
        let stop = Arc::new(AtomicBool::new(false));
        if load.send_open(&server.client()).await {
            load.assert_kept(&server.client()).await;
        }
        let senders: Vec<_> = (0..SENDERS)
            .map(|_| tokio::spawn(load.clone().send_until(server.client(), stop.clone())))
            .collect();
        let aborted = end(server, point, &mut random).await;
        if aborted {
            points.extend(point);
        }
        stop.store(true, Ordering::Relaxed);
        for sender in senders {
            sender.await.unwrap();
        }
        if kill % 10 == 9 {
            assert_in_order(&data).await;
        }
    }

    let server = start(&data, None).await.unwrap();
    assert!(load.send_open(&server.client()).await);
    load.assert_kept(&server.client()).await;
    assert_counted(&server).await;
    server.stop().await;
    assert_in_order(&data).await;
    println!("{} events; the process ended itself at {points:?}", load.events());
    // Retention and erasure have no work here; flushes, compactions and merges do.
    let met = |part: &str| points.iter().any(|point| point.starts_with(part));
    assert!(kills < KILLS || (met("history.flush") && met("history.compact")), "{points:?}");
}

/// Hard budgets of everything and of a part, for a day, a year and the last days.
fn budgets() -> [Value; 3] {
    let budget = |id: &str, scope: Value, period: Value| {
        json!({
            "id": id, "name": id, "amount": "100000", "enforcement": "hard",
            "scope": scope, "period": period,
        })
    };
    [
        budget("year", json!({}), json!({ "every": "year" })),
        budget("named", json!({ "account!": ["nobody"] }), json!({ "every": "day" })),
        budget("days", json!({ "model^": ["gpt"] }), json!({ "every": "rolling", "days": 30 })),
    ]
}

/// Waits until each of them has its counter, and holds these against the facts.
async fn assert_counted(server: &Running) {
    let begun = Instant::now();
    loop {
        let (status, report) = post(&server.client(), "/api/v1/check", &json!({})).await.unwrap();
        assert!(status.is_success() && report["ok"] == true, "{report}");
        if report["counters"] == budgets().len() {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "the counters are not there: {report}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_counted_between_a_commit_and_a_flush_is_counted_after_a_kill() {
    for point in [None, Some("history.flush.keys_written"), Some("history.flush.registered")] {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        std::fs::create_dir(&data).unwrap();
        let server = start(&data, point.map(|point| (point, 1))).await.unwrap();
        for budget in budgets() {
            let (status, answer) =
                post(&server.client(), "/api/v1/budgets", &budget).await.unwrap();
            assert!(status.is_success(), "{answer}");
        }
        assert_counted(&server).await;
        let send = async |server: &Running, ids: std::ops::Range<u32>| {
            let events: Vec<Value> = ids
                .map(|id| json!({ "id": format!("e{id}"), "model": "gpt-5", "cost": "0.25" }))
                .collect();
            post(&server.client(), "/api/v1/events", &json!(events)).await
        };
        let (status, answer) = send(&server, 0..500).await.unwrap();
        assert!(status.is_success(), "{answer}");

        match point {
            None => drop(server.kill()),
            Some(_) => {
                // Whether this is answered depends on when the process ends.
                drop(send(&server, 500..1_500).await);
                let mut server = server;
                assert!(server.ends_within(PATIENCE).await.is_some(), "it met no {point:?}");
            }
        }

        let server = start(&data, None).await.unwrap();
        let (status, answer) = send(&server, 0..1_500).await.unwrap();
        assert!(status.is_success(), "{answer}");
        for budget in ["year", "days"] {
            let path = format!("/api/v1/budgets/{budget}");
            let (status, answer) = get(&server.client(), &path).await.unwrap();
            assert!(status.is_success(), "{answer}");
            let answer: Value = serde_json::from_str(&answer).unwrap();
            assert_eq!(answer["status"]["spent"], "375", "{point:?}: {answer}");
        }
        assert_counted(&server).await;
        server.stop().await;
        assert_in_order(&data).await;
    }
}

/// Starts the server, with a failpoint armed; the failpoint's name when the start ran into it.
async fn start(
    data: &Path,
    armed: Option<(&'static str, u64)>,
) -> Result<Running, Option<&'static str>> {
    let mut launch = Launch::on(data).with("OUTLAY_HISTORY_TAIL_EVENTS", 1_000);
    if let Some((point, count)) = armed {
        launch = launch.with("OUTLAY_FAILPOINT", format!("{point}:{count}"));
    }
    launch.start().await.map_err(|ended| {
        assert!(armed.is_some() && ended.status.signal() == Some(6), "{ended:?}");
        armed.map(|(point, _)| point)
    })
}

/// Lets the server work for a while, and ends it; whether it had ended itself.
async fn end(mut server: Running, point: Option<&str>, random: &mut StdRng) -> bool {
    let patience = match point {
        Some(_) => FAILPOINT_PATIENCE,
        None => Duration::from_millis(random.random_range(5..1_200)),
    };
    let ended = server.ends_within(patience).await;
    let said = server.said();
    assert!(!said.contains("panicked"), "{said}");
    assert!(ended.is_none_or(|status| status.signal() == Some(6)), "{ended:?}: {said}");
    server.kill();
    ended.is_some()
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// The person who wants to be forgotten.
const SUBJECT: &str = "ada@example.com";
/// Where an erasure and a retention pass.
const REWRITES: [&str; 4] = [
    "history.rewrite.written",
    "history.rewrite.renamed",
    "history.rewrite.registered",
    "history.removed",
];

#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_that_was_cut_off_can_be_repeated_and_changes_no_sum() {
    for point in REWRITES {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        std::fs::create_dir(&data).unwrap();
        fill(&data).await;
        let erasure = json!({ "subject": SUBJECT, "reason": "asked by letter" });

        let mut server = start(&data, Some((point, 1))).await.unwrap();
        let cut_off = post(&server.client(), "/api/v1/erasures", &erasure).await;
        let ended = server.ends_within(FAILPOINT_PATIENCE).await;
        assert!(cut_off.is_err() && ended.is_some(), "{point} was not met: {}", server.said());
        drop(server);

        let server = start(&data, None).await.unwrap();
        let (status, answer) = post(&server.client(), "/api/v1/erasures", &erasure).await.unwrap();
        assert!(status.is_success(), "{point}: {answer}");
        assert_eq!(requests(&server, &format!("&subject={SUBJECT}")).await, 0, "{point}");
        assert_eq!(requests(&server, "").await, OLD_EVENTS + NEW_EVENTS, "{point}");
        server.stop().await;
        assert_in_order(&data).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retention_that_was_cut_off_is_finished_at_the_next_start() {
    for point in REWRITES {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        std::fs::create_dir(&data).unwrap();
        fill(&data).await;
        let with_retention =
            |launch: Launch| launch.with("OUTLAY_HISTORY_RETENTION_DAYS", RETENTION_DAYS);

        let armed = Launch::on(&data).with("OUTLAY_FAILPOINT", format!("{point}:1"));
        match with_retention(armed).start().await {
            Ok(mut server) => {
                let ended = server.ends_within(3 * FAILPOINT_PATIENCE).await;
                assert!(ended.is_some(), "{point} was not met: {}", server.said());
            }
            Err(ended) => assert_eq!(ended.status.signal(), Some(6), "{ended:?}"),
        }

        let server = with_retention(Launch::on(&data)).start().await.unwrap();
        let begun = Instant::now();
        while requests(&server, "").await != NEW_EVENTS {
            assert!(begun.elapsed() < PATIENCE, "{point}: old events are still there");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        server.stop().await;
        assert_in_order(&data).await;
    }
}

// Together just what a tail holds: it is flushed when all of them are in it, and not before.
const OLD_EVENTS: u64 = 600;
const NEW_EVENTS: u64 = 400;
const RETENTION_DAYS: u32 = 30;
const PATIENCE: Duration = Duration::from_secs(30);

/// Usage of one day long past and of yesterday, every other event by one person, in one segment.
async fn fill(data: &Path) {
    let server = start(data, None).await.unwrap();
    let mut events = Vec::new();
    for (days, count) in [(60, OLD_EVENTS), (1, NEW_EVENTS)] {
        let occurred_at = Utc::now() - TimeDelta::days(days);
        events.extend((0..count).map(|place| {
            json!({
                "id": format!("{days}-{place}"),
                "source": "test",
                "occurred_at": occurred_at.to_rfc3339_opts(SecondsFormat::Micros, true),
                "subject": if place % 2 == 0 { SUBJECT } else { "grace@example.com" },
                "cost": "0.25",
            })
        }));
    }
    let (status, answer) = post(&server.client(), "/api/v1/events", &json!(events)).await.unwrap();
    assert!(status.is_success(), "{answer}");
    let all = OLD_EVENTS + NEW_EVENTS;
    assert_eq!(requests(&server, "").await, all);
    assert_eq!(requests(&server, &format!("&subject={SUBJECT}")).await, all / 2);
    let begun = Instant::now();
    while !get(&server.client(), "/metrics").await.unwrap().1.contains("\noutlay_tail_events 0\n") {
        assert!(begun.elapsed() < PATIENCE, "the tail is not written");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    server.stop().await;
}

/// How many requests the history knows of.
async fn requests(server: &Running, filter: &str) -> u64 {
    let from = Utc::now() - TimeDelta::days(90);
    let path = format!(
        "/api/v1/usage/total?from={}&measures=requests{filter}",
        from.to_rfc3339_opts(SecondsFormat::Secs, true)
    );
    let (status, answer) = get(&server.client(), &path).await.unwrap();
    assert!(status.is_success(), "{answer}");
    let answer: Value = serde_json::from_str(&answer).unwrap();
    answer["total"]["requests"].as_u64().unwrap()
}
