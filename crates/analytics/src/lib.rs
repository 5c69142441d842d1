//! Maths over series of numbers: slices in, results out. It knows no money, no people and no clock.

// `!(x > 0.0)` is how NaN is sent the same way as zero.
#![allow(clippy::neg_cmp_op_on_partial_ord)]

#[cfg(test)]
mod noise;
mod spectrum;

pub mod accuracy;
pub mod anomalies;
pub mod calendar;
pub mod change_points;
pub mod decompose;
pub mod distributions;
pub mod drivers;
pub mod forecast;
pub mod remainder;
pub mod robust;
pub mod season;
pub mod trend;
