//! What a dialect is: all that a door for the clients of an older system gives to the server.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use futures::future::BoxFuture;
use outlay_engine::tasks::Task;

use crate::state::AppState;

/// A dialect that is switched on, made from its settings.
pub struct Dialect {
    /// The older system, as its people call it.
    pub of: &'static str,
    /// Puts its routes beside the server's own, and its live updates too where there are any.
    pub routes: fn(Router<AppState>, &AppState, has_live: bool) -> Router<AppState>,
    /// The ports of its own.
    pub ports: Vec<Port>,
    /// What to do where its settings do not let in those whom it seems to be for.
    pub warning: Option<String>,
    /// What it adds to the server's metrics.
    pub metrics: Option<MetricsText>,
}

/// Makes metrics in the text format of Prometheus, or says why there are none now.
pub type MetricsText = fn(AppState) -> BoxFuture<'static, Result<String, String>>;

/// A port of a dialect's own.
pub struct Port {
    /// What the task that answers there is called.
    pub name: &'static str,
    /// Where it listens.
    pub address: SocketAddr,
    /// What can be done where the address is taken.
    pub remedy: &'static str,
    /// All that is answered there.
    pub router: fn(AppState) -> Router,
}

/// Follows what an older system writes, as long as the server runs.
pub struct Follower {
    /// What its task is called.
    pub name: &'static str,
    /// Begins to follow: with the server's state, and with its API as the data folder's owner calls it.
    pub follow: Box<dyn Fn(AppState, Router, Arc<Task>) -> BoxFuture<'static, ()> + Send>,
}
