use std::{error::Error, fmt, io, sync::Arc};

use object_store::path::Path;

use crate::{digest::Sha256Digest, key::KeyError};

/// The first reason why an object could not be written. The writer keeps it and cannot commit any more.
///
/// [`AsyncWrite`](tokio::io::AsyncWrite) returns it inside an [`io::Error`], from which
/// [`io::Error::get_ref`] and `downcast_ref` take it out;
/// [`CommitError`](crate::CommitError) carries it as it is.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct WriteError {
    /// Where the object would have been.
    pub location: Path,
    /// What happened.
    pub kind: WriteErrorKind,
}

/// What happened to a [`WriteError`]'s object.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum WriteErrorKind {
    /// A request failed, after the retries that the store's client is configured with.
    #[error("cannot {request}: {source}")]
    Store {
        /// Such as `start to upload`, or `store part 3`.
        request: String,
        /// What the store said.
        source: Arc<object_store::Error>,
    },
    /// The store does not support uploads with attributes, as local folders do not: build the archive with
    /// [`AttributeSupport::Absent`](crate::AttributeSupport::Absent). Only
    /// [`Archive::check`](crate::Archive::check) returns this.
    #[error(
        "the store takes no upload with attributes: {0}; if it keeps none, build the archive with \
         AttributeSupport::Absent"
    )]
    Attributes(Arc<object_store::Error>),
    /// The store did not abort the upload. Nothing is visible, but parts may stay stored.
    #[error("cannot abort the upload, whose parts may stay stored: {0}")]
    Abort(Arc<object_store::Error>),
    /// The encoder failed.
    #[error("cannot encode the document: {0}")]
    Encode(Arc<io::Error>),
    /// The object needs more than the 10,000 parts that an upload may have.
    #[error("the object is too large: {stored_bytes} bytes filled the 10,000 parts of an upload")]
    TooLarge {
        /// How many bytes were stored by then.
        stored_bytes: u64,
    },
    /// The stream that was sent failed, so the document is not whole.
    #[error("the source failed after {sent} bytes: {source}")]
    Source {
        /// How many bytes of the stream had been taken.
        sent: u64,
        /// The stream's error.
        source: Arc<dyn Error + Send + Sync>,
    },
    /// [`send_all`](crate::ArchiveWriter::send_all) was dropped before its stream ended, so the
    /// document is not whole.
    #[error("the source was not read to its end: send_all was dropped")]
    Unfinished,
    /// The digest given to [`commit_with`](crate::ArchiveWriter::commit_with) does not match what was written.
    #[error("what was written has the sha-256 {actual}, not {expected}")]
    Digest {
        /// The caller's digest.
        expected: Sha256Digest,
        /// The digest that the writer computed.
        actual: Sha256Digest,
    },
    /// What was written cannot be a document of the length given to
    /// [`commit_with`](crate::ArchiveWriter::commit_with).
    #[error("the {written_bytes} bytes written cannot be a document of {raw_bytes} bytes")]
    Length {
        /// The document's length, as the caller gave it.
        raw_bytes: u64,
        /// How many bytes were written.
        written_bytes: u64,
    },
    /// The document was written encoded, so its raw length is unknown: call
    /// [`commit_with`](crate::ArchiveWriter::commit_with) instead of `commit`.
    #[error("the document was written encoded, so only commit_with can commit it")]
    UnknownLength,
    /// The document was not stored by the [deadline](crate::ArchiveWriter::until).
    #[error("the store has not taken the object by the deadline")]
    Late,
    /// Something was written after `shutdown`.
    #[error("something was written after the shutdown")]
    Closed,
    /// An earlier poll of this writer panicked: a bug in a codec or a store.
    #[error("an earlier poll of the writer panicked")]
    Panicked,
}

impl WriteErrorKind {
    pub(crate) fn store(request: &str, source: object_store::Error) -> Self {
        let (request, source) = (request.to_owned(), Arc::new(source));
        Self::Store { request, source }
    }
}

impl WriteError {
    pub(crate) fn new(location: &Path, kind: WriteErrorKind) -> Self {
        let location = location.clone();
        Self { location, kind }
    }

    pub(crate) fn abort(location: &Path, source: object_store::Error) -> Self {
        Self::new(location, WriteErrorKind::Abort(Arc::new(source)))
    }
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot write {}: {}", self.location, self.kind)
    }
}

impl Error for WriteError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        // What is inside the `Arc`, so that it can be downcast.
        match &self.kind {
            WriteErrorKind::Store { source, .. }
            | WriteErrorKind::Attributes(source)
            | WriteErrorKind::Abort(source) => Some(&**source),
            WriteErrorKind::Encode(source) => Some(&**source),
            WriteErrorKind::Source { source, .. } => Some(&**source),
            _ => None,
        }
    }
}

impl From<WriteError> for io::Error {
    fn from(error: WriteError) -> Self {
        let kind = match &error.kind {
            WriteErrorKind::Closed => io::ErrorKind::BrokenPipe,
            _ => io::ErrorKind::Other,
        };
        Self::new(kind, error)
    }
}

/// Why [`ArchiveWriter::commit`](crate::ArchiveWriter::commit) has no receipt.
///
/// The variant says what is visible. If the upload could not be aborted either, `clean_up` says why; its parts may be left.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommitError {
    /// Writing failed, in an earlier call or in this one. Nothing is visible.
    #[error("{cause}{}", also(.clean_up))]
    Write {
        /// The first failure.
        #[source]
        cause: WriteError,
        /// Why clean-up failed too, if it did.
        clean_up: Option<Box<WriteError>>,
    },
    /// The store refused the final request, or the look before it. The object is not visible and never will be: if there
    /// is one at the location, it is another.
    #[error("cannot commit {location}: {source}{}", also(.clean_up))]
    Refused {
        /// Where the object would have been.
        location: Path,
        /// What the store said.
        source: object_store::Error,
        /// Why clean-up failed too, if it did.
        clean_up: Option<Box<WriteError>>,
    },
    /// There is an object already, and the archive only creates. That object is untouched.
    #[error(
        "{location} exists already and {}{}",
        if *.compared { "has other content" } else { "could not be compared" },
        also(.clean_up)
    )]
    Conflict {
        /// Where the other object is.
        location: Path,
        /// Whether the contents were compared, which needs the document's digest and permission to read.
        compared: bool,
        /// Why clean-up failed too, if it did.
        clean_up: Option<Box<WriteError>>,
    },
    /// The final request may have been carried out, and looking did not tell. Nothing or the whole object is visible, and
    /// the whole object may still appear.
    #[error("{location} may or may not be committed: {source}; {}{}", why_unknown(.look, *.is_there), also(.clean_up))]
    Unknown {
        /// Where the object may be.
        location: Path,
        /// What the store said to the final request.
        source: object_store::Error,
        /// What it said when asked for the object, if it could not be looked at.
        look: Option<Box<object_store::Error>>,
        /// Whether there is an object, but nothing tells whose, because the store keeps no attributes and digests are
        /// switched off. If `false`, the last look found none, but a request may still be carried out.
        is_there: bool,
        /// Why clean-up failed too, if it did.
        clean_up: Option<Box<WriteError>>,
    },
    /// The committing task was lost: the store panicked, or the runtime shut down. Nothing or the whole object is
    /// visible, and parts may be left.
    #[error("the task that commits {location} was lost: {source}")]
    Lost {
        /// Where the object may be.
        location: Path,
        /// How the task ended.
        source: tokio::task::JoinError,
    },
}

/// Why [`Archive::store`](crate::Archive::store) has no receipt.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// No object can have this name. The stream was not read.
    #[error(transparent)]
    Name(#[from] KeyError),
    /// The stream failed, or the store did not take it. The error says whether the object may be visible.
    #[error(transparent)]
    Commit(#[from] CommitError),
}

fn also(clean_up: &Option<Box<WriteError>>) -> String {
    clean_up
        .as_ref()
        .map_or_else(String::new, |error| format!("; then: {error}"))
}

fn why_unknown(look: &Option<Box<object_store::Error>>, is_there: bool) -> String {
    match look {
        Some(error) => format!("it could not be looked at: {error}"),
        None if is_there => "an object is there, but nothing tells whose".into(),
        None => "it is not there yet, but may still come".into(),
    }
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

    /// Returns why the upload could not be aborted either, if it could not.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_error_carries_is_its_source() {
        let store = || {
            Arc::new(object_store::Error::NotImplemented {
                operation: "this".into(),
                implementer: "it".into(),
            })
        };
        let io = || Arc::new(io::Error::other("broken"));
        for kind in [
            WriteErrorKind::Store {
                request: "ask".into(),
                source: store(),
            },
            WriteErrorKind::Attributes(store()),
            WriteErrorKind::Abort(store()),
            WriteErrorKind::Encode(io()),
            WriteErrorKind::Source {
                sent: 1,
                source: io(),
            },
        ] {
            let error = WriteError::new(&Path::from("a"), kind);
            let source = error.source().unwrap();
            assert!(source.is::<object_store::Error>() || source.is::<io::Error>());
            assert!(error.to_string().contains(&source.to_string()), "{error}");
        }
    }

    #[test]
    fn an_error_says_what_is_there_and_what_failed_afterwards() {
        let store = || object_store::Error::NotImplemented {
            operation: "this".into(),
            implementer: "it".into(),
        };
        let unknown = |look: Option<_>, is_there| CommitError::Unknown {
            location: Path::from("a"),
            source: store(),
            look: look.map(Box::new),
            is_there,
            clean_up: None,
        };
        let cause = store().to_string();
        for (look, is_there, expected) in [
            (
                None,
                false,
                "it is not there yet, but may still come".to_owned(),
            ),
            (
                None,
                true,
                "an object is there, but nothing tells whose".into(),
            ),
            (
                Some(store()),
                false,
                format!("it could not be looked at: {cause}"),
            ),
        ] {
            let error = unknown(look, is_there);
            let said = error.to_string();
            assert!(said.ends_with(&format!("{cause}; {expected}")), "{said}");
            let failed = WriteError::abort(&Path::from("a"), store());
            let then = format!("{expected}; then: {failed}");
            let error = error.with_clean_up(Some(failed));
            assert!(error.to_string().ends_with(&then), "{error}");
            assert!(error.clean_up().is_some());
        }
    }
}
