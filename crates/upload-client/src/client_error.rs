/// Why there is no client.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The system's certificate authorities cannot be used, or the crypto provider lacks what TLS needs.
    #[error("TLS cannot be set up")]
    Tls {
        #[from]
        source: rustls::Error,
    },
}
