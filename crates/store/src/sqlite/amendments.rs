//! The trail of corrections, deletions, erasures and re-ratings.

use chrono::{DateTime, Utc};
use compact_str::CompactString;

use super::tx::{Amendments, Writes};
use crate::StoreError;

const RECORD: &str = "
    INSERT INTO amendments (at_us, actor, act, source, event_id, reason, account)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
const OF_EVENT: &str = "
    SELECT at_us, actor, act, source, event_id, reason, account FROM amendments
    WHERE source = ?1 AND event_id = ?2 ORDER BY amendment_id";

/// What was done to a kept event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AmendmentKind {
    /// Another content took its place.
    Correct,
    /// It was taken back.
    Delete,
    /// A person was taken out of it.
    Erase,
    /// It was rated again.
    Rerate,
}

impl AmendmentKind {
    /// The word in the trail.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Correct => "correct",
            Self::Delete => "delete",
            Self::Erase => "erase",
            Self::Rerate => "rerate",
        }
    }
}

/// One line of the trail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Amendment {
    /// When it was made.
    pub at: DateTime<Utc>,
    /// Who made it.
    pub actor: CompactString,
    /// What, in the trail's word.
    pub act: CompactString,
    /// Whose event it was; nothing in lines of before, and where it is about many.
    pub account: Option<CompactString>,
    /// The source of the event.
    pub source: CompactString,
    /// The id of the event.
    pub event_id: CompactString,
    /// Why it was made.
    pub reason: String,
}

impl<A> Amendments<'_, A> {
    /// The lines about one event, oldest first.
    pub fn of_event(&self, source: &str, event_id: &str) -> Result<Vec<Amendment>, StoreError> {
        let mut statement = self.conn.prepare_cached(OF_EVENT)?;
        let rows = statement.query_map([source, event_id], |row| {
            let text = |index| row.get::<_, String>(index).map(CompactString::from);
            Ok(Amendment {
                at: DateTime::from_timestamp_micros(row.get(0)?).unwrap_or_default(),
                actor: text(1)?,
                act: text(2)?,
                source: text(3)?,
                event_id: text(4)?,
                reason: row.get(5)?,
                account: row.get::<_, Option<String>>(6)?.map(CompactString::from),
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

impl Amendments<'_, Writes> {
    /// Adds a line to the trail.
    pub fn record(&self, amendment: &Amendment) -> Result<(), StoreError> {
        self.conn.prepare_cached(RECORD)?.execute((
            amendment.at.timestamp_micros(),
            amendment.actor.as_str(),
            amendment.act.as_str(),
            amendment.source.as_str(),
            amendment.event_id.as_str(),
            amendment.reason.as_str(),
            amendment.account.as_deref(),
        ))?;
        Ok(())
    }
}
