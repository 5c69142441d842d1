//! Live updates.

use axum::Router;

use crate::state::AppState;

/// Adds the live updates to the routes.
pub fn attach(router: Router, _state: &AppState) -> Router {
    router
}
