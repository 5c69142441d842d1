//! SQL over the history, for admins.

use std::sync::Arc;
use std::time::Duration;

use outlay_store::StoreError;
use outlay_store::history::History;
use outlay_store::history::sql::{self, SqlAnswer, SqlError, SqlLimits};
use thiserror::Error;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

/// Queries that are worked on at the same time.
const CONCURRENCY: usize = 1;
/// How long a query may wait for its turn.
const WAIT_LIMIT: Duration = Duration::from_secs(10);

/// Answers SQL queries.
pub struct SqlDesk {
    history: Arc<History>,
    limits: SqlLimits,
    turns: Arc<Semaphore>,
}

/// Why a query was not answered.
#[derive(Debug, Error)]
pub enum SqlDeskError {
    /// The query is at fault, or needs too much.
    #[error(transparent)]
    Sql(#[from] SqlError),
    /// Others were asked at the same time.
    #[error("another query is being worked on")]
    Busy,
}

impl SqlDesk {
    /// Answers from `history`, within `limits`.
    pub fn new(history: Arc<History>, limits: SqlLimits) -> Self {
        Self { history, limits, turns: Arc::new(Semaphore::new(CONCURRENCY)) }
    }

    /// Answers `query`.
    pub async fn run(&self, query: String) -> Result<SqlAnswer, SqlDeskError> {
        let turn = tokio::time::timeout(WAIT_LIMIT, self.turns.clone().acquire_owned());
        let Ok(Ok(turn)) = turn.await else { return Err(SqlDeskError::Busy) };
        let (history, limits) = (self.history.clone(), self.limits);
        let answer = spawn_blocking(move || {
            let _turn = turn;
            sql::run(&history.snapshot(), &query, limits)
        });
        Ok(answer.await.map_err(|error| {
            let how = error.to_string();
            SqlError::Store(StoreError::Damaged { what: "the history".into(), how })
        })??)
    }
}
