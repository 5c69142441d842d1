//! API keys: made, listed, revoked.

use chrono::{DateTime, SecondsFormat, Utc};
use compact_str::CompactString;
use outlay_domain::people::key::KEYS_PER_USER_MAX;
use outlay_domain::people::{
    Act, ApiKey, Caller, Denied, PeopleRefusal, Role, Scopes, User, UserId, Via,
};
use serde_json::json;
use uuid::Uuid;

use super::secret::Secret;
use super::{People, PeopleError};

/// A key that is to be.
#[derive(Debug, Clone)]
pub struct NewKey {
    /// Whose; the caller's own, where nothing is said.
    pub user: Option<UserId>,
    /// What people call it.
    pub name: CompactString,
    /// What it is for.
    pub scopes: Scopes,
    /// The only account it is good for; all that its user may use, where nothing is said.
    pub account: Option<CompactString>,
    /// Up to, and not at, which time it counts; as long as the credential that makes it, where
    /// nothing is said.
    pub expires_at: Option<DateTime<Utc>>,
}

/// Which keys are asked for: one page of them, the newest first.
#[derive(Debug, Clone, Default)]
pub struct KeyPage {
    /// Only of this user; everybody's, for an admin who says none.
    pub user: Option<UserId>,
    /// Only older than this one.
    pub before: Option<Uuid>,
    /// How many, at most.
    pub limit: u32,
}

impl People {
    /// Makes a key, whose secret is told this once. Members their own, admins anybody's.
    ///
    /// A key is never more than the credential that makes it: it ends when that does, at the
    /// latest, and narrowed credentials make none.
    pub async fn create_key(
        &self,
        caller: &Caller,
        mut new: NewKey,
    ) -> Result<(ApiKey, Secret), PeopleError> {
        let owner = match (&new.user, &caller.via) {
            (Some(user), _) => user.clone(),
            (None, Via::Operator) => {
                return Err(PeopleRefusal::new("user", "must say whose key it is to be").into());
            }
            (None, _) => caller.user.clone(),
        };
        may_act_on_keys_of(caller, &owner)?;
        let now = self.now();
        new.expires_at = ends_with(caller, new.expires_at)?;
        if new.expires_at.is_some_and(|expires_at| expires_at <= now) {
            return Err(PeopleRefusal::new("expires_at", "must be in the future").into());
        }

        let secret = Secret::random_key();
        let (hash, prefix) = (secret.hash(), CompactString::from(secret.shown_prefix()));
        let caller = caller.clone();
        let key = self
            .write(move |tx| {
                let user = tx
                    .people()
                    .user(owner.as_str())?
                    .ok_or_else(|| PeopleError::NotFound(format!("user `{owner}`")))?;
                let key = judged(new, &caller, &user, prefix, now)?;
                if tx.people().count_keys(&user.id, now)? >= KEYS_PER_USER_MAX {
                    return Err(PeopleError::conflict(
                        format!(
                            "`{}` has {KEYS_PER_USER_MAX} keys, the most there may be",
                            user.id
                        ),
                        "revoke some that are not in use",
                    ));
                }
                tx.people().add_key(&key, hash)?;
                let detail = json!({
                    "user": key.user, "name": key.name, "scopes": key.scopes.to_string(),
                    "account": key.account, "expires_at": key.expires_at,
                });
                let target = key.id.to_string();
                tx.audit().append(&caller.did(now, "key.added", &target, detail))?;
                Ok::<_, PeopleError>(key)
            })
            .await?;
        Ok((key, secret))
    }

    /// A page of keys, with when each was last used.
    pub async fn keys(
        &self,
        caller: &Caller,
        mut page: KeyPage,
    ) -> Result<Vec<ApiKey>, PeopleError> {
        // Whoever may not see everybody's keys sees their own.
        if page.user.is_none() && caller.may(Act::Administer).is_err() {
            page.user = Some(caller.user.clone());
        }
        match &page.user {
            Some(user) => may_act_on_keys_of(caller, user)?,
            None => caller.may_hand_out()?,
        }
        let mut keys = self
            .read::<_, PeopleError>(move |books| {
                books.people().keys(page.user.as_ref(), page.before, page.limit)
            })
            .await?;
        let noted = self.directory.noted();
        for key in &mut keys {
            key.last_used_at = key.last_used_at.max(noted.keys.get(&key.id).copied());
        }
        Ok(keys)
    }

    /// Ends a key. Members their own, admins anybody's; ending it again changes nothing.
    pub async fn revoke_key(&self, caller: &Caller, id: Uuid) -> Result<ApiKey, PeopleError> {
        caller.may(Act::ManageOwnKeys)?;
        let (now, caller) = (self.now(), caller.clone());
        self.write(move |tx| {
            // A key that is not the caller's does not exist for them.
            let key = tx
                .people()
                .key(id)?
                .filter(|key| may_act_on_keys_of(&caller, &key.user).is_ok())
                .ok_or_else(|| PeopleError::NotFound(format!("key `{id}`")))?;
            if tx.people().revoke_key(id, now)? {
                let detail = json!({ "user": key.user, "name": key.name });
                tx.audit().append(&caller.did(now, "key.revoked", &id.to_string(), detail))?;
            }
            Ok(ApiKey { revoked_at: key.revoked_at.or(Some(now)), ..key })
        })
        .await
    }
}

fn may_act_on_keys_of(caller: &Caller, user: &UserId) -> Result<(), Denied> {
    if caller.user != *user {
        caller.may(Act::Administer)?;
        return caller.may_hand_out();
    }
    caller.may(Act::ManageOwnKeys)
}

/// When a key of the caller's making ends: when they say, and no later than their credential.
fn ends_with(
    caller: &Caller,
    expires_at: Option<DateTime<Utc>>,
) -> Result<Option<DateTime<Utc>>, PeopleRefusal> {
    match (expires_at, caller.ends_at()) {
        (Some(wanted), Some(end)) if wanted > end => {
            let end = end.to_rfc3339_opts(SecondsFormat::Secs, true);
            let detail = format!("must be {end} at the latest, when the caller's credential ends");
            Err(PeopleRefusal::new("expires_at", detail))
        }
        (wanted, end) => Ok(wanted.or(end)),
    }
}

fn judged(
    new: NewKey,
    caller: &Caller,
    user: &User,
    prefix: CompactString,
    now: DateTime<Utc>,
) -> Result<ApiKey, PeopleError> {
    if !user.is_enabled() {
        return Err(PeopleError::conflict(
            format!("the user `{}` is disabled", user.id),
            "enable them first",
        ));
    }
    if let Some(account) = &new.account
        && user.role == Role::Member
        && *account != user.account
    {
        let detail = format!("must be `{}`, the account of its user", user.account);
        return Err(PeopleRefusal::new("account", detail).into());
    }
    // What somebody acts as now may be less than what they are.
    let role = if caller.user == user.id { caller.role } else { user.role };
    Ok(ApiKey {
        id: Uuid::now_v7(),
        prefix,
        name: new.name,
        user: user.id.clone(),
        scopes: new.scopes.judge_for(role)?,
        account: new.account,
        created_at: now,
        expires_at: new.expires_at,
        last_used_at: None,
        revoked_at: None,
    })
}
