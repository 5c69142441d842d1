//! Tokens: our own, and those of issuers whom the operator trusts.

use std::path::Path;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Duration, Utc};
use compact_str::CompactString;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use outlay_domain::people::{Role, SecretHash, User};
use outlay_store::StoreError;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use thiserror::Error;
use uuid::Uuid;

use super::claims::{Claims, ForeignClaims, TokenFault, UserClaim};
use super::jwks::{KeySet, KeySource, KeysUnavailable};
use super::secret;

/// The file in the data folder with the secret that our own tokens are signed with.
pub const TOKEN_SECRET_FILE: &str = "token.key";

/// Bytes in a token, at most.
pub const TOKEN_BYTES_MAX: usize = 8 * 1024;

/// Bytes in a secret that is shared with an issuer, at least.
pub const SHARED_SECRET_BYTES_MIN: usize = 16;

/// How long a public key's signature is taken as checked: checking one takes a quarter of a
/// millisecond, and a page asks often.
const VERIFIED_FOR: Duration = Duration::minutes(5);

/// Tokens whose signatures are remembered, at most.
const VERIFIED_MAX: u64 = 10_000;

/// What our own tokens say of who issued them.
const OWN_ISSUER: &str = "outlay";

/// An issuer whom the operator trusts to say who somebody is.
pub struct TrustedIssuer {
    /// What we call it.
    pub name: CompactString,
    /// How its signatures are checked.
    pub keys: IssuerKeys,
    /// The `iss` it must say; any, when there is none.
    pub issuer: Option<String>,
    /// The audiences of which its tokens must say one; any, when there is none.
    pub audiences: Vec<String>,
    /// Which claim names the user.
    pub user_claim: UserClaim,
    /// Whether a user it names, and whom we do not know, becomes a member.
    pub create_users: bool,
    /// Whether its tokens let an admin do what admins do; they are members otherwise.
    pub admins: bool,
}

/// How an issuer's signatures are checked.
pub enum IssuerKeys {
    /// HS256 with a shared secret.
    Secret(Vec<u8>),
    /// RS256 or ES256 with the issuer's public keys.
    Public(Arc<dyn KeySource>),
}

/// Who a token says its bearer is, and who says so.
pub struct Vouched<'a> {
    /// The user's id, as the token says it.
    pub user: CompactString,
    /// Up to when the token counts.
    pub until: DateTime<Utc>,
    /// Who says so.
    pub by: Voucher<'a>,
}

/// Who vouches for a user.
pub enum Voucher<'a> {
    /// We did.
    Us {
        /// The role the token was narrowed to.
        role: Option<Role>,
        /// The generation of tokens it is of.
        generation: Option<u32>,
    },
    /// Somebody else.
    Issuer(&'a TrustedIssuer),
}

/// Why a token was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TokenError {
    /// It does not count.
    #[error(transparent)]
    Fault(#[from] TokenFault),
    /// Nobody can say now.
    #[error(transparent)]
    KeysUnavailable(#[from] KeysUnavailable),
}

/// Makes and checks tokens.
pub struct Tokens {
    own: OwnSecret,
    issuers: Vec<KnownIssuer>,
    /// Tokens that a public key signed, by their hashes.
    verified: moka::sync::Cache<SecretHash, Arc<Verified>>,
}

/// A token whose signature, issuer and audience were right.
struct Verified {
    /// When that was found.
    at: DateTime<Utc>,
    claims: Claims,
    user: CompactString,
    /// Which of the issuers vouches.
    issuer: usize,
}

struct KnownIssuer {
    issuer: TrustedIssuer,
    verifier: Verifier,
}

enum Verifier {
    Secret(DecodingKey),
    Public(KeySet),
}

struct OwnSecret {
    kid: String,
    encoding: EncodingKey,
    decoding: DecodingKey,
}

#[derive(Serialize)]
struct OwnClaims<'a> {
    iss: &'static str,
    sub: &'a str,
    user_id: &'a str,
    iat: i64,
    exp: i64,
    jti: Uuid,
    #[serde(rename = "gen")]
    generation: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<Role>,
}

impl Tokens {
    /// Tokens signed with the secret in `data_dir`, which is made where there is none, and those
    /// of `issuers`.
    pub fn open(data_dir: &Path, issuers: Vec<TrustedIssuer>) -> Result<Self, StoreError> {
        let own = OwnSecret::new(&read_or_make_secret(&data_dir.join(TOKEN_SECRET_FILE))?);
        let issuers = issuers.into_iter().map(KnownIssuer::new).collect();
        Ok(Self { own, issuers, verified: moka::sync::Cache::new(VERIFIED_MAX) })
    }

    /// Signs a token for `user`.
    pub fn mint(
        &self,
        user: &User,
        role: Option<Role>,
        now: DateTime<Utc>,
        ttl: Duration,
    ) -> (String, DateTime<Utc>) {
        // Tokens tell time in whole seconds.
        let exp = (now + ttl).timestamp();
        let claims = OwnClaims {
            iss: OWN_ISSUER,
            sub: user.id.as_str(),
            user_id: user.id.as_str(),
            iat: now.timestamp(),
            exp,
            jti: Uuid::now_v7(),
            generation: user.token_generation,
            role,
        };
        let mut header = Header::new(Algorithm::HS256);
        header.kid = Some(self.own.kid.clone());
        let token = jsonwebtoken::encode(&header, &claims, &self.own.encoding)
            .unwrap_or_else(|error| unreachable!("plain claims can be signed: {error}"));
        (token, DateTime::from_timestamp(exp, 0).unwrap_or(now))
    }

    /// Whom `token` names, if it counts at `now`.
    ///
    /// The algorithm decides whose keys are tried, and each key is for one algorithm: a public key
    /// is never taken for a shared secret.
    pub async fn verify(&self, token: &str, now: DateTime<Utc>) -> Result<Vouched<'_>, TokenError> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(TokenFault::Malformed.into());
        }
        let header = jsonwebtoken::decode_header(token).map_err(|_| unreadable(token))?;
        if header.crit.is_some() {
            return Err(TokenFault::Critical.into());
        }
        match header.alg {
            Algorithm::HS256 => Ok(self.verify_shared(token, &header, now)?),
            Algorithm::RS256 | Algorithm::ES256 => self.verify_public(token, &header, now).await,
            _ => Err(TokenFault::Algorithm.into()),
        }
    }

    fn verify_shared(
        &self,
        token: &str,
        header: &Header,
        now: DateTime<Utc>,
    ) -> Result<Vouched<'_>, TokenFault> {
        let mut fault = TokenFault::UnknownKey;
        if header.kid.as_ref().is_none_or(|kid| *kid == self.own.kid) {
            match self.own.verify(token, now) {
                Err(TokenFault::Signature) => fault = TokenFault::Signature,
                judged => return judged,
            }
        }
        for known in &self.issuers {
            let Verifier::Secret(key) = &known.verifier else { continue };
            match known.judge(token, key, Algorithm::HS256, now) {
                Ok((claims, user)) => return Ok(known.vouch_for(user, &claims)),
                Err(found) => fault = found.or(fault),
            }
        }
        Err(fault)
    }

    async fn verify_public(
        &self,
        token: &str,
        header: &Header,
        now: DateTime<Utc>,
    ) -> Result<Vouched<'_>, TokenError> {
        let hash = secret::hash(token);
        if let Some(verified) = self.verified.get(&hash)
            && (verified.at..verified.at + VERIFIED_FOR).contains(&now)
        {
            verified.claims.check_time(now)?;
            return Ok(self.vouched(&verified));
        }
        let verified = Arc::new(self.check_public(token, header, now).await?);
        self.verified.insert(hash, verified.clone());
        Ok(self.vouched(&verified))
    }

    fn vouched(&self, verified: &Verified) -> Vouched<'_> {
        self.issuers[verified.issuer].vouch_for(verified.user.clone(), &verified.claims)
    }

    async fn check_public(
        &self,
        token: &str,
        header: &Header,
        now: DateTime<Utc>,
    ) -> Result<Verified, TokenError> {
        let mut failure = None;
        let mut fault = TokenFault::UnknownKey;
        for (at, known) in self.issuers.iter().enumerate() {
            let Verifier::Public(set) = &known.verifier else { continue };
            let keys = match set.find(header.alg, header.kid.as_deref(), now).await {
                Ok(keys) => keys,
                Err(unavailable) => {
                    failure = Some(unavailable);
                    continue;
                }
            };
            for key in keys {
                match known.judge(token, &key.key, header.alg, now) {
                    Ok((claims, user)) => {
                        return Ok(Verified { at: now, claims, user, issuer: at });
                    }
                    Err(found) => fault = found.or(fault),
                }
            }
        }
        match (fault, failure) {
            (TokenFault::UnknownKey | TokenFault::Signature, Some(failure)) => Err(failure.into()),
            (fault, _) => Err(fault.into()),
        }
    }
}

impl TokenFault {
    /// The one of two faults that says more: one found behind a good signature.
    fn or(self, before: Self) -> Self {
        match (&self, &before) {
            (Self::Signature, Self::UnknownKey) => self,
            (Self::Signature | Self::UnknownKey, _) => before,
            _ => self,
        }
    }
}

impl KnownIssuer {
    fn new(issuer: TrustedIssuer) -> Self {
        let verifier = match &issuer.keys {
            IssuerKeys::Secret(secret) => Verifier::Secret(DecodingKey::from_secret(secret)),
            IssuerKeys::Public(source) => Verifier::Public(KeySet::new(source.clone())),
        };
        Self { issuer, verifier }
    }

    fn judge(
        &self,
        token: &str,
        key: &DecodingKey,
        algorithm: Algorithm,
        now: DateTime<Utc>,
    ) -> Result<(Claims, CompactString), TokenFault> {
        let claims: Claims = signed_claims::<ForeignClaims>(token, key, algorithm)?.into();
        claims.check_issuer(self.issuer.issuer.as_deref())?;
        claims.check_audience(&self.issuer.audiences)?;
        claims.check_time(now)?;
        let user = claims.user(self.issuer.user_claim)?;
        Ok((claims, user))
    }

    fn vouch_for(&self, user: CompactString, claims: &Claims) -> Vouched<'_> {
        Vouched { user, until: claims.counts_until(), by: Voucher::Issuer(&self.issuer) }
    }
}

impl OwnSecret {
    fn new(secret: &[u8]) -> Self {
        // The id is public; it says which secret signed, for the day there is another.
        let id = Sha256::new().chain_update(b"outlay token key\0").chain_update(secret).finalize();
        Self {
            kid: URL_SAFE_NO_PAD.encode(&id[..9]),
            encoding: EncodingKey::from_secret(secret),
            decoding: DecodingKey::from_secret(secret),
        }
    }

    fn verify(&self, token: &str, now: DateTime<Utc>) -> Result<Vouched<'static>, TokenFault> {
        let claims: Claims = signed_claims(token, &self.decoding, Algorithm::HS256)?;
        claims.check_issuer(Some(OWN_ISSUER))?;
        claims.check_time(now)?;
        let user = claims.user(UserClaim::Sub)?;
        let until = claims.counts_until();
        Ok(Vouched {
            user,
            until,
            by: Voucher::Us { role: claims.role, generation: claims.generation },
        })
    }
}

/// The claims of a token that `key` signed with `algorithm`; what they say is not judged.
fn signed_claims<T: DeserializeOwned>(
    token: &str,
    key: &DecodingKey,
    algorithm: Algorithm,
) -> Result<T, TokenFault> {
    use jsonwebtoken::errors::ErrorKind;
    let mut validation = Validation::new(algorithm);
    // Times and audiences are judged by us, at our clock's time.
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    match jsonwebtoken::decode(token, key, &validation) {
        Ok(token) => Ok(token.claims),
        Err(error) => Err(match error.kind() {
            ErrorKind::InvalidAlgorithm => TokenFault::Algorithm,
            ErrorKind::InvalidSignature => TokenFault::Signature,
            _ => TokenFault::Malformed,
        }),
    }
}

/// Says of a token whose header cannot be read whether it is one of an algorithm that is not used
/// here, `none` among them.
fn unreadable(token: &str) -> TokenFault {
    let header = token.split('.').next().unwrap_or_default();
    let header = URL_SAFE_NO_PAD.decode(header).ok();
    let header: Option<serde_json::Value> =
        header.and_then(|header| serde_json::from_slice(&header).ok());
    match header {
        Some(header) if header.get("alg").is_some() => TokenFault::Algorithm,
        _ => TokenFault::Malformed,
    }
}

/// The secret in the file at `path`, which only its owner can read.
fn read_or_make_secret(path: &Path) -> Result<Vec<u8>, StoreError> {
    match std::fs::read_to_string(path) {
        Ok(text) => {
            keep_private(path)?;
            let secret = URL_SAFE_NO_PAD.decode(text.trim()).unwrap_or_default();
            if secret.len() < 32 {
                return Err(StoreError::Damaged {
                    what: TOKEN_SECRET_FILE.into(),
                    how: "it does not hold 32 bytes in base64url; restore it from a backup, or \
                          delete it, which ends all tokens"
                        .into(),
                });
            }
            Ok(secret)
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => make_secret(path),
        Err(error) => Err(StoreError::file(path)(error)),
    }
}

fn make_secret(path: &Path) -> Result<Vec<u8>, StoreError> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let secret: [u8; 32] = rand::random();
    // Written aside and renamed, so that a crash leaves a whole secret or none.
    let aside = path.with_extension("key.new");
    let write = || {
        let mut options = std::fs::OpenOptions::new();
        let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&aside)?;
        file.write_all(URL_SAFE_NO_PAD.encode(secret).as_bytes())?;
        file.write_all(b"\n")?;
        file.sync_all()?;
        std::fs::rename(&aside, path)?;
        path.parent().map_or(Ok(()), |folder| std::fs::File::open(folder)?.sync_all())
    };
    write().map_err(StoreError::file(path))?;
    keep_private(path)?;
    Ok(secret.to_vec())
}

/// Takes the file away from everybody but its owner, should a copy or a restore have shared it.
fn keep_private(path: &Path) -> Result<(), StoreError> {
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(path).map_err(StoreError::file(path))?.permissions().mode();
    if mode & 0o077 != 0 {
        tracing::warn!("`{TOKEN_SECRET_FILE}` could be read by others, and cannot any more");
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))
            .map_err(StoreError::file(path))?;
    }
    Ok(())
}

#[cfg(test)]
#[path = "token_tests.rs"]
mod tests;
