//! The settings of this dialect: `[dialects.alwrity]`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use AlwrityConfig as Settings;

/// ALwrity's billing and monitoring: its paths below `/api/subscription` and
/// `/api/content-planning/monitoring`. Its pages are let in by `server.cors_origins`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AlwrityConfig {
    /// Whether its clients are answered.
    pub enabled: bool,
}

/// Refuses what cannot work: nothing here can be wrong.
pub const fn judge(_own: &AlwrityConfig) -> Result<(), (&'static str, String)> {
    Ok(())
}
