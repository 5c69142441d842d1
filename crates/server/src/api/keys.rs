//! API keys: for programs that send usage or ask about it.

#![allow(unused_qualifications, reason = "what utoipa writes for `params(…)`")]

use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use outlay_domain::people::user::{account_name, display_name};
use outlay_domain::people::{ApiKey, KeyState, Scope, Scopes, UserId};
use outlay_engine::people::{KeyPage, NewKey};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::auth::Caller;
use crate::error::ApiError;
use crate::extract::{Json, Params, Path};
use crate::forms::paging::{page, page_size};
use crate::state::AppState;

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(revoke))
}

/// A key. Its secret is told when it is made, and never again.
#[derive(Debug, Serialize, ToSchema)]
struct KeyBody {
    /// Names the key.
    id: Uuid,
    /// The beginning of its secret, to know it by.
    #[schema(example = "olk_Xb4k9QpL")]
    prefix: String,
    /// What people call it.
    name: String,
    /// Whose key it is.
    user: String,
    /// What it is for.
    scopes: Vec<Scope>,
    /// The only account it sees and charges; `null` where that is what its user may.
    #[schema(required = true)]
    account: Option<String>,
    /// Whether it counts now.
    state: KeyState,
    /// Since when.
    created_at: DateTime<Utc>,
    /// Until when it counts; `null` is for ever.
    #[schema(required = true)]
    expires_at: Option<DateTime<Utc>>,
    /// When it was last used, to the minute or so; `null` is never.
    #[schema(required = true)]
    last_used_at: Option<DateTime<Utc>>,
    /// Since when it does not count; `null` where nobody ended it.
    #[schema(required = true)]
    revoked_at: Option<DateTime<Utc>>,
}

impl KeyBody {
    fn new(key: ApiKey, now: DateTime<Utc>) -> Self {
        Self {
            state: key.state(now),
            id: key.id,
            prefix: key.prefix.into(),
            name: key.name.into(),
            user: key.user.to_string(),
            scopes: key.scopes.iter().collect(),
            account: key.account.map(Into::into),
            created_at: key.created_at,
            expires_at: key.expires_at,
            last_used_at: key.last_used_at,
            revoked_at: key.revoked_at,
        }
    }
}

/// A new key with its secret, which is told this once.
#[derive(Serialize, ToSchema)]
struct CreatedKey {
    #[serde(flatten)]
    key: KeyBody,
    /// What the program sends as `Authorization: Bearer …` or `X-Api-Key: …`.
    #[schema(example = "olk_…")]
    secret: String,
}

/// A page of keys.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = KeyPage)]
struct KeyPageBody {
    /// The keys, the newest first.
    items: Vec<KeyBody>,
    /// What to send as `cursor` for the next page; `null` where this is the last.
    #[schema(required = true)]
    next_cursor: Option<String>,
}

/// Which page.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct KeyQuery {
    /// Only keys of this user; members see their own in any case.
    user: Option<String>,
    /// Keys on a page: 1 to 1,000.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<Uuid>,
}

/// A key that is to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CreateKey {
    /// What people call it.
    #[schema(example = "ingest of the shop", min_length = 1, max_length = 128)]
    name: String,
    /// What it is for, nothing that its user may not do.
    #[schema(min_items = 1)]
    scopes: Vec<Scope>,
    /// Whose key it is; the caller's own, where nothing is said.
    user: Option<String>,
    /// The only account it is to see and charge.
    #[schema(max_length = 256)]
    account: Option<String>,
    /// Until when it counts, no longer than the credential that makes it; as long as that, where
    /// nothing is said: for ever, for who signed in.
    #[serde(default, deserialize_with = "crate::moment::optional")]
    expires_at: Option<DateTime<Utc>>,
}

/// Lists keys, the newest first: members their own, admins everybody's.
#[utoipa::path(get, path = "/api/v1/keys", operation_id = "list_keys",
    tag = "keys", params(KeyQuery),
    responses((status = 200, body = KeyPageBody), (status = 400, body = ApiError),
        (status = 401, body = ApiError), (status = 403, body = ApiError)))]
async fn list(
    State(state): State<AppState>,
    caller: Caller,
    Params(query): Params<KeyQuery>,
) -> Result<Json<KeyPageBody>, ApiError> {
    let limit = page_size(query.limit)?;
    let user = query.user.as_deref().map(UserId::new).transpose()?;
    let asked = KeyPage { user, before: query.cursor, limit: limit + 1 };
    let keys = state.people.keys(&caller, asked).await?;
    let (keys, next_cursor) = page(keys, limit, |key| key.id.to_string());
    let now = state.outlay.clock.now();
    let items = keys.into_iter().map(|key| KeyBody::new(key, now)).collect();
    Ok(Json(KeyPageBody { items, next_cursor }))
}

/// Makes a key, and tells its secret this once: members their own, admins anybody's.
///
/// Credentials that are narrowed, or that another issuer signed, manage no keys.
#[utoipa::path(post, path = "/api/v1/keys", operation_id = "create_key",
    tag = "keys", request_body = CreateKey,
    responses((status = 201, body = CreatedKey), (status = 400, body = ApiError),
        (status = 401, body = ApiError), (status = 403, body = ApiError),
        (status = 404, body = ApiError, description = "there is no such user"),
        (status = 409, body = ApiError, description = "the user has as many as there may be")))]
async fn create(
    State(state): State<AppState>,
    caller: Caller,
    Json(body): Json<CreateKey>,
) -> Result<(StatusCode, Json<CreatedKey>), ApiError> {
    let (key, secret) = state.people.create_key(&caller, body.judged()?).await?;
    let key = KeyBody::new(key, state.outlay.clock.now());
    let body = CreatedKey { key, secret: secret.reveal().to_owned() };
    Ok((StatusCode::CREATED, Json(body)))
}

/// Ends a key: members their own, admins anybody's. Ending it again changes nothing.
#[utoipa::path(delete, path = "/api/v1/keys/{id}", operation_id = "revoke_key", tag = "keys",
    params(("id" = Uuid, Path, description = "the key's id")),
    responses((status = 200, body = KeyBody), (status = 400, body = ApiError),
        (status = 401, body = ApiError), (status = 403, body = ApiError),
        (status = 404, body = ApiError)))]
async fn revoke(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<KeyBody>, ApiError> {
    let key = state.people.revoke_key(&caller, id).await?;
    Ok(Json(KeyBody::new(key, state.outlay.clock.now())))
}

impl CreateKey {
    fn judged(self) -> Result<NewKey, ApiError> {
        Ok(NewKey {
            user: self.user.as_deref().map(UserId::new).transpose()?,
            name: display_name(&self.name)?,
            scopes: self.scopes.into_iter().collect::<Scopes>(),
            account: self.account.as_deref().map(account_name).transpose()?,
            expires_at: self.expires_at,
        })
    }
}
