//! Who is calling: from a key, a token or a session to a caller.

use std::sync::Arc;

use compact_str::CompactString;
use outlay_domain::people::{AuditRecord, Caller, KeyState, Role, SERVER_ID, User, UserId, Via};
use outlay_store::StoreError;
use outlay_store::sqlite::{audit, people as store};
use serde_json::json;

use super::claims::TokenFault;
use super::directory::{Credential, Known, KnownBy};
use super::secret::{self, SECRET_BYTES_MAX};
use super::token::{TrustedIssuer, Voucher};
use super::{IdentifyError, People};

impl People {
    /// Who sends `Authorization: Bearer …`: a token, or a key.
    pub async fn by_bearer(&self, bearer: &str) -> Result<Caller, IdentifyError> {
        if looks_like_token(bearer) {
            self.by_token(bearer).await
        } else {
            self.by_key(bearer).await
        }
    }

    /// Who has the key with this secret.
    pub async fn by_key(&self, secret: &str) -> Result<Caller, IdentifyError> {
        if secret.len() > SECRET_BYTES_MAX {
            return Err(IdentifyError::UnknownKey);
        }
        let hash = secret::hash(secret);
        let known = self
            .known(KnownBy::Key(hash), move |conn| {
                let Some(key) = store::key_by_secret(conn, hash)? else { return Ok(None) };
                let user = store::user(conn, key.user.as_str())?;
                Ok(user.map(|user| (user, Credential::Key(key))))
            })
            .await?
            .ok_or(IdentifyError::UnknownKey)?;
        let Credential::Key(key) = &known.credential else {
            return Err(IdentifyError::UnknownKey);
        };

        let now = self.now();
        match (key.state(now), key.expires_at) {
            (KeyState::Active, _) => {}
            (KeyState::Expired, Some(expires_at)) => {
                return Err(IdentifyError::KeyExpired(expires_at));
            }
            (KeyState::Expired | KeyState::Revoked, _) => return Err(IdentifyError::KeyRevoked),
        }
        enabled(&known.user)?;
        let caller = Caller::with_key(&known.user, key).ok_or_else(|| {
            IdentifyError::KeyOfOtherAccount(key.account.clone().unwrap_or_default())
        })?;
        self.directory.note(&known, now);
        Ok(caller)
    }

    /// Who has the session with this secret.
    pub async fn by_session(&self, secret: &str) -> Result<Caller, IdentifyError> {
        if secret.len() > SECRET_BYTES_MAX {
            return Err(IdentifyError::NoSession);
        }
        let hash = secret::hash(secret);
        let known = self
            .known(KnownBy::Session(hash), move |conn| {
                let Some(session) = store::session_by_secret(conn, hash)? else { return Ok(None) };
                let user = store::user(conn, session.user.as_str())?;
                Ok(user.map(|user| (user, Credential::Session(session))))
            })
            .await?
            .ok_or(IdentifyError::NoSession)?;
        let Credential::Session(session) = &known.credential else {
            return Err(IdentifyError::NoSession);
        };

        let now = self.now();
        let mut session = session.clone();
        session.last_seen_at = known.last_seen_at(&session);
        if !session.is_alive(now, self.sessions) {
            return Err(IdentifyError::NoSession);
        }
        enabled(&known.user)?;
        self.directory.note(&known, now);
        Ok(Caller::of(&known.user, Via::Session { id: session.id }))
    }

    /// Whom a token names.
    pub async fn by_token(&self, token: &str) -> Result<Caller, IdentifyError> {
        let vouched = self.tokens.verify(token, self.now()).await?;
        let id = UserId::new(&vouched.user).map_err(|_| IdentifyError::UnknownUser)?;
        let known = self.known_by_name(&id).await?;
        match vouched.by {
            Voucher::Us { role, generation } => {
                let user = &known.as_ref().ok_or(IdentifyError::UnknownUser)?.user;
                if generation.is_some_and(|generation| generation != user.token_generation) {
                    return Err(TokenFault::Revoked.into());
                }
                caller_by_token(user, SERVER_ID.into(), role)
            }
            Voucher::Issuer(issuer) => {
                let user = match &known {
                    Some(known) => known.user.clone(),
                    None if issuer.create_users => self.create_for(issuer, id).await?,
                    None => return Err(IdentifyError::UnknownUser),
                };
                // Whoever can sign for an issuer could name an admin.
                let narrowed = user.role == Role::Admin && !issuer.admins;
                let role = narrowed.then_some(Role::Member);
                caller_by_token(&user, issuer.name.clone(), role)
            }
        }
    }

    async fn known_by_name(&self, id: &UserId) -> Result<Option<Arc<Known>>, IdentifyError> {
        let name = id.clone();
        self.known(KnownBy::Token(id.clone()), move |conn| {
            let user = store::user(conn, name.as_str())?;
            Ok(user.map(|user| (user, Credential::Token)))
        })
        .await
    }

    /// Somebody whom we remember, or whom the books know. A stranger is not remembered.
    async fn known(
        &self,
        by: KnownBy,
        read: impl FnOnce(&rusqlite::Connection) -> Result<Option<(User, Credential)>, StoreError>
        + Send
        + 'static,
    ) -> Result<Option<Arc<Known>>, IdentifyError> {
        if let Some(known) = self.directory.get(&by) {
            return Ok(Some(known));
        }
        let generation = self.directory.generation();
        let found = self.read::<_, IdentifyError>(read).await?;
        Ok(found
            .map(|(user, credential)| self.directory.remember(by, generation, user, credential)))
    }

    /// Makes a member of somebody whom a trusted issuer names for the first time.
    async fn create_for(&self, issuer: &TrustedIssuer, id: UserId) -> Result<User, IdentifyError> {
        let user = User::new(id, Role::Member, self.now());
        let record = AuditRecord {
            at: user.created_at,
            actor: SERVER_ID.into(),
            action: "user.added".into(),
            target: user.id.as_str().into(),
            detail: json!({ "role": Role::Member, "named_by": issuer.name }),
        };
        self.write(move |tx| {
            if store::add_user(tx, &user)? {
                audit::append(tx, &record)?;
            }
            // Another request may have been faster; one who differs in case is somebody else.
            store::user(tx, user.id.as_str())?.ok_or(IdentifyError::UnknownUser)
        })
        .await
    }
}

fn caller_by_token(
    user: &User,
    issuer: CompactString,
    role: Option<Role>,
) -> Result<Caller, IdentifyError> {
    enabled(user)?;
    let caller = Caller::of(user, Via::Token { issuer });
    match role {
        None => Ok(caller),
        Some(role) => caller.narrowed_to(role).ok_or_else(|| TokenFault::Role(role).into()),
    }
}

fn enabled(user: &User) -> Result<(), IdentifyError> {
    if user.is_enabled() { Ok(()) } else { Err(IdentifyError::Disabled) }
}

/// A token begins with the base64 of `{"` and has three parts; no key of ours does.
fn looks_like_token(bearer: &str) -> bool {
    bearer.starts_with("ey") && bearer.bytes().filter(|byte| *byte == b'.').count() == 2
}
