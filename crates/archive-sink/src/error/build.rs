use thiserror::Error;

use crate::{CodecError, CodecKind, LevelError};

/// Why [`ArchiveBuilder::build`](crate::ArchiveBuilder::build) refused its settings.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The codec's feature is off in this build.
    #[error("this build has no {0}: its feature is off")]
    CodecNotCompiled(CodecKind),
    /// The codec has a level that it does not know: that of another codec.
    #[error(transparent)]
    Level(#[from] LevelError),
    /// Parts are smaller than remote stores take, and
    /// [`allow_small_parts`](crate::ArchiveBuilder::allow_small_parts) was not called.
    #[error("parts of {0} bytes are too small: remote stores take no less than 5242880")]
    SmallParts(usize),
    /// Parts have no bytes, or are larger than the 5 GiB that S3 takes.
    #[error("parts cannot have {0} bytes, only 1 to 5368709120")]
    PartBytes(usize),
    /// No part may be in flight, so nothing could ever be sent.
    #[error("at least one part must be allowed in flight")]
    NoPartsInFlight,
    /// The content type is empty or has characters that no header bears.
    #[error("the content type {0:?} is no header value")]
    ContentType(String),
}

impl From<CodecError> for BuildError {
    fn from(error: CodecError) -> Self {
        match error {
            CodecError::NotCompiled(kind) => Self::CodecNotCompiled(kind),
            CodecError::Level(error) => Self::Level(error),
        }
    }
}
