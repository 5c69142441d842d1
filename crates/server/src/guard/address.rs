//! Where a request comes from, behind proxies too.

use std::net::{IpAddr, SocketAddr};

use axum::extract::ConnectInfo;
use axum::http::{Extensions, HeaderMap, HeaderName};

use super::Guard;
use crate::config::Network;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Forwarders that are believed in one header, at most.
const HOPS_MAX: usize = 32;

/// The address a request comes from: the nearest one that is no proxy of ours.
///
/// `None` where there is no network in between.
pub fn client_address(
    extensions: &Extensions,
    headers: &HeaderMap,
    guard: &Guard,
) -> Option<IpAddr> {
    let ConnectInfo(peer) = extensions.get::<ConnectInfo<SocketAddr>>()?;
    Some(behind(&guard.proxies, peer.ip(), headers))
}

fn behind(proxies: &[Network], peer: IpAddr, headers: &HeaderMap) -> IpAddr {
    let lists: Vec<&str> =
        headers.get_all(&X_FORWARDED_FOR).iter().filter_map(|list| list.to_str().ok()).collect();
    let hops = lists.iter().flat_map(|list| list.split(',')).rev().take(HOPS_MAX);
    let mut nearest = peer.to_canonical();
    for hop in hops {
        // Each proxy adds the address it heard from; what one of ours did not add may be invented.
        if !proxies.iter().any(|network| network.contains(nearest)) {
            break;
        }
        match hop.trim().parse::<IpAddr>() {
            Ok(address) => nearest = address.to_canonical(),
            Err(_) => break,
        }
    }
    nearest
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn seen(trusted: &[&str], peer: &str, forwarded: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for list in forwarded {
            headers.append(X_FORWARDED_FOR, list.parse().unwrap());
        }
        let proxies: Vec<Network> = trusted.iter().map(|text| text.parse().unwrap()).collect();
        behind(&proxies, peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn the_word_of_a_stranger_about_where_they_come_from_is_not_taken() {
        assert_eq!(seen(&[], "192.0.2.1", &["198.51.100.7"]), "192.0.2.1");
        assert_eq!(seen(&["10.0.0.0/8"], "192.0.2.1", &["198.51.100.7"]), "192.0.2.1");
    }

    #[test]
    fn behind_proxies_of_ours_the_nearest_other_address_counts() {
        let ours = ["10.0.0.0/8", "::1"];
        assert_eq!(seen(&ours, "10.1.2.3", &["198.51.100.7"]), "198.51.100.7");
        assert_eq!(seen(&ours, "10.1.2.3", &["6.6.6.6, 198.51.100.7, 10.9.9.9"]), "198.51.100.7");
        assert_eq!(seen(&ours, "10.1.2.3", &["6.6.6.6", "198.51.100.7"]), "198.51.100.7");
        assert_eq!(seen(&ours, "::1", &["2001:db8::1"]), "2001:db8::1");
        assert_eq!(seen(&ours, "::ffff:10.1.2.3", &["198.51.100.7"]), "198.51.100.7");
        assert_eq!(seen(&ours, "10.1.2.3", &["nonsense"]), "10.1.2.3");
        assert_eq!(seen(&ours, "10.1.2.3", &[]), "10.1.2.3");
        assert_eq!(seen(&["0.0.0.0/0"], "192.0.2.1", &["198.51.100.7"]), "198.51.100.7");
        assert_eq!(seen(&["::/0"], "2001:db8::9", &["2001:db8::1"]), "2001:db8::1");
    }
}
