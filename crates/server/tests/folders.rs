//! What commands do with folders, and what is left in one.
#![allow(clippy::unwrap_used)]

mod common;

use std::io::Read;
use std::path::Path;

use axum::http::StatusCode;
use common::{Launch, Running, assert_in_order, post, run};
use serde_json::json;

/// Every file under `folder` in which `text` stands.
fn files_with(folder: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            match entry.file_type().unwrap() {
                kind if kind.is_dir() => folders.push(path),
                kind if kind.is_file() => {
                    let bytes = std::fs::read(&path).unwrap();
                    if stands_in(&bytes, text)
                        || unpacked(&bytes).any(|bytes| stands_in(&bytes, text))
                    {
                        found.push(path.display().to_string());
                    }
                }
                _ => {}
            }
        }
    }
    found
}

fn stands_in(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

/// What comes of everything in these bytes that looks as if Zstandard had packed it, as far as it
/// can be read: the log and the segments are packed.
fn unpacked(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    const MAGIC: [u8; 4] = [0x28, 0xB5, 0x2F, 0xFD];
    let starts = bytes.windows(4).enumerate().filter(|(_, window)| *window == MAGIC);
    starts.map(|(start, _)| {
        let mut plain = Vec::new();
        let packed = zstd::Decoder::new(&bytes[start..]).unwrap();
        // What was read before something else begins is what counts.
        let _ = packed.single_frame().take(1 << 20).read_to_end(&mut plain);
        plain
    })
}

const PERSON: &str = "ada.lovelace@example.com";

/// Sends events of the person, one request each so that each is a row of the log.
async fn send_events_of_the_person(server: &Running, source: &str, count: usize) {
    for id in 0..count {
        let event = json!({
            "id": id.to_string(), "source": source, "cost": "0.25", "subject": PERSON,
            "occurred_at": "2026-03-01T10:00:00Z",
            "tags": {"mail": PERSON}, "metadata": {"note": format!("{PERSON} said so")},
        });
        let (status, answer) = post(&server.client(), "/api/v1/events", &event).await.unwrap();
        assert_eq!(status, StatusCode::OK, "{answer}");
    }
}

async fn erase(server: &Running) -> u64 {
    let erasure = json!({ "subject": PERSON, "reason": "asked by letter" });
    let (status, answer) = post(&server.client(), "/api/v1/erasures", &erasure).await.unwrap();
    assert_eq!(status, StatusCode::OK, "{answer}");
    answer["facts"].as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_who_was_erased_stands_in_no_file_of_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    // Ended in the middle, and started again: what was in the log is read from there.
    let server = Launch::on(&data).start().await.unwrap();
    send_events_of_the_person(&server, "one", 40).await;
    assert!(!files_with(&data, PERSON).is_empty());
    server.kill();
    let server = Launch::on(&data).start().await.unwrap();
    send_events_of_the_person(&server, "two", 40).await;
    let payment = json!({
        "kind": "payment", "id": "p1", "source": "shop", "occurred_at": "2026-03-01T10:00:00Z",
        "gross": "9.5", "attributes": {"subject": PERSON, "account": "acme", "tag.mail": PERSON},
        "metadata": {"buyer": PERSON},
    });
    let (status, answer) = post(&server.client(), "/api/v1/revenue", &payment).await.unwrap();
    assert_eq!(status, StatusCode::OK, "{answer}");

    let view = json!({ "name": format!("Of {PERSON}"), "filters": {"subject": [PERSON]} });
    let note = json!({ "text": format!("{PERSON} left"), "at": "2026-03-01T10:00:00Z" });
    for (path, body) in [("/api/v1/views", view), ("/api/v1/annotations", note)] {
        let (status, answer) = post(&server.client(), path, &body).await.unwrap();
        assert_eq!(status, StatusCode::CREATED, "{answer}");
    }

    let facts = erase(&server).await;

    assert_eq!(facts, 80);
    assert_eq!(files_with(&data, PERSON), [""; 0], "while it serves");
    server.stop().await;
    assert_eq!(files_with(&data, PERSON), [""; 0], "after the stop");
    let server = Launch::on(&data).start().await.unwrap();
    assert_eq!(files_with(&data, PERSON), [""; 0], "after the next start");
    assert_eq!(erase(&server).await, 0);
    server.stop().await;
    assert_in_order(&data).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_command_but_those_that_fill_a_folder_makes_one() {
    let folder = tempfile::tempdir().unwrap();
    let none = folder.path().join("none");
    let other = folder.path().join("other");
    std::fs::create_dir(&other).unwrap();
    std::fs::write(other.join("letter.txt"), "not of Outlay").unwrap();
    let target = folder.path().join("target.tar.zst").display().to_string();

    for arguments in [
        vec!["check"],
        vec!["backup", &target],
        vec!["export", "events", "--out", &target],
        vec!["report", "--month", "2026-01", "--out", &target],
        vec!["prices", "list"],
        vec!["user", "list"],
        vec!["user", "add", "ada"],
        vec!["key", "list"],
        vec!["key", "create", "shop", "--scope", "events:write"],
        vec!["token", "--user", "ada"],
    ] {
        for data in [&none, &other] {
            let output = run(data, &arguments).await;

            let errors = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(1), "{arguments:?}: {errors}");
            assert!(errors.contains("is not a data folder of Outlay's"), "{arguments:?}: {errors}");
        }
    }
    for arguments in
        [vec!["ready"], vec!["config", "check"], vec!["config", "example"], vec!["openapi"]]
    {
        run(&none, &arguments).await;
    }
    assert!(!none.exists());
    let names = std::fs::read_dir(&other).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(names.collect::<Vec<_>>(), ["letter.txt"]);
    assert!(!Path::new(&target).exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_are_checked_and_shown() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let check = async |settings: &str, json: bool| {
        std::fs::write(data.join("outlay.toml"), settings).unwrap();
        let arguments: &[&str] =
            if json { &["config", "check", "--json"] } else { &["config", "check"] };
        let output = run(&data, arguments).await;
        let said = String::from_utf8(output.stdout).unwrap();
        (output.status.code(), said, String::from_utf8(output.stderr).unwrap())
    };

    for good in [
        "",
        "[server]\nlisten = \"127.0.0.1:9999\"\n",
        "[dialects.leadfactory]\nenabled = true\nport = 5002\n",
        "[trust]\nname = \"a\"\nsecret = \"0123456789abcdef0123\"\n\
         [[trust.more]]\nname = \"b\"\nsecret = \"0123456789abcdef0124\"\n",
    ] {
        let (code, said, errors) = check(good, false).await;
        assert_eq!(code, Some(0), "{good}: {said}{errors}");
        assert!(said.contains("dialects.leadfactory.port"), "{said}");
        assert!(!said.contains("0123456789abcdef"), "{said}");

        let (code, said, errors) = check(good, true).await;
        assert_eq!(code, Some(0), "{good}: {errors}");
        let shown: Vec<serde_json::Value> = serde_json::from_str(&said).unwrap();
        let value = |key: &str| {
            let found = shown.iter().find(|one| one["key"] == key);
            found.unwrap_or_else(|| panic!("{key} is missing"))["value"].clone()
        };
        let enabled = good.contains("enabled = true").to_string();
        assert_eq!(value("dialects.leadfactory.enabled"), enabled);
        assert_eq!(value("questions.sql_turns"), "2");
        let secret = if good.contains("[trust]") { "(secret)" } else { "\"\"" };
        assert_eq!(value("trust.secret"), secret);
        assert!(!said.contains("0123456789abcdef"), "{said}");
    }

    for (bad, named) in [
        ("[server]\nlisten = 5\n", "outlay.toml:2"),
        ("[server]\nlisten_on = \"x\"\n", "listen_on"),
        ("[questions]\nsql_turns = 0\n", "questions.sql_turns"),
        ("[dialects.leadfactory]\nport = 70000\n", "outlay.toml:2"),
        ("[trust]\nsecret = \"short\"\n", "trust.secret"),
        ("[[[", "outlay.toml"),
    ] {
        let (code, said, errors) = check(bad, false).await;
        assert_eq!(code, Some(1), "{bad}: {said}{errors}");
        assert!(errors.contains(named), "{bad}: {errors}");
        assert!(!errors.contains("panicked"), "{errors}");
    }
}
