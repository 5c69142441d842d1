//! Keys for programs, and what they are for.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use compact_str::CompactString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::role::{Act, Role};
use super::user::{PeopleRefusal, UserId};

/// Keys that one user may have at a time, at most.
pub const KEYS_PER_USER_MAX: usize = 100;

/// One thing a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
pub enum Scope {
    /// Send usage events.
    #[serde(rename = "events:write")]
    EventsWrite,
    /// Correct and delete usage events.
    #[serde(rename = "events:amend")]
    EventsAmend,
    /// Ask questions about usage.
    #[serde(rename = "usage:read")]
    UsageRead,
    /// Look at prices and ask for quotes.
    #[serde(rename = "prices:read")]
    PricesRead,
    /// Change prices.
    #[serde(rename = "prices:write")]
    PricesWrite,
    /// Give accounts credit, and set what they agreed to.
    #[serde(rename = "credit:write")]
    CreditWrite,
    /// Read what the server measures about itself.
    #[serde(rename = "metrics:read")]
    MetricsRead,
    /// Write what happened onto charts, e.g. a deploy.
    #[serde(rename = "annotations:write")]
    AnnotationsWrite,
    /// Everything its user may do.
    #[serde(rename = "admin")]
    Admin,
}

impl Scope {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::EventsWrite,
        Self::EventsAmend,
        Self::UsageRead,
        Self::PricesRead,
        Self::PricesWrite,
        Self::CreditWrite,
        Self::MetricsRead,
        Self::AnnotationsWrite,
        Self::Admin,
    ];

    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EventsWrite => "events:write",
            Self::EventsAmend => "events:amend",
            Self::UsageRead => "usage:read",
            Self::PricesRead => "prices:read",
            Self::PricesWrite => "prices:write",
            Self::CreditWrite => "credit:write",
            Self::MetricsRead => "metrics:read",
            Self::AnnotationsWrite => "annotations:write",
            Self::Admin => "admin",
        }
    }

    const fn bit(self) -> u16 {
        1 << self as u8
    }

    /// Whether a user of `role` may do anything that needs this scope.
    fn is_of_use_to(self, role: Role) -> bool {
        match self {
            Self::Admin => role == Role::Admin,
            scope => Act::ALL.into_iter().any(|act| act.scope() == Some(scope) && role.may(act)),
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Scope {
    type Err = PeopleRefusal;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == text).ok_or_else(|| {
            let known = Self::ALL.map(Self::as_str).join(", ");
            PeopleRefusal::new("scopes", format!("hold `{text}`; known are {known}"))
        })
    }
}

/// What a key is for: a set of scopes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Scopes(u16);

impl Scopes {
    /// Whether `scope`, or everything, is in the set.
    pub const fn allow(self, scope: Scope) -> bool {
        self.0 & (scope.bit() | Scope::Admin.bit()) != 0
    }

    /// Whether the set is empty.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The scopes, in their order.
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.into_iter().filter(move |scope| self.0 & scope.bit() != 0)
    }

    /// Judges a set for a new key of somebody who acts as `role`: not empty, and nothing they may
    /// not do.
    pub fn judge_for(self, role: Role) -> Result<Self, PeopleRefusal> {
        let refuse = |detail: String| Err(PeopleRefusal::new("scopes", detail));
        if self.is_empty() {
            return refuse("must name at least one thing the key is for".to_owned());
        }
        if let Some(scope) = self.iter().find(|scope| !scope.is_of_use_to(role)) {
            let detail = format!("hold `{scope}`, which a {role} may not do");
            return refuse(detail);
        }
        Ok(self)
    }

    /// Reads what [`Display`](fmt::Display) wrote; words of later versions allow nothing here.
    pub fn from_stored(text: &str) -> Self {
        text.split_whitespace().filter_map(|word| word.parse().ok()).collect()
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(iter: I) -> Self {
        Self(iter.into_iter().fold(0, |set, scope| set | scope.bit()))
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, scope) in self.iter().enumerate() {
            if at > 0 {
                f.write_str(" ")?;
            }
            f.write_str(scope.as_str())?;
        }
        Ok(())
    }
}

/// The SHA-256 of a secret, by which the secret is known again and which does not give it away.
///
/// A fast hash is enough where the secret is 256 random bits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SecretHash(pub [u8; 32]);

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretHash(…)")
    }
}

/// A long-lived credential of one user for programs. Its secret is not here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Names the key in lists and in the audit trail.
    pub id: Uuid,
    /// The beginning of the secret, to tell keys apart by.
    pub prefix: CompactString,
    /// What people call it.
    pub name: CompactString,
    /// Whose key it is.
    pub user: UserId,
    /// What it is for.
    pub scopes: Scopes,
    /// The only account it may see and charge, where that is narrower than its user's.
    pub account: Option<CompactString>,
    /// Since when.
    pub created_at: DateTime<Utc>,
    /// Up to, and not at, which time it counts.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was last used, to the minute or so.
    pub last_used_at: Option<DateTime<Utc>>,
    /// Since when it does not count.
    pub revoked_at: Option<DateTime<Utc>>,
}

/// Whether a key counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum KeyState {
    /// It does.
    Active,
    /// Its time is over.
    Expired,
    /// Somebody ended it.
    Revoked,
}

impl ApiKey {
    /// Whether it counts at `now`.
    pub fn state(&self, now: DateTime<Utc>) -> KeyState {
        if self.revoked_at.is_some() {
            KeyState::Revoked
        } else if self.expires_at.is_some_and(|expires_at| now >= expires_at) {
            KeyState::Expired
        } else {
            KeyState::Active
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn scopes(text: &str) -> Scopes {
        text.split(' ').map(|word| word.parse::<Scope>().unwrap()).collect()
    }

    #[test]
    fn a_set_of_scopes_reads_back_as_it_is_written() {
        let set = scopes("usage:read events:write");

        assert_eq!(set.to_string(), "events:write usage:read");
        assert_eq!(Scopes::from_stored(&set.to_string()), set);
        for scope in Scope::ALL {
            assert_eq!(serde_json::to_value(scope).unwrap(), scope.as_str());
        }
    }

    #[test]
    fn a_scope_of_a_later_version_allows_nothing() {
        let set = Scopes::from_stored("budgets:write usage:read");

        assert_eq!(set, scopes("usage:read"));
    }

    #[test]
    fn a_key_is_for_what_it_names_and_admin_names_everything() {
        let reading = scopes("usage:read");

        assert!(reading.allow(Scope::UsageRead));
        assert!(!reading.allow(Scope::EventsWrite));
        assert!(!reading.allow(Scope::Admin));
        assert!(Scope::ALL.into_iter().all(|scope| scopes("admin").allow(scope)));
    }

    #[test]
    fn nobody_makes_a_key_for_more_than_they_may_do() {
        let may = |role, text| scopes(text).judge_for(role).is_ok();

        assert!(may(Role::Admin, "admin prices:write"));
        assert!(may(Role::Member, "events:write usage:read prices:read"));
        assert!(!may(Role::Member, "admin"));
        assert!(!may(Role::Member, "usage:read prices:write"));
        assert!(!may(Role::Member, "events:amend"));
        assert!(!may(Role::Member, "metrics:read"));
        assert!(may(Role::Viewer, "usage:read metrics:read"));
        assert!(!may(Role::Viewer, "events:write"));
        assert!(Scopes::default().judge_for(Role::Admin).is_err());
    }

    #[test]
    fn a_key_counts_up_to_and_not_at_its_expiry() {
        let noon = DateTime::UNIX_EPOCH + chrono::Duration::hours(12);
        let tick = chrono::Duration::microseconds(1);
        let mut key = ApiKey {
            id: Uuid::nil(),
            prefix: "olk_12345678".into(),
            name: "ci".into(),
            user: UserId::new("alice").unwrap(),
            scopes: scopes("usage:read"),
            account: None,
            created_at: DateTime::UNIX_EPOCH,
            expires_at: Some(noon),
            last_used_at: None,
            revoked_at: None,
        };

        assert_eq!(key.state(noon - tick), KeyState::Active);
        assert_eq!(key.state(noon), KeyState::Expired);
        key.expires_at = None;
        assert_eq!(key.state(noon), KeyState::Active);
        key.revoked_at = Some(noon);
        assert_eq!(key.state(noon - tick), KeyState::Revoked);
    }
}
