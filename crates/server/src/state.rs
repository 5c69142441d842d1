//! What every handler can reach.

use std::ops::Deref;
use std::sync::{Arc, Weak};

use outlay_engine::Outlay;
use outlay_engine::alerts::Alerts;
use outlay_engine::people::People;

use crate::config::Config;
use crate::guard::Guard;
use crate::kept::Kept;
use crate::metrics::Metrics;
use crate::shares::Shares;

/// Shared by all requests. It is one pointer, because each layer of a route has its own for each of them.
#[derive(Clone)]
pub struct AppState(Arc<Parts>);

impl AppState {
    /// What all requests share.
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// The same for whoever must not keep it from ending.
    pub fn downgrade(&self) -> WeakState {
        WeakState(Arc::downgrade(&self.0))
    }
}

impl Deref for AppState {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

/// What all requests share, as long as there are any.
#[derive(Clone)]
pub struct WeakState(Weak<Parts>);

impl WeakState {
    /// The state, unless it has ended.
    pub fn upgrade(&self) -> Option<AppState> {
        self.0.upgrade().map(AppState)
    }
}

/// What there is to reach.
pub struct Parts {
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
