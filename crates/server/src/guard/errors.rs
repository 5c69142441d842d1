//! What a caller is told about who they are and what they may not.

use axum::http::StatusCode;
use outlay_domain::people::{Denied, PeopleRefusal};
use outlay_engine::people::{IdentifyError, PeopleError, SignInError};

use crate::error::ApiError;

/// What to do about a role that is too small.
const ROLE_REMEDY: &str = "an admin can change roles: outlay user set USER --role ROLE";

impl From<Denied> for ApiError {
    fn from(denied: Denied) -> Self {
        let error = Self::forbidden(denied.to_string());
        match denied {
            Denied::Role { .. } | Denied::RoleBelow { .. } => error.mend(ROLE_REMEDY),
            Denied::Scope { needed } => {
                error.mend(format!("make a key with it: outlay key create --scope {needed}"))
            }
            Denied::Account { .. } => error.at("account"),
            Denied::EveryAccount { .. } => error.mend("ask an admin or a viewer"),
            Denied::Narrowed => {
                error.mend("sign in, or use a key with the scope `admin` and without an account")
            }
            Denied::Ends => {
                error.mend("sign in, or use a key with the scope `admin` that does not end")
            }
        }
    }
}

impl From<IdentifyError> for ApiError {
    fn from(error: IdentifyError) -> Self {
        let detail = error.to_string();
        match error {
            IdentifyError::Store(error) => error.into(),
            IdentifyError::KeysUnavailable(_) => Self::unavailable(30, detail),
            IdentifyError::NoSession => Self::unauthorized(detail).mend("sign in again"),
            _ => Self::unauthorized(detail),
        }
    }
}

impl From<SignInError> for ApiError {
    fn from(error: SignInError) -> Self {
        let detail = error.to_string();
        match error {
            SignInError::Wrong => Self::unauthorized(detail)
                .mend("an admin can make a sign-in link: outlay user link USER"),
            SignInError::DeadLink => {
                Self::unauthorized(detail).mend("an admin can make another: outlay user link USER")
            }
            SignInError::Throttled { retry_after } => Self::too_many(seconds(retry_after), detail),
            SignInError::Busy(_) => Self::too_many(1, detail),
            SignInError::Store(error) => error.into(),
        }
    }
}

impl From<PeopleError> for ApiError {
    fn from(error: PeopleError) -> Self {
        let detail = error.to_string();
        match error {
            PeopleError::Denied(denied) => denied.into(),
            PeopleError::Refused(refusal) => refusal.into(),
            PeopleError::NotFound(_) => Self::not_found(detail),
            PeopleError::Conflict { remedy, .. } => Self::conflict(detail).mend(remedy),
            PeopleError::WrongPassword => {
                Self::new(StatusCode::FORBIDDEN, "wrong_password", detail).at("current_password")
            }
            PeopleError::Throttled { retry_after } => Self::too_many(seconds(retry_after), detail),
            PeopleError::Busy(_) => Self::too_many(1, detail),
            PeopleError::Store(error) => error.into(),
        }
    }
}

impl From<PeopleRefusal> for ApiError {
    fn from(refusal: PeopleRefusal) -> Self {
        Self::bad_request("malformed", refusal.field, refusal.detail)
    }
}

/// Whole seconds after which it is worth to try again: never none.
fn seconds(wait: chrono::Duration) -> u64 {
    let rounded_up = (wait.num_milliseconds() + 999) / 1000;
    u64::try_from(rounded_up).unwrap_or(0).max(1)
}
