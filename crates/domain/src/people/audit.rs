//! What was done that changes who may do what, or what was said before.

use chrono::{DateTime, Utc};
use compact_str::CompactString;

/// One line for the audit trail.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditRecord {
    /// When it was done.
    pub at: DateTime<Utc>,
    /// The id of the user who did it; `operator` for whoever holds the data folder.
    pub actor: CompactString,
    /// What was done, noun and verb, e.g. `user.disabled`.
    pub action: CompactString,
    /// To whom or what, e.g. a user's id.
    pub target: CompactString,
    /// Anything else, a JSON object. Never a secret.
    pub detail: serde_json::Value,
}

/// One line of the audit trail, as it was kept.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditEntry {
    /// Its place in the trail; later lines have greater ones.
    pub seq: i64,
    /// What it says.
    pub record: AuditRecord,
}
