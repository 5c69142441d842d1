#![doc = include_str!("README.md")]

pub mod import;
mod kept;
pub mod listing;
pub mod quote;
pub mod snapshot;
pub mod unpriced;
pub mod weigh;

pub use kept::{Change, NewPrice, PriceChangeError, Prices};
