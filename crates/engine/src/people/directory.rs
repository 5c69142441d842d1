//! Who is known, in memory: what every request asks for.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use chrono::{DateTime, Duration, Utc};
use outlay_domain::people::{ApiKey, SecretHash, Session, User, UserId};
use parking_lot::Mutex;
use tokio::sync::watch;
use uuid::Uuid;

/// Credentials that are remembered, at most.
const REMEMBERED_MAX: u64 = 20_000;

/// Last uses are kept this coarse, so that a busy key is not written for each request.
const NOTED_EVERY: Duration = Duration::seconds(60);

/// What somebody is known by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum KnownBy {
    /// The secret of a key.
    Key(SecretHash),
    /// The secret of a session.
    Session(SecretHash),
    /// The name in a token.
    Token(UserId),
}

/// Somebody, and by what they came in.
#[derive(Debug)]
pub struct Known {
    /// The user.
    pub user: User,
    /// By what.
    pub credential: Credential,
    generation: u64,
    noted_us: AtomicI64,
}

/// What somebody came in by.
#[derive(Debug)]
pub enum Credential {
    /// A key.
    Key(ApiKey),
    /// A session.
    Session(Session),
    /// A token, which stands for itself.
    Token,
}

/// When keys and sessions were last used, and not yet written.
#[derive(Debug, Clone, Default)]
pub struct Noted {
    /// Keys by their ids.
    pub keys: HashMap<Uuid, DateTime<Utc>>,
    /// Sessions by their ids.
    pub sessions: HashMap<Uuid, DateTime<Utc>>,
}

/// Remembers whom the books know. Cheap to clone; clones are one directory.
///
/// A memory counts as long as nothing about people has been written since before it was read.
/// Writes are rare, so all is forgotten with each.
#[derive(Clone)]
pub struct Directory {
    known: moka::sync::Cache<KnownBy, Arc<Known>>,
    generation: Arc<AtomicU64>,
    changes: watch::Sender<u64>,
    noted: Arc<Mutex<Noted>>,
}

impl Default for Directory {
    fn default() -> Self {
        Self {
            known: moka::sync::Cache::new(REMEMBERED_MAX),
            generation: Arc::default(),
            changes: watch::Sender::new(0),
            noted: Arc::default(),
        }
    }
}

impl Directory {
    /// Whom `by` stands for, if that is remembered and still counts.
    pub fn get(&self, by: &KnownBy) -> Option<Arc<Known>> {
        let known = self.known.get(by)?;
        (known.generation == self.generation()).then_some(known)
    }

    /// The generation to give to [`Directory::remember`]; to be asked before the books are read.
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::SeqCst)
    }

    /// Remembers what the books said, with what was noted and is not written yet.
    pub fn remember(
        &self,
        by: KnownBy,
        generation: u64,
        user: User,
        mut credential: Credential,
    ) -> Arc<Known> {
        if let Credential::Session(session) = &mut credential {
            self.add_noted(session);
        }
        let noted_us = AtomicI64::new(i64::MIN);
        let known = Arc::new(Known { user, credential, generation, noted_us });
        self.known.insert(by, known.clone());
        known
    }

    /// Adds what was noted about a session to what the books say of it.
    pub fn add_noted(&self, session: &mut Session) {
        if let Some(noted) = self.noted.lock().sessions.get(&session.id) {
            session.last_seen_at = session.last_seen_at.max(*noted);
        }
    }

    /// Forgets everybody: the books have changed.
    pub fn forget_all(&self) {
        let before = self.generation.fetch_add(1, Ordering::SeqCst);
        self.changes.send_replace(before + 1);
    }

    /// Says when the books have changed.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Notes that somebody came in.
    pub fn note(&self, known: &Known, now: DateTime<Utc>) {
        let now_us = now.timestamp_micros();
        let noted_us = known.noted_us.load(Ordering::Relaxed);
        if now_us < noted_us.saturating_add(NOTED_EVERY.num_microseconds().unwrap_or(0)) {
            return;
        }
        known.noted_us.store(now_us, Ordering::Relaxed);
        match &known.credential {
            Credential::Key(key) => self.noted.lock().keys.insert(key.id, now),
            Credential::Session(session) => self.noted.lock().sessions.insert(session.id, now),
            Credential::Token => None,
        };
    }

    /// What was noted and is not written yet.
    pub fn noted(&self) -> Noted {
        self.noted.lock().clone()
    }

    /// Lets go of what has been written, and of nothing that was noted meanwhile.
    pub fn forget_noted(&self, written: &Noted) {
        let mut noted = self.noted.lock();
        noted.keys.retain(|id, at| written.keys.get(id) != Some(at));
        noted.sessions.retain(|id, at| written.sessions.get(id) != Some(at));
    }
}

impl Known {
    /// When a session was last used, as far as it is known.
    pub fn last_seen_at(&self, session: &Session) -> DateTime<Utc> {
        let noted = DateTime::from_timestamp_micros(self.noted_us.load(Ordering::Relaxed));
        noted.map_or(session.last_seen_at, |noted| noted.max(session.last_seen_at))
    }
}
