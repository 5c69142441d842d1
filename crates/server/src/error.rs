//! What a caller is told when something did not work.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use outlay_store::{FailureKind, StoreError};
use serde::Serialize;
use utoipa::ToSchema;

/// A refusal or a failure, as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ApiError {
    /// The HTTP status again, for readers of logs.
    #[serde(serialize_with = "status_number")]
    #[schema(value_type = u16, example = 400)]
    pub status: StatusCode,
    /// A stable word for programs.
    #[schema(example = "malformed")]
    pub code: &'static str,
    /// What is wrong, for people.
    pub detail: String,
    /// The field or parameter at fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub field: Option<String>,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub remedy: Option<String>,
    /// Seconds after which to try again; sent as `Retry-After`.
    #[serde(skip)]
    #[schema(required = true)]
    pub retry_after: Option<u64>,
}

fn status_number<S: serde::Serializer>(status: &StatusCode, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_u16(status.as_u16())
}

impl ApiError {
    /// An error of `status` without field and remedy.
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, detail: detail.into(), field: None, remedy: None, retry_after: None }
    }

    /// 400: `field` is not what it should be.
    pub fn bad_request(
        code: &'static str,
        field: impl Into<String>,
        detail: impl Into<String>,
    ) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, detail).at(field)
    }

    /// The same about a part of the body: `prices[2]`.
    pub fn below(mut self, part: &str) -> Self {
        self.field = Some(match self.field {
            Some(field) => format!("{part}.{field}"),
            None => part.to_owned(),
        });
        self
    }

    /// 401: nobody we know.
    pub fn unauthorized(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", detail)
            .mend("sign in, or send an API key as `Authorization: Bearer …`")
    }

    /// 403: somebody who may not.
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", detail)
    }

    /// 404.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", detail)
    }

    /// 404: no route of ours.
    pub fn nowhere(path: &str) -> Self {
        Self::not_found(format!("nothing is at {path}")).mend("the API is described at /api/docs")
    }

    /// 409.
    pub fn conflict(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", detail)
    }

    /// 422: understood, but not possible as it is.
    pub fn unprocessable(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail)
    }

    /// 429.
    pub fn too_many(retry_after: u64, detail: impl Into<String>) -> Self {
        let mut error = Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", detail);
        error.retry_after = Some(retry_after);
        error
    }

    /// 503: our fault, for now.
    pub fn unavailable(retry_after: u64, detail: impl Into<String>) -> Self {
        let mut error = Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail);
        error.retry_after = Some(retry_after);
        error
    }

    /// 500: our fault. The cause is logged here, once, and not told.
    pub fn internal(cause: &(dyn std::error::Error + 'static)) -> Self {
        tracing::error!(error = cause, causes = %causes(cause), "a request failed for a reason of ours");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "something failed here; the server's log says what",
        )
    }

    /// The data folder fails: 503 where the same may succeed later, 500 where it will not.
    pub fn of_store(error: &StoreError) -> Self {
        let (seconds, detail) = match error.kind() {
            FailureKind::Unavailable => (
                5,
                "the server cannot read or write its data folder; nothing of this request was kept",
            ),
            FailureKind::Full => (
                30,
                "the disk of the server's data folder is full; nothing of this request was kept",
            ),
            FailureKind::Damaged | FailureKind::Failed => return Self::internal(error),
        };
        tracing::error!(error = error as &dyn std::error::Error, causes = %causes(error), "the data folder cannot be used");
        Self::unavailable(seconds, detail)
    }

    /// 500: a fault of ours whose cause is in the log already.
    pub fn panicked() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "something failed here; the server's log says what",
        )
    }

    /// Names the field at fault.
    #[must_use]
    pub fn at(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    /// Says what to do about it.
    #[must_use]
    pub fn mend(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }
}

/// The chain of causes in one line.
fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let chain = std::iter::successors(error.source(), |cause| cause.source());
    chain.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::StillRead(_) => {
                Self::unavailable(30, error.to_string()).mend("ask again when that is done")
            }
            StoreError::Stopping => Self::unavailable(1, error.to_string()),
            _ => Self::of_store(&error),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(&self)).into_response();
        // Doors that speak otherwise say it again in their own words.
        response.extensions_mut().insert(self.clone());
        let headers = response.headers_mut();
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static("Bearer realm=\"outlay\""),
            );
        }
        response
    }
}
