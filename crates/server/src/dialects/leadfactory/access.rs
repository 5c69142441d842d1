//! Who may come in: old clients have no login.
//!
//! Whoever has signed in, or has a key or token of ours, is who they are, and a member sees their
//! own account. Others are let in by the fixed key, from the networks that are named, and where
//! neither is set from this machine alone.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use compact_str::CompactString;
use outlay_domain::people;
use subtle::ConstantTimeEq;

use super::error::Refused;
use crate::auth::{self, LocalTrust};
use crate::live::ties::Owner;
use crate::state::AppState;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const OUR_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// Somebody who was let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admitted {
    /// The only account they see, where they do not see all.
    pub scope: Option<CompactString>,
    /// Who they are, where that is known.
    pub caller: Option<people::Caller>,
    /// Whose connections the ones are that they open.
    pub owner: Owner,
}

impl Admitted {
    /// Somebody of whom no more is known than how they came in.
    fn by(owner: Owner) -> Self {
        Self { scope: None, caller: None, owner }
    }
}

impl From<people::Caller> for Admitted {
    fn from(caller: people::Caller) -> Self {
        Self { scope: caller.scope(), owner: Owner::from(&caller), caller: Some(caller) }
    }
}

/// Puts the dialect's rules before `router`.
pub fn guard(router: Router<AppState>, state: &AppState) -> Router<AppState> {
    router.layer(from_fn_with_state(state.clone(), admit))
}

async fn admit(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let is_live = auth::is_socket(request.uri().path());
    let admitted = match judge(&state, &mut request).await {
        Ok(admitted) => admitted,
        Err(refused) => return refused.into_response(),
    };
    request.extensions_mut().insert(admitted);
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if !is_live {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}

/// Whether a request for live updates is one of the dialect's: whoever has a credential of ours
/// gets ours.
pub fn is_for_live(state: &AppState, request: &Request) -> bool {
    auth::is_socket(request.uri().path())
        && (key_of(request).is_some_and(|key| is_our_fixed_key(state, &key))
            || !auth::has_credential(state, request.headers()))
}

async fn judge(state: &AppState, request: &mut Request) -> Result<Admitted, Refused> {
    if request.extensions().get::<LocalTrust>().is_some() {
        return Ok(people::Caller::operator().into());
    }
    if key_of(request).is_some_and(|key| is_our_fixed_key(state, &key)) {
        return Ok(Admitted::by(Owner::FixedKey));
    }
    if let Some(caller) = auth::usage_reader(state, request).await? {
        return Ok(caller.into());
    }
    by_address(state, request)
}

fn is_our_fixed_key(state: &AppState, key: &str) -> bool {
    let own = state.config.dialects.leadfactory.key.reveal();
    !own.is_empty() && own.as_bytes().ct_eq(key.as_bytes()).into()
}

/// What a client sends as a key: in a header, or in the address.
fn key_of(request: &Request) -> Option<String> {
    let text = |name: &HeaderName| request.headers().get(name)?.to_str().ok();
    let bearer = text(&header::AUTHORIZATION).and_then(|text| text.strip_prefix("Bearer "));
    let in_address = || {
        let query = request.uri().query()?;
        let pairs = form_pairs(query);
        pairs.into_iter().find(|(name, _)| name == "key").map(|(_, key)| key)
    };
    text(&OUR_KEY).or(bearer).map(ToOwned::to_owned).or_else(in_address)
}

fn form_pairs(query: &str) -> Vec<(String, String)> {
    let uri = Uri::builder().path_and_query(format!("/?{query}")).build();
    let pairs = uri.ok().and_then(|uri| axum::extract::Query::try_from_uri(&uri).ok());
    pairs.map(|axum::extract::Query(pairs)| pairs).unwrap_or_default()
}

/// Lets somebody in by where they call from.
fn by_address(state: &AppState, request: &Request) -> Result<Admitted, Refused> {
    let settings = &state.config.dialects.leadfactory;
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
    let from = auth::client_address(request.extensions(), request.headers(), &state.guard);
    let (Some(peer), Some(from)) = (peer, from) else { return Err(nobody(settings.key.reveal())) };
    // Behind a proxy that nobody trusts, everybody seems to call from where the proxy is.
    let is_hidden = peer.to_canonical() == from.to_canonical()
        && (request.headers().contains_key(FORWARDED_FOR)
            || request.headers().contains_key(header::FORWARDED));
    let is_open = settings.networks.iter().any(|network| network.contains(from));
    let is_here = settings.networks.is_empty()
        && settings.key.reveal().is_empty()
        && from.to_canonical().is_loopback();
    if is_hidden || !(is_open || is_here) {
        return Err(nobody(settings.key.reveal()));
    }
    // A page of somebody else's, open in a browser on a machine that may come in, may not.
    if !names_us(state, request.headers()) || !is_of_our_pages(state, request.headers()) {
        return Err(Refused::new(
            StatusCode::FORBIDDEN,
            "this comes from a page of another site, which may not read costs; \
             add it to server.cors_origins, or send a key",
        ));
    }
    // This machine has more than one address for itself.
    let from = if from.to_canonical().is_loopback() { Ipv4Addr::LOCALHOST.into() } else { from };
    Ok(Admitted::by(Owner::Address(from.to_canonical())))
}

fn nobody(key: &str) -> Refused {
    let how = if key.is_empty() { "an API key" } else { "the key" };
    Refused::new(
        StatusCode::UNAUTHORIZED,
        format!("this address may not come in without a key; send {how} as `X-API-Key`"),
    )
}

/// Whether a browser asked for us by a name that cannot have been made to point here by others: an
/// address, this machine, or our own name.
fn names_us(state: &AppState, headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(header::HOST) else { return true };
    let Ok(host) = host.to_str() else { return false };
    is_own_host(host_of(host), &state.guard.public_url())
}

/// Whether a request from within a page comes from one of ours.
fn is_of_our_pages(state: &AppState, headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let Ok(origin) = origin.to_str() else { return false };
    let public_url = state.guard.public_url();
    if origin == public_url || state.config.server.cors_origins.iter().any(|own| own == origin) {
        return true;
    }
    let origin_host = origin.split_once("://").map_or("", |(_, rest)| rest);
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    origin_host == host || is_loopback(host_of(origin_host)) && is_loopback(host_of(host))
}

/// The host without its port.
pub fn host_of(authority: &str) -> &str {
    match authority.strip_prefix('[') {
        Some(rest) => rest.split_once(']').map_or(rest, |(host, _)| host),
        None => authority.split(':').next().unwrap_or_default(),
    }
}

/// Whether that is a name of this machine for itself.
pub fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

fn is_own_host(host: &str, public_url: &str) -> bool {
    let own = public_url.split_once("://").map_or("", |(_, rest)| rest);
    let own = host_of(own.split('/').next().unwrap_or_default());
    host == "localhost" || host == own || host.parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_names_count() {
        let is_own = |host: &str| is_own_host(host_of(host), "https://costs.example.com/x");
        assert!(is_own("127.0.0.1:5002") && is_own("localhost:5002") && is_own("[::1]:5002"));
        assert!(is_own("costs.example.com") && is_own("192.0.2.7"));
        assert!(!is_own("evil.example:5002") && !is_own("costs.example.com.evil.example"));
    }
}
