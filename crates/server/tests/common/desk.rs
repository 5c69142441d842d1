//! The real router on a folder of its own, asked without a socket.

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use outlay_server::auth::LocalTrust;
use outlay_server::config::Config;
use outlay_server::startup::{Opening, Purpose, Server};
use serde_json::{Value, json};
use tower::ServiceExt;

/// The router, and the folder that goes with it.
pub struct Desk {
    pub server: Server,
    router: Router,
    _folder: tempfile::TempDir,
}

impl Desk {
    /// A desk that took these events in.
    pub async fn with(events: &Value) -> Self {
        let desk = Self::open().await;
        desk.take_in(events).await;
        desk
    }

    /// A desk of an empty folder.
    pub async fn open() -> Self {
        Self::open_with_program(env!("CARGO_BIN_EXE_outlay")).await
    }

    /// A desk of an empty folder, which starts this program for queries in SQL.
    pub async fn open_with_program(program: &str) -> Self {
        let opening = Opening::from(Purpose::Command).with_program(program);
        Self::open_as(Config::default(), opening).await
    }

    /// A desk of an empty folder with these settings.
    pub async fn open_as(config: Config, opening: impl Into<Opening>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let opened = Server::open_with(folder.path(), config, opening).await;
        let server = opened.unwrap();
        Self { router: server.router(), server, _folder: folder }
    }

    /// Sends events, none of which is refused.
    pub async fn take_in(&self, events: &Value) {
        let (status, answer) = self.post("/api/v1/events", events).await;
        assert_eq!((status, &answer["refused"]), (StatusCode::OK, &json!(0)), "{answer}");
    }

    /// Sends as whoever holds the folder, unless there is a token.
    pub async fn send(&self, mut request: Request<Body>) -> (StatusCode, Vec<u8>) {
        if !request.headers().contains_key("authorization") {
            request.extensions_mut().insert(LocalTrust);
        }
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        (status, response.into_body().collect().await.unwrap().to_bytes().to_vec())
    }

    /// Sends as nobody but whom the request names, and tells the headers of the answer too.
    pub async fn sends(&self, request: Request<Body>) -> (StatusCode, HeaderMap, Value) {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, headers, serde_json::from_slice(&body).unwrap_or_default())
    }

    /// Asks for what is at `path` as whoever has `token`.
    pub async fn get_as(&self, path: &str, token: Option<&str>) -> (StatusCode, Vec<u8>) {
        self.send(bearing(Request::get(path), token).body(Body::empty()).unwrap()).await
    }

    /// Sends JSON.
    pub async fn post(&self, path: &str, body: &Value) -> (StatusCode, Value) {
        self.post_as(path, body, None).await
    }

    /// Sends JSON as whoever has `token`.
    pub async fn post_as(
        &self,
        path: &str,
        body: &Value,
        token: Option<&str>,
    ) -> (StatusCode, Value) {
        let request =
            bearing(Request::post(path), token).header("content-type", "application/json");
        let (status, body) = self.send(request.body(body.to_string().into()).unwrap()).await;
        (status, serde_json::from_slice(&body).unwrap())
    }

    /// A token of `user`.
    pub async fn token(&self, user: &str, role: &str) -> String {
        let wanted = json!({"user": user, "role": role});
        let minted = self.post("/api/v1/tokens", &wanted).await.1;
        minted["token"].as_str().unwrap().to_owned()
    }
}

fn bearing(
    request: axum::http::request::Builder,
    token: Option<&str>,
) -> axum::http::request::Builder {
    match token {
        Some(token) => request.header("authorization", format!("Bearer {token}")),
        None => request,
    }
}
