//! Authorizing and capturing over 256 connections, and balances that are read meanwhile.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Server, client};

const CONNECTIONS: usize = 256;
const EACH: usize = 200;
/// Accounts among which the connections are shared out.
const ACCOUNTS: usize = 64;

/// Measures pairs of one authorization and its capture, each durable before it is answered.
pub fn measure(server: &Server) {
    let mut connection = server.connect();
    for account in 0..ACCOUNTS {
        let grant = json!({"id": "g", "amount": "1000000", "unit": "USD", "source": "purchase"});
        let path = format!("/api/v1/accounts/account-{account}/grants");
        let answer = connection.post(&path, grant.to_string().as_bytes()).expect("an answer");
        assert_eq!(answer.status, 200);
    }
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| reads(server, &is_over));
        let processor = server.processor();
        let started = Instant::now();
        let mut times = pairs(server);
        let seconds = started.elapsed().as_secs_f64();
        let processor_us = (server.processor() - processor) * 1e6 / times.len() as f64;
        is_over.store(true, Ordering::Relaxed);
        told("authorize + capture, 256 conn.", &mut times, seconds, "pairs/s");
        println!(
            "                                  {processor_us:>8.1} µs of the server's processor each"
        );
        let mut reads = reader.join().expect("reads");
        told("balance reads meanwhile", &mut reads, seconds, "reads/s");
    });
}

fn told(what: &str, times: &mut [Duration], seconds: f64, unit: &str) {
    times.sort();
    let at = |part: f64| times[(times.len() as f64 * part) as usize];
    println!(
        "{what:<34}{:>8.0} {unit}  p50 {:.2?}  p99 {:.2?}",
        times.len() as f64 / seconds,
        at(0.5),
        at(0.99)
    );
}

/// One connection that reads balances, at some hundred a second.
fn reads(server: &Server, is_over: &AtomicBool) -> Vec<Duration> {
    let mut connection = server.connect();
    let mut times = Vec::new();
    while !is_over.load(Ordering::Relaxed) {
        let path = format!("/api/v1/accounts/account-{}/balance", times.len() % ACCOUNTS);
        let started = Instant::now();
        assert_eq!(connection.get(&path).expect("an answer").status, 200);
        times.push(started.elapsed());
        // A caller may read so often, and no more.
        std::thread::sleep(Duration::from_millis(7));
    }
    times
}

fn pairs(server: &Server) -> Vec<Duration> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let tasks: Vec<_> = (0..CONNECTIONS)
            .map(|number| {
                let (address, token) = (server.address.clone(), server.token.clone());
                tokio::spawn(async move {
                    let mut connection = client::AsyncConnection::open(&address, &token).await;
                    let mut times = Vec::with_capacity(EACH);
                    for at in 0..EACH {
                        let started = Instant::now();
                        pair(&mut connection, number, at).await;
                        times.push(started.elapsed());
                    }
                    times
                })
            })
            .collect();
        let mut all = Vec::new();
        for task in tasks {
            all.extend(task.await.expect("a connection that lasts"));
        }
        all
    })
}

async fn pair(connection: &mut client::AsyncConnection, number: usize, at: usize) {
    let account = number % ACCOUNTS;
    let ask = format!(
        "{{\"id\":\"{number}-{at}\",\"account\":\"account-{account}\",\"amount\":\"0.01\"}}"
    );
    assert_eq!(connection.post("/api/v1/authorize", ask.as_bytes()).await, 200);
    let held: Value = serde_json::from_slice(connection.body()).expect("JSON");
    let hold = held["hold"].as_str().expect("a hold");
    let path = format!("/api/v1/holds/{hold}/capture");
    assert_eq!(connection.post(&path, b"{\"amount\":\"0.004\"}").await, 200);
}
