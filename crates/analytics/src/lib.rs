//! Maths over series of numbers: slices in, results out. It knows no money, no people and no clock.
