#![doc = include_str!("README.md")]

mod book;
mod names;
mod pattern;
mod price;
mod rating;
mod recount;
mod row;
mod sheet;
mod terms;

pub use book::{PriceBook, PriceBookBuilder};
pub use names::{MAKERS, provider_name};
pub use pattern::{ClauseText, ModelPattern, PATTERN_BYTES_MAX, PatternError};
pub use price::{Cost, PRICE_PLACES, Price, PriceError};
pub use rating::{Quote, QuoteLine, Rateable, Unpriced};
pub use recount::Recount;
pub use row::{
    CURRENCY, Charged, Conditions, ContextThreshold, Days, Hours, MANUAL_SOURCE, PriceRow, Priced,
    TimeOfDay, TimeOfDayError, Window,
};
pub(crate) use sheet::counts_tokens;
pub use terms::parameter;
