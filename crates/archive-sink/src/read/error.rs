use std::{error::Error, fmt, io};

use object_store::{Error as StoreError, path::Path};

use crate::{codec::CodecKind, digest::Sha256Digest, key::KeyError};

/// Why an object cannot be opened or read to its end. If reading fails, what came before cannot be trusted either.
///
/// [`AsyncRead`](tokio::io::AsyncRead) returns it inside an [`io::Error`]: `UnexpectedEof` if the object is cut off,
/// `InvalidData` if it is damaged, and `NotFound` if there is none when it is opened.
#[derive(Debug)]
#[non_exhaustive]
pub struct ReadError {
    /// The object.
    pub location: Path,
    /// What happened.
    pub kind: ReadErrorKind,
}

/// What happened to a [`ReadError`]'s object. Offsets count stored bytes.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadErrorKind {
    /// The name breaks one of the rules for keys.
    #[error("no object can have this name: {0}")]
    Key(#[source] KeyError),
    /// There is no such object, neither under the name itself nor with a codec's extension.
    #[error("there is no such object, with or without a codec's extension: {0}")]
    NotFound(#[source] StoreError),
    /// There is no object of the name itself, and more than one with a codec's extension: name one of them.
    #[error("there are {}: name one of them", named(.0))]
    Ambiguous(Vec<Path>),
    /// The object was replaced or removed since it was opened or listed before. Only
    /// [`Archive::open_version`](crate::Archive::open_version) and [`Archive::describe`](crate::Archive::describe) return this.
    /// `None` if the store sent another object without an error.
    #[error("it was replaced or removed since")]
    Changed(#[source] Option<StoreError>),
    /// The object has this content coding, which this crate does not know.
    #[error("it has the content coding {0:?}, which is not gzip, zstd or br")]
    UnknownCoding(String),
    /// The object needs a codec whose feature is off in this build.
    #[error("it needs {0}, whose feature is off in this build")]
    CodecNotCompiled(CodecKind),
    /// The store refused the object, could not be reached, or failed while sending it.
    #[error("the store failed at byte {offset}: {source}")]
    Store {
        /// How far it had come.
        offset: u64,
        /// What the store said.
        source: StoreError,
    },
    /// The decoder does not accept the bytes: they are damaged, or have another format.
    #[error("cannot decode it near stored byte {offset}: {source}")]
    Decode {
        /// How far it had come.
        offset: u64,
        /// What the decoder said.
        source: io::Error,
    },
    /// The stored bytes ended before the object's length.
    #[error("it is cut off after {offset} of {expected} stored bytes")]
    Truncated {
        /// How many stored bytes came.
        offset: u64,
        /// How many there should be.
        expected: u64,
    },
    /// The encoding ends in the middle: the object was cut off before it was stored.
    #[error("it ends inside its {codec} data, after {offset} stored bytes")]
    Incomplete {
        /// The object's codec.
        codec: CodecKind,
        /// How many stored bytes there are.
        offset: u64,
    },
    /// There are stored bytes past the object's length, or bytes after the end of its encoding.
    #[error("it goes on after its end, at stored byte {offset}")]
    TrailingData {
        /// How far it had come.
        offset: u64,
    },
    /// The raw document has another length than the object's metadata says.
    #[error("it has {actual} raw bytes, but its metadata says {expected}")]
    Length {
        /// The length in the metadata.
        expected: u64,
        /// The length that was read; when it is more, reading stopped there.
        actual: u64,
    },
    /// The raw document has another digest than the object's metadata says.
    #[error("it has the sha-256 {actual}, but its metadata says {expected}")]
    Digest {
        /// The digest in the metadata.
        expected: Sha256Digest,
        /// The digest of what was read.
        actual: Sha256Digest,
    },
    /// The document has more bytes than the [`ReadLimit`](crate::ReadLimit) allows for its stored length: it is too large, or
    /// a decompression bomb.
    #[error("it has more than {0} raw bytes, which is the limit for an object of its length")]
    TooLarge(u64),
    /// An earlier poll of this reader panicked: a bug in a codec or a store.
    #[error("an earlier poll of the reader panicked")]
    Panicked,
}

impl ReadError {
    pub(crate) fn new(location: &Path, kind: ReadErrorKind) -> Self {
        let location = location.clone();
        Self { location, kind }
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot read {}: {}", self.location, self.kind)
    }
}

impl Error for ReadError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.kind.source()
    }
}

impl From<ReadError> for io::Error {
    fn from(error: ReadError) -> Self {
        let kind = match &error.kind {
            ReadErrorKind::Truncated { .. } | ReadErrorKind::Incomplete { .. } => {
                io::ErrorKind::UnexpectedEof
            }
            ReadErrorKind::NotFound(_) => io::ErrorKind::NotFound,
            ReadErrorKind::Decode { .. }
            | ReadErrorKind::TrailingData { .. }
            | ReadErrorKind::Length { .. }
            | ReadErrorKind::Digest { .. }
            | ReadErrorKind::TooLarge(_) => io::ErrorKind::InvalidData,
            _ => io::ErrorKind::Other,
        };
        Self::new(kind, error)
    }
}

fn named(locations: &[Path]) -> String {
    let names: Vec<_> = locations.iter().map(Path::as_ref).collect();
    names.join(" and ")
}
