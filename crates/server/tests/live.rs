//! Live updates over real sockets: who hears of what, and until when.

#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::time::Duration;

use axum::http::Method;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use common::{Launch, Running, post};
use futures::{SinkExt, StreamExt};
use serde_json::json;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// How long something may take on a busy machine; less than what sockets are looked at after anyhow.
const PATIENCE: Duration = Duration::from_secs(40);

/// A key that sees all usage; its id and its secret.
async fn key(server: &Running, ends_at: Option<DateTime<Utc>>) -> (String, String) {
    let body = json!({
        "user": "ada", "name": "screen", "scopes": ["usage:read"], "expires_at": ends_at,
    });
    let (status, key) = post(&server.client(), "/api/v1/keys", &body).await.unwrap();
    assert!(status.is_success(), "{key}");
    let text = |field: &str| key[field].as_str().unwrap().to_owned();
    (text("id"), text("secret"))
}

async fn start(data: &std::path::Path) -> Running {
    let server = Launch::on(data).start().await.unwrap();
    let ada = json!({ "id": "ada", "role": "admin" });
    let (status, _) = post(&server.client(), "/api/v1/users", &ada).await.unwrap();
    assert!(status.is_success());
    server
}

async fn send_event(server: &Running, id: &str) {
    let event = json!({ "id": id, "source": "test", "cost": "1" });
    let (status, answer) = post(&server.client(), "/api/v1/events", &event).await.unwrap();
    assert!(status.is_success(), "{answer}");
}

/// A WebSocket, over which the connection is opened too.
struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    async fn open(server: &Running, secret: &str) -> Self {
        let url = format!("ws://{}/socket.io/?EIO=4&transport=websocket", server.address().await);
        let mut request = url.into_client_request().unwrap();
        request.headers_mut().insert("x-api-key", secret.parse().unwrap());
        let (socket, _) = tokio_tungstenite::connect_async(request).await.unwrap();
        let mut socket = Self(socket);
        assert!(socket.hear("0{").await.contains("sid"));
        socket
    }

    async fn say(&mut self, packet: &str) {
        self.0.send(Message::text(packet)).await.unwrap();
    }

    /// What the socket hears next, whether the server asks if it is there or not.
    async fn next(&mut self) -> Option<String> {
        loop {
            match self.0.next().await?.ok()? {
                Message::Text(text) if text.as_str() == "2" => self.say("3").await,
                Message::Text(text) => return Some(text.to_string()),
                Message::Close(_) => return None,
                _ => {}
            }
        }
    }

    /// The next packet that begins so.
    async fn hear(&mut self, beginning: &str) -> String {
        let heard = async {
            loop {
                let packet = self.next().await.expect("the socket is closed");
                if packet.starts_with(beginning) {
                    return packet;
                }
            }
        };
        let heard = tokio::time::timeout(PATIENCE, heard).await;
        heard.unwrap_or_else(|_| panic!("no {beginning} came"))
    }

    /// What begins so, if it is told soon after the socket said something.
    async fn say_and_hear(&mut self, packet: &str, beginning: &str) -> Option<String> {
        self.say(packet).await;
        tokio::time::timeout(Duration::from_millis(200), self.hear(beginning)).await.ok()
    }

    /// Everything that it has heard until it ends.
    async fn end(mut self) -> Vec<String> {
        self.0.close(None).await.unwrap();
        let mut all = Vec::new();
        while let Some(packet) = self.next().await {
            all.push(packet);
        }
        all
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_is_sent_away_when_its_credential_ends() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(&folder.path().join("data")).await;
    let (_, secret) = key(&server, Some(Utc::now() + Duration::from_secs(10))).await;
    let mut socket = Socket::open(&server, &secret).await;

    socket.say("40").await;

    socket.hear("40{").await;
    socket.hear("41").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_was_sent_away_is_not_welcomed_again_over_the_same_connection() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(&folder.path().join("data")).await;
    let (id, secret) = key(&server, None).await;
    let (_, other) = key(&server, None).await;
    let mut socket = Socket::open(&server, &secret).await;
    let mut witness = Socket::open(&server, &other).await;
    for socket in [&mut socket, &mut witness] {
        socket.say("40").await;
        socket.hear("40{").await;
    }
    send_event(&server, "first").await;
    assert!(socket.hear("42").await.contains("\"first\""));
    witness.hear("42").await;

    let path = format!("/api/v1/keys/{id}");
    let revoked = server.client().send(Method::DELETE, &path, None, Bytes::new()).await.unwrap();
    assert!(revoked.0.is_success());
    socket.hear("41").await;
    // What is said while the good-bye is under way is not listened to.
    while socket.say_and_hear("40", "40{").await.is_none() {}
    socket.hear("41").await;

    send_event(&server, "second").await;
    assert!(witness.hear("42").await.contains("\"second\""));
    let heard = socket.end().await;
    assert!(heard.iter().all(|packet| !packet.starts_with("42")), "{heard:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_welcome_hears_that_something_was_changed_and_not_what_it_says() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(&folder.path().join("data")).await;
    let (_, secret) = key(&server, None).await;
    let mut socket = Socket::open(&server, &secret).await;
    socket.say("40").await;
    socket.hear("40{").await;

    for (event, path, body) in [
        ("views", "/api/v1/views", json!({ "name": "a secret", "by": ["model"] })),
        (
            "annotations",
            "/api/v1/annotations",
            json!({ "text": "a secret", "at": "2026-01-05T10:00:00Z" }),
        ),
        (
            "exports",
            "/api/v1/export-schedules",
            json!({
                "name": "a secret", "export": { "kind": "events", "format": "csv" },
                "cadence": { "every": "day" },
            }),
        ),
        (
            "watched",
            "/api/v1/budgets",
            json!({ "name": "a secret", "amount": "1", "period": { "every": "month" } }),
        ),
    ] {
        let (status, answer) = post(&server.client(), path, &body).await.unwrap();
        assert!(status.is_success(), "{answer}");
        let heard = socket.hear(&format!("42[\"{event}\"")).await;
        assert!(!heard.contains("secret"), "{heard}");
    }
}
