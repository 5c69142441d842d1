//! Doors for clients of older systems: their paths, their shapes, their errors. They decide nothing.
//!
//! A dialect is a folder here, its `mod`, and its line in `registered.rs`.

pub mod alwrity;
pub mod leadfactory;
pub mod registered;

use crate::config::Config;
use crate::dialect::Dialect;
use registered::each_dialect;

macro_rules! values {
    ($($about:literal $name:ident: $variant:ident,)*) => {
        /// The dialects that are switched on.
        pub fn switched_on(config: &Config) -> Vec<Dialect> {
            [$($name::dialect(config)),*].into_iter().flatten().collect()
        }
    };
}

each_dialect!(values);
