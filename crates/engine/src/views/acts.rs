//! What changes views and overviews, each in one commit.

use chrono::{DateTime, Utc};
use outlay_domain::people::Caller;
use outlay_domain::views::{Audience, Pin, SavedView, ViewDraft};
use outlay_store::Tx;
use serde_json::json;
use uuid::Uuid;

use super::{PINS_MAX, PinFault, Reader, VIEWS_FOR_ALL_MAX, VIEWS_PER_PERSON_MAX, ViewsError};
use crate::journal::{AcceptError, Act, Stop, Topic};

type Judged<T> = Result<T, Stop<ViewsError>>;

/// Keeps a new view. The same one sent again is kept once.
pub(super) struct Create {
    pub id: Uuid,
    pub draft: ViewDraft,
    pub caller: Caller,
}

impl Act for Create {
    type Done = SavedView;
    type Refused = ViewsError;
    const TELLS: &'static [Topic] = &[Topic::Views];

    fn act(self, tx: &Tx<'_>, at: DateTime<Utc>) -> Judged<SavedView> {
        let Self { id, draft, caller } = self;
        let owner = caller.user.as_str();
        if let Some(known) = tx.views().find(id)? {
            return match known.owner == owner && known.draft == draft {
                true => Ok(known),
                false => Err(Stop::Refused(ViewsError::Taken(id))),
            };
        }
        if tx.views().count_of(owner)? >= VIEWS_PER_PERSON_MAX {
            return Err(Stop::Refused(ViewsError::TooMany));
        }
        let view = SavedView { id, owner: owner.into(), created_at: at, changed_at: at, draft };
        put(tx, view, None, &caller, at)
    }
}

/// Lets a view say something else from now on.
pub(super) struct Change {
    pub id: Uuid,
    pub draft: ViewDraft,
    pub caller: Caller,
}

impl Act for Change {
    type Done = SavedView;
    type Refused = ViewsError;
    const TELLS: &'static [Topic] = &[Topic::Views];

    fn act(self, tx: &Tx<'_>, at: DateTime<Utc>) -> Judged<SavedView> {
        let Self { id, draft, caller } = self;
        let known = theirs(tx, id, &caller)?;
        let was = known.draft.audience;
        put(tx, SavedView { changed_at: at, draft, ..known }, Some(was), &caller, at)
    }
}

/// Removes a view.
pub(super) struct Remove {
    pub id: Uuid,
    pub caller: Caller,
}

impl Act for Remove {
    type Done = ();
    type Refused = ViewsError;
    const TELLS: &'static [Topic] = &[Topic::Views];

    fn act(self, tx: &Tx<'_>, at: DateTime<Utc>) -> Judged<()> {
        let known = theirs(tx, self.id, &self.caller)?;
        tx.views().remove(self.id)?;
        if known.draft.audience == Audience::All {
            audit(tx, &known, "views.remove", &self.caller, at)?;
        }
        Ok(())
    }
}

/// Lays out an overview.
pub(super) struct LayOut {
    pub pins: Vec<Pin>,
    pub caller: Caller,
}

impl Act for LayOut {
    type Done = Vec<Pin>;
    type Refused = ViewsError;
    const TELLS: &'static [Topic] = &[Topic::Views];

    fn act(self, tx: &Tx<'_>, _at: DateTime<Utc>) -> Judged<Vec<Pin>> {
        let Self { pins, caller } = self;
        if pins.len() > PINS_MAX {
            return Err(Stop::Refused(ViewsError::TooManyPins(pins.len())));
        }
        let reader = Reader::of(&caller);
        let seen = tx.views().of(&reader.user)?;
        for (place, pin) in pins.iter().enumerate() {
            let refuse = |why| Err(Stop::Refused(ViewsError::Pin { place, why }));
            if pins[..place].iter().any(|earlier| earlier.view == pin.view) {
                return refuse(PinFault::Twice(pin.view));
            }
            if !seen.iter().any(|view| view.id == pin.view && reader.sees(view)) {
                return refuse(PinFault::Unknown(pin.view));
            }
        }
        tx.views().put_pins(&reader.user, &pins)?;
        Ok(pins)
    }
}

/// Takes a person out of what everybody's views say.
pub(super) struct Forget {
    pub subject: String,
}

impl Act for Forget {
    type Done = ();
    type Refused = AcceptError;
    const TELLS: &'static [Topic] = &[Topic::Views];

    fn act(self, tx: &Tx<'_>, _at: DateTime<Utc>) -> Result<(), Stop<AcceptError>> {
        for view in tx.views().all()? {
            if let Some(draft) = view.draft.without(&self.subject) {
                tx.views().put(&SavedView { draft, ..view })?;
            }
        }
        Ok(())
    }
}

/// The view of that id, where the caller may change it: their own, and, for admins, those for all.
fn theirs(tx: &Tx<'_>, id: Uuid, caller: &Caller) -> Judged<SavedView> {
    let found = tx.views().find(id)?.filter(|view| Reader::of(caller).sees(view));
    let known = found.ok_or(Stop::Refused(ViewsError::Unknown(id)))?;
    let may = known.owner == caller.user.as_str() || caller.require_admin().is_ok();
    if may { Ok(known) } else { Err(Stop::Refused(ViewsError::NotTheirs(id))) }
}

/// Writes a view that was for `was` before, if it was.
fn put(
    tx: &Tx<'_>,
    view: SavedView,
    was: Option<Audience>,
    caller: &Caller,
    at: DateTime<Utc>,
) -> Judged<SavedView> {
    view.draft.check().map_err(|error| Stop::Refused(error.into()))?;
    let is_for_all = view.draft.audience == Audience::All;
    if is_for_all {
        caller.require_admin().map_err(|denied| Stop::Refused(denied.into()))?;
        if tx.views().count_for_all_besides(view.id)? >= VIEWS_FOR_ALL_MAX {
            return Err(Stop::Refused(ViewsError::TooManyForAll));
        }
    }
    let of_owner = tx.views().of(&view.owner)?;
    let is_namesake = |other: &SavedView| {
        other.owner == view.owner && other.id != view.id && other.draft.name == view.draft.name
    };
    if of_owner.iter().any(is_namesake) {
        return Err(Stop::Refused(ViewsError::SameName(view.draft.name)));
    }
    tx.views().put(&view)?;
    // What people keep for themselves is nobody else's business.
    if is_for_all || was == Some(Audience::All) {
        let action = if was.is_some() { "views.change" } else { "views.create" };
        audit(tx, &view, action, caller, at)?;
    }
    Ok(view)
}

/// Names and the values of filters may name people, and the trail is never changed.
fn audit(
    tx: &Tx<'_>,
    view: &SavedView,
    action: &str,
    caller: &Caller,
    at: DateTime<Utc>,
) -> Judged<()> {
    let detail = json!({
        "owner": view.owner, "audience": view.draft.audience,
        "filters": view.draft.filters.names().keys().collect::<Vec<_>>(),
    });
    tx.audit().append(&caller.did(at, action, &view.id.to_string(), detail))?;
    Ok(())
}
