#![doc = include_str!("README.md")]

mod acts;
pub mod import;
mod kept;
pub mod listing;
pub mod quote;
pub mod snapshot;
pub mod unpriced;
pub mod weigh;

pub use kept::{NewPrice, PriceChangeError, Prices};
