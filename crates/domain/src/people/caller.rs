//! Whoever makes a request.

use chrono::{DateTime, Utc};
use compact_str::CompactString;
use serde_json::json;
use thiserror::Error;
use uuid::Uuid;

use super::audit::AuditRecord;
use super::key::{ApiKey, Scope, Scopes};
use super::role::{Act, Reach, Role};
use super::user::{SERVER_ID, User, UserId};

/// The account that pays for what the operator sends without saying an account.
const OPERATORS_ACCOUNT: &str = "default";

/// Whoever makes a request: who they are, who pays, and what they may do.
///
/// Invariant: never more than the user may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Who they are.
    pub user: UserId,
    /// Who pays for what they send without saying an account.
    pub account: CompactString,
    /// What they may do at most.
    pub role: Role,
    /// How they proved it.
    pub via: Via,
    /// What the credential is for; `None` is everything.
    scopes: Option<Scopes>,
    /// The only account the credential is good for; `None` is every account the role allows.
    only: Option<CompactString>,
    /// Whether the credential is for a smaller role than its user's.
    is_lesser: bool,
    /// Up to, and not at, which time the credential counts; `None` where nothing says.
    ends_at: Option<DateTime<Utc>>,
}

/// How a caller proved who they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Via {
    /// By holding the data folder.
    Operator,
    /// By the cookie of a session.
    Session {
        /// Which session.
        id: Uuid,
    },
    /// By a token.
    Token {
        /// Who signed it.
        issuer: CompactString,
        /// The generation it is of, where it is one of ours.
        generation: Option<u32>,
        /// The role it is narrowed to, if to one.
        role: Option<Role>,
        /// Up to when it counts.
        expires_at: DateTime<Utc>,
    },
    /// By a key.
    Key {
        /// Which key.
        id: Uuid,
    },
}

/// Why a caller may not do something.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Denied {
    /// Their role is too small.
    #[error("a {role} may not {}", .act.as_phrase())]
    Role {
        /// What they are.
        role: Role,
        /// What they wanted.
        act: Act,
    },
    /// Their role is smaller than the door asks for.
    #[error("this needs the role {needed}, and the caller is a {role}")]
    RoleBelow {
        /// What they are.
        role: Role,
        /// What it takes.
        needed: Role,
    },
    /// Their key is not for this.
    #[error("the key needs the scope `{needed}` for this")]
    Scope {
        /// What it takes.
        needed: Scope,
    },
    /// It is somebody else's account.
    #[error("the caller may not use the account `{account}`, only `{own}`")]
    Account {
        /// Whose account it is.
        account: CompactString,
        /// The one they may use.
        own: CompactString,
    },
    /// It reaches every account, and they may use one.
    #[error("this reaches every account, and the caller may use only `{own}`")]
    EveryAccount {
        /// The one they may use.
        own: CompactString,
    },
    /// Their credential is for less than they may do, or somebody else made it, and so it makes
    /// no other.
    #[error(
        "a credential that is narrowed to a role, to scopes or to an account, or that another \
         issuer signed, manages no keys and makes no tokens"
    )]
    Narrowed,
    /// Their credential ends, and what they wanted to give somebody does not.
    #[error(
        "a credential that ends lets nobody in for longer: it makes no users, passwords, sign-in \
         links or roles"
    )]
    Ends,
}

impl Caller {
    /// A user who proved it by `via` and may do everything their role may.
    pub fn of(user: &User, via: Via) -> Self {
        let ends_at = match &via {
            Via::Token { expires_at, .. } => Some(*expires_at),
            Via::Operator | Via::Session { .. } | Via::Key { .. } => None,
        };
        Self {
            user: user.id.clone(),
            account: user.account.clone(),
            role: user.role,
            via,
            scopes: None,
            only: None,
            is_lesser: false,
            ends_at,
        }
    }

    /// A program with a key of `user`.
    ///
    /// `None` when the key is for an account that its user, a member, pays from no longer.
    pub fn with_key(user: &User, key: &ApiKey) -> Option<Self> {
        let mut caller = Self::of(user, Via::Key { id: key.id });
        caller.scopes = Some(key.scopes);
        caller.ends_at = key.expires_at;
        if let Some(account) = &key.account {
            if user.role == Role::Member && user.account != *account {
                return None;
            }
            caller.account = account.clone();
            caller.only = Some(account.clone());
        }
        Some(caller)
    }

    /// Whoever holds the data folder: an admin who needs no user.
    pub fn operator() -> Self {
        Self {
            user: UserId::operator(),
            account: CompactString::const_new(OPERATORS_ACCOUNT),
            role: Role::Admin,
            via: Via::Operator,
            scopes: None,
            only: None,
            is_lesser: false,
            ends_at: None,
        }
    }

    /// The same caller with a smaller role, or `None` when `role` would add something.
    pub fn narrowed_to(mut self, role: Role) -> Option<Self> {
        self.role.includes(role).then(|| {
            self.is_lesser |= self.role != role;
            self.role = role;
            self
        })
    }

    /// Whether the caller may do `act`, as far as their role and their credential go.
    pub fn may(&self, act: Act) -> Result<(), Denied> {
        if !self.role.may(act) {
            return Err(Denied::Role { role: self.role, act });
        }
        if let (Some(scopes), Some(needed)) = (self.scopes, act.scope())
            && !scopes.allow(needed)
        {
            return Err(Denied::Scope { needed });
        }
        if act.reach() == Reach::Everything {
            self.require_every_account()?;
        }
        match act {
            Act::ManageOwnKeys => self.may_hand_out(),
            _ => Ok(()),
        }
    }

    /// Whether the caller may manage keys and make tokens, as far as their credential goes.
    ///
    /// What a credential makes is never more than itself. A narrowed one would have to narrow
    /// what it makes for ever after, so it makes nothing.
    pub fn may_hand_out(&self) -> Result<(), Denied> {
        self.require_whole_credential()?;
        let is_foreign = matches!(&self.via, Via::Token { issuer, .. } if issuer != SERVER_ID);
        if self.only.is_some() || self.is_lesser || is_foreign {
            return Err(Denied::Narrowed);
        }
        Ok(())
    }

    /// Whether the caller may give somebody a way in: a user, a password, a link, a role.
    ///
    /// Those last, so whoever gives them needs a credential that does.
    pub fn may_let_in(&self) -> Result<(), Denied> {
        self.may(Act::Administer)?;
        match self.ends_at {
            Some(_) => Err(Denied::Ends),
            None => Ok(()),
        }
    }

    /// Up to, and not at, which time the credential counts; what it makes ends by then too.
    pub fn ends_at(&self) -> Option<DateTime<Utc>> {
        self.ends_at
    }

    /// Whether the caller has at least `role` and no credential that says otherwise.
    ///
    /// A key passes only with the scope `admin` and for every account: what is for one account is
    /// asked with [`Caller::may`].
    pub fn require(&self, role: Role) -> Result<(), Denied> {
        if !self.role.is_at_least(role) {
            return Err(Denied::RoleBelow { role: self.role, needed: role });
        }
        self.require_whole_credential()?;
        match &self.only {
            Some(own) => Err(Denied::EveryAccount { own: own.clone() }),
            None => Ok(()),
        }
    }

    /// Refuses whoever sees one account only: a member, and whoever has a credential for one.
    pub fn require_every_account(&self) -> Result<(), Denied> {
        match self.scope() {
            Some(own) => Err(Denied::EveryAccount { own }),
            None => Ok(()),
        }
    }

    /// Refuses everybody but admins.
    pub fn require_admin(&self) -> Result<(), Denied> {
        self.require(Role::Admin)
    }

    /// Whether the credential is for everything its user may do, be it for one account.
    pub fn require_whole_credential(&self) -> Result<(), Denied> {
        match self.scopes {
            Some(scopes) if !scopes.allow(Scope::Admin) => {
                Err(Denied::Scope { needed: Scope::Admin })
            }
            _ => Ok(()),
        }
    }

    /// What the credential is for; `None` is everything the role allows.
    pub fn scopes(&self) -> Option<Scopes> {
        self.scopes
    }

    /// The one account the caller sees; `None` is every account.
    ///
    /// A member sees their own account, a key what it was made for, and everybody else all.
    pub fn scope(&self) -> Option<CompactString> {
        match self.role {
            Role::Member => Some(self.account.clone()),
            Role::Admin | Role::Viewer => self.only.clone(),
        }
    }

    /// Whether the caller may see what belongs to `account`.
    pub fn may_see(&self, account: &str) -> Result<(), Denied> {
        self.may_use(account)
    }

    /// Whether the caller may send usage for `account` to pay.
    pub fn may_charge(&self, account: &str) -> Result<(), Denied> {
        self.may(Act::SendUsage)?;
        self.may_use(account)
    }

    fn may_use(&self, account: &str) -> Result<(), Denied> {
        match self.scope() {
            Some(own) if own != account => Err(Denied::Account { account: account.into(), own }),
            _ => Ok(()),
        }
    }

    /// A line for the audit trail about something the caller did.
    pub fn did(
        &self,
        at: DateTime<Utc>,
        action: &str,
        target: &str,
        mut detail: serde_json::Value,
    ) -> AuditRecord {
        if let Some(fields) = detail.as_object_mut() {
            fields.insert("via".to_owned(), self.via.describe());
        }
        AuditRecord {
            at,
            actor: self.user.as_str().into(),
            action: action.into(),
            target: target.into(),
            detail,
        }
    }
}

impl Via {
    fn describe(&self) -> serde_json::Value {
        match self {
            Self::Operator => json!("operator"),
            Self::Session { id } => json!({ "session": id }),
            Self::Token { issuer, .. } => json!({ "token_of": issuer }),
            Self::Key { id } => json!({ "key": id }),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn user(role: Role) -> User {
        let mut user = User::new(UserId::new("alice").unwrap(), role, DateTime::UNIX_EPOCH);
        user.account = "acme".into();
        user
    }

    fn signed_in(role: Role) -> Caller {
        Caller::of(&user(role), Via::Session { id: Uuid::nil() })
    }

    fn with_key(role: Role, scopes: &str, account: Option<&str>) -> Caller {
        Caller::with_key(&user(role), &key(scopes, account)).unwrap()
    }

    fn key(scopes: &str, account: Option<&str>) -> ApiKey {
        ApiKey {
            id: Uuid::nil(),
            prefix: "olk_12345678".into(),
            name: "ci".into(),
            user: UserId::new("alice").unwrap(),
            scopes: Scopes::from_stored(scopes),
            account: account.map(Into::into),
            created_at: DateTime::UNIX_EPOCH,
            expires_at: None,
            last_used_at: None,
            revoked_at: None,
        }
    }

    #[test]
    fn a_member_sees_and_charges_their_own_account_only() {
        let member = signed_in(Role::Member);

        assert_eq!(member.scope(), Some("acme".into()));
        assert!(member.may_see("acme").is_ok());
        assert!(member.may_charge("acme").is_ok());
        assert!(member.may_see("other").is_err());
        let denied = member.may_charge("other").unwrap_err();
        assert_eq!(denied.to_string(), "the caller may not use the account `other`, only `acme`");
    }

    #[test]
    fn a_viewer_sees_everything_and_charges_nothing() {
        let viewer = signed_in(Role::Viewer);

        assert_eq!(viewer.scope(), None);
        assert!(viewer.may_see("other").is_ok());
        let denied = viewer.may_charge("acme").unwrap_err();
        assert_eq!(denied.to_string(), "a viewer may not send usage");
    }

    #[test]
    fn an_admin_does_everything() {
        let admin = signed_in(Role::Admin);

        assert_eq!(admin.scope(), None);
        assert!(admin.may_charge("other").is_ok());
        assert!(Act::ALL.into_iter().all(|act| admin.may(act).is_ok()));
        assert!(Act::ALL.into_iter().all(|act| Caller::operator().may(act).is_ok()));
    }

    #[test]
    fn a_key_does_no_more_than_its_scopes() {
        let ingest = with_key(Role::Admin, "events:write", None);
        let allowed: Vec<_> = Act::ALL.into_iter().filter(|act| ingest.may(*act).is_ok()).collect();

        assert_eq!(allowed, [Act::SeeSelf, Act::SendUsage]);
        assert!(ingest.may_charge("anyone").is_ok());
        assert!(ingest.require(Role::Viewer).is_err());
        assert!(ingest.require(Role::Admin).is_err());
        assert!(with_key(Role::Admin, "admin", None).require(Role::Admin).is_ok());
    }

    #[test]
    fn a_key_does_no_more_than_its_user() {
        let members = with_key(Role::Member, "admin prices:write events:write", None);

        assert!(members.may(Act::SetPrices).is_err());
        assert!(members.may(Act::Administer).is_err());
        assert!(members.may_charge("other").is_err());
        assert_eq!(members.scope(), Some("acme".into()));
    }

    #[test]
    fn a_key_for_one_account_sees_and_charges_that_one() {
        let bound = with_key(Role::Admin, "events:write usage:read", Some("shop"));

        assert_eq!(bound.scope(), Some("shop".into()));
        assert_eq!(bound.account, "shop");
        assert!(bound.may_charge("shop").is_ok());
        assert!(bound.may_charge("acme").is_err());
        assert!(bound.may_see("acme").is_err());
    }

    #[test]
    fn a_members_key_for_an_account_that_is_not_theirs_any_more_is_good_for_none() {
        let for_shop = key("events:write usage:read", Some("shop"));

        assert_eq!(Caller::with_key(&user(Role::Member), &for_shop), None);
    }

    #[test]
    fn a_key_for_one_account_does_nothing_that_reaches_more() {
        let bound = with_key(Role::Admin, "admin", Some("shop"));
        let allowed: Vec<_> = Act::ALL.into_iter().filter(|act| bound.may(*act).is_ok()).collect();

        use Act::{
            AmendUsage, Annotate, GrantCredit, KeepViews, SeePrices, SeeSelf, SeeUsage, SendUsage,
            SetOwnPassword,
        };
        assert_eq!(
            allowed,
            [
                SeeSelf,
                SetOwnPassword,
                SeeUsage,
                SendUsage,
                AmendUsage,
                SeePrices,
                GrantCredit,
                KeepViews,
                Annotate
            ]
        );
        assert_eq!(
            bound.require_admin(),
            Err(Denied::EveryAccount { own: "shop".into() }),
            "no admin's door opens"
        );
        assert_eq!(bound.may(Act::ManageOwnKeys), Err(Denied::Narrowed));
    }

    #[test]
    fn only_a_credential_that_is_not_narrowed_hands_out_others() {
        let token = |issuer: &str| Via::Token {
            issuer: issuer.into(),
            generation: None,
            role: None,
            expires_at: DateTime::UNIX_EPOCH,
        };
        let own = Caller::of(&user(Role::Admin), token(SERVER_ID));
        let foreign = Caller::of(&user(Role::Member), token("idp"));
        let narrowed = |role| own.clone().narrowed_to(role).unwrap();

        assert_eq!(own.may_hand_out(), Ok(()));
        assert_eq!(own.ends_at(), Some(DateTime::UNIX_EPOCH));
        assert_eq!(own.may_let_in(), Err(Denied::Ends));
        assert_eq!(signed_in(Role::Admin).may_let_in(), Ok(()));
        assert!(signed_in(Role::Viewer).may_let_in().is_err());
        assert_eq!(signed_in(Role::Member).may(Act::ManageOwnKeys), Ok(()));
        assert_eq!(with_key(Role::Admin, "admin", None).may_hand_out(), Ok(()));
        assert_eq!(narrowed(Role::Admin).may_hand_out(), Ok(()), "it is for all they may do");
        assert_eq!(narrowed(Role::Member).may(Act::ManageOwnKeys), Err(Denied::Narrowed));
        assert_eq!(foreign.may(Act::ManageOwnKeys), Err(Denied::Narrowed));
        assert!(with_key(Role::Admin, "usage:read", None).may_hand_out().is_err());
    }

    #[test]
    fn a_token_narrows_a_role_and_never_widens_it() {
        let role_of = |role, to| signed_in(role).narrowed_to(to).map(|caller| caller.role);

        assert_eq!(role_of(Role::Admin, Role::Viewer), Some(Role::Viewer));
        assert_eq!(role_of(Role::Member, Role::Member), Some(Role::Member));
        assert_eq!(role_of(Role::Member, Role::Viewer), None);
        assert_eq!(role_of(Role::Member, Role::Admin), None);
        assert_eq!(role_of(Role::Viewer, Role::Member), None);
    }

    #[test]
    fn an_audit_line_says_who_and_by_what() {
        let line = with_key(Role::Admin, "admin", None).did(
            DateTime::UNIX_EPOCH,
            "user.disabled",
            "bob",
            json!({}),
        );

        assert_eq!(line.actor, "alice");
        assert_eq!(line.detail, json!({ "via": { "key": Uuid::nil() } }));
    }
}
