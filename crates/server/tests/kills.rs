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
use std::time::Duration;

use common::load::Load;
use common::{Launch, Running, assert_in_order};
use outlay_store::failpoint;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

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
    server.stop().await;
    assert_in_order(&data).await;
    println!("{} events; the process ended itself at {points:?}", load.events());
    // Retention and erasure have no work here; flushes, compactions and merges do.
    let met = |part: &str| points.iter().any(|point| point.starts_with(part));
    assert!(kills < KILLS || (met("history.flush") && met("history.compact")), "{points:?}");
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
