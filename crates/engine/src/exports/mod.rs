//! Facts as others want to read them.

pub mod focus;
pub mod focus_category;
mod focus_lines;
pub mod schedules;
