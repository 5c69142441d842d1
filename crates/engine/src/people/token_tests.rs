#![allow(clippy::unwrap_used)]

use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use outlay_domain::people::UserId;
use parking_lot::Mutex;
use serde_json::{Value, json};

use super::super::jwks::KeySourceError;
use super::*;

const RSA_ONE: &[u8] = include_bytes!("testdata/rsa_one.pem");
const RSA_ONE_PUBLIC: &[u8] = include_bytes!("testdata/rsa_one.public.pem");
const RSA_TWO: &[u8] = include_bytes!("testdata/rsa_two.pem");
const RSA_SMALL: &[u8] = include_bytes!("testdata/rsa_small.pem");
const EC_ONE: &[u8] = include_bytes!("testdata/ec_one.pem");

const SHARED: &[u8] = b"a secret of an older system";

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap()
}

fn jwk(kid: &str) -> Value {
    let text = match kid {
        "rsa-1" => include_str!("testdata/rsa-1.jwk.json"),
        "rsa-2" => include_str!("testdata/rsa-2.jwk.json"),
        "rsa-small" => include_str!("testdata/rsa-small.jwk.json"),
        _ => include_str!("testdata/ec-1.jwk.json"),
    };
    serde_json::from_str(text).unwrap()
}

/// A place of keys that changes its mind when told to.
#[derive(Default)]
struct Keys {
    kids: Mutex<Vec<&'static str>>,
    fetches: AtomicUsize,
}

impl Keys {
    fn with(kids: &[&'static str]) -> Arc<Self> {
        Arc::new(Self { kids: Mutex::new(kids.to_vec()), fetches: AtomicUsize::new(0) })
    }

    fn set(&self, kids: &[&'static str]) {
        *self.kids.lock() = kids.to_vec();
    }

    fn fetches(&self) -> usize {
        self.fetches.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl KeySource for Keys {
    async fn fetch(&self) -> Result<String, KeySourceError> {
        self.fetches.fetch_add(1, Ordering::SeqCst);
        let keys: Vec<_> = self.kids.lock().iter().map(|kid| jwk(kid)).collect();
        if keys.is_empty() {
            return Err(KeySourceError("it is down".into()));
        }
        Ok(json!({ "keys": keys }).to_string())
    }

    fn place(&self) -> String {
        "a test".into()
    }
}

fn issuer(keys: IssuerKeys) -> TrustedIssuer {
    TrustedIssuer {
        name: "clerk".into(),
        keys,
        issuer: Some("https://clerk.example".into()),
        audiences: vec!["outlay".into()],
        user_claim: UserClaim::Either,
        create_users: false,
        admins: false,
    }
}

fn public(keys: &Arc<Keys>) -> Tokens {
    tokens(vec![issuer(IssuerKeys::Public(keys.clone()))])
}

fn tokens(issuers: Vec<TrustedIssuer>) -> Tokens {
    let folder = tempfile::tempdir().unwrap();
    Tokens::open(folder.path(), issuers).unwrap()
}

fn alice() -> User {
    User::new(UserId::new("alice").unwrap(), Role::Member, now())
}

fn good_claims() -> Value {
    json!({
        "iss": "https://clerk.example",
        "aud": "outlay",
        "sub": "user_2abc",
        "exp": now().timestamp() + 60,
    })
}

fn with(mut claims: Value, changes: Value) -> Value {
    for (key, value) in changes.as_object().unwrap() {
        claims[key] = value.clone();
    }
    claims
}

fn sign(algorithm: Algorithm, kid: Option<&str>, key: &EncodingKey, claims: &Value) -> String {
    let mut header = Header::new(algorithm);
    header.kid = kid.map(Into::into);
    jsonwebtoken::encode(&header, claims, key).unwrap()
}

fn rsa(pem: &[u8], kid: &str, claims: &Value) -> String {
    sign(Algorithm::RS256, Some(kid), &EncodingKey::from_rsa_pem(pem).unwrap(), claims)
}

async fn user(tokens: &Tokens, token: &str) -> Result<String, TokenError> {
    tokens.verify(token, now()).await.map(|vouched| vouched.user.to_string())
}

async fn fault(tokens: &Tokens, token: &str) -> TokenFault {
    match user(tokens, token).await.unwrap_err() {
        TokenError::Fault(fault) => fault,
        TokenError::KeysUnavailable(_) => panic!("the keys are there"),
    }
}

#[tokio::test]
async fn a_token_of_ours_names_its_user_until_it_expires() {
    let tokens = tokens(vec![]);

    let (token, expires_at) = tokens.mint(&alice(), Some(Role::Member), now(), Duration::hours(1));

    assert_eq!(expires_at, now() + Duration::hours(1));
    let vouched = tokens.verify(&token, expires_at).await.unwrap();
    assert_eq!(vouched.user, "alice");
    assert!(matches!(vouched.by, Voucher::Us { role: Some(Role::Member), generation: Some(0) }));
    let later = tokens.verify(&token, expires_at + Duration::seconds(30)).await;
    assert_eq!(later.err(), Some(TokenFault::Expired.into()));
}

#[tokio::test]
async fn our_secret_is_made_once_private_and_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(TOKEN_SECRET_FILE);
    let (token, _) = Tokens::open(folder.path(), vec![]).unwrap().mint(
        &alice(),
        None,
        now(),
        Duration::hours(1),
    );
    let mode = || std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(), 0o600);

    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let again = Tokens::open(folder.path(), vec![]).unwrap();

    assert_eq!(mode(), 0o600);
    assert_eq!(user(&again, &token).await.unwrap(), "alice");
    std::fs::write(&path, "c2hvcnQ").unwrap();
    let damaged = Tokens::open(folder.path(), vec![]).err().unwrap();
    assert!(damaged.to_string().contains("token.key is damaged"), "{damaged}");
}

#[tokio::test]
async fn a_token_of_another_server_is_nobodys() {
    let (token, _) = tokens(vec![]).mint(&alice(), None, now(), Duration::hours(1));

    assert_eq!(fault(&tokens(vec![]), &token).await, TokenFault::UnknownKey);
}

#[tokio::test]
async fn a_token_that_was_changed_does_not_count() {
    let tokens = tokens(vec![]);
    let (token, _) = tokens.mint(&alice(), None, now(), Duration::hours(1));
    let mut parts: Vec<_> = token.split('.').map(str::to_owned).collect();
    let claims = URL_SAFE_NO_PAD.decode(&parts[1]).unwrap();
    let claims = String::from_utf8(claims).unwrap().replace("alice", "admin");
    parts[1] = URL_SAFE_NO_PAD.encode(claims);

    assert_eq!(fault(&tokens, &parts.join(".")).await, TokenFault::Signature);
}

#[tokio::test]
async fn a_token_without_signature_does_not_count() {
    let tokens = public(&Keys::with(&["rsa-1"]));
    let claims = URL_SAFE_NO_PAD.encode(good_claims().to_string());
    for alg in ["none", "None", "nOnE", "HS1"] {
        let header = URL_SAFE_NO_PAD.encode(json!({ "alg": alg, "typ": "JWT" }).to_string());
        for signature in ["", "AAAA"] {
            let token = format!("{header}.{claims}.{signature}");
            assert_eq!(fault(&tokens, &token).await, TokenFault::Algorithm, "{token}");
        }
    }
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256"}"#);
    assert_eq!(fault(&tokens, &format!("{header}.{claims}.")).await, TokenFault::Signature);
    for nonsense in ["", ".", "..", "a.b.c", "a.b.c.d", &"x".repeat(TOKEN_BYTES_MAX + 1)] {
        assert_eq!(fault(&tokens, nonsense).await, TokenFault::Malformed, "{nonsense}");
    }
}

#[tokio::test]
async fn a_public_key_is_no_shared_secret() {
    let keys = Keys::with(&["rsa-1"]);
    let tokens = public(&keys);
    let modulus = jwk("rsa-1")["n"].as_str().unwrap().to_owned();
    for secret in [RSA_ONE_PUBLIC, modulus.as_bytes()] {
        let key = EncodingKey::from_secret(secret);
        for kid in [None, Some("rsa-1")] {
            let token = sign(Algorithm::HS256, kid, &key, &good_claims());
            let fault = fault(&tokens, &token).await;
            assert!(matches!(fault, TokenFault::Signature | TokenFault::UnknownKey), "{fault}");
        }
    }
    assert_eq!(keys.fetches(), 0);
}

#[tokio::test]
async fn a_shared_secret_signs_no_public_key_token() {
    let tokens = tokens(vec![issuer(IssuerKeys::Secret(SHARED.to_vec()))]);
    let token = rsa(RSA_ONE, "rsa-1", &good_claims());

    assert_eq!(fault(&tokens, &token).await, TokenFault::UnknownKey);
    let other = sign(Algorithm::HS512, None, &EncodingKey::from_secret(SHARED), &good_claims());
    assert_eq!(fault(&tokens, &other).await, TokenFault::Algorithm);
}

#[tokio::test]
async fn a_trusted_issuers_tokens_count_by_rs256_es256_and_hs256() {
    let by_keys = public(&Keys::with(&["rsa-1", "ec-1"]));
    let by_secret = tokens(vec![issuer(IssuerKeys::Secret(SHARED.to_vec()))]);
    let ec = EncodingKey::from_ec_pem(EC_ONE).unwrap();

    let rs256 = rsa(RSA_ONE, "rsa-1", &good_claims());
    let es256 = sign(Algorithm::ES256, Some("ec-1"), &ec, &good_claims());
    let hs256 = sign(
        Algorithm::HS256,
        None,
        &EncodingKey::from_secret(SHARED),
        &with(good_claims(), json!({ "sub": null, "user_id": 42 })),
    );

    assert_eq!(user(&by_keys, &rs256).await.unwrap(), "user_2abc");
    assert_eq!(user(&by_keys, &es256).await.unwrap(), "user_2abc");
    assert_eq!(user(&by_secret, &hs256).await.unwrap(), "42");
    assert!(matches!(
        by_secret.verify(&hs256, now()).await.unwrap().by,
        Voucher::Issuer(issuer) if issuer.name == "clerk"
    ));
}

#[tokio::test]
async fn a_good_signature_is_not_enough() {
    let tokens = public(&Keys::with(&["rsa-1"]));
    let fault_of = async |changes: Value| {
        fault(&tokens, &rsa(RSA_ONE, "rsa-1", &with(good_claims(), changes))).await
    };

    let past = now().timestamp() - 30;
    assert_eq!(fault_of(json!({ "exp": past })).await, TokenFault::Expired);
    assert_eq!(fault_of(json!({ "exp": null })).await, TokenFault::NoExpiry);
    assert_eq!(fault_of(json!({ "nbf": now().timestamp() + 31 })).await, TokenFault::NotYet);
    assert_eq!(fault_of(json!({ "iss": "https://evil.example" })).await, TokenFault::Issuer);
    assert_eq!(fault_of(json!({ "aud": "another service" })).await, TokenFault::Audience);
    assert_eq!(fault_of(json!({ "aud": null })).await, TokenFault::Audience);
    assert_eq!(fault_of(json!({ "sub": null })).await, TokenFault::NoUser);
    assert_eq!(fault_of(json!({ "user_id": "other" })).await, TokenFault::TwoUsers);
}

#[tokio::test]
async fn a_key_counts_for_its_own_id_only() {
    let tokens = public(&Keys::with(&["rsa-1", "ec-1"]));

    let wrong_kid = rsa(RSA_ONE, "ec-1", &good_claims());
    let unknown_kid = rsa(RSA_ONE, "rsa-9", &good_claims());
    let wrong_key = rsa(RSA_TWO, "rsa-1", &good_claims());
    let key = EncodingKey::from_rsa_pem(RSA_ONE).unwrap();
    let no_kid = sign(Algorithm::RS256, None, &key, &good_claims());

    assert_eq!(fault(&tokens, &wrong_kid).await, TokenFault::UnknownKey);
    assert_eq!(fault(&tokens, &unknown_kid).await, TokenFault::UnknownKey);
    assert_eq!(fault(&tokens, &wrong_key).await, TokenFault::Signature);
    assert_eq!(user(&tokens, &no_kid).await.unwrap(), "user_2abc");
}

#[tokio::test]
async fn what_a_token_brings_along_to_be_checked_by_is_not_looked_at() {
    let tokens = public(&Keys::with(&["rsa-1"]));
    let mut header = Header::new(Algorithm::RS256);
    header.jwk = Some(serde_json::from_value(jwk("rsa-2")).unwrap());
    header.jku = Some("https://evil.example/keys".into());
    let key = EncodingKey::from_rsa_pem(RSA_TWO).unwrap();
    let brings_key = jsonwebtoken::encode(&header, &good_claims(), &key).unwrap();
    header.crit = Some(vec!["exp".into()]);
    let critical = jsonwebtoken::encode(&header, &good_claims(), &key).unwrap();

    assert_eq!(fault(&tokens, &brings_key).await, TokenFault::Signature);
    assert_eq!(fault(&tokens, &critical).await, TokenFault::Critical);
}

#[tokio::test]
async fn keys_that_are_too_small_or_for_encryption_are_left_out() {
    let tokens = public(&Keys::with(&["rsa-small", "ec-1"]));
    let token = rsa(RSA_SMALL, "rsa-small", &good_claims());

    assert_eq!(fault(&tokens, &token).await, TokenFault::UnknownKey);
}

#[tokio::test]
async fn a_new_key_is_fetched_when_a_token_names_it_and_not_more_often() {
    let keys = Keys::with(&["rsa-1"]);
    let tokens = public(&keys);
    user(&tokens, &rsa(RSA_ONE, "rsa-1", &good_claims())).await.unwrap();
    assert_eq!(keys.fetches(), 1);

    keys.set(&["rsa-2"]);
    let rotated = rsa(RSA_TWO, "rsa-2", &with(good_claims(), json!({ "exp": 1_900_000_000 })));
    assert!(tokens.verify(&rotated, now() + Duration::seconds(29)).await.is_err());
    assert_eq!(keys.fetches(), 1);
    assert!(tokens.verify(&rotated, now() + Duration::seconds(30)).await.is_ok());
    assert_eq!(keys.fetches(), 2);

    for _ in 0..100 {
        let invented = rsa(RSA_TWO, "rsa-9", &good_claims());
        assert!(tokens.verify(&invented, now() + Duration::seconds(31)).await.is_err());
    }
    assert_eq!(keys.fetches(), 2);
}

#[tokio::test]
async fn keys_count_for_a_day_while_their_place_is_down() {
    let keys = Keys::with(&["rsa-1"]);
    let tokens = public(&keys);
    let token = rsa(RSA_ONE, "rsa-1", &with(good_claims(), json!({ "exp": 1_900_000_000 })));
    tokens.verify(&token, now()).await.unwrap();

    keys.set(&[]);
    let almost_a_day = now() + Duration::hours(24) - Duration::seconds(1);

    assert!(tokens.verify(&token, now() + Duration::minutes(61)).await.is_ok());
    assert_eq!(keys.fetches(), 2);
    assert!(tokens.verify(&token, almost_a_day).await.is_ok());
    let too_old = tokens.verify(&token, almost_a_day + Duration::minutes(5)).await;
    assert_eq!(too_old.err(), Some(TokenError::KeysUnavailable(KeysUnavailable)));
    keys.set(&["rsa-1"]);
    assert!(tokens.verify(&token, now() + Duration::hours(25)).await.is_ok());
}

#[tokio::test]
async fn while_no_key_could_be_fetched_nobody_can_say() {
    let tokens = public(&Keys::with(&[]));
    let token = rsa(RSA_ONE, "rsa-1", &good_claims());

    let verified = user(&tokens, &token).await;

    assert_eq!(verified, Err(TokenError::KeysUnavailable(KeysUnavailable)));
}

#[tokio::test]
async fn of_two_issuers_each_vouches_for_its_own_users() {
    let mut other = issuer(IssuerKeys::Secret(b"another secret of 32 bytes length".to_vec()));
    other.name = "smartspec".into();
    other.issuer = None;
    other.audiences = vec![];
    let tokens = tokens(vec![issuer(IssuerKeys::Secret(SHARED.to_vec())), other]);
    let key = EncodingKey::from_secret(b"another secret of 32 bytes length");

    let token = sign(
        Algorithm::HS256,
        None,
        &key,
        &json!({ "user_id": "u7", "exp": now().timestamp() + 60, "role": "admin" }),
    );

    let vouched = tokens.verify(&token, now()).await.unwrap();
    assert_eq!(vouched.user, "u7");
    assert!(matches!(vouched.by, Voucher::Issuer(issuer) if issuer.name == "smartspec"));
}

#[tokio::test]
async fn a_verified_token_is_remembered_up_to_its_expiry_and_no_longer_than_five_minutes() {
    let keys = Keys::with(&["rsa-1"]);
    let tokens = public(&keys);
    let short = rsa(RSA_ONE, "rsa-1", &good_claims());
    let long = rsa(RSA_ONE, "rsa-1", &with(good_claims(), json!({ "exp": 1_900_000_000 })));
    tokens.verify(&short, now()).await.unwrap();
    tokens.verify(&long, now()).await.unwrap();
    assert_eq!(tokens.verified.iter().count(), 2);

    // The issuer takes its key back.
    keys.set(&["rsa-2"]);
    let invented = rsa(RSA_TWO, "rsa-9", &good_claims());
    assert!(tokens.verify(&invented, now() + Duration::seconds(30)).await.is_err());

    let after = async |token: &str, seconds| {
        tokens.verify(token, now() + Duration::seconds(seconds)).await.err()
    };
    assert_eq!(after(&short, 89).await, None);
    assert_eq!(after(&short, 90).await, Some(TokenFault::Expired.into()));
    assert_eq!(after(&long, 299).await, None);
    assert_eq!(after(&long, 300).await, Some(TokenFault::UnknownKey.into()));
}
