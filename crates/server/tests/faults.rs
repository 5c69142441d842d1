//! What fails around the program: the disk, the folder, the files, the clock. Each gets a clear
//! message, and nothing that was answered is lost.
#![allow(clippy::unwrap_used)]

mod common;

use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::http::StatusCode;
use common::desk::Desk;
use common::load::Load;
use common::{Launch, PATIENCE, Running, assert_in_order, get, post, run};
use outlay_store::StoreError;
use serde_json::{Value, json};
use tempfile::TempDir;

/// A folder for data, beside which the logs are written.
fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    (folder, data)
}

/// Lets a sender work for a while.
async fn send_for(load: &Arc<Load>, server: &Running, time: Duration) {
    let stop = Arc::new(AtomicBool::new(false));
    let sender = tokio::spawn(load.clone().send_until(server.client(), stop.clone()));
    tokio::time::sleep(time).await;
    stop.store(true, Ordering::Relaxed);
    sender.await.unwrap();
}

/// Segments of the history, by size.
fn segments(data: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = std::fs::read_dir(data.join("history"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| !path.to_string_lossy().contains(".rollup."))
        .collect();
    files.sort_by_key(|path| std::fs::metadata(path).unwrap().len());
    files
}

/// A small disk of its own. Only root may have one.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(place: &Path, size: &str) -> Option<Self> {
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"])
            .arg(place)
            .output();
        match mounted {
            Ok(output) if output.status.success() => Some(Self(place.to_path_buf())),
            refused => {
                println!("left out: no disk of its own can be mounted here: {refused:?}");
                None
            }
        }
    }

    fn remount(&self, option: &str) {
        let remounted =
            Command::new("mount").args(["-o", &format!("remount,{option}")]).arg(&self.0).output();
        assert!(remounted.unwrap().status.success());
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).output();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_writes_in_words_and_takes_them_again_when_there_is_room() {
    let (_folder, data) = folder();
    let Some(_disk) = SmallDisk::mount(&data, "32m") else { return };
    let ballast = data.join("ballast");
    std::fs::write(&ballast, vec![1; 14 << 20]).unwrap();
    let load = Load::new(1);
    let server = Launch::on(&data).start().await.unwrap();

    // Until the disk is full: then the sender gives up.
    let stop = Arc::new(AtomicBool::new(false));
    let sending = load.clone().send_until(server.client(), stop);
    tokio::time::timeout(Duration::from_secs(120), sending).await.expect("the disk fills up");

    let (status, answer) = get(&server.client(), "/readyz").await.unwrap();
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{answer}");
    assert!(answer.contains("cannot write to its data folder"), "{answer}");
    assert!(server.said().contains("the data folder takes no writes"), "{}", server.said());
    let (status, _) = get(&server.client(), "/healthz").await.unwrap();
    assert_eq!(status, StatusCode::OK);
    let erasure = json!({ "subject": "nobody", "reason": "asked for it" });
    let (status, answer) = post(&server.client(), "/api/v1/erasures", &erasure).await.unwrap();
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{answer}");
    let detail = answer["detail"].as_str().unwrap();
    assert!(detail.starts_with("the erasure is not finished: the disk of"), "{answer}");

    std::fs::remove_file(&ballast).unwrap();
    assert!(load.send_open(&server.client()).await);
    load.assert_kept(&server.client()).await;
    assert_eq!(get(&server.client(), "/readyz").await.unwrap().0, StatusCode::OK);
    server.stop().await;
    assert_in_order(&data).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_turns_read_only_refuses_writes_and_loses_nothing() {
    let (_folder, data) = folder();
    let Some(disk) = SmallDisk::mount(&data, "32m") else { return };
    let load = Load::new(2);
    let server = Launch::on(&data).start().await.unwrap();
    send_for(&load, &server, Duration::from_millis(300)).await;
    server.kill();

    disk.remount("ro");
    let ended = Launch::on(&data).start().await.err().expect("nothing can be served from here");
    assert_eq!(ended.status.code(), Some(1));
    assert!(ended.said.contains(&data.display().to_string()), "{}", ended.said);
    assert!(ended.said.contains("Read-only file system"), "{}", ended.said);

    disk.remount("rw");
    let server = Launch::on(&data).start().await.unwrap();
    assert!(load.send_open(&server.client()).await);
    load.assert_kept(&server.client()).await;
    server.stop().await;
    assert_in_order(&data).await;
}

#[tokio::test]
async fn a_folder_of_somebody_else_is_named_with_the_reason() {
    let (_folder, data) = folder();
    if rustix::process::geteuid().is_root() {
        println!("left out: root may write everywhere");
        return;
    }
    std::fs::set_permissions(&data, std::fs::Permissions::from_mode(0o500)).unwrap();

    let ended = Launch::on(&data).start().await.err().expect("nothing can be written here");

    assert_eq!(ended.status.code(), Some(1));
    assert!(ended.said.contains(&data.display().to_string()), "{}", ended.said);
    assert!(ended.said.contains("Permission denied"), "{}", ended.said);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_server_on_the_same_folder_is_refused_and_the_first_goes_on() {
    let (_folder, data) = folder();
    let load = Load::new(3);
    let first = Launch::on(&data).start().await.unwrap();
    send_for(&load, &first, Duration::from_millis(100)).await;

    let second = run(&data, &["serve", "--listen", "127.0.0.1:0"]).await;

    let said = String::from_utf8_lossy(&second.stderr);
    assert_eq!(second.status.code(), Some(1), "{said}");
    assert!(said.contains("is in use by another server"), "{said}");
    send_for(&load, &first, Duration::from_millis(100)).await;
    load.assert_kept(&first.client()).await;
    first.stop().await;
    assert_in_order(&data).await;
}

/// Serves some events from segments, and stops.
async fn folder_with_segments(load: &Arc<Load>, data: &Path) {
    let server = Launch::on(data).with("OUTLAY_HISTORY_TAIL_EVENTS", 1_000).start().await.unwrap();
    while segments(data).is_empty() {
        send_for(load, &server, Duration::from_millis(200)).await;
    }
    server.stop().await;
}

/// Damages the largest segment; the check must name it, and all is well when it is put back.
async fn is_found_and_mended(damage: impl FnOnce(&Path), found: &str) {
    let (_folder, data) = folder();
    let load = Load::new(4);
    folder_with_segments(&load, &data).await;
    let segment = segments(&data).pop().unwrap();
    let whole = std::fs::read(&segment).unwrap();

    damage(&segment);
    let checked = run(&data, &["check"]).await;

    let said = String::from_utf8_lossy(&checked.stdout);
    assert_eq!(checked.status.code(), Some(1), "{said}");
    let name = segment.file_name().unwrap().to_string_lossy();
    assert!(said.contains(&*name) && said.contains(found), "{said}");
    assert!(said.contains("restore a backup"), "{said}");

    std::fs::write(&segment, whole).unwrap();
    assert_in_order(&data).await;
    let server = Launch::on(&data).start().await.unwrap();
    assert!(load.send_open(&server.client()).await);
    load.assert_kept(&server.client()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_truncated_segment_is_named_and_the_rest_can_be_used() {
    let truncate = |segment: &Path| {
        let file = std::fs::File::options().write(true).open(segment).unwrap();
        file.set_len(file.metadata().unwrap().len() / 2).unwrap();
    };
    is_found_and_mended(truncate, "bytes instead of").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_bit_is_named() {
    let flip = |segment: &Path| {
        let file = std::fs::File::options().read(true).write(true).open(segment).unwrap();
        let middle = file.metadata().unwrap().len() / 2;
        let mut byte = [0];
        file.read_exact_at(&mut byte, middle).unwrap();
        file.write_all_at(&[byte[0] ^ 0x10], middle).unwrap();
    };
    is_found_and_mended(flip, "its bytes have changed").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_segment_is_named() {
    is_found_and_mended(|segment| std::fs::remove_file(segment).unwrap(), "No such file").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_served_while_a_segment_is_damaged() {
    let (_folder, data) = folder();
    let load = Load::new(5);
    folder_with_segments(&load, &data).await;
    let segment = segments(&data).pop().unwrap();
    std::fs::write(&segment, b"no Parquet at all").unwrap();

    let server = Launch::on(&data).start().await.unwrap();
    let before = load.events();
    send_for(&load, &server, Duration::from_millis(200)).await;

    assert!(load.events() > before, "writing goes on");
    let path = "/api/v1/usage/breakdown?from=2000-01-01&to=2100-01-01&by=model,tag.feature";
    let (status, answer) = get(&server.client(), path).await.unwrap();
    // An answer that leaves a segment out would be a wrong one.
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR, "{answer}");
    let said = server.said();
    assert!(said.contains(&*segment.file_name().unwrap().to_string_lossy()), "{said}");
}

/// Asks until the answer is as it should be. Fails when that takes too long.
async fn ask_until(server: &Running, path: &str, is_right: impl Fn(StatusCode, &str) -> bool) {
    let started = std::time::Instant::now();
    loop {
        let (status, answer) = get(&server.client(), path).await.unwrap();
        if is_right(status, &answer) {
            return;
        }
        assert!(started.elapsed() < PATIENCE, "{path}: {status} {answer}");
    }
}

/// What `GET /api/v1/system` says of a task.
async fn task(server: &Running, name: &str) -> Value {
    let (_, answer) = get(&server.client(), "/api/v1/system").await.unwrap();
    let system: Value = serde_json::from_str(&answer).unwrap();
    let tasks = system["tasks"].as_array().unwrap();
    tasks.iter().find(|task| task["name"] == name).unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flush_that_always_panics_is_told_everywhere_and_loses_nothing() {
    let (_folder, data) = folder();
    let load = Load::new(6);
    let launch = || Launch::on(&data).with("OUTLAY_HISTORY_TAIL_EVENTS", 1_000);
    let broken = launch().with("OUTLAY_FAILPOINT", "history.flush.begun:1000000:panic");
    let server = broken.start().await.unwrap();
    while load.events() < 1_500 {
        send_for(&load, &server, Duration::from_millis(50)).await;
    }

    // From the third panic on it is down for good; before, being started again counts as health.
    let is_down = |status, answer: &str| {
        status == StatusCode::SERVICE_UNAVAILABLE && answer.contains("the task `flush`")
    };
    ask_until(&server, "/readyz", is_down).await;
    let flush = task(&server, "flush").await;
    assert_eq!(flush["state"], "down", "{flush}");
    assert!(flush["last_error"].as_str().unwrap().contains("history.flush.begun"), "{flush}");
    let counted = |_, metrics: &str| {
        let line = metrics
            .lines()
            .find(|line| line.starts_with("outlay_task_panics_total{task=\"flush\"}"));
        line.is_some_and(|line| !line.ends_with(" 0"))
    };
    ask_until(&server, "/metrics", counted).await;
    let alerted = |_, alerts: &str| alerts.contains("The task “flush” ended in a panic");
    ask_until(&server, "/api/v1/alerts", alerted).await;
    assert!(server.said().contains("background work ended in a panic"), "{}", server.said());
    let checked = run(&data, &["check"]).await;
    let found = String::from_utf8_lossy(&checked.stdout).into_owned();
    assert_eq!(checked.status.code(), Some(1), "{found}");
    assert!(found.contains("are not written to the history"), "{found}");
    // Commits do not depend on it.
    load.assert_kept(&server.client()).await;
    server.kill();

    let server = launch().start().await.unwrap();
    ask_until(&server, "/readyz", |status, _| status == StatusCode::OK).await;
    while segments(&data).is_empty() {
        send_for(&load, &server, Duration::from_millis(50)).await;
    }
    load.assert_kept(&server.client()).await;
    server.stop().await;
    assert_in_order(&data).await;
}

/// Lets the first commit end in a panic at `point`; whoever waits is answered, and what is sent
/// again is counted once.
async fn survives_a_panic_at(point: &str, then: &str) {
    let (_folder, data) = folder();
    let launch = Launch::on(&data).with("OUTLAY_FAILPOINT", format!("{point}:1:panic"));
    let server = launch.start().await.unwrap();
    let event = json!([{ "id": "one", "provider": "openai", "model": "m", "cost": "1.5" }]);
    let send = async || post(&server.client(), "/api/v1/events", &event).await.unwrap();

    let (status, answer) = send().await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{answer}");
    assert!(answer["detail"].as_str().unwrap().contains("interrupted"), "{answer}");

    // Until the journal is started again, whoever sends is told to come back.
    let again = async {
        loop {
            let told = send().await;
            if told.0 != StatusCode::SERVICE_UNAVAILABLE {
                return told;
            }
            tokio::task::yield_now().await;
        }
    };
    let (status, answer) = tokio::time::timeout(Duration::from_secs(30), again).await.unwrap();
    ask_until(&server, "/readyz", |status, _| status == StatusCode::OK).await;
    assert_eq!((status, &answer[then]), (StatusCode::OK, &json!(1)), "{answer}");
    let commits = task(&server, "commits").await;
    assert_eq!((&commits["state"], &commits["panics_total"]), (&json!("ok"), &json!(1)));
    let (_, metrics) = get(&server.client(), "/metrics").await.unwrap();
    assert!(metrics.contains("outlay_ledger_spend 1.500000000"), "{metrics}");
    server.stop().await;
    assert_in_order(&data).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_before_a_commit_is_written_is_answered_and_nothing_of_it_is_kept() {
    survives_a_panic_at("commit.begun", "accepted").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_after_a_commit_is_written_is_answered_and_what_was_kept_is_found_again() {
    survives_a_panic_at("commit.written", "repeated").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn asking_whether_the_server_is_ready_writes_nothing() {
    let desk = Desk::open().await;
    let beats = || {
        let books = &desk.server.state().outlay.books;
        books.read_blocking(|books| books.heartbeats()).unwrap()
    };

    for _ in 0..100 {
        assert_eq!(desk.get_as("/readyz", None).await.0, StatusCode::OK);
    }

    assert_eq!(beats(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_is_what_the_last_write_said() {
    let desk = Desk::open().await;
    let full = std::io::Error::from(std::io::ErrorKind::StorageFull);
    desk.server.state().outlay.writes.failed(&StoreError::file("/secret/place")(full));

    let (status, answer) = desk.get_as("/readyz", None).await;

    let answer = String::from_utf8(answer).unwrap();
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.contains("cannot write to its data folder"), "{answer}");
    assert!(!answer.contains("/secret/place"), "nobody is told of paths: {answer}");
    desk.take_in(&json!([{ "id": "a", "provider": "openai", "cost": "1" }])).await;
    assert_eq!(desk.get_as("/readyz", None).await.0, StatusCode::OK);
}
