//! Who is calling, and what they may do: everything between the network and a handler.
//!
//! A request goes through [`guard`]: its credential is looked up, a browser proves that it is our
//! own page which sends it, the door at its path says what it takes, and the caller's rate is
//! bounded. Handlers take the [`Caller`] and ask it what only they can know, such as whose account
//! an event names.

mod address;
mod headers;
mod issuers;
mod openapi;
mod routes;

use std::ops::Deref;
use std::sync::Arc;

use axum::Router;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{Extensions, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use compact_str::CompactString;
use outlay_domain::people;
pub use outlay_domain::people::{Act, Denied, Reach, Role, Via};
use outlay_engine::people::People;

use crate::config::Config;
use crate::error::ApiError;
use crate::guard::credential::Credential;
use crate::guard::csrf;
use crate::guard::door::Door;
use crate::guard::limits;
pub use crate::guard::{Guard, SessionCookie, SetCookie, client_address, is_socket};
use crate::serving::Line;
pub use crate::serving::LocalTrust;
use crate::state::AppState;

pub use address::ClientAddress;
pub use headers::secure;
pub use issuers::{named_files, trusted_issuers};
pub use openapi::Credentials;
pub use routes::Routes;

/// Whoever sent the request, as handlers take it that answer about nobody's account or about all.
/// Everything asked of it stands at [`people::Caller`].
///
/// At a door that reaches accounts it is none of those who see one only: a handler there takes
/// [`Scoped`], and so cannot forget whose account it is to answer about.
#[derive(Debug, Clone)]
pub struct Caller(people::Caller);

/// Whoever sent the request, as handlers take it that answer about
/// [the account they see](people::Caller::scope).
#[derive(Debug, Clone)]
pub struct Scoped(people::Caller);

/// Whoever was let in, and how far the door reaches that they came in by.
#[derive(Debug, Clone)]
pub struct Entered {
    /// Who was let in.
    pub caller: people::Caller,
    reach: Reach,
}

impl Deref for Caller {
    type Target = people::Caller;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
        let Entered { caller, reach } = parts.extensions.get().cloned().ok_or_else(nobody)?;
        if reach != Reach::NoAccount {
            caller.require_every_account()?;
        }
        Ok(Self(caller))
    }
}

impl Deref for Scoped {
    type Target = people::Caller;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<S: Sync> FromRequestParts<S> for Scoped {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
        let entered: Option<&Entered> = parts.extensions.get();
        entered.map(|entered| Self(entered.caller.clone())).ok_or_else(nobody)
    }
}

impl Entered {
    /// By whom what all requests share is counted; all who have not said who they are have one
    /// part of it together.
    pub fn share(extensions: &Extensions) -> CompactString {
        let entered: Option<&Self> = extensions.get();
        entered.map_or_else(CompactString::default, |entered| entered.caller.user.as_str().into())
    }
}

/// Puts the guard before all `routes`.
pub fn guard(router: Router<AppState>, state: &AppState, routes: Routes) -> Router<AppState> {
    let gate = (state.clone(), Arc::new(routes));
    secure(router.layer(from_fn_with_state(gate, authenticate)), &state.guard)
}

/// Lets a request through to its handler with the [`Caller`], or refuses it.
async fn authenticate(
    State((state, routes)): State<(AppState, Arc<Routes>)>,
    mut request: Request,
    next: Next,
) -> Response {
    let allowance = match admit(&state, &mut request).await {
        Ok(allowance) => allowance,
        // Who may not do what nobody can do is told so.
        Err(refused) if refused.status == StatusCode::FORBIDDEN => {
            return routes.nothing_at(&request).unwrap_or_else(|| refused.into_response());
        }
        Err(refused) => return refused.into_response(),
    };
    let request = match routes.without_body(request, &state.shares).await {
        Ok(request) => request,
        Err(refused) => return refused.into_response(),
    };
    let mut response = next.run(request).await;
    if let Some(allowance) = allowance {
        allowance.tell(response.headers_mut());
    }
    response
}

/// Everything a request goes through before its handler, in order.
async fn admit(
    state: &AppState,
    request: &mut Request,
) -> Result<Option<limits::Allowance>, ApiError> {
    if request.extensions().get::<LocalTrust>().is_some() {
        let caller = people::Caller::operator();
        request.extensions_mut().insert(Entered { caller, reach: Reach::Everything });
        return Ok(None);
    }
    let guard = &state.guard;
    let (act, reach, is_needed) = match Door::at(request.method(), request.uri().path()) {
        Door::Open => return Ok(None),
        Door::SignIn => {
            csrf::check_origin(request.headers(), guard)?;
            guard.limits.admit_sign_in(client_address(
                request.extensions(),
                request.headers(),
                guard,
            ))?;
            return Ok(None);
        }
        Door::Asking(act) => (Some(act), act.reach(), false),
        Door::Guarded { act, reach } => (act, reach, true),
    };
    let cookie = SessionCookie::of(request.headers(), guard);
    let caller = match identify(state, request, cookie.as_ref()).await? {
        Some(caller) => caller,
        None if is_needed => return Err(nobody()),
        None => return Ok(None),
    };
    match act {
        Some(act) => caller.may(act)?,
        None => caller.require_whole_credential()?,
    }
    if reach == Reach::Everything {
        caller.require_every_account()?;
    }
    let allowance = guard.limits.admit(&caller, act)?;
    request.extensions_mut().insert(Entered { caller, reach });
    if let Some(cookie) = cookie {
        request.extensions_mut().insert(cookie);
    }
    Ok(allowance)
}

/// Whoever the credential of a request belongs to, where it has one.
async fn identify(
    state: &AppState,
    request: &mut Request,
    cookie: Option<&SessionCookie>,
) -> Result<Option<people::Caller>, ApiError> {
    let caller = match Credential::of(request.headers(), cookie)? {
        Credential::None => return Ok(None),
        Credential::Bearer(bearer) => state.people.by_bearer(bearer).await?,
        Credential::Key(key) => state.people.by_key(key).await?,
        Credential::Cookie(secret) => {
            csrf::check(request, secret, &state.guard)?;
            state.people.by_session(secret).await?
        }
    };
    if let Some(line) = request.extensions().get::<Arc<Line>>() {
        line.is_known_now();
    }
    Ok(Some(caller))
}

/// Whoever sends a request to a door that has rules of its own, and may see usage; `None` where
/// there is no credential.
pub async fn usage_reader(
    state: &AppState,
    request: &mut Request,
) -> Result<Option<people::Caller>, ApiError> {
    let cookie = SessionCookie::of(request.headers(), &state.guard);
    let Some(caller) = identify(state, request, cookie.as_ref()).await? else { return Ok(None) };
    caller.may(Act::SeeUsage)?;
    state.guard.limits.admit(&caller, Some(Act::SeeUsage))?;
    // So that what they send is counted as theirs, and not with all who have not said who they are.
    let entered = Entered { caller: caller.clone(), reach: Reach::Account };
    request.extensions_mut().insert(entered);
    Ok(Some(caller))
}

/// Whether a request brings anything by which its sender may be known.
pub fn has_credential(state: &AppState, headers: &axum::http::HeaderMap) -> bool {
    let cookie = SessionCookie::of(headers, &state.guard);
    !matches!(Credential::of(headers, cookie.as_ref()), Ok(Credential::None))
}

fn nobody() -> ApiError {
    ApiError::unauthorized("this needs a caller, and none was given")
}

/// Opens what is known about people, by the settings.
pub fn open_people(outlay: &outlay_engine::Outlay, config: &Config) -> anyhow::Result<Arc<People>> {
    let settings = outlay_engine::people::PeopleSettings {
        sessions: config.people.session_policy(),
        link_ttl: chrono::Duration::minutes(config.people.link_minutes.into()),
        issuers: trusted_issuers(config, &outlay.data_dir)?,
    };
    let people =
        People::open(&outlay.data_dir, outlay.books.clone(), outlay.clock.clone(), settings)?;
    Ok(Arc::new(people))
}
