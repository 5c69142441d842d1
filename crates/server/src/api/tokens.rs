//! Tokens: JWTs that we sign, for programs and for trying things out.

use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Duration, Utc};
use outlay_domain::people::{Role, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::Caller;
use crate::error::ApiError;
use crate::extract::Json;
use crate::state::AppState;

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(mint))
}

/// A token that is to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct MintToken {
    /// Whom it names; made where there is no such user.
    #[schema(example = "alice")]
    user: String,
    /// The role it is for, which the user must have, or an admin. A new user gets this role; a
    /// member, where nothing is said.
    role: Option<Role>,
    /// How long it counts: from a second to ten years, and no longer than the credential that
    /// makes it; 30 days, where nothing is said and that counts so long.
    #[schema(minimum = 1, default = 2_592_000)]
    ttl_seconds: Option<i64>,
}

/// A token, which is told this once.
#[derive(Serialize, ToSchema)]
struct TokenBody {
    /// What the program sends as `Authorization: Bearer …`.
    token: String,
    /// Always `Bearer`.
    token_type: &'static str,
    /// Whom it names.
    user: String,
    /// What it lets them do.
    role: Role,
    /// Who pays for what they send.
    account: String,
    /// Until when it counts.
    expires_at: DateTime<Utc>,
    /// Whether the user was made for it.
    user_created: bool,
}

/// Signs a token for a user, who is made where there is none. Admins only.
///
/// Credentials that are narrowed, or that another issuer signed, make none.
#[utoipa::path(post, path = "/api/v1/tokens", operation_id = "mint_token",
    tag = "tokens", request_body = MintToken,
    responses((status = 201, body = TokenBody), (status = 400, body = ApiError),
        (status = 401, body = ApiError), (status = 403, body = ApiError),
        (status = 409, body = ApiError, description = "the user is disabled or has another role")))]
async fn mint(
    State(state): State<AppState>,
    caller: Caller,
    Json(body): Json<MintToken>,
) -> Result<(StatusCode, Json<TokenBody>), ApiError> {
    let user = UserId::new(&body.user)?;
    let ttl = body.ttl_seconds.map(|ttl| Duration::try_seconds(ttl).unwrap_or(Duration::MAX));
    let minted = state.people.mint_token(&caller, &user, body.role, ttl).await?;
    let body = TokenBody {
        token: minted.token,
        token_type: "Bearer",
        user: minted.user.id.to_string(),
        role: minted.role.unwrap_or(minted.user.role),
        account: minted.user.account.into(),
        expires_at: minted.expires_at,
        user_created: minted.user_created,
    };
    Ok((StatusCode::CREATED, Json(body)))
}
