use std::io;

use object_store::path::Path;
use thiserror::Error;

use crate::{CodecKind, Sha256Digest};

/// Why the rest of a document cannot be read. What came before it is not to be trusted either.
///
/// [`AsyncRead`](tokio::io::AsyncRead) returns it inside an [`io::Error`].
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The store failed while sending the object.
    #[error("cannot read {location} on from byte {offset}: {source}")]
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
            ReadError::Store { .. } | ReadError::Panicked { .. } => io::ErrorKind::Other,
            _ => io::ErrorKind::InvalidData,
        };
        Self::new(kind, error)
    }
}
