//! Signing in, signing out, and asking who one is.

use axum::extract::{Extension, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use chrono_tz::Tz;
use outlay_domain::people::{Role, Scope, User, Via};
use outlay_engine::people::SignedIn;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::{Caller, ClientAddress, SessionCookie, SetCookie};
use crate::error::ApiError;
use crate::extract::Json;
use crate::state::AppState;

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(sign_in, who_am_i, sign_out)).routes(routes!(redeem_link))
}

/// A name and its password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SignIn {
    /// The user's id.
    #[schema(example = "alice")]
    user: String,
    /// Their password.
    #[schema(format = Password)]
    password: String,
}

/// What stands behind `#token=` in a sign-in link.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RedeemLink {
    /// The token of the link.
    #[schema(format = Password)]
    token: String,
}

/// Who is calling.
#[derive(Debug, Serialize, ToSchema)]
struct SessionBody {
    /// Whose session it is.
    user: NamedUser,
    /// What they may do at most.
    role: Role,
    /// Who pays for what they send without saying an account.
    account: String,
    /// The one account they see; `null` is every account.
    #[schema(required = true)]
    scope: Option<String>,
    /// How they proved who they are.
    via: ViaBody,
    /// What the key they came with is for; `null` is everything the role allows.
    #[schema(required = true)]
    scopes: Option<Vec<Scope>>,
    /// Whether they can sign in with a password.
    has_password: bool,
    /// What a page sends as `X-CSRF-Token` with every change; only in a session.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    csrf: Option<String>,
    /// The currency that amounts are in.
    currency: &'static str,
    /// The time zone whose days the pages begin with: `server.time_zone`.
    time_zone: &'static str,
    /// The program's version.
    version: &'static str,
}

/// A user, as people know them.
#[derive(Debug, Serialize, ToSchema)]
struct NamedUser {
    /// What they sign in by.
    id: String,
    /// What people call them.
    name: String,
}

/// How a caller proved who they are.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum ViaBody {
    /// By holding the data folder.
    Operator,
    /// By the cookie of a session.
    Session,
    /// By a token.
    Token,
    /// By a key.
    Key,
}

impl SessionBody {
    fn new(
        caller: &outlay_domain::people::Caller,
        user: Option<User>,
        csrf: Option<String>,
        tz: Tz,
    ) -> Self {
        let name = user.as_ref().map_or(caller.user.as_str(), |user| &user.name);
        Self {
            user: NamedUser { id: caller.user.to_string(), name: name.to_owned() },
            role: caller.role,
            account: caller.account.to_string(),
            scope: caller.scope().map(Into::into),
            via: match caller.via {
                Via::Operator => ViaBody::Operator,
                Via::Session { .. } => ViaBody::Session,
                Via::Token { .. } => ViaBody::Token,
                Via::Key { .. } => ViaBody::Key,
            },
            scopes: caller.scopes().map(|scopes| scopes.iter().collect()),
            has_password: user.is_some_and(|user| user.has_password),
            csrf,
            currency: "USD",
            time_zone: tz.name(),
            version: env!("CARGO_PKG_VERSION"),
        }
    }

    fn opened(signed_in: SignedIn, tz: Tz) -> Self {
        let via = Via::Session { id: signed_in.session.id };
        let caller = outlay_domain::people::Caller::of(&signed_in.user, via);
        let csrf = outlay_engine::people::csrf_token(signed_in.secret.reveal());
        Self::new(&caller, Some(signed_in.user), Some(csrf), tz)
    }
}

/// Signs in with a password, and sets the cookie of a session.
///
/// After a few wrong passwords the next attempt has to wait. A session that the browser had before
/// ends.
#[utoipa::path(post, path = "/api/v1/session", operation_id = "create_session",
    tag = "session", security(()),
    request_body = SignIn,
    responses(
        (status = 200, body = SessionBody, headers(("set-cookie" = String, description = "the session"))),
        (status = 400, body = ApiError), (status = 401, body = ApiError),
        (status = 403, body = ApiError, description = "sent by a page of another site"),
        (status = 429, body = ApiError)))]
async fn sign_in(
    State(state): State<AppState>,
    ClientAddress(address): ClientAddress,
    headers: HeaderMap,
    Json(body): Json<SignIn>,
) -> Result<Response, ApiError> {
    let before = SessionCookie::of(&headers, &state.guard);
    let before = before.as_ref().map(SessionCookie::secret);
    let signed_in = state.people.sign_in(&body.user, &body.password, address, before).await?;
    Ok(opened(&state, signed_in))
}

/// Signs in with a one-time link, and sets the cookie of a session.
#[utoipa::path(post, path = "/api/v1/session/link", operation_id = "redeem_link",
    tag = "session", security(()),
    request_body = RedeemLink,
    responses(
        (status = 200, body = SessionBody, headers(("set-cookie" = String, description = "the session"))),
        (status = 400, body = ApiError), (status = 401, body = ApiError),
        (status = 403, body = ApiError, description = "sent by a page of another site"),
        (status = 429, body = ApiError)))]
async fn redeem_link(
    State(state): State<AppState>,
    headers: HeaderMap,
    Json(body): Json<RedeemLink>,
) -> Result<Response, ApiError> {
    let before = SessionCookie::of(&headers, &state.guard);
    let before = before.as_ref().map(SessionCookie::secret);
    let signed_in = state.people.redeem_link(&body.token, before).await?;
    Ok(opened(&state, signed_in))
}

/// Says who is calling.
#[utoipa::path(get, path = "/api/v1/session", operation_id = "show_session", tag = "session",
    responses((status = 200, body = SessionBody), (status = 401, body = ApiError)))]
async fn who_am_i(
    State(state): State<AppState>,
    caller: Caller,
    cookie: Option<Extension<SessionCookie>>,
) -> Result<Json<SessionBody>, ApiError> {
    let user = match caller.via {
        Via::Operator => None,
        _ => Some(state.people.user(&caller, &caller.user).await?),
    };
    let csrf = match caller.via {
        Via::Session { .. } => cookie.map(|Extension(cookie)| cookie.csrf_token()),
        _ => None,
    };
    Ok(Json(SessionBody::new(&caller, user, csrf, state.config.server.time_zone)))
}

/// Signs out: ends the session, and takes its cookie back.
#[utoipa::path(delete, path = "/api/v1/session", operation_id = "end_session", tag = "session",
    responses((status = 204), (status = 401, body = ApiError), (status = 403, body = ApiError)))]
async fn sign_out(
    State(state): State<AppState>,
    caller: Caller,
) -> Result<(SetCookie, StatusCode), ApiError> {
    state.people.sign_out(&caller).await?;
    Ok((SetCookie::ended(&state.guard), StatusCode::NO_CONTENT))
}

/// The answer to a browser that has just signed in.
fn opened(state: &AppState, signed_in: SignedIn) -> Response {
    let cookie = SetCookie::opened(&signed_in, &state.guard);
    (cookie, Json(SessionBody::opened(signed_in, state.config.server.time_zone))).into_response()
}
