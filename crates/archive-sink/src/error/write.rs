use std::{error::Error, fmt, io, sync::Arc};

use object_store::path::Path;

use super::SharedError;
use crate::Sha256Digest;

/// Why an object could not be written as far as it was: the first cause, kept by the writer.
///
/// [`AsyncWrite`](tokio::io::AsyncWrite) returns it inside an [`io::Error`], from which
/// [`io::Error::get_ref`] and `downcast_ref` take it out; [`SendError`](crate::SendError) and
/// [`CommitError`](crate::CommitError) carry it as it is. After it, nothing can be committed.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum WriteError {
    /// The store refused to start a multipart upload.
    Create {
        /// Where the object would have been.
        location: Path,
        /// What the store said.
        source: Arc<object_store::Error>,
    },
    /// The store did not take a part, after whatever retries it is configured with.
    Part {
        /// Where the object would have been.
        location: Path,
        /// The part's number, from 1; `None` when the task that sent it panicked.
        part: Option<usize>,
        /// What the store said.
        source: Arc<object_store::Error>,
    },
    /// The encoder failed.
    Encode {
        /// Where the object would have been.
        location: Path,
        /// What the encoder said.
        source: Arc<io::Error>,
    },
    /// All 10,000 parts that an upload may have are used.
    TooLarge {
        /// Where the object would have been.
        location: Path,
        /// How many bytes were stored by then.
        stored_bytes: u64,
    },
    /// The stream that was sent failed, so the document is not whole.
    Source {
        /// Where the object would have been.
        location: Path,
        /// The stream's error.
        source: Arc<dyn Error + Send + Sync>,
    },
    /// [`send_all`](crate::ArchiveWriter::send_all) was dropped before its stream ended, so the
    /// document is not whole.
    Unfinished {
        /// Where the object would have been.
        location: Path,
    },
    /// The digest that the caller gave is not that of what was written.
    Digest {
        /// Where the object would have been.
        location: Path,
        /// What the caller gave.
        expected: Sha256Digest,
        /// What the writer computed.
        actual: Sha256Digest,
    },
    /// What an [`EncodedWriter`](crate::EncodedWriter) was sent cannot be an encoding of the document
    /// that it was told of: by identity, lengths are equal, and other codecs write something even for
    /// nothing.
    Length {
        /// Where the object would have been.
        location: Path,
        /// The document's length, as the caller told it.
        raw_bytes: u64,
        /// The length of the encoding.
        encoded_bytes: u64,
    },
    /// Something was written after `shutdown`.
    Closed {
        /// Where the object would have been.
        location: Path,
    },
    /// An earlier poll of this writer panicked: a bug in a codec or a store.
    Panicked {
        /// Where the object would have been.
        location: Path,
    },
}

impl WriteError {
    /// Where the object would have been.
    pub fn location(&self) -> &Path {
        match self {
            Self::Create { location, .. }
            | Self::Part { location, .. }
            | Self::Encode { location, .. }
            | Self::TooLarge { location, .. }
            | Self::Source { location, .. }
            | Self::Unfinished { location }
            | Self::Digest { location, .. }
            | Self::Length { location, .. }
            | Self::Closed { location }
            | Self::Panicked { location } => location,
        }
    }

    pub(crate) fn from_source(location: Path, source: SharedError) -> Self {
        Self::Source { location, source }
    }
}

impl fmt::Display for WriteError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Create { location, source } => {
                write!(formatter, "cannot start to upload {location}: {source}")
            }
            Self::Part {
                location,
                part: Some(part),
                source,
            } => write!(
                formatter,
                "cannot store part {part} of {location}: {source}"
            ),
            Self::Part {
                location,
                part: None,
                source,
            } => write!(formatter, "cannot store a part of {location}: {source}"),
            Self::Encode { location, source } => {
                write!(formatter, "cannot encode {location}: {source}")
            }
            Self::TooLarge {
                location,
                stored_bytes,
            } => write!(
                formatter,
                "{location} needs more than the 10,000 parts an upload may have: {stored_bytes} \
                 bytes filled them"
            ),
            Self::Source { location, source } => {
                write!(formatter, "the source of {location} failed: {source}")
            }
            Self::Unfinished { location } => write!(
                formatter,
                "the source of {location} was not read to its end: send_all was dropped"
            ),
            Self::Digest {
                location,
                expected,
                actual,
            } => write!(
                formatter,
                "what was written to {location} has the sha-256 {actual}, not {expected}"
            ),
            Self::Length {
                location,
                raw_bytes,
                encoded_bytes,
            } => write!(
                formatter,
                "{encoded_bytes} encoded bytes for {location} cannot be a document of {raw_bytes} bytes"
            ),
            Self::Closed { location } => {
                write!(formatter, "{location} was written to after its shutdown")
            }
            Self::Panicked { location } => {
                write!(
                    formatter,
                    "an earlier poll of the writer of {location} panicked"
                )
            }
        }
    }
}

impl Error for WriteError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Create { source, .. } | Self::Part { source, .. } => Some(&**source),
            Self::Encode { source, .. } => Some(&**source),
            Self::Source { source, .. } => Some(&**source),
            Self::TooLarge { .. }
            | Self::Unfinished { .. }
            | Self::Digest { .. }
            | Self::Length { .. }
            | Self::Closed { .. }
            | Self::Panicked { .. } => None,
        }
    }
}

impl From<WriteError> for io::Error {
    fn from(error: WriteError) -> Self {
        let kind = match &error {
            WriteError::Closed { .. } => io::ErrorKind::BrokenPipe,
            WriteError::TooLarge { .. } => io::ErrorKind::FileTooLarge,
            WriteError::Encode { source, .. } => source.kind(),
            WriteError::Create { source, .. } | WriteError::Part { source, .. } => {
                match &**source {
                    object_store::Error::NotFound { .. } => io::ErrorKind::NotFound,
                    object_store::Error::PermissionDenied { .. }
                    | object_store::Error::Unauthenticated { .. } => {
                        io::ErrorKind::PermissionDenied
                    }
                    object_store::Error::NotSupported { .. }
                    | object_store::Error::NotImplemented { .. } => io::ErrorKind::Unsupported,
                    _ => io::ErrorKind::Other,
                }
            }
            _ => io::ErrorKind::Other,
        };
        Self::new(kind, error)
    }
}
