#![doc = include_str!("README.md")]

pub mod audit;
pub mod caller;
pub mod key;
pub mod role;
pub mod session;
pub mod user;

pub use audit::{AuditEntry, AuditRecord};
pub use caller::{Caller, Denied, Via};
pub use key::{ApiKey, KeyState, Scope, Scopes, SecretHash};
pub use role::{Act, Role};
pub use session::{Session, SessionPolicy, SignInMethod};
pub use user::{PeopleRefusal, User, UserId};
