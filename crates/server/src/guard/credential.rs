//! What a request proves its sender by.

use axum::http::{HeaderMap, HeaderName, header};

use super::cookie::SessionCookie;
use crate::error::ApiError;

const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// One credential of a request.
#[derive(Debug, PartialEq, Eq)]
pub enum Credential<'a> {
    /// There is none.
    None,
    /// `Authorization: Bearer …`: a token or a key.
    Bearer(&'a str),
    /// `X-Api-Key: …`.
    Key(&'a str),
    /// The cookie of a session.
    Cookie(&'a str),
}

impl<'a> Credential<'a> {
    /// The credential that a program sent on purpose; a browser's cookie, where it sent none.
    pub fn of(headers: &'a HeaderMap, cookie: Option<&'a SessionCookie>) -> Result<Self, ApiError> {
        if let Some(authorization) = only(headers, &header::AUTHORIZATION)? {
            let (scheme, rest) = authorization.split_once(' ').unwrap_or((authorization, ""));
            let token = rest.trim();
            if !scheme.eq_ignore_ascii_case("bearer") || token.is_empty() {
                return Err(ApiError::unauthorized("the header `Authorization` is not `Bearer …`"));
            }
            return Ok(Self::Bearer(token));
        }
        if let Some(key) = only(headers, &X_API_KEY)? {
            return Ok(Self::Key(key.trim()));
        }
        Ok(cookie.map_or(Self::None, |cookie| Self::Cookie(cookie.secret())))
    }
}

/// The one value of a header. Two would let two readers see two callers.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, ApiError> {
    let mut values = headers.get_all(name).iter();
    let (first, second) = (values.next(), values.next());
    if second.is_some() {
        return Err(ApiError::unauthorized(format!("the header `{name}` was sent twice")));
    }
    first
        .map(|value| {
            value.to_str().map_err(|_| {
                ApiError::unauthorized(format!("the header `{name}` holds more than plain text"))
            })
        })
        .transpose()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn what_was_sent_on_purpose_goes_before_a_cookie() {
        let cookie = SessionCookie::new("secret".into());
        let all = headers(&[("authorization", "bearer  token "), ("x-api-key", "key")]);
        let key = headers(&[("x-api-key", "key")]);

        assert_eq!(Credential::of(&all, Some(&cookie)).unwrap(), Credential::Bearer("token"));
        assert_eq!(Credential::of(&key, Some(&cookie)).unwrap(), Credential::Key("key"));
        let none = headers(&[]);
        assert_eq!(Credential::of(&none, Some(&cookie)).unwrap(), Credential::Cookie("secret"));
        assert_eq!(Credential::of(&none, None).unwrap(), Credential::None);
    }

    #[test]
    fn what_is_not_understood_is_refused_and_does_not_fall_back_to_the_cookie() {
        let cookie = SessionCookie::new("secret".into());
        for wrong in [
            &[("authorization", "Basic YTpi")][..],
            &[("authorization", "Bearer")],
            &[("authorization", "")],
            &[("authorization", "Bearer a"), ("authorization", "Bearer b")],
            &[("x-api-key", "a"), ("x-api-key", "b")],
        ] {
            let headers = headers(wrong);
            let refused = Credential::of(&headers, Some(&cookie)).unwrap_err();
            assert_eq!(refused.status, axum::http::StatusCode::UNAUTHORIZED, "{wrong:?}");
        }
    }
}
