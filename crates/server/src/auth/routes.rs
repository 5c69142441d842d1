//! What there is to ask for, as the API's document says.
//!
//! The doors are judged by a table that closes what it does not know. So whoever may not pass a
//! closed door would hear "you may not" of paths that are nowhere; here they hear that nothing is
//! there, as everybody does who may.

use std::collections::{BTreeMap, HashMap};

use axum::body::{Body, HttpBody};
use axum::extract::{MatchedPath, Request};
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use utoipa::openapi::path::{Operation, PathItem};

use super::Entered;
use crate::error::ApiError;
use crate::shares::Shares;

/// Bytes of a body that says nothing, at most.
const NOTHING_BYTES_MAX: usize = 1024;

/// Every route of the API: its methods, and whether they take a body.
#[derive(Debug, Default)]
pub struct Routes(HashMap<String, BTreeMap<&'static str, bool>>);

impl Routes {
    /// The routes of the document.
    pub fn of(document: &utoipa::openapi::OpenApi) -> Self {
        let paths = document.paths.paths.iter();
        Self(paths.map(|(path, item)| (path.clone(), methods(item))).collect())
    }

    /// What is answered where there is nothing to ask for; nothing where there is.
    pub fn nothing_at(&self, request: &Request) -> Option<Response> {
        let (path, method) = (request.uri().path(), request.method());
        if !(path == "/api" || path.starts_with("/api/")) {
            return None;
        }
        if request.extensions().get::<MatchedPath>().is_none() {
            return Some(ApiError::nowhere(path).into_response());
        }
        // What is matched and not in the document has its rules at its door.
        let known = self.at(request)?;
        let reads = *method == Method::HEAD && known.contains_key("GET");
        if reads || known.contains_key(method.as_str()) {
            return None;
        }
        let head = known.contains_key("GET").then_some("HEAD");
        let allowed: Vec<&str> = known.keys().copied().chain(head).collect();
        Some((StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, allowed.join(","))]).into_response())
    }

    /// Refuses a body where none is read: whoever sends one means something by it.
    pub async fn without_body(
        &self,
        request: Request,
        shares: &Shares,
    ) -> Result<Request, ApiError> {
        let takes_none = self.at(&request).and_then(|known| known.get(request.method().as_str()));
        if takes_none != Some(&false) || request.body().is_end_stream() {
            return Ok(request);
        }
        let who = Entered::share(request.extensions());
        let (parts, body) = request.into_parts();
        let body = shares.read(&who, body, NOTHING_BYTES_MAX).await?;
        match body.trim_ascii() {
            b"" | b"{}" => Ok(Request::from_parts(parts, Body::empty())),
            _ => {
                let detail = "nothing is read from a body here, and there is one";
                Err(ApiError::bad_request("malformed", "body", detail).mend("send none"))
            }
        }
    }

    fn at(&self, request: &Request) -> Option<&BTreeMap<&'static str, bool>> {
        let matched = request.extensions().get::<MatchedPath>()?;
        self.0.get(matched.as_str())
    }
}

fn methods(item: &PathItem) -> BTreeMap<&'static str, bool> {
    let takes_body = |operation: &Operation| operation.request_body.is_some();
    [
        ("GET", &item.get),
        ("POST", &item.post),
        ("PUT", &item.put),
        ("PATCH", &item.patch),
        ("DELETE", &item.delete),
    ]
    .into_iter()
    .filter_map(|(method, operation)| Some((method, takes_body(operation.as_ref()?))))
    .collect()
}
