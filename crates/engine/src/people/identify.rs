//! Who is calling: from a key, a token or a session to a caller.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use outlay_domain::people::{
    ApiKey, AuditRecord, Caller, KeyState, Role, SERVER_ID, User, UserId, Via,
};
use outlay_store::{StoreError, View};
use serde_json::json;

use super::claims::TokenFault;
use super::directory::{Credential, Known, KnownBy};
use super::secret::{self, SECRET_BYTES_MAX};
use super::token::{TrustedIssuer, Voucher};
use super::{IdentifyError, People};

/// A caller as they stand now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Who, and what they may do.
    pub caller: Caller,
    /// Up to, and not at, which time that holds by itself; `None` where nothing ends it.
    pub until: Option<DateTime<Utc>>,
}

impl From<Caller> for Standing {
    fn from(caller: Caller) -> Self {
        Self { until: caller.ends_at(), caller }
    }
}

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
            .known(KnownBy::Key(hash), move |books| {
                let Some(key) = books.people().key_by_secret(hash)? else { return Ok(None) };
                let user = books.people().user(key.user.as_str())?;
                Ok(user.map(|user| (user, Credential::Key(key))))
            })
            .await?
            .ok_or(IdentifyError::UnknownKey)?;
        let Credential::Key(key) = &known.credential else {
            return Err(IdentifyError::UnknownKey);
        };

        let now = self.now();
        let caller = caller_by_key(&known.user, key, now)?;
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
            .known(KnownBy::Session(hash), move |books| {
                let Some(session) = books.people().session_by_secret(hash)? else {
                    return Ok(None);
                };
                let user = books.people().user(session.user.as_str())?;
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
                let (issuer, expires_at) = (SERVER_ID.into(), vouched.until);
                caller_by_token(user, Via::Token { issuer, generation, role, expires_at })
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
                let (issuer, expires_at) = (issuer.name.clone(), vouched.until);
                caller_by_token(&user, Via::Token { issuer, generation: None, role, expires_at })
            }
        }
    }

    /// The caller as they stand now, for doors that stay open long after they were let in.
    pub async fn recheck(&self, caller: &Caller) -> Result<Standing, IdentifyError> {
        let now = self.now();
        match &caller.via {
            Via::Operator => Ok(caller.clone().into()),
            Via::Session { id } => {
                let (id, name) = (*id, caller.user.clone());
                let (session, user) = self
                    .read::<_, IdentifyError>(move |books| {
                        Ok((books.people().session(id)?, books.people().user(name.as_str())?))
                    })
                    .await?;
                let (Some(mut session), Some(user)) = (session, user) else {
                    return Err(IdentifyError::NoSession);
                };
                self.directory.add_noted(&mut session);
                if !session.is_alive(now, self.sessions) {
                    return Err(IdentifyError::NoSession);
                }
                enabled(&user)?;
                let until = Some(session.ends_at(self.sessions));
                Ok(Standing { caller: Caller::of(&user, caller.via.clone()), until })
            }
            Via::Key { id } => {
                let (id, name) = (*id, caller.user.clone());
                let (key, user) = self
                    .read::<_, IdentifyError>(move |books| {
                        Ok((books.people().key(id)?, books.people().user(name.as_str())?))
                    })
                    .await?;
                let (Some(key), Some(user)) = (key, user) else {
                    return Err(IdentifyError::UnknownKey);
                };
                caller_by_key(&user, &key, now).map(Into::into)
            }
            Via::Token { expires_at, generation, .. } => {
                if now >= *expires_at {
                    return Err(TokenFault::Expired.into());
                }
                let known = self.known_by_name(&caller.user).await?;
                let user = &known.as_ref().ok_or(IdentifyError::UnknownUser)?.user;
                // Whether an issuer may name an admin is asked when the token is shown again.
                if generation.is_none() && user.role == Role::Admin && caller.role != Role::Admin {
                    return Err(TokenFault::Role(caller.role).into());
                }
                caller_by_token(user, caller.via.clone()).map(Into::into)
            }
        }
    }

    /// Says when anything about people has changed, and callers may stand otherwise.
    pub fn changes(&self) -> tokio::sync::watch::Receiver<u64> {
        self.directory.changes()
    }

    async fn known_by_name(&self, id: &UserId) -> Result<Option<Arc<Known>>, IdentifyError> {
        let name = id.clone();
        self.known(KnownBy::Token(id.clone()), move |books| {
            let user = books.people().user(name.as_str())?;
            Ok(user.map(|user| (user, Credential::Token)))
        })
        .await
    }

    /// Somebody whom we remember, or whom the books know. A stranger is not remembered.
    async fn known(
        &self,
        by: KnownBy,
        read: impl FnOnce(&View<'_>) -> Result<Option<(User, Credential)>, StoreError> + Send + 'static,
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
            if tx.people().add_user(&user)? {
                tx.audit().append(&record)?;
            }
            // Another request may have been faster; one who differs in case is somebody else.
            tx.people().user(user.id.as_str())?.ok_or(IdentifyError::UnknownUser)
        })
        .await
    }
}

fn caller_by_key(user: &User, key: &ApiKey, now: DateTime<Utc>) -> Result<Caller, IdentifyError> {
    match (key.state(now), key.expires_at) {
        (KeyState::Active, _) => {}
        (KeyState::Expired, Some(expires_at)) => return Err(IdentifyError::KeyExpired(expires_at)),
        (KeyState::Expired | KeyState::Revoked, _) => return Err(IdentifyError::KeyRevoked),
    }
    enabled(user)?;
    Caller::with_key(user, key)
        .ok_or_else(|| IdentifyError::KeyOfOtherAccount(key.account.clone().unwrap_or_default()))
}

fn caller_by_token(user: &User, via: Via) -> Result<Caller, IdentifyError> {
    enabled(user)?;
    let Via::Token { generation, role, .. } = &via else { return Ok(Caller::of(user, via)) };
    if generation.is_some_and(|generation| generation != user.token_generation) {
        return Err(TokenFault::Revoked.into());
    }
    match *role {
        None => Ok(Caller::of(user, via)),
        Some(role) => {
            Caller::of(user, via).narrowed_to(role).ok_or_else(|| TokenFault::Role(role).into())
        }
    }
}

fn enabled(user: &User) -> Result<(), IdentifyError> {
    if user.is_enabled() { Ok(()) } else { Err(IdentifyError::Disabled) }
}

/// A token begins with the base64 of `{"` and has three parts; no key of ours does.
fn looks_like_token(bearer: &str) -> bool {
    bearer.starts_with("ey") && bearer.bytes().filter(|byte| *byte == b'.').count() == 2
}
