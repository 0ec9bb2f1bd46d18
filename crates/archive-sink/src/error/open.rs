use object_store::path::Path;
use thiserror::Error;

use crate::{CodecKind, KeyError};

/// Why an object could not be opened.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The name breaks one of the rules for keys, so no object of this archive has it.
    #[error("no object has this name: {0}")]
    Key(#[from] KeyError),
    /// There is no such object, neither under the name itself nor with a codec's extension.
    #[error("there is no {location}, with or without a codec's extension")]
    NotFound {
        /// The first place that was looked at.
        location: Path,
        /// What the store said about it.
        source: object_store::Error,
    },
    /// The object is not the one that was opened before: it was replaced or removed. Only
    /// [`Archive::open_version`](crate::Archive::open_version) says so.
    #[error("{location} is no longer the object that it was")]
    Changed {
        /// Where the object was.
        location: Path,
        /// What the store said; `None` when it sent another object without a word.
        source: Option<object_store::Error>,
    },
    /// The store refused, or could not be reached.
    #[error("cannot open {location}: {source}")]
    Store {
        /// The object.
        location: Path,
        /// What the store said.
        source: object_store::Error,
    },
    /// The object has a content coding that this crate does not know.
    #[error("{location} has the content coding {coding:?}, which is none of gzip, zstd and br")]
    UnknownCoding {
        /// The object.
        location: Path,
        /// Its `Content-Encoding`.
        coding: String,
    },
    /// The object needs a codec whose feature is off in this build.
    #[error("{location} needs {kind}, whose feature is off in this build")]
    CodecNotCompiled {
        /// The object.
        location: Path,
        /// The codec.
        kind: CodecKind,
    },
}
