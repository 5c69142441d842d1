//! What changes plans, each in one commit.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use compact_str::CompactString;
use outlay_domain::people::{AuditRecord, SERVER_ID};
use outlay_domain::plans::{PlanDraft, PlanId, PlanRef, PlanVersion};
use outlay_store::Tx;
use outlay_store::sqlite::plans::PlanState;
use serde_json::{Value, json};

use super::{Kept, PLANS_MAX, PlansError};
use crate::asker::Asker;
use crate::journal::{Act, Stop, Topic};

/// Lets plans say what they say: a new version of each that says something else, or all or none.
pub(super) struct Set {
    pub plans: BTreeMap<PlanId, PlanDraft>,
    pub asker: Asker,
}

impl Act for Set {
    type Done = Vec<Kept>;
    type Refused = PlansError;
    const TELLS: &'static [Topic] = &[];

    fn act(self, tx: &Tx<'_>, at: DateTime<Utc>) -> Result<Vec<Kept>, Stop<PlansError>> {
        let Self { plans, asker } = self;
        plans.into_iter().map(|(id, draft)| set(tx, id, draft, &asker, at)).collect()
    }
}

fn set(
    tx: &Tx<'_>,
    id: PlanId,
    draft: PlanDraft,
    asker: &Asker,
    at: DateTime<Utc>,
) -> Result<Kept, Stop<PlansError>> {
    draft.check().map_err(|why| Stop::Refused(PlansError::Plan { id: id.clone(), why }))?;
    let state = tx.plans().state(&id)?;
    if let Some(known) = state {
        let plan = PlanRef { id: id.clone(), version: known.newest };
        let newest = tx.plans().version(&plan)?.filter(|newest| newest.draft == draft);
        if let Some(version) = newest {
            if known.is_closed {
                tx.plans().put(&id, PlanState { is_closed: false, ..known })?;
                tx.audit().append(&did(asker, at, "plans.reopen", &plan))?;
            }
            return Ok(Kept { version, is_closed: false, is_new: false });
        }
    } else if tx.plans().count()? >= PLANS_MAX {
        return Err(Stop::Refused(PlansError::TooMany));
    }
    let newest = state.map_or(0, |state| state.newest) + 1;
    let plan = PlanRef { id: id.clone(), version: newest };
    let version =
        PlanVersion { plan: plan.clone(), created_at: at, created_by: actor(asker), draft };
    tx.plans().put(&id, PlanState { newest, is_closed: false })?;
    tx.plans().add(&version)?;
    tx.audit().append(&did(asker, at, "plans.set", &plan))?;
    Ok(Kept { version, is_closed: false, is_new: true })
}

/// Lets nobody subscribe to a plan any more. Who has it keeps it.
pub(super) struct Close {
    pub id: PlanId,
    pub asker: Asker,
}

impl Act for Close {
    type Done = ();
    type Refused = PlansError;
    const TELLS: &'static [Topic] = &[];

    fn act(self, tx: &Tx<'_>, at: DateTime<Utc>) -> Result<(), Stop<PlansError>> {
        let Self { id, asker } = self;
        let known = tx.plans().state(&id)?;
        let known = known.ok_or_else(|| Stop::Refused(PlansError::Unknown(id.clone())))?;
        if !known.is_closed {
            tx.plans().put(&id, PlanState { is_closed: true, ..known })?;
            let plan = PlanRef { id, version: known.newest };
            tx.audit().append(&did(&asker, at, "plans.close", &plan))?;
        }
        Ok(())
    }
}

fn actor(asker: &Asker) -> CompactString {
    asker.caller().map_or(SERVER_ID.into(), |caller| caller.user.as_str().into())
}

fn did(asker: &Asker, at: DateTime<Utc>, action: &str, plan: &PlanRef) -> AuditRecord {
    trail(asker, at, action, plan.id.as_str(), json!({ "version": plan.version }))
}

/// A line of the trail about what they do.
pub(super) fn trail(
    asker: &Asker,
    at: DateTime<Utc>,
    action: &str,
    target: &str,
    detail: Value,
) -> AuditRecord {
    match asker.caller() {
        Some(caller) => caller.did(at, action, target, detail),
        None => AuditRecord {
            at,
            actor: SERVER_ID.into(),
            action: action.into(),
            target: target.into(),
            detail,
        },
    }
}
