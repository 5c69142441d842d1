//! Outgoing TLS.

/// Chooses the cryptography for outgoing TLS, once a process.
pub fn install() {
    // An error means that it was chosen before.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
