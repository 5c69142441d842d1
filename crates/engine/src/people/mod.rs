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
use outlay_store::{Books, StoreError, Tx, View};

use crate::Clock;

pub use audit::AuditQuestion;
pub use claims::{LEEWAY, TokenFault, UserClaim};
pub use error::{IdentifyError, PeopleError, SignInError};
pub use identify::Standing;
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
    /// To be called every minute or so, and before the end. What is over is forgotten by
    /// `known_time`, which no clock that jumps has moved: a session or a key that a wrong clock ended
    /// counts again when the clock is right.
    pub fn tidy(&self, known_time: DateTime<Utc>) -> Result<(), StoreError> {
        self.throttle.forget_old(self.now());
        let over = known_time.min(self.now());
        let noted = self.directory.noted();
        self.books.write_blocking(|tx| {
            for (id, at) in &noted.keys {
                tx.people().touch_key(*id, *at)?;
            }
            for (id, at) in &noted.sessions {
                tx.people().touch_session(*id, *at)?;
            }
            tx.people().end_dead_sessions(over, over - self.sessions.idle)?;
            tx.people().drop_dead_links(over)?;
            tx.people().forget_keys(over - ENDED_KEYS_SHOWN_FOR)?;
            Ok::<_, StoreError>(())
        })?;
        self.directory.forget_noted(&noted);
        Ok(())
    }

    /// What the clock says, by which credentials end.
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// Reads the books.
    async fn read<T, E>(
        &self,
        read: impl FnOnce(&View<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError>,
    {
        Ok(self.books.read(read).await?)
    }

    /// Writes the books. Afterwards nothing that was known before counts.
    async fn write<T, E>(
        &self,
        write: impl FnOnce(&Tx<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let directory = self.directory.clone();
        self.books.write_then(write, move || directory.forget_all()).await
    }
}

#[cfg(test)]
mod tests;
