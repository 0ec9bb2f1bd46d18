use super::RequestError;

/// Why a small request has no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SendBytesError {
    /// The request's URI is no URL.
    #[error("the request's URI is no URL")]
    Url { source: url::ParseError },
    /// There is no answer, or it broke off.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The answer's body has more than `limit` bytes.
    #[error("the answer has more than {limit} bytes")]
    TooLarge { limit: usize },
}
