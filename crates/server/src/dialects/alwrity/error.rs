//! Refusals in ALwrity's shape, which is FastAPI's.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use outlay_domain::usage::question::QuestionError;
use outlay_engine::usage::UnansweredError;
use outlay_store::StoreError;
use serde_json::{Value, json};

use crate::error::ApiError;

/// An answer of `{"detail": …}`.
#[derive(Debug)]
pub struct Refused {
    status: StatusCode,
    detail: Value,
    retry_after: Option<u64>,
}

impl Refused {
    /// A refusal with a text.
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: Value::String(detail.into()), retry_after: None }
    }

    /// 401: nobody was named.
    pub fn nobody() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "Not authenticated")
    }

    /// 403: it is somebody else's.
    pub fn denied() -> Self {
        Self::new(StatusCode::FORBIDDEN, "Access denied")
    }

    /// 422: a parameter is not what it should be, as FastAPI says it.
    ///
    /// `kind` is one of pydantic's words, `place` is `query`, `path` or `body`.
    pub fn invalid(
        kind: &str,
        place: &str,
        name: &str,
        why: impl Into<String>,
        input: &str,
    ) -> Self {
        let shown: String = input.chars().take(100).collect();
        let item = json!({ "type": kind, "loc": [place, name], "msg": why.into(), "input": shown });
        Self {
            status: StatusCode::UNPROCESSABLE_ENTITY,
            detail: Value::Array(vec![item]),
            retry_after: None,
        }
    }
}

impl From<ApiError> for Refused {
    fn from(error: ApiError) -> Self {
        let text = match (error.status, error.remedy) {
            (StatusCode::UNAUTHORIZED, _) => "Authentication failed".to_owned(),
            (_, Some(remedy)) => format!("{}; {remedy}", error.detail),
            (_, None) => error.detail,
        };
        Self { retry_after: error.retry_after, ..Self::new(error.status, text) }
    }
}

impl From<UnansweredError> for Refused {
    fn from(error: UnansweredError) -> Self {
        ApiError::from(error).into()
    }
}

impl From<QuestionError> for Refused {
    fn from(error: QuestionError) -> Self {
        UnansweredError::from(error).into()
    }
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        ApiError::from(error).into()
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let body = Json(json!({ "detail": self.detail }));
        let mut response = (self.status, body).into_response();
        let headers = response.headers_mut();
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
