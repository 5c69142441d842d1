//! Facts as others want to read them.

pub mod focus;
