#![doc = include_str!("README.md")]

mod acts;
pub(crate) mod counters;
mod hard;
mod imported;
mod outlook;
mod status;

use std::sync::Arc;

use chrono::NaiveDate;
use compact_str::CompactString;
use outlay_domain::Amount;
use outlay_domain::budgets::{Budget, BudgetDraft, BudgetError, Period};
use outlay_domain::imports::ImportedBudgets;
use outlay_domain::people::Denied;
use outlay_store::{Books, StoreError, View};
use thiserror::Error;

use crate::journal::{AcceptError, Journal};
use crate::usage::{Questions, UnansweredError};
use crate::{Asker, Clock, Outlay};

pub use counters::tend as tend_counters;
pub(crate) use hard::HardBudgets;
pub(crate) use hard::HardList;
pub use imported::is_imported;
pub use outlook::{Outlook, range_of_sum};
#[cfg(test)]
use status::Held;
pub(crate) use status::counted_remaining;
pub use status::{BudgetRefusal, BudgetStatus, Judged, Reached, UnjudgedBudget};

/// Budgets that may be kept, at most.
pub const BUDGETS_MAX: usize = 1_000;

/// Where budgets are kept and held against spend, for somebody who asks: they see what their account
/// may see, and only admins change anything. Cheap to clone.
#[derive(Clone)]
pub struct Budgets {
    books: Arc<Books>,
    journal: Arc<Journal>,
    hard: Arc<HardBudgets>,
    questions: Questions,
    asker: Asker,
    clock: Arc<dyn Clock>,
}

/// Why a budget was not kept, changed or held against spend.
#[derive(Debug, Error)]
pub enum BudgetsError {
    /// Whoever asks may not do that.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// Whoever asks sees one account, and asked for another.
    #[error("the caller may only ask for `{0}`")]
    OtherAccount(CompactString),
    /// It cannot be.
    #[error(transparent)]
    Budget(#[from] BudgetError),
    /// There is none of that id.
    #[error("there is no budget `{0}`")]
    Unknown(CompactString),
    /// There is another one of that id.
    #[error("there is another budget `{0}`")]
    Taken(CompactString),
    /// There are as many as there may be.
    #[error("there are {BUDGETS_MAX} budgets already")]
    TooMany,
    /// Spend could not be asked for.
    #[error(transparent)]
    Unanswered(#[from] UnansweredError),
    /// The books could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What was to be written was not taken into a commit.
    #[error(transparent)]
    NotTaken(#[from] AcceptError),
}

impl BudgetsError {
    /// Whether it lies in the budget alone, so that others can still be held against spend.
    pub const fn is_of_budget(&self) -> bool {
        use UnansweredError::{Question, TooManyGroups, TooSlow};
        matches!(self, Self::Budget(_) | Self::Unanswered(Question(_) | TooManyGroups | TooSlow(_)))
    }
}

impl Outlay {
    /// Where budgets are, for somebody who asks about them.
    pub fn budgets(&self, asker: impl Into<Asker>) -> Budgets {
        let asker = asker.into();
        Budgets {
            books: self.books.clone(),
            journal: self.journal.clone(),
            hard: self.hard_budgets.clone(),
            questions: self.questions.by(asker.by()),
            asker,
            clock: self.clock.clone(),
        }
    }
}

impl Budgets {
    /// All budgets that whoever asks may see, those of older systems included, by name.
    pub async fn all(&self) -> Result<Vec<Budget>, StoreError> {
        let mut all = self.books.read(kept).await?;
        all.retain(|budget| self.is_seen(budget));
        Ok(all)
    }

    fn is_seen(&self, budget: &Budget) -> bool {
        budget.is_seen_by(self.asker.scope().as_deref())
    }

    /// The budget of that id.
    pub async fn one(&self, id: &str) -> Result<Budget, BudgetsError> {
        let found = self.all().await?.into_iter().find(|budget| budget.id == id);
        found.ok_or_else(|| unknown(id))
    }

    /// What may be spent on everything from `first` to `last`, which are a month of the calendar.
    ///
    /// A budget that was made or changed here goes before an imported one, and one for that very
    /// month before one for each; among equals the first by name counts. Of the imported ones only
    /// those for that very month do: the systems that they are from hold months against no other.
    pub async fn of_month(
        &self,
        first: NaiveDate,
        last: NaiveDate,
    ) -> Result<Option<Amount>, StoreError> {
        let only = Period::Once { first, last };
        let all = self.all().await?;
        let of_month = all.iter().filter(|budget| {
            let BudgetDraft { scope, period, .. } = &budget.draft;
            let is_of_each = *period == Period::Month {} && !is_imported(budget);
            scope.is_everything() && (*period == only || is_of_each)
        });
        let rank = |budget: &&Budget| (is_imported(budget), budget.draft.period != only);
        Ok(of_month.min_by_key(rank).map(|budget| budget.draft.amount))
    }

    /// What may be spent on everything in each day; a budget that was made or changed here goes
    /// before an imported one.
    pub async fn of_each_day(&self) -> Result<Option<Amount>, StoreError> {
        let all = self.all().await?;
        let is_of_day = |budget: &&Budget| {
            budget.draft.scope.is_everything() && budget.draft.period == Period::Day {}
        };
        let of_day = all.iter().filter(is_of_day).min_by_key(|budget| is_imported(budget));
        Ok(of_day.map(|budget| budget.draft.amount))
    }

    /// Keeps a new budget under `id`. The same draft under a known id is kept once.
    pub async fn create(
        &self,
        id: CompactString,
        draft: BudgetDraft,
    ) -> Result<Budget, BudgetsError> {
        self.asker.require_admin()?;
        self.journal.act(acts::Create { id, draft, actor: self.asker.name() }).await
    }

    /// Lets the budget of that id say `draft` from now on.
    pub async fn change(&self, id: &str, draft: BudgetDraft) -> Result<Budget, BudgetsError> {
        self.asker.require_admin()?;
        self.journal.act(acts::Change { id: id.into(), draft, actor: self.asker.name() }).await
    }

    /// Puts the budget of that id away.
    pub async fn remove(&self, id: &str) -> Result<Budget, BudgetsError> {
        self.asker.require_admin()?;
        self.journal.act(acts::Remove { id: id.into(), actor: self.asker.name() }).await
    }

    /// Keeps the budgets of an older system in place of those that it had before.
    pub async fn take_over(&self, budgets: ImportedBudgets) -> Result<(), BudgetsError> {
        self.asker.require_admin()?;
        self.journal.act(acts::TakeOver(budgets)).await
    }
}

/// All budgets, those of older systems included, by name.
fn kept(books: &View<'_>) -> Result<Vec<Budget>, StoreError> {
    let (kept, imported) = (books.budgets().all()?, books.imports().budgets()?);
    let mut all: Vec<Budget> = imported
        .iter()
        .flat_map(imported::budgets)
        .filter(|budget| kept.iter().all(|kept| kept.id != budget.id))
        .collect();
    all.extend(kept.into_iter().filter_map(|kept| kept.budget));
    all.sort_by(|a, b| (&a.draft.name, &a.id).cmp(&(&b.draft.name, &b.id)));
    Ok(all)
}

fn unknown(id: &str) -> BudgetsError {
    BudgetsError::Unknown(id.chars().take(100).collect())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
