//! The words of Outlay and the rules between them: pure values, no clock, no SQL, no HTTP.

pub mod alerts;
pub mod amount;
pub mod annotations;
pub mod budgets;
pub mod exports;
pub mod imports;
pub mod ledger;
pub mod links;
pub mod once;
pub mod plans;
pub mod quantity;
pub mod recommendations;
pub mod revenue;

pub mod usage;

pub mod prices;

pub mod providers;

pub mod people;

pub mod views;

pub use amount::Amount;
pub use quantity::Quantity;
