//! Reading the audit trail.

use outlay_domain::people::{Act, AuditEntry, Caller};
use outlay_store::sqlite::audit::AuditFilter;

use super::{People, PeopleError};

/// Which lines of the trail are asked for: one page of them.
#[derive(Debug, Clone, Default)]
pub struct AuditQuestion {
    /// Only these.
    pub filter: AuditFilter,
    /// How many, at most.
    pub limit: u32,
}

impl People {
    /// The newest lines of the audit trail. Admins only.
    pub async fn audit(
        &self,
        caller: &Caller,
        question: AuditQuestion,
    ) -> Result<Vec<AuditEntry>, PeopleError> {
        caller.may(Act::Administer)?;
        self.read(move |books| books.audit().page(&question.filter, question.limit)).await
    }
}
