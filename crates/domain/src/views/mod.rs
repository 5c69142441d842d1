//! Views that people keep: a question about usage with a name, and how its answer is drawn.
//!
//! A view is a question and never its answer. What somebody sees in it is what they may see anyway.

mod period;
mod view;

pub use period::{Bound, PeriodError, Span, ViewPeriod};
pub use view::{
    Audience, COLUMNS_MAX, Column, Form, NAME_CHARS_MAX, Pin, PinSize, SavedView, Sort,
    VIEW_BYTES_MAX, ViewDraft, ViewError, names_none_but,
};
