//! Sign-in links: for the first start, and for whoever has no password or forgot it.

use chrono::{DateTime, Duration, Utc};
use outlay_domain::people::{AuditRecord, Caller, Role, SERVER_ID, SignInMethod, User, UserId};
use outlay_store::Tx;
use serde_json::json;

use super::secret::{self, SECRET_BYTES_MAX, Secret};
use super::{People, PeopleError, SignInError, SignedIn};

/// The page that redeems links. The secret stands behind `#`, so that no server and no log on the
/// way sees it, and a preview of the link does not use it up.
pub const SIGN_IN_PATH: &str = "/sign-in#token=";

/// The user of a fresh installation.
const FIRST_USER: &str = "admin";

/// How long the link of the first start counts: whoever reads the log may need a while.
const FIRST_LINK_TTL: Duration = Duration::hours(1);

/// A link, for the one user who is to have it.
#[derive(Debug, Clone)]
pub struct IssuedLink {
    /// Whom it signs in.
    pub user: UserId,
    /// The whole address.
    pub url: String,
    /// Up to, and not at, which time it counts.
    pub expires_at: DateTime<Utc>,
}

impl People {
    /// Makes a link that signs `user` in once, in the place of an older one. Admins only.
    pub async fn issue_link(
        &self,
        caller: &Caller,
        user: &UserId,
        public_url: &str,
    ) -> Result<IssuedLink, PeopleError> {
        caller.may_let_in()?;
        let record = caller.did(self.now(), "user.link_issued", user.as_str(), json!({}));
        let user = user.clone();
        self.put_link(public_url, self.link_ttl, move |tx| {
            let found = tx
                .people()
                .user(user.as_str())?
                .ok_or_else(|| PeopleError::NotFound(format!("user `{user}`")))?;
            if !found.is_enabled() {
                return Err(PeopleError::conflict(
                    format!("the user `{user}` is disabled"),
                    "enable them first",
                ));
            }
            tx.audit().append(&record)?;
            Ok(Some(found.id))
        })
        .await?
        .ok_or_else(|| unreachable!("there is a user, so there is a link"))
    }

    /// A link for the admin who was there first, who is made where there is none.
    ///
    /// `None` once an admin has a password: they need no help of the log to come in.
    pub async fn first_sign_in_link(
        &self,
        public_url: &str,
    ) -> Result<Option<IssuedLink>, PeopleError> {
        let now = self.now();
        self.put_link(public_url, FIRST_LINK_TTL, move |tx| {
            if tx.people().has_admin_with_password()? {
                return Ok(None);
            }
            if let Some(admin) = tx.people().first_admin()? {
                return Ok(Some(admin));
            }
            let admin = User::new(UserId::new(FIRST_USER)?, Role::Admin, now);
            if !tx.people().add_user(&admin)? {
                // Somebody else has the name: a new admin is for the operator to choose.
                return Ok(None);
            }
            tx.audit().append(&AuditRecord {
                at: now,
                actor: SERVER_ID.into(),
                action: "user.added".into(),
                target: FIRST_USER.into(),
                detail: json!({ "role": Role::Admin, "first": true }),
            })?;
            Ok(Some(admin.id))
        })
        .await
    }

    /// Signs in whoever has the secret of a link, and uses it up.
    pub async fn redeem_link(
        &self,
        secret: &str,
        replaced: Option<&str>,
    ) -> Result<SignedIn, SignInError> {
        if secret.len() > SECRET_BYTES_MAX {
            return Err(SignInError::DeadLink);
        }
        let (hash, replaced) = (secret::hash(secret), replaced.map(secret::hash));
        let (now, policy) = (self.now(), self.sessions);
        let signed_in = self
            .write::<_, SignInError>(move |tx| {
                let Some((id, expires_at)) = tx.people().take_link(hash)? else { return Ok(None) };
                let user = tx.people().user(id.as_str())?;
                let user = user.filter(|user| user.is_enabled() && now < expires_at);
                let Some(user) = user else { return Ok(None) };
                let signed_in = SignedIn::new(user, SignInMethod::Link, now, policy);
                signed_in.keep(tx, replaced)?;
                Ok(Some(signed_in))
            })
            .await?;
        signed_in.ok_or(SignInError::DeadLink)
    }

    /// Keeps a new link for whom `choose` names, in the same transaction.
    async fn put_link(
        &self,
        public_url: &str,
        ttl: Duration,
        choose: impl FnOnce(&Tx<'_>) -> Result<Option<UserId>, PeopleError> + Send + 'static,
    ) -> Result<Option<IssuedLink>, PeopleError> {
        let secret = Secret::random();
        let hash = secret.hash();
        let expires_at = self.now() + ttl;
        let chosen = self
            .write::<_, PeopleError>(move |tx| {
                let chosen = choose(tx)?;
                if let Some(user) = &chosen {
                    tx.people().put_link(user, hash, expires_at)?;
                }
                Ok(chosen)
            })
            .await?;
        let url = format!("{}{SIGN_IN_PATH}{}", public_url.trim_end_matches('/'), secret.reveal());
        Ok(chosen.map(|user| IssuedLink { user, url, expires_at }))
    }
}
