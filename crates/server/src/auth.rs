//! Who is calling, and what they may do.

use axum::extract::{FromRequestParts, Request};
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::Response;
use compact_str::CompactString;

use crate::error::ApiError;

/// What a caller may do. Each role may do what the ones after it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Everything.
    Admin,
    /// Sees and charges their own account.
    Member,
    /// Sees everything, changes nothing.
    Viewer,
}

/// Whoever sent the request.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Their id.
    pub user: CompactString,
    /// Who pays for them.
    pub account: CompactString,
    /// What they may do.
    pub role: Role,
}

impl Caller {
    /// The person at the machine itself, who can read the data folder anyway.
    pub fn local() -> Self {
        Self { user: "local".into(), account: "default".into(), role: Role::Admin }
    }

    /// Refuses everybody but admins.
    pub fn require_admin(&self) -> Result<(), ApiError> {
        match self.role {
            Role::Admin => Ok(()),
            _ => Err(ApiError::forbidden("this needs the role admin")),
        }
    }

    /// The one account that the caller may see, or `None` for all of them.
    pub fn scope(&self) -> Option<CompactString> {
        match self.role {
            Role::Admin | Role::Viewer => None,
            Role::Member => Some(self.account.clone()),
        }
    }
}

/// Marks a request that came over the data folder's own socket, or from this very process.
#[derive(Debug, Clone, Copy)]
pub struct LocalTrust;

/// Finds out who calls, and leaves the [`Caller`] with the request.
pub async fn authenticate(mut request: Request, next: Next) -> Response {
    if request.extensions().get::<LocalTrust>().is_some() {
        request.extensions_mut().insert(Caller::local());
    }
    next.run(request).await
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
        parts
            .extensions
            .get::<Self>()
            .cloned()
            .ok_or_else(|| ApiError::unauthorized("this needs a caller, and none was given"))
    }
}
