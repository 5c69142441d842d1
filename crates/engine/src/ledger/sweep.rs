//! What happens by itself: holds and grants expire, and grants take effect.

use std::sync::{Arc, Weak};
use std::time::Duration;

use outlay_store::StoreError;

use super::{Command, Ledger, LedgerError, check_account};
use crate::Outlay;
use crate::journal::AcceptError;
use crate::tasks::Task;

/// How often what is due is looked for.
const ROUND: Duration = Duration::from_secs(1);
/// Accounts that are seen to in one round, at most.
const ACCOUNTS_MAX: usize = 500;
/// Accounts whose balances are held against their postings in one round.
const CHECKED: usize = 4;
/// Postings of one account that are read at a time.
const CHECK_STEP: u32 = 500;
/// Accounts with more postings are held against them by `outlay check`, and not each time around.
const CHECKED_POSTINGS_MAX: i64 = 10_000;

impl Ledger {
    /// Puts away what is due; answers for how many accounts.
    pub async fn put_away(&self) -> Result<usize, LedgerError> {
        let now = self.now();
        let due = self.books.read(move |books| books.ledger().due(now, ACCOUNTS_MAX)).await?;
        let count = due.len();
        // All at once, so that they share a commit.
        let waiting: Vec<_> = due
            .into_iter()
            .map(|account| {
                let ledger = self.clone();
                tokio::spawn(async move { ledger.submit(Command::Ripen { account }).await })
            })
            .collect();
        for done in waiting {
            done.await.map_err(|_| LedgerError::NotTaken(AcceptError::Stopping))??;
        }
        Ok(count)
    }

    /// Holds some accounts after `after` against their postings; answers the last of them, or 0
    /// at the end, and what differs.
    pub async fn check_some(&self, after: i64) -> Result<(i64, Vec<String>), StoreError> {
        self.books
            .read(move |books| {
                let accounts = books.ledger().accounts(after, CHECKED)?;
                let mut found = Vec::new();
                for account in accounts.iter().filter(|known| known.last <= CHECKED_POSTINGS_MAX) {
                    let faults = check_account(books, account, CHECK_STEP)?;
                    found.extend(
                        faults.into_iter().map(|fault| format!("`{}`: {fault}", account.account)),
                    );
                }
                Ok((accounts.last().map_or(0, |account| account.number), found))
            })
            .await
    }
}

/// Puts away what is due each second, and holds balances against postings, some at a time, as long
/// as the folder is open.
pub async fn sweep(outlay: Weak<Outlay>, task: Arc<Task>) {
    let mut checked = 0;
    loop {
        let Some(open) = outlay.upgrade() else { return };
        let ledger = open.ledger();
        drop(open);
        let put_away = ledger.put_away().await;
        let is_more = matches!(put_away, Ok(ACCOUNTS_MAX));
        match (put_away, ledger.check_some(checked).await) {
            (Ok(_), Ok((next, found))) if found.is_empty() => {
                checked = next;
                task.done();
            }
            (Ok(_), Ok((next, found))) => {
                checked = next;
                let fault = Contradiction(found.join("; "));
                tracing::error!(%fault, "a balance is not what its postings come to");
                task.failed(&fault);
            }
            (Err(error), _) => task.failed(&error),
            (_, Err(error)) => task.failed(&error),
        }
        if !is_more {
            tokio::time::sleep(ROUND).await;
        }
    }
}

/// A ledger that contradicts itself.
#[derive(Debug, thiserror::Error)]
#[error("the ledger contradicts itself: {0}")]
struct Contradiction(String);
