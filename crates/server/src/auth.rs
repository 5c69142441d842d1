//! Who is calling, and what they may do.

use std::ops::Deref;

use axum::extract::{FromRequestParts, Request};
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::Response;
use outlay_domain::people;
pub use outlay_domain::people::{Act, Denied, Role, Via};

use crate::error::ApiError;

/// Whoever sent the request, as handlers take it. Everything asked of it stands at
/// [`people::Caller`].
#[derive(Debug, Clone)]
pub struct Caller(pub people::Caller);

impl Deref for Caller {
    type Target = people::Caller;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

/// Marks a request that came over the data folder's own socket, or from this very process.
#[derive(Debug, Clone, Copy)]
pub struct LocalTrust;

/// Finds out who calls, and leaves the [`Caller`] with the request.
pub async fn authenticate(mut request: Request, next: Next) -> Response {
    if request.extensions().get::<LocalTrust>().is_some() {
        request.extensions_mut().insert(Caller(people::Caller::operator()));
    }
    next.run(request).await
}

impl From<Denied> for ApiError {
    fn from(denied: Denied) -> Self {
        Self::forbidden(denied.to_string())
    }
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
