//! What the server measures about itself, in the text format of Prometheus.
//!
//! Read from the state that the product has anyway, when it is asked for: so it agrees with the
//! books. `docs/guide/operations.md` lists every name.

pub mod http;
pub mod page;
mod process;

use std::time::{SystemTime, UNIX_EPOCH};

use outlay_store::StoreError;

use crate::state::AppState;
use page::{Kind, Page};

/// When the process started, and what it counts beside the books.
#[derive(Debug)]
pub struct Metrics {
    /// Counters of requests.
    pub http: std::sync::Arc<http::HttpMetrics>,
    started_at: SystemTime,
}

impl Default for Metrics {
    fn default() -> Self {
        Self { http: std::sync::Arc::default(), started_at: SystemTime::now() }
    }
}

/// All metrics.
pub fn render(state: &AppState) -> Result<String, StoreError> {
    let mut page = Page::default();
    page.family(Kind::Gauge, "outlay_build_info", "The program that runs.")
        .sample(&[("version", env!("CARGO_PKG_VERSION"))], 1);
    state.metrics.http.write(&mut page);
    if let Some(bytes) = process::free_bytes(&state.outlay.data_dir) {
        let help = "Space left on the disk of the data folder.";
        page.single(Kind::Gauge, "outlay_data_free_bytes", help, bytes);
    }
    process::write(&mut page);
    let started = state.metrics.started_at.duration_since(UNIX_EPOCH).unwrap_or_default();
    page.single(
        Kind::Gauge,
        "process_start_time_seconds",
        "When the process started, in seconds since 1970.",
        started.as_secs(),
    );
    Ok(page.into_text())
}
