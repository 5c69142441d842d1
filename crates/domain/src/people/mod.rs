#![doc = include_str!("README.md")]

pub mod audit;
pub mod caller;
pub mod erasure;
pub mod key;
pub mod password;
pub mod role;
pub mod session;
pub mod user;

pub use audit::{AuditEntry, AuditRecord};
pub use caller::{Caller, Denied, Via};
pub use key::{ApiKey, KeyState, Scope, Scopes, SecretHash};
pub use password::judge_password;
pub use role::{Act, Reach, Role};
pub use session::{Session, SessionPolicy, SignInMethod};
pub use user::{OPERATOR_ID, PeopleRefusal, SERVER_ID, User, UserId};
