//! What people decided about recommendations.

use chrono::{DateTime, Utc};
use compact_str::CompactString;
use outlay_domain::recommendations::State;
use rusqlite::params;

use super::time::{from_us, to_us};
use super::tx::{Recommendations, Writes};
use crate::StoreError;

/// Decisions that are kept, at most; the oldest go first.
pub const KEPT_MAX: i64 = 1_000;

const ALL: &str = "
    SELECT recommendation_id, state, actor, changed_at_us, snoozed_until_us, note, item
    FROM recommendations ORDER BY recommendation_id";
const PUT: &str = "
    INSERT INTO recommendations
        (recommendation_id, state, actor, changed_at_us, snoozed_until_us, note, item)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
    ON CONFLICT (recommendation_id) DO UPDATE SET
        state = excluded.state, actor = excluded.actor, changed_at_us = excluded.changed_at_us,
        snoozed_until_us = excluded.snoozed_until_us, note = excluded.note, item = excluded.item";
const TRIM: &str = "
    DELETE FROM recommendations WHERE recommendation_id NOT IN (
        SELECT recommendation_id FROM recommendations
        ORDER BY changed_at_us DESC, recommendation_id LIMIT ?1)";

/// What somebody decided about one recommendation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptRecommendation {
    /// The id of the recommendation.
    pub id: CompactString,
    /// What was decided.
    pub state: State,
    /// Who decided.
    pub actor: CompactString,
    /// When it was decided.
    pub changed_at: DateTime<Utc>,
    /// Until when it is not shown, where it is snoozed.
    pub snoozed_until: Option<DateTime<Utc>>,
    /// What was written about it.
    pub note: Option<String>,
    /// The recommendation as it was then, as JSON.
    pub item: String,
}

impl<A> Recommendations<'_, A> {
    /// Every decision, by id.
    pub fn all(&self) -> Result<Vec<KeptRecommendation>, StoreError> {
        let mut statement = self.conn.prepare_cached(ALL)?;
        let mut rows = statement.query([])?;
        let mut kept = Vec::new();
        while let Some(row) = rows.next()? {
            let id: CompactString = row.get::<_, String>(0)?.into();
            let word: String = row.get(1)?;
            let state = State::parse(&word).ok_or_else(|| StoreError::Damaged {
                what: format!("the recommendation `{id}`"),
                how: format!("`{word}` is no state"),
            })?;
            kept.push(KeptRecommendation {
                id,
                state,
                actor: row.get::<_, String>(2)?.into(),
                changed_at: from_us(row.get(3)?),
                snoozed_until: row.get::<_, Option<i64>>(4)?.map(from_us),
                note: row.get(5)?,
                item: row.get(6)?,
            });
        }
        Ok(kept)
    }
}

impl Recommendations<'_, Writes> {
    /// Keeps a decision, in place of the one of its id, and lets go of the oldest beyond
    /// [`KEPT_MAX`].
    pub fn put(&self, kept: &KeptRecommendation) -> Result<(), StoreError> {
        self.conn.prepare_cached(PUT)?.execute(params![
            kept.id.as_str(),
            kept.state.as_str(),
            kept.actor.as_str(),
            to_us(kept.changed_at),
            kept.snoozed_until.map(to_us),
            kept.note,
            kept.item,
        ])?;
        self.conn.prepare_cached(TRIM)?.execute([KEPT_MAX])?;
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::Books;

    #[test]
    fn a_decision_is_kept_and_a_later_one_takes_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let books = Books::open(folder.path()).unwrap();
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let snoozed = KeptRecommendation {
            id: "model-openai-gpt-4o".into(),
            state: State::Snoozed,
            actor: "alice".into(),
            changed_at: at("2026-11-20T10:00:00Z"),
            snoozed_until: Some(at("2026-12-01T00:00:00Z")),
            note: Some("after the release".into()),
            item: "{}".into(),
        };
        let done =
            KeptRecommendation { state: State::Done, snoozed_until: None, ..snoozed.clone() };

        books.write_blocking(|tx| tx.recommendations().put(&snoozed)).unwrap();
        assert_eq!(books.read_blocking(|books| books.recommendations().all()).unwrap(), [snoozed]);
        books.write_blocking(|tx| tx.recommendations().put(&done)).unwrap();

        assert_eq!(books.read_blocking(|books| books.recommendations().all()).unwrap(), [done]);
    }
}
