//! The public keys of an issuer: fetched, kept, and fetched again when they change.

use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use async_trait::async_trait;
use chrono::{DateTime, Duration, Utc};
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use thiserror::Error;
use tokio::sync::Mutex;

/// Bytes of a key set, at most.
pub const KEY_SET_BYTES_MAX: usize = 256 * 1024;
/// Keys in a set, at most.
const KEYS_MAX: usize = 64;
/// Keys that are tried for a token that names none, at most.
const TRIED_MAX: usize = 4;
/// Bits in an RSA key, at least.
const RSA_BITS_MIN: usize = 2048;

/// After this time the keys are fetched again.
const FRESH_FOR: Duration = Duration::hours(1);
/// Up to this age they count while they cannot be fetched again.
const COUNT_FOR: Duration = Duration::hours(24);
/// A key that is not there is looked for again after this time.
const RETRY_AFTER: Duration = Duration::seconds(30);

/// Where an issuer's keys come from.
#[async_trait]
pub trait KeySource: Send + Sync {
    /// The key set as it stands now, as JSON of [`KEY_SET_BYTES_MAX`] bytes at most.
    async fn fetch(&self) -> Result<String, KeySourceError>;

    /// What people call the place.
    fn place(&self) -> String;
}

/// Why there are no keys, in words for the log.
#[derive(Debug, Clone, Error)]
#[error("{0}")]
pub struct KeySourceError(pub String);

/// A key set in a file.
#[derive(Debug, Clone)]
pub struct KeyFile(pub PathBuf);

#[async_trait]
impl KeySource for KeyFile {
    async fn fetch(&self) -> Result<String, KeySourceError> {
        let path = self.0.clone();
        let read = tokio::task::spawn_blocking(move || std::fs::read_to_string(path)).await;
        match read {
            Ok(Ok(text)) => Ok(text),
            Ok(Err(error)) => Err(KeySourceError(error.to_string())),
            Err(error) => Err(KeySourceError(error.to_string())),
        }
    }

    fn place(&self) -> String {
        self.0.display().to_string()
    }
}

/// A public key, and the one algorithm it is for.
pub struct PublicKey {
    kid: Option<String>,
    algorithm: Algorithm,
    /// The key itself.
    pub key: DecodingKey,
}

struct Loaded {
    keys: Vec<Arc<PublicKey>>,
    at: DateTime<Utc>,
}

/// The issuer's keys cannot be had; nobody can say whether a token counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the keys of the token's issuer cannot be reached")]
pub struct KeysUnavailable;

/// The keys of one issuer.
pub struct KeySet {
    source: Arc<dyn KeySource>,
    loaded: ArcSwapOption<Loaded>,
    /// When it was last tried. Whoever holds it fetches, for all.
    tried_at: Mutex<Option<DateTime<Utc>>>,
}

impl KeySet {
    /// The keys from `source`, fetched when they are first asked for.
    pub fn new(source: Arc<dyn KeySource>) -> Self {
        Self { source, loaded: ArcSwapOption::empty(), tried_at: Mutex::new(None) }
    }

    /// The keys that a token with this header may be signed with; none when nobody knows `kid`.
    pub async fn find(
        &self,
        algorithm: Algorithm,
        kid: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<Vec<Arc<PublicKey>>, KeysUnavailable> {
        let found = self.known(algorithm, kid);
        if !found.is_empty() && self.is_fresh(now) {
            return Ok(found);
        }
        if found.is_empty() || self.age(now).is_none_or(|age| age >= COUNT_FOR) {
            self.refresh(&mut *self.tried_at.lock().await, now).await;
        } else if let Ok(mut tried_at) = self.tried_at.try_lock() {
            // The keys still count: one request fetches, the others go on meanwhile.
            self.refresh(&mut tried_at, now).await;
        }
        match self.age(now) {
            Some(age) if age < COUNT_FOR => Ok(self.known(algorithm, kid)),
            _ => Err(KeysUnavailable),
        }
    }

    fn age(&self, now: DateTime<Utc>) -> Option<Duration> {
        self.loaded.load().as_ref().map(|loaded| now - loaded.at)
    }

    fn is_fresh(&self, now: DateTime<Utc>) -> bool {
        self.age(now).is_some_and(|age| age < FRESH_FOR)
    }

    fn known(&self, algorithm: Algorithm, kid: Option<&str>) -> Vec<Arc<PublicKey>> {
        let loaded = self.loaded.load();
        let keys = loaded.iter().flat_map(|loaded| &loaded.keys);
        let fitting = keys.filter(|key| {
            key.algorithm == algorithm && (kid.is_none() || key.kid.as_deref() == kid)
        });
        fitting.take(TRIED_MAX).cloned().collect()
    }

    async fn refresh(&self, tried_at: &mut Option<DateTime<Utc>>, now: DateTime<Utc>) {
        // Tokens with invented key ids must not make us a nuisance to the issuer.
        if tried_at.is_some_and(|tried_at| now - tried_at < RETRY_AFTER && now >= tried_at) {
            return;
        }
        *tried_at = Some(now);
        let read = self.source.fetch().await.and_then(|text| read_keys(&text));
        match read {
            Ok(keys) => self.loaded.store(Some(Arc::new(Loaded { keys, at: now }))),
            Err(error) => {
                let place = self.source.place();
                tracing::warn!(%error, "the token keys at `{place}` cannot be read");
            }
        }
    }
}

/// Reads a key set. Keys of kinds that are not used here are left out.
fn read_keys(text: &str) -> Result<Vec<Arc<PublicKey>>, KeySourceError> {
    #[derive(Deserialize)]
    struct KeySetBody {
        keys: Vec<serde_json::Value>,
    }
    if text.len() > KEY_SET_BYTES_MAX {
        return Err(KeySourceError(format!("it is larger than {KEY_SET_BYTES_MAX} bytes")));
    }
    let body: KeySetBody = serde_json::from_str(text)
        .map_err(|error| KeySourceError(format!("it is not a JSON Web Key Set: {error}")))?;
    let keys: Vec<_> =
        body.keys.into_iter().take(KEYS_MAX).filter_map(public_key).map(Arc::new).collect();
    if keys.is_empty() {
        return Err(KeySourceError("it has no key for RS256 or ES256".to_owned()));
    }
    Ok(keys)
}

/// A key with the one algorithm that its kind is used with.
fn public_key(value: serde_json::Value) -> Option<PublicKey> {
    let jwk: Jwk = serde_json::from_value(value).ok()?;
    if !matches!(jwk.common.public_key_use, None | Some(PublicKeyUse::Signature)) {
        return None;
    }
    let (algorithm, name) = match &jwk.algorithm {
        AlgorithmParameters::RSA(rsa) if rsa_bits(&rsa.n) >= RSA_BITS_MIN => {
            (Algorithm::RS256, KeyAlgorithm::RS256)
        }
        AlgorithmParameters::EllipticCurve(curve) if curve.curve == EllipticCurve::P256 => {
            (Algorithm::ES256, KeyAlgorithm::ES256)
        }
        _ => return None,
    };
    if jwk.common.key_algorithm.is_some_and(|said| said != name) {
        return None;
    }
    let key = DecodingKey::from_jwk(&jwk).ok()?;
    Some(PublicKey { kid: jwk.common.key_id, algorithm, key })
}

/// Bits in a modulus that is written in base64url.
fn rsa_bits(modulus: &str) -> usize {
    modulus.trim_start_matches('A').len() * 6
}
