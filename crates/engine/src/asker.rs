//! Who asks a service: in whose turns they are answered, and with whose rights.

use std::sync::Arc;

use compact_str::CompactString;
use outlay_domain::people::{Act, Caller, Denied, Role, Via};

use crate::usage::By;

/// Who asks a service.
///
/// A service takes this once and holds everything against it, so that whoever calls it has nothing
/// to remember: what is not seen is not answered, and what may not be done is refused.
#[derive(Debug, Clone)]
pub struct Asker {
    by: By,
    /// `None` for the server itself, and for whoever came by a door with rights of its own.
    caller: Option<Arc<Caller>>,
}

impl From<&Caller> for Asker {
    fn from(caller: &Caller) -> Self {
        Self { by: caller.into(), caller: Some(Arc::new(caller.clone())) }
    }
}

impl From<By> for Asker {
    fn from(by: By) -> Self {
        Self { by, caller: None }
    }
}

impl Asker {
    /// In whose turns they are answered.
    pub fn by(&self) -> By {
        self.by.clone()
    }

    /// The one account that they see; `None` is every account.
    pub fn scope(&self) -> Option<CompactString> {
        self.caller.as_ref()?.scope()
    }

    /// The account that pays where they say none; the server itself has none.
    pub fn account(&self) -> Option<CompactString> {
        Some(self.caller.as_ref()?.account.clone())
    }

    /// What the audit trail calls them.
    pub fn name(&self) -> CompactString {
        match &self.by {
            By::Caller(name) => name.clone(),
            By::Server(part) => CompactString::const_new(part),
        }
    }

    /// Who came in; nobody where the server itself asks.
    pub(crate) fn caller(&self) -> Option<&Caller> {
        self.caller.as_deref()
    }

    /// Whether they came in with a key.
    pub(crate) fn is_key(&self) -> bool {
        self.caller.as_ref().is_some_and(|caller| matches!(caller.via, Via::Key { .. }))
    }

    /// Refuses whoever does not see `account`.
    pub(crate) fn may_see(&self, account: &str) -> Result<(), Denied> {
        self.caller.as_ref().map_or(Ok(()), |caller| caller.may_see(account))
    }

    /// Refuses whoever may not charge `account`.
    pub(crate) fn may_charge(&self, account: &str) -> Result<(), Denied> {
        self.caller.as_ref().map_or(Ok(()), |caller| caller.may_charge(account))
    }

    /// Whether they may do `act`. The server itself may, and so may whom an older system's door let in.
    pub fn may(&self, act: Act) -> Result<(), Denied> {
        self.caller.as_ref().map_or(Ok(()), |caller| caller.may(act))
    }

    /// Refuses whoever moves no cursors of imports, which everybody shares.
    pub fn require_import(&self) -> Result<(), Denied> {
        self.may(Act::SendUsage)?;
        self.require_admin()
    }

    /// Refuses everybody but admins and the server itself.
    pub fn require_admin(&self) -> Result<(), Denied> {
        match (&self.caller, &self.by) {
            (Some(caller), _) => caller.require_admin(),
            (None, By::Server(_)) => Ok(()),
            // The doors of older systems let people look.
            (None, By::Caller(_)) => {
                Err(Denied::RoleBelow { role: Role::Viewer, needed: Role::Admin })
            }
        }
    }
}
