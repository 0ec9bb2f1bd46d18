use std::error::Error;

/// Why a document could not be produced to its end.
#[derive(Debug, thiserror::Error)]
#[error("the document could not be produced")]
pub struct DocumentError {
    source: Box<dyn Error + Send + Sync>,
}

impl DocumentError {
    /// A document that failed because of `source`.
    pub fn new(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            source: source.into(),
        }
    }
}
