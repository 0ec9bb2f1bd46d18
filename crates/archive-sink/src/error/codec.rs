use thiserror::Error;

use crate::{CodecKind, LevelError};

/// Why nothing can be encoded with a [`Codec`](crate::Codec).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CodecError {
    /// The codec's feature is off in this build.
    #[error("this build has no {0}: its feature is off")]
    NotCompiled(CodecKind),
    /// The codec has a level that it does not know: that of another codec.
    #[error(transparent)]
    Level(#[from] LevelError),
}
