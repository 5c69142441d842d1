//! What accounts may subscribe to, version by version.

use outlay_domain::plans::{PlanId, PlanRef, PlanVersion};
use rusqlite::{OptionalExtension, Row, params};

use super::time::{from_us, to_us};
use super::tx::{Plans, Writes};
use crate::StoreError;

const VERSION: &str = "
    SELECT plan_id, version, created_us, created_by, plan FROM plan_versions
    WHERE plan_id = ?1 AND version = ?2";
const VERSIONS: &str = "
    SELECT plan_id, version, created_us, created_by, plan FROM plan_versions
    WHERE plan_id = ?1 AND version < ?2 ORDER BY version DESC LIMIT ?3";
const ALL: &str = "
    SELECT plan_versions.plan_id, version, created_us, created_by, plan, is_closed
    FROM plans JOIN plan_versions
    ON plan_versions.plan_id = plans.plan_id AND plan_versions.version = plans.newest
    ORDER BY plans.plan_id";
const STATE: &str = "SELECT newest, is_closed FROM plans WHERE plan_id = ?1";
const COUNT: &str = "SELECT count(*) FROM plans";
const PUT: &str = "
    INSERT INTO plans (plan_id, newest, is_closed) VALUES (?1, ?2, ?3)
    ON CONFLICT (plan_id) DO UPDATE SET newest = excluded.newest, is_closed = excluded.is_closed";
const ADD: &str = "
    INSERT INTO plan_versions (plan_id, version, created_us, created_by, plan)
    VALUES (?1, ?2, ?3, ?4, ?5)";

/// How a plan is, apart from what its versions say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlanState {
    /// The number of its newest version.
    pub newest: u32,
    /// Whether nobody can subscribe to it any more.
    pub is_closed: bool,
}

impl<A> Plans<'_, A> {
    /// Each plan by its newest version, and whether it is closed.
    pub fn all(&self) -> Result<Vec<(PlanVersion, bool)>, StoreError> {
        let mut statement = self.conn.prepare_cached(ALL)?;
        let rows = statement.query_map([], |row| Ok((version_row(row)?, row.get(5)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// How many there are.
    pub fn count(&self) -> Result<usize, StoreError> {
        let count: i64 = self.conn.prepare_cached(COUNT)?.query_row([], |row| row.get(0))?;
        Ok(usize::try_from(count).unwrap_or_default())
    }

    /// How the plan of that id is.
    pub fn state(&self, id: &PlanId) -> Result<Option<PlanState>, StoreError> {
        let read = |row: &Row<'_>| Ok(PlanState { newest: row.get(0)?, is_closed: row.get(1)? });
        Ok(self.conn.prepare_cached(STATE)?.query_row([id.as_str()], read).optional()?)
    }

    /// One version.
    pub fn version(&self, plan: &PlanRef) -> Result<Option<PlanVersion>, StoreError> {
        let named = params![plan.id.as_str(), plan.version];
        Ok(self.conn.prepare_cached(VERSION)?.query_row(named, version_row).optional()?)
    }

    /// Versions of a plan with smaller numbers than `before`, the newest first.
    pub fn versions(
        &self,
        id: &PlanId,
        before: u32,
        limit: u32,
    ) -> Result<Vec<PlanVersion>, StoreError> {
        let mut statement = self.conn.prepare_cached(VERSIONS)?;
        let rows = statement.query_map(params![id.as_str(), before, limit], version_row)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

impl Plans<'_, Writes> {
    /// Keeps how a plan is.
    pub fn put(&self, id: &PlanId, state: PlanState) -> Result<(), StoreError> {
        let row = params![id.as_str(), state.newest, state.is_closed];
        self.conn.prepare_cached(PUT)?.execute(row)?;
        Ok(())
    }

    /// Keeps a version, for ever.
    pub fn add(&self, version: &PlanVersion) -> Result<(), StoreError> {
        let plan = serde_json::to_string(&version.draft).map_err(|error| StoreError::Damaged {
            what: "a plan".into(),
            how: error.to_string(),
        })?;
        self.conn.prepare_cached(ADD)?.execute(params![
            version.plan.id.as_str(),
            version.plan.version,
            to_us(version.created_at),
            version.created_by.as_str(),
            plan,
        ])?;
        Ok(())
    }
}

fn version_row(row: &Row<'_>) -> rusqlite::Result<PlanVersion> {
    let wrong = |at: usize, why: String| {
        rusqlite::Error::FromSqlConversionFailure(at, rusqlite::types::Type::Text, why.into())
    };
    let id: String = row.get(0)?;
    let plan: String = row.get(4)?;
    Ok(PlanVersion {
        plan: PlanRef {
            id: id.parse().map_err(|_| wrong(0, format!("`{id}` is no id of a plan")))?,
            version: row.get(1)?,
        },
        created_at: from_us(row.get(2)?),
        created_by: row.get::<_, String>(3)?.into(),
        draft: serde_json::from_str(&plan).map_err(|error| wrong(4, error.to_string()))?,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::Books;

    #[test]
    fn a_version_of_a_plan_stays_as_it_was_made() {
        let folder = tempfile::tempdir().unwrap();
        let books = Books::open(folder.path()).unwrap();
        let id: PlanId = "pro".parse().unwrap();
        let version = |version, name: &str| PlanVersion {
            plan: PlanRef { id: id.clone(), version },
            created_at: chrono::DateTime::UNIX_EPOCH,
            created_by: "ada".into(),
            draft: serde_json::from_str(&format!(r#"{{"name": "{name}"}}"#)).unwrap(),
        };
        let (first, second) = (version(1, "Pro"), version(2, "Professional"));
        let state = PlanState { newest: 2, is_closed: false };

        books
            .write_blocking(|tx| {
                tx.plans().put(&id, PlanState { newest: 1, ..state })?;
                tx.plans().add(&first)?;
                tx.plans().put(&id, state)?;
                tx.plans().add(&second)
            })
            .unwrap();

        let again = books.write_blocking(|tx| tx.plans().add(&first));
        assert!(again.is_err(), "under a number that there is");
        books
            .read_blocking(|books| {
                assert_eq!(books.plans().all()?, [(second.clone(), false)]);
                assert_eq!(books.plans().version(&first.plan)?, Some(first.clone()));
                assert_eq!(books.plans().versions(&id, 2, 10)?, std::slice::from_ref(&first));
                assert_eq!(books.plans().state(&id)?, Some(state));
                Ok(())
            })
            .unwrap();
    }
}
