//! Views that people keep, and the overviews that they lay out of them.
//!
//! Everybody keeps their own; one for all is made, changed and removed by admins, and whoever made
//! it may take it back. A view is a question: whoever opens it is answered what they may see.

mod acts;

use std::sync::Arc;

use compact_str::CompactString;
use outlay_domain::people::{Caller, Denied, Role};
use outlay_domain::views::{Pin, SavedView, ViewDraft, ViewError, names_none_but};
use outlay_store::{Books, StoreError};
use thiserror::Error;
use uuid::Uuid;

use crate::Outlay;
use crate::journal::{AcceptError, Journal};

/// Views that one person may keep, at most.
pub const VIEWS_PER_PERSON_MAX: usize = 200;
/// Views for all, at most.
pub const VIEWS_FOR_ALL_MAX: usize = 500;
/// Views on one overview, at most.
pub const PINS_MAX: usize = 24;

/// Where views are kept; cheap to clone.
#[derive(Clone)]
pub struct Views {
    books: Arc<Books>,
    journal: Arc<Journal>,
}

/// Why a view was not kept, shown or pinned.
#[derive(Debug, Error)]
pub enum ViewsError {
    /// It cannot be.
    #[error(transparent)]
    View(#[from] ViewError),
    /// The caller may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// There is none of that id that the caller sees.
    #[error("there is no view `{0}`")]
    Unknown(Uuid),
    /// It is for all, and the caller may look at it only.
    #[error("the view `{0}` is for all; whoever made it or an admin changes it")]
    NotTheirs(Uuid),
    /// Another one has that id.
    #[error("there is another view `{0}`")]
    Taken(Uuid),
    /// The caller has another one of that name.
    #[error("there is another view called `{0}`")]
    SameName(CompactString),
    /// The caller keeps as many as they may.
    #[error("you keep {VIEWS_PER_PERSON_MAX} views, the most there may be")]
    TooMany,
    /// There are as many for all as there may be.
    #[error("there are {VIEWS_FOR_ALL_MAX} views for all, the most there may be")]
    TooManyForAll,
    /// There are more on an overview than there may be.
    #[error("{0} views, {PINS_MAX} at most")]
    TooManyPins(usize),
    /// The view at that place of the overview cannot be there.
    #[error("{why}")]
    Pin {
        /// Which place, from zero.
        place: usize,
        /// Why.
        why: PinFault,
    },
    /// The books could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What was to be written was not taken into a commit.
    #[error(transparent)]
    NotTaken(#[from] AcceptError),
}

/// Why a view cannot be at a place of an overview.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PinFault {
    /// There is no such view that the caller sees.
    #[error("there is no view `{0}`")]
    Unknown(Uuid),
    /// It stands there already.
    #[error("the view `{0}` is there twice")]
    Twice(Uuid),
}

/// Who looks: their id, and the one account that they see, if it is one.
#[derive(Debug, Clone)]
struct Reader {
    user: CompactString,
    own: Option<CompactString>,
    /// Whether their credential is for one account of those that they see.
    is_narrowed: bool,
}

impl Reader {
    fn of(caller: &Caller) -> Self {
        let own = caller.scope();
        let is_narrowed = own.is_some() && caller.role != Role::Member;
        Self { user: caller.user.as_str().into(), own, is_narrowed }
    }

    fn sees(&self, view: &SavedView) -> bool {
        let own = self.own.as_deref();
        let is_told = !self.is_narrowed || names_none_but(&view.draft.filters, own);
        is_told && view.is_seen_by(&self.user, own)
    }
}

impl Outlay {
    /// Where views are.
    pub fn views(&self) -> Views {
        Views { books: self.books.clone(), journal: self.journal.clone() }
    }
}

impl Views {
    /// The views that the caller sees, by name: their own, and those for all.
    pub async fn all(&self, caller: &Caller) -> Result<Vec<SavedView>, StoreError> {
        let reader = Reader::of(caller);
        self.books
            .read(move |books| {
                let mut views = books.views().of(&reader.user)?;
                views.retain(|view| reader.sees(view));
                views.sort_by(|a, b| (&a.draft.name, a.id).cmp(&(&b.draft.name, b.id)));
                Ok(views)
            })
            .await
    }

    /// The view of that id, where the caller sees it.
    pub async fn one(&self, id: Uuid, caller: &Caller) -> Result<SavedView, ViewsError> {
        let reader = Reader::of(caller);
        let found = self.books.read(move |books| books.views().find(id)).await?;
        found.filter(|view| reader.sees(view)).ok_or(ViewsError::Unknown(id))
    }

    /// Keeps a new view of the caller under `id`. The same one under a known id is kept once.
    pub async fn create(
        &self,
        id: Uuid,
        draft: ViewDraft,
        caller: &Caller,
    ) -> Result<SavedView, ViewsError> {
        self.journal.act(acts::Create { id, draft, caller: caller.clone() }).await
    }

    /// Lets the view of that id say `draft` from now on.
    pub async fn change(
        &self,
        id: Uuid,
        draft: ViewDraft,
        caller: &Caller,
    ) -> Result<SavedView, ViewsError> {
        self.journal.act(acts::Change { id, draft, caller: caller.clone() }).await
    }

    /// Removes the view of that id, also from overviews.
    pub async fn remove(&self, id: Uuid, caller: &Caller) -> Result<(), ViewsError> {
        self.journal.act(acts::Remove { id, caller: caller.clone() }).await
    }

    /// Takes a person out of what everybody's views say.
    pub(crate) async fn forget(&self, subject: &str) -> Result<(), AcceptError> {
        self.journal.act(acts::Forget { subject: subject.to_owned() }).await
    }

    /// What stands on the caller's overview, in order.
    pub async fn pins(&self, caller: &Caller) -> Result<Vec<Pin>, StoreError> {
        let reader = Reader::of(caller);
        self.books
            .read(move |books| {
                let seen = books.views().of(&reader.user)?;
                let mut pins = books.views().pins(&reader.user)?;
                let is_seen =
                    |pin: &Pin| seen.iter().any(|view| view.id == pin.view && reader.sees(view));
                pins.retain(is_seen);
                Ok(pins)
            })
            .await
    }

    /// Lets `pins` stand on the caller's overview, in that order, and nothing else.
    pub async fn pin(&self, pins: Vec<Pin>, caller: &Caller) -> Result<Vec<Pin>, ViewsError> {
        self.journal.act(acts::LayOut { pins, caller: caller.clone() }).await
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
