//! Parts of requests, with refusals in our own shape.

use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::error::ApiError;
use crate::malformed::{self, Fault};

/// A JSON body.
#[derive(Debug, Clone, Copy)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let axum::Json(raw) = axum::Json::<Box<RawValue>>::from_request(request, state).await?;
        Ok(Self(malformed::read_json(raw.get())?))
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

impl From<JsonRejection> for ApiError {
    fn from(rejection: JsonRejection) -> Self {
        match &rejection {
            JsonRejection::MissingJsonContentType(_) => Self::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                "the body must be JSON",
            )
            .mend("send the header `Content-Type: application/json`"),
            rejection if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "the body is too large")
            }
            rejection => {
                let detail = format!("is no JSON: {}", cause(&rejection.body_text()));
                Self::bad_request("malformed", "body", detail)
            }
        }
    }
}

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
    const NOISE: [&str; 4] = [
        "Failed to deserialize the JSON body into the target type: ",
        "Failed to parse the request body as JSON: ",
        "Failed to deserialize query string: ",
        "Invalid URL: ",
    ];
    let text = NOISE.iter().find_map(|noise| text.strip_prefix(noise)).unwrap_or(text);
    text.to_owned()
}
