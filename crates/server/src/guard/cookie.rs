//! The cookie that a session lives in.

use std::convert::Infallible;

use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponseParts, ResponseParts};
use axum_extra::extract::CookieJar;
use outlay_engine::people::{SignedIn, csrf_token};

use super::Guard;

const NAME: &str = "outlay";
/// With this prefix a browser takes the cookie from this very host only, over https only.
const SECURE_NAME: &str = "__Host-outlay";

/// The secret of a session, as the browser sent it.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionCookie(String);

impl std::fmt::Debug for SessionCookie {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SessionCookie(…)")
    }
}

impl SessionCookie {
    #[cfg(test)]
    pub(super) fn new(secret: String) -> Self {
        Self(secret)
    }

    /// The cookie among the request's headers.
    pub fn of(headers: &HeaderMap, guard: &Guard) -> Option<Self> {
        let jar = CookieJar::from_headers(headers);
        jar.get(name(guard)).map(|cookie| Self(cookie.value().to_owned()))
    }

    /// The secret itself.
    pub fn secret(&self) -> &str {
        &self.0
    }

    /// The word that a page says beside the cookie.
    pub fn csrf_token(&self) -> String {
        csrf_token(&self.0)
    }
}

/// What an answer tells the browser to keep, or to forget.
#[derive(Debug)]
pub struct SetCookie(HeaderValue);

impl SetCookie {
    /// The cookie for a browser that has just signed in.
    pub fn opened(signed_in: &SignedIn, guard: &Guard) -> Self {
        let session = &signed_in.session;
        let lasts = session.expires_at - session.created_at;
        Self::new(signed_in.secret.reveal(), lasts.num_seconds(), guard)
    }

    /// Takes the cookie back.
    pub fn ended(guard: &Guard) -> Self {
        Self::new("", 0, guard)
    }

    /// Out of reach of scripts, of other sites' forms, and of wires that others read.
    fn new(secret: &str, seconds: i64, guard: &Guard) -> Self {
        let name = name(guard);
        let secure = if guard.is_https { "; Secure" } else { "" };
        let cookie =
            format!("{name}={secret}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}");
        let mut value = HeaderValue::try_from(cookie)
            .unwrap_or_else(|_| unreachable!("secrets are letters and digits"));
        value.set_sensitive(true);
        Self(value)
    }
}

impl IntoResponseParts for SetCookie {
    type Error = Infallible;

    fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Infallible> {
        parts.headers_mut().append(header::SET_COOKIE, self.0);
        Ok(parts)
    }
}

fn name(guard: &Guard) -> &'static str {
    if guard.is_https { SECURE_NAME } else { NAME }
}
