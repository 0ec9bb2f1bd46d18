use object_store::path::Path;
use thiserror::Error;

/// Why the start-up check failed: what was tried, and what the store said.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CheckError {
    /// No upload can be started: wrong credentials, no such bucket, or no permission to write.
    #[error("cannot start an upload at {location}: {source}")]
    Write {
        /// Where it was tried.
        location: Path,
        /// What the store said.
        source: object_store::Error,
    },
    /// The store does not implement uploads with attributes, as the archive would start them. Local
    /// directories do not: build the archive with
    /// [`AttributeSupport::Absent`](crate::AttributeSupport::Absent).
    #[error(
        "the store takes no upload with attributes at {location}: {source}; if it keeps none, build \
         the archive with AttributeSupport::Absent"
    )]
    Attributes {
        /// Where it was tried.
        location: Path,
        /// What the store said.
        source: object_store::Error,
    },
    /// An upload can be started but not aborted, so failures would leave parts behind.
    #[error("can start an upload at {location}, but not abort it: {source}")]
    Abort {
        /// Where it was tried.
        location: Path,
        /// What the store said.
        source: object_store::Error,
    },
    /// The credentials are not valid for reading either, or the store cannot be reached.
    #[error("cannot look for {location}: {source}")]
    Look {
        /// Where it was tried.
        location: Path,
        /// What the store said.
        source: object_store::Error,
    },
}
