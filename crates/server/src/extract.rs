//! Parts of requests, with refusals in our own shape.

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use compact_str::CompactString;
use serde::de::DeserializeOwned;

use crate::auth::Entered;
use crate::bounded;
use crate::error::ApiError;
use crate::malformed::{self, Fault};
use crate::shares::{Held, Packing};
use crate::state::AppState;

/// A JSON body.
#[derive(Debug, Clone, Copy)]
pub struct Json<T>(pub T);

/// Bytes of a body of JSON, at most, where nothing else is said.
const JSON_BYTES_MAX: usize = 2 * 1024 * 1024;

impl<T: DeserializeOwned + Send + 'static> FromRequest<AppState> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, ApiError> {
        let (body, who) = read_json(request, state).await?;
        let read = move || {
            let json = text_of(&body)?;
            // A list would pass for the fields of an object in their order.
            if json.trim_start().starts_with('[') {
                let detail = "must be an object with fields, not a list";
                return Err(ApiError::bad_request("malformed", "body", detail));
            }
            Ok::<_, ApiError>(Self(malformed::read_json(json)?))
        };
        state.shares.work(&who.0, who.1, read).await?
    }
}

/// A JSON body as it was written: an object or a list.
#[derive(Debug)]
pub struct RawJson(pub Held);

impl RawJson {
    /// The text.
    pub fn text(&self) -> Result<&str, ApiError> {
        text_of(&self.0)
    }
}

impl FromRequest<AppState> for RawJson {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, ApiError> {
        Ok(Self(read_json(request, state).await?.0))
    }
}

/// Reads a body that says it is JSON; with who sent it, and how long it is.
async fn read_json(
    request: Request,
    state: &AppState,
) -> Result<(Held, (CompactString, usize)), ApiError> {
    if !is_json(request.headers()) {
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        return Err(ApiError::new(status, "unsupported_media_type", "the body must be JSON")
            .at("Content-Type")
            .mend("send the header `Content-Type: application/json`"));
    }
    let packing = Packing::of(request.headers())?;
    let who = Entered::share(request.extensions());
    let body = state.shares.read(&who, request.into_body(), JSON_BYTES_MAX).await?;
    let body = state.shares.unpack(&who, body, packing, JSON_BYTES_MAX).await?;
    let length = body.len();
    Ok((body, (who, length)))
}

fn is_json(headers: &HeaderMap) -> bool {
    let said = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let kind = said.and_then(|said| said.split(';').next()).unwrap_or("").trim();
    let kind = kind.to_ascii_lowercase();
    kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"))
}

fn text_of(body: &[u8]) -> Result<&str, ApiError> {
    let json = std::str::from_utf8(body).map_err(|error| {
        ApiError::bad_request("malformed", "body", format!("is not UTF-8: {error}"))
    })?;
    match bounded::excess(json) {
        None => Ok(json),
        Some(excess) => {
            let status = StatusCode::PAYLOAD_TOO_LARGE;
            Err(ApiError::new(status, "too_large", excess).at("body").mend("send less of it"))
        }
    }
}

impl<T: serde::Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

/// The parameters after `?`.
#[derive(Debug, Clone, Copy, FromRequestParts)]
#[from_request(via(axum::extract::Query), rejection(ApiError))]
pub struct Params<T>(pub T);

/// The variable parts of the path.
#[derive(Debug, Clone, Copy, FromRequestParts)]
#[from_request(via(axum::extract::Path), rejection(ApiError))]
pub struct Path<T>(pub T);

impl From<QueryRejection> for ApiError {
    fn from(rejection: QueryRejection) -> Self {
        let text = cause(&rejection.body_text());
        // Where a value is at fault, its parameter stands before it.
        let (name, message) = text
            .split_once(": ")
            .filter(|(name, _)| {
                name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
            })
            .unwrap_or(("", &text));
        let mut fault = Fault::new(name, message);
        if fault.field.is_empty() {
            fault.field = "query".into();
        }
        fault.detail = match message {
            message if message.contains("invalid digit") || message.contains("number too") => {
                "must be a whole number".into()
            }
            _ => fault.detail.replace("no field", "no parameter"),
        };
        fault.into()
    }
}

impl From<PathRejection> for ApiError {
    fn from(rejection: PathRejection) -> Self {
        let text = cause(&rejection.body_text());
        if text.contains("UUID") {
            return Self::bad_request("malformed", "path", "the id in the path is none of ours")
                .mend("use an id as the list tells it, e.g. 0198c7a2-0000-7000-8000-000000000001");
        }
        Self::bad_request("malformed", "path", text)
    }
}

/// What axum says, without the words that say the same every time.
fn cause(text: &str) -> String {
    const NOISE: [&str; 2] = ["Failed to deserialize query string: ", "Invalid URL: "];
    let text = NOISE.iter().find_map(|noise| text.strip_prefix(noise)).unwrap_or(text);
    text.to_owned()
}
