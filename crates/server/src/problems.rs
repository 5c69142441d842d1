//! Every refusal in our own shape, wherever it comes from.
//!
//! Routers, extractors and layers refuse in their own ways: in plain text, or with a status and
//! nothing else. And what panics has no answer at all. Here all of it becomes an [`ApiError`].

use std::any::Any;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use http_body_util::{BodyExt, Limited};
use tower_http::catch_panic::CatchPanicLayer;

use crate::error::ApiError;
use crate::serving::Listening;
use crate::state::AppState;

/// Bytes of a refusal in plain text, at most.
const TEXT_BYTES_MAX: usize = 4 * 1024;

/// Gives every refusal our shape.
///
/// It stands around the whole router and not around each route: which methods there are, the router
/// adds at its very end.
pub fn shape(router: Router) -> Router {
    Router::new().fallback_service(router).layer(from_fn(reshape))
}

/// Answers whatever panics.
pub fn catch(router: Router<AppState>) -> Router<AppState> {
    router.layer(CatchPanicLayer::custom(after))
}

/// What is answered after a panic, which is logged here.
fn after(panic: Box<dyn Any + Send + 'static>) -> Response {
    let said = panic.downcast_ref::<String>().map(String::as_str);
    let said = said.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("nothing");
    tracing::error!(said, "a request ended in a panic, which is a fault of ours");
    ApiError::panicked().into_response()
}

async fn reshape(request: Request, next: Next) -> Response {
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let response = next.run(request).await;
    let is_refusal = response.status().is_client_error() || response.status().is_server_error();
    if !is_refusal || method == Method::HEAD || !is_bare(response.headers()) {
        return response;
    }
    reshaped(&method, &uri, response).await
}

/// Whether an answer says nothing, or says it in plain text.
fn is_bare(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    kind.is_none_or(|kind| kind.starts_with("text/plain"))
}

async fn reshaped(method: &Method, uri: &Uri, response: Response) -> Response {
    let (mut parts, body) = response.into_parts();
    let text = Limited::new(body, TEXT_BYTES_MAX).collect().await.map(|body| body.to_bytes());
    let text = String::from_utf8_lossy(&text.unwrap_or_default()).trim().to_owned();
    let error = refusal(parts.status, method, uri, &parts.headers, text);
    let shaped = error.into_response();
    for name in [header::CONTENT_TYPE, header::CONTENT_LENGTH, header::TRANSFER_ENCODING] {
        parts.headers.remove(name);
    }
    let (told, body) = shaped.into_parts();
    // What the refusal says besides, such as which methods there are, stays.
    parts.headers.extend(told.headers);
    parts.extensions.extend(told.extensions);
    Response::from_parts(parts, body)
}

fn refusal(
    status: StatusCode,
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    text: String,
) -> ApiError {
    let said = |otherwise: &str| if text.is_empty() { otherwise.to_owned() } else { text.clone() };
    match status {
        StatusCode::METHOD_NOT_ALLOWED => {
            let detail = format!("{method} is nothing that {} takes", uri.path());
            let error = ApiError::new(status, "method_not_allowed", detail);
            match headers.get(header::ALLOW).and_then(|allowed| allowed.to_str().ok()) {
                Some(allowed) => error.mend(format!("use {}", allowed.replace(',', ", "))),
                None => error,
            }
        }
        StatusCode::UNSUPPORTED_MEDIA_TYPE => {
            ApiError::new(status, "unsupported_media_type", said("the body is of no type we read"))
                .at("Content-Type")
                .mend("send JSON, with the header `Content-Type: application/json`")
        }
        StatusCode::PAYLOAD_TOO_LARGE => {
            ApiError::new(status, "too_large", said("the body is too large")).at("body")
        }
        StatusCode::NOT_FOUND => ApiError::nowhere(uri.path()),
        StatusCode::REQUEST_TIMEOUT => {
            ApiError::new(status, "too_slow", said("the request did not come in time"))
        }
        StatusCode::INTERNAL_SERVER_ERROR => ApiError::panicked(),
        status if status.is_server_error() => {
            ApiError::new(status, "unavailable", said("this cannot be answered now"))
        }
        status => ApiError::new(status, "malformed", said("the request is not as it should be")),
    }
}

/// Refuses requests that reach this machine's own listener under a name of somebody else's.
///
/// A page of another site can make the site's name point to this machine, and is then of the same
/// origin as we are, as far as its browser knows.
pub fn check_host(router: Router<AppState>, state: &AppState) -> Router<AppState> {
    router.layer(from_fn_with_state(state.clone(), judge_host))
}

async fn judge_host(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let listening = request.extensions().get::<Option<Listening>>().copied().flatten();
    let is_own = listening.is_some_and(|Listening(at)| at.ip().to_canonical().is_loopback());
    // Whether the server is up is nothing to hide.
    let is_health = matches!(request.uri().path(), "/healthz" | "/readyz");
    if is_own && !is_health && !is_our_name(request.headers(), request.uri(), &state) {
        let detail = "the server is not known by the name in `Host`";
        return ApiError::new(StatusCode::MISDIRECTED_REQUEST, "unknown_host", detail)
            .at("Host")
            .mend("use the server's own address, or name this one in server.public_url or .hosts")
            .into_response();
    }
    next.run(request).await
}

fn is_our_name(headers: &HeaderMap, uri: &Uri, state: &AppState) -> bool {
    // A request line with a whole address says by itself whom it means.
    let named = match uri.authority() {
        Some(authority) => Some(authority.as_str()),
        // Browsers send it always; what does not is no browser.
        None => match headers.get(header::HOST) {
            None => return true,
            Some(host) => host.to_str().ok(),
        },
    };
    let Some(name) = named.map(without_port) else { return false };
    let public_url = state.guard.public_url();
    let public = public_url.split_once("://").map_or("", |(_, rest)| rest);
    let public = public.split('/').next().unwrap_or("");
    let ours = state.config.server.hosts.iter().map(String::as_str);
    is_of_this_machine(name)
        || ours.chain([public]).any(|own| name.eq_ignore_ascii_case(without_port(own)))
}

/// A name that no other site can have.
fn is_of_this_machine(name: &str) -> bool {
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    let lower = name.to_ascii_lowercase();
    lower == "localhost"
        || lower.ends_with(".localhost")
        || bare
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.to_canonical().is_loopback())
}

fn without_port(authority: &str) -> &str {
    let end = authority.rfind(']').map_or(0, |at| at + 1);
    authority[end..].find(':').map_or(authority, |at| &authority[..end + at])
}

/// The body of an answer, for tests.
#[cfg(test)]
async fn text_of(response: Response) -> String {
    let bytes = response.into_body().collect().await.map(|body| body.to_bytes());
    String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use axum::body::Body;
    use axum::routing::get;
    use tower::ServiceExt;

    use super::*;

    fn shaped() -> Router {
        async fn broken() -> &'static str {
            panic!("a mistake")
        }
        async fn refused() -> Response {
            (StatusCode::BAD_REQUEST, "the words of a library").into_response()
        }
        async fn plain() -> &'static str {
            "as it is"
        }
        let router = Router::<()>::new()
            .route("/broken", get(broken))
            .route("/refused", get(refused))
            .route("/plain", get(plain));
        shape(router.layer(CatchPanicLayer::custom(after)))
    }

    async fn ask(method: Method, path: &str) -> (StatusCode, HeaderMap, String) {
        let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
        let response = shaped().oneshot(request).await.unwrap();
        (response.status(), response.headers().clone(), text_of(response).await)
    }

    #[tokio::test]
    async fn whatever_refuses_says_so_as_json() {
        for (method, path, status, code) in [
            (Method::GET, "/broken", 500, "internal"),
            (Method::GET, "/refused", 400, "malformed"),
            (Method::GET, "/nowhere", 404, "not_found"),
            (Method::DELETE, "/plain", 405, "method_not_allowed"),
        ] {
            let (told, headers, text) = ask(method, path).await;
            let body: serde_json::Value = serde_json::from_str(&text).unwrap();
            assert_eq!(told.as_u16(), status, "{path}");
            assert_eq!((&body["code"], &body["status"]), (&code.into(), &status.into()), "{path}");
            assert_eq!(headers[header::CONTENT_TYPE], "application/json", "{path}");
        }
        let (_, headers, text) = ask(Method::DELETE, "/plain").await;
        assert_eq!(headers[header::ALLOW], "GET,HEAD");
        assert!(text.contains("use GET, HEAD"), "{text}");
        assert_eq!(ask(Method::GET, "/plain").await.2, "as it is");
    }

    #[test]
    fn only_names_that_nobody_else_can_have_are_of_this_machine() {
        for ours in ["localhost", "LOCALHOST", "127.0.0.1", "127.9.9.9", "[::1]", "a.localhost"] {
            assert!(is_of_this_machine(ours), "{ours}");
        }
        for theirs in
            ["evil.example", "localhost.evil.example", "192.0.2.1", "", "127.0.0.1.nip.io"]
        {
            assert!(!is_of_this_machine(theirs), "{theirs}");
        }
        assert_eq!(without_port("localhost:8440"), "localhost");
        assert_eq!(without_port("[::1]:8440"), "[::1]");
        assert_eq!(without_port("[::1]"), "[::1]");
        assert_eq!(without_port("evil.example"), "evil.example");
    }
}
