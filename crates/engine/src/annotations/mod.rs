//! What stands on charts beside the figures: what people wrote, and what is known here.
//!
//! Everybody who may send usage writes annotations, and whoever sees one account writes them for
//! that account. Nobody reads of an account that they do not see.

mod acts;
mod known;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use outlay_domain::annotations::{Annotation, AnnotationDraft, AnnotationError};
use outlay_domain::links::Link;
use outlay_domain::people::{Act, Caller};
use outlay_domain::usage::question::Filter;
use outlay_store::{Books, StoreError};
use thiserror::Error;
use uuid::Uuid;

use crate::Outlay;
use crate::journal::{AcceptError, Journal};
use crate::prices::Prices;

/// Annotations that one person may have written, at most.
pub const ANNOTATIONS_PER_PERSON_MAX: usize = 5_000;
/// Marks of one kind in an answer, at most.
pub const MARKS_MAX: u32 = 500;

/// Where annotations are; cheap to clone.
#[derive(Clone)]
pub struct Annotations {
    books: Arc<Books>,
    journal: Arc<Journal>,
    prices: Arc<Prices>,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// When, or when it began.
    pub at: DateTime<Utc>,
    /// When it was over, where it took a time.
    pub until: Option<DateTime<Utc>>,
    /// What happened, in a line.
    pub text: String,
    /// How it is known.
    pub kind: MarkKind,
    /// The page that says more.
    pub link: Option<Link>,
    /// What somebody wrote, where somebody did.
    pub note: Option<Annotation>,
}

/// How something is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum MarkKind {
    /// Somebody wrote it.
    Note,
    /// A model has another price.
    Price,
    /// An alert opened.
    Alert,
    /// Usage was imported.
    Import,
}

/// What happened in a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marks {
    /// It, in order of time.
    pub items: Vec<Mark>,
    /// Whether there was more than is told.
    pub is_cut: bool,
}

/// Which marks are asked for.
#[derive(Debug, Clone)]
pub struct WantedMarks {
    /// From this instant on …
    pub from: DateTime<Utc>,
    /// … until before this one.
    pub to: DateTime<Utc>,
    /// Of usage that passes these.
    pub filters: Vec<Filter>,
}

/// Why an annotation was not kept, changed or removed.
#[derive(Debug, Error)]
pub enum AnnotationsError {
    /// It cannot be.
    #[error(transparent)]
    Annotation(#[from] AnnotationError),
    /// There is none of that id that the caller sees.
    #[error("there is no annotation `{0}`")]
    Unknown(Uuid),
    /// Somebody else wrote it.
    #[error("the annotation `{0}` is somebody else's; whoever wrote it or an admin changes it")]
    NotTheirs(Uuid),
    /// Another one has that id.
    #[error("there is another annotation `{0}`")]
    Taken(Uuid),
    /// It is about an account that the caller does not see.
    #[error("the annotation is about an account that is not yours")]
    OutOfReach,
    /// The caller has written as many as they may.
    #[error("you have written {ANNOTATIONS_PER_PERSON_MAX} annotations, the most there may be")]
    TooMany,
    /// The books could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What was to be written was not taken into a commit.
    #[error(transparent)]
    NotTaken(#[from] AcceptError),
}

impl Outlay {
    /// Where annotations are.
    pub fn annotations(&self) -> Annotations {
        Annotations {
            books: self.books.clone(),
            journal: self.journal.clone(),
            prices: self.prices.clone(),
        }
    }
}

impl Annotations {
    /// What happened, as far as the caller may know.
    pub async fn marks(&self, wanted: WantedMarks, caller: &Caller) -> Result<Marks, StoreError> {
        let own = caller.scope();
        let sees_prices = caller.may(Act::SeePrices).is_ok();
        let first_source = self.prices.book().sources().first().cloned();
        self.books
            .read(move |books| {
                let WantedMarks { from, to, filters } = &wanted;
                let own = own.as_deref();
                let mut notes = books.annotations().within(*from, *to, own, MARKS_MAX + 1)?;
                let is_cut = notes.len() > MARKS_MAX as usize;
                notes.truncate(MARKS_MAX as usize);
                notes.retain(|note| note.is_seen_by(own) && note.is_about(filters));
                let mut items: Vec<Mark> = notes.into_iter().map(Mark::of).collect();
                if sees_prices {
                    items.extend(known::prices(books, &wanted, first_source.as_deref())?);
                }
                items.extend(known::alerts(books, &wanted, own)?);
                // Imports are the organisation's.
                if own.is_none() {
                    items.extend(known::imports(books, &wanted)?);
                }
                items.sort_by(|a, b| (a.at, a.kind, &a.text).cmp(&(b.at, b.kind, &b.text)));
                Ok(Marks { items, is_cut })
            })
            .await
    }

    /// Keeps what the caller wrote under `id`. The same sent again is kept once.
    pub async fn create(
        &self,
        id: Uuid,
        draft: AnnotationDraft,
        caller: &Caller,
    ) -> Result<Annotation, AnnotationsError> {
        self.journal.act(acts::Create { id, draft, caller: caller.clone() }).await
    }

    /// Lets the annotation of that id say `draft` from now on.
    pub async fn change(
        &self,
        id: Uuid,
        draft: AnnotationDraft,
        caller: &Caller,
    ) -> Result<Annotation, AnnotationsError> {
        self.journal.act(acts::Change { id, draft, caller: caller.clone() }).await
    }

    /// Takes a person out of what everybody wrote.
    pub(crate) async fn forget(&self, subject: &str) -> Result<(), AcceptError> {
        self.journal.act(acts::Forget { subject: subject.to_owned() }).await
    }

    /// Removes the annotation of that id.
    pub async fn remove(&self, id: Uuid, caller: &Caller) -> Result<(), AnnotationsError> {
        self.journal.act(acts::Remove { id, caller: caller.clone() }).await
    }
}

impl Mark {
    /// What somebody wrote.
    pub fn of(note: Annotation) -> Self {
        Self {
            at: note.draft.at,
            until: note.draft.until,
            text: note.draft.text.clone(),
            kind: MarkKind::Note,
            link: None,
            note: Some(note),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
