//! Views that people keep, and what stands on whose overview.

use compact_str::CompactString;
use outlay_domain::views::{Audience, Pin, PinSize, SavedView};
use rusqlite::types::Type;
use rusqlite::{OptionalExtension, Row, params};
use uuid::Uuid;

use super::time::{from_us, to_us};
use super::tx::{Views, Writes};
use crate::StoreError;

const COLUMNS: &str = "SELECT view_id, owner, created_at_us, changed_at_us, view FROM views";
const SEEN: &str = "WHERE owner = ?1 OR is_for_all = 1 ORDER BY view_id";
const IN_ORDER: &str = "ORDER BY view_id";
const BY_ID: &str = "WHERE view_id = ?1";
const COUNT_OWN: &str = "SELECT count(*) FROM views WHERE owner = ?1";
const COUNT_FOR_ALL: &str = "SELECT count(*) FROM views WHERE is_for_all = 1 AND view_id <> ?1";
const PUT: &str = "
    INSERT INTO views (view_id, owner, is_for_all, created_at_us, changed_at_us, view)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6)
    ON CONFLICT (view_id) DO UPDATE SET
        is_for_all = excluded.is_for_all, changed_at_us = excluded.changed_at_us,
        view = excluded.view";
const REMOVE: &str = "DELETE FROM views WHERE view_id = ?1";
const REMOVE_PRIVATE: &str = "DELETE FROM views WHERE owner = ?1 AND is_for_all = 0";
const HAND_ON: &str = "UPDATE views SET owner = ?2 WHERE owner = ?1";
const PINS: &str = "SELECT view_id, size FROM pins WHERE user_id = ?1 ORDER BY place";
const UNPIN_ALL: &str = "DELETE FROM pins WHERE user_id = ?1";
const UNPIN_OTHERS: &str = "DELETE FROM pins WHERE view_id = ?1 AND user_id <> ?2";
const PIN: &str = "INSERT INTO pins (user_id, place, view_id, size) VALUES (?1, ?2, ?3, ?4)";

impl<A> Views<'_, A> {
    /// What `owner` keeps, and what is for all, by id.
    pub fn of(&self, owner: &str) -> Result<Vec<SavedView>, StoreError> {
        let mut statement = self.conn.prepare_cached(&format!("{COLUMNS} {SEEN}"))?;
        let views = statement.query_map([owner], read)?;
        Ok(views.collect::<Result<_, _>>()?)
    }

    /// Everybody's, by id.
    pub fn all(&self) -> Result<Vec<SavedView>, StoreError> {
        let mut statement = self.conn.prepare_cached(&format!("{COLUMNS} {IN_ORDER}"))?;
        let views = statement.query_map([], read)?;
        Ok(views.collect::<Result<_, _>>()?)
    }

    /// The view of that id.
    pub fn find(&self, id: Uuid) -> Result<Option<SavedView>, StoreError> {
        let mut statement = self.conn.prepare_cached(&format!("{COLUMNS} {BY_ID}"))?;
        Ok(statement.query_row([id.to_string()], read).optional()?)
    }

    /// How many `owner` keeps.
    pub fn count_of(&self, owner: &str) -> Result<usize, StoreError> {
        let count = self.conn.prepare_cached(COUNT_OWN)?.query_row([owner], |row| row.get(0));
        Ok(usize::try_from(count.map(i64::unsigned_abs)?).unwrap_or(usize::MAX))
    }

    /// How many are for all, besides the one of that id.
    pub fn count_for_all_besides(&self, id: Uuid) -> Result<usize, StoreError> {
        let mut statement = self.conn.prepare_cached(COUNT_FOR_ALL)?;
        let count = statement.query_row([id.to_string()], |row| row.get(0));
        Ok(usize::try_from(count.map(i64::unsigned_abs)?).unwrap_or(usize::MAX))
    }

    /// What stands on somebody's overview, in order.
    pub fn pins(&self, user: &str) -> Result<Vec<Pin>, StoreError> {
        let mut statement = self.conn.prepare_cached(PINS)?;
        let pins = statement.query_map([user], |row| {
            let size: String = row.get(1)?;
            let size = PinSize::parse(&size).ok_or_else(|| wrong(1, size))?;
            Ok(Pin { view: id(row, 0)?, size })
        })?;
        Ok(pins.collect::<Result<_, _>>()?)
    }
}

impl Views<'_, Writes> {
    /// Keeps `view`, in place of the one of its id. Where it is its owner's alone, it goes from the
    /// overviews of others.
    pub fn put(&self, view: &SavedView) -> Result<(), StoreError> {
        let json = serde_json::to_string(&view.draft).map_err(|error| damaged(view.id, &error))?;
        let is_for_all = view.draft.audience == Audience::All;
        let id = view.id.to_string();
        self.conn.prepare_cached(PUT)?.execute(params![
            id,
            view.owner.as_str(),
            is_for_all,
            to_us(view.created_at),
            to_us(view.changed_at),
            json,
        ])?;
        if !is_for_all {
            self.conn.prepare_cached(UNPIN_OTHERS)?.execute(params![id, view.owner.as_str()])?;
        }
        Ok(())
    }

    /// Removes the view of that id, also from overviews.
    pub fn remove(&self, id: Uuid) -> Result<(), StoreError> {
        self.conn.prepare_cached(REMOVE)?.execute([id.to_string()])?;
        Ok(())
    }

    /// Forgets the overview of somebody who is gone, and what they kept for themselves; what they
    /// kept for all is `heir`'s from now on.
    pub fn leave_to(&self, heir: &str, gone: &str) -> Result<(), StoreError> {
        self.conn.prepare_cached(UNPIN_ALL)?.execute([gone])?;
        self.conn.prepare_cached(REMOVE_PRIVATE)?.execute([gone])?;
        self.conn.prepare_cached(HAND_ON)?.execute([gone, heir])?;
        Ok(())
    }

    /// Lets `pins`, which name no view twice, stand on somebody's overview, and nothing else.
    pub fn put_pins(&self, user: &str, pins: &[Pin]) -> Result<(), StoreError> {
        self.conn.prepare_cached(UNPIN_ALL)?.execute([user])?;
        for (place, pin) in (0_i64..).zip(pins) {
            let row = params![user, place, pin.view.to_string(), pin.size.as_str()];
            self.conn.prepare_cached(PIN)?.execute(row)?;
        }
        Ok(())
    }
}

fn read(row: &Row<'_>) -> Result<SavedView, rusqlite::Error> {
    let json: String = row.get(4)?;
    Ok(SavedView {
        id: id(row, 0)?,
        owner: CompactString::from(row.get::<_, String>(1)?),
        created_at: from_us(row.get(2)?),
        changed_at: from_us(row.get(3)?),
        draft: serde_json::from_str(&json).map_err(|error| wrong(4, error.to_string()))?,
    })
}

fn id(row: &Row<'_>, column: usize) -> Result<Uuid, rusqlite::Error> {
    let text: String = row.get(column)?;
    text.parse().map_err(|error: uuid::Error| wrong(column, error.to_string()))
}

fn wrong(column: usize, what: String) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, what.into())
}

fn damaged(id: Uuid, error: &serde_json::Error) -> StoreError {
    StoreError::Damaged { what: format!("the view `{id}`"), how: error.to_string() }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use chrono::DateTime;
    use outlay_domain::views::ViewDraft;

    use super::*;
    use crate::Books;

    fn view(number: u128, owner: &str, audience: &str) -> SavedView {
        let draft: ViewDraft = serde_json::from_str(&format!(
            r#"{{"name": "View {number}", "audience": "{audience}", "filters": {{}},
                "measure": "spend", "by": ["model"],
                "period": {{"kind": "relative", "span": "30d"}}, "tz": null, "every": null,
                "compare": true, "form": "bars", "columns": [], "sort": null}}"#
        ))
        .unwrap();
        let at = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
        let id = Uuid::from_u128(number);
        SavedView { id, owner: owner.into(), created_at: at, changed_at: at, draft }
    }

    fn books() -> (tempfile::TempDir, Books) {
        let folder = tempfile::tempdir().unwrap();
        let books = Books::open(folder.path()).unwrap();
        (folder, books)
    }

    #[test]
    fn people_have_their_own_views_and_those_for_all() {
        let (_folder, books) = books();
        let kept = [view(1, "alice", "owner"), view(2, "alice", "all"), view(3, "bob", "owner")];

        books.write_blocking(|tx| kept.iter().try_for_each(|view| tx.views().put(view))).unwrap();

        let of = |owner: &'static str| {
            books.read_blocking(move |books| books.views().of(owner)).unwrap()
        };
        assert_eq!(of("alice"), kept[..2]);
        assert_eq!(of("bob"), kept[1..]);
    }

    #[test]
    fn an_overview_keeps_its_order_and_loses_what_is_removed_or_no_longer_for_all() {
        let (_folder, books) = books();
        let views = [view(1, "alice", "all"), view(2, "alice", "all"), view(3, "bob", "owner")];
        let pins: Vec<Pin> =
            [3, 1, 2].map(|id| Pin { view: Uuid::from_u128(id), size: PinSize::Full }).into();
        books
            .write_blocking(|tx| {
                views.iter().try_for_each(|view| tx.views().put(view))?;
                tx.views().put_pins("bob", &pins)
            })
            .unwrap();
        let shown = || books.read_blocking(|books| books.views().pins("bob")).unwrap();
        assert_eq!(shown(), pins);

        books.write_blocking(|tx| tx.views().remove(Uuid::from_u128(1))).unwrap();
        assert_eq!(shown(), [pins[0], pins[2]]);
        books.write_blocking(|tx| tx.views().put(&view(2, "alice", "owner"))).unwrap();

        assert_eq!(shown(), [pins[0]]);
    }
}
