//! `/` on the dialect's port: where LeadFactory's page was, people are sent to Outlay's.

use std::net::SocketAddr;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::access::{host_of, is_loopback};
use crate::state::AppState;

/// Leads to Outlay's pages, or says where they are, where they cannot be reached from the caller's
/// machine.
pub async fn home(State(state): State<AppState>, headers: HeaderMap) -> Response {
    let known = state.guard.public_url();
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).and_then(name_in);
    match place(&known, host) {
        Some(url) => {
            let headers = [(header::LOCATION, url), (header::CACHE_CONTROL, "no-store".into())];
            (StatusCode::TEMPORARY_REDIRECT, headers).into_response()
        }
        None => format!(
            "Outlay's pages are at {known}, as the machine that it runs on sees it. Let it listen on \
             an address of the network with --listen, or say in server.public_url where people find \
             it.\n"
        )
        .into_response(),
    }
}

/// The address of the pages for somebody who calls us `host`; none where they cannot get there.
///
/// A server that nobody told its address knows only what it listens on. Where that is every address
/// of the machine, the name by which we were called leads to it too.
fn place(known: &str, host: Option<&str>) -> Option<String> {
    let listens = known.strip_prefix("http://").and_then(|rest| rest.parse::<SocketAddr>().ok());
    match (listens, host) {
        (Some(address), Some(host)) if address.ip().is_unspecified() => {
            let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
            Some(format!("http://{host}:{}", address.port()))
        }
        (Some(address), Some(host)) if address.ip().is_loopback() && !is_loopback(host) => None,
        (Some(address), None) if address.ip().is_unspecified() || address.ip().is_loopback() => {
            None
        }
        _ => Some(known.to_owned()),
    }
}

/// The name or address in a `Host`, where it is one and nothing else.
fn name_in(host: &str) -> Option<&str> {
    let name = host_of(host);
    let is_name = !name.is_empty()
        && name.len() <= 253
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte));
    (is_name || name.parse::<std::net::Ipv6Addr>().is_ok()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_sent_to_where_they_can_get() {
        let sent = |known: &str, host: &str| place(known, name_in(host));
        let to = |url: &str| Some(url.to_owned());

        let everywhere = "http://0.0.0.0:8440";
        assert_eq!(sent(everywhere, "costs.lan:5002"), to("http://costs.lan:8440"));
        assert_eq!(sent(everywhere, "[fd00::7]:5002"), to("http://[fd00::7]:8440"));
        assert_eq!(sent(everywhere, "evil.example/@x"), None);
        assert_eq!(sent(everywhere, "a b"), None);
        assert_eq!(sent("http://10.0.0.5:8440", "costs.lan:5002"), to("http://10.0.0.5:8440"));
        assert_eq!(sent("http://127.0.0.1:8440", "localhost:5002"), to("http://127.0.0.1:8440"));
        assert_eq!(sent("http://127.0.0.1:8440", "costs.lan:5002"), None);
        assert_eq!(sent("https://costs.example.com", "any"), to("https://costs.example.com"));
    }
}
