use std::{error::Error, fmt, io, sync::Arc};

use object_store::{Error as StoreError, path::Path};

use crate::digest::Sha256Digest;

/// Why an object could not be written: the first cause, which the writer keeps. After it, nothing can
/// be committed.
///
/// [`AsyncWrite`](tokio::io::AsyncWrite) returns it inside an [`io::Error`], from which
/// [`io::Error::get_ref`] and `downcast_ref` take it out;
/// [`CommitError`](crate::CommitError) carries it as it is. `location` is where the object would have
/// been.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum WriteError {
    /// The store failed to do something, after whatever retries it is configured with.
    Store {
        /// Where the object would have been.
        location: Path,
        /// What the store was asked for: `start to upload`, or `store part 3 of`.
        request: String,
        /// What the store said.
        source: Arc<StoreError>,
    },
    /// The store does not implement uploads with attributes. Local directories do not: build the archive
    /// with [`AttributeSupport::Absent`](crate::AttributeSupport::Absent). Only
    /// [`Archive::check`](crate::Archive::check) returns this.
    Attributes {
        /// Where the object would have been.
        location: Path,
        /// What the store said.
        source: Arc<StoreError>,
    },
    /// The store did not abort the upload. Nothing is visible, but parts may stay stored.
    Abort {
        /// Where the object would have been.
        location: Path,
        /// What the store said.
        source: Arc<StoreError>,
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
        /// How many bytes of the stream had been taken.
        sent: u64,
        /// The stream's error.
        source: Arc<dyn Error + Send + Sync>,
    },
    /// [`send_all`](crate::ArchiveWriter::send_all) was dropped before its stream ended, so the
    /// document is not whole.
    Unfinished {
        /// Where the object would have been.
        location: Path,
    },
    /// The digest given to [`commit_with`](crate::ArchiveWriter::commit_with) is not that of what was
    /// written.
    Digest {
        /// Where the object would have been.
        location: Path,
        /// The caller's digest.
        expected: Sha256Digest,
        /// The digest that the writer computed.
        actual: Sha256Digest,
    },
    /// What was written cannot be the document of the length given to
    /// [`commit_with`](crate::ArchiveWriter::commit_with). Raw documents and those encoded by identity have
    /// the same length; other codecs write something even for nothing.
    Length {
        /// Where the object would have been.
        location: Path,
        /// The document's length, as the caller gave it.
        raw_bytes: u64,
        /// How many bytes were written.
        written_bytes: u64,
    },
    /// The document was written encoded, so its length is unknown: call
    /// [`commit_with`](crate::ArchiveWriter::commit_with) instead of `commit`.
    UnknownLength {
        /// Where the object would have been.
        location: Path,
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
    pub(crate) fn store(request: impl Into<String>, location: Path, source: StoreError) -> Self {
        Self::Store {
            location,
            request: request.into(),
            source: Arc::new(source),
        }
    }
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store {
                location,
                request,
                source,
            } => write!(f, "cannot {request} {location}: {source}"),
            Self::Attributes { location, source } => write!(
                f,
                "the store takes no upload with attributes at {location}: {source}; if it keeps none, \
                 build the archive with AttributeSupport::Absent"
            ),
            Self::Abort { location, source } => write!(
                f,
                "cannot abort the upload of {location}, whose parts may stay stored: {source}"
            ),
            Self::Encode { location, source } => write!(f, "cannot encode {location}: {source}"),
            Self::TooLarge {
                location,
                stored_bytes,
            } => write!(
                f,
                "{location} needs more than the 10,000 parts an upload may have: {stored_bytes} \
                 bytes filled them"
            ),
            Self::Source {
                location,
                sent,
                source,
            } => write!(
                f,
                "the source of {location} failed after {sent} bytes: {source}"
            ),
            Self::Unfinished { location } => write!(
                f,
                "the source of {location} was not read to its end: send_all was dropped"
            ),
            Self::Digest {
                location,
                expected,
                actual,
            } => write!(
                f,
                "what was written to {location} has the sha-256 {actual}, not {expected}"
            ),
            Self::Length {
                location,
                raw_bytes,
                written_bytes,
            } => write!(
                f,
                "the {written_bytes} bytes written to {location} cannot be a document of {raw_bytes} bytes"
            ),
            Self::UnknownLength { location } => write!(
                f,
                "{location} was written encoded, so only commit_with can commit it"
            ),
            Self::Closed { location } => {
                write!(f, "{location} was written to after its shutdown")
            }
            Self::Panicked { location } => {
                write!(f, "an earlier poll of the writer of {location} panicked")
            }
        }
    }
}

impl Error for WriteError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Store { source, .. }
            | Self::Attributes { source, .. }
            | Self::Abort { source, .. } => Some(&**source),
            Self::Encode { source, .. } => Some(&**source),
            Self::Source { source, .. } => Some(&**source),
            _ => None,
        }
    }
}

impl From<WriteError> for io::Error {
    fn from(error: WriteError) -> Self {
        let kind = match &error {
            WriteError::Closed { .. } => io::ErrorKind::BrokenPipe,
            WriteError::TooLarge { .. } => io::ErrorKind::FileTooLarge,
            WriteError::Encode { source, .. } => source.kind(),
            WriteError::Store { source, .. } => match &**source {
                StoreError::NotFound { .. } => io::ErrorKind::NotFound,
                StoreError::PermissionDenied { .. } | StoreError::Unauthenticated { .. } => {
                    io::ErrorKind::PermissionDenied
                }
                StoreError::NotSupported { .. } | StoreError::NotImplemented { .. } => {
                    io::ErrorKind::Unsupported
                }
                _ => io::ErrorKind::Other,
            },
            _ => io::ErrorKind::Other,
        };
        Self::new(kind, error)
    }
}

/// Why [`ArchiveWriter::commit`](crate::ArchiveWriter::commit) has no receipt.
///
/// The variant says what is visible. `clean_up` says, besides the cause and never instead of it,
/// that parts may be left because the upload could not be aborted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommitError {
    /// Writing had failed, in an earlier call or in what commit still had to write. Nothing is
    /// visible.
    #[error("{cause}{}", also(.clean_up))]
    Write {
        /// The first failure.
        #[source]
        cause: WriteError,
        /// Why clean-up failed too, if it did.
        clean_up: Option<Box<WriteError>>,
    },
    /// The store refused the final request, or the look before it, and what is at the location, if
    /// anything, is not this object. Nothing of it is visible.
    ///
    /// One doubt remains that no client can remove: a single PUT that timed out may reach the store
    /// after it was looked for. A multipart upload is aborted, and cannot be completed after that.
    #[error("cannot commit {location}: {source}{}", also(.clean_up))]
    Refused {
        /// Where the object would have been.
        location: Path,
        /// What the store said.
        source: object_store::Error,
        /// Why clean-up failed too, if it did.
        clean_up: Option<Box<WriteError>>,
    },
    /// There is another object already, and the archive only creates. That object is untouched.
    #[error(
        "{location} exists already and {}{}",
        if *.compared { "has other content" } else { "could not be compared" },
        also(.clean_up)
    )]
    Conflict {
        /// Where the other object is.
        location: Path,
        /// Whether the contents were compared: that needs the document's digest and the permission to
        /// read.
        compared: bool,
        /// Why clean-up failed too, if it did.
        clean_up: Option<Box<WriteError>>,
    },
    /// The answer to the final request left open whether it was carried out, and looking did not
    /// tell. Either nothing or the whole object is visible.
    #[error("{location} may or may not be committed: {source}; {}{}", why_unknown(.look), also(.clean_up))]
    Unknown {
        /// Where the object may be.
        location: Path,
        /// What the store said to the final request.
        source: object_store::Error,
        /// What it said when asked for the object; `None` when there is one but nothing tells
        /// whose, since the store keeps no attributes and digests are switched off.
        look: Option<Box<object_store::Error>>,
        /// Why clean-up failed too, if it did.
        clean_up: Option<Box<WriteError>>,
    },
    /// The task that was to commit was lost: the store panicked, or the runtime shut down. Either
    /// nothing or the whole object is visible, and parts may be left.
    #[error("the task that was to commit {location} was lost: {source}")]
    Lost {
        /// Where the object may be.
        location: Path,
        /// How the task ended.
        source: tokio::task::JoinError,
    },
}

fn also(clean_up: &Option<Box<WriteError>>) -> String {
    clean_up
        .as_ref()
        .map_or_else(String::new, |error| format!("; then: {error}"))
}

fn why_unknown(look: &Option<Box<object_store::Error>>) -> String {
    look.as_ref().map_or_else(
        || "an object is there, but nothing tells whose".into(),
        |error| format!("it could not be looked at: {error}"),
    )
}

impl CommitError {
    pub(crate) fn with_clean_up(mut self, failed: Option<WriteError>) -> Self {
        let failed = failed.map(Box::new);
        match &mut self {
            Self::Write { clean_up, .. }
            | Self::Refused { clean_up, .. }
            | Self::Conflict { clean_up, .. }
            | Self::Unknown { clean_up, .. } => *clean_up = failed,
            Self::Lost { .. } => {}
        }
        self
    }

    /// Why the upload could not be aborted, if that failed besides.
    pub fn clean_up(&self) -> Option<&WriteError> {
        match self {
            Self::Write { clean_up, .. }
            | Self::Refused { clean_up, .. }
            | Self::Conflict { clean_up, .. }
            | Self::Unknown { clean_up, .. } => clean_up.as_deref(),
            Self::Lost { .. } => None,
        }
    }
}
