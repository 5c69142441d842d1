//! Queries in SQL that mean harm, on the real program.
#![allow(clippy::unwrap_used)]

mod common;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use common::{Launch, Running, get, post};
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(120);
/// What the server may take more than before, however much its queries wanted.
const GROWTH_KB: u64 = 96 << 10;

/// A folder for data, beside which the log is written.
fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    (folder, data)
}

/// A server with some thousand events, whose queries may take so many seconds.
async fn server(data: &Path, seconds: u32, turns: u32) -> Running {
    let server = Launch::on(data)
        .with("OUTLAY_QUESTIONS_SQL_TIME_LIMIT_SECONDS", seconds)
        .with("OUTLAY_QUESTIONS_SQL_TURNS", turns)
        .start()
        .await
        .unwrap();
    let events: Vec<_> = (0..5_000)
        .map(|id| {
            json!({"id": format!("event-{id}"), "source": "test", "cost": "0.5",
                   "occurred_at": "2026-03-01T10:00:00Z"})
        })
        .collect();
    let (status, answer) = post(&server.client(), "/api/v1/events", &json!(events)).await.unwrap();
    assert_eq!(status, StatusCode::OK, "{answer}");
    server
}

async fn ask(server: &Running, query: &str) -> (StatusCode, Value) {
    post(&server.client(), "/api/v1/sql", &json!({ "query": query })).await.unwrap()
}

/// A line of what the system says about a process, in KB.
fn kilobytes(process: u32, what: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with(what)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// The processes that another one started.
fn children(of: u32) -> Vec<u32> {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let processes = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    processes.filter(|process| parent(*process) == Some(of)).collect()
}

fn parent(of: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{of}/stat")).ok()?;
    // The name, in parentheses, may have any characters.
    stat.rsplit_once(") ")?.1.split_whitespace().nth(1)?.parse().ok()
}

async fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "{what} did not happen");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Works for longer than anybody waits, and on little memory.
const ENDLESS: &str =
    "SELECT count(*) FROM events a, events b, events c WHERE a.id <> b.id || c.id || 'x'";

#[tokio::test(flavor = "multi_thread")]
async fn queries_that_want_too_much_are_refused_and_others_are_answered_meanwhile() {
    let (_folder, data) = folder();
    let server = Arc::new(server(&data, 3, 2).await);
    let (status, answer) = ask(&server, "SELECT count(*) AS n, sum(spend) AS s FROM events").await;
    assert_eq!((status, &answer["rows"]), (StatusCode::OK, &json!([{"n": 5000, "s": "2500"}])));
    let before = kilobytes(server.id(), "VmHWM");
    let ctes: Vec<_> = (1..400).map(|n| format!("t{n} AS (SELECT * FROM t{})", n - 1)).collect();
    let deep = ["too_deep"].as_slice();
    let too_much = ["too_slow", "too_much_memory", "sql"].as_slice();

    for (query, codes) in [
        (format!("SELECT 1 FROM events WHERE {}", vec!["id = 'a'"; 800].join(" OR ")), deep),
        (format!("SELECT {}", vec!["1"; 800].join(" + ")), deep),
        (vec!["SELECT id FROM events"; 800].join(" UNION ALL "), deep),
        (format!("WITH t0 AS (SELECT 1), {} SELECT * FROM t399", ctes.join(", ")), deep),
        (format!("SELECT {}1{}", "(".repeat(30_000), ")".repeat(30_000)), deep),
        ("SELECT array_repeat(1, 500000000)".into(), too_much),
        ("SELECT array_repeat(array_repeat(1, 50000), 50000)".into(), too_much),
        ("SELECT repeat(repeat(repeat('x', 10000), 10000), 10000)".into(), too_much),
        ("SELECT sum(length(repeat(id, 200000))) FROM events".into(), too_much),
        ("SELECT repeat(id, 200000) FROM events".into(), too_much),
        ("SELECT count(*) FROM events a, events b, events c WHERE a.id <> b.id || c.id".into(), too_much),
        ("SELECT a.id FROM events a, events b, events c ORDER BY a.id || b.id || c.id".into(), too_much),
        ("WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM t) SELECT count(*) FROM t".into(), too_much),
        (ENDLESS.into(), too_much),
    ] {
        let is_over = Arc::new(AtomicBool::new(false));
        let answered = Arc::new(AtomicUsize::new(0));
        let neighbour = {
            let (server, is_over, answered) = (server.clone(), is_over.clone(), answered.clone());
            tokio::spawn(async move {
                while !is_over.load(Ordering::Relaxed) || answered.load(Ordering::Relaxed) == 0 {
                    let path = "/api/v1/usage/total?from=2026-01-01&to=2026-12-31";
                    let (status, answer) = get(&server.client(), path).await.unwrap();
                    assert_eq!(status, StatusCode::OK, "{answer}");
                    assert!(answer.contains("\"2500\""), "{answer}");
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            })
        };

        let (status, answer) = ask(&server, &query).await;
        is_over.store(true, Ordering::Relaxed);
        neighbour.await.unwrap();

        let query = &query[..query.len().min(80)];
        assert!(status.is_client_error(), "{query}: {status} {answer}");
        assert!(codes.contains(&answer["code"].as_str().unwrap()), "{query}: {answer}");
        assert!(!answer["detail"].as_str().unwrap().is_empty());
        assert!(children(server.id()).is_empty(), "{query}");
    }
    let after = kilobytes(server.id(), "VmHWM");
    assert!(after < before + GROWTH_KB, "the server has grown from {before} to {after} KB");
    let (status, answer) = ask(&server, "SELECT count(*) AS n FROM events").await;
    assert_eq!((status, &answer["rows"]), (StatusCode::OK, &json!([{"n": 5000}])));
}

#[tokio::test(flavor = "multi_thread")]
async fn more_queries_than_may_wait_are_told_to_come_back() {
    let (_folder, data) = folder();
    let server = Arc::new(server(&data, 1, 1).await);

    let asked = (0..8).map(|_| {
        let server = server.clone();
        tokio::spawn(async move { ask(&server, ENDLESS).await })
    });
    let mut statuses = Vec::new();
    for asked in asked.collect::<Vec<_>>() {
        statuses.push(asked.await.unwrap().0);
    }

    let busy = statuses.iter().filter(|status| **status == StatusCode::TOO_MANY_REQUESTS).count();
    let slow =
        statuses.iter().filter(|status| **status == StatusCode::UNPROCESSABLE_ENTITY).count();
    assert!(busy >= 3 && slow >= 1 && busy + slow == 8, "{statuses:?}");
    assert_eq!(ask(&server, "SELECT 1 AS n").await.1["rows"], json!([{"n": 1}]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_ends_when_nobody_waits_for_it() {
    let (_folder, data) = folder();
    let server = Arc::new(server(&data, 600, 1).await);
    let asking = {
        let server = server.clone();
        tokio::spawn(async move { ask(&server, ENDLESS).await })
    };
    wait_until("the start of the query", || !children(server.id()).is_empty()).await;

    asking.abort();

    wait_until("the end of the query", || children(server.id()).is_empty()).await;
    assert_eq!(ask(&server, "SELECT 1 AS n").await.1["rows"], json!([{"n": 1}]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_ends_when_its_server_is_killed() {
    let (_folder, data) = folder();
    let server = server(&data, 600, 1).await;
    let client = server.client();
    let asking = tokio::spawn(async move {
        let _ = post(&client, "/api/v1/sql", &json!({ "query": ENDLESS })).await;
    });
    wait_until("the start of the query", || !children(server.id()).is_empty()).await;
    let queries = children(server.id());

    server.kill();

    asking.await.unwrap();
    let is_gone = |query: &u32| match std::fs::read(format!("/proc/{query}/cmdline")) {
        // One that has ended and that nobody has asked about has no arguments any more.
        Ok(arguments) => arguments.is_empty(),
        Err(_) => true,
    };
    wait_until("the end of the query", || queries.iter().all(is_gone)).await;
}

/// Asks each query; answers what came of it: rows, or a code and why.
async fn came_of(server: &Running, queries: &[&str]) -> Vec<Result<Value, String>> {
    let mut outcomes = Vec::new();
    for query in queries {
        let (status, mut answer) = ask(server, query).await;
        outcomes.push(match status {
            StatusCode::OK => Ok(answer["rows"].take()),
            StatusCode::BAD_REQUEST => Err(answer["detail"].as_str().unwrap().to_lowercase()),
            _ => panic!("{query}: {status} {answer}"),
        });
    }
    outcomes
}

#[tokio::test(flavor = "multi_thread")]
async fn whole_numbers_are_right_or_refused() {
    let (_folder, data) = folder();
    let server = server(&data, 60, 2).await;
    let right = [
        ("SELECT sum(n) AS s FROM (VALUES (1), (2), (NULL)) AS t(n)", json!([{"s": 3}])),
        (
            "SELECT sum(n) AS s FROM (VALUES (9223372036854775806), (1)) AS t(n)",
            json!([{"s": i64::MAX}]),
        ),
        // On the way it is more than the type holds; what it comes to is not.
        (
            "SELECT sum(n) AS s FROM (VALUES (9223372036854775807), (9223372036854775807), \
             (-9223372036854775807)) AS t(n)",
            json!([{"s": i64::MAX}]),
        ),
        ("SELECT sum(CAST(NULL AS BIGINT)) AS s", json!([{"s": null}])),
        (
            "SELECT sum(CAST(n AS DECIMAL(20, 0))) AS s \
             FROM (VALUES (9223372036854775807), (9223372036854775807)) AS t(n)",
            json!([{"s": "18446744073709551614"}]),
        ),
        (
            "SELECT avg(d) = arrow_cast(10, 'Duration(Microsecond)') AS mean, \
             sum(d) = arrow_cast(30, 'Duration(Microsecond)') AS s FROM (VALUES \
             (arrow_cast(9223372036854775807, 'Duration(Microsecond)')), \
             (arrow_cast(-9223372036854775807, 'Duration(Microsecond)')), \
             (arrow_cast(30, 'Duration(Microsecond)'))) AS t(d)",
            json!([{"mean": true, "s": true}]),
        ),
        (
            "SELECT 2 + 3 * n - 1 AS a, -n AS b, n * 1.5 AS c FROM (VALUES (4)) AS t(n)",
            json!([{"a": 13, "b": -4, "c": 6.0}]),
        ),
        (
            "SELECT n + 1 AS m, count(*) AS rows FROM (VALUES (1), (1)) AS t(n) \
             GROUP BY n + 1 HAVING n + 1 > 1 ORDER BY n + 1",
            json!([{"m": 2, "rows": 2}]),
        ),
        (
            "SELECT sum(amount_nanos) AS n, sum(spend) AS s, avg(spend) AS mean, \
             sum(amount_nanos) FILTER (WHERE id = 'event-7') AS one FROM events",
            json!([{"n": 2_500_000_000_000_i64, "s": "2500", "mean": "0.5", "one": 500_000_000}]),
        ),
    ];
    let wrong = [
        "SELECT sum(n) FROM (VALUES (9223372036854775807), (1)) AS t(n)",
        "SELECT sum(DISTINCT n) FROM (VALUES (9223372036854775807), (1)) AS t(n)",
        "SELECT g, sum(n) FROM (VALUES (1, 9223372036854775807), (1, 1)) AS t(g, n) GROUP BY g",
        "SELECT sum(n) OVER () FROM (VALUES (9223372036854775807), (1)) AS t(n)",
        "SELECT sum(n) OVER (ORDER BY n ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) \
         FROM (VALUES (9223372036854775807), (9223372036854775806)) AS t(n)",
        "SELECT sum(n + 1) FROM (VALUES (9223372036854775806), (1)) AS t(n)",
        "SELECT sum(arrow_cast(n, 'UInt64')) \
         FROM (VALUES (9223372036854775807), (9223372036854775807), (9)) AS t(n)",
        "SELECT sum(arrow_cast(9223372036854775807, 'Duration(Microsecond)')) \
         FROM generate_series(1, 2)",
        "SELECT sum(CAST('99999999999999999999999999999999999999' AS DECIMAL(38, 0))) \
         FROM generate_series(1, 2)",
        "SELECT sum(amount_nanos * 10000000) FROM events",
    ];
    let overflowing = [
        "SELECT n + 1 FROM (VALUES (9223372036854775807)) AS t(n)",
        "SELECT n - 2 FROM (VALUES (-9223372036854775807)) AS t(n)",
        "SELECT n * 2 FROM (VALUES (9223372036854775807)) AS t(n)",
        "SELECT -(n - 1) FROM (VALUES (-9223372036854775807)) AS t(n)",
        "SELECT 9223372036854775807 + 1",
        "SELECT CAST(2147483647 AS INT) * CAST(2147483647 AS INT) * CAST(2147483647 AS INT) \
         * CAST(2147483647 AS INT)",
        "SELECT 1 WHERE 9223372036854775807 * 3 > 0",
        "SELECT amount_nanos * 100000000000 FROM events",
    ];

    for ((query, rows), outcome) in
        right.iter().zip(came_of(&server, &right.clone().map(|(query, _)| query)).await)
    {
        assert_eq!(outcome.as_ref(), Ok(rows), "{query}");
    }
    for (query, outcome) in wrong.iter().zip(came_of(&server, &wrong).await) {
        assert!(
            outcome.as_ref().is_err_and(|why| why.contains("does not fit")),
            "{query}: {outcome:?}"
        );
    }
    for (query, outcome) in overflowing.iter().zip(came_of(&server, &overflowing).await) {
        assert!(
            outcome.as_ref().is_err_and(|why| why.contains("overflow")),
            "{query}: {outcome:?}"
        );
    }
    let (_, answer) =
        ask(&server, "SELECT sum(n), n + 1, n * 2 AS twice FROM (VALUES (1)) AS t(n) GROUP BY n")
            .await;
    let names = answer["columns"].as_array().unwrap().iter().map(|column| &column["name"]);
    assert_eq!(names.collect::<Vec<_>>(), ["sum(t.n)", "t.n + Int64(1)", "twice"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn long_lists_and_long_answers_are_no_harm() {
    let (_folder, data) = folder();
    let server = server(&data, 60, 2).await;
    let list = (0..4_000).map(|id| format!("'event-{id}'")).collect::<Vec<_>>().join(", ");
    let ors = (0..400).map(|id| format!("id = 'event-{id}'")).collect::<Vec<_>>().join(" OR ");

    for (condition, found) in [(format!("id IN ({list})"), 4_000), (ors, 400)] {
        let query = format!("SELECT count(*) AS n FROM events WHERE {condition}");
        let (status, answer) = ask(&server, &query).await;
        assert_eq!((status, &answer["rows"]), (StatusCode::OK, &json!([{ "n": found }])));
    }
    let (status, answer) =
        ask(&server, "SELECT repeat('x', 3000) AS text FROM generate_series(1, 9000)").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(answer["truncated"], true);
    let bytes = answer.to_string().len();
    assert!((7 << 20..=8 << 20).contains(&bytes), "{bytes}");
}
