use object_store::path::Path;
use thiserror::Error;

/// Why an upload could not be aborted. Nothing is visible, but its parts may still be stored.
#[derive(Debug, Error)]
#[error("cannot abort the upload of {location}, whose parts may stay stored: {source}")]
#[non_exhaustive]
pub struct AbortError {
    /// Where the object would have been.
    pub location: Path,
    /// What the store said.
    pub source: object_store::Error,
}
