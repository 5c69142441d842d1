//! The door by which usage comes in: what somebody sends is judged by who they are.

use chrono::{DateTime, Utc};
use outlay_domain::people::{Act, Denied};
use outlay_domain::usage::{EventDraft, Refusal, RefusalCode};

use super::Incoming;
use crate::{Asker, Outlay};

/// Where somebody sends usage.
#[derive(Debug, Clone)]
pub struct UsageDoor(Asker);

impl Outlay {
    /// The door for somebody who sends usage, if they may.
    pub fn usage_door(&self, asker: impl Into<Asker>) -> Result<UsageDoor, Denied> {
        let asker = asker.into();
        asker.may(Act::SendUsage)?;
        Ok(UsageDoor(asker))
    }
}

impl UsageDoor {
    /// The event that `draft` tells, which came at `received_at`, if it can be and whoever sends it may
    /// charge its account.
    pub fn judged(
        &self,
        draft: EventDraft,
        received_at: DateTime<Utc>,
    ) -> Result<Incoming, Refusal> {
        let time_stated = draft.occurred_at.is_some();
        let event = draft.accept(received_at)?;
        self.0.may_charge(&event.account).map_err(|denied| {
            Refusal::new(RefusalCode::Forbidden, "account", denied.to_string())
        })?;
        Ok(Incoming { event, time_stated })
    }
}
