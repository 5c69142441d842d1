//! Prices, and what events cost by them.
