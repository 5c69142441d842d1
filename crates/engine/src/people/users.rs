//! Users: made, changed, disabled, deleted; their passwords and tokens.

use chrono::{DateTime, Duration, Utc};
use compact_str::CompactString;
use outlay_domain::people::{
    Act, Caller, PeopleRefusal, Role, SignInMethod, User, UserId, Via, judge_password,
};
use outlay_store::Tx;
use serde_json::{Map, Value, json};

use super::password::Verdict;
use super::{People, PeopleError, SignedIn};

/// How long a token of ours counts where nothing is said.
const TOKEN_TTL: Duration = Duration::days(30);

/// The longest that a token of ours counts.
pub const TOKEN_TTL_MAX: Duration = Duration::days(3660);

/// A user who is to be.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// What they sign in by.
    pub id: UserId,
    /// What people call them; their id, where nothing is said.
    pub name: Option<CompactString>,
    /// Who pays for them; an account of their id's name, where nothing is said.
    pub account: Option<CompactString>,
    /// What they may do.
    pub role: Role,
    /// What they sign in with, if with a password.
    pub password: Option<String>,
}

/// What is to change about a user; what is `None` stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UserChange {
    /// What people call them.
    pub name: Option<CompactString>,
    /// Who pays for them.
    pub account: Option<CompactString>,
    /// What they may do.
    pub role: Option<Role>,
    /// Whether they may not come in.
    pub disabled: Option<bool>,
    /// Whether to revoke all tokens that we signed for them.
    pub revoke_tokens: bool,
}

/// Another password for a user.
#[derive(Clone)]
pub struct PasswordChange {
    /// Whose password it is.
    pub user: UserId,
    /// The present one, for those who change their own.
    pub current: Option<String>,
    /// The one to be.
    pub new: String,
}

/// A token of ours, for the one who is to have it.
#[derive(Debug, Clone)]
pub struct MintedToken {
    /// Whom it names.
    pub user: User,
    /// The role it is for, where that was said.
    pub role: Option<Role>,
    /// Whether the user was made for it.
    pub user_created: bool,
    /// The token itself.
    pub token: String,
    /// Up to, and not at, which time it counts.
    pub expires_at: DateTime<Utc>,
}

impl People {
    /// Adds a user. Admins only.
    pub async fn create_user(&self, caller: &Caller, new: NewUser) -> Result<User, PeopleError> {
        caller.may_let_in()?;
        let hash = match new.password {
            Some(password) => {
                judge_password(&new.id, &password)?;
                Some(self.passwords.hash(password).await?)
            }
            None => None,
        };
        let mut user = User::new(new.id, new.role, self.now());
        user.name = new.name.unwrap_or(user.name);
        user.account = new.account.unwrap_or(user.account);
        let has_password = hash.is_some();
        let caller = caller.clone();
        self.write(move |tx| {
            let user = add(tx, &caller, &user)?;
            if let Some(hash) = hash {
                tx.people().set_password_hash(&user.id, &hash)?;
            }
            Ok(User { has_password, ..user })
        })
        .await
    }

    /// Up to `limit` users after the id `after`, by id. Admins only.
    pub async fn users(
        &self,
        caller: &Caller,
        after: Option<String>,
        limit: u32,
    ) -> Result<Vec<User>, PeopleError> {
        caller.may(Act::Administer)?;
        self.read(move |books| books.people().users(after.as_deref().unwrap_or(""), limit)).await
    }

    /// One user: themself, or anybody for an admin.
    pub async fn user(&self, caller: &Caller, id: &UserId) -> Result<User, PeopleError> {
        caller.may(if caller.user == *id { Act::SeeSelf } else { Act::Administer })?;
        let name = id.clone();
        let found: Option<User> =
            self.read::<_, PeopleError>(move |books| books.people().user(name.as_str())).await?;
        found.ok_or_else(|| no_user(id))
    }

    /// Changes a user. Admins only, and never the last of them away.
    pub async fn change_user(
        &self,
        caller: &Caller,
        id: &UserId,
        change: UserChange,
    ) -> Result<User, PeopleError> {
        caller.may(Act::Administer)?;
        if change.role.is_some() || change.disabled == Some(false) {
            caller.may_let_in()?;
        }
        let (now, id, caller) = (self.now(), id.clone(), caller.clone());
        self.write(move |tx| {
            let before = tx.people().user(id.as_str())?.ok_or_else(|| no_user(&id))?;
            let after = changed(&before, &change, now);
            if !is_acting_admin(&after) {
                keep_an_admin(tx, &before)?;
            }
            tx.people().change_user(&after)?;
            if !after.is_enabled() {
                tx.people().end_sessions_of(&id)?;
                tx.people().drop_link_of(&id)?;
            }
            let detail = difference(&before, &after);
            tx.audit().append(&caller.did(now, "user.changed", id.as_str(), detail))?;
            Ok(after)
        })
        .await
    }

    /// Deletes a user with their keys and sessions; what they used stays. Admins only, and never
    /// the last of them.
    pub async fn delete_user(&self, caller: &Caller, id: &UserId) -> Result<(), PeopleError> {
        caller.may(Act::Administer)?;
        let (now, id, caller) = (self.now(), id.clone(), caller.clone());
        self.write(move |tx| {
            let user = tx.people().user(id.as_str())?.ok_or_else(|| no_user(&id))?;
            keep_an_admin(tx, &user)?;
            tx.people().delete_user(&id)?;
            // Whoever gets the same id one day is somebody else.
            tx.views().leave_to(UserId::operator().as_str(), id.as_str())?;
            let detail = json!({ "role": user.role, "account": user.account });
            tx.audit().append(&caller.did(now, "user.deleted", id.as_str(), detail))?;
            Ok(())
        })
        .await
    }

    /// Gives a user another password, and ends all their sessions.
    ///
    /// Those who change their own in a session say the present one, unless there is none or a
    /// sign-in link has just proved who they are; they get a new session in the old one's place.
    /// Others' passwords are for admins to change.
    pub async fn set_password(
        &self,
        caller: &Caller,
        change: PasswordChange,
    ) -> Result<Option<SignedIn>, PeopleError> {
        let own_session = match caller.via {
            Via::Session { id } if caller.user == change.user => Some(id),
            _ => None,
        };
        match own_session {
            Some(_) => caller.may(Act::SetOwnPassword)?,
            None => caller.may_let_in()?,
        }
        judge_password(&change.user, &change.new)?;
        if let Some(session) = own_session {
            self.check_current(&change, session).await?;
        }

        let hash = self.passwords.hash(change.new).await?;
        let (now, policy, id) = (self.now(), self.sessions, change.user);
        let record = caller.did(now, "user.password_changed", id.as_str(), json!({}));
        self.write(move |tx| {
            let mut user = tx.people().user(id.as_str())?.ok_or_else(|| no_user(&id))?;
            tx.people().set_password_hash(&id, &hash)?;
            tx.people().end_sessions_of(&id)?;
            tx.people().drop_link_of(&id)?;
            tx.audit().append(&record)?;
            if own_session.is_none() {
                return Ok(None);
            }
            user.has_password = true;
            let signed_in = SignedIn::new(user, SignInMethod::Password, now, policy);
            signed_in.keep(tx, None)?;
            Ok(Some(signed_in))
        })
        .await
    }

    async fn check_current(
        &self,
        change: &PasswordChange,
        session: uuid::Uuid,
    ) -> Result<(), PeopleError> {
        let (now, id) = (self.now(), change.user.clone());
        let (hash, session) = self
            .read::<_, PeopleError>(move |books| {
                Ok((books.people().password_hash(&id)?, books.people().session(session)?))
            })
            .await?;
        if hash.is_none() || session.is_some_and(|session| session.is_fresh_from_link(now)) {
            return Ok(());
        }
        let Some(current) = change.current.clone() else {
            return Err(PeopleRefusal::new("current_password", "must be given").into());
        };
        let name = change.user.as_str();
        self.throttle
            .attempt(name, None, now)
            .map_err(|retry_after| PeopleError::Throttled { retry_after })?;
        match self.passwords.verify(hash, current).await? {
            Verdict::Wrong => Err(PeopleError::WrongPassword),
            Verdict::Right | Verdict::RightButDated => {
                self.throttle.succeeded(name, None);
                Ok(())
            }
        }
    }

    /// Signs a token for a user, who is made where there is none. Admins only.
    ///
    /// With `role` the token is for that role, which its user must have or include. It ends when
    /// the caller's credential does, at the latest, and narrowed credentials make none.
    pub async fn mint_token(
        &self,
        caller: &Caller,
        id: &UserId,
        role: Option<Role>,
        ttl: impl Into<Option<Duration>>,
    ) -> Result<MintedToken, PeopleError> {
        caller.may(Act::Administer)?;
        caller.may_hand_out()?;
        let now = self.now();
        let ttl = ends_with(caller, ttl.into(), now)?;
        if ttl < Duration::seconds(1) || ttl > TOKEN_TTL_MAX {
            let days = TOKEN_TTL_MAX.num_days();
            let detail = format!("must be from one second to {days} days");
            return Err(PeopleRefusal::new("ttl_seconds", detail).into());
        }
        let (id, caller) = (id.clone(), caller.clone());
        let (user, user_created) = self
            .write::<_, PeopleError>(move |tx| {
                let (user, created) = match tx.people().user(id.as_str())? {
                    Some(user) => (user, false),
                    None => {
                        let user = User::new(id, role.unwrap_or(Role::Member), now);
                        (add(tx, &caller, &user)?, true)
                    }
                };
                may_have_token(&user, role)?;
                let detail = json!({ "role": role, "expires_at": now + ttl });
                tx.audit().append(&caller.did(now, "token.minted", user.id.as_str(), detail))?;
                Ok((user, created))
            })
            .await?;
        let (token, expires_at) = self.tokens.mint(&user, role, now, ttl);
        Ok(MintedToken { user, role, user_created, token, expires_at })
    }
}

fn no_user(id: &UserId) -> PeopleError {
    PeopleError::NotFound(format!("user `{id}`"))
}

/// Adds a user, and says who they are from now on: the books choose the generation of their tokens.
fn add(tx: &Tx<'_>, caller: &Caller, user: &User) -> Result<User, PeopleError> {
    if !tx.people().add_user(user)? {
        let known = tx.people().user_in_any_case(user.id.as_str())?;
        let known = known.map_or_else(|| user.id.clone(), |known| known.id);
        return Err(PeopleError::conflict(
            format!("there is a user `{known}` already"),
            "choose another name; upper and lower case make no difference",
        ));
    }
    let detail = json!({ "role": user.role, "account": user.account });
    let record = caller.did(user.created_at, "user.added", user.id.as_str(), detail);
    tx.audit().append(&record)?;
    tx.people().user(user.id.as_str())?.ok_or_else(|| no_user(&user.id))
}

fn changed(before: &User, change: &UserChange, now: DateTime<Utc>) -> User {
    let mut user = before.clone();
    if let Some(name) = &change.name {
        user.name = name.clone();
    }
    if let Some(account) = &change.account {
        user.account = account.clone();
    }
    user.role = change.role.unwrap_or(user.role);
    match change.disabled {
        Some(true) => user.disabled_at = user.disabled_at.or(Some(now)),
        Some(false) => user.disabled_at = None,
        None => {}
    }
    // Tokens do not come back to life when their user does.
    let disabled_now = before.is_enabled() && !user.is_enabled();
    if change.revoke_tokens || disabled_now {
        user.token_generation = user.token_generation.wrapping_add(1);
    }
    user
}

/// What changed, for the audit trail.
fn difference(before: &User, after: &User) -> Value {
    let mut fields = Map::new();
    let mut note = |field: &str, from: Value, to: Value| {
        if from != to {
            fields.insert(field.to_owned(), json!({ "from": from, "to": to }));
        }
    };
    note("name", json!(before.name), json!(after.name));
    note("account", json!(before.account), json!(after.account));
    note("role", json!(before.role), json!(after.role));
    note("disabled", json!(!before.is_enabled()), json!(!after.is_enabled()));
    if before.token_generation != after.token_generation {
        fields.insert("tokens".to_owned(), json!("revoked"));
    }
    Value::Object(fields)
}

fn is_acting_admin(user: &User) -> bool {
    user.role == Role::Admin && user.is_enabled()
}

/// Refuses to lose the last admin who can act.
fn keep_an_admin(tx: &Tx<'_>, user: &User) -> Result<(), PeopleError> {
    if is_acting_admin(user) && !tx.people().has_other_admin(&user.id)? {
        return Err(PeopleError::conflict(
            format!("`{}` is the last admin", user.id),
            "make somebody else an admin first",
        ));
    }
    Ok(())
}

/// How long a token of the caller's making counts: as long as they say, and no longer than their
/// credential.
fn ends_with(
    caller: &Caller,
    ttl: Option<Duration>,
    now: DateTime<Utc>,
) -> Result<Duration, PeopleRefusal> {
    let Some(left) = caller.ends_at().map(|end| end - now) else {
        return Ok(ttl.unwrap_or(TOKEN_TTL));
    };
    match ttl {
        Some(wanted) if wanted > left => {
            let detail = format!(
                "must be {} at most, as long as the caller's credential counts",
                left.num_seconds()
            );
            Err(PeopleRefusal::new("ttl_seconds", detail))
        }
        wanted => Ok(wanted.unwrap_or(TOKEN_TTL.min(left))),
    }
}

fn may_have_token(user: &User, role: Option<Role>) -> Result<(), PeopleError> {
    let id = &user.id;
    if !user.is_enabled() {
        return Err(PeopleError::conflict(
            format!("the user `{id}` is disabled"),
            "enable them first",
        ));
    }
    match role {
        Some(role) if !user.role.includes(role) => Err(PeopleError::conflict(
            format!("`{id}` has the role {}, which does not include {role}", user.role),
            format!("leave the role out, or change theirs: outlay user set {id} --role {role}"),
        )),
        _ => Ok(()),
    }
}
