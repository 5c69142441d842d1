//! Users, their keys, sessions and sign-in links.

use chrono::{DateTime, Utc};
use outlay_domain::people::{
    ApiKey, Role, Scopes, SecretHash, Session, SignInMethod, User, UserId,
};
use rusqlite::types::{FromSqlError, Type};
use rusqlite::{Connection, OptionalExtension, Row, params};
use uuid::Uuid;

use super::time::{from_us, to_us};
use super::tx::{People, Writes};
use crate::StoreError;

const USER_COLUMNS: &str = "user_id, name, account, role, created_at_us, disabled_at_us, \
     password_hash IS NOT NULL, token_generation";

const USER: &str = "SELECT {user} FROM users WHERE user_id = ?1";
const USER_IN_ANY_CASE: &str = "SELECT {user} FROM users WHERE lower(user_id) = lower(?1)";
const USERS: &str = "SELECT {user} FROM users WHERE user_id > ?1 ORDER BY user_id LIMIT ?2";
const FIRST_ADMIN: &str = "
    SELECT user_id FROM users
    WHERE role = 'admin' AND disabled_at_us IS NULL
    ORDER BY created_at_us, user_id LIMIT 1";
const ADD_USER: &str = "
    INSERT INTO users (user_id, name, account, role, created_at_us, token_generation)
    VALUES (?1, ?2, ?3, ?4, ?5, (SELECT next FROM token_generations))
    ON CONFLICT DO NOTHING";
const CHANGE_USER: &str = "
    UPDATE users
    SET name = ?2, account = ?3, role = ?4, disabled_at_us = ?5, token_generation = ?6
    WHERE user_id = ?1";
const DELETE_USER: [&str; 5] = [
    // Whoever gets the name next is somebody else: no token of before is theirs.
    "UPDATE token_generations SET next = 1 + (SELECT token_generation FROM users WHERE user_id = ?1)
     WHERE next <= (SELECT token_generation FROM users WHERE user_id = ?1)",
    "DELETE FROM sign_in_links WHERE user_id = ?1",
    "DELETE FROM sessions WHERE user_id = ?1",
    "DELETE FROM api_keys WHERE user_id = ?1",
    "DELETE FROM users WHERE user_id = ?1",
];
const OTHER_ADMINS: &str = "
    SELECT EXISTS (
        SELECT 1 FROM users
        WHERE role = 'admin' AND disabled_at_us IS NULL AND user_id <> ?1)";
const ADMIN_WITH_PASSWORD: &str = "
    SELECT EXISTS (
        SELECT 1 FROM users
        WHERE role = 'admin' AND disabled_at_us IS NULL AND password_hash IS NOT NULL)";
const PASSWORD_HASH: &str = "SELECT password_hash FROM users WHERE user_id = ?1";
const SET_PASSWORD_HASH: &str = "UPDATE users SET password_hash = ?2 WHERE user_id = ?1";

const KEY_COLUMNS: &str = "key_id, prefix, name, user_id, scopes, account, created_at_us, \
     expires_at_us, last_used_at_us, revoked_at_us";

const KEY: &str = "SELECT {key} FROM api_keys WHERE key_id = ?1";
const KEY_BY_SECRET: &str = "SELECT {key} FROM api_keys WHERE secret_hash = ?1";
const KEYS: &str = "
    SELECT {key} FROM api_keys
    WHERE key_id < ?1 AND (CAST(?2 AS TEXT) IS NULL OR user_id = ?2)
    ORDER BY key_id DESC LIMIT ?3";
const COUNT_KEYS: &str = "
    SELECT count(*) FROM api_keys
    WHERE user_id = ?1 AND revoked_at_us IS NULL
      AND (expires_at_us IS NULL OR expires_at_us > ?2)";
const ADD_KEY: &str = "
    INSERT INTO api_keys (key_id, user_id, secret_hash, prefix, name, scopes, account,
                          created_at_us, expires_at_us)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
const REVOKE_KEY: &str = "
    UPDATE api_keys SET revoked_at_us = ?2 WHERE key_id = ?1 AND revoked_at_us IS NULL";
const TOUCH_KEY: &str = "
    UPDATE api_keys SET last_used_at_us = ?2
    WHERE key_id = ?1 AND (last_used_at_us IS NULL OR last_used_at_us < ?2)";
const FORGET_KEYS: &str = "DELETE FROM api_keys WHERE revoked_at_us < ?1 OR expires_at_us < ?1";

const SESSION_COLUMNS: &str =
    "session_id, user_id, method, created_at_us, last_seen_at_us, expires_at_us";

const SESSION: &str = "SELECT {session} FROM sessions WHERE session_id = ?1";
const SESSION_BY_SECRET: &str = "SELECT {session} FROM sessions WHERE secret_hash = ?1";
const ADD_SESSION: &str = "
    INSERT INTO sessions (session_id, user_id, secret_hash, method, created_at_us,
                          last_seen_at_us, expires_at_us)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
const KEEP_NEWEST_SESSIONS: &str = "
    DELETE FROM sessions
    WHERE user_id = ?1 AND session_id NOT IN (
        SELECT session_id FROM sessions
        WHERE user_id = ?1 ORDER BY last_seen_at_us DESC LIMIT ?2)";
const TOUCH_SESSION: &str =
    "UPDATE sessions SET last_seen_at_us = ?2 WHERE session_id = ?1 AND last_seen_at_us < ?2";
const END_SESSION: &str = "DELETE FROM sessions WHERE session_id = ?1";
const END_SESSIONS_OF: &str = "DELETE FROM sessions WHERE user_id = ?1";
const END_DEAD_SESSIONS: &str =
    "DELETE FROM sessions WHERE expires_at_us <= ?1 OR last_seen_at_us <= ?2";

const PUT_LINK: &str = "
    INSERT INTO sign_in_links (user_id, secret_hash, expires_at_us)
    VALUES (?1, ?2, ?3)
    ON CONFLICT (user_id) DO UPDATE
    SET secret_hash = excluded.secret_hash, expires_at_us = excluded.expires_at_us";
const TAKE_LINK: &str =
    "DELETE FROM sign_in_links WHERE secret_hash = ?1 RETURNING user_id, expires_at_us";
const DROP_LINK_OF: &str = "DELETE FROM sign_in_links WHERE user_id = ?1";
const DROP_DEAD_LINKS: &str = "DELETE FROM sign_in_links WHERE expires_at_us <= ?1";

impl<A> People<'_, A> {
    // Users

    /// The user whose id is exactly `id`.
    pub fn user(&self, id: &str) -> Result<Option<User>, StoreError> {
        one(self.conn, USER, [id], read_user)
    }

    /// The user whose id is `id` but for upper and lower case. There is one at most.
    pub fn user_in_any_case(&self, id: &str) -> Result<Option<User>, StoreError> {
        one(self.conn, USER_IN_ANY_CASE, [id], read_user)
    }

    /// The first `limit` users after the id `after`, by id.
    pub fn users(&self, after: &str, limit: u32) -> Result<Vec<User>, StoreError> {
        many(self.conn, USERS, params![after, limit], read_user)
    }

    /// The admin who has been there longest, of those who may come in.
    pub fn first_admin(&self) -> Result<Option<UserId>, StoreError> {
        one(self.conn, FIRST_ADMIN, [], |row| read_user_id(row, 0))
    }

    /// Whether an admin other than `id` may come in.
    pub fn has_other_admin(&self, id: &UserId) -> Result<bool, StoreError> {
        exists(self.conn, OTHER_ADMINS, [id.as_str()])
    }

    /// Whether an admin can sign in without help.
    pub fn has_admin_with_password(&self) -> Result<bool, StoreError> {
        exists(self.conn, ADMIN_WITH_PASSWORD, [])
    }

    /// How a user's password is known again, in PHC form.
    pub fn password_hash(&self, id: &UserId) -> Result<Option<String>, StoreError> {
        let hash =
            one(self.conn, PASSWORD_HASH, [id.as_str()], |row| row.get::<_, Option<String>>(0))?;
        Ok(hash.flatten())
    }

    // Keys

    /// The key with `id`.
    pub fn key(&self, id: Uuid) -> Result<Option<ApiKey>, StoreError> {
        one(self.conn, KEY, [id.to_string()], read_key)
    }

    /// The key whose secret hashes to `hash`.
    pub fn key_by_secret(&self, hash: SecretHash) -> Result<Option<ApiKey>, StoreError> {
        one(self.conn, KEY_BY_SECRET, [hash.0], read_key)
    }

    /// The newest `limit` keys of `user`, or of everybody, that are older than the key `before`.
    pub fn keys(
        &self,
        user: Option<&UserId>,
        before: Option<Uuid>,
        limit: u32,
    ) -> Result<Vec<ApiKey>, StoreError> {
        let before = before.unwrap_or(Uuid::max()).to_string();
        many(self.conn, KEYS, params![before, user.map(UserId::as_str), limit], read_key)
    }

    /// How many keys of `user` count at `now`.
    pub fn count_keys(&self, user: &UserId, now: DateTime<Utc>) -> Result<usize, StoreError> {
        let count: i64 = self
            .conn
            .prepare_cached(COUNT_KEYS)?
            .query_row(params![user.as_str(), to_us(now)], |row| row.get(0))?;
        Ok(usize::try_from(count).unwrap_or(usize::MAX))
    }

    // Sessions

    /// The session with `id`, dead or alive.
    pub fn session(&self, id: Uuid) -> Result<Option<Session>, StoreError> {
        one(self.conn, SESSION, [id.to_string()], read_session)
    }

    /// The session whose secret hashes to `hash`, dead or alive.
    pub fn session_by_secret(&self, hash: SecretHash) -> Result<Option<Session>, StoreError> {
        one(self.conn, SESSION_BY_SECRET, [hash.0], read_session)
    }
}

impl People<'_, Writes> {
    /// Adds `user`, or says `false` where one has that id, be it in another case.
    pub fn add_user(&self, user: &User) -> Result<bool, StoreError> {
        let added = self.conn.prepare_cached(ADD_USER)?.execute(params![
            user.id.as_str(),
            user.name.as_str(),
            user.account.as_str(),
            user.role.as_str(),
            to_us(user.created_at),
        ])?;
        Ok(added == 1)
    }

    /// Keeps what changed about `user`.
    pub fn change_user(&self, user: &User) -> Result<(), StoreError> {
        self.conn.prepare_cached(CHANGE_USER)?.execute(params![
            user.id.as_str(),
            user.name.as_str(),
            user.account.as_str(),
            user.role.as_str(),
            user.disabled_at.map(to_us),
            user.token_generation,
        ])?;
        Ok(())
    }

    /// Deletes a user with all they could come in by.
    pub fn delete_user(&self, id: &UserId) -> Result<(), StoreError> {
        for statement in DELETE_USER {
            self.conn.prepare_cached(statement)?.execute([id.as_str()])?;
        }
        Ok(())
    }

    /// Keeps another password hash.
    pub fn set_password_hash(&self, id: &UserId, hash: &str) -> Result<(), StoreError> {
        self.conn.prepare_cached(SET_PASSWORD_HASH)?.execute([id.as_str(), hash])?;
        Ok(())
    }

    /// Adds a key.
    pub fn add_key(&self, key: &ApiKey, hash: SecretHash) -> Result<(), StoreError> {
        self.conn.prepare_cached(ADD_KEY)?.execute(params![
            key.id.to_string(),
            key.user.as_str(),
            hash.0,
            key.prefix.as_str(),
            key.name.as_str(),
            key.scopes.to_string(),
            key.account.as_deref(),
            to_us(key.created_at),
            key.expires_at.map(to_us),
        ])?;
        Ok(())
    }

    /// Ends a key; `false` where it has been ended before.
    pub fn revoke_key(&self, id: Uuid, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let revoked =
            self.conn.prepare_cached(REVOKE_KEY)?.execute(params![id.to_string(), to_us(now)])?;
        Ok(revoked == 1)
    }

    /// Keeps that a key was used at `at`.
    pub fn touch_key(&self, id: Uuid, at: DateTime<Utc>) -> Result<(), StoreError> {
        self.conn.prepare_cached(TOUCH_KEY)?.execute(params![id.to_string(), to_us(at)])?;
        Ok(())
    }

    /// Forgets keys that ended before `before`.
    pub fn forget_keys(&self, before: DateTime<Utc>) -> Result<usize, StoreError> {
        Ok(self.conn.prepare_cached(FORGET_KEYS)?.execute([to_us(before)])?)
    }

    /// Adds a session, and ends the least used ones of its user beyond `keep`.
    pub fn add_session(
        &self,
        session: &Session,
        hash: SecretHash,
        keep: u32,
    ) -> Result<(), StoreError> {
        self.conn.prepare_cached(ADD_SESSION)?.execute(params![
            session.id.to_string(),
            session.user.as_str(),
            hash.0,
            session.method.as_str(),
            to_us(session.created_at),
            to_us(session.last_seen_at),
            to_us(session.expires_at),
        ])?;
        self.conn
            .prepare_cached(KEEP_NEWEST_SESSIONS)?
            .execute(params![session.user.as_str(), keep])?;
        Ok(())
    }

    /// Keeps that a session was used at `at`.
    pub fn touch_session(&self, id: Uuid, at: DateTime<Utc>) -> Result<(), StoreError> {
        self.conn.prepare_cached(TOUCH_SESSION)?.execute(params![id.to_string(), to_us(at)])?;
        Ok(())
    }

    /// Ends a session; `false` where there is none.
    pub fn end_session(&self, id: Uuid) -> Result<bool, StoreError> {
        Ok(self.conn.prepare_cached(END_SESSION)?.execute([id.to_string()])? == 1)
    }

    /// Ends all sessions of a user, and says how many there were.
    pub fn end_sessions_of(&self, user: &UserId) -> Result<usize, StoreError> {
        Ok(self.conn.prepare_cached(END_SESSIONS_OF)?.execute([user.as_str()])?)
    }

    /// Forgets sessions that expired by `now`, or were not used after `idle_since`.
    pub fn end_dead_sessions(
        &self,
        now: DateTime<Utc>,
        idle_since: DateTime<Utc>,
    ) -> Result<usize, StoreError> {
        Ok(self.conn.prepare_cached(END_DEAD_SESSIONS)?.execute([to_us(now), to_us(idle_since)])?)
    }

    // Sign-in links

    /// Gives `user` a link, in the place of an older one.
    pub fn put_link(
        &self,
        user: &UserId,
        hash: SecretHash,
        expires_at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        self.conn.prepare_cached(PUT_LINK)?.execute(params![
            user.as_str(),
            hash.0,
            to_us(expires_at)
        ])?;
        Ok(())
    }

    /// Takes the link whose secret hashes to `hash`: whose it was, and until when it counted.
    ///
    /// It is gone afterwards, so that of two who ask only one gets it.
    pub fn take_link(
        &self,
        hash: SecretHash,
    ) -> Result<Option<(UserId, DateTime<Utc>)>, StoreError> {
        let taken = |row: &Row<'_>| Ok((read_user_id(row, 0)?, from_us(row.get(1)?)));
        one(self.conn, TAKE_LINK, [hash.0], taken)
    }

    /// Takes back the link of `user`, if there is one.
    pub fn drop_link_of(&self, user: &UserId) -> Result<(), StoreError> {
        self.conn.prepare_cached(DROP_LINK_OF)?.execute([user.as_str()])?;
        Ok(())
    }

    /// Forgets links that expired by `now`.
    pub fn drop_dead_links(&self, now: DateTime<Utc>) -> Result<usize, StoreError> {
        Ok(self.conn.prepare_cached(DROP_DEAD_LINKS)?.execute([to_us(now)])?)
    }
}

// Rows

fn sql(statement: &str) -> String {
    statement
        .replace("{user}", USER_COLUMNS)
        .replace("{key}", KEY_COLUMNS)
        .replace("{session}", SESSION_COLUMNS)
}

fn one<T>(
    conn: &Connection,
    statement: &str,
    params: impl rusqlite::Params,
    read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Option<T>, StoreError> {
    Ok(conn.prepare_cached(&sql(statement))?.query_row(params, read).optional()?)
}

fn many<T>(
    conn: &Connection,
    statement: &str,
    params: impl rusqlite::Params,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>, StoreError> {
    let mut statement = conn.prepare_cached(&sql(statement))?;
    let rows = statement.query_map(params, read)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn exists(
    conn: &Connection,
    statement: &str,
    params: impl rusqlite::Params,
) -> Result<bool, StoreError> {
    Ok(conn.prepare_cached(statement)?.query_row(params, |row| row.get(0))?)
}

fn read_user(row: &Row<'_>) -> rusqlite::Result<User> {
    Ok(User {
        id: read_user_id(row, 0)?,
        name: row.get::<_, String>(1)?.into(),
        account: row.get::<_, String>(2)?.into(),
        role: parsed(row, 3, |text| text.parse::<Role>())?,
        created_at: from_us(row.get(4)?),
        disabled_at: row.get::<_, Option<i64>>(5)?.map(from_us),
        has_password: row.get(6)?,
        token_generation: row.get(7)?,
    })
}

fn read_key(row: &Row<'_>) -> rusqlite::Result<ApiKey> {
    Ok(ApiKey {
        id: read_uuid(row, 0)?,
        prefix: row.get::<_, String>(1)?.into(),
        name: row.get::<_, String>(2)?.into(),
        user: read_user_id(row, 3)?,
        scopes: Scopes::from_stored(&row.get::<_, String>(4)?),
        account: row.get::<_, Option<String>>(5)?.map(Into::into),
        created_at: from_us(row.get(6)?),
        expires_at: row.get::<_, Option<i64>>(7)?.map(from_us),
        last_used_at: row.get::<_, Option<i64>>(8)?.map(from_us),
        revoked_at: row.get::<_, Option<i64>>(9)?.map(from_us),
    })
}

fn read_session(row: &Row<'_>) -> rusqlite::Result<Session> {
    Ok(Session {
        id: read_uuid(row, 0)?,
        user: read_user_id(row, 1)?,
        method: parsed(row, 2, |text| text.parse::<SignInMethod>())?,
        created_at: from_us(row.get(3)?),
        last_seen_at: from_us(row.get(4)?),
        expires_at: from_us(row.get(5)?),
    })
}

fn read_user_id(row: &Row<'_>, column: usize) -> rusqlite::Result<UserId> {
    parsed(row, column, UserId::new)
}

fn read_uuid(row: &Row<'_>, column: usize) -> rusqlite::Result<Uuid> {
    parsed(row, column, Uuid::parse_str)
}

fn parsed<T, E: std::fmt::Display>(
    row: &Row<'_>,
    column: usize,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> rusqlite::Result<T> {
    parse(row.get_ref(column)?.as_str()?).map_err(|error| {
        let damage = FromSqlError::Other(error.to_string().into());
        rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(damage))
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use chrono::Duration;
    use rusqlite::Transaction;

    use super::*;
    use crate::sqlite::Tx;

    fn people(conn: &Connection) -> People<'_, Writes> {
        Tx::of(conn).people()
    }

    fn books() -> Connection {
        let conn = Connection::open_in_memory().unwrap();
        conn.execute_batch("PRAGMA foreign_keys = ON").unwrap();
        conn.execute_batch(include_str!("migrations/0004_people.sql")).unwrap();
        conn.execute_batch(include_str!("migrations/0014_token_generations.sql")).unwrap();
        conn
    }

    fn write<T>(conn: &mut Connection, act: impl FnOnce(&Transaction<'_>) -> T) -> T {
        let tx = conn.transaction().unwrap();
        let value = act(&tx);
        tx.commit().unwrap();
        value
    }

    fn at(minutes: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + Duration::minutes(minutes)
    }

    fn id(text: &str) -> UserId {
        UserId::new(text).unwrap()
    }

    fn with_user(name: &str, role: Role) -> Connection {
        let mut conn = books();
        write(&mut conn, |tx| people(tx).add_user(&User::new(id(name), role, at(0))).unwrap());
        conn
    }

    fn new_key(user: &str, number: u128) -> ApiKey {
        ApiKey {
            id: Uuid::from_u128(number),
            prefix: "olk_12345678".into(),
            name: "ci".into(),
            user: id(user),
            scopes: Scopes::from_stored("events:write usage:read"),
            account: Some("shop".into()),
            created_at: at(1),
            expires_at: Some(at(100)),
            last_used_at: None,
            revoked_at: None,
        }
    }

    fn new_session(user: &str, number: u128, seen: i64) -> Session {
        Session {
            id: Uuid::from_u128(number),
            user: id(user),
            method: SignInMethod::Link,
            created_at: at(0),
            last_seen_at: at(seen),
            expires_at: at(100),
        }
    }

    fn hash(byte: u8) -> SecretHash {
        SecretHash([byte; 32])
    }

    #[test]
    fn a_user_reads_back_as_they_were_added_and_changed() {
        let mut conn = with_user("alice", Role::Member);
        let mut alice = people(&conn).user("alice").unwrap().unwrap();
        assert_eq!(alice, User::new(id("alice"), Role::Member, at(0)));

        alice.name = "Alice".into();
        alice.account = "acme".into();
        alice.role = Role::Viewer;
        alice.disabled_at = Some(at(5));
        alice.token_generation = 3;
        write(&mut conn, |tx| people(tx).change_user(&alice).unwrap());

        assert_eq!(people(&conn).user("alice").unwrap(), Some(alice));
    }

    #[test]
    fn two_users_do_not_differ_in_case_only() {
        let mut conn = with_user("Alice", Role::Member);

        let added =
            write(&mut conn, |tx| people(tx).add_user(&User::new(id("alice"), Role::Admin, at(1))))
                .unwrap();

        assert!(!added);
        assert_eq!(people(&conn).user("alice").unwrap(), None);
        assert_eq!(people(&conn).user_in_any_case("ALICE").unwrap().unwrap().id, id("Alice"));
        assert_eq!(people(&conn).user("Alice").unwrap().unwrap().role, Role::Member);
    }

    #[test]
    fn users_are_listed_by_id_page_by_page() {
        let mut conn = books();
        write(&mut conn, |tx| {
            for name in ["carol", "alice", "bob"] {
                people(tx).add_user(&User::new(id(name), Role::Member, at(0))).unwrap();
            }
        });

        let names = |users: Vec<User>| -> Vec<String> {
            users.iter().map(|user| user.id.to_string()).collect()
        };

        assert_eq!(names(people(&conn).users("", 2).unwrap()), ["alice", "bob"]);
        assert_eq!(names(people(&conn).users("bob", 2).unwrap()), ["carol"]);
    }

    #[test]
    fn a_deleted_user_leaves_nothing_to_come_in_by() {
        let mut conn = with_user("alice", Role::Member);
        write(&mut conn, |tx| {
            people(tx).add_key(&new_key("alice", 1), hash(1)).unwrap();
            people(tx).add_session(&new_session("alice", 1, 0), hash(2), 10).unwrap();
            people(tx).put_link(&id("alice"), hash(3), at(10)).unwrap();
        });

        write(&mut conn, |tx| people(tx).delete_user(&id("alice")).unwrap());

        assert_eq!(people(&conn).user("alice").unwrap(), None);
        assert_eq!(people(&conn).key_by_secret(hash(1)).unwrap(), None);
        assert_eq!(people(&conn).session_by_secret(hash(2)).unwrap(), None);
        assert_eq!(write(&mut conn, |tx| people(tx).take_link(hash(3)).unwrap()), None);
    }

    #[test]
    fn whoever_is_added_after_a_user_was_deleted_has_a_later_generation_of_tokens() {
        let mut conn = with_user("alice", Role::Admin);
        let revoked = User { token_generation: 4, ..people(&conn).user("alice").unwrap().unwrap() };
        write(&mut conn, |tx| people(tx).change_user(&revoked).unwrap());

        write(&mut conn, |tx| people(tx).delete_user(&id("alice")).unwrap());
        for name in ["alice", "bob"] {
            write(&mut conn, |tx| {
                people(tx).add_user(&User::new(id(name), Role::Admin, at(0))).unwrap()
            });
            assert_eq!(people(&conn).user(name).unwrap().unwrap().token_generation, 5, "{name}");
        }
    }

    #[test]
    fn an_admin_who_is_disabled_is_no_admin_to_fall_back_on() {
        let mut conn = with_user("root", Role::Admin);
        let mut second = User::new(id("second"), Role::Admin, at(0));
        write(&mut conn, |tx| people(tx).add_user(&second).unwrap());
        assert!(people(&conn).has_other_admin(&id("root")).unwrap());
        assert_eq!(people(&conn).first_admin().unwrap(), Some(id("root")));

        second.disabled_at = Some(at(1));
        write(&mut conn, |tx| people(tx).change_user(&second).unwrap());

        assert!(!people(&conn).has_other_admin(&id("root")).unwrap());
        assert!(people(&conn).has_other_admin(&id("second")).unwrap());
        assert_eq!(people(&with_user("bob", Role::Member)).first_admin().unwrap(), None);
    }

    #[test]
    fn a_password_is_kept_and_told_of() {
        let mut conn = with_user("root", Role::Admin);
        assert!(!people(&conn).has_admin_with_password().unwrap());
        assert_eq!(people(&conn).password_hash(&id("root")).unwrap(), None);

        write(&mut conn, |tx| people(tx).set_password_hash(&id("root"), "$argon2id$…").unwrap());

        assert!(people(&conn).has_admin_with_password().unwrap());
        assert!(people(&conn).user("root").unwrap().unwrap().has_password);
        assert_eq!(people(&conn).password_hash(&id("root")).unwrap().unwrap(), "$argon2id$…");
        assert_eq!(people(&conn).password_hash(&id("nobody")).unwrap(), None);
    }

    #[test]
    fn a_key_is_found_by_its_secret_and_its_use_and_end_are_kept() {
        let mut conn = with_user("alice", Role::Member);
        let mut alices = new_key("alice", 7);
        write(&mut conn, |tx| people(tx).add_key(&alices, hash(1)).unwrap());
        assert_eq!(people(&conn).key_by_secret(hash(1)).unwrap(), Some(alices.clone()));
        assert_eq!(people(&conn).key_by_secret(hash(2)).unwrap(), None);

        write(&mut conn, |tx| {
            people(tx).touch_key(alices.id, at(9)).unwrap();
            people(tx).touch_key(alices.id, at(8)).unwrap();
            assert!(people(tx).revoke_key(alices.id, at(10)).unwrap());
            assert!(!people(tx).revoke_key(alices.id, at(11)).unwrap());
        });

        alices.last_used_at = Some(at(9));
        alices.revoked_at = Some(at(10));
        assert_eq!(people(&conn).key(alices.id).unwrap(), Some(alices));
    }

    #[test]
    fn keys_are_listed_newest_first_for_one_or_for_all() {
        let mut conn = with_user("alice", Role::Member);
        write(&mut conn, |tx| {
            people(tx).add_user(&User::new(id("bob"), Role::Member, at(0))).unwrap();
            for number in 1..=4 {
                let user = if number == 2 { "bob" } else { "alice" };
                people(tx).add_key(&new_key(user, number), hash(number as u8)).unwrap();
            }
        });

        let numbers =
            |keys: Vec<ApiKey>| -> Vec<u128> { keys.iter().map(|key| key.id.as_u128()).collect() };

        assert_eq!(numbers(people(&conn).keys(None, None, 3).unwrap()), [4, 3, 2]);
        assert_eq!(numbers(people(&conn).keys(None, Some(Uuid::from_u128(2)), 3).unwrap()), [1]);
        assert_eq!(numbers(people(&conn).keys(Some(&id("bob")), None, 3).unwrap()), [2]);
        assert_eq!(people(&conn).count_keys(&id("alice"), at(99)).unwrap(), 3);
        assert_eq!(people(&conn).count_keys(&id("alice"), at(100)).unwrap(), 0);
    }

    #[test]
    fn a_user_keeps_only_so_many_sessions() {
        let mut conn = with_user("alice", Role::Member);
        write(&mut conn, |tx| {
            for number in 1..=3_u8 {
                let session = new_session("alice", number.into(), number.into());
                people(tx).add_session(&session, hash(number), 2).unwrap();
            }
        });

        assert_eq!(people(&conn).session_by_secret(hash(1)).unwrap(), None);
        let third = people(&conn).session_by_secret(hash(3)).unwrap();
        assert_eq!(third, Some(new_session("alice", 3, 3)));
    }

    #[test]
    fn dead_sessions_are_forgotten_and_living_ones_are_not() {
        let mut conn = with_user("alice", Role::Member);
        write(&mut conn, |tx| {
            people(tx).add_session(&new_session("alice", 1, 10), hash(1), 9).unwrap();
            people(tx).add_session(&new_session("alice", 2, 60), hash(2), 9).unwrap();
            people(tx).touch_session(Uuid::from_u128(2), at(70)).unwrap();
        });

        let ended = write(&mut conn, |tx| people(tx).end_dead_sessions(at(90), at(60)).unwrap());

        assert_eq!(ended, 1);
        assert_eq!(people(&conn).session_by_secret(hash(2)).unwrap().unwrap().last_seen_at, at(70));
        assert_eq!(
            write(&mut conn, |tx| people(tx).end_dead_sessions(at(100), at(60)).unwrap()),
            1
        );
    }

    #[test]
    fn a_link_is_taken_once_and_a_new_one_replaces_it() {
        let mut conn = with_user("alice", Role::Member);
        write(&mut conn, |tx| {
            people(tx).put_link(&id("alice"), hash(1), at(10)).unwrap();
            people(tx).put_link(&id("alice"), hash(2), at(20)).unwrap();
        });

        let mut take = |byte| write(&mut conn, |tx| people(tx).take_link(hash(byte)).unwrap());

        assert_eq!(take(1), None);
        assert_eq!(take(2), Some((id("alice"), at(20))));
        assert_eq!(take(2), None);
    }
}
