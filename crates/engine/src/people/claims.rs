//! What a token says, and whether it counts.

use chrono::{DateTime, Duration, Utc};
use compact_str::CompactString;
use outlay_domain::people::Role;
use serde::Deserialize;
use serde_json::Value;
use thiserror::Error;

/// How far clocks may differ.
pub const LEEWAY: Duration = Duration::seconds(30);

/// How far our own clock may have been set back since it issued a token, and the token still counts.
const AHEAD_MAX: Duration = Duration::hours(1);

/// Why a token does not count.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TokenFault {
    /// It is not a JWT that can be read.
    #[error("it is not a token")]
    Malformed,
    /// It is signed in a way that nobody here trusts, or not at all.
    #[error("its algorithm is not accepted here")]
    Algorithm,
    /// Nobody who is trusted has the key it names.
    #[error("nobody who is trusted here signed it")]
    UnknownKey,
    /// It was changed, or signed by somebody else.
    #[error("its signature does not fit")]
    Signature,
    /// It asks for something that is not understood.
    #[error("it has a critical header that is not understood")]
    Critical,
    /// Its time is over.
    #[error("it has expired")]
    Expired,
    /// Its time has not come.
    #[error("it is not valid yet")]
    NotYet,
    /// It would count for ever.
    #[error("it has no expiry (`exp`)")]
    NoExpiry,
    /// Somebody else issued it.
    #[error("its issuer (`iss`) is not the one that is trusted")]
    Issuer,
    /// It is for somebody else.
    #[error("its audience (`aud`) is somebody else")]
    Audience,
    /// It names nobody.
    #[error("it names no user (`sub` or `user_id`)")]
    NoUser,
    /// It names two.
    #[error("its `sub` and its `user_id` are two users, and the settings do not say which counts")]
    TwoUsers,
    /// It was revoked.
    #[error("it was revoked")]
    Revoked,
    /// It has a role that its user does not have.
    #[error("it is for the role {0}, which its user does not have any more")]
    Role(Role),
}

/// The claims that are read.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Claims {
    iss: Option<Value>,
    sub: Option<Value>,
    user_id: Option<Value>,
    aud: Option<Value>,
    exp: Option<Value>,
    nbf: Option<Value>,
    /// When one of our own tokens was issued.
    iat: Option<Value>,
    /// The role that one of our own tokens is narrowed to.
    pub role: Option<Role>,
    /// The generation of one of our own tokens.
    #[serde(rename = "gen")]
    pub generation: Option<u32>,
}

/// The claims of a token of somebody else, whose `role` may mean anything.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct ForeignClaims {
    iss: Option<Value>,
    sub: Option<Value>,
    user_id: Option<Value>,
    aud: Option<Value>,
    exp: Option<Value>,
    nbf: Option<Value>,
}

impl From<ForeignClaims> for Claims {
    fn from(claims: ForeignClaims) -> Self {
        let ForeignClaims { iss, sub, user_id, aud, exp, nbf } = claims;
        Self { iss, sub, user_id, aud, exp, nbf, iat: None, role: None, generation: None }
    }
}

/// Which claim names the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UserClaim {
    /// Whichever is there; both, if they agree.
    #[default]
    Either,
    /// `sub`.
    Sub,
    /// `user_id`.
    UserId,
}

impl Claims {
    /// Checks the time, to and not at `exp`, from `nbf` on, each with [`LEEWAY`].
    ///
    /// One of ours from the future was issued while the clock was wrong, and would count for as long
    /// as that was ahead.
    pub fn check_time(&self, now: DateTime<Utc>) -> Result<(), TokenFault> {
        let exp = self.exp.as_ref().and_then(Value::as_f64).ok_or(TokenFault::NoExpiry)?;
        let nbf = self.nbf.as_ref().map(|nbf| nbf.as_f64().ok_or(TokenFault::Malformed));
        // Whole seconds and their fractions fit a float for longer than calendars last.
        let seconds = |time: DateTime<Utc>| time.timestamp_micros() as f64 / 1e6;
        if seconds(now - LEEWAY) >= exp {
            return Err(TokenFault::Expired);
        }
        let issued = self.iat.as_ref().and_then(Value::as_f64);
        let is_ahead = issued.is_some_and(|issued| seconds(now + AHEAD_MAX) < issued);
        match nbf.transpose()? {
            Some(nbf) if seconds(now + LEEWAY) < nbf => Err(TokenFault::NotYet),
            _ if is_ahead => Err(TokenFault::NotYet),
            _ => Ok(()),
        }
    }

    /// Up to when it counts, the leeway among it, as far as calendars go.
    pub fn counts_until(&self) -> DateTime<Utc> {
        let exp = self.exp.as_ref().and_then(Value::as_f64).unwrap_or(0.0);
        // A float that is too large becomes the largest number, which is no date.
        DateTime::from_timestamp_micros((exp * 1e6) as i64)
            .and_then(|exp| exp.checked_add_signed(LEEWAY))
            .unwrap_or(DateTime::<Utc>::MAX_UTC)
    }

    /// Checks who issued it, where that is known.
    pub fn check_issuer(&self, expected: Option<&str>) -> Result<(), TokenFault> {
        match expected {
            Some(expected) if self.iss.as_ref().and_then(Value::as_str) != Some(expected) => {
                Err(TokenFault::Issuer)
            }
            _ => Ok(()),
        }
    }

    /// Checks that one of its audiences is one of `expected`, where any is.
    pub fn check_audience(&self, expected: &[String]) -> Result<(), TokenFault> {
        let is_expected = |said: &Value| {
            said.as_str().is_some_and(|said| expected.iter().any(|known| known == said))
        };
        let fits = match &self.aud {
            _ if expected.is_empty() => true,
            Some(Value::Array(all)) => all.iter().any(is_expected),
            Some(one) => is_expected(one),
            None => false,
        };
        if fits { Ok(()) } else { Err(TokenFault::Audience) }
    }

    /// Whom it names.
    pub fn user(&self, claim: UserClaim) -> Result<CompactString, TokenFault> {
        let sub = self.sub.as_ref().and_then(name);
        let user_id = self.user_id.as_ref().and_then(name);
        match (claim, sub, user_id) {
            (UserClaim::Sub, Some(user), _)
            | (UserClaim::UserId, _, Some(user))
            | (UserClaim::Either, Some(user), None)
            | (UserClaim::Either, None, Some(user)) => Ok(user),
            (UserClaim::Either, Some(sub), Some(user_id)) if sub == user_id => Ok(sub),
            (UserClaim::Either, Some(_), Some(_)) => Err(TokenFault::TwoUsers),
            _ => Err(TokenFault::NoUser),
        }
    }
}

/// Text, or a whole number: some systems number their users.
fn name(value: &Value) -> Option<CompactString> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.into()),
        Value::Number(number) if number.is_i64() || number.is_u64() => {
            Some(number.to_string().into())
        }
        _ => None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    fn claims(value: Value) -> Claims {
        serde_json::from_value(value).unwrap()
    }

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + Duration::seconds(seconds)
    }

    #[test]
    fn a_token_counts_up_to_and_not_at_its_expiry_and_the_leeway() {
        let tick = Duration::microseconds(1);
        let token = claims(json!({ "exp": 1000 }));

        assert_eq!(token.check_time(at(1030) - tick), Ok(()));
        assert_eq!(token.check_time(at(1030)), Err(TokenFault::Expired));
        assert_eq!(claims(json!({ "exp": 1000.5 })).check_time(at(1030)), Ok(()));
        assert_eq!(claims(json!({ "exp": 1e300 })).check_time(at(1030)), Ok(()));
        assert_eq!(token.counts_until(), at(1030));
        assert!(claims(json!({ "exp": 1e300 })).counts_until() > at(1 << 40));
    }

    #[test]
    fn a_token_counts_from_its_beginning_less_the_leeway() {
        let tick = Duration::microseconds(1);
        let token = claims(json!({ "exp": 5000, "nbf": 1000 }));

        assert_eq!(token.check_time(at(970) - tick), Err(TokenFault::NotYet));
        assert_eq!(token.check_time(at(970)), Ok(()));
    }

    #[test]
    fn times_that_are_no_numbers_do_not_count() {
        for token in [json!({}), json!({ "exp": "2030" }), json!({ "exp": null })] {
            assert_eq!(claims(token).check_time(at(0)), Err(TokenFault::NoExpiry));
        }
        let token = claims(json!({ "exp": 1000, "nbf": "soon" }));
        assert_eq!(token.check_time(at(0)), Err(TokenFault::Malformed));
    }

    #[test]
    fn the_issuer_and_one_of_the_audiences_must_be_those_expected() {
        let expected = ["outlay".to_owned(), "web".to_owned()];
        let audience = |aud: Value| claims(json!({ "aud": aud })).check_audience(&expected);

        assert_eq!(audience(json!("web")), Ok(()));
        assert_eq!(audience(json!(["x", "outlay"])), Ok(()));
        assert_eq!(audience(json!(["x"])), Err(TokenFault::Audience));
        assert_eq!(audience(json!("x")), Err(TokenFault::Audience));
        assert_eq!(audience(json!(null)), Err(TokenFault::Audience));
        assert_eq!(claims(json!({})).check_audience(&expected), Err(TokenFault::Audience));
        assert_eq!(claims(json!({})).check_audience(&[]), Ok(()));

        let token = claims(json!({ "iss": "https://a" }));
        assert_eq!(token.check_issuer(Some("https://a")), Ok(()));
        assert_eq!(token.check_issuer(None), Ok(()));
        assert_eq!(token.check_issuer(Some("https://b")), Err(TokenFault::Issuer));
        assert_eq!(claims(json!({})).check_issuer(Some("https://b")), Err(TokenFault::Issuer));
    }

    #[test]
    fn a_user_is_named_by_either_claim_and_not_by_two_that_differ() {
        let user = |token: Value, claim| claims(token).user(claim);
        let both = json!({ "sub": "a", "user_id": "b" });

        assert_eq!(user(json!({ "sub": "a" }), UserClaim::Either).unwrap(), "a");
        assert_eq!(user(json!({ "user_id": 42 }), UserClaim::Either).unwrap(), "42");
        assert_eq!(user(json!({ "sub": "a", "user_id": "a" }), UserClaim::Either).unwrap(), "a");
        assert_eq!(user(both.clone(), UserClaim::Either), Err(TokenFault::TwoUsers));
        assert_eq!(user(both.clone(), UserClaim::Sub).unwrap(), "a");
        assert_eq!(user(both, UserClaim::UserId).unwrap(), "b");
        assert_eq!(user(json!({ "sub": "a" }), UserClaim::UserId), Err(TokenFault::NoUser));
        assert_eq!(user(json!({ "sub": "" }), UserClaim::Either), Err(TokenFault::NoUser));
        assert_eq!(user(json!({ "sub": 1.5 }), UserClaim::Either), Err(TokenFault::NoUser));
    }

    #[test]
    fn a_foreign_role_is_not_read() {
        let token = json!({ "sub": "a", "role": "authenticated", "gen": "x" });

        let foreign: ForeignClaims = serde_json::from_value(token).unwrap();

        assert_eq!(Claims::from(foreign).role, None);
    }
}
