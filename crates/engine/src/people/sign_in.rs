//! Signing in with a password, and out again.

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use outlay_domain::people::password::PASSWORD_BYTES_MAX;
use outlay_domain::people::user::USER_ID_BYTES_MAX;
use outlay_domain::people::{
    AuditRecord, Caller, SecretHash, Session, SessionPolicy, SignInMethod, User, Via,
};
use outlay_store::{StoreError, Tx};
use serde_json::json;
use uuid::Uuid;

use super::password::Verdict;
use super::secret::{self, Secret};
use super::{People, PeopleError, SESSIONS_PER_USER, SignInError};

/// A browser that has just signed in.
#[derive(Debug, Clone)]
pub struct SignedIn {
    /// What the browser is to keep.
    pub secret: Secret,
    /// What we keep.
    pub session: Session,
    /// Who it is.
    pub user: User,
}

impl SignedIn {
    /// A new session of `user`.
    pub(super) fn new(
        user: User,
        method: SignInMethod,
        now: DateTime<Utc>,
        policy: SessionPolicy,
    ) -> Self {
        let session = Session {
            id: Uuid::now_v7(),
            user: user.id.clone(),
            method,
            created_at: now,
            last_seen_at: now,
            expires_at: now + policy.absolute,
        };
        Self { secret: Secret::random(), session, user }
    }

    /// Keeps the session, and ends the one it takes the place of.
    pub(super) fn keep(&self, tx: &Tx<'_>, replaced: Option<SecretHash>) -> Result<(), StoreError> {
        let replaced = replaced.map(|hash| tx.people().session_by_secret(hash)).transpose()?;
        if let Some(session) = replaced.flatten() {
            tx.people().end_session(session.id)?;
        }
        tx.people().add_session(&self.session, self.secret.hash(), SESSIONS_PER_USER)?;
        tx.audit().append(&self.record())
    }

    fn record(&self) -> AuditRecord {
        AuditRecord {
            at: self.session.created_at,
            actor: self.user.id.as_str().into(),
            action: "session.opened".into(),
            target: self.user.id.as_str().into(),
            detail: json!({ "session": self.session.id, "by": self.session.method }),
        }
    }
}

impl People {
    /// Signs `name` in, if `password` is theirs.
    ///
    /// `replaced` is the secret of the session that the browser had before, which ends.
    pub async fn sign_in(
        &self,
        name: &str,
        password: &str,
        address: Option<IpAddr>,
        replaced: Option<&str>,
    ) -> Result<SignedIn, SignInError> {
        // No user has such a name, and no password is as long: both are cut before they cost much.
        let name = if name.len() <= USER_ID_BYTES_MAX { name } else { "" };
        let password = if password.len() <= PASSWORD_BYTES_MAX { password } else { "" };
        self.throttle
            .attempt(name, address, self.now())
            .map_err(|retry_after| SignInError::Throttled { retry_after })?;

        let found = self.user_with_hash(name).await?;
        let hash = found.as_ref().and_then(|(_, hash)| hash.clone());
        let verdict = self.passwords.verify(hash, password.to_owned()).await?;
        let user = match (found, verdict) {
            (Some((user, _)), Verdict::Right | Verdict::RightButDated) if user.is_enabled() => user,
            _ => {
                tracing::warn!(address = ?address, "a password was wrong, or its user unknown");
                return Err(SignInError::Wrong);
            }
        };
        self.throttle.succeeded(name, address);

        let renewed = match verdict {
            Verdict::RightButDated => Some(self.passwords.hash(password.to_owned()).await?),
            _ => None,
        };
        let signed_in = SignedIn::new(user, SignInMethod::Password, self.now(), self.sessions);
        let replaced = replaced.map(secret::hash);
        self.write(move |tx| {
            if let Some(hash) = renewed {
                tx.people().set_password_hash(&signed_in.user.id, &hash)?;
            }
            signed_in.keep(tx, replaced)?;
            Ok(signed_in)
        })
        .await
    }

    /// Ends the caller's session; `false` where they did not come by one.
    pub async fn sign_out(&self, caller: &Caller) -> Result<bool, PeopleError> {
        let Via::Session { id } = caller.via else { return Ok(false) };
        let user = caller.user.as_str();
        let record = caller.did(self.now(), "session.ended", user, json!({}));
        self.write(move |tx| {
            let ended = tx.people().end_session(id)?;
            if ended {
                tx.audit().append(&record)?;
            }
            Ok(ended)
        })
        .await
    }

    async fn user_with_hash(
        &self,
        name: &str,
    ) -> Result<Option<(User, Option<String>)>, SignInError> {
        let name = name.to_owned();
        self.read(move |books| {
            let Some(user) = books.people().user_in_any_case(&name)? else { return Ok(None) };
            let hash = books.people().password_hash(&user.id)?;
            Ok(Some((user, hash)))
        })
        .await
    }
}
