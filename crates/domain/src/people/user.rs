//! Users, and what their names may look like.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use compact_str::CompactString;
use serde::{Deserialize, Deserializer, Serialize, de};
use thiserror::Error;

use super::role::Role;
use crate::usage::NAME_BYTES_MAX;

/// Bytes in the id of a user, at most.
pub const USER_ID_BYTES_MAX: usize = 128;
/// Bytes in a display name, at most.
pub const DISPLAY_NAME_BYTES_MAX: usize = 128;

/// What whoever holds the data folder is called where they act.
pub const OPERATOR_ID: &str = "operator";
/// What the server itself is called where it acts without a caller.
pub const SERVER_ID: &str = "outlay";
/// No user may have these names.
const RESERVED_IDS: [&str; 2] = [OPERATOR_ID, SERVER_ID];

/// Why something about people was refused, for the person who asked.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{field} {detail}")]
pub struct PeopleRefusal {
    /// The field at fault.
    pub field: &'static str,
    /// What is wrong and what would be right, as the end of a sentence about the field.
    pub detail: String,
}

impl PeopleRefusal {
    /// A refusal of `field`.
    pub fn new(field: &'static str, detail: impl Into<String>) -> Self {
        Self { field, detail: detail.into() }
    }
}

/// The name a user signs in by: a handle, an e-mail address, or the id another system gave them.
///
/// Invariant: 1 to 128 bytes of ASCII letters, digits and `. _ - @ + : | ~ =`, beginning with a
/// letter or a digit, and none of the names that the server itself acts under.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct UserId(CompactString);

impl UserId {
    /// Reads a user's id.
    pub fn new(text: &str) -> Result<Self, PeopleRefusal> {
        let refuse = |detail: String| Err(PeopleRefusal::new("user", detail));
        if text.is_empty() || text.len() > USER_ID_BYTES_MAX {
            return refuse(format!("must have 1 to {USER_ID_BYTES_MAX} characters"));
        }
        if !text.starts_with(|first: char| first.is_ascii_alphanumeric()) {
            return refuse("must begin with a letter or a digit".to_owned());
        }
        if !text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-@+:|~=".contains(&byte)) {
            return refuse("may hold only letters, digits and . _ - @ + : | ~ =".to_owned());
        }
        if RESERVED_IDS.iter().any(|reserved| reserved.eq_ignore_ascii_case(text)) {
            return refuse(format!("must not be `{text}`, under which the server itself acts"));
        }
        Ok(Self(text.into()))
    }

    /// The id of whoever holds the data folder, who needs no user.
    pub fn operator() -> Self {
        Self(CompactString::const_new(OPERATOR_ID))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The account of a user for whom none was chosen: one of the same name.
    pub fn own_account(&self) -> CompactString {
        self.0.clone()
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<str> for UserId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl FromStr for UserId {
    type Err = PeopleRefusal;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::new(text)
    }
}

impl<'de> Deserialize<'de> for UserId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = CompactString::deserialize(deserializer)?;
        Self::new(&text).map_err(de::Error::custom)
    }
}

/// Someone who may come in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// What they sign in by; never changes.
    pub id: UserId,
    /// What people call them.
    pub name: CompactString,
    /// Who pays for what they use.
    pub account: CompactString,
    /// What they may do.
    pub role: Role,
    /// Since when.
    pub created_at: DateTime<Utc>,
    /// Since when they may not come in.
    pub disabled_at: Option<DateTime<Utc>>,
    /// Whether they can sign in with a password.
    pub has_password: bool,
    /// Which generation of our own tokens counts; older ones were revoked.
    pub token_generation: u32,
}

impl User {
    /// A new user, who can come in from now on.
    pub fn new(id: UserId, role: Role, created_at: DateTime<Utc>) -> Self {
        Self {
            name: id.as_str().into(),
            account: id.own_account(),
            id,
            role,
            created_at,
            disabled_at: None,
            has_password: false,
            token_generation: 0,
        }
    }

    /// Whether they may come in.
    pub const fn is_enabled(&self) -> bool {
        self.disabled_at.is_none()
    }
}

/// Judges a display name: 1 to 128 bytes, no control characters, no space around it.
pub fn display_name(text: &str) -> Result<CompactString, PeopleRefusal> {
    let refuse = |detail: String| Err(PeopleRefusal::new("name", detail));
    let text = text.trim();
    if text.is_empty() || text.len() > DISPLAY_NAME_BYTES_MAX {
        return refuse(format!("must have 1 to {DISPLAY_NAME_BYTES_MAX} bytes"));
    }
    if text.chars().any(char::is_control) {
        return refuse("must not hold control characters".to_owned());
    }
    Ok(text.into())
}

/// Judges the name of an account by the rule for events, or nobody could charge it.
pub fn account_name(text: &str) -> Result<CompactString, PeopleRefusal> {
    let refuse = |detail: String| Err(PeopleRefusal::new("account", detail));
    if text.is_empty() || text.len() > NAME_BYTES_MAX {
        return refuse(format!("must have 1 to {NAME_BYTES_MAX} bytes"));
    }
    if text.bytes().any(|byte| byte.is_ascii_control()) {
        return refuse("must not hold control characters".to_owned());
    }
    if text.trim() != text {
        return refuse("must not begin or end with a blank".to_owned());
    }
    Ok(text.into())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_people_and_of_other_systems_are_ids() {
        for id in [
            "alice",
            "alice.smith+test@example.com",
            "user_2NNEqL2nrIRdJ194ndJqAHwEfxC",
            "auth0|5f7c8ec7c33c6c004bbafe82",
            "7d9f1a52-30a4-4d2e-9a4c-0d1f5d2b1c11",
            "42",
            &"x".repeat(USER_ID_BYTES_MAX),
        ] {
            assert_eq!(UserId::new(id).unwrap().as_str(), id);
        }
    }

    #[test]
    fn what_could_deceive_or_break_is_no_id() {
        for id in [
            "",
            " alice",
            "alice smith",
            "../etc",
            "-rf",
            "al/ice",
            "al\u{0456}ce",
            "alice\n",
            "operator",
            "Outlay",
            &"x".repeat(USER_ID_BYTES_MAX + 1),
        ] {
            assert!(UserId::new(id).is_err(), "{id:?}");
            let json = serde_json::to_string(id).unwrap();
            assert!(serde_json::from_str::<UserId>(&json).is_err(), "{id:?}");
        }
    }

    #[test]
    fn a_new_user_pays_for_themself() {
        let user = User::new(UserId::new("alice").unwrap(), Role::Member, DateTime::UNIX_EPOCH);

        assert_eq!(user.account, "alice");
        assert_eq!(user.name, "alice");
        assert!(user.is_enabled());
    }

    #[test]
    fn names_are_bounded_and_free_of_control_characters() {
        assert_eq!(display_name("  Alice Smith ").unwrap(), "Alice Smith");
        assert!(display_name("  ").is_err());
        assert!(display_name("a\u{7}b").is_err());
        assert!(display_name(&"x".repeat(129)).is_err());
        assert_eq!(account_name("Team A / €").unwrap(), "Team A / €");
        assert!(account_name("").is_err());
        assert!(account_name("a\tb").is_err());
        assert!(account_name("al ").is_err());
        assert!(account_name("\u{a0}al").is_err());
    }
}
