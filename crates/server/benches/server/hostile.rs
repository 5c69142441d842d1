//! What callers with the worst intent do to one who does as they should.

use std::io::Write;
use std::net::TcpStream;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::Server;
use super::client::{Connection, Packing};
use super::events::EventTemplate;

/// How long the sender sends, alone and beside the others.
const LOOK: Duration = Duration::from_secs(10);
/// Connections that one of them keeps open and never uses.
const IDLE: usize = 1_000;

/// Sends single events alone, and then beside hostile callers, and prints how long each took.
pub fn measure(server: &Server) {
    let alone = send(server, 7_000);
    let stop = AtomicBool::new(false);
    let member = token(server, "mallory", "member");
    let viewer = token(server, "victor", "viewer");
    let beside = std::thread::scope(|scope| {
        let attackers: [Box<dyn FnOnce() + Send + '_>; 6] = [
            Box::new(|| many_nothings(server, &member, &stop)),
            Box::new(|| many_tags(server, &member, &stop)),
            Box::new(|| many_meters(server, &viewer, &stop)),
            Box::new(|| many_meters(server, &viewer, &stop)),
            Box::new(|| large_amounts(server, &member, &stop)),
            Box::new(|| idle_connections(server, &stop)),
        ];
        for attack in attackers {
            scope.spawn(move || {
                // They make what they send on machines of their own, and shall not take the
                // processor here from the server and the one who does as they should.
                let _ = rustix::process::setpriority_process(None, 19);
                attack();
            });
        }
        let beside = send(server, 8_000);
        stop.store(true, Ordering::Relaxed);
        beside
    });
    println!(
        "a sender alone                    p50 {:>8.2?}  p99 {:.2?}",
        at(&alone, 0.5),
        at(&alone, 0.99)
    );
    println!(
        "a sender beside hostile callers   p50 {:>8.2?}  p99 {:.2?}  ({:.1} × of its own alone)",
        at(&beside, 0.5),
        at(&beside, 0.99),
        at(&beside, 0.99).as_secs_f64() / at(&alone, 0.99).as_secs_f64()
    );
    println!("memory beside hostile callers     {:>8.1} MB", super::megabytes(server.memory()));
}

fn at(times: &[Duration], part: f64) -> Duration {
    times[(times.len() as f64 * part) as usize]
}

/// Sends single events, each once the one before is answered; answers how long each took.
fn send(server: &Server, seed: u64) -> Vec<Duration> {
    let mut connection = server.connect();
    let mut template = EventTemplate::single(seed);
    let mut times = Vec::new();
    let until = Instant::now() + LOOK;
    while Instant::now() < until {
        let started = Instant::now();
        let answer = connection.post("/api/v1/events", template.next()).expect("an answer");
        times.push(started.elapsed());
        assert_eq!(answer.status, 200, "whoever does as they should is answered");
    }
    times.sort();
    times
}

fn token(server: &Server, user: &str, role: &str) -> String {
    let made = Command::new(env!("CARGO_BIN_EXE_outlay"))
        .args(["token", "--user", user, "--role", role, "--data"])
        .arg(&server.data)
        .output()
        .expect("a token is made");
    String::from_utf8_lossy(&made.stdout).trim().to_owned()
}

/// Sends the same again and again, over new connections where the server ends one.
fn again(
    server: &Server,
    token: &str,
    path: &str,
    packing: Packing,
    body: &[u8],
    stop: &AtomicBool,
) {
    while !stop.load(Ordering::Relaxed) {
        let Ok(mut connection) = Connection::open(&server.address, token) else { continue };
        while !stop.load(Ordering::Relaxed) && connection.post_packed(path, packing, body).is_ok() {
        }
    }
}

fn packed(text: &str) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::best());
    packer.write_all(text.as_bytes()).expect("memory takes bytes");
    packer.finish().expect("memory takes bytes")
}

/// Eleven million empty objects in 32 KB.
fn many_nothings(server: &Server, token: &str, stop: &AtomicBool) {
    let body = packed(&format!("[{}{{}}]", "{},".repeat(11_000_000)));
    again(server, token, "/api/v1/events", Packing::Gzip, &body, stop);
}

/// Events with 20 KB of tags each, which are never the same.
fn many_tags(server: &Server, token: &str, stop: &AtomicBool) {
    let mut connection = server_connection(server, token);
    for number in 0_u64.. {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let events: Vec<String> = (0..100).map(|event| tagged(number * 100 + event)).collect();
        let body = format!("[{}]", events.join(","));
        if connection.post("/api/v1/events", body.as_bytes()).is_err() {
            connection = server_connection(server, token);
        }
    }
}

fn tagged(number: u64) -> String {
    let tag = |at: usize| format!("\"k{at}\":\"{number:08}{}\"", "x".repeat(240));
    let tags: Vec<String> = (0..32).map(tag).collect();
    format!(r#"{{"id":"t{number}","service":"s","cost":"0.01","tags":{{{}}}}}"#, tags.join(","))
}

/// Quotes of 100,000 meters.
fn many_meters(server: &Server, token: &str, stop: &AtomicBool) {
    let meters: Vec<String> = (0..100_000).map(|at| format!("\"m{at}\":1")).collect();
    let body = format!(r#"{{"provider":"openai","quantities":{{{}}}}}"#, meters.join(","));
    again(server, token, "/api/v1/prices/quote", Packing::None, body.as_bytes(), stop);
}

/// Costs that no sum can hold twice.
fn large_amounts(server: &Server, token: &str, stop: &AtomicBool) {
    let mut connection = server_connection(server, token);
    for number in 0_u64.. {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let body = format!(r#"{{"id":"a{number}","service":"s","cost":"9223372036.854775807"}}"#);
        if connection.post("/api/v1/events", body.as_bytes()).is_err() {
            connection = server_connection(server, token);
        }
    }
}

fn server_connection(server: &Server, token: &str) -> Connection {
    Connection::open(&server.address, token).expect("the server takes connections")
}

/// Connections that ask nothing, and ones that never end asking.
fn idle_connections(server: &Server, stop: &AtomicBool) {
    let mut open = Vec::with_capacity(IDLE);
    while !stop.load(Ordering::Relaxed) {
        if open.len() < IDLE {
            let Ok(mut stream) = TcpStream::connect(&server.address) else { continue };
            if open.len() % 2 == 0 {
                // One that the server ended is as good as one that it did not.
                let _ = stream.write_all(b"POST /api/v1/session HTTP/1.1\r\nHost: local");
            }
            open.push(stream);
        } else {
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}
