//! What changes annotations, each in one commit.

use chrono::{DateTime, Utc};
use outlay_domain::annotations::{Annotation, AnnotationDraft};
use outlay_domain::people::Caller;
use outlay_store::Tx;
use uuid::Uuid;

use super::{ANNOTATIONS_PER_PERSON_MAX, AnnotationsError};
use crate::journal::{Act, Stop, Topic};

type Judged<T> = Result<T, Stop<AnnotationsError>>;

/// Keeps a new annotation. The same one sent again is kept once.
pub(super) struct Create {
    pub id: Uuid,
    pub draft: AnnotationDraft,
    pub caller: Caller,
}

impl Act for Create {
    type Done = Annotation;
    type Refused = AnnotationsError;
    const TELLS: &'static [Topic] = &[Topic::Annotations];

    fn act(self, tx: &Tx<'_>, at: DateTime<Utc>) -> Judged<Annotation> {
        let Self { id, draft, caller } = self;
        let author = caller.user.as_str();
        if let Some(known) = tx.annotations().find(id)? {
            return match known.author == author && known.draft == draft {
                true => Ok(known),
                false => Err(Stop::Refused(AnnotationsError::Taken(id))),
            };
        }
        if tx.annotations().count_of(author)? >= ANNOTATIONS_PER_PERSON_MAX {
            return Err(Stop::Refused(AnnotationsError::TooMany));
        }
        let account = caller.scope();
        let note = Annotation { id, author: author.into(), account, created_at: at, draft };
        put(tx, note, &caller)
    }
}

/// Lets an annotation say something else from now on.
pub(super) struct Change {
    pub id: Uuid,
    pub draft: AnnotationDraft,
    pub caller: Caller,
}

impl Act for Change {
    type Done = Annotation;
    type Refused = AnnotationsError;
    const TELLS: &'static [Topic] = &[Topic::Annotations];

    fn act(self, tx: &Tx<'_>, _at: DateTime<Utc>) -> Judged<Annotation> {
        let known = theirs(tx, self.id, &self.caller)?;
        put(tx, Annotation { draft: self.draft, ..known }, &self.caller)
    }
}

/// Removes an annotation.
pub(super) struct Remove {
    pub id: Uuid,
    pub caller: Caller,
}

impl Act for Remove {
    type Done = ();
    type Refused = AnnotationsError;
    const TELLS: &'static [Topic] = &[Topic::Annotations];

    fn act(self, tx: &Tx<'_>, _at: DateTime<Utc>) -> Judged<()> {
        theirs(tx, self.id, &self.caller)?;
        Ok(tx.annotations().remove(self.id)?)
    }
}

/// The annotation of that id, where the caller may change it: their own, and any for admins.
fn theirs(tx: &Tx<'_>, id: Uuid, caller: &Caller) -> Judged<Annotation> {
    let own = caller.scope();
    let found = tx.annotations().find(id)?.filter(|note| note.is_seen_by(own.as_deref()));
    let known = found.ok_or(Stop::Refused(AnnotationsError::Unknown(id)))?;
    let may = known.author == caller.user.as_str() || caller.require_admin().is_ok();
    if may { Ok(known) } else { Err(Stop::Refused(AnnotationsError::NotTheirs(id))) }
}

/// Keeps an annotation that `caller` sees afterwards too.
fn put(tx: &Tx<'_>, note: Annotation, caller: &Caller) -> Judged<Annotation> {
    note.draft.check().map_err(|error| Stop::Refused(error.into()))?;
    if !note.is_seen_by(caller.scope().as_deref()) {
        return Err(Stop::Refused(AnnotationsError::OutOfReach));
    }
    tx.annotations().put(&note)?;
    Ok(note)
}
