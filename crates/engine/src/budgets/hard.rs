//! The hard budgets, by what is about to be spent on.

use std::collections::BTreeMap;
use std::sync::Arc;

use outlay_domain::budgets::{Budget, Enforcement, Scopes};
use outlay_store::{Books, StoreError, View};
use parking_lot::Mutex;
use tokio::sync::watch;

use super::kept;
use crate::journal::{Journal, Topic};

/// The hard budgets, found without a look at the others, of which there may be a thousand.
///
/// They are read from the books again when a commit told that budgets changed; who changed one was
/// not answered before that.
pub struct HardBudgets {
    /// Counts the changes of what is watched, budgets among it.
    changes: watch::Receiver<u64>,
    known: Mutex<Option<Arc<Known>>>,
}

struct Known {
    /// How many changes there had been when they were read.
    changes: u64,
    list: HardList,
}

/// The hard budgets of a moment, told apart by their places.
pub(crate) struct HardList {
    scopes: Scopes,
    /// In the order of `scopes`.
    budgets: Vec<Budget>,
}

impl HardList {
    /// Those of the books. One whose period cannot be refuses nobody.
    pub fn read(books: &View<'_>) -> Result<Self, StoreError> {
        let mut budgets = kept(books)?;
        budgets.retain(|budget| {
            budget.draft.enforcement == Enforcement::Hard && budget.draft.period.check().is_ok()
        });
        let scopes = Scopes::new(budgets.iter().map(|one| one.draft.scope.clone()).collect());
        Ok(Self { scopes, budgets })
    }

    /// All of them.
    pub fn budgets(&self) -> &[Budget] {
        &self.budgets
    }

    /// In whose scopes events are.
    pub fn scopes(&self) -> &Scopes {
        &self.scopes
    }

    /// The places of those that count usage with these attributes, by name, in order.
    pub fn places_of(&self, attributes: &BTreeMap<String, String>) -> Vec<usize> {
        let mut places = Vec::new();
        self.scopes.each_of_named(attributes, |place| places.push(place));
        places.sort_unstable();
        places
    }
}

impl HardBudgets {
    /// Those whose changes `journal` tells of.
    pub fn new(journal: &Journal) -> Self {
        Self { changes: journal.changes(Topic::Watched), known: Mutex::default() }
    }

    /// The hard budgets that count usage with these attributes, by name.
    pub async fn of(
        &self,
        books: &Arc<Books>,
        attributes: &BTreeMap<String, String>,
    ) -> Result<Vec<Budget>, StoreError> {
        let list = &self.known(books).await?.list;
        let places = list.places_of(attributes).into_iter();
        Ok(places.map(|place| list.budgets[place].clone()).collect())
    }

    async fn known(&self, books: &Arc<Books>) -> Result<Arc<Known>, StoreError> {
        // Counted before they are read: what changes meanwhile is read the next time.
        let changes = *self.changes.borrow();
        let known = self.known.lock().clone().filter(|known| known.changes == changes);
        if let Some(known) = known {
            return Ok(known);
        }
        let list = books.read(HardList::read).await?;
        let read = Arc::new(Known { changes, list });
        let mut known = self.known.lock();
        if known.as_ref().is_none_or(|known| known.changes <= changes) {
            *known = Some(read.clone());
        }
        Ok(read)
    }
}
