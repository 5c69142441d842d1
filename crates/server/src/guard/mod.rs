//! What is asked of a request before anybody is looked up: where it comes from, what it brings, how often,
//! and what its path takes.

mod address;
mod cookie;
pub mod credential;
pub mod csrf;
pub mod door;
mod errors;
pub mod limits;

use parking_lot::RwLock;

use crate::config::{Config, Network};

pub use address::client_address;
pub use cookie::{SessionCookie, SetCookie};
pub use door::is_socket;
use limits::Limits;

/// What the guard at the door goes by.
pub struct Guard {
    pub(crate) limits: Limits,
    proxies: Vec<Network>,
    public_url: RwLock<String>,
    pub(crate) is_https: bool,
    pub(crate) cors_origins: Vec<String>,
}

impl Guard {
    /// A guard by the settings.
    pub fn new(config: &Config) -> Self {
        let public_url = match config.server.public_url.trim_end_matches('/') {
            "" => format!("http://{}", config.server.listen),
            url => url.to_owned(),
        };
        Self {
            limits: Limits::new(&config.limits),
            proxies: config.server.trusted_proxies.clone(),
            is_https: public_url.starts_with("https://"),
            public_url: RwLock::new(public_url),
            cors_origins: config.server.cors_origins.clone(),
        }
    }

    /// The address that people use, without a slash at its end.
    pub fn public_url(&self) -> String {
        self.public_url.read().clone()
    }

    /// Tells the guard where the server is, once that is known.
    pub fn set_public_url(&self, url: &str) {
        url.trim_end_matches('/').clone_into(&mut self.public_url.write());
    }

    /// Forgets callers who have not called for a while.
    pub fn tidy(&self) {
        self.limits.tidy();
    }
}
