//! Where a request comes from, as handlers ask for it.

use std::convert::Infallible;
use std::net::IpAddr;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::guard::client_address;
use crate::state::AppState;

/// Where the request comes from, for handlers; `None` where there is no network in between.
#[derive(Debug, Clone, Copy)]
pub struct ClientAddress(pub Option<IpAddr>);

impl FromRequestParts<AppState> for ClientAddress {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Infallible> {
        Ok(Self(client_address(&parts.extensions, &parts.headers, &state.guard)))
    }
}
