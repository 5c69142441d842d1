//! What changes annotations, each in one commit.

use chrono::{DateTime, Utc};
use outlay_domain::annotations::{Annotation, AnnotationDraft};
use outlay_domain::people::Caller;
use outlay_store::Tx;
use serde_json::json;
use uuid::Uuid;

use super::{ANNOTATIONS_PER_PERSON_MAX, AnnotationsError};
use crate::journal::{AcceptError, Act, Stop, Topic};

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
        put(tx, note, "annotations.create", &caller, at)
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

    fn act(self, tx: &Tx<'_>, at: DateTime<Utc>) -> Judged<Annotation> {
        let known = theirs(tx, self.id, &self.caller)?;
        let note = Annotation { draft: self.draft, ..known };
        put(tx, note, "annotations.change", &self.caller, at)
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

    fn act(self, tx: &Tx<'_>, at: DateTime<Utc>) -> Judged<()> {
        let known = theirs(tx, self.id, &self.caller)?;
        tx.annotations().remove(self.id)?;
        audit(tx, &known, "annotations.remove", &self.caller, at)
    }
}

/// Takes a person out of what everybody wrote.
pub(super) struct Forget {
    pub subject: String,
}

impl Act for Forget {
    type Done = ();
    type Refused = AcceptError;
    const TELLS: &'static [Topic] = &[Topic::Annotations];

    fn act(self, tx: &Tx<'_>, _at: DateTime<Utc>) -> Result<(), Stop<AcceptError>> {
        for note in tx.annotations().naming(&self.subject)? {
            if let Some(draft) = note.draft.without(&self.subject) {
                tx.annotations().put(&Annotation { draft, ..note })?;
            }
        }
        Ok(())
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
fn put(
    tx: &Tx<'_>,
    note: Annotation,
    action: &str,
    caller: &Caller,
    at: DateTime<Utc>,
) -> Judged<Annotation> {
    note.draft.check().map_err(|error| Stop::Refused(error.into()))?;
    if !note.is_seen_by(caller.scope().as_deref()) {
        return Err(Stop::Refused(AnnotationsError::OutOfReach));
    }
    tx.annotations().put(&note)?;
    audit(tx, &note, action, caller, at)?;
    Ok(note)
}

/// Texts and the values of filters may name people, and the trail is never changed.
fn audit(
    tx: &Tx<'_>,
    note: &Annotation,
    action: &str,
    caller: &Caller,
    at: DateTime<Utc>,
) -> Judged<()> {
    let detail = json!({
        "author": note.author, "account": note.account, "at": note.draft.at,
        "until": note.draft.until,
        "filters": note.draft.scope.names().keys().collect::<Vec<_>>(),
    });
    tx.audit().append(&caller.did(at, action, &note.id.to_string(), detail))?;
    Ok(())
}
