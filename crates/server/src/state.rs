//! What every handler can reach.

use std::sync::Arc;

use outlay_engine::Outlay;
use outlay_engine::alerts::Alerts;
use outlay_engine::people::People;

use crate::config::Config;
use crate::guard::Guard;
use crate::kept::Kept;
use crate::metrics::Metrics;
use crate::shares::Shares;

/// Shared by all requests; cheap to clone.
#[derive(Clone)]
pub struct AppState {
    /// The use cases.
    pub outlay: Arc<Outlay>,
    /// What somebody wants to know of.
    pub alerts: Arc<Alerts>,
    /// Who may come in.
    pub people: Arc<People>,
    /// Who is let in.
    pub guard: Arc<Guard>,
    /// The settings.
    pub config: Arc<Config>,
    /// What all requests share.
    pub shares: Arc<Shares>,
    /// What the server measures about itself.
    pub metrics: Arc<Metrics>,
    /// What parts of the server remember, each for itself.
    pub kept: Arc<Kept>,
}
