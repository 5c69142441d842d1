#![doc = include_str!("README.md")]

mod command;
mod sweep;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
mod time;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use compact_str::CompactString;
use outlay_domain::Amount;
use outlay_domain::ledger::{
    Grant, Ledger as Touched, Place, Places, Posting, Statement, Terms, Unit,
};
use outlay_store::sqlite::ledger::{KeptHold, LedgerAccount};
use outlay_store::{Books, StoreError, View};

use crate::Outlay;
use crate::journal::{Journal, load_ledger};

pub use command::{
    Asked, Authorized, Captured, Command, Done, Given, HoldName, LedgerError, Limit, Reached,
    Subscribed, Uses, Wanted,
};
pub use sweep::sweep;
pub use time::LedgerTime;

/// What stands between the source and the id of an event in the id of its posting: a control
/// character, which neither may hold.
pub const EVENT_PARTED: char = '\u{1f}';

/// Postings that are read at a time for a statement.
const STATEMENT_STEP: u32 = 1_000;

/// How long something is set aside on hard budgets without credit of the account behind it, in seconds,
/// at most: whoever has none would otherwise keep a budget from all others for as long as they like.
pub const UNCOVERED_SECONDS_MAX: u32 = 900;

/// Open holds that are looked at for who reads a balance, at most. More than that expired at once
/// are told of once they are put away.
const EXPIRED_READ_MAX: usize = 1_000;

/// Where credit is given, held, taken and read; cheap to clone.
#[derive(Clone)]
pub struct Ledger {
    books: Arc<Books>,
    journal: Arc<Journal>,
    time: Arc<LedgerTime>,
}

/// A page of something.
pub type Page<T> = Vec<T>;

impl Outlay {
    /// Where credit is.
    pub fn ledger(&self) -> Ledger {
        Ledger {
            books: self.books.clone(),
            journal: self.journal.clone(),
            time: self.ledger_time.clone(),
        }
    }
}

impl Ledger {
    /// Does what `command` asks for. It is on the disk when this answers.
    pub async fn submit(&self, command: Command) -> Result<Done, LedgerError> {
        self.journal.ledger(command).await
    }

    /// What the time is, by which holds and grants expire.
    pub fn now(&self) -> DateTime<Utc> {
        self.time.now()
    }

    /// What an account has, by unit, with its terms; `None` where it has no ledger.
    ///
    /// What is due and not put away yet is taken for done.
    pub async fn balance(&self, account: CompactString) -> Result<Option<Standing>, StoreError> {
        let now = self.time.now();
        self.books
            .read(move |books| {
                let Some(account) = books.ledger().account(&account)? else { return Ok(None) };
                Ok(Some(Standing { ledger: ripened(books, &account, now)?, account }))
            })
            .await
    }

    /// Grants of an account, the newest first, of smaller numbers than `before`.
    pub async fn grants(
        &self,
        account: CompactString,
        before: i64,
        limit: u32,
    ) -> Result<Page<(Unit, Grant)>, StoreError> {
        self.page(account, move |books, number| books.ledger().grants(number, before, limit)).await
    }

    /// Holds of an account, the newest first, of smaller numbers than `before`.
    pub async fn holds(
        &self,
        account: CompactString,
        before: i64,
        limit: u32,
    ) -> Result<(i64, Page<KeptHold>), StoreError> {
        let page = self.page(account, move |books, number| {
            Ok(vec![(number, books.ledger().holds(number, before, limit)?)])
        });
        Ok(page.await?.pop().unwrap_or_default())
    }

    /// Postings of an account, the newest first, of smaller numbers than `before`.
    pub async fn postings(
        &self,
        account: CompactString,
        before: i64,
        limit: u32,
    ) -> Result<Page<Posting>, StoreError> {
        self.page(account, move |books, number| books.ledger().postings(number, before, limit))
            .await
    }

    /// What happened to an account in `[from, to)`; nothing where it has no ledger.
    ///
    /// What is due by then is put away first, so that a period that is over never changes.
    pub async fn statement(
        &self,
        account: CompactString,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<Statement, LedgerError> {
        let now = self.time.now();
        let name = account.clone();
        let found = self.books.read(move |books| books.ledger().account(&name)).await?;
        if found.is_some_and(|account| account.due.is_some_and(|due| due <= now && due < to)) {
            self.submit(Command::Ripen { account: account.clone() }).await?;
        }
        let (number, mut after, end, mut statement) = self
            .books
            .read(move |books| {
                let Some(LedgerAccount { number, last, .. }) = books.ledger().account(&account)?
                else {
                    return Ok((0, 0, 0, Statement::default()));
                };
                let first = books.ledger().first_from(number, last, from)?;
                let end = books.ledger().first_from(number, last, to)?;
                let mut statement = Statement::default();
                for (unit, _) in books.ledger().purses(number)? {
                    let opening = books.ledger().balance_before(number, &unit, first)?;
                    statement.open(unit, opening);
                }
                Ok((number, first - 1, end, statement))
            })
            .await?;
        // Some at a time, so that no other reader waits for long: what was posted stays as it is.
        while after + 1 < end {
            let page = self
                .books
                .read(move |books| books.ledger().postings_after(number, after, STATEMENT_STEP))
                .await?;
            let within = page.iter().filter(|posting| posting.number < end);
            within.for_each(|posting| statement.take_posting(posting));
            match page.last() {
                Some(posting) => after = posting.number,
                None => break,
            }
        }
        Ok(statement)
    }

    async fn page<T: Send + 'static>(
        &self,
        account: CompactString,
        read: impl FnOnce(&View<'_>, i64) -> Result<Vec<T>, StoreError> + Send + 'static,
    ) -> Result<Page<T>, StoreError> {
        self.books
            .read(move |books| match books.ledger().account(&account)? {
                Some(account) => read(books, account.number),
                None => Ok(Vec::new()),
            })
            .await
    }
}

/// What an account has.
#[derive(Debug)]
pub struct Standing {
    /// The account.
    pub account: LedgerAccount,
    /// Its purses.
    pub ledger: Touched,
}

impl Standing {
    /// What it agreed to.
    pub fn terms(&self) -> Terms {
        self.account.terms
    }
}

/// An account's ledger as it would be if it were touched at `now`.
fn ripened(
    books: &View<'_>,
    account: &LedgerAccount,
    now: DateTime<Utc>,
) -> Result<Touched, StoreError> {
    let mut ledger = load_ledger(books, account)?;
    if account.due.is_some_and(|due| due <= now) {
        for KeptHold { hold, .. } in
            books.ledger().open_until(account.number, now, EXPIRED_READ_MAX)?
        {
            for number in hold.shares.iter().filter_map(|share| share.grant) {
                if let Some((unit, grant)) = books.ledger().grant(account.number, number)? {
                    ledger.know_grant(&unit, grant);
                }
            }
            ledger.know_hold(hold);
        }
        ledger.ripen(now).map_err(|refusal| damaged(account, &refusal.to_string()))?;
    }
    Ok(ledger)
}

fn damaged(account: &LedgerAccount, how: &str) -> StoreError {
    StoreError::Damaged { what: format!("the ledger of `{}`", account.account), how: how.into() }
}

/// Holds what is kept of an account against its postings; answers what differs.
///
/// Reads `step` postings at a time, so that no other reader waits for long.
pub(crate) fn check_account(
    books: &View<'_>,
    account: &LedgerAccount,
    step: u32,
) -> Result<Vec<String>, StoreError> {
    use std::collections::BTreeMap;
    let mut places: BTreeMap<Unit, Places> = BTreeMap::new();
    let mut parts: BTreeMap<(bool, i64), i128> = BTreeMap::new();
    let mut last = 0;
    let mut found = Vec::new();
    loop {
        let page = books.ledger().postings_after(account.number, last, step)?;
        for posting in &page {
            if posting.number != last + 1 {
                found.push(format!("postings {} to {} are missing", last + 1, posting.number - 1));
            }
            last = posting.number;
            let sum: i128 =
                posting.entries.iter().map(|entry| i128::from(entry.amount.nanos())).sum();
            if sum != 0 {
                found.push(format!("the entries of posting {last} sum to {sum} billionths"));
            }
            let known = places.entry(posting.unit.clone()).or_default();
            match known.after(&posting.entries).filter(Places::are_sound) {
                Some(after) => *known = after,
                None => found.push(format!("posting {last} takes what is not there")),
            }
            if posting.balance != known.balance() {
                found.push(format!("posting {last} tells of another balance than its entries"));
            }
            for entry in &posting.entries {
                let part = match entry.place {
                    Place::Grant(number) => (true, number),
                    Place::Hold(number) => (false, number),
                    _ => continue,
                };
                *parts.entry(part).or_default() += i128::from(entry.amount.nanos());
            }
            if found.len() > 10 {
                return Ok(found);
            }
        }
        if page.len() < step as usize {
            break;
        }
    }
    if last != account.last {
        found.push(format!(
            "it has posted {} times by its own account and {last} by its postings",
            account.last
        ));
    }
    for (unit, kept) in books.ledger().purses(account.number)? {
        if kept != places.remove(&unit).unwrap_or_default() {
            found.push(format!("its balance in {unit} is not what its postings come to"));
        }
    }
    let left = places.into_iter().filter(|(_, places)| *places != Places::default());
    found.extend(left.map(|(unit, _)| format!("its balance in {unit} is missing")));
    for ((is_grant, number), nanos) in parts {
        let kept = match is_grant {
            true => books.ledger().grant(account.number, number)?.map(|(_, grant)| grant.free),
            false => books.ledger().hold(account.number, number)?.map(|kept| open_part(&kept)),
        };
        if kept.map(|kept| i128::from(kept.nanos())) != Some(nanos) {
            let what = if is_grant { "grant" } else { "hold" };
            found.push(format!("{what} {number} has not what its postings come to"));
        }
    }
    Ok(found)
}

fn open_part(kept: &KeptHold) -> Amount {
    match kept.hold.state {
        outlay_domain::ledger::HoldState::Held => kept.hold.funded(),
        _ => Amount::ZERO,
    }
}
