//! Kinds of values that settings have.

mod network;
mod secret;
mod zones;

pub use network::Network;
pub use secret::SecretText;
pub use zones::no_zone;
