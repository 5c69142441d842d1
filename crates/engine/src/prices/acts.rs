//! What changes prices, each in one commit.

use chrono::{DateTime, Utc};
use compact_str::CompactString;
use outlay_domain::people::AuditRecord;
use outlay_domain::prices::{CURRENCY, MANUAL_SOURCE};
use outlay_store::sqlite::prices::StoredPrice;
use outlay_store::{StoreError, Tx};

use super::kept::weigh_by_hand;
use super::listing::Listing;
use super::weigh::{Changes, weigh};
use super::{NewPrice, PriceChangeError};
use crate::journal::{Act, Stop, Topic};

/// Takes in a listing.
pub(super) struct Import {
    pub listing: Listing,
    /// From when on it holds; from the commit on where that is not said.
    pub moment: Option<DateTime<Utc>>,
    pub actor: CompactString,
}

impl Act for Import {
    type Done = Changes;
    type Refused = PriceChangeError;
    const TELLS: &'static [Topic] = &[];

    fn act(self, tx: &Tx<'_>, at: DateTime<Utc>) -> Result<Changes, Stop<PriceChangeError>> {
        let Self { listing, moment, actor } = self;
        let moment = moment.unwrap_or(at);
        let known = tx.prices().of_source(&listing.source)?;
        let changes = weigh(&listing, &known, Some(moment));
        write_changes(tx, &changes, at)?;
        tx.prices().put_source(&listing.source, &listing.version, at)?;
        let detail = serde_json::json!({
            "version": listing.version,
            "valid_from": moment,
            "opened": changes.opened.len(),
            "closed": changes.closed.len(),
            "missing": changes.missing.len(),
        });
        note(tx, at, actor, "prices.import", &listing.source, detail)?;
        Ok(changes)
    }
}

/// Sets prices by hand, all of them or none.
pub(super) struct Set {
    pub new: Vec<NewPrice>,
    pub actor: CompactString,
}

impl Act for Set {
    type Done = Vec<Changes>;
    type Refused = PriceChangeError;
    const TELLS: &'static [Topic] = &[];

    fn act(self, tx: &Tx<'_>, at: DateTime<Utc>) -> Result<Vec<Changes>, Stop<PriceChangeError>> {
        let set = |new| set_one(tx, new, &self.actor, at);
        Ok(self.new.iter().map(set).collect::<Result<_, _>>()?)
    }
}

/// Ends a row's validity.
pub(super) struct Close {
    pub id: CompactString,
    /// When it ends; with the commit where that is not said.
    pub at: Option<DateTime<Utc>>,
    pub actor: CompactString,
}

impl Act for Close {
    type Done = StoredPrice;
    type Refused = PriceChangeError;
    const TELLS: &'static [Topic] = &[];

    fn act(self, tx: &Tx<'_>, now: DateTime<Utc>) -> Result<StoredPrice, Stop<PriceChangeError>> {
        let at = self.at.unwrap_or(now);
        let mut known = tx.prices().find(&self.id)?.ok_or_else(|| {
            Stop::Refused(PriceChangeError::UnknownPrice(self.id.chars().take(200).collect()))
        })?;
        may_end(&known, at).map_err(Stop::Refused)?;
        tx.prices().close(&self.id, at)?;
        let detail = serde_json::json!({ "valid_to": at });
        note(tx, now, self.actor, "prices.close", &self.id, detail)?;
        known.row.valid_to = Some(at);
        Ok(known)
    }
}

fn may_end(known: &StoredPrice, at: DateTime<Utc>) -> Result<(), PriceChangeError> {
    let id = known.row.id.clone();
    if let Some(closed_at) = known.row.valid_to
        && closed_at <= at
    {
        return Err(PriceChangeError::Closed { id, at: closed_at });
    }
    match known.row.valid_from {
        Some(from) if at < from => Err(PriceChangeError::EndsBeforeItBegins { id, from, at }),
        _ => Ok(()),
    }
}

fn set_one(
    tx: &Tx<'_>,
    new: &NewPrice,
    actor: &CompactString,
    at: DateTime<Utc>,
) -> Result<Changes, StoreError> {
    let known = tx.prices().of_source(MANUAL_SOURCE)?;
    let changes = weigh_by_hand(new, &known, at);
    write_changes(tx, &changes, at)?;
    for row in &changes.opened {
        let detail = serde_json::json!({ "price": row.price, "per": row.per });
        note(tx, at, actor.clone(), "prices.set", &row.id, detail)?;
    }
    Ok(changes)
}

pub(super) fn write_changes(
    tx: &Tx<'_>,
    changes: &Changes,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    for closed in &changes.closed {
        tx.prices().close(&closed.row.id, closed.valid_to)?;
    }
    for row in &changes.opened {
        debug_assert_eq!(row.currency, CURRENCY);
        tx.prices().add(row, now)?;
    }
    for (price_id, place) in &changes.moved {
        tx.prices().set_place(price_id, *place)?;
    }
    for row in &changes.missing {
        tx.prices().set_missing(&row.id, Some(now))?;
    }
    for row in &changes.returned {
        tx.prices().set_missing(&row.id, None)?;
    }
    Ok(())
}

fn note(
    tx: &Tx<'_>,
    at: DateTime<Utc>,
    actor: CompactString,
    action: &str,
    target: &str,
    detail: serde_json::Value,
) -> Result<(), StoreError> {
    let (action, target) = (action.into(), target.into());
    tx.audit().append(&AuditRecord { at, actor, action, target, detail })
}
