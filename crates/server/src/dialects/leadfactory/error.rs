//! Refusals in LeadFactory's shape.

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use outlay_domain::usage::question::QuestionError;
use outlay_engine::usage::UnansweredError;
use outlay_store::StoreError;
use serde_json::{Value, json};

use crate::error::ApiError;

/// An answer of `{"error": text}`.
#[derive(Debug)]
pub struct Refused {
    status: StatusCode,
    text: String,
    data_points: Option<usize>,
    retry_after: Option<u64>,
}

impl Refused {
    /// A refusal with that status.
    pub fn new(status: StatusCode, text: impl Into<String>) -> Self {
        Self { status, text: text.into(), data_points: None, retry_after: None }
    }

    /// 400: a parameter is not what it should be.
    pub fn bad(text: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, text)
    }

    /// 404.
    pub fn not_found(text: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, text)
    }

    /// 400: there are too few days.
    pub fn insufficient(days: usize) -> Self {
        let text = "Insufficient data for trend analysis";
        Self { data_points: Some(days), ..Self::bad(text) }
    }

    /// Whether there are only too few days.
    pub const fn is_about_too_little(&self) -> bool {
        self.data_points.is_some()
    }

    /// Something failed here.
    pub fn internal(error: &(dyn std::error::Error + 'static)) -> Self {
        ApiError::internal(error).into()
    }

    /// What is wrong.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The status.
    pub const fn status(&self) -> StatusCode {
        self.status
    }
}

impl From<ApiError> for Refused {
    fn from(error: ApiError) -> Self {
        // LeadFactory's clients know 400 for everything that is wrong with a request.
        let status = match error.status {
            StatusCode::UNPROCESSABLE_ENTITY => StatusCode::BAD_REQUEST,
            status => status,
        };
        let text = match error.remedy {
            Some(remedy) => format!("{}; {remedy}", error.detail),
            None => error.detail,
        };
        Self { retry_after: error.retry_after, ..Self::new(status, text) }
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

impl From<tokio::task::JoinError> for Refused {
    fn from(error: tokio::task::JoinError) -> Self {
        Self::internal(&error)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let mut body = json!({ "error": self.text });
        if let (Some(days), Value::Object(body)) = (self.data_points, &mut body) {
            body.insert("data_points".into(), days.into());
        }
        let mut response = (self.status, Json(body)).into_response();
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        if self.status == StatusCode::UNAUTHORIZED {
            let value = header::HeaderValue::from_static("Bearer realm=\"outlay\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, value);
        }
        response
    }
}
