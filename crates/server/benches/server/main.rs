//! Measures the whole server, client included, on this machine: `make bench`.
//!
//! Starts the real binary on an empty folder and prints each figure beside its baseline, which is
//! the disk's own fsync for what is durable.

mod budgets;
mod client;
mod events;
mod hostile;
mod ledger;
mod sockets;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use client::Connection;
use events::EventTemplate;

/// A running server, killed when it is dropped.
struct Server {
    child: Child,
    address: String,
    token: String,
    data: PathBuf,
    ready_after: Duration,
}

impl Server {
    fn start(data: &Path) -> Self {
        let started = Instant::now();
        let address = format!("127.0.0.1:{}", free_port());
        let child = Command::new(env!("CARGO_BIN_EXE_outlay"))
            .args(["serve", "--data", &data.display().to_string(), "--listen", &address])
            .env("OUTLAY_LOG_LEVEL", "error")
            .stdout(Stdio::null())
            .spawn()
            .expect("the binary starts");
        let (token, data_dir) = (String::new(), data.to_owned());
        let mut server =
            Self { child, address, token, data: data_dir, ready_after: Duration::ZERO };
        server.wait_until_ready();
        server.ready_after = started.elapsed();
        let token = Command::new(env!("CARGO_BIN_EXE_outlay"))
            .args(["token", "--user", "bench", "--role", "admin", "--data"])
            .arg(data)
            .output()
            .expect("a token is made");
        server.token = String::from_utf8_lossy(&token.stdout).trim().to_owned();
        server
    }

    fn wait_until_ready(&self) {
        let until = Instant::now() + Duration::from_secs(30);
        while Instant::now() < until {
            if let Ok(mut connection) = Connection::open(&self.address, "")
                && connection.get("/readyz").is_ok_and(|answer| answer.status == 200)
            {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        panic!("the server did not become ready");
    }

    fn connect(&self) -> Connection {
        Connection::open(&self.address, &self.token).expect("the server takes connections")
    }

    /// Resident memory in bytes.
    fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let line = status.unwrap_or_default();
        let kib = line.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        kib.and_then(|kib| kib.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0)
            * 1024
    }

    /// Processor time so far, in seconds.
    fn processor(&self) -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()));
        let stat = stat.unwrap_or_default();
        // User and system time stand 12th and 13th after the name, in hundredths of a second.
        let rest = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
        rest.split_whitespace()
            .skip(11)
            .take(2)
            .filter_map(|ticks| ticks.parse::<f64>().ok())
            .sum::<f64>()
            / 100.0
    }

    /// Waits until it has nothing left to do, as far as can be seen in `look`; answers the share of
    /// a processor that it takes then.
    fn wait_until_idle(&self, look: Duration) -> f64 {
        let until = Instant::now() + Duration::from_secs(600);
        loop {
            let before = self.processor();
            std::thread::sleep(look);
            let share = (self.processor() - before) / look.as_secs_f64();
            if share < 0.01 || Instant::now() > until {
                return share;
            }
        }
    }
}

impl Server {
    /// Asks it to stop, and waits until it has.
    fn stop(mut self) {
        let pid = self.child.id().to_string();
        Command::new("kill").args(["-TERM", &pid]).status().expect("a signal is sent");
        self.child.wait().expect("the server ends");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("a port is free")
        .port()
}

/// Measures something on an empty folder, with about so many events.
type Part = fn(&Path, usize);

/// What is measured, each on a folder of its own: `OUTLAY_BENCH_PARTS="varied hostile"` for some.
const PARTS: [(&str, Part); 5] = [
    ("alike", measure_alike),
    ("varied", measure_varied),
    ("budgets", measure_budgets),
    ("hostile", measure_hostile),
    ("ledger", measure_ledger),
];

fn main() {
    let said = |name: &str| std::env::var(name).ok();
    let events = said("OUTLAY_BENCH_EVENTS").and_then(|text| text.parse().ok());
    let wanted = said("OUTLAY_BENCH_PARTS");
    let here = std::env::current_dir().expect("a folder");
    for (name, measure) in PARTS {
        if wanted.as_ref().is_none_or(|wanted| wanted.split_whitespace().any(|part| part == name)) {
            let folder = tempfile::tempdir_in(&here).expect("a folder");
            measure(folder.path(), events.unwrap_or(1_000_000));
        }
    }
}

/// Events that have much in common, as one team's have, and all that is asked of a filled folder.
fn measure_alike(folder: &Path, events: usize) {
    let (median, most) = fsync(folder);
    println!("fsync of 64 KiB on this disk      p50 {median:>8.2?}  p99 {most:>8.2?}");
    let server = Server::start(folder);
    std::thread::sleep(Duration::from_secs(3));
    println!("memory when idle                  {:>8.1} MB", megabytes(server.memory()));
    batches(&server, "alike", events, |number| vec![EventTemplate::batch(BATCH, number)]);
    singles(&server);
    sockets::measure(&server);
    server.stop();

    let server = Server::start(folder);
    println!("ready after a start               {:>8.2?}", server.ready_after);
    idle(&server);
    let bytes = disk_bytes(&server.data);
    println!(
        "on disk, all in                   {:>8.1} bytes an event",
        bytes as f64 / events as f64
    );
    server.stop();
}

/// Events of which hardly one is like its neighbour, half as many.
fn measure_varied(folder: &Path, events: usize) {
    let server = Server::start(folder);
    batches(&server, "varied", events / 2, varied);
    server.stop();
}

/// The bodies that a connection sends in turn.
fn varied(number: u64) -> Vec<EventTemplate> {
    (0..VARIED).map(|at| EventTemplate::varied(BATCH, number * 64 + at)).collect()
}

/// What a thousand budgets and a thousand rules take from the same.
fn measure_budgets(folder: &Path, events: usize) {
    let measured = |name: &str, prepare: fn(&Server)| {
        let folder = folder.join(name);
        std::fs::create_dir(&folder).expect("a folder");
        let server = Server::start(&folder);
        prepare(&server);
        let ingest = batches(&server, name, events / 2, varied);
        server.stop();
        ingest
    };
    let without = measured("without", |_| ());
    let with = measured("watched", budgets::make);
    println!(
        "1,000 budgets and 1,000 rules     {:>8.1} % fewer events/s, {:.1} % more processor time",
        (1.0 - with.per_second / without.per_second) * 100.0,
        (with.processor_us / without.processor_us - 1.0) * 100.0
    );
}

/// What hostile callers take from one who does as they should.
fn measure_hostile(folder: &Path, _: usize) {
    hostile::measure(&Server::start(folder));
}

/// Credit that is held and taken, and read.
fn measure_ledger(folder: &Path, _: usize) {
    ledger::measure(&Server::start(folder));
}

/// What a server takes that nobody asks anything, once it has tidied up.
fn idle(server: &Server) {
    let share = server.wait_until_idle(Duration::from_secs(10));
    println!("memory when idle, afterwards      {:>8.1} MB", megabytes(server.memory()));
    println!("processor time when idle          {:>8.2} %", share * 100.0);
}

fn disk_bytes(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).expect("a folder").flatten();
    let size = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(about) if about.is_dir() => disk_bytes(&entry.path()),
        Ok(about) => about.len(),
        Err(_) => 0,
    };
    entries.map(size).sum()
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

/// The median and the 99th percentile of an fdatasync after 64 KiB.
fn fsync(folder: &Path) -> (Duration, Duration) {
    use std::io::Write;
    let mut file = std::fs::File::create(folder.join("fsync")).expect("a file");
    let mut times: Vec<_> = (0..300)
        .map(|_| {
            file.write_all(&[7; 65_536]).expect("a write");
            let started = Instant::now();
            file.sync_data().expect("a sync");
            started.elapsed()
        })
        .collect();
    times.sort();
    (times[150], times[297])
}

/// Events in one body.
const BATCH: usize = 1_000;
/// Bodies of varied events that each connection sends in turn.
const VARIED: u64 = 50;

/// Batches of 1,000 over four connections, each of which sends its bodies in turn. Memory is read
/// while the last tenth comes in.
fn batches(
    server: &Server,
    name: &str,
    events: usize,
    bodies: impl Fn(u64) -> Vec<EventTemplate> + Sync,
) -> Ingest {
    const CONNECTIONS: usize = 4;
    let bodies: Vec<_> = (0..CONNECTIONS as u64).map(bodies).collect();
    let processor = server.processor();
    let started = Instant::now();
    let per_connection = events / BATCH / CONNECTIONS;
    let total = per_connection * BATCH * CONNECTIONS;
    let sent = AtomicUsize::new(0);
    let mut memory = Vec::new();
    std::thread::scope(|scope| {
        for mut bodies in bodies {
            let sent = &sent;
            scope.spawn(move || {
                let mut connection = server.connect();
                for turn in 0..per_connection {
                    let at = turn % bodies.len();
                    let answer =
                        connection.post("/api/v1/events", bodies[at].next()).expect("an answer");
                    assert_eq!(answer.status, 200);
                    assert!(answer.body.starts_with(b"{\"accepted\":1000,"), "all are accepted");
                    sent.fetch_add(BATCH, Ordering::Relaxed);
                }
            });
        }
        loop {
            let so_far = sent.load(Ordering::Relaxed);
            if so_far >= total {
                break;
            }
            if so_far >= total / 10 * 9 {
                memory.push(server.memory());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    });
    let seconds = started.elapsed().as_secs_f64();
    let ingest = Ingest {
        per_second: total as f64 / seconds,
        processor_us: (server.processor() - processor) * 1e6 / total as f64,
    };
    println!(
        "durable ingest, {name:<7} events    {:>8.0} events/s  ({total} in {seconds:.1} s, {:.1} µs \
         of the server's processor each)",
        ingest.per_second, ingest.processor_us
    );
    memory.sort_unstable();
    if let (Some(median), Some(most)) = (memory.get(memory.len() / 2), memory.last()) {
        println!(
            "memory during the last tenth      {:>8.1} MB  at most {:.1} MB",
            megabytes(*median),
            megabytes(*most)
        );
    }
    ingest
}

/// How fast events were taken in.
struct Ingest {
    per_second: f64,
    /// Of the server, for each event.
    processor_us: f64,
}

/// Single events over 256 connections, at the pace that each answer allows.
fn singles(server: &Server) {
    const CONNECTIONS: usize = 256;
    const EACH: usize = 1_000;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    let started = Instant::now();
    let mut times: Vec<Duration> = runtime.block_on(async {
        let mut tasks = Vec::new();
        for number in 0..CONNECTIONS {
            let (address, token) = (server.address.clone(), server.token.clone());
            tasks.push(tokio::spawn(async move {
                let mut connection = client::AsyncConnection::open(&address, &token).await;
                let mut template = EventTemplate::single(1_000 + number as u64);
                let mut times = Vec::with_capacity(EACH);
                for _ in 0..EACH {
                    let started = Instant::now();
                    let status = connection.post("/api/v1/events", template.next()).await;
                    times.push(started.elapsed());
                    assert_eq!(status, 200);
                }
                times
            }));
        }
        let mut all = Vec::new();
        for task in tasks {
            all.extend(task.await.expect("a connection that lasts"));
        }
        all
    });
    let seconds = started.elapsed().as_secs_f64();
    times.sort();
    let at = |part: f64| times[(times.len() as f64 * part) as usize];
    println!(
        "single events, 256 connections    {:>8.0} events/s  p50 {:.2?}  p99 {:.2?}",
        times.len() as f64 / seconds,
        at(0.5),
        at(0.99)
    );
}
