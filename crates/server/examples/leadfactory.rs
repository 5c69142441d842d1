//! Times every answer of LeadFactory's dialect over a million rows:
//! `cargo build --workspace && cargo run -p outlay-server --example leadfactory -- [ROWS]`.
//!
//! Makes a `cost_tracking.db` of two years, lets the program import and follow it, and asks each
//! path once after a start, when nothing is kept, and then often with other parameters each time.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use axum::http::{Method, StatusCode};
use bytes::Bytes;
use chrono::{TimeDelta, Utc};
use outlay_server::cli::client::Client;
use serde_json::Value;

const SERVICES: [(&str, &[&str]); 6] = [
    ("openai", &["gpt-4o_chat_completion", "gpt-4o-mini_chat_completion", "gpt-4_completion"]),
    ("semrush", &["domain-overview", "backlinks", "keywords"]),
    ("gpu", &["hourly-rate"]),
    ("screenshotone", &["capture", "full-page"]),
    ("sendgrid", &["email_send"]),
    ("Yelp Fusion/é", &["search"]),
];
/// How often each path is asked with other parameters.
const ROUNDS: i64 = 20;

fn main() {
    let rows: u32 = std::env::args().nth(1).map_or(1_000_000, |rows| rows.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    fill(&folder.path().join("cost_tracking.db"), rows);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(measure(folder.path(), u64::from(rows)));
}

/// Two years of costs, busy on weekdays and in the daytime.
fn fill(path: &Path, rows: u32) {
    let mut file = rusqlite::Connection::open(path).unwrap();
    file.execute_batch(
        "CREATE TABLE costs (id INTEGER PRIMARY KEY AUTOINCREMENT, timestamp TEXT NOT NULL,
             service TEXT NOT NULL, operation TEXT, amount REAL NOT NULL, details TEXT,
             batch_id TEXT);
         CREATE TABLE monthly_budgets (year INTEGER, month INTEGER, budget REAL NOT NULL,
             spent REAL NOT NULL DEFAULT 0, PRIMARY KEY (year, month));",
    )
    .unwrap();
    let begin = Utc::now() - TimeDelta::days(730);
    let step_us = 730 * 86_400_000_000 / i64::from(rows);
    let tx = file.transaction().unwrap();
    let mut insert = tx
        .prepare(
            "INSERT INTO costs (timestamp, service, operation, amount) VALUES (?1, ?2, ?3, ?4)",
        )
        .unwrap();
    let mut random = 88_172_645_463_325_252_u64;
    for row in 0..rows {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let (service, operations) = SERVICES[(random % 97 % 6) as usize];
        let operation = operations[(random / 97) as usize % operations.len()];
        let amount = (random % 1_000_003) as f64 / 250_000.0;
        let at = begin + TimeDelta::microseconds(i64::from(row) * step_us);
        let at = at.format("%Y-%m-%dT%H:%M:%S%.6f").to_string();
        insert.execute(rusqlite::params![at, service, operation, amount]).unwrap();
    }
    drop(insert);
    tx.commit().unwrap();
}

struct Server {
    child: Child,
    url: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        let _ = self.child.wait();
    }
}

fn start(folder: &Path, follow: bool) -> Server {
    let program: PathBuf =
        std::env::current_exe().unwrap().parent().unwrap().with_file_name("outlay");
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let mut command = Command::new(program);
    command
        .env_clear()
        // Each look at a course is a new one, as it is on a day with usage.
        .env("ANALYTICS_CACHE_DURATION", "0")
        .env("OUTLAY_LIMITS_REQUESTS_PER_SECOND", "0")
        .arg("leadfactory")
        .arg(folder)
        .args(["--timezone", "UTC", "--listen", "127.0.0.1:0", "--port", &port.to_string()])
        .arg("--data")
        .arg(folder.join("outlay"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    if !follow {
        command.arg("--no-integration");
    }
    Server { child: command.spawn().unwrap(), url: format!("http://127.0.0.1:{port}") }
}

async fn ask(client: &Client, path: &str) -> Option<(StatusCode, Bytes)> {
    client.send(Method::GET, path, None, Bytes::new()).await.ok()
}

async fn ready(server: &Server, is_so: impl Fn(&Value) -> bool) -> Client {
    let client = Client::remote(&server.url, None).unwrap();
    loop {
        if let Some((_, body)) = ask(&client, "/api/enhanced/health").await
            && is_so(&serde_json::from_slice(&body).unwrap())
        {
            return client;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn measure(folder: &Path, rows: u64) {
    let began = Instant::now();
    let server = start(folder, true);
    ready(&server, |body| body["checks"]["integration_thread"]["active"] == true).await;
    println!("{rows} rows imported in {:.1} s", began.elapsed().as_secs_f64());
    // Stopped in order, so that all is in segments as it is after some time.
    drop(server);

    println!("{:58} {:>9} {:>9} {:>9}", "path", "first ms", "p50 ms", "p95 ms");
    let day = |back: i64| (Utc::now() - TimeDelta::days(back)).format("%Y-%m-%d").to_string();
    let paths: [(&str, &dyn Fn(i64) -> String); 21] = [
        ("/api/enhanced/dashboard-data", &|n| format!("start_date={}", day(700 - n))),
        ("/api/enhanced/cost-trends", &|n| format!("days_back={}", 90 + n)),
        ("/api/enhanced/cost-trends", &|n| format!("service_type=openai&days_back={}", 700 + n)),
        ("/api/enhanced/optimization-recommendations", &|_| String::new()),
        ("/api/enhanced/cost-efficiency", &|_| String::new()),
        ("/api/enhanced/detailed-breakdown", &|n| format!("start_date={}", day(720 - n))),
        ("/api/enhanced/detailed-breakdown", &|n| {
            format!("group_by=service&group_by=date&start_date={}", day(720 - n))
        }),
        ("/api/enhanced/detailed-breakdown", &|n| {
            format!("group_by=hour&start_date={}", day(300 - n))
        }),
        ("/api/enhanced/cost-alerts", &|_| String::new()),
        ("/api/enhanced/export/json", &|n| format!("time_period=monthly&n={n}")),
        ("/api/enhanced/export/csv", &|n| format!("time_period=daily&n={n}")),
        ("/api/enhanced/health", &|_| String::new()),
        ("/api/cost/breakdown", &|n| format!("start_date={}", day(30 + n))),
        ("/api/cost/trends", &|n| format!("days_back={}", 30 + n)),
        ("/api/cost/optimization", &|_| String::new()),
        ("/api/cost/budget-utilization", &|n| format!("year=2026&month={}", 1 + n % 12)),
        ("/api/cost/roi-analysis", &|n| format!("start_date={}", day(720 - n))),
        ("/api/cost/summary", &|_| "time_period=monthly".into()),
        ("/api/cost/integrated/dashboard", &|_| String::new()),
        ("/api/cost/detailed-breakdown", &|n| format!("group_by=operation&days_back={}", 30 + n)),
        ("/api/cost/realtime-summary", &|_| String::new()),
    ];
    for (path, parameters) in paths {
        // A new start for each path: nothing is kept of another.
        let server = start(folder, false);
        let client = ready(&server, |_| true).await;
        let mut took = Vec::new();
        for round in 0..ROUNDS {
            let path = format!("{path}?{}", parameters(round));
            let began = Instant::now();
            let (status, _) = ask(&client, &path).await.unwrap();
            took.push(began.elapsed().as_secs_f64() * 1e3);
            assert!(status.is_success(), "{path}: {status}");
        }
        let first = took[0];
        took.sort_by(f64::total_cmp);
        let at = |share: f64| took[((took.len() - 1) as f64 * share).round() as usize];
        let shown = format!("{path}?{}", parameters(0));
        println!("{shown:58} {first:9.1} {:9.1} {:9.1}", at(0.5), at(0.95));
    }
}
