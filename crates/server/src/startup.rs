//! Opens a data folder, and puts the parts together.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use axum::Router;
use outlay_engine::{Options, Outlay, SystemClock};

use crate::config::Config;
use crate::state::AppState;
use crate::{api, live};

/// The socket in the data folder on which commands reach the running server.
pub const SOCKET_FILE: &str = "outlay.sock";

/// What a data folder is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To serve until told to stop, with all background work.
    Serve,
    /// To run one command.
    Command,
}

/// An open data folder and all that works on it.
pub struct Server {
    state: AppState,
    data: PathBuf,
}

impl Server {
    /// Opens `data`, with the settings that stand in it and in the environment.
    pub async fn open(data: &Path, purpose: Purpose) -> anyhow::Result<Self> {
        let config = Config::load(None, data, std::env::vars())?;
        Self::open_with(data, config, purpose).await
    }

    /// Opens `data` with `config`.
    pub async fn open_with(data: &Path, config: Config, purpose: Purpose) -> anyhow::Result<Self> {
        install_tls();
        let options = Options {
            tail_events: config.history.tail_events,
            queue_events: config.ingest.queue_events,
            retention_days: config.history.retention_days,
            dedup_days: config.history.dedup_days,
            background: purpose == Purpose::Serve,
        };
        let folder = data.to_path_buf();
        let outlay = tokio::task::spawn_blocking(move || {
            Outlay::open(&folder, options, Arc::new(SystemClock))
        })
        .await?
        .with_context(|| format!("`{}` cannot be opened", data.display()))?;
        let state = AppState {
            outlay: Arc::new(outlay),
            config: Arc::new(config),
            metrics: Arc::default(),
        };
        Ok(Self { state, data: data.to_path_buf() })
    }

    /// All routes.
    pub fn router(&self) -> Router {
        api::router(self.state.clone())
    }

    /// All routes, with the live updates.
    pub fn live_router(&self) -> Router {
        live::attach(self.router(), &self.state)
    }

    /// What the handlers share.
    pub fn state(&self) -> &AppState {
        &self.state
    }

    /// The data folder.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// Takes in nothing more, writes what waits, and lets go of the folder.
    pub async fn stop(self) {
        let outlay = self.state.outlay.clone();
        if let Err(error) = tokio::task::spawn_blocking(move || outlay.stop()).await {
            tracing::error!(%error, "stopping was interrupted");
        }
    }
}

/// Chooses the cryptography for outgoing TLS, once a process.
pub fn install_tls() {
    // An error means that it was chosen before.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
