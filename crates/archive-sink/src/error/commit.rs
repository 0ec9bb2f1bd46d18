use object_store::path::Path;
use thiserror::Error;

use super::{AbortError, WriteError};

/// Why [`ArchiveWriter::commit`](crate::ArchiveWriter::commit) or
/// [`EncodedWriter::commit`](crate::EncodedWriter::commit) has no receipt.
///
/// The variant says what is visible. `clean_up` says, besides the cause and never instead of it,
/// that parts may be left because the upload could not be aborted.
#[derive(Debug, Error)]
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
        clean_up: Option<Box<AbortError>>,
    },
    /// The store refused the final request, or the look before it, and what is at the location, if anything, is not this
    /// object. Nothing of it is visible.
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
        clean_up: Option<Box<AbortError>>,
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
        clean_up: Option<Box<AbortError>>,
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
        clean_up: Option<Box<AbortError>>,
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

fn also(clean_up: &Option<Box<AbortError>>) -> String {
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
    pub(crate) fn with_clean_up(mut self, failed: Option<AbortError>) -> Self {
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
    pub fn clean_up(&self) -> Option<&AbortError> {
        match self {
            Self::Write { clean_up, .. }
            | Self::Refused { clean_up, .. }
            | Self::Conflict { clean_up, .. }
            | Self::Unknown { clean_up, .. } => clean_up.as_deref(),
            Self::Lost { .. } => None,
        }
    }
}
