//! Backups, made while the server works, and restored.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use common::load::Load;
use common::{Launch, Running, assert_in_order, run};
use serde_json::Value;

async fn restored(backup: &Path, to: &Path) -> String {
    let output = run(to, &["restore", &backup.display().to_string()]).await;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    said
}

async fn back_up(data: &Path, target: &Path) {
    let output = run(data, &["backup", &target.display().to_string()]).await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_made_under_load_is_one_moment_and_restores_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| -> PathBuf { folder.path().join(name) };
    let data = at("data");
    std::fs::create_dir(&data).unwrap();
    let load = Load::new(6);
    let server = Launch::on(&data).with("OUTLAY_HISTORY_TAIL_EVENTS", 1_000).start().await.unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let senders: Vec<_> = (0..2)
        .map(|_| tokio::spawn(load.clone().send_until(server.client(), stop.clone())))
        .collect();

    let mut backups = Vec::new();
    for round in 0..6 {
        tokio::time::sleep(Duration::from_millis(400)).await;
        let answered = load.events();
        let name = if round % 2 == 0 { format!("{round}") } else { format!("{round}.tar.zst") };
        back_up(&data, &at(&name)).await;
        backups.push((at(&name), answered, load.events_sent()));
    }
    stop.store(true, Ordering::Relaxed);
    for sender in senders {
        sender.await.unwrap();
    }
    back_up(&data, &at("last.tar.zst")).await;
    server.stop().await;
    let leftovers = std::fs::read_dir(&data).unwrap().filter(|entry| {
        entry.as_ref().unwrap().file_name().to_string_lossy().starts_with("backup-")
    });
    assert_eq!(leftovers.count(), 0);

    for (place, (backup, answered, sent)) in backups.iter().enumerate() {
        let to = at(&format!("restored-{place}"));
        restored(backup, &to).await;
        let report = run(&to, &["check", "--json"]).await;
        let report: Value = serde_json::from_slice(&report.stdout).unwrap();
        let events = report["events"].as_u64().unwrap();
        assert!((*answered..=*sent).contains(&events), "{answered} <= {events} <= {sent}");
    }
    let to = at("restored");
    restored(&at("last.tar.zst"), &to).await;
    let server = Launch::on(&to).start().await.unwrap();
    load.assert_kept(&server.client()).await;
    server.stop().await;
    assert_in_order(&to).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_restored_over_something_or_from_half_a_backup() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let archive = folder.path().join("whole.tar.zst");
    Launch::on(&data).start().await.unwrap().stop().await;
    back_up(&data, &archive).await;
    let whole = std::fs::read(&archive).unwrap();
    let half = folder.path().join("half.tar.zst");
    std::fs::write(&half, &whole[..whole.len() / 2]).unwrap();
    let to = folder.path().join("to");

    let over = run(&data, &["restore", &archive.display().to_string()]).await;
    let from_half = run(&to, &["restore", &half.display().to_string()]).await;
    let from_nothing = run(&to, &["restore", &data.display().to_string()]).await;
    let twice = run(&data, &["backup", &archive.display().to_string()]).await;

    for (output, said) in [
        (&over, "is there already and not empty"),
        (&from_half, "is not a backup"),
        (&from_nothing, "`outlay-backup.json` in it cannot be read"),
        (&twice, "is there already"),
    ] {
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{errors}");
        assert!(errors.contains(said), "{errors}");
    }
    assert!(!to.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_cannot_write_outside_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("evil.tar.zst");
    let mut tar = tar::Builder::new(zstd::Encoder::new(Vec::new(), 1).unwrap());
    let note = br#"{"format":1,"program":"0","made_at":"2026-01-01T00:00:00Z","events":0,"size_bytes":0,"files":["books.db"]}"#;
    append(&mut tar, "outlay-backup.json", note);
    append(&mut tar, "../outside.parquet", b"x");
    std::fs::write(&archive, tar.into_inner().unwrap().finish().unwrap()).unwrap();
    let to = folder.path().join("to");

    let output = run(&to, &["restore", &archive.display().to_string()]).await;

    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert!(errors.contains("it has a file `../outside.parquet`"), "{errors}");
    assert!(!folder.path().join("outside.parquet").exists() && !to.exists());
}

/// Settings that trust an issuer by a file in the data folder, and one elsewhere.
const TRUST: &str = "[trust]\nname = \"billing\"\nsecret_file = \"trust/billing.key\"\n";

#[tokio::test(flavor = "multi_thread")]
async fn tokens_count_after_a_restore_and_the_secrets_are_for_their_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| -> PathBuf { folder.path().join(name) };
    let data = at("data");
    std::fs::create_dir_all(data.join("trust")).unwrap();
    std::fs::write(data.join("outlay.toml"), TRUST).unwrap();
    std::fs::write(data.join("trust/billing.key"), "a secret that both sides know").unwrap();
    Launch::on(&data).start().await.unwrap().stop().await;
    let minted = run(&data, &["token", "--user", "ci", "--role", "admin"]).await;
    let token = String::from_utf8(minted.stdout).unwrap().trim().to_owned();

    back_up(&data, &at("as-folder")).await;
    back_up(&data, &at("as-file.tar.zst")).await;

    for backup in ["as-folder", "as-file.tar.zst"] {
        let to = at(&format!("from-{backup}"));
        restored(&at(backup), &to).await;
        for name in ["token.key", "trust/billing.key", "outlay.toml"] {
            let (old, new) = (data.join(name), to.join(name));
            assert_eq!(std::fs::read(old).unwrap(), std::fs::read(&new).unwrap(), "{name}");
            let mode = std::fs::metadata(&new).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode, 0o600, "{name}");
        }
        let server = Launch::on(&to).start().await.unwrap();
        let url = url(&server).await;
        let listed = run(&to, &["user", "list", "--url", &url, "--token", &token]).await;
        assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
        server.stop().await;
    }
    let tar = zstd::Decoder::new(std::fs::File::open(at("as-file.tar.zst")).unwrap()).unwrap();
    for entry in tar::Archive::new(tar).entries().unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.header().mode().unwrap(), 0o600, "{:?}", entry.path());
    }
}

/// Where a server listens, once it has said so itself.
async fn url(server: &Running) -> String {
    const BEGIN: &str = "http://127.0.0.1:";
    loop {
        let said = server.said();
        if let Some((_, port)) = said.split_once(BEGIN)
            && let Some(end) = port.find(|letter: char| !letter.is_ascii_digit())
        {
            return format!("{BEGIN}{}", &port[..end]);
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_puts_no_file_in_the_place_of_one_of_outlays_own() {
    for name in ["outlay.sock", "books.db-wal", "history/x", "a/b/c", "./token.key", "lock"] {
        let folder = tempfile::tempdir().unwrap();
        let archive = folder.path().join("evil.tar.zst");
        let mut tar = tar::Builder::new(zstd::Encoder::new(Vec::new(), 1).unwrap());
        let note = format!(
            r#"{{"format":1,"program":"0","made_at":"2026-01-01T00:00:00Z","events":0,"size_bytes":0,"files":["{name}"]}}"#
        );
        append(&mut tar, "outlay-backup.json", note.as_bytes());
        append(&mut tar, name, b"x");
        std::fs::write(&archive, tar.into_inner().unwrap().finish().unwrap()).unwrap();
        let to = folder.path().join("to");

        let output = run(&to, &["restore", &archive.display().to_string()]).await;

        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{errors}");
        assert!(errors.contains(&format!("it names a file `{name}`")), "{errors}");
        assert!(!to.exists());
    }
}

/// Appends a file under any name, which `tar` itself refuses to.
fn append(tar: &mut tar::Builder<impl std::io::Write>, name: &str, text: &[u8]) {
    let mut header = tar::Header::new_gnu();
    header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
    header.set_size(text.len() as u64);
    header.set_mode(0o600);
    header.set_cksum();
    tar.append(&header, text).unwrap();
}
