//! Browsers that signed in.

use std::str::FromStr;

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::user::UserId;

/// How somebody proved who they are when they signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignInMethod {
    /// With their password.
    Password,
    /// With a sign-in link.
    Link,
}

impl SignInMethod {
    /// The word that is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Link => "link",
        }
    }
}

impl FromStr for SignInMethod {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "password" => Ok(Self::Password),
            "link" => Ok(Self::Link),
            other => Err(format!("`{other}` is not a way to sign in")),
        }
    }
}

/// A browser that signed in. Its secret is not here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Names it in the audit trail.
    pub id: Uuid,
    /// Who signed in.
    pub user: UserId,
    /// How they signed in.
    pub method: SignInMethod,
    /// When they signed in.
    pub created_at: DateTime<Utc>,
    /// When it was last used, to the minute or so.
    pub last_seen_at: DateTime<Utc>,
    /// Up to, and not at, which time it counts, however much it is used.
    pub expires_at: DateTime<Utc>,
}

/// How long sessions last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionPolicy {
    /// Without use.
    pub idle: Duration,
    /// At all.
    pub absolute: Duration,
}

/// How far a clock may have been set back since a session was opened, and the session still counts.
const AHEAD_MAX: Duration = Duration::hours(1);

impl Session {
    /// Whether it counts at `now`.
    ///
    /// One from the future was opened while a clock was wrong, and would count for as long as that
    /// was ahead.
    pub fn is_alive(&self, now: DateTime<Utc>, policy: SessionPolicy) -> bool {
        now < self.ends_at(policy) && self.created_at <= now + AHEAD_MAX
    }

    /// Up to, and not at, which time it counts where it is not used again.
    pub fn ends_at(&self, policy: SessionPolicy) -> DateTime<Utc> {
        self.expires_at.min(self.last_seen_at + policy.idle)
    }

    /// Whether its user has just proved by a link that they are who they are, so that they need
    /// not say the password they may have forgotten.
    pub fn is_fresh_from_link(&self, now: DateTime<Utc>) -> bool {
        self.method == SignInMethod::Link && now < self.created_at + Duration::minutes(15)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + Duration::minutes(minutes)
    }

    fn session(method: SignInMethod) -> Session {
        Session {
            id: Uuid::nil(),
            user: UserId::new("alice").unwrap(),
            method,
            created_at: at(0),
            last_seen_at: at(10),
            expires_at: at(100),
        }
    }

    #[test]
    fn a_session_ends_when_it_is_idle_too_long_and_when_it_is_too_old() {
        let policy =
            SessionPolicy { idle: Duration::minutes(30), absolute: Duration::minutes(100) };
        let tick = Duration::microseconds(1);
        let mut session = session(SignInMethod::Password);

        assert!(session.is_alive(at(40) - tick, policy));
        assert!(!session.is_alive(at(40), policy));
        session.last_seen_at = at(99);
        assert!(session.is_alive(at(100) - tick, policy));
        assert!(!session.is_alive(at(100), policy));
    }

    #[test]
    fn a_session_from_the_future_counts_only_where_a_clock_was_a_little_ahead() {
        let policy = SessionPolicy { idle: Duration::days(7), absolute: Duration::days(30) };
        let session = session(SignInMethod::Password);

        assert!(session.is_alive(at(-60), policy));
        assert!(!session.is_alive(at(-61), policy));
    }

    #[test]
    fn only_a_link_is_fresh_and_only_for_a_quarter_of_an_hour() {
        let tick = Duration::microseconds(1);

        assert!(session(SignInMethod::Link).is_fresh_from_link(at(15) - tick));
        assert!(!session(SignInMethod::Link).is_fresh_from_link(at(15)));
        assert!(!session(SignInMethod::Password).is_fresh_from_link(at(1)));
    }
}
