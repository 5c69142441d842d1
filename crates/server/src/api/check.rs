//! Whether everything that is stored is what was written.

use axum::Json;
use axum::extract::State;
use outlay_domain::people::Act;
use outlay_engine::check::CheckReport;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::Caller;
use crate::error::ApiError;
use crate::state::AppState;

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(check))
}

/// What a check examined, and what it found.
#[derive(Debug, Serialize, ToSchema)]
struct CheckBody {
    /// Whether nothing is wrong.
    ok: bool,
    /// Accounts whose sums were compared.
    accounts: usize,
    /// Events on them.
    events: i64,
    /// Facts that were read: events, and what amended them.
    facts: u64,
    /// Segments that are as they should be.
    segments: usize,
    /// Commits of the usage log.
    log_batches: u64,
    /// Counters of spend that were held against the facts.
    counters: usize,
    /// Accounts with a ledger whose balances were held against their postings.
    ledgers: usize,
    /// Subscriptions that were held against what happened to them.
    subscriptions: usize,
    /// Counters of limits that were held against the facts.
    limits: usize,
    /// Keys that repeats are known by.
    keys: u64,
    /// What is wrong.
    findings: Vec<FindingBody>,
}

/// One thing that is wrong.
#[derive(Debug, Serialize, ToSchema)]
struct FindingBody {
    /// Where: `books`, `log`, `tasks`, `history`, `totals`, `counters`, `ledger`, `plans`
    /// or `keys`.
    #[schema(value_type = String, example = "history")]
    place: &'static str,
    /// What is wrong.
    detail: String,
    /// What to do about it.
    #[schema(value_type = String)]
    remedy: &'static str,
}

impl From<CheckReport> for CheckBody {
    fn from(report: CheckReport) -> Self {
        let findings = report.findings.into_iter().map(|finding| FindingBody {
            place: finding.place,
            detail: finding.detail,
            remedy: finding.remedy,
        });
        let findings: Vec<_> = findings.collect();
        Self {
            ok: findings.is_empty(),
            accounts: report.accounts,
            events: report.events,
            facts: report.facts,
            segments: report.segments,
            log_batches: report.log_commits,
            counters: report.counters,
            ledgers: report.ledgers,
            subscriptions: report.subscriptions,
            limits: report.limits,
            keys: report.keys,
            findings,
        }
    }
}

/// Looks at everything that is stored: books against history against running totals.
///
/// It reads every byte, and takes its time. Writing goes on meanwhile.
#[utoipa::path(post, path = "/api/v1/check", operation_id = "check_data", tag = "operations",
    responses((status = 200, body = CheckBody), (status = 401, body = ApiError),
        (status = 403, body = ApiError)))]
async fn check(State(state): State<AppState>, caller: Caller) -> Result<Json<CheckBody>, ApiError> {
    caller.may(Act::Administer)?;
    let report = tokio::task::spawn_blocking(move || state.outlay.check())
        .await
        .map_err(|error| ApiError::internal(&error))??;
    Ok(Json(report.into()))
}
