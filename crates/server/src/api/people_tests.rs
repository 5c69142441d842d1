//! What clients see of people: the real router, from credentials to refusals.

#![allow(clippy::unwrap_used)]

use std::net::SocketAddr;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::BodyExt;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt;

use crate::auth::LocalTrust;
use crate::config::Config;
use crate::startup::{Purpose, Server};

const PASSWORD: &str = "tall ships sail";
const ISSUERS_SECRET: &str = "a secret of an older system, shared";

/// The real router on a folder of its own.
pub(super) struct House {
    _folder: TempDir,
    server: Server,
    router: Router,
}

/// What came back.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    headers: HeaderMap,
    pub(super) body: Value,
}

impl Answer {
    fn code(&self) -> (u16, &str) {
        (self.status.as_u16(), self.body["code"].as_str().unwrap_or(""))
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The cookie as a browser sends it back.
    fn cookie(&self) -> String {
        self.header("set-cookie").split(';').next().unwrap().to_owned()
    }
}

/// A browser that is signed in.
struct Browser {
    cookie: String,
    csrf: String,
}

impl House {
    async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub(super) async fn with(settings: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::default();
        settings(&mut config);
        let server = Server::open_with(folder.path(), config, Purpose::Command).await.unwrap();
        let router = server.router();
        Self { _folder: folder, server, router }
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Answer { status, headers, body }
    }

    /// All routes, with the live updates.
    pub(super) fn live_router(&self) -> Router {
        self.server.live_router()
    }

    /// The time, as events tell it.
    pub(super) fn now(&self) -> String {
        self.server.state().outlay.clock.now().to_rfc3339()
    }

    /// A request of whoever holds the data folder.
    pub(super) async fn root(&self, method: Method, path: &str, body: Value) -> Answer {
        let mut request = json_request(method, path, &[], body);
        request.extensions_mut().insert(LocalTrust);
        self.send(request).await
    }

    async fn call(&self, method: Method, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.send(json_request(method, path, headers, Value::Null)).await
    }

    pub(super) async fn add(&self, name: &str, role: &str) {
        let body = json!({ "id": name, "role": role, "password": PASSWORD });
        let added = self.root(Method::POST, "/api/v1/users", body).await;
        assert_eq!(added.status, StatusCode::CREATED, "{added:?}");
    }

    async fn token(&self, name: &str) -> String {
        let body = json!({ "user": name });
        let minted = self.root(Method::POST, "/api/v1/tokens", body).await;
        format!("Bearer {}", minted.body["token"].as_str().unwrap())
    }

    pub(super) async fn key(&self, user: &str, scopes: &[&str]) -> String {
        let body = json!({ "name": "ci", "user": user, "scopes": scopes });
        let key = self.root(Method::POST, "/api/v1/keys", body).await;
        assert_eq!(key.status, StatusCode::CREATED, "{key:?}");
        key.body["secret"].as_str().unwrap().to_owned()
    }

    async fn sign_in(&self, name: &str, password: &str) -> Answer {
        let body = json!({ "user": name, "password": password });
        self.send(json_request(Method::POST, "/api/v1/session", &[], body)).await
    }

    async fn browser(&self, name: &str) -> Browser {
        let signed_in = self.sign_in(name, PASSWORD).await;
        assert_eq!(signed_in.status, StatusCode::OK, "{signed_in:?}");
        Browser {
            cookie: signed_in.cookie(),
            csrf: signed_in.body["csrf"].as_str().unwrap().to_owned(),
        }
    }
}

pub(super) fn json_request(
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: Value,
) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path).header("host", "localhost:8440");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let body = if body.is_null() {
        Body::empty()
    } else {
        request = request.header(header::CONTENT_TYPE, "application/json");
        Body::from(body.to_string())
    };
    request.body(body).unwrap()
}

fn from(address: [u8; 4], mut request: Request<Body>) -> Request<Body> {
    request.extensions_mut().insert(ConnectInfo(SocketAddr::from((address, 40_000))));
    request
}

// Signing in

#[tokio::test]
async fn a_browser_signs_in_asks_who_it_is_and_signs_out() {
    let house = House::new().await;
    house.add("alice", "member").await;

    let signed_in = house.sign_in("alice", PASSWORD).await;
    let cookie = signed_in.cookie();
    let who = house.call(Method::GET, "/api/v1/session", &[("cookie", &cookie)]).await;

    assert_eq!(signed_in.status, StatusCode::OK);
    let set_cookie = signed_in.header("set-cookie");
    assert!(set_cookie.starts_with("outlay="), "{set_cookie}");
    for part in ["HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=2592000"] {
        assert!(set_cookie.contains(part), "{part} in {set_cookie}");
    }
    assert!(!set_cookie.contains("Secure"), "{set_cookie}");
    assert_eq!(who.body["user"], json!({ "id": "alice", "name": "alice" }));
    assert_eq!(
        (who.body["role"].as_str(), who.body["account"].as_str(), who.body["scope"].as_str()),
        (Some("member"), Some("alice"), Some("alice"))
    );
    assert_eq!(who.body["via"], "session");
    assert_eq!(who.body["csrf"], signed_in.body["csrf"]);
    assert_eq!(who.header("cache-control"), "no-store");

    let csrf = who.body["csrf"].as_str().unwrap();
    let headers = [("cookie", cookie.as_str()), ("x-csrf-token", csrf)];
    let out = house.call(Method::DELETE, "/api/v1/session", &headers).await;
    assert_eq!(out.status, StatusCode::NO_CONTENT);
    assert!(out.header("set-cookie").contains("Max-Age=0"), "{out:?}");
    let after = house.call(Method::GET, "/api/v1/session", &[("cookie", &cookie)]).await;
    assert_eq!(after.code(), (401, "unauthorized"));
    assert_eq!(after.body["detail"], "the session has ended");
}

#[tokio::test]
async fn over_https_the_cookie_is_confined_to_this_host() {
    let house =
        House::with(|config| config.server.public_url = "https://outlay.example".into()).await;
    house.add("alice", "member").await;

    let signed_in = house.sign_in("alice", PASSWORD).await;
    let plain = signed_in.cookie().replace("__Host-outlay", "outlay");

    let set_cookie = signed_in.header("set-cookie");
    assert!(set_cookie.starts_with("__Host-outlay="), "{set_cookie}");
    assert!(set_cookie.contains("Secure") && !set_cookie.contains("Domain"), "{set_cookie}");
    assert_eq!(signed_in.header("strict-transport-security"), "max-age=31536000");
    let with_other_name = house.call(Method::GET, "/api/v1/session", &[("cookie", &plain)]).await;
    assert_eq!(with_other_name.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_user_look_the_same() {
    let house = House::new().await;
    house.add("alice", "member").await;

    let wrong = house.sign_in("alice", "wrong password").await;
    let unknown = house.sign_in("nobody", PASSWORD).await;

    assert_eq!(wrong.code(), (401, "unauthorized"));
    assert_eq!(wrong.body, unknown.body);
    assert!(wrong.header("www-authenticate").starts_with("Bearer"));
    assert_eq!(wrong.header("set-cookie"), "");
}

#[tokio::test]
async fn guessing_gets_429_with_the_time_to_wait() {
    let house = House::new().await;
    house.add("alice", "member").await;
    for _ in 0..5 {
        house.sign_in("alice", "wrong password").await;
    }

    let throttled = house.sign_in("alice", PASSWORD).await;

    assert_eq!(throttled.code(), (429, "too_many_requests"));
    assert_eq!(throttled.header("retry-after"), "1");
}

#[tokio::test]
async fn one_address_signs_in_only_so_often_whatever_the_names() {
    let house = House::with(|config| {
        config.limits.sign_ins_per_minute = 3;
        config.server.trusted_proxies = vec!["10.0.0.0/8".parse().unwrap()];
    })
    .await;
    let attempt = async |address, forwarded: &str, path: &str| {
        let headers = [("x-forwarded-for", forwarded)];
        let body = json!({ "user": "x", "password": "y", "token": "z" });
        house.send(from(address, json_request(Method::POST, path, &headers, body))).await.status
    };

    let link = "/api/v1/session/link";
    for _ in 0..3 {
        assert_eq!(attempt([10, 0, 0, 1], "192.0.2.7", link).await, StatusCode::BAD_REQUEST);
    }
    assert_eq!(attempt([10, 0, 0, 1], "192.0.2.7", link).await, StatusCode::TOO_MANY_REQUESTS);
    let password = attempt([10, 0, 0, 1], "192.0.2.7", "/api/v1/session").await;
    assert_eq!(password, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(attempt([10, 0, 0, 1], "192.0.2.8", link).await, StatusCode::BAD_REQUEST);
    assert_eq!(attempt([192, 0, 2, 7], "198.51.100.1", link).await, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn a_link_signs_in_once_and_its_token_stands_where_no_log_sees_it() {
    let house = House::with(|config| config.server.public_url = "http://outlay.test/".into()).await;
    house.add("alice", "member").await;

    let link = house.root(Method::POST, "/api/v1/users/alice/link", json!({})).await;
    let url = link.body["url"].as_str().unwrap().to_owned();
    let token = url.strip_prefix("http://outlay.test/sign-in#token=").unwrap();
    let redeem = async || {
        let body = json!({ "token": token });
        house.send(json_request(Method::POST, "/api/v1/session/link", &[], body)).await
    };
    let first = redeem().await;
    let second = redeem().await;

    assert_eq!(first.status, StatusCode::OK);
    assert_eq!(first.body["user"]["id"], "alice");
    let who = house.call(Method::GET, "/api/v1/session", &[("cookie", &first.cookie())]).await;
    assert_eq!(who.status, StatusCode::OK);
    assert_eq!(second.code(), (401, "unauthorized"));
    assert!(second.body["detail"].as_str().unwrap().contains("used before"));
}

#[tokio::test]
async fn a_fresh_server_gives_its_first_visitor_a_way_in() {
    let house = House::new().await;

    let url = house.server.first_sign_in_link("http://127.0.0.1:8440").await.unwrap().unwrap();
    let token = url.split_once("#token=").unwrap().1;
    let body = json!({ "token": token });
    let signed_in = house.send(json_request(Method::POST, "/api/v1/session/link", &[], body)).await;
    let (cookie, csrf) = (signed_in.cookie(), signed_in.body["csrf"].as_str().unwrap());
    let headers = [("cookie", cookie.as_str()), ("x-csrf-token", csrf)];
    let body = json!({ "password": PASSWORD });
    let set = house.send(json_request(Method::PATCH, "/api/v1/users/admin", &headers, body)).await;

    assert_eq!(signed_in.body["role"], "admin");
    assert_eq!((set.status, &set.body["has_password"]), (StatusCode::OK, &json!(true)));
    assert_ne!(set.cookie(), cookie);
    let renewed = house.call(Method::GET, "/api/v1/session", &[("cookie", &set.cookie())]).await;
    assert_eq!(renewed.status, StatusCode::OK);
    assert!(house.server.first_sign_in_link("http://127.0.0.1:8440").await.unwrap().is_none());
    assert_eq!(house.sign_in("admin", PASSWORD).await.status, StatusCode::OK);
}

// CSRF

#[tokio::test]
async fn a_change_with_a_cookie_needs_the_sessions_word_and_our_own_page() {
    let house = House::new().await;
    house.add("alice", "member").await;
    let browser = house.browser("alice").await;
    let other = house.browser("alice").await;
    let make_key = async |headers: &[(&str, &str)]| {
        let body = json!({ "name": "ci", "scopes": ["usage:read"] });
        let mut all = vec![("cookie", browser.cookie.as_str())];
        all.extend(headers);
        house.send(json_request(Method::POST, "/api/v1/keys", &all, body)).await
    };
    let word = ("x-csrf-token", browser.csrf.as_str());

    assert_eq!(make_key(&[]).await.code(), (403, "csrf"));
    assert_eq!(make_key(&[("x-csrf-token", "")]).await.code(), (403, "csrf"));
    assert_eq!(make_key(&[("x-csrf-token", &other.csrf)]).await.code(), (403, "csrf"));
    let cross_site = [word, ("sec-fetch-site", "cross-site")];
    assert_eq!(make_key(&cross_site).await.code(), (403, "csrf"));
    let evil = [word, ("origin", "https://evil.example")];
    assert_eq!(make_key(&evil).await.code(), (403, "csrf"));
    let ours = [word, ("origin", "http://localhost:8440"), ("sec-fetch-site", "same-origin")];
    assert_eq!(make_key(&ours).await.status, StatusCode::CREATED);
    assert_eq!(make_key(&[word]).await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn a_token_or_a_key_needs_no_word_whatever_cookie_comes_along() {
    let house = House::new().await;
    house.add("alice", "member").await;
    let browser = house.browser("alice").await;
    let token = house.token("alice").await;

    let body = json!({ "name": "ci", "scopes": ["usage:read"] });
    let headers = [("authorization", token.as_str()), ("cookie", browser.cookie.as_str())];
    let made = house.send(json_request(Method::POST, "/api/v1/keys", &headers, body)).await;

    assert_eq!(made.status, StatusCode::CREATED);
}

#[tokio::test]
async fn another_sites_page_signs_nobody_in_and_opens_no_socket() {
    let house = House::new().await;
    house.add("alice", "member").await;
    let browser = house.browser("alice").await;
    let evil = ("origin", "https://evil.example");

    let body = json!({ "user": "alice", "password": PASSWORD });
    let sign_in = json_request(Method::POST, "/api/v1/session", &[evil], body.clone());
    let form = Request::post("/api/v1/session")
        .header("host", "localhost:8440")
        .header("content-type", "text/plain")
        .body(Body::from(body.to_string()))
        .unwrap();
    let socket = [evil, ("cookie", browser.cookie.as_str())];
    let socket = house.call(Method::GET, "/socket.io/?EIO=4&transport=websocket", &socket).await;

    assert_eq!(house.send(sign_in).await.code(), (403, "csrf"));
    assert_eq!(house.send(form).await.code(), (415, "unsupported_media_type"));
    assert_eq!(socket.code(), (403, "csrf"));
}

// Credentials

#[tokio::test]
async fn whoever_is_not_known_gets_a_clear_401() {
    let house = House::with(|config| {
        config.trust.secret = toml::Value::String(ISSUERS_SECRET.into()).try_into().unwrap();
    })
    .await;
    house.add("alice", "member").await;
    let now = chrono::Utc::now().timestamp();
    let sign = |claims: Value| {
        let key = EncodingKey::from_secret(ISSUERS_SECRET.as_bytes());
        let token = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key).unwrap();
        format!("Bearer {token}")
    };
    let good = sign(json!({ "user_id": "alice", "exp": now + 60, "role": "admin" }));
    let expired = sign(json!({ "user_id": "alice", "exp": now - 60 }));
    let stranger = sign(json!({ "user_id": "mallory", "exp": now + 60 }));
    let unsigned = format!(
        "Bearer {}.{}.",
        base64_url(r#"{"alg":"none","typ":"JWT"}"#),
        base64_url(&json!({ "sub": "alice", "exp": now + 60 }).to_string())
    );

    for (headers, detail) in [
        (&[][..], "none was given"),
        (&[("authorization", "Basic YWxpY2U6eA==")], "not `Bearer"),
        (&[("authorization", "Bearer olk_nonsense")], "API key is not known"),
        (&[("x-api-key", "olk_nonsense")], "API key is not known"),
        (&[("cookie", "outlay=nonsense")], "session has ended"),
        (&[("authorization", &unsigned)], "algorithm is not accepted"),
        (&[("authorization", "Bearer ey.ey.ey")], "not a token"),
        (&[("authorization", &expired)], "it has expired"),
        (&[("authorization", &stranger)], "not known here"),
    ] {
        let refused = house.call(Method::GET, "/api/v1/session", headers).await;
        assert_eq!(refused.code(), (401, "unauthorized"), "{headers:?}: {refused:?}");
        assert!(refused.header("www-authenticate").starts_with("Bearer"), "{headers:?}");
        let said = refused.body["detail"].as_str().unwrap();
        assert!(said.contains(detail), "{headers:?}: {said}");
        assert_eq!(refused.body["status"], 401);
    }
    let known = house.call(Method::GET, "/api/v1/session", &[("authorization", &good)]).await;
    assert_eq!((known.status, &known.body["role"]), (StatusCode::OK, &json!("member")));
    assert_eq!(known.body["via"], "token");
}

#[tokio::test]
async fn a_key_comes_in_by_either_header_and_is_ended_at_once() {
    let house = House::new().await;
    house.add("alice", "member").await;
    let secret = house.key("alice", &["usage:read"]).await;
    let bearer = format!("Bearer {secret}");
    let who =
        async |headers: &[(&str, &str)]| house.call(Method::GET, "/api/v1/session", headers).await;

    let by_bearer = who(&[("authorization", &bearer)]).await;
    let by_key = who(&[("x-api-key", &secret)]).await;
    let listed = house.root(Method::GET, "/api/v1/keys", Value::Null).await;
    let id = listed.body["items"][0]["id"].as_str().unwrap();
    house.root(Method::DELETE, &format!("/api/v1/keys/{id}"), Value::Null).await;
    let after = who(&[("x-api-key", &secret)]).await;

    assert_eq!(by_bearer.body["via"], "key");
    assert_eq!(by_key.body["scopes"], json!(["usage:read"]));
    assert!(by_key.body.get("csrf").is_none());
    assert!(!listed.body.to_string().contains(&secret));
    assert!(listed.body["items"][0]["last_used_at"].is_string());
    assert_eq!(after.body["detail"], "the API key was revoked");
}

#[tokio::test]
async fn a_key_passes_only_the_doors_it_is_for() {
    let house = House::new().await;
    house.add("admin", "admin").await;
    let secret = house.key("admin", &["prices:read"]).await;
    let everything = house.key("admin", &["admin"]).await;

    for (method, path, needed) in [
        (Method::POST, "/api/v1/events", "events:write"),
        (Method::POST, "/api/v1/events/corrections", "events:amend"),
        (Method::GET, "/api/v1/usage/total", "usage:read"),
        (Method::GET, "/socket.io/", "usage:read"),
        (Method::POST, "/api/v1/prices", "prices:write"),
        (Method::GET, "/metrics", "metrics:read"),
        (Method::GET, "/api/v1/users", "admin"),
        (Method::GET, "/api/v1/users/admin", "admin"),
        (Method::POST, "/api/v1/keys", "admin"),
        (Method::POST, "/api/v1/tokens", "admin"),
        (Method::GET, "/api/v1/audit", "admin"),
        (Method::POST, "/api/v1/sql", "admin"),
        (Method::POST, "/api/v1/backup", "admin"),
    ] {
        let refused = house.call(method.clone(), path, &[("x-api-key", &secret)]).await;
        assert_eq!(refused.code(), (403, "forbidden"), "{method} {path}");
        let expected = format!("the key needs the scope `{needed}` for this");
        assert_eq!(refused.body["detail"], expected, "{method} {path}");
    }
    let who = house.call(Method::GET, "/api/v1/session", &[("x-api-key", &secret)]).await;
    assert_eq!(who.status, StatusCode::OK);
    let users = house.call(Method::GET, "/api/v1/users", &[("x-api-key", &everything)]).await;
    assert_eq!(users.status, StatusCode::OK);
}

// Roles

#[tokio::test]
async fn what_admins_do_is_closed_to_everybody_else() {
    let house = House::new().await;
    house.add("alice", "member").await;
    house.add("eve", "viewer").await;
    house.add("bob", "member").await;
    for name in ["alice", "eve"] {
        let token = house.token(name).await;
        for (method, path, body) in [
            (Method::GET, "/api/v1/users", Value::Null),
            (Method::POST, "/api/v1/users", json!({ "id": "x" })),
            (Method::GET, "/api/v1/users/bob", Value::Null),
            (Method::PATCH, "/api/v1/users/bob", json!({ "role": "admin" })),
            (Method::PATCH, "/api/v1/users/bob", json!({ "password": PASSWORD })),
            (Method::PATCH, &format!("/api/v1/users/{name}"), json!({ "role": "admin" })),
            (Method::DELETE, "/api/v1/users/bob", Value::Null),
            (Method::POST, "/api/v1/users/bob/link", json!({})),
            (Method::GET, "/api/v1/keys?user=bob", Value::Null),
            (
                Method::POST,
                "/api/v1/keys",
                json!({ "name": "x", "scopes": ["usage:read"], "user": "bob" }),
            ),
            (Method::POST, "/api/v1/tokens", json!({ "user": name })),
            (Method::GET, "/api/v1/audit", Value::Null),
            (Method::POST, "/api/v1/sql", json!({ "query": "select 1" })),
            (Method::POST, "/api/v1/erasures", json!({})),
            (Method::POST, "/api/v1/prices", json!({})),
            (Method::POST, "/api/v1/events/corrections", json!({})),
        ] {
            let headers = [("authorization", token.as_str())];
            let refused = house.send(json_request(method.clone(), path, &headers, body)).await;
            assert_eq!(refused.code(), (403, "forbidden"), "{name}: {method} {path}: {refused:?}");
        }
        let (path, headers) =
            (format!("/api/v1/users/{name}"), [("authorization", token.as_str())]);
        let own = house.call(Method::GET, &path, &headers).await;
        assert_eq!(own.body["id"], name);
    }
    let eve = house.token("eve").await;
    let headers = [("authorization", eve.as_str())];
    for (path, body) in [
        ("/api/v1/events", json!({ "id": "1" })),
        ("/api/v1/keys", json!({ "name": "x", "scopes": ["usage:read"] })),
    ] {
        let refused = house.send(json_request(Method::POST, path, &headers, body)).await;
        assert_eq!(refused.code(), (403, "forbidden"), "{path}");
    }
    let audit = house.root(Method::GET, "/api/v1/audit?action=user.changed", Value::Null).await;
    assert_eq!(audit.body["items"], json!([]));
}

#[tokio::test]
async fn a_member_sees_their_own_keys_only() {
    let house = House::new().await;
    house.add("alice", "member").await;
    house.add("bob", "member").await;
    house.key("alice", &["usage:read"]).await;
    house.key("bob", &["usage:read"]).await;
    let token = house.token("alice").await;
    let headers = [("authorization", token.as_str())];

    let own = house.call(Method::GET, "/api/v1/keys", &headers).await;
    let all = house.root(Method::GET, "/api/v1/keys", Value::Null).await;
    let bobs = all.body["items"].as_array().unwrap().iter().find(|key| key["user"] == "bob");
    let path = format!("/api/v1/keys/{}", bobs.unwrap()["id"].as_str().unwrap());
    let revoked = house.call(Method::DELETE, &path, &headers).await;

    let users: Vec<_> =
        own.body["items"].as_array().unwrap().iter().map(|key| key["user"].clone()).collect();
    assert_eq!(users, ["alice"]);
    assert_eq!(revoked.code(), (404, "not_found"));
}

// Users

#[tokio::test]
async fn users_are_added_listed_changed_and_deleted() {
    let house = House::new().await;
    house.add("admin", "admin").await;
    let body = json!({ "id": "auth0|7/x", "role": "member" });
    let refused = house.root(Method::POST, "/api/v1/users", body).await;
    assert_eq!((refused.code(), &refused.body["field"]), ((400, "malformed"), &json!("id")));
    let body = json!({ "id": "auth0|7", "name": " Alice ", "account": "acme" });
    let added = house.root(Method::POST, "/api/v1/users", body).await;
    let again = house.root(Method::POST, "/api/v1/users", json!({ "id": "AUTH0|7" })).await;
    let page = house.root(Method::GET, "/api/v1/users?limit=1", Value::Null).await;
    let rest = house.root(Method::GET, "/api/v1/users?limit=1&cursor=admin", Value::Null).await;
    let path = "/api/v1/users/auth0%7C7";
    let changed = house.root(Method::PATCH, path, json!({ "disabled": true, "role": "viewer" }));
    let changed = changed.await;
    let deleted = house.root(Method::DELETE, path, Value::Null).await;
    let gone = house.root(Method::GET, path, Value::Null).await;
    let last = house.root(Method::DELETE, "/api/v1/users/admin", Value::Null).await;

    assert_eq!(added.status, StatusCode::CREATED);
    assert_eq!(
        (&added.body["name"], &added.body["account"], &added.body["role"]),
        (&json!("Alice"), &json!("acme"), &json!("member"))
    );
    assert_eq!(again.code(), (409, "conflict"));
    assert_eq!(
        (&page.body["items"][0]["id"], &page.body["next_cursor"]),
        (&json!("admin"), &json!("admin"))
    );
    assert_eq!(
        (&rest.body["items"][0]["id"], &rest.body["next_cursor"]),
        (&json!("auth0|7"), &json!(null))
    );
    assert!(changed.body["disabled_at"].is_string());
    assert_eq!(deleted.status, StatusCode::NO_CONTENT);
    assert_eq!(gone.code(), (404, "not_found"));
    assert_eq!(last.code(), (409, "conflict"));
    let trail =
        house.root(Method::GET, "/api/v1/audit?target=auth0%7C7&limit=2", Value::Null).await;
    let actions: Vec<_> =
        trail.body["items"].as_array().unwrap().iter().map(|line| line["action"].clone()).collect();
    assert_eq!(actions, ["user.deleted", "user.changed"]);
    assert!(trail.body["next_cursor"].is_string());
}

#[tokio::test]
async fn what_is_malformed_is_told_with_its_field() {
    let house = House::new().await;
    house.add("admin", "admin").await;
    for (method, path, body, status, field) in [
        (Method::POST, "/api/v1/users", json!({ "id": "x", "password": "short" }), 400, "password"),
        (Method::POST, "/api/v1/users", json!({ "id": "x", "rolle": "admin" }), 400, "rolle"),
        (Method::POST, "/api/v1/users", json!({ "id": "x", "role": "root" }), 400, "role"),
        (Method::POST, "/api/v1/users", json!([]), 400, "body"),
        (Method::POST, "/api/v1/users", json!({ "id": "x", "account": "" }), 400, "account"),
        (
            Method::PATCH,
            "/api/v1/users/admin",
            json!({ "name": "a", "password": PASSWORD }),
            400,
            "password",
        ),
        (Method::PATCH, "/api/v1/users/admin", json!({ "current_password": "a" }), 400, "password"),
        (
            Method::POST,
            "/api/v1/keys",
            json!({ "name": "x", "scopes": [], "user": "admin" }),
            400,
            "scopes",
        ),
        (
            Method::POST,
            "/api/v1/keys",
            json!({ "name": "x", "scopes": ["usage:read"] }),
            400,
            "user",
        ),
        (
            Method::POST,
            "/api/v1/keys",
            json!({ "name": "x", "scopes": ["all"], "user": "admin" }),
            400,
            "scopes[0]",
        ),
        (Method::GET, "/api/v1/users?limit=0", Value::Null, 400, "limit"),
        (Method::GET, "/api/v1/users?limit=1001", Value::Null, 400, "limit"),
        (Method::GET, "/api/v1/users?limt=1", Value::Null, 400, "limt"),
        (Method::GET, "/api/v1/audit?cursor=x", Value::Null, 400, "cursor"),
        (Method::DELETE, "/api/v1/keys/x", Value::Null, 400, "path"),
        (Method::POST, "/api/v1/tokens", json!({ "user": "a b" }), 400, "user"),
        (
            Method::POST,
            "/api/v1/tokens",
            json!({ "user": "x", "ttl_seconds": 0 }),
            400,
            "ttl_seconds",
        ),
        (
            Method::POST,
            "/api/v1/tokens",
            json!({ "user": "x", "ttl_seconds": i64::MAX }),
            400,
            "ttl_seconds",
        ),
    ] {
        let refused = house.root(method.clone(), path, body.clone()).await;
        assert_eq!(refused.status.as_u16(), status, "{method} {path} {body}: {refused:?}");
        assert_eq!(refused.body["field"], field, "{method} {path} {body}: {refused:?}");
    }
}

#[tokio::test]
async fn a_budget_that_is_refused_is_not_kept() {
    let house = House::new().await;
    let of = |id: &str, period: Value, percents: &[u16]| {
        let thresholds: Vec<_> = percents.iter().map(|one| json!({ "percent": one })).collect();
        json!({
            "id": id, "name": "x", "amount": "10", "period": period, "thresholds": thresholds,
        })
    };
    let once = |first: &str, last: &str| json!({ "every": "once", "first": first, "last": last });
    let month = json!({ "every": "month" });
    for (body, field) in [
        (of("a", once("1960-01-01", "2026-12-31"), &[]), "period.first"),
        (of("a", once("-99999-01-01", "2026-12-31"), &[]), "period.first"),
        (of("a", once("1970-01-02", "9000-12-31"), &[]), "period.last"),
        (of("a", json!({ "every": "month", "days": 3 }), &[]), "period.days"),
        (of("a", json!({ "every": "rolling", "days": 0 }), &[]), "period.days"),
        (of("a", json!({}), &[]), "period.every"),
        (of("a", month.clone(), &[80, 80]), "thresholds"),
        (of("check", month.clone(), &[]), "id"),
        (of("imported:old:1", month.clone(), &[]), "id"),
        (json!({ "name": "x", "period": month }), "amount"),
    ] {
        let refused = house.root(Method::POST, "/api/v1/budgets", body.clone()).await;
        assert_eq!(refused.status.as_u16(), 400, "{body}: {refused:?}");
        assert_eq!(refused.body["field"], field, "{body}: {refused:?}");
    }
    let kept = house.root(Method::GET, "/api/v1/budgets", Value::Null).await;
    assert_eq!(kept.body["items"], json!([]));

    for (method, path, body, field) in [
        (
            Method::POST,
            "/api/v1/budgets/check",
            json!({ "amount": "1", "attributes": { "colour": "red" } }),
            "attributes.colour",
        ),
        (Method::POST, "/api/v1/alerts/nope/acknowledge", Value::Null, "path"),
        (Method::GET, "/api/v1/alerts?severity=loud", Value::Null, "severity"),
        (Method::GET, "/api/v1/revenue?from=noon", Value::Null, "from"),
        (Method::GET, "/api/v1/insights/recommendations?days=0", Value::Null, "days"),
    ] {
        let refused = house.root(method, path, body).await;
        assert_eq!(refused.status.as_u16(), 400, "{path}: {refused:?}");
        assert_eq!(refused.body["field"], field, "{path}: {refused:?}");
    }
}

#[tokio::test]
async fn a_token_is_minted_for_a_new_user_and_conflicts_with_another_role() {
    let house = House::new().await;

    let body = json!({ "user": "ci", "role": "viewer", "ttl_seconds": 3600 });
    let minted = house.root(Method::POST, "/api/v1/tokens", body).await;
    let body = json!({ "user": "ci", "role": "admin" });
    let conflict = house.root(Method::POST, "/api/v1/tokens", body).await;

    assert_eq!(minted.status, StatusCode::CREATED);
    assert_eq!(
        (&minted.body["user_created"], &minted.body["role"], &minted.body["token_type"]),
        (&json!(true), &json!("viewer"), &json!("Bearer"))
    );
    assert_eq!(conflict.code(), (409, "conflict"));
    assert!(conflict.body["remedy"].as_str().unwrap().contains("outlay user set ci"));
    let bearer = format!("Bearer {}", minted.body["token"].as_str().unwrap());
    let who = house.call(Method::GET, "/api/v1/session", &[("authorization", &bearer)]).await;
    assert_eq!((&who.body["user"]["id"], &who.body["scope"]), (&json!("ci"), &json!(null)));
}

// Accounts

/// Somebody who comes with one credential, whatever they ask.
struct Visitor<'a> {
    house: &'a House,
    header: &'static str,
    credential: String,
}

impl Visitor<'_> {
    async fn get(&self, path: &str) -> Answer {
        self.house.call(Method::GET, path, &[(self.header, &self.credential)]).await
    }

    async fn post(&self, path: &str, body: Value) -> Answer {
        let headers = [(self.header, self.credential.as_str())];
        self.house.send(json_request(Method::POST, path, &headers, body)).await
    }

    /// The accounts that any answer about usage tells of, and what they spent together.
    async fn sees(&self) -> (Vec<String>, String) {
        const PERIOD: &str = "from=2026-01-01&to=2026-02-01";
        let breakdown = self.get(&format!("/api/v1/usage/breakdown?{PERIOD}&by=account")).await;
        let series =
            self.get(&format!("/api/v1/usage/series?{PERIOD}&every=month&by=account")).await;
        let events = self.get(&format!("/api/v1/usage/events?{PERIOD}")).await;
        let total = self.get(&format!("/api/v1/usage/total?{PERIOD}")).await;
        let accounts = |answer: &Answer, list: &str| {
            let rows = answer.body[list].as_array().unwrap_or_else(|| panic!("{answer:?}"));
            let names = rows.iter().map(|row| row["account"].as_str().unwrap().to_owned());
            names.collect::<std::collections::BTreeSet<_>>().into_iter().collect::<Vec<_>>()
        };
        let seen = accounts(&breakdown, "rows");
        assert_eq!(accounts(&series, "rows"), seen);
        assert_eq!(accounts(&events, "items"), seen);
        (
            seen,
            total.body["total"]["spend"].as_str().unwrap_or_else(|| panic!("{total:?}")).to_owned(),
        )
    }
}

fn spent(id: &str, account: Option<&str>, cost: &str) -> Value {
    let mut event = json!({
        "id": id, "source": "test", "service": "search", "cost": cost,
        "occurred_at": "2026-01-05T10:00:00Z",
    });
    if let Some(account) = account {
        event["account"] = json!(account);
    }
    event
}

#[tokio::test(flavor = "multi_thread")]
async fn on_every_surface_a_caller_sees_and_charges_what_is_theirs() {
    let house = House::new().await;
    for (name, role) in [("admin", "admin"), ("alice", "member"), ("eve", "viewer")] {
        house.add(name, role).await;
    }
    let events = json!([
        spent("1", Some("alice"), "1.25"),
        spent("2", Some("bob"), "10"),
        spent("3", Some("shop"), "100"),
    ]);
    let sent = house.root(Method::POST, "/api/v1/events", events).await;
    assert_eq!(sent.body["accepted"], 3, "{sent:?}");
    let with_token = async |name: &str| Visitor {
        house: &house,
        header: "authorization",
        credential: house.token(name).await,
    };
    let (alice, eve, admin) =
        (with_token("alice").await, with_token("eve").await, with_token("admin").await);
    let body = json!({
        "name": "shop", "user": "admin", "account": "shop",
        "scopes": ["events:write", "usage:read"],
    });
    let key = house.root(Method::POST, "/api/v1/keys", body).await;
    let secret = key.body["secret"].as_str().unwrap().to_owned();
    let shop = Visitor { house: &house, header: "x-api-key", credential: secret };

    let own = |names: &[&str], spend: &str| {
        (names.iter().map(ToString::to_string).collect::<Vec<_>>(), spend.to_owned())
    };
    assert_eq!(alice.sees().await, own(&["alice"], "1.25"));
    assert_eq!(shop.sees().await, own(&["shop"], "100"));
    assert_eq!(eve.sees().await, own(&["alice", "bob", "shop"], "111.25"));
    assert_eq!(admin.sees().await, own(&["alice", "bob", "shop"], "111.25"));
    let asked = alice.get("/api/v1/usage/total?from=2026-01-01&to=2026-02-01&account=bob").await;
    assert_ne!(asked.body["total"]["spend"], "10", "{asked:?}");

    for visitor in [&alice, &shop] {
        let refused = visitor.post("/api/v1/events", spent("4", Some("bob"), "1")).await;
        assert_eq!(refused.body["items"][0]["outcome"], "refused", "{refused:?}");
        assert_eq!(refused.body["items"][0]["field"], "account", "{refused:?}");
    }
    let accepted = alice.post("/api/v1/events", spent("5", None, "0.5")).await;
    assert_eq!(accepted.body["items"][0]["outcome"], "accepted", "{accepted:?}");
    let accepted = shop.post("/api/v1/events", spent("6", None, "1")).await;
    assert_eq!(accepted.body["items"][0]["outcome"], "accepted", "{accepted:?}");
    let viewers = eve.post("/api/v1/events", spent("7", Some("eve"), "1")).await;
    assert_eq!(viewers.code(), (403, "forbidden"));
    assert_eq!(alice.sees().await, own(&["alice"], "1.75"));
    assert_eq!(shop.sees().await, own(&["shop"], "101"));

    for path in
        ["/api/v1/revenue", "/api/v1/imports", "/api/v1/sql/schema", "/metrics", "/api/v1/users"]
    {
        for visitor in [&alice, &shop] {
            assert_eq!(visitor.get(path).await.status, StatusCode::FORBIDDEN, "{path}");
        }
    }
}

// What is not there

#[tokio::test]
async fn whoever_is_known_is_told_what_is_not_there_whatever_their_role() {
    let house = House::new().await;
    house.add("root", "admin").await;
    house.add("alice", "member").await;
    let (root, alice) = (house.token("root").await, house.token("alice").await);
    let key = house.key("alice", &["events:write"]).await;
    let (root, alice, key) = (
        ("authorization", root.as_str()),
        ("authorization", alice.as_str()),
        ("x-api-key", key.as_str()),
    );

    for path in ["/api", "/api/v1", "/api/v1/nothing", "/api/v2/usage", "/api/v1/backup/nothing"] {
        assert_eq!(
            house.call(Method::GET, path, &[]).await.code(),
            (401, "unauthorized"),
            "{path}"
        );
        for who in [root, alice, key] {
            let answer = house.call(Method::GET, path, &[who]).await;
            assert_eq!(answer.code(), (404, "not_found"), "{path} {who:?}");
        }
    }
    for (method, path, allowed) in [
        (Method::POST, "/api/v1/usage/total", "GET,HEAD"),
        (Method::GET, "/api/v1/backup", "POST"),
        (Method::PUT, "/api/v1/audit", "GET,HEAD"),
    ] {
        for who in [root, alice, key] {
            let answer = house.call(method.clone(), path, &[who]).await;
            assert_eq!(answer.code(), (405, "method_not_allowed"), "{path} {who:?}");
            assert_eq!(answer.header("allow"), allowed, "{path} {who:?}");
        }
    }
    let refused = house.call(Method::POST, "/api/v1/backup", &[alice]).await;
    assert_eq!(refused.code(), (403, "forbidden"), "what is there is theirs who may");
}

#[tokio::test]
async fn a_body_where_none_is_read_is_refused() {
    let house = House::new().await;
    house.add("alice", "member").await;
    let clock = "/api/v1/system/clock";

    for meant in [json!({ "now": "2030-01-01T00:00:00Z" }), json!([]), json!("now")] {
        let refused = house.root(Method::POST, clock, meant).await;
        assert_eq!((refused.code(), &refused.body["field"]), ((400, "malformed"), &json!("body")));
    }
    let user = house.root(Method::DELETE, "/api/v1/users/alice", json!({ "really": false })).await;
    assert_eq!(user.code(), (400, "malformed"));
    let large = json!("x".repeat(5_000));
    assert_eq!(house.root(Method::POST, clock, large).await.code(), (413, "too_large"));

    assert_eq!(house.root(Method::POST, clock, json!({})).await.status, StatusCode::OK);
    assert_eq!(house.root(Method::POST, clock, Value::Null).await.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_who_holds_their_part_of_the_memory_leaves_others_theirs() {
    let house = House::with(|config| config.ingest.bodies_bytes = 4 * 1024).await;
    house.add("alice", "member").await;
    house.add("bob", "member").await;
    let (alice, bob) = (house.token("alice").await, house.token("bob").await);
    let quote = "/api/v1/prices/quote";
    let headers = |token: &str| {
        Request::post(quote)
            .header("host", "localhost:8440")
            .header("authorization", token)
            .header("content-type", "application/json")
    };
    let (read, was_read) = tokio::sync::oneshot::channel();
    let chunks = futures::stream::once(async { Ok::<_, std::io::Error>("{".repeat(2_000)) });
    let endless = futures::stream::once(async move {
        // The first part is held by now.
        let _ = read.send(());
        std::future::pending().await
    });
    let body = Body::from_stream(futures::StreamExt::chain(chunks, endless));
    let held = house.router.clone().oneshot(headers(&alice).body(body).unwrap());
    let held = tokio::spawn(held);
    was_read.await.unwrap();

    let mine = house.send(headers(&bob).body(Body::from("{}")).unwrap()).await;
    let own = house.send(headers(&alice).body(Body::from("{}")).unwrap()).await;

    assert_eq!(mine.code(), (400, "missing"), "it was read: {mine:?}");
    assert_eq!(own.code(), (429, "too_many_requests"), "{own:?}");
    held.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_to_whom_many_files_are_sent_leaves_turns_at_that_to_others() {
    let house = House::new().await;
    house.add("alice", "admin").await;
    house.add("bob", "admin").await;
    let (alice, bob) = (house.token("alice").await, house.token("bob").await);
    let files = [
        (Method::GET, "/api/v1/exports/events"),
        (Method::GET, "/api/v1/exports/focus"),
        (Method::POST, "/api/v1/backup"),
    ];
    let ask = async |token: &str, (method, path): &(Method, &str)| {
        let request = Request::builder()
            .method(method)
            .uri(*path)
            .header("host", "localhost:8440")
            .header("authorization", token);
        let request = request.body(Body::empty()).unwrap();
        house.router.clone().oneshot(request).await.unwrap().status()
    };
    let shares = &house.server.state().shares;
    let mut held = Vec::new();
    while let Ok(turn) = shares.download("alice").await {
        held.push(turn);
    }

    for file in &files {
        assert_eq!(ask(&alice, file).await, StatusCode::TOO_MANY_REQUESTS, "{file:?}");
        assert_eq!(ask(&bob, file).await, StatusCode::OK, "{file:?}");
    }
    held.clear();
    assert_eq!(ask(&alice, &files[0]).await, StatusCode::OK);
}

// Live updates

/// What stands between two packets of one answer.
const SEPARATOR: &str = "\u{1e}";

/// A Socket.IO connection over polling, each request of it with a credential of its own.
struct Poll<'a> {
    house: &'a House,
    router: Router,
    sid: String,
}

impl<'a> Poll<'a> {
    async fn connect(house: &'a House, credential: (&str, &str)) -> Self {
        let router = house.server.live_router();
        let mut poll = Self { house, router, sid: String::new() };
        let opened = poll.get(credential).await;
        let body: Value = serde_json::from_str(opened.strip_prefix('0').unwrap()).unwrap();
        poll.sid = format!("&sid={}", body["sid"].as_str().unwrap());
        assert_eq!(poll.post("40", credential).await, "ok");
        let joined = poll.get(credential).await;
        assert!(joined.starts_with("40{"), "{joined}");
        poll
    }

    fn path(&self) -> String {
        format!("/socket.io/?EIO=4&transport=polling{}", self.sid)
    }

    /// What the socket hears next; the server's "are you there" is answered.
    async fn get(&self, credential: (&str, &str)) -> String {
        loop {
            let path = self.path();
            let heard = json_request(Method::GET, &path, &[credential], Value::Null);
            let heard = self.text(heard).await;
            // Several packets may come together.
            let (pings, others): (Vec<&str>, Vec<&str>) =
                heard.split(SEPARATOR).partition(|packet| *packet == "2");
            if !pings.is_empty() {
                self.post("3", credential).await;
            }
            if !others.is_empty() {
                return others.join(SEPARATOR);
            }
        }
    }

    async fn post(&self, packet: &'static str, credential: (&str, &str)) -> String {
        let request = Request::post(self.path())
            .header("host", "localhost:8440")
            .header(credential.0, credential.1)
            .body(Body::from(packet))
            .unwrap();
        self.text(request).await
    }

    async fn text(&self, request: Request<Body>) -> String {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    async fn send_event(&self, account: &str) {
        let event = json!({
            "id": uuid::Uuid::now_v7(), "source": "test", "account": account,
            "provider": "openai", "model": "gpt-4o-mini", "quantities": { "input_tokens": 1 },
        });
        let sent = self.house.root(Method::POST, "/api/v1/events", event).await;
        assert!(sent.status.is_success(), "{sent:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_hears_of_its_callers_account_and_closes_when_they_may_not_come_in_any_more() {
    let house = House::new().await;
    house.add("alice", "member").await;
    let alice = house.token("alice").await;
    let alice = ("authorization", alice.as_str());
    let refused = house.server.live_router();
    let refused = refused
        .oneshot(json_request(Method::GET, "/socket.io/?EIO=4&transport=polling", &[], Value::Null))
        .await
        .unwrap();
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);

    let poll = Poll::connect(&house, alice).await;
    poll.send_event("bob").await;
    poll.send_event("alice").await;
    let heard = poll.get(alice).await;
    assert!(heard.contains("\"alice\"") && !heard.contains("\"bob\""), "{heard}");

    // A viewer now: the same socket hears of everything.
    house.root(Method::PATCH, "/api/v1/users/alice", json!({ "role": "viewer" })).await;
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    poll.send_event("bob").await;
    let heard = poll.get(alice).await;
    assert!(heard.contains("\"bob\""), "{heard}");

    let disabled = house.root(Method::PATCH, "/api/v1/users/alice", json!({ "disabled": true }));
    let (heard, _) = tokio::join!(poll.get(alice), disabled);
    assert!(heard.contains("41"), "{heard}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_is_of_the_credential_that_opened_it() {
    let house = House::new().await;
    house.add("root", "admin").await;
    house.add("alice", "member").await;
    let (alice, root) = (house.token("alice").await, house.token("root").await);
    let key = house.key("alice", &["usage:read"]).await;
    let alice = ("authorization", alice.as_str());
    let poll = Poll::connect(&house, alice).await;

    let others = [("authorization", root.as_str()), ("x-api-key", key.as_str())];
    for other in others {
        let unknown = r#"{"code":"1","message":"Session ID unknown"}"#;
        assert_eq!(poll.post("41", other).await, unknown);
        let read = json_request(Method::GET, &poll.path(), &[other], Value::Null);
        assert_eq!(poll.text(read).await, unknown);
        let path = poll.path().replace("=polling", "=websocket");
        let upgrade = [other, ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")];
        let taken_over = json_request(Method::GET, &path, &upgrade, Value::Null);
        assert_eq!(poll.text(taken_over).await, unknown);
    }

    poll.send_event("alice").await;
    let heard = poll.get(alice).await;
    assert!(heard.contains("\"alice\""), "{heard}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_of_the_dialects_is_of_the_address_that_opened_it() {
    let house = House::with(|config| {
        config.dialects.leadfactory.enabled = true;
        config.dialects.leadfactory.networks = vec!["192.0.2.0/24".parse().unwrap()];
    })
    .await;
    let router = house.server.live_router();
    let ask = async |last: u8, method: Method, query: &str, packet: &'static str| {
        let path = format!("/socket.io/?EIO=4&transport=polling{query}");
        let request = Request::builder().method(method).uri(path).header("host", "localhost:8440");
        let request = from([192, 0, 2, last], request.body(Body::from(packet)).unwrap());
        let response = router.clone().oneshot(request).await.unwrap();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        String::from_utf8(bytes.to_vec()).unwrap()
    };
    let opened = ask(1, Method::GET, "", "").await;
    let opened: Value = serde_json::from_str(opened.strip_prefix('0').unwrap()).unwrap();
    let own = format!("&sid={}", opened["sid"].as_str().unwrap());

    let unknown = r#"{"code":"1","message":"Session ID unknown"}"#;
    assert_eq!(ask(2, Method::POST, &own, "40").await, unknown);
    assert_eq!(ask(2, Method::GET, &own, "").await, unknown);
    assert_eq!(ask(1, Method::POST, &own, "40").await, "ok");
}

// Limits, headers, other sites

#[tokio::test]
async fn a_caller_is_told_what_is_left_and_when_to_come_back() {
    let house = House::with(|config| {
        config.limits.requests_per_second = 1;
        config.limits.requests_burst = 2;
    })
    .await;
    house.add("alice", "member").await;
    house.add("bob", "member").await;
    let (alice, bob) = (house.token("alice").await, house.token("bob").await);
    let who = async |token: &str| {
        house.call(Method::GET, "/api/v1/session", &[("authorization", token)]).await
    };

    let first = who(&alice).await;
    who(&alice).await;
    let third = who(&alice).await;
    let other = who(&bob).await;

    assert_eq!((first.header("ratelimit-limit"), first.header("ratelimit-remaining")), ("2", "1"));
    assert_eq!(first.header("ratelimit-reset"), "1");
    assert_eq!(third.code(), (429, "too_many_requests"));
    assert_eq!(third.header("retry-after"), "1");
    assert_eq!(other.status, StatusCode::OK);
}

#[tokio::test]
async fn every_answer_tells_browsers_what_not_to_do() {
    let house = House::new().await;
    for path in ["/", "/sign-in", "/healthz", "/api/v1/session", "/api/v1/nothing", "/api/docs/"] {
        let answer = house.call(Method::GET, path, &[]).await;
        let csp = answer.header("content-security-policy");
        assert!(csp.contains("script-src 'self';"), "{path}: {csp}");
        assert!(csp.contains("frame-ancestors 'none'"), "{path}: {csp}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("referrer-policy"), "no-referrer", "{path}");
        assert_eq!(answer.header("x-frame-options"), "DENY", "{path}");
        assert_eq!(answer.header("strict-transport-security"), "", "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), "", "{path}");
    }
}

#[tokio::test]
async fn scripts_of_other_sites_call_only_from_the_origins_in_the_settings() {
    let closed = House::new().await;
    let open =
        House::with(|config| config.server.cors_origins = vec!["http://localhost:3000".into()])
            .await;
    let preflight = async |house: &House, origin: &str| {
        let headers = [
            ("origin", origin),
            ("access-control-request-method", "GET"),
            ("access-control-request-headers", "authorization,x-user-id"),
        ];
        house.call(Method::OPTIONS, "/api/v1/usage/total", &headers).await
    };

    let ours = preflight(&open, "http://localhost:3000").await;
    let others = preflight(&open, "https://evil.example").await;
    let none = preflight(&closed, "http://localhost:3000").await;
    let refused = open.call(Method::GET, "/api/v1/session", &[("origin", "http://localhost:3000")]);
    let refused = refused.await;

    assert_eq!(ours.status, StatusCode::OK);
    assert_eq!(ours.header("access-control-allow-origin"), "http://localhost:3000");
    assert!(ours.header("access-control-allow-headers").contains("x-user-id"));
    assert_eq!(ours.header("access-control-allow-credentials"), "");
    assert_eq!(others.header("access-control-allow-origin"), "");
    assert_eq!(none.header("access-control-allow-origin"), "");
    assert_eq!(refused.code(), (401, "unauthorized"));
    assert_eq!(refused.header("access-control-allow-origin"), "http://localhost:3000");
}

#[tokio::test]
async fn the_apis_description_says_how_to_prove_who_one_is() {
    let house = House::new().await;

    let document = house.call(Method::GET, "/api/v1/openapi.json", &[]).await.body;

    let schemes = &document["components"]["securitySchemes"];
    assert_eq!(schemes["bearer"]["scheme"], "bearer");
    assert_eq!(schemes["key"]["name"], "X-Api-Key");
    assert_eq!(schemes["session"]["in"], "cookie");
    assert_eq!(document["paths"]["/api/v1/session"]["post"]["security"], json!([{}]));
    for path in ["/api/v1/users", "/api/v1/keys", "/api/v1/audit", "/api/v1/tokens"] {
        for (method, operation) in document["paths"][path].as_object().unwrap() {
            assert!(operation["responses"]["401"].is_object(), "{method} {path}");
            assert!(operation["responses"]["403"].is_object(), "{method} {path}");
        }
    }
}

fn base64_url(text: &str) -> String {
    use base64::Engine;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text)
}

// Recommendations

/// A week of calls of one model: 400 prompts a day of 8,000 tokens, of which none is cached.
fn week_of_calls(account: &str) -> Value {
    let today = chrono::Utc::now().date_naive();
    let call = |day: u64| {
        json!({
            "id": format!("{account}-{day}"), "source": "test", "account": account,
            "provider": "openai", "model": "gpt-4o", "service": "reports",
            "occurred_at": format!("{}T10:00:00Z", today - chrono::Days::new(day)),
            "quantities": { "requests": "400", "input_tokens": "3200000", "output_tokens": "400000" },
        })
    };
    Value::Array((1..=8).map(call).collect())
}

const ADVICE: &str = "/api/v1/insights/recommendations";

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_decides_about_a_recommendation_and_a_member_sees_their_own() {
    let house = House::new().await;
    for (name, role) in [("admin", "admin"), ("alice", "member"), ("bob", "member")] {
        house.add(name, role).await;
    }
    house.root(Method::POST, "/api/v1/events", week_of_calls("alice")).await;
    let list = async |name: &str, query: &str| {
        let token = house.token(name).await;
        let path = format!("{ADVICE}?{query}");
        house.call(Method::GET, &path, &[("authorization", token.as_str())]).await
    };
    let ids = |answer: &Answer| -> Vec<String> {
        let items = answer.body["items"].as_array().unwrap_or_else(|| panic!("{answer:?}"));
        items.iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
    };
    let put = async |name: &str, id: &str, body: Value| {
        let token = house.token(name).await;
        let headers = [("authorization", token.as_str())];
        house.send(json_request(Method::PUT, &format!("{ADVICE}/{id}"), &headers, body)).await
    };
    const MODEL: &str = "model-openai-gpt-4o";

    let open = list("admin", "").await;
    assert_eq!(open.status, StatusCode::OK, "{open:?}");
    // Eight days of 3.2 M × 2.50 + 0.4 M × 10.00 a million; nine days with today.
    assert_eq!(open.body["spend"], "96");
    let first = &open.body["items"][0];
    assert_eq!(first["id"], MODEL, "{open:?}");
    assert_eq!(first["kind"], "cheaper_model");
    // The same tokens at 0.15 and 0.60 are 5.76: 90.24 less in nine days.
    assert_eq!(first["saving"]["monthly"], "300.8");
    assert_eq!(first["link"]["to"], "usage_of_days");
    assert_eq!(first["link"]["tz"], "UTC");
    let scope = json!({ "model": ["gpt-4o"], "provider": ["openai"] });
    assert_eq!(first["link"]["scope"], scope);
    let narrowed = list("admin", "&state=open&team!=ops&provider=openai").await;
    let scope = json!({ "model": ["gpt-4o"], "provider": ["openai"], "team!": ["ops"] });
    assert_eq!(narrowed.body["items"][0]["link"]["scope"], scope);
    assert!(ids(&list("alice", "").await).contains(&MODEL.to_owned()));
    assert_eq!(ids(&list("bob", "").await), Vec::<String>::new());

    let refused = put("alice", MODEL, json!({ "state": "done" })).await;
    assert_eq!(refused.code(), (403, "forbidden"));
    let unknown = put("admin", "model-nobody", json!({ "state": "done" })).await;
    assert_eq!(unknown.code(), (404, "not_found"));
    for (body, field) in [
        (json!({ "state": "gone" }), "state"),
        (json!({ "state": "snoozed" }), "until"),
        (json!({ "state": "snoozed", "until": "2020-01-01T00:00:00Z" }), "until"),
        (json!({ "state": "done", "until": "2099-01-01T00:00:00Z" }), "until"),
        (json!({ "state": "done", "note": "x".repeat(501) }), "note"),
    ] {
        let refused = put("admin", MODEL, body.clone()).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{body}: {refused:?}");
        assert_eq!(refused.body["field"], field, "{body}");
    }

    for (body, state) in [
        (json!({ "state": "snoozed", "until": "2099-01-01T00:00:00Z" }), "snoozed"),
        (json!({ "state": "dismissed", "note": "quality" }), "dismissed"),
        (json!({ "state": "done" }), "done"),
    ] {
        let changed = put("admin", MODEL, body).await;
        assert_eq!(changed.status, StatusCode::OK, "{changed:?}");
        assert_eq!(changed.body["state"], state);
        assert_eq!(changed.body["changed_by"], "admin");
        assert!(!ids(&list("admin", "").await).contains(&MODEL.to_owned()), "{state}");
        assert_eq!(ids(&list("admin", &format!("state={state}")).await), [MODEL]);
    }
    let open = put("admin", MODEL, json!({ "state": "open" })).await;
    assert_eq!(open.body["state"], "open");
    let trail = "/api/v1/audit?action=recommendations.change";
    let audit = house.root(Method::GET, trail, Value::Null).await;
    assert_eq!(audit.body["items"].as_array().unwrap().len(), 4, "{audit:?}");

    for (query, field) in [("days=3", "days"), ("days=999", "days"), ("state=x", "state")] {
        let refused = list("admin", query).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{query}: {refused:?}");
        assert_eq!(refused.body["field"], field, "{query}");
    }
}
