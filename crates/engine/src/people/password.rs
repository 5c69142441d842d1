//! Passwords: hashed with argon2id, a few at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use thiserror::Error;
use tokio::sync::Semaphore;

/// OWASP's first choice of parameters for argon2id: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// Hashes at the same time, at most: each takes 19 MiB and a core.
const AT_ONCE: usize = 2;

/// Requests that may wait for a hash, at most.
const WAITING_MAX: usize = 32;

/// Verified where there is nothing to verify, so that it takes as long as where there is.
/// No password fits: the hash is not one.
const NOBODYS: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5IGhhcyB0aGlz\
     $AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

/// Too many passwords are being checked; try again soon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("too many people are signing in at once")]
pub struct Busy;

/// What came of checking a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is right.
    Right,
    /// It is right, and its hash was made with other parameters than today's.
    RightButDated,
    /// It is wrong.
    Wrong,
}

/// Hashes and checks passwords on blocking threads, a few at a time.
pub struct Passwords {
    permits: Arc<Semaphore>,
    waiting: AtomicUsize,
}

impl Default for Passwords {
    fn default() -> Self {
        Self { permits: Arc::new(Semaphore::new(AT_ONCE)), waiting: AtomicUsize::new(0) }
    }
}

impl Passwords {
    /// Checks `password` against `hash`. Without a hash it is wrong, after the same work.
    pub async fn verify(&self, hash: Option<String>, password: String) -> Result<Verdict, Busy> {
        self.run(move || verdict(hash.as_deref(), &password)).await
    }

    /// A hash of `password` with a fresh salt, in PHC form.
    pub async fn hash(&self, password: String) -> Result<String, Busy> {
        self.run(move || new_hash(&password)).await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Busy> {
        let _place = Place::take(&self.waiting)?;
        let permit = self.permits.clone().acquire_owned().await.map_err(|_| Busy)?;
        tokio::task::spawn_blocking(move || {
            // Held by the work itself: a caller who goes away does not make room for more.
            let _permit = permit;
            work()
        })
        .await
        .map_err(|_| Busy)
    }
}

/// A place among those who wait.
struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn take(waiting: &'a AtomicUsize) -> Result<Self, Busy> {
        let place = Self(waiting);
        match waiting.fetch_add(1, Ordering::Relaxed) {
            before if before < WAITING_MAX => Ok(place),
            _ => Err(Busy),
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn argon2id() -> Argon2<'static> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None)
        .unwrap_or_else(|_| unreachable!("OWASP's parameters are parameters"));
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

fn new_hash(password: &str) -> String {
    let salt: [u8; 16] = rand::random();
    let hashed = SaltString::encode_b64(&salt)
        .and_then(|salt| Ok(argon2id().hash_password(password.as_bytes(), &salt)?.to_string()));
    hashed.unwrap_or_else(|error| unreachable!("sixteen bytes are a salt: {error}"))
}

fn verdict(hash: Option<&str>, password: &str) -> Verdict {
    let nobodys = || PasswordHash::new(NOBODYS).ok();
    let known = hash.and_then(|hash| PasswordHash::new(hash).ok());
    let is_known = known.is_some();
    let Some(hash) = known.or_else(nobodys) else { return Verdict::Wrong };
    // The parameters of the stored hash are used, not today's.
    if argon2id().verify_password(password.as_bytes(), &hash).is_err() || !is_known {
        return Verdict::Wrong;
    }
    if is_dated(&hash) { Verdict::RightButDated } else { Verdict::Right }
}

fn is_dated(hash: &PasswordHash<'_>) -> bool {
    let of_today = Params::try_from(hash).is_ok_and(|params| {
        (params.m_cost(), params.t_cost(), params.p_cost()) == (MEMORY_KIB, PASSES, LANES)
    });
    !of_today || hash.algorithm != argon2::ARGON2ID_IDENT
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_is_known_again_by_its_hash_and_no_other_is() {
        let passwords = Passwords::default();

        let hash = passwords.hash("tall ships sail".into()).await.unwrap();
        let right = passwords.verify(Some(hash.clone()), "tall ships sail".into()).await;
        let wrong = passwords.verify(Some(hash.clone()), "tall ships sank".into()).await;

        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert_eq!(right, Ok(Verdict::Right));
        assert_eq!(wrong, Ok(Verdict::Wrong));
        assert_ne!(passwords.hash("tall ships sail".into()).await.unwrap(), hash);
    }

    #[tokio::test]
    async fn where_there_is_no_hash_every_password_is_wrong_after_the_same_work() {
        let passwords = Passwords::default();
        let hash = passwords.hash("tall ships sail".into()).await.unwrap();
        let timed = async |hash: Option<String>| {
            let start = std::time::Instant::now();
            let verdict = passwords.verify(hash, "guess".into()).await.unwrap();
            assert_eq!(verdict, Verdict::Wrong);
            start.elapsed()
        };
        timed(None).await;

        // The least of a few, since other tests run meanwhile.
        let mut known = timed(Some(hash.clone())).await;
        let mut unknown = timed(None).await;
        for _ in 0..5 {
            known = known.min(timed(Some(hash.clone())).await);
            unknown = unknown.min(timed(None).await);
        }

        assert!(unknown * 3 > known && known * 3 > unknown, "{known:?} and {unknown:?}");
        // Damage counts as no hash, and takes its time as well.
        timed(Some("$argon2id$nonsense".into())).await;
    }

    #[tokio::test]
    async fn a_hash_of_other_parameters_is_right_and_due_for_renewal() {
        let weak = Argon2::new(
            Algorithm::Argon2id,
            Version::V0x13,
            Params::new(8 * 1024, 1, 1, None).unwrap(),
        );
        let salt = SaltString::encode_b64(&[7; 16]).unwrap();
        let hash = weak.hash_password(b"tall ships sail", &salt).unwrap().to_string();

        let verdict = Passwords::default().verify(Some(hash), "tall ships sail".into()).await;

        assert_eq!(verdict, Ok(Verdict::RightButDated));
    }

    #[tokio::test]
    async fn more_than_may_wait_are_sent_away() {
        let passwords = Arc::new(Passwords::default());
        let _all = passwords.permits.clone().acquire_many_owned(AT_ONCE as u32).await.unwrap();
        let waiting: Vec<_> = (0..WAITING_MAX)
            .map(|_| {
                let passwords = passwords.clone();
                tokio::spawn(async move { passwords.verify(None, "guess".into()).await })
            })
            .collect();
        while passwords.waiting.load(Ordering::Relaxed) < WAITING_MAX {
            tokio::task::yield_now().await;
        }

        let one_more = passwords.verify(None, "guess".into()).await;

        assert_eq!(one_more, Err(Busy));
        for task in waiting {
            task.abort();
            let _ = task.await;
        }
        assert_eq!(passwords.waiting.load(Ordering::Relaxed), 0);
    }
}
