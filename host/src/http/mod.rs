//! The one way to begin an HTTP client, so that each has its TLS from the same library, and the one way to serve HTTP, so that each
//! address has the same bounds.

pub mod serve;

/// Returns the builder of an HTTP client whose TLS is rustls on ring.
pub fn client_builder() -> reqwest::ClientBuilder {
    // Fails only where a provider is installed already, which serves as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
}
