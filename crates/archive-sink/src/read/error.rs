use std::io;

use object_store::path::Path;
use thiserror::Error;

use crate::{codec::CodecKind, digest::Sha256Digest, key::KeyError};

/// Why an object cannot be opened, or why the rest of it cannot be read. In the latter case, what came
/// before cannot be trusted either.
///
/// [`AsyncRead`](tokio::io::AsyncRead) returns it inside an [`io::Error`].
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReadError {
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
    /// [`Archive::open_version`](crate::Archive::open_version) returns this.
    #[error("{location} is no longer the object that it was")]
    Changed {
        /// Where the object was.
        location: Path,
        /// What the store said; `None` when it sent another object without an error.
        source: Option<object_store::Error>,
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
    /// The store refused the object, could not be reached, or failed while sending it.
    #[error("cannot read {location} from byte {offset}: {source}")]
    Store {
        /// The object.
        location: Path,
        /// How many stored bytes had come.
        offset: u64,
        /// What the store said.
        source: object_store::Error,
    },
    /// The decoder does not accept the bytes: they are damaged, or it is another format.
    #[error("cannot decode {location} near stored byte {offset}: {source}")]
    Decode {
        /// The object.
        location: Path,
        /// How many stored bytes had come.
        offset: u64,
        /// What the decoder said.
        source: io::Error,
    },
    /// The stored bytes ended before the object's length.
    #[error("{location} is cut off after {offset} of {expected} stored bytes")]
    Truncated {
        /// The object.
        location: Path,
        /// How many stored bytes came.
        offset: u64,
        /// How many there should be.
        expected: u64,
    },
    /// The stored bytes ended in the middle of what the codec encoded: the object was cut off before
    /// it was stored.
    #[error("{location} ends inside its {codec} data, after {offset} stored bytes")]
    Incomplete {
        /// The object.
        location: Path,
        /// Its codec.
        codec: CodecKind,
        /// How many stored bytes there are.
        offset: u64,
    },
    /// More came than belongs to the object: stored bytes past its length, or bytes after the end of
    /// what its codec encoded.
    #[error("{location} goes on after its end, at stored byte {offset}")]
    TrailingData {
        /// The object.
        location: Path,
        /// How many stored bytes had come.
        offset: u64,
    },
    /// The raw document has another length than the object's metadata says.
    #[error("{location} has {actual} raw bytes, but its metadata says {expected}")]
    Length {
        /// The object.
        location: Path,
        /// The length in the metadata.
        expected: u64,
        /// The length that was read; when it is more, reading stopped there.
        actual: u64,
    },
    /// The raw document has another digest than the object's metadata says.
    #[error("{location} has the sha-256 {actual}, but its metadata says {expected}")]
    Digest {
        /// The object.
        location: Path,
        /// The digest in the metadata.
        expected: Sha256Digest,
        /// The digest of what was read.
        actual: Sha256Digest,
    },
    /// The document is longer than the [`ReadLimit`](crate::ReadLimit) allows: too large, or a
    /// decompression bomb.
    #[error("{location} has more than {limit} raw bytes, which is the limit")]
    TooLarge {
        /// The object.
        location: Path,
        /// The limit in raw bytes.
        limit: u64,
    },
    /// An earlier poll of this reader panicked: a bug in a codec or a store.
    #[error("an earlier poll of the reader of {location} panicked")]
    Panicked {
        /// The object.
        location: Path,
    },
}

impl From<ReadError> for io::Error {
    fn from(error: ReadError) -> Self {
        let kind = match &error {
            ReadError::Truncated { .. } | ReadError::Incomplete { .. } => {
                io::ErrorKind::UnexpectedEof
            }
            ReadError::NotFound { .. } => io::ErrorKind::NotFound,
            ReadError::Key(_) => io::ErrorKind::InvalidInput,
            ReadError::CodecNotCompiled { .. } => io::ErrorKind::Unsupported,
            ReadError::Store { .. } | ReadError::Changed { .. } | ReadError::Panicked { .. } => {
                io::ErrorKind::Other
            }
            _ => io::ErrorKind::InvalidData,
        };
        Self::new(kind, error)
    }
}
