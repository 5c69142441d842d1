//! Why somebody was not let in, or did not get what they asked for.

use chrono::{DateTime, Duration, Utc};
use compact_str::CompactString;
use outlay_domain::people::{Denied, PeopleRefusal};
use outlay_store::StoreError;
use thiserror::Error;

use super::claims::TokenFault;
use super::jwks::KeysUnavailable;
use super::password::Busy;
use super::token::TokenError;

/// Why a credential did not let its bearer in.
#[derive(Debug, Error)]
pub enum IdentifyError {
    /// No key has this secret.
    #[error("the API key is not known")]
    UnknownKey,
    /// The key's time is over.
    #[error("the API key expired at {0}")]
    KeyExpired(DateTime<Utc>),
    /// Somebody ended the key.
    #[error("the API key was revoked")]
    KeyRevoked,
    /// The key is for an account that its user does not pay from any more.
    #[error("the API key is for the account `{0}`, which is not its user's any more")]
    KeyOfOtherAccount(CompactString),
    /// The session has ended, or there never was one.
    #[error("the session has ended")]
    NoSession,
    /// The token does not count.
    #[error("the token is not accepted: {0}")]
    Token(#[from] TokenFault),
    /// The token is good, and nobody here has the name in it.
    #[error("the token's user is not known here")]
    UnknownUser,
    /// The user may not come in.
    #[error("the user is disabled")]
    Disabled,
    /// Nobody can say now whether the token counts.
    #[error(transparent)]
    KeysUnavailable(#[from] KeysUnavailable),
    /// The books could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<TokenError> for IdentifyError {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Fault(fault) => fault.into(),
            TokenError::KeysUnavailable(error) => error.into(),
        }
    }
}

/// Why nobody was signed in.
#[derive(Debug, Error)]
pub enum SignInError {
    /// The name or the password is wrong, or the user may not come in: which is not said.
    #[error("the user or the password is wrong")]
    Wrong,
    /// The link was used before, has expired, or never was.
    #[error("the sign-in link was used before or has expired")]
    DeadLink,
    /// Too many attempts failed.
    #[error("too many attempts to sign in failed; wait a little")]
    Throttled {
        /// For how long.
        retry_after: Duration,
    },
    /// Too many people are signing in.
    #[error(transparent)]
    Busy(#[from] Busy),
    /// The books could not be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why somebody did not get what they asked for about people.
#[derive(Debug, Error)]
pub enum PeopleError {
    /// They may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// They may, and it cannot be as they said.
    #[error(transparent)]
    Refused(#[from] PeopleRefusal),
    /// There is no such thing.
    #[error("there is no {0}")]
    NotFound(String),
    /// It does not go together with what is there.
    #[error("{what}")]
    Conflict {
        /// What stands in the way.
        what: String,
        /// What to do about it.
        remedy: String,
    },
    /// They said a wrong password for their present one.
    #[error("the current password is wrong")]
    WrongPassword,
    /// They said a wrong password too often.
    #[error("too many wrong passwords; wait a little")]
    Throttled {
        /// For how long.
        retry_after: Duration,
    },
    /// Too many passwords are being checked.
    #[error(transparent)]
    Busy(#[from] Busy),
    /// The books could not be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl PeopleError {
    /// Something stands in the way.
    pub fn conflict(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::Conflict { what: what.into(), remedy: remedy.into() }
    }
}
