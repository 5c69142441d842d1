//! Issuers of tokens that the operator trusts, by the settings.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt;
use outlay_engine::people::{
    IssuerKeys, KEY_SET_BYTES_MAX, KeyFile, KeySource, KeySourceError, SHARED_SECRET_BYTES_MIN,
    TrustedIssuer, UserClaim,
};

use crate::config::{Config, ConfigError, TrustConfig, TrustedClaim};

/// How long an issuer may take to send its keys.
const FETCH_TIMEOUT: Duration = Duration::from_secs(5);

/// The issuers in the settings, each checked. Relative files stand in `data_dir`.
pub fn trusted_issuers(
    config: &Config,
    data_dir: &Path,
) -> Result<Vec<TrustedIssuer>, ConfigError> {
    let first = std::iter::once((&config.trust, "trust".to_owned()));
    let more = config.trust.more.iter().enumerate();
    let more = more.map(|(at, trust)| (trust, format!("trust.more[{at}]")));
    let mut issuers = Vec::new();
    for (trust, place) in first.chain(more) {
        issuers.extend(issuers_of(trust, &place, data_dir)?);
    }
    Ok(issuers)
}

/// The files that the settings of issuers name, those in the data folder by their names there.
pub fn named_files(config: &Config) -> Vec<PathBuf> {
    let issuers = std::iter::once(&config.trust).chain(&config.trust.more);
    let named = issuers.flat_map(|trust| [&trust.secret_file, &trust.jwks]);
    let files = named.filter(|name| !name.is_empty() && !name.contains("://"));
    files.map(PathBuf::from).filter(|file| file.is_relative()).collect()
}

/// The issuer of one section: two, where it has both a secret and public keys.
fn issuers_of(
    trust: &TrustConfig,
    place: &str,
    data_dir: &Path,
) -> Result<Vec<TrustedIssuer>, ConfigError> {
    let wrong = |key: &str, detail: &str| ConfigError::Malformed {
        origin: format!("{place}.{key}"),
        detail: detail.to_owned(),
    };
    let mut keys = Vec::new();
    if let Some(secret) = shared_secret(trust, data_dir).map_err(|why| wrong("secret", &why))? {
        if secret.len() < SHARED_SECRET_BYTES_MIN {
            let detail = format!("must have {SHARED_SECRET_BYTES_MIN} bytes or more");
            return Err(wrong("secret", &detail));
        }
        keys.push(IssuerKeys::Secret(secret));
    }
    if !trust.jwks.is_empty() {
        if trust.issuer.is_empty() {
            let detail = "must be set beside `jwks`, or tokens that the provider signs for \
                          somebody else would count";
            return Err(wrong("issuer", detail));
        }
        let source = key_source(&trust.jwks, data_dir).map_err(|why| wrong("jwks", &why))?;
        keys.push(IssuerKeys::Public(source));
    }
    let says_nothing = TrustConfig { more: trust.more.clone(), ..TrustConfig::default() } == *trust;
    if keys.is_empty() && !says_nothing {
        return Err(wrong("jwks", "must be set, or `secret`, for anybody to be trusted"));
    }
    Ok(keys.into_iter().map(|keys| issuer(trust, keys)).collect())
}

fn issuer(trust: &TrustConfig, keys: IssuerKeys) -> TrustedIssuer {
    let name = match (trust.name.as_str(), trust.issuer.as_str()) {
        ("", "") => "issuer",
        ("", issuer) => issuer,
        (name, _) => name,
    };
    TrustedIssuer {
        name: name.into(),
        keys,
        issuer: Some(trust.issuer.clone()).filter(|issuer| !issuer.is_empty()),
        audiences: trust.audiences.clone(),
        user_claim: match trust.user_claim {
            TrustedClaim::Either => UserClaim::Either,
            TrustedClaim::Sub => UserClaim::Sub,
            TrustedClaim::UserId => UserClaim::UserId,
        },
        create_users: trust.create_users,
        admins: trust.admins,
    }
}

fn shared_secret(trust: &TrustConfig, data_dir: &Path) -> Result<Option<Vec<u8>>, String> {
    match (trust.secret.reveal(), trust.secret_file.as_str()) {
        ("", "") => Ok(None),
        (secret, "") => Ok(Some(secret.as_bytes().to_vec())),
        ("", file) => {
            let path = data_dir.join(file);
            let text = std::fs::read_to_string(&path)
                .map_err(|error| format!("`{}` cannot be read: {error}", path.display()))?;
            Ok(Some(text.trim_end_matches(['\r', '\n']).as_bytes().to_vec()))
        }
        _ => Err("is set beside `secret_file`; set one of them".to_owned()),
    }
}

fn key_source(place: &str, data_dir: &Path) -> Result<Arc<dyn KeySource>, String> {
    if !place.contains("://") {
        return Ok(Arc::new(KeyFile(data_dir.join(place))));
    }
    let url = reqwest::Url::parse(place).map_err(|error| format!("`{place}`: {error}"))?;
    let is_local = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    if url.scheme() != "https" && !(url.scheme() == "http" && is_local) {
        return Err(format!(
            "`{place}` must be an https address: whoever can change the keys on \
                            their way can be anybody"
        ));
    }
    let client = reqwest::Client::builder()
        .user_agent(concat!("outlay/", env!("CARGO_PKG_VERSION")))
        .timeout(FETCH_TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .map_err(|error| format!("no connections can be made: {error}"))?;
    Ok(Arc::new(KeyAddress { url, client }))
}

/// A key set at an address.
struct KeyAddress {
    url: reqwest::Url,
    client: reqwest::Client,
}

#[async_trait]
impl KeySource for KeyAddress {
    async fn fetch(&self) -> Result<String, KeySourceError> {
        let failed = |error: reqwest::Error| KeySourceError(error.without_url().to_string());
        let response = self.client.get(self.url.clone()).send().await.map_err(failed)?;
        let status = response.status();
        if !status.is_success() {
            return Err(KeySourceError(format!("it answers {status}")));
        }
        let mut body = Vec::new();
        let mut chunks = response.bytes_stream();
        while let Some(chunk) = chunks.next().await {
            body.extend_from_slice(&chunk.map_err(failed)?);
            if body.len() > KEY_SET_BYTES_MAX {
                let detail = format!("it is larger than {KEY_SET_BYTES_MAX} bytes");
                return Err(KeySourceError(detail));
            }
        }
        String::from_utf8(body).map_err(|error| KeySourceError(error.to_string()))
    }

    fn place(&self) -> String {
        self.url.to_string()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn read(toml: &str) -> Result<Vec<TrustedIssuer>, String> {
        crate::tls::install();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("shared"), "a secret of thirty-two bytes yes\n").unwrap();
        let config: Config = toml::from_str(toml).map_err(|error| error.to_string())?;
        trusted_issuers(&config, folder.path()).map_err(|error| error.to_string())
    }

    #[test]
    fn by_default_nobody_is_trusted() {
        assert!(read("").unwrap().is_empty());
    }

    #[test]
    fn an_issuer_is_trusted_by_its_keys_by_a_secret_or_by_both() {
        let issuers = read(
            "[trust]
             name = 'supabase'
             jwks = 'https://x.supabase.co/auth/v1/.well-known/jwks.json'
             issuer = 'https://x.supabase.co/auth/v1'
             audiences = ['authenticated']
             secret_file = 'shared'
             [[trust.more]]
             name = 'smartspec'
             secret = 'a secret of an older system'
             user_claim = 'user_id'
             create_users = true",
        )
        .unwrap();

        let names: Vec<_> = issuers.iter().map(|issuer| issuer.name.as_str()).collect();
        assert_eq!(names, ["supabase", "supabase", "smartspec"]);
        assert!(matches!(&issuers[0].keys, IssuerKeys::Secret(secret) if secret.len() == 32));
        assert!(matches!(&issuers[1].keys, IssuerKeys::Public(_)));
        assert_eq!(issuers[1].issuer.as_deref(), Some("https://x.supabase.co/auth/v1"));
        assert_eq!(issuers[2].user_claim, UserClaim::UserId);
        assert!(issuers[2].create_users && !issuers[2].admins && issuers[2].issuer.is_none());
    }

    #[test]
    fn what_would_trust_too_much_or_nobody_is_refused_in_words() {
        let refused = |toml: &str| read(toml).err().unwrap();

        assert!(refused("[trust]\njwks = 'keys.json'").contains("trust.issuer"));
        assert!(refused("[trust]\njwks = 'http://a.example/keys'\nissuer = 'a'").contains("https"));
        assert!(refused("[trust]\nsecret = 'short'").contains("16 bytes"));
        assert!(refused("[trust]\nsecret_file = 'absent'").contains("cannot be read"));
        assert!(refused("[trust]\ncreate_users = true").contains("trust.jwks"));
        assert!(refused("[[trust.more]]\nissuer = 'a'").contains("trust.more[0].jwks"));
        assert!(refused("[trust]\nsecret = 'x'\nsecret_file = 'shared'").contains("one of them"));
    }

    #[test]
    fn a_secret_in_the_settings_is_not_shown() {
        let config: Config =
            toml::from_str("[trust]\nsecret = 'a secret of an older system'").unwrap();

        let shown = format!("{config:?} {}", toml::to_string(&config).unwrap());

        assert!(!shown.contains("older system"), "{shown}");
    }
}
