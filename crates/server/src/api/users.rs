//! Users: who may come in, and as what.

#![allow(unused_qualifications, reason = "what utoipa writes for `params(…)`")]

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use outlay_domain::people::user::{account_name, display_name};
use outlay_domain::people::{Role, User, UserId};
use outlay_engine::people::{NewUser, PasswordChange, UserChange};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::{Caller, SetCookie};
use crate::error::ApiError;
use crate::extract::{Json, Params, Path};
use crate::forms::paging::{page, page_size};
use crate::state::AppState;

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show, change, delete))
        .routes(routes!(issue_link))
}

/// Someone who may come in.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct UserBody {
    /// What they sign in by.
    #[schema(example = "alice")]
    id: String,
    /// What people call them.
    name: String,
    /// Who pays for what they use.
    account: String,
    /// What they may do.
    role: Role,
    /// Since when.
    created_at: DateTime<Utc>,
    /// Since when they may not come in; `null` where they may.
    #[schema(required = true)]
    disabled_at: Option<DateTime<Utc>>,
    /// Whether they can sign in with a password.
    has_password: bool,
}

impl From<User> for UserBody {
    fn from(user: User) -> Self {
        Self {
            id: user.id.to_string(),
            name: user.name.into(),
            account: user.account.into(),
            role: user.role,
            created_at: user.created_at,
            disabled_at: user.disabled_at,
            has_password: user.has_password,
        }
    }
}

/// A page of users.
#[derive(Debug, Serialize, ToSchema)]
struct UserPage {
    /// The users, by id.
    items: Vec<UserBody>,
    /// What to send as `cursor` for the next page; `null` where this is the last.
    #[schema(required = true)]
    next_cursor: Option<String>,
}

/// Which page.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct UserQuery {
    /// Users on a page: 1 to 1,000.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// A user who is to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CreateUser {
    /// What they sign in by: 1 to 128 letters, digits and `. _ - @ + : | ~ =`. It never changes.
    #[schema(example = "alice@example.com", min_length = 1, max_length = 128)]
    id: String,
    /// What people call them; the id, where nothing is said.
    #[schema(max_length = 128)]
    name: Option<String>,
    /// Who pays for them; an account of the id's name, where nothing is said.
    #[schema(max_length = 256)]
    account: Option<String>,
    /// What they may do; a member, where nothing is said.
    role: Option<Role>,
    /// What they sign in with: ten characters or more. Without one they come by a link.
    #[schema(format = Password, min_length = 10, max_length = 1024)]
    password: Option<String>,
}

/// What is to change about a user; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ChangeUser {
    /// What people call them.
    #[schema(max_length = 128)]
    name: Option<String>,
    /// Who pays for them.
    #[schema(max_length = 256)]
    account: Option<String>,
    /// What they may do.
    role: Option<Role>,
    /// `true` keeps them out, `false` lets them in again.
    disabled: Option<bool>,
    /// `true` revokes all tokens that were signed for them here.
    revoke_tokens: Option<bool>,
    /// Another password; it changes alone. Ends all their sessions.
    #[schema(format = Password, min_length = 10, max_length = 1024)]
    password: Option<String>,
    /// The present password, for those who change their own.
    #[schema(format = Password)]
    current_password: Option<String>,
}

/// A link that signs a user in, once.
#[derive(Debug, Serialize, ToSchema)]
struct LinkBody {
    /// Whom it signs in.
    user: String,
    /// The link; whoever opens it first is signed in.
    url: String,
    /// Until when it counts.
    expires_at: DateTime<Utc>,
}

/// Lists the users, by id. Admins only.
#[utoipa::path(get, path = "/api/v1/users", operation_id = "list_users",
    tag = "users", params(UserQuery),
    responses((status = 200, body = UserPage), (status = 400, body = ApiError),
        (status = 401, body = ApiError), (status = 403, body = ApiError)))]
async fn list(
    State(state): State<AppState>,
    caller: Caller,
    Params(query): Params<UserQuery>,
) -> Result<Json<UserPage>, ApiError> {
    let limit = page_size(query.limit)?;
    let users = state.people.users(&caller, query.cursor, limit + 1).await?;
    let (users, next_cursor) = page(users, limit, |user| user.id.to_string());
    let items = users.into_iter().map(UserBody::from).collect();
    Ok(Json(UserPage { items, next_cursor }))
}

/// Adds a user. Admins only.
#[utoipa::path(post, path = "/api/v1/users", operation_id = "create_user",
    tag = "users", request_body = CreateUser,
    responses((status = 201, body = UserBody), (status = 400, body = ApiError),
        (status = 401, body = ApiError), (status = 403, body = ApiError),
        (status = 409, body = ApiError, description = "the name is taken"),
        (status = 429, body = ApiError)))]
async fn create(
    State(state): State<AppState>,
    caller: Caller,
    Json(body): Json<CreateUser>,
) -> Result<(StatusCode, Json<UserBody>), ApiError> {
    let user = state.people.create_user(&caller, body.judged()?).await?;
    Ok((StatusCode::CREATED, Json(user.into())))
}

/// Shows a user: oneself, or anybody for admins.
#[utoipa::path(get, path = "/api/v1/users/{id}", operation_id = "show_user", tag = "users",
    params(("id" = String, Path, description = "the user's id")),
    responses((status = 200, body = UserBody), (status = 401, body = ApiError),
        (status = 403, body = ApiError), (status = 404, body = ApiError)))]
async fn show(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<UserBody>, ApiError> {
    let user = state.people.user(&caller, &known_id(&id)?).await?;
    Ok(Json(user.into()))
}

/// Changes a user: admins anybody, and everybody their own password.
///
/// A change of password ends all sessions of the user. Those who change their own get a new cookie.
#[utoipa::path(patch, path = "/api/v1/users/{id}", operation_id = "change_user",
    tag = "users", request_body = ChangeUser,
    params(("id" = String, Path, description = "the user's id")),
    responses((status = 200, body = UserBody), (status = 400, body = ApiError),
        (status = 401, body = ApiError),
        (status = 403, body = ApiError, description = "not allowed, or `wrong_password`"),
        (status = 404, body = ApiError),
        (status = 409, body = ApiError, description = "it would be the end of the last admin"),
        (status = 429, body = ApiError)))]
async fn change(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
    Json(body): Json<ChangeUser>,
) -> Result<Response, ApiError> {
    let id = known_id(&id)?;
    match body.judged(&id)? {
        Change::User(change) => {
            let user = state.people.change_user(&caller, &id, change).await?;
            Ok(Json(UserBody::from(user)).into_response())
        }
        Change::Password(change) => {
            let signed_in = state.people.set_password(&caller, change).await?;
            let user = state.people.user(&caller, &id).await?;
            let cookie = signed_in.map(|signed_in| SetCookie::opened(&signed_in, &state.guard));
            Ok((cookie, Json(UserBody::from(user))).into_response())
        }
    }
}

/// Deletes a user with their keys and sessions. What they used stays. Admins only.
#[utoipa::path(delete, path = "/api/v1/users/{id}", operation_id = "delete_user", tag = "users",
    params(("id" = String, Path, description = "the user's id")),
    responses((status = 204), (status = 401, body = ApiError), (status = 403, body = ApiError),
        (status = 404, body = ApiError),
        (status = 409, body = ApiError, description = "it is the last admin")))]
async fn delete(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    state.people.delete_user(&caller, &known_id(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Makes a link that signs the user in once, in the place of an older one. Admins only.
#[utoipa::path(post, path = "/api/v1/users/{id}/link", operation_id = "issue_link", tag = "users",
    params(("id" = String, Path, description = "the user's id")),
    responses((status = 201, body = LinkBody), (status = 401, body = ApiError),
        (status = 403, body = ApiError), (status = 404, body = ApiError),
        (status = 409, body = ApiError, description = "the user is disabled")))]
async fn issue_link(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<LinkBody>), ApiError> {
    let url = state.guard.public_url();
    let link = state.people.issue_link(&caller, &known_id(&id)?, &url).await?;
    let body = LinkBody { user: link.user.to_string(), url: link.url, expires_at: link.expires_at };
    Ok((StatusCode::CREATED, Json(body)))
}

impl CreateUser {
    fn judged(self) -> Result<NewUser, ApiError> {
        let id = UserId::new(&self.id).map_err(|refusal| ApiError::from(refusal).at("id"))?;
        Ok(NewUser {
            id,
            name: self.name.as_deref().map(display_name).transpose()?,
            account: self.account.as_deref().map(account_name).transpose()?,
            role: self.role.unwrap_or(Role::Member),
            password: self.password,
        })
    }
}

enum Change {
    User(UserChange),
    Password(PasswordChange),
}

impl ChangeUser {
    fn judged(self, id: &UserId) -> Result<Change, ApiError> {
        let change = UserChange {
            name: self.name.as_deref().map(display_name).transpose()?,
            account: self.account.as_deref().map(account_name).transpose()?,
            role: self.role,
            disabled: self.disabled,
            revoke_tokens: self.revoke_tokens.unwrap_or(false),
        };
        match self.password {
            None if self.current_password.is_some() => {
                Err(ApiError::bad_request("malformed", "password", "must be given too"))
            }
            None => Ok(Change::User(change)),
            Some(_) if change != UserChange::default() => {
                let detail = "changes alone: send the other fields in a request of their own";
                Err(ApiError::bad_request("malformed", "password", detail))
            }
            Some(new) => Ok(Change::Password(PasswordChange {
                user: id.clone(),
                current: self.current_password,
                new,
            })),
        }
    }
}

/// Reads an id out of a path: what cannot be an id is nobody's.
fn known_id(text: &str) -> Result<UserId, ApiError> {
    UserId::new(text).map_err(|_| ApiError::not_found(format!("there is no user `{text}`")))
}
