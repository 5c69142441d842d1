#![doc = include_str!("README.md")]

mod acts;
mod books_check;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod limit_tests;
mod subscriptions;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use outlay_domain::people::{Act, Denied};
use outlay_domain::plans::{PlanDraft, PlanError, PlanId, PlanRef, PlanVersion, PlansFile};
use outlay_store::{Books, StoreError};
use thiserror::Error;

use crate::Outlay;
use crate::asker::Asker;
use crate::journal::{AcceptError, Journal};

pub(crate) use books_check::{Claim, check_books};
pub use subscriptions::{
    Had, LimitStanding, Limits, Subscriptions, SubscriptionsError, is_there, turn,
};

/// Plans that there may be.
pub const PLANS_MAX: usize = 1_000;

/// Four plans, from one that is free to one for large organisations, as a file to begin with.
pub const EXAMPLE: &str = include_str!("example.json");

/// A plan, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// What it says.
    pub version: PlanVersion,
    /// Whether nobody can subscribe to it any more.
    pub is_closed: bool,
    /// Whether this version was made just now.
    pub is_new: bool,
}

/// Why something was not done with plans.
#[derive(Debug, Error)]
pub enum PlansError {
    /// It cannot be.
    #[error("{why}")]
    Plan {
        /// Which.
        id: PlanId,
        /// Why not.
        why: PlanError,
    },
    /// Its id cannot be.
    #[error("`{0}` is no id of a plan: it has 1 to 64 small letters, digits, `_`, `-` and `.`")]
    Id(String),
    /// The caller may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// There is none of that id that the caller sees.
    #[error("there is no plan `{0}`")]
    Unknown(PlanId),
    /// It has no such version.
    #[error("there is no {0}")]
    NoVersion(PlanRef),
    /// There are as many as there may be.
    #[error("there are {PLANS_MAX} plans, the most there may be")]
    TooMany,
    /// The books could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What was to be written was not taken into a commit.
    #[error(transparent)]
    NotTaken(#[from] AcceptError),
}

/// Where plans are; cheap to clone.
#[derive(Clone)]
pub struct Plans {
    books: Arc<Books>,
    journal: Arc<Journal>,
}

impl Outlay {
    /// Where plans are.
    pub fn plans(&self) -> Plans {
        Plans { books: self.books.clone(), journal: self.journal.clone() }
    }
}

impl Plans {
    /// Each plan by its newest version, the cheapest first.
    pub async fn all(&self, asker: &Asker) -> Result<Vec<Kept>, PlansError> {
        asker.may(Act::SeePrices)?;
        let mut all = self.books.read(|books| books.plans().all()).await?;
        all.retain(|(version, _)| sees(asker, version));
        all.sort_by(|(a, _), (b, _)| {
            (a.draft.price.monthly, &a.plan).cmp(&(b.draft.price.monthly, &b.plan))
        });
        let kept = |(version, is_closed)| Kept { version, is_closed, is_new: false };
        Ok(all.into_iter().map(kept).collect())
    }

    /// The plan of that id: one version of it, or the newest.
    pub async fn one(
        &self,
        id: PlanId,
        version: Option<u32>,
        asker: &Asker,
    ) -> Result<Kept, PlansError> {
        asker.may(Act::SeePrices)?;
        let name = id.clone();
        let found = self.books.read(move |books| {
            let Some(state) = books.plans().state(&name)? else { return Ok(None) };
            let version = version.unwrap_or(state.newest);
            let found = books.plans().version(&PlanRef { id: name, version })?;
            Ok(Some((found, version, state.is_closed)))
        });
        let Some((found, version, is_closed)) = found.await? else {
            return Err(PlansError::Unknown(id));
        };
        match found {
            Some(found) if !sees(asker, &found) => Err(PlansError::Unknown(id)),
            Some(version) => Ok(Kept { version, is_closed, is_new: false }),
            None => Err(PlansError::NoVersion(PlanRef { id, version })),
        }
    }

    /// Versions of a plan with smaller numbers than `before`, the newest first.
    pub async fn versions(
        &self,
        id: PlanId,
        before: u32,
        limit: u32,
        asker: &Asker,
    ) -> Result<Vec<PlanVersion>, PlansError> {
        self.one(id.clone(), None, asker).await?;
        let mut found =
            self.books.read(move |books| books.plans().versions(&id, before, limit)).await?;
        found.retain(|version| sees(asker, version));
        Ok(found)
    }

    /// Lets the plan of that id say `draft` from now on, for those who come to it. For admins.
    pub async fn set(
        &self,
        id: PlanId,
        draft: PlanDraft,
        asker: &Asker,
    ) -> Result<Kept, PlansError> {
        let plans = BTreeMap::from([(id.clone(), draft)]);
        let mut kept = self.set_all(plans, asker).await?;
        kept.pop().ok_or(PlansError::Unknown(id))
    }

    /// Lets all plans of a file say what stands there, or none. For admins.
    pub async fn import(&self, file: PlansFile, asker: &Asker) -> Result<Vec<Kept>, PlansError> {
        if file.plans.len() > PLANS_MAX {
            return Err(PlansError::TooMany);
        }
        let mut plans = BTreeMap::new();
        for (id, draft) in file.plans {
            let known = id.parse().map_err(|_| PlansError::Id(id.chars().take(100).collect()))?;
            plans.insert(known, draft);
        }
        self.set_all(plans, asker).await
    }

    async fn set_all(
        &self,
        plans: BTreeMap<PlanId, PlanDraft>,
        asker: &Asker,
    ) -> Result<Vec<Kept>, PlansError> {
        asker.may(Act::SetPrices)?;
        self.journal.act(acts::Set { plans, asker: asker.clone() }).await
    }

    /// Lets nobody subscribe to a plan any more. For admins.
    pub async fn close(&self, id: PlanId, asker: &Asker) -> Result<(), PlansError> {
        asker.may(Act::SetPrices)?;
        self.journal.act(acts::Close { id, asker: asker.clone() }).await
    }
}

/// Whether they are told that it is there: hidden ones to who sees every account.
fn sees(asker: &Asker, version: &PlanVersion) -> bool {
    !version.draft.hidden || asker.scope().is_none()
}
