#![doc = include_str!("README.md")]

mod audit;
mod claims;
mod directory;
mod error;
mod identify;
mod jwks;
mod keys;
mod links;
mod password;
mod secret;
mod sign_in;
mod throttle;
mod token;
mod users;

use std::path::Path;
use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use outlay_domain::people::SessionPolicy;
use outlay_store::sqlite::people as store;
use outlay_store::{Books, StoreError};

use crate::Clock;

pub use audit::AuditQuestion;
pub use claims::{LEEWAY, TokenFault, UserClaim};
pub use error::{IdentifyError, PeopleError, SignInError};
pub use jwks::{KEY_SET_BYTES_MAX, KeyFile, KeySource, KeySourceError};
pub use keys::{KeyPage, NewKey};
pub use links::{IssuedLink, SIGN_IN_PATH};
pub use secret::{KEY_PREFIX, Secret, csrf_token};
pub use sign_in::SignedIn;
pub use throttle::whole_network;
pub use token::{IssuerKeys, SHARED_SECRET_BYTES_MIN, TOKEN_SECRET_FILE, TrustedIssuer};
pub use users::{MintedToken, NewUser, PasswordChange, UserChange};

use directory::Directory;
use password::Passwords;
use throttle::Throttle;
use token::Tokens;

/// Sessions that one user may have at a time; the least used ones end.
const SESSIONS_PER_USER: u32 = 50;

/// Keys that ended are shown for this long.
const ENDED_KEYS_SHOWN_FOR: Duration = Duration::days(90);

/// How people come in.
pub struct PeopleSettings {
    /// How long sessions last.
    pub sessions: SessionPolicy,
    /// How long a sign-in link counts.
    pub link_ttl: Duration,
    /// Who else may say who somebody is.
    pub issuers: Vec<TrustedIssuer>,
}

impl Default for PeopleSettings {
    fn default() -> Self {
        Self {
            sessions: SessionPolicy { idle: Duration::days(7), absolute: Duration::days(30) },
            link_ttl: Duration::minutes(15),
            issuers: Vec::new(),
        }
    }
}

/// Lets callers in, and keeps who they are.
///
/// One server works on a data folder, so what is in memory here is never older than the books.
pub struct People {
    books: Arc<Books>,
    clock: Arc<dyn Clock>,
    sessions: SessionPolicy,
    link_ttl: Duration,
    tokens: Tokens,
    passwords: Passwords,
    throttle: Throttle,
    directory: Directory,
}

impl People {
    /// Opens what is known about people in `data_dir`.
    pub fn open(
        data_dir: &Path,
        books: Arc<Books>,
        clock: Arc<dyn Clock>,
        settings: PeopleSettings,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            tokens: Tokens::open(data_dir, settings.issuers)?,
            books,
            clock,
            sessions: settings.sessions,
            link_ttl: settings.link_ttl,
            passwords: Passwords::default(),
            throttle: Throttle::default(),
            directory: Directory::default(),
        })
    }

    /// Writes when keys and sessions were last used, and forgets what is long over.
    ///
    /// To be called every minute or so, and before the end.
    pub fn tidy(&self) -> Result<(), StoreError> {
        let now = self.now();
        self.throttle.forget_old(now);
        let noted = self.directory.noted();
        self.books.write(|tx| {
            for (id, at) in &noted.keys {
                store::touch_key(tx, *id, *at)?;
            }
            for (id, at) in &noted.sessions {
                store::touch_session(tx, *id, *at)?;
            }
            store::end_dead_sessions(tx, now, now - self.sessions.idle)?;
            store::drop_dead_links(tx, now)?;
            store::forget_keys(tx, now - ENDED_KEYS_SHOWN_FOR)?;
            Ok::<_, StoreError>(())
        })?;
        self.directory.forget_noted(&noted);
        Ok(())
    }

    fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// Reads the books on a blocking thread.
    async fn read<T, E>(
        &self,
        read: impl FnOnce(&rusqlite::Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError>,
    {
        let books = self.books.clone();
        Ok(joined(tokio::task::spawn_blocking(move || books.read(read)).await)?)
    }

    /// Writes the books on a blocking thread. Afterwards nothing that was known before counts.
    async fn write<T, E>(
        &self,
        write: impl FnOnce(&rusqlite::Transaction<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let books = self.books.clone();
        let directory = self.directory.clone();
        joined(
            tokio::task::spawn_blocking(move || {
                let written = books.write(write);
                // On the same thread, so that it happens also when the caller has gone away.
                directory.forget_all();
                written
            })
            .await,
        )
    }
}

/// What a blocking thread made; a panic there goes on here.
fn joined<T>(outcome: Result<T, tokio::task::JoinError>) -> T {
    match outcome {
        Ok(value) => value,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(error) => panic!("the runtime has ended: {error}"),
        },
    }
}

#[cfg(test)]
mod tests;
