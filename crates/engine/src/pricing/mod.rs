#![doc = include_str!("README.md")]

pub mod import;
pub mod listing;
mod prices;
pub mod quote;
pub mod snapshot;
pub mod unpriced;
pub mod weigh;

pub use prices::{Change, NewPrice, PriceError, Prices};
