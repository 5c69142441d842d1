//! Whether it is our own page that sends what a browser sends.
//!
//! A browser adds the cookie to whatever any site makes it send. So a change must come from our
//! own origin, as far as the browser says whence, and must bring a word that only a page which can
//! read our answers knows.

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, Method, header};
use outlay_engine::people::csrf_token;
use subtle::ConstantTimeEq;

use super::Guard;
use super::door::is_socket;
use crate::error::ApiError;

const X_CSRF_TOKEN: HeaderName = HeaderName::from_static("x-csrf-token");
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Checks a request that came with the cookie of a session.
pub fn check(request: &Request, secret: &str, guard: &Guard) -> Result<(), ApiError> {
    let headers = request.headers();
    if is_socket(request.uri().path()) {
        // A socket of another site's page would read along; it needs no change for that.
        return check_origin(headers, guard);
    }
    if matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS) {
        return Ok(());
    }
    check_origin(headers, guard)?;
    let said = headers.get(&X_CSRF_TOKEN).map(|word| word.as_bytes()).unwrap_or_default();
    if said.ct_eq(csrf_token(secret).as_bytes()).into() {
        return Ok(());
    }
    Err(refused("the header `X-CSRF-Token` is missing or not this session's")
        .mend("send `csrf` of GET /api/v1/session as `X-CSRF-Token`"))
}

/// Checks that the request comes from our own origin, or from no browser.
pub fn check_origin(headers: &HeaderMap, guard: &Guard) -> Result<(), ApiError> {
    let text = |name: &HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let is_ours = match (text(&SEC_FETCH_SITE), text(&header::ORIGIN)) {
        (Some(site), _) => matches!(site, "same-origin" | "none"),
        (None, Some(origin)) => is_our_origin(origin, text(&header::HOST), guard),
        (None, None) => true,
    };
    if is_ours { Ok(()) } else { Err(refused("this was sent by a page of another site")) }
}

fn is_our_origin(origin: &str, host: Option<&str>, guard: &Guard) -> bool {
    let Some((_scheme, authority)) = origin.split_once("://") else { return false };
    let is_public = origin.eq_ignore_ascii_case(origin_of(&guard.public_url()));
    is_public || host.is_some_and(|host| host.eq_ignore_ascii_case(authority))
}

/// The scheme, host and port of an address.
fn origin_of(url: &str) -> &str {
    let after_scheme = url.find("://").map_or(0, |at| at + 3);
    let end = url[after_scheme..].find('/').map_or(url.len(), |at| after_scheme + at);
    &url[..end]
}

fn refused(detail: &str) -> ApiError {
    let mut error = ApiError::forbidden(detail);
    error.code = "csrf";
    error
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn guard() -> Guard {
        let mut config = Config::default();
        config.server.public_url = "https://outlay.example/".into();
        Guard::new(&config)
    }

    fn is_ours(pairs: &[(&'static str, &'static str)]) -> bool {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.insert(*name, value.parse().unwrap());
        }
        check_origin(&headers, &guard()).is_ok()
    }

    #[test]
    fn our_own_pages_and_programs_are_let_through() {
        assert!(is_ours(&[]));
        assert!(is_ours(&[("sec-fetch-site", "same-origin"), ("origin", "https://x.example")]));
        assert!(is_ours(&[("sec-fetch-site", "none")]));
        assert!(is_ours(&[("origin", "https://outlay.example")]));
        assert!(is_ours(&[("origin", "http://localhost:8440"), ("host", "localhost:8440")]));
    }

    #[test]
    fn pages_of_others_are_not() {
        assert!(!is_ours(&[("sec-fetch-site", "cross-site")]));
        assert!(!is_ours(&[
            ("sec-fetch-site", "same-site"),
            ("origin", "https://a.outlay.example")
        ]));
        assert!(!is_ours(&[("origin", "https://evil.example"), ("host", "outlay.example")]));
        assert!(!is_ours(&[("origin", "http://outlay.example")]));
        assert!(!is_ours(&[("origin", "https://outlay.example.evil.example")]));
        assert!(!is_ours(&[("origin", "null"), ("host", "null")]));
    }
}
