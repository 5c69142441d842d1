//! Who may come in: whoever has a credential of ours, and each to their own account.
//!
//! ALwrity's pages name a user in the path, and send `X-User-ID` and `?user_id` besides. Only the
//! credential says who somebody is.

use std::convert::Infallible;

use axum::Router;
use axum::extract::{FromRequestParts, OptionalFromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use compact_str::CompactString;
use outlay_domain::people::{Act, Caller};
use outlay_engine::Asker;
use outlay_engine::usage::By;

use super::error::Refused;
use crate::auth::{self, LocalTrust};
use crate::forms::accounts::check_account;
use crate::state::AppState;

/// Somebody who was let in.
#[derive(Debug, Clone)]
pub struct Person {
    caller: Caller,
}

impl Person {
    /// The account that `user` names, where this person sees it: a user's name is their account's.
    pub fn account_of(&self, user: &str) -> Result<CompactString, Refused> {
        let account = if user == self.caller.user.as_str() { self.own() } else { user.into() };
        check_account(&account).map_err(|error| {
            Refused::invalid("value_error", "path", "user_id", error.detail, user)
        })?;
        match self.caller.scope() {
            Some(scope) if scope != account => Err(Refused::denied()),
            _ => Ok(account),
        }
    }

    /// Their own account.
    pub fn own(&self) -> CompactString {
        self.caller.account.clone()
    }

    /// Whether they may let others have what is paid for.
    pub fn sells(&self) -> bool {
        self.caller.may(Act::GrantCredit).is_ok()
    }

    /// In whose turns they are answered.
    pub fn by(&self) -> By {
        (&self.caller).into()
    }

    /// As the engine knows them.
    pub fn asker(&self) -> Asker {
        (&self.caller).into()
    }
}

impl FromRequestParts<AppState> for Person {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _: &AppState) -> Result<Self, Refused> {
        parts.extensions.get::<Self>().cloned().ok_or_else(Refused::nobody)
    }
}

impl OptionalFromRequestParts<AppState> for Person {
    type Rejection = Infallible;

    async fn from_request_parts(
        parts: &mut Parts,
        _: &AppState,
    ) -> Result<Option<Self>, Infallible> {
        Ok(parts.extensions.get::<Self>().cloned())
    }
}

/// Lets in whoever proves who they are, and whoever brings no proof to what is everybody's.
pub fn guard(router: Router<AppState>, state: &AppState) -> Router<AppState> {
    auth::secure(router.layer(from_fn_with_state(state.clone(), admit)), &state.guard)
}

async fn admit(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let caller = if request.extensions().get::<LocalTrust>().is_some() {
        Ok(Some(Caller::operator()))
    } else {
        auth::usage_reader(&state, &mut request).await
    };
    match caller {
        Ok(Some(caller)) => {
            request.extensions_mut().insert(Person { caller });
        }
        Ok(None) => {}
        Err(refused) => return Refused::from(refused).into_response(),
    }
    next.run(request).await
}
