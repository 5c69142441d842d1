//! Secrets: how they are made, and how they are known again.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use outlay_domain::people::SecretHash;
use sha2::{Digest, Sha256};

/// Bytes in anything that somebody presents as a secret, at most.
pub const SECRET_BYTES_MAX: usize = 512;

/// What our keys begin with, so that people and scanners know one when they see it.
pub const KEY_PREFIX: &str = "olk_";

const SHOWN_AFTER_PREFIX: usize = 8;

/// 256 random bits as text, to be shown once and never logged.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// A new one.
    pub fn random() -> Self {
        let bytes: [u8; 32] = rand::random();
        Self(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// A new one for a key.
    pub fn random_key() -> Self {
        Self(format!("{KEY_PREFIX}{}", Self::random().0))
    }

    /// The secret itself, for the one who is to have it.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What is kept of it.
    pub fn hash(&self) -> SecretHash {
        hash(&self.0)
    }

    /// The beginning of a key, which tells it apart and does not give it away.
    pub fn shown_prefix(&self) -> &str {
        &self.0[..KEY_PREFIX.len() + SHOWN_AFTER_PREFIX]
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// What is kept of a secret that somebody presents.
pub fn hash(secret: &str) -> SecretHash {
    SecretHash(Sha256::digest(secret.as_bytes()).into())
}

/// The word that a page of the session must say beside its cookie.
///
/// It follows from the session's secret, which another site cannot read, and does not lead back.
pub fn csrf_token(session_secret: &str) -> String {
    let mut digest = Sha256::new();
    digest.update(b"outlay csrf\0");
    digest.update(session_secret.as_bytes());
    URL_SAFE_NO_PAD.encode(digest.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_long_random_and_known_by_its_hash() {
        let one = Secret::random();
        let other = Secret::random();

        assert_eq!(one.reveal().len(), 43);
        assert_ne!(one, other);
        assert_eq!(hash(one.reveal()), one.hash());
        assert_ne!(one.hash(), other.hash());
        assert_eq!(format!("{one:?} {:?}", one.hash()), "Secret(…) SecretHash(…)");
    }

    #[test]
    fn a_key_shows_its_kind_and_eight_characters_more() {
        let key = Secret::random_key();

        assert!(key.shown_prefix().starts_with("olk_"));
        assert_eq!(key.shown_prefix().len(), 12);
        assert!(key.reveal().starts_with(key.shown_prefix()));
    }

    #[test]
    fn the_csrf_word_belongs_to_one_session() {
        assert_eq!(csrf_token("a"), csrf_token("a"));
        assert_ne!(csrf_token("a"), csrf_token("b"));
        assert_eq!(csrf_token("a").len(), 43);
    }

    #[test]
    fn a_hash_is_plain_sha_256_so_that_keys_of_other_systems_can_be_taken_over() {
        let hex: String = hash("abc").0.iter().map(|byte| format!("{byte:02x}")).collect();

        assert_eq!(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
