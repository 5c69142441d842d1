//! Doors for clients of older systems: their paths, their shapes, their errors. They decide nothing.

pub mod leadfactory;
